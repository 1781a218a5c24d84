//! Recorded runs of one and the same server binary, which show this machine's noise.

use std::collections::BTreeMap;

use crate::model::limits::NEWEST_RUNS;
use crate::model::names::{How, Mode, Part};
use crate::model::provenance::Provenance;
use crate::store::recorded::{self, Listing};
use crate::store::results::Results;

/// ln(P99) of the runs of each binary, in order of time, that were measured as `like` was: on the same machine, under
/// the same load, in `mode`, and with no other server beside it.
pub(crate) fn series(
    results: &Results,
    listing: &Listing,
    mode: Mode,
    like: &Provenance,
) -> Vec<Vec<f64>> {
    let mut by_binary: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let names = listing.newest(mode, NEWEST_RUNS).into_iter();
    for run in names.flat_map(|name| recorded::read(&results.path(&name, Part::Result))) {
        let alike = run.provenance.filter(|own| is_alike(own, like) && !is_of_duet(own));
        if let Some(binary) = alike.and_then(|own| own.build.engram_hash)
            && run.result.p99_ms > 0.0
        {
            by_binary.entry(binary).or_default().push(run.result.p99_ms.ln());
        }
    }
    by_binary.into_values().collect()
}

/// The machine and the load decide about the noise; the server's build does not.
fn is_alike(a: &Provenance, b: &Provenance) -> bool {
    let machine = |of: &Provenance| [of.host.name.clone(), of.host.cpu.clone()];
    a.load == b.load && a.build.stand_in == b.build.stand_in && machine(a) == machine(b)
}

/// In a duet the machine is shared with the other server: its latencies are those of another distribution.
fn is_of_duet(own: &Provenance) -> bool {
    own.session.as_ref().is_some_and(|session| session.how == Some(How::Duet))
}
