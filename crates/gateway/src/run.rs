//! From a name to the predictor that answers for it, with the policies that stand around it.

use std::{
    collections::HashMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use model::{Call, Cost, ModelFiles, Name, PredictError, Predictor, Reply, Signature, Table, Version};
use registry::{Handle, LoadError, Loaded, Loader, Looked, ModelConfig, Registry, Which};

use crate::{
    config::Config,
    metrics::Metrics,
    policy::{
        concurrency::{Concurrency, Permits},
        deadline::{Deadline, Timer},
    },
};

/// Routes calls to models.
#[derive(Clone)]
pub struct Gateway {
    registry: Arc<Registry>,
}

/// The predictor that a name stands for at this moment. It keeps its version alive, and so does an answer to come.
#[derive(Clone)]
pub struct Routed(Handle);

/// What a name stands for at this moment.
pub enum Found {
    Up(Routed),
    /// A lazy version, which is being loaded now.
    Cold(Waking),
}

/// The wait for a lazy version. Dropping it leaves the load to others.
pub type Waking = Pin<Box<dyn Future<Output = Result<Routed, PredictError>> + Send>>;

/// Puts the policies around predictors.
pub struct Policies {
    config: Config,
    timer: Arc<dyn Timer>,
    metrics: Arc<Metrics>,
    /// Those of the models that have a version in memory.
    permits: Mutex<HashMap<Name, Weak<Permits>>>,
}

/// A loader whose predictors stand inside the policies.
pub struct Guarded {
    loader: Arc<dyn Loader>,
    policies: Policies,
}

// === impl Gateway ===

impl Gateway {
    pub fn new(registry: Arc<Registry>) -> Gateway {
        Gateway { registry }
    }

    /// Returns the predictor of a model's version, of the one that has a label, or of its newest one that is up; a lazy one is
    /// loaded because of this.
    pub fn find<'a>(&self, name: &str, which: impl Into<Which<'a>>) -> Result<Found, PredictError> {
        let which = which.into();
        match self.registry.find(name, which)? {
            Looked::Up(handle) => Ok(Found::Up(Routed(handle))),
            Looked::Cold(mut activation) => {
                let (registry, name) = (self.registry.clone(), name.to_owned());
                let (version, label) = match which {
                    Which::Newest => (None, None),
                    Which::Number(version) => (Some(version), None),
                    Which::Label(label) => (None, Some(label.to_owned())),
                };
                Ok(Found::Cold(Box::pin(async move {
                    loop {
                        if let Some(handle) = activation.await? {
                            return Ok(Routed(handle));
                        }
                        // It was exchanged meanwhile.
                        let which = label.as_deref().map_or(Which::from(version), Which::Label);
                        match registry.find(&name, which)? {
                            Looked::Up(handle) => return Ok(Routed(handle)),
                            Looked::Cold(next) => activation = next,
                        }
                    }
                })))
            }
        }
    }

    /// Returns the predictor of a model's version, of the one that has a label, or of its newest one that is up, where it is loaded.
    pub fn predictor<'a>(&self, name: &str, which: impl Into<Which<'a>>) -> Result<Routed, PredictError> {
        self.registry.get(name, which).map(Routed)
    }

    /// Returns the models behind this gateway.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }
}

// === impl Routed ===

/// No `Deref` to the handle: a call that went past [`Routed::call`] would not keep its version alive.
impl Routed {
    pub fn name(&self) -> &Name {
        self.0.name()
    }

    pub fn version(&self) -> Version {
        self.0.version()
    }

    /// Returns what else is known of the version.
    pub fn handle(&self) -> &Handle {
        &self.0
    }
}

impl Predictor for Routed {
    fn signatures(&self) -> &[Signature] {
        self.0.signatures()
    }

    fn call(&self, call: Call) -> Reply {
        match self.0.call(call) {
            Reply::Now(answer) => Reply::Now(answer),
            Reply::Later(later) => {
                let handle = self.0.clone();
                Reply::Later(Box::pin(async move {
                    let answer = later.await;
                    drop(handle);
                    answer
                }))
            }
        }
    }

    fn show(&self, call: &mut Call, see: &mut dyn FnMut(&dyn Table)) -> Option<Result<(), PredictError>> {
        self.0.show(call, see)
    }

    fn is_joinable(&self, call: &Call) -> bool {
        self.0.is_joinable(call)
    }

    fn cost(&self) -> Cost {
        self.0.cost()
    }
}

impl fmt::Debug for Routed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// === impl Policies ===

impl Policies {
    pub fn new(config: Config, timer: Arc<dyn Timer>) -> Policies {
        Policies { config, timer, metrics: Arc::default(), permits: Mutex::default() }
    }

    /// Returns the counters of all stacks.
    pub fn metrics(&self) -> Arc<Metrics> {
        self.metrics.clone()
    }

    /// Returns the predictor with the policies around it; read from the innermost to the outermost.
    pub fn around(&self, name: &Name, predictor: Arc<dyn Predictor>) -> Arc<dyn Predictor> {
        let metrics = || self.metrics.clone();
        let longest = Duration::from_millis(self.config.deadline_ms.get());
        // Next to the predictor, so that a permit is held for exactly as long as there is work inside.
        let predictor = Arc::new(Concurrency::new(predictor, self.permits(name), metrics()));
        // Around the limit, so that a call whose time is over takes no permit, and one that runs out of it gives its back.
        Arc::new(Deadline::new(predictor, longest, self.timer.clone(), metrics()))
    }

    /// Returns the permits of a model; its versions share them.
    fn permits(&self, name: &Name) -> Arc<Permits> {
        // A poisoned table is whole: each change of it is a single one.
        let mut all = self.permits.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(permits) = all.get(name).and_then(Weak::upgrade) {
            return permits;
        }
        all.retain(|_, permits| permits.strong_count() > 0);
        let permits = Arc::new(Permits::new(self.config.concurrency_max.get()));
        all.insert(name.clone(), Arc::downgrade(&permits));
        permits
    }
}

// === impl Guarded ===

impl Guarded {
    pub fn new(loader: Arc<dyn Loader>, policies: Policies) -> Guarded {
        Guarded { loader, policies }
    }
}

impl Loader for Guarded {
    fn load(
        &self,
        name: &Name,
        version: Version,
        files: &ModelFiles,
        config: &ModelConfig,
    ) -> Result<Loaded, LoadError> {
        let Loaded { predictor, about } = self.loader.load(name, version, files, config)?;
        Ok(Loaded { predictor: self.policies.around(name, predictor), about })
    }
}

#[cfg(test)]
mod tests;
