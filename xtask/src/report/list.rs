//! The recorded groups, one line each.

use std::fmt::Write as _;

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

impl Entry {
    /// `3 of 5, stand-in`
    fn runs(&self) -> String {
        let stand_in = if self.stand_in { ", stand-in" } else { "" };
        format!("{}{stand_in}", self.group)
    }
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
/// The shown characters of a commit.
const COMMIT: usize = 7;

/// The table.
pub(crate) fn list(entries: &[Entry], repeated: &Repeated, style: Style) -> String {
    if entries.is_empty() {
        return typed::nothing_is_recorded(repeated);
    }
    let heading = ["task", "mode", "phase", "when", "commit", "load", "P99 ms", "ops/s", "runs"]
        .map(str::to_owned);
    let rows: Vec<[String; 9]> = entries.iter().map(row).collect();
    let mut widths = heading.each_ref().map(|cell| cell.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let [task, others @ ..] = &mut widths;
    // A space between two columns, and one more before the last.
    let taken = others.iter().sum::<usize>() + others.len() + 1;
    *task = (*task).min(style.columns.saturating_sub(taken).max(LEAST_TASK));

    let mut text = style.paint(Ink::Faint, &line(&heading, &widths, None, style)) + "\n";
    for (entry, row) in entries.iter().zip(&rows) {
        let why = entry.figures.as_ref().err();
        let _ = writeln!(text, "{}", line(row, &widths, why, style));
    }
    text
}

/// The cells of an entry. What cannot be read has no figures.
fn row(entry: &Entry) -> [String; 9] {
    let (p99, throughput) = match entry.figures {
        Ok((p99, throughput)) => (words::figure(p99, 3), words::trimmed(throughput, 1)),
        Err(_) => (String::new(), String::new()),
    };
    let commit = entry.commit.as_deref().unwrap_or("-");
    [
        entry.name.task.to_string(),
        entry.name.mode.to_string(),
        entry.name.phase.to_string(),
        words::minute(entry.name.timestamp),
        text::printable(commit).chars().take(COMMIT).collect(),
        entry.seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds} s")),
        p99,
        throughput,
        entry.runs(),
    ]
}

/// One line, with the reason in the place of the figures where there is one.
fn line(row: &[String; 9], widths: &[usize; 9], why: Option<&String>, style: Style) -> String {
    let [task, mode, phase, when, commit, load, p99, throughput, group] = row;
    let [w_task, w_mode, w_phase, w_when, w_commit, w_load, w_p99, w_throughput, _] = *widths;
    let task = words::shortened(task, w_task);
    let known = format!(
        "{task:<w_task$} {mode:<w_mode$} {phase:<w_phase$} {when:<w_when$} {commit:<w_commit$} {load:>w_load$}"
    );
    // A space before the figures, and two behind them.
    let left = style.columns.saturating_sub(known.chars().count() + 3);
    let figures = format!("{p99:>w_p99$} {throughput:>w_throughput$}");
    let least = figures.chars().count();
    let figures = why.map_or(figures, |why| {
        let most = left.saturating_sub(group.chars().count()).max(least);
        format!("{:>least$}", words::cut(&text::printable(why), most))
    });
    let group = words::cut(group, left.saturating_sub(figures.chars().count()));
    let figures = why.map_or(figures.clone(), |_| style.paint(Ink::Warning, &figures));
    format!("{known} {figures}  {group}")
}
