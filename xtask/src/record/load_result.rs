//! The load generator's result: read whole, or refused with the reason.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What one load run measured.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadResult {
    /// The scenario's name.
    pub config_name: String,
    /// Wall time of the load, in seconds.
    pub elapsed_seconds: f64,
    /// Requests sent.
    pub total_operations: u64,
    /// Requests that failed.
    pub total_errors: u64,
    /// Requests per second.
    pub throughput: f64,
    /// Share of the requests that failed, 0 to 1.
    pub error_rate: f64,
    /// The largest of the operations' medians, in milliseconds.
    pub p50_ms: f64,
    /// The largest of the operations' 95th percentiles, in milliseconds.
    pub p95_ms: f64,
    /// The largest of the operations' 99th percentiles, in milliseconds.
    pub p99_ms: f64,
    /// Each operation that occurred, by name.
    pub operations: BTreeMap<String, Operation>,
}

/// One kind of request within a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Operation {
    /// Requests sent.
    pub count: u64,
    /// Requests that failed.
    pub error_count: u64,
    /// 99th percentile of the latency, in milliseconds.
    pub p99_ms: f64,
}

impl LoadResult {
    /// Reads the JSON that the load generator writes.
    ///
    /// # Errors
    /// Says what is wrong: not JSON, not complete, a number that is missing, not finite, negative or out of range,
    /// or numbers that contradict one another.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| {
            if bytes.iter().all(u8::is_ascii_whitespace) {
                "the file is empty".to_owned()
            } else if error.is_eof() {
                format!("the JSON is cut off ({error})")
            } else {
                format!("not readable as JSON ({error})")
            }
        })?;
        let object = value.as_object().ok_or("not a JSON object")?;
        let result = Self {
            config_name: object
                .get("config_name")
                .and_then(Value::as_str)
                .ok_or("`config_name` is missing")?
                .to_owned(),
            elapsed_seconds: number(object, "elapsed_seconds")?,
            total_operations: count(object, "total_operations")?,
            total_errors: count(object, "total_errors")?,
            throughput: number(object, "overall_throughput")?,
            error_rate: number(object, "overall_error_rate")?,
            p50_ms: number(object, "p50_latency_ms")?,
            p95_ms: number(object, "p95_latency_ms")?,
            p99_ms: number(object, "p99_latency_ms")?,
            operations: object
                .get("per_operation_stats")
                .and_then(Value::as_object)
                .ok_or("`per_operation_stats` is missing")?
                .iter()
                .map(|(name, stats)| {
                    Ok((
                        name.clone(),
                        operation(stats).map_err(|e| format!("{name}: {e}"))?,
                    ))
                })
                .collect::<Result<_, String>>()?,
        };
        if result.error_rate > 1.0 {
            return Err(format!(
                "`overall_error_rate` is {}, above 1",
                result.error_rate
            ));
        }
        Ok(result)
    }
}

fn operation(stats: &Value) -> Result<Operation, String> {
    let stats = stats.as_object().ok_or("not a JSON object")?;
    Ok(Operation {
        count: count(stats, "count")?,
        error_count: count(stats, "error_count")?,
        p99_ms: number(stats, "p99_latency_us")? / 1000.0,
    })
}

fn number(object: &Map<String, Value>, key: &str) -> Result<f64, String> {
    let value = object
        .get(key)
        .ok_or_else(|| format!("`{key}` is missing"))?;
    match value.as_f64() {
        Some(number) if !number.is_finite() => Err(format!("`{key}` is not finite")),
        Some(number) if number < 0.0 => Err(format!("`{key}` is negative ({number})")),
        Some(number) => Ok(number),
        None => Err(format!("`{key}` is not a number ({value})")),
    }
}

fn count(object: &Map<String, Value>, key: &str) -> Result<u64, String> {
    let value = object
        .get(key)
        .ok_or_else(|| format!("`{key}` is missing"))?;
    value
        .as_u64()
        .ok_or_else(|| format!("`{key}` is not a whole number of at least 0 ({value})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{
        "config_name": "M17 Baseline", "elapsed_seconds": 60.02, "total_operations": 59990, "total_errors": 0,
        "overall_throughput": 999.5, "overall_error_rate": 0.0,
        "p50_latency_ms": 0.779, "p95_latency_ms": 1.02, "p99_latency_ms": 1.351,
        "per_operation_stats": {"Store": {"count": 3, "error_count": 0, "p99_latency_us": 1351}}
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
            assert!(
                LoadResult::parse(&whole.as_bytes()[..end]).is_err(),
                "{end}"
            );
        }
    }

    #[test]
    fn a_cut_off_file_is_told_from_an_empty_one() {
        assert_eq!(LoadResult::parse(b" \n").unwrap_err(), "the file is empty");
        assert!(
            LoadResult::parse(b"{\"a\"")
                .unwrap_err()
                .contains("cut off")
        );
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
}
