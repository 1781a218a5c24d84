//! The binaries under measurement: built now or taken as they are, hashed, and kept by hash.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;
use walkdir::WalkDir;
use xshell::{Cmd, Shell};

use super::content;
use super::shell::{self, clean};
use crate::error::{Error, Result};

/// Cargo's name for the profile that is measured.
pub(crate) const PROFILE: &str = "release";
/// The server's binary.
pub(crate) const SERVER: &str = "engram";
/// The load generator's binary.
pub(crate) const LOAD_GENERATOR: &str = "loadtest";
/// The most pairs of measured binaries that are kept for later paired measurement.
const KEPT_PAIRS: usize = 10;

/// The source of the measured binaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    /// `cargo build` makes them now.
    Now,
    /// They are taken as they are.
    Existing,
}

/// A server and a load generator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// The server's executable.
    pub engram: PathBuf,
    /// The load generator's executable.
    pub loadtest: PathBuf,
    /// Content hash of the server; `None` without git.
    pub engram_hash: Option<String>,
    /// Content hash of the load generator; `None` without git.
    pub loadtest_hash: Option<String>,
}

impl Binaries {
    /// Those in a folder, by their usual names, with unknown hashes.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self {
            engram: folder.join(SERVER),
            loadtest: folder.join(LOAD_GENERATOR),
            engram_hash: None,
            loadtest_hash: None,
        }
    }

    fn paths(&self) -> [&Path; 2] {
        [&self.engram, &self.loadtest]
    }

    /// Inode, length and time of each, which differ from one writing of a file to the next.
    fn stamps(&self) -> [Option<(u64, u64, SystemTime)>; 2] {
        self.paths().map(|path| {
            let file = fs::metadata(path).ok()?;
            Some((file.ino(), file.len(), file.modified().ok()?))
        })
    }
}

/// The binaries of a checkout, and the content that they were built from.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    pub(crate) binaries: Binaries,
    pub(crate) build: Build,
    /// The content hash of the files that they were built from; `None` where it is unknown.
    pub(crate) content: Option<String>,
    /// The output of `rustc --version` in the checkout.
    pub(crate) rustc: Option<String>,
}

/// Makes the binaries, or finds them, and keeps a copy under the target directory. The copy is run, since no other
/// build can change it between two runs. `scratch` is a folder to work in, removed again.
///
/// # Errors
/// When the build fails, or a binary is missing.
pub(crate) fn prepare(checkout: &Path, scratch: &Path, build: Build) -> Result<Built> {
    let shell = shell::shell(checkout)?;
    let folder = kept_folder(checkout)?;
    let (binaries, content) = match build {
        Build::Now => {
            let content = content::of_files(checkout, scratch);
            let found = cargo_build(&shell)?;
            let made = found.stamps();
            let kept = keep(&folder, found.clone())?;
            // Files that changed meanwhile may or may not be in the binaries, and other binaries are of another build.
            let unchanged =
                content == content::of_files(checkout, scratch) && made == found.stamps();
            (kept, content.filter(|_| unchanged))
        }
        Build::Existing => (keep(&folder, existing(&shell)?)?, None),
    };
    Ok(Built {
        binaries,
        build,
        content,
        rustc: shell::answer(toolchain(&shell, &[], "rustc").arg("--version")),
    })
}

/// The folder of kept binaries, under the target directory of `checkout`.
///
/// # Errors
/// When cargo cannot say where the target directory is.
pub(crate) fn kept_folder(checkout: &Path) -> Result<PathBuf> {
    Ok(target_directory(&shell::shell(checkout)?)?.join("perf"))
}

fn cargo_build(shell: &Shell) -> Result<Binaries> {
    // Cargo, which would go on building, ends with this tool.
    let words = shell::dying_with_parent("TERM");
    let command = toolchain(shell, words.as_ref().map_or(&[], |words| words), "cargo")
        .args(["build", "--release", "--bin", SERVER, "--bin", LOAD_GENERATOR])
        .arg("--message-format=json-render-diagnostics");
    let messages = clean(command).read().map_err(|error| {
        Error::because("the build failed", error).next("its errors are above; nothing was measured")
    })?;
    let find = |name: &str| {
        let mut executables = messages.lines().filter_map(executable);
        executables
            .find_map(|(target, path)| (target == name).then_some(path))
            .ok_or_else(|| Error::new(format!("cargo built no binary `{name}`")))
    };
    Ok(Binaries {
        engram: find(SERVER)?,
        loadtest: find(LOAD_GENERATOR)?,
        engram_hash: None,
        loadtest_hash: None,
    })
}

/// The binary that a line of cargo's JSON names.
fn executable(line: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(line).ok()?;
    let path = message.get("executable")?.as_str()?;
    let target = message.get("target")?;
    let mut kinds = target.get("kind")?.as_array()?.iter();
    let name = target.get("name")?.as_str()?;
    kinds.any(|kind| kind == "bin").then(|| (name.to_owned(), path.into()))
}

fn existing(shell: &Shell) -> Result<Binaries> {
    let target = target_directory(shell)?;
    let triple = build_target(&shell.current_dir()).unwrap_or_default();
    let found = Binaries::in_folder(&target.join(triple).join(PROFILE));
    if let Some(missing) = found.paths().into_iter().find(|path| !path.is_file()) {
        let what = format!("--no-build, but there is no {}", missing.display());
        return Err(
            Error::new(what).next("leave --no-build away, or build first: cargo build --release")
        );
    }
    Ok(found)
}

/// The target that cargo is configured to build for, which moves the profile's folder one level down: by a variable,
/// or by the configuration of the checkout and the folders above it. Cargo itself says only while it builds.
fn build_target(checkout: &Path) -> Option<OsString> {
    env::var_os("CARGO_BUILD_TARGET").or_else(|| {
        checkout.ancestors().find_map(|folder| {
            let text = fs::read_to_string(folder.join(".cargo/config.toml")).ok()?;
            let configuration: toml::Table = text.parse().ok()?;
            let target = configuration.get("build")?.get("target")?;
            target.as_str().map(OsString::from)
        })
    })
}

fn target_directory(shell: &Shell) -> Result<PathBuf> {
    let command =
        toolchain(shell, &[], "cargo").args(["metadata", "--no-deps", "--format-version", "1"]);
    let output = clean(command).ignore_status().output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::because(
            format!("{} is no cargo workspace", shell.current_dir().display()),
            said.trim(),
        )
        .next("name the root of an Engram checkout: -C DIR"));
    }
    serde_json::from_slice(&output.stdout)
        .ok()
        .and_then(|metadata: Value| Some(metadata.get("target_directory")?.as_str()?.into()))
        .ok_or_else(|| Error::new("cargo metadata names no target directory"))
}

/// `cargo` or `rustc` as the checkout wants them: the cargo that runs this tool, unless the checkout pins a toolchain.
/// The words of `before` come first.
fn toolchain<'a>(shell: &'a Shell, before: &[&str], program: &str) -> Cmd<'a> {
    let checkout = shell.current_dir();
    let pins =
        ["rust-toolchain", "rust-toolchain.toml"].iter().any(|file| checkout.join(file).exists());
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

/// Copies the pair into the folder of kept pairs, and removes the oldest beyond the limit. The hashes are those of the
/// copies, which nothing replaces but copies of the same content. Without hashes the pair is run from where it is.
fn keep(folder: &Path, found: Binaries) -> Result<Binaries> {
    let kept = kept_copies(folder, &found).map_err(|error| {
        let what = format!("cannot keep the binaries in {}", folder.display());
        Error::because(what, error).next("is the disk full?")
    })?;
    prune(folder);
    Ok(kept.unwrap_or(found))
}

/// The copies of `found`; `None` without hashes.
fn kept_copies(folder: &Path, found: &Binaries) -> io::Result<Option<Binaries>> {
    fs::create_dir_all(folder)?;
    // Checkouts may share a target directory. On a system without locks there is none.
    let turn = File::open(folder)?;
    let _ = turn.lock();
    let partial = folder.join("partial");
    // A check that was killed may have left something in it.
    let _ = fs::remove_dir_all(&partial);
    let kept = copy(folder, &partial, found);
    // The copies that are kept are not in it any more.
    let _ = fs::remove_dir_all(&partial);
    kept
}

fn copy(folder: &Path, partial: &Path, found: &Binaries) -> io::Result<Option<Binaries>> {
    fs::create_dir(partial)?;
    let copies = Binaries::in_folder(partial);
    for (from, to) in found.paths().into_iter().zip(copies.paths()) {
        fs::copy(from, to)?;
    }
    let [Some(engram_hash), Some(loadtest_hash)] = copies.paths().map(content::of_file) else {
        return Ok(None);
    };
    let pair = kept_pair(folder, &engram_hash, &loadtest_hash);
    fs::create_dir_all(&pair)?;
    let kept = Binaries {
        engram_hash: Some(engram_hash),
        loadtest_hash: Some(loadtest_hash),
        ..Binaries::in_folder(&pair)
    };
    for (from, to) in copies.paths().into_iter().zip(kept.paths()) {
        fs::rename(from, to)?;
    }
    // The newest use counts, not the first.
    File::open(&pair)?.set_modified(SystemTime::now())?;
    Ok(Some(kept))
}

/// The folder that a pair of binaries is kept in.
pub(crate) fn kept_pair(folder: &Path, engram_hash: &str, loadtest_hash: &str) -> PathBuf {
    let short = |hash: &str| hash.chars().take(16).collect::<String>();
    folder.join(format!("{}-{}", short(engram_hash), short(loadtest_hash)))
}

fn prune(folder: &Path) {
    let mut pairs: Vec<(SystemTime, PathBuf)> = WalkDir::new(folder)
        .min_depth(1)
        .max_depth(1)
        .into_iter()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.metadata().ok()?.modified().ok()?, entry.into_path()))
        })
        .collect();
    pairs.sort_unstable_by(|a, b| b.cmp(a));
    for (_, old) in pairs.into_iter().skip(KEPT_PAIRS) {
        // The next check tries again.
        let _ = fs::remove_dir_all(old);
    }
}
