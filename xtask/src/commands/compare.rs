//! `perf-compare`: judges the newest before against the newest after, from recorded files alone.

use std::io;
use std::path::{Path, PathBuf};

use super::accept::accept;
use super::shared::{context, here, print, repeated, say};
use super::take_back::take_back;
use super::words::{Words, task_id};
use crate::answer;
use crate::error::{Error, Fault, Result};
use crate::files;
use crate::judge::comparison::{Comparison, outcome};
use crate::judge::verdict::Outcome;
use crate::measure::checkout;
use crate::model::layout;
use crate::model::names::{Mode, RunName, TaskId};
use crate::model::recorded::Recorded;
use crate::report::list::{self, Entry};
use crate::report::next::Context;
use crate::report::{github, human, json, log, markdown, picture};
use crate::stats::numbers::median;
use crate::store::clock::Clock;
use crate::store::performance_log::{self, title_from_file_name};
use crate::store::recorded::{self, Listing};
use crate::store::results::Results;
use crate::term::streams::{self, Style};
use crate::term::text;

/// The help text. A test holds its limits against those that decide.
pub const HELP: &str = "\
Judges the newest before against the newest after, from recorded results alone.

Usage: cargo perf-compare <task> [options]
       cargo perf-compare [<task>] --before FILE --after FILE [options]
       cargo perf-compare <task> --take-back WHAT [--competitive]
       cargo perf-compare --list [<task>] [--internal | --competitive] [--json]

  <task>               the task that was measured; for instance 007

Options
  --internal           the internal results only
  --competitive        the competitive results only
                       (without either: each mode that has results)
  --before FILE        compare two named results; their names
  --after FILE         determine the mode
  --json               one object on standard output, for machines
  --markdown           for a pull-request comment or a CI step summary
  --github             for a step of a GitHub workflow: annotations on standard
                       output, the Markdown in $GITHUB_STEP_SUMMARY, figures in
                       $GITHUB_OUTPUT (never guessed from GITHUB_ACTIONS)
  --json=FILE, --markdown=FILE
                       the same in files, beside what is printed
  --svg FILE           draw one mode: the change against the limit
  --log                write the task's entry in the performance log,
                       roadmap/milestone-17/PERFORMANCE_LOG.md
  --accept REASON      accept a measured regression of this very code, with
                       a follow-up: the hook lets it pass from then on
  --list               list what is recorded, newest first; of a task,
                       of a mode; --json for machines
  --take-back WHAT     archive a measurement that should not count; nothing
                       is deleted. WHAT: before, after (the newest), or FILE
  -C DIR               the checkout (this tool's own workspace)
  -h, --help           this text

The overall P50 to P99.9 and the maximum are the largest of the operations'
own, not those of all requests.

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
    /// The reason to accept what regressed.
    accept: Option<String>,
    /// The files that get a report, whatever is printed.
    files: Vec<(Format, PathBuf)>,
    /// The file that gets the picture.
    svg: Option<PathBuf>,
    /// The tool's own workspace when absent.
    checkout: Option<PathBuf>,
}

#[derive(Debug, PartialEq, Eq)]
enum Subject {
    /// What is recorded, to be listed: of a task, of a mode, or all.
    Recorded(Option<TaskId>, Option<Mode>),
    /// A measurement to be archived: `before`, `after`, or a file.
    Measurement(TaskId, Mode, PathBuf),
    /// The newest results of a task, in one mode or in each that has any.
    Task(TaskId, Option<Mode>),
    /// Two named files, and the task whose log entry they make.
    Files { task: Option<TaskId>, before: PathBuf, after: PathBuf },
}

impl Subject {
    fn task(&self) -> Option<&TaskId> {
        match self {
            Self::Recorded(..) => None,
            Self::Task(task, _) | Self::Measurement(task, ..) => Some(task),
            Self::Files { task, .. } => task.as_ref(),
        }
    }

    /// What a pull-request comment says where there is no comparison: it replaces the one that an earlier call made.
    fn failure(&self, error: &Error) -> String {
        let modes = match self {
            Self::Task(_, Some(mode)) => vec![*mode],
            Self::Files { after, .. } => {
                let name = after.file_name().unwrap_or_default();
                vec![Mode::of_file_name(&name.to_string_lossy())]
            }
            _ => Mode::ALL.to_vec(),
        };
        markdown::failure(error, self.task(), &modes)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Human,
    Json,
    Markdown,
    /// Annotations on standard output, the rest in the files of a workflow step.
    GitHub,
}

pub(crate) fn read(mut words: Words) -> Result<Options> {
    let mode =
        words.either(("--internal", Mode::Internal), ("--competitive", Mode::Competitive))?;
    let format = words.either(("--json", Format::Json), ("--markdown", Format::Markdown))?;
    let format = match (format, words.flag("--github")) {
        (None, true) => Some(Format::GitHub),
        (Some(_), true) => {
            return Err(Error::new("--github and --json or --markdown exclude each other"));
        }
        (format, false) => format,
    };
    // `--json=FILE`: the flag alone is read above.
    let mut files = Vec::new();
    for (format, flag) in [(Format::Json, "--json"), (Format::Markdown, "--markdown")] {
        let file: Option<String> = words.value(flag, "a file after `=`, or nothing")?;
        files.extend(file.map(|file| (format, PathBuf::from(file))));
    }
    let log = words.flag("--log");
    let list = words.flag("--list");
    let accept = words.value("--accept", "a reason, in one line")?;
    let svg = words.path("--svg")?;
    let (before, after) = (words.path("--before")?, words.path("--after")?);
    let back = words.path("--take-back")?;
    let checkout = words.path("-C")?;
    let refused = |why| Err(Error::new(why));
    let optional = |words: Words| words.optional()?.map(|task| task_id(&task)).transpose();
    let compares = log || accept.is_some() || svg.is_some() || !files.is_empty();
    let subject = match (back, list, before, after) {
        (Some(back), false, None, None) if format.is_none() && !compares => {
            let [task] = words.positional(["<task>"])?;
            Subject::Measurement(task_id(&task)?, mode.unwrap_or(Mode::Internal), back)
        }
        (Some(_), ..) => return refused("--take-back goes with a task, a mode and -C only"),
        (None, true, None, None) if matches!(format, None | Some(Format::Json)) && !compares => {
            Subject::Recorded(optional(words)?, mode)
        }
        (None, true, ..) => {
            return refused(
                "--list goes with a task, a mode, --json and -C, and with nothing else",
            );
        }
        (None, false, Some(before), Some(after)) if mode.is_none() => {
            Subject::Files { task: optional(words)?, before, after }
        }
        (None, false, Some(_), Some(_)) => {
            return refused(
                "the mode of named files is told from their names; leave the mode flag away",
            );
        }
        (None, false, Some(_), None) => return refused("--before FILE needs --after FILE"),
        (None, false, None, Some(_)) => return refused("--after FILE needs --before FILE"),
        (None, false, None, None) => {
            let [task] = words.positional(["<task>"])?;
            Subject::Task(task_id(&task)?, mode)
        }
    };
    if log && subject.task().is_none() {
        return refused("--log needs a task");
    }
    if accept.is_some() && !matches!(subject, Subject::Task(..)) {
        return refused("--accept goes with the newest results of a task");
    }
    let format = format.unwrap_or(Format::Human);
    Ok(Options { subject, format, log, accept, files, svg, checkout })
}

/// Compares, prints and, if asked, writes the log entry.
///
/// # Errors
/// When a report cannot be written. What cannot be compared or logged is an [`Outcome`], told in every format.
pub(crate) fn run(options: &Options, _: Clock) -> Result<Outcome> {
    // Two named files may need none.
    let checkout = checkout::find(options.checkout.as_deref());
    if let Subject::Recorded(task, mode) = &options.subject {
        let mut entries = recorded(&checkout?)?;
        entries.retain(|entry| {
            task.as_ref().is_none_or(|task| *task == entry.name.task)
                && mode.is_none_or(|mode| mode == entry.name.mode)
        });
        return print(&match options.format {
            Format::Json => list::to_json(&entries),
            _ => list::list(&entries, &repeated(options.checkout.as_deref()), Style::of_output()),
        });
    }
    if let Subject::Measurement(task, mode, what) = &options.subject {
        let repeated = repeated(options.checkout.as_deref());
        return print(&format!("{}\n", take_back(&checkout?, task, *mode, what, &repeated)?));
    }
    let compared = compared(options, checkout.as_deref()).and_then(|(comparisons, around)| {
        options.svg.iter().try_for_each(|path| draw(path, &comparisons))?;
        Ok((comparisons, around))
    });
    let failed = compared.as_ref().err().cloned();
    let (comparisons, around) = compared.unwrap_or_default();
    let logged = options.subject.task().filter(|_| options.log && failed.is_none());
    let logged = logged.map(|task| {
        let checkout = checkout.as_deref().map_err(Error::clone)?;
        write_log(checkout, task, &comparisons, &around)
    });
    // Before anything is printed: the exit code in the report is the one that the process ends with.
    let error = failed.as_ref().or_else(|| logged.as_ref()?.as_ref().err());
    let failure = error.map(|_| Outcome::CannotJudge);
    let outcome = Outcome::worst([outcome(&comparisons)].into_iter().chain(failure));
    Report { options, comparisons: &comparisons, around: &around, outcome, error }.write()?;
    match (error, logged.as_ref()) {
        (Some(error), _) => streams::error(error),
        (None, Some(Ok(done))) => say(done),
        (None, _) => {}
    }
    Ok(outcome)
}

/// What is told of the comparisons, or of what failed beside them or in their place.
struct Report<'a> {
    options: &'a Options,
    comparisons: &'a [Comparison],
    around: &'a Context,
    outcome: Outcome,
    error: Option<&'a Error>,
}

impl Report<'_> {
    fn text(&self, format: Format) -> String {
        let Self { options, comparisons, around, outcome, error } = *self;
        match format {
            Format::Human => human::report(comparisons, around, Style::of_output()),
            Format::Json => json::report(comparisons, around, outcome.code(), error),
            Format::Markdown => {
                let failure = error.map(|error| options.subject.failure(error));
                markdown::report(comparisons, around) + &failure.unwrap_or_default()
            }
            Format::GitHub => {
                let failure = error.map(github::failure);
                github::annotations(comparisons) + &failure.unwrap_or_default()
            }
        }
    }

    /// To the named files first: what is printed is then the whole truth.
    fn write(&self) -> Result<()> {
        for (format, path) in &self.options.files {
            files::replace(path, &self.text(*format))?;
        }
        if self.options.format == Format::GitHub {
            let outputs = github::outputs(self.comparisons, self.outcome);
            super::github::publish(&self.text(Format::Markdown), &outputs)?;
        }
        print(&self.text(self.options.format))?;
        Ok(())
    }
}

/// Writes the picture of the only comparison that there is.
fn draw(path: &Path, comparisons: &[Comparison]) -> Result<()> {
    let [comparison] = comparisons else {
        let both = "--svg draws one mode: add --internal or --competitive";
        return Err(Error::new(both));
    };
    let nothing = || Error::new("--svg: a side cannot be read, so there is nothing to draw");
    files::replace(path, &picture::svg(comparison).ok_or_else(nothing)?)
}

/// The comparisons asked for, and the surroundings of a report about them.
fn compared(
    options: &Options,
    checkout: Result<&Path, &Error>,
) -> Result<(Vec<Comparison>, Context)> {
    let repeated = repeated(options.checkout.as_deref());
    let checkout = checkout.map_err(Error::clone);
    Ok(match &options.subject {
        Subject::Recorded(..) | Subject::Measurement(..) => (Vec::new(), Context::default()),
        Subject::Task(task, mode) => {
            let checkout = checkout?;
            let around = Context {
                unlogged: (!options.log).then(|| task.clone()),
                ..context(checkout, repeated)
            };
            let mut comparisons = answer::of_task(checkout, task, *mode, &around.repeated)?;
            if let Some(reason) = &options.accept {
                accept(checkout, task, &mut comparisons, reason)?;
            }
            (comparisons, around)
        }
        Subject::Files { task, before, after } => {
            let around = Context { repeated, here: here(), ..Context::default() };
            let comparison = answer::of_files(checkout, task.as_ref(), before, after)?;
            (vec![comparison], around)
        }
    })
}

/// Writes the entry of `task`; returns the message about it.
fn write_log(
    checkout: &Path,
    task: &TaskId,
    comparisons: &[Comparison],
    around: &Context,
) -> Result<String> {
    let path = checkout.join(layout::PERFORMANCE_LOG);
    let entry = |of: &Comparison| Some((of.mode, log::lines(of)?));
    let entries: Vec<(Mode, Vec<String>)> = comparisons.iter().filter_map(entry).collect();
    if entries.is_empty() {
        return Err(Error::new("nothing was judged, so there is no log entry to write"));
    }
    let document = match files::read_text(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        other => other.map_err(Error::at("cannot read", &path))?,
    };
    let title = title(checkout, task).map_or_else(String::new, |title| text::markdown(&title));
    let updated = entries.iter().try_fold(document.clone(), |log, (mode, numbers)| {
        performance_log::update(&log, task.as_str(), &title, *mode, numbers)
    });
    let updated = updated.map_err(|fault| fault.in_file(&path))?;
    let done = match updated == document {
        true => "is already in",
        false => {
            files::replace(&path, &updated)?;
            "written to"
        }
    };
    Ok(format!("log entry of task {task} {done} {}", around.path(&path)))
}

/// The title of a task, from its file in the roadmap.
fn title(checkout: &Path, task: &TaskId) -> Option<String> {
    let names = files::names(&checkout.join(layout::ROADMAP)).ok()?;
    names.iter().filter_map(|name| title_from_file_name(task.as_str(), name)).min()
}

/// Everything recorded, newest group first.
///
/// # Errors
/// When the results cannot be listed.
pub fn recorded(checkout: &Path) -> Result<Vec<Entry>> {
    let results = Results::of(checkout);
    let groups = recorded::groups(&results, &Listing::read(&results)?.all());
    Ok(groups.iter().rev().map(|(name, runs)| entry(name, runs)).collect())
}

fn entry(name: &RunName, runs: &[Result<Recorded, Fault>]) -> Entry {
    let usable = || runs.iter().filter_map(|run| run.as_ref().ok());
    let known = || usable().filter_map(|run| run.provenance.as_ref());
    let of = |value: fn(&Recorded) -> f64| median(usable().map(value)).unwrap_or_default();
    let count = runs.len();
    Entry {
        name: name.clone(),
        commit: known().next().and_then(|run| run.git.as_ref()?.commit.clone()),
        seconds: known().next().map(|run| run.load.duration_seconds),
        stand_in: known().any(|run| run.build.stand_in),
        figures: match runs.iter().find_map(|run| run.as_ref().err()) {
            Some(unusable) => Err(unusable.why.clone()),
            None => Ok((of(|run| run.result.p99_ms), of(|run| run.result.throughput))),
        },
        group: match known().next() {
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
        assert_eq!(subject("--list"), Subject::Recorded(None, None));
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
            "--list --log",
            "--list --markdown",
            "",
        ] {
            assert!(typed(line).is_err(), "{line}");
        }
    }
}
