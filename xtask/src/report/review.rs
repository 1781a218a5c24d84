//! A competitive review: as a Markdown report, as the chart beside it, and in short for the terminal.

use std::fmt::Write as _;

use crate::judge::review::{Check, Line, Load, Ours, Review};
use crate::judge::verdict::{Outcome, Standing};
use crate::model::review::{Competitor, Quarter};
use crate::report::chart::review as chart;
use crate::report::words;
use crate::term::text;

/// What a report says besides the figures.
#[derive(Debug, Clone)]
pub struct Around {
    pub quarter: Quarter,
    /// The time of the report.
    pub when: String,
    /// The commit that was measured, or that it is unknown.
    pub commit: String,
    /// What was measured.
    pub server: String,
    pub machine: String,
    /// Runs, and seconds of load a run.
    pub load: String,
    /// The folder of the results, relative to the checkout.
    pub results: String,
    /// The file name of the last review's report.
    pub last: Option<String>,
    /// The file name of the chart beside the report.
    pub chart: String,
    /// Rows without a scenario and scenarios without a row, in words.
    pub unmatched: Vec<String>,
}

/// The answer in one line.
pub fn headline(review: &Review) -> String {
    let of = |wanted: Standing| {
        let lines = review.lines.iter().filter(|line| line.standing == Ok(wanted));
        lines.map(versus).collect::<Vec<_>>()
    };
    let unjudged = review.lines.iter().filter(|line| line.standing.is_err()).count();
    let all = review.lines.len();
    let [slower, degraded, behind] =
        [Standing::Slower, Standing::Degraded, Standing::StillBehind].map(of);
    let mut parts = Vec::new();
    for (lines, what) in [
        (&slower, "slower"),
        (&degraded, "positioning degraded"),
        (&behind, "still behind, unchanged"),
    ] {
        if !lines.is_empty() {
            parts.push(format!("{what}: {}", lines.join(", ")));
        }
    }
    if unjudged > 0 {
        parts.push(format!("{unjudged} of {all} could not be judged"));
    }
    match (parts.is_empty(), unjudged) {
        (true, _) => "ahead of every competitor".to_owned(),
        (_, judged) if judged == all => "nothing could be judged".to_owned(),
        _ => parts.join("; "),
    }
}

/// `neo4j_traversal_100k against Neo4j`
fn versus(line: &Line) -> String {
    let competitor = line.competitor.as_ref().map_or("its competitor", |its| its.name.as_str());
    format!("{} against {competitor}", line.scenario)
}

/// The whole report.
pub fn markdown(review: &Review, around: &Around) -> String {
    let mark = match review.outcome() {
        Outcome::Success => "✅",
        Outcome::CannotJudge | Outcome::Undecided => "⚠️",
        Outcome::InternalRegression | Outcome::CompetitiveRegression => "❌",
    };
    let mut paragraphs = vec![
        format!("# Competitive review {}", around.quarter),
        format!("**{mark} {}**", text::markdown(&headline(review))),
    ];
    if review.stand_in {
        paragraphs.push(format!("**{}**", words::STAND_IN));
    }
    paragraphs.push(circumstances(around));
    paragraphs.push(format!("![{}]({})", chart_title(review, around), around.chart));
    paragraphs.push("## Scenarios".to_owned());
    paragraphs.push(SPREAD_NOTE.to_owned());
    paragraphs.push(table(&SCENARIO_COLUMNS, review.lines.iter().map(scenario_cells)));
    paragraphs.extend(section("Not judged", unjudged(review)));
    paragraphs.extend(section("What is worst", worst(review)));
    paragraphs.push("## Load and data".to_owned());
    let throughput = |load: &Load| {
        let its = review.lines.iter().filter(|line| line.scenario == load.scenario);
        let its = its.filter_map(|line| line.competitor.as_ref());
        let stated = its.map(|its| format!("{}: {}", its.name, its.throughput));
        stated.collect::<Vec<_>>().join(", ")
    };
    let loads = review.loads.iter().map(|load| load_cells(load, &throughput(load)));
    paragraphs.push(table(&LOAD_COLUMNS, loads));
    paragraphs.push("## Can it be reproduced?".to_owned());
    paragraphs.push(table(&["Check", "Passed", "Found"], review.checks.iter().map(check_cells)));
    paragraphs.extend(section("Warnings", review.warnings.iter().cloned()));
    paragraphs.extend(section("Not compared", around.unmatched.iter().cloned()));
    paragraphs.join("\n\n") + "\n"
}

const SPREAD_NOTE: &str = "P99 in milliseconds. *Ours* is the median of the runs, *from* and *to* \
    are the lowest and the highest of them. *Speedup* is the lead in per cent of the competitor's \
    P99, of which a range counts with its better end; *last* is that of the last review, and \
    *change* the difference in percentage points.";

const SCENARIO_COLUMNS: [&str; 10] = [
    "Scenario",
    "Competitor",
    "Its P99",
    "Ours",
    "From",
    "To",
    "Speedup",
    "Last",
    "Change",
    "Status",
];

const LOAD_COLUMNS: [&str; 7] = [
    "Scenario",
    "Offered/s",
    "Ours/s",
    "Published/s",
    "Nodes named",
    "Stored by the load",
    "Held before it",
];

fn circumstances(around: &Around) -> String {
    let last = match &around.last {
        Some(file) => format!("[{file}]({file})"),
        None => "none".to_owned(),
    };
    let facts = [
        ("When", around.when.clone()),
        ("Commit", around.commit.clone()),
        ("Server", around.server.clone()),
        ("Machine", around.machine.clone()),
        ("Load", around.load.clone()),
        ("Results", format!("`{}`", around.results)),
        ("Last review", last),
    ];
    facts.map(|(name, fact)| format!("- {name}: {fact}")).join("\n")
}

/// `None` where it would be empty.
fn section(title: &str, lines: impl IntoIterator<Item = String>) -> Option<String> {
    let lines: Vec<String> =
        lines.into_iter().map(|line| format!("- {}", text::markdown(&line))).collect();
    (!lines.is_empty()).then(|| format!("## {title}\n\n{}", lines.join("\n")))
}

fn table<const N: usize>(columns: &[&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut text = format!("| {} |\n{}|", columns.join(" | "), "|---".repeat(N));
    for row in rows {
        let _ = write!(text, "\n| {} |", row.join(" | "));
    }
    text
}

/// A cell that has nothing to say.
const NOTHING: &str = "-";

fn scenario_cells(line: &Line) -> [String; 10] {
    let or_nothing = |text: Option<String>| text.unwrap_or_else(|| NOTHING.to_owned());
    let ours = |value: fn(&Ours) -> f64| or_nothing(line.ours.as_ref().map(value).map(latency));
    [
        format!("`{}`", line.scenario.replace('`', "")),
        or_nothing(line.competitor.as_ref().map(|its| text::markdown(&its.name))),
        or_nothing(line.competitor.as_ref().map(published)),
        ours(|ours| ours.median_ms),
        ours(|ours| ours.low_ms),
        ours(|ours| ours.high_ms),
        or_nothing(line.speedup.map(words::speedup)),
        or_nothing(line.last.map(words::speedup)),
        or_nothing(line.change().map(words::points)),
        match &line.standing {
            Ok(standing) => standing.to_string(),
            Err(_) => "**not judged**".to_owned(),
        },
    ]
}

fn unjudged(review: &Review) -> Vec<String> {
    let mut said = Vec::new();
    for line in &review.lines {
        if let Err(why) = &line.standing {
            let reason = format!("{}: {why}", line.scenario);
            if !said.contains(&reason) {
                said.push(reason);
            }
        }
    }
    said
}

/// The smallest lead, and the greatest loss since the last review.
fn worst(review: &Review) -> Vec<String> {
    let judged = || review.lines.iter().filter(|line| line.standing.is_ok());
    let smallest = judged()
        .filter_map(|line| Some((line.speedup?, line)))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .and_then(|(speedup, line)| {
            let (ours, theirs) = (line.ours?, line.competitor.as_ref()?);
            Some(format!(
                "smallest lead: {}, {} ({} ms, and {} published)",
                versus(line),
                words::speedup(speedup),
                latency(ours.median_ms),
                published(theirs) + " ms"
            ))
        });
    let loss = judged()
        .filter_map(|line| Some((line.change()?, line)))
        .filter(|(change, _)| *change < 0.0)
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(change, line)| {
            format!(
                "greatest loss since the last review: {}, {}",
                versus(line),
                words::points(change)
            )
        });
    smallest.into_iter().chain(loss).collect()
}

fn load_cells(load: &Load, published: &str) -> [String; 7] {
    let number = |value: Option<u64>| value.map_or(NOTHING.to_owned(), |value| value.to_string());
    let rate =
        |value: Option<f64>| value.map_or(NOTHING.to_owned(), |value| words::count(value, 1));
    [
        format!("`{}`", load.scenario.replace('`', "")),
        rate(load.offered),
        rate(load.reached),
        match published.is_empty() {
            true => NOTHING.to_owned(),
            false => text::markdown(published),
        },
        number(load.nodes),
        number(load.stored),
        "not known".to_owned(),
    ]
}

fn check_cells(check: &Check) -> [String; 3] {
    let passed = match check.passed {
        Some(true) => "yes",
        Some(false) => "**no**",
        None => "not known",
    };
    [check.name.clone(), passed.to_owned(), text::markdown(&check.number)]
}

/// A latency in milliseconds: the larger, the fewer decimals.
pub(crate) fn latency(ms: f64) -> String {
    match ms {
        _ if ms >= 100.0 => words::trimmed(ms, 1),
        _ if ms >= 1.0 => words::trimmed(ms, 2),
        _ => words::trimmed(ms, 4),
    }
}

/// `27.96`, `22-24`
pub(crate) fn published(competitor: &Competitor) -> String {
    let [low, high] = competitor.p99_ms;
    match low < high {
        true => format!("{low}-{high}"),
        false => low.to_string(),
    }
}

/// The picture beside the report.
pub fn chart(review: &Review, around: &Around) -> String {
    let rows = review.lines.iter().map(|line| chart::Row {
        scenario: line.scenario.clone(),
        competitor: line.competitor.as_ref().map_or("no competitor", |its| &its.name).to_owned(),
        ours: line.ours.map(|ours| chart::Ours {
            median: ours.median_ms,
            spread: [ours.low_ms, ours.high_ms],
        }),
        theirs: line.competitor.as_ref().map(|its| its.p99_ms),
        outcome: match (&line.standing, line.speedup) {
            (Err(why), _) => format!("not judged: {why}"),
            (Ok(Standing::Maintained), Some(speedup)) => words::speedup(speedup),
            (Ok(standing), speedup) => {
                format!("{}, {standing}", speedup.map(words::speedup).unwrap_or_default())
            }
        },
    });
    let mut subtitle = vec![
        format!("{} · commit {} · {}", around.load, around.commit, around.when),
        around.machine.clone(),
        "The competitors' figures are published ones, from other hardware.".to_owned(),
    ];
    if review.stand_in {
        subtitle.push(words::STAND_IN.to_owned());
    }
    chart::draw(&chart::Review {
        title: chart_title(review, around),
        subtitle,
        rows: rows.collect(),
    })
}

fn chart_title(review: &Review, around: &Around) -> String {
    format!("{}: {}", around.quarter, headline(review)).replace(['[', ']'], "")
}

/// The answer for the terminal, in at most 80 columns.
pub fn summary(review: &Review, report: &str) -> String {
    let mut text = format!("\n{}\n\n", words::cut(&headline(review), 79));
    if review.stand_in {
        let _ = writeln!(text, "  {}\n", words::STAND_IN);
    }
    for line in &review.lines {
        let competitor = line.competitor.as_ref().map_or(NOTHING, |its| &its.name);
        let ours = line.ours.map_or(NOTHING.to_owned(), |ours| latency(ours.median_ms) + " ms");
        let _ = writeln!(
            text,
            "  {:<30} {:<12} {:>12} {:>16}",
            words::shortened(&line.scenario, 30),
            words::shortened(competitor, 12),
            ours,
            line.speedup.map_or(NOTHING.to_owned(), words::speedup),
        );
        let _ = match &line.standing {
            Ok(Standing::Maintained) => Ok(()),
            Ok(standing) => writeln!(text, "    {standing}"),
            Err(why) => writeln!(text, "    not judged: {}", words::cut(why, 63)),
        };
    }
    text.push('\n');
    for check in review.checks.iter().filter(|check| check.passed != Some(true)) {
        let verb = if check.passed.is_none() { "not known" } else { "not reproducible" };
        let _ = writeln!(text, "  {verb}: {}", check.name);
        for part in check.number.split("; ") {
            let _ = writeln!(text, "    {}", words::cut(part, 75));
        }
    }
    let _ = writeln!(text, "  report: {report}");
    text
}
