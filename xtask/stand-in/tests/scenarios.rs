//! The scenario files of this repository: their parameters are those in use at Engram, and the load generator reads
//! them.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use stand_in::scenario::Scenario;
use toml::{Table, Value};

/// What the keys below have, file by file.
const KEYS: [&str; 13] = [
    "arrival.rate",
    "operations.store_weight",
    "operations.recall_weight",
    "operations.embedding_search_weight",
    "operations.pattern_completion_weight",
    "data.num_nodes",
    "data.embedding_dim",
    "validation.expected_p99_latency_ms",
    "validation.expected_throughput_ops_sec",
    "validation.max_error_rate",
    // Absent where the load generator's own are taken.
    "data.embedding_distribution.num_clusters",
    "data.embedding_distribution.std_dev",
    "duration.total_seconds",
];
const NONE: f64 = f64::NAN;
#[rustfmt::skip]
const IN_USE: [(&str, [f64; 13]); 5] = [
    ("m17_baseline.toml",
     [1000.0, 0.5, 0.425, 0.075, 0.0, 1e3, 768.0, 50.0, 800.0, 0.01, NONE, NONE, 60.0]),
    ("competitive/hybrid_production_100k.toml",
     [1000.0, 0.33, 0.33, 0.34, 0.0, 1e5, 768.0, 10.0, 900.0, 0.01, 50.0, 0.15, 60.0]),
    ("competitive/neo4j_traversal_100k.toml",
     [500.0, 0.0, 0.8, 0.2, 0.0, 1e5, 768.0, 15.0, 400.0, 0.01, 1000.0, 0.1, 60.0]),
    ("competitive/qdrant_ann_1m_768d.toml",
     [1000.0, 0.0, 0.0, 1.0, 0.0, 1e6, 768.0, 20.0, 800.0, 0.005, 100.0, 0.15, 60.0]),
    ("competitive/milvus_ann_10m.toml",
     [500.0, 0.0, 0.0, 1.0, 0.0, 1e7, 768.0, 100.0, 400.0, 0.0, 1000.0, 0.15, 60.0]),
];

#[test]
fn every_scenario_has_the_parameters_in_use_and_is_read() {
    for (file, parameters) in IN_USE {
        let text = text(file);
        assert!(Scenario::parse(&text).is_ok(), "{file}");
        let table: Table = text.parse().unwrap();
        for (key, wanted) in KEYS.into_iter().zip(parameters) {
            let found = number(&table, key);
            let wanted = Some(wanted).filter(|number| !number.is_nan());
            assert_eq!(found, wanted, "{key} of {file}");
        }
    }
}

fn text(file: &str) -> String {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    fs::read_to_string(scenarios.join(file)).unwrap()
}

fn number(table: &Table, key: &str) -> Option<f64> {
    let mut keys = key.split('.');
    let first = table.get(keys.next()?)?;
    let value = keys.try_fold(first, |value, key| value.get(key))?;
    match value {
        #[allow(clippy::cast_precision_loss)]
        Value::Integer(whole) => Some(*whole as f64),
        other => other.as_float(),
    }
}
