//! A comparison: the change of P99 against the margin, to scale.

use crate::report::chart::scale::Scale;
use crate::report::chart::svg::{Font, Ink, PAD, Paint, Svg};
use crate::report::chart::{Change, tick};
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
/// All duets together are not higher than this.
const DUETS_HEIGHT: f64 = 360.0;

/// The picture.
pub fn draw(session: &Session) -> String {
    let mut svg = Svg::new(WIDTH);
    let mut y = svg.heading(&session.title, &session.subtitle) + 48.0;
    if session.p99.is_some() {
        y = draw_change(&mut svg, session, y) + 28.0;
    }
    let rows = session.latencies.iter().chain(&session.operations);
    let changes: Vec<Change> = rows.filter_map(|row| row.change).collect();
    let scale = scale(&changes, &[], session.margin, SMALL_PLOT);
    for (name, rows) in [
        ("latency, ms", &session.latencies),
        ("P99 by operation, ms", &session.operations),
    ] {
        if !rows.is_empty() {
            y = draw_table(&mut svg, (name, rows), session.margin, &scale, y) + 28.0;
        }
    }
    svg.finish(y - 28.0 + PAD, &session.title, &description(session))
}

/// An axis that shows each interval and the margin whole. A duet that is far outside may be off it.
fn scale(changes: &[Change], duets: &[f64], margin: f64, range: [f64; 2]) -> Scale {
    let ends = |values: &mut dyn Iterator<Item = f64>| {
        let start = [0.0_f64, 0.0];
        values.fold(start, |[low, high], value| {
            [low.min(value), high.max(value)]
        })
    };
    let changes = changes.iter().flat_map(|change| change.values());
    let [low, high] = ends(&mut changes.chain([-margin, margin]));
    let far = (high - low) * 2.0;
    let within = duets.iter().map(|duet| duet.clamp(low - far, high + far));
    let [low, high] = ends(&mut within.chain([low, high]));
    let space = (high - low) * 0.14;
    Scale::linear([low - space, high + space], range)
}

/// The interval, the duets and their axis; gives the `y` below.
fn draw_change(svg: &mut Svg, session: &Session, top: f64) -> f64 {
    let (small, soft) = (Font::new(12.0, Ink::Text), Font::new(12.0, Ink::Soft));
    let changes: Vec<Change> = session.p99.into_iter().collect();
    let scale = scale(&changes, &session.duets, session.margin, PLOT);
    let count = u32::try_from(session.duets.len()).map_or(f64::MAX, f64::from);
    let height = (DUETS_HEIGHT / count.max(1.0)).min(22.0);
    let first = top + 62.0;
    let bottom = match session.duets.is_empty() {
        true => top + 50.0,
        false => first + height * (count - 0.5) + 12.0,
    };

    for value in scale.ticks(7.0) {
        let x = scale.at(value);
        svg.line((x, top), (x, bottom), Paint::stroke(Ink::Grid, 1.0));
        svg.text((x, bottom + 18.0), soft.middle(), &tick(value));
    }
    let (zero, margin) = (scale.at(0.0), scale.at(session.margin));
    svg.line(
        (zero, top - 12.0),
        (zero, bottom),
        Paint::stroke(Ink::Text, 1.5),
    );
    svg.line(
        (margin, top - 12.0),
        (margin, bottom),
        Paint::stroke(Ink::Theirs, 2.0).dashed(),
    );
    svg.text((zero - 6.0, top - 4.0), small.end(), "no change");
    let named = format!("margin {}", tick(session.margin));
    svg.text((margin + 6.0, top - 4.0), small, &named);
    let [start, end] = PLOT;
    svg.line(
        (start, bottom),
        (end, bottom),
        Paint::stroke(Ink::Soft, 1.0),
    );
    svg.text((start, bottom + 40.0), soft, "← faster");
    svg.text(
        ((start + end) / 2.0, bottom + 40.0),
        soft.middle(),
        "change of P99",
    );
    svg.text((end, bottom + 40.0), soft.end(), "slower →");

    for change in changes {
        let y = top + 25.0;
        svg.text(
            (PAD, y + BASELINE),
            Font::new(13.0, Ink::Text).bold(),
            "P99",
        );
        let value = Font::new(13.0, Ink::Text).bold().end();
        svg.text(
            (WIDTH - PAD, y + BASELINE),
            value,
            &words::percent(change.percent),
        );
        draw_interval(svg, change, &scale, y, 1.0);
        for (bound, font, aside) in change
            .bounds
            .into_iter()
            .flat_map(|[lower, upper]| [(lower, small.end(), -8.0), (upper, small, 8.0)])
        {
            let place = (scale.at(bound) + aside, y + BASELINE);
            svg.text(place, font, &words::percent(bound));
        }
    }

    let each = (15.0 / height).ceil();
    let radius = (height * 0.4).clamp(1.0, 4.5);
    let mut number = 0.0;
    let mut y = first;
    for duet in &session.duets {
        let x = scale.at(*duet);
        svg.line((zero, y), (x, y), Paint::stroke(Ink::Soft, 1.0));
        match scale.beyond(*duet) {
            0.0 => svg.circle((x, y), radius, Paint::fill(Ink::Ours)),
            side => svg.triangle((x, y), (side, 0.0), radius, Paint::fill(Ink::Ours)),
        }
        if number % each == 0.0 {
            svg.text((PAD, y + BASELINE), soft, &format!("duet {}", number + 1.0));
            svg.text(
                (WIDTH - PAD, y + BASELINE),
                small.end(),
                &words::percent(*duet),
            );
        }
        number += 1.0;
        y += height;
    }
    bottom + 40.0
}

/// A change at `y`: a bar with ends from bound to bound, a ring at the estimate.
fn draw_interval(svg: &mut Svg, change: Change, scale: &Scale, y: f64, size: f64) {
    if let Some([lower, upper]) = change
        .bounds
        .map(|bounds| bounds.map(|bound| scale.at(bound)))
    {
        let half = 3.0 * size;
        svg.rect((lower, y - half), (upper, y + half), Paint::fill(Ink::Ours));
        for x in [lower, upper] {
            let paint = Paint::stroke(Ink::Ours, 2.0 * size);
            svg.line((x, y - 3.0 * half), (x, y + 3.0 * half), paint);
        }
    }
    let ring = Paint::stroke(Ink::Ours, 3.0 * size).filled(Ink::Page);
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
    const ROW: f64 = 24.0;
    const ENDS: [f64; 4] = [262.0, 332.0, 412.0, 554.0];
    let (head, cell) = (Font::new(12.0, Ink::Soft), Font::new(13.0, Ink::Text));
    let has_bounds = rows
        .iter()
        .any(|row| row.change.is_some_and(|change| change.bounds.is_some()));
    let interval = if has_bounds { "between" } else { "" };
    svg.text((PAD, top + 12.0), head.bold(), name);
    for (x, column) in ENDS
        .into_iter()
        .zip(["before", "after", "change", interval])
    {
        svg.text((x, top + 12.0), head.end(), column);
    }
    let under = top + 20.0;
    svg.line(
        (PAD, under),
        (WIDTH - PAD, under),
        Paint::stroke(Ink::Soft, 1.0),
    );
    let mut y = under - 6.0;
    for row in rows {
        y += ROW;
        let middle = y - BASELINE;
        svg.text((PAD, y), cell, &cell.fitted(&row.name, 150.0));
        let [before, after] = row.ms.map(|ms| words::figure(ms, 3));
        let [change, bounds] = row.change.map_or_else(Default::default, |change| {
            let bounds = change
                .bounds
                .map(|bounds| bounds.map(words::percent).join(" to "));
            [words::percent(change.percent), bounds.unwrap_or_default()]
        });
        for (x, value) in ENDS.into_iter().zip([before, after, change, bounds]) {
            svg.text((x, y), cell.end(), &value);
        }
        for (value, paint) in [
            (0.0, Paint::stroke(Ink::Text, 1.0)),
            (margin, Paint::stroke(Ink::Theirs, 1.5).dashed()),
        ] {
            let x = scale.at(value);
            svg.line((x, middle - ROW / 2.0), (x, middle + ROW / 2.0), paint);
        }
        if let Some(change) = row.change {
            draw_interval(svg, change, scale, middle, 0.6);
        }
    }
    y
}

fn description(session: &Session) -> String {
    let mut said = Vec::new();
    if let Some(change) = session.p99 {
        let margin = tick(session.margin);
        said.push(format!(
            "P99 changed by {}; the margin is {margin}.",
            change.said()
        ));
    }
    if !session.duets.is_empty() {
        let duets: Vec<String> = session
            .duets
            .iter()
            .map(|duet| words::percent(*duet))
            .collect();
        said.push(format!("The duets: {}.", duets.join(", ")));
    }
    said.extend(
        session
            .latencies
            .iter()
            .chain(&session.operations)
            .map(|row| {
                let [before, after] = row.ms.map(|ms| words::figure(ms, 3));
                let change = row.change.map(|change| format!(", {}", change.said()));
                let change = change.unwrap_or_default();
                format!(
                    "{}: {before} ms before, {after} ms after{change}.",
                    row.name
                )
            }),
    );
    said.join(" ")
}
