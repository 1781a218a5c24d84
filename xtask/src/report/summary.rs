//! The end of `perf-check`: the numbers, what weakens them, and the next command to type.

use std::fmt::Write as _;

use crate::model::limits::FAILED_BEFORE;
use crate::model::recorded::Recorded;
use crate::term::streams::{Ink, Style};

/// The summary of a group of runs; `next` is the next command.
pub fn summary(title: &str, runs: &[Recorded], next: &str, style: Style) -> String {
    let mut text = String::from("\n");
    let is_stand_in = |run: &Recorded| {
        let provenance = run.provenance.as_ref();
        provenance.is_some_and(|provenance| provenance.build.stand_in)
    };
    let kind = match runs.iter().any(is_stand_in) {
        true => ", measured on the stand-in, not the real Engram",
        false => "",
    };
    let title = format!("{title}{kind}");
    let _ = writeln!(text, "{}\n", style.paint(Ink::Strong, &title));
    metrics(&mut text, runs, style);
    operations(&mut text, runs);
    let failing = runs
        .iter()
        .filter(|run| run.result.error_rate > FAILED_BEFORE)
        .count();
    if failing > 0 {
        let loud = format!(
            "\nREQUESTS FAILED in {failing} of {}: these are the latencies of error replies",
            count(runs.len() as u64, "run")
        );
        let _ = writeln!(text, "{}", style.paint(Ink::Bad, &loud));
    }
    let _ = writeln!(text, "\nnext: {next}");
    text
}

/// One line a metric: the value of a single run, or each run's beside the others'.
fn metrics(text: &mut String, runs: &[Recorded], style: Style) {
    let mut line = |name: &str, value: &dyn Fn(&Recorded) -> String| {
        let values: Vec<String> = runs
            .iter()
            .map(|run| format!("{:>9}", value(run)))
            .collect();
        // A large group is cut to the width of a terminal; every run is in its files.
        let shown = values
            .get(..values.len().min(MOST_SHOWN))
            .unwrap_or_default()
            .join(" ");
        let more = if values.len() > MOST_SHOWN {
            " …"
        } else {
            ""
        };
        let line = format!("  {name:<18}{shown}{more}");
        let _ = writeln!(
            text,
            "{}",
            if name.starts_with("P99") {
                style.paint(Ink::Strong, &line)
            } else {
                line
            }
        );
    };
    line("P50 ms", &|run| format!("{:.3}", run.result.p50_ms));
    line("P95 ms", &|run| format!("{:.3}", run.result.p95_ms));
    line("P99 ms", &|run| format!("{:.3}", run.result.p99_ms));
    line("throughput ops/s", &|run| {
        format!("{:.2}", run.result.throughput)
    });
    line("operations", &|run| run.result.total_operations.to_string());
    line("errors", &|run| run.result.total_errors.to_string());
    let seen = |run: &Recorded, section, key| run.provenance.as_ref()?.number(section, key);
    let shown = |value: Option<f64>, decimals| {
        value.map_or_else(
            || "unknown".to_owned(),
            |value| format!("{value:.decimals$}"),
        )
    };
    line("peak memory MiB", &|run| {
        let kib = seen(run, "server", "peak_memory_kib");
        shown(kib.map(|kib| (kib / 1024.0).floor()), 0)
    });
    line("CPU us/operation", &|run| {
        shown(seen(run, "noise", "server_cpu_us_per_operation"), 0)
    });
    line("CPU stolen %", &|run| {
        let share = seen(run, "noise", "steal_share");
        shown(share.map(|share| share * 100.0), 1)
    });
}

const MOST_SHOWN: usize = 5;

fn operations(text: &mut String, runs: &[Recorded]) {
    let mut names: Vec<&String> = runs
        .iter()
        .flat_map(|run| run.result.operations.keys())
        .collect();
    names.sort_unstable();
    names.dedup();
    let _ = writeln!(text, "\n  P99 by operation, ms");
    for name in names {
        let values: Vec<String> = runs
            .iter()
            .take(MOST_SHOWN)
            .map(|run| match run.result.operations.get(name) {
                Some(operation) => format!("{:>9.3}", operation.p99_ms),
                None => format!("{:>9}", "-"),
            })
            .collect();
        let _ = writeln!(text, "  {name:<18}{}", values.join(" "));
    }
}

/// `3 runs`, `1 run`.
fn count(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}
