//! The commands, one story a file.

pub mod check;
pub mod compare;
pub mod confirm;
pub mod hook;
pub mod push;

use crate::error::{Error, Result};
use crate::term::streams;

/// What came of a command; `main` makes the exit code of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Measured, or no regression.
    Success,
    /// The after side is slower than the internal threshold allows.
    InternalRegression,
    /// The same in competitive mode, or the position against the competitor is lost.
    CompetitiveRegression,
    /// Not measured, or not to be judged.
    CannotJudge,
}

impl Outcome {
    /// The exit code. Nothing else chooses one.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::InternalRegression => 1,
            Self::CompetitiveRegression => 2,
            Self::CannotJudge => 3,
        }
    }

    /// What several modes come to: the worst, where a regression is worse than not knowing.
    pub fn worst(outcomes: impl IntoIterator<Item = Self>) -> Self {
        const WORST_FIRST: [Outcome; 3] = [
            Outcome::CompetitiveRegression,
            Outcome::InternalRegression,
            Outcome::CannotJudge,
        ];
        let all: Vec<Self> = outcomes.into_iter().collect();
        WORST_FIRST
            .into_iter()
            .find(|outcome| all.contains(outcome))
            .unwrap_or(Self::Success)
    }
}

/// Prints `text` as a command's whole work.
///
/// # Errors
/// When standard output cannot be written.
pub fn print(text: &str) -> Result<Outcome> {
    streams::output(text)
        .map_err(|error| Error::because("cannot write to standard output", error))?;
    Ok(Outcome::Success)
}
