//! Damaged files, through the whole comparison: no input makes it panic, and none makes it say 0 of what the law calls
//! unjudgeable.
//!
//! A checkout with good files is spoilt in one to four places: bytes of the results, of their provenance, of the
//! baseline document and of the log are changed, doubled, left out or cut off, words are put in the place of numbers,
//! and files get other names. Each is compared, reported in every format, listed and logged. What exits 0 is held
//! against a reading of the files of its own.
//!
//! 2,000 inputs are tried in every run; `FUZZ_INPUTS=100000 cargo test --release --package xtask --test it fuzz` tries as many as it says,
//! and found nothing with that number.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::Checkout;
use crate::common::documents::BASELINE_DOCUMENT;
use crate::common::judged::TASK;
use crate::common::random::Random;
use crate::common::recording::{Recording, diagnosis_file, result_file};
use serde_json::Value;
use xtask::judge::comparison::Comparison;
use xtask::model::layout::BASELINES;
use xtask::model::names::{Mode, TaskId};
use xtask::report::next::Context;
use xtask::report::{human, json, log, markdown};
use xtask::store::performance_log::{self, Section};
use xtask::term::streams::Style;

const INPUTS: usize = 2_000;
/// At least one in this number of inputs is judged clean all the same, so that something is held against the law.
const LEAST_CLEAN_IN: usize = 50;

const SIDES: [(&str, f64); 4] = [
    ("007_before_20251108_140000", 10.0),
    ("007_after_20251108_144000", 10.2),
    ("competitive_007_before_20251108_143000", 10.0),
    ("competitive_007_after_20251108_145000", 10.2),
];
const LOG: &str = "roadmap/milestone-17/PERFORMANCE_LOG.md";
const LOG_DOCUMENT: &str = "# Log\n\n## Task 007: Fans\n\n**Internal Performance**:\n  - Before: P99=1ms, 2 ops/s\n\
    text\n\n---\n\n## Task 008\n";

/// Replacements of bytes.
const WORDS: [&str; 22] = [
    "",
    "0",
    "-1",
    "-0.0",
    "1e999",
    "1e308",
    "5e-324",
    "NaN",
    "null",
    "true",
    "\"",
    "{",
    "}",
    "[]",
    "0.1",
    "59990",
    "18446744073709551616",
    "\u{1b}[2J",
    "\r\n",
    "|",
    "```",
    "<!--",
];

#[test]
fn spoilt_files_make_no_panic_and_no_pass() {
    let inputs = env::var("FUZZ_INPUTS").map_or(INPUTS, |number| number.parse().unwrap());
    let mut random = Random::from_seed(29);
    let checkout = Checkout::to_compare();
    let files = good_files(&checkout);
    let mut clean = 0;
    for _ in 0..inputs {
        let changed = spoil(&checkout, &files, &mut random);
        let comparisons = all_of_it(&checkout);
        if !comparisons.is_empty() && xtask::judge::comparison::outcome(&comparisons).code() == 0 {
            clean += 1;
            for comparison in &comparisons {
                if let Err(why) = passes_by_law(&checkout, comparison) {
                    let files: Vec<String> = changed
                        .iter()
                        .map(|path| {
                            String::from_utf8_lossy(&fs::read(path).unwrap_or_default())
                                .into_owned()
                        })
                        .collect();
                    panic!("{why}\n{comparison:#?}\n{changed:#?}\n{files:#?}");
                }
            }
        }
        for path in changed {
            // One that was cut to nothing, or renamed, is there or not.
            let _ = fs::remove_file(path);
        }
        for (path, content) in &files {
            if fs::read(path).ok().as_ref() != Some(content) {
                fs::write(path, content).unwrap();
            }
        }
    }
    assert!(clean * LEAST_CLEAN_IN >= inputs, "{clean} of {inputs}");
}

/// Both modes, clean, one with provenance and one without.
fn good_files(checkout: &Checkout) -> Vec<(PathBuf, Vec<u8>)> {
    checkout.write(BASELINES, BASELINE_DOCUMENT);
    checkout.write(LOG, LOG_DOCUMENT);
    let mut paths = vec![BASELINES.to_owned(), LOG.to_owned()];
    for (name, p99_ms) in SIDES {
        let run = Recording::figures(p99_ms, 1000.0);
        let internal = !name.starts_with(Mode::Competitive.prefix());
        checkout.record(name, if internal { run.of_server(name) } else { run });
        paths.push(result_file(name));
        paths.extend(internal.then(|| diagnosis_file(name)));
    }
    paths
        .into_iter()
        .map(|path| checkout.path(&path))
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

/// Spoils one to four places; returns the files that are not as they were.
fn spoil(checkout: &Checkout, files: &[(PathBuf, Vec<u8>)], random: &mut Random) -> Vec<PathBuf> {
    let mut changed = Vec::new();
    for _ in 0..=random.below(4) {
        let (path, _) = random.one_of(files);
        let Ok(mut bytes) = fs::read(&path) else {
            continue;
        };
        if random.once_in(12) {
            let name = other_name(&path, random);
            let to = checkout.path("tmp/m17_performance").join(name);
            if fs::rename(&path, &to).is_ok() {
                changed.push(to);
            }
            continue;
        }
        spoil_bytes(&mut bytes, random);
        fs::write(&path, bytes).unwrap();
        changed.push(path);
    }
    changed
}

fn spoil_bytes(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let end = (at + random.below(12)).min(bytes.len());
    match random.below(8) {
        0 => bytes.truncate(at),
        1 => bytes.clear(),
        2 => drop(bytes.drain(at..end)),
        3 => {
            let again = bytes[at..end].to_vec();
            bytes.splice(end..end, again);
        }
        4 => {
            let byte = u8::try_from(random.below(256)).unwrap();
            bytes.splice(at..at, [byte]);
        }
        // A number or a word gives way to something else of its place.
        _ => {
            let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b".-+_".contains(byte);
            let start = at - bytes[..at].iter().rev().take_while(|byte| is_part(byte)).count();
            let end = at + bytes[at..].iter().take_while(|byte| is_part(byte)).count();
            bytes.splice(start..end, random.one_of(&WORDS).bytes());
        }
    }
}

/// A name with a letter changed, left out or put in.
fn other_name(path: &Path, random: &mut Random) -> String {
    let mut name: Vec<char> = path.file_name().unwrap().to_str().unwrap().chars().collect();
    let at = random.below(name.len());
    let letter = random.one_of(&['0', '9', '_', 'b', '.', 'é', '\n', '\u{1b}', ' ']);
    match random.below(3) {
        0 => name[at] = letter,
        1 => name.insert(at, letter),
        _ => drop(name.remove(at)),
    }
    name.into_iter().filter(|c| *c != '/').collect()
}

/// Everything that `perf-compare` makes of the files; nothing where there is nothing to compare.
fn all_of_it(checkout: &Checkout) -> Vec<Comparison> {
    let root = checkout.path("");
    let task = TaskId::parse(TASK).unwrap();
    let Ok(comparisons) = xtask::answer::of_task(&root, &task, None) else {
        return Vec::new();
    };
    let around = Context { root: root.display().to_string(), ..Context::default() };
    let text = human::report(&comparisons, &around, Style::Plain);
    let steers = |c: char| c.is_control() && c != '\n';
    assert!(!text.contains(steers), "{text:?}");
    markdown::report(&comparisons, &around);
    let object = json::report(&comparisons, &around, 0, None);
    serde_json::from_str::<Value>(&object).expect(&object);
    xtask::commands::compare::recorded(&root).unwrap();
    let lines = |mode: usize| log::lines(comparisons.get(mode)?);
    let section =
        Section { task: TASK.into(), title: None, internal: lines(0), competitive: lines(1) };
    if let Ok(document) = fs::read_to_string(checkout.path(LOG)) {
        // It may be broken, which is told; written, it stays as it is.
        if let Ok(once) = performance_log::update(&document, &section) {
            assert_eq!(performance_log::update(&once, &section).as_ref(), Ok(&once));
        }
    }
    comparisons
}

/// Reads the files of a comparison that passed, and judges them by the law alone.
fn passes_by_law(checkout: &Checkout, comparison: &Comparison) -> Result<(), String> {
    let demand = |holds: bool, what: &str| holds.then_some(()).ok_or(what.to_owned());
    let files = |side: &Option<xtask::judge::comparison::Side>| {
        side.as_ref().map_or(Vec::new(), |side| side.files.clone())
    };
    let (before, after) = (files(&comparison.before), files(&comparison.after));
    let ([before], [after]) = (before.as_slice(), after.as_slice()) else {
        return Err("not one file a side".into());
    };
    let (one, other) = (measurement(before)?, measurement(after)?);
    let of = |value: &Value, key: &str| value[key].as_f64().unwrap();
    demand(fs::read(before).unwrap() != fs::read(after).unwrap(), "the same content twice")?;
    demand(one["config_name"] == other["config_name"], "another scenario")?;
    demand(of(&one, "overall_throughput") > 0.0, "before without throughput")?;
    // The worse of what is stated and what was counted.
    let rate = |run: &Value| {
        let counted = of(run, "total_errors") / of(run, "total_operations");
        of(run, "overall_error_rate").max(counted)
    };
    demand(rate(&one) <= 0.1 + 1e-9, "before with errors")?;
    match (provenance(before)?, provenance(after)?) {
        (Some(one), Some(other)) => {
            for (section, key) in [
                ("load", "scenario"),
                ("load", "duration_seconds"),
                ("load", "seed"),
                ("build", "profile"),
                ("build", "stand_in"),
            ] {
                demand(one[section][key] == other[section][key], key)?;
            }
            let hash = |of: &toml::Table, section: &str, key: &str| of[section].get(key).cloned();
            let content = |of| hash(of, "load", "scenario_hash");
            let known = content(&one).zip(content(&other));
            demand(known.is_none_or(|(one, other)| one == other), "scenario content")?;
            let server = |of| hash(of, "build", "engram_hash");
            if server(&one).is_some() && server(&one) == server(&other) {
                let built = [&one, &other].map(|of| of["build"]["by_this_run"].as_bool());
                return demand(built == [Some(true); 2], "a stale server");
            }
        }
        _ => {
            let (a, b) = (of(&one, "elapsed_seconds"), of(&other, "elapsed_seconds"));
            demand((a - b).abs() <= 0.05 * a + 1e-9, "another length")?;
        }
    }
    let limit = match comparison.mode {
        Mode::Internal => 5.0,
        Mode::Competitive => 10.0,
    };
    let change = |key: &str| (of(&other, key) - of(&one, key)) / of(&one, key) * 100.0;
    demand(change("p99_latency_ms") <= limit + 1e-9, "P99")?;
    demand(-change("overall_throughput") <= limit + 1e-9, "throughput")?;
    let errors = rate(&other) - of(&one, "overall_error_rate");
    demand(errors * 100.0 <= 5.0 + 1e-9, "error rate")?;
    if comparison.mode == Mode::Competitive {
        let stated = comparison.baseline.as_ref().ok_or("no baseline")?;
        let document = fs::read(checkout.path(BASELINES)).unwrap();
        let document = String::from_utf8(document).map_err(|_| "the baselines are no text")?;
        let line = document.lines().nth(stated.line - 1).unwrap_or_default();
        demand(line.to_lowercase().contains("neo4j"), "no row of Neo4j")?;
        let fall =
            (of(&other, "p99_latency_ms") - of(&one, "p99_latency_ms")) / stated.p99_ms * 100.0;
        demand(fall <= 5.0 + 1e-9, "the position")?;
    }
    Ok(())
}

/// A result of numbers that the law takes.
fn measurement(path: &Path) -> Result<Value, String> {
    let value: Value =
        serde_json::from_slice(&fs::read(path).unwrap()).map_err(|error| error.to_string())?;
    let number = |key: &str| match value[key].as_f64() {
        Some(number) if number >= 0.0 && number.is_finite() => Ok(number),
        _ => Err(format!("{key} of {}", path.display())),
    };
    for key in ["elapsed_seconds", "overall_throughput", "p50_latency_ms", "p95_latency_ms"] {
        number(key)?;
    }
    let (errors, requests) = (number("total_errors")?, number("total_operations")?);
    let holds = value["config_name"].is_string()
        && value["per_operation_stats"].is_object()
        && number("overall_error_rate")? <= 1.0
        && errors <= requests
        && requests > 0.0
        && number("p99_latency_ms")? > 0.0;
    holds.then(|| value.clone()).ok_or(format!("{value:#}"))
}

/// The provenance beside a result, where it is the tool's own.
fn provenance(path: &Path) -> Result<Option<toml::Table>, String> {
    let stem = path.file_stem().unwrap().to_str().unwrap();
    let Ok(bytes) = fs::read(path.with_file_name(format!("{stem}_diag.txt"))) else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&bytes);
    if text.trim().is_empty() {
        return Err("empty provenance".into());
    }
    if !text.starts_with("# perf-check provenance, format ") {
        return Ok(None);
    }
    let whole = text.starts_with("# perf-check provenance, format 1\n")
        && text.trim_end().ends_with("# end");
    match text.parse::<toml::Table>() {
        Ok(table) if whole => Ok(Some(table)),
        _ => Err(format!("{text:?}")),
    }
}
