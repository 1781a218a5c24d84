//! The one table of metrics: every format shows what stands here.

use crate::judge::comparison::Side;
use crate::judge::verdict::{Metric, Verdict};
use crate::model::names::Mode;
use crate::report::words;

/// A metric as it is shown.
pub(crate) struct Quantity {
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    pub(crate) decimals: usize,
    /// The key in the JSON of a side; `None` if it is not part of it.
    pub(crate) key: Option<&'static str>,
    pub(crate) shown: Shown,
    /// `None` if it is not judged.
    pub(crate) judged: Option<Metric>,
    /// In the unit; `None` if it was not recorded.
    pub(crate) value: fn(&Side) -> Option<f64>,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Everywhere,
    /// Where two sides are compared.
    Compared,
    /// In the summary of a check.
    Summarised,
}

const LATENCY: Quantity = Quantity {
    name: "",
    unit: Unit::Of("ms"),
    decimals: 3,
    key: None,
    shown: Shown::Everywhere,
    judged: None,
    value: |_| None,
};

const COUNT: Quantity = Quantity { unit: Unit::Count, decimals: 1, ..LATENCY };

/// All metrics, in the order in which they are shown.
pub(crate) static METRICS: [Quantity; 10] = [
    Quantity { name: "P50", key: Some("p50_ms"), value: |side| Some(side.p50_ms), ..LATENCY },
    Quantity { name: "P95", key: Some("p95_ms"), value: |side| Some(side.p95_ms), ..LATENCY },
    Quantity {
        name: "P99",
        key: Some("p99_ms"),
        judged: Some(Metric::P99),
        value: |side| Some(side.figures.p99_ms),
        ..LATENCY
    },
    Quantity {
        name: "throughput",
        unit: Unit::Of("ops/s"),
        decimals: 2,
        key: Some("throughput"),
        judged: Some(Metric::Throughput),
        value: |side| Some(side.figures.throughput),
        ..LATENCY
    },
    Quantity {
        name: "operations",
        shown: Shown::Summarised,
        value: |side| Some(side.operations_per_run),
        ..COUNT
    },
    Quantity {
        name: "errors",
        key: Some("errors_per_run"),
        value: |side| Some(side.errors_per_run),
        ..COUNT
    },
    Quantity {
        name: "error rate",
        unit: Unit::Share,
        decimals: 2,
        key: Some("error_rate"),
        shown: Shown::Compared,
        judged: Some(Metric::ErrorRate),
        value: |side| Some(side.figures.error_rate),
    },
    Quantity {
        name: "peak memory",
        unit: Unit::Of("MiB"),
        decimals: 0,
        shown: Shown::Summarised,
        value: |side| side.peak_memory_mib,
        ..LATENCY
    },
    Quantity {
        name: "CPU",
        unit: Unit::Of("us/operation"),
        decimals: 0,
        key: Some("cpu_us_per_operation"),
        value: |side| side.cpu_us_per_operation,
        ..LATENCY
    },
    Quantity {
        name: "CPU stolen",
        unit: Unit::Share,
        decimals: 1,
        shown: Shown::Summarised,
        value: |side| side.stolen_share,
        ..LATENCY
    },
];

/// The judged metrics that are wanted, in the order of the table.
pub(crate) fn judged(wanted: impl Fn(Metric) -> bool) -> impl Iterator<Item = &'static Quantity> {
    METRICS.iter().filter(move |quantity| quantity.judged.is_some_and(&wanted))
}

impl Quantity {
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
        let limit = self.judged.map(|metric| metric.limit(mode));
        limit.map_or_else(String::new, |limit| format!("{limit:+}{}", self.change_unit()))
    }

    /// The change of a judged metric, with as many decimals as show a regression to be beyond its limit.
    pub(crate) fn judged_change(&self, verdict: &Verdict) -> String {
        let Some(metric) = self.judged else {
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
        let key = self.key.unwrap_or_default();
        key.strip_suffix("_ms").unwrap_or(key)
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
