//! A comparison as a picture: what is drawn of it.

use crate::judge::comparison::{Comparison, Side};
use crate::judge::verdict::Metric;
use crate::model::recorded::Recorded;
use crate::model::session::Figure;
use crate::report::chart::Change;
use crate::report::chart::session::{self, Row, Session};
use crate::report::human;
use crate::report::metrics;
use crate::report::origin;
use crate::report::words;
use crate::stats::paired::percent;

/// The picture, with the verdict as its title; `None` where a side cannot be read.
pub(crate) fn svg(comparison: &Comparison) -> Option<String> {
    let sides = [comparison.before.as_ref()?, comparison.after.as_ref()?];
    let judged = [Figure::P50, Figure::P95, Figure::P99];
    let latencies = judged.into_iter().filter_map(|figure| latency(comparison, sides, figure));
    let stand_in = comparison.is_of_stand_in().then(|| words::STAND_IN.to_owned());
    let columns = comparison.look().map(|_| COLUMNS.to_owned());
    let lines = origin::lines(comparison).into_iter().map(|(name, said)| format!("{name} {said}"));
    Some(session::draw(&Session {
        title: human::plain_verdict_line(comparison),
        subtitle: lines.chain(columns).chain(stand_in).collect(),
        p99: latency(comparison, sides, Figure::P99).and_then(|row| row.change),
        margin: Metric::P99.limit(comparison.mode),
        duets: pairs(sides),
        latencies: latencies.collect(),
        operations: operations(sides),
    }))
}

/// Of a session, whose medians need not differ by as much as its pairs say.
const COLUMNS: &str = "before and after: medians of the runs; changes with an interval: by pairs";

/// A latency with its interval where a session knows it.
fn latency(comparison: &Comparison, sides: [&Side; 2], figure: Figure) -> Option<Row> {
    let quantity = metrics::of_figure(figure)?;
    let ms = [quantity.value(sides[0])?, quantity.value(sides[1])?];
    let mut changes = comparison.session.iter().flat_map(|session| &session.changes);
    let change = changes.find(|(known, _)| *known == figure).map(|(_, interval)| Change {
        percent: percent(interval.estimate),
        bounds: Some([percent(interval.lower), percent(interval.upper)]),
    });
    let change = change.or_else(|| between(ms));
    Some(Row { name: quantity.name.to_owned(), ms, change })
}

fn between([before, after]: [f64; 2]) -> Option<Change> {
    words::relative(before, after).map(|percent| Change { percent, bounds: None })
}

/// Each pair's own change of P99 in per cent, in the order of time; none of single runs.
fn pairs([before, after]: [&Side; 2]) -> Vec<f64> {
    let pair = |run: &Recorded| Some(run.provenance.as_ref()?.session.as_ref()?.pair);
    let change = |run: &Recorded| {
        let number = pair(run)?;
        let other = after.runs.iter().find(|other| pair(other) == Some(number))?;
        words::relative(run.result.p99_ms, other.result.p99_ms)
    };
    before.runs.iter().filter_map(change).collect()
}

fn operations([before, after]: [&Side; 2]) -> Vec<Row> {
    let both = before.operation_p99_ms.iter().filter_map(|(name, of_before)| {
        let ms = [*of_before, *after.operation_p99_ms.get(name)?];
        Some(Row { name: name.clone(), ms, change: between(ms) })
    });
    both.collect()
}
