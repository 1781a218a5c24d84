//! Setting the hook up where people keep their hooks, and leaving theirs alone.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::project::{Project, as_fast, assert_has, before, done, files, git, keep_inputs};
use crate::common::{Checkout, TOOL, finish, on_a_full_disk, program, programs_without, tool};

/// A hook of somebody else, which notes what it is given.
const ANOTHERS: &str = "#!/bin/sh\n\
    printf '%s\\n' \"$@\" >tmp/arguments\ncat >tmp/input\n[ ! -e tmp/fail ] || exit 7\n";

fn hook(project: &Project) -> PathBuf {
    project.checkout.path(".git/hooks/pre-push")
}

fn kept(project: &Project) -> PathBuf {
    hook(project).with_file_name("pre-push.kept-by-perf-gate")
}

/// A project with somebody else's hook, and ours after it.
fn after_anothers() -> Project {
    let project = Project::without_hook();
    program(&hook(&project), ANOTHERS);
    fs::create_dir_all(project.checkout.path("tmp")).unwrap();
    install(&project);
    project
}

fn install(project: &Project) -> String {
    finish(project.tool("hook install")).succeeded().output
}

fn uninstall(project: &Project) -> String {
    finish(project.tool("hook uninstall")).succeeded().output
}

fn status(project: &Project) -> String {
    finish(project.tool("hook status")).succeeded().output
}

/// What `hook status` says where no hook of ours is; its exit code says so, too.
fn not_installed(project: &Project) -> String {
    let finished = finish(project.tool("hook status"));
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert_has(&finished.output, &["not installed"]);
    finished.output
}

mod places {
    use super::*;

    #[test]
    fn the_main_checkout() {
        let project = Project::without_hook();
        assert_has(&install(&project), &["installed", ".git/hooks/pre-push"]);
        project.regressed();
        project.push("origin main").blocked();
    }

    #[test]
    fn a_subfolder() {
        let project = Project::without_hook();
        let folder = project.checkout.path("src");
        let mut command = tool("hook install");
        command.current_dir(&folder);
        finish(command).succeeded();
        project.regressed();
        finish(git(&folder, "push --quiet origin main")).blocked();
    }

    #[test]
    fn a_repository_without_a_folder_for_hooks() {
        let project = Project::without_hook();
        fs::remove_dir_all(project.checkout.path(".git/hooks")).unwrap();
        install(&project);
        project.regressed();
        project.push("origin main").blocked();
    }

    #[test]
    fn a_linked_worktree() {
        let project = Project::without_hook();
        let (_folder, worktree) = linked_worktree(&project);
        let mut command = tool("hook install");
        command.current_dir(&worktree);
        finish(command).succeeded();
        blocks_in_worktree(&project, &worktree);
    }

    #[test]
    fn the_main_checkout_serves_its_linked_worktrees() {
        let project = Project::new();
        let (_folder, worktree) = linked_worktree(&project);
        blocks_in_worktree(&project, &worktree);
    }

    #[test]
    fn an_absolute_hooks_path() {
        let project = Project::without_hook();
        let folder = tempfile::Builder::new().prefix("all my hooks ").tempdir().unwrap();
        let mut config = git(project.folder(), "config core.hooksPath");
        config.arg(folder.path());
        finish(config).succeeded();
        install(&project);
        assert!(folder.path().join("pre-push").exists());
        assert!(!hook(&project).exists());
        project.regressed();
        project.push("origin main").blocked();
    }

    #[test]
    fn a_relative_hooks_path() {
        let project = Project::without_hook();
        project.git("config core.hooksPath .githooks");
        let mut command = tool("hook install");
        command.current_dir(project.checkout.path("src"));
        finish(command).succeeded();
        assert!(project.checkout.path(".githooks/pre-push").exists());
        fs::remove_file(project.checkout.path(".githooks/pre-push")).unwrap();
        install(&project);
        project.git("config core.excludesFile .gitignore");
        project.checkout.write(".gitignore", "/tmp\n/.githooks\n");
        project.commit();
        project.git("push --quiet --no-verify origin main");
        project.regressed();
        project.push("origin main").blocked();
    }

    #[test]
    fn a_relative_hooks_path_of_a_linked_worktree() {
        let project = Project::without_hook();
        let (_folder, worktree) = linked_worktree(&project);
        project.git("config core.hooksPath .git-hooks");
        fs::write(project.checkout.path(".git/info/exclude"), "/.git-hooks\n").unwrap();
        let mut command = tool("hook install");
        command.current_dir(&worktree);
        finish(command).succeeded();
        assert!(worktree.join(".git-hooks/pre-push").exists());
        project.regressed();
        fs::rename(project.checkout.path("tmp"), worktree.join("tmp")).unwrap();
        done(&worktree, "merge --quiet main");
        finish(git(&worktree, "push --quiet origin feature")).blocked();
    }

    #[test]
    fn a_hooks_path_for_every_repository_is_refused() {
        let project = Project::without_hook();
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("settings");
        let hooks = folder.path().join("hooks");
        fs::write(&settings, format!("[core]\nhooksPath = {}\n", hooks.display())).unwrap();
        let install = || {
            let mut install = project.tool("hook install");
            install.env("GIT_CONFIG_GLOBAL", &settings);
            finish(install)
        };
        let message = install().refused();
        assert_has(&message, &["all repositories", "global"]);
        assert!(!hooks.exists());
        let command = message.split("of its own: ").nth(1).unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(project.folder());
        finish(shell).succeeded();
        install().succeeded();
        assert!(hook(&project).exists());
    }

    #[test]
    fn a_second_checkout_in_the_same_repository_is_refused() {
        let project = Project::without_hook();
        for name in ["first", "second"] {
            project.checkout.write(&format!("{name}/file"), "");
        }
        install_into(&project.checkout.path("first"));
        let had = files(project.folder());
        let mut command = tool("hook install -C");
        command.arg(project.checkout.path("second"));
        let first = fs::canonicalize(project.checkout.path("first")).unwrap();
        assert_has(&finish(command).refused(), &[&format!("guards '{}' already", first.display())]);
        assert_eq!(had, files(project.folder()));
    }

    #[test]
    fn a_hooks_path_that_switches_hooks_off_is_refused_and_fixed_by_the_line_that_is_shown() {
        for path in ["", "/dev/null"] {
            let project = Project::without_hook();
            let mut config = git(project.folder(), "config core.hooksPath");
            config.arg(path);
            finish(config).succeeded();
            let had = files(project.folder());
            let message = finish(project.tool("hook install")).refused();
            assert_has(&message, &["git runs no hooks here: core.hooksPath is set to"]);
            assert_has(
                &not_installed(&project),
                &["git runs no hooks here", "git config core.hooksPath"],
            );
            assert_eq!(had, files(project.folder()));
            let mut shell = Command::new("sh");
            let command = message.split("of its own: ").nth(1).unwrap();
            shell.args(["-c", command]).current_dir(project.folder());
            finish(shell).succeeded();
            install(&project);
            project.regressed();
            project.push("origin main").blocked();
        }
    }

    #[test]
    fn a_repository_that_git_does_not_trust_is_refused_in_gits_own_words() {
        let project = Project::without_hook();
        let mut install = project.tool("hook install");
        install.env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1").env("LC_ALL", "C");
        let message = finish(install).refused();
        assert_has(&message, &["dubious ownership", "git config --global --add safe.directory"]);
        assert!(!message.contains("not in a git repository"), "{message}");
    }

    #[test]
    fn a_folder_outside_of_any_repository_is_refused() {
        let checkout = Checkout::without_product();
        let mut install = checkout.command("hook install");
        install.env("LC_ALL", "C");
        let message = finish(install).refused();
        assert_has(&message, &["not a git repository"]);
    }

    #[test]
    fn another_checkout_whose_path_a_shell_would_take_apart() {
        let project = Project::without_hook();
        let folder = tempfile::tempdir().unwrap();
        let checkout = folder.path().join("it's \"another\" $HOME `x` & co");
        fs::rename(project.folder(), &checkout).unwrap();
        install_into(&checkout);
        fs::create_dir(project.folder()).unwrap();
        fs::write(checkout.join("src/server.rs"), "another\n").unwrap();
        done(&checkout, "commit --quiet --all --message=another");
        let said = finish(git(&checkout, "push --quiet origin main")).passed();
        assert_has(&said, &["nothing was measured"]);
    }

    #[test]
    fn another_checkout_that_is_a_folder_of_its_repository() {
        let project = Project::without_hook();
        project.checkout.write("engram/src/server.rs", "fast\n");
        project.commit();
        project.git("push --quiet origin main");
        install_into(&project.checkout.path("engram"));
        keep_inputs(&project.checkout.path("engram"));
        project.require();
        project.checkout.write("engram/docs/notes.txt", "more\n");
        project.commit();
        project.push("origin main").passed_silently();
        for path in ["engram/src/server.rs", "Cargo.lock"] {
            project.checkout.write(path, "another\n");
            project.commit();
            assert_has(&project.push("origin main").blocked(), &["nothing was measured"]);
            project.git("push --quiet --no-verify origin main");
        }
    }

    fn install_into(checkout: &Path) {
        let elsewhere = tempfile::tempdir().unwrap();
        let mut command = tool("hook install -C");
        command.arg(checkout).current_dir(elsewhere.path());
        finish(command).succeeded();
    }

    fn linked_worktree(project: &Project) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::Builder::new().prefix("a worktree ").tempdir().unwrap();
        let worktree = folder.path().join("linked");
        let mut add = git(project.folder(), "worktree add --quiet -b feature");
        add.arg(&worktree);
        finish(add).succeeded();
        (folder, worktree)
    }

    /// Checks that a regression that was measured in the worktree is blocked, from there and from the main checkout.
    #[track_caller]
    fn blocks_in_worktree(project: &Project, worktree: &Path) {
        project.regressed();
        fs::rename(project.checkout.path("tmp"), worktree.join("tmp")).unwrap();
        done(worktree, "merge --quiet main");
        let had = files(&project.checkout.path(".git"));
        finish(git(worktree, "push --quiet origin feature")).blocked();
        project.push("origin feature").blocked();
        assert_eq!(had, files(&project.checkout.path(".git")));
    }

    #[test]
    fn a_worktrees_own_results_hide_no_regression_that_another_measured() {
        let project = Project::new();
        let (_folder, worktree) = linked_worktree(&project);
        project.regressed();
        fs::rename(project.checkout.path("tmp"), worktree.join("tmp")).unwrap();
        let tip = project.content();
        project.record(&before(), Some("other content"));
        project.record(&as_fast(), Some(&tip));
        let said = project.push("--dry-run origin main").blocked();
        assert_has(&said, &["no regression: 007", "REGRESSION: 007"]);
        done(&worktree, "merge --quiet main");
        finish(git(&worktree, "push --quiet origin feature")).blocked();
    }

    #[test]
    fn a_worktree_whose_results_cannot_be_listed_hides_no_regression() {
        let project = Project::new();
        let (_folder, worktree) = linked_worktree(&project);
        fs::create_dir(worktree.join("tmp")).unwrap();
        fs::write(worktree.join("tmp/m17_performance"), "no folder").unwrap();
        project.regressed();
        assert_has(&project.push("origin main").blocked(), &["push of main blocked"]);
    }

    #[test]
    fn what_another_worktree_measured_says_where() {
        let project = Project::new();
        let (_folder, worktree) = linked_worktree(&project);
        project.clean();
        fs::rename(project.checkout.path("tmp"), worktree.join("tmp")).unwrap();
        let said = project.push("origin main").passed();
        assert_has(&said, &["no regression: 007", "measured in:", "linked"]);
    }
}

mod installation {
    use super::*;

    #[test]
    fn twice_changes_nothing() {
        let project = after_anothers();
        let had = files(project.folder());
        assert_has(&install(&project), &["installed ", "called first: "]);
        assert_eq!(had, files(project.folder()));
    }

    #[test]
    fn over_an_older_one_of_ours_replaces_it_and_keeps_anothers() {
        let project = after_anothers();
        let current = fs::read(hook(&project)).unwrap();
        let older = [&current[..], b"# from an older tool\n"].concat();
        fs::write(hook(&project), older).unwrap();
        install(&project);
        assert_eq!(fs::read(hook(&project)).unwrap(), current);
        assert_eq!(fs::read_to_string(kept(&project)).unwrap(), ANOTHERS);
    }

    #[test]
    fn over_a_second_one_of_somebody_else_is_refused() {
        let project = after_anothers();
        program(&hook(&project), "#!/bin/sh\n# of a third\n");
        let had = files(project.folder());
        finish(project.tool("hook install")).refused();
        assert_eq!(had, files(project.folder()));
    }

    #[test]
    fn that_fails_leaves_anothers_in_place() {
        let project = Project::without_hook();
        program(&hook(&project), ANOTHERS);
        let had = files(project.folder());
        finish(on_a_full_disk(&project.tool("hook install"))).refused();
        assert_eq!(had, files(project.folder()));
    }

    #[test]
    fn writes_through_no_link() {
        let project = Project::without_hook();
        project.checkout.write("precious", "mine");
        symlink("../../precious", hook(&project).with_extension("partial")).unwrap();
        install(&project);
        assert_eq!(fs::read_to_string(project.checkout.path("precious")).unwrap(), "mine");
        assert_eq!(fs::metadata(hook(&project)).unwrap().permissions().mode() & 0o777, 0o755);
    }

    #[test]
    fn leaves_nothing_half_written() {
        let project = Project::without_hook();
        let had = files(project.folder());
        install(&project);
        let mut has = files(project.folder());
        has.remove(&hook(&project)).unwrap();
        assert_eq!(had, has);
    }
}

/// Hooks that act by their own name, or are not ours to replace.
mod a_hook_that_cannot_be_kept {
    use super::*;

    /// As husky 9 has it.
    const STUB: &str = "#!/usr/bin/env sh\n. \"${0%/*}/h\"";
    const DISPATCHER: &str = "#!/usr/bin/env sh\nn=$(basename \"$0\")\n\
        s=$(dirname \"$(dirname \"$0\")\")/$n\n[ ! -f \"$s\" ] && exit 0\nsh -e \"$s\" \"$@\"\n";

    #[test]
    fn as_it_acts_by_its_name_is_refused() {
        for text in [
            DISPATCHER,
            "#!/bin/sh\nfor hook in \"$0\".d/*; do \"$hook\" \"$@\" || exit; done\n",
            "#!/usr/bin/env ruby\nhook_type = File.basename($0)\n",
            "#!/usr/bin/env python3\nname = sys.argv[0]\n",
        ] {
            let project = Project::without_hook();
            program(&hook(&project), text);
            refused(&project, "acts by its own name");
        }
    }

    #[test]
    fn as_git_tracks_it_is_refused() {
        let project = Project::without_hook();
        project.git("config core.hooksPath hooks");
        program(&project.checkout.path("hooks/pre-push"), ANOTHERS);
        project.commit();
        refused(&project, "tracked by git");
    }

    #[test]
    fn calls_the_tool_by_the_line_that_is_shown() {
        let project = Project::without_hook();
        project.git("config core.hooksPath .husky/_");
        project.checkout.write(".husky/_/h", DISPATCHER);
        project.checkout.write(".husky/_/.gitignore", "*");
        program(&project.checkout.path(".husky/_/pre-push"), STUB);
        let message = refused(&project, "acts by its own name");
        let rest = "cat >tmp/rest\n";
        project.checkout.write("tmp/here", "");
        project.checkout.write(".husky/pre-push", lines(&message) + rest);
        let tool = with_tool(&project);
        let push = || pushes(&project, tool.path());
        let given = |pushed: &str| {
            let had = fs::read_to_string(project.checkout.path("tmp/rest")).unwrap();
            assert_eq!(had.lines().next(), Some(pushed));
        };
        project.change("not measured\n");
        assert_has(&push().passed(), &["no verdict on x"]);
        let tip = project.git("rev-parse HEAD");
        given(&format!("refs/heads/main {tip} refs/heads/x {}", "0".repeat(40)));
        project.git("push --quiet --no-verify origin :x");
        project.require();
        assert_has(&push().blocked(), &["perf.required is true"]);
        project.git("config --unset perf.required");
        project.regressed();
        assert_has(&push().blocked(), &["push of x blocked"]);
        let mut skipping = git(project.folder(), "push --quiet --dry-run origin main:refs/heads/x");
        skipping.env("PATH", path_with(tool.path())).env("PERF_SKIP", "1");
        finish(skipping).passed_silently();
        assert!(project.checkout.path("tmp/m17_performance/skipped_pushes.txt").exists());
    }

    #[test]
    fn passes_quietly_by_these_lines_where_cargo_or_the_tool_is_missing() {
        let project = Project::without_hook();
        project.git("config core.hooksPath hooks");
        program(&project.checkout.path("hooks/pre-push"), ANOTHERS);
        project.commit();
        let message = refused(&project, "tracked by git");
        program(
            &project.checkout.path("hooks/pre-push"),
            &format!("#!/bin/sh\n{}cat >tmp/rest\n", lines(&message)),
        );
        let tool = with_tool(&project);
        project.regressed();
        let without_cargo = programs_without("cargo");
        let mut push = git(project.folder(), "push --quiet --dry-run origin main:refs/heads/x");
        push.env("PATH", without_cargo.path());
        finish(push).passed_silently();
        project.git("rm --quiet -r xtask");
        project.git("commit --quiet --message=gone");
        pushes(&project, tool.path()).passed_silently();
        project.require();
        project.git("push --quiet --no-verify origin :x");
        pushes(&project, tool.path()).blocked();
    }

    #[test]
    fn is_told_lines_that_name_nothing_of_this_machine() {
        let project = Project::without_hook();
        project.git("config core.hooksPath hooks");
        program(&project.checkout.path("hooks/pre-push"), ANOTHERS);
        project.commit();
        let lines = lines(&refused(&project, "tracked by git"));
        for own in [TOOL, project.folder().to_str().unwrap(), env!("CARGO_MANIFEST_DIR")] {
            assert!(!lines.contains(own), "{lines}");
        }
        assert_has(&lines, &["--locked --offline xtask hook pre-push"]);
        assert!(lines.lines().all(|line| line.chars().count() <= 80), "{lines}");
    }

    /// The lines that a message advises.
    fn lines(message: &str) -> String {
        let lines = message.split_once(":\n\n").unwrap().1;
        assert!(lines.starts_with('#') && lines.ends_with("PUSHED\n\n"), "{message}");
        lines.trim_end().to_owned() + "\n"
    }

    /// A cargo that runs the tool for `cargo xtask`, as in a checkout that has it; its sign is committed.
    fn with_tool(project: &Project) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "#!/bin/sh\n[ \"$1 $2 $3\" = '--locked --offline xtask' ] || exit 101\nshift 3\nexec '{TOOL}' \"$@\"\n"
        );
        program(&folder.path().join("cargo"), &text);
        project.checkout.write("xtask/Cargo.toml", "");
        project.commit();
        project.git("push --quiet --no-verify origin main");
        folder
    }

    fn path_with(folder: &Path) -> String {
        format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
    }

    /// A push of a branch `x`.
    fn pushes(project: &Project, tool: &Path) -> crate::common::Finished {
        let mut push = git(project.folder(), "push --quiet origin main:refs/heads/x");
        push.args(["--force"]).env("PATH", path_with(tool));
        finish(push)
    }

    #[track_caller]
    fn refused(project: &Project, why: &str) -> String {
        let had = files(project.folder());
        let message = finish(project.tool("hook install")).refused();
        assert_has(&message, &[why, "call this tool from it instead"]);
        assert_eq!(had, files(project.folder()));
        message
    }
}

mod anothers_hook {
    use super::*;

    #[test]
    fn that_asks_for_its_folder_is_kept_in_it() {
        let project = Project::without_hook();
        program(
            &hook(&project),
            "#!/bin/sh\nhere=$(cd \"$(dirname \"$0\")\" && pwd)\nexec \"$here/pre-push.more\"\n",
        );
        program(&hook(&project).with_file_name("pre-push.more"), "#!/bin/sh\necho called >&2\n");
        install(&project);
        project.clean();
        assert_has(&project.push("origin main").passed(), &["called", "no regression"]);
    }

    #[test]
    fn that_calls_an_earlier_one_of_ours_ends() {
        let project = Project::without_hook();
        install(&project);
        let moved = hook(&project).with_file_name("pre-push.legacy");
        fs::rename(hook(&project), &moved).unwrap();
        program(&hook(&project), "#!/bin/sh\nexec \"$(dirname \"$0\")/pre-push.legacy\" \"$@\"\n");
        install(&project);
        project.regressed();
        let said = project.push("origin main").blocked();
        assert_eq!(said.matches("push of main blocked").count(), 1, "{said}");
    }

    #[test]
    fn is_called_from_a_hooks_path() {
        let project = Project::without_hook();
        let folder = tempfile::tempdir().unwrap();
        let mut config = git(project.folder(), "config core.hooksPath");
        config.arg(folder.path());
        finish(config).succeeded();
        program(&folder.path().join("pre-push"), "#!/bin/sh\nexit 7\n");
        install(&project);
        project.clean();
        assert_eq!(project.push("origin main").code, Some(1));
        uninstall(&project);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn is_called_with_the_same_input_and_arguments() {
        let project = after_anothers();
        let had = project.git("rev-parse HEAD");
        project.clean();
        project.push("origin main").passed();
        let tip = project.git("rev-parse HEAD");
        let note = |name: &str| fs::read_to_string(project.checkout.path(name)).unwrap();
        assert_eq!(note("tmp/arguments"), format!("origin\n{}\n", project.remote().display()));
        assert_eq!(note("tmp/input"), format!("refs/heads/main {tip} refs/heads/main {had}\n"));
    }

    #[test]
    fn comes_first_and_its_failure_is_respected() {
        let project = after_anothers();
        project.regressed();
        project.checkout.write("tmp/fail", "");
        let finished = project.push("origin main");
        assert_eq!(finished.code, Some(1));
        assert!(!finished.errors.contains("REGRESSION"), "{finished:?}");
    }

    #[test]
    fn does_not_let_a_regression_through_by_succeeding() {
        let project = after_anothers();
        project.regressed();
        project.push("origin main").blocked();
    }

    #[test]
    fn is_called_where_ours_is_silenced() {
        for (name, value) in [("PERF_SKIP", "1"), ("CI", "true")] {
            let project = after_anothers();
            project.clean();
            project.checkout.write("tmp/fail", "");
            let mut push = project.push_command("origin main");
            push.env(name, value);
            assert_eq!(finish(push).code, Some(1), "{name}");
        }
    }

    #[test]
    fn that_reads_no_input_is_respected() {
        let project = Project::without_hook();
        program(&hook(&project), "#!/bin/sh\nexit 0\n");
        install(&project);
        project.regressed();
        project.push("origin main").blocked();
    }

    #[test]
    fn that_is_not_executable_is_left_out_as_git_does() {
        let project = Project::without_hook();
        program(&hook(&project), "#!/bin/sh\nexit 7\n");
        fs::set_permissions(hook(&project), fs::Permissions::from_mode(0o640)).unwrap();
        install(&project);
        project.clean();
        project.push("origin main").passed();
    }

    #[test]
    fn is_put_back_byte_for_byte_with_its_mode() {
        for mode in [0o755, 0o700, 0o640] {
            let project = Project::without_hook();
            fs::write(hook(&project), b"#!/bin/sh\r\n\xff\0no line break").unwrap();
            fs::set_permissions(hook(&project), fs::Permissions::from_mode(mode)).unwrap();
            let had = files(project.folder());
            install(&project);
            uninstall(&project);
            assert_eq!(had, files(project.folder()), "{mode:o}");
        }
    }

    #[test]
    fn that_is_a_link_is_put_back_as_one() {
        let project = Project::without_hook();
        symlink("../nowhere", hook(&project)).unwrap();
        let had = links(&project);
        install(&project);
        project.clean();
        project.push("origin main").passed();
        uninstall(&project);
        assert_eq!(had, links(&project));
    }

    #[test]
    fn is_put_back_where_ours_was_deleted_by_hand() {
        let project = after_anothers();
        fs::remove_file(hook(&project)).unwrap();
        uninstall(&project);
        assert_eq!(fs::read_to_string(hook(&project)).unwrap(), ANOTHERS);
    }

    #[test]
    fn is_not_uninstalled() {
        let project = Project::without_hook();
        program(&hook(&project), ANOTHERS);
        let message = finish(project.tool("hook uninstall")).refused();
        assert_has(&message, &["not this tool's hook"]);
        assert_eq!(fs::read_to_string(hook(&project)).unwrap(), ANOTHERS);
    }

    fn links(project: &Project) -> Vec<(PathBuf, PathBuf)> {
        fs::read_dir(project.checkout.path(".git/hooks"))
            .unwrap()
            .filter_map(|entry| {
                let path = entry.unwrap().path();
                let to = fs::read_link(&path).ok()?;
                Some((path, to))
            })
            .collect()
    }
}

mod uninstalling {
    use super::*;

    #[test]
    fn leaves_no_trace() {
        let project = Project::without_hook();
        let had = files(project.folder());
        install(&project);
        assert_has(&uninstall(&project), &["removed"]);
        assert_eq!(had, files(project.folder()));
    }

    #[test]
    fn another_checkouts_hook_takes_its_name() {
        let project = Project::without_hook();
        let had = files(project.folder());
        let elsewhere = Project::new();
        let of = |action: &str| {
            let mut command = elsewhere.tool(&format!("hook {action} -C"));
            command.arg(project.folder());
            finish(command).output
        };
        assert_has(&of("status"), &["not installed"]);
        install(&project);
        assert!(of("status").starts_with("installed: "));
        of("uninstall");
        assert_eq!(had, files(project.folder()));
        assert!(hook(&elsewhere).exists());
    }

    #[test]
    fn where_nothing_is_installed_is_no_failure() {
        assert_has(&uninstall(&Project::without_hook()), &["no pre-push hook is installed"]);
    }
}

mod status {
    use super::*;

    #[test]
    fn tells_whether_the_hook_is_installed() {
        let project = Project::without_hook();
        assert_has(&not_installed(&project), &["pre-push"]);
        install(&project);
        assert!(status(&project).starts_with("installed: "));
    }

    #[test]
    fn tells_which_hook_is_called_first() {
        assert_has(&status(&after_anothers()), &["calls first", "pre-push.kept-by-perf-gate"]);
    }

    #[test]
    fn tells_that_the_hook_is_anothers() {
        let project = Project::without_hook();
        program(&hook(&project), ANOTHERS);
        assert_has(&not_installed(&project), &["is not this tool's hook"]);
    }
}

#[test]
fn the_hook_is_portable_shell() {
    let project = after_anothers();
    project.regressed();
    let line = format!(
        "refs/heads/main {} refs/heads/main {}\n",
        project.git("rev-parse HEAD"),
        project.git("rev-parse HEAD~1")
    );
    let input = project.checkout.path("tmp/pushed");
    fs::write(&input, &line).unwrap();
    for shell in ["sh", "dash", "bash --posix", "busybox sh", "ksh", "yash"] {
        let mut words = shell.split(' ');
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .arg(hook(&project))
            .arg("origin")
            .current_dir(project.folder())
            .env_remove("CI")
            .env_remove("PERF_SKIP")
            .stdin(fs::File::open(&input).unwrap());
        // Not every machine has them all.
        if let Ok(output) = command.output() {
            let errors = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{shell}: {errors}");
            assert_has(&errors, &["push of main blocked"]);
            let given = fs::read_to_string(project.checkout.path("tmp/input")).unwrap();
            assert_eq!(given, line, "{shell}");
        }
    }
}
