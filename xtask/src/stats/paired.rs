//! The verdict on a record of pairs, or how far to measure on.
//!
//! The plan (when to look, and how sure to be at each look) is fixed when a record is opened. The
//! first look at which a verdict falls is the verdict: pairs measured beyond it do not change it,
//! so a record that was continued says the same as one that was never interrupted.

use crate::stats::numbers::exceeds;
use crate::stats::signed_rank::{self, Interval};

/// When a record is looked at, and how sure each look has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// All numbers of pairs at which a plan can look, ascending.
    pub possible_looks: &'static [usize],
    /// The one of them after which the verdict is final in any case.
    pub last_look: usize,
    /// The error probability of all looks together, 0 to 1.
    pub family_alpha: f64,
    /// The number of failed runs of the after server that ends a record: a single one may be an accident.
    pub failures_that_end: usize,
}

impl Plan {
    /// The same plan, shorter or longer, ended at `last_look`; `None` unless that is a possible look.
    pub fn up_to(self, last_look: usize) -> Option<Self> {
        let is_possible = self.possible_looks.contains(&last_look);
        is_possible.then_some(Self { last_look, ..self })
    }

    /// The numbers of pairs at which to look, ascending.
    pub fn looks(&self) -> &'static [usize] {
        let count = self.possible_looks.partition_point(|look| *look <= self.last_look);
        self.possible_looks.get(..count).unwrap_or_default()
    }

    /// The error probability, 0 to 1, of either bound at each look: an equal share of that of all looks (Bonferroni),
    /// which holds however much one look resembles the next.
    #[expect(clippy::cast_precision_loss, reason = "a handful of looks")]
    pub fn alpha(&self) -> f64 {
        self.family_alpha / self.looks().len() as f64
    }
}

/// How a record ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairedVerdict {
    /// Surely slower, and by more than the margin as far as can be told.
    Regressed,
    /// Surely not slower by the margin.
    NotRegressed,
    /// Not settled by the last look; the estimate is within the margin.
    NoRegressionFound,
    /// Not settled by the last look: the estimate is beyond the margin, or a pass was withheld because P95 is surely
    /// slower. Also where a difference is not a number, since nothing can pass by that.
    Suspected,
    /// The after binary failed to run, which forbids a pass.
    AfterFails,
}

impl PairedVerdict {
    fn passes(self) -> bool {
        matches!(self, Self::NotRegressed | Self::NoRegressionFound)
    }
}

/// What one look saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// The pairs it used, counted from the first.
    pub pairs: usize,
    /// ln(P99 after / P99 before), with its bounds at the plan's alpha.
    pub interval: Interval,
    /// About how many pairs in all would settle the question, on a machine as noisy as it was so
    /// far. `None` when it is settled, when no plan is so long, or when no number of pairs would:
    /// the change is as large as the margin.
    pub pairs_to_settle: Option<usize>,
    /// Whether a pass was withheld because P95 is surely slower, and by more than the margin.
    pub is_vetoed: bool,
}

/// A decision and what it rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assessment {
    /// `None` while more pairs are to be measured.
    pub verdict: Option<PairedVerdict>,
    /// The look that decided, or the latest one reached; `None` before the first.
    pub look: Option<Look>,
}

/// What was measured so far: ln(after / before) of each pair (see [`difference`]), in the order of measurement.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Of P99, which is tested.
    pub p99: &'a [f64],
    /// Of P95, which can withhold a pass; as many as of P99.
    pub p95: &'a [f64],
    /// Runs of the after server that failed.
    pub after_failures: usize,
}

/// Judges a record. `margin` is the smallest slow-down that matters, as a logarithm (see [`margin`]).
pub fn decide(plan: &Plan, evidence: Evidence, margin: f64) -> Assessment {
    let mut found = Assessment { verdict: None, look: None };
    for pairs in plan.looks() {
        let (Some(p99), Some(p95)) = (evidence.p99.get(..*pairs), evidence.p95.get(..*pairs))
        else {
            break;
        };
        found = assess(plan, p99, p95, margin);
        if found.verdict.is_some() {
            break;
        }
    }
    // A failing after server is news, not noise: it ends the session when it happens again, and until then it only takes
    // the pass away. The second failure comes before any verdict on the pairs: a record that has two of them had no
    // verdict yet when the second one happened.
    let is_ended = evidence.after_failures >= plan.failures_that_end;
    let passes = found.verdict.is_some_and(PairedVerdict::passes);
    if is_ended || (passes && evidence.after_failures > 0) {
        found.verdict = Some(PairedVerdict::AfterFails);
    }
    found
}

/// ln(after / before) of two P99 figures, in any one unit; `None` unless both are positive and
/// finite.
pub fn difference(before: f64, after: f64) -> Option<f64> {
    let ratio_exists = [before, after].iter().all(|p99| p99.is_finite() && *p99 > 0.0);
    ratio_exists.then(|| after.ln() - before.ln())
}

/// The margin that belongs to a threshold in per cent: 5 gives ln 1.05.
pub fn margin(threshold_percent: f64) -> f64 {
    (threshold_percent / 100.0).ln_1p()
}

/// The change in per cent that belongs to the logarithm of a ratio: ln 1.05 gives 5.
pub(crate) fn percent(ln_ratio: f64) -> f64 {
    ln_ratio.exp_m1() * 100.0
}

/// The decision of one look, on exactly the pairs it is for.
fn assess(plan: &Plan, p99: &[f64], p95: &[f64], margin: f64) -> Assessment {
    let Some(interval) = signed_rank::interval(p99, plan.alpha()) else {
        return Assessment { verdict: Some(PairedVerdict::Suspected), look: None };
    };
    let is_last = p99.len() >= plan.last_look;
    let on_p99 = if is_surely_slower(&interval, margin) {
        Some(PairedVerdict::Regressed)
    } else if !exceeds(interval.upper, margin) {
        Some(PairedVerdict::NotRegressed)
    } else if !is_last {
        None
    } else if exceeds(interval.estimate, margin) {
        Some(PairedVerdict::Suspected)
    } else {
        Some(PairedVerdict::NoRegressionFound)
    };
    // Nothing passes by a P95 that has no interval.
    let is_vetoed = on_p99.is_some_and(PairedVerdict::passes)
        && signed_rank::interval(p95, plan.alpha())
            .is_none_or(|p95| is_surely_slower(&p95, margin));
    let verdict = match is_vetoed {
        true => is_last.then_some(PairedVerdict::Suspected),
        false => on_p99,
    };
    let is_settled = matches!(on_p99, Some(PairedVerdict::Regressed | PairedVerdict::NotRegressed));
    let pairs_to_settle = match is_settled || is_vetoed {
        true => None,
        false => pairs_to_settle(plan, p99.len(), &interval, margin),
    };
    let look = Look { pairs: p99.len(), interval, pairs_to_settle, is_vetoed };
    Assessment { verdict, look: Some(look) }
}

/// Slower at all for sure, and by more than the margin as far as can be said.
fn is_surely_slower(interval: &Interval, margin: f64) -> bool {
    exceeds(interval.lower, 0.0) && exceeds(interval.estimate, margin)
}

/// The width of the interval shrinks with the square root of the number of pairs, so it takes
/// `pairs` * (half-width / distance)^2 of them until it clears the bound in question: the margin
/// for an estimate within it, zero for one beyond it. At least one more: those at hand were not
/// enough, whatever a lopsided interval makes of the rule of thumb.
#[expect(clippy::cast_precision_loss, reason = "dozens")]
fn pairs_to_settle(plan: &Plan, pairs: usize, interval: &Interval, margin: f64) -> Option<usize> {
    let distance = if exceeds(interval.estimate, margin) {
        interval.estimate
    } else {
        margin - interval.estimate
    };
    let needed = pairs as f64 * (interval.half_width() / distance).powi(2);
    let most = plan.possible_looks.last().copied()?;
    (pairs + 1..=most).find(|longer| *longer as f64 >= needed)
}

#[cfg(test)]
mod tests {
    use super::PairedVerdict::*;
    use super::*;
    use proptest::prelude::*;

    /// The law's: docs/architecture.md names it.
    const PLAN: Plan = Plan {
        possible_looks: &[8, 12, 16, 24, 40],
        last_look: 24,
        family_alpha: 0.02,
        failures_that_end: 2,
    };
    const SESSIONS: u32 = 1000;
    /// Three standard errors of a rate of two per cent in so many sessions.
    const LUCK: f64 = 0.0133;

    fn every_plan() -> impl Iterator<Item = Plan> {
        PLAN.possible_looks.iter().map(|look| PLAN.up_to(*look).unwrap())
    }

    fn full_plan() -> Plan {
        PLAN.up_to(24).unwrap()
    }

    /// A record whose P95 moved as its P99 did.
    fn of(p99: &[f64], after_failures: usize) -> Evidence<'_> {
        Evidence { p99, p95: p99, after_failures }
    }

    fn with_p95<'a>(p99: &'a [f64], p95: &'a [f64]) -> Evidence<'a> {
        Evidence { p95, ..of(p99, 0) }
    }

    fn judge(differences: &[f64]) -> Option<PairedVerdict> {
        decide(&full_plan(), of(differences, 0), margin(5.0)).verdict
    }

    /// Pairs that scatter evenly around `centre`, the same for every two pairs.
    fn scattered(centre: f64, spread: f64, pairs: usize) -> Vec<f64> {
        (0..pairs).map(|pair| centre + if pair % 2 == 0 { spread } else { -spread }).collect()
    }

    #[test]
    fn a_plan_ends_at_one_of_the_looks_and_nowhere_else() {
        let looks = |max_pairs| PLAN.up_to(max_pairs).map(|plan| plan.looks().to_vec());
        assert_eq!(looks(8), Some(vec![8]));
        assert_eq!(looks(12), Some(vec![8, 12]));
        assert_eq!(looks(24), Some(vec![8, 12, 16, 24]));
        assert_eq!(looks(40), Some(vec![8, 12, 16, 24, 40]));
        assert_eq!(PLAN.looks(), [8, 12, 16, 24], "where nothing else is asked for");
        for between in [0, 1, 7, 9, 23, 25, 39, 41, usize::MAX] {
            assert_eq!(looks(between), None, "{between}");
        }
    }

    #[test]
    fn the_looks_of_a_plan_share_two_per_cent() {
        for (max_pairs, share) in
            [(8, 0.02), (12, 0.01), (16, 0.02 / 3.0), (24, 0.005), (40, 0.004)]
        {
            let plan = PLAN.up_to(max_pairs).unwrap();
            assert!((plan.alpha() - share).abs() < 1e-15);
            assert_eq!(plan.last_look, max_pairs);
        }
    }

    #[test]
    fn before_the_first_look_measuring_goes_on() {
        for pairs in 0..8 {
            let found = decide(&full_plan(), of(&vec![9.0; pairs], 0), margin(5.0));
            assert_eq!(found.verdict, None);
            assert_eq!(found.look, None);
        }
    }

    #[test]
    fn eight_pairs_surely_slower_and_beyond_the_margin_are_regressed() {
        assert_eq!(judge(&scattered(0.20, 0.10, 8)), Some(Regressed));
    }

    #[test]
    fn surely_slower_but_within_the_margin_is_not_regressed() {
        assert_eq!(judge(&scattered(0.02, 0.01, 8)), Some(NotRegressed));
    }

    #[test]
    fn surely_faster_is_not_regressed() {
        assert_eq!(judge(&scattered(-0.3, 0.1, 8)), Some(NotRegressed));
    }

    #[test]
    fn between_looks_measuring_goes_on_to_the_next() {
        let noise = scattered(0.0, 0.5, 24);
        for pairs in [8, 9, 11, 12, 15, 16, 23] {
            assert_eq!(judge(&noise[..pairs]), None, "{pairs}");
        }
    }

    #[test]
    fn between_looks_the_latest_look_is_shown_and_later_pairs_are_not_in_it() {
        let mut differences = scattered(0.0, 0.5, 12);
        let at_the_look = decide(&full_plan(), of(&differences, 0), margin(5.0)).look.unwrap();
        differences.extend([7.0, 8.0, 9.0]);
        let later = decide(&full_plan(), of(&differences, 0), margin(5.0)).look.unwrap();
        assert_eq!(at_the_look.pairs, 12);
        assert_eq!(at_the_look, later);
    }

    #[test]
    fn noise_around_no_change_ends_without_a_regression_found() {
        assert_eq!(judge(&scattered(0.0, 0.5, 24)), Some(NoRegressionFound));
    }

    #[test]
    fn noise_around_a_large_change_ends_suspected() {
        assert_eq!(judge(&scattered(0.1, 0.5, 24)), Some(Suspected));
    }

    #[test]
    fn a_change_equal_to_the_margin_passes() {
        assert_eq!(judge(&[margin(5.0); 8]), Some(NotRegressed));
    }

    #[test]
    fn a_change_just_beyond_the_margin_regresses() {
        assert_eq!(judge(&[margin(5.001); 8]), Some(Regressed));
    }

    #[test]
    fn competitive_mode_lets_more_pass() {
        let differences = [margin(8.0); 8];
        let competitive = decide(&full_plan(), of(&differences, 0), margin(10.0));
        assert_eq!(judge(&differences), Some(Regressed));
        assert_eq!(competitive.verdict, Some(NotRegressed));
    }

    #[test]
    fn a_shorter_plan_is_final_at_its_own_last_look() {
        let noise = scattered(0.0, 0.5, 12);
        let plan = PLAN.up_to(12).unwrap();
        let found = decide(&plan, of(&noise, 0), margin(5.0)).verdict;
        assert_eq!(found, Some(NoRegressionFound));
    }

    #[test]
    fn a_difference_that_is_no_number_is_never_a_pass() {
        for broken in [f64::NAN, f64::NEG_INFINITY] {
            let mut differences = scattered(-0.3, 0.1, 24);
            differences[3] = broken;
            assert_eq!(judge(&differences), Some(Suspected));
        }
    }

    #[test]
    fn one_failure_of_after_turns_a_pass_into_a_failure() {
        for passing in [scattered(-0.3, 0.1, 8), scattered(0.0, 0.5, 24)] {
            let found = decide(&full_plan(), of(&passing, 1), margin(5.0)).verdict;
            assert_eq!(found, Some(AfterFails));
        }
    }

    #[test]
    fn one_failure_of_after_lets_measuring_go_on() {
        let found = decide(&full_plan(), of(&scattered(0.0, 0.5, 8), 1), margin(5.0)).verdict;
        assert_eq!(found, None);
    }

    #[test]
    fn one_failure_of_after_leaves_what_is_not_a_pass() {
        for (differences, verdict) in
            [(scattered(0.2, 0.1, 8), Regressed), (scattered(0.1, 0.5, 24), Suspected)]
        {
            let found = decide(&full_plan(), of(&differences, 1), margin(5.0)).verdict;
            assert_eq!(found, Some(verdict));
        }
    }

    #[test]
    fn two_failures_of_after_end_the_session_at_once() {
        for pairs in [0, 3, 8, 24] {
            let differences = scattered(-0.3, 0.1, pairs);
            let found = decide(&full_plan(), of(&differences, 2), margin(5.0)).verdict;
            assert_eq!(found, Some(AfterFails), "{pairs} pairs");
        }
    }

    #[test]
    fn a_p95_that_is_surely_slower_lets_no_early_look_pass() {
        let (quiet, slower) = (scattered(0.0, 0.01, 12), scattered(0.2, 0.1, 12));
        let found = decide(&full_plan(), with_p95(&quiet, &slower), margin(5.0));
        assert_eq!(found.verdict, None);
        assert!(found.look.unwrap().is_vetoed);
    }

    #[test]
    fn a_pass_that_p95_forbids_at_the_last_look_is_suspected() {
        for p99 in [scattered(0.0, 0.01, 24), scattered(0.0, 0.5, 24)] {
            let slower = scattered(0.2, 0.1, 24);
            let found = decide(&full_plan(), with_p95(&p99, &slower), margin(5.0));
            assert_eq!(found.verdict, Some(Suspected));
            assert!(found.look.unwrap().is_vetoed);
        }
    }

    #[test]
    fn a_p95_that_may_be_noise_or_is_within_the_margin_forbids_nothing() {
        let quiet = scattered(0.0, 0.01, 8);
        for harmless in [scattered(0.2, 0.5, 8), scattered(0.03, 0.01, 8), scattered(-0.2, 0.1, 8)]
        {
            let found = decide(&full_plan(), with_p95(&quiet, &harmless), margin(5.0));
            assert_eq!(found.verdict, Some(NotRegressed));
            assert!(!found.look.unwrap().is_vetoed);
        }
    }

    #[test]
    fn a_p95_makes_no_regression() {
        let unsure = scattered(0.1, 0.5, 24);
        let slower = scattered(0.2, 0.1, 24);
        let found = decide(&full_plan(), with_p95(&unsure, &slower), margin(5.0));
        assert_eq!(found.verdict, Some(Suspected));
        assert!(!found.look.unwrap().is_vetoed, "P99 alone says so");
    }

    #[test]
    fn nothing_passes_by_a_p95_that_is_no_number() {
        let quiet = scattered(0.0, 0.01, 24);
        let found = decide(&full_plan(), with_p95(&quiet, &[f64::NAN; 24]), margin(5.0));
        assert_eq!(found.verdict, Some(Suspected));
    }

    #[test]
    fn an_unsettled_estimate_within_the_margin_names_the_pairs_that_would_pass_it() {
        let differences = scattered(0.0, 0.055, 24);
        let look = decide(&full_plan(), of(&differences, 0), margin(5.0)).look.unwrap();
        // Twenty-four pairs of +-0.055: those are the bounds, and the estimate is 0.
        let formula = 24.0 * (0.055 / 1.05_f64.ln()).powi(2);
        assert!((look.interval.half_width() - 0.055).abs() < 1e-12);
        assert!((30.0..31.0).contains(&formula));
        assert_eq!(look.pairs_to_settle, Some(31));
    }

    #[test]
    fn a_suspicion_names_the_pairs_that_would_find_it() {
        let differences = scattered(0.25, 0.3, 24);
        let look = decide(&full_plan(), of(&differences, 0), margin(5.0)).look.unwrap();
        // 24 * (0.3 / 0.25)^2
        assert_eq!(look.pairs_to_settle, Some(35));
    }

    #[test]
    fn more_pairs_than_any_plan_measures_are_not_named() {
        for (differences, plan) in [
            (scattered(0.0, 0.5, 24), full_plan()),
            (scattered(0.25, 0.5, 24), full_plan()),
            (scattered(0.25, 0.3, 40), PLAN.up_to(40).unwrap()),
        ] {
            let look = decide(&plan, of(&differences, 0), margin(5.0)).look.unwrap();
            assert_eq!(look.pairs_to_settle, None);
        }
    }

    #[test]
    fn a_lopsided_record_that_did_not_settle_asks_for_at_least_one_pair_more() {
        // Eighteen of 0.12 and six of -0.13: the bounds are -0.005 and 0.12, the estimate is 0.12,
        // and 24 * (0.0625 / 0.12)^2 is less than the twenty-four that were not enough.
        let differences = [[0.12, 0.12, 0.12, -0.13]; 6].concat();
        let found = decide(&full_plan(), of(&differences, 0), margin(5.0));
        assert_eq!(found.verdict, Some(Suspected));
        assert_eq!(found.look.unwrap().pairs_to_settle, Some(25));
    }

    #[test]
    fn no_number_of_pairs_settles_a_change_of_exactly_the_margin() {
        let differences = scattered(margin(5.0), 0.5, 24);
        let look = decide(&full_plan(), of(&differences, 0), margin(5.0)).look.unwrap();
        assert_eq!(look.pairs_to_settle, None);
    }

    #[test]
    fn a_settled_record_asks_for_no_more_pairs() {
        for settled in [scattered(0.2, 0.1, 8), scattered(-0.3, 0.1, 8)] {
            let look = decide(&full_plan(), of(&settled, 0), margin(5.0)).look.unwrap();
            assert_eq!(look.pairs_to_settle, None);
        }
    }

    #[test]
    fn a_difference_is_the_logarithm_of_the_ratio() {
        assert!((difference(10.0, 11.0).unwrap() - 1.1_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn a_difference_needs_two_positive_figures() {
        for (before, after) in
            [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (1.0, f64::NAN), (f64::INFINITY, 1.0)]
        {
            assert_eq!(difference(before, after), None, "{before} {after}");
        }
    }

    #[test]
    fn an_unchanged_server_is_rarely_called_slower_under_normal_noise() {
        assert_false_alarms_are_within_alpha(normal);
    }

    #[test]
    fn an_unchanged_server_is_rarely_called_slower_under_cauchy_noise() {
        assert_false_alarms_are_within_alpha(cauchy);
    }

    #[test]
    fn an_unchanged_server_is_rarely_called_slower_under_bursts() {
        assert_false_alarms_are_within_alpha(bursty);
    }

    #[test]
    fn a_change_of_the_margin_is_rarely_cleared_under_normal_noise() {
        assert_false_clearances_are_within_alpha(normal);
    }

    #[test]
    fn a_change_of_the_margin_is_rarely_cleared_under_cauchy_noise() {
        assert_false_clearances_are_within_alpha(cauchy);
    }

    #[test]
    fn a_change_of_the_margin_is_rarely_cleared_under_bursts() {
        assert_false_clearances_are_within_alpha(bursty);
    }

    #[test]
    fn a_large_change_is_found_through_moderate_noise() {
        let found = share_of(
            Regressed,
            &full_plan(),
            |random| session(random, normal, 0.25, 0.15),
            margin(5.0),
        );
        assert!(found > 0.9, "{found}");
    }

    #[test]
    fn an_unchanged_server_passes_under_heavy_tails() {
        assert_unchanged_servers_pass(heavy_tailed);
    }

    #[test]
    fn an_unchanged_server_passes_under_bursts_of_noise() {
        assert_unchanged_servers_pass(in_spells);
    }

    #[test]
    fn ten_per_cent_are_found_under_heavy_tails() {
        assert_ten_per_cent_are_found(heavy_tailed);
    }

    #[test]
    fn ten_per_cent_are_found_under_bursts_of_noise() {
        assert_ten_per_cent_are_found(in_spells);
    }

    proptest! {
        #[test]
        fn pairs_beyond_the_final_look_never_change_the_verdict(
            differences in prop::collection::vec(-0.3..0.4_f64, 24),
            beyond in prop::collection::vec(-9.0..9.0_f64, 0..20),
            after_failures in 0..2_usize,
        ) {
            let ended = decide(&full_plan(), of(&differences, after_failures), margin(5.0));
            let used = ended.look.unwrap().pairs;
            let continued = [&differences[..used], &beyond].concat();
            prop_assert_eq!(decide(&full_plan(), of(&continued, after_failures), margin(5.0)), ended);
        }

        #[test]
        fn a_record_grown_pair_by_pair_ends_where_the_whole_one_does(
            differences in prop::collection::vec(-0.3..0.4_f64, 24),
        ) {
            let grown = (0..=24)
                .map(|pairs| judge(&differences[..pairs]))
                .find(Option::is_some);
            prop_assert_eq!(grown, Some(judge(&differences)));
        }

        #[test]
        fn exchanging_pairs_within_the_first_look_changes_nothing(
            (differences, shuffled) in prop::collection::vec(-0.3..0.4_f64, 8)
                .prop_flat_map(|d| (Just(d.clone()), Just(d).prop_shuffle())),
        ) {
            prop_assert_eq!(judge(&differences), judge(&shuffled));
        }

        #[test]
        fn a_failing_after_binary_never_passes(
            differences in prop::collection::vec(-2.0..2.0_f64, 0..30),
            after_failures in 1..5_usize,
            threshold_percent in 0.0..50.0_f64,
        ) {
            for plan in every_plan() {
                let found = decide(&plan, of(&differences, after_failures), margin(threshold_percent));
                prop_assert!(!matches!(found.verdict, Some(NotRegressed | NoRegressionFound)));
            }
        }

        #[test]
        fn every_record_as_long_as_its_plan_is_final(
            differences in prop::collection::vec(-2.0..2.0_f64, 24..30),
        ) {
            prop_assert!(judge(&differences).is_some());
        }

        #[test]
        fn pairs_to_settle_are_more_than_there_are(
            differences in prop::collection::vec(-2.0..2.0_f64, 0..30),
        ) {
            if let Some(look) = decide(&full_plan(), of(&differences, 0), margin(5.0)).look {
                prop_assert!(look.pairs_to_settle.is_none_or(|needed| needed > look.pairs));
            }
        }
    }

    type Noise = fn(&mut Random, &mut f64) -> f64;

    /// With a margin of zero only the lower bound stands between noise and a false alarm.
    fn assert_false_alarms_are_within_alpha(noise: Noise) {
        assert_within_alpha(Regressed, noise, 0.0);
    }

    fn assert_false_clearances_are_within_alpha(noise: Noise) {
        assert_within_alpha(NotRegressed, noise, margin(5.0));
    }

    /// Under every plan, the change and the margin being the same.
    fn assert_within_alpha(verdict: PairedVerdict, noise: Noise, change: f64) {
        for plan in every_plan() {
            let sessions = |random: &mut Random| session(random, noise, change, 0.3);
            let found = share_of(verdict, &plan, sessions, change);
            assert!(found <= 0.02 + LUCK, "{plan:?}: {found}");
            assert!(found > 0.001, "the test is blind: {plan:?}: {found}");
        }
    }

    /// The shares of the sessions of the default plan that end with each verdict, where all of P99's noise varies by
    /// `deviation` (as a logarithm), P95's by half of that, and both are slower by `change`.
    fn verdicts(noise: Noise, deviation: f64, change: f64) -> impl Fn(&[PairedVerdict]) -> f64 {
        let mut random = Random(20_261);
        let ended: Vec<PairedVerdict> = (0..SESSIONS)
            .map(|_| {
                let p99 = session(&mut random, noise, change, deviation);
                let p95 = session(&mut random, noise, change, deviation / 2.0);
                match decide(&PLAN, with_p95(&p99, &p95), margin(5.0)).verdict {
                    Some(verdict) => verdict,
                    None => panic!("a whole record is open"),
                }
            })
            .collect();
        move |wanted| {
            let hits = ended.iter().filter(|verdict| wanted.contains(verdict)).map(|_| 1.0);
            hits.sum::<f64>() / f64::from(SESSIONS)
        }
    }

    /// Of the noise of ln(P99 after / P99 before) in a duet.
    const DEVIATIONS: [f64; 2] = [0.05, 0.08];
    const PASSES: [PairedVerdict; 2] = [NotRegressed, NoRegressionFound];

    fn assert_unchanged_servers_pass(noise: Noise) {
        for deviation in DEVIATIONS {
            let share = verdicts(noise, deviation, 0.0);
            assert!(share(&[Regressed]) <= 0.01, "{deviation}: {}", share(&[Regressed]));
            assert!(share(&PASSES) >= 0.97, "{deviation}: {}", share(&PASSES));
        }
    }

    fn assert_ten_per_cent_are_found(noise: Noise) {
        for deviation in DEVIATIONS {
            let share = verdicts(noise, deviation, margin(10.0));
            assert!(share(&[Regressed]) >= 0.9, "{deviation}: {}", share(&[Regressed]));
            assert!(share(&PASSES) <= 0.02, "{deviation}: {}", share(&PASSES));
        }
    }

    fn share_of(
        verdict: PairedVerdict,
        plan: &Plan,
        mut differences: impl FnMut(&mut Random) -> Vec<f64>,
        margin: f64,
    ) -> f64 {
        let mut random = Random(20_251);
        let hits = (0..SESSIONS)
            .map(|_| differences(&mut random))
            .filter(|session| decide(plan, of(session, 0), margin).verdict == Some(verdict))
            .map(|_| 1.0)
            .sum::<f64>();
        hits / f64::from(SESSIONS)
    }

    /// As many pairs as any plan takes, of `noise` times `scale`, around `centre`.
    fn session(random: &mut Random, noise: Noise, centre: f64, scale: f64) -> Vec<f64> {
        let mut loudness = 1.0;
        (0..40).map(|_| centre + scale * noise(random, &mut loudness)).collect()
    }

    fn normal(random: &mut Random, _: &mut f64) -> f64 {
        // Box and Muller's transform.
        let radius = (-2.0 * random.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * random.uniform()).cos()
    }

    fn cauchy(random: &mut Random, _: &mut f64) -> f64 {
        (std::f64::consts::PI * (random.uniform() - 0.5)).tan()
    }

    /// Long quiet spells and long loud ones, ten times as loud: neighbours resemble each other.
    fn bursty(random: &mut Random, loudness: &mut f64) -> f64 {
        if random.uniform() < 0.2 {
            *loudness = if *loudness > 1.0 { 1.0 } else { 10.0 };
        }
        *loudness * normal(random, &mut 1.0)
    }

    /// The deviation of noise of which a tenth is three times as loud.
    const LOUD_TENTH: f64 = 1.341_640_786_499_874;

    /// A tenth of the pairs are three times as loud; the deviation of all is 1.
    fn heavy_tailed(random: &mut Random, _: &mut f64) -> f64 {
        let loudness = if random.uniform() < 0.1 { 3.0 } else { 1.0 };
        loudness * normal(random, &mut 1.0) / LOUD_TENTH
    }

    /// The same, where the loud pairs come in spells of three.
    fn in_spells(random: &mut Random, loudness: &mut f64) -> f64 {
        let ends = if *loudness > 1.0 { 1.0 / 3.0 } else { 1.0 / 27.0 };
        if random.uniform() < ends {
            *loudness = if *loudness > 1.0 { 1.0 } else { 3.0 };
        }
        *loudness * normal(random, &mut 1.0) / LOUD_TENTH
    }

    /// Sebastiano Vigna's splitmix64: enough for noise, and the same on every machine.
    struct Random(u64);

    impl Random {
        /// Strictly between 0 and 1.
        fn uniform(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut bits = self.0;
            bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            bits ^= bits >> 31;
            let high = u32::try_from(bits >> 32).unwrap();
            (f64::from(high) + 0.5) / 4_294_967_296.0
        }
    }
}
