//! A commit, checked out beside the checkout to be built as it is: same configuration, same toolchain, and the same files
//! that no commit holds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use xshell::cmd;

use super::build::{self, Build, Built, Tree};
use super::cargo::{self, TOOLCHAIN_FILES};
use super::git;
use super::shell::{self, answer_in, clean};
use crate::error::{Error, Result};
use crate::files;

/// A working tree of this tool's own, below the target directory. Git forgets it when it is dropped; one that a killed
/// call left goes when the next is made. No other working tree is touched.
pub(crate) struct Base<'a> {
    checkout: &'a Path,
    /// The root of its repository's working tree.
    root: PathBuf,
    /// The path from there to the checkout.
    prefix: String,
    /// The folder of kept binaries.
    kept: PathBuf,
    /// Checkouts may share a target directory: one at a time builds in it.
    _lock: Option<File>,
}

impl<'a> Base<'a> {
    /// Checks out `commit`, without the user's hooks.
    ///
    /// # Errors
    /// When git cannot, or a folder cannot be made.
    pub(crate) fn check_out(checkout: &'a Path, commit: &str) -> Result<Self> {
        let kept = build::kept_folder(checkout)?;
        let folder = kept.join(FOLDER);
        fs::create_dir_all(&folder).map_err(Error::at("cannot make", &folder))?;
        let base = Self {
            checkout,
            root: git::root(checkout)?,
            prefix: git::prefix(checkout).unwrap_or_default(),
            // As git and the compiler name what is in it.
            kept: fs::canonicalize(&kept).map_err(Error::at("cannot use", &kept))?,
            // On a system without locks there is none.
            _lock: File::open(&folder).and_then(|folder| folder.lock().map(|()| folder)).ok(),
        };
        base.remove();
        let tree = base.tree();
        let shell = shell::shell(checkout)?;
        let add = cmd!(
            shell,
            "git -c core.hooksPath=/dev/null worktree add --quiet --detach {tree} {commit}"
        );
        clean(add).run().map_err(|error| {
            let what = format!("git cannot check out {commit} in {}", tree.display());
            Error::because(what, error).next("its reason is above; nothing was measured")
        })?;
        Ok(base)
    }

    fn tree(&self) -> PathBuf {
        self.kept.join(FOLDER).join("tree")
    }

    fn remove(&self) {
        let tree = self.tree();
        // It fails where there is none. What a kill left of `git worktree add` is locked: forced twice.
        answer_in(self.checkout, |shell| cmd!(shell, "git worktree remove --force --force {tree}"));
        let _ = fs::remove_dir_all(&tree);
    }

    /// Copies what the checkout is built from and no commit holds, `ignored`, and the lock file, which git may ignore, too:
    /// both sides have the same dependencies then. Returns what the commit itself did not have.
    ///
    /// # Errors
    /// Names the file that cannot be copied.
    pub(crate) fn copy_ignored(&self, ignored: &BTreeSet<String>) -> Result<Vec<String>> {
        let mut copied_files = Vec::new();
        for file in ignored.iter().chain([&format!("{}Cargo.lock", self.prefix)]) {
            let (from, to) = (self.root.join(file), self.tree().join(file));
            // What lies outside of the repository is read from there.
            if file.starts_with("../") || to.exists() || !from.is_file() {
                continue;
            }
            let folder = to.parent().unwrap_or(&to);
            let copied = fs::create_dir_all(folder).and_then(|()| fs::copy(&from, &to));
            copied.map_err(Error::at("cannot copy", &from))?;
            copied_files.push(file.clone());
        }
        Ok(copied_files)
    }

    /// Builds it. `scratch` is a folder to work in, removed again.
    ///
    /// # Errors
    /// When the build fails, or would need other settings than that of the checkout.
    pub(crate) fn build(&self, scratch: &Path) -> Result<Built> {
        let (root, tree) = (&self.root, self.tree());
        let folder = tree.join(&self.prefix);
        let (here, there) = (settings(self.checkout, root), settings(&folder, &tree));
        let is_other = |name: &&PathBuf| here.get(*name) != there.get(*name);
        if let Some(name) = here.keys().chain(there.keys()).find(is_other) {
            let what = format!("{} is another one in that commit", name.display());
            return Err(Error::new(what).next(
                "builds under other settings cannot be compared: make that change by itself",
            ));
        }
        let target = self.kept.join(FOLDER).join("target");
        let tree = Tree { folder: &folder, target: &target, kept: &self.kept };
        build::prepare(self.checkout, Some(&tree), scratch, Build::Now)
    }
}

impl Drop for Base<'_> {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The folder of the working tree and its target directory, in that of kept binaries.
const FOLDER: &str = "base";

/// What the files of a repository say of how to build, beside its manifests: cargo's configuration and the toolchain.
fn settings(place: &Path, root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let configuration = cargo::configuration_files(place).into_iter().map(|(_, path)| path);
    let folders = place.ancestors();
    let pins = folders.flat_map(|folder| TOOLCHAIN_FILES.map(|name| folder.join(name)));
    let own = configuration.chain(pins).filter_map(|path| {
        let name = path.strip_prefix(root).ok()?.to_owned();
        Some((name, files::read(&path).ok()?))
    });
    own.collect()
}
