//! Paired sessions: which one answers, and what is said of it. Each record holds the eight pairs of the shortest plan.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use xtask::model::limits::PLAN;

use super::{
    assert_has, assert_lacks, compare, competitive_clean, internal_clean, internal_regressed,
    recorded, unjudged,
};
use crate::common::Checkout;
use crate::common::recording::{Recording, hash_of};

/// Before and after of every pair, in milliseconds.
type Pairs = [(f64, f64); 8];

const SURELY_SLOWER: Pairs = [(0.45, 0.6); 8];
const SURELY_AS_FAST: Pairs = [(0.45, 0.449); 8];
/// Slower by a fifth on the whole, and by chance as far as can be told.
const PERHAPS_SLOWER: Pairs = in_turn((0.45, 0.9), (0.45, 0.3));
/// No slower on the whole, as far as can be told.
const PERHAPS_AS_FAST: Pairs = in_turn((0.45, 0.6), (0.45, 0.33));

const fn in_turn(one: (f64, f64), other: (f64, f64)) -> Pairs {
    [one, other, one, other, one, other, one, other]
}

fn with_session((before, after): (Recording, Recording), pairs: &[(f64, f64)]) -> Checkout {
    let checkout = recorded([(before.clone(), after.clone())]);
    Recording::write_session(&before, &after, &checkout, pairs);
    checkout
}

#[test]
fn a_session_that_is_sure_overrules_single_runs() {
    let passed = compare(&with_session(internal_regressed(), &SURELY_AS_FAST), "007");
    assert_eq!(passed.code, Some(0), "{passed:?}");
    let regressed = compare(&with_session(internal_clean(), &SURELY_SLOWER), "007");
    assert_eq!(regressed.code, Some(1), "{regressed:?}");
}

/// The medians of the two sides differ by another figure.
#[test]
fn every_format_has_the_estimate_of_the_pairs_as_the_change_of_p99() {
    let pairs = [
        (0.45, 0.45 * 1.104),
        (0.44, 0.44 * 1.104),
        (0.46, 0.46 * 1.104),
        (0.45, 0.45 * 1.104),
        (0.44, 0.44 * 1.104),
        (0.46, 0.46 * 1.104),
        (0.41, 0.5),
        (0.42, 0.5),
        (0.43, 0.5),
        (0.47, 0.5),
    ];
    let checkout = with_session(internal_clean(), &pairs);
    let report: Value = serde_json::from_str(&compare(&checkout, "007 --json").output).unwrap();
    let comparison = &report["comparisons"][0];
    let change = comparison["changes"]["p99_percent"].as_f64().unwrap();
    assert_eq!(comparison["session"]["p99_percent"].as_f64(), Some(change));
    let [before, after] =
        ["before", "after"].map(|side| comparison[side]["p99_ms"].as_f64().unwrap());
    let of_medians = format!("{:+.1}%", (after / before - 1.0) * 100.0);
    let change = format!("{change:+.1}%");
    assert_ne!(change, of_medians);
    let human = compare(&checkout, "007 --log").output;
    let row = |name: &str| human.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(row("  P99 ms ").ends_with(&of_medians), "{human}");
    assert_has(row("  P99 by pairs "), &format!("{change}     +5%  REGRESSED"));
    let markdown = compare(&checkout, "007 --markdown").output;
    assert_has(&markdown, &format!("| P99 by pairs | | | {change} | +5% | **regressed** |"));
    let log = checkout.path("roadmap/milestone-17/PERFORMANCE_LOG.md");
    let log = std::fs::read_to_string(log).unwrap();
    assert_has(&log, &format!("Change: {change} by 8 pairs, -0.5%"));
    assert_has(&log, "ops/s (medians of 10 runs)\n");
}

#[test]
fn a_picture_of_a_session_says_which_of_its_figures_are_medians_and_which_are_by_pairs() {
    let checkout = with_session(internal_clean(), &SURELY_SLOWER);
    compare(&checkout, "007 --svg session.svg");
    let picture = std::fs::read_to_string(checkout.path("session.svg")).unwrap();
    let told = "before and after: medians of the runs; changes with an interval: by pairs";
    assert_has(&picture, told);
}

#[test]
fn a_session_that_suspects_a_regression_is_no_verdict() {
    let finished = compare(&with_session(internal_clean(), &PERHAPS_SLOWER), "007");
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert_has(&finished.output, "SUSPECTED: 007 internal");
    assert_has(&finished.output, "+5%  not settled");
    assert_has(&finished.output, "to settle   not here: no plan is long enough (at most 40 pairs)");
}

#[test]
fn a_session_that_found_nothing_passes_and_says_how_much_it_could_be() {
    let finished = compare(&with_session(internal_clean(), &PERHAPS_AS_FAST), "007");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_has(&finished.output, "no regression found: 007 internal");
    assert_has(&finished.output, "could be up to +");
    assert_has(&finished.output, "+5%  not settled");
}

#[test]
fn a_session_in_competitive_mode_regresses_with_exit_2() {
    let (before, after) = competitive_clean();
    let checkout = recorded([(before.clone(), after.clone())]);
    Recording::write_session(&before, &after, &checkout, &[(10.2, 12.0); 8]);
    let finished = compare(&checkout, "007");
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert_has(&finished.output, "paired session of 8 pairs");
}

#[test]
fn a_session_that_has_not_ended_answers_nothing_and_is_told() {
    let (before, after) = internal_regressed();
    let checkout = recorded([(before.clone(), after.clone())]);
    Recording::write_session(&before, &after, &checkout, &SURELY_AS_FAST[..5]);
    let finished = compare(&checkout, "007");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_has(&finished.output, "unfinished: 5 pairs of 60 s a run, P99 -0.2% so far");
}

#[test]
fn of_sessions_of_two_durations_the_worse_answer_counts() {
    let of_ten_seconds = |side: Recording| side.at("20251109_140000").elapsed(10.0);
    for (long, short) in [(SURELY_AS_FAST, SURELY_SLOWER), (SURELY_SLOWER, SURELY_AS_FAST)] {
        let (before, after) = internal_clean();
        let checkout = with_session((before.clone(), after.clone()), &long);
        let (before, after) = (of_ten_seconds(before), of_ten_seconds(after));
        Recording::write_session(&before, &after, &checkout, &short);
        let finished = compare(&checkout, "007");
        assert_eq!(finished.code, Some(1), "{finished:?}");
        let output = finished.output.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_has(&output, "ended otherwise: no regression, P99 -0.2%");
    }
}

#[test]
fn a_session_that_lost_throughput_is_not_hidden_by_one_of_another_duration() {
    let (before, after) = internal_clean();
    let slow = after.clone().throughput(900.0);
    let checkout = with_session((before.clone(), after.clone()), &SURELY_AS_FAST);
    let of_ten_seconds = |side: Recording| side.at("20251109_140000").elapsed(10.0);
    let (before, slow) = (of_ten_seconds(before), of_ten_seconds(slow));
    Recording::write_session(&before, &slow, &checkout, &SURELY_AS_FAST);
    let finished = compare(&checkout, "007");
    assert_eq!(finished.code, Some(1), "{finished:?}");
}

#[test]
fn a_session_about_another_scenario_is_not_taken() {
    let (before, after) = internal_regressed();
    let checkout = recorded([(before.clone(), after.clone())]);
    let elsewhere = |side: Recording| side.with(|it| it.load.scenario_hash = Some("other".into()));
    Recording::write_session(&elsewhere(before), &elsewhere(after), &checkout, &SURELY_AS_FAST);
    let finished = compare(&checkout, "007");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_lacks(&finished.output, "paired session");
}

#[test]
fn a_session_record_that_is_damaged_forbids_a_verdict() {
    let checkout = with_session(internal_clean(), &SURELY_AS_FAST);
    let folder = checkout.path("tmp/m17_performance/sessions");
    let record = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap();
    let text = std::fs::read_to_string(record.path()).unwrap();
    std::fs::write(record.path(), &text[..text.len() / 2]).unwrap();
    let report = unjudged(&checkout, "007");
    assert_has(&report, "the session record is not whole");
}

/// A session on the same servers, opened on this day of November and measured in runs of `seconds`.
fn later(day: u32, seconds: u64, checkout: &Checkout, pairs: &[(f64, f64)], most_pairs: usize) {
    let elapsed = Duration::from_secs(seconds).as_secs_f64();
    let at = |side: Recording| side.at(&format!("202511{day}_140000")).elapsed(elapsed);
    let (before, after) = internal_clean();
    let plan = PLAN.up_to(most_pairs).unwrap();
    Recording::write_session_under(plan, &at(before), &at(after), checkout, pairs);
}

/// A session in which P99 is surely as fast, and P95 surely slower.
fn slower_by_p95_only() -> Checkout {
    let (before, after) = internal_clean();
    let checkout = recorded([(before.clone(), after.clone())]);
    let slower = after.field("p95_latency_ms", 0.36 * 1.14);
    Recording::write_session(&before, &slower, &checkout, &SURELY_AS_FAST);
    checkout
}

#[test]
fn a_p95_that_is_surely_slower_withholds_the_pass_and_is_named() {
    let checkout = slower_by_p95_only();
    let finished = compare(&checkout, "007");
    assert_eq!(finished.code, Some(3), "{finished:?}");
    let reason = "P95 +14.0%, surely; P99 itself cannot be distinguished from noise";
    let output = finished.output.replace("\n  ", " ");
    assert_has(&output, &format!("SUSPECTED: 007 internal: {reason}"));
    assert_has(&compare(&checkout, "007 --markdown").output, reason);
    let report: Value = serde_json::from_str(&compare(&checkout, "007 --json").output).unwrap();
    let session = &report["comparisons"][0]["session"];
    assert_eq!(session["vetoed_by_p95"], true);
    let p95 = session["intervals"]["p95"]["percent"].as_f64().unwrap();
    assert!((p95 - 14.0).abs() < 1e-6, "{p95}");
}

#[test]
fn a_report_has_the_interval_of_every_figure() {
    let (before, after) = internal_clean();
    let checkout = recorded([(before.clone(), after.clone())]);
    let with_cpu =
        |side: Recording, us| side.with(move |it| it.noise.server_cpu_us_per_operation = Some(us));
    let (before, after) = (with_cpu(before, 200.0), with_cpu(after, 226.0));
    Recording::write_session(&before, &after, &checkout, &SURELY_SLOWER);
    for format in ["007", "007 --markdown"] {
        let report = compare(&checkout, format).output;
        for line in [
            "P99         +33.3% by pairs, surely between +33.3% and +33.3%",
            "P95         +33.3% by pairs, surely between",
            "P50         +33.3% by pairs, surely between",
            "CPU         +13.0% by pairs, surely between",
            "throughput  -0.5% by pairs, surely between -0.5% and -0.5%, pinned",
        ] {
            assert_has(&report, line);
        }
    }
}

#[test]
fn duets_that_filled_the_cpus_show_less_than_there_is_and_say_so() {
    for (busy, is_told) in [(0.86, true), (0.6, false)] {
        let (before, after) = internal_clean();
        let checkout = recorded([(before.clone(), after.clone())]);
        let on = |side: Recording| side.with(move |it| it.noise.busy_share = Some(busy));
        Recording::write_session(&on(before), &on(after), &checkout, &SURELY_AS_FAST);
        let report = compare(&checkout, "007").output;
        let told = report.contains("the CPUs were full (86%): a real change is larger than shown");
        assert_eq!(told, is_told, "{report}");
    }
}

/// The commands of this tool that a report proposes, without `cargo`.
fn proposed(report: &str) -> Vec<&str> {
    let (_, next) = report.split_once("\nnext\n").expect(report);
    next.lines().filter_map(|line| line.strip_prefix("    cargo ")).collect()
}

#[test]
fn a_suspicion_that_a_longer_plan_settles_proposes_it_with_its_pairs_and_minutes() {
    // Beyond the margin, and by less than they scatter: eight pairs do not show it.
    let pairs = in_turn((0.45, 0.45 * 1.19), (0.45, 0.45 * 0.98));
    let finished = compare(&with_session(internal_clean(), &pairs), "007");
    assert_eq!(finished.code, Some(3), "{finished:?}");
    let command = "perf-confirm 007 --fresh --max-pairs 16 --duration 60";
    assert_has(&finished.output, "to settle   about 13 pairs, at most 16 minutes:\n");
    assert_has(&finished.output, &format!("                cargo {command}\n"));
    assert_eq!(proposed(&finished.output), [command, "perf-check 007 after"]);
}

#[test]
fn a_suspicion_that_no_plan_settles_names_the_longest_plan_and_what_helps_first() {
    let report = compare(&with_session(internal_clean(), &PERHAPS_SLOWER), "007").output;
    assert_lacks(&report, "to settle   about");
    assert_has(&report, "what helps  less other work, more CPUs, then at most 40 minutes:\n");
    let longest = "perf-confirm 007 --fresh --max-pairs 40 --duration 60";
    assert_eq!(proposed(&report), [longest, "perf-check 007 after"]);
}

#[test]
fn what_takes_a_minute_takes_no_minutes() {
    let checkout = recorded([internal_clean()]);
    later(10, 1, &checkout, &PERHAPS_SLOWER, 8);
    let report = compare(&checkout, "007").output;
    assert_has(&report, "what helps  less other work, more CPUs, then at most 1 minute:\n");
}

#[test]
fn a_suspicion_by_p95_proposes_no_more_pairs_but_a_look_at_the_run() {
    let checkout = slower_by_p95_only();
    let report = compare(&checkout, "007").output;
    assert_has(&report, "to settle   not by more pairs: find what made P95 slower\n");
    assert_eq!(proposed(&report), ["perf-check 007 after", "perf-check profile after"]);
    assert_has(&report, "    less tmp/m17_performance/007_after_");
}

#[test]
fn no_session_is_proposed_longer_than_can_be_measured() {
    let mut proposed = BTreeSet::new();
    for spread in [1.05, 1.1, 1.2, 1.5, 2.0, 4.0] {
        for centre in [1.0, 1.02, 1.06, 1.12] {
            let pairs = in_turn((0.45, 0.45 * centre * spread), (0.45, 0.45 * centre / spread));
            let report = compare(&with_session(internal_clean(), &pairs), "007").output;
            let options = report.split_once("--max-pairs ").map(|(_, rest)| rest);
            let pairs =
                options.and_then(|rest| rest.split_whitespace().next()?.parse::<usize>().ok());
            proposed.extend(pairs);
        }
    }
    let possible: BTreeSet<usize> = PLAN.possible_looks().iter().copied().collect();
    assert!(proposed.len() > 1 && proposed.is_subset(&possible), "{proposed:?}");
}

#[test]
fn a_session_that_found_nothing_says_what_would_settle_it() {
    let pairs = in_turn((0.45, 0.45 * 1.06), (0.45, 0.45 / 1.06));
    let report = compare(&with_session(internal_clean(), &pairs), "007").output;
    assert_has(&report, "to settle   about 12 pairs, at most 12 minutes:\n");
    assert_has(
        &report,
        "                cargo perf-confirm 007 --fresh --max-pairs 12 --duration 60\n",
    );
}

#[test]
fn a_pass_that_could_as_well_be_no_change_says_so_with_its_bounds() {
    for (pairs, verdict) in [
        (in_turn((0.45, 0.459), (0.45, 0.442)), "no regression: 007 internal: no change"),
        (PERHAPS_AS_FAST, "no regression found: 007 internal: no change"),
    ] {
        let report = compare(&with_session(internal_clean(), &pairs), "007").output;
        assert_has(&report, &format!("{verdict} distinguishable"));
        assert_has(&report.replace("\n  ", " "), "% by 8 pairs, ");
    }
}

#[test]
fn a_change_that_is_sure_is_told_whether_it_matters_or_not() {
    let report = compare(&with_session(internal_clean(), &[(0.45, 0.459); 8]), "007").output;
    let told = "no regression: 007 internal: P99 +2.0% by 8 pairs (surely +2.0% to +2.0%)\n";
    assert!(report.starts_with(told), "{report}");
}

#[test]
fn an_improvement_is_a_verdict_from_the_size_on_at_which_a_loss_is_one() {
    // 1 / 1.05 is 0.9524.
    for (after_ms, headline) in [(0.430, "no regression: "), (0.428, "faster: ")] {
        let report = compare(&with_session(internal_clean(), &[(0.45, after_ms); 8]), "007").output;
        assert!(report.starts_with(headline), "{after_ms}: {report}");
    }
}

#[test]
fn longer_single_runs_that_contradict_a_session_are_shown_beside_it() {
    for (sides, pairs, code, told) in [
        (internal_regressed(), &SURELY_AS_FAST, 0, "REGRESSION, P99 +31.0%"),
        (internal_clean(), &SURELY_SLOWER, 1, "no regression, P99 +3.1%"),
    ] {
        let checkout = recorded([sides]);
        later(10, 10, &checkout, pairs, 8);
        let finished = compare(&checkout, "007");
        assert_eq!(finished.code, Some(code), "{finished:?}");
        let output = finished.output.split_whitespace().collect::<Vec<_>>().join(" ");
        let lengths = "are of 60 s, those of the pairs of 10 s, and they say otherwise";
        assert_has(&output, &format!("{lengths}: {told}"));
    }
}

#[test]
fn single_runs_as_long_as_those_of_the_pairs_contradict_nothing() {
    let report = compare(&with_session(internal_regressed(), &SURELY_AS_FAST), "007").output;
    assert_lacks(&report, "otherwise");
}

#[test]
fn an_after_that_failed_in_an_unfinished_session_does_not_pass_by_single_runs() {
    let checkout = recorded([internal_clean()]);
    later(10, 10, &checkout, &SURELY_AS_FAST[..2], 8);
    let folder = checkout.path("tmp/m17_performance/sessions");
    let record = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&record).unwrap();
    let failure = "\n[[failures]]\npair = 3\nside = \"after\"\nwhy = \"it crashed\"\n\n# end\n";
    let text = text.replace("failures = []\n", "").replace("\n# end\n", failure);
    std::fs::write(&record, text).unwrap();
    let report = unjudged(&checkout, "007");
    assert_has(&report, "in an unfinished session the after server failed in pair 3: it crashed");
    assert_has(&report, "    cargo perf-confirm 007\n");
}

/// What `--fresh` may not hide.
mod archived {
    use super::*;

    /// A regression that was archived.
    fn regressed() -> Checkout {
        let checkout = recorded([internal_clean()]);
        later(10, 10, &checkout, &SURELY_SLOWER, 24);
        Recording::archive_sessions(&checkout);
        checkout
    }

    #[test]
    fn a_pass_after_an_archived_regression_is_none_and_says_why() {
        let checkout = regressed();
        later(11, 10, &checkout, &SURELY_AS_FAST, 24);
        let report = unjudged(&checkout, "007");
        assert_has(&report, "says REGRESSION, P99 +33.3%");
        assert_has(&report, "records of these servers that --fresh archived: 1");
        assert_has(&report, "    cargo perf-confirm 007 --fresh\n");
    }

    #[test]
    fn single_runs_do_not_pass_after_an_archived_regression() {
        let report = unjudged(&regressed(), "007");
        assert_has(&report, "says REGRESSION, P99 +33.3%");
        assert_lacks(&report, "perf-confirm 007 --fresh");
    }

    #[test]
    fn a_second_pass_with_the_full_plan_counts_and_still_tells_of_the_regression() {
        for (most_pairs, code) in [(24, 0), (40, 0), (16, 3)] {
            let checkout = regressed();
            later(11, 10, &checkout, &SURELY_AS_FAST, 8);
            Recording::archive_sessions(&checkout);
            later(12, 10, &checkout, &SURELY_AS_FAST, most_pairs);
            let finished = compare(&checkout, "007");
            assert_eq!(finished.code, Some(code), "{most_pairs}: {finished:?}");
            assert_has(&finished.output, "records of these servers that --fresh archived: 2");
            assert_has(&finished.output, "REGRESSION, P99 +33.3%");
        }
    }

    #[test]
    fn passes_from_before_the_regression_do_not_take_it_back() {
        let checkout = recorded([internal_clean()]);
        for day in [10, 11] {
            later(day, 10, &checkout, &SURELY_AS_FAST, 24);
            Recording::archive_sessions(&checkout);
        }
        later(12, 10, &checkout, &SURELY_SLOWER, 24);
        Recording::archive_sessions(&checkout);
        later(13, 10, &checkout, &SURELY_AS_FAST, 24);
        unjudged(&checkout, "007");
    }

    #[test]
    fn an_archived_regression_of_another_duration_counts_as_much() {
        let checkout = regressed();
        later(11, 20, &checkout, &SURELY_AS_FAST, 24);
        assert_has(&unjudged(&checkout, "007"), "says REGRESSION, P99 +33.3%");
    }

    #[test]
    fn an_archived_regression_remains_one_without_the_files_of_its_runs() {
        let checkout = regressed();
        let runs = checkout.results().into_iter().filter(|name| name.contains("_20251110_"));
        let removed = runs
            .map(|name| {
                std::fs::remove_file(checkout.path("tmp/m17_performance").join(name)).unwrap();
            })
            .count();
        assert!(removed > 8, "{removed}");
        later(11, 10, &checkout, &SURELY_AS_FAST, 24);
        assert_has(&unjudged(&checkout, "007"), "says REGRESSION, P99 +33.3%");
    }

    #[test]
    fn an_archived_loss_of_throughput_is_a_regression_too() {
        let (before, after) = internal_clean();
        let checkout = recorded([(before.clone(), after.clone())]);
        let slow = after.throughput(900.0);
        Recording::write_session(&before, &slow, &checkout, &SURELY_AS_FAST);
        Recording::archive_sessions(&checkout);
        later(11, 60, &checkout, &SURELY_AS_FAST, 24);
        assert_has(&unjudged(&checkout, "007"), "says REGRESSION, P99 -0.2%");
    }

    #[test]
    fn what_was_archived_without_a_regression_forbids_nothing_and_is_told() {
        let checkout = recorded([internal_clean()]);
        later(10, 10, &checkout, &PERHAPS_SLOWER, 8);
        Recording::archive_sessions(&checkout);
        later(11, 10, &checkout, &SURELY_AS_FAST[..3], 8);
        Recording::archive_sessions(&checkout);
        later(12, 10, &checkout, &SURELY_AS_FAST, 8);
        let finished = compare(&checkout, "007");
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert_has(&finished.output, "records of these servers that --fresh archived: 2");
        assert_has(&finished.output, "SUSPECTED, P99 ");
    }
}

#[test]
fn a_session_of_an_earlier_version_is_told_and_decides_nothing() {
    let checkout = recorded([internal_clean()]);
    let [before, after, scenario] =
        ["the server before", "the server after", "the scenario"].map(|name| hash_of(name.into()));
    let pair = "[[pairs]]\n[pairs.after]\np99_ms = 0.6\nrun = \"007_after_20251108_140020\"\n\
                [pairs.before]\np99_ms = 0.45\nrun = \"007_before_20251108_140000\"\n";
    let text = format!(
        "# perf-confirm session, format 1\n\nafter = \"{after}\"\nbefore = \"{before}\"\n\
         scenario = \"{scenario}\"\nmode = \"internal\"\nduration_seconds = 10\nlooks = [6, 10, 16]\n\
         failures = []\nloadtest = \"x\"\nopened = \"20251108_135900\"\nseed = 7\n{}\n# end\n",
        pair.repeat(6)
    );
    let [b, a, s] = [&before, &after, &scenario].map(|hash| &hash[..12]);
    checkout.write(&format!("tmp/m17_performance/sessions/{b}-{a}-{s}-10s.toml"), &text);
    let finished = compare(&checkout, "007");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let output = finished.output.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_has(
        &output,
        "an earlier session under the former plan, which decides nothing: 6 pairs of 10 s a run, \
         P99 +33.3%",
    );
}

#[test]
fn single_runs_name_the_way_out_in_minutes_by_the_recorded_starts_and_stops() {
    let (before, after) = internal_clean();
    let took = |side: Recording, seconds| {
        side.with(move |it| {
            it.server.ready_seconds = Some(seconds);
            it.server.stop_seconds = Some(0.2);
        })
    };
    let report = compare(&recorded([(took(before, 2.0), took(after, 5.8))]), "007").output;
    // Eight duets of 16 s, and twenty-four.
    assert_has(&report, "to settle   3 to 7 minutes of `cargo perf-confirm 007`\n");
    assert_has(&report, "resolution  not known: too few runs of one server are recorded here\n");
    assert_has(&report, "a third and more of the comparisons of a server with itself");
}
/// The two servers were measured in pairs for task 007, and by themselves for task 042.
fn measured_for_another_task() -> Checkout {
    let checkout = with_session(internal_clean(), &SURELY_AS_FAST);
    let (before, after) = internal_clean();
    before.task("042").p99(4.779).elapsed(10.0).write(&checkout);
    after.task("042").p99(7.935).write(&checkout);
    checkout
}

#[test]
fn a_session_of_another_task_does_not_pass_for_its_own() {
    let report = compare(&measured_for_another_task(), "042").output;
    assert_has(&report, "the paired session was measured for task 007");
    let own = compare(&measured_for_another_task(), "007").output;
    assert_lacks(&own, "was measured for task");
}

#[test]
fn a_session_of_another_task_does_not_hide_the_tasks_own_runs() {
    for words in ["042", "042 --json", "042 --markdown"] {
        let report = compare(&measured_for_another_task(), words).output.replace("\n    ", " ");
        assert_has(&report, "single runs of task 042: CANNOT JUDGE, P99 4.779 -");
        assert_has(&report, "7.935 ms");
        assert_has(&report, "duration 10 s before, 60 s after");
    }
}
