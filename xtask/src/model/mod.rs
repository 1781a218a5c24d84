//! Values without input or output: names, results, provenance, sessions, and what is fixed.

pub mod layout;
pub mod limits;
pub mod load_result;
pub mod names;
pub mod provenance;
pub mod recorded;
mod section;
pub mod session;
pub(crate) mod typed;
