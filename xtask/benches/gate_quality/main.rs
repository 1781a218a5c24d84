//! What the gate is worth: how often it cries wolf, how often it finds a change, how often it passes one, and what that
//! costs in machine time.
//!
//! `cargo bench --package xtask --bench gate_quality` replays recorded runs of one binary through the shipped decision
//! code. `-- --data FILE...` takes other recordings of the same shape, `-- --json` prints the table as data, and
//! `-- --live` measures sessions of the stand-in against itself and against itself with real work added, with `--busy`
//! while half of the CPUs have other work.

mod aims;
mod duet;
mod live;
mod needed;
#[path = "../../tests/it/common/random.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod random;
mod recording;
mod replay;
mod simultaneous;
mod table;

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use aims::Place;
use recording::Recording;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The recordings of the real Engram that come with this crate.
const RECORDINGS: [&str; 3] = [
    "engram-same-binary-10s.jsonl",
    "engram-same-binary-10s-host.jsonl",
    "engram-same-binary-60s.jsonl",
];

/// Two servers of one binary, loaded in turn in short slices: another shape.
const SLICES: &str = "engram-duet-2s.jsonl";

/// Two servers of one binary, measured at the same time or in turn, with work added to one of them.
const DUETS: [(&str, Place); 3] = [
    ("engram-duet-quiet-10s.jsonl", aims::ENGRAM),
    ("engram-duet-10s.jsonl", aims::ENGRAM),
    ("engram-duet-busy-10s.jsonl", Place { is_busy: true, ..aims::ENGRAM }),
];

/// What was asked for.
struct Options {
    data: Vec<PathBuf>,
    as_json: bool,
    live: Option<live::Plan>,
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    // Only `cargo bench` says so; `cargo test --benches` runs this, too, and wants no answer that takes minutes.
    if !words.iter().any(|word| word == "--bench") {
        println!("nothing measured: this is for cargo bench --package xtask --bench gate_quality");
        return ExitCode::SUCCESS;
    }
    match options(words).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    if let Some(plan) = &options.live {
        let sessions = live::measure(plan)?;
        let place = Place { is_busy: plan.is_busy, ..aims::STAND_IN };
        print!("{}", table::live(&sessions, place));
        return Ok(());
    }
    let recordings: Vec<Recording> =
        options.data.iter().map(|path| recording::read(path)).collect::<Result<_>>()?;
    let replays: Vec<_> = recordings.iter().map(replay::replay).collect();
    match options.as_json {
        true => println!(
            "{:#}",
            json!({ "format": 1, "recordings": replays.iter().map(table::json).collect::<Vec<_>>() })
        ),
        false => {
            for replay in &replays {
                println!("{}", table::markdown(replay));
            }
            println!("{}", table::needed());
            println!("{}", table::duet(&duet::read(&folder().join(SLICES))?));
            for (name, place) in DUETS {
                let recorded = simultaneous::read(&folder().join(name))?;
                println!("### {name}\n\n{}", simultaneous::markdown(&recorded, place));
            }
        }
    }
    Ok(())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn options(words: Vec<String>) -> Result<Options> {
    let mut options = Options {
        data: RECORDINGS.iter().map(|name| folder().join(name)).collect(),
        as_json: false,
        live: None,
    };
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--bench" => {}
            "--json" => options.as_json = true,
            "--live" => {
                options.live.get_or_insert_default();
            }
            "--busy" => options.live.get_or_insert_default().is_busy = true,
            "--sessions" | "--duration" => {
                let number = words.next().and_then(|number| number.parse().ok());
                let number = number.ok_or_else(|| format!("{word} takes a whole number"))?;
                let plan = options.live.get_or_insert_default();
                match word.as_str() {
                    "--sessions" => plan.sessions = number,
                    _ => plan.duration = number,
                }
            }
            "--data" => {
                options.data.clear();
                while let Some(file) = words.next_if(|word| !word.starts_with("--")) {
                    options.data.push(file.into());
                }
                if options.data.is_empty() {
                    return Err("--data needs at least one file".into());
                }
            }
            other => return Err(format!("no option {other}").into()),
        }
    }
    Ok(options)
}
