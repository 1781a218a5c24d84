//! What git says of the checkout, without writing to the repository.

use std::path::{Path, PathBuf};

use xshell::{Shell, cmd};

use super::shell;
use crate::error::{Error, Result};
use crate::model::layout::RESULTS;
use crate::model::provenance::Git;

/// Commit, branch and whether there are uncommitted changes; `None` without git or outside a repository.
pub fn state(checkout: &Path) -> Option<Git> {
    let shell = shell::shell(checkout).ok()?;
    // The results that this tool itself wrote are no change.
    let others = format!(":(exclude){RESULTS}");
    // Without optional locks, `status` does not refresh the index on disk.
    let status = shell::answer(cmd!(
        shell,
        "git --no-optional-locks status --porcelain=v2 --branch -- {others}"
    ))?;
    let header = |name: &str| {
        let value = status
            .lines()
            .find_map(|line| line.strip_prefix("# branch.")?.strip_prefix(name))?;
        Some(value.trim())
            .filter(|value| !value.starts_with('('))
            .map(str::to_owned)
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
pub fn root(folder: &Path) -> Result<PathBuf> {
    let shell = shell::shell(folder)?;
    shell::answer(cmd!(shell, "git rev-parse --show-toplevel"))
        .map(PathBuf::from)
        .ok_or_else(|| Error::new(format!("{} is not in a git repository", folder.display())))
}

/// The path from the working tree's root to `folder`: empty, or ending in `/`.
pub fn prefix(folder: &Path) -> Option<String> {
    let shell = shell::shell(folder).ok()?;
    shell::answer(cmd!(shell, "git rev-parse --show-prefix"))
}

/// The same folder as `folder` in every working tree of its repository.
pub fn worktrees(folder: &Path) -> Vec<PathBuf> {
    let listed = || {
        let shell = shell::shell(folder).ok()?;
        let prefix = prefix(folder)?;
        let listed = shell::answer(cmd!(shell, "git worktree list --porcelain"))?;
        let roots = listed
            .lines()
            .filter_map(|line| line.strip_prefix("worktree "));
        // By components: without the slash at the end of a prefix, or for want of one.
        let folder = |root| Path::new(root).join(&prefix).components().collect();
        Some(roots.map(folder).collect())
    };
    listed().unwrap_or_default()
}

/// The folder that git looks for hooks in, which need not exist.
///
/// # Errors
/// Outside a repository, or without git.
pub fn hooks_folder(folder: &Path) -> Result<PathBuf> {
    // A relative core.hooksPath is relative to the working tree's root.
    let root = root(folder)?;
    let shell = shell::shell(&root)?;
    shell::answer(cmd!(shell, "git rev-parse --git-path hooks"))
        .map(|hooks| root.join(hooks))
        .ok_or_else(|| {
            Error::new(format!(
                "git does not say where the hooks of {} are",
                root.display()
            ))
        })
}

/// The absolute folder of `core.hooksPath` where the user or the system has it for every repository, and which of
/// them.
pub fn hooks_of_all(folder: &Path) -> Option<(PathBuf, String)> {
    let shell = shell::shell(folder).ok()?;
    let set = shell::answer(cmd!(
        shell,
        "git config --show-scope --type=path --get core.hooksPath"
    ))?;
    let (scope, path) = set.split_once('\t')?;
    let of_all = ["global", "system"].contains(&scope) && Path::new(path).is_absolute();
    of_all.then(|| (PathBuf::from(path), scope.to_owned()))
}

/// A file of the repository itself, as git's own variables and settings have it.
pub fn own_file(folder: &Path, name: &str) -> Option<PathBuf> {
    let shell = shell::shell(folder).ok()?;
    let path = shell::answer(cmd!(shell, "git rev-parse --git-path {name}"))?;
    Some(folder.join(path))
}

/// Whether git tracks a file.
pub fn is_tracked(folder: &Path, file: &Path) -> bool {
    lists(folder, "--cached", file)
}

/// Whether a file in a working tree is one that git would track.
pub fn is_new(folder: &Path, file: &Path) -> bool {
    lists(folder, "--others", file)
}

fn lists(folder: &Path, which: &str, file: &Path) -> bool {
    let listed = || {
        let shell = shell::shell(folder).ok()?;
        shell::answer(cmd!(
            shell,
            "git --literal-pathspecs ls-files {which} --exclude-standard -- {file}"
        ))
    };
    listed().is_some_and(|listed| !listed.is_empty())
}

/// The commits that `remote` (a name, or an address) is known to have and that the commits only in `tip` build on:
/// `tip` itself where the remote has it already, none where git cannot tell.
pub fn known_to_remote(checkout: &Path, tip: &str, remote: &str) -> Vec<String> {
    let listed = || {
        let shell = shell::shell(checkout).ok()?;
        let name = remote_at(&shell, remote).unwrap_or_else(|| remote.to_owned());
        // `team/sub` may be a remote beside `team`, whose branches are not those of `team`.
        let remotes = shell::answer(cmd!(shell, "git remote"))?;
        let others = remotes
            .lines()
            .filter_map(|other| other.strip_prefix(&name)?.strip_prefix('/'))
            .map(|other| format!("--exclude={name}/{other}/*"));
        shell::answer(cmd!(
            shell,
            "git rev-list --boundary {tip} --not {others...} --remotes={name}"
        ))
    };
    let Some(listed) = listed() else {
        return Vec::new();
    };
    let (boundary, new): (Vec<&str>, Vec<&str>) =
        listed.lines().partition(|line| line.starts_with('-'));
    match new.is_empty() {
        true => vec![tip.to_owned()],
        false => boundary
            .into_iter()
            .map(|line| line.trim_start_matches('-').to_owned())
            .collect(),
    }
}

/// The name of the remote at an address.
fn remote_at(shell: &Shell, address: &str) -> Option<String> {
    let addresses = shell::answer(cmd!(
        shell,
        "git config --null --get-regexp '^remote\\..*\\.url$'"
    ))?;
    addresses
        .split('\0')
        .filter_map(|entry| entry.split_once('\n'))
        .find(|(_, value)| *value == address)
        .and_then(|(key, _)| key.strip_prefix("remote.")?.rsplit_once('.'))
        .map(|(name, _)| name.to_owned())
}
