//! Which recordings answer a question: the newest groups of a task, or the paired session about their servers.

use std::fs;
use std::path::Path;

use crate::error::{Error, Result};
use crate::judge::comparison::{self, Baseline, Comparison, Judgement, Question};
use crate::judge::fitness::{Mend, Unfit};
use crate::judge::verdict::Decision as VerdictDecision;
use crate::model::layout;
use crate::model::limits::COMPETITOR;
use crate::model::names::{Mode, Phase, TaskId};
use crate::model::provenance::Provenance;
use crate::model::recorded::Group;
use crate::model::session::SessionRecord;
use crate::stats::paired::{Decision, PairedVerdict};
use crate::stats::single_runs;
use crate::store::baselines;
use crate::store::recorded::{self, Listing};
use crate::store::results::Results;
use crate::store::same_binary;

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
        (Some(before), Some(after)) => about(results, question.mode, before, after),
        _ => Sessions::default(),
    };
    let mut comparison = match worst_of(results, &sessions.ended, &question) {
        Some(comparison) => comparison,
        None => {
            let trusted = after.and_then(|after| {
                let alike = same_binary::series(results, listing, question.mode, &after);
                single_runs::single_runs(&alike)
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
            Some(VerdictDecision::Clean) => u8::from(unsettled),
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
            let answer = other.headline();
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

/// The competitor's P99, read anew at every comparison.
pub fn baseline(checkout: &Path, mode: Mode) -> Option<Result<Baseline, Unfit>> {
    (mode == Mode::Competitive).then(|| {
        let file = checkout.join(layout::BASELINES);
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

/// The sessions about two servers.
#[derive(Debug, Default)]
struct Sessions {
    /// Those that have ended.
    ended: Vec<SessionRecord>,
    /// Those that are not whole: what they said is not known.
    unusable: Vec<Unfit>,
    /// What is to be known of those that have not ended.
    warnings: Vec<String>,
}

/// The sessions about the servers of `before` and `after`, under the load of `after`, whatever their duration.
fn about(results: &Results, mode: Mode, before: &Provenance, after: &Provenance) -> Sessions {
    let (Some(before), Some(server), Some(scenario)) = (
        before.build.engram_hash.as_deref(),
        after.build.engram_hash.as_deref(),
        after.load.scenario_hash.as_deref(),
    ) else {
        return Sessions::default();
    };
    let mut sessions = Sessions::default();
    for record in SessionRecord::about(results, mode, before, server, scenario) {
        match record {
            Err(unusable) => sessions.unusable.push(Unfit {
                file: unusable.file,
                line: None,
                why: unusable.why,
                mend: Mend::Confirm,
            }),
            Ok(record) => match record.assess().decision {
                Decision::Final(_) => sessions.ended.push(record),
                Decision::Continue { .. } => sessions.warnings.push(unfinished(&record)),
            },
        }
    }
    sessions
}

fn unfinished(record: &SessionRecord) -> String {
    let failed = record.failures_of(Phase::After).last();
    let failed = failed.map_or_else(String::new, |failure| {
        format!(
            "; its after server failed in pair {}: {}",
            failure.pair, failure.why
        )
    });
    format!(
        "a paired session is unfinished: {} pairs of {} s a run{failed}",
        record.pairs.len(),
        record.subject.duration_seconds
    )
}
