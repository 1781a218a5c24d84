//! `perf-compare <task> --take-back`: archives a measurement that should not count.

use std::path::Path;

use crate::error::{Error, Result};
use crate::model::names::{Mode, Phase, TaskId};
use crate::model::typed::{self, Repeated};
use crate::store::archive;
use crate::store::recorded::{self, Listing};
use crate::store::results::Results;

/// Archives the newest group of a side; returns the message about it.
///
/// # Errors
/// When there is none, or it cannot be moved.
pub(crate) fn take_back(
    checkout: &Path,
    task: &TaskId,
    mode: Mode,
    phase: Phase,
    repeated: &Repeated,
) -> Result<String> {
    let results = Results::of(checkout);
    let _lock = results.lock()?;
    let names = Listing::read(&results)?.of_task(task);
    let members = recorded::newest_members(&results, &names, mode, phase);
    let (runs, _) = members.ok_or_else(|| {
        Error::new(format!("there is no {mode} {phase} result of task {task}"))
            .next(typed::what_is_recorded(repeated))
    })?;
    let archive = |(run, _): &(&_, _)| {
        let archived = archive::take_back(&results, run)?;
        Ok(format!("taken back, archived as {}\n", archived.display()))
    };
    runs.iter().map(archive).collect()
}
