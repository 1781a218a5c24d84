//! The paired sessions about the servers of a comparison of the newest groups.

use crate::judge::fitness::{Mend, Unfit};
use crate::judge::paired::Decision;
use crate::record::names::{Mode, Phase};
use crate::record::provenance::Provenance;
use crate::record::results::Results;
use crate::record::session::SessionRecord;

/// The sessions about two servers.
#[derive(Debug, Default)]
pub struct Sessions {
    /// Those that have ended.
    pub ended: Vec<SessionRecord>,
    /// Those that are not whole: what they said is not known.
    pub unusable: Vec<Unfit>,
    /// What is to be known of those that have not ended.
    pub warnings: Vec<String>,
}

/// The sessions about the servers of `before` and `after`, under the load of `after`, whatever their duration.
pub fn about(results: &Results, mode: Mode, before: &Provenance, after: &Provenance) -> Sessions {
    let (Some(before), Some(server), Some(scenario)) = (
        before.build.engram_hash.as_deref(),
        after.build.engram_hash.as_deref(),
        after.load.scenario_hash.as_deref(),
    ) else {
        return Sessions::default();
    };
    let mut sessions = Sessions::default();
    for record in SessionRecord::about(results, mode, before, server, scenario) {
        match record {
            Err(unusable) => sessions.unusable.push(Unfit {
                file: Some(unusable.path),
                line: None,
                why: unusable.why,
                mend: Mend::Confirm,
            }),
            Ok(record) => match record.assess().decision {
                Decision::Final(_) => sessions.ended.push(record),
                Decision::Continue { .. } => sessions.warnings.push(unfinished(&record)),
            },
        }
    }
    sessions
}

fn unfinished(record: &SessionRecord) -> String {
    let failed = record.failures_of(Phase::After).last();
    let failed = failed.map_or_else(String::new, |failure| {
        format!(
            "; its after server failed in pair {}: {}",
            failure.pair, failure.why
        )
    });
    format!(
        "a paired session is unfinished: {} pairs of {} s a run{failed}",
        record.pairs.len(),
        record.subject.duration_seconds
    )
}
