//! A comparison for machines: one object, whose shape is described in `docs/reference/perf-compare-json.md`.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::words::{COMPETITOR, from_ln};
use crate::judge::comparison::{Comparison, Judgement, Side};
use crate::judge::fitness::{Mend, Unfit};
use crate::judge::paired::PairedVerdict;
use crate::judge::verdict::{
    Decision, ERROR_RATE_POINTS, Metric, POSITION_POINTS, Position, Standing, Verdict,
    threshold_percent,
};
use crate::record::names::Phase;

/// The version of the shape: raised when a key changes its meaning or goes away.
pub const FORMAT: u32 = 1;

/// The whole report, ending in a line break.
pub fn report(comparisons: &[Comparison], exit_code: u8) -> String {
    let report = json!({
        "format": FORMAT,
        "exit_code": exit_code,
        "comparisons": comparisons.iter().map(comparison).collect::<Vec<Value>>(),
    });
    format!("{report:#}\n")
}

fn comparison(comparison: &Comparison) -> Value {
    // On one server measured twice nothing is held against the limits.
    let judged = match &comparison.judgement {
        Judgement::Judged(verdict) => Some(verdict),
        Judgement::SameServer(_) | Judgement::Impossible(_) => None,
    };
    let (verdict, reasons) = match &comparison.judgement {
        Judgement::Judged(verdict) | Judgement::SameServer(verdict) => (Some(verdict), &[][..]),
        Judgement::Impossible(reasons) => (None, reasons.as_slice()),
    };
    json!({
        "task": comparison.task.as_ref().map(|task| task.as_str()),
        "mode": comparison.mode.to_string(),
        "verdict": decision(comparison.decision()),
        "same_server": matches!(comparison.judgement, Judgement::SameServer(_)),
        "thresholds": {
            "p99_percent": threshold_percent(comparison.mode),
            "throughput_percent": -threshold_percent(comparison.mode),
            "error_rate_points": ERROR_RATE_POINTS,
            "position_points": POSITION_POINTS,
        },
        "before": comparison.before.as_ref().map(side),
        "after": comparison.after.as_ref().map(side),
        "changes": verdict.map(|verdict| json!({
            "p99_percent": verdict.changes.p99_percent,
            "throughput_percent": verdict.changes.throughput_percent,
            "error_rate_points": verdict.changes.error_points,
        })),
        "regressed": judged.map(|verdict| verdict.regressed.iter().copied().map(metric).collect::<Vec<_>>()),
        "position": verdict.and_then(|verdict| verdict.position).map(|known| position(known, judged)),
        "session": session(comparison),
        "reasons": reasons.iter().map(reason).collect::<Vec<Value>>(),
        "warnings": comparison.warnings,
    })
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

fn side(side: &Side) -> Value {
    let operations: Map<String, Value> = side
        .operation_p99_ms
        .iter()
        .map(|(name, p99)| (name.clone(), json!(p99)))
        .collect();
    json!({
        "files": side.files.iter().map(|file| file.to_string_lossy()).collect::<Vec<_>>(),
        "p50_ms": side.p50_ms,
        "p95_ms": side.p95_ms,
        "p99_ms": side.figures.p99_ms,
        "p99_lowest_ms": side.p99_spread_ms.0,
        "p99_highest_ms": side.p99_spread_ms.1,
        "throughput": side.figures.throughput,
        "operations": side.operations,
        "errors": side.errors,
        "error_rate": side.figures.error_rate,
        "operation_p99_ms": operations,
        "cpu_us_per_operation": side.cpu_us_per_operation,
        "stand_in": side.stand_in,
        "by_perf_check": side.by_perf_check,
    })
}

fn position(position: Position, judged: Option<&Verdict>) -> Value {
    json!({
        "competitor": COMPETITOR,
        "competitor_p99_ms": position.baseline_ms,
        "speedup_before_percent": position.speedup_before,
        "speedup_after_percent": position.speedup_after,
        "standing": judged.map(|_| match position.standing {
            Standing::Slower => "slower_than_competitor",
            Standing::Degraded => "degraded",
            Standing::StillBehind => "still_behind",
            Standing::Maintained => "maintained",
        }),
    })
}

fn session(comparison: &Comparison) -> Option<Value> {
    let sight = comparison.session?.sight;
    let interval = sight.map(|sight| sight.interval);
    Some(json!({
        "verdict": comparison.paired_verdict().map(|verdict| match verdict {
            PairedVerdict::Regressed => "regressed",
            PairedVerdict::NotRegressed => "not_regressed",
            PairedVerdict::NoRegressionFound => "no_regression_found",
            PairedVerdict::Suspected => "suspected",
            PairedVerdict::AfterFails => "after_fails",
        }),
        "pairs": sight.map(|sight| sight.pairs),
        "p99_percent": interval.map(|interval| from_ln(interval.estimate)),
        "p99_lowest_percent": interval.map(|interval| from_ln(interval.lower)),
        "p99_highest_percent": interval.map(|interval| from_ln(interval.upper)),
        "p99_corrected_percent": comparison.corrected.map(|interval| from_ln(interval.estimate)),
        "distinguishable_percent": sight.map(|sight| from_ln(sight.smallest_distinguishable())),
        "pairs_to_settle": sight.and_then(|sight| sight.pairs_to_settle),
    }))
}

fn reason(reason: &Unfit) -> Value {
    json!({
        "file": reason.file.as_deref().map(Path::to_string_lossy),
        "why": reason.why,
        "mend": match reason.mend {
            Mend::Measure(Phase::Before) => "measure_before",
            Mend::Measure(Phase::After) => "measure_after",
            Mend::MeasureBoth => "measure_both",
            Mend::Baseline => "baseline_document",
            Mend::Confirm => "confirm",
        },
    })
}
