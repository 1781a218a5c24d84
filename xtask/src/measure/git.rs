//! Facts about the checkout from git, without writing to the repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use xshell::cmd;

use super::shell::{self, answer_in, clean};
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

/// The commit that a revision names, and its branch where the name is one.
///
/// # Errors
/// When git knows no such commit.
pub(crate) fn at(checkout: &Path, revision: &str) -> Result<(String, Option<String>)> {
    root(checkout)?;
    let ask = |option: Option<&str>, name: &str| {
        let answer = answer_in(checkout, |shell| {
            cmd!(shell, "git rev-parse --verify --quiet {option...} {name}")
        });
        answer.filter(|answer| !answer.is_empty())
    };
    let Some(commit) = ask(None, &format!("{revision}^{{commit}}")) else {
        return Err(Error::new(format!("git knows no commit `{revision}`"))
            .next("what it knows: git branch --all (a remote's are named `origin/NAME`)")
            .next("a shallow clone lacks older commits: git fetch --unshallow"));
    };
    let name = ask(Some("--symbolic-full-name"), revision);
    let branch = name.and_then(|name| {
        let branch =
            ["refs/heads/", "refs/remotes/"].iter().find_map(|kind| name.strip_prefix(kind));
        branch.map(str::to_owned)
    });
    Ok((commit, branch))
}

/// The root of the working tree around `folder`.
///
/// # Errors
/// Outside a repository, in one that git does not trust, or without git: in git's own words.
pub(crate) fn root(folder: &Path) -> Result<PathBuf> {
    let shell = shell::shell(folder)?;
    let asked = clean(cmd!(shell, "git rev-parse --show-toplevel")).ignore_status();
    let failed = |why: &str| Error::because(format!("git in {}", folder.display()), why);
    let answer = asked.output().map_err(|error| failed(&error.to_string()))?;
    if answer.status.success() {
        let root = String::from_utf8_lossy(&answer.stdout);
        return Ok(PathBuf::from(root.trim_end_matches('\n')));
    }
    let words = String::from_utf8_lossy(&answer.stderr);
    let mut lines = words.lines().map(str::trim).filter(|line| !line.is_empty());
    let error = failed(lines.next().unwrap_or("it fails without a word"));
    Err(lines.fold(error, Error::next))
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

/// The pre-push hook that git would run, which need not exist.
///
/// # Errors
/// Outside a repository, or without git.
pub(crate) fn pre_push_hook(folder: &Path) -> Result<PathBuf> {
    // A relative core.hooksPath is relative to the working tree's root.
    let root = root(folder)?;
    own_file(&root, "hooks/pre-push").ok_or_else(|| {
        let root = root.display();
        Error::new(format!("git does not say where the hooks of {root} are"))
    })
}

/// `core.hooksPath`, where it is set.
#[derive(Debug)]
pub(crate) struct HooksPath {
    /// Empty where it is set to nothing: git then looks for hooks in the root of the file system.
    pub(crate) folder: PathBuf,
    /// Where it is set: `local`, `global`, `system`, …
    pub(crate) scope: String,
}

impl HooksPath {
    pub(crate) fn of(folder: &Path) -> Option<Self> {
        let set = answer_in(folder, |shell| {
            cmd!(shell, "git config --show-scope --type=path --get core.hooksPath")
        })?;
        let (scope, path) = set.split_once('\t')?;
        Some(Self { folder: PathBuf::from(path), scope: scope.to_owned() })
    }

    /// `true` for a folder that the user or the system has for every repository.
    pub(crate) fn is_of_all(&self) -> bool {
        ["global", "system"].contains(&self.scope.as_str()) && self.folder.is_absolute()
    }
}

/// The path of a file of the repository itself, by git's own variables and settings.
pub(crate) fn own_file(folder: &Path, name: &str) -> Option<PathBuf> {
    let path = answer_in(folder, |shell| cmd!(shell, "git rev-parse --git-path {name}"))?;
    Some(folder.join(path))
}

/// `true` for a file that git tracks.
pub(crate) fn is_tracked(folder: &Path, file: &Path) -> bool {
    let listed = answer_in(folder, |shell| {
        cmd!(shell, "git --literal-pathspecs ls-files --cached --exclude-standard -- {file}")
    });
    listed.is_some_and(|listed| !listed.is_empty())
}

/// The object ids of the trees of these commits; without those that git does not know here.
pub(crate) fn trees(checkout: &Path, commits: &[&str]) -> BTreeMap<String, String> {
    let asked: String = commits.iter().map(|commit| format!("{commit}^{{tree}}\n")).collect();
    let listed = answer_in(checkout, |shell| {
        cmd!(shell, "git cat-file --batch-check=%(objectname)").stdin(asked)
    });
    // One line each, in order: `<tree>`, or `<what was asked> missing`.
    let lines = listed.iter().flat_map(|listed| listed.lines());
    let known = commits.iter().zip(lines).filter(|(_, line)| !line.contains(' '));
    known.map(|(commit, tree)| ((*commit).to_owned(), tree.to_owned())).collect()
}

/// The commits outside of `tip`'s new ones that these build on, where those that `known` leads to are not new: `tip`
/// itself where nothing is new, none where git cannot tell. `known` are words of `git rev-list`.
pub(crate) fn bases(checkout: &Path, tip: &str, known: &[String]) -> Vec<String> {
    let listed =
        answer_in(checkout, |shell| cmd!(shell, "git rev-list --boundary {tip} --not {known...}"));
    let lines = listed.iter().flat_map(|listed| listed.lines());
    let (boundary, new): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with('-'));
    match &listed {
        Some(_) if new.is_empty() => vec![tip.to_owned()],
        _ => boundary.into_iter().map(|line| line.trim_start_matches('-').to_owned()).collect(),
    }
}

/// The words of `git rev-list` for all that `remote` (a name, or an address) is known to have; `None` where nothing is.
pub(crate) fn branches_of(checkout: &Path, remote: &str) -> Option<Vec<String>> {
    let name = remote_at(checkout, remote).unwrap_or_else(|| remote.to_owned());
    // `team/sub` may be a remote beside `team`, whose branches are not those of `team`.
    let remotes = answer_in(checkout, |shell| cmd!(shell, "git remote"))?;
    let others = remotes.lines().filter_map(|other| other.strip_prefix(&name)?.strip_prefix('/'));
    let mut words: Vec<String> =
        others.map(|other| format!("--exclude={name}/{other}/*")).collect();
    words.push(format!("--remotes={name}"));
    let branches = &words;
    let any = answer_in(checkout, |shell| cmd!(shell, "git rev-list --max-count=1 {branches...}"))?;
    (!any.is_empty()).then_some(words)
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
