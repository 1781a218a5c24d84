//! `perf-confirm`: distinguishes a change from noise, by running before and after in turn.

use std::path::Path;
use std::time::{Duration, Instant};

use super::bench::{Bench, PORT, Setup, Side};
use super::shared::{context, say};
use super::words::{Words, task_id};
use crate::answer;
use crate::error::{Blame, Error, Result};
use crate::judge::verdict::Outcome;
use crate::judge::{comparison, fitness};
use crate::measure::build::{self, Binaries, Build, Built, LOAD_GENERATOR, SERVER};
use crate::measure::run::{self, Limits, Measured};
use crate::measure::{checkout, content, noise, quiet};
use crate::model::limits::{PLAN, threshold_percent};
use crate::model::names::{Phase, RunName};
use crate::model::provenance::SessionPlace;
use crate::model::recorded::Recorded;
use crate::model::session::{Failure, Member, PairRecord, SessionRecord, Subject};
use crate::model::typed;
use crate::report::human;
use crate::report::next::Context;
use crate::report::pairs::{self, Line};
use crate::stats::paired::{self, Plan, Progress};
use crate::store::clock::Clock;
use crate::store::recorded::{self, Listing};
use crate::store::recording::Place;
use crate::term::steps::{Steps, Verbosity};
use crate::term::streams::{self, Style};

pub(crate) const HELP: &str = "\
Distinguishes a change from noise: runs the before and the after binary in
turn, in short runs, until the answer is sure or the plan is used up. It uses
the binaries that perf-check kept for the newest before and after.

Usage: cargo xtask perf-confirm <task> [options]

  <task>               the task that was measured; for instance 007

Options
  --competitive        the competitive scenario instead of the internal one
  --duration SECONDS   length of each load (10)
  --max-pairs N        6, 10 or 16 pairs at most (16)
  --wait-quiet S       longest wait for a quiet machine before a run (60)
  --fresh              archive the earlier record and start a new one
  --port N             port of the servers (7432)
  -C DIR               the checkout (this tool's own workspace)
  -h, --help           this text

Interrupted, it keeps the finished pairs; called again, it continues.

Examples
  cargo xtask perf-confirm 007
  cargo xtask perf-confirm 007 --competitive --max-pairs 6

Exit codes
  0  not regressed, or no regression found
  1  internal regression
  2  competitive regression
  3  suspected, or not measurable; the message says why
";

#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    setup: Setup,
    /// When to look at the pairs, if a record is opened.
    plan: Plan,
    /// The longest wait for a quiet machine before a run.
    wait_quiet: Duration,
    /// An earlier record of the same binaries, scenario and duration is archived instead of continued.
    fresh: bool,
}

/// The load of a run where no duration is asked for.
const DURATION: Duration = Duration::from_secs(10);
/// The longest wait for a quiet machine where none is asked for.
const WAIT_QUIET: Duration = Duration::from_secs(60);

pub(crate) fn read(mut words: Words) -> Result<Options> {
    let mode = words.mode();
    let duration = words.seconds("--duration", DURATION, 1)?;
    let wait_quiet = words.seconds("--wait-quiet", WAIT_QUIET, 0)?;
    let port = words.whole("--port", PORT, 1..=u16::MAX)?;
    let looks: Vec<String> = PLAN.looks().iter().map(usize::to_string).collect();
    let takes = format!("one of {}", looks.join(", "));
    let plan = match words.value("--max-pairs", &takes)? {
        None => PLAN,
        Some(pairs) => {
            PLAN.up_to(pairs).ok_or_else(|| Error::new(format!("--max-pairs takes {takes}")))?
        }
    };
    let fresh = words.flag("--fresh");
    let checkout = words.path("-C")?;
    let [task] = words.positional(["<task>"])?;
    Ok(Options {
        setup: Setup {
            task: task_id(&task)?,
            mode,
            duration,
            port,
            limits: Limits::default(),
            checkout,
        },
        plan,
        wait_quiet,
        fresh,
    })
}

/// Measures pairs until the verdict falls, and reports it.
///
/// # Errors
/// When the binaries are no longer kept, or a run fails for another reason than the after server. The finished
/// pairs stay, and the next call continues.
pub(crate) fn run(options: &Options, clock: Clock) -> Result<Outcome> {
    let setup = &options.setup;
    let checkout = checkout::find(setup.checkout.as_deref())?;
    if let Some(Err(why)) = answer::baseline(&checkout, setup.mode) {
        return Err(Error::new(why.to_string()).next("without it no verdict could be given"));
    }
    let steps = Steps::new(Verbosity::ProgressOnly);
    let bench = Bench::open(setup, &checkout, steps, clock)?;
    let sides = Sides::newest(&bench)?;
    let [before, after] = [&sides.before, &sides.after].map(|side| &side.built.binaries);
    // With one server there is nothing to distinguish; the groups' own verdict says why it is one.
    if before.engram_hash != after.engram_hash {
        let record = open(options, &bench, &sides)?;
        Running {
            wait_quiet: options.wait_quiet,
            began: Instant::now(),
            pairs_before: record.pairs.len(),
            bench,
            sides,
            record,
        }
        .measure_pairs()?;
    }

    // As `perf-compare` answers: the session's verdict, or a worse one of another duration.
    let comparisons = answer::of_task(&checkout, &setup.task, Some(setup.mode))?;
    let around = Context {
        unlogged: Some(setup.task.clone()),
        ..context(&checkout, setup.checkout_option())
    };
    let report = human::report(&comparisons, &around, Style::of_output());
    // The verdict is recorded: a reader that is gone does not undo it.
    let _ = streams::output(&format!("\n{report}"));
    Ok(comparison::outcome(&comparisons))
}

/// The newest before and after: the servers that were kept, and the after side's load generator for both.
struct Sides {
    before: Side,
    after: Side,
    /// The scenario that the after side was measured under.
    scenario_hash: Option<String>,
}

impl Sides {
    fn newest(bench: &Bench) -> Result<Self> {
        let setup = &bench.setup;
        let names = Listing::read(&bench.results)?.of_task(&setup.task);
        let folder = build::kept_folder(&bench.checkout)?;
        let newest = |phase| {
            let options = setup.checkout_option();
            let measure = typed::perf_check(&setup.task, phase, setup.mode, &options);
            kept(bench, &names, phase, &folder)
                .map_err(|error| error.next(format!("measure it first: {measure}")))
        };
        let (mut before, _) = newest(Phase::Before)?;
        let (after, scenario_hash) = newest(Phase::After)?;
        let both = &after.built.binaries;
        before.built.binaries.loadtest.clone_from(&both.loadtest);
        before.built.binaries.loadtest_hash.clone_from(&both.loadtest_hash);
        Ok(Self { before, after, scenario_hash })
    }
}

/// The newest run of a side as it can be measured again, with the binaries that were kept in `folder`; and the hash of
/// its scenario.
fn kept(
    bench: &Bench,
    names: &[RunName],
    phase: Phase,
    folder: &Path,
) -> Result<(Side, Option<String>)> {
    let Setup { task, mode, .. } = &bench.setup;
    let group = recorded::newest_group(&bench.results, names, *mode, phase)
        .ok_or_else(|| Error::new(format!("there is no {phase} result of task {task}")))?;
    let run = group.runs.into_iter().last().transpose();
    let run = run.map_err(|unusable| Error::new(unusable.to_string()))?;
    let Some(provenance) = run.and_then(|run| run.provenance) else {
        let what = format!("the newest {phase} result says nothing about its binaries");
        return Err(Error::new(what));
    };
    let build = provenance.build;
    let (Some(engram_hash), Some(loadtest_hash)) = (&build.engram_hash, &build.loadtest_hash)
    else {
        let what = "binaries are kept by their hash, which needs git";
        return Err(Error::new(what));
    };
    let pair = build::kept_pair(folder, engram_hash, loadtest_hash);
    let [engram, loadtest] = [SERVER, LOAD_GENERATOR].map(|name| pair.join(name));
    let is_whole = |path, hash| content::of_file(path).as_ref() == Some(hash);
    if !is_whole(&engram, engram_hash) || !is_whole(&loadtest, loadtest_hash) {
        let commit = match provenance.git.and_then(|git| git.commit) {
            Some(commit) => format!("commit {commit}"),
            None => "its commit is unknown".to_owned(),
        };
        let folder = pair.display();
        let what = format!("the binaries of the newest {phase} are no longer in {folder}");
        let advice = format!("check out what was measured ({commit}), then");
        return Err(Error::new(what).next(advice));
    }
    let side = Side {
        phase,
        built: Built {
            binaries: Binaries {
                engram,
                loadtest,
                engram_hash: build.engram_hash,
                loadtest_hash: build.loadtest_hash,
            },
            build: Build::Existing,
            content: build.content,
            rustc: build.rustc,
        },
        git: provenance.git,
    };
    Ok((side, provenance.load.scenario_hash))
}

/// The record to go on with: the existing one, or a new one.
fn open(options: &Options, bench: &Bench, sides: &Sides) -> Result<SessionRecord> {
    let hash = |hash: &Option<String>| {
        hash.clone().ok_or_else(|| Error::new("a session needs git, for the hashes"))
    };
    let (results, scenario) = (&bench.results, &bench.scenario);
    if scenario.hash != sides.scenario_hash {
        let what = format!("{} changed since after was measured", scenario.file);
        return Err(
            Error::new(what).next("measure before and after anew, under the scenario as it is now")
        );
    }
    let subject = Subject {
        mode: bench.setup.mode,
        before: hash(&sides.before.built.binaries.engram_hash)?,
        after: hash(&sides.after.built.binaries.engram_hash)?,
        scenario: hash(&scenario.hash)?,
        duration_seconds: bench.setup.duration.as_secs(),
    };
    let loadtest = hash(&sides.after.built.binaries.loadtest_hash)?;
    let now = bench.clock.timestamp();
    if options.fresh
        && let Some(archived) = SessionRecord::archive(results, &subject, now)?
    {
        let archived = archived.display();
        say(&format!("the earlier record was archived: {archived}"));
    }
    let Some(record) = SessionRecord::load(results, &subject)? else {
        let record = SessionRecord::open(subject, now, loadtest, options.plan);
        record.save(results)?;
        return Ok(record);
    };
    if record.loadtest != loadtest {
        return Err(Error::new("the load generator has changed since these pairs were measured")
            .next("archive them and start a new record: the same command with --fresh"));
    }
    let measured = record.pairs.len();
    say(&match goes_on(&record) {
        true => format!(
            "continuing the record of these binaries: {measured} of at most {} pairs are measured",
            record.plan.last_look()
        ),
        false => format!(
            "the record of these binaries has ended, after {measured} pairs; --fresh archives it"
        ),
    });
    if record.plan != options.plan {
        say("its plan was fixed when it was opened; --max-pairs does not change it");
    }
    Ok(record)
}

fn goes_on(record: &SessionRecord) -> bool {
    matches!(record.assess().progress, Progress::Continue { .. })
}

/// A session while it measures.
struct Running {
    bench: Bench,
    sides: Sides,
    record: SessionRecord,
    wait_quiet: Duration,
    began: Instant,
    /// The pairs that were there when it began.
    pairs_before: usize,
}

/// The runs of a pair, before and after.
type Pair = [(RunName, Recorded); 2];

/// Failures of the before server in a row that end a call: more would not fix it.
const MOST_BEFORE_FAILURES_IN_A_ROW: usize = 2;

impl Running {
    /// Measures pair after pair until the plan says stop. Each is on record before the next begins.
    fn measure_pairs(&mut self) -> Result<()> {
        if goes_on(&self.record) {
            let heading = pairs::heading(self.margin());
            say(&format!("{}\n{heading}", pairs::LEGEND));
        }
        let mut before_failures = 0;
        while goes_on(&self.record) {
            match self.pair() {
                Ok(pair) => {
                    before_failures = 0;
                    let [before, after] = pair.each_ref().map(|(name, run)| Member {
                        name: name.clone(),
                        p99_ms: run.result.p99_ms,
                    });
                    self.record.pairs.push(PairRecord { before, after });
                    self.record.save(&self.bench.results)?;
                    self.show(&pair);
                }
                Err((_, error)) if error.blame() == Blame::Environment => {
                    return Err(
                        error.next("the finished pairs are kept; the same command continues")
                    );
                }
                Err((phase, error)) => {
                    self.note_failure(phase, &error)?;
                    before_failures = match phase {
                        Phase::Before => before_failures + 1,
                        Phase::After => 0,
                    };
                    if before_failures >= MOST_BEFORE_FAILURES_IN_A_ROW {
                        let what = format!("the before server keeps failing: {}", error.what());
                        let logs = self.record.folder(&self.bench.results);
                        return Err(Error::new(what)
                            .next("there is nothing to compare with; the finished pairs are kept")
                            .next(format!("its logs are in {}", logs.display())));
                    }
                }
            }
        }
        Ok(())
    }

    fn margin(&self) -> f64 {
        paired::margin(threshold_percent(self.bench.setup.mode))
    }

    fn note_failure(&mut self, phase: Phase, error: &Error) -> Result<()> {
        let bench = &mut self.bench;
        let failure =
            Failure { pair: self.record.pairs.len() + 1, phase, why: error.what().to_owned() };
        bench.steps.clear();
        say(&format!("pair {} is void: the {phase} server failed: {}", failure.pair, failure.why));
        self.record.failures.push(failure.clone());
        self.record.save(&bench.results)?;
        for log in [bench.workplace.server_log(), bench.workplace.load_log()] {
            if let Some(kept) = self.record.keep_log(&bench.results, &log, &failure) {
                say(&format!("  log: {}", kept.display()));
            }
        }
        Ok(())
    }

    /// One fresh-server run of each side, back to back, in the order that the record draws. A failed run of either
    /// makes the pair void.
    fn pair(&mut self) -> Result<Pair, (Phase, Error)> {
        let number = self.record.pairs.len() + 1;
        let [first, second] = self.record.order(number);
        let session = SessionPlace {
            id: self.record.id(),
            pair: u32::try_from(number).unwrap_or(u32::MAX),
            order: format!("{first}-first"),
        };
        let mut one = |phase| {
            let run = self.one(phase, session.clone());
            run.map_err(|error| (phase, error))
        };
        let (earlier, later) = (one(first)?, one(second)?);
        Ok(match first {
            Phase::Before => [earlier, later],
            Phase::After => [later, earlier],
        })
    }

    /// One run, as `perf-check` does it, saved under the same names.
    fn one(&mut self, phase: Phase, session: SessionPlace) -> Result<(RunName, Recorded)> {
        let bench = &mut self.bench;
        let mut conditions = bench.conditions();
        let heading = format!("pair {}, {phase}", session.pair);
        bench.steps.heading(&heading);
        bench.steps.begin("wait", "for a quiet machine");
        let still_busy = quiet::wait(self.wait_quiet, |disturbed| {
            bench.steps.progress(disturbed);
        });
        bench.steps.clear();
        conditions.warnings.extend(still_busy);
        let side = match phase {
            Phase::Before => &self.sides.before,
            Phase::After => &self.sides.after,
        };
        let place = Place { group: None, index: 1, of: 1, session: Some(session) };
        let grace = bench.setup.limits.stop_grace;
        bench.measure(side, &conditions, place, |measured| refuse_failed(measured, grace))
    }

    /// Shows the newest pair, and what all pairs say so far.
    fn show(&self, pair: &Pair) {
        let (pairs, most) = (self.record.pairs.len(), self.record.plan.last_look());
        let measured_now = pairs.saturating_sub(self.pairs_before).max(1);
        let missing = match goes_on(&self.record) {
            true => most.saturating_sub(pairs),
            false => 0,
        };
        let count = |number| u32::try_from(number).unwrap_or(u32::MAX);
        let used = self.began.elapsed();
        let line = Line {
            pair: pairs,
            p99_ms: pair.each_ref().map(|(_, run)| run.result.p99_ms),
            stolen: pair.each_ref().map(|(_, run)| run.provenance.as_ref()?.noise.steal_share),
            others: pair.each_ref().map(|(_, run)| others_share(run)),
            used,
            left: (used / count(measured_now)).saturating_mul(count(missing)),
        };
        say(&pairs::line(
            &line,
            &self.record.differences(),
            self.record.plan.alpha(),
            self.margin(),
        ));
    }
}

/// The share of the machine's CPU time that others used during the load, 0 to 1.
fn others_share(run: &Recorded) -> Option<f64> {
    let provenance = run.provenance.as_ref()?;
    let load_seconds = provenance.server.load_seconds?;
    let whole = load_seconds * f64::from(noise::processors());
    Some(provenance.noise.others_cpu_seconds? / whole)
}

/// Refuses a run whose server did not do what it was asked: its latencies are no evidence.
fn refuse_failed(measured: &Measured, grace: Duration) -> Result<()> {
    let result = &measured.result;
    let failed = run::unclean_stop(measured.stop, grace)
        .or_else(|| fitness::no_latency(result))
        .or_else(|| fitness::error_replies(result));
    match failed {
        Some(why) => Err(Error::new(why).of_server()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    #[test]
    fn a_confirmation_ends_at_one_of_the_looks() {
        let typed =
            |line: &str| read(Words::new(line.split_whitespace().map(OsString::from).collect()));
        let last_look = |line| typed(line).unwrap().plan.last_look();
        assert_eq!(last_look("007"), 16);
        assert_eq!(last_look("007 --max-pairs 6"), 6);
        assert_eq!(
            typed("007 --max-pairs 7").unwrap_err().what(),
            "--max-pairs takes one of 6, 10, 16"
        );
    }
}
