//! Sends spans to collectors: Zipkin's JSON, OTLP's JSON, over HTTP/1.1.
//!
//! One task for all. It sends what has gathered within a moment, waits a bounded time for the answer, and drops what a
//! collector does not take: a trace is worth less than the memory that hoarding it would cost.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tracing::warn;

use super::{Kept, Request as Traced, Tracer, config::Url, otlp, zipkin};
use crate::{answer::put_list, state::State};

/// Requests sent together, and how long the first of them waits for the others.
const TOGETHER_MAX: usize = 256;
const GATHER: Duration = Duration::from_millis(500);

/// Time for a collector to take one body.
const SEND_MAX: Duration = Duration::from_secs(5);

/// A collector that fails is named once in so long.
const NAME_EVERY: Duration = Duration::from_secs(60);

/// Sends until the server is told to stop; then what waits, once.
pub(crate) async fn run(state: Arc<State>) {
    let tracer = &state.tracer;
    let Some(mut waiting) = tracer.waiting() else { return };
    let mut named: Option<Instant> = None;
    let mut together = Vec::new();
    while waiting.recv_many(&mut together, TOGETHER_MAX).await > 0 {
        if !state.is_draining() {
            gather(&mut waiting, &mut together).await;
        }
        let result = send(tracer, &together).await;
        if let Err(error) = result {
            tracer.count_dropped(together.iter().map(|request| request.len()).sum());
            if named.is_none_or(|at| at.elapsed() > NAME_EVERY) {
                named = Some(Instant::now());
                warn!(%error, "spans were not sent and are dropped");
            }
        }
        together.clear();
    }
}

/// Waits a moment for more.
async fn gather(waiting: &mut mpsc::Receiver<Traced>, together: &mut Vec<Traced>) {
    let mut over = std::pin::pin!(sleep(GATHER));
    while together.len() < TOGETHER_MAX {
        tokio::select! {
            () = &mut over => return,
            request = waiting.recv() => match request {
                Some(request) => together.push(request),
                None => return,
            },
        }
    }
}

async fn send(tracer: &Tracer, requests: &[Traced]) -> Result<(), String> {
    let (config, spans) = (tracer.config(), || requests.iter().flat_map(|request| request.iter()));
    let zipkin_body = || {
        let mut out = String::new();
        put_list(&mut out, spans(), |out, span: &Kept| zipkin::put_span(out, span, &config.service));
        out
    };
    if !config.zipkin.is_empty() {
        post(&config.zipkin, zipkin_body()).await?;
    }
    if !config.otlp.is_empty() {
        post(&config.otlp, otlp::body(spans(), &config.service)).await?;
    }
    Ok(())
}

/// Posts a body of JSON.
async fn post(url: &str, body: String) -> Result<(), String> {
    let parsed = Url::parse(url)?;
    let failed = |error: &dyn std::fmt::Display| format!("{url}: {error}");
    match timeout(SEND_MAX, exchange(&parsed, body)).await {
        Err(_) => Err(failed(&"no answer in time")),
        Ok(Err(error)) => Err(failed(&error)),
        Ok(Ok(status)) if status.is_success() => Ok(()),
        Ok(Ok(status)) => Err(failed(&format_args!("answered {status}"))),
    }
}

async fn exchange(url: &Url, body: String) -> Result<http::StatusCode, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect((url.name(), url.port)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(&url.path)
        .header(header::HOST, &url.host)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))?;
    // Ends with this function, whatever the collector does. Its failure is the answer's.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    Ok(sender.send_request(request).await?.status())
}
