//! The hook and the tool that it calls: through cargo, with a cargo that fails, and with none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::common::project::{Project, assert_has, done, git};
use crate::common::{TOOL, copy_program, finish, program, programs_without, tool};

/// The package of the tool under test.
const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

mod through_cargo {
    use super::*;

    #[test]
    fn a_regression_is_blocked() {
        let project = Project::without_hook();
        install(&project, Path::new(PACKAGE));
        project.regressed();
        let said = finish(through_cargo(project.push_command("origin main"))).blocked();
        assert_has(&said, &["REGRESSION: 007 internal", "push of main blocked"]);
    }

    #[test]
    fn what_to_run_names_the_other_checkout() {
        let project = Project::without_hook();
        install(&project, Path::new(PACKAGE));
        project.clean();
        project.change("a third\n");
        let said = finish(through_cargo(project.push_command("origin main"))).passed();
        let checkout = fs::canonicalize(project.folder()).unwrap();
        assert_has(&said, &[&format!("cargo perf-check 007 after -C '{}'\n", checkout.display())]);
    }

    #[test]
    fn neither_the_network_nor_the_lock_file_is_touched() {
        let project = with_cargo_that("echo \"$@\" >\"$(dirname \"$0\")/notes\"; echo decided");
        project.project.change("another\n");
        let mut push = project.project.push_command("origin main");
        push.env("PATH", project.path());
        finish(push).passed_silently();
        let words = fs::read_to_string(project.notes()).unwrap();
        assert_has(&words, &["--locked", "--offline"]);
    }

    /// With what the test runner has built already.
    fn through_cargo(mut push: Command) -> Command {
        let target = Path::new(TOOL).ancestors().nth(2).unwrap();
        push.env("CARGO_TARGET_DIR", target);
        push
    }
}

mod a_tool_that_does_not_run {
    use super::*;

    #[test]
    fn for_want_of_cargo_lets_the_push_through_with_a_warning() {
        let project = with_cargo_that("");
        let path = programs_without("cargo");
        warns(&project, path.path().as_os_str().to_str().unwrap(), "exit 127");
    }

    #[test]
    fn as_it_does_not_compile_lets_the_push_through_with_a_warning() {
        let project = with_cargo_that("echo 'error: it does not compile' >&2; exit 101");
        warns(&project, &project.path(), "exit 101");
    }

    #[test]
    fn for_want_of_a_toolchain_lets_the_push_through_with_a_warning() {
        // As rustup does.
        let project = with_cargo_that("echo 'error: no toolchain' >&2; exit 1");
        warns(&project, &project.path(), "exit 1");
    }

    #[test]
    fn to_its_end_lets_the_push_through_with_a_warning() {
        let project = with_cargo_that("kill -9 $$");
        warns(&project, &project.path(), "exit 137");
    }

    #[test]
    fn and_says_that_all_is_well_is_not_believed() {
        let project = with_cargo_that("exit 0");
        warns(&project, &project.path(), "exit 0");
    }

    /// Checks that a push passes with a warning, and is blocked where a verdict is required.
    #[track_caller]
    fn warns(project: &WithCargo, path: &str, why: &str) {
        let push = || {
            let mut push = project.project.push_command("origin main");
            push.env("PATH", path);
            finish(push)
        };
        project.project.change("another\n");
        project.project.require();
        assert_has(&push().blocked(), &["warning", why, "nothing was judged"]);
        project.project.git("config --unset perf.required");
        assert_has(&push().passed(), &["warning", why, "nothing was judged"]);
    }
}

mod a_tool_that_is_built {
    use super::*;

    #[test]
    fn is_called_without_cargo() {
        let project = Project::without_hook();
        let package = tempfile::tempdir().unwrap();
        fs::write(package.path().join("Cargo.toml"), "").unwrap();
        let mut install = tool("hook install -C");
        install.arg(project.folder()).env("CARGO_MANIFEST_DIR", package.path());
        finish(install).succeeded();
        project.regressed();
        let path = programs_without("cargo");
        let mut push = project.push_command("origin main");
        push.env("PATH", path.path());
        finish(push).blocked();
    }
}

mod a_tool_that_moved {
    use super::*;

    #[test]
    fn lets_the_push_through_and_says_what_to_do() {
        let project = moved();
        let said = project.push("origin main").passed();
        assert_has(&said, &["warning", "no longer at", "cargo xtask hook install -C"]);
    }

    #[test]
    fn blocks_where_a_verdict_is_required() {
        let project = moved();
        project.require();
        let said = project.push("origin main").blocked();
        assert_has(&said, &["no longer at", "perf.required is true"]);
    }

    #[test]
    fn works_again_once_it_is_installed_from_where_it_is() {
        let project = moved();
        finish(project.tool("hook install")).succeeded();
        project.push("origin main").blocked();
    }

    /// A regression, and the tool gone.
    fn moved() -> Project {
        let project = Project::without_hook();
        let (_folder, copy) = copied_tool();
        let mut install = Command::new(&copy);
        install
            .args(["hook", "install"])
            .env_remove("CARGO_MANIFEST_DIR")
            .current_dir(project.folder());
        finish(install).succeeded();
        project.regressed();
        project
    }
}

mod gits_own_variables {
    use super::*;

    #[test]
    fn do_not_reach_cargo() {
        let project = with_cargo_that("env >\"$(dirname \"$0\")/notes\"; echo decided");
        let worktree = project.tool.path().join("linked worktree");
        let mut add = git(project.project.folder(), "worktree add --quiet -b feature");
        add.arg(&worktree);
        finish(add).succeeded();
        done(&worktree, "commit --quiet --allow-empty --message=empty");
        for folder in [project.project.folder(), &worktree] {
            let mut push = git(folder, "-c some.thing=1 push --quiet origin HEAD:refs/heads/x");
            push.env("PATH", project.path());
            assert_eq!(finish(push).passed(), "");
            let environment = fs::read_to_string(project.notes()).unwrap();
            let leaked: Vec<&str> = done(folder, "rev-parse --local-env-vars")
                .lines()
                .filter_map(|name| {
                    environment.lines().find(|line| line.starts_with(&format!("{name}=")))
                })
                .map(|line| Box::leak(line.to_owned().into_boxed_str()) as &str)
                .collect();
            assert_eq!(leaked, Vec::<&str>::new());
        }
    }

    #[test]
    fn given_by_the_user_lead_to_the_repository_that_they_name() {
        let project = Project::new();
        project.regressed();
        let mut push = git(Path::new("/"), "push --quiet origin main");
        push.env("GIT_DIR", project.checkout.path(".git")).env("GIT_WORK_TREE", project.folder());
        finish(push).blocked();
    }

    #[test]
    fn that_name_a_working_tree_of_no_repository_hide_no_regression() {
        let project = Project::new();
        project.regressed();
        let elsewhere = tempfile::tempdir().unwrap();
        let mut push = git(Path::new("/"), "push --quiet origin main");
        push.env("GIT_DIR", project.checkout.path(".git")).env("GIT_WORK_TREE", elsewhere.path());
        finish(push).blocked();
    }

    #[test]
    fn that_stand_for_the_folder_of_the_repository_hide_no_regression() {
        let project = Project::new();
        project.regressed();
        let folder = project.checkout.path(".git");
        finish(git(&folder, "push --quiet origin main")).blocked();
    }
}

/// A project whose hook calls cargo, and a cargo of the test's own.
struct WithCargo {
    project: Project,
    tool: TempDir,
}

impl WithCargo {
    /// The search path with that cargo in it.
    fn path(&self) -> String {
        format!("{}:{}", self.tool.path().join("bin").display(), std::env::var("PATH").unwrap())
    }

    /// The file in which that cargo may leave notes.
    fn notes(&self) -> PathBuf {
        self.tool.path().join("bin/notes")
    }
}

fn with_cargo_that(does: &str) -> WithCargo {
    let tool = tempfile::Builder::new().prefix("a tool ").tempdir().unwrap();
    fs::write(tool.path().join("Cargo.toml"), "").unwrap();
    program(&tool.path().join("bin/cargo"), &format!("#!/bin/sh\n{does}\n"));
    let project = Project::without_hook();
    install(&project, tool.path());
    WithCargo { project, tool }
}

/// Installs as if cargo had built the tool in `package` and run it; what it built is gone, as after `cargo clean`.
fn install(project: &Project, package: &Path) {
    let (_folder, copy) = copied_tool();
    let mut command = Command::new(&copy);
    command
        .args(["hook", "install", "-C"])
        .arg(project.folder())
        .env("CARGO_MANIFEST_DIR", package)
        .current_dir(project.folder());
    finish(command).succeeded();
}

/// The tool's program, which goes with its folder.
fn copied_tool() -> (TempDir, PathBuf) {
    let folder = tempfile::Builder::new().prefix("a tool ").tempdir().unwrap();
    let copy = folder.path().join("xtask");
    copy_program(Path::new(TOOL), &copy);
    (folder, copy)
}
