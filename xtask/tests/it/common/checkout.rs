//! A checkout of a test's own, with the stand-in as the product.

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

use tempfile::TempDir;
use xtask::model::layout::{BASELINES, RESULTS, scenario as scenario_path};
use xtask::model::names::Mode;
use xtask::model::provenance::Provenance;

use super::documents::{BASELINE_DOCUMENT, scenario};
use super::{Finished, Packed, copy_program, finish, git, program, stand_in, tool};

/// Where a run works until it is saved.
const UNSAVED: &str = "tmp/m17_performance/unsaved";

/// A checkout that has everything but git: a workspace, short scenarios, and the stand-in's binaries as if built.
pub struct Checkout {
    folder: TempDir,
    port: OnceLock<u16>,
}

impl Checkout {
    /// A fresh one. The path has a space in it, as a user's may.
    pub fn new() -> Self {
        let checkout = Self::without_product();
        for name in ["engram", "loadtest"] {
            let to = checkout.path("target/release").join(name);
            copy_program(&stand_in().join(name), &to);
        }
        checkout
    }

    /// One without binaries.
    pub fn without_product() -> Self {
        Self::within(&std::env::temp_dir())
    }

    /// One to compare in, with a short baseline document. It is in memory where the system has a folder for that, which
    /// may not hold programs.
    pub fn to_compare() -> Self {
        const IN_MEMORY: &str = "/dev/shm";
        let has_memory = tempfile::tempfile_in(IN_MEMORY).is_ok();
        let checkout = match has_memory {
            true => Self::within(Path::new(IN_MEMORY)),
            false => Self::without_product(),
        };
        fs::create_dir_all(checkout.path(RESULTS)).unwrap();
        checkout.write(BASELINES, BASELINE_DOCUMENT);
        checkout
    }

    /// One with the files of another.
    pub fn unpacked(files: &Packed) -> Self {
        let checkout = Self::empty(&std::env::temp_dir());
        files.unpack(checkout.folder.path());
        checkout
    }

    fn empty(parent: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("a checkout ").tempdir_in(parent).unwrap();
        Self { folder, port: OnceLock::new() }
    }

    fn within(parent: &Path) -> Self {
        let checkout = Self::empty(parent);
        checkout.write("Cargo.toml", "[workspace]\nresolver = \"3\"\n");
        for (mode, name) in
            [(Mode::Internal, "M17 Baseline"), (Mode::Competitive, "Hybrid Production 100K")]
        {
            checkout.write(scenario_path(mode), scenario(name));
        }
        checkout
    }

    /// A port that was free when it was first asked for.
    pub fn port(&self) -> u16 {
        *self.port.get_or_init(free_port)
    }

    /// A file or folder in it.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Writes a file in it.
    pub fn write(&self, relative: &str, content: impl AsRef<[u8]>) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// The tool with `words` after its name, in this checkout, with none of the variables that the test runner has.
    pub fn command(&self, words: &str) -> Command {
        let mut command = tool(words);
        command.current_dir(self.folder.path());
        command
    }

    /// `perf-check WORDS` on the existing binaries, for a second of load, on this checkout's port.
    pub fn check(&self, words: &str) -> Command {
        self.command(&format!("perf-check {words} --no-build --duration 1 --port {}", self.port()))
    }

    /// The names of the files in the results folder, sorted.
    pub fn recorded(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path(RESULTS))
            .map(|entries| {
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
            })
            .unwrap_or_default();
        names.sort_unstable();
        names
    }

    /// The recorded results (`….json`), sorted.
    pub fn results(&self) -> Vec<String> {
        let mut names = self.recorded();
        names.retain(|name| name.ends_with(".json"));
        names
    }

    /// The text of a recorded file.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(RESULTS).join(name)).unwrap()
    }

    /// The only recorded file with that ending.
    pub fn only(&self, ending: &str) -> String {
        let found: Vec<String> =
            self.recorded().into_iter().filter(|name| name.ends_with(ending)).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        self.read(&found[0])
    }

    /// The provenance of the only run.
    pub fn provenance(&self) -> Provenance {
        Provenance::parse(&self.only("_diag.txt")).unwrap().unwrap()
    }

    /// Runs to the end what is to be measured and saved, and to leave nothing behind.
    #[track_caller]
    pub fn measures(&self, command: Command) -> Finished {
        let finished = finish(command).succeeded();
        self.assert_nothing_runs();
        assert!(!self.path(UNSAVED).exists(), "{:?}", self.recorded());
        finished
    }

    /// Runs to the end what is not to be measured, and to leave nothing but logs; returns its message.
    #[track_caller]
    pub fn refuses(&self, command: Command) -> String {
        let message = finish(command).refused();
        self.assert_nothing_is_saved();
        self.assert_nothing_runs();
        message
    }

    /// Checks that no later comparison would read anything here.
    #[track_caller]
    pub fn assert_nothing_is_saved(&self) {
        let recorded = self.recorded();
        assert!(recorded.iter().all(|name| name == "unsaved"), "{recorded:?}");
        assert!(!self.path(UNSAVED).join("data").exists(), "data is left");
        assert!(!self.path(UNSAVED).join("result.json").exists());
    }

    /// Checks that no process of this checkout is left, and that its ports are free.
    #[track_caller]
    pub fn assert_nothing_runs(&self) {
        assert_eq!(self.running(), Vec::<String>::new());
        for port in [self.port(), self.port() + 1] {
            TcpListener::bind(("127.0.0.1", port)).unwrap();
        }
    }

    /// The command lines of the processes that were started from this checkout or that work in it; none where the
    /// system has no `/proc` to tell.
    pub fn running(&self) -> Vec<String> {
        self.processes().into_values().collect()
    }

    /// The processes of [`Checkout::running`] by id. The dead that nobody has waited for yet have no command line, and do
    /// not count.
    pub fn processes(&self) -> BTreeMap<u32, String> {
        let folder = fs::canonicalize(self.folder.path()).unwrap();
        let Ok(processes) = fs::read_dir("/proc") else {
            return BTreeMap::new();
        };
        processes
            .filter_map(|entry| {
                let process = entry.ok()?.path();
                let id = process.file_name()?.to_str()?.parse().ok()?;
                let words = fs::read(process.join("cmdline")).ok()?;
                let words = String::from_utf8_lossy(&words).replace('\0', " ");
                let is_here = |link: &str| {
                    fs::read_link(process.join(link)).is_ok_and(|path| path.starts_with(&folder))
                };
                let is_ours =
                    words.contains(folder.to_str().unwrap()) || is_here("cwd") || is_here("exe");
                (is_ours && !words.is_empty()).then_some((id, words))
            })
            .collect()
    }

    /// Puts a shell script in the place of a built binary. `$STAND_IN` is the folder of the real ones.
    pub fn script(&self, name: &str, text: &str) {
        let folder = stand_in().to_str().unwrap();
        program(
            &self.path("target/release").join(name),
            &format!("#!/bin/sh\nSTAND_IN='{folder}'\n{text}\n"),
        );
    }

    /// Makes it a git repository with everything committed.
    pub fn commit(&self) {
        self.write(".gitignore", "/target\n");
        for words in [
            &["init", "--quiet", "--initial-branch=main"][..],
            &["add", "--all"],
            &[
                "-c",
                "user.name=test",
                "-c",
                "user.email=test@example.com",
                "commit",
                "--quiet",
                "-m",
                "all",
            ],
        ] {
            git(self.folder.path(), words);
        }
    }
}

/// A port on which nobody listens now, nor on the next one, which is that of the second server of a duet; and that no
/// other test is given, of this process or of another. Both are below those that the system takes for outgoing
/// connections, of which the tests make many.
fn free_port() -> u16 {
    const PORTS: Range<u16> = 20_000..32_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        // Processes begin apart, so that they seldom ask for the same.
        // Four apart: where a duet finds the port of its other server taken for a moment, it takes the one above.
        let offset = std::process::id() * 64 + u32::from(NEXT.fetch_add(4, Ordering::Relaxed));
        let port = PORTS.start + u16::try_from(offset % PORTS.len() as u32).unwrap();
        // The claims, until this process ends: nothing here uses UDP.
        let claims = [port, port + 1].map(|port| UdpSocket::bind(("127.0.0.1", port)));
        // Not by listening there: a child that another test starts would have the socket until it becomes its program.
        let are_free =
            [port, port + 1].iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_err());
        if are_free && claims.iter().all(Result::is_ok) {
            std::mem::forget(claims);
            return port;
        }
    }
}
