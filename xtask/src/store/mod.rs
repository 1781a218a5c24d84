//! Files: recorded runs and sessions, the competitors' baselines, the performance log.

pub mod baselines;
pub mod clock;
mod markdown;
pub mod performance_log;
pub mod recorded;
pub mod recording;
pub mod results;
pub mod same_binary;
pub mod session;
