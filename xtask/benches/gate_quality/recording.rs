//! Recorded runs of one binary: a line each, the load generator's result with a few more fields.

use std::fs;
use std::path::Path;

use serde_json::Value;
use xtask::model::load_result::LoadResult;

use crate::Result;

/// Runs in the order in which they were measured.
pub struct Recording {
    /// The file's name.
    pub name: String,
    /// The runs.
    pub runs: Vec<Run>,
}

/// One run.
#[derive(Clone)]
pub struct Run {
    /// The result.
    pub result: LoadResult,
    /// The line as recorded: no two runs are the same measurement.
    pub bytes: Vec<u8>,
    /// From the server's start to its end, in seconds.
    pub seconds: f64,
}

/// Reads a recording.
pub fn read(path: &Path) -> Result<Recording> {
    let failed = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
    let runs: Vec<Run> = text
        .lines()
        .enumerate()
        .map(|(index, line)| {
            run(line).map_err(|why| failed(&format!("line {}: {why}", index + 1)).into())
        })
        .collect::<Result<_>>()?;
    if runs.is_empty() {
        return Err(failed(&"no runs").into());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(Recording { name: name.into_owned(), runs })
}

fn run(line: &str) -> std::result::Result<Run, String> {
    let fields: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let seconds = ["ready_s", "load_s", "stop_s"]
        .map(|key| fields.get(key).and_then(Value::as_f64))
        .into_iter()
        .sum::<Option<f64>>()
        .ok_or("ready_s, load_s or stop_s is missing")?;
    Ok(Run {
        result: LoadResult::parse(line.as_bytes())?,
        bytes: line.as_bytes().to_vec(),
        seconds,
    })
}
