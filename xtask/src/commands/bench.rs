//! The bench: a checkout made ready to measure sides on, one after the other or two at the same time, and to save them
//! as recorded runs.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::shared::{here, repeated, this_program};
use crate::error::{Error, Result};
use crate::judge::fitness;
use crate::measure::build::{self, Build, Built};
use crate::measure::host;
use crate::measure::last_words::LastWords;
use crate::measure::port;
use crate::measure::run::{self, Failed, Limits, Measured, RunPlan};
use crate::measure::scenario::Scenario;
use crate::measure::workplace::Workplace;
use crate::model::names::{Mode, Part, Phase, RunName, TaskId};
use crate::model::provenance::{BuildRecord, Git, Host, HostState, Load, Provenance, ServerRun};
use crate::model::recorded::Recorded;
use crate::model::typed::{Repeated, option};
use crate::store::clock::Clock;
use crate::store::recorded::{self, Listing};
use crate::store::recording::{self, Circumstances, Place};
use crate::store::results::{Lock, Results, Unsaved};
use crate::store::sources;
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
    /// What the commands repeat that are suggested.
    pub(crate) fn repeated(&self) -> Repeated {
        let (limits, usual) = (self.limits, Limits::default());
        let seconds =
            |name, asked: Duration, usual: Duration| option(name, asked.as_secs(), usual.as_secs());
        let measuring = [
            option("port", self.port.into(), PORT.into()),
            seconds("ready-timeout", limits.ready, usual.ready),
            seconds("load-grace", limits.load_grace, usual.load_grace),
            seconds("stop-grace", limits.stop_grace, usual.stop_grace),
        ];
        Repeated { measuring: measuring.concat(), ..repeated(self.checkout.as_deref()) }
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
    /// What was kept, should a signal end the tool now.
    pub(crate) last_words: LastWords,
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
    /// Makes the server slower by this share, in per cent.
    pub(crate) slow_down: Option<f64>,
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
            last_words: LastWords::new("nothing was saved"),
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
            slow_down: turn.slow_down,
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

    /// Measures a side alone, with a fresh server, and saves the run.
    ///
    /// # Errors
    /// As [`Bench::run`] and [`Bench::save`].
    pub(crate) fn alone(
        &mut self,
        side: &Side,
        place: Place,
        conditions: &Conditions,
    ) -> Result<(RunName, Recorded)> {
        let (port, workplace) = (self.setup.port, self.workplace.clone());
        let turn = Turn { side, port, workplace, place, slow_down: None };
        let unsaved = self.run(&[turn], side.phase, conditions, |_| None)?;
        let saved = self.save(&unsaved)?.pop();
        saved.ok_or_else(|| Error::new("the run was not saved"))
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
        let paths: Vec<PathBuf> =
            runs.iter().map(|run| self.results.path(&run.name, Part::Result)).collect();
        let saved: Vec<_> = paths.iter().map(|path| file_name(path)).collect();
        self.steps.done(&saved.join(", "));
        runs.iter().zip(&paths).map(|(run, path)| read(run, path)).collect()
    }

    /// Reads back runs that are not to be saved, and removes them.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub(crate) fn read_unsaved(&mut self, runs: &[Unsaved]) -> Result<Vec<(RunName, Recorded)>> {
        let runs = runs.iter().map(|run| read(run, &run.path(Part::Result))).collect();
        self.workplace.clear()?;
        runs
    }

    /// The place of the logs, as the user would type it.
    pub(crate) fn logs(&self) -> String {
        let logs = self.workplace.directory();
        format!("the logs are in {}", logs.strip_prefix(here()).unwrap_or(logs).display())
    }

    /// The newest run of a side, with its binaries, which were kept in `folder`.
    ///
    /// # Errors
    /// When there is none, or its binaries are no longer kept.
    pub(crate) fn newest(&self, phase: Phase, folder: &Path) -> Result<(Side, Load, ServerRun)> {
        let Setup { task, mode, .. } = &self.setup;
        let names = Listing::read(&self.results)?.of_task(task);
        let group = recorded::newest_group(&self.results, &names, *mode, phase)
            .ok_or_else(|| Error::new(format!("there is no {phase} result of task {task}")))?;
        let run = group.runs.into_iter().last().transpose();
        let run = run.map_err(|unusable| Error::new(unusable.to_string()))?;
        let Some(Provenance { build: record, git, load, server, .. }) =
            run.and_then(|run| run.provenance)
        else {
            let what = format!("the newest {phase} result says nothing about its binaries");
            return Err(Error::new(what));
        };
        let (Some(engram_hash), Some(loadtest_hash)) = (&record.engram_hash, &record.loadtest_hash)
        else {
            let what = "binaries are kept by their hash, which needs git";
            return Err(Error::new(what));
        };
        let pair = build::kept_pair(folder, engram_hash, loadtest_hash);
        let Some(built) = self.kept(folder, record) else {
            let commit = match git.and_then(|git| git.commit) {
                Some(commit) => format!("commit {commit}"),
                None => "its commit is unknown".to_owned(),
            };
            let folder = pair.display();
            let what = format!("the binaries of the newest {phase} are no longer in {folder}");
            let advice = format!("check out what was measured ({commit}), then");
            return Err(Error::new(what).next(advice));
        };
        Ok((Side { phase, built, git }, load, server))
    }

    /// What a recorded run measured, to be measured again; `None` where its binaries are no longer kept in `folder`.
    pub(crate) fn kept(&self, folder: &Path, record: BuildRecord) -> Option<Built> {
        let (engram_hash, loadtest_hash) = (record.engram_hash?, record.loadtest_hash?);
        Some(Built {
            binaries: build::kept(folder, &engram_hash, &loadtest_hash)?,
            build: Build::Existing,
            content: record.content,
            inputs: record.inputs.and_then(|hash| sources::read(&self.results, &hash)),
            settings: record.settings,
            rustc: record.rustc,
        })
    }

    fn with_logs(&self, error: Error) -> Error {
        error.next(self.logs())
    }
}

fn read(run: &Unsaved, path: &Path) -> Result<(RunName, Recorded)> {
    let recorded = recorded::read(path).map_err(|why| Error::new(why.to_string()))?;
    Ok((run.name.clone(), recorded))
}

/// A file as a step shows it: with the folders, the competitive ones are too long for a line.
pub(crate) fn file_name(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy()
}
