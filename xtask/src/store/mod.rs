//! Files: recorded runs and sessions, the competitors' baselines, the performance log.

pub(crate) mod baselines;
pub mod clock;
mod markdown;
pub mod performance_log;
pub mod recorded;
pub(crate) mod recording;
pub mod results;
pub(crate) mod same_binary;
pub(crate) mod session;
