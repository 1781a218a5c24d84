//! The reliability of a verdict: the answer of the pairs, or the noise of single runs.

use crate::judge::comparison::Comparison;
use crate::judge::verdict::Metric;
use crate::model::typed;
use crate::report::words;
use crate::stats::paired;

/// A paragraph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evidence {
    pub(crate) title: String,
    pub(crate) lines: Vec<String>,
}

/// Everything known about the reliability. `options` are those that commands need to find the checkout.
pub(crate) fn evidence(comparison: &Comparison, options: &str) -> Vec<Evidence> {
    let known = [session(comparison), single_runs(comparison, options)];
    known.into_iter().flatten().collect()
}

fn session(comparison: &Comparison) -> Option<Evidence> {
    let look = comparison.look()?;
    let interval = look.interval;
    let [estimate, lower, upper] =
        [interval.estimate, interval.lower, interval.upper].map(words::percent_of_ln);
    let mut lines = vec![
        format!("change      {estimate}, surely between {lower} and {upper}"),
        format!(
            "resolution  changes of about {} and more are detectable at this noise",
            size(look.resolution())
        ),
    ];
    let pairs = look.pairs_to_settle;
    lines.extend(pairs.map(|pairs| format!("to settle   about {pairs} pairs")));
    Some(Evidence { title: format!("P99 in a paired session of {} pairs", look.pairs), lines })
}

fn single_runs(comparison: &Comparison, options: &str) -> Option<Evidence> {
    let known = comparison.single_runs?;
    let mut lines = vec![format!(
        "resolution  changes of {} and more ({} comparisons of a server with itself)",
        size(known.smallest_change),
        known.comparisons
    )];
    // A larger change needs no confirmation, nor does the same server.
    if let (Some(verdict), Some(task)) = (comparison.judged(), &comparison.task)
        && (verdict.change(Metric::P99) / 100.0).ln_1p().abs() < known.smallest_change
    {
        lines.push(format!("to be sure  {}", typed::perf_confirm(task, comparison.mode, options)));
    }
    Some(Evidence { title: "reliability of single runs".to_owned(), lines })
}

fn size(ln_ratio: f64) -> String {
    format!("{:.1}%", paired::percent(ln_ratio))
}
