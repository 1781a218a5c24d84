//! The documents keep their word: every command in them is one that this tool takes, every option, file and link is
//! there, and a figure that two of them give is the same in both. The workflow is one that a runner takes.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use walkdir::WalkDir;
use xtask::commands::{self, Request};
use xtask::model::limits;
use xtask::model::names::Mode;
use yaml_rust2::{Yaml, YamlLoader};

use crate::common::recording::Recording;
use crate::common::{Checkout, finish, program};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn documents() -> Vec<PathBuf> {
    let mut found =
        ["README.md", "CLAUDE.md", "CONTRIBUTING.md"].map(|file| root().join(file)).to_vec();
    for folder in ["docs", "roadmap", "xtask/tests/data/README.md"] {
        found.extend(
            WalkDir::new(root().join(folder))
                .into_iter()
                .map(|entry| entry.unwrap().into_path())
                .filter(|path| path.extension().is_some_and(|kind| kind == "md")),
        );
    }
    found
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// The commands in a document: lines of console blocks and of sessions, and code within a line. What has a placeholder in
/// it is no command, and neither is a command's bare name.
fn commands(document: &str) -> Vec<String> {
    let blocks = document.split("```console\n").skip(1);
    let typed = blocks.flat_map(|block| block.lines().take_while(|line| line.trim() != "```"));
    let sessions = document.lines().filter_map(|line| line.strip_prefix("$ "));
    let is_known = |text: &&str| text.starts_with("cargo ") || text.starts_with("git commit ");
    let code = document.split('`').map(str::trim).filter(|text| {
        is_known(text) && !text.contains('\n') && text.split_whitespace().count() > 2
    });
    let all = typed.chain(sessions).chain(code).map(str::trim);
    all.filter(|text| !text.contains(['<', '…', '|']) || text.contains("| grep"))
        .map(str::to_owned)
        .collect()
}

/// Whether the command is one that can be typed: of this tool, of cargo with packages and targets that there are, or
/// a commit with its message.
fn check(command: &str) -> Result<(), String> {
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    match words.as_slice() {
        ["xtask", own @ ..] => takes(own),
        [own, ..] if own.starts_with("perf-") => takes(&words),
        ["build" | "test" | "bench" | "run", options @ ..] if command.starts_with("cargo") => {
            check_cargo(options)
        }
        ["commit", "-m", ..] if command.matches('"').count().is_multiple_of(2) => Ok(()),
        // Of other programs.
        ["clone", _, "../engram"] if command.starts_with("git") => Ok(()),
        ["apt-get", "install", _, ..] if command.starts_with("sudo") => Ok(()),
        [] if root().join(command).is_file() => Ok(()),
        ["f", "in", ..] if command.starts_with("for") => Ok(()),
        _ => Err("no command that this test knows".into()),
    }
}

/// As the aliases make it: without `cargo`, and without `xtask`.
fn takes(words: &[&str]) -> Result<(), String> {
    let read = commands::read(words.iter().map(OsString::from).collect());
    read.map(drop).map_err(|error| error.to_string())
}

const FOLDERS: [(&str, &str); 4] =
    [("--package", ""), ("--bench", "benches"), ("--test", "tests"), ("--bin", "src/bin")];
const FLAGS: [&str; 6] =
    ["--release", "--workspace", "--quiet", "--all-targets", "--lib", "--locked"];

/// What follows a `--` is the test runner's or the benchmark's own; a word without a dash is a filter.
fn check_cargo(options: &[&str]) -> Result<(), String> {
    let mut options =
        options.iter().map(|option| if *option == "-p" { "--package" } else { *option });
    while let Some(option) = options.next().filter(|option| *option != "--") {
        if FLAGS.contains(&option) || !option.starts_with('-') {
            continue;
        }
        let kind = FOLDERS.iter().find(|(known, _)| *known == option);
        let (Some((_, folder)), Some(name)) = (kind, options.next()) else {
            return Err(format!("{option}: no option that this test knows"));
        };
        let exists = ["xtask", "xtask/stand-in"].iter().any(|package| {
            let package = root().join(package);
            match *folder {
                "" => fs::read_to_string(package.join("Cargo.toml"))
                    .unwrap()
                    .contains(&format!("name = \"{name}\"")),
                folder => {
                    let target = package.join(folder).join(name);
                    target.with_extension("rs").exists() || target.join("main.rs").exists()
                }
            }
        });
        if !exists {
            return Err(format!("{option} {name} does not exist"));
        }
    }
    Ok(())
}

#[test]
fn every_command_in_a_document_can_be_typed() {
    let mut seen = 0;
    for path in documents() {
        for command in commands(&fs::read_to_string(&path).unwrap()) {
            let checked = check(&command);
            assert_eq!(checked, Ok(()), "{}: {command}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} commands were found");
}

#[test]
fn a_command_that_cannot_be_typed_is_found() {
    for wrong in [
        "cargo perf-compare 007 --lgo",
        "cargo xtask perf-confrim 007",
        "cargo bench --package xtask --bench nothing",
        "cargo test --package ytask",
        "cargo build --relaese",
        "git commit -m \"no end",
    ] {
        assert!(check(wrong).is_err(), "{wrong}");
    }
}

/// The workflow in `docs/ci.md`, as a YAML parser reads it.
fn workflow() -> Yaml {
    let document = fs::read_to_string(root().join("docs/ci.md")).unwrap();
    let (_, block) = document.split_once("```yaml\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    YamlLoader::load_from_str(block).unwrap().remove(0)
}

/// The steps of its only job.
fn steps() -> Vec<Yaml> {
    workflow()["jobs"]["performance"]["steps"].as_vec().unwrap().clone()
}

/// The only step with these words in its script.
fn step_with(words: &str) -> Yaml {
    let mut steps = steps();
    steps.retain(|step| step["run"].as_str().is_some_and(|script| script.contains(words)));
    assert_eq!(steps.len(), 1, "{words}: {steps:?}");
    steps.remove(0)
}

#[test]
fn the_workflow_of_the_document_is_one_that_a_runner_takes() {
    let workflow = workflow();
    let job = &workflow["jobs"]["performance"];
    assert!(workflow["on"].as_hash().unwrap().contains_key(&Yaml::from_str("pull_request")));
    assert_eq!(workflow["permissions"]["contents"].as_str(), Some("read"));
    assert_eq!(workflow["permissions"]["pull-requests"].as_str(), Some("write"));
    assert!(job["runs-on"].as_str().is_some() && job["timeout-minutes"].as_i64().is_some());
    let steps = steps();
    for step in &steps {
        let [uses, run] = ["uses", "run"].map(|key| step[key].as_str());
        assert!(uses.is_some() != run.is_some(), "one of the two: {step:?}");
        assert!(
            uses.is_none_or(|action| action.contains("/") && action.contains("@v")),
            "{uses:?}"
        );
    }
    assert_eq!(steps[0]["with"]["fetch-depth"].as_i64(), Some(0));
}

#[test]
fn every_step_of_the_workflow_that_tells_is_taken_after_a_failure_too() {
    let steps = steps();
    let measures = |step: &Yaml| step["run"].as_str().is_some_and(|run| run.contains("--base "));
    let measured = steps.iter().position(measures).unwrap();
    let told = &steps[measured + 1..];
    assert_eq!(told.len(), 3);
    for step in told {
        assert!(step["if"].as_str().is_some_and(|when| when.starts_with("always()")), "{step:?}");
    }
}

#[test]
fn every_command_of_the_workflow_can_be_typed() {
    let mut seen = 0;
    for script in steps().iter().filter_map(|step| step["run"].as_str()) {
        for command in script.lines().filter(|line| line.starts_with("cargo ")) {
            assert_eq!(check(command), Ok(()), "{command}");
            seen += 1;
        }
    }
    assert_eq!(seen, 2);
}

/// A checkout in which the workflow has told the verdict on these.
fn told(recordings: &[Recording]) -> Checkout {
    let checkout = Checkout::to_compare();
    for recording in recordings {
        recording.clone().task("pr").write(&checkout);
    }
    let step = step_with("cargo perf-compare");
    let words = step["run"].as_str().unwrap().strip_prefix("cargo ").unwrap();
    finish(checkout.command(words));
    checkout
}

#[test]
fn a_comment_of_a_failure_begins_as_one_of_a_verdict() {
    let first_line = |recordings: &[Recording]| {
        let text = fs::read_to_string(told(recordings).path("performance.md")).unwrap();
        text.lines().next().map(str::to_owned)
    };
    let judged = first_line(&[Recording::new(), Recording::new().after()]);
    assert_eq!(judged.as_deref(), Some("<!-- perf-gate pr internal -->"));
    assert_eq!(first_line(&[]), judged);
}

#[test]
fn the_workflow_updates_its_comment_and_writes_none_beside_it() {
    let comment = step_with("gh api");
    let checkout = told(&[Recording::new(), Recording::new().after()]);
    let programs = tempfile::tempdir().unwrap();
    program(
        &programs.path().join("gh"),
        "#!/bin/sh\necho \"$*\" >> calls\ncase \"$*\" in *--paginate*) cat comments ;; esac\n",
    );
    let path = std::env::var("PATH").unwrap();
    for (known, wanted) in [
        ("", "--method POST repos/o/r/issues/12/comments --field body=@performance.md"),
        ("7\n8\n", "--method PATCH repos/o/r/issues/comments/7 --field body=@performance.md"),
    ] {
        checkout.write("comments", known);
        checkout.write("calls", "");
        // As a runner runs it.
        let mut script = std::process::Command::new("bash");
        script.args(["-e", "-c", comment["run"].as_str().unwrap()]);
        script.current_dir(checkout.path(""));
        script.env("PATH", format!("{}:{path}", programs.path().display()));
        script.env("ISSUES", "repos/o/r/issues").env("NUMBER", "12");
        finish(script).succeeded();
        let calls = fs::read_to_string(checkout.path("calls")).unwrap();
        let calls: Vec<&str> = calls.lines().collect();
        let [asked, written] = calls[..] else { panic!("{calls:?}") };
        assert!(asked.contains("startswith(\"<!-- perf-gate pr internal -->\")"), "{asked}");
        assert_eq!(written, format!("api {wanted}"));
    }
}

#[test]
fn every_link_in_a_document_leads_somewhere() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let mut seen = 0;
    for path in documents() {
        for found in link.captures_iter(&text(&path)) {
            let (file, heading) = found[1].split_once('#').unwrap_or((&found[1], ""));
            if file.starts_with("https://") {
                continue;
            }
            let target = if file.is_empty() { path.clone() } else { path.with_file_name(file) };
            assert!(target.is_file(), "{}: {}", path.display(), &found[1]);
            let headings = if heading.is_empty() { String::new() } else { text(&target) };
            let is_there =
                headings.lines().any(|line| line.starts_with('#') && anchor(line) == heading);
            assert!(heading.is_empty() || is_there, "{}: {}", path.display(), &found[1]);
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen} links were found");
}

/// The name that a link calls a heading by.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Options of cargo, git, the test runner and `setpriv` that documents name.
const OF_OTHERS: [&str; 8] = [
    "--bin",
    "--ignored",
    "--nocapture",
    "--package",
    "--pdeathsig",
    "--release",
    "--unset",
    "--workspace",
];

#[test]
fn every_option_in_a_document_is_one() {
    let option = Regex::new(r"--[a-z][a-z-]+").unwrap();
    let options = |text: &str| -> Vec<String> {
        option.find_iter(text).map(|found| found.as_str().to_owned()).collect()
    };
    let help = |name: &str| match commands::read([name, "--help"].map(OsString::from).to_vec()) {
        Ok(Request::Help(text)) => text,
        _ => panic!("{name} has no help"),
    };
    let names = [
        "perf-check",
        "perf-compare",
        "perf-confirm",
        "perf-history",
        "perf-review",
        "perf-selftest",
        "hook",
    ];
    let mut known: Vec<String> = names.iter().flat_map(|name| options(help(name))).collect();
    known.extend(["--help", "--version", "--bench", "--test"].map(str::to_owned));
    for own in
        ["stand-in/src/bin/loadtest.rs", "benches/compare.rs", "benches/gate_quality/main.rs"]
    {
        known.extend(options(&text(&root().join("xtask").join(own))));
    }
    let code = Regex::new("`[^`\n]+`").unwrap();
    for path in documents() {
        for code in code.find_iter(&text(&path)) {
            for option in options(code.as_str()) {
                let is_one = known.contains(&option) || OF_OTHERS.contains(&option.as_str());
                assert!(is_one, "{}: {option}", path.display());
            }
        }
    }
}

/// What the tool makes when it is asked to, and what a checkout may have.
const MADE: [&str; 2] = ["roadmap/milestone-17/accepted_regressions.toml", "rust-toolchain.toml"];

#[test]
fn every_file_that_a_document_names_is_there() {
    let hidden = ["target", "tmp", ".git"];
    let walk = WalkDir::new(root()).into_iter();
    let files = walk.filter_entry(|entry| !hidden.iter().any(|name| entry.file_name() == *name));
    let files: Vec<PathBuf> = files.map(|entry| entry.unwrap().into_path()).collect();
    let name = Regex::new(r"`([A-Za-z0-9_.][A-Za-z0-9_./-]*\.(?:rs|md|toml|jsonl|svg))`").unwrap();
    let mut seen = 0;
    for path in documents() {
        for name in name.captures_iter(&text(&path)) {
            let is_there = files.iter().any(|file| file.ends_with(&name[1]));
            assert!(is_there || MADE.contains(&&name[1]), "{}: {}", path.display(), &name[1]);
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen} names were found");
}

/// The cells of the rows that begin with `name`, in the tables of the tool's performance.
fn measured(name: &str) -> Vec<Vec<String>> {
    let document = text(&root().join("docs/performance.md"));
    let rows = document.lines().filter(|line| line.starts_with(&format!("| {name} |")));
    rows.map(|row| row.split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn the_error_rates_of_the_readme_are_those_of_the_benchmark() {
    let readme = text(&root().join("README.md"));
    let readme = readme.split_whitespace().collect::<Vec<_>>().join(" ");
    let single: Vec<_> =
        measured("1 run a side").into_iter().filter(|row| row.len() == 12).collect();
    let range = |cell: usize| {
        let rates = single.iter().map(|row| row[cell].parse().unwrap());
        let [low, high] =
            rates.fold([100.0_f64, 0.0], |[low, high], rate| [low.min(rate), high.max(rate)]);
        format!("{low:.1} to {high:.1} %")
    };
    let shared = measured("duet-shared | 1000 | nothing").remove(0);
    let [passed, duets, minutes] = [11, 13, 14].map(|cell| shared[cell].as_str());
    let duets: f64 = duets.parse().unwrap();
    for stated in [
        format!("with itself** are called regressed ({} of them)", range(2)),
        format!("a loss of 25 % passes in {}", range(8)),
        format!("{passed} of the sessions pass, after {duets:.0} duets in {minutes} minutes"),
    ] {
        assert!(readme.contains(&stated), "README.md: {stated}");
    }
}

/// The lines that the README shows below a command.
pub fn in_readme(command: &str) -> impl Iterator<Item = &'static str> {
    let readme = include_str!("../../../README.md");
    let (_, shown) = readme.split_once(&format!("$ cargo {command}\n")).unwrap();
    let shown = shown.lines().take_while(|line| !line.starts_with("$ ") && *line != "```");
    shown.filter(|line| *line != "...")
}

/// A line with a mark for each number, and with single spaces.
pub fn without_figures(line: &str) -> String {
    let figure = Regex::new(r"[+-]?[0-9][0-9_.]*").unwrap();
    figure.replace_all(line, "#").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_verdicts_of_the_readme_are_such_as_the_tool_prints() {
    // What the snapshots show was measured on no stand-in, and their lines are parted elsewhere.
    let plain = |text: &str| without_figures(text).replace(", stand-in", "");
    let folder = root().join("xtask/tests/snapshots");
    let snapshots = WalkDir::new(folder).into_iter().map(|entry| entry.unwrap().into_path());
    let snapshots = snapshots.filter(|path| path.extension().is_some_and(|kind| kind == "txt"));
    let printed: Vec<String> = snapshots.map(|path| plain(&text(&path))).collect();
    for command in ["perf-compare 007", "perf-confirm 007"] {
        for line in in_readme(command).map(plain) {
            assert!(printed.iter().any(|text| text.contains(&line)), "{line}");
        }
    }
}

#[test]
fn a_table_of_figures_is_below_the_command_that_measures_them() {
    let document = text(&root().join("docs/performance.md"));
    for section in document.split("\n## ").skip(1).filter(|section| section.contains("\n|")) {
        let command = section.find("```console\ncargo ");
        assert!(command.is_some_and(|at| at < section.find("\n|").unwrap()), "{section}");
    }
}

#[test]
fn the_workflow_states_the_limits_that_decide() {
    let [internal, competitive] =
        Mode::ALL.map(|mode| format!("{}%", limits::threshold_percent(mode)));
    let errors = format!("{} points", limits::ERROR_RATE_POINTS);
    let position = format!("{} points less", limits::POSITION_POINTS);
    let failed = format!("{}%", limits::FAILED_BEFORE * 100.0);
    for (document, stated) in [
        (
            "CLAUDE.md",
            vec![
                format!("worse by more than {internal}, or errors rose by more than {errors}"),
                format!("slower by more than {competitive}, errors rose by more than {errors}"),
            ],
        ),
        (
            "roadmap/milestone-17/PERFORMANCE_WORKFLOW.md",
            vec![
                format!(
                    "| internal | at most +{internal} | at least -{internal} | at most +{errors} |"
                ),
                format!(
                    "| competitive | at most +{competitive} | at least -{competitive} | at most +{errors} |"
                ),
                format!("more than {position}"),
            ],
        ),
        ("docs/migration.md", vec![format!("more than {failed} of the requests before failed")]),
    ] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for stated in stated {
            assert!(text.contains(&stated), "{document}: {stated}");
        }
    }
}

#[test]
fn every_alias_names_a_command() {
    let text = fs::read_to_string(root().join(".cargo/config.toml")).unwrap();
    let config: toml::Table = text.parse().unwrap();
    for (alias, _) in config["alias"].as_table().unwrap() {
        let words = vec![OsString::from(alias), OsString::from("--help")];
        let is_command = matches!(commands::read(words), Ok(Request::Help(_)));
        assert!(alias == "xtask" || is_command, "{alias}");
    }
}

#[test]
fn the_product_and_not_the_tool_is_built_by_default() {
    let text = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let members = manifest["workspace"]["default-members"].as_array().unwrap();
    assert!(members.iter().all(|member| member.as_str() != Some("xtask")), "{members:?}");
}

#[test]
fn the_tool_has_exactly_the_eight_dependencies() {
    let text = fs::read_to_string(root().join("xtask/Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let names: Vec<&str> =
        manifest["dependencies"].as_table().unwrap().keys().map(String::as_str).collect();
    let mut eight =
        ["xshell", "duct", "serde_json", "toml", "pico-args", "walkdir", "regex", "time"];
    eight.sort_unstable();
    assert_eq!(names, eight);
}
