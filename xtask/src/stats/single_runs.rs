//! The difference of two single runs of one and the same server binary, by the machine's noise alone.

/// The resolution of one run a side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SingleRuns {
    /// 19 of 20 comparisons of a binary with itself moved P99 by no more than this, as a logarithm of a ratio: the
    /// smallest change that one run a side distinguishes.
    pub(crate) smallest_change: f64,
    /// The comparisons behind it.
    pub(crate) comparisons: usize,
}

/// Fewer comparisons say nothing about one in twenty.
const FEWEST_COMPARISONS: usize = 5;
/// The share of comparisons that stays within [`SingleRuns::smallest_change`]: 19 of 20.
const USUALLY: (usize, usize) = (19, 20);

/// The resolution of single runs, from the neighbours in each series of ln(P99) of one binary, in order of time.
///
/// Of fewer than twenty comparisons it is the one that moved most. `None` with fewer than five.
pub(crate) fn single_runs(series: &[Vec<f64>]) -> Option<SingleRuns> {
    let mut moved: Vec<f64> = series
        .iter()
        .flat_map(|runs| runs.iter().zip(runs.iter().skip(1)))
        .map(|(first, second)| (second - first).abs())
        .collect();
    moved.sort_by(f64::total_cmp);
    let comparisons = moved.len();
    if comparisons < FEWEST_COMPARISONS {
        return None;
    }
    let within = (comparisons * USUALLY.0).div_ceil(USUALLY.1);
    Some(SingleRuns { smallest_change: *moved.get(within.checked_sub(1)?)?, comparisons })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(p99s: &[f64]) -> Vec<f64> {
        p99s.iter().map(|p99| p99.ln()).collect()
    }

    #[test]
    fn of_few_comparisons_the_one_that_moved_most_counts() {
        let found = single_runs(&[series(&[1.0, 1.1, 1.0, 1.3, 1.3, 1.3])]).unwrap();
        assert_eq!(found.comparisons, 5);
        assert!((found.smallest_change - 1.3_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn one_of_twenty_comparisons_may_move_further() {
        let mut p99s: Vec<f64> = (0..20).map(|run| if run % 2 == 0 { 1.0 } else { 1.2 }).collect();
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
}
