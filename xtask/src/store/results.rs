//! The folder of recorded runs, `tmp/m17_performance/`: one process writes at a time, and a result is whole or absent.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use time::Duration;

use crate::error::{Error, Result};
use crate::files;
use crate::model::layout::RESULTS;
use crate::model::names::{Part, RunName, Timestamp};
use crate::model::provenance::Provenance;

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

    /// The results in `folder`.
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the folder if need be, takes it for this process alone, and removes what a killed save left in it.
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
            Ok(()) => {
                self.remove_leftovers();
                Ok(Lock(folder))
            }
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

    /// Removes the files of runs that were being saved when the tool was killed: those whose provenance is this tool's
    /// and whose result is not there. Nothing else is touched. Best effort: they count for nothing.
    fn remove_leftovers(&self) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| {
            let file = entry.file_name();
            RunName::parse(file.to_str()?.strip_suffix(Part::Diagnosis.suffix())?)
        });
        // Collected, since the folder changes.
        for name in names.filter(|name| self.is_left_over(name)).collect::<Vec<_>>() {
            // In the reverse order: what says whose they are goes last.
            for part in Part::ALL.iter().rev() {
                let _ = fs::remove_file(self.path(&name, *part));
            }
        }
    }

    fn is_left_over(&self, name: &RunName) -> bool {
        let result = fs::symlink_metadata(self.path(name, Part::Result));
        let is_ours = || {
            let text = files::read_text(&self.path(name, Part::Diagnosis)).ok()?;
            Some(Provenance::parse(&text).ok()??.run.name == name.to_string())
        };
        result.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
            && is_ours() == Some(true)
    }

    /// Puts the files of runs in place by rename, all results last. If one fails, all go back to where they were.
    ///
    /// # Errors
    /// Names the file that could not be written.
    pub(crate) fn save(&self, runs: &[Unsaved]) -> Result<()> {
        let ordered = Part::ALL.iter().flat_map(|part| runs.iter().map(move |run| (run, *part)));
        let moves: Vec<(&Path, PathBuf)> = ordered
            .filter_map(|(run, part)| {
                let (_, from) = run.files.iter().find(|(known, _)| *known == part)?;
                Some((from.as_path(), self.path(&run.name, part)))
            })
            .collect();
        let place = |(from, to): &(&Path, PathBuf)| {
            // The name must not become visible before the content is safe.
            files::open(from)
                .and_then(|(file, _)| file.sync_all())
                .and_then(|()| fs::rename(from, to))
                .map_err(Error::at("cannot save", to))
        };
        let placed = moves.iter().try_for_each(place);
        if placed.is_err() {
            for (from, to) in moves.iter().rev() {
                // Those that were not placed yet are not there.
                let _ = fs::rename(to, from);
            }
        }
        placed
    }

    /// Removes what an interruption left of runs that a session did not come to record: all of its `session` that
    /// `is_recorded` does not know.
    ///
    /// # Errors
    /// When the folder cannot be read, or a file cannot be removed.
    pub(crate) fn remove_unrecorded(
        &self,
        session: &str,
        is_recorded: impl Fn(&RunName) -> bool,
    ) -> Result<()> {
        let failed = |error| Error::at("cannot read", &self.folder)(error);
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let stem = name.to_str().and_then(|name| name.strip_suffix(Part::Diagnosis.suffix()));
            let Some(run) = stem.and_then(RunName::parse).filter(|run| !is_recorded(run)) else {
                continue;
            };
            let text = fs::read_to_string(self.path(&run, Part::Diagnosis)).unwrap_or_default();
            // To parse thousands of them would be slow.
            let provenance = match text.contains(session) {
                true => Provenance::parse(&text).ok().flatten(),
                false => None,
            };
            if provenance.and_then(|own| own.session).is_some_and(|place| place.id == session) {
                self.remove(&run)?;
            }
        }
        Ok(())
    }

    /// Removes a run, the part that makes it count first.
    fn remove(&self, run: &RunName) -> Result<()> {
        for path in Part::ALL.iter().rev().map(|part| self.path(run, *part)) {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::at("cannot remove", &path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// A run that is not saved yet: its name to be, and its files.
#[derive(Debug, Clone)]
pub(crate) struct Unsaved {
    pub(crate) name: RunName,
    pub(crate) files: Vec<(Part, PathBuf)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::provenance::SessionPlace;

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
    fn what_a_session_did_not_come_to_record_is_removed_and_nothing_else() {
        let checkout = tempfile::tempdir().unwrap();
        let results = Results::of(checkout.path());
        fs::create_dir_all(results.folder()).unwrap();
        for (stem, session) in [
            ("007_before_20251231_235950", Some("one")),
            ("007_before_20251231_235951", Some("one")),
            ("007_before_20251231_235952", Some("another")),
            ("007_before_20251231_235953", None),
        ] {
            let place = |id: &str| SessionPlace { id: id.to_owned(), ..SessionPlace::default() };
            let provenance =
                Provenance { session: session.map(place), ..Provenance::default() }.to_text();
            for part in Part::ALL {
                fs::write(results.path(&name(stem), part), &provenance).unwrap();
            }
        }
        let recorded = name("007_before_20251231_235950");
        results.remove_unrecorded("one", |run| *run == recorded).unwrap();
        let left = |second: &str| {
            let run = name(&format!("007_before_20251231_2359{second}"));
            Part::ALL.map(|part| results.path(&run, part).exists())
        };
        assert_eq!(left("51"), [false; 4]);
        assert_eq!([left("50"), left("52"), left("53")], [[true; 4]; 3]);
    }

    #[test]
    fn a_save_that_fails_leaves_every_file_where_it_was() {
        let checkout = tempfile::tempdir().unwrap();
        let results = Results::of(checkout.path());
        fs::create_dir_all(results.folder()).unwrap();
        let from = results.folder().join("written");
        fs::write(&from, "").unwrap();
        let whole = Unsaved {
            name: name("007_before_20251231_235959"),
            files: vec![(Part::LoadLog, from)],
        };
        let torn = Unsaved {
            name: name("007_after_20251231_235959"),
            files: vec![(Part::Result, results.folder().join("absent"))],
        };
        assert!(results.save(&[whole, torn]).is_err());
        let left: Vec<_> = fs::read_dir(results.folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["written"]);
    }

    #[test]
    fn the_next_lock_removes_what_a_killed_save_left_and_nothing_else() {
        let checkout = tempfile::tempdir().unwrap();
        let results = Results::of(checkout.path());
        fs::create_dir_all(results.folder()).unwrap();
        let [left, whole, renamed] =
            ["007_before_20251231_235959", "007_after_20251231_235959", "a_after_20251231_235959"];
        let provenance = |stem| {
            let mut provenance = Provenance::default();
            provenance.run.name = String::from(stem);
            provenance.to_text()
        };
        for (file, text) in [
            (format!("{left}_diag.txt"), provenance(left)),
            (format!("{left}_sys.txt"), String::new()),
            (format!("{whole}_diag.txt"), provenance(whole)),
            (format!("{whole}.json"), String::new()),
            (format!("{renamed}_diag.txt"), provenance(left)),
            ("old_before_20251231_235959_diag.txt".to_owned(), "of an old script".to_owned()),
            ("old_before_20251231_235959_sys.txt".to_owned(), String::new()),
        ] {
            fs::write(results.folder().join(file), text).unwrap();
        }
        drop(results.lock().unwrap());
        let mut names: Vec<String> = fs::read_dir(results.folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                format!("{whole}.json"),
                format!("{whole}_diag.txt"),
                format!("{renamed}_diag.txt"),
                "old_before_20251231_235959_diag.txt".to_owned(),
                "old_before_20251231_235959_sys.txt".to_owned(),
            ]
        );
    }
}
