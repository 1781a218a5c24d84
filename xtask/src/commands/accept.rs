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
    let mut regressed: Vec<&mut Comparison> =
        comparisons.iter_mut().filter(|comparison| comparison.outcome().is_regression()).collect();
    if regressed.is_empty() {
        return Err(Error::new(format!(
            "there is nothing to accept: no regression was measured for task {task}"
        )));
    }
    let results = Results::of(checkout);
    let names = Listing::read(&results)?.of_task(task);
    let entry = |comparison: &Comparison| {
        let after = recorded::newest_group(&results, &names, comparison.mode, Phase::After);
        let content = after.as_ref().and_then(Group::content);
        let unknown = || {
            let mode = comparison.mode;
            Error::new(format!("the source hash of the {mode} after is unknown"))
                .next("only a regression of known code can be accepted: measure after again")
        };
        Ok(Accepted {
            task: task.to_string(),
            mode: comparison.mode,
            content: content.ok_or_else(unknown)?.to_owned(),
            measured: reason(comparison),
            reason: why.to_owned(),
        })
    };
    let entries = regressed.iter().map(|comparison| entry(comparison));
    accepted::add(checkout, &entries.collect::<Result<Vec<Accepted>>>()?)?;
    for comparison in &mut regressed {
        comparison.accepted = Some(why.to_owned());
    }
    Ok(())
}
