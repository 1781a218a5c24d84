//! `perf-review`: measures every competitive scenario, and reports where Engram stands against its competitors.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::bench::{Bench, Setup, Side};
use super::shared::{here, print, say};
use super::words::{Words, did_you_mean};
use crate::error::{Error, Fault, Result};
use crate::files;
use crate::judge::review::{self as judge, Around, Review, Subject};
use crate::judge::verdict::Outcome;
use crate::measure::build::{self, Build};
use crate::measure::scenario::Scenario;
use crate::measure::{checkout, git, host, noise};
use crate::model::layout;
use crate::model::limits::{COMPETITOR, RUN_SECONDS};
use crate::model::names::{Mode, Phase, RunName, TaskId};
use crate::model::provenance::Git;
use crate::model::review::{Competitor, Quarter, ReviewRecord};
use crate::report::review;
use crate::report::words;
use crate::store::baselines::{self, Row, SCENARIO, SYSTEM};
use crate::store::clock::Clock;
use crate::store::quarters::{self, Entry};
use crate::store::recording::Place;
use crate::store::review::ReviewFolder;
use crate::term::steps::{Steps, Verbosity};
use crate::term::streams;

pub(crate) const HELP: &str = "\
Measures the scenarios in scenarios/competitive/, each several times with a
fresh server, and reports where Engram stands against the competitors whose
figures docs/reference/competitive_baselines.md gives. A scenario that fails,
or that this machine cannot hold, is reported, and the others go on.

Usage: cargo xtask perf-review [options]

Options
  --scenario NAME      only this one; may be given several times
  --runs N             runs of each scenario (3)
  --duration SECONDS   length of each load (60)
  --report FILE        the report; its chart is beside it, with .svg
                       (docs/reference/competitive_review_<year>Q<n>.md)
  --record             add this quarter to the history in the baselines
  --dry-run            show the plan and its time, and measure nothing
  --no-build           measure the existing binaries
  --port N             port of the server (7432)
  -C DIR               the checkout to measure (this tool's own workspace)
  -h, --help           this text

Interrupted, it keeps the finished runs; the same command on the same day, with
the same binaries, continues.

Examples
  cargo xtask perf-review --dry-run
  cargo xtask perf-review --record
  cargo xtask perf-review --scenario neo4j_traversal_100k --runs 5

Exit codes
  0  ahead of every competitor, or as far behind as at the last review
  2  slower than a competitor, or more than 5 points of a lead lost
  3  a scenario could not be judged; the report says why
";

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// All where none is named.
    scenarios: Vec<String>,
    runs: u32,
    report: Option<PathBuf>,
    record: bool,
    dry_run: bool,
    build: Build,
    setup: Setup,
}

const RUNS: u32 = 3;
const MOST_RUNS: u32 = 100;
/// A run without its load: Engram was healthy after 5 s, as the median of 108 starts.
const AROUND_A_LOAD: Duration = Duration::from_secs(7);

pub(crate) fn read(mut words: Words) -> Result<Options> {
    let setup = Setup { mode: Mode::Competitive, ..Setup::read(&mut words, RUN_SECONDS)? };
    let options = Options {
        scenarios: words.values("--scenario", "the name of a scenario")?,
        runs: words.whole("--runs", RUNS, 1..=MOST_RUNS)?,
        report: words.path("--report")?,
        record: words.flag("--record"),
        dry_run: words.flag("--dry-run"),
        build: match words.flag("--no-build") {
            true => Build::Existing,
            false => Build::Now,
        },
        setup,
    };
    let [] = words.positional([])?;
    // The report would be written over its own chart.
    match options.report.as_deref().and_then(Path::extension) {
        Some(kind) if kind == "svg" => Err(Error::new("--report takes a Markdown file, FILE.md")
            .next("its chart is written beside it, as FILE.svg")),
        _ => Ok(options),
    }
}

/// Measures, judges, reports, and records if asked.
///
/// # Errors
/// When there is nothing to compare with, the checkout cannot be measured at all, or a document cannot be written.
pub(crate) fn run(options: &Options, clock: Clock) -> Result<Outcome> {
    let checkout = checkout::find(options.setup.checkout.as_deref())?;
    let files = Scenario::competitive_files(&checkout)?;
    let baselines = checkout.join(layout::BASELINES);
    let text = files::read_text(&baselines).map_err(Error::at("cannot read", &baselines))?;
    let rows = baselines::rows(&text).map_err(|fault| fault.in_file(baselines))?;
    let read = |file: &String| Candidate::read(&checkout, file, &rows);
    let mut candidates: Vec<Candidate> =
        chosen(&options.scenarios, &files)?.into_iter().map(read).collect();

    let quarter = Quarter::of(clock.now().date());
    let reference = checkout.join(layout::REFERENCE);
    let report = match &options.report {
        Some(file) => here().join(file),
        None => reference.join(quarters::report_name(quarter)),
    };
    let last = quarters::last_review(&reference, quarter)?;
    lose_nothing(&report, &candidates)?;
    let plan = plan(options, &candidates);
    if options.dry_run {
        return print(&plan);
    }
    streams::errors(&plan);

    let (mut bench, side, mut folder) = open(options, &checkout, clock, &candidates)?;
    measure(options, &mut bench, &side, &mut folder, &mut candidates)?;
    let subjects: Vec<Subject> = candidates.into_iter().map(|its| its.subject).collect();
    if subjects.iter().all(|subject| subject.runs.is_empty()) {
        return Err(Error::new("nothing could be measured, and no report was written"));
    }

    let chart = report.with_extension("svg");
    let has_file = |row: &&Row| files.iter().any(|file| row.names(names(file)[0]));
    let unmatched = rows.iter().filter(|row| !has_file(row));
    let around = Around {
        quarter,
        when: words::minute(clock.timestamp()),
        commit: commit(side.git.as_ref()),
        machine: host::host().in_words(),
        processors: noise::processors(),
        load: format!("{}, a fresh server for each", load(options)),
        last,
        chart: chart.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        unmatched: unmatched
            .map(|row| format!("{} has no scenario: {}", row.cell(SYSTEM), row.cell(SCENARIO)))
            .collect(),
        failures: folder.record.failures,
    };
    let review = judge::review(&subjects, around);
    // The chart first, which the report refers to.
    files::replace(&chart, &review::chart(&review))?;
    files::replace(&report, &review::markdown(&review))?;
    if options.record {
        record(&checkout, &review)?;
    }
    // The report is written: a reader that is gone does not undo it.
    let _ = streams::output(&review::summary(&review, &relative(&report, &checkout)));
    Ok(review.outcome())
}

fn relative(path: &Path, checkout: &Path) -> String {
    path.strip_prefix(checkout).unwrap_or(path).to_string_lossy().into_owned()
}

/// A file's name, and its name without the extension.
fn names(file: &str) -> [&str; 2] {
    let name = file.rsplit('/').next().unwrap_or(file);
    [name, name.strip_suffix(".toml").unwrap_or(name)]
}

/// The scenario files that are asked for.
fn chosen<'a>(asked: &[String], files: &'a [String]) -> Result<Vec<&'a String>> {
    let known = || files.iter().map(|file| names(file)[1]);
    if let Some(unknown) = asked.iter().find(|name| !known().any(|known| known == **name)) {
        let nearest = did_you_mean(unknown, known());
        return Err(Error::new(format!("there is no scenario `{unknown}`{nearest}"))
            .next("what there is: cargo xtask perf-review --dry-run"));
    }
    let is_chosen =
        |file: &&String| asked.is_empty() || asked.iter().any(|name| name == names(file)[1]);
    Ok(files.iter().filter(is_chosen).collect())
}

/// A scenario that is to be measured.
struct Candidate {
    /// With the name that its runs are saved under; `None` where it cannot be read.
    scenario: Option<(TaskId, Scenario)>,
    /// What is measured of it. It has failed already where it cannot be measured.
    subject: Subject,
}

impl Candidate {
    fn read(checkout: &Path, file: &str, rows: &[Row]) -> Self {
        let [name, stem] = names(file);
        let mut competitors = baselines::of_scenario(rows, name);
        if competitors.is_empty() && judge::is_hybrid(stem) {
            competitors.push(baselines::of_system(rows, COMPETITOR));
        }
        let named = |fault: Fault| format!("{}: {fault}", layout::BASELINES);
        let mut competitors: Vec<Result<Competitor, String>> =
            competitors.into_iter().map(|found| found.map_err(named)).collect();
        if competitors.is_empty() {
            competitors.push(Err("no row of the baselines names it".to_owned()));
        }
        let task = TaskId::parse(stem).map_err(|why| Error::because("it cannot name runs", why));
        let scenario = task.and_then(|task| Ok((task, Scenario::read_file(checkout, file)?)));
        let failure = match &scenario {
            Ok((_, scenario)) => too_large(scenario),
            Err(error) => Some(error.what().to_owned()),
        };
        let scenario = scenario.ok();
        let subject = Subject {
            scenario: stem.to_owned(),
            nodes: scenario.as_ref().and_then(|(_, scenario)| scenario.nodes),
            competitors,
            runs: Vec::new(),
            failure,
        };
        Self { scenario, subject }
    }
}

/// Why this machine cannot hold a scenario, if it cannot.
fn too_large(scenario: &Scenario) -> Option<String> {
    let needed = judge::needed_bytes(scenario.nodes?, scenario.dimensions?);
    let available = host::available_memory_kib()?.saturating_mul(1024);
    (needed > available).then(|| {
        let [needed, available] = [needed, available].map(|bytes| bytes as f64 / 1e9);
        format!(
            "this machine cannot hold it: it needs {needed:.1} GB of memory, and {available:.1} GB \
             are available"
        )
    })
}

fn minutes(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds < 90 => format!("{seconds} s"),
        seconds => format!("{} min", (seconds + 30) / 60),
    }
}

fn load(options: &Options) -> String {
    format!("{} of {} s each", several(options.runs, "run"), options.setup.duration.as_secs())
}

/// What will be measured against whom, and the time that it will take.
fn plan(options: &Options, candidates: &[Candidate]) -> String {
    let fit = candidates.iter().filter(|its| its.subject.failure.is_none()).count() as u32;
    let time = (options.setup.duration + AROUND_A_LOAD).saturating_mul(options.runs * fit);
    let (fit, load, time) = (several(fit, "scenario"), load(options), minutes(time));
    let mut plan = format!("{fit}, {load}: about {time} in all\n");
    for Candidate { subject, .. } in candidates {
        let name = words::shortened(&subject.scenario, 30);
        for competitor in &subject.competitors {
            let _ = match competitor {
                Ok(its) => {
                    writeln!(plan, "  {name} against {}, P99 {} ms", its.name, its.published())
                }
                Err(why) => writeln!(plan, "  {name}: {why}"),
            };
        }
        if let Some(why) = &subject.failure {
            let _ = writeln!(plan, "    not measured: {why}");
        }
    }
    plan
}

/// Refuses to write over a file that is no review, or that has figures which this review will not have.
fn lose_nothing(report: &Path, candidates: &[Candidate]) -> Result<()> {
    let Ok(text) = files::read_text(report) else {
        return Ok(());
    };
    let is_lost =
        |scenario: &String| candidates.iter().all(|its| its.subject.scenario != *scenario);
    match quarters::read_report(&text) {
        Ok(old) if !old.speedups.keys().any(|(scenario, _)| is_lost(scenario)) => Ok(()),
        _ => {
            let what = format!("{} has what this review would not have", report.display());
            Err(Error::new(what).next("name another file: --report FILE"))
        }
    }
}

/// Builds, and opens the review of today that measures the same, or a new one.
fn open(
    options: &Options,
    checkout: &Path,
    clock: Clock,
    candidates: &[Candidate],
) -> Result<(Bench, Side, ReviewFolder)> {
    // Each scenario is measured under a task of its own.
    let task = TaskId::parse("review").map_err(Error::new)?;
    let steps = Steps::new(Verbosity::ProgressOnly);
    let mut bench = Bench::open(&options.setup, &task, checkout, steps, clock)?;
    if options.build == Build::Now {
        bench.steps.begin_long("build", "cargo build --release");
        bench.steps.release_line();
    }
    let built = build::prepare(checkout, None, &bench.workplace.git(), options.build)?;
    let git = git::state(checkout);
    let scenarios = candidates.iter().filter_map(|its| its.scenario.as_ref());
    let record = ReviewRecord {
        runs: options.runs,
        duration_seconds: options.setup.duration.as_secs(),
        commit: git.as_ref().and_then(|git| git.commit.clone()),
        engram_hash: built.binaries.engram_hash.clone(),
        loadtest_hash: built.binaries.loadtest_hash.clone(),
        scenarios: scenarios.map(|(_, its)| (its.file.clone(), its.hash.clone())).collect(),
        failures: Vec::new(),
    };
    let folder = ReviewFolder::open(checkout, bench.clock.timestamp(), record)?;
    bench.last_words.set("the finished runs are kept; the same command continues today");
    bench.results = folder.results.clone();
    Ok((bench, Side { phase: Phase::After, built, git }, folder))
}

/// Gives each scenario its finished runs, and measures those that are missing. A failure ends its scenario, and not the
/// review.
fn measure(
    options: &Options,
    bench: &mut Bench,
    side: &Side,
    folder: &mut ReviewFolder,
    candidates: &mut [Candidate],
) -> Result<()> {
    let planned = options.runs as usize;
    // The candidate of each run that is missing.
    let mut missing = VecDeque::new();
    let mut finished = 0;
    for (index, Candidate { scenario, subject }) in candidates.iter_mut().enumerate() {
        let Some((task, _)) = scenario else { continue };
        subject.runs = folder.runs(task)?;
        finished += subject.runs.len();
        subject.failure = subject.failure.take().filter(|_| subject.runs.len() < planned);
        if subject.failure.is_none() {
            missing.extend(vec![index; planned.saturating_sub(subject.runs.len())]);
        }
    }
    if finished > 0 {
        let finished = several(finished as u32, "finished run");
        let folder = folder.results.folder().display();
        say(&format!("continuing today's review: {finished} in {folder}"));
        if missing.is_empty() {
            say("nothing is measured again; to start anew, remove that folder");
        }
    }
    let (began, mut measured) = (Instant::now(), 0);
    while let Some(index) = missing.pop_front() {
        let Some(Candidate { scenario: Some((task, scenario)), subject }) =
            candidates.get_mut(index)
        else {
            continue;
        };
        // By the mean time of the runs so far; at first, by the plan.
        let usual = options.setup.duration + AROUND_A_LOAD;
        let each = began.elapsed().checked_div(measured).unwrap_or(usual);
        let left = minutes(each.saturating_mul(missing.len() as u32 + 1));
        let (name, number) = (&subject.scenario, subject.runs.len() as u32 + 1);
        bench.steps.heading(&format!("{name} {number}/{planned}, {left} left"));
        bench.scenario = scenario.clone();
        bench.task = task.clone();
        let group = subject.runs.first().and_then(|run| run.provenance.as_ref());
        let group = group.and_then(|provenance| RunName::parse(&provenance.run.group));
        let place = Place { group, index: number, of: options.runs, session: None };
        let conditions = bench.conditions();
        let run = bench.alone(side, place, &conditions);
        bench.steps.clear();
        match run {
            Ok((_, run)) => {
                measured += 1;
                say(&format!(
                    "  {:<30} run {number} of {planned}, P99 {:>8} ms",
                    words::shortened(name, 30),
                    words::latency(run.result.p99_ms),
                ));
                subject.runs.push(run);
            }
            Err(error) => {
                say(&format!("{name}: run {number} failed: {error}"));
                let why = format!("run {number} failed: {}", error.what());
                folder.note_failure(format!("{name}: {why}"))?;
                subject.failure = Some(why);
                missing.retain(|other| *other != index);
            }
        }
    }
    Ok(())
}

/// `1 run`, `3 runs`
fn several(number: u32, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

fn commit(git: Option<&Git>) -> String {
    let known = git.and_then(|git| Some((git.commit.as_ref()?, git.dirty)));
    known.map_or("unknown".to_owned(), |(commit, is_dirty)| {
        format!("{commit:.12}{}", if is_dirty { ", with uncommitted changes" } else { "" })
    })
}

/// Adds what was judged to the history in the baselines document, each system once a quarter.
fn record(checkout: &Path, review: &Review) -> Result<()> {
    let path = checkout.join(layout::BASELINES);
    let mut text = files::read_text(&path).map_err(Error::at("cannot read", &path))?;
    for line in &review.lines {
        let Some(entry) = entry(line, review) else {
            say(&format!("not recorded: {} could not be judged", line.scenario));
            continue;
        };
        let (quarter, title) = (entry.quarter.in_words(), &entry.title);
        match quarters::record(&text, &entry).map_err(|fault| fault.in_file(&path))? {
            None => say(&format!("not recorded again: {quarter} of {title} is there")),
            Some(changed) => {
                files::replace(&path, &changed)?;
                text = changed;
                say(&format!("recorded in {}: {title}", layout::BASELINES));
            }
        }
    }
    Ok(())
}

/// The entry of a line that was judged.
fn entry(line: &judge::Line, review: &Review) -> Option<Entry> {
    let standing = line.standing.as_ref().ok()?;
    let (competitor, ours) = (line.competitor.as_ref()?, line.ours?);
    let (name, published) = (&competitor.name, competitor.published());
    let (column, title, own) = match judge::is_hybrid(&line.scenario) {
        true => {
            ("Competitor", "Hybrid production workload".to_owned(), format!("{name} {published}ms"))
        }
        false => (&**name, format!("Engram vs {name}"), published + "ms"),
    };
    let quarter = review.around.quarter;
    let notes = format!(
        "{standing}; `{}`, {}, commit {}{}",
        line.scenario,
        review.around.load,
        review.around.commit,
        if review.stand_in { "; measured on the stand-in" } else { "" }
    );
    let cells = [
        ("Quarter", quarter.in_words()),
        (column, own),
        ("Engram", format!("**{}ms**", words::latency(ours.median_ms))),
        ("Gap", format!("**{}**", words::percent(-line.speedup?))),
        ("Change", line.change().map_or("first review".to_owned(), words::points)),
        ("Notes", notes),
    ];
    Some(Entry { quarter, title, cells: cells.map(|(name, text)| (name.to_owned(), text)) })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn typed(line: &str) -> Result<Options> {
        read(Words::new(line.split_whitespace().map(OsString::from).collect()).of(HELP))
    }

    #[test]
    fn a_review_has_the_defaults_of_its_help() {
        let options = typed("").unwrap();
        let setup = &options.setup;
        assert_eq!((options.runs, setup.duration.as_secs(), setup.port), (3, 60, 7432));
        assert_eq!(options.scenarios, [""; 0]);
        assert!(options.build == Build::Now && !options.record && !options.dry_run);
    }

    #[test]
    fn a_scenario_may_be_named_several_times() {
        assert_eq!(typed("--scenario a --runs 2 --scenario=b").unwrap().scenarios, ["a", "b"]);
        assert!(typed("--scenario").unwrap_err().what().contains("--scenario takes"));
        assert!(typed("a").unwrap_err().what().contains("one word too many"));
    }

    #[test]
    fn the_report_is_not_written_over_its_chart() {
        assert!(typed("--report a.svg").unwrap_err().what().contains("Markdown"));
        assert!(typed("--report a.md").is_ok());
    }

    #[test]
    fn scenarios_are_chosen_and_the_nearest_of_an_unknown_one_is_told() {
        let files =
            ["a_ann", "b_traversal"].map(|stem| format!("scenarios/competitive/{stem}.toml"));
        let chosen = |line: &str| chosen(&typed(line).unwrap().scenarios, &files);
        assert_eq!(chosen("").unwrap(), [&files[0], &files[1]]);
        assert_eq!(chosen("--scenario b_traversal").unwrap(), [&files[1]]);
        assert_eq!(
            chosen("--scenario b_traversel").unwrap_err().what(),
            "there is no scenario `b_traversel`; did you mean `b_traversal`?"
        );
    }
}
