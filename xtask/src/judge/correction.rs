//! The estimate with the stolen CPU time taken out: evidence to print beside the raw one.

use super::signed_rank;

/// One pair: what changed in P99, and in the noise that can be seen from outside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// ln(P99 after / P99 before).
    pub difference: f64,
    /// Square root of the stolen share of the wanted CPU time, after less before.
    pub noise: f64,
}

/// Rounds of the search below; it settles in a few.
const ROUNDS: usize = 50;

/// The Hodges-Lehmann estimate of the change after a straight line in `noise` is taken out.
///
/// The line goes through the origin and is fitted on the same pairs: exchanging the two runs of a pair flips the
/// sign of its difference and of its noise together and leaves the slope alone, so what remains is as symmetric as
/// the differences were. The slope depends on the change that is assumed, hence the search for the change at which
/// the estimate of what remains is nothing.
///
/// What it cannot know: a slower server wants the CPU for longer and may have more of it stolen, which this would
/// take out as if it were noise. `None` for pairs without any difference in noise.
pub fn estimate(pairs: &[Pair]) -> Option<f64> {
    let spread: f64 = pairs.iter().map(|pair| pair.noise.powi(2)).sum();
    if spread <= 0.0 || !spread.is_finite() {
        return None;
    }
    let mut change = 0.0;
    for _ in 0..ROUNDS {
        let slope = pairs
            .iter()
            .map(|pair| pair.noise * (pair.difference - change))
            .sum::<f64>()
            / spread;
        let rest: Vec<f64> = pairs
            .iter()
            .map(|pair| pair.difference - slope * pair.noise)
            .collect();
        change = signed_rank::estimate(&rest)?;
    }
    Some(change)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(change: f64, slope: f64) -> Vec<Pair> {
        [0.3, -0.2, 0.1, -0.25, 0.15, -0.05, 0.2, -0.3]
            .map(|noise| Pair {
                difference: change + slope * noise,
                noise,
            })
            .to_vec()
    }

    #[test]
    fn noise_on_a_straight_line_is_taken_out_whole() {
        let found = estimate(&pairs(0.1, 2.9)).unwrap();
        assert!((found - 0.1).abs() < 1e-6, "{found}");
    }

    #[test]
    fn exchanging_before_and_after_flips_the_estimate() {
        let flipped: Vec<Pair> = pairs(0.1, 2.9)
            .into_iter()
            .map(|pair| Pair {
                difference: -pair.difference,
                noise: -pair.noise,
            })
            .collect();
        let found = estimate(&flipped).unwrap();
        assert!((found + 0.1).abs() < 1e-6, "{found}");
    }

    #[test]
    fn without_noise_there_is_nothing_to_correct() {
        let quiet = vec![
            Pair {
                difference: 0.1,
                noise: 0.0
            };
            6
        ];
        assert_eq!(estimate(&quiet), None);
    }
}
