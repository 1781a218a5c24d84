//! Evidence that cannot lie: a result is held against its own provenance, its name, and all else that is known.

use std::fs;

use toml::{Table, Value};
use xtask::judge::comparison::Comparison;
use xtask::model::provenance::{
    BuildRecord, Git, Host, HostState, Load, Noise, Provenance, Run, ServerRun, SessionPlace,
};

use crate::common::Checkout;
use crate::common::recording::{Recording, diagnosis_file, result_file};

const BEFORE: &str = "007_before_20251108_140000";
const AFTER: &str = "007_after_20251108_144000";

fn before() -> Recording {
    Recording::new().p99(10.0).throughput(1000.0)
}

fn after() -> Recording {
    before().after().p99(10.2)
}

/// A change to the text of a file.
fn rewrite(checkout: &Checkout, file: &str, from: &str, to: &str) {
    let text = fs::read_to_string(checkout.path(file)).unwrap();
    assert!(text.contains(from), "{from} is not in\n{text}");
    checkout.write(file, text.replace(from, to));
}

/// Checks that there is no verdict, for this reason, with the file and the command that helps.
#[track_caller]
fn assert_refused(checkout: &Checkout, why: &str, file: &str, command: &str) {
    assert!(checkout.reasons().contains(why), "{}", checkout.reasons());
    let report = checkout.report_in_place();
    for part in [file, command] {
        assert!(report.contains(part), "no {part} in\n{report}");
    }
}

/// Of an after that is bad, and of a before that is bad in the same way.
#[track_caller]
fn assert_refused_on_either_side(bad: fn(Recording) -> Recording, why: &str) {
    let checkout = Checkout::of_two(before(), bad(after()));
    assert_refused(&checkout, why, AFTER, "cargo perf-check 007 after");
    let checkout = Checkout::of_two(bad(before()), after());
    assert_refused(&checkout, why, BEFORE, "cargo perf-check 007 before");
}

mod against_itself {
    use super::*;

    #[test]
    fn a_load_of_three_requests_in_no_time_is_not_passed_as_the_planned_minute() {
        assert_refused_on_either_side(
            |run| run.field("elapsed_seconds", 0.05).field("total_operations", 3),
            "its load lasted 0.05 s, of 60 s that were planned",
        );
    }

    #[test]
    fn a_load_longer_than_its_load_generator_ran_is_not_passed() {
        assert_refused_on_either_side(
            |run| run.with(|own| own.server.load_seconds = Some(50.0)),
            "its load generator ran for 50.00 s",
        );
    }

    #[test]
    fn one_operation_is_not_passed_as_a_thousand_a_second() {
        assert_refused_on_either_side(
            |run| run.field("total_operations", 1),
            "its throughput of 1000/s makes 60000 operations, and it has 1",
        );
    }

    #[test]
    fn half_of_the_promised_operations_are_enough_and_fewer_are_not() {
        let with =
            |count: u64| Checkout::of_two(before(), after().field("total_operations", count));
        assert_eq!(with(30_000).exit_code(), 0);
        assert_eq!(with(29_999).exit_code(), 3);
    }

    #[test]
    fn a_p99_below_that_of_an_operation_is_not_passed() {
        assert_refused_on_either_side(
            |run| run.operation("Store", 50.0).field("p99_latency_ms", 1.0),
            "its P99 of 1.000 ms is not the largest of its operations', 50.000 ms",
        );
    }

    #[test]
    fn a_p99_within_1_percent_of_the_largest_is_none_of_that() {
        let with = |p99: f64| Checkout::of_two(before(), after().field("p99_latency_ms", p99));
        assert_eq!(with(10.2 * 1.01).exit_code(), 0);
        assert_eq!(with(10.2 * 0.99).exit_code(), 0);
        assert_eq!(with(10.2 * 0.989).exit_code(), 3);
    }

    #[test]
    fn an_operation_that_after_lacks_is_not_passed() {
        let both = |run: Recording| run.operation("Recall", 10.0).operation("Store", 9.0);
        let checkout = Checkout::of_two(both(before()), after().operation("Recall", 10.2));
        let why = "no latency of `Store` was recorded, as it was before";
        assert_refused(&checkout, why, AFTER, "cargo perf-check 007 after");
    }

    #[test]
    fn an_operation_without_a_latency_after_is_not_passed() {
        let both = |run: Recording, store_ms: f64| {
            run.operation("Recall", 10.0).operation("Store", store_ms)
        };
        let checkout = Checkout::of_two(both(before(), 9.0), both(after().p99(10.0), 0.0));
        let why = "no latency of `Store` was recorded, as it was before";
        assert_refused(&checkout, why, AFTER, "cargo perf-check 007 after");
    }

    #[test]
    fn an_operation_of_few_requests_may_be_absent() {
        let few = |run: Recording| run.throughput(1.0).requests(198.0).elapsed(198.0);
        let both = |run: Recording| run.operation("Recall", 10.0).operation("Store", 9.0);
        let after = || few(after()).operation("Recall", 10.2);
        assert_eq!(Checkout::of_two(both(few(before())), after()).exit_code(), 0);
        let more = |run: Recording| few(run).requests(200.0);
        assert_eq!(Checkout::of_two(both(more(before())), after()).exit_code(), 3);
    }

    #[test]
    fn a_result_under_the_name_of_another_is_not_passed() {
        assert_refused_on_either_side(
            |run| run.with(|own| own.run.name = "007_after_20251107_120000".to_owned()),
            "its provenance is that of `007_after_20251107_120000`",
        );
    }

    #[test]
    fn before_and_after_that_changed_places_are_not_passed() {
        let slower = || after().p99(20.0);
        let checkout = Checkout::of_two(before(), slower());
        assert_eq!(checkout.exit_code(), 1);
        for file in [result_file, diagnosis_file] {
            let [one, other] = [BEFORE, AFTER].map(|name| checkout.path(&file(name)));
            let aside = checkout.path("aside");
            fs::rename(&one, &aside).unwrap();
            fs::rename(&other, &one).unwrap();
            fs::rename(&aside, &other).unwrap();
        }
        let why = "it was measured as after, and is used as before";
        assert_refused(&checkout, why, BEFORE, "cargo perf-check 007 before");
    }

    #[test]
    fn a_result_from_the_future_is_not_passed_and_can_be_taken_back() {
        let checkout = Checkout::of_two(before(), after());
        let future = "007_after_20991108_144000";
        checkout.record(future, after());
        let command = "cargo perf-compare 007 --take-back ";
        assert_refused(&checkout, "it is from the future", future, command);
    }

    #[test]
    fn a_result_of_the_old_scripts_from_the_future_is_not_passed() {
        let checkout = Checkout::of_two(before().by_old_script(), after().by_old_script());
        let future = "007_before_20991108_144000";
        checkout.record(future, before().by_old_script());
        let command = "cargo perf-compare 007 --take-back ";
        assert_refused(&checkout, "it is from the future", future, command);
    }

    #[test]
    fn one_source_of_two_servers_is_not_passed() {
        let of_source = |run: Recording| run.with(|own| own.build.content = Some("a".repeat(40)));
        let checkout = Checkout::of_two(of_source(before()), of_source(after()));
        let why = "before and after have one source and two servers";
        assert_refused(
            &checkout,
            why,
            AFTER,
            "cargo perf-check 007 before\n    cargo perf-check 007 after",
        );
    }

    #[test]
    fn a_hash_that_is_none_is_not_passed() {
        for key in ["engram_hash", "loadtest_hash", "scenario_hash"] {
            for bad in [String::new(), "abc".into(), "A".repeat(40), "g".repeat(40)] {
                for (side, other) in [(BEFORE, before()), (AFTER, after())] {
                    let checkout = Checkout::of_two(before(), after());
                    let own = other.provenance().unwrap();
                    let hash = match key {
                        "engram_hash" => own.build.engram_hash,
                        "loadtest_hash" => own.build.loadtest_hash,
                        _ => own.load.scenario_hash,
                    };
                    let key_of = |value: &str| format!("{key} = \"{value}\"");
                    rewrite(
                        &checkout,
                        &diagnosis_file(side),
                        &key_of(&hash.unwrap()),
                        &key_of(&bad),
                    );
                    let reasons = checkout.reasons();
                    assert!(reasons.contains(&format!("`{key}` is no hash")), "{reasons}");
                }
            }
        }
    }

    #[test]
    fn a_start_that_its_name_contradicts_is_not_passed() {
        assert_refused_on_either_side(
            |run| run.with(|own| own.run.started = "2025-11-08T10:00:00+01:00".to_owned()),
            "it was started at 2025-11-08T10:00:00+01:00, and its name says otherwise",
        );
    }

    #[test]
    fn a_place_that_no_group_has_is_not_passed() {
        assert_refused_on_either_side(
            |run| run.with(|own| own.run.index = 2),
            "it cannot be run 2 of 1 in group",
        );
    }
}

mod against_all_other_evidence {
    use super::*;

    fn risen(p50: f64, p95: f64) -> Checkout {
        let side = |run: Recording, p50: f64, p95: f64| {
            run.p99(100.0).field("p50_latency_ms", p50).field("p95_latency_ms", p95)
        };
        Checkout::of_two(side(before(), 10.0, 20.0), side(after(), 10.0 * p50, 20.0 * p95))
    }

    #[test]
    fn a_pass_by_one_noisy_before_is_not_passed() {
        let why = "P99 is within its limit, against all other evidence: P50 +115.0%, P95 +84.0%";
        assert_refused(&risen(2.15, 1.84), why, AFTER, "perf-confirm 007");
    }

    #[test]
    fn only_both_of_them_beyond_four_thresholds_outweigh_a_p99() {
        for (p50, p95, code) in [(1.2, 1.9, 0), (1.9, 1.2, 0), (1.201, 1.201, 3)] {
            assert_eq!(risen(p50, p95).exit_code(), code, "{p50} {p95}");
        }
    }

    #[test]
    fn in_competitive_mode_four_thresholds_are_40_percent() {
        let side = |run: Recording, rise: f64| {
            let run = run.field("p50_latency_ms", 1.0 * rise).field("p95_latency_ms", 2.0 * rise);
            run.competitive()
        };
        for (rise, code) in [(1.4, 0), (1.41, 3)] {
            let checkout = Checkout::of_two_competitive(side(before(), 1.0), side(after(), rise));
            assert_eq!(checkout.exit_code(), code, "{rise}");
        }
    }

    #[test]
    fn what_rose_beyond_its_limit_unjudged_is_named_where_the_verdict_is_clean() {
        let cpu = |run: Recording, us: f64| {
            run.with(move |own| own.noise.server_cpu_us_per_operation = Some(us))
        };
        let side = |run: Recording, store_ms: f64| {
            run.p99(100.0).operation("Recall", 100.0).operation("Store", store_ms)
        };
        let before = cpu(side(before(), 10.0), 100.0).field("p50_latency_ms", 10.0);
        let after = cpu(side(after(), 15.8), 186.0).field("p50_latency_ms", 21.5);
        let checkout = Checkout::of_two(before, after);
        assert_eq!(checkout.exit_code(), 0);
        let warnings = checkout.comparison().warnings.concat();
        for named in ["P50 +115.0%", "CPU per operation +86.0%", "P99 of `Store` +58.0%"] {
            assert!(warnings.contains(named), "{warnings}");
        }
        assert!(!warnings.contains("P95") && !warnings.contains("Recall"), "{warnings}");
    }

    #[test]
    fn a_rise_of_twice_the_threshold_is_not_named() {
        let side = |run: Recording, p50: f64| run.p99(10.0).field("p50_latency_ms", p50);
        let checkout = Checkout::of_two(side(before(), 1.0), side(after(), 1.1));
        assert_eq!(checkout.comparison().warnings, [""; 0]);
    }

    #[test]
    fn binaries_of_unknown_source_do_not_pass_without_a_word() {
        for (not_built, other) in [(before().not_built(), after()), (before(), after().not_built())]
        {
            let checkout = Checkout::of_two(not_built, other);
            let warnings = checkout.comparison().warnings.concat();
            assert!(warnings.contains("binaries of unknown source (--no-build)"), "{warnings}");
        }
    }
}

mod in_the_order_of_time {
    use super::*;

    /// A run whose clock has this offset in hours from UTC, recorded under the time that the clock showed.
    fn at(checkout: &Checkout, name: &str, offset_hours: i64, recording: Recording) {
        let moment = xtask::model::names::RunName::parse(name).unwrap().timestamp.moment();
        let (date, (hour, minute, second)) = (moment.date(), moment.as_hms());
        let started = format!("{date}T{hour:02}:{minute:02}:{second:02}{offset_hours:+03}:00");
        checkout.record(name, recording.with(move |own| own.run.started.clone_from(&started)));
    }

    #[test]
    fn a_container_in_utc_beside_a_host_ahead_of_it_does_not_hide_the_newest_regression() {
        let checkout = Checkout::to_compare();
        checkout.record(BEFORE, before());
        at(&checkout, "007_after_20251108_160000", 2, after());
        at(&checkout, "007_after_20251108_143000", 0, after().p99(20.0));
        assert_eq!(checkout.exit_code(), 1);
        at(&checkout, "007_after_20251108_165000", 2, after());
        assert_eq!(checkout.exit_code(), 0);
    }

    #[test]
    fn the_farthest_clocks_do_not_hide_it_either() {
        let checkout = Checkout::to_compare();
        checkout.record(BEFORE, before());
        at(&checkout, "007_after_20251110_020000", 14, after());
        at(&checkout, "007_after_20251109_000001", -12, after().p99(20.0));
        assert_eq!(checkout.exit_code(), 1);
    }

    #[test]
    fn where_one_has_no_moment_the_names_decide() {
        let checkout = Checkout::to_compare();
        checkout.record(BEFORE, before());
        at(&checkout, "007_after_20251108_160000", 2, after());
        checkout.record("007_after_20251108_153000", after().p99(20.0).by_old_script());
        assert_eq!(checkout.exit_code(), 0);
        checkout.record("007_after_20251108_163000", after().p99(20.0).by_old_script());
        assert_eq!(checkout.exit_code(), 1);
    }

    #[test]
    fn the_provenance_of_an_older_run_does_not_hide_a_newer_one() {
        let checkout = Checkout::of_two(before(), after().p99(20.0));
        checkout.record("007_after_20251108_143000", after());
        checkout.record("007_after_20251108_130000", after());
        let older = checkout.read("007_after_20251108_130000_diag.txt");
        checkout.write(&diagnosis_file(AFTER), older);
        let why = "its provenance is that of `007_after_20251108_130000`";
        assert_refused(&checkout, why, AFTER, "cargo perf-check 007 after");
    }

    #[test]
    fn a_server_that_logs_what_looks_like_a_session_does_not_hide_its_run() {
        let checkout = Checkout::of_two(before(), after());
        let logged = after().p99(20.0).with(|own| own.log_tail = "a\n[session]\nb".to_owned());
        checkout.record("007_after_20251108_150000", logged);
        assert_eq!(checkout.exit_code(), 1);
    }

    #[test]
    fn a_group_that_is_the_newest_by_its_moments_is_taken_whole() {
        let checkout = Checkout::to_compare();
        checkout.record(BEFORE, before());
        at(&checkout, "007_after_20251108_160000", 2, after());
        let first = "007_after_20251108_143000";
        for (index, name) in (1..).zip([first, "007_after_20251108_143100"]) {
            at(&checkout, name, 0, after().p99(20.0).in_group(first, index, 2));
        }
        let comparison = checkout.comparison();
        assert_eq!(comparison.after.unwrap().files.len(), 2);
    }

    #[test]
    fn a_before_with_the_change_in_place_is_not_passed_without_a_word() {
        let of = |run: Recording, source: &str| {
            let source = source.repeat(40);
            run.of_server(&source).with(move |own| own.build.content = Some(source.clone()))
        };
        let checkout = Checkout::to_compare();
        checkout.record(BEFORE, of(before(), "a"));
        checkout.record(AFTER, of(after(), "b"));
        assert_eq!(checkout.comparison().warnings, [""; 0]);
        checkout.record("007_before_20251108_150000", of(before(), "b"));
        let report = checkout.report_in_place();
        for part in ["was the change in place?", "cargo perf-compare 007 --take-back before\n"] {
            assert!(report.contains(part), "no {part} in\n{report}");
        }
        assert!(!report.contains("cargo perf-check 007 after"), "{report}");
    }
}

/// Every fact that is recorded is compared with something, or a row says why it is not.
mod every_recorded_fact {
    use super::*;
    use Noticed::{Not, Refused, Warned};
    use std::collections::{BTreeMap, BTreeSet};

    /// What becomes of one changed fact.
    #[derive(Debug, Clone, Copy)]
    enum Noticed {
        /// No verdict.
        Refused,
        /// A verdict with one more warning.
        Warned,
        /// A verdict without a word, for this reason.
        Not(&'static str),
    }

    const IS_SAID: &str = "the report says it in the line of the side";
    const IS_THE_CHANGE: &str = "that it differs between before and after is what is judged";
    const IS_MEASURED: &str = "it was measured, and says nothing against the result";
    const IS_WARNED_OF: &str = "a run that it weakens is recorded with a warning, which is shown";
    const OF_A_WHOLE_RUN: &str = "a run that did not end as it should is not recorded";

    /// Of each section the keys, in the order in which they are declared.
    const FACTS: [(&str, &[(&str, Noticed)]); 9] = [
        (
            "",
            &[("warnings", Warned), ("environment", Warned), ("server_log_tail", Not(IS_MEASURED))],
        ),
        (
            "run",
            &[
                ("name", Refused),
                ("started", Refused),
                ("group", Refused),
                ("index", Refused),
                ("of", Warned),
            ],
        ),
        (
            "session",
            &[
                ("id", Refused),
                ("pair", Refused),
                ("order", Refused),
                ("how", Refused),
                ("port", Refused),
                ("load_offset_ms", Refused),
            ],
        ),
        (
            "load",
            &[
                ("scenario", Refused),
                ("scenario_hash", Refused),
                ("duration_seconds", Refused),
                ("seed", Refused),
                ("rate", Refused),
            ],
        ),
        (
            "build",
            &[
                ("profile", Refused),
                ("by_this_run", Warned),
                ("engram_hash", Not(IS_THE_CHANGE)),
                ("loadtest_hash", Warned),
                ("content", Not(IS_THE_CHANGE)),
                ("inputs", Not(IS_THE_CHANGE)),
                ("ignored_inputs", Not(IS_THE_CHANGE)),
                ("settings", Refused),
                ("rustc", Warned),
                ("stand_in", Refused),
            ],
        ),
        (
            "git",
            &[
                ("commit", Not(IS_THE_CHANGE)),
                ("branch", Not(IS_THE_CHANGE)),
                ("dirty", Not(IS_SAID)),
            ],
        ),
        (
            "host",
            &[
                ("name", Warned),
                ("system", Warned),
                ("cpu", Warned),
                ("cores", Warned),
                ("memory_mib", Warned),
                ("governor", Warned),
                ("swap_mib", Not(IS_WARNED_OF)),
                ("power", Warned),
            ],
        ),
        (
            "server",
            &[
                ("ready_seconds", Not(IS_MEASURED)),
                ("load_seconds", Refused),
                ("stop_seconds", Not(IS_MEASURED)),
                ("server_end", Not(OF_A_WHOLE_RUN)),
                ("load_generator_end", Not(OF_A_WHOLE_RUN)),
                ("memory_kib", Not(IS_MEASURED)),
                ("peak_memory_kib", Not(IS_MEASURED)),
                ("slowed_down_percent", Refused),
            ],
        ),
        (
            "noise",
            &[
                ("steal_share", Not(IS_MEASURED)),
                ("busy_share", Not(IS_MEASURED)),
                ("cpu_pressure_seconds", Not(IS_MEASURED)),
                ("others_cpu_seconds", Not(IS_MEASURED)),
                ("tool_cpu_seconds", Not(IS_MEASURED)),
                ("server_cpu_seconds", Not(IS_MEASURED)),
                ("server_cpu_us_per_operation", Warned),
            ],
        ),
    ];

    /// The keys that the tool records.
    fn recorded_keys() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
        let sections: [(&str, &[&[&str]]); 9] = [
            ("", &[Provenance::KEYS]),
            ("run", &[Run::KEYS]),
            ("session", &[SessionPlace::KEYS]),
            ("load", &[Load::KEYS]),
            ("build", &[BuildRecord::KEYS]),
            ("git", &[Git::KEYS]),
            ("host", &[Host::KEYS, HostState::KEYS]),
            ("server", &[ServerRun::KEYS]),
            ("noise", &[Noise::KEYS]),
        ];
        let names = sections.map(|(name, _)| name);
        let keys = |own: &[&[&'static str]]| {
            let keys = own.iter().flat_map(|keys| keys.iter().copied());
            keys.filter(|key| !names.contains(key)).collect()
        };
        sections.iter().map(|(name, own)| (*name, keys(own))).collect()
    }

    #[test]
    fn has_a_row() {
        let rows = FACTS.map(|(section, rows)| (section, rows.iter().map(|row| row.0).collect()));
        assert_eq!(recorded_keys(), BTreeMap::from(rows));
    }

    /// With every fact that there is, but for those of a session.
    fn full(run: Recording, content: &str) -> Recording {
        let content = content.repeat(40);
        run.with(move |own| {
            own.build.content = Some(content.clone());
            own.build.inputs = Some(content.clone());
            own.build.ignored_inputs = Some(vec![".env".to_owned()]);
            own.build.settings = Some(BTreeMap::from([("opt_level".to_owned(), "3".to_owned())]));
            own.build.rustc = Some("rustc 1.91.0".to_owned());
            own.git.as_mut().unwrap().branch = Some("main".to_owned());
            own.host = Host {
                name: Some("box".to_owned()),
                system: Some("Linux 6 x86_64".to_owned()),
                cpu: Some("a CPU".to_owned()),
                cores: Some(2),
                memory_mib: Some(7937),
                state: HostState {
                    governor: Some("performance".to_owned()),
                    swap_mib: Some(3),
                    power: Some("mains".to_owned()),
                },
            };
            own.server = ServerRun {
                ready_seconds: Some(1.5),
                load_seconds: Some(60.5),
                stop_seconds: Some(0.5),
                server_end: Some("exit code 0".to_owned()),
                load_generator_end: Some("exit code 0".to_owned()),
                memory_kib: Some(100_000),
                peak_memory_kib: Some(123_456),
                slowed_down_percent: None,
            };
            own.noise = Noise {
                steal_share: Some(0.125),
                busy_share: Some(0.5),
                cpu_pressure_seconds: Some(0.5),
                others_cpu_seconds: Some(0.5),
                tool_cpu_seconds: Some(0.5),
                server_cpu_seconds: Some(12.5),
                server_cpu_us_per_operation: Some(208.5),
            };
            own.environment = Some(BTreeMap::from([("RUST_LOG".to_owned(), "info".to_owned())]));
            own.log_tail = "done".to_owned();
        })
    }

    fn both() -> [(&'static str, Recording); 2] {
        [(BEFORE, full(before(), "a")), (AFTER, full(after(), "b"))]
    }

    /// Another value of the same kind; a load generator that ran for half of the time.
    fn another(value: &Value) -> Value {
        match value {
            Value::String(text) if text.len() == 40 => "f".repeat(40).into(),
            Value::String(text) if text.starts_with("2025-") => "2025-11-08T12:00:00Z".into(),
            Value::String(text) => format!("{text}x").into(),
            Value::Boolean(flag) => (!flag).into(),
            Value::Integer(number) => (number * 2 + 1).into(),
            Value::Float(number) if *number == 60.5 => 30.5.into(),
            Value::Float(number) => (number * 2.0).into(),
            Value::Array(_) => vec!["one more"].into(),
            Value::Table(_) => Table::from_iter([("RUST_LOG".to_owned(), "debug".into())]).into(),
            other @ Value::Datetime(_) => panic!("{other}"),
        }
    }

    fn change(own: &mut Table, section: &str, key: &str) {
        if section == "session" {
            let place = SessionPlace {
                id: "x".into(),
                pair: 1,
                order: "before-first".into(),
                ..SessionPlace::default()
            };
            let text = Provenance { session: Some(place), ..Provenance::default() }.to_text();
            let with: Table = text.parse().unwrap();
            own.insert(section.to_owned(), with[section].clone());
            return;
        }
        let table = match section {
            "" => own,
            section => own[section].as_table_mut().unwrap(),
        };
        if key == "slowed_down_percent" {
            table.insert(key.to_owned(), 25.0.into());
            return;
        }
        let known = table.get(key).unwrap_or_else(|| panic!("{section} {key} is not recorded"));
        let changed = another(known);
        table.insert(key.to_owned(), changed);
    }

    fn compared(changed: Option<(&str, &str, &str)>) -> Comparison {
        let checkout = Checkout::to_compare();
        for (name, recording) in both() {
            checkout.record(name, recording);
        }
        if let Some((name, section, key)) = changed {
            let file = diagnosis_file(name);
            let text = fs::read_to_string(checkout.path(&file)).unwrap();
            let mut own: Table = text.parse().unwrap();
            change(&mut own, section, key);
            let (first, last) = (text.lines().next().unwrap(), text.lines().last().unwrap());
            checkout.write(&file, format!("{first}\n\n{own}\n{last}\n"));
        }
        checkout.comparison()
    }

    #[test]
    fn that_differs_is_refused_or_warned_of_or_has_a_reason_why_not() {
        let usual = compared(None);
        let code = |comparison: &Comparison| {
            xtask::judge::comparison::outcome(std::slice::from_ref(comparison)).code()
        };
        assert_eq!((code(&usual), usual.warnings.len()), (0, 0), "{:?}", usual.warnings);
        for (section, rows) in FACTS {
            for (key, wanted) in rows {
                for side in [BEFORE, AFTER] {
                    // A rise is told, and a fall of before is one.
                    if (*key, side) == ("server_cpu_us_per_operation", BEFORE) {
                        continue;
                    }
                    let found = compared(Some((side, section, key)));
                    let seen = (code(&found), found.warnings.len());
                    let is_as_wanted = match wanted {
                        Refused => seen.0 == 3,
                        Warned => seen.0 == 0 && seen.1 > 0,
                        Not(reason) => seen == (0, 0) && !reason.is_empty(),
                    };
                    let warnings = &found.warnings;
                    assert!(
                        is_as_wanted,
                        "{side} {section}.{key}: {wanted:?}, {seen:?} {warnings:?}"
                    );
                }
            }
        }
    }
}
