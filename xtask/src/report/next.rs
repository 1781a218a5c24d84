//! The next steps after a comparison: commands that can be pasted.

use std::path::{Path, PathBuf};

use crate::error::Fault;
use crate::judge::comparison::{Comparison, Judgement};
use crate::judge::fitness::{Reason, Remedy};
use crate::judge::verdict::Outcome;
use crate::model::limits::{PAIR_SECONDS, PLAN};
use crate::model::names::is_task_name;
use crate::model::names::{Mode, Part, Phase, TaskId};
use crate::model::typed;
use crate::stats::paired::PairedVerdict;
use crate::term::text::shell_word;

/// The place of the comparisons and of the user: it completes commands, and shortens paths.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The checkout whose newest results are compared; empty for two named files.
    pub root: String,
    /// Options that every suggested command needs, such as ` -C ../engram`.
    pub options: String,
    /// The user's folder: paths below it are shown relative to it.
    pub here: PathBuf,
    /// The task whose log entry can be written and is not yet.
    pub unlogged: Option<TaskId>,
}

impl Context {
    /// `path` as the user would type it.
    pub(crate) fn path(&self, path: &Path) -> String {
        match path.strip_prefix(&self.here) {
            Ok(below) if !below.as_os_str().is_empty() => below,
            _ => path,
        }
        .to_string_lossy()
        .into_owned()
    }

    /// The file of a fault, with the line: `docs/x.md:15`.
    pub(crate) fn place(&self, fault: &Fault) -> Option<String> {
        let file = self.path(fault.file.as_ref()?);
        Some(match fault.line {
            Some(line) => format!("{file}:{line}"),
            None => file,
        })
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) purpose: String,
    pub(crate) commands: Vec<String>,
}

impl Step {
    fn new(purpose: impl Into<String>, commands: Vec<String>) -> Self {
        Self { purpose: purpose.into(), commands }
    }
}

/// All that helps with these comparisons, the quick things first: what is open is settled before it is logged, and
/// logged only if there is nothing to measure anew.
pub(crate) fn steps(comparisons: &[Comparison], around: &Context) -> Vec<Step> {
    let each = |of: fn(&Comparison, &Context) -> Vec<Step>| {
        comparisons.iter().flat_map(move |comparison| of(comparison, around))
    };
    let mut steps = merged(each(settling));
    let needed = merged(each(measurements).chain(each(records)).chain(each(profile)));
    let loggable = |task: &&TaskId| is_task_name(task.as_str()) && needed.is_empty();
    if let Some(task) = around.unlogged.as_ref().filter(loggable) {
        let log = format!("cargo perf-compare {task} --log{}", around.options);
        steps.push(Step::new("write the log entry", vec![log]));
    }
    steps.extend(needed);
    steps
}

/// The session that answers what single runs, or another session, leave open. A question that a session has answered is
/// not asked again until the answer pleases.
fn settling(comparison: &Comparison, around: &Context) -> Vec<Step> {
    let Some(verdict) = comparison.judged() else { return Vec::new() };
    match (verdict.outcome, &comparison.session) {
        (Outcome::Undecided, _) => longer(comparison, around)
            .map(|longer| {
                let purpose = "settle it in a new record; this one is archived and stays known";
                Step::new(purpose, longer.commands)
            })
            .into_iter()
            .collect(),
        (_, Some(_)) => Vec::new(),
        (Outcome::Success, None) if comparison.is_unconfirmed() => {
            let purpose = "settle it: single runs cannot distinguish this change from noise";
            vec![Step::new(purpose, confirm(comparison, around, ""))]
        }
        (Outcome::Success, None) => Vec::new(),
        (_, None) => {
            vec![Step::new(purpose(Remedy::Confirm), confirm(comparison, around, ""))]
        }
    }
}

/// A new record that may settle what an ended one left open. The ended one is archived, and every verdict names it: it is
/// neither continued nor forgotten.
pub(crate) struct Longer {
    /// About as many pairs settle it; `None` where no plan is so long.
    pub(crate) pairs: Option<usize>,
    /// The most pairs that the new record takes.
    pub(crate) plan: usize,
    pub(crate) commands: Vec<String>,
}

/// `None` where nothing is open, and where pairs do not settle it: P95 is surely slower, or the after server fails.
pub(crate) fn longer(comparison: &Comparison, around: &Context) -> Option<Longer> {
    let session = comparison.session.as_ref()?;
    comparison.judged()?;
    let is_open =
        matches!(session.verdict, PairedVerdict::Suspected | PairedVerdict::NoRegressionFound);
    if !is_open || session.look.is_some_and(|look| look.is_vetoed) {
        return None;
    }
    let pairs = session.look.and_then(|look| look.pairs_to_settle);
    let plans = PLAN.possible_looks();
    let is_enough = |plan: &&usize| pairs.is_some_and(|pairs| **plan >= pairs);
    let plan = plans.iter().find(is_enough).or(plans.last()).copied()?;
    // A record is about one length of load: of another length it would answer beside this one, and not in its place.
    let duration = match session.duration_seconds {
        PAIR_SECONDS => String::new(),
        seconds => format!(" --duration {seconds}"),
    };
    let options = format!("{duration} --fresh --max-pairs {plan}");
    Some(Longer { pairs, plan, commands: confirm(comparison, around, &options) })
}

/// One step for each purpose, with each command once; none without a command.
fn merged(steps: impl Iterator<Item = Step>) -> Vec<Step> {
    let mut merged: Vec<Step> = Vec::new();
    for step in steps.filter(|step| !step.commands.is_empty()) {
        let is_same = |known: &&mut Step| known.purpose == step.purpose;
        let Some(known) = merged.iter_mut().find(is_same) else {
            merged.push(step);
            continue;
        };
        for command in step.commands {
            if !known.commands.contains(&command) {
                known.commands.push(command);
            }
        }
    }
    merged
}

/// The measurements or fixes that are needed before the next comparison; none after a clean one.
fn measurements(comparison: &Comparison, around: &Context) -> Vec<Step> {
    let measure_after =
        |purpose: &str| vec![Step::new(purpose, check(comparison, Phase::After, around))];
    match &comparison.judgement {
        Judgement::Impossible(reasons) => reasons
            .iter()
            .map(|reason| Step::new(purpose(reason.remedy), remedy(comparison, reason, around)))
            .collect(),
        Judgement::SameServer(_) if comparison.before_is_misplaced() => vec![Step::new(
            "take back the before that has the change: it is archived",
            take_back(comparison, Phase::Before.name(), around),
        )],
        Judgement::SameServer(_) => measure_after(purpose(Remedy::Measure(Phase::After))),
        Judgement::Judged(verdict) if verdict.outcome == Outcome::Success => Vec::new(),
        Judgement::Judged(_) => measure_after("measure again once it is fixed"),
    }
}

fn purpose(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::Measure(Phase::Before) => "measure before, with the change set aside",
        Remedy::Measure(Phase::After) => "measure after, with the change in place",
        Remedy::MeasureBoth => "measure before without the change, and after with it",
        Remedy::TakeBack => "take back a measurement that is none: it is archived",
        Remedy::Baseline => "fix the competitor's row",
        Remedy::Confirm => "distinguish it from noise: run both servers side by side",
        Remedy::ConfirmAgain => "measure once more, from the first pair to the last",
    }
}

/// The commands of the remedy for a reason.
pub(crate) fn remedy(comparison: &Comparison, reason: &Reason, around: &Context) -> Vec<String> {
    let check = |phase| check(comparison, phase, around);
    match (reason.remedy, &reason.fault.file) {
        (Remedy::Measure(phase), _) => check(phase),
        (Remedy::MeasureBoth, _) => Phase::ALL.map(check).concat(),
        (Remedy::Baseline, Some(document)) => {
            let document = shell_word(&around.path(document));
            vec![format!("${{EDITOR:-vi}} {document}")]
        }
        (Remedy::Confirm, _) => confirm(comparison, around, ""),
        (Remedy::ConfirmAgain, _) => confirm(comparison, around, " --fresh"),
        (Remedy::TakeBack, Some(result)) => {
            take_back(comparison, &shell_word(&around.path(result)), around)
        }
        (Remedy::Baseline | Remedy::TakeBack, None) => Vec::new(),
    }
}

/// The command that measures a side; none where the task is unknown.
fn check(comparison: &Comparison, phase: Phase, around: &Context) -> Vec<String> {
    let task = comparison.task.iter();
    task.map(|task| typed::perf_check(task, phase, comparison.mode, &around.options)).collect()
}

/// The command that archives a measurement; none where the task is unknown.
fn take_back(comparison: &Comparison, what: &str, around: &Context) -> Vec<String> {
    let task = comparison.task.iter().filter(|_| !around.root.is_empty());
    task.map(|task| typed::take_back(task, what, comparison.mode, &around.options)).collect()
}

/// The command that measures both sides in pairs, with the binaries that were kept for the newest results; none where
/// they were not. `more` are further options, each after a space.
pub(crate) fn confirm(comparison: &Comparison, around: &Context, more: &str) -> Vec<String> {
    let kept = comparison.sides().all(|(_, side)| side.by_perf_check);
    let task = comparison.task.iter();
    task.filter(|_| kept && !around.root.is_empty())
        .map(|task| {
            typed::perf_confirm(task, comparison.mode, &format!("{more}{}", around.options))
        })
        .collect()
}

/// The task of a measurement that is there to be profiled: no before or after of any change.
const PROFILED: &str = "profile";

/// The same load once more, measured by this tool and recorded apart, while a profiler looks at its server.
fn profile(comparison: &Comparison, around: &Context) -> Vec<Step> {
    if around.root.is_empty() || !is_slower(comparison) {
        return Vec::new();
    }
    let mode = comparison.mode;
    vec![Step::new(
        format!("profile ({mode}): the first in one terminal, the others once it loads"),
        vec![
            typed::perf_check(PROFILED, Phase::After, mode, &around.options),
            format!(
                "perf record -g -o /tmp/engram.perf -p \"$(pgrep -nx engram)\" sleep {PROFILED_SECONDS}"
            ),
            "perf report -i /tmp/engram.perf".to_owned(),
        ],
    )]
}

/// The time that the profiler looks, in seconds: well within a load of the usual 60 s.
const PROFILED_SECONDS: u64 = 20;

/// Regressed, or with a P95 that is surely slower.
fn is_slower(comparison: &Comparison) -> bool {
    let is_vetoed = comparison.look().is_some_and(|look| look.is_vetoed);
    match comparison.outcome() {
        Outcome::Undecided => is_vetoed,
        outcome => outcome.is_regression(),
    }
}

/// The other records of the newest run after the change.
fn records(comparison: &Comparison, around: &Context) -> Vec<Step> {
    let after = comparison.after.as_ref().filter(|_| is_slower(comparison));
    let Some((after, newest)) = after.and_then(|after| Some((after, after.files.last()?))) else {
        return Vec::new();
    };
    let stem = around.path(&newest.with_extension(""));
    let commands = match after.by_perf_check {
        true => [Part::System, Part::Diagnosis, Part::LoadLog]
            .map(|part| format!("less {}", shell_word(&format!("{stem}{}", part.suffix()))))
            .to_vec(),
        // Which files the old scripts left is unknown.
        false => vec![format!("ls -l {}*", shell_word(&stem))],
    };
    let purpose = "look at this very run: the server's use of the machine, its log, the load's";
    vec![Step::new(purpose, commands)]
}
