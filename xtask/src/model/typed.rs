//! The commands of this tool as messages suggest them. `options` are further ones, each after a space: ` -C ../engram`.

use std::fmt::Display;

use crate::model::names::{Mode, Phase};

/// The command that measures one side.
pub(crate) fn perf_check(task: impl Display, phase: Phase, mode: Mode, options: &str) -> String {
    format!("cargo perf-check {task} {phase}{}{options}", mode_option(mode))
}

/// The command that measures both sides in pairs.
pub(crate) fn perf_confirm(task: impl Display, mode: Mode, options: &str) -> String {
    format!("cargo xtask perf-confirm {task}{}{options}", mode_option(mode))
}

/// The command that judges the newest results.
pub(crate) fn perf_compare(task: impl Display, options: &str) -> String {
    format!("cargo perf-compare {task}{options}")
}

fn mode_option(mode: Mode) -> &'static str {
    match mode {
        Mode::Internal => "",
        Mode::Competitive => " --competitive",
    }
}
