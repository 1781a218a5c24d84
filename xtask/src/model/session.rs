//! A paired session: which runs make the pairs, what failed, and what the pairs say so far.

use crate::model::limits::threshold_percent;
use crate::model::names::{Mode, Phase, RunName, Timestamp};
use crate::stats::paired::{self, Assessment, Plan};
use crate::stats::random::SplitMix64;

/// What a session compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The scenario and margin.
    pub mode: Mode,
    /// Content hash of the before server.
    pub before: String,
    /// Content hash of the after server.
    pub after: String,
    /// Content hash of the scenario.
    pub scenario: String,
    /// Seconds of load a run.
    pub duration_seconds: u64,
}

/// One record. What the verdict on P99 rests on is in it: no file that is lost later changes the answer unseen.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionRecord {
    /// What is compared.
    pub subject: Subject,
    /// When it was opened.
    pub opened: Timestamp,
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

/// A complete pair.
#[derive(Debug, Clone, PartialEq)]
pub struct PairRecord {
    /// The before run.
    pub before: Member,
    /// The after run.
    pub after: Member,
}

/// One run of a pair.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The run.
    pub name: RunName,
    /// Its P99, in milliseconds.
    pub p99_ms: f64,
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

impl Subject {
    /// The record's name: short hashes, so that other binaries have another record.
    pub fn id(&self) -> String {
        let short = |hash: &str| hash.chars().take(12).collect::<String>();
        format!(
            "{}{}-{}-{}-{}s",
            self.mode.prefix(),
            short(&self.before),
            short(&self.after),
            short(&self.scenario),
            self.duration_seconds
        )
    }
}

impl SessionRecord {
    /// What its runs' provenance calls it. Another record about the same subject, put aside, has another id.
    pub fn id(&self) -> String {
        format!("{}-{}", self.subject.id(), self.opened)
    }

    /// Which side runs first in a pair (1 for the first). In every two pairs it is one each, in an order that the
    /// seed draws, so that a pair that has to be repeated keeps its own.
    pub fn order(&self, pair: usize) -> [Phase; 2] {
        let block = u64::try_from(pair.saturating_sub(1) / 2).unwrap_or_default();
        let mut random = SplitMix64::from_seed(self.seed.wrapping_add(block));
        let flipped = random.next_bits() & 1 == 1;
        match (pair % 2 == 1) ^ flipped {
            true => [Phase::Before, Phase::After],
            false => [Phase::After, Phase::Before],
        }
    }

    /// The failed runs of a side.
    pub fn failures_of(&self, phase: Phase) -> impl Iterator<Item = &Failure> {
        self.failures
            .iter()
            .filter(move |failure| failure.phase == phase)
    }

    /// ln(P99 after / P99 before) of each pair, in order. What is no ratio is not a number, and clears nothing.
    pub fn differences(&self) -> Vec<f64> {
        self.pairs
            .iter()
            .map(|pair| {
                paired::difference(pair.before.p99_ms, pair.after.p99_ms).unwrap_or(f64::NAN)
            })
            .collect()
    }

    /// What the pairs say so far.
    pub fn assess(&self) -> Assessment {
        let differences = self.differences();
        let evidence = paired::Evidence {
            p99: &differences,
            p95: &differences,
            after_failures: self.failures_of(Phase::After).count(),
        };
        paired::decide(
            &self.plan,
            evidence,
            paired::margin(threshold_percent(self.subject.mode)),
        )
    }
}
