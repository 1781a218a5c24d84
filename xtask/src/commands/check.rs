//! `perf-check`: measures one side of a change, end to end.

use std::borrow::Cow;
use std::env;
use std::fmt::Write as _;
use std::path::Path;

use xshell::cmd;

use super::Outcome;
use crate::args::{Check, DEFAULT_DURATION, DEFAULT_PORT};
use crate::error::{Error, Fault, Result};
use crate::judge::comparison::Side;
use crate::judge::fitness;
use crate::measure::build::{self, Build, Built};
use crate::measure::host;
use crate::measure::run::{self, Limits, Plan};
use crate::measure::scenario::Scenario;
use crate::measure::workplace::Workplace;
use crate::measure::{checkout, git, port, shell};
use crate::model::names::{Mode, Phase, RunName};
use crate::model::recorded::Recorded;
use crate::report::summary::{self, Summary};
use crate::store::clock::Clock;
use crate::store::recorded;
use crate::store::recording::{self, Circumstances, Place};
use crate::store::results::Results;
use crate::term::shell_word;
use crate::term::steps::{Steps, Verbosity};
use crate::term::streams::{self, Style};

/// Measures, saves and summarises.
///
/// # Errors
/// Names the step that failed. Nothing of that run is saved then, and nothing runs any more.
pub fn run(check: &Check, clock: Clock) -> Result<Outcome> {
    let tool =
        env::current_exe().map_err(|error| Error::because("cannot find this executable", error))?;
    let checkout = checkout::find(check.checkout.as_deref())?;
    let results = Results::of(&checkout);
    let mut steps = Steps::new(Verbosity::EveryStep);

    steps.begin("preflight", &checkout.display().to_string());
    let scenario = Scenario::read(&checkout, check.mode)?;
    let _lock = results.lock()?;
    let workplace = Workplace::beside(results.folder());
    workplace.clear()?;
    port::free(check.port)?;
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    for folder in [results.folder(), &checkout.join(target)] {
        enough_disk(folder)?;
    }
    let (host, state) = (host::host(), host::state());
    let mut warnings = host::warnings(&host, &state);
    let file = file_name(Path::new(scenario.file));
    steps.done(&format!("{file}, port {} is free", check.port));
    warnings.iter().for_each(|warning| steps.warn(warning));

    let built = build_step(check, &checkout, &workplace, &mut steps)?;
    if built.binaries.engram_hash.is_none() {
        let unknown = "without git hashes are unknown, and no binaries are kept for perf-confirm";
        steps.warn(unknown);
        warnings.push(unknown.into());
    }
    let git = git::state(&checkout);

    let plan = Plan {
        tool: &tool,
        checkout: &checkout,
        binaries: &built.binaries,
        scenario: &scenario,
        mode: check.mode,
        duration: check.duration,
        port: check.port,
        limits: check.limits,
    };
    let circumstances = Circumstances {
        built: &built,
        scenario: &scenario,
        duration: check.duration,
        git: git.as_ref(),
        host: &host,
        state: &state,
        warnings: &warnings,
    };
    let mut group: Option<RunName> = None;
    let mut runs: Vec<Recorded> = Vec::new();
    for index in 1..=check.runs {
        if check.runs > 1 {
            steps.heading(&format!("run {index} of {}", check.runs));
        }
        let started = clock.now();
        let name = results.unused(RunName {
            timestamp: clock.timestamp(),
            mode: check.mode,
            task: check.task.clone(),
            phase: check.phase,
        });
        let place = Place {
            name: &name,
            started,
            group: group.as_ref().unwrap_or(&name),
            index,
            of: check.runs,
            session: None,
        };
        let (measured, saved) = run::run(&plan, &workplace, &mut steps)
            .and_then(|mut measured| {
                let weaknesses = fitness::weaknesses(&measured.result, scenario.rate);
                measured.warnings.extend(weaknesses);
                steps.begin("save", "");
                let saved =
                    recording::save(&results, &workplace, &place, &circumstances, &measured)?;
                steps.done(&file_name(&saved));
                Ok((measured, saved))
            })
            .map_err(|error| incomplete_group(error, runs.len()))?;
        measured
            .warnings
            .iter()
            .for_each(|warning| steps.warn(warning));
        group.get_or_insert(name);
        runs.push(recorded::read(&saved).map_err(Fault::from)?);
    }
    let failing = runs
        .iter()
        .filter(|run| fitness::error_replies(&run.result).is_some());
    let side = |run: &Recorded| Side::of(std::slice::from_ref(run), |run| run.result.error_rate);
    let text = summary::summary(
        &Summary {
            title: format!("{} {}, {}", check.task, check.phase, check.mode),
            failing: failing.count(),
            runs: &runs.iter().filter_map(side).collect::<Vec<Side>>(),
            next: next(check),
        },
        Style::of_output(),
    );
    // It is saved: a reader that is gone does not undo that.
    let _ = streams::output(&text);
    Ok(Outcome::Success)
}

fn next(check: &Check) -> String {
    match check.phase {
        Phase::Before => format!("make the change, then\n  {}", again(check, Phase::After)),
        Phase::After => {
            let checkout = checkout_option(check);
            format!("\n  cargo perf-compare {}{checkout}", check.task)
        }
    }
}

/// The command that measures `phase` in the same way.
fn again(check: &Check, phase: Phase) -> String {
    let mut command = format!("cargo perf-check {} {phase}", check.task);
    if check.mode == Mode::Competitive {
        command.push_str(" --competitive");
    }
    if check.duration != DEFAULT_DURATION {
        let _ = write!(command, " --duration {}", check.duration.as_secs());
    }
    if check.runs > 1 {
        let _ = write!(command, " --runs {}", check.runs);
    }
    if check.port != DEFAULT_PORT {
        let _ = write!(command, " --port {}", check.port);
    }
    let (limits, usual) = (check.limits, Limits::default());
    for (option, asked, usual) in [
        ("ready-timeout", limits.ready, usual.ready),
        ("load-grace", limits.load_grace, usual.load_grace),
        ("stop-grace", limits.stop_grace, usual.stop_grace),
    ] {
        if asked != usual {
            let _ = write!(command, " --{option} {}", asked.as_secs());
        }
    }
    if check.build == Build::Existing {
        command.push_str(" --no-build");
    }
    command + &checkout_option(check)
}

fn checkout_option(check: &Check) -> String {
    check.checkout.as_ref().map_or_else(String::new, |folder| {
        format!(" -C {}", shell_word(&folder.to_string_lossy()))
    })
}

fn build_step(
    check: &Check,
    checkout: &Path,
    workplace: &Workplace,
    steps: &mut Steps,
) -> Result<Built> {
    match check.build {
        Build::Now => {
            steps.begin_long("build", "cargo build --release --bin engram --bin loadtest");
            steps.release_line();
        }
        Build::Existing => steps.begin("build", "none: --no-build"),
    }
    let built = build::prepare(checkout, &workplace.git(), check.build)?;
    steps.done(match (check.build, &built.content) {
        (Build::Now, Some(_)) => "built",
        (Build::Now, None) => "built; from what is unknown: no git, or files changed",
        (Build::Existing, _) => "none: --no-build; built from what is unknown",
    });
    Ok(built)
}

/// The least room on the disk to begin with: logs, the server's data and copies of the binaries have to fit.
const LEAST_DISK_MIB: u64 = 512;

/// # Errors
/// When there is too little room for what is written to `folder`. One that is not there, or that the system does not
/// tell about, has enough.
fn enough_disk(folder: &Path) -> Result<()> {
    let shell = shell::shell(Path::new("/"))?;
    let table = shell::answer(cmd!(shell, "df -Pk {folder}"));
    match table
        .and_then(|table| free_kib(&table))
        .map(|kib| kib / 1024)
    {
        Some(mib) if mib < LEAST_DISK_MIB => Err(Error::new(format!(
            "only {mib} MiB are free on the disk of {}; a run needs {LEAST_DISK_MIB}",
            folder.display()
        ))
        .next("make room, for instance with cargo clean")),
        _ => Ok(()),
    }
}

/// What `df -Pk` calls available: the column before the capacity in per cent. The names around them may have spaces.
fn free_kib(table: &str) -> Option<u64> {
    let fields: Vec<&str> = table.lines().nth(1)?.split_whitespace().collect();
    fields.windows(2).find_map(|pair| match pair {
        [available, capacity] if capacity.ends_with('%') => available.parse().ok(),
        _ => None,
    })
}

/// The runs of a group that were saved before one failed stay, and count with what there is.
fn incomplete_group(error: Error, saved: usize) -> Error {
    match saved {
        0 => error.next("nothing was saved"),
        saved => error.next(format!(
            "the failed run was not saved; the {saved} before it were"
        )),
    }
}

/// A file as a step shows it: with the folders, the competitive ones are too long for a line.
fn file_name(path: &Path) -> Cow<'_, str> {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
}
