//! What a comparison costs: in a small folder of results and in a very large one, beside a shell script that does the
//! least of it, a process a figure, as scripts of this kind do. And what `perf-history` costs, which reads every run.
//!
//! `cargo bench --package xtask --bench compare`, with `-- --quick` after it for fewer repetitions. It is the tool as
//! it is used that is measured, built in the `dev` profile. Nothing fails for being slow: whoever reads judges.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use common::recording::{Recording, write_baselines};
use common::{Checkout, finish};
use xtask::model::layout::RESULTS as FOLDER;
use xtask::model::names::{Part, Timestamp};

#[path = "../tests/it/common/mod.rs"]
mod common;
mod table;

fn main() {
    let Some(repetitions) = table::repetitions("compare") else {
        return;
    };
    let program = table::built_as_used();
    println!("{}", table::heading());
    for (recorded, aim_ms) in [(SMALL, SMALL_AIM_MS), (LARGE, LARGE_AIM_MS)] {
        let checkout = checkout(recorded);
        for row in measure(&program, &checkout, &format!("{recorded} runs"), repetitions) {
            println!("{row}");
        }
        println!("{:<44} {aim_ms:>14} ms", "  aim of the tool");
    }
    println!("{}", measure_history(&program, repetitions));
    println!("{:<44} {HISTORY_AIM_MS:>14} ms", "  aim of the tool");
}

/// Recorded runs.
const SMALL: usize = 10;
const LARGE: usize = 100_000;
/// The most that the tool may take in each, in milliseconds.
const SMALL_AIM_MS: f64 = 10.0;
const LARGE_AIM_MS: f64 = 300.0;
/// The runs that `perf-history` reads, and the most milliseconds that it may take for it.
const HISTORY: usize = 10_000;
const HISTORY_AIM_MS: f64 = 1000.0;
/// Recorded runs of one task: both sides, twice.
const OF_ONE_TASK: usize = 4;

/// A checkout with this many recorded runs, each of them in four files: a few for each task, and a clean change of task
/// 007.
fn checkout(recorded: usize) -> Checkout {
    let checkout = Checkout::without_product();
    write_baselines(&checkout);
    let sides = [Recording::new(), Recording::new().after().p99(0.472)];
    for side in &sides {
        side.write(&checkout);
    }
    let folder = checkout.path(FOLDER);
    let results = sides.map(|side| side.text());
    let started = Timestamp::parse("20240101_000000").unwrap().moment();
    for number in 2..recorded {
        let task = format!("earlier-{}", number / OF_ONE_TASK);
        let moment = Timestamp::of(started + time::Duration::minutes(number.try_into().unwrap()));
        let phase = ["before", "after"][number % 2];
        for part in Part::ALL {
            let content = match part {
                Part::Result => results[number % 2].as_str(),
                Part::System | Part::Diagnosis | Part::LoadLog => "",
            };
            let name = format!("{task}_{phase}_{moment}{}", part.suffix());
            fs::write(folder.join(name), content).unwrap();
        }
    }
    checkout
}

/// Each run has its provenance; of every two, one is measured before a change and one after it.
fn measure_history(program: &Path, repetitions: usize) -> String {
    let checkout = Checkout::without_product();
    let started = Timestamp::parse("20240101_000000").unwrap().moment();
    for number in 0..HISTORY {
        let moment = Timestamp::of(started + time::Duration::minutes(number.try_into().unwrap()));
        let run = Recording::new().task(&format!("task-{}", number / 2)).at(&moment.to_string());
        // The server after one change is the one before the next.
        let run = run.of_server(&format!("{:040}", number.div_ceil(2)));
        let run = if number % 2 == 0 { run.before() } else { run.after() };
        run.write(&checkout);
    }
    let tool = || {
        let mut tool = Command::new(program);
        tool.arg("perf-history");
        timed(tool, &checkout, " task-4999 ")
    };
    // The first meets cold caches.
    tool();
    let figures = (0..repetitions).map(|_| tool()).collect();
    table::row(&format!("history of {HISTORY} runs"), "ms", figures)
}

/// Both ways in turn, so that a slow minute meets both alike.
fn measure(program: &Path, checkout: &Checkout, title: &str, repetitions: usize) -> [String; 3] {
    let script = checkout.path("compare.sh");
    fs::write(&script, OLD_WAY).unwrap();
    let tool = || {
        let mut tool = Command::new(program);
        tool.args(["perf-compare", "007"]);
        timed(tool, checkout, "+3.1")
    };
    let old_way = || {
        let mut shell = Command::new("sh");
        shell.arg(&script).arg("007");
        timed(shell, checkout, "+3.1")
    };
    // The first of each meets cold caches.
    tool();
    old_way();
    let (mut by_tool, mut by_script) = (Vec::new(), Vec::new());
    for _ in 0..repetitions {
        by_tool.push(tool());
        by_script.push(old_way());
    }
    let ratios = by_script.iter().zip(&by_tool);
    let ratios = ratios.map(|(script, tool)| script / tool).collect();
    [
        table::row(&format!("{title}: tool"), "ms", by_tool),
        table::row(&format!("{title}: script"), "ms", by_script),
        table::row(&format!("{title}: ratio"), "times", ratios),
    ]
}

/// Milliseconds of a command that finds no regression, and says this.
fn timed(mut command: Command, checkout: &Checkout, says: &str) -> f64 {
    command.current_dir(checkout.path("")).env_remove("CARGO_MANIFEST_DIR");
    let began = Instant::now();
    let finished = finish(command);
    let seconds = began.elapsed().as_secs_f64();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.output.contains(says), "{says} is not in what it printed");
    seconds * 1000.0
}

/// The newest before and after by the time of change, each figure read by a process of its own, the six rows of the
/// metrics, and the three internal limits. It reads no provenance, no baselines and no groups, and checks nothing.
const OLD_WAY: &str = r#"
cd tmp/m17_performance || exit 3
newest() { ls -t | grep "^$1_$2_.*\.json\$" | head -n 1; }
before=$(newest "$1" before)
after=$(newest "$1" after)
[ -f "$before" ] && [ -f "$after" ] || exit 3

figure() { sed -n "s/^  \"$2\": \([0-9.e+-]*\),*\$/\1/p" "$1"; }
percent() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%+.1f", (b - a) / a * 100 }'; }
beyond() { awk -v a="$1" -v limit="$2" 'BEGIN { exit !(a > limit) }'; }

code=0
for key in p50_latency_ms p95_latency_ms p99_latency_ms overall_throughput; do
    old=$(figure "$before" "$key")
    new=$(figure "$after" "$key")
    change=$(percent "$old" "$new")
    printf '%-20s %12s %12s %10s%%\n' "$key" "$old" "$new" "$change"
    case $key in
    p99_latency_ms) if beyond "$change" 5; then code=1; fi ;;
    overall_throughput) if beyond "$(awk -v a="$change" 'BEGIN { print -a }')" 5; then code=1; fi ;;
    esac
done
old=$(figure "$before" total_errors)
new=$(figure "$after" total_errors)
printf '%-20s %12s %12s %10s\n' total_errors "$old" "$new" "$((new - old))"
old=$(figure "$before" overall_error_rate)
new=$(figure "$after" overall_error_rate)
points=$(awk -v a="$old" -v b="$new" 'BEGIN { printf "%+.1f", (b - a) * 100 }')
printf '%-20s %12s %12s %8spp\n' overall_error_rate "$old" "$new" "$points"
if beyond "$points" 5; then code=1; fi
exit $code
"#;
