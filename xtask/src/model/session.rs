//! The record of a paired session: the runs of its pairs, its failures, and the verdict so far.

use toml::Table;

use crate::model::limits::{PLAN, threshold_percent};
use crate::model::names::{How, Mode, Phase, RunName, Timestamp};
use crate::model::recorded::Recorded;
use crate::model::section::{self, Field, section};
use crate::stats::paired::{self, Assessment, Plan};
use crate::stats::random::SplitMix64;
use crate::stats::signed_rank::{self, Interval};

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
        pub how: How = "how",
    }

    /// The record of a session. It holds all that its verdict and its intervals rest on: a file that is lost later
    /// cannot change the answer unnoticed.
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

    /// A complete pair.
    pub struct PairRecord {
        pub before: Member = "before",
        pub after: Member = "after",
    }

    /// One run of a pair.
    pub struct Member {
        pub name: RunName = "run",
        pub p50_ms: f64 = "p50_ms",
        pub p95_ms: f64 = "p95_ms",
        pub p99_ms: f64 = "p99_ms",
        /// Operations per second.
        pub throughput: f64 = "throughput",
        /// The server's CPU time an operation, in microseconds, where the system shows it.
        pub cpu_us_per_operation: Option<f64> = "cpu_us_per_operation",
    }

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

impl Member {
    /// The run that was saved as `name`.
    pub fn of(name: RunName, run: &Recorded) -> Self {
        let noise = run.provenance.as_ref().map(|provenance| &provenance.noise);
        Self {
            name,
            p50_ms: run.result.p50_ms,
            p95_ms: run.result.p95_ms,
            p99_ms: run.result.p99_ms,
            throughput: run.result.throughput,
            cpu_us_per_operation: noise.and_then(|noise| noise.server_cpu_us_per_operation),
        }
    }
}

/// A figure of which a session knows the interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    P99,
    P95,
    P50,
    /// The server's CPU time per operation.
    Cpu,
    Throughput,
}

impl Figure {
    /// All, the one that is tested first.
    pub const ALL: [Self; 5] = [Self::P99, Self::P95, Self::P50, Self::Cpu, Self::Throughput];

    fn of(self, member: &Member) -> Option<f64> {
        match self {
            Self::P99 => Some(member.p99_ms),
            Self::P95 => Some(member.p95_ms),
            Self::P50 => Some(member.p50_ms),
            Self::Cpu => member.cpu_us_per_operation,
            Self::Throughput => Some(member.throughput),
        }
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

const HEADER: &str = "# perf-confirm session, format 2";
/// The same of an earlier version, whose records decide nothing.
const FORMER_HEADER: &str = "# perf-confirm session, format 1";

impl Subject {
    /// The name of the record's file: short hashes, so that other binaries have another record.
    pub fn id(&self) -> String {
        format!("{}{}s-{}", self.stem(), self.duration_seconds, self.how)
    }

    /// The beginning of the names of all records about these servers and this scenario.
    pub(crate) fn stem(&self) -> String {
        let short = |hash: &str| hash.chars().take(12).collect::<String>();
        format!(
            "{}{}-{}-{}-",
            self.mode.prefix(),
            short(&self.before),
            short(&self.after),
            short(&self.scenario)
        )
    }

    /// Whether both are about the same servers and scenario, whatever the duration and the way of measuring.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let Self { duration_seconds, how, .. } = *self;
        Self { duration_seconds, how, ..other.clone() } == *self
    }
}

impl SessionRecord {
    /// The id that the provenance of its runs carries. An archived record about the same subject has another id.
    pub fn id(&self) -> String {
        format!("{}-{}", self.subject.id(), self.opened)
    }

    /// The order in which the sides of a pair (1 for the first) are started. Of every two pairs each has another; the
    /// seed draws which, so that a pair that has to be repeated keeps its own.
    pub fn order(&self, pair: usize) -> [Phase; 2] {
        self.draw(pair, 0)
    }

    /// The sides of a pair by their ports, that of the lower one first: drawn as the order is, and apart from it.
    pub fn ports(&self, pair: usize) -> [Phase; 2] {
        self.draw(pair, 1)
    }

    fn draw(&self, pair: usize, what: u32) -> [Phase; 2] {
        let block = u64::try_from(pair.saturating_sub(1) / 2).unwrap_or_default();
        let mut random = SplitMix64::from_seed(self.seed.wrapping_add(block));
        let flipped = (random.next_bits() >> what) & 1 == 1;
        match (pair % 2 == 1) ^ flipped {
            true => [Phase::Before, Phase::After],
            false => [Phase::After, Phase::Before],
        }
    }

    /// Whether one of the pairs has this run.
    pub fn has_run(&self, name: &RunName) -> bool {
        self.pairs.iter().any(|pair| [&pair.before.name, &pair.after.name].contains(&name))
    }

    /// The failed runs of a side.
    pub fn failures_of(&self, phase: Phase) -> impl Iterator<Item = &Failure> {
        self.failures.iter().filter(move |failure| failure.phase == phase)
    }

    /// ln(P99 after / P99 before) of each pair, in order. A pair without a valid ratio yields NaN, which can never lead
    /// to a pass.
    pub fn differences(&self) -> Vec<f64> {
        self.differences_of(Figure::P99)
    }

    fn differences_of(&self, figure: Figure) -> Vec<f64> {
        let difference = |pair: &PairRecord| {
            paired::difference(figure.of(&pair.before)?, figure.of(&pair.after)?)
        };
        self.pairs.iter().map(|pair| difference(pair).unwrap_or(f64::NAN)).collect()
    }

    /// The verdict of the pairs so far.
    pub fn assess(&self) -> Assessment {
        let evidence = paired::Evidence {
            p99: &self.differences(),
            p95: &self.differences_of(Figure::P95),
            after_failures: self.failures_of(Phase::After).count(),
        };
        paired::decide(&self.plan, evidence, paired::margin(threshold_percent(self.subject.mode)))
    }

    /// The change of each figure as a logarithm of a ratio, from the pairs of the deciding look, or of the latest one;
    /// without those that a pair does not know.
    pub fn changes(&self) -> Vec<(Figure, Interval)> {
        let Some(look) = self.assess().look else {
            return Vec::new();
        };
        let interval = |figure| {
            signed_rank::interval(self.differences_of(figure).get(..look.pairs)?, self.plan.alpha())
        };
        let known = Figure::ALL.into_iter();
        known.filter_map(|figure| Some((figure, interval(figure)?))).collect()
    }

    /// The change of P99 by all pairs so far, as a logarithm of a ratio.
    pub fn estimate(&self) -> Option<f64> {
        signed_rank::estimate(&self.differences())
    }

    /// The text of the record's file.
    pub fn to_text(&self) -> String {
        section::to_text(HEADER, &self.to_table())
    }

    /// Reads the text of a record's file; `None` for one that is not whole, or of a plan that is no longer made.
    pub fn parse(text: &str) -> Option<Self> {
        let table = text.parse().ok().filter(|_| section::is_whole(text, HEADER))?;
        Self::from_table(&table).ok()
    }

    /// True for the text of a record under the plan of an earlier version.
    pub(crate) fn is_former(text: &str) -> bool {
        text.starts_with(FORMER_HEADER)
    }
}
