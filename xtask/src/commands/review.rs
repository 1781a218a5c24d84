//! `perf-review`: measures every competitive scenario, and reports where Engram stands against its competitors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::bench::{Bench, PORT, Setup, Side};
use super::shared::{here, print, say};
use super::words::{Words, did_you_mean};
use crate::error::{Error, Result};
use crate::files;
use crate::judge::review::{self as judge, Around, Review, Subject};
use crate::judge::verdict::Outcome;
use crate::measure::build::{self, Build};
use crate::measure::run::Limits;
use crate::measure::scenario::Scenario;
use crate::measure::{checkout, git, host, noise};
use crate::model::layout;
use crate::model::limits::COMPETITOR;
use crate::model::names::{Mode, Phase, RunName, TaskId};
use crate::model::provenance::{Git, Host};
use crate::model::recorded::Recorded;
use crate::model::review::{Quarter, ReviewRecord};
use crate::report::review;
use crate::report::words;
use crate::store::baselines::{self, Row, SCENARIO, SYSTEM};
use crate::store::clock::Clock;
use crate::store::quarters::{self, Entry, NO_SINGLE};
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
    /// Whole seconds of load in a run.
    duration: Duration,
    report: Option<PathBuf>,
    record: bool,
    dry_run: bool,
    build: Build,
    port: u16,
    checkout: Option<PathBuf>,
}

const RUNS: u32 = 3;
const MOST_RUNS: u32 = 100;
/// The load of a run where no duration is asked for.
const DURATION: Duration = Duration::from_secs(60);
/// A run without its load: Engram was healthy after 5 s, as the median of 108 starts.
const AROUND_A_LOAD: Duration = Duration::from_secs(7);

pub(crate) fn read(mut words: Words) -> Result<Options> {
    let report = words.path("--report")?;
    let is_chart = |file: &PathBuf| file.extension().is_some_and(|kind| kind == CHART);
    if report.as_ref().is_some_and(is_chart) {
        return Err(Error::new("--report takes the Markdown file; its chart gets .svg"));
    }
    let options = Options {
        scenarios: words.values("--scenario", "the name of a scenario")?,
        runs: words.whole("--runs", RUNS, 1..=MOST_RUNS)?,
        duration: words.seconds("--duration", DURATION, 1)?,
        report,
        record: words.flag("--record"),
        dry_run: words.flag("--dry-run"),
        build: match words.flag("--no-build") {
            true => Build::Existing,
            false => Build::Now,
        },
        port: words.whole("--port", PORT, 1..=u16::MAX)?,
        checkout: words.path("-C")?,
    };
    let [] = words.positional([])?;
    Ok(options)
}

/// The extension of the chart.
const CHART: &str = "svg";

/// Measures, judges, reports, and records if asked.
///
/// # Errors
/// When there is nothing to compare with, the checkout cannot be measured at all, or a document cannot be written.
pub(crate) fn run(options: &Options, clock: Clock) -> Result<Outcome> {
    let checkout = checkout::find(options.checkout.as_deref())?;
    let files = Scenario::competitive_files(&checkout)?;
    let baselines = checkout.join(layout::BASELINES);
    let text = files::read_text(&baselines).map_err(Error::at("cannot read", &baselines))?;
    let rows = baselines::rows(&text).map_err(|fault| fault.in_file(baselines))?;
    let chosen = chosen(options, &files)?.into_iter();
    let read = |file| Candidate::read(&checkout, file, &rows, options.runs);
    let mut candidates: Vec<Candidate> = chosen.map(read).collect::<Result<_>>()?;

    let now = clock.now();
    let quarter = Quarter::of(now.date());
    let reference = checkout.join(layout::REFERENCE);
    let report = match &options.report {
        Some(file) => here().join(file),
        None => reference.join(format!("{}.md", quarters::report_name(quarter))),
    };
    let last = quarters::last_review(&reference, quarter)?;
    lose_nothing(&report, &candidates)?;
    let (plan, load) = plan(options, &candidates);
    if options.dry_run {
        return print(&plan);
    }
    streams::errors(&plan);

    let mut reviewing = Reviewing::begin(options, &checkout, clock, &mut candidates)?;
    candidates.iter_mut().try_for_each(|candidate| reviewing.measure(candidate))?;
    if candidates.iter().all(|candidate| candidate.subject.runs.is_empty()) {
        let subjects = candidates.iter().map(|candidate| &candidate.subject);
        let whys = subjects.filter_map(|subject| {
            Some(format!("{}: {}", subject.scenario, subject.failure.as_ref()?))
        });
        let error = Error::new("nothing could be measured, and no report was written");
        return Err(whys.fold(error, Error::next));
    }

    let chart = report.with_extension(CHART);
    let around = Around {
        quarter,
        when: format!("{}, {:02}:{:02}", now.date(), now.hour(), now.minute()),
        commit: commit(reviewing.side.git.as_ref()),
        machine: machine(&host::host()),
        processors: noise::processors(),
        load: format!("{load}, a fresh server for each"),
        results: relative(reviewing.folder.results.folder(), &checkout),
        last,
        chart: chart.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        unmatched: unmatched(&rows, &files, &candidates),
        warnings: warnings(&candidates, &reviewing.folder.record.failures),
    };
    let subjects = candidates.into_iter().map(|candidate| candidate.subject);
    let review = judge::review(subjects.collect(), around);
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

/// A scenario name as a task id.
fn task_of(name: &str) -> Result<TaskId> {
    TaskId::parse(name).or_else(|_| {
        let safe = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let name: String = name.chars().map(safe).take(TaskId::MAX_LENGTH / 2).collect();
        TaskId::parse(&format!("scenario-{name}")).map_err(Error::new)
    })
}

/// A file's name, and its name without the extension.
fn names(file: &str) -> [&str; 2] {
    let name = file.rsplit('/').next().unwrap_or(file);
    [name, name.strip_suffix(".toml").unwrap_or(name)]
}

/// The scenario files that are asked for, each once.
fn chosen<'a>(options: &Options, files: &'a [String]) -> Result<Vec<&'a str>> {
    if options.scenarios.is_empty() {
        return Ok(files.iter().map(String::as_str).collect());
    }
    let mut found = Vec::new();
    for name in &options.scenarios {
        let is_it = |file: &&String| names(file).contains(&name.as_str()) || *file == name;
        let file = files.iter().find(is_it).ok_or_else(|| {
            let stems = files.iter().map(|file| names(file)[1]);
            let nearest = did_you_mean(names(name)[1], stems.clone());
            let error = Error::new(format!("there is no scenario `{name}`{nearest}"))
                .next(format!("{} has:", layout::COMPETITIVE_SCENARIOS));
            stems.fold(error, Error::next)
        })?;
        if !found.contains(&file.as_str()) {
            found.push(file.as_str());
        }
    }
    Ok(found)
}

/// Rows without a scenario among all `files`, and scenarios without a row.
fn unmatched(rows: &[Row], files: &[String], candidates: &[Candidate]) -> Vec<String> {
    let has_file = |row: &&Row| files.iter().any(|file| row.names(names(file)[0]));
    let rows = rows.iter().filter(|row| !has_file(row)).map(|row| {
        let (system, cell) = (row.cell(SYSTEM), row.cell(SCENARIO));
        let folder = layout::COMPETITIVE_SCENARIOS;
        match cell.ends_with(".toml") {
            true => format!("{system} has no scenario: {cell} is not in {folder}"),
            false => format!("{system} has no scenario"),
        }
    });
    let scenarios = candidates.iter().filter(|candidate| candidate.subject.competitors.is_empty());
    let scenarios =
        scenarios.map(|candidate| format!("{} is named by no row", names(&candidate.file)[0]));
    rows.chain(scenarios).collect()
}

fn warnings(candidates: &[Candidate], failures: &[String]) -> Vec<String> {
    let hybrid = candidates.iter().filter(|candidate| is_hybrid(&candidate.file));
    let yardstick = hybrid.map(|candidate| {
        format!(
            "{}: no competitor publishes such a mix; {COMPETITOR} is only the yardstick",
            candidate.subject.scenario
        )
    });
    yardstick.chain(failures.iter().map(|failure| format!("today, {failure}"))).collect()
}

/// The hybrid scenario stands for no single competitor: it is held against the one that `perf-compare` takes.
fn is_hybrid(file: &str) -> bool {
    file == layout::scenario(Mode::Competitive)
}

/// A scenario that is to be measured.
struct Candidate {
    /// Relative to the checkout.
    file: String,
    task: TaskId,
    /// `None` where it cannot be read.
    scenario: Option<Scenario>,
    /// What is measured of it. It has failed already where it cannot be measured.
    subject: Subject,
}

impl Candidate {
    fn read(checkout: &Path, file: &str, rows: &[Row], runs: u32) -> Result<Self> {
        let [name, stem] = names(file);
        let mut competitors = baselines::of_scenario(rows, name);
        if competitors.is_empty() && is_hybrid(file) {
            competitors.push(baselines::of_system(rows, COMPETITOR));
        }
        let named = |fault| format!("{}: {fault}", layout::BASELINES);
        let scenario = Scenario::read_file(checkout, file);
        let subject = Subject {
            scenario: stem.to_owned(),
            nodes: scenario.as_ref().ok().and_then(|scenario| scenario.nodes),
            planned: usize::try_from(runs).unwrap_or(usize::MAX),
            competitors: competitors.into_iter().map(|found| found.map_err(named)).collect(),
            runs: Vec::new(),
            failure: match &scenario {
                Ok(scenario) => too_large(scenario),
                Err(error) => Some(error.what().to_owned()),
            },
        };
        Ok(Self { file: file.to_owned(), task: task_of(stem)?, scenario: scenario.ok(), subject })
    }
}

/// Why this machine cannot hold a scenario, if it cannot.
fn too_large(scenario: &Scenario) -> Option<String> {
    let needed = judge::needed_bytes(scenario.nodes?, scenario.dimensions?);
    let available = host::available_memory_kib()?.saturating_mul(1024);
    (needed > available).then(|| {
        format!(
            "this machine cannot hold it: it needs {} of memory, and {} are available",
            gigabytes(needed),
            gigabytes(available)
        )
    })
}

#[allow(clippy::cast_precision_loss, reason = "one decimal is shown")]
fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

fn minutes(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds < 90 => format!("{seconds} s"),
        seconds => format!("{} min", (seconds + 30) / 60),
    }
}

/// What will be measured against whom, and the time that it will take; and the load of each scenario.
fn plan(options: &Options, candidates: &[Candidate]) -> (String, String) {
    let load = format!("{} of {} s each", several(options.runs, "run"), options.duration.as_secs());
    let fit = candidates.iter().filter(|candidate| candidate.subject.failure.is_none());
    let fit = count(fit.count());
    let each = (options.duration + AROUND_A_LOAD).saturating_mul(options.runs);
    let (time, fit) = (minutes(each.saturating_mul(fit)), several(fit, "scenario"));
    let mut lines = vec![format!("{fit}, {load}: about {time} in all")];
    for Candidate { subject, .. } in candidates {
        let against = subject.competitors.iter().map(|competitor| match competitor {
            Ok(its) => format!("{}, P99 {} ms", its.name, its.published()),
            Err(_) => "a competitor whose figures cannot be read".to_owned(),
        });
        let against = match against.collect::<Vec<_>>().join(" and ") {
            none if none.is_empty() => "no competitor".to_owned(),
            against => against,
        };
        lines.push(format!("  {} against {against}", words::shortened(&subject.scenario, 30)));
        lines.extend(subject.failure.iter().map(|why| format!("    not measured: {why}")));
    }
    (lines.join("\n") + "\n", load)
}

/// Refuses to write over a file that is no review, or that has figures which this review will not have.
fn lose_nothing(report: &Path, candidates: &[Candidate]) -> Result<()> {
    let Ok(text) = files::read_text(report) else {
        return Ok(());
    };
    let shown = report.display();
    let refused = |what: String| Err(Error::new(what).next("name another file: --report FILE"));
    let Ok(old) = quarters::read_report(&text) else {
        return refused(format!("{shown} is there and is no review"));
    };
    let is_kept =
        |scenario: &String| candidates.iter().any(|its| its.subject.scenario == *scenario);
    match old.speedups.keys().find(|(scenario, _)| !is_kept(scenario)) {
        None => Ok(()),
        Some((scenario, _)) => {
            refused(format!("{shown} has figures of {scenario}, which this review would not have"))
        }
    }
}

/// A review while it measures.
struct Reviewing {
    bench: Bench,
    side: Side,
    folder: ReviewFolder,
    /// Of each scenario.
    runs: u32,
    /// The runs that are still to be measured.
    left: u32,
    began: Instant,
    /// The runs that this call has measured.
    measured: u32,
}

impl Reviewing {
    /// Builds, and opens the review of today that measures the same, or a new one; gives each candidate its finished
    /// runs.
    fn begin(
        options: &Options,
        checkout: &Path,
        clock: Clock,
        candidates: &mut [Candidate],
    ) -> Result<Self> {
        let setup = Setup {
            mode: Mode::Competitive,
            duration: options.duration,
            port: options.port,
            limits: Limits::default(),
            checkout: options.checkout.clone(),
        };
        // Each scenario is measured under a task of its own.
        let (task, steps) = (task_of("review")?, Steps::new(Verbosity::ProgressOnly));
        let mut bench = Bench::open(&setup, &task, checkout, steps, clock)?;
        if options.build == Build::Now {
            bench.steps.begin_long("build", "cargo build --release");
            bench.steps.release_line();
        }
        let built = build::prepare(checkout, None, &bench.workplace.git(), options.build)?;
        let git = git::state(checkout);
        let hash = |candidate: &Candidate| {
            let hash = candidate.scenario.as_ref().map(|its| its.hash.clone());
            (candidate.file.clone(), hash.unwrap_or_default())
        };
        let record = ReviewRecord {
            runs: options.runs,
            duration_seconds: options.duration.as_secs(),
            commit: git.as_ref().and_then(|git| git.commit.clone()),
            engram_hash: built.binaries.engram_hash.clone(),
            loadtest_hash: built.binaries.loadtest_hash.clone(),
            scenarios: candidates.iter().map(hash).collect(),
            failures: Vec::new(),
        };
        let folder = ReviewFolder::open(checkout, bench.clock.timestamp(), record)?;
        bench.last_words.set("the finished runs are kept; the same command continues today");
        bench.results = folder.results.clone();

        let (mut finished, mut left) = (0, 0);
        for Candidate { file, task, subject, .. } in candidates {
            subject.runs = folder.runs(task, file)?;
            finished += count(subject.runs.len());
            match subject.planned.saturating_sub(subject.runs.len()) {
                0 => subject.failure = None,
                missing if subject.failure.is_none() => left += count(missing),
                _ => {}
            }
        }
        if finished > 0 {
            let finished = several(finished, "finished run");
            let folder = folder.results.folder().display();
            say(&format!("continuing today's review: {finished} in {folder}"));
            if left == 0 {
                say("nothing is measured again; to start anew, remove that folder");
            }
        }
        let side = Side { phase: Phase::After, built, git };
        let (runs, began) = (options.runs, Instant::now());
        Ok(Self { bench, side, folder, runs, left, began, measured: 0 })
    }

    /// Measures the runs that a scenario lacks. A failure ends the scenario, and not the review.
    fn measure(&mut self, candidate: &mut Candidate) -> Result<()> {
        let Candidate { task, scenario: Some(scenario), subject, .. } = candidate else {
            return Ok(());
        };
        while subject.runs.len() < subject.planned && subject.failure.is_none() {
            let (name, number) = (&subject.scenario, count(subject.runs.len()) + 1);
            let left = minutes(self.time_left());
            self.bench.steps.heading(&format!("{name} {number}/{}, {left} left", self.runs));
            let measured = self.one(task, scenario, &subject.runs);
            self.bench.steps.clear();
            match measured {
                Ok(run) => {
                    (self.left, self.measured) = (self.left.saturating_sub(1), self.measured + 1);
                    say(&format!(
                        "  {:<30} run {number} of {}, P99 {:>8} ms, {} left",
                        words::shortened(name, 30),
                        self.runs,
                        review::latency(run.result.p99_ms),
                        minutes(self.time_left())
                    ));
                    subject.runs.push(run);
                }
                Err(error) => {
                    self.left = self.left.saturating_sub((self.runs + 1).saturating_sub(number));
                    let why = format!("run {number} failed: {}", error.what());
                    let failure = format!("{name}: {why}");
                    say(&failure);
                    let workplace = &self.bench.workplace;
                    let logs = [workplace.server_log(), workplace.load_log()];
                    for log in self.folder.note_failure(task, failure, &logs)? {
                        say(&format!("  log: {}", log.display()));
                    }
                    subject.failure = Some(why);
                }
            }
        }
        Ok(())
    }

    /// One run, as `perf-check` does it, saved under the same names.
    fn one(
        &mut self,
        task: &TaskId,
        scenario: &Scenario,
        earlier: &[Recorded],
    ) -> Result<Recorded> {
        let bench = &mut self.bench;
        bench.scenario = scenario.clone();
        bench.task = task.clone();
        let group = earlier.first().and_then(|run| run.provenance.as_ref());
        let group = group.and_then(|provenance| RunName::parse(&provenance.run.group));
        let place = Place { group, index: count(earlier.len()) + 1, of: self.runs, session: None };
        let conditions = bench.conditions();
        bench.alone(&self.side, place, &conditions).map(|(_, run)| run)
    }

    /// By the mean time of the runs so far; at first, by the plan.
    fn time_left(&self) -> Duration {
        let usual = self.bench.setup.duration + AROUND_A_LOAD;
        let each = self.began.elapsed().checked_div(self.measured).unwrap_or(usual);
        each.saturating_mul(self.left)
    }
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

/// `1 run`, `3 runs`
fn several(number: u32, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}

fn commit(git: Option<&Git>) -> String {
    let Some(commit) = git.and_then(|git| git.commit.as_ref()) else {
        return "unknown".to_owned();
    };
    let short: String = commit.chars().take(12).collect();
    match git.is_some_and(|git| git.dirty) {
        true => format!("{short}, with uncommitted changes"),
        false => short,
    }
}

fn machine(host: &Host) -> String {
    let cores = host.cores.map(|cores| format!("{cores} cores"));
    let memory = host.memory_mib.map(|mib| format!("{} GiB", (mib + 512) / 1024));
    let known = [host.name.clone(), host.cpu.clone(), cores, memory];
    known.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Adds what was judged to the history in the baselines document, each system once a quarter.
fn record(checkout: &Path, review: &Review) -> Result<()> {
    let path = checkout.join(layout::BASELINES);
    let mut text = files::read_text(&path).map_err(Error::at("cannot read", &path))?;
    let mut added = Vec::new();
    for line in &review.lines {
        let Some(entry) = entry(line, review) else {
            say(&format!("not recorded: {} could not be judged", line.scenario));
            continue;
        };
        match quarters::record(&text, &entry).map_err(|fault| fault.in_file(&path))? {
            None => {
                let quarter = entry.quarter.in_words();
                say(&format!("not recorded again: {quarter} of {} is there", entry.title));
            }
            Some(changed) => {
                text = changed;
                added.push(entry.title);
            }
        }
    }
    if !added.is_empty() {
        files::replace(&path, &text)?;
        say(&format!("recorded in {}: {}", layout::BASELINES, added.join(", ")));
    }
    Ok(())
}

/// The entry of a line that was judged.
fn entry(line: &judge::Line, review: &Review) -> Option<Entry> {
    let standing = line.standing.as_ref().ok()?;
    let (competitor, ours) = (line.competitor.as_ref()?, line.ours?);
    let published = competitor.published() + "ms";
    let (column, title, own) = match names(layout::scenario(Mode::Competitive))[1] == line.scenario
    {
        true => {
            let own = format!("{} {published}", competitor.name);
            (NO_SINGLE.to_owned(), "Hybrid production workload".to_owned(), own)
        }
        false => (competitor.name.clone(), format!("Engram vs {}", competitor.name), published),
    };
    let quarter = review.around.quarter;
    let notes = format!(
        "{standing}; `{}`, median of {}, commit {}{}",
        line.scenario,
        several(count(ours.runs), "run"),
        review.around.commit,
        if review.stand_in { "; measured on the stand-in" } else { "" }
    );
    let cells = [
        (column.to_lowercase(), own),
        ("quarter".to_owned(), quarter.in_words()),
        ("engram".to_owned(), format!("**{}ms**", review::latency(ours.median_ms))),
        ("gap".to_owned(), format!("**{}**", words::percent(-line.speedup?))),
        ("change".to_owned(), line.change().map_or("first review".to_owned(), words::points)),
        ("notes".to_owned(), notes),
    ];
    Some(Entry { quarter, title, column, cells: BTreeMap::from(cells) })
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
        assert_eq!((options.runs, options.duration.as_secs(), options.port), (3, 60, 7432));
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
    fn the_report_is_not_written_over_by_its_chart() {
        assert!(typed("--report a.svg").unwrap_err().what().contains("Markdown"));
    }

    #[test]
    fn scenarios_are_named_by_file_and_the_nearest_of_an_unknown_one_is_told() {
        let files =
            ["a_ann", "b_traversal"].map(|stem| format!("scenarios/competitive/{stem}.toml"));
        let chosen = |line: &str| {
            let options = typed(line).unwrap();
            chosen(&options, &files)
                .map(|found| found.into_iter().map(|file| names(file)[1].to_owned()).collect())
        };
        let named = |line: &str| -> Vec<String> { chosen(line).unwrap() };
        assert_eq!(named(""), ["a_ann", "b_traversal"]);
        assert_eq!(named("--scenario b_traversal.toml --scenario b_traversal"), ["b_traversal"]);
        assert_eq!(named("--scenario b_traversal --scenario a_ann"), ["b_traversal", "a_ann"]);
        let unknown: Result<Vec<String>> = chosen("--scenario b_traversel");
        assert_eq!(
            unknown.unwrap_err().what(),
            "there is no scenario `b_traversel`; did you mean `b_traversal`?"
        );
    }

    #[test]
    fn every_file_name_makes_a_task_id() {
        for (name, task) in [
            ("qdrant_ann_1m_768d", "qdrant_ann_1m_768d"),
            ("competitive_x", "scenario-competitive-x"),
            ("x_before_y", "scenario-x-before-y"),
            ("a b", "scenario-a-b"),
            ("_é", "scenario---"),
            (&"x".repeat(300), &format!("scenario-{}", "x".repeat(64))),
        ] {
            assert_eq!(task_of(name).unwrap().as_str(), task);
        }
    }
}
