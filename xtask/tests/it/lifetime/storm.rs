//! A storm: commands that measure, struck at random moments and in random ways, one after the other on one checkout.

use std::fs;
use std::panic::catch_unwind;
use std::process::Command;
use std::thread;
use std::time::Duration;

use xtask::measure::children::SUPERVISE;
use xtask::model::layout::RESULTS;

use super::ending::{Ending, Running};
use super::{assert_the_port_is_free, assert_whole_runs};
use crate::common::random::Random;
use crate::common::{Checkout, TOOL, finish, wait_until};

/// Where the random numbers begin.
const SEED: u64 = 10;
/// Beside each other, each on a checkout of its own: a strike is mostly waiting.
const CHECKOUTS: usize = 4;

#[test]
fn a_dozen_strikes_leave_nothing_behind() {
    storm(12, false);
}

#[test]
#[ignore = "takes a quarter of an hour; docs/performance.md has the command"]
fn three_hundred_strikes_leave_nothing_behind() {
    storm(300, true);
}

fn storm(strikes: usize, confirmed: bool) {
    let failed: Vec<u64> = thread::scope(|scope| {
        let series: Vec<_> = (SEED..)
            .take(CHECKOUTS)
            .map(|seed| {
                let strikes = strikes / CHECKOUTS;
                (
                    seed,
                    scope.spawn(move || catch_unwind(|| series(seed, strikes, confirmed)).is_ok()),
                )
            })
            .collect();
        series
            .into_iter()
            .filter_map(|(seed, series)| (!series.join().unwrap_or(false)).then_some(seed))
            .collect()
    });
    assert!(failed.is_empty(), "the series of the seeds {failed:?} failed, see above");
}

/// So many strikes that hit; at the end, if asked for, the session that they interrupted is brought to its verdict.
fn series(seed: u64, strikes: usize, confirmed: bool) {
    let mut random = Random::from_seed(seed);
    let checkout = measured();
    let mut hits = 0;
    while hits < strikes {
        let strike = Strike::drawn(&mut random);
        let hit = strike.made(&checkout);
        hits += usize::from(hit);
        eprintln!("seed {seed}, {hits} of {strikes}, hit {hit}: {strike:?}");
        assert_nothing_is_left(&checkout);
    }
    if confirmed {
        // It reads the record that was written while the strikes fell, and its own writes remove what those left. Which
        // verdict it is depends on how often the after server was struck: that counts as its failure.
        let confirmed = finish(confirm(&checkout, ""));
        let is_verdict = confirmed.output.contains(": 007 internal: ");
        assert!(is_verdict && !confirmed.errors.contains("error: "), "{confirmed:?}");
        assert_nothing_is_left(&checkout);
        let files = sessions(&checkout);
        assert!(files.iter().all(|name| !name.ends_with(".partial")), "{files:?}");
    }
}

/// What is done to whom, and when.
#[derive(Debug)]
struct Strike {
    /// The options of a session of pairs; `None` for a single check. A session that the strikes have ended measures no
    /// more: every other one is a new one.
    of_session: Option<&'static str>,
    target: Target,
    signal: &'static str,
    /// From the start of the tool.
    after: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Tool,
    Terminal,
    /// The process of the tool with this in its command line.
    Child(&'static str),
}

/// About the time of a check of a second.
const LONGEST: usize = 3000;

impl Strike {
    fn drawn(random: &mut Random) -> Self {
        Self {
            of_session: random.one_of(&[None, None, Some(""), Some("--fresh")]),
            target: random.one_of(&[
                Target::Tool,
                Target::Terminal,
                Target::Child(SUPERVISE),
                Target::Child("engram start"),
                Target::Child("loadtest run"),
            ]),
            signal: random.one_of(&["KILL", "TERM"]),
            after: Duration::from_millis(u64::try_from(random.below(LONGEST)).unwrap()),
        }
    }

    /// Starts the tool, strikes, and waits until everything is gone; `false` where the tool had ended before.
    fn made(&self, checkout: &Checkout) -> bool {
        let ending = match self.target {
            Target::Terminal => Ending::Closed,
            Target::Tool | Target::Child(_) => Ending::Signal(self.signal),
        };
        let command = match self.of_session {
            Some(options) => confirm(checkout, options),
            None => checkout.check("007 after"),
        };
        let mut running = Running::start(checkout, command, ending);
        // No event to wait for: any moment is to be the one.
        thread::sleep(self.after);
        let hits = match self.target {
            Target::Child(words) => running.strike(self.signal, words),
            Target::Tool | Target::Terminal => {
                let is_there = checkout.processes().values().any(|words| words.starts_with(TOOL));
                running.end(ending);
                is_there
            }
        };
        if self.of_session.is_some() {
            // A session goes on after a run that failed.
            thread::sleep(self.after);
            running.end(ending);
        }
        wait_until(&format!("the end after {self:?}"), || running.is_gone());
        hits
    }
}

/// A checkout in which both sides were measured, the after being far slower.
fn measured() -> Checkout {
    let checkout = Checkout::without_product();
    checkout.script("loadtest", "exec \"$STAND_IN/loadtest\" \"$@\"");
    for (phase, microseconds) in [("before", 0), ("after", 25_000)] {
        let server = format!("STAND_IN_WAIT_US={microseconds} exec \"$STAND_IN/engram\" \"$@\"");
        checkout.script("engram", &server);
        finish(checkout.check(&format!("007 {phase}"))).succeeded();
    }
    checkout
}

fn confirm(checkout: &Checkout, options: &str) -> Command {
    let port = checkout.port();
    checkout
        .command(&format!("perf-confirm 007 --duration 1 --wait-quiet 0 --port {port} {options}"))
}

/// Checks what a strike left, and that the next run works and removes it.
#[track_caller]
fn assert_nothing_is_left(checkout: &Checkout) {
    assert_the_port_is_free(checkout);
    let saved = checkout.results();
    let recorded = checkout.recorded();
    for result in &saved {
        let stem = result.trim_end_matches(".json");
        let files = recorded.iter().filter(|name| name.starts_with(stem)).count();
        assert_eq!(files, 4, "{stem} is partial: {recorded:?}");
    }
    finish(checkout.check("007 after")).succeeded();
    assert_whole_runs(checkout, saved.len() + 1);
    assert!(!checkout.recorded().contains(&"unsaved".to_owned()));
}

/// The names of the files about sessions.
fn sessions(checkout: &Checkout) -> Vec<String> {
    let entries = fs::read_dir(checkout.path(RESULTS).join("sessions")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
