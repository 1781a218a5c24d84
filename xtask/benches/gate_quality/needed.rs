//! How quiet a machine would have to be: the aims of the paired rule, under noise of a known size.

use xtask::model::limits::{PLAN, threshold_percent};
use xtask::model::names::Mode;
use xtask::stats::paired::{PairedVerdict, Progress, decide, margin};

use crate::random::Random;
use crate::replay::{Tally, Verdict};

/// Sessions simulated for each size of the noise.
const SESSIONS: usize = 2000;
/// The sizes that are tried: standard deviations of a pair's difference, as hundredths of a logarithm.
const SIZES: std::ops::RangeInclusive<u8> = 1..=60;

/// For each aim, the largest standard deviation of ln(P99 after / P99 before) over the pairs at which it is met, the
/// noise being normal. `is_met` tells it from the sessions with each of `effects` (per cent).
pub fn largest_noise<const AIMS: usize>(
    effects: &[f64],
    is_met: impl Fn(usize, &[Tally]) -> bool,
) -> [Option<f64>; AIMS] {
    let mut largest = [None; AIMS];
    let mut holds = [true; AIMS];
    for size in SIZES.map(|hundredths| f64::from(hundredths) / 100.0) {
        let tallies: Vec<Tally> = effects.iter().map(|effect| simulate(*effect, size)).collect();
        for aim in 0..AIMS {
            holds[aim] &= is_met(aim, &tallies);
            if holds[aim] {
                largest[aim] = Some(size);
            }
        }
    }
    largest
}

fn simulate(effect: f64, deviation: f64) -> Tally {
    let margin = margin(threshold_percent(Mode::Internal));
    let mut random = Random::from_seed(20_251);
    let mut tally = Tally::default();
    for _ in 0..SESSIONS {
        let differences: Vec<f64> = (0..PLAN.last_look())
            .map(|_| (effect / 100.0).ln_1p() + deviation * normal(&mut random))
            .collect();
        let verdict = match decide(&PLAN, &differences, margin, 0).progress {
            Progress::Final(PairedVerdict::Regressed) => Verdict::Regressed,
            Progress::Final(PairedVerdict::NotRegressed) => Verdict::NotRegressed,
            Progress::Final(PairedVerdict::NoRegressionFound) => Verdict::NoRegressionFound,
            _ => Verdict::Unsure,
        };
        tally.sessions += 1;
        *tally.verdicts.entry(verdict).or_default() += 1;
    }
    tally
}

/// Standard normal, by Box and Muller's transform.
fn normal(random: &mut Random) -> f64 {
    // Above 0, which has no logarithm.
    let radius = (-2.0 * (1.0 - random.between(0.0, 1.0)).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.between(0.0, 1.0)).cos()
}
