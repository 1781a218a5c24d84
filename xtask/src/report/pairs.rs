//! A paired session while it runs: one line for each pair, with the estimate drawn to scale against the margin.

use std::time::Duration;

use crate::report::words;
use crate::stats::paired;
use crate::stats::signed_rank::{self, Interval};

/// The columns on either side of "no change".
const HALF_WIDTH: i32 = 9;
/// The change that one column stands for, as a logarithm: the axis reaches from -26 % to +35 %.
const PER_COLUMN: f64 = 0.033;

/// One finished pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Line {
    /// From 1.
    pub(crate) pair: usize,
    /// P99 before and after, in milliseconds.
    pub(crate) p99_ms: [f64; 2],
    /// Stolen share of the wanted CPU time before and after, 0 to 1, where the system shows it.
    pub(crate) stolen: [Option<f64>; 2],
    /// Share of the CPUs that others used before and after, 0 to 1, where the system shows it.
    pub(crate) others: [Option<f64>; 2],
    /// Time since the session was started or continued.
    pub(crate) used: Duration,
    /// The longest time that it can still take, at the pace so far.
    pub(crate) left: Duration,
}

/// The heading over the lines. `margin` is the smallest slow-down that matters, as a logarithm.
pub(crate) fn heading(margin: f64) -> String {
    format!(
        "{:>3} {:>8} {:>8} {:>7} {:>7} {:>7} {} {:>5} {:>5}\n{:>46}{}",
        "",
        "before",
        "after",
        "stolen",
        "others",
        "change",
        axis(None, None, margin),
        "used",
        "left",
        "",
        "-26%    0     +35%"
    )
}

/// The meaning of the marks on the axis.
pub(crate) const LEGEND: &str =
    "P99 in ms, CPU shares in %; o estimate, = its interval, : the limit";

/// The line of the newest pair; `differences` are those of all pairs so far.
pub(crate) fn line(line: &Line, differences: &[f64], alpha: f64, margin: f64) -> String {
    let estimate = signed_rank::estimate(differences);
    let interval = signed_rank::interval(differences, alpha);
    let [before, after] = line.p99_ms.map(|p99| format!("{p99:>8.3}"));
    format!(
        "{:>3} {before} {after} {:>7} {:>7} {:>7} {} {:>5} {:>5}",
        line.pair,
        both(line.stolen),
        both(line.others),
        estimate.map_or_else(String::new, change),
        axis(estimate, interval, margin),
        clock(line.used),
        clock(line.left)
    )
}

/// Two shares in per cent: `3/12`.
fn both(shares: [Option<f64>; 2]) -> String {
    let [before, after] = shares
        .map(|share| share.map_or_else(|| "?".to_owned(), |share| format!("{:.0}", share * 100.0)));
    format!("{before}/{after}")
}

fn change(ln_ratio: f64) -> String {
    const MOST: f64 = 999.0;
    match paired::percent(ln_ratio) {
        beyond if beyond > MOST => format!(">+{MOST}%"),
        percent => words::percent(percent),
    }
}

/// The axis: `|` no change, `:` the margin, `=` what the interval covers, `o` the estimate; `<` and `>` where the
/// interval reaches beyond.
fn axis(estimate: Option<f64>, interval: Option<Interval>, margin: f64) -> String {
    (-HALF_WIDTH..=HALF_WIDTH)
        .map(|column| {
            let here = |value: f64| column_of(value) == column;
            let covered = interval.is_some_and(|interval| {
                (column_of(interval.lower)..=column_of(interval.upper)).contains(&column)
            });
            let reaches = |bound: fn(&Interval) -> f64| {
                interval.as_ref().map_or(0, |interval| unclipped(bound(interval)))
            };
            match () {
                () if estimate.is_some_and(here) => 'o',
                () if column == 0 => '|',
                () if here(margin) => ':',
                () if column == -HALF_WIDTH && reaches(|of| of.lower) < column => '<',
                () if column == HALF_WIDTH && reaches(|of| of.upper) > column => '>',
                () if covered => '=',
                () => '.',
            }
        })
        .collect()
}

fn column_of(value: f64) -> i32 {
    unclipped(value).clamp(-HALF_WIDTH, HALF_WIDTH)
}

#[allow(clippy::cast_possible_truncation, reason = "saturates, which is intended")]
fn unclipped(value: f64) -> i32 {
    (value / PER_COLUMN).round() as i32
}

/// Minutes and seconds; hours and minutes where it takes that long.
fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds / 60 {
        minutes @ ..100 => format!("{minutes}:{:02}", seconds % 60),
        minutes => format!("{}h{:02}", minutes / 60, minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(estimate: f64, lower: f64, upper: f64) -> Interval {
        Interval { estimate, lower, upper }
    }

    #[test]
    fn the_axis_shows_estimate_interval_and_margin_to_scale() {
        let found = interval(0.132, -0.066, 0.231);
        assert_eq!(axis(Some(0.132), Some(found), 0.05), ".......==|=:=o===..");
    }

    #[test]
    fn an_estimate_beyond_the_axis_is_at_its_end() {
        assert_eq!(axis(Some(9.0), None, 0.05), ".........|.:......o");
        assert_eq!(axis(Some(-9.0), None, 0.05), "o........|.:.......");
    }

    #[test]
    fn an_interval_that_reaches_beyond_the_axis_says_so() {
        let found = interval(0.066, -1.0, 1.0);
        assert_eq!(axis(Some(0.066), Some(found), 0.099), "<========|=o:=====>");
    }

    #[test]
    fn every_line_fits_a_terminal_of_80_columns() {
        let widest = Line {
            pair: 16,
            p99_ms: [9999.999; 2],
            stolen: [Some(1.0); 2],
            others: [Some(1.0); 2],
            used: Duration::from_secs(359_999),
            left: Duration::from_secs(359_999),
        };
        for difference in [9.0, -0.25, 0.0] {
            let line = line(&widest, &[difference; 16], 0.05, 0.05);
            assert!(line.chars().count() <= 80, "{line}");
        }
        assert!(heading(0.05).lines().all(|line| line.chars().count() <= 80));
        assert!(LEGEND.chars().count() <= 80, "{}", LEGEND.chars().count());
    }

    #[test]
    fn the_axis_of_the_heading_is_above_that_of_the_lines() {
        let of_a_line = Line {
            pair: 1,
            p99_ms: [1.0; 2],
            stolen: [None; 2],
            others: [None; 2],
            used: Duration::ZERO,
            left: Duration::ZERO,
        };
        let line = line(&of_a_line, &[0.0], 0.05, 0.05);
        let column = |text: &str, mark| text.chars().position(|c| c == mark).unwrap();
        assert_eq!(column(&line, 'o'), column(&heading(0.05), '|'));
    }
}
