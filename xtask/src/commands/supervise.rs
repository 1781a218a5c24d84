//! `__supervise`: owns the processes of a measurement (see `measure::supervisor`). The tool itself calls it.

use std::path::PathBuf;
use std::time::Duration;

use super::words::Words;
use crate::error::{Error, Result};
use crate::judge::verdict::Outcome;
use crate::measure::supervisor;
use crate::measure::workplace::Workplace;
use crate::store::clock::Clock;

pub(crate) const HELP: &str = "\
Owns the server and the load generator of a measurement. Internal: the other
commands call it.

Usage: cargo xtask __supervise <workplace> <stop grace>
";

pub(crate) struct Options {
    workplace: PathBuf,
    /// From SIGTERM to SIGKILL.
    stop_grace: Duration,
}

pub(crate) fn read(words: Words) -> Result<Options> {
    let [workplace, grace] = words.positional(["<workplace>", "<stop grace>"])?;
    let seconds = grace.parse();
    Ok(Options {
        workplace: workplace.into(),
        stop_grace: Duration::from_secs(
            seconds.map_err(|error| Error::because("stop grace", error))?,
        ),
    })
}

pub(crate) fn run(options: &Options, _: Clock) -> Result<Outcome> {
    let workplace = Workplace::at(options.workplace.clone());
    supervisor::serve(&workplace, options.stop_grace);
    Ok(Outcome::Success)
}
