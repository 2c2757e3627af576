//! The listeners: connections in, and the way down.
//!
//! HTTP/1.1, HTTP/2 (prior knowledge) and gRPC share one port; hyper tells them apart by the first bytes. Each connection is one
//! task. Its times are held by a watch that wakes a few times per idle period, not by timers that are set and cleared with
//! every request. On shutdown: `ready` says no, the listener closes, connections finish what is in flight, and what is
//! left after `drain_ms` is cut.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{
            AtomicU32,
            Ordering::{AcqRel, Acquire, Relaxed},
        },
    },
    time::Duration,
};

use http::{HeaderValue, header};
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::Instant,
};
use tracing::{debug, warn};

use crate::{
    api::{self, Dialects},
    config::{Config, HEADERS_DEFAULT},
    state::State,
    tls::{self, Certificates},
    trace,
};

/// How the server came down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut because they did not finish within `drain_ms`.
    pub cut: usize,
}

/// How long requests that are on their way are taken after the signal to stop, at least.
const GRACE: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serve,
    Drain,
    Close,
}

/// An address to serve.
pub struct Bound {
    pub listener: TcpListener,
    pub dialects: Dialects,
    /// Its certificates, where it answers HTTPS.
    pub tls: Option<Arc<Certificates>>,
}

impl Bound {
    /// Returns whether callers from elsewhere reach it.
    pub fn is_public(&self) -> bool {
        self.listener.local_addr().is_ok_and(|address| !address.ip().is_loopback())
    }
}

impl From<(TcpListener, Dialects)> for Bound {
    fn from((listener, dialects): (TcpListener, Dialects)) -> Bound {
        Bound { listener, dialects, tls: None }
    }
}

type Builder = auto::Builder<TokioExecutor>;

/// Serves these listeners, each with its dialects, until `shutdown` is ready, then drains. Needs a runtime with I/O and time.
pub async fn run(
    listeners: Vec<impl Into<Bound>>,
    state: Arc<State>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<Drained> {
    let config = state.config.clone();
    let slots_max = config.connections_max.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
    let slots = Arc::new(Semaphore::new(slots_max));
    let builder = Arc::new(builder(&config));
    let (signal, phase) = watch::channel(Phase::Serve);
    tokio::spawn(trace::export(state.clone()));
    let mut accepting = JoinSet::new();
    let listeners: Vec<Bound> = listeners.into_iter().map(Into::into).collect();
    accepting.spawn(tls::watch(listeners.iter().filter_map(|bound| bound.tls.clone()).collect()));
    for Bound { listener, dialects, tls } in listeners {
        let (slots, state, builder, phase) = (slots.clone(), state.clone(), builder.clone(), phase.clone());
        accepting.spawn(async move {
            loop {
                let slot = slots.clone().acquire_owned().await.expect("the semaphore is never closed");
                let (stream, address) = accept(&listener).await;
                let served = Served { state: state.clone(), dialects, tls: tls.clone(), address };
                tokio::spawn(connection(stream, slot, served, builder.clone(), phase.clone()));
            }
        });
    }
    shutdown.await;
    state.start_draining();
    // Requests that were sent before the signal may not be read yet; an idle connection that closes now would lose them.
    tokio::time::sleep(Duration::from_millis(config.drain_delay_ms).max(GRACE)).await;
    // With their tasks the listeners close.
    accepting.shutdown().await;
    signal.send_replace(Phase::Drain);
    let all = slots_max as u32;
    let drained = tokio::time::timeout(Duration::from_millis(config.drain_ms), slots.acquire_many(all)).await;
    let cut = if drained.is_ok() { 0 } else { slots_max - slots.available_permits() };
    if cut > 0 {
        warn!(connections = cut, "requests did not finish in time, closing their connections");
        signal.send_replace(Phase::Close);
        let _ = tokio::time::timeout(Duration::from_secs(1), slots.acquire_many(all)).await;
    }
    Ok(Drained { cut })
}

fn builder(config: &Config) -> Builder {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    let mut http1 = builder.http1();
    http1.header_read_timeout(None).max_buf_size(config.head_bytes_max.max(8192));
    if config.headers_max != HEADERS_DEFAULT {
        http1.max_headers(config.headers_max);
    }
    let head_bytes_max = u32::try_from(config.head_bytes_max).unwrap_or(u32::MAX);
    builder.http2().max_concurrent_streams(config.streams_max).max_header_list_size(head_bytes_max);
    builder
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                // Answers are written whole; waiting for more to send with them only adds latency.
                if let Err(error) = stream.set_nodelay(true) {
                    debug!(%error, "a connection closed before it was served");
                    continue;
                }
                return (stream, address);
            }
            Err(error) => {
                use io::ErrorKind::*;
                if !matches!(error.kind(), ConnectionAborted | ConnectionReset | ConnectionRefused | Interrupted) {
                    // Out of files or memory: others must finish before the next can be taken.
                    warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

/// Who is at the other end of a connection.
#[derive(Debug)]
pub(crate) struct Peer {
    pub address: SocketAddr,
    /// The names in the certificate that it showed.
    pub names: Vec<String>,
}

/// What a listener serves.
struct Served {
    state: Arc<State>,
    dialects: Dialects,
    tls: Option<Arc<Certificates>>,
    address: SocketAddr,
}

/// What the requests of one connection share.
pub(crate) struct Conn {
    state: Arc<State>,
    dialects: Dialects,
    peer: Peer,
    in_flight: AtomicU32,
    requests: AtomicU32,
}

/// One request of a connection in flight, for the watch.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Conn>);

impl Busy {
    fn new(conn: Arc<Conn>) -> Busy {
        conn.in_flight.fetch_add(1, AcqRel);
        conn.requests.fetch_add(1, Relaxed);
        Busy(conn)
    }
}

impl std::fmt::Debug for Conn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conn").field("in_flight", &self.in_flight).finish_non_exhaustive()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, AcqRel);
    }
}

async fn connection(
    stream: TcpStream,
    slot: OwnedSemaphorePermit,
    served: Served,
    builder: Arc<Builder>,
    mut phase: watch::Receiver<Phase>,
) {
    let _slot = slot;
    let Served { state, dialects, tls, address } = served;
    let _open = Open::new(&state);
    let Some(tls) = tls else {
        return serve(stream, state.clone(), dialects, Peer { address, names: Vec::new() }, builder, phase).await;
    };
    let within = Duration::from_millis(state.config.head_timeout_ms);
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(within, tls.accept(stream)) => shaken,
        _ = phase.changed() => return,
    };
    match shaken {
        Ok(Ok(stream)) => {
            let peer = Peer { address, names: tls::names(&stream) };
            serve(stream, state.clone(), dialects, peer, builder, phase).await;
        }
        failed => {
            state.metrics.count_handshake();
            let error = match failed {
                Ok(Err(error)) => error.to_string(),
                _ => "no handshake in time".to_owned(),
            };
            debug!(%address, error, "a connection was not encrypted");
        }
    }
}

/// Serves what comes over a connection until it ends.
async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    state: Arc<State>,
    dialects: Dialects,
    peer: Peer,
    builder: Arc<Builder>,
    mut phase: watch::Receiver<Phase>,
) {
    let (in_flight, requests) = (AtomicU32::new(0), AtomicU32::new(0));
    let conn = Arc::new(Conn { state: state.clone(), dialects, peer, in_flight, requests });
    let service = service_fn({
        let conn = conn.clone();
        move |request| {
            let conn = conn.clone();
            // Boxed: HTTP/2 moves it several times before it runs, and it is large.
            Box::pin(async move {
                let busy = Busy::new(conn);
                let is_http1 = request.version() <= http::Version::HTTP_11;
                let mut response = api::handle(&busy.0.state, busy.0.dialects, &busy.0.peer, request).await;
                if is_http1 && busy.0.state.is_draining() {
                    // Whoever asks next is told to do so elsewhere before the connection closes.
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                response.body_mut().hold(busy);
                Ok::<_, std::convert::Infallible>(response)
            })
        }
    });
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut watch = Watch::new(&state.config);
    let mut wake = pin!(tokio::time::sleep(watch.every));
    loop {
        tokio::select! {
            biased;
            result = serving.as_mut() => {
                if let Err(error) = result {
                    debug!(%error, "connection ended");
                }
                return;
            }
            changed = phase.changed() => match changed.map(|()| *phase.borrow()) {
                Ok(Phase::Serve) => {}
                Ok(Phase::Drain) => serving.as_mut().graceful_shutdown(),
                Ok(Phase::Close) | Err(_) => return,
            },
            () = wake.as_mut() => match watch.look(&conn, Instant::now()) {
                Verdict::Stay => reset(wake.as_mut(), watch.every),
                Verdict::Finish => {
                    debug!("closing an idle connection");
                    serving.as_mut().graceful_shutdown();
                    reset(wake.as_mut(), watch.every);
                }
                Verdict::Cut => return,
            },
        }
    }
}

fn reset(wake: Pin<&mut tokio::time::Sleep>, after: Duration) {
    wake.reset(Instant::now() + after);
}

/// Counts a connection while it is open.
struct Open<'a>(&'a State);

impl<'a> Open<'a> {
    fn new(state: &'a State) -> Open<'a> {
        state.metrics.count_connections(1);
        Open(state)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.metrics.count_connections(-1);
    }
}

/// Decides, from a look now and then, whether a connection has been without a request for too long.
struct Watch {
    head: Duration,
    idle: Duration,
    every: Duration,
    seen: u32,
    since: Instant,
    finishing: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Stay,
    /// Answer what may still come, then close.
    Finish,
    /// It was asked to finish and did not: the peer sends a head without end, or does not read.
    Cut,
}

impl Watch {
    fn new(config: &Config) -> Watch {
        let (head, idle) =
            (Duration::from_millis(config.head_timeout_ms), Duration::from_millis(config.idle_timeout_ms));
        // Four looks within the shorter time: a connection overstays by a quarter of it at most.
        let every = (head.min(idle) / 4).max(Duration::from_millis(1));
        Watch { head, idle, every, seen: 0, since: Instant::now(), finishing: false }
    }

    fn look(&mut self, conn: &Conn, now: Instant) -> Verdict {
        let requests = conn.requests.load(Relaxed);
        self.decide(requests, conn.in_flight.load(Acquire) > 0, now)
    }

    fn decide(&mut self, requests: u32, busy: bool, now: Instant) -> Verdict {
        if busy || requests != self.seen {
            (self.seen, self.since) = (requests, now);
            return Verdict::Stay;
        }
        let limit = if requests == 0 || self.finishing { self.head } else { self.idle };
        if now.duration_since(self.since) < limit {
            return Verdict::Stay;
        }
        if self.finishing {
            return Verdict::Cut;
        }
        (self.finishing, self.since) = (true, now);
        Verdict::Finish
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at a connection at the given (time ms, requests so far, one in flight).
    fn check(looks: &[(u64, u32, bool, Verdict)]) {
        let config = Config { head_timeout_ms: 100, idle_timeout_ms: 1000, ..Config::default() };
        let mut watch = Watch::new(&config);
        let start = watch.since;
        for (ms, requests, busy, verdict) in looks {
            let got = watch.decide(*requests, *busy, start + Duration::from_millis(*ms));
            assert_eq!(got, *verdict, "at {ms} ms of {looks:?}");
        }
    }

    #[test]
    fn a_first_head_must_come_in_time() {
        check(&[(50, 0, false, Verdict::Stay), (100, 0, false, Verdict::Finish), (200, 0, false, Verdict::Cut)]);
    }

    #[test]
    fn an_idle_connection_is_finished() {
        check(&[(50, 3, false, Verdict::Stay), (1000, 3, false, Verdict::Stay), (1050, 3, false, Verdict::Finish)]);
    }

    #[test]
    fn a_request_in_flight_holds_it() {
        check(&[(50, 1, true, Verdict::Stay), (9000, 1, true, Verdict::Stay), (9900, 1, false, Verdict::Stay)]);
    }
}
