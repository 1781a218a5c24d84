//! Recorded runs as `perf-check` or the old scripts leave them.

use std::fmt;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;
use xtask::measure::scenario;
use xtask::model::layout::{self, BASELINES, RESULTS};
use xtask::model::limits::PLAN;
use xtask::model::names::{How, Mode, Part, Phase, RunName, TaskId, Timestamp};
use xtask::model::provenance::{BuildRecord, Git, Load, Provenance, Run, SessionPlace};
use xtask::model::session::{Member, PairRecord, SessionRecord, Subject};
use xtask::stats::paired::Plan;
use xtask::store::recorded::read;
use xtask::store::results::Results;

use super::Checkout;
use super::documents::OWN_BASELINE_DOCUMENT;

/// Puts this repository's own baseline document in `checkout`.
pub fn write_baselines(checkout: &Checkout) {
    checkout.write(BASELINES, OWN_BASELINE_DOCUMENT);
}

/// The result file of a run, relative to the checkout.
pub fn result_file(name: &str) -> String {
    format!("{RESULTS}/{name}{}", Part::Result.suffix())
}

/// The provenance of a run, relative to the checkout.
pub fn diagnosis_file(name: &str) -> String {
    format!("{RESULTS}/{name}{}", Part::Diagnosis.suffix())
}

/// One recorded run. By default it is one of the specification's Task 007, measured by `perf-check` on a server that
/// differs between before and after.
#[derive(Clone)]
pub struct Recording {
    task: String,
    mode: Mode,
    phase: Phase,
    at: Option<String>,
    /// The name under which it is recorded, where that is not its own.
    recorded_as: Option<String>,
    config_name: String,
    elapsed_seconds: f64,
    p99_ms: f64,
    throughput: f64,
    error_rate: f64,
    /// The number of requests; by default as many as throughput and length make.
    requests: Option<f64>,
    operations: Vec<(String, f64)>,
    /// Values that replace those of the figures, by key of the result; `None` leaves the key out.
    fields: Vec<(String, Option<Value>)>,
    /// An old script wrote it: there is no provenance.
    by_old_script: bool,
    /// Changes to the usual provenance, in order.
    changes: Vec<Rc<Change>>,
}

type Change = dyn Fn(&mut Provenance);

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording")
            .field("result", &self.result())
            .field("provenance", &self.provenance())
            .finish()
    }
}

impl Recording {
    /// The internal before of task 007.
    pub fn new() -> Self {
        Self {
            task: "007".to_owned(),
            mode: Mode::Internal,
            phase: Phase::Before,
            at: None,
            recorded_as: None,
            config_name: "M17 Baseline".to_owned(),
            elapsed_seconds: 60.0,
            p99_ms: 0.458,
            throughput: 999.88,
            error_rate: 0.0,
            requests: None,
            operations: Vec::new(),
            fields: Vec::new(),
            by_old_script: false,
            changes: Vec::new(),
        }
    }

    /// A run of the old scripts with these figures, of a server that remains unknown in its provenance should it get
    /// one.
    pub fn figures(p99_ms: f64, throughput: f64) -> Self {
        Self { p99_ms, throughput, requests: Some(59_990.0), ..Self::new() }
            .with(|provenance| provenance.build.engram_hash = None)
            .by_old_script()
    }

    /// Of another task.
    pub fn task(self, task: &str) -> Self {
        Self { task: task.to_owned(), ..self }
    }

    /// The side without the change.
    pub fn before(self) -> Self {
        Self { phase: Phase::Before, ..self }
    }

    /// The side with the change.
    pub fn after(self) -> Self {
        Self { phase: Phase::After, ..self }
    }

    /// Of the competitive scenario.
    pub fn competitive(self) -> Self {
        Self { mode: Mode::Competitive, config_name: "Hybrid Production 100K".to_owned(), ..self }
    }

    /// At another time, as file names carry it.
    pub fn at(self, timestamp: &str) -> Self {
        Self { at: Some(timestamp.to_owned()), ..self }
    }

    /// With another P99, in milliseconds.
    pub fn p99(self, p99_ms: f64) -> Self {
        Self { p99_ms, ..self }
    }

    /// With another throughput, in operations per second.
    pub fn throughput(self, throughput: f64) -> Self {
        Self { throughput, ..self }
    }

    /// With failed requests, as a share from 0 to 1.
    pub fn error_rate(self, error_rate: f64) -> Self {
        Self { error_rate, ..self }
    }

    /// With another number of requests than throughput and length make.
    pub fn requests(self, requests: f64) -> Self {
        Self { requests: Some(requests), ..self }
    }

    /// Of another scenario, by name.
    pub fn config_name(self, name: &str) -> Self {
        Self { config_name: name.to_owned(), ..self }
    }

    /// With another length of load, in seconds.
    pub fn elapsed(self, elapsed_seconds: f64) -> Self {
        Self { elapsed_seconds, ..self }
    }

    /// With an operation's own P99, in milliseconds, in the place of the usual three operations.
    pub fn operation(mut self, name: &str, p99_ms: f64) -> Self {
        self.operations.push((name.to_owned(), p99_ms));
        self
    }

    /// With another value for `key` of the result.
    pub fn field(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.fields.push((key.to_owned(), Some(value.into())));
        self
    }

    /// Without `key` in the result.
    pub fn without_field(mut self, key: &str) -> Self {
        self.fields.push((key.to_owned(), None));
        self
    }

    /// With latencies of 0, which is how no latency is recorded.
    pub fn without_latencies(self) -> Self {
        self.p99(0.0)
    }

    /// By an old script: without provenance.
    pub fn by_old_script(self) -> Self {
        Self { by_old_script: true, ..self }
    }

    /// By `perf-check`, with something else in its provenance.
    pub fn with(mut self, change: impl Fn(&mut Provenance) + 'static) -> Self {
        self.changes.push(Rc::new(change));
        self.by_old_script = false;
        self
    }

    /// Measured on the server with this content hash.
    pub fn of_server(self, engram_hash: &str) -> Self {
        let engram_hash = engram_hash.to_owned();
        self.with(move |provenance| provenance.build.engram_hash = Some(engram_hash.clone()))
    }

    /// Run `index` of a group that `first` began and that was to have `of` runs.
    pub fn in_group(self, first: &str, index: u32, of: u32) -> Self {
        let first = first.to_owned();
        self.with(move |provenance| {
            provenance.run.group.clone_from(&first);
            (provenance.run.index, provenance.run.of) = (index, of);
        })
    }

    /// Measured with `--no-build`.
    pub fn not_built(self) -> Self {
        self.with(|provenance| provenance.build.by_this_run = false)
    }

    /// Measured on the server that both sides may share.
    pub fn same_server(self) -> Self {
        self.of_server("the same server")
    }

    /// Measured on the stand-in.
    pub fn on_stand_in(self) -> Self {
        self.with(|provenance| provenance.build.stand_in = true)
    }

    /// The load generator's result.
    pub fn result(&self) -> Value {
        let total =
            self.requests.unwrap_or_else(|| (self.throughput * self.elapsed_seconds).round());
        let usual = [("Recall", 1.0), ("Search", 0.8), ("Store", 0.6)]
            .map(|(name, share)| (name.to_owned(), self.p99_ms * share));
        let operations = match self.operations.as_slice() {
            [] => usual.as_slice(),
            own => own,
        };
        let number = operations.len();
        let operations: Map<String, Value> = operations
            .iter()
            .map(|(name, p99_ms)| {
                let count = whole(total) / number as u64;
                let errors = whole(count as f64 * self.error_rate);
                let stats = json!({
                    "count": count,
                    "success_count": count.saturating_sub(errors),
                    "error_count": errors,
                    "p50_latency_us": microseconds(p99_ms * 0.5),
                    "p95_latency_us": microseconds(p99_ms * 0.8),
                    "p99_latency_us": microseconds(*p99_ms),
                    "p999_latency_us": microseconds(p99_ms * 1.5),
                    "mean_latency_us": p99_ms * 550.0,
                    "max_latency_us": microseconds(p99_ms * 3.0),
                });
                (name.clone(), stats)
            })
            .collect();
        let mut result = json!({
            "config_name": self.config_name,
            "elapsed_seconds": self.elapsed_seconds,
            "total_operations": whole(total),
            "total_errors": whole(total * self.error_rate),
            "overall_throughput": self.throughput,
            "overall_error_rate": self.error_rate,
            "p50_latency_ms": microseconds(self.p99_ms * 0.5) / 1000.0,
            "p95_latency_ms": microseconds(self.p99_ms * 0.8) / 1000.0,
            "p99_latency_ms": self.p99_ms,
            "per_operation_stats": operations,
        });
        let object = result.as_object_mut().unwrap();
        for (key, value) in &self.fields {
            match value {
                Some(value) => object.insert(key.clone(), value.clone()),
                None => object.remove(key),
            };
        }
        result
    }

    /// The text of its result file.
    pub fn text(&self) -> String {
        format!("{:#}\n", self.result())
    }

    /// The name of its files. Without another time, those of the specification's file system layout.
    pub fn name(&self) -> RunName {
        let usual = match (self.mode, self.phase) {
            (Mode::Internal, Phase::Before) => "20251108_140000",
            (Mode::Internal, Phase::After) => "20251108_142000",
            (Mode::Competitive, Phase::Before) => "20251108_143000",
            (Mode::Competitive, Phase::After) => "20251108_144000",
        };
        RunName {
            task: TaskId::parse(&self.task).unwrap(),
            mode: self.mode,
            phase: self.phase,
            timestamp: Timestamp::parse(self.at.as_deref().unwrap_or(usual)).unwrap(),
        }
    }

    /// Its provenance, unless the old scripts wrote it.
    pub fn provenance(&self) -> Option<Provenance> {
        if self.by_old_script {
            return None;
        }
        let name = self.recorded_as.clone().unwrap_or_else(|| self.name().to_string());
        let started = RunName::parse(&name).map_or(String::new(), |name| {
            let moment = name.timestamp.moment().assume_utc();
            moment.format(&Rfc3339).unwrap()
        });
        let mut provenance = Provenance {
            run: Run { name: name.clone(), started, group: name, index: 1, of: 1 },
            load: Load {
                scenario: layout::scenario(self.mode).to_owned(),
                scenario_hash: Some("the scenario".to_owned()),
                duration_seconds: whole(self.elapsed_seconds),
                seed: scenario::seed(self.mode),
                rate: match self.mode {
                    Mode::Internal => 1000,
                    Mode::Competitive => 500,
                },
            },
            build: BuildRecord {
                profile: "release".to_owned(),
                by_this_run: true,
                engram_hash: Some(format!("the server {}", self.phase)),
                loadtest_hash: Some("the load generator".to_owned()),
                ..BuildRecord::default()
            },
            git: Some(Git {
                commit: Some(
                    match self.phase {
                        Phase::Before => "be0be0be0be0be0be0be0be0be0be0be0be0be0b",
                        Phase::After => "af0af0af0af0af0af0af0af0af0af0af0af0af0a",
                    }
                    .to_owned(),
                ),
                branch: None,
                dirty: false,
            }),
            ..Provenance::default()
        };
        for change in &self.changes {
            change(&mut provenance);
        }
        let Provenance { load, build, .. } = &mut provenance;
        for hash in [&mut load.scenario_hash, &mut build.engram_hash, &mut build.loadtest_hash] {
            *hash = hash.take().map(hash_of);
        }
        Some(provenance)
    }

    /// Records it in `checkout`; returns the path of the result.
    pub fn write(&self, checkout: &Checkout) -> PathBuf {
        self.record(checkout, self.provenance())
    }

    /// Records runs a minute apart with these P99s, in milliseconds, as one group that was to have `planned` runs.
    pub fn write_group(&self, checkout: &Checkout, p99s_ms: &[f64], planned: u32) {
        let group = self.name();
        for (index, &p99_ms) in (0_u32..).zip(p99s_ms) {
            let mut run = self.clone().p99(p99_ms);
            let moment = group.timestamp.moment() + time::Duration::minutes(index.into());
            run.at = Some(Timestamp::of(moment).to_string());
            let mut provenance = run.provenance().unwrap();
            provenance.run.group = group.to_string();
            provenance.run.index = index + 1;
            provenance.run.of = planned;
            run.record(checkout, Some(provenance));
        }
    }

    /// Records a session of `perf-confirm` on the servers of `before` and `after`: for each pair both P99s, in
    /// milliseconds.
    pub fn write_session(
        before: &Self,
        after: &Self,
        checkout: &Checkout,
        pairs_ms: &[(f64, f64)],
    ) {
        Self::write_session_under(PLAN.up_to(8).unwrap(), before, after, checkout, pairs_ms);
    }

    /// Records a session under a plan of its own. It was opened at the time of `after`.
    pub fn write_session_under(
        plan: Plan,
        before: &Self,
        after: &Self,
        checkout: &Checkout,
        pairs_ms: &[(f64, f64)],
    ) {
        let known = |side: &Self| side.provenance().unwrap();
        let (subject_before, subject_after) = (known(before), known(after));
        let subject = Subject {
            mode: after.mode,
            before: subject_before.build.engram_hash.unwrap(),
            after: subject_after.build.engram_hash.unwrap(),
            scenario: subject_before.load.scenario_hash.unwrap(),
            duration_seconds: subject_before.load.duration_seconds,
            how: How::Duet,
        };
        let loadtest = subject_before.build.loadtest_hash.unwrap();
        let mut record = SessionRecord::open(subject, after.name().timestamp, loadtest, plan);
        for (pair, &(before_ms, after_ms)) in (1_u32..).zip(pairs_ms) {
            let [before, after] = [(before, before_ms), (after, after_ms)].map(|(side, p99_ms)| {
                let mut run = side.clone().p99(p99_ms);
                let moment = side.name().timestamp.moment() + time::Duration::hours(pair.into());
                run.at = Some(Timestamp::of(moment).to_string());
                let mut provenance = run.provenance().unwrap();
                provenance.session = Some(SessionPlace {
                    id: record.id(),
                    pair,
                    order: "before-first".to_owned(),
                    how: Some(record.subject.how),
                    ..SessionPlace::default()
                });
                let path = run.record(checkout, Some(provenance));
                Member::of(run.name(), &read(&path).unwrap())
            });
            record.pairs.push(PairRecord { before, after });
        }
        record.save(&Results::of(&checkout.path(""))).unwrap();
    }

    /// Archives every session, as `--fresh` does one of them.
    pub fn archive_sessions(checkout: &Checkout) {
        for session in fs::read_dir(checkout.path(RESULTS).join("sessions")).unwrap() {
            let path = session.unwrap().path();
            if path.extension().is_some_and(|kind| kind == "toml") {
                let mut archived = path.with_extension("archived_20251120_140000");
                while archived.exists() {
                    archived.as_mut_os_string().push("_");
                }
                fs::rename(&path, archived).unwrap();
            }
        }
    }

    /// Writes the result alone, wherever and under whatever name.
    pub fn write_alone(&self, path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, self.text()).unwrap();
    }

    fn record(&self, checkout: &Checkout, provenance: Option<Provenance>) -> PathBuf {
        let path = |part| checkout.path(RESULTS).join(self.name().file(part));
        self.write_alone(&path(Part::Result));
        if let Some(provenance) = provenance {
            fs::write(path(Part::Diagnosis), provenance.to_text()).unwrap();
        }
        path(Part::Result)
    }
}

impl Checkout {
    /// Records a run under `name`, whatever it is, as its own group unless it has one. No two are the same
    /// measurement: as in life, each has a digit of its own.
    pub fn record(&self, name: &str, recording: Recording) {
        let recording = Recording {
            recorded_as: Some(name.to_owned()),
            ..recording.field("measured_as", name)
        };
        self.write(&result_file(name), recording.text());
        if let Some(provenance) = recording.provenance() {
            self.write(&diagnosis_file(name), provenance.to_text());
        }
    }
}

/// Whole ones, but where that would change the figure.
fn microseconds(ms: f64) -> f64 {
    match ms < 0.1 {
        true => ms * 1000.0,
        false => (ms * 1000.0).round(),
    }
}

/// The hash that stands for a name: tests call servers and scenarios by names. What is empty or a hash stays so.
pub fn hash_of(name: String) -> String {
    let digits = name.rsplit(':').next().unwrap_or_default();
    let is_hash = digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if name.is_empty() || is_hash {
        return name;
    }
    let mut hash = String::new();
    for part in 0..3_u8 {
        let mut hasher = DefaultHasher::new();
        (part, &name).hash(&mut hasher);
        hash.push_str(&format!("{:016x}", hasher.finish()));
    }
    hash.truncate(40);
    hash
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
fn whole(number: f64) -> u64 {
    number.round() as u64
}
