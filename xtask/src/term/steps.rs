//! The steps of a measurement as they happen: one tidy column on a terminal, plain lines elsewhere.

use std::mem;
use std::time::Instant;

use crate::term::streams::{self, Ink, Style};
use crate::term::text::{printable, wrapped};

/// Announces steps on standard error, with how long each took.
pub struct Steps {
    style: Style,
    live: bool,
    verbosity: Verbosity,
    name: &'static str,
    what: String,
    heading: String,
    began: Instant,
    /// The cursor of a terminal stands in an unfinished line.
    unfinished: bool,
}

/// The amount of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// A line a step.
    EveryStep,
    /// The step in progress, on a terminal only, and warnings: another part of the tool prints what remains.
    ProgressOnly,
}

/// The column that the steps' names end at.
const NAME_WIDTH: usize = 10;
/// The column that the times end at, well within 80.
const LINE_WIDTH: usize = 76;

impl Steps {
    /// Steps shown as standard error takes them.
    pub fn new(verbosity: Verbosity) -> Self {
        Self {
            style: Style::of_errors(),
            live: streams::errors_are_live(),
            verbosity,
            name: "",
            what: String::new(),
            heading: String::new(),
            began: Instant::now(),
            unfinished: false,
        }
    }

    /// A line that groups the steps below it; where only progress is shown, the words that it begins with.
    pub(crate) fn heading(&mut self, what: &str) {
        if self.verbosity == Verbosity::ProgressOnly {
            self.heading = format!("{what}: ");
        }
        let what = self.style.paint(Ink::STRONG, &printable(what));
        self.say(&format!("{}{what}\n", " ".repeat(NAME_WIDTH + 2)));
    }

    /// Begins a short step. A terminal shows it at once; elsewhere it is a line when it is done.
    pub(crate) fn begin(&mut self, name: &'static str, what: &str) {
        self.name = name;
        what.clone_into(&mut self.what);
        self.began = Instant::now();
        self.overwrite(what);
    }

    /// Begins a step that may take long: it is announced elsewhere than on a terminal, too.
    pub(crate) fn begin_long(&mut self, name: &'static str, what: &str) {
        self.begin(name, what);
        if !self.live {
            self.say(&(self.line(Ink::GOOD, self.name, what) + "\n"));
        }
    }

    /// Leaves the current step's line as it is: the step prints for itself.
    pub(crate) fn release_line(&mut self) {
        if mem::take(&mut self.unfinished) {
            streams::errors("\n");
        }
    }

    /// Shows the progress of the current step.
    pub(crate) fn progress(&mut self, state: &str) {
        self.overwrite(&format!("{}, {state}", self.what));
    }

    /// Takes the step in progress off the screen.
    pub(crate) fn clear(&mut self) {
        if mem::take(&mut self.unfinished) {
            streams::overwrite("");
        }
    }

    /// Ends the step with its outcome.
    pub(crate) fn done(&mut self, what: &str) {
        if self.verbosity == Verbosity::ProgressOnly {
            self.clear();
            return;
        }
        let time = format!(" {:.2} s", self.began.elapsed().as_secs_f64());
        let left = LINE_WIDTH.saturating_sub(NAME_WIDTH + 2 + what.chars().count());
        let time = self.style.paint(Ink::FAINT, &format!("{time:>left$}"));
        let line = format!("{}{time}\n", self.line(Ink::GOOD, self.name, what));
        match self.live {
            true => streams::overwrite(&line),
            false => streams::errors(&line),
        }
        self.unfinished = false;
    }

    /// A warning, between steps.
    pub(crate) fn warn(&mut self, what: &str) {
        streams::errors(&(self.line(Ink::WARNING, "warning", what) + "\n"));
    }

    /// Shows a step in the line that the cursor is in; on a terminal only.
    fn overwrite(&mut self, what: &str) {
        if !self.live {
            return;
        }
        // What is wider than the terminal cannot be overwritten.
        let width = LINE_WIDTH.min(self.style.columns - 1) - NAME_WIDTH - 2;
        let what: String = (self.heading.chars().chain(what.chars())).take(width).collect();
        streams::overwrite(&self.line(Ink::GOOD, self.name, &what));
        self.unfinished = true;
    }

    fn line(&self, ink: Ink, name: &str, what: &str) -> String {
        let name = self.style.paint(ink, &format!("{name:>NAME_WIDTH$}"));
        // Elsewhere whole lines are easier to search. A command is there to be pasted.
        let what = match self.live && !what.contains("cargo ") {
            true => wrapped(what, [NAME_WIDTH + 2; 2], self.style.columns),
            false => printable(what),
        };
        format!("{name}  {what}")
    }

    fn say(&self, text: &str) {
        if self.verbosity == Verbosity::EveryStep {
            streams::errors(text);
        }
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        // A step failed: the error message begins on a line of its own.
        match self.verbosity {
            Verbosity::EveryStep => self.release_line(),
            Verbosity::ProgressOnly => self.clear(),
        }
    }
}
