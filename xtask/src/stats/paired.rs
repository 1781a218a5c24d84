//! What a record of interleaved pairs says: keep measuring, or a verdict.
//!
//! The plan (when to look, and how sure to be at each look) is fixed when a record is opened. The
//! first look at which a verdict falls is the verdict: pairs measured beyond it do not change it,
//! so a record that was continued says the same as one that was never interrupted.

use crate::stats::numbers::exceeds;
use crate::stats::signed_rank::{self, Interval};

/// When a record is looked at, and how sure each look has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    looks: &'static [usize],
    family_alpha: f64,
    failures_that_end: usize,
}

impl Plan {
    /// A plan that looks at these numbers of pairs, ascending, with an error probability of `family_alpha` (0 to 1)
    /// in all, and that ends at the given number of failed runs of the after server: a single one may be an accident.
    pub(crate) const fn new(
        looks: &'static [usize],
        family_alpha: f64,
        failures_that_end: usize,
    ) -> Self {
        Self { looks, family_alpha, failures_that_end }
    }

    /// The same plan, ended at `max_pairs`; `None` unless that is one of its looks.
    #[must_use]
    pub fn up_to(self, max_pairs: usize) -> Option<Self> {
        let last = self.looks.iter().position(|look| *look == max_pairs)?;
        Some(Self { looks: self.looks.get(..=last)?, ..self })
    }

    /// The numbers of pairs at which to look, ascending.
    #[must_use]
    pub fn looks(&self) -> &'static [usize] {
        self.looks
    }

    /// The error probability, 0 to 1, of either bound at each look: an equal share of that of all looks (Bonferroni),
    /// which holds however much one look resembles the next.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a handful of looks")]
    pub(crate) fn alpha(&self) -> f64 {
        self.family_alpha / self.looks.len() as f64
    }

    /// The number of pairs after which the verdict is final in any case.
    #[must_use]
    pub fn last_look(&self) -> usize {
        self.looks.last().copied().unwrap_or(0)
    }

    fn next_look(&self, pairs: usize) -> Option<usize> {
        self.looks.iter().copied().find(|look| *look > pairs)
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
    /// Not settled by the last look; the estimate is beyond the margin. Also where a difference
    /// was not a number, since nothing can be cleared by that.
    Suspected,
    /// The after binary failed to run, which forbids a pass.
    AfterFails,
}

/// The next step of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Measure until there are `next_look` pairs, and look again.
    Continue {
        /// Pairs in all, not pairs to add.
        next_look: usize,
    },
    /// Stop: this is the verdict.
    Final(PairedVerdict),
}

/// The result of one look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// The pairs it used, counted from the first.
    pub pairs: usize,
    /// ln(P99 after / P99 before), with its bounds at the plan's alpha.
    pub interval: Interval,
    /// About how many pairs in all would settle the question, on a machine as noisy as it was so
    /// far. `None` when it is settled, or when no number of pairs would: the change is as large as
    /// the margin.
    pub(crate) pairs_to_settle: Option<usize>,
}

impl Look {
    /// The smallest change, as a logarithm of a ratio, that this many pairs distinguish from none.
    #[must_use]
    pub(crate) fn resolution(&self) -> f64 {
        self.interval.half_width()
    }
}

/// The progress of a record, and what it rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assessment {
    /// Measure on, or the verdict.
    pub progress: Progress,
    /// The look that decided, or the latest one reached; `None` before the first.
    pub look: Option<Look>,
}

/// Judges a record.
///
/// `differences` are ln(P99 after / P99 before) in the order the pairs were measured (see
/// [`difference`]), `margin` the smallest slow-down that matters, as a logarithm (see [`margin`]),
/// and `after_failures` the number of runs of the after binary that failed so far.
#[must_use]
pub fn decide(plan: &Plan, differences: &[f64], margin: f64, after_failures: usize) -> Assessment {
    let mut assessment = Assessment {
        progress: Progress::Continue { next_look: plan.next_look(0).unwrap_or(0) },
        look: None,
    };
    for pairs in plan.looks {
        let Some(seen) = differences.get(..*pairs) else {
            break;
        };
        assessment = look_at(plan, seen, margin);
        if matches!(assessment.progress, Progress::Final(_)) {
            break;
        }
    }
    assessment.progress = with_failures(plan, assessment.progress, after_failures);
    assessment
}

/// ln(after / before) of two P99 figures, in any one unit; `None` unless both are positive and
/// finite.
#[must_use]
pub(crate) fn difference(before: f64, after: f64) -> Option<f64> {
    let ratio_exists = [before, after].iter().all(|p99| p99.is_finite() && *p99 > 0.0);
    ratio_exists.then(|| after.ln() - before.ln())
}

/// The margin that belongs to a threshold in per cent: 5 gives ln 1.05.
#[must_use]
pub fn margin(threshold_percent: f64) -> f64 {
    (threshold_percent / 100.0).ln_1p()
}

/// The change in per cent that belongs to the logarithm of a ratio: ln 1.05 gives 5.
#[must_use]
pub(crate) fn percent(ln_ratio: f64) -> f64 {
    ln_ratio.exp_m1() * 100.0
}

/// The decision of one look, on exactly the pairs it is for.
fn look_at(plan: &Plan, differences: &[f64], margin: f64) -> Assessment {
    let Some(interval) = signed_rank::interval(differences, plan.alpha()) else {
        return Assessment { progress: Progress::Final(PairedVerdict::Suspected), look: None };
    };
    let beyond_margin = exceeds(interval.estimate, margin);
    let progress = if exceeds(interval.lower, 0.0) && beyond_margin {
        Progress::Final(PairedVerdict::Regressed)
    } else if !exceeds(interval.upper, margin) {
        Progress::Final(PairedVerdict::NotRegressed)
    } else if let Some(next_look) = plan.next_look(differences.len()) {
        Progress::Continue { next_look }
    } else if beyond_margin {
        Progress::Final(PairedVerdict::Suspected)
    } else {
        Progress::Final(PairedVerdict::NoRegressionFound)
    };
    let settled =
        matches!(progress, Progress::Final(PairedVerdict::Regressed | PairedVerdict::NotRegressed));
    Assessment {
        progress,
        look: Some(Look {
            pairs: differences.len(),
            interval,
            pairs_to_settle: if settled {
                None
            } else {
                pairs_to_settle(differences.len(), &interval, margin)
            },
        }),
    }
}

/// The width of the interval shrinks with the square root of the number of pairs, so it takes
/// `pairs` * (half-width / distance)^2 of them until it clears the bound in question: the margin
/// for an estimate within it, zero for one beyond it.
fn pairs_to_settle(pairs: usize, interval: &Interval, margin: f64) -> Option<usize> {
    let distance = if exceeds(interval.estimate, margin) {
        interval.estimate
    } else {
        margin - interval.estimate
    };
    if !exceeds(distance, 0.0) {
        return None;
    }
    let growth = (interval.half_width() / distance).powi(2);
    // A lopsided interval can make the rule of thumb say that the pairs at hand were enough. They
    // were not, so it takes at least one more.
    Some(times_rounded_up(pairs, growth)?.max(pairs + 1))
}

/// `None` when the product is too large to mean anything.
fn times_rounded_up(pairs: usize, factor: f64) -> Option<usize> {
    let rounded = (f64::from(u32::try_from(pairs).ok()?) * factor).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within the range of u32"
    )]
    (0.0..f64::from(u32::MAX)).contains(&rounded).then_some(rounded as usize)
}

/// A failing after binary is news, not noise: it ends the session when it happens again, and until
/// then it only takes the pass away. The second failure comes before any verdict on the pairs: a
/// record that has two of them had no verdict yet when the second one happened.
fn with_failures(plan: &Plan, progress: Progress, after_failures: usize) -> Progress {
    use PairedVerdict::{AfterFails, NoRegressionFound, NotRegressed};
    match progress {
        _ if after_failures >= plan.failures_that_end => Progress::Final(AfterFails),
        Progress::Final(NotRegressed | NoRegressionFound) if after_failures > 0 => {
            Progress::Final(AfterFails)
        }
        as_it_was => as_it_was,
    }
}

#[cfg(test)]
mod tests {
    use super::PairedVerdict::*;
    use super::*;
    use proptest::prelude::*;

    /// The law's: docs/architecture.md names it.
    const PLAN: Plan = Plan::new(&[6, 10, 16], 0.05, 2);
    const SESSIONS: u32 = 2000;
    /// Three standard errors of a rate of five per cent in so many sessions.
    const LUCK: f64 = 0.015;

    fn full_plan() -> Plan {
        PLAN.up_to(16).unwrap()
    }

    fn judge(differences: &[f64]) -> Progress {
        decide(&full_plan(), differences, margin(5.0), 0).progress
    }

    /// Pairs that scatter evenly around `centre`, the same for every two pairs.
    fn scattered(centre: f64, spread: f64, pairs: usize) -> Vec<f64> {
        (0..pairs).map(|pair| centre + if pair % 2 == 0 { spread } else { -spread }).collect()
    }

    #[test]
    fn a_plan_ends_at_one_of_the_looks_and_nowhere_else() {
        let looks = |max_pairs| PLAN.up_to(max_pairs).map(|plan| plan.looks().to_vec());
        assert_eq!(looks(6), Some(vec![6]));
        assert_eq!(looks(10), Some(vec![6, 10]));
        assert_eq!(looks(16), Some(vec![6, 10, 16]));
        for between in [0, 1, 5, 7, 15, 17, usize::MAX] {
            assert_eq!(looks(between), None, "{between}");
        }
    }

    #[test]
    fn the_looks_of_a_plan_share_five_per_cent() {
        for (max_pairs, share) in [(6, 0.05), (10, 0.025), (16, 0.05 / 3.0)] {
            let plan = PLAN.up_to(max_pairs).unwrap();
            assert!((plan.alpha() - share).abs() < 1e-15);
            assert_eq!(plan.last_look(), max_pairs);
        }
    }

    #[test]
    fn before_the_first_look_measuring_goes_on() {
        for pairs in 0..6 {
            let found = decide(&full_plan(), &vec![9.0; pairs], margin(5.0), 0);
            assert_eq!(found.progress, Progress::Continue { next_look: 6 });
            assert_eq!(found.look, None);
        }
    }

    #[test]
    fn six_pairs_surely_slower_and_beyond_the_margin_are_regressed() {
        assert_eq!(judge(&scattered(0.20, 0.10, 6)), Progress::Final(Regressed));
    }

    #[test]
    fn surely_slower_but_within_the_margin_is_not_regressed() {
        assert_eq!(judge(&scattered(0.02, 0.01, 6)), Progress::Final(NotRegressed));
    }

    #[test]
    fn surely_faster_is_not_regressed() {
        assert_eq!(judge(&scattered(-0.3, 0.1, 6)), Progress::Final(NotRegressed));
    }

    #[test]
    fn between_looks_measuring_goes_on_to_the_next() {
        let noise = scattered(0.0, 0.5, 16);
        for (pairs, next_look) in [(6, 10), (7, 10), (9, 10), (10, 16), (15, 16)] {
            assert_eq!(judge(&noise[..pairs]), Progress::Continue { next_look }, "{pairs}");
        }
    }

    #[test]
    fn between_looks_the_latest_look_is_shown_and_later_pairs_are_not_in_it() {
        let mut differences = scattered(0.0, 0.5, 10);
        let at_the_look = decide(&full_plan(), &differences, margin(5.0), 0).look.unwrap();
        differences.extend([7.0, 8.0, 9.0]);
        let later = decide(&full_plan(), &differences, margin(5.0), 0).look.unwrap();
        assert_eq!(at_the_look.pairs, 10);
        assert_eq!(at_the_look, later);
    }

    #[test]
    fn noise_around_no_change_ends_without_a_regression_found() {
        assert_eq!(judge(&scattered(0.0, 0.5, 16)), Progress::Final(NoRegressionFound));
    }

    #[test]
    fn noise_around_a_large_change_ends_suspected() {
        assert_eq!(judge(&scattered(0.1, 0.5, 16)), Progress::Final(Suspected));
    }

    #[test]
    fn a_change_equal_to_the_margin_passes() {
        assert_eq!(judge(&[margin(5.0); 6]), Progress::Final(NotRegressed));
    }

    #[test]
    fn a_change_just_beyond_the_margin_regresses() {
        assert_eq!(judge(&[margin(5.001); 6]), Progress::Final(Regressed));
    }

    #[test]
    fn competitive_mode_lets_more_pass() {
        let differences = [margin(8.0); 6];
        let competitive = decide(&full_plan(), &differences, margin(10.0), 0);
        assert_eq!(judge(&differences), Progress::Final(Regressed));
        assert_eq!(competitive.progress, Progress::Final(NotRegressed));
    }

    #[test]
    fn a_shorter_plan_is_final_at_its_own_last_look() {
        let noise = scattered(0.0, 0.5, 10);
        let plan = PLAN.up_to(10).unwrap();
        let found = decide(&plan, &noise, margin(5.0), 0).progress;
        assert_eq!(found, Progress::Final(NoRegressionFound));
    }

    #[test]
    fn a_difference_that_is_no_number_is_never_a_pass() {
        for broken in [f64::NAN, f64::NEG_INFINITY] {
            let mut differences = scattered(-0.3, 0.1, 16);
            differences[3] = broken;
            assert_eq!(judge(&differences), Progress::Final(Suspected));
        }
    }

    #[test]
    fn one_failure_of_after_turns_a_pass_into_a_failure() {
        for passing in [scattered(-0.3, 0.1, 6), scattered(0.0, 0.5, 16)] {
            let found = decide(&full_plan(), &passing, margin(5.0), 1).progress;
            assert_eq!(found, Progress::Final(AfterFails));
        }
    }

    #[test]
    fn one_failure_of_after_lets_measuring_go_on() {
        let found = decide(&full_plan(), &scattered(0.0, 0.5, 6), margin(5.0), 1).progress;
        assert_eq!(found, Progress::Continue { next_look: 10 });
    }

    #[test]
    fn one_failure_of_after_leaves_what_is_not_a_pass() {
        for (differences, verdict) in
            [(scattered(0.2, 0.1, 6), Regressed), (scattered(0.1, 0.5, 16), Suspected)]
        {
            let found = decide(&full_plan(), &differences, margin(5.0), 1).progress;
            assert_eq!(found, Progress::Final(verdict));
        }
    }

    #[test]
    fn two_failures_of_after_end_the_session_at_once() {
        for pairs in [0, 3, 6, 16] {
            let differences = scattered(-0.3, 0.1, pairs);
            let found = decide(&full_plan(), &differences, margin(5.0), 2).progress;
            assert_eq!(found, Progress::Final(AfterFails), "{pairs} pairs");
        }
    }

    #[test]
    fn an_unsettled_estimate_within_the_margin_names_the_pairs_that_would_pass_it() {
        let differences = scattered(0.0, 0.5, 16);
        let look = decide(&full_plan(), &differences, margin(5.0), 0).look.unwrap();
        // Sixteen pairs of +-0.5: the bounds are -0.5 and 0.5, the estimate is 0.
        let formula = 16.0 * (0.5 / 1.05_f64.ln()).powi(2);
        assert!((look.resolution() - 0.5).abs() < 1e-12);
        assert!((1680.0..1681.0).contains(&formula));
        assert_eq!(look.pairs_to_settle, Some(1681));
    }

    #[test]
    fn a_suspicion_names_the_pairs_that_would_find_it() {
        let differences = scattered(0.25, 0.5, 16);
        let look = decide(&full_plan(), &differences, margin(5.0), 0).look.unwrap();
        // 16 * (0.5 / 0.25)^2
        assert_eq!(look.pairs_to_settle, Some(64));
    }

    #[test]
    fn a_lopsided_record_that_did_not_settle_asks_for_at_least_one_pair_more() {
        // Twelve of 0.12 and four of -0.13: the bounds are -0.005 and 0.12, the estimate is 0.12,
        // and 16 * (0.0625 / 0.12)^2 is less than the sixteen that were not enough.
        let differences = [[0.12, 0.12, 0.12, -0.13]; 4].concat();
        let found = decide(&full_plan(), &differences, margin(5.0), 0);
        assert_eq!(found.progress, Progress::Final(Suspected));
        assert_eq!(found.look.unwrap().pairs_to_settle, Some(17));
    }

    #[test]
    fn no_number_of_pairs_settles_a_change_of_exactly_the_margin() {
        let differences = scattered(margin(5.0), 0.5, 16);
        let look = decide(&full_plan(), &differences, margin(5.0), 0).look.unwrap();
        assert_eq!(look.pairs_to_settle, None);
    }

    #[test]
    fn a_settled_record_asks_for_no_more_pairs() {
        for settled in [scattered(0.2, 0.1, 6), scattered(-0.3, 0.1, 6)] {
            let look = decide(&full_plan(), &settled, margin(5.0), 0).look.unwrap();
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

    proptest! {
        #[test]
        fn pairs_beyond_the_final_look_never_change_the_verdict(
            differences in prop::collection::vec(-0.3..0.4_f64, 16),
            beyond in prop::collection::vec(-9.0..9.0_f64, 0..20),
            after_failures in 0..2_usize,
        ) {
            let ended = decide(&full_plan(), &differences, margin(5.0), after_failures);
            let used = ended.look.unwrap().pairs;
            let continued = [&differences[..used], &beyond].concat();
            prop_assert_eq!(decide(&full_plan(), &continued, margin(5.0), after_failures), ended);
        }

        #[test]
        fn a_record_grown_pair_by_pair_ends_where_the_whole_one_does(
            differences in prop::collection::vec(-0.3..0.4_f64, 16),
        ) {
            let grown = (0..=16)
                .map(|pairs| judge(&differences[..pairs]))
                .find(|progress| matches!(progress, Progress::Final(_)));
            prop_assert_eq!(grown, Some(judge(&differences)));
        }

        #[test]
        fn exchanging_pairs_within_the_first_look_changes_nothing(
            (differences, shuffled) in prop::collection::vec(-0.3..0.4_f64, 6)
                .prop_flat_map(|d| (Just(d.clone()), Just(d).prop_shuffle())),
        ) {
            prop_assert_eq!(judge(&differences), judge(&shuffled));
        }

        #[test]
        fn a_failing_after_binary_never_passes(
            differences in prop::collection::vec(-2.0..2.0_f64, 0..20),
            after_failures in 1..5_usize,
            threshold_percent in 0.0..50.0_f64,
        ) {
            for plan in [6, 10, 16].map(|look| PLAN.up_to(look).unwrap()) {
                let found = decide(&plan, &differences, margin(threshold_percent), after_failures);
                prop_assert!(!matches!(found.progress, Progress::Final(NotRegressed | NoRegressionFound)));
            }
        }

        #[test]
        fn every_record_as_long_as_its_plan_is_final(
            differences in prop::collection::vec(-2.0..2.0_f64, 16..20),
        ) {
            prop_assert!(matches!(judge(&differences), Progress::Final(_)));
        }

        #[test]
        fn pairs_to_settle_are_more_than_there_are(
            differences in prop::collection::vec(-2.0..2.0_f64, 0..20),
        ) {
            if let Some(look) = decide(&full_plan(), &differences, margin(5.0), 0).look {
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
        for plan in [6, 10, 16].map(|look| PLAN.up_to(look).unwrap()) {
            let sessions = |random: &mut Random| session(random, noise, change, 0.3);
            let found = share_of(verdict, &plan, sessions, change);
            assert!(found <= 0.05 + LUCK, "{plan:?}: {found}");
            assert!(found > 0.005, "the test is blind: {plan:?}: {found}");
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
            .filter(|session| decide(plan, session, margin, 0).progress == Progress::Final(verdict))
            .map(|_| 1.0)
            .sum::<f64>();
        hits / f64::from(SESSIONS)
    }

    /// Sixteen pairs of `noise` times `scale`, around `centre`.
    fn session(random: &mut Random, noise: Noise, centre: f64, scale: f64) -> Vec<f64> {
        let mut loudness = 1.0;
        (0..16).map(|_| centre + scale * noise(random, &mut loudness)).collect()
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
