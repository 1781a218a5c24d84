//! `loadtest run --scenario FILE ...`: the stand-in's load generator.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use pico_args::Arguments;
use stand_in::faults::{Faults, LoadFault};
use stand_in::report::{Report, missed_limits, summarize};
use stand_in::scenario::Scenario;
use stand_in::{load, log};

/// The load was sent, and a limit of the scenario is missed.
const LIMIT_MISSED: u8 = 1;
/// There is no measurement: the words typed, the scenario or the output file are at fault.
const MISUSED: u8 = 2;

/// The seed of Engram's internal runs.
const DEFAULT_SEED: u64 = 0xDEAD_BEEF;

const USAGE: &str = "usage: loadtest run --scenario FILE [--duration SECONDS] [--seed N] [--endpoint URL] \
                     [--output FILE] [--target-rate N]";

struct Options {
    scenario: Scenario,
    seed: u64,
    endpoint: String,
    output: Option<PathBuf>,
    fault: Option<LoadFault>,
}

fn main() -> ExitCode {
    match parse().and_then(|options| run(&options)) {
        Ok(code) => code,
        Err(problem) => {
            log::error(format_args!("loadtest: {problem}"));
            ExitCode::from(MISUSED)
        }
    }
}

fn run(options: &Options) -> Result<ExitCode, String> {
    let Options { scenario, seed, endpoint, output, fault } = options;
    log::info(format_args!(
        "INFO starting load test: {} (seed: {seed}) against {endpoint}",
        scenario.name
    ));
    let (tallies, elapsed) = load::run(scenario, *seed, endpoint, *fault);
    let report = summarize(&scenario.name, &tallies, elapsed);
    log::info(format_args!(
        "INFO {} operations, {} errors, {:.1}/s, P50 {} ms, P95 {} ms, P99 {} ms",
        report.total_operations,
        report.total_errors,
        report.overall_throughput,
        report.p50_latency_ms,
        report.p95_latency_ms,
        report.p99_latency_ms,
    ));
    if *fault == Some(LoadFault::NoJson) {
        return Ok(ExitCode::from(1));
    }
    if let Some(output) = output {
        write(output, &report, *fault)?;
    }
    if *fault == Some(LoadFault::HalfJson) {
        return Ok(ExitCode::SUCCESS);
    }
    let missed = missed_limits(&report, &scenario.validation);
    for limit in &missed {
        log::info(format_args!("WARN limit missed: {limit}"));
    }
    Ok(if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(LIMIT_MISSED) })
}

fn write(output: &Path, report: &Report, fault: Option<LoadFault>) -> Result<(), String> {
    let mut json = serde_json::to_vec_pretty(report).map_err(|error| error.to_string())?;
    if fault == Some(LoadFault::HalfJson) {
        json.truncate(json.len() / 2);
    }
    fs::write(output, json).map_err(|error| format!("cannot write {}: {error}", output.display()))
}

fn parse() -> Result<Options, String> {
    let mut arguments = Arguments::from_env();
    let problem = |error: pico_args::Error| format!("{error}\n{USAGE}");
    let path: PathBuf = arguments.value_from_str("--scenario").map_err(problem)?;
    let rate = arguments.opt_value_from_str("--target-rate").map_err(problem)?;
    let seconds = arguments.opt_value_from_str("--duration").map_err(problem)?;
    let seed = arguments.opt_value_from_str("--seed").map_err(problem)?.unwrap_or(DEFAULT_SEED);
    let endpoint: Option<String> = arguments.opt_value_from_str("--endpoint").map_err(problem)?;
    let output = arguments.opt_value_from_str("--output").map_err(problem)?;
    let command = arguments.subcommand().map_err(problem)?;
    let left = arguments.finish();
    if command.as_deref() != Some("run") || !left.is_empty() {
        return Err(format!("the one command is `run`, and it takes no other words\n{USAGE}"));
    }
    Ok(Options {
        scenario: read_scenario(&path, rate, seconds)?,
        seed,
        endpoint: endpoint.unwrap_or_else(|| "http://127.0.0.1:7432".to_owned()),
        output,
        fault: Faults::parse(env::vars_os())?.load,
    })
}

fn read_scenario(path: &Path, rate: Option<f64>, seconds: Option<u64>) -> Result<Scenario, String> {
    fs::read_to_string(path)
        .map_err(|error| error.to_string())
        .and_then(|text| Scenario::parse(&text))
        .and_then(|scenario| scenario.with(rate, seconds))
        .map_err(|problem| format!("scenario {}: {problem}", path.display()))
}
