//! The two streams and their colours. Writing never panics when a stream is gone.

use std::env;
use std::io::{self, IsTerminal, Write};

/// The style of the text on one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Letters only.
    Plain,
    /// With colours.
    Colour,
}

/// A colour with one meaning everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// A name, or a good outcome.
    Good,
    /// Wrong.
    Bad,
    /// Weaker than it should be.
    Warning,
    /// The subject of a line.
    Strong,
    /// Less important.
    Faint,
}

impl Style {
    /// The style of standard output.
    pub(crate) fn of_output() -> Self {
        Self::choose(io::stdout().is_terminal(), |name| env::var(name).ok())
    }

    /// The style of standard error.
    pub(crate) fn of_errors() -> Self {
        Self::choose(io::stderr().is_terminal(), |name| env::var(name).ok())
    }

    /// NO_COLOR wins, then CLICOLOR_FORCE, then the kind of terminal. A variable counts only when it is not empty.
    fn choose(terminal: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let forced = set("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let capable = terminal && set("TERM").is_none_or(|kind| kind != "dumb");
        match set("NO_COLOR") {
            None if forced || capable => Self::Colour,
            _ => Self::Plain,
        }
    }

    /// `text` in `ink`.
    pub(crate) fn paint(self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Good => "1;32",
            Ink::Bad => "1;31",
            Ink::Warning => "1;33",
            Ink::Strong => "1",
            Ink::Faint => "2",
        };
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

/// `true` where standard error is a terminal on which a line can be overwritten.
pub(crate) fn errors_are_live() -> bool {
    io::stderr().is_terminal() && env::var("TERM").map_or(true, |kind| kind != "dumb")
}

/// Writes to standard output.
///
/// # Errors
/// When it cannot be written. A reader that stopped reading is no error.
pub(crate) fn output(text: &str) -> io::Result<()> {
    let mut stream = io::stdout().lock();
    match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes to standard error; nobody is left to read it where that fails.
pub fn errors(text: &str) {
    let mut stream = io::stderr().lock();
    let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(terminal: bool, variables: &[(&str, &str)]) -> Style {
        Style::choose(terminal, |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_terminal_gets_colour_and_a_pipe_does_not() {
        assert_eq!(style(true, &[]), Style::Colour);
        assert_eq!(style(false, &[]), Style::Plain);
    }

    #[test]
    fn no_color_counts_only_when_it_is_not_empty() {
        assert_eq!(style(true, &[("NO_COLOR", "1")]), Style::Plain);
        assert_eq!(style(true, &[("NO_COLOR", "")]), Style::Colour);
    }

    #[test]
    fn clicolor_force_colours_a_pipe_but_does_not_beat_no_color() {
        assert_eq!(style(false, &[("CLICOLOR_FORCE", "1")]), Style::Colour);
        assert_eq!(style(false, &[("CLICOLOR_FORCE", "0")]), Style::Plain);
        assert_eq!(style(false, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]), Style::Plain);
    }

    #[test]
    fn a_dumb_terminal_gets_no_colour() {
        assert_eq!(style(true, &[("TERM", "dumb")]), Style::Plain);
    }
}
