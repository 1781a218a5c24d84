//! The bench: a checkout made ready to measure sides on, one after the other or two at the same time, and to save them
//! as recorded runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::shared::{here, repeated};
use super::words::Words;
use crate::error::{Error, Result};
use crate::judge::fitness;
use crate::measure::build::{self, Build, Built};
use crate::measure::last_words::LastWords;
use crate::measure::run::{self, Failed, Limits, Measured, RunPlan};
use crate::measure::scenario::Scenario;
use crate::measure::workplace::Workplace;
use crate::measure::{host, port, process};
use crate::model::limits::NEWEST_RUNS;
use crate::model::names::{Mode, Part, Phase, RunName, TaskId};
use crate::model::provenance::{BuildRecord, Git, Host, HostState, Provenance};
use crate::model::recorded::Recorded;
use crate::model::typed::{Repeated, option};
use crate::store::clock::Clock;
use crate::store::recorded::{self, Listing, Run};
use crate::store::recording::{self, Circumstances, Place};
use crate::store::results::{Lock, Results, Unsaved};
use crate::store::sources;
use crate::term::steps::Steps;

/// The port where none is asked for.
pub(crate) const PORT: u16 = 7432;

/// The options of every command that measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setup {
    pub(crate) mode: Mode,
    /// Whole seconds of load in a run.
    pub(crate) duration: Duration,
    pub(crate) port: u16,
    pub(crate) limits: Limits,
    /// The tool's own workspace when absent.
    pub(crate) checkout: Option<PathBuf>,
}

impl Setup {
    /// Reads the options that all have; without `--duration` the load takes so many `seconds`.
    pub(crate) fn read(words: &mut Words, seconds: u64) -> Result<Self> {
        Ok(Self {
            mode: Mode::Internal,
            duration: words.seconds("--duration", Duration::from_secs(seconds), 1)?,
            port: words.whole("--port", PORT, 1..=u16::MAX)?,
            limits: Limits::default(),
            checkout: words.path("-C")?,
        })
    }

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
    pub(crate) task: TaskId,
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

/// A side that is to be measured, and how.
pub(crate) struct Turn<'a> {
    pub(crate) side: &'a Side,
    pub(crate) how: run::Side<'a>,
    pub(crate) place: Place,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(side: &'a Side, port: u16, workplace: Workplace, place: Place) -> Self {
        let (phase, binaries) = (side.phase, &side.built.binaries);
        let how = run::Side { phase, binaries, port, workplace, slow_down: None };
        Self { side, how, place }
    }
}

/// The state of the machine before a run, and all that makes the run weaker.
pub(crate) struct Conditions {
    pub(crate) state: HostState,
    pub(crate) warnings: Vec<String>,
}

impl Bench {
    /// # Errors
    /// When there is no scenario, the checkout is being measured already, or the port is taken.
    pub(crate) fn open(
        setup: &Setup,
        task: &TaskId,
        checkout: &Path,
        steps: Steps,
        clock: Clock,
    ) -> Result<Self> {
        let results = Results::of(checkout);
        let scenario = Scenario::read(checkout, setup.mode)?;
        let lock = results.lock()?;
        let workplace = Workplace::beside(results.folder());
        // First: an interrupted run may still be stopping its server, which has the port.
        workplace.clear()?;
        port::free(setup.port)?;
        Ok(Self {
            setup: setup.clone(),
            task: task.clone(),
            checkout: checkout.to_owned(),
            workplace,
            results,
            scenario,
            clock,
            steps,
            last_words: LastWords::new("nothing was saved"),
            tool: process::own_program()
                .map_err(|error| Error::because("cannot find this executable", error))?,
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
        let sides: Vec<run::Side> = turns.iter().map(|turn| turn.how.clone()).collect();
        let plan = RunPlan {
            tool: &self.tool,
            checkout: &self.checkout,
            scenario: &self.scenario,
            mode: self.setup.mode,
            duration: self.setup.duration,
            limits: self.setup.limits,
            sides: &sides,
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
                task: self.task.clone(),
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
            Ok(recording::write(&self.results, &turn.how.workplace, &circumstances, &measured)
                .map_err(|error| error.next(self.logs()))?)
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
        let turn = Turn::new(side, self.setup.port, self.workplace.clone(), place);
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
            error.next(self.logs())
        })?;
        // Only the servers' logs are left; their ends are in the provenance. If they stay, the next run clears them.
        let _ = self.workplace.clear();
        let files: Vec<String> = runs.iter().map(|run| run.name.file(Part::Result)).collect();
        self.steps.done(&files.join(", "));
        runs.iter().map(|run| read(run, &self.results.path(&run.name, Part::Result))).collect()
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

    /// The recorded runs of the task, in order of their names.
    pub(crate) fn names(&self) -> Result<Vec<RunName>> {
        Ok(Listing::read(&self.results)?.of_task(&self.task))
    }

    /// What the newest runs of the mode say of themselves, the newest first.
    pub(crate) fn recent(&self) -> Result<impl Iterator<Item = Provenance>> {
        let newest = Listing::read(&self.results)?.newest(self.setup.mode, NEWEST_RUNS);
        let own =
            |run: RunName| recorded::read(&self.results.path(&run, Part::Result)).ok()?.provenance;
        Ok(newest.into_iter().rev().filter_map(own))
    }

    /// The last run of the newest group of a side, read or refused.
    pub(crate) fn newest_run(&self, phase: Phase) -> Result<Option<Run>> {
        let group = recorded::newest_group(&self.results, &self.names()?, self.setup.mode, phase);
        Ok(group.and_then(|group| group.runs.into_iter().last()))
    }

    /// The newest run of a side, with its binaries, which were kept in `folder`.
    ///
    /// # Errors
    /// When there is none, or its binaries are not kept any longer.
    pub(crate) fn newest(&self, phase: Phase, folder: &Path) -> Result<(Side, Provenance)> {
        let none = || Error::new(format!("there is no {phase} result of task {}", self.task));
        let run = self.newest_run(phase)?.ok_or_else(none)??;
        let own = run.provenance.ok_or_else(|| {
            Error::new(format!("the newest {phase} result says nothing about its binaries"))
        })?;
        let (built, git) = (self.kept(folder, own.build.clone()), own.git.clone());
        let built = built.ok_or_else(|| {
            let commit = git.as_ref().and_then(|git| git.commit.as_ref());
            let commit =
                commit.map_or("its commit is unknown".to_owned(), |it| format!("commit {it}"));
            let folder = folder.display();
            Error::new(format!("the binaries of the newest {phase} are not kept in {folder}"))
                .next(format!("check out what was measured ({commit}), then"))
        })?;
        Ok((Side { phase, built, git }, own))
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
}

fn read(run: &Unsaved, path: &Path) -> Result<(RunName, Recorded)> {
    Ok((run.name.clone(), recorded::read(path)?))
}
