//! `perf-compare`: judges the newest before against the newest after, from recorded files alone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::shared::{checkout_option, context, here, print, say};
use super::words::{Words, task_id};
use crate::answer;
use crate::error::{Error, Fault, Result};
use crate::judge::comparison::{self, Comparison, Question, outcome};
use crate::judge::verdict::Outcome;
use crate::measure::checkout;
use crate::model::layout;
use crate::model::names::{Mode, Part, RunName, TaskId};
use crate::model::recorded::Recorded;
use crate::report::list::{self, Entry};
use crate::report::next::Context;
use crate::report::{human, json, log, markdown};
use crate::stats::numbers::median;
use crate::store::clock::Clock;
use crate::store::performance_log::{self, Section, title_from_file_name};
use crate::store::recorded::{self, Listing};
use crate::store::results::{self, Results};
use crate::term::streams::Style;

/// The help text. A test holds its limits against those that decide.
pub const HELP: &str = "\
Judges the newest before against the newest after, from recorded results alone.

Usage: cargo perf-compare <task> [options]
       cargo perf-compare [<task>] --before FILE --after FILE [options]
       cargo perf-compare --list

  <task>               the task that was measured; for instance 007

Options
  --internal           the internal results only
  --competitive        the competitive results only
                       (without either: each mode that has results)
  --before FILE        compare two named results; their names
  --after FILE         determine the mode
  --json               one object on standard output, for machines
  --markdown           for a pull-request comment or a CI step summary
  --log                write the task's entry in the performance log,
                       roadmap/milestone-17/PERFORMANCE_LOG.md
  --list               list what is recorded, newest first
  -C DIR               the checkout (this tool's own workspace)
  -h, --help           this text

Limits: P99 +5% and throughput -5% (competitive: 10%), error rate +5 points.
In competitive mode the position against Neo4j counts too; its P99 is read
from docs/reference/competitive_baselines.md.

Examples
  cargo perf-compare 007
  cargo perf-compare 007 --competitive --markdown
  cargo perf-compare --before old.json --after new.json

Exit codes
  0  no regression
  1  internal regression
  2  competitive regression, or the position against the competitor lost
  3  could not judge; the message says why and what to do
";

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    subject: Subject,
    format: Format,
    /// The performance log gets an entry.
    log: bool,
    /// The tool's own workspace when absent.
    checkout: Option<PathBuf>,
}

#[derive(Debug, PartialEq, Eq)]
enum Subject {
    /// All that is recorded, to be listed.
    Everything,
    /// The newest results of a task, in one mode or in each that has any.
    Task(TaskId, Option<Mode>),
    /// Two named files, and the task whose log entry they make.
    Files { task: Option<TaskId>, before: PathBuf, after: PathBuf },
}

impl Subject {
    fn task(&self) -> Option<&TaskId> {
        match self {
            Self::Everything => None,
            Self::Task(task, _) => Some(task),
            Self::Files { task, .. } => task.as_ref(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Human,
    Json,
    Markdown,
}

pub(crate) fn read(mut words: Words) -> Result<Options> {
    let mode =
        words.either(("--internal", Mode::Internal), ("--competitive", Mode::Competitive))?;
    let format = words.either(("--json", Format::Json), ("--markdown", Format::Markdown))?;
    let log = words.flag("--log");
    let list = words.flag("--list");
    let (before, after) = (words.path("--before")?, words.path("--after")?);
    let checkout = words.path("-C")?;
    let refused = |why| Err(Error::new(why));
    let subject = match (list, before, after) {
        (true, None, None) if mode.is_none() && format.is_none() && !log => {
            let [] = words.positional([])?;
            Subject::Everything
        }
        (true, ..) => return refused("--list goes with no other option than -C"),
        (false, Some(before), Some(after)) if mode.is_none() => {
            let task = words.optional()?.map(|task| task_id(&task)).transpose()?;
            Subject::Files { task, before, after }
        }
        (false, Some(_), Some(_)) => {
            return refused(
                "the mode of named files is told from their names; leave the mode flag away",
            );
        }
        (false, Some(_), None) => return refused("--before FILE needs --after FILE"),
        (false, None, Some(_)) => return refused("--after FILE needs --before FILE"),
        (false, None, None) => {
            let [task] = words.positional(["<task>"])?;
            Subject::Task(task_id(&task)?, mode)
        }
    };
    if log && subject.task().is_none() {
        return refused("--log needs a task");
    }
    Ok(Options { subject, format: format.unwrap_or(Format::Human), log, checkout })
}

/// Compares, prints and, if asked, writes the log entry.
///
/// # Errors
/// When there is nothing to compare. A comparison that cannot be judged is an [`Outcome`].
pub(crate) fn run(options: &Options, _: Clock) -> Result<Outcome> {
    // Two named files may need none.
    let checkout = checkout::find(options.checkout.as_deref());
    if options.subject == Subject::Everything {
        return print(&list::list(&recorded(&checkout?)?, Style::of_output()));
    }
    let (comparisons, around) = match compared(options, checkout.as_deref()) {
        Ok(compared) => compared,
        Err(error) => {
            if options.format == Format::Json {
                let (around, code) = (Context::default(), Outcome::CannotJudge.code());
                print(&json::report(&[], &around, code, Some(&error)))?;
            }
            return Err(error);
        }
    };
    // Before anything is printed: the exit code in the report is the one that the process ends with.
    let logged = options.subject.task().filter(|_| options.log).map(|task| {
        let checkout = checkout.as_deref().map_err(Error::clone)?;
        write_log(checkout, task, &comparisons, &around)
    });
    let not_logged = matches!(logged, Some(Err(_))).then_some(Outcome::CannotJudge);
    let outcome = Outcome::worst([outcome(&comparisons)].into_iter().chain(not_logged));
    print(&match options.format {
        Format::Human => human::report(&comparisons, &around, Style::of_output()),
        Format::Json => {
            let error = logged.as_ref().and_then(|logged| logged.as_ref().err());
            json::report(&comparisons, &around, outcome.code(), error)
        }
        Format::Markdown => markdown::report(&comparisons, &around),
    })?;
    match logged {
        Some(Ok(done)) => say(&done),
        Some(Err(error)) => say(&format!("error: {error}")),
        None => {}
    }
    Ok(outcome)
}

/// The comparisons asked for, and the surroundings of a report about them.
fn compared(
    options: &Options,
    checkout: Result<&Path, &Error>,
) -> Result<(Vec<Comparison>, Context)> {
    let option = checkout_option(options.checkout.as_deref());
    let checkout = checkout.map_err(Error::clone);
    Ok(match &options.subject {
        Subject::Everything => (Vec::new(), Context::default()),
        Subject::Task(task, mode) => {
            let checkout = checkout?;
            let around = Context {
                unlogged: (!options.log).then(|| task.clone()),
                ..context(checkout, option)
            };
            (answer::of_task(checkout, task, *mode)?, around)
        }
        Subject::Files { task, before, after } => {
            let around = Context { options: option, here: here(), ..Context::default() };
            let comparison = of_files(checkout, task.as_ref(), before, after)?;
            (vec![comparison], around)
        }
    })
}

fn of_files(
    checkout: Result<&Path>,
    task: Option<&TaskId>,
    before: &Path,
    after: &Path,
) -> Result<Comparison> {
    // The prefix of a file name marks the mode, whatever the rest of it is.
    let [mode, other] = [before, after]
        .map(|path| Mode::of_file_name(&path.file_name().unwrap_or_default().to_string_lossy()));
    if mode != other {
        return Err(Error::new(format!(
            "{} is {mode}, {} is {other}: they are not comparable",
            before.display(),
            after.display()
        )));
    }
    // Only the competitive mode needs a checkout.
    let baseline = match mode {
        Mode::Internal => None,
        Mode::Competitive => answer::baseline(checkout?, mode),
    };
    let question = Question {
        task: task.cloned().or_else(|| {
            let name = RunName::of_result(after.file_name()?.to_str()?);
            name.map(|name| name.task)
        }),
        mode,
        before: Some(recorded::lone(before)),
        after: Some(recorded::lone(after)),
        baseline,
        session: None,
    };
    Ok(comparison::compare(question, None))
}

/// Writes the entry of `task`; returns the message about it.
fn write_log(
    checkout: &Path,
    task: &TaskId,
    comparisons: &[Comparison],
    around: &Context,
) -> Result<String> {
    let path = checkout.join(layout::PERFORMANCE_LOG);
    let lines =
        |mode| comparisons.iter().find(|comparison| comparison.mode == mode).and_then(log::lines);
    let section = Section {
        task: task.to_string(),
        title: title(checkout, task),
        internal: lines(Mode::Internal),
        competitive: lines(Mode::Competitive),
    };
    if section.internal.is_none() && section.competitive.is_none() {
        return Err(Error::new("nothing was judged, so there is no log entry to write"));
    }
    let document = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        other => other.map_err(Error::at("cannot read", &path))?,
    };
    let updated = performance_log::update(&document, &section)
        .map_err(|fault| Error::new(fault.in_file(&path).to_string()))?;
    let done = match updated == document {
        true => "is already in",
        false => {
            results::replace(&path, &updated)?;
            "written to"
        }
    };
    Ok(format!("log entry of task {task} {done} {}", around.path(&path)))
}

/// The title of a task, from its file in the roadmap.
fn title(checkout: &Path, task: &TaskId) -> Option<String> {
    fs::read_dir(checkout.join(layout::ROADMAP))
        .ok()?
        .filter_map(|entry| title_from_file_name(entry.ok()?.file_name().to_str()?))
        .filter(|(id, _)| id == task.as_str())
        .map(|(_, title)| title)
        .min()
}

/// Everything recorded, newest group first.
///
/// # Errors
/// When the results cannot be listed.
pub fn recorded(checkout: &Path) -> Result<Vec<Entry>> {
    let results = Results::of(checkout);
    let mut groups: Vec<(String, RunName, Vec<Read>)> = Vec::new();
    for name in Listing::read(&results)?.all().into_iter().rev() {
        let run = recorded::read(&results.path(&name, Part::Result));
        let key = group_key(&name, &run);
        match groups.iter_mut().rev().take(LOOK_BACK).find(|(known, ..)| *known == key) {
            Some((_, _, runs)) => runs.push(run),
            None => groups.push((key, name, vec![run])),
        }
    }
    Ok(groups.into_iter().map(|(_, name, runs)| entry(&name, &runs)).collect())
}

/// A run, read or refused.
type Read = Result<Recorded, Fault>;

/// Runs of one group lie near each other in time: this many groups back at most.
const LOOK_BACK: usize = 8;

fn group_key(name: &RunName, run: &Read) -> String {
    let provenance = run.as_ref().ok().and_then(|run| run.provenance.as_ref());
    match provenance {
        Some(provenance) => match &provenance.session {
            Some(session) => format!("{} {}", session.id, name.phase),
            None => provenance.run.group.clone(),
        },
        None => name.to_string(),
    }
}

fn entry(name: &RunName, runs: &[Read]) -> Entry {
    let usable: Vec<&Recorded> = runs.iter().filter_map(|run| run.as_ref().ok()).collect();
    let of = |value: fn(&Recorded) -> f64| median(usable.iter().map(|run| value(run)));
    let provenance = usable.first().and_then(|run| run.provenance.as_ref());
    let moment = name.timestamp.moment();
    let (date, time) = (moment.date(), moment.time());
    let count = runs.len();
    Entry {
        task: name.task.to_string(),
        mode: name.mode.to_string(),
        phase: name.phase.to_string(),
        when: format!("{date} {:02}:{:02}", time.hour(), time.minute()),
        commit: provenance
            .and_then(|provenance| provenance.git.as_ref())
            .and_then(|git| git.commit.clone()),
        figures: match (of(|run| run.result.p99_ms), of(|run| run.result.throughput)) {
            (Some(p99), Some(throughput)) if usable.len() == count => Ok((p99, throughput)),
            _ => Err(runs
                .iter()
                .find_map(|run| run.as_ref().err())
                .map_or_else(String::new, |unusable| unusable.why.clone())),
        },
        group: match provenance {
            Some(run) if run.session.is_some() => format!("{count} paired"),
            Some(run) if run.run.of as usize > count => format!("{count} of {}", run.run.of),
            _ => count.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn typed(line: &str) -> Result<Options> {
        read(Words::new(line.split_whitespace().map(OsString::from).collect()))
    }

    #[test]
    fn a_comparison_takes_a_task_or_two_files_or_lists_everything() {
        let subject = |line: &str| typed(line).unwrap().subject;
        let task = TaskId::parse("007").unwrap();
        assert_eq!(subject("007"), Subject::Task(task.clone(), None));
        assert_eq!(subject("007 --internal"), Subject::Task(task, Some(Mode::Internal)));
        assert_eq!(subject("--list"), Subject::Everything);
        assert!(matches!(subject("--before a --after b"), Subject::Files { .. }));
    }

    #[test]
    fn two_named_files_may_be_of_a_named_task_whose_log_entry_they_make() {
        let options = typed("007 --before a --after b --log").unwrap();
        assert_eq!(options.subject.task(), TaskId::parse("007").ok().as_ref());
        assert!(options.log);
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
            assert!(typed(line).is_err(), "{line}");
        }
    }
}
