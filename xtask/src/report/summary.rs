//! The end of a check: the numbers, a warning where they mean nothing, and the next command to type.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::judge::comparison::Side;
use crate::report::metrics::{METRICS, OF_OPERATIONS};
use crate::report::words;
use crate::term::streams::{Ink, Style};

/// A group of runs.
pub(crate) struct Summary<'a> {
    /// `007 before, internal`
    pub(crate) title: String,
    /// Each run as a side of its own.
    pub(crate) runs: &'a [Side],
    /// Runs of which so many requests failed that the latencies are those of error replies.
    pub(crate) failing: usize,
    /// The command to type next, and the words before it.
    pub(crate) next: String,
}

/// The columns that a terminal has room for; every run is in its files.
const MOST_SHOWN: usize = 5;

pub(crate) fn summary(summary: &Summary, style: Style) -> String {
    let mut text = String::from("\n");
    let mut title = summary.title.clone();
    if summary.runs.iter().any(|run| run.stand_in) {
        let _ = write!(title, ", {}", words::STAND_IN);
    }
    let _ = writeln!(text, "{}\n", style.paint(Ink::Strong, &title));
    let shown = summary.runs.iter().take(MOST_SHOWN);
    let line = |name: &str, value: &dyn Fn(&Side) -> String| {
        let values: Vec<String> = shown.clone().map(|run| format!("{:>9}", value(run))).collect();
        format!("  {name:<18}{}", values.join(" "))
    };
    let more = if summary.runs.len() > MOST_SHOWN { " …" } else { "" };
    for metric in &METRICS {
        let figure = |value| metric.figure(value);
        let value = |run: &Side| metric.value(run).map_or_else(|| "unknown".into(), figure);
        let line = line(&metric.title(), &value) + more;
        let _ = match metric.name {
            "P99" => writeln!(text, "{}", style.paint(Ink::Strong, &line)),
            _ => writeln!(text, "{line}"),
        };
    }
    let _ = writeln!(text, "    {OF_OPERATIONS}\n\n  P99 by operation, ms");
    let operations = summary.runs.iter().flat_map(|run| run.operation_p99_ms.keys());
    for name in operations.collect::<BTreeSet<&String>>() {
        let value = |run: &Side| match run.operation_p99_ms.get(name) {
            Some(p99_ms) => words::figure(*p99_ms, 3),
            None => "-".to_owned(),
        };
        let _ = writeln!(text, "{}", line(name, &value));
    }
    if summary.failing > 0 {
        let (failing, all) = (summary.failing, summary.runs.len());
        let runs = if all == 1 { "run" } else { "runs" };
        let loud = format!(
            "\nREQUESTS FAILED in {failing} of {all} {runs}: these are the latencies of error replies"
        );
        let _ = writeln!(text, "{}", style.paint(Ink::Bad, &loud));
    }
    let _ = writeln!(text, "\nnext: {}", summary.next);
    text
}
