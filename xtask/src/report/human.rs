//! A comparison for a person at a terminal: the verdict first.

use std::fmt::Write as _;

use crate::judge::comparison::Comparison;
use crate::report::metrics::OF_OPERATIONS;
use crate::report::next::{self, Context};
use crate::report::reason::{ink, reason, subject};
use crate::report::table::{self, Row};
use crate::report::{evidence, origin, words};
use crate::term::streams::{Ink, Style};
use crate::term::text::{self, wrapped};

/// The most columns of a task and a mode in a verdict.
const LONGEST_SUBJECT: usize = 42;
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
            let heading = style.paint(Ink::STRONG, &heading);
            let _ = writeln!(text, "\n{heading}\n{}", details.join("\n\n"));
        }
    }
    let steps = next::steps(comparisons, around);
    if !steps.is_empty() {
        let _ = writeln!(text, "\n{}", style.paint(Ink::STRONG, "next"));
    }
    for (purpose, commands) in steps {
        let purpose = wrapped(purpose, [2, 2], style.columns);
        let _ = writeln!(text, "  {purpose}\n    {}", commands.join("\n    "));
    }
    text
}

/// The verdict in one line.
pub(crate) fn verdict_line(comparison: &Comparison, style: Style) -> String {
    let line = plain_verdict_line(comparison);
    let line = match is_whole(comparison) {
        true => wrapped(&line, [0, 2], style.columns),
        false => words::cut(&line, style.columns),
    };
    let headline = comparison.headline();
    match line.strip_prefix(headline) {
        Some(rest) => style.paint(ink(comparison), headline) + rest,
        None => line,
    }
}

/// The verdict line says it all: no reasons follow that are several, or in a file.
fn is_whole(comparison: &Comparison) -> bool {
    match comparison.reasons() {
        [] => true,
        [only] => only.fault.file.is_none(),
        _ => false,
    }
}

/// The same without colours, in one line of any length.
pub(crate) fn plain_verdict_line(comparison: &Comparison) -> String {
    let subject = subject(comparison.task.as_ref(), comparison.mode);
    text::printable(&format!(
        "{}: {}{}: {}",
        comparison.headline(),
        words::shortened(&subject, LONGEST_SUBJECT),
        if comparison.is_of_stand_in() { ", stand-in" } else { "" },
        reason(comparison)
    ))
}

/// Everything about one mode, in paragraphs.
fn details(comparison: &Comparison, around: &Context, style: Style) -> Vec<String> {
    let within = |text: &str, column: usize| wrapped(text, [column; 2], style.columns);
    let mut paragraphs = Vec::new();
    if !is_whole(comparison) {
        let reasons = comparison.reasons().iter().map(|reason| match around.place(&reason.fault) {
            Some(place) => {
                format!("{}\n      {}", text::printable(&place), within(&reason.fault.why, 6))
            }
            None => within(&reason.fault.why, 4),
        });
        paragraphs.push(list("why it cannot be judged", reasons));
    }
    let origin = origin::lines(comparison).into_iter();
    let origin = origin.map(|(name, said)| format!("  {name:<6}  {}", within(&said, 10)));
    let origin: Vec<String> = origin.collect();
    if !origin.is_empty() {
        paragraphs.push(origin.join("\n"));
    }
    if let Some([metrics, operations]) = table::of(comparison) {
        paragraphs.push(format!("{}\n    {OF_OPERATIONS}", rows(&metrics, style)));
        let evidence = evidence::evidence(comparison, around).into_iter();
        paragraphs.extend(evidence.map(|(title, lines)| list(&title, lines.into_iter())));
        if !operations.is_empty() {
            paragraphs.push(format!("  P99 by operation, ms\n{}", rows(&operations, style)));
        }
    }
    if !comparison.warnings.is_empty() {
        let warnings = comparison.warnings.iter().map(|warning| within(warning, 4));
        paragraphs.push(list(&style.paint(Ink::WARNING, "warnings"), warnings));
    }
    paragraphs
}

fn list(title: &str, lines: impl Iterator<Item = String>) -> String {
    let lines: Vec<String> = lines.collect();
    format!("  {title}\n    {}", lines.join("\n    "))
}

fn rows(rows: &[Row], style: Style) -> String {
    let line = |row: &Row| {
        let name = words::shortened(&row.name, NAME);
        let Row { before, after, change, limit, .. } = row;
        let line = format!("  {name:<NAME$}{before:>12}{after:>12}{change:>11}{limit:>8}");
        match row.mark {
            None => line.trim_end().to_owned(),
            Some((mark, ink)) => format!("{line}  {}", style.paint(ink, mark)),
        }
    };
    let lines: Vec<String> = rows.iter().map(line).collect();
    lines.join("\n")
}
