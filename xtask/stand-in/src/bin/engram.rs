//! `engram start --port PORT`: the stand-in's server.

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use pico_args::Arguments;
use stand_in::faults::Faults;
use stand_in::log;
use stand_in::server::{Settings, serve};

/// The server could not start, or could not go on.
const FAILED: u8 = 1;
/// The words typed, or a fault variable, make no sense.
const MISUSED: u8 = 2;

/// The real server's default.
const DEFAULT_PORT: u16 = 7432;

fn main() -> ExitCode {
    let (settings, faults) = match parse() {
        Ok(parsed) => parsed,
        Err(problem) => {
            log::error(format_args!("engram: {problem}\nusage: engram start [--port PORT]"));
            return ExitCode::from(MISUSED);
        }
    };
    if let Some(code) = faults.exit_at_start {
        return ExitCode::from(code);
    }
    // One thread serves: there is one client, and threads that hand over to each other would add noise.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.and_then(|runtime| runtime.block_on(serve(&settings, faults))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error(format_args!("engram: {error}"));
            ExitCode::from(FAILED)
        }
    }
}

fn parse() -> Result<(Settings, Faults), String> {
    let mut arguments = Arguments::from_env();
    let problem = |error: pico_args::Error| error.to_string();
    let port = arguments.opt_value_from_str("--port").map_err(problem)?.unwrap_or(DEFAULT_PORT);
    let command = arguments.subcommand().map_err(problem)?;
    let left = arguments.finish();
    if command.as_deref() != Some("start") || !left.is_empty() {
        return Err("the one command is `start`".to_owned());
    }
    let path = |name, default: PathBuf| env::var_os(name).map_or(default, PathBuf::from);
    let settings = Settings {
        port,
        data_directory: path("ENGRAM_DATA_DIR", PathBuf::from("engram-data")),
        pid_path: path("ENGRAM_PID_PATH", env::temp_dir().join("engram.pid")),
    };
    Ok((settings, Faults::parse(env::vars_os())?))
}
