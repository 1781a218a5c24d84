//! The lines of a task's entry in the performance log.

use crate::judge::comparison::{Comparison, Side};
use crate::judge::verdict::{Metric, Outcome, Standing, Verdict};
use crate::model::limits::{COMPETITOR, threshold_percent};
use crate::model::names::Mode;
use crate::report::reason::reason;
use crate::report::{metrics, words};
use crate::term::text;

/// The lines of one mode; `None` if it was not judged, or noise alone, which is no entry.
pub fn lines(comparison: &Comparison) -> Option<Vec<String>> {
    let verdict = comparison.judged()?;
    let (before, after) = (comparison.before.as_ref()?, comparison.after.as_ref()?);
    let changes = metrics::judged().filter(|(metric, _)| *metric != Metric::ErrorRate);
    let changes = changes.map(|(metric, quantity)| {
        let change = quantity.judged_change(metric, verdict);
        match comparison.look().filter(|_| metric == Metric::P99) {
            Some(look) => format!("{change} by {} pairs", look.pairs),
            None => change,
        }
    });
    let changes: Vec<String> = changes.collect();
    let mut lines = vec![
        format!("Before: {}", figures(comparison.mode, before)),
        format!("After:  {}", figures(comparison.mode, after)),
        format!("Change: {}", changes.join(", ")),
    ];
    lines.extend(verdict.position.map(|position| {
        format!(
            "vs {COMPETITOR}: {} ({}ms vs {}ms)",
            words::speedup(position.speedup_after),
            words::trimmed(after.figures.p99_ms, P99_DECIMALS),
            words::trimmed(position.baseline_ms, 3)
        )
    }));
    let stand_in = comparison.is_of_stand_in().then(|| format!(" ({})", words::STAND_IN));
    let stand_in = stand_in.unwrap_or_default();
    lines.push(format!("Status: {}{stand_in}", status(comparison, verdict)));
    Some(lines)
}

/// A run has whole microseconds, a median of an even number of runs half ones.
const P99_DECIMALS: usize = 4;

fn figures(mode: Mode, side: &Side) -> String {
    let unit = match mode {
        Mode::Internal => "ops/s",
        Mode::Competitive => "QPS",
    };
    let p99 = words::trimmed(side.figures.p99_ms, P99_DECIMALS);
    let throughput = words::trimmed(side.figures.throughput, 2);
    let runs = match side.files.len() {
        1 => String::new(),
        runs => format!(" (medians of {runs} runs)"),
    };
    format!("P99={p99}ms, {throughput} {unit}{runs}")
}

fn status(comparison: &Comparison, verdict: &Verdict) -> String {
    let says_more = comparison.is_open() || comparison.is_unconfirmed() || comparison.is_faster();
    let reason = text::markdown(&reason(comparison));
    match (verdict.outcome, verdict.position.map(|position| position.standing)) {
        (Outcome::Success, _) if says_more => {
            format!("✓ {}: {reason}", words::capitalised(comparison.headline()))
        }
        (Outcome::Success, None) => {
            format!("✓ Within {}% target", threshold_percent(comparison.mode))
        }
        (Outcome::Success, Some(Standing::StillBehind)) => {
            format!("✓ No regression, still behind {COMPETITOR}")
        }
        (Outcome::Success, Some(_)) => "✓ Competitive advantage maintained".to_owned(),
        (Outcome::InternalRegression | Outcome::CompetitiveRegression, _) => {
            let accepted = comparison.accepted.as_ref();
            let accepted = accepted.map(|why| text::markdown(&format!("; accepted: {why}")));
            format!("✗ Regression: {reason}{}", accepted.unwrap_or_default())
        }
        (Outcome::Undecided | Outcome::CannotJudge, _) => format!("? Suspected: {reason}"),
    }
}
