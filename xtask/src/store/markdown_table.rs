//! Tables as GitHub's Markdown has them (<https://github.github.com/gfm/#tables-extension->).

use std::sync::LazyLock;

use regex::Regex;

use crate::store::markdown::{self, CODE_INDENTATION, Line, pattern};

/// A Markdown table, with its cells as they are written.
pub struct Table {
    /// The line of its header, from 1.
    pub line: usize,
    /// The cells of its header.
    pub header: Vec<String>,
    /// What stands below the delimiter row.
    pub rows: Vec<Row>,
}

/// A row of a table; it may have more or fewer cells than the header.
pub struct Row {
    /// Its line, from 1.
    pub line: usize,
    /// Its cells, from the left.
    pub cells: Vec<String>,
}

/// The tables among the lines of a document, in order.
pub fn tables(lines: &[Line]) -> Vec<Table> {
    let mut tables = Vec::new();
    let mut numbered = (1..).zip(lines).peekable();
    while let Some((line, text)) = numbered.next() {
        let delimiter = numbered.peek().and_then(|(_, next)| table_text(next));
        let (Some(header), Some(delimiter)) = (table_text(text), delimiter) else {
            continue;
        };
        if !is_delimiter(delimiter) {
            continue;
        }
        let header = cells(header);
        if header.len() != cells(delimiter).len() {
            continue;
        }
        numbered.next();
        let mut rows = Vec::new();
        while let Some((line, text)) = numbered.next_if(|(_, next)| table_text(next).is_some()) {
            rows.push(Row {
                line,
                cells: table_text(text).map(cells).unwrap_or_default(),
            });
        }
        tables.push(Table { line, header, rows });
    }
    tables
}

/// What shows of a line that a table may go on with; `None` for one that is blank or starts another
/// block.
fn table_text<'a>(line: &'a Line) -> Option<&'a str> {
    static OTHER_BLOCK: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^ {0,3}(?:>|[-*+](?:[ \t]|$)|[0-9]{1,9}[.)](?:[ \t]|$))"));
    let text = line.visible.as_deref()?;
    let ends_table = text.trim().is_empty()
        || markdown::indentation(text) >= CODE_INDENTATION
        || markdown::heading(text).is_some()
        || markdown::is_rule(text)
        || OTHER_BLOCK.is_match(text);
    (!ends_table).then_some(text)
}

fn is_delimiter(text: &str) -> bool {
    static DELIMITER: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
    });
    DELIMITER.is_match(text)
}

/// The cells of a row, split at the pipes that no backslash escapes.
fn cells(row: &str) -> Vec<String> {
    let row = row.trim();
    let row = row.strip_prefix('|').unwrap_or(row);
    let mut cells = Vec::new();
    let mut cell = String::new();
    let mut characters = row.chars();
    while let Some(character) = characters.next() {
        match character {
            '|' => cells.push(std::mem::take(&mut cell)),
            '\\' => cell.extend(std::iter::once(character).chain(characters.next())),
            _ => cell.push(character),
        }
    }
    // What follows the closing pipe is no cell.
    if !cell.trim().is_empty() || cells.is_empty() {
        cells.push(cell);
    }
    cells
}
