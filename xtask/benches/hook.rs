//! What the pre-push hook adds to a push: the same push with and without it, in turn, to a remote on the same disk.
//!
//! `cargo bench --package xtask --bench hook`, with `-- --quick` after it for fewer repetitions. It is the tool as it
//! is used that is measured, built in the `dev` profile. Nothing fails for being slow: whoever reads judges.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use common::finish;
use common::project::Project;
use common::recording::Recording;

use xtask::model::names::{Part, Timestamp};
use xtask::model::provenance::SessionPlace;

#[path = "../tests/it/common/mod.rs"]
mod common;
mod table;

fn main() {
    let Some(repetitions) = table::repetitions("hook") else {
        return;
    };
    let program = table::built_as_used();
    println!("{}", table::heading());
    for (recorded, of) in [(FEW, Of::ManyTasks), (MANY, Of::ManyTasks), (MANY, Of::Pairs)] {
        let project = project(recorded, of);
        install(&project, &program);
        for row in measure(&project, &format!("{recorded} runs{}", of.words()), repetitions) {
            println!("{row}");
        }
    }
}

/// Recorded runs.
const FEW: usize = 10;
const MANY: usize = 10_000;
/// Recorded runs of one task: some rounds of both sides in both modes.
const OF_ONE_TASK: usize = 2;
/// Files in a repository of a realistic size.
const FILES: usize = 3000;

/// What was recorded.
#[derive(Clone, Copy)]
enum Of {
    /// Lone runs of many tasks.
    ManyTasks,
    /// The pairs of the task whose change is pushed.
    Pairs,
}

impl Of {
    fn words(self) -> &'static str {
        match self {
            Self::ManyTasks => "",
            Self::Pairs => " in pairs",
        }
    }
}

/// A project with a clean change to push, and this many recorded runs.
fn project(recorded: usize, of: Of) -> Project {
    let project = Project::without_hook();
    for number in 0..FILES {
        let path = format!("src/part_{}/file_{number}.rs", number / 30);
        project.checkout.write(&path, format!("pub const NUMBER: usize = {number};\n"));
    }
    project.commit();
    project.git("push --quiet origin main");
    project.clean();
    let sides = [Recording::before, Recording::after];
    let earlier = Timestamp::parse("20240101_000000").unwrap().moment();
    let later = Timestamp::parse("20260101_000000").unwrap().moment();
    for number in 2..recorded {
        let after = time::Duration::minutes(number.try_into().unwrap());
        let run = sides[number % 2](Recording::new());
        let run = match of {
            Of::ManyTasks => {
                let run = run
                    .task(&format!("earlier-{}", number / OF_ONE_TASK))
                    .at(&Timestamp::of(earlier + after).to_string());
                match number % 4 < 2 {
                    true => run,
                    false => run.competitive(),
                }
            }
            Of::Pairs => run.at(&Timestamp::of(later + after).to_string()).with(|provenance| {
                provenance.session = Some(SessionPlace {
                    id: "a session".to_owned(),
                    pair: 1,
                    order: "before-first".to_owned(),
                });
            }),
        };
        project.record(&run, Some("other content"));
    }
    // What `perf-check` leaves beside every result.
    for name in project.checkout.results() {
        let stem = name.trim_end_matches(".json");
        for part in [Part::System, Part::LoadLog] {
            fs::write(project.recorded(&format!("{stem}{}", part.suffix())), "").unwrap();
        }
    }
    assert_eq!(project.checkout.results().len(), recorded);
    project
}

fn install(project: &Project, program: &Path) {
    let mut install = Command::new(program);
    install.args(["hook", "install", "-C"]).arg(project.folder()).env_remove("CARGO_MANIFEST_DIR");
    finish(install).succeeded();
}

fn measure(project: &Project, recorded: &str, repetitions: usize) -> [String; 4] {
    let (mut without, mut with) = (Vec::new(), Vec::new());
    // The first of each meets cold caches.
    push(project, "");
    push(project, "--no-verify");
    for repetition in 0..repetitions {
        if repetition % 2 == 0 {
            without.push(push(project, "--no-verify"));
            with.push(push(project, ""));
        } else {
            with.push(push(project, ""));
            without.push(push(project, "--no-verify"));
        }
    }
    let pairs = || with.iter().zip(&without);
    let added = pairs().map(|(with, without)| with - without).collect();
    let ratios = pairs().map(|(with, without)| with / without).collect();
    [
        table::row(&format!("{recorded}: push without hook"), "s", without),
        table::row(&format!("{recorded}: with hook"), "s", with),
        table::row(&format!("{recorded}: added"), "s", added),
        table::row(&format!("{recorded}: ratio"), "times", ratios),
    ]
}

/// Seconds of a push of the change; afterwards the remote is as it was.
fn push(project: &Project, option: &str) -> f64 {
    let push = project.push_command(&format!("{option} origin main"));
    let began = Instant::now();
    let finished = finish(push);
    let seconds = began.elapsed().as_secs_f64();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let judged = finished.errors.contains("no regression");
    assert_eq!(judged, option.is_empty(), "{finished:?}");
    project.git("push --quiet --no-verify --force origin main~1:main");
    seconds
}
