//! The pairs of a session while they are measured: both runs at the same time, or in turn.

use std::time::{Duration, Instant};

use super::bench::{Bench, Side, Turn};
use super::shared::say;
use crate::error::Error;
use crate::judge::fitness;
use crate::measure::build::Binaries;
use crate::measure::run::{Failed, Measured};
use crate::measure::{host, noise, port};
use crate::model::limits::threshold_percent;
use crate::model::names::Phase;
use crate::model::provenance::{Provenance, SessionPlace};
use crate::model::session::{How, Member, PairRecord, SessionRecord, Subject};
use crate::report::pairs::{self, Line};
use crate::stats::paired::{self, Progress};
use crate::store::recording::Place;
use crate::store::results::Unsaved;

/// Whether the plan of a record wants more pairs.
pub(crate) fn goes_on(record: &SessionRecord) -> bool {
    matches!(record.assess().progress, Progress::Continue { .. })
}

/// What a session about these servers, which together need `memory_kib`, is about; and the load generator of both.
pub(crate) fn subject(
    bench: &Bench,
    [before, after]: [&Binaries; 2],
    memory_kib: Option<u64>,
) -> (Subject, String) {
    let subject = Subject {
        mode: bench.setup.mode,
        before: before.engram_hash.clone(),
        after: after.engram_hash.clone(),
        scenario: bench.scenario.hash.clone(),
        duration_seconds: bench.setup.duration.as_secs(),
        how: how(memory_kib),
    };
    (subject, after.loadtest_hash.clone())
}

/// At the same time, where the machine has room for two servers, which together need `memory_kib`; otherwise in turn,
/// which is said.
fn how(memory_kib: Option<u64>) -> How {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let memory = memory_kib.zip(host::available_memory_kib());
    let why = match memory {
        _ if cpus == 1 => "there is one CPU for both servers".to_owned(),
        Some((needed, free)) if free < needed => {
            let [needed, free] = [needed, free].map(|kib| kib / 1024);
            format!("{free} MiB of memory are free, and two servers need {needed}")
        }
        _ => return How::Duet,
    };
    say(&format!("before and after are measured in turn: {why}"));
    How::Alternating
}

/// The sides of a session on their bench.
pub(crate) struct Duets {
    pub(crate) bench: Bench,
    /// Before and after.
    sides: [Side; 2],
    /// The longest wait for a quiet machine before a run.
    wait_quiet: Duration,
    /// Makes the after server slower by this share, in per cent. No such run is ever saved.
    pub(crate) slow_down: Option<f64>,
    began: Instant,
    /// Of the runs that were measured since it began.
    pub(crate) provenances: Vec<Provenance>,
}

impl Duets {
    pub(crate) fn new(bench: Bench, sides: [Side; 2], wait_quiet: Duration) -> Self {
        let (began, provenances) = (Instant::now(), Vec::new());
        Self { bench, sides, wait_quiet, slow_down: None, began, provenances }
    }

    /// The next pair of `record`: one fresh-server run of each side, at the same time or back to back, in the order
    /// that the record draws. A failed run of either makes the pair void; both are saved, or neither.
    pub(crate) fn pair(&mut self, record: &SessionRecord) -> Result<PairRecord, Failed> {
        self.bench.workplace.clear()?;
        let order = record.order(record.pairs.len() + 1);
        let mut runs = Vec::new();
        let at_a_time = if record.subject.how == How::Duet { 2 } else { 1 };
        for phases in order.chunks(at_a_time) {
            runs.extend(self.together(record, phases)?);
        }
        runs.sort_by_key(|run| run.name.phase);
        let measured = match self.slow_down {
            None => self.bench.save(&runs)?,
            Some(_) => self.bench.read_unsaved(&runs)?,
        };
        self.provenances.extend(measured.iter().filter_map(|(_, run)| run.provenance.clone()));
        let members: Vec<Member> =
            measured.iter().map(|(name, run)| Member::of(name.clone(), run)).collect();
        let [before, after] = <[Member; 2]>::try_from(members)
            .map_err(|_| Error::new("a defect in this tool: a run of a pair is missing"))?;
        Ok(PairRecord { before, after })
    }

    /// Runs these sides of the next pair at the same time, as soon as the machine is quiet.
    fn together(
        &mut self,
        record: &SessionRecord,
        phases: &[Phase],
    ) -> Result<Vec<Unsaved>, Failed> {
        let (number, how) = (record.pairs.len() + 1, record.subject.how);
        let bench = &mut self.bench;
        let mut conditions = bench.conditions();
        bench.steps.heading(&match phases {
            [phase] => format!("pair {number}, {phase}"),
            _ => format!("duet {number}"),
        });
        bench.steps.begin("wait", "for a quiet machine");
        let still_busy = noise::wait_until_quiet(self.wait_quiet, |disturbed| {
            bench.steps.progress(disturbed);
        });
        bench.steps.clear();
        conditions.warnings.extend(still_busy);

        let port = bench.setup.port;
        let next = if how == How::Duet { port::next_free(port)? } else { port };
        let ([first, _], [at_port, _]) = (record.order(number), record.ports(number));
        let turn = |side| {
            let side: &Side = side;
            let port = if side.phase == at_port { port } else { next };
            let session = SessionPlace {
                id: record.id(),
                pair: u32::try_from(number).unwrap_or(u32::MAX),
                order: format!("{first}-first"),
                how: Some(how.to_string()),
                port: Some(port.into()),
                load_offset_ms: None,
            };
            let place = Place { group: None, index: 1, of: 1, session: Some(session) };
            let mut turn = Turn::new(side, port, bench.workplace.of_side(side.phase), place);
            turn.how.slow_down = self.slow_down.filter(|_| side.phase == Phase::After);
            turn
        };
        let sides = self.sides.iter().filter(|side| phases.contains(&side.phase));
        let turns: Vec<Turn> = sides.map(turn).collect();
        bench.run(&turns, first, &conditions, failure)
    }

    fn margin(&self) -> f64 {
        paired::margin(threshold_percent(self.bench.setup.mode))
    }

    /// Begins to measure now, and says what the lines of the pairs mean.
    pub(crate) fn begin(&mut self) {
        (self.began, self.provenances) = (Instant::now(), Vec::new());
        say(&format!("{}\n{}", pairs::LEGEND, pairs::heading(self.margin())));
    }

    /// Shows the newest pair of `record`, and what all say so far.
    pub(crate) fn show(&self, record: &SessionRecord) {
        let Some(newest) = record.pairs.last() else { return };
        let pairs = record.pairs.len();
        let missing = if goes_on(record) { record.plan.last_look() - pairs } else { 0 };
        let count = |number| u32::try_from(number).unwrap_or(u32::MAX);
        let used = self.began.elapsed();
        let each = used / count(self.provenances.len() / 2).max(1);
        let line = Line {
            pair: pairs,
            p99_ms: [newest.before.p99_ms, newest.after.p99_ms],
            used,
            left: each.saturating_mul(count(missing)),
        };
        let (differences, alpha) = (record.differences(), record.plan.alpha());
        say(&pairs::line(&line, &differences, alpha, self.margin()));
    }
}

/// What the server of a run did not do as it was asked: its latencies are no evidence then.
fn failure(measured: &Measured) -> Option<String> {
    let result = &measured.result;
    (measured.unclean_stop.clone())
        .or_else(|| fitness::no_latency(result))
        .or_else(|| fitness::error_replies(result))
}
