//! The faults that tests and demonstrations ask for through the environment.

use std::ffi::OsString;
use std::str::FromStr;
use std::time::Duration;

const PREFIX: &str = "STAND_IN_";

/// What goes wrong, and how much. The default is: nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// `STAND_IN_WAIT_US`: sleep in each API request.
    pub wait: Duration,
    /// `STAND_IN_CPU_US`: computation in each API request, after the sleep.
    pub cpu: Duration,
    /// `STAND_IN_FAIL_SHARE`: share of the API requests that are answered 500, 0 to 1.
    pub fail_share: f64,
    /// `STAND_IN_START_DELAY_MS`: pause before the server listens.
    pub start_delay: Duration,
    /// `STAND_IN_NEVER_HEALTHY`: `/health` answers 503.
    pub never_healthy: bool,
    /// `STAND_IN_EXIT_AT_START`: exit code of a server that does nothing else.
    pub exit_at_start: Option<u8>,
    /// `STAND_IN_EXIT_AFTER_REQUESTS`: API requests answered before the server dies on the next.
    pub exit_after_requests: Option<u64>,
    /// `STAND_IN_IGNORE_SIGTERM`: the server survives SIGTERM.
    pub ignore_sigterm: bool,
    /// `STAND_IN_LOAD`: how the load generator fails.
    pub load: Option<LoadFault>,
}

/// How the load generator fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadFault {
    /// Sends one request, then hangs.
    Hang,
    /// Writes the first half of its result and exits 0.
    HalfJson,
    /// Exits 1 at the end, having written nothing.
    NoJson,
}

impl Faults {
    /// Reads the faults among the given environment variables.
    ///
    /// # Errors
    /// A malformed value, or a name under the prefix that stands for nothing: the message names it.
    pub fn parse(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, String> {
        let mut faults = Self::default();
        for (name, value) in variables {
            if let Some(fault) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) {
                faults
                    .set(fault, &value.to_string_lossy())
                    .map_err(|problem| format!("{PREFIX}{fault}: {problem}"))?;
            }
        }
        Ok(faults)
    }

    /// Whether the API request with this number, counted from 1, is to fail.
    ///
    /// The failures are spread evenly: after any number of requests, their count is the share of it,
    /// rounded down.
    #[must_use]
    pub fn fails(&self, request: u64) -> bool {
        let failures_among = |requests: u64| (requests as f64 * self.fail_share).floor();
        failures_among(request) > failures_among(request.saturating_sub(1))
    }

    fn set(&mut self, fault: &str, value: &str) -> Result<(), String> {
        match fault {
            "WAIT_US" => self.wait = Duration::from_micros(number(value)?),
            "CPU_US" => self.cpu = Duration::from_micros(number(value)?),
            "FAIL_SHARE" => self.fail_share = share(value)?,
            "START_DELAY_MS" => self.start_delay = Duration::from_millis(number(value)?),
            "NEVER_HEALTHY" => self.never_healthy = switch(value)?,
            "EXIT_AT_START" => self.exit_at_start = Some(number(value)?),
            "EXIT_AFTER_REQUESTS" => self.exit_after_requests = Some(number(value)?),
            "IGNORE_SIGTERM" => self.ignore_sigterm = switch(value)?,
            "LOAD" => self.load = Some(load_fault(value)?),
            _ => return Err("no such fault".to_owned()),
        }
        Ok(())
    }
}

fn number<T: FromStr>(value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("`{value}` is not a whole number in range"))
}

fn share(value: &str) -> Result<f64, String> {
    let in_range = value.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    in_range.ok_or_else(|| format!("`{value}` is not a number from 0 to 1"))
}

fn switch(value: &str) -> Result<bool, String> {
    match value {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(format!("`{value}` is neither 0 nor 1")),
    }
}

fn load_fault(value: &str) -> Result<LoadFault, String> {
    match value {
        "hang" => Ok(LoadFault::Hang),
        "half-json" => Ok(LoadFault::HalfJson),
        "no-json" => Ok(LoadFault::NoJson),
        _ => Err(format!("`{value}` is none of hang, half-json, no-json")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, value: &str) -> Result<Faults, String> {
        Faults::parse([(OsString::from(name), OsString::from(value))])
    }

    #[test]
    fn every_fault_is_read_from_its_own_variable() {
        let none = Faults::default;
        let milliseconds = Duration::from_millis;
        let cases = [
            ("STAND_IN_WAIT_US", "2000", Faults { wait: milliseconds(2), ..none() }),
            ("STAND_IN_CPU_US", "3000", Faults { cpu: milliseconds(3), ..none() }),
            ("STAND_IN_FAIL_SHARE", "0.25", Faults { fail_share: 0.25, ..none() }),
            ("STAND_IN_START_DELAY_MS", "40", Faults { start_delay: milliseconds(40), ..none() }),
            ("STAND_IN_NEVER_HEALTHY", "1", Faults { never_healthy: true, ..none() }),
            ("STAND_IN_EXIT_AT_START", "7", Faults { exit_at_start: Some(7), ..none() }),
            (
                "STAND_IN_EXIT_AFTER_REQUESTS",
                "5",
                Faults { exit_after_requests: Some(5), ..none() },
            ),
            ("STAND_IN_IGNORE_SIGTERM", "1", Faults { ignore_sigterm: true, ..none() }),
            ("STAND_IN_LOAD", "hang", Faults { load: Some(LoadFault::Hang), ..none() }),
            ("STAND_IN_LOAD", "half-json", Faults { load: Some(LoadFault::HalfJson), ..none() }),
            ("STAND_IN_LOAD", "no-json", Faults { load: Some(LoadFault::NoJson), ..none() }),
        ];
        for (name, value, faults) in cases {
            assert_eq!(parse(name, value), Ok(faults), "{name}={value}");
        }
    }

    #[test]
    fn a_malformed_value_is_an_error_that_names_its_variable() {
        let cases = [
            ("STAND_IN_WAIT_US", "-1"),
            ("STAND_IN_CPU_US", "1.5"),
            ("STAND_IN_FAIL_SHARE", "1.01"),
            ("STAND_IN_FAIL_SHARE", "NaN"),
            ("STAND_IN_START_DELAY_MS", ""),
            ("STAND_IN_NEVER_HEALTHY", "yes"),
            ("STAND_IN_EXIT_AT_START", "256"),
            ("STAND_IN_EXIT_AFTER_REQUESTS", "many"),
            ("STAND_IN_IGNORE_SIGTERM", "2"),
            ("STAND_IN_LOAD", "half"),
        ];
        for (name, value) in cases {
            let message = parse(name, value).expect_err(name);
            assert!(message.contains(name), "{message}");
        }
    }

    #[test]
    fn an_unknown_fault_is_an_error() {
        assert!(parse("STAND_IN_WAIT_MS", "1").is_err());
    }

    #[test]
    fn other_variables_are_none_of_its_business() {
        assert_eq!(parse("ENGRAM_DATA_DIR", "somewhere"), Ok(Faults::default()));
    }

    #[test]
    fn failures_are_the_exact_share_and_evenly_spaced() {
        let faults = Faults { fail_share: 0.25, ..Faults::default() };
        let failing: Vec<u64> = (1..=12).filter(|request| faults.fails(*request)).collect();
        assert_eq!(failing, [4, 8, 12]);
    }
}
