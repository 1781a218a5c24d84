//! What the benchmarks of whole commands share: what was asked for, the tool as it is used, and a row of figures.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use xtask::stats::numbers::median;

const FULL: usize = 21;
const QUICK: usize = 5;

/// How often to measure; `None` where this is not `cargo bench`: `cargo test --benches` runs it, too, and wants no
/// answer that takes minutes.
pub fn repetitions(bench: &str) -> Option<usize> {
    let words: Vec<String> = env::args().skip(1).collect();
    let has = |flag: &str| words.iter().any(|word| word == flag);
    match (has("--bench"), has("--quick")) {
        (false, _) => {
            println!("nothing measured: this is for cargo bench --package xtask --bench {bench}");
            None
        }
        (true, true) => Some(QUICK),
        (true, false) => Some(FULL),
    }
}

/// The tool in the profile that the aliases run; cargo names the other one, in the folder beside.
pub fn built_as_used() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let target = target.parent().unwrap_or(target);
    let mut build = Command::new("cargo");
    for name in xtask::measure::shell::leaked_variables() {
        build.env_remove(name);
    }
    let built = build
        .args(["build", "--quiet", "--package", "xtask"])
        .env("CARGO_TARGET_DIR", target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.is_ok_and(|status| status.success()), "xtask does not build");
    target.join("debug/xtask")
}

/// What the columns are.
pub fn heading() -> String {
    format!("{:<44} {:>4} {:>9} {:>9} {:>9}", "", "runs", "median", "least", "most")
}

/// One line of the table.
pub fn row(what: &str, unit: &str, values: Vec<f64>) -> String {
    let number = values.len();
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let middle = median(values).unwrap_or(f64::NAN);
    format!("{what:<44} {number:>4} {middle:>9.3} {least:>9.3} {most:>9.3} {unit}")
}
