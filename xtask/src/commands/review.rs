//! `perf-review`: measures every competitive scenario, and reports where Engram stands against its competitors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::bench::{Bench, PORT, Setup, Side};
use super::shared::{here, print, say};
use super::words::{Words, did_you_mean};
use crate::error::{Error, Result};
use crate::files;
use crate::judge::review::{self as judge, Background, Review, SERVER, Subject};
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
use crate::model::review::{Competitor, LastReview, Quarter, ReviewRecord};
use crate::report::review::{self, Around};
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
    let baselines = Baselines::read(&checkout)?;
    let candidates: Vec<Candidate> = chosen(options, &files)?
        .into_iter()
        .map(|file| Candidate::read(&checkout, file, &baselines))
        .collect::<Result<_>>()?;
    let documents = Documents::plan(options, &checkout, clock)?;
    documents.lose_nothing(&candidates)?;
    let plan = plan(options, &candidates);
    if options.dry_run {
        return print(&plan);
    }
    streams::errors(&plan);

    let bench =
        Bench::open(&setup(options)?, &checkout, Steps::new(Verbosity::ProgressOnly), clock)?;
    let mut reviewing = Reviewing::begin(options, bench, &candidates)?;
    let subjects: Vec<Subject> =
        candidates.iter().map(|candidate| reviewing.subject(candidate)).collect::<Result<_>>()?;
    if subjects.iter().all(|subject| subject.runs.is_empty()) {
        let whys = subjects.iter().filter_map(|subject| {
            Some(format!("{}: {}", subject.scenario, subject.failure.as_ref()?))
        });
        let error = Error::new("nothing could be measured, and no report was written");
        return Err(whys.fold(error, Error::next));
    }

    let around = Around {
        unmatched: baselines.unmatched(&files, &candidates),
        ..reviewing.around(options, &documents, &subjects)
    };
    let background = Background {
        last: documents.last.clone(),
        circumstances: circumstances(&around),
        processors: noise::processors(),
        warnings: reviewing.warnings(&candidates),
    };
    let review = judge::review(&subjects, &background);
    documents.write(&review, &around)?;
    if options.record {
        record(&checkout, &review, &around)?;
    }
    let report = documents.report.strip_prefix(&checkout).unwrap_or(&documents.report);
    // The report is written: a reader that is gone does not undo it.
    let _ = streams::output(&review::summary(&review, &report.to_string_lossy()));
    Ok(review.outcome())
}

fn setup(options: &Options) -> Result<Setup> {
    Ok(Setup {
        // Each scenario is measured under a task of its own.
        task: task_of("review")?,
        mode: Mode::Competitive,
        duration: options.duration,
        port: options.port,
        limits: Limits::default(),
        checkout: options.checkout.clone(),
    })
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

/// The document of the competitors' figures.
struct Baselines {
    text: String,
    rows: Vec<Row>,
}

impl Baselines {
    fn read(checkout: &Path) -> Result<Self> {
        let path = checkout.join(layout::BASELINES);
        let text = files::read_text(&path).map_err(Error::at("cannot read", &path))?;
        let rows = baselines::rows(&text).map_err(|fault| fault.in_file(path))?;
        Ok(Self { text, rows })
    }

    /// Those that a scenario file stands for. The hybrid one stands for no single competitor: it is held against the
    /// one that `perf-compare` takes.
    fn competitors(&self, file: &str) -> Vec<Result<Competitor, String>> {
        let mut found = baselines::competitors(&self.rows, names(file)[0]);
        if found.is_empty() && is_hybrid(file) {
            found.push(baselines::competitor(&self.text, COMPETITOR));
        }
        let named = |fault| format!("{}: {fault}", layout::BASELINES);
        found.into_iter().map(|found| found.map_err(named)).collect()
    }

    /// Rows without a scenario among all `files`, and scenarios without a row.
    fn unmatched(&self, files: &[String], candidates: &[Candidate]) -> Vec<String> {
        let has_file = |row: &&Row| files.iter().any(|file| row.names(names(file)[0]));
        let rows = self.rows.iter().filter(|row| !has_file(row)).map(|row| {
            let (system, cell) = (row.cell(SYSTEM), row.cell(SCENARIO));
            let folder = layout::COMPETITIVE_SCENARIOS;
            match cell.ends_with(".toml") {
                true => format!("{system} has no scenario: {cell} is not in {folder}"),
                false => format!("{system} has no scenario"),
            }
        });
        let scenarios = candidates.iter().filter(|candidate| candidate.competitors.is_empty());
        let scenarios =
            scenarios.map(|candidate| format!("{} is named by no row", names(&candidate.file)[0]));
        rows.chain(scenarios).collect()
    }
}

fn is_hybrid(file: &str) -> bool {
    file == layout::scenario(Mode::Competitive)
}

/// A scenario that is to be measured.
struct Candidate {
    /// Relative to the checkout.
    file: String,
    /// Its name without the extension.
    stem: String,
    task: TaskId,
    /// The scenario, or why it cannot be read.
    scenario: Result<Scenario>,
    competitors: Vec<Result<Competitor, String>>,
}

impl Candidate {
    fn read(checkout: &Path, file: &str, baselines: &Baselines) -> Result<Self> {
        let [_, stem] = names(file);
        Ok(Self {
            file: file.to_owned(),
            stem: stem.to_owned(),
            task: task_of(stem)?,
            scenario: Scenario::read_file(checkout, file),
            competitors: baselines.competitors(file),
        })
    }

    /// The scenario, unless it cannot be read or this machine cannot hold it.
    fn fit(&self) -> Result<&Scenario, String> {
        let scenario = self.scenario.as_ref().map_err(|error| error.what().to_owned())?;
        let needed = scenario.data.nodes.zip(scenario.data.dimensions);
        let needed = needed.map(|(nodes, dimensions)| judge::needed_bytes(nodes, dimensions));
        let available = host::available_memory_kib().map(|kib| kib.saturating_mul(1024));
        match needed.zip(available) {
            Some((needed, available)) if needed > available => Err(format!(
                "this machine cannot hold it: it needs {} of memory, and {} are available",
                gigabytes(needed),
                gigabytes(available)
            )),
            _ => Ok(scenario),
        }
    }
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

/// What will be measured against whom, and the time that it will take.
fn plan(options: &Options, candidates: &[Candidate]) -> String {
    let (runs, seconds) = (several(options.runs, "run"), options.duration.as_secs());
    let fit = candidates.iter().filter(|candidate| candidate.fit().is_ok()).count();
    let each = (options.duration + AROUND_A_LOAD).saturating_mul(options.runs);
    let (time, fit) = (minutes(each.saturating_mul(count(fit))), several(count(fit), "scenario"));
    let mut lines = vec![format!("{fit}, {runs} of {seconds} s each: about {time} in all")];
    for candidate in candidates {
        let against = candidate.competitors.iter().map(|competitor| match competitor {
            Ok(its) => format!("{}, P99 {} ms", its.name, review::published(its)),
            Err(_) => "a competitor whose figures cannot be read".to_owned(),
        });
        let against = match against.collect::<Vec<_>>().join(" and ") {
            none if none.is_empty() => "no competitor".to_owned(),
            against => against,
        };
        lines.push(format!("  {} against {against}", words::shortened(&candidate.stem, 30)));
        lines.extend(candidate.fit().err().map(|why| format!("    not measured: {why}")));
    }
    lines.join("\n") + "\n"
}

/// Where the review is reported, and what it is compared with.
struct Documents {
    quarter: Quarter,
    report: PathBuf,
    chart: PathBuf,
    last: Option<LastReview>,
    when: String,
}

impl Documents {
    fn plan(options: &Options, checkout: &Path, clock: Clock) -> Result<Self> {
        let now = clock.now();
        let quarter = Quarter::of(now.date());
        let folder = checkout.join(layout::REFERENCE);
        let report = match &options.report {
            Some(file) => here().join(file),
            None => folder.join(format!("{}.md", quarters::report_name(quarter))),
        };
        let (hour, minute, _) = now.to_hms();
        Ok(Self {
            quarter,
            chart: report.with_extension(CHART),
            last: quarters::last_review(&folder, quarter)?,
            when: format!("{}, {hour:02}:{minute:02}", now.date()),
            report,
        })
    }

    /// Refuses to write over a file that is no review, or that has figures which this review will not have.
    fn lose_nothing(&self, candidates: &[Candidate]) -> Result<()> {
        let Ok(text) = files::read_text(&self.report) else {
            return Ok(());
        };
        let report = self.report.display();
        let elsewhere = "name another file: --report FILE";
        let old = quarters::read_report(&text).map_err(|_| {
            Error::new(format!("{report} is there and is no review")).next(elsewhere)
        })?;
        let is_kept = |scenario: &String| candidates.iter().any(|its| its.stem == *scenario);
        match old.speedups.keys().find(|(scenario, _)| !is_kept(scenario)) {
            None => Ok(()),
            Some((scenario, _)) => Err(Error::new(format!(
                "{report} has figures of {scenario}, which this review would not have"
            ))
            .next(elsewhere)),
        }
    }

    /// The chart first, which the report refers to.
    fn write(&self, review: &Review, around: &Around) -> Result<()> {
        files::replace(&self.chart, &review::chart(review, around))?;
        files::replace(&self.report, &review::markdown(review, around))
    }
}

/// A review while it measures.
struct Reviewing {
    bench: Bench,
    side: Side,
    folder: ReviewFolder,
    planned: u32,
    /// The runs that are still to be measured.
    left: u32,
    began: Instant,
    /// The runs that this call has measured.
    measured: u32,
}

impl Reviewing {
    /// Builds, and opens the review of today that measures the same, or a new one.
    fn begin(options: &Options, mut bench: Bench, candidates: &[Candidate]) -> Result<Self> {
        if options.build == Build::Now {
            bench.steps.begin_long("build", "cargo build --release");
            bench.steps.release_line();
        }
        let built = build::prepare(&bench.checkout, None, &bench.workplace.git(), options.build)?;
        let git = git::state(&bench.checkout);
        let hash = |candidate: &Candidate| {
            let hash = candidate.scenario.as_ref().ok().and_then(|its| its.hash.clone());
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
        let folder = ReviewFolder::open(&bench.checkout, bench.clock.timestamp(), record)?;
        bench.results = folder.results.clone();
        let side = Side { phase: Phase::After, built, git };
        let planned = options.runs;
        let began = Instant::now();
        let mut reviewing = Self { bench, side, folder, planned, left: 0, began, measured: 0 };
        let mut finished = 0;
        for candidate in candidates.iter().filter(|candidate| candidate.fit().is_ok()) {
            let runs = count(reviewing.finished(candidate)?.len());
            finished += runs;
            reviewing.left += planned.saturating_sub(runs);
        }
        if finished > 0 {
            let folder = reviewing.folder.results.folder().display();
            let finished = several(finished, "finished run");
            say(&format!("continuing today's review: {finished} in {folder}"));
            if reviewing.left == 0 {
                say("nothing is measured again; to start anew, remove that folder");
            }
        }
        Ok(reviewing)
    }

    fn finished(&self, candidate: &Candidate) -> Result<Vec<Recorded>> {
        Ok(self.folder.runs(&candidate.task, &candidate.file)?)
    }

    /// Measures the runs of a scenario that are still missing. A failure ends the scenario, and not the review.
    fn subject(&mut self, candidate: &Candidate) -> Result<Subject> {
        let planned = usize::try_from(self.planned).unwrap_or(usize::MAX);
        let mut subject = Subject {
            scenario: candidate.stem.clone(),
            nodes: candidate.scenario.as_ref().ok().and_then(|scenario| scenario.data.nodes),
            planned,
            competitors: candidate.competitors.clone(),
            runs: self.finished(candidate)?,
            failure: None,
        };
        while subject.runs.len() < planned && subject.failure.is_none() {
            match candidate.fit() {
                Err(why) => {
                    say(&format!("{}: not measured: {why}", candidate.stem));
                    subject.failure = Some(why);
                }
                Ok(scenario) => match self.one(candidate, scenario, &subject.runs) {
                    Ok(run) => {
                        subject.runs.push(run);
                        self.show(&subject);
                    }
                    Err(error) => subject.failure = Some(self.failed(candidate, &subject, &error)?),
                },
            }
        }
        Ok(subject)
    }

    /// One run, as `perf-check` does it, saved under the same names.
    fn one(
        &mut self,
        candidate: &Candidate,
        scenario: &Scenario,
        earlier: &[Recorded],
    ) -> Result<Recorded> {
        let index = count(earlier.len()) + 1;
        let heading = format!(
            "{} {index}/{}, {} left",
            candidate.stem,
            self.planned,
            minutes(self.time_left())
        );
        let bench = &mut self.bench;
        bench.steps.heading(&heading);
        bench.scenario = scenario.clone();
        bench.setup.task = candidate.task.clone();
        let group = earlier.first().and_then(|run| run.provenance.as_ref());
        let group = group.and_then(|provenance| RunName::parse(&provenance.run.group));
        let place = Place { group, index, of: self.planned, session: None };
        let conditions = bench.conditions();
        let (_, run) = bench.alone(&self.side, place, &conditions)?;
        self.measured += 1;
        self.left = self.left.saturating_sub(1);
        Ok(run)
    }

    /// By the mean time of the runs so far; at first, by the plan.
    fn time_left(&self) -> Duration {
        let usual = self.bench.setup.duration + AROUND_A_LOAD;
        let each = self.began.elapsed().checked_div(self.measured).unwrap_or(usual);
        each.saturating_mul(self.left)
    }

    fn show(&mut self, subject: &Subject) {
        let p99 = subject.runs.last().map(|run| review::latency(run.result.p99_ms));
        self.bench.steps.clear();
        say(&format!(
            "  {:<30} run {} of {}, P99 {:>8} ms, {} left",
            words::shortened(&subject.scenario, 30),
            subject.runs.len(),
            self.planned,
            p99.unwrap_or_default(),
            minutes(self.time_left())
        ));
    }

    /// Notes and shows a failed run; returns why it failed.
    fn failed(
        &mut self,
        candidate: &Candidate,
        subject: &Subject,
        error: &Error,
    ) -> Result<String> {
        let number = count(subject.runs.len()) + 1;
        self.left = self.left.saturating_sub((self.planned + 1).saturating_sub(number));
        let why = format!("run {number} failed: {}", error.what());
        let workplace = &self.bench.workplace;
        let logs = [workplace.server_log(), workplace.load_log()];
        let noted = format!("{}: {why}", candidate.stem);
        self.bench.steps.clear();
        say(&noted);
        for log in self.folder.note_failure(&candidate.task, noted, &logs)? {
            say(&format!("  log: {}", log.display()));
        }
        Ok(why)
    }

    fn around(&self, options: &Options, documents: &Documents, subjects: &[Subject]) -> Around {
        let results = self.folder.results.folder();
        let results = results.strip_prefix(&self.bench.checkout).unwrap_or(results);
        let (runs, seconds) = (several(options.runs, "run"), options.duration.as_secs());
        let chart = documents.chart.file_name().unwrap_or_default();
        Around {
            quarter: documents.quarter,
            when: documents.when.clone(),
            commit: commit(self.side.git.as_ref()),
            server: match judge::is_of_stand_in(subjects) {
                true => "stand-in".to_owned(),
                false => "Engram".to_owned(),
            },
            machine: machine(&host::host()),
            load: format!("{runs} of {seconds} s each, a fresh server for each"),
            results: results.to_string_lossy().into_owned(),
            last: documents.last.as_ref().map(|last| last.file.clone()),
            chart: chart.to_string_lossy().into_owned(),
            unmatched: Vec::new(),
        }
    }

    fn warnings(&self, candidates: &[Candidate]) -> Vec<String> {
        let hybrid = candidates.iter().filter(|candidate| is_hybrid(&candidate.file));
        let yardstick = hybrid.map(|candidate| {
            format!(
                "{}: no competitor publishes such a mix; {COMPETITOR} is only the yardstick",
                candidate.stem
            )
        });
        let failures = self.folder.record.failures.iter();
        yardstick.chain(failures.map(|failure| format!("today, {failure}"))).collect()
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

/// What should be as it was at the last review.
fn circumstances(around: &Around) -> BTreeMap<String, String> {
    let known = [(SERVER, &around.server), ("machine", &around.machine), ("load", &around.load)];
    known.map(|(name, fact)| (name.to_owned(), fact.clone())).into()
}

/// Adds what was judged to the history in the baselines document, each system once a quarter.
fn record(checkout: &Path, review: &Review, around: &Around) -> Result<()> {
    let path = checkout.join(layout::BASELINES);
    let mut text = files::read_text(&path).map_err(Error::at("cannot read", &path))?;
    let mut added = Vec::new();
    for line in &review.lines {
        let quarter = around.quarter.in_words();
        let Some((entry, system)) = entry(line, review, around) else {
            say(&format!("not recorded: {} could not be judged", line.scenario));
            continue;
        };
        match quarters::record(&text, &entry).map_err(|fault| fault.in_file(&path))? {
            None => say(&format!("not recorded again: {quarter} of {system} is there")),
            Some(changed) => {
                text = changed;
                added.push(system);
            }
        }
    }
    if !added.is_empty() {
        files::replace(&path, &text)?;
        say(&format!("recorded in {}: {}", layout::BASELINES, added.join(", ")));
    }
    Ok(())
}

/// The entry of a line that was judged, and what it is about.
fn entry(line: &judge::Line, review: &Review, around: &Around) -> Option<(Entry, String)> {
    let standing = line.standing.as_ref().ok()?;
    let (competitor, ours) = (line.competitor.as_ref()?, line.ours?);
    let published = review::published(competitor) + "ms";
    let is_hybrid = names(layout::scenario(Mode::Competitive))[1] == line.scenario;
    let (column, title, own) = match is_hybrid {
        true => {
            let own = format!("{} {published}", competitor.name);
            (NO_SINGLE.to_owned(), "Hybrid production workload".to_owned(), own)
        }
        false => (competitor.name.clone(), format!("Engram vs {}", competitor.name), published),
    };
    let notes = format!(
        "{standing}; `{}`, median of {}, commit {}{}",
        line.scenario,
        several(count(ours.runs), "run"),
        around.commit,
        if review.stand_in { "; measured on the stand-in" } else { "" }
    );
    let change = line.change().map_or("first review".to_owned(), words::points);
    let cells = vec![
        ("quarter", around.quarter.in_words()),
        ("engram", format!("**{}ms**", review::latency(ours.median_ms))),
        ("gap", format!("**{}**", words::percent(-line.speedup?))),
        ("change", change),
        ("notes", notes),
    ];
    let entry = Entry {
        quarter: around.quarter,
        title: format!("{title} (P99 latency)"),
        column,
        cells,
        own,
    };
    Some((entry, title))
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
