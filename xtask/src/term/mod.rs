//! The terminal: its two streams, colours, the steps as they happen, text that is safe to show.

pub mod steps;
pub mod streams;
pub(crate) mod text;
