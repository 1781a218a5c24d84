//! The file of accepted regressions. Entries are only ever added, and the last one about a question counts.

use std::io;
use std::path::Path;

use crate::error::{Error, Fault, Result};
use crate::files;
use crate::model::accepted::{Accepted, AllAccepted};
use crate::model::layout;

/// The accepted regressions of a checkout; none where there is no file.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn read(checkout: &Path) -> Result<AllAccepted, Fault> {
    let path = checkout.join(layout::ACCEPTED);
    text(&path)
        .map_err(|error| Fault::new(error.to_string()))
        .and_then(|text| AllAccepted::parse(&text))
        .map_err(|fault| fault.in_file(path))
}

/// Adds regressions to the file.
///
/// # Errors
/// When the file cannot be read, or not be written.
pub(crate) fn add(checkout: &Path, entries: &[Accepted]) -> Result<()> {
    // A file that cannot be read would hide what is added.
    read(checkout)?;
    let path = checkout.join(layout::ACCEPTED);
    let mut text = text(&path).map_err(Error::at("cannot read", &path))?;
    if text.is_empty() {
        text.push_str(HEADER);
    }
    for entry in entries {
        let gap = if text.ends_with('\n') { "\n" } else { "\n\n" };
        text = text + gap + &entry.to_text();
    }
    files::replace(&path, &text)
}

const HEADER: &str = "\
# Measured regressions that were accepted, each for the code that it was measured on. To add one:
# cargo perf-compare <task> --accept \"the reason, and what follows\"
";

fn text(path: &Path) -> io::Result<String> {
    match files::read_text(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        text => text,
    }
}
