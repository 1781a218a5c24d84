//! The shapes that a push can have, and that a blocked one leaves no trace.

use std::fs;
use std::path::Path;

use xtask::measure::content;
use xtask::store::results::Results;
use xtask::store::sources;

use crate::common::finish;
use crate::common::project::{
    Project, as_fast, assert_has, before, done, git, inputs, keep_inputs, name_committer, slower,
};

#[test]
fn a_new_branch_with_a_regression_is_blocked() {
    let project = Project::new();
    project.git("switch --quiet --create feature");
    project.regressed();
    project.push("--set-upstream origin feature").blocked();
    assert_eq!(project.on_remote("feature"), "");
}

#[test]
fn a_regression_pushed_from_a_detached_head_is_blocked() {
    let project = Project::new();
    project.git("switch --quiet --detach");
    project.regressed();
    let said = project.push("origin HEAD:refs/heads/x").blocked();
    assert_has(&said, &["push of x blocked"]);
}

#[test]
fn a_forced_push_of_a_regression_is_blocked() {
    let project = Project::new();
    project.change("pushed\n");
    project.push("--no-verify origin main").passed_silently();
    project.git("reset --quiet --hard HEAD~1");
    project.regressed();
    project.push("--force origin main").blocked();
}

#[test]
fn a_forced_push_over_a_commit_that_is_not_known_here_is_judged() {
    let project = Project::new();
    push_from_elsewhere(&project);
    project.regressed();
    project.push("--force origin main").blocked();
}

#[test]
fn a_forced_push_of_a_clean_change_over_a_commit_that_is_not_known_here_passes() {
    let project = Project::new();
    project.require();
    push_from_elsewhere(&project);
    project.clean();
    project.push("--force origin main").passed();
}

#[test]
fn one_regression_among_several_branches_blocks_them_all() {
    let project = Project::new();
    project.git("branch documents");
    project.git("switch --quiet documents");
    project.checkout.write("docs/more.txt", "more");
    project.commit();
    project.git("switch --quiet --create feature main");
    project.regressed();
    let said = project.push("origin documents feature").blocked();
    assert_has(&said, &["push of feature blocked"]);
    assert!(!said.contains("push of documents blocked"), "{said}");
    assert_eq!(project.on_remote("documents"), "");
}

#[test]
fn a_regression_is_blocked_whatever_comes_after_it() {
    let project = Project::new();
    project.git("switch --quiet --create a-regression");
    project.regressed();
    project.git("switch --quiet --create nothing-known main");
    project.change("a third\n");
    let said = project.push("origin --all").blocked();
    assert_has(&said, &["push of a-regression blocked", "nothing-known: no verdict"]);
}

#[test]
fn many_branches_of_one_content_are_judged_once() {
    let project = Project::new();
    let tip = project.clean();
    project.git("branch other");
    project.git("commit --quiet --allow-empty --message=empty");
    let said = project.push("origin main other").passed();
    assert_eq!(said.matches("no regression").count(), 1, "{said}");
    project.record(&slower().at("20251108_150000"), Some(&tip));
    let said = project
        .push("origin HEAD:refs/heads/a HEAD:refs/heads/b HEAD:refs/heads/c HEAD:refs/heads/d");
    let said = said.blocked();
    assert_eq!(said.matches("REGRESSION: 007").count(), 1, "{said}");
    assert_has(&said, &["push of a, b, c and 1 more blocked"]);
}

#[test]
fn what_is_not_known_of_many_contents_is_said_once() {
    let project = Project::new();
    project.clean();
    for number in 0..4 {
        project.git(&format!("switch --quiet --create more-{number}"));
        project.change(&format!("of {number}\n"));
    }
    let said = project.push("origin more-0 more-1 more-2 more-3").passed();
    assert_eq!(said.matches("the code changed since").count(), 1, "{said}");
    assert_has(&said, &["more-0, more-1, more-2 and 1 more: no verdict"]);
}

#[test]
fn every_content_has_a_verdict_of_its_own() {
    let project = Project::new();
    project.clean();
    project.git("switch --quiet --create slow");
    let tip = project.change("slow\n");
    project.record(&slower().task("008"), Some(&tip));
    project.record(&before().task("008"), Some("earlier content"));
    let said = project.push("origin main slow").blocked();
    assert_has(&said, &["no regression: 007", "push of slow blocked"]);
}

#[test]
fn a_merge_that_was_not_measured_is_not_known() {
    let project = Project::new();
    project.git("switch --quiet --create feature");
    project.checkout.write("src/client.rs", "another\n");
    project.commit();
    project.git("switch --quiet main");
    project.clean();
    project.git("merge --quiet --no-edit feature");
    assert_has(&project.push("origin main").passed(), &["the code changed since"]);
}

#[test]
fn a_merge_that_was_measured_is_judged() {
    let project = Project::new();
    project.git("switch --quiet --create feature");
    project.checkout.write("src/client.rs", "another\n");
    project.commit();
    project.git("switch --quiet main");
    project.clean();
    project.git("merge --quiet --no-edit feature");
    project.record(&slower().at("20251108_150000"), Some(&project.content()));
    project.push("origin main").blocked();
}

#[test]
fn a_regression_in_a_shallow_clone_is_blocked() {
    let project = Project::new();
    project.change("history\n");
    project.push("--no-verify origin main").passed_silently();
    let clones = tempfile::tempdir().unwrap();
    let clone = shallow_clone(&project, clones.path());
    finish_in(&clone, "hook install");
    let content = || xtask::measure::content::of_commit(&clone, "HEAD", &inputs()).unwrap();
    project.record(&before(), Some(&content()));
    fs::write(clone.join("src/server.rs"), "another\n").unwrap();
    done(&clone, "commit --quiet --all --message=another");
    project.record(&slower(), Some(&content()));
    carry_results(&project, &clone);
    finish(git(&clone, "push --quiet origin HEAD:main")).blocked();
    finish(git(&clone, "push --quiet origin HEAD:refs/heads/new")).blocked();
}

#[test]
fn documents_in_a_shallow_clone_pass_silently() {
    let project = Project::new();
    project.change("history\n");
    project.push("--no-verify origin main").passed_silently();
    let clones = tempfile::tempdir().unwrap();
    let clone = shallow_clone(&project, clones.path());
    finish_in(&clone, "hook install");
    done(&clone, "config perf.required true");
    keep_inputs(&clone);
    fs::write(clone.join("README.md"), "more").unwrap();
    done(&clone, "add --all");
    done(&clone, "commit --quiet --message=more");
    for branch in ["main", "refs/heads/new"] {
        finish(git(&clone, &format!("push --quiet origin HEAD:{branch}"))).passed_silently();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_branch_whose_name_is_not_utf_8_hides_no_regression() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let project = Project::new();
    let mut branch = git(project.folder(), "branch");
    branch.arg(OsStr::from_bytes(b"caf\xe9"));
    finish(branch).succeeded();
    project.regressed();
    let output = project.push_command("origin --all").output().unwrap();
    assert!(!output.status.success());
    assert_has(&String::from_utf8_lossy(&output.stderr), &["push of main blocked"]);
}

#[test]
fn a_regression_pushed_by_address_is_blocked() {
    let project = Project::new();
    project.regressed();
    let mut push = project.push_command("");
    push.arg(project.remote()).arg("main");
    finish(push).blocked();
}

#[test]
fn a_new_branch_pushed_by_address_without_new_commits_or_results_passes_silently() {
    let project = Project::new();
    project.require();
    let mut push = project.push_command("");
    push.arg(project.remote()).arg("main:refs/heads/copy");
    finish(push).passed_silently();
}

#[test]
fn a_local_ref_with_spaces_hides_no_regression() {
    let project = Project::new();
    project.regressed();
    let mut commit = git(project.folder(), "commit --quiet --amend --only --message");
    commit.arg("fix a bug");
    finish(commit).succeeded();
    let mut push = project.push_command("origin");
    push.arg("HEAD^{/fix a bug}:refs/heads/x");
    finish(push).blocked();
}

#[test]
fn a_merge_of_what_the_remote_has_on_another_branch_alone_is_not_known() {
    let project = Project::new();
    project.require();
    project.git("push --quiet --no-verify origin main:refs/heads/feature");
    project.change("of main\n");
    project.git("push --quiet --no-verify origin main");
    project.git("switch --quiet --create feature main~1");
    project.git("merge --quiet --no-ff --no-edit main");
    assert_has(&project.push("origin feature").blocked(), &["no verdict on feature"]);
}

#[test]
fn what_a_remote_with_a_longer_name_has_hides_no_regression() {
    let project = Project::new();
    let folder = tempfile::tempdir().unwrap();
    done(folder.path(), "init --quiet --bare");
    project.git("remote rename origin team");
    let mut add = git(project.folder(), "remote add team/sub");
    add.arg(folder.path());
    finish(add).succeeded();
    project.regressed();
    project.git("push --quiet --no-verify team/sub main");
    project.push("team main").blocked();
}

#[test]
fn a_commit_that_another_one_replaces_hides_no_regression() {
    let project = Project::new();
    project.regressed();
    let clean = project.git("commit-tree HEAD~1^{tree} -p HEAD~1 -m clean");
    project.git(&format!("replace HEAD {clean}"));
    project.push("origin main").blocked();
}

#[test]
fn an_input_that_was_not_there_and_that_an_older_list_lacks_does_not_come_unnoticed() {
    let project = Project::new();
    let mut older = inputs();
    assert!(older.repository.remove("src/client.rs"));
    sources::keep(&Results::of(project.folder()), &older).unwrap();
    project.clean();
    project.push("--dry-run origin main").passed();
    project.checkout.write("src/client.rs", "slow\n");
    project.commit();
    assert_has(&project.push("origin main").passed(), &["the code changed since"]);
}

#[test]
fn an_ignored_input_that_only_another_worktree_has_hides_no_regression_of_it() {
    let project = Project::new();
    let (older, tip) = (project.content(), project.regressed());
    fs::write(project.checkout.path(".git/info/exclude"), ".env\n").unwrap();
    project.checkout.write(".env", "slow\n");
    let mut list = inputs();
    list.disk.insert(".env".to_owned());
    let kept = sources::keep(&Results::of(project.folder()), &list).unwrap();
    let of = |commit| content::of_commit(project.folder(), commit, &list).unwrap();
    for result in project.checkout.results() {
        let diagnosis = result.replace(".json", "_diag.txt");
        let text = project.checkout.read(&diagnosis);
        let text = text.replace(&keep_inputs(project.folder()), &kept);
        let text = text.replace(&older, &of("HEAD~1")).replace(&tip, &of("HEAD"));
        fs::write(project.recorded(&diagnosis), text).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let worktree = folder.path().join("linked");
    let mut add = git(project.folder(), "worktree add --quiet --detach");
    add.arg(&worktree);
    finish(add).succeeded();
    finish(git(&worktree, "push --quiet origin HEAD:main")).blocked();
}

#[test]
fn a_tracked_branch_that_git_cannot_read_hides_no_regression() {
    let project = Project::new();
    project
        .checkout
        .write(".git/refs/remotes/origin/broken", "1234567890123456789012345678901234567890\n");
    project.regressed();
    project.push("origin main").blocked();
}

#[test]
fn a_blocked_push_alters_nothing() {
    let project = Project::new();
    project.regressed();
    project.checkout.write("src/not_committed.rs", "yet\n");
    project.checkout.write("src/staged.rs", "yet\n");
    project.git("add src/staged.rs");
    let had = project.everything();
    project.push("origin main").blocked();
    assert_eq!(had, project.everything());
}

#[test]
fn a_push_blocked_for_want_of_a_verdict_alters_nothing() {
    let project = Project::new();
    project.require();
    project.change("another\n");
    let had = project.everything();
    project.push("origin main").blocked();
    assert_eq!(had, project.everything());
}

#[test]
fn a_push_that_the_remote_refuses_alters_nothing() {
    let project = Project::new();
    push_from_elsewhere(&project);
    project.clean();
    let had = project.everything();
    assert_eq!(project.push("origin main").code, Some(1));
    assert_eq!(had, project.everything());
}

#[test]
fn a_dry_run_is_judged_as_the_push_would_be() {
    let project = Project::new();
    project.regressed();
    project.push("--dry-run origin main").blocked();
}

#[test]
fn the_outcome_of_a_push_by_hand_is_an_exit_code() {
    let project = Project::new();
    let tip = project.regressed();
    project.record(&as_fast().task("008"), Some(&tip));
    let line = format!(
        "refs/heads/main {} refs/heads/main {}\n",
        project.git("rev-parse HEAD"),
        project.git("rev-parse HEAD~1")
    );
    let input = project.checkout.path("tmp/input");
    fs::write(&input, line).unwrap();
    let mut command = project.tool("hook pre-push origin");
    command.stdin(fs::File::open(input).unwrap());
    let finished = finish(command);
    assert_eq!((finished.code, finished.output.as_str()), (Some(1), "decided\n"));
}

/// Somebody else commits to the remote's `main`.
fn push_from_elsewhere(project: &Project) {
    let folder = tempfile::tempdir().unwrap();
    let clone = folder.path().join("clone");
    let mut command = git(folder.path(), "clone --quiet");
    command.arg(project.remote()).arg(&clone);
    finish(command).succeeded();
    name_committer(&clone);
    fs::write(clone.join("src/server.rs"), "of somebody else\n").unwrap();
    done(&clone, "commit --quiet --all --message=theirs");
    done(&clone, "push --quiet origin HEAD:main");
}

fn shallow_clone(project: &Project, folder: &Path) -> std::path::PathBuf {
    let clone = folder.join("shallow");
    let mut command = git(folder, "clone --quiet --depth 1 --branch main");
    // Only by an address of this kind is a local clone shallow.
    command.arg(format!("file://{}", project.remote().display())).arg(&clone);
    finish(command).succeeded();
    assert_eq!(done(&clone, "rev-parse --is-shallow-repository"), "true");
    name_committer(&clone);
    clone
}

fn finish_in(folder: &Path, words: &str) {
    let mut command = crate::common::tool(words);
    command.current_dir(folder);
    finish(command).succeeded();
}

/// Copies what is recorded to another checkout.
fn carry_results(project: &Project, to: &Path) {
    keep_inputs(to);
    let to = to.join("tmp/m17_performance");
    fs::create_dir_all(&to).unwrap();
    for name in project.checkout.results() {
        let diagnosis = name.replace(".json", "_diag.txt");
        for name in [name, diagnosis] {
            fs::copy(project.recorded(&name), to.join(&name)).unwrap();
        }
    }
}
