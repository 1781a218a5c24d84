//! The pictures: a file each in `tests/snapshots/`, compared to the letter, and what holds for every picture.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use regex::Regex;
use xtask::judge::history::{Comparable, Point, Series};
use xtask::judge::review::{Line, Ours};
use xtask::judge::verdict::Standing;
use xtask::model::names::{Mode, Phase, RunName, TaskId, Timestamp};
use xtask::model::review::Competitor;
use xtask::report::chart::Change;
use xtask::report::chart::history;
use xtask::report::chart::review;
use xtask::report::chart::session::{self, Row, Session};
use xtask::report::chart::svg::{Font, Ink};
use xtask::stats::signed_rank::Interval;

use crate::snapshots::assert_snapshot;

fn change(percent: f64, lower: f64, upper: f64) -> Option<Change> {
    Some(Change { percent, bounds: Some([lower, upper]) })
}

fn row(name: &str, before: f64, after: f64, change: Option<Change>) -> Row {
    Row { name: name.to_owned(), ms: [before, after], change }
}

fn paired_session() -> Session {
    Session {
        title: "REGRESSION: 007 internal: P99 +10.4% (+8.5% to +12.3%, 6 pairs)".to_owned(),
        subtitle: vec![
            "before 3f2a91c main · after 8d01be4 fan-effect · 2025-11-08 20:20".to_owned(),
            "bench-box, AMD Ryzen 7 5800X · hybrid_production_100k, 60 s a run".to_owned(),
        ],
        p99: change(10.4, 8.5, 12.3),
        margin: 5.0,
        duets: vec![11.3, 8.0, 12.3, 11.8, 8.5, 12.3],
        latencies: vec![
            row("P50", 0.228, 0.251, change(10.1, 8.3, 12.0)),
            row("P95", 0.365, 0.402, change(10.1, 8.4, 11.9)),
            row("P99", 0.457, 0.502, change(10.4, 8.5, 12.3)),
        ],
        operations: vec![
            row("Recall", 0.457, 0.502, change(10.1, 8.1, 12.2)),
            row("Search", 0.365, 0.402, change(10.1, -0.4, 19.0)),
            row("Store", 0.274, 0.273, change(-0.4, -3.1, 2.0)),
        ],
    }
}

fn single_runs() -> Session {
    let plain = |percent| Some(Change { percent, bounds: None });
    Session {
        title: "ok, unconfirmed: 007 internal: P99 +3.1% (limit +5%)".to_owned(),
        subtitle: vec!["one run a side: run perf-confirm for an interval".to_owned()],
        p99: plain(3.1),
        margin: 5.0,
        duets: vec![],
        latencies: vec![
            row("P50", 0.228, 0.232, plain(1.8)),
            row("P95", 0.365, 0.369, plain(1.1)),
            row("P99", 0.458, 0.472, plain(3.1)),
        ],
        operations: vec![row("Recall", 0.458, 0.472, plain(3.1)), row("Store", 0.306, 0.304, None)],
    }
}

/// Many duets, one of them far out, and a verdict that is wider than the picture.
fn long_session() -> Session {
    let wave = |n: u32| f64::from(n * 7919 % 41) / 4.0 - 5.0;
    let mut duets: Vec<f64> = (0..40).map(wave).collect();
    duets[17] = 480.0;
    Session {
        title: "no regression found: 012_spreading_activation_with_decay competitive: P99 +0.4% (could be up to \
                +2.9%, 40 pairs), 58.9% faster than Neo4j <at 27.96 ms>"
            .to_owned(),
        p99: change(0.4, -2.1, 2.9),
        duets,
        ..paired_session()
    }
}

/// A scenario against a competitor, both with their P99s in milliseconds: the lowest run, the median and the highest, and
/// the ends of a range.
fn line(
    scenario: &str,
    competitor: &str,
    ours: Option<[f64; 3]>,
    p99_ms: [f64; 2],
    standing: Result<Standing, &str>,
) -> Line {
    let ours = ours.map(|[low_ms, median_ms, high_ms]| Ours {
        median_ms,
        low_ms,
        high_ms,
        throughput: 500.0,
    });
    Line {
        scenario: scenario.to_owned(),
        competitor: Some(Competitor {
            name: competitor.to_owned(),
            p99_ms,
            throughput: String::new(),
            line: 1,
        }),
        ours,
        speedup: ours.map(|ours| (p99_ms[0] - ours.median_ms) / p99_ms[0] * 100.0),
        last: None,
        standing: standing.map_err(str::to_owned),
    }
}

fn draw_competitors() -> String {
    let ahead = Ok(Standing::Maintained);
    let lines = [
        line("qdrant_ann_1m_768d", "Qdrant", Some([18.9, 19.4, 23.1]), [22.0, 24.0], ahead),
        line("neo4j_traversal_100k", "Neo4j", Some([1.02, 1.08, 1.11]), [27.96; 2], ahead),
        line("milvus_ann_10m", "Milvus", None, [708.0; 2], Err("10 M vectors need 31 GB")),
        line("hybrid_production_100k", "Neo4j", Some([10.1, 10.2, 10.4]), [27.96; 2], ahead),
        line(
            "weaviate_ann_1m",
            "Weaviate",
            Some([80.0, 95.0, 160.0]),
            [70.0, 150.0],
            Ok(Standing::StillBehind),
        ),
        Line {
            competitor: None,
            speedup: None,
            ..line(
                "redis_vector_search_with_a_long_name",
                "",
                Some([7.9, 8.0, 8.1]),
                [8.0; 2],
                Err("no row of the baselines names it"),
            )
        },
    ];
    let subtitle = [
        "3 runs of 60 s each · commit 8d01be4 · bench-box, AMD Ryzen 7 5800X · 2025-11-08",
        "The competitors' figures are published ones, from other hardware.",
    ];
    let title = "2025 Q4: ahead of every competitor that could be compared";
    review::draw(title, &subtitle.map(str::to_owned), &lines)
}

/// `sides` values, before and after in turn, from `task` on. The server after a change is the one before the next.
fn points(first_task: usize, sides: &[f64]) -> Vec<Point> {
    let sides = sides.iter().enumerate();
    sides
        .map(|(n, &p99_ms)| Point {
            name: RunName {
                timestamp: Timestamp::parse("20251108_100000").unwrap(),
                mode: Mode::Internal,
                task: TaskId::parse(&format!("{:03}", first_task + n / 2)).unwrap(),
                phase: if n % 2 == 0 { Phase::Before } else { Phase::After },
            },
            commit: None,
            p99_ms,
            throughput: 999.5,
            server: Some(n.div_ceil(2).to_string()),
            session: None,
        })
        .collect()
}

fn series(machine: &str, seconds: u64, noise: Option<f64>, points: Vec<Point>) -> Series {
    let load = Comparable {
        machine: machine.to_owned(),
        scenario: "hybrid_production_100k".to_owned(),
        scenario_hash: None,
        seconds,
        stand_in: false,
    };
    Series { mode: Mode::Internal, load, points, noise }
}

/// A creep in which a step belongs to no task, another machine, and another duration.
fn months() -> [Series; 3] {
    let mut creeping = points(
        1,
        &[0.458, 0.461, 0.459, 0.466, 0.465, 0.47, 0.498, 0.499, 0.497, 0.504, 0.502, 0.503],
    );
    for point in &mut creeping[6..] {
        point.server = point.server.take().map(|server| format!("rebuilt {server}"));
    }
    for n in [5, 11] {
        creeping[n].session = Some(Interval { estimate: 0.01, lower: -0.005, upper: 0.022 });
    }
    [
        series("bench-box", 60, Some(0.018), creeping),
        series("laptop", 60, None, points(7, &[0.702, 0.695, 0.71, 0.692])),
        series("laptop", 10, None, points(9, &[0.81])),
    ]
}

fn years(runs: u32, number: u32) -> Vec<Series> {
    let noise = |n: u32| f64::from(n.wrapping_mul(2_654_435_761) >> 16) / 65_536.0;
    let one = |of: u32| {
        let p99 =
            |n: u32| 0.45 * (1.0 + f64::from(n) / f64::from(runs) * 0.08 + noise(n + of) * 0.06);
        let mut points = points(1, &(0..runs).map(p99).collect::<Vec<_>>());
        for n in (90..points.len()).step_by(1700) {
            points[n].server = None;
            points[n].p99_ms *= 1.3;
        }
        if let Some(stall) = points.get_mut(4321) {
            stall.p99_ms = 25.0;
        }
        series(&format!("bench-box {of}"), 60, Some(0.03), points)
    };
    (0..number).map(one).collect()
}

/// The elements that stand open at the end, and what is wrong with the text and the attributes, if anything.
fn faults(xml: &str) -> Vec<String> {
    let token = Regex::new(
        r#"<(/?)([a-z]+)((?: [A-Za-z0-9:-]+="[^"<&]*(?:&[a-z]+;[^"<&]*)*")*)(/?)>|([^<>]+)"#,
    )
    .unwrap();
    let entity = Regex::new("&(amp|lt|gt|quot);").unwrap();
    let (mut open, mut faults, mut end) = (Vec::new(), Vec::new(), 0);
    for found in token.captures_iter(xml) {
        let whole = found.get(0).unwrap();
        if whole.start() != end {
            faults.push(format!("not XML: {}", &xml[end..whole.start()]));
        }
        end = whole.end();
        let part = |n| found.get(n).map_or("", |part| part.as_str());
        if entity.replace_all(part(5), "").contains('&') {
            faults.push(format!("not escaped: {}", part(5)));
        }
        match (part(1), part(2), part(4)) {
            (_, "", _) | (_, _, "/") => {}
            ("/", name, _) if open.pop() == Some(name) => {}
            ("/", name, _) => faults.push(format!("closed but not open: {name}")),
            (_, name, _) => open.push(name),
        }
    }
    if end != xml.len() {
        faults.push(format!("not XML: {}", &xml[end..]));
    }
    faults.extend(open.into_iter().map(|name| format!("open at the end: {name}")));
    faults
}

/// The number that an attribute of a tag has.
pub fn attribute(tag: &str, name: &str) -> Option<f64> {
    let (_, value) = tag.split_once(&format!(" {name}=\""))?;
    value.split_once('"')?.0.parse().ok()
}

/// The places that a tag names.
fn places(tag: &str) -> Vec<(f64, f64)> {
    if let Some((_, path)) = tag.split_once(" d=\"") {
        let path = path.split_once('"').unwrap().0.trim_end_matches('Z');
        let places = path.split(['M', 'L']).skip(1);
        let numbers = places.map(|place| place.split_once(' ').unwrap());
        return numbers.map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap())).collect();
    }
    let place = |x, y| Some((attribute(tag, x)?, attribute(tag, y)?));
    place("x", "y").or(place("cx", "cy")).into_iter().collect()
}

/// Checks what holds for every picture, whatever it shows.
#[track_caller]
fn assert_sound(svg: &str) {
    assert_eq!(faults(svg), [""; 0]);
    let root = svg.lines().next().unwrap();
    let [width, height] = ["width", "height"].map(|name| attribute(root, name).unwrap());
    assert!(width > 0.0 && height > 0.0, "{root}");
    for line in svg.lines().filter(|line| line.ends_with("/>") || line.starts_with("<text ")) {
        let (marks, _) = line.split_once('>').unwrap();
        for wrong in ["NaN", "inf", "=\"-\""] {
            assert!(!marks.contains(wrong), "{line}");
        }
        for size in ["width", "height", "r", "stroke-width", "font-size"] {
            assert!(attribute(marks, size).is_none_or(|size| size >= 0.0), "{line}");
        }
        for (x, y) in places(marks) {
            assert!((0.0..=width).contains(&x) && (0.0..=height).contains(&y), "{line}");
        }
    }
    for text in texts(svg) {
        let [left, right] = text.across;
        assert!(left >= 0.0 && right <= width, "{text:?}");
        let [top, bottom] = text.down;
        assert!(top >= 0.0 && bottom <= height, "{text:?}");
    }
}

/// A text in a picture, and the box that it is sure to stay in.
#[derive(Debug)]
pub struct Text {
    pub said: String,
    pub across: [f64; 2],
    pub down: [f64; 2],
}

pub fn texts(svg: &str) -> Vec<Text> {
    svg.lines().filter(|line| line.starts_with("<text ")).map(text).collect()
}

fn text(line: &str) -> Text {
    let (marks, said) = line.split_once('>').unwrap();
    let said = said
        .trim_end_matches("</text>")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&");
    let [x, y, size] = ["x", "y", "font-size"].map(|name| attribute(marks, name).unwrap());
    let plain = Font::new(size, Ink::TEXT);
    let font = if marks.contains("font-weight=\"600\"") { plain.bold() } else { plain };
    let width = font.width(&said);
    let left = match marks {
        marks if marks.contains("\"middle\"") => x - width / 2.0,
        marks if marks.contains("\"end\"") => x - width,
        _ => x,
    };
    Text { said, across: [left, left + width], down: [y - size, y + size * 0.3] }
}

#[track_caller]
fn assert_picture(name: &str, svg: &str) {
    assert_sound(svg);
    let texts = texts(svg);
    for (number, one) in texts.iter().enumerate() {
        for other in &texts[number + 1..] {
            let meet = |[from, to]: [f64; 2], [start, end]: [f64; 2]| from < end && start < to;
            let apart = !meet(one.across, other.across) || !meet(one.down, other.down);
            assert!(apart, "{one:?} covers {other:?}");
        }
    }
    assert_snapshot(name, svg);
}

#[test]
fn the_picture_of_a_paired_session() {
    assert_picture("paired-session.svg", &session::draw(&paired_session()));
}

#[test]
fn the_picture_of_single_runs() {
    assert_picture("single-runs.svg", &session::draw(&single_runs()));
}

#[test]
fn the_picture_of_a_session_of_many_duets() {
    assert_picture("long-session.svg", &session::draw(&long_session()));
}

#[test]
fn the_picture_of_a_review() {
    assert_picture("review.svg", &draw_competitors());
}

#[test]
fn the_picture_of_a_history() {
    assert_picture("history.svg", &history::draw(&months()));
}

#[test]
fn ten_thousand_runs_are_drawn_fast_and_in_a_small_file() {
    for (runs, number) in [(10_000, 1), (500, 20), (1, 10_000)] {
        let series = years(runs, number);
        let start = Instant::now();
        let svg = history::draw(&series);
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        assert!(svg.len() < 300_000, "{} bytes", svg.len());
        assert_sound(&svg);
    }
}

#[test]
fn what_a_screen_reader_says_has_every_number() {
    let svg = session::draw(&paired_session());
    let (_, said) = svg.split_once("<desc id=\"desc\">").unwrap();
    let (said, _) = said.split_once("</desc>").unwrap();
    assert!(
        said.starts_with(
            "P99 changed by +10.4%, between +8.5% and +12.3%; the margin is +5%. The duets: +11.3%,"
        ),
        "{said}"
    );
    assert!(
        said.ends_with("Store: 0.274 ms before, 0.273 ms after, -0.4%, between -3.1% and +2.0%."),
        "{said}"
    );
    assert!(draw_competitors().contains("Qdrant 22 to 24 ms: 11.8% faster."));
    assert!(history::draw(&months()).contains("12 runs, 0.458 to 0.503 ms: CREEP: surely"));
}

#[test]
fn a_picture_needs_nothing_but_itself() {
    for svg in [session::draw(&paired_session()), draw_competitors(), history::draw(&months())] {
        let inside = svg.replace("http://www.w3.org/2000/svg", "");
        for foreign in ["http", "url(", "href", "<script", "@import", "<image"] {
            assert!(!inside.contains(foreign), "{foreign}");
        }
    }
}

#[test]
fn text_from_a_file_stays_text() {
    let mut session = paired_session();
    session.title = "</title><script>\u{202e}\u{61c}\u{1b}[31m & \"\u{ffff}".to_owned();
    let svg = session::draw(&session);
    assert_sound(&svg);
    assert!(
        !svg.contains("<script") && !svg.contains(['\u{202e}', '\u{61c}', '\u{1b}', '\u{ffff}']),
        "{svg}"
    );
}

#[test]
fn the_check_of_xml_finds_what_is_wrong() {
    assert_eq!(faults(r#"<a x="1&amp;"><b/>t &lt;</a>"#), [""; 0]);
    for wrong in ["<a>", "</a>", "<a></b>", "<a>&</a>", "<a x=1/>", "<a x=\"&\"/>", "<a>></a>", "<"]
    {
        assert_ne!(faults(wrong), [""; 0], "{wrong}");
    }
}

fn odd() -> impl Strategy<Value = f64> {
    prop_oneof![
        -20.0..20.0,
        any::<f64>(),
        prop::sample::select(vec![
            0.0,
            -0.0,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            1e300,
            1e-300
        ]),
    ]
}

fn odd_change() -> impl Strategy<Value = Option<Change>> {
    let change = (odd(), prop::option::of([odd(), odd()]));
    prop::option::of(change.prop_map(|(percent, bounds)| Change { percent, bounds }))
}

fn odd_rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (any::<String>(), [odd(), odd()], odd_change());
    prop::collection::vec(row.prop_map(|(name, ms, change)| Row { name, ms, change }), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_session_can_be_drawn(
        title in any::<String>(),
        p99 in odd_change(),
        margin in odd(),
        duets in prop::collection::vec(odd(), 0..30),
        latencies in odd_rows(),
        operations in odd_rows(),
    ) {
        let subtitle = vec![title.clone()];
        assert_sound(&session::draw(&Session { title, subtitle, p99, margin, duets, latencies, operations }));
    }

    #[test]
    fn every_review_can_be_drawn(
        title in any::<String>(),
        figures in prop::collection::vec((prop::option::of([odd(), odd(), odd()]), prop::option::of([odd(), odd()])), 0..5),
    ) {
        let lines = figures.into_iter().map(|(ours, theirs)| {
            let line = line(&title, &title, ours, theirs.unwrap_or_default(), Err(&title));
            Line { competitor: line.competitor.filter(|_| theirs.is_some()), ..line }
        });
        assert_sound(&review::draw(&title, &[], &lines.collect::<Vec<_>>()));
    }

    #[test]
    fn every_history_can_be_drawn(
        name in any::<String>(),
        noise in prop::option::of(odd()),
        figures in prop::collection::vec(prop::collection::vec((odd(), prop::option::of([odd(), odd(), odd()])), 0..9), 0..30),
    ) {
        let all = figures.into_iter().map(|figures| {
            let mut points = points(1, &figures.iter().map(|(p99_ms, _)| *p99_ms).collect::<Vec<_>>());
            for (point, (_, session)) in points.iter_mut().zip(&figures) {
                point.server = None;
                point.session = session.map(|[estimate, lower, upper]| Interval { estimate, lower, upper });
            }
            series(&name, 60, noise, points)
        });
        assert_sound(&history::draw(&all.collect::<Vec<_>>()));
    }
}
