//! What a verdict rests on: the intervals of the pairs, the noise of single runs, the position against the competitor.

use crate::judge::comparison::Comparison;
use crate::judge::verdict::Metric;
use crate::model::limits::{COMPETITOR, PAIR_SECONDS, PLAN};
use crate::model::names::How;
use crate::model::session::Figure;
use crate::report::metrics::{self, whole};
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
    let change = |(figure, interval): &(Figure, _)| {
        let quantity = metrics::of_figure(*figure)?;
        let [estimate, lower, upper] = words::interval(interval);
        // In the words of the verdict, which may need more decimals.
        let judged = comparison.judged().filter(|_| *figure == Figure::P99);
        let estimate =
            judged.map_or(estimate, |verdict| quantity.judged_change(Metric::P99, verdict));
        let is_pinned = *figure == Figure::Throughput && comparison.pinned_rate.is_some();
        let pinned = if is_pinned { ", pinned" } else { "" };
        let name = quantity.name;
        Some(format!("{name:<10}  {estimate} by pairs, surely between {lower} and {upper}{pinned}"))
    };
    let mut lines: Vec<String> = session.changes.iter().filter_map(change).collect();
    lines.push(format!(
        "resolution  changes of about {} and more are detectable at this noise",
        words::size_of_ln(look.interval.half_width())
    ));
    if let Some(share) = comparison.contention() {
        let full = share * 100.0;
        lines.push(format!(
            "contention  the CPUs were full ({full:.0}%): a real change is larger than shown"
        ));
    }
    lines.extend(to_settle(comparison, around));
    let how = match session.how {
        How::Duet => "both servers at the same time",
        How::Alternating => "one server after the other",
    };
    let (pairs, seconds) = (look.pairs, session.duration_seconds);
    Some((format!("a paired session of {pairs} pairs of {seconds} s, {how}"), lines))
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
    comparison.verdict().filter(|_| comparison.session.is_none())?;
    let is_judged = comparison.judged().is_some();
    let mut lines = match comparison.single_runs {
        Some(known) => vec![format!(
            "resolution  changes of {} and more ({} comparisons of one server)",
            words::size_of_ln(known.smallest_change),
            known.comparisons
        )],
        None if is_judged => vec![
            "resolution  not known: too few runs of one server are recorded here".to_owned(),
            "in general  a third and more of the comparisons of a server with itself are"
                .to_owned(),
            "            called regressed (docs/performance.md)".to_owned(),
        ],
        None => return None,
    };
    // A change that is larger than the noise needs no confirmation, nor does the same server.
    if is_judged && (comparison.single_runs.is_none() || comparison.is_within_noise()) {
        let looks = [PLAN.looks().first().copied().unwrap_or_default(), PLAN.last_look];
        let [first, last] = looks.map(|pairs| minutes(comparison, pairs));
        let first = if first < last { format!("{first} to ") } else { String::new() };
        let confirm = next::confirm(comparison, around, "").into_iter();
        lines.extend(
            confirm.map(|typed| format!("to settle   {first}{} of `{typed}`", in_words(last))),
        );
    }
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
    let session = comparison.session.as_ref();
    let load = whole(session.map_or(PAIR_SECONDS, |session| session.duration_seconds));
    let sides = comparison.sides().map(|(_, side)| {
        let servers = || side.runs.iter().filter_map(|run| Some(&run.provenance.as_ref()?.server));
        let ready = median(servers().filter_map(|server| server.ready_seconds));
        let stop = median(servers().filter_map(|server| server.stop_seconds));
        ready.unwrap_or_default() + load + stop.unwrap_or_default()
    });
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
