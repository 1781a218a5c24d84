//! Who, what and when of a side, the same in every format: the commit, the branch, the date, the machine, the load.

use serde_json::{Value, json};

use crate::judge::comparison::{Comparison, Side};
use crate::model::names::RunName;
use crate::model::provenance::{Git, Noise, Provenance};
use crate::report::words;
use crate::stats::numbers::median;

/// The version of this tool.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A branch, a machine, a processor or a scenario in a line.
fn short(name: &str) -> String {
    words::shortened(name, 40)
}

/// Of several runs, the newest speaks.
fn newest(side: &Side) -> Option<&Provenance> {
    side.runs.last()?.provenance.as_ref()
}

/// `2025-11-08 14:00`
fn when(side: &Side) -> Option<String> {
    let name = RunName::of_result(side.files.last()?.file_name()?.to_str()?)?;
    Some(words::minute(name.timestamp))
}

fn scenario(side: &Side) -> &str {
    side.runs.last().map_or("", |run| &run.result.config_name)
}

/// `be0be0b on main, 2025-11-08 14:00, 60 s, 3 runs, P99 from 0.441 to 0.502 ms`
fn in_words(side: &Side) -> String {
    let known = newest(side);
    let git = known.and_then(|known| known.git.as_ref());
    let of = |text: fn(&Git) -> Option<&String>| git.and_then(text);
    let commit = of(|git| git.commit.as_ref());
    let branch = of(|git| git.branch.as_ref());
    let first = [
        commit.map_or_else(|| "commit unknown".to_owned(), |commit| words::commit(commit)),
        branch.map_or_else(String::new, |branch| format!(" on {}", short(branch))),
        git.filter(|git| git.dirty).map_or_else(String::new, |_| ", uncommitted".to_owned()),
    ];
    let (runs, (low, high)) = (side.files.len(), side.p99_spread_ms);
    let parts = [
        Some(first.concat()),
        when(side),
        known.map(|known| format!("{} s", known.load.duration_seconds)),
        (runs > 1).then(|| format!("{runs} runs, P99 from {low:.3} to {high:.3} ms")),
    ];
    parts.into_iter().flatten().collect::<Vec<String>>().join(", ")
}

/// `bench-box, AMD Ryzen 7; M17 Baseline`
fn place(side: &Side) -> String {
    let host = newest(side).map(|known| &known.host);
    let machine = host.into_iter().flat_map(|host| [&host.name, &host.cpu]).flatten();
    let machine: Vec<String> = machine.map(|name| short(name)).collect();
    let place = [machine.join(", "), short(scenario(side))];
    place.join("; ").trim_start_matches("; ").to_owned()
}

/// A line for each side, and those for what they share, each with its name before it; none where no side is known.
pub(crate) fn lines(comparison: &Comparison) -> Vec<(&'static str, String)> {
    let mut lines: Vec<(&str, String)> =
        comparison.sides().map(|(phase, side)| (phase.name(), in_words(side))).collect();
    let mut places: Vec<String> = comparison.sides().map(|(_, side)| place(side)).collect();
    places.dedup();
    if !places.is_empty() {
        lines.extend(places.into_iter().map(|place| ("on", place)));
        lines.push(("judged", format!("by version {VERSION} of this tool")));
    }
    lines
}

/// The same for machines, and the noise of the runs as numbers: each the median of the runs that know it.
pub(crate) fn to_json(side: &Side) -> Value {
    let known = newest(side);
    let git = known.and_then(|known| known.git.as_ref());
    let host = known.map(|known| &known.host);
    let noise = |of: fn(&Noise) -> Option<f64>| {
        median(side.runs.iter().filter_map(|run| of(&run.provenance.as_ref()?.noise)))
    };
    json!({
        "commit": git.and_then(|git| git.commit.as_ref()),
        "branch": git.and_then(|git| git.branch.as_ref()),
        "dirty": git.map(|git| git.dirty),
        "when": when(side),
        "host": host.and_then(|host| host.name.as_ref()),
        "cpu": host.and_then(|host| host.cpu.as_ref()),
        "cores": host.and_then(|host| host.cores),
        "scenario": scenario(side),
        "load_seconds": known.map(|known| known.load.duration_seconds),
        "runs": side.files.len(),
        "noise": {
            "steal_share": noise(|noise| noise.steal_share),
            "busy_share": noise(|noise| noise.busy_share),
            "cpu_pressure_seconds": noise(|noise| noise.cpu_pressure_seconds),
            "others_cpu_seconds": noise(|noise| noise.others_cpu_seconds),
            "server_cpu_seconds": noise(|noise| noise.server_cpu_seconds),
            "tool_cpu_seconds": noise(|noise| noise.tool_cpu_seconds),
        },
    })
}
