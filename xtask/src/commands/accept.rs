//! `perf-compare --accept`: a measured regression is accepted, with a reason that stands in a file.

use std::path::Path;

use crate::error::{Error, Result};
use crate::judge::comparison::Comparison;
use crate::model::accepted::Accepted;
use crate::model::names::{Phase, TaskId};
use crate::model::recorded::Group;
use crate::report::reason::reason;
use crate::store::accepted;
use crate::store::recorded::{self, Listing};
use crate::store::results::Results;

/// Records that the regressions among these comparisons are accepted, each for its very content.
///
/// # Errors
/// When there is none, the content of one is unknown, or `why` is no reason.
pub(super) fn accept(
    checkout: &Path,
    task: &TaskId,
    comparisons: &mut [Comparison],
    why: &str,
) -> Result<()> {
    let why = why.trim();
    if why.is_empty() || why.contains(char::is_control) {
        return Err(Error::new("--accept needs a reason, in one line: why, and what follows"));
    }
    let results = Results::of(checkout);
    let names = Listing::read(&results)?.of_task(task);
    let mut entries = Vec::new();
    for comparison in comparisons.iter_mut().filter(|known| known.outcome().is_regression()) {
        let mode = comparison.mode;
        let after = recorded::newest_group(&results, &names, mode, Phase::After);
        let content = after.as_ref().and_then(Group::content).ok_or_else(|| {
            Error::new(format!("the source hash of the {mode} after is unknown"))
                .next("only a regression of known code can be accepted: measure after again")
        })?;
        entries.push(Accepted {
            task: task.to_string(),
            mode,
            content,
            measured: reason(comparison),
            reason: why.to_owned(),
        });
        comparison.accepted = Some(why.to_owned());
    }
    if entries.is_empty() {
        return Err(Error::new(format!(
            "there is nothing to accept: no regression was measured for task {task}"
        )));
    }
    accepted::add(checkout, &entries)
}
