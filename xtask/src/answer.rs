//! The recordings that answer a question: the newest groups of a task, or the paired session about their servers.

use std::path::Path;

use time::OffsetDateTime;

use crate::error::{Error, Fault, Result};
use crate::files;
use crate::judge::comparison::{self, Baseline, Comparison, EndedSession, Judgement, Question};
use crate::judge::fitness::{Reason, Remedy};
use crate::judge::verdict::{Metric, Outcome};
use crate::model::layout;
use crate::model::limits::{COMPETITOR, PLAN};
use crate::model::names::{How, Mode, Phase, RunName, TaskId};
use crate::model::provenance::Provenance;
use crate::model::recorded::{Group, Recorded};
use crate::model::session::{Failure, SessionRecord, Subject};
use crate::model::typed::{self, Repeated};
use crate::stats::paired::{self, PairedVerdict};
use crate::stats::single_runs;
use crate::store::accepted;
use crate::store::archive;
use crate::store::baselines;
use crate::store::recorded::{self, Listing};
use crate::store::results::Results;
use crate::store::same_binary;
use crate::store::session::Kept;

/// Compares the newest groups of a task, in `mode` or in every mode that has any result.
///
/// # Errors
/// When the results cannot be listed, or there are none.
pub fn of_task(
    checkout: &Path,
    task: &TaskId,
    mode: Option<Mode>,
    repeated: &Repeated,
) -> Result<Vec<Comparison>> {
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
        let measure = typed::perf_check(task, Phase::Before, mode, "", repeated);
        let none = Error::new(format!(
            "no {kind}results of task {task} in {}",
            results.folder().display()
        ));
        let namesake =
            listing.namesake(task).map(|meant| typed::perf_compare(&meant, "", repeated));
        return Err(namesake
            .into_iter()
            .fold(none, |error, command| error.next(format!("did you mean {command}?")))
            .next(format!("measure first: {measure}"))
            .next(typed::what_is_recorded(repeated)));
    }
    Ok(of_names(checkout, task, (&results, &listing), &names, &modes))
}

/// Compares the newest groups among these runs of a task, which are sorted, in each of `modes`.
pub(crate) fn of_names(
    checkout: &Path,
    task: &TaskId,
    (results, listing): (&Results, &Listing),
    names: &[RunName],
    modes: &[Mode],
) -> Vec<Comparison> {
    let accepted = accepted::read(checkout);
    let of_mode = |&mode: &Mode| {
        let group = |phase| recorded::newest_group(results, names, mode, phase);
        let question = Question {
            task: Some(task.clone()),
            mode,
            before: group(Phase::Before),
            after: group(Phase::After),
            baseline: baseline(checkout, mode),
            session: None,
            now: OffsetDateTime::now_utc(),
        };
        let content = question.after.as_ref().and_then(Group::content);
        let mut comparison = of_newest(results, listing, question);
        if comparison.outcome().is_regression()
            && let Some(content) = content
        {
            match &accepted {
                Ok(accepted) => comparison.accepted = accepted.reason(task, mode, &content),
                Err(unusable) => comparison.warnings.push(unusable.to_string()),
            }
        }
        comparison
    };
    modes.iter().map(of_mode).collect()
}

/// Compares two named results, wherever they lie; `task` is the one that they are of, where their names do not say it.
///
/// # Errors
/// When they are of two modes, or there is no checkout that states the competitor's P99.
pub fn of_files(
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
        Mode::Competitive => baseline(checkout?, mode),
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
        now: OffsetDateTime::now_utc(),
    };
    let mut comparison = comparison::compare(question, None);
    let sides = [&comparison.before, &comparison.after].into_iter().flatten();
    let is_of_session =
        |run: &Recorded| run.provenance.as_ref().is_some_and(|own| own.session.is_some());
    if sides.flat_map(|side| &side.runs).any(is_of_session) {
        let why = "a run of a paired session was named: only all of its pairs are a verdict";
        comparison.warnings.push(why.to_owned());
    }
    Ok(comparison)
}

/// Compares the newest groups, or the pairs instead if a session on the same two servers has ended.
fn of_newest(results: &Results, listing: &Listing, question: Question) -> Comparison {
    let newest = |group: &Option<Group>| {
        let run = group.as_ref()?.runs.last()?.as_ref().ok()?;
        run.provenance.clone()
    };
    let (before, after) = (newest(&question.before), newest(&question.after));
    let taken_back = taken_back(results, &question);
    let sessions = match (&before, &after) {
        (Some(before), Some(after)) => about(results, &question, before, after),
        _ => Sessions::default(),
    };
    let (archived, doubt) = (archived(&sessions), doubt(&sessions));
    let mut comparison = worst_of(sessions.ended, &question).unwrap_or_else(|| {
        let reliability = after.and_then(|after| {
            let series = same_binary::series(results, listing, question.mode, &after);
            single_runs::single_runs(&series)
        });
        comparison::compare(question, reliability)
    });
    comparison.warnings.extend(archived);
    comparison.warnings.extend(sessions.warnings);
    comparison.warnings.extend(taken_back);
    let mut reasons = sessions.unusable;
    if comparison.outcome() == Outcome::Success {
        reasons.extend(sessions.failures);
        reasons.extend(doubt);
    }
    if !reasons.is_empty() && !comparison.outcome().is_regression() {
        comparison.judgement = Judgement::Impossible(reasons);
    }
    comparison
}

/// An ended session, with what it says of the two servers.
struct Answer {
    record: SessionRecord,
    comparison: Comparison,
}

impl Answer {
    /// Compares the runs of the session instead of the groups in `question`.
    fn of(
        results: &Results,
        record: SessionRecord,
        verdict: PairedVerdict,
        question: &Question,
    ) -> Self {
        let group = |phase| {
            let runs = record.runs(results, phase);
            let planned = u32::try_from(runs.len()).unwrap_or(u32::MAX);
            Some(Group { runs, planned })
        };
        let failures = record.failures_of(Phase::After).map(failure_in_words);
        let session = EndedSession {
            verdict,
            look: record.assess().look,
            how: record.subject.how,
            duration_seconds: record.subject.duration_seconds,
            changes: record.changes(),
            after_failures: failures.map(|failure| format!("the {failure}")).collect(),
        };
        let question = Question {
            before: group(Phase::Before),
            after: group(Phase::After),
            session: Some(session),
            ..question.clone()
        };
        Self { record, comparison: comparison::compare(question, None) }
    }

    /// 0 for the best.
    fn rank(&self) -> u8 {
        match self.comparison.outcome() {
            outcome if outcome.is_regression() => 3,
            Outcome::Success => {
                let verdict = self.comparison.paired_verdict();
                u8::from(verdict == Some(PairedVerdict::NoRegressionFound))
            }
            _ => 2,
        }
    }

    /// A regression by the record remains one where the files of its runs are gone.
    fn is_regression(&self) -> bool {
        let verdict = self.comparison.paired_verdict();
        self.comparison.outcome().is_regression() || verdict == Some(PairedVerdict::Regressed)
    }

    fn passes(&self) -> bool {
        self.rank() <= 1
    }

    /// `REGRESSION, P99 +10.4%`
    fn in_words(&self) -> String {
        let headline = match self.comparison.outcome() {
            Outcome::CannotJudge if self.is_regression() => "REGRESSION",
            _ => self.comparison.headline(),
        };
        let p99 = self.comparison.look().map(|look| change_of_p99(look.interval.estimate));
        format!("{headline}{}", p99.unwrap_or_default())
    }
}

/// `, P99 +10.4%`
fn change_of_p99(ln_ratio: f64) -> String {
    format!(", P99 {:+.1}%", paired::percent(ln_ratio))
}

/// The worst answer of the ended sessions; `None` if there are none. Sessions of several durations are several tries
/// at one question: measuring in another way until it passes is no way out.
fn worst_of(mut answers: Vec<Answer>, question: &Question) -> Option<Comparison> {
    answers.sort_by_key(|answer| (answer.rank(), answer.record.subject.duration_seconds));
    let mut worst = answers.pop()?;
    let rank = worst.rank();
    answers.retain(|other| other.rank() != rank);
    let others = answers.iter().map(|other| {
        let Subject { duration_seconds, how, .. } = &other.record.subject;
        let answer = other.in_words();
        format!("a paired session of {duration_seconds} s a run ({how}) ended otherwise: {answer}")
    });
    let told: Vec<String> = others.chain(contradiction(question, &worst)).collect();
    let own = own_runs(question, &worst.comparison);
    worst.comparison.warnings.extend(own.into_iter().chain(told));
    Some(worst.comparison)
}

/// Single runs that were longer than those of the pairs, and that say the opposite.
fn contradiction(question: &Question, session: &Answer) -> Option<String> {
    let run = question.after.as_ref()?.runs.last()?.as_ref().ok()?;
    let seconds = run.provenance.as_ref()?.load.duration_seconds;
    let of_pairs = session.record.subject.duration_seconds;
    let single = comparison::compare(question.clone(), None);
    let outcomes = [single.outcome(), session.comparison.outcome()];
    let [ours, theirs] = outcomes.map(Outcome::is_regression);
    let is_opposite = ours != theirs && outcomes.contains(&Outcome::Success);
    (seconds > of_pairs && is_opposite).then(|| {
        let change = single.verdict().map(|verdict| verdict.change(Metric::P99));
        let change = change.map_or_else(String::new, |change| format!(", P99 {change:+.1}%"));
        let answer = single.headline();
        format!(
            "the single runs are of {seconds} s, those of the pairs of {of_pairs} s, and they say \
             otherwise: {answer}{change}"
        )
    })
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
    let text = files::read_text(file).map_err(|error| {
        Fault::new(format!("the competitors' baselines cannot be read: {error}"))
    })?;
    let competitor = baselines::of_system(&baselines::rows(&text)?, COMPETITOR)?;
    let ([p99_ms, high_ms], line) = (competitor.p99_ms, competitor.line);
    match p99_ms < high_ms {
        true => {
            let range = format!("{COMPETITOR}'s P99 is a range; one value is needed");
            Err(Fault::new(range).at_line(line))
        }
        false => Ok(Baseline { p99_ms, file: file.to_owned(), line }),
    }
}

/// The sessions about two servers.
#[derive(Default)]
struct Sessions {
    ended: Vec<Answer>,
    /// Those that cannot be read, so that their answers are unknown.
    unusable: Vec<Reason>,
    /// The failures of the after server in sessions that have not ended.
    failures: Vec<Reason>,
    archived: Vec<Answer>,
    /// All that were archived: also those that never ended, or cannot be read.
    archived_records: usize,
    /// About those that have not ended, and those of earlier versions.
    warnings: Vec<String>,
}

/// The sessions about the servers of `before` and `after`, under the load of `after`, of any duration.
fn about(
    results: &Results,
    question: &Question,
    before: &Provenance,
    after: &Provenance,
) -> Sessions {
    let mut sessions = Sessions::default();
    let (Some(before), Some(server), Some(scenario)) = (
        before.build.engram_hash.clone(),
        after.build.engram_hash.clone(),
        after.load.scenario_hash.clone(),
    ) else {
        return sessions;
    };
    let records = SessionRecord::about(
        results,
        &Subject {
            mode: question.mode,
            before,
            after: server,
            scenario,
            duration_seconds: after.load.duration_seconds,
            how: How::Duet,
        },
    );
    for (kept, record) in records {
        sessions.archived_records += usize::from(kept == Kept::Archived);
        match (kept, record.map(|record| (record.assess().verdict, record))) {
            (Kept::Former, _) => sessions.warnings.push(FORMER.to_owned()),
            (Kept::Archived, Ok((Some(verdict), record))) => {
                sessions.archived.push(Answer::of(results, record, verdict, question));
            }
            (Kept::Present, Ok((Some(verdict), record))) => {
                sessions.ended.push(Answer::of(results, record, verdict, question));
            }
            (Kept::Present, Ok((None, record))) => {
                sessions.warnings.push(unfinished(&record));
                let failures = record.failures_of(Phase::After).map(|failure| {
                    let why = format!("in an unfinished session the {}", failure_in_words(failure));
                    Reason::new(Fault::new(why), Remedy::Confirm)
                });
                sessions.failures.extend(failures);
            }
            (Kept::Present, Err(unusable)) => {
                sessions.unusable.push(Reason::new(unusable, Remedy::Confirm));
            }
            (Kept::Archived, _) => {}
        }
    }
    sessions
}

const FORMER: &str = "an earlier session under the former plan, which decides nothing, is kept";

fn unfinished(record: &SessionRecord) -> String {
    format!(
        "a paired session is unfinished: {} pairs of {} s a run{}",
        record.pairs.len(),
        record.subject.duration_seconds,
        record.estimate().map_or_else(String::new, |so_far| change_of_p99(so_far) + " so far")
    )
}

/// The number of the records that `--fresh` archived, and the worst verdict among them, in words.
fn archived(sessions: &Sessions) -> Option<String> {
    let worst =
        sessions.archived.iter().max_by_key(|answer| (answer.is_regression(), answer.rank()));
    let worst = worst.map_or_else(|| "none ended".to_owned(), Answer::in_words);
    let records = match sessions.archived_records {
        0 => return None,
        1 => "1 record of these servers was".to_owned(),
        number => format!("{number} records of these servers were"),
    };
    Some(format!("{records} archived by --fresh; the worst verdict among them: {worst}"))
}

/// The reason why a pass does not count yet: an archived regression is taken back by two passes that were opened later,
/// the later one with the full plan.
fn doubt(sessions: &Sessions) -> Option<Reason> {
    let regressions = sessions.archived.iter().filter(|answer| answer.is_regression());
    let latest = regressions.max_by_key(|answer| answer.record.opened)?;
    let answers = sessions.archived.iter().chain(&sessions.ended);
    let later = answers.filter(|answer| answer.record.opened > latest.record.opened);
    let mut passes: Vec<&SessionRecord> =
        later.filter(|answer| answer.passes()).map(|answer| &answer.record).collect();
    passes.sort_by_key(|record| record.opened);
    let full = PLAN.last_look;
    let remedy = match passes.as_slice() {
        [] => Remedy::Confirm,
        [_, .., last] if last.plan.last_look >= full => return None,
        _ => Remedy::ConfirmAgain,
    };
    let why = format!(
        "an archived record of these servers says {}: it takes two later records that pass, the \
         last of them with the full plan of {full} pairs, and {} did",
        latest.in_words(),
        passes.len()
    );
    Some(Reason::new(Fault::new(why), remedy))
}

/// A session belongs to its binaries: whose task measured it, and what the task's own runs say.
fn own_runs(question: &Question, session: &Comparison) -> Vec<String> {
    let file = session.after.as_ref().and_then(|after| after.files.last());
    let name = file.and_then(|file| RunName::of_result(file.file_name()?.to_str()?));
    let (Some(measured), Some(task)) = (name.map(|name| name.task), &question.task) else {
        return Vec::new();
    };
    if measured == *task {
        return Vec::new();
    }
    let own = comparison::compare(question.clone(), None);
    let mut told = vec![format!("the paired session was measured for task {measured}")];
    if let (Some(before), Some(after)) = (&own.before, &own.after) {
        let [before_ms, after_ms] = [before, after].map(|side| side.figures.p99_ms);
        let change = (before_ms > 0.0).then(|| (after_ms - before_ms) / before_ms * 100.0);
        let change = change.map_or_else(String::new, |change| format!(", {change:+.1}%"));
        let headline = own.headline();
        told.push(format!(
            "single runs of task {task}: {headline}, P99 {before_ms:.3} -> {after_ms:.3} ms{change}"
        ));
    }
    let more = own.reasons().iter().map(|reason| &reason.fault.why).chain(&own.warnings);
    told.extend(more.map(|why| format!("single runs: {why}")));
    told
}

/// The results of the task that were taken back, which a verdict does not rest on.
fn taken_back(results: &Results, question: &Question) -> Option<String> {
    let runs = archive::taken_back(results, question.task.as_ref()?, question.mode);
    let newest = runs.iter().rev().take(MOST_TAKEN_BACK);
    let told = newest.map(|run| format!("{} of {}", run.phase, run.timestamp));
    let told: Vec<String> = told.collect();
    let count = runs.len();
    (count > 0).then(|| format!("results taken back: {count}; the newest: {}", told.join("; ")))
}

/// The most of them that a warning names.
const MOST_TAKEN_BACK: usize = 3;
