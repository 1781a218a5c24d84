//! Pictures for reports: pure functions from plain values to SVG, or to a line of text.

pub mod history;
pub mod review;
pub mod scale;
pub mod session;
pub mod sparkline;
pub mod svg;

use crate::report::chart::scale::Scale;
use crate::report::chart::svg::{GRID, RULE, SOFT, Svg};
use crate::report::words;

/// A change in per cent, with its bounds where it has an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    pub percent: f64,
    pub bounds: Option<[f64; 2]>,
}

impl Change {
    fn values(self) -> impl Iterator<Item = f64> {
        [self.percent].into_iter().chain(self.bounds.into_iter().flatten())
    }

    /// `+10.4%, between +8.5% and +12.3%`
    fn said(self) -> String {
        let bounds = self.bounds.map(|bounds| bounds.map(words::percent));
        let bounds = bounds.map(|[lower, upper]| format!(", between {lower} and {upper}"));
        words::percent(self.percent) + &bounds.unwrap_or_default()
    }
}

/// A round value of an axis in per cent: `-5%`, `0`, `+2.5%`.
fn tick(percent: f64) -> String {
    let sign = if percent > 0.0 { "+" } else { "" };
    match percent {
        0.0 => "0".to_owned(),
        _ => format!("{sign}{}%", words::latency(percent)),
    }
}

/// The lowest and the highest of the values that are finite.
fn span(values: impl IntoIterator<Item = f64>) -> Option<[f64; 2]> {
    let finite = values.into_iter().filter(|value| value.is_finite());
    finite.fold(None, |span, value| {
        let [low, high] = span.unwrap_or([value; 2]);
        Some([value.min(low), value.max(high)])
    })
}

/// The grid and the axis below it, from faster to slower.
fn draw_axis(
    svg: &mut Svg,
    scale: &Scale,
    [top, bottom]: [f64; 2],
    name: &str,
    label: fn(f64) -> String,
) {
    let [start, end] = scale.range;
    for value in scale.ticks(9.0) {
        let x = scale.at(value);
        svg.vertical(x, [top, bottom], GRID);
        svg.text((x, bottom + 18.0), SOFT.middle(), &label(value));
    }
    svg.horizontal([start, end], bottom, RULE);
    let y = bottom + 40.0;
    svg.text((start, y), SOFT, "← faster");
    svg.text((f64::midpoint(start, end), y), SOFT.middle(), name);
    svg.text((end, y), SOFT.end(), "slower →");
}
