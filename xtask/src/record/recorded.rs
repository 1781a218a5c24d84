//! Recorded runs, read back: which there are, and the newest group of a side.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::load_result::LoadResult;
use super::names::{Mode, Part, Phase, RunName, TaskId};
use super::provenance::Provenance;
use super::results::Results;
use crate::error::{Error, Result};

/// One recorded run.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The result file.
    pub path: PathBuf,
    /// The result.
    pub result: LoadResult,
    /// Where it comes from; `None` for what the old scripts wrote.
    pub provenance: Option<Provenance>,
    /// The result file's content, to tell the same measurement given twice.
    pub bytes: Vec<u8>,
}

/// A recorded file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.why)
    }
}

/// Runs that belong together: those of one `perf-check --runs N`, or a lone one.
#[derive(Debug, Clone)]
pub struct Group {
    /// The runs in order, each read or refused.
    pub runs: Vec<Result<Recorded, Unusable>>,
    /// How many runs the group was to have.
    pub planned: u32,
}

impl Group {
    /// A group of the one run at `path`.
    pub fn of_file(path: &Path) -> Self {
        Self {
            runs: vec![read(path)],
            planned: 1,
        }
    }

    /// The result files.
    pub fn files(&self) -> Vec<PathBuf> {
        let path = |run: &Result<Recorded, Unusable>| match run {
            Ok(run) => run.path.clone(),
            Err(unusable) => unusable.path.clone(),
        };
        self.runs.iter().map(path).collect()
    }
}

/// The names of all recorded results, of one task or of all, oldest first. A folder that does not exist has none.
///
/// # Errors
/// When the folder cannot be read.
pub fn names(results: &Results, task: Option<&TaskId>) -> Result<Vec<RunName>> {
    let failed =
        |error| Error::because(format!("cannot read {}", results.folder().display()), error);
    // Not walkdir: for one flat folder of very many files the standard library alone is several times faster.
    let entries = match fs::read_dir(results.folder()) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let prefixes = task.map(|task| Mode::ALL.map(|mode| format!("{}{task}_", mode.prefix())));
    let mut names = Vec::new();
    for entry in entries {
        let file = entry.map_err(failed)?.file_name();
        // A name that is not UTF-8 is none of ours. The prefix spares reading the names of other tasks.
        let Some(file) = file.to_str().filter(|file| {
            prefixes.as_ref().is_none_or(|prefixes| {
                prefixes
                    .iter()
                    .any(|prefix| file.starts_with(prefix.as_str()))
            })
        }) else {
            continue;
        };
        names.extend(
            RunName::of_result(file).filter(|name| task.is_none_or(|task| name.task == *task)),
        );
    }
    names.sort_unstable();
    Ok(names)
}

/// The newest group among `names`, which are sorted, of one mode and phase. Runs of a paired session are none.
pub fn newest_group(
    results: &Results,
    names: &[RunName],
    mode: Mode,
    phase: Phase,
) -> Option<Group> {
    let mut newest_first = names
        .iter()
        .rev()
        .filter(|name| name.mode == mode && name.phase == phase)
        .map(|name| read(&results.path(name, Part::Result)))
        .skip_while(|run| place(run).is_some_and(|provenance| provenance.session.is_some()));
    let newest = newest_first.next()?;
    let Some((id, planned)) =
        place(&newest).map(|provenance| (provenance.run.group.clone(), provenance.run.of))
    else {
        return Some(Group {
            runs: vec![newest],
            planned: 1,
        });
    };
    let belongs = |run: &Result<Recorded, Unusable>| {
        place(run).is_some_and(|provenance| provenance.run.group == id)
    };
    // A file in between that cannot be read may be of the group: it is not passed over in silence.
    let missing = usize::try_from(planned)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    let first_is = |run: &Result<Recorded, Unusable>| {
        place(run).is_some_and(|provenance| provenance.run.index <= 1)
    };
    let mut runs = vec![newest];
    if !runs.first().is_some_and(first_is) {
        for run in newest_first.take(missing) {
            if run.is_ok() && !belongs(&run) {
                break;
            }
            let complete = first_is(&run);
            runs.push(run);
            if complete {
                break;
            }
        }
    }
    runs.reverse();
    Some(Group { runs, planned })
}

fn place(run: &Result<Recorded, Unusable>) -> Option<&Provenance> {
    run.as_ref().ok()?.provenance.as_ref()
}

/// Reads one result file, and the provenance beside it.
///
/// # Errors
/// Says what is wrong with the result or its provenance.
pub fn read(path: &Path) -> Result<Recorded, Unusable> {
    let unusable = |path: &Path, why: String| Unusable {
        path: path.to_owned(),
        why,
    };
    let bytes = fs::read(path).map_err(|error| unusable(path, error.to_string()))?;
    let result = LoadResult::parse(&bytes).map_err(|why| unusable(path, why))?;
    let beside = diagnosis_beside(path);
    let provenance = match beside.as_deref().map(fs::read) {
        None => None,
        Some(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => None,
        Some(text) => {
            let beside = beside.unwrap_or_default();
            let text = text.map_err(|error| unusable(&beside, error.to_string()))?;
            Provenance::parse(&String::from_utf8_lossy(&text))
                .map_err(|why| unusable(&beside, why.to_string()))?
        }
    };
    Ok(Recorded {
        path: path.to_owned(),
        result,
        provenance,
        bytes,
    })
}

/// Where the diagnosis of a result would be, whatever the result is called.
fn diagnosis_beside(path: &Path) -> Option<PathBuf> {
    let stem = path.file_stem()?.to_str()?;
    Some(path.with_file_name(format!("{stem}_diag.txt")))
}
