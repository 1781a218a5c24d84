//! One measured run, written down: its samples, its provenance, its result.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use toml::{Table, Value};

use crate::error::Result;
use crate::measure::build::{Build, Built, PROFILE};
use crate::measure::health::Implementation;
use crate::measure::host::{Host, Power, State};
use crate::measure::run::Measured;
use crate::measure::scenario::{self, Scenario};
use crate::measure::workplace::Workplace;
use crate::model::names::{Mode, Part, RunName};
use crate::model::provenance::{
    BuildRecord, Git, Load, Provenance, Run, Session, known, measured, text, whole,
};
use crate::store::results::{self, Results};

/// A run's place among others.
#[derive(Debug, Clone)]
pub struct Place {
    /// The first run of its group; `None` for that run itself.
    pub group: Option<RunName>,
    /// 1 for the first run of the group.
    pub index: u32,
    /// The planned number of runs in the group.
    pub of: u32,
    /// The pair that it belongs to.
    pub session: Option<Session>,
}

/// The place and the circumstances of one run, apart from its own measurements.
#[derive(Debug, Clone)]
pub struct Circumstances<'a> {
    /// The run.
    pub name: &'a RunName,
    /// The time of its start.
    pub started: OffsetDateTime,
    /// Its place among other runs.
    pub place: Place,
    /// The binaries.
    pub built: &'a Built,
    /// The load.
    pub scenario: &'a Scenario,
    /// Seconds of load asked for.
    pub duration: Duration,
    /// The state of the checkout.
    pub git: Option<&'a Git>,
    /// The machine.
    pub host: &'a Host,
    /// Its state before the run.
    pub state: &'a State,
    /// The weaknesses of the run, in words.
    pub warnings: &'a [String],
}

/// Saves what `measured` says and the files in `workplace`; returns the path of the result.
///
/// # Errors
/// Names the file that could not be written; nothing is saved then, and the logs stay in the workplace.
pub fn save(
    results: &Results,
    workplace: &Workplace,
    circumstances: &Circumstances,
    measured: &Measured,
) -> Result<PathBuf> {
    let saved = write(results, workplace, circumstances, measured).map_err(|error| {
        workplace.remove_scratch();
        error.next(format!(
            "the logs are in {}",
            workplace.directory().display()
        ))
    })?;
    // What is left is the server's log; its end is in the provenance. If it stays, the next check clears it.
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

/// As `ps -o rss,vsz,%cpu,%mem` prints it, for the end of the load; then every sample.
fn samples(run: &Measured) -> String {
    let mut lines = String::from("  RSS    VSZ %CPU %MEM\n");
    if let Some(last) = run.samples.last() {
        let usage = last.usage;
        let _ = writeln!(
            lines,
            "{:>5} {:>6} {:>4.1} {:>4.1}",
            usage.rss_kib, usage.vsz_kib, usage.cpu_percent, usage.memory_percent
        );
    }
    lines.push_str(
        "\n# one line a second of load: seconds, RSS in KiB, VSZ in KiB, %CPU since the start\n",
    );
    for sample in &run.samples {
        let _ = writeln!(
            lines,
            "{:>7.2} {:>9} {:>10} {:>6.1}",
            sample.at.as_secs_f64(),
            sample.usage.rss_kib,
            sample.usage.vsz_kib,
            sample.usage.cpu_percent
        );
    }
    lines
}

fn provenance(around: &Circumstances, run: &Measured) -> Provenance {
    Provenance {
        run: Run {
            name: around.name.to_string(),
            started: around.started.format(&Rfc3339).unwrap_or_default(),
            group: around
                .place
                .group
                .as_ref()
                .unwrap_or(around.name)
                .to_string(),
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
        details: BTreeMap::from([
            ("host".to_owned(), host(around.host, around.state)),
            ("server".to_owned(), server(run)),
            ("noise".to_owned(), noise(run)),
            ("environment".to_owned(), environment()),
        ]),
        warnings: around
            .warnings
            .iter()
            .chain(&run.warnings)
            .cloned()
            .collect(),
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

fn host(host: &Host, state: &State) -> Table {
    let owned = |value: &Option<String>| value.clone().and_then(text);
    known([
        ("name", owned(&host.name)),
        ("system", owned(&host.system)),
        ("cpu", owned(&host.cpu)),
        ("cores", host.cores.and_then(whole)),
        ("memory_mib", host.memory_mib.and_then(whole)),
        ("governor", owned(&state.governor)),
        ("load_average", state.load_average.and_then(measured)),
        ("swap_mib", state.swap_mib.and_then(whole)),
        ("compilers", state.compilers.and_then(whole)),
        (
            "power",
            state.power.and_then(|power| {
                text(match power {
                    Power::Mains => "mains",
                    Power::Battery => "battery",
                })
            }),
        ),
    ])
}

fn server(run: &Measured) -> Table {
    known([
        ("ready_seconds", measured(run.ready.as_secs_f64())),
        ("load_seconds", measured(run.load.as_secs_f64())),
        ("stop_seconds", measured(run.stop.took.as_secs_f64())),
        ("server_end", text(run.stop.exit.to_string())),
        ("load_generator_end", text(run.load_exit.to_string())),
        ("peak_memory_kib", run.peak_memory_kib().and_then(whole)),
    ])
}

fn noise(run: &Measured) -> Table {
    let noise = run.noise;
    known([
        ("steal_share", noise.steal_share.and_then(measured)),
        (
            "cpu_pressure_seconds",
            noise.pressure_seconds.and_then(measured),
        ),
        (
            "others_cpu_seconds",
            noise.others_cpu_seconds.and_then(measured),
        ),
        (
            "tool_cpu_seconds",
            noise.tool_cpu_seconds.and_then(measured),
        ),
        (
            "server_cpu_seconds",
            noise.server_cpu_seconds.and_then(measured),
        ),
        (
            "server_cpu_us_per_operation",
            run.server_cpu_us_per_operation().and_then(measured),
        ),
    ])
}

/// The variables that can change what the server does; those that every run sets anew are no news.
fn environment() -> Table {
    let matters = |name: &str| {
        (name.starts_with("ENGRAM_") && !matches!(name, "ENGRAM_DATA_DIR" | "ENGRAM_PID_PATH"))
            || name.starts_with("STAND_IN_")
            || name == "RUST_LOG"
    };
    env::vars_os()
        .filter_map(|(name, value)| {
            Some((
                name.into_string().ok()?,
                value.to_string_lossy().into_owned(),
            ))
        })
        .filter(|(name, _)| matters(name))
        .map(|(name, value)| (name, Value::String(value)))
        .collect()
}
