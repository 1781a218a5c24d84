//! What runs of one and the same server binary say about the machine: how far two single runs differ by its noise
//! alone, and how P99 follows the CPU time that its hypervisor gave to others.

/// What one run says of the machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// Natural logarithm of the P99 in milliseconds.
    pub ln_p99: f64,
    /// Share of the wanted CPU time that was stolen, 0 to 1; `None` where the system does not show it.
    pub stolen: Option<f64>,
}

/// How far one run a side can be trusted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SingleRuns {
    /// 19 of 20 comparisons of a binary with itself moved P99 by no more than this, as a logarithm of a ratio: the
    /// smallest change that they tell apart.
    pub smallest_change: f64,
    /// The comparisons behind it.
    pub comparisons: usize,
}

/// By how much ln(P99) rises with the square root of the stolen share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slope {
    /// The rise.
    pub value: f64,
    /// The runs that it was fitted on.
    pub runs: usize,
}

/// Fewer comparisons say nothing about one in twenty.
const FEWEST_COMPARISONS: usize = 5;
/// The share of comparisons that stays within [`SingleRuns::smallest_change`]: 19 of 20.
const USUALLY: (usize, usize) = (19, 20);
/// Fewer runs leave the slope to chance.
const FEWEST_RUNS_OF_A_SLOPE: usize = 20;
/// A slope nearer to nothing than so many standard errors is chance, too.
const SURE_OF_A_SLOPE: f64 = 3.0;

/// How far single runs can be trusted, from the neighbours in each series of runs of one binary, in order of time.
///
/// Of fewer than twenty comparisons it is the one that moved most. `None` with fewer than five.
pub fn single_runs(series: &[Vec<Observation>]) -> Option<SingleRuns> {
    let mut moved: Vec<f64> = series
        .iter()
        .flat_map(|runs| runs.windows(2))
        .filter_map(|two| match two {
            [first, second] => Some((second.ln_p99 - first.ln_p99).abs()),
            _ => None,
        })
        .collect();
    moved.sort_by(f64::total_cmp);
    let comparisons = moved.len();
    if comparisons < FEWEST_COMPARISONS {
        return None;
    }
    let within = (comparisons * USUALLY.0).div_ceil(USUALLY.1);
    Some(SingleRuns {
        smallest_change: *moved.get(within.checked_sub(1)?)?,
        comparisons,
    })
}

/// The slope of ln(P99) on the square root of the stolen share, by least squares within each series of runs of one
/// binary. `None` with fewer than twenty runs, where nothing was stolen, and where P99 does not surely rise with it:
/// then there is nothing to take out.
#[allow(clippy::cast_precision_loss, reason = "hundreds of runs")]
pub fn slope(series: &[Vec<Observation>]) -> Option<Slope> {
    let (mut runs, mut means) = (0, 0);
    let (mut products, mut squares, mut rises) = (0.0, 0.0, 0.0);
    for one_binary in series {
        let points: Vec<(f64, f64)> = one_binary
            .iter()
            .filter_map(|run| Some((run.stolen?.sqrt(), run.ln_p99)))
            .collect();
        let (x, y): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
        let (Some(mean_x), Some(mean_y)) = (mean(&x), mean(&y)) else {
            continue;
        };
        runs += points.len();
        means += 1;
        for (x, y) in points {
            products += (x - mean_x) * (y - mean_y);
            squares += (x - mean_x).powi(2);
            rises += (y - mean_y).powi(2);
        }
    }
    if runs < FEWEST_RUNS_OF_A_SLOPE {
        return None;
    }
    let value = products / squares;
    // Every mean, and the slope itself, takes a degree of freedom.
    let freedom = runs.checked_sub(means + 1)? as f64;
    let rest = (rises - value * products).max(0.0);
    let standard_error = (rest / freedom / squares).sqrt();
    (value.is_finite() && value > SURE_OF_A_SLOPE * standard_error).then_some(Slope { value, runs })
}

/// `differences`, each with what `slope` makes of its pair's difference in the square root of the stolen share taken
/// out. `stolen` has the shares of each pair, before and after.
///
/// What it cannot know: a slower server wants the CPU for longer and may have more of it stolen, which this would
/// take out as if it were noise.
pub fn corrected(differences: &[f64], stolen: &[(f64, f64)], slope: f64) -> Vec<f64> {
    differences
        .iter()
        .zip(stolen)
        .map(|(difference, (before, after))| difference - slope * (after.sqrt() - before.sqrt()))
        .collect()
}

#[allow(clippy::cast_precision_loss, reason = "thousands of runs at most")]
fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(p99s: &[f64]) -> Vec<Observation> {
        p99s.iter()
            .map(|p99| Observation {
                ln_p99: p99.ln(),
                stolen: None,
            })
            .collect()
    }

    /// Runs whose P99 is `base` where nothing is stolen, and that follow `slope`.
    fn stolen(base: f64, slope: f64, shares: &[f64]) -> Vec<Observation> {
        shares
            .iter()
            .map(|share| Observation {
                ln_p99: base.ln() + slope * share.sqrt(),
                stolen: Some(*share),
            })
            .collect()
    }

    const SHARES: [f64; 12] = [
        0.0, 0.01, 0.04, 0.0, 0.09, 0.16, 0.02, 0.05, 0.25, 0.0, 0.01, 0.3,
    ];

    #[test]
    fn of_few_comparisons_the_one_that_moved_most_counts() {
        let found = single_runs(&[series(&[1.0, 1.1, 1.0, 1.3, 1.3, 1.3])]).unwrap();
        assert_eq!(found.comparisons, 5);
        assert!((found.smallest_change - 1.3_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn one_of_twenty_comparisons_may_move_further() {
        let mut p99s: Vec<f64> = (0..20)
            .map(|run| if run % 2 == 0 { 1.0 } else { 1.2 })
            .collect();
        p99s.push(9.0);
        let found = single_runs(&[series(&p99s)]).unwrap();
        assert_eq!(found.comparisons, 20);
        assert!((found.smallest_change - 1.2_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn runs_of_two_binaries_are_not_compared() {
        let found = single_runs(&[series(&[1.0, 1.1, 1.0, 1.1]), series(&[9.0, 9.0, 9.0])]);
        assert!(found.unwrap().smallest_change < 0.1);
    }

    #[test]
    fn fewer_than_five_comparisons_say_nothing() {
        assert_eq!(single_runs(&[series(&[1.0, 1.1, 1.0, 1.3, 1.3])]), None);
        assert_eq!(single_runs(&[]), None);
    }

    #[test]
    fn the_slope_is_that_within_each_binary() {
        let found = slope(&[stolen(1.0, 2.9, &SHARES), stolen(7.0, 2.9, &SHARES)]).unwrap();
        assert!((found.value - 2.9).abs() < 1e-9, "{found:?}");
        assert_eq!(found.runs, 24);
    }

    #[test]
    fn without_enough_runs_there_is_no_slope() {
        assert_eq!(slope(&[stolen(1.0, 2.9, &SHARES)]), None);
    }

    #[test]
    fn where_nothing_was_stolen_there_is_no_slope() {
        assert_eq!(slope(&[stolen(1.0, 2.9, &[0.0; 30])]), None);
        assert_eq!(slope(&[series(&[1.0; 30])]), None);
    }

    #[test]
    fn a_slope_that_may_be_chance_is_none() {
        let shares = [0.0, 0.01].repeat(15);
        let mut noisy = stolen(1.0, 0.5, &shares);
        // A spread that dwarfs the rise.
        for (index, run) in noisy.iter_mut().enumerate() {
            run.ln_p99 += if index % 3 == 0 { 0.4 } else { -0.2 };
        }
        assert_eq!(slope(&[noisy]), None);
    }

    #[test]
    fn a_p99_that_falls_with_the_stolen_time_is_not_corrected() {
        let falling = stolen(1.0, -0.5, &SHARES);
        assert_eq!(slope(&[falling.clone(), falling]), None);
    }

    #[test]
    fn noise_on_the_line_is_taken_out_whole() {
        let found = corrected(&[0.1 + 2.9 * (0.5 - 0.3)], &[(0.09, 0.25)], 2.9);
        assert!((found[0] - 0.1).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn exchanging_before_and_after_flips_what_is_left() {
        let there = corrected(&[0.4], &[(0.01, 0.25)], 2.0)[0];
        let back = corrected(&[-0.4], &[(0.25, 0.01)], 2.0)[0];
        assert!((there + back).abs() < 1e-12);
    }
}
