//! P99 over all tasks, for a person, as JSON, and as a picture.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::judge::history::{Cumulative, Point, Series};
use crate::model::names::{Phase, TaskId};
use crate::model::typed::{self, Repeated};
use crate::report::chart::history::{name, outcome};
use crate::report::chart::sparkline::sparkline;
use crate::report::words;
use crate::stats::paired::percent;
use crate::term::streams::{Ink, Style};
use crate::term::text;

/// The version of the JSON's shape.
const FORMAT: u32 = 1;
/// The columns of the sparkline.
const SPARKS: usize = 60;
/// The columns of a task.
const TASK: usize = 12;

/// The measurements of one task that stand next to each other.
struct Row<'a> {
    task: &'a TaskId,
    before: Option<&'a Point>,
    after: Option<&'a Point>,
    /// The change since the first run, of the latest of the two.
    since_first: Cumulative,
    /// No task is measured between the one before and this.
    after_step: bool,
}

fn rows(series: &Series) -> Vec<Row<'_>> {
    let steps = series.unblamed_steps();
    let mut rows: Vec<Row> = Vec::new();
    for (index, (point, since_first)) in series.points.iter().zip(series.cumulative()).enumerate() {
        match (rows.last_mut(), point.phase) {
            (Some(row), Phase::After) if row.task == &point.task && row.after.is_none() => {
                row.after = Some(point);
                row.since_first = since_first;
            }
            (_, phase) => {
                let of = |wanted| (phase == wanted).then_some(point);
                rows.push(Row {
                    task: &point.task,
                    before: of(Phase::Before),
                    after: of(Phase::After),
                    since_first,
                    after_step: steps.contains(&index),
                });
            }
        }
    }
    rows
}

/// The text for a terminal of 80 columns.
pub(crate) fn human(all: &[Series], repeated: &Repeated, style: Style) -> String {
    if all.is_empty() {
        return typed::nothing_is_recorded(repeated);
    }
    let sections: Vec<String> = all.iter().map(|series| section(series, style)).collect();
    sections.join("\n")
}

fn section(series: &Series, style: Style) -> String {
    let mut text = style.paint(Ink::STRONG, &words::cut(&name(series), 80)) + "\n";
    let heading = format!(
        "  {:<TASK$} {:<16} {:<7} {:>8} {:>8} {:>7} {:>13}",
        "task", "when", "commit", "before", "after", "change", "since first"
    );
    let _ = writeln!(text, "{}", style.paint(Ink::FAINT, &heading));
    for row in rows(series) {
        if row.after_step {
            let _ = writeln!(text, "  {}", style.paint(Ink::WARNING, STEP));
        }
        let _ = writeln!(text, "{}", line(&row));
    }
    let p99s: Vec<f64> = series.points.iter().map(|point| point.p99_ms).collect();
    let noise = series.noise.unwrap_or_default();
    let _ = writeln!(text, "  P99  {}", sparkline(&p99s, SPARKS, noise));
    let ink = if series.creep().is_some() { Ink::BAD } else { Ink::STRONG };
    let _ = writeln!(text, "  {}", style.paint(ink, &outcome(series)));
    text
}

const STEP: &str = "^ P99 moved here, between two tasks: no task measured this step";

fn line(row: &Row) -> String {
    let ms = |point: Option<&Point>| {
        point.map_or_else(|| "-".to_owned(), |point| words::figure(point.p99_ms, 3))
    };
    let newest = row.after.or(row.before);
    let text = |of: fn(&Point) -> Option<&str>| newest.and_then(of).unwrap_or("-");
    let commit: String = text(|point| point.commit.as_deref()).chars().take(7).collect();
    format!(
        "  {:<TASK$} {:<16} {:<7} {:>8} {:>8} {:>7} {:>13}",
        words::shortened(row.task.as_str(), TASK),
        text(|point| Some(&point.when)),
        text::printable(&commit),
        ms(row.before),
        ms(row.after),
        change(row).map_or_else(String::new, |change| words::percent(percent(change))),
        since_first(row.since_first),
    )
}

/// The change of the task itself, as ln of a ratio: the session's estimate if there is one.
fn change(row: &Row) -> Option<f64> {
    let (before, after) = (row.before?, row.after?);
    let session = after.session.map(|session| session.estimate);
    session.or_else(|| Some(after.p99_ms.ln() - before.p99_ms.ln()))
}

fn since_first(since: Cumulative) -> String {
    let change = words::percent(percent(since.change));
    match since.uncertainty {
        Some(uncertainty) => format!("{change} ±{:.1}", percent(uncertainty)),
        None => change,
    }
}

/// One object, ending in a line break.
pub(crate) fn to_json(all: &[Series]) -> String {
    let series: Vec<Value> = all.iter().map(series_json).collect();
    format!("{:#}\n", json!({ "format": FORMAT, "series": series }))
}

fn series_json(series: &Series) -> Value {
    let load = &series.load;
    let points = series.points.iter().zip(series.cumulative()).map(|(point, since)| {
        json!({
            "task": point.task.as_str(),
            "phase": point.phase.to_string(),
            "when": point.when,
            "commit": point.commit,
            "p99_ms": point.p99_ms,
            "throughput": point.throughput,
            "session_percent": point.session.map(|session| percent(session.estimate)),
            "session_lowest_percent": point.session.map(|session| percent(session.lower)),
            "session_highest_percent": point.session.map(|session| percent(session.upper)),
            "since_first_percent": percent(since.change),
            "since_first_uncertainty_percent": since.uncertainty.map(percent),
            "since_first_by_sessions": since.by_sessions,
        })
    });
    json!({
        "mode": series.mode.to_string(),
        "machine": load.machine,
        "scenario": load.scenario,
        "duration_seconds": load.seconds,
        "stand_in": load.stand_in,
        "noise_percent": series.noise.map(percent),
        "creep": series.creep().is_some(),
        "steps_without_a_task": series.unblamed_steps(),
        "points": points.collect::<Vec<Value>>(),
    })
}
