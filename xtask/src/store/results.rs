//! The folder of recorded runs, `tmp/m17_performance/`: one process writes at a time, and a result is whole or absent.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use time::Duration;

use crate::error::{Error, Result};
use crate::files;
use crate::measure::workplace::Workplace;
use crate::model::layout::RESULTS;
use crate::model::names::{Part, RunName, TaskId, Timestamp};
use crate::model::provenance::{Provenance, SessionPlace};

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
        let folder = files::open_at_once(&self.folder).map_err(failed)?;
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
        for name in self.diagnosed().unwrap_or_default() {
            if self.is_left_over(&name) {
                let _ = self.remove(&name);
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
        let moves: Vec<(PathBuf, PathBuf)> =
            ordered.map(|(run, part)| (run.path(part), self.path(&run.name, part))).collect();
        let place = |(from, to): &(PathBuf, PathBuf)| {
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
        let may_be = |run: &RunName, text: &str| text.contains(session) && !is_recorded(run);
        for (run, place) in self.in_sessions(may_be)? {
            if place.id == session {
                self.remove(&run)?;
            }
        }
        Ok(())
    }

    /// Removes what an interruption left of pairs of `task` that have no record: each run without the other one.
    ///
    /// # Errors
    /// When the folder cannot be read, or a file cannot be removed.
    pub(crate) fn remove_halves(&self, task: &TaskId) -> Result<()> {
        let runs = self.in_sessions(|run, _| run.task == *task)?;
        let is_saved = |run: &RunName| self.path(run, Part::Result).exists();
        for (run, place) in &runs {
            let is_whole = is_saved(run)
                && runs.iter().any(|(other, theirs)| {
                    other.phase != run.phase
                        && (&theirs.id, theirs.pair) == (&place.id, place.pair)
                        && is_saved(other)
                });
            if !is_whole {
                self.remove(run)?;
            }
        }
        Ok(())
    }

    /// The runs of sessions, whole or not, of which `may_be` holds, given the text of their provenance: to parse
    /// thousands of them would be slow.
    fn in_sessions(
        &self,
        may_be: impl Fn(&RunName, &str) -> bool,
    ) -> Result<Vec<(RunName, SessionPlace)>> {
        let mut found = Vec::new();
        for run in self.diagnosed()? {
            let text = files::read_text(&self.path(&run, Part::Diagnosis)).unwrap_or_default();
            if may_be(&run, &text)
                && let Ok(Some(provenance)) = Provenance::parse(&text)
                && let Some(place) = provenance.session
            {
                found.push((run, place));
            }
        }
        Ok(found)
    }

    /// The runs that have a provenance, whole or not.
    fn diagnosed(&self) -> Result<Vec<RunName>> {
        let names = files::names(&self.folder)?.into_iter();
        let run = |name: String| RunName::parse(name.strip_suffix(Part::Diagnosis.suffix())?);
        Ok(names.filter_map(run).collect())
    }

    /// Removes a run, the part that makes it count first, and last the one that says whose it is.
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

/// A run that is not saved yet: its name to be, and the workplace that its files are in.
#[derive(Debug, Clone)]
pub(crate) struct Unsaved {
    pub(crate) name: RunName,
    pub(crate) workplace: Workplace,
}

impl Unsaved {
    pub(crate) fn path(&self, part: Part) -> PathBuf {
        match part {
            Part::System => self.workplace.directory().join("sys.txt"),
            Part::Diagnosis => self.workplace.diagnosis(),
            Part::LoadLog => self.workplace.load_log(),
            Part::Result => self.workplace.result(),
        }
    }
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
    fn half_a_pair_without_a_record_is_removed_and_nothing_else() {
        let checkout = tempfile::tempdir().unwrap();
        let results = Results::of(checkout.path());
        fs::create_dir_all(results.folder()).unwrap();
        for (stem, pair) in [
            ("selftest_before_20251231_235950", 1),
            ("selftest_after_20251231_235951", 1),
            ("selftest_before_20251231_235952", 2),
            ("selftest_after_20251231_235953", 2),
            ("007_before_20251231_235952", 2),
        ] {
            let place = SessionPlace { id: "one".into(), pair, ..SessionPlace::default() };
            let provenance = Provenance { session: Some(place), ..Provenance::default() };
            for part in Part::ALL {
                fs::write(results.path(&name(stem), part), provenance.to_text()).unwrap();
            }
        }
        let torn = name("selftest_after_20251231_235953");
        fs::remove_file(results.path(&torn, Part::Result)).unwrap();
        results.remove_halves(&TaskId::parse("selftest").unwrap()).unwrap();
        let mut left: Vec<_> = fs::read_dir(results.folder())
            .unwrap()
            .filter_map(|entry| {
                let file = entry.unwrap().file_name().into_string().unwrap();
                Some(file.strip_suffix("_diag.txt")?.to_owned())
            })
            .collect();
        left.sort_unstable();
        let whole = [
            "007_before_20251231_235952",
            "selftest_after_20251231_235951",
            "selftest_before_20251231_235950",
        ];
        assert_eq!(left, whole);
        assert_eq!(fs::read_dir(results.folder()).unwrap().count(), 4 * whole.len());
    }

    #[test]
    fn a_save_that_fails_leaves_every_file_where_it_was() {
        let checkout = tempfile::tempdir().unwrap();
        let results = Results::of(checkout.path());
        fs::create_dir_all(results.folder()).unwrap();
        let written = results.folder().join("written");
        fs::create_dir(&written).unwrap();
        let unsaved = |stem: &str| {
            let workplace = Workplace::at(written.join(stem));
            fs::create_dir(workplace.directory()).unwrap();
            let unsaved = Unsaved { name: name(stem), workplace };
            for part in Part::ALL {
                fs::write(unsaved.path(part), "").unwrap();
            }
            unsaved
        };
        let [whole, torn] =
            ["007_before_20251231_235959", "007_after_20251231_235959"].map(unsaved);
        fs::remove_file(torn.path(Part::Result)).unwrap();
        let files = |run: &Unsaved| Part::ALL.map(|part| run.path(part).exists());
        assert!(results.save(&[whole.clone(), torn.clone()]).is_err());
        let left: Vec<_> = fs::read_dir(results.folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["written"]);
        assert_eq!([files(&whole), files(&torn)], [[true; 4], [true, true, true, false]]);
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
