//! A comparison for a person at a terminal: the verdict first.

use std::fmt::Write as _;

use crate::judge::comparison::{Comparison, Judgement};
use crate::judge::fitness::Reason;
use crate::judge::verdict::Outcome;
use crate::report::evidence;
use crate::report::metrics::OF_OPERATIONS;
use crate::report::next::{self, Context};
use crate::report::origin;
use crate::report::reason::{reason, spread};
use crate::report::table::{self, Mark, Row};
use crate::report::words;
use crate::term::streams::{Ink, Style};
use crate::term::text::{self, wrapped};

/// The most columns of a task's name in a verdict.
const LONGEST_TASK: usize = 30;
/// The columns of a row's name.
const NAME: usize = 18;

/// The whole report. Paths and commands may be wider than the terminal: they are there to be pasted.
pub fn report(comparisons: &[Comparison], around: &Context, style: Style) -> String {
    let mut text = String::new();
    for comparison in comparisons {
        let _ = writeln!(text, "{}", verdict_line(comparison, style));
        if let Some(reason) = &comparison.accepted {
            let _ = writeln!(text, "  accepted: {}", wrapped(reason, [12, 4], style.columns));
        }
    }
    for comparison in comparisons {
        let details = details(comparison, around, style);
        if !details.is_empty() {
            let stand_in = comparison.is_of_stand_in().then(|| format!(", {}", words::STAND_IN));
            let heading = format!("{}{}", comparison.mode, stand_in.unwrap_or_default());
            let heading = style.paint(Ink::Strong, &heading);
            let _ = writeln!(text, "\n{heading}\n{}", details.join("\n\n"));
        }
    }
    let steps = next::steps(comparisons, around);
    if !steps.is_empty() {
        let _ = writeln!(text, "\n{}", style.paint(Ink::Strong, "next"));
    }
    for step in steps {
        let purpose = wrapped(step.purpose, [2, 2], style.columns);
        let _ = writeln!(text, "  {purpose}\n    {}", step.commands.join("\n    "));
    }
    text
}

/// The verdict in one line.
pub(crate) fn verdict_line(comparison: &Comparison, style: Style) -> String {
    let ink = match comparison.outcome() {
        _ if comparison.is_unconfirmed() => Ink::Warning,
        Outcome::Success => Ink::Good,
        Outcome::InternalRegression | Outcome::CompetitiveRegression => Ink::Bad,
        Outcome::Undecided | Outcome::CannotJudge => Ink::Warning,
    };
    let line = plain_verdict_line(comparison);
    let line = match &comparison.judgement {
        // A reason may be of any length; all of them follow below.
        Judgement::Impossible(_) => words::cut(&line, style.columns),
        Judgement::Judged(_) | Judgement::SameServer(_) => wrapped(&line, [0, 2], style.columns),
    };
    let headline = comparison.headline();
    match line.strip_prefix(headline) {
        Some(rest) => style.paint(ink, headline) + rest,
        None => line,
    }
}

/// The same without colours, in one line of any length.
pub(crate) fn plain_verdict_line(comparison: &Comparison) -> String {
    let task = comparison
        .task
        .as_ref()
        .map_or_else(String::new, |task| words::shortened(task.as_str(), LONGEST_TASK) + " ");
    text::printable(&format!(
        "{}: {task}{}{}: {}",
        comparison.headline(),
        comparison.mode,
        if comparison.is_of_stand_in() { ", stand-in" } else { "" },
        reason(comparison)
    ))
}

/// Everything about one mode, in paragraphs.
fn details(comparison: &Comparison, around: &Context, style: Style) -> Vec<String> {
    let mut paragraphs = Vec::new();
    let reasons = comparison.reasons();
    if !reasons.is_empty() && !is_told_by_the_verdict_line(comparison, reasons, style) {
        let reasons = reasons.iter().map(|reason| why(reason, around, style));
        paragraphs.push(list("why it cannot be judged", reasons));
    }
    let origin = origin::lines(comparison).into_iter();
    let origin: Vec<String> = origin
        .map(|(name, said)| format!("  {name:<6}  {}", wrapped(&said, [10, 10], style.columns)))
        .collect();
    paragraphs.extend((!origin.is_empty()).then(|| origin.join("\n")));
    if let Some([metrics, operations]) = table::of(comparison) {
        let mut text = rows(&metrics, style);
        let _ = write!(text, "\n    {}", OF_OPERATIONS);
        for (phase, side) in comparison.sides() {
            if let Some(spread) = spread(side) {
                let _ = write!(text, "\n    {phase:<6}  {spread}");
            }
        }
        paragraphs.push(text);
        let evidence = evidence::evidence(comparison, around).into_iter();
        paragraphs.extend(evidence.map(|(title, lines)| list(&title, lines.into_iter())));
        if !operations.is_empty() {
            let rows = rows(&operations, style);
            paragraphs.push(format!("  P99 by operation, ms\n{rows}"));
        }
    }
    if !comparison.warnings.is_empty() {
        let warnings = comparison.warnings.iter();
        let title = style.paint(Ink::Warning, "warnings");
        let warnings = warnings.map(|warning| wrapped(warning, [4, 4], style.columns));
        paragraphs.push(list(&title, warnings));
    }
    paragraphs
}

fn is_told_by_the_verdict_line(comparison: &Comparison, reasons: &[Reason], style: Style) -> bool {
    matches!(reasons, [only] if only.fault.file.is_none())
        && plain_verdict_line(comparison).chars().count() <= style.columns
}

/// A reason, below its place.
fn why(reason: &Reason, around: &Context, style: Style) -> String {
    let indent = |columns| wrapped(&reason.fault.why, [columns, columns], style.columns);
    match around.place(&reason.fault) {
        Some(place) => format!("{}\n      {}", text::printable(&place), indent(6)),
        None => indent(4),
    }
}

fn list(title: &str, lines: impl Iterator<Item = String>) -> String {
    let lines: Vec<String> = lines.collect();
    format!("  {title}\n    {}", lines.join("\n    "))
}

fn rows(rows: &[Row], style: Style) -> String {
    let line = |row: &Row| {
        let ink = match row.mark {
            Mark::Nothing | Mark::MovedMost => None,
            Mark::Within | Mark::Pinned => Some(Ink::Good),
            Mark::Regressed => Some(Ink::Bad),
            Mark::Unsettled => Some(Ink::Warning),
        };
        let line = format!(
            "  {:<NAME$}{:>12}{:>12}{:>11}{:>8}",
            words::shortened(&row.name, NAME),
            row.before,
            row.after,
            row.change,
            row.limit
        );
        let mark = format!("  {}", row.mark.in_words());
        match row.mark {
            Mark::Nothing => line.trim_end().to_owned(),
            _ => line + &ink.map_or(mark.clone(), |ink| style.paint(ink, &mark)),
        }
    };
    let lines: Vec<String> = rows.iter().map(line).collect();
    lines.join("\n")
}
