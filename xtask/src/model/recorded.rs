//! Recorded runs as values.

use std::path::PathBuf;

use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use crate::error::Fault;
use crate::model::load_result::LoadResult;
use crate::model::names::{RunName, Timestamp};
use crate::model::provenance::{BuildRecord, Provenance, Run};

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

impl Group {
    /// The content that all its runs were measured on.
    pub(crate) fn content(&self) -> Option<String> {
        self.common(|build| build.content.clone())
    }

    /// The same with the list of inputs that it is over.
    pub(crate) fn source(&self) -> Option<String> {
        self.common(BuildRecord::source)
    }

    fn common(&self, of: fn(&BuildRecord) -> Option<String>) -> Option<String> {
        let known =
            |run: &Result<Recorded, Fault>| of(&run.as_ref().ok()?.provenance.as_ref()?.build);
        let mut values = self.runs.iter().map(known);
        let first = values.next()??;
        values.all(|value| value.as_ref() == Some(&first)).then_some(first)
    }
}

/// When a run was started, as far as that is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    /// Of the provenance, where that is the run's own and agrees with the name.
    pub(crate) moment: Option<OffsetDateTime>,
    /// Of the file's name: local time, wherever that was.
    pub(crate) named: Option<Timestamp>,
}

/// The names of files are given anew where one is taken, a second later each.
const NAMED_WITHIN: Duration = Duration::minutes(1);

impl Start {
    /// Of the run whose files have this name, without an ending. A provenance that says otherwise may be that of another
    /// run, whose moment would hide this one.
    pub(crate) fn of(stem: &str, provenance: Option<&Provenance>) -> Self {
        let named = RunName::parse(stem).map(|name| name.timestamp);
        let own = provenance.map(|own| &own.run).filter(|run| run.name == stem);
        let moment = own.and_then(Run::moment).filter(|moment| {
            let told = PrimitiveDateTime::new(moment.date(), moment.time());
            named.is_some_and(|named| (told - named.moment()).abs() <= NAMED_WITHIN)
        });
        Self { moment, named }
    }

    /// Moments decide where both are known, else names: clocks of two time zones show different times at one moment.
    pub(crate) fn is_after(self, other: Self) -> bool {
        match (self.moment, other.moment) {
            (Some(own), Some(other)) => own > other,
            _ => self.named > other.named,
        }
    }
}

impl Recorded {
    /// The file's name without its ending; empty where it is no text.
    pub(crate) fn stem(&self) -> &str {
        self.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
    }

    pub(crate) fn start(&self) -> Start {
        Start::of(self.stem(), self.provenance.as_ref())
    }
}
