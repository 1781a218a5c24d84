//! Ours against the competitors', scenario by scenario, on a logarithmic axis of P99.

use crate::judge::review::Line;
use crate::judge::verdict::Standing;
use crate::report::chart::scale::Scale;
use crate::report::chart::svg::{Font, GRID, Ink, LIMIT, PAD, Paint, SMALL, SOFT, Svg};
use crate::report::chart::{draw_axis, span};
use crate::report::words;

const WIDTH: f64 = 900.0;
const PLOT: [f64; 2] = [256.0, 676.0];
const ROW: f64 = 76.0;
/// The space between the axis and the text on either side.
const GAP: f64 = 20.0;

/// The picture; `subtitle` has a line each.
pub fn draw(title: &str, subtitle: &[String], lines: &[Line]) -> String {
    let mut svg = Svg::new(WIDTH);
    let legend = svg.heading(title, subtitle) + 34.0;
    draw_legend(&mut svg, legend);

    let values = lines.iter().flat_map(|line| {
        let ours = line.ours.map(|ours| [ours.low_ms, ours.high_ms]);
        ours.into_iter().chain(theirs(line)).flatten()
    });
    let [low, high] = span(values.filter(|ms| *ms > 0.0)).unwrap_or([1.0, 10.0]);
    let scale = Scale::logarithmic([low / 1.3, high * 1.3], PLOT);
    let top = legend + 28.0;
    let bottom = top + ROW * lines.len() as f64;
    draw_axis(&mut svg, &scale, [top, bottom], "P99 in ms, logarithmic", words::latency);
    for (number, line) in lines.iter().enumerate() {
        let y = top + ROW * number as f64;
        draw_line(&mut svg, line, &scale, y + ROW / 2.0);
        svg.horizontal([PAD, WIDTH - PAD], y, GRID);
    }
    let said: Vec<String> = lines.iter().map(description).collect();
    svg.finish(bottom + 40.0 + PAD, title, &said.join(" "))
}

fn theirs(line: &Line) -> Option<[f64; 2]> {
    line.competitor.as_ref().map(|its| its.p99_ms)
}

fn competitor(line: &Line) -> &str {
    line.competitor.as_ref().map_or("no competitor", |its| &its.name)
}

/// `58.9% faster`, `not judged: it crashed`
fn outcome(line: &Line) -> String {
    let speedup = line.speedup.map(words::speedup).unwrap_or_default();
    match &line.standing {
        Ok(Standing::Maintained) => speedup,
        Ok(standing) => format!("{speedup}, {standing}"),
        Err(why) => format!("not judged: {why}"),
    }
}

/// Ours with its number above, theirs with its number below, so that the two never cover each other.
fn draw_line(svg: &mut Svg, line: &Line, scale: &Scale, middle: f64) {
    let [start, end] = PLOT;
    let name = Font::new(13.0, Ink::TEXT).bold();
    let left = start - PAD - GAP;
    let against = SOFT.fitted(&format!("against {}", competitor(line)), left);
    svg.text((PAD, middle - 3.0), name, &name.fitted(&line.scenario, left));
    svg.text((PAD, middle + 15.0), SOFT, &against);
    let lines = SMALL.wrapped(&outcome(line), WIDTH - PAD - end - GAP, 4);
    let mut y = middle + 12.5 - 8.0 * lines.len() as f64;
    for said in lines {
        svg.text((end + GAP, y), SMALL, &said);
        y += 16.0;
    }
    if let Some(ends) = theirs(line) {
        let places @ [low, high] = ends.map(|ms| scale.at(ms));
        draw_theirs(svg, places, middle + 7.0);
        let below = (f64::midpoint(low, high), middle + 29.0);
        svg.text(below, SMALL.middle(), &range_of(ends));
    }
    if let Some(ours) = line.ours {
        let x = scale.at(ours.median_ms);
        draw_ours(svg, [ours.low_ms, ours.high_ms].map(|ms| scale.at(ms)), x, middle - 8.0);
        svg.text((x, middle - 20.0), SMALL.bold().middle(), &words::latency(ours.median_ms));
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
    let [low, high] = ends.map(words::latency);
    if low == high { low } else { format!("{low} to {high}") }
}

fn description(line: &Line) -> String {
    let ours = line.ours.map_or("not measured".to_owned(), |ours| {
        format!(
            "{} ms ({} ms)",
            words::latency(ours.median_ms),
            range_of([ours.low_ms, ours.high_ms])
        )
    });
    let theirs = theirs(line).map_or("unknown".to_owned(), |ends| range_of(ends) + " ms");
    let (scenario, competitor, outcome) = (&line.scenario, competitor(line), outcome(line));
    format!("{scenario}: ours {ours}, {competitor} {theirs}: {outcome}.")
}
