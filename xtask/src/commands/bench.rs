//! The bench: a checkout made ready to measure sides on, one after the other or two at the same time, and to save them
//! as recorded runs.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::shared::{checkout_option, this_program};
use crate::error::{Error, Result};
use crate::judge::fitness;
use crate::measure::build::Built;
use crate::measure::host;
use crate::measure::port;
use crate::measure::run::{self, Failed, Limits, Measured, RunPlan};
use crate::measure::scenario::Scenario;
use crate::measure::workplace::Workplace;
use crate::model::names::{Mode, Part, Phase, RunName, TaskId};
use crate::model::provenance::{Git, Host, HostState};
use crate::model::recorded::Recorded;
use crate::store::clock::Clock;
use crate::store::recorded;
use crate::store::recording::{self, Circumstances, Place};
use crate::store::results::{Lock, Results, Unsaved};
use crate::term::steps::Steps;

/// The port where none is asked for.
pub(crate) const PORT: u16 = 7432;

/// The options of every command that measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setup {
    pub(crate) task: TaskId,
    pub(crate) mode: Mode,
    /// Whole seconds of load in a run.
    pub(crate) duration: Duration,
    pub(crate) port: u16,
    pub(crate) limits: Limits,
    /// The tool's own workspace when absent.
    pub(crate) checkout: Option<PathBuf>,
}

impl Setup {
    pub(crate) fn checkout_option(&self) -> String {
        checkout_option(self.checkout.as_deref())
    }
}

/// The only bench of a checkout: it holds the results until it is dropped.
pub(crate) struct Bench {
    pub(crate) setup: Setup,
    pub(crate) checkout: PathBuf,
    pub(crate) results: Results,
    pub(crate) workplace: Workplace,
    pub(crate) scenario: Scenario,
    pub(crate) clock: Clock,
    pub(crate) steps: Steps,
    tool: PathBuf,
    host: Host,
    _lock: Lock,
}

/// One side of a change, as it is measured.
pub(crate) struct Side {
    pub(crate) phase: Phase,
    pub(crate) built: Built,
    pub(crate) git: Option<Git>,
}

/// A side that is to be measured.
pub(crate) struct Turn<'a> {
    pub(crate) side: &'a Side,
    pub(crate) port: u16,
    pub(crate) workplace: Workplace,
    pub(crate) place: Place,
}

/// The state of the machine before a run, and all that makes the run weaker.
pub(crate) struct Conditions {
    pub(crate) state: HostState,
    pub(crate) warnings: Vec<String>,
}

impl Bench {
    /// # Errors
    /// When there is no scenario, the checkout is being measured already, or the port is taken.
    pub(crate) fn open(setup: &Setup, checkout: &Path, steps: Steps, clock: Clock) -> Result<Self> {
        let results = Results::of(checkout);
        let scenario = Scenario::read(checkout, setup.mode)?;
        let lock = results.lock()?;
        let workplace = Workplace::beside(results.folder());
        // First: an interrupted run may still be stopping its server, which has the port.
        workplace.clear()?;
        port::free(setup.port)?;
        Ok(Self {
            setup: setup.clone(),
            checkout: checkout.to_owned(),
            workplace,
            results,
            scenario,
            clock,
            steps,
            tool: this_program()?,
            host: host::host(),
            _lock: lock,
        })
    }

    pub(crate) fn conditions(&self) -> Conditions {
        let state = host::state();
        Conditions { warnings: host::warnings(&state), state }
    }

    /// Measures sides at the same time, with fresh servers, `first` being started first. Nothing is saved yet.
    ///
    /// # Errors
    /// When a run fails, `refuse` says what is wrong with it, or a file cannot be written. Then nothing is left of any
    /// but logs.
    pub(crate) fn run(
        &mut self,
        turns: &[Turn],
        first: Phase,
        conditions: &Conditions,
        refuse: impl Fn(&Measured) -> Option<String>,
    ) -> Result<Vec<Unsaved>, Failed> {
        let started = self.clock.now();
        let timestamp = self.clock.timestamp();
        let sides = turns.iter().map(|turn| run::Side {
            phase: turn.side.phase,
            binaries: &turn.side.built.binaries,
            port: turn.port,
            workplace: turn.workplace.clone(),
            slow_down: None,
        });
        let plan = RunPlan {
            tool: &self.tool,
            checkout: &self.checkout,
            scenario: &self.scenario,
            mode: self.setup.mode,
            duration: self.setup.duration,
            limits: self.setup.limits,
            sides: &sides.collect::<Vec<_>>(),
            first,
        };
        let measured = run::run(&plan, &self.workplace, &mut self.steps)?;
        let write = |(turn, mut measured): (&Turn, Measured)| {
            if let Some(why) = refuse(&measured) {
                return Err(Failed::Server(turn.side.phase, Error::new(why)));
            }
            let weaknesses = fitness::weaknesses(&measured.result, self.scenario.rate);
            measured.warnings.extend(weaknesses);
            let name = self.results.unused(RunName {
                timestamp,
                mode: self.setup.mode,
                task: self.setup.task.clone(),
                phase: turn.side.phase,
            });
            let circumstances = Circumstances {
                name: &name,
                started,
                place: turn.place.clone(),
                built: &turn.side.built,
                scenario: &self.scenario,
                duration: self.setup.duration,
                git: turn.side.git.as_ref(),
                host: &self.host,
                state: &conditions.state,
                warnings: &conditions.warnings,
            };
            Ok(recording::write(&self.results, &turn.workplace, &circumstances, &measured)
                .map_err(|error| self.with_logs(error))?)
        };
        let runs: Result<Vec<Unsaved>, Failed> = turns.iter().zip(measured).map(write).collect();
        if runs.is_err() {
            self.workplace.remove_scratch();
        }
        runs
    }

    /// Saves runs, all or none of them, and reads them back.
    ///
    /// # Errors
    /// Names the file that could not be written; nothing is saved then, and the logs stay in the workplace.
    pub(crate) fn save(&mut self, runs: &[Unsaved]) -> Result<Vec<(RunName, Recorded)>> {
        self.steps.begin("save", "");
        self.results.save(runs).map_err(|error| {
            self.workplace.remove_scratch();
            self.with_logs(error)
        })?;
        // Only the servers' logs are left; their ends are in the provenance. If they stay, the next run clears them.
        let _ = self.workplace.clear();
        let paths = runs.iter().map(|run| (&run.name, self.results.path(&run.name, Part::Result)));
        let paths: Vec<_> = paths.collect();
        let saved: Vec<_> = paths.iter().map(|(_, path)| file_name(path)).collect();
        self.steps.done(&saved.join(", "));
        let read = |(name, path): &(&RunName, PathBuf)| {
            let run = recorded::read(path).map_err(|why| Error::new(why.to_string()))?;
            Ok(((*name).clone(), run))
        };
        paths.iter().map(read).collect()
    }

    fn with_logs(&self, error: Error) -> Error {
        error.next(format!("the logs are in {}", self.workplace.directory().display()))
    }
}

/// A file as a step shows it: with the folders, the competitive ones are too long for a line.
pub(crate) fn file_name(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy()
}
