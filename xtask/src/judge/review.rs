//! A competitive review: each scenario against its competitors, and whether it was measured in a way that others can
//! repeat.

use std::collections::BTreeSet;

use crate::judge::facts;
use crate::judge::fitness;
use crate::judge::verdict::{self, Outcome, Standing};
use crate::model::layout;
use crate::model::limits::{
    BATTERY, BUSY_SHARE, BYTES_PER_DIMENSION, COMPETITOR, OFFERED_LOAD_REACHED,
    REPRODUCIBLE_SPREAD_PERCENT, SERVER_BYTES, STOLEN_SHARE, THROTTLING,
};
use crate::model::names::Mode;
use crate::model::provenance::Provenance;
use crate::model::recorded::Recorded;
use crate::model::review::{Competitor, LastReview, Quarter};
use crate::stats::numbers::{exceeds, median};

/// A scenario, and what was measured of it.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The name of its file, without the extension.
    pub scenario: String,
    /// The memories that it names.
    pub nodes: Option<u64>,
    /// Those that it stands for, each as the document states it; or why one cannot be read, or there is none.
    pub competitors: Vec<Result<Competitor, String>>,
    pub runs: Vec<Recorded>,
    /// Why it has fewer runs than planned.
    pub failure: Option<String>,
}

/// What is known of a review besides its runs.
#[derive(Debug, Clone)]
pub struct Around {
    pub quarter: Quarter,
    /// The time of the report.
    pub when: String,
    /// The commit that was measured, or that it is unknown.
    pub commit: String,
    pub machine: String,
    /// The number of its processors.
    pub processors: u32,
    /// Runs, and seconds of load a run.
    pub load: String,
    /// The review to compare with.
    pub last: Option<LastReview>,
    /// The file name of the chart beside the report.
    pub chart: String,
    /// Rows without a scenario, in words.
    pub unmatched: Vec<String>,
    /// The failed runs of today, in words.
    pub failures: Vec<String>,
}

/// A review as it is reported.
#[derive(Debug, Clone)]
pub struct Review {
    pub around: Around,
    /// A scenario and a competitor each.
    pub lines: Vec<Line>,
    pub checks: Vec<Check>,
    /// What makes the comparison weaker than it looks.
    pub warnings: Vec<String>,
    /// A stand-in was measured instead of Engram.
    pub stand_in: bool,
}

/// One scenario against one competitor.
#[derive(Debug, Clone)]
pub struct Line {
    pub scenario: String,
    /// `None` where the baselines name none for it.
    pub competitor: Option<Competitor>,
    /// `None` where no run can be used.
    pub ours: Option<Ours>,
    /// Our lead in per cent of the competitor's P99, to the decimal that is shown.
    pub speedup: Option<f64>,
    /// The same at the last review.
    pub last: Option<f64>,
    /// The standing, or why there is none.
    pub standing: Result<Standing, String>,
}

/// Our figures over the runs of a scenario.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ours {
    /// P99 in milliseconds.
    pub median_ms: f64,
    pub low_ms: f64,
    pub high_ms: f64,
    /// Requests served per second, the median.
    pub throughput: f64,
}

/// One condition of a measurement that others can repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub name: String,
    /// What was found, and whether it passes; `None` where the system does not show it.
    pub found: Option<(bool, String)>,
}

impl Ours {
    fn of(runs: &[Recorded]) -> Option<Self> {
        let p99s = || runs.iter().map(|run| run.result.p99_ms);
        Some(Self {
            median_ms: median(p99s())?,
            low_ms: p99s().min_by(f64::total_cmp)?,
            high_ms: p99s().max_by(f64::total_cmp)?,
            throughput: median(runs.iter().map(|run| run.result.throughput))?,
        })
    }
}

impl Line {
    pub(crate) fn outcome(&self) -> Outcome {
        match self.standing {
            Ok(Standing::Slower | Standing::Degraded) => Outcome::CompetitiveRegression,
            Ok(Standing::StillBehind | Standing::Maintained) => Outcome::Success,
            Err(_) => Outcome::CannotJudge,
        }
    }

    /// The change of the lead since the last review, in percentage points.
    pub(crate) fn change(&self) -> Option<f64> {
        Some(self.speedup? - self.last?)
    }
}

impl Review {
    /// The worst of all lines: a lost position is worse than one that could not be judged.
    pub fn outcome(&self) -> Outcome {
        Outcome::worst(self.lines.iter().map(Line::outcome))
    }
}

/// What was measured, in the words that the next review compares with its own.
pub(crate) fn server(stand_in: bool) -> &'static str {
    if stand_in { "stand-in" } else { "Engram" }
}

/// The memory that a server with these memories needs, in bytes.
pub(crate) fn needed_bytes(nodes: u64, dimensions: u64) -> u64 {
    let data = nodes.saturating_mul(dimensions).saturating_mul(BYTES_PER_DIMENSION);
    data.saturating_add(SERVER_BYTES)
}

/// True for the scenario that stands for no single competitor: it is held against the one that `perf-compare` takes.
pub(crate) fn is_hybrid(scenario: &str) -> bool {
    let file = layout::scenario(Mode::Competitive);
    file.rsplit('/').next().and_then(|name| name.strip_suffix(".toml")) == Some(scenario)
}

/// Judges what was measured.
pub fn review(subjects: &[Subject], around: Around) -> Review {
    let stand_in = all_provenance(subjects).any(|(_, run)| run.build.stand_in);
    let mut warnings = vec![PUBLISHED.to_owned()];
    warnings.extend(around.failures.iter().map(|failure| format!("today, {failure}")));
    let mut comparable = around.last.as_ref();
    for (name, now) in
        [("load", &*around.load), ("machine", &around.machine), ("server", server(stand_in))]
    {
        let then = around.last.as_ref().and_then(|last| last.circumstances.get(name));
        if let Some(then) = then.filter(|then| *then != now) {
            warnings.push(format!("another {name} than at the last review, {then}"));
            // Two servers say nothing about each other.
            comparable = comparable.filter(|_| name != "server");
        }
    }
    let lines: Vec<Line> = subjects.iter().flat_map(|subject| lines(subject, comparable)).collect();
    warnings.extend(lines.iter().flat_map(weak_comparison));
    warnings.extend(subjects.iter().filter_map(fewer_nodes));
    let of_runs = all_provenance(subjects).flat_map(|(scenario, run)| {
        run.warnings.iter().map(move |warning| format!("{scenario}: {warning}"))
    });
    warnings.extend(fitness::alike_once(of_runs.collect()));
    let checks = checks(subjects, around.processors);
    Review { around, lines, checks, warnings, stand_in }
}

/// The first warning of every review.
const PUBLISHED: &str = "the competitors' figures are published ones, measured by others on other \
                         hardware: they give a rough position and no comparison on one machine";

fn lines(subject: &Subject, last: Option<&LastReview>) -> Vec<Line> {
    let unfit = unfit(&subject.runs);
    let ours = Ours::of(&subject.runs).filter(|_| unfit.is_none());
    let unjudged = subject.failure.clone().or(unfit);
    let line = |competitor: &Result<Competitor, String>| {
        let its = competitor.as_ref().ok();
        let last = its.zip(last).and_then(|(its, last)| {
            last.speedups.get(&(subject.scenario.clone(), its.name.clone())).copied()
        });
        let lead = its.zip(ours).map(|(its, ours)| {
            let [best_ms, _] = its.p99_ms;
            // What is judged is what a reader sees, now and at the next review.
            let speedup = ((best_ms - ours.median_ms) / best_ms * 1000.0).round() / 10.0;
            // A lead that rounds to zero keeps its sign.
            let was_behind = last.is_some_and(f64::is_sign_negative);
            let is_behind = exceeds(ours.median_ms, best_ms);
            let fall = last.map_or(0.0, |last| last - speedup);
            (speedup, verdict::standing([was_behind, is_behind], fall, false))
        });
        let why = unjudged.as_ref().or(competitor.as_ref().err());
        Line {
            scenario: subject.scenario.clone(),
            competitor: its.cloned(),
            ours,
            speedup: lead.map(|(speedup, _)| speedup),
            last,
            standing: match (why, lead) {
                (None, Some((_, standing))) => Ok(standing),
                (why, _) => Err(why.map_or("nothing was measured", String::as_str).to_owned()),
            },
        }
    };
    subject.competitors.iter().map(line).collect()
}

/// The first reason not to use runs as measurements of one thing.
fn unfit(runs: &[Recorded]) -> Option<String> {
    let (first, others) = runs.split_first()?;
    runs.iter().find_map(|run| fitness::unusable(&run.result).next()).or_else(|| {
        let differences = others.iter().flat_map(|other| facts::differences(first, other));
        let (fact, [one, another]) = differences.into_iter().next()?;
        Some(format!("its runs are not comparable: {fact} {one} and {another}"))
    })
}

/// The load generator's name of the requests that store a memory.
const STORE: &str = "Store";

fn weak_comparison(line: &Line) -> Vec<String> {
    let Some(Competitor { name, p99_ms: [best_ms, worst_ms], .. }) = &line.competitor else {
        return Vec::new();
    };
    let unsettled = line.ours.is_some_and(|ours| (ours.low_ms..=ours.high_ms).contains(best_ms));
    let found = [
        (
            is_hybrid(&line.scenario),
            format!("no competitor publishes such a mix; {COMPETITOR} is only the yardstick"),
        ),
        (best_ms < worst_ms, format!("{name}'s P99 is a range, and its better end is compared")),
        (
            unsettled,
            format!("{name}'s P99 lies within the spread of ours, so noise decides who is ahead"),
        ),
    ];
    let found = found.into_iter().filter(|(is_so, _)| *is_so);
    found.map(|(_, why)| format!("{}: {why}", line.scenario)).collect()
}

/// By the run that stored the fewest.
fn fewer_nodes(subject: &Subject) -> Option<String> {
    let stores = subject.runs.iter().map(|run| run.result.operations.get(STORE));
    let stored =
        stores.map(|of| of.map_or(0, |of| of.count.saturating_sub(of.error_count))).min()?;
    let (scenario, nodes) = (&subject.scenario, subject.nodes?);
    (stored < nodes).then(|| {
        format!(
            "{scenario}: the scenario names {nodes} nodes, and the load stored {stored}; the server \
             started with empty data, and what else it held is not known"
        )
    })
}

fn runs(subjects: &[Subject]) -> impl Iterator<Item = (&Subject, &Recorded)> {
    subjects.iter().flat_map(|subject| subject.runs.iter().map(move |run| (subject, run)))
}

/// Every run that has provenance, with its scenario.
fn all_provenance(subjects: &[Subject]) -> impl Iterator<Item = (&str, &Provenance)> {
    runs(subjects).filter_map(|(of, run)| Some((&*of.scenario, run.provenance.as_ref()?)))
}

fn checks(subjects: &[Subject], processors: u32) -> Vec<Check> {
    type Value<'a> = &'a dyn Fn(&Subject, &Recorded) -> Option<f64>;
    let at_most = |most: f64, name: &str, unit: &str, value: Value| {
        let values = runs(subjects).filter_map(|(of, run)| Some((value(of, run)?, &of.scenario)));
        let known = values.filter(|(value, _)| value.is_finite());
        let worst = known.max_by(|a, b| a.0.total_cmp(&b.0));
        let found = worst.map(|(value, scenario)| {
            (!exceeds(value, most), format!("{value:.1} {unit}, {scenario}"))
        });
        Check { name: name.to_owned(), found }
    };
    let spread = format!("spread of the P99s at most {REPRODUCIBLE_SPREAD_PERCENT} %");
    let most_missed = (1.0 - OFFERED_LOAD_REACHED) * 100.0;
    let missed = format!("at most {most_missed:.0} % of the offered load missed");
    vec![
        at_most(REPRODUCIBLE_SPREAD_PERCENT, &spread, "%", &|of, _| {
            let ours = Ours::of(&of.runs).filter(|_| of.runs.len() > 1)?;
            Some((ours.high_ms - ours.low_ms) / ours.median_ms * 100.0)
        }),
        at_most(0.0, "no swap in use", "MiB", &|_, run| {
            Some(run.provenance.as_ref()?.host.state.swap_mib? as f64)
        }),
        Check { name: "no throttling".to_owned(), found: throttling(subjects) },
        at_most(BUSY_SHARE * 100.0, "no busy neighbour", "% used by others", &|_, run| {
            Some(fitness::others_share(run.provenance.as_ref()?, processors)? * 100.0)
        }),
        at_most(STOLEN_SHARE * 100.0, "no busy host", "% of the CPU time stolen", &|_, run| {
            Some(run.provenance.as_ref()?.noise.steal_share? * 100.0)
        }),
        at_most(0.0, "no errors", "failed in a million requests", &|_, run| {
            Some(run.result.error_rate * 1e6)
        }),
        at_most(most_missed, &missed, "%", &|_, run| {
            let offered = fitness::offered(run.provenance.as_ref()?);
            Some((1.0 - run.result.throughput / offered) * 100.0)
        }),
    ]
}

fn throttling(subjects: &[Subject]) -> Option<(bool, String)> {
    let states = all_provenance(subjects).map(|(_, run)| &run.host.state);
    let shown: BTreeSet<&str> = states
        .flat_map(|state| [&state.governor, &state.power])
        .flatten()
        .map(|it| &**it)
        .collect();
    let slows_down = |name: &&str| THROTTLING.contains(name) || *name == BATTERY;
    let said = shown.iter().copied().collect::<Vec<_>>().join(", ");
    (!shown.is_empty()).then(|| (!shown.iter().any(slows_down), said))
}
