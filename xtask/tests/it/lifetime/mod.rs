//! The server never outlives the tool: whatever ends the tool, at whatever step, no server and no load generator is
//! left, the port is free, nothing is saved that is not whole, and the next check succeeds.

#![cfg(target_os = "linux")] // `/proc` shows what is left.

mod duet;
mod ending;
mod holes;
mod panic;
mod selftest;
mod step;
mod storm;

use std::fmt::Debug;
use std::net::TcpListener;
use std::path::PathBuf;
use std::thread;

use crate::common::{Checkout, finish, wait_until};
use ending::{Ending, Key, Running};
use step::Step;
use walkdir::WalkDir;

#[test]
fn ctrl_c_in_a_terminal() {
    at_every_step(Ending::Typed(Key::CtrlC));
}

#[test]
fn ctrl_backslash_in_a_terminal() {
    at_every_step(Ending::Typed(Key::CtrlBackslash));
}

#[test]
fn a_closed_terminal() {
    at_every_step(Ending::Closed);
}

#[test]
fn ctrl_z_and_then_a_kill() {
    at_every_step(Ending::SuspendedAndKilled);
}

#[test]
fn ctrl_z_and_then_a_closed_terminal() {
    at_every_step(Ending::SuspendedAndClosed);
}

#[test]
fn sigint() {
    at_every_step(Ending::Signal("INT"));
}

#[test]
fn sigterm() {
    at_every_step(Ending::Signal("TERM"));
}

#[test]
fn sighup() {
    at_every_step(Ending::Signal("HUP"));
}

#[test]
fn sigkill() {
    at_every_step(Ending::Signal("KILL"));
}

#[test]
fn sigkill_of_the_supervisor() {
    at_every_step(Ending::SupervisorKilled);
}

#[test]
fn sigkill_of_the_tool_and_the_supervisor_at_once() {
    if parent_death_signals_work() {
        at_every_step(Ending::BothKilled);
    }
}

#[test]
fn sigkill_of_the_tool_while_the_supervisor_is_halted() {
    at_every_step(Ending::SupervisorHalted);
}

/// One test for each way to end the tool.
#[track_caller]
fn at_every_step(ending: Ending) {
    beside_each_other(&ending.steps(), |step| at(*step, ending));
}

/// Tries several things at the same time, since each is mostly waiting.
#[track_caller]
fn beside_each_other<T: Debug + Sync>(things: &[T], attempt: impl Fn(&T) + Sync) {
    let attempt = &attempt;
    let failed: Vec<&T> = thread::scope(|scope| {
        let begin = |thing| (thing, scope.spawn(move || attempt(thing)));
        let tries: Vec<_> = things.iter().map(begin).collect();
        let failed = |(thing, tried): (_, thread::ScopedJoinHandle<()>)| {
            tried.join().is_err().then_some(thing)
        };
        tries.into_iter().filter_map(failed).collect()
    });
    assert!(failed.is_empty(), "{failed:?}, see above");
}

fn at(step: Step, ending: Ending) {
    let checkout = step.checkout();
    let mut running = Running::start(&checkout, step.check(&checkout), ending);
    wait_until(&format!("{step:?}"), || step.is_reached(&checkout));
    running.end(ending);
    running.wait_for_the_tool(ending);
    if step == Step::Build && parent_death_signals_work() {
        wait_until("the end of cargo", || {
            let processes = checkout.processes();
            !processes.values().any(|words| words.contains(" build --release"))
        });
    }
    if ending.spares_the_supervisor() {
        step.release(&checkout);
    }
    wait_until(&format!("the end after {ending:?} at {step:?}"), || running.is_gone());
    if ending.spares_the_tool() {
        assert_eq!(running.exit_code(), Some(3), "{step:?}");
    }
    if ending.spares_the_supervisor() || ending.spares_the_tool() {
        // The result is unsaved until the very end, and nobody else is there any more.
        if step != Step::Save {
            assert_only_logs_are_unsaved(&checkout);
        }
    }
    drop(running);
    assert_the_port_is_free(&checkout);
    match step {
        // Without the result, the files that come before it count for nothing.
        Step::Save => assert_eq!(checkout.results().len(), step.saved_runs()),
        _ => assert_whole_runs(&checkout, step.saved_runs()),
    }

    finish(step.check_again(&checkout)).succeeded();
    // Nor is anything left of a run that was being saved.
    assert_whole_runs(&checkout, step.saved_runs() + 1);
    assert!(!checkout.recorded().contains(&"unsaved".to_owned()));
}

/// A process that is dying has no command line any more, and may still have its sockets for a moment.
#[track_caller]
fn assert_the_port_is_free(checkout: &Checkout) {
    let port = checkout.port();
    wait_until("the port to be free", || TcpListener::bind(("127.0.0.1", port)).is_ok());
}

/// As [`assert_the_port_is_free`], with that of the other server of a duet.
#[track_caller]
fn assert_the_ports_are_free(checkout: &Checkout) {
    assert_the_port_is_free(checkout);
    let port = checkout.port() + 1;
    wait_until("the other port to be free", || TcpListener::bind(("127.0.0.1", port)).is_ok());
}

/// Checks that `count` runs are saved, each with all its files, and no file of another. A run of a session is one too.
#[track_caller]
fn assert_whole_runs(checkout: &Checkout, count: usize) {
    const FILES_A_RUN: usize = 4;
    let mut files = checkout.recorded();
    files.retain(|name| !["unsaved", "sessions"].contains(&name.as_str()));
    let results = checkout.results().len();
    assert_eq!((results, files.len()), (count, FILES_A_RUN * count), "{files:?}");
}

/// Checks that there are neither data nor a result beside the logs. An empty folder for the data may be there, if the
/// tool was ended before it had a supervisor.
#[track_caller]
fn assert_only_logs_are_unsaved(checkout: &Checkout) {
    let unsaved = WalkDir::new(checkout.path("tmp/m17_performance/unsaved"));
    let files: Vec<PathBuf> = unsaved
        .into_iter()
        .filter_map(|entry| Some(entry.ok()?.into_path()))
        .filter(|path| path.is_file() && path.extension().is_none_or(|kind| kind != "log"))
        .collect();
    assert!(files.is_empty(), "{files:?}");
}

/// Without them nobody is left to end the server when both are killed.
fn parent_death_signals_work() -> bool {
    std::process::Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "true"])
        .status()
        .is_ok_and(|status| status.success())
}
