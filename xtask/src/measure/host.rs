//! The machine, and its state before a measurement.

use std::fs;
use std::path::Path;

use xshell::cmd;

use super::process::kib;
use super::shell::answer_of_system;
use crate::files;
use crate::model::limits::{BATTERY, THROTTLING};
use crate::model::provenance::{Host, HostState};

/// Looks at the machine, without its state.
pub fn host() -> Host {
    let uname = |option| answer_of_system(|shell| cmd!(shell, "uname {option}"));
    let cores = std::thread::available_parallelism().ok();
    let model = |cpuinfo: String| {
        let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let bytes = || sysctl("hw.memsize")?.parse::<u64>().ok();
    Host {
        name: uname("-n"),
        system: uname("-srm"),
        cpu: read("/proc/cpuinfo").and_then(model).or_else(|| sysctl("machdep.cpu.brand_string")),
        cores: cores.and_then(|cores| u64::try_from(cores.get()).ok()),
        memory_mib: meminfo("MemTotal")
            .map(|kib| kib / 1024)
            .or_else(|| Some(bytes()? / 1024 / 1024)),
        state: HostState::default(),
    }
}

/// Looks at the machine's state.
pub fn state() -> HostState {
    HostState {
        governor: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        swap_mib: swap_mib(),
        power: is_on_battery().map(|is| if is { BATTERY } else { MAINS }.to_owned()),
    }
}

/// The weaknesses of a measurement in this `state`, in words.
pub(crate) fn warnings(state: &HostState) -> Vec<String> {
    let governor = state.governor.as_deref().filter(|name| THROTTLING.contains(name));
    let governor = governor.map(|name| format!("CPU governor `{name}` slows the clock when idle"));
    let swap = state.swap_mib.filter(|mib| *mib > 0);
    let swap = swap.map(|mib| format!("{mib} MiB of swap in use"));
    let battery = state.power.as_deref() == Some(BATTERY);
    let battery = battery.then(|| "running on battery".to_owned());
    [governor, swap, battery].into_iter().flatten().collect()
}

const MAINS: &str = "mains";

fn read(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// What macOS says, where Linux has files.
fn sysctl(name: &str) -> Option<String> {
    answer_of_system(|shell| cmd!(shell, "sysctl -n {name}"))
}

fn meminfo(name: &str) -> Option<u64> {
    kib(&read("/proc/meminfo")?, name)
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
    text.split("used = ").nth(1)?.split('.').next()?.parse().ok()
}

/// `true` where a battery is being emptied; `None` where the system shows no power supply.
fn is_on_battery() -> Option<bool> {
    if cfg!(target_os = "macos") {
        let said = answer_of_system(|shell| cmd!(shell, "pmset -g batt"))?;
        return Some(said.contains("'Battery Power'"));
    }
    const SUPPLIES: &str = "/sys/class/power_supply";
    let supplies = files::names(Path::new(SUPPLIES)).ok().filter(|names| !names.is_empty())?;
    let says = |supply: &str, file: &str, value: &str| {
        read(&format!("{SUPPLIES}/{supply}/{file}")).is_some_and(|said| said == value)
    };
    let is_emptied =
        |supply: &String| says(supply, "type", "Battery") && says(supply, "status", "Discharging");
    Some(supplies.iter().any(is_emptied))
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
        };
        assert_eq!(
            warnings(&state),
            [
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
        };
        assert_eq!(warnings(&state), Vec::<String>::new());
    }
}
