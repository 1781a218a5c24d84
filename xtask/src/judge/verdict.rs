//! The decision table: from two sides' figures to an outcome.

use std::fmt;

use crate::model::limits::{ERROR_RATE_POINTS, POSITION_POINTS, threshold_percent};
use crate::model::names::Mode;
use crate::stats::numbers::exceeds;
use crate::stats::paired::PairedVerdict;

/// What decides about one side: medians where several runs were taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// 99th percentile of the latency, in milliseconds; above 0.
    pub p99_ms: f64,
    /// Requests per second; above 0 on the before side.
    pub throughput: f64,
    /// Share of failed requests, 0 to 1.
    pub error_rate: f64,
}

/// How the change of P99 is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum P99Rule {
    /// By the threshold on the two sides' figures.
    Threshold,
    /// A paired session has answered it.
    Paired(PairedVerdict),
}

/// The metrics that Level 1 judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// 99th percentile of the latency: must not rise.
    P99,
    /// Requests per second: must not fall.
    Throughput,
    /// Share of failed requests: must not rise.
    ErrorRate,
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::P99 => "P99",
            Self::Throughput => "throughput",
            Self::ErrorRate => "error rate",
        })
    }
}

/// After against before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Changes {
    /// Change of P99, in per cent of before.
    pub p99_percent: f64,
    /// Change of throughput, in per cent of before.
    pub throughput_percent: f64,
    /// Change of the error rate, in percentage points.
    pub error_points: f64,
}

/// Level 2: where the server stands against its competitor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    /// The competitor's P99, in milliseconds.
    pub baseline_ms: f64,
    /// How much faster than the competitor, in per cent of its P99, before.
    pub speedup_before: f64,
    /// The same, after.
    pub speedup_after: f64,
    /// What became of the position.
    pub standing: Standing,
}

/// What became of the position against the competitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Slower than the competitor, by this change or in spite of it.
    Slower,
    /// Still faster, but by less than may be.
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

/// What it comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// No regression.
    Clean,
    /// Level 1 regressed, in internal mode.
    InternalRegression,
    /// Level 1 regressed in competitive mode, or the position is lost or degraded.
    CompetitiveRegression,
    /// The paired session could not tell.
    Undecided,
}

/// The whole verdict on one mode.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The mode.
    pub mode: Mode,
    /// After against before.
    pub changes: Changes,
    /// The metrics that regressed, all of them.
    pub regressed: Vec<Metric>,
    /// Level 2, in competitive mode.
    pub position: Option<Position>,
    /// What it comes to.
    pub decision: Decision,
}

/// Judges `after` against `before`. `baseline_ms` is the competitor's P99: with it Level 2 is judged too, which is
/// what competitive mode does.
pub fn judge(
    mode: Mode,
    before: Figures,
    after: Figures,
    baseline_ms: Option<f64>,
    rule: P99Rule,
) -> Verdict {
    let changes = Changes {
        p99_percent: percent(before.p99_ms, after.p99_ms),
        throughput_percent: percent(before.throughput, after.throughput),
        error_points: (after.error_rate - before.error_rate) * 100.0,
    };
    let regressed = regressed(mode, &changes, rule);
    let position =
        baseline_ms.map(|baseline_ms| position(baseline_ms, before, after, !regressed.is_empty()));
    let lost = position
        .is_some_and(|position| matches!(position.standing, Standing::Slower | Standing::Degraded));
    let undecided = matches!(
        rule,
        P99Rule::Paired(PairedVerdict::Suspected | PairedVerdict::AfterFails)
    );
    let decision = match (mode, regressed.is_empty()) {
        (Mode::Internal, false) => Decision::InternalRegression,
        (Mode::Competitive, false) => Decision::CompetitiveRegression,
        (Mode::Competitive, true) if lost => Decision::CompetitiveRegression,
        _ if undecided => Decision::Undecided,
        _ => Decision::Clean,
    };
    Verdict {
        mode,
        changes,
        regressed,
        position,
        decision,
    }
}

fn regressed(mode: Mode, changes: &Changes, rule: P99Rule) -> Vec<Metric> {
    let threshold = threshold_percent(mode);
    let slower = match rule {
        P99Rule::Threshold => exceeds(changes.p99_percent, threshold),
        P99Rule::Paired(verdict) => verdict == PairedVerdict::Regressed,
    };
    [
        (Metric::P99, slower),
        (
            Metric::Throughput,
            exceeds(-changes.throughput_percent, threshold),
        ),
        (
            Metric::ErrorRate,
            exceeds(changes.error_points, ERROR_RATE_POINTS),
        ),
    ]
    .into_iter()
    .filter_map(|(metric, regressed)| regressed.then_some(metric))
    .collect()
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
    Position {
        baseline_ms,
        speedup_before,
        speedup_after,
        standing,
    }
}

fn percent(before: f64, after: f64) -> f64 {
    (after - before) / before * 100.0
}
