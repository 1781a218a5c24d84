//! The decision of the pre-push hook: a branch whose tip carries a measured regression is blocked. Only recorded results
//! are read.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::shared::{checkout_option, context, print};
use crate::answer;
use crate::error::{Error, Fault, Result};
use crate::judge::comparison::{Comparison, Judgement};
use crate::judge::verdict::Outcome;
use crate::measure::{checkout, content, git};
use crate::model::names::{Mode, Part, Phase, RunName, TaskId};
use crate::model::recorded::{Group, Recorded};
use crate::model::typed;
use crate::report::human;
use crate::report::next::Context;
use crate::store::recorded::{self, Listing};
use crate::store::results::Results;
use crate::term::streams::{self, Ink, Style};

/// The word on standard output once everything is decided. The exit code alone is ambiguous: rustup's `cargo` also ends
/// with 1 if it has no cargo to run.
pub(crate) const DECIDED: &str = "decided";

/// Reads git's lines from standard input and decides. A regression is its outcome; what is not known for sure is
/// [`Outcome::CannotJudge`], and the hook knows whether that blocks.
///
/// # Errors
/// When standard input cannot be read, or the results cannot be listed.
pub(crate) fn run(checkout: &Path, remote: &str) -> Result<Outcome> {
    let mut lines = Vec::new();
    std::io::stdin()
        .read_to_end(&mut lines)
        .map_err(|error| Error::because("cannot read what is being pushed", error))?;
    // A branch's name need not be UTF-8.
    let lines = String::from_utf8_lossy(&lines);
    let mut outcomes = Vec::new();
    let mut news = Vec::new();
    for branch in lines.lines().filter_map(Branch::parse) {
        match content::of_commit(checkout, branch.tip) {
            None => {
                let why = "the content of its tip cannot be determined";
                outcomes.push(unknown(&branch, why, &[]));
            }
            Some(tip) if remote_has(checkout, remote, &branch, &tip) => {}
            Some(tip) => news.push((branch, tip)),
        }
    }
    if !news.is_empty() {
        let own = Evidence::of(checkout)?;
        // A branch may have been measured in another worktree than it is pushed from.
        let elsewhere = OnceCell::new();
        for (branch, tip) in &news {
            let on_tip = |evidence: &Evidence| !evidence.on(tip).is_empty();
            let evidence = match on_tip(&own) {
                true => &own,
                false => elsewhere
                    .get_or_init(|| Evidence::of_other_worktrees(checkout))
                    .iter()
                    .find(|evidence| on_tip(evidence))
                    .unwrap_or(&own),
            };
            outcomes.push(decide(evidence, branch, tip));
        }
    }
    print(&format!("{DECIDED}\n"))?;
    Ok(Outcome::worst(outcomes))
}

/// A branch that is being pushed.
#[derive(Debug, PartialEq, Eq)]
struct Branch<'a> {
    name: &'a str,
    tip: &'a str,
    /// The remote's commit; `None` for a new branch.
    remote_tip: Option<&'a str>,
}

impl<'a> Branch<'a> {
    /// `<local ref> <local oid> <remote ref> <remote oid>`; `None` for a tag or a deletion. The local ref is as it was
    /// typed, and may have spaces in it: `HEAD^{/fix a bug}`.
    fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.rsplit(' ');
        let (remote_tip, remote_ref, tip) = (words.next()?, words.next()?, words.next()?);
        let exists = |oid: &str| !oid.is_empty() && oid.bytes().any(|digit| digit != b'0');
        Some(Self {
            name: remote_ref.strip_prefix("refs/heads/")?,
            tip: Some(tip).filter(|tip| exists(tip))?,
            remote_tip: Some(remote_tip).filter(|tip| exists(tip)),
        })
    }
}

/// True if the remote has this content already, so that the push carries nothing to judge.
fn remote_has(checkout: &Path, remote: &str, branch: &Branch, tip: &str) -> bool {
    let same = |commit: &str| content::of_commit(checkout, commit).as_deref() == Some(tip);
    // A merge may build on several; a history so wide that this is not enough gets a warning at worst.
    branch.remote_tip.is_some_and(same)
        || git::known_to_remote(checkout, branch.tip, remote)
            .iter()
            .take(MOST_BASES)
            .any(|commit| same(commit))
}

const MOST_BASES: usize = 8;

/// The recorded results of one checkout.
struct Evidence {
    checkout: PathBuf,
    /// Every task that has results.
    tasks: Vec<Task>,
    around: Context,
}

/// The recorded results of one task.
struct Task {
    id: TaskId,
    /// Oldest first.
    names: Vec<RunName>,
    results: Results,
    /// The newest after of each mode that has one, once it was asked for.
    afters: OnceCell<BTreeMap<Mode, Group>>,
}

impl Evidence {
    fn of(checkout: &Path) -> Result<Self> {
        let results = Results::of(checkout);
        let mut by_task: BTreeMap<TaskId, Vec<RunName>> = BTreeMap::new();
        for name in Listing::read(&results)?.all() {
            by_task.entry(name.task.clone()).or_default().push(name);
        }
        let task =
            |(id, names)| Task { id, names, results: results.clone(), afters: OnceCell::new() };
        // The tool's own workspace needs no `-C`.
        let is_own = checkout::find(None).is_ok_and(|own| own == checkout);
        let option = checkout_option((!is_own).then_some(checkout));
        Ok(Self {
            checkout: checkout.to_owned(),
            tasks: by_task.into_iter().map(task).collect(),
            around: context(checkout, option),
        })
    }

    fn of_other_worktrees(checkout: &Path) -> Vec<Self> {
        let others = git::worktrees(checkout).into_iter();
        others.filter(|other| other != checkout).filter_map(|other| Self::of(&other).ok()).collect()
    }

    /// The tasks with a newest after that was measured on `content`.
    fn on(&self, content: &str) -> Vec<&Task> {
        let tasks = self.tasks.iter();
        tasks.filter(|task| task.is_on(content)).collect()
    }
}

impl Task {
    fn afters(&self) -> &BTreeMap<Mode, Group> {
        let after = |mode| Some((mode, self.newest(mode, Phase::After)?));
        self.afters.get_or_init(|| Mode::ALL.into_iter().filter_map(after).collect())
    }

    fn newest(&self, mode: Mode, phase: Phase) -> Option<Group> {
        recorded::newest_group(&self.results, &self.names, mode, phase)
    }

    /// The runs of its newest afters.
    fn runs(&self) -> impl Iterator<Item = &Result<Recorded, Fault>> {
        self.afters().values().flat_map(|group| &group.runs)
    }

    /// True if one of the newest afters was measured on `content`.
    fn is_on(&self, content: &str) -> bool {
        // To search the text first spares taking the runs of most tasks apart.
        self.mentions(content)
            && self.runs().any(|run| content_of(run).is_some_and(|known| known == content))
    }

    fn mentions(&self, content: &str) -> bool {
        self.names
            .iter()
            .filter(|name| name.phase == Phase::After)
            .map(|name| self.results.path(name, Part::Diagnosis))
            .filter(|path| path.is_file())
            .filter_map(|path| fs::read(path).ok())
            .any(|text| String::from_utf8_lossy(&text).contains(content))
    }

    /// Why it says nothing of a content that it has no after of.
    fn why_unknown(&self) -> String {
        let task = &self.id;
        if let Some(Err(unusable)) = self.runs().find(|run| run.is_err()) {
            return unusable.to_string();
        }
        if self.afters().is_empty() {
            return format!("before was measured for task {task}, after was not");
        }
        match self.runs().any(|run| content_of(run).is_none()) {
            true => format!("the source hash of after is unknown (task {task})"),
            false => format!("the code changed since it was measured for task {task}"),
        }
    }
}

fn content_of(run: &Result<Recorded, Fault>) -> Option<&str> {
    let provenance = run.as_ref().ok()?.provenance.as_ref()?;
    provenance.build.content.as_deref()
}

fn decide(evidence: &Evidence, branch: &Branch, tip: &str) -> Outcome {
    let Evidence { tasks, around, .. } = evidence;
    let asked = env::var("PERF_TASK").ok().filter(|task| !task.is_empty());
    let is = |task: &Task, name: &Option<String>| name.as_deref() == Some(task.id.as_str());
    let is_asked = |task: &&Task| asked.is_none() || is(task, &asked);
    let (mut measured, set_aside): (Vec<&Task>, Vec<&Task>) =
        evidence.on(tip).into_iter().partition(is_asked);
    // The name of a branch chooses among what is known of its content, and hides nothing of it.
    let named = task_of_branch(branch.name, measured.iter().map(|task| &task.id));
    if measured.iter().any(|task| is(task, &named)) {
        measured.retain(|task| is(task, &named));
    }
    if !measured.is_empty() {
        let judged = measured.into_iter().map(|task| judge(evidence, branch, task, tip));
        return Outcome::worst(judged);
    }
    let named = || task_of_branch(branch.name, tasks.iter().map(|task| &task.id));
    let wanted = asked.clone().or_else(named);
    let nearest = match &wanted {
        Some(_) => tasks.iter().find(|task| is(task, &wanted)),
        None => tasks.iter().max_by_key(|task| task.names.last()),
    };
    let mut why = match (nearest, &asked) {
        (Some(task), _) => task.why_unknown(),
        (None, Some(asked)) => format!("PERF_TASK names {asked}, which has no results"),
        (None, None) => "nothing was measured for it".to_owned(),
    };
    let mut commands = match nearest {
        Some(task) => measure(task.id.as_str(), &task.names, around),
        None => measure(wanted.as_deref().unwrap_or("<task>"), &[], around),
    };
    // Only PERF_TASK sets aside what was measured on this very content.
    for task in set_aside {
        why.push_str(&format!("; task {} was measured on it", task.id));
        commands.push(typed::perf_compare(&task.id, &around.options));
    }
    unknown(branch, &why, &commands)
}

/// `task/007-fan-effect` is named after task 007; a recorded task with a longer name that fits is meant instead.
fn task_of_branch<'a>(branch: &str, recorded: impl Iterator<Item = &'a TaskId>) -> Option<String> {
    let name = branch
        .strip_prefix("task/")
        .or_else(|| branch.split_once("/task/").map(|(_, name)| name))?;
    let fits = |task: &str| {
        name.strip_prefix(task)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_', '/']))
    };
    recorded
        .map(TaskId::as_str)
        .filter(|task| fits(task))
        .max_by_key(|task| task.len())
        .or_else(|| name.split(['-', '_', '/']).next().filter(|task| !task.is_empty()))
        .map(str::to_owned)
}

/// Judges a task that has an after on the content being pushed, in every mode that it has results for.
fn judge(evidence: &Evidence, branch: &Branch, task: &Task, tip: &str) -> Outcome {
    let Evidence { checkout, around, .. } = evidence;
    let before = |mode| common_content(&task.newest(mode, Phase::Before)?);
    let after = |mode| common_content(task.afters().get(&mode)?);
    match answer::of_task(checkout, &task.id, None) {
        Ok(comparisons) => Outcome::worst(comparisons.into_iter().map(|comparison| {
            // Not what a paired session ran on: it may be of earlier builds of the same two servers.
            let measured = [before(comparison.mode), after(comparison.mode)];
            match is_about(&comparison, measured, tip) {
                Ok(()) => judge_mode(branch, &comparison, around),
                Err((phase, why)) => {
                    let what = format!("task {}, {}: {why}", task.id, comparison.mode);
                    let command = command(task.id.as_str(), comparison.mode, phase, around);
                    unknown(branch, &what, &[command])
                }
            }
        })),
        Err(error) => unknown(branch, &error.to_string(), &[]),
    }
}

/// The content that all runs of a group were measured on.
fn common_content(group: &Group) -> Option<String> {
    let content = content_of(group.runs.first()?)?;
    let same = |run| content_of(run) == Some(content);
    group.runs.iter().all(same).then(|| content.to_owned())
}

/// Checks that a comparison is about this push, by the contents that its sides were measured on.
///
/// # Errors
/// The side to measure, and why.
fn is_about(
    comparison: &Comparison,
    [before, after]: [Option<String>; 2],
    tip: &str,
) -> Result<(), (Phase, &'static str)> {
    if matches!(comparison.judgement, Judgement::Impossible(_)) {
        // The reasons say it better.
        return Ok(());
    }
    match (before, after) {
        (_, None) => Err((Phase::After, "the source hash of after is unknown")),
        (_, Some(after)) if after != tip => {
            Err((Phase::After, "the code changed since after was measured"))
        }
        (None, _) => Err((Phase::Before, "the source hash of before is unknown")),
        (Some(before), _) if before == tip => {
            Err((Phase::Before, "before was measured on this content, as after was"))
        }
        (Some(_), Some(_)) => Ok(()),
    }
}

/// Says what a comparison comes to for the branch.
fn judge_mode(branch: &Branch, comparison: &Comparison, around: &Context) -> Outcome {
    let style = Style::of_errors();
    let report = || human::report(std::slice::from_ref(comparison), around, style);
    let outcome = comparison.outcome();
    match outcome {
        Outcome::Success => {
            let verdict = human::verdict_line(comparison, style);
            streams::errors(&format!("perf: {verdict}\n"));
        }
        Outcome::InternalRegression | Outcome::CompetitiveRegression => {
            streams::errors(&format!(
                "{}\npush of {} blocked: a regression was measured\n{WAY_OUT}\n",
                report(),
                branch.name
            ));
        }
        Outcome::Undecided | Outcome::CannotJudge => {
            streams::errors(&report());
            let task = comparison.task.as_ref();
            let task = task.map_or_else(String::new, |task| format!(" of task {task}"));
            let what = format!("the {} results{task} cannot be judged", comparison.mode);
            return unknown(branch, &what, &[]);
        }
    }
    outcome
}

/// The advice for every push that is blocked.
pub(crate) const WAY_OUT: &str = "  push anyway: PERF_SKIP=1 git push, or git push --no-verify";

/// Says that nothing is known of a branch, and how to change that.
fn unknown(branch: &Branch, why: &str, commands: &[String]) -> Outcome {
    let warning = Style::of_errors().paint(Ink::Warning, "perf: warning:");
    let commands: String = commands.iter().map(|one| format!("  {one}\n")).collect();
    let name = branch.name;
    streams::errors(&format!("{warning} {name}: no verdict: {why}\n{commands}"));
    Outcome::CannotJudge
}

/// The commands that would make the evidence of a task, in the modes that it has results for.
fn measure(task: &str, recorded: &[RunName], around: &Context) -> Vec<String> {
    let has = |mode, phase| {
        let is_it = |name: &RunName| name.mode == mode && name.phase == phase;
        recorded.iter().any(is_it)
    };
    let mut modes = Mode::ALL.to_vec();
    modes.retain(|mode| recorded.iter().any(|name| name.mode == *mode));
    if modes.is_empty() {
        modes.push(Mode::Internal);
    }
    let sides = modes.iter().flat_map(|mode| Phase::ALL.map(|phase| (*mode, phase)));
    sides
        .filter(|(mode, phase)| *phase == Phase::After || !has(*mode, Phase::Before))
        .map(|(mode, phase)| command(task, mode, phase, around))
        .collect()
}

fn command(task: &str, mode: Mode, phase: Phase, around: &Context) -> String {
    let how = match phase {
        Phase::Before => "   # with the change stashed or not yet made",
        Phase::After => "",
    };
    typed::perf_check(task, phase, mode, &around.options) + how
}

#[cfg(test)]
mod tests {
    use super::*;

    const OID: &str = "0123456789012345678901234567890123456789";
    const NONE: &str = "0000000000000000000000000000000000000000";

    #[test]
    fn tags_and_deletions_are_no_branches() {
        assert_eq!(Branch::parse(&format!("refs/tags/v1 {OID} refs/tags/v1 {NONE}")), None);
        assert_eq!(Branch::parse(&format!("(delete) {NONE} refs/heads/main {OID}")), None);
        assert_eq!(Branch::parse(""), None);
    }

    #[test]
    fn a_new_branch_has_no_remote_tip() {
        let line = format!("HEAD {OID} refs/heads/task/007 {NONE}");
        let branch = Branch::parse(&line).unwrap();
        assert_eq!((branch.name, branch.tip, branch.remote_tip), ("task/007", OID, None));
    }

    #[test]
    fn the_local_ref_may_have_spaces() {
        let line = format!("HEAD^{{/fix a bug}} {OID} refs/heads/main {NONE}");
        assert_eq!(Branch::parse(&line).unwrap().tip, OID);
    }

    #[test]
    fn a_branch_is_named_after_the_longest_recorded_task_that_fits() {
        let recorded = ["007", "007-b", "01"].map(|task| TaskId::parse(task).unwrap());
        for (branch, task) in [
            ("task/007-fan-effect", Some("007")),
            ("task/007-b-more", Some("007-b")),
            ("task/0077", Some("0077")),
            ("someone/task/01", Some("01")),
            ("task/9_new", Some("9")),
            ("main", None),
            ("task/", None),
        ] {
            assert_eq!(task_of_branch(branch, recorded.iter()).as_deref(), task, "{branch}");
        }
    }
}
