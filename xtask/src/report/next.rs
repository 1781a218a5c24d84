//! What to do after a comparison: commands that can be pasted.

use std::path::{Path, PathBuf};

use crate::judge::comparison::{Comparison, Judgement};
use crate::judge::fitness::{Mend, Unfit};
use crate::judge::verdict::Decision;
use crate::model::names::is_task_name;
use crate::model::names::{Mode, Part, Phase, TaskId};
use crate::model::typed;
use crate::report::words;
use crate::term::shell_word;

/// What surrounds the comparisons: how paths are shown, and how commands are to be completed.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The checkout whose newest results are compared; empty for two named files.
    pub root: String,
    /// Options that every suggested command needs, such as ` -C ../engram`.
    pub options: String,
    /// Where the user is: what lies below is shown from there.
    pub here: PathBuf,
    /// The task whose log entry can be written and is not yet.
    pub unlogged: Option<TaskId>,
}

impl Surroundings {
    /// `path` as the user would type it.
    pub fn path(&self, path: &Path) -> String {
        match path.strip_prefix(&self.here) {
            Ok(below) if !below.as_os_str().is_empty() => below,
            _ => path,
        }
        .to_string_lossy()
        .into_owned()
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What for.
    pub purpose: &'static str,
    /// How.
    pub commands: Vec<String>,
}

/// All that helps with these comparisons, what is quick first.
pub fn steps(comparisons: &[Comparison], around: &Surroundings) -> Vec<Step> {
    let regressed = || {
        comparisons.iter().filter(|comparison| {
            matches!(
                comparison.decision(),
                Some(Decision::InternalRegression | Decision::CompetitiveRegression)
            )
        })
    };
    let measurements = comparisons
        .iter()
        .flat_map(|comparison| measurements(comparison, around));
    let records = regressed().filter_map(|comparison| records(comparison, around));
    let profiles = regressed().filter_map(|comparison| profile(comparison, around));
    let steps = merged(measurements.chain(records).chain(profiles));
    let loggable = |task: &&TaskId| is_task_name(task.as_str());
    match (steps.is_empty(), around.unlogged.as_ref().filter(loggable)) {
        (true, Some(task)) => vec![Step {
            purpose: "write the log entry",
            commands: vec![format!("cargo perf-compare {task} --log{}", around.options)],
        }],
        _ => steps,
    }
}

/// One step for each purpose, with each command once; none without a command.
fn merged(steps: impl Iterator<Item = Step>) -> Vec<Step> {
    let mut merged: Vec<Step> = Vec::new();
    for step in steps.filter(|step| !step.commands.is_empty()) {
        match merged
            .iter_mut()
            .find(|known| known.purpose == step.purpose)
        {
            None => merged.push(step),
            Some(known) => {
                for command in step.commands {
                    if !known.commands.contains(&command) {
                        known.commands.push(command);
                    }
                }
            }
        }
    }
    merged
}

/// What to measure, or to put in order, before the next comparison; nothing after a clean one.
pub fn measurements(comparison: &Comparison, around: &Surroundings) -> Vec<Step> {
    let steps = match (&comparison.judgement, comparison.decision()) {
        (Judgement::Impossible(reasons), _) => reasons
            .iter()
            .map(|reason| Step {
                purpose: words::purpose(reason.mend),
                commands: mending(comparison, reason, around),
            })
            .collect(),
        (Judgement::SameServer(_), _) => vec![Step {
            purpose: words::purpose(Mend::Measure(Phase::After)),
            commands: check(comparison, Phase::After, around),
        }],
        (_, Some(Decision::Clean)) => Vec::new(),
        _ => again(comparison, around),
    };
    merged(steps.into_iter())
}

/// The commands that mend what cannot be judged.
pub fn mending(comparison: &Comparison, reason: &Unfit, around: &Surroundings) -> Vec<String> {
    let check = |phase| check(comparison, phase, around);
    match (reason.mend, &reason.file) {
        (Mend::Measure(phase), _) => check(phase),
        (Mend::MeasureBoth, _) => Phase::ALL.map(check).concat(),
        (Mend::Baseline, Some(document)) => {
            let document = shell_word(&around.path(document));
            vec![format!("${{EDITOR:-vi}} {document}")]
        }
        (Mend::Confirm, _) => confirm(comparison, around),
        (Mend::Baseline, None) => Vec::new(),
    }
}

/// The command that measures a side; none where the task is not known.
fn check(comparison: &Comparison, phase: Phase, around: &Surroundings) -> Vec<String> {
    let task = comparison.task.iter();
    task.map(|task| typed::perf_check(task, phase, comparison.mode, &around.options))
        .collect()
}

/// The command that measures both sides in pairs: those of the newest results, with the binaries that were kept.
fn confirm(comparison: &Comparison, around: &Surroundings) -> Vec<String> {
    let sides = [&comparison.before, &comparison.after];
    let kept = sides.into_iter().flatten().all(|side| side.by_perf_check);
    let task = comparison.task.iter();
    task.filter(|_| kept && !around.root.is_empty())
        .map(|task| typed::perf_confirm(task, comparison.mode, &around.options))
        .collect()
}

fn again(comparison: &Comparison, around: &Surroundings) -> Vec<Step> {
    let better = Step {
        purpose: "measure again once it is fixed",
        commands: check(comparison, Phase::After, around),
    };
    match comparison.session {
        // What a session has answered is not asked again until the answer pleases.
        Some(_) => vec![better],
        None => vec![
            Step {
                purpose: words::purpose(Mend::Confirm),
                commands: confirm(comparison, around),
            },
            better,
        ],
    }
}

/// The task of a measurement that is there to be profiled: no before or after of any change.
const PROFILED: &str = "profile";

/// The same load once more, measured by this tool and recorded apart; a profiler looks at its server meanwhile.
fn profile(comparison: &Comparison, around: &Surroundings) -> Option<Step> {
    if around.root.is_empty() {
        return None;
    }
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
            typed::perf_check(PROFILED, Phase::After, comparison.mode, &around.options),
            format!(
                "perf record -g -o /tmp/engram.perf -p \"$(pgrep -nx engram)\" sleep {PROFILED_SECONDS}"
            ),
            "perf report -i /tmp/engram.perf".to_owned(),
        ],
    })
}

/// How long the profiler looks: well within a load of the usual 60 s.
const PROFILED_SECONDS: u64 = 20;

/// What else was recorded in the newest run after the change.
fn records(comparison: &Comparison, around: &Surroundings) -> Option<Step> {
    let after = comparison.after.as_ref()?;
    let stem = after.files.last()?.with_extension("");
    let stem = around.path(&stem);
    let commands = match after.by_perf_check {
        true => [Part::System, Part::Diagnosis, Part::LoadLog]
            .map(|part| format!("less {}", shell_word(&format!("{stem}{}", part.suffix()))))
            .to_vec(),
        // Which files the old scripts left is not known.
        false => vec![format!("ls -l {}*", shell_word(&stem))],
    };
    Some(Step {
        purpose: "look at this very run: the server's use of the machine, its log, the load's",
        commands,
    })
}
