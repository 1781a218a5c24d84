//! The rows of a comparison's tables, the same for a terminal and for Markdown.

use std::collections::BTreeSet;

use crate::judge::comparison::{Comparison, Side};
use crate::judge::verdict::Metric;
use crate::model::limits::threshold_percent;
use crate::report::metrics::{self, MS_DECIMALS, Quantity};
use crate::report::words;
use crate::term::streams::Ink;

/// One line of a table; a cell is empty where there is nothing to say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    /// The metric with its unit, or the operation.
    pub(crate) name: String,
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) change: String,
    /// The largest change that passes.
    pub(crate) limit: String,
    pub(crate) mark: Option<Mark>,
}

/// A remark on a row, and its colour.
type Mark = (&'static str, Ink);

const WITHIN: Mark = ("ok", Ink::GOOD);
pub(crate) const REGRESSED: Mark = ("REGRESSED", Ink::BAD);
/// A paired session ended without settling it, or the noise of single runs is larger.
const UNSETTLED: Mark = ("not settled", Ink::WARNING);
/// Both servers kept up with the offered load, which fixes the metric.
const PINNED: Mark = ("ok, pinned", Ink::GOOD);
/// The latency of this operation moved more than that of any other, by more than the limit of the whole.
const MOVED_MOST: Mark = ("moved most", Ink::STRONG);

/// The metrics, below their heading, and the operations; `None` where a side cannot be read. In each row the change is
/// that of the two figures beside it.
pub(crate) fn of(comparison: &Comparison) -> Option<[Vec<Row>; 2]> {
    let sides = [comparison.before.as_ref()?, comparison.after.as_ref()?];
    let medians =
        if sides.iter().any(|side| side.files.len() > 1) { "medians of runs" } else { "" };
    let limit = comparison.judged().map_or("", |_| "limit");
    let [name, before, after, change, limit] =
        [medians, "before", "after", "change", limit].map(str::to_owned);
    let mut rows = vec![Row { name, before, after, change, limit, mark: None }];
    for metric in metrics::compared() {
        if let [Some(before), Some(after)] = sides.map(|side| metric.value(side)) {
            let (name, change) = (metric.title(), metric.change(before, after));
            let [before, after] = metric.figures([before, after]);
            let row = Row { name, before, after, change, ..Row::default() };
            rows.extend(judged(comparison, metric, row));
        }
    }
    Some([rows, operations(comparison, sides)])
}

/// The row with its limit and mark, if the metric is judged. Where pairs have judged it, their estimate has a row of
/// its own, since the medians of the two sides need not differ by as much.
fn judged(comparison: &Comparison, quantity: &Quantity, row: Row) -> Vec<Row> {
    let (Some(metric), Some(verdict)) = (quantity.judged(), comparison.judged()) else {
        return vec![row];
    };
    let mark = Some(match metric {
        _ if verdict.regressed.contains(&metric) => REGRESSED,
        Metric::P99 if comparison.is_open() || comparison.is_unconfirmed() => UNSETTLED,
        Metric::Throughput if comparison.pinned_rate.is_some() => PINNED,
        _ => WITHIN,
    });
    let change = quantity.judged_change(metric, verdict);
    let limit = quantity.limit(metric, verdict.mode);
    if metric == Metric::P99 && comparison.look().is_some() {
        let name = format!("{} by pairs", quantity.name);
        return vec![row, Row { name, change, limit, mark, ..Row::default() }];
    }
    vec![Row { change, limit, mark, ..row }]
}

/// The P99 of each operation, in milliseconds; the one that moved most is marked.
fn operations(comparison: &Comparison, sides: [&Side; 2]) -> Vec<Row> {
    let p99s = sides.map(|side| &side.operation_p99_ms);
    let names: BTreeSet<&String> = p99s.iter().flat_map(|side| side.keys()).collect();
    let changed = |name: &String| {
        let [before, after] = p99s.map(|side| side.get(name).copied());
        words::relative(before?, after?)
    };
    let mut moved: Vec<f64> = names.iter().filter_map(|name| changed(name)).map(f64::abs).collect();
    moved.sort_by(f64::total_cmp);
    let limit = threshold_percent(comparison.mode);
    let most = match moved.as_slice() {
        [.., second, most] if most - second > limit => Some(*most),
        _ => None,
    };
    let row = |name: &String| {
        let [before, after] = words::figures(p99s.map(|side| side.get(name).copied()), MS_DECIMALS);
        let change = changed(name);
        let mark = most.filter(|most| change.map(f64::abs) == Some(*most)).map(|_| MOVED_MOST);
        let change = change.map_or_else(String::new, words::percent);
        Row { name: name.clone(), before, after, change, mark, ..Row::default() }
    };
    names.into_iter().map(row).collect()
}
