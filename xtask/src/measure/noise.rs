//! The noise of a measurement that the system shows: what else the machine did meanwhile, and who did it.

use std::fs;
use std::time::{Duration, Instant};

use super::process::{self, TICKS_PER_SECOND, Users};
use crate::model::limits::{BUSY_SHARE, CULPRIT_SHARE, STOLEN_SHARE};
use crate::model::provenance::Noise;
use crate::term::text::printable;

/// The machine's CPU counters at one moment. Each is `None` where the system does not show it.
#[derive(Debug, Clone)]
pub(crate) struct Counters {
    others: Users,
    /// When the following were read.
    at: Instant,
    machine: Option<Cpu>,
    pressure: Option<Duration>,
    /// Of each server that runs.
    servers: Vec<Option<Duration>>,
    /// With its load generators.
    supervisor: Option<Duration>,
    tool: Option<Duration>,
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

/// The `cpu` line of `/proc/stat`, in seconds since boot. What it says of the busy time is of no use: the kernel counts
/// who runs at each tick of its clock, and a load that comes by the clock is met again and again, or never. The idle
/// time is measured from its beginning to its end, as the time of each process is.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cpu {
    /// The processors that it adds up.
    processors: f64,
    /// Waiting for a disk, too.
    idle: f64,
    steal: f64,
}

impl Counters {
    /// Reads them while these servers and their `supervisor` run, if any do: the use of all others is that of others.
    pub(crate) fn read(servers: &[u32], supervisor: Option<u32>) -> Self {
        let tool = std::process::id();
        let ours: Vec<u32> = servers.iter().copied().chain(supervisor).chain([tool]).collect();
        let stat = fs::read_to_string("/proc/stat").ok();
        Self {
            others: process::users(&ours),
            at: Instant::now(),
            machine: stat.and_then(|text| cpu(&text)),
            pressure: fs::read_to_string("/proc/pressure/cpu")
                .ok()
                .and_then(|text| pressure(&text)),
            servers: servers.iter().map(|pid| process::cpu_time(*pid)).collect(),
            // It has waited for each load generator that ended.
            supervisor: supervisor.map_or(Some(Duration::ZERO), process::cpu_time_with_children),
            tool: process::cpu_time(tool),
        }
    }

    /// The CPU seconds of the machine from `self` to `later`: all that there were, those that were wanted, and the stolen
    /// ones of these.
    fn spent(&self, later: &Self) -> Option<[f64; 3]> {
        let (from, to) = self.machine.zip(later.machine)?;
        let whole = later.at.duration_since(self.at).as_secs_f64() * from.processors;
        let wanted = (whole - (to.idle - from.idle)).clamp(0.0, whole);
        let stolen = (to.steal - from.steal).clamp(0.0, wanted);
        let is_comparable = whole > 0.0 && from.processors == to.processors;
        is_comparable.then_some([whole, wanted, stolen])
    }

    /// The noise from `self` to `later`, apart from what each server used.
    pub(crate) fn until(&self, later: &Self) -> Noise {
        let between = |read: fn(&Self) -> Option<Duration>| {
            Some(read(later)?.saturating_sub(read(self)?).as_secs_f64())
        };
        let spent = self.spent(later);
        let servers = between(|counters| counters.servers.iter().copied().sum());
        let tool = between(|counters| counters.tool);
        let others = || {
            let ours = servers? + between(|counters| counters.supervisor)? + tool?;
            spent.map(|[_, wanted, stolen]| (wanted - stolen - ours).max(0.0))
        };
        let stolen = spent.filter(|[_, wanted, _]| *wanted > 0.0);
        Noise {
            steal_share: stolen.map(|[_, wanted, stolen]| stolen / wanted),
            busy_share: spent.map(|[whole, wanted, _]| wanted / whole),
            cpu_pressure_seconds: between(|counters| counters.pressure),
            others_cpu_seconds: others(),
            tool_cpu_seconds: tool,
            ..Noise::default()
        }
    }

    /// The disturbances from `self` to `later`, in words that end with `when`; with who it was, where somebody stands out.
    pub(crate) fn disturbances(&self, later: &Self, when: &str) -> Vec<String> {
        let noise = self.until(later);
        let mut disturbances = Vec::new();
        if let Some((others, [whole, ..])) = noise.others_cpu_seconds.zip(self.spent(later))
            && others / whole > BUSY_SHARE
        {
            let share = |seconds: f64| format!("{:.0} %", seconds / whole * 100.0);
            let stands_out = |seconds: f64| (CULPRIT_SHARE * others..=others).contains(&seconds);
            let used = process::used(&self.others, &later.others).into_iter();
            let culprits: Vec<String> = used
                .map(|(name, time)| (name, time.as_secs_f64()))
                .filter(|(_, seconds)| stands_out(*seconds))
                .take(2)
                .map(|(name, seconds)| format!("{} {}", printable(&name), share(seconds)))
                .collect();
            let who = match culprits.is_empty() {
                true => "others".to_owned(),
                false => format!("others ({})", culprits.join(", ")),
            };
            let used = share(others);
            disturbances.push(format!("busy machine: {who} used {used} of the CPUs {when}"));
        }
        if let Some(stolen) = noise.steal_share.filter(|share| *share > STOLEN_SHARE) {
            let stolen = stolen * 100.0;
            disturbances
                .push(format!("busy host: {stolen:.0} % of the CPU time was stolen {when}"));
        }
        disturbances
    }

    /// The CPU seconds of each server from `self` to `later`.
    pub(crate) fn of_servers(&self, later: &Self) -> Vec<Option<f64>> {
        let both = self.servers.iter().zip(&later.servers);
        both.map(|(from, to)| Some((*to)?.saturating_sub((*from)?).as_secs_f64())).collect()
    }
}

/// The time that the machine is watched before it counts as quiet.
const WINDOW: Duration = Duration::from_millis(500);

/// Waits until nothing else wants the CPUs, up to `patience`; returns the disturbances that are left, in words. Those
/// in the meantime go to `announce`. Before a run only, and never afterwards: one that was disturbed counts.
///
/// On a system that does not show them, it does not wait.
pub(crate) fn wait_until_quiet(patience: Duration, mut announce: impl FnMut(&str)) -> Vec<String> {
    let began = Instant::now();
    loop {
        let before = Counters::read(&[], None);
        if before.machine.is_none() {
            return Vec::new();
        }
        std::thread::sleep(WINDOW);
        let disturbed = before.disturbances(&Counters::read(&[], None), "before the run");
        if disturbed.is_empty() || began.elapsed() >= patience {
            return disturbed;
        }
        announce(&disturbed.join("; "));
    }
}

/// `None` for a machine that was never idle: some sandboxes show zeros.
fn cpu(stat: &str) -> Option<Cpu> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks = line.split_whitespace().map_while(|field| field.parse::<f64>().ok());
    let seconds: Vec<f64> = ticks.map(|ticks| ticks / TICKS_PER_SECOND).collect();
    let [_user, _nice, _system, idle, iowait, _irq, _softirq, steal, ..] = seconds[..] else {
        return None;
    };
    let processors = u32::try_from(count_processors(stat)).ok()?;
    let cpu = Cpu { processors: processors.into(), idle: idle + iowait, steal };
    (cpu.idle > 0.0).then_some(cpu)
}

fn pressure(text: &str) -> Option<Duration> {
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let total = some.split_whitespace().find_map(|field| field.strip_prefix("total="))?;
    Some(Duration::from_micros(total.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::super::process::User;
    use super::*;

    /// A look at two processors, `at` so many seconds after the first one, with the ticks of `idle` and of `steal`; the
    /// seconds of the servers, the supervisor with its load generators, and the tool.
    fn counters(
        at: u64,
        [idle, steal]: [u32; 2],
        [server, other, load, tool]: [u64; 4],
    ) -> Counters {
        static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
        // The other columns are wrong, as they can be.
        let stat = format!("cpu  9 9 9 {idle} 50 9 9 {steal} 0 0\ncpu0 1\ncpu1 1\n");
        Counters {
            others: Users::new(),
            at: *FIRST + Duration::from_secs(at),
            machine: cpu(&stat),
            pressure: None,
            servers: [server, other].map(|seconds| Some(Duration::from_secs(seconds))).into(),
            supervisor: Some(Duration::from_secs(load)),
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
    fn what_is_neither_idle_nor_stolen_was_used() {
        let (before, after) = (counters(0, [0, 0], [0; 4]), counters(10, [1000, 200], [0; 4]));
        // Of 20 s, 10 were idle and 2 stolen.
        let noise = before.until(&after);
        assert_eq!((noise.busy_share, noise.steal_share), (Some(0.5), Some(0.2)));
        assert_eq!(noise.others_cpu_seconds, Some(8.0));
    }

    #[test]
    fn what_is_not_ours_is_others() {
        let before = counters(0, [0, 0], [1, 2, 1, 1]);
        let after = counters(10, [1000, 0], [4, 3, 3, 2]);
        assert_eq!(before.until(&after).others_cpu_seconds, Some(3.0));
        assert_eq!(before.of_servers(&after), [Some(3.0), Some(1.0)]);
    }

    #[test]
    fn an_idle_time_that_runs_ahead_of_the_clock_makes_nothing_negative() {
        let (before, after) = (counters(0, [0, 0], [0; 4]), counters(10, [2010, 10], [1, 0, 0, 0]));
        let noise = before.until(&after);
        assert_eq!((noise.busy_share, noise.steal_share), (Some(0.0), None));
        assert_eq!(noise.others_cpu_seconds, Some(0.0));
    }

    #[test]
    fn what_the_system_does_not_show_is_unknown_and_not_zero() {
        assert_eq!(cpu("cpu  1 2 3\n"), None);
        assert_eq!(cpu("cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\n"), None);
        let unknown = || Counters { machine: None, tool: None, ..counters(0, [0, 0], [0; 4]) };
        assert_eq!(unknown().until(&unknown()), Noise::default());
        assert_eq!(unknown().disturbances(&unknown(), "during the load"), [""; 0]);
    }

    fn user(name: &str, seconds: u64) -> (u32, User) {
        let pid = u32::try_from(seconds).unwrap();
        (
            pid,
            User::read(&format!("{pid} ({name}) S 1 7 7 0 -1 0 1 2 3 4 {seconds}00 0 0 0"))
                .unwrap(),
        )
    }

    #[track_caller]
    fn disturbances(others: &[(&str, u64)]) -> Vec<String> {
        let (before, mut after) = (counters(0, [0, 0], [0; 4]), counters(50, [8000, 500], [0; 4]));
        after.others = others.iter().map(|(name, seconds)| user(name, *seconds)).collect();
        before.disturbances(&after, "during the load")
    }

    #[test]
    fn a_busy_machine_and_a_busy_host_are_warned_about() {
        assert_eq!(
            disturbances(&[]),
            [
                "busy machine: others used 15 % of the CPUs during the load",
                "busy host: 25 % of the CPU time was stolen during the load"
            ]
        );
        let (before, quiet) = (counters(0, [0, 0], [0; 4]), counters(50, [9000, 0], [0; 4]));
        assert_eq!(before.disturbances(&quiet, "during the load"), [""; 0]);
    }

    #[test]
    fn the_two_that_used_most_are_named_and_their_names_are_harmless() {
        let said = &disturbances(&[("a", 4), ("b\u{1b}[2J", 5), ("c", 6)])[0];
        assert!(said.contains(": others (c 6 %, b\\u{1b}[2J 5 %) used 15 % of the"), "{said}");
    }

    #[test]
    fn nobody_is_named_who_does_not_stand_out_or_used_more_than_there_was() {
        for others in [[("a", 3), ("b", 2)], [("a", 16), ("b", 2)]] {
            let said = &disturbances(&others)[0];
            assert!(said.contains(": others used 15 % of the"), "{said}");
        }
    }

    #[test]
    fn a_machine_that_stays_busy_is_waited_for_no_longer_than_asked() {
        let mut told = 0;
        let found = wait_until_quiet(Duration::ZERO, |_| told += 1);
        // One look, whatever it saw.
        assert_eq!(told, 0, "{found:?}");
    }

    #[test]
    fn pressure_is_read_in_microseconds() {
        let text =
            "some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\nfull avg10=0.00 total=1\n";
        assert_eq!(pressure(text), Some(Duration::from_millis(2500)));
    }
}
