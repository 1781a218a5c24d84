//! `perf-confirm`: distinguishes a change from noise, by measuring before and after at the same time, again and again.

use std::time::Duration;

use super::base;
use super::bench::{Bench, PORT, Setup, Side};
use super::duets::{self, Duets, goes_on};
use super::shared::{context, say};
use super::words::{Words, task_id};
use crate::answer;
use crate::error::{Error, Result};
use crate::judge::comparison;
use crate::judge::verdict::Outcome;
use crate::measure::build;
use crate::measure::checkout;
use crate::measure::run::{Failed, Limits};
use crate::model::limits::{PAIR_SECONDS, PLAN};
use crate::model::names::Phase;
use crate::model::provenance::ServerRun;
use crate::model::session::{Failure, SessionRecord, Subject};
use crate::model::typed;
use crate::report::human;
use crate::report::next::Context;
use crate::stats::paired::Plan;
use crate::store::clock::Clock;
use crate::store::session;
use crate::term::steps::{Steps, Verbosity};
use crate::term::streams::{self, Style};

pub(crate) const HELP: &str = "\
Distinguishes a change from noise: measures the before and the after binary at
the same time, in short duets, until the answer is sure or the plan is used up.
It uses the binaries that perf-check kept for the newest before and after, or,
with --base, builds both. With one CPU, or too little memory for two servers,
they are measured in turn.

Usage: cargo perf-confirm <task> [options]

  <task>               the task that was measured; for instance 007

Options
  --base REV           build before from this commit, branch or tag, beside the
                       checkout; after is the checkout as it stands
  --competitive        the competitive scenario instead of the internal one
  --duration SECONDS   length of each load (10)
  --max-pairs N        8, 12, 16, 24 or 40 duets at most (24)
  --wait-quiet S       longest wait for a quiet machine before a duet (60)
  --fresh              archive the earlier record and start a new one
  --port N             port of one server; the other's is the next free (7432)
  --ready-timeout S    longest wait until both servers are healthy (120)
  --stop-grace S       from SIGTERM to SIGKILL (10)
  -C DIR               the checkout (this tool's own workspace)
  -h, --help           this text

Interrupted, it keeps the finished duets; called again, it continues.

With --base both sides are built with the configuration, toolchain and ignored
files of the checkout, which stays as it is. What is built from REV is kept, and
each side is measured alone first, once: perf-compare and the hook know it then.

Examples
  cargo perf-confirm 007
  cargo perf-confirm 007 --base main
  cargo perf-confirm 007 --competitive --max-pairs 12

Exit codes
  0  not regressed, or no regression found
  1  internal regression
  2  competitive regression
  3  suspected, or not measurable; the message says why
";

#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    setup: Setup,
    /// The revision that before is built from, if not the newest recorded sides are measured.
    base: Option<String>,
    /// When to look at the pairs, if a record is opened.
    plan: Plan,
    /// The longest wait for a quiet machine before a run.
    wait_quiet: Duration,
    /// An earlier record of the same binaries, scenario and duration is archived instead of continued.
    fresh: bool,
}

/// The load of a run where no duration is asked for.
const DURATION: Duration = Duration::from_secs(PAIR_SECONDS);
/// The longest wait for a quiet machine where none is asked for.
const WAIT_QUIET: Duration = Duration::from_secs(60);

pub(crate) fn read(mut words: Words) -> Result<Options> {
    let mode = words.mode();
    let base = words.value("--base", "a commit, branch or tag")?;
    let duration = words.seconds("--duration", DURATION, 1)?;
    let wait_quiet = words.seconds("--wait-quiet", WAIT_QUIET, 0)?;
    let port = words.whole("--port", PORT, 1..=u16::MAX)?;
    let defaults = Limits::default();
    let limits = Limits {
        ready: words.seconds("--ready-timeout", defaults.ready, 1)?,
        stop_grace: words.seconds("--stop-grace", defaults.stop_grace, 0)?,
        ..defaults
    };
    let looks: Vec<String> = PLAN.possible_looks.iter().map(usize::to_string).collect();
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
        setup: Setup { task: task_id(&task)?, mode, duration, port, limits, checkout },
        base,
        plan,
        wait_quiet,
        fresh,
    })
}

/// Measures pairs until the verdict falls, and reports it.
///
/// # Errors
/// When a side cannot be built or is no longer kept, or a run fails for another reason than the after server. The finished
/// pairs stay, and the next call continues.
pub(crate) fn run(options: &Options, clock: Clock) -> Result<Outcome> {
    let setup = &options.setup;
    let checkout = checkout::find(setup.checkout.as_deref())?;
    if let Some(Err(why)) = answer::baseline(&checkout, setup.mode) {
        return Err(Error::new(why.to_string()).next("without it no verdict could be given"));
    }
    let steps = Steps::new(Verbosity::ProgressOnly);
    let mut bench = Bench::open(setup, &checkout, steps, clock)?;
    if let Some(revision) = &options.base {
        base::measure(&mut bench, revision)?;
    }
    let sides = Sides::newest(&bench)?;
    let [before, after] = [&sides.before, &sides.after].map(|side| &side.built.binaries);
    // With one server there is nothing to distinguish; the groups' own verdict says why it is one.
    if before.engram_hash != after.engram_hash {
        let record = open(options, &bench, &sides)?;
        let sides = [sides.before, sides.after];
        let duets = Duets::new(bench, sides, options.wait_quiet, &record);
        let continuing = match options.fresh {
            false => "the same command continues",
            true => "the same command without --fresh continues",
        };
        Running { duets, record, continuing }.measure_pairs()?;
    }

    let around =
        Context { unlogged: Some(setup.task.clone()), ..context(&checkout, setup.repeated()) };
    // As `perf-compare` answers: the session's verdict, or a worse one of another duration.
    let comparisons = answer::of_task(&checkout, &setup.task, Some(setup.mode), &around.repeated)?;
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
    /// The memory that both servers need, in KiB, where it was recorded.
    memory_kib: Option<u64>,
}

impl Sides {
    fn newest(bench: &Bench) -> Result<Self> {
        let setup = &bench.setup;
        let folder = build::kept_folder(&bench.checkout)?;
        let newest = |phase| {
            let repeated = setup.repeated();
            let measure = typed::perf_check(&setup.task, phase, setup.mode, "", &repeated);
            bench
                .newest(phase, &folder)
                .map_err(|error| error.next(format!("measure it first: {measure}")))
        };
        let (mut before, _, of_before) = newest(Phase::Before)?;
        let (after, load, of_after) = newest(Phase::After)?;
        let both = &after.built.binaries;
        before.built.binaries.loadtest.clone_from(&both.loadtest);
        before.built.binaries.loadtest_hash.clone_from(&both.loadtest_hash);
        let memory_kib = |server: ServerRun| server.memory_kib.or(server.peak_memory_kib);
        Ok(Self {
            memory_kib: memory_kib(of_before)
                .zip(memory_kib(of_after))
                .map(|(one, other)| one + other),
            before,
            after,
            scenario_hash: load.scenario_hash,
        })
    }
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
        how: duets::how(sides.memory_kib),
        mode: bench.setup.mode,
        before: hash(&sides.before.built.binaries.engram_hash)?,
        after: hash(&sides.after.built.binaries.engram_hash)?,
        scenario: hash(&scenario.hash)?,
        duration_seconds: bench.setup.duration.as_secs(),
    };
    let loadtest = hash(&sides.after.built.binaries.loadtest_hash)?;
    let now = bench.clock.timestamp();
    let known = match SessionRecord::load(results, &subject) {
        Err(error) if !options.fresh => return Err(error),
        known => known.ok().flatten(),
    };
    if let Some(record) = &known {
        // A duet that was saved and not recorded is none.
        results.remove_unrecorded(&record.id(), |run| record.has_run(run))?;
    }
    if options.fresh
        && let Some(archived) = SessionRecord::archive(results, &subject, now)?
    {
        let archived = archived.display();
        say(&format!("the earlier record was archived: {archived}"));
    }
    let Some(record) = known.filter(|_| !options.fresh) else {
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
            record.plan.last_look
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

/// A session while it measures.
struct Running {
    duets: Duets,
    record: SessionRecord,
    /// How it goes on after an interruption, in words.
    continuing: &'static str,
}

/// Failures of the before server in a row that end a call: more would not fix it.
const MOST_BEFORE_FAILURES_IN_A_ROW: usize = 2;

impl Running {
    /// Measures pair after pair until the plan says stop. Each is on record before the next begins.
    fn measure_pairs(&mut self) -> Result<()> {
        if goes_on(&self.record) {
            self.duets.begin();
        }
        let mut before_failures = 0;
        while goes_on(&self.record) {
            let kept = match self.record.pairs.len() {
                1 => "1 pair is".to_owned(),
                pairs => format!("{pairs} pairs are"),
            };
            self.duets.bench.last_words.set(&format!("{kept} kept; {}", self.continuing));
            match self.duets.pair(&self.record) {
                Ok(pair) => {
                    before_failures = 0;
                    self.record.pairs.push(pair);
                    self.record.save(&self.duets.bench.results)?;
                    self.duets.show(&self.record);
                }
                Err(Failed::Environment(error)) => {
                    let continuing = self.continuing;
                    return Err(error.next(format!("the finished pairs are kept; {continuing}")));
                }
                Err(Failed::Server(phase, error)) => {
                    self.note_failure(phase, &error)?;
                    before_failures = match phase {
                        Phase::Before => before_failures + 1,
                        Phase::After => 0,
                    };
                    if before_failures >= MOST_BEFORE_FAILURES_IN_A_ROW {
                        let what = format!("the before server keeps failing: {}", error.what());
                        let logs = session::folder(&self.duets.bench.results);
                        return Err(Error::new(what)
                            .next("there is nothing to compare with; the finished pairs are kept")
                            .next(format!("its logs are in {}", logs.display())));
                    }
                }
            }
        }
        Ok(())
    }

    fn note_failure(&mut self, phase: Phase, error: &Error) -> Result<()> {
        let bench = &mut self.duets.bench;
        let failure =
            Failure { pair: self.record.pairs.len() + 1, phase, why: error.what().to_owned() };
        bench.steps.clear();
        say(&format!("pair {} is void: the {phase} server failed: {}", failure.pair, failure.why));
        self.record.failures.push(failure);
        self.record.save(&bench.results)?;
        let workplace = bench.workplace.of_side(phase);
        for log in [workplace.server_log(), workplace.load_log()] {
            if let Some(kept) = self.record.keep_log(&bench.results, &log) {
                say(&format!("  log: {}", kept.display()));
            }
        }
        Ok(())
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
        let last_look = |line| typed(line).unwrap().plan.last_look;
        assert_eq!(last_look("007"), 24);
        assert_eq!(last_look("007 --max-pairs 40"), 40);
        assert_eq!(
            typed("007 --max-pairs 7").unwrap_err().what(),
            "--max-pairs takes one of 8, 12, 16, 24, 40"
        );
    }
}
