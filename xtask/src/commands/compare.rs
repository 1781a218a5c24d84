//! `perf-compare`: judges the newest before against the newest after, from recorded files alone.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::sessions::{self, Sessions};
use super::{Outcome, print};
use crate::args::{Compare, Format, Log, Subject};
use crate::error::{Error, Result};
use crate::judge;
use crate::judge::comparison::{self, Baseline, Comparison, Judgement, Question};
use crate::judge::fitness::{Mend, Unfit};
use crate::judge::paired::PairedVerdict;
use crate::judge::statistics::median;
use crate::judge::verdict::Decision;
use crate::measure::checkout;
use crate::record::baselines::{self, COMPETITOR};
use crate::record::names::{Mode, Part, Phase, RunName, TaskId};
use crate::record::performance_log::{self, Section, title_from_file_name};
use crate::record::recorded::{self, Group, Listing, Recorded};
use crate::record::results::{self, Results};
use crate::record::same_binary;
use crate::record::session::SessionRecord;
use crate::report::list::{self, Entry};
use crate::report::next::Surroundings;
use crate::report::summary::shell_word;
use crate::report::terminal::{self, Style};
use crate::report::{human, json, log, markdown, words};

/// The document that the competitors' figures are read from, relative to the checkout.
pub const BASELINES: &str = "docs/reference/competitive_baselines.md";
/// The folder of the milestone's documents, relative to the checkout.
const ROADMAP: &str = "roadmap/milestone-17";

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
        Some(Ok(done)) => terminal::errors(&format!("{done}\n")),
        Some(Err(error)) => terminal::errors(&format!("error: {error}\n")),
        None => {}
    }
    Ok(outcome)
}

fn comparisons(compare: &Compare) -> Result<Vec<Comparison>> {
    match &compare.subject {
        Subject::Everything => Ok(Vec::new()),
        Subject::Task(task, mode) => {
            of_task(&checkout::find(compare.checkout.as_deref())?, task, *mode)
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

/// The newest groups of a task, in `mode` or in every mode that has any result.
///
/// # Errors
/// When the results cannot be listed, or there are none.
pub fn of_task(checkout: &Path, task: &TaskId, mode: Option<Mode>) -> Result<Vec<Comparison>> {
    let results = Results::of(checkout);
    let listing = Listing::read(&results)?;
    let names = listing.of_task(task);
    let modes: Vec<Mode> = Mode::ALL
        .into_iter()
        .filter(|known| mode.is_none_or(|asked| asked == *known))
        .filter(|mode| names.iter().any(|name| name.mode == *mode))
        .collect();
    if modes.is_empty() {
        let kind = mode.map_or_else(String::new, |mode| format!("{mode} "));
        let flag = match mode {
            Some(Mode::Competitive) => " --competitive",
            _ => "",
        };
        return Err(Error::new(format!(
            "no {kind}results of task {task} in {}",
            results.folder().display()
        ))
        .next(format!(
            "measure first: cargo perf-check {task} before{flag}"
        ))
        .next("what is recorded: cargo perf-compare --list"));
    }
    Ok(modes
        .into_iter()
        .map(|mode| {
            let group = |phase| recorded::newest_group(&results, &names, mode, phase);
            let question = Question {
                task: Some(task.clone()),
                mode,
                before: group(Phase::Before),
                after: group(Phase::After),
                baseline: baseline(checkout, mode),
            };
            of_newest(&results, &listing, question)
        })
        .collect())
}

/// The newest groups compared, or the pairs instead where a session on the two servers at hand has ended.
fn of_newest(results: &Results, listing: &Listing, question: Question) -> Comparison {
    let newest = |group: &Option<Group>| {
        let run = group.as_ref()?.runs.last()?.as_ref().ok()?;
        run.provenance.clone()
    };
    let (before, after) = (newest(&question.before), newest(&question.after));
    let sessions = match (&before, &after) {
        (Some(before), Some(after)) => sessions::about(results, question.mode, before, after),
        _ => Sessions::default(),
    };
    let mut comparison = match worst_of(results, &sessions.ended, &question) {
        Some(comparison) => comparison,
        None => {
            let trusted = after.and_then(|after| {
                let alike = same_binary::series(results, listing, question.mode, &after, None);
                judge::same_binary::single_runs(&alike)
            });
            comparison::compare(question, trusted)
        }
    };
    comparison.warnings.extend(sessions.warnings);
    if !sessions.unusable.is_empty() && !comparison.is_regression() {
        // What they said is not known: it may have been a regression.
        comparison.judgement = Judgement::Impossible(sessions.unusable);
    }
    comparison
}

/// The worst answer of the sessions that have ended; `None` where none has. Sessions of several durations are several
/// tries at one question: measuring in another way until it passes is no way out.
fn worst_of(results: &Results, ended: &[SessionRecord], question: &Question) -> Option<Comparison> {
    let rank = |comparison: &Comparison| {
        let unsettled = comparison.paired_verdict() == Some(PairedVerdict::NoRegressionFound);
        match comparison.decision() {
            _ if comparison.is_regression() => 3,
            Some(Decision::Clean) => u8::from(unsettled),
            _ => 2,
        }
    };
    let mut answers: Vec<(u64, Comparison)> = ended
        .iter()
        .map(|record| {
            let comparison = of_session(results, record, question.clone());
            (record.subject.duration_seconds, comparison)
        })
        .collect();
    answers.sort_by_key(|(seconds, comparison)| (rank(comparison), *seconds));
    let (_, mut worst) = answers.pop()?;
    let others = answers
        .iter()
        .filter(|(_, other)| rank(other) != rank(&worst));
    let others: Vec<String> = others
        .map(|(seconds, other)| {
            let answer = words::headline(other);
            format!("a paired session of {seconds} s a run ended otherwise: {answer}")
        })
        .collect();
    worst.warnings.extend(others);
    Some(worst)
}

/// A session that has ended, compared: its runs take the place of the groups in `question`.
fn of_session(results: &Results, record: &SessionRecord, question: Question) -> Comparison {
    let group = |phase| {
        let runs = record.runs(results, phase);
        let planned = u32::try_from(runs.len()).unwrap_or(u32::MAX);
        Some(Group { runs, planned })
    };
    let question = Question {
        before: group(Phase::Before),
        after: group(Phase::After),
        ..question
    };
    comparison::compare_paired(
        question,
        &comparison::Session {
            assessment: record.assess(),
            plan: record.plan,
            slope: record.slope.map(|slope| slope.value),
            after_failures: record
                .failures_of(Phase::After)
                .map(|failure| {
                    format!(
                        "the after server failed in pair {}: {}",
                        failure.pair, failure.why
                    )
                })
                .collect(),
        },
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
        Mode::Competitive => baseline(&checkout::find(compare.checkout.as_deref())?, mode),
    };
    let question = Question {
        task: task
            .cloned()
            .or_else(|| run_name(after).map(|name| name.task)),
        mode,
        before: Some(Group::of_file(before)),
        after: Some(Group::of_file(after)),
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

/// The competitor's P99, read anew at every comparison.
pub fn baseline(checkout: &Path, mode: Mode) -> Option<Result<Baseline, Unfit>> {
    (mode == Mode::Competitive).then(|| {
        let file = checkout.join(BASELINES);
        let unfit = |line, why| Unfit {
            file: Some(file.clone()),
            line,
            why,
            mend: Mend::Baseline,
        };
        let text = fs::read_to_string(&file).map_err(|error| {
            unfit(
                None,
                format!("the competitors' baselines cannot be read: {error}"),
            )
        })?;
        let latency = baselines::p99(&text, COMPETITOR)
            .map_err(|error| unfit(error.line, error.to_string()))?;
        let range = format!("{COMPETITOR}'s P99 is a range; one value is needed");
        Ok(Baseline {
            p99_ms: latency
                .single_ms()
                .ok_or_else(|| unfit(Some(latency.line), range))?,
            file: file.clone(),
            line: latency.line,
        })
    })
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
    let path = checkout.join(ROADMAP).join("PERFORMANCE_LOG.md");
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
    let mut titles: Vec<String> = fs::read_dir(checkout.join(ROADMAP))
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
type Read = Result<Recorded, recorded::Unusable>;

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
