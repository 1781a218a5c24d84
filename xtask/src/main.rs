//! `cargo xtask`: which command runs what. The exit codes are those of [`Outcome`].

use std::panic;
use std::process::ExitCode;

use xtask::args::{self, Command};
use xtask::commands::{self, Outcome};
use xtask::error::Result;
use xtask::measure::supervisor;
use xtask::measure::workplace::Workplace;
use xtask::report::help;
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
            streams::errors(&format!("error: {error}\n"));
            Outcome::CannotJudge
        })
    });
    // 101 is what a panic and a failed compilation of this tool share; a defect is: could not judge.
    ExitCode::from(outcome.unwrap_or(Outcome::CannotJudge).code())
}

fn run(clock: Clock) -> Result<Outcome> {
    match args::parse(std::env::args_os().skip(1).collect())? {
        Command::Help(topic) => commands::print(&help::text(topic)),
        Command::Check(check) => commands::check::run(&check, clock),
        Command::Compare(compare) => commands::compare::run(&compare),
        Command::Confirm(confirm) => commands::confirm::run(&confirm, clock),
        Command::Hook(hook) => commands::hook::run(&hook),
        Command::Supervise {
            workplace,
            stop_grace,
        } => {
            supervisor::serve(&Workplace::at(workplace), stop_grace);
            Ok(Outcome::Success)
        }
    }
}
