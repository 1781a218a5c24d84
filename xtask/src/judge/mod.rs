//! Pure judgement: whether two sides can be compared, and the verdict.

pub mod comparison;
pub mod fitness;
pub mod verdict;
