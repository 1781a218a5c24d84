//! A paired session while it runs: one line for each pair, with the estimate drawn to scale against the margin.

use std::time::Duration;

use crate::report::chart::sparkline::TextAxis;
use crate::report::words;
use crate::stats::paired;
use crate::stats::signed_rank;

/// It reaches from -26 % to +35 %.
const AXIS: TextAxis = TextAxis { half_width: 9, per_column: 0.033 };

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
        AXIS.draw(None, None, margin),
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
        AXIS.draw(estimate, interval, margin),
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
