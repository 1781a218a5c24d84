//! The folder of recorded runs, `tmp/m17_performance/`: one process writes at a time, and a result is whole or absent.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use time::Duration;

use crate::error::{Error, Result};
use crate::model::layout::RESULTS;
use crate::model::names::{Part, RunName, Timestamp};

/// The results of one checkout.
#[derive(Debug, Clone)]
pub struct Results {
    folder: PathBuf,
}

/// The right to measure on a checkout and to write its results; given back when dropped, or when the process ends.
#[derive(Debug)]
pub(crate) struct Lock(#[allow(dead_code, reason = "held, not read")] File);

impl Results {
    /// The results of `checkout`.
    pub fn of(checkout: &Path) -> Self {
        Self { folder: checkout.join(RESULTS) }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the folder if need be, and takes it for this process alone.
    ///
    /// # Errors
    /// When it cannot be made, or another measurement has it.
    pub(crate) fn lock(&self) -> Result<Lock> {
        let failed = |error: io::Error| {
            Error::at("cannot use the results folder", &self.folder)(error)
                .next("is a file in its place, or is it read-only?")
        };
        fs::create_dir_all(&self.folder).map_err(failed)?;
        // The folder itself is locked: no lock file to leave behind, and the kernel lets go when the process dies.
        let folder = File::open(&self.folder).map_err(failed)?;
        match folder.try_lock() {
            Ok(()) => Ok(Lock(folder)),
            Err(TryLockError::WouldBlock) => Err(Error::new(format!(
                "another measurement is running on this checkout ({})",
                self.folder.display()
            ))
            .next("two at once would disturb each other; wait for it, or end it")),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// A name with a timestamp that no recorded run of the same task, mode and phase has.
    pub(crate) fn unused(&self, mut name: RunName) -> RunName {
        let is_used = |name: &RunName| Part::ALL.map(|part| self.path(name, part).exists());
        while is_used(&name).contains(&true) {
            let later = name.timestamp.moment().saturating_add(Duration::SECOND);
            name.timestamp = Timestamp::of(later);
        }
        name
    }

    /// The path of a part of a run.
    pub fn path(&self, name: &RunName, part: Part) -> PathBuf {
        self.folder.join(name.file(part))
    }

    /// Puts a run's files in place by rename, the result last. If one fails, all go back to where they were.
    ///
    /// # Errors
    /// Names the file that could not be written.
    pub(crate) fn save(&self, name: &RunName, files: &[(Part, PathBuf)]) -> Result<PathBuf> {
        let place = |&(part, ref from): &(Part, PathBuf)| {
            let to = self.path(name, part);
            // The name must not become visible before the content is safe.
            File::open(from)
                .and_then(|file| file.sync_all())
                .and_then(|()| fs::rename(from, &to))
                .map_err(Error::at("cannot save", &to))
        };
        let ordered =
            Part::ALL.iter().filter_map(|part| files.iter().find(|(known, _)| known == part));
        if let Err(error) = ordered.map(place).collect::<Result<Vec<()>>>() {
            for (part, from) in files {
                // Those that were not placed yet are not there.
                let _ = fs::rename(self.path(name, *part), from);
            }
            return Err(error);
        }
        Ok(self.path(name, Part::Result))
    }
}

/// Writes a whole file.
///
/// # Errors
/// Names the file; a full disk is the usual reason.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    File::create(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(Error::at("cannot write", path))
}

/// Replaces a file, or makes it: written beside it and renamed, so that nobody ever reads half of it.
///
/// # Errors
/// Names the file that could not be written; it is as it was then.
pub(crate) fn replace(path: &Path, text: &str) -> Result<()> {
    // The target of a link is replaced, not the link.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let partial = path.with_extension("partial");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::at("cannot make the folder", folder))?;
    }
    let rename = || {
        if let Ok(old) = fs::metadata(path) {
            fs::set_permissions(&partial, old.permissions())?;
        }
        fs::rename(&partial, path)
    };
    let written =
        write(&partial, text).and_then(|()| rename().map_err(Error::at("cannot write", path)));
    if written.is_err() {
        // Of no use to anybody; it may not be there.
        let _ = fs::remove_file(&partial);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(stem: &str) -> RunName {
        RunName::parse(stem).unwrap()
    }

    #[test]
    fn a_second_measurement_on_the_same_checkout_is_refused() {
        let checkout = tempfile::tempdir().unwrap();
        let results = Results::of(checkout.path());
        let lock = results.lock().unwrap();
        assert!(results.lock().unwrap_err().what().contains("another measurement"));
        drop(lock);
        assert!(results.lock().is_ok());
    }

    #[test]
    fn a_name_in_use_is_moved_by_a_second() {
        let checkout = tempfile::tempdir().unwrap();
        let results = Results::of(checkout.path());
        fs::create_dir_all(results.folder()).unwrap();
        let taken = name("007_before_20251231_235959");
        fs::write(results.path(&taken, Part::System), "").unwrap();
        assert_eq!(results.unused(taken).to_string(), "007_before_20260101_000000");
    }

    #[test]
    fn a_save_that_fails_leaves_every_file_where_it_was() {
        let checkout = tempfile::tempdir().unwrap();
        let results = Results::of(checkout.path());
        fs::create_dir_all(results.folder()).unwrap();
        let from = results.folder().join("written");
        fs::write(&from, "").unwrap();
        let name = name("007_before_20251231_235959");
        let files = [(Part::LoadLog, from), (Part::Result, results.folder().join("absent"))];
        assert!(results.save(&name, &files).is_err());
        let left: Vec<_> = fs::read_dir(results.folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["written"]);
    }
}
