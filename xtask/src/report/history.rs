//! P99 over all tasks, for a person, as JSON, and as a picture.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::judge::history::{Cumulative, Point, Series};
use crate::model::names::Phase;
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

/// A point with its number and the change since the first one.
type Measured<'a> = (usize, &'a Point, Cumulative);

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
    let measured = series.points.iter().zip(series.cumulative()).enumerate();
    let measured: Vec<Measured> =
        measured.map(|(number, (point, since))| (number, point, since)).collect();
    let steps = series.unblamed_steps();
    // The two sides of a task stand in one row.
    for row in measured.chunk_by(|(_, one, _), (_, next, _)| {
        let [one, next] = [&one.name, &next.name];
        one.task == next.task && [one.phase, next.phase] == [Phase::Before, Phase::After]
    }) {
        if row.iter().any(|(number, ..)| steps.contains(number)) {
            let _ = writeln!(text, "  {}", style.paint(Ink::WARNING, STEP));
        }
        let _ = writeln!(text, "{}", line(row));
    }
    let p99s: Vec<f64> = series.points.iter().map(|point| point.p99_ms).collect();
    let noise = series.noise.unwrap_or_default();
    let _ = writeln!(text, "  P99  {}", sparkline(&p99s, SPARKS, noise));
    let ink = if series.creep().is_some() { Ink::BAD } else { Ink::STRONG };
    let _ = writeln!(text, "  {}", style.paint(ink, &outcome(series)));
    text
}

const STEP: &str = "^ P99 moved here, between two tasks: no task measured this step";

fn line(row: &[Measured]) -> String {
    let Some((_, newest, since)) = row.last() else { return String::new() };
    let of = |phase| row.iter().map(|(_, point, _)| point).find(|it| it.name.phase == phase);
    let sides = [of(Phase::Before), of(Phase::After)];
    let [before, after] = sides
        .map(|point| point.map_or_else(|| "-".to_owned(), |point| words::figure(point.p99_ms, 3)));
    let change = match sides {
        [Some(before), Some(after)] => {
            let session = after.session.map(|session| session.estimate);
            words::percent_of_ln(session.unwrap_or_else(|| (after.p99_ms / before.p99_ms).ln()))
        }
        _ => String::new(),
    };
    let uncertainty = since.uncertainty.map(|half| format!(" ±{:.1}", percent(half)));
    let since_first = words::percent_of_ln(since.change) + &uncertainty.unwrap_or_default();
    format!(
        "  {:<TASK$} {:<16} {:<7} {before:>8} {after:>8} {change:>7} {since_first:>13}",
        words::shortened(newest.name.task.as_str(), TASK),
        words::minute(newest.name.timestamp),
        text::printable(&format!("{:.7}", newest.commit.as_deref().unwrap_or("-"))),
    )
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
            "task": point.name.task.as_str(),
            "phase": point.name.phase.to_string(),
            "when": words::minute(point.name.timestamp),
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
