//! `cargo xtask`: reads the words that are typed, runs the command, and ends with the exit code of its [`Outcome`].

use std::env;
use std::panic;
use std::process::ExitCode;

use xtask::commands::{self, Outcome, Request};
use xtask::error::Result;
use xtask::store::clock::Clock;
use xtask::term::streams;

fn main() -> ExitCode {
    // First of all: the time zone can only be read while there is one thread.
    let clock = Clock::local();
    // The default hook panics itself when standard error is gone.
    panic::set_hook(Box::new(|info| {
        streams::errors(&format!("error: a defect in this tool: {info}\n"));
    }));
    let outcome = panic::catch_unwind(|| {
        run(clock).unwrap_or_else(|error| {
            streams::error(&error);
            Outcome::CannotJudge
        })
    });
    // 101 is the code of a panic and of a failed compilation of this tool: a defect is no verdict.
    ExitCode::from(outcome.unwrap_or(Outcome::CannotJudge).code())
}

fn run(clock: Clock) -> Result<Outcome> {
    match commands::read(env::args_os().skip(1).collect())? {
        Request::Help(text) => commands::print(text),
        Request::Run(command) => command(clock),
    }
}
