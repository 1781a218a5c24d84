//! Running processes, and their use of the machine: from `/proc` where there is one, else from `ps`.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use xshell::cmd;

use super::shell;
use crate::files;

/// A process's memory and CPU at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Usage {
    /// Memory in RAM, in KiB.
    pub(crate) rss_kib: u64,
    /// Address space, in KiB.
    pub(crate) vsz_kib: u64,
    /// The most memory that it ever had in RAM, in KiB, where the system records it.
    pub(crate) peak_kib: Option<u64>,
    /// CPU time over life time, in per cent of one core, as `ps` computes it.
    pub(crate) cpu_percent: f64,
    /// Memory in RAM as a share of the machine's, in per cent.
    pub(crate) memory_percent: f64,
}

/// Clock ticks a second in `/proc`: 100 on every platform that Linux and Rust share.
pub(crate) const TICKS_PER_SECOND: f64 = 100.0;

/// The usage of process `pid`, which has lived for `age`. `None` once it is gone.
#[allow(clippy::cast_precision_loss, reason = "shown to a tenth of a per cent")]
pub(crate) fn usage(pid: u32, age: Duration) -> Option<Usage> {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else {
        let shows_others = Path::new("/proc/self/status").exists();
        return if shows_others { None } else { from_ps(pid) };
    };
    let cpu = cpu_time(pid)?.as_secs_f64() / age.as_secs_f64().max(1.0 / TICKS_PER_SECOND);
    let (rss_kib, of) =
        (kib(&status, "VmRSS")?, kib(&fs::read_to_string("/proc/meminfo").ok()?, "MemTotal")?);
    Some(Usage {
        rss_kib,
        vsz_kib: kib(&status, "VmSize")?,
        peak_kib: kib(&status, "VmHWM"),
        cpu_percent: 100.0 * cpu,
        memory_percent: 100.0 * rss_kib as f64 / of.max(1) as f64,
    })
}

/// The process ids that `/proc` shows.
pub fn all() -> impl Iterator<Item = u32> {
    let names = files::names(Path::new("/proc")).unwrap_or_default();
    names.into_iter().filter_map(|name| name.parse().ok())
}

/// Who has used the CPUs how much so far: every process by its id. Empty without `/proc`.
pub(crate) type Users = BTreeMap<u32, User>;

/// A process that uses the CPUs.
#[derive(Debug, Clone)]
pub(crate) struct User {
    name: String,
    parent: u32,
    /// User and system time.
    own: Duration,
    /// That of the children that it has waited for.
    children: Duration,
}

/// The users of the CPUs but for `ours`.
pub(crate) fn users(ours: &[u32]) -> Users {
    let others = all().filter(|pid| !ours.contains(pid));
    others.filter_map(|pid| Some((pid, User::of(pid)?))).collect()
}

impl User {
    /// `None` for a process that is gone, and without `/proc`.
    fn of(pid: u32) -> Option<Self> {
        Self::read(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    pub(super) fn read(stat: &str) -> Option<Self> {
        // The name is in parentheses and may hold anything, so the fields are counted from its end.
        let (before, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let number = |place: usize| fields.get(place)?.parse::<u32>().ok();
        let time = |place| {
            let ticks = f64::from(number(place)?.saturating_add(number(place + 1)?));
            Some(Duration::from_secs_f64(ticks / TICKS_PER_SECOND))
        };
        let name = before.split_once('(')?.1.to_owned();
        Some(Self { name, parent: number(1)?, own: time(11)?, children: time(13)? })
    }
}

/// The time that the users of one name used from `before` to `after`, the most first. The work of one that ended in
/// between counts as that of whoever waited for it.
pub(crate) fn used(before: &Users, after: &Users) -> Vec<(String, Duration)> {
    // What they had used before.
    let mut known: BTreeMap<u32, Duration> = BTreeMap::new();
    for &pid in before.keys() {
        let parent = |pid: &u32| before.get(pid).map(|user| user.parent);
        let survivor = std::iter::successors(Some(pid), parent).find(|pid| after.contains_key(pid));
        if let Some((survivor, user)) = survivor.zip(before.get(&pid)) {
            *known.entry(survivor).or_default() += user.own + user.children;
        }
    }
    let mut used: BTreeMap<&str, Duration> = BTreeMap::new();
    for (pid, user) in after {
        let known = known.get(pid).copied().unwrap_or_default();
        *used.entry(&user.name).or_default() += (user.own + user.children).saturating_sub(known);
    }
    let mut used: Vec<_> = used.into_iter().map(|(name, cpu)| (name.to_owned(), cpu)).collect();
    used.sort_by_key(|(_, cpu)| std::cmp::Reverse(*cpu));
    used
}

/// User and system time of process `pid` so far; `None` without `/proc`.
pub fn cpu_time(pid: u32) -> Option<Duration> {
    Some(User::of(pid)?.own)
}

/// That, with the time of the children that it has waited for.
pub(crate) fn cpu_time_with_children(pid: u32) -> Option<Duration> {
    let User { own, children, .. } = User::of(pid)?;
    Some(own + children)
}

fn from_ps(pid: u32) -> Option<Usage> {
    let pid = pid.to_string();
    let line =
        shell::answer_of_system(|shell| cmd!(shell, "ps -o rss=,vsz=,%cpu=,%mem= -p {pid}"))?;
    let mut fields = line.split_whitespace();
    Some(Usage {
        rss_kib: fields.next()?.parse().ok()?,
        vsz_kib: fields.next()?.parse().ok()?,
        peak_kib: None,
        cpu_percent: fields.next()?.parse().ok()?,
        memory_percent: fields.next()?.parse().ok()?,
    })
}

/// The number in a `Name:  123 kB` line of `/proc`, in KiB.
pub(crate) fn kib(text: &str, name: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

/// A path that leads to the program of this process for as long as it runs, also once a build has replaced the file that
/// it was started from; that file, where the system has no such path.
///
/// # Errors
/// Where it cannot be found at all.
pub(crate) fn own_program() -> io::Result<PathBuf> {
    let own = PathBuf::from(format!("/proc/{}/exe", std::process::id()));
    if own.exists() { Ok(own) } else { env::current_exe() }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn our_own_process_uses_memory() {
        let usage = usage(std::process::id(), Duration::from_secs(1)).unwrap();
        assert!(usage.rss_kib > 0 && usage.vsz_kib >= usage.rss_kib, "{usage:?}");
    }

    #[test]
    fn where_there_is_ps_it_tells_the_same() {
        if Command::new("ps").output().is_ok() {
            let usage = from_ps(std::process::id()).unwrap();
            assert!(usage.rss_kib > 0 && usage.vsz_kib >= usage.rss_kib, "{usage:?}");
        }
    }

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_counters() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 1 2 3 4 150 50 30 20 20 0 1 0";
        let user = User::read(stat).unwrap();
        assert_eq!((user.name.as_str(), user.parent), ("a) b (c", 1));
        assert_eq!([user.own, user.children].map(|time| time.as_millis()), [2000, 500]);
    }

    fn users(stats: &[(u32, &str, u32, [u32; 2])]) -> Users {
        let user = |&(pid, name, parent, [own, children]): &(u32, &str, u32, [u32; 2])| {
            let stat =
                format!("{pid} ({name}) S {parent} 7 7 0 -1 0 1 2 3 4 {own}00 0 {children}00 0");
            (pid, User::read(&stat).unwrap())
        };
        stats.iter().map(user).collect()
    }

    #[test]
    fn what_a_user_had_used_before_does_not_count_and_those_of_one_name_count_together() {
        let before = users(&[(7, "old", 1, [50, 9]), (8, "work) er", 1, [3, 0])]);
        let after = users(&[
            (7, "old", 1, [51, 9]),
            (8, "work) er", 1, [5, 0]),
            (9, "work) er", 8, [4, 0]),
        ]);
        let seconds = |(name, cpu): (String, Duration)| (name, cpu.as_secs());
        let used: Vec<_> = used(&before, &after).into_iter().map(seconds).collect();
        assert_eq!(used, [("work) er".to_owned(), 6), ("old".to_owned(), 1)]);
    }

    #[test]
    fn the_work_of_one_that_ended_counts_from_the_first_look_as_that_of_whoever_waited_for_it() {
        // The compiler's 30 s and its cargo's 2 s were used before; the shell has waited for all of it.
        let before =
            users(&[(7, "shell", 1, [1, 0]), (8, "cargo", 7, [1, 1]), (9, "rustc", 8, [30, 0])]);
        let after = users(&[(7, "shell", 1, [1, 52])]);
        assert_eq!(used(&before, &after), [("shell".to_owned(), Duration::from_secs(20))]);
    }

    #[test]
    fn a_process_that_is_gone_has_no_usage() {
        let mut child = Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        assert_eq!(usage(pid, Duration::from_secs(1)), None);
    }
}
