//! A comparison as a picture: what is drawn of it.

use crate::judge::comparison::{Comparison, Side};
use crate::judge::verdict::Metric;
use crate::model::recorded::Recorded;
use crate::model::session::Figure;
use crate::report::chart::Change;
use crate::report::chart::session::{self, Row, Session};
use crate::report::{human, metrics, origin, words};
use crate::stats::paired::percent;
use crate::stats::signed_rank::Interval;

/// The picture, with the verdict as its title; `None` where a side cannot be read.
pub(crate) fn svg(comparison: &Comparison) -> Option<String> {
    let sides = [comparison.before.as_ref()?, comparison.after.as_ref()?];
    let latency = |figure| {
        let quantity = metrics::of_figure(figure)?;
        let [before, after] = sides.map(|side| quantity.value(side));
        let mut changes = comparison.session.iter().flat_map(|session| &session.changes);
        let interval = changes.find(|(known, _)| *known == figure).map(|(_, interval)| interval);
        Some(row(quantity.name, [before?, after?], interval))
    };
    let latencies = [Figure::P50, Figure::P95, Figure::P99].into_iter().filter_map(latency);
    let latencies: Vec<Row> = latencies.collect();
    let operations = sides[0].operation_p99_ms.iter().filter_map(|(name, before)| {
        Some(row(name, [*before, *sides[1].operation_p99_ms.get(name)?], None))
    });
    let lines = origin::lines(comparison).into_iter().map(|(name, said)| format!("{name} {said}"));
    let columns = comparison.look().map(|_| COLUMNS.to_owned());
    let stand_in = comparison.is_of_stand_in().then(|| words::STAND_IN.to_owned());
    Some(session::draw(&Session {
        title: human::plain_verdict_line(comparison),
        subtitle: lines.chain(columns).chain(stand_in).collect(),
        p99: latencies.last().and_then(|p99| p99.change),
        margin: Metric::P99.limit(comparison.mode),
        duets: pairs(sides),
        operations: operations.collect(),
        latencies,
    }))
}

/// Of a session, whose medians need not differ by as much as its pairs say.
const COLUMNS: &str = "before and after: medians of the runs; changes with an interval: by pairs";

/// A latency with its interval where a session knows it.
fn row(name: &str, ms: [f64; 2], interval: Option<&Interval>) -> Row {
    let of_session = interval.map(|interval| Change {
        percent: percent(interval.estimate),
        bounds: Some([percent(interval.lower), percent(interval.upper)]),
    });
    let of_medians = || Some(Change { percent: words::relative(ms[0], ms[1])?, bounds: None });
    Row { name: name.to_owned(), ms, change: of_session.or_else(of_medians) }
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
