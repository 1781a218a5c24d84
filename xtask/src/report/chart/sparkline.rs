//! Pictures in a line of text.

use crate::report::chart::span;
use crate::stats::numbers::median;
use crate::stats::signed_rank::Interval;

/// The characters of a sparkline, from the lowest to the highest.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A series in at most `width` columns, of too many values several in one. Its scale is at least `noise` (a share of its
/// lowest value), so that noise alone does not look like a mountain.
pub fn sparkline(values: &[f64], width: usize, noise: f64) -> String {
    let together = values.len().div_ceil(width.max(1)).max(1);
    let finite = |values: &[f64]| median(values.iter().copied().filter(|value| value.is_finite()));
    let columns: Vec<Option<f64>> = values.chunks(together).map(finite).collect();
    let [low, high] = span(columns.iter().flatten().copied()).unwrap_or_default();
    let span = (high - low).max(noise * low.abs());
    let middle = f64::midpoint(low, high);
    let glyph = |value: f64| {
        let share = if span > 0.0 { (value - middle) / span + 0.5 } else { 0.5 };
        let level = (share * 8.0).clamp(0.0, 7.0) as usize;
        LEVELS.get(level).copied().unwrap_or('?')
    };
    columns.into_iter().map(|value| value.map_or('?', glyph)).collect()
}

/// An axis of changes, as logarithms, with "no change" in its middle column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TextAxis {
    /// The columns on either side of "no change".
    pub half_width: i32,
    /// The change that one column stands for.
    pub per_column: f64,
}

impl TextAxis {
    /// `|` no change, `:` the margin, `=` what the interval covers, `o` the estimate; `<` and `>` where the interval
    /// reaches beyond.
    pub fn draw(&self, estimate: Option<f64>, interval: Option<Interval>, margin: f64) -> String {
        let end = self.half_width;
        let reached = interval.map(|of| [of.lower, of.upper].map(|bound| self.column(bound)));
        let columns = (-end..=end).map(|column| {
            let here = |value: f64| self.column(value).clamp(-end, end) == column;
            match (column, reached) {
                _ if estimate.is_some_and(here) => 'o',
                (0, _) => '|',
                _ if here(margin) => ':',
                (_, Some([low, _])) if column == -end && low < column => '<',
                (_, Some([_, high])) if column == end && high > column => '>',
                (_, Some([low, high])) if (low..=high).contains(&column) => '=',
                _ => '.',
            }
        });
        columns.collect()
    }

    /// It may be beyond the ends, and saturates.
    fn column(&self, value: f64) -> i32 {
        (value / self.per_column).round() as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AXIS: TextAxis = TextAxis { half_width: 9, per_column: 0.033 };

    fn interval(estimate: f64, lower: f64, upper: f64) -> Interval {
        Interval { estimate, lower, upper }
    }

    #[test]
    fn the_axis_shows_estimate_interval_and_margin_to_scale() {
        let found = interval(0.132, -0.066, 0.231);
        assert_eq!(AXIS.draw(Some(0.132), Some(found), 0.05), ".......==|=:=o===..");
    }

    #[test]
    fn an_estimate_beyond_the_axis_is_at_its_end() {
        assert_eq!(AXIS.draw(Some(9.0), None, 0.05), ".........|.:......o");
        assert_eq!(AXIS.draw(Some(-9.0), None, 0.05), "o........|.:.......");
    }

    #[test]
    fn an_interval_that_reaches_beyond_the_axis_says_so() {
        let found = interval(0.066, -1.0, 1.0);
        assert_eq!(AXIS.draw(Some(0.066), Some(found), 0.099), "<========|=o:=====>");
    }

    #[test]
    fn the_lowest_and_the_highest_value_have_the_lowest_and_the_highest_block() {
        assert_eq!(sparkline(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 80, 0.0), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[90.0, 10.0], 80, 0.0), "█▁");
        assert_eq!(sparkline(&[], 80, 0.0), "");
    }

    #[test]
    fn noise_is_not_drawn_as_a_mountain() {
        assert_eq!(sparkline(&[1.0, 1.01, 0.99, 1.0, 1.1], 80, 1.0), "▄▄▄▄▅");
        assert_eq!(sparkline(&[3.0, 3.0], 80, 0.0), "▅▅");
    }

    #[test]
    fn what_is_too_wide_is_put_together() {
        let long: Vec<f64> = (0..10_000).map(f64::from).collect();
        for width in 1..40 {
            let line = sparkline(&long, width, 0.0);
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
        assert_eq!(sparkline(&long, 8, 0.0), "▁▂▃▄▅▆▇█");
    }

    #[test]
    fn a_value_that_is_none_is_shown_as_one() {
        assert_eq!(sparkline(&[1.0, f64::NAN, 2.0], 80, 0.0), "▁?█");
        assert_eq!(sparkline(&[f64::INFINITY], 80, 0.0), "?");
    }
}
