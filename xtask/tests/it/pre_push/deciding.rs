//! The decisions of the hook: each row of its table, and the verdicts that it takes into account.

use std::fs;

use xtask::model::limits::PLAN;

use crate::common::project::{
    Project, as_fast, assert_has, before, competitive_as_fast, competitive_before,
    competitive_slower, slower,
};
use crate::common::recording::Recording;

mod content_that_the_remote_has {
    use super::*;

    /// Where everything that is not known is blocked.
    fn strict() -> Project {
        let project = Project::new();
        project.require();
        project
    }

    #[test]
    fn a_push_with_nothing_to_push_passes_silently() {
        strict().push("origin main").passed_silently();
    }

    #[test]
    fn a_new_branch_without_new_commits_or_results_passes_silently() {
        let project = strict();
        project.push("origin main:refs/heads/copy").passed_silently();
        assert_eq!(project.on_remote("copy"), project.git("rev-parse HEAD"));
    }

    #[test]
    fn hides_no_regression_that_was_pushed_to_another_branch() {
        let project = Project::new();
        project.git("switch --quiet --create task/007-x");
        project.regressed();
        project.git("push --quiet --no-verify origin task/007-x");
        project.git("switch --quiet main");
        project.git("merge --quiet --ff-only task/007-x");
        project.push("origin main").blocked();
        project.push("origin main:refs/heads/another").blocked();
    }

    #[test]
    fn hides_no_regression_that_the_branch_has_already() {
        let project = Project::new();
        project.regressed();
        project.git("push --quiet --no-verify origin main");
        project.checkout.write("docs/more.txt", "more");
        project.commit();
        project.push("origin main").blocked();
    }

    #[test]
    fn on_another_branch_alone_is_not_known_on_this_one() {
        let project = strict();
        project.git("push --quiet --no-verify origin main:refs/heads/feature");
        project.change("of main\n");
        project.git("push --quiet --no-verify origin main");
        let said = project.push("origin main:refs/heads/feature").blocked();
        assert_has(&said, &["no verdict on feature"]);
        project.push("origin main:refs/heads/copy").passed_silently();
    }

    #[test]
    fn silences_what_cannot_be_judged() {
        let project = strict();
        project.measured(&before(), &slower().elapsed(30.0));
        project.git("push --quiet --no-verify origin main");
        project.checkout.write("docs/more.txt", "more");
        project.commit();
        project.push("origin main").passed_silently();
    }

    #[test]
    fn a_note_passes_silently() {
        let project = strict();
        project.regressed();
        project.git("notes add --message=x");
        project.push("origin refs/notes/commits").passed_silently();
    }

    #[test]
    fn a_tag_passes_silently() {
        let project = strict();
        project.regressed();
        project.git("tag --annotate --message=first v1");
        project.push("origin v1").passed_silently();
    }

    #[test]
    fn a_deletion_passes_silently() {
        let project = strict();
        project.push("origin main:refs/heads/copy").passed_silently();
        project.regressed();
        project.push("origin :copy").passed_silently();
        assert_eq!(project.on_remote("copy"), "");
    }

    #[test]
    fn documents_alone_pass_silently() {
        let project = strict();
        project.checkout.write("docs/more.txt", "more");
        project.checkout.write("src/notes.md", "notes");
        project.commit();
        project.push("origin main").passed_silently();
    }

    #[test]
    fn documents_alone_on_a_new_branch_pass_silently() {
        let project = strict();
        project.checkout.write("roadmap/more.txt", "more");
        project.commit();
        project.push("origin HEAD:refs/heads/documents").passed_silently();
    }

    #[test]
    fn a_change_and_its_revert_pass_silently() {
        let project = strict();
        project.regressed();
        project.git("revert --no-edit HEAD");
        project.push("origin main").passed_silently();
    }

    #[test]
    fn going_back_to_a_commit_that_the_remote_has_passes_silently() {
        let project = Project::new();
        project.change("pushed\n");
        project.push("origin main:refs/heads/other").passed();
        project.require();
        project.push("--force origin main~1:refs/heads/other").passed_silently();
    }
}

mod refs_that_are_no_branches {
    use super::*;

    #[test]
    fn hide_no_regression() {
        let project = Project::new();
        project.regressed();
        for name in ["refs/for/main", "refs/for/main%topic=x", "refs/review/1", "refs/x"] {
            let said = project.push(&format!("origin HEAD:{name}")).blocked();
            assert_has(&said, &[&format!("push of {name} blocked")]);
        }
    }

    #[test]
    fn need_a_verdict_where_one_is_required() {
        let project = Project::new();
        project.require();
        project.change("another\n");
        let said = project.push("origin HEAD:refs/for/main").blocked();
        assert_has(&said, &["no verdict on refs/for/main"]);
    }
}

mod a_clean_verdict {
    use super::*;

    #[test]
    fn hides_no_warning() {
        let project = Project::new();
        project.record(&before(), Some(&project.content()));
        let tip = project.change("another\n");
        let after = as_fast().in_group("007_after_20251108_142000", 1, 3).with(|provenance| {
            provenance.host.name = Some("another machine".to_owned());
        });
        project.record(&after, Some(&tip));
        let said = project.push("origin main").passed();
        assert_has(&said, &["no regression", "warning: after: the group was interrupted, 1 of 3"]);
        assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
    }

    #[test]
    fn of_this_content_is_not_hidden_by_a_later_one_of_other_content() {
        let project = Project::new();
        project.require();
        project.clean();
        project.record(&slower().at("20251109_120000"), Some("other content"));
        assert_has(&project.push("origin main").passed(), &["no regression: 007"]);
    }

    #[test]
    fn passes_with_one_line() {
        let project = Project::new();
        project.clean();
        let said = project.push("origin main").passed();
        assert_has(&said, &["perf: no regression: 007 internal: P99 +0.4%"]);
        assert_eq!(said.lines().count(), 1, "{said}");
    }

    #[test]
    fn has_a_line_for_each_mode() {
        let project = Project::new();
        project.record(&competitive_before(), Some(&project.content()));
        let tip = project.clean();
        project.record(&competitive_as_fast(), Some(&tip));
        let said = project.push("origin main").passed();
        assert_has(&said, &["no regression: 007 internal", "no regression: 007 competitive"]);
        assert_eq!(said.lines().count(), 2, "{said}");
    }

    #[test]
    fn passes_where_a_verdict_is_required() {
        let project = Project::new();
        project.require();
        project.clean();
        project.push("origin main").passed();
    }

    #[test]
    fn is_fresh_after_measuring_and_committing_and_writing_the_log_entry() {
        let project = Project::new();
        project.require();
        project.record(&before(), Some(&project.content()));
        project.checkout.write("src/server.rs", "not committed yet\n");
        project.record(&as_fast(), Some(&project.content_of_files()));
        project.commit();
        crate::common::finish(project.tool("perf-compare 007 --log")).succeeded();
        project.commit();
        assert!(project.git("show --stat HEAD").contains("PERFORMANCE_LOG.md"));
        assert_has(&project.push("origin main").passed(), &["no regression"]);
    }

    #[test]
    fn holds_for_lines_that_end_otherwise_on_the_disk() {
        let project = Project::new();
        project.require();
        project.checkout.write(".gitattributes", "*.rs text eol=crlf\n");
        project.commit();
        project.git("push --quiet --no-verify origin main");
        project.record(&before(), Some(&project.content()));
        project.checkout.write("src/server.rs", "another\r\n");
        project.record(&as_fast(), Some(&project.content_of_files()));
        project.commit();
        project.push("origin main").passed();
    }

    #[test]
    fn of_the_newest_after_counts() {
        let project = Project::new();
        let tip = project.regressed();
        project.record(&as_fast().at("20251108_150000"), Some(&tip));
        assert_has(&project.push("origin main").passed(), &["no regression"]);
    }
}

mod a_regression {
    use super::*;

    #[test]
    fn is_blocked_with_the_verdict_the_table_and_the_way_out() {
        let project = Project::new();
        project.regressed();
        let said = project.push("origin main").blocked();
        assert_has(
            &said,
            &[
                "REGRESSION: 007 internal: P99 +31.0%",
                "0.458",
                "0.600",
                "throughput",
                "push of main blocked: a regression was measured",
            ],
        );
    }

    #[test]
    fn does_not_reach_the_remote() {
        let project = Project::new();
        let had = project.on_remote("main");
        project.regressed();
        project.push("origin main").blocked();
        assert_eq!(project.on_remote("main"), had);
    }

    #[test]
    fn in_competitive_mode_is_blocked() {
        let project = Project::new();
        project.measured(&competitive_before(), &competitive_slower());
        let said = project.push("origin main").blocked();
        assert_has(&said, &["COMPETITIVE REGRESSION: 007 competitive", "Neo4j"]);
    }

    #[test]
    fn in_one_of_two_modes_is_blocked() {
        let project = Project::new();
        project.record(&competitive_before(), Some(&project.content()));
        let tip = project.clean();
        project.record(&competitive_slower(), Some(&tip));
        let said = project.push("origin main").blocked();
        assert_has(&said, &["perf: no regression: 007 internal", "COMPETITIVE"]);
    }

    #[test]
    fn is_blocked_where_the_other_mode_is_stale() {
        let project = Project::new();
        project.record(&competitive_before(), Some(&project.content()));
        project.record(&competitive_as_fast(), Some("another content"));
        project.regressed();
        project.push("origin main").blocked();
    }

    #[test]
    fn is_blocked_whatever_perf_required_says() {
        let project = Project::new();
        project.git("config perf.required false");
        project.regressed();
        project.push("origin main").blocked();
    }

    #[test]
    fn of_a_group_is_blocked() {
        let project = Project::new();
        project.record(&before(), Some(&project.content()));
        let tip = project.change("another\n");
        project.record_group(&slower(), &[(0.6, &tip), (0.7, &tip), (0.4, &tip)]);
        assert_has(&project.push("origin main").blocked(), &["P99 +31.0%"]);
    }

    #[test]
    fn is_not_hidden_by_what_was_measured_later_on_other_content() {
        let project = Project::new();
        let had = project.content();
        project.regressed();
        project.record(&before().at("20251109_110000"), Some(&had));
        project.record(&as_fast().at("20251109_120000"), Some("other content"));
        assert_has(
            &project.push("origin main").blocked(),
            &["REGRESSION: 007 internal: P99 +31.0%"],
        );
    }

    #[test]
    fn measured_before_the_commit_message_was_amended_is_blocked() {
        let project = Project::new();
        project.regressed();
        project.git("commit --quiet --amend --message=other");
        project.push("origin main").blocked();
    }
}

/// The pushes that were not judged.
const SKIPPED: &str = "tmp/m17_performance/skipped_pushes.txt";

mod an_accepted_regression {
    use super::*;
    use crate::common::{Finished, finish};

    const FILE: &str = "roadmap/milestone-17/accepted_regressions.toml";

    fn accept(project: &Project, words: &str, reason: &str) -> Finished {
        let mut command = project.tool(&format!("perf-compare {words} --accept"));
        command.arg(reason);
        finish(command)
    }

    fn accepted() -> Project {
        let project = Project::new();
        project.regressed();
        let said = accept(&project, "007", "needed for recall; follow-up #12");
        assert_eq!(said.code, Some(1), "{said:?}");
        assert_has(
            &said.output,
            &["REGRESSION: 007", "accepted: needed for recall; follow-up #12"],
        );
        project
    }

    #[test]
    fn passes_and_is_named_with_its_reason() {
        let project = accepted();
        project.require();
        let said = project.push("origin main").passed();
        assert_has(&said, &["REGRESSION: 007", "accepted: needed for recall; follow-up #12"]);
    }

    #[test]
    fn passes_once_its_file_is_committed() {
        let project = accepted();
        project.commit();
        assert!(project.git("show --stat HEAD").contains("accepted_regressions.toml"));
        assert_has(&project.push("origin main").passed(), &["accepted: "]);
    }

    #[test]
    fn lets_no_regression_of_other_content_pass() {
        let project = accepted();
        let tip = project.change("slower still\n");
        project.record(&slower().p99(0.9).at("20251109_120000"), Some(&tip));
        project.push("origin main").blocked();
    }

    #[test]
    fn lets_no_regression_of_another_task_or_mode_pass() {
        let project = accepted();
        let tip = project.content();
        project.record(&before().task("008"), Some("earlier content"));
        project.record(&slower().task("008"), Some(&tip));
        let said = project.push("origin main").blocked();
        assert_has(&said, &["REGRESSION: 008", "cargo perf-compare 008 --accept"]);
        let project = accepted();
        project.record(&competitive_before(), Some("earlier content"));
        project.record(&competitive_slower(), Some(&project.content()));
        project.push("origin main").blocked();
    }

    #[test]
    fn keeps_its_exit_code_and_is_said_in_every_format_and_in_the_log() {
        let project = accepted();
        for words in ["", "--json", "--markdown", "--log"] {
            let said = finish(project.tool(&format!("perf-compare 007 {words}")));
            assert_eq!(said.code, Some(1), "{words}");
            assert_has(&said.output, &["follow-up"]);
        }
        let log = project.checkout.path("roadmap/milestone-17/PERFORMANCE_LOG.md");
        let log = fs::read_to_string(log).unwrap();
        assert_has(&log, &["✗ Regression: ", "; accepted: needed for recall"]);
    }

    #[test]
    fn is_read_from_a_file_that_is_added_to_and_never_written_anew() {
        let project = accepted();
        let path = project.checkout.path(FILE);
        let mine = format!("# mine\n{}", fs::read_to_string(&path).unwrap());
        fs::write(&path, &mine).unwrap();
        accept(&project, "007", "another \"reason\"");
        let now = fs::read_to_string(&path).unwrap();
        assert!(now.starts_with(&mine), "{now}");
        assert_has(&project.push("origin main").passed(), &["accepted: another \"reason\""]);
    }

    #[test]
    fn needs_a_reason() {
        let project = Project::new();
        project.regressed();
        for reason in ["", "  ", "two\nlines"] {
            assert_has(&accept(&project, "007", reason).refused(), &["needs a reason"]);
        }
        assert!(!project.checkout.path(FILE).exists());
        project.push("origin main").blocked();
    }

    #[test]
    fn is_one_that_was_measured() {
        let project = Project::new();
        project.clean();
        assert_has(&accept(&project, "007", "why").refused(), &["nothing to accept"]);
        let project = Project::new();
        project.measured(&before(), &slower().elapsed(30.0));
        assert_has(&accept(&project, "007", "why").refused(), &["nothing to accept"]);
    }

    #[test]
    fn is_of_known_content() {
        let project = Project::new();
        project.record(&before(), Some(&project.content()));
        project.record(&slower().not_built(), None);
        assert_eq!(finish(project.tool("perf-compare 007")).code, Some(1));
        accept(&project, "007", "why").refused();
    }

    #[test]
    fn in_a_file_that_is_not_whole_is_none() {
        for text in ["[[accepted]]\ntask = \"007\"\n", "accepted = 1\n", "not TOML"] {
            let project = accepted();
            project.checkout.write(FILE, text);
            project.push("origin main").blocked();
            assert_has(&accept(&project, "007", "why").refused(), &["accepted_regressions.toml"]);
        }
    }
}

mod the_way_out {
    use super::*;

    #[test]
    fn perf_skip_pushes_a_regression() {
        let project = Project::new();
        project.regressed();
        let mut push = project.push_command("origin main");
        push.env("PERF_SKIP", "1");
        crate::common::finish(push).passed_silently();
    }

    #[test]
    fn perf_skip_hides_no_push() {
        let project = Project::new();
        project.regressed();
        let skip = || {
            let mut push = project.push_command("--dry-run origin main");
            push.env("PERF_SKIP", "1");
            crate::common::finish(push).passed_silently();
        };
        skip();
        skip();
        let noted = fs::read_to_string(project.checkout.path(SKIPPED)).unwrap();
        let tip = project.git("rev-parse HEAD");
        assert_eq!(noted.matches(&format!(" main {tip}\n")).count(), 2, "{noted}");
        assert!(noted.lines().all(|line| line.as_bytes()[10] == b'T'), "{noted}");
    }

    #[test]
    fn perf_skip_pushes_where_no_note_can_be_left() {
        let project = Project::new();
        project.regressed();
        project.checkout.write("precious", "mine");
        std::os::unix::fs::symlink("../../precious", project.checkout.path(SKIPPED)).unwrap();
        let mut push = project.push_command("origin main");
        push.env("PERF_SKIP", "1");
        crate::common::finish(push).passed_silently();
        assert_eq!(fs::read_to_string(project.checkout.path("precious")).unwrap(), "mine");
    }

    #[test]
    fn no_verify_pushes_a_regression() {
        let project = Project::new();
        project.regressed();
        project.push("--no-verify origin main").passed_silently();
    }

    #[test]
    fn continuous_integration_pushes_silently() {
        let project = Project::new();
        project.require();
        project.regressed();
        let mut push = project.push_command("origin main");
        push.env("CI", "true");
        crate::common::finish(push).passed_silently();
    }
}

mod what_is_not_known {
    use super::*;

    /// Checks that the push is blocked where a verdict is required, and passes with a warning elsewhere: `why`, and
    /// `command` to run.
    #[track_caller]
    fn warns(project: &Project, why: &str, command: &str) {
        let had = project.on_remote("main");
        project.require();
        let said = project.push("origin main").blocked();
        assert_has(&said, &["warning", "no verdict", why, command]);
        assert_has(&said, &["git config perf.required is true"]);
        assert_eq!(project.on_remote("main"), had);
        project.git("config --unset perf.required");
        let said = project.push("origin main").passed();
        assert_has(&said, &["warning", "no verdict", why, command]);
        assert!(!said.contains("blocked"), "{said}");
    }

    /// Checks that the push is blocked where a verdict is required, and passes elsewhere with one line and no advice.
    #[track_caller]
    fn is_quiet(project: &Project, words: &str) {
        project.require();
        let said = project.push(words).blocked();
        assert_has(&said, &["nothing was measured for it", "git config perf.required is true"]);
        project.git("config --unset perf.required");
        let said = project.push(words).passed();
        assert_has(&said, &["perf: no verdict on ", ": nothing was measured for it"]);
        assert_eq!(said.lines().count(), 1, "{said}");
    }

    #[test]
    fn nothing_measured_is_one_quiet_line() {
        let project = Project::new();
        project.change("another\n");
        is_quiet(&project, "origin main");
    }

    #[test]
    fn many_unrelated_branches_are_one_quiet_line() {
        let project = Project::new();
        for number in 0..5 {
            project.git(&format!("switch --quiet --create unrelated-{number} main"));
            project.change(&format!("of {number}\n"));
        }
        is_quiet(&project, "origin unrelated-0 unrelated-1 unrelated-2 unrelated-3 unrelated-4");
    }

    #[test]
    fn a_push_after_a_task_that_was_pushed_is_not_told_to_measure_that_again() {
        let project = Project::new();
        project.clean();
        project.push("origin main").passed();
        project.change("of no task\n");
        is_quiet(&project, "origin main");
    }

    #[test]
    fn a_push_beside_a_task_of_another_branch_is_not_told_to_measure_that_again() {
        let project = Project::new();
        project.record(&before(), Some(&project.content()));
        let after = as_fast().with(|provenance| {
            provenance.git.as_mut().unwrap().branch = Some("task/007-x".to_owned());
        });
        project.record(&after, Some("the content of 007"));
        project.change("of no task\n");
        let said = project.push("--dry-run origin main:refs/heads/task/007-x").passed();
        assert_has(&said, &["the code changed since", "cargo perf-check 007 after\n"]);
        is_quiet(&project, "origin main:refs/heads/hotfix");
    }

    #[test]
    fn code_that_changed_since() {
        let project = Project::new();
        project.clean();
        project.change("a third\n");
        warns(&project, "the code changed since", "cargo perf-check 007 after\n");
    }

    #[test]
    fn a_regression_of_code_that_changed_since() {
        let project = Project::new();
        project.regressed();
        project.change("a third\n");
        warns(&project, "the code changed since", "perf-check 007 after");
    }

    #[test]
    fn code_that_changed_since_in_competitive_mode() {
        let project = Project::new();
        project.measured(&competitive_before(), &competitive_as_fast());
        project.change("a third\n");
        warns(&project, "the code changed since", "cargo perf-check 007 after --competitive\n");
    }

    #[test]
    fn code_that_changed_since_in_one_of_two_modes() {
        let project = Project::new();
        project.record(&competitive_before(), Some(&project.content()));
        project.record(&competitive_as_fast(), Some("another content"));
        project.clean();
        warns(
            &project,
            "task 007, competitive: the code changed since after was measured",
            "cargo perf-check 007 after --competitive\n",
        );
    }

    #[test]
    fn a_before_without_an_after() {
        let project = Project::new();
        project.record(&before(), Some(&project.content()));
        project.change("another\n");
        warns(
            &project,
            "before was measured for task 007, after was not",
            "cargo perf-check 007 after\n",
        );
    }

    #[test]
    fn an_after_without_a_before() {
        let project = Project::new();
        let tip = project.change("another\n");
        project.record(&slower(), Some(&tip));
        warns(&project, "there is no before result", "cargo perf-check 007 before");
    }

    #[test]
    fn an_after_of_unknown_content() {
        let project = Project::new();
        project.record(&before(), Some(&project.content()));
        project.change("another\n");
        project.record(&slower().not_built(), None);
        warns(&project, "the source hash of after is unknown", "cargo perf-check 007 after\n");
    }

    #[test]
    fn a_before_of_unknown_content() {
        let project = Project::new();
        project.record(&before().not_built(), None);
        let tip = project.change("another\n");
        project.record(&slower(), Some(&tip));
        warns(&project, "the source hash of before is unknown", "cargo perf-check 007 before");
    }

    #[test]
    fn what_the_old_scripts_measured() {
        let project = Project::new();
        project.record(&before().by_old_script(), None);
        project.change("another\n");
        project.record(&slower().by_old_script(), None);
        let mut push = project.push_command("origin main");
        push.env("PERF_TASK", "007");
        let said = crate::common::finish(push).passed();
        assert_has(&said, &["the source hash of after is unknown", "cargo perf-check 007 after\n"]);
    }

    #[test]
    fn a_before_on_this_very_content() {
        let project = Project::new();
        let tip = project.change("another\n");
        project.record(&before().same_server(), Some(&tip));
        project.record(&slower().same_server(), Some(&tip));
        warns(&project, "before was measured on this content", "cargo perf-check 007 before");
    }

    #[test]
    fn sides_that_cannot_be_compared() {
        let project = Project::new();
        project.measured(&before(), &slower().elapsed(30.0));
        warns(&project, "duration 60 s before, 30 s after", "cargo perf-check 007 after\n");
    }

    #[test]
    fn an_after_that_cannot_be_read() {
        let project = Project::new();
        project.clean();
        let newest = project.break_newest_after();
        warns(&project, &newest, "cargo perf-check 007 after\n");
    }

    #[test]
    fn a_group_with_a_run_that_cannot_be_read() {
        let project = Project::new();
        project.record(&before(), Some(&project.content()));
        let tip = project.change("another\n");
        project.record_group(&slower(), &[(0.6, &tip), (0.6, &tip)]);
        let newest = project.break_newest_after();
        warns(&project, &newest, "cargo perf-check 007 after\n");
    }

    #[test]
    fn a_group_of_mixed_content() {
        let project = Project::new();
        project.record(&before(), Some(&project.content()));
        let tip = project.change("another\n");
        project.record_group(&slower(), &[(0.6, "another content"), (0.6, &tip)]);
        warns(&project, "the source hash of after is unknown", "cargo perf-check 007 after\n");
    }

    #[test]
    fn a_competitor_whose_figure_is_missing() {
        let project = Project::new();
        project.measured(&competitive_before(), &competitive_as_fast());
        project.checkout.write("docs/reference/competitive_baselines.md", "none yet\n");
        project.commit();
        warns(&project, "no table with the columns", "docs/reference/competitive_baselines.md");
    }

    #[test]
    fn blocks_where_what_is_required_cannot_be_read() {
        let project = Project::new();
        project.git("config perf.required ja");
        project.change("another\n");
        assert_has(&project.push("origin main").blocked(), &["perf.required is not a boolean"]);
    }

    #[test]
    fn blocks_where_git_is_told_so_for_this_push_only() {
        let project = Project::new();
        project.change("another\n");
        let push = crate::common::project::git(
            project.folder(),
            "-c perf.required=true push --quiet origin main",
        );
        assert_has(&crate::common::finish(push).blocked(), &["perf.required is true"]);
    }
}

mod tasks {
    use super::*;

    /// A change on which task 007 measured no regression, and task 008 one.
    fn two_tasks() -> Project {
        let project = Project::new();
        project.record(&before().task("008"), Some(&project.content()));
        let tip = project.clean();
        project.record(&slower().task("008"), Some(&tip));
        project
    }

    fn push_for(project: &Project, task: &str) -> crate::common::Finished {
        let mut push = project.push_command("origin main");
        push.env("PERF_TASK", task);
        crate::common::finish(push)
    }

    #[test]
    fn all_that_measured_this_content_are_judged() {
        let said = two_tasks().push("origin main").blocked();
        assert_has(&said, &["no regression: 007", "REGRESSION: 008"]);
    }

    #[test]
    fn perf_task_hides_no_regression_of_another() {
        let project = two_tasks();
        for task in ["007", "008", "009"] {
            let said = push_for(&project, task).blocked();
            assert_has(&said, &["no regression: 007", "REGRESSION: 008"]);
        }
    }

    #[test]
    fn a_perf_task_without_results_is_not_known() {
        let project = Project::new();
        project.clean();
        project.require();
        push_for(&project, "009").blocked();
        project.git("config --unset perf.required");
        let said = push_for(&project, "009").passed();
        assert_has(&said, &["no regression: 007", "PERF_TASK names 009, which has no results"]);
    }

    #[test]
    fn the_name_of_the_branch_hides_no_regression_of_another() {
        let project = two_tasks();
        for branch in ["task/007-fan-effect", "task/008-fan-effect", "task/009"] {
            let said = project.push(&format!("origin main:refs/heads/{branch}")).blocked();
            assert_has(&said, &["no regression: 007", "REGRESSION: 008"]);
        }
    }

    #[test]
    fn a_branch_renamed_to_another_task_hides_no_regression() {
        let project = Project::new();
        project.regressed();
        project.push("origin main:refs/heads/task/009-innocent").blocked();
    }

    #[test]
    fn a_branch_named_after_a_stale_task_hides_no_regression() {
        let project = Project::new();
        project.record(&as_fast().task("009"), Some("another content"));
        project.regressed();
        project.push("origin main:refs/heads/task/009-innocent").blocked();
    }

    #[test]
    fn a_newer_after_of_another_task_hides_no_regression() {
        let project = Project::new();
        project.regressed();
        project.record(&as_fast().task("008").at("20251109_120000"), Some("another content"));
        project.push("origin main").blocked();
    }

    #[test]
    fn a_newer_after_of_another_mode_hides_no_regression() {
        let project = Project::new();
        project.regressed();
        project.record(&competitive_as_fast().at("20251109_120000"), Some("another content"));
        project.push("origin main").blocked();
    }

    #[test]
    fn that_measured_other_content_do_not_weaken_a_clean_verdict() {
        let project = Project::new();
        project.require();
        project.record(&before().task("006"), Some("older"));
        project.record(&slower().task("006"), Some("another content"));
        project.clean();
        let said = project.push("origin main").passed();
        assert!(!said.contains("006"), "{said}");
    }

    #[test]
    fn whose_ids_begin_alike_are_kept_apart() {
        let project = Project::new();
        project.record(&before().task("007_b"), Some(&project.content()));
        let tip = project.clean();
        project.record(&slower().task("007_b"), Some(&tip));
        project.push("origin main:refs/heads/task/007_b").blocked();
    }
}

mod a_paired_session {
    use super::*;

    #[test]
    fn that_found_a_regression_blocks_what_single_runs_let_pass() {
        let project = Project::new();
        project.clean();
        session(&project, 0.6);
        let said = project.push("origin main").blocked();
        assert_has(&said, &["REGRESSION: 007 internal"]);
    }

    #[test]
    fn that_found_none_lets_pass_what_single_runs_would_block() {
        let project = Project::new();
        project.regressed();
        session(&project, 0.455);
        assert_has(&project.push("origin main").passed(), &["no regression: 007 internal"]);
    }

    #[test]
    fn without_an_after_on_this_content_is_not_known() {
        let project = Project::new();
        project.clean();
        session(&project, 0.6);
        project.change("a third\n");
        assert_has(&project.push("origin main").passed(), &["the code changed since"]);
    }

    /// Pairs on the two servers: a before of about 0.458 ms, and this after. What content they were built from, the
    /// runs do not say: earlier builds may have made the same servers.
    fn session(project: &Project, after_ms: f64) {
        // A result has whole microseconds.
        let recorded = |ms: f64| (ms * 1000.0).round() / 1000.0;
        let pairs: Vec<(f64, f64)> = (0..PLAN.looks()[0])
            .map(|pair| 1.0 + 0.002 * f64::from(u8::try_from(pair).unwrap()))
            .map(|noise| (recorded(0.458 * noise), recorded(after_ms * (2.0 - noise))))
            .collect();
        Recording::write_session(&before(), &as_fast(), &project.checkout, &pairs);
    }
}
