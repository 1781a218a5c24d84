//! Recorded runs of one and the same server binary: what they say about this machine's noise.

use std::collections::BTreeMap;

use super::names::{Mode, Part, Timestamp};
use super::provenance::Provenance;
use super::recorded::{self, Listing};
use super::results::Results;
use crate::judge::same_binary::Observation;

/// The newest runs of a mode that are looked at; older ones say less about the machine of today.
const MOST_RUNS: usize = 200;

/// The runs of each binary, in order of time, that were measured as `like` was: on the same machine, under the same
/// load, in `mode`, and before `until`.
pub fn series(
    results: &Results,
    listing: &Listing,
    mode: Mode,
    like: &Provenance,
    until: Option<Timestamp>,
) -> Vec<Vec<Observation>> {
    let mut by_binary: BTreeMap<String, Vec<Observation>> = BTreeMap::new();
    let mut newest = listing.newest(mode, MOST_RUNS);
    newest.retain(|name| until.is_none_or(|until| name.timestamp < until));
    for name in newest {
        let Ok(run) = recorded::read(&results.path(&name, Part::Result)) else {
            continue;
        };
        let Some(provenance) = run.provenance.filter(|own| is_alike(own, like)) else {
            continue;
        };
        let stolen = provenance.number("noise", "steal_share");
        if let Some(binary) = provenance.build.engram_hash
            && run.result.p99_ms > 0.0
        {
            by_binary.entry(binary).or_default().push(Observation {
                ln_p99: run.result.p99_ms.ln(),
                stolen,
            });
        }
    }
    by_binary.into_values().collect()
}

/// The machine and the load decide about the noise; the server's build does not.
fn is_alike(a: &Provenance, b: &Provenance) -> bool {
    let machine = |provenance: &Provenance| {
        ["name", "cpu"].map(|key| provenance.word("host", key).map(str::to_owned))
    };
    a.load == b.load && a.build.stand_in == b.build.stand_in && machine(a) == machine(b)
}
