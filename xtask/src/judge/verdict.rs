//! The decision table: from the figures of two sides to an outcome.

use std::fmt;

use crate::model::limits::{ERROR_RATE_POINTS, POSITION_POINTS, threshold_percent};
use crate::model::names::Mode;
use crate::stats::numbers::exceeds;
use crate::stats::paired::PairedVerdict;

/// The judged figures of one side: medians where it has several runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// 99th percentile of the latency, in milliseconds; above 0.
    pub p99_ms: f64,
    /// Requests per second; above 0 on the before side.
    pub throughput: f64,
    /// Share of failed requests, 0 to 1.
    pub error_rate: f64,
}

/// The judge of the change of P99.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum P99Rule {
    /// The threshold, applied to the figures of the two sides.
    Threshold,
    /// A paired session.
    Paired {
        verdict: PairedVerdict,
        /// The pairs' estimate of the change, in per cent; `None` if the session ended before its first look.
        percent: Option<f64>,
    },
}

/// The metrics that Level 1 judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    P99,
    Throughput,
    ErrorRate,
}

impl Metric {
    pub const ALL: [Self; 3] = [Self::P99, Self::Throughput, Self::ErrorRate];

    /// The figure that it is.
    pub(crate) fn of(self, figures: Figures) -> f64 {
        match self {
            Self::P99 => figures.p99_ms,
            Self::Throughput => figures.throughput,
            Self::ErrorRate => figures.error_rate,
        }
    }

    /// The change in per cent of before; for the error rate, in percentage points.
    fn change(self, before: Figures, after: Figures) -> f64 {
        let (before, after) = (self.of(before), self.of(after));
        match self {
            Self::P99 | Self::Throughput => (after - before) / before * 100.0,
            Self::ErrorRate => (after - before) * 100.0,
        }
    }

    /// The largest change that passes, in the unit of the change: positive where a rise is worse, negative where a
    /// fall is.
    pub(crate) fn limit(self, mode: Mode) -> f64 {
        match self {
            Self::P99 => threshold_percent(mode),
            Self::Throughput => -threshold_percent(mode),
            Self::ErrorRate => ERROR_RATE_POINTS,
        }
    }
}

/// Level 2: the position of the server against its competitor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    /// The competitor's P99, in milliseconds.
    pub baseline_ms: f64,
    /// The lead over the competitor before the change, in per cent of the competitor's P99.
    pub speedup_before: f64,
    /// The same, after.
    pub speedup_after: f64,
    pub standing: Standing,
}

/// The change of the position against the competitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Slower than the competitor, because of this change or in spite of it.
    Slower,
    /// Still faster, but the lead shrank by more than is allowed.
    Degraded,
    /// Slower than the competitor, as it was before.
    StillBehind,
    /// Faster than the competitor.
    Maintained,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Slower => "slower than the competitor",
            Self::Degraded => "positioning degraded",
            Self::StillBehind => "still behind",
            Self::Maintained => "advantage maintained",
        })
    }
}

/// The outcome of a command or a comparison, from the best to the worst: a regression is worse than not knowing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Done, or no regression.
    Success,
    /// A paired session ended without an answer.
    Undecided,
    /// Not measured, or impossible to judge.
    CannotJudge,
    /// Level 1 regressed, in internal mode.
    InternalRegression,
    /// Level 1 regressed in competitive mode, or the position is lost or degraded.
    CompetitiveRegression,
}

impl Outcome {
    /// The exit code. Nothing else chooses one.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::InternalRegression => 1,
            Self::CompetitiveRegression => 2,
            Self::Undecided | Self::CannotJudge => 3,
        }
    }

    /// The worst of several; success if there are none.
    pub(crate) fn worst(outcomes: impl IntoIterator<Item = Self>) -> Self {
        outcomes.into_iter().max().unwrap_or(Self::Success)
    }

    pub(crate) fn is_regression(self) -> bool {
        self >= Self::InternalRegression
    }
}

/// The verdict on one mode.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    pub mode: Mode,
    /// Before and after.
    figures: [Figures; 2],
    rule: P99Rule,
    /// All metrics that regressed.
    pub regressed: Vec<Metric>,
    /// `None` without a baseline.
    pub position: Option<Position>,
    pub(crate) outcome: Outcome,
}

impl Verdict {
    /// The change of a metric, in per cent of before (the error rate: in percentage points). In a paired session the
    /// change of P99 is the pairs' estimate, which is what was judged.
    pub fn change(&self, metric: Metric) -> f64 {
        let [before, after] = self.figures;
        match (metric, self.rule) {
            (Metric::P99, P99Rule::Paired { percent: Some(percent), .. }) => percent,
            _ => metric.change(before, after),
        }
    }

    fn is_beyond_limit(&self, metric: Metric) -> bool {
        let limit = metric.limit(self.mode);
        match (metric, self.rule) {
            (Metric::P99, P99Rule::Paired { verdict, .. }) => verdict == PairedVerdict::Regressed,
            _ => exceeds(self.change(metric) * limit.signum(), limit.abs()),
        }
    }
}

/// Judges two sides. `baseline_ms` is the P99 of the competitor in milliseconds, in competitive mode.
pub fn judge(
    mode: Mode,
    before: Figures,
    after: Figures,
    baseline_ms: Option<f64>,
    rule: P99Rule,
) -> Verdict {
    let mut verdict = Verdict {
        mode,
        figures: [before, after],
        rule,
        regressed: Vec::new(),
        position: None,
        outcome: Outcome::Success,
    };
    verdict.regressed =
        Metric::ALL.into_iter().filter(|metric| verdict.is_beyond_limit(*metric)).collect();
    let regressed = !verdict.regressed.is_empty();
    verdict.position =
        baseline_ms.map(|baseline_ms| position(baseline_ms, before, after, regressed));
    let lost = verdict
        .position
        .is_some_and(|position| matches!(position.standing, Standing::Slower | Standing::Degraded));
    let undecided = matches!(
        rule,
        P99Rule::Paired { verdict: PairedVerdict::Suspected | PairedVerdict::AfterFails, .. }
    );
    verdict.outcome = match mode {
        Mode::Internal if regressed => Outcome::InternalRegression,
        Mode::Competitive if regressed || lost => Outcome::CompetitiveRegression,
        _ if undecided => Outcome::Undecided,
        _ => Outcome::Success,
    };
    verdict
}

/// The first rule that holds is the standing.
fn position(
    baseline_ms: f64,
    before: Figures,
    after: Figures,
    level_1_regressed: bool,
) -> Position {
    let speedup = |p99_ms: f64| (baseline_ms - p99_ms) / baseline_ms * 100.0;
    let (speedup_before, speedup_after) = (speedup(before.p99_ms), speedup(after.p99_ms));
    let fall = speedup_before - speedup_after;
    let behind = |p99_ms: f64| exceeds(p99_ms, baseline_ms);
    let standing = if behind(after.p99_ms) && (!behind(before.p99_ms) || level_1_regressed) {
        Standing::Slower
    } else if exceeds(fall, POSITION_POINTS) || (level_1_regressed && exceeds(fall, 0.0)) {
        Standing::Degraded
    } else if behind(after.p99_ms) {
        Standing::StillBehind
    } else {
        Standing::Maintained
    };
    Position { baseline_ms, speedup_before, speedup_after, standing }
}
