//! How tasks are named: in the log's headings, in the roadmap's file names, and in which order.

use std::sync::LazyLock;

use regex::Regex;

use crate::model::names::is_task_name;
use crate::store::markdown::pattern;

/// The task and the title that a roadmap file's name states: `007_fan_effect_spreading_complete.md`
/// is task `007`, `Fan Effect Spreading`. The last word is the task's state; without one, the file
/// is not a task's own.
pub fn title_from_file_name(file_name: &str) -> Option<(String, String)> {
    let stem = file_name.strip_suffix(".md")?;
    let stated = TASK_STATES
        .iter()
        .find_map(|state| stem.strip_suffix(state)?.strip_suffix('_'))?;
    let (task, words) = stated.split_once('_')?;
    let is_task = task.starts_with(|first: char| first.is_ascii_digit()) && is_task_name(task);
    let title: Vec<String> = words
        .split('_')
        .filter(|word| !word.is_empty())
        .map(capitalized)
        .collect();
    (is_task && !title.is_empty()).then(|| (task.to_owned(), title.join(" ")))
}

/// The order of the tasks: by number, however many zeros lead it, then those without a number by
/// name. Equal only where they are written alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaskOrder {
    /// Without leading zeros; the more digits, the larger. `7` and `007` are two tasks all the same.
    Number {
        digits: usize,
        value: String,
        written: String,
    },
    /// Not a number.
    Name(String),
}

impl TaskOrder {
    /// The place of `task`.
    pub fn of(task: &str) -> Self {
        if task.is_empty() || !task.chars().all(|character| character.is_ascii_digit()) {
            return Self::Name(task.to_owned());
        }
        let value = task.trim_start_matches('0');
        Self::Number {
            digits: value.len(),
            value: value.to_owned(),
            written: task.to_owned(),
        }
    }
}

/// The task that a heading such as `Task 007: Fan Effect Spreading` names.
pub fn task_in(title: &str) -> Option<&str> {
    static TASK: LazyLock<Regex> =
        LazyLock::new(|| pattern("^[Tt]ask[ \t]+([A-Za-z0-9._-]*[A-Za-z0-9])"));
    Some(TASK.captures(title)?.get(1)?.as_str())
}

/// Whether a heading says that its section only shows the format.
pub fn is_example(title: &str) -> bool {
    title
        .trim_end_matches(['#', ' ', '\t'])
        .to_lowercase()
        .ends_with(EXAMPLE_MARK)
}

const TASK_STATES: [&str; 5] = ["pending", "in_progress", "complete", "skipped", "blocked"];

/// What marks a heading as one that shows the format.
const EXAMPLE_MARK: &str = "(example)";

fn capitalized(word: &str) -> String {
    let mut characters = word.chars();
    characters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(characters)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_file_names_its_task_and_title() {
        let title = |name: &str| title_from_file_name(name);
        let is = |task: &str, title: &str| Some((task.to_owned(), title.to_owned()));
        assert_eq!(
            title("007_fan_effect_spreading_complete.md"),
            is("007", "Fan Effect Spreading")
        );
        assert_eq!(
            title("005_binding_formation_in_progress.md"),
            is("005", "Binding Formation")
        );
        assert_eq!(
            title("003_migration_utilities_skipped.md"),
            is("003", "Migration Utilities")
        );
        assert_eq!(
            title("012_mark_pending_tasks_blocked.md"),
            is("012", "Mark Pending Tasks")
        );
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
}
