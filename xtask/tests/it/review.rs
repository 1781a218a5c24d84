//! `perf-review` as a user sees it, end to end against the stand-in: what it measures, reports and records, and what
//! is left of one that is interrupted.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use walkdir::WalkDir;
use xtask::judge::review::{self as judge, Around, Review, Subject};
use xtask::judge::verdict::Standing;
use xtask::model::layout::BASELINES;
use xtask::model::load_result::LoadResult;
use xtask::model::provenance::Provenance;
use xtask::model::recorded::Recorded;
use xtask::model::review::{Competitor, LastReview, Quarter};
use xtask::report::review as report_of;

use crate::common::recording::Recording;
use crate::common::{Checkout, Finished, finish, program, scenario, stand_in, wait_until};
use crate::snapshots::assert_snapshot;

const TRAVERSAL: &str = "scenarios/competitive/neo4j_traversal_100k.toml";
const HYBRID: &str = "scenarios/competitive/hybrid_production_100k.toml";

/// Two tiny scenarios, of which the stand-in is ahead of one competitor, and whose names the document has.
const BASELINE_PAGE: &str = "\
# Baselines

| System | P99 Latency | Throughput (QPS) | Scenario File |
|---|---|---|---|
| Neo4j | 10000-20000ms | 280 | [`neo4j_traversal_100k.toml`](../neo4j_traversal_100k.toml) |
| Milvus | 708ms | 2,098 | milvus_ann_10m_768d.toml |
| Redis | 8ms | N/A | (pending) |

## Historical trends

### Engram vs Neo4j

| Quarter | Neo4j | Engram | Gap |
|---|---|---|---|
| Q4 2020 | 27.96ms | 1ms | -96.4% |

## The end
";

fn checkout() -> Checkout {
    let checkout = Checkout::new();
    checkout.write(TRAVERSAL, scenario("Traversal"));
    checkout.write(BASELINES, BASELINE_PAGE);
    checkout
}

fn review(checkout: &Checkout, words: &str) -> Command {
    let port = checkout.port();
    checkout.command(&format!("perf-review --no-build --duration 1 --port {port} {words}"))
}

/// Runs a review that is to leave nothing running.
#[track_caller]
fn reviewed(checkout: &Checkout, words: &str) -> Finished {
    let finished = finish(review(checkout, words));
    checkout.assert_nothing_runs();
    finished
}

/// Every file below a folder of the checkout that ends so, sorted.
fn files(checkout: &Checkout, folder: &str, ending: &str) -> Vec<PathBuf> {
    let files = WalkDir::new(checkout.path(folder)).sort_by_file_name().into_iter();
    files
        .filter_map(|entry| Some(entry.ok()?.into_path()))
        .filter(|path| path.to_str().is_some_and(|path| path.ends_with(ending)))
        .collect()
}

fn runs(checkout: &Checkout) -> Vec<PathBuf> {
    files(checkout, "tmp/competitive_review", ".json")
}

/// The only report in the usual place.
#[track_caller]
fn report(checkout: &Checkout) -> String {
    let reports: Vec<PathBuf> = files(checkout, "docs/reference", ".md")
        .into_iter()
        .filter(|path| path.to_str().unwrap().contains("competitive_review_"))
        .collect();
    assert_eq!(reports.len(), 1, "{reports:?}");
    fs::read_to_string(&reports[0]).unwrap()
}

/// The row of a scenario in a table of the report.
#[track_caller]
fn row<'a>(report: &'a str, scenario: &str) -> &'a str {
    let start = format!("| `{scenario}` |");
    report.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("{report}"))
}

#[test]
fn a_review_measures_every_scenario_and_reports_it() {
    let checkout = checkout();
    let finished = reviewed(&checkout, "--runs 2").succeeded();
    let report = report(&checkout);
    assert!(row(&report, "neo4j_traversal_100k").contains("| Neo4j | 10000-20000 |"), "{report}");
    assert!(row(&report, "hybrid_production_100k").contains("| Neo4j | 10000-20000 |"), "{report}");
    for said in [
        "published ones",
        "measured on the stand-in, not the real Engram",
        "Redis has no scenario",
        "Milvus has no scenario: milvus\\_ann\\_10m\\_768d.toml",
        "only the yardstick",
        "its better end is compared",
        "spread of the P99s at most 5 %",
        "no busy neighbour",
        "the scenario names 100 nodes",
        "- Last review: none",
    ] {
        assert!(report.contains(said), "no {said:?} in:\n{report}");
    }
    assert!(finished.output.contains("ahead of every competitor"), "{finished:?}");
    assert!(finished.errors.lines().all(|line| line.chars().count() <= 80), "{finished:?}");
    assert!(finished.output.lines().all(|line| line.chars().count() <= 80), "{finished:?}");
}

#[test]
fn the_runs_are_saved_as_those_of_a_check_and_nowhere_else() {
    let checkout = checkout();
    reviewed(&checkout, "--runs 2 --scenario neo4j_traversal_100k").succeeded();
    let runs = runs(&checkout);
    assert_eq!(runs.len(), 2, "{runs:?}");
    assert_eq!(checkout.recorded(), [""; 0]);
    let provenance = |run: &PathBuf| {
        let stem = run.file_stem().unwrap().to_str().unwrap();
        assert!(stem.starts_with("competitive_neo4j_traversal_100k_after_"), "{stem}");
        let diagnosis = run.with_file_name(format!("{stem}_diag.txt"));
        Provenance::parse(&fs::read_to_string(diagnosis).unwrap()).unwrap().unwrap()
    };
    let [first, second] = [&runs[0], &runs[1]].map(provenance);
    assert_eq!(first.load.scenario, TRAVERSAL);
    assert_eq!([first.run.index, second.run.index, second.run.of], [1, 2, 2]);
    assert_eq!(second.run.group, first.run.name);
}

#[test]
fn the_chart_is_beside_the_report_which_shows_it() {
    let checkout = checkout();
    reviewed(&checkout, "--runs 1 --report elsewhere/mine.md").succeeded();
    let report = fs::read_to_string(checkout.path("elsewhere/mine.md")).unwrap();
    assert!(report.contains("](mine.svg)"), "{report}");
    let chart = fs::read_to_string(checkout.path("elsewhere/mine.svg")).unwrap();
    assert!(chart.starts_with("<svg") && chart.contains("neo4j_traversal_100k"), "{chart}");
    assert_eq!(files(&checkout, "docs/reference", ".md"), [checkout.path(BASELINES)]);
}

#[test]
fn a_server_slower_than_its_competitor_is_exit_2() {
    let checkout = checkout();
    checkout.write(BASELINES, BASELINE_PAGE.replace("10000-20000ms", "0.001ms"));
    let finished = reviewed(&checkout, "--runs 1");
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(report(&checkout).contains("slower than the competitor"));
}

#[test]
fn a_scenario_without_a_competitor_is_exit_3_and_reported() {
    let checkout = checkout();
    checkout.write("scenarios/competitive/other.toml", scenario("Other"));
    let finished = reviewed(&checkout, "--runs 1");
    assert_eq!(finished.code, Some(3), "{finished:?}");
    let report = report(&checkout);
    assert!(report.contains("no row of the baselines names it"), "{report}");
    assert!(row(&report, "other").ends_with("| **not judged** |"), "{report}");
}

#[test]
fn a_lost_position_is_worse_than_what_could_not_be_judged() {
    let checkout = checkout();
    checkout.write("scenarios/competitive/other.toml", "no scenario");
    checkout.write(BASELINES, BASELINE_PAGE.replace("10000-20000ms", "0.001ms"));
    assert_eq!(reviewed(&checkout, "--runs 1").code, Some(2));
}

#[test]
fn a_scenario_that_this_machine_cannot_hold_is_not_started() {
    let checkout = checkout();
    let huge = scenario("Huge").replace("num_nodes = 100\n", "num_nodes = 10_000_000_000\n");
    checkout.write("scenarios/competitive/milvus_ann_10m_768d.toml", huge);
    let finished = reviewed(&checkout, "--runs 1");
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert!(
        finished.errors.contains("not measured: this machine cannot hold it: it needs 61443.0 GB")
    );
    assert!(report(&checkout).contains("this machine cannot hold it"));
    assert_eq!(runs(&checkout).len(), 2);
}

#[test]
fn a_scenario_that_fails_is_reported_and_the_others_go_on() {
    let checkout = checkout();
    checkout.script(
        "loadtest",
        "case \"$*\" in *neo4j*) echo lost its way; exit 1 ;; esac\nexec \"$STAND_IN/loadtest\" \"$@\"",
    );
    let finished = reviewed(&checkout, "--runs 1");
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert!(report(&checkout).contains("run 1 failed: the load generator wrote no result"));
    assert_eq!(runs(&checkout).len(), 1);
    assert!(finished.errors.contains("lost its way"), "{finished:?}");
}

#[test]
fn where_nothing_can_be_measured_no_report_is_written() {
    let checkout = checkout();
    let mut review = review(&checkout, "--runs 1");
    review.env("STAND_IN_EXIT_AT_START", "7");
    let message = finish(review).refused();
    assert!(message.contains("no report was written"), "{message}");
    assert_eq!(files(&checkout, "docs/reference", ".md").len(), 1);
    checkout.assert_nothing_runs();
}

#[test]
fn a_plan_measures_nothing_and_leaves_nothing() {
    let checkout = checkout();
    let before = files(&checkout, "", "");
    let finished = reviewed(&checkout, "--runs 2 --dry-run").succeeded();
    assert!(
        finished.output.contains("2 scenarios, 2 runs of 1 s each: about 32 s in all"),
        "{finished:?}"
    );
    assert_eq!(files(&checkout, "", ""), before);
}

#[test]
fn an_unknown_scenario_is_refused_with_the_nearest_one() {
    let message = checkout().refuses(review(&checkout(), "--scenario neo4j_traversal_10k"));
    assert!(message.contains("did you mean `neo4j_traversal_100k`?"), "{message}");
}

#[test]
fn without_readable_baselines_nothing_is_measured() {
    let checkout = checkout();
    checkout.write(BASELINES, "# Baselines\n\n| System | Latency |\n|---|---|\n| Neo4j | 1ms |\n");
    let message = checkout.refuses(review(&checkout, "--runs 1"));
    assert!(message.contains("no table with the columns System and P99 Latency"), "{message}");
}

#[test]
fn a_lead_lost_since_the_last_review_is_exit_2() {
    let checkout = checkout();
    let last = "# Review\n\n- Server: stand-in\n\n| Scenario | Competitor | Speedup |\n|---|---|---|\n\
                | `neo4j_traversal_100k` | Neo4j | 105.1% faster |\n";
    checkout.write("docs/reference/competitive_review_2020Q4.md", last);
    let finished = reviewed(&checkout, "--runs 1 --report new.md");
    assert_eq!(finished.code, Some(2), "{finished:?}");
    let report = fs::read_to_string(checkout.path("new.md")).unwrap();
    let row = row(&report, "neo4j_traversal_100k");
    assert!(
        row.contains("| 105.1% faster |") && row.ends_with("| positioning degraded |"),
        "{row}"
    );
}

#[test]
fn a_review_of_another_server_is_not_compared_with() {
    let checkout = checkout();
    let last = "# Review\n\n- Server: Engram\n\n| Scenario | Competitor | Speedup |\n|---|---|---|\n\
                | `neo4j_traversal_100k` | Neo4j | 105.1% faster |\n";
    checkout.write("docs/reference/competitive_review_2020Q4.md", last);
    reviewed(&checkout, "--runs 1 --report new.md").succeeded();
    let report = fs::read_to_string(checkout.path("new.md")).unwrap();
    assert!(report.contains("another server than at the last review, Engram"), "{report}");
}

#[test]
fn figures_of_scenarios_that_a_review_leaves_out_are_not_overwritten() {
    let checkout = checkout();
    reviewed(&checkout, "--runs 1").succeeded();
    let whole = report(&checkout);
    let message = checkout.refuses(review(&checkout, "--runs 1 --scenario neo4j_traversal_100k"));
    assert!(message.contains("has what this review would not have"), "{message}");
    assert_eq!(report(&checkout), whole);
}

#[test]
fn a_file_that_is_no_review_is_not_overwritten() {
    let checkout = checkout();
    checkout.write("README.md", "# Mine\n");
    let message = checkout.refuses(review(&checkout, "--runs 1 --report README.md"));
    assert!(message.contains("README.md has what this review would not have"), "{message}");
}

#[test]
fn the_quarter_is_recorded_once_and_all_else_stays() {
    let checkout = checkout();
    let read = || fs::read_to_string(checkout.path(BASELINES)).unwrap();
    reviewed(&checkout, "--runs 1").succeeded();
    assert_eq!(read(), BASELINE_PAGE);
    reviewed(&checkout, "--runs 1 --record").succeeded();
    let recorded = read();
    let added: Vec<&str> =
        recorded.lines().filter(|line| !BASELINE_PAGE.lines().any(|old| old == *line)).collect();
    let mut left = recorded.clone();
    for line in recorded.lines().filter(|line| line.contains("| **-")) {
        left = left.replacen(&format!("{line}\n"), "", 1);
    }
    let new_table = "\n### Hybrid production workload (P99 latency)\n\n\
                     | Quarter | Competitor | Engram | Gap | Change | Notes |\n|---|---|---|---|---|---|\n";
    assert_eq!(left.replacen(new_table, "", 1), BASELINE_PAGE, "{recorded}");
    assert_eq!(added.iter().filter(|line| line.contains("10000-20000ms")).count(), 2, "{added:?}");

    let again = reviewed(&checkout, "--runs 1 --record").succeeded();
    assert!(again.errors.contains("not recorded again"), "{again:?}");
    assert_eq!(read(), recorded);
}

#[test]
fn the_same_command_on_the_same_day_measures_nothing_again() {
    let checkout = checkout();
    reviewed(&checkout, "--runs 1").succeeded();
    let before = runs(&checkout);
    let again = reviewed(&checkout, "--runs 1").succeeded();
    assert!(again.errors.contains("nothing is measured again"), "{again:?}");
    assert_eq!(runs(&checkout), before);
}

#[test]
fn other_binaries_are_another_review() {
    let checkout = checkout();
    reviewed(&checkout, "--runs 1").succeeded();
    checkout.script("engram", "exec \"$STAND_IN/engram\" \"$@\"");
    let again = reviewed(&checkout, "--runs 1").succeeded();
    assert!(!again.errors.contains("continuing"), "{again:?}");
    assert_eq!(runs(&checkout).len(), 4);
}

/// A step at which a review stands still.
struct Standstill {
    name: &'static str,
    words: &'static str,
    /// The runs that are finished then.
    finished: usize,
    /// Those that a script stands in for.
    programs: &'static [&'static str],
    /// What the script does at that step.
    does: &'static str,
    /// What the server's log says there; it makes a file `standing` otherwise.
    says: Option<&'static str>,
}

const ONE_SCENARIO: &str = "--runs 2 --scenario neo4j_traversal_100k";
const BOTH_SCENARIOS: &str = "--runs 1";
const STAND_STILL: &str =
    "touch \"$there/standing\"; until [ -e \"$there/go\" ]; do sleep 0.05; done";

#[rustfmt::skip]
const STANDSTILLS: [Standstill; 6] = [
    Standstill {
        name: "start", words: ONE_SCENARIO, finished: 1, programs: &["engram"],
        does: "touch \"$there/standing\"; exec sleep 1000", says: None,
    },
    Standstill {
        name: "ready", words: ONE_SCENARIO, finished: 1, programs: &["engram"],
        does: "export STAND_IN_NEVER_HEALTHY=1", says: Some("listening"),
    },
    Standstill {
        name: "load", words: ONE_SCENARIO, finished: 1, programs: &["loadtest"],
        does: "export STAND_IN_LOAD=hang", says: Some("/api/v1/"),
    },
    Standstill {
        name: "stop", words: ONE_SCENARIO, finished: 1, programs: &["engram"],
        does: "export STAND_IN_IGNORE_SIGTERM=1", says: Some("SIGTERM ignored"),
    },
    Standstill {
        name: "between two scenarios", words: BOTH_SCENARIOS, finished: 1, programs: &["setpriv"],
        does: STAND_STILL, says: None,
    },
    Standstill {
        name: "report", words: ONE_SCENARIO, finished: 2, programs: &["uname"],
        does: STAND_STILL, says: None,
    },
];

/// A review that stands still.
fn standing_still(checkout: &Checkout, at: &Standstill) -> Child {
    let there = checkout.path("");
    let path = std::env::var("PATH").unwrap();
    let script = |real: &str| {
        let (there, finished, does) = (there.display(), at.finished, at.does);
        format!(
            "#!/bin/sh\nPATH='{path}'\nthere='{there}'\n\
             finished=$(ls \"$there\"/tmp/competitive_review/*/*.json 2>/dev/null | wc -l)\n\
             if [ ! -e \"$there/go\" ] && [ \"$finished\" -eq {finished} ]; then {does}; fi\n\
             exec {real} \"$@\"\n"
        )
    };
    let search_path = tempfile::tempdir().unwrap();
    for name in at.programs {
        match *name {
            "engram" | "loadtest" => {
                let real = format!("'{}'", stand_in().join(name).display());
                program(&checkout.path("target/release").join(name), &script(&real));
            }
            _ => program(&search_path.path().join(name), &script(name)),
        }
    }
    let mut review = review(checkout, at.words);
    review.env("PATH", format!("{}:{path}", search_path.path().display()));
    let child = review.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until(at.name, || {
        let log = checkout.path("tmp/m17_performance/unsaved/server.log");
        let stands = match at.says {
            Some(says) => fs::read_to_string(log).is_ok_and(|log| log.contains(says)),
            None => checkout.path("standing").exists(),
        };
        stands && runs(checkout).len() == at.finished
    });
    child
}

#[test]
fn a_review_killed_at_any_step_leaves_nothing_running_and_continues() {
    for at in &STANDSTILLS {
        let checkout = checkout();
        let mut killed = standing_still(&checkout, at);
        killed.kill().unwrap();
        killed.wait().unwrap();
        checkout.write("go", "");
        wait_until("the end of all processes", || checkout.running().is_empty());
        let finished = runs(&checkout);
        assert_eq!(finished.len(), at.finished, "{}", at.name);
        assert_eq!(files(&checkout, "docs/reference", ".md").len(), 1, "{}", at.name);

        let again = reviewed(&checkout, at.words).succeeded();
        let continues = format!("continuing today's review: {} finished run", at.finished);
        assert!(again.errors.contains(&continues), "{}: {again:?}", at.name);
        let both = runs(&checkout);
        assert!(both.len() == 2 && both.starts_with(&finished), "{}: {both:?}", at.name);
        assert!(!checkout.path("tmp/m17_performance/unsaved").exists(), "{}", at.name);
    }
}

/// A run is saved with its result last, and a report after its chart.
#[test]
fn what_a_kill_leaves_of_a_save_or_a_report_is_replaced() {
    let checkout = checkout();
    reviewed(&checkout, ONE_SCENARIO).succeeded();
    let whole = runs(&checkout);
    fs::remove_file(&whole[1]).unwrap();
    let reports = files(&checkout, "docs/reference", ".md");
    let report = reports.iter().find(|path| **path != checkout.path(BASELINES)).unwrap();
    fs::remove_file(report).unwrap();

    let again = reviewed(&checkout, ONE_SCENARIO).succeeded();
    assert!(again.errors.contains("continuing today's review: 1 finished run"), "{again:?}");
    let both = runs(&checkout);
    assert!(both.len() == 2 && both[0] == whole[0], "{both:?}");
    let diagnoses = files(&checkout, "tmp/competitive_review", "_diag.txt");
    assert_eq!(diagnoses.len(), 2, "{diagnoses:?}");
    assert!(report.exists());
}

#[test]
fn a_failure_of_an_interrupted_review_is_still_told_when_it_continues() {
    let checkout = checkout();
    checkout.script(
        "engram",
        "[ -e go ] || export STAND_IN_EXIT_AT_START=7\nexec \"$STAND_IN/engram\" \"$@\"",
    );
    reviewed(&checkout, "--runs 1").refused();
    checkout.write("go", "");
    reviewed(&checkout, "--runs 1").succeeded();
    assert!(report(&checkout).contains("today, hybrid\\_production\\_100k: run 1 failed"));
    assert!(checkout.path(HYBRID).exists());
}

/// A run with this P99 in milliseconds, at the offered rate of 500 a second.
fn run_of(recording: &Recording) -> Recorded {
    let bytes = recording.text().into_bytes();
    let result = LoadResult::parse(&bytes).unwrap();
    Recorded { path: PathBuf::new(), result, provenance: recording.provenance(), bytes }
}

fn recording(p99_ms: f64) -> Recording {
    Recording::new().competitive().after().p99(p99_ms).throughput(499.5).with(|it| {
        it.host.state.swap_mib = Some(0);
        it.host.state.governor = Some("performance".to_owned());
        it.server.load_seconds = Some(60.0);
        it.noise.others_cpu_seconds = Some(1.2);
        it.noise.steal_share = Some(0.004);
    })
}

fn neo4j() -> Competitor {
    competitor("Neo4j", [27.96; 2], "280")
}

fn competitor(name: &str, p99_ms: [f64; 2], throughput: &str) -> Competitor {
    Competitor { name: name.to_owned(), p99_ms, throughput: throughput.to_owned(), line: 1 }
}

fn subject(p99s_ms: &[f64]) -> Subject {
    Subject {
        scenario: "traversal".to_owned(),
        nodes: Some(100_000),
        competitors: vec![Ok(neo4j())],
        runs: p99s_ms.iter().map(|p99_ms| run_of(&recording(*p99_ms))).collect(),
        failure: None,
    }
}

fn around() -> Around {
    Around {
        quarter: Quarter::parse("2025Q4").unwrap(),
        when: "2025-11-08, 20:20".to_owned(),
        commit: "8d01be4c0ffe".to_owned(),
        machine: "bench-box, AMD Ryzen 7 5800X, 16 cores, 31 GiB".to_owned(),
        processors: 2,
        load: "3 runs of 60 s each, a fresh server for each".to_owned(),
        last: None,
        chart: "competitive_review_2025Q4.svg".to_owned(),
        unmatched: vec!["Weaviate has no scenario".to_owned()],
        failures: vec!["hybrid_production_100k: run 1 failed: it crashed".to_owned()],
    }
}

/// A review of the quarter before, on another machine, with these leads in per cent by scenario and competitor.
fn last_review(speedups: &[(&str, &str, f64)]) -> LastReview {
    let speedups = speedups.iter().map(|(scenario, competitor, speedup)| {
        (((*scenario).to_owned(), (*competitor).to_owned()), *speedup)
    });
    LastReview {
        file: "competitive_review_2025Q3.md".to_owned(),
        speedups: speedups.collect(),
        circumstances: [("machine".to_owned(), "old-box, 4 cores".to_owned())].into(),
    }
}

fn judged(subject: Subject, last: Option<f64>) -> Review {
    let last = last.map(|speedup| last_review(&[("traversal", "Neo4j", speedup)]));
    judge::review(&[subject], Around { last, ..around() })
}

#[test]
fn the_standing_is_the_first_rule_that_holds() {
    use Standing::{Degraded, Maintained, Slower, StillBehind};
    for (p99_ms, last, standing, code) in [
        (10.2, None, Maintained, 0),
        (27.96, None, Maintained, 0),
        (27.97, None, Slower, 2),
        (29.0, Some(0.0), Slower, 2),
        (29.0, Some(-0.0), StillBehind, 0),
        (29.0, Some(-3.0), StillBehind, 0),
        (29.0, Some(1.2), Slower, 2),
        (31.0, Some(-5.0), Degraded, 2),
        // 63.5 % faster, as shown: exactly 5 points less is no loss.
        (10.2, Some(68.5), Maintained, 0),
        (10.2, Some(68.6), Degraded, 2),
        (10.2, Some(50.0), Maintained, 0),
    ] {
        let review = judged(subject(&[p99_ms]), last);
        assert_eq!(review.lines[0].standing, Ok(standing), "{p99_ms} {last:?}");
        assert_eq!(review.outcome().code(), code, "{p99_ms} {last:?}");
    }
}

#[test]
fn the_median_is_held_against_the_better_end_of_a_range() {
    let qdrant = Competitor { p99_ms: [22.0, 24.0], ..neo4j() };
    let of =
        |p99s_ms: &[f64]| Subject { competitors: vec![Ok(qdrant.clone())], ..subject(p99s_ms) };
    assert_eq!(judged(of(&[23.0]), None).lines[0].standing, Ok(Standing::Slower));
    let review = judged(of(&[11.0, 40.0, 10.0]), None);
    assert_eq!(review.lines[0].speedup, Some(50.0));
    let said = review.warnings.iter().any(|warning| warning.contains("noise decides who is ahead"));
    assert!(said, "{:?}", review.warnings);
}

/// Checks that nothing is said about the position of a scenario that was not measured as planned.
#[track_caller]
fn assert_unjudged(subject: Subject, why: &str) {
    let review = judged(subject, None);
    let standing = review.lines[0].standing.as_ref();
    assert!(standing.is_err_and(|said| said.contains(why)), "{standing:?}");
    assert_eq!(review.outcome().code(), 3);
}

#[test]
fn what_was_not_measured_is_not_judged() {
    let of = |run: Recording| Subject { runs: vec![run_of(&run)], ..subject(&[1.0]) };
    assert_unjudged(of(recording(0.0)), "its P99 is 0");
    assert_unjudged(of(recording(1.0).error_rate(0.5)), "50.0 % of the requests FAILED");
    let failed = Subject { failure: Some("it crashed".to_owned()), ..subject(&[1.0]) };
    assert_unjudged(failed, "it crashed");
    assert_unjudged(subject(&[]), "nothing was measured");
    let unreadable = vec![Err("line 3: no value".to_owned())];
    assert_unjudged(Subject { competitors: unreadable, ..subject(&[1.0]) }, "line 3");
    let mixed = recording(1.0).with(|it| it.load.scenario_hash = Some("another".to_owned()));
    let runs = vec![run_of(&recording(1.0)), run_of(&mixed)];
    assert_unjudged(Subject { runs, ..subject(&[1.0, 1.0]) }, "not comparable");
}

#[test]
fn each_check_fails_by_its_own_reason() {
    let with = |change: fn(&mut Provenance)| recording(1.0).with(change);
    for (number, run) in [
        (0, recording(1.06)),
        (1, with(|it| it.host.state.swap_mib = Some(3))),
        (2, with(|it| it.host.state.governor = Some("powersave".to_owned()))),
        (2, with(|it| it.host.state.power = Some("battery".to_owned()))),
        (3, with(|it| it.noise.others_cpu_seconds = Some(30.0))),
        (4, with(|it| it.noise.steal_share = Some(0.2))),
        (5, recording(1.0).error_rate(0.001)),
        (6, recording(1.0).throughput(400.0)),
    ] {
        let runs = vec![run_of(&recording(1.0)), run_of(&run)];
        let review = judged(Subject { runs, ..subject(&[1.0, 1.0]) }, None);
        let failed: Vec<usize> = (0..review.checks.len())
            .filter(|check| !matches!(review.checks[*check].found, Some((true, _))))
            .collect();
        assert_eq!(failed, [number], "{:?}", review.checks);
    }
}

#[test]
fn what_the_system_does_not_show_is_not_passed() {
    let run = Recording::new().competitive().after();
    let review = judged(Subject { runs: vec![run_of(&run)], ..subject(&[1.0]) }, None);
    let known: Vec<bool> = review.checks.iter().map(|check| check.found.is_some()).collect();
    assert_eq!(known[..5], [false; 5]);
}

/// Four scenarios: one is ahead, one close to its competitor, one was not measured, and one is of Neo4j again.
fn whole_review() -> Review {
    let named = |scenario: &str, competitor: Competitor, p99s_ms: &[f64]| Subject {
        scenario: scenario.to_owned(),
        competitors: vec![Ok(competitor)],
        ..subject(p99s_ms)
    };
    let missing =
        "this machine cannot hold it: it needs 64.4 GB of memory, and 22.7 GB are available";
    let subjects = vec![
        named("hybrid_production_100k", neo4j(), &[10.2, 10.1, 10.4]),
        Subject {
            failure: Some(missing.to_owned()),
            nodes: Some(10_000_000),
            ..named("milvus_ann_10m", competitor("Milvus", [708.0; 2], "2,098"), &[])
        },
        named("neo4j_traversal_100k", neo4j(), &[1.08, 1.02, 1.11]),
        named("qdrant_ann_1m_768d", competitor("Qdrant", [22.0, 24.0], "626"), &[19.4, 18.9, 23.1]),
    ];
    let last = last_review(&[
        ("neo4j_traversal_100k", "Neo4j", 95.9),
        ("qdrant_ann_1m_768d", "Qdrant", 17.3),
    ]);
    judge::review(&subjects, Around { last: Some(last), processors: 16, ..around() })
}

#[test]
fn the_whole_report() {
    assert_snapshot("review-report.md", &report_of::markdown(&whole_review()));
}

#[test]
fn the_chart_of_a_report() {
    assert_snapshot("review-chart.svg", &report_of::chart(&whole_review()));
}

#[test]
fn the_answer_in_the_terminal() {
    let review = whole_review();
    let summary = report_of::summary(&review, "docs/reference/competitive_review_2025Q4.md");
    assert!(summary.lines().all(|line| line.chars().count() <= 80), "{summary}");
    assert_snapshot("review-summary.txt", &summary);
}
