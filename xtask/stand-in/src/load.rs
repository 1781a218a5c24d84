//! Sending a scenario's requests, one at a time, at its rate.

use std::time::{Duration, Instant};

use ureq::Agent;

use crate::faults::LoadFault;
use crate::log;
use crate::report::{Outcome, Tallies};
use crate::requests::{Request, draw};
use crate::scenario::{Arrival, Scenario};

/// How long an answer may take before the request counts as failed, as in the real load generator.
const LONGEST_ANSWER: Duration = Duration::from_secs(30);

/// Sends the load to the server at `endpoint`; returns what became of it and the wall time it took.
///
/// The schedule is fixed beforehand: a request that comes late, because its predecessor took long, is sent at
/// once. Latency is counted from the moment of sending. A request that cannot be sent is a failure.
#[must_use]
pub fn run(
    scenario: &Scenario,
    seed: u64,
    endpoint: &str,
    fault: Option<LoadFault>,
) -> (Tallies, Duration) {
    let Arrival::Constant { rate } = scenario.arrival;
    let total = Duration::from_secs(scenario.duration.total_seconds);
    let agent = one_connection();
    let endpoint = endpoint.trim_end_matches('/');
    let mut tallies = Tallies::default();
    let mut second = 0;

    let started = Instant::now();
    for (number, mut request) in draw(scenario, seed).enumerate() {
        // The request is ready before its time, so that drawing it delays nothing.
        request.target.insert_str(0, endpoint);
        let due = Duration::from_secs_f64(number as f64 / rate).min(total);
        std::thread::sleep(due.saturating_sub(started.elapsed()));
        let now = started.elapsed();
        if now >= total {
            break;
        }
        if now.as_secs() > second {
            second = now.as_secs();
            progress(second, total, &tallies);
        }
        perform(&agent, &request, &mut tallies);
        if fault == Some(LoadFault::Hang) {
            hang();
        }
    }
    (tallies, started.elapsed())
}

fn one_connection() -> Agent {
    Agent::config_builder()
        .max_idle_connections(1)
        .max_idle_connections_per_host(1)
        .timeout_global(Some(LONGEST_ANSWER))
        .http_status_as_error(false)
        // A proxy from the environment would be measured along with the server.
        .proxy(None)
        .build()
        .into()
}

fn perform(agent: &Agent, request: &Request, tallies: &mut Tallies) {
    let sent = Instant::now();
    let answer = send(agent, request);
    let latency = sent.elapsed();
    let outcome = match answer {
        Ok(()) => Outcome::Success,
        Err(reason) => {
            log::info(format_args!("WARN {:?} failed: {reason}", request.kind));
            Outcome::Failure
        }
    };
    tallies.record(request.kind, latency, outcome);
}

fn send(agent: &Agent, request: &Request) -> Result<(), String> {
    let answer = match &request.body {
        Some(body) => {
            agent.post(&request.target).header("content-type", "application/json").send(body)
        }
        None => agent.get(&request.target).call(),
    };
    let mut answer = answer.map_err(|error| error.to_string())?;
    let status = answer.status();
    // Read to the end, without which the connection could not be used again.
    let text = answer.body_mut().read_to_vec().map_err(|error| error.to_string())?;
    if status.is_success() {
        Ok(())
    } else {
        Err(format!("{status}: {}", String::from_utf8_lossy(&text)))
    }
}

fn progress(second: u64, total: Duration, tallies: &Tallies) {
    let (operations, errors) = (tallies.operations(), tallies.errors());
    log::error(format_args!(
        "[{second}/{} s] {operations} operations, {errors} errors",
        total.as_secs()
    ));
}

fn hang() -> ! {
    log::info(format_args!("INFO hanging, as asked for"));
    loop {
        std::thread::park();
    }
}
