//! The supervisor: a process of its own that owns the servers and the load generators, so that none outlives the tool,
//! whatever ends the tool.
//!
//! It sits in its own process group, where a Ctrl-C or a closing terminal does not reach it, and reads requests from a
//! pipe. When the pipe ends without [`Request::Finish`] the tool is gone, and the supervisor stops everything it owns.
//! If the supervisor itself is killed, Linux kills its children (`setpriv --pdeathsig`), and elsewhere the tool kills
//! the supervisor's process group.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, BufRead, Write};
use std::mem;
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
use super::shell;
use super::workplace::Workplace;
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

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Load => "load generator",
            Self::Server => "server",
        })
    }
}

impl Kind {
    /// Both, in the order in which they are stopped.
    const ALL: [Self; 2] = [Self::Load, Self::Server];

    /// This work for a side.
    pub fn of(self, side: Phase) -> Role {
        Role { kind: self, side }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.to_string() == name)
    }
}

/// A program to start. Its standard input is null; both its outputs go to one file, never a pipe.
#[derive(Debug, Clone)]
pub struct Program {
    /// The executable.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Variables added to the environment, as `NAME=value`.
    pub environment: Vec<String>,
    /// The working directory.
    pub directory: PathBuf,
    /// The file for standard output and standard error.
    pub output: PathBuf,
}

/// A request of the tool, one line of JSON each.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    /// Start programs; several of them at the same moment.
    Start(Vec<(Role, Program)>),
    /// SIGTERM, the grace, SIGKILL.
    Stop(Role),
    /// Make a process slower by this share, in per cent: again and again it is halted, and continued.
    SlowDown(Role, f64),
    /// Stop what runs, and end without a message.
    Finish,
}

/// A report of the supervisor about one process, one line of JSON each.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) role: Role,
    pub(crate) news: News,
}

/// The news about a process.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum News {
    /// It runs, under this process id. Several noticed their start so far apart.
    Started(u32, Option<Duration>),
    /// It could not be started, for this reason.
    Refused(String),
    /// It was slowed down by this share, in per cent, and is no longer.
    SlowedDown(f64),
    /// It is alive, and will now be sent SIGTERM.
    Asked,
    /// It did not end within the grace, and will now be sent SIGKILL.
    Killed,
    /// It ended.
    Exited(Exit),
}

/// The signal that asks a process to end.
pub(crate) const SIGTERM: i32 = 15;
/// The signal that halts a process, whether it wants or not. The BSDs, macOS among them, number it otherwise.
const SIGSTOP: i32 = if cfg!(target_os = "linux") { 19 } else { 17 };
/// The signal that continues a halted process.
const SIGCONT: i32 = if cfg!(target_os = "linux") { 18 } else { 19 };

/// The end of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        match status.code() {
            Some(code) => Self::Code(code),
            None => Self::Signal(status.signal().unwrap_or(0)),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// Serves requests from standard input until it ends. `grace` is the time between SIGTERM and SIGKILL.
pub(crate) fn serve(workplace: &Workplace, grace: Duration) {
    let occupied = workplace.occupy();
    let mut owned = Owned::new(grace);
    let mut orderly = false;
    for line in io::stdin().lock().lines() {
        match line.ok().and_then(|line| Request::decode(&line)) {
            Some(Request::Start(programs)) => owned.start(&programs),
            Some(Request::Stop(role)) => owned.stop(role),
            Some(Request::SlowDown(role, percent)) => owned.slow_down(role, percent),
            Some(Request::Finish) => {
                orderly = true;
                break;
            }
            // A torn line: the tool died while it wrote.
            None => break,
        }
    }
    drop(owned);
    if !orderly {
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
    slow_down: Option<SlowDown>,
}

impl Owned {
    fn new(grace: Duration) -> Self {
        Self {
            children: BTreeMap::new(),
            grace,
            // Now: later its path may be that of a newer one, and its own no more.
            tool: env::current_exe().unwrap_or_default(),
            dying_with_parent: shell::dying_with_parent("KILL"),
        }
    }

    /// Starts on this thread: the kernel's parent-death signal is bound to the thread that spawns.
    fn start(&mut self, programs: &[(Role, Program)]) {
        let count = programs.len();
        let release = (count > 1).then(Release::new).and_then(Result::ok);
        let spawn = |(role, program): &(Role, Program)| {
            (*role, self.spawn(program, release.as_ref()).map(Arc::new))
        };
        let started: Vec<_> = programs.iter().map(spawn).collect();
        let all_are_there = started.iter().all(|(_, handle)| handle.is_ok());
        let release = release.filter(|_| all_are_there);
        let apart = release.map(|release| release.let_go(count));
        for (role, handle) in started {
            match handle {
                Ok(handle) => {
                    let pid = handle.pids().first().copied().unwrap_or(0);
                    report(role, News::Started(pid, apart));
                    self.own(role, handle);
                }
                Err(error) => report(role, News::Refused(error.to_string())),
            }
        }
    }

    fn own(&mut self, role: Role, handle: Arc<Handle>) {
        let owning = Owning { handle: Arc::clone(&handle), slow_down: None };
        self.children.insert(role, owning);
        thread::spawn(move || {
            if let Ok(output) = handle.wait() {
                report(role, News::Exited(output.status.into()));
            }
        });
    }

    fn spawn(&self, program: &Program, release: Option<&Release>) -> io::Result<Handle> {
        let waiting = release.map(|_| [self.tool.clone().into_os_string(), WAIT.into()]);
        let before = self.dying_with_parent.iter().flatten().map(Into::into);
        let mut words = before
            .chain(waiting.into_iter().flatten())
            .chain([program.path.clone().into_os_string()])
            .chain(program.arguments.iter().map(OsString::from));
        let command = duct::cmd(words.next().unwrap_or_default(), words);
        let command = match release {
            Some(release) => command.stdin_file(release.input()?),
            None => command.stdin_null(),
        };
        let variables = program.environment.iter();
        variables
            .filter_map(|variable| variable.split_once('='))
            .fold(command, |command, (name, value)| command.env(name, value))
            .dir(&program.directory)
            .stderr_to_stdout()
            .stdout_path(&program.output)
            .unchecked()
            .start()
    }

    fn stop(&mut self, role: Role) {
        if let Some(owning) = self.children.remove(&role) {
            owning.stop(role, self.grace);
        }
    }

    fn slow_down(&mut self, role: Role, percent: f64) {
        if let Some(owning) = self.children.get_mut(&role) {
            owning.slow_down = Some(SlowDown::begin(Arc::clone(&owning.handle), percent));
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let grace = self.grace;
        let servers = self.children.split_off(&Kind::Server.of(Phase::Before));
        let load_generators = mem::take(&mut self.children);
        for of_kind in [load_generators, servers] {
            // At the same time: two that ignore SIGTERM take no longer than one.
            thread::scope(|scope| {
                for (role, owning) in of_kind {
                    scope.spawn(move || owning.stop(role, grace));
                }
            });
        }
    }
}

impl Owning {
    /// The report before each signal distinguishes an end that was asked for from one that was not.
    fn stop(self, role: Role, grace: Duration) {
        let Self { handle, slow_down } = self;
        if let Some(percent) = slow_down.and_then(SlowDown::end) {
            report(role, News::SlowedDown(percent));
        }
        if matches!(handle.try_wait(), Ok(Some(_))) {
            return;
        }
        report(role, News::Asked);
        // A process that somebody halted hears of no other signal.
        let asked = handle.send_signal(SIGCONT).and_then(|()| handle.send_signal(SIGTERM));
        if asked.is_ok() && matches!(handle.wait_timeout(grace), Ok(Some(_))) {
            return;
        }
        report(role, News::Killed);
        // Failing here means that it is gone already.
        let _ = handle.kill();
        let _ = handle.wait();
    }
}

/// A process that is halted and continued in turn, by a thread. It runs when this is dropped.
struct SlowDown {
    /// Its end ends the thread.
    end: Sender<()>,
    thread: JoinHandle<f64>,
}

/// The length of a halt: short beside a request, and long beside what it takes to wake up for it.
const HALT: Duration = Duration::from_micros(250);

impl SlowDown {
    fn begin(handle: Arc<Handle>, percent: f64) -> Self {
        let (end, ended) = mpsc::channel();
        let thread = thread::spawn(move || slow_down(&handle, percent / 100.0, &ended));
        Self { end, thread }
    }

    /// Ends it; the share by which the process was slowed down, in per cent.
    fn end(self) -> Option<f64> {
        drop(self.end);
        let share = self.thread.join().ok()?;
        share.is_finite().then_some(share * 100.0)
    }
}

/// Halts a process until `ended`, for `share` of the time for which it lets it run. What a halt was longer than it was
/// to be, since this thread does not wake up in time, is made good by a longer run. Returns the share that it came to.
fn slow_down(handle: &Handle, share: f64, ended: &Receiver<()>) -> f64 {
    let goes_on = |wait: f64| {
        let wait = Duration::try_from_secs_f64(wait).unwrap_or_default();
        matches!(ended.recv_timeout(wait), Err(RecvTimeoutError::Timeout))
    };
    let (began, mut halted) = (Instant::now(), 0.0);
    loop {
        let ran = began.elapsed().as_secs_f64() - halted;
        let owed = ran * share - halted;
        if owed < HALT.as_secs_f64() {
            if goes_on((HALT.as_secs_f64() - owed) / share) {
                continue;
            }
            return halted / ran;
        }
        let from = Instant::now();
        let was_halted = handle.send_signal(SIGSTOP).is_ok();
        let goes_on = goes_on(owed);
        // Failing, as halting does, means that it is gone.
        let _ = handle.send_signal(SIGCONT);
        halted += from.elapsed().as_secs_f64();
        if !(was_halted && goes_on) {
            return halted / (began.elapsed().as_secs_f64() - halted);
        }
    }
}

fn report(role: Role, news: News) {
    let line = Event { role, news }.encode();
    // When the tool is gone nobody listens; the end of the request pipe ends the main loop.
    let _ = writeln!(io::stdout().lock(), "{line}");
}

impl Role {
    /// A line about it.
    fn with(self, mut line: Value) -> Value {
        let Self { kind, side } = self;
        if let Some(line) = line.as_object_mut() {
            line.insert("role".into(), kind.to_string().into());
            line.insert("side".into(), side.to_string().into());
        }
        line
    }
}

impl Request {
    /// One line, without its break.
    pub(crate) fn encode(&self) -> Value {
        match self {
            Self::Start(programs) => {
                let programs = programs.iter().map(|(role, program)| {
                    role.with(json!({
                        "path": program.path.to_string_lossy(),
                        "arguments": program.arguments,
                        "environment": program.environment,
                        "directory": program.directory.to_string_lossy(),
                        "output": program.output.to_string_lossy(),
                    }))
                });
                json!({"request": "start", "programs": programs.collect::<Value>()})
            }
            Self::Stop(role) => role.with(json!({"request": "stop"})),
            Self::SlowDown(role, percent) => {
                role.with(json!({"request": "slow down", "percent": percent}))
            }
            Self::Finish => json!({"request": "finish"}),
        }
    }

    fn decode(line: &str) -> Option<Self> {
        let line = Line::read(line)?;
        Some(match line.text("request")? {
            "start" => {
                let program = |line: &Value| {
                    let line = Line(line.clone());
                    let program = Program {
                        path: line.text("path")?.into(),
                        arguments: line.texts("arguments")?,
                        environment: line.texts("environment")?,
                        directory: line.text("directory")?.into(),
                        output: line.text("output")?.into(),
                    };
                    Some((line.role()?, program))
                };
                let programs = line.0.get("programs")?.as_array()?.iter();
                Self::Start(programs.map(program).collect::<Option<_>>()?)
            }
            "stop" => Self::Stop(line.role()?),
            "slow down" => Self::SlowDown(line.role()?, line.measured("percent")?),
            "finish" => Self::Finish,
            _ => return None,
        })
    }
}

impl Event {
    fn encode(&self) -> Value {
        self.role.with(match &self.news {
            News::Started(pid, apart) => {
                let apart = apart.map(|apart| apart.as_secs_f64());
                json!({"event": "started", "pid": pid, "apart": apart})
            }
            News::Refused(why) => json!({"event": "refused", "why": why}),
            News::SlowedDown(percent) => json!({"event": "slowed down", "percent": percent}),
            News::Asked => json!({"event": "asked"}),
            News::Killed => json!({"event": "killed"}),
            News::Exited(Exit::Code(code)) => json!({"event": "exited", "code": code}),
            News::Exited(Exit::Signal(signal)) => json!({"event": "exited", "signal": signal}),
        })
    }

    /// Reads one line of the supervisor's output.
    pub(crate) fn decode(line: &str) -> Option<Self> {
        let line = Line::read(line)?;
        let exit = || {
            let code = line.number("code").map(Exit::Code);
            code.or_else(|| line.number("signal").map(Exit::Signal))
        };
        let news = match line.text("event")? {
            "started" => {
                let apart = line.measured("apart").map(Duration::try_from_secs_f64);
                News::Started(line.number("pid")?, apart.and_then(Result::ok))
            }
            "refused" => News::Refused(line.text("why")?.to_owned()),
            "slowed down" => News::SlowedDown(line.measured("percent")?),
            "asked" => News::Asked,
            "killed" => News::Killed,
            "exited" => News::Exited(exit()?),
            _ => return None,
        };
        let role = line.role()?;
        Some(Self { role, news })
    }
}

/// A line of JSON.
struct Line(Value);

impl Line {
    fn read(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok().map(Self)
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_str()
    }

    fn texts(&self, key: &str) -> Option<Vec<String>> {
        let texts = self.0.get(key)?.as_array()?.iter();
        texts.map(|text| text.as_str().map(str::to_owned)).collect()
    }

    fn number<T: TryFrom<i64>>(&self, key: &str) -> Option<T> {
        self.0.get(key)?.as_i64()?.try_into().ok()
    }

    fn measured(&self, key: &str) -> Option<f64> {
        self.0.get(key)?.as_f64()
    }

    fn role(&self) -> Option<Role> {
        let (kind, side) = (Kind::parse(self.text("role")?)?, Phase::parse(self.text("side")?)?);
        Some(Role { kind, side })
    }
}
