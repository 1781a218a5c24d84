//! Paired sessions: which one answers, and what is said of it. Each record holds the six pairs of the shortest plan.

use serde_json::Value;

use super::{
    assert_has, assert_lacks, compare, competitive_clean, internal_clean, internal_regressed,
    recorded, unjudged,
};
use crate::common::Checkout;
use crate::common::recording::Recording;

/// Before and after of every pair, in milliseconds.
type Pairs = [(f64, f64); 6];

const SURELY_SLOWER: Pairs = [(0.45, 0.6); 6];
const SURELY_AS_FAST: Pairs = [(0.45, 0.449); 6];
/// Slower by a fifth on the whole, and by chance as far as can be told.
const PERHAPS_SLOWER: Pairs =
    [(0.45, 0.9), (0.45, 0.3), (0.45, 0.9), (0.45, 0.3), (0.45, 0.9), (0.45, 0.3)];
/// No slower on the whole, as far as can be told.
const PERHAPS_AS_FAST: Pairs =
    [(0.45, 0.6), (0.45, 0.33), (0.45, 0.6), (0.45, 0.33), (0.45, 0.6), (0.45, 0.33)];

fn with_session((before, after): (Recording, Recording), pairs: &Pairs) -> Checkout {
    let checkout = recorded([(before.clone(), after.clone())]);
    Recording::write_session(&before, &after, &checkout, pairs);
    checkout
}

#[test]
fn a_session_that_is_sure_overrules_single_runs() {
    let passed = compare(&with_session(internal_regressed(), &SURELY_AS_FAST), "007");
    assert_eq!(passed.code, Some(0), "{passed:?}");
    let regressed = compare(&with_session(internal_clean(), &SURELY_SLOWER), "007");
    assert_eq!(regressed.code, Some(1), "{regressed:?}");
}

/// The medians of the two sides differ by another figure.
#[test]
fn every_format_has_the_estimate_of_the_pairs_as_the_change_of_p99() {
    let pairs = [
        (0.45, 0.45 * 1.104),
        (0.44, 0.44 * 1.104),
        (0.46, 0.46 * 1.104),
        (0.45, 0.45 * 1.104),
        (0.41, 0.5),
        (0.47, 0.5),
    ];
    let checkout = with_session(internal_clean(), &pairs);
    let report: Value = serde_json::from_str(&compare(&checkout, "007 --json").output).unwrap();
    let comparison = &report["comparisons"][0];
    let change = comparison["changes"]["p99_percent"].as_f64().unwrap();
    assert_eq!(comparison["session"]["p99_percent"].as_f64(), Some(change));
    let [before, after] =
        ["before", "after"].map(|side| comparison[side]["p99_ms"].as_f64().unwrap());
    let of_medians = format!("{:+.1}%", (after / before - 1.0) * 100.0);
    let change = format!("{change:+.1}%");
    assert_ne!(change, of_medians);
    let human = compare(&checkout, "007 --log").output;
    let row = |name: &str| human.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(row("  P99 ms ").ends_with(&of_medians), "{human}");
    assert_has(row("  P99 by pairs "), &format!("{change}     +5%  REGRESSED"));
    let markdown = compare(&checkout, "007 --markdown").output;
    assert_has(&markdown, &format!("| P99 by pairs | | | {change} | +5% | **regressed** |"));
    let log = checkout.path("roadmap/milestone-17/PERFORMANCE_LOG.md");
    let log = std::fs::read_to_string(log).unwrap();
    assert_has(&log, &format!("Change: {change}, -0.5%"));
}

#[test]
fn a_session_that_suspects_a_regression_is_no_verdict() {
    let finished = compare(&with_session(internal_clean(), &PERHAPS_SLOWER), "007");
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert_has(&finished.output, "SUSPECTED: 007 internal");
    assert_has(&finished.output, "+5%  not settled");
    assert_has(&finished.output, "to settle   about");
}

#[test]
fn a_session_that_found_nothing_passes_and_says_how_much_it_could_be() {
    let finished = compare(&with_session(internal_clean(), &PERHAPS_AS_FAST), "007");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_has(&finished.output, "no regression found: 007 internal");
    assert_has(&finished.output, "could be up to +");
    assert_has(&finished.output, "+5%  not settled");
}

#[test]
fn a_session_in_competitive_mode_regresses_with_exit_2() {
    let (before, after) = competitive_clean();
    let checkout = recorded([(before.clone(), after.clone())]);
    Recording::write_session(&before, &after, &checkout, &[(10.2, 12.0); 6]);
    let finished = compare(&checkout, "007");
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert_has(&finished.output, "paired session of 6 pairs");
}

#[test]
fn a_session_that_has_not_ended_answers_nothing_and_is_told() {
    let (before, after) = internal_regressed();
    let checkout = recorded([(before.clone(), after.clone())]);
    Recording::write_session(&before, &after, &checkout, &SURELY_AS_FAST[..5]);
    let finished = compare(&checkout, "007");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_has(&finished.output, "a paired session is unfinished: 5 pairs");
}

#[test]
fn of_sessions_of_two_durations_the_worse_answer_counts() {
    let of_ten_seconds =
        |side: Recording| side.at("20251109_140000").with(|it| it.load.duration_seconds = 10);
    for (long, short) in [(SURELY_AS_FAST, SURELY_SLOWER), (SURELY_SLOWER, SURELY_AS_FAST)] {
        let (before, after) = internal_clean();
        let checkout = with_session((before.clone(), after.clone()), &long);
        let (before, after) = (of_ten_seconds(before), of_ten_seconds(after));
        Recording::write_session(&before, &after, &checkout, &short);
        let finished = compare(&checkout, "007");
        assert_eq!(finished.code, Some(1), "{finished:?}");
        assert_has(&finished.output, "ended otherwise: no regression");
    }
}

#[test]
fn a_session_that_lost_throughput_is_not_hidden_by_one_of_another_duration() {
    let (before, after) = internal_clean();
    let slow = after.clone().throughput(900.0);
    let checkout = with_session((before.clone(), after.clone()), &SURELY_AS_FAST);
    let of_ten_seconds =
        |side: Recording| side.at("20251109_140000").with(|it| it.load.duration_seconds = 10);
    let (before, slow) = (of_ten_seconds(before), of_ten_seconds(slow));
    Recording::write_session(&before, &slow, &checkout, &SURELY_AS_FAST);
    let finished = compare(&checkout, "007");
    assert_eq!(finished.code, Some(1), "{finished:?}");
}

#[test]
fn a_session_about_another_scenario_is_not_taken() {
    let (before, after) = internal_regressed();
    let checkout = recorded([(before.clone(), after.clone())]);
    let elsewhere = |side: Recording| side.with(|it| it.load.scenario_hash = Some("other".into()));
    Recording::write_session(&elsewhere(before), &elsewhere(after), &checkout, &SURELY_AS_FAST);
    let finished = compare(&checkout, "007");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_lacks(&finished.output, "paired session");
}

#[test]
fn a_session_record_that_is_damaged_forbids_a_verdict() {
    let checkout = with_session(internal_clean(), &SURELY_AS_FAST);
    let folder = checkout.path("tmp/m17_performance/sessions");
    let record = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap();
    let text = std::fs::read_to_string(record.path()).unwrap();
    std::fs::write(record.path(), &text[..text.len() / 2]).unwrap();
    let report = unjudged(&checkout, "007");
    assert_has(&report, "the session record is not whole");
}
