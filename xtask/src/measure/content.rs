//! The measured content as one hash: over the path, mode and blob of every file that git tracks or would track,
//! uncommitted changes included, but not over what cannot change the server. A commit has the same hash as the files
//! that it was made from.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use xshell::{Cmd, Shell, cmd};

use super::git;
use super::shell::{self, clean};

/// The folders at the checkout's root that cannot change the server. `*.md` cannot either, in any folder. Where the
/// checkout is a folder of its repository, the rest of the repository counts: its workspace may be there.
const DOCUMENTS: [&str; 3] = ["docs/", "roadmap/", "tmp/"];

/// The content of the files in `checkout` as they are now; `None` without git, outside a repository, where git cannot
/// read a file, or where a submodule has changes of its own, which no commit here would hold.
///
/// It asks git itself what a commit of everything would hold, with an index and objects of its own in a temporary
/// folder: filters, links, modes and ignored files are as git sees them, and nothing is written to the repository.
/// `scratch` is that folder; it is made, and removed again.
pub fn of_files(checkout: &Path, scratch: &Path) -> Option<String> {
    let hash = staged(checkout, scratch);
    // What cannot be removed is left to the next check.
    let _ = fs::remove_dir_all(scratch);
    hash
}

fn staged(checkout: &Path, scratch: &Path) -> Option<String> {
    let prefix = git::prefix(checkout)?;
    let index = PrivateIndex::new(&git::root(checkout).ok()?, scratch)?;
    index.lift_marks()?;
    index.add_changes(&prefix)?;
    let listing = index.git(cmd!(index.shell, "git ls-files -z --stage"))?;
    // <mode> SP <blob> SP <stage> TAB <path>
    let list: Vec<_> = entries(&listing)
        .filter_map(|(head, path)| {
            let mut head = head.split(' ');
            Some((head.next()?, head.next()?, path))
        })
        .collect();
    if list.iter().any(|(mode, ..)| *mode == SUBMODULE) && index.has_changed_submodule()? {
        return None;
    }
    hash(&index.shell, &prefix, list.into_iter())
}

/// The mode of a submodule.
const SUBMODULE: &str = "160000";

/// A copy of a repository's index, with objects of its own.
struct PrivateIndex {
    root: PathBuf,
    shell: Shell,
    /// They lead git to the copy.
    variables: [(&'static str, PathBuf); 3],
}

impl PrivateIndex {
    fn new(root: &Path, scratch: &Path) -> Option<Self> {
        let (index, objects) = (scratch.join("index"), scratch.join("objects"));
        fs::create_dir_all(&objects).ok()?;
        copy_of_index(&git::own_file(root, "index")?, &index)?;
        let real_objects = git::own_file(root, "objects")?;
        Some(Self {
            root: root.to_owned(),
            shell: shell::shell(root).ok()?,
            variables: [
                ("GIT_INDEX_FILE", index),
                ("GIT_OBJECT_DIRECTORY", objects),
                ("GIT_ALTERNATE_OBJECT_DIRECTORIES", real_objects),
            ],
        })
    }

    /// The output of a git command on this index.
    fn git(&self, command: Cmd<'_>) -> Option<Vec<u8>> {
        let command = (self.variables.iter())
            .fold(clean(command), |command, (name, value)| command.env(name, value));
        Some(command.ignore_stderr().output().ok()?.stdout)
    }

    /// Removes the marks `--assume-unchanged` (a small letter) and `--skip-worktree` (`S`), which keep git from looking
    /// at a file. The files that a sparse checkout leaves out keep them.
    fn lift_marks(&self) -> Option<()> {
        let shell = &self.shell;
        let listing = self.git(cmd!(shell, "git ls-files -z -v"))?;
        let sparse = shell::answer(cmd!(shell, "git config --type=bool core.sparseCheckout"))
            .is_some_and(|sparse| sparse == "true");
        let is_there = |path| fs::symlink_metadata(self.root.join(OsStr::from_bytes(path))).is_ok();
        let marked: Vec<&[u8]> = listing
            .split(|&byte| byte == 0)
            .filter(|entry| matches!(entry.first(), Some(b'S' | b'a'..=b'z')))
            .filter_map(|entry| entry.get(2..))
            .filter(|path| !sparse || is_there(path))
            .collect();
        if !marked.is_empty() {
            for mark in ["--no-assume-unchanged", "--no-skip-worktree"] {
                self.git(
                    cmd!(shell, "git -c core.splitIndex=false update-index {mark} -z --stdin")
                        .stdin(marked.join(&0)),
                )?;
            }
        }
        Some(())
    }

    fn add_changes(&self, prefix: &str) -> Option<()> {
        let shell = &self.shell;
        let changed = self.git(cmd!(
            shell,
            "git -c core.fsmonitor=false ls-files -z --modified --others --exclude-standard"
        ))?;
        let changed: Vec<&[u8]> = changed
            .split(|&byte| byte == 0)
            .filter(|path| !path.is_empty() && changes_the_server(path, prefix))
            .collect();
        // For a file that did not change, `add` would renew the time of the repository's own object.
        if !changed.is_empty() {
            self.git(cmd!(
                shell,
                "git --literal-pathspecs -c core.fsmonitor=false -c core.splitIndex=false -c advice.addEmbeddedRepo=false
                 add --all --pathspec-from-file=- --pathspec-file-nul"
            )
            .stdin(changed.join(&0)))?;
        }
        Some(())
    }

    /// `true` where a submodule's files are not those of the commit that stands for it.
    fn has_changed_submodule(&self) -> Option<bool> {
        let shell = &self.shell;
        let status = self.git(cmd!(
            shell,
            "git -c core.fsmonitor=false --no-optional-locks status -z --porcelain=v2 --no-renames
             --untracked-files=normal --ignore-submodules=none"
        ))?;
        // <kind> SP <states> SP <submodule> SP …
        let changed = |entry: &[u8]| {
            let state = entry.split(|&byte| byte == b' ').nth(2);
            state.is_some_and(|state| state.starts_with(b"S") && state != b"S...")
        };
        Some(status.split(|&byte| byte == 0).any(changed))
    }
}

/// The content of a commit, as [`of_files`] would give it for a clean checkout of it.
pub fn of_commit(checkout: &Path, commit: &str) -> Option<String> {
    let prefix = git::prefix(checkout)?;
    let shell = shell::shell(checkout).ok()?;
    let output = clean(cmd!(shell, "git ls-tree -r -z --full-tree {commit}"))
        .ignore_stderr()
        .output()
        .ok()?;
    // <mode> SP <type> SP <blob> TAB <path>
    hash(
        &shell,
        &prefix,
        entries(&output.stdout).filter_map(|(head, path)| {
            let mut head = head.split(' ');
            Some((head.next()?, head.nth(1)?, path))
        }),
    )
}

/// The content hash of a file as it lies on the disk; `None` without git.
pub(crate) fn of_file(file: &Path) -> Option<String> {
    shell::answer_of_system(|shell| cmd!(shell, "git hash-object --no-filters -- {file}"))
}

/// The copy keeps the original's modification time: git tells by it which entries may be stale.
fn copy_of_index(original: &Path, copy: &Path) -> Option<()> {
    // A repository without a commit may have no index yet.
    if let Ok(metadata) = fs::metadata(original) {
        fs::copy(original, copy).ok()?;
        let copied = File::options().write(true).open(copy).ok()?;
        copied.set_modified(metadata.modified().ok()?).ok()?;
    }
    Some(())
}

/// The `head TAB path` entries of a NUL-separated listing.
fn entries(listing: &[u8]) -> impl Iterator<Item = (&str, &[u8])> {
    listing.split(|&byte| byte == 0).filter_map(|entry| {
        let tab = entry.iter().position(|&byte| byte == b'\t')?;
        let (head, path) = entry.split_at(tab);
        Some((std::str::from_utf8(head).ok()?, path.get(1..)?))
    })
}

fn hash<'a>(
    shell: &Shell,
    prefix: &str,
    entries: impl Iterator<Item = (&'a str, &'a str, &'a [u8])>,
) -> Option<String> {
    let mut entries: Vec<_> =
        entries.filter(|(_, _, path)| changes_the_server(path, prefix)).collect();
    entries.sort_unstable_by_key(|(_, _, path)| *path);
    let mut list = Vec::new();
    for (mode, blob, path) in entries {
        list.extend_from_slice(path);
        list.extend_from_slice(format!("\0{mode} {blob}\n").as_bytes());
    }
    shell::answer(cmd!(shell, "git hash-object --no-filters --stdin").stdin(list))
}

/// `path` is from the root of the repository, where `prefix` leads to the checkout.
fn changes_the_server(path: &[u8], prefix: &str) -> bool {
    let in_checkout = path.strip_prefix(prefix.as_bytes());
    let is_in = |folder: &&str| in_checkout.is_some_and(|path| path.starts_with(folder.as_bytes()));
    !path.ends_with(b".md") && !DOCUMENTS.iter().any(is_in)
}
