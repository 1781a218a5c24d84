//! The commands: one story a file, each with its help, its options as typed, how these are read, and what it does.
//! This file is their one list, which none of them uses.

mod accept;
mod base;
mod bench;
pub(crate) mod check;
pub mod compare;
pub(crate) mod confirm;
mod duets;
mod evidence;
mod github;
mod history;
pub(crate) mod hook;
mod internal;
mod push;
mod review;
pub(crate) mod selftest;
mod shared;
mod take_back;
mod words;

use std::ffi::OsString;

use crate::error::{Error, Result};
pub use crate::judge::verdict::Outcome;
use crate::measure::children::SUPERVISE;
use crate::measure::release::WAIT;
use crate::store::clock::Clock;
pub use shared::print;
use words::{Words, did_you_mean};

const HELP: &str = "\
The performance gate: did this change make the server slower?

  cargo perf-check <task> <before|after>   measure one side of a change
  cargo perf-compare <task>                judge before against after
  cargo perf-confirm <task>                distinguish a change from noise
  cargo xtask perf-history                 P99 over all tasks, and slow losses
  cargo xtask perf-review                  Engram against its competitors
  cargo xtask perf-selftest                what can be distinguished here
  cargo xtask hook install                 let git push ask for the verdict

Options
  -h, --help           this text; after a command, its options
  --version            the version of this tool
";

const VERSION: &str = concat!("the performance gate, version ", env!("CARGO_PKG_VERSION"), "\n");

/// A command that its file describes, as it is typed.
macro_rules! command {
    ($name:ident, $typed:literal) => {
        Command {
            typed: $typed,
            help: $name::HELP,
            read: |words| {
                let options = $name::read(words)?;
                Ok(Box::new(move |clock| $name::run(&options, clock)))
            },
        }
    };
}

const COMMANDS: [Command; 7] = [
    command!(check, "cargo perf-check"),
    command!(compare, "cargo perf-compare"),
    command!(confirm, "cargo perf-confirm"),
    command!(history, "cargo xtask perf-history"),
    command!(review, "cargo xtask perf-review"),
    command!(selftest, "cargo xtask perf-selftest"),
    command!(hook, "cargo xtask hook"),
];

struct Command {
    typed: &'static str,
    help: &'static str,
    read: fn(Words) -> Result<Ready>,
}

impl Command {
    fn name(&self) -> &'static str {
        self.typed.rsplit(' ').next().unwrap_or_default()
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
    let mut words = Words::new(words).of(HELP);
    let wrong = |error: Error| error.next("`cargo xtask --help` lists the commands");
    let find = |name: &str| {
        COMMANDS.iter().find(|command| command.name() == name).ok_or_else(|| {
            let nearest = did_you_mean(name, COMMANDS.iter().map(Command::name).chain(["help"]));
            wrong(Error::new(format!("no command `{name}`{nearest}")))
        })
    };
    let name = match words.next("command")? {
        Some(name) if name == "help" => {
            let topic = words.optional().map_err(wrong)?;
            let text = topic.map_or(Ok(HELP), |topic| Ok(find(&topic)?.help));
            return text.map(Request::Help);
        }
        Some(name) if name == SUPERVISE => {
            return Ok(Request::Run(Box::new(|_| internal::supervise(words))));
        }
        Some(name) if name == WAIT => {
            return Ok(Request::Run(Box::new(|_| internal::wait(words))));
        }
        Some(name) => name,
        None if words.ask_for_help() => return Ok(Request::Help(HELP)),
        None if words.flag("--version") => return Ok(Request::Help(VERSION)),
        None => {
            let [] = words.positional([]).map_err(wrong)?;
            return Err(wrong(Error::new("no command given")));
        }
    };
    let command = find(&name)?;
    if words.ask_for_help() {
        return Ok(Request::Help(command.help));
    }
    (command.read)(words.of(command.help))
        .map(Request::Run)
        .map_err(|error| error.next(format!("`{} --help` lists what it takes", command.typed)))
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
                let known = COMMANDS.iter().find(|known| known.name() == command).unwrap();
                let usage = known.help.split("Usage: ").nth(1).unwrap().lines().next().unwrap();
                let word = |word: &str| match word {
                    "<task>" => "007",
                    "<before|after>" => "before",
                    "<install|uninstall|status>" => "status",
                    _ => "",
                };
                let positional: String =
                    usage.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
                let value = match placeholder {
                    None => "",
                    // Also one of the numbers of pairs that `perf-confirm` can end at.
                    Some("SECONDS" | "S" | "N" | "REASON") => "8",
                    Some("PER-CENT" | "PERCENT") => "25",
                    Some("DIR") => ".",
                    Some("FILE") => "a.json",
                    Some("ID") => "007",
                    Some("SIDE") => "before",
                    Some("NAME") => "hybrid",
                    Some("REV") => "main",
                    other => panic!("{command} {flag}: no value known for {other:?}"),
                };
                format!("{positional} {flag} {value}")
            }
        };
        format!("{command} {own}")
    }

    #[test]
    fn every_option_that_a_help_text_shows_is_taken() {
        for command in &COMMANDS {
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
    fn the_list_of_commands_names_each() {
        for Command { typed, help, .. } in &COMMANDS {
            assert!(HELP.contains(typed), "{typed}");
            assert!(help.contains(&format!("Usage: {typed} ")), "{help}");
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
    fn a_documented_slip_gets_its_remedy() {
        for (typed, answer) in [
            ("--hlep", "no option `--hlep`; did you mean `--help`?"),
            ("hepl", "no command `hepl`; did you mean `help`?"),
            ("help perf-chekc", "no command `perf-chekc`; did you mean `perf-check`?"),
            ("help perf-check now", "`now` is one word too many"),
            ("check 007 before", "no command `check`; did you mean `perf-check`?"),
            ("compare 007", "no command `compare`; did you mean `perf-compare`?"),
            ("perf-check before", "<task> is missing: cargo perf-check <task> before"),
            ("perf-check before 007", "the task comes first: `007 before`"),
            (
                "perf-check 007 befor",
                "`befor` is not a phase: before or after; did you mean `before`?",
            ),
            ("perf-compare 007 --duration 3", "no option `--duration`"),
        ] {
            assert_eq!(refused(typed), answer, "{typed}");
        }
    }

    #[test]
    fn a_duration_may_have_its_unit() {
        for duration in ["90", "90s", "2m", "1h"] {
            let line = format!("perf-check 007 before --duration {duration}");
            assert!(read(line.split_whitespace().map(OsString::from).collect()).is_ok());
        }
        for wrong in ["2 m", "m", "1.5m", "2d", "25h", "99999999999999999999h"] {
            let words = ["perf-check", "007", "before", "--duration", wrong];
            assert!(read(words.map(OsString::from).to_vec()).is_err(), "{wrong}");
        }
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
            assert!(message.contains("takes a ") && message.contains(" 1 "), "{message}");
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
        assert_eq!(help("help perf-check"), Some(check::HELP));
        assert_eq!(help("--version"), Some(VERSION));
    }
}
