//! The supervisor: a process of its own that owns the server and the load generator, so that neither outlives the
//! tool, whatever ends the tool.
//!
//! It sits in its own process group, where a Ctrl-C or a closing terminal does not reach it, and reads requests from
//! a pipe. When the pipe ends without a farewell the tool is gone, and the supervisor stops everything it owns. If
//! the supervisor itself is killed, Linux kills its children (`setpriv --pdeathsig`), and elsewhere the tool kills
//! the supervisor's process group.

use std::collections::BTreeMap;
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

/// What a supervised process is for.
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
        [Self::Load, Self::Server]
            .into_iter()
            .find(|role| role.to_string() == name)
    }
}

/// A process to start. Its standard input is null; both its outputs go to one file, never a pipe.
#[derive(Debug, Clone)]
pub struct Program {
    /// The executable.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Variables added to the environment.
    pub environment: Vec<(String, String)>,
    /// The working directory.
    pub directory: PathBuf,
    /// The file for standard output and standard error.
    pub output: PathBuf,
}

/// What the tool asks for, one line of JSON each.
#[derive(Debug, Clone)]
pub enum Request {
    /// Start a process.
    Start(Role, Program),
    /// SIGTERM, the grace, SIGKILL.
    Stop(Role),
    /// Stop what runs, and end without a word.
    Finish,
}

/// What the supervisor reports, one line of JSON each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The process runs, under this process id.
    Started(Role, u32),
    /// It could not be started.
    Refused(Role, String),
    /// It is alive, and will now be sent SIGTERM.
    Asked(Role),
    /// It did not end within the grace, and will now be sent SIGKILL.
    Killed(Role),
    /// It ended.
    Exited(Role, Exit),
}

/// The signal that asks a process to end.
pub const SIGTERM: i32 = 15;

/// How a process ended.
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
pub fn serve(workplace: &Workplace, grace: Duration) {
    let occupied = workplace.occupy();
    let mut owned = Owned::new(grace);
    let mut orderly = false;
    for line in io::stdin().lock().lines() {
        match line.ok().as_deref().map(Request::decode) {
            Some(Some(Request::Start(role, program))) => owned.start(role, &program),
            Some(Some(Request::Stop(role))) => owned.stop(role),
            Some(Some(Request::Finish)) => {
                orderly = true;
                break;
            }
            // A torn line: the tool died while it wrote.
            Some(None) | None => break,
        }
    }
    let started_any = owned.started_any;
    drop(owned);
    if orderly {
        return;
    }
    workplace.remove_scratch();
    // Before the last word, which a halted terminal may hold up.
    drop(occupied);
    if started_any {
        // The terminal may be gone: nobody is left to tell then.
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
        match self.spawn(program) {
            Ok(handle) => {
                let handle = Arc::new(handle);
                self.started_any = true;
                self.children.insert(role, Arc::clone(&handle));
                report(&Event::Started(
                    role,
                    handle.pids().first().copied().unwrap_or(0),
                ));
                std::thread::spawn(move || {
                    if let Ok(output) = handle.wait() {
                        report(&Event::Exited(role, output.status.into()));
                    }
                });
            }
            Err(error) => report(&Event::Refused(role, error.to_string())),
        }
    }

    fn spawn(&self, program: &Program) -> io::Result<Handle> {
        let expression = match self.dying_with_parent {
            Some([setpriv, words @ ..]) => {
                let words = words
                    .map(Into::into)
                    .into_iter()
                    .chain([program.path.clone().into_os_string()])
                    .chain(program.arguments.iter().map(Into::into));
                duct::cmd(setpriv, words)
            }
            None => duct::cmd(&program.path, &program.arguments),
        };
        program
            .environment
            .iter()
            .fold(expression, |expression, (name, value)| {
                expression.env(name, value)
            })
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

/// What is reported before each signal tells an end that was asked for from one that was not.
fn stop(role: Role, handle: &Handle, grace: Duration) {
    if matches!(handle.try_wait(), Ok(Some(_))) {
        return;
    }
    report(&Event::Asked(role));
    let asked = handle.send_signal(SIGTERM).is_ok();
    if asked && matches!(handle.wait_timeout(grace), Ok(Some(_))) {
        return;
    }
    report(&Event::Killed(role));
    // Failing here means that it is gone already.
    let _ = handle.kill();
    let _ = handle.wait();
}

fn report(event: &Event) {
    // When the tool is gone nobody listens; the end of the request pipe tells the main loop.
    let _ = writeln!(io::stdout().lock(), "{}", event.encode());
}

impl Request {
    /// One line, without its break.
    pub fn encode(&self) -> Value {
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
        let value: Value = serde_json::from_str(line).ok()?;
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let role = || text("role").and_then(Role::parse);
        let words = |value: &Value| -> Option<Vec<String>> {
            let words = value.as_array()?.iter();
            words.map(|word| word.as_str().map(str::to_owned)).collect()
        };
        match text("request")? {
            "start" => Some(Self::Start(
                role()?,
                Program {
                    path: text("path")?.into(),
                    arguments: words(value.get("arguments")?)?,
                    environment: value
                        .get("environment")?
                        .as_array()?
                        .iter()
                        .map(|pair| {
                            <[String; 2]>::try_from(words(pair)?)
                                .ok()
                                .map(|[name, value]| (name, value))
                        })
                        .collect::<Option<_>>()?,
                    directory: text("directory")?.into(),
                    output: text("output")?.into(),
                },
            )),
            "stop" => Some(Self::Stop(role()?)),
            "finish" => Some(Self::Finish),
            _ => None,
        }
    }
}

impl Event {
    fn encode(&self) -> Value {
        match self {
            Self::Started(role, pid) => {
                json!({"event": "started", "role": role.to_string(), "pid": pid})
            }
            Self::Refused(role, why) => {
                json!({"event": "refused", "role": role.to_string(), "why": why})
            }
            Self::Asked(role) => json!({"event": "asked", "role": role.to_string()}),
            Self::Killed(role) => json!({"event": "killed", "role": role.to_string()}),
            Self::Exited(role, Exit::Code(code)) => {
                json!({"event": "exited", "role": role.to_string(), "code": code})
            }
            Self::Exited(role, Exit::Signal(signal)) => {
                json!({"event": "exited", "role": role.to_string(), "signal": signal})
            }
        }
    }

    /// Reads one line of the supervisor's output.
    pub fn decode(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        let role = Role::parse(value.get("role")?.as_str()?)?;
        let number = |key: &str| {
            value
                .get(key)
                .and_then(Value::as_i64)
                .and_then(|n| i32::try_from(n).ok())
        };
        match value.get("event")?.as_str()? {
            "started" => Some(Self::Started(
                role,
                u32::try_from(value.get("pid")?.as_u64()?).ok()?,
            )),
            "refused" => Some(Self::Refused(role, value.get("why")?.as_str()?.to_owned())),
            "asked" => Some(Self::Asked(role)),
            "killed" => Some(Self::Killed(role)),
            "exited" => Some(Self::Exited(
                role,
                number("code")
                    .map(Exit::Code)
                    .or_else(|| number("signal").map(Exit::Signal))?,
            )),
            _ => None,
        }
    }
}
