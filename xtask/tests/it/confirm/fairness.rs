//! Duets of one binary with itself: none of what is drawn for a side, and no side by itself, is an advantage.

use std::fs;
use std::path::Path;
use std::time::Duration;

use xtask::measure::build::Binaries;
use xtask::measure::run::{self, Limits, RunPlan, Side};
use xtask::measure::scenario::Scenario;
use xtask::measure::workplace::Workplace;
use xtask::model::limits::PLAN;
use xtask::model::names::{Mode, Phase, Timestamp};
use xtask::model::session::{How, SessionRecord, Subject};
use xtask::store::results::Results;
use xtask::term::steps::{Steps, Verbosity};

use crate::common::{Checkout, TOOL};

const DUETS: usize = 40;
/// The probability that a fair coin is called unfair.
const LUCK: f64 = 1e-6;

#[test]
fn no_side_and_no_port_and_no_order_is_an_advantage() {
    let checkout = Checkout::new();
    let root = fs::canonicalize(checkout.path("")).unwrap();
    let workplace = Workplace::beside(Results::of(&root).folder());
    let binaries = Binaries {
        engram: root.join("target/release/engram"),
        loadtest: root.join("target/release/loadtest"),
        engram_hash: String::new(),
        loadtest_hash: String::new(),
    };
    let scenario = Scenario::read(&root, Mode::Internal).unwrap();
    let record = record();
    let (mut by_side, mut by_port, mut by_order) = (Vec::new(), Vec::new(), Vec::new());
    for duet in 1..=DUETS {
        let ([first, _], [lower, _]) = (record.order(duet), record.ports(duet));
        let sides = [Phase::Before, Phase::After].map(|phase| Side {
            phase,
            binaries: &binaries,
            port: checkout.port() + u16::from(phase != lower),
            workplace: Workplace::at(workplace.directory().join(phase.to_string())),
            slow_down: None,
        });
        let plan = RunPlan {
            tool: Path::new(TOOL),
            checkout: &root,
            scenario: &scenario,
            mode: Mode::Internal,
            duration: Duration::from_secs(1),
            limits: Limits::default(),
            sides: &sides,
            first,
        };
        let mut steps = Steps::new(Verbosity::ProgressOnly);
        let measured = run::run(&plan, &workplace, &mut steps).unwrap();
        let [before, after] = [0, 1].map(|side: usize| measured[side].result.p99_ms);
        if before != after {
            let before_is_slower = before > after;
            by_side.push(before_is_slower);
            by_port.push(before_is_slower == (lower == Phase::Before));
            by_order.push(before_is_slower == (first == Phase::Before));
        }
    }
    checkout.assert_nothing_runs();
    assert_fair("before", &by_side);
    assert_fair("the lower port", &by_port);
    assert_fair("the one started first", &by_order);
}

/// Checks that a fair coin falls as unevenly more often than once in `1 / LUCK`.
#[track_caller]
fn assert_fair(who: &str, slower: &[bool]) {
    let count = slower.len();
    let heads = slower.iter().filter(|is_slower| **is_slower).count();
    let mut ways = 1.0;
    let mut at_most = 0.0;
    for fewer in 0..=heads.min(count - heads) {
        at_most += ways;
        ways *= (count - fewer) as f64 / (fewer + 1) as f64;
    }
    let probability = 2.0 * at_most / 2_f64.powi(i32::try_from(count).unwrap());
    assert!(probability > LUCK, "{who} is slower in {heads} of {count} duets");
}

#[test]
#[should_panic(expected = "it is slower in 4 of 40 duets")]
fn a_coin_that_falls_on_one_side_four_times_in_forty_is_unfair() {
    let five: Vec<bool> = (0..40).map(|toss| toss < 5).collect();
    assert_fair("it", &five);
    let four: Vec<bool> = (0..40).map(|toss| toss < 4).collect();
    assert_fair("it", &four);
}

fn record() -> SessionRecord {
    let subject = Subject {
        mode: Mode::Internal,
        before: String::new(),
        after: String::new(),
        scenario: String::new(),
        duration_seconds: 1,
        how: How::Duet,
    };
    let opened = Timestamp::parse("20251108_140000").unwrap();
    SessionRecord::open(subject, opened, String::new(), PLAN)
}

#[test]
fn of_every_two_duets_each_has_another_order_and_other_ports_and_these_are_drawn_apart() {
    let mut together = [false; 2];
    // A draw that is the same for both in all of them would be one in 2^63.
    for _ in 0..64 {
        let record = record();
        for duet in [1, 3, 5] {
            assert_ne!(record.order(duet), record.order(duet + 1));
            assert_ne!(record.ports(duet), record.ports(duet + 1));
        }
        together[usize::from(record.order(1) == record.ports(1))] = true;
    }
    assert_eq!(together, [true; 2]);
}
