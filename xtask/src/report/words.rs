//! Numbers and names as text, the same in every format.

use crate::model::names::Timestamp;
use crate::stats::paired;
use crate::stats::signed_rank::Interval;
use crate::term::text::printable;

/// Stands wherever figures of the stand-in are shown.
pub(crate) const STAND_IN: &str = "measured on the stand-in, not the real Engram";

/// A change in per cent: `+3.1%`, `-0.5%`.
pub(crate) fn percent(value: f64) -> String {
    format!("{}%", signed(value, 1))
}

/// A change in per cent, of the logarithm of a ratio.
pub(crate) fn percent_of_ln(ln_ratio: f64) -> String {
    percent(paired::percent(ln_ratio))
}

/// The estimate and its bounds in per cent, of the logarithm of a ratio.
pub(crate) fn interval(of: &Interval) -> [String; 3] {
    [of.estimate, of.lower, of.upper].map(percent_of_ln)
}

/// The size of a change in per cent, of the logarithm of a ratio: `11.4%`.
pub(crate) fn size_of_ln(ln_ratio: f64) -> String {
    format!("{:.1}%", paired::percent(ln_ratio))
}

/// The change from `before` to `after` in per cent; `None` where there is no ratio.
pub(crate) fn relative(before: f64, after: f64) -> Option<f64> {
    (before > 0.0).then(|| (after - before) / before * 100.0)
}

/// A change in percentage points: `+0.3 pp`.
pub(crate) fn points(value: f64) -> String {
    format!("{} pp", signed(value, 1))
}

/// From here on, only the order of magnitude of a change is shown.
const HUGE_CHANGE: f64 = 1e3;

/// A number with its sign; one that rounds to zero is `+0.0`.
pub(crate) fn signed(value: f64, decimals: usize) -> String {
    if value.abs() >= HUGE_CHANGE {
        return format!("{value:+.1e}");
    }
    let text = format!("{value:+.decimals$}");
    if text == "-0.0" { "+0.0".to_owned() } else { text }
}

/// A figure for a column of a table: the larger, the fewer decimals.
pub(crate) fn figure(value: f64, decimals: usize) -> String {
    match value {
        _ if value < 1e6 => format!("{value:.decimals$}"),
        _ if value < 1e10 => format!("{value:.0}"),
        _ => format!("{value:.3e}"),
    }
}

/// Two figures beside each other and beside their change, or `-`. Both have one more decimal where either needs it: the
/// median of an even number of runs does.
pub(crate) fn figures(values: [Option<f64>; 2], decimals: usize) -> [String; 2] {
    let is_cut =
        |value: &f64| trimmed(*value, decimals + 1).len() > trimmed(*value, decimals).len();
    let decimals = decimals + usize::from(values.iter().flatten().any(is_cut));
    values.map(|value| value.map_or_else(|| "-".to_owned(), |value| figure(value, decimals)))
}

/// A name in at most `width` characters. The middle is omitted, since the end says as much as the beginning.
pub(crate) fn shortened(name: &str, width: usize) -> String {
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

/// The shown characters of a commit.
pub(crate) fn commit(commit: &str) -> String {
    printable(commit).chars().take(7).collect()
}

/// `2025-11-08 14:00`
pub(crate) fn minute(timestamp: Timestamp) -> String {
    let moment = timestamp.moment();
    format!("{} {:02}:{:02}", moment.date(), moment.hour(), moment.minute())
}

/// `text` with its first letter as a capital.
pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// A number with at most `decimals` decimals, without trailing zeros: `0.458`, `10.2`, `490`.
pub(crate) fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A latency in milliseconds, the larger, the fewer decimals: `0.458`, `27.96`, `708`.
pub(crate) fn latency(ms: f64) -> String {
    match ms.abs() {
        size if size >= 1e6 || (size < 1e-3 && size > 0.0) => format!("{ms:.1e}"),
        size if size >= 100.0 => trimmed(ms, 1),
        size if size >= 1.0 => trimmed(ms, 2),
        _ => trimmed(ms, 3),
    }
}

/// `58.9% faster`, `3.0% slower`.
pub(crate) fn speedup(percent: f64) -> String {
    match percent < 0.0 {
        true => format!("{:.1}% slower", -percent),
        false => format!("{percent:.1}% faster"),
    }
}

/// `text` in at most `width` characters, with `…` instead of the words that do not fit.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    let kept = kept.rsplit_once(' ').map_or(kept.as_str(), |(words, _)| words);
    format!("{}…", kept.trim_end_matches([' ', ',', ':']))
}
