//! Bad input: exit 3, nothing saved, one message that names what failed and what to do.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use time::{OffsetDateTime, PrimitiveDateTime};
use xtask::measure::health;
use xtask::model::names::Timestamp;

use crate::common::recording::Recording;
use crate::common::{Checkout, finish, stand_in, tool, wait_until};

#[test]
fn no_arguments_are_answered_with_where_the_help_is() {
    let message = finish(tool("")).refused();
    assert!(message.contains("`cargo xtask --help`"), "{message}");
}

#[test]
fn a_missing_task_and_a_missing_phase_are_named() {
    for (words, missing) in [("perf-check", "<task>"), ("perf-check 007", "<before|after>")] {
        let message = finish(tool(words)).refused();
        assert!(
            message.contains(&format!("{missing} is missing"))
                && message.contains("`cargo perf-check --help`"),
            "{message}"
        );
    }
}

#[test]
fn a_clock_that_was_set_back_hides_no_new_run() {
    let checkout = Checkout::new();
    let later = OffsetDateTime::now_utc() + time::Duration::HOUR;
    let timestamp = Timestamp::of(PrimitiveDateTime::new(later.date(), later.time()));
    checkout.record(&format!("007_before_{timestamp}"), Recording::new());
    let message = finish(checkout.check("007 before")).refused();
    for part in ["would hide this run", "cargo perf-compare 007 --take-back before"] {
        assert!(message.contains(part), "{message}");
    }
    checkout.measures(checkout.check("007 after"));
}

#[test]
fn an_unknown_phase_is_answered_with_the_known_ones() {
    let checkout = Checkout::new();
    let message = checkout.refuses(checkout.check("007 during"));
    assert!(message.contains("`during` is not a phase: before or after"), "{message}");
}

#[test]
fn an_unknown_flag_is_named() {
    let checkout = Checkout::new();
    let message = checkout.refuses(checkout.check("007 before --wat"));
    assert!(message.contains("no option `--wat`"), "{message}");
}

#[test]
fn a_misspelt_flag_is_answered_with_the_nearest_real_one() {
    let checkout = Checkout::new();
    let message = checkout.refuses(checkout.check("007 before --competetive"));
    assert!(message.contains("did you mean `--competitive`?"), "{message}");
}

#[test]
fn tasks_that_leave_the_folder_or_make_names_ambiguous_are_refused() {
    let checkout = Checkout::new();
    for task in ["../x", "a/b", ".x", "competitive_007", "007_before", "007_after_1"] {
        let message = checkout.refuses(checkout.check(&format!("{task} before")));
        assert!(message.contains(&format!("task `{task}` is no task id")), "{message}");
    }
}

#[test]
fn the_help_names_every_option_and_exit_code_and_has_examples() {
    let help = finish(tool("perf-check --help")).succeeded().output;
    for part in [
        "--competitive",
        "--duration",
        "--runs",
        "--no-build",
        "--port",
        "--ready-timeout",
        "--load-grace",
        "--stop-grace",
        "-C DIR",
        "Examples\n  cargo perf-check",
        "Exit codes\n  0  measured and saved\n  3  not measured",
    ] {
        assert!(help.contains(part), "{part} in {help}");
    }
}

#[test]
fn a_missing_scenario_is_named() {
    let checkout = Checkout::new();
    fs::remove_file(checkout.path("scenarios/m17_baseline.toml")).unwrap();
    let message = checkout.refuses(checkout.check("007 before"));
    assert!(message.contains("scenarios/m17_baseline.toml"), "{message}");
}

#[test]
fn broken_toml_is_named_with_its_line() {
    let checkout = Checkout::new();
    checkout.write("scenarios/m17_baseline.toml", "name = \"x\"\nrate =\n");
    let message = checkout.refuses(checkout.check("007 before"));
    assert!(
        message.contains("scenarios/m17_baseline.toml")
            && message.contains("line 2")
            && message.contains("fix the file"),
        "{message}"
    );
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let checkout = Checkout::new();
    let message = checkout.refuses(checkout.check("007 before -C nowhere"));
    assert!(
        message.contains("cannot use -C nowhere") && message.contains("an Engram checkout"),
        "{message}"
    );
}

#[test]
fn outside_every_workspace_it_asks_for_the_checkout() {
    let folder = tempfile::tempdir().unwrap();
    let mut check = tool("perf-check 007 before");
    check.current_dir(&folder);
    let message = finish(check).refused();
    assert!(message.contains("no cargo workspace") && message.contains("-C DIR"), "{message}");
}

#[test]
fn a_binary_that_is_missing_with_no_build_is_named() {
    for name in ["engram", "loadtest"] {
        let checkout = Checkout::new();
        fs::remove_file(checkout.path("target/release").join(name)).unwrap();
        let message = checkout.refuses(checkout.check("007 before"));
        assert!(
            message.contains(&format!("target/release/{name}"))
                && message.contains("cargo build --release"),
            "{message}"
        );
    }
}

#[test]
fn a_file_where_the_results_folder_should_be_is_named() {
    let checkout = Checkout::new();
    checkout.write("tmp/m17_performance", "");
    let message = finish(checkout.check("007 before")).refused();
    assert!(
        message.contains("cannot use the results folder")
            && message.contains("tmp/m17_performance"),
        "{message}"
    );
    checkout.assert_nothing_runs();
}

#[test]
fn a_file_where_the_folder_of_the_results_folder_should_be_is_named() {
    let checkout = Checkout::new();
    checkout.write("tmp", "");
    let message = finish(checkout.check("007 before")).refused();
    assert!(message.contains("cannot use the results folder"), "{message}");
    checkout.assert_nothing_runs();
}

#[test]
fn of_two_checks_on_the_same_checkout_the_second_is_refused_and_the_first_measures() {
    let checkout = Checkout::new();
    checkout.script("engram", STARTS_WHEN_TOLD);
    let mut first = checkout.check("007 before");
    first.stdout(Stdio::null()).stderr(Stdio::null());
    let mut first = first.spawn().unwrap();
    let log = checkout.path("tmp/m17_performance/unsaved/server.log");
    wait_until("the first server to start", || log.exists());
    let message = finish(checkout.check("007 after")).refused();
    checkout.write("go", "");
    assert_eq!(first.wait().unwrap().code(), Some(0));
    assert!(message.contains("another measurement is running on this checkout"), "{message}");
    assert!(checkout.only(".json").contains("M17 Baseline"));
}

const STARTS_WHEN_TOLD: &str =
    "while [ ! -e go ]; do sleep 0.01; done\nexec \"$STAND_IN/engram\" \"$@\"";

#[test]
fn a_port_taken_by_a_stranger_is_refused_with_the_strangers_process() {
    let checkout = Checkout::new();
    let stranger = TcpListener::bind(("127.0.0.1", checkout.port())).unwrap();
    let message = finish(checkout.check("007 before")).refused();
    drop(stranger);
    assert!(
        message.contains(&format!("port {} is taken by process", checkout.port()))
            && message.contains(&format!("kill {}", std::process::id())),
        "{message}"
    );
    checkout.assert_nothing_is_saved();
    checkout.assert_nothing_runs();
}

#[test]
fn a_port_taken_on_every_address_is_refused() {
    let checkout = Checkout::new();
    let stranger = TcpListener::bind(("0.0.0.0", checkout.port())).unwrap();
    let message = finish(checkout.check("007 before")).refused();
    drop(stranger);
    assert!(message.contains("is taken by process"), "{message}");
}

#[test]
fn a_port_taken_on_ipv6_only_is_refused() {
    let checkout = Checkout::new();
    // A machine without IPv6 has nothing to refuse.
    if let Ok(stranger) = TcpListener::bind(("::1", checkout.port())) {
        let message = finish(checkout.check("007 before")).refused();
        drop(stranger);
        assert!(message.contains("is taken by process"), "{message}");
    }
}

#[test]
fn a_port_taken_by_an_old_engram_is_refused_and_the_old_one_is_left_alone() {
    let checkout = Checkout::new();
    let mut old = OldEngram::start(&checkout);
    let message = finish(checkout.check("007 before")).refused();
    assert!(
        message.contains(&format!("process {} (", old.0.id())) && message.contains("engram start"),
        "{message}"
    );
    assert!(old.0.try_wait().unwrap().is_none(), "it was ended");
    checkout.assert_nothing_is_saved();
}

#[test]
fn a_port_taken_while_the_server_starts_is_noticed_although_somebody_healthy_answers() {
    let checkout = Checkout::new();
    // The server listens when the old one does.
    checkout.script("engram", STARTS_WHEN_TOLD);
    let mut check = checkout.check("007 before");
    check.stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = check.spawn().unwrap();
    let log = checkout.path("tmp/m17_performance/unsaved/server.log");
    wait_until("the server to start", || log.exists());
    let old = OldEngram::start(&checkout);
    checkout.write("go", "");
    let output = running.wait_with_output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{message}");
    assert!(message.contains(&format!("is answered by process {}", old.0.id())), "{message}");
    drop(old);
    checkout.assert_nothing_is_saved();
    // The script may have been ended within a `sleep`, which lasts a moment longer.
    wait_until("the end of the script's last program", || checkout.running().is_empty());
    checkout.assert_nothing_runs();
}

/// A server of an earlier time on the checkout's port; ended when dropped.
struct OldEngram(Child);

impl OldEngram {
    fn start(checkout: &Checkout) -> Self {
        let folder = checkout.path("old");
        fs::create_dir_all(&folder).unwrap();
        let child = Command::new(stand_in().join("engram"))
            .args(["start", "--port", &checkout.port().to_string()])
            .env("ENGRAM_DATA_DIR", folder.join("data"))
            .env("ENGRAM_PID_PATH", folder.join("pid"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let old = Self(child);
        wait_until("the old server", || health::check(checkout.port()).is_ok());
        old
    }
}

impl Drop for OldEngram {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}
