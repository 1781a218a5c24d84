//! Pictures for reports: pure functions from plain values to SVG, or to a line of text.

#![allow(missing_docs, reason = "names that say it all need no second sentence")]

pub mod history;
pub mod review;
pub mod scale;
pub mod session;
pub mod sparkline;
pub mod svg;

use crate::report::words;

/// A change in per cent, with its bounds where it has an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    pub percent: f64,
    pub bounds: Option<[f64; 2]>,
}

impl Change {
    /// All its numbers that are finite.
    fn values(self) -> impl Iterator<Item = f64> {
        let all = [self.percent]
            .into_iter()
            .chain(self.bounds.into_iter().flatten());
        all.filter(|value| value.is_finite())
    }

    /// `+10.4%, between +8.5% and +12.3%`
    fn said(self) -> String {
        let bounds = self.bounds.map(|bounds| bounds.map(words::percent));
        let bounds = bounds.map(|[lower, upper]| format!(", between {lower} and {upper}"));
        words::percent(self.percent) + &bounds.unwrap_or_default()
    }
}

/// A number in about three digits: `0.458`, `27.9`, `708`.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1e6 => format!("{value:.1e}"),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => words::trimmed(value, 1),
        size if size >= 1.0 => words::trimmed(value, 2),
        size if size >= 1e-3 || size == 0.0 => words::trimmed(value, 3),
        _ => format!("{value:.0e}"),
    }
}

/// A tick of an axis in per cent: `-5%`, `0`, `+2.5%`.
fn tick(percent: f64) -> String {
    let sign = if percent > 0.0 { "+" } else { "" };
    match short(percent).as_str() {
        "0" => "0".to_owned(),
        number => format!("{sign}{number}%"),
    }
}
