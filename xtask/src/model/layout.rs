//! Every fixed path, relative to the checkout.

use crate::model::names::Mode;

/// The recorded runs.
pub const RESULTS: &str = "tmp/m17_performance";
/// The document that the competitors' figures are read from.
pub const BASELINES: &str = "docs/reference/competitive_baselines.md";
/// The milestone's documents; the tasks' files give their titles.
pub(crate) const ROADMAP: &str = "roadmap/milestone-17";
/// The performance log of the milestone: the outcome of each task.
pub const PERFORMANCE_LOG: &str = "roadmap/milestone-17/PERFORMANCE_LOG.md";

/// The scenario file of a mode.
pub fn scenario(mode: Mode) -> &'static str {
    match mode {
        Mode::Internal => "scenarios/m17_baseline.toml",
        Mode::Competitive => "scenarios/competitive/hybrid_production_100k.toml",
    }
}
