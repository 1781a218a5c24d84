//! The decisions of the hook: each row of its table, and the verdicts that it takes into account.

use xtask::measure::content;
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
    fn a_new_branch_without_new_commits_passes_silently() {
        let project = strict();
        project.push("origin main:refs/heads/copy").passed_silently();
        assert_eq!(project.on_remote("copy"), project.git("rev-parse HEAD"));
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

mod a_clean_verdict {
    use super::*;

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
        let scratch = tempfile::tempdir().unwrap();
        let measured = content::of_files(project.folder(), &scratch.path().join("s")).unwrap();
        project.record(&as_fast(), Some(&measured));
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
        let scratch = tempfile::tempdir().unwrap();
        let measured = content::of_files(project.folder(), &scratch.path().join("s")).unwrap();
        project.record(&as_fast(), Some(&measured));
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
    fn measured_before_the_commit_message_was_amended_is_blocked() {
        let project = Project::new();
        project.regressed();
        project.git("commit --quiet --amend --message=other");
        project.push("origin main").blocked();
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

    #[test]
    fn nothing_measured() {
        let project = Project::new();
        project.change("another\n");
        warns(&project, "nothing was measured", "cargo perf-check <task> before");
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
        warns(&project, "the source hash of after is unknown", "cargo perf-check 007 after\n");
    }

    #[test]
    fn a_before_on_this_very_content() {
        let project = Project::new();
        let tip = project.change("another\n");
        project.record(&before(), Some(&tip));
        project.record(&slower(), Some(&tip));
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
    fn perf_task_narrows_to_one() {
        let project = two_tasks();
        assert_has(&push_for(&project, "008").blocked(), &["008"]);
        let said = push_for(&project, "007").passed();
        assert!(!said.contains("008"), "{said}");
    }

    #[test]
    fn a_perf_task_without_results_is_not_known_and_hides_nothing_that_was_measured() {
        let project = two_tasks();
        project.require();
        push_for(&project, "009").blocked();
        project.git("config --unset perf.required");
        let said = push_for(&project, "009").passed();
        assert_has(
            &said,
            &[
                "PERF_TASK names 009, which has no results",
                "task 008 was measured on it",
                "cargo perf-check 009 before",
                "cargo perf-compare 008",
            ],
        );
    }

    #[test]
    fn the_name_of_the_branch_narrows_to_one() {
        let project = two_tasks();
        let push = |branch: &str| project.push(&format!("origin main:refs/heads/{branch}"));
        assert_has(&push("task/008-fan-effect").blocked(), &["008"]);
        let said = push("task/007-fan-effect").passed();
        assert!(!said.contains("008"), "{said}");
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
    fn a_branch_named_after_a_task_without_results_is_told_how_to_measure_it() {
        let project = Project::new();
        project.change("another\n");
        let said = project.push("origin main:refs/heads/task/012-new").passed();
        assert_has(&said, &["cargo perf-check 012 before", "perf-check 012 after"]);
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
        assert_has(&project.push("origin main").passed(), &["no regression"]);
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
