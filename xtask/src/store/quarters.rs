//! What competitive reviews leave in documents, quarter by quarter: their reports, and the history in the baselines
//! document.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use crate::error::{Error, Fault, Result};
use crate::files;
use crate::model::review::{LastReview, Quarter};
use crate::store::baselines::{self, Table};
use crate::store::markdown::{self, Page, pattern};

/// The file name of a quarter's report.
pub(crate) fn report_name(quarter: Quarter) -> String {
    format!("{REPORT}{quarter}.md")
}

const REPORT: &str = "competitive_review_";

/// The newest review before `quarter` that has a report in `folder`.
///
/// # Errors
/// When it cannot be read, or a speedup in it.
pub(crate) fn last_review(folder: &Path, quarter: Quarter) -> Result<Option<LastReview>> {
    let names = files::names(folder)?;
    let of = |name: &String| Quarter::parse(name.strip_suffix(".md")?.strip_prefix(REPORT)?);
    let Some(newest) = names.iter().filter_map(of).filter(|of| *of < quarter).max() else {
        return Ok(None);
    };
    let file = report_name(newest);
    let path = folder.join(&file);
    let text = files::read_text(&path).map_err(Error::at("cannot read", &path))?;
    read_report(&text).map(|review| Some(LastReview { file, ..review })).map_err(|fault| {
        Error::from(fault.in_file(path)).next("fix it, or move it elsewhere if it is no report")
    })
}

/// Reads a report.
///
/// # Errors
/// When its table cannot be found, or a speedup in it cannot be read.
pub(crate) fn read_report(document: &str) -> Result<LastReview, Fault> {
    static FACT: LazyLock<Regex> = LazyLock::new(|| pattern("^- (Server|Machine|Load): (.*)$"));
    let wanted = ["scenario", "competitor", "speedup"];
    let has = |table: &Table, name: &str| table.columns.iter().any(|column| column == name);
    let tables = baselines::tables(document)?;
    let table = tables.iter().find(|table| wanted.iter().all(|name| has(table, name)));
    let table = table
        .ok_or_else(|| Fault::new("no table with the columns Scenario, Competitor and Speedup"))?;
    let mut speedups = BTreeMap::new();
    for row in &table.rows {
        let [scenario, competitor, cell] = wanted.map(|name| row.cell(name));
        // It could not be measured.
        if cell == "-" {
            continue;
        }
        let speedup = speedup(cell)
            .ok_or_else(|| Fault::new(format!("{cell:?} is no speedup")).at_line(row.line))?;
        speedups.insert((scenario.to_owned(), competitor.to_owned()), speedup);
    }
    let facts = document.lines().filter_map(|line| {
        let parts = FACT.captures(line)?;
        Some((parts.get(1)?.as_str().to_lowercase(), parts.get(2)?.as_str().to_owned()))
    });
    Ok(LastReview { file: String::new(), speedups, circumstances: facts.collect() })
}

fn speedup(cell: &str) -> Option<f64> {
    static SPEEDUP: LazyLock<Regex> =
        LazyLock::new(|| pattern("^([0-9]{1,12}(?:\\.[0-9]+)?) ?% (faster|slower)$"));
    let parts = SPEEDUP.captures(cell)?;
    let percent: f64 = parts.get(1)?.as_str().parse().ok()?;
    let is_behind = parts.get(2)?.as_str() == "slower";
    // Behind by less than is shown is behind, too: a zero keeps its sign.
    Some(if is_behind { -percent } else { percent })
}

/// A scenario's place in the history of a quarter.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) quarter: Quarter,
    /// What it is about.
    pub(crate) title: String,
    /// Text by the name of its column. The first column is that of the quarter, and the second tells the table that the
    /// entry belongs to: the competitor, or `Competitor` for a workload that none has.
    pub(crate) cells: [(String, String); 6],
}

/// Adds an entry to the history in `document`; `None` if the quarter is there already. All else stays as it is.
///
/// # Errors
/// If a code block or a comment may hide a table.
pub(crate) fn record(document: &str, entry: &Entry) -> Result<Option<String>, Fault> {
    let page = markdown::read(document)?;
    let section = section(&page);
    let [(quarter, _), (competitor, _), ..] = &entry.cells;
    let is_its = |table: &Table| {
        section.as_ref().is_some_and(|section| section.contains(&(table.line - 1)))
            && table.columns.first().is_some_and(|column| column.eq_ignore_ascii_case(quarter))
            && table.columns.iter().any(|column| column.eq_ignore_ascii_case(competitor))
    };
    if let Some(table) = baselines::tables(document)?.into_iter().find(is_its) {
        let quarter = quarter.to_lowercase();
        if table.rows.iter().any(|row| Quarter::parse(row.cell(&quarter)) == Some(entry.quarter)) {
            return Ok(None);
        }
        let last = table.rows.last().map_or(table.line + 1, |row| row.line);
        return Ok(Some(page.with(last..last, &[entry.row(&table.columns)])));
    }
    let columns = entry.cells.each_ref().map(|(column, _)| column.clone());
    let mut text = vec![
        format!("### {} (P99 latency)", entry.title),
        String::new(),
        format!("| {} |", columns.join(" | ")),
        "|---".repeat(columns.len()) + "|",
        entry.row(&columns),
    ];
    let section = section.unwrap_or_else(|| {
        text.splice(0..0, ["## Historical trends".to_owned(), String::new()]);
        0..page.0.len()
    });
    Ok(Some(page.with_separated(page.content_end(section), text)))
}

impl Entry {
    /// Its row in a table with these columns.
    fn row(&self, columns: &[String]) -> String {
        let cell = |column: &String| {
            let own = self.cells.iter().find(|(name, _)| name.eq_ignore_ascii_case(column));
            own.map_or("-", |(_, text)| text)
        };
        format!("| {} |", columns.iter().map(cell).collect::<Vec<_>>().join(" | "))
    }
}

/// The lines of the history: from its heading to the next one of its level.
fn section(page: &Page) -> Option<Range<usize>> {
    static HEADING: LazyLock<Regex> =
        LazyLock::new(|| pattern("^ {0,3}(#{1,6})[ \\t]+(.*?)[ \\t]*#*[ \\t]*$"));
    let mut headings = page.0.iter().enumerate().filter_map(|(index, line)| {
        let parts = HEADING.captures(line.text.as_deref()?)?;
        Some((index, parts.get(1)?.len(), parts.get(2)?.as_str().to_lowercase()))
    });
    let (first, level, _) = headings.find(|(_, _, text)| text.contains("histor"))?;
    let next = headings.find(|(_, other, _)| *other <= level);
    Some(first..next.map_or(page.0.len(), |(index, ..)| index))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn entry(system: &str) -> Entry {
        let column = if system == "Hybrid" { "Competitor" } else { system };
        Entry {
            quarter: Quarter::parse("2026Q1").unwrap(),
            title: format!("Engram vs {system}"),
            cells: [
                ("Quarter", "Q1 2026"),
                (column, "theirs"),
                ("Engram", "**0.40ms**"),
                ("Gap", "**-98.2%**"),
                ("Change", "+0.1 pp"),
                ("Notes", "x"),
            ]
            .map(|(name, text)| (name.to_owned(), text.to_owned())),
        }
    }

    fn recorded(document: &str, system: &str) -> String {
        record(document, &entry(system)).unwrap().unwrap()
    }

    const LONG: &str = include_str!("../../tests/data/baselines/long.md");

    #[test]
    fn a_row_is_added_under_its_own_table_and_nothing_else_changes() {
        for (system, after, row) in [
            (
                "Neo4j",
                "| Q4 2025 | 27.96ms |",
                "| Q1 2026 | theirs | **0.40ms** | **-98.2%** | +0.1 pp | x |",
            ),
            (
                "Hybrid",
                "| Q4 2025 | N/A |",
                "| Q1 2026 | theirs | **0.40ms** | **-98.2%** | +0.1 pp | x |",
            ),
            ("Milvus", "| Q4 2025 | 708ms |", "| Q1 2026 | theirs | **0.40ms** | **-98.2%** | - |"),
        ] {
            let changed = recorded(LONG, system);
            let added: Vec<(usize, &str)> =
                changed.lines().enumerate().filter(|(_, line)| *line == row).collect();
            let [(at, _)] = added[..] else { panic!("{system}: {added:?}") };
            let above = changed.lines().nth(at - 1).unwrap();
            assert!(above.starts_with(after), "{system}: {above}");
            assert_eq!(changed.replacen(&format!("{row}\n"), "", 1), LONG, "{system}");
        }
    }

    #[test]
    fn a_quarter_is_recorded_once() {
        let once = recorded(LONG, "Neo4j");
        assert_eq!(record(&once, &entry("Neo4j")), Ok(None));
        let spelt_otherwise = once.replace("| Q1 2026 |", "| **2026 Q1** |");
        assert_eq!(record(&spelt_otherwise, &entry("Neo4j")), Ok(None));
    }

    #[test]
    fn a_system_without_a_table_gets_one_at_the_end_of_the_history() {
        let changed = recorded(LONG, "Redis");
        let table = "\n### Engram vs Redis (P99 latency)\n\n\
                     | Quarter | Redis | Engram | Gap | Change | Notes |\n|---|---|---|---|---|---|\n\
                     | Q1 2026 | theirs | **0.40ms** | **-98.2%** | +0.1 pp | x |\n";
        assert_eq!(changed.replacen(table, "", 1), LONG);
        let (before, _) = changed.split_once("## References").unwrap();
        assert!(before.ends_with(&format!("{table}\n")), "{before}");
        assert_eq!(record(&changed, &entry("Redis")), Ok(None));
    }

    #[test]
    fn a_document_without_a_history_gets_one_at_its_end() {
        for (document, end) in
            [("# A\n\ntext", "\n"), ("# A\n\ntext\n", "\n"), ("# A\n\ntext\n\n\n", "\n\n\n")]
        {
            let changed = recorded(document, "Qdrant");
            assert!(
                changed.starts_with("# A\n\ntext\n\n## Historical trends\n\n### "),
                "{changed}"
            );
            assert!(changed.ends_with(&format!("| x |{end}")), "{changed:?}");
            assert_eq!(record(&changed, &entry("Qdrant")), Ok(None));
        }
    }

    #[test]
    fn a_table_of_quarters_outside_the_history_is_none_of_it() {
        let document =
            "# A\n\n| Quarter | Neo4j |\n|---|---|\n| Q4 2025 | 1ms |\n\n## History\n\ntext\n";
        let changed = recorded(document, "Neo4j");
        assert!(changed.starts_with(&format!("{document}\n### Engram vs Neo4j")), "{changed}");
    }

    #[test]
    fn a_table_hidden_in_a_code_block_is_none() {
        let hidden =
            "# History\n\n```text\n| Quarter | Neo4j |\n|---|---|\n| Q4 2025 | 1ms |\n```\n";
        let changed = recorded(hidden, "Neo4j");
        assert!(changed.starts_with(hidden), "{changed}");
        assert!(record("# History\n\n```text\n", &entry("Neo4j")).is_err());
    }

    #[test]
    fn a_speedup_is_read_as_it_is_shown() {
        assert_eq!(speedup("58.9% faster"), Some(58.9));
        assert_eq!(speedup("35.7% slower"), Some(-35.7));
        assert!(speedup("0.0% slower").is_some_and(f64::is_sign_negative));
        for text in ["", "faster", "58.9%", "-3% faster", "1e5% faster", "88x"] {
            assert_eq!(speedup(text), None, "{text}");
        }
    }

    #[test]
    fn the_last_review_is_the_newest_of_an_earlier_quarter() {
        let folder = tempfile::tempdir().unwrap();
        let quarter = Quarter::parse("2026Q1").unwrap();
        assert_eq!(last_review(folder.path(), quarter).unwrap(), None);
        let table =
            "| Scenario | Competitor | Speedup |\n|---|---|---|\n| `x` | Neo4j | 58.9% faster |\n";
        for name in ["2025Q2", "2025Q4", "2025Q3", "2026Q1", "2026Q2", "latest"] {
            fs::write(folder.path().join(format!("competitive_review_{name}.md")), table).unwrap();
        }
        let last = last_review(folder.path(), quarter).unwrap().unwrap();
        assert_eq!(last.file, "competitive_review_2025Q4.md");
        let key = ("x".to_owned(), "Neo4j".to_owned());
        assert_eq!(last.speedups, BTreeMap::from([(key, 58.9)]));
    }

    #[test]
    fn a_report_that_cannot_be_read_is_refused_with_its_line() {
        let table = "| Scenario | Competitor | Speedup |\n|---|---|---|\n| x | Neo4j | much |\n";
        assert_eq!(read_report(table).unwrap_err().line, Some(3));
        assert!(read_report("# Review\n").is_err());
    }
}
