//! What every format says of a comparison: its subject, and the reason for the verdict.

use crate::judge::comparison::{Comparison, Judgement};
use crate::judge::verdict::{Metric, Outcome, Verdict};
use crate::model::names::{Mode, TaskId};
use crate::model::session::Figure;
use crate::report::{metrics, words};
use crate::stats::paired::PairedVerdict;
use crate::term::streams::Ink;

/// The subject of a comparison: `007 internal`.
pub(crate) fn subject(task: Option<&TaskId>, mode: Mode) -> String {
    task.map_or_else(|| mode.to_string(), |task| format!("{task} {mode}"))
}

/// The colour of the verdict: good, bad, or a warning where nothing is sure.
pub(crate) fn ink(comparison: &Comparison) -> Ink {
    match comparison.outcome() {
        _ if comparison.is_unconfirmed() => Ink::WARNING,
        Outcome::Success => Ink::GOOD,
        Outcome::InternalRegression | Outcome::CompetitiveRegression => Ink::BAD,
        Outcome::Undecided | Outcome::CannotJudge => Ink::WARNING,
    }
}

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
    let changes = metrics::judged().filter(|(metric, _)| wanted(*metric));
    let changes = changes.map(|(metric, quantity)| {
        let change = format!("{} {}", quantity.name, quantity.judged_change(metric, verdict));
        if metric == Metric::P99 { p99(comparison, change, is_clean) } else { change }
    });
    let position = verdict.position.map(|position| position.standing.to_string());
    changes.chain(position).collect::<Vec<String>>().join(", ")
}

/// `P99 +3.1% (limit +5%)`, `P99 +10.4% by 8 pairs (surely +9.6% to +11.1%)`, or that nothing can be said:
/// `no change distinguishable (P99 +3.1%, noise 11.4%)`. Of a session that passes unsettled the bound that matters.
fn p99(comparison: &Comparison, change: String, is_clean: bool) -> String {
    let ended = comparison.paired_verdict();
    let (change, known) = match (comparison.look(), comparison.single_runs) {
        (Some(look), _) => {
            let [_, lower, upper] = words::interval(&look.interval);
            let bounds = match ended {
                Some(PairedVerdict::NoRegressionFound) => format!("could be up to {upper}"),
                _ => format!("surely {lower} to {upper}"),
            };
            (format!("{change} by {} pairs", look.pairs), bounds)
        }
        (None, Some(noise)) if comparison.is_within_noise() => {
            (change, format!("noise {}", words::size_of_ln(noise.smallest_change)))
        }
        _ if is_clean => (change, format!("limit {:+}%", Metric::P99.limit(comparison.mode))),
        _ => return change,
    };
    let passes = is_clean && ended != Some(PairedVerdict::Suspected);
    match passes && comparison.is_indistinguishable() {
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
