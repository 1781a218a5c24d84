//! What the gate is to reach, and whether it does: the same for runs that are replayed, for duets that are drawn, and for
//! live sessions.

use xtask::stats::numbers::median;

use crate::replay::{Sessions, Verdict};

/// What the sessions were measured on: some aims are its own.
#[derive(Clone, Copy)]
pub struct Place {
    /// Others use about half of the CPUs.
    pub is_busy: bool,
    /// To a verdict, in minutes, starts included.
    pub most_minutes: f64,
}

/// The real Engram.
pub const ENGRAM: Place = Place { is_busy: false, most_minutes: 4.0 };
/// The stand-in, which starts at once.
pub const STAND_IN: Place = Place { is_busy: false, most_minutes: 2.0 };

/// A figure, and its limit.
pub struct Aim {
    figure: Figure,
    limit: Limit,
}

#[derive(Clone, Copy, PartialEq)]
enum Figure {
    /// The share of the sessions about this change, in per cent, that call it regressed.
    Regressed(u32),
    /// The share of them that ends with exit 0.
    Passed(u32),
    /// The median about the change that takes longest.
    Minutes,
    /// The median by the full plan, in per cent.
    SmallestChange,
}

#[derive(Clone, Copy)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

impl Place {
    /// All aims.
    pub fn aims(self) -> Vec<Aim> {
        use Figure::{Minutes, Passed, Regressed, SmallestChange};
        use Limit::{AtLeast, AtMost};
        let found = if self.is_busy { 90.0 } else { 100.0 };
        let aim = |(figure, limit)| Aim { figure, limit };
        let aims = [
            (Regressed(0), AtMost(1.0)),
            (Passed(0), AtLeast(97.0)),
            (Regressed(10), AtLeast(90.0)),
            (Regressed(25), AtLeast(found)),
            (Passed(10), AtMost(2.0)),
            (Minutes, AtMost(self.most_minutes)),
            (SmallestChange, AtMost(4.0)),
        ];
        aims.map(aim).into()
    }

    /// A line for each aim: whether it is met, and the figure.
    pub fn lines(self, sessions: &Sessions) -> String {
        let line = |aim: Aim| match (aim.value(sessions), aim.is_met(sessions)) {
            (Some(value), Some(met)) => {
                let met = if met { "met" } else { "**not met**" };
                format!("- {met}, {value:.1}{}: {}\n", aim.unit(), aim.name())
            }
            _ => format!("- not measured: {}\n", aim.name()),
        };
        self.aims().into_iter().map(line).collect()
    }
}

impl Aim {
    fn value(&self, sessions: &Sessions) -> Option<f64> {
        let share = |change, is_meant: fn(Verdict) -> bool| {
            sessions.get(&change).map(|tally| 100.0 * tally.share(is_meant))
        };
        match self.figure {
            Figure::Regressed(change) => share(change, |verdict| verdict == Verdict::Regressed),
            Figure::Passed(change) => share(change, Verdict::passes),
            Figure::Minutes => {
                let medians = sessions.values().map(|tally| median(tally.minutes.iter().copied()));
                medians.flatten().reduce(f64::max)
            }
            Figure::SmallestChange => {
                let changes = sessions.get(&0)?.smallest_changes.iter().copied();
                median(changes).map(|ln_ratio| 100.0 * ln_ratio.exp_m1())
            }
        }
    }

    /// `None` where the sessions do not tell.
    pub fn is_met(&self, sessions: &Sessions) -> Option<bool> {
        self.value(sessions).map(|value| match self.limit {
            Limit::AtMost(limit) => value <= limit,
            Limit::AtLeast(limit) => value >= limit,
        })
    }

    fn unit(&self) -> &'static str {
        if self.figure == Figure::Minutes { " min" } else { " %" }
    }

    /// In words.
    pub fn name(&self) -> String {
        let of = |change| match change {
            0 => "a binary against itself".to_owned(),
            percent => format!("+{percent} %"),
        };
        let figure = match self.figure {
            Figure::Regressed(change) => format!("{} called regressed in", of(change)),
            Figure::Passed(change) => format!("{} passed in", of(change)),
            Figure::Minutes => "a verdict, median, takes".to_owned(),
            Figure::SmallestChange => "the smallest change that the full plan tells is".to_owned(),
        };
        let (bound, limit) = match self.limit {
            Limit::AtMost(limit) => ("at most", limit),
            Limit::AtLeast(limit) => ("at least", limit),
        };
        format!("{figure} {bound} {limit}{}", self.unit())
    }
}
