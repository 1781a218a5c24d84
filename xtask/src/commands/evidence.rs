//! What is recorded about the commits of a push, in each worktree of the repository.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::shared::{context, repeated};
use crate::error::Result;
use crate::files;
use crate::measure::{checkout, content, git};
use crate::model::inputs::Inputs;
use crate::model::names::{Mode, Part, Phase, RunName, TaskId};
use crate::model::recorded::Group;
use crate::report::next::Context;
use crate::store::recorded::{self, Listing};
use crate::store::results::Results;
use crate::store::sources;

/// The content of a commit: its source under each recorded list of inputs, as `BuildRecord::source` has it. A run was
/// measured on it if the run's own source is among them.
pub(super) type Content = BTreeSet<String>;

/// The contents of commits, each determined once: commits with the same files share theirs.
pub(super) struct Contents {
    trees: BTreeMap<String, String>,
    /// Every list that any recorded binaries were built from.
    /// Each with the checkout that has the files that no commit holds.
    lists: BTreeMap<(String, PathBuf), Inputs>,
    known: RefCell<BTreeMap<String, Option<Content>>>,
}

impl Contents {
    /// `commits` are those that will be asked for most.
    pub(super) fn new(checkout: &Path, commits: &[&str], evidence: &[Evidence]) -> Self {
        let mut lists = BTreeMap::new();
        for known in evidence {
            for (list, inputs) in sources::lists(&known.results) {
                let place = if inputs.disk.is_empty() { checkout } else { &known.checkout };
                lists.insert((list, place.to_owned()), inputs);
            }
        }
        if lists.is_empty() {
            lists.insert((String::new(), checkout.to_owned()), Inputs::everything());
        }
        let trees = git::trees(checkout, commits);
        Self { trees, lists, known: RefCell::default() }
    }

    /// The content of a commit; `None` where git cannot tell.
    pub(super) fn of(&self, commit: &str) -> Option<Content> {
        let tree = self.trees.get(commit).map_or(commit, String::as_str);
        if let Some(known) = self.known.borrow().get(tree) {
            return known.clone();
        }
        let sources = self.lists.iter().filter_map(|((list, checkout), inputs)| {
            Some(format!("{list} {}", content::of_commit(checkout, tree, inputs)?))
        });
        let content = Some(sources.collect()).filter(|content: &Content| !content.is_empty());
        self.known.borrow_mut().insert(tree.to_owned(), content.clone());
        content
    }
}

/// The recorded results of one worktree.
pub(super) struct Evidence {
    pub(super) checkout: PathBuf,
    pub(super) around: Context,
    /// The runs of each task that has any, oldest first.
    tasks: BTreeMap<TaskId, Vec<RunName>>,
    pub(super) results: Results,
    pub(super) listing: Listing,
    /// Of before and after.
    sources: [OnceCell<Sources>; 2],
}

/// The runs of one phase by the source that they were measured on.
type Sources = BTreeMap<String, BTreeSet<RunName>>;

impl Evidence {
    /// # Errors
    /// When the results cannot be listed.
    pub(super) fn of(checkout: &Path) -> Result<Self> {
        let results = Results::of(checkout);
        let listing = Listing::read(&results)?;
        let mut tasks: BTreeMap<TaskId, Vec<RunName>> = BTreeMap::new();
        for name in listing.all() {
            tasks.entry(name.task.clone()).or_default().push(name);
        }
        // The tool's own workspace needs no `-C`.
        let is_own = checkout::find(None).is_ok_and(|own| own == checkout);
        let repeated = repeated((!is_own).then_some(checkout));
        Ok(Self {
            checkout: checkout.to_owned(),
            around: context(checkout, repeated),
            tasks,
            results,
            listing,
            sources: Default::default(),
        })
    }

    /// The tasks that have results.
    pub(super) fn tasks(&self) -> impl Iterator<Item = Task<'_>> {
        self.tasks.iter().map(|(id, names)| Task { evidence: self, id, names })
    }

    /// The tasks with an after that was measured on a content. This is the one place that answers whether a run was
    /// measured on what a commit holds.
    pub(super) fn on(&self, content: &Content) -> impl Iterator<Item = Task<'_>> {
        self.tasks().filter(|task| task.is_on(Phase::After, content))
    }

    /// The runs of a phase that were measured on a content, oldest first.
    fn runs_on(&self, phase: Phase, content: &Content) -> BTreeSet<&RunName> {
        let sources = self.sources(phase);
        content.iter().filter_map(|source| sources.get(source)).flatten().collect()
    }

    /// The runs of a phase by source. It searches the text, since parsing thousands of files would take seconds: a line
    /// of a server's log may add one, and the judging reads the provenance itself.
    fn sources(&self, phase: Phase) -> &Sources {
        let [before, after] = &self.sources;
        let known = if phase == Phase::Before { before } else { after };
        known.get_or_init(|| {
            let mut sources = Sources::new();
            for name in self.tasks.values().flatten().filter(|name| name.phase == phase) {
                let text = files::read(&self.results.path(name, Part::Diagnosis));
                let text = text.unwrap_or_default();
                let text = String::from_utf8_lossy(&text);
                for list in values(&text, "inputs") {
                    for content in values(&text, "content") {
                        let runs = sources.entry(format!("{list} {content}")).or_default();
                        runs.insert(name.clone());
                    }
                }
            }
            sources
        })
    }
}

/// The values of a key in the text of a provenance.
fn values<'a>(text: &'a str, key: &str) -> impl Iterator<Item = &'a str> {
    let line = format!("\n{key} = \"");
    let rests: Vec<&str> = text.split(&line).skip(1).collect();
    rests.into_iter().filter_map(|rest| Some(rest.split_once('"')?.0))
}

/// The recorded results of one task in one worktree.
#[derive(Clone, Copy)]
pub(super) struct Task<'a> {
    pub(super) evidence: &'a Evidence,
    pub(super) id: &'a TaskId,
    /// Oldest first.
    pub(super) names: &'a [RunName],
}

impl Task<'_> {
    /// `true` where a run of a phase was measured on `content`.
    fn is_on(&self, phase: Phase, content: &Content) -> bool {
        self.evidence.runs_on(phase, content).iter().any(|run| run.task == *self.id)
    }

    /// Its runs as they were when the newest after on `content` was measured: what was measured later on other code
    /// says nothing about this one, and hides nothing of it. A mode without such an after has all its runs.
    pub(super) fn names_at(&self, content: &Content) -> Vec<RunName> {
        let measured = self.evidence.runs_on(Phase::After, content);
        let of_mode = |mode| {
            let is_after = |name: &&RunName| {
                (&name.task, name.mode, name.phase) == (self.id, mode, Phase::After)
            };
            let newest = measured.iter().copied().rfind(is_after);
            let is_later = |name: &&RunName| is_after(name) && newest.is_some_and(|it| *name > it);
            let end = self.names.iter().find(is_later);
            let counts =
                move |name: &&RunName| name.mode == mode && end.is_none_or(|it| *name < it);
            self.names.iter().filter(counts).cloned()
        };
        Mode::ALL.into_iter().flat_map(of_mode).collect()
    }

    /// `true` where its change builds on a commit of one of these contents, and was not measured on another branch.
    pub(super) fn builds_on(&self, bases: &[Content], branches: &[&str]) -> bool {
        if !bases.iter().any(|base| self.is_on(Phase::Before, base)) {
            return false;
        }
        let afters = self.afters();
        let runs = afters.iter().flat_map(|group| &group.runs).flatten();
        let gits = runs.filter_map(|run| run.provenance.as_ref()?.git.as_ref());
        let measured_on: Vec<&str> = gits.filter_map(|git| git.branch.as_deref()).collect();
        measured_on.is_empty() || measured_on.iter().any(|branch| branches.contains(branch))
    }

    /// Why it says nothing of a content that it has no after of.
    pub(super) fn why_unknown(&self) -> String {
        let task = self.id;
        let afters = self.afters();
        let mut runs = afters.iter().flat_map(|group| &group.runs);
        if let Some(unusable) = runs.find_map(|run| run.as_ref().err()) {
            return unusable.to_string();
        }
        if afters.is_empty() {
            return format!("before was measured for task {task}, after was not");
        }
        match afters.iter().any(|group| group.source().is_none()) {
            true => format!("the source hash of after is unknown (task {task})"),
            false => format!("the code changed since it was measured for task {task}"),
        }
    }

    /// The newest after of each mode that has one.
    fn afters(&self) -> Vec<Group> {
        let newest =
            |mode| recorded::newest_group(&self.evidence.results, self.names, mode, Phase::After);
        Mode::ALL.into_iter().filter_map(newest).collect()
    }
}
