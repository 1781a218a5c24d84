//! Values without input or output: names, results, provenance, sessions, and what is fixed.

pub mod accepted;
pub mod inputs;
pub mod layout;
pub mod limits;
pub mod load_result;
pub mod names;
pub mod provenance;
pub mod recorded;
pub mod review;
mod section;
pub mod session;
pub mod typed;
