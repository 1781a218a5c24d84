//! Regressions that were measured and accepted, as TOML in a file that is committed.

use toml::Table;

use crate::error::Fault;
use crate::model::names::{Mode, TaskId};
use crate::model::section::{Field, section};

section! {
    /// One accepted regression.
    #[derive(Eq)]
    pub struct Accepted {
        pub task: String = "task",
        pub mode: Mode = "mode",
        /// The source hash that it was measured on. Other code is another question.
        pub content: String = "content",
        /// The regression, in words.
        pub measured: String = "measured",
        /// The reason, and the follow-up.
        pub reason: String = "reason",
    }
}

/// All accepted regressions, in the order of the file.
#[derive(Debug, Default)]
pub struct AllAccepted(Vec<Accepted>);

const KEY: &str = "accepted";

impl Accepted {
    /// The lines that it adds to the file.
    pub(crate) fn to_text(&self) -> String {
        format!("[[{KEY}]]\n{}", self.to_table())
    }
}

impl AllAccepted {
    /// Reads the text of the file.
    ///
    /// # Errors
    /// When it is no TOML, or an entry is not whole.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let table: Table = text
            .parse()
            .map_err(|error: toml::de::Error| Fault::new(error.message().to_owned()))?;
        let entries = <Option<Vec<Accepted>> as Field>::take(KEY, &table);
        let wrong =
            || Fault::new("an entry lacks `task`, `mode`, `content`, `measured` or `reason`");
        Ok(Self(entries.ok_or_else(wrong)?.unwrap_or_default()))
    }

    /// The reason that the regression of a task in a mode was accepted for on this content; the last one counts.
    pub(crate) fn reason(&self, task: &TaskId, mode: Mode, content: &str) -> Option<String> {
        let is_it = |entry: &&Accepted| {
            (entry.task.as_str(), entry.mode, entry.content.as_str())
                == (task.as_str(), mode, content)
        };
        self.0.iter().rfind(is_it).map(|entry| entry.reason.clone())
    }
}
