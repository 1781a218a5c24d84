//! Sessions made of recorded runs, in recorded order, judged by the shipped code.

use std::collections::BTreeMap;
use std::path::PathBuf;

use xtask::judge::comparison::{self, Comparison, EndedSession, Question};
use xtask::judge::verdict::Outcome;
use xtask::model::limits::PLAN;
use xtask::model::names::{Mode, Phase, RunName};
use xtask::model::recorded::{Group, Recorded};
use xtask::model::session::{Member, PairRecord, SessionRecord, Subject};
use xtask::stats::paired::{PairedVerdict, Progress};

use crate::recording::{Recording, Run};

/// The changes of P99 that are multiplied in, in per cent; the first is none.
pub const EFFECTS: [f64; 5] = [0.0, 5.0, 10.0, 25.0, 50.0];
/// Orders drawn for each window of a paired rule.
const DRAWS: u64 = 20;

/// How before and after are measured and judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The median of so many runs a side, before all of them first, by the threshold.
    RunsASide(usize),
    /// In pairs, by the signed-rank interval.
    Paired,
}

/// All rules, in the order of the table.
const RULES: [Rule; 4] = [Rule::RunsASide(1), Rule::RunsASide(3), Rule::RunsASide(5), Rule::Paired];

/// What the rules made of a recording.
pub struct Replay<'a> {
    /// The recording.
    pub recording: &'a Recording,
    /// Each rule that the recording is long enough for.
    pub rules: Vec<RuleReplay>,
}

/// What one rule made of it.
pub struct RuleReplay {
    /// The rule.
    pub rule: Rule,
    /// Windows of the recording, each a session; they overlap.
    pub windows: usize,
    /// The windows that do not overlap.
    pub disjoint: usize,
    /// One entry for each of [`EFFECTS`].
    pub effects: Vec<Tally>,
}

/// What sessions with one effect came to.
#[derive(Default)]
pub struct Tally {
    /// All sessions, windows times orders.
    pub sessions: usize,
    /// Sessions by what they came to.
    pub verdicts: BTreeMap<Verdict, usize>,
    /// The same for the sessions that do not overlap, one order each.
    pub disjoint: BTreeMap<Verdict, usize>,
    /// Machine time of all sessions, in minutes.
    pub minutes: f64,
}

/// What a session came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Exit 1.
    Regressed,
    /// Exit 0, within the threshold, or surely.
    NotRegressed,
    /// Exit 0, not settled.
    NoRegressionFound,
    /// Exit 3.
    Unsure,
}

impl Verdict {
    /// Whether it lets the change pass: exit 0.
    pub fn passes(self) -> bool {
        matches!(self, Self::NotRegressed | Self::NoRegressionFound)
    }
}

/// Plays a recording through every rule.
pub fn replay(recording: &Recording) -> Replay<'_> {
    Replay {
        recording,
        rules: RULES.into_iter().filter_map(|rule| replay_rule(rule, &recording.runs)).collect(),
    }
}

fn replay_rule(rule: Rule, runs: &[Run]) -> Option<RuleReplay> {
    let length = rule.runs();
    let starts: Vec<usize> = (0..=runs.len().checked_sub(length)?).collect();
    let draws = match rule {
        Rule::RunsASide(_) => 1,
        Rule::Paired => DRAWS,
    };
    let first = *starts.first()?;
    let is_disjoint = |start: usize| (start - first).is_multiple_of(length);
    let effects = EFFECTS.map(|effect| {
        let mut tally = Tally::default();
        for &start in &starts {
            for draw in 0..draws {
                let (verdict, used) = session(rule, runs, start, effect, draw);
                tally.sessions += 1;
                *tally.verdicts.entry(verdict).or_default() += 1;
                if draw == 0 && is_disjoint(start) {
                    *tally.disjoint.entry(verdict).or_default() += 1;
                }
                let seconds = runs[start..start + used].iter().map(|run| run.seconds);
                tally.minutes += seconds.sum::<f64>() / 60.0;
            }
        }
        tally
    });
    Some(RuleReplay {
        rule,
        windows: starts.len(),
        disjoint: starts.iter().filter(|&&start| is_disjoint(start)).count(),
        effects: effects.into(),
    })
}

impl Rule {
    /// The runs that a session may take.
    fn runs(self) -> usize {
        match self {
            Self::RunsASide(runs) => 2 * runs,
            Self::Paired => 2 * PLAN.last_look(),
        }
    }
}

/// The verdict on one window, and how many of its runs it took.
fn session(rule: Rule, runs: &[Run], start: usize, effect: f64, draw: u64) -> (Verdict, usize) {
    let window = &runs[start..start + rule.runs()];
    match rule {
        Rule::RunsASide(number) => {
            let (before, after) = window.split_at(number);
            let question = question(
                before.iter().map(|run| recorded(run, 0.0)).collect(),
                after.iter().map(|run| recorded(run, effect)).collect(),
            );
            (verdict(&comparison::compare(question, None)), window.len())
        }
        Rule::Paired => paired(window, effect, draw),
    }
}

/// The pairs of a window, before and after, in the order that a record draws.
fn pairs(window: &[Run], effect: f64, draw: u64) -> (SessionRecord, Vec<[Recorded; 2]>) {
    let mut record = record(draw);
    let mut pairs = Vec::new();
    for (index, two) in window.chunks_exact(2).enumerate() {
        let (before, after) = match record.order(index + 1) {
            [Phase::Before, _] => (&two[0], &two[1]),
            [Phase::After, _] => (&two[1], &two[0]),
        };
        let pair = [recorded(before, 0.0), recorded(after, effect)];
        let [before, after] =
            pair.each_ref().map(|run| Member { name: run_name(), p99_ms: run.result.p99_ms });
        record.pairs.push(PairRecord { before, after });
        pairs.push(pair);
    }
    (record, pairs)
}

fn paired(window: &[Run], effect: f64, draw: u64) -> (Verdict, usize) {
    let (record, pairs) = pairs(window, effect, draw);
    let assessment = record.assess();
    let used = assessment.look.map_or(pairs.len(), |look| look.pairs);
    let (before, after) =
        pairs.into_iter().take(used).map(|[before, after]| (before, after)).unzip();
    let session = match assessment.progress {
        Progress::Final(verdict) => {
            Some(EndedSession { verdict, look: assessment.look, after_failures: Vec::new() })
        }
        Progress::Continue { .. } => None,
    };
    let question = Question { session, ..question(before, after) };
    let comparison = comparison::compare(question, None);
    (verdict(&comparison), 2 * used)
}

fn verdict(comparison: &Comparison) -> Verdict {
    let found = comparison.paired_verdict() == Some(PairedVerdict::NoRegressionFound);
    match comparison.outcome() {
        Outcome::Success if found => Verdict::NoRegressionFound,
        Outcome::Success => Verdict::NotRegressed,
        Outcome::InternalRegression | Outcome::CompetitiveRegression => Verdict::Regressed,
        Outcome::Undecided | Outcome::CannotJudge => Verdict::Unsure,
    }
}

fn question(before: Vec<Recorded>, after: Vec<Recorded>) -> Question {
    let group = |runs: Vec<Recorded>| {
        Some(Group {
            planned: u32::try_from(runs.len()).unwrap_or(u32::MAX),
            runs: runs.into_iter().map(Ok).collect(),
        })
    };
    Question {
        task: None,
        mode: Mode::Internal,
        before: group(before),
        after: group(after),
        baseline: None,
        session: None,
    }
}

/// The run, slower by `effect` per cent.
fn recorded(run: &Run, effect: f64) -> Recorded {
    let mut result = run.result.clone();
    result.p99_ms *= 1.0 + effect / 100.0;
    Recorded { path: PathBuf::new(), result, provenance: None, bytes: run.bytes.clone() }
}

fn record(seed: u64) -> SessionRecord {
    let subject = Subject {
        mode: Mode::Internal,
        before: String::new(),
        after: String::new(),
        scenario: String::new(),
        duration_seconds: 0,
    };
    SessionRecord {
        seed,
        ..SessionRecord::open(subject, run_name().timestamp, String::new(), PLAN)
    }
}

/// Any: names say nothing here.
fn run_name() -> RunName {
    RunName::parse("replayed_after_20000101_000000").expect("a name")
}
