//! `perf-check` as a user sees it: what it saves, and what bad input and bad luck get.

pub mod building;
mod refused_input;
mod saved;
mod server_and_load;
mod supervised;
mod surroundings;
mod terminal;
