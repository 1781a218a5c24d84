//! What was found, as tables in Markdown or as data.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use xtask::stats::numbers::median;

use crate::duet::Duet;
use crate::live::{Kind, LiveSession};
use crate::needed;
use crate::replay::{EFFECTS, Replay, Rule, RuleReplay, Tally, Verdict};

/// The effects at which finding a change is counted, by their place in [`EFFECTS`].
const FOUND: [usize; 4] = [1, 2, 3, 4];
/// The effects at which passing a change is counted.
const PASSED: [usize; 2] = [2, 3];

/// What the paired rule should reach.
const AIMS: [Aim; 5] = [
    aim(0, Counted::Found, Limit::AtMost(2.0)),
    aim(3, Counted::Found, Limit::AtLeast(95.0)),
    aim(2, Counted::Found, Limit::AtLeast(80.0)),
    aim(3, Counted::Passed, Limit::AtMost(1.0)),
    aim(0, Counted::Passed, Limit::AtLeast(90.0)),
];

struct Aim {
    /// Its place in [`EFFECTS`].
    effect: usize,
    outcome: Counted,
    limit: Limit,
}

const fn aim(effect: usize, outcome: Counted, limit: Limit) -> Aim {
    Aim { effect, outcome, limit }
}

#[derive(Clone, Copy)]
enum Counted {
    /// Called regressed.
    Found,
    /// Exit 0.
    Passed,
}

/// In per cent of the sessions.
#[derive(Clone, Copy)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

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
        let found = FOUND.map(|at| percent(found(&rule.effects[at])));
        let passed = PASSED.map(|at| percent(passed(&rule.effects[at])));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {:.1} | {} ({} disjoint) |",
            name(rule.rule),
            percent(self::found(&rule.effects[0])),
            found.join(" | "),
            passed.join(" | "),
            minutes(&rule.effects[0]),
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
        let same = &rule.effects[0];
        let of = |verdict| percent(share(same, |found| found == verdict));
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
            with_interval(&rule.effects[3]),
        );
    }
    for rule in &replay.rules {
        if matches!(rule.rule, Rule::Paired) {
            let aims = aims(rule).join("\n");
            let _ = writeln!(text, "\nAims, {}:\n\n{aims}", name(rule.rule));
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
            let effects: Vec<Value> = EFFECTS
                .iter()
                .zip(&rule.effects)
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
        session.kind.name(),
        session.verdict,
        session.pairs,
        session.raw.map_or_else(|| "-".into(), interval),
        session.stolen.map_or_else(|| "-".into(), |share| format!("{:.2} %", share * 100.0)),
        session.minutes,
    )
}

/// Live sessions: a line each, then what they come to.
pub fn live(sessions: &[LiveSession]) -> String {
    let mut text = String::from(
        "| session | verdict | pairs | change | stolen, mean | minutes |\n\
         |---|---|---:|---|---:|---:|\n",
    );
    for session in sessions {
        text.push_str(&live_line(session));
    }
    for kind in Kind::ALL {
        let of_kind: Vec<&LiveSession> =
            sessions.iter().filter(|session| session.kind == kind).collect();
        let exits = |code| of_kind.iter().filter(|session| session.exit == code).count();
        let middle = |estimate: &dyn Fn(&LiveSession) -> Option<f64>| {
            median(of_kind.iter().filter_map(|session| estimate(session))).map_or_else(
                || "unknown".into(),
                |value| format!("{:+.1} %", value.exp_m1() * 100.0),
            )
        };
        let _ = writeln!(
            text,
            "\n{}: {} sessions, {} regressed, {} passed, {} unsure; median estimate {}.",
            kind.name(),
            of_kind.len(),
            exits(1),
            exits(0),
            exits(3),
            middle(&|session| session.raw.map(|raw| raw.estimate)),
        );
    }
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

fn aims(rule: &RuleReplay) -> Vec<String> {
    AIMS.iter()
        .map(|aim| {
            let met = match aim.is_met(&rule.effects) {
                true => "met",
                false => "**not met**",
            };
            let value = aim.value(&rule.effects);
            format!("- {met}, {value:.1} %: {}", aim.name())
        })
        .collect()
}

/// The noise at which each aim of the paired rule would be met.
pub fn needed() -> String {
    let largest: [Option<f64>; AIMS.len()] =
        needed::largest_noise(&EFFECTS, |aim, tallies| AIMS[aim].is_met(tallies));
    let mut text = String::from(
        "### What the aims need\n\nThe largest standard deviation of a pair's ln(P99 after / P99 before) at which \
         the paired rule\nmeets an aim, in simulated sessions of normal noise:\n\n| aim | noise |\n|---|---:|\n",
    );
    for (aim, noise) in AIMS.iter().zip(largest) {
        let noise = noise.map_or_else(|| "none".into(), |noise| format!("{noise:.2}"));
        let _ = writeln!(text, "| {} | {noise} |", aim.name());
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

impl Aim {
    fn value(&self, effects: &[Tally]) -> f64 {
        let tally = &effects[self.effect];
        100.0
            * match self.outcome {
                Counted::Found => found(tally),
                Counted::Passed => passed(tally),
            }
    }

    fn is_met(&self, effects: &[Tally]) -> bool {
        match self.limit {
            Limit::AtMost(limit) => self.value(effects) <= limit,
            Limit::AtLeast(limit) => self.value(effects) >= limit,
        }
    }

    fn name(&self) -> String {
        let effect = match EFFECTS[self.effect] {
            0.0 => "a binary against itself".to_owned(),
            percent => format!("+{percent} %"),
        };
        let outcome = match self.outcome {
            Counted::Found => "called regressed",
            Counted::Passed => "passed",
        };
        match self.limit {
            Limit::AtMost(limit) => format!("{effect} {outcome} in at most {limit} %"),
            Limit::AtLeast(limit) => format!("{effect} {outcome} in at least {limit} %"),
        }
    }
}

fn found(tally: &Tally) -> f64 {
    share(tally, |verdict| verdict == Verdict::Regressed)
}

fn passed(tally: &Tally) -> f64 {
    share(tally, Verdict::passes)
}

fn share(tally: &Tally, is_meant: impl Fn(Verdict) -> bool) -> f64 {
    let meant: usize = tally
        .verdicts
        .iter()
        .filter(|(verdict, _)| is_meant(**verdict))
        .map(|(_, count)| count)
        .sum();
    ratio(meant, tally.sessions)
}

fn minutes(tally: &Tally) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "thousands at most")]
    let sessions = tally.sessions as f64;
    tally.minutes / sessions
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

#[allow(clippy::cast_precision_loss, reason = "thousands at most")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}
