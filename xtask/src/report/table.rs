//! The rows of a comparison's tables, the same for a terminal and for Markdown.

use crate::judge::comparison::{Comparison, Judgement, Side};
use crate::judge::verdict::Metric;
use crate::model::limits::threshold_percent;
use crate::report::words;
use crate::stats::paired::PairedVerdict;

/// One line of a table: cells as they are read, empty where there is nothing to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What is measured, with its unit.
    pub name: String,
    /// Its value before.
    pub before: String,
    /// Its value after.
    pub after: String,
    /// From before to after.
    pub change: String,
    /// The largest change that passes.
    pub limit: String,
    /// What is to be noticed.
    pub mark: Mark,
}

/// What is to be noticed about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Nothing: it is not judged.
    Nothing,
    /// The change is within the limit.
    Within,
    /// The change is beyond the limit.
    Regressed,
    /// A paired session could not tell.
    Unsettled,
    /// Both servers kept up with the offered load, which holds the metric where it is.
    Pinned,
    /// This operation's latency moved most, and by more than the limit of the whole.
    MovedMost,
}

/// What the columns are.
pub fn heading(comparison: &Comparison) -> Row {
    Row {
        name: String::new(),
        before: "before".to_owned(),
        after: "after".to_owned(),
        change: "change".to_owned(),
        limit: match comparison.judgement {
            Judgement::Judged(_) => "limit".to_owned(),
            Judgement::SameServer(_) | Judgement::Impossible(_) => String::new(),
        },
        mark: Mark::Nothing,
    }
}

/// The metrics of both sides.
pub fn metrics(comparison: &Comparison, before: &Side, after: &Side) -> Vec<Row> {
    let (a, b) = (before.figures, after.figures);
    let judged = |metric, row: Row| judged(comparison, metric, row);
    let mut rows = vec![
        latency("P50 ms", Some(before.p50_ms), Some(after.p50_ms)),
        latency("P95 ms", Some(before.p95_ms), Some(after.p95_ms)),
        judged(
            Metric::P99,
            latency("P99 ms", Some(a.p99_ms), Some(b.p99_ms)),
        ),
        judged(
            Metric::Throughput,
            row(
                "throughput ops/s",
                words::figure(a.throughput, 2),
                words::figure(b.throughput, 2),
                relative(a.throughput, b.throughput),
            ),
        ),
        errors(before.errors_per_run, after.errors_per_run),
        judged(
            Metric::ErrorRate,
            Row {
                change: words::points((b.error_rate - a.error_rate) * 100.0),
                ..row(
                    "error rate %",
                    format!("{:.2}", a.error_rate * 100.0),
                    format!("{:.2}", b.error_rate * 100.0),
                    None,
                )
            },
        ),
    ];
    if let (Some(a), Some(b)) = (before.cpu_us_per_operation, after.cpu_us_per_operation) {
        rows.push(row(
            "CPU us/operation",
            words::figure(a, 0),
            words::figure(b, 0),
            relative(a, b),
        ));
    }
    rows
}

/// Each operation's P99 in milliseconds; the one that moved is marked.
pub fn operations(comparison: &Comparison, before: &Side, after: &Side) -> Vec<Row> {
    let mut names: Vec<&String> = before
        .operation_p99_ms
        .keys()
        .chain(after.operation_p99_ms.keys())
        .collect();
    names.sort_unstable();
    names.dedup();
    let p99s = |name| {
        (
            before.operation_p99_ms.get(name).copied(),
            after.operation_p99_ms.get(name).copied(),
        )
    };
    let moved_most = names
        .iter()
        .filter_map(|&name| {
            let (Some(a), Some(b)) = p99s(name) else {
                return None;
            };
            Some((relative(a, b)?.abs(), name))
        })
        .filter(|(percent, _)| *percent > threshold_percent(comparison.mode))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name);
    names
        .into_iter()
        .map(|name| {
            let (a, b) = p99s(name);
            Row {
                mark: match moved_most == Some(name) {
                    true => Mark::MovedMost,
                    false => Mark::Nothing,
                },
                ..latency(name, a, b)
            }
        })
        .collect()
}

fn row(name: &str, before: String, after: String, change: Option<f64>) -> Row {
    Row {
        name: name.to_owned(),
        before,
        after,
        change: change.map_or_else(String::new, words::percent),
        limit: String::new(),
        mark: Mark::Nothing,
    }
}

/// The failed requests of a run.
fn errors(before: f64, after: f64) -> Row {
    let number = |value: f64| match value < 1e10 {
        true => words::trimmed(value, 1),
        false => words::figure(value, 1),
    };
    let more = match after < before {
        true => format!("-{}", number(before - after)),
        false => format!("+{}", number(after - before)),
    };
    Row {
        change: more,
        ..row("errors", number(before), number(after), None)
    }
}

fn latency(name: &str, before: Option<f64>, after: Option<f64>) -> Row {
    let cell =
        |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| words::figure(value, 3));
    let change = before.zip(after).and_then(|(a, b)| relative(a, b));
    row(name, cell(before), cell(after), change)
}

/// A metric that has a limit. On one server measured twice nothing is held against it.
fn judged(comparison: &Comparison, metric: Metric, row: Row) -> Row {
    match &comparison.judgement {
        Judgement::Judged(verdict) => Row {
            change: words::judged_change(comparison, verdict, metric),
            limit: words::limit(comparison.mode, metric),
            mark: match (verdict.regressed.contains(&metric), metric) {
                (true, _) => Mark::Regressed,
                (false, Metric::P99) if is_unsettled(comparison) => Mark::Unsettled,
                (false, Metric::Throughput) if comparison.pinned_rate.is_some() => Mark::Pinned,
                (false, _) => Mark::Within,
            },
            ..row
        },
        Judgement::SameServer(_) | Judgement::Impossible(_) => row,
    }
}

fn is_unsettled(comparison: &Comparison) -> bool {
    matches!(
        comparison.paired_verdict(),
        Some(PairedVerdict::Suspected | PairedVerdict::NoRegressionFound)
    )
}

fn relative(before: f64, after: f64) -> Option<f64> {
    (before > 0.0).then(|| (after - before) / before * 100.0)
}
