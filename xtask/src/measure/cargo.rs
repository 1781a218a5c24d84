//! Cargo and rustc as the checkout wants them, and what they say about it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use xshell::{Cmd, Shell};

use super::shell::{self, clean};
use crate::error::{Error, Result};

/// The files that pin a toolchain.
pub(crate) const TOOLCHAIN_FILES: [&str; 2] = ["rust-toolchain", "rust-toolchain.toml"];
/// The names of a configuration file, of which the first that is there counts.
pub(crate) const CONFIGURATION_FILES: [&str; 2] = ["config", "config.toml"];

/// The workspace of a checkout.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// The folders that cargo builds in. They may be one.
    pub(crate) targets: [PathBuf; 2],
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

/// A configuration file of cargo that is in force.
#[derive(Debug)]
pub(crate) struct Configuration {
    /// Its place, alike on every machine.
    pub(crate) place: &'static str,
    pub(crate) path: PathBuf,
}

/// `cargo` or `rustc` as the checkout wants them: the cargo that runs this tool, unless the checkout or a folder above
/// it pins a toolchain. The words of `before` come first.
pub(crate) fn command<'a>(shell: &'a Shell, before: &[&str], program: &str) -> Cmd<'a> {
    let checkout = shell.current_dir();
    let pins = |folder: &Path| TOOLCHAIN_FILES.iter().any(|file| folder.join(file).exists());
    let pins = checkout.ancestors().any(pins);
    let outer = env::var_os("CARGO").filter(|_| program == "cargo" && !pins);
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
                targets: [path("build_directory").unwrap_or_else(|| target.clone()), target],
                manifests: packages
                    .filter_map(|package| Some(package.get("manifest_path")?.as_str()?.into()))
                    .collect(),
            })
        })
        .ok_or_else(|| Error::new("cargo metadata names no target directory"))
}

impl Workspace {
    /// The folder that the binaries are in, below that of their target where one is configured.
    pub(crate) fn target_directory(&self) -> &Path {
        let [_, target] = &self.targets;
        target
    }
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

/// The target that cargo is configured to build for; `None` for the compiler's host.
///
/// # Errors
/// When it is configured to build for several: one of them is measured.
pub(crate) fn target(shell: &Shell) -> Result<Option<String>> {
    let mut targets = configured_targets(shell);
    targets.retain(|target| !target.is_empty());
    match targets.as_slice() {
        [] => Ok(None),
        [target] => Ok(Some(target.clone())),
        several => {
            let what = format!("cargo is configured to build for {}", several.join(" and "));
            let advice =
                "one of them can be measured: CARGO_BUILD_TARGET=TARGET cargo perf-check …";
            Err(Error::new(what).next(advice))
        }
    }
}

/// Cargo's own answer; where this cargo has none, that of the nearest configuration file with one.
fn configured_targets(shell: &Shell) -> Vec<String> {
    let asked = command(shell, &[], "cargo")
        .args(["-Z", "unstable-options", "config", "get", "--format", "json", "build.target"])
        .env("RUSTC_BOOTSTRAP", "1");
    let Ok(answer) = clean(asked).ignore_status().ignore_stderr().output() else {
        return Vec::new();
    };
    let answer: Option<Value> = serde_json::from_slice(&answer.stdout).ok();
    let said = answer.and_then(|answer| match answer.get("build")?.get("target")? {
        Value::Array(targets) => {
            Some(targets.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        }
        target => Some(vec![target.as_str()?.to_owned()]),
    });
    let variable = || Some(vec![env::var("CARGO_BUILD_TARGET").ok()?]);
    let written = || {
        let files = configuration_files(&shell.current_dir());
        files.iter().find_map(|file| targets_in(&table(&file.path)?))
    };
    said.or_else(variable).or_else(written).unwrap_or_default()
}

fn targets_in(configuration: &toml::Table) -> Option<Vec<String>> {
    match configuration.get("build")?.get("target")? {
        toml::Value::Array(targets) => {
            Some(targets.iter().filter_map(|target| target.as_str().map(str::to_owned)).collect())
        }
        target => Some(vec![target.as_str()?.to_owned()]),
    }
}

/// The name of a target's folder. A target may be a file that describes it.
pub(crate) fn target_folder(target: &str) -> &str {
    let file = Path::new(target);
    match file.extension() {
        Some(extension) if extension == "json" => {
            file.file_stem().and_then(OsStr::to_str).unwrap_or(target)
        }
        _ => target,
    }
}

/// The compiler; `None` where it does not answer.
pub(crate) fn compiler(shell: &Shell) -> Option<Compiler> {
    let said = shell::answer(command(shell, &[], "rustc").arg("-vV"))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "))?;
    Some(Compiler { version: said.lines().next()?.to_owned(), host: host.to_owned() })
}

/// What a build script said to cargo, if `message` is about one that ran.
pub(crate) fn said_by_build_script(message: &Value) -> Option<String> {
    let output = Path::new(message.get("out_dir")?.as_str()?).with_file_name("output");
    Some(String::from_utf8_lossy(&fs::read(output).unwrap_or_default()).into_owned())
}

/// The instructions in what a build script said, without the words that mark them.
pub(crate) fn instructions(said: &str) -> impl Iterator<Item = &str> {
    let lines = said.lines().filter_map(|line| line.strip_prefix("cargo:"));
    lines.map(|line| line.strip_prefix(':').unwrap_or(line))
}

/// The configuration files that are in force in `checkout`, with those that they include, nearest first.
pub(crate) fn configuration_files(checkout: &Path) -> Vec<Configuration> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| {
        let home = env::var_os("HOME")?;
        Some(Path::new(&home).join(".cargo"))
    });
    let mut folders: Vec<(&'static str, PathBuf)> = Vec::new();
    for (distance, folder) in checkout.ancestors().enumerate() {
        let place = if distance == 0 { "in the checkout" } else { "above the checkout" };
        let folder = folder.join(".cargo");
        if Some(&folder) != home.as_ref() {
            folders.push((place, folder));
        }
    }
    folders.extend(home.map(|home| ("in CARGO_HOME", home)));
    let mut found = Vec::new();
    for (place, folder) in folders {
        let files = CONFIGURATION_FILES.map(|name| folder.join(name));
        let mut open: Vec<PathBuf> =
            files.into_iter().find(|file| file.is_file()).into_iter().collect();
        while let Some(path) = open.pop() {
            if !found.iter().any(|known: &Configuration| known.path == path) {
                open.extend(includes(&path));
                found.push(Configuration { place, path });
            }
        }
    }
    found
}

/// The files that a configuration file includes.
fn includes(file: &Path) -> Vec<PathBuf> {
    let included = || {
        let table = table(file)?;
        let one = |value: &toml::Value| {
            let path = value.as_str().or_else(|| value.get("path")?.as_str())?;
            Some(file.parent()?.join(path)).filter(|path| path.is_file())
        };
        Some(match table.get("include")? {
            toml::Value::Array(several) => several.iter().filter_map(one).collect(),
            other => one(other).into_iter().collect(),
        })
    };
    included().unwrap_or_default()
}

fn table(file: &Path) -> Option<toml::Table> {
    fs::read_to_string(file).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
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
        let found: Vec<_> = files.map(|file| (file.place, file.path)).take(3).collect();
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
