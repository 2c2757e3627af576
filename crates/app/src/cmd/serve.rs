//! `forebay serve`: a directory of models in, HTTP out, until told to stop.
//!
//! The listener is up first and answers health checks while the models load; SIGTERM and SIGINT drain it, SIGHUP reads the
//! configuration again.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use gateway::{Gateway, Guarded, Policies};
use registry::{Catalogue, ModelStore, Registry};
use server::{Bound, Certificates, Dialect};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
    signal::unix::{Signal, SignalKind, signal},
};
use tracing::{info, warn};

use crate::{
    config::{self, Settings},
    failure::Failure,
    loader::EngineLoader,
    logs,
    serve::{
        catalogue,
        sources::{self, Place},
        watch,
    },
    slices,
};

/// Serves a directory of models over HTTP
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Models directories and models: PATH, s3://BUCKET/PREFIX or hdfs://HOST:PORT/PATH; NAME=... gives a model another name [models.path; default: models]
    models: Vec<String>,
    /// Address and port to listen on; port 0 takes a free one [server.http; default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    http: Option<String>,
    /// Threads that serve the network; 0 is one per core [runtime.threads]
    #[arg(long, value_name = "N")]
    threads: Option<u16>,
    /// Level of the logs: error, warn, info, debug, trace [log.level; default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder where what is known of models is kept [catalogue.path; default: $XDG_STATE_HOME/forebay]
    #[arg(long, value_name = "DIR")]
    state: Option<String>,
    /// The time zone in which SQL's days begin, where a model names none [formats.time_zone; default: UTC]
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
}

pub fn run(args: Args) -> Result<(), Failure> {
    let settings = resolve(&args)?;
    let level = logs::start(&settings.log).map_err(Failure::Usage)?;
    let places = sources::places(&args.models, &settings)?;
    let paths: Vec<&Path> = places.iter().map(Place::path).collect();
    let known = catalogue::open(&settings.catalogue, &paths)?;
    // What is started from here on computes or loads; those who answer set themselves apart.
    slices::long();
    let runtime = runtime(settings.runtime.threads).map_err(|error| Failure::refused(format_args!("{error}")))?;
    runtime.block_on(serve(args, settings, places, level, known))
}

async fn serve(
    args: Args,
    settings: Settings,
    places: Vec<Place>,
    level: logs::Level,
    (store, trouble): (Arc<dyn ModelStore>, Option<String>),
) -> Result<(), Failure> {
    let Listening { local, grpc, also, bound } = listen(&settings.server).await?;
    let registry = Arc::new(Registry::within(settings.models.source.memory_bytes_max));
    let policies = Policies::new(settings.gateway.clone(), Arc::new(server::TokioTimer));
    let counters = policies.metrics();
    let is_public = admin_is_public(&settings, &bound)?;
    let engine = Arc::new(EngineLoader {
        limits: settings.formats.clone().into(),
        time_zone: settings.formats.time_zone.as_str().into(),
        engines: settings.engines.engines(),
    });
    let loader = Arc::new(Guarded::new(engine.clone(), policies));
    let gateway = Gateway::new(registry.clone());
    let state = server::State::new(settings.server.clone(), settings.mist.clone(), gateway, counters)
        .map_err(|error| Failure::usage(format_args!("{error}")))?
        .with_trace(settings.trace.clone())
        .with_batching(settings.batching.clone())
        .with_admin(
            settings.admin.clone(),
            settings.models.source.clone(),
            sources::publisher(&places, &settings.models.source),
            is_public,
        )
        .with_trials(engine)
        .with_auth(&settings.auth)
        .and_then(|state| state.with_access_log(&settings.access_log))
        .and_then(|state| state.with_capture(&settings.capture))
        .map_err(Failure::Usage)?;
    let known = Catalogue::open(registry.clone(), store.clone());
    let known = Arc::new(known.map_err(|error| Failure::refused(format_args!("{error}")))?);
    let state = Arc::new(state.with_catalogue(known.clone()));
    let sources = sources::open(&places, &settings.models.source)?;
    let started = |error: std::io::Error| Failure::refused(format_args!("cannot start: {error}"));
    let signals = Signals::new().map_err(started)?;
    announce(&settings, local, grpc, &sources::told(&places));
    if let Some(trouble) = trouble {
        warn!("{trouble}");
    }
    for (local, dialects) in also {
        info!(address = %local, ?dialects, "listening too");
    }
    let source = &settings.models.source;
    let watch = watch::start(sources, registry, loader, source, store, known).map_err(started)?;
    let certificates: Vec<_> = bound.iter().filter_map(|bound| bound.tls.clone()).collect();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    slices::usual();
    let serving = server::run(bound, state.clone(), async { drop(stopped.await) });
    let drained = tokio::select! {
        drained = serving => Some(drained),
        () = signals.until_stopped_twice(stop, move || {
            certificates.iter().for_each(|certificates| certificates.reload());
            reload(&args, &settings, &level, &state);
        }) => None,
    };
    // Joining waits for the load at hand, which may take long; the network is closed by then.
    drop(watch);
    if let Some(drained) = drained {
        let drained = drained.map_err(|error| Failure::refused(format_args!("the listener failed: {error}")))?;
        info!(connections_cut = drained.cut, "stopped");
    }
    Ok(())
}

/// Where the server listens.
struct Listening {
    local: SocketAddr,
    grpc: Option<SocketAddr>,
    also: Vec<(SocketAddr, Vec<Dialect>)>,
    bound: Vec<Bound>,
}

async fn listen(config: &server::Config) -> Result<Listening, Failure> {
    let secure = |tls: &server::Tls, what: &str| {
        Certificates::new(tls).map_err(|error| Failure::Usage(format!("{what}: {error}")))
    };
    let tls = secure(&config.tls, "server.tls")?;
    let (local, listener) = bind(&config.http, "choose another address with --http").await?;
    let mut bound = vec![Bound { listener, dialects: config.dialects(), tls: tls.clone() }];
    let mut grpc = None;
    if !config.grpc.is_empty() {
        let (address, listener) = bind(&config.grpc, "server.grpc names another address").await?;
        bound.push(Bound { listener, dialects: config.dialects(), tls });
        grpc = Some(address);
    }
    let mut also = Vec::new();
    for further in &config.listeners {
        let tls = secure(&further.tls, &format!("listener {}", further.address))?;
        let (address, listener) = bind(&further.address, "choose another address in [[server.listeners]]").await?;
        bound.push(Bound { listener, dialects: config.dialects_of(further), tls });
        also.push((address, further.dialects.clone()));
    }
    Ok(Listening { local, grpc, also, bound })
}

/// Returns whether others reach an address where models are changed: one is enough. A listener for that alone is refused where
/// nobody says who may ask.
fn admin_is_public(settings: &Settings, bound: &[Bound]) -> Result<bool, Failure> {
    let Some(open) = bound.iter().find(|bound| bound.is_public() && bound.dialects.change_models()) else {
        return Ok(false);
    };
    let is_closed = !settings.auth.is_on() && !settings.admin.open;
    match open.listener.local_addr() {
        Ok(address) if is_closed && settings.server.admin_is_apart() => Err(Failure::usage(format_args!(
            "listener {address} answers `admin` to callers from elsewhere, and nobody has keys; give callers keys with roles ([auth]), \
             take a loopback address, or say admin.open = true"
        ))),
        _ => Ok(true),
    }
}

/// Returns a listener on the address, and where it is.
async fn bind(address: &str, remedy: &str) -> Result<(SocketAddr, TcpListener), Failure> {
    let bound = TcpListener::bind(address).await.and_then(|listener| Ok((listener.local_addr()?, listener)));
    bound.map_err(|error| Failure::usage(format_args!("cannot listen on {address}: {error}; {remedy}")))
}

/// Says where the server is, as the first line.
fn announce(settings: &Settings, local: SocketAddr, grpc: Option<SocketAddr>, models: &str) {
    let scheme = if settings.server.tls.is_on() { "https" } else { "http" };
    match grpc {
        None if settings.log.json => info!(address = %local, models, "listening"),
        None => eprintln!("forebay: listening on {scheme}://{local}, {models}"),
        Some(grpc) if settings.log.json => info!(address = %local, %grpc, models, "listening"),
        Some(grpc) => eprintln!("forebay: listening on {scheme}://{local}, gRPC on {grpc} too, {models}"),
    }
}

fn resolve(args: &Args) -> Result<Settings, Failure> {
    let flags = [
        ("server.http", args.http.clone()),
        ("runtime.threads", args.threads.map(|n| n.to_string())),
        ("log.level", args.log_level.clone()),
        ("formats.time_zone", args.time_zone.clone()),
        ("catalogue.path", args.state.clone()),
    ];
    let flags: Vec<(&str, String)> = flags.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    config::resolve(args.config.as_deref(), &flags).map(|resolved| resolved.settings)
}

fn runtime(threads: usize) -> std::io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if threads > 0 {
        builder.worker_threads(threads);
    }
    builder.enable_io().enable_time().thread_name("network").on_thread_start(slices::usual).build()
}

/// Reads the configuration again and applies what can change.
fn reload(args: &Args, old: &Settings, level: &logs::Level, state: &server::State) {
    let now = match resolve(args) {
        Ok(now) => now,
        Err(Failure::Usage(error) | Failure::Refused(error)) => {
            warn!(%error, "the configuration was not read again; the old one holds");
            return;
        }
        Err(_) => return,
    };
    if let Ok(filter) = now.log.filter() {
        level.set(filter);
    }
    if let Err(error) = state.set_auth(&now.auth) {
        warn!(%error, "the keys were not read again; the old ones hold");
    }
    let restart = old.needs_restart(&now);
    if !restart.is_empty() {
        warn!(keys = restart.join(" "), "these keys changed and need a restart");
    }
    info!("the configuration was read again");
}

/// The signals that a server listens to.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Tells `stop` of the first signal to stop and returns at the second: what is still under way is cut then. Does
    /// `on_hangup` with every SIGHUP meanwhile.
    async fn until_stopped_twice(mut self, stop: tokio::sync::oneshot::Sender<()>, on_hangup: impl Fn()) {
        let mut stop = Some(stop);
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => {}
                _ = self.hangup.recv() => {
                    on_hangup();
                    continue;
                }
            }
            let Some(stop) = stop.take() else { break };
            info!("stopping; a second signal cuts what is under way");
            // Nobody listens where the server has ended by itself.
            let _ = stop.send(());
        }
        info!("stopping at once");
    }
}
