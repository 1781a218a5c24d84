//! What the tool hears of the processes that its supervisor owns.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use xtask::args::Limits;
use xtask::measure::supervised::{Cause, Supervised};
use xtask::measure::supervisor::{Exit, Program, Role};
use xtask::measure::workplace::Workplace;

use crate::common::{TOOL, wait_until};

const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_server_that_ends_while_the_load_generator_starts_is_heard_of() {
    let (_folder, workplace, mut supervised) = started();
    let server = shell("exit 7", &workplace);
    let server = supervised.spawn(Role::Server, server).unwrap();
    wait_until_gone(server);
    supervised
        .spawn(Role::Load, shell("exec sleep 600", &workplace))
        .unwrap();
    let heard = supervised.exited(LONG).unwrap();
    assert_eq!(heard, Some((Role::Server, Exit::Code(7))));
    // And does not wait for what was heard of already.
    let stopped = supervised.stop(Role::Server).unwrap();
    assert_eq!(
        (stopped.exit, stopped.cause),
        (Exit::Code(7), Cause::Unasked)
    );
}

#[test]
fn a_server_that_somebody_else_killed_did_not_end_because_it_was_asked() {
    let (_folder, workplace, mut supervised) = started();
    let server = shell("exec sleep 600", &workplace);
    let server = supervised.spawn(Role::Server, server).unwrap();
    assert!(kill("KILL", server));
    wait_until_gone(server);
    let stopped = supervised.stop(Role::Server).unwrap();
    assert_eq!(
        (stopped.exit, stopped.cause),
        (Exit::Signal(9), Cause::Unasked)
    );
}

#[test]
fn a_server_that_stops_at_sigterm_was_asked() {
    let (_folder, workplace, mut supervised) = started();
    let server = shell("exec sleep 600", &workplace);
    supervised.spawn(Role::Server, server).unwrap();
    let stopped = supervised.stop(Role::Server).unwrap();
    assert_eq!(
        (stopped.exit, stopped.cause),
        (Exit::Signal(15), Cause::Asked)
    );
}

fn started() -> (tempfile::TempDir, Workplace, Supervised) {
    let folder = tempfile::tempdir().unwrap();
    let workplace = Workplace::beside(folder.path());
    workplace.prepare().unwrap();
    let grace = Limits::default().stop_grace;
    let supervised = Supervised::start(Path::new(TOOL), &workplace, grace).unwrap();
    (folder, workplace, supervised)
}

fn shell(script: &str, workplace: &Workplace) -> Program {
    Program {
        path: PathBuf::from("/bin/sh"),
        arguments: vec!["-c".into(), script.into()],
        environment: Vec::new(),
        directory: workplace.directory().to_owned(),
        output: workplace.server_log(),
    }
}

fn wait_until_gone(process: u32) {
    wait_until("the end of the server", || !kill("0", process));
}

fn kill(signal: &str, process: u32) -> bool {
    let script = format!("kill -s {signal} {process} 2>&1");
    let output = Command::new("sh").args(["-c", &script]).output();
    output.unwrap().status.success()
}
