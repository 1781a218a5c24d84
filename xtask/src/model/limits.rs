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
/// The largest difference between the length of a load and the planned one, as a share of it; of results without
/// provenance, between the lengths of the two loads, as a share of the before side's.
pub(crate) const ELAPSED_SHARE: f64 = 0.05;
/// The fewest operations that a run has, as a share of what its throughput and the length of its load promise.
pub(crate) const PROMISED_SHARE: f64 = 0.5;
/// The largest difference between the P99 of a run and the largest of its operations', as a share of that one.
pub(crate) const P99_SHARE: f64 = 0.01;
/// An operation with so many requests before does not vanish by chance.
pub(crate) const LEAST_REQUESTS: u64 = 100;
/// How far the clock of another machine may be ahead of this one's, in hours.
pub(crate) const HOURS_AHEAD: i64 = 24;
/// How many thresholds a P50 and a P95 have to rise beyond to outweigh a P99 within its limit.
pub(crate) const OUTWEIGHING_THRESHOLDS: f64 = 4.0;
/// How many thresholds a figure that is not judged may rise without a word.
pub(crate) const SILENT_THRESHOLDS: f64 = 2.0;
/// The share of the offered load below which it counts as not reached.
pub(crate) const OFFERED_LOAD_REACHED: f64 = 0.95;

/// When a paired session is looked at, how often all its looks together may be wrong (call an unchanged server slower,
/// or pass one that is slower by the margin), and how many failed runs of the after server end it. Eight pairs are the
/// fewest at which the exact test can decide at all when 2 % are shared among four looks. It ends at 24 pairs, unless
/// another end is asked for.
pub const PLAN: Plan = Plan {
    possible_looks: &[8, 12, 16, 24, 40],
    last_look: 24,
    family_alpha: 0.02,
    failures_that_end: 2,
};
/// The load of a run where no duration is asked for, in seconds.
pub(crate) const RUN_SECONDS: u64 = 60;
/// The load of a run in a pair where no duration is asked for, in seconds.
pub(crate) const PAIR_SECONDS: u64 = 10;
/// The share of the CPUs' time from which on two servers that are measured at the same time slow each other: on two
/// shared cores they did so at 0.74 to 0.94.
pub(crate) const FULL_SHARE: f64 = 0.74;

/// The newest runs that are searched for what they know of a binary or of the machine's noise. Older ones say less
/// about the machine of today.
pub(crate) const NEWEST_RUNS: usize = 200;
/// Largest spread of the P99s of a reproducible measurement: from its lowest run to its highest, in per cent of the median.
pub(crate) const REPRODUCIBLE_SPREAD_PERCENT: f64 = 5.0;
/// The share of the CPUs' time, used by others, above which the machine was busy.
pub(crate) const BUSY_SHARE: f64 = 0.10;
/// The share of what all others used from which on one of them is named.
pub(crate) const CULPRIT_SHARE: f64 = 0.25;
/// The stolen share of the wanted CPU time above which the host was busy with others.
pub(crate) const STOLEN_SHARE: f64 = 0.05;
/// Governors that let the clock fall under a load of short requests.
pub(crate) const THROTTLING: [&str; 2] = ["powersave", "conservative"];
/// The power supply on which CPUs slow down, as the provenance names it.
pub(crate) const BATTERY: &str = "battery";
/// The memory that a server needs besides its nodes, in bytes: Engram has about 3 GB from the start.
pub(crate) const SERVER_BYTES: u64 = 3_000_000_000;
/// The memory that a server needs for a number of an embedding, in bytes: it is kept and indexed, four bytes each.
pub(crate) const BYTES_PER_DIMENSION: u64 = 8;

/// The P99 and throughput threshold of a mode, in per cent.
pub fn threshold_percent(mode: Mode) -> f64 {
    match mode {
        Mode::Internal => INTERNAL_THRESHOLD_PERCENT,
        Mode::Competitive => COMPETITIVE_THRESHOLD_PERCENT,
    }
}
