//! What cannot be judged: exit 3, the reason, the file, and what would fix it. That every reason of the law is
//! found is tested where the reasons are told; here is what becomes of them.

use super::*;

const RESULT: &str = "tmp/m17_performance/007_after_20251108_142000.json";
const BASELINES: &str = "docs/reference/competitive_baselines.md";

#[test]
fn a_task_without_results_is_refused_with_where_to_begin() {
    let message = compare(&Checkout::without_product(), "007").refused();
    assert_has(&message, "no results of task 007 in ");
    assert_has(&message, "cargo perf-check 007 before\n");
}

#[test]
fn a_mode_without_results_is_refused_with_where_to_begin() {
    let message = compare(&recorded([internal_clean()]), "007 --competitive").refused();
    assert_has(&message, "cargo perf-check 007 before --competitive\n");
}

#[test]
fn a_missing_side_is_mended_by_measuring_it() {
    let checkout = Checkout::without_product();
    competitive_clean().1.write(&checkout);
    write_baselines(&checkout);
    let report = unjudged(&checkout, "007");
    assert_has(&report, "there is no before result");
    assert_has(&report, "    cargo perf-check 007 before --competitive\n");
}

#[test]
fn an_unreadable_result_is_named_with_what_is_wrong() {
    let checkout = recorded([internal_clean()]);
    checkout.write(RESULT, "{\"config_name\": ");
    let report = unjudged(&checkout, "007");
    assert_has(&report, &format!("    {RESULT}\n      not readable as JSON"));
    assert_has(&report, "    cargo perf-check 007 after\n");
}

#[test]
fn provenance_cut_short_is_named() {
    let checkout = recorded([internal_clean()]);
    let name = "007_before_20251108_140000_diag.txt";
    let whole = checkout.read(name);
    checkout.write(&format!("tmp/m17_performance/{name}"), &whole[..whole.len() / 2]);
    assert_has(&unjudged(&checkout, "007"), &format!("{name}\n      not readable as provenance"));
}

#[test]
fn two_sides_that_are_not_comparable_are_both_to_be_measured_anew() {
    let (before, after) = internal_clean();
    let after = after.with(|provenance| provenance.load.seed = 1);
    let report = unjudged(&recorded([(before, after)]), "007");
    assert_has(&report, "seed 3735928559 before, 1 after");
    assert_has(&report, "    cargo perf-check 007 before\n    cargo perf-check 007 after\n");
}

#[test]
fn a_server_that_may_be_stale_is_not_passed() {
    let (before, after) = internal_clean();
    let checkout = recorded([(before.same_server(), after.same_server().not_built())]);
    assert_has(&unjudged(&checkout, "007"), "after was not built");
}

#[test]
fn figures_of_an_unjudged_comparison_are_shown_without_limits() {
    let (before, after) = internal_regressed();
    let checkout = recorded([(before.error_rate(0.2), after)]);
    let report = unjudged(&checkout, "007");
    assert_has(&report, "P99 ms                   0.458       0.600     +31.0%\n");
    assert_lacks(&report, "limit");
}

#[test]
fn a_missing_baseline_document_is_named() {
    let checkout = recorded([competitive_clean()]);
    std::fs::remove_file(checkout.path(BASELINES)).unwrap();
    assert_has(
        &unjudged(&checkout, "007"),
        &format!("{BASELINES}\n      the competitors' baselines cannot be read"),
    );
}

#[test]
fn a_broken_baseline_is_named_with_its_line() {
    let checkout = recorded([competitive_clean()]);
    checkout.write(BASELINES, "| System | P99 Latency |\n|---|---|\n| Neo4j | fast |\n");
    assert_has(&unjudged(&checkout, "007"), &format!("    {BASELINES}:3\n"));
}

#[test]
fn baselines_that_disagree_are_named_with_a_line() {
    let checkout = recorded([competitive_clean()]);
    checkout.write(
        BASELINES,
        "| System | P99 Latency |\n|---|---|\n| Neo4j | 27.96ms |\n| Neo4j | 28ms |\n",
    );
    assert_has(&unjudged(&checkout, "007"), &format!("    {BASELINES}:4\n"));
}

#[test]
fn the_internal_mode_needs_no_baseline() {
    let checkout = recorded([internal_clean()]);
    std::fs::remove_file(checkout.path(BASELINES)).unwrap();
    assert_eq!(exit(&checkout, "007"), 0);
}

#[test]
fn a_task_typed_without_its_zeros_is_recognised() {
    let checkout = recorded([internal_clean()]);
    let message = compare(&checkout, "7").refused();
    assert_has(&message, "did you mean cargo perf-compare 007?");
}
