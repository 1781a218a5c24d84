//! A paired session while it runs: one line for each pair, with its own change, and the estimate by all pairs drawn to
//! scale against the margin.

use std::time::Duration;

use crate::report::chart::sparkline::TextAxis;
use crate::report::words;
use crate::stats::paired;
use crate::stats::signed_rank;

/// It reaches from -18 % to +22 %.
const AXIS: TextAxis = TextAxis { half_width: 14, per_column: 0.2 / 14.0 };

/// The heading over the lines. `margin` is the smallest slow-down that matters, as a logarithm.
pub(crate) fn heading(margin: f64) -> String {
    let axis = AXIS.draw(None, None, margin);
    let side = axis.chars().count() / 2;
    let end = f64::from(AXIS.half_width) * AXIS.per_column;
    let [lowest, highest] = [-end, end].map(|end| format!("{:+.0}%", paired::percent(end)));
    format!(
        "{:>3} {:>8} {:>8} {:>7} {:>7} {lowest:<side$}0{highest:>side$} {:>5} {:>5}\n{:>37} {axis}",
        "", "before", "after", "change", "all", "used", "left", ""
    )
}

/// What the columns and the marks on the axis mean.
pub(crate) const LEGEND: &str = "\
P99 of each pair in ms, and its change; all: the estimate by all pairs so far,
drawn as o, = its interval, | no change, : the limit";

/// The line of the newest pair, of these P99s before and after in milliseconds; `differences` are those of all pairs so
/// far. The times are that since the session was started or continued, and the longest that it can still take at this
/// pace.
pub(crate) fn line(
    p99_ms: [f64; 2],
    differences: &[f64],
    alpha: f64,
    margin: f64,
    [used, left]: [Duration; 2],
) -> String {
    let estimate = signed_rank::estimate(differences);
    let interval = signed_rank::interval(differences, alpha);
    let [before, after] = p99_ms.map(|p99| format!("{p99:>8.3}"));
    let change = |ln_ratio: Option<f64>| ln_ratio.map_or_else(String::new, words::percent_of_ln);
    format!(
        "{:>3} {before} {after} {:>7} {:>7} {} {:>5} {:>5}",
        differences.len(),
        change(differences.last().copied()),
        change(estimate),
        AXIS.draw(estimate, interval, margin),
        clock(used),
        clock(left)
    )
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
        let longest = [Duration::from_secs(359_999); 2];
        for difference in [9.0, -0.25, 0.0] {
            let line = line([9999.999; 2], &[difference; 40], 0.05, 0.05, longest);
            assert!(line.chars().count() <= 80, "{line}");
        }
        assert!(heading(0.05).lines().all(|line| line.chars().count() <= 80));
        assert!(LEGEND.lines().all(|line| line.chars().count() <= 80));
    }

    #[test]
    fn the_change_beside_a_pair_is_its_own_and_that_of_all_pairs_has_a_column_of_its_own() {
        let differences = [0.02_f64, 0.04, 1.25_f64.ln()];
        let line = line([0.4, 0.5], &differences, 0.05, 0.05, [Duration::ZERO; 2]);
        let cells: Vec<&str> = line.split_whitespace().take(5).collect();
        assert_eq!(cells[..4], ["3", "0.400", "0.500", "+25.0%"]);
        assert_ne!(cells[4], "+25.0%");
    }

    #[test]
    fn the_axis_of_the_heading_is_above_that_of_the_lines() {
        let line = line([1.0; 2], &[0.0], 0.05, 0.05, [Duration::ZERO; 2]);
        let column = |text: &str, mark| text.chars().position(|c| c == mark).unwrap();
        let heading = heading(0.05);
        let [words, axis] = heading.lines().collect::<Vec<_>>()[..] else { panic!("{heading}") };
        assert_eq!(column(&line, 'o'), column(axis, '|'));
        assert_eq!(column(words, '0'), column(axis, '|'), "{heading}");
        assert_eq!(column(axis, '.'), column(words, '-'), "{heading}");
        assert_eq!(column(words, '%'), column(axis, '.') + 3, "{heading}");
    }
}
