//! The pre-push hook, with real git: two repositories and real pushes.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::recording::Recording;
use common::{Checkout, TOOL, git};
use xtask::measure::content;

/// A checkout whose `main` is pushed to a bare remote, with the hook installed.
struct Pushing {
    checkout: Checkout,
    _remote: tempfile::TempDir,
}

/// What a push came to.
struct Push {
    passed: bool,
    said: String,
}

impl Pushing {
    fn new() -> Self {
        let pushing = Self::without_hook();
        pushing.hook("install");
        pushing
    }

    fn without_hook() -> Self {
        let checkout = Checkout::without_product();
        checkout.write("code.rs", "1");
        checkout.write(".gitignore", "/tmp\n");
        checkout.commit();
        let remote = tempfile::tempdir().unwrap();
        git(remote.path(), &["init", "--quiet", "--bare"]);
        let address = remote.path().to_str().unwrap();
        git(&checkout.path("."), &["remote", "add", "origin", address]);
        git(&checkout.path("."), &["push", "--quiet", "origin", "main"]);
        Self {
            checkout,
            _remote: remote,
        }
    }

    fn root(&self) -> std::path::PathBuf {
        self.checkout.path(".")
    }

    /// `hook ACTION` with the bare binary, which the hook then calls.
    fn hook(&self, action: &str) -> String {
        common::finish(self.checkout.command(&format!("hook {action}")))
            .succeeded()
            .output
    }

    /// Commits a change of the code, and returns its content.
    fn change(&self, code: &str) -> String {
        self.checkout.write("code.rs", code);
        self.commit_all();
        content::of_commit(&self.root(), "HEAD").unwrap()
    }

    fn commit_all(&self) {
        git(&self.root(), &["add", "--all"]);
        let who = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
        git(
            &self.root(),
            &[&who[..], &["commit", "--quiet", "-m", "change"]].concat(),
        );
    }

    fn push(&self, words: &[&str]) -> Push {
        self.push_with(words, |_| {})
    }

    fn push_with(&self, words: &[&str], set: impl Fn(&mut Command)) -> Push {
        let mut command = Command::new("git");
        command.arg("push").args(words).current_dir(self.root());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GIT_")
                || name.to_string_lossy().starts_with("CARGO_")
            {
                command.env_remove(name);
            }
        }
        command
            .env_remove("CI")
            .env_remove("PERF_TASK")
            .env_remove("PERF_SKIP");
        set(&mut command);
        let output = command.output().unwrap();
        Push {
            passed: output.status.success(),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Records a before on other content and an after on `content`.
    fn measured(&self, content: &str, after_p99: f64) {
        let write = |recording: Recording, content: &str| {
            let path = recording.write(&self.checkout);
            let diagnosis = path.to_str().unwrap().replace(".json", "_diag.txt");
            let text = fs::read_to_string(&diagnosis).unwrap();
            let known = xtask::record::provenance::Provenance::parse(&text)
                .unwrap()
                .unwrap();
            let mut changed = known;
            changed.build.content = Some(content.to_owned());
            fs::write(diagnosis, changed.to_text()).unwrap();
        };
        write(Recording::new().p99(1.0), "0123");
        write(Recording::new().after().p99(after_p99), content);
    }
}

const MAIN: [&str; 2] = ["origin", "main"];

#[test]
fn a_measured_regression_is_blocked_with_the_verdict_and_the_way_out() {
    let pushing = Pushing::new();
    let content = pushing.change("2");
    pushing.measured(&content, 2.0);
    let push = pushing.push(&MAIN);
    assert!(!push.passed, "{}", push.said);
    for part in [
        "REGRESSION",
        "P99 ms",
        "PERF_SKIP=1 git push",
        "--no-verify",
    ] {
        assert!(push.said.contains(part), "{part}: {}", push.said);
    }
}

#[test]
fn the_way_out_lets_a_regression_through() {
    let pushing = Pushing::new();
    let content = pushing.change("2");
    pushing.measured(&content, 2.0);
    let skipped = pushing.push_with(&MAIN, |command| {
        command.env("PERF_SKIP", "1");
    });
    assert!(skipped.passed, "{}", skipped.said);
}

#[test]
fn a_clean_verdict_passes_with_one_line() {
    let pushing = Pushing::new();
    let content = pushing.change("2");
    pushing.measured(&content, 1.01);
    let push = pushing.push(&MAIN);
    assert!(push.passed, "{}", push.said);
    assert_eq!(
        push.said.matches("no regression").count(),
        1,
        "{}",
        push.said
    );
}

#[test]
fn a_log_entry_committed_after_the_measurement_is_still_fresh() {
    let pushing = Pushing::new();
    let content = pushing.change("2");
    pushing.measured(&content, 1.01);
    pushing.checkout.write("roadmap/log.md", "entry");
    pushing.commit_all();
    let push = pushing.push(&MAIN);
    assert!(push.said.contains("no regression"), "{}", push.said);
}

#[test]
fn documents_alone_pass_in_silence() {
    let pushing = Pushing::new();
    git(&pushing.root(), &["config", "perf.required", "true"]);
    pushing.checkout.write("notes.md", "words");
    pushing.commit_all();
    let push = pushing.push(&MAIN);
    assert!(push.passed && !push.said.contains("perf"), "{}", push.said);
}

#[test]
fn tags_deletions_and_new_branches_without_commits_pass_in_silence() {
    let pushing = Pushing::new();
    git(&pushing.root(), &["config", "perf.required", "true"]);
    git(&pushing.root(), &["tag", "v1"]);
    for words in [
        &["origin", "v1"][..],
        &["origin", "main:other"],
        &["origin", ":other"],
    ] {
        let push = pushing.push(words);
        assert!(
            push.passed && !push.said.contains("no verdict"),
            "{words:?}: {}",
            push.said
        );
    }
}

#[test]
fn no_evidence_passes_with_a_warning_and_the_command_to_run() {
    let pushing = Pushing::new();
    pushing.change("2");
    let push = pushing.push(&MAIN);
    assert!(push.passed, "{}", push.said);
    assert!(push.said.contains("no verdict"), "{}", push.said);
    assert!(push.said.contains("cargo perf-check"), "{}", push.said);
}

#[test]
fn no_evidence_is_blocked_where_it_is_required() {
    let pushing = Pushing::new();
    git(&pushing.root(), &["config", "perf.required", "true"]);
    pushing.change("2");
    assert!(!pushing.push(&MAIN).passed);
}

#[test]
fn code_changed_since_the_measurement_is_no_evidence() {
    let pushing = Pushing::new();
    let content = pushing.change("2");
    pushing.measured(&content, 1.01);
    pushing.change("3");
    let push = pushing.push(&MAIN);
    assert!(
        push.passed && push.said.contains("no verdict"),
        "{}",
        push.said
    );
}

#[test]
fn in_ci_the_hook_is_silent() {
    let pushing = Pushing::new();
    let content = pushing.change("2");
    pushing.measured(&content, 2.0);
    let push = pushing.push_with(&MAIN, |command| {
        command.env("CI", "true");
    });
    assert!(push.passed && !push.said.contains("perf"), "{}", push.said);
}

#[test]
fn the_name_of_a_branch_hides_no_regression_that_was_measured_on_its_content() {
    let pushing = Pushing::new();
    let content = pushing.change("2");
    pushing.measured(&content, 2.0);
    let push = pushing.push(&["origin", "HEAD:refs/heads/task/008-other"]);
    assert!(
        !push.passed && push.said.contains("REGRESSION"),
        "{}",
        push.said
    );
}

#[test]
fn a_blocked_push_changes_nothing_at_the_remote() {
    let pushing = Pushing::new();
    let before = git(&pushing.root(), &["ls-remote", "origin"]);
    let content = pushing.change("2");
    pushing.measured(&content, 2.0);
    assert!(!pushing.push(&MAIN).passed);
    assert_eq!(git(&pushing.root(), &["ls-remote", "origin"]), before);
}

#[test]
fn a_linked_worktree_is_judged_by_its_own_results() {
    let pushing = Pushing::new();
    let linked = tempfile::tempdir().unwrap();
    let path = linked.path().join("linked tree");
    git(
        &pushing.root(),
        &[
            "worktree",
            "add",
            "--quiet",
            "-b",
            "side",
            path.to_str().unwrap(),
        ],
    );
    fs::write(path.join("code.rs"), "2").unwrap();
    let who = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
    git(
        &path,
        &[&who[..], &["commit", "--quiet", "--all", "-m", "change"]].concat(),
    );
    let output = Command::new("git")
        .args(["push", "origin", "side"])
        .current_dir(&path)
        .env_remove("CI")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("no verdict"),
        "{said}"
    );
}

/// Another's hook that writes down what it was given.
const ANOTHERS: &str = "#!/bin/sh\n{ echo \"$@\"; cat; } > \"$(git rev-parse --show-toplevel)/../heard\"\nexit $STATUS\n";

fn put_hook(pushing: &Pushing, text: &str) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let hook = pushing.checkout.path(".git/hooks/pre-push");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, text).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    hook
}

#[test]
fn anothers_hook_is_called_first_and_its_failure_is_respected() {
    let pushing = Pushing::without_hook();
    put_hook(&pushing, "#!/bin/sh\necho another; cat; exit 5\n");
    pushing.hook("install");
    pushing.change("2");
    let push = pushing.push(&MAIN);
    assert!(
        !push.passed && !push.said.contains("no verdict"),
        "{}",
        push.said
    );
}

#[test]
fn uninstalling_puts_anothers_hook_back_byte_for_byte() {
    let pushing = Pushing::without_hook();
    let hook = put_hook(&pushing, ANOTHERS);
    pushing.hook("install");
    assert_ne!(fs::read_to_string(&hook).unwrap(), ANOTHERS);
    pushing.hook("uninstall");
    assert_eq!(fs::read_to_string(&hook).unwrap(), ANOTHERS);
    assert_eq!(
        names(&pushing.checkout.path(".git/hooks"), "pre-push"),
        ["pre-push"]
    );
}

fn names(folder: &Path, prefix: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(prefix) && !name.ends_with(".sample"))
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn installing_twice_changes_nothing() {
    let pushing = Pushing::new();
    let hook = pushing.checkout.path(".git/hooks/pre-push");
    let once = fs::read_to_string(&hook).unwrap();
    assert!(pushing.hook("install").contains("already"));
    assert_eq!(fs::read_to_string(&hook).unwrap(), once);
}

#[test]
fn a_relative_hooks_path_is_found_from_the_root() {
    let pushing = Pushing::without_hook();
    git(&pushing.root(), &["config", "core.hooksPath", "hooks here"]);
    pushing.hook("install");
    assert!(pushing.checkout.path("hooks here/pre-push").exists());
    pushing.change("2");
    assert!(pushing.push(&MAIN).said.contains("no verdict"));
}

#[test]
fn a_tool_that_is_gone_lets_the_push_through_with_a_warning() {
    let pushing = Pushing::new();
    let hook = pushing.checkout.path(".git/hooks/pre-push");
    let script = fs::read_to_string(&hook)
        .unwrap()
        .replace(TOOL, "/nowhere/xtask");
    fs::write(&hook, script).unwrap();
    pushing.change("2");
    let push = pushing.push(&MAIN);
    assert!(
        push.passed && push.said.contains("no longer at"),
        "{}",
        push.said
    );
}
