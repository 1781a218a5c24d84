//! What a GitHub workflow reads: annotations as workflow commands, and key figures as step outputs.

use std::fmt::Display;

use crate::error::Error;
use crate::judge::comparison::Comparison;
use crate::judge::verdict::Outcome;
use crate::report::reason::{ink, reason, subject};
use crate::report::{json, metrics, words};
use crate::term::streams::Ink;
use crate::term::text;

/// An annotation for each verdict, and for each warning about it: a line each.
pub(crate) fn annotations(comparisons: &[Comparison]) -> String {
    let mut text = String::new();
    for comparison in comparisons {
        let level = match ink(comparison) {
            _ if comparison.outcome().is_regression() => "error",
            Ink::GOOD => "notice",
            _ => "warning",
        };
        let subject = subject(comparison.task.as_ref(), comparison.mode);
        let title = format!("performance of {subject}");
        // Nothing follows an annotation that could name the files.
        let faults = comparison.reasons().iter().map(|reason| reason.fault.to_string());
        let why = faults.reduce(|all, one| format!("{all}; {one}"));
        let why = why.unwrap_or_else(|| reason(comparison));
        let stand_in = comparison.is_of_stand_in().then(|| format!("; {}", words::STAND_IN));
        let stand_in = stand_in.unwrap_or_default();
        let verdict = format!("{}: {why}{stand_in}", comparison.headline());
        text += &annotation(level, &title, &verdict);
        for warning in &comparison.warnings {
            text += &annotation("warning", &title, warning);
        }
    }
    text
}

/// The annotation of a failure, with what to do next.
pub(crate) fn failure(error: &Error) -> String {
    annotation("error", "performance", &error.to_string())
}

/// `::error title=performance of 007 internal::REGRESSION: P99 +12.0%25`
fn annotation(level: &str, title: &str, message: &str) -> String {
    let property = escaped(title).replace(':', "%3A").replace(',', "%2C");
    format!("::{level} title={property}::{}\n", escaped(message))
}

/// Text as the runner reads it back: it takes `%` for the start of an escape, and a line break for the command's end.
fn escaped(text: &str) -> String {
    let escaped = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    text::printable(&escaped)
}

/// The step outputs: `name=value`, a line each. Every value is a number or a name of this tool's own.
pub(crate) fn outputs(comparisons: &[Comparison], outcome: Outcome) -> String {
    let mut text = format!("exit_code={}\nverdict={}\n", outcome.code(), json::outcome(outcome));
    for comparison in comparisons {
        let mut put = |name: &str, value: &dyn Display| {
            text += &format!("{}_{name}={value}\n", comparison.mode);
        };
        put("verdict", &json::outcome(comparison.outcome()));
        put("faster", &comparison.is_faster());
        put("unconfirmed", &comparison.is_unconfirmed());
        put("stand_in", &comparison.is_of_stand_in());
        // Finer than anything measured.
        let number = |value: f64| words::trimmed(value, 6);
        for (metric, quantity) in metrics::judged() {
            for (phase, side) in comparison.sides() {
                put(&format!("{phase}_{}", quantity.key), &number(metric.of(side.figures)));
            }
            if let Some(verdict) = comparison.verdict() {
                put(&quantity.change_key(), &number(verdict.change(metric)));
            }
        }
    }
    text
}

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
