//! What all requests share.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use gateway::{Found, Gateway, Routed};
use http::HeaderMap;
use model::PredictError;
use registry::{Catalogue, MemoryStore, Which};
use tokio::{
    sync::{Notify, Semaphore, watch},
    time::timeout_at,
};

use crate::{
    access::{self, AccessLog},
    api::{
        admin::{self, Admin},
        mist,
        native::events::FOLLOWERS_MAX,
    },
    auth::{self, Guard},
    body::Held,
    capture::{self, Capture},
    compute::Compute,
    config::{Batching, Config},
    context::{Context, Ids, allowed},
    known::Models,
    metrics::{Gathered, Metrics},
    trace::{self, Tracer},
};

/// The server's share of everything: configuration, models, counters, compute threads.
pub struct State {
    pub(crate) config: Config,
    pub(crate) mist: mist::Routes,
    pub(crate) gateway: Gateway,
    policies: Arc<gateway::Metrics>,
    pub(crate) models: Models,
    pub(crate) metrics: Metrics,
    pub(crate) compute: Compute,
    pub(crate) held: Held,
    pub(crate) ids: Ids,
    pub(crate) tracer: Tracer,
    pub(crate) batching: Batching,
    pub(crate) admin: Admin,
    pub(crate) guard: Guard,
    pub(crate) catalogue: Arc<Catalogue>,
    /// Changes whenever there are more events.
    pub(crate) events: watch::Receiver<()>,
    /// Places for callers who follow the events.
    pub(crate) followers: Arc<Semaphore>,
    pub(crate) access: Arc<AccessLog>,
    pub(crate) capture: Option<Arc<Capture>>,
    draining: AtomicBool,
    drain: Notify,
}

impl State {
    /// Starts the compute threads. `policies` are the counters of the policies around the models behind the gateway.
    pub fn new(
        config: Config,
        mist: mist::Config,
        gateway: Gateway,
        policies: Arc<gateway::Metrics>,
    ) -> io::Result<State> {
        let mist = mist::Routes::new(mist).map_err(|message| io::Error::new(io::ErrorKind::InvalidInput, message))?;
        let (tell, events) = watch::channel(());
        gateway.registry().events().follow(move || tell.send_replace(()));
        Ok(State {
            events,
            followers: Arc::new(Semaphore::new(FOLLOWERS_MAX)),
            tracer: Tracer::new(trace::Config::default()),
            catalogue: Arc::new(
                Catalogue::open(gateway.registry().clone(), Arc::new(MemoryStore::default()))
                    .map_err(io::Error::other)?,
            ),
            batching: Batching::default(),
            admin: Admin::new(admin::Config::default(), registry::Config::default(), None, true),
            guard: Guard::open(),
            compute: Compute::start(config.threads(), config.compute_queue_max, config.compute_wait())?,
            capture: None,
            access: Arc::new(AccessLog::start(&access::Config::default()).expect("nowhere can be written to")),
            config,
            mist,
            gateway,
            policies,
            models: Models::default(),
            metrics: Metrics::new(),
            held: Held::default(),
            ids: Ids::new(),
            draining: AtomicBool::new(false),
            drain: Notify::new(),
        })
    }

    /// Returns the state that traces so.
    pub fn with_trace(self, config: trace::Config) -> State {
        State { tracer: Tracer::new(config), ..self }
    }

    /// Returns the state that joins calls so.
    pub fn with_batching(self, batching: Batching) -> State {
        State { batching, ..self }
    }

    /// Returns the state that takes changes of the models directory behind `publisher`, within the limits of `source`. Where
    /// callers from elsewhere reach the server (`is_public`), the configuration has to allow it.
    pub fn with_admin(
        self,
        config: admin::Config,
        source: registry::Config,
        publisher: Option<registry::Publisher>,
        is_public: bool,
    ) -> State {
        State { admin: Admin::new(config, source, publisher, is_public), ..self }
    }

    /// Returns the state that lets in whom the configuration knows.
    pub fn with_auth(self, config: &auth::Config) -> Result<State, String> {
        Ok(State { guard: Guard::new(config)?, ..self })
    }

    /// Returns the state that writes a line a request.
    pub fn with_access_log(self, config: &access::Config) -> Result<State, String> {
        Ok(State { access: Arc::new(AccessLog::start(config)?), ..self })
    }

    /// Returns the state that captures calls.
    pub fn with_capture(self, config: &capture::Config) -> Result<State, String> {
        Ok(State { capture: Capture::start(config)?, ..self })
    }

    /// Takes other keys, tokens and roles; those that are wrong leave the old ones.
    pub fn set_auth(&self, config: &auth::Config) -> Result<(), String> {
        self.guard.replace(config)
    }

    /// Returns the state whose labels are kept there.
    pub fn with_catalogue(self, catalogue: Arc<Catalogue>) -> State {
        State { catalogue, ..self }
    }

    /// Returns the version asked for, or the newest that is up. A lazy one is loaded first, within the time that the request has;
    /// the load goes on for others where its time is over.
    pub(crate) async fn model(
        &self,
        name: &str,
        which: Which<'_>,
        context: &Context,
        headers: &HeaderMap,
    ) -> Result<Routed, PredictError> {
        match self.gateway.find(name, which)? {
            Found::Up(model) => Ok(model),
            Found::Cold(waking) => {
                let until = context.begun + allowed(headers, self.config.timeout(None));
                timeout_at(until.into(), waking).await.map_err(|_| PredictError::DeadlineExceeded)?
            }
        }
    }

    /// Returns the state that tries models by this loader before they are published; after `with_admin`.
    pub fn with_trials(mut self, loader: Arc<dyn registry::Loader>) -> State {
        self.admin.set_loader(loader);
        self
    }

    /// Returns whether the server was told to stop.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    pub(crate) fn start_draining(&self) {
        self.draining.store(true, Ordering::Release);
        self.drain.notify_waiters();
    }

    /// Waits until the server is told to stop.
    pub(crate) async fn drained(&self) {
        let mut told = std::pin::pin!(self.drain.notified());
        told.as_mut().enable();
        if !self.is_draining() {
            told.await;
        }
    }

    /// Collects what the registry and the pool count, for the page of metrics.
    pub(crate) fn gather(&self) -> Gathered {
        let registry = self.gateway.registry();
        let (counts, policies) = (registry.metrics().counts(), self.policies.counts());
        let pool = self.compute.meter().counts();
        let mut gathered = Gathered {
            loads: registry.metrics().by_model(),
            refused: vec![
                ("concurrency", policies.overloaded),
                ("deadline", policies.deadline_exceeded),
                ("load", pool.shed),
            ],
            load_us: counts.load_us,
            lazy: counts,
            compute_waiting: self.compute.waiting(),
            pool,
            spans: self.tracer.counts(),
            catalogue: Some(self.catalogue.health()),
            captured: self.capture.as_ref().map_or([0; 3], |capture| capture.counts()),
            access_dropped: self.access.dropped(),
            auth: self.guard.refusals().read().collect(),
            ..Gathered::default()
        };
        use registry::State::*;
        let states = [Start, Loading, Available, Unloading, End].map(registry::State::name);
        let mut states: Vec<_> = states.into_iter().chain(["cold"]).map(|name| (name, 0)).collect();
        let cold = states.len() - 1;
        for model in registry.list() {
            for version in model.versions {
                let is_cold = version.state == Available && !version.is_loaded;
                states[if is_cold { cold } else { version.state as usize }].1 += 1;
                if let Some(about) = version.about.filter(|_| version.is_loaded) {
                    gathered.bytes.push((model.name.clone(), version.version.0, about.bytes));
                }
            }
        }
        gathered.models = states;
        gathered
    }
}
