//! News to the tool of the processes that its supervisor owns.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use xtask::measure::build::Binaries;
use xtask::measure::children::Children;
use xtask::measure::run::{self, Limits, RunPlan, Side};
use xtask::measure::scenario::Scenario;
use xtask::measure::supervisor::{Cause, Kind, Role};
use xtask::measure::workplace::Workplace;
use xtask::model::names::{Mode, Phase};
use xtask::term::steps::{Steps, Verbosity};

use crate::common::{Checkout, TOOL, copy_program, tool, wait_until};

const LONG: Duration = Duration::from_secs(60);
const SERVER: Role = Role { kind: Kind::Server, side: Phase::Before };
const LOAD: Role = Role { kind: Kind::Load, side: Phase::Before };

#[test]
#[cfg(target_os = "linux")] // Elsewhere nothing leads to a program whose file is gone.
fn a_tool_whose_file_is_gone_since_it_was_started_measures_on() {
    let checkout = Checkout::new();
    let copy = checkout.path("tool");
    copy_program(Path::new(TOOL), &copy);
    checkout.script("engram", "rm -f tool\nexec \"$STAND_IN/engram\" \"$@\"");
    let usual = checkout.check("007 before --runs 2");
    let mut check = Command::new(&copy);
    check.args(usual.get_args()).current_dir(usual.get_current_dir().unwrap());
    for (name, _) in usual.get_envs() {
        check.env_remove(name);
    }
    checkout.measures(check);
    assert!(!copy.exists() && checkout.results().len() == 2, "{:?}", checkout.recorded());
}

#[test]
fn a_server_that_ends_while_the_load_generator_starts_is_heard_of() {
    let (_folder, workplace, mut supervised) = started();
    let server = spawn(&mut supervised, SERVER, &workplace, "exit 7");
    wait_until_gone(server);
    spawn(&mut supervised, LOAD, &workplace, "exec sleep 600");
    let heard = supervised.exited(LONG).unwrap();
    assert_eq!(heard, Some((SERVER, code(7))));
    // And does not wait for what was heard of already.
    let stopped = supervised.stop(SERVER).unwrap();
    assert_eq!((stopped.exit, stopped.cause), (code(7), Cause::Unasked));
}

#[test]
fn a_server_that_somebody_else_killed_did_not_end_because_it_was_asked() {
    let (_folder, workplace, mut supervised) = started();
    let server = spawn(&mut supervised, SERVER, &workplace, "exec sleep 600");
    assert!(kill("KILL", server));
    wait_until_gone(server);
    let stopped = supervised.stop(SERVER).unwrap();
    assert_eq!((stopped.exit, stopped.cause), (ExitStatus::from_raw(9), Cause::Unasked));
}

#[test]
fn a_server_that_stops_at_sigterm_was_asked() {
    let (_folder, workplace, mut supervised) = started();
    spawn(&mut supervised, SERVER, &workplace, "exec sleep 600");
    let stopped = supervised.stop(SERVER).unwrap();
    assert_eq!((stopped.exit, stopped.cause), (ExitStatus::from_raw(15), Cause::Asked));
}

#[test]
fn a_server_that_is_slowed_down_is_halted_and_continued_in_proportion_and_runs_at_the_end() {
    let (_folder, workplace, mut supervised) = started();
    let busy = "trap 'exit 7' TERM; while :; do :; done";
    let server = spawn(&mut supervised, SERVER, &workplace, busy);
    supervised.slow_down(SERVER, 25.0).unwrap();
    for is_halted in [true, false, true] {
        wait_until("another state of the server", || (state(server) == Some('T')) == is_halted);
    }
    let stopped = supervised.stop(SERVER).unwrap();
    // By itself, and not because the grace was over.
    assert_eq!((stopped.exit, stopped.cause), (code(7), Cause::Asked));
    // A halt that takes longer than it is to is the last one at the most.
    assert!(stopped.slowed_down.is_some_and(|percent| percent > 15.0), "{stopped:?}");
}

fn code(code: i32) -> ExitStatus {
    ExitStatus::from_raw(code << 8)
}

fn state(process: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// In the place of the tool's own supervisor: it tells of each step when the step is over.
const LATE: &str = r#"cd '$ROOT'
read -r start
export ENGRAM_DATA_DIR="$2/data" ENGRAM_PID_PATH="$2/engram.pid"
target/release/engram start --port $PORT > "$2/server.log" 2>&1 &
until [ -s "$2/engram.pid" ]; do sleep 0.01; done
echo "started [[$!],null]"
read -r start
target/release/loadtest run --scenario scenarios/m17_baseline.toml --duration 1 \
    --endpoint http://127.0.0.1:$PORT --output "$2/result.json" > "$2/loadtest.log" 2>&1
printf '%s\n' 'started [[1],null]' 'exited ["load before",0]'
read -r stop
kill $! && wait $!
printf '%s\n' 'exited ["server before",0]' 'stopped ["Asked",0,null]'
"#;

#[test]
fn what_was_over_before_a_limit_was_looked_at_was_in_time() {
    let checkout = Checkout::new();
    let root = checkout.path("");
    let script = LATE.replace("$ROOT", root.to_str().unwrap());
    checkout.script("late", &script.replace("$PORT", &checkout.port().to_string()));
    let workplace = Workplace::at(checkout.path("tmp/m17_performance/unsaved"));
    let side = Side {
        phase: Phase::Before,
        binaries: &Binaries {
            engram: PathBuf::new(),
            loadtest: PathBuf::new(),
            engram_hash: String::new(),
            loadtest_hash: String::new(),
        },
        port: checkout.port(),
        workplace: workplace.clone(),
        slow_down: None,
    };
    let plan = RunPlan {
        tool: &checkout.path("target/release/late"),
        checkout: &root,
        scenario: &Scenario::read(&root, Mode::Internal).unwrap(),
        mode: Mode::Internal,
        duration: Duration::ZERO,
        limits: Limits { ready: Duration::ZERO, load_grace: Duration::ZERO, ..Limits::default() },
        first: side.phase,
        sides: &[side],
    };
    let measured = run::run(&plan, &workplace, &mut Steps::new(Verbosity::ProgressOnly)).unwrap();
    assert!(measured[0].result.total_operations > 0);
    checkout.assert_nothing_runs();
}

fn started() -> (tempfile::TempDir, Workplace, Children) {
    let folder = tempfile::tempdir().unwrap();
    let workplace = Workplace::beside(folder.path());
    workplace.prepare().unwrap();
    let grace = Limits::default().stop_grace;
    let tool = Path::new(TOOL);
    let supervised = Children::start(tool, folder.path(), &workplace, grace).unwrap();
    (folder, workplace, supervised)
}

fn shell(script: &str) -> Vec<String> {
    ["/bin/sh", "-c", script].map(str::to_owned).to_vec()
}

fn spawn(supervised: &mut Children, role: Role, workplace: &Workplace, script: &str) -> u32 {
    supervised.spawn(&[(role, workplace, shell(script))]).unwrap().0[0]
}

fn wait_until_gone(process: u32) {
    wait_until("the end of the server", || !kill("0", process));
}

fn kill(signal: &str, process: u32) -> bool {
    let script = format!("kill -s {signal} {process} 2>&1");
    let output = Command::new("sh").args(["-c", &script]).output();
    output.unwrap().status.success()
}

#[test]
fn several_programs_start_when_all_are_ready_and_tell_how_far_apart() {
    let (_folder, workplace, mut supervised) = started();
    let both = [SERVER, LOAD].map(|role| (role, &workplace, shell("exit 7")));
    let (processes, apart) = supervised.spawn(&both).unwrap();
    assert!(processes.len() == 2 && apart.is_some(), "{processes:?}, {apart:?}");
    let mut heard = [LONG; 2].map(|long| supervised.exited(long).unwrap().unwrap());
    heard.sort_by_key(|(role, _)| *role);
    assert_eq!(heard, [(LOAD, code(7)), (SERVER, code(7))]);
}

#[test]
fn a_program_that_waits_for_its_start_does_not_start_when_the_supervisor_is_gone() {
    let (mut supervisor, theirs) = UnixStream::pair().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let started = folder.path().join("started");
    let mut waiting = tool("__wait touch");
    waiting.arg(&started).stdin(OwnedFd::from(theirs)).stderr(Stdio::null());
    let mut waiting = waiting.spawn().unwrap();
    supervisor.read_exact(&mut [0]).unwrap();
    drop(supervisor);
    assert_eq!(waiting.wait().unwrap().code(), Some(3));
    assert!(!started.exists());
}
