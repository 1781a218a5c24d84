//! The two programs as the gate runs them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

const ANY_PORT: u16 = 0;
/// An endpoint where nobody listens: port 1 is nobody's, and the system gives it to none.
const NOWHERE: &str = "http://127.0.0.1:1";
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server in a directory of its own; killed when dropped.
struct Server {
    child: Child,
    port: u16,
    directory: PathBuf,
}

impl Server {
    fn start(directory: &Path) -> Self {
        Self::start_with(directory, ANY_PORT, &[])
    }

    fn start_with(directory: &Path, port: u16, faults: &[(&str, &str)]) -> Self {
        let mut server = Self::spawn(directory, port, faults);
        let pid_path = directory.join("engram.pid");
        let pid_and_port = wait_for(|| {
            let text = fs::read_to_string(&pid_path).ok()?;
            text.split_once(':').map(|(pid, port)| (pid.to_owned(), port.parse().unwrap()))
        });
        assert_eq!(pid_and_port.0, server.child.id().to_string());
        server.port = pid_and_port.1;
        server
    }

    /// Starts a server without waiting for it to listen.
    fn spawn(directory: &Path, port: u16, faults: &[(&str, &str)]) -> Self {
        let child = engram(directory, port, faults).spawn().unwrap();
        Self { child, port, directory: directory.to_owned() }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn get(&self, path: &str) -> Option<(u16, Value)> {
        let answer = agent().get(self.url(path)).call();
        answer.ok().map(status_and_json)
    }

    fn post(&self, path: &str, body: &str) -> Option<(u16, Value)> {
        let request = agent().post(self.url(path)).header("content-type", "application/json");
        request.send(body).ok().map(status_and_json)
    }

    fn remember(&self, content: &str, embedding: &[f32]) -> u16 {
        let body = json!({ "content": content, "confidence": 0.9, "embedding": embedding });
        self.post("/api/v1/memories", &body.to_string()).unwrap().0
    }

    fn signal(&self, name: &str) {
        let kill =
            Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }

    fn exit(&mut self) -> ExitStatus {
        wait_for(|| self.child.try_wait().unwrap())
    }

    fn wait_for_log(&self, words: &str) {
        let path = self.directory.join("engram.log");
        wait_for(|| fs::read_to_string(&path).unwrap().contains(words).then_some(()));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn engram(directory: &Path, port: u16, faults: &[(&str, &str)]) -> Command {
    let log = File::create(directory.join("engram.log")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_engram"));
    command
        .args(["start", "--port", &port.to_string()])
        .current_dir(directory)
        .env("ENGRAM_DATA_DIR", directory.join("data"))
        .env("ENGRAM_PID_PATH", directory.join("engram.pid"))
        .envs(faults.iter().copied())
        .stdin(Stdio::null())
        .stderr(log.try_clone().unwrap())
        .stdout(log);
    command
}

fn loadtest(directory: &Path, endpoint: &str, scenario: &str, fault: &[(&str, &str)]) -> Command {
    loadtest_lasting("1", directory, endpoint, scenario, fault)
}

fn loadtest_lasting(
    seconds: &str,
    directory: &Path,
    endpoint: &str,
    scenario: &str,
    fault: &[(&str, &str)],
) -> Command {
    let path = directory.join("scenario.toml");
    fs::write(&path, scenario).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command
        .args(["run", "--duration", seconds, "--seed", "3735928559", "--target-rate", "100"])
        .args(["--endpoint", endpoint, "--scenario"])
        .arg(path)
        .arg("--output")
        .arg(directory.join("result.json"))
        .envs(fault.iter().copied())
        .stdin(Stdio::null());
    command
}

fn load(directory: &Path, server: &Server, scenario: &str) -> Output {
    loadtest(directory, &server.url(""), scenario, &[]).output().unwrap()
}

/// A scenario of all four kinds of request, with these limits.
fn scenario(limits: &str) -> String {
    format!(
        r#"
        name = "All kinds"
        description = "for the tests"
        [duration]
        total_seconds = 60
        [arrival]
        pattern = "constant"
        rate = 1000.0
        [operations]
        store_weight = 0.4
        recall_weight = 0.3
        embedding_search_weight = 0.2
        pattern_completion_weight = 0.1
        [data]
        num_nodes = 1000
        embedding_dim = 768
        memory_spaces = 1
        [validation]
        {limits}
        "#
    )
}

fn result(directory: &Path) -> Value {
    serde_json::from_slice(&fs::read(directory.join("result.json")).unwrap()).unwrap()
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into()
}

fn status_and_json(mut answer: ureq::http::Response<ureq::Body>) -> (u16, Value) {
    let text = answer.body_mut().read_to_string().unwrap();
    (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// What the probe finds, once it finds something.
fn wait_for<T>(mut probe: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain");
        sleep(Duration::from_millis(5));
    }
}

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// An embedding that points along one dimension.
fn along(dimension: usize) -> Vec<f32> {
    (0..768).map(|index| if index == dimension { 1.0 } else { 0.0 }).collect()
}

fn recall_path(embedding: &[f32]) -> String {
    let encoded =
        json!(embedding).to_string().replace('[', "%5B").replace(']', "%5D").replace(',', "%2C");
    format!("/api/v1/memories/recall?embedding={encoded}&threshold=0.5&max_results=3&space=default")
}

#[test]
fn a_load_of_one_second_succeeds_in_every_kind_of_request() {
    let directory = directory();
    let server = Server::start(directory.path());
    let output = load(directory.path(), &server, &scenario("max_error_rate = 0.0"));
    let result = result(directory.path());
    let kinds: Vec<&String> = result["per_operation_stats"].as_object().unwrap().keys().collect();
    assert_eq!(kinds, ["PatternCompletion", "Recall", "Search", "Store"]);
    assert_eq!(result["total_errors"], 0, "{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success());
}

#[test]
fn a_missed_limit_exits_one_after_a_complete_result() {
    let directory = directory();
    let server = Server::start(directory.path());
    let output = load(directory.path(), &server, &scenario("expected_throughput_ops_sec = 1e9"));
    assert_eq!(
        (output.status.code(), &result(directory.path())["config_name"]),
        (Some(1), &json!("All kinds"))
    );
}

#[test]
fn a_server_that_cannot_be_reached_is_failed_requests_and_not_a_crash() {
    let directory = directory();
    loadtest(directory.path(), NOWHERE, &scenario(""), &[]).output().unwrap();
    assert_eq!(result(directory.path())["overall_error_rate"], 1.0);
}

#[test]
fn a_load_goes_on_with_a_server_that_comes_back() {
    let directory = directory();
    let faults = [("STAND_IN_EXIT_AFTER_REQUESTS", "10")];
    let mut first = Server::start_with(directory.path(), port_of_its_own(), &faults);
    let mut load = loadtest_lasting("600", directory.path(), &first.url(""), &scenario(""), &[]);
    let load = load.stdout(Stdio::null()).stderr(Stdio::null());
    let _load = Killed(load.spawn().unwrap());
    first.exit();
    fs::remove_file(directory.path().join("engram.pid")).unwrap();
    let second = Server::start_with(directory.path(), first.port, &[]);
    second.wait_for_log("/api/v1/");
}

/// A process that is killed when dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port below those that the system hands out: nobody takes it while it is between two servers.
fn port_of_its_own() -> u16 {
    let first = 10_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    (first..20_000)
        .chain(10_000..first)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .unwrap()
}

#[test]
fn an_invalid_scenario_exits_two_and_is_named() {
    let directory = directory();
    let output = loadtest(directory.path(), NOWHERE, "name = 3", &[]).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && message.contains("scenario.toml"), "{message}");
}

#[test]
fn a_server_whose_port_is_taken_warns_and_listens_on_another() {
    let directory = directory();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().port();
    let server = Server::start_with(directory.path(), taken, &[]);
    server.wait_for_log("is taken");
    assert_ne!(server.port, taken);
}

#[test]
fn the_health_check_tells_that_this_is_a_stand_in() {
    let directory = directory();
    let health = Server::start(directory.path()).get("/health");
    let expected =
        json!({ "service": "engram", "status": "healthy", "version": "0.1.0", "stand_in": true });
    assert_eq!(health, Some((200, expected)));
}

#[test]
fn the_next_server_recalls_what_this_one_stored() {
    let directory = directory();
    let mut server = Server::start(directory.path());
    assert_eq!(server.remember("along the third", &along(3)), 201);
    server.signal("TERM");
    server.exit();
    let (_, found) = Server::start(directory.path()).get(&recall_path(&along(3))).unwrap();
    assert_eq!(found["memories"][0]["content"], "along the third");
}

#[test]
fn a_recall_leaves_out_what_is_far() {
    let directory = directory();
    let server = Server::start(directory.path());
    server.remember("along the third", &along(3));
    server.remember("along the fourth", &along(4));
    assert_eq!(server.get(&recall_path(&along(3))).unwrap().1["total"], 1);
}

#[test]
fn a_search_finds_a_text_by_its_words() {
    let directory = directory();
    let server = Server::start(directory.path());
    for content in ["something else", "fan effect spreading"] {
        server.post("/api/v1/memories", &json!({ "content": content }).to_string()).unwrap();
    }
    let (_, found) =
        server.get("/api/v1/memories/search?query=spreading%20effect&limit=1").unwrap();
    assert_eq!(found["memories"][0]["content"], "fan effect spreading");
}

#[test]
fn a_completion_keeps_what_is_known_and_fills_in_the_rest() {
    let directory = directory();
    let server = Server::start(directory.path());
    let mut whole = along(0);
    whole[1] = 1.0;
    server.remember("both", &whole);
    server.remember("another", &along(2));
    let mut partial: Vec<Option<f32>> = along(0).into_iter().map(Some).collect();
    partial[1] = None;
    let body = json!({ "partial_episode": { "partial_embedding": partial, "cue_strength": 0.7 } });
    let (_, answer) = server.post("/api/v1/complete", &body.to_string()).unwrap();
    let filled = &answer["completion"]["embedding"];
    assert!(filled[0] == 1.0 && filled[1].as_f64().unwrap() > 0.7, "{answer}");
}

#[test]
fn malformed_requests_are_the_clients_fault() {
    let directory = directory();
    let server = Server::start(directory.path());
    let short = json!({ "content": "short", "embedding": [1.0, 2.0] }).to_string();
    let all_unknown = json!({ "partial_episode": { "partial_embedding": vec![Value::Null; 768] } });
    let statuses = [
        server.post("/api/v1/memories", "{ not json"),
        server.post("/api/v1/memories", &short),
        server.post("/api/v1/memories", &json!({ "content": "sure", "confidence": 2 }).to_string()),
        server.post("/api/v1/complete", &all_unknown.to_string()),
        server.get("/api/v1/memories/recall?embedding=%5B1%5D"),
        server.get("/api/v1/memories/recall?threshold=0.5"),
        server.get("/api/v1/memories/search?limit=5"),
        server.get("/api/v1/nothing"),
    ]
    .map(|answer| answer.unwrap().0);
    assert!(statuses.iter().all(|status| (400..500).contains(status)), "{statuses:?}");
}

#[test]
fn a_signal_to_stop_ends_the_server_cleanly() {
    for signal in ["TERM", "INT"] {
        let directory = directory();
        let mut server = Server::start(directory.path());
        server.signal(signal);
        let status = server.exit();
        assert!(
            status.success() && !directory.path().join("engram.pid").exists(),
            "{signal}: {status}"
        );
    }
}

#[test]
fn a_connection_left_open_does_not_hold_up_the_stop() {
    let directory = directory();
    let mut server = Server::start(directory.path());
    let _silent = std::net::TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    server.get("/health").unwrap();
    server.signal("TERM");
    assert!(server.exit().success());
}

#[test]
fn a_server_told_to_ignore_sigterm_serves_on() {
    let directory = directory();
    let server =
        Server::start_with(directory.path(), ANY_PORT, &[("STAND_IN_IGNORE_SIGTERM", "1")]);
    server.signal("TERM");
    server.wait_for_log("SIGTERM ignored");
    assert_eq!(server.get("/health").unwrap().0, 200);
}

#[test]
fn a_slow_start_can_be_stopped_before_it_listens() {
    let directory = directory();
    let mut server =
        Server::spawn(directory.path(), ANY_PORT, &[("STAND_IN_START_DELAY_MS", "3600000")]);
    server.wait_for_log("waiting");
    server.signal("TERM");
    assert!(server.exit().success());
}

#[test]
fn failures_asked_for_spare_the_health_check() {
    let directory = directory();
    let server = Server::start_with(directory.path(), ANY_PORT, &[("STAND_IN_FAIL_SHARE", "1")]);
    let statuses =
        ["/api/v1/memories/search?query=a", "/health"].map(|path| server.get(path).unwrap().0);
    assert_eq!(statuses, [500, 200]);
}

#[test]
fn a_server_told_never_to_be_healthy_still_serves() {
    let directory = directory();
    let server = Server::start_with(directory.path(), ANY_PORT, &[("STAND_IN_NEVER_HEALTHY", "1")]);
    let statuses =
        ["/api/v1/memories/search?query=a", "/health"].map(|path| server.get(path).unwrap().0);
    assert_eq!(statuses, [200, 503]);
}

#[test]
fn a_server_told_to_exit_at_start_does_so_with_the_given_code() {
    let directory = directory();
    let status = engram(directory.path(), ANY_PORT, &[("STAND_IN_EXIT_AT_START", "7")]).status();
    assert_eq!(status.unwrap().code(), Some(7));
}

#[test]
fn a_server_told_to_exit_after_requests_dies_on_the_next_and_leaves_its_pid_file() {
    let directory = directory();
    let mut server =
        Server::start_with(directory.path(), ANY_PORT, &[("STAND_IN_EXIT_AFTER_REQUESTS", "2")]);
    let answered = [(); 3].map(|()| server.get("/api/v1/memories/search?query=a").is_some());
    assert_eq!(answered, [true, true, false]);
    assert_eq!(
        (server.exit().code(), directory.path().join("engram.pid").exists()),
        (Some(1), true)
    );
}

#[test]
fn a_malformed_fault_stops_either_program_at_the_start() {
    let directory = directory();
    let fault = [("STAND_IN_WAIT_US", "soon")];
    let server = engram(directory.path(), ANY_PORT, &fault).status().unwrap();
    let load = loadtest(directory.path(), NOWHERE, &scenario(""), &fault).output().unwrap();
    assert_eq!((server.code(), load.status.code()), (Some(2), Some(2)));
}

#[test]
fn added_wait_and_computation_show_in_the_latencies() {
    let directory = directory();
    let faults = [("STAND_IN_WAIT_US", "1000"), ("STAND_IN_CPU_US", "2000")];
    let server = Server::start_with(directory.path(), ANY_PORT, &faults);
    load(directory.path(), &server, &scenario(""));
    let p50 = result(directory.path())["p50_latency_ms"].as_f64().unwrap();
    assert!(p50 >= 3.0, "{p50} ms");
}

#[test]
fn half_a_result_is_not_json_and_exits_zero() {
    let directory = directory();
    let fault = [("STAND_IN_LOAD", "half-json")];
    let output = loadtest(directory.path(), NOWHERE, &scenario(""), &fault).output().unwrap();
    let written = fs::read(directory.path().join("result.json")).unwrap();
    assert!(
        output.status.success()
            && !written.is_empty()
            && serde_json::from_slice::<Value>(&written).is_err()
    );
}

#[test]
fn a_load_told_to_write_nothing_exits_one() {
    let directory = directory();
    let fault = [("STAND_IN_LOAD", "no-json")];
    let output = loadtest(directory.path(), NOWHERE, &scenario(""), &fault).output().unwrap();
    assert_eq!(
        (output.status.code(), directory.path().join("result.json").exists()),
        (Some(1), false)
    );
}

#[test]
fn a_load_told_to_hang_is_alive_after_its_first_request() {
    let directory = directory();
    let log = directory.path().join("load.log");
    let fault = [("STAND_IN_LOAD", "hang")];
    let mut load = loadtest(directory.path(), NOWHERE, &scenario(""), &fault);
    let mut load = load.stdout(File::create(&log).unwrap()).spawn().unwrap();
    wait_for(|| fs::read_to_string(&log).unwrap().contains("hanging").then_some(()));
    let state = load.try_wait().unwrap();
    load.kill().unwrap();
    load.wait().unwrap();
    assert_eq!(state, None);
}
