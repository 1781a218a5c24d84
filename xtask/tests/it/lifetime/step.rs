//! The steps of a check at which the tool can be ended, each made to stand still there.

use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use super::ending::signal;
use crate::common::{Checkout, program, source_that_becomes, stand_in};

/// Where a check stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The disk is looked at, for ever.
    Preflight,
    /// Cargo runs a build script that does not end.
    Build,
    /// The server was started and does not listen.
    Start,
    /// The server listens and is asked for its health, which never comes.
    Ready,
    /// The load generator has sent a request and hangs.
    Load,
    /// The server has been sent SIGTERM and does not stop.
    Stop,
    /// The load generator's log, which is saved before the result, cannot be saved.
    Save,
    /// The first run of two is saved. The server of the second is never healthy, so that the tool gets no further
    /// than that should it be ended late.
    BetweenRuns,
}

/// The end of the standing still.
const GO: &str = "go";
/// The library with [`ENDLESS_FSYNC`].
const FSYNC: &str = "fsync.so";

/// Ends when it is allowed to, and when its checkout is removed.
const ENDLESS_BUILD_SCRIPT: &str = r#"
fn main() {
    std::fs::write("building", "").unwrap();
    while std::path::Path::new("building").exists() && !std::path::Path::new("go").exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
"#;

/// In the place of `uname`.
const ENDLESS_LOOK: &str = "#!/bin/sh
cd \"${0%/*}/..\"
[ -e go ] && exit
touch looking
while [ -e looking ] && [ ! -e go ]; do sleep 0.01; done
";

const SERVER_STARTS_WHEN_TOLD: &str = "
touch starting
while [ -e starting ] && [ ! -e go ]; do sleep 0.01; done
exec \"$STAND_IN/engram\" \"$@\"";

/// In the place of the C library's own: a file does not become safe on the disk while the file `held` has a part of its
/// path, until the checkout is removed.
const ENDLESS_FSYNC: &str = r#"
use std::path::Path;

#[unsafe(no_mangle)]
pub extern "C" fn fsync(file: i32) -> i32 {
    let file = std::fs::read_link(format!("/proc/self/fd/{file}")).unwrap_or_default();
    let is_held = || {
        let held = std::fs::read_to_string("held").unwrap_or_default();
        !held.is_empty() && file.to_string_lossy().contains(held.trim_end())
    };
    while is_held() && file.exists() && !Path::new("go").exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    0
}
"#;

const SECOND_SERVER_IS_NEVER_HEALTHY: &str = "
[ ! -e go ] && ls tmp/m17_performance/*.json >/dev/null 2>&1 && export STAND_IN_NEVER_HEALTHY=1
exec \"$STAND_IN/engram\" \"$@\"";

impl Step {
    /// All, in their order.
    pub const ALL: [Self; 8] = [
        Self::Preflight,
        Self::Build,
        Self::Start,
        Self::Ready,
        Self::Load,
        Self::Stop,
        Self::Save,
        Self::BetweenRuns,
    ];

    /// A checkout for a check that is to stand still at this step.
    pub fn checkout(self) -> Checkout {
        let checkout = Checkout::without_product();
        match self {
            Self::Build => sources(&checkout),
            _ => scripts(&checkout),
        }
        match self {
            Self::Preflight => program(&checkout.path("programs/uname"), ENDLESS_LOOK),
            Self::Start => checkout.script("engram", SERVER_STARTS_WHEN_TOLD),
            Self::Save => checkout.write("held", "unsaved/loadtest.log"),
            Self::BetweenRuns => checkout.script("engram", SECOND_SERVER_IS_NEVER_HEALTHY),
            Self::Build | Self::Ready | Self::Load | Self::Stop => {}
        }
        checkout
    }

    /// A check that stands still at this step.
    pub fn check(self, checkout: &Checkout) -> Command {
        let mut check = match self {
            Self::Build => built(checkout, "before"),
            // The grace is longer than the test's patience: what ends the server is not its end.
            Self::Stop => checkout.check("007 before --stop-grace 600"),
            Self::BetweenRuns => checkout.check("007 before --runs 2"),
            _ => checkout.check("007 before"),
        };
        match self {
            Self::Ready => check.env("STAND_IN_NEVER_HEALTHY", "1"),
            Self::Load => check.env("STAND_IN_LOAD", "hang"),
            Self::Stop => check.env("STAND_IN_IGNORE_SIGTERM", "1"),
            Self::Preflight => {
                let programs = checkout.path("programs");
                let path = std::env::var("PATH").unwrap();
                check.env("PATH", format!("{}:{path}", programs.display()))
            }
            Self::Save => hold_syncs(checkout, &mut check),
            Self::Build | Self::Start | Self::BetweenRuns => &mut check,
        };
        check
    }

    /// True if the check has come to this step.
    pub fn is_reached(self, checkout: &Checkout) -> bool {
        let server_said = |words: &str| {
            let log = checkout.path("tmp/m17_performance/unsaved/server.log");
            fs::read_to_string(log).is_ok_and(|log| log.contains(words))
        };
        match self {
            Self::Preflight => checkout.path("looking").exists(),
            Self::Build => checkout.path("building").exists(),
            Self::Start => checkout.path("starting").exists(),
            Self::Ready => server_said("listening"),
            Self::Load => server_said("/api/v1/"),
            Self::Stop => server_said("SIGTERM ignored"),
            Self::Save => {
                let recorded = checkout.recorded();
                recorded.iter().any(|name| name.ends_with("_diag.txt"))
            }
            Self::BetweenRuns => !checkout.results().is_empty(),
        }
    }

    /// True if the supervisor has something to do at this step for more than a moment.
    pub fn has_a_supervisor(self) -> bool {
        matches!(self, Self::Start | Self::Ready | Self::Load | Self::Stop)
    }

    /// Ends what stands still by itself, and not because of the tool: the build script, and the server that was slow
    /// to stop.
    pub fn release(self, checkout: &Checkout) {
        checkout.write(GO, "");
        if self == Self::Stop {
            for (process, words) in checkout.processes() {
                if words.contains("engram start") {
                    signal("INT", &[process.to_string()]);
                }
            }
        }
    }

    /// A check in the same checkout that stands still nowhere.
    pub fn check_again(self, checkout: &Checkout) -> Command {
        checkout.write(GO, "");
        match self {
            Self::Build => built(checkout, "after"),
            _ => checkout.check("007 after"),
        }
    }

    /// The number of runs that are saved when the check is ended at this step.
    pub fn saved_runs(self) -> usize {
        usize::from(self == Self::BetweenRuns)
    }
}

fn built(checkout: &Checkout, phase: &str) -> Command {
    checkout.command(&format!("perf-check 007 {phase} --duration 1 --port {}", checkout.port()))
}

/// Makes a command hold the files that `held` names, where they become safe on the disk.
pub fn hold_syncs<'a>(checkout: &Checkout, command: &'a mut Command) -> &'a mut Command {
    checkout.write(FSYNC, endless_fsync());
    // Not by its path, which has a space.
    command.env("LD_LIBRARY_PATH", checkout.path("")).env("LD_PRELOAD", FSYNC)
}

/// The library, compiled once.
fn endless_fsync() -> &'static [u8] {
    static LIBRARY: OnceLock<Vec<u8>> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let [source, library] = ["fsync.rs", FSYNC].map(|name| folder.path().join(name));
        fs::write(&source, ENDLESS_FSYNC).unwrap();
        let mut compile = Command::new("rustc");
        compile.args(["--edition=2024", "--crate-type=cdylib", "-o"]).arg(&library).arg(&source);
        assert!(compile.status().unwrap().success());
        fs::read(library).unwrap()
    })
}

/// Binaries that turn into the stand-in's and are quick to copy.
fn scripts(checkout: &Checkout) {
    for name in ["engram", "loadtest"] {
        checkout.script(name, &format!("exec \"$STAND_IN/{name}\" \"$@\""));
    }
}

/// The same, to be built.
fn sources(checkout: &Checkout) {
    checkout.write(
        "Cargo.toml",
        "[package]\nname = \"product\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n",
    );
    checkout.write("build.rs", ENDLESS_BUILD_SCRIPT);
    for name in ["engram", "loadtest"] {
        checkout.write(&format!("src/bin/{name}.rs"), source_that_becomes(&stand_in().join(name)));
    }
}
