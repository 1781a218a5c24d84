//! What a machine can distinguish, by a binary against itself and against itself slowed down.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::model::limits::FULL_SHARE;
use crate::model::provenance::Provenance;
use crate::model::session::SessionRecord;
use crate::report::{json, words};
use crate::stats::numbers::median;
use crate::stats::paired::{self, Look, PairedVerdict, Progress};

/// Both sessions, and what they were measured on.
pub(crate) struct Selftest {
    /// The slow-down that was asked for, in per cent.
    pub(crate) slow_down: u32,
    /// The processors of the machine.
    pub(crate) cpus: u32,
    pub(crate) itself: Session,
    pub(crate) slowed: Session,
}

/// A session of a binary with itself.
pub(crate) struct Session {
    pub(crate) record: SessionRecord,
    /// Of its runs.
    pub(crate) provenances: Vec<Provenance>,
    pub(crate) took: Duration,
}

/// The share of the CPUs' time, used by others, from which on they are named.
const OTHERS_SHARE: f64 = 0.05;

impl Session {
    fn verdict(&self) -> Option<PairedVerdict> {
        match self.record.assess().progress {
            Progress::Final(verdict) => Some(verdict),
            Progress::Continue { .. } => None,
        }
    }

    fn look(&self) -> Option<Look> {
        self.record.assess().look
    }

    /// The median of a figure over the runs that have it.
    fn median(&self, figure: impl Fn(&Provenance) -> Option<f64>) -> Option<f64> {
        median(self.provenances.iter().filter_map(figure))
    }

    fn json(&self) -> Value {
        let look = self.look();
        let percent = |of: fn(&Look) -> f64| look.as_ref().map(|look| paired::percent(of(look)));
        json!({
            "verdict": self.verdict().map(json::paired_verdict),
            "how": self.record.subject.how.to_string(),
            "pairs": self.record.pairs.len(),
            "seconds": self.took.as_secs_f64().round(),
            "p99_percent": percent(|look| look.interval.estimate),
            "p99_lowest_percent": percent(|look| look.interval.lower),
            "p99_highest_percent": percent(|look| look.interval.upper),
            "distinguishable_percent": percent(Look::resolution),
        })
    }
}

impl Selftest {
    fn is_quiet(&self) -> bool {
        use PairedVerdict::{NoRegressionFound, NotRegressed};
        matches!(self.itself.verdict(), Some(NotRegressed | NoRegressionFound))
    }

    fn is_found(&self) -> bool {
        self.slowed.verdict() == Some(PairedVerdict::Regressed)
    }

    /// The binary is not slower than itself, and the slow-down was found.
    pub(crate) fn succeeds(&self) -> bool {
        self.is_quiet() && self.is_found()
    }

    fn is_of_stand_in(&self) -> bool {
        self.itself.provenances.iter().any(|run| run.build.stand_in)
    }

    /// The share by which the server really was slowed down, in per cent.
    fn slowed_down(&self) -> Option<f64> {
        self.slowed.median(|run| run.server.slowed_down_percent)
    }

    /// What would help, if it does not succeed.
    fn advice(&self) -> Vec<String> {
        if self.succeeds() {
            return Vec::new();
        }
        let share = |figure: &dyn Fn(&Provenance) -> Option<f64>, least: f64| {
            let share = self.itself.median(figure).filter(|share| *share >= least)?;
            Some(format!("{:.0} %", share * 100.0))
        };
        let seconds = self.itself.record.subject.duration_seconds;
        let mut advice = vec![format!("longer runs: --duration {}", seconds * 2)];
        let of_others = |run: &Provenance| {
            let whole = run.server.load_seconds? * f64::from(self.cpus);
            Some(run.noise.others_cpu_seconds? / whole)
        };
        if let Some(used) = share(&of_others, OTHERS_SHARE) {
            advice.push(format!("fewer neighbours: others used {used} of the CPUs"));
        }
        if let Some(used) = share(&|run| run.noise.busy_share, FULL_SHARE) {
            let cpus = self.cpus;
            advice.push(format!("more CPUs: {used} of the time of these {cpus} was used"));
        }
        advice
    }

    /// One line, and what would help below it.
    pub(crate) fn text(&self) -> String {
        let minutes = words::trimmed(self.itself.took.as_secs_f64() / 60.0, 1);
        let mut text = match self.itself.look() {
            Some(look) => {
                let smallest = words::trimmed(paired::percent(look.resolution()), 1);
                format!("distinguishes {smallest} % in {minutes} min")
            }
            None => "distinguishes nothing".to_owned(),
        };
        let percent = self.slow_down;
        let found = if self.is_found() { "found" } else { "NOT FOUND" };
        let _ = write!(text, "; slowed down by {percent} %: {found}");
        text.push_str(if self.is_quiet() { "\n" } else { "; itself: NOT QUIET\n" });
        if self.is_of_stand_in() {
            let _ = writeln!(text, "  {}", words::STAND_IN);
        }
        for (index, advice) in self.advice().iter().enumerate() {
            let what = if index == 0 { "would help" } else { "" };
            let _ = writeln!(text, "  {what:<10}  {advice}");
        }
        text
    }

    pub(crate) fn json(&self, exit_code: u8) -> String {
        let subject = &self.itself.record.subject;
        let report = json::rounded(json!({
            "format": json::FORMAT,
            "exit_code": exit_code,
            "engram_hash": subject.before,
            "duration_seconds": subject.duration_seconds,
            "stand_in": self.is_of_stand_in(),
            "cpus": self.cpus,
            "slow_down_percent": self.slow_down,
            "slowed_down_percent": self.slowed_down(),
            "quiet": self.is_quiet(),
            "found": self.is_found(),
            "itself": self.itself.json(),
            "slowed": self.slowed.json(),
            "advice": self.advice(),
        }));
        format!("{report:#}\n")
    }
}
