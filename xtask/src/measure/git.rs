//! Facts about the checkout from git, without writing to the repository.

use std::path::{Path, PathBuf};

use xshell::cmd;

use super::shell::answer_in;
use crate::error::{Error, Result};
use crate::model::layout::RESULTS;
use crate::model::provenance::Git;

/// Commit, branch and uncommitted changes; `None` without git or outside a repository.
pub fn state(checkout: &Path) -> Option<Git> {
    // The results that this tool itself wrote are no change.
    let others = format!(":(exclude){RESULTS}");
    // Without optional locks, `status` does not refresh the index on disk.
    let status = answer_in(checkout, |shell| {
        cmd!(shell, "git --no-optional-locks status --porcelain=v2 --branch -- {others}")
    })?;
    let header = |name: &str| {
        let mut lines = status.lines();
        let value = lines.find_map(|line| line.strip_prefix("# branch.")?.strip_prefix(name))?;
        Some(value.trim().to_owned()).filter(|value| !value.starts_with('('))
    };
    Some(Git {
        commit: header("oid"),
        branch: header("head"),
        dirty: status.lines().any(|line| !line.starts_with('#')),
    })
}

/// The root of the working tree around `folder`.
///
/// # Errors
/// Outside a repository, or without git.
pub(crate) fn root(folder: &Path) -> Result<PathBuf> {
    answer_in(folder, |shell| cmd!(shell, "git rev-parse --show-toplevel"))
        .map(PathBuf::from)
        .ok_or_else(|| Error::new(format!("{} is not in a git repository", folder.display())))
}

/// The path from the working tree's root to `folder`: empty, or ending in `/`.
pub(crate) fn prefix(folder: &Path) -> Option<String> {
    answer_in(folder, |shell| cmd!(shell, "git rev-parse --show-prefix"))
}

/// The same folder as `folder` in every working tree of its repository.
pub(crate) fn worktrees(folder: &Path) -> Vec<PathBuf> {
    let listed = || {
        let prefix = prefix(folder)?;
        let listed = answer_in(folder, |shell| cmd!(shell, "git worktree list --porcelain"))?;
        let lines = listed.lines();
        let roots = lines.filter_map(|line| line.strip_prefix("worktree "));
        // By components, which leave out a slash at the end.
        let folder = |root| Path::new(root).join(&prefix).components().collect();
        Some(roots.map(folder).collect())
    };
    listed().unwrap_or_default()
}

/// The folder that git looks for hooks in, which need not exist.
///
/// # Errors
/// Outside a repository, or without git.
pub(crate) fn hooks_folder(folder: &Path) -> Result<PathBuf> {
    // A relative core.hooksPath is relative to the working tree's root.
    let root = root(folder)?;
    own_file(&root, "hooks").ok_or_else(|| {
        let root = root.display();
        Error::new(format!("git does not say where the hooks of {root} are"))
    })
}

/// The absolute folder of `core.hooksPath` where the user or the system has it for every repository, and which of
/// them.
pub(crate) fn hooks_of_all(folder: &Path) -> Option<(PathBuf, String)> {
    let set = answer_in(folder, |shell| {
        cmd!(shell, "git config --show-scope --type=path --get core.hooksPath")
    })?;
    let (scope, path) = set.split_once('\t')?;
    let of_all = ["global", "system"].contains(&scope) && Path::new(path).is_absolute();
    of_all.then(|| (PathBuf::from(path), scope.to_owned()))
}

/// The path of a file of the repository itself, by git's own variables and settings.
pub(crate) fn own_file(folder: &Path, name: &str) -> Option<PathBuf> {
    let path = answer_in(folder, |shell| cmd!(shell, "git rev-parse --git-path {name}"))?;
    Some(folder.join(path))
}

/// `true` for a file that git tracks.
pub(crate) fn is_tracked(folder: &Path, file: &Path) -> bool {
    lists(folder, "--cached", file)
}

/// `true` for a file in a working tree that git would track.
pub(crate) fn is_new(folder: &Path, file: &Path) -> bool {
    lists(folder, "--others", file)
}

fn lists(folder: &Path, which: &str, file: &Path) -> bool {
    let listed = answer_in(folder, |shell| {
        cmd!(shell, "git --literal-pathspecs ls-files {which} --exclude-standard -- {file}")
    });
    listed.is_some_and(|listed| !listed.is_empty())
}

/// The commits that `remote` (a name, or an address) is known to have and that the commits only in `tip` build on:
/// `tip` itself where the remote has it already, none where git cannot tell.
pub(crate) fn known_to_remote(checkout: &Path, tip: &str, remote: &str) -> Vec<String> {
    let listed = || {
        let name = remote_at(checkout, remote).unwrap_or_else(|| remote.to_owned());
        // `team/sub` may be a remote beside `team`, whose branches are not those of `team`.
        let remotes = answer_in(checkout, |shell| cmd!(shell, "git remote"))?;
        let others = remotes
            .lines()
            .filter_map(|other| other.strip_prefix(&name)?.strip_prefix('/'))
            .map(|other| format!("--exclude={name}/{other}/*"));
        answer_in(checkout, |shell| {
            cmd!(shell, "git rev-list --boundary {tip} --not {others...} --remotes={name}")
        })
    };
    let listed = listed();
    let lines = listed.iter().flat_map(|listed| listed.lines());
    let (boundary, new): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with('-'));
    match &listed {
        Some(_) if new.is_empty() => vec![tip.to_owned()],
        _ => boundary.into_iter().map(|line| line.trim_start_matches('-').to_owned()).collect(),
    }
}

/// The name of the remote at an address.
fn remote_at(checkout: &Path, address: &str) -> Option<String> {
    let addresses = answer_in(checkout, |shell| {
        cmd!(shell, "git config --null --get-regexp '^remote\\..*\\.url$'")
    })?;
    let mut entries = addresses.split('\0');
    let key = entries.find_map(|entry| {
        let (key, value) = entry.split_once('\n')?;
        (value == address).then_some(key)
    })?;
    let (name, _) = key.strip_prefix("remote.")?.rsplit_once('.')?;
    Some(name.to_owned())
}
