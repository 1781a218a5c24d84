//! The next steps after a comparison: commands that can be pasted.

use std::path::{Path, PathBuf};

use crate::error::Fault;
use crate::judge::comparison::{Comparison, Judgement};
use crate::judge::fitness::{Reason, Remedy};
use crate::judge::verdict::Outcome;
use crate::model::layout;
use crate::model::limits::{PAIR_SECONDS, PLAN, RUN_SECONDS};
use crate::model::names::{Phase, TaskId};
use crate::model::typed::{self, Repeated};
use crate::term::text::shell_word;

/// The place of the comparisons and of the user: it completes commands, and shortens paths.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The checkout whose newest results are compared; empty for two named files.
    pub root: String,
    pub repeated: Repeated,
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
        Some(fault.line.map_or_else(|| file.clone(), |line| format!("{file}:{line}")))
    }
}

/// One thing to do: its purpose, and the commands.
type Step = (&'static str, Vec<String>);

/// All that helps with these comparisons, the quick things first.
pub(crate) fn steps(comparisons: &[Comparison], around: &Context) -> Vec<Step> {
    let is_slower = |known: &&Comparison| known.outcome().is_regression() || known.is_vetoed();
    let slower = comparisons.iter().find(is_slower);
    let measurements = comparisons.iter().flat_map(|known| measurements(known, around));
    let profile = slower.and_then(|comparison| profile(comparison, around));
    let steps = merged(measurements.chain(profile));
    let log = around.unlogged.as_ref().filter(|_| steps.is_empty()).map(|task| {
        let command = typed::perf_compare(task, " --log", &around.repeated);
        ("write the log entry", vec![command])
    });
    // What single runs leave open is settled before it is logged.
    let is_open =
        |known: &&Comparison| known.is_unconfirmed() && known.outcome() == Outcome::Success;
    let settling = comparisons.iter().filter(is_open);
    let settling = settling.map(|comparison| (SETTLE, confirm(comparison, around, "")));
    merged(settling.chain(steps).chain(log))
}

/// Why single runs below their noise are followed by a session.
const SETTLE: &str = "settle it: single runs cannot distinguish this change from noise";

/// Why a session that ended with a suspicion is followed by another.
const LONGER: &str = "settle it in a new record; this one is archived and stays known";

/// The most pairs of a new record that may settle what an ended one left open, and the commands. `None` where nothing is
/// open, and where pairs do not settle it: P95 is surely slower. The plan of a record is fixed, so it takes a new one; of
/// another length of load it would answer beside this one.
pub(crate) fn longer(comparison: &Comparison, around: &Context) -> Option<(usize, Vec<String>)> {
    comparison.judged().filter(|_| comparison.is_open() && !comparison.is_vetoed())?;
    let pairs = comparison.look().and_then(|look| look.pairs_to_settle).unwrap_or(usize::MAX);
    let plans = PLAN.possible_looks;
    let plan = plans.iter().find(|plan| **plan >= pairs).or(plans.last())?;
    Some((*plan, confirm(comparison, around, &format!(" --fresh --max-pairs {plan}"))))
}

/// One step for each purpose, with each command once; none without a command.
fn merged(steps: impl Iterator<Item = Step>) -> Vec<Step> {
    let mut merged: Vec<Step> = Vec::new();
    for (purpose, commands) in steps.filter(|(_, commands)| !commands.is_empty()) {
        match merged.iter_mut().find(|(known, _)| *known == purpose) {
            None => merged.push((purpose, commands)),
            Some((_, known)) => {
                known.retain(|command| !commands.contains(command));
                known.extend(commands);
            }
        }
    }
    merged
}

/// The measurements or fixes that are needed before the next comparison; none after a clean one.
fn measurements(comparison: &Comparison, around: &Context) -> Vec<Step> {
    let measure = |purpose| (purpose, check(comparison, Phase::After, around));
    match (&comparison.judgement, comparison.outcome()) {
        (Judgement::Impossible(reasons), _) => {
            let step =
                |reason: &Reason| (purpose(reason.remedy), remedy(comparison, reason, around));
            reasons.iter().map(step).collect()
        }
        (Judgement::SameServer(_), _) if comparison.before_is_misplaced() => {
            let purpose = "take back the before that has the change: it is archived";
            vec![(purpose, take_back(comparison, Phase::Before, around))]
        }
        (Judgement::SameServer(_), _) => vec![measure(purpose(Remedy::Measure(Phase::After)))],
        (_, Outcome::Success) => Vec::new(),
        (_, outcome) => {
            let mut steps = Vec::new();
            // A question that a session has answered is not asked again until the answer pleases.
            if comparison.session.is_none() {
                steps.push((purpose(Remedy::Confirm), confirm(comparison, around, "")));
            }
            if let (Outcome::Undecided, Some((_, commands))) = (outcome, longer(comparison, around))
            {
                steps.push((LONGER, commands));
            }
            steps.push(measure("measure again once it is fixed"));
            steps
        }
    }
}

fn purpose(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::Measure(Phase::Before) => "measure before, with the change set aside",
        Remedy::Measure(Phase::After) => "measure after, with the change in place",
        Remedy::MeasureBoth => "measure before without the change, and after with it",
        Remedy::TakeBack(_) => "take back a measurement that is none: it is archived",
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
        (Remedy::TakeBack(phase), _) => take_back(comparison, phase, around),
        (Remedy::Baseline, None) => Vec::new(),
    }
}

/// The command that measures a side; none where the task is unknown.
fn check(comparison: &Comparison, phase: Phase, around: &Context) -> Vec<String> {
    let duration = duration(comparison, false, RUN_SECONDS);
    let check = |task| typed::perf_check(task, phase, comparison.mode, &duration, &around.repeated);
    comparison.task.iter().map(check).collect()
}

/// The length of load of the newest runs, where both sides have the same and not the `usual` one; of a session's, or of
/// others.
fn duration(comparison: &Comparison, of_session: bool, usual: u64) -> String {
    let sides = [&comparison.before, &comparison.after].into_iter().flatten();
    let newest = sides.filter_map(|side| side.runs.last()?.provenance.as_ref());
    let seconds = newest.filter(|run| run.session.is_some() == of_session);
    let mut seconds: Vec<u64> = seconds.map(|run| run.load.duration_seconds).collect();
    seconds.dedup();
    match *seconds {
        [seconds] => typed::option("duration", seconds, usual),
        _ => String::new(),
    }
}

/// The command that archives a measurement; none where the task is unknown.
fn take_back(comparison: &Comparison, phase: Phase, around: &Context) -> Vec<String> {
    let task = comparison.task.iter().filter(|_| !around.root.is_empty());
    task.map(|task| typed::take_back(task, phase, comparison.mode, &around.repeated)).collect()
}

/// The command that measures both sides in pairs, with the binaries that were kept for the newest results; none where
/// they were not. `more` are further options, each after a space.
pub(crate) fn confirm(comparison: &Comparison, around: &Context, more: &str) -> Vec<String> {
    let sides = [&comparison.before, &comparison.after];
    let kept = sides.into_iter().flatten().all(|side| side.by_perf_check);
    let further = format!("{more}{}", duration(comparison, true, PAIR_SECONDS));
    let task = comparison.task.iter().filter(|_| kept && !around.root.is_empty());
    task.map(|task| typed::perf_confirm(task, comparison.mode, &further, &around.repeated))
        .collect()
}

/// The task of a measurement that is there to be profiled: no before or after of any change.
const PROFILED: &str = "profile";

/// The same load once more, measured by this tool and recorded apart, while a profiler looks at its server.
fn profile(comparison: &Comparison, around: &Context) -> Option<Step> {
    if around.root.is_empty() {
        return None;
    }
    let server = shell_word(&around.path(&Path::new(&around.root).join(layout::PID_FILE)));
    let commands = vec![
        typed::perf_check(PROFILED, Phase::After, comparison.mode, "", &around.repeated),
        format!("id=$(cut -d: -f1 {server})"),
        format!("perf record -g -o /tmp/engram.perf -p \"$id\" sleep {PROFILED_SECONDS}"),
        "perf report -i /tmp/engram.perf".to_owned(),
    ];
    Some(("profile: the first in one terminal, the others once it loads", commands))
}

/// The time that the profiler looks, in seconds: well within a load of the usual 60 s.
const PROFILED_SECONDS: u64 = 20;
