//! The fixtures of the tests and benchmarks: a checkout, the tool run on it as by a user, recordings as `perf-check`
//! leaves them, and a repository to push from.

#![allow(dead_code, unused_imports, reason = "each benchmark uses its part")]

mod checkout;
pub mod documents;
pub mod judged;
mod programs;
pub mod project;
pub mod random;
pub mod recording;
mod running;

pub use checkout::Checkout;
pub use documents::scenario;
pub use programs::{
    Packed, copy_program, program, programs_without, replacing_after_hashing, source_that_becomes,
    stand_in,
};
pub use running::{
    Finished, TOOL, by_shell, finish, finish_on_terminal, finish_on_terminal_of, git, git_command,
    on_a_full_disk, tool, wait_until,
};
