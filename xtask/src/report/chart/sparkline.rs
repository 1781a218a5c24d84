//! Pictures in a line of text.

use crate::report::chart::span;
use crate::stats::numbers::median;
use crate::stats::signed_rank::Interval;

/// The characters of a sparkline, from the lowest to the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glyphs {
    Blocks,
    /// For terminals that show nothing else.
    Ascii,
}

impl Glyphs {
    fn levels(self) -> [char; 8] {
        match self {
            Self::Blocks => ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
            Self::Ascii => ['_', '.', ',', '-', '~', '=', '*', '#'],
        }
    }
}

/// Several series in at most `width` columns, a space between two; of too many values several in one column, of too
/// many series the latest. Each has a scale of its own, of at least `noise` (a share of its lowest value), so that
/// noise alone does not look like a mountain.
pub fn sparkline(series: &[&[f64]], width: usize, noise: f64, glyphs: Glyphs) -> String {
    let series: Vec<&[f64]> = series.iter().copied().filter(|values| !values.is_empty()).collect();
    let kept = series.len().saturating_sub(width.div_ceil(2));
    let series = series.get(kept..).unwrap_or_default();
    let columns = |together: usize| {
        let each = series.iter().map(|values| values.len().div_ceil(together) + 1);
        each.sum::<usize>().saturating_sub(1)
    };
    let longest = series.iter().map(|values| values.len()).max().unwrap_or_default();
    let fits = (1..=longest).find(|together| columns(*together) <= width);
    let drawn =
        series.iter().map(|values| one_series(values, fits.unwrap_or(longest), noise, glyphs));
    drawn.collect::<Vec<_>>().join(" ")
}

fn one_series(values: &[f64], together: usize, noise: f64, glyphs: Glyphs) -> String {
    let finite = |values: &[f64]| median(values.iter().copied().filter(|value| value.is_finite()));
    let columns: Vec<Option<f64>> = values.chunks(together).map(finite).collect();
    let [low, high] = span(columns.iter().flatten().copied()).unwrap_or_default();
    let span = (high - low).max(noise * low.abs());
    let middle = f64::midpoint(low, high);
    let levels = glyphs.levels();
    let glyph = |value: f64| {
        let share = if span > 0.0 { (value - middle) / span + 0.5 } else { 0.5 };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 7")]
        let level = (share * 8.0).clamp(0.0, 7.0) as usize;
        levels.get(level).copied().unwrap_or('?')
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
    /// An axis of at most `columns` that shows the whole interval and the margin.
    pub fn fitting(columns: u16, interval: Interval, margin: f64) -> Self {
        let half_width = (i32::from(columns) - 1).max(2) / 2;
        let values = [interval.lower, interval.upper, interval.estimate, margin];
        let farthest = values.into_iter().map(f64::abs).fold(0.0, f64::max);
        Self { half_width, per_column: farthest.max(1e-6) / f64::from(half_width) }
    }

    /// `|` no change, `:` the margin, `=` what the interval covers, `o` the estimate; `<` and `>` where the interval
    /// reaches beyond.
    pub fn draw(&self, estimate: Option<f64>, interval: Option<Interval>, margin: f64) -> String {
        let end = self.half_width;
        let column_of = |value: f64| self.unclipped(value).clamp(-end, end);
        let columns = (-end..=end).map(|column| {
            let here = |value: f64| column_of(value) == column;
            let covered = interval.is_some_and(|interval| {
                (column_of(interval.lower)..=column_of(interval.upper)).contains(&column)
            });
            let reaches = |bound: fn(&Interval) -> f64| {
                interval.as_ref().map_or(0, |interval| self.unclipped(bound(interval)))
            };
            match () {
                () if estimate.is_some_and(here) => 'o',
                () if column == 0 => '|',
                () if here(margin) => ':',
                () if column == -end && reaches(|of| of.lower) < column => '<',
                () if column == end && reaches(|of| of.upper) > column => '>',
                () if covered => '=',
                () => '.',
            }
        });
        columns.collect()
    }

    #[allow(clippy::cast_possible_truncation, reason = "saturates, which is what is wanted")]
    fn unclipped(&self, value: f64) -> i32 {
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
    fn a_fitting_axis_ends_at_what_is_farthest_from_no_change() {
        let found = interval(0.132, -0.066, 0.231);
        let axis = TextAxis::fitting(40, found, 0.05);
        let drawn = axis.draw(Some(0.132), Some(found), 0.05);
        assert_eq!(drawn, "..............=====|===:======o========");
        assert_eq!(drawn.len(), 39);
    }

    #[test]
    fn a_fitting_axis_survives_what_cannot_be_drawn() {
        for (columns, value) in [(0, 0.0), (1, f64::NAN), (80, f64::INFINITY), (7, -0.0)] {
            let found = interval(value, value, value);
            let drawn =
                TextAxis::fitting(columns, found, 0.05).draw(Some(value), Some(found), 0.05);
            assert!(drawn.len() <= usize::from(columns).max(3), "{drawn}");
        }
    }

    #[test]
    fn a_sparkline_has_a_gap_between_series() {
        let series: [&[f64]; 2] = [&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], &[90.0, 10.0]];
        assert_eq!(sparkline(&series, 80, 0.0, Glyphs::Blocks), "▁▂▃▄▅▆▇█ █▁");
        assert_eq!(sparkline(&series, 80, 0.0, Glyphs::Ascii), "_.,-~=*# #_");
    }

    #[test]
    fn noise_is_not_drawn_as_a_mountain() {
        let series: [&[f64]; 1] = [&[1.0, 1.01, 0.99, 1.0, 1.1]];
        assert_eq!(sparkline(&series, 80, 1.0, Glyphs::Blocks), "▄▄▄▄▅");
        assert_eq!(sparkline(&[&[3.0, 3.0]], 80, 0.0, Glyphs::Blocks), "▅▅");
    }

    #[test]
    fn what_is_too_wide_is_put_together() {
        let long: Vec<f64> = (0..10_000).map(f64::from).collect();
        for width in 0..40 {
            for series in [vec![&long[..]], vec![&long[..], &long[..7]], vec![&long[..1]; 99]] {
                let line = sparkline(&series, width, 0.0, Glyphs::Blocks);
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
        assert_eq!(sparkline(&[&long[..]], 8, 0.0, Glyphs::Blocks), "▁▂▃▄▅▆▇█");
    }

    #[test]
    fn a_value_that_is_none_is_shown_as_one() {
        let series: [&[f64]; 3] = [&[1.0, f64::NAN, 2.0], &[], &[f64::INFINITY]];
        assert_eq!(sparkline(&series, 80, 0.0, Glyphs::Blocks), "▁?█ ?");
    }
}
