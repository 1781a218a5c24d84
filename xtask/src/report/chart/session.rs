//! A comparison: the change of P99 against the margin, to scale.

use crate::report::chart::scale::Scale;
use crate::report::chart::svg::{Font, Ink, LIMIT, PAD, Paint, RULE, SMALL, SOFT, Svg, ZERO};
use crate::report::chart::{Change, draw_axis, span, tick};
use crate::report::words;

/// A comparison as it is drawn.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// The verdict.
    pub title: String,
    /// Below the title, for example the commits, the machine and the date: a line each.
    pub subtitle: Vec<String>,
    /// The change of P99; without bounds where it is that of single runs.
    pub p99: Option<Change>,
    /// The smallest slow-down that matters, in per cent.
    pub margin: f64,
    /// Each duet's own change of P99 in per cent, in the order of time.
    pub duets: Vec<f64>,
    /// P50, P95 and P99.
    pub latencies: Vec<Row>,
    /// P99 by operation.
    pub operations: Vec<Row>,
}

/// A line of a table.
#[derive(Debug, Clone)]
pub struct Row {
    pub name: String,
    /// Milliseconds before and after.
    pub ms: [f64; 2],
    pub change: Option<Change>,
}

const WIDTH: f64 = 760.0;
/// The ends of the axis.
const PLOT: [f64; 2] = [152.0, 648.0];
/// The ends of the small axis beside the tables.
const SMALL_PLOT: [f64; 2] = [580.0, WIDTH - PAD];
/// The baseline of the text in a row, below the row's middle.
const BASELINE: f64 = 4.5;
/// The right ends of the columns of a table.
const COLUMNS: [f64; 4] = [262.0, 332.0, 412.0, 554.0];
/// The room for the name of a row.
const NAME: f64 = 150.0;
/// The height of a row of a table.
const ROW: f64 = 24.0;
/// The text of a table.
const CELL: Font = Font::new(13.0, Ink::TEXT);
/// All duets together are not higher than this.
const DUETS_HEIGHT: f64 = 360.0;

/// The picture.
pub fn draw(session: &Session) -> String {
    let mut svg = Svg::new(WIDTH);
    let mut y = svg.heading(&session.title, &session.subtitle) + 48.0;
    if let Some(change) = session.p99 {
        y = draw_change(&mut svg, session, change, y) + 28.0;
    }
    let rows = session.latencies.iter().chain(&session.operations);
    let changes: Vec<Change> = rows.filter_map(|row| row.change).collect();
    let scale = scale(&changes, &[], session.margin, SMALL_PLOT);
    for (name, rows) in
        [("latency, ms", &session.latencies), ("P99 by operation, ms", &session.operations)]
    {
        if !rows.is_empty() {
            y = draw_table(&mut svg, (name, rows), session.margin, &scale, y) + 28.0;
        }
    }
    svg.finish(y - 28.0 + PAD, &session.title, &description(session))
}

/// An axis that shows each interval and the margin whole. A duet that is far outside may be off it.
fn scale(changes: &[Change], duets: &[f64], margin: f64, range: [f64; 2]) -> Scale {
    let values = changes.iter().flat_map(|change| change.values());
    let [low, high] = span(values.chain([0.0, -margin, margin])).unwrap_or_default();
    let far = (high - low) * 2.0;
    let near = duets.iter().map(|duet| duet.clamp(low - far, high + far));
    let [low, high] = span(near.chain([low, high])).unwrap_or_default();
    let space = (high - low) * 0.14;
    Scale::linear([low - space, high + space], range)
}

/// The interval, the duets and their axis; gives the `y` below.
fn draw_change(svg: &mut Svg, session: &Session, change: Change, top: f64) -> f64 {
    let scale = scale(&[change], &session.duets, session.margin, PLOT);
    let duets = session.duets.len() as f64;
    let row = (DUETS_HEIGHT / duets.max(1.0)).min(22.0);
    let first = top + 62.0;
    let bottom = match session.duets.is_empty() {
        true => top + 50.0,
        false => first + row * (duets - 0.5) + 12.0,
    };

    draw_axis(svg, &scale, [top, bottom], "change of P99", tick);
    let [zero, margin] = [0.0, session.margin].map(|value| scale.at(value));
    svg.vertical(zero, [top - 14.0, bottom], ZERO);
    svg.vertical(margin, [top - 14.0, bottom], LIMIT);
    let named = format!("margin {}", tick(session.margin));
    svg.text((zero - 6.0, top - 5.0), SMALL.end(), "no change");
    svg.text((margin + 6.0, top - 5.0), SMALL, &named);

    let right = WIDTH - PAD;
    let y = top + 25.0;
    let (font, said) = (CELL.bold(), words::percent(change.percent));
    svg.text((PAD, y + BASELINE), font, "P99");
    svg.text((right, y + BASELINE), font.end(), &said);
    draw_interval(svg, change, &scale, y, 1.0);
    if let Some(bounds) = change.bounds {
        let [low, high] = bounds.map(|bound| scale.at(bound));
        let [lower, upper] = bounds.map(words::percent);
        svg.text((low - 8.0, y + BASELINE), SMALL.end(), &lower);
        svg.text((high + 8.0, y + BASELINE), SMALL, &upper);
    }

    let each = if row < 15.0 { 2 } else { 1 } * if row < 7.5 { 5 } else { 1 };
    let radius = (row * 0.4).clamp(1.0, 4.5);
    for (number, duet) in session.duets.iter().enumerate() {
        let (x, y) = (scale.at(*duet), first + number as f64 * row);
        svg.horizontal([zero, x], y, RULE);
        svg.circle((x, y), radius, Paint::fill(Ink::OURS));
        if number % each == 0 {
            let name = format!("duet {}", number + 1);
            svg.text((PAD, y + BASELINE), SOFT, &name);
            svg.text((right, y + BASELINE), SMALL.end(), &words::percent(*duet));
        }
    }
    bottom + 40.0
}

/// A change at `y`: a bar with ends from bound to bound, a ring at the estimate.
fn draw_interval(svg: &mut Svg, change: Change, scale: &Scale, y: f64, size: f64) {
    if let Some(bounds) = change.bounds {
        let ends = bounds.map(|bound| scale.at(bound));
        svg.horizontal(ends, y, Paint::stroke(Ink::OURS, 6.0 * size));
        let thin = Paint::stroke(Ink::OURS, 2.0 * size);
        svg.whisker(ends, y, 9.0 * size, thin);
    }
    let ring = Paint::stroke(Ink::OURS, 3.0 * size).filled(Ink::PAGE);
    svg.circle((scale.at(change.percent), y), 6.5 * size, ring);
}

/// A table with each change drawn beside it; gives the last baseline.
fn draw_table(
    svg: &mut Svg,
    (name, rows): (&str, &[Row]),
    margin: f64,
    scale: &Scale,
    top: f64,
) -> f64 {
    let bounds = rows.iter().filter_map(|row| row.change?.bounds);
    let interval = if bounds.count() > 0 { "between" } else { "" };
    svg.text((PAD, top + 12.0), SOFT.bold(), name);
    for (x, column) in COLUMNS.into_iter().zip(["before", "after", "change", interval]) {
        svg.text((x, top + 12.0), SOFT.end(), column);
    }
    svg.horizontal([PAD, WIDTH - PAD], top + 20.0, RULE);
    let ends = [top + 21.0, top + 21.0 + ROW * rows.len() as f64];
    svg.vertical(scale.at(0.0), ends, ZERO);
    svg.vertical(scale.at(margin), ends, LIMIT);
    let mut y = top + 14.0;
    for row in rows {
        y += ROW;
        svg.text((PAD, y), CELL, &CELL.fitted(&row.name, NAME));
        let [before, after] = row.ms.map(|ms| words::figure(ms, 3));
        let [change, bounds] = row.change.map_or_else(Default::default, |change| {
            let bounds = change.bounds.map(|bounds| bounds.map(words::percent).join(" to "));
            [words::percent(change.percent), bounds.unwrap_or_default()]
        });
        for (x, value) in COLUMNS.into_iter().zip([before, after, change, bounds]) {
            svg.text((x, y), CELL.end(), &value);
        }
        if let Some(change) = row.change {
            draw_interval(svg, change, scale, y - BASELINE, 0.6);
        }
    }
    y
}

fn description(session: &Session) -> String {
    let mut said = Vec::new();
    if let Some(change) = session.p99 {
        let margin = tick(session.margin);
        said.push(format!("P99 changed by {}; the margin is {margin}.", change.said()));
    }
    if !session.duets.is_empty() {
        let duets: Vec<String> = session.duets.iter().map(|duet| words::percent(*duet)).collect();
        said.push(format!("The duets: {}.", duets.join(", ")));
    }
    said.extend(session.latencies.iter().chain(&session.operations).map(|row| {
        let [before, after] = row.ms.map(|ms| words::figure(ms, 3));
        let change = row.change.map(|change| format!(", {}", change.said()));
        let change = change.unwrap_or_default();
        format!("{}: {before} ms before, {after} ms after{change}.", row.name)
    }));
    said.join(" ")
}
