//! The documents keep their word: every command in them is one that this tool takes, and the workflow is one.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

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
    let mut found = vec![root().join("README.md"), root().join("CLAUDE.md")];
    for folder in ["docs", "roadmap"] {
        found.extend(
            WalkDir::new(root().join(folder))
                .into_iter()
                .map(|entry| entry.unwrap().into_path())
                .filter(|path| path.extension().is_some_and(|kind| kind == "md")),
        );
    }
    found
}

/// The commands in a document: lines of code blocks, and code within a line. What has a placeholder in it is no
/// command, and neither is a command's bare name.
fn commands(document: &str) -> Vec<String> {
    let code = document.split('`').map(str::trim);
    let lines = document.lines().map(str::trim);
    code.chain(lines)
        .filter(|text| !text.contains('\n') && !text.contains(['<', '`', '…', '|']))
        .filter(|text| text.starts_with("cargo ") || text.starts_with("git commit "))
        .filter(|text| text.split_whitespace().count() > 2)
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
