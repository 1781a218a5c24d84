//! Published figures of the competitors, from the tables of a Markdown document.
//!
//! A baseline table has a column `System` and a column `P99 Latency`, anywhere and in any order,
//! and neither a column `Quarter` nor a first column of times or versions, which make a table a
//! history. Nothing else in the document is read: no prose, no other table, no code block, no
//! comment.

use std::fmt;
use std::iter::repeat;
use std::sync::LazyLock;

use regex::Regex;

use crate::error::Fault;
use crate::model::load_result::LATENCIES_MS;
use crate::store::markdown::{self, Line, pattern};

/// A competitor's 99th percentile of latency, as its document states it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Latency {
    /// The lower end in milliseconds, above zero.
    pub(crate) low_ms: f64,
    /// The upper end in milliseconds, not below the lower; the same unless the document gives a
    /// range.
    pub(crate) high_ms: f64,
    /// The line of the document, from 1, that states it.
    pub(crate) line: usize,
}

impl Latency {
    /// The latency in milliseconds, unless the document gives a range.
    pub(crate) fn single_ms(&self) -> Option<f64> {
        agree(self.low_ms, self.high_ms).then_some(self.low_ms)
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.single_ms() {
            Some(only) => write!(f, "{only}ms"),
            None => write!(f, "{}-{}ms", self.low_ms, self.high_ms),
        }
    }
}

/// A row of a baseline table.
#[derive(Debug)]
pub(crate) struct Row {
    /// The line of the row, from 1.
    pub(crate) line: usize,
    /// The line of the table's header, from 1.
    table_line: usize,
    /// The column names in lower case, each with its cell, both without markup.
    cells: Vec<(String, String)>,
}

impl Row {
    /// The text of the first cell under `column`, without markup; empty if there is none. `column` is in lower case:
    /// `system`, `scenario file`, `throughput (qps)`.
    pub(crate) fn cell(&self, column: &str) -> &str {
        let cell = self.cells.iter().find(|(name, _)| name == column);
        cell.map_or("", |(_, text)| text)
    }

    /// The latency under each P99 column: `p99 latency` or `p99 latency (ms)`.
    ///
    /// # Errors
    /// If a cell is not a number above zero, or a range, in `us`, `ms` or `s`.
    pub(crate) fn p99(&self) -> Result<Vec<Latency>, Fault> {
        let mut latencies = Vec::new();
        for (column, cell) in &self.cells {
            let Some(unit) = p99_unit(column) else {
                continue;
            };
            let (low_ms, high_ms) = range_ms(&cell.to_lowercase(), unit).ok_or_else(|| {
                let system = self.cell(SYSTEM);
                let rule =
                    "not a number above zero with its unit (us, ms or s), nor a range of two";
                let why = format!("the P99 latency of {system} is {cell:?}, which is {rule}");
                Fault::new(why).at_line(self.line)
            })?;
            let line = self.line;
            latencies.push(Latency { low_ms, high_ms, line });
        }
        Ok(latencies)
    }
}

/// Reads the P99 latency of `system` from the baseline tables of `document`.
///
/// The name has to be the whole cell, but for its markup and the case of its letters. Rows that
/// agree are one; the first is returned.
///
/// # Errors
/// If no baseline table has the system, if a row of it has no readable latency, or if two rows of it
/// disagree.
pub(crate) fn p99(document: &str, system: &str) -> Result<Latency, Fault> {
    let name = plain_text(system);
    let rows = rows(document)?;
    let mut stated = Vec::new();
    for row in &rows {
        if !name.is_empty() && row.cell(SYSTEM).to_lowercase() == name.to_lowercase() {
            stated.extend(row.p99()?);
        }
    }
    let Some(first) = stated.first() else {
        let why = format!("no row for {name:?} in the column System of this table");
        return Err(Fault::new(why).at_line(rows.first().map_or(1, |row| row.table_line)));
    };
    let agrees =
        |other: &&Latency| agree(other.low_ms, first.low_ms) && agree(other.high_ms, first.high_ms);
    let Some(other) = stated.iter().find(|other| !agrees(other)) else {
        return Ok(*first);
    };
    let why = format!(
        "the P99 latency of {name} is {other} here, but {first} in line {}: keep the one that holds",
        first.line
    );
    Err(Fault::new(why).at_line(other.line))
}

/// Reads the rows of the baseline tables of `document`, in order.
///
/// # Errors
/// If there is no such row, or if a code block or a comment may hide one.
pub(crate) fn rows(document: &str) -> Result<Vec<Row>, Fault> {
    let lines = markdown::read(document)?;
    let mut rows = Vec::new();
    let mut numbered = (1..).zip(lines.iter().map(row_cells)).peekable();
    while let Some((table_line, header)) = numbered.next() {
        let delimiter = numbered.peek().and_then(|(_, next)| next.as_ref());
        let (Some(header), Some(delimiter)) = (header, delimiter) else {
            continue;
        };
        if !delimiter.iter().all(|cell| is_delimiter(cell)) || header.len() != delimiter.len() {
            continue;
        }
        let names: Vec<String> =
            header.into_iter().map(|cell| plain_text(cell).to_lowercase()).collect();
        numbered.next();
        let is_baseline_table = is_baseline_table(&names);
        while let Some((line, Some(cells))) = numbered.next_if(|(_, next)| next.is_some()) {
            if is_baseline_table {
                let cells = cells.into_iter().chain(repeat("")).map(plain_text);
                rows.push(Row {
                    line,
                    table_line,
                    cells: names.iter().cloned().zip(cells).collect(),
                });
            }
        }
    }
    if rows.is_empty() {
        let why = "no table with the columns System and P99 Latency";
        return Err(Fault::new(why));
    }
    Ok(rows)
}

const SYSTEM: &str = "system";

/// A first column whose name begins with one of these words makes its table a history.
const HISTORY_WORDS: [&str; 8] =
    ["date", "day", "month", "period", "release", "version", "when", "year"];

/// A unit of time, as a pattern. The micro sign and the Greek letter mu look alike.
const UNIT: &str = "(us|\u{b5}s|\u{3bc}s|ms|s)";

/// A decimal number with or without thousands separators, as a pattern.
const NUMBER: &str = r"([0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?)";

/// True for latencies that differ by no more than the last bit of a conversion between units.
fn agree(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * one.abs()
}

fn is_baseline_table(columns: &[String]) -> bool {
    let first = columns.first().and_then(|name| name.split(|c: char| !c.is_alphanumeric()).next());
    let has = |wanted: &str| columns.iter().any(|name| name == wanted);
    let is_history = has("quarter") || first.is_some_and(|word| HISTORY_WORDS.contains(&word));
    has(SYSTEM) && columns.iter().any(|name| p99_unit(name).is_some()) && !is_history
}

/// The unit in the name of a P99 column, which may be empty; `None` for another column.
fn p99_unit(column: &str) -> Option<&str> {
    static NAME: LazyLock<Regex> =
        LazyLock::new(|| pattern(&format!(r"^p99 latency(?: ?[(\[] ?{UNIT} ?[)\]])?$")));
    let unit = NAME.captures(column)?.get(1);
    Some(unit.map_or("", |unit| unit.as_str()))
}

/// Both ends in milliseconds of `text`, a number or a range with one unit or two, or with that of the column.
fn range_ms(text: &str, column_unit: &str) -> Option<(f64, f64)> {
    static VALUE: LazyLock<Regex> = LazyLock::new(|| {
        let dash = "[-\u{2013}\u{2014}]";
        pattern(&format!(r"^{NUMBER} ?{UNIT}?(?: ?{dash} ?{NUMBER} ?{UNIT}?)?$"))
    });
    let parts = VALUE.captures(text)?;
    let part = |index: usize| parts.get(index).map(|part| part.as_str());
    let (low, low_unit) = (part(1)?, part(2));
    let (high, high_unit) = part(3).map_or((low, low_unit), |high| (high, part(4)));
    let high_unit = high_unit.unwrap_or(column_unit);
    let low = milliseconds(low, low_unit.unwrap_or(high_unit))?;
    let high = milliseconds(high, high_unit)?;
    (low <= high).then_some((low, high))
}

fn milliseconds(number: &str, unit: &str) -> Option<f64> {
    let value: f64 = number.replace(',', "").parse().ok()?;
    let milliseconds = match unit {
        "" => return None,
        "s" => value * 1e3,
        "ms" => value,
        _ => value / 1e3,
    };
    LATENCIES_MS.contains(&milliseconds).then_some(milliseconds)
}

/// The cells of a line that a table may start or go on with, split at the pipes that no backslash escapes. `None` for a
/// line that is blank or starts another block.
fn row_cells<'a>(line: &'a Line) -> Option<Vec<&'a str>> {
    static OTHER_BLOCK: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^(?: {0,3}\t| {4}|[ \t]*$| {0,3}(?:>|(?:#{1,6}|[-*+]|[0-9]{1,9}[.)])(?:[ \t]|$)))",
        )
    });
    static CELL: LazyLock<Regex> = LazyLock::new(|| pattern(r"((?:\\.|[^|])*)(?:\||$)"));
    let text = line.text.as_deref()?;
    if markdown::is_rule(text) || OTHER_BLOCK.is_match(text) {
        return None;
    }
    let row = text.trim();
    let cells = CELL.captures_iter(row.strip_prefix('|').unwrap_or(row));
    Some(cells.filter_map(|parts| Some(parts.get(1)?.as_str())).collect())
}

fn is_delimiter(cell: &str) -> bool {
    static DELIMITER: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[ \t]*:?-+:?[ \t]*$"));
    DELIMITER.is_match(cell)
}

/// The text of a cell: without its links, its emphasis and its escapes, and with single
/// spaces. Text that is struck out keeps its marks, so that a value that was taken back cannot be
/// read.
fn plain_text(cell: &str) -> String {
    static MARKUP: LazyLock<[(Regex, &str); 6]> = LazyLock::new(|| {
        [
            (r"\[\^[^\[\]]*\]", ""),
            (r"!?\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])", "$1"),
            (r"`+([^`]+)`+", "$1"),
            (r"\*{1,3}([^*]+)\*{1,3}", "$1"),
            (r"^[ \t]*_{1,3}([^_]+)_{1,3}[ \t]*$", "$1"),
            (r"\\([!-/:-@\[-`{-~])", "$1"),
        ]
        .map(|(markup, shown)| (pattern(markup), shown))
    });
    let stripped = MARKUP.iter().fold(cell.to_owned(), |text, (markup, shown)| {
        markup.replace_all(&text, *shown).into_owned()
    });
    stripped.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: &str = "| System | P99 Latency |\n|---|---|\n";

    fn table(rows: &str) -> String {
        format!("# Baselines\n\n{HEAD}{rows}\n")
    }

    fn one(cell: &str) -> Option<(f64, f64)> {
        let latency = p99(&table(&format!("| Neo4j | {cell} |")), "Neo4j").ok()?;
        Some((latency.low_ms, latency.high_ms))
    }

    fn single(document: &str) -> Option<f64> {
        p99(document, "Neo4j").ok()?.single_ms()
    }

    fn error(document: &str) -> Fault {
        p99(document, "Neo4j").expect_err("a baseline")
    }

    #[test]
    fn our_own_document_gives_every_competitor() {
        let document = include_str!("../../../docs/reference/competitive_baselines.md");
        let expected = [
            ("Qdrant", 22.0, 24.0),
            ("Neo4j", 27.96, 27.96),
            ("Milvus", 708.0, 708.0),
            ("Weaviate", 70.0, 150.0),
            ("Redis", 8.0, 8.0),
        ];
        for (system, low, high) in expected {
            let latency = p99(document, system).expect(system);
            assert_eq!((latency.low_ms, latency.high_ms), (low, high), "{system}");
        }
    }

    #[test]
    fn our_own_document_gives_every_row() {
        let document = include_str!("../../../docs/reference/competitive_baselines.md");
        let rows = rows(document).expect("rows");
        let stated: Vec<_> = rows
            .iter()
            .map(|row| ["system", "throughput (qps)", "scenario file"].map(|name| row.cell(name)))
            .collect();
        let expected = [
            ["Qdrant", "626", "qdrant_ann_1m_768d.toml"],
            ["Neo4j", "280", "neo4j_traversal_100k.toml"],
            ["Milvus", "2,098", "milvus_ann_10m.toml"],
            ["Weaviate", "200-400", "none"],
            ["Redis", "N/A", "none"],
        ];
        assert_eq!(stated, expected);
        assert!(rows.is_sorted_by_key(|row| row.line) && rows.iter().all(|row| row.p99().is_ok()));
    }

    #[test]
    fn a_long_document_gives_the_row_of_its_baseline_table() {
        let document = "\
# Baselines

In passing: System Neo4j, P99 Latency 99ms.

| Metric | Value |
|--------|-------|
| P99 Latency | 98ms |
| Neo4j | 97ms |

```text
| System | P99 Latency |
|--------|-------------|
| Neo4j | 96ms |
```

<!--
| System | P99 Latency |
|--------|-------------|
| Neo4j | 95ms |
-->

| Source | System | Recall | P99 Latency | Note |
|:-------|:------:|-------:|-------------|------|
| [a](https://example.org/a) | Neo4j Aura | N/A | pending | x \\| y |
| [b](https://example.org/b) | [Neo4j](https://example.org) | **99%** | **27.96ms** | x |

| Quarter | Neo4j | Engram | Gap |
|---------|-------|--------|-----|
| Q1 | 94ms | **0.45ms** | -98.4% |

| System | P99 Latency Target |
|--------|--------------------|
| Neo4j | 93ms |

| Quarter | System | P99 Latency |
|---------|--------|-------------|
| Q1 | Neo4j | 92ms |
";
        assert_eq!(p99(document, "Neo4j"), Ok(Latency { low_ms: 27.96, high_ms: 27.96, line: 25 }));
    }

    #[test]
    fn a_table_that_begins_with_times_or_versions_is_a_history() {
        for column in ["Date", "When", "Month", "Year", "**Version**", "Release (Engram)"] {
            let document = format!(
                "| {column} | System | P99 Latency |\n|---|---|---|\n| x | Neo4j | 30ms |\n\n{HEAD}| Neo4j | 27.96ms |\n"
            );
            assert_eq!(single(&document), Some(27.96), "{column}");
        }
    }

    #[test]
    fn a_version_or_a_date_beside_the_system_makes_no_history() {
        let document = "| System | Version | Date | P99 Latency |\n|---|---|---|---|\n| Neo4j | 5.14 | x | 27.96ms |\n";
        assert_eq!(single(document), Some(27.96));
    }

    #[test]
    fn a_value_that_no_clock_shows_is_refused() {
        for cell in ["0.0000001us", "100000s", "0ms"] {
            assert_eq!(one(cell), None, "{cell}");
        }
    }

    #[test]
    fn a_value_may_be_marked_up() {
        let cells = [
            "27.96ms",
            "27.96 ms",
            "**27.96ms**",
            "__27.96ms__",
            "`27.96ms`",
            "*27.96* ms",
            "27.96MS",
            "[27.96ms](https://example.org/a_b)",
            "**[27.96 ms](x)**",
            "[**27.96ms**][1]",
            "27.96ms[^1]",
            "27.96\u{a0}ms",
            "27.96ms <!-- was 30ms -->",
            "27960us",
        ];
        for cell in cells {
            assert_eq!(one(cell), Some((27.96, 27.96)), "{cell}");
        }
    }

    #[test]
    fn units_are_converted_to_milliseconds() {
        assert_eq!(one("450us"), Some((0.45, 0.45)));
        assert_eq!(one("450\u{b5}s"), Some((0.45, 0.45)));
        assert_eq!(one("450 \u{3bc}s"), Some((0.45, 0.45)));
        assert_eq!(one("0.5s"), Some((500.0, 500.0)));
    }

    #[test]
    fn thousands_may_be_separated_by_commas() {
        assert_eq!(one("1,234.5ms"), Some((1234.5, 1234.5)));
        assert_eq!(one("1,234,567us"), Some((1234.567, 1234.567)));
    }

    #[test]
    fn a_range_has_two_ends() {
        for cell in [
            "22-24ms",
            "22 - 24 ms",
            "22\u{2013}24 ms",
            "22\u{2014}24ms",
            "22ms-24ms",
            "**22-24ms**",
        ] {
            assert_eq!(one(cell), Some((22.0, 24.0)), "{cell}");
        }
        assert_eq!(one("900us-1.5ms"), Some((0.9, 1.5)));
    }

    #[test]
    fn a_range_is_no_single_value() {
        assert_eq!(single(&table("| Neo4j | 22-24ms |")), None);
        assert_eq!(single(&table("| Neo4j | 24-24ms |")), Some(24.0));
    }

    #[test]
    fn an_unreadable_value_is_an_error_at_its_line() {
        let cells = [
            "",
            "-",
            "N/A",
            "pending",
            "(pending)",
            "27.96",
            "~28ms",
            "<28ms",
            "\u{2248}28ms",
            "28+ms",
            "28ms?",
            "-28ms",
            "0ms",
            "0-5ms",
            "NaN",
            "NaNms",
            "infms",
            "1e3ms",
            ".5ms",
            "28.ms",
            "27,96ms",
            "1,23,456ms",
            "1 234ms",
            "28ns",
            "28min",
            "24-22ms",
            "22-24",
            "22ms-24",
            "22-24-26ms",
            "~~28ms~~",
            "~~30ms~~ 28ms",
            "28ms 29ms",
            "27.96ms (cold)",
            "\u{664}ms",
        ];
        let huge = format!("{}ms", "9".repeat(400));
        for cell in cells.into_iter().chain([huge.as_str()]) {
            let error = error(&table(&format!("| Neo4j | {cell} |")));
            assert_eq!(error.line, Some(5), "{cell}");
            assert!(error.why.starts_with("the P99 latency of Neo4j is \""), "{error}");
        }
    }

    #[test]
    fn a_row_that_ends_before_its_latency_is_an_error_at_its_line() {
        assert_eq!(error(&table("| Qdrant | 22ms |\n| Neo4j |")).line, Some(6));
    }

    #[test]
    fn a_column_may_name_the_unit() {
        let named = |header: &str, cell: &str| {
            single(&format!("| System | {header} |\n|---|---|\n| Neo4j | {cell} |\n"))
        };
        assert_eq!(named("P99 Latency (ms)", "27.96"), Some(27.96));
        assert_eq!(named("**P99 latency** [us]", "450"), Some(0.45));
        assert_eq!(named("P99 Latency (s)", "1,000.5"), Some(1_000_500.0));
        assert_eq!(named("P99 Latency (ms)", "450us"), Some(0.45));
        assert_eq!(named("P99 Latency (hours)", "1"), None);
    }

    #[test]
    fn a_header_may_be_marked_up_and_in_any_case() {
        let document = "| **P99  LATENCY** | [`system`](x) |\n|:-:|--:|\n| 27.96ms | Neo4j |\n";
        assert_eq!(single(document), Some(27.96));
    }

    #[test]
    fn a_row_may_do_without_its_outer_pipes() {
        assert_eq!(single("System | P99 Latency\n--- | ---\nNeo4j | 27.96ms\n"), Some(27.96));
        assert_eq!(single("| System | P99 Latency\n|---|---\nNeo4j | 27.96ms |   \n"), Some(27.96));
    }

    #[test]
    fn windows_line_endings_and_trailing_spaces_change_nothing() {
        let document = table("| Neo4j | 27.96ms |   ").replace('\n', "  \r\n");
        assert_eq!(single(&document), Some(27.96));
    }

    #[test]
    fn an_escaped_pipe_belongs_to_its_cell() {
        let document =
            "| Note | System | P99 Latency |\n|---|---|---|\n| a \\| b | Neo4j | 27.96ms |\n";
        assert_eq!(single(document), Some(27.96));
        assert_eq!(p99(&table("| A\\|B | 3ms |"), "A|B").map(|latency| latency.low_ms), Ok(3.0));
    }

    #[test]
    fn a_table_needs_a_delimiter_row_of_its_width() {
        assert_eq!(
            single("| System | P99 Latency |\n| Qdrant | 22ms |\n| Neo4j | 27.96ms |\n"),
            None
        );
        assert_eq!(single("| System | P99 Latency |\n|---|\n| Neo4j | 27.96ms |\n"), None);
        assert_eq!(single("| System | P99 Latency |\n\n|---|---|\n| Neo4j | 27.96ms |\n"), None);
    }

    #[test]
    fn a_table_ends_where_another_block_starts() {
        for end in [
            "", "# Next", "> quote", "- item", "1. item", "---", "    code", "```\n```", "<!-- -->",
        ] {
            let document = table(&format!("| Qdrant | 22ms |\n{end}\n| Neo4j | 27.96ms |"));
            assert_eq!(single(&document), None, "{end}");
        }
    }

    #[test]
    fn a_table_in_a_quotation_or_in_indented_code_is_not_read() {
        for prefix in ["> ", ">", "    ", "\t"] {
            let document: String = table("| Neo4j | 27.96ms |")
                .lines()
                .map(|line| format!("{prefix}{line}\n"))
                .collect();
            assert_eq!(single(&document), None, "{prefix:?}");
        }
    }

    #[test]
    fn a_lookalike_header_within_another_table_is_a_row_of_it() {
        let document =
            "| A | B |\n|---|---|\n| System | P99 Latency |\n|---|---|\n| Neo4j | 27.96ms |\n";
        assert_eq!(single(document), None);
    }

    #[test]
    fn a_system_is_named_whole_and_in_any_case() {
        let document = table("| Neo4j Aura | 1ms |\n| neo4j | 27.96ms |\n| My_Store_2 | 3ms |");
        assert_eq!(p99(&document, "NEO4J").map(|latency| latency.low_ms), Ok(27.96));
        assert_eq!(p99(&document, "Neo4j Aura").map(|latency| latency.low_ms), Ok(1.0));
        assert_eq!(p99(&document, "my_store_2").map(|latency| latency.low_ms), Ok(3.0));
        assert!(p99(&document, "Neo").is_err());
    }

    #[test]
    fn an_empty_name_is_nobody() {
        assert!(p99(&table("| | 27.96ms |"), "").is_err());
    }

    #[test]
    fn rows_that_agree_are_one_at_the_first_line() {
        let document =
            format!("{}\n{}", table("| Neo4j | 27.96ms |"), table("| **Neo4j** | 27,960 us |"));
        assert_eq!(p99(&document, "Neo4j").map(|latency| latency.line), Ok(5));
    }

    #[test]
    fn rows_that_disagree_are_an_error_at_the_second() {
        let error =
            error(&format!("{}\n{}", table("| Neo4j | 27.96ms |"), table("| Neo4j | 27-28ms |")));
        assert_eq!(error.line, Some(11));
        let what = "the P99 latency of Neo4j is 27-28ms here, but 27.96ms in line 5: keep the one that holds";
        assert_eq!(error.why, what);
    }

    #[test]
    fn two_p99_columns_that_disagree_are_an_error() {
        let document =
            "| System | P99 Latency | P99 Latency (us) |\n|---|---|---|\n| Neo4j | 28ms | 27 |\n";
        assert_eq!(error(document).line, Some(3));
    }

    #[test]
    fn no_row_is_an_error_at_the_table() {
        let error = error(&table("| Qdrant | 22ms |"));
        assert_eq!(error.line, Some(3));
        assert_eq!(error.why, "no row for \"Neo4j\" in the column System of this table");
    }

    #[test]
    fn no_row_in_several_tables_is_an_error_at_the_first() {
        let document = table("| Qdrant | 22ms |") + &table("| Redis | 8ms |");
        assert_eq!(error(&document).line, Some(3));
    }

    #[test]
    fn a_column_is_named_whole() {
        let document = "| Operating System | System | P99 Latency Target | P99 Latency |\n\
                        |---|---|---|---|\n\
                        | Neo4j | Qdrant | 1ms | 2ms |\n\
                        | Linux | Neo4j | 3ms | 27.96ms |\n";
        assert_eq!(single(document), Some(27.96));
    }

    #[test]
    fn no_table_is_an_error_without_a_line() {
        for document in [
            "",
            "Neo4j has a P99 Latency of 27.96ms",
            "| System | P99 |\n|---|---|\n| Neo4j | 27.96ms |",
        ] {
            assert_eq!(error(document).line, None, "{document}");
        }
    }

    #[test]
    fn what_is_never_closed_is_named_when_it_hides_the_table() {
        let error = error(&format!("text\n<!-- note\n{}", table("| Neo4j | 27.96ms |")));
        assert_eq!(error.line, Some(2));
        assert!(error.why.contains("never closed"), "{error}");
    }

    #[test]
    fn a_table_that_may_or_may_not_be_hidden_is_an_error_at_the_line() {
        let table = table("| Neo4j | 27.96ms |");
        for start in ["x <!-- y", "<pre>", "- ```", "  ```", "a `<!--`"] {
            let document = format!("{start}\n{table}\n-->\n");
            assert_eq!(error(&document).line, Some(1), "{start}");
        }
    }

    #[test]
    fn hostile_lines_are_read_in_one_pass() {
        for part in [
            "|",
            "[",
            "[a](",
            "`",
            "`a``b",
            "*",
            "_",
            "\\",
            "<!--",
            "<!-- `",
            "|-",
            "| System ",
            "1,111",
            "- ",
        ] {
            let long = part.repeat(10_000);
            let tall = format!("{part}\n").repeat(5_000);
            let document = format!(
                "{}\n{tall}\n{long}\n{HEAD}| {long} | {long} |\n",
                table(&format!("| Neo4j | {long} |"))
            );
            assert!(p99(&document, "Neo4j").is_err(), "{part}");
        }
    }

    /// A baseline table, however it may be written, with the value that it states.
    fn any_table() -> impl Strategy<Value = (String, u32)> {
        let markup = prop::sample::select(vec![
            ("", ""),
            ("**", "**"),
            ("`", "`"),
            ("[", "](https://example.org)"),
        ]);
        let others = prop::sample::subsequence(
            vec!["Category", "Recall", "Dataset", "P50 Latency", "Source"],
            0..=5,
        );
        let padding = prop::sample::select(vec!["", " ", "   "]);
        (1..10_000_000_u32, others, any::<(prop::sample::Index, bool, bool)>(), markup, padding)
            .prop_map(
                |(
                    microseconds,
                    others,
                    (place, outer_pipes, windows),
                    (before, after),
                    padding,
                )| {
                    let latency = format!(
                        "{before}{}.{:03}ms{after}",
                        microseconds / 1000,
                        microseconds % 1000
                    );
                    let mut columns: Vec<(&str, &str, String)> = others
                        .into_iter()
                        .map(|name| (name, "7 \\| ms", "N/A".to_owned()))
                        .collect();
                    for column in [
                        ("P99 Latency", "1ms", latency),
                        ("System", "Other", format!("{before}Neo4j{after}")),
                    ] {
                        columns.insert(place.index(columns.len() + 1), column);
                    }
                    let line = |cells: Vec<&str>| {
                        let row = cells.join(&format!("{padding}|{padding}"));
                        if outer_pipes { format!("|{padding}{row}{padding}|") } else { row }
                    };
                    let lines = [
                        line(columns.iter().map(|column| column.0).collect()),
                        line(columns.iter().map(|_| "---").collect()),
                        line(columns.iter().map(|column| column.1).collect()),
                        line(columns.iter().map(|column| column.2.as_str()).collect()),
                    ];
                    (lines.join(if windows { "\r\n" } else { "\n" }), microseconds)
                },
            )
    }

    fn markdown_like() -> impl Strategy<Value = String> {
        r"([|`~*_\[\]()<>!\\# -]|\||\r?\n|System|P99 Latency|Neo4j|28ms|---|<!--|-->|```|\PC){0,60}"
    }

    proptest! {
        #[test]
        fn any_text_is_an_answer_or_an_error(document in any::<String>(), system in any::<String>()) {
            let _ = p99(&document, &system);
        }

        #[test]
        fn any_markdown_is_an_answer_or_an_error(document in markdown_like(), cell in markdown_like()) {
            for document in [document, table(&format!("| Neo4j | {cell} |"))] {
                if let Ok(latency) = p99(&document, "Neo4j") {
                    prop_assert!(latency.low_ms > 0.0 && latency.low_ms <= latency.high_ms && latency.high_ms.is_finite());
                    prop_assert!((1..=document.lines().count()).contains(&latency.line));
                }
            }
        }

        #[test]
        fn a_table_is_read_however_it_is_written((table, microseconds) in any_table(), around in "[a-z .]{0,20}") {
            let document = format!("{around}\n\n{table}\n\n{around}");
            prop_assert_eq!(single(&document), Some(f64::from(microseconds) / 1e3));
        }

        #[test]
        fn a_hidden_table_is_never_read((table, _) in any_table(), (shown, microseconds) in any_table()) {
            for (start, end) in [("```", "```"), ("~~~~ md", "~~~~"), ("<!--", "-->")] {
                let hidden = format!("{start}\n{table}\n{end}\n");
                prop_assert_eq!(single(&hidden), None);
                let never_closed = format!("{start}\n{table}\n");
                prop_assert_eq!(single(&never_closed), None);
                let with_another = format!("{hidden}\n{shown}\n\n{hidden}");
                prop_assert_eq!(single(&with_another), Some(f64::from(microseconds) / 1e3));
            }
        }
    }
}
