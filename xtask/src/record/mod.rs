//! Files: recorded runs and their names, and what is written about them.

pub mod baselines;
pub mod clock;
pub mod load_result;
mod markdown;
mod markdown_table;
pub mod names;
pub mod performance_log;
pub mod provenance;
pub mod recorded;
pub mod recording;
pub mod results;
pub mod same_binary;
pub mod session;
