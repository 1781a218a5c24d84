//! Every number that decides.

use crate::model::names::Mode;
use crate::stats::paired::Plan;

/// The competitor that competitive results are held against.
pub const COMPETITOR: &str = "Neo4j";

/// Largest P99 rise and throughput fall of a clean change, in per cent, in internal mode.
pub const INTERNAL_THRESHOLD_PERCENT: f64 = 5.0;
/// The same in competitive mode.
pub const COMPETITIVE_THRESHOLD_PERCENT: f64 = 10.0;
/// Largest rise of the error rate of a clean change, in percentage points.
pub const ERROR_RATE_POINTS: f64 = 5.0;
/// Largest fall of the speedup over the competitor that is no degradation by itself, in percentage points.
pub const POSITION_POINTS: f64 = 5.0;
/// Largest share of failed requests on the before side: above it the latencies are those of error replies.
pub const FAILED_BEFORE: f64 = 0.10;
/// The largest difference of the elapsed times of results without provenance, as a share of the before side's.
pub(crate) const ELAPSED_SHARE: f64 = 0.05;
/// The share of the offered load below which it counts as not reached.
pub(crate) const OFFERED_LOAD_REACHED: f64 = 0.95;

/// When a paired session is looked at, how often all its looks together may be wrong (call an unchanged server slower,
/// or pass one that is slower by the margin), and how many failed runs of the after server end it. Six pairs are the
/// fewest at which the exact test can decide at all when 5 % are shared among three looks.
pub const PLAN: Plan = Plan::new(&[6, 10, 16], 0.05, 2);

/// The P99 and throughput threshold of a mode, in per cent.
pub fn threshold_percent(mode: Mode) -> f64 {
    match mode {
        Mode::Internal => INTERNAL_THRESHOLD_PERCENT,
        Mode::Competitive => COMPETITIVE_THRESHOLD_PERCENT,
    }
}
