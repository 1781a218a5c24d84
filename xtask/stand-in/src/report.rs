//! The result of a load: counts, percentiles, and the limits missed.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::requests::Kind;
use crate::scenario::Limits;

/// Largest latency that enters the percentiles, in microseconds, as in the real load generator. Slower
/// operations are counted, but their latencies are left out.
pub const LONGEST_RECORDED_US: u64 = 60_000;

const SIGNIFICANT_DIGITS: u8 = 3;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The answer was a 2xx.
    Success,
    /// Any other answer, or none.
    Failure,
}

/// Outcomes and latencies of one kind of request.
#[derive(Default)]
struct Tally {
    latencies: Option<Histogram<u64>>,
    successes: u64,
    errors: u64,
}

/// Outcomes and latencies so far.
#[derive(Default)]
pub struct Tallies(BTreeMap<Kind, Tally>);

impl Tallies {
    /// Counts one request.
    pub fn record(&mut self, kind: Kind, latency: Duration, outcome: Outcome) {
        let tally = self.0.entry(kind).or_default();
        match outcome {
            Outcome::Success => tally.successes += 1,
            Outcome::Failure => tally.errors += 1,
        }
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        if micros <= LONGEST_RECORDED_US {
            if tally.latencies.is_none() {
                tally.latencies =
                    Histogram::new_with_bounds(1, LONGEST_RECORDED_US, SIGNIFICANT_DIGITS).ok();
            }
            if let Some(latencies) = &mut tally.latencies {
                latencies.saturating_record(micros);
            }
        }
    }

    /// Requests counted.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.0.values().map(|tally| tally.successes + tally.errors).sum()
    }

    /// Requests that failed.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.0.values().map(|tally| tally.errors).sum()
    }
}

/// The result, in the shape and under the names that the real load generator writes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Report {
    pub config_name: String,
    pub elapsed_seconds: f64,
    pub total_operations: u64,
    pub total_errors: u64,
    pub overall_throughput: f64,
    pub overall_error_rate: f64,
    /// The overall percentiles are the largest of the operations' own.
    pub p50_latency_ms: f64,
    pub p95_latency_ms: f64,
    pub p99_latency_ms: f64,
    /// Only the operations that occurred.
    pub per_operation_stats: BTreeMap<Kind, OperationStats>,
}

/// The result for one kind of operation.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct OperationStats {
    pub count: u64,
    pub success_count: u64,
    pub error_count: u64,
    pub p50_latency_us: u64,
    pub p95_latency_us: u64,
    pub p99_latency_us: u64,
    pub p999_latency_us: u64,
    pub mean_latency_us: f64,
    pub max_latency_us: u64,
}

/// Sums up a load that took `elapsed`.
#[must_use]
pub fn summarize(name: &str, tallies: &Tallies, elapsed: Duration) -> Report {
    let stats: BTreeMap<Kind, OperationStats> =
        tallies.0.iter().map(|(kind, tally)| (*kind, operation_stats(tally))).collect();
    let largest_ms = |percentile: fn(&OperationStats) -> u64| {
        stats.values().map(percentile).max().unwrap_or(0) as f64 / 1_000.0
    };
    let (operations, errors) = (tallies.operations(), tallies.errors());
    Report {
        config_name: name.to_owned(),
        elapsed_seconds: elapsed.as_secs_f64(),
        total_operations: operations,
        total_errors: errors,
        overall_throughput: ratio(operations as f64, elapsed.as_secs_f64()),
        overall_error_rate: ratio(errors as f64, operations as f64),
        p50_latency_ms: largest_ms(|stats| stats.p50_latency_us),
        p95_latency_ms: largest_ms(|stats| stats.p95_latency_us),
        p99_latency_ms: largest_ms(|stats| stats.p99_latency_us),
        per_operation_stats: stats,
    }
}

/// The limits that a result misses, a sentence each.
#[must_use]
pub fn missed_limits(report: &Report, limits: &Limits) -> Vec<String> {
    let mut missed = Vec::new();
    if let Some(limit) =
        limits.expected_p99_latency_ms.filter(|limit| report.p99_latency_ms > *limit)
    {
        missed.push(format!("P99 latency {} ms is above {limit} ms", report.p99_latency_ms));
    }
    if let Some(limit) =
        limits.expected_throughput_ops_sec.filter(|limit| report.overall_throughput < *limit)
    {
        missed.push(format!("throughput {:.1}/s is below {limit}/s", report.overall_throughput));
    }
    if let Some(limit) = limits.max_error_rate.filter(|limit| report.overall_error_rate > *limit) {
        missed.push(format!("error rate {:.4} is above {limit}", report.overall_error_rate));
    }
    missed
}

fn operation_stats(tally: &Tally) -> OperationStats {
    let latencies = tally.latencies.as_ref();
    let quantile =
        |quantile| latencies.map_or(0, |latencies| latencies.value_at_quantile(quantile));
    OperationStats {
        count: tally.successes + tally.errors,
        success_count: tally.successes,
        error_count: tally.errors,
        p50_latency_us: quantile(0.5),
        p95_latency_us: quantile(0.95),
        p99_latency_us: quantile(0.99),
        p999_latency_us: quantile(0.999),
        mean_latency_us: latencies.map_or(0.0, Histogram::mean),
        max_latency_us: latencies.map_or(0, Histogram::max),
    }
}

/// A quotient that is always finite: 0 where there is nothing to divide by.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use Outcome::{Failure, Success};

    fn report(requests: &[(Kind, u64, Outcome)]) -> Report {
        let mut tallies = Tallies::default();
        for (kind, micros, outcome) in requests {
            tallies.record(*kind, Duration::from_micros(*micros), *outcome);
        }
        summarize("Sample", &tallies, Duration::from_secs(2))
    }

    fn limits(p99: f64, throughput: f64, error_rate: f64) -> Limits {
        Limits {
            expected_p99_latency_ms: Some(p99),
            expected_throughput_ops_sec: Some(throughput),
            max_error_rate: Some(error_rate),
        }
    }

    #[test]
    fn a_latency_above_sixty_milliseconds_is_counted_but_left_out_of_the_percentiles() {
        let report = report(&[(Kind::Store, 500, Success), (Kind::Store, 60_001, Success)]);
        let stats = &report.per_operation_stats[&Kind::Store];
        assert_eq!((stats.count, stats.max_latency_us), (2, 500));
    }

    #[test]
    fn a_latency_of_sixty_milliseconds_is_recorded_to_three_digits() {
        let max = report(&[(Kind::Store, 60_000, Success)]).per_operation_stats[&Kind::Store]
            .max_latency_us;
        assert!((60_000..60_060).contains(&max), "{max}");
    }

    #[test]
    fn the_overall_percentiles_are_the_largest_of_the_operations() {
        let report = report(&[(Kind::Store, 300, Success), (Kind::Recall, 700, Success)]);
        assert_eq!((report.p50_latency_ms, report.p99_latency_ms), (0.7, 0.7));
    }

    #[test]
    fn operations_that_did_not_occur_are_absent() {
        let report = report(&[(Kind::Search, 300, Success)]);
        assert_eq!(report.per_operation_stats.keys().collect::<Vec<_>>(), [&Kind::Search]);
    }

    #[test]
    fn the_json_has_the_shape_of_the_real_load_generator() {
        let json =
            serde_json::to_value(report(&[(Kind::PatternCompletion, 500, Failure)])).unwrap();
        let expected: Value = json!({
            "config_name": "Sample",
            "elapsed_seconds": 2.0,
            "total_operations": 1,
            "total_errors": 1,
            "overall_throughput": 0.5,
            "overall_error_rate": 1.0,
            "p50_latency_ms": 0.5,
            "p95_latency_ms": 0.5,
            "p99_latency_ms": 0.5,
            "per_operation_stats": {
                "PatternCompletion": {
                    "count": 1, "success_count": 0, "error_count": 1,
                    "p50_latency_us": 500, "p95_latency_us": 500, "p99_latency_us": 500, "p999_latency_us": 500,
                    "mean_latency_us": 500.0, "max_latency_us": 500,
                }
            }
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn a_load_of_nothing_in_no_time_has_finite_figures() {
        let report = summarize("Sample", &Tallies::default(), Duration::ZERO);
        assert_eq!((report.overall_throughput, report.overall_error_rate), (0.0, 0.0));
    }

    #[test]
    fn every_limit_that_is_missed_is_told() {
        let report = report(&[(Kind::Store, 500, Failure)]);
        assert_eq!(missed_limits(&report, &limits(0.4, 1.0, 0.5)).len(), 3);
    }

    #[test]
    fn a_limit_that_is_just_met_is_not_missed() {
        let report = report(&[(Kind::Store, 500, Failure)]);
        assert_eq!(missed_limits(&report, &limits(0.5, 0.5, 1.0)), Vec::<String>::new());
    }
}
