//! The folder that a measurement works in: `unsaved/` beside the results. Everything it makes is there until it is
//! saved; after a failure the logs stay, until the next measurement clears them. Where both sides are measured, each
//! has a folder of its own in it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::files;
use crate::model::layout::UNSAVED;
use crate::model::names::Phase;

/// The folder of the run in progress.
#[derive(Debug, Clone)]
pub struct Workplace(PathBuf);

/// The longest time that an interrupted run may take to stop its server: more than the default grace of the load
/// generator and the server together.
const LONGEST_END: Duration = Duration::from_secs(30);

impl Workplace {
    /// The workplace beside the results in `results`.
    pub fn beside(results: &Path) -> Self {
        Self(results.join(UNSAVED))
    }

    /// The workplace at `directory`, as [`Workplace::directory`] named it.
    pub fn at(directory: PathBuf) -> Self {
        Self(directory)
    }

    /// The workplace of one side, where both are measured.
    pub(crate) fn of_side(&self, phase: Phase) -> Self {
        Self(self.0.join(phase.to_string()))
    }

    /// Empties it and makes a fresh data directory.
    ///
    /// # Errors
    /// When a file is in the way or the folder cannot be written.
    pub fn prepare(&self) -> Result<()> {
        self.clear()?;
        let data = self.data();
        fs::create_dir_all(&data).map_err(Error::at("cannot make the folder", &data))
    }

    /// Claims it for as long as the file is open; `None` where that is impossible. A supervisor outlives a killed tool
    /// for as long as its server takes to stop, and cleans up afterwards: the next run must not begin before that.
    pub(crate) fn occupy(&self) -> Option<File> {
        // The folder itself is locked, as that of the results is.
        let folder = files::open_at_once(&self.0).ok()?;
        folder.try_lock().ok().map(|()| folder)
    }

    /// Removes it with all that is in it, once nobody occupies it.
    ///
    /// # Errors
    /// When it cannot be removed, or an interrupted run still has it after a long wait.
    pub(crate) fn clear(&self) -> Result<()> {
        const INTERVAL: Duration = Duration::from_millis(20);
        let began = Instant::now();
        // Opened anew each time: the other process may have removed it. Without locks there is nothing to wait for.
        while files::open_at_once(&self.0)
            .is_ok_and(|folder| matches!(folder.try_lock(), Err(TryLockError::WouldBlock)))
        {
            if began.elapsed() > LONGEST_END {
                return Err(Error::new(format!(
                    "an interrupted measurement is still stopping its server ({})",
                    self.0.display()
                ))
                .next("try again when it is gone"));
            }
            std::thread::sleep(INTERVAL);
        }
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::at("cannot remove", &self.0)(error))
            }
            _ => Ok(()),
        }
    }

    /// Removes the server's data and PID file, which no run leaves to the next.
    pub(crate) fn remove_data(&self) {
        // Best effort; the next run clears the folder whole.
        let _ = fs::remove_dir_all(self.data());
        let _ = fs::remove_file(self.pid_file());
    }

    /// Removes the data and an unsaved result, those of its sides too, which are of no use after a failure. The logs
    /// stay.
    pub(crate) fn remove_scratch(&self) {
        let sides = Phase::ALL.map(|phase| self.of_side(phase));
        for place in sides.iter().chain([self]) {
            place.remove_data();
            let _ = fs::remove_dir_all(place.git());
            let _ = fs::remove_file(place.result());
            // Fails, as it should, when there are logs in it.
            let _ = fs::remove_dir(&place.0);
        }
    }

    pub fn directory(&self) -> &Path {
        &self.0
    }

    /// The server's data directory.
    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    /// Git's index and objects while the content hash is taken.
    pub(crate) fn git(&self) -> PathBuf {
        self.0.join("git")
    }

    /// The server's PID file.
    pub fn pid_file(&self) -> PathBuf {
        self.0.join("engram.pid")
    }

    /// The output of the server.
    pub fn server_log(&self) -> PathBuf {
        self.0.join("server.log")
    }

    /// The output of the load generator.
    pub fn load_log(&self) -> PathBuf {
        self.0.join("loadtest.log")
    }

    /// The provenance, beside the result as it will be where both are saved.
    pub(crate) fn diagnosis(&self) -> PathBuf {
        self.0.join("result_diag.txt")
    }

    /// The result as the load generator writes it.
    pub(crate) fn result(&self) -> PathBuf {
        self.0.join("result.json")
    }
}
