//! `perf-selftest`, ended within either of its sessions: nothing is left, least of all a server that is halted, no run
//! that was slowed down counts, and the next call comes to its end.

use std::fs;
use std::process::Command;

use super::ending::{Ending, Running};
use super::{
    assert_the_ports_are_free, assert_whole_runs, beside_each_other, parent_death_signals_work,
};
use crate::common::{Checkout, finish, wait_until};

/// The pairs of a session that is sure at its first look.
const PAIRS: usize = 8;

/// In the place of a load generator. It finds at once that a server that is slowed down takes half as long again; in the
/// session that the file `hang` names it is the stand-in's, and hangs.
const LOAD_GENERATOR: &str = r#"
saved=$(ls tmp/m17_performance | grep -c '^selftest_after_.*json$')
session=itself
[ "$saved" -ge "$(cat slowed_from)" ] && session=slowed
[ "$(cat hang)" = $session ] && STAND_IN_LOAD=hang exec "$STAND_IN/loadtest" "$@"
case "$session $*" in slowed*/after/*) ms=1.5 ;; *) ms=1 ;; esac
for word in "$@"; do [ "$last" = --output ] && output=$word; last=$word; done
echo '{"config_name": "M17 Baseline", "elapsed_seconds": 1, "total_operations": 100,
    "total_errors": 0, "overall_throughput": 100, "overall_error_rate": 0,
    "p50_latency_ms": '$ms', "p95_latency_ms": '$ms', "p99_latency_ms": '$ms',
    "per_operation_stats": {}}' > "$output"
"#;

fn selftest(checkout: &Checkout) -> Command {
    checkout.command(&format!("perf-selftest --duration 1 --port {}", checkout.port()))
}

#[test]
fn killed_within_either_session_it_leaves_nothing_and_the_next_call_works() {
    let mut endings = vec![Ending::Signal("KILL"), Ending::SupervisorKilled];
    endings.extend(parent_death_signals_work().then_some(Ending::BothKilled));
    let of_either = |ending| [("itself", ending), ("slowed", ending)];
    let cases: Vec<_> = endings.into_iter().flat_map(of_either).collect();
    beside_each_other(&cases, |(session, ending)| end_within(session, *ending));
}

fn end_within(session: &str, ending: Ending) {
    let checkout = Checkout::without_product();
    checkout.script("loadtest", LOAD_GENERATOR);
    checkout.script("engram", "exec \"$STAND_IN/engram\" \"$@\"");
    let is_to = |hang: &str, slowed_from: usize| {
        checkout.write("hang", hang);
        checkout.write("slowed_from", slowed_from.to_string());
    };
    is_to("never", PAIRS);
    finish(checkout.check("007 before")).succeeded();
    is_to(session, PAIRS);
    let mut running = Running::start(&checkout, selftest(&checkout), ending);
    let is_loaded = |side| {
        let log = checkout.path("tmp/m17_performance/unsaved").join(side).join("server.log");
        fs::read_to_string(log).is_ok_and(|log| log.contains("/api/v1/"))
    };
    let is_halted = || {
        let processes = checkout.processes().into_iter();
        let mut servers = processes.filter(|(_, words)| words.contains("engram start"));
        servers.any(|(process, _)| {
            let stat = fs::read_to_string(format!("/proc/{process}/stat"));
            stat.is_ok_and(|stat| stat.contains(") T "))
        })
    };
    wait_until("the load of both", || is_loaded("before") && is_loaded("after"));
    if session == "slowed" {
        wait_until("a server that is halted", is_halted);
    }
    running.end(ending);
    wait_until(&format!("the end after {ending:?} in {session}"), || running.is_gone());
    drop(running);
    assert_the_ports_are_free(&checkout);
    // What was saved before is of the first session, and whole.
    let saved = if session == "slowed" { 2 * PAIRS } else { 0 };
    assert_whole_runs(&checkout, 1 + saved);

    is_to("never", saved / 2 + PAIRS);
    finish(selftest(&checkout)).succeeded();
    assert_whole_runs(&checkout, 1 + saved + 2 * PAIRS);
    checkout.assert_nothing_runs();
}
