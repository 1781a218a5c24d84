//! Ways to end the tool, applied to a running check.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use xtask::measure::children::SUPERVISE;

use super::step::Step;
use crate::common::{Checkout, TOOL, wait_until};

/// A way to end the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It is sent a signal, it alone.
    Signal(&'static str),
    /// A key is typed in its terminal.
    Typed(Key),
    /// Its terminal is closed.
    Closed,
    /// It is suspended in its terminal, and its job is killed then.
    SuspendedAndKilled,
    /// It is suspended in its terminal, which is closed then.
    SuspendedAndClosed,
    /// The supervisor is killed, and the tool lives on.
    SupervisorKilled,
    /// Both are killed, the supervisor before it could notice the tool's end.
    BothKilled,
    /// The supervisor is halted, and the tool killed.
    SupervisorHalted,
}

/// A key that a terminal makes a signal of, as the byte that it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// SIGINT.
    CtrlC = 0x03,
    /// SIGTSTP.
    CtrlZ = 0x1a,
    /// SIGQUIT.
    CtrlBackslash = 0x1c,
}

impl Ending {
    /// The steps at which it can happen.
    pub fn steps(self) -> Vec<Step> {
        let mut steps = Step::ALL.to_vec();
        steps.retain(|step| match self {
            // Between runs there is one for moments, which can be killed then.
            Self::SupervisorKilled => step.has_a_supervisor() || *step == Step::BetweenRuns,
            Self::BothKilled | Self::SupervisorHalted => step.has_a_supervisor(),
            _ => true,
        });
        steps
    }

    /// True if there is a supervisor afterwards, to stop the server in order and to clean up.
    pub fn spares_the_supervisor(self) -> bool {
        !matches!(self, Self::SupervisorKilled | Self::BothKilled | Self::SupervisorHalted)
    }

    /// True if the tool is there afterwards, to clean up.
    pub fn spares_the_tool(self) -> bool {
        self == Self::SupervisorKilled
    }

    fn needs_a_terminal(self) -> bool {
        !matches!(self, Self::Signal(_) | Self::SupervisorKilled | Self::BothKilled)
    }
}

/// A check that runs. Dropping it ends what is left of it, so that a failed test leaves nothing behind.
pub struct Running<'a> {
    checkout: &'a Checkout,
    surroundings: Surroundings,
}

enum Surroundings {
    /// No terminal.
    Plain(Child),
    /// A terminal with a shell in it that has job control.
    Terminal(Terminal),
    /// The terminal is closed.
    Gone,
}

struct Terminal {
    // In the order in which they are to be dropped.
    keyboard: Option<Box<dyn Write + Send>>,
    screen: Box<dyn MasterPty + Send>,
    shell: Box<dyn portable_pty::Child + Send + Sync>,
}

/// The tool is a job of its own, and the shell survives it.
const SHELL: &str = "set -m; \"$@\"; read -r end";

impl<'a> Running<'a> {
    /// Starts `check` where `ending` can happen to it.
    pub fn start(checkout: &'a Checkout, check: Command, ending: Ending) -> Self {
        if ending.needs_a_terminal() {
            Self::in_terminal(checkout, &check, SHELL)
        } else {
            Self::plain(checkout, check)
        }
    }

    /// Starts `check` in a terminal whose output stops the jobs in its background (`stty tostop`).
    pub fn in_strict_terminal(checkout: &'a Checkout, check: &Command) -> Self {
        Self::in_terminal(checkout, check, &format!("stty tostop; {SHELL}"))
    }

    fn plain(checkout: &'a Checkout, mut check: Command) -> Self {
        let errors = File::create(checkout.path("errors.txt")).unwrap();
        let child = check.stdout(Stdio::null()).stderr(errors).spawn();
        Self { checkout, surroundings: Surroundings::Plain(child.unwrap()) }
    }

    fn in_terminal(checkout: &'a Checkout, check: &Command, script: &str) -> Self {
        let terminal = native_pty_system().openpty(PtySize::default()).unwrap();
        let mut shell = CommandBuilder::new("sh");
        shell.args(["-c", script, "sh"]);
        shell.arg(check.get_program());
        shell.args(check.get_args());
        shell.cwd(check.get_current_dir().unwrap());
        for (name, value) in check.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            }
        }
        let shell = terminal.slave.spawn_command(shell).unwrap();
        // What the tool prints is not read: it is far less than a terminal holds.
        Self {
            checkout,
            surroundings: Surroundings::Terminal(Terminal {
                keyboard: None,
                screen: terminal.master,
                shell,
            }),
        }
    }

    /// Ends it.
    pub fn end(&mut self, ending: Ending) {
        match ending {
            Ending::Signal(name) => signal(name, &[self.tool().to_string()]),
            Ending::Typed(key) => self.type_in(key),
            Ending::Closed => self.close(),
            Ending::SuspendedAndKilled => {
                let tool = self.suspend();
                // As the shell's `kill -s KILL %1` does.
                signal("KILL", &[format!("-{tool}")]);
            }
            Ending::SuspendedAndClosed => {
                self.suspend();
                self.close();
            }
            Ending::SupervisorKilled => signal("KILL", &[self.supervisor().to_string()]),
            Ending::BothKilled => {
                let supervisor = self.halt_supervisor();
                signal("KILL", &[self.tool().to_string(), supervisor.to_string()]);
            }
            Ending::SupervisorHalted => {
                self.halt_supervisor();
                signal("KILL", &[self.tool().to_string()]);
            }
        }
    }

    /// True if no process of the checkout is left, apart from the user's shell.
    pub fn is_gone(&self) -> bool {
        let shell = match &self.surroundings {
            Surroundings::Terminal(terminal) => terminal.shell.process_id(),
            _ => None,
        };
        self.checkout.processes().keys().all(|id| Some(*id) == shell)
    }

    /// The exit code of a tool that was not ended; `None` if a signal did, or if it was in a terminal.
    pub fn exit_code(&mut self) -> Option<i32> {
        match &mut self.surroundings {
            Surroundings::Plain(child) => child.wait().unwrap().code(),
            _ => None,
        }
    }

    /// What it said, once it is gone. Ends the shell of the terminal.
    pub fn said(&mut self) -> String {
        let Surroundings::Terminal(terminal) = &mut self.surroundings else {
            return fs::read_to_string(self.checkout.path("errors.txt")).unwrap();
        };
        let mut screen = terminal.screen.try_clone_reader().unwrap();
        if let Some(keyboard) = &mut terminal.keyboard {
            keyboard.write_all(b"\n").unwrap();
        }
        terminal.shell.wait().unwrap();
        let mut said = Vec::new();
        // Linux ends a terminal's output with an error.
        let _ = screen.read_to_end(&mut said);
        String::from_utf8(said).unwrap().replace("\r\n", "\n")
    }

    /// Waits until the tool itself has ended, if this ends it: what it waits for may not be given to it before. A key that
    /// is typed is a signal only a moment later.
    pub fn wait_for_the_tool(&self, ending: Ending) {
        if !ending.spares_the_tool() {
            wait_until("the end of the tool", || !self.checkout.processes().values().any(is_tool));
        }
    }

    /// Sends a signal to the first process whose command line has `words`, once there is one; `false` if the tool ends
    /// before.
    pub fn strike(&self, signal_name: &str, words: &str) -> bool {
        let mut struck = None;
        wait_until("a process to strike", || {
            let processes = self.checkout.processes();
            struck = processes.iter().find(|(_, known)| known.contains(words)).map(|(id, _)| *id);
            struck.is_some() || self.is_gone()
        });
        if let Some(id) = struck {
            signal(signal_name, &[id.to_string()]);
        }
        struck.is_some()
    }

    fn tool(&self) -> u32 {
        match &self.surroundings {
            Surroundings::Plain(child) => child.id(),
            _ => self.find(is_tool),
        }
    }

    fn supervisor(&self) -> u32 {
        self.find(|words| words.contains(SUPERVISE))
    }

    fn halt_supervisor(&self) -> u32 {
        let supervisor = self.supervisor();
        signal("STOP", &[supervisor.to_string()]);
        wait_until("the supervisor to be halted", || {
            let threads = fs::read_dir(format!("/proc/{supervisor}/task")).unwrap();
            threads.into_iter().all(|thread| is_stopped(&thread.unwrap().path()))
        });
        supervisor
    }

    /// The process with such a command line, once there is one: not a child of it that is not a program of its own yet,
    /// and whose number may be the smaller one.
    fn find(&self, is_it: impl Fn(&String) -> bool) -> u32 {
        let mut found = None;
        wait_until("a process to end", || {
            let mut processes = self.checkout.processes();
            processes.retain(|_, words| is_it(words));
            let is_child =
                |id: &u32| parent(*id).is_some_and(|parent| processes.contains_key(&parent));
            found = processes.keys().copied().find(|id| !is_child(id));
            found.is_some()
        });
        found.unwrap()
    }

    fn type_in(&mut self, key: Key) {
        let Surroundings::Terminal(terminal) = &mut self.surroundings else {
            panic!("{key:?} needs a terminal");
        };
        // Kept, because letting it go types the end of input.
        let keyboard =
            terminal.keyboard.get_or_insert_with(|| terminal.screen.take_writer().unwrap());
        keyboard.write_all(&[key as u8]).unwrap();
        keyboard.flush().unwrap();
    }

    fn suspend(&mut self) -> u32 {
        let tool = self.tool();
        self.type_in(Key::CtrlZ);
        // Or a child of it, before that became a program of its own; then the tool waits for it.
        wait_until("the tool to be suspended", || {
            self.checkout.processes().iter().any(|(process, words)| {
                let is_stopped = is_stopped(Path::new(&format!("/proc/{process}")));
                is_stopped && is_tool(words)
            })
        });
        tool
    }

    fn close(&mut self) {
        if let Surroundings::Terminal(terminal) =
            std::mem::replace(&mut self.surroundings, Surroundings::Gone)
        {
            let Terminal { keyboard, screen, mut shell } = terminal;
            drop(keyboard);
            drop(screen);
            shell.wait().unwrap();
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let errors = fs::read_to_string(self.checkout.path("errors.txt"));
            eprintln!(
                "still running: {:#?}\nrecorded: {:?}\nthe tool said: {}",
                self.checkout.processes(),
                self.checkout.recorded(),
                errors.unwrap_or_default()
            );
        }
        let left: Vec<String> =
            (self.checkout.processes().keys()).map(ToString::to_string).collect();
        if !left.is_empty() {
            signal("KILL", &left);
        }
        if let Surroundings::Plain(child) = &mut self.surroundings {
            let _ = child.wait();
        }
        self.close();
    }
}

/// True for the command line of the tool, and not for that of its supervisor.
#[expect(clippy::ptr_arg, reason = "it is asked of the values of a map")]
fn is_tool(words: &String) -> bool {
    words.starts_with(TOOL) && words.contains(" perf-")
}

fn parent(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // <pid> (<name>) <state> <parent>; the name may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}

/// True if the process or thread with this folder of `/proc` is stopped.
fn is_stopped(process: &Path) -> bool {
    fs::read_to_string(process.join("stat")).is_ok_and(|stat| stat.contains(") T "))
}

/// Sends a signal to processes, or to process groups with a minus before them. Those that are gone do not matter.
pub fn signal(name: &str, targets: &[String]) {
    Command::new("sh")
        .args(["-c", "kill -s \"$0\" -- \"$@\"", name])
        .args(targets)
        .stderr(Stdio::null())
        .status()
        .unwrap();
}
