//! `perf-check`: measures one side of a change, end to end.

use std::borrow::Cow;
use std::env;
use std::path::Path;

use xshell::cmd;

use super::Outcome;
use crate::args::Check;
use crate::error::{Error, Result};
use crate::measure::build::{self, Build, Built};
use crate::measure::host;
use crate::measure::run::{self, Measured, Plan};
use crate::measure::scenario::Scenario;
use crate::measure::workplace::Workplace;
use crate::measure::{checkout, git, port, shell};
use crate::model::names::RunName;
use crate::report::summary;
use crate::store::clock::Clock;
use crate::store::recording::{self, Circumstances, Place};
use crate::store::results::Results;
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
    let mut warnings = host::warnings(&state);
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
    let mut runs: Vec<(RunName, Measured)> = Vec::new();
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
            group: runs.first().map_or(&name, |(first, _)| first),
            index,
            of: check.runs,
            session: None,
        };
        let measured = run::run(&plan, &workplace, &mut steps)
            .and_then(|measured| {
                steps.begin("save", "");
                let saved =
                    recording::save(&results, &workplace, &place, &circumstances, &measured)?;
                steps.done(&file_name(&saved));
                Ok(measured)
            })
            .map_err(|error| incomplete_group(error, runs.len()))?;
        measured
            .warnings
            .iter()
            .for_each(|warning| steps.warn(warning));
        runs.push((name, measured));
    }
    // It is saved: a reader that is gone does not undo that.
    let _ = streams::output(&summary::summary(check, &runs, Style::of_output()));
    Ok(Outcome::Success)
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
