//! A comparison for a pull-request comment or a CI step summary.

use crate::error::Error;
use crate::judge::comparison::Comparison;
use crate::model::names::{Mode, TaskId};
use crate::report::metrics::OF_OPERATIONS;
use crate::report::next::{self, Context};
use crate::report::reason::{ink, reason, subject};
use crate::report::table::{self, REGRESSED, Row};
use crate::report::{evidence, origin, words};
use crate::term::streams::Ink;
use crate::term::text;

/// The whole report.
pub fn report(comparisons: &[Comparison], around: &Context) -> String {
    let mut parts: Vec<String> = comparisons.iter().map(|one| section(one, around)).collect();
    let steps = next::steps(comparisons, around).into_iter().map(|(purpose, commands)| {
        let (purpose, commands) = (words::capitalised(purpose), commands.join("\n"));
        format!("{purpose}:\n\n```sh\n{commands}\n```\n\n")
    });
    let steps: String = steps.collect();
    if !steps.is_empty() {
        let summary = "<summary>Next, on your own machine</summary>";
        parts.push(format!("<details>{summary}\n\n{steps}</details>\n"));
    }
    parts.join("\n")
}

/// The report where nothing could be compared: `task` and `modes` are what was asked for.
pub(crate) fn failure(error: &Error, task: Option<&TaskId>, modes: &[Mode]) -> String {
    let markers: String = modes.iter().map(|mode| marker(task, *mode)).collect();
    let said = error.to_string();
    let lines: Vec<String> = said.lines().map(|line| text::markdown(line.trim())).collect();
    format!("{markers}### ⚠️ {}CANNOT JUDGE\n\n{}\n", of_task(task), lines.join("\n\n"))
}

/// An invisible line by which a workflow finds its comment again, to update it instead of writing another.
fn marker(task: Option<&TaskId>, mode: Mode) -> String {
    format!("<!-- perf-gate {} -->\n", subject(task, mode))
}

fn of_task(task: Option<&TaskId>) -> String {
    task.map_or_else(String::new, |task| format!("task {task}, "))
}

fn section(comparison: &Comparison, around: &Context) -> String {
    let mark = match ink(comparison) {
        Ink::GOOD => "✅",
        Ink::BAD => "❌",
        _ => "⚠️",
    };
    let (task, mode, headline) = (comparison.task.as_ref(), comparison.mode, comparison.headline());
    let (marker, task) = (marker(task, mode), of_task(task));
    let mut paragraphs = vec![
        format!("{marker}### {mark} {task}{mode}: {headline}"),
        text::markdown(&reason(comparison)),
    ];
    if let Some(reason) = &comparison.accepted {
        paragraphs.push(format!("Accepted: {}", text::markdown(reason)));
    }
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
        Some(REGRESSED) => "**regressed**",
        mark => mark.map_or("", |(mark, _)| mark),
    };
    let Row { name, before, after, change, limit, .. } = row;
    let cells = [name, before, after, change, limit, mark];
    let cells =
        cells.map(|cell| if cell.is_empty() { " |".to_owned() } else { format!(" {cell} |") });
    format!("|{}", cells.concat())
}

/// `None` where it would be empty.
fn list(title: &str, lines: impl Iterator<Item = String>) -> Option<String> {
    let lines: Vec<String> = lines.map(|line| format!("- {line}")).collect();
    (!lines.is_empty()).then(|| format!("**{title}**\n\n{}", lines.join("\n")))
}
