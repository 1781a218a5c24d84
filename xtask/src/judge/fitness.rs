//! The fitness of two sides for a verdict: the reasons that rule one out, and the warnings that weaken it.

use std::fmt;

use time::OffsetDateTime;

use crate::error::Fault;
use crate::judge::contradictions;
use crate::judge::facts::{self, Difference};
use crate::model::limits::{FAILED_BEFORE, OFFERED_LOAD_REACHED};
use crate::model::load_result::LoadResult;
use crate::model::names::Phase;
use crate::model::provenance::Provenance;
use crate::model::recorded::Recorded;
use crate::stats::numbers::exceeds;

/// A reason not to judge two sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub fault: Fault,
    pub(crate) remedy: Remedy,
}

impl Reason {
    pub(crate) fn new(fault: Fault, remedy: Remedy) -> Self {
        Self { fault, remedy }
    }

    pub(crate) fn of_run(run: &Recorded, why: String, remedy: Remedy) -> Self {
        Self::new(Fault::new(why).in_file(&run.path), remedy)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)
    }
}

/// The way to make a verdict possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    Measure(Phase),
    MeasureBoth,
    /// Archiving the newest result of a side.
    TakeBack(Phase),
    /// A correction of the baseline document.
    Baseline,
    /// More pairs, or a fix of what fails in them.
    Confirm,
    /// Another record, from its first pair.
    ConfirmAgain,
}

/// Checks that two sides can be judged; returns whether both measured the same server, built each time.
///
/// # Errors
/// All reasons, not only the first.
pub(crate) fn check(
    before: &[Recorded],
    after: &[Recorded],
    now: OffsetDateTime,
) -> Result<bool, Vec<Reason>> {
    let sides = [(Phase::Before, before), (Phase::After, after)];
    let runs = sides.iter().flat_map(|(phase, side)| side.iter().map(move |run| (*phase, run)));
    let mut reasons: Vec<Reason> =
        runs.flat_map(|(phase, run)| unfit_run(phase, run, now)).collect();
    let Some((reference, others)) = before.split_first() else {
        return Err(reasons);
    };
    reasons.extend(others.iter().flat_map(|other| incomparable(Phase::Before, reference, other)));
    for after in after {
        // With every before: two that are alike by their provenance may differ from one that has none.
        let found = before.iter().map(|before| incomparable(Phase::After, before, after));
        reasons.extend(found.filter(|found| !found.is_empty()).take(1).flatten());
    }
    let measure_after = Remedy::Measure(Phase::After);
    let is_copy = |after: &&Recorded| before.iter().any(|before| before.bytes == after.bytes);
    reasons.extend(after.iter().filter(is_copy).map(|run| {
        let why = "after and before are the same measurement".to_owned();
        Reason::of_run(run, why, measure_after)
    }));
    let two_servers = |after: &Recorded| {
        let why = contradictions::two_servers_of_one_source(before, after)?;
        Some(Reason::of_run(after, why, Remedy::MeasureBoth))
    };
    reasons.extend(after.iter().find_map(two_servers));
    for (phase, side) in sides {
        if server_hashes(side).any(|hash| Some(hash) != server_hashes(side).next()) {
            let why = format!("the runs of the {phase} group measured different server binaries");
            reasons.push(Reason::new(Fault::new(why), Remedy::Measure(phase)));
        }
    }
    let servers = sides.map(|(_, side)| server_hashes(side).next());
    let is_same = matches!(servers, [Some(before), Some(after)] if before == after);
    let unbuilt = sides.iter().rfind(|(_, side)| !side.iter().all(is_built));
    if let (true, Some((phase, _))) = (is_same, unbuilt) {
        let why = format!(
            "both sides measured the same server binary, and {phase} was not built (--no-build): \
             it may be stale"
        );
        reasons.push(Reason::new(Fault::new(why), Remedy::Measure(*phase)));
    }
    match reasons.is_empty() {
        true => Ok(is_same),
        false => Err(reasons),
    }
}

fn server_hashes(side: &[Recorded]) -> impl Iterator<Item = &str> {
    side.iter().filter_map(|run| run.provenance.as_ref()?.build.engram_hash.as_deref())
}

fn is_built(run: &Recorded) -> bool {
    let provenance = run.provenance.as_ref();
    provenance.is_some_and(|provenance| provenance.build.by_this_run)
}

/// The runs of an after side that recorded no latency, or none of an operation. They improve nothing, whatever the
/// arithmetic says.
pub(crate) fn without_latency(before: &[Recorded], after: &[Recorded]) -> Vec<Reason> {
    let why = after.iter().flat_map(|run| {
        let found = [no_latency(&run.result), contradictions::lost_operations(before, run)];
        found.into_iter().flatten().map(move |why| (run, why))
    });
    why.map(|(run, why)| Reason::of_run(run, why, Remedy::Measure(Phase::After))).collect()
}

/// The reasons not to use one run, whatever it is compared with.
fn unfit_run(phase: Phase, run: &Recorded, now: OffsetDateTime) -> Vec<Reason> {
    let result = &run.result;
    let of_before = || {
        let still = (result.throughput == 0.0).then(|| "its throughput is 0".to_owned());
        [no_latency(result), still, error_replies(result)]
    };
    let idle = (result.total_operations == 0).then(|| "no request was sent".to_owned());
    let of_before = (phase == Phase::Before).then(of_before);
    let why = idle.into_iter().chain(of_before.into_iter().flatten().flatten());
    let why = why.chain(contradictions::of_run(phase, run));
    let future = contradictions::from_the_future(run, now);
    let is_paired = run.provenance.as_ref().is_some_and(|own| own.session.is_some());
    let remedy = if is_paired { Remedy::ConfirmAgain } else { Remedy::TakeBack(phase) };
    let future = future.map(|why| Reason::of_run(run, why, remedy));
    why.map(|why| Reason::of_run(run, why, Remedy::Measure(phase))).chain(future).collect()
}

/// The differences that forbid to compare `other`, a run of `phase`, with `reference`, a run of before.
fn incomparable(phase: Phase, reference: &Recorded, other: &Recorded) -> Vec<Reason> {
    let differences = facts::differences(reference, other).into_iter();
    let in_words = |(fact, [first, second]): Difference| match phase {
        Phase::After => format!("not comparable: {fact} {first} before, {second} after"),
        Phase::Before => format!("not comparable: {fact} {first} and {second} in one group"),
    };
    differences
        .map(|difference| Reason::of_run(other, in_words(difference), Remedy::MeasureBoth))
        .collect()
}

/// The load generator omits latencies above its range, so a server that answers nothing in time has a P99 of 0.
pub(crate) fn no_latency(result: &LoadResult) -> Option<String> {
    (result.p99_ms == 0.0).then(|| "its P99 is 0: no latency was recorded".to_owned())
}

/// So many requests failed that the latencies are not those of the work.
pub(crate) fn error_replies(result: &LoadResult) -> Option<String> {
    exceeds(result.error_rate, FAILED_BEFORE).then(|| {
        format!(
            "{:.1} % of the requests FAILED: these latencies are those of error replies",
            result.error_rate * 100.0
        )
    })
}

/// The throughput stayed below `offered`, in requests per second.
pub(crate) fn load_not_reached(result: &LoadResult, offered: f64) -> Option<String> {
    (result.throughput < OFFERED_LOAD_REACHED * offered).then(|| {
        format!(
            "the offered load was not reached: {:.0} of {offered:.0} requests/s",
            result.throughput
        )
    })
}

/// The weaknesses that a result has by itself, where `offered` requests per second were offered.
pub(crate) fn weaknesses(result: &LoadResult, offered: f64) -> Vec<String> {
    let found = [error_replies(result), load_not_reached(result, offered)];
    found.into_iter().flatten().collect()
}

/// Requests offered per second.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn offered(provenance: &Provenance) -> f64 {
    provenance.load.rate as f64
}

/// The warnings that make a verdict on two sides weaker.
pub(crate) fn warnings(before: &[Recorded], after: &[Recorded]) -> Vec<String> {
    let of_side = |phase, side: &[Recorded]| -> Vec<String> {
        side.iter().flat_map(|run| of_run(phase, run)).collect()
    };
    let (of_before, of_after) = (of_side(Phase::Before, before), of_side(Phase::After, after));
    let said = |phase: Phase, own: &[String], other: &[String]| -> Vec<String> {
        let said = own.iter().map(|warning| match other.contains(warning) {
            true => format!("both sides: {warning}"),
            false => format!("{phase}: {warning}"),
        });
        said.collect()
    };
    let mut warnings = said(Phase::Before, &of_before, &of_after);
    warnings.extend(said(Phase::After, &of_after, &of_before));
    warnings.extend(facts::warnings(before, after));
    if contradictions::is_misplaced(before, after) {
        let why = "before is newer than after and has its source: was the change in place?";
        warnings.push(why.to_owned());
    }
    alike_once(warnings)
}

/// Merges equal warnings, and those that differ in their numbers only into the first of them and a count.
pub(crate) fn alike_once(warnings: Vec<String>) -> Vec<String> {
    let kind = |warning: &str| warning.replace(|c: char| c.is_ascii_digit() || c == '.', "");
    let mut kinds: Vec<Vec<String>> = Vec::new();
    for warning in warnings {
        let is_alike = |known: &String| kind(known) == kind(&warning);
        match kinds.iter_mut().find(|alike| alike.first().is_some_and(is_alike)) {
            Some(alike) if alike.contains(&warning) => {}
            Some(alike) => alike.push(warning),
            None => kinds.push(vec![warning]),
        }
    }
    let merged = kinds.into_iter().filter_map(|alike| {
        let more = alike.len().checked_sub(1)?;
        let first = alike.into_iter().next()?;
        Some(match more {
            0 => first,
            more => format!("{first} (and {more} like it)"),
        })
    });
    merged.collect()
}

fn of_run(phase: Phase, run: &Recorded) -> Vec<String> {
    let mut found = Vec::new();
    let percentiles = [run.result.p50_ms, run.result.p95_ms, run.result.p99_ms];
    if !percentiles.is_sorted() {
        found.push(format!("its percentiles contradict one another: {percentiles:?} ms"));
    }
    let Some(provenance) = &run.provenance else {
        found.push("no provenance; compared by scenario name and length of load only".into());
        return found;
    };
    let build = &provenance.build;
    // The binaries that a paired session measures were kept from a build, whose source is known.
    let is_known = build.by_this_run || (provenance.session.is_some() && build.content.is_some());
    if !is_known {
        found.push("binaries of unknown source (--no-build)".into());
    }
    if provenance.run.started.is_empty() {
        found.push("the moment of its start is unknown; its name orders it".into());
    }
    let offered = offered(provenance);
    found.extend(match phase {
        Phase::Before => load_not_reached(&run.result, offered),
        Phase::After => error_replies(&run.result),
    });
    // The run was saved with its own weaknesses, each of which is a result on one side: slower, or a reason above.
    let own = weaknesses(&run.result, offered);
    let others = provenance.warnings.iter();
    found.extend(others.filter(|warning| !own.contains(warning)).cloned());
    found
}
