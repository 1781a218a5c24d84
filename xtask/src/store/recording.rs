//! One measured run, written down: its samples, its provenance, its result.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::Result;
use crate::measure::build::{Build, Built, PROFILE};
use crate::measure::health::Implementation;
use crate::measure::run::{Measured, Sample};
use crate::measure::scenario::{self, Scenario};
use crate::measure::workplace::Workplace;
use crate::model::names::{Mode, Part, RunName};
use crate::model::provenance::{
    BuildRecord, Git, Host, HostState, Load, Provenance, Run, ServerRun, SessionPlace,
};
use crate::store::results::{self, Results};

/// A run's place among others.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The first run of its group; `None` for that run itself.
    pub(crate) group: Option<RunName>,
    /// 1 for the first run of the group.
    pub(crate) index: u32,
    /// The planned number of runs in the group.
    pub(crate) of: u32,
    /// The pair that it belongs to.
    pub(crate) session: Option<SessionPlace>,
}

/// The place and the circumstances of one run, apart from its own measurements.
#[derive(Debug, Clone)]
pub(crate) struct Circumstances<'a> {
    /// The run.
    pub(crate) name: &'a RunName,
    /// The time of its start.
    pub(crate) started: OffsetDateTime,
    /// Its place among other runs.
    pub(crate) place: Place,
    /// The binaries.
    pub(crate) built: &'a Built,
    /// The load.
    pub(crate) scenario: &'a Scenario,
    /// Seconds of load asked for.
    pub(crate) duration: Duration,
    /// The state of the checkout.
    pub(crate) git: Option<&'a Git>,
    /// The machine.
    pub(crate) host: &'a Host,
    /// Its state before the run.
    pub(crate) state: &'a HostState,
    /// The weaknesses of the run, in words.
    pub(crate) warnings: &'a [String],
}

/// Saves what `measured` says and the files in `workplace`; returns the path of the result.
///
/// # Errors
/// Names the file that could not be written; nothing is saved then, and the logs stay in the workplace.
pub(crate) fn save(
    results: &Results,
    workplace: &Workplace,
    circumstances: &Circumstances,
    measured: &Measured,
) -> Result<PathBuf> {
    let saved = write(results, workplace, circumstances, measured).map_err(|error| {
        workplace.remove_scratch();
        error.next(format!("the logs are in {}", workplace.directory().display()))
    })?;
    // Only the server's log is left; its end is in the provenance. If it stays, the next check clears it.
    let _ = workplace.clear();
    Ok(saved)
}

fn write(
    results: &Results,
    workplace: &Workplace,
    circumstances: &Circumstances,
    measured: &Measured,
) -> Result<PathBuf> {
    let system = workplace.directory().join("sys.txt");
    let diagnosis = workplace.directory().join("diag.txt");
    results::write(&system, &samples(measured))?;
    results::write(&diagnosis, &provenance(circumstances, measured).to_text())?;
    results.save(
        circumstances.name,
        &[
            (Part::System, system),
            (Part::Diagnosis, diagnosis),
            (Part::LoadLog, workplace.load_log()),
            (Part::Result, workplace.result()),
        ],
    )
}

/// The end of the load as `ps -o rss,vsz,%cpu,%mem` prints it; then every sample.
fn samples(run: &Measured) -> String {
    let mut lines = String::from("  RSS    VSZ %CPU %MEM\n");
    if let Some(Sample { usage, .. }) = run.samples.last() {
        let (rss, vsz) = (usage.rss_kib, usage.vsz_kib);
        let (cpu, memory) = (usage.cpu_percent, usage.memory_percent);
        let _ = writeln!(lines, "{rss:>5} {vsz:>6} {cpu:>4.1} {memory:>4.1}");
    }
    lines.push_str(
        "\n# one line a second of load: seconds, RSS in KiB, VSZ in KiB, %CPU since the start\n",
    );
    for Sample { at, usage } in &run.samples {
        let (rss, vsz, cpu) = (usage.rss_kib, usage.vsz_kib, usage.cpu_percent);
        let _ = writeln!(lines, "{:>7.2} {rss:>9} {vsz:>10} {cpu:>6.1}", at.as_secs_f64());
    }
    lines
}

fn provenance(around: &Circumstances, run: &Measured) -> Provenance {
    Provenance {
        run: Run {
            name: around.name.to_string(),
            started: around.started.format(&Rfc3339).unwrap_or_default(),
            group: around.place.group.as_ref().unwrap_or(around.name).to_string(),
            index: around.place.index,
            of: around.place.of,
        },
        session: around.place.session.clone(),
        load: load(around.name.mode, around),
        build: BuildRecord {
            profile: PROFILE.to_owned(),
            by_this_run: around.built.build == Build::Now,
            engram_hash: around.built.binaries.engram_hash.clone(),
            loadtest_hash: around.built.binaries.loadtest_hash.clone(),
            content: around.built.content.clone(),
            rustc: around.built.rustc.clone(),
            stand_in: run.implementation == Implementation::StandIn,
        },
        git: around.git.cloned(),
        host: Host { state: around.state.clone(), ..around.host.clone() },
        server: server(run),
        noise: run.noise.clone(),
        environment: Some(environment()),
        warnings: around.warnings.iter().chain(&run.warnings).cloned().collect(),
        log_tail: run.log_tail.clone(),
    }
}

fn load(mode: Mode, around: &Circumstances) -> Load {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and saturating"
    )]
    let rate = around.scenario.rate.round() as u64;
    Load {
        scenario: around.scenario.file.to_owned(),
        scenario_hash: around.scenario.hash.clone(),
        duration_seconds: around.duration.as_secs(),
        seed: scenario::seed(mode),
        rate,
    }
}

fn server(run: &Measured) -> ServerRun {
    ServerRun {
        ready_seconds: Some(run.ready.as_secs_f64()),
        load_seconds: Some(run.load.as_secs_f64()),
        stop_seconds: Some(run.stop.took.as_secs_f64()),
        server_end: Some(run.stop.exit.to_string()),
        load_generator_end: Some(run.load_exit.to_string()),
        peak_memory_kib: run.peak_memory_kib(),
    }
}

/// The variables that can change what the server does, without those that every run sets anew.
fn environment() -> BTreeMap<String, String> {
    let matters = |name: &str| {
        (name.starts_with("ENGRAM_") && !matches!(name, "ENGRAM_DATA_DIR" | "ENGRAM_PID_PATH"))
            || name.starts_with("STAND_IN_")
            || name == "RUST_LOG"
    };
    env::vars_os()
        .filter_map(|(name, value)| {
            let name = name.into_string().ok().filter(|name| matters(name))?;
            Some((name, value.to_string_lossy().into_owned()))
        })
        .collect()
}
