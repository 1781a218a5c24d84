//! The supervisor: a process of its own that owns the servers and the load generators, so that none outlives the tool,
//! whatever ends the tool.
//!
//! It sits in its own process group, where a Ctrl-C or a closing terminal does not reach it, and reads requests from a
//! pipe. When the pipe ends without [`FINISH`] the tool is gone, and the supervisor stops everything it owns.
//! If the supervisor itself is killed, Linux kills its children (`setpriv --pdeathsig`), and elsewhere the tool kills
//! the supervisor's process group.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, BufRead, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use duct::Handle;
use duct::unix::HandleExt;
use serde_json::{Value, json};

use super::release::{Release, WAIT};
use super::workplace::Workplace;
use super::{process, shell};
use crate::model::names::Phase;

/// The purpose of a supervised process. There is at most one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Role {
    pub kind: Kind,
    pub side: Phase,
}

/// The work of a supervised process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The load generator. Stopped first, so that it does not log the server's end.
    Load,
    /// The server under measurement.
    Server,
}

impl Kind {
    /// This work for a side.
    pub fn of(self, side: Phase) -> Role {
        Role { kind: self, side }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Load => "load",
            Kind::Server => "server",
        };
        write!(f, "{kind} {}", self.side)
    }
}

impl Role {
    pub(crate) fn parse(words: &str) -> Option<Self> {
        let mut all = [Kind::Load, Kind::Server]
            .into_iter()
            .flat_map(|kind| Phase::ALL.map(|side| kind.of(side)));
        all.find(|role| role.to_string() == words)
    }
}

/// Requests of the tool, the first word of a line each: [`Program`]s to start, several of them at the same moment; a
/// role to stop; a share in per cent and the role to slow down by it. What the first two are answered by follows them.
pub(crate) const START: &str = "start";
pub(crate) const STOP: &str = "stop";
pub(crate) const SLOW_DOWN: &str = "slow";
/// The process ids of the programs, and how far apart several noticed their start.
pub(crate) const STARTED: &str = "started";
/// Why one of the programs could not be started.
pub(crate) const REFUSED: &str = "refused";
/// A [`Cause`], the wait status, and the share in per cent by which the process was slowed down.
pub(crate) const STOPPED: &str = "stopped";
/// A role and its wait status, as soon as it ends.
pub(crate) const EXITED: &str = "exited";
/// Asks to stop what runs, and to leave the workplace as it is.
pub(crate) const FINISH: &str = "finish";

/// A program to start: its role, the workplace of its side, and the words of its command. Its standard input is null;
/// both its outputs go to its log, never a pipe.
pub(crate) type Program = (String, PathBuf, Vec<String>);

/// The signal that asks a process to end.
pub(crate) const SIGTERM: i32 = 15;
/// The signal that halts a process, whether it wants or not. The BSDs, macOS among them, number it otherwise.
const SIGSTOP: i32 = if cfg!(target_os = "linux") { 19 } else { 17 };
/// The signal that continues a halted process.
const SIGCONT: i32 = if cfg!(target_os = "linux") { 18 } else { 19 };

/// The end of a process in words.
pub(crate) fn words(end: ExitStatus) -> String {
    match end.code() {
        Some(code) => format!("exit code {code}"),
        None => format!("signal {}", end.signal().unwrap_or(0)),
    }
}

/// Why a process that was to be stopped ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Before it was asked: by itself, or by somebody else.
    Unasked,
    /// SIGTERM.
    Asked,
    /// SIGKILL, when the grace was over.
    Killed,
}

impl Cause {
    pub(crate) fn parse(word: &str) -> Option<Self> {
        let all = [Self::Unasked, Self::Asked, Self::Killed];
        all.into_iter().find(|cause| format!("{cause:?}") == word)
    }
}

/// Serves requests from standard input until it ends. `grace` is the time between SIGTERM and SIGKILL.
pub(crate) fn serve(workplace: &Workplace, grace: Duration) {
    let occupied = workplace.occupy();
    let mut owned = Owned {
        children: BTreeMap::new(),
        grace,
        tool: process::own_program().unwrap_or_default(),
        dying_with_parent: shell::dying_with_parent("KILL"),
    };
    let mut lines = io::stdin().lock().lines().map_while(Result::ok);
    // A line may be torn: then the tool died while it wrote.
    let last = lines.find(|line| owned.obey(line).is_none());
    drop(owned);
    if last.as_deref() != Some(FINISH) {
        workplace.remove_scratch();
    }
    drop(occupied);
}

/// The children. Dropping it stops them, on a panic too.
struct Owned {
    children: BTreeMap<Role, Owning>,
    grace: Duration,
    /// This executable, as which processes wait for their start.
    tool: PathBuf,
    /// Words before each command.
    dying_with_parent: Option<[&'static str; 4]>,
}

/// One child.
struct Owning {
    handle: Arc<Handle>,
    /// A thread that slows it down until the sender is dropped, and ends with the share that it came to.
    slow_down: Option<(Sender<()>, JoinHandle<f64>)>,
}

impl Owned {
    /// Does what a line asks for; `None` for one that asks for nothing more.
    fn obey(&mut self, line: &str) -> Option<()> {
        let (request, about) = line.split_once(' ')?;
        match request {
            START => self.start(&serde_json::from_str::<Vec<Program>>(about).ok()?),
            STOP => {
                let owning = self.children.remove(&Role::parse(about)?)?;
                let (cause, status, slowed_down) = owning.stop(self.grace);
                report(STOPPED, &json!((format!("{cause:?}"), status, slowed_down)));
                Some(())
            }
            SLOW_DOWN => {
                let (percent, role) = about.split_once(' ')?;
                let share = percent.parse::<f64>().ok()? / 100.0;
                let owning = self.children.get_mut(&Role::parse(role)?)?;
                let handle = Arc::clone(&owning.handle);
                let (end, ended) = mpsc::channel();
                let thread = thread::spawn(move || slow_down(&handle, share, &ended));
                owning.slow_down = Some((end, thread));
                Some(())
            }
            _ => None,
        }
    }

    /// Starts on this thread: the kernel's parent-death signal is bound to the thread that spawns.
    fn start(&mut self, programs: &[Program]) -> Option<()> {
        let release = (programs.len() > 1).then(Release::new).and_then(Result::ok);
        let mut pids = Vec::new();
        for (role, workplace, command) in programs {
            let role = Role::parse(role)?;
            let workplace = Workplace::at(workplace.clone());
            match self.spawn(role.kind, &workplace, command, release.as_ref()) {
                Ok(handle) => {
                    pids.extend(handle.pids());
                    self.own(role, Arc::new(handle));
                }
                Err(error) => {
                    let program = command.first()?;
                    report(REFUSED, &json!(format!("cannot start {program}: {error}")));
                    return Some(());
                }
            }
        }
        let apart = release.map(|release| release.let_go(programs.len()));
        report(STARTED, &json!((pids, apart)));
        Some(())
    }

    fn own(&mut self, role: Role, handle: Arc<Handle>) {
        let owning = Owning { handle: Arc::clone(&handle), slow_down: None };
        self.children.insert(role, owning);
        thread::spawn(move || {
            if let Ok(output) = handle.wait() {
                report(EXITED, &json!((role.to_string(), output.status.into_raw())));
            }
        });
    }

    fn spawn(
        &self,
        kind: Kind,
        workplace: &Workplace,
        command: &[String],
        release: Option<&Release>,
    ) -> io::Result<Handle> {
        let waiting = release.map(|_| [self.tool.clone().into_os_string(), WAIT.into()]);
        let before = self.dying_with_parent.iter().flatten().map(OsString::from);
        let mut words =
            before.chain(waiting.into_iter().flatten()).chain(command.iter().map(OsString::from));
        // Inside of the redirection of standard output, or it would go where that went before.
        let command = duct::cmd(words.next().unwrap_or_default(), words).stderr_to_stdout();
        let command = match release {
            Some(release) => command.stdin_file(release.input()?),
            None => command.stdin_null(),
        };
        let command = match kind {
            Kind::Load => command.stdout_path(workplace.load_log()),
            Kind::Server => command
                .env("ENGRAM_DATA_DIR", workplace.data())
                .env("ENGRAM_PID_PATH", workplace.pid_file())
                .stdout_path(workplace.server_log()),
        };
        command.unchecked().start()
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        for kind in [Kind::Load, Kind::Server] {
            // At the same time: two that ignore SIGTERM take no longer than one.
            thread::scope(|scope| {
                let of_kind = Phase::ALL.map(|side| self.children.remove(&kind.of(side)));
                for owning in of_kind.into_iter().flatten() {
                    let grace = self.grace;
                    scope.spawn(move || owning.stop(grace));
                }
            });
        }
    }
}

impl Owning {
    /// Looking before each signal distinguishes an end that was asked for from one that was not. Returns the wait
    /// status, too, and the share by which the process was slowed down, in per cent.
    fn stop(self, grace: Duration) -> (Cause, i32, Option<f64>) {
        let Self { handle, slow_down } = self;
        let share = slow_down.and_then(|(end, thread)| {
            drop(end);
            thread.join().ok()
        });
        // A process that somebody halted hears of no other signal.
        let ask = || handle.send_signal(SIGCONT).and_then(|()| handle.send_signal(SIGTERM));
        let cause = if matches!(handle.try_wait(), Ok(Some(_))) {
            Cause::Unasked
        } else if ask().is_ok() && matches!(handle.wait_timeout(grace), Ok(Some(_))) {
            Cause::Asked
        } else {
            // Failing here means that it is gone already.
            let _ = handle.kill();
            Cause::Killed
        };
        let status = handle.wait().map_or(0, |output| output.status.into_raw());
        (cause, status, share.map(|share| share * 100.0))
    }
}

/// The length of a halt: short beside a request, and long beside what it takes to wake up for it.
const HALT: f64 = 250e-6;

/// Halts a process until `ended`, for `share` of the time for which it lets it run. What a halt was longer than it was
/// to be, since this thread does not wake up in time, is made good by a longer run. Returns the share that it came to.
fn slow_down(handle: &Handle, share: f64, ended: &Receiver<()>) -> f64 {
    let waits = |seconds: f64| {
        let wait = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        matches!(ended.recv_timeout(wait), Err(RecvTimeoutError::Timeout))
    };
    let (began, mut halted, mut goes_on) = (Instant::now(), 0.0, true);
    while goes_on {
        let owed = (began.elapsed().as_secs_f64() - halted) * share - halted;
        if owed < HALT {
            goes_on = waits((HALT - owed) / share);
            continue;
        }
        let from = Instant::now();
        goes_on = handle.send_signal(SIGSTOP).is_ok() && waits(owed);
        // Failing, as halting does, means that it is gone.
        let _ = handle.send_signal(SIGCONT);
        halted += from.elapsed().as_secs_f64();
    }
    halted / (began.elapsed().as_secs_f64() - halted)
}

fn report(what: &str, about: &Value) {
    // When the tool is gone nobody listens; the end of the request pipe ends the main loop.
    let _ = writeln!(io::stdout().lock(), "{what} {about}");
}
