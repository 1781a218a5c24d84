//! What a machine can distinguish, by a binary against itself and against itself slowed down.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::judge::fitness;
use crate::model::limits::FULL_SHARE;
use crate::model::provenance::Provenance;
use crate::model::session::SessionRecord;
use crate::report::{json, words};
use crate::stats::numbers::{exceeds, median};
use crate::stats::paired::{self, Look, PairedVerdict};

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
        self.record.assess().verdict
    }

    fn look(&self) -> Option<Look> {
        self.record.assess().look
    }

    /// The median of a figure over the runs that have it.
    fn median(&self, figure: impl Fn(&Provenance) -> Option<f64>) -> Option<f64> {
        median(self.provenances.iter().filter_map(figure))
    }

    fn json(&self) -> Value {
        let rest = json!({
            "verdict": self.verdict().map(json::paired_verdict),
            "how": self.record.subject.how.to_string(),
            "seconds": self.took.as_secs_f64().round(),
        });
        json::merged([json::p99(self.look().as_ref()), rest])
    }
}

impl Selftest {
    /// The binary is surely not slower than itself, nor surely faster, where less than the slow-down can be distinguished:
    /// a wider interval says nothing, wherever it lies.
    fn is_quiet(&self) -> bool {
        let slow_down = paired::margin(self.slow_down.into());
        self.itself.verdict() == Some(PairedVerdict::NotRegressed)
            && self.itself.look().is_some_and(|look| {
                look.interval.half_width() < slow_down && !exceeds(0.0, look.interval.upper)
            })
    }

    fn is_found(&self) -> bool {
        self.slowed.verdict() == Some(PairedVerdict::Regressed)
    }

    /// Quiet on itself, and the slow-down was found.
    pub(crate) fn succeeds(&self) -> bool {
        self.is_quiet() && self.is_found()
    }

    fn is_of_stand_in(&self) -> bool {
        self.itself.provenances.iter().any(|run| run.build.stand_in)
    }

    /// What would help, if it does not succeed.
    fn advice(&self) -> Vec<String> {
        if self.succeeds() {
            return Vec::new();
        }
        let seconds = self.itself.record.subject.duration_seconds;
        let mut advice = vec![format!("longer runs: --duration {}", seconds * 2)];
        let cpus = self.cpus;
        let of_others = self.itself.median(|run| fitness::others_share(run, cpus));
        if let Some(share) = of_others.filter(|share| *share >= OTHERS_SHARE) {
            let used = share * 100.0;
            advice.push(format!("fewer neighbours: others used {used:.0} % of the CPUs"));
        }
        let busy = self.itself.median(|run| run.noise.busy_share);
        if let Some(share) = busy.filter(|share| *share >= FULL_SHARE) {
            let used = share * 100.0;
            advice.push(format!("more CPUs: {used:.0} % of the time of these {cpus} was used"));
        }
        advice
    }

    /// One line, and what would help below it.
    pub(crate) fn text(&self) -> String {
        let minutes = words::trimmed(self.itself.took.as_secs_f64() / 60.0, 1);
        let mut text = match self.itself.look() {
            Some(look) => {
                let smallest = words::trimmed(paired::percent(look.interval.half_width()), 1);
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
        let report = json!({
            "format": json::FORMAT,
            "exit_code": exit_code,
            "engram_hash": subject.before,
            "duration_seconds": subject.duration_seconds,
            "stand_in": self.is_of_stand_in(),
            "cpus": self.cpus,
            "slow_down_percent": self.slow_down,
            "slowed_down_percent": self.slowed.median(|run| run.server.slowed_down_percent),
            "quiet": self.is_quiet(),
            "found": self.is_found(),
            "itself": self.itself.json(),
            "slowed": self.slowed.json(),
            "advice": self.advice(),
        });
        format!("{report:#}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::limits::PLAN;
    use crate::model::names::{How, Mode, RunName, Timestamp};
    use crate::model::session::{Member, PairRecord, Subject};

    /// As many pairs as the plan takes, whose after servers are slower by these factors in turn.
    fn session(factors: &[f64]) -> Session {
        let subject = Subject {
            mode: Mode::Internal,
            before: String::new(),
            after: String::new(),
            scenario: String::new(),
            duration_seconds: 10,
            how: How::Duet,
        };
        let opened = Timestamp::parse("20251108_140000").unwrap();
        let mut record = SessionRecord::open(subject, opened, String::new(), PLAN);
        let member = |ms: f64| Member {
            name: RunName::parse("selftest_after_20251108_140000").unwrap(),
            p50_ms: ms,
            p95_ms: ms,
            p99_ms: ms,
            throughput: 1000.0,
            cpu_us_per_operation: None,
        };
        let pair = |ms: &f64| PairRecord { before: member(1.0), after: member(*ms) };
        record.pairs = factors.iter().cycle().take(PLAN.last_look).map(pair).collect();
        Session { record, provenances: Vec::new(), took: Duration::ZERO }
    }

    fn selftest(itself: &[f64], slowed: &[f64]) -> Selftest {
        Selftest { slow_down: 25, cpus: 2, itself: session(itself), slowed: session(slowed) }
    }

    #[test]
    fn it_succeeds_where_the_binary_is_quiet_on_itself_and_the_slow_down_is_found() {
        let found = selftest(&[0.98, 1.02], &[1.2, 1.3]);
        assert!(found.succeeds() && found.advice().is_empty(), "{}", found.text());
    }

    #[test]
    fn it_does_not_succeed_on_a_slow_down_that_is_not_found() {
        assert!(!selftest(&[1.0], &[1.0]).succeeds());
    }

    #[test]
    fn a_binary_that_is_not_surely_as_fast_as_itself_is_not_quiet() {
        let not_settled = [2.0, 0.5];
        assert!(
            session(&not_settled).verdict() == Some(PairedVerdict::NoRegressionFound),
            "which is a pass, elsewhere"
        );
        for itself in [&not_settled[..], &[1.5], &[0.5]] {
            assert!(!selftest(itself, &[1.5]).succeeds(), "{itself:?}");
        }
    }

    #[test]
    fn an_interval_wider_than_the_slow_down_says_nothing() {
        let itself = [1.04, 0.4];
        assert!(session(&itself).verdict() == Some(PairedVerdict::NotRegressed));
        assert!(!selftest(&itself, &[1.5]).succeeds());
    }
}
