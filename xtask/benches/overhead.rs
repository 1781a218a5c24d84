//! The cost of the gate itself: a table of medians and spreads, then each aim with its measured value.
//!
//! `cargo bench --package xtask --bench overhead`, with `-- --quick` after it for fewer repetitions. It is the tool as
//! it is used that is measured, built in the `dev` profile. Nothing fails for being slow: whoever reads judges.

use std::env;
use std::error::Error;
use std::fmt;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;
use toml::{Table, Value};
use xtask::measure::{content, host, process, shell};
use xtask::model::layout;
use xtask::model::provenance::Provenance;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    // Only `cargo bench` says so; `cargo test --benches` runs this, too, and wants no answer that takes minutes.
    if !words.iter().any(|word| word == "--bench") {
        println!("nothing measured: this is for cargo bench --package xtask --bench overhead");
        return ExitCode::SUCCESS;
    }
    let repetitions = match words.iter().any(|word| word == "--quick") {
        true => QUICK,
        false => FULL,
    };
    let machine = machine();
    match measure(&repetitions) {
        Ok(rows) => {
            println!("\n{machine}\n");
            print(&rows);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The number of measurements of each.
struct Repetitions {
    checks: usize,
    long_loads: usize,
    cold_builds: usize,
    helps: usize,
}

const FULL: Repetitions = Repetitions { checks: 7, long_loads: 3, cold_builds: 2, helps: 10 };

const QUICK: Repetitions = Repetitions { checks: 3, long_loads: 1, cold_builds: 1, helps: 5 };

/// Seconds of load where the time around it is measured.
const SHORT_LOAD: u32 = 2;
/// Seconds of load where CPU time is measured; a clock tick, where only ticks are shown, is 0.05 % of these.
const LONG_LOAD: u32 = 20;
/// Files in a repository of a realistic size.
const REALISTIC: usize = 3000;

/// The load: the one of every internal check.
const SCENARIO: &str = "scenarios/m17_baseline.toml";

/// The most seconds of a check that are neither build nor server start nor load.
const CHECK_AIM: f64 = 0.3;
/// The most CPU of the tool under load, in per cent of one core.
const CPU_AIM: f64 = 0.5;
/// The most of a cold build of xtask over that of its dependencies alone.
const COLD_BUILD_AIM: f64 = 1.15;
/// The most seconds of a command that does nothing.
const HELP_AIM: f64 = 0.2;

/// One line of the table.
struct Row {
    what: String,
    unit: &'static str,
    /// One value a repetition; none where the system does not show it.
    values: Vec<f64>,
    /// The limit of the median.
    aim: Option<f64>,
}

fn row(what: impl Into<String>, unit: &'static str, values: Vec<f64>, aim: Option<f64>) -> Row {
    Row { what: what.into(), unit, values, aim }
}

fn measure(repetitions: &Repetitions) -> Result<Vec<Row>> {
    say("building the stand-in and the tool");
    run(cargo().args(["build", "--quiet", "--release", "--package", "stand-in"]))?;
    run(cargo().args(["build", "--quiet", "--package", "xtask"]))?;
    let mut rows = checks(repetitions.checks)?;
    rows.extend(cpu_under_load(repetitions.long_loads)?);
    rows.extend(cold_builds(repetitions.cold_builds)?);
    rows.extend(help(repetitions.helps)?);
    Ok(rows)
}

/// A check's time beside build, server start and load; in turn, so that a slow minute meets all alike.
fn checks(repetitions: usize) -> Result<Vec<Row>> {
    say("checks in a small repository and in a large one");
    let (small, large) = (checkout(0)?, checkout(REALISTIC)?);
    // The first check makes the folders.
    overhead(tool(), small.path())?;

    let (mut in_small, mut in_large, mut typed) = (Vec::new(), Vec::new(), Vec::new());
    let (mut hashes, mut with_hashes) = (Vec::new(), Vec::new());
    for _ in 0..repetitions {
        in_small.push(overhead(tool(), small.path())?);
        let bare = overhead(tool(), large.path())?;
        let hash = content_hashes(large.path())?;
        in_large.push(bare);
        hashes.push(hash);
        with_hashes.push(bare + hash);
        typed.push(overhead(cargo(), large.path())?);
    }
    let aim = Some(CHECK_AIM);
    Ok(vec![
        row("check, small repository", "s", in_small, aim),
        row(format!("check, {REALISTIC} files"), "s", in_large, aim),
        row(format!("content hash of {REALISTIC} files, twice"), "s", hashes, None),
        row("both: check that builds, less cargo's time", "s", with_hashes, aim),
        row(format!("check, {REALISTIC} files, typed through cargo"), "s", typed, aim),
    ])
}

/// Wall time of one check less server start and load, in seconds.
fn overhead(program: Command, checkout: &Path) -> Result<f64> {
    let mut check = check(program, checkout, SHORT_LOAD)?;
    let began = Instant::now();
    run(&mut check)?;
    let wall = began.elapsed();
    let record = record(checkout)?;
    Ok(wall.as_secs_f64()
        - seconds(record.server.ready_seconds)?
        - seconds(record.server.load_seconds)?)
}

/// The seconds that a build adds to a check: the content hashes before and after it.
fn content_hashes(checkout: &Path) -> Result<f64> {
    let scratch = checkout.join(layout::RESULTS).join("scratch");
    let began = Instant::now();
    for _ in ["before the build", "after it"] {
        content::of_files(checkout, &scratch).ok_or("git cannot tell the content")?;
    }
    Ok(began.elapsed().as_secs_f64())
}

/// The tool's own CPU while the load runs, and its supervisor's.
fn cpu_under_load(repetitions: usize) -> Result<Vec<Row>> {
    say("the tool's own CPU under load");
    let checkout = checkout(0)?;
    let (mut tools, mut both) = (Vec::new(), Vec::new());
    for _ in 0..repetitions {
        let used = cpu_of_a_check(checkout.path())?;
        let load = seconds(record(checkout.path())?.server.load_seconds)?;
        if let Some([tool, supervisor]) = used {
            let percent = |time: Duration| time.as_secs_f64() / load * 100.0;
            tools.push(percent(tool));
            both.push(percent(tool + supervisor));
        }
    }
    Ok(vec![
        row("CPU of the tool under load", "%", tools, None),
        row("CPU with its supervisor's", "%", both, Some(CPU_AIM)),
    ])
}

/// The CPU time of a check and of its supervisor while its load runs; `None` where the system does not show it.
fn cpu_of_a_check(checkout: &Path) -> Result<Option<[Duration; 2]>> {
    let mut tool =
        check(tool(), checkout, LONG_LOAD)?.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let steps = BufReader::new(tool.stderr.take().ok_or("no standard error")?);
    let mut said = Vec::new();
    let mut supervisor = None;
    let mut readings = Vec::new();
    for line in steps.lines() {
        let line = line?;
        // Without a terminal the step is announced, and told again when it is done.
        if line.trim_start().starts_with("load ") {
            supervisor = supervisor.or_else(|| child_of(tool.id()));
            readings.push(
                cpu_time(tool.id()).zip(supervisor.and_then(cpu_time)).map(<[Duration; 2]>::from),
            );
        }
        said.push(line);
    }
    if !tool.wait()?.success() {
        return Err(said.join("\n").into());
    }
    Ok(match readings[..] {
        [Some([tool, supervisor]), Some([tool_later, supervisor_later])] => {
            Some([tool_later.saturating_sub(tool), supervisor_later.saturating_sub(supervisor)])
        }
        _ => None,
    })
}

/// CPU time of the threads that process `pid` has: to the nanosecond where Linux tells, as the clock tick that the
/// records have is more than a tool that idles well uses.
fn cpu_time(pid: u32) -> Option<Duration> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let nanoseconds: Option<u64> = threads
        .map(|thread| {
            let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        })
        .sum();
    nanoseconds.map(Duration::from_nanos).or_else(|| process::cpu_time(pid))
}

/// The child of process `parent`, which has one.
fn child_of(parent: u32) -> Option<u32> {
    process::all().find(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // <pid> (<name>) <state> <parent>; the name may hold anything.
        stat.rsplit_once(')').and_then(|(_, fields)| fields.split_whitespace().nth(1)?.parse().ok())
            == Some(parent)
    })
}

/// Cold builds of xtask and of an empty crate with its dependencies, in turn, each first as often as the other.
fn cold_builds(repetitions: usize) -> Result<Vec<Row>> {
    say("cold builds of xtask and of an empty crate with its dependencies");
    let empty = empty_crate()?;
    let xtask = || cold_build(workspace(), "xtask");
    let alone = || cold_build(empty.path(), "empty");
    let (mut whole, mut dependencies, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for repetition in 0..repetitions {
        let (with, without) = if repetition % 2 == 0 {
            let with = xtask()?;
            (with, alone()?)
        } else {
            let without = alone()?;
            (xtask()?, without)
        };
        whole.push(with);
        dependencies.push(without);
        ratios.push(with / without);
    }
    Ok(vec![
        row("cold build of xtask", "s", whole, None),
        row("cold build of its dependencies alone", "s", dependencies, None),
        row("ratio of the two", "times", ratios, Some(COLD_BUILD_AIM)),
    ])
}

/// Seconds to build `package` in `folder` with nothing built yet. Offline: that everything is downloaded is certain,
/// as this program was built.
fn cold_build(folder: &Path, package: &str) -> Result<f64> {
    let target = folder_of_its_own()?;
    let mut build = cargo();
    build
        .args(["build", "--quiet", "--offline", "--package", package])
        .arg("--target-dir")
        .arg(target.path())
        // A cache of compiled crates would make it warm.
        .env("RUSTC_WRAPPER", "")
        .current_dir(folder);
    let began = Instant::now();
    run(&mut build)?;
    Ok(began.elapsed().as_secs_f64())
}

/// A crate of one empty function, with xtask's dependencies, features and locked versions.
fn empty_crate() -> Result<TempDir> {
    let manifest: Table = fs::read_to_string(workspace().join("xtask/Cargo.toml"))?.parse()?;
    let dependencies = manifest.get("dependencies").ok_or("xtask has no dependencies")?;
    let package = Table::from_iter([
        ("name".to_owned(), Value::from("empty")),
        ("edition".to_owned(), Value::from("2024")),
    ]);
    let manifest = Table::from_iter([
        ("package".to_owned(), Value::Table(package)),
        ("workspace".to_owned(), Value::Table(Table::new())),
        ("dependencies".to_owned(), dependencies.clone()),
    ]);
    let folder = folder_of_its_own()?;
    fs::write(folder.path().join("Cargo.toml"), manifest.to_string())?;
    fs::copy(workspace().join("Cargo.lock"), folder.path().join("Cargo.lock"))?;
    fs::create_dir(folder.path().join("src"))?;
    fs::write(folder.path().join("src/main.rs"), "fn main() {}\n")?;
    Ok(folder)
}

/// The time until a command that has nothing to build and nothing to do is back.
fn help(repetitions: usize) -> Result<Vec<Row>> {
    say("cargo perf-check --help");
    let once = || -> Result<f64> {
        let began = Instant::now();
        run(cargo().args(["perf-check", "--help"]))?;
        Ok(began.elapsed().as_secs_f64())
    };
    once()?;
    let values = (0..repetitions).map(|_| once()).collect::<Result<_>>()?;
    Ok(vec![row("cargo perf-check --help, no change", "s", values, Some(HELP_AIM))])
}

/// A committed checkout with the workspace's scenarios and `files` files of source more.
fn checkout(files: usize) -> Result<TempDir> {
    let folder = folder_of_its_own()?;
    let root = folder.path();
    write(root, "Cargo.toml", "[workspace]\nresolver = \"3\"\n")?;
    write(root, ".gitignore", "/target\n/tmp\n")?;
    write(root, SCENARIO, &fs::read_to_string(workspace().join(SCENARIO))?)?;
    for number in 0..files {
        let path = format!("src/part_{}/file_{number}.rs", number / 30);
        let line = format!("pub fn number_{number}() -> usize {{ {number} }}\n");
        write(root, &path, &line.repeat(100))?;
    }
    git(root, &["init", "--quiet", "--initial-branch=main"])?;
    git(root, &["add", "--all"])?;
    git(root, &["commit", "--quiet", "--message=all"])?;
    Ok(folder)
}

/// Writes a file that was last changed an hour ago: git reads whatever changed in the second that it looked.
fn write(root: &Path, path: &str, text: &str) -> Result<()> {
    const HOUR: Duration = Duration::from_secs(60 * 60);
    let path = root.join(path);
    fs::create_dir_all(path.parent().ok_or("no folder")?)?;
    fs::write(&path, text)?;
    File::open(&path)?.set_modified(SystemTime::now() - HOUR)?;
    Ok(())
}

/// Runs git in `folder`, apart from the user's configuration.
fn git(folder: &Path, words: &[&str]) -> Result<()> {
    run(clean(Command::new("git"))
        .args(["-c", "user.name=bench", "-c", "user.email=bench@example.com"])
        .args(words)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .current_dir(folder))
}

/// `program perf-check` on `checkout`, with the binaries as they lie, on a free port.
fn check(mut program: Command, checkout: &Path, seconds: u32) -> Result<Command> {
    let recorded = checkout.join(layout::RESULTS);
    if recorded.exists() {
        fs::remove_dir_all(recorded)?;
    }
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    program
        .args(["perf-check", "bench", "before", "--no-build"])
        .args(["--duration", &seconds.to_string()])
        .args(["--port", &port.to_string()])
        .arg("-C")
        .arg(checkout);
    Ok(program)
}

/// The record of the only check on `checkout`.
fn record(checkout: &Path) -> Result<Provenance> {
    for entry in fs::read_dir(checkout.join(layout::RESULTS))? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with("_diag.txt") {
            let record = Provenance::parse(&fs::read_to_string(path)?);
            return record.map_err(|why| why.to_string())?.ok_or_else(|| "no record".into());
        }
    }
    Err("nothing was recorded".into())
}

/// A time in the record, in seconds.
fn seconds(recorded: Option<f64>) -> Result<f64> {
    recorded.ok_or_else(|| "a time is missing in the record".into())
}

/// The tool in the profile that the aliases run; cargo names the other one, in the folder beside.
fn tool() -> Command {
    let release = Path::new(env!("CARGO_BIN_EXE_xtask"));
    let profiles = release.ancestors().nth(2).unwrap_or(release);
    clean(Command::new(profiles.join("debug/xtask")))
}

/// `cargo` as a user types it, in the workspace.
fn cargo() -> Command {
    clean(Command::new("cargo"))
}

/// `command` in the workspace, without the variables of the cargo that runs this, with the same target directory.
fn clean(mut command: Command) -> Command {
    for name in shell::leaked_variables() {
        command.env_remove(name);
    }
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("STAND_IN_") || text.starts_with("ENGRAM_") {
            command.env_remove(&name);
        }
    }
    if let Some(target) = Path::new(env!("CARGO_TARGET_TMPDIR")).parent() {
        command.env("CARGO_TARGET_DIR", target);
    }
    command.current_dir(workspace()).stdin(Stdio::null());
    command
}

/// Runs to the end, silently.
fn run(command: &mut Command) -> Result<()> {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let mut said = String::new();
    if let Some(mut errors) = child.stderr.take() {
        errors.read_to_string(&mut said)?;
    }
    match child.wait()?.success() {
        true => Ok(()),
        false => Err(format!("{command:?} failed\n{said}").into()),
    }
}

/// On the disk that a checkout is on; a temporary folder may be in memory.
fn folder_of_its_own() -> Result<TempDir> {
    Ok(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?)
}

fn workspace() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// Where it stands, apart from the table.
fn say(what: &str) {
    eprintln!("measuring: {what}");
}

fn machine() -> String {
    let host = host::host();
    let known = |text: Option<String>| text.unwrap_or_else(|| "unknown".into());
    format!(
        "machine: {}, {} cores, {} MiB",
        known(host.cpu),
        known(host.cores.map(|cores| cores.to_string())),
        known(host.memory_mib.map(|size| size.to_string())),
    )
}

fn print(rows: &[Row]) {
    println!("{:<44} {:>4} {:>8} {:>8} {:>8}", "", "runs", "median", "least", "most");
    for row in rows {
        println!("{row}");
    }
    println!();
    for row in rows {
        if let Some(aim) = row.aim {
            println!("{}", verdict(row, aim));
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, unit, .. } = self;
        let sorted = sorted(&self.values);
        match (sorted.first(), median(&sorted), sorted.last()) {
            (Some(least), Some(median), Some(most)) => write!(
                f,
                "{what:<44} {:>4} {median:>8.3} {least:>8.3} {most:>8.3} {unit}",
                sorted.len()
            ),
            _ => write!(f, "{what:<44} not shown by this system"),
        }
    }
}

fn verdict(row: &Row, aim: f64) -> String {
    let Row { what, unit, .. } = row;
    match median(&sorted(&row.values)) {
        Some(median) if median <= aim => format!("met      {what}: {median:.3} of {aim} {unit}"),
        Some(median) => format!("NOT met  {what}: {median:.3} of {aim} {unit}"),
        None => format!("unknown  {what}: at most {aim} {unit}"),
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// The middle of sorted values, or the mean of the two middle ones.
fn median(sorted: &[f64]) -> Option<f64> {
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted.get(sorted.len().saturating_sub(1) / 2)?;
    Some(f64::midpoint(*lower, *upper))
}
