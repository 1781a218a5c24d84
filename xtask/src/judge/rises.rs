//! Figures beside those that are judged: what they say where these say nothing.

use std::collections::BTreeMap;

use crate::error::some_of;
use crate::model::limits::{OUTWEIGHING_THRESHOLDS, SILENT_THRESHOLDS, threshold_percent};
use crate::model::names::Mode;
use crate::model::recorded::Recorded;
use crate::stats::numbers::{exceeds, median};

/// The rises of all figures that are not judged, in per cent, by name.
pub(crate) struct Rises {
    threshold: f64,
    p50: Option<f64>,
    p95: Option<f64>,
    cpu: Option<f64>,
    operations: Vec<(String, f64)>,
}

impl Rises {
    pub(crate) fn of(mode: Mode, before: &[Recorded], after: &[Recorded]) -> Self {
        let rise = |of: fn(&Recorded) -> Option<f64>| {
            let [before, after] = [before, after].map(|runs| median(runs.iter().filter_map(of)));
            Some(percent(before?, after?))
        };
        let [of_before, of_after] = [before, after].map(operations);
        let rises = of_before.into_iter().filter_map(|(name, values)| {
            let (before, after) = (median(values)?, median(of_after.get(name)?.iter().copied())?);
            Some((format!("P99 of `{name}`"), percent(before, after)))
        });
        Self {
            threshold: threshold_percent(mode),
            p50: rise(|run| Some(run.result.p50_ms)),
            p95: rise(|run| Some(run.result.p95_ms)),
            cpu: rise(|run| run.provenance.as_ref()?.noise.server_cpu_us_per_operation),
            operations: rises.collect(),
        }
    }

    /// Why a P99 within its limit is no pass; `None` where it may be one.
    pub(crate) fn against_a_pass(&self) -> Option<String> {
        let limit = self.threshold * OUTWEIGHING_THRESHOLDS;
        let (p50, p95) = (self.p50?, self.p95?);
        (exceeds(p50, limit) && exceeds(p95, limit)).then(|| {
            let (p50, p95) = (in_words("P50", p50), in_words("P95", p95));
            format!("P99 is within its limit, against all other evidence: {p50}, {p95}")
        })
    }

    /// A warning about what rose without being judged.
    pub(crate) fn warning(&self) -> Option<String> {
        let limit = self.threshold * SILENT_THRESHOLDS;
        let figures = [("P50", self.p50), ("P95", self.p95), ("CPU per operation", self.cpu)];
        let figures = figures.into_iter().filter_map(|(name, rise)| Some((name, rise?)));
        let mut operations: Vec<(&str, f64)> =
            self.operations.iter().map(|(name, rise)| (name.as_str(), *rise)).collect();
        operations.sort_by(|a, b| b.1.total_cmp(&a.1));
        let risen: Vec<String> = figures
            .chain(operations)
            .filter(|(_, rise)| exceeds(*rise, limit))
            .map(|(name, rise)| in_words(name, rise))
            .collect();
        let named = some_of(&risen, MOST_NAMED);
        (!risen.is_empty()).then(|| format!("not judged, and more than {limit}% higher: {named}"))
    }
}

/// The most figures that a warning names.
const MOST_NAMED: usize = 8;

/// A rise from nothing is beyond every limit.
fn percent(before: f64, after: f64) -> f64 {
    match before > 0.0 {
        true => (after - before) / before * 100.0,
        false if after > 0.0 => f64::INFINITY,
        false => 0.0,
    }
}

fn in_words(name: &str, rise: f64) -> String {
    match rise.is_finite() {
        true => format!("{name} {rise:+.1}%"),
        false => format!("{name} from 0"),
    }
}

fn operations(runs: &[Recorded]) -> BTreeMap<&String, Vec<f64>> {
    let mut operations: BTreeMap<&String, Vec<f64>> = BTreeMap::new();
    for (name, operation) in runs.iter().flat_map(|run| &run.result.operations) {
        operations.entry(name).or_default().push(operation.p99_ms);
    }
    operations
}
