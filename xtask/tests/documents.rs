//! The documents keep their word: every command in them is one that this tool takes.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;
use xtask::args::{self, Command};

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

/// The commands of this tool in a document: lines of code blocks, and code within a line. What has a placeholder in
/// it is no command, and neither is a command's bare name.
fn commands(document: &str) -> Vec<String> {
    let code = document.split('`').map(str::trim);
    let lines = document.lines().map(str::trim);
    code.chain(lines)
        .filter(|text| !text.contains('\n') && !text.contains(['<', '`', '…', '|']))
        .filter(|text| text.starts_with("cargo perf-") || text.starts_with("cargo xtask "))
        .filter(|text| text.split_whitespace().count() > 2)
        .map(str::to_owned)
        .collect()
}

/// As the aliases make it: without `cargo`, and without `xtask`.
fn words(command: &str) -> Vec<OsString> {
    let words = command.split_whitespace().skip(1);
    words
        .skip_while(|word| *word == "xtask")
        .map(OsString::from)
        .collect()
}

#[test]
fn every_command_in_a_document_is_one_that_the_tool_takes() {
    let mut seen = 0;
    for path in documents() {
        for command in commands(&fs::read_to_string(&path).unwrap()) {
            let parsed = args::parse(words(&command));
            assert!(parsed.is_ok(), "{}: {command}: {parsed:?}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 10, "only {seen} commands were found");
}

#[test]
fn every_alias_names_a_command() {
    let text = fs::read_to_string(root().join(".cargo/config.toml")).unwrap();
    let config: toml::Table = text.parse().unwrap();
    for (alias, _) in config["alias"].as_table().unwrap() {
        let words = vec![OsString::from(alias), OsString::from("--help")];
        let parsed = args::parse(words);
        assert!(
            alias == "xtask" || matches!(parsed, Ok(Command::Help(_))),
            "{alias}: {parsed:?}"
        );
    }
}

#[test]
fn the_product_and_not_the_tool_is_built_by_default() {
    let text = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let members = manifest["workspace"]["default-members"].as_array().unwrap();
    assert!(
        members
            .iter()
            .all(|member| member.as_str() != Some("xtask")),
        "{members:?}"
    );
}

#[test]
fn the_tool_has_exactly_the_eight_dependencies() {
    let text = fs::read_to_string(root().join("xtask/Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let names: Vec<&str> = manifest["dependencies"]
        .as_table()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut eight = [
        "xshell",
        "duct",
        "serde_json",
        "toml",
        "pico-args",
        "walkdir",
        "regex",
        "time",
    ];
    eight.sort_unstable();
    assert_eq!(names, eight);
}
