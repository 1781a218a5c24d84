//! Records of paired sessions, `tmp/m17_performance/sessions/`: which runs make the pairs, and what failed. One record
//! for one pair of binaries, scenario and duration; measuring on continues it.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::names::{Part, Phase, RunName, Timestamp};
use super::provenance::{known, text, whole};
use super::recorded::{self, Recorded, Unusable};
use super::results::{self, Results};
use crate::error::{Error, Result};
use crate::judge::paired::Plan;

/// What a session compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Content hash of the before server.
    pub before: String,
    /// Content hash of the after server.
    pub after: String,
    /// Content hash of the scenario.
    pub scenario: String,
    /// Seconds of load a run.
    pub duration_seconds: u64,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// What is compared.
    pub subject: Subject,
    /// Content hash of the load generator that drives both sides.
    pub loadtest: String,
    /// When to look; fixed when the record is opened.
    pub plan: Plan,
    /// What the orders are drawn from.
    pub seed: u64,
    /// The complete pairs.
    pub pairs: Vec<PairRecord>,
    /// Runs that failed.
    pub failures: Vec<Failure>,
}

/// A complete pair: the names of its two runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairRecord {
    /// The before run.
    pub before: RunName,
    /// The after run.
    pub after: RunName,
}

/// A run that failed, and made its pair void.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The pair, 1 for the first.
    pub pair: usize,
    /// The side.
    pub phase: Phase,
    /// What failed.
    pub why: String,
}

const HEADER: &str = "# perf-confirm session, format 1";
/// The last line: a record cut short is none.
const FOOTER: &str = "# end";

impl Subject {
    /// The record's name: short hashes, so that other binaries have another record.
    pub fn id(&self) -> String {
        let short = |hash: &str| hash.chars().take(12).collect::<String>();
        format!(
            "{}-{}-{}-{}s",
            short(&self.before),
            short(&self.after),
            short(&self.scenario),
            self.duration_seconds
        )
    }
}

impl SessionRecord {
    /// A record without any pair yet, with orders of its own.
    pub fn open(subject: Subject, loadtest: String, plan: Plan) -> Self {
        Self {
            subject,
            loadtest,
            plan,
            // The standard library's only source of randomness; kept to what TOML can hold.
            seed: RandomState::new().build_hasher().finish() >> 1,
            pairs: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Which side runs first in a pair (1 for the first). In every two pairs it is one each, in an order that the
    /// seed draws, so that a pair that has to be repeated keeps its own.
    pub fn order(&self, pair: usize) -> [Phase; 2] {
        let block = u64::try_from(pair.saturating_sub(1) / 2).unwrap_or_default();
        let flipped = scrambled(self.seed.wrapping_add(block)) & 1 == 1;
        match (pair % 2 == 1) ^ flipped {
            true => [Phase::Before, Phase::After],
            false => [Phase::After, Phase::Before],
        }
    }

    /// How many runs of a side failed.
    pub fn failures_of(&self, phase: Phase) -> usize {
        self.failures
            .iter()
            .filter(|failure| failure.phase == phase)
            .count()
    }

    /// The runs of a side, read from the results; each that cannot be read says why.
    pub fn runs(&self, results: &Results, phase: Phase) -> Vec<Result<Recorded, Unusable>> {
        self.pairs
            .iter()
            .map(|pair| match phase {
                Phase::Before => &pair.before,
                Phase::After => &pair.after,
            })
            .map(|name| recorded::read(&results.path(name, Part::Result)))
            .collect()
    }

    /// The record about `subject`, if there is one.
    ///
    /// # Errors
    /// When it cannot be read or is not whole.
    pub fn load(results: &Results, subject: &Subject) -> Result<Option<Self>> {
        let path = path(results, &subject.id());
        match fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::because(
                format!("cannot read {}", path.display()),
                error,
            )),
            Ok(text) => parse(&text).map(Some).ok_or_else(|| {
                Error::new(format!(
                    "the session record {} is not whole",
                    path.display()
                ))
                .next("start anew, keeping it aside: cargo xtask perf-confirm … --fresh")
            }),
        }
    }

    /// All records about these two servers and this scenario, whatever the duration.
    pub fn about(results: &Results, before: &str, after: &str, scenario: &str) -> Vec<Self> {
        let Ok(entries) = fs::read_dir(folder(results)) else {
            return Vec::new();
        };
        let mut found: Vec<Self> = entries
            .filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok())
            .filter_map(|text| parse(&text))
            .filter(|record| {
                let subject = &record.subject;
                (
                    subject.before.as_str(),
                    subject.after.as_str(),
                    subject.scenario.as_str(),
                ) == (before, after, scenario)
            })
            .collect();
        // The longest runs say most.
        found.sort_by_key(|record| std::cmp::Reverse(record.subject.duration_seconds));
        found
    }

    /// Writes the record, by rename.
    ///
    /// # Errors
    /// Names the file that could not be written.
    pub fn save(&self, results: &Results) -> Result<()> {
        results::replace(&path(results, &self.subject.id()), &self.to_text())
    }

    /// Puts the record about `subject` aside; returns where it is then, if there was one.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub fn archive(
        results: &Results,
        subject: &Subject,
        now: Timestamp,
    ) -> Result<Option<PathBuf>> {
        let from = path(results, &subject.id());
        if !from.exists() {
            return Ok(None);
        }
        let to = from.with_extension(format!("archived_{now}"));
        fs::rename(&from, &to).map_err(|error| {
            Error::because(
                format!("cannot move {} to {}", from.display(), to.display()),
                error,
            )
        })?;
        Ok(Some(to))
    }

    fn to_text(&self) -> String {
        let pairs = self.pairs.iter().map(|pair| {
            Value::Table(known([
                ("before", text(pair.before.to_string())),
                ("after", text(pair.after.to_string())),
            ]))
        });
        let failures = self.failures.iter().map(|failure| {
            Value::Table(known([
                ("pair", whole(failure.pair)),
                ("side", text(failure.phase.to_string())),
                ("why", text(&failure.why)),
            ]))
        });
        let table = known([
            ("before", text(&self.subject.before)),
            ("after", text(&self.subject.after)),
            ("scenario", text(&self.subject.scenario)),
            ("duration_seconds", whole(self.subject.duration_seconds)),
            ("loadtest", text(&self.loadtest)),
            ("max_pairs", whole(self.plan.last_look())),
            ("seed", whole(self.seed)),
            ("pairs", Some(Value::Array(pairs.collect()))),
            ("failures", Some(Value::Array(failures.collect()))),
        ]);
        format!("{HEADER}\n\n{table}\n{FOOTER}\n")
    }
}

fn parse(text: &str) -> Option<SessionRecord> {
    if text.lines().next()? != HEADER || text.lines().last()? != FOOTER {
        return None;
    }
    let table: Table = text.parse().ok()?;
    let word = |table: &Table, key: &str| Some(table.get(key)?.as_str()?.to_owned());
    let number = |table: &Table, key: &str| u64::try_from(table.get(key)?.as_integer()?).ok();
    let index = |table: &Table, key: &str| usize::try_from(number(table, key)?).ok();
    let tables = |key: &str| -> Option<Vec<&Table>> {
        table
            .get(key)?
            .as_array()?
            .iter()
            .map(Value::as_table)
            .collect()
    };
    Some(SessionRecord {
        subject: Subject {
            before: word(&table, "before")?,
            after: word(&table, "after")?,
            scenario: word(&table, "scenario")?,
            duration_seconds: number(&table, "duration_seconds")?,
        },
        loadtest: word(&table, "loadtest")?,
        plan: Plan::up_to(index(&table, "max_pairs")?)?,
        seed: number(&table, "seed")?,
        pairs: tables("pairs")?
            .into_iter()
            .map(|pair| {
                Some(PairRecord {
                    before: RunName::parse(&word(pair, "before")?)?,
                    after: RunName::parse(&word(pair, "after")?)?,
                })
            })
            .collect::<Option<_>>()?,
        failures: tables("failures")?
            .into_iter()
            .map(|failure| {
                Some(Failure {
                    pair: index(failure, "pair")?,
                    phase: Phase::parse(&word(failure, "side")?)?,
                    why: word(failure, "why")?,
                })
            })
            .collect::<Option<_>>()?,
    })
}

fn folder(results: &Results) -> PathBuf {
    results.folder().join("sessions")
}

fn path(results: &Results, id: &str) -> PathBuf {
    folder(results).join(Path::new(&format!("{id}.toml")))
}

/// A well-mixed function of its argument (the finaliser of SplitMix64: Steele, Lea and Flood, 2014).
fn scrambled(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> SessionRecord {
        let mut record = SessionRecord::open(
            Subject {
                before: "a".repeat(40),
                after: "b".repeat(40),
                scenario: "c".repeat(40),
                duration_seconds: 10,
            },
            "d".repeat(40),
            Plan::up_to(16).unwrap(),
        );
        record.pairs.push(PairRecord {
            before: RunName::parse("007_before_20251108_140000").unwrap(),
            after: RunName::parse("007_after_20251108_140020").unwrap(),
        });
        record.failures.push(Failure {
            pair: 2,
            phase: Phase::After,
            why: "it \"crashed\"\nbadly".into(),
        });
        record
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let results = Results::of(folder.path());
        record().save(&results).unwrap();
        let subject = record().subject;
        let read = SessionRecord::load(&results, &subject).unwrap().unwrap();
        assert_eq!(read.pairs, record().pairs);
        assert_eq!(read.failures, record().failures);
    }

    #[test]
    fn a_record_cut_short_is_refused() {
        let text = record().to_text();
        for end in 0..text.trim_end().len() {
            assert_eq!(parse(&text[..end]), None, "{end}");
        }
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

    #[test]
    fn an_archived_record_is_no_longer_found() {
        let folder = tempfile::tempdir().unwrap();
        let results = Results::of(folder.path());
        let subject = record().subject;
        record().save(&results).unwrap();
        let now = Timestamp::parse("20251108_140000").unwrap();
        let aside = SessionRecord::archive(&results, &subject, now)
            .unwrap()
            .unwrap();
        assert!(aside.exists());
        assert_eq!(SessionRecord::load(&results, &subject).unwrap(), None);
        assert!(
            SessionRecord::archive(&results, &subject, now)
                .unwrap()
                .is_none()
        );
    }
}
