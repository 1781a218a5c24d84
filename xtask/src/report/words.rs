//! Numbers and verdicts in words, the same in every format.

use crate::judge::comparison::{Comparison, Judgement, Side};
use crate::judge::fitness::Mend;
use crate::judge::verdict::{Metric, Verdict};
use crate::model::limits::{ERROR_RATE_POINTS, threshold_percent};
use crate::model::names::{Mode, Phase};
use crate::stats::paired::{PairedVerdict, Sight};
use crate::stats::signed_rank::Interval;

pub use crate::model::limits::COMPETITOR;

/// What is said wherever figures of the stand-in are shown.
pub const STAND_IN: &str = "measured on the stand-in, not the real Engram";

/// A change in per cent: `+3.1%`, `-0.5%`.
pub fn percent(value: f64) -> String {
    format!("{}%", signed(value, 1))
}

/// A change in percentage points: `+0.3 pp`.
pub fn points(value: f64) -> String {
    format!("{} pp", signed(value, 1))
}

/// From here on a change is shown by its order alone.
const HUGE_CHANGE: f64 = 1e6;

/// A number with its sign, except that what rounds to nothing is `+0.0`.
fn signed(value: f64, decimals: usize) -> String {
    if value.abs() >= HUGE_CHANGE {
        return format!("{value:+.1e}");
    }
    let text = format!("{value:+.decimals$}");
    match text.as_str() {
        "-0.0" => "+0.0".to_owned(),
        _ => text,
    }
}

/// A figure for a column of a table: the larger, the fewer decimals.
pub fn figure(value: f64, decimals: usize) -> String {
    match value {
        _ if value < 1e6 => format!("{value:.decimals$}"),
        _ if value < 1e10 => format!("{value:.0}"),
        _ => format!("{value:.3e}"),
    }
}

/// Text from a file: what would steer a terminal, or break a line, is spelt out.
pub fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        // Beside the control characters those that turn the direction of the text.
        match c.is_control()
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            true => printable.extend(c.escape_default()),
            false => printable.push(c),
        }
    }
    printable
}

/// A name in at most `width` characters, its middle left out if need be: the end tells as much as the beginning.
pub fn shortened(name: &str, width: usize) -> String {
    let name = printable(name);
    let length = name.chars().count();
    if length <= width {
        return name;
    }
    let kept = width.saturating_sub(1);
    let start: String = name.chars().take(kept - kept / 2).collect();
    let end: String = name.chars().skip(length - kept / 2).collect();
    format!("{start}…{end}")
}

/// At most `decimals` of them, without trailing zeros: `0.458`, `10.2`, `490`.
pub fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// `58.9% faster`, `3.0% slower`.
pub fn speedup(percent: f64) -> String {
    match percent < 0.0 {
        true => format!("{:.1}% slower", -percent),
        false => format!("{percent:.1}% faster"),
    }
}

/// `text` in at most `width` characters, with `…` in the place of the words that are too many.
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    let kept = kept
        .rsplit_once(' ')
        .map_or(kept.as_str(), |(words, _)| words);
    format!("{}…", kept.trim_end_matches([' ', ',', ':']))
}

/// How the runs of a group lie apart; `None` for a single run.
pub fn spread(side: &Side) -> Option<String> {
    let (low, high) = side.p99_spread_ms;
    let runs = side.files.len();
    (runs > 1).then(|| format!("medians of {runs} runs, P99 from {low:.3} to {high:.3} ms"))
}

/// The decision table's answer, if there is one.
pub fn verdict(comparison: &Comparison) -> Option<&Verdict> {
    match &comparison.judgement {
        Judgement::Judged(verdict) | Judgement::SameServer(verdict) => Some(verdict),
        Judgement::Impossible(_) => None,
    }
}

/// A limit as a change may have it: `+5%`, `-5%`, `+5 pp`.
pub fn limit(mode: Mode, metric: Metric) -> String {
    match metric {
        Metric::P99 => format!("+{}%", threshold_percent(mode)),
        Metric::Throughput => format!("-{}%", threshold_percent(mode)),
        Metric::ErrorRate => format!("+{ERROR_RATE_POINTS} pp"),
    }
}

/// A metric's change as it was judged: of P99 what the pairs estimate, where they decided, and not what the medians say.
pub fn judged_change(comparison: &Comparison, verdict: &Verdict, metric: Metric) -> String {
    match (metric, comparison.session.and_then(|session| session.sight)) {
        (Metric::P99, Some(sight)) => {
            let mut judged = verdict.clone();
            judged.changes.p99_percent = from_ln(sight.interval.estimate);
            change(&judged, metric)
        }
        _ => change(verdict, metric),
    }
}

/// A metric's change, `+12.7%`, with as many decimals as show a regression to be beyond its limit.
pub fn change(verdict: &Verdict, metric: Metric) -> String {
    let threshold = threshold_percent(verdict.mode);
    let (value, limit, unit) = match metric {
        Metric::P99 => (verdict.changes.p99_percent, threshold, "%"),
        Metric::Throughput => (-verdict.changes.throughput_percent, threshold, "%"),
        Metric::ErrorRate => (verdict.changes.error_points, ERROR_RATE_POINTS, " pp"),
    };
    let is_beyond = |decimals: &usize| {
        let shown: Result<f64, _> = format!("{value:.decimals$}").parse();
        shown.is_ok_and(|shown| shown > limit)
    };
    let decimals = match verdict.regressed.contains(&metric) {
        true => (1..=MOST_DECIMALS).find(is_beyond).unwrap_or(1),
        false => 1,
    };
    let value = match metric {
        Metric::Throughput => -value,
        Metric::P99 | Metric::ErrorRate => value,
    };
    signed(value, decimals) + unit
}

/// What the slack of a threshold can hide needs as many decimals as it has.
const MOST_DECIMALS: usize = 9;

/// Why, in one line.
pub fn reason(comparison: &Comparison) -> String {
    match &comparison.judgement {
        Judgement::SameServer(verdict) => format!(
            "nothing compared but this machine's noise: P99 {}",
            percent(verdict.changes.p99_percent)
        ),
        Judgement::Impossible(reasons) => reasons
            .first()
            .map_or_else(String::new, |reason| reason.why.clone()),
        Judgement::Judged(verdict) => judged(
            verdict,
            comparison
                .session
                .and_then(|session| session.sight)
                .map(|sight| (sight, comparison.paired_verdict())),
        ),
    }
}

fn judged(verdict: &Verdict, pairs: Option<(Sight, Option<PairedVerdict>)>) -> String {
    let of = |metric: Metric| match (metric, pairs) {
        (Metric::P99, Some((sight, paired))) => format!("P99 {}", interval(&sight, paired)),
        (Metric::P99, None) if verdict.regressed.is_empty() => {
            format!(
                "P99 {} (limit {})",
                change(verdict, metric),
                limit(verdict.mode, metric)
            )
        }
        _ => format!("{metric} {}", change(verdict, metric)),
    };
    let mut parts: Vec<String> = match verdict.regressed.as_slice() {
        [] => vec![of(Metric::P99)],
        regressed => regressed.iter().map(|&metric| of(metric)).collect(),
    };
    parts.extend(
        verdict
            .position
            .map(|position| position.standing.to_string()),
    );
    parts.join(", ")
}

/// An estimate with its bounds: `+8.2% (+3.1% to +14.0%, 10 pairs)`; where it passes unsettled, with how much it could
/// be: `+1.0% (could be up to +6.2%, 16 pairs)`.
pub fn interval(sight: &Sight, verdict: Option<PairedVerdict>) -> String {
    let Interval {
        estimate,
        lower,
        upper,
    } = sight.interval;
    let [estimate, lower, upper] = [estimate, lower, upper].map(|bound| percent(from_ln(bound)));
    let bounds = match verdict {
        Some(PairedVerdict::NoRegressionFound) => format!("could be up to {upper}"),
        _ => format!("{lower} to {upper}"),
    };
    format!("{estimate} ({bounds}, {} pairs)", sight.pairs)
}

/// A change in per cent, of the logarithm of a ratio.
pub fn from_ln(ln_ratio: f64) -> f64 {
    ln_ratio.exp_m1() * 100.0
}

/// What a command that mends is for.
pub fn purpose(mend: Mend) -> &'static str {
    match mend {
        Mend::Measure(Phase::Before) => "measure before, with the change set aside",
        Mend::Measure(Phase::After) => "measure after, with the change in place",
        Mend::MeasureBoth => "measure before without the change, and after with it",
        Mend::Baseline => "put the competitor's row in order",
        Mend::Confirm => "tell it from noise: both servers in turn",
    }
}
