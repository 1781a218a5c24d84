//! Numbers and verdicts in words, the same in every format.

use crate::judge::comparison::{Comparison, Judgement, Side};
use crate::judge::fitness::{Mend, Unfit};
use crate::judge::paired::{PairedVerdict, Sight};
use crate::judge::signed_rank::Interval;
use crate::judge::verdict::{Decision, ERROR_RATE_POINTS, Metric, Verdict, threshold_percent};
use crate::record::names::{Mode, Phase};

/// The competitor that competitive results are held against.
pub const COMPETITOR: &str = "Neo4j";
/// What is said wherever figures of the stand-in are shown.
pub const STAND_IN: &str = "measured on the stand-in, not the real Engram";

/// A change in per cent: `+3.1%`, `-0.5%`.
pub fn percent(value: f64) -> String {
    format!("{}%", signed(value))
}

/// A change in percentage points: `+0.3 pp`.
pub fn points(value: f64) -> String {
    format!("{} pp", signed(value))
}

/// One decimal with a sign, except that what rounds to nothing is `+0.0`.
fn signed(value: f64) -> String {
    let text = format!("{value:+.1}");
    match text.as_str() {
        "-0.0" => "+0.0".to_owned(),
        _ => text,
    }
}

/// At most `decimals` of them, without trailing zeros: `0.458`, `10.2`, `490`.
pub fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// `58.9% faster`, `3.0% slower`.
pub fn speedup(percent: f64) -> String {
    match percent < 0.0 {
        true => format!("{:.1}% slower", -percent),
        false => format!("{percent:.1}% faster"),
    }
}

/// `text` in at most `width` characters, with `…` in the place of the words that are too many.
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    let kept = kept
        .rsplit_once(' ')
        .map_or(kept.as_str(), |(words, _)| words);
    format!("{}…", kept.trim_end_matches([' ', ',', ':']))
}

/// How the runs of a group lie apart; `None` for a single run.
pub fn spread(side: &Side) -> Option<String> {
    let (low, high) = side.p99_spread_ms;
    let runs = side.files.len();
    (runs > 1).then(|| format!("medians of {runs} runs, P99 from {low:.3} to {high:.3} ms"))
}

/// The decision table's answer, if there is one.
pub fn verdict(comparison: &Comparison) -> Option<&Verdict> {
    match &comparison.judgement {
        Judgement::Judged(verdict) | Judgement::SameServer(verdict) => Some(verdict),
        Judgement::Impossible(_) => None,
    }
}

/// A limit as a change may have it: `+5%`, `-5%`, `+5 pp`.
pub fn limit(mode: Mode, metric: Metric) -> String {
    match metric {
        Metric::P99 => format!("+{}%", threshold_percent(mode)),
        Metric::Throughput => format!("-{}%", threshold_percent(mode)),
        Metric::ErrorRate => format!("+{ERROR_RATE_POINTS} pp"),
    }
}

/// A metric's change: `P99 +12.7%`.
pub fn change(verdict: &Verdict, metric: Metric) -> String {
    let value = match metric {
        Metric::P99 => percent(verdict.changes.p99_percent),
        Metric::Throughput => percent(verdict.changes.throughput_percent),
        Metric::ErrorRate => points(verdict.changes.error_points),
    };
    format!("{metric} {value}")
}

/// What a comparison comes to, in two or three words.
pub fn headline(comparison: &Comparison) -> &'static str {
    match &comparison.judgement {
        Judgement::SameServer(_) => "no regression",
        Judgement::Impossible(_) => "CANNOT JUDGE",
        Judgement::Judged(verdict) => match (verdict.decision, comparison.paired_verdict()) {
            (Decision::Clean, Some(PairedVerdict::NoRegressionFound)) => "no regression found",
            (Decision::Clean, _) => "no regression",
            (Decision::InternalRegression, _) => "REGRESSION",
            (Decision::CompetitiveRegression, _) => "COMPETITIVE REGRESSION",
            (Decision::Undecided, Some(PairedVerdict::AfterFails)) => "AFTER FAILS",
            (Decision::Undecided, _) => "SUSPECTED",
        },
    }
}

/// Why, in one line.
pub fn reason(comparison: &Comparison) -> String {
    match &comparison.judgement {
        Judgement::SameServer(verdict) => format!(
            "same server on both sides: P99 {} is noise",
            percent(verdict.changes.p99_percent)
        ),
        Judgement::Impossible(reasons) => reasons
            .first()
            .map_or_else(String::new, |reason| reason.why.clone()),
        Judgement::Judged(verdict) => judged(
            verdict,
            comparison.session.and_then(|session| session.sight),
        ),
    }
}

fn judged(verdict: &Verdict, pairs: Option<Sight>) -> String {
    let of = |metric: Metric| match (metric, pairs) {
        (Metric::P99, Some(sight)) => format!("P99 {}", interval(&sight)),
        (Metric::P99, None) if verdict.regressed.is_empty() => {
            format!(
                "{} (limit {})",
                change(verdict, metric),
                limit(verdict.mode, metric)
            )
        }
        _ => change(verdict, metric),
    };
    let mut parts: Vec<String> = match verdict.regressed.as_slice() {
        [] => vec![of(Metric::P99)],
        regressed => regressed.iter().map(|&metric| of(metric)).collect(),
    };
    parts.extend(
        verdict
            .position
            .map(|position| position.standing.to_string()),
    );
    parts.join(", ")
}

/// An estimate with its bounds: `+8.2% (+3.1% to +14.0%, 10 pairs)`.
pub fn interval(sight: &Sight) -> String {
    let Interval {
        estimate,
        lower,
        upper,
    } = sight.interval;
    format!(
        "{} ({} to {}, {} pairs)",
        percent(from_ln(estimate)),
        percent(from_ln(lower)),
        percent(from_ln(upper)),
        sight.pairs
    )
}

/// A change in per cent, of the logarithm of a ratio.
pub fn from_ln(ln_ratio: f64) -> f64 {
    ln_ratio.exp_m1() * 100.0
}

/// A reason, with its file.
pub fn why(unfit: &Unfit) -> String {
    match &unfit.file {
        Some(file) => format!("{}: {}", file.display(), unfit.why),
        None => unfit.why.clone(),
    }
}

/// What a command that mends is for.
pub fn purpose(mend: Mend) -> &'static str {
    match mend {
        Mend::Measure(Phase::Before) => "measure before, with the change set aside",
        Mend::Measure(Phase::After) => "measure after, with the change in place",
        Mend::MeasureBoth => "measure before without the change, and after with it",
        Mend::Baseline => "put the competitor's row in order",
        Mend::Confirm => "measure both servers in turns",
    }
}

/// The option that a command needs for a mode.
pub fn mode_option(mode: Mode) -> &'static str {
    match mode {
        Mode::Internal => "",
        Mode::Competitive => " --competitive",
    }
}

/// The commands that mend what cannot be judged, or where to look.
pub fn mend(comparison: &Comparison, mend: Mend, options: &str) -> Vec<String> {
    let task = comparison
        .task
        .as_ref()
        .map_or("<task>", |task| task.as_str());
    let competitive = mode_option(comparison.mode);
    let measure = |phase: Phase| format!("cargo perf-check {task} {phase}{competitive}{options}");
    match mend {
        Mend::Measure(phase) => vec![measure(phase)],
        Mend::MeasureBoth => Phase::ALL.map(measure).to_vec(),
        Mend::Baseline => {
            vec!["${EDITOR:-vi} docs/reference/competitive_baselines.md".to_owned()]
        }
        Mend::Confirm => vec![format!(
            "cargo xtask perf-confirm {task}{competitive}{options}"
        )],
    }
}
