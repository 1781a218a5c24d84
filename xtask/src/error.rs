//! The error of a command, with what to do next; and the fault in a file, with its line.

use std::fmt;
use std::path::{Path, PathBuf};

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure as the user reads it: one message, and advice.
#[derive(Debug, Clone)]
pub struct Error {
    what: String,
    next: Vec<String>,
}

impl Error {
    /// A failure described by `what`: a sentence that names the file or command.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), next: Vec::new() }
    }

    /// `doing` failed because of `cause`.
    pub(crate) fn because(doing: impl fmt::Display, cause: impl fmt::Display) -> Self {
        Self::new(format!("{doing}: {cause}"))
    }

    /// For `map_err`: `doing` something to the file at `path` failed.
    pub(crate) fn at<C: fmt::Display>(doing: &str, path: &Path) -> impl FnOnce(C) -> Self {
        move |cause| Self::because(format!("{doing} {}", path.display()), cause)
    }

    /// Adds a line about what to do next, or where to look.
    #[must_use]
    pub(crate) fn next(mut self, advice: impl Into<String>) -> Self {
        self.next.push(advice.into());
        self
    }

    /// The message without the advice.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for advice in &self.next {
            write!(f, "\n  {advice}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<xshell::Error> for Error {
    fn from(error: xshell::Error) -> Self {
        Self::new(error.to_string())
    }
}

/// `a, b and 3 more`: at most so many of the words.
pub(crate) fn some_of(words: &[String], most: usize) -> String {
    let named: Vec<&str> = words.iter().take(most).map(String::as_str).collect();
    match words.len().saturating_sub(most) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// A fault in a file or a value. Displays as `file:line: why`, as far as these are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The faulty file.
    pub(crate) file: Option<PathBuf>,
    /// The faulty line, from 1.
    pub(crate) line: Option<usize>,
    /// The reason, without the place.
    pub why: String,
}

impl Fault {
    /// A fault without a place.
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self { file: None, line: None, why: why.into() }
    }

    /// Adds the line, from 1.
    #[must_use]
    pub(crate) fn at_line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    /// Adds the file.
    #[must_use]
    pub(crate) fn in_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.file = Some(file.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.as_ref().map(|file| file.display().to_string());
        match (file, self.line) {
            (Some(file), Some(line)) => write!(f, "{file}:{line}: {}", self.why),
            (Some(file), None) => write!(f, "{file}: {}", self.why),
            (None, Some(line)) => write!(f, "line {line}: {}", self.why),
            (None, None) => f.write_str(&self.why),
        }
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::new(fault.to_string())
    }
}
