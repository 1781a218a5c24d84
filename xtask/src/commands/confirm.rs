//! `perf-confirm`: distinguishes a change from noise, by measuring before and after at the same time, again and again.

use std::time::Duration;

use super::base;
use super::bench::{Bench, Setup, Side};
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
use crate::model::names::{Phase, TaskId};
use crate::model::provenance::Provenance;
use crate::model::session::{Failure, SessionRecord};
use crate::model::typed;
use crate::report::human;
use crate::report::next::Context;
use crate::stats::paired::Plan;
use crate::store::clock::Clock;
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
    task: TaskId,
    /// The revision that before is built from, if not the newest recorded sides are measured.
    base: Option<String>,
    /// When to look at the pairs, if a record is opened.
    plan: Plan,
    /// The longest wait for a quiet machine before a run.
    wait_quiet: Duration,
    /// An earlier record of the same binaries, scenario and duration is archived instead of continued.
    fresh: bool,
}

/// The longest wait for a quiet machine where none is asked for.
const WAIT_QUIET: Duration = Duration::from_secs(60);

pub(crate) fn read(mut words: Words) -> Result<Options> {
    let usual = Limits::default();
    let setup = Setup {
        mode: words.mode(),
        limits: Limits {
            ready: words.seconds("--ready-timeout", usual.ready, 1)?,
            stop_grace: words.seconds("--stop-grace", usual.stop_grace, 0)?,
            ..usual
        },
        ..Setup::read(&mut words, PAIR_SECONDS)?
    };
    let base = words.text("--base", "a commit, branch or tag")?;
    let wait_quiet = words.seconds("--wait-quiet", WAIT_QUIET, 0)?;
    let looks: Vec<String> = PLAN.possible_looks().iter().map(usize::to_string).collect();
    let takes = format!("one of {}", looks.join(", "));
    let plan = words.read("--max-pairs", &takes, |pairs| PLAN.up_to(pairs.parse().ok()?))?;
    let fresh = words.flag("--fresh");
    let [task] = words.positional(["<task>"])?;
    let (task, plan) = (task_id(&task)?, plan.unwrap_or(PLAN));
    Ok(Options { setup, task, base, plan, wait_quiet, fresh })
}

/// Measures pairs until the verdict falls, and reports it.
///
/// # Errors
/// When a side cannot be built or is no longer kept, or a run fails for another reason than the after server. The finished
/// pairs stay, and the next call continues.
pub(crate) fn run(options: &Options, clock: Clock) -> Result<Outcome> {
    let Options { setup, task, .. } = options;
    let checkout = checkout::find(setup.checkout.as_deref())?;
    if let Some(Err(why)) = answer::baseline(&checkout, setup.mode) {
        return Err(Error::from(why.fault).next("without it no verdict could be given"));
    }
    let steps = Steps::new(Verbosity::ProgressOnly);
    let mut bench = Bench::open(setup, task, &checkout, steps, clock)?;
    if let Some(revision) = &options.base {
        base::measure(&mut bench, revision)?;
    }
    let sides = newest(&bench)?;
    let [before, after] = sides.each_ref().map(|(side, _)| &side.built.binaries.engram_hash);
    // With one server there is nothing to distinguish; the groups' own verdict says why it is one.
    if before != after {
        let record = open(options, &bench, &sides)?;
        let sides = sides.map(|(side, _)| side);
        measure_pairs(Duets::new(bench, sides, options.wait_quiet), record, options.fresh)?;
    }

    let around = Context { unlogged: Some(task.clone()), ..context(&checkout, setup.repeated()) };
    // As `perf-compare` answers: the session's verdict, or a worse one of another duration.
    let comparisons = answer::of_task(&checkout, task, Some(setup.mode), &around.repeated)?;
    let report = human::report(&comparisons, &around, Style::of_output());
    // The verdict is recorded: a reader that is gone does not undo it.
    let _ = streams::output(&format!("\n{report}"));
    Ok(comparison::outcome(&comparisons))
}

/// The newest before and after: the servers that were kept, and the after side's load generator for both.
fn newest(bench: &Bench) -> Result<[(Side, Provenance); 2]> {
    let folder = build::kept_folder(&bench.checkout)?;
    let newest = |phase| {
        bench.newest(phase, &folder).map_err(|error| {
            let (setup, repeated) = (&bench.setup, bench.setup.repeated());
            let measure = typed::perf_check(&bench.task, phase, setup.mode, "", &repeated);
            error.next(format!("measure it first: {measure}"))
        })
    };
    let (mut before, after) = (newest(Phase::Before)?, newest(Phase::After)?);
    let (of_before, of_after) = (&mut before.0.built.binaries, &after.0.built.binaries);
    of_before.loadtest.clone_from(&of_after.loadtest);
    of_before.loadtest_hash.clone_from(&of_after.loadtest_hash);
    Ok([before, after])
}

/// The record to go on with: the existing one, or a new one.
fn open(
    options: &Options,
    bench: &Bench,
    sides: &[(Side, Provenance); 2],
) -> Result<SessionRecord> {
    let (results, scenario) = (&bench.results, &bench.scenario);
    let [(_, of_before), (_, of_after)] = sides;
    if Some(&scenario.hash) != of_after.load.scenario_hash.as_ref() {
        let what = format!("{} changed since after was measured", scenario.file);
        return Err(
            Error::new(what).next("measure before and after anew, under the scenario as it is now")
        );
    }
    let memory_kib = |own: &Provenance| own.server.memory_kib.or(own.server.peak_memory_kib);
    let memory_kib = memory_kib(of_before).zip(memory_kib(of_after)).map(|(one, two)| one + two);
    let binaries = sides.each_ref().map(|(side, _)| &side.built.binaries);
    let (subject, loadtest) = duets::subject(bench, binaries, memory_kib);
    if let Ok(Some(record)) = SessionRecord::load(results, &subject) {
        // A duet that was saved and not recorded is none.
        results.remove_unrecorded(&record.id(), |run| record.has_run(run))?;
    }
    let now = bench.clock.timestamp();
    if options.fresh
        && let Some(archived) = SessionRecord::archive(results, &subject, now)?
    {
        say(&format!("the earlier record was archived: {}", archived.display()));
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
    let (measured, most) = (record.pairs.len(), record.plan.last_look());
    let state = if goes_on(&record) { "goes on" } else { "has ended; --fresh archives it" };
    say(&format!("the record of these binaries, {measured} of at most {most} pairs, {state}"));
    if record.plan != options.plan {
        say("its plan was fixed when it was opened; --max-pairs does not change it");
    }
    Ok(record)
}

/// Failures of the before server that end a call: more would not fix it.
const MOST_BEFORE_FAILURES: usize = 2;

/// Measures pair after pair until the plan says stop. Each is on record before the next begins.
fn measure_pairs(mut duets: Duets, mut record: SessionRecord, is_fresh: bool) -> Result<()> {
    let without = if is_fresh { " without --fresh" } else { "" };
    let continuing = format!("the same command{without} continues");
    if goes_on(&record) {
        duets.begin();
    }
    let mut before_failures = 0;
    while goes_on(&record) {
        duets.bench.last_words.set(&format!("pairs kept: {}; {continuing}", record.pairs.len()));
        match duets.pair(&record) {
            Ok(pair) => {
                record.pairs.push(pair);
                record.save(&duets.bench.results)?;
                duets.show(&record);
            }
            Err(Failed::Environment(error)) => {
                return Err(error.next(format!("the finished pairs are kept; {continuing}")));
            }
            Err(Failed::Server(phase, error)) => {
                note_failure(&mut duets.bench, &mut record, phase, &error)?;
                before_failures += usize::from(phase == Phase::Before);
                if before_failures >= MOST_BEFORE_FAILURES {
                    let what = format!("the before server keeps failing: {}", error.what());
                    let logs = record.folder(&duets.bench.results);
                    return Err(Error::new(what)
                        .next("there is nothing to compare with; the finished pairs are kept")
                        .next(format!("its logs are in {}", logs.display())));
                }
            }
        }
    }
    Ok(())
}

fn note_failure(
    bench: &mut Bench,
    record: &mut SessionRecord,
    phase: Phase,
    error: &Error,
) -> Result<()> {
    let failure = Failure { pair: record.pairs.len() + 1, phase, why: error.what().to_owned() };
    bench.steps.clear();
    say(&format!("pair {} is void: the {phase} server failed: {}", failure.pair, failure.why));
    record.failures.push(failure.clone());
    record.save(&bench.results)?;
    let workplace = bench.workplace.of_side(phase);
    for log in [workplace.server_log(), workplace.load_log()] {
        if let Some(kept) = record.keep_log(&bench.results, &log, &failure) {
            say(&format!("  log: {}", kept.display()));
        }
    }
    Ok(())
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
        assert_eq!(last_look("007"), 24);
        assert_eq!(last_look("007 --max-pairs 40"), 40);
        assert_eq!(
            typed("007 --max-pairs 7").unwrap_err().what(),
            "--max-pairs takes one of 8, 12, 16, 24, 40, not `7`"
        );
    }
}
