//! What is shown where cargo has to build the tool first.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use toml::Table;
use xtask::measure::shell::leaked_variables;

/// Longer than the half second for which cargo shows nothing.
const SLOW_BUILD_SCRIPT: &str = "fn main() {
    println!(\"cargo::rerun-if-changed=build.rs\");
    std::thread::sleep(std::time::Duration::from_secs(2));
}";

/// A package of the tool's name, with the tool's alias.
fn slow_to_build() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cargo/config.toml");
    let config: Table = fs::read_to_string(config).unwrap().parse().unwrap();
    let alias = Table::from_iter([("alias".to_owned(), config["alias"].clone())]);
    let manifest = "[package]\nname = \"xtask\"\nedition = \"2024\"\n[workspace]\n";
    for (name, text) in [
        (".cargo/config.toml", &*alias.to_string()),
        ("Cargo.toml", manifest),
        ("build.rs", SLOW_BUILD_SCRIPT),
        ("src/main.rs", "fn main() { println!(\"run\"); }"),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn call(folder: &Path) -> Output {
    let mut cargo = Command::new(env!("CARGO"));
    for name in leaked_variables() {
        cargo.env_remove(name);
    }
    cargo.arg("perf-check").current_dir(folder).env("CARGO_TARGET_DIR", "target").output().unwrap()
}

#[test]
fn the_first_call_shows_what_is_built_and_the_next_one_nothing() {
    let folder = slow_to_build();
    let said = |output: Output| {
        assert_eq!(output.stdout, b"run\n", "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let first = said(call(folder.path()));
    assert!(first.contains("0/3: xtask(build.rs)"), "{first:?}");
    assert_eq!(said(call(folder.path())), "");
}
