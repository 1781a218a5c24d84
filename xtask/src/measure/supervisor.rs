//! The supervisor: a process of its own that owns the server and the load generator, so that neither outlives the
//! tool, whatever ends the tool.
//!
//! It sits in its own process group, where a Ctrl-C or a closing terminal does not reach it, and reads requests from a
//! pipe. When the pipe ends without [`Request::Finish`] the tool is gone, and the supervisor stops everything it owns.
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
use std::time::Duration;

use duct::Handle;
use duct::unix::HandleExt;
use serde_json::{Value, json};

use super::shell;
use super::workplace::Workplace;

/// The purpose of a supervised process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The load generator. Stopped first, so that it does not log the server's end.
    Load,
    /// The server under measurement.
    Server,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Load => "load generator",
            Self::Server => "server",
        })
    }
}

impl Role {
    fn parse(name: &str) -> Option<Self> {
        let mut roles = [Self::Load, Self::Server].into_iter();
        roles.find(|role| role.to_string() == name)
    }
}

/// A process to start. Its standard input is null; both its outputs go to one file, never a pipe.
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
    /// Start a process.
    Start(Role, Program),
    /// SIGTERM, the grace, SIGKILL.
    Stop(Role),
    /// Stop what runs, and end without a message.
    Finish,
}

/// A report of the supervisor about one process, one line of JSON each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) role: Role,
    pub(crate) news: News,
}

/// The news about a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// It runs, under this process id.
    Started(u32),
    /// It could not be started, for this reason.
    Refused(String),
    /// It is alive, and will now be sent SIGTERM.
    Asked,
    /// It did not end within the grace, and will now be sent SIGKILL.
    Killed,
    /// It ended.
    Exited(Exit),
}

/// The signal that asks a process to end.
pub(crate) const SIGTERM: i32 = 15;

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
            Some(Request::Start(role, program)) => owned.start(role, &program),
            Some(Request::Stop(role)) => owned.stop(role),
            Some(Request::Finish) => {
                orderly = true;
                break;
            }
            // A torn line: the tool died while it wrote.
            None => break,
        }
    }
    let started_any = owned.started_any;
    drop(owned);
    if orderly {
        return;
    }
    workplace.remove_scratch();
    // Before the message, which a halted terminal may hold up.
    drop(occupied);
    if started_any {
        // The terminal may be gone, and nobody left to read it.
        let _ = writeln!(
            io::stderr(),
            "\ninterrupted: server stopped, the run in progress was not saved; logs in {}",
            workplace.directory().display()
        );
    }
}

/// The children. Dropping it stops them, on a panic too.
struct Owned {
    children: BTreeMap<Role, Arc<Handle>>,
    grace: Duration,
    /// Words before each command.
    dying_with_parent: Option<[&'static str; 4]>,
    started_any: bool,
}

impl Owned {
    fn new(grace: Duration) -> Self {
        Self {
            children: BTreeMap::new(),
            grace,
            dying_with_parent: shell::dying_with_parent("KILL"),
            started_any: false,
        }
    }

    /// Starts on this thread: the kernel's parent-death signal is bound to the thread that spawns.
    fn start(&mut self, role: Role, program: &Program) {
        match self.spawn(program).map(Arc::new) {
            Ok(handle) => {
                self.started_any = true;
                self.children.insert(role, Arc::clone(&handle));
                let pid = handle.pids().first().copied().unwrap_or(0);
                report(role, News::Started(pid));
                std::thread::spawn(move || {
                    if let Ok(output) = handle.wait() {
                        report(role, News::Exited(output.status.into()));
                    }
                });
            }
            Err(error) => report(role, News::Refused(error.to_string())),
        }
    }

    fn spawn(&self, program: &Program) -> io::Result<Handle> {
        let before = self.dying_with_parent.iter().flatten().map(Into::into);
        let mut words = before
            .chain([program.path.clone().into_os_string()])
            .chain(program.arguments.iter().map(OsString::from));
        let command = duct::cmd(words.next().unwrap_or_default(), words);
        let variables = program.environment.iter();
        variables
            .filter_map(|variable| variable.split_once('='))
            .fold(command, |command, (name, value)| command.env(name, value))
            .dir(&program.directory)
            .stdin_null()
            .stderr_to_stdout()
            .stdout_path(&program.output)
            .unchecked()
            .start()
    }

    fn stop(&mut self, role: Role) {
        if let Some(handle) = self.children.remove(&role) {
            stop(role, &handle, self.grace);
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        while let Some((role, handle)) = self.children.pop_first() {
            stop(role, &handle, self.grace);
        }
    }
}

/// The report before each signal distinguishes an end that was asked for from one that was not.
fn stop(role: Role, handle: &Handle, grace: Duration) {
    if matches!(handle.try_wait(), Ok(Some(_))) {
        return;
    }
    report(role, News::Asked);
    let asked = handle.send_signal(SIGTERM).is_ok();
    if asked && matches!(handle.wait_timeout(grace), Ok(Some(_))) {
        return;
    }
    report(role, News::Killed);
    // Failing here means that it is gone already.
    let _ = handle.kill();
    let _ = handle.wait();
}

fn report(role: Role, news: News) {
    let line = Event { role, news }.encode();
    // When the tool is gone nobody listens; the end of the request pipe ends the main loop.
    let _ = writeln!(io::stdout().lock(), "{line}");
}

impl Request {
    /// One line, without its break.
    pub(crate) fn encode(&self) -> Value {
        match self {
            Self::Start(role, program) => json!({
                "request": "start",
                "role": role.to_string(),
                "path": program.path.to_string_lossy(),
                "arguments": program.arguments,
                "environment": program.environment,
                "directory": program.directory.to_string_lossy(),
                "output": program.output.to_string_lossy(),
            }),
            Self::Stop(role) => json!({"request": "stop", "role": role.to_string()}),
            Self::Finish => json!({"request": "finish"}),
        }
    }

    fn decode(line: &str) -> Option<Self> {
        let line = Line::read(line)?;
        Some(match line.text("request")? {
            "start" => Self::Start(
                line.role()?,
                Program {
                    path: line.text("path")?.into(),
                    arguments: line.texts("arguments")?,
                    environment: line.texts("environment")?,
                    directory: line.text("directory")?.into(),
                    output: line.text("output")?.into(),
                },
            ),
            "stop" => Self::Stop(line.role()?),
            "finish" => Self::Finish,
            _ => return None,
        })
    }
}

impl Event {
    fn encode(&self) -> Value {
        let role = self.role.to_string();
        match &self.news {
            News::Started(pid) => json!({"event": "started", "role": role, "pid": pid}),
            News::Refused(why) => json!({"event": "refused", "role": role, "why": why}),
            News::Asked => json!({"event": "asked", "role": role}),
            News::Killed => json!({"event": "killed", "role": role}),
            News::Exited(Exit::Code(code)) => {
                json!({"event": "exited", "role": role, "code": code})
            }
            News::Exited(Exit::Signal(signal)) => {
                json!({"event": "exited", "role": role, "signal": signal})
            }
        }
    }

    /// Reads one line of the supervisor's output.
    pub(crate) fn decode(line: &str) -> Option<Self> {
        let line = Line::read(line)?;
        let exit = || {
            let code = line.number("code").map(Exit::Code);
            code.or_else(|| line.number("signal").map(Exit::Signal))
        };
        let news = match line.text("event")? {
            "started" => News::Started(line.number("pid")?),
            "refused" => News::Refused(line.text("why")?.to_owned()),
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

    fn role(&self) -> Option<Role> {
        Role::parse(self.text("role")?)
    }
}
