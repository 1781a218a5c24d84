//! The one table of metrics: every format shows what stands here.

use crate::judge::comparison::Side;
use crate::judge::verdict::Metric::{self, ErrorRate, P99, Throughput};
use crate::judge::verdict::Verdict;
use crate::model::names::Mode;
use crate::model::provenance::Noise;
use crate::model::recorded::Recorded;
use crate::model::session::Figure;
use crate::report::words;
use crate::stats::numbers::median;

use Source::{Judged, Runs};
use Unit::{Count, Of, Share};

/// A metric as it is shown.
pub(crate) struct Quantity {
    pub(crate) name: &'static str,
    unit: Unit,
    /// The key in the JSON of a side; empty for what only the summary of a check shows.
    pub(crate) key: &'static str,
    source: Source,
}

/// The unit of a value; it decides how a change is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// With so many decimals; a change is shown in per cent of before.
    Of(&'static str, usize),
    /// 0 to 1, shown in per cent; a change in percentage points.
    Share,
    /// A change is shown as a difference.
    Count,
}

/// The source of a value.
enum Source {
    /// The figure that is judged.
    Judged(Metric),
    /// The median over the runs, in the unit; `None` for a run that does not know it.
    Runs(fn(&Recorded) -> Option<f64>),
}

const fn metric(name: &'static str, unit: Unit, key: &'static str, source: Source) -> Quantity {
    Quantity { name, unit, key, source }
}

/// The load generator records whole microseconds.
pub(crate) const MS_DECIMALS: usize = 3;

const MS: Unit = Of("ms", MS_DECIMALS);
const OPS: Unit = Of("ops/s", 2);
const MIB: Unit = Of("MiB", 0);
const US: Unit = Of("us/operation", 1);

/// What the latencies are; said wherever they are shown.
pub(crate) const OF_OPERATIONS: &str =
    "each latency is the largest of the operations' own, not that of all requests";

/// All metrics, in the order in which they are shown.
pub(crate) static METRICS: [Quantity; 12] = [
    metric("P50", MS, "p50_ms", Runs(|run| Some(run.result.p50_ms))),
    metric("P95", MS, "p95_ms", Runs(|run| Some(run.result.p95_ms))),
    metric("P99", MS, "p99_ms", Judged(P99)),
    metric("P99.9", MS, "p999_ms", Runs(|run| run.result.p999_ms)),
    metric("maximum", MS, "max_ms", Runs(|run| run.result.max_ms)),
    metric("throughput", OPS, "throughput", Judged(Throughput)),
    metric("operations", Count, "", Runs(|run| Some(whole(run.result.total_operations)))),
    metric("errors", Count, "errors_per_run", Runs(|run| Some(whole(run.result.total_errors)))),
    metric("error rate", Share, "error_rate", Judged(ErrorRate)),
    metric("peak memory", MIB, "", Runs(peak_memory_mib)),
    metric("CPU", US, "cpu_us_per_operation", Runs(|run| noise(run)?.server_cpu_us_per_operation)),
    metric("CPU stolen", Share, "", Runs(|run| noise(run)?.steal_share)),
];

#[allow(clippy::cast_precision_loss, reason = "exact up to 2^53")]
pub(crate) fn whole(count: u64) -> f64 {
    count as f64
}

fn peak_memory_mib(run: &Recorded) -> Option<f64> {
    Some(whole(run.provenance.as_ref()?.server.peak_memory_kib?) / 1024.0)
}

fn noise(run: &Recorded) -> Option<&Noise> {
    run.provenance.as_ref().map(|provenance| &provenance.noise)
}

/// The metric that a figure of a session is.
pub(crate) fn of_figure(figure: Figure) -> Option<&'static Quantity> {
    let key = match figure {
        Figure::P99 => "p99_ms",
        Figure::P95 => "p95_ms",
        Figure::P50 => "p50_ms",
        Figure::Cpu => "cpu_us_per_operation",
        Figure::Throughput => "throughput",
    };
    METRICS.iter().find(|quantity| quantity.key == key)
}

/// The metrics that are compared, in the order of the table.
pub(crate) fn compared() -> impl Iterator<Item = &'static Quantity> {
    METRICS.iter().filter(|quantity| !quantity.key.is_empty())
}

/// The judged ones among them, by the judge's name.
pub(crate) fn judged() -> impl Iterator<Item = (Metric, &'static Quantity)> {
    METRICS.iter().filter_map(|quantity| Some((quantity.judged()?, quantity)))
}

impl Quantity {
    /// The judge's name of it, if it is judged.
    pub(crate) fn judged(&self) -> Option<Metric> {
        match self.source {
            Judged(metric) => Some(metric),
            Runs(_) => None,
        }
    }

    /// The value of a side, in the unit; `None` if no run knows it.
    pub(crate) fn value(&self, side: &Side) -> Option<f64> {
        match self.source {
            Judged(metric) => Some(metric.of(side.figures)),
            Runs(of) => median(side.runs.iter().filter_map(of)),
        }
    }

    /// `P99 ms`
    pub(crate) fn title(&self) -> String {
        match self.unit {
            Of(unit, _) => format!("{} {unit}", self.name),
            Share => format!("{} %", self.name),
            Count => self.name.to_owned(),
        }
    }

    /// A value without its unit.
    pub(crate) fn figure(&self, value: f64) -> String {
        match self.unit {
            Of(_, decimals) => words::figure(value, decimals),
            Share => words::figure(value * 100.0, 2),
            Count => words::trimmed(value, 1),
        }
    }

    /// The values of both sides, as they stand beside each other.
    pub(crate) fn figures(&self, values: [f64; 2]) -> [String; 2] {
        match self.unit == MS {
            true => words::figures(values.map(Some), MS_DECIMALS),
            false => values.map(|value| self.figure(value)),
        }
    }

    /// The change between two values: `+3.1%`, `+0.3 pp`, `-2`. Empty where there is no ratio.
    pub(crate) fn change(&self, before: f64, after: f64) -> String {
        match self.unit {
            Of(..) => words::relative(before, after).map_or_else(String::new, words::percent),
            Share => words::points((after - before) * 100.0),
            Count if after < before => format!("-{}", self.figure(before - after)),
            Count => format!("+{}", self.figure(after - before)),
        }
    }

    /// The limit of a judged metric as a change could have it: `+5%`, `-5%`, `+5 pp`.
    pub(crate) fn limit(&self, metric: Metric, mode: Mode) -> String {
        format!("{:+}{}", metric.limit(mode), self.change_unit())
    }

    /// The change of a judged metric, with as many decimals as show a regression to be beyond its limit: its tolerance
    /// can hide a difference down to its ninth decimal.
    pub(crate) fn judged_change(&self, metric: Metric, verdict: &Verdict) -> String {
        let (value, limit) = (verdict.change(metric), metric.limit(verdict.mode));
        let is_regressed = verdict.regressed.contains(&metric);
        let is_beyond = |decimals: &usize| {
            let shown: Result<f64, _> = format!("{value:.decimals$}").parse();
            shown.is_ok_and(|shown| shown * limit.signum() > limit.abs())
        };
        let decimals = (1..=9).find(|decimals| !is_regressed || is_beyond(decimals)).unwrap_or(1);
        words::signed(value, decimals) + self.change_unit()
    }

    fn change_unit(&self) -> &'static str {
        if self.unit == Share { " pp" } else { "%" }
    }

    /// The name of a judged metric in JSON: `p99`.
    pub(crate) fn id(&self) -> &'static str {
        self.key.strip_suffix("_ms").unwrap_or(self.key)
    }

    /// The key of its change in JSON: `p99_percent`.
    pub(crate) fn change_key(&self) -> String {
        let unit = if self.unit == Share { "points" } else { "percent" };
        format!("{}_{unit}", self.id())
    }
}
