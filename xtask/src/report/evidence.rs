//! What a verdict rests on: the intervals of the pairs, the noise of single runs, the position against the competitor.

use crate::judge::comparison::{Comparison, Judgement, Side};
use crate::model::limits::{COMPETITOR, PAIR_SECONDS, PLAN};
use crate::model::names::How;
use crate::model::provenance::ServerRun;
use crate::model::session::Figure;
use crate::report::metrics;
use crate::report::next::{self, Context};
use crate::report::words;
use crate::stats::numbers::median;

/// A title, and lines that have columns.
type Evidence = (String, Vec<String>);

/// Everything known.
pub(crate) fn evidence(comparison: &Comparison, around: &Context) -> Vec<Evidence> {
    let known =
        [session(comparison, around), single_runs(comparison, around), position(comparison)];
    known.into_iter().flatten().collect()
}

fn session(comparison: &Comparison, around: &Context) -> Option<Evidence> {
    let session = comparison.session.as_ref()?;
    let look = session.look?;
    let mut lines: Vec<String> = session
        .changes
        .iter()
        .filter_map(|(figure, interval)| {
            let quantity = metrics::of_figure(*figure)?;
            let [estimate, lower, upper] =
                [interval.estimate, interval.lower, interval.upper].map(words::percent_of_ln);
            // In the words of the verdict, which may need more decimals.
            let estimate = match (figure, comparison.judged()) {
                (Figure::P99, Some(verdict)) => quantity.judged_change(verdict),
                _ => estimate,
            };
            let name = quantity.name;
            let pinned = match (figure, comparison.pinned_rate) {
                (Figure::Throughput, Some(_)) => ", pinned",
                _ => "",
            };
            Some(format!(
                "{name:<10}  {estimate} by pairs, surely between {lower} and {upper}{pinned}"
            ))
        })
        .collect();
    lines.push(format!(
        "resolution  changes of about {} and more are detectable at this noise",
        words::size_of_ln(look.interval.half_width())
    ));
    lines.extend(comparison.contention().map(|share| {
        let full = share * 100.0;
        format!("contention  the CPUs were full ({full:.0}%): a real change is larger than shown")
    }));
    lines.extend(to_settle(comparison, around));
    let how = match session.how {
        How::Duet => "both servers at the same time",
        How::Alternating => "one server after the other",
    };
    let title = format!(
        "a paired session of {} pairs of {} s, {how}",
        look.pairs, session.duration_seconds
    );
    Some((title, lines))
}

/// What would settle a session that ended unsettled, or what else would help.
fn to_settle(comparison: &Comparison, around: &Context) -> Vec<String> {
    if comparison.is_vetoed() {
        return vec!["to settle   not by more pairs: find what made P95 slower".to_owned()];
    }
    let Some((plan, commands)) = next::longer(comparison, around) else { return Vec::new() };
    let minutes = in_words(minutes(comparison, plan));
    let mut lines = match comparison.look().and_then(|look| look.pairs_to_settle) {
        Some(pairs) => vec![format!("to settle   about {pairs} pairs, at most {minutes}:")],
        None => vec![
            format!("to settle   not here: no plan is long enough (at most {plan} pairs)"),
            format!("what helps  less other work, more CPUs, then at most {minutes}:"),
        ],
    };
    lines.extend(commands.iter().map(|command| format!("            {command}")));
    lines
}

fn single_runs(comparison: &Comparison, around: &Context) -> Option<Evidence> {
    if comparison.session.is_some() || matches!(comparison.judgement, Judgement::Impossible(_)) {
        return None;
    }
    let mut lines = match (comparison.single_runs, comparison.judged()) {
        (Some(known), _) => vec![format!(
            "resolution  changes of {} and more ({} comparisons of one server)",
            words::size_of_ln(known.smallest_change),
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
    let is_unsure = comparison.judged().is_some()
        && (comparison.single_runs.is_none() || comparison.is_within_noise());
    let [first, last] = [PLAN.looks().first().copied().unwrap_or_default(), PLAN.last_look]
        .map(|pairs| minutes(comparison, pairs));
    let time = match first < last {
        true => format!("{first} to {}", in_words(last)),
        false => in_words(last),
    };
    let confirm = next::confirm(comparison, around, "").into_iter().filter(|_| is_unsure);
    lines.extend(confirm.map(|command| format!("to settle   {time} of `{command}`")));
    Some(("reliability of single runs".to_owned(), lines))
}

fn position(comparison: &Comparison) -> Option<Evidence> {
    let position = comparison.verdict()?.position?;
    let mut lines = vec![
        format!("before  {}", words::speedup(position.speedup_before)),
        format!("after   {}", words::speedup(position.speedup_after)),
    ];
    lines.extend(comparison.judged().map(|_| format!("status  {}", position.standing)));
    let baseline = words::trimmed(position.baseline_ms, 3);
    Some((format!("against {COMPETITOR}, P99 {baseline} ms"), lines))
}

/// The minutes that so many pairs take, by the starts and stops of the servers as they are recorded.
fn minutes(comparison: &Comparison, pairs: usize) -> f64 {
    let around_load = |side: &Side| -> f64 {
        let of = |seconds: fn(&ServerRun) -> Option<f64>| {
            let known =
                side.runs.iter().filter_map(|run| seconds(&run.provenance.as_ref()?.server));
            median(known).unwrap_or_default()
        };
        of(|server| server.ready_seconds) + of(|server| server.stop_seconds)
    };
    let session = comparison.session.as_ref();
    let load = whole(session.map_or(PAIR_SECONDS, |session| session.duration_seconds));
    let sides = comparison.sides().map(|(_, side)| around_load(side) + load);
    let pair = match session.map(|session| session.how) {
        Some(How::Alternating) => sides.sum(),
        // Of two servers at the same time the slower one counts.
        Some(How::Duet) | None => sides.fold(0.0, f64::max),
    };
    (pair * whole(pairs as u64) / 60.0).ceil()
}

fn in_words(minutes: f64) -> String {
    format!("{minutes} {}", if minutes > 1.0 { "minutes" } else { "minute" })
}

#[allow(clippy::cast_precision_loss, reason = "a handful")]
fn whole(count: u64) -> f64 {
    count as f64
}
