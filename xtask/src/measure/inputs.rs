//! The inputs of a build, from what cargo says beside the binaries that it made, and from what it reads to make them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;
use walkdir::WalkDir;

use super::cargo::{self, CONFIGURATION_FILES, TOOLCHAIN_FILES, Workspace};
use super::content::Snapshot;
use crate::files;
use crate::model::inputs::Inputs;
use crate::model::layout::{RESULTS, ROADMAP};

/// The folders of a package whose targets are in no binary that is measured.
const OTHER_TARGETS: [&str; 3] = ["tests", "benches", "examples"];

/// The inputs of the binaries at `made`. `messages` are cargo's, `files` is what git knows of the files. `None` where
/// cargo does not say, or where a path is none that a list can hold.
pub(crate) fn inputs(
    checkout: &Path,
    workspace: &Workspace,
    messages: &[Value],
    made: &[PathBuf; 2],
    files: &Snapshot,
) -> Option<Inputs> {
    // A folder that has sources in it is not made of them.
    let has_sources =
        |folder: &PathBuf| workspace.manifests.iter().any(|manifest| manifest.starts_with(folder));
    let outputs = [&workspace.building, &workspace.target].map(PathBuf::clone).into_iter();
    let outputs = outputs.filter(|folder| !has_sources(folder)).collect();
    let mut found = Found { files, outputs, inputs: Inputs::default() };
    for binary in made {
        for path in dependencies(&files::read_text(&binary.with_extension("d")).ok()?)? {
            found.add(&path)?;
            // It may belong to any package around it.
            let path = plain(&path);
            let folders = path.ancestors().skip(1);
            for folder in folders.take_while(|folder| folder.starts_with(&files.root)) {
                let manifest = folder.join("Cargo.toml");
                if manifest.is_file() {
                    found.add(&manifest)?;
                }
            }
        }
    }
    // Cargo finds a build script by its name.
    let packages = workspace.manifests.iter();
    let packages = packages.flat_map(|own| [own.clone(), own.with_file_name("build.rs")]);
    let of_workspace = ["Cargo.toml", "Cargo.lock"].map(|name| workspace.root.join(name));
    let above = checkout.ancestors().flat_map(|folder| {
        let configuration = CONFIGURATION_FILES.map(|name| folder.join(".cargo").join(name));
        TOOLCHAIN_FILES.map(|name| folder.join(name)).into_iter().chain(configuration)
    });
    let configuration = cargo::configuration_files(checkout).into_iter().map(|(_, path)| path);
    let in_repository = |path: &PathBuf| path.starts_with(&files.root);
    let around = above.chain(configuration).filter(in_repository);
    for path in packages.chain(of_workspace).chain(around) {
        found.add(&path)?;
    }
    for package in silent_packages(messages) {
        // What this tool writes itself is no input, either.
        let own = [RESULTS, ROADMAP].map(|name| checkout.join(name));
        for path in OTHER_TARGETS.map(|name| package.join(name)).iter().chain(&own) {
            let path = found.listed(path)?;
            found.inputs.except.insert(path);
        }
        let package = found.listed(&package)?;
        found.inputs.packages.insert(package);
    }
    Some(found.inputs)
}

/// The inputs so far, and the places that the others are looked for in.
struct Found<'a> {
    files: &'a Snapshot,
    /// The folders that cargo builds in: what lies in them is made of the other inputs.
    outputs: Vec<PathBuf>,
    inputs: Inputs,
}

impl Found<'_> {
    /// Adds a file or folder by its name and by where that leads.
    fn add(&mut self, path: &Path) -> Option<()> {
        let by_name = plain(path);
        let place = fs::canonicalize(path).unwrap_or_else(|_| by_name.clone());
        if place != by_name {
            self.add_plain(&place)?;
        }
        self.add_plain(&by_name)
    }

    fn add_plain(&mut self, path: &Path) -> Option<()> {
        if self.outputs.iter().any(|folder| path.starts_with(folder)) {
            return Some(());
        }
        if path.starts_with(&self.files.root) {
            let path = self.listed(path)?;
            self.inputs.repository.insert(path);
        }
        // The recorded results and git's own files are no inputs of a folder that they lie in.
        let is_own = |path: &Path| path.ends_with(RESULTS) || path.ends_with(".git");
        let outputs = &self.outputs;
        let inside = WalkDir::new(path).into_iter().filter_entry(|entry| {
            !is_own(entry.path()) && !outputs.iter().any(|folder| entry.path().starts_with(folder))
        });
        for file in inside.filter_map(Result::ok).filter(|entry| !entry.file_type().is_dir()) {
            let listed = self.listed(file.path())?;
            if !self.files.holds(&listed) && file.path().is_file() {
                self.inputs.disk.insert(listed);
            }
        }
        Some(())
    }

    /// The path as the list has it, from the root of the repository; `None` for one that no line can hold.
    fn listed(&self, path: &Path) -> Option<String> {
        let root = &self.files.root;
        let common = root.ancestors().find(|folder| path.starts_with(folder))?;
        let up = root.strip_prefix(common).ok()?.components().map(|_| "..");
        let down = path.strip_prefix(common).ok()?.to_str()?;
        let listed = up.chain((!down.is_empty()).then_some(down)).collect::<Vec<_>>().join("/");
        match listed.contains('\n') {
            true => None,
            false if listed.is_empty() => Some(".".to_owned()),
            false => Some(listed),
        }
    }
}

/// The path without `.` and `..`, as names and not as links go.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
        plain
    })
}

/// The paths in the makefile that cargo writes beside a binary: `<binary>: <path> <path> …`, with a backslash before
/// a space. `None` where it is none, or where cargo was told to shorten the paths.
fn dependencies(makefile: &str) -> Option<Vec<PathBuf>> {
    let makefile = makefile.trim_end().replace("\\ ", "\0");
    let (_, paths) = makefile.split_once(": ")?;
    let paths = paths.split(' ').map(|path| PathBuf::from(path.replace('\0', " ")));
    let paths: Vec<PathBuf> = paths.collect();
    paths.iter().all(|path| path.is_absolute()).then_some(paths)
}

/// The folders of the packages whose build script ran and named nothing that it depends on. Cargo runs such a script
/// again whenever a file of its package changes.
fn silent_packages(messages: &[Value]) -> Vec<PathBuf> {
    let word = |message: &Value, key: &str| Some(message.get(key)?.as_str()?.to_owned());
    let of_path =
        |message: &&Value| word(message, "package_id").is_some_and(|id| id.starts_with("path+"));
    let own = || messages.iter().filter(of_path);
    let manifests: BTreeMap<String, String> = own()
        .filter_map(|message| Some((word(message, "package_id")?, word(message, "manifest_path")?)))
        .collect();
    let executed = own().filter_map(|message| {
        let said = cargo::said_by_build_script(message)?;
        let mut instructions = cargo::instructions(&said);
        let names_inputs = instructions.any(|line| line.starts_with("rerun-if-"));
        let manifest = manifests.get(&word(message, "package_id")?)?;
        let folder = Path::new(manifest).parent()?.to_owned();
        (!names_inputs).then_some(folder)
    });
    executed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_spaces_are_read_from_a_makefile() {
        let read = dependencies("/a\\ b/target/engram: /a\\ b/x.rs /a\\ b/c\\ d\n").unwrap();
        assert_eq!(read, ["/a b/x.rs", "/a b/c d"].map(PathBuf::from));
    }

    #[test]
    fn shortened_paths_are_not_guessed_at() {
        assert_eq!(dependencies("engram: src/main.rs\n"), None);
    }

    #[test]
    fn a_path_is_made_plain_by_its_names() {
        assert_eq!(plain(Path::new("/a/b/../zig/./build.zig")), Path::new("/a/zig/build.zig"));
    }
}
