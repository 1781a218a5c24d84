//! A comparison for a person at a terminal of 80 columns: the verdict first.

use std::fmt::Write as _;

use crate::judge::comparison::{Comparison, Judgement, Side};
use crate::judge::fitness::Unfit;
use crate::judge::verdict::Decision;
use crate::report::evidence;
use crate::report::next::{self, Surroundings};
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
pub fn report(comparisons: &[Comparison], around: &Surroundings, style: Style) -> String {
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
    let steps: Vec<String> = next::steps(comparisons, around)
        .into_iter()
        .map(|step| {
            let purpose = wrapped(step.purpose, 2);
            format!("  {purpose}\n    {}", step.commands.join("\n    "))
        })
        .collect();
    if !steps.is_empty() {
        let heading = style.paint(Ink::Strong, "next");
        let _ = writeln!(text, "\n{heading}\n{}", steps.join("\n"));
    }
    text
}

/// The verdict in one line.
pub fn verdict_line(comparison: &Comparison, style: Style) -> String {
    let ink = match comparison.decision() {
        Some(Decision::Clean) => Ink::Good,
        Some(Decision::InternalRegression | Decision::CompetitiveRegression) => Ink::Bad,
        Some(Decision::Undecided) | None => Ink::Warning,
    };
    let line = plain_verdict_line(comparison);
    let line = match &comparison.judgement {
        // What went wrong may be told at any length; all of it follows below.
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
    let task = comparison.task.as_ref().map_or_else(String::new, |task| {
        words::shortened(task.as_str(), LONGEST_TASK) + " "
    });
    words::printable(&format!(
        "{}: {task}{}: {}",
        comparison.headline(),
        comparison.mode,
        words::reason(comparison)
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
fn details(comparison: &Comparison, around: &Surroundings, style: Style) -> Vec<String> {
    let mut paragraphs = Vec::new();
    if let Judgement::Impossible(reasons) = &comparison.judgement
        && !is_told_by_the_verdict_line(comparison, reasons)
    {
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
            paragraphs.push(format!(
                "  P99 by operation, ms\n{}",
                rows(&operations, style)
            ));
        }
    }
    if !comparison.warnings.is_empty() {
        let warnings = comparison
            .warnings
            .iter()
            .map(|warning| wrapped(warning, 4));
        paragraphs.push(list(&style.paint(Ink::Warning, "warnings"), warnings));
    }
    paragraphs
}

fn is_told_by_the_verdict_line(comparison: &Comparison, reasons: &[Unfit]) -> bool {
    matches!(reasons, [Unfit { file: None, .. }])
        && plain_verdict_line(comparison).chars().count() <= WIDTH
}

/// A reason, below the file that is to blame.
fn why(reason: &Unfit, around: &Surroundings) -> String {
    match &reason.file {
        Some(file) => {
            let line = reason
                .line
                .map_or_else(String::new, |line| format!(":{line}"));
            let file = words::printable(&around.path(file));
            format!("{file}{line}\n      {}", wrapped(&reason.why, 6))
        }
        None => wrapped(&reason.why, 4),
    }
}

fn list(title: &str, lines: impl Iterator<Item = String>) -> String {
    let lines: Vec<String> = lines.collect();
    format!("  {title}\n    {}", lines.join("\n    "))
}

fn metrics(comparison: &Comparison, before: &Side, after: &Side, style: Style) -> String {
    let mut table = vec![table::heading(comparison)];
    table.extend(table::metrics(comparison, before, after));
    let mut text = rows(&table, style);
    for (phase, side) in [("before", before), ("after", after)] {
        if let Some(spread) = words::spread(side) {
            let _ = write!(text, "\n    {phase:<6}  {spread}");
        }
    }
    text
}

fn rows(rows: &[Row], style: Style) -> String {
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
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
        })
        .collect();
    lines.join("\n")
}

fn position(comparison: &Comparison) -> Option<String> {
    let position = words::verdict(comparison)?.position?;
    let mut text = format!(
        "  against {}, P99 {} ms\n    before  {}\n    after   {}",
        words::COMPETITOR,
        words::trimmed(position.baseline_ms, 3),
        words::speedup(position.speedup_before),
        words::speedup(position.speedup_after)
    );
    if let Judgement::Judged(_) = comparison.judgement {
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
        assert!(
            text.lines()
                .skip(1)
                .all(|line| line.starts_with("      word"))
        );
        assert!(
            text.lines()
                .all(|line| line.trim_start().len() + 6 <= WIDTH)
        );
        assert_eq!(text.split_whitespace().count(), 30);
    }

    #[test]
    fn a_word_longer_than_a_line_stays_whole() {
        let path = "x".repeat(100);
        assert!(wrapped(&format!("see {path} there"), 4).contains(&path));
    }
}
