//! `perf-compare`: judges the newest before against the newest after, from recorded files alone.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Outcome, print};
use crate::answer;
use crate::args::{Compare, Format, Log, Subject};
use crate::error::{Error, Fault, Result};
use crate::judge::comparison::{self, Comparison, Question};
use crate::judge::verdict::Decision;
use crate::measure::checkout;
use crate::model::layout;
use crate::model::names::{Mode, Part, RunName, TaskId};
use crate::model::recorded::Recorded;
use crate::report::list::{self, Entry};
use crate::report::next::Surroundings;
use crate::report::{human, json, log, markdown};
use crate::stats::numbers::median;
use crate::store::performance_log::{self, Section, title_from_file_name};
use crate::store::recorded::{self, Listing};
use crate::store::results::{self, Results};
use crate::term::shell_word;
use crate::term::streams::{self, Style};

/// Compares, prints and, if asked, writes the log entry.
///
/// # Errors
/// When nothing can be compared at all; what can be compared but not judged is an [`Outcome`].
pub fn run(compare: &Compare) -> Result<Outcome> {
    let checkout = || checkout::find(compare.checkout.as_deref());
    if compare.subject == Subject::Everything {
        return print(&list::list(&recorded(&checkout()?)?, Style::of_output()));
    }
    let comparisons = match comparisons(compare) {
        Ok(comparisons) => comparisons,
        Err(error) => {
            if compare.format == Format::Json {
                let (around, code) = (Surroundings::default(), Outcome::CannotJudge.code());
                print(&json::report(&[], &around, code, Some(&error)))?;
            }
            return Err(error);
        }
    };
    // Before anything is printed: the exit code in the report is the one that the process ends with.
    let logged = match (compare.log, compare.subject.task()) {
        (Log::Write, Some(task)) => {
            Some(checkout().and_then(|checkout| write_log(&checkout, task, &comparisons)))
        }
        _ => None,
    };
    let not_logged = matches!(logged, Some(Err(_))).then_some(Outcome::CannotJudge);
    let outcome = Outcome::worst([outcome(&comparisons)].into_iter().chain(not_logged));
    let newest = match &compare.subject {
        Subject::Task(task, _) => Some((task.clone(), checkout()?)),
        Subject::Files { .. } | Subject::Everything => None,
    };
    let around = Surroundings {
        options: checkout_option(compare),
        here: here(),
        root: newest
            .as_ref()
            .map_or_else(String::new, |(_, root)| root.display().to_string()),
        unlogged: newest
            .filter(|_| compare.log == Log::Keep)
            .map(|(task, _)| task),
    };
    print(&match compare.format {
        Format::Human => human::report(&comparisons, &around, Style::of_output()),
        Format::Json => {
            let error = logged.as_ref().and_then(|logged| logged.as_ref().err());
            json::report(&comparisons, &around, outcome.code(), error)
        }
        Format::Markdown => markdown::report(&comparisons, &around),
    })?;
    match logged {
        Some(Ok(done)) => streams::errors(&format!("{done}\n")),
        Some(Err(error)) => streams::errors(&format!("error: {error}\n")),
        None => {}
    }
    Ok(outcome)
}

fn comparisons(compare: &Compare) -> Result<Vec<Comparison>> {
    match &compare.subject {
        Subject::Everything => Ok(Vec::new()),
        Subject::Task(task, mode) => {
            answer::of_task(&checkout::find(compare.checkout.as_deref())?, task, *mode)
        }
        Subject::Files {
            task,
            before,
            after,
        } => Ok(vec![of_files(compare, task.as_ref(), before, after)?]),
    }
}

/// What comparisons come to.
pub fn outcome(comparisons: &[Comparison]) -> Outcome {
    Outcome::worst(
        comparisons
            .iter()
            .map(|comparison| match comparison.decision() {
                Some(Decision::Clean) => Outcome::Success,
                Some(Decision::InternalRegression) => Outcome::InternalRegression,
                Some(Decision::CompetitiveRegression) => Outcome::CompetitiveRegression,
                Some(Decision::Undecided) | None => Outcome::CannotJudge,
            }),
    )
}

fn of_files(
    compare: &Compare,
    task: Option<&TaskId>,
    before: &Path,
    after: &Path,
) -> Result<Comparison> {
    let (mode, other) = (mode_of(before), mode_of(after));
    if mode != other {
        return Err(Error::new(format!(
            "{} is {mode}, {} is {other}: they are not comparable",
            before.display(),
            after.display()
        )));
    }
    // Only the competitive mode needs anything of a checkout.
    let baseline = match mode {
        Mode::Internal => None,
        Mode::Competitive => answer::baseline(&checkout::find(compare.checkout.as_deref())?, mode),
    };
    let question = Question {
        task: task
            .cloned()
            .or_else(|| run_name(after).map(|name| name.task)),
        mode,
        before: Some(recorded::lone(before)),
        after: Some(recorded::lone(after)),
        baseline,
    };
    Ok(comparison::compare(question, None))
}

/// Where the user is; nowhere if the folder is gone.
pub fn here() -> PathBuf {
    env::current_dir().unwrap_or_default()
}

/// `path` as the user would type it.
fn shown(path: &Path) -> String {
    let here = here();
    let path = path.strip_prefix(&here).unwrap_or(path);
    path.display().to_string()
}

fn run_name(path: &Path) -> Option<RunName> {
    RunName::of_result(path.file_name()?.to_str()?)
}

/// The prefix of the file's name tells, also where the rest of it is not ours.
fn mode_of(path: &Path) -> Mode {
    Mode::of_file_name(&path.file_name().unwrap_or_default().to_string_lossy())
}

fn checkout_option(compare: &Compare) -> String {
    compare
        .checkout
        .as_ref()
        .map_or_else(String::new, |folder| {
            format!(" -C {}", shell_word(&folder.to_string_lossy()))
        })
}

/// Says what became of the entry.
fn write_log(checkout: &Path, task: &TaskId, comparisons: &[Comparison]) -> Result<String> {
    let path = checkout.join(layout::PERFORMANCE_LOG);
    let lines = |mode| {
        comparisons
            .iter()
            .find(|comparison| comparison.mode == mode)
            .and_then(log::lines)
    };
    let section = Section {
        task: task.to_string(),
        title: title(checkout, task),
        internal: lines(Mode::Internal),
        competitive: lines(Mode::Competitive),
    };
    if section.internal.is_none() && section.competitive.is_none() {
        return Err(Error::new(
            "nothing was judged, so there is no log entry to write",
        ));
    }
    let document = match fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        other => other
            .map_err(|error| Error::because(format!("cannot read {}", path.display()), error))?,
    };
    let updated =
        performance_log::update(&document, &section).map_err(|error| match error.line {
            Some(line) => Error::because(format!("{}:{line}", path.display()), error),
            None => Error::because(path.display(), error),
        })?;
    let done = match updated == document {
        true => "is already in",
        false => {
            results::replace(&path, &updated)?;
            "written to"
        }
    };
    Ok(format!("log entry of task {task} {done} {}", shown(&path)))
}

/// The title of a task, from its file in the roadmap.
fn title(checkout: &Path, task: &TaskId) -> Option<String> {
    let mut titles: Vec<String> = fs::read_dir(checkout.join(layout::ROADMAP))
        .ok()?
        .filter_map(|entry| title_from_file_name(entry.ok()?.file_name().to_str()?))
        .filter(|(id, _)| id == task.as_str())
        .map(|(_, title)| title)
        .collect();
    titles.sort_unstable();
    titles.into_iter().next()
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
        match groups
            .iter_mut()
            .rev()
            .take(LOOK_BACK)
            .find(|(known, ..)| *known == key)
        {
            Some((_, _, runs)) => runs.push(run),
            None => groups.push((key, name, vec![run])),
        }
    }
    Ok(groups
        .into_iter()
        .map(|(_, name, runs)| entry(&name, &runs))
        .collect())
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
    Entry {
        task: name.task.to_string(),
        mode: name.mode.to_string(),
        phase: name.phase.to_string(),
        when: format!(
            "{} {:02}:{:02}",
            moment.date(),
            moment.time().hour(),
            moment.time().minute()
        ),
        commit: provenance
            .and_then(|provenance| provenance.git.as_ref())
            .and_then(|git| git.commit.clone()),
        figures: match (of(|run| run.result.p99_ms), of(|run| run.result.throughput)) {
            (Some(p99), Some(throughput)) if usable.len() == runs.len() => Ok((p99, throughput)),
            _ => Err(runs
                .iter()
                .find_map(|run| run.as_ref().err())
                .map_or_else(String::new, |unusable| unusable.why.clone())),
        },
        group: match provenance {
            Some(provenance) if provenance.session.is_some() => format!("{} paired", runs.len()),
            Some(provenance) if provenance.run.of as usize > runs.len() => {
                format!("{} of {}", runs.len(), provenance.run.of)
            }
            _ => runs.len().to_string(),
        },
    }
}
