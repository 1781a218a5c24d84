//! Which paired session answers a comparison of the newest groups.

use crate::judge::fitness::{Mend, Unfit};
use crate::judge::paired::{Decision, PairedVerdict};
use crate::record::names::{Mode, Phase};
use crate::record::provenance::Provenance;
use crate::record::results::Results;
use crate::record::session::SessionRecord;

/// The sessions about two servers.
#[derive(Debug, Default)]
pub struct Sessions {
    /// The one whose verdict counts.
    pub ended: Option<SessionRecord>,
    /// Those that are not whole, which forbid a verdict.
    pub unusable: Vec<Unfit>,
    /// What is to be known of the others.
    pub warnings: Vec<String>,
}

/// The sessions about the servers of `before` and `after`, under the load of `after`.
///
/// Sessions of several durations are several tries at one question: of those that have ended the worst answer counts,
/// or measuring again would go on until it passes.
pub fn about(results: &Results, mode: Mode, before: &Provenance, after: &Provenance) -> Sessions {
    let (Some(before), Some(server), Some(scenario)) = (
        before.build.engram_hash.as_deref(),
        after.build.engram_hash.as_deref(),
        after.load.scenario_hash.as_deref(),
    ) else {
        return Sessions::default();
    };
    let mut sessions = Sessions::default();
    let mut ended: Vec<(PairedVerdict, SessionRecord)> = Vec::new();
    for record in SessionRecord::about(results, mode, before, server, scenario) {
        match record {
            Err(unusable) => sessions.unusable.push(Unfit {
                file: Some(unusable.path),
                line: None,
                why: unusable.why,
                mend: Mend::Confirm,
            }),
            Ok(record) => match record.assess().decision {
                Decision::Final(verdict) => ended.push((verdict, record)),
                Decision::Continue { .. } => sessions.warnings.push(unfinished(&record)),
            },
        }
    }
    ended.sort_by_key(|(verdict, record)| (severity(*verdict), record.subject.duration_seconds));
    if let Some((verdict, record)) = ended.pop() {
        let others = ended.iter().filter(|(other, _)| *other != verdict);
        sessions.warnings.extend(others.map(|(other, record)| {
            format!(
                "a paired session of {} s a run ended otherwise: {}",
                record.subject.duration_seconds,
                in_words(*other)
            )
        }));
        sessions.ended = Some(record);
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

fn severity(verdict: PairedVerdict) -> u8 {
    match verdict {
        PairedVerdict::NotRegressed => 0,
        PairedVerdict::NoRegressionFound => 1,
        PairedVerdict::Suspected => 2,
        PairedVerdict::AfterFails => 3,
        PairedVerdict::Regressed => 4,
    }
}

fn in_words(verdict: PairedVerdict) -> &'static str {
    match verdict {
        PairedVerdict::NotRegressed => "not regressed",
        PairedVerdict::NoRegressionFound => "no regression found",
        PairedVerdict::Suspected => "suspected",
        PairedVerdict::AfterFails => "the after server failed",
        PairedVerdict::Regressed => "regressed",
    }
}
