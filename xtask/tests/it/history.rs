//! `perf-history`: the slow creep over many tasks.

use std::fs;

use serde_json::Value;

use crate::common::recording::Recording;
use crate::common::{Checkout, Finished, finish};

fn history(checkout: &Checkout, words: &str) -> Finished {
    finish(checkout.command(&format!("perf-history {words}")))
}

/// Tasks of a day each, with these P99 before and after, of servers that follow one another.
fn tasks(checkout: &Checkout, p99s: &[(f64, f64)]) {
    for (index, (before, after)) in p99s.iter().enumerate() {
        let task = format!("{:03}", index + 1);
        let server = |number: usize| format!("{number}{:039}", 0);
        let run = Recording::new().task(&task);
        let at = |hour: u8| format!("202511{:02}_{hour:02}0000", index + 1);
        run.clone().before().at(&at(9)).p99(*before).of_server(&server(index)).write(checkout);
        run.after().at(&at(10)).p99(*after).of_server(&server(index + 1)).write(checkout);
    }
}

#[test]
fn tasks_stand_in_order_of_time_with_their_change_and_that_since_the_first_run() {
    let checkout = Checkout::without_product();
    tasks(&checkout, &[(1.0, 1.03), (1.03, 1.06), (1.06, 1.09)]);
    let output = history(&checkout, "").succeeded().output;
    let of_task = |task: &str| {
        let start = format!("  {task} ");
        output.lines().find(|line| line.starts_with(&start)).unwrap().to_owned()
    };
    assert!(of_task("001").contains("1.000    1.030   +3.0%"), "{output}");
    assert!(of_task("003").contains("+9.0%"), "{output}");
    assert!(output.contains("the noise here is not known yet"), "{output}");
    assert!(output.lines().all(|line| line.chars().count() <= 80), "{output}");
}

#[test]
fn runs_of_another_machine_or_duration_are_never_joined() {
    let checkout = Checkout::without_product();
    Recording::new().before().p99(1.0).write(&checkout);
    Recording::new()
        .after()
        .p99(9.0)
        .with(|it| it.host.name = Some("another".to_owned()))
        .write(&checkout);
    let json: Value = serde_json::from_str(&history(&checkout, "--json").output).unwrap();
    let series = json["series"].as_array().unwrap();
    assert_eq!(series.len(), 2, "{json:#}");
    for one in series {
        assert_eq!(one["points"].as_array().unwrap().len(), 1);
        assert_eq!(one["points"][0]["since_first_percent"], 0.0);
    }
}

#[test]
fn a_series_of_sessions_that_each_pass_and_add_up_is_called_a_creep() {
    let checkout = Checkout::without_product();
    for task in 0..4_u8 {
        let server = |number: u8| format!("{number}{:039}", 0);
        let base = 1.02_f64.powi(i32::from(task));
        let run = Recording::new().task(&format!("{task:03}"));
        let before = run
            .clone()
            .before()
            .at(&format!("202511{:02}_090000", task + 1))
            .of_server(&server(task));
        let after =
            run.after().at(&format!("202511{:02}_100000", task + 1)).of_server(&server(task + 1));
        let whole = |ms: f64| (ms * 1000.0).round() / 1000.0;
        let pairs: Vec<(f64, f64)> = (0..8_u8)
            .map(|pair| base * (1.0 + 0.001 * f64::from(pair % 3)))
            .map(|ms| (whole(ms), whole(ms * 1.02)))
            .collect();
        Recording::write_session(&before, &after, &checkout, &pairs);
    }
    let output = history(&checkout, "").succeeded().output;
    assert!(output.contains("CREEP: surely slower: +8."), "{output}");
    assert!(output.contains("by sessions"), "{output}");
}

#[test]
fn a_mode_and_tasks_can_be_chosen() {
    let checkout = Checkout::without_product();
    tasks(&checkout, &[(1.0, 1.0), (2.0, 2.0)]);
    Recording::new().competitive().task("001").write(&checkout);
    let output = history(&checkout, "--internal --task 002").succeeded().output;
    assert!(output.contains("\n  002 ") && !output.contains("\n  001 "), "{output}");
    assert!(!output.contains("competitive:"), "{output}");
}

#[test]
fn the_picture_is_written_where_it_is_asked_for() {
    let checkout = Checkout::without_product();
    tasks(&checkout, &[(1.0, 1.03), (1.03, 1.06)]);
    history(&checkout, "--svg history.svg").succeeded();
    let drawn = fs::read_to_string(checkout.path("history.svg")).unwrap();
    assert!(drawn.starts_with("<svg ") && drawn.contains("P99 over all tasks"), "{drawn}");
}

#[test]
fn without_results_the_first_command_is_named() {
    let output = history(&Checkout::without_product(), "").succeeded().output;
    assert!(output.contains("cargo perf-check <task> before"), "{output}");
}
