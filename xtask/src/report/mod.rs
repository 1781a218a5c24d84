//! What the user reads: pure text, and the one place that writes it.

pub mod chart;
pub mod evidence;
pub mod help;
pub mod human;
pub mod json;
pub mod list;
pub mod log;
pub mod markdown;
pub mod next;
pub mod ordered;
pub mod pairs;
pub mod summary;
pub mod table;
pub mod words;
