//! `perf-selftest` on the stand-in. What it finds is the machine's: only what holds on any machine is checked.

use serde_json::Value;
use xtask::model::provenance::Provenance;

use crate::common::{Checkout, finish};

#[test]
fn the_runs_of_a_binary_against_itself_are_saved_and_none_that_was_slowed_down() {
    let checkout = Checkout::new();
    finish(checkout.check("007 before")).succeeded();
    let words = "perf-selftest --slow-down 50 --duration 1 --json --port";
    let finished = finish(checkout.command(&format!("{words} {}", checkout.port())));
    checkout.assert_nothing_runs();
    assert!(!finished.output.is_empty(), "{finished:?}");
    let told: Value = serde_json::from_str(&finished.output).unwrap();
    let succeeds = [&told["quiet"], &told["found"]].iter().all(|is| is.as_bool().unwrap());
    assert_eq!(finished.code, Some(if succeeds { 0 } else { 3 }), "{finished:?}");
    assert_eq!(told["exit_code"].as_i64(), finished.code.map(i64::from));
    assert_eq!(told["advice"].as_array().unwrap().is_empty(), succeeds, "{told:#}");
    // Really halted: a halt that is too long is made good by a longer run.
    assert!(told["slowed_down_percent"].as_f64().unwrap() > 40.0, "{told:#}");

    let pairs = |session: &str| told[session]["pairs"].as_u64().unwrap();
    assert!(pairs("itself") >= 8 && pairs("slowed") >= 8, "{told:#}");
    let mut saved = checkout.results();
    saved.retain(|name| name.starts_with("selftest_"));
    assert_eq!(saved.len() as u64, 2 * pairs("itself"), "{saved:?}");
    assert!(!checkout.path("tmp/m17_performance/unsaved").exists());
    for name in saved {
        let text = checkout.read(&name.replace(".json", "_diag.txt"));
        let provenance = Provenance::parse(&text).unwrap().unwrap();
        assert_eq!(provenance.server.slowed_down_percent, None);
        assert!(provenance.session.is_some());
    }
    // They are no before and no after of a task.
    let compared = finish(checkout.command("perf-compare selftest"));
    assert_eq!(compared.code, Some(3), "{compared:?}");
}

#[test]
fn without_a_kept_binary_it_says_how_to_get_one() {
    let checkout = Checkout::new();
    let words = format!("perf-selftest --port {}", checkout.port());
    let message = finish(checkout.command(&words)).refused();
    assert!(message.contains("no binaries are kept"), "{message}");
    assert!(message.contains("cargo perf-check"), "{message}");
}
