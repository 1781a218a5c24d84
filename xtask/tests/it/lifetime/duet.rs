//! A duet, ended at every step: no server and no load generator of either side is left, both ports are free, none of the
//! two runs is saved without the other, and the next call continues the record.

use std::fs;
use std::process::{Command, Stdio};

use super::ending::{Ending, Key, Running, signal};
use super::step::hold_syncs;
use super::{
    assert_only_logs_are_unsaved, assert_the_ports_are_free, beside_each_other,
    parent_death_signals_work,
};
use crate::common::{Checkout, wait_until};
use crate::confirm::{FAST, confirm, measured_with, pairs_on_record};

/// Where a duet stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Neither server listens yet.
    Start,
    /// One server is healthy, and the other never.
    Ready,
    /// Neither load generator has sent a request yet.
    LoadStart,
    /// Both load generators have sent a request and hang.
    Load,
    /// One server does not stop, and the other was not asked to.
    FirstStop,
    /// One server has stopped, and the other does not.
    Stop,
    /// Some files of both runs are in place, and no result.
    Save,
    /// Both runs are saved, and the record does not have them.
    Record,
    /// The first duet is on record, and a server of the second is never healthy.
    Between,
}

const STEPS: [Step; 7] =
    [Step::Start, Step::Ready, Step::Load, Step::Stop, Step::Save, Step::Record, Step::Between];

/// What a server and a load generator do, beside what they are to. The file `step` says where a duet is to stand still.
const SERVER: &str = "
pairs=$(cat tmp/m17_performance/sessions/*.toml 2>/dev/null | grep -c '^..pairs..$')
case \"$(cat step 2>/dev/null) $ENGRAM_DATA_DIR\" in
    Start*) echo starts; while [ -e step ]; do sleep 0.01; done ;;
    Ready*/after/*) export STAND_IN_NEVER_HEALTHY=1 ;;
    FirstStop*/before/* | Stop*/after/*) export STAND_IN_IGNORE_SIGTERM=1 ;;
    Between*) [ \"$pairs\" = \"$(cat last)\" ] && touch between && export STAND_IN_NEVER_HEALTHY=1 ;;
esac
";
const LOAD_GENERATOR: &str = "
case \"$(cat step 2>/dev/null)\" in
    LoadStart) echo waits; while [ -e step ]; do sleep 0.01; done ;;
    Load) STAND_IN_LOAD=hang exec \"$STAND_IN/loadtest\" \"$@\" ;;
esac
\"$STAND_IN/loadtest\" \"$@\" || exit
case \"$(cat step 2>/dev/null) $*\" in
    Save*/after/*) echo unsaved/after/loadtest.log > held ;;
    Record*/after/*) echo sessions/ > held ;;
esac
exit 0";

impl Step {
    fn is_reached(self, checkout: &Checkout) -> bool {
        let said = |side: &str, log: &str, words: &str| {
            let log = checkout.path("tmp/m17_performance/unsaved").join(side).join(log);
            fs::read_to_string(log).is_ok_and(|log| log.contains(words))
        };
        let both_said = |log, words| SIDES.iter().all(|side| said(side, log, words));
        match self {
            Self::Start => both_said("server.log", "starts"),
            Self::Ready => both_said("server.log", "listening"),
            Self::LoadStart => both_said("loadtest.log", "waits"),
            Self::Load => both_said("server.log", "/api/v1/"),
            Self::FirstStop => said("before", "server.log", "SIGTERM ignored"),
            Self::Stop => said("after", "server.log", "SIGTERM ignored"),
            Self::Save => {
                let recorded = checkout.recorded();
                recorded.iter().filter(|name| name.ends_with("_sys.txt")).count() == MEASURED + 2
            }
            Self::Record => checkout.results().len() == MEASURED + 2,
            Self::Between => checkout.path("between").exists(),
        }
    }

    /// Whether the supervisor has something to do, beyond moments.
    fn has_a_supervisor(self) -> bool {
        !matches!(self, Self::Save | Self::Record)
    }

    /// The pairs that are on record.
    fn recorded(self) -> usize {
        usize::from(self == Self::Between)
    }
}

const SIDES: [&str; 2] = ["before", "after"];

/// The runs of `perf-check` before the session.
const MEASURED: usize = 2;

#[test]
fn sigterm_of_the_tool() {
    at_every_step(Ending::Signal("TERM"));
}

#[test]
fn sigkill_of_the_tool() {
    at_every_step(Ending::Signal("KILL"));
}

#[test]
fn ctrl_c() {
    at_every_step(Ending::Typed(Key::CtrlC));
}

#[test]
fn a_closed_terminal() {
    at_every_step(Ending::Closed);
}

#[test]
fn sigkill_of_the_supervisor() {
    at_every_step(Ending::SupervisorKilled);
}

#[test]
fn sigkill_of_the_tool_and_the_supervisor() {
    if parent_death_signals_work() {
        at_every_step(Ending::BothKilled);
    }
}

#[test]
fn sigkill_of_the_tool_while_the_supervisor_is_halted() {
    at_every_step(Ending::SupervisorHalted);
}

#[track_caller]
fn at_every_step(ending: Ending) {
    let mut steps = STEPS.to_vec();
    steps.retain(|step| step.has_a_supervisor() || ending.spares_the_supervisor());
    beside_each_other(&steps, |step| at(*step, ending));
}

fn checkout() -> Checkout {
    let server = format!("{SERVER}{FAST}");
    measured_with(LOAD_GENERATOR, &server, &server, "")
}

fn duets(checkout: &Checkout) -> Command {
    let mut duets = confirm(checkout, "--stop-grace 600");
    hold_syncs(checkout, &mut duets);
    duets
}

/// A session that stands still at a step of a duet.
fn running_at(step: Step, checkout: &Checkout, ending: Ending) -> Running<'_> {
    checkout.write("step", format!("{step:?}"));
    let running = Running::start(checkout, duets(checkout), ending);
    wait_until(&format!("{step:?}"), || step.is_reached(checkout));
    running
}

fn at(step: Step, ending: Ending) {
    let checkout = checkout();
    checkout.write("last", "1");
    let mut running = running_at(step, &checkout, ending);
    running.end(ending);
    running.wait_for_the_tool(ending);
    fs::remove_file(checkout.path("step")).unwrap();
    if step == Step::Stop && ending.spares_the_supervisor() {
        for (process, words) in checkout.processes() {
            if words.contains("engram start") {
                signal("INT", &[process.to_string()]);
            }
        }
    }
    wait_until(&format!("the end after {ending:?} at {step:?}"), || running.is_gone());
    if ending.spares_the_tool() {
        assert_eq!(running.exit_code(), Some(3), "{step:?}");
    }
    if let Ending::Signal(_) = ending {
        let words = format!("\ninterrupted: pairs kept: {}; the same command", step.recorded());
        let said = running.said();
        assert!(said.contains(&words), "{step:?}: {said}");
    }
    drop(running);
    assert_the_ports_are_free(&checkout);
    assert_eq!(pairs_on_record(&checkout), step.recorded(), "{step:?}");
    if !matches!(step, Step::Save | Step::Record) {
        assert_whole(&checkout, step.recorded());
        if ending.spares_the_supervisor() || ending.spares_the_tool() {
            assert_only_logs_are_unsaved(&checkout);
        }
    }

    // The next call continues, until there is one pair more.
    for file in ["between", "held"] {
        let _ = fs::remove_file(checkout.path(file));
    }
    let recorded = step.recorded() + 1;
    checkout.write("last", recorded.to_string());
    checkout.write("step", "Between");
    let mut continued =
        duets(&checkout).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("one pair more", || checkout.path("between").exists());
    continued.kill().unwrap();
    continued.wait().unwrap();
    wait_until("the end of all it started", || checkout.running().is_empty());
    assert_eq!(pairs_on_record(&checkout), recorded, "{step:?}");
    assert_whole(&checkout, recorded);
}

/// Checks that both runs of each pair are saved, each with all its files, and no file of another.
#[track_caller]
fn assert_whole(checkout: &Checkout, pairs: usize) {
    const FILES_A_RUN: usize = 4;
    let mut files = checkout.recorded();
    files.retain(|name| !matches!(name.as_str(), "unsaved" | "sessions"));
    let runs = MEASURED + 2 * pairs;
    assert_eq!(checkout.results().len(), runs, "{files:?}");
    assert_eq!(files.len(), FILES_A_RUN * runs, "{files:?}");
}

#[test]
fn a_server_that_is_killed_ends_its_duet_at_once_and_counts_against_its_own_side() {
    let kills = [
        (Step::Start, "before", "the server ended before it was healthy"),
        (Step::Start, "after", "the server ended before it was healthy"),
        (Step::Ready, "before", "the server ended before it was healthy"),
        (Step::Ready, "after", "the server ended before it was healthy"),
        (Step::LoadStart, "before", "the server ended under load"),
        (Step::Load, "after", "the server ended under load"),
        (Step::FirstStop, "before", "the server CRASHED when it was to stop"),
        (Step::Stop, "after", "the server CRASHED when it was to stop"),
    ];
    beside_each_other(&kills, |kill| kill_one("engram start", *kill));
}

#[test]
fn a_load_generator_that_is_killed_ends_its_duet_at_once_and_counts_against_its_own_side() {
    let kills = [
        (Step::LoadStart, "before", "the load generator wrote no result"),
        (Step::LoadStart, "after", "the load generator wrote no result"),
        (Step::Load, "before", "the load generator wrote no result"),
        (Step::Load, "after", "the load generator wrote no result"),
    ];
    beside_each_other(&kills, |kill| kill_one("loadtest run", *kill));
}

/// Kills a process of a side at a step of the first duet that would last, for what is said then. The session goes on.
fn kill_one(program: &str, (step, side, said): (Step, &str, &str)) {
    let checkout = checkout();
    checkout.write("last", "0");
    let ending = Ending::Signal("KILL");
    let mut running = running_at(step, &checkout, ending);
    let of_first_duet = checkout.processes();
    // The next duet stands still elsewhere.
    checkout.write("step", "Between");
    let is_it = |process: &u32, words: &str| {
        let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        let folder = format!("unsaved/{side}/");
        words.contains(program)
            && (words.contains(&folder) || String::from_utf8_lossy(&environment).contains(&folder))
    };
    let (process, _) = of_first_duet.iter().find(|(process, words)| is_it(process, words)).unwrap();
    signal("KILL", &[process.to_string()]);
    wait_until("the next duet", || checkout.path("between").exists());
    let left = checkout.processes();
    for (process, words) in &of_first_duet {
        let is_of_duet = words.contains("engram start") || words.contains("loadtest run");
        assert!(!is_of_duet || !left.contains_key(process), "{words}");
    }
    let errors = fs::read_to_string(checkout.path("errors.txt")).unwrap();
    let void = format!("pair 1 is void: the {side} server failed: {said}");
    assert!(errors.contains(&void), "{void}: {errors}");
    assert_whole(&checkout, 0);
    running.end(ending);
    wait_until("the end of all it started", || running.is_gone());
}

#[test]
fn what_started_at_the_same_moment_holds_nothing_of_the_wait_for_it() {
    let (checkout, ending) = (checkout(), Ending::Signal("KILL"));
    let mut running = running_at(Step::Load, &checkout, ending);
    let mut processes = checkout.processes();
    processes.retain(|_, words| words.contains("engram start") || words.contains("loadtest run"));
    assert_eq!(processes.len(), 4, "{processes:?}");
    for (process, words) in processes {
        let input = fs::read_link(format!("/proc/{process}/fd/0")).unwrap();
        assert_eq!(input.to_str(), Some("/dev/null"), "{words}");
    }
    running.end(ending);
    wait_until("the end of all it started", || running.is_gone());
}

#[test]
fn servers_that_somebody_halted_are_stopped_all_the_same() {
    let (checkout, ending) = (checkout(), Ending::Signal("TERM"));
    let mut running = running_at(Step::Load, &checkout, ending);
    for (process, words) in checkout.processes() {
        if words.contains("engram start") {
            signal("STOP", &[process.to_string()]);
        }
    }
    // The grace is longer than the test's patience: what ends the servers is not its end.
    running.end(ending);
    wait_until("the end", || running.is_gone());
    drop(running);
    assert_the_ports_are_free(&checkout);
}
