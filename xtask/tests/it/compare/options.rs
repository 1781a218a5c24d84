//! What is typed: wrong words are refused, and the checkout is found.

use std::fs;

use xtask::commands::compare::HELP;
use xtask::model::layout::{BASELINES, PERFORMANCE_LOG};
use xtask::model::limits::{
    COMPETITIVE_THRESHOLD_PERCENT, COMPETITOR, ERROR_RATE_POINTS, INTERNAL_THRESHOLD_PERCENT,
};

use super::*;
use crate::common::tool;

#[track_caller]
fn refused(words: &str, why: &str) {
    let checkout = recorded([internal_clean()]);
    let message = compare(&checkout, words).refused();
    assert_has(&message, why);
    assert_has(&message, "`cargo perf-compare --help` lists what it takes");
}

#[test]
fn a_misspelt_flag_is_refused_with_the_nearest() {
    refused("007 --competetive", "no option `--competetive`; did you mean `--competitive`?");
}

#[test]
fn a_task_that_could_leave_the_folder_is_refused() {
    refused("../007", "is no task id");
}

#[test]
fn a_missing_task_is_refused() {
    refused("", "<task> is missing");
}

#[test]
fn two_formats_at_once_are_refused() {
    refused("007 --json --markdown", "exclude each other");
}

#[test]
fn a_before_without_an_after_is_refused() {
    refused("--before old.json", "--before FILE and --after FILE go together");
}

#[test]
fn a_list_takes_no_option_that_it_would_ignore() {
    for ignored in ["--markdown", "--log", "--before a --after b"] {
        refused(&format!("--list {ignored}"), "is one too many");
    }
}

#[test]
fn a_log_of_two_named_files_is_refused() {
    refused(
        "--before a --after b --log",
        "`--log` is one too many: given twice, or not with the others",
    );
}

#[test]
fn the_checkout_is_found_from_below_it() {
    let checkout = recorded([internal_clean()]);
    let mut command = tool("perf-compare 007");
    command.current_dir(checkout.path("docs/reference"));
    finish(command).succeeded();
}

#[test]
fn another_checkout_is_named_by_its_folder() {
    let (checkout, elsewhere) = (recorded([internal_clean()]), Checkout::without_product());
    let mut command = elsewhere.command("perf-compare 007");
    command.arg("-C").arg(checkout.path(""));
    finish(command).succeeded();
}

#[test]
fn a_checkout_that_is_none_is_refused() {
    let checkout = Checkout::without_product();
    assert_has(&compare(&checkout, "007 -C nowhere").refused(), "cannot use -C nowhere");
}

#[test]
fn the_folder_of_results_alone_is_enough() {
    let checkout = recorded([internal_clean()]);
    fs::remove_file(checkout.path("Cargo.toml")).unwrap();
    assert_eq!(exit(&checkout, "007"), 0);
}

#[test]
fn nothing_is_written_without_log() {
    let checkout = recorded([internal_clean(), competitive_regressed()]);
    let before = checkout.recorded();
    for words in ["007", "007 --json", "007 --markdown", "--list"] {
        compare(&checkout, words);
    }
    assert_eq!(checkout.recorded(), before);
    assert!(!checkout.path("roadmap").exists());
}

#[test]
fn the_help_states_the_limits_that_decide() {
    assert_has(HELP, &format!("P99 +{INTERNAL_THRESHOLD_PERCENT}%"));
    assert_has(HELP, &format!("throughput -{INTERNAL_THRESHOLD_PERCENT}%"));
    assert_has(HELP, &format!("(competitive: {COMPETITIVE_THRESHOLD_PERCENT}%)"));
    assert_has(HELP, &format!("error rate +{ERROR_RATE_POINTS} points"));
    assert_has(HELP, &format!("position against {COMPETITOR} counts"));
    assert_has(HELP, BASELINES);
    assert_has(HELP, PERFORMANCE_LOG);
}
