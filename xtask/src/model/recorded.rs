//! Recorded runs as values.

use std::path::PathBuf;

use crate::error::Fault;
use crate::model::load_result::LoadResult;
use crate::model::provenance::Provenance;

/// One recorded run.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The result file.
    pub path: PathBuf,
    pub result: LoadResult,
    /// `None` for a result of the old scripts.
    pub provenance: Option<Provenance>,
    /// The result file's content, to detect the same measurement given twice.
    pub bytes: Vec<u8>,
}

/// Runs that belong together: the runs of one `perf-check --runs N`, or a lone one.
#[derive(Debug, Clone)]
pub struct Group {
    /// The runs in order, each read or refused.
    pub runs: Vec<Result<Recorded, Fault>>,
    /// The number of runs that the group was to have.
    pub planned: u32,
}
