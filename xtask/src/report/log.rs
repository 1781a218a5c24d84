//! The lines of a task's entry in the performance log.

use crate::judge::comparison::{Comparison, Judgement, Side};
use crate::judge::verdict::{Decision, Metric, Standing, Verdict};
use crate::model::limits::threshold_percent;
use crate::model::names::Mode;
use crate::report::words;
use crate::stats::paired::PairedVerdict;

/// The lines of one mode; `None` for what could not be judged, or was noise alone, which is no entry.
pub fn lines(comparison: &Comparison) -> Option<Vec<String>> {
    let Judgement::Judged(verdict) = &comparison.judgement else {
        return None;
    };
    let (before, after) = (comparison.before.as_ref()?, comparison.after.as_ref()?);
    let mut lines = vec![
        format!("Before: {}", figures(comparison.mode, before)),
        format!("After:  {}", figures(comparison.mode, after)),
        format!(
            "Change: {}, {}",
            words::judged_change(comparison, verdict, Metric::P99),
            words::change(verdict, Metric::Throughput)
        ),
    ];
    if let Some(position) = verdict.position {
        lines.push(format!(
            "vs {}: {} ({}ms vs {}ms)",
            words::COMPETITOR,
            words::speedup(position.speedup_after),
            words::trimmed(after.figures.p99_ms, 3),
            words::trimmed(position.baseline_ms, 3)
        ));
    }
    lines.push(format!("Status: {}", status(comparison, verdict)));
    Some(lines)
}

fn figures(mode: Mode, side: &Side) -> String {
    let unit = match mode {
        Mode::Internal => "ops/s",
        Mode::Competitive => "QPS",
    };
    format!(
        "P99={}ms, {} {unit}",
        words::trimmed(side.figures.p99_ms, 3),
        words::trimmed(side.figures.throughput, 2)
    )
}

fn status(comparison: &Comparison, verdict: &Verdict) -> String {
    match verdict.decision {
        Decision::Clean if found_nothing(comparison) => {
            format!("✓ No regression found: {}", words::reason(comparison))
        }
        Decision::Clean => match verdict.position.map(|position| position.standing) {
            None => format!("✓ Within {}% target", threshold_percent(comparison.mode)),
            Some(Standing::StillBehind) => {
                format!("✓ No regression, still behind {}", words::COMPETITOR)
            }
            Some(_) => "✓ Competitive advantage maintained".to_owned(),
        },
        Decision::InternalRegression | Decision::CompetitiveRegression => {
            format!("✗ Regression: {}", words::reason(comparison))
        }
        Decision::Undecided => "? Undecided".to_owned(),
    }
}

/// Whether a paired session passed it without being sure.
fn found_nothing(comparison: &Comparison) -> bool {
    comparison.paired_verdict() == Some(PairedVerdict::NoRegressionFound)
}
