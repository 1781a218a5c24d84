//! Pure arithmetic: the verdict and the statistics. No file, clock, environment or process.

pub mod comparison;
pub mod fitness;
pub mod paired;
pub mod same_binary;
pub mod signed_rank;
pub mod statistics;
pub mod verdict;
