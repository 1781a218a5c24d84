//! A competitive review: as a Markdown report, as the chart beside it, and in short for the terminal.

use std::fmt::Write as _;

use crate::judge::review::{Check, Line, Ours, Review, Subject};
use crate::judge::verdict::{Outcome, Standing};
use crate::model::review::Competitor;
use crate::report::chart::review as chart;
use crate::report::words;
use crate::term::text;

/// The answer in one line.
pub fn headline(review: &Review) -> String {
    let all = review.lines.len();
    let unjudged = review.lines.iter().filter(|line| line.standing.is_err()).count();
    let of = |(standing, what)| {
        let lines = review.lines.iter().filter(|line| line.standing == Ok(standing));
        let lines: Vec<String> = lines.map(versus).collect();
        (!lines.is_empty()).then(|| format!("{what}: {}", lines.join(", ")))
    };
    let named = [
        (Standing::Slower, "slower"),
        (Standing::Degraded, "positioning degraded"),
        (Standing::StillBehind, "still behind, unchanged"),
    ];
    let rest = (unjudged > 0).then(|| format!("{unjudged} of {all} could not be judged"));
    let parts: Vec<String> = named.into_iter().filter_map(of).chain(rest).collect();
    match parts.is_empty() {
        true => "ahead of every competitor".to_owned(),
        false if unjudged == all => "nothing could be judged".to_owned(),
        false => parts.join("; "),
    }
}

/// `neo4j_traversal_100k against Neo4j`
fn versus(line: &Line) -> String {
    let competitor = line.competitor.as_ref().map_or("its competitor", |its| its.name.as_str());
    format!("{} against {competitor}", line.scenario)
}

/// The whole report.
pub fn markdown(review: &Review) -> String {
    let around = &review.around;
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
    paragraphs.push(circumstances(review));
    paragraphs.push(format!("![{}]({})", chart_title(review), around.chart));
    paragraphs.push("## Scenarios".to_owned());
    paragraphs.push(SPREAD_NOTE.to_owned());
    paragraphs.push(table(SCENARIO_COLUMNS, review.lines.iter().map(scenario_cells)));
    paragraphs.extend(section("Not judged", unjudged(review)));
    paragraphs.extend(section("What is worst", worst(review)));
    paragraphs.push("## Load and data".to_owned());
    let loads = review.subjects.iter().map(|subject| load_cells(subject, &review.lines));
    paragraphs.push(table(LOAD_COLUMNS, loads));
    paragraphs.push("## Can it be reproduced?".to_owned());
    paragraphs.push(table("Check | Passed | Found", review.checks.iter().map(check_cells)));
    paragraphs.extend(section("Warnings", review.warnings.iter().cloned()));
    paragraphs.extend(section("Not compared", around.unmatched.iter().cloned()));
    paragraphs.join("\n\n") + "\n"
}

const SPREAD_NOTE: &str = "P99 in milliseconds. *Ours* is the median of the runs, *from* and *to* \
    are the lowest and the highest of them. *Speedup* is the lead in per cent of the competitor's \
    P99, of which a range counts with its better end; *last* is that of the last review, and \
    *change* the difference in percentage points.";

const SCENARIO_COLUMNS: &str =
    "Scenario | Competitor | Its P99 | Ours | From | To | Speedup | Last | Change | Status";

const LOAD_COLUMNS: &str = "Scenario | Offered/s | Ours/s | Published/s | Nodes named | \
    Stored by the load | Held before it";

fn circumstances(review: &Review) -> String {
    let around = &review.around;
    let last = around.last.as_ref();
    let last = last.map_or("none".to_owned(), |last| format!("[{0}]({0})", last.file));
    let facts = [
        ("When", &*around.when),
        ("Commit", &around.commit),
        ("Server", review.server()),
        ("Machine", &around.machine),
        ("Load", &around.load),
        ("Results", &format!("`{}`", around.results)),
        ("Last review", &last),
    ];
    facts.map(|(name, fact)| format!("- {name}: {fact}")).join("\n")
}

/// `None` where it would be empty.
fn section(title: &str, lines: impl IntoIterator<Item = String>) -> Option<String> {
    let lines: Vec<String> =
        lines.into_iter().map(|line| format!("- {}", text::markdown(&line))).collect();
    (!lines.is_empty()).then(|| format!("## {title}\n\n{}", lines.join("\n")))
}

fn table<const N: usize>(columns: &str, rows: impl Iterator<Item = [String; N]>) -> String {
    let mut text = format!("| {columns} |\n{}|", "|---".repeat(N));
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
        or_nothing(line.competitor.as_ref().map(Competitor::published)),
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
                theirs.published() + " ms"
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

fn load_cells(subject: &Subject, lines: &[Line]) -> [String; 7] {
    let or_nothing = |text: Option<String>| text.unwrap_or_else(|| NOTHING.to_owned());
    let number = |value: Option<u64>| or_nothing(value.map(|value| value.to_string()));
    let rate = |value: Option<f64>| or_nothing(value.map(|value| words::trimmed(value, 1)));
    let its = lines.iter().filter(|line| line.scenario == subject.scenario);
    let its = its.filter_map(|line| line.competitor.as_ref());
    let published: Vec<String> =
        its.map(|its| format!("{}: {}", its.name, its.throughput)).collect();
    [
        format!("`{}`", subject.scenario.replace('`', "")),
        rate(subject.offered()),
        rate(subject.reached()),
        or_nothing(Some(text::markdown(&published.join(", "))).filter(|text| !text.is_empty())),
        number(subject.nodes),
        number(subject.stored()),
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

/// The picture beside the report.
pub fn chart(review: &Review) -> String {
    let around = &review.around;
    let mut subtitle = vec![
        format!("{} · commit {} · {}", around.load, around.commit, around.when),
        around.machine.clone(),
        "The competitors' figures are published ones, from other hardware.".to_owned(),
    ];
    if review.stand_in {
        subtitle.push(words::STAND_IN.to_owned());
    }
    chart::draw(&chart_title(review), &subtitle, &review.lines)
}

fn chart_title(review: &Review) -> String {
    format!("{}: {}", review.around.quarter, headline(review)).replace(['[', ']'], "")
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
