//! Judging recorded values, without IO: which runs can be compared, and the verdict on them.

pub mod comparison;
pub mod facts;
pub mod fitness;
pub mod verdict;
