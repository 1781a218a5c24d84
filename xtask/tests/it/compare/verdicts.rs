//! The verdict in the first line, and in the exit code.

use xtask::model::names::How;
use xtask::model::provenance::SessionPlace;

use super::*;

#[track_caller]
fn first_line(checkout: &Checkout, words: &str, code: i32, line: &str) {
    let finished = compare(checkout, words);
    let verdict = finished.output.split("\n\n").next().unwrap();
    assert_eq!(verdict.replace("\n  ", " ").trim_end(), line);
    assert_eq!(finished.code, Some(code), "{finished:?}");
}

#[test]
fn no_regression_exits_0() {
    let line = "no regression: 007 internal: P99 +3.1% (limit +5%)";
    first_line(&recorded([internal_clean()]), "007", 0, line);
}

#[test]
fn an_internal_regression_exits_1() {
    let line = "REGRESSION: 007 internal: P99 +31.0%";
    first_line(&recorded([internal_regressed()]), "007", 1, line);
}

#[test]
fn a_competitive_regression_exits_2() {
    let line = "COMPETITIVE REGRESSION: 007 competitive: P99 +12.7%, positioning degraded";
    first_line(&recorded([competitive_regressed()]), "007", 2, line);
}

#[test]
fn a_missing_side_exits_3() {
    let checkout = Checkout::without_product();
    Recording::new().write(&checkout);
    let line = "CANNOT JUDGE: 007 internal: there is no after result";
    first_line(&checkout, "007", 3, line);
}

#[test]
fn a_position_lost_within_the_threshold_exits_2() {
    let (before, after) = competitive_clean();
    let checkout = recorded([(before.p99(20.0), after.p99(21.5))]);
    let line =
        "COMPETITIVE REGRESSION: 007 competitive: P99 +7.5% (limit +10%), positioning degraded";
    first_line(&checkout, "007", 2, line);
}

#[test]
fn a_server_behind_its_competitor_before_and_after_passes_without_a_boast() {
    let (before, after) = competitive_clean();
    let checkout = recorded([(before.p99(30.0), after.p99(30.5))]);
    let report = compare(&checkout, "007").succeeded().output;
    assert_has(&report, "still behind");
    assert_has(&report, "7.3% slower");
    assert_lacks(&report, "maintained");
}

#[test]
fn every_metric_that_regressed_is_named() {
    let (before, after) = internal_regressed();
    let checkout = recorded([(before, after.throughput(800.0).error_rate(0.1))]);
    let line = "REGRESSION: 007 internal: P99 +31.0%, throughput -20.0%, error rate +10.0 pp";
    first_line(&checkout, "007", 1, line);
}

#[test]
fn each_mode_has_a_verdict_of_its_own() {
    let report = compare(&recorded([internal_clean(), competitive_regressed()]), "007").output;
    let verdicts: Vec<&str> = report.lines().take(2).collect();
    assert!(verdicts[0].starts_with("no regression: 007 internal"), "{report}");
    assert!(verdicts[1].starts_with("COMPETITIVE REGRESSION: 007 competitive"), "{report}");
}

#[test]
fn a_competitive_regression_is_worse_than_an_internal_one() {
    assert_eq!(exit(&recorded([internal_regressed(), competitive_regressed()]), "007"), 2);
}

#[test]
fn a_regression_is_worse_than_not_knowing() {
    let checkout = recorded([internal_regressed()]);
    competitive_clean().0.write(&checkout);
    assert_eq!(exit(&checkout, "007"), 1);
}

#[test]
fn not_knowing_is_worse_than_no_regression() {
    let checkout = recorded([internal_clean()]);
    competitive_clean().0.write(&checkout);
    assert_eq!(exit(&checkout, "007"), 3);
}

#[test]
fn a_mode_flag_asks_for_one_verdict() {
    let checkout = recorded([internal_regressed(), competitive_clean()]);
    assert_eq!(exit(&checkout, "007 --internal"), 1);
    assert_eq!(exit(&checkout, "007 --competitive"), 0);
}

#[test]
fn the_regressed_metric_is_marked_in_the_table() {
    let report = compare(&recorded([internal_regressed()]), "007").output;
    let row = |name: &str| report.lines().find(|line| line.contains(name)).unwrap();
    assert!(row("P99 ms").ends_with("+31.0%     +5%  REGRESSED"), "{report}");
    assert!(row("throughput").ends_with("-5%  ok, pinned"), "{report}");
}

#[test]
fn the_operation_that_moved_is_marked() {
    let (before, after) = internal_regressed();
    let checkout = recorded([(
        before.operation("Recall", 0.458).operation("Store", 0.3),
        after.operation("Recall", 0.6).operation("Store", 0.3),
    )]);
    let report = compare(&checkout, "007").output;
    let marked: Vec<&str> = report.lines().filter(|line| line.ends_with("moved most")).collect();
    assert_eq!(marked.len(), 1, "{report}");
    assert_has(marked[0], "Recall");
}

#[test]
fn the_positioning_names_the_competitor_and_both_speedups() {
    let report = compare(&recorded([competitive_regressed()]), "007").output;
    assert_has(&report, "against Neo4j, P99 27.96 ms");
    assert_has(&report, "before  63.5% faster");
    assert_has(&report, "after   58.9% faster");
    assert_has(&report, "status  positioning degraded");
}

#[test]
fn one_server_on_both_sides_shows_noise_and_no_regression() {
    let (before, after) = internal_regressed();
    let checkout = recorded([(before.same_server(), after.same_server())]);
    let line = "same server: 007 internal: nothing compared but this machine's noise: P99 +31.0%";
    first_line(&checkout, "007", 0, line);
    let report = compare(&checkout, "007").output;
    assert_lacks(&report, "REGRESSED");
    assert_lacks(&report, "--log");
    assert_has(&report, "    cargo perf-check 007 after\n");
}

#[test]
fn a_change_beyond_its_limit_is_shown_beyond_it() {
    let (before, after) = internal_clean();
    let checkout =
        recorded([(before.p99(10.0).throughput(1000.0), after.p99(10.504).throughput(949.99))]);
    let line = "REGRESSION: 007 internal: P99 +5.04%, throughput -5.001%";
    first_line(&checkout, "007", 1, line);
    let report = compare(&checkout, "007").output;
    assert_has(&report, "+5.04%     +5%  REGRESSED");
    assert_has(&report, "-5.001%     -5%  REGRESSED");
}

#[test]
fn errors_are_those_of_a_run_and_not_of_all() {
    let before = Recording::new().error_rate(0.01);
    let checkout = Checkout::without_product();
    before.write_group(&checkout, &[0.4, 0.41, 0.42], 3);
    before.after().error_rate(0.02).write_group(&checkout, &[0.4], 1);
    let report = compare(&checkout, "007").output;
    assert_has(&report, "  errors                     600        1200       +600\n");
}

#[test]
fn a_baseline_changed_in_the_document_is_the_new_baseline() {
    let checkout = recorded([competitive_clean()]);
    checkout.write(
        "docs/reference/competitive_baselines.md",
        "| System | P99 Latency |\n|---|---|\n| Neo4j | 10.3 ms |\n",
    );
    let report = compare(&checkout, "007");
    assert_has(&report.output, "against Neo4j, P99 10.3 ms");
    assert_has(&report.output, "slower than the competitor");
    assert_eq!(report.code, Some(2));
}

#[test]
fn every_output_says_that_it_is_about_the_stand_in() {
    let (before, after) = internal_clean();
    let checkout = recorded([(before.on_stand_in(), after.on_stand_in())]);
    let said = "measured on the stand-in, not the real Engram";
    let machine = "\"stand_in\": true";
    let printed = |words: &str| finish(checkout.command(words)).succeeded().output;
    for (words, told) in [
        ("perf-compare 007", said),
        ("perf-compare 007", "no regression: 007 internal, stand-in: "),
        ("perf-compare 007 --markdown", said),
        ("perf-compare 007 --json", machine),
        ("perf-compare 007 --github", said),
        ("perf-compare --list", "1, stand-in"),
        ("perf-compare --list --json", machine),
        ("perf-history", "stand-in"),
        ("perf-history --json", machine),
    ] {
        assert_has(&printed(words), told);
    }
    printed("perf-compare 007 --log --svg compare.svg");
    printed("perf-history --svg history.svg");
    let log = xtask::model::layout::PERFORMANCE_LOG;
    for (file, told) in [(log, said), ("compare.svg", said), ("history.svg", "stand-in")] {
        assert_has(&std::fs::read_to_string(checkout.path(file)).unwrap(), told);
    }
}

#[test]
fn a_report_says_which_version_judged() {
    let checkout = recorded([internal_clean()]);
    let version = env!("CARGO_PKG_VERSION");
    let told = format!("by version {version} of this tool");
    assert_has(&compare(&checkout, "007").output, &format!("  judged  {told}\n"));
    assert_has(&compare(&checkout, "007 --markdown").output, &format!("- judged: {told}\n"));
}

#[test]
fn only_the_newest_results_of_the_task_are_read() {
    let checkout = recorded([internal_clean()]);
    for name in ["007_before_20251107_140000.json", "008_before_20251109_140000.json"] {
        checkout.write(&format!("tmp/m17_performance/{name}"), "not even JSON");
    }
    assert_eq!(exit(&checkout, "007"), 0);
}

#[test]
fn no_operation_moved_most_where_all_moved_alike() {
    let (before, after) = internal_regressed();
    let report = compare(&recorded([(before, after)]), "007").output;
    assert!(!report.contains("moved most"), "{report}");
}

/// Single runs of one server for another task, whose P99s are up to 16 % apart.
fn on_a_noisy_machine(p99_ms: f64) -> Checkout {
    beside(Recording::new().task("006"), p99_ms)
}

fn beside(noisy: Recording, p99_ms: f64) -> Checkout {
    let (before, after) = internal_clean();
    let checkout = recorded([(before, after.p99(p99_ms))]);
    noisy.write_group(&checkout, &[0.44, 0.51, 0.46, 0.45, 0.49, 0.44, 0.47], 7);
    checkout
}

#[test]
fn runs_that_shared_the_machine_with_another_server_tell_nothing_of_the_noise_of_single_runs() {
    for (how, is_told) in [(How::Duet, false), (How::Alternating, true)] {
        let in_pairs = Recording::new().task("006").with(move |it| {
            it.session = Some(SessionPlace { how: Some(how), ..SessionPlace::default() });
        });
        let report = compare(&beside(in_pairs, 0.472), "007").output;
        assert_eq!(report.contains("comparisons of one server"), is_told, "{how}: {report}");
    }
}

#[test]
fn neither_verdict_of_single_runs_below_their_noise_stands_as_if_it_were_sure() {
    for (p99_ms, exit_code, headline) in [
        (0.472, 0, "unconfirmed: 007 internal: no change distinguishable"),
        (0.49, 1, "unconfirmed REGRESSION: 007"),
    ] {
        let finished = compare(&on_a_noisy_machine(p99_ms), "007");
        assert_eq!(finished.code, Some(exit_code), "{finished:?}");
        assert!(finished.output.starts_with(headline), "{finished:?}");
    }
}

#[test]
fn what_settles_a_verdict_comes_before_its_log_entry() {
    let report = compare(&on_a_noisy_machine(0.472), "007").output;
    let (_, next) = report.split_once("\nnext\n").unwrap();
    let commands: Vec<&str> = next.lines().filter(|line| line.starts_with("    cargo")).collect();
    assert_eq!(commands, ["    cargo perf-confirm 007", "    cargo perf-compare 007 --log"]);
}

#[test]
fn single_runs_that_improved_by_more_than_their_noise_are_faster() {
    let finished = compare(&on_a_noisy_machine(0.3), "007");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.output.starts_with("faster: 007 internal: P99 -34.5%"), "{finished:?}");
}

#[test]
fn an_improvement_of_single_runs_within_the_margin_is_none_however_quiet_the_machine() {
    let (before, after) = internal_clean();
    for (p99_ms, headline) in [(0.440, "no regression: "), (0.430, "faster: ")] {
        let checkout = recorded([(before.clone(), after.clone().p99(p99_ms))]);
        Recording::new().task("006").write_group(&checkout, &[0.45; 7], 7);
        let report = compare(&checkout, "007").output;
        assert!(report.starts_with(headline), "{p99_ms}: {report}");
    }
}

#[test]
fn no_change_can_be_distinguished_in_competitive_mode_either_and_the_position_stays() {
    let checkout = recorded([competitive_clean()]);
    let p99s = [10.2, 11.5, 10.4, 10.1, 11.0, 10.2, 10.3];
    Recording::new().task("006").competitive().write_group(&checkout, &p99s, 7);
    let finished = compare(&checkout, "007");
    let verdict = finished.output.split("\n\n").next().unwrap().replace("\n  ", " ");
    let told = "unconfirmed: 007 competitive: no change distinguishable (P99 +2.9%, noise 12.7%), \
                advantage maintained";
    assert_eq!(verdict, told);
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

#[test]
fn an_improvement_of_single_runs_of_unknown_noise_is_not_called_faster() {
    let (before, after) = internal_clean();
    let report = compare(&recorded([(before, after.p99(0.3))]), "007").output;
    assert!(report.starts_with("no regression: 007 internal: P99 -34.5%"), "{report}");
}

#[test]
fn a_stall_is_in_the_report_even_where_no_percentile_shows_it() {
    let report = compare(&recorded([internal_clean()]), "007").output;
    assert_has(&report, "  maximum ms               1.374       1.416      +3.1%\n");
}
