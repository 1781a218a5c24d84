//! A small `engram` and a small `loadtest` with the interface of the real ones, and with their traps.
//!
//! # What it is for
//!
//! The performance gate drives two programs: a database server and a load generator. The real ones need
//! minutes to build and gigabytes to run. These two do the same kind of work in miniature, so that the
//! gate's commands can be tried, tested and demonstrated on any machine, faults included:
//!
//! ```text
//! engram start --port 7432
//! loadtest run --scenario FILE --duration 60 --seed 3735928559 \
//!     --endpoint http://127.0.0.1:7432 --output FILE --target-rate 1000
//! ```
//!
//! The server is a store of embeddings in memory that answers by true cosine similarity ([`store`],
//! [`server`]). The load generator draws requests from a seed ([`requests`]), sends them at a fixed rate
//! over one connection ([`load`]), and reports percentiles of their latencies ([`report`]). Its figures are
//! measured, never made up; they are figures of the stand-in and say nothing about Engram.
//!
//! # The traps it shares with the real Engram
//!
//! - If its port is taken, the server logs a warning and listens on another one.
//! - It keeps its memories in `$ENGRAM_DATA_DIR` and replays them at the next start.
//! - It logs a line a request to standard output, and waits for whoever reads it.
//! - The load generator writes its result at the very end, and exits 1 after writing it when the
//!   scenario's limits are missed.
//!
//! # Where it differs
//!
//! - It searches the latest [`store::CAPACITY`] memories, and has one memory space: the `space` of a
//!   recall is accepted and ignored.
//! - It has no gRPC port, starts in milliseconds, and needs a few megabytes.
//! - `GET /health` carries `"stand_in": true`, so that nobody takes one for the other.
//! - `--port 0` takes any free port; the process identifier file tells which.
//! - Only the `constant` arrival pattern and the `clustered` embedding distribution are understood, and a
//!   seed draws other requests than the real generator draws from it.
//! - It runs on Unix only: its clean stop is by signal.
//!
//! # Environment variables
//!
//! As the real server's:
//!
//! | Variable | Meaning | Default |
//! |---|---|---|
//! | `ENGRAM_DATA_DIR` | directory of the memories | `./engram-data` |
//! | `ENGRAM_PID_PATH` | file that holds `PID:PORT` while the server runs | `engram.pid` in the temporary directory |
//!
//! The faults, for tests and demonstrations ([`faults`]). None is set by default; a malformed value or an
//! unknown `STAND_IN_` name is an error at the start. The API requests are those under `/api/v1`: health
//! checks are not counted, delayed or failed by any of them.
//!
//! | Variable | Value | What it does |
//! |---|---|---|
//! | `STAND_IN_WAIT_US` | microseconds | the server sleeps that long in each API request |
//! | `STAND_IN_CPU_US` | microseconds | the server computes that long in each API request, after the sleep |
//! | `STAND_IN_FAIL_SHARE` | 0 to 1 | that share of the API requests, evenly spaced, is answered 500 |
//! | `STAND_IN_START_DELAY_MS` | milliseconds | the server waits that long before it listens |
//! | `STAND_IN_NEVER_HEALTHY` | `0`, `1` | `/health` answers 503 |
//! | `STAND_IN_EXIT_AT_START` | 0 to 255 | the server exits with that code, having done nothing |
//! | `STAND_IN_EXIT_AFTER_REQUESTS` | N | the server answers N API requests and dies on the next, with code 1 |
//! | `STAND_IN_IGNORE_SIGTERM` | `0`, `1` | the server survives SIGTERM; SIGINT still stops it |
//! | `STAND_IN_LOAD` | `hang` | the load generator sends one request, then hangs |
//! | | `half-json` | it writes the first half of its result and exits 0 |
//! | | `no-json` | it exits 1 at the end, having written nothing |

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod embedding;
pub mod faults;
pub mod load;
pub mod log;
pub mod report;
pub mod requests;
pub mod scenario;
pub mod server;
pub mod store;
