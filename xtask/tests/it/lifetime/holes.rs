//! Where the server could slip through: everything that would keep the supervisor from hearing, or from acting.

use std::fs;

use super::ending::{Ending, Key, Running};
use super::step::Step;
use super::{assert_only_logs_are_unsaved, assert_the_port_is_free, assert_whole_runs};
use crate::common::{finish, programs_without, wait_until};
use xtask::model::layout::PID_FILE;

#[test]
fn a_server_that_ignores_sigterm_is_killed_after_the_grace() {
    for ending in [Ending::Signal("TERM"), Ending::Signal("KILL"), Ending::Typed(Key::CtrlC)] {
        let checkout = Step::Load.checkout();
        let mut check = Step::Load.check(&checkout);
        check.args(["--stop-grace", "1"]).env("STAND_IN_IGNORE_SIGTERM", "1");
        let mut running = Running::start(&checkout, check, ending);
        wait_until("the load", || Step::Load.is_reached(&checkout));
        running.end(ending);
        wait_until("the end", || running.is_gone());
        assert_the_port_is_free(&checkout);
        assert_only_logs_are_unsaved(&checkout);
        assert!(Step::Stop.is_reached(&checkout), "it was asked first");
    }
}

/// On a line of its own, in 80 columns.
const NOTHING_WAS_SAVED: &str =
    "\ninterrupted: nothing was saved; the logs are in tmp/m17_performance/unsaved\n";

#[test]
fn an_ended_check_says_what_was_kept_and_where_the_logs_are() {
    for ending in [Ending::Typed(Key::CtrlC), Ending::Signal("TERM"), Ending::Signal("KILL")] {
        let checkout = Step::Load.checkout();
        let mut running = Running::start(&checkout, Step::Load.check(&checkout), ending);
        wait_until("the load", || Step::Load.is_reached(&checkout));
        running.end(ending);
        wait_until("the end", || running.is_gone());
        let said = running.said();
        assert!(said.contains(NOTHING_WAS_SAVED), "{ending:?}: {said}");
    }
}

#[test]
fn a_check_that_is_ended_between_its_runs_says_how_many_are_saved() {
    let checkout = Step::BetweenRuns.checkout();
    let ending = Ending::Signal("INT");
    let mut running = Running::start(&checkout, Step::BetweenRuns.check(&checkout), ending);
    // The first run is saved, and the server of the second one listens.
    wait_until("the second run", || {
        Step::BetweenRuns.is_reached(&checkout) && Step::Ready.is_reached(&checkout)
    });
    running.end(ending);
    wait_until("the end", || running.is_gone());
    let said = running.said();
    assert!(said.contains("\ninterrupted: 1 of 2 runs are saved; the logs are in"), "{said}");
}

#[test]
fn a_check_started_at_once_waits_for_the_server_of_the_one_that_was_interrupted() {
    let checkout = Step::Load.checkout();
    let mut check = Step::Load.check(&checkout);
    check.args(["--stop-grace", "2"]).env("STAND_IN_IGNORE_SIGTERM", "1");
    let mut running = Running::start(&checkout, check, Ending::Signal("KILL"));
    wait_until("the load", || Step::Load.is_reached(&checkout));
    running.end(Ending::Signal("KILL"));
    running.exit_code();
    finish(checkout.check("007 after")).succeeded();
    assert_whole_runs(&checkout, 1);
}

#[test]
fn a_terminal_that_stops_background_output_does_not_stop_the_supervisor() {
    let checkout = Step::Load.checkout();
    let mut running = Running::in_strict_terminal(&checkout, &Step::Load.check(&checkout));
    wait_until("the load", || Step::Load.is_reached(&checkout));
    running.end(Ending::Typed(Key::CtrlC));
    wait_until("the end", || running.is_gone());
    assert_only_logs_are_unsaved(&checkout);
    let said = running.said();
    assert!(said.contains(NOTHING_WAS_SAVED), "{said}");
}

#[test]
fn without_setpriv_and_kill_the_tool_ends_what_a_killed_supervisor_left() {
    let programs = programs_without("setpriv");
    let _ = fs::remove_file(programs.path().join("kill"));
    let checkout = Step::Load.checkout();
    let mut check = Step::Load.check(&checkout);
    check.env("PATH", programs.path());
    let mut running = Running::start(&checkout, check, Ending::SupervisorKilled);
    wait_until("the load", || Step::Load.is_reached(&checkout));
    running.end(Ending::SupervisorKilled);
    wait_until("the end", || running.is_gone());
    assert_eq!(running.exit_code(), Some(3));
    assert_the_port_is_free(&checkout);
}

#[test]
fn neither_server_nor_load_generator_holds_a_pipe_of_the_tool_or_its_terminal() {
    let checkout = Step::Load.checkout();
    let ending = Ending::Typed(Key::CtrlC);
    let running = Running::start(&checkout, Step::Load.check(&checkout), ending);
    wait_until("the load", || Step::Load.is_reached(&checkout));
    let mut seen = 0;
    for (process, words) in checkout.processes() {
        if words.contains("engram start") || words.contains("loadtest run") {
            seen += 1;
            for file in fs::read_dir(format!("/proc/{process}/fd")).unwrap() {
                let target = fs::read_link(file.unwrap().path()).unwrap();
                let target = target.to_str().unwrap();
                let is_held = target.starts_with("pipe:") || target.starts_with("/dev/pts");
                assert!(!is_held, "{words}: {target}");
            }
        }
    }
    assert_eq!(seen, 2);
    drop(running);
}

#[test]
fn the_file_that_a_profiler_is_pointed_to_has_the_id_of_the_server() {
    let checkout = Step::Load.checkout();
    let ending = Ending::Signal("TERM");
    let running = Running::start(&checkout, Step::Load.check(&checkout), ending);
    wait_until("the load", || Step::Load.is_reached(&checkout));
    let file = fs::read_to_string(checkout.path(PID_FILE)).unwrap();
    let id = file.split(':').next().unwrap().parse().unwrap();
    let processes = checkout.processes();
    assert!(processes[&id].contains("engram start"), "{file}: {processes:#?}");
    drop(running);
}
