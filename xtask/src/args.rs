//! Words typed, made into a [`Command`]. Touches nothing else: no file, no environment.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use pico_args::Arguments;

use crate::error::{Error, Result};
use crate::measure::build::Build;
use crate::measure::children::SUPERVISE;
use crate::measure::run::Limits;
use crate::model::limits::PLAN;
use crate::model::names::{Mode, Phase, TaskId};
use crate::stats::paired::Plan;

/// What the user asked for.
#[derive(Debug, PartialEq)]
pub enum Command {
    /// Print the help of a command, or of all.
    Help(Topic),
    /// Measure one side of a change.
    Check(Check),
    /// Judge before against after.
    Compare(Compare),
    /// Measure both sides in pairs until the answer is sure.
    Confirm(Confirm),
    /// Set up, remove or describe the pre-push hook, or be called by it.
    Hook(Hook),
    /// Internal: own the processes of a measurement (see `measure::supervisor`).
    Supervise {
        /// The folder of the run.
        workplace: PathBuf,
        /// From SIGTERM to SIGKILL.
        stop_grace: Duration,
    },
}

/// What help was asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// The list of commands.
    All,
    /// `perf-check`.
    Check,
    /// `perf-compare`.
    Compare,
    /// `perf-confirm`.
    Confirm,
    /// `hook`.
    Hook,
}

impl Topic {
    /// The command as it is typed.
    fn command(self) -> &'static str {
        match self {
            Self::All => "cargo xtask",
            Self::Check => "cargo perf-check",
            Self::Compare => "cargo perf-compare",
            Self::Confirm => "cargo xtask perf-confirm",
            Self::Hook => "cargo xtask hook",
        }
    }
}

/// `perf-confirm`, as typed.
#[derive(Debug, PartialEq)]
pub struct Confirm {
    /// The task whose newest before and after are told apart.
    pub task: TaskId,
    /// The scenario and seed.
    pub mode: Mode,
    /// How long each load run lasts, in whole seconds.
    pub duration: Duration,
    /// When to look at the pairs, if a record is opened.
    pub plan: Plan,
    /// The longest wait for a quiet machine before a run.
    pub wait_quiet: Duration,
    /// What becomes of an earlier record.
    pub earlier: Earlier,
    /// The port the servers listen on.
    pub port: u16,
    /// The checkout; the tool's own workspace when absent.
    pub checkout: Option<PathBuf>,
}

/// What becomes of an earlier record of the same binaries, scenario and duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier {
    /// It is continued.
    Continue,
    /// It is put aside, and a new one opened.
    Archive,
}

/// `hook`, as typed.
#[derive(Debug, PartialEq, Eq)]
pub struct Hook {
    /// What to do.
    pub action: HookAction,
    /// The checkout whose hook it is; the tool's own workspace when absent.
    pub checkout: Option<PathBuf>,
}

/// What `hook` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookAction {
    /// Sets it up, keeping another's hook.
    Install,
    /// Removes it, and puts another's hook back.
    Uninstall,
    /// Says what is set up.
    Status,
    /// Decides about a push, as the hook does: git's lines are on standard input.
    PrePush {
        /// The remote's name, or its address if it has none.
        remote: String,
    },
}

/// `perf-check`, as typed.
#[derive(Debug, PartialEq, Eq)]
pub struct Check {
    /// The task that the change belongs to.
    pub task: TaskId,
    /// The side of the change.
    pub phase: Phase,
    /// The scenario and seed.
    pub mode: Mode,
    /// How long each load run lasts, in whole seconds.
    pub duration: Duration,
    /// How many runs make the group.
    pub runs: u32,
    /// Where the binaries come from.
    pub build: Build,
    /// The port the server listens on.
    pub port: u16,
    /// How long each step may take.
    pub limits: Limits,
    /// The checkout to measure; the tool's own workspace when absent.
    pub checkout: Option<PathBuf>,
}

/// `perf-compare`, as typed.
#[derive(Debug, PartialEq, Eq)]
pub struct Compare {
    /// What is compared.
    pub subject: Subject,
    /// What is printed.
    pub format: Format,
    /// Whether the performance log gets an entry.
    pub log: Log,
    /// The checkout whose results are compared; the tool's own workspace when absent.
    pub checkout: Option<PathBuf>,
}

/// What `perf-compare` looks at.
#[derive(Debug, PartialEq, Eq)]
pub enum Subject {
    /// Everything recorded: list it.
    Everything,
    /// The newest results of a task, in one mode or in each that has any.
    Task(TaskId, Option<Mode>),
    /// Two named files, of that task if one is named.
    Files {
        /// The task whose log entry they make.
        task: Option<TaskId>,
        /// The before side.
        before: PathBuf,
        /// The after side.
        after: PathBuf,
    },
}

impl Subject {
    /// The task that was named.
    pub fn task(&self) -> Option<&TaskId> {
        match self {
            Self::Everything => None,
            Self::Task(task, _) => Some(task),
            Self::Files { task, .. } => task.as_ref(),
        }
    }
}

/// How a comparison is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For a person at a terminal.
    Human,
    /// One object, for machines.
    Json,
    /// For a pull-request comment or a CI step summary.
    Markdown,
}

/// Whether the performance log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// The task's entry is written or replaced.
    Write,
    /// It stays as it is.
    Keep,
}

/// Seconds of load when none are asked for.
pub const DEFAULT_DURATION: Duration = Duration::from_secs(60);
/// Port when none is asked for.
pub const DEFAULT_PORT: u16 = 7432;
/// The most seconds any option takes: a day.
const MOST_SECONDS: u64 = 86_400;
/// The most runs a group can have.
const MOST_RUNS: u64 = 100;

const COMMANDS: [&str; 4] = ["perf-check", "perf-compare", "perf-confirm", "hook"];

/// Reads the words after the program's name.
///
/// # Errors
/// Names the word that is wrong and the nearest right one.
pub fn parse(words: Vec<OsString>) -> Result<Command> {
    let mut words = Arguments::from_vec(words);
    let name = match words.subcommand() {
        Ok(Some(name)) => name,
        Ok(None) if words.contains(["-h", "--help"]) => return Ok(Command::Help(Topic::All)),
        Ok(None) => return Err(Error::new("no command given").next(TRY_HELP)),
        Err(error) => return Err(Error::because("the command cannot be read", error)),
    };
    let topic = match name.as_str() {
        SUPERVISE => return supervise(words),
        "help" => return Ok(Command::Help(Topic::All)),
        "perf-check" => Topic::Check,
        "perf-compare" => Topic::Compare,
        "perf-confirm" => Topic::Confirm,
        "hook" => Topic::Hook,
        other => {
            return Err(Error::new(format!(
                "no command `{other}`{}",
                did_you_mean(other, &COMMANDS)
            ))
            .next(TRY_HELP));
        }
    };
    if words.contains(["-h", "--help"]) {
        return Ok(Command::Help(topic));
    }
    match topic {
        Topic::Check => check(words).map(Command::Check),
        Topic::Compare => compare(words).map(Command::Compare),
        Topic::Confirm => confirm(words).map(Command::Confirm),
        Topic::Hook => hook(words).map(Command::Hook),
        Topic::All => Ok(Command::Help(Topic::All)),
    }
    .map_err(|error| error.next(format!("`{} --help` lists what it takes", topic.command())))
}

fn supervise(words: Arguments) -> Result<Command> {
    let [workplace, grace] = positional(words, ["<workplace>", "<stop grace>"], &[])?;
    let seconds = grace
        .parse()
        .map_err(|error| Error::because("stop grace", error))?;
    Ok(Command::Supervise {
        workplace: workplace.into(),
        stop_grace: Duration::from_secs(seconds),
    })
}

const TRY_HELP: &str = "`cargo xtask --help` lists the commands";

const CHECK_FLAGS: [&str; 9] = [
    "--competitive",
    "--duration",
    "--runs",
    "--no-build",
    "--port",
    "--ready-timeout",
    "--load-grace",
    "--stop-grace",
    "-C",
];

fn check(mut words: Arguments) -> Result<Check> {
    let defaults = Limits::default();
    let mode = mode(&mut words);
    let duration = seconds(&mut words, "--duration", DEFAULT_DURATION, 1)?;
    let runs = whole(&mut words, "--runs", 1, 1..=MOST_RUNS)?;
    let build = match words.contains("--no-build") {
        true => Build::Existing,
        false => Build::Now,
    };
    let port = port(&mut words)?;
    let limits = Limits {
        ready: seconds(&mut words, "--ready-timeout", defaults.ready, 1)?,
        load_grace: seconds(&mut words, "--load-grace", defaults.load_grace, 0)?,
        stop_grace: seconds(&mut words, "--stop-grace", defaults.stop_grace, 0)?,
    };
    let checkout = path(&mut words, "-C")?;
    let [task, phase] = positional(words, ["<task>", "<before|after>"], &CHECK_FLAGS)?;
    Ok(Check {
        task: task_id(&task)?,
        phase: Phase::parse(&phase).ok_or_else(|| {
            let phases = Phase::ALL.map(|phase| phase.to_string());
            Error::new(format!(
                "`{phase}` is not a phase: before or after{}",
                did_you_mean(&phase, &phases.each_ref().map(String::as_str))
            ))
        })?,
        mode,
        duration,
        runs: u32::try_from(runs).unwrap_or(1),
        build,
        port,
        limits,
        checkout,
    })
}

const COMPARE_FLAGS: [&str; 9] = [
    "--internal",
    "--competitive",
    "--before",
    "--after",
    "--json",
    "--markdown",
    "--log",
    "--list",
    "-C",
];

fn compare(mut words: Arguments) -> Result<Compare> {
    let mode = either(
        &mut words,
        [
            ("--internal", Mode::Internal),
            ("--competitive", Mode::Competitive),
        ],
    )?;
    let format = either(
        &mut words,
        [("--json", Format::Json), ("--markdown", Format::Markdown)],
    )?;
    let log = match words.contains("--log") {
        true => Log::Write,
        false => Log::Keep,
    };
    let list = words.contains("--list");
    let before = path(&mut words, "--before")?;
    let after = path(&mut words, "--after")?;
    let checkout = path(&mut words, "-C")?;
    let subject = match (list, before, after) {
        (true, None, None) if mode.is_none() && format.is_none() && log == Log::Keep => {
            let [] = positional(words, [], &COMPARE_FLAGS)?;
            Subject::Everything
        }
        (true, ..) => return Err(Error::new("--list goes with no other option than -C")),
        (false, Some(before), Some(after)) if mode.is_none() => Subject::Files {
            task: optional(words, &COMPARE_FLAGS)?
                .map(|task| task_id(&task))
                .transpose()?,
            before,
            after,
        },
        (false, Some(_), Some(_)) => {
            return Err(Error::new(
                "the mode of named files is told from their names; leave the mode flag away",
            ));
        }
        (false, Some(_), None) => return Err(Error::new("--before FILE needs --after FILE")),
        (false, None, Some(_)) => return Err(Error::new("--after FILE needs --before FILE")),
        (false, None, None) => {
            let [task] = positional(words, ["<task>"], &COMPARE_FLAGS)?;
            Subject::Task(task_id(&task)?, mode)
        }
    };
    if log == Log::Write && subject.task().is_none() {
        return Err(Error::new("--log needs a task"));
    }
    Ok(Compare {
        subject,
        format: format.unwrap_or(Format::Human),
        log,
        checkout,
    })
}

const CONFIRM_FLAGS: [&str; 7] = [
    "--competitive",
    "--duration",
    "--max-pairs",
    "--wait-quiet",
    "--fresh",
    "--port",
    "-C",
];

/// Seconds of load a run of a pair, when none are asked for.
const DEFAULT_PAIRED_DURATION: Duration = Duration::from_secs(10);
/// The longest wait for a quiet machine before a run, when none is asked for.
const DEFAULT_WAIT_QUIET: Duration = Duration::from_secs(60);

fn confirm(mut words: Arguments) -> Result<Confirm> {
    let mode = mode(&mut words);
    let duration = seconds(&mut words, "--duration", DEFAULT_PAIRED_DURATION, 1)?;
    let wait_quiet = seconds(&mut words, "--wait-quiet", DEFAULT_WAIT_QUIET, 0)?;
    let port = port(&mut words)?;
    let looks: Vec<String> = PLAN.looks().iter().map(usize::to_string).collect();
    let looks = looks.join(", ");
    let wanted = || Error::new(format!("--max-pairs takes one of {looks}"));
    let max_pairs: Option<usize> = words
        .opt_value_from_str("--max-pairs")
        .map_err(|_| wanted())?;
    let plan = PLAN
        .up_to(max_pairs.unwrap_or(PLAN.last_look()))
        .ok_or_else(wanted)?;
    let earlier = match words.contains("--fresh") {
        true => Earlier::Archive,
        false => Earlier::Continue,
    };
    let checkout = path(&mut words, "-C")?;
    let [task] = positional(words, ["<task>"], &CONFIRM_FLAGS)?;
    Ok(Confirm {
        task: task_id(&task)?,
        mode,
        duration,
        plan,
        wait_quiet,
        earlier,
        port,
        checkout,
    })
}

const HOOK_ACTIONS: [&str; 4] = ["install", "uninstall", "status", "pre-push"];

fn hook(mut words: Arguments) -> Result<Hook> {
    let checkout = path(&mut words, "-C")?;
    let action = words
        .subcommand()
        .map_err(|error| Error::because("the action cannot be read", error))?
        .ok_or_else(|| Error::new("install, uninstall or status is missing"))?;
    let action = match action.as_str() {
        "install" => HookAction::Install,
        "uninstall" => HookAction::Uninstall,
        "status" => HookAction::Status,
        "pre-push" => {
            let [remote] = positional(words, ["<remote>"], &["-C"])?;
            return Ok(Hook {
                action: HookAction::PrePush { remote },
                checkout,
            });
        }
        other => {
            return Err(Error::new(format!(
                "`hook {other}` is nothing this tool does{}",
                did_you_mean(other, &HOOK_ACTIONS)
            )));
        }
    };
    let [] = positional(words, [], &["-C"])?;
    Ok(Hook { action, checkout })
}

/// The one of two flags that is given, if any.
fn either<T: Copy>(words: &mut Arguments, choices: [(&'static str, T); 2]) -> Result<Option<T>> {
    let [first, second] = choices;
    match (words.contains(first.0), words.contains(second.0)) {
        (true, true) => Err(Error::new(format!(
            "{} and {} exclude each other",
            first.0, second.0
        ))),
        (true, false) => Ok(Some(first.1)),
        (false, true) => Ok(Some(second.1)),
        (false, false) => Ok(None),
    }
}

fn task_id(text: &str) -> Result<TaskId> {
    TaskId::parse(text).map_err(|why| Error::new(format!("task `{text}` is no task id: {why}")))
}

fn mode(words: &mut Arguments) -> Mode {
    match words.contains("--competitive") {
        true => Mode::Competitive,
        false => Mode::Internal,
    }
}

fn path(words: &mut Arguments, flag: &'static str) -> Result<Option<PathBuf>> {
    words
        .opt_value_from_os_str(flag, |text| Ok::<_, String>(PathBuf::from(text)))
        .map_err(|_| Error::new(format!("{flag} needs a path")))
}

fn port(words: &mut Arguments) -> Result<u16> {
    let port = whole(
        words,
        "--port",
        u64::from(DEFAULT_PORT),
        1..=u64::from(u16::MAX),
    )?;
    Ok(u16::try_from(port).unwrap_or(DEFAULT_PORT))
}

fn seconds(
    words: &mut Arguments,
    flag: &'static str,
    default: Duration,
    least: u64,
) -> Result<Duration> {
    whole(words, flag, default.as_secs(), least..=MOST_SECONDS).map(Duration::from_secs)
}

fn whole(
    words: &mut Arguments,
    flag: &'static str,
    default: u64,
    range: std::ops::RangeInclusive<u64>,
) -> Result<u64> {
    let wanted = format!(
        "{flag} takes a whole number from {} to {}",
        range.start(),
        range.end()
    );
    let value: Option<String> = words
        .opt_value_from_str(flag)
        .map_err(|_| Error::new(wanted.clone()))?;
    match value {
        None => Ok(default),
        Some(text) => match text.parse() {
            Ok(number) if range.contains(&number) => Ok(number),
            _ => Err(Error::new(format!("{wanted}, not `{text}`"))),
        },
    }
}

/// The words that are left, exactly `N`. pico-args takes an unknown flag for one: flags are refused here, with the
/// nearest known one.
fn positional<const N: usize>(
    words: Arguments,
    names: [&str; N],
    flags: &[&str],
) -> Result<[String; N]> {
    let left = left(words, flags)?;
    <[String; N]>::try_from(left).map_err(|left| match left.get(N) {
        Some(extra) => Error::new(format!("`{extra}` is one word too many")),
        None => Error::new(format!(
            "{} is missing",
            names.get(left.len()).unwrap_or(&"a word")
        )),
    })
}

/// The only word that is left, if any.
fn optional(words: Arguments, flags: &[&str]) -> Result<Option<String>> {
    let mut left = left(words, flags)?;
    match left.get(1) {
        Some(extra) => Err(Error::new(format!("`{extra}` is one word too many"))),
        None => Ok(left.pop()),
    }
}

fn left(words: Arguments, flags: &[&str]) -> Result<Vec<String>> {
    let left: Vec<String> = words
        .finish()
        .into_iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    if let Some(flag) = left.iter().find(|word| word.starts_with('-')) {
        let bare = flag.split('=').next().unwrap_or(flag);
        return Err(Error::new(
            match flags.contains(&bare) || bare == "--help" {
                true => format!("`{flag}` is given twice, or with a value that it does not take"),
                false => format!("no option `{flag}`{}", did_you_mean(bare, flags)),
            },
        ));
    }
    Ok(left)
}

/// `; did you mean …?` where a known word is near enough to be a slip.
fn did_you_mean(word: &str, known: &[&str]) -> String {
    known
        .iter()
        .map(|candidate| (edit_distance(word, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= candidate.len() / 3)
        .map_or_else(String::new, |(_, candidate)| {
            format!("; did you mean `{candidate}`?")
        })
}

/// Levenshtein distance in characters; long words are cut, as no flag is that long.
fn edit_distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=a.len()).collect();
    for (i, right) in b.chars().take(64).enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        for (left, cell) in a.iter().zip(row.iter_mut().skip(1)) {
            let replace = diagonal + usize::from(*left != right);
            diagonal = *cell;
            *cell = replace.min(diagonal + 1).min(before + 1);
            before = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command> {
        parse(line.split_whitespace().map(OsString::from).collect())
    }

    fn refused(line: &str) -> String {
        read(line).unwrap_err().what().to_owned()
    }

    fn check(line: &str) -> Check {
        match read(line).unwrap() {
            Command::Check(check) => check,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_check_has_the_defaults_of_its_help() {
        let check = check("perf-check 007 before");
        assert_eq!(
            (check.duration, check.runs, check.port),
            (DEFAULT_DURATION, 1, 7432)
        );
        assert_eq!(
            (check.mode, check.build, check.checkout),
            (Mode::Internal, Build::Now, None)
        );
        assert_eq!(check.limits, Limits::default());
    }

    #[test]
    fn every_option_is_read_wherever_it_stands() {
        let check = check(
            "perf-check --competitive 007 --duration=3 after --runs 2 --no-build --port 9 --ready-timeout 4 \
             --load-grace 5 --stop-grace 6 -C some/where",
        );
        assert_eq!(
            (check.mode, check.phase, check.build),
            (Mode::Competitive, Phase::After, Build::Existing)
        );
        assert_eq!(
            (check.duration.as_secs(), check.runs, check.port),
            (3, 2, 9)
        );
        assert_eq!(check.limits.ready.as_secs(), 4);
        assert_eq!(check.limits.load_grace.as_secs(), 5);
        assert_eq!(check.limits.stop_grace.as_secs(), 6);
        assert_eq!(check.checkout, Some(PathBuf::from("some/where")));
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
    }

    #[test]
    fn a_misspelt_phase_is_refused_with_the_nearest_real_one() {
        assert_eq!(
            refused("perf-check 007 befor"),
            "`befor` is not a phase: before or after; did you mean `before`?"
        );
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
    fn a_comparison_takes_a_task_or_two_files_or_lists_everything() {
        let subject = |line: &str| match read(line).unwrap() {
            Command::Compare(compare) => compare.subject,
            other => panic!("{other:?}"),
        };
        let task = TaskId::parse("007").unwrap();
        assert_eq!(
            subject("perf-compare 007"),
            Subject::Task(task.clone(), None)
        );
        assert_eq!(
            subject("perf-compare 007 --internal"),
            Subject::Task(task, Some(Mode::Internal))
        );
        assert_eq!(subject("perf-compare --list"), Subject::Everything);
        assert!(matches!(
            subject("perf-compare --before a --after b"),
            Subject::Files { .. }
        ));
    }

    #[test]
    fn two_named_files_may_be_of_a_named_task_whose_log_entry_they_make() {
        let line = "perf-compare 007 --before a --after b --log";
        match read(line).unwrap() {
            Command::Compare(compare) => {
                assert_eq!(compare.subject.task(), TaskId::parse("007").ok().as_ref());
                assert_eq!(compare.log, Log::Write);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn contradictions_of_a_comparison_are_refused() {
        for line in [
            "--before a",
            "--after a",
            "007 --json --markdown",
            "007 --internal --competitive",
            "--list --before a --after b",
            "--before a --after b --competitive",
            "--before a --after b --log",
            "007 008 --before a --after b",
            "--list 007",
            "",
        ] {
            assert!(read(&format!("perf-compare {line}")).is_err(), "{line}");
        }
    }

    #[test]
    fn a_confirmation_ends_at_one_of_the_looks() {
        let plan = |line: &str| match read(line).unwrap() {
            Command::Confirm(confirm) => confirm.plan.last_look(),
            other => panic!("{other:?}"),
        };
        assert_eq!(plan("perf-confirm 007"), 16);
        assert_eq!(plan("perf-confirm 007 --max-pairs 6"), 6);
        assert_eq!(
            refused("perf-confirm 007 --max-pairs 7"),
            "--max-pairs takes one of 6, 10, 16"
        );
    }

    #[test]
    fn help_wins_over_everything_else() {
        assert_eq!(
            read("perf-check --runs x --help").unwrap(),
            Command::Help(Topic::Check)
        );
        assert_eq!(read("--help").unwrap(), Command::Help(Topic::All));
    }

    #[test]
    fn edit_distance_counts_single_character_edits() {
        for (a, b, distance) in [
            ("", "", 0),
            ("a", "", 1),
            ("kitten", "sitting", 3),
            ("--run", "--runs", 1),
        ] {
            assert_eq!(edit_distance(a, b), distance, "{a} {b}");
        }
    }
}
