//! How sure a verdict is: what the pairs say, or how far single runs can be trusted.

use crate::judge::comparison::{Comparison, Judgement};
use crate::model::typed;
use crate::report::words;
use crate::stats::signed_rank::Interval;
use crate::stats::single_runs::SingleRuns;

/// A paragraph: a title and its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What the lines are about.
    pub title: String,
    /// The lines.
    pub lines: Vec<String>,
}

/// All that is known of how sure the verdict is. `options` are those that commands need to find the checkout.
pub fn evidence(comparison: &Comparison, options: &str) -> Vec<Evidence> {
    session(comparison)
        .into_iter()
        .chain(single_runs(comparison, options))
        .collect()
}

/// What the pairs say, where a paired session has judged P99.
fn session(comparison: &Comparison) -> Option<Evidence> {
    let sight = comparison.session?.sight?;
    let [estimate, lower, upper] = bounds(sight.interval);
    let mut lines = vec![format!(
        "change      {estimate}, surely between {lower} and {upper}"
    )];
    lines.push(format!(
        "told apart  changes of about {} and more, at this noise",
        size(sight.smallest_distinguishable())
    ));
    lines.extend(
        sight
            .pairs_to_settle
            .map(|pairs| format!("to settle   about {pairs} pairs")),
    );
    Some(Evidence {
        title: format!("P99 in a paired session of {} pairs", sight.pairs),
        lines,
    })
}

/// How far single runs can be trusted.
fn single_runs(comparison: &Comparison, options: &str) -> Option<Evidence> {
    let SingleRuns {
        smallest_change,
        comparisons,
    } = comparison.single_runs?;
    let mut lines = vec![format!(
        "told apart  changes of {} and more ({comparisons} comparisons of a server with itself)",
        size(smallest_change)
    )];
    // A change beyond it is told apart, and the same server needs no telling.
    if let (Judgement::Judged(verdict), Some(task)) = (&comparison.judgement, &comparison.task)
        && (verdict.changes.p99_percent / 100.0).ln_1p().abs() < smallest_change
    {
        lines.push(format!(
            "to be sure  {}",
            typed::perf_confirm(task, comparison.mode, options)
        ));
    }
    Some(Evidence {
        title: "how far single runs can be trusted".to_owned(),
        lines,
    })
}

/// The estimate and its bounds, in per cent.
fn bounds(interval: Interval) -> [String; 3] {
    [interval.estimate, interval.lower, interval.upper]
        .map(|ln_ratio| words::percent(words::from_ln(ln_ratio)))
}

fn size(ln_ratio: f64) -> String {
    format!("{:.1}%", words::from_ln(ln_ratio))
}
