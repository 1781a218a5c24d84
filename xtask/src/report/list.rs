//! The recorded groups, one line each.

use serde_json::{Value, json};

use crate::model::names::RunName;
use crate::model::typed::{self, Repeated};
use crate::report::words;
use crate::term::streams::{Ink, Style};
use crate::term::text;

/// One group of recorded runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The newest run.
    pub(crate) name: RunName,
    /// The measured commit; absent without provenance.
    pub(crate) commit: Option<String>,
    /// Seconds of load a run; absent without provenance.
    pub(crate) seconds: Option<u64>,
    /// Median P99 in milliseconds and throughput in operations per second, or the reason why it cannot be read.
    pub(crate) figures: Result<(f64, f64), String>,
    /// The number of runs, and the kind of the group.
    pub(crate) group: String,
    /// At least one run measured the stand-in.
    pub(crate) stand_in: bool,
}

/// The version of the JSON's shape.
const FORMAT: u32 = 1;

/// The same as one object, ending in a line break.
pub(crate) fn to_json(entries: &[Entry]) -> String {
    let entry = |entry: &Entry| {
        let figures = entry.figures.as_ref().ok();
        json!({
            "task": entry.name.task.as_str(),
            "mode": entry.name.mode.to_string(),
            "phase": entry.name.phase.name(),
            "when": words::minute(entry.name.timestamp),
            "commit": entry.commit,
            "load_seconds": entry.seconds,
            "p99_ms": figures.map(|(p99_ms, _)| p99_ms),
            "throughput": figures.map(|(_, throughput)| throughput),
            "group": entry.group,
            "stand_in": entry.stand_in,
            "error": entry.figures.as_ref().err(),
        })
    };
    let recorded: Vec<Value> = entries.iter().map(entry).collect();
    format!("{:#}\n", json!({ "format": FORMAT, "recorded": recorded }))
}

/// The fewest columns of a task: the others are never so wide that less is left.
const LEAST_TASK: usize = 5;

/// The table.
pub(crate) fn list(entries: &[Entry], repeated: &Repeated, style: Style) -> String {
    if entries.is_empty() {
        return typed::nothing_is_recorded(repeated);
    }
    let heading = ["task", "mode", "phase", "when", "commit", "load", "P99 ms", "ops/s", "runs"];
    let mut rows = vec![heading.map(str::to_owned)];
    rows.extend(entries.iter().map(row));
    let mut widths = [0; 9];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let [task, others @ ..] = &mut widths;
    // A space between two columns, and one more before the last.
    let taken = others.iter().sum::<usize>() + others.len() + 1;
    *task = (*task).min(style.columns.saturating_sub(taken).max(LEAST_TASK));

    let mut text = String::new();
    let whys = entries.iter().map(|entry| entry.figures.as_ref().err());
    for (row, why) in rows.iter().zip([None].into_iter().chain(whys)) {
        let line = words::cut(&line(row, &widths, why), style.columns);
        let is_heading = text.is_empty();
        text += &if is_heading { style.paint(Ink::FAINT, &line) } else { line };
        text.push('\n');
    }
    text
}

/// The cells of an entry. What cannot be read has no figures.
fn row(entry: &Entry) -> [String; 9] {
    let (p99, throughput) = match entry.figures {
        Ok((p99, throughput)) => (words::figure(p99, 3), words::trimmed(throughput, 1)),
        Err(_) => Default::default(),
    };
    let stand_in = if entry.stand_in { ", stand-in" } else { "" };
    [
        entry.name.task.to_string(),
        entry.name.mode.to_string(),
        entry.name.phase.to_string(),
        words::minute(entry.name.timestamp),
        words::commit(entry.commit.as_deref().unwrap_or("-")),
        entry.seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds} s")),
        p99,
        throughput,
        format!("{}{stand_in}", entry.group),
    ]
}

/// One line, which ends with the reason where there is one.
fn line(row: &[String; 9], widths: &[usize; 9], why: Option<&String>) -> String {
    let [task, mode, phase, when, commit, load, p99, throughput, runs] = row;
    let [w_task, w_mode, w_phase, w_when, w_commit, w_load, w_p99, w_throughput, _] = *widths;
    let task = words::shortened(task, w_task);
    let known = format!(
        "{task:<w_task$} {mode:<w_mode$} {phase:<w_phase$} {when:<w_when$} {commit:<w_commit$} {load:>w_load$}"
    );
    match why {
        Some(why) => format!("{known} {}", text::printable(why)),
        None => format!("{known} {p99:>w_p99$} {throughput:>w_throughput$}  {runs}"),
    }
}
