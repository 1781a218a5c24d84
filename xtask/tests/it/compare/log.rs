//! `--log`: the task's entry in the performance log.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

const LOG: &str = "roadmap/milestone-17/PERFORMANCE_LOG.md";

fn log(checkout: &Checkout) -> String {
    fs::read_to_string(checkout.path(LOG)).unwrap()
}

/// Task 007 as the specification has it, clean in both modes.
fn specified() -> Checkout {
    let checkout = recorded([internal_clean(), competitive_clean()]);
    checkout.write("roadmap/milestone-17/007_fan_effect_spreading_complete.md", "");
    checkout
}

const SPECIFIED: &str = "\
## Task 007: Fan Effect Spreading

**Internal Performance**:
  - Before: P99=0.458ms, 999.88 ops/s
  - After:  P99=0.472ms, 995.24 ops/s
  - Change: +3.1%, -0.5%
  - Status: ✓ Within 5% target

**Competitive Performance**:
  - Before: P99=10.2ms, 490 QPS
  - After:  P99=10.5ms, 487 QPS
  - Change: +2.9%, -0.6%
  - vs Neo4j: 62.4% faster (10.5ms vs 27.96ms)
  - Status: ✓ Competitive advantage maintained
";

#[test]
fn the_entry_is_the_specifications() {
    let checkout = specified();
    compare(&checkout, "007 --log").succeeded();
    assert_eq!(log(&checkout), SPECIFIED);
}

#[test]
fn where_it_was_written_is_said_beside_the_report_and_not_in_it() {
    let checkout = specified();
    let written = compare(&checkout, "007 --log");
    assert_eq!(written.errors, format!("log entry of task 007 written to {LOG}\n"));
    assert_lacks(&written.output, LOG);
}

#[test]
fn a_second_call_changes_nothing_and_says_so() {
    let checkout = specified();
    compare(&checkout, "007 --log").succeeded();
    let first = log(&checkout);
    let second = compare(&checkout, "007 --log").succeeded();
    assert_eq!(log(&checkout), first);
    assert_eq!(second.errors, format!("log entry of task 007 is already in {LOG}\n"));
}

#[test]
fn only_the_tasks_own_numbers_are_replaced() {
    let checkout = specified();
    let others = "# The log\n\nWords of ours.\n\n## Task 006: Another\n\nDone on a Monday.\n\n";
    let remark = "\nThe cache was cold.\n\n## Task 008\n\n- kept\n";
    let outdated = SPECIFIED.replace("0.472", "9.999").replace("✓", "✗");
    checkout.write(LOG, format!("{others}{outdated}{remark}"));
    compare(&checkout, "007 --log").succeeded();
    assert_eq!(log(&checkout), format!("{others}{SPECIFIED}{remark}"));
}

#[test]
fn a_mode_that_is_not_compared_keeps_its_numbers() {
    let checkout = specified();
    compare(&checkout, "007 --log").succeeded();
    internal_regressed().1.at("20251108_150000").write(&checkout);
    competitive_regressed().1.at("20251108_151000").write(&checkout);
    compare(&checkout, "007 --internal --log");
    assert_has(&log(&checkout), "After:  P99=0.6ms");
    assert_has(&log(&checkout), "After:  P99=10.5ms");
}

#[test]
fn a_regression_is_logged_as_one() {
    let checkout = recorded([competitive_regressed()]);
    assert_eq!(exit(&checkout, "007 --log"), 2);
    assert_has(&log(&checkout), "- Status: ✗ Regression: P99 +12.7%, positioning degraded\n");
}

#[test]
fn what_cannot_be_judged_is_no_entry() {
    let checkout = Checkout::without_product();
    Recording::new().write(&checkout);
    assert_has(&compare(&checkout, "007 --log").refused(), "nothing was judged");
    assert!(!checkout.path(LOG).exists());
}

#[test]
fn one_server_measured_twice_is_no_entry() {
    let (before, after) = internal_clean();
    let checkout = recorded([(before.same_server(), after.same_server())]);
    assert_has(&compare(&checkout, "007 --log").refused(), "nothing was judged");
    assert!(!checkout.path(LOG).exists());
}

#[test]
fn a_log_that_cannot_be_written_makes_no_regression_milder() {
    for (sides, code) in [(internal_regressed(), 1), (competitive_regressed(), 2)] {
        let checkout = recorded([sides]);
        fs::create_dir_all(checkout.path(LOG)).unwrap();
        let finished = compare(&checkout, "007 --log");
        assert_has(&finished.errors, "error: cannot read");
        assert_eq!(finished.code, Some(code));
    }
}

#[test]
fn a_task_without_a_roadmap_file_has_no_title() {
    let checkout = recorded([internal_clean()]);
    compare(&checkout, "007 --log").succeeded();
    assert_has(&log(&checkout), "## Task 007\n");
}

#[test]
fn a_new_task_is_put_in_its_place() {
    let checkout = specified();
    checkout.write(LOG, "## Task 006\n\ntext\n\n## Task 008\n\ntext\n");
    compare(&checkout, "007 --log").succeeded();
    let log = log(&checkout);
    let places: Vec<_> = ["Task 006", "Task 007", "Task 008"].map(|task| log.find(task)).into();
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{log}");
}

#[test]
fn a_log_that_cannot_be_read_right_is_left_alone_and_named_with_its_line() {
    let checkout = specified();
    let broken = "# The log\n\n```\nnever closed\n";
    checkout.write(LOG, broken);
    assert_has(&compare(&checkout, "007 --log").refused(), &format!("{LOG}:3: "));
    assert_eq!(log(&checkout), broken);
}

/// A log with task 007 and, below `heading`, numbers that are not those of task 007.
fn with_numbers_below(heading: &str) -> String {
    format!(
        "# Log\n\n## Task 007: A\n\nNot measured yet.\n\n{heading}\n\n**Internal Performance**:\n  \
         - Before: P99=8ms, 888 ops/s\n  - Status: of eight\n"
    )
}

#[test]
fn the_numbers_below_another_heading_of_any_kind_stay() {
    for heading in
        ["Task 008: B\n-----------", "Summary\n=======", "<h2>Task 008: B</h2>", "### Task 008: B"]
    {
        let checkout = recorded([internal_clean()]);
        let before = with_numbers_below(heading);
        checkout.write(LOG, &before);
        compare(&checkout, "007 --log").succeeded();
        let (own, other) = before.split_at(before.find(heading).unwrap());
        let written = log(&checkout);
        assert!(written.starts_with(own) && written.ends_with(other), "{written}");
        assert_has(&written, "yet.\n\n**Internal Performance**:\n  - Before: P99=0.458ms");
    }
}

#[test]
fn a_section_that_is_not_understood_is_left_alone_and_named_with_its_line() {
    let sections = [
        ("Task 007: A\n-----------\n", 3),
        ("## [Task 007](a.md)\n", 3),
        ("### Task 007\n", 3),
        ("<h2>Task 007</h2>\n", 3),
        ("## Task 007\n\n## Task 007: A\n", 5),
        ("## Task 007\n\n- Before: P99=8ms\n", 5),
        ("## Task 007\n\n**Internal Performance**:\n\n**Internal Performance**:\n", 7),
        ("## Task 007\n\n### Internal Performance\n", 5),
        ("## Task 008\n\n<!-- never closed\n", 5),
    ];
    for (section, line) in sections {
        let checkout = specified();
        let before = format!("# Log\n\n{section}");
        checkout.write(LOG, &before);
        let refused = compare(&checkout, "007 --log");
        assert_eq!(refused.code, Some(3), "{section}");
        assert_has(&refused.errors, &format!("{LOG}:{line}: "));
        assert_eq!(log(&checkout), before);
    }
}

#[test]
fn nothing_half_written_is_left() {
    let checkout = specified();
    compare(&checkout, "007 --log").succeeded();
    let names: Vec<_> = fs::read_dir(checkout.path("roadmap/milestone-17"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn a_log_that_cannot_be_written_is_an_error_after_the_report() {
    let checkout = specified();
    // A folder in the log's place stops even the superuser.
    fs::create_dir_all(checkout.path(LOG)).unwrap();
    let finished = compare(&checkout, "007 --log");
    assert_has(&finished.output, "no regression: 007 internal");
    assert_has(&finished.refused(), LOG);
}

#[test]
fn the_logs_permissions_stay() {
    let checkout = specified();
    checkout.write(LOG, "# The log\n");
    let mode = fs::Permissions::from_mode(0o640);
    fs::set_permissions(checkout.path(LOG), mode).unwrap();
    compare(&checkout, "007 --log").succeeded();
    let kept = fs::metadata(checkout.path(LOG)).unwrap().permissions().mode();
    assert_eq!(kept & 0o777, 0o640);
}

#[test]
fn a_log_that_is_a_link_stays_one() {
    let checkout = specified();
    checkout.write("elsewhere.md", "# The log\n");
    std::os::unix::fs::symlink(checkout.path("elsewhere.md"), checkout.path(LOG)).unwrap();
    compare(&checkout, "007 --log").succeeded();
    assert!(checkout.path(LOG).is_symlink());
    assert_has(&fs::read_to_string(checkout.path("elsewhere.md")).unwrap(), "## Task 007");
}
