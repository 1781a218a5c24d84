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

/// The answer of a paired session on P99: its verdict, and its estimate of the change in per cent; `None` if it ended
/// before its first look.
pub type Paired = (PairedVerdict, Option<f64>);

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
    /// Judges P99 instead of the threshold.
    paired: Option<Paired>,
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
        match (metric, self.paired) {
            (Metric::P99, Some((_, Some(percent)))) => percent,
            _ => metric.change(before, after),
        }
    }

    fn is_beyond_limit(&self, metric: Metric) -> bool {
        let limit = metric.limit(self.mode);
        match (metric, self.paired) {
            (Metric::P99, Some((verdict, _))) => verdict == PairedVerdict::Regressed,
            _ => exceeds(self.change(metric) * limit.signum(), limit.abs()),
        }
    }
}

/// Judges two sides. `baseline_ms` is the P99 of the competitor in milliseconds, in competitive mode.
pub fn judge(
    mode: Mode,
    figures: [Figures; 2],
    baseline_ms: Option<f64>,
    paired: Option<Paired>,
) -> Verdict {
    let (regressed, outcome) = (Vec::new(), Outcome::Success);
    let mut verdict = Verdict { mode, figures, paired, regressed, position: None, outcome };
    verdict.regressed =
        Metric::ALL.into_iter().filter(|metric| verdict.is_beyond_limit(*metric)).collect();
    let regressed = !verdict.regressed.is_empty();
    verdict.position = baseline_ms.map(|baseline_ms| position(baseline_ms, figures, regressed));
    let standing = verdict.position.map(|position| position.standing);
    let lost = matches!(standing, Some(Standing::Slower | Standing::Degraded));
    let unsettled = [PairedVerdict::Suspected, PairedVerdict::AfterFails];
    verdict.outcome = match mode {
        Mode::Internal if regressed => Outcome::InternalRegression,
        Mode::Competitive if regressed || lost => Outcome::CompetitiveRegression,
        _ if paired.is_some_and(|(verdict, _)| unsettled.contains(&verdict)) => Outcome::Undecided,
        _ => Outcome::Success,
    };
    verdict
}

fn position(baseline_ms: f64, figures: [Figures; 2], level_1_regressed: bool) -> Position {
    let p99s_ms = figures.map(|figures| figures.p99_ms);
    let [speedup_before, speedup_after] =
        p99s_ms.map(|p99_ms| (baseline_ms - p99_ms) / baseline_ms * 100.0);
    let is_behind = p99s_ms.map(|p99_ms| exceeds(p99_ms, baseline_ms));
    let standing = standing(is_behind, speedup_before - speedup_after, level_1_regressed);
    Position { baseline_ms, speedup_before, speedup_after, standing }
}

/// The first rule that holds. `fall` is that of the speedup, in percentage points.
pub(crate) fn standing(
    [was_behind, is_behind]: [bool; 2],
    fall: f64,
    level_1_regressed: bool,
) -> Standing {
    if is_behind && (!was_behind || level_1_regressed) {
        Standing::Slower
    } else if exceeds(fall, POSITION_POINTS) || (level_1_regressed && exceeds(fall, 0.0)) {
        Standing::Degraded
    } else if is_behind {
        Standing::StillBehind
    } else {
        Standing::Maintained
    }
}
