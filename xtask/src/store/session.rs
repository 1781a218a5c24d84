//! Records of paired sessions, `tmp/m17_performance/sessions/`: which runs make the pairs, and what failed. One record
//! for one pair of binaries, mode, scenario and duration; measuring on continues it.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::{Error, Fault, Result};
use crate::model::names::{Mode, Part, Phase, Timestamp};
use crate::model::provenance::Provenance;
use crate::model::recorded::Recorded;
use crate::model::session::{Failure, Member, PairRecord, SessionRecord, Subject};
use crate::stats::paired::Plan;
use crate::store::recorded;
use crate::store::results::{self, Results};

impl SessionRecord {
    /// A record without any pair yet, with orders of its own.
    pub fn open(subject: Subject, opened: Timestamp, loadtest: String, plan: Plan) -> Self {
        Self {
            subject,
            opened,
            loadtest,
            plan,
            // The standard library's only source of randomness; kept to what TOML can hold.
            seed: RandomState::new().build_hasher().finish() >> 1,
            pairs: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// The runs of a side, read from the results; a fault in place of each that cannot be read, or was changed since.
    pub(crate) fn runs(&self, results: &Results, phase: Phase) -> Vec<Result<Recorded, Fault>> {
        let read = |pair: &PairRecord| {
            let (member, server) = match phase {
                Phase::Before => (&pair.before, &self.subject.before),
                Phase::After => (&pair.after, &self.subject.after),
            };
            let run = recorded::read(&results.path(&member.name, Part::Result))?;
            match self.has(&run, member, server) {
                true => Ok(run),
                false => Err(Fault::new(CHANGED).in_file(run.path)),
            }
        };
        self.pairs.iter().map(read).collect()
    }

    #[allow(clippy::float_cmp, reason = "written and read again, not computed")]
    fn has(&self, run: &Recorded, member: &Member, server: &str) -> bool {
        let is_of_session = |run: &Provenance| {
            let session = run.session.as_ref();
            run.build.engram_hash.as_deref() == Some(server)
                && session.is_some_and(|session| session.id == self.id())
        };
        run.result.p99_ms == member.p99_ms && run.provenance.as_ref().is_some_and(is_of_session)
    }

    /// The record about `subject`, if there is one.
    ///
    /// # Errors
    /// When it cannot be read or is not whole.
    pub(crate) fn load(results: &Results, subject: &Subject) -> Result<Option<Self>> {
        let path = path(results, &subject.id());
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other.map_err(Error::at("cannot read", &path))?,
        };
        match Self::parse(&text).filter(|record| record.subject == *subject) {
            Some(record) => Ok(Some(record)),
            None => Err(Error::new(format!(
                "the session record {} is not whole, or of another plan",
                path.display()
            ))
            .next("start anew, and archive it: the same command with --fresh")),
        }
    }

    /// All records of a mode about these two servers and this scenario, of any duration; a fault in place of each that
    /// is not whole. Archived ones are left out.
    pub(crate) fn about(
        results: &Results,
        mode: Mode,
        before: &str,
        after: &str,
        scenario: &str,
    ) -> Vec<Result<Self, Fault>> {
        let subject = |duration_seconds| Subject {
            mode,
            before: before.to_owned(),
            after: after.to_owned(),
            scenario: scenario.to_owned(),
            duration_seconds,
        };
        let id = subject(0).id();
        let stem = id.trim_end_matches("0s");
        let entries = match fs::read_dir(folder(results)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
            Err(error) => return vec![Err(Fault::new(error.to_string()).in_file(folder(results)))],
        };
        let is_record = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with(stem))
                && path.extension().is_some_and(|kind| kind == RECORD)
        };
        let mut paths: Vec<PathBuf> =
            entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_record).collect();
        paths.sort_unstable();
        let records = paths.into_iter().map(|path| {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let fault = || Fault::new("the session record is not whole").in_file(path);
            Self::parse(&text).ok_or_else(fault)
        });
        // Short hashes may agree where the whole ones do not.
        let is_about = |record: &Self| record.subject == subject(record.subject.duration_seconds);
        records.filter(|record| record.as_ref().map_or(true, is_about)).collect()
    }

    /// Writes the record, by rename.
    ///
    /// # Errors
    /// Names the file that could not be written.
    pub fn save(&self, results: &Results) -> Result<()> {
        results::replace(&path(results, &self.subject.id()), &self.to_text())
    }

    /// Archives the record about `subject`; returns its new path, if there was one.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub(crate) fn archive(
        results: &Results,
        subject: &Subject,
        now: Timestamp,
    ) -> Result<Option<PathBuf>> {
        let from = path(results, &subject.id());
        if !from.exists() {
            return Ok(None);
        }
        let to = from.with_extension(format!("archived_{now}"));
        let moving = format!("cannot move {} to", from.display());
        fs::rename(&from, &to).map_err(Error::at(&moving, &to))?;
        Ok(Some(to))
    }

    /// The folder of the record, and of the logs of its failed runs.
    pub(crate) fn folder(&self, results: &Results) -> PathBuf {
        folder(results)
    }

    /// Keeps a log of a failed run beside the record, where the next run does not remove it; returns its new path,
    /// unless there is no log.
    pub(crate) fn keep_log(
        &self,
        results: &Results,
        log: &Path,
        failure: &Failure,
    ) -> Option<PathBuf> {
        let what = log.file_name()?.to_string_lossy();
        let (id, number) = (self.id(), self.failures.len());
        let Failure { pair, phase, .. } = failure;
        let kept = folder(results).join(format!("{id}.failure{number}_pair{pair}_{phase}_{what}"));
        fs::rename(log, &kept).ok()?;
        Some(kept)
    }
}

const CHANGED: &str = "it is not what the paired session measured: it was changed since";

fn folder(results: &Results) -> PathBuf {
    results.folder().join("sessions")
}

/// The extension of a record; one that is archived or half written has another.
const RECORD: &str = "toml";

fn path(results: &Results, id: &str) -> PathBuf {
    folder(results).join(format!("{id}.{RECORD}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::limits::{PLAN, threshold_percent};
    use crate::model::names::RunName;
    use crate::stats::paired;

    fn member(name: &str, p99_ms: f64) -> Member {
        Member { name: RunName::parse(name).unwrap(), p99_ms }
    }

    fn record() -> SessionRecord {
        let mut record = SessionRecord::open(
            Subject {
                mode: Mode::Internal,
                before: "a".repeat(40),
                after: "b".repeat(40),
                scenario: "c".repeat(40),
                duration_seconds: 10,
            },
            Timestamp::parse("20251108_135900").unwrap(),
            "d".repeat(40),
            PLAN.up_to(16).unwrap(),
        );
        record.pairs.push(PairRecord {
            before: member("007_before_20251108_140000", 1.25),
            after: member("007_after_20251108_140020", 0.1 + 0.2),
        });
        record.failures.push(Failure {
            pair: 2,
            phase: Phase::After,
            why: "it \"crashed\"\nbadly".into(),
        });
        record
    }

    fn about(results: &Results, subject: &Subject) -> Vec<Result<SessionRecord, Fault>> {
        SessionRecord::about(
            results,
            subject.mode,
            &subject.before,
            &subject.after,
            &subject.scenario,
        )
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let results = Results::of(folder.path());
        let written = record();
        written.save(&results).unwrap();
        let read = SessionRecord::load(&results, &written.subject).unwrap();
        assert_eq!(read.as_ref(), Some(&written));
        assert_eq!(about(&results, &written.subject), [Ok(written)]);
    }

    /// A record as it was written before its sections were declared once.
    const RECORDED: &str = r#"# perf-confirm session, format 1

after = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
alpha = 0.016666666666666666
before = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
duration_seconds = 10
loadtest = "dddddddddddddddddddddddddddddddddddddddd"
looks = [6, 10, 16]
mode = "internal"
opened = "20251108_135900"
scenario = "cccccccccccccccccccccccccccccccccccccccc"
seed = 7

[[failures]]
pair = 2
side = "after"
why = """
it "crashed"
badly"""

[[pairs]]

[pairs.after]
p99_ms = 0.30000000000000004
run = "007_after_20251108_140020"

[pairs.before]
p99_ms = 1.25
run = "007_before_20251108_140000"

# end
"#;

    #[test]
    fn a_record_keeps_its_bytes() {
        let written = SessionRecord { seed: 7, ..record() };
        assert_eq!(written.to_text(), RECORDED);
        assert_eq!(SessionRecord::parse(RECORDED), Some(written));
    }

    #[test]
    fn a_record_cut_short_is_refused() {
        let text = record().to_text();
        for end in 0..text.trim_end().len() {
            assert_eq!(SessionRecord::parse(&text[..end]), None, "{end}");
        }
    }

    #[test]
    fn a_record_of_other_looks_or_another_alpha_is_refused() {
        let text = record().to_text();
        for (ours, other) in [("6, 10, 16", "6, 10, 15"), ("6, 10, 16", "6, 16")] {
            assert!(text.contains(ours), "{text}");
            assert_eq!(SessionRecord::parse(&text.replace(ours, other)), None, "{other}");
        }
        let alpha = format!("alpha = {}", record().plan.alpha());
        assert!(text.contains(&alpha), "{text}");
        assert_eq!(SessionRecord::parse(&text.replace(&alpha, "alpha = 0.05")), None);
    }

    #[test]
    fn every_two_pairs_have_each_order_once() {
        for seed in 0..100 {
            let record = SessionRecord { seed, ..record() };
            for pair in (1..16).step_by(2) {
                assert_ne!(record.order(pair), record.order(pair + 1), "{seed} {pair}");
            }
        }
    }

    #[test]
    fn the_order_of_a_block_is_drawn_evenly() {
        let flipped = (0..1000)
            .filter(|&seed| {
                SessionRecord { seed, ..record() }.order(3) == [Phase::Before, Phase::After]
            })
            .count();
        assert!((400..600).contains(&flipped), "{flipped}");
    }

    /// The side that runs second gains: the orders that a record draws keep that out of the verdict.
    #[test]
    fn a_bias_for_whichever_side_runs_second_neither_alarms_nor_passes() {
        const BIAS: f64 = 0.2;
        const RECORDS: u64 = 500;
        let verdicts = |change: f64| -> Vec<paired::Progress> {
            (0..RECORDS)
                .map(|seed| {
                    let mut record = SessionRecord { seed, ..record() };
                    record.failures.clear();
                    record.pairs = (1..=16)
                        .map(|pair| {
                            let second = match record.order(pair) {
                                [_, Phase::After] => BIAS,
                                _ => -BIAS,
                            };
                            // A spread of its own for each pair, the same for every record.
                            let spread = 0.01 * f64::from(u32::try_from(pair).unwrap() % 5);
                            PairRecord {
                                before: member("007_before_20251108_140000", 1.0),
                                after: member(
                                    "007_after_20251108_140020",
                                    (change + second + spread).exp(),
                                ),
                            }
                        })
                        .collect();
                    record.assess().progress
                })
                .collect()
        };
        let share = |decisions: &[paired::Progress], verdict| {
            let hits =
                decisions.iter().filter(|decision| **decision == paired::Progress::Final(verdict));
            hits.count() * 100 / decisions.len()
        };
        let unchanged = verdicts(0.0);
        assert_eq!(share(&unchanged, paired::PairedVerdict::Regressed), 0);
        let slower = verdicts(paired::margin(threshold_percent(Mode::Internal)));
        assert_eq!(share(&slower, paired::PairedVerdict::NotRegressed), 0);
    }

    #[test]
    fn an_archived_record_is_no_longer_found() {
        let folder = tempfile::tempdir().unwrap();
        let results = Results::of(folder.path());
        let subject = record().subject;
        record().save(&results).unwrap();
        let now = Timestamp::parse("20251108_140000").unwrap();
        let aside = SessionRecord::archive(&results, &subject, now).unwrap().unwrap();
        assert!(aside.exists());
        assert_eq!(SessionRecord::load(&results, &subject).unwrap(), None);
        assert_eq!(about(&results, &subject), []);
        assert!(SessionRecord::archive(&results, &subject, now).unwrap().is_none());
    }

    #[test]
    fn a_record_about_other_servers_a_mode_or_a_scenario_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let results = Results::of(folder.path());
        let record = record();
        record.save(&results).unwrap();
        let subject = || record.subject.clone();
        for other in [
            Subject { mode: Mode::Competitive, ..subject() },
            Subject { before: "e".repeat(40), ..subject() },
            Subject { after: "e".repeat(40), ..subject() },
            Subject { scenario: "e".repeat(40), ..subject() },
            // The same in the short form that the file name has.
            Subject { after: "b".repeat(12) + "x", ..subject() },
        ] {
            assert_eq!(about(&results, &other), [], "{other:?}");
        }
        let longer = Subject { duration_seconds: 60, ..subject() };
        assert_eq!(about(&results, &longer).len(), 1);
        assert!(matches!(SessionRecord::load(&results, &longer), Ok(None)));
    }

    #[test]
    fn a_damaged_record_is_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let results = Results::of(folder.path());
        let record = record();
        record.save(&results).unwrap();
        let path = path(&results, &record.subject.id());
        fs::write(&path, "# perf-confirm session, format 1").unwrap();
        let found = about(&results, &record.subject);
        assert!(matches!(found.as_slice(), [Err(fault)] if fault.file.as_ref() == Some(&path)));
    }
}
