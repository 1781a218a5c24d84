//! Recordings in a checkout, compared in this process.

use std::fs::File;
use std::time::{Duration, SystemTime};

use xtask::judge::comparison::{Comparison, Judgement, outcome};
use xtask::judge::verdict::Verdict;
use xtask::model::names::{Mode, TaskId};
use xtask::model::typed::Repeated;
use xtask::report::human;
use xtask::report::next::Context;
use xtask::term::streams::Style;

use super::Checkout;
use super::recording::{Recording, result_file};

/// The task that is compared.
pub const TASK: &str = "007";

/// That of a comparison with this verdict alone.
pub fn exit_code(verdict: Verdict) -> u8 {
    let comparison = Comparison {
        task: None,
        mode: verdict.mode,
        before: None,
        after: None,
        judgement: Judgement::Judged(verdict),
        session: None,
        single_runs: None,
        pinned_rate: None,
        baseline: None,
        warnings: Vec::new(),
        accepted: None,
    };
    outcome(&[comparison]).code()
}

impl Checkout {
    /// One with an internal before and an internal after.
    pub fn of_two(before: Recording, after: Recording) -> Self {
        let checkout = Self::to_compare();
        checkout.record("007_before_20251108_140000", before);
        checkout.record("007_after_20251108_144000", after);
        checkout
    }

    /// One with a competitive before and a competitive after.
    pub fn of_two_competitive(before: Recording, after: Recording) -> Self {
        let checkout = Self::to_compare();
        checkout.record("competitive_007_before_20251108_140000", before);
        checkout.record("competitive_007_after_20251108_144000", after);
        checkout
    }

    /// Sets when a run's result was last changed, in hours before now.
    pub fn modified_hours_ago(&self, name: &str, hours: u64) {
        let file = File::options().append(true).open(self.path(&result_file(name))).unwrap();
        let ago = Duration::from_secs(hours * 60 * 60);
        file.set_modified(SystemTime::now() - ago).unwrap();
    }

    /// Every mode of the task, compared.
    pub fn comparisons(&self) -> Vec<Comparison> {
        self.comparisons_in(None)
    }

    /// One mode of the task, compared, or all.
    pub fn comparisons_in(&self, mode: Option<Mode>) -> Vec<Comparison> {
        xtask::answer::of_task(
            &self.path(""),
            &TaskId::parse(TASK).unwrap(),
            mode,
            &Repeated::default(),
        )
        .unwrap()
    }

    /// The only mode of the task, compared.
    pub fn comparison(&self) -> Comparison {
        let mut comparisons = self.comparisons();
        assert_eq!(comparisons.len(), 1, "{comparisons:?}");
        comparisons.remove(0)
    }

    /// The exit code of comparing every mode of the task.
    pub fn exit_code(&self) -> u8 {
        xtask::judge::comparison::outcome(&self.comparisons()).code()
    }

    /// The report on a terminal without colours.
    pub fn report(&self) -> String {
        human::report(&self.comparisons(), &Context::default(), Style::PLAIN)
    }

    /// What a person reads, with the commands that need a checkout.
    pub fn report_in_place(&self) -> String {
        let root = self.path("").display().to_string();
        let around = Context { root, ..Context::default() };
        human::report(&self.comparisons(), &around, Style::PLAIN)
    }

    /// Why the only mode of the task cannot be judged, a reason a line; fails if it can.
    #[track_caller]
    pub fn reasons(&self) -> String {
        assert_eq!(self.exit_code(), 3, "{}", self.report());
        match self.comparison().judgement {
            Judgement::Impossible(reasons) => {
                reasons.iter().map(|reason| format!("{}\n", reason.fault.why)).collect()
            }
            judged => panic!("{judged:?}"),
        }
    }
}
