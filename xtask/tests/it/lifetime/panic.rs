//! A panic of the tool, made in this process: the tool has no switch for it.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use xtask::measure::build::Binaries;
use xtask::measure::children::Children;
use xtask::measure::run::{self, Limits, RunPlan, Side};
use xtask::measure::scenario::Scenario;
use xtask::measure::supervisor::Kind;
use xtask::measure::workplace::Workplace;
use xtask::model::names::{Mode, Phase};
use xtask::store::results::Results;
use xtask::term::steps::{Steps, Verbosity};

use super::step::Step;
use super::{assert_only_logs_are_unsaved, assert_the_port_is_free, assert_whole_runs};
use crate::common::{Checkout, TOOL, finish, wait_until};

#[test]
fn a_panic_while_the_server_starts() {
    let step = Step::Ready;
    let checkout = step.checkout();
    let (root, workplace) = places(&checkout);
    workplace.prepare().unwrap();
    let server = root.join("target/release/engram").display().to_string();
    let server = [&server, "start", "--port", &checkout.port().to_string()].map(str::to_owned);
    let outcome = catch_unwind(|| {
        let grace = Limits::default().stop_grace;
        let mut supervised = Children::start(Path::new(TOOL), &root, &workplace, grace).unwrap();
        let role = Kind::Server.of(Phase::Before);
        supervised.spawn(&[(role, &workplace, server.to_vec())]).unwrap();
        wait_until("the server", || step.is_reached(&checkout));
        panic!("a defect");
    });
    assert!(outcome.is_err());
    assert_all_is_over(&checkout);
}

#[test]
fn a_panic_under_load() {
    let checkout = Step::Load.checkout();
    let (root, workplace) = places(&checkout);
    let side = Side {
        phase: Phase::Before,
        binaries: &Binaries {
            engram: root.join("target/release/engram"),
            loadtest: root.join("target/release/loadtest"),
            engram_hash: String::new(),
            loadtest_hash: String::new(),
        },
        port: checkout.port(),
        workplace: workplace.clone(),
        slow_down: None,
    };
    let plan = RunPlan {
        tool: Path::new(TOOL),
        checkout: &root,
        scenario: &Scenario::read(&root, Mode::Internal).unwrap(),
        mode: Mode::Internal,
        duration: Duration::from_secs(1),
        first: side.phase,
        sides: &[side],
        limits: Limits {
            // The sum with the duration overflows, which is after the load generator was started.
            load_grace: Duration::MAX,
            ..Limits::default()
        },
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        run::run(&plan, &workplace, &mut Steps::new(Verbosity::ProgressOnly))
    }));
    assert!(outcome.is_err());
    // It did come that far.
    assert!(workplace.load_log().exists());
    assert_all_is_over(&checkout);
}

#[test]
fn a_panic_of_the_tool_is_exit_3_and_one_message() {
    let checkout = Step::Load.checkout();
    let mut check = checkout.check("007 before");
    // No thread has room for such a stack, and the standard library panics where it cannot start one.
    check.env("RUST_MIN_STACK", (1_u64 << 46).to_string());
    let message = finish(check).refused();
    assert!(message.contains("a defect in this tool"), "{message}");
    assert_all_is_over(&checkout);
}

fn places(checkout: &Checkout) -> (PathBuf, Workplace) {
    let root = fs::canonicalize(checkout.path("")).unwrap();
    let workplace = Workplace::beside(Results::of(&root).folder());
    (root, workplace)
}

/// At once: unwinding waits for the supervisor.
#[track_caller]
fn assert_all_is_over(checkout: &Checkout) {
    assert_eq!(checkout.running(), Vec::<String>::new());
    assert_only_logs_are_unsaved(checkout);
    assert_the_port_is_free(checkout);
    assert_whole_runs(checkout, 0);
    finish(checkout.check("007 after")).succeeded();
    assert_whole_runs(checkout, 1);
}
