//! What a recorded run says against itself: its result, its provenance and its name are held against one another.

use std::collections::BTreeMap;

use time::{Duration, OffsetDateTime};

use crate::error::some_of;
use crate::model::limits::{ELAPSED_SHARE, HOURS_AHEAD, LEAST_REQUESTS, P99_SHARE, PROMISED_SHARE};
use crate::model::load_result::LoadResult;
use crate::model::names::{Phase, RunName};
use crate::model::provenance::Provenance;
use crate::model::recorded::Recorded;
use crate::stats::numbers::exceeds;

/// The contradictions in a run that is used as a run of `phase`.
pub(crate) fn of_run(phase: Phase, run: &Recorded) -> Vec<String> {
    let result = &run.result;
    let own = run.provenance.as_ref();
    let mut found =
        vec![operations_promised(result, own), largest_p99(result), wrong_side(phase, run)];
    if let Some(own) = own {
        found.extend([length(result, own), other_run(run, own), place(own), start(run, own)]);
        found.push(slowed(own));
        found.extend(hashes(own).map(Some));
    }
    found.into_iter().flatten().collect()
}

/// It was slowed down on purpose.
fn slowed(own: &Provenance) -> Option<String> {
    let percent = own.server.slowed_down_percent?;
    Some(format!("perf-selftest slowed its server down, by {percent:.0} %"))
}

/// The load did not last as planned, or not as long as it says.
fn length(result: &LoadResult, own: &Provenance) -> Option<String> {
    let (elapsed, planned) = (result.elapsed_seconds, seconds(own));
    if exceeds((elapsed - planned).abs(), ELAPSED_SHARE * planned) {
        return Some(format!("its load lasted {elapsed:.2} s, of {planned} s that were planned"));
    }
    let ran = own.server.load_seconds?;
    exceeds(elapsed, ran * (1.0 + ELAPSED_SHARE)).then(|| {
        format!("its load lasted {elapsed:.2} s, and its load generator ran for {ran:.2} s")
    })
}

fn seconds(own: &Provenance) -> f64 {
    own.load.duration_seconds as f64
}

fn operations_promised(result: &LoadResult, own: Option<&Provenance>) -> Option<String> {
    let promised = result.throughput * own.map_or(result.elapsed_seconds, seconds);
    let sent = result.total_operations;
    exceeds(promised * PROMISED_SHARE, sent as f64).then(|| {
        let throughput = result.throughput;
        format!(
            "its throughput of {throughput:.0}/s makes {promised:.0} operations, and it has {sent}"
        )
    })
}

fn largest_p99(result: &LoadResult) -> Option<String> {
    let largest = result.operations.values().map(|one| one.p99_ms).reduce(f64::max)?;
    let p99 = result.p99_ms;
    exceeds((p99 - largest).abs(), P99_SHARE * largest).then(|| {
        format!("its P99 of {p99:.3} ms is not the largest of its operations', {largest:.3} ms")
    })
}

/// The side is that of the name in the provenance, or else of the file's.
fn wrong_side(phase: Phase, run: &Recorded) -> Option<String> {
    let name = run.provenance.as_ref().map_or(run.stem(), |own| &own.run.name);
    let own = RunName::parse(name)?.phase;
    (own != phase).then(|| format!("it was measured as {own}, and is used as {phase}"))
}

fn other_run(run: &Recorded, own: &Provenance) -> Option<String> {
    let name = &own.run.name;
    match RunName::parse(name) {
        None => Some(format!("its provenance names no run: `{name}`")),
        Some(_) => (name != run.stem()).then(|| format!("its provenance is that of `{name}`")),
    }
}

fn place(own: &Provenance) -> Option<String> {
    let run = &own.run;
    let is_first = run.group == run.name;
    let is_sound = (1..=run.of).contains(&run.index) && (run.index == 1) == is_first;
    (!is_sound)
        .then(|| format!("it cannot be run {} of {} in group `{}`", run.index, run.of, run.group))
}

fn start(run: &Recorded, own: &Provenance) -> Option<String> {
    let text = &own.run.started;
    match own.run.moment() {
        _ if text.is_empty() || run.start().moment.is_some() => None,
        None => Some(format!("its start is no moment: `{text}`")),
        Some(_) => Some(format!("it was started at {text}, and its name says otherwise")),
    }
}

fn hashes(own: &Provenance) -> impl Iterator<Item = String> {
    let hashes = [
        ("engram_hash", &own.build.engram_hash),
        ("loadtest_hash", &own.build.loadtest_hash),
        ("content", &own.build.content),
        ("scenario_hash", &own.load.scenario_hash),
    ];
    hashes.into_iter().filter_map(|(key, hash)| {
        let hash = hash.as_ref().filter(|hash| !is_hash(hash))?;
        Some(format!("its `{key}` is no hash: `{hash}`"))
    })
}

/// True for a hash as git makes one (SHA-1 or SHA-256), perhaps after the number of the way in which it was taken.
fn is_hash(text: &str) -> bool {
    let numbered = text.split_once(':');
    let numbered = numbered.filter(|(kind, _)| kind.bytes().all(|byte| byte.is_ascii_digit()));
    let hash = numbered.map_or(text, |(_, hash)| hash);
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    matches!(hash.len(), 40 | 64) && hash.bytes().all(is_digit)
}

/// A run that is newer than `now` would hide every other until then.
pub(crate) fn from_the_future(run: &Recorded, now: OffsetDateTime) -> Option<String> {
    let start = run.start();
    // A name is read as UTC: no time zone is as far from it as a day.
    let moment = start.moment.or_else(|| Some(start.named?.moment().assume_utc()))?;
    (moment - now > Duration::hours(HOURS_AHEAD))
        .then(|| format!("it is from the future: {moment}"))
}

/// Operations of before that a run after does not have, or has without a latency.
pub(crate) fn lost_operations(before: &[Recorded], after: &Recorded) -> Option<String> {
    let mut counts: BTreeMap<&String, u64> = BTreeMap::new();
    for (name, operation) in before.iter().flat_map(|run| &run.result.operations) {
        let most = counts.entry(name).or_default();
        *most = operation.count.max(*most);
    }
    counts.retain(|name, count| {
        let own = after.result.operations.get(*name);
        *count >= LEAST_REQUESTS && own.is_none_or(|own| own.p99_ms == 0.0)
    });
    let lost: Vec<String> = counts.keys().map(|name| format!("`{name}`")).collect();
    let named = some_of(&lost, 3);
    (!lost.is_empty()).then(|| format!("no latency of {named} was recorded, as it was before"))
}

/// One source makes one server.
pub(crate) fn two_servers_of_one_source(before: &[Recorded], after: &Recorded) -> Option<String> {
    let (own, server_after) = (source(after)?, server(after)?);
    let of_one_source = before.iter().filter(|run| source(run) == Some(own));
    of_one_source.filter_map(server).any(|server| server != server_after).then(|| {
        "before and after have one source and two servers: one was not built from it".to_owned()
    })
}

/// True where a before is newer than the after with the same source or server: the change was in place.
pub(crate) fn is_misplaced(before: &[Recorded], after: &[Recorded]) -> bool {
    let (Some(before), Some(after)) = (before.last(), after.last()) else {
        return false;
    };
    let is_same =
        |of: fn(&Recorded) -> Option<&str>| of(before).is_some() && of(before) == of(after);
    (is_same(source) || is_same(server)) && before.start().is_after(after.start())
}

fn source(run: &Recorded) -> Option<&str> {
    run.provenance.as_ref()?.build.content.as_deref()
}

pub(crate) fn server(run: &Recorded) -> Option<&str> {
    run.provenance.as_ref()?.build.engram_hash.as_deref()
}
