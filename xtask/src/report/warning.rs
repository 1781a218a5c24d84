//! A stable code for each warning, for machines: the words may change, the code does not.

use serde_json::{Value, json};

/// What the words of a warning hold, and the code that it then has; the first that fits. A test of the reference names
/// each of them.
const CODES: [(&str, &str); 23] = [
    // First of all, for the names of processes are in it.
    ("busy machine", "busy_machine"),
    ("no provenance", "no_provenance"),
    ("the group was interrupted", "group_interrupted"),
    ("percentiles contradict", "percentiles_contradict"),
    ("offered load was not reached", "load_not_reached"),
    ("of the requests FAILED", "requests_failed"),
    ("CPU time was stolen", "cpu_stolen"),
    ("slows the clock", "cpu_governor"),
    ("of swap in use", "swap_in_use"),
    ("on battery", "on_battery"),
    ("the load generator ended with", "load_generator_ended"),
    ("were started", "starts_apart"),
    ("another host", "host_differs"),
    ("another CPU", "cpu_differs"),
    ("another compiler", "compiler_differs"),
    ("load generator's binary changed", "load_generator_differs"),
    ("output of build scripts changed", "build_scripts_differ"),
    ("environment changed", "environment_differs"),
    ("is unknown for some runs", "fact_unknown"),
    ("archived", "session_archived"),
    ("ended otherwise", "session_contradicts"),
    ("they say otherwise", "single_runs_contradict"),
    ("session", "session_unused"),
];

/// The code of what none of the others is.
const OTHER: &str = "other";

/// The codes of all warnings.
#[cfg(test)]
fn codes() -> impl Iterator<Item = &'static str> {
    CODES.iter().map(|(_, code)| *code).chain([OTHER])
}

/// The code of a warning.
pub(crate) fn code(warning: &str) -> &'static str {
    let known = CODES.iter().find(|(words, _)| warning.contains(words));
    known.map_or(OTHER, |(_, code)| code)
}

/// Each warning with its code.
pub(crate) fn to_json(warnings: &[String]) -> Value {
    let coded = warnings.iter().map(|text| json!({ "code": code(text), "text": text }));
    coded.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_has_the_same_code_on_either_side_and_with_other_numbers() {
        for warning in [
            "before: busy machine: others used 15 % of the CPUs during the load",
            "both sides: busy machine: others used 25 % of the CPUs during the load (and 3 like it)",
            "busy machine: others (no provenance 20 %) used 25 % of the CPUs during the load",
        ] {
            assert_eq!(code(warning), "busy_machine");
        }
        assert_eq!(code("after: busy host: 20 % of the CPU time was stolen"), "cpu_stolen");
        assert_eq!(code("something of a later version"), OTHER);
    }

    #[test]
    fn the_reference_lists_every_code() {
        let reference = include_str!("../../../docs/reference/perf-compare-json.md");
        for code in codes() {
            assert!(reference.contains(&format!("`{code}`")), "{code}");
        }
    }
}
