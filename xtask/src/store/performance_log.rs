//! The performance log: one section a task, with its numbers in lists that are replaced while all
//! else stays.
//!
//! ```text
//! ## Task 007: Fan Effect Spreading
//!
//! **Internal Performance**:
//!   - Before: ...
//!   - Status: ...
//! ```

mod bullets;
mod edit;
mod task;

use std::error::Error;
use std::fmt;
use std::ops::Range;

use self::bullets::{BULLET, COMPETITIVE, INTERNAL, block_label, label, list_edits};
use self::edit::{Edit, apply, content_end, is_blank, is_blank_before, parted_from_next};
use self::task::{TaskOrder, is_example, task_in};
use crate::model::names::is_task_name;
use crate::store::markdown::{self, Line};

pub use self::task::title_from_file_name;

/// What the log is to say about one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The task's name, such as `007`: letters, digits and `.`, `_`, `-` between them.
    pub task: String,
    /// The title for a section that is new. One that exists keeps its own.
    pub title: Option<String>,
    /// The numbers of the internal mode, one line each without its bullet (`Before: P99=0.458ms,
    /// 999.88 ops/s`). Each starts with `Before:`, `After:`, `Change:`, `Status:` or `vs Neo4j:`, each
    /// label once. `None` leaves the mode's list alone.
    pub internal: Option<Vec<String>>,
    /// The numbers of the competitive mode, likewise.
    pub competitive: Option<Vec<String>>,
}

/// Why a log cannot be updated. Displays as the reason alone, for the caller to put `file:line:`
/// before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogError {
    /// The line of the log, from 1, to look at; `None` if the fault is in the section that was to
    /// be written.
    pub line: Option<usize>,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for LogError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl Error for LogError {}

/// Returns the log `document` with the numbers of `section` in it.
///
/// A task that has a section gets its lists replaced, bullet by bullet; whatever else stands in the
/// section stays. A task that has none gets one, before the first task with a larger number. A
/// section whose heading ends with `(example)` is not a task's. Updating twice is the same as
/// updating once.
///
/// # Errors
/// If `section` cannot be found again once it is written (its fields say what they may hold), or if
/// a code block or a comment of `document` is never closed, so that what is written after it would
/// not show.
pub fn update(document: &str, section: &Section) -> Result<String, LogError> {
    check(section)?;
    if blocks(section).next().is_none() {
        return Ok(document.to_owned());
    }
    let page = markdown::read(document);
    if let Some(line) = page.unclosed {
        let what = "the code block or comment that starts here is never closed: close it".into();
        return Err(LogError {
            line: Some(line),
            what,
        });
    }
    let task = TaskOrder::of(&section.task);
    let entries = entries(&page.lines);
    let is_own = |entry: &&Entry| entry.task == task && !entry.is_example;
    let mut edits = if let Some(entry) = entries.iter().find(is_own) {
        entry_edits(&page.lines, &entry.lines, section)
    } else {
        let at = place(&entries, &task, page.lines.len());
        vec![new_entry(&page.lines, at, section)]
    };
    edits.sort_by_key(|edit| edit.lines.start);
    Ok(apply(&page.lines, &edits))
}

/// A task's section as it stands in the log.
struct Entry {
    task: TaskOrder,
    is_example: bool,
    /// From its heading to the next one as high.
    lines: Range<usize>,
}

fn check(section: &Section) -> Result<(), LogError> {
    let fault = |what: String| Err(LogError { line: None, what });
    if !is_task_name(&section.task) {
        return fault(format!(
            "{:?} cannot name a task in the performance log",
            section.task
        ));
    }
    let title = section.title.as_deref().unwrap_or_default();
    if !stays_one_line(title) || is_example(title) {
        return fault(format!(
            "{title:?} cannot be a title in the performance log"
        ));
    }
    for (name, numbers) in blocks(section) {
        if numbers.is_empty() {
            return fault(format!("no numbers for task {} under {name}", section.task));
        }
        let fits = |line: &&String| stays_one_line(line) && label(line).is_some();
        if let Some(line) = numbers.iter().find(|line| !fits(line)) {
            return fault(format!("{line:?} cannot be a line of the performance log"));
        }
    }
    Ok(())
}

fn stays_one_line(text: &str) -> bool {
    !text.contains(['\n', '\r']) && !text.contains("<!--")
}

fn entries(lines: &[Line]) -> Vec<Entry> {
    let headings: Vec<(usize, &str)> = lines
        .iter()
        .enumerate()
        .filter_map(
            |(index, line)| match markdown::heading(line.visible.as_deref()?)? {
                // A heading above the tasks' level ends a section, but names no task.
                (1, _) => Some((index, "")),
                (2, title) => Some((index, title)),
                _ => None,
            },
        )
        .collect();
    let ends = headings
        .iter()
        .skip(1)
        .map(|(index, _)| *index)
        .chain([lines.len()]);
    headings
        .iter()
        .zip(ends)
        .filter_map(|((start, title), end)| {
            let task = TaskOrder::of(task_in(title)?);
            Some(Entry {
                task,
                is_example: is_example(title),
                lines: *start..end,
            })
        })
        .collect()
}

/// The line before which a new task's section goes.
fn place(entries: &[Entry], task: &TaskOrder, end: usize) -> usize {
    let after_examples = entries
        .iter()
        .rposition(|entry| entry.is_example && entry.task == *task)
        .map_or(0, |example| example + 1);
    let larger = entries
        .iter()
        .skip(after_examples)
        .find(|entry| !entry.is_example && entry.task > *task);
    match larger {
        Some(entry) => entry.lines.start,
        None => entries.last().map_or(end, |entry| entry.lines.end),
    }
}

fn new_entry(lines: &[Line], at: usize, section: &Section) -> Edit {
    let title = section.title.as_deref().map_or("", str::trim);
    let separator = if title.is_empty() { "" } else { ": " };
    let mut text = vec![format!("## Task {}{separator}{title}", section.task)];
    for (name, numbers) in blocks(section) {
        text.push(String::new());
        text.extend(block(name, numbers));
    }
    // Where rules part the sections, they part the new one too.
    let parting = lines
        .get(content_end(lines, &(0..at))..at)
        .unwrap_or_default();
    if at < lines.len() && !parting.iter().all(is_blank) {
        text.extend([String::new(), "---".to_owned()]);
    }
    insertion(lines, at, text)
}

fn entry_edits(lines: &[Line], entry: &Range<usize>, section: &Section) -> Vec<Edit> {
    let label_of = |name| {
        entry
            .clone()
            .find(|index| lines.get(*index).and_then(block_label) == Some(name))
    };
    let competitive_label = label_of(COMPETITIVE);
    let mut edits = Vec::new();
    let mut missing = Vec::new();
    for (name, numbers) in blocks(section) {
        match (label_of(name), competitive_label) {
            (Some(label), _) => edits.extend(list_edits(lines, label + 1..entry.end, numbers)),
            (None, Some(competitive)) => {
                edits.push(insertion(lines, competitive, block(name, numbers)));
            }
            (None, None) => {
                missing.extend((!missing.is_empty()).then(String::new));
                missing.extend(block(name, numbers));
            }
        }
    }
    if !missing.is_empty() {
        edits.push(insertion(lines, content_end(lines, entry), missing));
    }
    edits
}

/// Inserts `text` with a blank line before it and, if something follows, one behind it.
fn insertion(lines: &[Line], at: usize, mut text: Vec<String>) -> Edit {
    if !is_blank_before(lines, at) {
        text.insert(0, String::new());
    }
    Edit::insert(at, parted_from_next(lines, at, text))
}

fn blocks(section: &Section) -> impl Iterator<Item = (&'static str, &[String])> {
    let modes = [
        (INTERNAL, &section.internal),
        (COMPETITIVE, &section.competitive),
    ];
    modes
        .into_iter()
        .filter_map(|(name, numbers)| Some((name, numbers.as_deref()?)))
}

fn block(name: &str, numbers: &[String]) -> Vec<String> {
    let label = format!("**{name}**:");
    std::iter::once(label)
        .chain(numbers.iter().map(|line| format!("{BULLET}{line}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INTERNAL_LINES: [&str; 4] = [
        "Before: P99=0.458ms, 999.88 ops/s",
        "After:  P99=0.472ms, 995.24 ops/s",
        "Change: +3.1%, -0.5%",
        "Status: \u{2713} Within 5% target",
    ];

    const COMPETITIVE_LINES: [&str; 5] = [
        "Before: P99=10.2ms, 490 QPS",
        "After:  P99=10.5ms, 487 QPS",
        "Change: +2.9%, -0.6%",
        "vs Neo4j: 62.4% faster (10.5ms vs 27.96ms)",
        "Status: \u{2713} Competitive advantage maintained",
    ];

    const SPECIFIED: &str = "\
## Task 007: Fan Effect Spreading

**Internal Performance**:
  - Before: P99=0.458ms, 999.88 ops/s
  - After:  P99=0.472ms, 995.24 ops/s
  - Change: +3.1%, -0.5%
  - Status: \u{2713} Within 5% target

**Competitive Performance**:
  - Before: P99=10.2ms, 490 QPS
  - After:  P99=10.5ms, 487 QPS
  - Change: +2.9%, -0.6%
  - vs Neo4j: 62.4% faster (10.5ms vs 27.96ms)
  - Status: \u{2713} Competitive advantage maintained
";

    fn lines(lines: &[&str]) -> Option<Vec<String>> {
        Some(lines.iter().map(ToString::to_string).collect())
    }

    /// A section with both modes, as the specification shows it.
    fn both(task: &str) -> Section {
        Section {
            task: task.to_owned(),
            title: Some("Fan Effect Spreading".to_owned()),
            internal: lines(&INTERNAL_LINES),
            competitive: lines(&COMPETITIVE_LINES),
        }
    }

    /// An untitled section with one short internal list.
    fn short(task: &str) -> Section {
        Section {
            task: task.to_owned(),
            title: None,
            internal: lines(&["Before: new"]),
            competitive: None,
        }
    }

    fn updated(document: &str, section: &Section) -> String {
        update(document, section).expect("a log")
    }

    fn headings(document: &str) -> Vec<&str> {
        document
            .lines()
            .filter(|line| line.starts_with("## "))
            .collect()
    }

    #[test]
    fn an_empty_log_gets_the_section_as_specified() {
        assert_eq!(updated("", &both("007")), SPECIFIED);
    }

    #[test]
    fn a_second_update_changes_nothing() {
        assert_eq!(updated(SPECIFIED, &both("007")), SPECIFIED);
    }

    #[test]
    fn new_numbers_replace_the_old_ones_in_their_place() {
        let section = Section {
            internal: lines(&["Before: b", "After:  a", "Change: c", "Status: s"]),
            ..both("007")
        };
        let expected = SPECIFIED
            .replace(INTERNAL_LINES[0], "Before: b")
            .replace(INTERNAL_LINES[1], "After:  a")
            .replace(INTERNAL_LINES[2], "Change: c")
            .replace(INTERNAL_LINES[3], "Status: s");
        assert_eq!(updated(SPECIFIED, &section), expected);
    }

    #[test]
    fn a_mode_without_numbers_is_left_alone() {
        let section = Section {
            internal: None,
            competitive: lines(&["Before: b"]),
            ..both("007")
        };
        let document = updated(SPECIFIED, &section);
        assert!(document.contains(INTERNAL_LINES[3]), "{document}");
        assert!(!document.contains("Neo4j"), "{document}");
    }

    #[test]
    fn a_section_without_numbers_is_not_written() {
        let section = Section {
            internal: None,
            ..short("007")
        };
        assert_eq!(updated("# Log\n", &section), "# Log\n");
    }

    #[test]
    fn the_heading_stays_as_people_wrote_it() {
        for heading in [
            "## Task 007: Fans (again)",
            "##  Task 007 - Fans ##",
            "## Task 007",
        ] {
            let document = format!("{heading}\n\n**Internal Performance**:\n  - Before: old\n");
            assert_eq!(
                updated(&document, &short("007")),
                document.replace("old", "new")
            );
        }
    }

    #[test]
    fn a_new_section_without_a_title_has_the_number_alone() {
        assert!(updated("", &short("007")).starts_with("## Task 007\n"));
    }

    #[test]
    fn text_that_people_wrote_in_a_section_stays() {
        let document = "\
## Task 007: Fans

Measured twice.

**Internal Performance**:
  - Before: old
    - on the small machine
  - Note: with the fan cache
  - Status: old
    (see the thread)

The cache explains it.

- Status: in review
";
        let section = Section {
            internal: lines(&["Before: new", "Change: new", "Status: new"]),
            ..short("007")
        };
        let expected = "\
## Task 007: Fans

Measured twice.

**Internal Performance**:
  - Before: new
    - on the small machine
  - Note: with the fan cache
  - Change: new
  - Status: new
    (see the thread)

The cache explains it.

- Status: in review
";
        assert_eq!(updated(document, &section), expected);
    }

    #[test]
    fn a_nested_bullet_stays_whatever_its_label() {
        let document =
            "## Task 007\n\n**Internal Performance**:\n  - Before: old\n    - Status: mine\n";
        let section = Section {
            internal: lines(&["Before: new", "Status: new"]),
            ..short("007")
        };
        let expected = "## Task 007\n\n**Internal Performance**:\n  - Before: new\n    - Status: mine\n  - Status: new\n";
        assert_eq!(updated(document, &section), expected);
    }

    #[test]
    fn a_block_ends_at_the_label_of_the_other_even_if_that_is_indented() {
        let document = "## Task 007\n\n**Internal Performance**:\n- Before: old\n   **Competitive Performance**:\n- Before: kept\n";
        assert_eq!(
            updated(document, &short("007")),
            document.replace("old", "new")
        );
    }

    #[test]
    fn a_bullet_is_no_label_of_a_block() {
        let document = "## Task 007\n\n* Internal Performance\n  - Before: kept\n";
        assert!(updated(document, &short("007")).starts_with(document));
    }

    #[test]
    fn the_blocks_may_stand_in_either_order() {
        let document = "## Task 007\n\n**Competitive Performance**:\n  - Before: old\n\n**Internal Performance**:\n  - Before: old\n";
        let section = Section {
            competitive: lines(&["Before: new"]),
            ..short("007")
        };
        assert_eq!(updated(document, &section), document.replace("old", "new"));
    }

    #[test]
    fn a_higher_heading_ends_a_section() {
        let document = "## Task 007\n\n# Appendix\n";
        let expected = "## Task 007\n\n**Internal Performance**:\n  - Before: new\n\n# Appendix\n";
        assert_eq!(updated(document, &short("007")), expected);
    }

    #[test]
    fn a_bullet_whose_label_is_gone_gives_way() {
        let section = Section {
            internal: None,
            competitive: lines(&["Before: b", "vs Neo4j: n"]),
            ..both("007")
        };
        let document = updated(SPECIFIED, &section);
        assert!(
            document.ends_with("**Competitive Performance**:\n  - Before: b\n  - vs Neo4j: n\n"),
            "{document}"
        );
    }

    #[test]
    fn bullets_that_people_added_stay_though_they_look_like_the_tools_own() {
        let written = "  - vs Qdrant: measured by hand\n";
        let waived = "  - Status: waived by the team\n";
        let document = SPECIFIED
            .replace("  - vs Neo4j", &format!("{written}  - vs Neo4j"))
            .replace(
                "advantage maintained\n",
                &format!("advantage maintained\n{waived}"),
            );
        let changed = Section {
            competitive: lines(&["Before: b", "vs Neo4j: n", "Status: s"]),
            ..both("007")
        };
        let document = updated(&document, &changed);
        assert!(
            document.contains(written) && document.ends_with(waived),
            "{document}"
        );
    }

    #[test]
    fn a_line_that_is_half_ended_is_ended_once() {
        let once = updated("# Log\r", &short("007"));
        assert_eq!(updated(&once, &short("007")), once);
    }

    #[test]
    fn a_task_with_the_same_number_is_another_task() {
        let document = updated(&updated("", &both("007")), &short("7"));
        assert_eq!(
            headings(&document),
            ["## Task 007: Fan Effect Spreading", "## Task 7"]
        );
        assert!(document.starts_with(SPECIFIED), "{document}");
    }

    #[test]
    fn the_list_keeps_its_own_indentation_and_marker() {
        let document = "## Task 007\n\n**Internal Performance:**\n\n* Before: old\n";
        let section = Section {
            internal: lines(&["Before: new", "After:  new"]),
            ..short("007")
        };
        let expected = "## Task 007\n\n**Internal Performance:**\n\n* Before: new\n* After:  new\n";
        assert_eq!(updated(document, &section), expected);
    }

    #[test]
    fn a_missing_internal_block_goes_before_the_competitive_one() {
        let section = Section {
            internal: None,
            ..both("007")
        };
        let competitive = updated("", &section);
        assert_eq!(updated(&competitive, &both("007")), SPECIFIED);
    }

    #[test]
    fn a_missing_competitive_block_goes_to_the_end_of_the_section() {
        let section = Section {
            competitive: None,
            ..both("007")
        };
        let document = format!("{}\n---\n\n## Summary\n", updated("", &section));
        assert_eq!(
            updated(&document, &both("007")),
            format!("{SPECIFIED}\n---\n\n## Summary\n")
        );
    }

    #[test]
    fn a_section_that_people_wrote_gets_the_blocks_behind_their_text() {
        let document = "## Task 007\n\nResults:\n- Before: P50=0.4ms\n\n---\n\n## Task 008\n";
        let expected = "## Task 007\n\nResults:\n- Before: P50=0.4ms\n\n**Internal Performance**:\n  - Before: new\n\n---\n\n## Task 008\n";
        assert_eq!(updated(document, &short("007")), expected);
    }

    #[test]
    fn an_empty_block_is_filled_and_parted_from_what_follows() {
        let document = "## Task 007\n\n**Internal Performance**:\n(pending)\n";
        let expected = "## Task 007\n\n**Internal Performance**:\n  - Before: new\n\n(pending)\n";
        assert_eq!(updated(document, &short("007")), expected);
    }

    #[test]
    fn a_row_of_dashes_that_makes_a_heading_stays_under_it() {
        let document = "## Task 007\n\nNotes\n---\n";
        assert!(updated(document, &short("007")).starts_with(document));
    }

    #[test]
    fn a_new_task_is_put_in_its_place_by_number() {
        let mut document = "# Log\n\nText.\n".to_owned();
        for task in ["010", "2", "rerun", "009", "100", "baseline", "1"] {
            document = updated(&document, &short(task));
        }
        let expected = ["1", "2", "009", "010", "100", "baseline", "rerun"]
            .map(|task| format!("## Task {task}"));
        assert_eq!(headings(&document), expected);
        assert!(
            document.starts_with("# Log\n\nText.\n\n## Task 1\n\n"),
            "{document}"
        );
    }

    #[test]
    fn a_new_task_goes_behind_all_of_the_section_before_it() {
        let document = "## Task 001\n\nText.\n\n### Notes\n\nMore.\n\n## Task 003\n";
        let expected = "## Task 001\n\nText.\n\n### Notes\n\nMore.\n\n## Task 002\n\n**Internal Performance**:\n  - Before: new\n\n## Task 003\n";
        assert_eq!(updated(document, &short("002")), expected);
    }

    #[test]
    fn the_last_task_stays_before_what_is_no_task() {
        let document = updated("## Task 001\n\n## Summary\n", &short("002"));
        assert_eq!(
            headings(&document),
            ["## Task 001", "## Task 002", "## Summary"]
        );
    }

    #[test]
    fn a_new_section_is_parted_by_a_rule_where_the_others_are() {
        let document = "## Task 001\n\nText.\n\n---\n\n## Task 003\n";
        let expected = "## Task 001\n\nText.\n\n---\n\n## Task 002\n\n**Internal Performance**:\n  - Before: new\n\n---\n\n## Task 003\n";
        assert_eq!(updated(document, &short("002")), expected);
    }

    #[test]
    fn an_example_is_left_alone_and_the_real_section_follows_it() {
        let example = SPECIFIED.replace("Spreading", "Spreading (example)");
        let document = updated(&example, &short("007"));
        assert_eq!(
            document,
            format!("{example}\n## Task 007\n\n**Internal Performance**:\n  - Before: new\n")
        );
        assert_eq!(updated(&document, &short("007")), document);
    }

    #[test]
    fn an_example_has_no_place_in_the_order_of_other_tasks() {
        let example = "## Task 007: Fans (Example) ##\n\n";
        let document = updated(&updated(example, &short("009")), &short("003"));
        assert_eq!(
            headings(&document),
            [
                "## Task 007: Fans (Example) ##",
                "## Task 003",
                "## Task 009"
            ]
        );
        let before_example = format!("## Task 009\n\n{example}");
        let document = updated(&before_example, &short("007"));
        assert_eq!(
            headings(&document),
            [
                "## Task 009",
                "## Task 007: Fans (Example) ##",
                "## Task 007"
            ]
        );
    }

    #[test]
    fn a_hidden_section_is_no_section() {
        for (start, end) in [("```", "```"), ("<!--", "-->")] {
            let hidden = format!(
                "{start}\n## Task 007\n\n**Internal Performance**:\n  - Before: old\n{end}\n"
            );
            let document = updated(&hidden, &short("007"));
            assert!(document.starts_with(&hidden), "{document}");
            assert_eq!(headings(&document).len(), 2);
        }
    }

    #[test]
    fn a_comment_between_the_bullets_stays() {
        let document = "## Task 007\n\n**Internal Performance**:\n  - Before: old\n  <!-- a\n  b -->\n  - After:  old\n";
        let section = Section {
            internal: lines(&["Before: new", "After:  new"]),
            ..short("007")
        };
        assert_eq!(updated(document, &section), document.replace("old", "new"));
    }

    #[test]
    fn a_log_that_hides_its_end_is_an_error_at_the_line() {
        let error = update("# Log\n\n```\ncode\n", &short("007")).expect_err("hidden");
        assert_eq!(error.line, Some(3));
    }

    #[test]
    fn windows_line_endings_are_kept() {
        let document = SPECIFIED.replace("007", "009").replace('\n', "\r\n");
        let document = updated(&document, &both("007"));
        assert_eq!(
            document,
            format!("{SPECIFIED}\n{}", SPECIFIED.replace("007", "009")).replace('\n', "\r\n")
        );
    }

    #[test]
    fn a_log_without_a_final_line_ending_gets_one_before_a_new_section() {
        assert!(updated("# Log", &short("007")).starts_with("# Log\n\n## Task 007\n"));
    }

    #[test]
    fn a_last_line_that_is_not_touched_keeps_its_lack_of_an_ending() {
        let document = "## Task 001\n\n**Internal Performance**:\n  - Before: old\n\nText.";
        assert_eq!(
            updated(document, &short("001")),
            document.replace("old", "new")
        );
    }

    #[test]
    fn what_could_not_be_found_again_is_refused() {
        let refused = [
            Section {
                task: String::new(),
                ..both("")
            },
            both("a b"),
            both("007:"),
            both("007."),
            both("7\n8"),
            Section {
                title: Some("a\nb".to_owned()),
                ..both("007")
            },
            Section {
                title: Some("a (example)".to_owned()),
                ..both("007")
            },
            Section {
                title: Some("a <!-- b".to_owned()),
                ..both("007")
            },
            Section {
                internal: lines(&[]),
                ..both("007")
            },
            Section {
                internal: lines(&["Remark: x"]),
                ..both("007")
            },
            Section {
                competitive: lines(&["Before: a\nb"]),
                ..both("007")
            },
            Section {
                competitive: lines(&["Before: <!-- a"]),
                ..both("007")
            },
        ];
        for section in refused {
            assert_eq!(
                update("", &section).expect_err("refused").line,
                None,
                "{section:?}"
            );
        }
    }

    #[test]
    fn our_own_log_keeps_its_example() {
        let log = include_str!("../../../roadmap/milestone-17/PERFORMANCE_LOG.md");
        let document = updated(log, &both("007"));
        assert_eq!(document, format!("{log}\n{SPECIFIED}"));
    }

    #[test]
    fn our_own_log_shows_the_specified_format() {
        let log = include_str!("../../../roadmap/milestone-17/PERFORMANCE_LOG.md");
        assert!(log.ends_with(&SPECIFIED.replace("Spreading", "Spreading (example)")));
    }

    const TASKS: [&str; 4] = ["001", "007", "10", "rerun"];

    fn any_line() -> impl Strategy<Value = String> {
        prop_oneof![
            3 => r"[ \t]{0,5}([-*+] )?(Before|After|Change|Status|vs Neo4j|Note): [a-z]{0,3}",
            2 => r"## Task (001|007|7|10|rerun|x y)(: [a-z]{0,3})?( \(example\))?",
            2 => r"( {0,5}|[*-] )\*\*(Internal|Competitive) Performance\*\*:?",
            3 => Just(String::new()),
            1 => r"(#{1,3} |---|\* \* \*|[ \t]{1,6}[a-z]|[a-z])",
            1 => r"[ -]{0,3}(```|~~~|<!--|-->|x <!-- y|`<!--`|<!-- x -->|<pre>|</pre>)",
            1 => r"\PC{0,8}",
        ]
    }

    fn any_log() -> impl Strategy<Value = String> {
        let ending = prop::sample::select(vec!["\n", "\r\n"]);
        (
            prop::collection::vec(any_line(), 0..30),
            ending,
            any::<bool>(),
        )
            .prop_map(|(lines, ending, ends)| lines.join(ending) + if ends { ending } else { "" })
    }

    fn any_numbers() -> impl Strategy<Value = Option<Vec<String>>> {
        let labels = prop::sample::subsequence(
            vec!["Before", "After", "Change", "vs Neo4j", "Status"],
            1..=5,
        );
        prop::option::of(labels.prop_map(|labels| {
            labels
                .into_iter()
                .map(|label| format!("{label}: new"))
                .collect()
        }))
    }

    fn any_section() -> impl Strategy<Value = Section> {
        (
            prop::sample::select(TASKS.to_vec()),
            prop::option::of("[A-Z][a-z #`*]{0,8}"),
            any_numbers(),
            any_numbers(),
        )
            .prop_map(|(task, title, internal, competitive)| Section {
                task: task.to_owned(),
                title,
                internal,
                competitive,
            })
    }

    /// Whether the tool may take `line` for one of its own.
    fn may_be_replaced(line: &str) -> bool {
        label(line.trim_start_matches([' ', '\t', '-', '*', '+'])).is_some()
    }

    /// Whether `kept` is among `all`, in the same order.
    fn is_subsequence<'a>(mut kept: impl Iterator<Item = &'a str>, all: &'a str) -> bool {
        let mut all = all.lines();
        kept.all(|line| all.any(|other| other == line))
    }

    proptest! {
        #[test]
        fn updating_twice_is_updating_once(document in any_log(), section in any_section()) {
            if let Ok(once) = update(&document, &section) {
                prop_assert_eq!(update(&once, &section), Ok(once));
            }
        }

        #[test]
        fn any_text_is_updated_once_or_refused(document in any::<String>(), section in any_section()) {
            if let Ok(once) = update(&document, &section) {
                prop_assert_eq!(update(&once, &section), Ok(once));
            }
        }

        #[test]
        fn every_line_that_is_no_number_stays(document in any_log(), section in any_section()) {
            if let Ok(updated) = update(&document, &section) {
                let kept = document.lines().filter(|line| !may_be_replaced(line));
                prop_assert!(is_subsequence(kept, &updated), "{}", updated);
            }
        }

        #[test]
        fn the_sections_of_other_tasks_stay_as_they_are(document in any_log(), section in any_section()) {
            if let Ok(updated) = update(&document, &section) {
                let own = TaskOrder::of(&section.task);
                let others = |document: &str| -> Vec<String> {
                    let page = markdown::read(document);
                    let text = |entry: &Entry| page.lines[entry.lines.clone()].iter().map(|line| line.source).collect::<String>();
                    entries(&page.lines).iter().filter(|entry| entry.task != own).map(|entry| text(entry).trim_end().to_owned()).collect()
                };
                prop_assert_eq!(others(&updated), others(&document));
            }
        }

        #[test]
        fn the_new_numbers_show_in_the_section(document in any_log(), section in any_section()) {
            if let Ok(updated) = update(&document, &section) {
                let wanted = section.internal.iter().chain(&section.competitive).flatten().map(String::as_str);
                let shown: Vec<_> = markdown::read(&updated).lines.into_iter().filter_map(|line| line.visible).collect();
                let mut texts = shown.iter().map(|line| line.trim_start_matches([' ', '\t', '-', '*', '+']));
                let in_order = section.internal.is_none() || section.competitive.is_none();
                for line in wanted.filter(|_| in_order) {
                    prop_assert!(texts.any(|text| text == line), "{} is not in\n{}", line, updated);
                }
            }
        }
    }
}
