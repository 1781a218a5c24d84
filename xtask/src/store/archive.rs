//! Measurements that were taken back: archived beside the results, where no comparison takes them, and never deleted.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::model::layout::ARCHIVED;
use crate::model::names::{Mode, Part, RunName, TaskId};
use crate::store::results::Results;

/// Archives all files of a run; returns the new path of its result.
///
/// # Errors
/// Names the file that could not be moved. A run without its result counts for nothing: that goes first.
pub(crate) fn take_back(results: &Results, run: &RunName) -> Result<PathBuf> {
    let folder = results.folder().join(ARCHIVED);
    fs::create_dir_all(&folder).map_err(Error::at("cannot make the folder", &folder))?;
    for part in Part::ALL.into_iter().rev() {
        let (from, to) = (results.path(run, part), folder.join(run.file(part)));
        if to.exists() {
            let what = format!("there is a {} already", to.display());
            return Err(Error::new(what).next("nothing is overwritten: move that one elsewhere"));
        }
        match fs::rename(&from, &to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && part != Part::Result => {}
            other => other.map_err(Error::at("cannot archive", &from))?,
        }
    }
    Ok(folder.join(run.file(Part::Result)))
}

/// The results of a task that were taken back, oldest first.
pub(crate) fn taken_back(results: &Results, task: &TaskId, mode: Mode) -> Vec<RunName> {
    // Where there is no such folder, nothing was taken back.
    let entries = fs::read_dir(results.folder().join(ARCHIVED)).into_iter().flatten().flatten();
    let run = |entry: fs::DirEntry| {
        let name = RunName::of_result(entry.file_name().to_str()?)?;
        (name.task == *task && name.mode == mode).then_some(name)
    };
    let mut runs: Vec<RunName> = entries.filter_map(run).collect();
    runs.sort_unstable();
    runs
}
