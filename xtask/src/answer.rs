//! The recordings that answer a question: the newest groups of a task, or the paired session about their servers.

use std::fs;
use std::path::Path;

use crate::error::{Error, Fault, Result};
use crate::judge::comparison::{self, Baseline, Comparison, EndedSession, Judgement, Question};
use crate::judge::fitness::{Reason, Remedy};
use crate::judge::verdict::Outcome;
use crate::model::layout;
use crate::model::limits::COMPETITOR;
use crate::model::names::{Mode, Phase, TaskId};
use crate::model::provenance::Provenance;
use crate::model::recorded::Group;
use crate::model::session::{Failure, SessionRecord};
use crate::model::typed;
use crate::stats::paired::{PairedVerdict, Progress};
use crate::stats::single_runs;
use crate::store::baselines;
use crate::store::recorded::{self, Listing};
use crate::store::results::Results;
use crate::store::same_binary;

/// Compares the newest groups of a task, in `mode` or in every mode that has any result.
///
/// # Errors
/// When the results cannot be listed, or there are none.
pub fn of_task(checkout: &Path, task: &TaskId, mode: Option<Mode>) -> Result<Vec<Comparison>> {
    let results = Results::of(checkout);
    let listing = Listing::read(&results)?;
    let names = listing.of_task(task);
    let has_results = |known: &Mode| names.iter().any(|name| name.mode == *known);
    let modes: Vec<Mode> = Mode::ALL
        .into_iter()
        .filter(|known| mode.is_none_or(|asked| asked == *known))
        .filter(has_results)
        .collect();
    if modes.is_empty() {
        let kind = mode.map_or_else(String::new, |mode| format!("{mode} "));
        let mode = mode.unwrap_or(Mode::Internal);
        let measure = typed::perf_check(task, Phase::Before, mode, "");
        return Err(Error::new(format!(
            "no {kind}results of task {task} in {}",
            results.folder().display()
        ))
        .next(format!("measure first: {measure}"))
        .next("what is recorded: cargo perf-compare --list"));
    }
    let of_mode = |mode| {
        let group = |phase| recorded::newest_group(&results, &names, mode, phase);
        let question = Question {
            task: Some(task.clone()),
            mode,
            before: group(Phase::Before),
            after: group(Phase::After),
            baseline: baseline(checkout, mode),
            session: None,
        };
        of_newest(&results, &listing, question)
    };
    Ok(modes.into_iter().map(of_mode).collect())
}

/// Compares the newest groups, or the pairs instead if a session on the same two servers has ended.
fn of_newest(results: &Results, listing: &Listing, question: Question) -> Comparison {
    let newest = |group: &Option<Group>| {
        let run = group.as_ref()?.runs.last()?.as_ref().ok()?;
        run.provenance.clone()
    };
    let (before, after) = (newest(&question.before), newest(&question.after));
    let sessions = match (&before, &after) {
        (Some(before), Some(after)) => about(results, question.mode, before, after),
        _ => Sessions::default(),
    };
    let mut comparison = worst_of(results, sessions.ended, &question).unwrap_or_else(|| {
        let reliability = after.and_then(|after| {
            let series = same_binary::series(results, listing, question.mode, &after);
            single_runs::single_runs(&series)
        });
        comparison::compare(question, reliability)
    });
    comparison.warnings.extend(sessions.warnings);
    if !sessions.unusable.is_empty() && !comparison.outcome().is_regression() {
        // Their answers are unknown, and may have been a regression.
        comparison.judgement = Judgement::Impossible(sessions.unusable);
    }
    comparison
}

/// The worst answer of the ended sessions; `None` if there are none. Sessions of several durations are several tries
/// at one question: measuring in another way until it passes is no way out.
fn worst_of(
    results: &Results,
    ended: Vec<(SessionRecord, PairedVerdict)>,
    question: &Question,
) -> Option<Comparison> {
    let rank = |comparison: &Comparison| match comparison.outcome() {
        outcome if outcome.is_regression() => 3,
        Outcome::Success => {
            u8::from(comparison.paired_verdict() == Some(PairedVerdict::NoRegressionFound))
        }
        _ => 2,
    };
    let answer = |(record, verdict): (SessionRecord, _)| {
        let comparison = of_session(results, &record, verdict, question.clone());
        (record.subject.duration_seconds, comparison)
    };
    let mut answers: Vec<(u64, Comparison)> = ended.into_iter().map(answer).collect();
    answers.sort_by_key(|(seconds, comparison)| (rank(comparison), *seconds));
    let (_, mut worst) = answers.pop()?;
    let worst_rank = rank(&worst);
    answers.retain(|(_, other)| rank(other) != worst_rank);
    worst.warnings.extend(answers.iter().map(|(seconds, other)| {
        let answer = other.headline();
        format!("a paired session of {seconds} s a run ended otherwise: {answer}")
    }));
    Some(worst)
}

/// Compares the runs of an ended session instead of the groups in `question`.
fn of_session(
    results: &Results,
    record: &SessionRecord,
    verdict: PairedVerdict,
    question: Question,
) -> Comparison {
    let group = |phase| {
        let runs = record.runs(results, phase);
        let planned = u32::try_from(runs.len()).unwrap_or(u32::MAX);
        Some(Group { runs, planned })
    };
    let failures = record.failures_of(Phase::After).map(failure_in_words);
    let session = EndedSession {
        verdict,
        look: record.assess().look,
        after_failures: failures.map(|failure| format!("the {failure}")).collect(),
    };
    let question = Question {
        before: group(Phase::Before),
        after: group(Phase::After),
        session: Some(session),
        ..question
    };
    comparison::compare(question, None)
}

fn failure_in_words(failure: &Failure) -> String {
    let Failure { pair, why, .. } = failure;
    format!("after server failed in pair {pair}: {why}")
}

/// The competitor's P99, read anew for every comparison; `None` in internal mode.
pub(crate) fn baseline(checkout: &Path, mode: Mode) -> Option<Result<Baseline, Reason>> {
    let file = checkout.join(layout::BASELINES);
    (mode == Mode::Competitive).then(|| {
        read_baseline(&file)
            .map_err(|fault| Reason::new(fault.in_file(file.clone()), Remedy::Baseline))
    })
}

fn read_baseline(file: &Path) -> Result<Baseline, Fault> {
    let text = fs::read_to_string(file).map_err(|error| {
        Fault::new(format!("the competitors' baselines cannot be read: {error}"))
    })?;
    let latency = baselines::p99(&text, COMPETITOR)?;
    let p99_ms = latency.single_ms().ok_or_else(|| {
        let range = format!("{COMPETITOR}'s P99 is a range; one value is needed");
        Fault::new(range).at_line(latency.line)
    })?;
    Ok(Baseline { p99_ms, file: file.to_owned(), line: latency.line })
}

/// The sessions about two servers.
#[derive(Debug, Default)]
struct Sessions {
    ended: Vec<(SessionRecord, PairedVerdict)>,
    /// Those that cannot be read, so that their answers are unknown.
    unusable: Vec<Reason>,
    /// About those that have not ended.
    warnings: Vec<String>,
}

/// The sessions about the servers of `before` and `after`, under the load of `after`, of any duration.
fn about(results: &Results, mode: Mode, before: &Provenance, after: &Provenance) -> Sessions {
    let mut sessions = Sessions::default();
    let (Some(before), Some(server), Some(scenario)) = (
        before.build.engram_hash.as_deref(),
        after.build.engram_hash.as_deref(),
        after.load.scenario_hash.as_deref(),
    ) else {
        return sessions;
    };
    for record in SessionRecord::about(results, mode, before, server, scenario) {
        match record.map(|record| (record.assess().progress, record)) {
            Err(unusable) => {
                let reason = Reason::new(unusable, Remedy::Confirm);
                sessions.unusable.push(reason);
            }
            Ok((Progress::Final(verdict), record)) => sessions.ended.push((record, verdict)),
            Ok((Progress::Continue { .. }, record)) => sessions.warnings.push(unfinished(&record)),
        }
    }
    sessions
}

fn unfinished(record: &SessionRecord) -> String {
    let failed = record.failures_of(Phase::After).last();
    let failed =
        failed.map_or_else(String::new, |failure| format!("; its {}", failure_in_words(failure)));
    format!(
        "a paired session is unfinished: {} pairs of {} s a run{failed}",
        record.pairs.len(),
        record.subject.duration_seconds
    )
}
