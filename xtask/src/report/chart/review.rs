//! Ours against the competitors', scenario by scenario, on a logarithmic axis of P99.

use crate::report::chart::scale::Scale;
use crate::report::chart::svg::{Font, GRID, Ink, LIMIT, PAD, Paint, SMALL, SOFT, Svg};
use crate::report::chart::{count, draw_axis, short, span};

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

const WIDTH: f64 = 900.0;
const PLOT: [f64; 2] = [256.0, 676.0];
const ROW: f64 = 76.0;
/// The space between the axis and the text on either side.
const GAP: f64 = 20.0;

/// The picture.
pub fn draw(review: &Review) -> String {
    let mut svg = Svg::new(WIDTH);
    let legend = svg.heading(&review.title, &review.subtitle) + 34.0;
    draw_legend(&mut svg, legend);

    let values = review.rows.iter().flat_map(|row| {
        let ours = row.ours.map(|ours| [ours.spread, [ours.median; 2]]);
        ours.into_iter().flatten().chain(row.theirs).flatten()
    });
    let [low, high] = span(values.filter(|ms| *ms > 0.0)).unwrap_or([1.0, 10.0]);
    let scale = Scale::logarithmic([low / 1.3, high * 1.3], PLOT);
    let top = legend + 28.0;
    let bottom = top + ROW * count(review.rows.len());
    draw_axis(&mut svg, &scale, [top, bottom], "P99 in ms, logarithmic", short);
    for (number, row) in review.rows.iter().enumerate() {
        let y = top + ROW * count(number);
        draw_row(&mut svg, row, &scale, y + ROW / 2.0);
        svg.horizontal([PAD, WIDTH - PAD], y, GRID);
    }
    svg.finish(bottom + 40.0 + PAD, &review.title, &description(review))
}

/// Ours with its number above, theirs with its number below, so that the two never cover each other.
fn draw_row(svg: &mut Svg, row: &Row, scale: &Scale, middle: f64) {
    let [start, end] = PLOT;
    let name = Font::new(13.0, Ink::TEXT).bold();
    let left = start - PAD - GAP;
    let against = SOFT.fitted(&format!("against {}", row.competitor), left);
    svg.text((PAD, middle - 3.0), name, &name.fitted(&row.scenario, left));
    svg.text((PAD, middle + 15.0), SOFT, &against);
    let lines = SMALL.wrapped(&row.outcome, WIDTH - PAD - end - GAP, 4);
    let mut y = middle + 12.5 - 8.0 * count(lines.len());
    for line in lines {
        svg.text((end + GAP, y), SMALL, &line);
        y += 16.0;
    }
    if let Some(ends) = row.theirs {
        let places = ends.map(|ms| scale.at(ms));
        let [low, high] = places;
        let below = (f64::midpoint(low, high), middle + 29.0);
        draw_theirs(svg, places, middle + 7.0);
        svg.text(below, SMALL.middle(), &range_of(ends));
    }
    if let Some(ours) = row.ours {
        let x = scale.at(ours.median);
        draw_ours(svg, ours.spread.map(|ms| scale.at(ms)), x, middle - 8.0);
        svg.text((x, middle - 20.0), SMALL.bold().middle(), &short(ours.median));
    }
}

fn draw_ours(svg: &mut Svg, ends: [f64; 2], median: f64, y: f64) {
    svg.whisker(ends, y, 6.0, Paint::stroke(Ink::OURS, 2.0));
    svg.circle((median, y), 5.0, Paint::fill(Ink::OURS));
}

fn draw_theirs(svg: &mut Svg, ends: [f64; 2], y: f64) {
    svg.horizontal(ends, y, LIMIT);
    for x in ends {
        let paint = Paint::stroke(Ink::THEIRS, 2.0).filled(Ink::PAGE);
        svg.diamond((x, y), 6.5, paint);
    }
}

fn draw_legend(svg: &mut Svg, y: f64) {
    draw_ours(svg, [PAD, PAD + 28.0], PAD + 14.0, y - 4.0);
    svg.text((PAD + 38.0, y), SOFT, "ours: median, lowest and highest run");
    draw_theirs(svg, [PAD + 316.0, PAD + 344.0], y - 4.0);
    let theirs = "the competitor's, as published: one value or a range";
    svg.text((PAD + 360.0, y), SOFT, theirs);
}

/// `27.96`, `22 to 24`
fn range_of(ends: [f64; 2]) -> String {
    let [low, high] = ends.map(short);
    if low == high { low } else { format!("{low} to {high}") }
}

fn description(review: &Review) -> String {
    let said = review.rows.iter().map(|row| {
        let ours = row.ours.map_or("not measured".to_owned(), |ours| {
            format!("{} ms ({} ms)", short(ours.median), range_of(ours.spread))
        });
        let theirs = row.theirs.map_or("unknown".to_owned(), |ends| range_of(ends) + " ms");
        let Row { scenario, competitor, outcome, .. } = row;
        format!("{scenario}: ours {ours}, {competitor} {theirs}: {outcome}.")
    });
    said.collect::<Vec<_>>().join(" ")
}
