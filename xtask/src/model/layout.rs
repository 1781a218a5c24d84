//! Every fixed path, relative to the checkout.

use crate::model::names::Mode;

/// The recorded runs.
pub const RESULTS: &str = "tmp/m17_performance";
/// The folder of the run in progress, in that of the recorded runs.
pub(crate) const UNSAVED: &str = "unsaved";
/// The file in which the server of a check writes its process id, before a colon.
pub const PID_FILE: &str = "tmp/m17_performance/unsaved/engram.pid";
/// The lists of the inputs that measured binaries were built from, in the folder of the recorded runs.
pub(crate) const SOURCES: &str = "sources";
/// The measurements that were taken back, in the folder of the recorded runs.
pub const ARCHIVED: &str = "archived";
/// The document that the competitors' figures are read from.
pub const BASELINES: &str = "docs/reference/competitive_baselines.md";
/// The documents that are looked up, among them the competitive reviews.
pub(crate) const REFERENCE: &str = "docs/reference";
/// The scenarios that stand for competitors.
pub(crate) const COMPETITIVE_SCENARIOS: &str = "scenarios/competitive";
/// The runs of competitive reviews, a folder each.
pub(crate) const REVIEWS: &str = "tmp/competitive_review";
/// The milestone's documents; the tasks' files give their titles.
pub(crate) const ROADMAP: &str = "roadmap/milestone-17";
/// The performance log of the milestone: the outcome of each task.
pub const PERFORMANCE_LOG: &str = "roadmap/milestone-17/PERFORMANCE_LOG.md";
/// The measured regressions that were accepted, each for one content. No input of a build: to commit it changes nothing.
pub(crate) const ACCEPTED: &str = "roadmap/milestone-17/accepted_regressions.toml";
/// The pushes that the hook was told not to judge.
pub(crate) const SKIPPED: &str = "tmp/m17_performance/skipped_pushes.txt";

/// The scenario file of a mode.
pub fn scenario(mode: Mode) -> &'static str {
    match mode {
        Mode::Internal => "scenarios/m17_baseline.toml",
        Mode::Competitive => "scenarios/competitive/hybrid_production_100k.toml",
    }
}
