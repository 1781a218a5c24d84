//! The server: Engram's HTTP interface over a [`Store`].

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;

use crate::embedding::Embedding;
use crate::faults::Faults;
use crate::log;
use crate::store::{Match, Store};

/// Where a server listens and what it keeps where.
pub struct Settings {
    /// Port on 127.0.0.1; when taken, another is used. 0 takes any free one.
    pub port: u16,
    /// Directory of the memories.
    pub data_directory: PathBuf,
    /// File that holds `PID:PORT` while the server runs.
    pub pid_path: PathBuf,
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// The data directory, the socket or the process identifier file cannot be used.
pub async fn serve(settings: &Settings, faults: Faults) -> io::Result<()> {
    let mut stop = stop_signal(&faults)?;
    if !faults.start_delay.is_zero() {
        log::info(format_args!("INFO waiting {:?}, as asked for", faults.start_delay));
    }
    tokio::select! {
        () = tokio::time::sleep(faults.start_delay) => {}
        () = &mut stop => return Ok(()),
    }
    let store = Store::open(&settings.data_directory)?;
    log::info(format_args!(
        "INFO replayed {} memories from {}",
        store.len(),
        settings.data_directory.display()
    ));
    let listener = bind(settings.port).await?;
    let port = listener.local_addr()?.port();
    std::fs::write(&settings.pid_path, format!("{}:{port}", std::process::id()))?;
    log::info(format_args!("INFO listening on 127.0.0.1:{port}"));

    let shared = Arc::new(Shared { store: Mutex::new(store), requests: AtomicU64::new(0), faults });
    // Without this, small replies could wait for the other side's acknowledgement.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, routes(shared)).with_graceful_shutdown(stop).await?;

    log::info(format_args!("INFO stopped"));
    std::fs::remove_file(&settings.pid_path)
}

struct Shared {
    store: Mutex<Store>,
    requests: AtomicU64,
    faults: Faults,
}

impl Shared {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Binds the port, or another where it is taken: the real server's trap, kept on purpose.
async fn bind(port: u16) -> io::Result<TcpListener> {
    match TcpListener::bind(("127.0.0.1", port)).await {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            log::error(format_args!("WARN port {port} is taken, using another"));
            TcpListener::bind(("127.0.0.1", 0)).await
        }
        bound => bound,
    }
}

/// Takes over SIGTERM and SIGINT at once; what it returns ends when one of them asks to stop.
fn stop_signal(faults: &Faults) -> io::Result<Pin<Box<dyn Future<Output = ()> + Send>>> {
    let ignore_sigterm = faults.ignore_sigterm;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(Box::pin(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => return,
                _ = terminate.recv() => {
                    if !ignore_sigterm {
                        return;
                    }
                    log::info(format_args!("INFO SIGTERM ignored, as asked for"));
                }
            }
        }
    }))
}

fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/v1/memories", post(remember))
        .route("/api/v1/memories/recall", get(recall))
        .route("/api/v1/memories/search", get(search))
        .route("/api/v1/complete", post(complete))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&shared), suffer_faults))
        .route("/health", get(health))
        .layer(middleware::from_fn(log_request))
        .with_state(shared)
}

async fn log_request(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let (status, micros) = (response.status().as_u16(), started.elapsed().as_micros());
    log::info(format_args!("INFO {method} {path} {status} {micros}us"));
    response
}

async fn suffer_faults(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let faults = &shared.faults;
    let number = shared.requests.fetch_add(1, Ordering::Relaxed) + 1;
    if faults.exit_after_requests.is_some_and(|last| number > last) {
        std::process::exit(1);
    }
    let (wait, cpu) = (faults.wait, faults.cpu);
    if !(wait + cpu).is_zero() {
        // On a thread of its own, so that health checks do not wait for it; and by the system's clock,
        // since the runtime's has a step of a millisecond.
        let _ = spawn_blocking(move || waste(wait, cpu)).await;
    }
    if faults.fails(number) {
        return (StatusCode::INTERNAL_SERVER_ERROR, "this failure was asked for").into_response();
    }
    next.run(request).await
}

fn waste(wait: Duration, cpu: Duration) {
    if !wait.is_zero() {
        std::thread::sleep(wait);
    }
    let started = Instant::now();
    while started.elapsed() < cpu {
        std::hint::spin_loop();
    }
}

async fn health(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let (code, status) = if shared.faults.never_healthy {
        (StatusCode::SERVICE_UNAVAILABLE, "unhealthy")
    } else {
        (StatusCode::OK, "healthy")
    };
    let version = env!("CARGO_PKG_VERSION");
    (
        code,
        Json(
            json!({ "service": "engram", "status": status, "version": version, "stand_in": true }),
        ),
    )
}

#[derive(Deserialize)]
struct NewMemory {
    content: String,
    #[serde(default = "full_confidence")]
    confidence: f32,
    embedding: Option<Embedding>,
}

fn full_confidence() -> f32 {
    1.0
}

async fn remember(
    State(shared): State<Arc<Shared>>,
    Json(new): Json<NewMemory>,
) -> Result<Response, Refusal> {
    if !(0.0..=1.0).contains(&new.confidence) {
        return Err(refuse("confidence must be from 0 to 1"));
    }
    let embedding = new.embedding.unwrap_or_else(|| Embedding::of_text(&new.content));
    let stored = shared.store().insert(new.content, new.confidence, embedding);
    let id = stored.map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok((StatusCode::CREATED, Json(json!({ "memory_id": id }))).into_response())
}

#[derive(Deserialize)]
struct Cue {
    embedding: String,
    #[serde(default = "half")]
    threshold: f32,
    #[serde(default = "ten")]
    max_results: usize,
}

fn half() -> f32 {
    0.5
}

fn ten() -> usize {
    10
}

async fn recall(
    State(shared): State<Arc<Shared>>,
    Query(cue): Query<Cue>,
) -> Result<Json<Value>, Refusal> {
    let embedding: Embedding = serde_json::from_str(&cue.embedding).map_err(refuse)?;
    let store = shared.store();
    let found = store.nearest(|memory| memory.cosine(&embedding), cue.threshold, cue.max_results);
    Ok(Json(listing(&found)))
}

#[derive(Deserialize)]
struct TextQuery {
    query: String,
    #[serde(default = "ten")]
    limit: usize,
}

async fn search(State(shared): State<Arc<Shared>>, Query(text): Query<TextQuery>) -> Json<Value> {
    let embedding = Embedding::of_text(&text.query);
    let store = shared.store();
    let found = store.nearest(|memory| memory.cosine(&embedding), -1.0, text.limit);
    Json(listing(&found))
}

#[derive(Deserialize)]
struct CompletionRequest {
    partial_episode: PartialEpisode,
}

#[derive(Deserialize)]
struct PartialEpisode {
    partial_embedding: Vec<Option<f32>>,
}

/// Completes a partial embedding from the memory that is nearest to it in the dimensions that are known.
async fn complete(
    State(shared): State<Arc<Shared>>,
    Json(request): Json<CompletionRequest>,
) -> Result<Json<Value>, Refusal> {
    let partial = request.partial_episode.partial_embedding;
    let known: Vec<f32> =
        partial.iter().map(|value| if value.is_some() { 1.0 } else { 0.0 }).collect();
    if !known.contains(&1.0) {
        return Err(refuse("at least one dimension must be known"));
    }
    let values: Vec<f32> = partial.iter().map(|value| value.unwrap_or(0.0)).collect();
    let cue = Embedding::try_from(values).map_err(refuse)?;
    let store = shared.store();
    let found = store.nearest(|memory| memory.cosine_where_known(&cue, &known), -1.0, 1);
    let completion = found.first().map(|best| {
        let filled: Vec<f32> = (partial.iter().zip(best.memory.embedding.values()))
            .map(|(given, remembered)| given.unwrap_or(*remembered))
            .collect();
        json!({ "memory": entry(best), "embedding": filled })
    });
    Ok(Json(json!({ "completion": completion })))
}

fn listing(found: &[Match]) -> Value {
    json!({ "memories": found.iter().map(entry).collect::<Vec<_>>(), "total": found.len() })
}

fn entry(found: &Match) -> Value {
    let memory = found.memory;
    json!({
        "id": memory.id,
        "content": memory.content,
        "confidence": memory.confidence,
        "similarity": found.similarity,
    })
}

type Refusal = (StatusCode, String);

fn refuse(reason: impl ToString) -> Refusal {
    (StatusCode::BAD_REQUEST, reason.to_string())
}
