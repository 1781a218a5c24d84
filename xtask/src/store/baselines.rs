//! Published figures of the competitors, from the tables of a Markdown document.
//!
//! A baseline table has a column `System` and a column `P99 Latency`, anywhere and in any order,
//! and no column `Quarter`, which makes a table a history. Nothing else in the document is read: no prose, no other table, no code block, no
//! comment.

use std::collections::BTreeSet;
use std::iter::repeat;
use std::sync::LazyLock;

use regex::Regex;

use crate::error::Fault;
use crate::model::load_result::LATENCIES_MS;
use crate::model::review::Competitor;
use crate::store::markdown::{self, Line, pattern};

/// A row of a table.
#[derive(Debug)]
pub(crate) struct Row {
    /// The line of the row, from 1.
    pub(crate) line: usize,
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

    /// `true` where the row's scenario is the file of this name.
    pub(crate) fn names(&self, file_name: &str) -> bool {
        let mut words = self.cell(SCENARIO).split([' ', ',', ';']);
        words.any(|word| word.rsplit('/').next() == Some(file_name))
    }

    /// # Errors
    /// If the latency is not a number above zero, or a range, in milliseconds.
    fn competitor(&self) -> Result<Competitor, Fault> {
        let (name, latency) = (self.cell(SYSTEM), self.cell(P99));
        let p99_ms = range_ms(latency).ok_or_else(|| {
            let rule = "not a number above zero with its unit (ms), nor a range of two";
            let why = format!("the P99 latency of {name} is {latency:?}, which is {rule}");
            Fault::new(why).at_line(self.line)
        })?;
        let throughput = self.cells.iter().find(|(name, _)| name.starts_with("throughput"));
        Ok(Competitor {
            name: name.to_owned(),
            p99_ms,
            throughput: throughput.map_or_else(String::new, |(_, text)| text.clone()),
            line: self.line,
        })
    }
}

/// The competitor `system`, whichever scenario its row names. The name has to be the whole cell, but for its markup and
/// the case of its letters.
///
/// # Errors
/// If no row has the system, if one has no readable latency, or if two disagree.
pub(crate) fn of_system<'a>(
    rows: impl IntoIterator<Item = &'a Row>,
    system: &str,
) -> Result<Competitor, Fault> {
    let is_its = |row: &&Row| row.cell(SYSTEM).to_lowercase() == system.to_lowercase();
    let stated = rows.into_iter().filter(is_its).map(Row::competitor);
    let stated = stated.collect::<Result<Vec<_>, Fault>>()?;
    let Some(first) = stated.first() else {
        return Err(Fault::new(format!("no row for {system:?} in the column System")));
    };
    match stated.iter().find(|other| other.p99_ms != first.p99_ms) {
        None => Ok(first.clone()),
        Some(other) => {
            let [own, firsts, line] =
                [other.published(), first.published(), first.line.to_string()];
            Err(Fault::new(format!(
                "the P99 latency of {} is {own}ms here, but {firsts}ms in line {line}: keep the one that holds",
                first.name
            ))
            .at_line(other.line))
        }
    }
}

/// The competitors whose rows name a scenario by the name of its file; a fault in place of each whose latency cannot be
/// read, or is stated twice.
pub(crate) fn of_scenario(rows: &[Row], file_name: &str) -> Vec<Result<Competitor, Fault>> {
    let own: Vec<&Row> = rows.iter().filter(|row| row.names(file_name)).collect();
    let systems: BTreeSet<String> = own.iter().map(|row| row.cell(SYSTEM).to_lowercase()).collect();
    systems.iter().map(|system| of_system(own.iter().copied(), system)).collect()
}

/// Reads the rows of the baseline tables of `document`, in order.
///
/// # Errors
/// If there is no such row, or if a code block or a comment may hide one.
pub(crate) fn rows(document: &str) -> Result<Vec<Row>, Fault> {
    let mut tables = tables(document)?;
    tables.retain(|table| is_baseline_table(&table.columns));
    let rows: Vec<Row> = tables.into_iter().flat_map(|table| table.rows).collect();
    match rows.is_empty() {
        true => Err(Fault::new("no table with the columns System and P99 Latency")),
        false => Ok(rows),
    }
}

/// A table of a page.
#[derive(Debug)]
pub(crate) struct Table {
    /// The line of its header, from 1.
    pub(crate) line: usize,
    /// Its column names in lower case, without markup.
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// Reads the tables of `document`, in order.
///
/// # Errors
/// If a code block or a comment may hide one.
pub(crate) fn tables(document: &str) -> Result<Vec<Table>, Fault> {
    let page = markdown::read(document)?;
    let mut tables = Vec::new();
    let mut numbered = (1..).zip(page.0.iter().map(row_cells)).peekable();
    while let Some((table_line, header)) = numbered.next() {
        let delimiter = numbered.peek().and_then(|(_, next)| next.as_ref());
        let (Some(header), Some(delimiter)) = (header, delimiter) else {
            continue;
        };
        if !delimiter.iter().all(|cell| is_delimiter(cell)) || header.len() != delimiter.len() {
            continue;
        }
        let columns: Vec<String> =
            header.into_iter().map(|cell| plain_text(cell).to_lowercase()).collect();
        numbered.next();
        let mut rows = Vec::new();
        while let Some((line, Some(cells))) = numbered.next_if(|(_, next)| next.is_some()) {
            let cells = cells.into_iter().chain(repeat("")).map(plain_text);
            rows.push(Row { line, cells: columns.iter().cloned().zip(cells).collect() });
        }
        tables.push(Table { line: table_line, columns, rows });
    }
    Ok(tables)
}

pub(crate) const SYSTEM: &str = "system";
pub(crate) const SCENARIO: &str = "scenario file";

const P99: &str = "p99 latency";

fn is_baseline_table(columns: &[String]) -> bool {
    let has = |wanted: &str| columns.iter().any(|name| name == wanted);
    has(SYSTEM) && has(P99) && !has("quarter")
}

/// Both ends of `text`, a number of milliseconds or a range.
fn range_ms(text: &str) -> Option<[f64; 2]> {
    static VALUE: LazyLock<Regex> = LazyLock::new(|| {
        let (number, dash) = (r"([0-9]+(?:\.[0-9]+)?)", "[-\u{2013}\u{2014}]");
        pattern(&format!("^{number}(?:(?: ?ms)? ?{dash} ?{number})? ?(?i-u:ms)$"))
    });
    let parts = VALUE.captures(text)?;
    let low: f64 = parts.get(1)?.as_str().parse().ok()?;
    let high: f64 = parts.get(2).map_or(Ok(low), |high| high.as_str().parse()).ok()?;
    let are_latencies = [low, high].iter().all(|ms| LATENCIES_MS.contains(ms));
    (are_latencies && low <= high).then_some([low, high])
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
    static MARKUP: LazyLock<[(Regex, &str); 4]> = LazyLock::new(|| {
        [
            (r"!?\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])", "$1"),
            (r"`+([^`]+)`+", "$1"),
            (r"\*{1,3}([^*]+)\*{1,3}", "$1"),
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

    fn of(document: &str, system: &str) -> Result<Competitor, Fault> {
        of_system(rows(document)?.iter(), system)
    }

    fn low_ms(document: &str, system: &str) -> Result<f64, Fault> {
        of(document, system).map(|found| found.p99_ms[0])
    }

    fn one(cell: &str) -> Option<(f64, f64)> {
        let [low, high] = of(&table(&format!("| Neo4j | {cell} |")), "Neo4j").ok()?.p99_ms;
        Some((low, high))
    }

    fn single(document: &str) -> Option<f64> {
        let [low, high] = of(document, "Neo4j").ok()?.p99_ms;
        (low == high).then_some(low)
    }

    fn error(document: &str) -> Fault {
        of(document, "Neo4j").expect_err("a baseline")
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
            let found = of(document, system).expect(system);
            assert_eq!(found.p99_ms, [low, high], "{system}");
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
        assert!(
            rows.is_sorted_by_key(|row| row.line)
                && rows.iter().all(|row| row.competitor().is_ok())
        );
    }

    /// What a page says of a scenario: each competitor with its P99, or the line of a fault.
    fn stood_for(document: &str, file_name: &str) -> Vec<Result<(String, [f64; 2]), usize>> {
        let found = of_scenario(&rows(document).expect("rows"), file_name).into_iter();
        let stated = |found: Competitor| (found.name, found.p99_ms);
        found.map(|found| found.map(stated).map_err(|fault| fault.line.expect("a line"))).collect()
    }

    #[test]
    fn a_scenario_stands_for_the_competitors_whose_rows_name_its_file() {
        let long = include_str!("../../tests/data/baselines/long.md");
        let own = include_str!("../../../docs/reference/competitive_baselines.md");
        let ranges = include_str!("../../tests/data/baselines/ranges.md");
        let missing = include_str!("../../tests/data/baselines/missing-column.md");
        let duplicates = include_str!("../../tests/data/baselines/duplicates.md");
        let one = |name: &str, low, high| vec![Ok((name.to_owned(), [low, high]))];
        for (page, file, expected) in [
            (long, "milvus_ann_10m_768d.toml", one("Milvus", 708.0, 708.0)),
            (long, "milvus_ann_10m.toml", vec![]),
            (long, "qdrant_ann_1m_768d.toml", one("Qdrant", 22.0, 24.0)),
            (long, "hybrid_production_100k.toml", vec![]),
            (own, "milvus_ann_10m.toml", one("Milvus", 708.0, 708.0)),
            (own, "neo4j_traversal_100k.toml", one("Neo4j", 27.96, 27.96)),
            (ranges, "a.toml", one("Qdrant", 22.0, 24.0)),
            (ranges, "b.toml", one("Weaviate", 70.0, 150.0)),
            (ranges, "c.toml", one("Redis", 0.8, 0.8)),
            (ranges, "d.toml", one("Milvus", 700.0, 900.0)),
            (ranges, "e.toml", one("Milvus", 700.0, 900.0)),
            (ranges, "f.toml", vec![Err(9)]),
            (ranges, "g.toml", vec![Err(10)]),
            (missing, "a.toml", vec![]),
            (duplicates, "a.toml", one("Qdrant", 22.0, 24.0)),
            (duplicates, "b.toml", vec![Err(8)]),
            (duplicates, "c.toml", [one("Milvus", 708.0, 708.0), one("Redis", 8.0, 8.0)].concat()),
            (duplicates, "d.toml", one("Milvus", 300.0, 300.0)),
        ] {
            assert_eq!(stood_for(page, file), expected, "{file}");
        }
    }

    #[test]
    fn a_competitor_has_the_throughput_that_its_row_states() {
        let own = include_str!("../../../docs/reference/competitive_baselines.md");
        assert_eq!(of(own, "Neo4j").expect("Neo4j").throughput, "280");
        let ranges = include_str!("../../tests/data/baselines/ranges.md");
        assert_eq!(of(ranges, "Weaviate").expect("Weaviate").throughput, "200-400");
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
        let found = of(document, "Neo4j").expect("Neo4j");
        assert_eq!((found.p99_ms, found.line), ([27.96; 2], 25));
    }

    #[test]
    fn a_version_or_a_date_beside_the_system_makes_no_history() {
        let document = "| System | Version | Date | P99 Latency |\n|---|---|---|---|\n| Neo4j | 5.14 | x | 27.96ms |\n";
        assert_eq!(single(document), Some(27.96));
    }

    #[test]
    fn a_value_that_no_clock_shows_is_refused() {
        for cell in ["0.0000001ms", "100000000ms", "0ms"] {
            assert_eq!(one(cell), None, "{cell}");
        }
    }

    #[test]
    fn a_value_may_be_marked_up() {
        let cells = [
            "27.96ms",
            "27.96 ms",
            "**27.96ms**",
            "`27.96ms`",
            "*27.96* ms",
            "27.96MS",
            "[27.96ms](https://example.org/a_b)",
            "**[27.96 ms](x)**",
            "[**27.96ms**][1]",
            "27.96\u{a0}ms",
            "27.96ms <!-- was 30ms -->",
        ];
        for cell in cells {
            assert_eq!(one(cell), Some((27.96, 27.96)), "{cell}");
        }
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
            "1,234ms",
            "450us",
            "0.5s",
            "27.96ms[^1]",
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
        assert_eq!(low_ms(&table("| A\\|B | 3ms |"), "A|B"), Ok(3.0));
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
        assert_eq!(low_ms(&document, "NEO4J"), Ok(27.96));
        assert_eq!(low_ms(&document, "Neo4j Aura"), Ok(1.0));
        assert_eq!(low_ms(&document, "my_store_2"), Ok(3.0));
        assert!(of(&document, "Neo").is_err());
    }

    #[test]
    fn rows_that_agree_are_one_at_the_first_line() {
        let document =
            format!("{}\n{}", table("| Neo4j | 27.96ms |"), table("| **Neo4j** | 27.960 ms |"));
        assert_eq!(of(&document, "Neo4j").map(|found| found.line), Ok(5));
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
            let long = part.repeat(5_000);
            let tall = format!("{part}\n").repeat(2_500);
            let document = format!(
                "{}\n{tall}\n{long}\n{HEAD}| {long} | {long} |\n",
                table(&format!("| Neo4j | {long} |"))
            );
            assert!(of(&document, "Neo4j").is_err(), "{part}");
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
            let _ = of(&document, &system);
        }

        #[test]
        fn any_markdown_is_an_answer_or_an_error(document in markdown_like(), cell in markdown_like()) {
            for document in [document, table(&format!("| Neo4j | {cell} |"))] {
                if let Ok(found) = of(&document, "Neo4j") {
                    let [low, high] = found.p99_ms;
                    prop_assert!(low > 0.0 && low <= high && high.is_finite());
                    prop_assert!((1..=document.lines().count()).contains(&found.line));
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
