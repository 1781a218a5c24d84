//! What to do after a comparison: commands that can be pasted.

use std::path::{Path, PathBuf};

use super::summary::shell_word;
use super::words;
use crate::args::DEFAULT_PORT;
use crate::judge::comparison::{Comparison, Judgement};
use crate::judge::verdict::Decision;
use crate::measure::scenario;
use crate::record::names::{Mode, Part, TaskId};

/// What surrounds the comparisons: how paths are shown, and how commands are to be completed.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The checkout; empty where there is none.
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
    match (steps.is_empty(), &around.unlogged) {
        (true, Some(task)) => vec![Step {
            purpose: "write the log entry",
            commands: vec![format!("cargo perf-compare {task} --log{}", around.options)],
        }],
        _ => steps,
    }
}

/// One step for each purpose, with each command once.
fn merged(steps: impl Iterator<Item = Step>) -> Vec<Step> {
    let mut merged: Vec<Step> = Vec::new();
    for step in steps {
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
    match (&comparison.judgement, comparison.decision()) {
        (Judgement::Impossible(reasons), _) => merged(reasons.iter().map(|reason| Step {
            purpose: words::purpose(reason.mend),
            commands: words::mend(comparison, reason.mend, &around.options),
        })),
        (_, Some(Decision::Clean)) => Vec::new(),
        _ => again(comparison, &around.options).into_iter().collect(),
    }
}

fn again(comparison: &Comparison, options: &str) -> Option<Step> {
    let task = comparison.task.as_ref()?;
    let competitive = words::mode_option(comparison.mode);
    let check = format!("cargo perf-check {task} after{competitive}{options}");
    // What a session has answered is not asked again until the answer pleases.
    Some(match comparison.session {
        None => Step {
            purpose: "measure again: both servers in turns, or a better one",
            commands: vec![
                format!("cargo xtask perf-confirm {task}{competitive}{options}"),
                check,
            ],
        },
        Some(_) => Step {
            purpose: "measure a better one",
            commands: vec![check],
        },
    })
}

/// The same load as in the measurement, with the server under a profiler.
fn profile(comparison: &Comparison, around: &Surroundings) -> Option<Step> {
    if around.root.is_empty() {
        return None;
    }
    let in_root = |command: String| match Path::new(&around.root) == around.here {
        true => command,
        false => format!("(cd {} && {command})", shell_word(&around.root)),
    };
    let purpose = match comparison.mode {
        Mode::Internal => "profile the server under the internal load",
        Mode::Competitive => "profile the server under the competitive load",
    };
    Some(Step {
        purpose,
        commands: vec![
            // `exec`, for `$!` to be the profiler itself.
            in_root(format!(
                "ENGRAM_DATA_DIR=$(mktemp -d) exec perf record -g -- \
                 target/release/engram start --port {DEFAULT_PORT} >/dev/null 2>&1"
            )) + " &",
            format!(
                "until curl -fso /dev/null http://127.0.0.1:{DEFAULT_PORT}/health; do sleep 1; done"
            ),
            in_root(format!(
                "target/release/loadtest run --scenario {} --seed {} \
                 --endpoint http://127.0.0.1:{DEFAULT_PORT}",
                scenario::file(comparison.mode),
                scenario::seed(comparison.mode)
            )),
            "kill $!; wait $!".to_owned(),
            in_root("perf report".to_owned()),
        ],
    })
}

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
