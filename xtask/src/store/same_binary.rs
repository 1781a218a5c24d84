//! Recorded runs of one and the same server binary, which show this machine's noise.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::limits::NEWEST_RUNS;
use crate::model::names::{Mode, Part};
use crate::model::provenance::Provenance;
use crate::store::recorded::{self, Listing};
use crate::store::results::Results;

/// ln(P99) of the runs of each binary, in order of time, that were measured as `like` was: on the same machine, under
/// the same load, in `mode`.
pub(crate) fn series(
    results: &Results,
    listing: &Listing,
    mode: Mode,
    like: &Provenance,
) -> Vec<Vec<f64>> {
    let mut by_binary: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut pairs = BTreeSet::new();
    let names = listing.newest(mode, NEWEST_RUNS).into_iter();
    for run in names.flat_map(|name| recorded::read(&results.path(&name, Part::Result))) {
        let alike = run.provenance.filter(|own| is_alike(own, like));
        let place = alike.as_ref().and_then(|own| own.session.clone());
        if let Some(binary) = alike.and_then(|own| own.build.engram_hash)
            && run.result.p99_ms > 0.0
            // Of a binary that was measured at the same time as itself one run counts: the other one shares its noise.
            && place.is_none_or(|place| pairs.insert((binary.clone(), place.id, place.pair)))
        {
            let p99s = by_binary.entry(binary).or_default();
            p99s.push(run.result.p99_ms.ln());
        }
    }
    by_binary.into_values().collect()
}

/// The machine and the load decide about the noise; the server's build does not.
fn is_alike(a: &Provenance, b: &Provenance) -> bool {
    let machine = |of: &Provenance| [of.host.name.clone(), of.host.cpu.clone()];
    a.load == b.load && a.build.stand_in == b.build.stand_in && machine(a) == machine(b)
}
