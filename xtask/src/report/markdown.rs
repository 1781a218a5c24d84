//! A comparison for a pull-request comment or a CI step summary.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::judge::comparison::{Comparison, Judgement, Side};
use crate::judge::verdict::Decision;
use crate::report::evidence;
use crate::report::next::{self, Surroundings};
use crate::report::table::{self, Mark, Row};
use crate::report::words;

/// The whole report.
pub fn report(comparisons: &[Comparison], around: &Surroundings) -> String {
    let sections = comparisons
        .iter()
        .map(|comparison| section(comparison, around));
    let steps = next::steps(comparisons, around).into_iter().map(|step| {
        format!(
            "**Next**: {}\n\n```sh\n{}\n```\n",
            step.purpose,
            step.commands.join("\n")
        )
    });
    sections.chain(steps).collect::<Vec<String>>().join("\n")
}

fn section(comparison: &Comparison, around: &Surroundings) -> String {
    let mark = match comparison.decision() {
        Some(Decision::Clean) => "✅",
        Some(Decision::InternalRegression | Decision::CompetitiveRegression) => "❌",
        Some(Decision::Undecided) | None => "⚠️",
    };
    let task = comparison
        .task
        .as_ref()
        .map_or_else(String::new, |task| format!("task {task}, "));
    let mut paragraphs = vec![
        format!(
            "### {mark} {task}{}: {}",
            comparison.mode,
            comparison.headline()
        ),
        escaped(&words::reason(comparison)),
    ];
    let sides = [("before", &comparison.before), ("after", &comparison.after)]
        .map(|(phase, side)| Some((phase, side.as_ref()?)));
    if sides.iter().flatten().any(|(_, side)| side.stand_in) {
        paragraphs.push(format!("**{}**", words::STAND_IN));
    }
    if let Judgement::Impossible(reasons) = &comparison.judgement {
        let reasons = reasons.iter().map(|reason| match &reason.file {
            Some(file) => {
                let line = reason
                    .line
                    .map_or_else(String::new, |line| format!(":{line}"));
                format!(
                    "{}{line}: {}",
                    escaped(&around.path(file)),
                    escaped(&reason.why)
                )
            }
            None => escaped(&reason.why),
        });
        paragraphs.push(list("Why it cannot be judged", reasons));
    }
    if let (Some(before), Some(after)) = (&comparison.before, &comparison.after) {
        paragraphs.push(tables(comparison, before, after));
    }
    for known in evidence::evidence(comparison, &around.options) {
        let lines = known.lines.join("\n");
        paragraphs.push(format!(
            "{}:\n\n```text\n{lines}\n```",
            capitalised(&known.title)
        ));
    }
    paragraphs.extend(position(comparison));
    let measured = sides.into_iter().flatten();
    let measured: Vec<String> = measured.map(|(phase, side)| files(phase, side)).collect();
    if !measured.is_empty() {
        paragraphs.push(list("Measured", measured.into_iter()));
    }
    if !comparison.warnings.is_empty() {
        let warnings = comparison.warnings.iter().map(|warning| escaped(warning));
        paragraphs.push(list("Warnings", warnings));
    }
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
    let cells = [
        &row.name,
        &row.before,
        &row.after,
        &row.change,
        &row.limit,
        mark,
    ];
    cells
        .iter()
        .fold(String::from("|"), |line, cell| match cell.is_empty() {
            true => line + " |",
            false => format!("{line} {cell} |"),
        })
}

fn position(comparison: &Comparison) -> Option<String> {
    let position = words::verdict(comparison)?.position?;
    let status = match comparison.judgement {
        Judgement::Judged(_) => format!(": {}", position.standing),
        Judgement::SameServer(_) | Judgement::Impossible(_) => String::new(),
    };
    Some(format!(
        "Against {}, P99 {} ms: {} before, {} after{status}.",
        words::COMPETITOR,
        words::trimmed(position.baseline_ms, 3),
        words::speedup(position.speedup_before),
        words::speedup(position.speedup_after)
    ))
}

/// What a side was told from.
fn files(phase: &str, side: &Side) -> String {
    let name = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        format!("`{}`", name.replace('`', ""))
    };
    let names: Vec<String> = side.files.iter().map(name).collect();
    let spread = words::spread(side).map_or_else(String::new, |spread| format!(" ({spread})"));
    format!("{phase}: {}{spread}", names.join(", "))
}

fn list(title: &str, lines: impl Iterator<Item = String>) -> String {
    let lines: Vec<String> = lines.map(|line| format!("- {line}")).collect();
    format!("**{title}**\n\n{}", lines.join("\n"))
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// Text that stays text: no table cell, mark-up or mention comes of it.
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
