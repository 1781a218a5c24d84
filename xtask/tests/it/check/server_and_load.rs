//! Bad luck with the server and the load generator.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::common::{Checkout, finish, scenario};

#[test]
fn a_server_that_exits_at_the_start_is_reported_at_once_with_the_end_of_its_log() {
    let checkout = Checkout::new();
    checkout.script("engram", "echo this is why; exit 7");
    let message = checkout.refuses(checkout.check("007 before"));
    assert!(
        message.contains("the server ended before it was healthy (exit code 7)")
            && message.contains("this is why"),
        "{message}"
    );
}

#[test]
fn a_failure_says_where_the_log_is_and_leaves_it_there() {
    let checkout = Checkout::new();
    checkout.script("engram", "echo this is why; exit 7");
    let message = checkout.refuses(checkout.check("007 before"));
    let (_, log) = message.split_once("whole log: ").unwrap();
    let log = fs::read_to_string(log.lines().next().unwrap()).unwrap();
    assert_eq!(log, "this is why\n");
}

#[test]
fn a_server_that_cannot_be_executed_is_named() {
    let checkout = Checkout::new();
    forbid_to_run(&checkout, "engram");
    let message = checkout.refuses(checkout.check("007 before"));
    assert!(message.contains("/engram"), "{message}");
}

#[test]
fn a_server_that_is_never_healthy_is_given_up_with_its_last_answer() {
    let checkout = Checkout::new();
    // The first is enough for a server to listen on any machine but a very busy one.
    let answered = [1, 8, 64].into_iter().any(|seconds| {
        let mut check = checkout.check(&format!("007 before --ready-timeout {seconds}"));
        check.env("STAND_IN_NEVER_HEALTHY", "1");
        let message = checkout.refuses(check);
        let late = format!("the server was not healthy within {seconds} s");
        assert!(message.contains(&late) && message.contains("--ready-timeout"), "{message}");
        message.contains("503")
    });
    assert!(answered);
}

#[test]
fn a_server_that_starts_slowly_is_waited_for() {
    let checkout = Checkout::new();
    let mut check = checkout.check("007 before");
    check.env("STAND_IN_START_DELAY_MS", "500");
    checkout.measures(check);
}

#[test]
fn a_server_that_dies_under_load_is_reported() {
    let checkout = Checkout::new();
    let mut check = checkout.check("007 before");
    check.env("STAND_IN_EXIT_AFTER_REQUESTS", "5");
    let message = checkout.refuses(check);
    assert!(
        message.contains("the server ended under load (exit code 1)")
            && message.contains("fix the server"),
        "{message}"
    );
}

#[test]
fn a_server_that_crashes_when_it_is_to_stop_is_shown_and_recorded() {
    let checkout = Checkout::new();
    checkout.script(
        "engram",
        "(while kill -s 0 $$; do
            grep -q 'SIGTERM ignored' tmp/m17_performance/unsaved/server.log && kill -s SEGV $$
            sleep 0.01
         done) 2>/dev/null &
         exec \"$STAND_IN/engram\" \"$@\"",
    );
    let mut check = checkout.check("007 before --stop-grace 60");
    check.env("STAND_IN_IGNORE_SIGTERM", "1");
    let finished = finish(check).succeeded();
    let warning = "the server CRASHED when it was to stop: it ended with signal 11";
    assert!(finished.errors.contains(warning), "{}", finished.errors);
    assert!(checkout.provenance().warnings.contains(&warning.to_owned()));
}

#[test]
fn a_scenario_that_changes_while_it_is_measured_is_no_measurement() {
    let checkout = Checkout::new();
    checkout.script(
        "loadtest",
        "echo '# changed' >> scenarios/m17_baseline.toml\nexec \"$STAND_IN/loadtest\" \"$@\"",
    );
    let message = checkout.refuses(checkout.check("007 before"));
    assert!(
        message.contains("scenarios/m17_baseline.toml changed while it was measured"),
        "{message}"
    );
}

#[test]
fn a_server_that_ignores_sigterm_is_killed_and_the_run_is_saved_with_a_warning() {
    let checkout = Checkout::new();
    let mut check = checkout.check("007 before --stop-grace 1");
    check.env("STAND_IN_IGNORE_SIGTERM", "1");
    let finished = checkout.measures(check);
    let warning = "the server ignored SIGTERM for 1 s and was killed";
    assert!(finished.errors.contains(warning), "{}", finished.errors);
    assert!(checkout.provenance().warnings.contains(&warning.to_owned()));
}

#[test]
fn a_load_generator_that_cannot_be_executed_is_named() {
    let checkout = Checkout::new();
    forbid_to_run(&checkout, "loadtest");
    let message = checkout.refuses(checkout.check("007 before"));
    assert!(message.contains("/loadtest"), "{message}");
}

#[test]
fn a_load_generator_that_hangs_is_stopped_after_the_load_grace() {
    let checkout = Checkout::new();
    let mut check = checkout.check("007 before --load-grace 1");
    check.env("STAND_IN_LOAD", "hang");
    let message = checkout.refuses(check);
    assert!(
        message.contains("the load generator was still running 1 s after its 1 s were over")
            && message.contains("--load-grace SECONDS"),
        "{message}"
    );
}

#[test]
fn a_load_generator_that_exits_1_after_its_result_has_measured_and_the_reason_is_shown() {
    let checkout = Checkout::new();
    let strict = scenario("M17 Baseline") + "[validation]\nexpected_throughput_ops_sec = 5000.0\n";
    checkout.write("scenarios/m17_baseline.toml", &strict);
    let finished = checkout.measures(checkout.check("007 before"));
    assert_eq!(checkout.results().len(), 1);
    assert!(
        finished
            .errors
            .contains("the load generator ended with exit code 1: WARN limit missed: throughput"),
        "{}",
        finished.errors
    );
}

#[test]
fn a_load_generator_that_exits_1_without_a_result_has_not_measured() {
    let checkout = Checkout::new();
    let mut check = checkout.check("007 before");
    check.env("STAND_IN_LOAD", "no-json");
    let message = checkout.refuses(check);
    assert!(
        message.contains("the load generator wrote no result (exit code 1)")
            && message.contains("build the load generator anew"),
        "{message}"
    );
}

#[test]
fn half_a_result_is_no_measurement() {
    let checkout = Checkout::new();
    let mut check = checkout.check("007 before");
    check.env("STAND_IN_LOAD", "half-json");
    let message = checkout.refuses(check);
    assert!(message.contains("the load generator's result is not complete"), "{message}");
}

#[test]
fn a_result_of_another_scenario_is_no_measurement() {
    let checkout = Checkout::new();
    checkout.write("another.toml", scenario("Another"));
    checkout.script(
        "loadtest",
        "shift 3\nexec \"$STAND_IN/loadtest\" run --scenario another.toml \"$@\"",
    );
    let message = checkout.refuses(checkout.check("007 before"));
    assert!(message.contains("measured `Another` instead of `M17 Baseline`"), "{message}");
}

#[test]
fn more_than_a_tenth_of_failing_requests_is_saved_and_loudly_flagged() {
    let checkout = Checkout::new();
    let mut check = checkout.check("007 before");
    check.env("STAND_IN_FAIL_SHARE", "0.5");
    let finished = checkout.measures(check);
    assert_eq!(checkout.results().len(), 1);
    assert!(finished.output.contains("REQUESTS FAILED"), "{}", finished.output);
    let warnings = checkout.provenance().warnings.join("\n");
    assert!(warnings.contains("of the requests FAILED"), "{warnings}");
}

#[test]
fn a_few_failing_requests_are_counted_and_not_flagged() {
    let checkout = Checkout::new();
    let mut check = checkout.check("007 before");
    check.env("STAND_IN_FAIL_SHARE", "0.05");
    let finished = checkout.measures(check);
    assert!(!finished.output.contains("REQUESTS FAILED"), "{}", finished.output);
    let json = checkout.only(".json");
    assert!(!json.contains("\"total_errors\": 0,"), "{json}");
}

fn forbid_to_run(checkout: &Checkout, name: &str) {
    let path = checkout.path("target/release").join(name);
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
}
