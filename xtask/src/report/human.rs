//! A comparison for a person at a terminal of 80 columns: the verdict first.

use std::fmt::Write as _;

use crate::judge::comparison::{Comparison, Judgement, Side};
use crate::judge::fitness::Reason;
use crate::judge::verdict::Outcome;
use crate::model::limits::COMPETITOR;
use crate::report::evidence;
use crate::report::next::{self, Context};
use crate::report::reason::{reason, spread};
use crate::report::table::{self, Mark, Row};
use crate::report::words;
use crate::term::streams::{Ink, Style};

/// The columns of a terminal. Paths and commands may be longer: they are there to be pasted.
const WIDTH: usize = 80;

/// The most columns of a task's name in a verdict.
const LONGEST_TASK: usize = 30;
/// The columns of a row's name.
const NAME: usize = 18;

/// The whole report.
pub fn report(comparisons: &[Comparison], around: &Context, style: Style) -> String {
    let mut text = String::new();
    for comparison in comparisons {
        let _ = writeln!(text, "{}", verdict_line(comparison, style));
    }
    for comparison in comparisons {
        let details = details(comparison, around, style);
        if !details.is_empty() {
            let heading = style.paint(Ink::Strong, &heading(comparison));
            let _ = writeln!(text, "\n{heading}\n{}", details.join("\n\n"));
        }
    }
    let steps = next::steps(comparisons, around);
    if !steps.is_empty() {
        let _ = writeln!(text, "\n{}", style.paint(Ink::Strong, "next"));
    }
    for step in steps {
        let purpose = wrapped(step.purpose, 2);
        let _ = writeln!(text, "  {purpose}\n    {}", step.commands.join("\n    "));
    }
    text
}

/// The verdict in one line.
pub(crate) fn verdict_line(comparison: &Comparison, style: Style) -> String {
    let ink = match comparison.outcome() {
        Outcome::Success => Ink::Good,
        Outcome::InternalRegression | Outcome::CompetitiveRegression => Ink::Bad,
        Outcome::Undecided | Outcome::CannotJudge => Ink::Warning,
    };
    let line = plain_verdict_line(comparison);
    let line = match &comparison.judgement {
        // A reason may be of any length; all of them follow below.
        Judgement::Impossible(_) => words::cut(&line, WIDTH),
        Judgement::Judged(_) | Judgement::SameServer(_) => wrapped_from(0, &line, 2),
    };
    let headline = comparison.headline();
    match line.strip_prefix(headline) {
        Some(rest) => style.paint(ink, headline) + rest,
        None => line,
    }
}

fn plain_verdict_line(comparison: &Comparison) -> String {
    let task = comparison
        .task
        .as_ref()
        .map_or_else(String::new, |task| words::shortened(task.as_str(), LONGEST_TASK) + " ");
    words::printable(&format!(
        "{}: {task}{}: {}",
        comparison.headline(),
        comparison.mode,
        reason(comparison)
    ))
}

fn heading(comparison: &Comparison) -> String {
    let sides = [&comparison.before, &comparison.after];
    match sides.into_iter().flatten().any(|side| side.stand_in) {
        true => format!("{}, {}", comparison.mode, words::STAND_IN),
        false => comparison.mode.to_string(),
    }
}

/// Everything about one mode, in paragraphs.
fn details(comparison: &Comparison, around: &Context, style: Style) -> Vec<String> {
    let mut paragraphs = Vec::new();
    let reasons = comparison.reasons();
    if !reasons.is_empty() && !is_told_by_the_verdict_line(comparison, reasons) {
        let reasons = reasons.iter().map(|reason| why(reason, around));
        paragraphs.push(list("why it cannot be judged", reasons));
    }
    if let (Some(before), Some(after)) = (&comparison.before, &comparison.after) {
        paragraphs.push(metrics(comparison, before, after, style));
        let evidence = evidence::evidence(comparison, &around.options).into_iter();
        paragraphs.extend(evidence.map(|known| list(&known.title, known.lines.into_iter())));
        paragraphs.extend(position(comparison));
        let operations = table::operations(comparison, before, after);
        if !operations.is_empty() {
            let rows = rows(&operations, style);
            paragraphs.push(format!("  P99 by operation, ms\n{rows}"));
        }
    }
    if !comparison.warnings.is_empty() {
        let warnings = comparison.warnings.iter();
        let title = style.paint(Ink::Warning, "warnings");
        paragraphs.push(list(&title, warnings.map(|warning| wrapped(warning, 4))));
    }
    paragraphs
}

fn is_told_by_the_verdict_line(comparison: &Comparison, reasons: &[Reason]) -> bool {
    matches!(reasons, [only] if only.fault.file.is_none())
        && plain_verdict_line(comparison).chars().count() <= WIDTH
}

/// A reason, below its place.
fn why(reason: &Reason, around: &Context) -> String {
    match around.place(&reason.fault) {
        Some(place) => {
            let place = words::printable(&place);
            format!("{place}\n      {}", wrapped(&reason.fault.why, 6))
        }
        None => wrapped(&reason.fault.why, 4),
    }
}

fn list(title: &str, lines: impl Iterator<Item = String>) -> String {
    let lines: Vec<String> = lines.collect();
    format!("  {title}\n    {}", lines.join("\n    "))
}

fn metrics(comparison: &Comparison, before: &Side, after: &Side, style: Style) -> String {
    let limit = comparison.judged().map_or("", |_| "limit");
    let mut table = vec![Row::heading(limit)];
    table.extend(table::metrics(comparison, before, after));
    let mut text = rows(&table, style);
    for (phase, side) in [("before", before), ("after", after)] {
        if let Some(spread) = spread(side) {
            let _ = write!(text, "\n    {phase:<6}  {spread}");
        }
    }
    text
}

fn rows(rows: &[Row], style: Style) -> String {
    let line = |row: &Row| {
        let mark = match row.mark {
            Mark::Nothing => String::new(),
            Mark::Within => style.paint(Ink::Good, "  ok"),
            Mark::Regressed => style.paint(Ink::Bad, "  REGRESSED"),
            Mark::Pinned => style.paint(Ink::Good, "  ok, pinned"),
            Mark::Unsettled => style.paint(Ink::Warning, "  not settled"),
            Mark::MovedMost => "  moved most".to_owned(),
        };
        let line = format!(
            "  {:<NAME$}{:>12}{:>12}{:>11}{:>8}",
            words::shortened(&row.name, NAME),
            row.before,
            row.after,
            row.change,
            row.limit
        );
        match mark.is_empty() {
            true => line.trim_end().to_owned(),
            false => line + &mark,
        }
    };
    let lines: Vec<String> = rows.iter().map(line).collect();
    lines.join("\n")
}

fn position(comparison: &Comparison) -> Option<String> {
    let position = comparison.verdict()?.position?;
    let mut text = format!(
        "  against {COMPETITOR}, P99 {} ms\n    before  {}\n    after   {}",
        words::trimmed(position.baseline_ms, 3),
        words::speedup(position.speedup_before),
        words::speedup(position.speedup_after)
    );
    if comparison.judged().is_some() {
        let _ = write!(text, "\n    status  {}", position.standing);
    }
    Some(text)
}

/// `text` in lines of at most [`WIDTH`], all but the first indented; a word that is longer stays whole.
fn wrapped(text: &str, indent: usize) -> String {
    wrapped_from(indent, text, indent)
}

/// The same, where the first line begins in the column `start`.
fn wrapped_from(start: usize, text: &str, indent: usize) -> String {
    let mut lines = String::new();
    let mut column = start;
    let mut begun = false;
    for word in words::printable(text).split_whitespace() {
        let length = word.chars().count();
        if begun && column + 1 + length > WIDTH {
            let _ = write!(lines, "\n{:indent$}", "");
            column = indent;
        } else if begun {
            lines.push(' ');
            column += 1;
        }
        begun = true;
        lines.push_str(word);
        column += length;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_wrapped_between_words_and_indented() {
        let text = wrapped(&"word ".repeat(30), 6);
        assert!(text.lines().skip(1).all(|line| line.starts_with("      word")));
        assert!(text.lines().all(|line| line.trim_start().len() + 6 <= WIDTH));
        assert_eq!(text.split_whitespace().count(), 30);
    }

    #[test]
    fn a_word_longer_than_a_line_stays_whole() {
        let path = "x".repeat(100);
        assert!(wrapped(&format!("see {path} there"), 4).contains(&path));
    }
}
