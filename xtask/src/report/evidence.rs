//! The reliability of a verdict: the intervals of the pairs, or the noise of single runs.

use crate::judge::comparison::{Comparison, Judgement, Side};
use crate::judge::verdict::Metric;
use crate::model::limits::{PAIR_SECONDS, PLAN};
use crate::model::provenance::ServerRun;
use crate::model::session::{Figure, How};
use crate::report::metrics;
use crate::report::next::{self, Context};
use crate::report::words;
use crate::stats::numbers::median;
use crate::stats::paired::{self, Look, PairedVerdict};

/// A paragraph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evidence {
    pub(crate) title: String,
    pub(crate) lines: Vec<String>,
}

/// Everything known about the reliability.
pub(crate) fn evidence(comparison: &Comparison, around: &Context) -> Vec<Evidence> {
    let known = [session(comparison), single_runs(comparison, around)];
    known.into_iter().flatten().collect()
}

fn session(comparison: &Comparison) -> Option<Evidence> {
    let session = comparison.session.as_ref()?;
    let look = session.look?;
    let mut lines: Vec<String> = session
        .changes
        .iter()
        .filter_map(|(figure, interval)| {
            let name = metrics::of_figure(*figure)?.name;
            let [estimate, lower, upper] =
                [interval.estimate, interval.lower, interval.upper].map(words::percent_of_ln);
            let pinned = match (figure, comparison.pinned_rate) {
                (Figure::Throughput, Some(_)) => ", pinned",
                _ => "",
            };
            Some(format!("{name:<10}  {estimate}, surely between {lower} and {upper}{pinned}"))
        })
        .collect();
    lines.push(format!(
        "resolution  changes of about {} and more are detectable at this noise",
        size(look.resolution())
    ));
    lines.extend(comparison.contention().map(|share| {
        let full = share * 100.0;
        format!("contention  the CPUs were full ({full:.0}%): a real change is larger than shown")
    }));
    lines.extend(to_settle(session.verdict, &look));
    let how = match session.how {
        How::Duet => "both servers at the same time",
        How::Alternating => "one server after the other",
    };
    let title = format!(
        "a paired session of {} pairs of {} s, {how}",
        look.pairs, session.duration_seconds
    );
    Some(Evidence { title, lines })
}

/// What would settle a session that ended unsettled.
fn to_settle(verdict: PairedVerdict, look: &Look) -> Vec<String> {
    let is_open = matches!(verdict, PairedVerdict::Suspected | PairedVerdict::NoRegressionFound);
    let longer = |pairs: &usize| PLAN.possible_looks().iter().find(|look| *look >= pairs);
    match look.pairs_to_settle.as_ref().and_then(|pairs| Some((pairs, longer(pairs)?))) {
        _ if !is_open || look.is_vetoed => Vec::new(),
        Some((pairs, plan)) => {
            vec![format!("to settle   about {pairs} pairs (--fresh --max-pairs {plan})")]
        }
        None => vec![
            "to settle   not here, by no number of pairs that there is a plan for; what".to_owned(),
            "            helps: longer runs (--duration), less other work, more CPUs".to_owned(),
        ],
    }
}

fn single_runs(comparison: &Comparison, around: &Context) -> Option<Evidence> {
    if comparison.session.is_some() || matches!(comparison.judgement, Judgement::Impossible(_)) {
        return None;
    }
    let mut lines = match (comparison.single_runs, comparison.judged()) {
        (Some(known), _) => vec![format!(
            "resolution  changes of {} and more ({} comparisons of a server with itself)",
            size(known.smallest_change),
            known.comparisons
        )],
        (None, Some(_)) => vec![
            "resolution  not known: too few runs of one server are recorded here".to_owned(),
            "in general  a third and more of the comparisons of a server with itself are"
                .to_owned(),
            "            called regressed (docs/performance.md)".to_owned(),
        ],
        (None, None) => return None,
    };
    // A change that is larger than the noise needs no confirmation, nor does the same server.
    let is_unsure = comparison.judged().is_some_and(|verdict| {
        let change = (verdict.change(Metric::P99) / 100.0).ln_1p().abs();
        comparison.single_runs.is_none_or(|known| change < known.smallest_change)
    });
    let confirm = next::confirm(comparison, around, "").into_iter().filter(|_| is_unsure);
    lines.extend(
        confirm.map(|command| format!("to settle   {} of `{command}`", minutes(comparison))),
    );
    Some(Evidence { title: "reliability of single runs".to_owned(), lines })
}

/// The time from the first look of a session to its last, by the starts and stops of the servers as they are recorded.
fn minutes(comparison: &Comparison) -> String {
    let around_load = |side: &Side| -> f64 {
        let of = |seconds: fn(&ServerRun) -> Option<f64>| {
            let known =
                side.runs.iter().filter_map(|run| seconds(&run.provenance.as_ref()?.server));
            median(known).unwrap_or_default()
        };
        of(|server| server.ready_seconds) + of(|server| server.stop_seconds)
    };
    let sides = [&comparison.before, &comparison.after].into_iter().flatten();
    // Of two servers at the same time the slower one counts.
    let around_load = sides.map(around_load).fold(0.0, f64::max);
    let minutes = |pairs: usize| {
        let seconds = (whole(PAIR_SECONDS) + around_load) * whole(pairs as u64);
        (seconds / 60.0).ceil()
    };
    let [first, last] = [PLAN.looks().first().copied().unwrap_or_default(), PLAN.last_look()];
    match (minutes(first), minutes(last)) {
        (first, last) if first < last => format!("{first} to {last} minutes"),
        (_, last) => format!("{last} minutes"),
    }
}

#[allow(clippy::cast_precision_loss, reason = "a handful")]
fn whole(count: u64) -> f64 {
    count as f64
}

fn size(ln_ratio: f64) -> String {
    format!("{:.1}%", paired::percent(ln_ratio))
}
