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

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::error::Fault;
use crate::model::limits::COMPETITOR;
use crate::model::names::is_task_name;
use crate::store::markdown::{self, Page, is_rule, pattern};

/// The numbers of one task, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The task's name, such as `007`: letters, digits and `.`, `_`, `-` between them.
    pub task: String,
    /// The title for a section that is new. An existing one keeps its own.
    pub title: Option<String>,
    /// The numbers of the internal mode, one line each without its bullet (`Before: P99=0.458ms,
    /// 999.88 ops/s`). Each starts with `Before:`, `After:`, `Change:`, `Status:` or `vs Neo4j:`, each
    /// label once. `None` leaves the mode's list alone.
    pub internal: Option<Vec<String>>,
    /// The numbers of the competitive mode, likewise.
    pub competitive: Option<Vec<String>>,
}

/// Returns the log `document` with the numbers of `section` in it.
///
/// The section of a task gets its lists replaced, bullet by bullet; whatever else stands in the
/// section stays. A task without a section gets one, before the first task with a larger number. A
/// section whose heading ends with `(example)` belongs to no task. Updating twice is the same as
/// updating once.
///
/// # Errors
/// If `section` could not be found again (its fields say what they may hold), or at the line that leaves open
/// where the task's numbers are.
pub fn update(document: &str, section: &Section) -> Result<String, Fault> {
    let title = section.title.as_deref().unwrap_or_default().trim();
    if !is_task_name(&section.task) || !stays_one_line(title) || is_example(title) {
        return Err(Fault::new(format!(
            "{:?} with the title {title:?} cannot be a task in the performance log",
            section.task
        )));
    }
    let modes = [(INTERNAL, &section.internal), (COMPETITIVE, &section.competitive)];
    let mut document = document.to_owned();
    for (name, numbers) in modes {
        let Some(numbers) = numbers else { continue };
        let is_number = |line: &String| stays_one_line(line) && label(line).is_some();
        if numbers.is_empty() || !numbers.iter().all(is_number) {
            let why = format!("{numbers:?} cannot be the {name} in the performance log");
            return Err(Fault::new(why));
        }
        let page = markdown::read(&document)?;
        document = match page.task_section(&section.task)? {
            Some(own) => page.with_numbers(own, name, numbers)?,
            None => page.with_task(&section.task, title, new_block(name, numbers)),
        };
    }
    Ok(document)
}

/// Reads the task and the title from the name of a roadmap file: `007_fan_effect_spreading_complete.md`
/// is task `007`, `Fan Effect Spreading`. A name that does not end with the state of a task is no task's.
pub(crate) fn title_from_file_name(file_name: &str) -> Option<(String, String)> {
    static NAME: LazyLock<Regex> = LazyLock::new(|| {
        let states = "pending|in_progress|complete|skipped|blocked";
        pattern(&format!(r"^([0-9][A-Za-z0-9.-]*)_(.*)_(?:{states})\.md$"))
    });
    let parts = NAME.captures(file_name)?;
    let (task, words) = (parts.get(1)?.as_str(), parts.get(2)?.as_str().split('_'));
    let capitalised = words.filter_map(|word| {
        let mut letters = word.chars();
        Some(letters.next()?.to_uppercase().chain(letters).collect())
    });
    let words: Vec<String> = capitalised.collect();
    (is_task_name(task) && !words.is_empty()).then(|| (task.to_owned(), words.join(" ")))
}

const INTERNAL: &str = "Internal Performance";
const COMPETITIVE: &str = "Competitive Performance";
const LABELS: [&str; 4] = ["Before", "After", "Change", "Status"];
/// The bullet in a new list.
const BULLET: &str = "  - ";
/// The markers of lists and quotations before a heading, as a pattern.
const MARKERS: &str = r"(?:[ \t]|(?:[-*+]|[0-9]{1,9}[.)])[ \t]|>)*";
/// The name at the end of a pattern of a task's heading.
const TASK: &str = "([A-Za-z0-9._-]*[A-Za-z0-9])";

/// A label in a section, and the list under it.
struct Block<'a> {
    name: &'static str,
    label: usize,
    /// The first bullet, with the white space around it.
    bullet: Option<&'a str>,
    /// The lines from the first bullet to the last; empty, below the label, without a bullet.
    list: Range<usize>,
}

impl Page<'_> {
    /// Finds the lines below the heading of `task`, as far as the next heading of any kind.
    fn task_section(&self, task: &str) -> Result<Option<Range<usize>>, Fault> {
        let end = self.0.len();
        let is_heading = |index: &usize| *index == end || self.title(*index).is_some();
        let headings: Vec<usize> = (0..=end).filter(is_heading).collect();
        let mut own = None;
        for pair in headings.windows(2) {
            let &[index, next] = pair else { continue };
            let fault = |index, why: String| Err(Fault::new(why).at_line(index + 1));
            let title = self.title(index).unwrap_or_default();
            if named_task(&title) != Some(task) || is_example(&title) {
                continue;
            }
            if self.task(index) != Some(task) {
                let form = format!("write `## Task {task}: ...`, or rename it");
                return fault(index, format!("this heading may be task {task}'s: {form}"));
            }
            if own.replace(index + 1..next).is_some() {
                let why = format!("task {task} has a section above already: join the two");
                return fault(index, why);
            }
            if let Some(label) = self.text(next).and_then(block_label) {
                let why = format!("a heading ends the section above: write `**{label}**:` instead");
                return fault(next, why);
            }
        }
        Ok(own)
    }

    /// The text of a heading of any kind, also in a list: with `#`, underlined, or HTML.
    fn title(&self, index: usize) -> Option<Cow<'_, str>> {
        static HASHES: LazyLock<Regex> =
            LazyLock::new(|| pattern(&format!(r"^{MARKERS}#{{1,6}}(?:[ \t]+(.*))?$")));
        static HTML: LazyLock<Regex> =
            LazyLock::new(|| pattern(&format!("^{MARKERS}<(?:.*<)?[hH][1-6](?:[ \t/>]|$)")));
        static TAG: LazyLock<Regex> = LazyLock::new(|| pattern("<[^>]*>"));
        static LINE: LazyLock<Regex> = LazyLock::new(|| pattern("^ *(?:=+|-+)[ \t]*$"));
        static BLOCK: LazyLock<Regex> =
            LazyLock::new(|| pattern(r"^[ \t]*(?:[>|]|(?:[-*+]|[0-9]{1,9}[.)])[ \t])|^ {4}"));
        let text = self.text(index)?;
        if let Some(parts) = HASHES.captures(text) {
            return Some(parts.get(1).map_or("", |title| title.as_str()).into());
        }
        let next = self.text(index + 1).filter(|next| LINE.is_match(next)).map(indentation);
        // A row of dashes below a list is a rule, unless it is indented as text of the list.
        let is_underlined = next.is_some_and(|columns| columns > 1 || !BLOCK.is_match(text));
        let is_title = !text.trim().is_empty() && !is_rule(text) && is_underlined;
        (is_title || HTML.is_match(text)).then(|| TAG.replace_all(text, ""))
    }

    /// The task whose section starts at this line, as this tool writes it.
    fn task(&self, index: usize) -> Option<&str> {
        static HEADING: LazyLock<Regex> =
            LazyLock::new(|| pattern(&format!("^ {{0,3}}##[ \t]+[Tt]ask[ \t]+{TASK}")));
        Some(HEADING.captures(self.text(index)?)?.get(1)?.as_str())
    }

    /// Finds the labels and the lists of a section.
    fn blocks(&self, section: Range<usize>) -> Result<Vec<Block<'_>>, Fault> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut is_open = false;
        for index in section {
            let fault = |why: String| Err(Fault::new(why).at_line(index + 1));
            let text = self.text(index).unwrap_or_default();
            if text.trim().is_empty() {
                continue;
            }
            let bullet = bullet(text);
            let first = blocks.last().and_then(|block| block.bullet);
            let is_in_list = bullet.is_some() || first.is_some_and(|first| is_nested(text, first));
            if let Some(name) = block_label(text) {
                if blocks.iter().any(|block| block.name == name) {
                    return fault(format!("a second label {name}: join the two lists"));
                }
                blocks.push(Block { name, label: index, bullet: None, list: index + 1..index + 1 });
                is_open = true;
            } else if let Some(block) = blocks.last_mut().filter(|_| is_open && is_in_list) {
                if block.bullet.is_none() {
                    (block.bullet, block.list.start) = (bullet.map(|(marker, _)| marker), index);
                }
                block.list.end = index + 1;
            } else if let Some(label) = bullet.and_then(|(_, text)| label(text)) {
                return fault(format!(
                    "`{label}:` is in no list right under a label such as `**{INTERNAL}**:`: move it there, or rename it"
                ));
            } else {
                is_open = false;
            }
        }
        Ok(blocks)
    }

    /// Puts `numbers` under the label `name` of a section.
    fn with_numbers(
        &self,
        section: Range<usize>,
        name: &str,
        numbers: &[String],
    ) -> Result<String, Fault> {
        let blocks = self.blocks(section.clone())?;
        let block_of = |name| blocks.iter().find(|block| block.name == name);
        let Some(block) = block_of(name) else {
            let competitive = block_of(COMPETITIVE).map(|block| block.label);
            let at = competitive.unwrap_or_else(|| self.content_end(section));
            return Ok(self.with_separated(at, new_block(name, numbers)));
        };
        let mut list = self.renewed(block, numbers);
        if block.list.is_empty() && !self.is_blank(block.list.end) {
            list.push(String::new());
        }
        Ok(self.with(block.list.clone(), &list))
    }

    /// The list of `block` with its known bullets replaced, and no other.
    ///
    /// Each is replaced where it stands by the new line of its label, and by those that come before
    /// that one. A bullet whose label is gone is replaced by the next new line, or removed once there are
    /// none left. New lines that remain at the end follow the last known bullet.
    fn renewed(&self, block: &Block, numbers: &[String]) -> Vec<String> {
        let prefix = block.bullet.unwrap_or(BULLET);
        let bulleted = |number: &String| format!("{prefix}{number}");
        let mut numbers = numbers.iter();
        let (mut list, mut seen, mut end) = (Vec::new(), Vec::new(), 0);
        for line in self.0.get(block.list.clone()).unwrap_or_default() {
            let text = line.text.as_deref().unwrap_or_default();
            let is_nested = is_nested(text, prefix);
            let known = bullet(text).and_then(|(_, text)| label(text));
            // A second bullet of one label is somebody's own.
            if let Some(known) = known.filter(|known| !is_nested && !seen.contains(known)) {
                seen.push(known);
                let is_same = |number: &String| label(number) == Some(known);
                let count = numbers.clone().position(is_same).unwrap_or(0) + 1;
                list.extend(numbers.by_ref().take(count).map(bulleted));
                end = list.len();
            } else {
                let follows_number = end == list.len() && is_nested;
                list.push(line.source.to_owned());
                end = if follows_number { list.len() } else { end };
            }
        }
        list.splice(end..end, numbers.map(bulleted));
        list
    }

    /// Puts a new section before the first task with a larger number, and behind an example of its own.
    fn with_task(&self, task: &str, title: &str, block: Vec<String>) -> String {
        static HIGH: LazyLock<Regex> = LazyLock::new(|| pattern("^ {0,3}##?(?:[ \t]|$)"));
        let end = self.0.len();
        let tasks = (0..end).filter_map(|index| Some((index, self.task(index)?)));
        let tasks: Vec<(usize, &str)> = tasks.collect();
        let is_example = |index| self.text(index).is_some_and(is_example);
        let example = tasks.iter().rposition(|(at, named)| *named == task && is_example(*at));
        let mut behind = tasks.iter().skip(example.map_or(0, |example| example + 1));
        let larger = behind.find(|(at, named)| !is_example(*at) && order(named) > order(task));
        let is_high = |index: &usize| self.text(*index).is_some_and(|text| HIGH.is_match(text));
        let no_task = tasks.last().and_then(|(last, _)| (last + 1..end).find(is_high));
        let at = larger.map(|(at, _)| *at).or(no_task).unwrap_or(end);
        let separator = if title.is_empty() { "" } else { ": " };
        let mut text = vec![format!("## Task {task}{separator}{title}"), String::new()];
        text.extend(block);
        // Where rules separate the sections, one separates the new section too.
        if at < end && !(self.content_end(0..at)..at).all(|index| self.is_blank(index)) {
            text.extend([String::new(), "---".to_owned()]);
        }
        self.with_separated(at, text)
    }
}

fn new_block(name: &str, numbers: &[String]) -> Vec<String> {
    let mut block = vec![format!("**{name}**:")];
    block.extend(numbers.iter().map(|number| format!("{BULLET}{number}")));
    block
}

/// The task that the title of a heading names, in any markup: `Task 007: Fans`, `[Task 007](fans.md)`.
fn named_task(title: &str) -> Option<&str> {
    static NAMED: LazyLock<Regex> =
        LazyLock::new(|| pattern(&format!("^(?i-u:task)[^A-Za-z0-9]+{TASK}")));
    let title = title.trim_start_matches(|c: char| !c.is_alphanumeric());
    Some(NAMED.captures(title)?.get(1)?.as_str())
}

/// True if a heading says that its section only shows the format.
fn is_example(title: &str) -> bool {
    let title = title.trim_end_matches(['#', ' ', '\t']).to_lowercase();
    title.ends_with("(example)")
}

/// The name of the block that the line is the label of.
fn block_label(text: &str) -> Option<&'static str> {
    let is_markup = |c: char| c.is_whitespace() || matches!(c, '*' | '_' | ':' | '#');
    let name = text.trim_matches(is_markup);
    let may_be_label = indentation(text) < 4 && bullet(text).is_none();
    [INTERNAL, COMPETITIVE].into_iter().find(|block| may_be_label && *block == name)
}

/// A bullet's marker, with the white space around it, and its text.
fn bullet(text: &str) -> Option<(&str, &str)> {
    static BULLET: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[ \t]*[-*+][ \t]+"));
    let marker = BULLET.find(text).filter(|_| !is_rule(text))?;
    text.split_at_checked(marker.end())
}

/// The part before the colon of a line of numbers.
fn label(text: &str) -> Option<&str> {
    let (label, _) = text.split_once(':')?;
    let is_known = LABELS.contains(&label) || label.strip_prefix("vs ") == Some(COMPETITOR);
    is_known.then_some(label)
}

/// True for text that belongs to the bullet before it, in a list that starts with `bullet`.
fn is_nested(text: &str, bullet: &str) -> bool {
    !text.trim().is_empty() && indentation(text) > indentation(bullet) + 1
}

/// The columns of white space before `text`; a tab counts as four.
fn indentation(text: &str) -> usize {
    let space = text.chars().take_while(|c| matches!(c, ' ' | '\t'));
    space.map(|c| if c == '\t' { 4 } else { 1 }).sum()
}

fn stays_one_line(text: &str) -> bool {
    !text.contains(['\n', '\r']) && !text.contains("<!--")
}

/// The order of the tasks: by number, however many zeros lead it, then those without a number by
/// name. `7` and `007` are two tasks all the same.
fn order(task: &str) -> (bool, usize, &str, &str) {
    let value = task.trim_start_matches('0');
    match task.chars().all(|c| c.is_ascii_digit()) {
        true => (false, value.len(), value, task),
        false => (true, 0, task, task),
    }
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

    /// The line at which the update of task 007 is refused.
    fn refused(document: &str) -> usize {
        let fault = update(document, &short("007")).expect_err(document);
        fault.line.expect("a line")
    }

    fn headings(document: &str) -> Vec<&str> {
        document.lines().filter(|line| line.starts_with("## ")).collect()
    }

    #[test]
    fn a_task_file_names_its_task_and_title() {
        let title = |name: &str| title_from_file_name(name);
        let is = |task: &str, title: &str| Some((task.to_owned(), title.to_owned()));
        assert_eq!(
            title("007_fan_effect_spreading_complete.md"),
            is("007", "Fan Effect Spreading")
        );
        assert_eq!(title("005_binding_formation_in_progress.md"), is("005", "Binding Formation"));
        assert_eq!(title("003_migration_utilities_skipped.md"), is("003", "Migration Utilities"));
        assert_eq!(title("012_mark_pending_tasks_blocked.md"), is("012", "Mark Pending Tasks"));
        assert_eq!(title("008_hnsw__index_pending.md"), is("008", "Hnsw Index"));
    }

    #[test]
    fn another_file_names_no_task() {
        let names = [
            "",
            ".md",
            "README.md",
            "PERFORMANCE_LOG.md",
            "000_milestone_overview.md",
            "007_complete.md",
            "complete.md",
            "007__complete.md",
            "007_fan_effect_complete.txt",
            "007_fan_effect_complete",
            "007_fan_effect_Complete.md",
            "007_fan_effect_complete_ENHANCED.md",
            "TASK_004_DESIGN_complete.md",
            "_fan_effect_complete.md",
            "007_fan_effectcomplete.md",
        ];
        for name in names {
            assert_eq!(title_from_file_name(name), None, "{name}");
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
    - on the small machine
  - Note: with the fan cache
  - Status: old
    (see the thread)

The cache explains it.

- State: in review
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

- State: in review
";
        assert_eq!(updated(document, &section), expected);
    }

    #[test]
    fn a_nested_bullet_stays_whatever_its_label() {
        let document =
            "## Task 007\n\n**Internal Performance**:\n  - Before: old\n    - Status: mine\n";
        let section = Section { internal: lines(&["Before: new", "Status: new"]), ..short("007") };
        let expected = "## Task 007\n\n**Internal Performance**:\n  - Before: new\n    - Status: mine\n  - Status: new\n";
        assert_eq!(updated(document, &section), expected);
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
    fn bullets_that_people_added_stay_though_they_look_like_the_tools_own() {
        let written = "  - vs Qdrant: measured by hand\n";
        let waived = "  - Status: waived by the team\n";
        let document = SPECIFIED
            .replace("  - vs Neo4j", &format!("{written}  - vs Neo4j"))
            .replace("advantage maintained\n", &format!("advantage maintained\n{waived}"));
        let changed = Section {
            competitive: lines(&["Before: b", "vs Neo4j: n", "Status: s"]),
            ..both("007")
        };
        let document = updated(&document, &changed);
        assert!(document.contains(written) && document.ends_with(waived), "{document}");
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
    fn a_label_as_a_heading_is_refused_with_its_line() {
        for label in ["### Internal Performance", "**Internal Performance**:\n---"] {
            let document = format!("## Task 007\n\n{label}\n\n- Before: 1ms\n");
            assert_eq!(refused(&document), 3, "{label}");
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
    fn the_last_task_stays_before_what_is_no_task() {
        let document = updated("## Task 001\n\n## Summary\n", &short("002"));
        assert_eq!(headings(&document), ["## Task 001", "## Task 002", "## Summary"]);
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
            ["## Task 007: Fans (Example) ##", "## Task 003", "## Task 009"]
        );
        let before_example = format!("## Task 009\n\n{example}");
        let document = updated(&before_example, &short("007"));
        assert_eq!(
            headings(&document),
            ["## Task 009", "## Task 007: Fans (Example) ##", "## Task 007"]
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
        let section = Section { internal: lines(&["Before: new", "After:  new"]), ..short("007") };
        assert_eq!(updated(document, &section), document.replace("old", "new"));
    }

    #[test]
    fn a_log_that_hides_its_end_or_may_hide_a_line_is_an_error_at_the_line() {
        for start in ["```", "~~~", "<!--", "  ```", "- ```", "text <!--", "<pre>"] {
            assert_eq!(refused(&format!("# Log\n\n{start}\ncode\n")), 3, "{start}");
        }
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
    fn what_could_not_be_found_again_is_refused() {
        let refused = [
            Section { task: String::new(), ..both("") },
            both("a b"),
            both("007:"),
            both("007."),
            both("7\n8"),
            Section { title: Some("a\nb".to_owned()), ..both("007") },
            Section { title: Some("a (example)".to_owned()), ..both("007") },
            Section { title: Some("a <!-- b".to_owned()), ..both("007") },
            Section { internal: lines(&[]), ..both("007") },
            Section { internal: lines(&["Remark: x"]), ..both("007") },
            Section { competitive: lines(&["Before: a\nb"]), ..both("007") },
            Section { competitive: lines(&["Before: <!-- a"]), ..both("007") },
        ];
        for section in refused {
            assert_eq!(update("", &section).expect_err("refused").line, None, "{section:?}");
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
        let is_heading = |index: &usize| log.title(*index).is_some();
        let starts: Vec<usize> = (0..log.0.len()).filter(is_heading).collect();
        let end = log.0.len();
        let ends = starts.iter().skip(1).chain([&end]);
        let is_own =
            |start: usize| log.task(start) == Some(task) && !is_example(log.text(start).unwrap());
        let sections = starts.iter().zip(ends).filter(|(start, _)| !is_own(**start));
        let text = |(start, end): (&usize, &usize)| {
            let sources = log.0[*start..*end].iter().map(|line| line.source);
            sources.collect::<String>().trim_end().to_owned()
        };
        sections.map(text).collect()
    }

    /// True if the tool may take `line` for one of its own.
    fn may_be_replaced(line: &str) -> bool {
        label(line.trim_start_matches([' ', '\t', '-', '*', '+'])).is_some()
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
