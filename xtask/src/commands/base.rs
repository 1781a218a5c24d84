//! The sides of `perf-confirm --base`: before is built from a commit, after from the checkout as it stands. Each is
//! measured alone, once, as `perf-check` would: that tells the memory it needs, and `perf-compare` and the hook know it.

use std::collections::BTreeSet;
use std::path::Path;

use super::bench::{Bench, Side};
use super::shared::say;
use crate::error::Result;
use crate::measure::base::Base;
use crate::measure::build::{self, Build, Built};
use crate::measure::{content, git};
use crate::model::names::Phase;
use crate::model::provenance::Git;
use crate::store::recording::Place;

/// Makes the newest before that of `revision`, and the newest after that of the checkout.
///
/// # Errors
/// When there is no such revision, or a side cannot be built or measured.
pub(crate) fn measure(bench: &mut Bench, revision: &str) -> Result<()> {
    let (commit, branch) = git::at(&bench.checkout, revision)?;
    bench.last_words.set("what is finished is kept; the same command continues");
    say("building after, from the checkout as it is");
    let after = build::prepare(&bench.checkout, None, &bench.workplace.git(), Build::Now)?;
    let folder = build::kept_folder(&bench.checkout)?;
    let before = before(bench, revision, &commit, &after, &folder)?;
    let git_of_before = Some(Git { commit: Some(commit), branch, dirty: false });
    let before = Side { phase: Phase::Before, built: before, git: git_of_before };
    let after = Side { phase: Phase::After, built: after, git: git::state(&bench.checkout) };
    let seconds = seconds_measured(bench, &before, &folder);
    // Longer runs are evidence, too.
    if seconds.is_some() && seconds == seconds_measured(bench, &after, &folder) {
        return Ok(());
    }
    if seconds != Some(bench.setup.duration.as_secs()) {
        measure_alone(bench, &before)?;
    }
    // Always: an after that is older than its before says that the change was in place.
    measure_alone(bench, &after)
}

/// The binaries of `commit`: those that are kept, or new ones.
fn before(
    bench: &Bench,
    revision: &str,
    commit: &str,
    after: &Built,
    folder: &Path,
) -> Result<Built> {
    if is_of(bench, commit, after) {
        say(&format!("before is the same: {revision} has the source that is checked out"));
        return Ok(after.clone());
    }
    if let Some(built) = kept(bench, commit, after, folder)? {
        say(&format!("before is kept from an earlier build of {revision}"));
        // Its source and settings are those that are asked for: it is what a build would make.
        return Ok(Built { build: Build::Now, ..built });
    }
    say(&format!("building before, from {revision}"));
    let base = Base::check_out(&bench.checkout, commit)?;
    let ignored = after.inputs.as_ref().map(|inputs| inputs.disk.clone());
    for file in base.copy_ignored(&ignored.unwrap_or_default())? {
        say(&format!("  with the checkout's own {file}, which {revision} does not have"));
    }
    let built = base.build(&bench.workplace.git());
    built.map_err(|error| error.next(format!("this was before, built from {revision}")))
}

/// Whether it was built from the very source of `commit`.
fn is_of(bench: &Bench, commit: &str, built: &Built) -> bool {
    let inputs = built.inputs.as_ref();
    let content = inputs.and_then(|inputs| content::of_commit(&bench.checkout, commit, inputs));
    content.is_some() && content == built.content
}

/// Kept binaries of the very source of `commit`, built under the settings of `after`.
fn kept(bench: &Bench, commit: &str, after: &Built, folder: &Path) -> Result<Option<Built>> {
    let mut tried = BTreeSet::new();
    Ok(bench.recent()?.find_map(|own| {
        let record = own.build;
        let may_be = record.settings.is_some()
            && (&record.settings, &record.rustc) == (&after.settings, &after.rustc)
            && tried.insert((record.content.clone(), record.engram_hash.clone()));
        let built = bench.kept(folder, Some(record).filter(|_| may_be)?)?;
        is_of(bench, commit, &built).then_some(built)
    }))
}

/// The load of a side's newest run in seconds, if it measured this very server under the scenario as it is now.
fn seconds_measured(bench: &Bench, side: &Side, folder: &Path) -> Option<u64> {
    let (newest, own) = bench.newest(side.phase, folder).ok()?;
    let known = |built: &Built| {
        (built.content.clone(), built.settings.clone(), built.binaries.engram_hash.clone())
    };
    let is_it = side.built.content.is_some()
        && own.load.scenario_hash.as_ref() == Some(&bench.scenario.hash)
        && known(&newest.built) == known(&side.built);
    is_it.then_some(own.load.duration_seconds)
}

fn measure_alone(bench: &mut Bench, side: &Side) -> Result<()> {
    let seconds = bench.setup.duration.as_secs();
    say(&format!("measuring {} alone, once, for {seconds} s", side.phase));
    let place = Place { group: None, index: 1, of: 1, session: None };
    let conditions = bench.conditions();
    bench.alone(side, place, &conditions).map(drop)
}
