//! Where it is run from, and what the machine lacks.

use std::fs;
use std::process::Stdio;

use crate::common::{Checkout, by_shell, finish, git, on_a_full_disk, programs_without};

#[test]
fn the_results_folder_is_made_where_there_is_none() {
    let checkout = Checkout::new();
    assert!(!checkout.path("tmp").exists());
    checkout.measures(checkout.check("007 before"));
    assert_eq!(checkout.results().len(), 1);
}

#[test]
fn a_path_with_spaces_is_a_path() {
    let checkout = Checkout::new();
    let asked = checkout.path("");
    assert!(asked.to_str().unwrap().contains(' '));
    let elsewhere = tempfile::tempdir().unwrap();
    let mut check = checkout.check("007 before");
    check.current_dir(&elsewhere).arg("-C").arg(&asked);
    let output = checkout.measures(check).output;
    let quoted = format!("-C '{}'", asked.display());
    assert!(output.contains(&quoted), "{output}");
}

#[test]
fn another_checkout_is_measured_where_it_lies() {
    let checkout = Checkout::new();
    let elsewhere = Checkout::new();
    let mut check = checkout.check("007 before");
    check.current_dir(elsewhere.path("")).arg("-C").arg(checkout.path(""));
    checkout.measures(check);
    assert_eq!(checkout.results().len(), 1);
    assert!(!elsewhere.path("tmp").exists());
}

#[test]
fn a_relative_checkout_is_relative_to_the_callers_folder() {
    let checkout = Checkout::new();
    let mut check = checkout.check("007 before -C ../..");
    check.current_dir(checkout.path("scenarios/competitive"));
    checkout.measures(check);
    assert_eq!(checkout.results().len(), 1);
}

#[test]
fn started_from_a_subfolder_it_measures_the_workspace_around_it() {
    let checkout = Checkout::new();
    let mut check = checkout.check("007 before");
    check.current_dir(checkout.path("scenarios/competitive"));
    checkout.measures(check);
    assert_eq!(checkout.results().len(), 1);
}

#[test]
fn started_by_cargo_it_measures_the_workspace_of_its_package_wherever_the_caller_stands() {
    let checkout = Checkout::new();
    let elsewhere = Checkout::new();
    let mut check = checkout.check("007 before");
    check.current_dir(elsewhere.path("")).env("CARGO_MANIFEST_DIR", checkout.path("xtask"));
    checkout.measures(check);
    assert_eq!(checkout.results().len(), 1);
    assert!(!elsewhere.path("tmp").exists());
}

#[test]
fn without_git_it_is_refused() {
    let checkout = Checkout::new();
    let programs = programs_without("git");
    let mut check = checkout.check("007 before");
    check.env("PATH", programs.path());
    let message = checkout.refuses(check);
    assert!(message.contains("cannot hash") && message.contains("`git`"), "{message}");
}

#[test]
fn outside_a_repository_the_binaries_are_hashed_all_the_same() {
    let checkout = Checkout::new();
    checkout.measures(checkout.check("007 before"));
    let provenance = checkout.provenance();
    assert_eq!(provenance.git, None);
    assert!(provenance.build.engram_hash.is_some());
}

#[test]
fn a_detached_head_has_a_commit_and_no_branch() {
    let checkout = Checkout::new();
    checkout.commit();
    git(&checkout.path(""), &["checkout", "--quiet", "--detach"]);
    checkout.measures(checkout.check("007 before"));
    let state = checkout.provenance().git.unwrap();
    assert_eq!(state.branch, None);
    assert_eq!(state.commit, Some(git(&checkout.path(""), &["rev-parse", "HEAD"])));
}

#[test]
fn the_variables_of_a_git_hook_do_not_lead_it_to_the_repository_of_the_hook() {
    let checkout = Checkout::new();
    checkout.commit();
    let other = Checkout::new();
    other.write("other", "");
    other.commit();
    let mut check = checkout.check("007 before");
    check
        .env("GIT_DIR", other.path(".git"))
        .env("GIT_INDEX_FILE", other.path(".git/index"))
        .env("GIT_WORK_TREE", other.path(""));
    checkout.measures(check);
    assert_eq!(
        checkout.provenance().git.unwrap().commit,
        Some(git(&checkout.path(""), &["rev-parse", "HEAD"]))
    );
}

#[cfg(target_os = "linux")]
#[test]
fn without_ps_the_server_is_sampled_all_the_same() {
    let checkout = Checkout::new();
    let programs = programs_without("ps");
    let mut check = checkout.check("007 before");
    check.env("PATH", programs.path());
    checkout.measures(check);
    assert!(checkout.provenance().server.peak_memory_kib.is_some());
    assert!(checkout.only("_sys.txt").lines().count() > 4);
}

#[test]
fn without_setpriv_it_measures_all_the_same() {
    let checkout = Checkout::new();
    let programs = programs_without("setpriv");
    let mut check = checkout.check("007 before");
    check.env("PATH", programs.path());
    checkout.measures(check);
}

#[test]
fn a_disk_that_is_full_when_the_binaries_are_kept_is_named() {
    let checkout = Checkout::new();
    let message = checkout.refuses(on_a_full_disk(&checkout.check("007 before")));
    assert!(
        message.contains("cannot keep the binaries in") && message.contains("is the disk full?"),
        "{message}"
    );
}

#[test]
fn a_disk_that_is_full_when_the_result_is_written_leaves_no_result() {
    let checkout = Checkout::new();
    // What is larger than the limit are the result and the logs, and not the binaries.
    for name in ["engram", "loadtest"] {
        checkout.script(name, &format!("exec \"$STAND_IN/{name}\" \"$@\""));
    }
    let message = checkout.refuses(on_a_full_disk(&checkout.check("007 before")));
    assert!(message.contains("the load generator"), "{message}");
    assert!(message.contains("File too large"), "{message}");
}

#[test]
fn a_disk_that_is_full_when_the_run_is_saved_leaves_no_file_of_it() {
    let checkout = Checkout::new();
    checkout.script("engram", "exec \"$STAND_IN/engram\" \"$@\"");
    checkout.script(
        "loadtest",
        "while [ \"$1\" != --output ]; do shift; done\n\
         echo '{\"config_name\": \"M17 Baseline\", \"elapsed_seconds\": 1, \"total_operations\": 100,\
         \"total_errors\": 0, \"overall_throughput\": 100, \"overall_error_rate\": 0,\
         \"p50_latency_ms\": 1, \"p95_latency_ms\": 1, \"p99_latency_ms\": 1,\
         \"per_operation_stats\": {}}' > \"$2\"",
    );
    let message = checkout.refuses(on_a_full_disk(&checkout.check("007 before")));
    assert!(message.contains("cannot write") && message.contains("diag.txt"), "{message}");
}

#[test]
fn a_reader_that_stopped_reading_does_not_undo_a_measurement() {
    let checkout = Checkout::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut check = checkout.check("007 before");
    check.stdout(writer).stderr(Stdio::null());
    assert_eq!(check.status().unwrap().code(), Some(0));
    assert_eq!(checkout.results().len(), 1);
}

#[test]
fn closed_streams_do_not_stop_a_measurement() {
    let checkout = Checkout::new();
    let check = checkout.check("007 before");
    let mut closed = by_shell(&check, "exec \"$0\" \"$@\" <&- >&- 2>&-");
    assert_eq!(closed.status().unwrap().code(), Some(0));
    assert_eq!(checkout.results().len(), 1);
    checkout.assert_nothing_runs();
}

#[test]
fn a_result_that_an_interrupted_run_left_is_not_taken_for_that_of_the_next() {
    let checkout = Checkout::new();
    checkout.measures(checkout.check("007 before"));
    let results = checkout.path("tmp/m17_performance");
    let left = results.join("unsaved/result.json");
    fs::create_dir(results.join("unsaved")).unwrap();
    fs::rename(results.join(&checkout.results()[0]), left).unwrap();
    let mut check = checkout.check("007 before");
    check.env("STAND_IN_LOAD", "no-json");
    let message = finish(check).refused();
    assert!(message.contains("wrote no result"), "{message}");
    assert_eq!(checkout.results(), Vec::<String>::new());
}

#[test]
fn a_folder_of_a_users_temporary_files_is_not_needed() {
    let checkout = Checkout::new();
    let mut check = checkout.check("007 before");
    check.env("TMPDIR", checkout.path("nowhere"));
    checkout.measures(check);
}
