//! Files that are not what they seem: a FIFO, a link, a gigabyte, words that steer a terminal.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use xtask::model::layout::{BASELINES, PERFORMANCE_LOG, RESULTS, scenario};
use xtask::model::names::Mode;

use crate::common::recording::{Recording, diagnosis_file, result_file};
use crate::common::{Checkout, Finished, wait_until};

/// A checkout with both sides of task 007 recorded in `mode`, and the name of the newer.
fn recorded(mode: Mode) -> (Checkout, String) {
    let checkout = Checkout::to_compare();
    let before = match mode {
        Mode::Internal => Recording::new(),
        Mode::Competitive => Recording::new().competitive(),
    };
    before.write(&checkout);
    let after = before.after().p99(0.47).write(&checkout);
    (checkout, stem(&after))
}

/// The name of the run with this result.
fn stem(result: &Path) -> String {
    result.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// Runs to the end, which has to come by itself.
#[track_caller]
fn finish(mut command: Command) -> Finished {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        wait_until("the end of the command", || child.try_wait().unwrap().is_some());
    }));
    // One that waits for ever is not left behind.
    let _ = child.kill();
    let output = child.wait_with_output().unwrap();
    assert!(ended.is_ok(), "it waits for ever");
    Finished {
        code: output.status.code(),
        output: String::from_utf8(output.stdout).unwrap(),
        errors: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Checks that `words` are answered with exit 3 and a message that has `part`.
#[track_caller]
fn assert_refused(checkout: &Checkout, words: &str, part: &str) {
    let finished = finish(checkout.command(words));
    assert_eq!(finished.code, Some(3), "{finished:?}");
    let said = finished.output + &finished.errors;
    // The report has lines of 80 columns.
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(part), "no {part:?} in: {said}");
}

/// Puts a FIFO in the place of a file.
fn fifo(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _ = fs::remove_file(path);
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Puts a file of a gigabyte, without its blocks, in the place of a file.
fn gigabyte(path: &Path) {
    File::create(path).unwrap().set_len(1 << 30).unwrap();
}

#[test]
fn a_fifo_in_place_of_the_baselines_document_is_not_waited_for() {
    let (checkout, _) = recorded(Mode::Competitive);
    fifo(&checkout.path(BASELINES));
    assert_refused(&checkout, "perf-compare 007", "not a regular file");
}

#[test]
fn a_kernel_file_behind_a_link_in_place_of_the_baselines_document_is_not_waited_for() {
    let (checkout, _) = recorded(Mode::Competitive);
    fs::remove_file(checkout.path(BASELINES)).unwrap();
    symlink("/proc/kmsg", checkout.path(BASELINES)).unwrap();
    assert_refused(&checkout, "perf-compare 007", BASELINES);
}

#[test]
fn a_fifo_in_place_of_the_performance_log_is_not_waited_for() {
    let (checkout, _) = recorded(Mode::Internal);
    fifo(&checkout.path(PERFORMANCE_LOG));
    assert_refused(&checkout, "perf-compare 007 --log", "PERFORMANCE_LOG.md: not a regular file");
}

#[test]
fn a_fifo_in_place_of_a_scenario_is_not_waited_for() {
    let checkout = Checkout::without_product();
    fifo(&checkout.path(scenario(Mode::Internal)));
    assert_refused(&checkout, "perf-check 007 before", "m17_baseline.toml: not a regular file");
}

#[test]
fn a_fifo_in_place_of_the_workplace_is_not_waited_for() {
    let checkout = Checkout::without_product();
    fifo(&checkout.path(&format!("{RESULTS}/unsaved")));
    assert_refused(&checkout, "perf-check 007 before", "cannot remove");
}

#[test]
fn a_fifo_in_place_of_a_result_or_its_provenance_is_not_waited_for() {
    for file in [result_file, diagnosis_file] {
        let (checkout, after) = recorded(Mode::Internal);
        fifo(&checkout.path(&file(&after)));
        assert_refused(&checkout, "perf-compare 007", "not a regular file");
    }
}

#[test]
fn a_fifo_or_a_link_in_place_of_a_temporary_file_is_neither_waited_for_nor_written_through() {
    let (checkout, _) = recorded(Mode::Internal);
    let partial = checkout.path(PERFORMANCE_LOG).with_extension("partial");
    fifo(&partial);
    finish(checkout.command("perf-compare 007 --log")).succeeded();
    fs::remove_file(&partial).unwrap();
    fs::remove_file(checkout.path(PERFORMANCE_LOG)).unwrap();
    checkout.write("mine", "mine");
    symlink(checkout.path("mine"), &partial).unwrap();
    finish(checkout.command("perf-compare 007 --log")).succeeded();
    assert_eq!(fs::read_to_string(checkout.path("mine")).unwrap(), "mine");
    assert!(fs::read_to_string(checkout.path(PERFORMANCE_LOG)).unwrap().contains("Task 007"));
}

#[test]
fn a_gigabyte_is_refused_with_its_size_and_not_read() {
    for file in [result_file, diagnosis_file] {
        let (checkout, after) = recorded(Mode::Internal);
        gigabyte(&checkout.path(&file(&after)));
        let part = "too large: 1024 MiB, and at most 16 are read";
        assert_refused(&checkout, "perf-compare 007", part);
    }
    let (checkout, _) = recorded(Mode::Competitive);
    gigabyte(&checkout.path(BASELINES));
    assert_refused(&checkout, "perf-compare 007", "too large: 1024 MiB");
}

#[test]
fn an_escape_sequence_in_a_broken_scenario_does_not_clear_the_screen() {
    let checkout = Checkout::without_product();
    checkout.write(scenario(Mode::Internal), "name = \u{1b}[2J\u{9b}2J\u{202e}\n");
    let message = finish(checkout.command("perf-check 007 before")).refused();
    let is_harmful = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert!(!message.contains(is_harmful), "{message:?}");
    assert!(message.contains("\\u001b[2J"), "{message:?}");
}

#[test]
fn a_machine_reads_what_a_terminal_must_not() {
    let checkout = Checkout::to_compare();
    let name = "a\u{202e}\u{9b}b";
    let side = Recording::new().operation(name, 0.4);
    side.write(&checkout);
    side.after().write(&checkout);
    let output = finish(checkout.command("perf-compare 007 --json")).output;
    assert!(!output.contains(['\u{202e}', '\u{9b}']), "{output:?}");
    let report: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert!(report.to_string().contains(name), "{report}");
}

#[test]
fn a_title_from_a_file_name_mentions_nobody_in_the_log() {
    let (checkout, _) = recorded(Mode::Internal);
    checkout.write("roadmap/milestone-17/007_ask_@team_about_#1_<b>_pending.md", "");
    finish(checkout.command("perf-compare 007 --log")).succeeded();
    let log = fs::read_to_string(checkout.path(PERFORMANCE_LOG)).unwrap();
    assert!(log.contains("Ask @\u{200b}team About #\u{200b}1 \\<b\\>"), "{log}");
    finish(checkout.command("perf-compare 007 --log")).succeeded();
    assert_eq!(fs::read_to_string(checkout.path(PERFORMANCE_LOG)).unwrap(), log);
}

#[test]
fn an_operation_from_a_result_means_nothing_in_markdown() {
    let checkout = Checkout::to_compare();
    let side = Recording::new().operation("~~#1~~ @team https://x.org &lt; | <b>", 0.4);
    side.write(&checkout);
    side.after().write(&checkout);
    let output = finish(checkout.command("perf-compare 007 --markdown")).output;
    let shown = "\\~\\~#\u{200b}1\\~\\~ @\u{200b}team https:\u{200b}//x.org \\&lt; \\| \\<b\\>";
    assert!(output.contains(shown), "{output}");
}

#[test]
fn a_fifo_in_place_of_a_session_record_is_not_waited_for() {
    let (checkout, after) = recorded(Mode::Internal);
    // Where the record of these two servers would be.
    let hash = |name: &str| {
        let text = fs::read_to_string(checkout.path(&diagnosis_file(name))).unwrap();
        let provenance = xtask::model::provenance::Provenance::parse(&text).unwrap().unwrap();
        (provenance.build.engram_hash.unwrap(), provenance.load.scenario_hash.unwrap())
    };
    let mut results = checkout.results();
    results.retain(|name| !name.starts_with(&after));
    let (before, _) = hash(&stem(Path::new(&results[0])));
    let (after, scenario) = hash(&after);
    let subject = xtask::model::session::Subject {
        how: xtask::model::names::How::Duet,
        mode: Mode::Internal,
        before,
        after,
        scenario,
        duration_seconds: 10,
    };
    fifo(&checkout.path(&format!("{RESULTS}/sessions/{}.toml", subject.id())));
    assert_refused(&checkout, "perf-compare 007", "not a regular file");
}

#[test]
fn a_link_in_place_of_the_hooks_temporary_file_is_not_written_through() {
    let checkout = Checkout::to_compare();
    checkout.commit();
    checkout.write("mine", "mine");
    let hooks = checkout.path(".git/hooks");
    fs::create_dir_all(&hooks).unwrap();
    symlink(checkout.path("mine"), hooks.join("pre-push.partial")).unwrap();
    finish(checkout.command("hook install")).succeeded();
    assert_eq!(fs::read_to_string(checkout.path("mine")).unwrap(), "mine");
    assert!(hooks.join("pre-push").is_file());
}
