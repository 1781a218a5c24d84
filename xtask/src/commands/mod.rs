//! The commands: one story a file, each with its help, its options as typed, how these are read, and what it does.
//! This file is their one list, which none of them uses.

mod bench;
pub(crate) mod check;
pub mod compare;
pub(crate) mod confirm;
pub(crate) mod hook;
mod push;
mod shared;
mod supervise;
mod words;

use std::ffi::OsString;

use crate::error::{Error, Result};
pub use crate::judge::verdict::Outcome;
use crate::store::clock::Clock;
pub use shared::print;
use words::{Words, did_you_mean};

const HELP: &str = "\
The performance gate: did this change make the server slower?

  cargo perf-check <task> <before|after>   measure one side of a change
  cargo perf-compare <task>                judge before against after
  cargo xtask perf-confirm <task>          distinguish a change from noise
  cargo xtask hook install                 let git push ask for the verdict

`--help` after a command lists its options.
";

fn commands() -> [Command; 5] {
    [
        Command::new(check::HELP, check::read, check::run),
        Command::new(compare::HELP, compare::read, compare::run),
        Command::new(confirm::HELP, confirm::read, confirm::run),
        Command::new(hook::HELP, hook::read, hook::run),
        Command::new(supervise::HELP, supervise::read, supervise::run),
    ]
}

struct Command {
    help: &'static str,
    read: Box<dyn Fn(Words) -> Result<Ready>>,
}

impl Command {
    fn new<O: 'static>(
        help: &'static str,
        read: fn(Words) -> Result<O>,
        run: fn(&O, Clock) -> Result<Outcome>,
    ) -> Self {
        let ready = move |words| -> Result<Ready> {
            let options = read(words)?;
            Ok(Box::new(move |clock| run(&options, clock)))
        };
        Self { help, read: Box::new(ready) }
    }

    /// The command as it is typed, from the usage line of its help text.
    fn typed(&self) -> &'static str {
        let usage = self.help.split("Usage: ").nth(1);
        usage.and_then(|usage| usage.split(" <").next()).unwrap_or_default()
    }

    fn name(&self) -> &'static str {
        self.typed().rsplit(' ').next().unwrap_or_default()
    }

    /// Other commands call it, and no person.
    fn is_internal(&self) -> bool {
        self.name().starts_with('_')
    }
}

/// A command whose options have been read.
pub(crate) type Ready = Box<dyn FnOnce(Clock) -> Result<Outcome>>;

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
    let commands = commands();
    let Some(command) = commands.iter().find(|command| command.name() == name) else {
        let offered = commands.iter().filter(|command| !command.is_internal());
        let nearest = did_you_mean(&name, offered.map(Command::name));
        return Err(wrong(format!("no command `{name}`{nearest}")));
    };
    if words.ask_for_help() {
        return Ok(Request::Help(command.help));
    }
    (command.read)(words.of(command.help))
        .map(Request::Run)
        .map_err(|error| error.next(format!("`{} --help` lists what it takes", command.typed())))
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
        for command in commands().iter().filter(|command| !command.is_internal()) {
            let shown: Vec<&str> = words::flags(command.help).collect();
            assert!(shown.contains(&"-C"), "{shown:?}");
            for flag in shown {
                let line = command.help.lines().find(|line| line.trim_start().starts_with(flag));
                let placeholder = line.and_then(|line| {
                    let next = line.split_whitespace().nth(1)?;
                    next.chars().all(|c| c.is_ascii_uppercase()).then_some(next)
                });
                let typed = line_with(command.name(), flag, placeholder);
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
    fn the_supervisor_is_called_by_its_name() {
        let is_it = |command: &Command| command.name() == crate::measure::children::SUPERVISE;
        assert!(commands().iter().any(is_it));
    }

    #[test]
    fn the_list_of_commands_names_each() {
        for command in commands().iter().filter(|command| !command.is_internal()) {
            assert!(HELP.contains(command.typed()), "{}", command.typed());
            assert!(command.typed().starts_with("cargo "), "{}", command.help);
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
        assert_eq!(refused("perf-check 007 before now"), "`now` is one word too many");
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
            assert!(message.contains("takes a whole number from 1 to"), "{message}");
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
