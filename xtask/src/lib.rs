//! The performance gate of Engram: measures one side of a change, compares two, and says whether the change made the
//! server slower.
//!
//! Data goes one way: [`measure`] → [`store`] → [`judge`] → [`report`]; [`commands`] stand above and call down.

// No panic reaches a user, and nothing is printed but through `term::streams`, which survives a stream that is gone.
// Only what tests, benchmarks and the program use leaves the crate.
#![warn(unreachable_pub)]
#![allow(rustdoc::private_intra_doc_links, reason = "read with --document-private-items")]
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::print_stdout,
        clippy::print_stderr
    )
)]

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
compile_error!("the performance gate needs Unix processes and signals: build it on Linux or macOS");

pub mod answer;
pub mod commands;
pub mod error;
pub mod judge;
pub mod measure;
pub mod model;
pub mod report;
pub mod stats;
pub mod store;
pub mod term;
