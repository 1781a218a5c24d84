//! One run: a fresh server, one load, and everything that was seen meanwhile.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::build::Binaries;
use super::health::{self, Health, Implementation};
use super::noise::{self, Counters};
use super::port::{self, Listener};
use super::process::{self, Usage};
use super::scenario::{self, Scenario};
use super::supervised::{Cause, Stopped, Supervised};
use super::supervisor::{Exit, Program, Role, SIGTERM};
use super::workplace::Workplace;
use crate::error::{Error, Result};
use crate::model::limits::{ELAPSED_SHARE, FAILED_BEFORE, OFFERED_LOAD_REACHED};
use crate::model::load_result::LoadResult;
use crate::model::names::Mode;
use crate::model::provenance::Noise;
use crate::term::steps::Steps;

/// How long each step of a measurement may take.
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

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
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
    /// How long the load lasts.
    pub duration: Duration,
    /// Where the server listens.
    pub port: u16,
    /// How long each step may take.
    pub limits: Limits,
}

/// What one run measured.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The load generator's result.
    pub result: LoadResult,
    /// Which engram answered.
    pub implementation: Implementation,
    /// From the server's start until it was healthy.
    pub ready: Duration,
    /// Wall time of the load generator.
    pub load: Duration,
    /// How the server was stopped.
    pub stop: Stopped,
    /// How the load generator ended.
    pub load_exit: Exit,
    /// The server's use of the machine, once a second.
    pub samples: Vec<Sample>,
    /// What else the machine did during the load.
    pub noise: Noise,
    /// The end of the server's log.
    pub log_tail: String,
    /// What makes the measurement weaker, in words.
    pub warnings: Vec<String>,
}

/// The server at one moment of the load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Since the load began.
    pub at: Duration,
    /// What it used.
    pub usage: Usage,
}

/// How often the server is asked for its health while it starts.
const HEALTH_INTERVAL: Duration = Duration::from_millis(20);
/// How often the server's memory and CPU are sampled.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);
/// The least time that is waited for news before a limit counts as passed: this tool may have been suspended beyond
/// it, and what ended meanwhile ended in time.
const LAST_LOOK: Duration = Duration::from_millis(200);
/// How many lines of a log are shown with a failure, and recorded with a result.
const TAIL_LINES: usize = 20;

/// Runs `plan` in `workplace`, which has the result and the logs afterwards. When it returns, for whatever reason,
/// neither the server nor the load generator runs any more.
///
/// # Errors
/// Names the step that failed, with the end of the log that tells why.
pub fn run(plan: &Plan, workplace: &Workplace, steps: &mut Steps) -> Result<Measured> {
    workplace.prepare()?;
    port::free(plan.port)?;
    let mut supervised = Supervised::start(plan.tool, workplace, plan.limits.stop_grace)?;
    let outcome = measure(plan, workplace, &mut supervised, steps);
    drop(supervised);
    match outcome {
        Ok(_) => workplace.remove_data(),
        Err(_) => workplace.remove_scratch(),
    }
    outcome
}

#[allow(
    clippy::cast_precision_loss,
    reason = "requests are far fewer than 2^53"
)]
fn measure(
    plan: &Plan,
    workplace: &Workplace,
    supervised: &mut Supervised,
    steps: &mut Steps,
) -> Result<Measured> {
    steps.begin("start", &format!("engram on 127.0.0.1:{}", plan.port));
    let started = Instant::now();
    let server = supervised.spawn(Role::Server, server(plan, workplace))?;
    steps.done(&format!(
        "engram on 127.0.0.1:{}, process {server}",
        plan.port
    ));

    steps.begin_long("ready", "waiting until it is healthy");
    let implementation = wait_until_healthy(plan, workplace, supervised, server, started)?;
    let ready = started.elapsed();
    steps.done(match implementation {
        Implementation::Engram => "healthy",
        Implementation::StandIn => "healthy; this is the stand-in, not the real Engram",
    });

    let what = format!("{} s of `{}`", plan.duration.as_secs(), plan.scenario.name);
    steps.begin_long("load", &what);
    let before = Counters::read(server, supervised.id());
    let load_started = Instant::now();
    let load = load(plan, workplace, supervised, steps, server, started)?;
    let load_time = load_started.elapsed();
    let mut noise = before.until(&Counters::read(server, supervised.id()));
    let still_ours = port::listener(plan.port, server);
    steps.done(&what);

    steps.begin("stop", "SIGTERM");
    let stop = supervised.stop(Role::Server)?;
    if stop.cause == Cause::Unasked {
        return Err(died_under_load(stop.exit, workplace));
    }
    let unclean = unclean_stop(stop, plan.limits.stop_grace);
    steps.done(match unclean {
        Some(_) => "did not stop as it should",
        None => "stopped",
    });

    plan.scenario.unchanged(plan.checkout)?;
    if let Listener::Stranger(_) = still_ours {
        return Err(not_ours(plan.port, still_ours, workplace));
    }
    let result = read_result(plan, workplace, load.exit)?;
    let mut warnings = weaknesses(plan, workplace, &result, load.exit);
    warnings.extend(noise.warnings(load_time, noise::processors(), "during the load"));
    warnings.extend(unclean);
    noise.server_cpu_us_per_operation = noise
        .server_cpu_seconds
        .map(|seconds| seconds * 1e6 / result.total_operations as f64);
    Ok(Measured {
        result,
        implementation,
        ready,
        load: load_time,
        stop,
        load_exit: load.exit,
        samples: load.samples,
        noise,
        log_tail: tail(&workplace.server_log()),
        warnings,
    })
}

/// What was wrong with the way in which the server stopped.
pub fn unclean_stop(stop: Stopped, grace: Duration) -> Option<String> {
    match (stop.cause, stop.exit) {
        (Cause::Killed, _) => Some(format!(
            "the server ignored SIGTERM for {} s and was killed",
            grace.as_secs()
        )),
        (_, Exit::Code(0) | Exit::Signal(SIGTERM)) => None,
        (_, exit) => Some(format!(
            "the server CRASHED when it was to stop: it ended with {exit}"
        )),
    }
}

fn died_under_load(exit: Exit, workplace: &Workplace) -> Error {
    let died = Error::new(format!("the server ended under load ({exit})")).of_server();
    with_log(died, &workplace.server_log())
        .next("signal 9 can be the system's, when memory is short; otherwise mend the server")
}

fn server(plan: &Plan, workplace: &Workplace) -> Program {
    let path = |path: PathBuf| path.to_string_lossy().into_owned();
    Program {
        path: plan.binaries.engram.clone(),
        arguments: ["start", "--port", &plan.port.to_string()]
            .map(str::to_owned)
            .to_vec(),
        environment: vec![
            format!("ENGRAM_DATA_DIR={}", workplace.data().display()),
            format!("ENGRAM_PID_PATH={}", workplace.pid_file().display()),
        ],
        directory: plan.checkout.to_owned(),
        output: workplace.server_log(),
    }
}

fn load_generator(plan: &Plan, workplace: &Workplace) -> Program {
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let arguments = [
        "run".to_owned(),
        "--scenario".to_owned(),
        text(plan.checkout.join(plan.scenario.file)),
        "--duration".to_owned(),
        plan.duration.as_secs().to_string(),
        "--seed".to_owned(),
        scenario::seed(plan.mode).to_string(),
        "--endpoint".to_owned(),
        format!("http://127.0.0.1:{}", plan.port),
        "--output".to_owned(),
        text(workplace.result()),
    ];
    Program {
        path: plan.binaries.loadtest.clone(),
        arguments: arguments.to_vec(),
        environment: Vec::new(),
        directory: plan.checkout.to_owned(),
        output: workplace.load_log(),
    }
}

/// Asks until the server is healthy, it is our own, and the patience has not run out.
fn wait_until_healthy(
    plan: &Plan,
    workplace: &Workplace,
    supervised: &mut Supervised,
    server: u32,
    started: Instant,
) -> Result<Implementation> {
    loop {
        // It is asked once more after the limit: this tool may have been suspended meanwhile.
        let is_last = started.elapsed() >= plan.limits.ready;
        if let Some((Role::Server, exit)) = supervised.exited(HEALTH_INTERVAL)? {
            return Err(with_log(
                Error::new(format!("the server ended before it was healthy ({exit})")).of_server(),
                &workplace.server_log(),
            )
            .next(format!(
                "mend what its log says; to start it alone: {} start --port {}",
                plan.binaries.engram.display(),
                plan.port
            )));
        }
        let answer = match health::check(plan.port) {
            Health::Healthy(implementation) => match port::listener(plan.port, server) {
                Listener::Ours | Listener::Unknown => return Ok(implementation),
                stranger @ Listener::Stranger(_) => {
                    return Err(not_ours(plan.port, stranger, workplace));
                }
            },
            Health::Unhealthy(answer) | Health::Silent(answer) => answer,
        };
        if is_last {
            let late = Error::new(format!(
                "the server was not healthy within {} s; GET http://127.0.0.1:{}/health last gave: {answer}",
                plan.limits.ready.as_secs(),
                plan.port
            ))
            .of_server();
            return Err(with_log(late, &workplace.server_log())
                .next("a slow start can be given more time: --ready-timeout SECONDS"));
        }
    }
}

/// A server that finds its port taken silently moves to another one.
fn not_ours(port: u16, listener: Listener, workplace: &Workplace) -> Error {
    let who = match listener {
        Listener::Stranger(Some(pid)) => format!("process {pid}"),
        _ => "another process".to_owned(),
    };
    with_log(
        Error::new(format!(
            "port {port} is answered by {who}, not by the server just started"
        )),
        &workplace.server_log(),
    )
    .next("end it, or choose another port: --port N")
}

struct Load {
    exit: Exit,
    samples: Vec<Sample>,
}

fn load(
    plan: &Plan,
    workplace: &Workplace,
    supervised: &mut Supervised,
    steps: &mut Steps,
    server: u32,
    server_started: Instant,
) -> Result<Load> {
    supervised.spawn(Role::Load, load_generator(plan, workplace))?;
    let began = Instant::now();
    let limit = plan.duration + plan.limits.load_grace;
    let mut samples = Vec::new();
    let mut next_sample = Duration::ZERO;
    loop {
        let elapsed = began.elapsed();
        if elapsed >= next_sample {
            samples.extend(
                process::usage(server, server_started.elapsed())
                    .map(|usage| Sample { at: elapsed, usage }),
            );
            steps.progress(&time_left(plan.duration, elapsed));
            while next_sample <= elapsed {
                next_sample += SAMPLE_INTERVAL;
            }
        }
        let patience = match elapsed < limit {
            true => next_sample.min(limit).saturating_sub(elapsed),
            false => LAST_LOOK,
        };
        match supervised.exited(patience)? {
            Some((Role::Load, exit)) => return Ok(Load { exit, samples }),
            Some((Role::Server, exit)) => return Err(died_under_load(exit, workplace)),
            None if elapsed >= limit => {
                let hung = Error::new(format!(
                    "the load generator was still running {} s after its {} s were over",
                    plan.limits.load_grace.as_secs(),
                    plan.duration.as_secs()
                ))
                .of_server();
                return Err(with_log(hung, &workplace.load_log()).next(
                    "a server too slow for it can be given more time: --load-grace SECONDS",
                ));
            }
            None => {}
        }
    }
}

fn time_left(duration: Duration, elapsed: Duration) -> String {
    match duration.saturating_sub(elapsed).as_secs_f64().ceil() {
        0.0 => "finishing".to_owned(),
        left => format!("{left:.0} s left"),
    }
}

/// A non-zero exit with a complete result is a measurement; without one it is a failure. Whose, cannot be told: it is
/// the server's until shown otherwise, so that none passes in pairs by leaving its load without a result.
fn read_result(plan: &Plan, workplace: &Workplace, exit: Exit) -> Result<LoadResult> {
    let failed = |what: String| {
        with_log(Error::new(what).of_server(), &workplace.load_log())
            .next("mend what the log says, or build the load generator anew: without --no-build")
    };
    let bytes = fs::read(workplace.result())
        .map_err(|_| failed(format!("the load generator wrote no result ({exit})")))?;
    let result = LoadResult::parse(&bytes).map_err(|why| {
        failed(format!(
            "the load generator's result is not complete: {why} ({exit})"
        ))
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

fn weaknesses(plan: &Plan, workplace: &Workplace, result: &LoadResult, exit: Exit) -> Vec<String> {
    let mut warnings = Vec::new();
    if result.error_rate > FAILED_BEFORE {
        warnings.push(format!(
            "{:.1} % of the requests FAILED: these latencies are those of error replies",
            result.error_rate * 100.0
        ));
    }
    if exit != Exit::Code(0) {
        let missed = plan.scenario.limits.missed(result);
        let why = match missed.is_empty() {
            true => last_line(&workplace.load_log()),
            false => format!("the scenario's limits are missed: {}", missed.join("; ")),
        };
        warnings.push(format!("the load generator ended with {exit}: {why}"));
    }
    if result.throughput < plan.scenario.rate * OFFERED_LOAD_REACHED {
        warnings.push(format!(
            "the offered load was not reached: {:.0} of {:.0} requests/s",
            result.throughput, plan.scenario.rate
        ));
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
    let tail = tail(log);
    let error = match tail.is_empty() {
        true => error,
        false => error.next(format!(
            "the end of its log:\n    {}",
            tail.replace('\n', "\n    ")
        )),
    };
    error.next(format!("whole log: {}", log.display()))
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
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let first = lines.len().saturating_sub(TAIL_LINES);
    lines
        .iter()
        .skip(first)
        .map(|line| line.chars().take(200).filter(|c| !c.is_control()).collect())
        .collect::<Vec<String>>()
        .join("\n")
}

fn last_line(log: &Path) -> String {
    tail(log)
        .lines()
        .last()
        .unwrap_or("its log is empty")
        .to_owned()
}

impl Measured {
    /// The most memory that the server had in RAM, in KiB; `None` where nothing was sampled.
    pub fn peak_memory_kib(&self) -> Option<u64> {
        self.samples
            .iter()
            .map(|sample| sample.usage.peak_kib.unwrap_or(sample.usage.rss_kib))
            .max()
    }
}
