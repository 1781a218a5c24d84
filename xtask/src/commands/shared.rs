//! What several commands say and ask in the same way.

use std::env;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::judge::verdict::Outcome;
use crate::model::typed::Repeated;
use crate::report::next::Context;
use crate::term::streams;
use crate::term::text::shell_word;

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

/// What suggested commands repeat of a command that measures nothing: the `checkout`.
pub(crate) fn repeated(checkout: Option<&Path>) -> Repeated {
    let option = checkout.map(|folder| format!(" -C {}", path_word(folder)));
    Repeated { checkout: option.unwrap_or_default(), ..Repeated::default() }
}

/// `path` so that a shell takes it as one word.
pub(crate) fn path_word(path: &Path) -> String {
    shell_word(&path.to_string_lossy())
}

/// What the suggestions of a report about the results in `root` need.
pub(crate) fn context(root: &Path, repeated: Repeated) -> Context {
    Context { root: root.display().to_string(), repeated, here: here(), unlogged: None }
}

/// The current directory; empty if it is gone.
pub(crate) fn here() -> PathBuf {
    env::current_dir().unwrap_or_default()
}
