//! Processes: the binaries, the server and its supervisor, the load run, and the machine they run on.

pub(crate) mod base;
pub mod build;
pub(crate) mod cargo;
pub(crate) mod checkout;
pub mod children;
pub mod content;
pub mod git;
pub mod health;
pub mod host;
mod inputs;
pub(crate) mod last_words;
pub(crate) mod noise;
pub mod port;
pub mod process;
pub(crate) mod release;
pub mod run;
pub mod scenario;
mod settings;
pub mod shell;
pub mod supervisor;
pub mod workplace;
