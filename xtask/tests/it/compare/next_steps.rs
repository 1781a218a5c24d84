//! What a report proposes: commands that can be pasted as they stand.

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use xtask::commands;

use super::*;

/// The commands under `next`, without what they are for.
fn proposed(report: &str) -> Vec<&str> {
    let (_, next) = report.split_once("\nnext\n").expect(report);
    next.lines().filter_map(|line| line.strip_prefix("    ")).collect()
}

/// Reports of every kind.
fn reports() -> Vec<String> {
    let (before, after) = internal_clean();
    let incomparable = (before.elapsed(60.0), after.with(|it| it.load.seed = 1));
    let regressed = recorded([internal_regressed(), competitive_regressed()]);
    let alone = Checkout::without_product();
    Recording::new().write(&alone);
    competitive_clean().1.write(&alone);
    [recorded([internal_clean()]), recorded([incomparable]), regressed, alone]
        .iter()
        .map(|checkout| compare(checkout, "007").output)
        .collect()
}

/// Checks that a shell takes every line, without running any.
#[track_caller]
fn assert_shell_takes(commands: &[&str]) {
    let script = commands.join("\n");
    let checked = Command::new("sh").args(["-n", "-c", &script]).output().unwrap();
    assert!(checked.status.success() && checked.stderr.is_empty(), "{script}\n{checked:?}");
}

#[test]
fn every_proposed_command_of_this_tool_is_one_that_it_takes() {
    let reports = reports();
    let own: Vec<&str> = reports
        .iter()
        .flat_map(|report| proposed(report))
        .filter_map(|line| line.strip_prefix("cargo "))
        .collect();
    assert!(own.len() >= 8, "{own:?}");
    for line in own {
        let words = line.strip_prefix("xtask ").unwrap_or(line).split_whitespace();
        let read = commands::read(words.map(OsString::from).collect());
        assert!(read.is_ok(), "{line}: {:?}", read.err());
    }
}

#[test]
fn a_shell_takes_every_proposed_command() {
    for report in reports() {
        assert_shell_takes(&proposed(&report));
    }
}

#[test]
fn a_clean_comparison_proposes_the_log_entry() {
    let report = compare(&recorded([internal_clean()]), "007").output;
    assert_eq!(proposed(&report), ["cargo perf-compare 007 --log"]);
}

#[test]
fn no_log_entry_is_proposed_once_it_is_written() {
    assert_lacks(&compare(&recorded([internal_clean()]), "007 --log").output, "\nnext\n");
}

#[test]
fn no_log_entry_is_proposed_while_a_mode_regressed() {
    let checkout = recorded([internal_clean(), competitive_regressed()]);
    assert_lacks(&compare(&checkout, "007").output, "--log");
}

#[test]
fn pairs_are_proposed_where_the_binaries_are_kept_and_nowhere_else() {
    let (before, after) = internal_regressed();
    let confirm = "    cargo perf-confirm 007\n";
    let checkout = recorded([(before.clone(), after.clone())]);
    assert_has(&compare(&checkout, "007").output, confirm);
    let checkout = recorded([(before.by_old_script(), after)]);
    assert_lacks(&compare(&checkout, "007").output, "perf-confirm");
}

#[test]
fn the_baseline_document_to_edit_is_the_one_of_the_checkout() {
    let (checkout, elsewhere) = (recorded([competitive_clean()]), Checkout::without_product());
    fs::write(checkout.path("docs/reference/competitive_baselines.md"), "").unwrap();
    let mut command = elsewhere.command("perf-compare 007");
    command.arg("-C").arg(checkout.path(""));
    let report = finish(command).output;
    let folder = fs::canonicalize(checkout.path("")).unwrap();
    assert_has(
        &report,
        &format!(
            "    ${{EDITOR:-vi}} '{}/docs/reference/competitive_baselines.md'\n",
            folder.display()
        ),
    );
}

#[test]
fn what_is_measured_again_is_measured_under_as_long_a_load() {
    let (before, after) = internal_regressed();
    let checkout = recorded([(before.elapsed(5.0), after.elapsed(5.0))]);
    let report = compare(&checkout, "007 -C .").output;
    assert_has(&report, "    cargo perf-check 007 after --duration 5 -C .\n");
    assert_has(&report, "    cargo perf-confirm 007 -C .\n");
}

#[test]
fn a_profiler_looks_at_the_server_of_the_check_and_at_no_other() {
    let report = compare(&recorded([internal_regressed()]), "007").output;
    assert_has(&report, "    id=$(cut -d: -f1 tmp/m17_performance/unsaved/engram.pid)\n");
    assert_has(&report, " -p \"$id\" sleep 20\n");
}

#[test]
fn a_result_that_is_not_there_is_measured_in_the_folder_asked_for() {
    let checkout = Checkout::without_product();
    let message = compare(&checkout, "007 -C .").refused();
    assert_has(&message, "cargo perf-check 007 before -C .\n");
    assert_has(&message, "cargo perf-compare --list -C .\n");
}

#[test]
fn a_regression_proposes_the_load_of_its_mode_under_a_profiler() {
    let report = compare(&recorded([competitive_regressed()]), "007").output;
    assert_has(&report, "    cargo perf-check profile after --competitive\n");
    assert_has(&report, "    perf record -g ");
}

#[test]
fn paths_are_whole_and_quoted_where_the_user_is_not_in_the_checkout() {
    let (checkout, elsewhere) = (recorded([internal_regressed()]), Checkout::without_product());
    let mut command = elsewhere.command("perf-compare 007");
    command.arg("-C").arg(checkout.path(""));
    let report = finish(command).output;
    let folder = fs::canonicalize(checkout.path("")).unwrap();
    let folder = folder.display();
    let file = format!("'{folder}/tmp/m17_performance/unsaved/engram.pid'");
    assert_has(&report, &format!("    id=$(cut -d: -f1 {file})\n"));
    assert_shell_takes(&proposed(&report));
}

#[test]
fn the_folder_asked_for_is_asked_for_again() {
    let checkout = recorded([internal_regressed()]);
    fs::create_dir(checkout.path("sub")).unwrap();
    let report = compare(&checkout, "007 -C ./sub/..").output;
    assert_has(&report, "    cargo perf-check 007 after -C ./sub/..\n");
}
