//! What competitive reviews leave in documents, quarter by quarter: their reports, and the history in the baselines
//! document.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use crate::error::{Error, Fault, Result};
use crate::files;
use crate::model::review::{LastReview, Quarter};
use crate::store::baselines::{self, Table};
use crate::store::markdown::{self, Line, pattern};

/// The name of a quarter's report, without its extension.
pub(crate) fn report_name(quarter: Quarter) -> String {
    format!("{REPORT}{quarter}")
}

const REPORT: &str = "competitive_review_";

/// The newest review before `quarter` that has a report in `folder`.
///
/// # Errors
/// When it cannot be read, or a speedup in it.
pub(crate) fn last_review(folder: &Path, quarter: Quarter) -> Result<Option<LastReview>> {
    let failed = |error| Error::at("cannot read", folder)(error);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.map_err(failed)?,
    };
    let mut newest = None;
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(".md"));
        let of = stem.and_then(|stem| Quarter::parse(stem.strip_prefix(REPORT)?));
        newest = newest.max(of.filter(|of| *of < quarter));
    }
    let Some(newest) = newest else {
        return Ok(None);
    };
    let file = format!("{}.md", report_name(newest));
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
        let speedup = speedup(cell)
            .ok_or_else(|| Fault::new(format!("{cell:?} is no speedup")).at_line(row.line))?;
        if let Some(speedup) = speedup {
            speedups.insert((scenario.to_owned(), competitor.to_owned()), speedup);
        }
    }
    let facts = document.lines().filter_map(|line| {
        let parts = FACT.captures(line)?;
        Some((parts.get(1)?.as_str().to_lowercase(), parts.get(2)?.as_str().to_owned()))
    });
    Ok(LastReview { file: String::new(), speedups, circumstances: facts.collect() })
}

/// `Some(None)` for a speedup that could not be measured; `None` for another text.
fn speedup(cell: &str) -> Option<Option<f64>> {
    static SPEEDUP: LazyLock<Regex> =
        LazyLock::new(|| pattern("^([0-9]{1,12}(?:\\.[0-9]+)?) ?% (faster|slower)$"));
    if cell == "-" {
        return Some(None);
    }
    let parts = SPEEDUP.captures(cell)?;
    let percent: f64 = parts.get(1)?.as_str().parse().ok()?;
    let is_behind = parts.get(2)?.as_str() == "slower";
    // Behind by less than is shown is behind, too: a zero keeps its sign.
    Some(Some(if is_behind { -percent } else { percent }))
}

/// A scenario's place in the history of a quarter.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) quarter: Quarter,
    /// The column of the table that the entry belongs to: the competitor, or `Competitor` for a workload that none
    /// has.
    pub(crate) column: String,
    /// The title of a table that has to be made for it.
    pub(crate) title: String,
    /// Text by column name in lower case.
    pub(crate) cells: Vec<(&'static str, String)>,
    /// The cell under its own column.
    pub(crate) own: String,
}

/// The columns of a table that has to be made, besides the entry's own.
const COLUMNS: [&str; 5] = ["Quarter", "Engram", "Gap", "Change", "Notes"];

/// The column of a workload that no single competitor has.
pub(crate) const NO_SINGLE: &str = "Competitor";

/// Adds an entry to the history in `document`; `None` if the quarter is there already. All else stays as it is.
///
/// # Errors
/// If a code block or a comment may hide a table.
pub(crate) fn record(document: &str, entry: &Entry) -> Result<Option<String>, Fault> {
    let lines = markdown::read(document)?;
    let ending = match document.contains("\r\n") {
        true => "\r\n",
        false => "\n",
    };
    let tables = baselines::tables(document)?;
    let section = section(&lines);
    let its = tables.iter().find(|table| {
        section.as_ref().is_some_and(|(first, last)| (*first..=*last).contains(&table.line))
            && entry.belongs_to(table, heading_above(&lines, table.line))
    });
    if let Some(table) = its {
        let quarter = table.columns.first().map(String::as_str).unwrap_or_default();
        if table.rows.iter().any(|row| Quarter::parse(row.cell(quarter)) == Some(entry.quarter)) {
            return Ok(None);
        }
        let last = table.rows.last().map_or(table.line + 1, |row| row.line);
        return Ok(Some(inserted(&lines, last, &entry.row(&table.columns), ending)));
    }
    let columns = entry.new_columns();
    let rule = "|---".repeat(columns.len()) + "|";
    let lower: Vec<String> = columns.iter().map(|name| name.to_lowercase()).collect();
    let header = format!("| {} |", columns.join(" | "));
    let parts = [String::new(), format!("### {}", entry.title), String::new(), header, rule];
    let mut text = parts.join(ending) + ending + &entry.row(&lower);
    let last = match section {
        Some((_, last)) => last,
        None => {
            text = format!("{ending}## Historical trends{ending}{text}");
            lines.len()
        }
    };
    Ok(Some(inserted(&lines, last_with_text(&lines, last), &text, ending)))
}

impl Entry {
    fn belongs_to(&self, table: &Table, heading: Option<&str>) -> bool {
        let of_several = heading.is_some_and(|heading| heading.to_lowercase().contains("hybrid"));
        let is_single = self.column != NO_SINGLE;
        table.columns.first().is_some_and(|column| column == "quarter")
            && table.columns.contains(&self.column.to_lowercase())
            && !(of_several && is_single)
    }

    /// Its row in a table with these columns.
    fn row(&self, columns: &[String]) -> String {
        let own = self.column.to_lowercase();
        let cell = |column: &String| match self.cells.iter().find(|(name, _)| name == column) {
            _ if *column == own => self.own.as_str(),
            Some((_, text)) => text.as_str(),
            None => "-",
        };
        let cells: Vec<&str> = columns.iter().map(cell).collect();
        format!("| {} |", cells.join(" | "))
    }

    fn new_columns(&self) -> Vec<&str> {
        let [first, others @ ..] = COLUMNS;
        [first, self.column.as_str()].into_iter().chain(others).collect()
    }
}

/// `document` with `text` after a line.
fn inserted(lines: &[Line], after: usize, text: &str, ending: &str) -> String {
    let (before, behind) = lines.split_at(after.min(lines.len()));
    let join = |lines: &[Line]| lines.iter().map(|line| line.source).collect::<String>();
    let mut document = join(before);
    if !document.is_empty() && !document.ends_with('\n') {
        document.push_str(ending);
    }
    let end =
        match behind.is_empty() && before.last().is_some_and(|last| !last.source.ends_with('\n')) {
            true => "",
            false => ending,
        };
    document + text + end + &join(behind)
}

/// The number of the last line with text on it, up to line `last`.
fn last_with_text(lines: &[Line], last: usize) -> usize {
    let blank = lines.iter().take(last).rev().take_while(|line| line.source.trim().is_empty());
    last - blank.count()
}

/// The level and the text of a heading.
fn heading<'a>(line: &'a Line) -> Option<(usize, &'a str)> {
    static HEADING: LazyLock<Regex> =
        LazyLock::new(|| pattern("^ {0,3}(#{1,6})[ \\t]+(.*?)[ \\t]*#*[ \\t]*$"));
    let parts = HEADING.captures(line.text.as_deref()?)?;
    Some((parts.get(1)?.len(), parts.get(2)?.as_str()))
}

/// The first and the last line of the history, from 1.
fn section(lines: &[Line]) -> Option<(usize, usize)> {
    let mut numbered = (1..).zip(lines.iter().map(heading));
    let (first, level) = numbered.find_map(|(number, heading)| {
        let (level, text) = heading?;
        text.to_lowercase().contains("histor").then_some((number, level))
    })?;
    let next = numbered.find(|(_, heading)| heading.is_some_and(|(other, _)| other <= level));
    Some((first, next.map_or(lines.len(), |(number, _)| number - 1)))
}

/// The nearest heading above a line.
fn heading_above<'a>(lines: &'a [Line], line: usize) -> Option<&'a str> {
    lines.iter().take(line).rev().find_map(heading).map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(system: &str) -> Entry {
        let column = if system == "Hybrid" { NO_SINGLE } else { system };
        Entry {
            quarter: Quarter::parse("2026Q1").unwrap(),
            column: column.to_owned(),
            title: format!("Engram vs {system} (P99 Latency)"),
            cells: vec![
                ("quarter", "Q1 2026".to_owned()),
                ("engram", "**0.40ms**".to_owned()),
                ("gap", "**-98.2%**".to_owned()),
                ("change", "+0.1 pp".to_owned()),
                ("notes", "x".to_owned()),
            ],
            own: "theirs".to_owned(),
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
        let table = "\n### Engram vs Redis (P99 Latency)\n\n\
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
            [("# A\n\ntext", ""), ("# A\n\ntext\n", "\n"), ("# A\n\ntext\n\n\n", "\n\n\n")]
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
    fn the_line_endings_of_the_document_stay() {
        let document = LONG.replace('\n', "\r\n");
        for system in ["Neo4j", "Redis"] {
            let changed = recorded(&document, system);
            assert_eq!(changed.matches('\n').count(), changed.matches("\r\n").count(), "{system}");
            assert_eq!(changed.replace("\r\n", "\n"), recorded(LONG, system), "{system}");
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
        assert_eq!(speedup("58.9% faster"), Some(Some(58.9)));
        assert_eq!(speedup("35.7% slower"), Some(Some(-35.7)));
        assert!(speedup("0.0% slower").flatten().is_some_and(f64::is_sign_negative));
        assert_eq!(speedup("-"), Some(None));
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
