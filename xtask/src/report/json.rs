//! A comparison for machines: one object, whose shape is described in `docs/reference/perf-compare-json.md`.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::judge::comparison::{Comparison, EndedSession, Side};
use crate::judge::fitness::{Reason, Remedy};
use crate::judge::verdict::{Metric, Outcome, Position, Standing};
use crate::model::limits::{
    COMPETITOR, ELAPSED_SHARE, FAILED_BEFORE, OFFERED_LOAD_REACHED, POSITION_POINTS,
};
use crate::model::names::{Mode, Phase};
use crate::model::session::Figure;
use crate::report::metrics::{self, METRICS};
use crate::report::next::{self, Context};
use crate::report::{origin, warning};
use crate::stats::paired::{self, Look, PairedVerdict};
use crate::term::text;

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
    let report = rounded(json!({
        "format": FORMAT,
        "exit_code": exit_code,
        "error": error.map(Error::what),
        "tool_version": origin::VERSION,
        "comparisons": comparisons.collect::<Value>(),
    }));
    let mut text = String::new();
    for c in format!("{report:#}\n").chars() {
        // Only within strings, where such an escape means the same.
        let _ = match c != '\n' && text::is_control(c) {
            true => write!(text, "\\u{:04x}", u32::from(c)),
            false => text.write_char(c),
        };
    }
    text
}

fn comparison(comparison: &Comparison, around: &Context) -> Value {
    let verdict = comparison.verdict();
    let judged = comparison.judged();
    let regressed = judged.map(|verdict| {
        let regressed = metrics::judged(|metric| verdict.regressed.contains(&metric));
        regressed.map(|quantity| quantity.id()).collect::<Value>()
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
            "smallest_change_percent": paired::percent(known.smallest_change),
            "comparisons": known.comparisons,
        })),
        "pinned_rate": comparison.pinned_rate,
        "reasons": reasons.map(|known| reason(comparison, known, around)).collect::<Value>(),
        "warnings": comparison.warnings,
        "accepted": comparison.accepted,
        "warning_details": warning::to_json(&comparison.warnings),
    })
}

/// A number for each judged metric, in the unit of its change.
fn by_metric(number: impl Fn(Metric) -> f64) -> Map<String, Value> {
    metrics::judged(|_| true)
        .filter_map(|quantity| Some((quantity.change_key(), number(quantity.judged()?).into())))
        .collect()
}

fn thresholds(mode: Mode) -> Value {
    let mut thresholds = by_metric(|metric| metric.limit(mode));
    thresholds.extend([
        ("position_points".to_owned(), POSITION_POINTS.into()),
        ("failed_before_percent".to_owned(), (FAILED_BEFORE * 100.0).into()),
        ("elapsed_percent".to_owned(), (ELAPSED_SHARE * 100.0).into()),
        ("offered_load_percent".to_owned(), (OFFERED_LOAD_REACHED * 100.0).into()),
    ]);
    Value::Object(thresholds)
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
    let metrics = METRICS
        .iter()
        .filter(|metric| !metric.key.is_empty())
        .map(|metric| (metric.key.to_owned(), json!(metric.value(side))));
    let files = side.files.iter().map(|file| file.to_string_lossy());
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
    let rest = rest.as_object().cloned().unwrap_or_default();
    metrics.chain(rest).collect()
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

pub(crate) fn paired_verdict(verdict: PairedVerdict) -> &'static str {
    match verdict {
        PairedVerdict::Regressed => "regressed",
        PairedVerdict::NotRegressed => "not_regressed",
        PairedVerdict::NoRegressionFound => "no_regression_found",
        PairedVerdict::Suspected => "suspected",
        PairedVerdict::AfterFails => "after_fails",
    }
}

fn session(comparison: &Comparison, session: &EndedSession) -> Value {
    let look = session.look;
    let percent =
        |ln_ratio: fn(&Look) -> f64| look.as_ref().map(|look| paired::percent(ln_ratio(look)));
    let interval = |figure: &Figure| {
        let quantity = metrics::of_figure(*figure)?;
        let known = session.changes.iter().find(|(known, _)| known == figure);
        let interval = known.map(|(_, interval)| {
            json!({
                "percent": paired::percent(interval.estimate),
                "lowest_percent": paired::percent(interval.lower),
                "highest_percent": paired::percent(interval.upper),
            })
        });
        Some((quantity.id().to_owned(), json!(interval)))
    };
    json!({
        "verdict": paired_verdict(session.verdict),
        "how": session.how.to_string(),
        "duration_seconds": session.duration_seconds,
        "vetoed_by_p95": look.is_some_and(|look| look.is_vetoed),
        "intervals": Figure::ALL.iter().filter_map(interval).collect::<Map<_, _>>(),
        "full_machine_percent": comparison.contention().map(|share| share * 100.0),
        "pairs": look.map(|look| look.pairs),
        "p99_percent": percent(|look| look.interval.estimate),
        "p99_lowest_percent": percent(|look| look.interval.lower),
        "p99_highest_percent": percent(|look| look.interval.upper),
        "distinguishable_percent": percent(Look::resolution),
        "pairs_to_settle": look.and_then(|look| look.pairs_to_settle),
    })
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

/// The numbers without what binary arithmetic adds beyond the ninth decimal, which is finer than anything measured.
pub(crate) fn rounded(value: Value) -> Value {
    const PARTS: f64 = 1e9;
    match value {
        Value::Array(values) => values.into_iter().map(rounded).collect(),
        Value::Object(entries) => {
            entries.into_iter().map(|(key, value)| (key, rounded(value))).collect()
        }
        Value::Number(number) if number.is_f64() => {
            let number = number.as_f64().unwrap_or_default();
            let rounded = (number * PARTS).round() / PARTS;
            json!(if rounded.is_finite() { rounded } else { number })
        }
        other => other,
    }
}
