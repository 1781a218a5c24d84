//! A checkout of a test's own, with the stand-in as the product, and the tool run on it as a user would.

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;
pub mod recording;

use std::fs::{self, Permissions};
use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::ops::Range;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use tempfile::TempDir;
use xtask::measure::shell::leaked_variables;
use xtask::model::provenance::Provenance;

/// The tool under test.
pub const TOOL: &str = env!("CARGO_BIN_EXE_xtask");

/// Where a run works until it is saved.
const UNSAVED: &str = "tmp/m17_performance/unsaved";

/// A checkout that has everything but git: a workspace, short scenarios, and the stand-in's binaries as if built.
pub struct Checkout {
    folder: TempDir,
    /// A port that was free when the checkout was made.
    pub port: u16,
}

/// What a run of the tool came to.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it printed to standard output.
    pub output: String,
    /// What it printed to standard error.
    pub errors: String,
}

impl Checkout {
    /// A fresh one. The path has a space in it, as a user's may.
    pub fn new() -> Self {
        let checkout = Self::without_product();
        for name in ["engram", "loadtest"] {
            let to = checkout.path("target/release").join(name);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(stand_in().join(name), to).unwrap();
        }
        checkout
    }

    /// One without binaries: to compare in, nothing need be built.
    pub fn without_product() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("a checkout ")
            .tempdir()
            .unwrap();
        let checkout = Self {
            folder,
            port: free_port(),
        };
        checkout.write("Cargo.toml", "[workspace]\nresolver = \"3\"\n");
        checkout.write("scenarios/m17_baseline.toml", &scenario("M17 Baseline"));
        checkout.write(
            "scenarios/competitive/hybrid_production_100k.toml",
            &scenario("Hybrid Production 100K"),
        );
        checkout
    }

    /// A file or folder in it.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Writes a file in it.
    pub fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The tool with `words` after its name, in this checkout, with none of the variables that the test runner has.
    pub fn command(&self, words: &str) -> Command {
        let mut command = tool(words);
        command.current_dir(self.folder.path());
        command
    }

    /// `perf-check WORDS` on the existing binaries, for a second of load, on this checkout's port.
    pub fn check(&self, words: &str) -> Command {
        self.command(&format!(
            "perf-check {words} --no-build --duration 1 --port {}",
            self.port
        ))
    }

    /// The names of the files in the results folder, sorted.
    pub fn recorded(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path("tmp/m17_performance"))
            .map(|entries| {
                entries
                    .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                    .collect()
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
        fs::read_to_string(self.path("tmp/m17_performance").join(name)).unwrap()
    }

    /// The only recorded file with that ending.
    pub fn only(&self, ending: &str) -> String {
        let found: Vec<String> = self
            .recorded()
            .into_iter()
            .filter(|name| name.ends_with(ending))
            .collect();
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
        assert!(
            recorded.iter().all(|name| name == "unsaved"),
            "{recorded:?}"
        );
        assert!(!self.path(UNSAVED).join("data").exists(), "data is left");
        assert!(!self.path(UNSAVED).join("result.json").exists());
    }

    /// Checks that no process of this checkout is left, and that the port is free.
    #[track_caller]
    pub fn assert_nothing_runs(&self) {
        assert_eq!(self.running(), Vec::<String>::new());
        TcpListener::bind(("127.0.0.1", self.port)).unwrap();
    }

    /// The command lines of the processes that were started from this checkout or that work in it; none where the
    /// system has no `/proc` to tell.
    pub fn running(&self) -> Vec<String> {
        self.processes().into_values().collect()
    }

    /// As [`Checkout::running`], by process id. The dead that nobody has waited for yet have no command line, and do
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
        let relative = format!("target/release/{name}");
        let folder = stand_in().to_str().unwrap();
        self.write(
            &relative,
            &format!("#!/bin/sh\nSTAND_IN='{folder}'\n{text}\n"),
        );
        fs::set_permissions(self.path(&relative), Permissions::from_mode(0o755)).unwrap();
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

/// The tool with `words` after its name, and none of the variables that the test runner has.
pub fn tool(words: &str) -> Command {
    let mut command = Command::new(TOOL);
    command.args(words.split_whitespace()).stdin(Stdio::null());
    without_runner(&mut command)
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .env_remove("CI");
    command
}

/// Takes away the variables of the test runner, and those that would change what is tested.
fn without_runner(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_") && text != "CARGO_HOME"
            || text.starts_with("GIT_")
            || text.starts_with("STAND_IN_")
        {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs to the end.
pub fn finish(mut command: Command) -> Finished {
    let output = command.output().unwrap();
    Finished {
        code: output.status.code(),
        output: String::from_utf8(output.stdout).unwrap(),
        errors: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Finished {
    /// Checks that it failed as a measurement that could not be made, and returns its message.
    #[track_caller]
    pub fn refused(self) -> String {
        assert_eq!(self.code, Some(3), "{self:?}");
        assert_eq!(
            self.errors.matches("error: ").count(),
            1,
            "one message: {self:?}"
        );
        self.errors
    }

    /// Checks that it succeeded, and returns it.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }
}

/// Runs git in `folder`, apart from the user's configuration.
pub fn git(folder: &Path, words: &[&str]) -> String {
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
    let output = command
        .args(words)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {words:?}: {output:?}");
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

/// A port that nobody listens on now, and that no other test is given, of this process or of another. It is below
/// those that the system takes for outgoing connections, of which the tests make many.
pub fn free_port() -> u16 {
    const PORTS: Range<u16> = 20_000..32_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        // Processes begin apart, so that they seldom ask for the same.
        let offset = std::process::id() * 64 + u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + u16::try_from(offset % PORTS.len() as u32).unwrap();
        // The claim, until this process ends: nothing here uses UDP.
        if let Ok(claim) = UdpSocket::bind(("127.0.0.1", port))
            && xtask::measure::port::free(port).is_ok()
        {
            std::mem::forget(claim);
            return port;
        }
    }
}

/// A scenario without limits, gentle enough for a busy machine.
pub fn scenario(name: &str) -> String {
    format!(
        "name = \"{name}\"\ndescription = \"for tests\"\n[duration]\ntotal_seconds = 1\n\
         [arrival]\npattern = \"constant\"\nrate = 100.0\n\
         [operations]\nstore_weight = 0.5\nrecall_weight = 0.4\nembedding_search_weight = 0.1\n\
         pattern_completion_weight = 0.0\n\
         [data]\nnum_nodes = 100\nembedding_dim = 768\nmemory_spaces = 1\n"
    )
}

/// Waits until `condition` holds.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    const PATIENCE: Duration = Duration::from_secs(60);
    const INTERVAL: Duration = Duration::from_millis(5);
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "in vain waited for: {what}");
        std::thread::sleep(INTERVAL);
    }
}

/// Runs to the end on a terminal of 80 columns; returns the exit code and all that the terminal was sent.
pub fn finish_on_terminal(command: &Command) -> (u32, String) {
    let terminal = native_pty_system()
        .openpty(PtySize {
            rows: 24,
            cols: 80,
            ..PtySize::default()
        })
        .unwrap();
    let mut there = CommandBuilder::new(command.get_program());
    there.args(command.get_args());
    there.cwd(command.get_current_dir().unwrap());
    there.env("TERM", "xterm");
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => there.env(name, value),
            None => there.env_remove(name),
        }
    }
    let mut child = terminal.slave.spawn_command(there).unwrap();
    drop(terminal.slave);
    let mut sent = Vec::new();
    // Linux ends a terminal's output with an error.
    let _ = terminal
        .master
        .try_clone_reader()
        .unwrap()
        .read_to_end(&mut sent);
    (
        child.wait().unwrap().exit_code(),
        String::from_utf8(sent).unwrap(),
    )
}

/// A folder with every program of the search path but one, to be the search path.
pub fn programs_without(missing: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for place in std::env::split_paths(&std::env::var_os("PATH").unwrap()) {
        for program in fs::read_dir(place).into_iter().flatten() {
            let program = program.unwrap();
            if program.file_name() != missing {
                // The first of a name is the one that counts.
                let _ = symlink(program.path(), folder.path().join(program.file_name()));
            }
        }
    }
    folder
}

/// As [`programs_without`], with a git that changes `binary` each time that it has hashed an `engram`.
pub fn replacing_after_hashing(binary: &Path) -> TempDir {
    let programs = programs_without("git");
    let path = std::env::var_os("PATH").unwrap();
    let git = programs.path().join("git");
    let script = format!(
        "#!/bin/sh\nPATH='{}' git \"$@\" || exit\n\
         case \"$*\" in *hash-object*engram) echo >> '{}' ;; esac\n",
        path.display(),
        binary.display()
    );
    fs::write(&git, script).unwrap();
    fs::set_permissions(&git, Permissions::from_mode(0o755)).unwrap();
    programs
}

/// The folder of the stand-in's binaries, built once, beside the tool.
pub fn stand_in() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(TOOL).parent().unwrap();
        let profile = match folder.file_name().unwrap().to_str().unwrap() {
            "debug" => "dev",
            other => other,
        };
        let mut build = Command::new(env!("CARGO"));
        for name in leaked_variables() {
            build.env_remove(name);
        }
        build
            .args(["build", "--quiet", "--package", "stand-in"])
            .args(["--profile", profile, "--target-dir"])
            .arg(folder.parent().unwrap())
            .current_dir(env!("CARGO_MANIFEST_DIR"));
        assert!(
            build.status().unwrap().success(),
            "the stand-in does not build"
        );
        folder.to_owned()
    })
}
