//! One mode of one task, compared: the medians of both sides, and the judgement on them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use time::OffsetDateTime;

use crate::error::Fault;
use crate::judge::contradictions;
use crate::judge::fitness::{self, Reason, Remedy};
use crate::judge::rises::{Rises, operation_p99_ms};
use crate::judge::verdict::{self, Figures, Metric, Outcome, Verdict};
use crate::model::limits::{FULL_SHARE, threshold_percent};
use crate::model::names::{How, Mode, Phase, TaskId};
use crate::model::recorded::{Group, Recorded};
use crate::model::session::Figure;
use crate::stats::numbers::{exceeds, median};
use crate::stats::paired::{self, Look, PairedVerdict};
use crate::stats::signed_rank::Interval;
use crate::stats::single_runs::SingleRuns;

/// Everything to compare.
#[derive(Debug, Clone)]
pub struct Question {
    /// `None` for two named files that are not called after a task.
    pub task: Option<TaskId>,
    pub mode: Mode,
    /// `None` if nothing is recorded.
    pub before: Option<Group>,
    /// `None` if nothing is recorded.
    pub after: Option<Group>,
    /// The competitor's P99, in competitive mode, or the reason why it is unknown.
    pub baseline: Option<Result<Baseline, Reason>>,
    /// The ended session that the groups are the runs of: its pairs judge P99.
    pub session: Option<EndedSession>,
    /// This moment: a result may not be newer.
    pub now: OffsetDateTime,
}

/// The competitor's figure, and the place that states it.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// 99th percentile of the latency, in milliseconds.
    pub p99_ms: f64,
    pub(crate) file: PathBuf,
    /// From 1.
    pub line: usize,
}

/// The answer.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// `None` for two named files that are not called after a task.
    pub task: Option<TaskId>,
    pub mode: Mode,
    /// `None` if it cannot be read.
    pub before: Option<Side>,
    /// `None` if it cannot be read.
    pub after: Option<Side>,
    /// `None` in internal mode, or if it cannot be read.
    pub baseline: Option<Baseline>,
    pub judgement: Judgement,
    pub session: Option<EndedSession>,
    /// The reliability of single runs on this machine; `None` if unknown, or if a session judges.
    pub single_runs: Option<SingleRuns>,
    /// The offered load in requests per second, where both sides kept up with it: it fixes their throughput.
    pub pinned_rate: Option<f64>,
    /// Weaknesses of the judgement, in words.
    pub warnings: Vec<String>,
    /// The reason for which the regression is accepted, if it is.
    pub accepted: Option<String>,
}

/// The judgement on a comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    Judged(Verdict),
    /// Both sides ran the same server, so that their figures differ by the noise of the machine alone.
    SameServer(Verdict),
    /// No verdict, for these reasons.
    Impossible(Vec<Reason>),
}

/// The runs of one side.
#[derive(Debug, Clone)]
pub struct Side {
    pub files: Vec<PathBuf>,
    pub(crate) runs: Vec<Recorded>,
    pub figures: Figures,
    /// Lowest and highest P99 of the runs, in milliseconds.
    pub p99_spread_ms: (f64, f64),
    /// Median P99 of each operation, in milliseconds.
    pub(crate) operation_p99_ms: BTreeMap<String, f64>,
    /// At least one run measured the stand-in.
    pub(crate) stand_in: bool,
    /// Every run has provenance, which the old scripts did not write.
    pub(crate) by_perf_check: bool,
}

/// The answer of a paired session that has ended.
#[derive(Debug, Clone)]
pub struct EndedSession {
    pub verdict: PairedVerdict,
    /// The look that decided; `None` if it ended before the first.
    pub look: Option<Look>,
    pub how: How,
    /// Seconds of load a run.
    pub duration_seconds: u64,
    /// The change of each figure that every pair of the look knows, as a logarithm of a ratio.
    pub changes: Vec<(Figure, Interval)>,
    /// Each failed run of the after server, in words.
    pub after_failures: Vec<String>,
}

/// Judges one mode. `single_runs` is the reliability of single runs on this machine.
pub fn compare(question: Question, single_runs: Option<SingleRuns>) -> Comparison {
    let session = question.session;
    let mut reasons = Vec::new();
    let failed = session.iter().filter(|it| it.verdict == PairedVerdict::AfterFails);
    for why in failed.flat_map(|session| &session.after_failures) {
        // A server that fails cannot be judged by the pairs in which it did not.
        reasons.push(Reason::new(Fault::new(why), Remedy::Measure(Phase::After)));
    }
    let groups = [(Phase::Before, &question.before), (Phase::After, &question.after)];
    let [before, after] = groups.map(|(phase, group)| usable(phase, group.as_ref(), &mut reasons));
    let baseline = question.baseline.and_then(|it| it.map_err(|why| reasons.push(why)).ok());
    let fit = match reasons.is_empty() {
        true => fitness::check(&before, &after, question.now),
        false => Err(reasons),
    };
    // Of a stated and a counted error rate, the stated one is judged before and the worse one after: a miscounted
    // baseline cannot hide an increase.
    let of_before = Side::of(&before, |run| run.result.stated_error_rate);
    let of_after = Side::of(&after, |run| run.result.error_rate);
    let rises = Rises::of(question.mode, &before, &after);
    let mut risen = None;
    let judgement = match (fit, &of_before, &of_after) {
        (Ok(is_same_server), Some(of_before), Some(of_after)) => {
            let paired = session.as_ref().map(|session| {
                let estimate = session.look.map(|look| paired::percent(look.interval.estimate));
                (session.verdict, estimate)
            });
            let competitor_ms = baseline.as_ref().map(|baseline| baseline.p99_ms);
            let figures = [of_before.figures, of_after.figures];
            let verdict = verdict::judge(question.mode, figures, competitor_ms, paired);
            let is_clean = verdict.outcome == Outcome::Success && !is_same_server;
            risen = rises.warning().filter(|_| is_clean);
            // The pairs weigh the other evidence themselves.
            let outweighed = rises.against_a_pass().filter(|_| is_clean && session.is_none());
            let outweighed = outweighed.zip(after.last());
            let mut doubts = fitness::without_latency(&before, &after);
            doubts.extend(outweighed.map(|(why, run)| Reason::of_run(run, why, Remedy::Confirm)));
            match is_same_server {
                _ if !doubts.is_empty() && (is_same_server || !verdict.outcome.is_regression()) => {
                    Judgement::Impossible(doubts)
                }
                false => Judgement::Judged(verdict),
                true => Judgement::SameServer(verdict),
            }
        }
        (fit, ..) => Judgement::Impossible(fit.err().unwrap_or_default()),
    };
    let interrupted =
        groups.into_iter().filter_map(|(phase, group)| interrupted(phase, group.as_ref()?));
    Comparison {
        task: question.task,
        mode: question.mode,
        before: of_before,
        after: of_after,
        baseline,
        judgement,
        single_runs: single_runs.filter(|_| session.is_none()),
        session,
        pinned_rate: pinned_rate(&before, &after),
        warnings: interrupted.chain(fitness::warnings(&before, &after)).chain(risen).collect(),
        accepted: None,
    }
}

impl Comparison {
    /// The verdict of the paired session, if one has ended.
    pub fn paired_verdict(&self) -> Option<PairedVerdict> {
        self.session.as_ref().map(|session| session.verdict)
    }

    /// The before was measured with the change in place, later than the after.
    pub(crate) fn before_is_misplaced(&self) -> bool {
        let sides = [&self.before, &self.after];
        let [before, after] = sides.map(|side| side.as_ref().map_or(&[][..], |side| &side.runs));
        contradictions::is_misplaced(before, after)
    }

    /// The sides that can be read, with their phases.
    pub(crate) fn sides(&self) -> impl Iterator<Item = (Phase, &Side)> {
        let sides = Phase::ALL.into_iter().zip([&self.before, &self.after]);
        sides.filter_map(|(phase, side)| Some((phase, side.as_ref()?)))
    }

    /// At least one run measured the stand-in.
    pub(crate) fn is_of_stand_in(&self) -> bool {
        self.sides().any(|(_, side)| side.stand_in)
    }

    /// The decisive look of the paired session, if there was one.
    pub fn look(&self) -> Option<Look> {
        self.session.as_ref()?.look
    }

    /// A session has used up its plan without a sure answer.
    pub(crate) fn is_open(&self) -> bool {
        let open = [PairedVerdict::Suspected, PairedVerdict::NoRegressionFound];
        self.paired_verdict().is_some_and(|verdict| open.contains(&verdict))
    }

    /// The pairs' pass was withheld, because P95 is surely slower.
    pub(crate) fn is_vetoed(&self) -> bool {
        self.look().is_some_and(|look| look.is_vetoed)
    }

    /// The share of the CPUs that was busy, 0 to 1, where the two servers of a duet filled them: each waited for the
    /// other, so that a change shows less than it is.
    pub(crate) fn contention(&self) -> Option<f64> {
        self.session.as_ref().filter(|session| session.how == How::Duet)?;
        let runs = self.sides().flat_map(|(_, side)| &side.runs);
        let busy = runs.filter_map(|run| run.provenance.as_ref()?.noise.busy_share);
        median(busy).filter(|share| *share >= FULL_SHARE)
    }

    /// The answer of the decision table, if there is one.
    pub(crate) fn verdict(&self) -> Option<&Verdict> {
        match &self.judgement {
            Judgement::Judged(verdict) | Judgement::SameServer(verdict) => Some(verdict),
            Judgement::Impossible(_) => None,
        }
    }

    /// The verdict, if the changes are held against the limits: not on one server that was measured twice.
    pub(crate) fn judged(&self) -> Option<&Verdict> {
        self.verdict().filter(|_| !matches!(self.judgement, Judgement::SameServer(_)))
    }

    /// The reasons why there is no verdict.
    pub(crate) fn reasons(&self) -> &[Reason] {
        match &self.judgement {
            Judgement::Impossible(reasons) => reasons,
            _ => &[],
        }
    }

    /// The outcome in two or three words.
    pub fn headline(&self) -> &'static str {
        let found = self.paired_verdict();
        match (self.outcome(), self.is_unconfirmed()) {
            _ if matches!(self.judgement, Judgement::SameServer(_)) => "same server",
            (Outcome::Success, true) => "unconfirmed",
            (Outcome::InternalRegression, true) => "unconfirmed REGRESSION",
            (Outcome::CompetitiveRegression, true) => "unconfirmed COMPETITIVE REGRESSION",
            (Outcome::Success, _) if self.is_faster() => "faster",
            (Outcome::Success, _) if found == Some(PairedVerdict::NoRegressionFound) => {
                "no regression found"
            }
            (Outcome::Success, _) => "no regression",
            (Outcome::InternalRegression, _) => "REGRESSION",
            (Outcome::CompetitiveRegression, _) => "COMPETITIVE REGRESSION",
            (Outcome::Undecided, _) => "SUSPECTED",
            (Outcome::CannotJudge, _) => "CANNOT JUDGE",
        }
    }

    /// The change of P99 with its bounds, as logarithms of ratios: by the pairs of the session, or by the known noise of
    /// single runs.
    fn interval(&self) -> Option<Interval> {
        if let Some(look) = self.look() {
            return Some(look.interval);
        }
        let (verdict, known) = self.judged().zip(self.single_runs)?;
        let estimate = (verdict.change(Metric::P99) / 100.0).ln_1p();
        let [lower, upper] = [-1.0, 1.0].map(|side| estimate + side * known.smallest_change);
        Some(Interval { estimate, lower, upper })
    }

    /// P99 is lower as surely, and by as much, as it has to be higher for a regression: by the whole interval, and by
    /// more than the margin.
    pub fn is_faster(&self) -> bool {
        let margin = paired::margin(threshold_percent(self.mode));
        let passed = self.paired_verdict().is_none_or(|it| it == PairedVerdict::NotRegressed);
        let is_lower = |it: Interval| it.upper < 0.0 && exceeds(-it.estimate, margin);
        self.judged().is_some() && passed && self.interval().is_some_and(is_lower)
    }

    /// P99 may as well not have changed.
    pub(crate) fn is_indistinguishable(&self) -> bool {
        self.interval().is_some_and(|it| it.lower <= 0.0 && it.upper >= 0.0)
    }

    /// The change of P99 between single runs is within their known noise.
    pub(crate) fn is_within_noise(&self) -> bool {
        self.single_runs.is_some() && self.is_indistinguishable()
    }

    /// The verdict of single runs on P99 could as well be the other one: the known noise is larger than the change,
    /// and reaches beyond the limit.
    pub fn is_unconfirmed(&self) -> bool {
        let margin = paired::margin(threshold_percent(self.mode));
        let regressed = self.judged().map_or(&[][..], |verdict| &verdict.regressed);
        self.is_within_noise()
            && regressed.iter().all(|metric| *metric == Metric::P99)
            && self.interval().is_some_and(|it| it.upper > margin)
    }

    /// The outcome; the same server on both sides is a success.
    pub fn outcome(&self) -> Outcome {
        match &self.judgement {
            Judgement::Judged(verdict) => verdict.outcome,
            Judgement::SameServer(_) => Outcome::Success,
            Judgement::Impossible(_) => Outcome::CannotJudge,
        }
    }
}

/// The worst outcome of all modes.
pub fn outcome(comparisons: &[Comparison]) -> Outcome {
    Outcome::worst(comparisons.iter().map(Comparison::outcome))
}

/// The rate in requests per second that was offered to both sides, if every run reached it.
fn pinned_rate(before: &[Recorded], after: &[Recorded]) -> Option<f64> {
    let rate = |run: &Recorded| run.provenance.as_ref().map(fitness::offered);
    let offered = rate(before.first()?)?;
    let kept_up = |run: &Recorded| {
        rate(run) == Some(offered) && fitness::load_not_reached(&run.result, offered).is_none()
    };
    (!after.is_empty() && before.iter().chain(after).all(kept_up)).then_some(offered)
}

/// The readable runs of a side; the reasons get why the others, or the whole side, are missing.
fn usable(phase: Phase, group: Option<&Group>, reasons: &mut Vec<Reason>) -> Vec<Recorded> {
    let missing = || vec![Err(Fault::new(format!("there is no {phase} result")))];
    let mut usable = Vec::new();
    for run in group.map_or_else(missing, |group| group.runs.clone()) {
        match run {
            Ok(run) => usable.push(run),
            Err(fault) => reasons.push(Reason::new(fault, Remedy::Measure(phase))),
        }
    }
    usable
}

fn interrupted(phase: Phase, group: &Group) -> Option<String> {
    let (found, planned) = (group.runs.len(), usize::try_from(group.planned).ok()?);
    (found < planned)
        .then(|| format!("{phase}: the group was interrupted, {found} of {planned} runs count"))
}

impl Side {
    /// The side of these runs; `None` of no run. `error_rate` selects the rate to judge by.
    pub(crate) fn of(runs: &[Recorded], error_rate: fn(&Recorded) -> f64) -> Option<Self> {
        let p99s = || runs.iter().map(|run| run.result.p99_ms);
        let provenance = || runs.iter().filter_map(|run| run.provenance.as_ref());
        Some(Self {
            files: runs.iter().map(|run| run.path.clone()).collect(),
            figures: Figures {
                p99_ms: median(p99s())?,
                throughput: median(runs.iter().map(|run| run.result.throughput))?,
                error_rate: median(runs.iter().map(error_rate))?,
            },
            p99_spread_ms: (p99s().fold(f64::INFINITY, f64::min), p99s().fold(0.0, f64::max)),
            operation_p99_ms: operation_p99_ms(runs),
            stand_in: provenance().any(|provenance| provenance.build.stand_in),
            by_perf_check: provenance().count() == runs.len(),
            runs: runs.to_vec(),
        })
    }

    /// A count, summed over the runs.
    pub(crate) fn total(&self, count: fn(&Recorded) -> u64) -> u64 {
        self.runs.iter().map(count).fold(0, u64::saturating_add)
    }
}
