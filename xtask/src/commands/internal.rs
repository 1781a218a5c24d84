//! What the tool calls of itself, and no person does.

use std::ffi::OsStr;
use std::time::Duration;

use super::words::Words;
use crate::error::{Error, Result};
use crate::judge::verdict::Outcome;
use crate::measure::workplace::Workplace;
use crate::measure::{release, supervisor};

/// `__supervise <workplace> <stop grace>`: owns the processes of a measurement (see `measure::supervisor`).
pub(super) fn supervise(words: Words) -> Result<Outcome> {
    let [workplace, grace] = words.positional(["<workplace>", "<stop grace>"])?;
    let seconds = grace.parse().map_err(|error| Error::because("stop grace", error))?;
    supervisor::serve(&Workplace::at(workplace.into()), Duration::from_secs(seconds));
    Ok(Outcome::Success)
}

/// `__wait <program> <its arguments>`: waits for the start of several programs, and becomes one of them (see
/// `measure::release`).
pub(super) fn wait(words: Words) -> Result<Outcome> {
    let program = words.rest();
    let failed = |error| {
        let command = program.join(OsStr::new(" "));
        Error::because(format!("cannot start {}", command.display()), error)
    };
    release::wait(&program).map_err(failed)?;
    Ok(Outcome::Success)
}
