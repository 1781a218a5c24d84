//! Figures beside those that are judged: what they say where these say nothing.

use std::collections::BTreeMap;

use crate::error::some_of;
use crate::model::limits::{OUTWEIGHING_THRESHOLDS, SILENT_THRESHOLDS, threshold_percent};
use crate::model::names::Mode;
use crate::model::recorded::Recorded;
use crate::stats::numbers::{exceeds, median};

/// The rises of all figures that are not judged, in per cent, by name: those of the operations after the others, the
/// largest first.
pub(crate) struct Rises {
    threshold: f64,
    rises: Vec<(String, f64)>,
}

impl Rises {
    pub(crate) fn of(mode: Mode, before: &[Recorded], after: &[Recorded]) -> Self {
        type Figure = fn(&Recorded) -> Option<f64>;
        let figures: [(&str, Figure); 3] = [
            (P50, |run| Some(run.result.p50_ms)),
            (P95, |run| Some(run.result.p95_ms)),
            ("CPU per operation", |run| run.provenance.as_ref()?.noise.server_cpu_us_per_operation),
        ];
        let figures = figures.into_iter().filter_map(|(name, of)| {
            let [before, after] = [before, after].map(|runs| median(runs.iter().filter_map(of)));
            Some((name.to_owned(), percent(before?, after?)))
        });
        let of_after = operation_p99_ms(after);
        let operations = operation_p99_ms(before).into_iter().filter_map(|(name, before)| {
            Some((format!("P99 of `{name}`"), percent(before, *of_after.get(&name)?)))
        });
        let mut operations: Vec<(String, f64)> = operations.collect();
        operations.sort_by(|a, b| b.1.total_cmp(&a.1));
        Self { threshold: threshold_percent(mode), rises: figures.chain(operations).collect() }
    }

    /// Why a P99 within its limit is no pass; `None` where it may be one.
    pub(crate) fn against_a_pass(&self) -> Option<String> {
        let limit = self.threshold * OUTWEIGHING_THRESHOLDS;
        let outweighs = |(name, _): &&(String, f64)| [P50, P95].contains(&name.as_str());
        let risen = self.beyond(limit, outweighs);
        (risen.len() == 2).then(|| {
            let risen = risen.join(", ");
            format!("P99 is within its limit, against all other evidence: {risen}")
        })
    }

    /// A warning about what rose without being judged.
    pub(crate) fn warning(&self) -> Option<String> {
        let limit = self.threshold * SILENT_THRESHOLDS;
        let risen = self.beyond(limit, |_| true);
        let named = some_of(&risen, MOST_NAMED);
        (!risen.is_empty()).then(|| format!("not judged, and more than {limit}% higher: {named}"))
    }

    fn beyond(&self, limit: f64, counts: fn(&&(String, f64)) -> bool) -> Vec<String> {
        let risen = self.rises.iter().filter(counts).filter(|(_, rise)| exceeds(*rise, limit));
        let in_words = |(name, rise): &(String, f64)| match rise.is_finite() {
            true => format!("{name} {rise:+.1}%"),
            false => format!("{name} from 0"),
        };
        risen.map(in_words).collect()
    }
}

const P50: &str = "P50";
const P95: &str = "P95";
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

/// The median P99 of each operation, in milliseconds.
pub(crate) fn operation_p99_ms(runs: &[Recorded]) -> BTreeMap<String, f64> {
    let mut p99s: BTreeMap<&String, Vec<f64>> = BTreeMap::new();
    for (name, operation) in runs.iter().flat_map(|run| &run.result.operations) {
        p99s.entry(name).or_default().push(operation.p99_ms);
    }
    p99s.into_iter().filter_map(|(name, p99s)| Some((name.clone(), median(p99s)?))).collect()
}
