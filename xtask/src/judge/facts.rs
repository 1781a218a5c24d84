//! The facts that should be alike in the runs that are compared: those that must match, and those that only warn.

use std::collections::BTreeSet;

use crate::model::limits::ELAPSED_SHARE;
use crate::model::names::How;
use crate::model::provenance::{PASSED_ON, Provenance};
use crate::model::recorded::Recorded;
use crate::stats::numbers::exceeds;

/// One fact about a run with provenance.
struct Fact {
    name: &'static str,
    rule: Rule,
    /// `None` where it is unknown.
    of: fn(&Provenance) -> Option<String>,
}

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

const fn fact(rule: Rule, name: &'static str, of: fn(&Provenance) -> Option<String>) -> Fact {
    Fact { name, rule, of }
}

static FACTS: [Fact; 20] = [
    fact(Must, "scenario file", |run| text(&run.load.scenario)),
    fact(Must, "duration", |run| text(format!("{} s", run.load.duration_seconds))),
    fact(Must, "seed", |run| text(run.load.seed)),
    fact(Must, "offered load", |run| text(format!("{}/s", run.load.rate))),
    fact(Must, "build profile", |run| text(&run.build.profile)),
    fact(Must, "build settings", |run| settings(run, |name| !name.starts_with(PASSED_ON))),
    // The two servers of a duet wait for one another.
    fact(Must, "measurement", |run| text(if is_of_duet(run) { "in a duet" } else { "alone" })),
    fact(Must, "server", |run| text(if run.build.stand_in { "stand-in" } else { "Engram" })),
    fact(HiddenMust, "scenario content", |run| run.load.scenario_hash.clone()),
    fact(Warn, "host", |run| run.host.name.clone()),
    fact(Warn, "CPU", |run| run.host.cpu.clone()),
    fact(Warn, "system", |run| run.host.system.clone()),
    fact(Warn, "number of CPUs", |run| run.host.cores.and_then(text)),
    // What the kernel keeps for itself differs from one start of a machine to the next.
    fact(Warn, "memory", |run| text(format!("{} GiB", run.host.memory_mib?.div_ceil(1024)))),
    fact(Warn, "governor", |run| run.host.state.governor.clone()),
    fact(Warn, "power supply", |run| run.host.state.power.clone()),
    fact(Warn, "compiler", |run| run.build.rustc.clone()),
    fact(HiddenWarn, "output of build scripts", |run| {
        settings(run, |name| name.starts_with(PASSED_ON))
    }),
    fact(HiddenWarn, "load generator's binary", |run| run.build.loadtest_hash.clone()),
    fact(HiddenWarn, "server's environment", |run| {
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

fn difference(fact: &Fact, a: &Provenance, b: &Provenance) -> Option<Difference> {
    let values = [(fact.of)(a)?, (fact.of)(b)?];
    let [of_a, of_b] = &values;
    match fact.rule {
        HiddenMust if of_a != of_b => Some((fact.name, ["one", "another"].map(str::to_owned))),
        Must if of_a != of_b => Some((fact.name, apart(values))),
        _ => None,
    }
}

/// Warnings of facts that changed within a side or between them, or that only some of the runs state.
pub(crate) fn warnings(before: &[Recorded], after: &[Recorded]) -> Vec<String> {
    let sides = [before, after].map(|side| -> Vec<&Provenance> {
        side.iter().filter_map(|run| run.provenance.as_ref()).collect()
    });
    let warnings = FACTS.iter().filter_map(|fact| warning(fact, &sides));
    warnings.collect()
}

fn warning(fact: &Fact, sides: &[Vec<&Provenance>; 2]) -> Option<String> {
    let values = sides.each_ref().map(|side| -> BTreeSet<String> {
        let known = side.iter().filter_map(|run| (fact.of)(run));
        known.collect()
    });
    let different = values.iter().flatten().collect::<BTreeSet<_>>().len();
    let is_unknown = |run: &&Provenance| (fact.of)(run).is_none();
    let [before, after] = values.map(|values| match values.is_empty() {
        true => "unknown".to_owned(),
        false => values.into_iter().collect::<Vec<_>>().join(" and "),
    });
    match fact.rule {
        Must | HiddenMust if different > 0 && sides.iter().flatten().any(is_unknown) => {
            Some(format!("the {} is unknown for some runs", fact.name))
        }
        Warn if different > 1 => {
            Some(format!("another {}: {before} before, {after} after", fact.name))
        }
        HiddenWarn if different > 1 => Some(format!("the {} changed", fact.name)),
        _ => None,
    }
}
