//! `perf-confirm`, with servers of a known difference: the waits are long enough for every pair to tell.

mod fairness;
mod selftest;

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use crate::common::{Checkout, Finished, Packed, finish, wait_until};
use xtask::model::names::How;
use xtask::model::provenance::Provenance;

/// A server that is far slower than [`FAST`], and far faster than the 60 ms above which a load generator leaves a latency
/// out.
const SLOW: &str = "STAND_IN_WAIT_US=25000 exec \"$STAND_IN/engram\" \"$@\"";
pub const FAST: &str = "exec \"$STAND_IN/engram\" \"$@\"";

/// A checkout in which both sides were measured, with these servers.
fn measured(before: &str, after: &str, options: &str) -> Checkout {
    measured_with("exec \"$STAND_IN/loadtest\" \"$@\"", before, after, options)
}

/// The same, with this load generator. What is measured alike is measured once.
pub fn measured_with(load_generator: &str, before: &str, after: &str, options: &str) -> Checkout {
    static MEASURED: Mutex<BTreeMap<String, Arc<OnceLock<Packed>>>> = Mutex::new(BTreeMap::new());
    let how = [load_generator, before, after, options].join("\0");
    let files = Arc::clone(MEASURED.lock().unwrap().entry(how).or_default());
    let measured = || Packed::of(&measured_anew(load_generator, before, after, options).path(""));
    Checkout::unpacked(files.get_or_init(measured))
}

fn measured_anew(load_generator: &str, before: &str, after: &str, options: &str) -> Checkout {
    let checkout = Checkout::without_product();
    checkout.script("loadtest", load_generator);
    for (phase, server) in [("before", before), ("after", after)] {
        // Not two scripts of the same text.
        checkout.script("engram", &format!("# {phase}\n{server}"));
        finish(checkout.check(&format!("007 {phase} {options}"))).succeeded();
    }
    checkout
}

pub fn confirm(checkout: &Checkout, options: &str) -> Command {
    checkout.command(&format!(
        "perf-confirm 007 --duration 1 --max-pairs 8 --wait-quiet 0 --port {} {options}",
        checkout.port()
    ))
}

fn confirmed(checkout: &Checkout, options: &str) -> Finished {
    let finished = finish(confirm(checkout, options));
    checkout.assert_nothing_runs();
    finished
}

/// The provenance of every run of a session, in the order of the file names.
fn pairs(checkout: &Checkout) -> Vec<Provenance> {
    checkout
        .recorded()
        .iter()
        .filter(|name| name.ends_with("_diag.txt"))
        .map(|name| Provenance::parse(&checkout.read(name)).unwrap().unwrap())
        .filter(|provenance| provenance.session.is_some())
        .collect()
}

/// The text of the only record that is not archived.
fn record(checkout: &Checkout) -> String {
    let folder = checkout.path("tmp/m17_performance/sessions");
    let records: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "toml"))
        .collect();
    assert_eq!(records.len(), 1, "{records:?}");
    fs::read_to_string(&records[0]).unwrap()
}

pub fn pairs_on_record(checkout: &Checkout) -> usize {
    record(checkout).matches("[[pairs]]").count()
}

#[test]
fn a_slower_after_is_regressed_and_perf_compare_takes_the_answer() {
    let checkout = measured(FAST, SLOW, "");
    let finished = confirmed(&checkout, "");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.output.contains("REGRESSION: 007"), "{finished:?}");
    // What it suggests is measured on the port that was typed.
    let again = format!("cargo perf-check 007 after --port {}\n", checkout.port());
    assert!(finished.output.contains(&again), "{finished:?}");

    let runs = pairs(&checkout);
    assert_eq!(runs.len(), 16);
    assert_eq!(checkout.results().len(), 2 + 16);
    let orders: Vec<&str> =
        runs.iter().map(|run| run.session.as_ref().unwrap().order.as_str()).collect();
    for order in ["before-first", "after-first"] {
        let of_it = orders.iter().filter(|known| **known == order).count();
        assert_eq!(of_it, 8, "{orders:?}");
    }
    let on_port = |port: u16, side: &str| {
        let of_side = runs.iter().filter(|run| run.run.name.contains(side));
        let place = of_side.map(|run| run.session.clone().unwrap());
        place.filter(|place| place.port == Some(port.into())).count()
    };
    for side in ["_before_", "_after_"] {
        let ports = [checkout.port(), checkout.port() + 1].map(|port| on_port(port, side));
        assert_eq!(ports, [4, 4], "each side has each port equally often");
    }
    for run in &runs {
        let place = run.session.as_ref().unwrap();
        assert_eq!(place.how, Some(How::Duet));
        let apart = place.load_offset_ms.unwrap();
        let warned = run.warnings.iter().any(|warning| warning.contains("were started"));
        assert_eq!(warned, apart > 5.0, "{apart}: {:?}", run.warnings);
    }

    let compared = finish(checkout.command("perf-compare 007"));
    assert_eq!(compared.code, Some(1), "{compared:?}");
    assert!(compared.output.contains("paired session of 8 pairs"), "{compared:?}");

    // Asked again it neither measures nor changes its mind.
    let again = confirmed(&checkout, "");
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.errors.contains("8 of at most 8 pairs, has ended"), "{again:?}");
    let longer = format!("perf-confirm 007 --duration 1 --max-pairs 40 --port {}", checkout.port());
    let longer = finish(checkout.command(&longer));
    assert_eq!(longer.code, Some(1), "{longer:?}");
    assert!(longer.errors.contains("--max-pairs does not change it"), "{longer:?}");
    assert_eq!(checkout.results().len(), 2 + 16);

    // A run that is lost or edited afterwards takes the verdict with it, and not a pair out of it.
    let edited = checkout
        .results()
        .into_iter()
        .find(|name| pairs(&checkout).iter().any(|run| name.starts_with(&run.run.name)))
        .unwrap();
    let path = checkout.path("tmp/m17_performance").join(&edited);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("\"p99_latency_ms\": ", "\"p99_latency_ms\": 1", 1)).unwrap();
    for change in ["edited", "removed"] {
        let compared = finish(checkout.command("perf-compare 007"));
        assert_eq!(compared.code, Some(3), "{change}: {compared:?}");
        assert!(compared.output.contains(&edited), "{change}: {compared:?}");
        let _ = fs::remove_file(&path);
    }
}

#[test]
fn where_there_is_one_cpu_the_sides_are_measured_in_turn_and_the_record_says_so() {
    if Command::new("taskset").args(["--cpu-list", "0", "true"]).status().is_ok() {
        let checkout = measured(FAST, FAST, "");
        let usual = confirm(&checkout, "");
        let mut on_one = Command::new("taskset");
        on_one.args(["--cpu-list", "0"]).arg(usual.get_program()).args(usual.get_args());
        on_one.current_dir(usual.get_current_dir().unwrap());
        for (name, _) in usual.get_envs() {
            on_one.env_remove(name);
        }
        let finished = finish(on_one);
        assert!(finished.errors.contains("measured in turn: there is one CPU"), "{finished:?}");
        assert_in_turn(&checkout);
    }
}

#[test]
fn where_memory_is_short_the_sides_are_measured_in_turn_and_the_record_says_so() {
    let checkout = measured(FAST, FAST, "");
    for name in checkout.recorded().iter().filter(|name| name.ends_with("_diag.txt")) {
        let mut provenance = Provenance::parse(&checkout.read(name)).unwrap().unwrap();
        provenance.server.memory_kib = Some(1 << 40);
        fs::write(checkout.path("tmp/m17_performance").join(name), provenance.to_text()).unwrap();
    }
    let finished = confirmed(&checkout, "");
    assert!(finished.errors.contains("MiB of memory are free"), "{finished:?}");
    assert_in_turn(&checkout);
}

#[track_caller]
fn assert_in_turn(checkout: &Checkout) {
    assert!(record(checkout).contains("how = \"alternating\""));
    let runs = pairs(checkout);
    assert_eq!(runs.len(), 16);
    for run in runs {
        let place = run.session.unwrap();
        assert_eq!(place.how, Some(How::Alternating));
        assert_eq!((place.port, place.load_offset_ms), (Some(checkout.port().into()), None));
    }
}

#[test]
fn a_slower_after_is_a_competitive_regression_in_competitive_mode() {
    let checkout = measured(FAST, SLOW, "--competitive");
    checkout.write(
        "docs/reference/competitive_baselines.md",
        crate::common::documents::BASELINE_DOCUMENT,
    );
    let finished = confirmed(&checkout, "--competitive");
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(
        checkout.results().iter().all(|name| name.starts_with("competitive_007_")),
        "{:?}",
        checkout.results()
    );
}

#[test]
fn in_competitive_mode_a_missing_baseline_is_told_before_anything_is_measured() {
    let checkout = measured(FAST, SLOW, "--competitive");
    let message = confirmed(&checkout, "--competitive").refused();
    assert!(message.contains("competitive_baselines.md"), "{message}");
    assert_eq!(checkout.results().len(), 2);
}

#[test]
fn killed_within_a_pair_it_loses_that_pair_alone_and_continues_to_the_same_answer() {
    let halts = format!(
        "pairs=$(cat tmp/m17_performance/sessions/*.toml 2>/dev/null | grep -c '^..pairs..$')
         if [ -e halt ] && [ \"$pairs\" -ge 2 ]; then touch halted; export STAND_IN_NEVER_HEALTHY=1; fi
         {FAST}"
    );
    let checkout = measured(SLOW, &halts, "");
    checkout.write("halt", "");
    let mut tool =
        confirm(&checkout, "").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the third pair", || checkout.path("halted").exists());
    tool.kill().unwrap();
    tool.wait().unwrap();
    wait_until("the end of all it started", || checkout.running().is_empty());
    checkout.assert_nothing_runs();
    assert_eq!(pairs_on_record(&checkout), 2);

    // Half a session answers nothing, and is not hidden either.
    let compared = finish(checkout.command("perf-compare 007"));
    assert!(compared.output.contains("unfinished: 2 pairs"), "{compared:?}");

    fs::remove_file(checkout.path("halt")).unwrap();
    let finished = confirmed(&checkout, "");
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.errors.contains("pairs, goes on"), "{finished:?}");
    assert!(finished.output.contains("faster: 007"), "{finished:?}");
    assert_eq!(pairs_on_record(&checkout), 8);
}

#[test]
fn an_after_that_keeps_crashing_ends_the_session_and_is_named() {
    let checkout = measured(SLOW, &format!("[ -e crash ] && exit 7\n{FAST}"), "");
    checkout.write("crash", "");
    let finished = confirmed(&checkout, "");
    assert_eq!(finished.code, Some(3), "{finished:?}");
    let (_, reasons) = finished.output.split_once("why it cannot be judged").unwrap();
    let named = reasons.matches("the after server failed in pair 1");
    assert_eq!(named.count(), 2, "{finished:?}");
    // Its binary is the same: it does not get better by asking again, and no single run hides it.
    fs::remove_file(checkout.path("crash")).unwrap();
    for asked_again in [confirm(&checkout, ""), checkout.command("perf-compare 007")] {
        assert_eq!(finish(asked_again).code, Some(3));
    }
    let fresh = confirmed(&checkout, "--fresh");
    assert_eq!(fresh.code, Some(0), "{fresh:?}");
    assert!(fresh.errors.contains("was archived"), "{fresh:?}");
    // What was archived answers nothing any more.
    assert_eq!(finish(checkout.command("perf-compare 007")).code, Some(0));
}

#[test]
fn an_after_that_fails_once_can_no_longer_pass() {
    let fails_once =
        format!("if [ -e fail ]; then rm fail; export STAND_IN_FAIL_SHARE=0.5; fi\n{FAST}");
    let checkout = measured(SLOW, &fails_once, "");
    checkout.write("fail", "");
    let finished = confirmed(&checkout, "");
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert_eq!(pairs_on_record(&checkout), 8);
    assert!(finished.output.contains("of the requests FAILED"), "{finished:?}");
    let logs = fs::read_dir(checkout.path("tmp/m17_performance/sessions")).unwrap();
    assert_eq!(logs.count(), 1 + 2, "the record, and the two logs of the failed run: {finished:?}");
}

#[test]
fn a_before_that_keeps_failing_ends_the_call_and_not_the_session() {
    let checkout = measured(&format!("[ -e crash ] && exit 7\n{FAST}"), SLOW, "");
    checkout.write("crash", "");
    let message = confirmed(&checkout, "").refused();
    assert!(message.contains("the before server keeps failing"), "{message}");
    fs::remove_file(checkout.path("crash")).unwrap();
    assert_eq!(confirmed(&checkout, "").code, Some(1));
}

#[test]
fn without_results_or_binaries_it_says_how_to_get_them() {
    let checkout = Checkout::without_product();
    let message = confirmed(&checkout, "").refused();
    assert!(message.contains("cargo perf-check 007 before"), "{message}");

    let checkout = measured(FAST, SLOW, "");
    let kept = checkout.path("target/perf");
    for pair in fs::read_dir(&kept).unwrap() {
        // Emptied, as after a power failure: a file of that name is not enough.
        fs::write(pair.unwrap().path().join("engram"), "").unwrap();
    }
    let message = confirmed(&checkout, "").refused();
    assert!(message.contains("are not kept in"), "{message}");
    assert!(message.contains("cargo perf-check 007 before"), "{message}");
}

#[test]
fn a_scenario_that_changed_since_after_was_measured_is_refused() {
    let checkout = measured(FAST, SLOW, "");
    checkout.write("scenarios/m17_baseline.toml", crate::common::scenario("Another"));
    let message = confirmed(&checkout, "").refused();
    assert!(message.contains("changed since after was measured"), "{message}");
    assert_eq!(checkout.results().len(), 2);
}

#[test]
fn other_binaries_have_a_record_of_their_own() {
    let checkout = measured(FAST, SLOW, "");
    assert_eq!(confirmed(&checkout, "").code, Some(1));
    checkout.script("engram", &format!("# better\n{FAST}"));
    finish(checkout.check("007 after")).succeeded();
    // The session was about the after server before it.
    let compared = finish(checkout.command("perf-compare 007"));
    assert!(!compared.output.contains("paired session"), "{compared:?}");
}
