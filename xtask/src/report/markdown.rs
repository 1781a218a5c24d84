//! A comparison for a pull-request comment or a CI step summary.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::judge::comparison::{Comparison, Side};
use crate::judge::verdict::Outcome;
use crate::model::limits::COMPETITOR;
use crate::report::evidence;
use crate::report::next::{self, Context};
use crate::report::reason::{reason, spread};
use crate::report::table::{self, Mark, Row};
use crate::report::words;

/// The whole report.
pub fn report(comparisons: &[Comparison], around: &Context) -> String {
    let sections = comparisons.iter().map(|comparison| section(comparison, around));
    let steps = next::steps(comparisons, around).into_iter().map(|step| {
        let commands = step.commands.join("\n");
        format!("**Next**: {}\n\n```sh\n{commands}\n```\n", step.purpose)
    });
    sections.chain(steps).collect::<Vec<String>>().join("\n")
}

fn section(comparison: &Comparison, around: &Context) -> String {
    let mark = match comparison.outcome() {
        Outcome::Success => "✅",
        Outcome::InternalRegression | Outcome::CompetitiveRegression => "❌",
        Outcome::Undecided | Outcome::CannotJudge => "⚠️",
    };
    let task = comparison.task.as_ref();
    let task = task.map_or_else(String::new, |task| format!("task {task}, "));
    let headline = comparison.headline();
    let mut paragraphs = vec![
        format!("### {mark} {task}{}: {headline}", comparison.mode),
        escaped(&reason(comparison)),
    ];
    let sides = [("before", &comparison.before), ("after", &comparison.after)];
    let sides = || sides.iter().filter_map(|(phase, side)| Some((phase, side.as_ref()?)));
    if sides().any(|(_, side)| side.stand_in) {
        paragraphs.push(format!("**{}**", words::STAND_IN));
    }
    let reasons = comparison.reasons().iter().map(|reason| {
        let place = around.place(&reason.fault);
        let place = place.map_or_else(String::new, |place| escaped(&place) + ": ");
        place + &escaped(&reason.fault.why)
    });
    paragraphs.extend(list("Why it cannot be judged", reasons));
    if let (Some(before), Some(after)) = (&comparison.before, &comparison.after) {
        paragraphs.push(tables(comparison, before, after));
    }
    for known in evidence::evidence(comparison, &around.options) {
        let (title, lines) = (capitalised(&known.title), known.lines.join("\n"));
        paragraphs.push(format!("{title}:\n\n```text\n{lines}\n```"));
    }
    paragraphs.extend(position(comparison));
    paragraphs.extend(list("Measured", sides().map(|(phase, side)| files(phase, side))));
    let warnings = comparison.warnings.iter();
    paragraphs.extend(list("Warnings", warnings.map(|warning| escaped(warning))));
    paragraphs.join("\n\n") + "\n"
}

fn tables(comparison: &Comparison, before: &Side, after: &Side) -> String {
    let mut text =
        String::from("| | before | after | change | limit | |\n|---|---:|---:|---:|---:|---|");
    for row in table::metrics(comparison, before, after) {
        let _ = write!(text, "\n{}", line(&row));
    }
    for row in table::operations(comparison, before, after) {
        let name = format!("P99 ms of {}", escaped(&row.name));
        let _ = write!(text, "\n{}", line(&Row { name, ..row }));
    }
    text
}

fn line(row: &Row) -> String {
    let mark = match row.mark {
        Mark::Nothing => "",
        Mark::Within => "ok",
        Mark::Regressed => "**regressed**",
        Mark::Pinned => "ok, pinned by the offered load",
        Mark::Unsettled => "not settled",
        Mark::MovedMost => "moved most",
    };
    let Row { name, before, after, change, limit, .. } = row;
    [name, before, after, change, limit, mark].iter().fold(String::from("|"), |line, cell| {
        match cell.is_empty() {
            true => line + " |",
            false => format!("{line} {cell} |"),
        }
    })
}

fn position(comparison: &Comparison) -> Option<String> {
    let position = comparison.verdict()?.position?;
    let judged = comparison.judged();
    let status = judged.map_or_else(String::new, |_| format!(": {}", position.standing));
    Some(format!(
        "Against {COMPETITOR}, P99 {} ms: {} before, {} after{status}.",
        words::trimmed(position.baseline_ms, 3),
        words::speedup(position.speedup_before),
        words::speedup(position.speedup_after)
    ))
}

/// The result files of a side.
fn files(phase: &str, side: &Side) -> String {
    let name = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        format!("`{}`", name.replace('`', ""))
    };
    let names: Vec<String> = side.files.iter().map(name).collect();
    let spread = spread(side).map_or_else(String::new, |spread| format!(" ({spread})"));
    format!("{phase}: {}{spread}", names.join(", "))
}

/// `None` where it would be empty.
fn list(title: &str, lines: impl Iterator<Item = String>) -> Option<String> {
    let lines: Vec<String> = lines.map(|line| format!("- {line}")).collect();
    (!lines.is_empty()).then(|| format!("**{title}**\n\n{}", lines.join("\n")))
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// Text with the characters escaped that would make a table cell, mark-up or a mention.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in words::printable(text).chars() {
        match c {
            '|' | '*' | '_' | '`' | '<' | '[' | '\\' | '@' => {
                escaped.push('\\');
                escaped.push(c);
            }
            _ => escaped.push(c),
        }
    }
    escaped
}
