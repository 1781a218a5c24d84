//! Changes to a document by the line: everything that no edit names stays as it is.

use std::ops::Range;

use crate::store::markdown::{self, Line};

/// Lines to put in the place of some of a document's; an empty range inserts.
pub struct Edit {
    /// The lines to replace, counted from 0.
    pub lines: Range<usize>,
    /// What to put there, without line endings.
    pub replacement: Vec<String>,
}

impl Edit {
    /// Puts `text` before the line `at`.
    pub fn insert(at: usize, text: Vec<String>) -> Self {
        Self {
            lines: at..at,
            replacement: text,
        }
    }
}

/// The document with `edits`, which are in order and do not overlap, and with the line endings that
/// it has.
pub fn apply(lines: &[Line], edits: &[Edit]) -> String {
    let ends_windows = lines
        .first()
        // The only line may be half ended: what ends it makes it one of Windows.
        .is_some_and(|line| line.source.ends_with("\r\n") || line.source.ends_with('\r'));
    let ending = if ends_windows { "\r\n" } else { "\n" };
    let sources = |range: Range<usize>| {
        lines
            .get(range)
            .unwrap_or_default()
            .iter()
            .map(|line| line.source)
    };
    let mut document = String::new();
    let mut next = 0;
    for edit in edits {
        document.extend(sources(next..edit.lines.start));
        for line in &edit.replacement {
            if !document.is_empty() && !document.ends_with('\n') {
                document.push_str(if document.ends_with('\r') {
                    "\n"
                } else {
                    ending
                });
            }
            document.push_str(line);
            document.push_str(ending);
        }
        next = edit.lines.end;
    }
    document.extend(sources(next..lines.len()));
    document
}

/// `text` with a blank line at its end, if it would otherwise touch the line `at` behind it.
pub fn parted_from_next(lines: &[Line], at: usize, mut text: Vec<String>) -> Vec<String> {
    if lines.get(at).is_some_and(|line| !is_blank(line)) {
        text.push(String::new());
    }
    text
}

/// The end of `range` without the blank lines and the rules that part it from what follows.
pub fn content_end(lines: &[Line], range: &Range<usize>) -> usize {
    let mut end = range.end;
    while end > range.start + 1 {
        let Some(last) = lines.get(end - 1) else {
            break;
        };
        // A row of dashes right under a text is no rule but makes a heading of the text.
        let is_rule = last.visible.as_deref().is_some_and(markdown::is_rule)
            && is_blank_before(lines, end - 1);
        if !is_blank(last) && !is_rule {
            break;
        }
        end -= 1;
    }
    end
}

/// Whether the line shows, but has nothing on it.
pub fn is_blank(line: &Line) -> bool {
    line.visible
        .as_deref()
        .is_some_and(|text| text.trim().is_empty())
}

/// Whether nothing touches the line `at` from above.
pub fn is_blank_before(lines: &[Line], at: usize) -> bool {
    at.checked_sub(1)
        .and_then(|before| lines.get(before))
        .is_none_or(is_blank)
}
