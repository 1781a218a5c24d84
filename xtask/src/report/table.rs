//! The rows of a comparison's tables, the same for a terminal and for Markdown.

use std::collections::BTreeSet;

use crate::judge::comparison::{Comparison, Side};
use crate::judge::verdict::Metric;
use crate::model::limits::threshold_percent;
use crate::report::metrics::{METRICS, MS_DECIMALS, Quantity};
use crate::report::words;

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

/// A remark on a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Mark {
    #[default]
    Nothing,
    Within,
    Regressed,
    /// A paired session ended without settling it, or the noise of single runs is larger.
    Unsettled,
    /// Both servers kept up with the offered load, which fixes the metric.
    Pinned,
    /// The latency of this operation moved more than that of any other, by more than the limit of the whole.
    MovedMost,
}

impl Mark {
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Within => "ok",
            Self::Regressed => "REGRESSED",
            Self::Pinned => "ok, pinned",
            Self::Unsettled => "not settled",
            Self::MovedMost => "moved most",
        }
    }
}

/// The metrics, below their heading, and the operations; `None` where a side cannot be read. In each row the change is
/// that of the two figures beside it.
pub(crate) fn of(comparison: &Comparison) -> Option<[Vec<Row>; 2]> {
    let sides = [comparison.before.as_ref()?, comparison.after.as_ref()?];
    let medians =
        if sides.iter().any(|side| side.files.len() > 1) { "medians of runs" } else { "" };
    let limit = comparison.judged().map_or("", |_| "limit");
    let [name, before, after, change, limit] =
        [medians, "before", "after", "change", limit].map(str::to_owned);
    let heading = Row { name, before, after, change, limit, mark: Mark::Nothing };
    let metrics = [heading].into_iter().chain(metrics(comparison, sides)).collect();
    Some([metrics, operations(comparison, sides)])
}

/// The metrics that both sides know.
fn metrics(comparison: &Comparison, sides: [&Side; 2]) -> impl Iterator<Item = Row> {
    let compared = METRICS.iter().filter(|metric| !metric.key.is_empty());
    compared.flat_map(move |metric| {
        let [Some(before), Some(after)] = sides.map(|side| metric.value(side)) else {
            return Vec::new();
        };
        let change = metric.change(before, after);
        let name = metric.title();
        let [before, after] = metric.figures([before, after]);
        judged(comparison, metric, Row { name, before, after, change, ..Row::default() })
    })
}

/// The row with its limit and mark, if the metric is judged. Where pairs have judged it, their estimate has a row of
/// its own, since the medians of the two sides need not differ by as much.
fn judged(comparison: &Comparison, quantity: &Quantity, row: Row) -> Vec<Row> {
    let (Some(metric), Some(verdict)) = (quantity.judged(), comparison.judged()) else {
        return vec![row];
    };
    let mark = match metric {
        _ if verdict.regressed.contains(&metric) => Mark::Regressed,
        Metric::P99 if comparison.is_open() || comparison.is_unconfirmed() => Mark::Unsettled,
        Metric::Throughput if comparison.pinned_rate.is_some() => Mark::Pinned,
        _ => Mark::Within,
    };
    let (change, limit) = (quantity.judged_change(verdict), quantity.limit(verdict.mode));
    match (metric, comparison.look()) {
        (Metric::P99, Some(_)) => {
            let name = format!("{} by pairs", quantity.name);
            vec![row, Row { name, change, limit, mark, ..Row::default() }]
        }
        _ => vec![Row { change, limit, mark, ..row }],
    }
}

/// The P99 of each operation, in milliseconds; the one that moved most is marked.
fn operations(comparison: &Comparison, sides: [&Side; 2]) -> Vec<Row> {
    let p99s = sides.map(|side| &side.operation_p99_ms);
    let names: BTreeSet<&String> = p99s.iter().flat_map(|side| side.keys()).collect();
    let values = |name: &String| p99s.map(|side| side.get(name).copied());
    let change = |name: &String| match values(name) {
        [Some(before), Some(after)] => words::relative(before, after),
        _ => None,
    };
    let moved = |name: &String| change(name).map(f64::abs);
    let mut all_moved: Vec<f64> = names.iter().filter_map(|name| moved(name)).collect();
    all_moved.sort_by(|a, b| b.total_cmp(a));
    let limit = threshold_percent(comparison.mode);
    let row = |name: &String| {
        let [before, after] = words::figures(values(name), MS_DECIMALS);
        let mark = match all_moved.as_slice() {
            [most, second, ..] if most - second > limit && moved(name) == Some(*most) => {
                Mark::MovedMost
            }
            _ => Mark::Nothing,
        };
        let change = change(name).map_or_else(String::new, words::percent);
        Row { name: name.clone(), before, after, change, mark, ..Row::default() }
    };
    names.into_iter().map(row).collect()
}
