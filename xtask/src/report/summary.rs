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
    /// The medians of them, where there are several.
    pub(crate) median: Option<Side>,
    /// Runs of which so many requests failed that the latencies are those of error replies.
    pub(crate) failing: usize,
    /// The command to type next, and the words before it.
    pub(crate) next: String,
}

/// The runs that a terminal has room for; every run is in its files.
const MOST_SHOWN: usize = 4;

pub(crate) fn summary(summary: &Summary, style: Style) -> String {
    let mut text = String::from("\n");
    let mut title = summary.title.clone();
    if summary.runs.iter().any(|run| run.stand_in) {
        let _ = write!(title, ", {}", words::STAND_IN);
    }
    let _ = writeln!(text, "{}\n", style.paint(Ink::Strong, &title));
    let columns = summary.median.iter().chain(summary.runs.iter().take(MOST_SHOWN));
    let more = if summary.runs.len() > MOST_SHOWN { " …" } else { "" };
    let row = |name: &str, values: &[String]| {
        let values: Vec<String> = values.iter().map(|value| format!("{value:>9}")).collect();
        format!("  {name:<18}{}{more}", values.join(" "))
    };
    let line = |name: &str, value: &dyn Fn(&Side) -> String| {
        row(name, &columns.clone().map(value).collect::<Vec<_>>())
    };
    if summary.median.is_some() {
        let runs = (1..columns.clone().count()).map(|run| format!("run {run}"));
        let names: Vec<String> = ["median".to_owned()].into_iter().chain(runs).collect();
        let _ = writeln!(text, "{}", row("", &names));
    }
    for metric in &METRICS {
        let figure = |value| metric.figure(value);
        let value = |run: &Side| metric.value(run).map_or_else(|| "unknown".into(), figure);
        let line = line(&metric.title(), &value);
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::load_result::LoadResult;
    use crate::model::recorded::Recorded;

    fn run(p99_ms: f64) -> Recorded {
        let result = json!({
            "config_name": "M17 Baseline", "elapsed_seconds": 60.0, "total_operations": 60000,
            "total_errors": 0, "overall_throughput": 1000.0, "overall_error_rate": 0.0,
            "p50_latency_ms": 0.1, "p95_latency_ms": 0.2, "p99_latency_ms": p99_ms,
            "per_operation_stats": {},
        });
        let result = LoadResult::parse(result.to_string().as_bytes()).unwrap();
        Recorded { path: "".into(), result, provenance: None, bytes: Vec::new() }
    }

    fn shown(p99s_ms: &[f64]) -> Vec<String> {
        let runs: Vec<Recorded> = p99s_ms.iter().copied().map(run).collect();
        let side = |runs: &[Recorded]| Side::of(runs, |run| run.result.error_rate).unwrap();
        let each: Vec<Side> = runs.chunks(1).map(side).collect();
        let median = (runs.len() > 1).then(|| side(&runs));
        let (title, next) = ("007 before, internal".to_owned(), "done".to_owned());
        let summary = Summary { title, runs: &each, median, failing: 0, next };
        super::summary(&summary, Style::of_output()).lines().map(str::to_owned).collect()
    }

    #[test]
    fn several_runs_have_their_median_before_them() {
        let shown = shown(&[9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let heading = "                       median     run 1     run 2     run 3     run 4 …";
        assert!(shown.iter().any(|line| line == heading), "{shown:#?}");
        let p99 = "  P99 ms                4.000     9.000     1.000     2.000     3.000 …";
        assert!(shown.iter().any(|line| line == p99), "{shown:#?}");
    }

    #[test]
    fn one_run_is_its_own_median() {
        let shown = shown(&[9.0]);
        assert!(shown.iter().any(|line| line == "  P99 ms                9.000"), "{shown:#?}");
    }
}
