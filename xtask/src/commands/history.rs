//! `perf-history`: P99 over all recorded tasks, and the slow creep that no single task shows.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::shared::{print, repeated, say};
use super::words::{Words, task_id};
use crate::error::Result;
use crate::files;
use crate::judge::history::{Comparable, Point, Series};
use crate::judge::verdict::Outcome;
use crate::measure::checkout;
use crate::model::names::{Mode, Phase, RunName, TaskId};
use crate::model::recorded::Recorded;
use crate::model::session::SessionRecord;
use crate::report::chart::history as chart;
use crate::report::history;
use crate::stats::numbers::median;
use crate::stats::signed_rank::Interval;
use crate::store::clock::Clock;
use crate::store::recorded::{self, Listing, Run};
use crate::store::results::Results;
use crate::term::streams::Style;

/// The help text.
pub(crate) const HELP: &str = "\
Shows P99 over all recorded tasks in order of time, the change since the first
run on the same machine under the same load, and many small losses that add up.

Usage: cargo xtask perf-history [options]

Options
  --internal           the internal results only
  --competitive        the competitive results only
  --task ID            this task only; may be given several times
  --svg FILE           draw it, too
  --json               one object on standard output, for machines
  -C DIR               the checkout (this tool's own workspace)
  -h, --help           this text

Runs that are not comparable stand apart. The change since the first run has an
interval: from sessions where they follow one another without a gap, else from
the noise of single runs here.

Examples
  cargo xtask perf-history
  cargo xtask perf-history --internal --svg history.svg

Exit codes
  0  shown
  3  the results cannot be read, or the picture cannot be written
";

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    mode: Option<Mode>,
    /// All if there is none.
    tasks: Vec<TaskId>,
    svg: Option<PathBuf>,
    json: bool,
    /// The tool's own workspace when absent.
    checkout: Option<PathBuf>,
}

pub(crate) fn read(mut words: Words) -> Result<Options> {
    let mode = words.only_mode()?;
    let tasks = words.values("--task", "a task's id")?;
    let (svg, json) = (words.path("--svg")?, words.flag("--json"));
    let checkout = words.path("-C")?;
    let [] = words.positional([])?;
    let tasks = tasks.iter().map(|task| task_id(task)).collect::<Result<_>>()?;
    Ok(Options { mode, tasks, svg, json, checkout })
}

pub(crate) fn run(options: &Options, _: Clock) -> Result<Outcome> {
    let results = Results::of(&checkout::find(options.checkout.as_deref())?);
    let mut names = Listing::read(&results)?.all();
    names.retain(|name| {
        options.mode.is_none_or(|mode| name.mode == mode)
            && (options.tasks.is_empty() || options.tasks.contains(&name.task))
    });
    let all = series(&results, &names);
    if let Some(file) = &options.svg {
        files::replace(file, &chart::draw(&all))?;
        say(&format!("drawn: {}", file.display()));
    }
    print(&match options.json {
        true => history::to_json(&all),
        false => history::human(&all, &repeated(options.checkout.as_deref()), Style::of_output()),
    })
}

/// The comparable points among the recorded groups, each series in order of time.
fn series(results: &Results, names: &[RunName]) -> Vec<Series> {
    let sessions: BTreeMap<String, Interval> = SessionRecord::all(results)
        .into_iter()
        .filter_map(|record| Some((record.id(), record.assess().look?.interval)))
        .collect();
    let mut all: Vec<Series> = Vec::new();
    for (name, runs) in recorded::groups(results, names) {
        let Some((load, point)) = point(&name, &runs, &sessions) else { continue };
        match all.iter_mut().find(|series| series.mode == name.mode && series.load == load) {
            Some(series) => series.points.push(point),
            None => all.push(Series { mode: name.mode, load, points: vec![point], noise: None }),
        }
    }
    all.iter_mut().for_each(Series::learn_noise);
    all
}

/// A group as a point; `None` if one of its runs cannot be used.
fn point(
    name: &RunName,
    runs: &[Run],
    sessions: &BTreeMap<String, Interval>,
) -> Option<(Comparable, Point)> {
    let runs: Vec<&Recorded> =
        runs.iter().map(|run| run.as_ref().ok()).collect::<Option<Vec<_>>>()?;
    let first = runs.first()?;
    let provenance = first.provenance.as_ref();
    let session = provenance.and_then(|known| sessions.get(&known.session.as_ref()?.id));
    let p99_ms = median(runs.iter().map(|run| run.result.p99_ms)).filter(|p99| *p99 > 0.0)?;
    let point = Point {
        name: name.clone(),
        commit: provenance.and_then(|known| known.git.as_ref()?.commit.clone()),
        p99_ms,
        throughput: median(runs.iter().map(|run| run.result.throughput))?,
        server: provenance.and_then(|known| known.build.engram_hash.clone()),
        session: session.copied().filter(|_| name.phase == Phase::After),
    };
    Some((Comparable::of(first), point))
}
