//! The machine, and its state before a measurement.

use std::fs;
use std::path::Path;

use walkdir::WalkDir;
use xshell::cmd;

use super::process::{self, kib};
use super::shell;
use crate::model::limits::{BATTERY, THROTTLING};
use crate::model::provenance::{Host, HostState};

/// Looks at the machine, without its state.
pub fn host() -> Host {
    Host {
        name: read("/proc/sys/kernel/hostname")
            .or_else(|| shell::answer_of_system(|shell| cmd!(shell, "hostname"))),
        system: shell::answer_of_system(|shell| cmd!(shell, "uname -srm")),
        cpu: read("/proc/cpuinfo")
            .and_then(|text| model_name(&text))
            .or_else(|| sysctl("machdep.cpu.brand_string")),
        cores: std::thread::available_parallelism()
            .ok()
            .and_then(|cores| u64::try_from(cores.get()).ok()),
        memory_mib: meminfo("MemTotal").map(|kib| kib / 1024).or_else(|| {
            let bytes: u64 = sysctl("hw.memsize")?.parse().ok()?;
            Some(bytes / 1024 / 1024)
        }),
        state: HostState::default(),
    }
}

/// Looks at the machine's state.
pub fn state() -> HostState {
    HostState {
        governor: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        swap_mib: swap_mib(),
        power: power().map(str::to_owned),
        compilers: compilers(),
    }
}

/// The weaknesses of a measurement in this `state`, in words.
pub(crate) fn warnings(state: &HostState) -> Vec<String> {
    let compilers = match state.compilers {
        Some(0) | None => None,
        Some(1) => Some("busy machine: a compiler is running".to_owned()),
        Some(many) => Some(format!("busy machine: {many} compilers are running")),
    };
    let throttling = |name: &&str| THROTTLING.contains(name);
    let governor = state.governor.as_deref().filter(throttling);
    let governor = governor.map(|name| format!("CPU governor `{name}` slows the clock when idle"));
    let swap = state.swap_mib.filter(|mib| *mib > 0);
    let swap = swap.map(|mib| format!("{mib} MiB of swap in use"));
    let battery = state.power.as_deref() == Some(BATTERY);
    let battery = battery.then(|| "running on battery".to_owned());
    [compilers, governor, swap, battery].into_iter().flatten().collect()
}

const MAINS: &str = "mains";

fn read(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn sysctl(name: &str) -> Option<String> {
    match cfg!(target_os = "linux") {
        true => None,
        false => shell::answer_of_system(|shell| cmd!(shell, "sysctl -n {name}")),
    }
}

fn meminfo(name: &str) -> Option<u64> {
    kib(&read("/proc/meminfo")?, name)
}

fn model_name(cpuinfo: &str) -> Option<String> {
    let mut lines = cpuinfo.lines();
    let line = lines.find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The memory that can be had without swapping, in KiB; `None` where the system does not show it.
pub(crate) fn available_memory_kib() -> Option<u64> {
    meminfo("MemAvailable")
}

fn swap_mib() -> Option<u64> {
    if let (Some(total), Some(free)) = (meminfo("SwapTotal"), meminfo("SwapFree")) {
        return Some(total.saturating_sub(free) / 1024);
    }
    // total = 2048.00M  used = 1093.25M  free = 954.75M
    let text = sysctl("vm.swapusage")?;
    let used = text.split("used = ").nth(1)?.split('.').next()?;
    used.parse().ok()
}

fn power() -> Option<&'static str> {
    let discharging = match cfg!(target_os = "macos") {
        true => shell::answer_of_system(|shell| cmd!(shell, "pmset -g batt"))?
            .contains("'Battery Power'"),
        false => supplies_discharge()?,
    };
    Some(if discharging { BATTERY } else { MAINS })
}

/// `true` where a battery is being emptied; `None` where the system shows no power supply.
fn supplies_discharge() -> Option<bool> {
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
    let discharging =
        |(kind, status): &(String, String)| kind == "Battery" && status == "Discharging";
    (!supplies.is_empty()).then(|| supplies.iter().any(discharging))
}

/// Counts the processes that compile. A `cargo` at work has some; one that waits for another program has none.
fn compilers() -> Option<usize> {
    let is_compiler = |name: &str| matches!(name, "rustc" | "clippy-driver");
    if !Path::new("/proc/self/stat").exists() {
        let names = shell::answer_of_system(|shell| cmd!(shell, "ps -axo comm="))?;
        let names = names.lines().filter_map(|name| name.rsplit('/').next());
        return Some(names.filter(|name| is_compiler(name)).count());
    }
    let name = |pid: &u32| read(&format!("/proc/{pid}/comm"));
    Some(process::all().filter(|pid| name(pid).is_some_and(|name| is_compiler(&name))).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_machine_gets_no_warning() {
        assert_eq!(warnings(&HostState::default()), Vec::<String>::new());
    }

    #[test]
    fn each_state_that_disturbs_is_named() {
        let state = HostState {
            governor: Some("powersave".into()),
            swap_mib: Some(3),
            power: Some(BATTERY.into()),
            compilers: Some(2),
        };
        assert_eq!(
            warnings(&state),
            [
                "busy machine: 2 compilers are running",
                "CPU governor `powersave` slows the clock when idle",
                "3 MiB of swap in use",
                "running on battery",
            ]
        );
    }

    #[test]
    fn a_state_that_disturbs_nobody_is_not_warned_about() {
        let state = HostState {
            governor: Some("performance".into()),
            swap_mib: Some(0),
            power: Some(MAINS.into()),
            compilers: Some(0),
        };
        assert_eq!(warnings(&state), Vec::<String>::new());
    }
}
