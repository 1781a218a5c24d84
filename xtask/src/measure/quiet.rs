//! Waiting for a quiet machine before a run. Never afterwards: a run that was disturbed counts.

use std::time::{Duration, Instant};

use super::noise::Counters;

/// How long the machine is looked at before it is called quiet.
const WINDOW: Duration = Duration::from_millis(500);

/// Waits until nothing else wants the CPUs, up to `patience`; returns what still disturbed, in words.
///
/// On a system that does not show it, it does not wait.
pub fn wait(patience: Duration) -> Vec<String> {
    let began = Instant::now();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    loop {
        let before = Counters::of_machine();
        if !before.are_known() {
            return Vec::new();
        }
        std::thread::sleep(WINDOW.min(patience.saturating_sub(began.elapsed())));
        #[allow(clippy::cast_precision_loss)]
        let disturbed = before
            .until(&Counters::of_machine())
            .warnings(WINDOW, cores as f64);
        if disturbed.is_empty() || began.elapsed() >= patience {
            return disturbed;
        }
    }
}
