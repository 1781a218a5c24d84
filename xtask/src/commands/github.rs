//! The files that a GitHub workflow step reads after a command.

use std::env;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use super::shared::say;
use crate::error::{Error, Result};

/// The variable that names the file of the step summary.
const SUMMARY: &str = "GITHUB_STEP_SUMMARY";
/// The variable that names the file of the step outputs.
const OUTPUT: &str = "GITHUB_OUTPUT";

/// Appends to the summary and to the outputs of the step; what other commands of the step wrote stays.
///
/// # Errors
/// When one of the files cannot be written.
pub(crate) fn publish(summary: &str, outputs: &str) -> Result<()> {
    append(SUMMARY, &format!("{summary}\n"))?;
    append(OUTPUT, outputs)
}

/// Outside of a workflow there is no such file, which is told.
fn append(variable: &str, text: &str) -> Result<()> {
    let Some(path) = env::var_os(variable).filter(|path| !path.is_empty()) else {
        say(&format!("{variable} is not set: nothing is written for a workflow step"));
        return Ok(());
    };
    let path = PathBuf::from(path);
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path)
        .map_err(Error::at("cannot open", &path))?;
    file.write_all(text.as_bytes()).map_err(Error::at("cannot write", &path))
}
