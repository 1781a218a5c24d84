//! The binaries under measurement: built now or taken as they are, hashed, and kept by hash.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;
use xshell::Shell;

use super::cargo::{self, Workspace};
use super::content::{self, Snapshot};
use super::inputs;
use super::settings;
use super::shell::{self, clean};
use crate::error::{Error, Result};
use crate::files;
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
    /// Content hash of the server.
    pub engram_hash: String,
    /// Content hash of the load generator.
    pub loadtest_hash: String,
}

impl Binaries {
    /// Those in a folder.
    ///
    /// # Errors
    /// When one is not there, or without git.
    fn in_folder(folder: &Path) -> Result<Self> {
        let [engram, loadtest] = paths(folder);
        let (engram_hash, loadtest_hash) =
            (content::of_file(&engram)?, content::of_file(&loadtest)?);
        Ok(Self { engram, loadtest, engram_hash, loadtest_hash })
    }

    /// The folder that they are kept in, below that of all.
    fn place(&self, folder: &Path) -> PathBuf {
        kept_pair(folder, &self.engram_hash, &self.loadtest_hash)
    }
}

/// The server and the load generator in a folder.
fn paths(folder: &Path) -> [PathBuf; 2] {
    [SERVER, LOAD_GENERATOR].map(|name| folder.join(name))
}

/// Inode, length and time of each, which differ from one writing of a file to the next.
fn stamps(binaries: &[PathBuf; 2]) -> [Option<(u64, u64, SystemTime)>; 2] {
    binaries.each_ref().map(|path| {
        let file = fs::metadata(path).ok()?;
        Some((file.ino(), file.len(), file.modified().ok()?))
    })
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
    let kept_here = || workspace.target.join(KEPT);
    let folder = tree.map_or_else(kept_here, |tree| tree.kept.to_owned());
    let configured = cargo::target(shell)?;
    let compiler = cargo::compiler(shell);
    let host = compiler.as_ref().map(|compiler| compiler.host.as_str());
    let built = |binaries| Built {
        binaries,
        build,
        content: None,
        inputs: None,
        settings: None,
        rustc: compiler.as_ref().map(|compiler| compiler.version.clone()),
    };
    if build == Build::Existing {
        let found = existing(&workspace, configured.as_deref(), host)?;
        return Ok(built(keep(&folder, &found)?));
    }
    // A build may itself write what it is made of, such as a lock file that was not there. Then the next one does not.
    let mut attempts = 0;
    loop {
        attempts += 1;
        let began = SystemTime::now();
        let before = content::of_files(sources, scratch);
        let configuration = settings::configuration(checkout)?;
        let made = cargo_build(shell, manifest.as_deref())?;
        let written = stamps(&made.binaries);
        let kept = keep(&folder, &made.binaries)?;
        let files = before.zip(content::of_files(sources, scratch));
        let source =
            files.as_ref().and_then(|files| source(sources, &workspace, &made, files, began));
        // Other binaries are of another build.
        let source = source.filter(|_| written == stamps(&made.binaries));
        if files.is_some() && source.is_none() && attempts < ATTEMPTS {
            continue;
        }
        let (content, inputs) = source.unzip();
        let is_same = settings::configuration(checkout)? == configuration;
        let target = configured.as_deref().or(host).filter(|_| is_same);
        let settings = target
            .map(|target| settings::settings(&workspace, configuration, target, &made.messages));
        return Ok(Built { content, inputs, settings, ..built(kept) });
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
    (before, after): &(Snapshot, Snapshot),
    began: SystemTime,
) -> Option<(String, Inputs)> {
    let inputs = inputs::inputs(checkout, workspace, &made.messages, &made.binaries, after)?;
    let content = after.hash(&inputs)?;
    let began = began.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let began = (i64::try_from(began.as_secs()).ok()?, i64::from(began.subsec_nanos()));
    let is_older = |file: &String| {
        let file = fs::metadata(after.root.join(file));
        file.is_ok_and(|file| (file.ctime(), file.ctime_nsec()) < began)
    };
    let unchanged = before.hash(&inputs)? == content && inputs.disk.iter().all(is_older);
    unchanged.then_some((content, inputs))
}

/// The folder of kept binaries, below the target directory.
const KEPT: &str = "perf";

/// The folder of kept binaries, under the target directory of `checkout`.
///
/// # Errors
/// When cargo cannot say where the target directory is.
pub(crate) fn kept_folder(checkout: &Path) -> Result<PathBuf> {
    Ok(cargo::workspace(&shell::shell(checkout)?, None)?.target.join(KEPT))
}

/// What a build made, and what cargo said of it.
struct Made {
    /// The server and the load generator.
    binaries: [PathBuf; 2],
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
        let mut executables = messages.iter().filter_map(cargo::executable);
        executables
            .find_map(|(target, path)| (target == name).then_some(path.to_owned()))
            .ok_or_else(|| Error::new(format!("cargo built no binary `{name}`")))
    };
    Ok(Made { binaries: [find(SERVER)?, find(LOAD_GENERATOR)?], messages })
}

/// The binaries that cargo would have built; `target` is configured, and moves them one folder down.
fn existing(
    workspace: &Workspace,
    target: Option<&str>,
    host: Option<&str>,
) -> Result<[PathBuf; 2]> {
    let target = match target {
        Some("host-tuple") => host,
        other => other,
    };
    let target = target.map(cargo::target_folder).unwrap_or_default();
    let found = paths(&workspace.target.join(target).join(PROFILE));
    if let Some(missing) = found.iter().find(|path| !path.is_file()) {
        let what = format!("--no-build, but there is no {}", missing.display());
        return Err(
            Error::new(what).next("leave --no-build away, or build first: cargo build --release")
        );
    }
    Ok(found)
}

/// The folder that a pair is copied into, below that of the kept ones.
const UNFINISHED: &str = "unfinished-pair";

/// Copies the pair into the folder of kept pairs, and removes the oldest beyond the limit. The hashes are those of the
/// copies, which nothing replaces but copies of the same content.
fn keep(folder: &Path, found: &[PathBuf; 2]) -> Result<Binaries> {
    let failed = |error: io::Error| {
        Error::at("cannot keep the binaries in", folder)(error).next("is the disk full?")
    };
    fs::create_dir_all(folder).map_err(failed)?;
    // Checkouts may share a target directory. On a system without locks there is none.
    let turn = File::open(folder).map_err(failed)?;
    let _ = turn.lock();
    let partial = folder.join(UNFINISHED);
    // A check that was killed may have left something in it.
    let _ = fs::remove_dir_all(&partial);
    let copy = || {
        fs::create_dir(&partial).map_err(failed)?;
        for (from, to) in found.iter().zip(paths(&partial)) {
            fs::copy(from, to).map_err(failed)?;
        }
        let copies = Binaries::in_folder(&partial)?;
        let place = copies.place(folder);
        let [engram, loadtest] = paths(&place);
        fs::create_dir_all(&place)
            .and_then(|()| fs::rename(&copies.engram, &engram))
            .and_then(|()| fs::rename(&copies.loadtest, &loadtest))
            .and_then(|()| use_now(&place))
            .map_err(failed)?;
        Ok(Binaries { engram, loadtest, ..copies })
    };
    let kept = copy();
    // The copies that are kept are not in it any more.
    let _ = fs::remove_dir_all(&partial);
    for (_, old) in pairs(folder).into_iter().skip(KEPT_PAIRS) {
        // The next check tries again.
        let _ = fs::remove_dir_all(old);
    }
    kept
}

/// The newest use of a pair counts, not the first.
fn use_now(pair: &Path) -> io::Result<()> {
    File::open(pair)?.set_modified(SystemTime::now())
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
    // Where its time stays, it is removed the sooner.
    let _ = use_now(&pair);
    let kept = Binaries::in_folder(&pair).ok()?;
    (kept.engram_hash == engram_hash && kept.loadtest_hash == loadtest_hash).then_some(kept)
}

/// What is in the folder of kept pairs, the newest first.
fn pairs(folder: &Path) -> Vec<(SystemTime, PathBuf)> {
    let names = files::names(folder).unwrap_or_default().into_iter();
    let pairs = names.filter(|name| is_kept_pair(name)).filter_map(|name| {
        let pair = folder.join(name);
        let metadata = fs::symlink_metadata(&pair).ok().filter(fs::Metadata::is_dir)?;
        Some((metadata.modified().ok()?, pair))
    });
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_unstable_by(|a, b| b.cmp(a));
    pairs
}

/// True for a name as [`kept_pair`] gives it.
fn is_kept_pair(name: &str) -> bool {
    let is_short = |hash: &str| {
        hash.len() == SHORT && hash.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    };
    name.split_once('-').is_some_and(|(engram, loadtest)| is_short(engram) && is_short(loadtest))
}
