//! The commands, one story a file.

pub mod check;
pub mod compare;
pub mod confirm;
pub mod hook;
pub mod push;

use crate::error::{Error, Result};
use crate::term::streams;

pub use crate::judge::verdict::Outcome;

/// Prints `text` as a command's whole work.
///
/// # Errors
/// When standard output cannot be written.
pub fn print(text: &str) -> Result<Outcome> {
    streams::output(text)
        .map_err(|error| Error::because("cannot write to standard output", error))?;
    Ok(Outcome::Success)
}
