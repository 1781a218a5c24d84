//! One measured run, written down: its samples, its provenance, its result.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::Result;
use crate::files;
use crate::measure::build::{Build, Built, PROFILE};
use crate::measure::content;
use crate::measure::run::Measured;
use crate::measure::scenario::{self, Scenario};
use crate::measure::shell::is_any;
use crate::measure::workplace::Workplace;
use crate::model::names::{Mode, Part, RunName};
use crate::model::provenance::{
    BuildRecord, Git, Host, HostState, Load, Provenance, Run, SessionPlace,
};
use crate::store::results::{Results, Unsaved};
use crate::store::sources;

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

/// Writes what `measured` says beside the files in the run's workplace; returns the run, ready to be saved.
///
/// # Errors
/// Names the file that could not be written.
pub(crate) fn write(
    results: &Results,
    workplace: &Workplace,
    circumstances: &Circumstances,
    measured: &Measured,
) -> Result<Unsaved> {
    let inputs = circumstances.built.inputs.as_ref();
    let inputs = inputs.map(|inputs| sources::keep(results, inputs)).transpose()?;
    let name = circumstances.name.clone();
    let unsaved = Unsaved { name, workplace: workplace.clone() };
    files::write_new(&unsaved.path(Part::System), &samples(measured))?;
    let diagnosis = provenance(circumstances, measured, inputs).to_text();
    files::write_new(&unsaved.path(Part::Diagnosis), &diagnosis)?;
    Ok(unsaved)
}

/// The end of the load as `ps -o rss,vsz,%cpu,%mem` prints it; then every sample.
fn samples(run: &Measured) -> String {
    let mut lines = String::from("  RSS    VSZ %CPU %MEM\n");
    if let Some((_, usage)) = run.samples.last() {
        let (rss, vsz) = (usage.rss_kib, usage.vsz_kib);
        let (cpu, memory) = (usage.cpu_percent, usage.memory_percent);
        let _ = writeln!(lines, "{rss:>5} {vsz:>6} {cpu:>4.1} {memory:>4.1}");
    }
    lines.push_str(
        "\n# one line a second of load: seconds, RSS in KiB, VSZ in KiB, %CPU since the start\n",
    );
    for (at, usage) in &run.samples {
        let (rss, vsz, cpu) = (usage.rss_kib, usage.vsz_kib, usage.cpu_percent);
        let _ = writeln!(lines, "{:>7.2} {rss:>9} {vsz:>10} {cpu:>6.1}", at.as_secs_f64());
    }
    lines
}

/// `inputs` is the hash of the list that the binaries were built from.
fn provenance(around: &Circumstances, run: &Measured, inputs: Option<String>) -> Provenance {
    Provenance {
        run: Run {
            name: around.name.to_string(),
            started: around.started.format(&Rfc3339).unwrap_or_default(),
            group: around.place.group.as_ref().unwrap_or(around.name).to_string(),
            index: around.place.index,
            of: around.place.of,
        },
        session: around.place.session.clone().map(|place| SessionPlace {
            load_offset_ms: run.load_offset.map(|offset| offset.as_secs_f64() * 1e3),
            ..place
        }),
        load: load(around.name.mode, around),
        build: build(around.built, run.stand_in, inputs),
        git: around.git.cloned(),
        host: Host { state: around.state.clone(), ..around.host.clone() },
        server: run.server.clone(),
        noise: run.noise.clone(),
        environment: Some(environment()),
        warnings: around.warnings.iter().chain(&run.warnings).cloned().collect(),
        log_tail: run.log_tail.clone(),
    }
}

fn build(built: &Built, stand_in: bool, inputs: Option<String>) -> BuildRecord {
    let ignored = built.inputs.iter().flat_map(|inputs| &inputs.disk).cloned();
    BuildRecord {
        profile: PROFILE.to_owned(),
        by_this_run: built.build == Build::Now,
        engram_hash: Some(built.binaries.engram_hash.clone()),
        loadtest_hash: Some(built.binaries.loadtest_hash.clone()),
        content: built.content.clone(),
        inputs,
        ignored_inputs: Some(ignored.collect()).filter(|inputs: &Vec<String>| !inputs.is_empty()),
        settings: built.settings.clone(),
        rustc: built.rustc.clone(),
        stand_in,
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
        scenario_hash: Some(around.scenario.hash.clone()),
        duration_seconds: around.duration.as_secs(),
        seed: scenario::seed(mode),
        rate,
    }
}

/// The variables that can change what the server does, without those that every run sets anew, and the hash of the
/// user's own configuration of it.
fn environment() -> BTreeMap<String, String> {
    let variables = env::vars_os().filter_map(|(name, value)| {
        let matters = |name: &String| is_any(name, REACHING) && !is_any(name, SET_ANEW);
        let name = name.into_string().ok().filter(matters)?;
        Some((name, value.to_string_lossy().into_owned()))
    });
    let home = || env::var_os("HOME").map(PathBuf::from);
    let folders = [
        env::var_os("XDG_CONFIG_HOME").map(PathBuf::from),
        home().map(|home| home.join(".config")),
        home().map(|home| home.join("Library/Application Support")),
    ];
    let file = "engram/config.toml";
    // The server reads the first one.
    let mut folders = folders.into_iter().flatten();
    let text = folders.find_map(|folder| files::read_text(&folder.join(file)).ok());
    let hash =
        text.and_then(|text| content::of_text(&text).ok()).map(|hash| (file.to_owned(), hash));
    variables.chain(hash).collect()
}

/// Settings of the server itself, of its threads and of what it is linked with.
const REACHING: &str = "\
    ENGRAM_* STAND_IN_* RUST_LOG RUST_BACKTRACE RUST_MIN_STACK TOKIO_* RAYON_* OMP_* MALLOC_* MIMALLOC_* _RJEM_MALLOC_CONF \
    GLIBC_TUNABLES LD_PRELOAD DYLD_INSERT_LIBRARIES";
const SET_ANEW: &str = "ENGRAM_DATA_DIR ENGRAM_PID_PATH";
