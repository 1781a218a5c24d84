//! The runs of a competitive review, `tmp/competitive_review/<time>/`: the same files as those of `perf-check`, and the
//! record that an interrupted review goes on from.

use std::path::Path;

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
    /// The newest folder of today that measures the same, or a new one. What a killed save left in it is removed.
    ///
    /// # Errors
    /// When the folders cannot be read, or a new one cannot be written.
    pub(crate) fn open(checkout: &Path, now: Timestamp, record: ReviewRecord) -> Result<Self> {
        let reviews = checkout.join(REVIEWS);
        let names = files::names(&reviews)?;
        let mut names: Vec<Timestamp> =
            names.iter().filter_map(|name| Timestamp::parse(name)).collect();
        names.retain(|name| name.moment().date() == now.moment().date());
        names.sort_unstable();
        let known = names.iter().rev().find_map(|name| {
            let text = files::read_text(&reviews.join(name.to_string()).join(RECORD)).ok()?;
            let known = ReviewRecord::parse(&text)?;
            record.measures_the_same(&known).then_some((*name, known))
        });
        let (name, record) = known.unwrap_or((now, record));
        let results = Results::at(reviews.join(name.to_string()));
        let folder = Self { _lock: results.lock()?, results, record };
        folder.save()?;
        Ok(folder)
    }

    fn save(&self) -> Result<()> {
        files::replace(&self.results.folder().join(RECORD), &self.record.to_text())
    }

    /// The runs of a scenario that are finished, oldest first.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(crate) fn runs(&self, task: &TaskId) -> Result<Vec<Recorded>> {
        let names = Listing::read(&self.results)?.of_task(task).into_iter();
        let runs = names.map(|name| recorded::read(&self.results.path(&name, Part::Result)));
        Ok(runs.collect::<Result<_, Fault>>()?)
    }

    /// Notes a failed run.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub(crate) fn note_failure(&mut self, why: String) -> Result<()> {
        self.record.failures.push(why);
        self.save()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

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
        assert_eq!(opened("20251108_235959", 5), "20251108_235959", "other runs");
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
    fn a_failure_is_kept() {
        let checkout = tempfile::tempdir().unwrap();
        let now = Timestamp::parse("20251108_100000").unwrap();
        let mut folder = ReviewFolder::open(checkout.path(), now, record(3)).unwrap();
        folder.note_failure("x: it crashed".to_owned()).unwrap();
        drop(folder);
        let again = ReviewFolder::open(checkout.path(), now, record(3)).unwrap();
        assert_eq!(again.record.failures, ["x: it crashed"]);
    }
}
