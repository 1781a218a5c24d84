//! Commands that end by themselves, run with xshell in the checkout, without the variables of an outer cargo or git.

use std::ffi::OsString;
use std::path::Path;

use xshell::{Cmd, Shell, cmd};

use crate::error::Result;

/// A shell whose directory is `checkout`; the process's own stays as it is.
///
/// # Errors
/// When the current directory cannot be read.
pub(crate) fn shell(checkout: &Path) -> Result<Shell> {
    let shell = Shell::new()?;
    shell.change_dir(checkout);
    Ok(shell)
}

/// `command`, silent and with a clean environment. Git shows the objects that a push sends, and not others that
/// `git replace` put in their places.
pub(crate) fn clean(command: Cmd<'_>) -> Cmd<'_> {
    let command = leaked_variables().into_iter().fold(command.quiet(), Cmd::env_remove);
    command.env("GIT_NO_REPLACE_OBJECTS", "1")
}

/// The output of a command, without the final line break; `None` where it is missing or fails.
pub(crate) fn answer(command: Cmd<'_>) -> Option<String> {
    clean(command).ignore_stderr().read().ok()
}

/// [`answer`] of a command that is run in `folder`.
pub(crate) fn answer_in(folder: &Path, command: impl FnOnce(&Shell) -> Cmd<'_>) -> Option<String> {
    answer(command(&shell(folder).ok()?))
}

/// [`answer`] of a command that asks about the machine, wherever it is run.
pub(crate) fn answer_of_system(command: impl FnOnce(&Shell) -> Cmd<'_>) -> Option<String> {
    answer_in(Path::new("/"), command)
}

/// The words before a command that make the kernel send it this signal when the thread that starts it dies; `None`
/// where the system cannot.
pub(crate) fn dying_with_parent(signal: &'static str) -> Option<[&'static str; 4]> {
    let words = ["setpriv", "--pdeathsig", signal, "--"];
    let [program, arguments @ ..] = words;
    let attempt = || answer_of_system(|shell| cmd!(shell, "{program} {arguments...} true"));
    (cfg!(target_os = "linux") && attempt().is_some()).then_some(words)
}

/// The variables of an outer `cargo run`, and those that tie git to another repository.
///
/// Left in place, cargo's would make every nested build start over; git's, which a hook exports, would make git
/// look at the repository of the hook instead of the checkout.
pub fn leaked_variables() -> Vec<OsString> {
    let names = std::env::vars_os().map(|(name, _)| name);
    names.filter(|name| name.to_str().is_some_and(|name| is_any(name, LEAKED))).collect()
}

/// Those of git are the output of `git rev-parse --local-env-vars`.
const LEAKED: &str = "\
    CARGO_MANIFEST_* CARGO_PKG_* CARGO_BIN_* CARGO_CFG_* CARGO_CRATE_NAME CARGO_PRIMARY_PACKAGE CARGO_TARGET_TMPDIR \
    OUT_DIR CARGO_MAKEFLAGS \
    GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_CONFIG GIT_CONFIG_PARAMETERS GIT_CONFIG_COUNT GIT_OBJECT_DIRECTORY GIT_DIR \
    GIT_WORK_TREE GIT_IMPLICIT_WORK_TREE GIT_GRAFT_FILE GIT_INDEX_FILE GIT_NO_REPLACE_OBJECTS GIT_REPLACE_REF_BASE \
    GIT_PREFIX GIT_SHALLOW_FILE GIT_COMMON_DIR";

/// True for a name that is one of these words, or begins with one that ends in `*`.
pub(crate) fn is_any(name: &str, words: &str) -> bool {
    words.split_whitespace().any(|word| match word.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == word,
    })
}
