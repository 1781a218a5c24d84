//! The binaries under measurement: built now or taken as they are, hashed, and kept by hash.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use walkdir::WalkDir;
use xshell::Shell;

use super::cargo::{self, Workspace};
use super::content::{self, Snapshot};
use super::inputs;
use super::settings;
use super::shell::{self, clean};
use crate::error::{Error, Result};
use crate::model::inputs::Inputs;

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

/// The binaries of a checkout, and what they were built from.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    pub(crate) binaries: Binaries,
    pub(crate) build: Build,
    /// The content hash of the inputs that they were built from; `None` where it is unknown.
    pub(crate) content: Option<String>,
    /// The inputs; `None` where they are unknown.
    pub(crate) inputs: Option<Inputs>,
    /// What else two builds must share; `None` where it is unknown.
    pub(crate) settings: Option<BTreeMap<String, String>>,
    /// The output of `rustc --version` in the checkout.
    pub(crate) rustc: Option<String>,
}

/// Another working tree of a checkout's repository, to be built as the checkout is.
pub(crate) struct Tree<'a> {
    /// The folder of its workspace.
    pub(crate) folder: &'a Path,
    /// A target directory of its own: it keeps the dependencies from one build to the next.
    pub(crate) target: &'a Path,
    /// The folder of kept binaries.
    pub(crate) kept: &'a Path,
}

/// Makes the binaries of a checkout, or finds them, and keeps a copy under the target directory. The copy is run, since
/// no other build can change it between two runs. `scratch` is a folder to work in, removed again.
///
/// If there is a `tree`, its files are built. Cargo is run in the checkout then, too: configuration, target and toolchain
/// are those of the checkout.
///
/// # Errors
/// When the build fails, or a binary is missing.
pub(crate) fn prepare(
    checkout: &Path,
    tree: Option<&Tree>,
    scratch: &Path,
    build: Build,
) -> Result<Built> {
    let shell = &shell::shell(checkout)?;
    if let Some(tree) = tree {
        shell.set_var("CARGO_TARGET_DIR", tree.target);
        shell.set_var("CARGO_BUILD_BUILD_DIR", tree.target);
    }
    let manifest = tree.map(|tree| tree.folder.join("Cargo.toml"));
    let workspace = cargo::workspace(shell, manifest.as_deref())?;
    let sources = tree.map_or(checkout, |tree| tree.folder);
    let kept_here = || workspace.target_directory().join(KEPT);
    let folder = tree.map_or_else(kept_here, |tree| tree.kept.to_owned());
    let configured = cargo::target(shell)?;
    let compiler = cargo::compiler(shell);
    let unknown = |binaries| Built {
        binaries,
        build,
        content: None,
        inputs: None,
        settings: None,
        rustc: compiler.as_ref().map(|compiler| compiler.version.clone()),
    };
    if build == Build::Existing {
        let host = compiler.as_ref().map(|compiler| compiler.host.as_str());
        let found = existing(&workspace, configured.as_deref(), host)?;
        return Ok(unknown(keep(&folder, found)?));
    }
    let host = compiler.as_ref().map(|compiler| &compiler.host);
    let target = configured.as_ref().or(host);
    // A build may itself write what it is made of, such as a lock file that was not there. Then the next one does not.
    let mut attempts = 0;
    loop {
        attempts += 1;
        let began = SystemTime::now();
        let before = content::of_files(sources, scratch);
        let configuration = settings::configuration(checkout);
        let made = cargo_build(shell, manifest.as_deref())?;
        let stamps = made.binaries.stamps();
        let kept = keep(&folder, made.binaries.clone())?;
        let after = content::of_files(sources, scratch);
        let files = before.as_ref().zip(after.as_ref());
        let source = files
            .and_then(|(before, after)| source(sources, &workspace, &made, [before, after], began));
        // Other binaries are of another build.
        let source = source.filter(|_| stamps == made.binaries.stamps());
        let may_have_changed = files.is_some() && source.is_none();
        if may_have_changed && attempts < ATTEMPTS {
            continue;
        }
        let (content, inputs) = source.unzip();
        let configuration =
            configuration.filter(|known| settings::configuration(checkout).as_ref() == Some(known));
        let settings = configuration.zip(target).map(|(configuration, target)| {
            settings::settings(&workspace, configuration, target, &made.profiles, &made.messages)
        });
        return Ok(Built { content, inputs, settings, ..unknown(kept) });
    }
}

/// The most builds of one check.
const ATTEMPTS: usize = 2;

/// The content that was built, and its inputs; `None` where it is unknown. Inputs that changed meanwhile may or may not
/// be in the binaries.
fn source(
    checkout: &Path,
    workspace: &Workspace,
    made: &Made,
    [before, after]: [&Snapshot; 2],
    began: SystemTime,
) -> Option<(String, Inputs)> {
    let inputs = inputs::inputs(checkout, workspace, &made.messages, made.binaries.paths(), after)?;
    let content = after.hash(&inputs)?;
    let root = after.root();
    let changed = |file: &String| {
        let changed_at = |file: fs::Metadata| {
            let seconds = u64::try_from(file.ctime()).ok()?;
            let since_epoch = Duration::new(seconds, u32::try_from(file.ctime_nsec()).ok()?);
            SystemTime::UNIX_EPOCH.checked_add(since_epoch)
        };
        let changed_at = fs::metadata(root.join(file)).ok().and_then(changed_at);
        changed_at.is_none_or(|moment| moment >= began)
    };
    let unchanged = before.hash(&inputs)? == content && !inputs.disk.iter().any(changed);
    unchanged.then_some((content, inputs))
}

/// The folder of kept binaries, below the target directory.
const KEPT: &str = "perf";

/// The folder of kept binaries, under the target directory of `checkout`.
///
/// # Errors
/// When cargo cannot say where the target directory is.
pub(crate) fn kept_folder(checkout: &Path) -> Result<PathBuf> {
    Ok(cargo::workspace(&shell::shell(checkout)?, None)?.target_directory().join(KEPT))
}

/// What a build made, and what cargo said of it.
struct Made {
    binaries: Binaries,
    /// Cargo's description of each binary's profile, by the binary's name.
    profiles: BTreeMap<String, Value>,
    messages: Vec<Value>,
}

fn cargo_build(shell: &Shell, manifest: Option<&Path>) -> Result<Made> {
    // Cargo, which would go on building, ends with this tool.
    let words = shell::dying_with_parent("TERM");
    let command = cargo::command(shell, words.as_ref().map_or(&[], |words| words), "cargo")
        .args(["build", "--release", "--bin", SERVER, "--bin", LOAD_GENERATOR])
        .arg("--message-format=json-render-diagnostics")
        .args(cargo::of_manifest(manifest));
    let messages = clean(command).read().map_err(|error| {
        Error::because("the build failed", error).next("its errors are above; nothing was measured")
    })?;
    let messages: Vec<Value> =
        messages.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let find = |name: &str| {
        let mut executables = messages.iter().filter_map(executable);
        executables
            .find_map(|(target, path)| (target == name).then_some(path))
            .ok_or_else(|| Error::new(format!("cargo built no binary `{name}`")))
    };
    let binaries = Binaries {
        engram: find(SERVER)?,
        loadtest: find(LOAD_GENERATOR)?,
        engram_hash: None,
        loadtest_hash: None,
    };
    let profile = |message| Some((executable(message)?.0, Value::clone(message.get("profile")?)));
    let profiles = messages.iter().filter_map(profile).collect();
    Ok(Made { binaries, profiles, messages })
}

/// The binary that one of cargo's messages names.
fn executable(message: &Value) -> Option<(String, PathBuf)> {
    let path = message.get("executable")?.as_str()?;
    let target = message.get("target")?;
    let mut kinds = target.get("kind")?.as_array()?.iter();
    let name = target.get("name")?.as_str()?;
    kinds.any(|kind| kind == "bin").then(|| (name.to_owned(), path.into()))
}

/// The binaries that cargo would have built; `target` is configured, and moves them one folder down.
fn existing(workspace: &Workspace, target: Option<&str>, host: Option<&str>) -> Result<Binaries> {
    let target = match target {
        Some("host-tuple") => host,
        other => other,
    };
    let folder = target.map(cargo::target_folder).unwrap_or_default();
    let found = Binaries::in_folder(&workspace.target_directory().join(folder).join(PROFILE));
    if let Some(missing) = found.paths().into_iter().find(|path| !path.is_file()) {
        let what = format!("--no-build, but there is no {}", missing.display());
        return Err(
            Error::new(what).next("leave --no-build away, or build first: cargo build --release")
        );
    }
    Ok(found)
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

/// The folder that a pair is copied into, below that of the kept ones.
const UNFINISHED: &str = "unfinished-pair";

/// The copies of `found`; `None` without hashes.
fn kept_copies(folder: &Path, found: &Binaries) -> io::Result<Option<Binaries>> {
    fs::create_dir_all(folder)?;
    // Checkouts may share a target directory. On a system without locks there is none.
    let turn = File::open(folder)?;
    let _ = turn.lock();
    let partial = folder.join(UNFINISHED);
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

/// The digits of a hash that the name of a kept pair has.
const SHORT: usize = 16;

/// The folder that a pair of binaries is kept in.
pub(crate) fn kept_pair(folder: &Path, engram_hash: &str, loadtest_hash: &str) -> PathBuf {
    let short = |hash: &str| hash.chars().take(SHORT).collect::<String>();
    folder.join(format!("{}-{}", short(engram_hash), short(loadtest_hash)))
}

/// The kept pair with these hashes of server and load generator; `None` where it is gone, or not what it was. It counts
/// as used now.
pub(crate) fn kept(folder: &Path, engram_hash: &str, loadtest_hash: &str) -> Option<Binaries> {
    let pair = kept_pair(folder, engram_hash, loadtest_hash);
    let kept = Binaries::in_folder(&pair);
    let [engram, loadtest] = kept.paths().map(content::of_file);
    let is_whole =
        engram.as_deref() == Some(engram_hash) && loadtest.as_deref() == Some(loadtest_hash);
    // Where its time stays, it is removed the sooner.
    let _ = File::open(&pair).and_then(|pair| pair.set_modified(SystemTime::now()));
    is_whole.then_some(Binaries { engram_hash: engram, loadtest_hash: loadtest, ..kept })
}

/// What is in the folder of kept pairs, the newest first.
fn pairs(folder: &Path) -> Vec<(SystemTime, PathBuf)> {
    let mut pairs: Vec<(SystemTime, PathBuf)> = WalkDir::new(folder)
        .min_depth(1)
        .max_depth(1)
        .into_iter()
        .filter_map(|entry| {
            let entry = entry.ok().filter(|entry| entry.file_type().is_dir())?;
            is_kept_pair(entry.file_name().to_str()?).then_some(())?;
            Some((entry.metadata().ok()?.modified().ok()?, entry.into_path()))
        })
        .collect();
    pairs.sort_unstable_by(|a, b| b.cmp(a));
    pairs
}

fn prune(folder: &Path) {
    for (_, old) in pairs(folder).into_iter().skip(KEPT_PAIRS) {
        // The next check tries again.
        let _ = fs::remove_dir_all(old);
    }
}

/// True for a name as [`kept_pair`] gives it.
fn is_kept_pair(name: &str) -> bool {
    let is_short = |hash: &str| {
        hash.len() == SHORT && hash.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    };
    name.split_once('-').is_some_and(|(engram, loadtest)| is_short(engram) && is_short(loadtest))
}
