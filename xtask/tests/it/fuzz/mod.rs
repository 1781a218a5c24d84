//! Spoilt files, through the whole comparison: no input makes it panic, and none makes it say 0 of what the law calls
//! unjudgeable.
//!
//! A checkout with good files is spoilt in one to four places: bytes of the results, of their provenance, of session
//! records, of the baseline document and of the log are changed, doubled, left out or cut off, words are put in the place
//! of numbers, facts in the place of other facts, and files get other names or one another's. Each is compared, by its
//! task or by two named files, reported in every format, listed and logged. What exits 0 is held against a reading of
//! the law of its own, in [`law`].
//!
//! 2,000 inputs are tried in every run. `FUZZ_INPUTS=100000 cargo test --release --package xtask --test it fuzz` tries as
//! many as it says; `FUZZ_SEED=30` tries others.

mod law;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::Checkout;
use crate::common::documents::BASELINE_DOCUMENT;
use crate::common::judged::TASK;
use crate::common::random::Random;
use crate::common::recording::Recording;
use serde_json::Value;
use walkdir::WalkDir;
use xtask::judge::comparison::{Comparison, Side};
use xtask::model::layout::{BASELINES, RESULTS};
use xtask::model::names::{Mode, TaskId};
use xtask::model::typed::Repeated;
use xtask::report::next::Context;
use xtask::report::{human, json, log, markdown};
use xtask::store::performance_log::{self, Section};
use xtask::term::streams::Style;

const INPUTS: usize = 2_000;
const SEED: u64 = 29;
/// How many of them are judged clean all the same, at least, so that something is held against the law.
const LEAST_CLEAN_IN: usize = 50;

const SIDES: [(&str, f64); 6] = [
    ("007_before_20251108_120000", 50.0),
    ("007_after_20251108_121000", 5.0),
    ("007_before_20251108_140000", 10.0),
    ("007_after_20251108_144000", 10.2),
    ("competitive_007_before_20251108_143000", 10.0),
    ("competitive_007_after_20251108_145000", 10.2),
];
const LOG: &str = "roadmap/milestone-17/PERFORMANCE_LOG.md";
const LOG_DOCUMENT: &str = "# Log\n\n## Task 007: Fans\n\n**Internal Performance**:\n  - Before: P99=1ms, 2 ops/s\n\
    text\n\n---\n\n## Task 008\n";

/// What is put in the place of bytes.
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

/// What is put in the place of facts.
const FACTS: [&str; 16] = [
    "\"\"",
    "\"ffffffffffffffffffffffffffffffffffffffff\"",
    "\"2025-11-08T23:00:00+09:00\"",
    "\"2099-11-08T23:00:00Z\"",
    "\"007_after_20251108_144000\"",
    "\"007_before_20251108_120000\"",
    "\"release\"",
    "0",
    "1",
    "2",
    "61",
    "0.5",
    "5.0",
    "20.0",
    "true",
    "false",
];

/// By how much numbers of a result are changed.
const FACTORS: [f64; 12] = [0.0, 0.001, 0.5, 0.9, 0.96, 0.99, 1.01, 1.04, 1.06, 1.3, 3.0, 1000.0];

#[test]
fn spoilt_files_make_no_panic_and_no_pass() {
    let inputs = env::var("FUZZ_INPUTS").map_or(INPUTS, |number| number.parse().unwrap());
    let seed = env::var("FUZZ_SEED").map_or(SEED, |number| number.parse().unwrap());
    for has_session in [false, true] {
        spoil_and_compare(inputs / 2, seed, has_session);
    }
}

fn spoil_and_compare(inputs: usize, seed: u64, has_session: bool) {
    let mut random = Random::from_seed(seed);
    let checkout = Checkout::to_compare();
    let files = good_files(&checkout, has_session);
    let (mut clean, mut clean_by_name) = (0, 0);
    for _ in 0..inputs {
        let changed = spoil(&checkout, &files, &mut random);
        let comparisons = all_of_it(&checkout);
        let named = two_named(&checkout, &mut random);
        let code =
            |comparisons: &[Comparison]| xtask::judge::comparison::outcome(comparisons).code();
        for (are_named, comparisons) in [(false, comparisons), (true, named)] {
            if comparisons.is_empty() || code(&comparisons) != 0 {
                continue;
            }
            *if are_named { &mut clean_by_name } else { &mut clean } += 1;
            for comparison in &comparisons {
                if let Err(why) = passes_by_law(&checkout, comparison, are_named) {
                    let text = |path| {
                        String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
                    };
                    let files: Vec<String> = changed.iter().map(text).collect();
                    panic!("{why}\n{comparison:#?}\n{changed:#?}\n{}", files.join("\n"));
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
    let seen = [clean, clean_by_name];
    assert!(seen.iter().all(|clean| clean * LEAST_CLEAN_IN >= inputs), "{seen:?} of {inputs}");
}

/// Both modes, clean: one with provenance, older runs that a wrong choice would pass with, and perhaps a session that
/// passes; one without provenance.
fn good_files(checkout: &Checkout, has_session: bool) -> Vec<(PathBuf, Vec<u8>)> {
    checkout.write(BASELINES, BASELINE_DOCUMENT);
    checkout.write(LOG, LOG_DOCUMENT);
    let of_server = |name: &str, run: Recording| run.of_server(&name[..name.len() - 16]);
    for (name, p99_ms) in SIDES {
        let run = Recording::figures(p99_ms, 1000.0);
        let internal = !name.starts_with(Mode::Competitive.prefix());
        checkout.record(name, if internal { of_server(name, run) } else { run });
    }
    if has_session {
        let run = || Recording::figures(10.0, 1000.0);
        let before = of_server("007_before_20251108_140000", run());
        let after = of_server("007_after_20251108_144000", run().after());
        let pairs = [10.1, 10.2, 9.9, 10.3, 10.0, 9.8, 10.4, 10.1].map(|after_ms| (10.0, after_ms));
        Recording::write_session(&before, &after, checkout, &pairs);
    }
    let files = WalkDir::new(checkout.path("")).into_iter().map(|entry| entry.unwrap().into_path());
    let is_spoilt = |path: &PathBuf| {
        let ours = [RESULTS, BASELINES, LOG].map(|place| checkout.path(place));
        path.is_file() && ours.iter().any(|place| path.starts_with(place))
    };
    let mut files: Vec<PathBuf> = files.filter(is_spoilt).collect();
    files.sort_unstable();
    files.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Spoils one to four places; returns the files that are not as they were.
fn spoil(checkout: &Checkout, files: &[(PathBuf, Vec<u8>)], random: &mut Random) -> Vec<PathBuf> {
    let mut changed = Vec::new();
    for _ in 0..=random.below(4) {
        let (path, _) = match random.below(8) {
            0 => record_or_first(files),
            _ => random.one_of(files),
        };
        let Ok(mut bytes) = fs::read(&path) else {
            continue;
        };
        match random.below(12) {
            0 => {
                let to = checkout.path(RESULTS).join(other_name(&path, random));
                if fs::rename(&path, &to).is_ok() {
                    changed.push(to);
                }
                continue;
            }
            1 => {
                changed.extend(exchange(&path, &random.one_of(files).0));
                continue;
            }
            2 if path.extension().is_some_and(|kind| kind == "toml") => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if random.once_in(2) {
                    bytes = text.replace("\n# end", FAILURE).into_bytes();
                } else {
                    let archived = path.with_extension("archived_20251108_130000");
                    fs::write(&archived, slower(&text)).unwrap();
                    changed.push(archived);
                }
            }
            2..7 => spoil_fact(&mut bytes, random),
            _ => spoil_bytes(&mut bytes, random),
        }
        fs::write(&path, bytes).unwrap();
        changed.push(path);
    }
    changed
}

/// The session record, where there is one: it is one file of very many.
fn record_or_first(files: &[(PathBuf, Vec<u8>)]) -> (PathBuf, Vec<u8>) {
    let is_record =
        |(path, _): &&(PathBuf, Vec<u8>)| path.extension().is_some_and(|kind| kind == "toml");
    files.iter().find(is_record).unwrap_or(&files[0]).clone()
}

/// The end of a session record whose after server failed.
const FAILURE: &str = "\n[[failures]]\npair = 2\nside = \"after\"\nwhy = \"it crashed\"\n\n# end";

/// A session record whose after server is slower.
fn slower(record: &str) -> String {
    let mut is_after = false;
    let line = |line: &str| {
        is_after = (is_after && !line.starts_with('[')) || line == "[pairs.after]";
        match line.strip_prefix("p99_ms = ").and_then(|ms| ms.parse::<f64>().ok()) {
            Some(ms) if is_after => format!("p99_ms = {}\n", ms * 1.3),
            _ => format!("{line}\n"),
        }
    };
    record.lines().map(line).collect()
}

/// Two results, with all that is beside them, or two other files take each other's place.
fn exchange(one: &Path, other: &Path) -> Vec<PathBuf> {
    let parts = |path: &Path| match path.to_str().unwrap().strip_suffix(".json") {
        Some(stem) => vec![path.to_owned(), PathBuf::from(format!("{stem}_diag.txt"))],
        None => vec![path.to_owned()],
    };
    let mut changed = Vec::new();
    for (one, other) in parts(one).into_iter().zip(parts(other)) {
        if let (Ok(of_one), Ok(of_other)) = (fs::read(&one), fs::read(&other)) {
            fs::write(&one, of_other).unwrap();
            fs::write(&other, of_one).unwrap();
            changed.extend([one, other]);
        }
    }
    changed
}

/// A number or a fact of a file gives way to another that could stand in its place.
fn spoil_fact(bytes: &mut Vec<u8>, random: &mut Random) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let facts: Vec<usize> = (0..lines.len())
        .filter(|at| lines[*at].contains(" = ") || lines[*at].contains("\": "))
        .collect();
    if facts.is_empty() {
        return;
    }
    let line = &mut lines[random.one_of(&facts)];
    if let Some((key, _)) = line.split_once(" = ") {
        *line = format!("{key} = {}", random.one_of(&FACTS));
    } else if let Some((key, value)) = line.split_once("\": ") {
        let (value, end) = value.strip_suffix(',').map_or((value, ""), |value| (value, ","));
        if let Ok(number) = value.parse::<f64>() {
            let number = number * random.one_of(&FACTORS);
            let is_whole = !value.contains('.');
            let number = if is_whole { format!("{number:.0}") } else { format!("{number}") };
            *line = format!("{key}\": {number}{end}");
        }
    }
    *bytes = (lines.join("\n") + "\n").into_bytes();
}

/// Two of the results that there are, compared by their names.
fn two_named(checkout: &Checkout, random: &mut Random) -> Vec<Comparison> {
    let entries = fs::read_dir(checkout.path(RESULTS)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut results: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|kind| kind == "json")).collect();
    results.sort_unstable();
    if results.is_empty() {
        return Vec::new();
    }
    let (before, after) = (random.one_of(&results), random.one_of(&results));
    xtask::answer::of_files(Ok(checkout.path("")), &before, &after).into_iter().collect()
}

/// Holds a comparison that passed against the law.
fn passes_by_law(
    checkout: &Checkout,
    comparison: &Comparison,
    are_named: bool,
) -> Result<(), String> {
    let files = |side: &Option<Side>| side.as_ref().map_or(Vec::new(), |side| side.files.clone());
    if let Some(stated) = &comparison.baseline {
        let document = fs::read(checkout.path(BASELINES)).unwrap();
        let document = String::from_utf8(document).map_err(|_| "the baselines are no text")?;
        let line = document.lines().nth(stated.line - 1).unwrap_or_default();
        if !line.to_lowercase().contains("neo4j") {
            return Err("no row of Neo4j".to_owned());
        }
    }
    let passed = law::Passed {
        competitive: comparison.mode == Mode::Competitive,
        before: files(&comparison.before),
        after: files(&comparison.after),
        are_named,
        by_session: comparison.session.is_some(),
        competitor_ms: comparison.baseline.as_ref().map(|stated| stated.p99_ms),
    };
    law::gives(&checkout.path(RESULTS), &passed)
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
    let Ok(comparisons) = xtask::answer::of_task(&root, &task, None, &Repeated::default()) else {
        return Vec::new();
    };
    let around = Context { root: root.display().to_string(), ..Context::default() };
    let text = human::report(&comparisons, &around, Style::PLAIN);
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
