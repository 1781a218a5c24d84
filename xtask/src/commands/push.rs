//! The decision of the pre-push hook: a push of content that carries a measured regression is blocked. Only recorded
//! results are read. The evidence comes first: that the remote has a content already silences only that nothing is
//! known of it.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use time::format_description::well_known::Rfc3339;

use super::evidence::{Content, Contents, Evidence, Task};
use super::shared::print;
use crate::answer;
use crate::error::{Error, Result, some_of};
use crate::judge::comparison::{Comparison, Judgement};
use crate::judge::verdict::Outcome;
use crate::measure::git;
use crate::model::layout::SKIPPED;
use crate::model::names::{Mode, Phase};
use crate::model::typed;
use crate::report::human;
use crate::store::clock::Clock;
use crate::store::recorded;
use crate::term::streams::{self, Ink, Style};
use crate::term::text;

/// The word on standard output once everything is decided. The exit code alone is ambiguous: rustup's `cargo` also ends
/// with 1 if it has no cargo to run.
pub(crate) const DECIDED: &str = "decided";

/// Reads git's lines from standard input and decides. A regression is its outcome; what is not known for sure is
/// [`Outcome::CannotJudge`], and the hook knows whether that blocks.
///
/// # Errors
/// When standard input cannot be read.
pub(crate) fn run(checkout: &Path, remote: &str, clock: Clock) -> Result<Outcome> {
    let mut lines = Vec::new();
    std::io::stdin()
        .read_to_end(&mut lines)
        .map_err(|error| Error::because("cannot read what is being pushed", error))?;
    // A branch's name need not be UTF-8.
    let lines = String::from_utf8_lossy(&lines);
    let refs: Vec<Ref> = lines.lines().filter_map(Ref::parse).collect();
    let outcome = match env::var("PERF_SKIP").is_ok_and(|skip| skip == "1") {
        _ if refs.is_empty() => Outcome::Success,
        true => {
            // A push that is to go through in any case does not fail for want of a note.
            let _ = note(checkout, &refs, clock);
            Outcome::Success
        }
        false => Push::new(checkout, remote, &refs).decide(&refs),
    };
    print(&format!("{DECIDED}\n"))?;
    Ok(outcome)
}

/// Adds a line for each ref to the list of pushes that were not judged: the moment, the ref, and its commit.
fn note(checkout: &Path, refs: &[Ref], clock: Clock) -> std::io::Result<()> {
    let path = checkout.join(SKIPPED);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Neither a link is followed nor a FIFO waited for.
    if fs::symlink_metadata(&path).is_ok_and(|known| !known.is_file()) {
        return Err(std::io::Error::other("not a regular file"));
    }
    let moment = clock.now().truncate_to_second().format(&Rfc3339).unwrap_or_default();
    let line = |to: &Ref| format!("{moment} {} {}\n", text::printable(to.name), to.tip);
    let lines: String = refs.iter().map(line).collect();
    File::options().append(true).create(true).open(path)?.write_all(lines.as_bytes())
}

/// A ref that is being pushed.
#[derive(Debug)]
struct Ref<'a> {
    /// The branch's name; of another kind of ref, the whole name.
    name: &'a str,
    /// The branch that is pushed, as it is called here, or whatever was typed.
    local: &'a str,
    tip: &'a str,
    /// The remote's commit; `None` for a new ref.
    remote_tip: Option<&'a str>,
    /// The commits that the remote has and that this one builds on.
    bases: OnceCell<Vec<String>>,
}

impl<'a> Ref<'a> {
    /// `<local ref> <local oid> <remote ref> <remote oid>`; `None` for a deletion, a tag and a note, which are no code
    /// that anybody will run from there. The local ref is as it was typed, and may have spaces in it: `HEAD^{/fix a
    /// bug}`.
    fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.rsplitn(4, ' ');
        let (remote_tip, name, tip) = (words.next()?, words.next()?, words.next()?);
        let local = words.next().unwrap_or_default();
        let exists = |oid: &&str| oid.bytes().any(|digit| digit != b'0');
        if name.starts_with("refs/tags/") || name.starts_with("refs/notes/") {
            return None;
        }
        let branch = |name: &'a str| name.strip_prefix("refs/heads/").unwrap_or(name);
        Some(Self {
            name: branch(name),
            local: branch(local),
            tip: Some(tip).filter(exists)?,
            remote_tip: Some(remote_tip).filter(exists),
            bases: OnceCell::new(),
        })
    }
}

/// One push, and what is known about it.
struct Push<'a> {
    checkout: &'a Path,
    remote: &'a str,
    contents: Contents,
    /// That of this worktree first; a branch may have been measured in another one than it is pushed from.
    evidence: Vec<Evidence>,
    /// Why the results of a worktree cannot be listed.
    unreadable: Vec<Error>,
    /// The task that the user asks about.
    asked: Option<String>,
    /// All that the remote is known to have, in words of git.
    branches: OnceCell<Option<Vec<String>>>,
}

/// What is known about a content: a verdict; or none, and why, unless it has nothing to do with any measured task.
type Answer<'a> = Result<(Comparison, &'a Evidence), Option<Unknown>>;

/// Why there is no verdict, and how to change that.
#[derive(Default, PartialEq, Eq, PartialOrd, Ord)]
struct Unknown {
    report: String,
    why: String,
    commands: Vec<String>,
}

impl<'a> Push<'a> {
    fn new(checkout: &'a Path, remote: &'a str, refs: &[Ref]) -> Self {
        let tips = refs.iter().flat_map(|pushed| [Some(pushed.tip), pushed.remote_tip]);
        let others = git::worktrees(checkout).into_iter().filter(|other| other != checkout);
        let (mut evidence, mut unreadable) = (Vec::new(), Vec::new());
        for worktree in [checkout.to_owned()].into_iter().chain(others) {
            match Evidence::of(&worktree) {
                Ok(known) => evidence.push(known),
                Err(error) => unreadable.push(error),
            }
        }
        Self {
            checkout,
            remote,
            contents: Contents::new(checkout, &tips.flatten().collect::<Vec<&str>>(), &evidence),
            evidence,
            unreadable,
            asked: env::var("PERF_TASK").ok().filter(|task| !task.is_empty()),
            branches: OnceCell::new(),
        }
    }

    /// Judges each content once, and says what it comes to.
    fn decide(&self, refs: &[Ref]) -> Outcome {
        let mut groups: BTreeMap<Option<Content>, Vec<&Ref>> = BTreeMap::new();
        for pushed in refs {
            groups.entry(self.contents.of(pushed.tip)).or_default().push(pushed);
        }
        let unreadable = self.unreadable.iter().map(|error| because(&error.to_string()));
        // What is said of several refs in the same words is said once.
        let mut unknown: BTreeMap<Option<Unknown>, Vec<&str>> =
            unreadable.map(|why| (Some(why), vec![])).collect();
        let mut outcome = Outcome::Success;
        for (content, group) in &groups {
            let news = OnceCell::new();
            for answer in self.answers(content.as_ref(), group) {
                match answer {
                    Ok((comparison, evidence)) => {
                        outcome = outcome.max(self.say_judged(&comparison, evidence, group));
                    }
                    Err(why) => {
                        let news = news.get_or_init(|| self.news(content.as_ref(), group));
                        if !news.is_empty() {
                            unknown.entry(why).or_default().extend(news);
                        }
                    }
                }
            }
        }
        for (why, refs) in &unknown {
            say_unknown(why.as_ref(), refs);
            outcome = outcome.max(Outcome::CannotJudge);
        }
        outcome
    }

    /// The names of the refs of one content that the remote does not have yet: an existing branch itself, for a new one
    /// the remote anywhere.
    fn news<'r>(&self, content: Option<&Content>, group: &[&Ref<'r>]) -> Vec<&'r str> {
        let has = |pushed: &&Ref| {
            let is_it = |commit: &String| self.contents.of(commit).as_ref() == content;
            content.is_some() && self.bases(pushed).iter().any(is_it)
        };
        let is_new = |pushed: &&Ref| pushed.remote_tip.is_none();
        // The content is the same: what holds for one new branch holds for all.
        let remote_has = group.iter().copied().find(is_new).is_some_and(|new| has(&new));
        let is_known = |pushed: &&Ref| if is_new(pushed) { remote_has } else { has(pushed) };
        group.iter().filter(|pushed| !is_known(pushed)).map(|pushed| pushed.name).collect()
    }

    /// The commits that the branch (a new one: the remote) has and that a ref builds on. A history so wide that the first
    /// few are not enough gets a warning at worst.
    fn bases<'r>(&self, pushed: &'r Ref) -> &'r [String] {
        pushed.bases.get_or_init(|| {
            let own = pushed.remote_tip.map(|tip| vec![tip.to_owned()]);
            let branches = || {
                self.branches.get_or_init(|| git::branches_of(self.checkout, self.remote)).clone()
            };
            let Some(known) = own.or_else(branches) else {
                return Vec::new();
            };
            let mut bases = git::bases(self.checkout, pushed.tip, &known);
            bases.truncate(MOST_BASES);
            // The files that the branch has now, wherever its history leads.
            bases.extend(pushed.remote_tip.map(str::to_owned));
            bases
        })
    }

    /// All that is known about a content: nothing that was measured on it is left out.
    fn answers(&self, content: Option<&Content>, group: &[&Ref]) -> Vec<Answer<'_>> {
        let Some(content) = content else {
            return vec![Err(Some(because("the content of its tip cannot be determined")))];
        };
        let measured: Vec<Task> =
            self.evidence.iter().flat_map(|known| known.on(content)).collect();
        let is_answered = match &self.asked {
            Some(asked) => measured.iter().any(|task| task.id.as_str() == asked),
            None => !measured.is_empty(),
        };
        let answers = measured.into_iter().flat_map(|task| judge(task, content));
        let more = (!is_answered).then(|| Err(self.unmeasured(group)));
        answers.chain(more).collect()
    }

    /// What to say of a content for which nothing was measured, or not what was asked for.
    fn unmeasured(&self, group: &[&Ref]) -> Option<Unknown> {
        let Some(asked) = &self.asked else { return self.related(group).map(stale) };
        let mut tasks = self.evidence.iter().flat_map(Evidence::tasks);
        let none = || because(&format!("PERF_TASK names {asked}, which has no results"));
        Some(tasks.find(|task| task.id.as_str() == asked).map_or_else(none, stale))
    }

    /// The newest task whose change is part of what is pushed, by what it was measured before.
    fn related(&self, group: &[&Ref]) -> Option<Task<'_>> {
        let refs = || group.iter().take(MOST_BASES);
        let bases: Vec<Content> = refs()
            .flat_map(|pushed| self.bases(pushed))
            .filter_map(|commit| self.contents.of(commit))
            .collect();
        let branches: Vec<&str> = refs().flat_map(|pushed| [pushed.name, pushed.local]).collect();
        self.evidence.iter().find_map(|known| {
            let related = known.tasks().filter(|task| task.builds_on(&bases, &branches));
            related.max_by_key(|task| task.names.last())
        })
    }

    /// Says what a comparison comes to for the refs of its content.
    fn say_judged(&self, comparison: &Comparison, evidence: &Evidence, group: &[&Ref]) -> Outcome {
        let style = Style::of_errors();
        let outcome = comparison.outcome();
        let refs: Vec<&str> = group.iter().map(|pushed| pushed.name).collect();
        if outcome.is_regression() && comparison.accepted.is_none() {
            let report = report(comparison, evidence);
            let task = comparison.task.as_ref().map_or("", |task| task.as_str());
            streams::errors(&format!(
                "{report}\npush of {} blocked: a regression was measured\n  \
                 accept it, with a follow-up: {}\n{WAY_OUT}\n",
                names(&refs),
                typed::perf_compare(task, " --accept \"REASON\"", &evidence.around.repeated)
            ));
            return outcome;
        }
        let note = |what: &str, said: &str| {
            let said = format!("{what}: {said}");
            streams::errors(&format!("  {}\n", text::wrapped(&said, [2, 4], style.columns)));
        };
        streams::errors(&format!("perf: {}\n", human::verdict_line(comparison, style)));
        if evidence.checkout != self.checkout {
            note("measured in", &evidence.checkout.to_string_lossy());
        }
        comparison.accepted.iter().for_each(|why| note("accepted", why));
        comparison.warnings.iter().for_each(|warning| note("warning", warning));
        if comparison.accepted.is_some() { Outcome::Success } else { outcome }
    }
}

/// How many bases of a ref are looked at.
const MOST_BASES: usize = 8;

/// The refs in a message: a few by name.
fn names(refs: &[&str]) -> String {
    let mut refs: Vec<String> = refs.iter().map(|name| text::printable(name)).collect();
    refs.sort_unstable();
    some_of(&refs, 3)
}

fn because(why: &str) -> Unknown {
    Unknown { why: why.to_owned(), ..Unknown::default() }
}

/// No verdict, as what was measured for a task was measured on other code. To be measured, in the modes that it has
/// results for: after, and the before that it lacks.
fn stale(task: Task<'_>) -> Unknown {
    let mut commands = Vec::new();
    for mode in Mode::ALL {
        let mut names = task.names.iter().filter(|name| name.mode == mode).peekable();
        if names.peek().is_some() {
            let has_before = names.any(|name| name.phase == Phase::Before);
            commands.extend((!has_before).then(|| command(&task, mode, Phase::Before)));
            commands.push(command(&task, mode, Phase::After));
        }
    }
    Unknown { commands, ..because(&task.why_unknown()) }
}

/// Judges a task that has an after on this content, in every mode that it has results for.
fn judge<'a>(task: Task<'a>, content: &Content) -> Vec<Answer<'a>> {
    let Task { evidence, id, .. } = task;
    let names = task.names_at(content);
    let recorded = (&evidence.results, &evidence.listing);
    let comparisons = answer::of_names(&evidence.checkout, id, recorded, &names, None);
    let answer = |comparison: Comparison| {
        let mode = comparison.mode;
        // Not what a paired session ran on: it may be of earlier builds of the same two servers.
        let [before, after] = Phase::ALL.map(|phase| {
            let group = recorded::newest_group(&evidence.results, &names, mode, phase)?;
            Some(content.contains(&group.source()?))
        });
        let (phase, why) = match (&comparison.judgement, before, after) {
            // Its reasons say it better. All others are about this push, by what the sides were measured on.
            (Judgement::Impossible(_), ..) | (_, Some(false), Some(true)) => {
                return match comparison.outcome() {
                    Outcome::Undecided | Outcome::CannotJudge => Err(Some(Unknown {
                        report: report(&comparison, evidence),
                        ..because(&format!("the {mode} results of task {id} cannot be judged"))
                    })),
                    _ => Ok((comparison, evidence)),
                };
            }
            (.., None) => (Phase::After, "the source hash of after is unknown"),
            (.., Some(false)) => (Phase::After, "the code changed since after was measured"),
            (_, None, _) => (Phase::Before, "the source hash of before is unknown"),
            (_, Some(true), _) => {
                (Phase::Before, "before was measured on this content, as after was")
            }
        };
        let why = because(&format!("task {id}, {mode}: {why}"));
        Err(Some(Unknown { commands: vec![command(&task, mode, phase)], ..why }))
    };
    comparisons.into_iter().map(answer).collect()
}

fn report(comparison: &Comparison, evidence: &Evidence) -> String {
    human::report(std::slice::from_ref(comparison), &evidence.around, Style::of_errors())
}

/// The advice for every push that is blocked.
pub(crate) const WAY_OUT: &str = "  push anyway: PERF_SKIP=1 git push, or git push --no-verify";

/// Says that nothing is known of these refs, and how to change that.
fn say_unknown(why: Option<&Unknown>, refs: &[&str]) {
    let names = names(refs);
    let Some(Unknown { report, why, commands }) = why else {
        let said = format!("perf: no verdict on {names}: nothing was measured for it\n");
        return streams::errors(&said);
    };
    let warning = Style::of_errors().paint(Ink::Warning, "perf: warning:");
    let names = if refs.is_empty() { names } else { names + ": " };
    let commands: String = commands.iter().map(|one| format!("  {one}\n")).collect();
    streams::errors(&format!("{report}{warning} {names}no verdict: {why}\n{commands}"));
}

/// The command that measures a side of a task.
fn command(task: &Task, mode: Mode, phase: Phase) -> String {
    let how = match phase {
        Phase::Before => "   # with the change stashed or not yet made",
        Phase::After => "",
    };
    typed::perf_check(task.id, phase, mode, "", &task.evidence.around.repeated) + how
}

#[cfg(test)]
mod tests {
    use super::*;

    const OID: &str = "0123456789012345678901234567890123456789";
    const NONE: &str = "0000000000000000000000000000000000000000";

    #[test]
    fn tags_notes_and_deletions_are_not_judged() {
        assert!(Ref::parse(&format!("refs/tags/v1 {OID} refs/tags/v1 {NONE}")).is_none());
        assert!(Ref::parse(&format!("refs/notes/x {OID} refs/notes/x {NONE}")).is_none());
        assert!(Ref::parse(&format!("(delete) {NONE} refs/heads/main {OID}")).is_none());
        assert!(Ref::parse("").is_none());
    }

    #[test]
    fn every_other_ref_is_judged_by_its_whole_name() {
        for name in ["refs/for/main", "refs/heads/main", "refs/review/1"] {
            let line = format!("HEAD {OID} {name} {NONE}");
            let known = Ref::parse(&line).unwrap();
            assert_eq!(known.name, name.trim_start_matches("refs/heads/"));
        }
    }

    #[test]
    fn a_new_branch_has_no_remote_tip() {
        let line = format!("HEAD {OID} refs/heads/task/007 {NONE}");
        let branch = Ref::parse(&line).unwrap();
        assert_eq!((branch.name, branch.tip, branch.remote_tip), ("task/007", OID, None));
    }

    #[test]
    fn the_local_ref_may_have_spaces() {
        let line = format!("HEAD^{{/fix a bug}} {OID} refs/heads/main {NONE}");
        assert_eq!(Ref::parse(&line).unwrap().tip, OID);
    }
}
