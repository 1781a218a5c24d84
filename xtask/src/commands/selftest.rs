//! `perf-selftest`: what the gate can distinguish on this machine, from a binary against itself and against itself
//! slowed down.

use std::mem;
use std::time::{Duration, Instant};

use super::bench::{Bench, Setup, Side};
use super::duets::{self, Duets, goes_on};
use super::shared::say;
use super::words::{Words, task_id};
use crate::error::{Error, Result};
use crate::judge::verdict::Outcome;
use crate::measure::build::{self, Built};
use crate::measure::{checkout, noise};
use crate::model::limits::{PAIR_SECONDS, PLAN};
use crate::model::names::Phase;
use crate::model::provenance::Provenance;
use crate::model::session::SessionRecord;
use crate::model::typed;
use crate::report::selftest::{Selftest, Session};
use crate::store::clock::Clock;
use crate::term::steps::{Steps, Verbosity};
use crate::term::streams;

pub(crate) const HELP: &str = "\
Tells what can be distinguished on this machine: measures the newest binary
that perf-check kept against itself, and against itself slowed down, as
perf-confirm measures a change. The slow-down is real: the supervisor halts and
continues the after server in turn, about a thousand times a second.

Usage: cargo xtask perf-selftest [options]

Options
  --slow-down PERCENT  by how much the after server is slowed down (25)
  --duration SECONDS   length of each load (10)
  --port N             port of one server; the other's is the next free (7432)
  --json               one JSON object instead of the lines
  -C DIR               the checkout (this tool's own workspace)
  -h, --help           this text

Examples
  cargo xtask perf-selftest
  cargo xtask perf-selftest --slow-down 10 --json

Exit codes
  0  the binary is surely not slower than itself, and the slow-down was found
  3  otherwise, or not measurable; the message says what would help
";

#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    setup: Setup,
    /// In per cent.
    slow_down: u32,
    json: bool,
}

/// The task that the runs of the binary against itself are recorded under.
const TASK: &str = "selftest";
/// In per cent.
const SLOW_DOWN: u32 = 25;
const MOST_SLOW_DOWN: u32 = 400;

pub(crate) fn read(mut words: Words) -> Result<Options> {
    let slow_down = words.whole("--slow-down", SLOW_DOWN, 1..=MOST_SLOW_DOWN)?;
    let setup = Setup::read(&mut words, PAIR_SECONDS)?;
    let json = words.flag("--json");
    let [] = words.positional([])?;
    Ok(Options { setup, slow_down, json })
}

/// Measures both sessions and reports them.
///
/// # Errors
/// When no binary is kept, or a run fails. The finished duets of the binary against itself stay among the results.
pub(crate) fn run(options: &Options, clock: Clock) -> Result<Outcome> {
    let setup = &options.setup;
    let checkout = checkout::find(setup.checkout.as_deref())?;
    let steps = Steps::new(Verbosity::ProgressOnly);
    let mut bench = Bench::open(setup, &task_id(TASK)?, &checkout, steps, clock)?;
    bench.last_words.set("there is no answer; the finished runs stay among the results");
    let folder = build::kept_folder(&checkout)?;
    let measure = typed::perf_check("<task>", Phase::Before, setup.mode, "", &setup.repeated());
    let kept = |own: Provenance| {
        let memory_kib = own.server.memory_kib.or(own.server.peak_memory_kib);
        Some((bench.kept(&folder, own.build)?, memory_kib))
    };
    let (built, memory_kib) = bench.recent()?.find_map(kept).ok_or_else(|| {
        Error::new(format!("no binaries are kept in {}", folder.display()))
            .next(format!("measure once: {measure}"))
    })?;
    bench.results.remove_halves(&bench.task)?;
    let of_both = [&built.binaries; 2];
    let (subject, loadtest) = duets::subject(&bench, of_both, memory_kib.map(|one| one * 2));
    // It is not kept: nothing is continued, and nothing judged by it.
    let record = SessionRecord::open(subject, bench.clock.timestamp(), loadtest, PLAN);
    // No run of it is evidence for a source.
    let built = Built { content: None, inputs: None, ..built };
    let sides = Phase::ALL.map(|phase| Side { phase, built: built.clone(), git: None });
    // The question is what can be distinguished on the machine as it is: nothing is waited for.
    let mut duets = Duets::new(bench, sides, Duration::ZERO);
    say("a binary against itself");
    let itself = session(&mut duets, record.clone())?;
    let percent = options.slow_down;
    say(&format!("\na binary against itself, slowed down by {percent} %"));
    duets.slow_down = Some(f64::from(percent));
    let slowed = session(&mut duets, record)?;
    let found = Selftest { slow_down: percent, cpus: noise::processors(), itself, slowed };
    let outcome = if found.succeeds() { Outcome::Success } else { Outcome::Undecided };
    // The runs are saved: a reader that is gone does not undo that.
    let _ = streams::output(&match options.json {
        true => found.json(outcome.code()),
        false => format!("\n{}", found.text()),
    });
    Ok(outcome)
}

/// Measures pairs until the plan of `record` is done.
fn session(duets: &mut Duets, mut record: SessionRecord) -> Result<Session> {
    let began = Instant::now();
    duets.begin();
    while goes_on(&record) {
        let pair = duets.pair(&record)?;
        record.pairs.push(pair);
        duets.show(&record);
    }
    let provenances = mem::take(&mut duets.provenances);
    Ok(Session { record, provenances, took: began.elapsed() })
}
