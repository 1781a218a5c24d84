//! The measured content as one hash: over the path, mode and blob of every input of the build, as git would commit it,
//! uncommitted changes included. A commit has the same hash as the files that it was made from.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use xshell::{Cmd, Shell, cmd};

use super::git;
use super::shell::{self, clean};
use crate::error::{Error, Result};
use crate::model::inputs::Inputs;
use crate::model::layout::RESULTS;

/// What every hash begins with. Those of another kind, over other files, are equal to none.
const KIND: &str = "2:";

/// What a commit of all files would hold.
#[derive(Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The root of the repository.
    pub(crate) root: PathBuf,
    entries: Entries,
    /// The submodules with changes of their own, which no commit here would hold.
    changed_submodules: BTreeSet<Vec<u8>>,
}

/// `<mode> SP <blob>`, by path.
type Entries = BTreeMap<Vec<u8>, String>;

/// The files of the repository around `checkout` as they are now, without the recorded results; `None` without git,
/// outside a repository, or where git cannot read a file.
///
/// It asks git itself what a commit of everything would hold, with an index and objects of its own in a temporary
/// folder: filters, links, modes and ignored files are as git sees them, and nothing is written to the repository.
/// `scratch` is that folder; it is made, and removed again.
pub fn of_files(checkout: &Path, scratch: &Path) -> Option<Snapshot> {
    let snapshot = staged(checkout, scratch);
    // What cannot be removed is left to the next check.
    let _ = fs::remove_dir_all(scratch);
    snapshot
}

fn staged(checkout: &Path, scratch: &Path) -> Option<Snapshot> {
    let results = git::prefix(checkout)? + RESULTS + "/";
    let index = PrivateIndex::new(&git::root(checkout).ok()?, scratch)?;
    index.lift_marks()?;
    index.add_changes(results.as_bytes())?;
    // <mode> SP <blob> SP <stage> TAB <path>
    let entries = entries(index.list(cmd!(index.shell, "git ls-files -z --stage"))?, 0);
    let changed_submodules = match entries.values().any(|entry| entry.starts_with(SUBMODULE)) {
        true => index.changed_submodules(&entries)?,
        false => BTreeSet::new(),
    };
    Some(Snapshot { root: index.root, entries, changed_submodules })
}

impl Snapshot {
    /// True for a file that a commit would hold, by itself or in a submodule or behind a link.
    pub(crate) fn holds(&self, path: &str) -> bool {
        let mut ancestors = Path::new(path).ancestors();
        ancestors.any(|above| self.entries.contains_key(above.as_os_str().as_bytes()))
    }

    /// The hash of these inputs; `None` where one is in a submodule that has changes of its own, or is gone.
    pub fn hash(&self, inputs: &Inputs) -> Option<String> {
        if self.changed_submodules.iter().any(|path| covers(inputs, path)) {
            return None;
        }
        hash(&shell::shell(&self.root).ok()?, &self.entries, inputs)
    }
}

/// The mode of a submodule.
const SUBMODULE: &str = "160000 ";

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

    /// What a git command lists of this index.
    fn list(&self, command: Cmd<'_>) -> Option<Vec<Vec<u8>>> {
        let variables = self.variables.iter();
        list(variables.fold(clean(command), |command, (name, value)| command.env(name, value)))
    }

    /// Removes the marks `--assume-unchanged` (a small letter) and `--skip-worktree` (`S`), which keep git from looking
    /// at a file. The files that a sparse checkout leaves out keep them.
    fn lift_marks(&self) -> Option<()> {
        let shell = &self.shell;
        let listed = self.list(cmd!(shell, "git ls-files -z -v"))?;
        let sparse = shell::answer(cmd!(shell, "git config --type=bool core.sparseCheckout"))
            .is_some_and(|sparse| sparse == "true");
        let is_there = |path| fs::symlink_metadata(self.root.join(OsStr::from_bytes(path))).is_ok();
        let marked: Vec<&[u8]> = listed
            .iter()
            .filter(|entry| matches!(entry.first(), Some(b'S' | b'a'..=b'z')))
            .filter_map(|entry| entry.get(2..))
            .filter(|path| !sparse || is_there(path))
            .collect();
        if !marked.is_empty() {
            for mark in ["--no-assume-unchanged", "--no-skip-worktree"] {
                self.list(
                    cmd!(shell, "git -c core.splitIndex=false update-index {mark} -z --stdin")
                        .stdin(marked.join(&0)),
                )?;
            }
        }
        Some(())
    }

    /// Adds all changes but those below `results`.
    fn add_changes(&self, results: &[u8]) -> Option<()> {
        let shell = &self.shell;
        let mut changed = self.list(cmd!(
            shell,
            "git -c core.fsmonitor=false ls-files -z --modified --others --exclude-standard"
        ))?;
        changed.retain(|path| !path.starts_with(results));
        // For a file that did not change, `add` would renew the time of the repository's own object.
        if !changed.is_empty() {
            self.list(cmd!(
                shell,
                "git --literal-pathspecs -c core.fsmonitor=false -c core.splitIndex=false -c advice.addEmbeddedRepo=false
                 add --all --pathspec-from-file=- --pathspec-file-nul"
            )
            .stdin(changed.join(&0)))?;
        }
        Some(())
    }

    /// The submodules whose files are not those of the commit that stands for them, after all else was added.
    fn changed_submodules(&self, entries: &Entries) -> Option<BTreeSet<Vec<u8>>> {
        let shell = &self.shell;
        let changed = self.list(cmd!(
            shell,
            "git -c core.fsmonitor=false diff-files -z --name-only --ignore-submodules=none"
        ))?;
        let is_submodule =
            |path: &Vec<u8>| entries.get(path).is_some_and(|entry| entry.starts_with(SUBMODULE));
        Some(changed.into_iter().filter(is_submodule).collect())
    }
}

/// The content of a commit: what [`Snapshot::hash`] would be for a clean checkout of it, with the files that no commit
/// holds as they are in `checkout` now. `None` where git does not know the commit, or where such a file is gone.
pub fn of_commit(checkout: &Path, commit: &str, inputs: &Inputs) -> Option<String> {
    let shell = shell::shell(&git::root(checkout).ok()?).ok()?;
    let listed = list(clean(cmd!(shell, "git ls-tree -r -z --full-tree {commit}")))?;
    // <mode> SP <type> SP <blob> TAB <path>
    hash(&shell, &entries(listed, 1), inputs)
}

/// The entries that a command lists, each with a NUL behind it.
fn list(command: Cmd<'_>) -> Option<Vec<Vec<u8>>> {
    let output = command.ignore_stderr().output().ok()?.stdout;
    let entries = output.split(|&byte| byte == 0).filter(|entry| !entry.is_empty());
    Some(entries.map(<[u8]>::to_vec).collect())
}

/// The content hash of a text.
///
/// # Errors
/// Without git.
pub fn of_text(text: impl AsRef<[u8]>) -> Result<String> {
    let shell = shell::shell(Path::new("/"))?;
    let hash = clean(cmd!(shell, "git hash-object --no-filters --stdin").stdin(text));
    Ok(hash.ignore_stderr().read()?)
}

/// The content hash of a file as it lies on the disk.
///
/// # Errors
/// When it is not there, or without git.
pub(crate) fn of_file(file: &Path) -> Result<String> {
    let shell = shell::shell(Path::new("/"))?;
    let hash = clean(cmd!(shell, "git hash-object --no-filters -- {file}"));
    hash.ignore_stderr().read().map_err(Error::at("cannot hash", file))
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

/// The entries of a listing: the mode, after so many words the blob, and after a TAB the path.
fn entries(listed: Vec<Vec<u8>>, between: usize) -> Entries {
    let entry = |entry: Vec<u8>| {
        let (head, path) = entry.split_at(entry.iter().position(|&byte| byte == b'\t')?);
        let mut words = std::str::from_utf8(head).ok()?.split(' ');
        let (mode, blob) = (words.next()?, words.nth(between)?);
        Some((path.get(1..)?.to_owned(), format!("{mode} {blob}")))
    };
    listed.into_iter().filter_map(entry).collect()
}

/// The hash of what counts of `entries`, and of the files that only the disk holds, in the shell's directory.
fn hash(shell: &Shell, entries: &Entries, inputs: &Inputs) -> Option<String> {
    let mut list = Vec::new();
    for (path, entry) in entries.iter().filter(|(path, _)| covers(inputs, path)) {
        list.extend_from_slice(path);
        list.extend_from_slice(format!("\0{entry}\n").as_bytes());
    }
    let blobs = of_disk(shell, &inputs.disk)?;
    for (path, blob) in inputs.disk.iter().zip(blobs.lines()) {
        list.extend_from_slice(format!("{path}\0disk {blob}\n").as_bytes());
    }
    Some(format!("{KIND}{}", of_text(list).ok()?))
}

/// A name that is no text can only be in a folder that is an input.
fn covers(inputs: &Inputs, path: &[u8]) -> bool {
    inputs.cover(&String::from_utf8_lossy(path))
}

/// A hash a line, one for each file; `None` where one is not there.
fn of_disk(shell: &Shell, files: &BTreeSet<String>) -> Option<String> {
    // Git would wait for a FIFO.
    let is_file = |file: &String| shell.current_dir().join(file).is_file();
    if files.is_empty() || !files.iter().all(is_file) {
        return files.is_empty().then(String::new);
    }
    let names: String = files.iter().map(|file| format!("{file}\n")).collect();
    shell::answer(cmd!(shell, "git hash-object --no-filters --stdin-paths").stdin(names))
}
