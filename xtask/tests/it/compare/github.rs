//! `--github`, and what a comment in a pull request says in every case.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use super::*;

/// The call as a workflow step makes it; what it prints, and the step's summary and outputs.
fn step(checkout: &Checkout, words: &str) -> (Finished, String, String) {
    let files = ["summary.md", "outputs"].map(|name| checkout.path(name));
    let mut command = checkout.command(&format!("perf-compare {words} --github"));
    command.env("GITHUB_STEP_SUMMARY", &files[0]).env("GITHUB_OUTPUT", &files[1]);
    let finished = finish(command);
    let [summary, outputs] = files.map(|file| fs::read_to_string(file).unwrap());
    (finished, summary, outputs)
}

#[test]
fn a_regression_is_an_error_of_the_step_and_is_told_in_its_summary() {
    let (finished, summary, outputs) = step(&recorded([internal_regressed()]), "007");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_has(&finished.output, "::error title=performance of 007 internal::REGRESSION: P99 +");
    assert_has(&finished.output, "%25");
    assert_has(&summary, "### ❌ task 007, internal: REGRESSION\n");
    assert_has(&outputs, "exit_code=1\nverdict=internal_regression\n");
    assert_has(&outputs, "internal_before_p99_ms=0.458\n");
}

#[test]
fn nothing_but_annotations_is_on_the_standard_output_of_a_step() {
    let (finished, ..) = step(&recorded([internal_clean(), competitive_clean()]), "007");
    assert!(finished.output.lines().all(|line| line.starts_with("::")), "{finished:?}");
}

#[test]
fn what_earlier_commands_of_the_step_wrote_stays() {
    let checkout = recorded([internal_clean()]);
    checkout.write("summary.md", "# Earlier\n");
    checkout.write("outputs", "earlier=1\n");
    let (_, summary, outputs) = step(&checkout, "007");
    assert!(summary.starts_with("# Earlier\n### ") || summary.starts_with("# Earlier\n<!--"));
    assert!(outputs.starts_with("earlier=1\nexit_code=0\n"), "{outputs}");
}

#[test]
fn a_step_without_results_fails_in_words_and_not_in_silence() {
    let (finished, summary, outputs) = step(&Checkout::without_product(), "007");
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert!(finished.output.starts_with("::error title=performance::no results of task 007"));
    assert_has(&summary, "CANNOT JUDGE");
    assert_eq!(outputs, "exit_code=3\nverdict=cannot_judge\n");
}

#[test]
fn the_markdown_is_never_empty() {
    let finished = compare(&Checkout::without_product(), "007 --markdown");
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert_has(&finished.output, "### ⚠️ task 007, CANNOT JUDGE\n");
    assert_has(&finished.output, "no results of task 007");
}

#[test]
fn a_comment_is_found_again_whether_there_was_a_verdict_or_none() {
    for checkout in [recorded([internal_regressed()]), Checkout::without_product()] {
        let output = compare(&checkout, "007 --internal --markdown").output;
        assert_has(&output, "<!-- perf-gate 007 internal -->\n");
    }
}

#[test]
fn the_steps_for_the_authors_own_machine_are_folded() {
    let output = compare(&recorded([internal_regressed()]), "007 --markdown").output;
    let (told, folded) = output.split_once("<details>").unwrap();
    assert!(!told.contains("```sh"), "{told}");
    assert!(folded.contains("cargo perf-check 007 after") && folded.ends_with("</details>\n"));
}

fn drawn(checkout: &Checkout, picture: &Path) -> Finished {
    let mut command = checkout.command("perf-compare 007 --svg");
    command.arg(picture);
    finish(command)
}

#[test]
fn a_picture_has_the_verdict_as_its_title() {
    let checkout = recorded([internal_regressed()]);
    let picture = checkout.path("picture.svg");
    let finished = drawn(&checkout, &picture);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_has(&fs::read_to_string(picture).unwrap(), "REGRESSION: 007 internal: P99 +");
}

#[test]
fn a_picture_of_two_modes_is_refused_before_anything_is_drawn() {
    let checkout = recorded([internal_clean(), competitive_clean()]);
    let picture = checkout.path("picture.svg");
    let finished = drawn(&checkout, &picture);
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert_has(&finished.errors, "add --internal or --competitive");
    assert!(!picture.exists());
}

#[test]
fn one_call_writes_every_format_and_prints_another() {
    let checkout = recorded([internal_regressed()]);
    let [json, markdown] = ["report.json", "report.md"].map(|name| checkout.path(name));
    let mut command = checkout.command("perf-compare 007");
    for (flag, path) in [("--json", &json), ("--markdown", &markdown)] {
        let mut word = OsString::from(format!("{flag}="));
        word.push(path);
        command.arg(word);
    }
    let finished = finish(command);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.output.starts_with("REGRESSION: 007 internal"), "{finished:?}");
    let printed = |format: &str| compare(&checkout, &format!("007 {format}")).output;
    assert_eq!(fs::read_to_string(json).unwrap(), printed("--json"));
    assert_eq!(fs::read_to_string(markdown).unwrap(), printed("--markdown"));
}
