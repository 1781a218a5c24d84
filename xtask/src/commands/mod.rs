//! The commands: one story a file, each with its help, its options as typed, how these are read, and what it does.
//! This file is their one list.

mod bench;
pub mod check;
pub mod compare;
pub mod confirm;
pub mod hook;
mod push;
mod supervise;
mod words;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::measure::supervised::SUPERVISE;
use crate::report::next::Surroundings;
use crate::store::clock::Clock;
use crate::term::shell_word;
use crate::term::streams;
use words::{Words, did_you_mean};

const HELP: &str = "\
The performance gate: did this change make the server slower?

  cargo perf-check <task> <before|after>   measure one side of a change
  cargo perf-compare <task>                judge before against after
  cargo xtask perf-confirm <task>          tell a change from noise, in pairs
  cargo xtask hook install                 let git push ask for the verdict

`--help` after a command lists its options.
";

const COMMANDS: [Command; 5] = [
    Command {
        name: "perf-check",
        typed: "cargo perf-check",
        help: check::HELP,
        read: |words| ready(check::read(words), check::run),
    },
    Command {
        name: "perf-compare",
        typed: "cargo perf-compare",
        help: compare::HELP,
        read: |words| ready(compare::read(words), compare::run),
    },
    Command {
        name: "perf-confirm",
        typed: "cargo xtask perf-confirm",
        help: confirm::HELP,
        read: |words| ready(confirm::read(words), confirm::run),
    },
    Command {
        name: "hook",
        typed: "cargo xtask hook",
        help: hook::HELP,
        read: |words| ready(hook::read(words), hook::run),
    },
    Command {
        name: SUPERVISE,
        typed: "cargo xtask __supervise",
        help: supervise::HELP,
        read: |words| ready(supervise::read(words), supervise::run),
    },
];

struct Command {
    name: &'static str,
    typed: &'static str,
    help: &'static str,
    read: fn(Words) -> Result<Ready>,
}

/// A command whose options have been read.
pub type Ready = Box<dyn FnOnce(Clock) -> Result<Outcome>>;

fn ready<O: 'static>(options: Result<O>, run: fn(&O, Clock) -> Result<Outcome>) -> Result<Ready> {
    options.map(|options| -> Ready { Box::new(move |clock| run(&options, clock)) })
}

/// The request that the words after the program's name make.
pub enum Request {
    /// Print a help text.
    Help(&'static str),
    /// Run a command.
    Run(Ready),
}

/// Reads the words after the program's name. Touches nothing else: no file, no environment.
///
/// # Errors
/// Names the word that is wrong and the nearest right one.
pub fn read(words: Vec<OsString>) -> Result<Request> {
    let wrong = |what: String| Error::new(what).next("`cargo xtask --help` lists the commands");
    let mut words = Words::new(words);
    let name = match words.next("command")? {
        Some(name) if name == "help" => return Ok(Request::Help(HELP)),
        Some(name) => name,
        None if words.ask_for_help() => return Ok(Request::Help(HELP)),
        None => return Err(wrong("no command given".to_owned())),
    };
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        let names = COMMANDS.iter().map(|command| command.name);
        let nearest = did_you_mean(&name, names.filter(|name| *name != SUPERVISE));
        return Err(wrong(format!("no command `{name}`{nearest}")));
    };
    if words.ask_for_help() {
        return Ok(Request::Help(command.help));
    }
    (command.read)(words.of(command.help))
        .map(Request::Run)
        .map_err(|error| error.next(format!("`{} --help` lists what it takes", command.typed)))
}

/// The outcome of a command, which `main` makes the exit code of.
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

    /// The outcome of several modes: the worst, where a regression is worse than no verdict.
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

/// Writes a line to standard error.
fn say(line: &str) {
    streams::errors(&format!("{line}\n"));
}

fn this_program() -> Result<PathBuf> {
    env::current_exe().map_err(|error| Error::because("cannot find this executable", error))
}

/// The option that names `checkout` again in a suggested command.
fn checkout_option(checkout: Option<&Path>) -> String {
    checkout.map_or_else(String::new, |folder| format!(" -C {}", path_word(folder)))
}

/// `path` so that a shell takes it as one word.
fn path_word(path: &Path) -> String {
    shell_word(&path.to_string_lossy())
}

/// What the suggestions of a report about the results in `root` need; `options` are those of every command.
fn surroundings(root: &Path, options: String) -> Surroundings {
    Surroundings {
        root: root.display().to_string(),
        options,
        here: here(),
        unlogged: None,
    }
}

/// The current directory; empty if it is gone.
fn here() -> PathBuf {
    env::current_dir().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str) -> String {
        match read(line.split_whitespace().map(OsString::from).collect()) {
            Err(error) => error.what().to_owned(),
            Ok(_) => panic!("`{line}` was not refused"),
        }
    }

    fn help(line: &str) -> Option<&'static str> {
        match read(line.split_whitespace().map(OsString::from).collect()) {
            Ok(Request::Help(text)) => Some(text),
            _ => None,
        }
    }

    /// A line that a command takes, with `flag` in it.
    fn line_with(command: &str, flag: &str, placeholder: Option<&str>) -> String {
        let own = match (command, flag) {
            ("perf-compare", "--list") => "--list -C .".to_owned(),
            ("perf-compare", "--before" | "--after") => "--before a.json --after b.json".to_owned(),
            _ => {
                let positional = match command {
                    "perf-check" => "007 before",
                    "hook" => "status",
                    _ => "007",
                };
                let value = match placeholder {
                    None => "",
                    // Also one of the numbers of pairs that `perf-confirm` can end at.
                    Some("SECONDS" | "S" | "N") => "6",
                    Some("DIR") => ".",
                    other => panic!("{command} {flag}: no value known for {other:?}"),
                };
                format!("{positional} {flag} {value}")
            }
        };
        format!("{command} {own}")
    }

    #[test]
    fn every_option_that_a_help_text_shows_is_taken() {
        for command in COMMANDS.iter().filter(|command| command.name != SUPERVISE) {
            let shown: Vec<&str> = words::flags(command.help).collect();
            assert!(shown.contains(&"-C"), "{shown:?}");
            for flag in shown {
                let line = command
                    .help
                    .lines()
                    .find(|line| line.trim_start().starts_with(flag));
                let placeholder = line.and_then(|line| {
                    let next = line.split_whitespace().nth(1)?;
                    next.chars().all(|c| c.is_ascii_uppercase()).then_some(next)
                });
                let typed = line_with(command.name, flag, placeholder);
                let words = typed.split_whitespace().map(OsString::from).collect();
                match (read(words), flag) {
                    (Ok(Request::Help(text)), "-h" | "--help") => assert_eq!(text, command.help),
                    (Ok(Request::Run(_)), _) => {}
                    (Ok(Request::Help(_)), _) => panic!("`{typed}` is taken for a call of help"),
                    (Err(error), _) => panic!("`{typed}`: {error}"),
                }
            }
        }
    }

    #[test]
    fn the_list_of_commands_names_each() {
        for command in COMMANDS.iter().filter(|command| command.name != SUPERVISE) {
            assert!(HELP.contains(command.typed), "{}", command.typed);
            assert!(command.typed.ends_with(command.name), "{}", command.typed);
            assert!(command.help.contains(command.typed), "{}", command.typed);
        }
    }

    #[test]
    fn a_misspelt_flag_is_refused_with_the_nearest_real_one() {
        assert_eq!(
            refused("perf-check 007 before --competetive"),
            "no option `--competetive`; did you mean `--competitive`?"
        );
        assert_eq!(refused("perf-check --wat 007 before"), "no option `--wat`");
    }

    #[test]
    fn a_misspelt_command_is_refused_with_the_nearest_real_one() {
        assert_eq!(
            refused("perf-chekc 007 before"),
            "no command `perf-chekc`; did you mean `perf-check`?"
        );
        assert_eq!(refused("_supervise"), "no command `_supervise`");
    }

    #[test]
    fn missing_and_superfluous_words_are_named() {
        assert_eq!(refused(""), "no command given");
        assert_eq!(refused("perf-check"), "<task> is missing");
        assert_eq!(refused("perf-check 007"), "<before|after> is missing");
        assert_eq!(
            refused("perf-check 007 before now"),
            "`now` is one word too many"
        );
    }

    #[test]
    fn a_number_out_of_range_is_refused_with_its_range() {
        for line in [
            "--runs 0",
            "--runs 101",
            "--duration 0",
            "--duration -1",
            "--port 65536",
            "--runs x",
            "--runs",
        ] {
            let message = refused(&format!("perf-check 007 before {line}"));
            assert!(
                message.contains("takes a whole number from 1 to"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_flag_given_twice_is_refused() {
        assert!(refused("perf-check 007 before --runs 1 --runs 2").contains("given twice"));
    }

    #[test]
    fn help_wins_over_everything_else() {
        assert_eq!(help("perf-check --runs x --help"), Some(check::HELP));
        assert_eq!(help("--help"), Some(HELP));
        assert_eq!(help("help"), Some(HELP));
    }
}
