//! Lines about a comparison that every format has: the reason for the verdict, and the spread of the runs.

use crate::judge::comparison::{Comparison, Judgement, Side};
use crate::judge::verdict::{Metric, Verdict};
use crate::report::metrics::{self, Quantity};
use crate::report::words;
use crate::stats::paired::{Look, PairedVerdict};

/// The reason for the verdict, or for there being none.
pub(crate) fn reason(comparison: &Comparison) -> String {
    match &comparison.judgement {
        Judgement::SameServer(verdict) => format!(
            "nothing compared but this machine's noise: P99 {}",
            words::percent(verdict.change(Metric::P99))
        ),
        Judgement::Impossible(reasons) => {
            reasons.first().map_or_else(String::new, |reason| reason.fault.why.clone())
        }
        Judgement::Judged(verdict) => judged(comparison, verdict),
    }
}

/// The metrics that regressed, else P99; and the position.
fn judged(comparison: &Comparison, verdict: &Verdict) -> String {
    let is_clean = verdict.regressed.is_empty();
    let part = |quantity: &Quantity| {
        let change = match (quantity.judged(), comparison.look()) {
            (Some(Metric::P99), Some(look)) => interval(&look, comparison.paired_verdict()),
            _ => quantity.judged_change(verdict),
        };
        match is_clean && comparison.look().is_none() {
            true => format!("{} {change} (limit {})", quantity.name, quantity.limit(verdict.mode)),
            false => format!("{} {change}", quantity.name),
        }
    };
    let wanted = |metric| match is_clean {
        true => metric == Metric::P99,
        false => verdict.regressed.contains(&metric),
    };
    let position = verdict.position.map(|position| position.standing.to_string());
    let parts: Vec<String> = metrics::judged(wanted).map(part).chain(position).collect();
    parts.join(", ")
}

/// An estimate with its bounds: `+8.2% (+3.1% to +14.0%, 10 pairs)`. Where it passes unsettled, the bound that matters:
/// `+1.0% (could be up to +6.2%, 16 pairs)`.
fn interval(look: &Look, verdict: Option<PairedVerdict>) -> String {
    let interval = look.interval;
    let [estimate, lower, upper] =
        [interval.estimate, interval.lower, interval.upper].map(words::percent_of_ln);
    let bounds = match verdict {
        Some(PairedVerdict::NoRegressionFound) => format!("could be up to {upper}"),
        _ => format!("{lower} to {upper}"),
    };
    format!("{estimate} ({bounds}, {} pairs)", look.pairs)
}

/// The spread of the runs of a group; `None` for a single run.
pub(crate) fn spread(side: &Side) -> Option<String> {
    let (low, high) = side.p99_spread_ms;
    let runs = side.files.len();
    (runs > 1).then(|| format!("medians of {runs} runs, P99 from {low:.3} to {high:.3} ms"))
}
