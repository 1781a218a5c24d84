//! Waiting for a quiet machine before a run. Never afterwards: a run that was disturbed counts.

use std::time::{Duration, Instant};

use super::noise::Counters;

/// The time that the machine is watched before it counts as quiet.
const WINDOW: Duration = Duration::from_millis(500);

/// Waits until nothing else wants the CPUs, up to `patience`; returns the disturbances that are left, in words. Those
/// in the meantime go to `announce`.
///
/// On a system that does not show them, it does not wait.
pub(crate) fn wait(patience: Duration, mut announce: impl FnMut(&str)) -> Vec<String> {
    let began = Instant::now();
    loop {
        let before = Counters::read(&[], None);
        if !before.are_known() {
            return Vec::new();
        }
        std::thread::sleep(WINDOW);
        let disturbed = before.disturbances(&Counters::read(&[], None), "before the run");
        if disturbed.is_empty() || began.elapsed() >= patience {
            return disturbed;
        }
        announce(&disturbed.join("; "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_stays_busy_is_waited_for_no_longer_than_asked() {
        let mut told = 0;
        let found = wait(Duration::ZERO, |_| told += 1);
        // One look, whatever it saw.
        assert_eq!(told, 0, "{found:?}");
    }
}
