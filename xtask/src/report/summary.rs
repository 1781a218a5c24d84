//! What `perf-check` says at the end: the numbers, what weakens them, and the next command to type.

use std::fmt::Write as _;

use crate::args::{Check, DEFAULT_DURATION, DEFAULT_PORT};
use crate::measure::build::Build;
use crate::measure::health::Implementation;
use crate::measure::run::Limits;
use crate::measure::run::Measured;
use crate::model::limits::FAILED_BEFORE;
use crate::model::names::{Mode, Phase, RunName};
use crate::term::shell_word;
use crate::term::streams::{Ink, Style};

/// The summary of a group of runs.
pub fn summary(check: &Check, runs: &[(RunName, Measured)], style: Style) -> String {
    let mut text = String::from("\n");
    let kind = match runs
        .iter()
        .any(|(_, run)| run.implementation == Implementation::StandIn)
    {
        true => ", measured on the stand-in, not the real Engram",
        false => "",
    };
    let title = format!("{} {}, {}{kind}", check.task, check.phase, check.mode);
    let _ = writeln!(text, "{}\n", style.paint(Ink::Strong, &title));
    metrics(&mut text, runs, style);
    operations(&mut text, runs);
    let failing = runs
        .iter()
        .filter(|(_, run)| run.result.error_rate > FAILED_BEFORE)
        .count();
    if failing > 0 {
        let loud = format!(
            "\nREQUESTS FAILED in {failing} of {}: these are the latencies of error replies",
            count(runs.len() as u64, "run")
        );
        let _ = writeln!(text, "{}", style.paint(Ink::Bad, &loud));
    }
    let _ = writeln!(text, "\nnext: {}", next(check));
    text
}

/// One line a metric: the value of a single run, or each run's beside the others'.
fn metrics(text: &mut String, runs: &[(RunName, Measured)], style: Style) {
    let mut line = |name: &str, value: &dyn Fn(&Measured) -> String| {
        let values: Vec<String> = runs
            .iter()
            .map(|(_, run)| format!("{:>9}", value(run)))
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
    line("peak memory MiB", &|run| {
        run.peak_memory_kib()
            .map_or_else(|| "unknown".into(), |kib| (kib / 1024).to_string())
    });
    line("CPU us/operation", &|run| {
        run.noise
            .server_cpu_us_per_operation
            .map_or_else(|| "unknown".into(), |us| format!("{us:.0}"))
    });
    line("CPU stolen %", &|run| {
        run.noise
            .steal_share
            .map_or_else(|| "unknown".into(), |share| format!("{:.1}", share * 100.0))
    });
}

const MOST_SHOWN: usize = 5;

fn operations(text: &mut String, runs: &[(RunName, Measured)]) {
    let mut names: Vec<&String> = runs
        .iter()
        .flat_map(|(_, run)| run.result.operations.keys())
        .collect();
    names.sort_unstable();
    names.dedup();
    let _ = writeln!(text, "\n  P99 by operation, ms");
    for name in names {
        let values: Vec<String> = runs
            .iter()
            .take(MOST_SHOWN)
            .map(|(_, run)| match run.result.operations.get(name) {
                Some(operation) => format!("{:>9.3}", operation.p99_ms),
                None => format!("{:>9}", "-"),
            })
            .collect();
        let _ = writeln!(text, "  {name:<18}{}", values.join(" "));
    }
}

fn next(check: &Check) -> String {
    match check.phase {
        Phase::Before => format!("make the change, then\n  {}", again(check, Phase::After)),
        Phase::After => {
            let checkout = checkout_option(check);
            format!("\n  cargo perf-compare {}{checkout}", check.task)
        }
    }
}

/// The command that measures `phase` in the same way.
fn again(check: &Check, phase: Phase) -> String {
    let mut command = format!("cargo perf-check {} {phase}", check.task);
    if check.mode == Mode::Competitive {
        command.push_str(" --competitive");
    }
    if check.duration != DEFAULT_DURATION {
        let _ = write!(command, " --duration {}", check.duration.as_secs());
    }
    if check.runs > 1 {
        let _ = write!(command, " --runs {}", check.runs);
    }
    if check.port != DEFAULT_PORT {
        let _ = write!(command, " --port {}", check.port);
    }
    let (limits, usual) = (check.limits, Limits::default());
    for (option, asked, usual) in [
        ("ready-timeout", limits.ready, usual.ready),
        ("load-grace", limits.load_grace, usual.load_grace),
        ("stop-grace", limits.stop_grace, usual.stop_grace),
    ] {
        if asked != usual {
            let _ = write!(command, " --{option} {}", asked.as_secs());
        }
    }
    if check.build == Build::Existing {
        command.push_str(" --no-build");
    }
    command + &checkout_option(check)
}

fn checkout_option(check: &Check) -> String {
    check.checkout.as_ref().map_or_else(String::new, |folder| {
        format!(" -C {}", shell_word(&folder.to_string_lossy()))
    })
}

/// `3 runs`, `1 run`.
pub fn count(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}
