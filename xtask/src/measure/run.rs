//! One run: a fresh server, one load, and the samples, noise and warnings meanwhile.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::build::Binaries;
use super::children::{Cause, Children, Stopped};
use super::health::{self, Health, Implementation};
use super::noise::{self, Counters};
use super::port::{self, Listener};
use super::process::{self, Usage};
use super::scenario::{self, Scenario};
use super::supervisor::{Exit, Program, Role, SIGTERM};
use super::workplace::Workplace;
use crate::error::{Error, Result};
use crate::model::limits::ELAPSED_SHARE;
use crate::model::load_result::LoadResult;
use crate::model::names::Mode;
use crate::model::provenance::Noise;
use crate::term::steps::Steps;

/// The longest time that each step of a measurement may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the server's start until it is healthy.
    pub ready: Duration,
    /// Beyond the duration of the load.
    pub load_grace: Duration,
    /// From SIGTERM to SIGKILL.
    pub stop_grace: Duration,
}

impl Default for Limits {
    /// 120, 60 and 10 s: start to healthy took up to 73 s on a machine of two cores.
    fn default() -> Self {
        Self {
            ready: Duration::from_secs(120),
            load_grace: Duration::from_secs(60),
            stop_grace: Duration::from_secs(10),
        }
    }
}

/// The server, the load and the limits of a run.
#[derive(Debug, Clone)]
pub struct RunPlan<'a> {
    /// This executable, which becomes the supervisor.
    pub tool: &'a Path,
    /// The checkout, which both processes run in.
    pub checkout: &'a Path,
    /// The executables.
    pub binaries: &'a Binaries,
    /// The load.
    pub scenario: &'a Scenario,
    /// Decides the seed.
    pub mode: Mode,
    /// The length of the load.
    pub duration: Duration,
    /// The server's port.
    pub port: u16,
    pub limits: Limits,
}

/// The measurement of one run.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The load generator's result.
    pub result: LoadResult,
    pub(crate) implementation: Implementation,
    /// From the server's start until it was healthy.
    pub(crate) ready: Duration,
    /// Wall time of the load generator.
    pub(crate) load: Duration,
    pub(crate) stop: Stopped,
    pub(crate) load_exit: Exit,
    /// The server's use of the machine, once a second.
    pub(crate) samples: Vec<Sample>,
    pub(crate) noise: Noise,
    /// The end of the server's log.
    pub(crate) log_tail: String,
    /// The weaknesses of the measurement, in words.
    pub(crate) warnings: Vec<String>,
}

/// The server at one moment of the load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    /// Since the load began.
    pub(crate) at: Duration,
    pub(crate) usage: Usage,
}

/// The time between two questions for the health of a server that starts.
const HEALTH_INTERVAL: Duration = Duration::from_millis(20);
/// The time between two samples of the server's memory and CPU.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);
/// The shortest wait for news before a limit counts as passed: this tool may have been suspended beyond it, and what
/// ended meanwhile ended in time.
const LAST_LOOK: Duration = Duration::from_millis(200);
/// The number of lines of a log that are shown with a failure, and recorded with a result.
const TAIL_LINES: usize = 20;

/// Runs `plan` in `workplace`, which has the result and the logs afterwards. When it returns, for whatever reason,
/// neither the server nor the load generator runs any more.
///
/// # Errors
/// Names the step that failed, with the end of the log that gives the reason.
pub fn run(plan: &RunPlan, workplace: &Workplace, steps: &mut Steps) -> Result<Measured> {
    workplace.prepare()?;
    port::free(plan.port)?;
    let children = Children::start(plan.tool, workplace, plan.limits.stop_grace)?;
    // The supervisor is dropped, and has stopped everything, when this is over.
    let outcome = Running { plan, workplace, children, steps }.measure();
    match outcome {
        Ok(_) => workplace.remove_data(),
        Err(_) => workplace.remove_scratch(),
    }
    outcome
}

/// A run in progress.
struct Running<'a> {
    plan: &'a RunPlan<'a>,
    workplace: &'a Workplace,
    children: Children,
    steps: &'a mut Steps,
}

/// A server that was started.
struct Server {
    pid: u32,
    started: Instant,
}

impl Running<'_> {
    #[allow(clippy::cast_precision_loss, reason = "far fewer requests than 2^53")]
    fn measure(mut self) -> Result<Measured> {
        let (plan, workplace) = (self.plan, self.workplace);
        let address = format!("engram on 127.0.0.1:{}", plan.port);
        self.steps.begin("start", &address);
        let started = Instant::now();
        let pid = self.children.spawn(Role::Server, server(plan, workplace))?;
        let server = Server { pid, started };
        self.steps.done(&format!("{address}, process {pid}"));

        self.steps.begin_long("ready", "waiting until it is healthy");
        let implementation = self.wait_until_healthy(&server)?;
        let ready = started.elapsed();
        self.steps.done(match implementation {
            Implementation::Engram => "healthy",
            Implementation::StandIn => "healthy; this is the stand-in, not the real Engram",
        });

        let what = format!("{} s of `{}`", plan.duration.as_secs(), plan.scenario.name);
        self.steps.begin_long("load", &what);
        let before = Counters::read(pid, self.children.id());
        let load_started = Instant::now();
        let (load_exit, samples) = self.load(&server)?;
        let load = load_started.elapsed();
        let mut noise = before.until(&Counters::read(pid, self.children.id()));
        let still_ours = port::listener(plan.port, pid);
        self.steps.done(&what);

        self.steps.begin("stop", "SIGTERM");
        let stop = self.children.stop(Role::Server)?;
        if stop.cause == Cause::Unasked {
            return Err(died_under_load(stop.exit, workplace));
        }
        let unclean = unclean_stop(stop, plan.limits.stop_grace);
        self.steps.done(match unclean {
            Some(_) => "did not stop as it should",
            None => "stopped",
        });

        plan.scenario.unchanged(plan.checkout)?;
        if let Listener::Stranger(stranger) = still_ours {
            return Err(answered_by_another(plan.port, stranger, workplace));
        }
        let result = read_result(plan, workplace, load_exit)?;
        noise.server_cpu_us_per_operation =
            noise.server_cpu_seconds.map(|seconds| seconds * 1e6 / result.total_operations as f64);
        let mut warnings = weaknesses(plan, workplace, &result, load_exit);
        warnings.extend(noise.warnings(load, noise::processors(), "during the load"));
        warnings.extend(unclean);
        Ok(Measured {
            result,
            implementation,
            ready,
            load,
            stop,
            load_exit,
            samples,
            noise,
            log_tail: tail(&workplace.server_log()),
            warnings,
        })
    }

    /// Asks until the server is healthy, and is the one that was started, or the time for it is over.
    fn wait_until_healthy(&mut self, server: &Server) -> Result<Implementation> {
        let (plan, log) = (self.plan, self.workplace.server_log());
        loop {
            // It is asked once more after the limit: this tool may have been suspended meanwhile.
            let is_last = server.started.elapsed() >= plan.limits.ready;
            if let Some((Role::Server, exit)) = self.children.exited(HEALTH_INTERVAL)? {
                let what = format!("the server ended before it was healthy ({exit})");
                return Err(with_log(Error::new(what).of_server(), &log).next(format!(
                    "fix what its log says; to start it alone: {} start --port {}",
                    plan.binaries.engram.display(),
                    plan.port
                )));
            }
            let answer = match health::check(plan.port) {
                Health::Healthy(implementation) => match port::listener(plan.port, server.pid) {
                    Listener::Ours | Listener::Unknown => return Ok(implementation),
                    Listener::Stranger(stranger) => {
                        return Err(answered_by_another(plan.port, stranger, self.workplace));
                    }
                },
                Health::Unhealthy(answer) | Health::Silent(answer) => answer,
            };
            if is_last {
                let what = format!(
                    "the server was not healthy within {} s; GET http://127.0.0.1:{}/health last gave: {answer}",
                    plan.limits.ready.as_secs(),
                    plan.port
                );
                return Err(with_log(Error::new(what).of_server(), &log)
                    .next("a slow start can be given more time: --ready-timeout SECONDS"));
            }
        }
    }

    /// Runs the load generator to its end, and samples the server meanwhile.
    fn load(&mut self, server: &Server) -> Result<(Exit, Vec<Sample>)> {
        let plan = self.plan;
        let program = load_generator(plan, self.workplace);
        self.children.spawn(Role::Load, program)?;
        let began = Instant::now();
        let limit = plan.duration + plan.limits.load_grace;
        let mut samples = Vec::new();
        let mut next_sample = Duration::ZERO;
        loop {
            let elapsed = began.elapsed();
            if elapsed >= next_sample {
                let usage = process::usage(server.pid, server.started.elapsed());
                samples.extend(usage.map(|usage| Sample { at: elapsed, usage }));
                self.steps.progress(&time_left(plan.duration, elapsed));
                while next_sample <= elapsed {
                    next_sample += SAMPLE_INTERVAL;
                }
            }
            let patience = match elapsed < limit {
                true => next_sample.min(limit).saturating_sub(elapsed),
                false => LAST_LOOK,
            };
            match self.children.exited(patience)? {
                Some((Role::Load, exit)) => return Ok((exit, samples)),
                Some((Role::Server, exit)) => return Err(died_under_load(exit, self.workplace)),
                None if elapsed >= limit => {
                    let what = format!(
                        "the load generator was still running {} s after its {} s were over",
                        plan.limits.load_grace.as_secs(),
                        plan.duration.as_secs()
                    );
                    let log = self.workplace.load_log();
                    return Err(with_log(Error::new(what).of_server(), &log).next(
                        "a server too slow for it can be given more time: --load-grace SECONDS",
                    ));
                }
                None => {}
            }
        }
    }
}

/// The fault of a stop that was not clean, in words.
pub(crate) fn unclean_stop(stop: Stopped, grace: Duration) -> Option<String> {
    match (stop.cause, stop.exit) {
        (Cause::Killed, _) => {
            Some(format!("the server ignored SIGTERM for {} s and was killed", grace.as_secs()))
        }
        (_, Exit::Code(0) | Exit::Signal(SIGTERM)) => None,
        (_, exit) => Some(format!("the server CRASHED when it was to stop: it ended with {exit}")),
    }
}

fn died_under_load(exit: Exit, workplace: &Workplace) -> Error {
    let died = Error::new(format!("the server ended under load ({exit})")).of_server();
    with_log(died, &workplace.server_log())
        .next("signal 9 can be the system's, when memory is short; otherwise fix the server")
}

/// A server that finds its port taken silently moves to another one.
fn answered_by_another(port: u16, stranger: Option<u32>, workplace: &Workplace) -> Error {
    let who = stranger.map_or_else(|| "another process".into(), |pid| format!("process {pid}"));
    let what = format!("port {port} is answered by {who}, not by the server just started");
    with_log(Error::new(what), &workplace.server_log())
        .next("end it, or choose another port: --port N")
}

fn server(plan: &RunPlan, workplace: &Workplace) -> Program {
    Program {
        path: plan.binaries.engram.clone(),
        arguments: ["start", "--port", &plan.port.to_string()].map(str::to_owned).to_vec(),
        environment: vec![
            format!("ENGRAM_DATA_DIR={}", workplace.data().display()),
            format!("ENGRAM_PID_PATH={}", workplace.pid_file().display()),
        ],
        directory: plan.checkout.to_owned(),
        output: workplace.server_log(),
    }
}

fn load_generator(plan: &RunPlan, workplace: &Workplace) -> Program {
    let scenario = plan.checkout.join(plan.scenario.file);
    let options = [
        ("--scenario", scenario.display().to_string()),
        ("--duration", plan.duration.as_secs().to_string()),
        ("--seed", scenario::seed(plan.mode).to_string()),
        ("--endpoint", format!("http://127.0.0.1:{}", plan.port)),
        ("--output", workplace.result().display().to_string()),
    ];
    let options = options.map(|(name, value)| [name.to_owned(), value]);
    Program {
        path: plan.binaries.loadtest.clone(),
        arguments: [vec!["run".to_owned()], options.concat()].concat(),
        environment: Vec::new(),
        directory: plan.checkout.to_owned(),
        output: workplace.load_log(),
    }
}

fn time_left(duration: Duration, elapsed: Duration) -> String {
    match duration.saturating_sub(elapsed).as_secs_f64().ceil() {
        0.0 => "finishing".to_owned(),
        left => format!("{left:.0} s left"),
    }
}

/// A non-zero exit with a complete result is a measurement; without one it is a failure. Its cause is unknown: it
/// counts as the server's, so that no server passes in pairs by leaving its load without a result.
fn read_result(plan: &RunPlan, workplace: &Workplace, exit: Exit) -> Result<LoadResult> {
    let failed = |what: String| {
        with_log(Error::new(what).of_server(), &workplace.load_log())
            .next("fix what the log says, or build the load generator anew: without --no-build")
    };
    let bytes = fs::read(workplace.result())
        .map_err(|_| failed(format!("the load generator wrote no result ({exit})")))?;
    let result = LoadResult::parse(&bytes).map_err(|why| {
        failed(format!("the load generator's result is not complete: {why} ({exit})"))
    })?;
    if result.config_name != plan.scenario.name {
        return Err(failed(format!(
            "the load generator measured `{}` instead of `{}`",
            result.config_name, plan.scenario.name
        )));
    }
    if result.total_operations == 0 {
        return Err(failed("the load generator sent no request".into()));
    }
    Ok(result)
}

fn weaknesses(
    plan: &RunPlan,
    workplace: &Workplace,
    result: &LoadResult,
    exit: Exit,
) -> Vec<String> {
    let mut warnings = Vec::new();
    if exit != Exit::Code(0) {
        let missed = plan.scenario.limits.missed(result);
        let why = match missed.is_empty() {
            true => last_line(&workplace.load_log()),
            false => format!("the scenario's limits are missed: {}", missed.join("; ")),
        };
        warnings.push(format!("the load generator ended with {exit}: {why}"));
    }
    if (result.elapsed_seconds - plan.duration.as_secs_f64()).abs()
        > ELAPSED_SHARE * plan.duration.as_secs_f64()
    {
        warnings.push(format!(
            "the load lasted {:.1} s instead of {} s",
            result.elapsed_seconds,
            plan.duration.as_secs()
        ));
    }
    warnings
}

fn with_log(error: Error, log: &Path) -> Error {
    let whole = format!("whole log: {}", log.display());
    match tail(log).replace('\n', "\n    ") {
        tail if tail.is_empty() => error.next(whole),
        tail => error.next(format!("the end of its log:\n    {tail}")).next(whole),
    }
}

/// The last lines of a log, which may be large and need not be UTF-8.
fn tail(log: &Path) -> String {
    use std::io::{Read, Seek, SeekFrom};
    const LONGEST: i64 = 16 * 1024;
    let mut bytes = Vec::new();
    if let Ok(mut file) = fs::File::open(log) {
        // A shorter file is read from its beginning.
        let _ = file.seek(SeekFrom::End(-LONGEST));
        let _ = file.read_to_end(&mut bytes);
    }
    let text = String::from_utf8_lossy(&bytes);
    let shown = |line: &str| -> String {
        let shown = line.trim_end().chars().take(200);
        shown.filter(|c| !c.is_control()).collect()
    };
    let first = text.lines().count().saturating_sub(TAIL_LINES);
    let lines: Vec<String> = text.lines().skip(first).map(shown).collect();
    lines.join("\n")
}

fn last_line(log: &Path) -> String {
    let tail = tail(log);
    tail.lines().last().unwrap_or("its log is empty").to_owned()
}

impl Measured {
    /// The most memory that the server had in RAM, in KiB; `None` where nothing was sampled.
    pub(crate) fn peak_memory_kib(&self) -> Option<u64> {
        let peaks = self.samples.iter().map(|sample| sample.usage);
        peaks.map(|usage| usage.peak_kib.unwrap_or(usage.rss_kib)).max()
    }
}
