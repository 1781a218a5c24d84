//! What the user reads: pure text, and the one place that writes it.

pub mod evidence;
pub mod human;
pub mod json;
pub mod list;
pub mod log;
pub mod markdown;
pub mod metrics;
pub mod next;
pub mod pairs;
pub mod reason;
pub mod summary;
pub mod table;
pub mod words;
