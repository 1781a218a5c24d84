//! Waiting for a quiet machine before a run. Never afterwards: a run that was disturbed counts.

use std::time::{Duration, Instant};

use super::noise::{self, Counters};

/// How long the machine is looked at before it is called quiet.
const WINDOW: Duration = Duration::from_millis(500);

/// Waits until nothing else wants the CPUs, up to `patience`; returns what still disturbed, in words.
///
/// On a system that does not show it, it does not wait.
pub fn wait(patience: Duration) -> Vec<String> {
    let began = Instant::now();
    loop {
        let before = Counters::of_machine();
        if !before.are_known() {
            return Vec::new();
        }
        std::thread::sleep(WINDOW.min(patience.saturating_sub(began.elapsed())));
        let disturbed = before
            .until(&Counters::of_machine())
            .warnings(WINDOW, f64::from(noise::processors()));
        if disturbed.is_empty() || began.elapsed() >= patience {
            return disturbed;
        }
    }
}
