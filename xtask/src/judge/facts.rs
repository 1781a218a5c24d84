//! The facts that should be alike in the runs that are compared: those that must match, and those that only warn.

use crate::model::limits::ELAPSED_SHARE;
use crate::model::provenance::Provenance;
use crate::model::recorded::Recorded;
use crate::stats::numbers::exceeds;

/// One fact about a run.
struct Fact {
    name: &'static str,
    rule: Rule,
    /// `false` where the values, such as hashes, tell a reader nothing.
    shown: bool,
    /// `None` where it is unknown.
    of: fn(&Recorded) -> Option<String>,
}

/// The consequence of two values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// The runs are not comparable.
    MustMatch,
    /// A warning.
    Warn,
}

const fn must_match(name: &'static str, of: fn(&Recorded) -> Option<String>) -> Fact {
    Fact { name, rule: Rule::MustMatch, shown: true, of }
}

const fn warn(name: &'static str, of: fn(&Recorded) -> Option<String>) -> Fact {
    Fact { rule: Rule::Warn, ..must_match(name, of) }
}

const fn without_values(fact: Fact) -> Fact {
    Fact { shown: false, ..fact }
}

fn known(run: &Recorded) -> Option<&Provenance> {
    run.provenance.as_ref()
}

const FACTS: [Fact; 12] = [
    must_match("scenario", |run| Some(format!("`{}`", run.result.config_name))),
    must_match("scenario file", |run| Some(known(run)?.load.scenario.clone())),
    must_match("duration", |run| Some(format!("{} s", known(run)?.load.duration_seconds))),
    must_match("seed", |run| Some(known(run)?.load.seed.to_string())),
    must_match("build profile", |run| Some(known(run)?.build.profile.clone())),
    must_match("server", |run| {
        let is_stand_in = known(run)?.build.stand_in;
        Some(if is_stand_in { "stand-in" } else { "Engram" }.to_owned())
    }),
    without_values(must_match("scenario content", |run| known(run)?.load.scenario_hash.clone())),
    warn("host", |run| known(run)?.host.name.clone()),
    warn("CPU", |run| known(run)?.host.cpu.clone()),
    warn("compiler", |run| known(run)?.build.rustc.clone()),
    without_values(warn("load generator's binary", |run| known(run)?.build.loadtest_hash.clone())),
    without_values(warn("server's environment variables", |run| {
        let variables = known(run)?.environment.clone();
        Some(format!("{:?}", variables.unwrap_or_default()))
    })),
];

/// A fact that must match and does not, with its two values.
pub(crate) type Difference = (&'static str, [String; 2]);

/// The facts that keep two runs from being compared.
pub(crate) fn differences(a: &Recorded, b: &Recorded) -> Vec<Difference> {
    let must_match = FACTS.iter().filter(|fact| fact.rule == Rule::MustMatch);
    let mut found: Vec<Difference> = must_match
        .filter_map(|fact| {
            let values = [(fact.of)(a)?, (fact.of)(b)?];
            let [a, b] = &values;
            let named = || match fact.shown {
                true => values.clone(),
                false => ["one", "another"].map(str::to_owned),
            };
            (a != b).then(|| (fact.name, named()))
        })
        .collect();
    let seconds = [a, b].map(|run| run.result.elapsed_seconds);
    let [of_a, of_b] = seconds;
    // Without provenance, the time that the load took stands for the duration that was asked for.
    if (a.provenance.is_none() || b.provenance.is_none())
        && exceeds((of_a - of_b).abs(), ELAPSED_SHARE * of_a)
    {
        found.push(("load of", seconds.map(|seconds| format!("{seconds:.1} s"))));
    }
    found
}

/// Warnings of facts that changed within a side or between them, or that only some of the runs state.
pub(crate) fn warnings(before: &[Recorded], after: &[Recorded]) -> Vec<String> {
    let warning = |fact: &Fact| match fact.rule {
        Rule::MustMatch => partly_known(fact, before, after),
        Rule::Warn => changed(fact, before, after),
    };
    FACTS.iter().filter_map(warning).collect()
}

fn partly_known(fact: &Fact, before: &[Recorded], after: &[Recorded]) -> Option<String> {
    let runs = before.iter().chain(after);
    let with_provenance = runs.filter(|run| run.provenance.is_some());
    let (known, unknown): (Vec<&Recorded>, _) =
        with_provenance.partition(|run| (fact.of)(run).is_some());
    (!known.is_empty() && !unknown.is_empty())
        .then(|| format!("the {} is unknown for some runs", fact.name))
}

fn changed(fact: &Fact, before: &[Recorded], after: &[Recorded]) -> Option<String> {
    let values = |side: &[Recorded]| {
        let mut values: Vec<String> = side.iter().filter_map(fact.of).collect();
        values.sort_unstable();
        values.dedup();
        values
    };
    let sides = [values(before), values(after)];
    let mut all = sides.iter().flatten();
    let first = all.next()?;
    if all.all(|value| value == first) {
        return None;
    }
    let [before, after] = sides.map(|values| match values.is_empty() {
        true => "unknown".to_owned(),
        false => values.join(" and "),
    });
    Some(match fact.shown {
        true => format!("another {}: {before} before, {after} after", fact.name),
        false => format!("the {} changed", fact.name),
    })
}
