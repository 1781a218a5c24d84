//! The fitness of two sides for a verdict: the reasons that rule one out, and the warnings that weaken it.

use std::collections::BTreeSet;

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
    let mut reasons = Vec::new();
    for (phase, side) in sides {
        reasons.extend(side.iter().flat_map(|run| unfit_run(phase, run, now)));
    }
    let Some((reference, others)) = before.split_first() else {
        return Err(reasons);
    };
    reasons.extend(others.iter().flat_map(|other| incomparable(Phase::Before, reference, other)));
    for run in after {
        // With every before: two that are alike by their provenance may differ from one that has none.
        let mut found = before.iter().map(|before| incomparable(Phase::After, before, run));
        reasons.extend(found.find(|found| !found.is_empty()).unwrap_or_default());
        if before.iter().any(|before| before.bytes == run.bytes) {
            let why = "after and before are the same measurement".to_owned();
            reasons.push(Reason::of_run(run, why, Remedy::Measure(Phase::After)));
        }
    }
    let of_two_servers = after.iter().find_map(|run| {
        let why = contradictions::two_servers_of_one_source(before, run)?;
        Some(Reason::of_run(run, why, Remedy::MeasureBoth))
    });
    reasons.extend(of_two_servers);
    let servers = sides.map(|(_, side)| side.iter().find_map(contradictions::server));
    for ((phase, side), server) in sides.into_iter().zip(servers) {
        if side.iter().filter_map(contradictions::server).any(|other| Some(other) != server) {
            let why = format!("the runs of the {phase} group measured different server binaries");
            reasons.push(Reason::new(Fault::new(why), Remedy::Measure(phase)));
        }
    }
    let is_same = matches!(servers, [Some(before), Some(after)] if before == after);
    let is_built =
        |run: &Recorded| run.provenance.as_ref().is_some_and(|own| own.build.by_this_run);
    let unbuilt = sides.iter().rfind(|(_, side)| !side.iter().all(is_built));
    if is_same && let Some((phase, _)) = unbuilt {
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
    let of_side: Vec<String> = match phase {
        Phase::Before => unusable(&run.result).collect(),
        Phase::After => idle(&run.result).into_iter().collect(),
    };
    let why = of_side.into_iter().chain(contradictions::of_run(phase, run));
    let future = contradictions::from_the_future(run, now);
    let is_paired = run.provenance.as_ref().is_some_and(|own| own.session.is_some());
    let remedy = if is_paired { Remedy::ConfirmAgain } else { Remedy::TakeBack(phase) };
    let future = future.map(|why| Reason::of_run(run, why, remedy));
    why.map(|why| Reason::of_run(run, why, Remedy::Measure(phase))).chain(future).collect()
}

/// The reasons why nothing can be held against the figures of a result.
pub(crate) fn unusable(result: &LoadResult) -> impl Iterator<Item = String> {
    let still = (result.throughput == 0.0).then(|| "its throughput is 0".to_owned());
    [idle(result), no_latency(result), still, error_replies(result)].into_iter().flatten()
}

fn idle(result: &LoadResult) -> Option<String> {
    (result.total_operations == 0).then(|| "no request was sent".to_owned())
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
pub(crate) fn offered(provenance: &Provenance) -> f64 {
    provenance.load.rate as f64
}

/// The share of the time of all `processors` that others used.
pub(crate) fn others_share(run: &Provenance, processors: u32) -> Option<f64> {
    let whole = run.server.load_seconds? * f64::from(processors);
    Some(run.noise.others_cpu_seconds? / whole)
}

/// The warnings that make a verdict on two sides weaker.
pub(crate) fn warnings(before: &[Recorded], after: &[Recorded]) -> Vec<String> {
    let sides = [(Phase::Before, before), (Phase::After, after)];
    let [of_before, of_after] = sides.map(|(phase, side)| -> Vec<String> {
        side.iter().flat_map(|run| of_run(phase, run)).collect()
    });
    let mut warnings = Vec::new();
    for (side, own, other) in [("before", &of_before, &of_after), ("after", &of_after, &of_before)]
    {
        warnings.extend(own.iter().map(|warning| {
            let side = if other.contains(warning) { "both sides" } else { side };
            format!("{side}: {warning}")
        }));
    }
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
    let mut merged: Vec<(String, usize)> = Vec::new();
    let mut seen = BTreeSet::new();
    for warning in warnings.into_iter().filter(|warning| seen.insert(warning.clone())) {
        match merged.iter_mut().find(|(known, _)| kind(known) == kind(&warning)) {
            Some((_, more)) => *more += 1,
            None => merged.push((warning, 0)),
        }
    }
    let in_words = |(first, more)| match more {
        0 => first,
        more => format!("{first} (and {more} like it)"),
    };
    merged.into_iter().map(in_words).collect()
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
