//! The noise of a measurement that the system shows: what else the machine did meanwhile.

use std::fs;
use std::time::Duration;

use super::process::{self, TICKS_PER_SECOND};
use crate::model::provenance::Noise;

/// The machine's CPU counters at one moment. Each is `None` where the system does not show it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counters {
    machine: Option<Cpu>,
    pressure: Option<Duration>,
    server: Option<Duration>,
    load_generators: Option<Duration>,
    tool: Option<Duration>,
}

/// The share of the CPUs' time, used by others, above which the machine was busy.
const BUSY_SHARE: f64 = 0.10;
/// The stolen share of the wanted CPU time above which the host was busy with others.
const STOLEN_SHARE: f64 = 0.05;

impl Noise {
    /// Share of the time of all `processors` over `time` that others used, 0 to 1.
    pub(crate) fn others_share(&self, time: Duration, processors: u32) -> Option<f64> {
        Some(self.others_cpu_seconds? / (time.as_secs_f64() * f64::from(processors)))
    }

    /// The disturbances of a `time` on a machine of `processors`, in words that end with `when`.
    pub(crate) fn warnings(&self, time: Duration, processors: u32, when: &str) -> Vec<String> {
        let mut warnings = Vec::new();
        let percent = |share: Option<f64>, most: f64| {
            let share = share.filter(|share| *share > most)?;
            Some(format!("{:.0} %", share * 100.0))
        };
        if let Some(used) = percent(self.others_share(time, processors), BUSY_SHARE) {
            warnings.push(format!("busy machine: others used {used} of the CPUs {when}"));
        }
        if let Some(stolen) = percent(self.steal_share, STOLEN_SHARE) {
            warnings.push(format!("busy host: {stolen} of the CPU time was stolen {when}"));
        }
        warnings
    }
}

/// The number of processors that the machine's counters add up. A container may be given fewer of them; where the
/// machine does not show it, the number that this process is given.
pub(crate) fn processors() -> u32 {
    let shown = fs::read_to_string("/proc/stat").map_or(0, |text| count_processors(&text));
    let known = match shown {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        shown => shown,
    };
    u32::try_from(known).unwrap_or(u32::MAX)
}

/// One line `cpuN` each.
fn count_processors(stat: &str) -> usize {
    stat.lines()
        .filter_map(|line| line.strip_prefix("cpu"))
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        .count()
}

/// The `cpu` line of `/proc/stat`, in clock ticks since boot.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cpu {
    busy: f64,
    steal: f64,
}

impl Counters {
    /// Reads them. `supervisor` has waited for each load generator that ended, so its children's time is theirs.
    pub(crate) fn read(server: u32, supervisor: u32) -> Self {
        Self {
            pressure: fs::read_to_string("/proc/pressure/cpu")
                .ok()
                .and_then(|text| pressure(&text)),
            server: process::cpu_time(server),
            load_generators: process::children_cpu_time(supervisor),
            ..Self::of_machine()
        }
    }

    /// Reads them while neither a server nor a load generator runs: all other use is that of others.
    pub(crate) fn of_machine() -> Self {
        Self {
            machine: fs::read_to_string("/proc/stat").ok().and_then(|text| cpu(&text)),
            pressure: None,
            server: Some(Duration::ZERO),
            load_generators: Some(Duration::ZERO),
            tool: process::cpu_time(std::process::id()),
        }
    }

    /// `false` where the system does not show them.
    pub(crate) fn are_known(&self) -> bool {
        self.machine.is_some()
    }

    /// The noise from `self` to `later`.
    pub(crate) fn until(&self, later: &Self) -> Noise {
        let between = |read: fn(&Self) -> Option<Duration>| {
            Some(read(later)?.saturating_sub(read(self)?).as_secs_f64())
        };
        let machine = self.machine.zip(later.machine);
        let server = between(|counters| counters.server);
        let tool = between(|counters| counters.tool);
        Noise {
            steal_share: machine.and_then(|(from, to)| {
                let (busy, steal) = (to.busy - from.busy, to.steal - from.steal);
                (busy + steal > 0.0 && steal >= 0.0).then(|| steal / (busy + steal))
            }),
            cpu_pressure_seconds: between(|counters| counters.pressure),
            others_cpu_seconds: machine.and_then(|(from, to)| {
                let ours = server? + between(|counters| counters.load_generators)? + tool?;
                Some(((to.busy - from.busy) / TICKS_PER_SECOND - ours).max(0.0))
            }),
            server_cpu_seconds: server,
            tool_cpu_seconds: tool,
            server_cpu_us_per_operation: None,
        }
    }
}

fn cpu(stat: &str) -> Option<Cpu> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<f64> = line.split_whitespace().map_while(|field| field.parse().ok()).collect();
    let [user, nice, system, _idle, _iowait, irq, softirq, steal, ..] = ticks[..] else {
        return None;
    };
    Some(Cpu { busy: user + nice + system + irq + softirq, steal })
}

fn pressure(text: &str) -> Option<Duration> {
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let total = some.split_whitespace().find_map(|field| field.strip_prefix("total="))?;
    Some(Duration::from_micros(total.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(stat: &str, [server, load, tool]: [u64; 3]) -> Counters {
        Counters {
            machine: cpu(stat),
            pressure: None,
            server: Some(Duration::from_secs(server)),
            load_generators: Some(Duration::from_secs(load)),
            tool: Some(Duration::from_secs(tool)),
        }
    }

    #[test]
    fn the_processors_counted_are_those_that_the_counters_add_up() {
        let stat = "cpu  4 0 0 0\ncpu0 1 0 0 0\ncpu1 1 0 0 0\ncpu12 2 0 0 0\nintr 5\ncpufreq 1\n";
        assert_eq!(count_processors(stat), 3);
        assert!(processors() >= 1);
    }

    #[test]
    fn steal_is_a_share_of_the_time_that_was_wanted() {
        let before = counters("cpu  100 0 0 5000 0 0 0 0 0 0\n", [0, 0, 0]);
        let after = counters("cpu  700 0 100 9000 50 50 50 200 0 0\n", [0, 0, 0]);
        assert_eq!(before.until(&after).steal_share, Some(0.2));
    }

    #[test]
    fn what_is_not_ours_is_others() {
        let before = counters("cpu  0 0 0 0 0 0 0 0\n", [1, 1, 1]);
        let after = counters("cpu  1000 0 0 0 0 0 0 0\n", [4, 3, 2]);
        assert_eq!(before.until(&after).others_cpu_seconds, Some(4.0));
    }

    #[test]
    fn a_busy_machine_and_a_busy_host_are_warned_about() {
        let noise =
            Noise { others_cpu_seconds: Some(5.0), steal_share: Some(0.2), ..Noise::default() };
        let warnings = noise.warnings(Duration::from_secs(10), 2, "during the load");
        assert_eq!(
            warnings,
            [
                "busy machine: others used 25 % of the CPUs during the load",
                "busy host: 20 % of the CPU time was stolen during the load"
            ]
        );
        assert!(
            Noise::default().warnings(Duration::from_secs(10), 2, "during the load").is_empty()
        );
    }

    #[test]
    fn what_the_system_does_not_show_is_unknown_and_not_zero() {
        assert_eq!(Counters::default().until(&Counters::default()), Noise::default());
        assert_eq!(cpu("cpu  1 2 3\n"), None);
    }

    #[test]
    fn pressure_is_read_in_microseconds() {
        let text =
            "some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\nfull avg10=0.00 total=1\n";
        assert_eq!(pressure(text), Some(Duration::from_millis(2500)));
    }
}
