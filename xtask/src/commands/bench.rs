//! The bench: a checkout made ready to measure sides on, one run after the other, each saved as a recorded run.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::shared::{checkout_option, this_program};
use crate::error::{Error, Result};
use crate::judge::fitness;
use crate::measure::build::Built;
use crate::measure::host;
use crate::measure::port;
use crate::measure::run::{self, Limits, Measured, RunPlan};
use crate::measure::scenario::Scenario;
use crate::measure::workplace::Workplace;
use crate::model::names::{Mode, Phase, RunName, TaskId};
use crate::model::provenance::{Git, Host, HostState};
use crate::model::recorded::Recorded;
use crate::store::clock::Clock;
use crate::store::recorded;
use crate::store::recording::{self, Circumstances, Place};
use crate::store::results::{Lock, Results};
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

    /// Measures `side` once with a fresh server, saves the run, and reads it back.
    ///
    /// # Errors
    /// When the run fails, `accept` refuses what it measured, or it cannot be saved. Nothing is saved then.
    pub(crate) fn measure(
        &mut self,
        side: &Side,
        conditions: &Conditions,
        place: Place,
        accept: impl FnOnce(&Measured) -> Result<()>,
    ) -> Result<(RunName, Recorded)> {
        let started = self.clock.now();
        let name = self.results.unused(RunName {
            timestamp: self.clock.timestamp(),
            mode: self.setup.mode,
            task: self.setup.task.clone(),
            phase: side.phase,
        });
        let plan = RunPlan {
            tool: &self.tool,
            checkout: &self.checkout,
            binaries: &side.built.binaries,
            scenario: &self.scenario,
            mode: self.setup.mode,
            duration: self.setup.duration,
            port: self.setup.port,
            limits: self.setup.limits,
        };
        let mut measured = run::run(&plan, &self.workplace, &mut self.steps)?;
        accept(&measured)?;
        let weaknesses = fitness::weaknesses(&measured.result, self.scenario.rate);
        measured.warnings.extend(weaknesses);
        self.steps.begin("save", "");
        let circumstances = Circumstances {
            name: &name,
            started,
            place,
            built: &side.built,
            scenario: &self.scenario,
            duration: self.setup.duration,
            git: side.git.as_ref(),
            host: &self.host,
            state: &conditions.state,
            warnings: &conditions.warnings,
        };
        let saved = recording::save(&self.results, &self.workplace, &circumstances, &measured)?;
        self.steps.done(&file_name(&saved));
        let recorded = recorded::read(&saved).map_err(|why| Error::new(why.to_string()))?;
        Ok((name, recorded))
    }
}

/// A file as a step shows it: with the folders, the competitive ones are too long for a line.
pub(crate) fn file_name(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy()
}
