//! The decision table, row by row; what cannot be judged; and which runs are taken.

use crate::common::Checkout;
use crate::common::documents::NEO4J_MS;
use crate::common::recording::{Recording, result_file};

/// Judges two sides' figures without any file.
mod on_figures {
    use crate::common::judged::exit_code;
    use xtask::judge::verdict::{Figures, Metric, Standing, Verdict, judge};
    use xtask::model::names::Mode;

    /// A round baseline: its per cents are milliseconds.
    pub const BASELINE_MS: f64 = 100.0;
    /// Far below the slack in comparisons.
    pub const WITHIN_SLACK: f64 = 5e-10;
    /// Above the slack, and far below anything that can be measured.
    pub const BEYOND_SLACK: f64 = 2e-9;

    pub fn figures(p99_ms: f64, throughput: f64, error_rate: f64) -> Figures {
        Figures { p99_ms, throughput, error_rate }
    }

    pub fn internal(before: Figures, after: Figures) -> Verdict {
        judge(Mode::Internal, [before, after], None, None)
    }

    pub fn competitive(before: Figures, after: Figures) -> Verdict {
        let baseline = Some(BASELINE_MS);
        judge(Mode::Competitive, [before, after], baseline, None)
    }

    fn standing(verdict: &Verdict) -> Option<Standing> {
        Some(verdict.position?.standing)
    }

    #[track_caller]
    fn assert_row(verdict: Verdict, regressed: &[Metric], wanted: Standing, code: u8) {
        assert_eq!(verdict.regressed, regressed);
        assert_eq!(standing(&verdict), Some(wanted));
        assert_eq!(exit_code(verdict), code);
    }

    /// A row of the decision table each.
    mod rows {
        use super::*;

        #[test]
        fn internal_and_clean_is_0() {
            let verdict = internal(figures(10.0, 1000.0, 0.0), figures(10.2, 990.0, 0.0));
            assert_eq!((verdict.regressed.as_slice(), verdict.position), (&[][..], None));
            assert_eq!(exit_code(verdict), 0);
        }

        #[test]
        fn internal_and_regressed_is_1() {
            let verdict = internal(figures(10.0, 1000.0, 0.0), figures(10.6, 1000.0, 0.0));
            assert_eq!(verdict.regressed, [Metric::P99]);
            assert_eq!(exit_code(verdict), 1);
        }

        #[test]
        fn competitive_clean_with_the_advantage_maintained_is_0() {
            let verdict = competitive(figures(40.0, 500.0, 0.0), figures(41.0, 490.0, 0.0));
            assert_row(verdict, &[], Standing::Maintained, 0);
        }

        #[test]
        fn competitive_clean_and_still_behind_is_0() {
            let verdict = competitive(figures(120.0, 500.0, 0.0), figures(121.0, 500.0, 0.0));
            assert_row(verdict, &[], Standing::StillBehind, 0);
        }

        #[test]
        fn competitive_clean_with_the_positioning_degraded_is_2() {
            let verdict = competitive(figures(80.0, 500.0, 0.0), figures(86.0, 500.0, 0.0));
            assert_row(verdict, &[], Standing::Degraded, 2);
        }

        #[test]
        fn competitive_clean_and_fallen_behind_the_competitor_is_2() {
            let verdict = competitive(figures(98.0, 500.0, 0.0), figures(101.0, 500.0, 0.0));
            assert_row(verdict, &[], Standing::Slower, 2);
        }

        #[test]
        fn competitive_regressed_with_the_positioning_degraded_is_2() {
            let verdict = competitive(figures(40.0, 500.0, 0.0), figures(44.5, 500.0, 0.0));
            assert_row(verdict, &[Metric::P99], Standing::Degraded, 2);
        }

        #[test]
        fn competitive_regressed_and_slower_than_the_competitor_is_2() {
            let verdict = competitive(figures(120.0, 500.0, 0.0), figures(140.0, 500.0, 0.0));
            assert_row(verdict, &[Metric::P99], Standing::Slower, 2);
        }

        #[test]
        fn competitive_regressed_with_the_advantage_maintained_is_2() {
            let verdict = competitive(figures(40.0, 500.0, 0.0), figures(40.0, 400.0, 0.0));
            assert_row(verdict, &[Metric::Throughput], Standing::Maintained, 2);
        }
    }

    /// What the rows leave to be said of the levels.
    mod levels {
        use super::*;

        #[test]
        fn all_metrics_that_regressed_are_reported() {
            let verdict = internal(figures(10.0, 1000.0, 0.0), figures(20.0, 500.0, 0.5));
            assert_eq!(verdict.regressed, [Metric::P99, Metric::Throughput, Metric::ErrorRate]);
        }

        #[test]
        fn getting_better_is_no_regression_however_much() {
            let verdict = competitive(figures(90.0, 100.0, 0.1), figures(1.0, 9000.0, 0.0));
            assert_row(verdict, &[], Standing::Maintained, 0);
        }

        #[test]
        fn a_server_that_answers_nothing_but_errors_has_regressed() {
            let verdict = internal(figures(10.0, 1000.0, 0.0), figures(0.1, 2000.0, 1.0));
            assert_eq!(verdict.regressed, [Metric::ErrorRate]);
        }

        #[test]
        fn a_server_that_answers_nothing_has_regressed() {
            let verdict = internal(figures(10.0, 1000.0, 0.0), figures(10.0, 0.0, 0.0));
            assert_eq!(verdict.regressed, [Metric::Throughput]);
        }

        #[test]
        fn behind_before_and_regressed_is_slower_and_not_still_behind() {
            let verdict = competitive(figures(120.0, 500.0, 0.0), figures(121.0, 400.0, 0.0));
            assert_row(verdict, &[Metric::Throughput], Standing::Slower, 2);
        }

        #[test]
        fn behind_and_further_behind_by_too_much_is_degraded() {
            let verdict = competitive(figures(120.0, 500.0, 0.0), figures(126.0, 500.0, 0.0));
            assert_row(verdict, &[], Standing::Degraded, 2);
        }

        #[test]
        fn a_regression_and_any_fall_of_the_speedup_is_degraded() {
            let verdict = competitive(figures(40.0, 500.0, 0.0), figures(40.001, 400.0, 0.0));
            assert_row(verdict, &[Metric::Throughput], Standing::Degraded, 2);
        }

        #[test]
        fn the_same_small_fall_of_the_speedup_without_a_regression_is_not() {
            let verdict = competitive(figures(40.0, 500.0, 0.0), figures(40.001, 500.0, 0.0));
            assert_row(verdict, &[], Standing::Maintained, 0);
        }

        #[test]
        fn far_from_the_competitor_the_change_is_stricter_and_near_it_the_position() {
            let half = BASELINE_MS / 2.0;
            let (below, above) = (half - 10.0, half + 10.0);
            let exit = |before: f64, rise: f64| {
                exit_code(competitive(
                    figures(before, 500.0, 0.0),
                    figures(before + rise, 500.0, 0.0),
                ))
            };
            assert_eq!((exit(below, 4.5), exit(above, 4.5)), (2, 0));
            assert_eq!((exit(below, 3.5), exit(above, 5.5)), (0, 2));
        }
    }

    /// Equality passes, as does what the slack allows; what is beyond does not.
    mod thresholds {
        use super::*;

        fn internal_p99(after: f64) -> Vec<Metric> {
            internal(figures(100.0, 1000.0, 0.0), figures(after, 1000.0, 0.0)).regressed
        }

        fn competitive_p99(after: f64) -> Vec<Metric> {
            competitive(figures(10.0, 1000.0, 0.0), figures(after, 1000.0, 0.0)).regressed
        }

        fn internal_throughput(after: f64) -> Vec<Metric> {
            internal(figures(10.0, 100.0, 0.0), figures(10.0, after, 0.0)).regressed
        }

        fn competitive_throughput(after: f64) -> Vec<Metric> {
            competitive(figures(10.0, 100.0, 0.0), figures(10.0, after, 0.0)).regressed
        }

        fn error_rate(mode: Mode, after: f64) -> Vec<Metric> {
            let (before, after) = (figures(10.0, 100.0, 0.0), figures(10.0, 100.0, after));
            judge(mode, [before, after], Some(BASELINE_MS), None).regressed
        }

        fn position(before: f64, after: f64) -> Option<Standing> {
            let verdict = competitive(figures(before, 500.0, 0.0), figures(after, 500.0, 0.0));
            assert_eq!(verdict.regressed, []);
            standing(&verdict)
        }

        #[test]
        fn internal_p99_may_rise_by_5_percent() {
            assert_eq!(internal_p99(105.0), []);
            assert_eq!(internal_p99(105.0 + WITHIN_SLACK), []);
        }

        #[test]
        fn internal_p99_must_not_rise_by_more() {
            assert_eq!(internal_p99(105.0 + BEYOND_SLACK), [Metric::P99]);
        }

        #[test]
        fn competitive_p99_may_rise_by_10_percent() {
            assert_eq!(competitive_p99(11.0), []);
            assert_eq!(competitive_p99(11.0 + WITHIN_SLACK / 10.0), []);
        }

        #[test]
        fn competitive_p99_must_not_rise_by_more() {
            assert_eq!(competitive_p99(11.0 + BEYOND_SLACK / 10.0), [Metric::P99]);
        }

        #[test]
        fn internal_throughput_may_fall_by_5_percent() {
            assert_eq!(internal_throughput(95.0), []);
            assert_eq!(internal_throughput(95.0 - WITHIN_SLACK), []);
        }

        #[test]
        fn internal_throughput_must_not_fall_by_more() {
            assert_eq!(internal_throughput(95.0 - BEYOND_SLACK), [Metric::Throughput]);
        }

        #[test]
        fn competitive_throughput_may_fall_by_10_percent() {
            assert_eq!(competitive_throughput(90.0), []);
            assert_eq!(competitive_throughput(90.0 - WITHIN_SLACK), []);
        }

        #[test]
        fn competitive_throughput_must_not_fall_by_more() {
            assert_eq!(competitive_throughput(90.0 - BEYOND_SLACK), [Metric::Throughput]);
        }

        #[test]
        fn the_error_rate_may_rise_by_5_points_in_either_mode() {
            for mode in Mode::ALL {
                assert_eq!(error_rate(mode, 0.05), [], "{mode}");
                assert_eq!(error_rate(mode, 0.05 + WITHIN_SLACK / 100.0), [], "{mode}");
            }
        }

        #[test]
        fn the_error_rate_must_not_rise_by_more_in_either_mode() {
            for mode in Mode::ALL {
                let above = 0.05 + BEYOND_SLACK / 100.0;
                assert_eq!(error_rate(mode, above), [Metric::ErrorRate], "{mode}");
            }
        }

        #[test]
        fn the_error_rate_counts_in_points_and_not_in_per_cent_of_itself() {
            let verdict = internal(figures(10.0, 100.0, 0.01), figures(10.0, 100.0, 0.05));
            assert_eq!(verdict.regressed, []);
        }

        #[test]
        fn the_speedup_may_fall_by_5_points() {
            assert_eq!(position(60.0, 65.0), Some(Standing::Maintained));
            assert_eq!(position(60.0, 65.0 + WITHIN_SLACK), Some(Standing::Maintained));
        }

        #[test]
        fn the_speedup_must_not_fall_by_more() {
            assert_eq!(position(60.0, 65.0 + BEYOND_SLACK), Some(Standing::Degraded));
        }

        #[test]
        fn a_p99_equal_to_the_competitors_is_not_slower() {
            assert_eq!(position(99.0, 100.0), Some(Standing::Maintained));
            assert_eq!(position(99.0, 100.0 + WITHIN_SLACK), Some(Standing::Maintained));
        }

        #[test]
        fn a_p99_above_the_competitors_is_slower() {
            assert_eq!(position(99.0, 100.0 + BEYOND_SLACK), Some(Standing::Slower));
        }

        #[test]
        fn a_before_equal_to_the_competitor_was_not_behind_it() {
            assert_eq!(position(100.0, 101.0), Some(Standing::Slower));
            assert_eq!(position(100.0 + WITHIN_SLACK, 101.0), Some(Standing::Slower));
        }

        #[test]
        fn a_before_above_the_competitor_was_behind_it() {
            assert_eq!(position(100.0 + BEYOND_SLACK, 101.0), Some(Standing::StillBehind));
        }

        #[test]
        fn a_regression_without_any_fall_of_the_speedup_maintains_the_advantage() {
            let at = |after| competitive(figures(40.0, 500.0, 0.0), figures(after, 400.0, 0.0));
            assert_eq!(standing(&at(40.0)), Some(Standing::Maintained));
            assert_eq!(standing(&at(40.0 + WITHIN_SLACK)), Some(Standing::Maintained));
        }

        #[test]
        fn a_regression_with_the_least_fall_of_the_speedup_degrades_it() {
            let after = figures(40.0 + BEYOND_SLACK, 400.0, 0.0);
            let verdict = competitive(figures(40.0, 500.0, 0.0), after);
            assert_eq!(standing(&verdict), Some(Standing::Degraded));
        }
    }
}

/// The specification's three examples, from the files to the last digit that is printed.
mod worked_examples {
    use super::*;
    use xtask::judge::comparison::Judgement;
    use xtask::judge::verdict::{Metric, Standing, Verdict};
    use xtask::report::log;

    /// More digits than any output shows.
    const DIGITS: f64 = 1e-9;

    fn regressing() -> Checkout {
        Checkout::of_two_competitive(
            Recording::figures(10.2, 490.0),
            Recording::figures(11.5, 490.0),
        )
    }

    fn internal() -> Checkout {
        Checkout::of_two(Recording::figures(0.458, 999.88), Recording::figures(0.472, 995.24))
    }

    fn clean() -> Checkout {
        Checkout::of_two_competitive(
            Recording::figures(10.2, 490.0),
            Recording::figures(10.5, 487.0),
        )
    }

    fn verdict(checkout: &Checkout) -> Verdict {
        match checkout.comparison().judgement {
            Judgement::Judged(verdict) => verdict,
            other => panic!("{other:?}"),
        }
    }

    fn log_lines(checkout: &Checkout) -> Vec<String> {
        log::lines(&checkout.comparison()).unwrap()
    }

    #[track_caller]
    fn assert_near(measured: f64, wanted: f64) {
        assert!((measured - wanted).abs() < DIGITS, "{measured} not {wanted}");
    }

    #[test]
    fn from_10_2_to_11_5_ms_is_a_competitive_regression() {
        let verdict = verdict(&regressing());
        assert_near(verdict.change(Metric::P99), 12.745_098_039);
        assert_eq!(verdict.regressed, [Metric::P99]);
        assert_eq!(regressing().exit_code(), 2);
    }

    #[test]
    fn from_10_2_to_11_5_ms_degrades_the_position_from_63_5_to_58_9() {
        let position = verdict(&regressing()).position.unwrap();
        assert_near(position.speedup_before, 63.519_313_305);
        assert_near(position.speedup_after, 58.869_814_020);
        assert_eq!(position.standing, Standing::Degraded);
    }

    #[test]
    fn from_10_2_to_11_5_ms_prints_the_numbers_of_the_specification() {
        let report = regressing().report();
        for wanted in
            ["+12.7%", "before  63.5% faster", "after   58.9% faster", "positioning degraded"]
        {
            assert!(report.contains(wanted), "{wanted} is not in\n{report}");
        }
    }

    #[test]
    fn from_0_458_to_0_472_ms_is_clean() {
        let verdict = verdict(&internal());
        assert_near(verdict.change(Metric::P99), 3.056_768_559);
        assert_near(verdict.change(Metric::Throughput), -0.464_055_687);
        assert_eq!(internal().exit_code(), 0);
    }

    #[test]
    fn from_0_458_to_0_472_ms_is_logged_as_in_the_specification() {
        assert_eq!(
            log_lines(&internal()),
            [
                "Before: P99=0.458ms, 999.88 ops/s",
                "After:  P99=0.472ms, 995.24 ops/s",
                "Change: +3.1%, -0.5%",
                "Status: ✓ Within 5% target",
            ]
        );
    }

    #[test]
    fn from_10_2_to_10_5_ms_is_clean_with_the_advantage_maintained() {
        let verdict = verdict(&clean());
        assert_near(verdict.change(Metric::P99), 2.941_176_471);
        assert_near(verdict.change(Metric::Throughput), -0.612_244_898);
        let position = verdict.position.unwrap();
        assert_near(position.speedup_after, 62.446_351_931);
        assert_eq!(position.standing, Standing::Maintained);
        assert_eq!(clean().exit_code(), 0);
    }

    #[test]
    fn from_10_2_to_10_5_ms_is_logged_as_in_the_specification() {
        assert_eq!(
            log_lines(&clean()),
            [
                "Before: P99=10.2ms, 490 QPS",
                "After:  P99=10.5ms, 487 QPS",
                "Change: +2.9%, -0.6%",
                "vs Neo4j: 62.4% faster (10.5ms vs 27.96ms)",
                "Status: ✓ Competitive advantage maintained",
            ]
        );
    }
}

/// Exit 3, each for its reason.
mod cannot_be_judged {
    use super::*;
    use xtask::model::layout::BASELINES;
    use xtask::model::provenance::Provenance;

    const BEFORE: &str = "007_before_20251108_140000";
    const AFTER: &str = "007_after_20251108_144000";

    fn good() -> Recording {
        Recording::figures(10.0, 1000.0)
    }

    /// On either side: the reasons given, each of its own.
    fn on_either_side(bad: &Recording) -> [String; 2] {
        [
            Checkout::of_two(bad.clone(), good()).reasons(),
            Checkout::of_two(good(), bad.clone()).reasons(),
        ]
    }

    #[track_caller]
    fn assert_on_either_side(bad: &Recording, wanted: &str) {
        for reasons in on_either_side(bad) {
            assert!(reasons.contains(wanted), "{reasons}");
        }
    }

    #[track_caller]
    fn assert_not_comparable(change: fn(&mut Provenance), wanted: &str) {
        let before = || good().of_server("one");
        let after = || good().of_server("two");
        assert_eq!(Checkout::of_two(before(), after()).exit_code(), 0);
        let reasons = Checkout::of_two(before(), after().with(change)).reasons();
        assert!(reasons.contains("not comparable") && reasons.contains(wanted), "{reasons}");
    }

    #[test]
    fn a_missing_before() {
        let checkout = Checkout::to_compare();
        checkout.record(AFTER, good());
        assert_eq!(checkout.reasons(), "there is no before result\n");
    }

    #[test]
    fn a_missing_after() {
        let checkout = Checkout::to_compare();
        checkout.record(BEFORE, good());
        assert_eq!(checkout.reasons(), "there is no after result\n");
    }

    #[test]
    fn an_empty_file() {
        let checkout = Checkout::of_two(good(), good());
        checkout.write(&result_file(AFTER), "");
        assert!(checkout.reasons().starts_with("not readable as JSON"));
    }

    #[test]
    fn json_that_is_cut_off() {
        let checkout = Checkout::of_two(good(), good());
        let whole = good().text();
        checkout.write(&result_file(BEFORE), &whole[..whole.len() / 2]);
        assert!(checkout.reasons().contains("not readable as JSON"));
    }

    #[test]
    fn json_of_another_shape() {
        let checkout = Checkout::of_two(good(), good());
        checkout.write(&result_file(AFTER), "[1, 2]");
        assert_eq!(checkout.reasons(), "`config_name` is missing\n");
    }

    #[test]
    fn a_folder_in_place_of_a_file() {
        let checkout = Checkout::to_compare();
        checkout.record(BEFORE, good());
        std::fs::create_dir(checkout.path(&result_file(AFTER))).unwrap();
        checkout.reasons();
    }

    #[test]
    fn a_missing_number() {
        for key in [
            "elapsed_seconds",
            "total_operations",
            "total_errors",
            "overall_throughput",
            "overall_error_rate",
            "p50_latency_ms",
            "p95_latency_ms",
            "p99_latency_ms",
        ] {
            assert_on_either_side(&good().without_field(key), &format!("`{key}` is missing"));
        }
    }

    #[test]
    fn a_negative_number() {
        for key in ["overall_throughput", "overall_error_rate", "p99_latency_ms"] {
            assert_on_either_side(&good().field(key, -1.0), &format!("`{key}` is negative"));
        }
    }

    #[test]
    fn a_number_that_is_not_finite() {
        for spelling in ["NaN", "Infinity", "1e999"] {
            let checkout = Checkout::of_two(good(), good());
            let text = good().field("p99_latency_ms", "here").text();
            checkout.write(&result_file(AFTER), text.replace("\"here\"", spelling));
            assert!(checkout.reasons().contains("not readable"), "{spelling}");
        }
    }

    #[test]
    fn an_error_rate_above_1() {
        assert_on_either_side(&good().field("overall_error_rate", 1.01), "above 1");
    }

    #[test]
    fn a_before_p99_of_0() {
        let before = good().without_latencies();
        assert!(Checkout::of_two(before, good()).reasons().contains("P99 is 0"));
    }

    /// Stricter than the law, which names the before side alone: no latency recorded is nothing measured.
    #[test]
    fn an_after_p99_of_0() {
        let after = good().without_latencies();
        assert!(Checkout::of_two(good(), after).reasons().contains("P99 is 0"));
    }

    /// Failures after are judged, even where all of them failed.
    #[test]
    fn an_after_without_latencies_that_fails_is_a_regression() {
        let after = good().without_latencies().error_rate(1.0);
        assert_eq!(Checkout::of_two(good(), after).exit_code(), 1);
    }

    #[test]
    fn a_before_throughput_of_0() {
        let before = good().field("overall_throughput", 0.0);
        assert!(Checkout::of_two(before, good()).reasons().contains("throughput is 0"));
    }

    #[test]
    fn an_after_throughput_of_0_is_no_such_reason_but_a_regression() {
        let after = good().field("overall_throughput", 0.0);
        assert_eq!(Checkout::of_two(good(), after).exit_code(), 1);
    }

    #[test]
    fn no_operation_at_all() {
        assert_on_either_side(&good().field("total_operations", 0), "no request was sent");
    }

    #[test]
    fn a_before_with_more_than_10_percent_of_its_requests_failed() {
        let before = good().error_rate(0.1 + 2e-9);
        let reasons = Checkout::of_two(before, good()).reasons();
        assert!(reasons.contains("of the requests FAILED"), "{reasons}");
    }

    #[test]
    fn a_before_with_10_percent_failed_is_no_such_reason() {
        for rate in [0.1, 0.1 + 5e-10] {
            let before = good().error_rate(rate);
            assert_eq!(Checkout::of_two(before, good()).exit_code(), 0, "{rate}");
        }
    }

    #[test]
    fn an_after_that_failed_altogether_is_no_such_reason_but_a_regression() {
        let after = good().error_rate(1.0);
        assert_eq!(Checkout::of_two(good(), after).exit_code(), 1);
    }

    #[test]
    fn another_scenario_by_its_name() {
        let after = good().field("config_name", "Another");
        let reasons = Checkout::of_two(good(), after).reasons();
        assert!(reasons.contains("scenario `M17 Baseline` before, `Another` after"), "{reasons}");
    }

    #[test]
    fn another_scenario_file() {
        assert_not_comparable(
            |provenance| provenance.load.scenario = "scenarios/other.toml".into(),
            "scenario",
        );
    }

    #[test]
    fn another_content_of_the_scenario() {
        assert_not_comparable(
            |provenance| provenance.load.scenario_hash = Some("changed".into()),
            "content",
        );
    }

    #[test]
    fn another_duration() {
        assert_not_comparable(
            |provenance| provenance.load.duration_seconds = 61,
            "duration 60 s before, 61 s after",
        );
    }

    #[test]
    fn another_seed() {
        assert_not_comparable(|provenance| provenance.load.seed = 1, "seed");
    }

    #[test]
    fn another_build_profile() {
        assert_not_comparable(
            |provenance| provenance.build.profile = "dev".into(),
            "build profile release before, dev after",
        );
    }

    #[test]
    fn the_stand_in_against_the_real_server() {
        assert_not_comparable(|provenance| provenance.build.stand_in = true, "stand-in");
    }

    #[test]
    fn without_provenance_a_load_longer_or_shorter_by_more_than_5_percent() {
        for elapsed in [63.0 + 1e-6, 57.0 - 1e-6] {
            let after = good().field("elapsed_seconds", elapsed);
            let reasons = Checkout::of_two(good(), after).reasons();
            assert!(reasons.contains("load of 60.0 s before"), "{elapsed}: {reasons}");
        }
    }

    #[test]
    fn without_provenance_a_load_longer_or_shorter_by_5_percent_is_no_such_reason() {
        // 5 % of 10.2 is less than the difference of 10.2 and 10.71, in binary.
        for (before, after) in [(60.0, 63.0), (60.0, 57.0), (10.2, 10.71)] {
            let at = |elapsed: f64| good().field("elapsed_seconds", elapsed);
            let checkout = Checkout::of_two(at(before), at(after));
            assert_eq!(checkout.exit_code(), 0, "{before} {after}");
        }
    }

    #[test]
    fn without_provenance_there_is_a_warning() {
        let warnings = Checkout::of_two(good(), good()).comparison().warnings;
        assert!(warnings.concat().contains("no provenance"), "{warnings:?}");
    }

    #[test]
    fn a_load_that_did_not_last_as_planned() {
        for elapsed in [63.0 + 1e-6, 57.0 - 1e-6, 0.05] {
            let bad = good().field("elapsed_seconds", elapsed).of_server("two");
            assert_on_either_side(&bad, "of 60 s that were planned");
        }
        let after = good().field("elapsed_seconds", 63.0).of_server("two");
        assert_eq!(Checkout::of_two(good().of_server("one"), after).exit_code(), 0);
    }

    #[test]
    fn the_same_file_content_twice() {
        let checkout = Checkout::of_two(good(), good());
        let before = std::fs::read(checkout.path(&result_file(BEFORE))).unwrap();
        checkout.write(&result_file(AFTER), before);
        assert!(checkout.reasons().contains("same measurement"));
    }

    #[test]
    fn provenance_that_is_cut_off() {
        let checkout = Checkout::of_two(good().of_server("one"), good().of_server("two"));
        let file = checkout.path(&crate::common::recording::diagnosis_file(AFTER));
        let whole = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, &whole[..whole.len() / 2]).unwrap();
        assert!(checkout.reasons().contains("not readable as provenance"));
    }

    #[track_caller]
    fn assert_baseline_refused(document: &str, wanted: &str) {
        let checkout = Checkout::of_two_competitive(good(), good());
        assert_eq!(checkout.exit_code(), 0);
        checkout.write(BASELINES, document);
        let reasons = checkout.reasons();
        assert!(reasons.contains(wanted), "{reasons}");
    }

    #[test]
    fn a_missing_baseline_document() {
        let checkout = Checkout::of_two_competitive(good(), good());
        std::fs::remove_file(checkout.path(BASELINES)).unwrap();
        assert!(checkout.reasons().contains("cannot be read"));
        assert!(checkout.report().contains(BASELINES));
    }

    #[test]
    fn a_baseline_document_without_neo4j() {
        assert_baseline_refused(
            "| System | P99 Latency |\n|---|---|\n| Redis | 8ms |\n",
            "no row for \"Neo4j\"",
        );
    }

    #[test]
    fn two_baselines_that_disagree() {
        assert_baseline_refused(
            "| System | P99 Latency |\n|---|---|\n| Neo4j | 27.96ms |\n| Neo4j | 28ms |\n",
            "the P99 latency of Neo4j is 28ms here",
        );
    }

    #[test]
    fn a_baseline_that_is_a_range() {
        assert_baseline_refused(
            "| System | P99 Latency |\n|---|---|\n| Neo4j | 22-24ms |\n",
            "range",
        );
    }

    #[test]
    fn a_baseline_of_0() {
        assert_baseline_refused(
            "| System | P99 Latency |\n|---|---|\n| Neo4j | 0ms |\n",
            "not a number above zero",
        );
    }

    #[test]
    fn the_internal_mode_needs_no_baseline_document() {
        let checkout = Checkout::of_two(good(), good());
        std::fs::remove_file(checkout.path(BASELINES)).unwrap();
        assert_eq!(checkout.exit_code(), 0);
    }

    #[test]
    fn every_reason_is_given_and_not_only_the_first() {
        let before = good().field("total_operations", 0).field("overall_throughput", 0.0);
        let reasons = Checkout::of_two(before, good().without_field("p99_latency_ms")).reasons();
        assert!(reasons.contains("p99_latency_ms"), "{reasons}");
        let before = good().field("total_operations", 0).field("overall_throughput", 0.0);
        assert_eq!(Checkout::of_two(before, good()).reasons().lines().count(), 2);
    }

    #[test]
    fn the_report_has_the_reason_the_file_and_the_command_that_mends_it() {
        let report = Checkout::of_two(good(), good().without_field("p99_latency_ms")).report();
        for wanted in [
            "CANNOT JUDGE",
            "007_after_20251108_144000.json",
            "`p99_latency_ms` is missing",
            "cargo perf-check 007 after",
        ] {
            assert!(report.contains(wanted), "{wanted} is not in\n{report}");
        }
    }
}

/// The same server on both sides.
mod same_binary {
    use super::*;
    use xtask::judge::comparison::Judgement;

    fn slow_and_fast() -> (Recording, Recording) {
        (Recording::figures(10.0, 1000.0), Recording::figures(20.0, 500.0))
    }

    #[test]
    fn built_for_both_sides_is_0_whatever_the_figures() {
        let (before, after) = slow_and_fast();
        let checkout = Checkout::of_two(before.of_server("one"), after.of_server("one"));
        assert_eq!(checkout.exit_code(), 0);
    }

    #[test]
    fn is_0_in_competitive_mode_too() {
        let (before, after) = slow_and_fast();
        let checkout =
            Checkout::of_two_competitive(before.of_server("one"), after.of_server("one"));
        assert_eq!(checkout.exit_code(), 0);
    }

    #[test]
    fn says_in_the_verdict_line_that_it_is_noise_and_how_much() {
        let (before, after) = slow_and_fast();
        let checkout = Checkout::of_two(before.of_server("one"), after.of_server("one"));
        let report = checkout.report();
        let line = report.split("\n\n").next().unwrap();
        assert!(
            line.contains("+100.0%") && line.contains("nothing compared but this machine's noise"),
            "{line}"
        );
    }

    #[test]
    fn not_built_on_one_side_is_3() {
        for stale in [0, 1] {
            let mut sides =
                [10.0, 10.1].map(|p99| Recording::figures(p99, 1000.0).of_server("one"));
            sides[stale] = sides[stale].clone().with(|told| told.build.by_this_run = false);
            let [before, after] = sides;
            let reasons = Checkout::of_two(before, after).reasons();
            assert!(reasons.contains("--no-build"), "{stale}: {reasons}");
        }
    }

    #[test]
    fn another_binary_that_was_not_built_is_judged() {
        let before = Recording::figures(10.0, 1000.0).of_server("one");
        let after = Recording::figures(20.0, 1000.0)
            .of_server("two")
            .with(|told| told.build.by_this_run = false);
        assert_eq!(Checkout::of_two(before, after).exit_code(), 1);
    }

    #[test]
    fn is_found_behind_a_run_whose_server_is_not_known() {
        let checkout = Checkout::to_compare();
        let first = "007_before_20251108_140000";
        let before = |p99| Recording::figures(p99, 1000.0);
        checkout.record(first, before(10.0).in_group(first, 1, 2));
        checkout.record(
            "007_before_20251108_140100",
            before(10.0).of_server("one").in_group(first, 2, 2),
        );
        checkout.record("007_after_20251108_150000", before(20.0).of_server("one"));
        assert!(matches!(checkout.comparison().judgement, Judgement::SameServer(_)));
    }

    #[test]
    fn a_server_of_unknown_content_is_judged() {
        let untold = |p99| Recording::figures(p99, 1000.0).with(|_| ());
        let checkout = Checkout::of_two(untold(10.0), untold(20.0));
        assert!(matches!(checkout.comparison().judgement, Judgement::Judged(_)));
    }

    #[test]
    fn does_not_make_good_what_cannot_be_compared() {
        let before = Recording::figures(10.0, 1000.0).of_server("one");
        let after =
            Recording::figures(10.0, 1000.0).of_server("one").with(|told| told.load.seed = 1);
        assert!(Checkout::of_two(before, after).reasons().contains("seed"));
    }
}

/// Which of the recorded runs are compared.
mod which_runs {
    use super::*;
    use xtask::judge::comparison::{Side, outcome};
    use xtask::judge::verdict::Outcome;
    use xtask::model::names::{Mode, TaskId};
    use xtask::model::provenance::SessionPlace;
    use xtask::model::typed::Repeated;

    fn run(p99: f64) -> Recording {
        Recording::figures(p99, 1000.0)
    }

    fn before(checkout: &Checkout) -> Side {
        checkout.comparison().before.unwrap()
    }

    /// Records before runs of one group, a minute apart, with these P99s.
    fn record_group(checkout: &Checkout, hour: u32, of: u32, p99s: &[f64]) {
        let name = |index: usize| format!("007_before_20251108_{hour}{index:02}00");
        for (index, p99) in p99s.iter().enumerate() {
            let place = u32::try_from(index + 1).unwrap();
            let run = run(*p99).of_server("one").in_group(&name(0), place, of);
            checkout.record(&name(index), run);
        }
    }

    /// A checkout with an after run alone.
    fn with_after() -> Checkout {
        let checkout = Checkout::to_compare();
        checkout.record("007_after_20251109_000000", run(10.0).of_server("two"));
        checkout
    }

    #[test]
    fn the_newest_by_the_time_in_the_file_name() {
        let checkout = with_after();
        checkout.record("007_before_20251108_235959", run(1.0));
        checkout.record("007_before_20251108_090000", run(2.0));
        checkout.record("007_before_20251107_235959", run(3.0));
        assert_eq!(before(&checkout).figures.p99_ms, 1.0);
    }

    #[test]
    fn the_time_that_a_file_was_changed_means_nothing() {
        let checkout = with_after();
        let (newest, oldest) = ("007_before_20251108_140000", "007_before_20240101_000000");
        checkout.record(newest, run(1.0));
        checkout.record(oldest, run(2.0));
        checkout.modified_hours_ago(newest, 48);
        checkout.modified_hours_ago(oldest, 0);
        assert_eq!(before(&checkout).figures.p99_ms, 1.0);
    }

    #[test]
    fn of_this_task_alone() {
        let checkout = with_after();
        checkout.record("007_before_20251108_140000", run(1.0));
        for other in ["0071", "70_7", "07", "00", "007_b", "007-b", "x_007"] {
            checkout.record(&format!("{other}_before_20251108_150000"), run(2.0));
        }
        assert_eq!(before(&checkout).figures.p99_ms, 1.0);
    }

    #[test]
    fn a_time_that_does_not_exist_names_no_run() {
        let checkout = with_after();
        checkout.record("007_before_20251108_140000", run(1.0));
        checkout.record("007_before_20251399_250000", run(2.0));
        assert_eq!(before(&checkout).figures.p99_ms, 1.0);
    }

    #[test]
    fn an_unreadable_newest_is_not_passed_over_for_an_older_one() {
        let checkout = with_after();
        checkout.record("007_before_20251108_140000", run(1.0));
        checkout.write(&result_file("007_before_20251108_150000"), "{");
        assert!(checkout.reasons().contains("not readable as JSON"));
    }

    #[test]
    fn a_group_is_taken_whole_each_metric_by_its_median() {
        let checkout = with_after();
        record_group(&checkout, 14, 3, &[9.0, 1.0, 5.0]);
        let before = before(&checkout);
        assert_eq!((before.files.len(), before.figures.p99_ms), (3, 5.0));
        assert_eq!(before.p99_spread_ms, (1.0, 9.0));
    }

    #[test]
    fn the_medians_of_different_metrics_come_from_different_runs() {
        let checkout = with_after();
        let first = "007_before_20251108_140000";
        for (index, (p99, throughput)) in
            [(1.0, 300.0), (2.0, 100.0), (3.0, 200.0)].into_iter().enumerate()
        {
            let place = u32::try_from(index + 1).unwrap();
            let run =
                Recording::figures(p99, throughput).of_server("one").in_group(first, place, 3);
            checkout.record(&format!("007_before_20251108_14000{index}"), run);
        }
        let figures = before(&checkout).figures;
        assert_eq!((figures.p99_ms, figures.throughput), (2.0, 200.0));
    }

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_middle_two() {
        let checkout = with_after();
        record_group(&checkout, 14, 4, &[1.0, 100.0, 2.0, 4.0]);
        assert_eq!(before(&checkout).figures.p99_ms, 3.0);
    }

    #[test]
    fn the_spread_of_a_group_is_shown() {
        let checkout = with_after();
        record_group(&checkout, 14, 3, &[9.0, 1.0, 5.0]);
        let report = checkout.report();
        assert!(report.contains("3 runs, P99 from 1.000 to 9.000 ms"), "{report}");
    }

    #[test]
    fn of_two_groups_the_newest_is_taken_and_no_run_of_the_other() {
        let checkout = with_after();
        record_group(&checkout, 14, 3, &[50.0, 60.0, 70.0]);
        record_group(&checkout, 15, 3, &[2.0, 3.0, 4.0]);
        let before = before(&checkout);
        assert_eq!((before.files.len(), before.figures.p99_ms), (3, 3.0));
    }

    #[test]
    fn a_lone_run_between_the_members_of_a_group_leaves_it_whole() {
        let checkout = with_after();
        record_group(&checkout, 14, 3, &[9.0, 1.0, 5.0]);
        for (name, server) in
            [("007_before_20251108_140030", "one"), ("007_before_20251108_140130", "")]
        {
            checkout.record(
                name,
                match server {
                    "" => run(100.0),
                    server => run(100.0).of_server(server),
                },
            );
        }
        let before = before(&checkout);
        assert_eq!((before.files.len(), before.figures.p99_ms), (3, 5.0));
        assert!(!checkout.comparison().warnings.concat().contains("interrupted"));
    }

    #[test]
    fn an_unreadable_file_between_the_members_of_a_whole_group_is_none_of_them() {
        let checkout = with_after();
        record_group(&checkout, 14, 3, &[9.0, 1.0, 5.0]);
        checkout.write(&result_file("007_before_20251108_140030"), "{");
        assert_eq!(before(&checkout).files.len(), 3);
    }

    #[test]
    fn a_copy_of_a_member_is_no_other_member() {
        let checkout = with_after();
        record_group(&checkout, 14, 3, &[9.0, 1.0]);
        checkout.record(
            "007_before_20251108_140030",
            run(100.0).of_server("one").in_group("007_before_20251108_140000", 1, 3),
        );
        assert_eq!(before(&checkout).files.len(), 2);
    }

    #[test]
    fn a_lone_run_after_a_group_is_a_group_of_one() {
        let checkout = with_after();
        record_group(&checkout, 14, 3, &[50.0, 60.0, 70.0]);
        checkout.record("007_before_20251108_150000", run(2.0).of_server("one"));
        let before = before(&checkout);
        assert_eq!((before.files.len(), before.figures.p99_ms), (1, 2.0));
    }

    #[test]
    fn a_run_of_the_old_scripts_after_a_group_is_a_group_of_one() {
        let checkout = with_after();
        record_group(&checkout, 14, 3, &[50.0, 60.0, 70.0]);
        checkout.record("007_before_20251108_150000", run(2.0));
        assert_eq!(before(&checkout).files.len(), 1);
    }

    #[test]
    fn an_interrupted_group_counts_with_what_it_has_and_a_warning() {
        let checkout = with_after();
        record_group(&checkout, 13, 5, &[50.0, 60.0, 70.0, 80.0, 90.0]);
        record_group(&checkout, 14, 5, &[2.0, 4.0]);
        assert_eq!(before(&checkout).figures.p99_ms, 3.0);
        let warnings = checkout.comparison().warnings;
        assert!(
            warnings.contains(&"before: the group was interrupted, 2 of 5 runs count".to_owned()),
            "{warnings:?}"
        );
    }

    #[test]
    fn a_whole_group_has_no_such_warning() {
        let checkout = with_after();
        record_group(&checkout, 14, 3, &[1.0, 2.0, 3.0]);
        let warnings = checkout.comparison().warnings.concat();
        assert!(!warnings.contains("interrupted"), "{warnings}");
    }

    #[test]
    fn a_member_that_cannot_be_judged_makes_the_group_so() {
        for bad in [
            "007_before_20251108_140000",
            "007_before_20251108_140100",
            "007_before_20251108_140200",
        ] {
            let checkout = with_after();
            record_group(&checkout, 14, 3, &[10.0, 10.0, 10.0]);
            assert_eq!(checkout.exit_code(), 0);
            checkout.write(&result_file(bad), "{}");
            assert!(checkout.reasons().contains("is missing"), "{bad}");
        }
    }

    #[test]
    fn a_member_with_nothing_measured_makes_the_group_so() {
        let checkout = with_after();
        record_group(&checkout, 14, 3, &[10.0, 0.0, 10.0]);
        assert!(checkout.reasons().contains("P99 is 0"));
    }

    #[test]
    fn a_group_of_two_servers_cannot_be_judged() {
        let checkout = with_after();
        record_group(&checkout, 14, 2, &[10.0, 10.0]);
        let changed = run(10.0).of_server("three").in_group("007_before_20251108_140000", 2, 2);
        checkout.record("007_before_20251108_140100", changed);
        assert!(checkout.reasons().contains("different server binaries"));
    }

    /// A run of a paired session that is newer than any other.
    fn paired(pair: u32) -> Recording {
        run(99.0).of_server("one").with(move |told| {
            told.session = Some(SessionPlace {
                id: "a session".into(),
                pair,
                order: "before-first".into(),
                ..SessionPlace::default()
            });
        })
    }

    #[test]
    fn runs_of_a_paired_session_are_not_a_group() {
        let checkout = with_after();
        checkout.record("007_before_20251108_140000", run(1.0));
        for pair in 1..4 {
            checkout.record(&format!("007_before_20251108_15000{pair}"), paired(pair));
        }
        assert_eq!(before(&checkout).figures.p99_ms, 1.0);
    }

    #[test]
    fn runs_of_a_paired_session_alone_are_no_before() {
        let checkout = with_after();
        checkout.record("007_before_20251108_150001", paired(1));
        assert_eq!(checkout.reasons(), "there is no before result\n");
    }

    /// Records both sides of a mode so that it comes to that exit code.
    fn record_mode(checkout: &Checkout, mode: Mode, exit_code: u8) {
        let prefix = mode.prefix();
        let p99 = match exit_code {
            0 => 10.0,
            _ => 20.0,
        };
        checkout.record(&format!("{prefix}007_before_20251108_140000"), run(10.0));
        if exit_code != 3 {
            checkout.record(&format!("{prefix}007_after_20251108_144000"), run(p99));
        }
    }

    #[track_caller]
    fn assert_worst(internal: u8, competitive: u8, wanted: u8) {
        let checkout = Checkout::to_compare();
        record_mode(&checkout, Mode::Internal, internal);
        record_mode(&checkout, Mode::Competitive, competitive);
        let comparisons = checkout.comparisons();
        let codes = comparisons.iter().map(|one| outcome(std::slice::from_ref(one)).code());
        assert_eq!(codes.collect::<Vec<u8>>(), [internal, competitive]);
        assert_eq!(checkout.exit_code(), wanted);
    }

    #[test]
    fn a_competitive_regression_is_the_worst() {
        assert_worst(0, 2, 2);
        assert_worst(1, 2, 2);
        assert_worst(3, 2, 2);
    }

    #[test]
    fn an_internal_regression_is_worse_than_not_knowing() {
        assert_worst(1, 0, 1);
        assert_worst(1, 3, 1);
    }

    #[test]
    fn not_knowing_is_worse_than_a_pass() {
        assert_worst(0, 3, 3);
        assert_worst(3, 0, 3);
        assert_worst(3, 3, 3);
    }

    #[test]
    fn only_two_passes_pass() {
        assert_worst(0, 0, 0);
    }

    #[test]
    fn a_mode_without_any_result_takes_no_part() {
        let checkout = Checkout::to_compare();
        record_mode(&checkout, Mode::Internal, 1);
        assert_eq!(checkout.comparison().mode, Mode::Internal);
    }

    #[test]
    fn the_modes_do_not_share_runs() {
        let checkout = Checkout::to_compare();
        checkout.record("007_before_20251108_140000", run(10.0));
        checkout.record("competitive_007_after_20251108_144000", run(10.0));
        let judged = checkout.comparisons();
        assert!(judged.iter().all(|mode| mode.outcome() == Outcome::CannotJudge));
        assert_eq!(judged.len(), 2);
    }

    #[test]
    fn a_mode_that_was_asked_for_is_the_only_one() {
        let checkout = Checkout::to_compare();
        record_mode(&checkout, Mode::Internal, 0);
        record_mode(&checkout, Mode::Competitive, 2);
        for (mode, code) in [(Mode::Internal, 0), (Mode::Competitive, 2)] {
            let comparisons = checkout.comparisons_in(Some(mode));
            assert_eq!(outcome(&comparisons).code(), code, "{mode}");
        }
    }

    #[test]
    fn a_mode_that_was_asked_for_and_has_no_result_is_an_error() {
        let checkout = Checkout::to_compare();
        record_mode(&checkout, Mode::Internal, 0);
        let (folder, task) = (checkout.path(""), TaskId::parse("007").unwrap());
        let error =
            xtask::answer::of_task(&folder, &task, Some(Mode::Competitive), &Repeated::default())
                .unwrap_err();
        assert!(error.to_string().contains("cargo perf-check 007 before --competitive"), "{error}");
    }

    #[test]
    fn competitive_is_told_from_the_file_name() {
        let checkout = Checkout::of_two_competitive(run(10.0), run(10.0));
        let position = match checkout.comparison().judgement {
            xtask::judge::comparison::Judgement::Judged(verdict) => verdict.position,
            other => panic!("{other:?}"),
        };
        assert_eq!(position.map(|position| position.baseline_ms), Some(NEO4J_MS));
    }
}
