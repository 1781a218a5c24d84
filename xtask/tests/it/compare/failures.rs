//! What failed reaches every format: none of them is ever empty.

use std::fs;

use super::*;

/// A call that cannot do what it was asked for, and why.
struct Failure {
    name: &'static str,
    checkout: Checkout,
    words: &'static str,
    why: &'static str,
}

fn failures() -> [Failure; 5] {
    let one_side = recorded([]);
    Recording::new().write(&one_side);
    let unreadable = recorded([internal_clean()]);
    unreadable.write("tmp/m17_performance/007_after_20251108_142000.json", "{");
    let log = recorded([internal_clean()]);
    log.write("roadmap/milestone-17/PERFORMANCE_LOG.md", "# The log\n\n```\nnever closed\n");
    let nothing = Checkout::without_product();
    let named = recorded([]);
    let files = "--before 007_before_20251108_140000.json --after 007_after_20251108_142000.json";
    [
        ("a missing side", one_side, "007", "there is no after result"),
        ("an unreadable side", unreadable, "007", "not readable as JSON"),
        ("a log that cannot be read", log, "007 --log", "PERFORMANCE_LOG.md:3: "),
        ("no results", nothing, "007", "no results of task 007"),
        ("missing files", named, files, "007_before_20251108_140000.json"),
    ]
    .map(|(name, checkout, words, why)| Failure { name, checkout, words, why })
}

#[test]
fn a_failure_is_told_in_every_format() {
    for Failure { name, checkout, words, why } in failures() {
        for format in ["--markdown", "--json", "--github"] {
            let finished = compare(&checkout, &format!("{words} {format}"));
            assert_eq!(finished.code, Some(3), "{name}, {format}: {finished:?}");
            let told = finished.output.replace(['\\', '\u{200b}'], "");
            assert!(told.contains(why), "{name}, {format}: {finished:?}");
        }
    }
}

#[test]
fn a_failure_is_told_in_the_named_files_too() {
    for Failure { name, checkout, words, why } in failures() {
        let finished = compare(&checkout, &format!("{words} --markdown=a.md --json=a.json"));
        assert_eq!(finished.code, Some(3), "{name}: {finished:?}");
        for file in ["a.md", "a.json"] {
            let told = fs::read_to_string(checkout.path(file)).unwrap();
            assert!(told.replace(['\\', '\u{200b}'], "").contains(why), "{name}: {told}");
        }
    }
}

#[test]
fn a_failure_is_in_the_summary_and_the_outputs_of_a_workflow_step() {
    for Failure { name, checkout, words, why } in failures() {
        let mut command = checkout.command(&format!("perf-compare {words} --github"));
        let [summary, outputs] = ["summary.md", "outputs"].map(|file| checkout.path(file));
        command.env("GITHUB_STEP_SUMMARY", &summary).env("GITHUB_OUTPUT", &outputs);
        finish(command);
        let [summary, outputs] = [summary, outputs].map(|file| fs::read_to_string(file).unwrap());
        assert!(summary.replace(['\\', '\u{200b}'], "").contains(why), "{name}: {summary}");
        assert!(outputs.starts_with("exit_code=3\nverdict=cannot_judge\n"), "{name}: {outputs}");
    }
}
