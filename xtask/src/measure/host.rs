//! The machine: what it is, and what state it is in before a measurement.

use std::fs;
use std::path::Path;

use walkdir::WalkDir;
use xshell::{Shell, cmd};

use super::noise;
use super::port::processes;
use super::process::kib;
use super::shell;

/// What a machine is, as far as it can be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// Its name.
    pub name: Option<String>,
    /// Kernel and architecture.
    pub system: Option<String>,
    /// The processor's model.
    pub cpu: Option<String>,
    /// Usable processors.
    pub cores: Option<u64>,
    /// The machine's processors, of which a container may use fewer.
    pub processors: u32,
    /// Memory, in MiB.
    pub memory_mib: Option<u64>,
}

/// What state a machine is in. `None` is: cannot be told, and never warned about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// Processes that wanted a CPU, averaged over a minute.
    pub load_average: Option<f64>,
    /// The policy that sets the CPU's frequency.
    pub governor: Option<String>,
    /// Swap space in use, in MiB.
    pub swap_mib: Option<u64>,
    /// Whether it runs on its battery.
    pub power: Option<Power>,
    /// Compilers at work that are not ours: `cargo` and `rustc` processes.
    pub compilers: Option<usize>,
}

/// Where the machine's power comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// The mains.
    Mains,
    /// A battery that is being emptied: CPUs slow down on it.
    Battery,
}

/// Looks at the machine.
pub fn host() -> Host {
    let Ok(shell) = shell::shell(Path::new("/")) else {
        return Host::default();
    };
    Host {
        name: read("/proc/sys/kernel/hostname").or_else(|| shell::answer(cmd!(shell, "hostname"))),
        system: shell::answer(cmd!(shell, "uname -srm")),
        cpu: fs::read_to_string("/proc/cpuinfo")
            .ok()
            .and_then(|text| model_name(&text))
            .or_else(|| sysctl(&shell, "machdep.cpu.brand_string")),
        cores: std::thread::available_parallelism()
            .ok()
            .and_then(|cores| u64::try_from(cores.get()).ok()),
        processors: noise::processors(),
        memory_mib: meminfo("MemTotal").map(|kib| kib / 1024).or_else(|| {
            let bytes: u64 = sysctl(&shell, "hw.memsize")?.parse().ok()?;
            Some(bytes / 1024 / 1024)
        }),
    }
}

/// Looks at the machine's state.
pub fn state() -> State {
    let Ok(shell) = shell::shell(Path::new("/")) else {
        return State::default();
    };
    State {
        load_average: load_average(&shell),
        governor: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        swap_mib: swap_mib(&shell),
        power: power(&shell),
        compilers: compilers(&shell),
    }
}

/// What about `state` makes a measurement on `host` weaker, in words.
pub fn warnings(host: &Host, state: &State) -> Vec<String> {
    let mut warnings = Vec::new();
    // The average is over the whole machine, even in a container.
    let processors = host.processors.max(1);
    if let Some(load) = state
        .load_average
        .filter(|load| *load > f64::from(processors))
    {
        warnings.push(format!(
            "busy machine: load average {load:.1} on {processors} cores"
        ));
    }
    match state.compilers {
        Some(0) | None => {}
        Some(1) => warnings.push("busy machine: a cargo or rustc process is running".into()),
        Some(many) => warnings.push(format!(
            "busy machine: {many} cargo or rustc processes are running"
        )),
    }
    if let Some(governor) = state
        .governor
        .as_deref()
        .filter(|name| THROTTLING.contains(name))
    {
        warnings.push(format!(
            "CPU governor `{governor}` slows the clock when idle"
        ));
    }
    if let Some(mib @ 1..) = state.swap_mib {
        warnings.push(format!("{mib} MiB of swap in use"));
    }
    if state.power == Some(Power::Battery) {
        warnings.push("running on battery".into());
    }
    warnings
}

/// The free space on the disk of `folder`, in MiB; `None` for a folder that does not exist, or where the system does not
/// show it.
pub fn free_mib(folder: &Path) -> Option<u64> {
    let shell = shell::shell(Path::new("/")).ok()?;
    let table = shell::answer(cmd!(shell, "df -Pk {folder}"))?;
    free_kib(&table).map(|kib| kib / 1024)
}

/// The available space: the column before the capacity in per cent. The names around them may have spaces.
fn free_kib(table: &str) -> Option<u64> {
    let fields: Vec<&str> = table.lines().nth(1)?.split_whitespace().collect();
    fields.windows(2).find_map(|pair| match pair {
        [available, capacity] if capacity.ends_with('%') => available.parse().ok(),
        _ => None,
    })
}

/// Governors that let the clock fall under a load of short requests.
const THROTTLING: [&str; 2] = ["powersave", "conservative"];

fn read(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn sysctl(shell: &Shell, name: &str) -> Option<String> {
    if cfg!(target_os = "linux") {
        return None;
    }
    shell::answer(cmd!(shell, "sysctl -n {name}"))
}

fn meminfo(name: &str) -> Option<u64> {
    kib(&fs::read_to_string("/proc/meminfo").ok()?, name)
}

fn model_name(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo
        .lines()
        .find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn load_average(shell: &Shell) -> Option<f64> {
    let text = read("/proc/loadavg").or_else(|| sysctl(shell, "vm.loadavg"))?;
    text.split_whitespace().find_map(|word| word.parse().ok())
}

fn swap_mib(shell: &Shell) -> Option<u64> {
    match (meminfo("SwapTotal"), meminfo("SwapFree")) {
        (Some(total), Some(free)) => Some(total.saturating_sub(free) / 1024),
        _ => {
            // total = 2048.00M  used = 1093.25M  free = 954.75M
            let text = sysctl(shell, "vm.swapusage")?;
            let used = text.split("used = ").nth(1)?.split('.').next()?;
            used.parse().ok()
        }
    }
}

fn power(shell: &Shell) -> Option<Power> {
    if cfg!(target_os = "macos") {
        let text = shell::answer(cmd!(shell, "pmset -g batt"))?;
        return Some(match text.contains("'Battery Power'") {
            true => Power::Battery,
            false => Power::Mains,
        });
    }
    let supplies: Vec<(String, String)> = WalkDir::new("/sys/class/power_supply")
        .min_depth(1)
        .max_depth(1)
        .into_iter()
        .filter_map(|entry| {
            let supply = entry.ok()?.into_path();
            let field = |name: &str| read(supply.join(name).to_str()?);
            Some((field("type")?, field("status").unwrap_or_default()))
        })
        .collect();
    let discharging = supplies
        .iter()
        .any(|(kind, status)| kind == "Battery" && status == "Discharging");
    match (supplies.is_empty(), discharging) {
        (true, _) => None,
        (false, true) => Some(Power::Battery),
        (false, false) => Some(Power::Mains),
    }
}

/// Counts compilers, leaving out our own ancestors: a `cargo` that waits for this tool is not at work.
fn compilers(shell: &Shell) -> Option<usize> {
    let is_compiler = |name: &str| matches!(name, "cargo" | "rustc" | "clippy-driver");
    if !Path::new("/proc/self/stat").exists() {
        let names = shell::answer(cmd!(shell, "ps -axo comm="))?;
        return Some(
            names
                .lines()
                .filter_map(|name| name.rsplit('/').next())
                .filter(|name| is_compiler(name))
                .count(),
        );
    }
    let ancestors: Vec<u32> =
        std::iter::successors(Some(std::process::id()), |&pid| parent(pid)).collect();
    Some(
        processes()
            .filter(|pid| !ancestors.contains(pid))
            .filter(|pid| read(&format!("/proc/{pid}/comm")).is_some_and(|name| is_compiler(&name)))
            .count(),
    )
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
        .filter(|&pid| pid > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_machine_gets_no_warning() {
        assert_eq!(warnings(&host(), &State::default()), Vec::<String>::new());
    }

    #[test]
    fn each_state_that_disturbs_is_named() {
        let host = Host {
            cores: Some(1),
            processors: 2,
            ..Host::default()
        };
        let state = State {
            load_average: Some(2.5),
            governor: Some("powersave".into()),
            swap_mib: Some(3),
            power: Some(Power::Battery),
            compilers: Some(2),
        };
        let all = warnings(&host, &state).join("\n");
        for part in [
            "load average 2.5 on 2 cores",
            "2 cargo or rustc",
            "`powersave`",
            "3 MiB",
            "battery",
        ] {
            assert!(all.contains(part), "{all}");
        }
    }

    #[test]
    fn a_governor_that_cannot_be_read_is_not_warned_about() {
        let state = State {
            governor: None,
            ..State::default()
        };
        assert!(warnings(&Host::default(), &state).is_empty());
    }
}
