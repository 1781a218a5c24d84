//! The text that the user reads, made from values; nothing here prints.

pub(crate) mod evidence;
pub mod human;
pub mod json;
pub(crate) mod list;
pub mod log;
pub mod markdown;
pub(crate) mod metrics;
pub mod next;
pub(crate) mod pairs;
pub(crate) mod reason;
pub(crate) mod summary;
pub(crate) mod table;
pub(crate) mod words;
