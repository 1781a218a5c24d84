//! P99 over time, in per cent of each series' first run: runs that are not comparable are never joined.

use crate::judge::history::{Point, Series};
use crate::model::limits::threshold_percent;
use crate::model::names::Phase;
use crate::report::chart::scale::Scale;
use crate::report::chart::svg::{Font, GRID, Ink, LIMIT, PAD, Paint, RULE, SMALL, SOFT, Svg, Xy};
use crate::report::chart::{count, short, span, tick};
use crate::report::words;
use crate::stats::numbers::median;
use crate::stats::paired::percent;
use crate::term::text;

/// What the runs of a series share.
pub(crate) fn name(series: &Series) -> String {
    let load = &series.load;
    let stand_in = if load.stand_in { ", stand-in" } else { "" };
    format!(
        "{}: {}, {} s, {}{stand_in}",
        series.mode,
        text::printable(&load.scenario),
        load.seconds,
        text::printable(&load.machine)
    )
}

/// The verdict on a whole series, in one line.
pub(crate) fn outcome(series: &Series) -> String {
    let Some(last) = series.cumulative().pop() else { return String::new() };
    let change = words::percent(percent(last.change));
    let Some(uncertainty) = last.uncertainty else {
        return format!("{change} since the first run; the noise here is not known yet");
    };
    let bounds = [last.change - uncertainty, last.change + uncertainty].map(percent);
    let [low, high] = bounds.map(words::percent);
    let how = if last.by_sessions { "by sessions" } else { "by single runs" };
    let sure = match (series.creep().is_some(), last.is_sure()) {
        (true, _) => "CREEP: surely slower",
        (false, true) => "surely slower, within the threshold",
        (false, false) => "within the noise",
    };
    format!("{sure}: {change} since the first run ({low} to {high}, {how})")
}

/// The areas around the first run of each series, in per cent.
struct Bands {
    /// No run should leave it.
    threshold: f64,
    /// How far equal servers differ, where it is known.
    noise: Option<f64>,
}

/// A series and its place.
struct Placed<'a> {
    series: &'a Series,
    left: f64,
    /// From point to point.
    step: f64,
}

/// Neighbours that are drawn as one mark, in per cent of the series' first run.
struct Mark {
    x: f64,
    percent: f64,
    /// The bounds of a session, or the lowest and the highest of several points.
    bounds: Option<[f64; 2]>,
    /// Unknown of several points.
    phase: Option<Phase>,
    after_step: bool,
}

const WIDTH: f64 = 960.0;
const PLOT: [f64; 2] = [84.0, 844.0];
const HEIGHT: f64 = 300.0;
/// Points are not farther apart, so that two are not at the two ends of the picture.
const WIDEST: f64 = 72.0;
/// Points that are nearer are drawn as one mark.
const NARROWEST: f64 = 3.0;
/// The space between two series.
const GAP: f64 = 12.0;
/// The space that a band has on either side of its points.
const SIDE: f64 = 6.0;
/// More series are not distinguishable: the latest are drawn.
const MOST_SERIES: usize = 24;
/// More are not listed below the picture.
const MOST_LISTED: usize = 8;
const LINE: Paint = Paint::stroke(Ink::OURS, 1.6);

const TITLE: &str = "P99 over all tasks";

/// The picture.
pub fn draw(all: &[Series]) -> String {
    let bands = Bands {
        threshold: all.first().map_or(0.0, |series| threshold_percent(series.mode)),
        noise: all.iter().filter_map(|series| series.noise).reduce(f64::max).map(percent),
    };
    let mut svg = Svg::new(WIDTH);
    let subtitle: Vec<String> = all.iter().map(outcome).take(3).collect();
    let top = svg.heading(TITLE, &subtitle) + 66.0;
    let bottom = top + HEIGHT;
    draw_legend(&mut svg, top - 34.0);

    let left_out = all.len().saturating_sub(MOST_SERIES);
    let placed = place(all.get(left_out..).unwrap_or_default());
    let marks: Vec<Vec<Mark>> = placed.iter().map(Placed::marks).collect();
    let scale = scale(&bands, marks.iter().flatten(), [bottom, top]);
    for placed in &placed {
        draw_bands(&mut svg, &bands, &scale, placed.ends());
    }
    draw_frame(&mut svg, &bands, &scale);
    let (mut numbers, mut tasks) = (Vec::new(), Vec::new());
    for (number, (placed, marks)) in placed.iter().zip(&marks).enumerate() {
        let ends = placed.ends();
        let [left, right] = ends;
        svg.horizontal(ends, scale.at(0.0), RULE);
        svg.horizontal(ends, scale.at(bands.threshold), LIMIT);
        svg.horizontal(ends, scale.at(-bands.threshold), LIMIT);
        draw_marks(&mut svg, marks, &scale, placed.step);
        let middle = f64::midpoint(left, right);
        numbers.push((middle, format!("#{}", left_out + number + 1)));
        tasks.extend(placed.tasks());
    }
    for (x, number) in apart(numbers, SOFT.bold()) {
        svg.text((x, top - 8.0), SOFT.bold().middle(), &number);
    }
    for (x, task) in apart(tasks, SMALL) {
        svg.text((x, bottom + 20.0), SMALL.middle(), &task);
    }

    let mut lines: Vec<String> = all.iter().enumerate().map(described).collect();
    let unlisted = lines.len().saturating_sub(MOST_LISTED);
    let listed = lines.split_off(unlisted);
    let mut y = bottom + 56.0;
    for line in listed.iter().flat_map(|line| SMALL.wrapped(line, WIDTH - 2.0 * PAD, 2)) {
        y += 20.0;
        svg.text((PAD, y), SMALL, &line);
    }
    if unlisted > 0 {
        y += 20.0;
        let rest = match left_out {
            0 => format!("and {unlisted} earlier series"),
            _ => format!("and {unlisted} earlier series, {left_out} of them not drawn"),
        };
        svg.text((PAD, y), SOFT, &rest);
    }
    svg.finish(y + PAD, TITLE, &listed.join(". "))
}

/// From left to right, all points equally far apart.
fn place(series: &[Series]) -> Vec<Placed<'_>> {
    let points: usize = series.iter().map(|series| series.points.len()).sum();
    let [start, end] = PLOT;
    let room = end - start - count(series.len()) * (GAP + 2.0 * SIDE);
    let step = (room / count(points).max(1.0)).min(WIDEST);
    let mut left = start;
    let place = |series| {
        let placed = Placed { series, left, step };
        let [_, right] = placed.ends();
        left = right + GAP;
        placed
    };
    series.iter().map(place).collect()
}

impl Placed<'_> {
    fn ends(&self) -> [f64; 2] {
        let wide = count(self.series.points.len()) * self.step;
        [self.left, self.left + wide + 2.0 * SIDE]
    }

    /// The middle of `points` that begin with the one of this number.
    fn x(&self, first: usize, points: usize) -> f64 {
        self.left + SIDE + (count(first) + count(points) / 2.0) * self.step
    }

    fn marks(&self) -> Vec<Mark> {
        let points = &self.series.points;
        let first = points.first().map_or(1.0, |point| point.p99_ms);
        let percent = |ms: f64| (ms / first - 1.0) * 100.0;
        let together = (1..points.len()).find(|of| count(*of) * self.step >= NARROWEST);
        let together = together.unwrap_or(points.len().max(1));
        let steps = self.series.unblamed_steps();
        let chunks = points.chunks(together).enumerate();
        let marks = chunks.map(|(number, points)| {
            let first = number * together;
            let is_here = |step: &usize| (first..first + points.len()).contains(step);
            let after_step = steps.iter().any(is_here);
            Mark::new(points, self.x(first, points.len()), after_step, percent)
        });
        marks.collect()
    }

    /// A label for each task, in the middle of its points.
    fn tasks(&self) -> Vec<(f64, String)> {
        let mut first = 0;
        let mut labels = Vec::new();
        for points in self.series.points.chunk_by(|one, other| one.task == other.task) {
            let task = points.first().map(|point| point.task.to_string());
            labels.push((self.x(first, points.len()), task.unwrap_or_default()));
            first += points.len();
        }
        labels
    }
}

impl Mark {
    /// Sessions weigh more than single runs: where there are any, they are the mark.
    fn new(points: &[Point], x: f64, after_step: bool, percent: impl Fn(f64) -> f64) -> Self {
        let all = points.iter().map(|point| point.p99_ms);
        let sessions = points.iter().filter(|point| point.session.is_some());
        let middle = median(sessions.map(|point| point.p99_ms)).or_else(|| median(all.clone()));
        let (bounds, phase) = match points {
            [point] => (bounds_ms(point), Some(point.phase)),
            _ => (span(all), None),
        };
        Self {
            x,
            percent: percent(middle.unwrap_or_default()),
            bounds: bounds.map(|bounds| bounds.map(percent)),
            phase,
            after_step,
        }
    }
}

/// The bounds of its session's interval, around the P99 that it shows.
fn bounds_ms(point: &Point) -> Option<[f64; 2]> {
    let session = point.session?;
    let bound = |bound: f64| point.p99_ms * (bound - session.estimate).exp();
    Some([bound(session.lower), bound(session.upper)])
}

/// Shows the bands whole, and all marks but the farthest of very many, so that one stall does not flatten the rest.
fn scale<'a>(of: &Bands, marks: impl Iterator<Item = &'a Mark>, range: [f64; 2]) -> Scale {
    let bounds = |mark: &Mark| mark.bounds.unwrap_or([mark.percent; 2]);
    let mut all: Vec<f64> = marks.flat_map(bounds).filter(|value| value.is_finite()).collect();
    all.sort_by(f64::total_cmp);
    let cut = all.len() / 100;
    let kept = all.get(cut..all.len() - cut).unwrap_or_default().iter().copied();
    let bands = [of.threshold, of.noise.unwrap_or_default()].map(|band| band * 1.3);
    let [low, high] = span(kept.chain(bands).chain(bands.map(|band| -band))).unwrap_or_default();
    let space = (high - low) * 0.06;
    Scale::linear([low - space, high + space], range)
}

/// What is the same for all series: the axes, and the names of the bands.
fn draw_frame(svg: &mut Svg, bands: &Bands, scale: &Scale) {
    let [start, end] = PLOT;
    for value in scale.ticks(9.0) {
        let y = scale.at(value);
        svg.horizontal(PLOT, y, GRID);
        svg.text((start - 10.0, y + 4.0), SOFT.end(), &tick(value));
    }
    let [bottom, _] = scale.range();
    svg.horizontal(PLOT, bottom, RULE);
    let axis = "tasks in the order of time; P99 against the first run of each series";
    let below = (f64::midpoint(start, end), bottom + 44.0);
    svg.text(below, SOFT.middle(), axis);
    let band = scale.at(bands.threshold) + 4.0;
    let name = |percent: f64| format!("±{}%", short(percent.abs()));
    svg.text((end + 10.0, band), SOFT, &format!("{} band", name(bands.threshold)));
    if let Some(noise) = bands.noise {
        let y = (scale.at(-noise) + 4.0).max(band + 15.0);
        svg.text((end + 10.0, y), SOFT, &format!("{} noise", name(noise)));
    }
}

fn draw_bands(svg: &mut Svg, bands: &Bands, scale: &Scale, ends: [f64; 2]) {
    let around = |percent: f64| [percent, -percent].map(|percent| scale.at(percent));
    svg.rect(ends, around(bands.threshold), Paint::fill(Ink::BAND));
    if let Some(noise) = bands.noise {
        svg.rect(ends, around(noise), Paint::fill(Ink::HATCH));
    }
}

fn draw_marks(svg: &mut Svg, marks: &[Mark], scale: &Scale, step: f64) {
    let place = |mark: &Mark| (mark.x, scale.at(mark.percent));
    let size = (step * 0.3).clamp(1.5, 4.5);
    for mark in marks {
        if let Some(bounds) = mark.bounds {
            let ends = bounds.map(|bound| scale.at(bound));
            match mark.phase {
                Some(_) => draw_whisker(svg, mark.x, ends, size),
                None => svg.vertical(mark.x, ends, RULE),
            }
        }
    }
    svg.path(marks.iter().map(place), LINE);
    let mut before = None;
    for mark in marks {
        match (mark.phase, scale.beyond(mark.percent)) {
            (None, _) => {}
            (Some(phase), 0.0) => draw_run(svg, place(mark), size, phase),
            (_, side) => svg.triangle(place(mark), (0.0, -side), size, Paint::fill(Ink::OURS)),
        }
        if mark.after_step {
            let x = f64::midpoint(before.unwrap_or(mark.x), mark.x);
            draw_step(svg, x, scale.range());
        }
        before = Some(mark.x);
    }
}

/// A ring before the change, a disc after it.
fn draw_run(svg: &mut Svg, place: Xy, size: f64, phase: Phase) {
    let inside = match phase {
        Phase::Before => Ink::PAGE,
        Phase::After => Ink::OURS,
    };
    svg.circle(place, size, LINE.filled(inside));
}

fn draw_whisker(svg: &mut Svg, x: f64, ends: [f64; 2], half: f64) {
    svg.vertical(x, ends, LINE);
    for y in ends {
        svg.horizontal([x - half, x + half], y, LINE);
    }
}

fn draw_step(svg: &mut Svg, x: f64, [bottom, top]: [f64; 2]) {
    svg.vertical(x, [bottom, top], LIMIT);
    let foot = (x, bottom - 6.0);
    svg.triangle(foot, (0.0, -1.0), 5.0, Paint::fill(Ink::THEIRS));
}

fn draw_legend(svg: &mut Svg, y: f64) {
    let names = [
        "before",
        "after",
        "interval of a session",
        "range of several runs",
        "step that no task is blamed for",
    ];
    let middle = y - 4.0;
    let mut x = PAD + 6.0;
    for (number, name) in names.into_iter().enumerate() {
        match number {
            0 => draw_run(svg, (x, middle), 4.5, Phase::Before),
            1 => draw_run(svg, (x, middle), 4.5, Phase::After),
            2 => draw_whisker(svg, x, [middle + 8.0, middle - 8.0], 4.5),
            3 => svg.vertical(x, [middle + 8.0, middle - 8.0], RULE),
            _ => draw_step(svg, x, [middle + 10.0, middle - 9.0]),
        }
        svg.text((x + 14.0, y), SOFT, name);
        x += 36.0 + SOFT.width(name);
    }
}

/// As many labels as do not touch each other, the last one always.
fn apart(labels: Vec<(f64, String)>, font: Font) -> Vec<(f64, String)> {
    let mut free = f64::INFINITY;
    let from_last = labels.into_iter().rev().filter_map(|(x, label)| {
        let label = font.fitted(&label, 120.0);
        let half = font.width(&label) / 2.0 + 5.0;
        (x + half <= free).then(|| {
            free = x - half;
            (x, label)
        })
    });
    from_last.collect()
}

/// `#1 ci-box, 60 s: 24 runs, 0.458 to 0.491 ms: +7.3%`
fn described((number, series): (usize, &Series)) -> String {
    let (points, name, outcome) = (&series.points, name(series), outcome(series));
    let ms = |point: Option<&Point>| point.map_or("?".to_owned(), |point| short(point.p99_ms));
    let figures = match points.len() {
        1 => format!("1 run, {} ms", ms(points.first())),
        runs => format!("{runs} runs, {} to {} ms", ms(points.first()), ms(points.last())),
    };
    format!("#{} {name}: {figures}: {outcome}", number + 1)
}
