//! Scenarios and baseline documents.

/// A scenario without limits, gentle enough for a busy machine.
pub fn scenario(name: &str) -> String {
    format!(
        "name = \"{name}\"\ndescription = \"for tests\"\n[duration]\ntotal_seconds = 1\n\
         [arrival]\npattern = \"constant\"\nrate = 25.0\n\
         [operations]\nstore_weight = 0.5\nrecall_weight = 0.4\nembedding_search_weight = 0.1\n\
         pattern_completion_weight = 0.0\n\
         [data]\nnum_nodes = 100\nembedding_dim = 768\nmemory_spaces = 1\n"
    )
}

/// Neo4j's P99 in [`BASELINE_DOCUMENT`], in milliseconds.
pub const NEO4J_MS: f64 = 27.96;

/// A short document that gives Neo4j's P99.
pub const BASELINE_DOCUMENT: &str = "# Competitive baselines\n\n\
    | System | P99 Latency | Throughput (QPS) |\n|---|---|---|\n\
    | Qdrant | 22-24ms | 626 |\n| Neo4j | 27.96ms | 280 |\n";

/// This repository's own baseline document.
pub const OWN_BASELINE_DOCUMENT: &str =
    include_str!("../../../../docs/reference/competitive_baselines.md");
