//! What is recorded, one line a group.

use std::fmt::Write as _;

use super::terminal::{Ink, Style};
use super::words;

/// One group of recorded runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The task.
    pub task: String,
    /// `internal` or `competitive`.
    pub mode: String,
    /// `before` or `after`.
    pub phase: String,
    /// When the newest run was started, in local time.
    pub when: String,
    /// The commit measured; absent without provenance.
    pub commit: Option<String>,
    /// Median P99 in milliseconds and throughput in operations per second, or why it cannot be read.
    pub figures: Result<(f64, f64), String>,
    /// How many runs, and what kind of group.
    pub group: String,
}

/// The columns of a terminal.
const WIDTH: usize = 80;
/// The columns of a line that are neither the task's nor behind the commit.
const FIXED: usize = 46;
/// The columns of both figures.
const FIGURES: usize = 19;

/// The table.
pub fn list(entries: &[Entry], style: Style) -> String {
    if entries.is_empty() {
        return "nothing is recorded yet; begin with: cargo perf-check <task> before\n".to_owned();
    }
    let mut text = String::new();
    let width = entries
        .iter()
        .map(|entry| entry.task.chars().count())
        .max()
        .unwrap_or(0)
        .max(4);
    let heading = format!(
        "{:<width$} {:<11} {:<6} {:<16} {:<8} {:>9} {:>9}  {}",
        "task", "mode", "phase", "when", "commit", "P99 ms", "ops/s", "runs"
    );
    let _ = writeln!(text, "{}", style.paint(Ink::Faint, &heading));
    for entry in entries {
        let figures = match &entry.figures {
            Ok((p99, throughput)) => format!("{p99:>9.3} {:>9}", words::trimmed(*throughput, 1)),
            Err(why) => {
                let taken = width + FIXED + 2 + entry.group.chars().count();
                let room = WIDTH.saturating_sub(taken).max(FIGURES);
                let why = format!("{:>FIGURES$}", words::cut(why, room));
                style.paint(Ink::Warning, &why)
            }
        };
        let _ = writeln!(
            text,
            "{:<width$} {:<11} {:<6} {:<16} {:<8} {figures}  {}",
            entry.task,
            entry.mode,
            entry.phase,
            entry.when,
            entry
                .commit
                .as_deref()
                .map_or("-", |commit| commit.get(..8).unwrap_or(commit)),
            entry.group
        );
    }
    text
}
