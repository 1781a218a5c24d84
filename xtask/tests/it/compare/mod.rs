//! `perf-compare` as a user sees it: its verdicts, what it cannot judge, and everything that it writes.

mod failures;
mod github;
mod groups;
mod list;
mod log;
mod machines;
mod named_files;
mod next_steps;
mod options;
mod sessions;
mod take_back;
mod terminal;
mod unjudged;
mod verdicts;

use crate::common::recording::{Recording, write_baselines};
use crate::common::{Checkout, Finished, finish};

/// A checkout with both sides of task 007 recorded, and the repository's own baselines.
fn recorded(sides: impl IntoIterator<Item = (Recording, Recording)>) -> Checkout {
    let checkout = Checkout::to_compare();
    write_baselines(&checkout);
    for (before, after) in sides {
        before.write(&checkout);
        after.write(&checkout);
    }
    checkout
}

/// The specification's internal example: +3.1 %, clean.
fn internal_clean() -> (Recording, Recording) {
    let before = Recording::new();
    (before.clone(), before.after().p99(0.472).throughput(995.24))
}

/// +31 %.
fn internal_regressed() -> (Recording, Recording) {
    let before = Recording::new();
    (before.clone(), before.after().p99(0.6))
}

/// The specification's clean competitive example: +2.9 %.
fn competitive_clean() -> (Recording, Recording) {
    let before = Recording::new().competitive().p99(10.2).throughput(490.0);
    (before.clone(), before.after().p99(10.5).throughput(487.0))
}

/// The specification's competitive regression: +12.7 %.
fn competitive_regressed() -> (Recording, Recording) {
    let (before, after) = competitive_clean();
    (before, after.p99(11.5))
}

/// `perf-compare WORDS` in `checkout`.
fn compare(checkout: &Checkout, words: &str) -> Finished {
    finish(checkout.command(&format!("perf-compare {words}")))
}

/// Its exit code alone.
fn exit(checkout: &Checkout, words: &str) -> i32 {
    compare(checkout, words).code.unwrap()
}

/// Checks that one mode could not be judged, and returns the report.
#[track_caller]
fn unjudged(checkout: &Checkout, words: &str) -> String {
    let finished = compare(checkout, words);
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert_has(&finished.output, "CANNOT JUDGE");
    finished.output
}

/// Checks that a text has a part.
#[track_caller]
fn assert_has(text: &str, part: &str) {
    assert!(text.contains(part), "no {part:?} in:\n{text}");
}

/// Checks that a text has no such part.
#[track_caller]
fn assert_lacks(text: &str, part: &str) {
    assert!(!text.contains(part), "{part:?} in:\n{text}");
}
