//! One measurement: of each side a fresh server and one load, both sides at the same time where there are two, and the
//! samples, noise and warnings meanwhile.

use std::path::Path;
use std::time::{Duration, Instant};

use super::build::Binaries;
use super::children::{Cause, Children, Stopped};
use super::health::{self, Health, Implementation};
use super::noise::Counters;
use super::port::{self, Listener};
use super::process::{self, Usage};
use super::scenario::{self, Scenario};
use super::supervisor::{Exit, Kind, Program, Role, SIGTERM};
use super::workplace::Workplace;
use crate::error::{Error, Result};
use crate::files;
use crate::model::limits::ELAPSED_SHARE;
use crate::model::load_result::LoadResult;
use crate::model::names::{Mode, Phase};
use crate::model::provenance::Noise;
use crate::term::steps::Steps;
use crate::term::text::shell_word;

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

/// The servers, the load and the limits of a measurement.
#[derive(Debug, Clone)]
pub struct RunPlan<'a> {
    /// This executable, which becomes the supervisor.
    pub tool: &'a Path,
    /// The checkout, which all processes run in.
    pub checkout: &'a Path,
    /// The load of each side.
    pub scenario: &'a Scenario,
    /// Decides the seed.
    pub mode: Mode,
    /// The length of the load.
    pub duration: Duration,
    pub limits: Limits,
    /// One, or before and after, which are measured at the same time.
    pub sides: &'a [Side<'a>],
    /// The side whose processes are made first.
    pub first: Phase,
}

impl<'a> RunPlan<'a> {
    /// A program of each side, in the order in which they are started.
    fn programs(&self, kind: Kind, program: fn(&Self, &Side) -> Program) -> Vec<(Role, Program)> {
        let mut sides: Vec<&Side> = self.sides.iter().collect();
        sides.sort_by_key(|side| side.phase != self.first);
        sides.into_iter().map(|side| (kind.of(side.phase), program(self, side))).collect()
    }
}

/// A side that is measured.
#[derive(Debug, Clone)]
pub struct Side<'a> {
    pub phase: Phase,
    /// The executables.
    pub binaries: &'a Binaries,
    /// The server's port.
    pub port: u16,
    /// Of this side alone.
    pub workplace: Workplace,
    /// Makes the server slower by this share, in per cent, while it is under load.
    pub slow_down: Option<f64>,
}

/// The failure of a measurement.
#[derive(Debug, Clone)]
pub enum Failed {
    /// The server of this side crashed, hung, or did not do what it was asked.
    Server(Phase, Error),
    /// The machine, the user, or this tool is at fault.
    Environment(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Environment(error)
    }
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Server(_, error) | Failed::Environment(error) => error,
        }
    }
}

/// The measurement of one side.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The load generator's result.
    pub result: LoadResult,
    pub(crate) implementation: Implementation,
    /// From the server's start until it was healthy.
    pub(crate) ready: Duration,
    /// Wall time of the load generator.
    pub(crate) load: Duration,
    /// How far apart both loads noticed their start; `None` where there is one.
    pub(crate) load_offset: Option<Duration>,
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
/// The time between two samples of a server's memory and CPU.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);
/// The shortest wait for news before a limit counts as passed: this tool may have been suspended beyond it, and what
/// ended meanwhile ended in time.
const LAST_LOOK: Duration = Duration::from_millis(200);
/// The longest time between the starts of two loads that count as started at the same time.
const TOGETHER: Duration = Duration::from_millis(5);
/// The number of lines of a log that are shown with a failure, and recorded with a result.
const TAIL_LINES: usize = 20;

/// Measures the sides of `plan`, each in its own workplace, which has the result and the logs afterwards; all of these
/// are in `workplace`, or are it. The measurements are in the order of the sides. When it returns, for whatever reason,
/// no server and no load generator runs any more.
///
/// # Errors
/// Names the step that failed, with the end of the log that gives the reason. As soon as one side fails, the other one
/// is stopped too.
pub fn run(
    plan: &RunPlan,
    workplace: &Workplace,
    steps: &mut Steps,
) -> Result<Vec<Measured>, Failed> {
    for side in plan.sides {
        side.workplace.prepare()?;
        port::free(side.port)?;
    }
    let children = Children::start(plan.tool, workplace, plan.limits.stop_grace)?;
    // The supervisor is dropped, and has stopped everything, when this is over.
    let outcome = Measuring { plan, children, steps, started: Instant::now() }.measure();
    match outcome {
        Ok(_) => plan.sides.iter().for_each(|side| side.workplace.remove_data()),
        Err(_) => workplace.remove_scratch(),
    }
    outcome
}

/// A measurement in progress.
struct Measuring<'a> {
    plan: &'a RunPlan<'a>,
    children: Children,
    steps: &'a mut Steps,
    /// When the servers were started.
    started: Instant,
}

/// A side whose server was started.
struct Running<'a> {
    plan: &'a RunPlan<'a>,
    side: &'a Side<'a>,
    pid: u32,
    /// From its start until it was healthy.
    ready: Option<(Implementation, Duration)>,
    samples: Vec<Sample>,
    /// How its load generator ended, and after which time.
    load: Option<(Exit, Duration)>,
}

impl<'a> Measuring<'a> {
    /// What befalls both sides is no fault of the change: it counts as that of before, which is looked at first.
    fn measure(mut self) -> Result<Vec<Measured>, Failed> {
        let plan = self.plan;
        let mut sides = self.start()?;

        self.steps.begin_long("ready", "waiting until it is healthy");
        self.wait_until_healthy(&mut sides)?;
        let is_stand_in = |side: &Running| matches!(side.ready, Some((Implementation::StandIn, _)));
        self.steps.done(match sides.iter().any(is_stand_in) {
            false => "healthy",
            true => "healthy; this is the stand-in, not the real Engram",
        });

        let what = format!("{} s of `{}`", plan.duration.as_secs(), plan.scenario.name);
        self.steps.begin_long("load", &what);
        let servers: Vec<u32> = sides.iter().map(|side| side.pid).collect();
        let before = Counters::read(&servers, Some(self.children.id()));
        let load_offset = self.load(&mut sides)?;
        let after = Counters::read(&servers, Some(self.children.id()));
        let listeners: Vec<Listener> = sides.iter().map(Running::listener).collect();
        self.steps.done(&what);

        self.steps.begin("stop", "SIGTERM");
        let stop = |side: &Running| self.children.stop(Kind::Server.of(side.side.phase));
        let stops = sides.iter().map(stop).collect::<Result<Vec<_>>>()?;
        let is_unclean = |stop: &Stopped| unclean_stop(*stop, plan.limits.stop_grace).is_some();
        self.steps.done(match stops.iter().any(is_unclean) {
            true => "did not stop as it should",
            false => "stopped",
        });

        if let Some((side, stop)) =
            sides.iter().zip(&stops).find(|(_, stop)| stop.cause == Cause::Unasked)
        {
            return Err(side.died_under_load(stop.exit));
        }
        plan.scenario.unchanged(plan.checkout)?;
        for (side, listener) in sides.iter().zip(listeners) {
            match listener {
                Listener::Ours | Listener::Unknown => {}
                Listener::Stranger(stranger) => {
                    return Err(side.answered_by_another(stranger).into());
                }
                Listener::Nobody => {
                    let what = "the server lived on, and no longer listened after the load";
                    let log = side.side.workplace.server_log();
                    return Err(side.failed(with_log(Error::new(what), &log)));
                }
            }
        }
        let noise = before.until(&after);
        let mut warnings = before.disturbances(&after, "during the load");
        warnings.extend(load_offset.filter(|offset| *offset > TOGETHER).map(apart));
        let used = before.of_servers(&after);
        let measured = sides.into_iter().zip(stops).zip(used).map(|((side, stop), server)| {
            let noise = Noise { server_cpu_seconds: server, ..noise.clone() };
            let mut measured = side.measured(stop, noise)?;
            measured.load_offset = load_offset;
            measured.warnings.extend(warnings.iter().cloned());
            measured.warnings.extend(unclean_stop(stop, plan.limits.stop_grace));
            Ok(measured)
        });
        measured.collect()
    }

    /// Starts the servers.
    fn start(&mut self) -> Result<Vec<Running<'a>>> {
        let plan = self.plan;
        let together = |words: Vec<String>| words.join(" and ");
        let addresses = plan.sides.iter().map(|side| format!("127.0.0.1:{}", side.port));
        let address = format!("engram on {}", together(addresses.collect()));
        self.steps.begin("start", &address);
        let servers = self.children.spawn(&plan.programs(Kind::Server, server))?;
        let pid = |side: &Side| {
            let of_side = servers.iter().find(|server| server.role.side == side.phase);
            of_side.map_or(0, |server| server.pid)
        };
        let pids = plan.sides.iter().map(|side| pid(side).to_string());
        self.steps.done(&format!("{address}, process {}", together(pids.collect())));
        let running = |side: &'a Side| Running {
            plan,
            side,
            pid: pid(side),
            ready: None,
            samples: Vec::new(),
            load: None,
        };
        Ok(plan.sides.iter().map(running).collect())
    }

    /// Asks until every server is healthy, and is the one that was started, or the time for it is over.
    fn wait_until_healthy(&mut self, sides: &mut [Running]) -> Result<(), Failed> {
        loop {
            // They are asked once more after the limit: this tool may have been suspended meanwhile.
            let is_last = self.started.elapsed() >= self.plan.limits.ready;
            if let Some((role, exit)) = self.children.exited(HEALTH_INTERVAL)?
                && let Some(side) =
                    sides.iter().find(|side| Kind::Server.of(side.side.phase) == role)
            {
                return Err(side.ended_early(exit));
            }
            let mut waiting = None;
            for side in sides.iter_mut().filter(|side| side.ready.is_none()) {
                match health::check(side.side.port) {
                    Health::Healthy(implementation) => match side.listener() {
                        Listener::Ours | Listener::Unknown => {
                            side.ready = Some((implementation, self.started.elapsed()));
                        }
                        Listener::Stranger(stranger) => {
                            return Err(side.answered_by_another(stranger).into());
                        }
                        // It has ended since it answered, or a stranger has: it is asked again.
                        Listener::Nobody => {
                            let answer = "a listener that is gone".to_owned();
                            waiting.get_or_insert((&*side, answer));
                        }
                    },
                    Health::Unhealthy(answer) | Health::Silent(answer) => {
                        waiting.get_or_insert((&*side, answer));
                    }
                }
            }
            match waiting {
                None => return Ok(()),
                Some((side, answer)) if is_last => return Err(side.never_healthy(&answer)),
                Some(_) => {}
            }
        }
    }

    /// Runs the load generators to their ends, and samples the servers meanwhile. Returns how far apart several
    /// noticed their start. It ends early, with that side alone, when one leaves no result.
    fn load(&mut self, sides: &mut Vec<Running>) -> Result<Option<Duration>, Failed> {
        let plan = self.plan;
        for side in plan.sides {
            if let Some(percent) = side.slow_down {
                self.children.slow_down(Kind::Server.of(side.phase), percent)?;
            }
        }
        // Before, or a busy machine makes the load longer than its generator ran.
        let began = Instant::now();
        let loads = self.children.spawn(&plan.programs(Kind::Load, load_generator))?;
        let offset = loads.iter().find_map(|load| load.apart);
        let limit = plan.duration + plan.limits.load_grace;
        let mut next_sample = Duration::ZERO;
        while sides.iter().any(|side| side.load.is_none()) {
            let elapsed = began.elapsed();
            if elapsed >= next_sample {
                let age = self.started.elapsed();
                for side in sides.iter_mut().filter(|side| side.load.is_none()) {
                    let usage = process::usage(side.pid, age);
                    side.samples.extend(usage.map(|usage| Sample { at: elapsed, usage }));
                }
                self.steps.progress(&time_left(plan.duration, elapsed));
                while next_sample <= elapsed {
                    next_sample += SAMPLE_INTERVAL;
                }
            }
            let patience = match elapsed < limit {
                true => next_sample.min(limit).saturating_sub(elapsed),
                false => LAST_LOOK,
            };
            let exited = self.children.exited(patience)?;
            let news = exited.and_then(|(role, exit)| {
                let side = sides.iter_mut().find(|side| side.side.phase == role.side)?;
                Some((role.kind, exit, side))
            });
            match news {
                Some((Kind::Load, exit, side)) => {
                    side.load = Some((exit, began.elapsed()));
                    if side.result(exit).is_err() {
                        let phase = side.side.phase;
                        sides.retain(|side| side.side.phase == phase);
                    }
                }
                Some((Kind::Server, exit, side)) => return Err(side.died_under_load(exit)),
                None if elapsed >= limit => {
                    let unfinished = sides.iter().find(|side| side.load.is_none());
                    return unfinished.map_or(Ok(offset), |side| Err(side.load_hangs()));
                }
                None => {}
            }
        }
        Ok(offset)
    }
}

impl Running<'_> {
    fn listener(&self) -> Listener {
        port::listener(self.side.port, self.pid)
    }

    fn failed(&self, error: Error) -> Failed {
        Failed::Server(self.side.phase, error)
    }

    fn ended_early(&self, exit: Exit) -> Failed {
        let what = format!("the server ended before it was healthy ({exit})");
        let error = with_log(Error::new(what), &self.side.workplace.server_log());
        self.failed(error.next(format!(
            "fix what its log says; to start it alone: {} start --port {}",
            shell_word(&self.side.binaries.engram.to_string_lossy()),
            self.side.port
        )))
    }

    fn never_healthy(&self, answer: &str) -> Failed {
        let what = format!(
            "the server was not healthy within {} s; GET http://127.0.0.1:{}/health last gave: {answer}",
            self.plan.limits.ready.as_secs(),
            self.side.port
        );
        let error = with_log(Error::new(what), &self.side.workplace.server_log());
        self.failed(error.next("a slow start can be given more time: --ready-timeout SECONDS"))
    }

    fn died_under_load(&self, exit: Exit) -> Failed {
        let died = Error::new(format!("the server ended under load ({exit})"));
        let error = with_log(died, &self.side.workplace.server_log());
        self.failed(
            error.next(
                "signal 9 can be the system's, when memory is short; otherwise fix the server",
            ),
        )
    }

    fn load_hangs(&self) -> Failed {
        let what = format!(
            "the load generator was still running {} s after its {} s were over",
            self.plan.limits.load_grace.as_secs(),
            self.plan.duration.as_secs()
        );
        let error = with_log(Error::new(what), &self.side.workplace.load_log());
        self.failed(
            error.next("a server too slow for it can be given more time: --load-grace SECONDS"),
        )
    }

    /// A server that finds its port taken silently moves to another one.
    fn answered_by_another(&self, stranger: Option<u32>) -> Error {
        let who = stranger.map_or_else(|| "another process".into(), |pid| format!("process {pid}"));
        let port = self.side.port;
        let what = format!("port {port} is answered by {who}, not by the server just started");
        with_log(Error::new(what), &self.side.workplace.server_log())
            .next("end it, or choose another port: --port N")
    }

    /// A non-zero exit with a complete result is a measurement; without one it is a failure. Its cause is unknown: it
    /// counts as the server's, so that no server passes in pairs by leaving its load without a result.
    fn result(&self, exit: Exit) -> Result<LoadResult, Failed> {
        let (name, workplace) = (&self.plan.scenario.name, &self.side.workplace);
        let failed = |what: String| {
            let error = with_log(Error::new(what), &workplace.load_log());
            self.failed(error.next(
                "fix what the log says, or build the load generator anew: without --no-build",
            ))
        };
        let bytes = files::read(&workplace.result())
            .map_err(|_| failed(format!("the load generator wrote no result ({exit})")))?;
        let result = LoadResult::parse(&bytes).map_err(|why| {
            failed(format!("the load generator's result is not complete: {why} ({exit})"))
        })?;
        if result.config_name != *name {
            let measured = &result.config_name;
            let what = format!("the load generator measured `{measured}` instead of `{name}`");
            return Err(failed(what));
        }
        if result.total_operations == 0 {
            return Err(failed("the load generator sent no request".into()));
        }
        Ok(result)
    }

    /// What was measured, without what concerns both sides.
    #[allow(clippy::cast_precision_loss, reason = "far fewer requests than 2^53")]
    fn measured(self, stop: Stopped, mut noise: Noise) -> Result<Measured, Failed> {
        let unknown = || Error::new("a defect in this tool: a side was not measured to its end");
        let (implementation, ready) = self.ready.ok_or_else(unknown)?;
        let (load_exit, load) = self.load.ok_or_else(unknown)?;
        let result = self.result(load_exit)?;
        noise.server_cpu_us_per_operation =
            noise.server_cpu_seconds.map(|seconds| seconds * 1e6 / result.total_operations as f64);
        Ok(Measured {
            implementation,
            ready,
            load,
            load_offset: None,
            stop,
            load_exit,
            warnings: self.weaknesses(&result, load_exit),
            samples: self.samples,
            noise,
            log_tail: tail(&self.side.workplace.server_log()),
            result,
        })
    }

    fn weaknesses(&self, result: &LoadResult, exit: Exit) -> Vec<String> {
        let (plan, mut warnings) = (self.plan, Vec::new());
        if exit != Exit::Code(0) {
            let missed = plan.scenario.limits.missed(result);
            let why = match missed.is_empty() {
                true => last_line(&self.side.workplace.load_log()),
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
}

fn apart(offset: Duration) -> String {
    let milliseconds = offset.as_secs_f64() * 1e3;
    format!("the two loads were started {milliseconds:.1} ms apart")
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

fn server(plan: &RunPlan, side: &Side) -> Program {
    Program {
        path: side.binaries.engram.clone(),
        arguments: ["start", "--port", &side.port.to_string()].map(str::to_owned).to_vec(),
        environment: vec![
            format!("ENGRAM_DATA_DIR={}", side.workplace.data().display()),
            format!("ENGRAM_PID_PATH={}", side.workplace.pid_file().display()),
        ],
        directory: plan.checkout.to_owned(),
        output: side.workplace.server_log(),
    }
}

fn load_generator(plan: &RunPlan, side: &Side) -> Program {
    let scenario = plan.checkout.join(&plan.scenario.file);
    let options = [
        ("--scenario", scenario.display().to_string()),
        ("--duration", plan.duration.as_secs().to_string()),
        ("--seed", scenario::seed(plan.mode).to_string()),
        ("--endpoint", format!("http://127.0.0.1:{}", side.port)),
        ("--output", side.workplace.result().display().to_string()),
    ];
    let options = options.map(|(name, value)| [name.to_owned(), value]);
    Program {
        path: side.binaries.loadtest.clone(),
        arguments: [vec!["run".to_owned()], options.concat()].concat(),
        environment: Vec::new(),
        directory: plan.checkout.to_owned(),
        output: side.workplace.load_log(),
    }
}

fn time_left(duration: Duration, elapsed: Duration) -> String {
    match duration.saturating_sub(elapsed).as_secs_f64().ceil() {
        0.0 => "finishing".to_owned(),
        left => format!("{left:.0} s left"),
    }
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
    if let Ok((mut file, _)) = files::open(log) {
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
