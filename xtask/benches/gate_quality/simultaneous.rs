//! Servers measured at the same time, or one after the other, with work really added to one of them: how noisy the
//! ratio of each metric is, how much of the added work it shows, and what sessions under the plan come to.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;
use xtask::model::limits::{PLAN, threshold_percent};
use xtask::model::names::Mode;
use xtask::stats::numbers::median;
use xtask::stats::paired::{self, Evidence};
use xtask::stats::signed_rank;

use crate::Result;
use crate::aims::Place;
use crate::random::Random;
use crate::replay::{Sessions, Tally, Verdict};

/// Sessions drawn for each condition.
const SESSIONS: usize = 2000;
/// Fewer units say nothing about sessions.
const FEWEST_UNITS: usize = 6;

/// The metrics of a unit, in the order of the table.
const METRICS: [&str; 5] = ["P50", "P95", "P99", "CPU", "throughput"];
const P95: usize = 1;
const P99: usize = 2;

/// How two servers were measured, and what was added to each request of the second one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    how: String,
    rate: u64,
    computation_us: u64,
    waiting_us: u64,
}

/// One duet, or one pair measured one after the other.
struct Unit {
    /// ln(second / first) of each of [`METRICS`].
    changes: [f64; 5],
    /// Both starts and ends included.
    seconds: f64,
}

/// All conditions of some recordings, each with its units in the order of measurement.
pub struct Simultaneous(BTreeMap<Condition, Vec<Unit>>);

/// Reads recordings of two servers.
pub fn read(path: &Path) -> Result<Simultaneous> {
    let mut conditions: BTreeMap<Condition, Vec<Unit>> = BTreeMap::new();
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    for line in text.lines() {
        let (condition, unit) = unit(&serde_json::from_str(line)?)
            .ok_or_else(|| format!("{}: not a line of two servers: {line}", path.display()))?;
        conditions.entry(condition).or_default().push(unit);
    }
    Ok(Simultaneous(conditions))
}

fn unit(fields: &Value) -> Option<(Condition, Unit)> {
    let added = |key: &str| fields.get(key)?.as_array()?.get(1)?.as_u64();
    let condition = Condition {
        how: fields.get("how")?.as_str()?.to_owned(),
        rate: fields.get("rate")?.as_u64()?,
        computation_us: added("added_us")?,
        waiting_us: added("added_wait_us").unwrap_or(0),
    };
    let figures = |side: &str| {
        let side = fields.get(side)?;
        let number = |key: &str| side.get(key)?.as_f64();
        let cpu = number("server_cpu_jiffies")? / number("operations")?;
        Some([number("p50")?, number("p95")?, number("p99")?, cpu, number("throughput")?])
    };
    let (first, second) = (figures("a")?, figures("b")?);
    let mut changes = [0.0; 5];
    for (change, (first, second)) in changes.iter_mut().zip(first.iter().zip(second)) {
        *change = paired::difference(*first, second)?;
    }
    let seconds = fields.get("took_s")?.as_f64()?;
    Some((condition, Unit { changes, seconds }))
}

/// The table, in Markdown, and the aims of each way for which there are sessions.
pub fn markdown(recorded: &Simultaneous, place: Place) -> String {
    let mut text = String::from(
        "| how | requests/s | added | units | P50 | P95 | P99 | CPU | throughput | found | passed | unsure | units to a verdict | minutes |\n\
         |---|---:|---|---:|---|---|---|---|---|---:|---:|---:|---:|---:|\n",
    );
    let mut ways: BTreeMap<(&str, u64), Sessions> = BTreeMap::new();
    for (condition, units) in &recorded.0 {
        let metrics: Vec<String> = (0..METRICS.len())
            .map(|metric| moved(units.iter().map(|unit| unit.changes[metric]).collect()))
            .collect();
        let mut sessions = "- | - | - | - | -".to_owned();
        if units.len() >= FEWEST_UNITS {
            let (tally, length) = drawn(units);
            sessions = columns(&tally, length);
            if let Some(change) = condition.worth() {
                let way = ways.entry((&condition.how, condition.rate)).or_default();
                way.insert(change, tally);
            }
        }
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {sessions} |",
            condition.how,
            condition.rate,
            condition.added(),
            units.len(),
            metrics.join(" | "),
        );
    }
    for ((how, rate), sessions) in ways {
        let aims = place.lines(&sessions);
        let _ = write!(text, "\nAims, {how}, {rate} requests/s:\n\n{aims}");
    }
    text
}

/// Added computation, and the share of the P99 of a server alone on a quiet machine that it is about, in per cent.
const WORTH: [(u64, u32); 3] = [(0, 0), (90, 10), (220, 25)];

impl Condition {
    /// The change that was made, in per cent. Waiting is no work: the aims are about computation.
    fn worth(&self) -> Option<u32> {
        let (_, change) = WORTH.into_iter().find(|(added, _)| *added == self.computation_us)?;
        (self.waiting_us == 0).then_some(change)
    }

    fn added(&self) -> String {
        match (self.computation_us, self.waiting_us) {
            (0, 0) => "nothing".to_owned(),
            (computation, 0) => format!("{computation} us of computation"),
            (_, waiting) => format!("{waiting} us of waiting"),
        }
    }
}

/// Median change in per cent, and the standard deviation of its logarithm.
fn moved(changes: Vec<f64>) -> String {
    let middle = median(changes.iter().copied()).unwrap_or(f64::NAN);
    let spread = match deviation(&changes) {
        spread if spread.is_finite() => format!("{spread:.3}"),
        // Of one unit.
        _ => "-".to_owned(),
    };
    format!("{:+.1} % ({spread})", middle.exp_m1() * 100.0)
}

#[allow(clippy::cast_precision_loss, reason = "hundreds")]
fn deviation(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (values.len() as f64 - 1.0)).sqrt()
}

/// Sessions whose units are drawn from those recorded, with replacement: what is left of the drift between two units
/// of a duet is small, and the recordings are too short for sessions that do not overlap.
/// Returns also how many units they took on average.
#[allow(clippy::cast_precision_loss, reason = "thousands")]
fn drawn(units: &[Unit]) -> (Tally, f64) {
    let margin = paired::margin(threshold_percent(Mode::Internal));
    let mut random = Random::from_seed(20_261);
    let (mut tally, mut used) = (Tally::default(), 0);
    for _ in 0..SESSIONS {
        let drawn: Vec<&Unit> =
            (0..PLAN.last_look).map(|_| &units[random.below(units.len())]).collect();
        let series =
            |metric: usize| -> Vec<f64> { drawn.iter().map(|unit| unit.changes[metric]).collect() };
        let (p99, p95) = (series(P99), series(P95));
        let evidence = Evidence { p99: &p99, p95: &p95, after_failures: 0 };
        let assessment = paired::decide(&PLAN, evidence, margin);
        let length = assessment.look.map_or(PLAN.last_look, |sight| sight.pairs);
        used += length;
        let seconds = drawn[..length].iter().map(|unit| unit.seconds).sum::<f64>();
        tally.add(Verdict::of(assessment.verdict), seconds / 60.0);
        let all = signed_rank::interval(&p99, PLAN.alpha());
        tally.smallest_changes.extend(all.map(|all| all.half_width()));
    }
    (tally, used as f64 / SESSIONS as f64)
}

#[allow(clippy::cast_precision_loss, reason = "thousands")]
fn columns(tally: &Tally, length: f64) -> String {
    let percent = |is_meant: fn(Verdict) -> bool| 100.0 * tally.share(is_meant);
    format!(
        "{:.1} % | {:.1} % | {:.1} % | {length:.1} | {:.1}",
        percent(|verdict| verdict == Verdict::Regressed),
        percent(Verdict::passes),
        percent(|verdict| verdict == Verdict::Unsure),
        tally.minutes.iter().sum::<f64>() / tally.minutes.len() as f64,
    )
}
