//! The end of a check: the numbers, and the next command to type.

use std::collections::BTreeSet;

use crate::judge::comparison::Side;
use crate::model::recorded::Recorded;
use crate::report::metrics::{METRICS, MS_DECIMALS, OF_OPERATIONS};
use crate::report::words;
use crate::term::streams::{Ink, Style};

/// The runs that a terminal has room for; every run is in its files.
const MOST_SHOWN: usize = 4;

/// The runs of a group beside each other, after their medians where there are several. `title` is for instance `007
/// before, internal`; `next` is the command to type next, and the words before it.
pub(crate) fn summary(title: &str, runs: &[Recorded], next: &str, style: Style) -> String {
    let several = (runs.len() > 1).then_some(runs);
    let columns = several.into_iter().chain(runs.chunks(1).take(MOST_SHOWN));
    let columns = columns.filter_map(|runs| Side::of(runs, |run| run.result.error_rate));
    let columns: Vec<Side> = columns.collect();
    let more = if runs.len() > MOST_SHOWN { " …" } else { "" };
    let row = |name: &str, values: Vec<String>| {
        let values: String = values.iter().map(|value| format!(" {value:>9}")).collect();
        format!("  {name:<17}{values}{more}")
    };

    let mut title = title.to_owned();
    if columns.iter().any(|side| side.stand_in) {
        title += &format!(", {}", words::STAND_IN);
    }
    let mut lines = vec![String::new(), style.paint(Ink::STRONG, &title), String::new()];
    if several.is_some() {
        let names = (1..columns.len()).map(|run| format!("run {run}"));
        lines.push(row("", ["median".to_owned()].into_iter().chain(names).collect()));
    }
    for metric in &METRICS {
        let values = columns.iter().map(|side| match metric.value(side) {
            Some(value) => metric.figure(value),
            None => "unknown".to_owned(),
        });
        let line = row(&metric.title(), values.collect());
        lines.push(if metric.name == "P99" { style.paint(Ink::STRONG, &line) } else { line });
    }
    lines.push(format!("    {OF_OPERATIONS}\n\n  P99 by operation, ms"));
    let operations = columns.iter().flat_map(|side| side.operation_p99_ms.keys());
    for name in operations.collect::<BTreeSet<&String>>() {
        let values = columns.iter().map(|side| match side.operation_p99_ms.get(name) {
            Some(p99_ms) => words::figure(*p99_ms, MS_DECIMALS),
            None => "-".to_owned(),
        });
        lines.push(row(name, values.collect()));
    }
    lines.push(format!("\nnext: {next}\n"));
    lines.join("\n")
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
        let shown = summary("007 before, internal", &runs, "done", Style::PLAIN);
        shown.lines().map(str::to_owned).collect()
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
