//! What a user sees, whole: every output format as a file in `tests/snapshots/`, compared to the letter.
//!
//! After a change that is meant, `UPDATE_SNAPSHOTS=1 cargo test --package xtask --test it snapshots` writes the files anew; what
//! changed is then for a person to read, in the difference.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::Value;

use crate::common::recording::{Recording, write_baselines};
use crate::common::{Checkout, Finished, finish};

/// Stands for the checkout's own path, which is another one in every test.
const CHECKOUT: &str = "<checkout>";

/// Checks a snapshot, or writes it.
#[track_caller]
pub fn assert_snapshot(name: &str, seen: &str) {
    let path = folder().join(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, seen).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == seen,
        "{name} is no longer what a user sees, which is:\n{seen}\n\
         if that is meant: UPDATE_SNAPSHOTS=1 cargo test --package xtask --test it snapshots"
    );
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots")
}

fn run(checkout: &Checkout, words: &str) -> Finished {
    let root = fs::canonicalize(checkout.path("")).unwrap();
    let version = format!("\"tool_version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    let hidden = |text: String| {
        text.replace(root.to_str().unwrap(), CHECKOUT)
            .replace(&version, "\"tool_version\": \"<version>\"")
            .replace(concat!("by version ", env!("CARGO_PKG_VERSION")), "by version <version>")
    };
    let finished = finish(checkout.command(words));
    Finished {
        code: finished.code,
        output: hidden(finished.output),
        errors: hidden(finished.errors),
    }
}

/// The command, all that it prints, and its exit code, as in a terminal session.
fn session(checkout: &Checkout, words: &str) -> String {
    let Finished { code, output, errors } = run(checkout, words);
    let code = code.unwrap();
    format!("$ cargo {words}; echo \"exit code $?\"\n{output}{errors}exit code {code}\n")
}

/// Task 007 before the change, with the figures of the specification.
fn before() -> Recording {
    Recording::new().operation("Recall", 0.458).operation("Search", 0.391).operation("Store", 0.306)
}

/// And after it.
fn after() -> Recording {
    Recording::new()
        .after()
        .p99(0.472)
        .throughput(995.24)
        .operation("Recall", 0.472)
        .operation("Search", 0.398)
        .operation("Store", 0.304)
}

fn slower() -> Recording {
    Recording::new()
        .after()
        .p99(0.513)
        .throughput(994.1)
        .operation("Recall", 0.513)
        .operation("Search", 0.395)
        .operation("Store", 0.306)
}

fn competitive() -> Recording {
    Recording::new()
        .competitive()
        .p99(10.2)
        .throughput(490.0)
        .operation("Recall", 10.2)
        .operation("Search", 9.1)
        .operation("Store", 2.3)
}

fn competitive_after() -> Recording {
    Recording::new()
        .competitive()
        .after()
        .p99(10.5)
        .throughput(487.0)
        .operation("Recall", 10.5)
        .operation("Search", 9.0)
        .operation("Store", 2.3)
}

fn competitive_slower() -> Recording {
    Recording::new()
        .competitive()
        .after()
        .p99(11.5)
        .throughput(485.0)
        .operation("Recall", 11.5)
        .operation("Search", 9.2)
        .operation("Store", 2.3)
}

fn recorded(runs: &[Recording]) -> Checkout {
    let checkout = Checkout::to_compare();
    write_baselines(&checkout);
    for run in runs {
        run.write(&checkout);
    }
    checkout
}

fn regressed() -> Checkout {
    recorded(&[before(), slower(), competitive(), competitive_slower()])
}

#[test]
fn no_regression() {
    let checkout = recorded(&[before(), after(), competitive(), competitive_after()]);
    assert_snapshot("no-regression.txt", &session(&checkout, "perf-compare 007"));
}

#[test]
fn a_regression_in_both_modes() {
    assert_snapshot("regression.txt", &session(&regressed(), "perf-compare 007"));
}

#[test]
fn what_cannot_be_judged() {
    let checkout = recorded(&[before(), competitive(), competitive_after()]);
    checkout.write(
        "docs/reference/competitive_baselines.md",
        "| System | P99 Latency |\n|---|---|\n| Neo4j | 27.96ms |\n| Neo4j | 28ms |\n",
    );
    let not_comparable = after().task("008").elapsed(10.0);
    before().task("008").write(&checkout);
    not_comparable.write(&checkout);
    let sessions = ["perf-compare 007", "perf-compare 008", "perf-compare 009"]
        .map(|words| session(&checkout, words));
    assert_snapshot("cannot-judge.txt", &sessions.join("\n"));
}

#[test]
fn groups_of_runs_on_the_stand_in() {
    let checkout = recorded(&[]);
    let dirty = |side: Recording| {
        side.on_stand_in().with(|it| {
            let git = it.git.as_mut().unwrap();
            (git.dirty, git.branch) = (true, Some("fan-effect".to_owned()));
            it.host.name = Some("bench-box".to_owned());
            it.host.cpu = Some("AMD Ryzen 7 5800X 8-Core Processor".to_owned());
        })
    };
    dirty(Recording::new()).write_group(&checkout, &[0.441, 0.458, 0.502], 3);
    dirty(Recording::new().after().throughput(995.24)).write_group(&checkout, &[0.472, 0.449], 3);
    assert_snapshot("group.txt", &session(&checkout, "perf-compare 007"));
}

#[test]
fn single_runs_on_a_machine_whose_noise_is_known() {
    assert_snapshot("single-runs.txt", &session(&on_a_known_machine(), "perf-compare 007"));
}

#[test]
fn one_server_on_both_sides() {
    let checkout = recorded(&[before().same_server(), after().same_server()]);
    assert_snapshot("same-server.txt", &session(&checkout, "perf-compare 007"));
}

/// Both P99s of eight pairs, in milliseconds, where the after server is slower by this share.
fn pairs(change: f64) -> Vec<(f64, f64)> {
    let noise = [0.001, -0.011, 0.013, 0.007, -0.009, 0.004, -0.003, -0.006];
    let befores = [0.452, 0.461, 0.455, 0.449, 0.458, 0.463, 0.451, 0.456];
    let after = |(before, noise): (f64, f64)| (before * (1.0 + change + noise) * 1e3).round() / 1e3;
    befores.into_iter().zip(noise).map(|pair| (pair.0, after(pair))).collect()
}

/// The sides of duets that fill the CPUs, with their CPU time per operation; opened on this day of November.
fn duet(day: u32, cpu_us: [f64; 2]) -> [Recording; 2] {
    let [before, after] = [Recording::new(), Recording::new().after().throughput(995.24)];
    [(before, cpu_us[0]), (after, cpu_us[1])].map(|(side, cpu_us)| {
        side.at(&format!("202511{day}_140000")).elapsed(10.0).with(move |it| {
            it.noise.server_cpu_us_per_operation = Some(cpu_us);
            it.noise.busy_share = Some(0.86);
        })
    })
}

fn in_a_session_of(change: f64, cpu_us: [f64; 2]) -> Checkout {
    let checkout = recorded(&[before(), after()]);
    let [before, after] = duet(10, cpu_us);
    Recording::write_session(&before, &after, &checkout, &pairs(change));
    checkout
}

#[test]
fn a_paired_session_that_regressed() {
    let checkout = in_a_session_of(0.104, [212.0, 246.0]);
    assert_snapshot("paired-session.txt", &session(&checkout, "perf-compare 007"));
}

#[test]
fn a_paired_session_that_passed() {
    let checkout = in_a_session_of(0.004, [212.0, 213.0]);
    assert_snapshot("paired-passed.txt", &session(&checkout, "perf-compare 007"));
}

#[test]
fn a_paired_session_that_is_faster() {
    let checkout = in_a_session_of(-0.107, [212.0, 190.0]);
    assert_snapshot("paired-faster.txt", &session(&checkout, "perf-compare 007"));
}

#[test]
fn a_paired_session_that_found_no_regression() {
    let checkout = recorded(&[before(), after()]);
    let [before, after] = duet(10, [212.0, 214.0]);
    let mut pairs = pairs(-0.005);
    for (_, after) in pairs.iter_mut().step_by(3) {
        *after = (*after * 1.08e3).round() / 1e3;
    }
    Recording::write_session(&before, &after, &checkout, &pairs);
    assert_snapshot("paired-unsettled.txt", &session(&checkout, "perf-compare 007"));
}

#[test]
fn a_paired_session_whose_pass_p95_withholds() {
    let checkout = recorded(&[before(), after()]);
    let [before, after] = duet(10, [212.0, 239.0]);
    let (before, after) =
        (before.field("p95_latency_ms", 0.366), after.field("p95_latency_ms", 0.418));
    Recording::write_session(&before, &after, &checkout, &pairs(0.004));
    assert_snapshot("paired-vetoed.txt", &session(&checkout, "perf-compare 007"));
}

#[test]
fn a_pass_after_a_regression_that_was_archived() {
    let checkout = in_a_session_of(0.104, [212.0, 246.0]);
    Recording::archive_sessions(&checkout);
    let [before, after] = duet(11, [212.0, 213.0]);
    Recording::write_session(&before, &after, &checkout, &pairs(0.004));
    assert_snapshot("paired-archived.txt", &session(&checkout, "perf-compare 007"));
}

#[test]
fn two_results_of_the_old_scripts() {
    let checkout = recorded(&[before().by_old_script(), slower().by_old_script()]);
    let folder = "tmp/m17_performance";
    let words = format!(
        "perf-compare --before {folder}/007_before_20251108_140000.json --after {folder}/007_after_20251108_142000.json"
    );
    assert_snapshot("named-files.txt", &session(&checkout, &words));
}

#[test]
fn json() {
    assert_snapshot("regression.json", &run(&regressed(), "perf-compare 007 --json").output);
}

#[test]
fn markdown() {
    assert_snapshot("regression.md", &run(&regressed(), "perf-compare 007 --markdown").output);
}

#[test]
fn the_list() {
    let checkout = recorded(&[before(), after(), competitive(), competitive_slower()]);
    Recording::new().task("006").at("20251107_161500").write_group(
        &checkout,
        &[0.441, 0.458, 0.502],
        3,
    );
    before().task("005").at("20251030_101112").by_old_script().write(&checkout);
    assert_snapshot("list.txt", &session(&checkout, "perf-compare --list"));
}

#[test]
fn the_log_entry() {
    let checkout = recorded(&[before(), after(), competitive(), competitive_after()]);
    checkout.write("roadmap/milestone-17/007_fan_effect_spreading_complete.md", "");
    run(&checkout, "perf-compare 007 --log").succeeded();
    let log = checkout.path("roadmap/milestone-17/PERFORMANCE_LOG.md");
    assert_snapshot("log-entry.md", &fs::read_to_string(log).unwrap());
}

#[test]
fn the_help_of_every_command() {
    let checkout = recorded(&[]);
    for (name, words) in [
        ("help.txt", "xtask --help"),
        ("help-perf-check.txt", "perf-check --help"),
        ("help-perf-compare.txt", "perf-compare --help"),
        ("help-perf-confirm.txt", "xtask perf-confirm --help"),
        ("help-perf-review.txt", "xtask perf-review --help"),
        ("help-perf-selftest.txt", "xtask perf-selftest --help"),
        ("help-hook.txt", "xtask hook --help"),
    ] {
        let own = words.strip_prefix("xtask ").unwrap_or(words);
        let help = run(&checkout, own).succeeded().output;
        assert_snapshot(name, &format!("$ cargo {words}\n{help}"));
    }
}

#[test]
fn no_line_of_what_a_terminal_shows_is_wider_than_80_columns() {
    for path in snapshots().filter(|path| path.extension().is_some_and(|kind| kind == "txt")) {
        let text = fs::read_to_string(&path).unwrap();
        // What was typed is no output.
        for line in text.lines().filter(|line| !line.starts_with("$ ")) {
            assert!(line.chars().count() <= 80, "{}: {line}", path.display());
        }
    }
}

#[test]
fn the_change_in_a_row_is_that_of_the_two_figures_beside_it() {
    let row = Regex::new(r"(?m)^  \S.* ([0-9.]+) +([0-9.]+) +([+-][0-9.]+)%").unwrap();
    let mut rows = 0;
    for path in snapshots().filter(|path| path.extension().is_some_and(|kind| kind == "txt")) {
        let text = fs::read_to_string(&path).unwrap();
        for found in row.captures_iter(&text) {
            let [before, after, change]: [f64; 3] =
                found.extract::<3>().1.map(|figure| figure.parse().unwrap());
            let shown = (after - before) / before * 100.0;
            assert!((shown - change).abs() < 0.0501, "{}: {}", path.display(), &found[0]);
            rows += 1;
        }
    }
    assert!(rows > 50, "{rows}");
}

/// Absolute paths that every machine has.
const EVERYWHERE: [&str; 2] = ["/dev/null", "/tmp/engram.perf"];

fn absolute_paths(text: &str) -> Vec<&str> {
    let pattern = Regex::new(r#"(?:^|[\s"'(=])(/[A-Za-z][^\s"')]*)"#).unwrap();
    let found = pattern.captures_iter(text);
    found.map(|path| path.extract::<1>().1[0]).filter(|path| !EVERYWHERE.contains(path)).collect()
}

#[test]
fn no_snapshot_holds_a_path_of_this_machine() {
    let told = "error: no results in '/home/me/engram/tmp' \"/var/x\" docs/a /dev/null";
    assert_eq!(absolute_paths(told), ["/home/me/engram/tmp", "/var/x"]);
    for path in snapshots() {
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(absolute_paths(&text), [""; 0], "{}", path.display());
    }
}

#[test]
fn every_snapshot_is_what_a_test_sees() {
    for path in snapshots() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let named = format!("\"{name}\"");
        let tests = concat!(
            include_str!("snapshots.rs"),
            include_str!("charts.rs"),
            include_str!("review.rs")
        );
        assert!(tests.contains(&named), "{name}");
    }
}

#[test]
fn the_figures_of_the_json_snapshot_can_be() {
    let report: Value = serde_json::from_str(&json_snapshot()).unwrap();
    for comparison in report["comparisons"].as_array().unwrap() {
        for side in ["before", "after"] {
            let operations = comparison[side]["operation_p99_ms"].as_object().unwrap();
            let largest = operations.values().filter_map(Value::as_f64).fold(0.0, f64::max);
            assert_eq!(comparison[side]["p99_ms"], largest, "{comparison:#}");
        }
    }
}

fn snapshots() -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path())
}

/// The document of the JSON's shape.
fn reference() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/perf-compare-json.md");
    fs::read_to_string(path).unwrap()
}

fn json_snapshot() -> String {
    fs::read_to_string(folder().join("regression.json")).unwrap()
}

#[test]
fn the_example_in_the_reference_is_the_json_snapshot() {
    let reference = reference();
    let (_, example) = reference.split_once("```json\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    assert_eq!(example, json_snapshot());
}

#[test]
fn the_reference_describes_every_key_and_no_other() {
    let reference = reference();
    let described: BTreeSet<&str> = reference
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(key, _)| key)
        .collect();
    let mut present = BTreeSet::new();
    for checkout in in_every_state() {
        let output = run(&checkout, "perf-compare 007 --json").output;
        keys(&serde_json::from_str(&output).unwrap(), &mut present);
        let list = run(&checkout, "perf-compare --list --json").succeeded().output;
        keys(&serde_json::from_str(&list).unwrap(), &mut present);
    }
    let present: BTreeSet<&str> = present.iter().map(String::as_str).collect();
    assert_eq!(described, present);
}

#[test]
fn what_the_reference_says_is_never_null_never_is() {
    let reference = reference();
    let may_be_null = |key: &str| {
        let row = format!("| `{key}` |");
        let mut rows = reference.lines().filter(|line| line.starts_with(&row));
        rows.any(|line| !line.ends_with("| never |"))
    };
    for checkout in in_every_state() {
        let output = run(&checkout, "perf-compare 007 --json").output;
        for line in output.lines() {
            if let Some(key) = line.trim().trim_end_matches(',').strip_suffix(": null") {
                assert!(may_be_null(key.trim_matches('"')), "{key}");
            }
        }
    }
}

fn in_every_state() -> [Checkout; 6] {
    let full = in_a_session_of(0.104, [212.0, 246.0]);
    [regressed(), not_judged(), in_a_session(), full, on_a_known_machine(), recorded(&[])]
}

/// One server, measured again and again for another task, and a change that is smaller than its noise.
fn on_a_known_machine() -> Checkout {
    let checkout = recorded(&[before(), after()]);
    let p99s = [0.44, 0.51, 0.46, 0.45, 0.49, 0.44, 0.47];
    Recording::new().task("006").write_group(&checkout, &p99s, 7);
    checkout
}

fn not_judged() -> Checkout {
    recorded(&[before()])
}

fn in_a_session() -> Checkout {
    let checkout = recorded(&[before(), after()]);
    let (before, after) = (Recording::new(), Recording::new().after());
    Recording::write_session(&before, &after, &checkout, &[(0.45, 0.46); 8]);
    checkout
}

/// Every key of every object, except where the keys are the operations' names.
fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                found.insert(key.clone());
                if key != "operation_p99_ms" {
                    keys(value, found);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}
