//! A comparison for a pull-request comment or a CI step summary.

use std::path::PathBuf;

use crate::error::Error;
use crate::judge::comparison::{Comparison, Side};
use crate::judge::verdict::Outcome;
use crate::model::names::{Mode, Phase, TaskId};
use crate::report::evidence;
use crate::report::metrics::OF_OPERATIONS;
use crate::report::next::{self, Context};
use crate::report::origin;
use crate::report::reason::{reason, spread};
use crate::report::table::{self, Mark, Row};
use crate::report::words;
use crate::term::text;

/// The whole report.
pub fn report(comparisons: &[Comparison], around: &Context) -> String {
    let sections = comparisons.iter().map(|comparison| section(comparison, around));
    let steps = next::steps(comparisons, around).into_iter().map(|step| {
        let commands = step.commands.join("\n");
        format!("{}:\n\n```sh\n{commands}\n```\n", words::capitalised(step.purpose))
    });
    let steps: Vec<String> = steps.collect();
    let folded = (!steps.is_empty()).then(|| {
        let steps = steps.join("\n");
        format!("<details><summary>Next, on your own machine</summary>\n\n{steps}\n</details>\n")
    });
    sections.chain(folded).collect::<Vec<String>>().join("\n")
}

/// The report where nothing could be compared: `task` and `modes` are what was asked for.
pub(crate) fn failure(error: &Error, task: Option<&TaskId>, modes: &[Mode]) -> String {
    let markers: String = modes.iter().map(|mode| marker(task, *mode)).collect();
    let said = error.to_string();
    let lines: Vec<String> = said.lines().map(|line| text::markdown(line.trim())).collect();
    let task = task.map_or_else(String::new, |task| format!("task {task}, "));
    format!("{markers}### ⚠️ {task}CANNOT JUDGE\n\n{}\n", lines.join("\n\n"))
}

/// An invisible line by which a workflow finds its comment again, to update it instead of writing another.
fn marker(task: Option<&TaskId>, mode: Mode) -> String {
    let task = task.map_or_else(String::new, |task| format!("{task} "));
    format!("<!-- perf-gate {task}{mode} -->\n")
}

fn section(comparison: &Comparison, around: &Context) -> String {
    let mark = match comparison.outcome() {
        _ if comparison.is_unconfirmed() => "⚠️",
        Outcome::Success => "✅",
        Outcome::InternalRegression | Outcome::CompetitiveRegression => "❌",
        Outcome::Undecided | Outcome::CannotJudge => "⚠️",
    };
    let (task, mode) = (comparison.task.as_ref(), comparison.mode);
    let marker = marker(task, mode);
    let task = task.map_or_else(String::new, |task| format!("task {task}, "));
    let headline = comparison.headline();
    let mut paragraphs = vec![
        format!("{marker}### {mark} {task}{mode}: {headline}"),
        text::markdown(&reason(comparison)),
    ];
    let accepted = comparison.accepted.iter();
    paragraphs.extend(accepted.map(|reason| format!("Accepted: {}", text::markdown(reason))));
    if comparison.is_of_stand_in() {
        paragraphs.push(format!("**{}**", words::STAND_IN));
    }
    let reasons = comparison.reasons().iter().map(|reason| {
        let place = around.place(&reason.fault);
        let place = place.map_or_else(String::new, |place| text::markdown(&place) + ": ");
        place + &text::markdown(&reason.fault.why)
    });
    paragraphs.extend(list("Why it cannot be judged", reasons));
    if let Some([metrics, operations]) = table::of(comparison) {
        paragraphs.push(table(&metrics, operations));
        paragraphs.push(words::capitalised(OF_OPERATIONS) + ".");
    }
    for (title, lines) in evidence::evidence(comparison, around) {
        let (title, lines) = (words::capitalised(&title), lines.join("\n"));
        paragraphs.push(format!("{title}:\n\n```text\n{lines}\n```"));
    }
    let origin = origin::lines(comparison).into_iter();
    let origin = origin.map(|(name, said)| format!("{name}: {}", text::markdown(&said)));
    paragraphs.extend(list("Who, what, when", origin));
    let files = comparison.sides().map(|(phase, side)| files(phase, side));
    paragraphs.extend(list("Measured", files));
    let warnings = comparison.warnings.iter();
    paragraphs.extend(list("Warnings", warnings.map(|warning| text::markdown(warning))));
    paragraphs.join("\n\n") + "\n"
}

fn table(metrics: &[Row], operations: Vec<Row>) -> String {
    let mut lines: Vec<String> = metrics.iter().map(line).collect();
    lines.insert(1, "|---|---:|---:|---:|---:|---|".to_owned());
    lines.extend(operations.into_iter().map(|row| {
        let name = format!("P99 ms of {}", text::markdown(&row.name));
        line(&Row { name, ..row })
    }));
    lines.join("\n")
}

fn line(row: &Row) -> String {
    let mark = match row.mark {
        Mark::Regressed => "**regressed**",
        Mark::Pinned => "ok, pinned by the offered load",
        other => other.in_words(),
    };
    let Row { name, before, after, change, limit, .. } = row;
    [name, before, after, change, limit, mark].iter().fold(String::from("|"), |line, cell| {
        match cell.is_empty() {
            true => line + " |",
            false => format!("{line} {cell} |"),
        }
    })
}

/// The result files of a side.
fn files(phase: Phase, side: &Side) -> String {
    let name = |path: &PathBuf| {
        text::markdown_code(&path.file_name().unwrap_or_default().to_string_lossy())
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
