//! `perf-check`: measures one side of a change, end to end.

use super::bench::{Bench, Setup, Side};
use super::words::{Words, did_you_mean, task_id};
use crate::error::{Error, Result, some_of};
use crate::judge::verdict::Outcome;
use crate::judge::{comparison, fitness};
use crate::measure::build::{self, Build, Built};
use crate::measure::run::Limits;
use crate::measure::{checkout, git};
use crate::model::limits::RUN_SECONDS;
use crate::model::names::{Phase, TaskId};
use crate::model::recorded::{Recorded, Start};
use crate::model::typed::{self, option};
use crate::report::summary::{self, Summary};
use crate::store::clock::Clock;
use crate::store::recorded;
use crate::store::recording::Place;
use crate::term::steps::{Steps, Verbosity};
use crate::term::streams::{self, Style};
use crate::term::text::shell_word;

pub(crate) const HELP: &str = "\
Measures one side of a change: builds, starts a fresh server, waits until it
is healthy, runs the load test, stops, and saves under tmp/m17_performance/.

Usage: cargo perf-check <task> <before|after> [options]

  <task>               letters, digits, `.`, `_`, `-`; for instance 007
  <before|after>       which side of the change is checked out

Options
  --competitive        the competitive scenario instead of the internal one
  --duration SECONDS   length of the load (60)
  --runs N             N runs, each with a fresh server, as one group (1)
  --no-build           measure the existing binaries
  --port N             port of the server (7432)
  --ready-timeout S    longest wait until the server is healthy (120)
  --load-grace S       longest the load may run over its duration (60)
  --stop-grace S       from SIGTERM to SIGKILL (10)
  -C DIR               the checkout to measure (this tool's own workspace)
  -h, --help           this text

Examples
  cargo perf-check 007 before
  cargo perf-check 007 after --runs 3
  cargo perf-check 007 before --competitive
  cargo perf-check 007 before -C ../engram

Exit codes
  0  measured and saved
  3  not measured and not saved; the message says why and what to do
";

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    setup: Setup,
    task: TaskId,
    phase: Phase,
    /// The number of runs in the group.
    runs: u32,
    build: Build,
}

/// The most runs that a group can have.
const MOST_RUNS: u32 = 100;

pub(crate) fn read(mut words: Words) -> Result<Options> {
    let usual = Limits::default();
    let setup = Setup {
        mode: words.mode(),
        limits: Limits {
            ready: words.seconds("--ready-timeout", usual.ready, 1)?,
            load_grace: words.seconds("--load-grace", usual.load_grace, 0)?,
            stop_grace: words.seconds("--stop-grace", usual.stop_grace, 0)?,
        },
        ..Setup::read(&mut words, RUN_SECONDS)?
    };
    let runs = words.whole("--runs", 1, 1..=MOST_RUNS)?;
    let build = if words.flag("--no-build") { Build::Existing } else { Build::Now };
    let (task, phase) = task_and_phase(words)?;
    Ok(Options { setup, task, phase, runs, build })
}

/// The two words that are no options, or the slip in them.
fn task_and_phase(words: Words) -> Result<(TaskId, Phase)> {
    let left = words.at_most(2)?;
    let phases: Vec<Option<Phase>> = left.iter().map(|word| Phase::parse(word)).collect();
    Err(Error::new(match (left.as_slice(), phases.as_slice()) {
        ([task, _], [_, Some(phase)]) => return Ok((task_id(task)?, *phase)),
        ([_, task], [Some(phase), _]) => {
            format!("the task comes first: `{} {phase}`", shell_word(task))
        }
        ([_, phase], _) => {
            let nearest = did_you_mean(phase, ["before", "after"]);
            format!("`{phase}` is not a phase: before or after{nearest}")
        }
        (_, [Some(phase)]) => format!("<task> is missing: cargo perf-check <task> {phase}"),
        ([_], _) => "<before|after> is missing".to_owned(),
        _ => "<task> is missing".to_owned(),
    }))
}

/// Measures, saves and summarises.
///
/// # Errors
/// Names the step that failed. Nothing of that run is saved then, and nothing runs any more.
pub(crate) fn run(options: &Options, clock: Clock) -> Result<Outcome> {
    let Options { setup, task, phase, .. } = options;
    let checkout = checkout::find(setup.checkout.as_deref())?;
    let mut steps = Steps::new(Verbosity::EveryStep);

    steps.begin("preflight", &checkout.display().to_string());
    let mut bench = Bench::open(setup, task, &checkout, steps, clock)?;
    not_hidden(&bench, *phase)?;
    let mut conditions = bench.conditions();
    // With its folders, a competitive one is too long for a line.
    let file = bench.scenario.file.rsplit('/').next().unwrap_or_default();
    bench.steps.done(&format!("{file}, port {} is free", setup.port));
    for warning in &conditions.warnings {
        bench.steps.warn(warning);
    }

    let built = build_step(options.build, &mut bench)?;
    for weakness in weaknesses(&bench, *phase, &built)? {
        bench.steps.warn(&weakness);
        conditions.warnings.push(weakness);
    }
    let side = Side { phase: *phase, built, git: git::state(&checkout) };

    let mut first = None;
    let mut runs = Vec::new();
    for index in 1..=options.runs {
        if options.runs > 1 {
            bench.steps.heading(&format!("run {index} of {}", options.runs));
        }
        let kept = match runs.len() {
            0 => "nothing was saved".to_owned(),
            saved => format!("{saved} of {} runs are saved", options.runs),
        };
        bench.last_words.set(&format!("{kept}; {}", bench.logs()));
        let place = Place { group: first.clone(), index, of: options.runs, session: None };
        let (name, run) =
            bench.alone(&side, place, &conditions).map_err(|error| error.next(kept))?;
        let warnings = run.provenance.iter().flat_map(|run| &run.warnings);
        // Those of the whole group come first, and have been shown.
        for warning in warnings.skip(conditions.warnings.len()) {
            bench.steps.warn(warning);
        }
        first.get_or_insert(name);
        runs.push(run);
    }
    bench.last_words.set("all is saved");
    let fails = |run: &&Recorded| fitness::error_replies(&run.result).is_some();
    let side = |runs: &[Recorded]| comparison::Side::of(runs, |run| run.result.error_rate);
    let summary = Summary {
        title: format!("{task} {phase}, {}", setup.mode),
        failing: runs.iter().filter(fails).count(),
        runs: &runs.chunks(1).filter_map(side).collect::<Vec<_>>(),
        median: side(&runs).filter(|_| runs.len() > 1),
        next: next(options),
    };
    // It is saved: a reader that is gone does not undo that.
    let _ = streams::output(&summary::summary(&summary, Style::of_output()));
    Ok(Outcome::Success)
}

/// # Errors
/// When the newest run of the side was started later than now: it would hide the new one.
fn not_hidden(bench: &Bench, phase: Phase) -> Result<()> {
    let now = Start { moment: Some(bench.clock.now()), named: Some(bench.clock.timestamp()) };
    match bench.newest_run(phase)? {
        Some(Ok(newest)) if newest.start().is_after(now) => {
            let what = format!("{} is from the future, and would hide this run", newest.stem());
            Err(Error::new(what)
                .next("was the clock set back? wait until then, or take that one back:")
                .next(take_back(bench, phase)))
        }
        _ => Ok(()),
    }
}

/// The command that archives the newest measurement of a side.
fn take_back(bench: &Bench, phase: Phase) -> String {
    typed::take_back(&bench.task, phase, bench.setup.mode, &bench.setup.repeated())
}

/// What makes the binaries of a side weaker evidence, in words.
fn weaknesses(bench: &Bench, phase: Phase, built: &Built) -> Result<Vec<String>> {
    let mut told = Vec::new();
    let disk = built.inputs.iter().flat_map(|inputs| inputs.disk.iter().cloned());
    let of_no_commit: Vec<String> = disk.collect();
    if !of_no_commit.is_empty() {
        let named = some_of(&of_no_commit, 1);
        told.push(format!("what was built is in no commit: it includes {named}"));
    }
    if let (Phase::Before, Some(content)) = (phase, &built.content) {
        let (names, mode) = (bench.names()?, bench.setup.mode);
        if let Some(after) = recorded::after_on(&bench.results, &names, mode, content) {
            let take_back = take_back(bench, phase);
            told.push(format!(
                "this very source was measured as after ({after}): is the change set aside? if not: {take_back}"
            ));
        }
    }
    Ok(told)
}

fn build_step(build: Build, bench: &mut Bench) -> Result<Built> {
    let steps = &mut bench.steps;
    match build {
        Build::Now => {
            steps.begin_long("build", "cargo build --release --bin engram --bin loadtest");
            steps.release_line();
        }
        Build::Existing => steps.begin("build", "none: --no-build"),
    }
    let built = build::prepare(&bench.checkout, None, &bench.workplace.git(), build)?;
    steps.done(match (build, &built.content) {
        (Build::Now, Some(_)) => "built",
        (Build::Now, None) => "built; source hash unknown (no git, or files changed)",
        (Build::Existing, _) => "none: --no-build; source hash unknown",
    });
    Ok(built)
}

/// The next command to type, on a line of its own.
fn next(options: &Options) -> String {
    let setup = &options.setup;
    match options.phase {
        Phase::Before => format!("make the change, then\n  {}", again(options, Phase::After)),
        Phase::After => {
            let compare = typed::perf_compare(&options.task, "", &setup.repeated());
            format!("judge the change\n  {compare}")
        }
    }
}

/// The command that measures `phase` in the same way.
fn again(options: &Options, phase: Phase) -> String {
    let setup = &options.setup;
    let no_build = if options.build == Build::Existing { " --no-build" } else { "" };
    let further = option("duration", setup.duration.as_secs(), RUN_SECONDS)
        + &option("runs", options.runs.into(), 1)
        + no_build;
    typed::perf_check(&options.task, phase, setup.mode, &further, &setup.repeated())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::PathBuf;

    use super::*;
    use crate::model::names::Mode;

    fn typed(line: &str) -> Result<Options> {
        read(Words::new(line.split_whitespace().map(OsString::from).collect()))
    }

    #[test]
    fn a_check_has_the_defaults_of_its_help() {
        let Options { setup, runs, build, .. } = typed("007 before").unwrap();
        assert_eq!((setup.duration.as_secs(), runs, setup.port), (60, 1, 7432));
        assert_eq!((setup.mode, build, setup.checkout), (Mode::Internal, Build::Now, None));
        assert_eq!(setup.limits, Limits::default());
    }

    #[test]
    fn every_option_is_read_wherever_it_stands() {
        let options = typed(
            "--competitive 007 --duration=3 after --runs 2 --no-build --port 9 --ready-timeout 4 \
             --load-grace 5 --stop-grace 6 -C some/where",
        )
        .unwrap();
        let setup = &options.setup;
        assert_eq!(
            (setup.mode, options.phase, options.build),
            (Mode::Competitive, Phase::After, Build::Existing)
        );
        assert_eq!((setup.duration.as_secs(), options.runs, setup.port), (3, 2, 9));
        assert_eq!(setup.limits.ready.as_secs(), 4);
        assert_eq!(setup.limits.load_grace.as_secs(), 5);
        assert_eq!(setup.limits.stop_grace.as_secs(), 6);
        assert_eq!(setup.checkout, Some(PathBuf::from("some/where")));
    }

    #[test]
    fn the_next_command_measures_in_the_same_way() {
        for line in [
            "007 before",
            "007 before --competitive --duration 3 --runs 2 --no-build --port 9 --ready-timeout 4 \
             --load-grace 5 --stop-grace 6 -C some/where",
        ] {
            let again = again(&typed(line).unwrap(), Phase::After);
            let wanted = line.replace("before", "after");
            assert_eq!(again, format!("cargo perf-check {wanted}"));
        }
    }

    #[test]
    fn a_misspelt_phase_is_refused_with_the_nearest_real_one() {
        assert_eq!(
            typed("007 befor").unwrap_err().what(),
            "`befor` is not a phase: before or after; did you mean `before`?"
        );
    }
}
