//! A paired session as it goes: one line a pair, with the estimate drawn to scale against the margin.

use std::time::Duration;

use super::words;
use crate::judge::signed_rank::{self, Interval};

/// The columns on either side of "no change".
const HALF_WIDTH: i32 = 12;
/// The change that one column stands for, as a logarithm: the axis reaches to about 35 % either way.
const PER_COLUMN: f64 = 0.025;

/// One finished pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// The pair, 1 for the first.
    pub pair: usize,
    /// P99 before, in milliseconds.
    pub before_ms: f64,
    /// P99 after, in milliseconds.
    pub after_ms: f64,
    /// Stolen share of the wanted CPU time, before and after, where the system shows it.
    pub stolen: Option<(f64, f64)>,
    /// Since the session was started or continued.
    pub used: Duration,
    /// The most that it can still take.
    pub left: Duration,
}

/// The heading over the lines. `margin` is the smallest slow-down that matters, as a logarithm.
pub fn heading(margin: f64) -> String {
    let axis = axis(None, None, margin);
    format!(
        "pair   before    after  stolen  change {axis}  used  left\n{:>38} {:<25}",
        "", "-26%        0        +35%"
    )
}

/// The line of the newest pair; `differences` are those of all pairs so far.
pub fn line(line: &Line, differences: &[f64], alpha: f64, margin: f64) -> String {
    let estimate = signed_rank::estimate(differences);
    let interval = signed_rank::interval(differences, alpha);
    let stolen = line.stolen.map_or_else(
        || "?".to_owned(),
        |(before, after)| format!("{:.0}/{:.0}%", before * 100.0, after * 100.0),
    );
    format!(
        "{:>4} {:>8.3} {:>8.3} {stolen:>7} {:>7} {} {:>5} {:>5}",
        line.pair,
        line.before_ms,
        line.after_ms,
        estimate.map_or_else(String::new, |estimate| words::percent(words::from_ln(
            estimate
        ))),
        axis(estimate, interval, margin),
        clock(line.used),
        clock(line.left)
    )
}

/// The axis: `|` no change, `:` the margin, `=` what the interval covers, `o` the estimate; `<` and `>` lie beyond.
fn axis(estimate: Option<f64>, interval: Option<Interval>, margin: f64) -> String {
    (-HALF_WIDTH..=HALF_WIDTH)
        .map(|column| {
            let here = |value: f64| column_of(value) == column;
            let covered = interval.is_some_and(|interval| {
                (column_of(interval.lower)..=column_of(interval.upper)).contains(&column)
            });
            match () {
                () if estimate.is_some_and(here) => match estimate.map_or(0, unclipped) {
                    beyond if beyond > HALF_WIDTH => '>',
                    beyond if beyond < -HALF_WIDTH => '<',
                    _ => 'o',
                },
                () if column == 0 => '|',
                () if here(margin) => ':',
                () if covered => '=',
                () => '.',
            }
        })
        .collect()
}

fn column_of(value: f64) -> i32 {
    unclipped(value).clamp(-HALF_WIDTH, HALF_WIDTH)
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "saturates, which is what is wanted"
)]
fn unclipped(value: f64) -> i32 {
    (value / PER_COLUMN).round() as i32
}

/// Minutes and seconds.
fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_shows_estimate_interval_and_margin_to_scale() {
        let interval = Interval {
            estimate: 0.1,
            lower: -0.05,
            upper: 0.2,
        };
        assert_eq!(
            axis(Some(0.1), Some(interval), 0.05),
            "..........==|=:=o====...."
        );
    }

    #[test]
    fn what_lies_beyond_the_axis_is_shown_at_its_end() {
        assert_eq!(axis(Some(9.0), None, 0.05), "............|.:.........>");
        assert_eq!(axis(Some(-9.0), None, 0.05), "<...........|.:..........");
    }

    #[test]
    fn a_line_fits_a_terminal_of_80_columns() {
        let widest = Line {
            pair: 16,
            before_ms: 1234.567,
            after_ms: 1234.567,
            stolen: Some((0.99, 0.99)),
            used: Duration::from_secs(3599),
            left: Duration::from_secs(3599),
        };
        let line = line(&widest, &[0.5; 16], 0.05, 0.05);
        assert!(
            line.chars().count() <= 80,
            "{}: {line}",
            line.chars().count()
        );
    }
}
