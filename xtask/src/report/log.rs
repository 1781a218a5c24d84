//! The lines of a task's entry in the performance log.

use crate::judge::comparison::{Comparison, Side};
use crate::judge::verdict::{Metric, Outcome, Standing, Verdict};
use crate::model::limits::{COMPETITOR, threshold_percent};
use crate::model::names::Mode;
use crate::report::metrics;
use crate::report::reason::reason;
use crate::report::words;
use crate::stats::paired::PairedVerdict;

/// The lines of one mode; `None` if it was not judged, or noise alone, which is no entry.
pub fn lines(comparison: &Comparison) -> Option<Vec<String>> {
    let verdict = comparison.judged()?;
    let (before, after) = (comparison.before.as_ref()?, comparison.after.as_ref()?);
    let changes = metrics::judged(|metric| metric != Metric::ErrorRate);
    let changes: Vec<String> = changes.map(|quantity| quantity.judged_change(verdict)).collect();
    let mut lines = vec![
        format!("Before: {}", figures(comparison.mode, before)),
        format!("After:  {}", figures(comparison.mode, after)),
        format!("Change: {}", changes.join(", ")),
    ];
    lines.extend(verdict.position.map(|position| {
        format!(
            "vs {COMPETITOR}: {} ({}ms vs {}ms)",
            words::speedup(position.speedup_after),
            words::trimmed(after.figures.p99_ms, 3),
            words::trimmed(position.baseline_ms, 3)
        )
    }));
    lines.push(format!("Status: {}", status(comparison, verdict)));
    Some(lines)
}

fn figures(mode: Mode, side: &Side) -> String {
    let unit = match mode {
        Mode::Internal => "ops/s",
        Mode::Competitive => "QPS",
    };
    let p99 = words::trimmed(side.figures.p99_ms, 3);
    let throughput = words::trimmed(side.figures.throughput, 2);
    format!("P99={p99}ms, {throughput} {unit}")
}

fn status(comparison: &Comparison, verdict: &Verdict) -> String {
    let unsettled = comparison.paired_verdict() == Some(PairedVerdict::NoRegressionFound);
    let standing = verdict.position.map(|position| position.standing);
    match (verdict.outcome, standing) {
        (Outcome::Success, _) if unsettled => {
            format!("✓ No regression found: {}", reason(comparison))
        }
        (Outcome::Success, None) => {
            format!("✓ Within {}% target", threshold_percent(comparison.mode))
        }
        (Outcome::Success, Some(Standing::StillBehind)) => {
            format!("✓ No regression, still behind {COMPETITOR}")
        }
        (Outcome::Success, Some(_)) => "✓ Competitive advantage maintained".to_owned(),
        (Outcome::InternalRegression | Outcome::CompetitiveRegression, _) => {
            format!("✗ Regression: {}", reason(comparison))
        }
        (Outcome::Undecided | Outcome::CannotJudge, _) => "? Undecided".to_owned(),
    }
}
