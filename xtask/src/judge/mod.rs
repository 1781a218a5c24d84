//! Judging recorded values, without IO: which runs can be compared, and the verdict on them.

pub mod comparison;
pub(crate) mod contradictions;
pub(crate) mod facts;
pub(crate) mod fitness;
pub mod history;
pub mod review;
pub(crate) mod rises;
pub mod verdict;
