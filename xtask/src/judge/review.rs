//! A competitive review: each scenario against its competitors, and whether it was measured in a way that others can
//! repeat.

use std::collections::BTreeSet;

use crate::judge::facts;
use crate::judge::fitness;
use crate::judge::verdict::{Outcome, Standing};
use crate::model::limits::{
    BATTERY, BUSY_SHARE, BYTES_PER_DIMENSION, OFFERED_LOAD_REACHED, POSITION_POINTS,
    REPRODUCIBLE_SPREAD_PERCENT, SERVER_BYTES, STOLEN_SHARE, THROTTLING,
};
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
    /// The runs that it was to have.
    pub planned: usize,
    /// Those that it stands for, each as the document states it, or why that cannot be read.
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
    /// The folder of the results, relative to the checkout.
    pub results: String,
    /// The review to compare with.
    pub last: Option<LastReview>,
    /// The file name of the chart beside the report.
    pub chart: String,
    /// Rows without a scenario and scenarios without a row, in words.
    pub unmatched: Vec<String>,
    /// Warnings that are known already.
    pub warnings: Vec<String>,
}

/// A review as it is reported.
#[derive(Debug, Clone)]
pub struct Review {
    pub around: Around,
    /// A scenario and a competitor each.
    pub lines: Vec<Line>,
    pub subjects: Vec<Subject>,
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

/// Our P99 in milliseconds over the runs of a scenario.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ours {
    pub median_ms: f64,
    pub low_ms: f64,
    pub high_ms: f64,
    pub runs: usize,
}

/// One condition of a measurement that others can repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub name: String,
    /// `None` where the system does not show it.
    pub passed: Option<bool>,
    /// What was found.
    pub number: String,
}

impl Ours {
    fn of(runs: &[Recorded]) -> Option<Self> {
        let p99s = || runs.iter().map(|run| run.result.p99_ms);
        Some(Self {
            median_ms: median(p99s())?,
            low_ms: p99s().min_by(f64::total_cmp)?,
            high_ms: p99s().max_by(f64::total_cmp)?,
            runs: runs.len(),
        })
    }

    /// From the lowest run to the highest, in per cent of the median; `None` of one run.
    pub(crate) fn spread_percent(&self) -> Option<f64> {
        (self.runs > 1).then(|| (self.high_ms - self.low_ms) / self.median_ms * 100.0)
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

    /// What was measured.
    pub(crate) fn server(&self) -> &'static str {
        server(self.stand_in)
    }
}

fn server(stand_in: bool) -> &'static str {
    if stand_in { "stand-in" } else { "Engram" }
}

/// The memory that a server with these memories needs, in bytes.
pub(crate) fn needed_bytes(nodes: u64, dimensions: u64) -> u64 {
    let data = nodes.saturating_mul(dimensions).saturating_mul(BYTES_PER_DIMENSION);
    data.saturating_add(SERVER_BYTES)
}

/// The circumstance without which two reviews say nothing about each other.
const SERVER: &str = "server";

/// Judges what was measured.
pub fn review(subjects: Vec<Subject>, around: Around) -> Review {
    let stand_in = all_provenance(&subjects).any(|(_, run)| run.build.stand_in);
    let mut warnings = vec![PUBLISHED.to_owned()];
    warnings.extend(around.warnings.iter().cloned());
    let mut comparable = around.last.as_ref();
    for (name, now) in
        [("load", &*around.load), ("machine", &around.machine), (SERVER, server(stand_in))]
    {
        let then = around.last.as_ref().and_then(|last| last.circumstances.get(name));
        if let Some(then) = then.filter(|then| *then != now) {
            let so = match name == SERVER {
                true => "they are not compared",
                false => "a change since then may be due to that",
            };
            warnings.push(format!("another {name} than at the last review, {then}: {so}"));
            comparable = comparable.filter(|_| name != SERVER);
        }
    }
    let lines: Vec<Line> = subjects.iter().flat_map(|subject| lines(subject, comparable)).collect();
    warnings.extend(lines.iter().flat_map(weak_comparison));
    warnings.extend(subjects.iter().filter_map(fewer_nodes));
    warnings.extend(subjects.iter().flat_map(run_warnings));
    let checks = checks(&subjects, &lines, around.processors);
    Review { around, subjects, lines, checks, warnings, stand_in }
}

/// The first warning of every review.
const PUBLISHED: &str = "the competitors' figures are published ones, measured by others on other \
                         hardware: they give a rough position and no comparison on one machine";

fn lines(subject: &Subject, last: Option<&LastReview>) -> Vec<Line> {
    let unfit = unfit(&subject.runs);
    let ours = Ours::of(&subject.runs).filter(|_| unfit.is_none());
    let unjudged = subject.failure.clone().or(unfit).or_else(|| {
        let runs = subject.runs.len();
        (runs < subject.planned).then(|| format!("only {runs} of {} runs", subject.planned))
    });
    let line = |competitor: Result<Competitor, String>| {
        let mut line = Line {
            scenario: subject.scenario.clone(),
            ours,
            speedup: None,
            last: None,
            standing: Err("nothing was measured".to_owned()),
            competitor: competitor.clone().ok(),
        };
        if let (Some(its), Some(ours)) = (&line.competitor, ours) {
            let [best_ms, _] = its.p99_ms;
            let key = (subject.scenario.clone(), its.name.clone());
            let speedup = as_shown((best_ms - ours.median_ms) / best_ms * 100.0);
            line.speedup = Some(speedup);
            line.last = last.and_then(|last| last.speedups.get(&key)).copied();
            let is_behind = exceeds(ours.median_ms, best_ms);
            line.standing = Ok(standing(is_behind, speedup, line.last));
        }
        if let Some(why) = unjudged.clone().or(competitor.err()) {
            line.standing = Err(why);
        }
        line
    };
    match subject.competitors.is_empty() {
        true => vec![line(Err(NO_ROW.to_owned()))],
        false => subject.competitors.iter().cloned().map(line).collect(),
    }
}

const NO_ROW: &str = "no row of the baselines names it";

/// The first rule that holds.
fn standing(is_behind: bool, speedup: f64, last: Option<f64>) -> Standing {
    // A lead that rounds to zero keeps its sign.
    let was_behind = last.is_some_and(f64::is_sign_negative);
    if is_behind && !was_behind {
        Standing::Slower
    } else if last.is_some_and(|last| exceeds(last - speedup, POSITION_POINTS)) {
        Standing::Degraded
    } else if is_behind {
        Standing::StillBehind
    } else {
        Standing::Maintained
    }
}

/// What is judged is what a reader sees, now and at the next review.
fn as_shown(percent: f64) -> f64 {
    (percent * 10.0).round() / 10.0
}

/// The first reason not to use runs as measurements of one thing.
fn unfit(runs: &[Recorded]) -> Option<String> {
    let alone = runs.iter().find_map(|run| {
        let idle = (run.result.total_operations == 0).then(|| "no request was sent".to_owned());
        let failed = || fitness::no_latency(&run.result);
        idle.or_else(failed).or_else(|| fitness::error_replies(&run.result))
    });
    let (first, others) = runs.split_first()?;
    alone.or_else(|| {
        let differences = others.iter().flat_map(|other| facts::differences(first, other));
        let (fact, [one, another]) = differences.into_iter().next()?;
        Some(format!("its runs are not comparable: {fact} {one} and {another}"))
    })
}

impl Subject {
    /// Requests offered per second.
    pub(crate) fn offered(&self) -> Option<f64> {
        self.runs.iter().find_map(|run| Some(fitness::offered(run.provenance.as_ref()?)))
    }

    /// Requests served per second, the median of the runs.
    pub(crate) fn reached(&self) -> Option<f64> {
        median(self.runs.iter().map(|run| run.result.throughput))
    }

    /// The memories that the load stored, in the run that stored the fewest. What the server held before the load, no
    /// result shows.
    pub(crate) fn stored(&self) -> Option<u64> {
        let stores = self.runs.iter().map(|run| run.result.operations.get(STORE));
        let stored = stores.map(|of| of.map_or(0, |of| of.count.saturating_sub(of.error_count)));
        stored.min()
    }
}

/// The load generator's name of the requests that store a memory.
const STORE: &str = "Store";

fn weak_comparison(line: &Line) -> Vec<String> {
    let Some(Competitor { name, p99_ms: [best_ms, worst_ms], .. }) = &line.competitor else {
        return Vec::new();
    };
    let scenario = &line.scenario;
    let range = (best_ms < worst_ms)
        .then(|| format!("{scenario}: {name}'s P99 is a range, and its better end is compared"));
    let unsettled = line.ours.filter(|ours| (ours.low_ms..=ours.high_ms).contains(best_ms));
    let unsettled = unsettled.map(|_| {
        format!(
            "{scenario}: {name}'s P99 lies within the spread of ours, so noise decides who is ahead"
        )
    });
    range.into_iter().chain(unsettled).collect()
}

fn fewer_nodes(subject: &Subject) -> Option<String> {
    let (nodes, stored) = (subject.nodes?, subject.stored()?);
    (stored < nodes).then(|| {
        format!(
            "{}: the scenario names {nodes} nodes, and the load stored {stored}; the server started \
             with empty data, and what else it held is not known",
            subject.scenario
        )
    })
}

fn run_warnings(subject: &Subject) -> Vec<String> {
    let runs = subject.runs.iter().filter_map(|run| run.provenance.as_ref());
    let warnings = runs.flat_map(|run| {
        let is_dirty = run.git.as_ref().is_some_and(|git| git.dirty);
        let dirty = is_dirty.then(|| "measured with uncommitted changes".to_owned());
        dirty.into_iter().chain(run.warnings.iter().cloned())
    });
    let warnings = fitness::alike_once(warnings.collect()).into_iter();
    warnings.map(|warning| format!("{}: {warning}", subject.scenario)).collect()
}

/// Every run, with its scenario.
fn runs(subjects: &[Subject]) -> impl Iterator<Item = (&str, &Recorded)> {
    subjects.iter().flat_map(|subject| subject.runs.iter().map(|run| (&*subject.scenario, run)))
}

fn all_provenance(subjects: &[Subject]) -> impl Iterator<Item = (&str, &Provenance)> {
    runs(subjects).filter_map(|(scenario, run)| Some((scenario, run.provenance.as_ref()?)))
}

fn checks(subjects: &[Subject], lines: &[Line], processors: u32) -> Vec<Check> {
    let spread_at_most = format!("spread of the P99s at most {REPRODUCIBLE_SPREAD_PERCENT} %");
    let reached = OFFERED_LOAD_REACHED * 100.0;
    let reached = format!("at least {reached:.0} % of the offered load reached");
    let checks = [
        (spread_at_most.as_str(), spread(lines), "needs two runs"),
        ("no swap in use", swap(subjects), NOT_SHOWN),
        ("no throttling", throttling(subjects), NOT_SHOWN),
        ("no busy neighbour", neighbours(subjects, processors), NOT_SHOWN),
        ("no errors", errors(subjects), "no request was sent"),
        (&reached, load_reached(subjects), "nothing was measured"),
    ];
    let check = |(name, found, nothing): (&str, Option<Found>, &str)| {
        let (passed, number) = found.unzip();
        let number = number.unwrap_or_else(|| nothing.to_owned());
        Check { name: name.to_owned(), passed, number }
    };
    checks.into_iter().map(check).collect()
}

/// Whether a check passes, and by what.
type Found = (bool, String);

const NOT_SHOWN: &str = "not shown by this system";

/// The largest value, with its scenario.
fn largest<'a>(values: impl Iterator<Item = (&'a str, f64)>) -> Option<(&'a str, f64)> {
    values.max_by(|a, b| a.1.total_cmp(&b.1))
}

fn spread(lines: &[Line]) -> Option<Found> {
    let spread = |line: &Line| line.ours?.spread_percent();
    let (scenario, percent) =
        largest(lines.iter().filter_map(|line| Some((&*line.scenario, spread(line)?))))?;
    let passed = !exceeds(percent, REPRODUCIBLE_SPREAD_PERCENT);
    Some((passed, format!("{percent:.1} %, {scenario}")))
}

fn swap(subjects: &[Subject]) -> Option<Found> {
    let used = all_provenance(subjects).filter_map(|(_, run)| run.host.state.swap_mib).max()?;
    Some((used == 0, format!("{used} MiB")))
}

fn throttling(subjects: &[Subject]) -> Option<Found> {
    let states = || all_provenance(subjects).map(|(_, run)| &run.host.state);
    let governors: BTreeSet<&str> = states().filter_map(|of| of.governor.as_deref()).collect();
    let powers: BTreeSet<&str> = states().filter_map(|of| of.power.as_deref()).collect();
    let shown: Vec<&str> = governors.into_iter().chain(powers).collect();
    let slows_down = |name: &&str| THROTTLING.contains(name) || *name == BATTERY;
    (!shown.is_empty()).then(|| (!shown.iter().any(slows_down), shown.join(", ")))
}

fn neighbours(subjects: &[Subject], processors: u32) -> Option<Found> {
    let others = |run: &Provenance| {
        let whole = run.server.load_seconds? * f64::from(processors);
        Some(run.noise.others_cpu_seconds? / whole)
    };
    let worst = |of: &dyn Fn(&Provenance) -> Option<f64>, most: f64, what: &str| {
        let shares = all_provenance(subjects).filter_map(|(name, run)| Some((name, of(run)?)));
        let (scenario, share) = largest(shares)?;
        let said = format!("{:.1} % of the CPU time {what}, {scenario}", share * 100.0);
        Some((share <= most, said))
    };
    let shares = [
        worst(&others, BUSY_SHARE, "used by others"),
        worst(&|run| run.noise.steal_share, STOLEN_SHARE, "stolen"),
    ];
    let (passed, said): (Vec<bool>, Vec<String>) = shares.into_iter().flatten().unzip();
    (!said.is_empty()).then(|| (!passed.contains(&false), said.join("; ")))
}

fn errors(subjects: &[Subject]) -> Option<Found> {
    let results = || runs(subjects).map(|(_, run)| &run.result);
    let requests: u64 = results().map(|result| result.total_operations).sum();
    let failed: u64 = results().map(|result| result.total_errors).sum();
    let is_clean = results().all(|result| result.error_rate == 0.0);
    (requests > 0).then(|| (is_clean, format!("{failed} of {requests} requests failed")))
}

fn load_reached(subjects: &[Subject]) -> Option<Found> {
    let shares = runs(subjects).filter_map(|(scenario, run)| {
        let offered = fitness::offered(run.provenance.as_ref()?);
        (offered > 0.0).then(|| (scenario, run.result.throughput / offered))
    });
    let (scenario, share) = shares.min_by(|a, b| a.1.total_cmp(&b.1))?;
    Some((share >= OFFERED_LOAD_REACHED, format!("{:.1} %, {scenario}", share * 100.0)))
}
