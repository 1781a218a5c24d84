//! `--json` and `--markdown`, for those who do not sit at a terminal.

use serde_json::Value;

use super::*;

/// Standard output as one JSON value, and the exit code.
fn json(checkout: &Checkout, words: &str) -> (Value, i32) {
    let finished = compare(checkout, &format!("{words} --json"));
    assert_eq!(finished.errors, "");
    let value = serde_json::from_str(&finished.output).unwrap();
    (value, finished.code.unwrap())
}

#[test]
fn json_is_one_object_with_the_exit_code_of_the_process() {
    let checkout = recorded([internal_clean(), competitive_regressed()]);
    let (report, code) = json(&checkout, "007");
    assert_eq!((&report["exit_code"], code), (&Value::from(2), 2));
    assert_eq!(report["format"], 1);
}

#[test]
fn json_has_both_modes() {
    let (report, _) = json(
        &recorded([internal_clean(), competitive_regressed()]),
        "007",
    );
    let of = |key: &str| -> Vec<&Value> {
        let comparisons = report["comparisons"].as_array().unwrap();
        comparisons
            .iter()
            .map(|comparison| &comparison[key])
            .collect()
    };
    assert_eq!(of("mode"), ["internal", "competitive"]);
    assert_eq!(of("verdict"), ["no_regression", "competitive_regression"]);
}

#[test]
fn json_has_the_files_it_was_told_from() {
    let checkout = recorded([internal_clean()]);
    let (report, _) = json(&checkout, "007");
    let file = report["comparisons"][0]["after"]["files"][0]
        .as_str()
        .unwrap();
    let path = checkout.path("tmp/m17_performance/007_after_20251108_142000.json");
    assert_eq!(
        std::fs::canonicalize(file).unwrap(),
        std::fs::canonicalize(path).unwrap()
    );
}

#[test]
fn json_says_why_there_is_no_verdict_and_what_would_mend_it() {
    let checkout = Checkout::without_product();
    Recording::new().write(&checkout);
    let (report, code) = json(&checkout, "007");
    let comparison = &report["comparisons"][0];
    assert_eq!(
        (&comparison["verdict"], code),
        (&Value::from("cannot_judge"), 3)
    );
    assert_eq!(comparison["reasons"][0]["mend"], "measure_after");
    assert!(
        comparison["after"].is_null() && comparison["changes"].is_null(),
        "{report:#}"
    );
}

#[test]
fn json_holds_no_limit_against_one_server_measured_twice() {
    let (before, after) = competitive_regressed();
    let checkout = recorded([(before.same_server(), after.same_server())]);
    let (report, code) = json(&checkout, "007");
    let comparison = &report["comparisons"][0];
    assert_eq!((&comparison["same_server"], code), (&Value::from(true), 0));
    assert!(comparison["regressed"].is_null() && comparison["position"]["standing"].is_null());
}

#[test]
fn json_has_what_a_session_says() {
    let (before, after) = internal_clean();
    let checkout = recorded([(before.clone(), after.clone())]);
    Recording::write_session(&before, &after, &checkout, &[(0.45, 0.451); 6]);
    let (report, _) = json(&checkout, "007");
    let session = &report["comparisons"][0]["session"];
    assert_eq!(
        (&session["pairs"], &session["verdict"]),
        (&6.into(), &"not_regressed".into())
    );
}

#[test]
fn json_of_nothing_recorded_is_no_half_object() {
    let finished = compare(&Checkout::without_product(), "007 --json");
    assert_eq!(finished.output, "");
    finished.refused();
}

#[test]
fn markdown_has_what_the_terminal_has() {
    let checkout = recorded([internal_clean(), competitive_regressed()]);
    let report = compare(&checkout, "007 --markdown").output;
    assert_has(&report, "### ✅ task 007, internal: no regression\n");
    assert_has(
        &report,
        "### ❌ task 007, competitive: COMPETITIVE REGRESSION\n",
    );
    assert_has(
        &report,
        "| P99 ms | 10.200 | 11.500 | +12.7% | +10% | **regressed** |\n",
    );
    assert_has(
        &report,
        "Against Neo4j, P99 27.96 ms: 63.5% faster before, 58.9% faster after",
    );
}

#[test]
fn markdown_of_what_cannot_be_judged_has_the_command_that_mends_it() {
    let checkout = Checkout::without_product();
    Recording::new().write(&checkout);
    let report = compare(&checkout, "007 --markdown").output;
    assert_has(&report, "### ⚠️ task 007, internal: CANNOT JUDGE\n");
    assert_has(&report, "```sh\ncargo perf-check 007 after\n```\n");
}

#[test]
fn text_from_a_result_makes_no_markdown() {
    let (before, after) = internal_clean();
    let checkout = recorded([(before.operation("a|b", 1.0), after.operation("a|b", 1.0))]);
    let report = compare(&checkout, "007 --markdown").output;
    assert_has(&report, r"| P99 ms of a\|b | 1.000 | 1.000 |");
}
