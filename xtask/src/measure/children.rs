//! The servers and the load generators, which the tool starts and stops through its supervisor.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::shell::leaked_variables;
use super::supervisor::{Event, Exit, News, Program, Request, Role};
use super::workplace::Workplace;
use crate::error::{Error, Result};

/// The hidden word that makes the tool a supervisor.
pub const SUPERVISE: &str = "__supervise";

/// The children of a running supervisor. Dropping them stops them all and waits until that is done.
pub struct Children {
    process: Child,
    requests: Option<ChildStdin>,
    events: Receiver<Event>,
    ended: BTreeMap<Role, Exit>,
    /// The ends that [`Self::exited`] has not returned yet: they were reported while something else was waited for.
    news: BTreeSet<Role>,
    workplace: Workplace,
}

/// A process that was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    pub(crate) role: Role,
    pub pid: u32,
    /// How far apart several noticed their start.
    pub apart: Option<Duration>,
}

/// The end of a process that was to be stopped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stopped {
    pub exit: Exit,
    pub cause: Cause,
    /// From SIGTERM until it was gone.
    pub(crate) took: Duration,
    /// The share by which it was slowed down until then, in per cent, if it was.
    pub slowed_down: Option<f64>,
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

impl Children {
    /// Starts `tool` (this executable) as a supervisor for runs in `workplace`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(tool: &Path, workplace: &Workplace, stop_grace: Duration) -> Result<Self> {
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
        let mut process = start_in_own_group(supervisor).map_err(|error| {
            let what = format!("cannot start the supervisor {}", tool.display());
            Error::because(what, error)
        })?;
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
            news: BTreeSet::new(),
            workplace: workplace.clone(),
        })
    }

    /// The supervisor's process id, which is also its process group.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Starts programs; several of them at the same moment, and this is it. They are returned in the same order.
    ///
    /// # Errors
    /// When one cannot be started, with the reason, or the supervisor is gone.
    pub fn spawn(&mut self, programs: &[(Role, Program)]) -> Result<Vec<Started>> {
        self.send(&Request::Start(programs.to_vec()))?;
        programs.iter().map(|(role, program)| self.started(*role, program)).collect()
    }

    fn started(&mut self, role: Role, program: &Program) -> Result<Started> {
        loop {
            // They are started, and reported, in the order of the requests.
            match self.news_of(role)? {
                Some(News::Started(pid, apart)) => return Ok(Started { role, pid, apart }),
                Some(News::Refused(why)) => {
                    let what = format!("cannot start the {} {}", role.kind, program.path.display());
                    return Err(Error::because(what, why));
                }
                _ => {}
            }
        }
    }

    /// Makes a process slower by this share, in per cent, until it is stopped.
    ///
    /// # Errors
    /// When the supervisor is gone.
    pub fn slow_down(&mut self, role: Role, percent: f64) -> Result<()> {
        self.send(&Request::SlowDown(role, percent))
    }

    /// Waits up to `timeout` for a process to end. Each end is returned once, those of load generators first.
    ///
    /// # Errors
    /// When the supervisor is gone.
    pub fn exited(&mut self, timeout: Duration) -> Result<Option<(Role, Exit)>> {
        if self.news.is_empty() {
            match self.events.recv_timeout(timeout) {
                Ok(event) => self.keep(&event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(lost()),
            }
        }
        let first = self.news.pop_first();
        Ok(first.and_then(|role| Some((role, *self.ended.get(&role)?))))
    }

    /// Stops a process that was started.
    ///
    /// # Errors
    /// When the supervisor is gone.
    pub fn stop(&mut self, role: Role) -> Result<Stopped> {
        let began = Instant::now();
        let (mut cause, mut slowed_down) = (Cause::Unasked, None);
        self.send(&Request::Stop(role))?;
        loop {
            if let Some(exit) = self.ended.get(&role) {
                return Ok(Stopped { exit: *exit, cause, took: began.elapsed(), slowed_down });
            }
            match self.news_of(role)? {
                Some(News::Asked) => cause = Cause::Asked,
                Some(News::Killed) => cause = Cause::Killed,
                Some(News::SlowedDown(percent)) => slowed_down = Some(percent),
                _ => {}
            }
        }
    }

    /// Waits for the next event; its news, where they are about `role`.
    fn news_of(&mut self, role: Role) -> Result<Option<News>> {
        let event = self.events.recv().map_err(|_| lost())?;
        self.keep(&event);
        Ok((event.role == role).then_some(event.news))
    }

    fn keep(&mut self, event: &Event) {
        if let News::Exited(exit) = event.news {
            self.ended.insert(event.role, exit);
            self.news.insert(event.role);
        }
    }

    fn send(&mut self, request: &Request) -> Result<()> {
        let line = format!("{}\n", request.encode());
        let pipe = self.requests.as_mut().ok_or_else(lost)?;
        pipe.write_all(line.as_bytes()).map_err(|_| lost())
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        // It fails where the supervisor is gone already, which the wait below shows.
        let _ = self.send(&Request::Finish);
        self.requests = None;
        let ended = self.process.wait();
        if ended.is_ok_and(|status| status.signal().is_some()) {
            kill_group(self.process.id());
        }
        if std::thread::panicking() {
            // `Finish` leaves the cleaning to the tool, which will not reach it.
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
    let own = fs::metadata("/proc/self").ok().filter(|_| cfg!(target_os = "linux"));
    let fork = |own: fs::Metadata| command().process_group(0).gid(own.gid()).spawn().ok();
    match own.and_then(fork) {
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
        .output();
}

fn lost() -> Error {
    Error::new("the supervisor of the server and the load generator was killed")
        .next("what it owned was stopped; run the command again")
}
