//! The one table of metrics: every format shows what stands here.

use crate::judge::comparison::Side;
use crate::judge::verdict::Metric::{self, ErrorRate, P99, Throughput};
use crate::judge::verdict::Verdict;
use crate::model::names::Mode;
use crate::model::provenance::{Noise, Provenance};
use crate::model::recorded::Recorded;
use crate::model::session::Figure;
use crate::report::words;
use crate::stats::numbers::median;

use Source::{Judged, Runs};
use Unit::{Count, Share};

/// A metric as it is shown.
pub(crate) struct Quantity {
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    pub(crate) decimals: usize,
    /// The key in the JSON of a side; empty for what only the summary of a check shows.
    pub(crate) key: &'static str,
    pub(crate) source: Source,
}

/// The unit of a value; it decides how a change is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A change is shown in per cent of before.
    Of(&'static str),
    /// 0 to 1, shown in per cent; a change in percentage points.
    Share,
    /// A change is shown as a difference.
    Count,
}

/// The source of a value.
pub(crate) enum Source {
    /// The figure that is judged.
    Judged(Metric),
    /// The median over the runs, in the unit; `None` for a run that does not know it.
    Runs(fn(&Recorded) -> Option<f64>),
}

const fn metric(
    name: &'static str,
    unit: Unit,
    decimals: usize,
    key: &'static str,
    source: Source,
) -> Quantity {
    Quantity { name, unit, decimals, key, source }
}

const MS: Unit = Unit::Of("ms");
const OPS: Unit = Unit::Of("ops/s");
const MIB: Unit = Unit::Of("MiB");
const US: Unit = Unit::Of("us/operation");

/// The load generator records whole microseconds.
pub(crate) const MS_DECIMALS: usize = 3;

/// What the latencies are; said wherever they are shown.
pub(crate) const OF_OPERATIONS: &str =
    "each latency is the largest of the operations' own, not that of all requests";

/// All metrics, in the order in which they are shown.
pub(crate) static METRICS: [Quantity; 12] = [
    metric("P50", MS, MS_DECIMALS, "p50_ms", Runs(|run| Some(run.result.p50_ms))),
    metric("P95", MS, MS_DECIMALS, "p95_ms", Runs(|run| Some(run.result.p95_ms))),
    metric("P99", MS, MS_DECIMALS, "p99_ms", Judged(P99)),
    metric("P99.9", MS, MS_DECIMALS, "p999_ms", Runs(|run| run.result.p999_ms)),
    metric("maximum", MS, MS_DECIMALS, "max_ms", Runs(|run| run.result.max_ms)),
    metric("throughput", OPS, 2, "throughput", Judged(Throughput)),
    metric("operations", Count, 1, "", Runs(|run| Some(whole(run.result.total_operations)))),
    metric("errors", Count, 1, "errors_per_run", Runs(|run| Some(whole(run.result.total_errors)))),
    metric("error rate", Share, 2, "error_rate", Judged(ErrorRate)),
    metric("peak memory", MIB, 0, "", Runs(|run| Some(mib(known(run)?.server.peak_memory_kib?)))),
    metric(
        "CPU",
        US,
        1,
        "cpu_us_per_operation",
        Runs(|run| noise(run)?.server_cpu_us_per_operation),
    ),
    metric("CPU stolen", Share, 1, "", Runs(|run| noise(run)?.steal_share)),
];

#[allow(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn whole(count: u64) -> f64 {
    count as f64
}

fn mib(kib: u64) -> f64 {
    whole(kib) / 1024.0
}

fn noise(run: &Recorded) -> Option<&Noise> {
    known(run).map(|provenance| &provenance.noise)
}

fn known(run: &Recorded) -> Option<&Provenance> {
    run.provenance.as_ref()
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

/// The judged metrics that are wanted, in the order of the table.
pub(crate) fn judged(wanted: impl Fn(Metric) -> bool) -> impl Iterator<Item = &'static Quantity> {
    METRICS.iter().filter(move |quantity| quantity.judged().is_some_and(&wanted))
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
        let unit = match self.unit {
            Unit::Of(unit) => unit,
            Unit::Share => "%",
            Unit::Count => "",
        };
        format!("{} {unit}", self.name).trim_end().to_owned()
    }

    /// A value without its unit.
    pub(crate) fn figure(&self, value: f64) -> String {
        match self.unit {
            Unit::Of(_) => words::figure(value, self.decimals),
            Unit::Share => words::figure(value * 100.0, self.decimals),
            Unit::Count => words::count(value, self.decimals),
        }
    }

    /// The values of both sides, as they stand beside each other.
    pub(crate) fn figures(&self, values: [f64; 2]) -> [String; 2] {
        match self.unit == MS {
            true => words::figures(values.map(Some), self.decimals),
            false => values.map(|value| self.figure(value)),
        }
    }

    /// The change between two values: `+3.1%`, `+0.3 pp`, `-2`. Empty where there is no ratio.
    pub(crate) fn change(&self, before: f64, after: f64) -> String {
        match self.unit {
            Unit::Of(_) => words::relative(before, after).map_or_else(String::new, words::percent),
            Unit::Share => words::points((after - before) * 100.0),
            Unit::Count if after < before => format!("-{}", self.figure(before - after)),
            Unit::Count => format!("+{}", self.figure(after - before)),
        }
    }

    /// The limit of a judged metric as a change could have it: `+5%`, `-5%`, `+5 pp`.
    pub(crate) fn limit(&self, mode: Mode) -> String {
        let limit = self.judged().map(|metric| metric.limit(mode));
        limit.map_or_else(String::new, |limit| format!("{limit:+}{}", self.change_unit()))
    }

    /// The change of a judged metric, with as many decimals as show a regression to be beyond its limit.
    pub(crate) fn judged_change(&self, verdict: &Verdict) -> String {
        let Some(metric) = self.judged() else {
            return String::new();
        };
        let (value, limit) = (verdict.change(metric), metric.limit(verdict.mode));
        let is_beyond = |decimals: &usize| {
            let shown: Result<f64, _> = format!("{value:.decimals$}").parse();
            shown.is_ok_and(|shown| shown * limit.signum() > limit.abs())
        };
        let decimals = match verdict.regressed.contains(&metric) {
            true => (1..=MOST_DECIMALS).find(is_beyond).unwrap_or(1),
            false => 1,
        };
        words::signed(value, decimals) + self.change_unit()
    }

    fn change_unit(&self) -> &'static str {
        match self.unit {
            Unit::Of(_) => "%",
            Unit::Share => " pp",
            Unit::Count => "",
        }
    }

    /// The name of a judged metric in JSON: `p99`.
    pub(crate) fn id(&self) -> &'static str {
        self.key.strip_suffix("_ms").unwrap_or(self.key)
    }

    /// The key of its change in JSON: `p99_percent`.
    pub(crate) fn change_key(&self) -> String {
        let unit = match self.unit {
            Unit::Share => "points",
            Unit::Of(_) | Unit::Count => "percent",
        };
        format!("{}_{unit}", self.id())
    }
}

/// The tolerance of a threshold can hide a difference down to its ninth decimal.
const MOST_DECIMALS: usize = 9;
