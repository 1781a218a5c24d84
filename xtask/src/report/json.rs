//! A comparison for machines: one object, whose shape is described in `docs/reference/perf-compare-json.md`.

use std::path::Path;

use crate::error::Error;
use crate::judge::comparison::{Comparison, Judgement, Side};
use crate::judge::fitness::{Mend, Unfit};
use crate::judge::verdict::{Decision, Metric, Position, Standing, Verdict};
use crate::model::limits::{
    COMPETITOR, ELAPSED_SHARE, ERROR_RATE_POINTS, FAILED_BEFORE, OFFERED_LOAD_REACHED,
    POSITION_POINTS, threshold_percent,
};
use crate::model::names::{Mode, Phase};
use crate::report::next::{self, Surroundings};
use crate::report::ordered::Json;
use crate::report::words::from_ln;
use crate::stats::paired::PairedVerdict;
use crate::stats::single_runs::SingleRuns;

/// The version of the shape: raised when a key changes its meaning or goes away.
pub const FORMAT: u32 = 1;

/// The whole report, ending in a line break. `error` is what failed beside the comparisons, or in their place.
pub fn report(
    comparisons: &[Comparison],
    around: &Surroundings,
    exit_code: u8,
    error: Option<&Error>,
) -> String {
    let comparisons = comparisons.iter().map(|known| comparison(known, around));
    Json::object([
        ("format", FORMAT.into()),
        ("exit_code", u32::from(exit_code).into()),
        ("error", error.map(Error::what).into()),
        ("comparisons", comparisons.collect()),
    ])
    .to_text()
}

fn comparison(comparison: &Comparison, around: &Surroundings) -> Json {
    // On one server measured twice nothing is held against the limits.
    let judged = match &comparison.judgement {
        Judgement::Judged(verdict) => Some(verdict),
        Judgement::SameServer(_) | Judgement::Impossible(_) => None,
    };
    let (verdict, reasons) = match &comparison.judgement {
        Judgement::Judged(verdict) | Judgement::SameServer(verdict) => (Some(verdict), &[][..]),
        Judgement::Impossible(reasons) => (None, reasons.as_slice()),
    };
    let same_server = matches!(comparison.judgement, Judgement::SameServer(_));
    let position = verdict.and_then(|verdict| verdict.position);
    let reasons = reasons
        .iter()
        .map(|known| reason(comparison, known, around));
    let regressed = judged.map(|verdict| {
        let regressed = verdict.regressed.iter().copied();
        regressed.map(metric).collect::<Json>()
    });
    Json::object([
        (
            "task",
            comparison.task.as_ref().map(|task| task.as_str()).into(),
        ),
        ("mode", comparison.mode.to_string().into()),
        ("verdict", decision(comparison.decision()).into()),
        ("same_server", same_server.into()),
        ("regressed", regressed.into()),
        ("thresholds", thresholds(comparison.mode)),
        ("before", comparison.before.as_ref().map(side).into()),
        ("after", comparison.after.as_ref().map(side).into()),
        ("changes", verdict.map(changes).into()),
        (
            "position",
            position
                .map(|known| self::position(comparison, known, judged))
                .into(),
        ),
        ("session", session(comparison).into()),
        (
            "single_runs",
            comparison.single_runs.map(single_runs).into(),
        ),
        ("pinned_rate", comparison.pinned_rate.into()),
        ("reasons", reasons.collect()),
        (
            "warnings",
            comparison.warnings.iter().map(String::as_str).collect(),
        ),
    ])
}

fn thresholds(mode: Mode) -> Json {
    let percent = threshold_percent(mode);
    Json::object([
        ("p99_percent", percent.into()),
        ("throughput_percent", (-percent).into()),
        ("error_rate_points", ERROR_RATE_POINTS.into()),
        ("position_points", POSITION_POINTS.into()),
        ("failed_before_percent", (FAILED_BEFORE * 100.0).into()),
        ("elapsed_percent", (ELAPSED_SHARE * 100.0).into()),
        (
            "offered_load_percent",
            (OFFERED_LOAD_REACHED * 100.0).into(),
        ),
    ])
}

fn changes(verdict: &Verdict) -> Json {
    Json::object([
        ("p99_percent", verdict.changes.p99_percent.into()),
        (
            "throughput_percent",
            verdict.changes.throughput_percent.into(),
        ),
        ("error_rate_points", verdict.changes.error_points.into()),
    ])
}

fn decision(decision: Option<Decision>) -> &'static str {
    match decision {
        Some(Decision::Clean) => "no_regression",
        Some(Decision::InternalRegression) => "internal_regression",
        Some(Decision::CompetitiveRegression) => "competitive_regression",
        Some(Decision::Undecided) => "undecided",
        None => "cannot_judge",
    }
}

fn metric(metric: Metric) -> &'static str {
    match metric {
        Metric::P99 => "p99",
        Metric::Throughput => "throughput",
        Metric::ErrorRate => "error_rate",
    }
}

fn side(side: &Side) -> Json {
    let operations = side.operation_p99_ms.iter();
    Json::object([
        ("files", side.files.iter().map(|file| text(file)).collect()),
        ("p50_ms", side.p50_ms.into()),
        ("p95_ms", side.p95_ms.into()),
        ("p99_ms", side.figures.p99_ms.into()),
        ("p99_lowest_ms", side.p99_spread_ms.0.into()),
        ("p99_highest_ms", side.p99_spread_ms.1.into()),
        ("throughput", side.figures.throughput.into()),
        ("operations", side.operations.into()),
        ("errors", side.errors.into()),
        ("errors_per_run", side.errors_per_run.into()),
        ("error_rate", side.figures.error_rate.into()),
        (
            "operation_p99_ms",
            Json::Object(
                operations
                    .map(|(name, &p99)| (name.clone(), p99.into()))
                    .collect(),
            ),
        ),
        ("cpu_us_per_operation", side.cpu_us_per_operation.into()),
        ("stand_in", side.stand_in.into()),
        ("by_perf_check", side.by_perf_check.into()),
    ])
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn position(comparison: &Comparison, position: Position, judged: Option<&Verdict>) -> Json {
    let stated = comparison.baseline.as_ref();
    let standing = judged.map(|_| match position.standing {
        Standing::Slower => "slower_than_competitor",
        Standing::Degraded => "degraded",
        Standing::StillBehind => "still_behind",
        Standing::Maintained => "maintained",
    });
    Json::object([
        ("competitor", COMPETITOR.into()),
        ("competitor_p99_ms", position.baseline_ms.into()),
        (
            "competitor_file",
            stated.map(|stated| text(&stated.file)).into(),
        ),
        ("competitor_line", stated.map(|stated| stated.line).into()),
        ("speedup_before_percent", position.speedup_before.into()),
        ("speedup_after_percent", position.speedup_after.into()),
        ("standing", standing.into()),
    ])
}

fn session(comparison: &Comparison) -> Option<Json> {
    let sight = comparison.session?.sight;
    let interval = sight.map(|sight| sight.interval);
    let verdict = comparison.paired_verdict().map(|verdict| match verdict {
        PairedVerdict::Regressed => "regressed",
        PairedVerdict::NotRegressed => "not_regressed",
        PairedVerdict::NoRegressionFound => "no_regression_found",
        PairedVerdict::Suspected => "suspected",
        PairedVerdict::AfterFails => "after_fails",
    });
    let distinguishable = sight.map(|sight| from_ln(sight.smallest_distinguishable()));
    Some(Json::object([
        ("verdict", verdict.into()),
        ("pairs", sight.map(|sight| sight.pairs).into()),
        (
            "p99_percent",
            interval.map(|interval| from_ln(interval.estimate)).into(),
        ),
        (
            "p99_lowest_percent",
            interval.map(|interval| from_ln(interval.lower)).into(),
        ),
        (
            "p99_highest_percent",
            interval.map(|interval| from_ln(interval.upper)).into(),
        ),
        ("distinguishable_percent", distinguishable.into()),
        (
            "pairs_to_settle",
            sight.and_then(|sight| sight.pairs_to_settle).into(),
        ),
    ]))
}

fn single_runs(known: SingleRuns) -> Json {
    Json::object([
        (
            "smallest_change_percent",
            from_ln(known.smallest_change).into(),
        ),
        ("comparisons", known.comparisons.into()),
    ])
}

fn reason(comparison: &Comparison, reason: &Unfit, around: &Surroundings) -> Json {
    let mend = match reason.mend {
        Mend::Measure(Phase::Before) => "measure_before",
        Mend::Measure(Phase::After) => "measure_after",
        Mend::MeasureBoth => "measure_both",
        Mend::Baseline => "baseline_document",
        Mend::Confirm => "confirm",
    };
    let commands = next::mending(comparison, reason, around);
    Json::object([
        ("file", reason.file.as_deref().map(text).into()),
        ("line", reason.line.into()),
        ("why", reason.why.as_str().into()),
        ("mend", mend.into()),
        ("mend_commands", commands.into_iter().collect()),
    ])
}
