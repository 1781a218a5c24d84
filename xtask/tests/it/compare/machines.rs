//! `--json` and `--markdown`, for those who do not sit at a terminal.

use serde_json::Value;

use super::*;

/// Standard output as one JSON value, and the exit code.
fn json(checkout: &Checkout, words: &str) -> (Value, i32) {
    let finished = compare(checkout, &format!("{words} --json"));
    let value: Value = serde_json::from_str(&finished.output).unwrap();
    assert_eq!(finished.errors.is_empty(), value["error"].is_null());
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
    let (report, _) = json(&recorded([internal_clean(), competitive_regressed()]), "007");
    let of = |key: &str| -> Vec<&Value> {
        let comparisons = report["comparisons"].as_array().unwrap();
        comparisons.iter().map(|comparison| &comparison[key]).collect()
    };
    assert_eq!(of("mode"), ["internal", "competitive"]);
    assert_eq!(of("verdict"), ["no_regression", "competitive_regression"]);
}

#[test]
fn json_has_the_files_it_was_told_from() {
    let checkout = recorded([internal_clean()]);
    let (report, _) = json(&checkout, "007");
    let file = report["comparisons"][0]["after"]["files"][0].as_str().unwrap();
    let path = checkout.path("tmp/m17_performance/007_after_20251108_142000.json");
    assert_eq!(std::fs::canonicalize(file).unwrap(), std::fs::canonicalize(path).unwrap());
}

#[test]
fn json_says_why_there_is_no_verdict_and_what_would_mend_it() {
    let checkout = Checkout::without_product();
    Recording::new().write(&checkout);
    let (report, code) = json(&checkout, "007");
    let comparison = &report["comparisons"][0];
    assert_eq!((&comparison["verdict"], code), (&Value::from("cannot_judge"), 3));
    assert_eq!(comparison["reasons"][0]["mend"], "measure_after");
    assert!(comparison["after"].is_null() && comparison["changes"].is_null(), "{report:#}");
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
    Recording::write_session(&before, &after, &checkout, &[(0.45, 0.451); 8]);
    let (report, _) = json(&checkout, "007");
    let session = &report["comparisons"][0]["session"];
    assert_eq!((&session["pairs"], &session["verdict"]), (&8.into(), &"not_regressed".into()));
}

#[test]
fn json_of_nothing_recorded_is_one_object_that_says_so() {
    let (report, code) = json(&Checkout::without_product(), "007");
    assert_eq!((&report["exit_code"], code), (&3.into(), 3));
    assert_eq!(report["comparisons"], Value::Array(Vec::new()));
    assert_has(report["error"].as_str().unwrap(), "no results of task 007");
}

#[test]
fn json_of_a_log_that_failed_has_the_exit_code_of_the_process() {
    for (sides, code) in [(internal_clean(), 3), (internal_regressed(), 1)] {
        let checkout = recorded([sides]);
        checkout.write("roadmap/milestone-17/PERFORMANCE_LOG.md/in the way", "");
        let (report, exit) = json(&checkout, "007 --log");
        assert_eq!((&report["exit_code"], exit), (&code.into(), code));
        assert_has(report["error"].as_str().unwrap(), "PERFORMANCE_LOG.md");
    }
}

#[test]
fn json_has_what_mends_and_where_the_competitor_is_stated() {
    let checkout = recorded([competitive_regressed()]);
    let (report, _) = json(&checkout, "007");
    let position = &report["comparisons"][0]["position"];
    assert_has(position["competitor_file"].as_str().unwrap(), "competitive_baselines.md");
    assert!(position["competitor_line"].is_u64(), "{position}");
    std::fs::remove_file(checkout.path("docs/reference/competitive_baselines.md")).unwrap();
    Recording::new().write(&checkout);
    let (report, _) = json(&checkout, "007");
    let commands = |mode: usize| &report["comparisons"][mode]["reasons"][0]["mend_commands"];
    assert_eq!(commands(0), &serde_json::json!(["cargo perf-check 007 after"]));
    assert_eq!(
        commands(1),
        &serde_json::json!(["${EDITOR:-vi} docs/reference/competitive_baselines.md"])
    );
}

#[test]
fn every_format_has_every_warning() {
    let another = |side: Recording| {
        side.with(|it| {
            it.host.name = Some("two".to_owned());
            it.host.cpu = Some("slow".to_owned());
            it.build.loadtest_hash = Some("another".to_owned());
            it.load.scenario_hash = None;
            it.git.as_mut().unwrap().dirty = true;
        })
    };
    let (before, after) = internal_clean();
    let before = before.throughput(900.0).with(|it| {
        it.host.name = Some("one".to_owned());
        it.host.cpu = Some("fast".to_owned());
        it.load.rate = 1000;
        it.warnings = vec![
            "the machine was busy".to_owned(),
            "the governor is powersave".to_owned(),
            "swap is in use".to_owned(),
        ];
    });
    let checkout = recorded([(before, another(after))]);
    for words in ["007", "007 --json", "007 --markdown"] {
        let output = compare(&checkout, words).output;
        for warning in [
            "before: the machine was busy",
            "before: the governor is powersave",
            "before: swap is in use",
            "before: the offered load was not reached: 900 of 1000 requests/s",
            "another host: one before, two after",
            "another CPU: fast before, slow after",
            "the load generator's binary changed",
            "the scenario content is unknown for some runs",
        ] {
            assert_has(&output, warning);
        }
    }
}

/// `perf-check` saves with a run the very warnings that the judge derives from its numbers.
#[test]
fn a_warning_that_was_saved_with_its_run_is_shown_once() {
    let (before, after) = internal_clean();
    let before = before.throughput(900.0).with(|it| {
        it.warnings = vec!["the offered load was not reached: 900 of 1000 requests/s".to_owned()];
    });
    let after = after.throughput(880.0).with(|it| {
        it.warnings = vec!["the offered load was not reached: 880 of 1000 requests/s".to_owned()];
    });
    let checkout = recorded([(before, after)]);
    let output = compare(&checkout, "007").output;
    assert_eq!(output.matches("was not reached").count(), 1, "{output}");
    assert_has(&output, "before: the offered load was not reached");
}

#[test]
fn a_host_that_changed_within_a_group_is_told() {
    let on = |side: Recording, host: fn(&mut xtask::model::provenance::Provenance)| side.with(host);
    let checkout = Checkout::without_product();
    let (before, after) = internal_clean();
    before.clone().write_group(&checkout, &[0.4, 0.41], 2);
    let second = on(after.clone().at("20251108_142100"), |it| {
        it.host.name = Some("two".to_owned());
        it.run.group = "007_after_20251108_142000".to_owned();
        (it.run.index, it.run.of) = (2, 2);
    });
    let first = on(after, |it| {
        it.host.name = Some("one".to_owned());
        it.run.of = 2;
    });
    first.write(&checkout);
    second.write(&checkout);
    assert_has(
        &compare(&checkout, "007").output,
        "another host: unknown before, one and two after",
    );
}

#[test]
fn markdown_has_what_the_terminal_has() {
    let checkout = recorded([internal_clean(), competitive_regressed()]);
    let report = compare(&checkout, "007 --markdown").output;
    assert_has(&report, "### ✅ task 007, internal: no regression\n");
    assert_has(&report, "### ❌ task 007, competitive: COMPETITIVE REGRESSION\n");
    assert_has(&report, "| P99 ms | 10.200 | 11.500 | +12.7% | +10% | **regressed** |\n");
    assert_has(
        &report,
        "Against Neo4j, P99 27.96 ms:\n\n```text\nbefore  63.5% faster\nafter   58.9% faster\n",
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
