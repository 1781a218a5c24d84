//! `__wait`: waits for the start of several programs, and becomes one of them (see `measure::release`). The supervisor
//! calls it.

use std::ffi::{OsStr, OsString};

use super::words::Words;
use crate::error::{Error, Result};
use crate::judge::verdict::Outcome;
use crate::measure::release;
use crate::store::clock::Clock;

pub(crate) const HELP: &str = "\
Waits until the supervisor lets it go, and becomes a program. Internal: the
supervisor calls it.

Usage: cargo xtask __wait <program> <its arguments>
";

pub(crate) struct Options {
    program: Vec<OsString>,
}

#[allow(clippy::unnecessary_wraps, reason = "as every command is read")]
pub(crate) fn read(words: Words) -> Result<Options> {
    Ok(Options { program: words.rest() })
}

pub(crate) fn run(options: &Options, _: Clock) -> Result<Outcome> {
    let command = options.program.join(OsStr::new(" "));
    release::wait(&options.program)
        .map_err(|error| Error::because(format!("cannot start {}", command.display()), error))?;
    Ok(Outcome::Success)
}
