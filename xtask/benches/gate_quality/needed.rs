//! How quiet a machine would have to be: the aims of the paired rule, under noise of a known size.

use xtask::model::limits::{PLAN, threshold_percent};
use xtask::model::names::Mode;
use xtask::stats::paired::{Evidence, decide, margin};
use xtask::stats::signed_rank::interval;

use crate::aims::Aim;
use crate::random::Random;
use crate::replay::{Sessions, Tally, Verdict};

/// Sessions simulated for each size of the noise.
const SESSIONS: usize = 2000;
/// The sizes that are tried: standard deviations of a pair's difference, as hundredths of a logarithm.
const SIZES: std::ops::RangeInclusive<u8> = 1..=60;

/// The changes that the aims are about, in per cent.
const CHANGES: [u32; 3] = [0, 10, 25];

/// For each aim, the largest standard deviation of ln(P99 after / P99 before) over the pairs at which it is met, the
/// noise being normal.
pub fn largest_noise(aims: &[Aim]) -> Vec<Option<f64>> {
    let mut largest = vec![None; aims.len()];
    let mut holds = vec![true; aims.len()];
    for size in SIZES.map(|hundredths| f64::from(hundredths) / 100.0) {
        let sessions: Sessions =
            CHANGES.map(|change| (change, simulate(f64::from(change), size))).into();
        for (index, aim) in aims.iter().enumerate() {
            holds[index] &= aim.is_met(&sessions) == Some(true);
            if holds[index] {
                largest[index] = Some(size);
            }
        }
    }
    largest
}

fn simulate(change: f64, deviation: f64) -> Tally {
    let margin = margin(threshold_percent(Mode::Internal));
    let mut random = Random::from_seed(20_251);
    let mut tally = Tally::default();
    for _ in 0..SESSIONS {
        let differences: Vec<f64> = (0..PLAN.last_look)
            .map(|_| (change / 100.0).ln_1p() + deviation * normal(&mut random))
            .collect();
        let evidence = Evidence { p99: &differences, p95: &differences, after_failures: 0 };
        tally.add(Verdict::of(decide(&PLAN, evidence, margin).verdict), f64::NAN);
        let all = interval(&differences, PLAN.alpha());
        tally.smallest_changes.extend(all.map(|all| all.half_width()));
    }
    tally
}

/// Standard normal, by Box and Muller's transform.
fn normal(random: &mut Random) -> f64 {
    // Above 0, which has no logarithm.
    let radius = (-2.0 * (1.0 - random.between(0.0, 1.0)).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.between(0.0, 1.0)).cos()
}
