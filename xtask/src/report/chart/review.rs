//! Ours against the competitors', scenario by scenario, on a logarithmic axis of P99.

use crate::report::chart::scale::Scale;
use crate::report::chart::short;
use crate::report::chart::svg::{Font, Ink, PAD, Paint, Svg};

/// A competitive review as it is drawn.
#[derive(Debug, Clone, Default)]
pub struct Review {
    pub title: String,
    /// Below the title: a line each.
    pub subtitle: Vec<String>,
    pub rows: Vec<Row>,
}

/// One scenario.
#[derive(Debug, Clone, Default)]
pub struct Row {
    pub scenario: String,
    pub competitor: String,
    /// Our P99 in milliseconds, where it could be measured.
    pub ours: Option<Ours>,
    /// The competitor's P99 in milliseconds, where it is published: the ends of its range, or one value twice.
    pub theirs: Option<[f64; 2]>,
    /// What it comes to: `58.9% faster`, `not measured: needs 40 GB`.
    pub outcome: String,
}

/// The runs of one scenario.
#[derive(Debug, Clone, Copy)]
pub struct Ours {
    pub median: f64,
    /// The lowest and the highest run.
    pub spread: [f64; 2],
}

const WIDTH: f64 = 860.0;
const PLOT: [f64; 2] = [230.0, 678.0];
const ROW: f64 = 66.0;

/// The picture.
pub fn draw(review: &Review) -> String {
    let (small, soft) = (Font::new(12.0, Ink::Text), Font::new(12.0, Ink::Soft));
    let mut svg = Svg::new(WIDTH);
    let mut y = svg.heading(&review.title, &review.subtitle) + 34.0;
    draw_legend(&mut svg, y);
    y += 28.0;

    let values = review.rows.iter().flat_map(|row| {
        let ours = row
            .ours
            .into_iter()
            .flat_map(|ours| [ours.spread, [ours.median; 2]]);
        ours.chain(row.theirs).flatten()
    });
    let usable = values.filter(|ms| ms.is_finite() && *ms > 0.0);
    let ends = usable.fold(None, |ends: Option<[f64; 2]>, ms| {
        let [low, high] = ends.unwrap_or([ms, ms]);
        Some([low.min(ms), high.max(ms)])
    });
    let [low, high] = ends.unwrap_or([1.0, 10.0]);
    let scale = Scale::logarithmic([low / 1.3, high * 1.3], PLOT);
    let [start, end] = PLOT;
    let bottom = review.rows.iter().fold(y, |y, _| y + ROW);
    for value in scale.ticks(9.0) {
        let x = scale.at(value);
        svg.line((x, y), (x, bottom), Paint::stroke(Ink::Grid, 1.0));
        svg.text((x, bottom + 18.0), soft.middle(), &short(value));
    }
    svg.line(
        (start, bottom),
        (end, bottom),
        Paint::stroke(Ink::Soft, 1.0),
    );
    svg.text((start, bottom + 40.0), soft, "← faster");
    let axis = "P99 in ms, logarithmic";
    svg.text(((start + end) / 2.0, bottom + 40.0), soft.middle(), axis);
    svg.text((end, bottom + 40.0), soft.end(), "slower →");

    for row in &review.rows {
        let middle = y + ROW / 2.0;
        let name = Font::new(13.0, Ink::Text).bold();
        let left = start - PAD - 16.0;
        svg.text((PAD, middle - 3.0), name, &name.fitted(&row.scenario, left));
        let against = format!("against {}", row.competitor);
        svg.text((PAD, middle + 15.0), soft, &soft.fitted(&against, left));
        let lines = small.wrapped(&row.outcome, WIDTH - PAD - end - 16.0, 2);
        let above = if lines.len() > 1 { 3.5 } else { -4.5 };
        for (line, down) in lines.iter().zip([-above, 16.0 - above]) {
            svg.text((end + 16.0, middle + down), small, line);
        }
        draw_row(&mut svg, row, &scale, middle);
        y += ROW;
        svg.line((PAD, y), (WIDTH - PAD, y), Paint::stroke(Ink::Grid, 1.0));
    }
    svg.finish(bottom + 40.0 + PAD, &review.title, &description(review))
}

/// Ours with its number above, theirs with its number below, so that the two never cover each other.
fn draw_row(svg: &mut Svg, row: &Row, scale: &Scale, middle: f64) {
    let font = Font::new(12.0, Ink::Text).middle();
    if let Some([low, high]) = row.theirs {
        let y = middle + 6.0;
        draw_theirs(svg, [scale.at(low), scale.at(high)], y);
        let x = f64::midpoint(scale.at(low), scale.at(high));
        svg.text((x, y + 22.0), font, &range_of([low, high]));
    }
    if let Some(ours) = row.ours {
        let y = middle - 7.0;
        let [low, high] = ours.spread.map(|ms| scale.at(ms));
        let x = scale.at(ours.median);
        draw_ours(svg, [low, x, high], y);
        svg.text((x, y - 12.0), font.bold(), &short(ours.median));
    }
}

fn draw_ours(svg: &mut Svg, [low, median, high]: [f64; 3], y: f64) {
    let paint = Paint::stroke(Ink::Ours, 2.0);
    svg.line((low, y), (high, y), paint);
    for x in [low, high] {
        svg.line((x, y - 6.0), (x, y + 6.0), paint);
    }
    svg.circle((median, y), 5.0, Paint::fill(Ink::Ours));
}

fn draw_theirs(svg: &mut Svg, ends: [f64; 2], y: f64) {
    let [low, high] = ends;
    svg.line(
        (low, y),
        (high, y),
        Paint::stroke(Ink::Theirs, 2.0).dashed(),
    );
    for x in ends {
        let paint = Paint::stroke(Ink::Theirs, 2.0).filled(Ink::Page);
        svg.diamond((x, y), 6.5, paint);
    }
}

fn draw_legend(svg: &mut Svg, y: f64) {
    let font = Font::new(12.0, Ink::Soft);
    draw_ours(svg, [PAD, PAD + 14.0, PAD + 28.0], y - 4.0);
    svg.text(
        (PAD + 38.0, y),
        font,
        "ours: median, lowest and highest run",
    );
    draw_theirs(svg, [PAD + 316.0, PAD + 344.0], y - 4.0);
    let theirs = "the competitor's, as published: one value or a range";
    svg.text((PAD + 360.0, y), font, theirs);
}

/// `27.96`, `22 to 24`
fn range_of(ends: [f64; 2]) -> String {
    let [low, high] = ends.map(short);
    if low == high {
        low
    } else {
        format!("{low} to {high}")
    }
}

fn description(review: &Review) -> String {
    let said = review.rows.iter().map(|row| {
        let ours = row.ours.map_or("not measured".to_owned(), |ours| {
            format!("{} ms ({} ms)", short(ours.median), range_of(ours.spread))
        });
        let theirs = row
            .theirs
            .map_or("unknown".to_owned(), |ends| range_of(ends) + " ms");
        let Row {
            scenario,
            competitor,
            outcome,
            ..
        } = row;
        format!("{scenario}: ours {ours}, {competitor} {theirs}: {outcome}.")
    });
    said.collect::<Vec<_>>().join(" ")
}
