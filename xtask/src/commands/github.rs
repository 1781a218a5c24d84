//! The files that a GitHub workflow step reads after a command.

use std::env;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use super::shared::say;
use crate::error::{Error, Result};

/// Appends to the summary and to the outputs of the step; what other commands of the step wrote stays.
///
/// # Errors
/// When one of the files cannot be written.
pub(crate) fn publish(summary: &str, outputs: &str) -> Result<()> {
    let summary = format!("{summary}\n");
    for (variable, text) in [("GITHUB_STEP_SUMMARY", summary.as_str()), ("GITHUB_OUTPUT", outputs)]
    {
        // Outside of a workflow there is no such file.
        let Some(path) = env::var_os(variable).filter(|path| !path.is_empty()) else {
            say(&format!("{variable} is not set: nothing is written for a workflow step"));
            continue;
        };
        let path = PathBuf::from(path);
        let opened = OpenOptions::new().append(true).create(true).open(&path);
        let mut file = opened.map_err(Error::at("cannot open", &path))?;
        file.write_all(text.as_bytes()).map_err(Error::at("cannot write", &path))?;
    }
    Ok(())
}
