//! The recordings that answer a question: the newest groups of a task, or the paired session about their servers.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use crate::error::{Error, Fault, Result};
use crate::files;
use crate::judge::comparison::{self, Baseline, Comparison, EndedSession, Judgement, Question};
use crate::judge::fitness::{Reason, Remedy};
use crate::judge::verdict::{Metric, Outcome};
use crate::model::layout;
use crate::model::limits::{COMPETITOR, PLAN};
use crate::model::names::{Mode, Phase, RunName, TaskId};
use crate::model::recorded::{Group, Recorded};
use crate::model::session::{Failure, How, SessionRecord, Subject};
use crate::model::typed::{self, Repeated};
use crate::stats::paired::{self, PairedVerdict, Progress};
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
    let comparisons = of_names(checkout, task, (&results, &listing), &names, mode);
    if !comparisons.is_empty() {
        return Ok(comparisons);
    }
    let kind = mode.map_or_else(String::new, |mode| format!("{mode} "));
    let folder = results.folder().display();
    let mut error = Error::new(format!("no {kind}results of task {task} in {folder}"));
    if let Some(meant) = listing.namesake(task) {
        let command = typed::perf_compare(&meant, "", repeated);
        error = error.next(format!("did you mean {command}?"));
    }
    let mode = mode.unwrap_or(Mode::Internal);
    let measure = typed::perf_check(task, Phase::Before, mode, "", repeated);
    Err(error.next(format!("measure first: {measure}")).next(typed::what_is_recorded(repeated)))
}

/// Compares the newest groups among these runs of a task, which are sorted, in `mode` or in every mode that has any.
pub(crate) fn of_names(
    checkout: &Path,
    task: &TaskId,
    (results, listing): (&Results, &Listing),
    names: &[RunName],
    mode: Option<Mode>,
) -> Vec<Comparison> {
    let accepted = accepted::read(checkout);
    let of_mode = |mode: Mode| {
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
        let content = content.filter(|_| comparison.outcome().is_regression());
        if let Some(content) = content {
            match &accepted {
                Ok(accepted) => comparison.accepted = accepted.reason(task, mode, &content),
                Err(unusable) => comparison.warnings.push(unusable.to_string()),
            }
        }
        comparison
    };
    let is_asked = |known: &Mode| mode.is_none_or(|asked| asked == *known);
    let has_results = |known: &Mode| names.iter().any(|name| name.mode == *known);
    Mode::ALL.into_iter().filter(is_asked).filter(has_results).map(of_mode).collect()
}

/// Compares two named results, wherever they lie.
///
/// # Errors
/// When they are of two modes, or there is no checkout that states the competitor's P99.
pub fn of_files(checkout: Result<PathBuf>, before: &Path, after: &Path) -> Result<Comparison> {
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
        Mode::Competitive => baseline(&checkout?, mode),
    };
    let question = Question {
        task: run_name(after).map(|name| name.task),
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

fn run_name(result: &Path) -> Option<RunName> {
    RunName::of_result(result.file_name()?.to_str()?)
}

/// Compares the newest groups, or the pairs instead if a session on the same two servers has ended.
fn of_newest(results: &Results, listing: &Listing, question: Question) -> Comparison {
    let newest = |group: &Option<Group>| {
        let run = group.as_ref()?.runs.last()?.as_ref().ok()?;
        run.provenance.clone()
    };
    let (before, after) = (newest(&question.before), newest(&question.after));
    let subject = before.zip(after.as_ref()).and_then(|(before, after)| {
        Some(Subject {
            mode: question.mode,
            before: before.build.engram_hash?,
            after: after.build.engram_hash.clone()?,
            scenario: after.load.scenario_hash.clone()?,
            duration_seconds: after.load.duration_seconds,
            how: How::Duet,
        })
    });
    let sessions = subject.map(|subject| about(results, &question, &subject)).unwrap_or_default();
    let mut comparison = worst_of(sessions.ended, &question).unwrap_or_else(|| {
        let reliability = after.and_then(|after| {
            let series = same_binary::series(results, listing, question.mode, &after);
            single_runs::single_runs(&series)
        });
        comparison::compare(question.clone(), reliability)
    });
    comparison.warnings.extend(sessions.warnings);
    comparison.warnings.extend(taken_back(results, &question));
    let mut reasons = sessions.unusable;
    if comparison.outcome() == Outcome::Success {
        reasons.extend(sessions.doubts);
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

    /// 0 for the best. A regression by the record remains one where the files of its runs are gone.
    fn rank(&self) -> u8 {
        match (self.comparison.outcome(), self.comparison.paired_verdict()) {
            (_, Some(PairedVerdict::Regressed)) => REGRESSION,
            (outcome, _) if outcome.is_regression() => REGRESSION,
            (Outcome::Success, Some(PairedVerdict::NoRegressionFound)) => PASS,
            (Outcome::Success, _) => 0,
            _ => UNDECIDED,
        }
    }

    /// `REGRESSION, P99 +10.4%`
    fn in_words(&self) -> String {
        let headline = match self.comparison.outcome() {
            Outcome::CannotJudge if self.rank() == REGRESSION => "REGRESSION",
            _ => self.comparison.headline(),
        };
        let p99 = self.comparison.look().map(|look| change_of_p99(look.interval.estimate));
        format!("{headline}{}", p99.unwrap_or_default())
    }
}

/// The worst rank of an answer that passes.
const PASS: u8 = 1;
const UNDECIDED: u8 = 2;
const REGRESSION: u8 = 3;

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
    let single = comparison::compare(question.clone(), None);
    let told: Vec<String> = others.chain(contradiction(question, &single, &worst)).collect();
    let own = own_runs(question, &single, &worst.comparison);
    worst.comparison.warnings.extend(own.into_iter().chain(told));
    Some(worst.comparison)
}

/// Single runs that were longer than those of the pairs, and that say the opposite.
fn contradiction(question: &Question, single: &Comparison, session: &Answer) -> Option<String> {
    let run = question.after.as_ref()?.runs.last()?.as_ref().ok()?;
    let seconds = run.provenance.as_ref()?.load.duration_seconds;
    let of_pairs = session.record.subject.duration_seconds;
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
    if p99_ms < high_ms {
        let range = format!("{COMPETITOR}'s P99 is a range; one value is needed");
        return Err(Fault::new(range).at_line(line));
    }
    Ok(Baseline { p99_ms, file: file.to_owned(), line })
}

/// What the sessions about two servers say.
#[derive(Default)]
struct Sessions {
    ended: Vec<Answer>,
    /// Those that cannot be read, so that their answers are unknown.
    unusable: Vec<Reason>,
    /// Why a pass does not count: failures of the after server in sessions that have not ended, and archived regressions.
    doubts: Vec<Reason>,
    /// About those that do not decide.
    warnings: Vec<String>,
}

/// The sessions about the servers and the load of `subject`, of any duration.
fn about(results: &Results, question: &Question, subject: &Subject) -> Sessions {
    let mut sessions = Sessions::default();
    // Of those that were archived, also the ones that never ended, or cannot be read.
    let (mut archived, mut archived_records) = (Vec::new(), 0);
    for (kept, record) in SessionRecord::about(results, subject) {
        archived_records += usize::from(kept == Kept::Archived);
        let record = match record {
            Ok(record) => record,
            Err(unusable) => {
                let reason = Reason::new(unusable, Remedy::Confirm);
                sessions.unusable.extend((kept == Kept::Present).then_some(reason));
                continue;
            }
        };
        match (kept, record.assess().progress) {
            (Kept::Former, _) if record.pairs.is_empty() => {}
            (Kept::Former, _) => sessions.warnings.push(format!(
                "an earlier session under the former plan, which decides nothing: {}",
                so_far(&record)
            )),
            (Kept::Archived, Progress::Final(verdict)) => {
                archived.push(Answer::of(results, record, verdict, question));
            }
            (Kept::Archived, Progress::Continue { .. }) => {}
            (Kept::Present, Progress::Final(verdict)) => {
                sessions.ended.push(Answer::of(results, record, verdict, question));
            }
            (Kept::Present, Progress::Continue { .. }) => {
                let so_far = so_far(&record);
                sessions.warnings.push(format!("a paired session is unfinished: {so_far} so far"));
                let failures = record.failures_of(Phase::After).map(|failure| {
                    let why = format!("in an unfinished session the {}", failure_in_words(failure));
                    Reason::new(Fault::new(why), Remedy::Confirm)
                });
                sessions.doubts.extend(failures);
            }
        }
    }
    let worst = archived.iter().max_by_key(|answer: &&Answer| answer.rank());
    let worst = worst.map_or_else(|| "none ended".to_owned(), Answer::in_words);
    let told = format!(
        "records of these servers that --fresh archived: {archived_records}; the worst verdict \
         among them: {worst}"
    );
    sessions.warnings.extend((archived_records > 0).then_some(told));
    sessions.doubts.extend(doubt(&archived, &sessions.ended));
    sessions
}

/// `5 pairs of 10 s a run, P99 +1.2%`
fn so_far(record: &SessionRecord) -> String {
    let (pairs, seconds) = (record.pairs.len(), record.subject.duration_seconds);
    let change = record.estimate().map_or_else(String::new, change_of_p99);
    format!("{pairs} pairs of {seconds} s a run{change}")
}

/// The reason why a pass does not count yet: an archived regression is taken back by two passes that were opened later,
/// the later one with the full plan.
fn doubt(archived: &[Answer], ended: &[Answer]) -> Option<Reason> {
    let regressions = archived.iter().filter(|answer| answer.rank() == REGRESSION);
    let latest = regressions.max_by_key(|answer| answer.record.opened)?;
    let later = |answer: &&Answer| answer.record.opened > latest.record.opened;
    let passes = archived.iter().chain(ended).filter(later).filter(|answer| answer.rank() <= PASS);
    let mut passes: Vec<&SessionRecord> = passes.map(|answer| &answer.record).collect();
    passes.sort_by_key(|record| record.opened);
    let full = PLAN.last_look();
    let remedy = match passes.as_slice() {
        [] => Remedy::Confirm,
        [_, .., last] if last.plan.last_look() >= full => return None,
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
fn own_runs(question: &Question, own: &Comparison, session: &Comparison) -> Vec<String> {
    let file = session.after.as_ref().and_then(|after| after.files.last());
    let name = file.and_then(|file| run_name(file));
    let measured = name.map(|name| name.task).filter(|own| question.task.as_ref() != Some(own));
    let (Some(measured), Some(task)) = (measured, &question.task) else { return Vec::new() };
    let mut told = vec![format!("the paired session was measured for task {measured}")];
    if let (Some(before), Some(after)) = (&own.before, &own.after) {
        let [before_ms, after_ms] = [before, after].map(|side| side.figures.p99_ms);
        let headline = own.headline();
        told.push(format!(
            "single runs of task {task}: {headline}, P99 {before_ms:.3} -> {after_ms:.3} ms"
        ));
    }
    let more = own.reasons().iter().map(|reason| &reason.fault.why).chain(&own.warnings);
    told.extend(more.map(|why| format!("single runs: {why}")));
    told
}

/// The results of the task that were taken back, which a verdict does not rest on.
fn taken_back(results: &Results, question: &Question) -> Option<String> {
    let runs = archive::taken_back(results, question.task.as_ref()?, question.mode);
    let newest = runs.last()?;
    let (count, phase, time) = (runs.len(), newest.phase, newest.timestamp);
    Some(format!("results taken back: {count}; the newest: {phase} of {time}"))
}
