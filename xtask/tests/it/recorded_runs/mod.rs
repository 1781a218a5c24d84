//! Recorded runs as `perf-check` and the old scripts leave them, in a checkout that has nothing else.

#![allow(dead_code, reason = "each test file uses its part")]

pub mod random;

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tempfile::TempDir;
use xtask::judge::comparison::{Comparison, Judgement};
use xtask::model::layout::BASELINES;
use xtask::model::names::{Mode, TaskId};
use xtask::model::provenance::{BuildRecord, Git, Load, Provenance};
use xtask::report::human;
use xtask::report::next::Surroundings;
use xtask::term::streams::Style;

/// The task of every run.
pub const TASK: &str = "007";

/// Neo4j's P99 in [`BASELINE_DOCUMENT`], in milliseconds.
pub const NEO4J_MS: f64 = 27.96;

/// The least document that gives Neo4j's P99.
pub const BASELINE_DOCUMENT: &str = "# Competitive baselines\n\n\
    | System | P99 Latency | Throughput (QPS) |\n|---|---|---|\n\
    | Qdrant | 22-24ms | 626 |\n| Neo4j | 27.96ms | 280 |\n";

/// A checkout with recorded runs.
pub struct Checkout(TempDir);

/// What is recorded of one run.
#[derive(Debug, Clone)]
pub struct Run {
    /// The load generator's result.
    pub result: Value,
    /// What `perf-check` adds; `None` for a run of the old scripts.
    pub provenance: Option<Provenance>,
}

impl Run {
    /// A run of the old scripts.
    pub fn new(p99_ms: f64, throughput: f64) -> Self {
        Self {
            result: json!({
                "config_name": "M17 Baseline",
                "elapsed_seconds": 60.0,
                "total_operations": 59990,
                "total_errors": 0,
                "overall_throughput": throughput,
                "overall_error_rate": 0.0,
                "p50_latency_ms": p99_ms / 2.0,
                "p95_latency_ms": p99_ms / 1.25,
                "p99_latency_ms": p99_ms,
                "per_operation_stats": {
                    "Store": operation(29990, p99_ms),
                    "Recall": operation(30000, p99_ms * 0.9),
                },
            }),
            provenance: None,
        }
    }

    /// The same with a share of its requests failed, and as many of them counted.
    pub fn failing(self, share: f64) -> Self {
        let operations = self.result["total_operations"].as_f64().unwrap();
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count"
        )]
        let errors = (operations * share).round() as u64;
        self.with("overall_error_rate", share)
            .with("total_errors", errors)
    }

    /// The same as where no latency was recorded.
    pub fn without_latencies(self) -> Self {
        self.with("p50_latency_ms", 0)
            .with("p95_latency_ms", 0)
            .with("p99_latency_ms", 0)
    }

    /// The same, with another value for `key` of the result.
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.result[key] = value.into();
        self
    }

    /// The same, without `key` in the result.
    pub fn without(mut self, key: &str) -> Self {
        self.result.as_object_mut().unwrap().remove(key);
        self
    }

    /// The same by `perf-check`, which built and measured the server with this content hash.
    pub fn of_server(self, engram_hash: &str) -> Self {
        self.told(|provenance| provenance.build.engram_hash = Some(engram_hash.into()))
    }

    /// The same by `perf-check`, with its provenance changed.
    pub fn told(mut self, change: impl FnOnce(&mut Provenance)) -> Self {
        change(self.provenance.get_or_insert_with(provenance));
        self
    }

    /// The same as run `index` of a group that `first` began and that was to have `of` runs.
    pub fn in_group(self, first: &str, index: u32, of: u32) -> Self {
        self.told(|provenance| {
            provenance.run.group = first.into();
            provenance.run.index = index;
            provenance.run.of = of;
        })
    }
}

fn operation(count: u64, p99_ms: f64) -> Value {
    let us = |share: f64| p99_ms * 1000.0 * share;
    json!({
        "count": count, "success_count": count, "error_count": 0,
        "p50_latency_us": us(0.5), "p95_latency_us": us(0.8), "p99_latency_us": us(1.0),
        "p999_latency_us": us(1.5), "mean_latency_us": us(0.55), "max_latency_us": us(3.0),
    })
}

fn provenance() -> Provenance {
    Provenance {
        load: Load {
            scenario: "scenarios/m17_baseline.toml".into(),
            scenario_hash: Some("scenario".into()),
            duration_seconds: 60,
            seed: 0xDEAD_BEEF,
            rate: 1000,
        },
        build: BuildRecord {
            profile: "release".into(),
            by_this_run: true,
            ..BuildRecord::default()
        },
        git: Some(Git {
            commit: Some("c0ffee".into()),
            branch: Some("main".into()),
            dirty: false,
        }),
        ..Provenance::default()
    }
}

impl Checkout {
    /// One with the baseline document and no run.
    pub fn new() -> Self {
        let checkout = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(checkout.path("tmp/m17_performance")).unwrap();
        checkout.write(BASELINES, BASELINE_DOCUMENT);
        checkout
    }

    /// One with an internal before and an internal after.
    pub fn of_two(before: Run, after: Run) -> Self {
        let checkout = Self::new();
        checkout.record("007_before_20251108_140000", before);
        checkout.record("007_after_20251108_144000", after);
        checkout
    }

    /// One with a competitive before and a competitive after.
    pub fn of_two_competitive(before: Run, after: Run) -> Self {
        let checkout = Self::new();
        checkout.record("competitive_007_before_20251108_140000", before);
        checkout.record("competitive_007_after_20251108_144000", after);
        checkout
    }

    /// Where a file of it is.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.0.path().join(relative)
    }

    /// Writes a file of it.
    pub fn write(&self, relative: &str, content: impl AsRef<[u8]>) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Records a run under that name, its own group unless it has one. No two are the same measurement: as in life,
    /// each has a digit of its own.
    pub fn record(&self, name: &str, run: Run) {
        let result = run.result.clone();
        let run = match result.is_object() {
            true => run.with("measured_as", name),
            false => run,
        };
        self.write(&result_file(name), run.result.to_string());
        if let Some(mut provenance) = run.provenance {
            provenance.run.name = name.into();
            if provenance.run.group.is_empty() {
                provenance.run.group = name.into();
                (provenance.run.index, provenance.run.of) = (1, 1);
            }
            self.write(&diagnosis_file(name), provenance.to_text());
        }
    }

    /// Sets when a run's result was last changed, in hours before now.
    pub fn modified_hours_ago(&self, name: &str, hours: u64) {
        let file = File::options()
            .append(true)
            .open(self.path(&result_file(name)))
            .unwrap();
        let ago = Duration::from_secs(hours * 60 * 60);
        file.set_modified(SystemTime::now() - ago).unwrap();
    }

    /// Every mode of the task, compared.
    pub fn comparisons(&self) -> Vec<Comparison> {
        self.comparisons_in(None)
    }

    /// One mode of the task, compared, or all.
    pub fn comparisons_in(&self, mode: Option<Mode>) -> Vec<Comparison> {
        xtask::answer::of_task(self.0.path(), &TaskId::parse(TASK).unwrap(), mode).unwrap()
    }

    /// The only mode of the task, compared.
    pub fn comparison(&self) -> Comparison {
        let mut comparisons = self.comparisons();
        assert_eq!(comparisons.len(), 1, "{comparisons:?}");
        comparisons.remove(0)
    }

    /// The exit code of comparing every mode of the task.
    pub fn exit_code(&self) -> u8 {
        xtask::judge::comparison::outcome(&self.comparisons()).code()
    }

    /// What a person reads.
    pub fn report(&self) -> String {
        human::report(&self.comparisons(), &Surroundings::default(), Style::Plain)
    }

    /// Why the only mode of the task cannot be judged, a reason a line; fails if it can.
    #[track_caller]
    pub fn reasons(&self) -> String {
        assert_eq!(self.exit_code(), 3, "{}", self.report());
        match self.comparison().judgement {
            Judgement::Impossible(reasons) => reasons
                .iter()
                .map(|reason| format!("{}\n", reason.fault.why))
                .collect(),
            judged => panic!("{judged:?}"),
        }
    }
}

/// The result file of a run, relative to the checkout.
pub fn result_file(name: &str) -> String {
    format!("tmp/m17_performance/{name}.json")
}

/// The provenance of a run, relative to the checkout.
pub fn diagnosis_file(name: &str) -> String {
    format!("tmp/m17_performance/{name}_diag.txt")
}
