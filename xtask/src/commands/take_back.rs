//! `perf-compare <task> --take-back`: archives a measurement that should not count.

use std::fs;
use std::path::Path;

use crate::error::{Error, Result};
use crate::model::limits::PAIR_SECONDS;
use crate::model::names::{Mode, Part, Phase, RunName, TaskId};
use crate::model::typed::{self, Repeated};
use crate::store::archive;
use crate::store::recorded::{self, Listing};
use crate::store::results::Results;

/// Archives the newest group of a side, or the one result that `what` names; returns the message about it.
///
/// # Errors
/// When there is no such result, it is part of a paired session, or it cannot be moved.
pub(crate) fn take_back(
    checkout: &Path,
    task: &TaskId,
    mode: Mode,
    what: &Path,
    repeated: &Repeated,
) -> Result<String> {
    let results = Results::of(checkout);
    let _lock = results.lock()?;
    let none = |what: String| Err(Error::new(what).next(typed::what_is_recorded(repeated)));
    let runs: Vec<RunName> = match what.to_str().and_then(Phase::parse) {
        Some(phase) => {
            let names = Listing::read(&results)?.of_task(task);
            match recorded::newest_members(&results, &names, mode, phase) {
                Some((runs, _)) => runs.into_iter().map(|(name, _)| name.clone()).collect(),
                None => return none(format!("there is no {mode} {phase} result of task {task}")),
            }
        }
        None => match named(&results, task, what) {
            Some(run) => vec![run],
            None => {
                let (what, folder) = (what.display(), results.folder().display());
                return none(format!("{what} is no result of task {task} in {folder}"));
            }
        },
    };
    let paired = runs.iter().find_map(|run| Some((run, seconds_of_pair(&results, run)?)));
    if let Some((run, seconds)) = paired {
        let what =
            format!("{run} is part of a paired session, which would not be whole without it");
        let further = typed::option("duration", seconds, PAIR_SECONDS) + " --fresh";
        let confirm = typed::perf_confirm(task, mode, &further, repeated);
        return Err(Error::new(what).next(format!("the session is archived by: {confirm}")));
    }
    let archived = runs.iter().map(|run| archive::take_back(&results, run));
    let archived: Vec<String> = archived
        .map(|path| Ok(format!("taken back, archived as {}", path?.display())))
        .collect::<Result<_>>()?;
    Ok(archived.join("\n"))
}

/// The run whose result the path is: in the results, or by its name alone.
fn named(results: &Results, task: &TaskId, path: &Path) -> Option<RunName> {
    let run = RunName::of_result(path.file_name()?.to_str()?).filter(|run| run.task == *task)?;
    let own = fs::canonicalize(results.path(&run, Part::Result)).ok()?;
    let is_name = path.parent().is_some_and(|folder| folder.as_os_str().is_empty());
    (is_name || fs::canonicalize(path).is_ok_and(|path| path == own)).then_some(run)
}

/// The seconds of load of a run of a paired session.
fn seconds_of_pair(results: &Results, run: &RunName) -> Option<u64> {
    let own = recorded::read(&results.path(run, Part::Result)).ok()?.provenance?;
    own.session.map(|_| own.load.duration_seconds)
}
