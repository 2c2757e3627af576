//! The threads that look at the sources of models and load what is found or asked for.
//!
//! Loads are dear and read files, so they have threads of their own: the listener is up before the first model is, and a
//! slow load delays no answer. One thread looks at the sources and loads what stays; others load lazy models when somebody asks.

use std::{
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, SyncSender, TryRecvError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use registry::{Catalogue, Config, Loader, Manager, ModelStore, Registry, Sources, Watched};

use crate::memory;

/// Memory is given back at most so often, for calls would have to take it anew.
const GIVE_BACK: Duration = Duration::from_secs(1);

/// The running threads; dropping this lets the loads at hand finish and ends them.
pub struct Watch {
    stop: Option<SyncSender<()>>,
    registry: Arc<Registry>,
    threads: Vec<JoinHandle<()>>,
}

/// Starts to watch the sources (none: there are no models).
pub fn start(
    mut sources: Sources,
    registry: Arc<Registry>,
    loader: Arc<dyn Loader>,
    config: &Config,
    store: Arc<dyn ModelStore>,
    catalogue: Arc<Catalogue>,
) -> std::io::Result<Watch> {
    let (stop, stopped) = sync_channel::<()>(0);
    let mut watch = Watch { stop: Some(stop), registry: registry.clone(), threads: Vec::new() };
    for _ in 0..config.load_threads.max(1) {
        let (registry, loader) = (registry.clone(), loader.clone());
        watch.spawn("loader", move || registry.load_cold(&*loader))?;
    }
    let loading = config.load;
    let run = move || {
        let mut manager = Manager::new(registry.clone(), loader, store).with_loading(loading);
        let (mut moved, mut given_back) = (0, Instant::now());
        loop {
            catalogue.refresh();
            // One that cannot be read keeps what it said last, so this has no error of its own.
            if let Ok(scan) = sources.scan(Instant::now()) {
                registry.set_sources(sources.statuses());
                manager.aspire(scan);
                while manager.step(&sources) && stopped.try_recv() == Err(TryRecvError::Empty) {}
            }
            // What loads and unloads left behind; lazy ones happen on other threads.
            let counts = registry.metrics().counts();
            let moves = counts.loads + counts.failures + counts.unloads + counts.activations + counts.evictions;
            if moves != moved && given_back.elapsed() >= GIVE_BACK {
                memory::give_back();
                (moved, given_back) = (moves, Instant::now());
            }
            if stopped.recv_timeout(sources.pause()) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    };
    watch.spawn("models", run)?;
    Ok(watch)
}

impl Watch {
    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        self.threads.push(thread::Builder::new().name(name.to_owned()).spawn(run)?);
        Ok(())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.registry.close();
        for thread in self.threads.drain(..) {
            // A panic was reported when it happened.
            let _ = thread.join();
        }
    }
}
