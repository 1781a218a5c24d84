//! Cargo and rustc as the checkout wants them, and what they say about it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::iter;
use std::path::{Path, PathBuf};

use serde_json::Value;
use xshell::{Cmd, Shell};

use super::shell::{self, clean};
use crate::error::{Error, Result};
use crate::files;

/// The files that pin a toolchain.
pub(crate) const TOOLCHAIN_FILES: [&str; 2] = ["rust-toolchain", "rust-toolchain.toml"];
/// The names of a configuration file, of which the first that is there counts.
pub(crate) const CONFIGURATION_FILES: [&str; 2] = ["config", "config.toml"];

/// The workspace of a checkout.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// The folder that cargo builds in.
    pub(crate) building: PathBuf,
    /// The folder that the binaries are in, below that of their target where one is configured. It may be the same.
    pub(crate) target: PathBuf,
    /// The manifest of every member.
    pub(crate) manifests: Vec<PathBuf>,
}

/// The compiler of a checkout.
#[derive(Debug)]
pub(crate) struct Compiler {
    /// As `rustc --version` prints it.
    pub(crate) version: String,
    /// The triple that it builds for where nothing else is configured.
    pub(crate) host: String,
}

/// `cargo` or `rustc` as the checkout wants them: the cargo that runs this tool, unless the checkout or a folder above
/// it pins a toolchain; the rustc that cargo is told to use. The words of `before` come first.
pub(crate) fn command<'a>(shell: &'a Shell, before: &[&str], program: &str) -> Cmd<'a> {
    let checkout = shell.current_dir();
    let pins = |folder: &Path| TOOLCHAIN_FILES.iter().any(|file| folder.join(file).exists());
    let pins = checkout.ancestors().any(pins);
    let outer = match program {
        "cargo" => env::var_os("CARGO").filter(|_| !pins),
        // Cargo builds with it, whatever is pinned.
        _ => env::var_os("RUSTC"),
    };
    let program = outer.unwrap_or_else(|| OsString::from(program));
    let command = match before {
        [first, others @ ..] => shell.cmd(first).args(others).arg(program),
        [] => shell.cmd(program),
    };
    match pins {
        true => command.env_remove("RUSTUP_TOOLCHAIN"),
        false => command,
    }
}

/// The words that make a subcommand of cargo read this manifest instead of looking for one.
pub(crate) fn of_manifest(manifest: Option<&Path>) -> impl Iterator<Item = &OsStr> {
    let words = manifest.map(|manifest| [OsStr::new("--manifest-path"), manifest.as_os_str()]);
    words.into_iter().flatten()
}

/// The workspace of a manifest, or else the one around the shell's directory.
///
/// # Errors
/// Cargo's own words where there is none, or where cargo cannot read it.
pub(crate) fn workspace(shell: &Shell, manifest: Option<&Path>) -> Result<Workspace> {
    let metadata = command(shell, &[], "cargo")
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .args(of_manifest(manifest));
    let output = clean(metadata).ignore_status().output()?;
    if !output.status.success() {
        return Err(refused(&shell.current_dir(), &String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout)
        .ok()
        .and_then(|metadata: Value| {
            let path = |key| metadata.get(key)?.as_str().map(PathBuf::from);
            let target = path("target_directory")?;
            let packages = metadata.get("packages")?.as_array()?.iter();
            Some(Workspace {
                root: path("workspace_root")?,
                building: path("build_directory").unwrap_or_else(|| target.clone()),
                target,
                manifests: packages
                    .filter_map(|package| Some(package.get("manifest_path")?.as_str()?.into()))
                    .collect(),
            })
        })
        .ok_or_else(|| Error::new("cargo metadata names no target directory"))
}

fn refused(checkout: &Path, said: &str) -> Error {
    let checkout = checkout.display();
    let said = said.trim();
    let said = said.strip_prefix("error: ").unwrap_or(said);
    // Any other cause has nothing to do with the choice of the folder.
    match said.contains("could not find `Cargo.toml`") {
        true => Error::because(format!("{checkout} is no cargo workspace"), said)
            .next("name the root of an Engram checkout: -C DIR"),
        false => Error::because(format!("cargo cannot read the workspace in {checkout}"), said)
            .next("make this work in that folder first: cargo metadata --no-deps"),
    }
}

/// The target that cargo is configured to build for, in its own words; `None` for the compiler's host.
///
/// # Errors
/// When it is configured to build for several: one of them is measured.
pub(crate) fn target(shell: &Shell) -> Result<Option<String>> {
    let asked = command(shell, &[], "cargo")
        .args(["-Z", "unstable-options", "config", "get", "--format", "json", "build.target"])
        .env("RUSTC_BOOTSTRAP", "1");
    // It fails where nothing is configured.
    let answer = shell::answer(asked).and_then(|said| serde_json::from_str::<Value>(&said).ok());
    let configured = answer.iter().filter_map(|answer| answer.pointer("/build/target"));
    let targets = configured.flat_map(words).filter(|target| !target.is_empty());
    match targets.collect::<Vec<_>>()[..] {
        [] => Ok(None),
        [target] => Ok(Some(target.to_owned())),
        ref several => {
            let what = format!("cargo is configured to build for {}", several.join(" and "));
            let advice =
                "one of them can be measured: CARGO_BUILD_TARGET=TARGET cargo perf-check …";
            Err(Error::new(what).next(advice))
        }
    }
}

/// The words of a list, or of a single one; of a table, its path.
fn words(value: &Value) -> impl Iterator<Item = &str> {
    let several = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    several.iter().filter_map(|one| one.as_str().or_else(|| one.get("path")?.as_str()))
}

/// The name of a target's folder. A target may be a file that describes it.
pub(crate) fn target_folder(target: &str) -> &str {
    match target.strip_suffix(".json") {
        Some(path) => path.rsplit('/').next().unwrap_or(path),
        None => target,
    }
}

/// The compiler; `None` where it does not answer.
pub(crate) fn compiler(shell: &Shell) -> Option<Compiler> {
    let said = shell::answer(command(shell, &[], "rustc").arg("-vV"))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "))?;
    Some(Compiler { version: said.lines().next()?.to_owned(), host: host.to_owned() })
}

/// The name and the place of the binary that one of cargo's messages is about.
pub(crate) fn executable(message: &Value) -> Option<(&str, &Path)> {
    let path = message.get("executable")?.as_str()?;
    let target = message.get("target")?;
    let mut kinds = target.get("kind")?.as_array()?.iter();
    let name = target.get("name")?.as_str()?;
    kinds.any(|kind| kind == "bin").then_some((name, Path::new(path)))
}

/// What a build script said to cargo, if `message` is about one that ran.
pub(crate) fn said_by_build_script(message: &Value) -> Option<String> {
    let output = Path::new(message.get("out_dir")?.as_str()?).with_file_name("output");
    Some(String::from_utf8_lossy(&files::read(&output).unwrap_or_default()).into_owned())
}

/// The instructions in what a build script said, without the words that mark them.
pub(crate) fn instructions(said: &str) -> impl Iterator<Item = &str> {
    let lines = said.lines().filter_map(|line| line.strip_prefix("cargo:"));
    lines.map(|line| line.strip_prefix(':').unwrap_or(line))
}

/// The configuration files that are in force in `checkout`, with those that they include, nearest first; each after its
/// place, which is alike on every machine.
pub(crate) fn configuration_files(checkout: &Path) -> Vec<(&'static str, PathBuf)> {
    let of_user = || Some(PathBuf::from(env::var_os("HOME")?).join(".cargo"));
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(of_user);
    let places = iter::once("in the checkout").chain(iter::repeat("above the checkout"));
    let around = places.zip(checkout.ancestors().map(|folder| folder.join(".cargo")));
    let around = around.filter(|(_, folder)| Some(folder) != home.as_ref());
    let of_home = home.iter().map(|home| ("in CARGO_HOME", home.clone()));
    let mut found: Vec<(&str, PathBuf)> = Vec::new();
    for (place, folder) in around.chain(of_home) {
        let mut files = CONFIGURATION_FILES.map(|name| folder.join(name)).into_iter();
        let mut open: Vec<PathBuf> = files.find(|file| file.is_file()).into_iter().collect();
        while let Some(path) = open.pop() {
            if found.iter().all(|(_, known)| *known != path) {
                open.extend(includes(&path));
                found.push((place, path));
            }
        }
    }
    found
}

/// The files that a configuration file includes.
fn includes(file: &Path) -> Vec<PathBuf> {
    let included = || {
        let table: Value = toml::from_str(&files::read_text(file).ok()?).ok()?;
        let folder = file.parent()?;
        let paths = words(table.get("include")?).map(|path| folder.join(path));
        Some(paths.filter(|path| path.is_file()).collect())
    };
    included().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_configuration_files_in_force_are_those_that_cargo_reads() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            path
        };
        let old_name = write("a/.cargo/config", "include = [\"more.toml\"]");
        write("a/.cargo/config.toml", "");
        let included = write("a/.cargo/more.toml", "include = \"config\"");
        let above = write(".cargo/config.toml", "");
        let files = configuration_files(&folder.path().join("a")).into_iter();
        let found: Vec<_> = files.take(3).collect();
        let here = "in the checkout";
        assert_eq!(found, [(here, old_name), (here, included), ("above the checkout", above)]);
    }

    #[test]
    fn a_target_that_a_file_describes_has_the_folder_of_its_name() {
        assert_eq!(target_folder("targets/small.json"), "small");
        assert_eq!(target_folder("x86_64-unknown-linux-gnu"), "x86_64-unknown-linux-gnu");
    }

    #[test]
    fn both_marks_of_an_instruction_are_read() {
        let said = "cargo:rerun-if-changed=a\nother\ncargo::rerun-if-env-changed=B\n";
        let read: Vec<_> = instructions(said).collect();
        assert_eq!(read, ["rerun-if-changed=a", "rerun-if-env-changed=B"]);
    }
}
