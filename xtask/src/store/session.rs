//! Records of paired sessions, `tmp/m17_performance/sessions/`: which runs make the pairs, and what failed. One record
//! for one pair of binaries, mode, scenario, duration and way of measuring; measuring on continues it.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Fault, Result};
use crate::files;
use crate::model::names::{Part, Phase, Timestamp};
use crate::model::provenance::Provenance;
use crate::model::recorded::Recorded;
use crate::model::session::{Failure, Member, PairRecord, SessionRecord, Subject};
use crate::stats::paired::Plan;
use crate::store::recorded;
use crate::store::results::Results;

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    Present,
    /// `--fresh` archived it.
    Archived,
    /// An earlier version wrote it; archived or not.
    Former,
}

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

    fn has(&self, run: &Recorded, member: &Member, server: &str) -> bool {
        let is_of_session = |run: &Provenance| {
            let session = run.session.as_ref();
            run.build.engram_hash.as_deref() == Some(server)
                && session.is_some_and(|session| session.id == self.id())
        };
        Member::of(member.name.clone(), run) == *member
            && run.provenance.as_ref().is_some_and(is_of_session)
    }

    /// The record about `subject`, if there is one.
    ///
    /// # Errors
    /// When it cannot be read or is not whole.
    pub(crate) fn load(results: &Results, subject: &Subject) -> Result<Option<Self>> {
        let path = path(results, &subject.id());
        if !path.exists() {
            return Ok(None);
        }
        let unusable = match record(&path, files::read_text(&path)) {
            Ok(record) if record.subject == *subject => return Ok(Some(record)),
            Ok(_) => Fault::new(NOT_WHOLE).in_file(path),
            Err(fault) => fault,
        };
        let advice = "start anew, and archive it: the same command with --fresh";
        Err(Error::from(unusable).next(advice))
    }

    /// All records about the servers and scenario of `subject`, of any duration and way of measuring; a fault in place of
    /// each that is not whole.
    pub(crate) fn about(results: &Results, subject: &Subject) -> Vec<(Kept, Result<Self, Fault>)> {
        let (folder, stem) = (folder(results), subject.stem());
        let mut names = match files::names(&folder) {
            Ok(names) => names,
            Err(error) => return vec![(Kept::Present, Err(Fault::new(error.what())))],
        };
        names.sort_unstable();
        let read = |name: &String| {
            let path = folder.join(name);
            let text = files::read_text(&path);
            let kept = match path.extension()?.to_str()? {
                _ if text.as_ref().is_ok_and(|text| Self::is_former(text)) => Kept::Former,
                RECORD => Kept::Present,
                other if other.starts_with(ARCHIVED) => Kept::Archived,
                _ => return None,
            };
            Some((kept, record(&path, text)))
        };
        let records = names.iter().filter(|name| name.starts_with(&stem)).filter_map(read);
        // Short hashes may agree where the whole ones do not.
        let is_like = |record: &Self| record.subject.is_like(subject);
        records.filter(|(_, record)| record.as_ref().map_or(true, is_like)).collect()
    }

    /// All records that can be read, archived ones left out.
    pub(crate) fn all(results: &Results) -> Vec<Self> {
        let folder = folder(results);
        let names = files::names(&folder).unwrap_or_default();
        let paths = names.iter().map(|name| folder.join(name));
        let records = paths.filter(|path| path.extension().is_some_and(|kind| kind == RECORD));
        records.filter_map(|path| record(&path, files::read_text(&path)).ok()).collect()
    }

    /// Writes the record, by rename.
    ///
    /// # Errors
    /// Names the file that could not be written.
    pub fn save(&self, results: &Results) -> Result<()> {
        files::replace(&path(results, &self.subject.id()), &self.to_text())
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
        let mut to = from.with_extension(format!("{ARCHIVED}{now}"));
        // An archived record is never replaced: it may have been a regression.
        while to.exists() {
            to.as_mut_os_string().push("_");
        }
        let moving = format!("cannot move {} to", from.display());
        fs::rename(&from, &to).map_err(Error::at(&moving, &to))?;
        Ok(Some(to))
    }

    /// Keeps a log of the run that failed last beside the record, where the next run does not remove it; returns its new
    /// path, unless there is no log.
    pub(crate) fn keep_log(&self, results: &Results, log: &Path) -> Option<PathBuf> {
        let what = log.file_name()?.to_string_lossy();
        let (id, number) = (self.id(), self.failures.len());
        let Failure { pair, phase, .. } = self.failures.last()?;
        let kept = folder(results).join(format!("{id}.failure{number}_pair{pair}_{phase}_{what}"));
        fs::rename(log, &kept).ok()?;
        Some(kept)
    }
}

const NOT_WHOLE: &str = "the session record is not whole, or of another plan";
const CHANGED: &str = "it is not what the paired session measured: it was changed since";

/// The folder of the records, and of the logs of failed runs.
pub(crate) fn folder(results: &Results) -> PathBuf {
    results.folder().join("sessions")
}

fn record(path: &Path, text: io::Result<String>) -> Result<SessionRecord, Fault> {
    let text = text.map_err(|error| error.to_string());
    let record =
        text.and_then(|text| SessionRecord::parse(&text).ok_or_else(|| NOT_WHOLE.to_owned()));
    record.map_err(|why| Fault::new(why).in_file(path))
}

/// The extension of a record; one that is archived or half written has another.
const RECORD: &str = "toml";
/// The beginning of the extension of an archived record; the time of archiving follows.
const ARCHIVED: &str = "archived_";

fn path(results: &Results, id: &str) -> PathBuf {
    folder(results).join(format!("{id}.{RECORD}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::limits::{PLAN, threshold_percent};
    use crate::model::names::{How, Mode, RunName};
    use crate::model::session::Figure;
    use crate::stats::paired::{self, PairedVerdict};

    fn member(name: &str, p99_ms: f64) -> Member {
        Member {
            name: RunName::parse(name).unwrap(),
            p50_ms: p99_ms / 4.0,
            p95_ms: p99_ms / 2.0,
            p99_ms,
            throughput: 999.5,
            cpu_us_per_operation: Some(208.125),
        }
    }

    fn record() -> SessionRecord {
        let mut record = SessionRecord::open(
            Subject {
                mode: Mode::Internal,
                before: "a".repeat(40),
                after: "b".repeat(40),
                scenario: "c".repeat(40),
                duration_seconds: 10,
                how: How::Duet,
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

    fn of_kind(
        results: &Results,
        subject: &Subject,
        kind: Kept,
    ) -> Vec<Result<SessionRecord, Fault>> {
        let all = SessionRecord::about(results, subject).into_iter();
        all.filter(|(kept, _)| *kept == kind).map(|(_, record)| record).collect()
    }

    fn about(results: &Results, subject: &Subject) -> Vec<Result<SessionRecord, Fault>> {
        of_kind(results, subject, Kept::Present)
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

    const RECORDED: &str = r#"# perf-confirm session, format 2

after = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
alpha = 0.006666666666666667
before = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
duration_seconds = 10
how = "duet"
loadtest = "dddddddddddddddddddddddddddddddddddddddd"
looks = [8, 12, 16]
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
cpu_us_per_operation = 208.125
p50_ms = 0.07500000000000001
p95_ms = 0.15000000000000002
p99_ms = 0.30000000000000004
run = "007_after_20251108_140020"
throughput = 999.5

[pairs.before]
cpu_us_per_operation = 208.125
p50_ms = 0.3125
p95_ms = 0.625
p99_ms = 1.25
run = "007_before_20251108_140000"
throughput = 999.5

# end
"#;

    #[test]
    fn a_record_of_an_earlier_version_is_shown_and_not_continued() {
        let folder = tempfile::tempdir().unwrap();
        let results = Results::of(folder.path());
        let subject = record().subject;
        let path = path(&results, &format!("{}10s", subject.stem()));
        files::replace(&path, "# perf-confirm session, format 1\n\n# end\n").unwrap();
        let kept = SessionRecord::about(&results, &subject);
        assert!(matches!(kept.as_slice(), [(Kept::Former, Err(_))]), "{kept:?}");
        assert_eq!(SessionRecord::load(&results, &subject).unwrap(), None);
    }

    #[test]
    fn a_pair_without_its_p95_is_no_record() {
        let text = record().to_text();
        let without = text.replacen("p95_ms", "p90_ms", 1);
        assert_eq!(SessionRecord::parse(&without), None);
    }

    #[test]
    fn the_two_ways_of_measuring_have_records_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let results = Results::of(folder.path());
        let (duets, mut in_turn) = (record(), record());
        in_turn.subject.how = How::Alternating;
        assert_ne!(duets.id(), in_turn.id());
        duets.save(&results).unwrap();
        assert_eq!(SessionRecord::load(&results, &in_turn.subject).unwrap(), None);
        in_turn.save(&results).unwrap();
        assert_eq!(SessionRecord::load(&results, &duets.subject).unwrap(), Some(duets));
    }

    #[test]
    fn a_figure_that_a_pair_of_the_look_does_not_know_has_no_interval() {
        let mut record = record();
        record.pairs = vec![record.pairs[0].clone(); 8];
        let known = |record: &SessionRecord| -> Vec<Figure> {
            record.changes().into_iter().map(|(figure, _)| figure).collect()
        };
        assert_eq!(known(&record), Figure::ALL);
        record.pairs[7].after.cpu_us_per_operation = None;
        let others = [Figure::P99, Figure::P95, Figure::P50, Figure::Throughput];
        assert_eq!(known(&record), others);
    }

    /// P99 is as it was, and P95 surely slower.
    #[test]
    fn the_p95_of_the_pairs_withholds_a_pass() {
        let mut record = record();
        record.failures.clear();
        record.plan = PLAN.up_to(8).unwrap();
        let [before, mut after] = ["007_before_20251108_140000", "007_after_20251108_140020"]
            .map(|name| member(name, 1.0));
        after.p95_ms *= 1.14;
        record.pairs = vec![PairRecord { before, after }; 8];
        let assessment = record.assess();
        assert!(assessment.look.unwrap().is_vetoed);
        let suspected = Some(PairedVerdict::Suspected);
        assert_eq!(assessment.verdict, suspected);
    }

    #[test]
    fn an_archived_record_is_not_replaced_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let results = Results::of(folder.path());
        let now = Timestamp::parse("20251108_140000").unwrap();
        let record = record();
        for _ in 0..3 {
            record.save(&results).unwrap();
            SessionRecord::archive(&results, &record.subject, now).unwrap().unwrap();
        }
        assert_eq!(of_kind(&results, &record.subject, Kept::Archived).len(), 3);
    }

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
        for (ours, other) in [("8, 12, 16", "8, 12, 15"), ("8, 12, 16", "8, 16")] {
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
        let verdicts = |change: f64| -> Vec<Option<PairedVerdict>> {
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
                    record.assess().verdict
                })
                .collect()
        };
        let share = |decisions: &[Option<PairedVerdict>], verdict| {
            let hits = decisions.iter().filter(|decision| **decision == Some(verdict));
            hits.count() * 100 / decisions.len()
        };
        let unchanged = verdicts(0.0);
        assert_eq!(share(&unchanged, PairedVerdict::Regressed), 0);
        let slower = verdicts(paired::margin(threshold_percent(Mode::Internal)));
        assert_eq!(share(&slower, PairedVerdict::NotRegressed), 0);
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
        let longer = Subject { duration_seconds: 60, how: How::Alternating, ..subject() };
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
        fs::write(&path, "# perf-confirm session, format 2").unwrap();
        let found = about(&results, &record.subject);
        assert!(matches!(found.as_slice(), [Err(fault)] if fault.file.as_ref() == Some(&path)));
    }
}
