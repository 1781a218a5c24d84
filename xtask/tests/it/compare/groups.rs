//! Runs that belong together, and paired sessions.

use super::*;

/// Groups of three runs of task 007, by their P99s in milliseconds.
fn groups(before: &[f64], after: &[f64]) -> Checkout {
    let checkout = Checkout::without_product();
    Recording::new().write_group(&checkout, before, 3);
    Recording::new().throughput(995.0).after().write_group(&checkout, after, 3);
    checkout
}

#[test]
fn a_group_is_judged_by_its_medians() {
    // By the first, the last, the mean or the worst run this would be a regression.
    let checkout = groups(&[0.3, 0.5, 0.3], &[0.8, 0.3, 0.31]);
    let report = compare(&checkout, "007").succeeded().output;
    assert_has(&report, "P99 +3.3% (limit +5%)");
}

#[test]
fn the_spread_of_a_group_is_shown() {
    let report = compare(&groups(&[0.3, 0.5, 0.4], &[0.41, 0.42, 0.4]), "007").output;
    assert_has(&report, ", 3 runs, P99 from 0.300 to 0.500 ms\n");
    assert_has(&report, ", 3 runs, P99 from 0.400 to 0.420 ms\n");
}

#[test]
fn an_interrupted_group_counts_with_a_warning() {
    let report = compare(&groups(&[0.4, 0.41, 0.42], &[0.4]), "007").succeeded().output;
    assert_has(&report, "after: the group was interrupted, 1 of 3 runs count\n");
}

#[test]
fn a_member_that_cannot_be_read_leaves_the_group_unjudged() {
    let checkout = groups(&[0.4, 0.41, 0.42], &[0.4, 0.41, 0.42]);
    checkout.write("tmp/m17_performance/007_after_20251108_142100.json", "");
    assert_has(&unjudged(&checkout, "007"), "142100.json\n      not readable as JSON");
}

#[test]
fn a_session_on_the_servers_at_hand_is_the_answer_about_p99() {
    let (before, after) = internal_clean();
    let checkout = recorded([(before.clone(), after.clone())]);
    let pairs = [[(0.45, 0.55), (0.46, 0.57), (0.44, 0.56), (0.47, 0.6)]; 2].concat();
    Recording::write_session(&before, &after, &checkout, &pairs);
    let finished = compare(&checkout, "007");
    assert_has(&finished.output, "REGRESSION: 007 internal: P99 +");
    assert_has(&finished.output, "% by 8 pairs (surely +");
    assert_eq!(finished.code, Some(1));
}

#[test]
fn a_session_on_other_servers_is_passed_over() {
    let (before, after) = internal_clean();
    let checkout = recorded([(before.clone(), after.clone())]);
    let pairs = [(0.4, 0.6); 8];
    Recording::write_session(&before, &after.same_server(), &checkout, &pairs);
    assert_eq!(exit(&checkout, "007"), 0);
}
