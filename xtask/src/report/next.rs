//! The next steps after a comparison: commands that can be pasted.

use std::path::{Path, PathBuf};

use crate::error::Fault;
use crate::judge::comparison::{Comparison, Judgement};
use crate::judge::fitness::{Reason, Remedy};
use crate::judge::verdict::Outcome;
use crate::model::layout;
use crate::model::limits::{PAIR_SECONDS, PLAN, RUN_SECONDS};
use crate::model::names::is_task_name;
use crate::model::names::{Mode, Part, Phase, TaskId};
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
        Some(match fault.line {
            Some(line) => format!("{file}:{line}"),
            None => file,
        })
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) purpose: &'static str,
    pub(crate) commands: Vec<String>,
}

/// All that helps with these comparisons, the quick things first.
pub(crate) fn steps(comparisons: &[Comparison], around: &Context) -> Vec<Step> {
    let is_slower = |known: &&Comparison| known.outcome().is_regression() || known.is_vetoed();
    let regressed = || comparisons.iter().filter(is_slower);
    let measurements = comparisons.iter().flat_map(|comparison| measurements(comparison, around));
    let records = regressed().filter_map(|comparison| records(comparison, around));
    let profiles = regressed().filter_map(|comparison| profile(comparison, around));
    let steps = merged(measurements.chain(records).chain(profiles));
    // What single runs leave open is settled before it is logged.
    let unconfirmed = comparisons.iter().filter(|comparison| comparison.is_unconfirmed());
    let settling = unconfirmed.filter(|comparison| comparison.outcome() == Outcome::Success);
    let settling = merged(
        settling
            .map(|comparison| Step { purpose: SETTLE, commands: confirm(comparison, around, "") }),
    );
    let loggable = |task: &&TaskId| is_task_name(task.as_str());
    match (steps.is_empty(), around.unlogged.as_ref().filter(loggable)) {
        (true, Some(task)) => {
            let log = Step {
                purpose: "write the log entry",
                commands: vec![typed::perf_compare(task, " --log", &around.repeated)],
            };
            settling.into_iter().chain([log]).collect()
        }
        _ => settling.into_iter().chain(steps).collect(),
    }
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
    let plans = PLAN.possible_looks();
    let plan = plans.iter().find(|plan| **plan >= pairs).or(plans.last())?;
    Some((*plan, confirm(comparison, around, &format!(" --fresh --max-pairs {plan}"))))
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
        |purpose| Step { purpose, commands: check(comparison, Phase::After, around) };
    let by_remedy = |remedy, commands| Step { purpose: purpose(remedy), commands };
    match (&comparison.judgement, comparison.outcome()) {
        (Judgement::Impossible(reasons), _) => {
            let step =
                |reason: &Reason| by_remedy(reason.remedy, remedy(comparison, reason, around));
            reasons.iter().map(step).collect()
        }
        (Judgement::SameServer(_), _) if comparison.before_is_misplaced() => {
            let commands = take_back(comparison, Phase::Before, around);
            vec![Step {
                purpose: "take back the before that has the change: it is archived",
                commands,
            }]
        }
        (Judgement::SameServer(_), _) => {
            vec![measure_after(purpose(Remedy::Measure(Phase::After)))]
        }
        (_, Outcome::Success) => Vec::new(),
        _ => {
            let better = measure_after("measure again once it is fixed");
            // A question that a session has answered is not asked again until the answer pleases.
            let confirm = comparison.session.is_none().then(|| confirm(comparison, around, ""));
            let confirm = confirm.map(|commands| by_remedy(Remedy::Confirm, commands));
            let suspected = comparison.outcome() == Outcome::Undecided;
            let longer = longer(comparison, around).filter(|_| suspected);
            let longer = longer.map(|(_, commands)| Step { purpose: LONGER, commands });
            confirm.into_iter().chain(longer).chain([better]).collect()
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
    let server = Path::new(&around.root).join(layout::PID_FILE);
    let server = shell_word(&around.path(&server));
    Some(Step {
        purpose: match comparison.mode {
            Mode::Internal => {
                "profile (internal): the first in one terminal, the others once it loads"
            }
            Mode::Competitive => {
                "profile (competitive): the first in one terminal, the others once it loads"
            }
        },
        commands: vec![
            typed::perf_check(PROFILED, Phase::After, comparison.mode, "", &around.repeated),
            format!("id=$(cut -d: -f1 {server})"),
            format!("perf record -g -o /tmp/engram.perf -p \"$id\" sleep {PROFILED_SECONDS}"),
            "perf report -i /tmp/engram.perf".to_owned(),
        ],
    })
}

/// The time that the profiler looks, in seconds: well within a load of the usual 60 s.
const PROFILED_SECONDS: u64 = 20;

/// The other records of the newest run after the change.
fn records(comparison: &Comparison, around: &Context) -> Option<Step> {
    // Which files the old scripts left is unknown.
    let after = comparison.after.as_ref().filter(|after| after.by_perf_check)?;
    let stem = around.path(&after.files.last()?.with_extension(""));
    let less = |part: Part| format!("less {}", shell_word(&format!("{stem}{}", part.suffix())));
    Some(Step {
        purpose: "look at this very run: the server's use of the machine, its log, the load's",
        commands: [Part::System, Part::Diagnosis, Part::LoadLog].map(less).to_vec(),
    })
}
