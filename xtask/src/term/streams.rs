//! The two streams and their colours. Writing never panics when a stream is gone.

use std::env;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::term::text::{is_control, wrapped};

/// How the text on one stream is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    has_colour: bool,
    /// The most columns of a line that people read.
    pub(crate) columns: usize,
}

/// The columns of a line where no terminal tells its own.
const COLUMNS: usize = 80;
/// No line is made for a terminal that is narrower.
const FEWEST_COLUMNS: usize = 40;

/// A colour with one meaning everywhere: the sequence that begins it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ink(&'static str);

impl Ink {
    /// A name, or a good outcome.
    pub(crate) const GOOD: Self = Self("\x1b[1;32m");
    /// Wrong.
    pub(crate) const BAD: Self = Self("\x1b[1;31m");
    /// Weaker than it should be.
    pub(crate) const WARNING: Self = Self("\x1b[1;33m");
    /// The subject of a line.
    pub(crate) const STRONG: Self = Self("\x1b[1m");
    /// Less important.
    pub(crate) const FAINT: Self = Self("\x1b[2m");
    const ALL: [Self; 5] = [Self::GOOD, Self::BAD, Self::WARNING, Self::STRONG, Self::FAINT];
}

/// The sequence that ends every [`Ink`].
const END: &str = "\x1b[0m";

impl Style {
    /// Letters only, in lines of 80 columns.
    pub const PLAIN: Self = Self { has_colour: false, columns: COLUMNS };

    /// The style of standard output.
    pub(crate) fn of_output() -> Self {
        Self::of(&io::stdout())
    }

    /// The style of standard error.
    pub(crate) fn of_errors() -> Self {
        Self::of(&io::stderr())
    }

    fn of(stream: &(impl IsTerminal + AsFd)) -> Self {
        let is_terminal = stream.is_terminal();
        let columns = if is_terminal { columns(stream.as_fd()) } else { COLUMNS };
        Self { has_colour: has_colour(is_terminal, |name| env::var(name).ok()), columns }
    }

    /// `text` in `ink`.
    pub(crate) fn paint(self, ink: Ink, text: &str) -> String {
        match self.has_colour {
            false => text.to_owned(),
            true => format!("{}{text}{END}", ink.0),
        }
    }
}

/// NO_COLOR wins, then CLICOLOR_FORCE, then the kind of terminal. A variable counts only when it is not empty.
fn has_colour(is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let forced = set("CLICOLOR_FORCE").is_some_and(|value| value != "0");
    let capable = is_terminal && set("TERM").is_none_or(|kind| kind != "dumb");
    set("NO_COLOR").is_none() && (forced || capable)
}

/// The width of a terminal, which only another program can tell without unsafe code. It is asked once.
fn columns(terminal: BorrowedFd) -> usize {
    static KNOWN: OnceLock<usize> = OnceLock::new();
    let ask = || {
        let terminal = terminal.try_clone_to_owned().ok()?;
        let mut stty = Command::new("stty");
        let asked = stty.arg("size").stdin(terminal).stderr(Stdio::null()).output().ok()?;
        // Rows and columns; 0 where the terminal does not know them either.
        let size = String::from_utf8(asked.stdout).ok()?;
        size.split_whitespace().nth(1)?.parse().ok().filter(|columns| *columns > 0)
    };
    *KNOWN.get_or_init(|| ask().unwrap_or(COLUMNS).max(FEWEST_COLUMNS))
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
    match stream.write_all(neutral(text).as_bytes()).and_then(|()| stream.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes to standard error; nobody is left to read it where that fails.
pub fn errors(text: &str) {
    to_errors(&neutral(text));
}

/// Writes an error to standard error. On a terminal it is wrapped between words, except for what is there to be pasted:
/// commands, and all below an empty line. Elsewhere whole lines are easier to search.
pub fn error(error: &impl Display) {
    let mut columns = io::stderr().is_terminal().then(|| Style::of_errors().columns);
    for line in format!("error: {error}\n").lines() {
        columns = columns.filter(|_| !line.is_empty());
        let said = line.trim_start();
        let start = line.len() - said.len();
        let said = match columns {
            Some(columns) if !said.contains("cargo ") => wrapped(said, [start, 4], columns),
            _ => said.to_owned(),
        };
        errors(&format!("{:start$}{said}\n", ""));
    }
}

/// Writes to standard error in place of the line that the cursor is in; for a live terminal.
pub(crate) fn overwrite(text: &str) {
    to_errors(&format!("\r\x1b[K{}", neutral(text)));
}

fn to_errors(text: &str) {
    let mut stream = io::stderr().lock();
    let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}

/// `text` without any control of a terminal but the colours of this tool and the ends of lines: whoever wrote it, and
/// whichever way it came here, it does not clear the screen, move the cursor or turn its words around. In JSON, where a
/// control is within a string, its escape means the same.
fn neutral(text: &str) -> String {
    let is_harmful = |c: char| is_control(c) && !matches!(c, '\n' | '\t');
    let (mut neutral, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_harmful(*c)) {
        let (harmless, from) = rest.split_at(at);
        let mut own = Ink::ALL.map(|ink| ink.0).into_iter().chain([END]);
        let colour = own.find(|colour| from.starts_with(colour));
        neutral += harmless;
        neutral += &colour.map_or_else(|| format!("\\u{:04x}", u32::from(c)), str::to_owned);
        rest = &from[colour.map_or(c.len_utf8(), str::len)..];
    }
    neutral + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_coloured(terminal: bool, variables: &[(&str, &str)]) -> bool {
        has_colour(terminal, |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_terminal_gets_colour_and_a_pipe_does_not() {
        assert!(is_coloured(true, &[]));
        assert!(!is_coloured(false, &[]));
    }

    #[test]
    fn no_color_counts_only_when_it_is_not_empty() {
        assert!(!is_coloured(true, &[("NO_COLOR", "1")]));
        assert!(is_coloured(true, &[("NO_COLOR", "")]));
    }

    #[test]
    fn clicolor_force_colours_a_pipe_but_does_not_beat_no_color() {
        assert!(is_coloured(false, &[("CLICOLOR_FORCE", "1")]));
        assert!(!is_coloured(false, &[("CLICOLOR_FORCE", "0")]));
        assert!(!is_coloured(false, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    }

    #[test]
    fn nothing_but_the_colours_of_this_tool_reaches_a_terminal() {
        let style = Style { has_colour: true, ..Style::PLAIN };
        let painted = style.paint(Ink::BAD, "two\nlines");
        assert_eq!(neutral(&painted), painted);
        for c in ["\u{1b}[2J", "\u{1b}[8m", "\r", "\u{9b}K", "\u{2028}", "\u{202e}", "\u{1b}"] {
            let shown = neutral(&format!("{painted}{c}"));
            let rest = shown.strip_prefix(&painted).unwrap();
            assert!(!rest.contains(is_control), "{rest}");
        }
    }

    #[test]
    fn a_dumb_terminal_gets_no_colour() {
        assert!(!is_coloured(true, &[("TERM", "dumb")]));
    }
}
