//! `perf-confirm`: tells a change from noise, by running before and after in turn.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::{Outcome, compare};
use crate::answer;
use crate::args::{Confirm, Earlier};
use crate::error::{Blame, Error, Result};
use crate::measure::build::{self, Binaries, Build, Built, LOAD_GENERATOR, SERVER};
use crate::measure::host;
use crate::measure::run::{self, Limits, Measured, Plan as RunPlan};
use crate::measure::scenario::Scenario;
use crate::measure::workplace::Workplace;
use crate::measure::{checkout, content, noise, port, quiet};
use crate::model::limits::{FAILED_BEFORE, threshold_percent};
use crate::model::names::{Mode, Phase, RunName};
use crate::model::provenance::{Host, Provenance, Session};
use crate::model::session::{Failure, Member, PairRecord, SessionRecord, Subject};
use crate::report::human;
use crate::report::next::Surroundings;
use crate::report::pairs::{self, Line};
use crate::stats::paired::{self, Decision};
use crate::store::clock::Clock;
use crate::store::recorded::{self, Listing};
use crate::store::recording::{self, Circumstances, Place};
use crate::store::results::Results;
use crate::term::shell_word;
use crate::term::steps::{Steps, Verbosity};
use crate::term::streams::{self, Style};

/// Measures pairs until the verdict falls, and reports it.
///
/// # Errors
/// When the binaries are not kept any more, or a run fails for a reason other than the after server's. The finished
/// pairs stay, and the next call continues.
pub fn run(confirm: &Confirm, clock: Clock) -> Result<Outcome> {
    let tool = std::env::current_exe()
        .map_err(|error| Error::because("cannot find this executable", error))?;
    let checkout = checkout::find(confirm.checkout.as_deref())?;
    let results = Results::of(&checkout);
    let scenario = Scenario::read(&checkout, confirm.mode)?;
    if let Some(Err(why)) = answer::baseline(&checkout, confirm.mode) {
        return Err(Error::new(why.to_string()).next("without it no verdict could be given"));
    }
    let _lock = results.lock()?;
    port::free(confirm.port)?;

    let listing = Listing::read(&results)?;
    let sides = Sides::newest(confirm, &checkout, &results, &listing)?;
    if sides.before.build.engram_hash == sides.after.build.engram_hash {
        // There is nothing to tell apart; the groups' own verdict says which kind of nothing.
        return reported(confirm, &checkout);
    }
    let record = open(confirm, &results, &scenario, &sides, clock)?;
    let mut session = Running {
        confirm,
        tool: &tool,
        checkout: &checkout,
        results: &results,
        workplace: Workplace::beside(results.folder()),
        scenario: &scenario,
        host: host::host(),
        clock,
        began: Instant::now(),
        pairs_before: record.pairs.len(),
        steps: Steps::new(Verbosity::ProgressOnly),
    };
    session.measure_pairs(record, &sides)?;
    reported(confirm, &checkout)
}

/// Prints what `perf-compare` says of the mode: the session's verdict, or a worse one of another duration.
fn reported(confirm: &Confirm, checkout: &Path) -> Result<Outcome> {
    let comparisons = answer::of_task(checkout, &confirm.task, Some(confirm.mode))?;
    let around = Surroundings {
        root: checkout.display().to_string(),
        options: checkout_option(confirm),
        here: compare::here(),
        unlogged: Some(confirm.task.clone()),
    };
    let text = format!(
        "\n{}",
        human::report(&comparisons, &around, Style::of_output())
    );
    // The verdict is recorded: a reader that is gone does not undo it.
    let _ = streams::output(&text);
    Ok(compare::outcome(&comparisons))
}

/// The newest before and after, and the binaries kept for them.
struct Sides {
    before: Provenance,
    after: Provenance,
    before_server: PathBuf,
    after_server: PathBuf,
    load_generator: PathBuf,
}

impl Sides {
    fn newest(
        confirm: &Confirm,
        checkout: &Path,
        results: &Results,
        listing: &Listing,
    ) -> Result<Self> {
        let names = listing.of_task(&confirm.task);
        let side = |phase| {
            let measure = format!(
                "measure it first: cargo perf-check {} {phase}{}{}",
                confirm.task,
                mode_option(confirm.mode),
                checkout_option(confirm)
            );
            let group =
                recorded::newest_group(results, &names, confirm.mode, phase).ok_or_else(|| {
                    Error::new(format!(
                        "there is no {phase} result of task {}",
                        confirm.task
                    ))
                    .next(measure.clone())
                })?;
            let newest = match group.runs.last() {
                Some(Err(unusable)) => {
                    return Err(Error::new(unusable.to_string()).next(measure));
                }
                Some(Ok(run)) => Some(run),
                None => None,
            };
            let provenance = newest
                .and_then(|run| run.provenance.clone())
                .ok_or_else(|| {
                    Error::new(format!(
                        "the newest {phase} result says nothing about its binaries"
                    ))
                    .next(measure.clone())
                })?;
            let folder = build::kept_folder(checkout)?;
            let kept = match (
                &provenance.build.engram_hash,
                &provenance.build.loadtest_hash,
            ) {
                (Some(engram), Some(loadtest)) => build::kept_pair(&folder, engram, loadtest),
                _ => {
                    return Err(
                        Error::new("binaries are kept by their hash, which needs git")
                            .next(measure),
                    );
                }
            };
            let build = &provenance.build;
            let is_whole = |name, hash: &Option<String>| {
                content::of_file(&kept.join(name))
                    .is_some_and(|found| Some(&found) == hash.as_ref())
            };
            match is_whole(SERVER, &build.engram_hash)
                && is_whole(LOAD_GENERATOR, &build.loadtest_hash)
            {
                true => Ok((provenance, kept)),
                false => Err(Error::new(format!(
                    "the binaries of the newest {phase} are no longer in {}",
                    kept.display()
                ))
                .next(format!(
                    "check out what was measured ({}), then",
                    commit(&provenance)
                ))
                .next(measure)),
            }
        };
        let (before, before_kept) = side(Phase::Before)?;
        let (after, after_kept) = side(Phase::After)?;
        Ok(Self {
            before,
            after,
            before_server: before_kept.join(SERVER),
            after_server: after_kept.join(SERVER),
            load_generator: after_kept.join(LOAD_GENERATOR),
        })
    }

    /// What is run for a side: its server, and the after side's load generator.
    fn built(&self, phase: Phase) -> Built {
        let (of_side, engram) = match phase {
            Phase::Before => (&self.before, &self.before_server),
            Phase::After => (&self.after, &self.after_server),
        };
        Built {
            binaries: Binaries {
                engram: engram.clone(),
                loadtest: self.load_generator.clone(),
                engram_hash: of_side.build.engram_hash.clone(),
                loadtest_hash: self.after.build.loadtest_hash.clone(),
            },
            build: Build::Existing,
            content: of_side.build.content.clone(),
            rustc: of_side.build.rustc.clone(),
        }
    }

    fn of(&self, phase: Phase) -> &Provenance {
        match phase {
            Phase::Before => &self.before,
            Phase::After => &self.after,
        }
    }
}

fn commit(provenance: &Provenance) -> String {
    let commit = provenance
        .git
        .as_ref()
        .and_then(|git| git.commit.as_deref());
    commit.map_or_else(
        || "its commit is not known".to_owned(),
        |commit| format!("commit {commit}"),
    )
}

/// The record to go on with: the one there is, or a new one.
fn open(
    confirm: &Confirm,
    results: &Results,
    scenario: &Scenario,
    sides: &Sides,
    clock: Clock,
) -> Result<SessionRecord> {
    let hash = |hash: &Option<String>| {
        hash.clone()
            .ok_or_else(|| Error::new("a session needs git, for the hashes"))
    };
    if scenario.hash != sides.after.load.scenario_hash {
        return Err(Error::new(format!(
            "{} changed since after was measured",
            scenario.file
        ))
        .next("measure before and after anew, under the scenario as it is now"));
    }
    let subject = Subject {
        mode: confirm.mode,
        before: hash(&sides.before.build.engram_hash)?,
        after: hash(&sides.after.build.engram_hash)?,
        scenario: hash(&scenario.hash)?,
        duration_seconds: confirm.duration.as_secs(),
    };
    let loadtest = hash(&sides.after.build.loadtest_hash)?;
    let now = clock.timestamp();
    if confirm.earlier == Earlier::Archive
        && let Some(aside) = SessionRecord::archive(results, &subject, now)?
    {
        say(&format!(
            "the earlier record was put aside: {}",
            aside.display()
        ));
    }
    let Some(record) = SessionRecord::load(results, &subject)? else {
        let record = SessionRecord::open(subject, now, loadtest, confirm.plan);
        record.save(results)?;
        return Ok(record);
    };
    if record.loadtest != loadtest {
        return Err(
            Error::new("the load generator has changed since these pairs were measured")
                .next("start anew, putting them aside: the same command with --fresh"),
        );
    }
    let measured = record.pairs.len();
    say(&match record.assess().decision {
        Decision::Continue { .. } => format!(
            "continuing the record of these binaries: {measured} of at most {} pairs are measured",
            record.plan.last_look()
        ),
        Decision::Final(_) => format!(
            "the record of these binaries has ended, after {measured} pairs; --fresh puts it aside"
        ),
    });
    if record.plan != confirm.plan {
        say("its plan was fixed when it was opened; --max-pairs does not change it");
    }
    Ok(record)
}

/// A session while it measures.
struct Running<'a> {
    confirm: &'a Confirm,
    tool: &'a Path,
    checkout: &'a Path,
    results: &'a Results,
    workplace: Workplace,
    scenario: &'a Scenario,
    host: Host,
    clock: Clock,
    began: Instant,
    /// The pairs that were there when it began.
    pairs_before: usize,
    steps: Steps,
}

/// Failures of the before server in a row that end a call: more would not mend it.
const MOST_BEFORE_FAILURES_IN_A_ROW: usize = 2;

impl Running<'_> {
    /// Measures pair after pair until the plan says stop. Each is on record before the next begins.
    fn measure_pairs(&mut self, mut record: SessionRecord, sides: &Sides) -> Result<()> {
        let margin = paired::margin(threshold_percent(self.confirm.mode));
        let goes_on =
            |record: &SessionRecord| matches!(record.assess().decision, Decision::Continue { .. });
        if goes_on(&record) {
            say(&format!("{}\n{}", pairs::LEGEND, pairs::heading(margin)));
        }
        let mut before_failures = 0;
        while goes_on(&record) {
            let number = record.pairs.len() + 1;
            match self.pair(&record, number, sides) {
                Ok((pair, runs)) => {
                    before_failures = 0;
                    record.pairs.push(pair);
                    record.save(self.results)?;
                    self.show(&record, &runs, margin);
                }
                Err(Void { phase, error }) => {
                    if error.blame() == Blame::Environment {
                        return Err(
                            error.next("the finished pairs are kept; the same command continues")
                        );
                    }
                    self.note_failure(&mut record, number, phase, &error)?;
                    before_failures = match phase {
                        Phase::Before => before_failures + 1,
                        Phase::After => 0,
                    };
                    if before_failures >= MOST_BEFORE_FAILURES_IN_A_ROW {
                        return Err(Error::new(format!(
                            "the before server keeps failing: {}",
                            error.what()
                        ))
                        .next("there is nothing to compare with; the finished pairs are kept")
                        .next(format!(
                            "its logs are in {}",
                            record.folder(self.results).display()
                        )));
                    }
                }
            }
        }
        Ok(())
    }

    fn note_failure(
        &mut self,
        record: &mut SessionRecord,
        pair: usize,
        phase: Phase,
        error: &Error,
    ) -> Result<()> {
        self.steps.clear();
        say(&format!(
            "pair {pair} is void: the {phase} server failed: {}",
            error.what()
        ));
        let failure = Failure {
            pair,
            phase,
            why: error.what().to_owned(),
        };
        record.failures.push(failure.clone());
        record.save(self.results)?;
        for log in [self.workplace.server_log(), self.workplace.load_log()] {
            if let Some(kept) = record.keep_log(self.results, &log, &failure) {
                say(&format!("  log: {}", kept.display()));
            }
        }
        Ok(())
    }

    /// One fresh-server run of each side, back to back, in the order that the record draws.
    fn pair(
        &mut self,
        record: &SessionRecord,
        number: usize,
        sides: &Sides,
    ) -> Result<(PairRecord, Runs), Void> {
        let order = record.order(number);
        let mut names: Vec<(Phase, RunName, Measured)> = Vec::new();
        for phase in order {
            let place = Session {
                id: record.id(),
                pair: u32::try_from(number).unwrap_or(u32::MAX),
                order: format!("{}-first", order[0]),
            };
            let (name, measured) = self
                .one(phase, place, sides)
                .map_err(|error| Void { phase, error })?;
            names.push((phase, name, measured));
        }
        names.sort_by_key(|(phase, ..)| *phase);
        let member = |name, run: &Measured| Member {
            name,
            p99_ms: run.result.p99_ms,
        };
        match <[_; 2]>::try_from(names) {
            Ok([(_, before, before_run), (_, after, after_run)]) => Ok((
                PairRecord {
                    before: member(before, &before_run),
                    after: member(after, &after_run),
                },
                Runs {
                    before: before_run,
                    after: after_run,
                },
            )),
            Err(_) => Err(Void {
                phase: Phase::Before,
                error: Error::new("a pair has two runs"),
            }),
        }
    }

    /// One run, as `perf-check` does it, saved under the same names.
    fn one(
        &mut self,
        phase: Phase,
        session: Session,
        sides: &Sides,
    ) -> Result<(RunName, Measured)> {
        let state = host::state();
        let mut warnings = host::warnings(&state);
        self.steps
            .heading(&format!("pair {}, {phase}", session.pair));
        self.steps.begin("wait", "for a quiet machine");
        let still_busy = quiet::wait(self.confirm.wait_quiet, |disturbed| {
            self.steps.progress(disturbed);
        });
        self.steps.clear();
        warnings.extend(still_busy);
        let built = sides.built(phase);
        let started = self.clock.now();
        let name = self.results.unused(RunName {
            timestamp: self.clock.timestamp(),
            mode: self.confirm.mode,
            task: self.confirm.task.clone(),
            phase,
        });
        let plan = RunPlan {
            tool: self.tool,
            checkout: self.checkout,
            binaries: &built.binaries,
            scenario: self.scenario,
            mode: self.confirm.mode,
            duration: self.confirm.duration,
            port: self.confirm.port,
            limits: Limits::default(),
        };
        let measured = run::run(&plan, &self.workplace, &mut self.steps)?;
        let circumstances = Circumstances {
            built: &built,
            scenario: self.scenario,
            duration: self.confirm.duration,
            git: sides.of(phase).git.as_ref(),
            host: &self.host,
            state: &state,
            warnings: &warnings,
        };
        let place = Place {
            name: &name,
            started,
            group: &name,
            index: 1,
            of: 1,
            session: Some(session),
        };
        if let Some(why) = run::unclean_stop(measured.stop, plan.limits.stop_grace) {
            return Err(Error::new(why).of_server());
        }
        if measured.result.error_rate > FAILED_BEFORE || measured.result.p99_ms == 0.0 {
            return Err(Error::new(format!(
                "{:.1}% of its requests failed, P99 {} ms",
                measured.result.error_rate * 100.0,
                measured.result.p99_ms
            ))
            .of_server());
        }
        recording::save(
            self.results,
            &self.workplace,
            &place,
            &circumstances,
            &measured,
        )?;
        Ok((name, measured))
    }

    fn show(&self, record: &SessionRecord, runs: &Runs, margin: f64) {
        let measured_now = record.pairs.len().saturating_sub(self.pairs_before).max(1);
        let missing = match record.assess().decision {
            Decision::Continue { .. } => record.plan.last_look().saturating_sub(record.pairs.len()),
            Decision::Final(_) => 0,
        };
        let used = self.began.elapsed();
        let each = used / u32::try_from(measured_now).unwrap_or(1);
        let both = [&runs.before, &runs.after];
        let processors = noise::processors();
        let line = Line {
            pair: record.pairs.len(),
            p99_ms: both.map(|run| run.result.p99_ms),
            stolen: both.map(|run| run.noise.steal_share),
            others: both.map(|run| run.noise.others_share(run.load, processors)),
            used,
            left: each.saturating_mul(u32::try_from(missing).unwrap_or(0)),
        };
        say(&pairs::line(
            &line,
            &record.differences(),
            record.plan.alpha(),
            margin,
        ));
    }
}

/// The two runs of a pair.
struct Runs {
    before: Measured,
    after: Measured,
}

/// A pair that does not count, for the failure of one side.
struct Void {
    phase: Phase,
    error: Error,
}

fn say(line: &str) {
    streams::errors(&format!("{line}\n"));
}

fn mode_option(mode: Mode) -> &'static str {
    match mode {
        Mode::Internal => "",
        Mode::Competitive => " --competitive",
    }
}

fn checkout_option(confirm: &Confirm) -> String {
    confirm
        .checkout
        .as_ref()
        .map_or_else(String::new, |folder| {
            format!(" -C {}", shell_word(&folder.to_string_lossy()))
        })
}
