//! What was found, as tables in Markdown or as data.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use xtask::stats::numbers::median;

use crate::aims::{self, Place};
use crate::duet::Duet;
use crate::live::{self, LiveSession};
use crate::needed;
use crate::replay::{Replay, Rule, Sessions, Tally, Verdict};

/// The changes at which finding one is counted, in per cent.
const FOUND: [u32; 4] = [5, 10, 25, 50];
/// The changes at which passing one is counted.
const PASSED: [u32; 2] = [10, 25];

/// A recording's tables.
pub fn markdown(replay: &Replay) -> String {
    let runs = &replay.recording.runs;
    let p99 = |pick: fn(f64, f64) -> f64| {
        runs.iter().map(|run| run.result.p99_ms).reduce(pick).unwrap_or_default()
    };
    let mut text = format!(
        "### {}\n\n{} runs of {:.0} s, P99 from {:.2} to {:.2} ms; ln(P99) of neighbours differs by {:.2} (standard\n\
         deviation)\n\n",
        replay.recording.name,
        runs.len(),
        median(runs.iter().map(|run| run.result.elapsed_seconds)).unwrap_or_default(),
        p99(f64::min),
        p99(f64::max),
        deviation(runs),
    );
    text.push_str(
        "| rule | false alarms | +5 % found | +10 % | +25 % | +50 % | +10 % passed | +25 % | minutes | sessions |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for rule in &replay.rules {
        let found = FOUND.map(|change| percent(found(&rule.effects[&change])));
        let passed = PASSED.map(|change| percent(passed(&rule.effects[&change])));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {:.1} | {} ({} disjoint) |",
            name(rule.rule),
            percent(self::found(&rule.effects[&0])),
            found.join(" | "),
            passed.join(" | "),
            minutes(&rule.effects[&0]),
            rule.windows,
            rule.disjoint,
        );
    }
    text.push_str(
        "\nA binary against itself:\n\n\
         | rule | regressed | not regressed | no regression found | suspected | exit 0 | false alarms, disjoint sessions | +25 % found, disjoint |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for rule in &replay.rules {
        let same = &rule.effects[&0];
        let of = |verdict| percent(same.share(|found| found == verdict));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            name(rule.rule),
            of(Verdict::Regressed),
            of(Verdict::NotRegressed),
            of(Verdict::NoRegressionFound),
            of(Verdict::Unsure),
            percent(passed(same)),
            with_interval(same),
            with_interval(&rule.effects[&25]),
        );
    }
    for rule in &replay.rules {
        if matches!(rule.rule, Rule::Paired) {
            let aims = aims::ENGRAM.lines(&rule.effects);
            let _ = write!(text, "\nAims, {}:\n\n{aims}", name(rule.rule));
        }
    }
    text
}

/// A recording's tables as data.
pub fn json(replay: &Replay) -> Value {
    let tally = |tally: &Tally| {
        json!({
            "sessions": tally.sessions,
            "regressed": count(&tally.verdicts, Verdict::Regressed),
            "not_regressed": count(&tally.verdicts, Verdict::NotRegressed),
            "no_regression_found": count(&tally.verdicts, Verdict::NoRegressionFound),
            "suspected": count(&tally.verdicts, Verdict::Unsure),
            "disjoint_sessions": total(&tally.disjoint),
            "disjoint_regressed": count(&tally.disjoint, Verdict::Regressed),
            "disjoint_passed": total(&tally.disjoint) - count(&tally.disjoint, Verdict::Regressed)
                - count(&tally.disjoint, Verdict::Unsure),
            "minutes_a_session": minutes(tally),
        })
    };
    let rules: Vec<Value> = replay
        .rules
        .iter()
        .map(|rule| {
            let effects: Vec<Value> = rule
                .effects
                .iter()
                .map(|(percent, found)| json!({ "percent": percent, "found": tally(found) }))
                .collect();
            json!({ "rule": name(rule.rule), "windows": rule.windows, "effects": effects })
        })
        .collect();
    json!({
        "file": replay.recording.name,
        "runs": replay.recording.runs.len(),
        "rules": rules,
    })
}

/// The line of one live session.
pub fn live_line(session: &LiveSession) -> String {
    format!(
        "| {} | {} | {} | {} | {} | {:.1} |\n",
        live::name(session.change),
        session.verdict,
        session.pairs,
        session.raw.map_or_else(|| "-".into(), interval),
        session.stolen.map_or_else(|| "-".into(), |share| format!("{:.2} %", share * 100.0)),
        session.minutes,
    )
}

/// Live sessions: a line each, what they come to, and the aims.
pub fn live(sessions: &[LiveSession], place: Place) -> String {
    let mut text = String::from(
        "| session | verdict | pairs | change | stolen, mean | minutes |\n\
         |---|---|---:|---|---:|---:|\n",
    );
    let mut tallies = Sessions::new();
    for session in sessions {
        text.push_str(&live_line(session));
        tallies.entry(session.change).or_default().add(session.outcome(), session.minutes);
    }
    for (change, tally) in &tallies {
        let of_it = sessions.iter().filter(|session| session.change == *change);
        let middle = median(of_it.filter_map(|session| Some(session.raw?.estimate)));
        let middle = middle
            .map_or_else(|| "unknown".into(), |value| format!("{:+.1} %", value.exp_m1() * 100.0));
        let of = |is_meant: fn(Verdict) -> bool| percent(tally.share(is_meant));
        let _ = writeln!(
            text,
            "\n{}: {} sessions, {} % regressed, {} % passed, {} % unsure; median estimate {middle}.",
            live::name(*change),
            tally.sessions,
            of(|verdict| verdict == Verdict::Regressed),
            of(Verdict::passes),
            of(|verdict| verdict == Verdict::Unsure),
        );
    }
    let _ = write!(text, "\nAims:\n\n{}", place.lines(&tallies));
    text
}

/// Standard deviation of the differences of ln(P99) between neighbours, whose mean is next to nothing.
fn deviation(runs: &[crate::recording::Run]) -> f64 {
    let squares =
        runs.windows(2).map(|two| (two[1].result.p99_ms / two[0].result.p99_ms).ln().powi(2));
    (squares.sum::<f64>() / runs.len().saturating_sub(1) as f64).sqrt()
}

fn interval(interval: xtask::stats::signed_rank::Interval) -> String {
    let of = |ln_ratio: f64| format!("{:+.1}", ln_ratio.exp_m1() * 100.0);
    format!("{} % ({} to {})", of(interval.estimate), of(interval.lower), of(interval.upper))
}

fn name(rule: Rule) -> String {
    match rule {
        Rule::RunsASide(1) => "1 run a side".into(),
        Rule::RunsASide(runs) => format!("median of {runs} a side"),
        Rule::Paired => "paired".into(),
    }
}

/// The noise at which each aim of the paired rule would be met. How long a session takes is no question of noise alone.
pub fn needed() -> String {
    let aims = aims::ENGRAM.aims();
    let mut text = String::from(
        "### What the aims need\n\nThe largest standard deviation of a pair's ln(P99 after / P99 before) at which \
         the paired rule\nmeets an aim, in simulated sessions of normal noise:\n\n| aim | noise |\n|---|---:|\n",
    );
    for (aim, noise) in aims.iter().zip(needed::largest_noise(&aims)) {
        if let Some(noise) = noise {
            let _ = writeln!(text, "| {} | {noise:.2} |", aim.name());
        }
    }
    text
}

/// Whether slices of one server's life could stand for fresh pairs.
pub fn duet(duet: &Duet) -> String {
    format!(
        "### Why a pair is a pair of fresh servers\n\n{} fresh pairs of servers of one binary, each loaded in turn in \
         {} slices a side: ln(P99) of one\nover the other varies by {:.2} (standard deviation) among the slices of a \
         pair. Were slices samples, the\nmeans of the pairs would vary by {:.2}; they vary by {:.2}.\n",
        duet.pairs,
        duet.slices,
        duet.within,
        duet.within / duet.slices.sqrt(),
        duet.between,
    )
}

fn found(tally: &Tally) -> f64 {
    tally.share(|verdict| verdict == Verdict::Regressed)
}

fn passed(tally: &Tally) -> f64 {
    tally.share(Verdict::passes)
}

/// The mean.
fn minutes(tally: &Tally) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "thousands at most")]
    let sessions = tally.minutes.len() as f64;
    tally.minutes.iter().sum::<f64>() / sessions
}

/// Regressions among the disjoint sessions, with the interval in which the true rate lies: `1 of 4, 1 to 81 %`.
fn with_interval(tally: &Tally) -> String {
    let (hits, all) = (count(&tally.disjoint, Verdict::Regressed), total(&tally.disjoint));
    let (low, high) = clopper_pearson(hits, all);
    format!("{hits} of {all}, {:.0} to {:.0} %", low * 100.0, high * 100.0)
}

/// The exact 95 % interval of a rate of `hits` in `all` (Clopper and Pearson, *Biometrika* 26, 1934).
fn clopper_pearson(hits: usize, all: usize) -> (f64, f64) {
    const TAIL: f64 = 0.025;
    // The rate at which seeing so many, or so few, is as unlikely as the tail; both tails move one way with the rate.
    let solve = |tail: &dyn Fn(f64) -> f64, rises: bool| {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if (tail(middle) < TAIL) == rises {
                low = middle;
            } else {
                high = middle;
            }
        }
        f64::midpoint(low, high)
    };
    let low = match hits {
        0 => 0.0,
        _ => solve(&|rate| 1.0 - at_most(hits - 1, all, rate), true),
    };
    let high = match hits == all {
        true => 1.0,
        false => solve(&|rate| at_most(hits, all, rate), false),
    };
    (low, high)
}

/// P(at most `hits` of `all`) at a rate.
#[allow(clippy::cast_precision_loss, reason = "hundreds at most")]
fn at_most(hits: usize, all: usize, rate: f64) -> f64 {
    let mut term = (1.0 - rate).powf(all as f64);
    let mut sum = term;
    for count in 1..=hits {
        term *= (all - count + 1) as f64 / count as f64 * rate / (1.0 - rate);
        sum += term;
    }
    sum
}

fn count(verdicts: &BTreeMap<Verdict, usize>, verdict: Verdict) -> usize {
    verdicts.get(&verdict).copied().unwrap_or_default()
}

fn total(verdicts: &BTreeMap<Verdict, usize>) -> usize {
    verdicts.values().sum()
}

fn percent(share: f64) -> String {
    format!("{:.1}", share * 100.0)
}
