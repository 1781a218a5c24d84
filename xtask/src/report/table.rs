//! The rows of a comparison's tables, the same for a terminal and for Markdown.

use std::collections::BTreeSet;

use crate::judge::comparison::{Comparison, Side};
use crate::judge::verdict::Metric;
use crate::model::limits::threshold_percent;
use crate::report::metrics::{METRICS, Quantity, Shown};
use crate::report::words;
use crate::stats::paired::PairedVerdict;

/// One line of a table; a cell is empty where there is nothing to say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Row {
    /// The metric with its unit, or the operation.
    pub(crate) name: String,
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) change: String,
    /// The largest change that passes.
    pub(crate) limit: String,
    pub(crate) mark: Mark,
}

impl Row {
    pub(crate) fn heading(limit: &str) -> Self {
        Self {
            before: "before".to_owned(),
            after: "after".to_owned(),
            change: "change".to_owned(),
            limit: limit.to_owned(),
            ..Self::default()
        }
    }
}

/// A remark on a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Mark {
    #[default]
    Nothing,
    Within,
    Regressed,
    /// A paired session ended without settling it.
    Unsettled,
    /// Both servers kept up with the offered load, which fixes the metric.
    Pinned,
    /// The latency of this operation moved most, and by more than the limit of the whole.
    MovedMost,
}

/// The metrics of both sides.
pub(crate) fn metrics(comparison: &Comparison, before: &Side, after: &Side) -> Vec<Row> {
    let compared = METRICS.iter().filter(|metric| metric.shown != Shown::Summarised);
    compared
        .filter_map(|metric| Some((metric, metric.value(before)?, metric.value(after)?)))
        .flat_map(|(metric, before, after)| {
            let row = Row {
                name: metric.title(),
                before: metric.figure(before),
                after: metric.figure(after),
                change: metric.change(before, after),
                ..Row::default()
            };
            judged(comparison, metric, row)
        })
        .collect()
}

/// The row with its limit and mark, if the metric is judged. Where pairs have judged it, their estimate has a row of
/// its own, since the medians of the two sides need not differ by as much.
fn judged(comparison: &Comparison, quantity: &Quantity, row: Row) -> Vec<Row> {
    let (Some(metric), Some(verdict)) = (quantity.judged(), comparison.judged()) else {
        return vec![row];
    };
    let by_pairs = metric == Metric::P99 && comparison.look().is_some();
    let mark = match metric {
        _ if verdict.regressed.contains(&metric) => Mark::Regressed,
        Metric::P99 if is_unsettled(comparison) => Mark::Unsettled,
        Metric::Throughput if comparison.pinned_rate.is_some() => Mark::Pinned,
        _ => Mark::Within,
    };
    let (medians, row) = match by_pairs {
        true => (Some(row), Row::default()),
        false => (None, row),
    };
    let judged = Row {
        name: match by_pairs {
            true => format!("{} by pairs", quantity.name),
            false => row.name,
        },
        change: quantity.judged_change(verdict),
        limit: quantity.limit(verdict.mode),
        mark,
        ..row
    };
    medians.into_iter().chain([judged]).collect()
}

fn is_unsettled(comparison: &Comparison) -> bool {
    matches!(
        comparison.paired_verdict(),
        Some(PairedVerdict::Suspected | PairedVerdict::NoRegressionFound)
    )
}

/// The P99 of each operation, in milliseconds; the one that moved most is marked.
pub(crate) fn operations(comparison: &Comparison, before: &Side, after: &Side) -> Vec<Row> {
    let p99s = [before, after].map(|side| &side.operation_p99_ms);
    let names: BTreeSet<&String> = p99s.iter().flat_map(|side| side.keys()).collect();
    let values = |name: &String| p99s.map(|side| side.get(name).copied());
    let change = |name: &String| match values(name) {
        [Some(before), Some(after)] => words::relative(before, after),
        _ => None,
    };
    let moved_most = names
        .iter()
        .filter_map(|name| Some((change(name)?.abs(), *name)))
        .filter(|(percent, _)| *percent > threshold_percent(comparison.mode))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name);
    let row = |name| {
        let [before, after] = values(name)
            .map(|value| value.map_or_else(|| "-".to_owned(), |value| words::figure(value, 3)));
        Row {
            name: name.clone(),
            before,
            after,
            change: change(name).map_or_else(String::new, words::percent),
            mark: match moved_most == Some(name) {
                true => Mark::MovedMost,
                false => Mark::Nothing,
            },
            ..Row::default()
        }
    };
    names.into_iter().map(row).collect()
}
