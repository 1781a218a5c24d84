//! Sessions made of recorded runs, in recorded order, judged by the shipped code.

use std::collections::BTreeMap;
use std::path::PathBuf;

use xtask::judge::comparison::{self, Comparison, EndedSession, Question};
use xtask::judge::verdict::Outcome;
use xtask::model::limits::PLAN;
use xtask::model::names::{How, Mode, Phase, RunName};
use xtask::model::recorded::{Group, Recorded};
use xtask::model::session::{Member, PairRecord, SessionRecord, Subject};
use xtask::stats::paired::PairedVerdict;
use xtask::stats::signed_rank::interval;

use crate::recording::{Recording, Run};

/// The changes of P99 that are multiplied in, in per cent.
const EFFECTS: [u32; 5] = [0, 5, 10, 25, 50];
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
    /// For each of [`EFFECTS`].
    pub effects: Sessions,
}

/// Sessions by the change that they are about, in per cent.
pub type Sessions = BTreeMap<u32, Tally>;

/// What sessions about one change came to.
#[derive(Default)]
pub struct Tally {
    /// All sessions, windows times orders.
    pub sessions: usize,
    /// Sessions by what they came to.
    pub verdicts: BTreeMap<Verdict, usize>,
    /// The same for the sessions that do not overlap, one order each.
    pub disjoint: BTreeMap<Verdict, usize>,
    /// Machine time of each, in minutes.
    pub minutes: Vec<f64>,
    /// The smallest change that each would tell if it went on to its end, as the logarithm of a ratio.
    pub smallest_changes: Vec<f64>,
}

impl Tally {
    /// Counts a session.
    pub fn add(&mut self, verdict: Verdict, minutes: f64) {
        self.sessions += 1;
        *self.verdicts.entry(verdict).or_default() += 1;
        self.minutes.push(minutes);
    }

    /// The share of the sessions that came to such a verdict, 0 to 1.
    #[allow(clippy::cast_precision_loss, reason = "thousands at most")]
    pub fn share(&self, is_meant: impl Fn(Verdict) -> bool) -> f64 {
        let meant = self.verdicts.iter().filter(|(verdict, _)| is_meant(**verdict));
        meant.map(|(_, count)| *count).sum::<usize>() as f64 / self.sessions as f64
    }
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

    /// By what a session came to.
    pub fn of(verdict: Option<PairedVerdict>) -> Self {
        match verdict {
            Some(PairedVerdict::Regressed) => Self::Regressed,
            Some(PairedVerdict::NotRegressed) => Self::NotRegressed,
            Some(PairedVerdict::NoRegressionFound) => Self::NoRegressionFound,
            _ => Self::Unsure,
        }
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
                let session = session(rule, runs, start, effect, draw);
                let seconds = runs[start..start + session.runs].iter().map(|run| run.seconds);
                tally.add(session.verdict, seconds.sum::<f64>() / 60.0);
                tally.smallest_changes.extend(session.smallest_change);
                if draw == 0 && is_disjoint(start) {
                    *tally.disjoint.entry(session.verdict).or_default() += 1;
                }
            }
        }
        (effect, tally)
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
            Self::Paired => 2 * PLAN.last_look,
        }
    }
}

/// One window.
struct Session {
    verdict: Verdict,
    /// That it took.
    runs: usize,
    /// By all pairs of the plan.
    smallest_change: Option<f64>,
}

fn session(rule: Rule, runs: &[Run], start: usize, effect: u32, draw: u64) -> Session {
    let window = &runs[start..start + rule.runs()];
    match rule {
        Rule::RunsASide(number) => {
            let (before, after) = window.split_at(number);
            let question = question(
                before.iter().map(|run| recorded(run, 0)).collect(),
                after.iter().map(|run| recorded(run, effect)).collect(),
            );
            Session {
                verdict: verdict(&comparison::compare(question, None)),
                runs: window.len(),
                smallest_change: None,
            }
        }
        Rule::Paired => paired(window, effect, draw),
    }
}

/// The pairs of a window, before and after, in the order that a record draws.
fn pairs(window: &[Run], effect: u32, draw: u64) -> (SessionRecord, Vec<[Recorded; 2]>) {
    let mut record = record(draw);
    let mut pairs = Vec::new();
    for (index, two) in window.chunks_exact(2).enumerate() {
        let (before, after) = match record.order(index + 1) {
            [Phase::Before, _] => (&two[0], &two[1]),
            [Phase::After, _] => (&two[1], &two[0]),
        };
        let pair = [recorded(before, 0), recorded(after, effect)];
        let [before, after] = pair.each_ref().map(|run| Member::of(run_name(), run));
        record.pairs.push(PairRecord { before, after });
        pairs.push(pair);
    }
    (record, pairs)
}

fn paired(window: &[Run], effect: u32, draw: u64) -> Session {
    let (record, pairs) = pairs(window, effect, draw);
    let assessment = record.assess();
    let used = assessment.look.map_or(pairs.len(), |look| look.pairs);
    let (before, after) =
        pairs.into_iter().take(used).map(|[before, after]| (before, after)).unzip();
    let session = assessment.verdict.map(|verdict| EndedSession {
        verdict,
        look: assessment.look,
        how: How::Alternating,
        duration_seconds: 0,
        changes: Vec::new(),
        after_failures: Vec::new(),
    });
    let question = Question { session, ..question(before, after) };
    let comparison = comparison::compare(question, None);
    Session {
        verdict: verdict(&comparison),
        runs: 2 * used,
        smallest_change: interval(&record.differences(), PLAN.alpha()).map(|all| all.half_width()),
    }
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
        now: time::OffsetDateTime::now_utc(),
    }
}

/// The run, slower by `effect` per cent.
fn recorded(run: &Run, effect: u32) -> Recorded {
    let mut result = run.result.clone();
    let slower = 1.0 + f64::from(effect) / 100.0;
    result.p99_ms *= slower;
    result.operations.values_mut().for_each(|operation| operation.p99_ms *= slower);
    Recorded { path: PathBuf::new(), result, provenance: None, bytes: run.bytes.clone() }
}

fn record(seed: u64) -> SessionRecord {
    let subject = Subject {
        mode: Mode::Internal,
        before: String::new(),
        after: String::new(),
        scenario: String::new(),
        duration_seconds: 0,
        how: How::Alternating,
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
