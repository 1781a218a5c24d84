//! Lines about a comparison that every format has: the reason for the verdict, and the spread of the runs.

use crate::judge::comparison::{Comparison, Judgement, Side};
use crate::judge::verdict::{Metric, Verdict};
use crate::model::session::Figure;
use crate::report::metrics::{self, Quantity};
use crate::report::words;
use crate::stats::paired::PairedVerdict;

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
    if let (true, Some(vetoed)) = (is_clean, veto(comparison)) {
        return vetoed;
    }
    let wanted = |metric| match is_clean {
        true => metric == Metric::P99,
        false => verdict.regressed.contains(&metric),
    };
    let part = |quantity: &Quantity| {
        let change = format!("{} {}", quantity.name, quantity.judged_change(verdict));
        match quantity.judged() {
            Some(Metric::P99) => p99(comparison, verdict, &change, &quantity.limit(verdict.mode)),
            _ => change,
        }
    };
    let position = verdict.position.map(|position| position.standing.to_string());
    let parts: Vec<String> = metrics::judged(wanted).map(part).chain(position).collect();
    parts.join(", ")
}

/// `P99 +3.1% (limit +5%)`, `P99 +10.4% by 8 pairs (surely +9.6% to +11.1%)`, or that nothing can be said:
/// `no change distinguishable (P99 +3.1%, noise 11.4%)`. Of a session that passes unsettled the bound that matters.
fn p99(comparison: &Comparison, verdict: &Verdict, change: &str, limit: &str) -> String {
    let passes = verdict.regressed.is_empty();
    let ended = comparison.paired_verdict();
    let noise = comparison.single_runs.filter(|_| comparison.is_within_noise());
    let (change, known) = match (comparison.look(), noise) {
        (Some(look), _) => {
            let [lower, upper] =
                [look.interval.lower, look.interval.upper].map(words::percent_of_ln);
            let bounds = match ended {
                Some(PairedVerdict::NoRegressionFound) => format!("could be up to {upper}"),
                _ => format!("surely {lower} to {upper}"),
            };
            (format!("{change} by {} pairs", look.pairs), bounds)
        }
        (None, Some(noise)) => {
            let noise = words::size_of_ln(noise.smallest_change);
            (change.to_owned(), format!("noise {noise}"))
        }
        (None, None) if passes => (change.to_owned(), format!("limit {limit}")),
        (None, None) => return change.to_owned(),
    };
    let says_nothing = passes && ended != Some(PairedVerdict::Suspected);
    match says_nothing && comparison.is_indistinguishable() {
        true => format!("no change distinguishable ({change}, {known})"),
        false => format!("{change} ({known})"),
    }
}

/// The reason why P95 withheld a pass, if it did.
fn veto(comparison: &Comparison) -> Option<String> {
    let session = comparison.session.as_ref().filter(|_| comparison.is_vetoed())?;
    let p95 = session.changes.iter().find(|(figure, _)| *figure == Figure::P95);
    let slower = p95.map_or_else(
        || "P95 is not known of every pair".to_owned(),
        |(_, interval)| format!("P95 {}, surely", words::percent_of_ln(interval.estimate)),
    );
    Some(format!("{slower}; P99 itself cannot be distinguished from noise"))
}

/// The spread of the runs of a group; `None` for a single run.
pub(crate) fn spread(side: &Side) -> Option<String> {
    let (low, high) = side.p99_spread_ms;
    let runs = side.files.len();
    (runs > 1).then(|| format!("medians of {runs} runs, P99 from {low:.3} to {high:.3} ms"))
}
