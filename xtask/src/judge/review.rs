//! A competitive review: each scenario against its competitors, and whether it was measured in a way that others can
//! repeat.

use std::collections::{BTreeMap, BTreeSet};

use crate::judge::facts;
use crate::judge::fitness;
use crate::judge::verdict::{Outcome, Standing};
use crate::model::limits::{
    BATTERY, BUSY_SHARE, BYTES_PER_DIMENSION, OFFERED_LOAD_REACHED, POSITION_POINTS,
    REPRODUCIBLE_SPREAD_PERCENT, SERVER_BYTES, STOLEN_SHARE, THROTTLING,
};
use crate::model::provenance::Provenance;
use crate::model::recorded::Recorded;
use crate::model::review::{Competitor, LastReview};
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

/// A review as it is reported.
#[derive(Debug, Clone)]
pub struct Review {
    /// A scenario and a competitor each.
    pub lines: Vec<Line>,
    /// A scenario each.
    pub loads: Vec<Load>,
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

/// The load of a scenario, and the data behind it.
#[derive(Debug, Clone)]
pub struct Load {
    pub scenario: String,
    /// Requests per second.
    pub offered: Option<f64>,
    /// Requests per second, the median of the runs.
    pub reached: Option<f64>,
    /// The memories that the scenario names.
    pub nodes: Option<u64>,
    /// The memories that the load stored, in the run that stored the fewest. What the server held before the load, no
    /// result shows.
    pub stored: Option<u64>,
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
}

/// The memory that a server with these memories needs, in bytes.
pub(crate) fn needed_bytes(nodes: u64, dimensions: u64) -> u64 {
    let data = nodes.saturating_mul(dimensions).saturating_mul(BYTES_PER_DIMENSION);
    data.saturating_add(SERVER_BYTES)
}

/// What subjects are judged by, apart from their runs.
#[derive(Debug, Clone, Default)]
pub struct Background {
    /// The review to compare with.
    pub last: Option<LastReview>,
    /// What should be as it was then, by name.
    pub circumstances: BTreeMap<String, String>,
    /// Those of the machine.
    pub processors: u32,
    /// Warnings that are known already.
    pub warnings: Vec<String>,
}

/// The circumstance without which two reviews say nothing about each other.
pub const SERVER: &str = "server";

/// `true` if a stand-in was measured instead of Engram.
pub fn is_of_stand_in(subjects: &[Subject]) -> bool {
    all_provenance(subjects).any(|(_, run)| run.build.stand_in)
}

/// Judges what was measured.
pub fn review(subjects: &[Subject], background: &Background) -> Review {
    let mut warnings = vec![PUBLISHED.to_owned()];
    warnings.extend(background.warnings.iter().cloned());
    let mut comparable = background.last.as_ref();
    for (name, now) in &background.circumstances {
        let then = background.last.as_ref().and_then(|last| last.circumstances.get(name));
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
    let loads: Vec<Load> = subjects.iter().map(load).collect();
    warnings.extend(lines.iter().flat_map(weak_comparison));
    warnings.extend(loads.iter().filter_map(fewer_nodes));
    warnings.extend(subjects.iter().flat_map(run_warnings));
    let (checks, stand_in) = (checks(subjects, background.processors), is_of_stand_in(subjects));
    Review { lines, loads, checks, warnings, stand_in }
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
        let known = competitor.as_ref().ok();
        let position = known.zip(ours).map(|(competitor, ours)| {
            let [best_ms, _] = competitor.p99_ms;
            let key = (subject.scenario.clone(), competitor.name.clone());
            Position {
                best_ms,
                median_ms: ours.median_ms,
                speedup: as_shown((best_ms - ours.median_ms) / best_ms * 100.0),
                last: last.and_then(|last| last.speedups.get(&key)).copied(),
            }
        });
        let nothing = || "nothing was measured".to_owned();
        let standing = match &unjudged {
            Some(why) => Err(why.clone()),
            None => competitor.clone().and_then(|_| position.ok_or_else(nothing)),
        };
        Line {
            scenario: subject.scenario.clone(),
            ours,
            speedup: position.map(|position| position.speedup),
            last: position.and_then(|position| position.last),
            standing: standing.map(|position: Position| position.standing()),
            competitor: competitor.ok(),
        }
    };
    match subject.competitors.is_empty() {
        true => vec![line(Err(NO_ROW.to_owned()))],
        false => subject.competitors.iter().cloned().map(line).collect(),
    }
}

const NO_ROW: &str = "no row of the baselines names it";

#[derive(Clone, Copy)]
struct Position {
    best_ms: f64,
    median_ms: f64,
    speedup: f64,
    last: Option<f64>,
}

impl Position {
    /// The first rule that holds.
    fn standing(self) -> Standing {
        let is_behind = exceeds(self.median_ms, self.best_ms);
        // A lead that rounds to zero keeps its sign.
        let was_behind = self.last.is_some_and(f64::is_sign_negative);
        let lost = self.last.map(|last| last - self.speedup);
        if is_behind && !was_behind {
            Standing::Slower
        } else if lost.is_some_and(|lost| exceeds(lost, POSITION_POINTS)) {
            Standing::Degraded
        } else if is_behind {
            Standing::StillBehind
        } else {
            Standing::Maintained
        }
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

fn load(subject: &Subject) -> Load {
    let runs = || subject.runs.iter();
    let stored = |run: &Recorded| {
        let stores = run.result.operations.get(STORE);
        stores.map_or(0, |stores| stores.count.saturating_sub(stores.error_count))
    };
    let offered = runs().find_map(|run| Some(fitness::offered(run.provenance.as_ref()?)));
    Load {
        scenario: subject.scenario.clone(),
        offered,
        reached: median(runs().map(|run| run.result.throughput)),
        nodes: subject.nodes,
        stored: runs().map(stored).min(),
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

fn fewer_nodes(load: &Load) -> Option<String> {
    let (nodes, stored) = (load.nodes?, load.stored?);
    (stored < nodes).then(|| {
        format!(
            "{}: the scenario names {nodes} nodes, and the load stored {stored}; the server started \
             with empty data, and what else it held is not known",
            load.scenario
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

fn all_provenance(subjects: &[Subject]) -> impl Iterator<Item = (&str, &Provenance)> {
    subjects.iter().flat_map(|subject| {
        let runs = subject.runs.iter().filter_map(|run| run.provenance.as_ref());
        runs.map(|run| (subject.scenario.as_str(), run))
    })
}

fn checks(subjects: &[Subject], processors: u32) -> Vec<Check> {
    vec![
        spread(subjects),
        swap(subjects),
        throttling(subjects),
        neighbours(subjects, processors),
        errors(subjects),
        load_reached(subjects),
    ]
}

/// The largest value, with its scenario.
fn largest<'a>(values: impl Iterator<Item = (&'a str, f64)>) -> Option<(&'a str, f64)> {
    values.max_by(|a, b| a.1.total_cmp(&b.1))
}

const NOT_SHOWN: &str = "not shown by this system";

fn spread(subjects: &[Subject]) -> Check {
    let spreads = subjects.iter().filter_map(|subject| {
        let ours = Ours::of(&subject.runs).filter(|_| unfit(&subject.runs).is_none())?;
        Some((subject.scenario.as_str(), ours.spread_percent()?))
    });
    let worst = largest(spreads);
    Check {
        name: format!("spread of the P99s at most {REPRODUCIBLE_SPREAD_PERCENT} %"),
        passed: worst.map(|(_, percent)| !exceeds(percent, REPRODUCIBLE_SPREAD_PERCENT)),
        number: worst.map_or("needs two runs".to_owned(), |(scenario, percent)| {
            format!("{percent:.1} %, {scenario}")
        }),
    }
}

fn swap(subjects: &[Subject]) -> Check {
    let used = all_provenance(subjects).filter_map(|(_, run)| run.host.state.swap_mib).max();
    Check {
        name: "no swap in use".to_owned(),
        passed: used.map(|mib| mib == 0),
        number: used.map_or(NOT_SHOWN.to_owned(), |mib| format!("{mib} MiB")),
    }
}

fn throttling(subjects: &[Subject]) -> Check {
    let states = || all_provenance(subjects).map(|(_, run)| &run.host.state);
    let governors: BTreeSet<&str> =
        states().filter_map(|state| state.governor.as_deref()).collect();
    let powers: BTreeSet<&str> = states().filter_map(|state| state.power.as_deref()).collect();
    let throttled =
        governors.iter().any(|name| THROTTLING.contains(name)) || powers.contains(BATTERY);
    let shown: Vec<&str> = governors.into_iter().chain(powers).collect();
    Check {
        name: "no throttling".to_owned(),
        passed: (!shown.is_empty()).then_some(!throttled),
        number: match shown.is_empty() {
            true => NOT_SHOWN.to_owned(),
            false => shown.join(", "),
        },
    }
}

fn neighbours(subjects: &[Subject], processors: u32) -> Check {
    let others = all_provenance(subjects).filter_map(|(scenario, run)| {
        let whole = run.server.load_seconds? * f64::from(processors);
        Some((scenario, run.noise.others_cpu_seconds? / whole))
    });
    let stolen = all_provenance(subjects)
        .filter_map(|(scenario, run)| Some((scenario, run.noise.steal_share?)));
    let (others, stolen) = (largest(others), largest(stolen));
    let is_busy = |worst: Option<(&str, f64)>, most| worst.map(|(_, share)| share > most);
    let busy = [is_busy(others, BUSY_SHARE), is_busy(stolen, STOLEN_SHARE)];
    let said = |worst: Option<(&str, f64)>, what: &str| {
        let (scenario, share) = worst?;
        Some(format!("{:.1} % of the CPU time {what}, {scenario}", share * 100.0))
    };
    let said = [said(others, "used by others"), said(stolen, "stolen")].map(Option::into_iter);
    let said: Vec<String> = said.into_iter().flatten().collect();
    Check {
        name: "no busy neighbour".to_owned(),
        passed: (!said.is_empty()).then_some(!busy.contains(&Some(true))),
        number: match said.is_empty() {
            true => NOT_SHOWN.to_owned(),
            false => said.join("; "),
        },
    }
}

fn errors(subjects: &[Subject]) -> Check {
    let results = || subjects.iter().flat_map(|subject| &subject.runs).map(|run| &run.result);
    let requests: u64 = results().map(|result| result.total_operations).sum();
    let failed: u64 = results().map(|result| result.total_errors).sum();
    let is_clean = results().all(|result| result.error_rate == 0.0);
    Check {
        name: "no errors".to_owned(),
        passed: (requests > 0).then_some(is_clean),
        number: format!("{failed} of {requests} requests failed"),
    }
}

fn load_reached(subjects: &[Subject]) -> Check {
    let shares = subjects.iter().flat_map(|subject| {
        subject.runs.iter().filter_map(|run| {
            let offered = fitness::offered(run.provenance.as_ref()?);
            (offered > 0.0).then(|| (subject.scenario.as_str(), run.result.throughput / offered))
        })
    });
    let worst = shares.min_by(|a, b| a.1.total_cmp(&b.1));
    Check {
        name: format!("at least {:.0} % of the offered load reached", OFFERED_LOAD_REACHED * 100.0),
        passed: worst.map(|(_, share)| share >= OFFERED_LOAD_REACHED),
        number: worst.map_or("nothing was measured".to_owned(), |(scenario, share)| {
            format!("{:.1} %, {scenario}", share * 100.0)
        }),
    }
}
