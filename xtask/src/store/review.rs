//! The runs of a competitive review, `tmp/competitive_review/<time>/`: the same files as those of `perf-check`, and the
//! record that an interrupted review goes on from.

use std::fs;
use std::path::{Path, PathBuf};

use time::Duration;

use crate::error::{Fault, Result};
use crate::files;
use crate::model::layout::REVIEWS;
use crate::model::names::{Part, TaskId, Timestamp};
use crate::model::recorded::Recorded;
use crate::model::review::ReviewRecord;
use crate::store::recorded::{self, Listing};
use crate::store::results::{Lock, Results};

/// The folder of a review.
pub(crate) struct ReviewFolder {
    pub(crate) results: Results,
    pub(crate) record: ReviewRecord,
    _lock: Lock,
}

const RECORD: &str = "review.toml";

impl ReviewFolder {
    /// The newest folder of today that measures the same, or a new one.
    ///
    /// # Errors
    /// When the folders cannot be read, or a new one cannot be written.
    pub(crate) fn open(checkout: &Path, now: Timestamp, record: ReviewRecord) -> Result<Self> {
        let reviews = checkout.join(REVIEWS);
        for of_today in of_day(&reviews, now)? {
            let text = files::read_text(&of_today.join(RECORD)).unwrap_or_default();
            if let Some(known) = ReviewRecord::parse(&text)
                && record.measures_the_same(&known)
            {
                return Self::take(of_today, known);
            }
        }
        let mut moment = now;
        while reviews.join(moment.to_string()).exists() {
            moment = Timestamp::of(moment.moment().saturating_add(Duration::SECOND));
        }
        let new = Self::take(reviews.join(moment.to_string()), record)?;
        new.save()?;
        Ok(new)
    }

    /// What a killed save left in the folder is removed.
    fn take(folder: PathBuf, record: ReviewRecord) -> Result<Self> {
        let results = Results::at(folder);
        let lock = results.lock()?;
        Ok(Self { results, record, _lock: lock })
    }

    fn save(&self) -> Result<()> {
        files::replace(&self.results.folder().join(RECORD), &self.record.to_text())
    }

    /// The runs of a scenario that are finished, oldest first.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(crate) fn runs(&self, task: &TaskId, scenario: &str) -> Result<Vec<Recorded>> {
        let names = Listing::read(&self.results)?.of_task(task).into_iter();
        let runs = names.map(|name| recorded::read(&self.results.path(&name, Part::Result)));
        let mut runs = runs.collect::<Result<Vec<_>, Fault>>()?;
        // Two scenarios may make the same task id.
        runs.retain(|run| {
            let provenance = run.provenance.as_ref();
            provenance.is_some_and(|provenance| provenance.load.scenario == scenario)
        });
        Ok(runs)
    }

    /// Notes a failed run, and keeps its logs where the next run does not remove them; returns their new paths.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub(crate) fn note_failure(
        &mut self,
        task: &TaskId,
        why: String,
        logs: &[PathBuf],
    ) -> Result<Vec<PathBuf>> {
        self.record.failures.push(why);
        self.save()?;
        let number = self.record.failures.len();
        let keep = |log: &PathBuf| {
            let what = log.file_name()?.to_string_lossy();
            let kept = self.results.folder().join(format!("failure{number}_{task}_{what}"));
            fs::rename(log, &kept).ok()?;
            Some(kept)
        };
        Ok(logs.iter().filter_map(keep).collect())
    }
}

/// The folders of reviews that were begun on the day of `now`, newest first.
fn of_day(reviews: &Path, now: Timestamp) -> Result<Vec<PathBuf>> {
    let names = files::names(reviews)?;
    let mut names: Vec<Timestamp> =
        names.iter().filter_map(|name| Timestamp::parse(name)).collect();
    names.retain(|name| name.moment().date() == now.moment().date());
    names.sort_unstable();
    Ok(names.iter().rev().map(|name| reviews.join(name.to_string())).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn record(runs: u32) -> ReviewRecord {
        ReviewRecord {
            runs,
            duration_seconds: 60,
            commit: None,
            engram_hash: "a".to_owned(),
            loadtest_hash: "b".to_owned(),
            scenarios: BTreeMap::new(),
            failures: Vec::new(),
        }
    }

    fn opened(checkout: &Path, at: &str, runs: u32) -> String {
        let now = Timestamp::parse(at).unwrap();
        let folder = ReviewFolder::open(checkout, now, record(runs)).unwrap();
        folder.results.folder().file_name().unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn a_review_goes_on_the_same_day_and_only_with_the_same() {
        let checkout = tempfile::tempdir().unwrap();
        let opened = |at, runs| opened(checkout.path(), at, runs);
        assert_eq!(opened("20251108_100000", 3), "20251108_100000");
        assert_eq!(opened("20251108_235959", 3), "20251108_100000", "the same");
        assert_eq!(opened("20251108_100000", 5), "20251108_100001", "other runs");
        assert_eq!(opened("20251109_000000", 3), "20251109_000000", "another day");
    }

    #[test]
    fn a_record_that_is_not_whole_is_not_gone_on_from() {
        let checkout = tempfile::tempdir().unwrap();
        opened(checkout.path(), "20251108_100000", 3);
        let path = checkout.path().join(REVIEWS).join("20251108_100000").join(RECORD);
        fs::write(path, "runs = 3\n").unwrap();
        assert_eq!(opened(checkout.path(), "20251108_110000", 3), "20251108_110000");
    }

    #[test]
    fn a_failure_is_kept_with_its_logs() {
        let checkout = tempfile::tempdir().unwrap();
        let now = Timestamp::parse("20251108_100000").unwrap();
        let log = checkout.path().join("server.log");
        fs::write(&log, "it crashed").unwrap();
        let mut folder = ReviewFolder::open(checkout.path(), now, record(3)).unwrap();
        let task = TaskId::parse("x").unwrap();
        let logs = [log, checkout.path().join("loadtest.log")];
        let kept = folder.note_failure(&task, "x: it crashed".to_owned(), &logs).unwrap();
        assert_eq!(kept, [folder.results.folder().join("failure1_x_server.log")]);
        drop(folder);
        let again = ReviewFolder::open(checkout.path(), now, record(3)).unwrap();
        assert_eq!(again.record.failures, ["x: it crashed"]);
    }
}
