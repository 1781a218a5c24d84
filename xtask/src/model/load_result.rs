//! The load generator's result: read whole, or refused with the reason.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::Value;

/// The measurement of one load run.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadResult {
    /// The scenario's name.
    pub(crate) config_name: String,
    /// Wall time of the load, in seconds.
    pub elapsed_seconds: f64,
    /// Requests sent.
    pub total_operations: u64,
    /// Requests that failed.
    pub(crate) total_errors: u64,
    /// Requests per second.
    pub(crate) throughput: f64,
    /// Share of the requests that failed, 0 to 1: the worse of the stated and the counted one, so that a failure that
    /// either of them shows is one.
    pub(crate) error_rate: f64,
    /// The stated one, from which a rise is measured.
    pub(crate) stated_error_rate: f64,
    /// The largest of the operations' medians, in milliseconds.
    pub(crate) p50_ms: f64,
    /// The largest of the operations' 95th percentiles, in milliseconds.
    pub(crate) p95_ms: f64,
    /// The largest of the operations' 99th percentiles, in milliseconds.
    pub p99_ms: f64,
    /// The largest of the operations' 99.9th percentiles, in milliseconds; `None` where none is a latency.
    pub(crate) p999_ms: Option<f64>,
    /// The longest latency of all operations, in milliseconds; `None` where none is a latency.
    pub(crate) max_ms: Option<f64>,
    /// Each operation that occurred, by name.
    pub operations: BTreeMap<String, Operation>,
}

/// The valid latencies, in milliseconds: from a nanosecond to a day. Within them no arithmetic on latencies leaves the
/// finite numbers.
pub(crate) const LATENCIES_MS: RangeInclusive<f64> = 1e-6..=86_400_000.0;

/// The valid throughputs, in requests per second, for the same reason.
const THROUGHPUTS: RangeInclusive<f64> = 1e-6..=1e8;

/// One kind of request within a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Operation {
    /// Requests sent.
    pub(crate) count: u64,
    /// Requests that failed.
    pub(crate) error_count: u64,
    /// 99th percentile of the latency, in milliseconds.
    pub p99_ms: f64,
    /// 99.9th percentile and maximum, in milliseconds: shown only, so that they may be any number.
    p999_ms: f64,
    max_ms: f64,
}

impl LoadResult {
    /// Reads the JSON that the load generator writes.
    ///
    /// # Errors
    /// Names the defect: not JSON, not complete, a number that is missing, not finite, negative or out of range, or
    /// more errors than requests.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let whole: Value = serde_json::from_slice(bytes)
            .map_err(|error| format!("not readable as JSON ({error})"))?;
        let config_name = value(&whole, "config_name")?.as_str();
        let operations = value(&whole, "per_operation_stats")?.as_object();
        let mut by_name = BTreeMap::new();
        for (name, stats) in operations.ok_or("`per_operation_stats` is no object")? {
            let operation = Operation::parse(stats).map_err(|why| format!("{name}: {why}"))?;
            by_name.insert(name.clone(), operation);
        }
        let largest = |of: fn(&Operation) -> f64| {
            let latencies = by_name.values().map(of).filter(|ms| LATENCIES_MS.contains(ms));
            latencies.reduce(f64::max)
        };
        let (total_errors, total_operations) = counts(&whole, "total_errors", "total_operations")?;
        let stated_error_rate = number(&whole, "overall_error_rate")?;
        if stated_error_rate > 1.0 {
            return Err(format!("`overall_error_rate` is {stated_error_rate}, above 1"));
        }
        let throughput = number(&whole, "overall_throughput")?;
        if throughput != 0.0 && !THROUGHPUTS.contains(&throughput) {
            return Err(format!("`overall_throughput` is {throughput:e}: no server does that"));
        }
        Ok(Self {
            config_name: config_name.ok_or("`config_name` is no text")?.to_owned(),
            elapsed_seconds: number(&whole, "elapsed_seconds")?,
            total_operations,
            total_errors,
            throughput,
            error_rate: stated_error_rate.max(share(total_errors, total_operations)),
            stated_error_rate,
            p50_ms: latency(number(&whole, "p50_latency_ms")?)?,
            p95_ms: latency(number(&whole, "p95_latency_ms")?)?,
            p99_ms: latency(number(&whole, "p99_latency_ms")?)?,
            p999_ms: largest(|operation| operation.p999_ms),
            max_ms: largest(|operation| operation.max_ms),
            operations: by_name,
        })
    }
}

impl Operation {
    fn parse(stats: &Value) -> Result<Self, String> {
        let ms = |key| number(stats, key).map(|us| us / 1000.0);
        // It is not used, and a result without it is not whole.
        ms("mean_latency_us")?;
        for key in ["p50_latency_us", "p95_latency_us"] {
            latency(ms(key)?)?;
        }
        let (error_count, count) = counts(stats, "error_count", "count")?;
        let p99_ms = latency(ms("p99_latency_us")?)?;
        let (p999_ms, max_ms) = (ms("p999_latency_us")?, ms("max_latency_us")?);
        Ok(Self { count, error_count, p99_ms, p999_ms, max_ms })
    }
}

#[allow(clippy::cast_precision_loss, reason = "only a share is wanted")]
fn share(errors: u64, operations: u64) -> f64 {
    errors as f64 / operations.max(1) as f64
}

/// Refuses what is no latency. 0 stands for none recorded.
fn latency(ms: f64) -> Result<f64, String> {
    match ms == 0.0 || LATENCIES_MS.contains(&ms) {
        true => Ok(ms),
        false => Err(format!("a latency of {ms:e} ms is no measurement")),
    }
}

fn number(object: &Value, key: &str) -> Result<f64, String> {
    let value = value(object, key)?;
    match value.as_f64() {
        Some(number) if number < 0.0 => Err(format!("`{key}` is negative ({number})")),
        Some(number) => Ok(number),
        None => Err(format!("`{key}` is not a number ({value})")),
    }
}

/// The numbers of errors and of requests.
fn counts(object: &Value, errors: &str, requests: &str) -> Result<(u64, u64), String> {
    let count = |key| {
        let value = value(object, key)?;
        let wrong = || format!("`{key}` is not a whole number of at least 0 ({value})");
        value.as_u64().ok_or_else(wrong)
    };
    match (count(errors)?, count(requests)?) {
        (errors, requests) if errors > requests => {
            Err(format!("{errors} errors in {requests} requests"))
        }
        counts => Ok(counts),
    }
}

fn value<'a>(object: &'a Value, key: &str) -> Result<&'a Value, String> {
    object.get(key).ok_or_else(|| format!("`{key}` is missing"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_refused(bytes in any::<Vec<u8>>()) {
            prop_assert!(LoadResult::parse(&bytes).is_err());
        }

        #[test]
        fn any_numbers_are_refused_or_such_as_can_be(
            p99 in any::<f64>(), throughput in any::<f64>(), rate in any::<f64>(), errors in any::<u64>()
        ) {
            let text = WHOLE
                .replace("1.351,", &format!("{p99:e},"))
                .replace("999.5,", &format!("{throughput:e},"))
                .replace("\"overall_error_rate\": 0.0", &format!("\"overall_error_rate\": {rate:e}"))
                .replace("\"total_errors\": 0", &format!("\"total_errors\": {errors}"));
            if let Ok(result) = LoadResult::parse(text.as_bytes()) {
                prop_assert!(LATENCIES_MS.contains(&result.p99_ms) && result.total_errors <= result.total_operations);
                prop_assert!((0.0..=1.0).contains(&result.error_rate) && result.throughput.is_finite());
            }
        }
    }

    const WHOLE: &str = r#"{
        "config_name": "M17 Baseline", "elapsed_seconds": 60.02, "total_operations": 59990, "total_errors": 0,
        "overall_throughput": 999.5, "overall_error_rate": 0.0,
        "p50_latency_ms": 0.779, "p95_latency_ms": 1.02, "p99_latency_ms": 1.351,
        "per_operation_stats": {"Store": {
            "count": 3, "success_count": 3, "error_count": 0, "p50_latency_us": 779, "p95_latency_us": 1020,
            "p99_latency_us": 1351, "p999_latency_us": 1999, "mean_latency_us": 801.5, "max_latency_us": 2001
        }}
    }"#;

    fn refused(from: &str, to: &str) -> String {
        assert!(WHOLE.contains(from), "{from}");
        LoadResult::parse(WHOLE.replace(from, to).as_bytes()).unwrap_err()
    }

    #[test]
    fn a_complete_result_is_read() {
        let result = LoadResult::parse(WHOLE.as_bytes()).unwrap();
        assert_eq!(
            (result.p99_ms, result.throughput, result.total_operations),
            (1.351, 999.5, 59990)
        );
        assert_eq!(result.operations["Store"].p99_ms, 1.351);
    }

    #[test]
    fn every_cut_of_it_is_refused() {
        let whole = WHOLE.trim_end();
        for end in 0..whole.len() {
            assert!(LoadResult::parse(&whole.as_bytes()[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn a_missing_number_is_named() {
        assert!(
            refused("p99_latency_ms", "p98_latency_ms").contains("`p99_latency_ms` is missing")
        );
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        assert!(refused("1.351", "null").contains("not a number"));
        assert!(refused("1.351", "\"1.351\"").contains("not a number"));
        assert!(refused("1.351", "-1.351").contains("negative"));
        assert!(refused("1.351", "1e999").contains("not readable"));
        assert!(refused("59990", "59990.5").contains("whole number"));
    }

    #[test]
    fn an_error_rate_above_one_is_refused() {
        assert!(
            refused("\"overall_error_rate\": 0.0", "\"overall_error_rate\": 1.5")
                .contains("above 1")
        );
    }

    #[test]
    fn more_errors_than_requests_are_refused() {
        let errors = "\"total_errors\": 0";
        assert!(refused(errors, "\"total_errors\": 59991").contains("59991 errors in 59990"));
        assert!(refused("\"error_count\": 0", "\"error_count\": 4").contains("Store: 4 errors"));
    }

    #[test]
    fn of_a_stated_and_a_counted_error_rate_the_worse_counts() {
        let (errors, rate) = ("\"total_errors\": 0", "\"overall_error_rate\": 0.0");
        let read = |text: String| LoadResult::parse(text.as_bytes()).unwrap().error_rate;
        let counted = read(WHOLE.replace(errors, "\"total_errors\": 59990"));
        assert!((counted - 1.0).abs() < 1e-12, "{counted}");
        let stated = read(WHOLE.replace(rate, "\"overall_error_rate\": 0.06"));
        assert!((stated - 0.06).abs() < 1e-12, "{stated}");
    }

    #[test]
    fn an_operation_is_read_whole_or_refused() {
        for (key, value) in [
            ("p50_latency_us", "779"),
            ("p95_latency_us", "1020"),
            ("p99_latency_us", "1351"),
            ("p999_latency_us", "1999"),
            ("mean_latency_us", "801.5"),
            ("max_latency_us", "2001"),
        ] {
            let stated = format!("\"{key}\": {value}");
            for (spoilt, why) in [
                (format!("\"{key}\": -1"), "negative"),
                (format!("\"{key}\": null"), "not a number"),
                (format!("\"x\": {value}"), "missing"),
            ] {
                assert!(refused(&stated, &spoilt).contains(why), "{spoilt}");
            }
        }
    }

    #[test]
    fn what_no_clock_shows_is_no_measurement() {
        for absurd in ["5e-324", "9e-7", "8.7e7", "6e307"] {
            let text = WHOLE.replace("1.351,", &format!("{absurd},"));
            assert!(LoadResult::parse(text.as_bytes()).is_err(), "{absurd}");
        }
        for absurd in ["5e-324", "1e300"] {
            let text = WHOLE.replace("999.5", absurd);
            assert!(LoadResult::parse(text.as_bytes()).is_err(), "{absurd}");
        }
    }

    #[test]
    fn what_the_real_load_generator_wrote_is_read() {
        for results in [
            include_str!("../../tests/data/engram-same-binary-10s.jsonl"),
            include_str!("../../tests/data/engram-same-binary-10s-host.jsonl"),
            include_str!("../../tests/data/engram-same-binary-60s.jsonl"),
        ] {
            for line in results.lines() {
                LoadResult::parse(line.as_bytes()).expect(line);
            }
        }
    }
}
