//! `perf-compare`: judges the newest before against the newest after, from recorded files alone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::accept;
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
use crate::model::names::{Mode, Phase, RunName, TaskId};
use crate::model::recorded::Recorded;
use crate::model::typed::Repeated;
use crate::report::list::{self, Entry};
use crate::report::next::Context;
use crate::report::{github, human, json, log, markdown, picture};
use crate::stats::numbers::median;
use crate::store::clock::Clock;
use crate::store::performance_log::{self, Section, title_from_file_name};
use crate::store::recorded::{self, Listing};
use crate::store::results::Results;
use crate::term::streams::{self, Style};
use crate::term::text;

/// The help text. A test holds its limits against those that decide.
pub const HELP: &str = "\
Judges the newest before against the newest after, from recorded results alone.

Usage: cargo perf-compare <task> [options]
       cargo perf-compare --before FILE --after FILE [options]
       cargo perf-compare <task> --take-back SIDE [--competitive]
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
  --take-back SIDE     archive the newest before, or after, which should not
                       count; nothing is deleted
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
    /// The newest measurement of a side, to be archived.
    Measurement(TaskId, Mode, Phase),
    Task(Newest),
    Files {
        before: PathBuf,
        after: PathBuf,
    },
}

/// The newest results of a task.
#[derive(Debug, PartialEq, Eq)]
struct Newest {
    task: TaskId,
    /// Each that has results when absent.
    mode: Option<Mode>,
    /// The performance log gets an entry.
    log: bool,
    /// The reason to accept what regressed.
    accept: Option<String>,
}

impl Subject {
    /// What a pull-request comment says where there is no comparison: it replaces the one that an earlier call made.
    fn failure(&self, error: &Error) -> String {
        match self {
            Self::Task(Newest { task, mode, .. }) => {
                let modes = mode.map_or(Mode::ALL.to_vec(), |mode| vec![mode]);
                markdown::failure(error, Some(task), &modes)
            }
            Self::Files { after, .. } => {
                let name = after.file_name().unwrap_or_default();
                markdown::failure(error, None, &[Mode::of_file_name(&name.to_string_lossy())])
            }
            Self::Recorded(..) | Self::Measurement(..) => String::new(),
        }
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

/// What is not read does not go with what is, and is refused as left over.
pub(crate) fn read(mut words: Words) -> Result<Options> {
    let checkout = words.path("-C")?;
    let plain = |subject, format| Options { subject, format, files: vec![], svg: None, checkout };
    if let Some(phase) = words.read("--take-back", "before or after", Phase::parse)? {
        let mode = words.mode();
        let [task] = words.positional(["<task>"])?;
        return Ok(plain(Subject::Measurement(task_id(&task)?, mode, phase), Format::Human));
    }
    if words.flag("--list") {
        let format = if words.flag("--json") { Format::Json } else { Format::Human };
        let mode = words.only_mode()?;
        let task = words.optional()?.map(|task| task_id(&task)).transpose()?;
        return Ok(plain(Subject::Recorded(task, mode), format));
    }
    let formats =
        [("--json", Format::Json), ("--markdown", Format::Markdown), ("--github", Format::GitHub)];
    let mut asked = formats.into_iter().filter(|(flag, _)| words.flag(flag));
    let format = asked.next().map_or(Format::Human, |(_, format)| format);
    if asked.next().is_some() {
        return Err(Error::new("--json, --markdown and --github exclude each other"));
    }
    // `--json=FILE`: the flag alone is read above.
    let mut files = Vec::new();
    for (flag, format) in formats.into_iter().take(2) {
        let file = words.text(flag, "a file after `=`, or nothing")?;
        files.extend(file.map(|file| (format, PathBuf::from(file))));
    }
    let svg = words.path("--svg")?;
    let subject = match (words.path("--before")?, words.path("--after")?) {
        (Some(before), Some(after)) => {
            let [] = words.positional([])?;
            Subject::Files { before, after }
        }
        (None, None) => {
            let (mode, log) = (words.only_mode()?, words.flag("--log"));
            let accept = words.text("--accept", "a reason, in one line")?;
            let [task] = words.positional(["<task>"])?;
            Subject::Task(Newest { task: task_id(&task)?, mode, log, accept })
        }
        _ => return Err(Error::new("--before FILE and --after FILE go together")),
    };
    Ok(Options { files, svg, ..plain(subject, format) })
}

/// Compares, prints and, if asked, writes the log entry.
///
/// # Errors
/// When a report cannot be written. What cannot be compared or logged is an [`Outcome`], told in every format.
pub(crate) fn run(options: &Options, _: Clock) -> Result<Outcome> {
    // Two named files may need none.
    let checkout = checkout::find(options.checkout.as_deref());
    let repeated = repeated(options.checkout.as_deref());
    let compared = match &options.subject {
        Subject::Recorded(task, mode) => {
            let mut entries = recorded(&checkout?)?;
            entries.retain(|entry| {
                task.as_ref().is_none_or(|task| *task == entry.name.task)
                    && mode.is_none_or(|mode| mode == entry.name.mode)
            });
            return print(&match options.format {
                Format::Json => list::to_json(&entries),
                _ => list::list(&entries, &repeated, Style::of_output()),
            });
        }
        Subject::Measurement(task, mode, phase) => {
            return print(&take_back(&checkout?, task, *mode, *phase, &repeated)?);
        }
        Subject::Task(newest) => {
            checkout.clone().and_then(|checkout| of_task(newest, &checkout, repeated))
        }
        Subject::Files { before, after } => {
            let around = Context { repeated, here: here(), ..Context::default() };
            let comparison = answer::of_files(checkout.clone(), before, after);
            comparison.map(|comparison| (vec![comparison], around))
        }
    };
    let compared = compared.and_then(|(comparisons, around)| {
        options.svg.iter().try_for_each(|path| draw(path, &comparisons))?;
        Ok((comparisons, around))
    });
    let mut error = compared.as_ref().err().cloned();
    let (comparisons, around) = compared.unwrap_or_default();
    let mut logged = None;
    if let (Subject::Task(Newest { task, log: true, .. }), None) = (&options.subject, &error) {
        match checkout.and_then(|checkout| write_log(&checkout, task, &comparisons, &around)) {
            Ok(done) => logged = Some(done),
            Err(failed) => error = Some(failed),
        }
    }
    // Before anything is printed: the exit code in the report is the one that the process ends with.
    let failure = error.as_ref().map(|_| Outcome::CannotJudge);
    let outcome = Outcome::worst([outcome(&comparisons)].into_iter().chain(failure));
    tell(options, &comparisons, &around, outcome, error.as_ref())?;
    error.iter().for_each(streams::error);
    logged.iter().for_each(|done| say(done));
    Ok(outcome)
}

/// The comparisons of the newest results of a task, accepted if asked, and the surroundings of a report about them.
fn of_task(
    Newest { task, mode, log, accept }: &Newest,
    checkout: &Path,
    repeated: Repeated,
) -> Result<(Vec<Comparison>, Context)> {
    let unlogged = (!log).then(|| task.clone());
    let around = Context { unlogged, ..context(checkout, repeated) };
    let mut comparisons = answer::of_task(checkout, task, *mode, &around.repeated)?;
    if let Some(reason) = accept {
        accept::accept(checkout, task, &mut comparisons, reason)?;
    }
    Ok((comparisons, around))
}

/// Writes the reports about the comparisons, or about what failed beside them or in their place: to the named files
/// first, so that what is printed is the whole truth.
fn tell(
    options: &Options,
    comparisons: &[Comparison],
    around: &Context,
    outcome: Outcome,
    error: Option<&Error>,
) -> Result<()> {
    let text = |format| match format {
        Format::Human => human::report(comparisons, around, Style::of_output()),
        Format::Json => json::report(comparisons, around, outcome.code(), error),
        Format::Markdown => {
            let failure = error.map(|error| options.subject.failure(error));
            markdown::report(comparisons, around) + &failure.unwrap_or_default()
        }
        Format::GitHub => {
            github::annotations(comparisons) + &error.map(github::failure).unwrap_or_default()
        }
    };
    for (format, path) in &options.files {
        files::replace(path, &text(*format))?;
    }
    if options.format == Format::GitHub {
        let outputs = github::outputs(comparisons, outcome);
        super::github::publish(&text(Format::Markdown), &outputs)?;
    }
    print(&text(options.format)).map(drop)
}

/// Writes the picture of the only comparison that there is.
fn draw(path: &Path, comparisons: &[Comparison]) -> Result<()> {
    let [comparison] = comparisons else {
        return Err(Error::new("--svg draws one mode: add --internal or --competitive"));
    };
    let nothing = || Error::new("--svg: a side cannot be read, so there is nothing to draw");
    files::replace(path, &picture::svg(comparison).ok_or_else(nothing)?)
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
        title: title(checkout, task).map(|title| text::markdown(&title)),
        internal: lines(Mode::Internal),
        competitive: lines(Mode::Competitive),
    };
    if section.internal.is_none() && section.competitive.is_none() {
        return Err(Error::new("nothing was judged, so there is no log entry to write"));
    }
    let document = match files::read_text(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        other => other.map_err(Error::at("cannot read", &path))?,
    };
    let updated =
        performance_log::update(&document, &section).map_err(|fault| fault.in_file(&path))?;
    let mut done = "is already in";
    if updated != document {
        files::replace(&path, &updated)?;
        done = "written to";
    }
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
        let newest =
            |mode| Subject::Task(Newest { task: task.clone(), mode, log: false, accept: None });
        assert_eq!(subject("007"), newest(None));
        assert_eq!(subject("007 --internal"), newest(Some(Mode::Internal)));
        assert_eq!(subject("--list"), Subject::Recorded(None, None));
        assert!(matches!(subject("--before a --after b"), Subject::Files { .. }));
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
            "007 --before a --after b",
            "--before a --after b --accept x",
            "007 --take-back before --log",
            "007 --take-back before --internal",
            "--list --log",
            "--list --markdown",
            "",
        ] {
            assert!(typed(line).is_err(), "{line}");
        }
    }
}
