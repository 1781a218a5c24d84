//! The files that a measurement leaves, and its messages.

use std::fs;
use std::time::{Duration, SystemTime};

use time::{OffsetDateTime, PrimitiveDateTime};
use toml::{Table, Value};
use xtask::model::names::RunName;
use xtask::model::provenance::Provenance;

use crate::common::{Checkout, finish, git, replacing_after_hashing};

#[test]
fn a_measurement_is_saved_under_the_names_of_the_specification() {
    let checkout = Checkout::new();
    checkout.measures(checkout.check("007 before"));
    let recorded = checkout.recorded();
    let stem = recorded[0].strip_suffix(".json").unwrap();
    assert!(RunName::parse(stem).is_some(), "{stem}");
    let suffixes: Vec<&str> =
        recorded.iter().map(|name| name.strip_prefix(stem).unwrap()).collect();
    assert_eq!(suffixes, [".json", "_diag.txt", "_loadtest.log", "_sys.txt"]);
}

#[test]
fn the_time_in_a_name_is_local_time() {
    let checkout = Checkout::new();
    let fourteen_hours_ahead = || {
        let now = OffsetDateTime::now_utc() + time::Duration::hours(14);
        PrimitiveDateTime::new(now.date(), now.time())
    };
    let began = fourteen_hours_ahead();
    let mut check = checkout.check("007 before");
    check.env("TZ", "AHEAD-14");
    checkout.measures(check);
    let name = checkout.results()[0].replace(".json", "");
    let named = RunName::parse(&name).unwrap().timestamp.moment();
    // A name has no fractions of a second.
    assert!(began - time::Duration::SECOND < named && named <= fourteen_hours_ahead(), "{name}");
}

#[test]
fn the_saved_json_is_the_load_generators_own_byte_for_byte() {
    const ODD: &str = r#"  {"a key of its own": [1e0],
"per_operation_stats":{ }, "config_name" : "M17 Baseline", "elapsed_seconds": 1.000, "total_operations": 100,
"total_errors": 0, "overall_throughput": 100.00, "overall_error_rate": 0, "p50_latency_ms": 0.10,
"p95_latency_ms": 2.0e-1, "p99_latency_ms": 0.3}

"#;
    let checkout = Checkout::new();
    checkout.script(
        "loadtest",
        &format!(
            "while [ \"$1\" != --output ]; do shift; done\ncat > \"$2\" <<'END'\n{ODD}END\nexit 0"
        ),
    );
    checkout.measures(checkout.check("007 before"));
    assert_eq!(checkout.only(".json"), ODD);
}

#[test]
fn memory_and_cpu_begin_with_what_ps_would_print_and_go_on_with_the_samples() {
    let checkout = Checkout::new();
    checkout.measures(checkout.check("007 before"));
    let text = checkout.only("_sys.txt");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("  RSS    VSZ %CPU %MEM"));
    let [rss, vsz, cpu, memory] = numbers(lines.next().unwrap())[..] else {
        panic!("{text}");
    };
    assert!(rss > 0.0 && vsz >= rss && cpu >= 0.0 && (0.0..=100.0).contains(&memory), "{text}");
    let samples = lines.filter(|line| numbers(line).len() == 4).count();
    assert!(samples > 0, "{text}");
}

fn numbers(line: &str) -> Vec<f64> {
    line.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn the_log_of_the_load_generator_is_saved_and_shows_the_internal_seed() {
    let checkout = Checkout::new();
    checkout.measures(checkout.check("007 before"));
    let log = checkout.only("_loadtest.log");
    assert!(log.contains("(seed: 3735928559)"), "{log}");
}

#[test]
fn the_provenance_says_what_was_measured() {
    let checkout = Checkout::new();
    checkout.commit();
    checkout.measures(checkout.check("007 before"));
    let table: Table = checkout.only("_diag.txt").parse().unwrap();
    let name = checkout.results()[0].replace(".json", "");
    let hash = |file: &str| git(&checkout.path("."), &["hash-object", "--no-filters", file]);
    let expected = [
        ("run.name", Value::from(name.clone())),
        ("run.group", Value::from(name)),
        ("run.index", Value::from(1)),
        ("run.of", Value::from(1)),
        ("load.scenario", Value::from("scenarios/m17_baseline.toml")),
        ("load.scenario_hash", Value::from(hash("scenarios/m17_baseline.toml"))),
        ("load.duration_seconds", Value::from(1)),
        ("load.seed", Value::from(3_735_928_559_i64)),
        ("load.rate", Value::from(25)),
        ("build.profile", Value::from("release")),
        ("build.by_this_run", Value::from(false)),
        ("build.engram_hash", Value::from(hash("target/release/engram"))),
        ("build.loadtest_hash", Value::from(hash("target/release/loadtest"))),
        ("build.stand_in", Value::from(true)),
        ("git.commit", Value::from(git(&checkout.path("."), &["rev-parse", "HEAD"]))),
        ("git.branch", Value::from("main")),
        ("git.dirty", Value::from(false)),
        ("server.server_end", Value::from("exit code 0")),
        ("server.load_generator_end", Value::from("exit code 0")),
    ];
    for (path, value) in expected {
        assert_eq!(found(&table, path), Some(&value), "{path} in {table}");
    }
}

#[test]
fn the_provenance_says_on_what_machine_and_how_it_went() {
    let checkout = Checkout::new();
    checkout.measures(checkout.check("007 before"));
    let table: Table = checkout.only("_diag.txt").parse().unwrap();
    let mut wanted = vec![
        "run.started",
        "build.rustc",
        "host.system",
        "host.cores",
        "host.memory_mib",
        "server.ready_seconds",
        "server.load_seconds",
        "server.stop_seconds",
        "server.peak_memory_kib",
        "warnings",
        "server_log_tail",
    ];
    if cfg!(target_os = "linux") {
        wanted.extend([
            "noise.steal_share",
            "noise.others_cpu_seconds",
            "noise.server_cpu_us_per_operation",
        ]);
    }
    for path in wanted {
        assert!(found(&table, path).is_some(), "no {path} in {table}");
    }
}

fn found<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    let (keys, last) = path.rsplit_once('.').map_or(("", path), |split| split);
    let mut table = table;
    for key in keys.split('.').filter(|key| !key.is_empty()) {
        table = table.get(key)?.as_table()?;
    }
    table.get(last)
}

#[test]
fn the_end_of_the_servers_log_is_in_the_provenance() {
    let checkout = Checkout::new();
    checkout.measures(checkout.check("007 before"));
    let tail = checkout.provenance().log_tail;
    assert!(tail.ends_with("INFO stopped"), "{tail}");
}

#[test]
fn uncommitted_changes_are_recorded_as_dirty() {
    let checkout = Checkout::new();
    checkout.commit();
    checkout.write("new", "");
    checkout.measures(checkout.check("007 before"));
    assert!(checkout.provenance().git.unwrap().dirty);
}

#[test]
fn what_binaries_that_lay_there_were_built_from_is_unknown() {
    let checkout = Checkout::new();
    checkout.commit();
    let finished = checkout.measures(checkout.check("007 before"));
    assert_eq!(checkout.provenance().build.content, None);
    assert!(finished.errors.contains("source hash unknown"), "{}", finished.errors);
}

#[test]
fn what_weakens_a_measurement_is_shown_and_recorded() {
    let checkout = Checkout::new();
    let mut check = checkout.check("007 before");
    // A request every 10 ms is offered.
    check.env("STAND_IN_WAIT_US", "50000");
    let finished = checkout.measures(check);
    let warning = "the offered load was not reached";
    assert!(finished.errors.contains(warning), "{}", finished.errors);
    let recorded = checkout.provenance().warnings;
    assert!(recorded.iter().any(|known| known.contains(warning)), "{recorded:?}");
}

#[test]
fn variables_that_change_what_the_server_does_are_recorded() {
    let checkout = Checkout::new();
    let mut check = checkout.check("007 before");
    let variables = [("STAND_IN_WAIT_US", "10"), ("TOKIO_WORKER_THREADS", "1")];
    check.envs(variables).env("HIDDEN", "a secret");
    checkout.measures(check);
    let recorded = checkout.provenance().environment.unwrap();
    for (name, value) in variables {
        assert_eq!(recorded[name], value);
    }
    assert!(!recorded.contains_key("HIDDEN"));
}

#[test]
fn a_configuration_of_the_server_that_no_build_reads_is_recorded_by_its_hash() {
    let checkout = Checkout::new();
    checkout.write("home/engram/config.toml", "[persistence]\n");
    let mut check = checkout.check("007 before");
    check.env("XDG_CONFIG_HOME", checkout.path("home"));
    checkout.measures(check);
    let recorded = checkout.provenance().environment.unwrap();
    let hash = xtask::measure::content::of_text("[persistence]\n").unwrap();
    assert_eq!(recorded["engram/config.toml"], hash);
}

#[test]
fn several_runs_are_one_group_with_a_set_of_files_each() {
    let checkout = Checkout::new();
    checkout.measures(checkout.check("007 before --runs 2"));
    assert_eq!(checkout.recorded().len(), 8, "{:?}", checkout.recorded());
    let results = checkout.results();
    let places: Vec<(String, String, u32, u32)> = results
        .iter()
        .map(|result| {
            let diagnosis = checkout.read(&result.replace(".json", "_diag.txt"));
            let run = Provenance::parse(&diagnosis).unwrap().unwrap().run;
            (run.name, run.group, run.index, run.of)
        })
        .collect();
    let [first, second] = [&results[0], &results[1]].map(|name| name.replace(".json", ""));
    assert_eq!(places, [(first.clone(), first.clone(), 1, 2), (second, first, 2, 2)]);
}

#[test]
fn the_runs_before_one_that_fails_stay_saved() {
    let checkout = Checkout::new();
    checkout.script(
        "engram",
        "[ -e tmp/once ] && exit 9\ntouch tmp/once\nexec \"$STAND_IN/engram\" \"$@\"",
    );
    let message = finish(checkout.check("007 before --runs 2")).refused();
    assert!(message.contains("1 of 2 runs are saved"), "{message}");
    assert_eq!(checkout.results().len(), 1);
    checkout.assert_nothing_runs();
}

#[test]
fn a_competitive_run_has_its_own_prefix_scenario_and_seed() {
    let checkout = Checkout::new();
    checkout.measures(checkout.check("007 after --competitive"));
    let result = &checkout.results()[0];
    assert!(result.starts_with("competitive_007_after_"), "{result}");
    let load = checkout.provenance().load;
    assert_eq!(
        (load.scenario.as_str(), load.seed),
        ("scenarios/competitive/hybrid_production_100k.toml", 2_882_400_044)
    );
    let log = checkout.only("_loadtest.log");
    assert!(log.contains("(seed: 2882400044)"), "{log}");
}

#[test]
fn the_summary_has_the_numbers_and_the_next_command() {
    let checkout = Checkout::new();
    let output = checkout.measures(checkout.check("007 before")).output;
    for part in [
        "P50 ms",
        "P95 ms",
        "P99 ms",
        "throughput",
        "errors",
        "peak memory",
        "P99 by operation",
        "Store",
        "Recall",
        "cargo perf-check 007 after --duration 1",
    ] {
        assert!(output.contains(part), "{part} in {output}");
    }
}

#[test]
fn the_next_command_measures_with_the_same_limits() {
    let checkout = Checkout::new();
    let limits = "--ready-timeout 121 --load-grace 61 --stop-grace 11";
    let check = checkout.check(&format!("007 before {limits}"));
    let output = checkout.measures(check).output;
    assert!(output.contains(limits), "{output}");
}

#[test]
fn the_next_command_after_the_after_side_compares() {
    let checkout = Checkout::new();
    let output = checkout.measures(checkout.check("007 after")).output;
    assert!(output.contains("cargo perf-compare 007\n"), "{output}");
}

#[test]
fn it_says_plainly_that_the_stand_in_was_measured() {
    let checkout = Checkout::new();
    let output = checkout.measures(checkout.check("007 before")).output;
    assert!(output.contains("measured on the stand-in, not the real Engram"), "{output}");
}

#[test]
fn both_measured_binaries_are_kept_under_the_target_directory() {
    let checkout = Checkout::new();
    checkout.measures(checkout.check("007 before"));
    let pairs = kept(&checkout);
    assert_eq!(pairs.len(), 1, "{pairs:?}");
    for name in ["engram", "loadtest"] {
        let kept = checkout.path("target/perf").join(&pairs[0]).join(name);
        let measured = checkout.path("target/release").join(name);
        assert!(fs::read(kept).unwrap() == fs::read(measured).unwrap(), "{name}");
    }
}

#[test]
fn a_kept_binary_that_was_spoilt_is_replaced() {
    let checkout = Checkout::new();
    checkout.measures(checkout.check("007 before"));
    let pair = checkout.path("target/perf").join(&kept(&checkout)[0]);
    fs::write(pair.join("engram"), "").unwrap();
    checkout.measures(checkout.check("007 before"));
    let measured = checkout.path("target/release/engram");
    assert!(fs::read(pair.join("engram")).unwrap() == fs::read(measured).unwrap());
    assert_eq!(kept(&checkout).len(), 1);
}

#[test]
fn a_binary_that_is_replaced_while_it_is_kept_is_recorded_as_the_one_that_was_measured() {
    let checkout = Checkout::new();
    let programs = replacing_after_hashing(&checkout.path("target/release/engram"));
    let mut check = checkout.check("007 before");
    check.env("PATH", programs.path());
    checkout.measures(check);
    let kept = checkout.path("target/perf").join(&kept(&checkout)[0]);
    assert_eq!(
        checkout.provenance().build.engram_hash,
        Some(git(&kept, &["hash-object", "--no-filters", "engram"]))
    );
}

#[test]
fn the_newest_ten_pairs_of_binaries_are_kept_and_no_folder_of_anybody_else_is_removed() {
    let checkout = Checkout::new();
    let age = |minutes: u64| SystemTime::now() - Duration::from_secs(60 * minutes);
    let pair = |minutes: u64| format!("{minutes:016x}-{minutes:016x}");
    let others = ["notes", "partial", "0123456789abcdef-0123456789abcdeg"];
    let folders = (1..=12).map(|minutes| (pair(minutes), minutes));
    for (name, minutes) in folders.chain(others.map(|name| (name.to_owned(), 60))) {
        let folder = checkout.path(&format!("target/perf/{name}"));
        fs::create_dir_all(&folder).unwrap();
        fs::File::open(folder).unwrap().set_modified(age(minutes)).unwrap();
    }
    checkout.measures(checkout.check("007 before"));
    let mut left = kept(&checkout);
    left.retain(|name| !others.contains(&name.as_str()));
    assert_eq!(left.len(), 10, "{left:?}");
    assert!((1..=9).all(|minutes| left.contains(&pair(minutes))), "{left:?}");
    assert!(others.iter().all(|name| kept(&checkout).iter().any(|left| left == name)));
}

fn kept(checkout: &Checkout) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(checkout.path("target/perf"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    // Hashes are longer than the names that the tests give.
    names.sort_unstable_by_key(|name| (name.len(), name.clone()));
    names
}

#[test]
fn each_run_starts_from_an_empty_data_directory_of_its_own() {
    let checkout = Checkout::new();
    checkout.script(
        "engram",
        "echo \"$(ls -A \"$ENGRAM_DATA_DIR\" | wc -l) memories\" >> tmp/seen\n\
         exec \"$STAND_IN/engram\" \"$@\"",
    );
    let mut check = checkout.check("007 before --runs 2");
    let of_the_user = checkout.path("engram-data");
    checkout.write("engram-data/memories", "mine");
    check.env("ENGRAM_DATA_DIR", &of_the_user);
    checkout.measures(check);
    let seen = fs::read_to_string(checkout.path("tmp/seen")).unwrap();
    let seen: Vec<&str> = seen.lines().map(str::trim).collect();
    assert_eq!(seen, ["0 memories", "0 memories"]);
    let untouched: Vec<_> = fs::read_dir(of_the_user).unwrap().collect();
    assert_eq!(untouched.len(), 1, "{untouched:?}");
}
