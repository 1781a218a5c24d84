//! `perf-confirm --base`: one call builds both sides and measures them, and leaves the checkout as it was.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use xtask::measure::content;
use xtask::model::inputs::Inputs;
use xtask::model::provenance::{Git, Provenance};

use crate::check::building::sources;
use crate::common::project::{assert_has, done, git, name_committer};
use crate::common::{
    Checkout, Finished, finish, program, source_that_becomes, stand_in, wait_until,
};
use crate::confirm::{confirm, pairs_on_record};

/// The sources of a stand-in whose server is fast, all committed to `main`.
fn committed() -> Checkout {
    let checkout = sources();
    name_committer(&checkout.path(""));
    checkout
}

/// The same, with a server that ends at once and is not committed: a call ends when before has been measured.
fn broken() -> Checkout {
    let checkout = committed();
    write_server(&checkout, "std::process::exit(7);");
    checkout
}

/// Writes a server that does `first` before it becomes the stand-in's.
fn write_server(checkout: &Checkout, first: &str) {
    let server = source_that_becomes(&stand_in().join("engram"));
    let server = server.replace("panic!(", &format!("{first}\n    panic!("));
    checkout.write("engram-cli/main.rs", server);
}

fn commit(checkout: &Checkout) {
    done(&checkout.path(""), "commit --quiet --all --message=change");
}

fn confirmed(checkout: &Checkout, options: &str) -> Finished {
    let finished = finish(confirm(checkout, options));
    checkout.assert_nothing_runs();
    finished
}

/// What a user would miss or find if the checkout had been touched.
fn state(checkout: &Checkout) -> [String; 8] {
    let folder = checkout.path("");
    let questions = [
        "--no-optional-locks status --porcelain --branch -- . :(exclude)tmp",
        "worktree list --porcelain",
        "for-each-ref",
        "reflog",
        "stash list",
        "config --local --list",
        "symbolic-ref HEAD",
        "hash-object --no-filters .git/index",
    ];
    questions.map(|words| done(&folder, words))
}

/// The run of a side that was measured alone; the newest.
fn alone(checkout: &Checkout, side: &str) -> Provenance {
    let names = checkout.recorded();
    let diagnoses = names.iter().rev().filter(|name| name.ends_with("_diag.txt"));
    let of_side = diagnoses.filter(|name| name.contains(&format!("_{side}_")));
    let mut runs = of_side.map(|name| Provenance::parse(&checkout.read(name)).unwrap().unwrap());
    runs.find(|run| run.session.is_none()).unwrap()
}

#[test]
fn before_is_built_and_measured_beside_the_checkout_which_stays_as_it_is() {
    let checkout = broken();
    let hook = format!("#!/bin/sh\ntouch '{}'\n", checkout.path("hooked").display());
    program(&checkout.path(".git/hooks/post-checkout"), &hook);
    let before = state(&checkout);
    confirmed(&checkout, "--base main").refused();
    assert_eq!(state(&checkout), before);
    assert!(alone(&checkout, "before").build.engram_hash.is_some());
}

#[test]
fn a_side_of_a_commit_has_its_provenance_and_the_settings_of_the_other() {
    let checkout = broken();
    assert_has(&confirmed(&checkout, "--base main").refused(), &["server"]);
    let before = alone(&checkout, "before");
    let commit = done(&checkout.path(""), "rev-parse HEAD");
    let branch = Some("main".to_owned());
    assert_eq!(before.git, Some(Git { commit: Some(commit.clone()), branch, dirty: false }));
    let list = checkout.read(&format!("sources/{}.txt", before.build.inputs.unwrap()));
    let inputs = Inputs::parse(&list).unwrap();
    let content = content::of_commit(&checkout.path(""), &commit, &inputs);
    assert!(content.is_some() && before.build.content == content, "{content:?}");
    assert!(before.build.by_this_run);

    // As a check of the checkout itself has it.
    done(&checkout.path(""), "checkout --quiet .");
    let words = format!("perf-check 008 before --duration 1 --port {}", checkout.port());
    finish(checkout.command(&words)).succeeded();
    let checked = alone(&checkout, "before");
    assert_eq!(checked.run.name.get(..4), Some("008_"));
    assert_eq!(checked.build.settings, before.build.settings);
    assert_eq!(checked.build.content, before.build.content);
}

#[test]
fn perf_compare_and_the_hook_give_the_verdict_of_its_record() {
    let checkout = committed();
    write_server(&checkout, "command.env(\"STAND_IN_WAIT_US\", \"25000\");");
    let folder = checkout.path("");
    let remote = tempfile::tempdir().unwrap();
    done(remote.path(), "init --quiet --bare");
    done(&folder, &format!("remote add origin {}", remote.path().display()));
    done(&folder, "push --quiet origin main");
    finish(checkout.command("hook install")).succeeded();
    let finished = confirmed(&checkout, "--base origin/main");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    // Both alone, and the pairs.
    assert_eq!((pairs_on_record(&checkout), checkout.results().len()), (8, 2 + 16));

    let compared = finish(checkout.command("perf-compare 007"));
    assert_eq!(compared.code, Some(1), "{compared:?}");
    assert_has(&compared.output, &["paired session of 8 pairs", " on origin/main, "]);
    commit(&checkout);
    let said = finish(git(&folder, "push --quiet origin main")).blocked();
    assert_has(&said, &["REGRESSION: 007", "paired session of 8 pairs"]);
}

#[test]
fn a_revision_that_git_does_not_know_is_named_with_what_to_do() {
    let checkout = broken();
    let message = confirmed(&checkout, "--base mian").refused();
    assert_has(&message, &["git knows no commit `mian`", "git branch --all", "--unshallow"]);
    assert!(!checkout.path("target/builds").exists(), "nothing is built");
}

#[test]
fn a_commit_with_the_present_source_is_the_same_server() {
    let checkout = committed();
    checkout.write("README.md", "No input of the build.\n");
    let mut elsewhere = confirm(&checkout, "--base HEAD -C");
    elsewhere.arg(checkout.path("")).current_dir("/");
    let finished = finish(elsewhere).succeeded();
    assert_has(&finished.errors, &["before is the same: HEAD has the source that is checked out"]);
    assert_has(&finished.output, &["same server: 007"]);
    assert_eq!(checkout.results().len(), 2, "each alone, and no pair");
    finish(checkout.command("perf-compare 007")).succeeded();
}

#[test]
fn binaries_that_are_kept_of_the_commit_are_not_built_again() {
    let checkout = committed();
    let words = format!("perf-check 006 after --duration 1 --port {}", checkout.port());
    finish(checkout.command(&words)).succeeded();
    // Another commit, of the same source.
    done(&checkout.path(""), "commit --quiet --allow-empty --message=words");
    write_server(&checkout, "std::process::exit(7);");
    let message = confirmed(&checkout, "--base main").refused();
    assert_has(&message, &["before is kept from an earlier build of main"]);
    assert!(!checkout.path("target/perf/base").exists(), "{message}");
    let (kept, measured) = (alone(&checkout, "after").build, alone(&checkout, "before").build);
    assert!(kept.engram_hash.is_some() && kept.engram_hash == measured.engram_hash);
}

#[test]
fn a_side_that_was_measured_alone_already_is_not_measured_alone_again() {
    let checkout = broken();
    confirmed(&checkout, "--base main").refused();
    let again = confirmed(&checkout, "--base main").refused();
    assert!(!again.contains("measuring before alone"), "{again}");
    assert_eq!(checkout.results().len(), 1);
}

#[test]
fn files_that_git_ignores_are_those_of_the_checkout_on_both_sides() {
    let checkout = committed();
    done(&checkout.path(""), "rm --quiet --cached Cargo.lock");
    checkout.write(".gitignore", "/target\n/tmp\nCargo.lock\n");
    commit(&checkout);
    write_server(&checkout, "std::process::exit(7);");
    let message = confirmed(&checkout, "--base HEAD").refused();
    assert_has(&message, &["with the checkout's own Cargo.lock, which HEAD does not have"]);
    let before = alone(&checkout, "before");
    assert_eq!(before.build.ignored_inputs, Some(vec!["Cargo.lock".to_owned()]));
    assert!(before.build.content.is_some());
}

#[test]
fn a_commit_with_another_configuration_of_cargo_is_refused_before_it_is_built() {
    let checkout = broken();
    let before = state(&checkout);
    let configuration = fs::read(checkout.path(".cargo/config.toml")).unwrap();
    checkout.write(".cargo/config.toml", "[build]\nrustflags = [\"--cfg\", \"other\"]\n");
    let message = confirmed(&checkout, "--base main").refused();
    assert_has(&message, &[".cargo/config.toml is another one in that commit"]);
    checkout.assert_nothing_is_saved();
    checkout.write(".cargo/config.toml", configuration);
    assert_eq!(state(&checkout), before);
}

#[test]
fn killed_while_before_is_built_it_leaves_nothing_that_the_next_call_does_not_remove() {
    let checkout = committed();
    let (hold, held) = (checkout.path("target/hold"), checkout.path("target/held"));
    checkout.write("engram-cli/build.rs", build_script_that_waits(&hold, &held));
    commit(&checkout);
    checkout.write("engram-cli/build.rs", "fn main() {}\n");
    write_server(&checkout, "std::process::exit(7);");
    // A working tree of the user's on a disk that is not there now.
    let disk = tempfile::tempdir().unwrap();
    let words = format!("worktree add --quiet --detach {}/users", disk.path().display());
    done(&checkout.path(""), &words);
    fs::remove_dir_all(disk.path().join("users")).unwrap();
    let before = state(&checkout);

    checkout.write("target/hold", "");
    let mut tool = silent(confirm(&checkout, "--base main")).spawn().unwrap();
    wait_until("the build of before", || held.exists());
    tool.kill().unwrap();
    tool.wait().unwrap();
    fs::remove_file(&hold).unwrap();
    wait_until("the end of all it started", || checkout.running().is_empty());
    checkout.assert_nothing_is_saved();

    confirmed(&checkout, "--base main").refused();
    assert!(alone(&checkout, "before").build.engram_hash.is_some());
    assert_eq!(state(&checkout), before);
}

/// Makes `held` and waits, as long as there is `hold`.
fn build_script_that_waits(hold: &Path, held: &Path) -> String {
    format!(
        "fn main() {{\n    while std::path::Path::new({hold:?}).exists() {{\n        \
         std::fs::write({held:?}, \"\").unwrap();\n        \
         std::thread::sleep(std::time::Duration::from_millis(10));\n    }}\n}}\n"
    )
}

fn silent(mut command: Command) -> Command {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}
