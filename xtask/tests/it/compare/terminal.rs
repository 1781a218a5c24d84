//! The report on its way to a person: width, colour, and a standard output that is gone.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use regex::Regex;

use super::*;
use crate::common::{finish_on_terminal, finish_on_terminal_of};

const COLUMNS: usize = 80;
const ESCAPE: char = '\x1b';

/// Reports of every kind, as a terminal is sent them.
fn reports() -> Vec<String> {
    let many = |side: Recording| {
        side.on_stand_in()
            .with(|it| it.git.as_mut().unwrap().dirty = true)
            .with(|it| it.warnings.push("the machine was busy: ".to_owned() + &"word ".repeat(20)))
    };
    let (before, after) = competitive_regressed();
    let group = recorded([]);
    many(Recording::new()).write_group(&group, &[0.4, 0.41, 0.42], 3);
    many(Recording::new().after()).write_group(&group, &[0.5, 0.51], 3);
    let (stale_before, stale_after) = internal_clean();
    let alone = recorded([]);
    Recording::new().write(&alone);
    let session = recorded([internal_clean()]);
    let (paired_before, paired_after) = internal_clean();
    Recording::write_session(&paired_before, &paired_after, &session, &[(0.45, 0.6); 8]);
    [
        recorded([internal_clean(), competitive_clean()]),
        recorded([internal_regressed(), (before.operation("PatternCompletion", 10.2), after)]),
        recorded([(stale_before.same_server(), stale_after.same_server().not_built())]),
        group,
        alone,
        session,
    ]
    .iter()
    .map(|checkout| finish_on_terminal(&checkout.command("perf-compare 007")).1)
    .collect()
}

/// What is sent to a terminal, as it is seen.
fn seen(sent: &str) -> String {
    let escapes = Regex::new("\x1b\\[[0-9;]*m").unwrap();
    escapes.replace_all(sent, "").replace("\r\n", "\n")
}

#[test]
fn no_line_is_wider_than_a_terminal_but_paths_and_commands() {
    for report in reports().into_iter().chain([widest()]) {
        let report = seen(&report);
        let (read, next) = report.split_once("\nnext\n").unwrap_or((&report, ""));
        let read = read.lines().filter(|line| {
            !line.contains("tmp/m17_performance") && !line.contains("`cargo perf-confirm ttt")
        });
        let purposes = next.lines().filter(|line| !line.starts_with("    "));
        for line in read.chain(purposes) {
            assert!(line.chars().count() <= COLUMNS, "{line}\nin\n{report}");
        }
    }
}

/// A report with a warning of many words, on a terminal of so many columns.
fn warned(columns: u16) -> String {
    let (before, after) = internal_clean();
    let words = "a warning of many words ".repeat(10);
    let checkout = recorded([(before.with(move |it| it.warnings.push(words.clone())), after)]);
    let (code, sent) = finish_on_terminal_of(columns, &checkout.command("perf-compare 007"));
    assert_eq!(code, 0, "{sent}");
    seen(&sent)
}

#[test]
fn what_people_read_is_as_wide_as_their_terminal() {
    for columns in [50, 80, 120] {
        let report = warned(columns);
        let (_, warnings) = report.split_once("  warnings\n").unwrap();
        let (warnings, _) = warnings.split_once("\n\n").unwrap();
        let widest = warnings.lines().map(|line| line.chars().count()).max().unwrap();
        let columns = usize::from(columns);
        assert!((columns - 8..=columns).contains(&widest), "{columns}: {warnings}");
    }
}

#[test]
fn a_terminal_that_does_not_know_its_width_has_80_columns() {
    assert_eq!(warned(0), warned(80));
}

#[test]
fn an_error_is_parted_between_words_and_a_command_in_it_stays_whole() {
    let checkout = Checkout::without_product();
    let task = "t".repeat(40);
    let command = checkout.command(&format!("perf-compare {task}"));
    let (code, sent) = finish_on_terminal_of(60, &command);
    assert_eq!(code, 3, "{sent}");
    let sent = seen(&sent);
    let lines: Vec<&str> = sent.lines().collect();
    assert!(lines[0].starts_with("error: no results") && lines[1].starts_with("    "), "{sent}");
    assert_has(&sent, &format!("\n  measure first: cargo perf-check {task} before\n"));
}

/// The report on a task with the longest name, whose every metric is as far apart as can be.
fn widest() -> String {
    let task = "t".repeat(128);
    let side = |side: Recording, p99_ms: f64| {
        side.task(&task)
            .p99(p99_ms)
            .operation("An_operation_with_a_name_of_its_own", p99_ms)
            .with(|it| it.warnings.push("a warning of many words ".repeat(10)))
    };
    let checkout = recorded([
        (
            side(Recording::new().throughput(1e8), 1e-3),
            side(Recording::new().after().throughput(1e-6).error_rate(1.0), 8.64e7),
        ),
        (
            side(Recording::new().competitive().throughput(1000.0), 20.0),
            side(Recording::new().competitive().after().throughput(100.0).error_rate(0.9), 22.5),
        ),
    ]);
    let (code, sent) = finish_on_terminal(&checkout.command(&format!("perf-compare {task}")));
    assert_eq!(code, 2, "{sent}");
    sent
}

#[test]
fn text_from_a_file_cannot_steer_the_terminal() {
    let name = "a\n\u{1b}[2J";
    let (before, after) = internal_clean();
    let side = |side: Recording| side.operation(name, 0.4);
    let checkout = recorded([(side(before), side(after.config_name("\u{1b}]0;b\u{7}\r")))]);
    let report = compare(&checkout, "007").output;
    assert!(report.chars().all(|c| c == '\n' || !c.is_control()), "{report:?}");
    assert_has(&report, "a\\n\\u{1b}[2J");
}

#[test]
fn no_line_ends_in_blanks() {
    for report in reports() {
        assert!(seen(&report).lines().all(|line| line == line.trim_end()), "{report}");
    }
}

#[test]
fn no_paragraph_is_empty() {
    let nothing = compare(&recorded([]), "--before 007_before_a.json --after 007_after_a.json");
    for report in reports().into_iter().chain([nothing.output]) {
        assert!(!seen(&report).contains("\n\n\n"), "{report}");
    }
}

#[test]
fn the_columns_of_both_tables_are_aligned() {
    let (before, after) = internal_clean();
    let checkout = recorded([(
        before.operation("PatternCompletion", 0.4),
        after.operation("PatternCompletion", 0.4),
    )]);
    let report = compare(&checkout, "007").output;
    let end = |name: &str| {
        let line = report.lines().find(|line| line.contains(name)).unwrap();
        line.find('%').unwrap()
    };
    assert_eq!(end("P99 ms"), end("PatternCompletion"));
}

fn on_terminal(variables: &[(&str, &str)]) -> String {
    let checkout = recorded([internal_regressed()]);
    let mut command = checkout.command("perf-compare 007");
    command.envs(variables.iter().copied());
    let (code, sent) = finish_on_terminal(&command);
    assert_eq!(code, 1, "{sent}");
    sent
}

fn through_a_pipe(variables: &[(&str, &str)], words: &str) -> String {
    let checkout = recorded([internal_regressed()]);
    let mut command = checkout.command(&format!("perf-compare {words}"));
    command.envs(variables.iter().copied());
    finish(command).output
}

#[test]
fn a_terminal_gets_colour() {
    assert_has(&on_terminal(&[]), "\x1b[1;31mREGRESSION\x1b[0m: 007 internal");
}

#[test]
fn a_pipe_gets_none() {
    assert!(!through_a_pipe(&[], "007").contains(ESCAPE));
}

#[test]
fn colour_changes_nothing_but_colour() {
    assert_eq!(seen(&on_terminal(&[])), through_a_pipe(&[], "007"));
}

#[test]
fn no_color_is_honoured() {
    assert!(!on_terminal(&[("NO_COLOR", "1")]).contains(ESCAPE));
}

#[test]
fn a_dumb_terminal_gets_no_colour() {
    assert!(!on_terminal(&[("TERM", "dumb")]).contains(ESCAPE));
}

#[test]
fn clicolor_force_colours_a_pipe() {
    assert!(through_a_pipe(&[("CLICOLOR_FORCE", "1")], "007").contains(ESCAPE));
}

#[test]
fn clicolor_force_colours_nothing_for_machines() {
    for words in ["007 --json", "007 --markdown"] {
        assert!(!through_a_pipe(&[("CLICOLOR_FORCE", "1")], words).contains(ESCAPE), "{words}");
    }
}

#[test]
fn a_full_disk_is_not_taken_for_no_regression() {
    for words in ["007", "007 --json", "007 --markdown", "--list", "--help"] {
        let checkout = recorded([internal_clean()]);
        let mut command = checkout.command(&format!("perf-compare {words}"));
        let output = command.stdout(File::create("/dev/full").unwrap()).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{words}");
        let message = String::from_utf8(output.stderr).unwrap();
        assert_has(&message, "error: cannot write to standard output");
    }
}

#[test]
fn a_reader_that_left_changes_no_verdict() {
    let checkout = recorded([internal_regressed()]);
    let mut child = checkout
        .command("perf-compare 007")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut message = String::new();
    child.stderr.take().unwrap().read_to_string(&mut message).unwrap();
    assert_eq!((child.wait().unwrap().code(), message.as_str()), (Some(1), ""));
}

#[test]
fn a_closed_standard_output_changes_no_verdict() {
    let checkout = recorded([internal_regressed()]);
    let tool = checkout.command("perf-compare 007");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "exec \"$0\" \"$@\" >&-"])
        .arg(tool.get_program())
        .args(tool.get_args())
        .current_dir(checkout.path(""));
    for (name, _) in tool.get_envs() {
        shell.env_remove(name);
    }
    let finished = finish(shell);
    assert_eq!((finished.code, finished.errors.as_str()), (Some(1), ""));
}
