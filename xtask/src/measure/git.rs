//! What git says of the checkout, without writing to the repository.

use std::path::{Path, PathBuf};

use xshell::cmd;

use super::shell;
use crate::error::{Error, Result};
use crate::record::provenance::Git;
use crate::record::results::FOLDER;

/// Commit, branch and whether there are uncommitted changes; `None` without git or outside a repository.
pub fn state(checkout: &Path) -> Option<Git> {
    let shell = shell::shell(checkout).ok()?;
    // The results that this tool itself wrote are no change.
    let others = format!(":(exclude){FOLDER}");
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

/// The commits that `remote` is known to have and that the commits only in `tip` build on; `None` when every commit
/// of `tip` is there already.
pub fn known_to_remote(checkout: &Path, tip: &str, remote: &str) -> Option<Vec<String>> {
    let shell = shell::shell(checkout).ok()?;
    let listed = shell::answer(cmd!(
        shell,
        "git rev-list --boundary {tip} --not --remotes={remote}"
    ))
    .unwrap_or_default();
    let (boundary, new): (Vec<&str>, Vec<&str>) =
        listed.lines().partition(|line| line.starts_with('-'));
    (!new.is_empty()).then(|| {
        boundary
            .into_iter()
            .map(|line| line.trim_start_matches('-').to_owned())
            .collect()
    })
}
