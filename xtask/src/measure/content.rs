//! What was measured, as one hash: over the path, mode and blob of every file that git tracks or would track,
//! uncommitted changes included, but not over what cannot change the server. A commit has the same hash as the files
//! that it was made from.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use super::shell::{self, clean};

/// The folders at the checkout's root that cannot change the server. `*.md` cannot either, wherever it is.
const DOCUMENTS: [&str; 3] = ["docs/", "roadmap/", "tmp/"];

/// The content of the files in `checkout` as they are now; `None` without git, outside a repository, or where git
/// cannot read a file.
///
/// It asks git itself what a commit of everything would hold, with an index and objects of its own in a temporary
/// folder: filters, links, modes and ignored files are as git sees them, and nothing is written to the repository.
/// `scratch` is that folder; it is made, and removed again.
pub fn of_files(checkout: &Path, scratch: &Path) -> Option<String> {
    let hash = staged(checkout, scratch);
    // Whoever cannot remove it leaves it to the next check.
    let _ = fs::remove_dir_all(scratch);
    hash
}

fn staged(checkout: &Path, scratch: &Path) -> Option<String> {
    let shell = shell::shell(checkout).ok()?;
    let objects = scratch.join("objects");
    fs::create_dir_all(&objects).ok()?;
    let index = copy_of_index(&shell, checkout, scratch)?;
    let real_objects = absolute(
        checkout,
        &shell::answer(cmd!(shell, "git rev-parse --git-path objects"))?,
    );
    let git = |command: xshell::Cmd<'_>| {
        let output = clean(command)
            .env("GIT_INDEX_FILE", &index)
            .env("GIT_OBJECT_DIRECTORY", &objects)
            .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", &real_objects)
            .ignore_stderr()
            .output()
            .ok()?;
        Some(output.stdout)
    };
    let changed = git(cmd!(
        shell,
        "git -c core.fsmonitor=false ls-files -z --modified --others --exclude-standard"
    ))?;
    let changed: Vec<&[u8]> = changed
        .split(|&byte| byte == 0)
        .filter(|path| !path.is_empty() && changes_the_server(path))
        .collect();
    // For a file that did not change, `add` would renew the time of the repository's own object.
    if !changed.is_empty() {
        git(cmd!(
            shell,
            "git --literal-pathspecs -c core.fsmonitor=false -c core.splitIndex=false -c advice.addEmbeddedRepo=false
             add --all --pathspec-from-file=- --pathspec-file-nul"
        )
        .stdin(changed.join(&0)))?;
    }
    let listing = git(cmd!(shell, "git ls-files -z --stage"))?;
    // <mode> SP <blob> SP <stage> TAB <path>
    hash(
        &shell,
        entries(&listing).filter_map(|(head, path)| {
            let mut head = head.split(' ');
            Some((head.next()?, head.next()?, path))
        }),
    )
}

/// The content of a commit, as [`of_files`] would give it for a clean checkout of it.
pub fn of_commit(checkout: &Path, commit: &str) -> Option<String> {
    let shell = shell::shell(checkout).ok()?;
    let output = clean(cmd!(shell, "git ls-tree -r -z {commit}"))
        .ignore_stderr()
        .output()
        .ok()?;
    // <mode> SP <type> SP <blob> TAB <path>
    hash(
        &shell,
        entries(&output.stdout).filter_map(|(head, path)| {
            let mut head = head.split(' ');
            Some((head.next()?, head.nth(1)?, path))
        }),
    )
}

/// The content hash of a file as it lies on the disk; `None` without git.
pub fn of_file(file: &Path) -> Option<String> {
    let shell = shell::shell(Path::new("/")).ok()?;
    shell::answer(cmd!(shell, "git hash-object --no-filters -- {file}"))
}

/// The copy keeps the original's modification time: git tells by it which entries may be stale.
fn copy_of_index(shell: &Shell, checkout: &Path, scratch: &Path) -> Option<PathBuf> {
    let original = absolute(
        checkout,
        &shell::answer(cmd!(shell, "git rev-parse --git-path index"))?,
    );
    let copy = scratch.join("index");
    // A repository without a commit may have no index yet.
    if let Ok(metadata) = fs::metadata(&original) {
        fs::copy(&original, &copy).ok()?;
        let copied = File::options().write(true).open(&copy).ok()?;
        copied.set_modified(metadata.modified().ok()?).ok()?;
    }
    Some(copy)
}

fn absolute(checkout: &Path, path: &str) -> PathBuf {
    checkout.join(path)
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
    entries: impl Iterator<Item = (&'a str, &'a str, &'a [u8])>,
) -> Option<String> {
    let mut entries: Vec<_> = entries
        .filter(|(_, _, path)| changes_the_server(path))
        .collect();
    entries.sort_unstable_by_key(|(_, _, path)| *path);
    let mut list = Vec::new();
    for (mode, blob, path) in entries {
        list.extend_from_slice(path);
        list.extend_from_slice(format!("\0{mode} {blob}\n").as_bytes());
    }
    clean(cmd!(shell, "git hash-object --no-filters --stdin"))
        .stdin(list)
        .ignore_stderr()
        .read()
        .ok()
}

fn changes_the_server(path: &[u8]) -> bool {
    !path.ends_with(b".md")
        && !DOCUMENTS
            .iter()
            .any(|folder| path.starts_with(folder.as_bytes()))
}
