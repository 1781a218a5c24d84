//! Real sessions of `perf-confirm`: the stand-in against itself, and against itself with computation added to each
//! request, in turns so that a slow hour meets all alike.

use std::fs;
use std::hint;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use tempfile::TempDir;
use xtask::answer;
use xtask::measure::port;
use xtask::model::layout::{self, RESULTS as FOLDER};
use xtask::model::names::{Mode, Phase, RunName, TaskId};
use xtask::model::provenance::Provenance;
use xtask::model::typed::Repeated;
use xtask::stats::numbers::median;
use xtask::stats::signed_rank::Interval;
use xtask::store::recorded;
use xtask::store::results::Results;

use crate::replay::Verdict;
use crate::{Result, table};

/// How much is measured.
pub struct Plan {
    /// Sessions of each kind.
    pub sessions: usize,
    /// Seconds of load a run.
    pub duration: usize,
    /// Half of the CPUs have other work.
    pub is_busy: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self { sessions: 8, duration: 10, is_busy: false }
    }
}

/// The computation that is added to each request of the after server, in per cent of the P99: one kind of session each.
const CHANGES: [u32; 3] = [0, 10, 25];

/// As the table has it.
pub fn name(change: u32) -> String {
    match change {
        0 => "itself".to_owned(),
        percent => format!("+{percent} % of computation"),
    }
}

fn task(change: u32) -> String {
    format!("plus{change}")
}

/// One session.
pub struct LiveSession {
    /// One of [`CHANGES`].
    pub change: u32,
    /// The exit code.
    exit: i32,
    /// The verdict in words.
    pub verdict: String,
    /// Pairs at the look that decided.
    pub pairs: usize,
    /// ln(P99 after / P99 before), as it decides.
    pub raw: Option<Interval>,
    /// Mean of the stolen share over its runs.
    pub stolen: Option<f64>,
    /// Wall time.
    pub minutes: f64,
}

impl LiveSession {
    /// By its exit code.
    pub fn outcome(&self) -> Verdict {
        match self.exit {
            0 => Verdict::NotRegressed,
            1 => Verdict::Regressed,
            _ => Verdict::Unsure,
        }
    }
}

/// Measures all sessions of a plan.
pub fn measure(plan: &Plan) -> Result<Vec<LiveSession>> {
    if plan.is_busy {
        let cpus = thread::available_parallelism()?.get();
        for _ in 0..cpus.div_ceil(2) {
            // Until this process ends.
            thread::spawn(|| {
                loop {
                    hint::spin_loop();
                }
            });
        }
    }
    let bench = Bench::new(plan)?;
    say("runs of one binary, to calibrate the added work");
    let base_ms = bench.calibrate()?;
    say(&format!("P99 {base_ms:.3} ms"));
    for change in CHANGES {
        bench.measure_both(change, base_ms * 1000.0 * f64::from(change) / 100.0)?;
    }
    let mut sessions = Vec::new();
    for round in 1..=plan.sessions {
        for change in CHANGES {
            say(&format!("session {round} of {}, {}", plan.sessions, name(change)));
            let session = bench.session(change)?;
            say(table::live_line(&session).trim_end());
            sessions.push(session);
        }
    }
    Ok(sessions)
}

/// A checkout with the stand-in as the product.
struct Bench {
    checkout: TempDir,
    stand_in: PathBuf,
    duration: usize,
    port: u16,
}

/// The longest wait for a quiet machine before a run of a session, in seconds.
const MOST_WAIT: u64 = 5;
/// Runs before the first session.
const CALIBRATION: usize = 6;

impl Bench {
    fn new(plan: &Plan) -> Result<Self> {
        let tool = Path::new(env!("CARGO_BIN_EXE_xtask"));
        let target = tool.ancestors().nth(2).ok_or("no target directory")?;
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--release", "--package", "stand-in"])
            .arg("--target-dir")
            .arg(target)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()?;
        if !built.success() {
            return Err("the stand-in does not build".into());
        }
        let bench = Self {
            checkout: tempfile::tempdir()?,
            stand_in: target.join("release"),
            duration: plan.duration,
            port: (20_000..32_000).find(|&port| port::free(port).is_ok()).ok_or("no free port")?,
        };
        let file = layout::scenario(Mode::Internal);
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
        bench.write("Cargo.toml", "[workspace]\nresolver = \"3\"\n")?;
        bench.write(file, &fs::read_to_string(ours)?)?;
        bench.script("loadtest", "loadtest", "")?;
        Ok(bench)
    }

    /// Measures one binary again and again; returns the median P99 in milliseconds.
    fn calibrate(&self) -> Result<f64> {
        self.script("engram", "calibrated", "")?;
        self.check("calibration", Phase::Before, CALIBRATION)?;
        let names = recorded::Listing::read(&self.results())?.all();
        let p99s = names.iter().filter_map(|name| {
            let path = self.results().path(name, xtask::model::names::Part::Result);
            Some(recorded::read(&path).ok()?.result.p99_ms)
        });
        median(p99s).ok_or_else(|| "nothing was measured".into())
    }

    /// The single runs that a session needs to know its binaries by.
    fn measure_both(&self, change: u32, added_us: f64) -> Result<()> {
        let task = task(change);
        self.script("engram", &format!("{task} before"), "")?;
        self.check(&task, Phase::Before, 1)?;
        let added = format!("STAND_IN_CPU_US={added_us:.0} ");
        self.script("engram", &format!("{task} after"), &added)?;
        self.check(&task, Phase::After, 1)
    }

    fn session(&self, change: u32) -> Result<LiveSession> {
        let began = Instant::now();
        let task = task(change);
        let output =
            self.tool(&format!("perf-confirm {task} --fresh --wait-quiet {MOST_WAIT}")).output()?;
        let minutes = began.elapsed().as_secs_f64() / 60.0;
        let exit = output.status.code().ok_or("perf-confirm was killed")?;
        let comparison = answer::of_task(
            self.checkout.path(),
            &TaskId::parse(&task)?,
            Some(Mode::Internal),
            &Repeated::default(),
        )?
        .remove(0);
        let look = comparison.look();
        if look.is_none() {
            return Err(String::from_utf8_lossy(&output.stdout).into());
        }
        Ok(LiveSession {
            change,
            exit,
            verdict: comparison.headline().to_owned(),
            pairs: look.map_or(0, |look| look.pairs),
            raw: look.map(|look| look.interval),
            stolen: self.stolen(&comparison)?,
            minutes,
        })
    }

    /// The mean of what was stolen over the runs of a session.
    fn stolen(&self, comparison: &xtask::judge::comparison::Comparison) -> Result<Option<f64>> {
        let files = [&comparison.before, &comparison.after]
            .into_iter()
            .flatten()
            .flat_map(|side| &side.files);
        let mut shares = Vec::new();
        for file in files {
            let name = file.file_name().and_then(|name| name.to_str());
            let name = name.and_then(RunName::of_result).ok_or("no name of a run")?;
            let path = self.results().path(&name, xtask::model::names::Part::Diagnosis);
            let provenance = Provenance::parse(&fs::read_to_string(path)?)
                .map_err(|unreadable| unreadable.to_string())?;
            shares.extend(provenance.and_then(|own| own.noise.steal_share));
        }
        #[allow(clippy::cast_precision_loss, reason = "dozens")]
        let mean = shares.iter().sum::<f64>() / shares.len() as f64;
        Ok(mean.is_finite().then_some(mean))
    }

    fn check(&self, task: &str, phase: Phase, runs: usize) -> Result<()> {
        let words = format!("perf-check {task} {phase} --no-build --runs {runs}");
        let output = self.tool(&words).output()?;
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).into()),
        }
    }

    fn tool(&self, words: &str) -> Command {
        let mut tool = Command::new(env!("CARGO_BIN_EXE_xtask"));
        tool.args(words.split_whitespace())
            .args(["--duration", &self.duration.to_string()])
            .args(["--port", &self.port.to_string()])
            .arg("-C")
            .arg(self.checkout.path())
            .stdin(Stdio::null());
        tool
    }

    /// The stand-in's binary under another content: its hash distinguishes two servers.
    fn script(&self, binary: &str, comment: &str, variables: &str) -> Result<()> {
        let path = self.write(
            &format!("target/release/{binary}"),
            &format!(
                "#!/bin/sh\n# {comment}\n{variables}exec '{}' \"$@\"\n",
                self.stand_in.join(binary).display()
            ),
        )?;
        Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?)
    }

    fn write(&self, relative: &str, text: &str) -> Result<PathBuf> {
        let path = self.checkout.path().join(relative);
        fs::create_dir_all(path.parent().ok_or("no folder")?)?;
        fs::write(&path, text)?;
        Ok(path)
    }

    fn results(&self) -> Results {
        debug_assert!(self.checkout.path().join(FOLDER).is_dir());
        Results::of(self.checkout.path())
    }
}

fn say(what: &str) {
    eprintln!("gate quality: {what}");
}
