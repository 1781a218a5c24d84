//! One mode of one task, compared: both sides' medians, and the judgement on them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::judge::fitness::{self, Mend, Server, Unfit};
use crate::judge::verdict::{self, Decision, Figures, P99Rule, Verdict};
use crate::model::limits::OFFERED_LOAD_REACHED;
use crate::model::names::{Mode, Phase, TaskId};
use crate::model::recorded::{Group, Recorded};
use crate::stats::numbers::median;
use crate::stats::paired::{self, Assessment, PairedVerdict};
use crate::stats::single_runs::SingleRuns;

/// What is to be compared.
#[derive(Debug, Clone)]
pub struct Question {
    /// The task; `None` for two named files.
    pub task: Option<TaskId>,
    /// The mode, told from the file names.
    pub mode: Mode,
    /// The before side, if there is one.
    pub before: Option<Group>,
    /// The after side, if there is one.
    pub after: Option<Group>,
    /// The competitor's P99 in milliseconds, in competitive mode; or why it cannot be told.
    pub baseline: Option<Result<Baseline, Unfit>>,
}

/// The competitor's figure, and where it is stated.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// Its P99, in milliseconds.
    pub p99_ms: f64,
    /// The document.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
}

/// The answer.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The task; `None` for two named files.
    pub task: Option<TaskId>,
    /// The mode.
    pub mode: Mode,
    /// The before side, where it can be read.
    pub before: Option<Side>,
    /// The after side, where it can be read.
    pub after: Option<Side>,
    /// What the competitor reaches, in competitive mode, where it can be told.
    pub baseline: Option<Baseline>,
    /// What it comes to.
    pub judgement: Judgement,
    /// What the pairs say, where the sides are those of a paired session.
    pub session: Option<Assessment>,
    /// How far single runs can be trusted on this machine, where it is known and the sides are single runs.
    pub single_runs: Option<SingleRuns>,
    /// The offered load in requests per second, where both sides kept up with it: throughput cannot tell them apart.
    pub pinned_rate: Option<f64>,
    /// What makes it weaker, in words.
    pub warnings: Vec<String>,
}

/// What a comparison comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Judgement {
    /// The decision table's answer.
    Judged(Verdict),
    /// Both sides ran the same server: the figures differ by this machine's noise alone.
    SameServer(Verdict),
    /// No verdict, for these reasons.
    Impossible(Vec<Unfit>),
}

/// One side: each metric by its median over the runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// The result files.
    pub files: Vec<PathBuf>,
    /// What decides.
    pub figures: Figures,
    /// Median latency, in milliseconds.
    pub p50_ms: f64,
    /// 95th percentile, in milliseconds.
    pub p95_ms: f64,
    /// Lowest and highest P99 of the runs, in milliseconds.
    pub p99_spread_ms: (f64, f64),
    /// Requests sent, in all runs.
    pub operations: u64,
    /// Requests that failed, in all runs.
    pub errors: u64,
    /// Requests that failed in a run.
    pub errors_per_run: f64,
    /// P99 of each operation, in milliseconds.
    pub operation_p99_ms: BTreeMap<String, f64>,
    /// The server's CPU time a request, in microseconds, where it is known.
    pub cpu_us_per_operation: Option<f64>,
    /// Whether it is the stand-in that was measured.
    pub stand_in: bool,
    /// Whether `perf-check` recorded all of it, and not the old scripts.
    pub by_perf_check: bool,
    /// The content hash of the files that all its binaries were built from, where it is known.
    pub content: Option<String>,
}

/// A paired session that has ended.
#[derive(Debug, Clone)]
pub struct Session {
    /// What its pairs say.
    pub assessment: Assessment,
    /// Each failed run of the after server, in words.
    pub after_failures: Vec<String>,
}

/// Judges one mode, by the thresholds. `single_runs` is how far these can be trusted on this machine.
pub fn compare(question: Question, single_runs: Option<SingleRuns>) -> Comparison {
    Comparison {
        single_runs,
        ..compare_by(question, None)
    }
}

/// Judges one mode whose sides are the runs of a paired session that has ended: P99 is judged by the pairs.
pub fn compare_paired(question: Question, session: &Session) -> Comparison {
    compare_by(question, Some(session))
}

fn compare_by(question: Question, session: Option<&Session>) -> Comparison {
    let rule = match session.map(|session| session.assessment.decision) {
        Some(paired::Decision::Final(verdict)) => P99Rule::Paired(verdict),
        Some(paired::Decision::Continue { .. }) | None => P99Rule::Threshold,
    };
    let mut unfit = Vec::new();
    if rule == P99Rule::Paired(PairedVerdict::AfterFails) {
        unfit.extend(session.into_iter().flat_map(after_fails));
    }
    let before = usable(Phase::Before, question.before.as_ref(), &mut unfit);
    let after = usable(Phase::After, question.after.as_ref(), &mut unfit);
    if let Some(Err(why)) = &question.baseline {
        unfit.push(why.clone());
    }
    let baseline = question.baseline.and_then(Result::ok);
    let sides = (
        side(&before, |run| run.result.stated_error_rate),
        side(&after, |run| run.result.error_rate),
    );
    let warnings = [
        (Phase::Before, &question.before),
        (Phase::After, &question.after),
    ]
    .into_iter()
    .filter_map(|(phase, group)| interrupted(phase, group.as_ref()?))
    .chain(fitness::warnings(&before, &after))
    .collect();
    let silent = fitness::without_latency(&after);
    let fit = match unfit.is_empty() {
        true => fitness::check(&before, &after),
        false => Err(unfit),
    };
    let judgement = match (fit, &sides) {
        (Ok(server), (Some(before), Some(after))) => {
            let competitor_ms = baseline.as_ref().map(|baseline| baseline.p99_ms);
            let figures = (before.figures, after.figures);
            let verdict = verdict::judge(question.mode, figures.0, figures.1, competitor_ms, rule);
            let regressed = matches!(
                verdict.decision,
                Decision::InternalRegression | Decision::CompetitiveRegression
            );
            match server {
                _ if !silent.is_empty() && !regressed => Judgement::Impossible(silent),
                Server::Changed => Judgement::Judged(verdict),
                Server::Same => Judgement::SameServer(verdict),
            }
        }
        (Err(reasons), _) => Judgement::Impossible(reasons),
        (Ok(_), _) => Judgement::Impossible(Vec::new()),
    };
    Comparison {
        task: question.task,
        mode: question.mode,
        before: sides.0,
        after: sides.1,
        baseline,
        judgement,
        session: session.map(|session| session.assessment),
        single_runs: None,
        pinned_rate: pinned_rate(&before, &after),
        warnings,
    }
}

impl Comparison {
    /// The verdict of the paired session, where one has ended.
    pub fn paired_verdict(&self) -> Option<PairedVerdict> {
        match self.session?.decision {
            paired::Decision::Final(verdict) => Some(verdict),
            paired::Decision::Continue { .. } => None,
        }
    }

    /// What a comparison comes to, in two or three words.
    pub fn headline(&self) -> &'static str {
        match &self.judgement {
            Judgement::SameServer(_) => "same server",
            Judgement::Impossible(_) => "CANNOT JUDGE",
            Judgement::Judged(verdict) => match (verdict.decision, self.paired_verdict()) {
                (Decision::Clean, Some(PairedVerdict::NoRegressionFound)) => "no regression found",
                (Decision::Clean, _) => "no regression",
                (Decision::InternalRegression, _) => "REGRESSION",
                (Decision::CompetitiveRegression, _) => "COMPETITIVE REGRESSION",
                (Decision::Undecided, _) => "SUSPECTED",
            },
        }
    }

    /// Whether it blocks: the after side is slower, fails more, or has lost its position.
    pub fn is_regression(&self) -> bool {
        matches!(
            self.decision(),
            Some(Decision::InternalRegression | Decision::CompetitiveRegression)
        )
    }

    /// What it comes to; the same server on both sides is clean.
    pub fn decision(&self) -> Option<Decision> {
        match &self.judgement {
            Judgement::Judged(verdict) => Some(verdict.decision),
            Judgement::SameServer(_) => Some(Decision::Clean),
            Judgement::Impossible(_) => None,
        }
    }
}

/// A server that fails cannot be judged by the pairs in which it did not.
fn after_fails(session: &Session) -> impl Iterator<Item = Unfit> {
    session.after_failures.iter().map(|failure| Unfit {
        file: None,
        line: None,
        why: failure.clone(),
        mend: Mend::Measure(Phase::After),
    })
}

/// The rate that was offered to both sides, if both reached it.
fn pinned_rate(before: &[Recorded], after: &[Recorded]) -> Option<f64> {
    let rate = |run: &Recorded| Some(fitness::rate(run.provenance.as_ref()?));
    let offered = rate(before.first()?)?;
    let mut all = before.iter().chain(after);
    (!after.is_empty()
        && all.all(|run| {
            rate(run) == Some(offered) && run.result.throughput >= OFFERED_LOAD_REACHED * offered
        }))
    .then_some(offered)
}

/// The runs of a side, if all of them can be used.
fn usable(phase: Phase, group: Option<&Group>, unfit: &mut Vec<Unfit>) -> Vec<Recorded> {
    let Some(group) = group else {
        unfit.push(Unfit {
            file: None,
            line: None,
            why: format!("there is no {phase} result"),
            mend: Mend::Measure(phase),
        });
        return Vec::new();
    };
    let mut runs = Vec::new();
    for run in &group.runs {
        match run {
            Ok(run) => runs.push(run.clone()),
            Err(unusable) => unfit.push(Unfit {
                file: unusable.file.clone(),
                line: None,
                why: unusable.why.clone(),
                mend: Mend::Measure(phase),
            }),
        }
    }
    runs
}

fn interrupted(phase: Phase, group: &Group) -> Option<String> {
    let (found, planned) = (group.runs.len(), usize::try_from(group.planned).ok()?);
    (found < planned)
        .then(|| format!("{phase}: the group was interrupted, {found} of {planned} runs count"))
}

#[allow(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn whole(count: u64) -> f64 {
    count as f64
}

/// `error_rate` tells the one that the side is judged by: a failure that either figure knows of is one, and hides no rise.
fn side(runs: &[Recorded], error_rate: fn(&Recorded) -> f64) -> Option<Side> {
    let of = |value: &dyn Fn(&Recorded) -> f64| median(runs.iter().map(value));
    let p99s = || runs.iter().map(|run| run.result.p99_ms);
    let mut operations: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (name, operation) in runs.iter().flat_map(|run| &run.result.operations) {
        operations
            .entry(name.clone())
            .or_default()
            .push(operation.p99_ms);
    }
    let content = |run: &Recorded| {
        run.provenance
            .as_ref()
            .and_then(|known| known.build.content.clone())
    };
    Some(Side {
        content: runs
            .first()
            .and_then(content)
            .filter(|first| runs.iter().all(|run| content(run).as_ref() == Some(first))),
        files: runs.iter().map(|run| run.path.clone()).collect(),
        figures: Figures {
            p99_ms: median(p99s())?,
            throughput: of(&|run| run.result.throughput)?,
            error_rate: of(&error_rate)?,
        },
        p50_ms: of(&|run| run.result.p50_ms)?,
        p95_ms: of(&|run| run.result.p95_ms)?,
        p99_spread_ms: (
            p99s().fold(f64::INFINITY, f64::min),
            p99s().fold(0.0, f64::max),
        ),
        operations: runs.iter().fold(0, |sum, run| {
            sum.saturating_add(run.result.total_operations)
        }),
        errors: runs
            .iter()
            .fold(0, |sum, run| sum.saturating_add(run.result.total_errors)),
        errors_per_run: of(&|run| whole(run.result.total_errors))?,
        operation_p99_ms: operations
            .into_iter()
            .filter_map(|(name, values)| Some((name, median(values)?)))
            .collect(),
        cpu_us_per_operation: median(
            runs.iter()
                .filter_map(|run| run.provenance.as_ref()?.noise.server_cpu_us_per_operation),
        ),
        stand_in: runs.iter().any(|run| {
            run.provenance
                .as_ref()
                .is_some_and(|provenance| provenance.build.stand_in)
        }),
        by_perf_check: runs.iter().all(|run| run.provenance.is_some()),
    })
}
