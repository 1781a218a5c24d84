//! The record of a paired session: the runs of its pairs, its failures, and the verdict so far.

use toml::Table;

use crate::model::limits::{PLAN, threshold_percent};
use crate::model::names::{Mode, Phase, RunName, Timestamp};
use crate::model::section::{Field, section};
use crate::stats::paired::{self, Assessment, Plan};
use crate::stats::random::SplitMix64;

section! {
    /// The comparison that a session is about.
    #[derive(Eq)]
    pub struct Subject {
        /// The scenario and margin.
        pub mode: Mode = "mode",
        /// Content hash of the before server.
        pub before: String = "before",
        /// Content hash of the after server.
        pub after: String = "after",
        /// Content hash of the scenario.
        pub scenario: String = "scenario",
        /// Seconds of load a run.
        pub duration_seconds: u64 = "duration_seconds",
    }
}

section! {
    /// The record of a session. It holds all that the verdict on P99 rests on: a file that is lost later cannot change
    /// the answer unnoticed.
    pub struct SessionRecord {
        pub subject: Subject = "",
        pub opened: Timestamp = "opened",
        /// Content hash of the load generator that drives both sides.
        pub loadtest: String = "loadtest",
        /// When to look; fixed when the record is opened.
        pub plan: Plan = "looks",
        /// The orders are drawn from it; at most what TOML can hold.
        pub seed: u64 = "seed",
        /// The complete pairs.
        pub pairs: Vec<PairRecord> = "pairs",
        /// The failed runs.
        pub failures: Vec<Failure> = "failures",
    }
}

section! {
    /// A complete pair.
    pub struct PairRecord {
        pub before: Member = "before",
        pub after: Member = "after",
    }
}

section! {
    /// One run of a pair.
    pub struct Member {
        pub name: RunName = "run",
        pub p99_ms: f64 = "p99_ms",
    }
}

section! {
    /// A run that failed, and made its pair void.
    #[derive(Eq)]
    pub struct Failure {
        /// The pair, 1 for the first.
        pub pair: usize = "pair",
        pub phase: Phase = "side",
        /// The message of the failure.
        pub why: String = "why",
    }
}

/// A plan is recorded as its looks and its alpha; one that this tool would not make any more is refused, since it would
/// be read as another.
impl Field for Plan {
    fn put(&self, key: &str, table: &mut Table) {
        self.looks().to_vec().put(key, table);
        self.alpha().put(ALPHA, table);
    }

    #[allow(clippy::float_cmp, reason = "written and read again, not computed")]
    fn take(key: &str, table: &Table) -> Option<Self> {
        let looks = Vec::<usize>::take(key, table)?;
        let plan = PLAN.up_to(*looks.last()?)?;
        (plan.looks() == looks && f64::take(ALPHA, table)? == plan.alpha()).then_some(plan)
    }
}

const ALPHA: &str = "alpha";

const HEADER: &str = "# perf-confirm session, format 1";
/// The last line, without which a record is cut short.
const FOOTER: &str = "# end";

impl Subject {
    /// The name of the record's file: short hashes, so that other binaries have another record.
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
    /// The id that the provenance of its runs carries. An archived record about the same subject has another id.
    pub fn id(&self) -> String {
        format!("{}-{}", self.subject.id(), self.opened)
    }

    /// The order of the sides in a pair (1 for the first). Of every two pairs each has another; the seed draws which,
    /// so that a pair that has to be repeated keeps its own.
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
        self.failures.iter().filter(move |failure| failure.phase == phase)
    }

    /// ln(P99 after / P99 before) of each pair, in order. A pair without a valid ratio yields NaN, which can never lead
    /// to a pass.
    pub fn differences(&self) -> Vec<f64> {
        self.pairs
            .iter()
            .map(|pair| {
                paired::difference(pair.before.p99_ms, pair.after.p99_ms).unwrap_or(f64::NAN)
            })
            .collect()
    }

    /// The verdict of the pairs so far.
    pub fn assess(&self) -> Assessment {
        paired::decide(
            &self.plan,
            &self.differences(),
            paired::margin(threshold_percent(self.subject.mode)),
            self.failures_of(Phase::After).count(),
        )
    }

    /// The text of the record's file.
    pub fn to_text(&self) -> String {
        format!("{HEADER}\n\n{}\n{FOOTER}\n", self.to_table())
    }

    /// Reads the text of a record's file; `None` for one that is not whole, or of a plan that is no longer made.
    pub fn parse(text: &str) -> Option<Self> {
        if text.lines().next()? != HEADER || text.lines().last()? != FOOTER {
            return None;
        }
        Self::from_table(&text.parse().ok()?).ok()
    }
}
