//! The tool and git, run as a user would, apart from the test runner's surroundings.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

/// The tool under test.
pub const TOOL: &str = env!("CARGO_BIN_EXE_xtask");

/// The outcome of a run of the tool.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub output: String,
    /// Its standard error.
    pub errors: String,
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
        assert_eq!(self.errors.matches("error: ").count(), 1, "one message: {self:?}");
        self.errors
    }

    /// Checks that it succeeded, and returns it.
    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }
}

/// Git in `folder`, apart from the user's configuration and from the test runner's variables.
pub fn git_command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let is_foreign = ["GIT_", "CARGO_", "PERF_"].iter().any(|prefix| text.starts_with(prefix));
        if is_foreign && text != "CARGO_HOME" {
            command.env_remove(&name);
        }
    }
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .env_remove("CI")
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .env("LC_ALL", "C")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    command
}

/// Runs git in `folder`, which is to succeed; returns what it printed.
#[track_caller]
pub fn git(folder: &Path, words: &[&str]) -> String {
    let mut command = git_command(folder);
    command.args(words);
    finish(command).succeeded().output.trim_end().to_owned()
}

/// Waits until `condition` holds.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    const PATIENCE: Duration = Duration::from_secs(60);
    // To look through all processes more often takes the time of what is waited for.
    const INTERVAL: Duration = Duration::from_millis(20);
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "in vain waited for: {what}");
        std::thread::sleep(INTERVAL);
    }
}

/// Runs to the end on a terminal of 80 columns; returns the exit code and all that the terminal was sent.
pub fn finish_on_terminal(command: &Command) -> (u32, String) {
    finish_on_terminal_of(80, command)
}

/// The same on a terminal of so many columns.
pub fn finish_on_terminal_of(cols: u16, command: &Command) -> (u32, String) {
    let terminal =
        native_pty_system().openpty(PtySize { rows: 24, cols, ..PtySize::default() }).unwrap();
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
    let _ = terminal.master.try_clone_reader().unwrap().read_to_end(&mut sent);
    (child.wait().unwrap().exit_code(), String::from_utf8(sent).unwrap())
}

/// `command` where no file can grow beyond a block of 512 or 1024 bytes.
pub fn on_a_full_disk(command: &Command) -> Command {
    by_shell(command, "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"")
}

/// `command`, which `script` has as `"$0" "$@"`.
pub fn by_shell(command: &Command, script: &str) -> Command {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", script])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(command.get_current_dir().unwrap())
        .stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}
