//! The tool's end of the pipe to the supervisor.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::shell::leaked_variables;
use super::supervisor::{Event, Exit, Program, Request, Role};
use super::workplace::Workplace;
use crate::error::{Error, Result};

/// The hidden word that makes the tool a supervisor.
pub const SUPERVISE: &str = "__supervise";

/// A running supervisor. Dropping it stops what the supervisor owns and waits until that is done.
pub struct Supervised {
    process: Child,
    requests: Option<ChildStdin>,
    events: Receiver<Event>,
    /// The ends that were heard of, be it while something else was waited for.
    ended: BTreeMap<Role, Exit>,
    workplace: Workplace,
}

/// How a process was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// How it ended.
    pub exit: Exit,
    /// Why.
    pub cause: Cause,
    /// From SIGTERM until it was gone.
    pub took: Duration,
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

impl Supervised {
    /// Starts `tool` (this executable) as a supervisor for runs in `workplace`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(tool: &Path, workplace: &Workplace, stop_grace: Duration) -> Result<Self> {
        let failed = |error| {
            Error::because(
                format!("cannot start the supervisor {}", tool.display()),
                error,
            )
        };
        let supervisor = || {
            let mut command = Command::new(tool);
            command
                .arg(SUPERVISE)
                .arg(workplace.directory())
                .arg(stop_grace.as_secs().to_string())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped());
            for name in leaked_variables() {
                command.env_remove(name);
            }
            command
        };
        let mut process = start_in_own_group(supervisor).map_err(failed)?;
        let requests = process.stdin.take();
        let (sender, events) = mpsc::channel();
        if let Some(output) = process.stdout.take() {
            std::thread::spawn(move || {
                BufReader::new(output)
                    .lines()
                    .map_while(|line| Event::decode(&line.ok()?))
                    .take_while(|event| sender.send(event.clone()).is_ok())
                    .for_each(drop);
            });
        }
        Ok(Self {
            process,
            requests,
            events,
            ended: BTreeMap::new(),
            workplace: workplace.clone(),
        })
    }

    /// The supervisor's process id, which is also its process group.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Starts a process and returns its id.
    ///
    /// # Errors
    /// When it cannot be started, with the reason, or the supervisor is gone.
    pub fn spawn(&mut self, role: Role, program: Program) -> Result<u32> {
        let path = program.path.clone();
        self.send(&Request::Start(role, program))?;
        loop {
            match self.events.recv().map_err(|_| lost())? {
                Event::Started(started, pid) if started == role => return Ok(pid),
                Event::Refused(refused, why) if refused == role => {
                    return Err(Error::because(
                        format!("cannot start the {role} {}", path.display()),
                        why,
                    ));
                }
                event => self.keep(event),
            }
        }
    }

    /// Waits up to `timeout` for a process to end. What ended before is told again, the load generator first.
    ///
    /// # Errors
    /// When the supervisor is gone.
    pub fn exited(&mut self, timeout: Duration) -> Result<Option<(Role, Exit)>> {
        if self.ended.is_empty() {
            match self.events.recv_timeout(timeout) {
                Ok(event) => self.keep(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(lost()),
            }
        }
        Ok(self
            .ended
            .first_key_value()
            .map(|(role, exit)| (*role, *exit)))
    }

    /// Stops a process that was started.
    ///
    /// # Errors
    /// When the supervisor is gone.
    pub fn stop(&mut self, role: Role) -> Result<Stopped> {
        let began = Instant::now();
        let mut cause = Cause::Unasked;
        self.send(&Request::Stop(role))?;
        loop {
            if let Some(exit) = self.ended.get(&role) {
                return Ok(Stopped {
                    exit: *exit,
                    cause,
                    took: began.elapsed(),
                });
            }
            match self.events.recv().map_err(|_| lost())? {
                Event::Asked(asked) if asked == role => cause = Cause::Asked,
                Event::Killed(killed) if killed == role => cause = Cause::Killed,
                event => self.keep(event),
            }
        }
    }

    fn keep(&mut self, event: Event) {
        if let Event::Exited(role, exit) = event {
            self.ended.insert(role, exit);
        }
    }

    fn send(&mut self, request: &Request) -> Result<()> {
        let line = format!("{}\n", request.encode());
        let pipe = self.requests.as_mut().ok_or_else(lost)?;
        pipe.write_all(line.as_bytes()).map_err(|_| lost())
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        // A supervisor that is gone already makes this fail; the wait below tells.
        let _ = self.send(&Request::Finish);
        self.requests = None;
        let killed = self
            .process
            .wait()
            .is_ok_and(|status| status.signal().is_some());
        if killed {
            kill_group(self.process.id());
        }
        if std::thread::panicking() {
            // A farewell leaves the cleaning to the tool, which will not come to it.
            self.workplace.remove_scratch();
        }
    }
}

/// Starts the supervisor in a process group of its own, where no key of the terminal reaches it.
///
/// On Linux it is forked, not spawned: the C library's spawn suspends the parent, deaf to signals, until the child
/// runs its program. A Ctrl-Z just before the child is moved into its group would halt it there, where nobody resumes
/// it, and neither would then ever end. The standard library forks where a group id is to be set, so it sets the one
/// that the child has anyway.
fn start_in_own_group(command: impl Fn() -> Command) -> io::Result<Child> {
    let own_group_id = match cfg!(target_os = "linux") {
        true => fs::metadata("/proc/self").ok().map(|own| own.gid()),
        false => None,
    };
    let forked = own_group_id
        .map(|group_id| command().process_group(0).gid(group_id).spawn())
        .and_then(Result::ok);
    match forked {
        Some(child) => Ok(child),
        // A container may not know the group id that it shows.
        None => command().process_group(0).spawn(),
    }
}

/// Kills what a killed supervisor left. Its group id stays taken as long as any member lives, so this hits no other.
/// The shell's own `kill` is always there; the program is not, where `ps` is not installed.
fn kill_group(group: u32) {
    let _ = Command::new("sh")
        .args(["-c", "kill -s KILL -- \"-$0\"", &group.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

fn lost() -> Error {
    Error::new("the supervisor of the server and the load generator was killed")
        .next("what it owned was stopped; run the command again")
}
