//! One start for several processes: each waits until all of them are ready, and becomes its program when they are let go
//! at once. What a start takes, up to 55 ms on a busy machine, is over by then.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The hidden word that makes the tool a process that waits.
pub(crate) const WAIT: &str = "__wait";

/// The longest wait for a process to be ready, and to be gone on: it may be halted.
const PATIENCE: Duration = Duration::from_secs(5);

/// From when all are ready: on a busy CPU, a process that has just used its share wakes up late.
const REST: Duration = Duration::from_millis(50);

/// Processes that wait.
pub(crate) struct Release {
    ours: UnixStream,
    theirs: UnixStream,
}

impl Release {
    pub(crate) fn new() -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { ours, theirs })
    }

    /// The standard input of a process that is to wait.
    pub(crate) fn input(&self) -> io::Result<UnixStream> {
        self.theirs.try_clone()
    }

    /// Lets go all `count` processes, by one write: two could be far apart, where the process that wakes up first takes
    /// the CPU. Returns how far apart they noticed it, at least: one that is not ready in time follows when it is.
    pub(crate) fn let_go(mut self, count: usize) -> Duration {
        // Theirs alone, it ends when the last of them has become its program.
        drop(self.theirs);
        let _ = self.ours.read_exact(&mut vec![0; count]);
        thread::sleep(REST);
        let (mut told, now) = (String::new(), Instant::now());
        if self.ours.write_all(&vec![0; count]).is_ok() {
            let _ = self.ours.read_to_string(&mut told);
        }
        let noticed: Vec<u64> = told.lines().filter_map(|at| at.parse().ok()).collect();
        match noticed.iter().min().zip(noticed.iter().max()) {
            Some((first, last)) if noticed.len() == count => Duration::from_micros(last - first),
            _ => now.elapsed(),
        }
    }
}

/// Waits to be let go, and becomes `program`, which holds no pipe of ours. It returns where it cannot, or where the
/// supervisor is gone.
pub(crate) fn wait(program: &[OsString]) -> io::Result<()> {
    let [program, arguments @ ..] = program else {
        return Ok(());
    };
    let mut supervisor = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    supervisor.write_all(b"\n")?;
    // No more than its own share.
    supervisor.read_exact(&mut [0])?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    supervisor.write_all(format!("{}\n", now.as_micros()).as_bytes())?;
    Err(Command::new(program).args(arguments).stdin(Stdio::null()).exec())
}
