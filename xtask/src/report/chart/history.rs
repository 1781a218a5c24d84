//! P99 over time, in per cent of each series' first run: runs that are not comparable are never joined.

use crate::model::names::Phase;
use crate::report::chart::scale::Scale;
use crate::report::chart::svg::{Font, Ink, PAD, Paint, Svg, Xy};
use crate::report::chart::{short, tick};
use crate::stats::numbers::median;

/// The recorded runs as they are drawn.
#[derive(Debug, Clone, Default)]
pub struct History {
    pub title: String,
    /// Below the title: a line each.
    pub subtitle: Vec<String>,
    /// The band around the first run of a series that no run should leave, in per cent.
    pub band: f64,
    /// How far equal servers differ on the machine, in per cent, where it is known.
    pub noise: Option<f64>,
    /// In the order of time.
    pub series: Vec<Series>,
}

/// Comparable runs.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// What makes it comparable: the machine, the scenario and the duration.
    pub name: String,
    /// What it comes to: `+7.3% since the first run, beyond the noise`.
    pub outcome: String,
    /// In the order of time; the first is the one that the others are compared with.
    pub points: Vec<Point>,
}

/// One side of a task.
#[derive(Debug, Clone)]
pub struct Point {
    pub task: String,
    pub phase: Phase,
    /// In milliseconds.
    pub p99_ms: f64,
    /// The bounds of a session's interval, in milliseconds.
    pub bounds_ms: Option<[f64; 2]>,
    /// Stands after a step that no task is blamed for.
    pub after_step: bool,
}

/// Neighbours that are drawn as one mark, in per cent of the series' first run.
struct Mark {
    x: f64,
    percent: f64,
    /// The lowest and the highest of several points, or the bounds of a session.
    bounds: Option<[f64; 2]>,
    phase: Option<Phase>,
    after_step: bool,
}

const WIDTH: f64 = 960.0;
const PLOT: [f64; 2] = [84.0, 872.0];
const HEIGHT: f64 = 300.0;
/// Points are not farther apart, so that two are not at the two ends of the picture.
const WIDEST: f64 = 72.0;
/// Points that are nearer are drawn as one mark.
const NARROWEST: f64 = 3.0;
/// The space between two series, in points and in pixels at least.
const GAP: f64 = 1.0;
/// More series are not distinguishable: the latest are drawn.
const MOST_SERIES: usize = 40;
/// More are not listed below the picture.
const MOST_LISTED: usize = 8;

/// The picture.
pub fn draw(history: &History) -> String {
    let left_out = history.series.len().saturating_sub(MOST_SERIES);
    let series: Vec<&Series> = history.series.iter().skip(left_out).collect();
    let (small, soft) = (Font::new(12.0, Ink::Text), Font::new(12.0, Ink::Soft));
    let mut svg = Svg::new(WIDTH);
    let top = svg.heading(&history.title, &history.subtitle) + 66.0;
    let bottom = top + HEIGHT;
    draw_legend(&mut svg, top - 34.0);

    let laid_out = lay_out(&series);
    let scale = scale(history, &laid_out, [bottom, top]);
    let [start, end] = PLOT;
    for value in scale.ticks(7.0) {
        let y = scale.at(value);
        svg.line((start, y), (end, y), Paint::stroke(Ink::Grid, 1.0));
        svg.text((start - 10.0, y + 4.0), soft.end(), &tick(value));
    }
    let band_label = scale.at(history.band) + 4.0;
    svg.text(
        (end + 8.0, band_label),
        soft,
        &format!("±{} band", tick(history.band).replace('+', "")),
    );
    if let Some(noise) = history.noise {
        let y = (scale.at(-noise) + 4.0).max(band_label + 15.0);
        svg.text(
            (end + 8.0, y),
            soft,
            &format!("±{} noise", tick(noise).replace('+', "")),
        );
    }
    let mut labels = Vec::new();
    let mut numbers = Vec::new();
    for (number, (series, marks)) in series.iter().zip(&laid_out).enumerate() {
        let (Some(first), Some(last)) = (marks.first(), marks.last()) else {
            continue;
        };
        let ends = [first.x - 6.0, last.x + 6.0];
        draw_bands(&mut svg, history, &scale, ends);
        draw_marks(&mut svg, marks, &scale, [top, bottom]);
        numbers.push((
            f64::midpoint(first.x, last.x),
            format!("#{}", left_out + number + 1),
        ));
        labels.extend(tasks(series, ends));
    }
    svg.line(
        (start, bottom),
        (end, bottom),
        Paint::stroke(Ink::Soft, 1.0),
    );
    for (x, number) in apart(numbers, soft) {
        svg.text((x, top - 8.0), soft.bold().middle(), &number);
    }
    for (x, task) in apart(labels, small) {
        svg.text((x, bottom + 20.0), small.middle(), &task);
    }
    let axis = "tasks in the order of time; P99 against the first run of each series";
    svg.text(((start + end) / 2.0, bottom + 44.0), soft.middle(), axis);

    let mut y = bottom + 56.0;
    let unlisted = history.series.len().saturating_sub(MOST_LISTED);
    for (number, series) in history.series.iter().enumerate().skip(unlisted) {
        y += 20.0;
        let line = format!("#{}  {}", number + 1, described(series));
        svg.text((PAD, y), small, &small.fitted(&line, WIDTH - 2.0 * PAD));
    }
    if unlisted > 0 {
        y += 20.0;
        let drawn = match left_out {
            0 => String::new(),
            left_out => format!(", {left_out} of which are not drawn"),
        };
        svg.text(
            (PAD, y),
            soft,
            &format!("and {unlisted} earlier series{drawn}"),
        );
    }
    let description: Vec<String> = history
        .series
        .iter()
        .skip(unlisted)
        .map(described)
        .collect();
    svg.finish(y + PAD, &history.title, &description.join(". "))
}

/// The places of all points, from left to right, near ones as one mark.
fn lay_out(series: &[&Series]) -> Vec<Vec<Mark>> {
    let count = |count: usize| u32::try_from(count).map_or(f64::MAX, f64::from);
    let points: f64 = series.iter().map(|series| count(series.points.len())).sum();
    let gaps = count(series.len().saturating_sub(1));
    let [start, end] = PLOT;
    let room = end - start - 16.0 - gaps * 16.0;
    let step = (room / (points + gaps * GAP).max(1.0)).min(WIDEST);
    let together = (NARROWEST / step).ceil();
    let mut x = start + 8.0;
    let mut laid_out = Vec::new();
    for series in series {
        let first = series.points.first().map_or(1.0, |point| point.p99_ms);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small count"
        )]
        let chunks = series.points.chunks(together.max(1.0) as usize);
        let marks = chunks.map(|points| {
            let wide = count(points.len()) * step;
            x += wide;
            mark(points, x - wide / 2.0, |ms| (ms / first - 1.0) * 100.0)
        });
        laid_out.push(marks.collect());
        x += 16.0 + GAP * step;
    }
    laid_out
}

/// Sessions weigh more than single runs: where there are any, they are the mark.
fn mark(points: &[Point], x: f64, percent: impl Fn(f64) -> f64) -> Mark {
    let sessions = || points.iter().filter(|point| point.bounds_ms.is_some());
    let of_all = || median(points.iter().map(|point| point.p99_ms));
    let middle = median(sessions().map(|point| point.p99_ms)).or_else(of_all);
    let (bounds, phase) = match points {
        [point] => (point.bounds_ms, Some(point.phase)),
        _ => {
            let ends = points.iter().map(|point| point.p99_ms);
            let low = ends.clone().fold(f64::INFINITY, f64::min);
            (Some([low, ends.fold(f64::NEG_INFINITY, f64::max)]), None)
        }
    };
    Mark {
        x,
        percent: percent(middle.unwrap_or_default()),
        bounds: bounds.map(|bounds| bounds.map(percent)),
        phase,
        after_step: points.iter().any(|point| point.after_step),
    }
}

/// Shows the bands whole, and all marks but the farthest of very many, so that one stall does not flatten the rest.
fn scale(history: &History, laid_out: &[Vec<Mark>], range: [f64; 2]) -> Scale {
    let mut all: Vec<f64> = laid_out
        .iter()
        .flatten()
        .flat_map(|mark| {
            [mark.percent]
                .into_iter()
                .chain(mark.bounds.into_iter().flatten())
        })
        .filter(|percent| percent.is_finite())
        .collect();
    all.sort_by(f64::total_cmp);
    let cut = all.len() / 100;
    let least = history.band.max(history.noise.unwrap_or_default()) * 1.3;
    let low = all.get(cut).map_or(-least, |low| low.min(-least));
    let high = all
        .iter()
        .rev()
        .nth(cut)
        .map_or(least, |high| high.max(least));
    let space = (high - low) * 0.06;
    Scale::linear([low - space, high + space], range)
}

fn draw_bands(svg: &mut Svg, history: &History, scale: &Scale, [left, right]: [f64; 2]) {
    let ends = |percent: f64| [scale.at(percent), scale.at(-percent)];
    let [upper, lower] = ends(history.band);
    svg.rect((left, upper), (right, lower), Paint::fill(Ink::Band));
    if let Some(noise) = history.noise {
        let [upper, lower] = ends(noise);
        svg.rect((left, upper), (right, lower), Paint::hatched());
    }
    for y in [upper, lower] {
        svg.line(
            (left, y),
            (right, y),
            Paint::stroke(Ink::Theirs, 1.5).dashed(),
        );
    }
    let zero = scale.at(0.0);
    svg.line((left, zero), (right, zero), Paint::stroke(Ink::Soft, 1.0));
}

fn draw_marks(svg: &mut Svg, marks: &[Mark], scale: &Scale, [top, bottom]: [f64; 2]) {
    let place = |mark: &Mark| (mark.x, scale.at(mark.percent));
    svg.path(marks.iter().map(place), Paint::stroke(Ink::Ours, 1.2));
    let apart = marks.windows(2).find_map(|pair| match pair {
        [one, other] => Some(other.x - one.x),
        _ => None,
    });
    let size = (apart.unwrap_or(WIDEST) / WIDEST * 6.0).clamp(1.5, 4.5);
    let mut before = None;
    for mark in marks {
        if let Some([low, high]) = mark
            .bounds
            .map(|bounds| bounds.map(|bound| scale.at(bound)))
        {
            draw_whisker(svg, mark.x, [low, high], mark.phase.map_or(0.0, |_| size));
        }
        match (mark.phase, scale.beyond(mark.percent)) {
            (None, _) => {}
            (Some(phase), 0.0) => draw_run(svg, place(mark), size, phase),
            (_, side) => svg.triangle(place(mark), (0.0, -side), size, Paint::fill(Ink::Ours)),
        }
        if mark.after_step {
            draw_step(
                svg,
                f64::midpoint(before.unwrap_or(mark.x), mark.x),
                [top, bottom],
            );
        }
        before = Some(mark.x);
    }
}

fn draw_run(svg: &mut Svg, place: Xy, size: f64, phase: Phase) {
    let paint = match phase {
        Phase::Before => Paint::stroke(Ink::Ours, 1.8).filled(Ink::Page),
        Phase::After => Paint::stroke(Ink::Ours, 1.8).filled(Ink::Ours),
    };
    svg.circle(place, size, paint);
}

fn draw_whisker(svg: &mut Svg, x: f64, ends: [f64; 2], half: f64) {
    let [low, high] = ends;
    let paint = Paint::stroke(Ink::Ours, 1.8);
    svg.line((x, low), (x, high), paint);
    if half > 0.0 {
        for y in ends {
            svg.line((x - half, y), (x + half, y), paint);
        }
    }
}

fn draw_step(svg: &mut Svg, x: f64, [top, bottom]: [f64; 2]) {
    svg.line(
        (x, top),
        (x, bottom),
        Paint::stroke(Ink::Theirs, 1.2).dashed(),
    );
    svg.triangle(
        (x, bottom - 6.0),
        (0.0, -1.0),
        5.0,
        Paint::fill(Ink::Theirs),
    );
}

fn draw_legend(svg: &mut Svg, y: f64) {
    let font = Font::new(12.0, Ink::Soft);
    let middle = y - 4.0;
    let mut x = PAD + 6.0;
    let mut named = |svg: &mut Svg, name: &str| {
        svg.text((x + 14.0, y), font, name);
        x += 14.0 + font.width(name) + 28.0;
        x
    };
    draw_run(svg, (PAD + 6.0, middle), 4.5, Phase::Before);
    let x = named(svg, "before");
    draw_run(svg, (x, middle), 4.5, Phase::After);
    let x = named(svg, "after");
    draw_whisker(svg, x, [middle - 8.0, middle + 8.0], 4.5);
    let x = named(svg, "interval of a session, or range of many runs");
    draw_step(svg, x, [middle - 9.0, middle + 9.0]);
    named(svg, "step that no task is blamed for");
}

/// A label for each task, in the middle of its points.
fn tasks(series: &Series, [left, right]: [f64; 2]) -> Vec<(f64, String)> {
    let mut labels = Vec::new();
    let count = u32::try_from(series.points.len()).map_or(f64::MAX, f64::from);
    let step = (right - left - 12.0) / (count - 1.0).max(1.0);
    let mut x = left + 6.0;
    for points in series.points.chunk_by(|one, other| one.task == other.task) {
        let others = u32::try_from(points.len()).map_or(f64::MAX, f64::from) - 1.0;
        if let [point, ..] = points {
            labels.push((x + others * step / 2.0, point.task.clone()));
        }
        x += (others + 1.0) * step;
    }
    labels
}

/// As many labels as do not touch each other, the last one always.
fn apart(labels: Vec<(f64, String)>, font: Font) -> Vec<(f64, String)> {
    let mut kept: Vec<(f64, String)> = Vec::new();
    let mut free = f64::INFINITY;
    for (x, label) in labels.into_iter().rev() {
        let label = font.fitted(&label, 120.0);
        let half = font.width(&label) / 2.0 + 5.0;
        if x + half <= free {
            free = x - half;
            kept.push((x, label));
        }
    }
    kept
}

/// `ci-box, 60 s: 24 points, first 0.458 ms, last 0.491 ms: +7.3%`
fn described(series: &Series) -> String {
    let ms = |point: Option<&Point>| point.map_or("?".to_owned(), |point| short(point.p99_ms));
    let (first, last) = (ms(series.points.first()), ms(series.points.last()));
    let Series {
        name,
        outcome,
        points,
    } = series;
    format!(
        "{name}: {} points, first {first} ms, last {last} ms: {outcome}",
        points.len()
    )
}
