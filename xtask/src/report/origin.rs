//! Who, what and when of a side, the same in every format: the commit, the branch, the date, the machine, the load.

use serde_json::{Value, json};

use crate::judge::comparison::{Comparison, Side};
use crate::model::names::RunName;
use crate::model::provenance::{Git, Host, Noise};
use crate::report::words;
use crate::stats::numbers::median;
use crate::term::text;

/// The version of this tool.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The shown characters of a commit.
const COMMIT: usize = 7;
/// The most columns of a branch, a machine, a processor or a scenario in a line.
const LONGEST_NAME: usize = 40;

/// What is known of the runs of a side. Of several runs, the newest speaks.
struct Origin<'a> {
    git: Option<&'a Git>,
    host: Option<&'a Host>,
    /// `2025-11-08 14:00`
    when: Option<String>,
    scenario: String,
    seconds: Option<u64>,
    runs: usize,
}

impl<'a> Origin<'a> {
    fn of(side: &'a Side) -> Self {
        let run = side.runs.last();
        let newest = run.and_then(|run| run.provenance.as_ref());
        let started = newest.map(|newest| newest.run.started.as_str());
        let named = || {
            let name = RunName::of_result(run?.path.file_name()?.to_str()?)?;
            Some(words::minute(name.timestamp))
        };
        let config = run.map(|run| run.result.config_name.clone());
        Self {
            git: newest.and_then(|newest| newest.git.as_ref()),
            host: newest.map(|newest| &newest.host),
            when: started.and_then(minute).or_else(named),
            scenario: config.unwrap_or_default(),
            seconds: newest.map(|newest| newest.load.duration_seconds),
            runs: side.files.len(),
        }
    }

    /// `be0be0b on main, 2025-11-08 14:00, 60 s, 3 runs`
    fn in_words(&self) -> String {
        let git = self.git;
        let commit = git.and_then(|git| git.commit.as_deref()).map_or_else(
            || "commit unknown".to_owned(),
            |commit| commit.chars().take(COMMIT).collect::<String>(),
        );
        let branch = git.and_then(|git| git.branch.as_deref());
        let branch = branch.map_or_else(String::new, |branch| {
            format!(" on {}", words::shortened(branch, LONGEST_NAME))
        });
        let dirty = git.filter(|git| git.dirty).map_or("", |_| ", uncommitted");
        let seconds = self.seconds.map(|seconds| format!("{seconds} s"));
        let runs = match self.runs {
            1 => None,
            runs => Some(format!("{runs} runs")),
        };
        let first = text::printable(&commit) + &branch + dirty;
        let rest = [self.when.clone(), seconds, runs].into_iter().flatten();
        [first].into_iter().chain(rest).collect::<Vec<String>>().join(", ")
    }

    /// `bench-box, AMD Ryzen 7; M17 Baseline`
    fn place(&self) -> String {
        let known = self.host.into_iter().flat_map(|host| [&host.name, &host.cpu]).flatten();
        let known: Vec<String> = known.map(|name| words::shortened(name, LONGEST_NAME)).collect();
        let scenario = words::shortened(&self.scenario, LONGEST_NAME);
        match known.is_empty() {
            true => scenario,
            false => format!("{}; {scenario}", known.join(", ")),
        }
    }
}

/// The minute of an RFC 3339 time, as a person writes it.
fn minute(started: &str) -> Option<String> {
    let (date, time) = started.split_once('T')?;
    Some(format!("{} {}", text::printable(date), text::printable(time.get(..5)?)))
}

/// A line for each side, and those for what they share, each with its name before it; none where no side is known.
pub(crate) fn lines(comparison: &Comparison) -> Vec<(&'static str, String)> {
    let known = || comparison.sides().map(|(phase, side)| (phase.name(), Origin::of(side)));
    let mut places: Vec<String> = known().map(|(_, origin)| origin.place()).collect();
    places.dedup();
    let sides = known().map(|(phase, origin)| (phase, origin.in_words()));
    let judged =
        (!places.is_empty()).then(|| ("judged", format!("by version {VERSION} of this tool")));
    sides.chain(places.into_iter().map(|place| ("on", place))).chain(judged).collect()
}

/// The same for machines, and the noise of the runs as numbers: each the median of the runs that know it.
pub(crate) fn to_json(side: &Side) -> Value {
    let origin = Origin::of(side);
    let (git, host) = (origin.git, origin.host);
    let noise = |of: fn(&Noise) -> Option<f64>| {
        median(side.runs.iter().filter_map(|run| of(&run.provenance.as_ref()?.noise)))
    };
    json!({
        "commit": git.and_then(|git| git.commit.as_ref()),
        "branch": git.and_then(|git| git.branch.as_ref()),
        "dirty": git.map(|git| git.dirty),
        "when": origin.when,
        "host": host.and_then(|host| host.name.as_ref()),
        "cpu": host.and_then(|host| host.cpu.as_ref()),
        "cores": host.and_then(|host| host.cores),
        "scenario": origin.scenario,
        "load_seconds": origin.seconds,
        "runs": origin.runs,
        "noise": {
            "steal_share": noise(|noise| noise.steal_share),
            "busy_share": noise(|noise| noise.busy_share),
            "cpu_pressure_seconds": noise(|noise| noise.cpu_pressure_seconds),
            "others_cpu_seconds": noise(|noise| noise.others_cpu_seconds),
            "server_cpu_seconds": noise(|noise| noise.server_cpu_seconds),
            "tool_cpu_seconds": noise(|noise| noise.tool_cpu_seconds),
        },
    })
}
