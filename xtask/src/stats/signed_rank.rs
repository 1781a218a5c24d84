//! The exact Wilcoxon signed-rank interval: how large a change is, and how sure that is.
//!
//! Source: Hollander and Wolfe, *Nonparametric Statistical Methods*, chapter 3 (the signed-rank
//! test, the Hodges-Lehmann estimate, and the confidence bounds that belong to both). It asks only
//! that the differences scatter symmetrically around the change; they need be neither normal nor
//! equally noisy, which is what bursts on a shared machine are like.

use crate::stats::numbers::median;

/// An estimated change with a one-sided bound on either side, in the unit of the differences it
/// came from. For paired runs that is the natural logarithm of after / before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The Hodges-Lehmann estimate of the change.
    pub estimate: f64,
    /// The change is surely not below this (at the alpha of [`interval`]).
    pub lower: f64,
    /// The change is surely not above this (at the alpha of [`interval`]).
    pub upper: f64,
}

impl Interval {
    /// Half the distance between the bounds: roughly the smallest change that can be told from none.
    pub fn half_width(&self) -> f64 {
        (self.upper - self.lower) / 2.0
    }
}

/// The Hodges-Lehmann estimate of the centre of `differences` and its exact one-sided bounds, each
/// wrong with a probability of at most `alpha` (0 to 1/2).
///
/// Of the M = N(N+1)/2 sorted Walsh averages (of every two differences, and of each with itself)
/// the estimate is the median, the bounds are the ones [`critical_value`] places from either end
/// (Hollander and Wolfe, sections 3.2 and 3.3).
///
/// `None` when there are too few differences for `alpha`, when one is not finite, or when `alpha`
/// is so large that the bounds would cross.
pub fn interval(differences: &[f64], alpha: f64) -> Option<Interval> {
    if !differences.iter().all(|difference| difference.is_finite()) {
        return None;
    }
    let averages = sorted_walsh_averages(differences);
    let from_below = critical_value(differences.len(), alpha)?;
    let from_above = averages.len().checked_sub(from_below + 1)?;
    if from_below > from_above {
        return None;
    }
    Some(Interval {
        estimate: median(averages.iter().copied())?,
        lower: *averages.get(from_below)?,
        upper: *averages.get(from_above)?,
    })
}

/// The Hodges-Lehmann estimate alone, which needs one difference only. `None` without any, or when one is not finite.
pub(crate) fn estimate(differences: &[f64]) -> Option<f64> {
    let finite = differences.iter().all(|difference| difference.is_finite());
    finite.then(|| median(sorted_walsh_averages(differences))).flatten()
}

/// The largest whole number c with P(W+ <= c) <= `alpha`, W+ being the signed-rank statistic of
/// `pairs` symmetric differences: the sum of the ranks of the positive ones (Hollander and Wolfe,
/// section 3.1 and its table).
///
/// `None` when not even P(W+ <= 0) = 2^-`pairs` is within `alpha`, and without any pairs.
pub(crate) fn critical_value(pairs: usize, alpha: f64) -> Option<usize> {
    rank_sum_probabilities(pairs)
        .iter()
        .scan(0.0, |at_most, probability| {
            *at_most += probability;
            Some(*at_most)
        })
        .take_while(|at_most| *at_most <= alpha)
        .count()
        .checked_sub(1)
}

/// P(W+ = s) for s = 0 ..= N(N+1)/2: the share of the 2^N subsets of the ranks 1 ..= N that sum to s.
///
/// Each rank is in the subset with probability 1/2, so adding one averages the table with itself,
/// moved up by that rank. Up to 53 ranks every entry and every partial sum is a multiple of 2^-53
/// and at most 1, which an `f64` holds without rounding. Beyond that the relative error is under
/// 2N * 2^-53 (all terms are positive, nothing cancels), far below the gap to any alpha in use.
fn rank_sum_probabilities(ranks: usize) -> Vec<f64> {
    (1..=ranks).fold(vec![1.0], |without, rank| {
        let mut with = vec![0.0; rank];
        with.extend_from_slice(&without);
        let absent = without.iter().copied().chain(std::iter::repeat(0.0));
        with.iter().zip(absent).map(|(present, absent)| f64::midpoint(*present, absent)).collect()
    })
}

fn sorted_walsh_averages(differences: &[f64]) -> Vec<f64> {
    let mut averages: Vec<f64> = differences
        .iter()
        .enumerate()
        .flat_map(|(index, first)| {
            differences.iter().skip(index).map(|second| f64::midpoint(*first, *second))
        })
        .collect();
    averages.sort_by(f64::total_cmp);
    averages
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BONFERRONI_OF_THREE: f64 = 0.05 / 3.0;

    /// How many of the 2^N sign patterns give each rank sum, by looking at every one of them.
    fn counts_by_enumeration(ranks: usize) -> Vec<u32> {
        let mut counts = vec![0; ranks * (ranks + 1) / 2 + 1];
        for subset in 0_u32..1 << ranks {
            let sum: usize = (1..=ranks).filter(|rank| subset >> (rank - 1) & 1 == 1).sum();
            counts[sum] += 1;
        }
        counts
    }

    /// P(W+ >= observed) of the signed-rank test of "the centre is `centre`" against "it is above".
    /// Differences must be untied in size around the centre.
    fn p_value_of_above(differences: &[f64], centre: f64) -> f64 {
        let mut shifted: Vec<f64> = differences.iter().map(|d| d - centre).collect();
        shifted.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
        let observed: usize = shifted
            .iter()
            .zip(1..)
            .filter(|(difference, _)| **difference > 0.0)
            .map(|(_, rank): (_, usize)| rank)
            .sum();
        let counts = counts_by_enumeration(differences.len());
        let extreme: u32 = counts[observed..].iter().sum();
        f64::from(extreme) / f64::from(1_u32 << differences.len())
    }

    fn close(left: Interval, right: Interval) -> bool {
        [left.estimate - right.estimate, left.lower - right.lower, left.upper - right.upper]
            .iter()
            .all(|gap| gap.abs() < 1e-9)
    }

    fn some_differences() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(-2.0..2.0_f64, 6..20)
    }

    #[test]
    fn critical_values_at_a_third_of_five_per_cent_are_the_published_ones() {
        let found = [6, 10, 16].map(|pairs| critical_value(pairs, BONFERRONI_OF_THREE));
        assert_eq!(found, [0, 6, 26].map(Some));
    }

    #[test]
    fn critical_values_at_five_per_cent_are_the_published_ones() {
        let found = [5, 6, 7, 8, 10, 12, 16, 20].map(|pairs| critical_value(pairs, 0.05));
        assert_eq!(found, [0, 2, 3, 5, 10, 17, 35, 60].map(Some));
    }

    #[test]
    fn too_few_pairs_have_no_critical_value() {
        assert_eq!(critical_value(0, 0.05), None);
        assert_eq!(critical_value(4, 0.05), None);
        assert_eq!(critical_value(5, BONFERRONI_OF_THREE), None);
        assert_eq!(critical_value(16, 0.0), None);
        assert_eq!(critical_value(16, f64::NAN), None);
    }

    #[test]
    fn a_probability_equal_to_alpha_is_within_it() {
        assert_eq!(critical_value(6, 1.0 / 64.0), Some(0));
        assert_eq!(critical_value(52, 0.5_f64.powi(52)), Some(0));
    }

    #[test]
    fn probabilities_match_the_enumeration_of_every_sign_pattern() {
        for ranks in 1..=16 {
            let all = f64::from(1_u32 << ranks);
            let enumerated: Vec<f64> = counts_by_enumeration(ranks)
                .into_iter()
                .map(|count| f64::from(count) / all)
                .collect();
            assert_eq!(rank_sum_probabilities(ranks), enumerated, "{ranks} ranks");
        }
    }

    #[test]
    fn probabilities_sum_to_one() {
        for ranks in 1..=80 {
            let sum: f64 = rank_sum_probabilities(ranks).iter().sum();
            assert!((sum - 1.0).abs() < 1e-13, "{ranks} ranks sum to {sum}");
        }
    }

    #[test]
    fn critical_values_agree_with_whole_number_counts_up_to_eighty_pairs() {
        for pairs in 5..=80_usize {
            let mut counts = vec![0_u128; pairs * (pairs + 1) / 2 + 1];
            counts[0] = 1;
            for rank in 1..=pairs {
                for sum in (rank..counts.len()).rev() {
                    counts[sum] += counts[sum - rank];
                }
            }
            // P <= 1/20 asked in whole numbers: 20 * cumulated count <= 2^pairs.
            let mut cumulated = 0;
            let within = counts
                .iter()
                .take_while(|count| {
                    cumulated += *count;
                    20 * cumulated <= 1_u128 << pairs
                })
                .count();
            assert_eq!(critical_value(pairs, 0.05), within.checked_sub(1), "{pairs}");
        }
    }

    #[test]
    fn the_looks_of_the_full_plan_have_the_critical_values_that_the_law_states() {
        let found = [8, 12, 16, 24].map(|pairs| critical_value(pairs, 0.02 / 4.0));
        assert_eq!(found, [Some(0), Some(7), Some(19), Some(61)]);
    }

    #[test]
    fn the_estimate_of_an_even_number_of_averages_is_the_mean_of_the_middle_two() {
        // Seven differences have 28 Walsh averages; of 0, 0, 0, 0, 0, 0, 8 the middle two are 0.
        // Of 0, 0, 0, 0, 4, 4, 4 they are ten 0, twelve 2 and six 4.
        let found = interval(&[0.0, 4.0, 0.0, 4.0, 0.0, 4.0, 0.0], 0.05);
        let expected = Interval { estimate: 2.0, lower: 0.0, upper: 4.0 };
        assert_eq!(found, Some(expected));
        // Three differences, six averages: 0, 1, 2, 4, 5, 8. The middle two are 2 and 4.
        let three = interval(&[0.0, 2.0, 8.0], 0.125).map(|found| found.estimate);
        assert_eq!(three, Some(3.0));
    }

    #[test]
    fn six_pairs_at_a_third_of_five_per_cent_are_bounded_by_their_extremes() {
        let found = interval(&[0.3, -0.1, 0.7, 0.2, 0.4, 0.1], BONFERRONI_OF_THREE);
        assert_eq!(found.map(|found| (found.lower, found.upper)), Some((-0.1, 0.7)));
    }

    #[test]
    fn a_difference_that_is_not_finite_has_no_interval() {
        for broken in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(interval(&[0.1, 0.2, 0.3, 0.4, 0.5, broken], 0.05), None);
        }
    }

    #[test]
    fn too_few_pairs_have_no_interval() {
        assert_eq!(interval(&[], 0.05), None);
        assert_eq!(interval(&[0.1, 0.2, 0.3, 0.4], 0.05), None);
    }

    #[test]
    fn an_alpha_at_which_the_bounds_would_cross_has_no_interval() {
        for alpha in [0.9, 1.0, f64::INFINITY] {
            assert_eq!(interval(&[0.1, 0.2, 0.3, 0.4, 0.5], alpha), None, "{alpha}");
        }
    }

    #[test]
    fn half_width_is_half_the_distance_of_the_bounds() {
        let found = Interval { estimate: 0.0, lower: -0.5, upper: 1.0 };
        assert!((found.half_width() - 0.75).abs() < 1e-12);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn bounds_are_where_the_test_by_enumeration_changes_its_mind(
            differences in prop::collection::vec(-2.0..2.0_f64, 5..10),
            alpha in 0.04..0.4_f64,
        ) {
            let nudge = 1e-9;
            let found = interval(&differences, alpha).unwrap();
            prop_assert!(p_value_of_above(&differences, found.lower - nudge) <= alpha);
            prop_assert!(p_value_of_above(&differences, found.lower + nudge) > alpha);
            let mirrored: Vec<f64> = differences.iter().map(|d| -d).collect();
            prop_assert!(p_value_of_above(&mirrored, -found.upper - nudge) <= alpha);
            prop_assert!(p_value_of_above(&mirrored, -found.upper + nudge) > alpha);
        }

        #[test]
        fn a_shift_of_all_differences_shifts_the_interval(
            differences in some_differences(), shift in -3.0..3.0_f64,
        ) {
            let before = interval(&differences, BONFERRONI_OF_THREE).unwrap();
            let shifted: Vec<f64> = differences.iter().map(|d| d + shift).collect();
            let expected = Interval {
                estimate: before.estimate + shift,
                lower: before.lower + shift,
                upper: before.upper + shift,
            };
            prop_assert!(close(interval(&shifted, BONFERRONI_OF_THREE).unwrap(), expected));
        }

        #[test]
        fn exchanging_before_and_after_mirrors_the_interval(differences in some_differences()) {
            let before = interval(&differences, BONFERRONI_OF_THREE).unwrap();
            let mirrored: Vec<f64> = differences.iter().map(|d| -d).collect();
            let expected = Interval {
                estimate: -before.estimate,
                lower: -before.upper,
                upper: -before.lower,
            };
            prop_assert!(close(interval(&mirrored, BONFERRONI_OF_THREE).unwrap(), expected));
        }

        #[test]
        fn the_estimate_lies_between_the_bounds(
            differences in some_differences(), alpha in 0.02..0.5_f64,
        ) {
            let found = interval(&differences, alpha).unwrap();
            prop_assert!(found.lower <= found.estimate && found.estimate <= found.upper);
        }

        #[test]
        fn the_order_of_the_pairs_does_not_matter(
            (differences, shuffled) in some_differences()
                .prop_flat_map(|d| (Just(d.clone()), Just(d).prop_shuffle())),
        ) {
            prop_assert!(close(
                interval(&differences, BONFERRONI_OF_THREE).unwrap(),
                interval(&shuffled, BONFERRONI_OF_THREE).unwrap(),
            ));
        }
    }
}
