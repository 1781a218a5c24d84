//! `--before FILE --after FILE`: two results, wherever they lie. And the results of the old scripts.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use xtask::model::provenance::SessionPlace;

use super::*;
use crate::common::tool;

/// A folder that is in no checkout, its results, and the built binary asked about them there, without cargo.
struct Outside(TempDir);

impl Outside {
    fn new(sides: (Recording, Recording), names: [&str; 2]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        sides.0.write_alone(&folder.path().join(names[0]));
        sides.1.write_alone(&folder.path().join(names[1]));
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, words: &str) -> Command {
        let mut command = tool(&format!("perf-compare {words}"));
        command.current_dir(self.path());
        command
    }

    fn compare(&self, words: &str) -> Finished {
        finish(self.command(words))
    }
}

#[test]
fn they_are_compared_outside_any_checkout_under_any_name() {
    let outside = Outside::new(internal_regressed(), ["old.json", "new.json"]);
    let finished = outside.compare("--before old.json --after new.json");
    assert_has(&finished.output, "REGRESSION: internal: P99 +31.0%\n");
    assert_eq!(finished.code, Some(1));
}

#[test]
fn the_mode_is_told_from_their_names() {
    let names = ["competitive_old.json", "competitive_new.json"];
    let outside = Outside::new(competitive_clean(), names);
    let checkout = recorded([]);
    let finished = {
        let mut command = outside.command(&format!("--before {} --after {}", names[0], names[1]));
        command.arg("-C").arg(checkout.path(""));
        finish(command).succeeded()
    };
    assert_has(&finished.output, "advantage maintained");
}

#[test]
fn competitive_ones_need_a_checkout_for_the_baseline() {
    let names = ["competitive_old.json", "competitive_new.json"];
    let outside = Outside::new(competitive_clean(), names);
    let words = format!("--before {} --after {}", names[0], names[1]);
    assert_has(&outside.compare(&words).refused(), "name the checkout to use: -C DIR");
}

#[test]
fn one_of_either_mode_cannot_be_compared() {
    let outside = Outside::new(internal_clean(), ["old.json", "competitive_new.json"]);
    let message = outside.compare("--before old.json --after competitive_new.json").refused();
    assert_has(&message, "old.json is internal, competitive_new.json is competitive");
}

#[test]
fn one_that_is_missing_is_named() {
    let outside = Outside::new(internal_clean(), ["old.json", "new.json"]);
    let finished = outside.compare("--before old.json --after mew.json");
    assert_has(&finished.output, "mew.json\n      No such file");
    assert_eq!(finished.code, Some(3));
}

#[test]
fn the_same_file_twice_is_no_comparison() {
    let outside = Outside::new(internal_clean(), ["old.json", "new.json"]);
    let finished = outside.compare("--before old.json --after old.json");
    assert_has(&finished.output, "after and before are the same measurement");
    assert_eq!(finished.code, Some(3));
}

#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    let outside = Outside::new(internal_clean(), ["old.json", "new.json"]);
    let fifo = outside.path().join("pipe.json");
    let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    std::fs::create_dir(outside.path().join("folder.json")).unwrap();
    for name in ["pipe.json", "folder.json"] {
        let finished = outside.compare(&format!("--before old.json --after {name}"));
        assert_has(&finished.output, &format!("{name}\n      not a regular file"));
        assert_eq!(finished.code, Some(3));
    }
}

#[test]
fn nothing_is_proposed_that_needs_a_task_or_the_newest_results() {
    let outside = Outside::new(internal_regressed(), ["old.json", "new.json"]);
    let report = outside.compare("--before old.json --after new.json").output;
    for command in ["perf-check", "perf-confirm", "<task>", "perf record"] {
        assert_lacks(&report, command);
    }
    let report = outside.compare("--before old.json --after gone.json").output;
    assert_lacks(&report, "<task>");
}

#[test]
fn no_log_entry_is_proposed_for_them() {
    let checkout = recorded([internal_clean()]);
    let folder = "tmp/m17_performance";
    let words = format!(
        "--before {folder}/007_before_20251108_140000.json --after {folder}/007_after_20251108_142000.json"
    );
    assert_lacks(&compare(&checkout, &words).succeeded().output, "--log");
}

/// The words that compare both sides of task 007, of which these were measured in a duet.
fn of_duet([before, after]: [bool; 2]) -> (Checkout, String) {
    let in_duet = |run: Recording, is_it: bool| match is_it {
        false => run,
        true => run.with(|own| {
            own.session = Some(SessionPlace {
                id: "a".to_owned(),
                pair: 1,
                order: "before-first".to_owned(),
                how: Some("duet".to_owned()),
                ..SessionPlace::default()
            });
        }),
    };
    let (of_before, of_after) = internal_clean();
    let checkout = recorded([(in_duet(of_before, before), in_duet(of_after, after))]);
    let folder = "tmp/m17_performance";
    let words = format!(
        "--before {folder}/007_before_20251108_140000.json --after {folder}/007_after_20251108_142000.json"
    );
    (checkout, words)
}

#[test]
fn a_run_beside_the_other_server_is_not_compared_with_one_alone() {
    for sides in [[true, false], [false, true]] {
        let (checkout, words) = of_duet(sides);
        assert_has(&unjudged(&checkout, &words), "not comparable: measurement");
    }
}

#[test]
fn one_pair_of_a_session_is_no_verdict_without_a_word() {
    let (checkout, words) = of_duet([true, true]);
    let report = compare(&checkout, &words).succeeded().output;
    assert_has(&report, "a run of a paired session was named");
}

/// A checkout with results of the old scripts, and the path of one of them without its ending.
fn old_scripts(after: fn(Recording) -> Recording) -> (Checkout, PathBuf) {
    let (before, now) = internal_clean();
    let checkout = recorded([(before.by_old_script(), after(now.by_old_script()))]);
    let stem = checkout.path("tmp/m17_performance/007_before_20251108_140000");
    (checkout, stem)
}

const NO_PROVENANCE: &str =
    "both sides: no provenance; compared by scenario name and length of load only";

#[test]
fn results_of_the_old_scripts_are_compared_with_a_warning() {
    let (checkout, _) = old_scripts(|after| after);
    assert_has(&compare(&checkout, "007").succeeded().output, NO_PROVENANCE);
}

#[test]
fn a_diagnosis_of_the_old_scripts_is_no_provenance() {
    let (checkout, stem) = old_scripts(|after| after);
    std::fs::write(format!("{}_diag.txt", stem.display()), "uptime: 3 days\n[run]\n").unwrap();
    assert_has(&compare(&checkout, "007").succeeded().output, NO_PROVENANCE);
}

#[test]
fn old_and_new_results_are_compared() {
    let (before, after) = internal_clean();
    let checkout = recorded([(before.by_old_script(), after)]);
    assert_has(&compare(&checkout, "007").succeeded().output, "before: no provenance");
}

#[test]
fn old_results_of_another_scenario_are_not_comparable() {
    let (checkout, _) = old_scripts(|after| after.config_name("Another"));
    assert_has(&unjudged(&checkout, "007"), "scenario `M17 Baseline` before, `Another` after");
}

#[test]
fn old_results_of_another_length_are_not_comparable() {
    let (checkout, _) = old_scripts(|after| after.elapsed(10.0));
    assert_has(&unjudged(&checkout, "007"), "load of 60.0 s before, 10.0 s after");
}
