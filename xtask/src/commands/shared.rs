//! What several commands say and ask in the same way.

use std::env;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::judge::verdict::Outcome;
use crate::report::next::Context;
use crate::term::shell_word;
use crate::term::streams;

/// Prints `text` as a command's whole work.
///
/// # Errors
/// When standard output cannot be written.
pub fn print(text: &str) -> Result<Outcome> {
    streams::output(text)
        .map_err(|error| Error::because("cannot write to standard output", error))?;
    Ok(Outcome::Success)
}

/// Writes a line to standard error.
pub(crate) fn say(line: &str) {
    streams::errors(&format!("{line}\n"));
}

pub(crate) fn this_program() -> Result<PathBuf> {
    env::current_exe().map_err(|error| Error::because("cannot find this executable", error))
}

/// The option that names `checkout` again in a suggested command.
pub(crate) fn checkout_option(checkout: Option<&Path>) -> String {
    checkout.map_or_else(String::new, |folder| format!(" -C {}", path_word(folder)))
}

/// `path` so that a shell takes it as one word.
pub(crate) fn path_word(path: &Path) -> String {
    shell_word(&path.to_string_lossy())
}

/// What the suggestions of a report about the results in `root` need; `options` are those of every command.
pub(crate) fn context(root: &Path, options: String) -> Context {
    Context { root: root.display().to_string(), options, here: here(), unlogged: None }
}

/// The current directory; empty if it is gone.
pub(crate) fn here() -> PathBuf {
    env::current_dir().unwrap_or_default()
}
