//! The text that the user reads, made from values; nothing here prints.

pub mod chart;
pub(crate) mod evidence;
pub(crate) mod history;
pub mod human;
pub mod json;
pub(crate) mod list;
pub mod log;
pub mod markdown;
pub(crate) mod metrics;
pub mod next;
pub(crate) mod pairs;
pub(crate) mod reason;
pub mod review;
pub(crate) mod summary;
pub(crate) mod table;
pub(crate) mod words;
