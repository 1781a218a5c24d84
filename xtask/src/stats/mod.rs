//! Numbers only: medians, the exact signed-rank interval, the plan of a paired session.

pub mod numbers;
pub mod paired;
pub mod random;
pub mod signed_rank;
pub(crate) mod single_runs;
