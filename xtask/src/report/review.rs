//! A competitive review: as a Markdown report, as the chart beside it, and in short for the terminal.

use std::fmt::Write as _;

use crate::judge::review::{self as judge, Check, Line, Ours, Review};
use crate::judge::verdict::{Outcome, Standing};
use crate::model::review::Competitor;
use crate::report::chart::review as chart;
use crate::report::words;
use crate::term::text;

/// The answer in one line.
pub fn headline(review: &Review) -> String {
    let named = [
        (Standing::Slower, "slower"),
        (Standing::Degraded, "positioning degraded"),
        (Standing::StillBehind, "still behind, unchanged"),
    ];
    let named = named.into_iter().filter_map(|(standing, what)| {
        let lines = review.lines.iter().filter(|line| line.standing == Ok(standing));
        let lines: Vec<String> = lines.map(versus).collect();
        (!lines.is_empty()).then(|| format!("{what}: {}", lines.join(", ")))
    });
    let (all, unjudged) = (review.lines.len(), unjudged(review).count());
    let rest = (unjudged > 0).then(|| format!("{unjudged} of {all} could not be judged"));
    let parts: Vec<String> = named.chain(rest).collect();
    match parts.is_empty() {
        true => "ahead of every competitor".to_owned(),
        false => parts.join("; "),
    }
}

/// `neo4j_traversal_100k against Neo4j`
fn versus(line: &Line) -> String {
    let competitor = line.competitor.as_ref().map_or("its competitor", |its| its.name.as_str());
    format!("{} against {competitor}", line.scenario)
}

/// The lines without a standing, each with the reason.
fn unjudged(review: &Review) -> impl Iterator<Item = String> {
    let whys = review.lines.iter().filter_map(|line| Some((line, line.standing.as_ref().err()?)));
    whys.map(|(line, why)| format!("{}: {why}", versus(line)))
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
    paragraphs.extend([
        circumstances(review),
        format!("![{}]({})", chart_title(review), around.chart),
        "## Scenarios".to_owned(),
        SCENARIOS_NOTE.to_owned(),
        table(SCENARIO_COLUMNS, review.lines.iter().map(scenario_cells)),
    ]);
    paragraphs.extend(section("Not judged", unjudged(review)));
    paragraphs.extend(section("What is worst", worst(review)));
    paragraphs.push("## Can it be reproduced?".to_owned());
    paragraphs.push(table("Check | Passed | Found", review.checks.iter().map(check_cells)));
    paragraphs.extend(section("Warnings", review.warnings.iter().cloned()));
    paragraphs.extend(section("Not compared", around.unmatched.iter().cloned()));
    paragraphs.join("\n\n") + "\n"
}

const SCENARIOS_NOTE: &str = "P99 in milliseconds. *Ours* is the median of the runs, *from* and \
    *to* are the lowest and the highest of them. *Speedup* is the lead in per cent of the \
    competitor's P99, of which a range counts with its better end; *last* is that of the last \
    review, and *change* the difference in percentage points.";

const SCENARIO_COLUMNS: &str = "Scenario | Competitor | Its P99 | Ours | From | To | Speedup | \
    Last | Change | Its ops/s | Ours/s | Status";

fn circumstances(review: &Review) -> String {
    let around = &review.around;
    let last = around.last.as_ref();
    let last = last.map_or("none".to_owned(), |last| format!("[{0}]({0})", last.file));
    let facts = [
        ("When", &*around.when),
        ("Commit", &around.commit),
        ("Server", judge::server(review.stand_in)),
        ("Machine", &around.machine),
        ("Load", &around.load),
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

/// What has nothing to say.
const NOTHING: &str = "-";

fn or_nothing(text: Option<String>) -> String {
    text.unwrap_or_else(|| NOTHING.to_owned())
}

fn scenario_cells(line: &Line) -> [String; 12] {
    let ours =
        |value: fn(&Ours) -> f64| or_nothing(line.ours.as_ref().map(value).map(words::latency));
    let its = |text: fn(&Competitor) -> String| or_nothing(line.competitor.as_ref().map(text));
    [
        format!("`{}`", line.scenario.replace('`', "")),
        its(|its| text::markdown(&its.name)),
        its(Competitor::published),
        ours(|ours| ours.median_ms),
        ours(|ours| ours.low_ms),
        ours(|ours| ours.high_ms),
        or_nothing(line.speedup.map(words::speedup)),
        or_nothing(line.last.map(words::speedup)),
        or_nothing(line.change().map(words::points)),
        its(|its| text::markdown(&its.throughput)),
        or_nothing(line.ours.map(|ours| words::trimmed(ours.throughput, 1))),
        match &line.standing {
            Ok(standing) => standing.to_string(),
            Err(_) => "**not judged**".to_owned(),
        },
    ]
}

/// The smallest lead, and the greatest loss since the last review; the smallest gain where nothing lost.
fn worst(review: &Review) -> impl Iterator<Item = String> {
    let least = |what: &str, of: fn(&Line) -> Option<f64>, in_words: fn(f64) -> String| {
        let judged = review.lines.iter().filter(|line| line.standing.is_ok());
        let known = judged.filter_map(|line| Some((of(line)?, line)));
        let (value, line) = known.min_by(|a, b| a.0.total_cmp(&b.0))?;
        Some(format!("{what}: {}, {}", versus(line), in_words(value)))
    };
    let lead = least("smallest lead", |line| line.speedup, words::speedup);
    let change = least("worst change since the last review", Line::change, words::points);
    lead.into_iter().chain(change)
}

fn check_cells(check: &Check) -> [String; 3] {
    let (passed, found) = match &check.found {
        Some((true, found)) => ("yes", &**found),
        Some((false, found)) => ("**no**", &**found),
        None => ("not known", NOTHING),
    };
    [check.name.clone(), passed.to_owned(), text::markdown(found)]
}

/// The picture beside the report.
pub fn chart(review: &Review) -> String {
    let around = &review.around;
    let stand_in = review.stand_in.then(|| words::STAND_IN.to_owned());
    let subtitle = [
        format!("{} · commit {} · {}", around.load, around.commit, around.when),
        around.machine.clone(),
        "The competitors' figures are published ones, from other hardware.".to_owned(),
    ];
    let subtitle: Vec<String> = subtitle.into_iter().chain(stand_in).collect();
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
        let _ = writeln!(
            text,
            "  {:<30} {:<12} {:>12} {:>16}",
            words::shortened(&line.scenario, 30),
            words::shortened(competitor, 12),
            or_nothing(line.ours.map(|ours| words::latency(ours.median_ms) + " ms")),
            or_nothing(line.speedup.map(words::speedup)),
        );
        let _ = match &line.standing {
            Ok(Standing::Maintained) => Ok(()),
            Ok(standing) => writeln!(text, "    {standing}"),
            Err(why) => writeln!(text, "    not judged: {}", words::cut(why, 63)),
        };
    }
    text.push('\n');
    for Check { name, found } in &review.checks {
        let said = match found {
            Some((true, _)) => continue,
            Some((false, found)) => format!("  not reproducible: {name}: {found}"),
            None => format!("  not known: {name}"),
        };
        let _ = writeln!(text, "{}", words::cut(&said, 80));
    }
    let _ = writeln!(text, "  report: {report}");
    text
}
