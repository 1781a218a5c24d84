//! The content hash of the inputs of a build, and that what looks at a repository writes nothing to it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use xtask::measure::{content, git as git_state};
use xtask::model::inputs::Inputs;

use crate::common::git;

/// A repository with one commit.
struct Repository {
    folder: TempDir,
}

impl Repository {
    fn new() -> Self {
        let repository = Self { folder: tempfile::tempdir().unwrap() };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.write("src/main.rs", "fn main() {}\n");
        repository.write(".gitignore", "/target\n*.log\n");
        repository.commit();
        repository
    }

    fn git(&self, words: &[&str]) -> String {
        git(self.folder.path(), words)
    }

    fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(relative)
    }

    fn write(&self, relative: impl AsRef<Path>, text: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&[
            "-c",
            "user.name=test",
            "-c",
            "user.email=test@example.com",
            // It would go on in the background.
            "-c",
            "maintenance.auto=false",
            "commit",
            "--quiet",
            "--allow-empty",
            "--message=all",
        ]);
    }

    /// The content of the files as they are now.
    fn now(&self) -> String {
        of_files(self.folder.path()).unwrap()
    }

    /// The content of the commit that is checked out.
    fn committed(&self) -> String {
        content::of_commit(self.folder.path(), "HEAD", &inputs()).unwrap()
    }

    /// Checks that `change` changes the content, and that a commit of it has the content of the files.
    #[track_caller]
    fn counts(&self, change: impl FnOnce(&Self)) {
        let before = self.now();
        assert_eq!(self.committed(), before, "before the change");
        change(self);
        let now = self.now();
        assert_ne!(now, before, "the change");
        self.commit();
        assert_eq!(self.committed(), now, "of the commit");
        assert_eq!(self.now(), now, "after the commit");
    }

    /// Checks that `change` does not change the content, committed or not.
    #[track_caller]
    fn does_not_count(&self, change: impl FnOnce(&Self)) {
        let before = self.now();
        change(self);
        assert_eq!(self.now(), before, "the change");
        self.commit();
        assert_eq!(self.committed(), before, "of the commit");
    }
}

/// What the builds of these tests are made of.
fn inputs() -> Inputs {
    let paths = ["Cargo.lock", "Cargo.toml", "source", "src", "inner/src/main.rs"];
    Inputs { repository: paths.map(str::to_owned).into(), ..Inputs::default() }
}

fn of_files(checkout: &Path) -> Option<String> {
    let scratch = tempfile::tempdir().unwrap();
    content::of_files(checkout, &scratch.path().join("scratch"))?.hash(&inputs())
}

#[test]
fn a_changed_file_counts_and_has_the_content_of_its_commit() {
    Repository::new().counts(|here| here.write("src/main.rs", "fn main() { }\n"));
}

#[test]
fn a_staged_change_counts() {
    Repository::new().counts(|here| {
        here.write("src/main.rs", "fn main() { }\n");
        here.git(&["add", "src/main.rs"]);
    });
}

#[test]
fn a_new_file_counts_before_git_tracks_it() {
    Repository::new().counts(|here| here.write("src/new.rs", ""));
}

#[test]
fn a_removed_file_counts() {
    let here = Repository::new();
    here.write("src/old.rs", "");
    here.commit();
    here.counts(|here| fs::remove_file(here.path("src/old.rs")).unwrap());
}

#[test]
fn a_moved_file_counts() {
    let here = Repository::new();
    here.counts(|here| fs::rename(here.path("src"), here.path("source")).unwrap());
}

#[test]
fn an_executable_bit_counts() {
    Repository::new().counts(|here| {
        fs::set_permissions(here.path("src/main.rs"), fs::Permissions::from_mode(0o755)).unwrap();
    });
}

#[test]
fn a_link_counts_by_where_it_points() {
    let here = Repository::new();
    symlink("main.rs", here.path("src/link")).unwrap();
    here.commit();
    here.counts(|here| {
        fs::remove_file(here.path("src/link")).unwrap();
        symlink("elsewhere", here.path("src/link")).unwrap();
    });
}

#[test]
fn a_link_to_a_folder_is_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    let here = Repository::new();
    symlink(outside.path(), here.path("src/link")).unwrap();
    here.commit();
    here.does_not_count(|_| fs::write(outside.path().join("file"), "").unwrap());
}

#[test]
fn names_that_git_would_quote_count_as_they_are() {
    Repository::new().counts(|here| {
        for name in [&b"a b"[..], b"tab\tand\nline", "\u{e9}\"".as_bytes()] {
            here.write(Path::new("src").join(OsStr::from_bytes(name)), "");
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_not_utf8_counts() {
    Repository::new().counts(|here| here.write(OsStr::from_bytes(b"src/\xff"), ""));
}

#[test]
fn line_ends_are_as_git_would_commit_them() {
    let here = Repository::new();
    here.write(".gitattributes", "* text=auto\n");
    here.commit();
    here.counts(|here| here.write("src/lines", "one\r\ntwo\r\n"));
}

#[test]
fn ignored_files_do_not_count() {
    Repository::new().does_not_count(|here| {
        here.write("target/release/engram", "");
        here.write("src/a.log", "");
    });
}

#[test]
fn what_is_no_input_does_not_count() {
    for path in [
        "README.md",
        "completions/engram.fish",
        "docs/table.toml",
        "tests/server.rs",
        "tmp/m17_performance/007_before_20251108_140000.json",
        "srcs/main.rs",
    ] {
        Repository::new().does_not_count(|here| here.write(path, path));
    }
}

#[test]
fn a_document_that_is_an_input_counts() {
    Repository::new().counts(|here| here.write("src/policy.md", "slow"));
}

#[test]
fn a_file_that_no_commit_holds_counts_by_what_is_on_the_disk() {
    let here = Repository::new();
    let mut inputs = inputs();
    inputs.disk.insert("src/secret.log".into());
    let of_commit = || content::of_commit(here.folder.path(), "HEAD", &inputs);
    assert_eq!(of_commit(), None, "it is not there");
    here.write("src/secret.log", "fast");
    let fast = of_commit();
    assert!(fast.is_some() && fast != Some(here.committed()));
    here.write("src/secret.log", "slow");
    assert_ne!(of_commit(), fast);
    here.write("src/secret.log", "fast");
    assert_eq!(of_commit(), fast);
}

#[test]
fn a_fifo_in_place_of_a_file_that_no_commit_holds_is_not_waited_for() {
    let here = Repository::new();
    let mut inputs = inputs();
    inputs.disk.insert("src/secret.log".into());
    let fifo = here.path("src/secret.log");
    assert!(std::process::Command::new("mkfifo").arg(fifo).status().unwrap().success());
    assert_eq!(content::of_commit(here.folder.path(), "HEAD", &inputs), None);
}

#[test]
fn a_hash_says_of_which_kind_it_is() {
    assert!(Repository::new().now().starts_with("2:"));
}

#[test]
fn a_change_that_git_could_only_see_by_the_age_of_its_index_counts() {
    let here = Repository::new();
    // As on a file system with coarse times: same size, same second, and nothing else to tell by.
    here.git(&["config", "core.trustctime", "false"]);
    here.git(&["config", "core.checkStat", "minimal"]);
    let moment = SystemTime::now() - Duration::from_secs(60);
    let touch = |path: &str| {
        let file = File::options().write(true).open(here.path(path)).unwrap();
        file.set_modified(moment).unwrap();
    };
    here.write("src/main.rs", "old\n");
    touch("src/main.rs");
    here.commit();
    touch(".git/index");
    let before = here.now();
    here.write("src/main.rs", "new\n");
    touch("src/main.rs");
    assert_ne!(here.now(), before);
}

#[test]
fn a_checkout_in_a_subfolder_has_the_content_of_the_whole_repository() {
    let here = Repository::new();
    here.write("product/docs/a", "");
    here.commit();
    let product = here.path("product");
    let before = of_files(&product).unwrap();
    here.write("src/main.rs", "changed");
    let now = of_files(&product).unwrap();
    assert_ne!(now, before);
    here.commit();
    assert_eq!(content::of_commit(&product, "HEAD", &inputs()).unwrap(), now);
}

#[test]
fn a_change_that_git_is_told_not_to_look_for_counts() {
    for mark in ["--assume-unchanged", "--skip-worktree"] {
        let here = Repository::new();
        here.git(&["update-index", mark, "src/main.rs"]);
        let before = here.now();
        assert_eq!(before, here.committed(), "{mark}, unchanged");
        here.write("src/main.rs", "fn main() { }\n");
        let changed = here.now();
        assert_ne!(changed, before, "{mark}, changed");
        fs::remove_file(here.path("src/main.rs")).unwrap();
        assert!(![&changed, &before].contains(&&here.now()), "{mark}, removed");
    }
}

#[test]
fn what_a_sparse_checkout_leaves_out_is_unchanged() {
    let here = Repository::new();
    here.write("source/file.rs", "");
    here.commit();
    here.git(&["sparse-checkout", "set", "src"]);
    assert!(!here.path("source/file.rs").exists());
    assert_eq!(here.now(), here.committed());
    here.counts(|here| here.write("src/main.rs", "fn main() { }\n"));
    here.write("source/file.rs", "changed");
    assert_ne!(
        of_files(here.folder.path()),
        Some(here.committed()),
        "a file that is there all the same"
    );
}

#[test]
fn a_submodule_counts_by_its_commit_and_is_unknown_with_changes_of_its_own() {
    let inner = Repository::new();
    let here = Repository::new();
    here.git(&[
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        inner.folder.path().to_str().unwrap(),
        "inner",
    ]);
    here.commit();
    assert_eq!(here.now(), here.committed());
    let of_inner = |words: &[&str]| git(&here.path("inner"), words);
    here.counts(|_| {
        let who = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
        let commit = ["commit", "--quiet", "--allow-empty", "--message=empty"];
        of_inner(&[&who[..], &commit].concat());
    });
    here.write("inner/src/main.rs", "fn main() { }\n");
    assert_eq!(of_files(here.folder.path()), None, "a changed file");
    of_inner(&["checkout", "--quiet", "."]);
    assert_eq!(here.now(), here.committed());
    here.write("inner/src/new.rs", "");
    assert_eq!(of_files(here.folder.path()), None, "a new file");
}

#[test]
fn a_file_in_conflict_has_the_content_of_the_disk() {
    let here = Repository::new();
    here.git(&["switch", "--quiet", "--create", "other"]);
    here.write("src/main.rs", "theirs\n");
    here.commit();
    here.git(&["switch", "--quiet", "main"]);
    here.write("src/main.rs", "ours\n");
    here.commit();
    let merge = std::process::Command::new("git")
        .args(["merge", "--quiet", "other"])
        .current_dir(here.folder.path())
        .status();
    assert!(!merge.unwrap().success());
    here.write("src/main.rs", "both\n");
    let now = here.now();
    here.commit();
    assert_eq!(here.committed(), now);
}

#[test]
fn a_file_that_git_only_intends_to_add_counts() {
    Repository::new().counts(|here| {
        here.write("src/new.rs", "new\n");
        here.git(&["add", "--intent-to-add", "src/new.rs"]);
    });
}

#[test]
fn a_filter_of_the_repository_is_applied() {
    let here = Repository::new();
    here.git(&["config", "filter.upper.clean", "tr a-z A-Z"]);
    here.write(".gitattributes", "*.rs filter=upper\n");
    here.write("src/main.rs", "fn main() {}\n");
    here.commit();
    here.counts(|here| here.write("src/main.rs", "fn other() {}\n"));
    here.does_not_count(|here| here.write("src/main.rs", "FN OTHER() {}\n"));
}

#[test]
fn a_linked_worktree_has_the_content_of_its_own_files() {
    let here = Repository::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let linked = elsewhere.path().join("linked");
    here.git(&["worktree", "add", "--quiet", "--detach", linked.to_str().unwrap()]);
    assert_eq!(of_files(&linked).unwrap(), here.now());
    fs::write(linked.join("src/main.rs"), "changed").unwrap();
    assert_ne!(of_files(&linked).unwrap(), here.now());
}

#[test]
fn a_repository_without_a_commit_has_a_content() {
    let here = Repository::new();
    let fresh = tempfile::tempdir().unwrap();
    git(fresh.path(), &["init", "--quiet"]);
    fs::create_dir(fresh.path().join("src")).unwrap();
    for file in ["src/main.rs", ".gitignore"] {
        fs::copy(here.path(file), fresh.path().join(file)).unwrap();
    }
    assert_eq!(of_files(fresh.path()).unwrap(), here.committed());
}

#[test]
fn outside_a_repository_the_content_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    assert_eq!(of_files(folder.path()), None);
}

#[test]
fn a_commit_that_does_not_exist_has_no_content() {
    let here = Repository::new();
    assert_eq!(content::of_commit(here.folder.path(), "nowhere", &inputs()), None);
}

#[test]
fn the_scratch_folder_is_removed_again() {
    let here = Repository::new();
    let scratch = here.path("tmp/scratch");
    assert!(content::of_files(here.folder.path(), &scratch).is_some());
    assert!(!scratch.exists());
}

#[test]
fn nothing_is_written_to_the_repository() {
    let here = Repository::new();
    here.write("src/new.rs", "not in any commit");
    // Git would refresh the index for a file that was only touched.
    here.write("src/main.rs", "fn main() {}\n");
    let before = files_of(&here.path(".git"));
    here.now();
    here.committed();
    git_state::state(here.folder.path()).unwrap();
    let after = files_of(&here.path(".git"));
    let written: Vec<&PathBuf> = before
        .keys()
        .chain(after.keys())
        .filter(|path| before.get(*path) != after.get(*path))
        .collect();
    assert_eq!(written, Vec::<&PathBuf>::new());
}

/// Every file below `folder`, with when it was changed and what is in it.
fn files_of(folder: &Path) -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|entry| {
            let entry = entry.unwrap();
            let changed = entry.metadata().unwrap().modified().unwrap();
            // A folder has no bytes of its own.
            let bytes = fs::read(entry.path()).unwrap_or_default();
            (entry.into_path(), (changed, bytes))
        })
        .collect()
}

#[test]
fn a_checkout_with_changes_is_dirty() {
    let here = Repository::new();
    assert!(!git_state::state(here.folder.path()).unwrap().dirty);
    here.write("src/new.rs", "");
    assert!(git_state::state(here.folder.path()).unwrap().dirty);
}

#[test]
fn recorded_results_do_not_make_a_checkout_dirty() {
    let here = Repository::new();
    here.write("tmp/m17_performance/007_before_20251108_140000.json", "");
    assert!(!git_state::state(here.folder.path()).unwrap().dirty);
}
