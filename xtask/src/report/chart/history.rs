//! P99 over time, in per cent of each series' first run: runs that are not comparable are never joined.

use crate::judge::history::{Point, Series};
use crate::model::limits::threshold_percent;
use crate::model::names::Phase;
use crate::report::chart::scale::Scale;
use crate::report::chart::svg::{Font, GRID, Ink, LIMIT, PAD, Paint, RULE, SMALL, SOFT, Svg, Xy};
use crate::report::chart::{Change, span, tick};
use crate::report::words;
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

const WIDTH: f64 = 960.0;
const PLOT: [f64; 2] = [84.0, 844.0];
const HEIGHT: f64 = 300.0;
/// Points are not farther apart, so that two are not at the two ends of the picture.
const WIDEST: f64 = 72.0;
/// Of points that are nearer, only the line is drawn: marks would cover each other.
const NARROWEST: f64 = 1.5;
/// The space between two series.
const GAP: f64 = 24.0;
/// More series are not distinguishable: the latest are drawn.
const MOST_SERIES: usize = 12;
const LINE: Paint = Paint::stroke(Ink::OURS, 1.6);

const TITLE: &str = "P99 over all tasks";
const LEGEND: &str = "○ before, ● after, with the interval of a session; a dashed line upright: \
                      a step that no task is blamed for";

/// The picture.
pub fn draw(all: &[Series]) -> String {
    let earlier = all.len().saturating_sub(MOST_SERIES);
    let all = all.get(earlier..).unwrap_or_default();
    let threshold = all.first().map_or(0.0, |series| threshold_percent(series.mode));
    let mut svg = Svg::new(WIDTH);
    let top = svg.heading(TITLE, &[LEGEND.to_owned()]) + 40.0;
    let bottom = top + HEIGHT;
    let scale = scale(all, threshold, [bottom, top]);
    draw_frame(&mut svg, threshold, &scale);

    let [mut left, end] = PLOT;
    let points: usize = all.iter().map(|series| series.points.len()).sum();
    let room = end - left - all.len() as f64 * GAP;
    let step = (room / points.max(1) as f64).min(WIDEST);
    let (mut numbers, mut tasks) = (Vec::new(), Vec::new());
    for (number, series) in (1..).zip(all) {
        let x = |number: f64| left + (number + 0.5) * step;
        draw_series(&mut svg, series, &scale, step, x);
        let mut first = 0;
        for points in series.points.chunk_by(|one, other| one.name.task == other.name.task) {
            let task = points.first().map(|point| point.name.task.to_string());
            tasks.push((
                x(first as f64 + (points.len() as f64 - 1.0) / 2.0),
                task.unwrap_or_default(),
            ));
            first += points.len();
        }
        numbers.push((x(first as f64 / 2.0 - 0.5), format!("#{number}")));
        left += first as f64 * step + GAP;
    }
    for (x, number) in apart(numbers, SOFT.bold()) {
        svg.text((x, top - 8.0), SOFT.bold().middle(), &number);
    }
    for (x, task) in apart(tasks, SMALL) {
        svg.text((x, bottom + 20.0), SMALL.middle(), &task);
    }

    let lines: Vec<String> = (1..).zip(all).map(described).collect();
    let rest = (earlier > 0).then(|| format!("{earlier} earlier series are not drawn"));
    let mut y = bottom + 56.0;
    for line in lines.iter().chain(&rest) {
        for line in SMALL.wrapped(line, WIDTH - 2.0 * PAD, 2) {
            y += 20.0;
            svg.text((PAD, y), SMALL, &line);
        }
    }
    svg.finish(y + PAD, TITLE, &lines.join(". "))
}

/// `step` is from point to point, and `x` the place of the point of a number, or between two of them.
fn draw_series(svg: &mut Svg, series: &Series, scale: &Scale, step: f64, x: impl Fn(f64) -> f64) {
    let points = series.points.iter().enumerate();
    let marks: Vec<(f64, Change, Phase)> = points
        .map(|(number, point)| (x(number as f64), change(series, point), point.name.phase))
        .collect();
    let has_marks = step >= NARROWEST;
    let size = (step * 0.3).clamp(1.5, 4.5);
    for (x, change, _) in marks.iter().filter(|_| has_marks) {
        if let Some(bounds) = change.bounds {
            draw_whisker(svg, *x, bounds.map(|bound| scale.at(bound)), size);
        }
    }
    svg.path(marks.iter().map(|(x, change, _)| (*x, scale.at(change.percent))), LINE);
    for (x, change, phase) in marks.iter().filter(|_| has_marks) {
        draw_run(svg, (*x, scale.at(change.percent)), size, *phase);
    }
    for number in series.unblamed_steps() {
        svg.vertical(x(number as f64 - 0.5), scale.range, LIMIT);
    }
}

/// The change since the first run of the series, with the bounds of the point's session around it.
fn change(series: &Series, point: &Point) -> Change {
    let first = series.points.first().map_or(1.0, |first| first.p99_ms);
    let percent = |ms: f64| (ms / first - 1.0) * 100.0;
    let bounds = point.session.map(|session| {
        let bounds = [session.lower, session.upper];
        bounds.map(|bound| percent(point.p99_ms * (bound - session.estimate).exp()))
    });
    Change { percent: percent(point.p99_ms), bounds }
}

/// Shows the band whole, and all points but the farthest of very many, so that one stall does not flatten the rest.
fn scale(all: &[Series], threshold: f64, range: [f64; 2]) -> Scale {
    let changes =
        all.iter().flat_map(|series| series.points.iter().map(move |point| change(series, point)));
    let mut values: Vec<f64> = changes.flat_map(Change::values).collect();
    values.retain(|value| value.is_finite());
    values.sort_by(f64::total_cmp);
    let cut = values.len() / 100;
    let kept = values.get(cut..values.len() - cut).unwrap_or_default().iter().copied();
    let band = threshold * 1.3;
    let [low, high] = span(kept.chain([band, -band])).unwrap_or_default();
    let space = (high - low) * 0.06;
    Scale::linear([low - space, high + space], range)
}

/// What is the same for all series: the axes and the band.
fn draw_frame(svg: &mut Svg, threshold: f64, scale: &Scale) {
    let [start, end] = PLOT;
    let band = [threshold, -threshold].map(|percent| scale.at(percent));
    svg.rect(PLOT, band, Paint::fill(Ink::BAND));
    for value in scale.ticks(9.0) {
        let y = scale.at(value);
        svg.horizontal(PLOT, y, GRID);
        svg.text((start - 10.0, y + 4.0), SOFT.end(), &tick(value));
    }
    let [bottom, _] = scale.range;
    svg.horizontal(PLOT, bottom, RULE);
    let axis = "tasks in the order of time; P99 against the first run of each series";
    let below = (f64::midpoint(start, end), bottom + 44.0);
    svg.text(below, SOFT.middle(), axis);
    for (percent, paint) in [(0.0, RULE), (threshold, LIMIT), (-threshold, LIMIT)] {
        svg.horizontal(PLOT, scale.at(percent), paint);
    }
    let name = format!("±{}% band", words::latency(threshold));
    svg.text((end + 10.0, scale.at(threshold) + 4.0), SOFT, &name);
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
    let ms = |point: Option<&Point>| point.map_or("?".to_owned(), |it| words::latency(it.p99_ms));
    let figures = match points.len() {
        1 => format!("1 run, {} ms", ms(points.first())),
        runs => format!("{runs} runs, {} to {} ms", ms(points.first()), ms(points.last())),
    };
    format!("#{number} {name}: {figures}: {outcome}")
}
