//! The recorded groups, one line each.

use std::fmt::Write as _;

use crate::report::words;
use crate::term::streams::{Ink, Style};

/// One group of recorded runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub(crate) task: String,
    /// `internal` or `competitive`.
    pub(crate) mode: String,
    /// `before` or `after`.
    pub(crate) phase: String,
    /// The start of the newest run, in local time.
    pub(crate) when: String,
    /// The measured commit; absent without provenance.
    pub(crate) commit: Option<String>,
    /// Median P99 in milliseconds and throughput in operations per second, or the reason why it cannot be read.
    pub(crate) figures: Result<(f64, f64), String>,
    /// The number of runs, and the kind of the group.
    pub(crate) group: String,
}

/// The columns of a terminal.
const WIDTH: usize = 80;
/// The fewest columns of a task: the others are never so wide that less is left.
const LEAST_TASK: usize = 5;
/// The shown characters of a commit.
const COMMIT: usize = 7;

/// The table.
pub(crate) fn list(entries: &[Entry], style: Style) -> String {
    if entries.is_empty() {
        return "nothing is recorded yet; begin with: cargo perf-check <task> before\n".to_owned();
    }
    let heading =
        ["task", "mode", "phase", "when", "commit", "P99 ms", "ops/s", "runs"].map(str::to_owned);
    let rows: Vec<[String; 8]> = entries.iter().map(row).collect();
    let mut widths = heading.each_ref().map(|cell| cell.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let [task, others @ ..] = &mut widths;
    // A space between two columns, and one more before the last.
    let taken = others.iter().sum::<usize>() + others.len() + 1;
    *task = (*task).min(WIDTH.saturating_sub(taken).max(LEAST_TASK));

    let mut text = style.paint(Ink::Faint, &line(&heading, &widths, None)) + "\n";
    for (entry, row) in entries.iter().zip(&rows) {
        let why = entry.figures.as_ref().err();
        let why = why.map(|why| (words::printable(why), style));
        let _ = writeln!(text, "{}", line(row, &widths, why));
    }
    text
}

/// The cells of an entry. What cannot be read has no figures.
fn row(entry: &Entry) -> [String; 8] {
    let (p99, throughput) = match entry.figures {
        Ok((p99, throughput)) => (words::figure(p99, 3), words::trimmed(throughput, 1)),
        Err(_) => (String::new(), String::new()),
    };
    let commit = entry.commit.as_deref().unwrap_or("-");
    [
        entry.task.clone(),
        entry.mode.clone(),
        entry.phase.clone(),
        entry.when.clone(),
        words::printable(commit).chars().take(COMMIT).collect(),
        p99,
        throughput,
        entry.group.clone(),
    ]
}

/// One line, with the reason in the place of the figures where there is one.
fn line(row: &[String; 8], widths: &[usize; 8], why: Option<(String, Style)>) -> String {
    let [task, mode, phase, when, commit, p99, throughput, group] = row;
    let [w_task, w_mode, w_phase, w_when, w_commit, w_p99, w_throughput, _] = *widths;
    let task = words::shortened(task, w_task);
    let known = format!(
        "{task:<w_task$} {mode:<w_mode$} {phase:<w_phase$} {when:<w_when$} {commit:<w_commit$}"
    );
    let figures = match why {
        None => format!("{p99:>w_p99$} {throughput:>w_throughput$}"),
        Some((why, style)) => {
            let least = w_p99 + 1 + w_throughput;
            let taken = known.chars().count() + 3 + group.chars().count();
            let why = words::cut(&why, WIDTH.saturating_sub(taken).max(least));
            style.paint(Ink::Warning, &format!("{why:>least$}"))
        }
    };
    format!("{known} {figures}  {group}")
}
