//! The commands of this tool as messages suggest them. `further` are options of one suggestion, each after a space.

use std::fmt::Display;

use crate::model::names::{Mode, Phase};

/// The options that suggested commands repeat as they were typed, each after a space, as far as they take them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repeated {
    /// Those of how it is measured: ` --port 9 --stop-grace 5`.
    pub measuring: String,
    /// ` -C ../engram`
    pub checkout: String,
}

/// The command that measures one side.
pub(crate) fn perf_check(
    task: impl Display,
    phase: Phase,
    mode: Mode,
    further: &str,
    repeated: &Repeated,
) -> String {
    format!("cargo perf-check {task} {phase}{}", options(mode, further, repeated))
}

/// The command that measures both sides in pairs.
pub(crate) fn perf_confirm(
    task: impl Display,
    mode: Mode,
    further: &str,
    repeated: &Repeated,
) -> String {
    format!("cargo perf-confirm {task}{}", options(mode, further, repeated))
}

/// The command that judges the newest results.
pub(crate) fn perf_compare(task: impl Display, further: &str, repeated: &Repeated) -> String {
    format!("cargo perf-compare {task}{further}{}", repeated.checkout)
}

/// The advice to look at what there is.
pub(crate) fn what_is_recorded(repeated: &Repeated) -> String {
    format!("what is recorded: {}", perf_compare("--list", "", repeated))
}

/// The answer where nothing is recorded, in a line.
pub(crate) fn nothing_is_recorded(repeated: &Repeated) -> String {
    let begin = perf_check("<task>", Phase::Before, Mode::Internal, "", repeated);
    format!("nothing is recorded yet; begin with: {begin}\n")
}

/// The command that archives a measurement.
pub(crate) fn take_back(
    task: impl Display,
    phase: Phase,
    mode: Mode,
    repeated: &Repeated,
) -> String {
    perf_compare(task, &format!(" --take-back {phase}{}", mode_option(mode)), repeated)
}

/// ` --duration 3`, unless that is the usual value.
pub(crate) fn option(name: &str, asked: u64, usual: u64) -> String {
    if asked == usual { String::new() } else { format!(" --{name} {asked}") }
}

fn options(mode: Mode, further: &str, Repeated { measuring, checkout }: &Repeated) -> String {
    format!("{}{further}{measuring}{checkout}", mode_option(mode))
}

fn mode_option(mode: Mode) -> &'static str {
    match mode {
        Mode::Internal => "",
        Mode::Competitive => " --competitive",
    }
}
