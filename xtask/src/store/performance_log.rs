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
//!
//! A section ends at the next heading of any kind. Where people wrote something that leaves open which numbers are the
//! task's, the log is refused.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::error::Fault;
use crate::model::limits::COMPETITOR;
use crate::model::names::Mode;
use crate::store::markdown::{self, Page, is_rule, pattern};

/// Returns the log `document` with the `numbers` of a task in a mode: one line each without its bullet (`Before:
/// P99=0.458ms, 999.88 ops/s`), each label once.
///
/// They replace those in the list under the mode's label; whatever else stands in the section stays. A task without a
/// section gets one, before the first task with a larger number; `title` may be empty, and an existing section keeps its
/// own. A section whose heading ends with `(example)` belongs to no task. Updating twice is the same as updating once.
///
/// # Errors
/// At the line that leaves open where the task's numbers are.
pub fn update(
    document: &str,
    task: &str,
    title: &str,
    mode: Mode,
    numbers: &[String],
) -> Result<String, Fault> {
    let page = markdown::read(document)?;
    let bulleted =
        |bullet: &str| numbers.iter().map(|number| format!("{bullet}{number}")).collect();
    let mut new: Vec<String> = bulleted("  - ");
    new.insert(0, format!("**{}**:", label(mode)));
    let Some(section) = page.section(task)? else {
        let separator = if title.is_empty() { "" } else { ": " };
        new.splice(0..0, [format!("## Task {task}{separator}{title}"), String::new()]);
        let is_later = |index: &usize| page.task(*index).is_some_and(|of| order(of) > order(task));
        let at = (0..page.0.len()).find(is_later).unwrap_or(page.0.len());
        return Ok(page.with_separated(at, new));
    };
    let lists = page.lists(section.clone())?;
    let list_of = |mode| lists.iter().find(|list| list.label == label(mode));
    let Some(list) = list_of(mode) else {
        let competitive = list_of(Mode::Competitive).map(|list| list.lines.start - 1);
        return Ok(page.with_separated(competitive.unwrap_or(page.content_end(section)), new));
    };
    let mut replaced: Vec<String> = bulleted(list.bullet.unwrap_or("  - "));
    if list.bullet.is_none() && !page.is_blank(list.lines.end) {
        replaced.push(String::new());
    }
    Ok(page.with(list.lines.clone(), &replaced))
}

/// Reads the title of a task from the name of its file in the roadmap: `007_fan_effect_spreading_complete.md` is `Fan
/// Effect Spreading`. A name that does not end with the state of a task is no task's.
pub(crate) fn title_from_file_name(task: &str, file_name: &str) -> Option<String> {
    let words = file_name.strip_prefix(task)?.strip_prefix('_')?.strip_suffix(".md")?;
    let states = ["_pending", "_in_progress", "_complete", "_skipped", "_blocked"];
    let words = states.iter().find_map(|state| words.strip_suffix(state))?;
    let capitalised = words.split('_').filter_map(|word| {
        let mut letters = word.chars();
        Some(letters.next()?.to_uppercase().chain(letters).collect())
    });
    let words: Vec<String> = capitalised.collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn label(mode: Mode) -> &'static str {
    match mode {
        Mode::Internal => "Internal Performance",
        Mode::Competitive => "Competitive Performance",
    }
}

/// The numbers under a label of a section.
struct List<'a> {
    label: &'a str,
    /// The first bullet, with the white space around it; `None` without numbers.
    bullet: Option<&'a str>,
    /// The lines of the numbers; without any, the empty range below the label.
    lines: Range<usize>,
}

/// The markers of lists and quotations before a heading, as a pattern.
const MARKERS: &str = r"(?:[ \t]|(?:[-*+]|[0-9]{1,9}[.)])[ \t]|>)*";

impl Page<'_> {
    /// The lines below the heading of `task`, as far as the next heading of any kind.
    fn section(&self, task: &str) -> Result<Option<Range<usize>>, Fault> {
        let headings = (0..self.0.len()).filter(|index| self.heading(*index).is_some());
        let headings: Vec<usize> = headings.collect();
        let is_its = |index: &&usize| {
            let named = self.heading(**index).filter(|text| !is_example(text)).and_then(named_task);
            // What follows the name of the task may be a part of it.
            named.is_some_and(|named| [named, named.trim_end_matches(MARKS)].contains(&task))
        };
        let mut its = headings.iter().filter(is_its);
        let Some(&own) = its.next() else { return Ok(None) };
        if self.task(own) != Some(task) {
            let form = format!("write `## Task {task}: ...`, or rename it");
            return fault(own, format!("this heading may be task {task}'s: {form}"));
        }
        if let Some(&second) = its.next() {
            let why = format!("task {task} has a section above already: join the two");
            return fault(second, why);
        }
        let next = headings.iter().copied().find(|index| *index > own).unwrap_or(self.0.len());
        match self.text(next).and_then(block_label) {
            Some(label) => {
                let why = format!("a heading ends the section above: write `**{label}**:` instead");
                fault(next, why)
            }
            None => Ok(Some(own + 1..next)),
        }
    }

    /// The line of a heading of any kind, also in a list: with `#`, underlined, or HTML.
    fn heading(&self, index: usize) -> Option<&str> {
        static MARKED: LazyLock<Regex> = LazyLock::new(|| {
            let html = r"<(?:.*<)?[hH][1-6](?:[ \t/>]|$)";
            pattern(&format!(r"^{MARKERS}(?:#{{1,6}}(?:[ \t]|$)|{html})"))
        });
        static LINE: LazyLock<Regex> = LazyLock::new(|| pattern("^ *(?:=+|-+)[ \t]*$"));
        static BLOCK: LazyLock<Regex> =
            LazyLock::new(|| pattern(r"^[ \t]*(?:[>|]|(?:[-*+]|[0-9]{1,9}[.)])[ \t])|^ {4}"));
        let text = self.text(index)?;
        let next = self.text(index + 1).filter(|next| LINE.is_match(next));
        // A row of dashes below a list is a rule, unless it is indented as text of the list.
        let is_underlined =
            next.is_some_and(|next| next.starts_with("  ") || !BLOCK.is_match(text));
        let is_title = !text.trim().is_empty() && !is_rule(text) && is_underlined;
        (is_title || MARKED.is_match(text)).then_some(text)
    }

    /// The task whose section starts at this line, as this tool writes it.
    fn task(&self, index: usize) -> Option<&str> {
        static OWN: LazyLock<Regex> =
            LazyLock::new(|| pattern("^ {0,3}##[ \t]+[Tt]ask[ \t]+[A-Za-z0-9]"));
        let text = self.text(index).filter(|text| OWN.is_match(text) && !is_example(text))?;
        named_task(text)
    }

    /// The labels of a section with their numbers, which stand right under them.
    fn lists(&self, section: Range<usize>) -> Result<Vec<List<'_>>, Fault> {
        static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
            let labels = format!("(?:Before|After|Change|Status|vs {COMPETITOR}):");
            pattern(&format!(r"^([ \t]*[-*+][ \t]+)({labels})"))
        });
        let mut lists: Vec<List> = Vec::new();
        // The labels of the numbers in the list that may go on.
        let mut open: Option<Vec<&str>> = None;
        for index in section {
            let text = self.text(index);
            let number = text.and_then(|text| NUMBER.captures(text));
            let number =
                number.and_then(|parts| Some((parts.get(1)?.as_str(), parts.get(2)?.as_str())));
            if let Some(label) = text.and_then(block_label) {
                if lists.iter().any(|list| list.label == label) {
                    return fault(index, format!("a second label {label}: join the two lists"));
                }
                lists.push(List { label, bullet: None, lines: index + 1..index + 1 });
                open = Some(Vec::new());
            } else if let Some((bullet, number)) = number {
                let list = lists.last_mut().zip(open.as_mut()).filter(|(list, seen)| {
                    list.bullet.is_none_or(|first| first == bullet) && !seen.contains(&number)
                });
                let Some((list, seen)) = list else {
                    let label = label(Mode::Internal);
                    let why = format!(
                        "`{number}` is in no list right under a label such as `**{label}**:`: move it there, or rename it"
                    );
                    return fault(index, why);
                };
                seen.push(number);
                if list.bullet.is_none() {
                    (list.bullet, list.lines.start) = (Some(bullet), index);
                }
                list.lines.end = index + 1;
            } else if !self.is_blank(index) {
                open = None;
            }
        }
        Ok(lists)
    }
}

fn fault<T>(index: usize, why: String) -> Result<T, Fault> {
    Err(Fault::new(why).at_line(index + 1))
}

/// The marks that a task's name may have, besides letters and digits.
const MARKS: [char; 3] = ['.', '_', '-'];

/// The task that a heading names, in any markup: `# Task 007: Fans`, `[Task 007](fans.md)`.
fn named_task(heading: &str) -> Option<&str> {
    static NAMED: LazyLock<Regex> = LazyLock::new(|| {
        let markup = r"^(?:<[^>]*>|[0-9]+[.)]|[^A-Za-z0-9<])*";
        pattern(&format!("{markup}(?i-u:task)[^A-Za-z0-9]+([A-Za-z0-9._-]+)"))
    });
    Some(NAMED.captures(heading)?.get(1)?.as_str())
}

/// True if a heading says that its section only shows the format.
fn is_example(heading: &str) -> bool {
    heading.trim_end_matches(['#', ' ', '\t']).to_lowercase().ends_with("(example)")
}

/// The label that the line is, in any markup.
fn block_label(text: &str) -> Option<&'static str> {
    let name = text.trim_matches([' ', '\t', '*', '_', ':', '#']);
    let is_bullet = text.trim_start().starts_with("* ");
    Mode::ALL.map(label).into_iter().find(|label| *label == name && !is_bullet)
}

/// The order of the tasks: by number, however many zeros lead it, then those without a number by
/// name. `7` and `007` are two tasks all the same.
fn order(task: &str) -> (u64, &str) {
    (task.parse().unwrap_or(u64::MAX), task)
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

    /// The numbers of one task, for the log.
    #[derive(Debug, Clone)]
    struct Section {
        task: String,
        title: Option<String>,
        internal: Option<Vec<String>>,
        competitive: Option<Vec<String>>,
    }

    fn update(document: &str, section: &Section) -> Result<String, Fault> {
        let Section { task, title, internal, competitive } = section;
        let title = title.as_deref().unwrap_or_default().trim();
        let modes = [(Mode::Internal, internal), (Mode::Competitive, competitive)];
        let numbers = modes.iter().filter_map(|(mode, numbers)| Some((*mode, numbers.as_ref()?)));
        numbers.into_iter().try_fold(document.to_owned(), |log, (mode, numbers)| {
            super::update(&log, task, title, mode, numbers)
        })
    }

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

    /// The line at which the update of task 007 is refused.
    fn refused(document: &str) -> usize {
        let fault = update(document, &short("007")).expect_err(document);
        fault.line.expect("a line")
    }

    fn headings(document: &str) -> Vec<&str> {
        document.lines().filter(|line| line.starts_with("## ")).collect()
    }

    #[test]
    fn a_task_file_names_its_title() {
        for (task, name, title) in [
            ("007", "007_fan_effect_spreading_complete.md", "Fan Effect Spreading"),
            ("005", "005_binding_formation_in_progress.md", "Binding Formation"),
            ("003", "003_migration_utilities_skipped.md", "Migration Utilities"),
            ("012", "012_mark_pending_tasks_blocked.md", "Mark Pending Tasks"),
            ("008", "008_hnsw__index_pending.md", "Hnsw Index"),
        ] {
            assert_eq!(title_from_file_name(task, name).as_deref(), Some(title));
        }
    }

    #[test]
    fn another_file_names_no_title() {
        let names = [
            "",
            ".md",
            "README.md",
            "007_milestone_overview.md",
            "007_complete.md",
            "007__complete.md",
            "007_fan_effect_complete.txt",
            "007_fan_effect_complete",
            "007_fan_effect_Complete.md",
            "007_fan_effect_complete_ENHANCED.md",
            "008_fan_effect_complete.md",
            "007_fan_effectcomplete.md",
        ];
        for name in names {
            assert_eq!(title_from_file_name("007", name), None, "{name}");
        }
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
        let section = Section { internal: None, competitive: lines(&["Before: b"]), ..both("007") };
        let document = updated(SPECIFIED, &section);
        assert!(document.contains(INTERNAL_LINES[3]), "{document}");
        assert!(!document.contains("Neo4j"), "{document}");
    }

    #[test]
    fn a_section_without_numbers_is_not_written() {
        let section = Section { internal: None, ..short("007") };
        assert_eq!(updated("# Log\n", &section), "# Log\n");
    }

    #[test]
    fn the_heading_stays_as_people_wrote_it() {
        for heading in ["## Task 007: Fans (again)", "##  Task 007 - Fans ##", "## Task 007"] {
            let document = format!("{heading}\n\n**Internal Performance**:\n  - Before: old\n");
            assert_eq!(updated(&document, &short("007")), document.replace("old", "new"));
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
  - Status: old
    (see the thread)
  - Note: with the fan cache

The cache explains it.

- State: in review
";
        let section = Section {
            internal: lines(&["Before: new", "Change: new", "Status: new"]),
            ..short("007")
        };
        let expected = document
            .replace("Before: old\n", "Before: new\n  - Change: new\n")
            .replace("Status: old", "Status: new");
        assert_eq!(updated(document, &section), expected);
    }

    #[test]
    fn numbers_behind_other_text_of_their_list_are_refused_with_their_line() {
        for other in [
            "  - Note: with the fan cache",
            "    on the small machine",
            "    - on the small machine",
            "  <!-- a -->",
        ] {
            let list = format!("  - Before: old\n{other}\n  - Status: old\n");
            let document = format!("## Task 007\n\n**Internal Performance**:\n{list}");
            assert_eq!(refused(&document), 6, "{other}");
        }
    }

    #[test]
    fn a_bullet_that_looks_like_a_number_and_is_none_is_refused_with_its_line() {
        for other in ["    - Status: mine", "  - Before: waived by the team", "* Status: mine"] {
            let list = format!("  - Before: old\n{other}\n");
            let document = format!("## Task 007\n\n**Internal Performance**:\n{list}");
            assert_eq!(refused(&document), 5, "{other}");
        }
    }

    #[test]
    fn a_block_ends_at_the_label_of_the_other_even_if_that_is_indented() {
        let document = "## Task 007\n\n**Internal Performance**:\n- Before: old\n   **Competitive Performance**:\n- Before: kept\n";
        assert_eq!(updated(document, &short("007")), document.replace("old", "new"));
    }

    #[test]
    fn a_bullet_is_no_label_of_a_block() {
        let document = "## Task 007\n\n* Internal Performance\n";
        assert!(updated(document, &short("007")).starts_with(document));
        assert_eq!(refused(&format!("{document}  - Before: kept\n")), 4);
    }

    #[test]
    fn the_blocks_may_stand_in_either_order() {
        let document = "## Task 007\n\n**Competitive Performance**:\n  - Before: old\n\n**Internal Performance**:\n  - Before: old\n";
        let section = Section { competitive: lines(&["Before: new"]), ..short("007") };
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
    fn a_line_that_is_half_ended_is_ended_once() {
        let once = updated("# Log\r", &short("007"));
        assert_eq!(updated(&once, &short("007")), once);
    }

    #[test]
    fn a_task_with_the_same_number_is_another_task() {
        let document = updated(&updated("", &both("007")), &short("7"));
        assert_eq!(headings(&document), ["## Task 007: Fan Effect Spreading", "## Task 7"]);
        assert!(document.starts_with(SPECIFIED), "{document}");
    }

    #[test]
    fn the_list_keeps_its_own_indentation_and_marker() {
        let document = "## Task 007\n\n**Internal Performance:**\n\n* Before: old\n";
        let section = Section { internal: lines(&["Before: new", "After:  new"]), ..short("007") };
        let expected = "## Task 007\n\n**Internal Performance:**\n\n* Before: new\n* After:  new\n";
        assert_eq!(updated(document, &section), expected);
    }

    #[test]
    fn a_missing_internal_block_goes_before_the_competitive_one() {
        let section = Section { internal: None, ..both("007") };
        let competitive = updated("", &section);
        assert_eq!(updated(&competitive, &both("007")), SPECIFIED);
    }

    #[test]
    fn a_missing_competitive_block_goes_to_the_end_of_the_section() {
        let section = Section { competitive: None, ..both("007") };
        let document = format!("{}\n---\n\n## Summary\n", updated("", &section));
        assert_eq!(updated(&document, &both("007")), format!("{SPECIFIED}\n---\n\n## Summary\n"));
    }

    #[test]
    fn a_section_that_people_wrote_gets_the_blocks_behind_their_text() {
        let document = "## Task 007\n\nResults:\n- P50: 0.4ms\n\n---\n\n## Task 008\n";
        let expected = "## Task 007\n\nResults:\n- P50: 0.4ms\n\n**Internal Performance**:\n  - Before: new\n\n---\n\n## Task 008\n";
        assert_eq!(updated(document, &short("007")), expected);
    }

    #[test]
    fn an_empty_block_is_filled_and_parted_from_what_follows() {
        let document = "## Task 007\n\n**Internal Performance**:\n(pending)\n";
        let expected = "## Task 007\n\n**Internal Performance**:\n  - Before: new\n\n(pending)\n";
        assert_eq!(updated(document, &short("007")), expected);
    }

    #[test]
    fn numbers_outside_a_list_under_a_label_are_refused_with_their_line() {
        for numbers in [
            "- Before: P50=0.4ms\n",
            "Results:\n- Before: P50=0.4ms\n",
            "**Internal performance**:\n  - Before: 1ms\n",
            "**Internal Performance**: run 3\n  - Before: 1ms\n",
        ] {
            let document = format!("## Task 007\n\n{numbers}");
            assert_eq!(refused(&document), document.lines().count(), "{numbers}");
        }
        let list = "**Internal Performance**:\n  - Before: 1ms\n\nIn review:\n";
        assert_eq!(refused(&format!("## Task 007\n\n{list}- Status: open\n")), 7);
        let text = "**Internal Performance**:\n(pending)\n";
        assert_eq!(refused(&format!("## Task 007\n\n{text}- Status: open\n")), 5);
    }

    #[test]
    fn a_label_that_stands_twice_is_refused_with_its_line() {
        for label in ["Internal Performance", "Competitive Performance"] {
            let block = format!("**{label}**:\n  - Before: 1ms\n");
            assert_eq!(refused(&format!("## Task 007\n\n{block}\n{block}")), 6);
        }
    }

    #[test]
    fn a_task_that_has_two_sections_is_refused_with_the_second() {
        assert_eq!(refused("## Task 007\n\n## Task 007: Fans\n"), 3);
    }

    /// Headings that the tool does not write, of the text `TITLE`.
    const OTHER_HEADINGS: [&str; 12] = [
        "TITLE\n-----",
        "TITLE\n=======",
        "  TITLE\n  ---",
        "<h2>TITLE</h2>",
        "<H3 id=\"x\">TITLE</H3>",
        "<div><h2>TITLE</h2></div>",
        "### TITLE",
        "# TITLE",
        "## [TITLE](fans.md)",
        "## **TITLE**",
        "- ## TITLE",
        "###### _TITLE_",
    ];

    #[test]
    fn a_heading_of_any_kind_ends_a_section() {
        let titles = ["Task 008: B", "Summary"];
        for heading in OTHER_HEADINGS {
            for title in titles {
                let heading = heading.replace("TITLE", title);
                let rest = format!(
                    "{heading}\n\n**Internal Performance**:\n  - Before: P99=8ms, 888 ops/s\n  - Status: of eight\n"
                );
                let document = format!("# Log\n\n## Task 007: A\n\nNot measured yet.\n\n{rest}");
                let expected = format!(
                    "# Log\n\n## Task 007: A\n\nNot measured yet.\n\n**Internal Performance**:\n  - Before: new\n\n{rest}"
                );
                let once = updated(&document, &short("007"));
                assert_eq!(once, expected);
                assert_eq!(updated(&once, &short("007")), once);
            }
        }
    }

    #[test]
    fn a_heading_right_under_a_text_ends_a_section() {
        for heading in ["Task 008: B\n---", "<h2>Task 008: B</h2>", "### Task 008"] {
            let rest = format!("{heading}\n\n**Internal Performance**:\n  - Before: 8ms\n");
            let document = format!("## Task 007\n\nNot measured yet.\n{rest}");
            assert!(updated(&document, &short("007")).ends_with(&rest), "{heading}");
        }
    }

    #[test]
    fn the_tasks_own_heading_in_another_form_is_refused_with_its_line() {
        for heading in OTHER_HEADINGS {
            for title in ["Task 007", "Task 007: Fans"] {
                let document = format!("# Log\n\n{}\n\nText.\n", heading.replace("TITLE", title));
                assert_eq!(refused(&document), 3, "{heading}");
            }
            let example = heading.replace("TITLE", "Task 007 (example)");
            if example.ends_with("(example)") {
                let document = updated(&format!("{example}\n"), &short("007"));
                assert_eq!(headings(&document).last(), Some(&"## Task 007"), "{example}");
            }
        }
        for heading in ["## TASK 007", "## Task #007", "## task: 007"] {
            assert_eq!(refused(heading), 1, "{heading}");
        }
    }

    #[test]
    fn a_row_of_dashes_below_a_list_is_a_rule() {
        let document =
            "## Task 007\n\n**Internal Performance**:\n  - Before: old\n---\n## Task 008\n";
        assert_eq!(updated(document, &short("007")), document.replace("old", "new"));
    }

    #[test]
    fn a_row_of_dashes_that_makes_a_heading_stays_under_it() {
        let document = "## Task 007\n\nNotes\n---\n";
        assert!(updated(document, &short("007")).ends_with("\n\nNotes\n---\n"));
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
        assert!(document.starts_with("# Log\n\nText.\n\n## Task 1\n\n"), "{document}");
    }

    #[test]
    fn a_new_task_goes_behind_all_of_the_section_before_it() {
        let document = "## Task 001\n\nText.\n\n### Notes\n\nMore.\n\n## Task 003\n";
        let expected = "## Task 001\n\nText.\n\n### Notes\n\nMore.\n\n## Task 002\n\n**Internal Performance**:\n  - Before: new\n\n## Task 003\n";
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
            ["## Task 007: Fans (Example) ##", "## Task 003", "## Task 009"]
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
    fn a_log_that_hides_its_end_or_may_hide_a_line_is_an_error_at_the_line() {
        for start in ["```", "~~~", "<!--", "  ```", "- ```", "text <!--", "<pre>"] {
            assert_eq!(refused(&format!("# Log\n\n{start}\ncode\n")), 3, "{start}");
        }
    }

    #[test]
    fn a_log_without_a_final_line_ending_gets_one_before_a_new_section() {
        assert!(updated("# Log", &short("007")).starts_with("# Log\n\n## Task 007\n"));
    }

    #[test]
    fn a_last_line_that_is_not_touched_keeps_its_lack_of_an_ending() {
        let document = "## Task 001\n\n**Internal Performance**:\n  - Before: old\n\nText.";
        assert_eq!(updated(document, &short("001")), document.replace("old", "new"));
    }

    #[test]
    fn a_last_line_without_an_ending_stays_so_in_a_list() {
        let document = "## Task 007\n\n**Internal Performance**:\n    so far";
        let once = updated(document, &short("007"));
        assert!(once.ends_with("\n  - Before: new\n\n    so far"), "{once}");
        assert_eq!(updated(&once, &short("007")), once);
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
            1 => r"(#{1,3} |---|===|  --|\* \* \*|[ \t]{1,6}[a-z]|[a-z])",
            1 => r"(#{1,4} |- ## |<h2>|  )?Task (001|007)",
            1 => r"[ -]{0,3}(```|~~~|<!--|-->|x <!-- y|`<!--`|<!-- x -->|<pre>|</pre>)",
            1 => r"\PC{0,8}",
        ]
    }

    fn any_log() -> impl Strategy<Value = String> {
        let ending = prop::sample::select(vec!["\n", "\r\n"]);
        (prop::collection::vec(any_line(), 0..30), ending, any::<bool>())
            .prop_map(|(lines, ending, ends)| lines.join(ending) + if ends { ending } else { "" })
    }

    fn any_numbers() -> impl Strategy<Value = Option<Vec<String>>> {
        let labels = prop::sample::subsequence(
            vec!["Before", "After", "Change", "vs Neo4j", "Status"],
            1..=5,
        );
        prop::option::of(
            labels.prop_map(|labels| {
                labels.into_iter().map(|label| format!("{label}: new")).collect()
            }),
        )
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

    /// The text below each heading that is not the own one of `task`, with the heading.
    fn others(document: &str, task: &str) -> Vec<String> {
        let log = markdown::read(document).unwrap();
        let is_heading = |index: &usize| log.heading(*index).is_some();
        let starts: Vec<usize> = (0..log.0.len()).filter(is_heading).collect();
        let end = log.0.len();
        let ends = starts.iter().skip(1).chain([&end]);
        let is_own = |start: usize| log.task(start) == Some(task);
        let sections = starts.iter().zip(ends).filter(|(start, _)| !is_own(**start));
        let text = |(start, end): (&usize, &usize)| {
            let sources = log.0[*start..*end].iter().map(|line| line.source);
            sources.collect::<String>().trim_end().to_owned()
        };
        sections.map(text).collect()
    }

    /// True if the tool may take `line` for one of its own.
    fn may_be_replaced(line: &str) -> bool {
        let text = line.trim_start_matches([' ', '\t', '-', '*', '+']);
        ["Before:", "After:", "Change:", "vs Neo4j:", "Status:"]
            .iter()
            .any(|label| text.starts_with(label))
    }

    /// True if `kept` is among `all`, in the same order.
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
            if let (Ok(updated), Ok(_)) = (update(&document, &section), markdown::read(&document)) {
                prop_assert_eq!(others(&updated, &section.task), others(&document, &section.task));
            }
        }

        #[test]
        fn the_new_numbers_show_in_the_section(document in any_log(), section in any_section()) {
            if let Ok(updated) = update(&document, &section) {
                let wanted = section.internal.iter().chain(&section.competitive).flatten().map(String::as_str);
                let shown: Vec<_> = markdown::read(&updated).unwrap_or_default().0.into_iter().filter_map(|line| line.text).collect();
                let mut texts = shown.iter().map(|line| line.trim_start_matches([' ', '\t', '-', '*', '+']));
                let in_order = section.internal.is_none() || section.competitive.is_none();
                for line in wanted.filter(|_| in_order) {
                    prop_assert!(texts.any(|text| text == line), "{} is not in\n{}", line, updated);
                }
            }
        }
    }
}
