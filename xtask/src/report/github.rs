//! What a GitHub workflow reads: annotations as workflow commands, and key figures as step outputs.

use std::fmt::Write as _;

use crate::error::Error;
use crate::judge::comparison::Comparison;
use crate::judge::verdict::Outcome;
use crate::report::json;
use crate::report::metrics;
use crate::report::reason::reason;
use crate::report::words;
use crate::term::text;

/// An annotation for each verdict, and for each warning about it: a line each.
pub(crate) fn annotations(comparisons: &[Comparison]) -> String {
    let of = |comparison: &Comparison| {
        let level = match comparison.outcome() {
            outcome if outcome.is_regression() => "error",
            Outcome::Success if !comparison.is_unconfirmed() => "notice",
            _ => "warning",
        };
        let title = title(comparison);
        // Nothing follows an annotation that could name the files.
        let faults = comparison.reasons().iter().map(|reason| reason.fault.to_string());
        let why = faults.reduce(|all, one| format!("{all}; {one}"));
        let why = why.unwrap_or_else(|| reason(comparison));
        let mut verdict = format!("{}: {why}", comparison.headline());
        if comparison.is_of_stand_in() {
            verdict = format!("{verdict}; {}", words::STAND_IN);
        }
        let mut text = annotation(level, &title, &verdict);
        for warning in &comparison.warnings {
            text += &annotation("warning", &title, warning);
        }
        text
    };
    comparisons.iter().map(of).collect()
}

/// The annotation of a failure, with what to do next.
pub(crate) fn failure(error: &Error) -> String {
    annotation("error", "performance", &error.to_string())
}

fn title(comparison: &Comparison) -> String {
    let task = comparison.task.as_ref();
    let task = task.map_or_else(String::new, |task| format!("{task} "));
    format!("performance of {task}{}", comparison.mode)
}

/// `::error title=performance of 007 internal::REGRESSION: P99 +12.0%25`
fn annotation(level: &str, title: &str, message: &str) -> String {
    let property = escaped(title).replace(':', "%3A").replace(',', "%2C");
    format!("::{level} title={property}::{}\n", escaped(message))
}

/// Text as the runner reads it back: it takes `%` for the start of an escape, and a line break for the command's end.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => escaped.push_str("%25"),
            '\r' => escaped.push_str("%0D"),
            '\n' => escaped.push_str("%0A"),
            other => escaped.push_str(&text::printable(other.encode_utf8(&mut [0; 4]))),
        }
    }
    escaped
}

/// The step outputs: `name=value`, a line each. Every value is a number or a name of this tool's own.
pub(crate) fn outputs(comparisons: &[Comparison], outcome: Outcome) -> String {
    let mut text = format!("exit_code={}\nverdict={}\n", outcome.code(), json::outcome(outcome));
    for comparison in comparisons {
        let mode = comparison.mode;
        let _ = writeln!(text, "{mode}_verdict={}", json::outcome(comparison.outcome()));
        let _ = writeln!(text, "{mode}_faster={}", comparison.is_faster());
        let _ = writeln!(text, "{mode}_unconfirmed={}", comparison.is_unconfirmed());
        let _ = writeln!(text, "{mode}_stand_in={}", comparison.is_of_stand_in());
        for quantity in metrics::judged(|_| true) {
            for (phase, side) in comparison.sides() {
                if let Some(value) = quantity.value(side) {
                    let value = words::trimmed(value, MOST_DECIMALS);
                    let _ = writeln!(text, "{mode}_{phase}_{}={value}", quantity.key);
                }
            }
            if let (Some(verdict), Some(metric)) = (comparison.verdict(), quantity.judged()) {
                let change = words::trimmed(verdict.change(metric), MOST_DECIMALS);
                let _ = writeln!(text, "{mode}_{}={change}", quantity.change_key());
            }
        }
    }
    text
}

/// Finer than anything measured.
const MOST_DECIMALS: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_its_annotation_or_begins_another() {
        let line = annotation("error", "a: b, 5%", "50% slower\r\n::warning::\u{1b}[2J");
        let said = "::error title=a%3A b%2C 5%25::50%25 slower%0D%0A::warning::\\u{1b}[2J\n";
        assert_eq!(line, said);
    }
}
