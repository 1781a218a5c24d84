//! Whether two sides can be judged at all, and what makes a verdict on them weaker.

use std::fmt;
use std::path::PathBuf;

use crate::model::limits::{ELAPSED_SHARE, FAILED_BEFORE, OFFERED_LOAD_REACHED};
use crate::model::names::Phase;
use crate::model::provenance::Provenance;
use crate::model::recorded::Recorded;
use crate::stats::numbers::exceeds;

/// Why two sides cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// The file that is to blame, where one is.
    pub file: Option<PathBuf>,
    /// The line of it, where one is.
    pub line: Option<usize>,
    /// What is wrong.
    pub why: String,
    /// The side to measure again.
    pub mend: Mend,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}:", file.display())?;
        }
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        let space = if self.file.is_some() { " " } else { "" };
        write!(f, "{space}{}", self.why)
    }
}

/// What would mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mend {
    /// Measuring one side.
    Measure(Phase),
    /// Measuring both sides anew.
    MeasureBoth,
    /// Putting the baseline document in order.
    Baseline,
    /// More pairs, or a fix of what fails.
    Confirm,
}

/// Whether both sides measured the same server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// It changed, or nothing is known to the contrary.
    Changed,
    /// The same binary on both sides, built each time.
    Same,
}

/// Everything that forbids a verdict, else whether the server changed at all.
///
/// # Errors
/// All reasons, not only the first.
pub fn check(before: &[Recorded], after: &[Recorded]) -> Result<Server, Vec<Unfit>> {
    let mut unfit: Vec<Unfit> = Vec::new();
    for (phase, side) in [(Phase::Before, before), (Phase::After, after)] {
        unfit.extend(side.iter().flat_map(|run| unfit_run(phase, run)));
    }
    let Some((reference, others)) = before.split_first() else {
        return Err(unfit);
    };
    unfit.extend(
        others
            .iter()
            .flat_map(|other| incomparable(Phase::Before, reference, other)),
    );
    for after in after {
        // With every before: two that are alike by their provenance may differ from one that has none.
        let found = before
            .iter()
            .map(|before| incomparable(Phase::After, before, after));
        unfit.extend(found.filter(|found| !found.is_empty()).take(1).flatten());
    }
    for after in after {
        if before.iter().any(|before| before.bytes == after.bytes) {
            unfit.push(Unfit {
                file: Some(after.path.clone()),
                line: None,
                why: "after and before are the same measurement".into(),
                mend: Mend::Measure(Phase::After),
            });
        }
    }
    for (phase, side) in [(Phase::Before, before), (Phase::After, after)] {
        unfit.extend(mixed_binaries(phase, side));
    }
    let server = match same_binary(before, after) {
        SameBinary::No => Server::Changed,
        SameBinary::BuiltBothTimes => Server::Same,
        SameBinary::MaybeStale(phase) => {
            unfit.push(Unfit {
                file: None,
                line: None,
                why: format!(
                    "both sides measured the same server binary, and {phase} was not built (--no-build): \
                     it may be stale"
                ),
                mend: Mend::Measure(phase),
            });
            Server::Same
        }
    };
    match unfit.is_empty() {
        true => Ok(server),
        false => Err(unfit),
    }
}

const NO_LATENCY: &str = "its P99 is 0: no latency was recorded";

/// The runs of an after side that recorded no latency. The load generator leaves latencies above its range out, so a
/// server that answers nothing in time has a P99 of 0: that is no improvement, whatever the arithmetic says.
pub fn without_latency(after: &[Recorded]) -> Vec<Unfit> {
    after
        .iter()
        .filter(|run| run.result.p99_ms == 0.0)
        .map(|run| Unfit {
            file: Some(run.path.clone()),
            line: None,
            why: NO_LATENCY.to_owned(),
            mend: Mend::Measure(Phase::After),
        })
        .collect()
}

/// What is wrong with one run by itself.
fn unfit_run(phase: Phase, run: &Recorded) -> Vec<Unfit> {
    let result = &run.result;
    let mut why = Vec::new();
    if result.total_operations == 0 {
        why.push("no request was sent".to_owned());
    }
    if phase == Phase::Before && result.p99_ms == 0.0 {
        why.push(NO_LATENCY.to_owned());
    }
    if phase == Phase::Before && result.throughput == 0.0 {
        why.push("its throughput is 0".to_owned());
    }
    if phase == Phase::Before && exceeds(result.error_rate, FAILED_BEFORE) {
        why.push(format!(
            "{:.1}% of the requests failed: its latencies are those of error replies",
            result.error_rate * 100.0
        ));
    }
    why.into_iter()
        .map(|why| Unfit {
            file: Some(run.path.clone()),
            line: None,
            why,
            mend: Mend::Measure(phase),
        })
        .collect()
}

/// What `other`, which is of `phase`, must have in common with `reference`, a before, and has not.
fn incomparable(phase: Phase, reference: &Recorded, other: &Recorded) -> Vec<Unfit> {
    differences(reference, other)
        .into_iter()
        .map(|(what, [of_reference, of_other])| Unfit {
            file: Some(other.path.clone()),
            line: None,
            why: match phase {
                Phase::After => {
                    format!("not comparable: {what} {of_reference} before, {of_other} after")
                }
                Phase::Before => {
                    format!("not comparable: {what} {of_reference} and {of_other} in one group")
                }
            },
            mend: Mend::MeasureBoth,
        })
        .collect()
}

/// What must be alike and is not, with its two values.
type Difference = (&'static str, [String; 2]);

fn differences(a: &Recorded, b: &Recorded) -> Vec<Difference> {
    let name = |run: &Recorded| format!("`{}`", run.result.config_name);
    let mut found = vec![("scenario", [name(a), name(b)])];
    found.retain(|(_, [a, b])| a != b);
    match (&a.provenance, &b.provenance) {
        (Some(a), Some(b)) => found.extend(differing_provenance(a, b)),
        _ => {
            let (a, b) = (a.result.elapsed_seconds, b.result.elapsed_seconds);
            if exceeds((a - b).abs(), ELAPSED_SHARE * a) {
                found.push(("load of", [a, b].map(|seconds| format!("{seconds:.1} s"))));
            }
        }
    }
    found
}

fn differing_provenance(a: &Provenance, b: &Provenance) -> Vec<Difference> {
    let both = |of: fn(&Provenance) -> String| [of(a), of(b)];
    let mut found = vec![
        ("scenario file", both(|of| of.load.scenario.clone())),
        (
            "duration",
            both(|of| format!("{} s", of.load.duration_seconds)),
        ),
        ("seed", both(|of| of.load.seed.to_string())),
        ("build profile", both(|of| of.build.profile.clone())),
        (
            "server",
            both(|of| match of.build.stand_in {
                true => "stand-in".to_owned(),
                false => "Engram".to_owned(),
            }),
        ),
    ];
    found.retain(|(_, [a, b])| a != b);
    if let (Some(a), Some(b)) = (&a.load.scenario_hash, &b.load.scenario_hash)
        && a != b
    {
        found.push(("scenario content", ["one".into(), "another".into()]));
    }
    found
}

fn mixed_binaries(phase: Phase, side: &[Recorded]) -> Option<Unfit> {
    let mut hashes = side.iter().filter_map(engram_hash);
    let first = hashes.next()?;
    hashes.any(|hash| hash != first).then(|| Unfit {
        file: None,
        line: None,
        why: format!("the runs of the {phase} group measured different server binaries"),
        mend: Mend::Measure(phase),
    })
}

enum SameBinary {
    No,
    BuiltBothTimes,
    MaybeStale(Phase),
}

fn same_binary(before: &[Recorded], after: &[Recorded]) -> SameBinary {
    // Within a side all that are known are one.
    let hash = |side: &[Recorded]| side.iter().find_map(engram_hash).map(str::to_owned);
    let built = |side: &[Recorded]| {
        side.iter().all(|run| {
            run.provenance
                .as_ref()
                .is_some_and(|provenance| provenance.build.by_this_run)
        })
    };
    match (hash(before), hash(after)) {
        (Some(left), Some(right)) if left == right => match (built(before), built(after)) {
            (true, true) => SameBinary::BuiltBothTimes,
            (false, true) => SameBinary::MaybeStale(Phase::Before),
            (_, false) => SameBinary::MaybeStale(Phase::After),
        },
        _ => SameBinary::No,
    }
}

fn engram_hash(run: &Recorded) -> Option<&str> {
    run.provenance.as_ref()?.build.engram_hash.as_deref()
}

/// What makes a verdict weaker but possible, in words.
pub fn warnings(before: &[Recorded], after: &[Recorded]) -> Vec<String> {
    let [of_before, of_after] =
        [(Phase::Before, before), (Phase::After, after)].map(|(phase, side)| {
            side.iter()
                .flat_map(|run| weaknesses(phase, run))
                .collect::<Vec<String>>()
        });
    let mut warnings: Vec<String> = Vec::new();
    for (phase, own, other) in [
        (Phase::Before, &of_before, &of_after),
        (Phase::After, &of_after, &of_before),
    ] {
        warnings.extend(own.iter().map(|warning| match other.contains(warning) {
            true => format!("both sides: {warning}"),
            false => format!("{phase}: {warning}"),
        }));
    }
    let known = |side| -> Vec<&Provenance> {
        let side: &[Recorded] = side;
        side.iter()
            .filter_map(|run| run.provenance.as_ref())
            .collect()
    };
    warnings.extend(changed_circumstances(&known(before), &known(after)));
    alike_once(warnings)
}

/// Each warning once: those that differ in their numbers alone are one, with how many more there are.
fn alike_once(warnings: Vec<String>) -> Vec<String> {
    let kind = |warning: &str| warning.replace(|c: char| c.is_ascii_digit() || c == '.', "");
    let mut kinds: Vec<(String, Vec<String>)> = Vec::new();
    for warning in warnings {
        let of = kind(&warning);
        match kinds.iter_mut().find(|(known, _)| *known == of) {
            Some((_, alike)) if alike.contains(&warning) => {}
            Some((_, alike)) => alike.push(warning),
            None => kinds.push((of, vec![warning])),
        }
    }
    kinds
        .into_iter()
        .filter_map(|(_, alike)| match alike.as_slice() {
            [] => None,
            [only] => Some(only.clone()),
            [first, more @ ..] => Some(format!("{first} (and {} like it)", more.len())),
        })
        .collect()
}

fn weaknesses(phase: Phase, run: &Recorded) -> Vec<String> {
    let mut found = Vec::new();
    let percentiles = [run.result.p50_ms, run.result.p95_ms, run.result.p99_ms];
    if !percentiles.is_sorted() {
        found.push(format!(
            "its percentiles contradict one another: {percentiles:?} ms"
        ));
    }
    let Some(provenance) = &run.provenance else {
        found.push("no provenance; compared by scenario name and length of load only".into());
        return found;
    };
    if provenance.git.as_ref().is_some_and(|git| git.dirty) {
        found.push("measured with uncommitted changes".into());
    }
    if phase == Phase::Before && run.result.throughput < OFFERED_LOAD_REACHED * rate(provenance) {
        found.push(format!(
            "the offered load of {}/s was not reached ({:.0}/s)",
            provenance.load.rate, run.result.throughput
        ));
    }
    let own = provenance.warnings.iter();
    found.extend(
        own.filter(|warning| !warning.starts_with(ALREADY_SAID))
            .cloned(),
    );
    found
}

/// How a run's own warning about the offered load begins, which this module words itself for before, and which is a
/// result and no weakness for after.
const ALREADY_SAID: &str = "the offered load was not reached";

/// Requests offered per second.
#[allow(clippy::cast_precision_loss)]
pub fn rate(provenance: &Provenance) -> f64 {
    provenance.load.rate as f64
}

/// What changed within a side or between them, of all that their runs know.
fn changed_circumstances(before: &[&Provenance], after: &[&Provenance]) -> Vec<String> {
    let mut changed = Vec::new();
    let all = || before.iter().chain(after);
    if all().any(|run| run.load.scenario_hash.is_some())
        && all().any(|run| run.load.scenario_hash.is_none())
    {
        changed.push("the scenario's content is not known of every run".into());
    }
    let rustc = |run: &Provenance| run.build.rustc.clone();
    changed.extend(another("host", before, after, |run| run.host.name.clone()));
    changed.extend(another("CPU", before, after, |run| run.host.cpu.clone()));
    changed.extend(another("compiler", before, after, rustc));
    if several(all().map(|run| run.build.loadtest_hash.as_ref())) {
        changed.push("the load generator's binary changed".into());
    }
    if several(all().map(|run| Some(run.environment.as_ref()))) {
        changed.push("the environment variables of the server changed".into());
    }
    changed
}

/// Whether more than one value is known.
fn several<T: PartialEq>(values: impl Iterator<Item = Option<T>>) -> bool {
    let mut known = values.flatten();
    known
        .next()
        .is_some_and(|first| known.any(|other| other != first))
}

fn another(
    what: &str,
    before: &[&Provenance],
    after: &[&Provenance],
    of: impl Fn(&Provenance) -> Option<String>,
) -> Option<String> {
    if !several(before.iter().chain(after).map(|run| of(run))) {
        return None;
    }
    let values = |side: &[&Provenance]| {
        let mut values: Vec<String> = side.iter().filter_map(|run| of(run)).collect();
        values.sort_unstable();
        values.dedup();
        match values.as_slice() {
            [] => "unknown".to_owned(),
            values => values.join(" and "),
        }
    };
    Some(format!(
        "another {what}: {} before, {} after",
        values(before),
        values(after)
    ))
}
