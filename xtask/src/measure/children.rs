//! The servers and the load generators, which the tool starts and stops through its supervisor.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde_json::json;

use super::shell::leaked_variables;
use super::supervisor::{self, Cause, Role};
use super::workplace::Workplace;
use crate::error::{Error, Result};

/// The hidden word that makes the tool a supervisor.
pub const SUPERVISE: &str = "__supervise";

/// The children of a running supervisor. Dropping them stops them all and waits until that is done.
pub struct Children {
    process: Child,
    requests: Option<ChildStdin>,
    /// What the supervisor says.
    lines: Receiver<String>,
    /// The ends that [`Self::exited`] has not returned yet: they were reported while something else was waited for.
    ended: BTreeMap<Role, ExitStatus>,
}

/// The end of a process that was to be stopped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stopped {
    pub exit: ExitStatus,
    pub cause: Cause,
    /// From SIGTERM until it was gone.
    pub(crate) took: Duration,
    /// The share by which it was slowed down until then, in per cent, if it was.
    pub slowed_down: Option<f64>,
}

impl Children {
    /// Starts `tool` (this executable) as a supervisor for runs in `workplace`. Its children work in `directory`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(
        tool: &Path,
        directory: &Path,
        workplace: &Workplace,
        stop_grace: Duration,
    ) -> Result<Self> {
        let supervisor = || {
            let mut command = Command::new(tool);
            command
                .arg(SUPERVISE)
                .arg(workplace.directory())
                .arg(stop_grace.as_secs().to_string())
                .current_dir(directory)
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
        let (sender, lines) = mpsc::channel();
        if let Some(output) = process.stdout.take() {
            std::thread::spawn(move || {
                let mut told = BufReader::new(output).lines().map_while(io::Result::ok);
                told.try_for_each(|line| sender.send(line))
            });
        }
        Ok(Self { process, requests, lines, ended: BTreeMap::new() })
    }

    /// The supervisor's process id, which is also its process group.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Starts programs, each by its role, the workplace of its side and the words of its command; several of them at the
    /// same moment, and this is it. Returns their process ids, in the same order, and how far apart several noticed it.
    ///
    /// # Errors
    /// When one cannot be started, with the reason, or the supervisor is gone.
    pub fn spawn(
        &mut self,
        programs: &[(Role, &Workplace, Vec<String>)],
    ) -> Result<(Vec<u32>, Option<Duration>)> {
        let programs: serde_json::Value = programs
            .iter()
            .map(|(role, place, command)| json!((role.to_string(), place.directory(), command)))
            .collect();
        let told = self.ask(&format!("{} {programs}", supervisor::START), supervisor::STARTED)?;
        serde_json::from_str(&told).map_err(|_| lost())
    }

    /// Makes a process slower by this share, in per cent, until it is stopped.
    ///
    /// # Errors
    /// When the supervisor is gone.
    pub fn slow_down(&mut self, role: Role, percent: f64) -> Result<()> {
        self.send(&format!("{} {percent} {role}", supervisor::SLOW_DOWN))
    }

    /// Waits up to `timeout` for a process to end. Each end is returned once, those of load generators first.
    ///
    /// # Errors
    /// When the supervisor is gone.
    pub fn exited(&mut self, timeout: Duration) -> Result<Option<(Role, ExitStatus)>> {
        if self.ended.is_empty() {
            match self.lines.recv_timeout(timeout) {
                Ok(line) => self.keep(&line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(lost()),
            }
        }
        Ok(self.ended.pop_first())
    }

    /// Stops a process that was started.
    ///
    /// # Errors
    /// When the supervisor is gone.
    pub fn stop(&mut self, role: Role) -> Result<Stopped> {
        let began = Instant::now();
        let told = self.ask(&format!("{} {role}", supervisor::STOP), supervisor::STOPPED)?;
        let (cause, status, slowed_down): (String, i32, _) =
            serde_json::from_str(&told).map_err(|_| lost())?;
        let cause = Cause::parse(&cause).ok_or_else(lost)?;
        let exit = ExitStatus::from_raw(status);
        Ok(Stopped { exit, cause, took: began.elapsed(), slowed_down })
    }

    /// Asks the supervisor, and waits for the answer that begins with this word.
    fn ask(&mut self, request: &str, answer: &str) -> Result<String> {
        self.send(request)?;
        loop {
            let line = self.lines.recv().map_err(|_| lost())?;
            match line.split_once(' ') {
                Some((word, told)) if word == answer => return Ok(told.to_owned()),
                Some((supervisor::REFUSED, why)) => {
                    return Err(Error::new(
                        serde_json::from_str::<String>(why).unwrap_or_default(),
                    ));
                }
                _ => self.keep(&line),
            }
        }
    }

    /// Keeps what a line says of an end.
    fn keep(&mut self, line: &str) {
        let ended = || {
            let told = line.strip_prefix(supervisor::EXITED)?;
            let (role, status): (String, _) = serde_json::from_str(told).ok()?;
            Some((Role::parse(&role)?, ExitStatus::from_raw(status)))
        };
        self.ended.extend(ended());
    }

    fn send(&mut self, request: &str) -> Result<()> {
        let pipe = self.requests.as_mut().ok_or_else(lost)?;
        pipe.write_all(format!("{request}\n").as_bytes()).map_err(|_| lost())
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        // Unwinding, the tool does not come to clean up: without a word, the supervisor does.
        if !std::thread::panicking() {
            // It fails where the supervisor is gone already, which the wait below shows.
            let _ = self.send(supervisor::FINISH);
        }
        self.requests = None;
        let ended = self.process.wait();
        if ended.is_ok_and(|status| status.signal().is_some()) {
            kill_group(self.process.id());
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
