//! Recorded runs as values.

use std::fmt;
use std::path::PathBuf;

use crate::error::Fault;
use crate::model::load_result::LoadResult;
use crate::model::provenance::Provenance;

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

impl From<Unusable> for Fault {
    fn from(unusable: Unusable) -> Self {
        Self::new(unusable.why).in_file(unusable.path)
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
    /// The result files.
    pub fn files(&self) -> Vec<PathBuf> {
        let path = |run: &Result<Recorded, Unusable>| match run {
            Ok(run) => run.path.clone(),
            Err(unusable) => unusable.path.clone(),
        };
        self.runs.iter().map(path).collect()
    }
}
