//! The facts that should be alike in the runs that are compared: those that must match, and those that only warn.

use std::collections::BTreeSet;

use crate::model::limits::ELAPSED_SHARE;
use crate::model::names::How;
use crate::model::provenance::{PASSED_ON, Provenance};
use crate::model::recorded::Recorded;
use crate::stats::numbers::exceeds;

/// One fact about a run with provenance: what follows from two values, its name, and the value, `None` where it is
/// unknown.
type Fact = (Rule, &'static str, fn(&Provenance) -> Option<String>);

/// The consequence of two values: the runs are not comparable, or a warning. Values that tell a reader nothing, such as
/// hashes, are hidden.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    Must,
    HiddenMust,
    Warn,
    HiddenWarn,
}
use Rule::{HiddenMust, HiddenWarn, Must, Warn};

static FACTS: [Fact; 20] = [
    (Must, "scenario file", |run| text(&run.load.scenario)),
    (Must, "duration", |run| text(format!("{} s", run.load.duration_seconds))),
    (Must, "seed", |run| text(run.load.seed)),
    (Must, "offered load", |run| text(format!("{}/s", run.load.rate))),
    (Must, "build profile", |run| text(&run.build.profile)),
    (Must, "build settings", |run| settings(run, |name| !name.starts_with(PASSED_ON))),
    // The two servers of a duet wait for one another.
    (Must, "measurement", |run| text(if is_of_duet(run) { "in a duet" } else { "alone" })),
    (Must, "server", |run| text(if run.build.stand_in { "stand-in" } else { "Engram" })),
    (HiddenMust, "scenario content", |run| run.load.scenario_hash.clone()),
    (Warn, "host", |run| run.host.name.clone()),
    (Warn, "CPU", |run| run.host.cpu.clone()),
    (Warn, "system", |run| run.host.system.clone()),
    (Warn, "number of CPUs", |run| run.host.cores.and_then(text)),
    // What the kernel keeps for itself differs from one start of a machine to the next.
    (Warn, "memory", |run| text(format!("{} GiB", run.host.memory_mib?.div_ceil(1024)))),
    (Warn, "governor", |run| run.host.state.governor.clone()),
    (Warn, "power supply", |run| run.host.state.power.clone()),
    (Warn, "compiler", |run| run.build.rustc.clone()),
    (HiddenWarn, "output of build scripts", |run| {
        settings(run, |name| name.starts_with(PASSED_ON))
    }),
    (HiddenWarn, "load generator's binary", |run| run.build.loadtest_hash.clone()),
    (HiddenWarn, "server's environment", |run| {
        Some(format!("{:?}", run.environment.clone().unwrap_or_default()))
    }),
];

fn text(value: impl ToString) -> Option<String> {
    Some(value.to_string())
}

fn is_of_duet(run: &Provenance) -> bool {
    run.session.as_ref().is_some_and(|place| place.how == Some(How::Duet))
}

/// The build settings whose name counts, a line each.
fn settings(run: &Provenance, counts: fn(&str) -> bool) -> Option<String> {
    let settings = run.build.settings.as_ref()?.iter().filter(|(name, _)| counts(name));
    Some(settings.map(|(name, value)| format!("{name} = {value}\n")).collect())
}

/// The lines of each of two texts that the other has not.
fn apart(texts: [String; 2]) -> [String; 2] {
    let [a, b] = texts.each_ref().map(|text| text.lines().collect::<BTreeSet<_>>());
    [&a - &b, &b - &a].map(|lines| match lines.is_empty() {
        true => "not set".to_owned(),
        false => lines.into_iter().collect::<Vec<_>>().join(" and "),
    })
}

/// A fact that must match and does not, with its two values.
pub(crate) type Difference = (&'static str, [String; 2]);

/// The facts that keep two runs from being compared.
pub(crate) fn differences(a: &Recorded, b: &Recorded) -> Vec<Difference> {
    let scenario = [a, b].map(|run| format!("`{}`", run.result.config_name));
    let mut found = vec![("scenario", scenario)];
    if let (Some(a), Some(b)) = (&a.provenance, &b.provenance) {
        found.extend(FACTS.iter().filter_map(|fact| difference(fact, a, b)));
    } else {
        // The time that the load took stands for the duration that was asked for.
        let (of_a, of_b) = (a.result.elapsed_seconds, b.result.elapsed_seconds);
        let apart = exceeds((of_a - of_b).abs(), ELAPSED_SHARE * of_a);
        let elapsed = [of_a, of_b].map(|seconds| format!("{seconds:.1} s"));
        found.extend(apart.then_some(("load of", elapsed)));
    }
    found.retain(|(_, [a, b])| a != b);
    found
}

fn difference((rule, name, of): &Fact, a: &Provenance, b: &Provenance) -> Option<Difference> {
    let values = [of(a)?, of(b)?];
    let is_same = values.first() == values.last();
    match rule {
        HiddenMust if !is_same => Some((name, ["one", "another"].map(str::to_owned))),
        Must if !is_same => Some((name, apart(values))),
        _ => None,
    }
}

/// Warnings of facts that changed within a side or between them, or that only some of the runs state.
pub(crate) fn warnings(before: &[Recorded], after: &[Recorded]) -> Vec<String> {
    let sides = [before, after].map(|side| -> Vec<&Provenance> {
        side.iter().filter_map(|run| run.provenance.as_ref()).collect()
    });
    FACTS.iter().filter_map(|fact| warning(fact, &sides)).collect()
}

fn warning((rule, name, of): &Fact, sides: &[Vec<&Provenance>; 2]) -> Option<String> {
    let values = sides
        .each_ref()
        .map(|side| side.iter().filter_map(|run| of(run)).collect::<BTreeSet<String>>());
    let different = values.iter().flatten().collect::<BTreeSet<_>>().len();
    let is_unknown = |run: &&Provenance| of(run).is_none();
    let [before, after] = values.map(|values| match values.is_empty() {
        true => "unknown".to_owned(),
        false => values.into_iter().collect::<Vec<_>>().join(" and "),
    });
    match rule {
        Must | HiddenMust if different > 0 && sides.iter().flatten().any(is_unknown) => {
            Some(format!("the {name} is unknown for some runs"))
        }
        Warn if different > 1 => Some(format!("another {name}: {before} before, {after} after")),
        HiddenWarn if different > 1 => Some(format!("the {name} changed")),
        _ => None,
    }
}
