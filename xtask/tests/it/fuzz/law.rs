//! A reading of the law of its own, for comparisons that exit 0: it takes the files apart anew, and uses nothing of
//! the tool but the list of the files that were compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};
use toml::Table;

/// Beyond a limit, with the slack that the law grants.
fn beyond(value: f64, limit: f64) -> bool {
    value > limit + 1e-9
}

type Broken = Result<(), String>;

fn demand(holds: bool, what: impl ToString) -> Broken {
    holds.then_some(()).ok_or_else(|| what.to_string())
}

/// What was compared, and found clean.
#[derive(Debug)]
pub struct Passed {
    pub competitive: bool,
    pub before: Vec<PathBuf>,
    pub after: Vec<PathBuf>,
    /// Two named files: no other is asked about.
    pub are_named: bool,
    /// The pairs of a session decided about P99.
    pub by_session: bool,
    /// The competitor's P99 in milliseconds.
    pub competitor_ms: Option<f64>,
}

/// A recorded run, as its files tell of it.
#[derive(Debug)]
struct Run {
    path: PathBuf,
    bytes: Vec<u8>,
    result: Value,
    own: Option<Table>,
}

impl Run {
    fn read(path: &Path) -> Result<Self, String> {
        let bytes = fs::read(path).map_err(|error| error.to_string())?;
        let result = measurement(&bytes)?;
        Ok(Self { path: path.to_owned(), bytes, result, own: provenance(path)? })
    }

    fn number(&self, key: &str) -> f64 {
        self.result[key].as_f64().unwrap()
    }

    fn stem(&self) -> &str {
        self.path.file_stem().unwrap().to_str().unwrap()
    }

    /// `section.key`
    fn told(&self, name: &str) -> Option<&toml::Value> {
        let (section, key) = name.split_once('.').unwrap();
        self.own.as_ref()?.get(section)?.get(key)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.told(name)?.as_str()
    }

    fn whole(&self, name: &str) -> Option<i64> {
        self.told(name)?.as_integer()
    }

    fn planned_seconds(&self) -> f64 {
        let planned = self.whole("load.duration_seconds");
        planned.map_or(self.number("elapsed_seconds"), |seconds| seconds as f64)
    }

    /// The worse of what is stated and what was counted.
    fn error_rate(&self) -> f64 {
        let counted = self.number("total_errors") / self.number("total_operations");
        self.number("overall_error_rate").max(counted)
    }

    /// Requests and P99 in milliseconds.
    fn operations(&self) -> BTreeMap<&String, (f64, f64)> {
        let operations = self.result["per_operation_stats"].as_object().into_iter().flatten();
        let figures = |of: &Value| {
            (of["count"].as_f64().unwrap(), of["p99_latency_us"].as_f64().unwrap() / 1000.0)
        };
        operations.map(|(name, of)| (name, figures(of))).collect()
    }

    fn started(&self) -> Started<'_> {
        Started::of(self.stem(), self.own.as_ref())
    }

    fn name(&self) -> Option<Name<'_>> {
        Name::parse(self.stem())
    }
}

/// When a run was started: by its provenance, where that is its own and agrees with its name, and by its name.
#[derive(Debug)]
struct Started<'a> {
    moment: Option<OffsetDateTime>,
    name: Option<Name<'a>>,
}

impl<'a> Started<'a> {
    fn of(stem: &'a str, own: Option<&Table>) -> Self {
        let name = Name::parse(stem);
        let run = own.and_then(|own| own.get("run"));
        let text = |key: &str| run?.get(key)?.as_str();
        let moment = text("started").and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
        let moment = moment.filter(|moment| {
            let told = PrimitiveDateTime::new(moment.date(), moment.time());
            let is_near = |name: &Name| (told - name.time).abs() <= Duration::MINUTE;
            text("name") == Some(stem) && name.as_ref().is_some_and(is_near)
        });
        Self { moment, name }
    }

    fn is_after(&self, other: &Self) -> bool {
        let named = |of: &Self| of.name.as_ref().map(|name| name.time);
        match (self.moment, other.moment) {
            (Some(own), Some(other)) => own > other,
            _ => named(self) > named(other),
        }
    }
}

/// The name of a run.
#[derive(Debug, Clone, PartialEq)]
struct Name<'a> {
    competitive: bool,
    task: &'a str,
    phase: &'a str,
    time: PrimitiveDateTime,
}

impl<'a> Name<'a> {
    fn parse(stem: &'a str) -> Option<Self> {
        let (rest, time) = stem.split_at_checked(stem.len().checked_sub(15)?)?;
        let digits: Vec<u32> =
            time.chars().filter(|c| *c != '_').map(|c| c.to_digit(10)).collect::<Option<_>>()?;
        let is_shaped = digits.len() == 14 && time.as_bytes()[8] == b'_';
        let part = |from: usize, to: usize| digits[from..to].iter().fold(0, |n, d| n * 10 + d);
        if !is_shaped {
            return None;
        }
        let month = time::Month::try_from(u8::try_from(part(4, 6)).ok()?).ok()?;
        let day = u8::try_from(part(6, 8)).ok()?;
        let date = time::Date::from_calendar_date(part(0, 4) as i32, month, day).ok()?;
        let clock = |at: usize| u8::try_from(part(at, at + 2)).unwrap();
        let time = time::Time::from_hms(clock(8), clock(10), clock(12)).ok()?;
        let (rest, phase) = rest.strip_suffix('_')?.rsplit_once('_')?;
        let (competitive, task) = match rest.strip_prefix("competitive_") {
            Some(task) => (true, task),
            None => (false, rest),
        };
        let is_phase = ["before", "after"].contains(&phase);
        let is_task = task.starts_with(|c: char| c.is_ascii_alphanumeric())
            && task.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        (is_phase && is_task).then(|| Self {
            competitive,
            task,
            phase,
            time: PrimitiveDateTime::new(date, time),
        })
    }
}

/// Why the law gives no pass for what passed.
pub fn gives(results: &Path, passed: &Passed) -> Broken {
    let read = |paths: &[PathBuf]| -> Result<Vec<Run>, String> {
        paths.iter().map(|path| Run::read(path)).collect()
    };
    let (before, after) = (read(&passed.before)?, read(&passed.after)?);
    demand(!before.is_empty() && !after.is_empty(), "a side is missing")?;
    for (phase, side) in [("before", &before), ("after", &after)] {
        for run in side {
            is_sound(phase, run).map_err(|why| format!("{}: {why}", run.stem()))?;
        }
    }
    for run in &before {
        demand(run.number("overall_throughput") > 0.0, "before without throughput")?;
        demand(!beyond(run.error_rate(), 0.1), "before with errors")?;
    }
    for other in before.iter().skip(1).chain(&after) {
        are_comparable(&before[0], other)?;
    }
    for run in &after {
        has_every_operation(&before, run)?;
        demand(before.iter().all(|other| other.bytes != run.bytes), "the same content twice")?;
    }
    if !passed.are_named {
        are_the_newest(results, passed, "before", &before)?;
        are_the_newest(results, passed, "after", &after)?;
    }
    let server = |run: &Run| run.text("build.engram_hash").map(str::to_owned);
    let servers = [&before, &after].map(|side| side.iter().find_map(server));
    if let [Some(one), Some(other)] = &servers
        && one == other
    {
        let is_built = |run: &Run| run.told("build.by_this_run") == Some(&true.into());
        return demand(before.iter().chain(&after).all(is_built), "a stale server");
    }
    if let ([Some(one), Some(other)], false) = (&servers, passed.are_named) {
        sessions_pass(results, passed, [one, other], after.last().unwrap())?;
    }
    has_no_regression(passed, &before, &after)
}

/// A result of numbers that the law takes.
fn measurement(bytes: &[u8]) -> Result<Value, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let number = |key: &str| match value[key].as_f64() {
        Some(number) if number >= 0.0 && number.is_finite() => Ok(number),
        _ => Err(format!("no {key}")),
    };
    for key in ["elapsed_seconds", "overall_throughput", "p50_latency_ms", "p95_latency_ms"] {
        number(key)?;
    }
    let (errors, requests) = (number("total_errors")?, number("total_operations")?);
    let holds = value["config_name"].is_string()
        && value["per_operation_stats"].is_object()
        && number("overall_error_rate")? <= 1.0
        && errors <= requests
        && requests > 0.0
        && number("p99_latency_ms")? > 0.0;
    holds.then(|| value.clone()).ok_or(format!("{value:#}"))
}

/// The provenance beside a result, where it is the tool's own.
fn provenance(path: &Path) -> Result<Option<Table>, String> {
    let stem = path.file_stem().unwrap().to_str().unwrap();
    let Ok(bytes) = fs::read(path.with_file_name(format!("{stem}_diag.txt"))) else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&bytes);
    demand(!text.trim().is_empty(), "empty provenance")?;
    if !text.starts_with("# perf-check provenance, format ") {
        return Ok(None);
    }
    let is_whole = text.starts_with("# perf-check provenance, format 1\n")
        && text.trim_end().ends_with("# end");
    match text.parse::<Table>() {
        Ok(table) if is_whole && has_every_kind(&table) => Ok(Some(table)),
        _ => Err(format!("{text:?}")),
    }
}

/// Every value that has to be there is, and each is of its kind: what is of another cannot be read.
fn has_every_kind(own: &Table) -> bool {
    let text = |value: &toml::Value| value.is_str();
    let whole = |value: &toml::Value| value.as_integer().is_some_and(|number| number >= 0);
    let flag = |value: &toml::Value| value.is_bool();
    let kind = |section: &str, key: &str, is: &dyn Fn(&toml::Value) -> bool, needed: bool| {
        let table = match section {
            "" => Some(own),
            section => own.get(section).and_then(|table| table.as_table()),
        };
        table.and_then(|table| table.get(key)).map_or(!needed, is)
    };
    let has = |section: &str| own.contains_key(section);
    let texts = |value: &toml::Value| value.as_array().is_some_and(|all| all.iter().all(text));
    kind("", "warnings", &texts, true)
        && kind("", "server_log_tail", &text, true)
        && ["name", "started", "group"].iter().all(|key| kind("run", key, &text, true))
        && ["index", "of"].iter().all(|key| kind("run", key, &whole, true))
        && kind("load", "scenario", &text, true)
        && kind("load", "scenario_hash", &text, false)
        && ["duration_seconds", "seed", "rate"].iter().all(|key| kind("load", key, &whole, true))
        && kind("build", "profile", &text, true)
        && ["by_this_run", "stand_in"].iter().all(|key| kind("build", key, &flag, true))
        && ["engram_hash", "loadtest_hash", "content", "rustc"]
            .iter()
            .all(|key| kind("build", key, &text, false))
        && ["commit", "branch"].iter().all(|key| kind("git", key, &text, false))
        && kind("git", "dirty", &flag, has("git"))
        && ["id", "order"].iter().all(|key| kind("session", key, &text, has("session")))
        && kind("session", "pair", &whole, has("session"))
}

/// A run by itself: it lasted as planned, and nothing of it contradicts the rest.
fn is_sound(phase: &str, run: &Run) -> Broken {
    let (elapsed, planned) = (run.number("elapsed_seconds"), run.planned_seconds());
    demand(!beyond((elapsed - planned).abs(), 0.05 * planned), "not as long as planned")?;
    let promised = run.number("overall_throughput") * planned;
    demand(!beyond(promised / 2.0, run.number("total_operations")), "too few operations")?;
    let p99 = run.number("p99_latency_ms");
    if let Some(largest) = run.operations().values().map(|own| own.1).reduce(f64::max) {
        demand(!beyond((p99 - largest).abs(), 0.01 * largest), "not the largest P99")?;
    }
    let now = OffsetDateTime::now_utc();
    let started = run.started().moment.or_else(|| Some(run.name()?.time.assume_utc()));
    demand(started.is_none_or(|at| at - now <= Duration::DAY), "from the future")?;
    if let Some(name) = run.name() {
        demand(name.phase == phase, "the other side by its name")?;
    }
    let Some(_) = &run.own else {
        return Ok(());
    };
    let name = run.text("run.name").ok_or("no name")?;
    demand(name == run.stem(), "the provenance of another")?;
    demand(Name::parse(name).is_some_and(|name| name.phase == phase), "the other side")?;
    for key in ["build.engram_hash", "build.loadtest_hash", "build.content", "load.scenario_hash"] {
        let is_hash = |text: &str| {
            let digits = text.rsplit(':').next().unwrap();
            [40, 64].contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_hexdigit())
        };
        demand(run.text(key).is_none_or(is_hash), format!("{key} is no hash"))?;
    }
    Ok(())
}

fn are_comparable(one: &Run, other: &Run) -> Broken {
    demand(one.result["config_name"] == other.result["config_name"], "another scenario")?;
    if one.own.is_none() || other.own.is_none() {
        let (a, b) = (one.number("elapsed_seconds"), other.number("elapsed_seconds"));
        return demand(!beyond((a - b).abs(), 0.05 * a), "another length");
    }
    for key in
        ["load.scenario", "load.duration_seconds", "load.seed", "build.profile", "build.stand_in"]
    {
        demand(one.told(key) == other.told(key), key)?;
    }
    let both = |key: &str| one.told(key).zip(other.told(key));
    let is_same = |key: &str| both(key).is_none_or(|(one, other)| one == other);
    demand(is_same("load.scenario_hash"), "scenario content")?;
    let is_contradiction = both("build.content").is_some_and(|(one, other)| one == other)
        && !is_same("build.engram_hash");
    demand(!is_contradiction, "one source, two servers")
}

fn has_every_operation(before: &[Run], after: &Run) -> Broken {
    let own = after.operations();
    for (name, (count, _)) in before.iter().flat_map(Run::operations) {
        let is_there = own.get(name).is_some_and(|(_, p99)| *p99 > 0.0);
        demand(count < 100.0 || is_there, format!("{name} is lost"))?;
    }
    Ok(())
}

/// No single run of the task is newer than the newest that was taken. The runs of a session are not asked: it is found
/// by the servers of the newest.
fn are_the_newest(results: &Path, passed: &Passed, phase: &str, taken: &[Run]) -> Broken {
    let is_taken = |path: &Path| taken.iter().any(|run| run.path.file_name() == path.file_name());
    if passed.by_session {
        return Ok(());
    }
    for path in fs::read_dir(results).unwrap().map(|entry| entry.unwrap().path()) {
        let stem = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".json"));
        let Some(name) = stem.and_then(Name::parse) else { continue };
        let is_asked =
            name.task == "007" && name.phase == phase && name.competitive == passed.competitive;
        if !is_asked || is_taken(&path) {
            continue;
        }
        // Of one that cannot be read, the provenance may still tell the moment.
        let own = provenance(&path).ok().flatten();
        let started = Started::of(stem.unwrap(), own.as_ref());
        let is_newer = |run: &Run| started.is_after(&run.started());
        // Of one that cannot be read, the last section tells.
        let is_paired = match provenance(&path) {
            Ok(own) => own.is_some_and(|own| own.contains_key("session")),
            Err(text) => text.rsplit("\\n").find(|line| line.starts_with('[')) == Some("[session]"),
        };
        demand(is_paired || !taken.iter().all(is_newer), format!("{} is newer", path.display()))?;
    }
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2] + values[(values.len() - 1) / 2]) / 2.0
}

fn has_no_regression(passed: &Passed, before: &[Run], after: &[Run]) -> Broken {
    let limit = if passed.competitive { 10.0 } else { 5.0 };
    let of = |side: &[Run], key: &str| median(side.iter().map(|run| run.number(key)));
    let change = |key: &str| match (of(before, key), of(after, key)) {
        (before, after) if before > 0.0 => (after - before) / before * 100.0,
        (_, after) if after > 0.0 => f64::INFINITY,
        _ => 0.0,
    };
    demand(passed.by_session || !beyond(change("p99_latency_ms"), limit), "P99")?;
    demand(!beyond(-change("overall_throughput"), limit), "throughput")?;
    let errors = median(after.iter().map(Run::error_rate)) - of(before, "overall_error_rate");
    demand(!beyond(errors * 100.0, 5.0), "error rate")?;
    let outweighed =
        ["p50_latency_ms", "p95_latency_ms"].map(|key| beyond(change(key), 4.0 * limit));
    demand(passed.by_session || outweighed != [true; 2], "against all other evidence")?;
    if passed.competitive {
        let competitor = passed.competitor_ms.ok_or("no competitor")?;
        let fall =
            (of(after, "p99_latency_ms") - of(before, "p99_latency_ms")) / competitor * 100.0;
        demand(!beyond(fall, 5.0), "the position")?;
    }
    Ok(())
}

/// Every record of pairs about the two servers passes: one that cannot be read may have been a regression, and one that
/// was archived as a regression is confirmed by none with the full plan.
fn sessions_pass(results: &Path, passed: &Passed, servers: [&String; 2], after: &Run) -> Broken {
    let short = |hash: &str| hash.chars().take(12).collect::<String>();
    let Some(scenario) = after.text("load.scenario_hash") else {
        return Ok(());
    };
    let mode = if passed.competitive { "competitive_" } else { "" };
    let [one, other] = servers;
    let stem = format!("{mode}{}-{}-{}-", short(one), short(other), short(scenario));
    let limit = if passed.competitive { 10.0 } else { 5.0 };
    let entries = fs::read_dir(results.join("sessions")).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name().into_string().unwrap();
        let is_archived = name.contains(".archived_");
        if !name.starts_with(&stem) || !(is_archived || name.ends_with(".toml")) {
            continue;
        }
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        let is_whole = text.starts_with("# perf-confirm session, format 2\n")
            && text.trim_end_matches('\n').ends_with("\n# end");
        let record = text.parse::<Table>().ok().filter(|_| is_whole);
        let figures = record.as_ref().and_then(SessionFigures::of);
        let (Some(record), Some(figures)) = (record, figures) else {
            demand(is_archived, format!("{name} is not whole"))?;
            continue;
        };
        let is_about = record.get("before").and_then(|of| of.as_str()) == Some(one)
            && record.get("after").and_then(|of| of.as_str()) == Some(other);
        let verdict = pairs_pass(&figures, limit);
        if is_about && (!is_archived || verdict == Err(SLOWER.to_owned())) {
            verdict.map_err(|why| format!("{name}: {why}"))?;
        }
    }
    Ok(())
}

const SLOWER: &str = "the pairs are slower";

/// What a record of pairs decides by.
struct SessionFigures {
    looks: Vec<usize>,
    /// Changes of P99 and P95 of each pair, as logarithms.
    p99: Vec<f64>,
    p95: Vec<f64>,
    after_has_failed: bool,
}

/// The looks of the longest plan; a shorter one ends earlier.
const LOOKS: [usize; 5] = [8, 12, 16, 24, 40];

impl SessionFigures {
    /// `None` where one is missing or of another kind, or the plan is none of the law's: the record is not whole.
    fn of(record: &Table) -> Option<Self> {
        let looks = record.get("looks")?.as_array()?.iter();
        let looks: Vec<usize> =
            looks.map(|look| usize::try_from(look.as_integer()?).ok()).collect::<Option<_>>()?;
        if looks.is_empty() || !LOOKS.starts_with(&looks) {
            return None;
        }
        let all = |key: &str| record.get(key).and_then(|of| of.as_array()).into_iter().flatten();
        let change = |pair: &toml::Value, key: &str| {
            let figure = |side: &str| pair.get(side)?.get(key)?.as_float();
            Some((figure("after")? / figure("before")?).ln())
        };
        let changes =
            |key: &str| all("pairs").map(|pair| change(pair, key)).collect::<Option<Vec<f64>>>();
        let after_has_failed = all("failures")
            .any(|of| of.get("side").and_then(|side| side.as_str()) == Some("after"));
        Some(Self { looks, p99: changes("p99_ms")?, p95: changes("p95_ms")?, after_has_failed })
    }
}

/// The exact signed-rank intervals at the looks of the record's plan. Undecided so far, it is no obstacle.
fn pairs_pass(figures: &SessionFigures, limit: f64) -> Broken {
    let SessionFigures { looks, p99, p95, after_has_failed } = figures;
    let margin = (1.0 + limit / 100.0).ln();
    let alpha = 0.02 / looks.len() as f64;
    for (index, look) in looks.iter().enumerate() {
        let (Some(p99), Some(p95)) = (p99.get(..*look), p95.get(..*look)) else {
            break;
        };
        let is_slower = |[lower, estimate, _]: [f64; 3]| lower > 0.0 && estimate > margin;
        let of_p99 = interval(p99, alpha);
        demand(!is_slower(of_p99), SLOWER)?;
        let is_vetoed = is_slower(interval(p95, alpha));
        let [_, estimate, upper] = of_p99;
        if upper < margin && !is_vetoed {
            break;
        }
        let is_last = index + 1 == looks.len();
        demand(!is_last || (estimate <= margin && !is_vetoed), "the pairs suspect it")?;
    }
    demand(!after_has_failed, "the after server failed")
}

/// Lower bound, estimate and upper bound.
fn interval(changes: &[f64], alpha: f64) -> [f64; 3] {
    let n = changes.len();
    // How many subsets of the ranks have each sum.
    let mut ways = vec![1.0];
    for rank in 1..=n {
        let mut more = vec![0.0; ways.len() + rank];
        for (sum, count) in ways.iter().enumerate() {
            more[sum] += count;
            more[sum + rank] += count;
        }
        ways = more;
    }
    let all = 2.0_f64.powi(i32::try_from(n).unwrap());
    let mut below = 0.0;
    let within = ways.iter().take_while(|count| {
        below += **count;
        below / all <= alpha
    });
    let c = within.count().checked_sub(1).expect("a look too early to decide");
    let mut walsh: Vec<f64> = (0..n)
        .flat_map(|i| (i..n).map(move |j| (i, j)))
        .map(|(i, j)| (changes[i] + changes[j]) / 2.0)
        .collect();
    walsh.sort_by(f64::total_cmp);
    [walsh[c], median(walsh.iter().copied()), walsh[walsh.len() - 1 - c]]
}

#[test]
fn the_interval_of_the_law_has_its_known_values() {
    // Walsh averages of the numbers 1, 2, 4, … differ, so that the bound shows which one was taken.
    for (n, c) in [(8, 0), (12, 7), (16, 19), (24, 61)] {
        let changes: Vec<f64> = (0..n).map(|i| f64::from(1_i32 << i)).collect();
        let mut walsh: Vec<f64> = (0..changes.len())
            .flat_map(|i| (i..changes.len()).map(move |j| (i, j)))
            .map(|(i, j)| (changes[i] + changes[j]) / 2.0)
            .collect();
        walsh.sort_by(f64::total_cmp);
        assert_eq!(interval(&changes, 0.02 / 4.0)[0], walsh[c], "{n}");
    }
}
