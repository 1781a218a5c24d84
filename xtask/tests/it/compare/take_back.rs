//! `--take-back`: a measurement that should not count is archived, never deleted.

use std::fs;

use super::*;
use crate::common::recording::diagnosis_file;

const FOLDER: &str = "tmp/m17_performance";
const BEFORE: &str = "007_before_20251108_140000";
const AFTER: &str = "007_after_20251108_142000";

fn is_there(checkout: &Checkout, file: &str) -> bool {
    checkout.path(&format!("{FOLDER}/{file}")).exists()
}

#[test]
fn what_is_taken_back_is_archived_with_all_its_files_and_not_deleted() {
    let checkout = recorded([internal_clean()]);
    let content = fs::read(checkout.path(&diagnosis_file(BEFORE))).unwrap();
    let done = compare(&checkout, "007 --take-back before").succeeded();
    assert_has(&done.output, &format!("archived/{BEFORE}.json\n"));
    for file in [format!("{BEFORE}.json"), format!("{BEFORE}_diag.txt")] {
        assert!(!is_there(&checkout, &file) && is_there(&checkout, &format!("archived/{file}")));
    }
    let archived = checkout.path(&format!("{FOLDER}/archived/{BEFORE}_diag.txt"));
    assert_eq!(fs::read(archived).unwrap(), content);
}

#[test]
fn what_is_taken_back_is_compared_and_listed_no_more() {
    let checkout = recorded([internal_clean()]);
    Recording::new().at("20251108_150000").same_server().p99(0.1).write(&checkout);
    assert_eq!(exit(&checkout, "007"), 1);
    compare(&checkout, "007 --take-back before").succeeded();
    assert_eq!(exit(&checkout, "007"), 0);
    assert_lacks(&compare(&checkout, "--list").output, "15:00");
}

#[test]
fn what_was_taken_back_is_not_left_out_of_a_verdict() {
    let checkout = recorded([internal_clean()]);
    Recording::new().after().at("20251108_150000").p99(0.6).write(&checkout);
    compare(&checkout, "007 --take-back after").succeeded();
    for words in ["007", "007 --json", "007 --markdown"] {
        let output = compare(&checkout, words).output;
        assert_has(&output, "results taken back: 1; the newest: after of");
    }
}

#[test]
fn of_a_group_every_run_is_taken_back() {
    let checkout = Checkout::without_product();
    Recording::new().write_group(&checkout, &[0.4, 0.5], 2);
    compare(&checkout, "007 --take-back before").succeeded();
    assert_eq!(checkout.results(), [""; 0]);
}

#[test]
fn a_competitive_measurement_is_taken_back_with_its_mode() {
    let checkout = recorded([internal_clean(), competitive_clean()]);
    compare(&checkout, "007 --take-back after --competitive").succeeded();
    assert!(is_there(&checkout, &format!("{AFTER}.json")));
    assert!(!is_there(&checkout, "competitive_007_after_20251108_144000.json"));
}

#[test]
fn what_is_not_there_is_refused() {
    let checkout = recorded([internal_clean()]);
    for words in [
        "007 --take-back after --competitive",
        "008 --take-back after",
        "007 --take-back 007_after_20251108_142000.json",
        "007 --take-back after --log",
    ] {
        compare(&checkout, words).refused();
        assert!(is_there(&checkout, &format!("{AFTER}.json")), "{words}");
    }
}

#[test]
fn the_runs_of_a_paired_session_are_not_taken_back() {
    let (before, after) = internal_clean();
    let checkout = recorded([(before.clone(), after.clone())]);
    Recording::write_session(&before, &after, &checkout, &[(0.45, 0.451); 8]);
    compare(&checkout, "007 --take-back after").succeeded();
    assert!(!is_there(&checkout, &format!("{AFTER}.json")));
    assert_eq!(checkout.results().len(), 1 + 16);
    compare(&checkout, "007 --take-back after").refused();
}

#[test]
fn nothing_that_was_archived_is_overwritten() {
    let checkout = recorded([internal_clean()]);
    checkout.write(&format!("{FOLDER}/archived/{AFTER}.json"), "kept");
    compare(&checkout, "007 --take-back after").refused();
    assert_eq!(checkout.read(&format!("archived/{AFTER}.json")), "kept");
    assert!(is_there(&checkout, &format!("{AFTER}_diag.txt")));
}
