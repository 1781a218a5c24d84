//! The slow creep: how P99 moved over all tasks, beyond what before and after of any one task show.

use std::collections::BTreeMap;

use crate::model::limits::threshold_percent;
use crate::model::names::{Mode, Phase, RunName};
use crate::model::recorded::Recorded;
use crate::stats::numbers::exceeds;
use crate::stats::paired;
use crate::stats::signed_rank::Interval;
use crate::stats::single_runs::single_runs;

/// One side of a task: the medians of its group.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The newest run's.
    pub name: RunName,
    /// Absent without provenance.
    pub commit: Option<String>,
    pub p99_ms: f64,
    /// Requests per second.
    pub throughput: f64,
    /// The hash of the server, if it is known.
    pub server: Option<String>,
    /// ln(P99 after / P99 before) of the session that this after side belongs to.
    pub session: Option<Interval>,
}

/// Points that can be compared with one another, in order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub mode: Mode,
    pub load: Comparable,
    pub points: Vec<Point>,
    /// The largest change that one binary shows against itself in 19 of 20 comparisons, as ln of a ratio, where enough
    /// runs say so.
    pub noise: Option<f64>,
}

/// What runs must share to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparable {
    /// `unknown` without provenance.
    pub machine: String,
    pub scenario: String,
    /// Content hash of the scenario, which its name alone does not tell.
    pub scenario_hash: Option<String>,
    /// Seconds of load asked for; rounded from the measured ones without provenance.
    pub seconds: u64,
    pub stand_in: bool,
}

/// The change since the first run, as ln of a ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cumulative {
    pub(crate) change: f64,
    /// Half of the width of its interval; `None` if nothing is known of the noise.
    pub(crate) uncertainty: Option<f64>,
    /// It is a sum over sessions, and not the ratio of two runs.
    pub(crate) by_sessions: bool,
}

impl Cumulative {
    /// Surely slower than the first run.
    pub(crate) fn is_sure(&self) -> bool {
        self.uncertainty.is_some_and(|uncertainty| exceeds(self.change - uncertainty, 0.0))
    }
}

impl Comparable {
    pub(crate) fn of(run: &Recorded) -> Self {
        let own = run.provenance.as_ref();
        let machine = own.map(|own| own.host.in_words());
        let measured_seconds = || run.result.elapsed_seconds.round() as u64;
        Self {
            machine: machine.unwrap_or_else(|| "unknown machine".to_owned()),
            scenario: run.result.config_name.clone(),
            scenario_hash: own.and_then(|own| own.load.scenario_hash.clone()),
            seconds: own.map_or_else(measured_seconds, |own| own.load.duration_seconds),
            stand_in: own.is_some_and(|own| own.build.stand_in),
        }
    }
}

impl Series {
    /// Learns the noise from the single runs of each server, in order of time.
    pub(crate) fn learn_noise(&mut self) {
        let mut by_server: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for point in self.points.iter().filter(|point| point.session.is_none()) {
            if let Some(server) = point.server.as_deref() {
                by_server.entry(server).or_default().push(point.p99_ms.ln());
            }
        }
        let series: Vec<Vec<f64>> = by_server.into_values().collect();
        self.noise = single_runs(&series).map(|known| known.smallest_change);
    }

    /// The change since the first point, for each point. A sum over sessions is used as far as sessions of one task
    /// after another lead without a gap: the after server of one is the before server of the next. Else it is the ratio
    /// of the two runs, as uncertain as single runs are here.
    ///
    /// The sessions are independent of one another, so their half-widths add up as squares do.
    pub(crate) fn cumulative(&self) -> Vec<Cumulative> {
        let Some(first) = self.points.first() else { return Vec::new() };
        let mut chain = Some((first.server.as_deref(), 0.0, 0.0_f64));
        let mut found = Vec::new();
        for point in &self.points {
            let server = point.server.as_deref();
            chain = match (chain, point.session) {
                (Some((_, change, squares)), Some(session)) => Some((
                    server,
                    change + session.estimate,
                    squares + session.half_width().powi(2),
                )),
                (Some((at, ..)), None) if server.is_some() && at == server => chain,
                _ => None,
            };
            let direct = paired::difference(first.p99_ms, point.p99_ms).unwrap_or(f64::NAN);
            found.push(match chain {
                Some((_, change, squares)) if squares > 0.0 => {
                    Cumulative { change, uncertainty: Some(squares.sqrt()), by_sessions: true }
                }
                _ => Cumulative { change: direct, uncertainty: self.noise, by_sessions: false },
            });
        }
        found
    }

    /// The points whose P99 left that of the point before them, beyond threshold and noise, although no task is measured
    /// between the two: from one task's after to another task's before, with another server.
    pub(crate) fn unblamed_steps(&self) -> Vec<usize> {
        let margin = paired::margin(threshold_percent(self.mode));
        let is_step = |two: &[Point]| match two {
            [from, to] => {
                let moved = paired::difference(from.p99_ms, to.p99_ms).unwrap_or(0.0).abs();
                from.name.task != to.name.task
                    && to.name.phase == Phase::Before
                    && (from.server.is_none() || from.server != to.server)
                    && self.noise.is_some_and(|noise| exceeds(moved, noise.max(margin)))
            }
            _ => false,
        };
        let steps = self.points.windows(2).enumerate().filter(|(_, two)| is_step(two));
        steps.map(|(at, _)| at + 1).collect()
    }

    /// The whole change, if it is a creep: surely slower than the first run, by more than the threshold.
    pub(crate) fn creep(&self) -> Option<Cumulative> {
        let margin = paired::margin(threshold_percent(self.mode));
        let last = self.cumulative().pop()?;
        (last.is_sure() && exceeds(last.change, margin)).then_some(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn point(task: &str, phase: Phase, p99_ms: f64, server: &str) -> Point {
        Point {
            name: RunName::parse(&format!("{task}_{phase}_20251108_100000")).unwrap(),
            commit: None,
            p99_ms,
            throughput: 1000.0,
            server: Some(server.to_owned()),
            session: None,
        }
    }

    fn series(points: Vec<Point>) -> Series {
        Series {
            mode: Mode::Internal,
            load: Comparable {
                machine: "vm".to_owned(),
                scenario: "M17 Baseline".to_owned(),
                scenario_hash: None,
                seconds: 60,
                stand_in: false,
            },
            points,
            noise: Some(0.02),
        }
    }

    fn interval(estimate: f64, half: f64) -> Interval {
        Interval { estimate, lower: estimate - half, upper: estimate + half }
    }

    /// Tasks one after the other, each with a session of this estimate.
    fn chain(estimates: &[f64]) -> Series {
        let mut points = Vec::new();
        let mut p99_ms = 1.0;
        for (index, estimate) in estimates.iter().enumerate() {
            let (task, from, to) =
                (format!("{index:03}"), format!("s{index}"), format!("s{}", index + 1));
            points.push(point(&task, Phase::Before, p99_ms, &from));
            p99_ms *= estimate.exp();
            let session = Some(interval(*estimate, 0.01));
            points.push(Point { session, ..point(&task, Phase::After, p99_ms, &to) });
        }
        series(points)
    }

    #[test]
    fn many_small_losses_that_no_task_is_blamed_for_are_a_creep() {
        let creep = chain(&[0.02, 0.02, 0.02, 0.02]).creep().unwrap();
        assert!((creep.change - 0.08).abs() < 1e-12);
        // Four half-widths of 0.01, added as squares.
        assert!((creep.uncertainty.unwrap() - 0.02).abs() < 1e-12);
        assert!(creep.by_sessions);
    }

    #[test]
    fn losses_within_the_noise_are_no_creep() {
        let mut noisy = series(vec![
            point("001", Phase::Before, 1.0, "a"),
            point("009", Phase::After, 1.2, "z"),
        ]);
        noisy.noise = Some(0.3);
        assert_eq!(noisy.creep(), None);
        noisy.noise = None;
        assert_eq!(noisy.creep(), None, "nothing is known of the noise");
    }

    #[test]
    fn a_gap_between_sessions_leaves_the_ratio_of_the_runs() {
        let mut gap = chain(&[0.02, 0.02]);
        gap.points[2].server = Some("another".to_owned());
        let last = gap.cumulative().pop().unwrap();
        assert!(!last.by_sessions);
        assert_eq!(last.uncertainty, Some(0.02));
    }

    #[test]
    fn a_step_between_two_tasks_is_pointed_out_and_one_of_a_task_is_not() {
        let points = vec![
            point("001", Phase::Before, 1.0, "a"),
            point("001", Phase::After, 1.3, "b"),
            point("002", Phase::Before, 1.6, "c"),
            point("002", Phase::After, 1.6, "d"),
        ];
        assert_eq!(series(points).unblamed_steps(), [2]);
    }

    proptest! {
        #[test]
        fn the_sum_over_sessions_is_the_ratio_of_the_last_to_the_first(
            estimates in prop::collection::vec(-0.2..0.2_f64, 1..12),
        ) {
            let history = chain(&estimates);
            let last = history.cumulative().pop().unwrap();
            let first_ms = history.points.first().unwrap().p99_ms;
            let last_ms = history.points.last().unwrap().p99_ms;
            // Independent of the sums: the medians of the chain were multiplied.
            prop_assert!((last.change.exp() - last_ms / first_ms).abs() < 1e-9);
        }
    }
}
