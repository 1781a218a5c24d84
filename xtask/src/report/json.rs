//! A comparison for machines: one object, whose shape is described in `docs/reference/perf-compare-json.md`.

use serde_json::{Value, json};

use crate::error::Error;
use crate::judge::comparison::{Comparison, EndedSession, Side};
use crate::judge::fitness::{Reason, Remedy};
use crate::judge::verdict::{Metric, Outcome, Position, Standing};
use crate::model::limits::{
    COMPETITOR, ELAPSED_SHARE, FAILED_BEFORE, OFFERED_LOAD_REACHED, POSITION_POINTS,
};
use crate::model::names::{Mode, Phase};
use crate::model::session::Figure;
use crate::report::next::{self, Context};
use crate::report::{metrics, origin, warning};
use crate::stats::paired::{Look, PairedVerdict, percent};

/// The version of the shape: raised when a key changes its meaning or goes away.
pub(crate) const FORMAT: u32 = 1;

/// The whole report, ending in a line break. `error` is what failed beside the comparisons, or in their place.
pub fn report(
    comparisons: &[Comparison],
    around: &Context,
    exit_code: u8,
    error: Option<&Error>,
) -> String {
    let comparisons = comparisons.iter().map(|known| comparison(known, around));
    let report = json!({
        "format": FORMAT,
        "exit_code": exit_code,
        "error": error.map(Error::what),
        "tool_version": origin::VERSION,
        "comparisons": comparisons.collect::<Value>(),
    });
    format!("{report:#}\n")
}

fn comparison(comparison: &Comparison, around: &Context) -> Value {
    let verdict = comparison.verdict();
    let judged = comparison.judged();
    let regressed = judged.map(|verdict| {
        let regressed = metrics::judged().filter(|(metric, _)| verdict.regressed.contains(metric));
        regressed.map(|(_, quantity)| quantity.id()).collect::<Value>()
    });
    let changes = verdict.map(|verdict| by_metric(|metric| verdict.change(metric)));
    let position = verdict.and_then(|verdict| verdict.position);
    let reasons = comparison.reasons().iter();
    json!({
        "task": comparison.task.as_ref().map(|task| task.as_str()),
        "mode": comparison.mode.to_string(),
        "verdict": outcome(comparison.outcome()),
        "same_server": verdict.is_some() && judged.is_none(),
        "faster": comparison.is_faster(),
        "unconfirmed": comparison.is_unconfirmed(),
        "regressed": regressed,
        "thresholds": thresholds(comparison.mode),
        "before": comparison.before.as_ref().map(side),
        "after": comparison.after.as_ref().map(side),
        "changes": changes,
        "position": position.map(|known| self::position(comparison, known)),
        "session": comparison.session.as_ref().map(|known| session(comparison, known)),
        "single_runs": comparison.single_runs.map(|known| json!({
            "smallest_change_percent": percent(known.smallest_change),
            "comparisons": known.comparisons,
        })),
        "pinned_rate": comparison.pinned_rate,
        "reasons": reasons.map(|known| reason(comparison, known, around)).collect::<Value>(),
        "warnings": comparison.warnings,
        "accepted": comparison.accepted,
        "warning_details": comparison.warnings.iter().map(|text| json!({
            "code": warning::code(text),
            "text": text,
        })).collect::<Value>(),
    })
}

/// A number for each judged metric, in the unit of its change.
fn by_metric(number: impl Fn(Metric) -> f64) -> Value {
    let numbers = metrics::judged();
    numbers.map(|(metric, quantity)| (quantity.change_key(), number(metric))).collect()
}

fn thresholds(mode: Mode) -> Value {
    let others = json!({
        "position_points": POSITION_POINTS,
        "failed_before_percent": FAILED_BEFORE * 100.0,
        "elapsed_percent": ELAPSED_SHARE * 100.0,
        "offered_load_percent": OFFERED_LOAD_REACHED * 100.0,
    });
    merged([by_metric(|metric| metric.limit(mode)), others])
}

/// One object with what all of these have.
pub(crate) fn merged<const N: usize>(objects: [Value; N]) -> Value {
    let entries = objects.iter().filter_map(Value::as_object).flatten();
    entries.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The name of an outcome for machines.
pub(crate) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "no_regression",
        Outcome::InternalRegression => "internal_regression",
        Outcome::CompetitiveRegression => "competitive_regression",
        Outcome::Undecided => "undecided",
        Outcome::CannotJudge => "cannot_judge",
    }
}

fn side(side: &Side) -> Value {
    let files = side.files.iter().map(|file| file.to_string_lossy());
    let metrics = metrics::compared().map(|one| (one.key.to_owned(), json!(one.value(side))));
    let rest = json!({
        "files": files.collect::<Value>(),
        "p99_lowest_ms": side.p99_spread_ms.0,
        "p99_highest_ms": side.p99_spread_ms.1,
        "operations": side.total(|run| run.result.total_operations),
        "errors": side.total(|run| run.result.total_errors),
        "operation_p99_ms": side.operation_p99_ms,
        "stand_in": side.stand_in,
        "by_perf_check": side.by_perf_check,
        "origin": origin::to_json(side),
    });
    merged([metrics.collect(), rest])
}

fn position(comparison: &Comparison, position: Position) -> Value {
    let stated = comparison.baseline.as_ref();
    let standing = comparison.judged().map(|_| match position.standing {
        Standing::Slower => "slower_than_competitor",
        Standing::Degraded => "degraded",
        Standing::StillBehind => "still_behind",
        Standing::Maintained => "maintained",
    });
    json!({
        "competitor": COMPETITOR,
        "competitor_p99_ms": position.baseline_ms,
        "competitor_file": stated.map(|stated| stated.file.to_string_lossy()),
        "competitor_line": stated.map(|stated| stated.line),
        "speedup_before_percent": position.speedup_before,
        "speedup_after_percent": position.speedup_after,
        "standing": standing,
    })
}

fn session(comparison: &Comparison, session: &EndedSession) -> Value {
    let interval = |figure: &Figure| {
        let known = session.changes.iter().find(|(known, _)| known == figure);
        let interval = known.map(|(_, interval)| {
            json!({
                "percent": percent(interval.estimate),
                "lowest_percent": percent(interval.lower),
                "highest_percent": percent(interval.upper),
            })
        });
        Some((metrics::of_figure(*figure)?.id().to_owned(), json!(interval)))
    };
    let rest = json!({
        "verdict": paired_verdict(session.verdict),
        "how": session.how.to_string(),
        "duration_seconds": session.duration_seconds,
        "vetoed_by_p95": comparison.is_vetoed(),
        "intervals": Figure::ALL.iter().filter_map(interval).collect::<Value>(),
        "full_machine_percent": comparison.contention().map(|share| share * 100.0),
        "pairs_to_settle": session.look.and_then(|look| look.pairs_to_settle),
    });
    merged([p99(session.look.as_ref()), rest])
}

/// What a look says of P99; `null` without one.
pub(crate) fn p99(look: Option<&Look>) -> Value {
    let percent = |of: fn(&Look) -> f64| look.map(|look| percent(of(look)));
    json!({
        "pairs": look.map(|look| look.pairs),
        "p99_percent": percent(|look| look.interval.estimate),
        "p99_lowest_percent": percent(|look| look.interval.lower),
        "p99_highest_percent": percent(|look| look.interval.upper),
        "distinguishable_percent": percent(|look| look.interval.half_width()),
    })
}

pub(crate) fn paired_verdict(verdict: PairedVerdict) -> &'static str {
    match verdict {
        PairedVerdict::Regressed => "regressed",
        PairedVerdict::NotRegressed => "not_regressed",
        PairedVerdict::NoRegressionFound => "no_regression_found",
        PairedVerdict::Suspected => "suspected",
        PairedVerdict::AfterFails => "after_fails",
    }
}

fn reason(comparison: &Comparison, reason: &Reason, around: &Context) -> Value {
    let fault = &reason.fault;
    json!({
        "file": fault.file.as_ref().map(|file| file.to_string_lossy()),
        "line": fault.line,
        "why": fault.why,
        "mend": match reason.remedy {
            Remedy::Measure(Phase::Before) => "measure_before",
            Remedy::Measure(Phase::After) => "measure_after",
            Remedy::MeasureBoth => "measure_both",
            Remedy::TakeBack(_) => "take_back",
            Remedy::Baseline => "baseline_document",
            Remedy::Confirm => "confirm",
            Remedy::ConfirmAgain => "confirm_again",
        },
        "mend_commands": next::remedy(comparison, reason, around),
    })
}
