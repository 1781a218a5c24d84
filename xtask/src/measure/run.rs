//! One measurement: of each side a fresh server and one load, both sides at the same time where there are two, and the
//! samples, noise and warnings meanwhile.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use super::build::Binaries;
use super::children::{Children, Stopped};
use super::health;
use super::noise::Counters;
use super::port;
use super::process::{self, Usage};
use super::scenario::{self, Scenario};
use super::supervisor::{Cause, Kind, SIGTERM, words};
use super::workplace::Workplace;
use crate::error::{Error, Result};
use crate::files;
use crate::model::limits::ELAPSED_SHARE;
use crate::model::load_result::LoadResult;
use crate::model::names::{Mode, Phase};
use crate::model::provenance::{Noise, ServerRun};
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
    /// One, or before and after, in this order, which are measured at the same time.
    pub sides: &'a [Side<'a>],
    /// The side whose processes are made first.
    pub first: Phase,
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
    /// It was the stand-in that answered, and not Engram.
    pub(crate) stand_in: bool,
    /// How far apart both loads noticed their start; `None` where there is one.
    pub(crate) load_offset: Option<Duration>,
    pub(crate) server: ServerRun,
    /// The fault of a stop that was not clean, in words.
    pub(crate) unclean_stop: Option<String>,
    /// The server's use of the machine, once a second, with the time since the load began.
    pub(crate) samples: Vec<(Duration, Usage)>,
    pub(crate) noise: Noise,
    /// The end of the server's log.
    pub(crate) log_tail: String,
    /// The weaknesses of the measurement, in words.
    pub(crate) warnings: Vec<String>,
}

/// The time between two questions for the health of a server that starts.
const HEALTH_INTERVAL: Duration = Duration::from_millis(20);
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
    let children = Children::start(plan.tool, plan.checkout, workplace, plan.limits.stop_grace)?;
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
    stand_in: bool,
    samples: Vec<(Duration, Usage)>,
    /// How its load generator ended.
    load: Option<ExitStatus>,
    server: ServerRun,
    unclean_stop: Option<String>,
}

impl<'a> Measuring<'a> {
    /// What befalls both sides is no fault of the change: it counts as that of before, which is looked at first.
    fn measure(mut self) -> Result<Vec<Measured>, Failed> {
        let plan = self.plan;
        let mut sides = self.start()?;

        self.steps.begin_long("ready", "waiting until it is healthy");
        self.wait_until_healthy(&mut sides)?;
        self.steps.done(match sides.iter().any(|side| side.stand_in) {
            false => "healthy",
            true => "healthy; this is the stand-in, not the real Engram",
        });

        let what = format!("{} s of `{}`", plan.duration.as_secs(), plan.scenario.name);
        self.steps.begin_long("load", &what);
        let servers: Vec<u32> = sides.iter().map(|side| side.pid).collect();
        let before = Counters::read(&servers, Some(self.children.id()));
        let load_offset = self.load(&mut sides)?;
        let after = Counters::read(&servers, Some(self.children.id()));
        let listening: Vec<Result<bool>> = sides.iter().map(Running::listens).collect();
        self.steps.done(&what);

        self.steps.begin("stop", "SIGTERM");
        let mut died = None;
        for side in &mut sides {
            let stop = self.children.stop(Kind::Server.of(side.side.phase))?;
            side.server.stop_seconds = Some(stop.took.as_secs_f64());
            side.server.slowed_down_percent = stop.slowed_down;
            side.server.server_end = Some(words(stop.exit));
            side.unclean_stop = unclean_stop(stop, plan.limits.stop_grace);
            if stop.cause == Cause::Unasked {
                died.get_or_insert(side.died_under_load(stop.exit));
            }
        }
        self.steps.done(match sides.iter().any(|side| side.unclean_stop.is_some()) {
            true => "did not stop as it should",
            false => "stopped",
        });

        if let Some(died) = died {
            return Err(died);
        }
        plan.scenario.unchanged(plan.checkout)?;
        for (side, listens) in sides.iter().zip(listening) {
            if !listens? {
                let what = "the server lived on, and no longer listened after the load";
                return Err(side.server_failed(what.into(), "fix what its log says"));
            }
        }
        let noise = before.until(&after);
        let mut warnings = before.disturbances(&after, "during the load");
        warnings.extend(load_offset.filter(|offset| *offset > TOGETHER).map(apart));
        let sides = sides.into_iter().zip(before.of_servers(&after));
        let measured = sides.map(|(side, server_cpu_seconds)| {
            let noise = Noise { server_cpu_seconds, ..noise.clone() };
            side.measured(load_offset, noise, &warnings)
        });
        measured.collect()
    }

    /// Starts a program of each side. Returns their process ids in the order of the sides, and how far apart several
    /// noticed their start.
    fn spawn(
        &mut self,
        kind: Kind,
        command: fn(&RunPlan, &Side) -> Vec<String>,
    ) -> Result<(Vec<u32>, Option<Duration>)> {
        let plan = self.plan;
        let mut sides: Vec<&Side> = plan.sides.iter().collect();
        sides.sort_by_key(|side| side.phase != plan.first);
        let programs =
            sides.iter().map(|side| (kind.of(side.phase), &side.workplace, command(plan, side)));
        let (pids, apart) = self.children.spawn(&programs.collect::<Vec<_>>())?;
        let mut started: Vec<_> = sides.iter().map(|side| side.phase).zip(pids).collect();
        started.sort_unstable();
        Ok((started.into_iter().map(|(_, pid)| pid).collect(), apart))
    }

    /// Starts the servers.
    fn start(&mut self) -> Result<Vec<Running<'a>>> {
        let plan = self.plan;
        let together = |words: Vec<String>| words.join(" and ");
        let addresses = plan.sides.iter().map(|side| format!("127.0.0.1:{}", side.port));
        let address = format!("engram on {}", together(addresses.collect()));
        self.steps.begin("start", &address);
        let (pids, _) = self.spawn(Kind::Server, server)?;
        let shown = pids.iter().map(u32::to_string);
        self.steps.done(&format!("{address}, process {}", together(shown.collect())));
        let running = plan.sides.iter().zip(pids).map(|(side, pid)| Running {
            plan,
            side,
            pid,
            stand_in: false,
            samples: Vec::new(),
            load: None,
            server: ServerRun::default(),
            unclean_stop: None,
        });
        Ok(running.collect())
    }

    /// Asks until every server is healthy, and is the one that was started, or the time for it is over.
    fn wait_until_healthy(&mut self, sides: &mut [Running]) -> Result<(), Failed> {
        loop {
            // They are asked once more after the limit: this tool may have been suspended meanwhile.
            let is_last = self.started.elapsed() >= self.plan.limits.ready;
            if let Some((role, exit)) = self.children.exited(HEALTH_INTERVAL)?
                && let Some(side) = sides.iter().find(|side| side.side.phase == role.side)
            {
                let what = format!("the server ended before it was healthy ({})", words(exit));
                return Err(side.server_failed(what, "fix what its log says"));
            }
            let mut waiting = None;
            for side in sides.iter_mut().filter(|side| side.server.ready_seconds.is_none()) {
                let answer = match health::check(side.side.port) {
                    Ok(stand_in) if side.listens()? => {
                        side.stand_in = stand_in;
                        side.server.ready_seconds = Some(self.started.elapsed().as_secs_f64());
                        continue;
                    }
                    // It has ended since it answered, or a stranger has: it is asked again.
                    Ok(_) => "a listener that is gone".to_owned(),
                    Err(answer) => answer,
                };
                waiting.get_or_insert((&*side, answer));
            }
            match waiting {
                None => return Ok(()),
                Some((side, answer)) if is_last => {
                    let what = format!(
                        "the server was not healthy within {} s; GET http://127.0.0.1:{}/health last gave: {answer}",
                        self.plan.limits.ready.as_secs(),
                        side.side.port
                    );
                    let advice = "a slow start can be given more time: --ready-timeout SECONDS";
                    return Err(side.server_failed(what, advice));
                }
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
        let (_, offset) = self.spawn(Kind::Load, load_generator)?;
        let limit = plan.duration + plan.limits.load_grace;
        let mut next_sample = Duration::ZERO;
        while sides.iter().any(|side| side.load.is_none()) {
            let elapsed = began.elapsed();
            if elapsed >= next_sample {
                let age = self.started.elapsed();
                for side in sides.iter_mut().filter(|side| side.load.is_none()) {
                    let usage = process::usage(side.pid, age);
                    side.samples.extend(usage.map(|usage| (elapsed, usage)));
                }
                self.steps.progress(&time_left(plan.duration, elapsed));
                next_sample = Duration::from_secs(elapsed.as_secs() + 1);
            }
            let patience = match elapsed < limit {
                true => next_sample.min(limit).saturating_sub(elapsed),
                false => LAST_LOOK,
            };
            let Some((role, exit)) = self.children.exited(patience)? else {
                match sides.iter().find(|side| side.load.is_none()) {
                    Some(side) if elapsed >= limit => return Err(side.load_hangs()),
                    _ => continue,
                }
            };
            let Some(side) = sides.iter_mut().find(|side| side.side.phase == role.side) else {
                continue;
            };
            if role.kind == Kind::Server {
                return Err(side.died_under_load(exit));
            }
            side.load = Some(exit);
            side.server.load_seconds = Some(began.elapsed().as_secs_f64());
            if side.result(exit).is_err() {
                sides.retain(|side| side.side.phase == role.side);
            }
        }
        Ok(offset)
    }
}

impl Running<'_> {
    /// `false` where nobody listens on the port of the server any more.
    fn listens(&self) -> Result<bool> {
        port::listens(self.side.port, self.pid).map_err(|error| {
            with_log(error, &self.side.workplace.server_log())
                .next("end it, or choose another port: --port N")
        })
    }

    fn failed(&self, what: String, log: &Path, advice: &str) -> Failed {
        Failed::Server(self.side.phase, with_log(Error::new(what), log).next(advice))
    }

    fn server_failed(&self, what: String, advice: &str) -> Failed {
        self.failed(what, &self.side.workplace.server_log(), advice)
    }

    fn died_under_load(&self, exit: ExitStatus) -> Failed {
        let what = format!("the server ended under load ({})", words(exit));
        let advice = "signal 9 can be the system's, when memory is short; otherwise fix the server";
        self.server_failed(what, advice)
    }

    fn load_hangs(&self) -> Failed {
        let what = format!(
            "the load generator was still running {} s after its {} s were over",
            self.plan.limits.load_grace.as_secs(),
            self.plan.duration.as_secs()
        );
        let advice = "a server too slow for it can be given more time: --load-grace SECONDS";
        self.failed(what, &self.side.workplace.load_log(), advice)
    }

    /// A non-zero exit with a complete result is a measurement; without one it is a failure. Its cause is unknown: it
    /// counts as the server's, so that no server passes in pairs by leaving its load without a result.
    fn result(&self, exit: ExitStatus) -> Result<LoadResult, Failed> {
        let name = &self.plan.scenario.name;
        let written = files::read(&self.side.workplace.result());
        let what = match written.map(|bytes| LoadResult::parse(&bytes)) {
            Err(_) => format!("the load generator wrote no result ({})", words(exit)),
            Ok(Err(why)) => {
                let exit = words(exit);
                format!("the load generator's result is not complete: {why} ({exit})")
            }
            Ok(Ok(result)) if result.config_name != *name => {
                let measured = result.config_name;
                format!("the load generator measured `{measured}` instead of `{name}`")
            }
            Ok(Ok(result)) if result.total_operations == 0 => {
                "the load generator sent no request".to_owned()
            }
            Ok(Ok(result)) => return Ok(result),
        };
        let advice = "fix what the log says, or build the load generator anew: without --no-build";
        Err(self.failed(what, &self.side.workplace.load_log(), advice))
    }

    /// What was measured; `warnings` are those of both sides.
    #[allow(clippy::cast_precision_loss, reason = "far fewer requests than 2^53")]
    fn measured(
        self,
        load_offset: Option<Duration>,
        mut noise: Noise,
        warnings: &[String],
    ) -> Result<Measured, Failed> {
        let defect = || Error::new("a defect in this tool: a side was not measured to its end");
        let exit = self.load.ok_or_else(defect)?;
        let result = self.result(exit)?;
        noise.server_cpu_us_per_operation =
            noise.server_cpu_seconds.map(|seconds| seconds * 1e6 / result.total_operations as f64);
        let usages = || self.samples.iter().map(|(_, usage)| usage);
        let own = self.weaknesses(&result, exit);
        Ok(Measured {
            stand_in: self.stand_in,
            load_offset,
            server: ServerRun {
                load_generator_end: Some(words(exit)),
                memory_kib: usages().next_back().map(|usage| usage.rss_kib),
                peak_memory_kib: usages()
                    .map(|usage| usage.peak_kib.unwrap_or(usage.rss_kib))
                    .max(),
                ..self.server
            },
            warnings: own.iter().chain(warnings).chain(&self.unclean_stop).cloned().collect(),
            unclean_stop: self.unclean_stop,
            log_tail: tail(&self.side.workplace.server_log()),
            samples: self.samples,
            noise,
            result,
        })
    }

    fn weaknesses(&self, result: &LoadResult, exit: ExitStatus) -> Vec<String> {
        let mut warnings = Vec::new();
        if !exit.success() {
            let tail = tail(&self.side.workplace.load_log());
            let why = tail.lines().last().unwrap_or("its log is empty");
            warnings.push(format!("the load generator ended with {}: {why}", words(exit)));
        }
        let (lasted, planned) = (result.elapsed_seconds, self.plan.duration.as_secs_f64());
        if (lasted - planned).abs() > ELAPSED_SHARE * planned {
            warnings.push(format!("the load lasted {lasted:.1} s instead of {planned:.0} s"));
        }
        warnings
    }
}

fn apart(offset: Duration) -> String {
    let milliseconds = offset.as_secs_f64() * 1e3;
    format!("the two loads were started {milliseconds:.1} ms apart")
}

/// The fault of a stop that was not clean, in words.
fn unclean_stop(stop: Stopped, grace: Duration) -> Option<String> {
    if stop.cause == Cause::Killed {
        let grace = grace.as_secs();
        return Some(format!("the server ignored SIGTERM for {grace} s and was killed"));
    }
    let is_clean = stop.exit.success() || stop.exit.signal() == Some(SIGTERM);
    let crashed =
        || format!("the server CRASHED when it was to stop: it ended with {}", words(stop.exit));
    (!is_clean).then(crashed)
}

/// The command of a side's server.
fn server(_: &RunPlan, side: &Side) -> Vec<String> {
    let program = side.binaries.engram.display().to_string();
    vec![program, "start".into(), "--port".into(), side.port.to_string()]
}

/// The command of a side's load generator.
fn load_generator(plan: &RunPlan, side: &Side) -> Vec<String> {
    let scenario = plan.checkout.join(&plan.scenario.file);
    let options = [
        ("--scenario", scenario.display().to_string()),
        ("--duration", plan.duration.as_secs().to_string()),
        ("--seed", scenario::seed(plan.mode).to_string()),
        ("--endpoint", format!("http://127.0.0.1:{}", side.port)),
        ("--output", side.workplace.result().display().to_string()),
    ];
    let program = [side.binaries.loadtest.display().to_string(), "run".to_owned()];
    let options = options.into_iter().flat_map(|(name, value)| [name.to_owned(), value]);
    program.into_iter().chain(options).collect()
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
