//! The lists of numbers within a section: which bullets are the tool's own, and how they give way
//! to new ones.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::edit::{Edit, is_blank, parted_from_next};
use crate::model::limits::COMPETITOR;
use crate::store::markdown::{self, CODE_INDENTATION, Line, pattern};

/// The name of the block of internal numbers.
pub const INTERNAL: &str = "Internal Performance";

/// The name of the block of competitive numbers.
pub const COMPETITIVE: &str = "Competitive Performance";

/// What stands before the text of a bullet in a list that has none yet.
pub const BULLET: &str = "  - ";

/// Replaces the known bullets of the list directly under a label, which `section` follows, and no
/// other.
///
/// Each is replaced where it stands by the new line of its label, and by those that come before
/// that one. One whose label is gone gives its place to the next new line, or goes once there are
/// none left. New lines that remain at the end follow the last known bullet.
pub fn list_edits(lines: &[Line], section: Range<usize>, numbers: &[String]) -> Vec<Edit> {
    let list = list_range(lines, section);
    let first = lines
        .get(list.clone())
        .and_then(|list| bullet(list.first()?));
    let prefix = first.map_or(BULLET, |(prefix, _)| prefix);
    let depth = markdown::indentation(prefix);
    let bulleted = |numbers: &[String]| {
        numbers
            .iter()
            .map(|line| format!("{prefix}{line}"))
            .collect::<Vec<_>>()
    };
    let mut edits = Vec::new();
    let mut seen = Vec::new();
    let mut remaining = numbers;
    let mut rest_at = list.start;
    for (index, line) in list
        .clone()
        .zip(lines.get(list.clone()).unwrap_or_default())
    {
        // A second bullet of one label is somebody's own.
        let known = known_bullet(line, depth).filter(|label| !seen.contains(label));
        if let Some(known) = known {
            seen.push(known);
            let same = remaining
                .iter()
                .position(|line| label(line) == Some(known))
                .unwrap_or(0);
            let (placed, rest) = remaining.split_at_checked(same + 1).unwrap_or_default();
            remaining = rest;
            edits.push(Edit {
                lines: index..index + 1,
                replacement: bulleted(placed),
            });
            rest_at = index + 1;
        } else if rest_at == index && continues(line, depth) {
            rest_at = index + 1;
        }
    }
    if !remaining.is_empty() {
        let text = bulleted(remaining);
        let text = if list.is_empty() {
            parted_from_next(lines, rest_at, text)
        } else {
            text
        };
        edits.push(Edit::insert(rest_at, text));
    }
    edits
}

/// The bulleted list that `section` starts with, or has after the blank and hidden lines there.
/// Such lines may also part its bullets; any other text that is not indented ends it, for that is
/// no longer the tool's to change.
fn list_range(lines: &[Line], section: Range<usize>) -> Range<usize> {
    let next_bullet = |from: usize| {
        let mut following = (from..section.end).zip(lines.get(from..section.end)?);
        let (index, line) =
            following.find(|(_, line)| line.visible.is_some() && !is_blank(line))?;
        bullet(line).map(|(prefix, _)| (index, markdown::indentation(prefix)))
    };
    let Some((first, depth)) = next_bullet(section.start) else {
        return section.start..section.start;
    };
    let mut end = first + 1;
    while let Some(line) = lines.get(end).filter(|_| end < section.end) {
        if continues(line, depth) {
            end += 1;
        } else if let Some((next, _)) = next_bullet(end) {
            end = next + 1;
        } else {
            break;
        }
    }
    first..end
}

/// Whether the line goes on with the bullet before it, as text that is indented further or as a
/// nested bullet.
fn continues(line: &Line, depth: usize) -> bool {
    let text = line.visible.as_deref().unwrap_or_default();
    let is_indented = !text.trim().is_empty() && markdown::indentation(text) > depth + 1;
    is_indented && block_label(line).is_none()
}

/// The name of the block that the line is the label of.
pub fn block_label(line: &Line) -> Option<&'static str> {
    let is_markup =
        |character: char| character.is_whitespace() || matches!(character, '*' | '_' | ':' | '#');
    let text = line.visible.as_deref()?;
    let may_be_label = markdown::indentation(text) < CODE_INDENTATION && bullet(line).is_none();
    let name = text.trim_matches(is_markup);
    [INTERNAL, COMPETITIVE]
        .into_iter()
        .find(|block| may_be_label && *block == name)
}

/// A bullet's marker, with the white space around it, and its text.
fn bullet<'a>(line: &'a Line) -> Option<(&'a str, &'a str)> {
    static BULLET: LazyLock<Regex> = LazyLock::new(|| pattern(r"^([ \t]*[-*+][ \t]+)(.*)$"));
    let parts = BULLET.captures(line.visible.as_deref()?)?;
    Some((parts.get(1)?.as_str(), parts.get(2)?.as_str()))
}

/// The label of a bullet of the list's own level, if it is one that the tool writes.
fn known_bullet<'a>(line: &'a Line, depth: usize) -> Option<&'a str> {
    let (prefix, text) = bullet(line)?;
    if markdown::indentation(prefix) > depth + 1 {
        None
    } else {
        label(text)
    }
}

/// What stands before the colon of a line of numbers: `Before`, `After`, `Change`, `Status` or `vs`
/// and the competitor.
pub fn label(text: &str) -> Option<&str> {
    static LABEL: LazyLock<Regex> = LazyLock::new(|| {
        pattern(&format!(
            "^(Before|After|Change|Status|vs {}):",
            regex::escape(COMPETITOR)
        ))
    });
    Some(LABEL.captures(text)?.get(1)?.as_str())
}
