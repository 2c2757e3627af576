//! The thread that looks at the models directory and loads what it finds.
//!
//! Loads are dear and read files, so they have a thread of their own: the listener is up before the first model is, and a
//! slow load delays no answer.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, SyncSender, TryRecvError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use registry::{Config, DirSource, Loader, Manager, MemoryStore, Registry, Scan, Source, SourceError};
use tracing::{error, warn};

/// The running thread; dropping it lets the step at hand finish and ends it.
pub struct Watch {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A source without models, for a server that is given none.
struct Nothing;

impl Source for Nothing {
    fn read(&self, artifact: &registry::Artifact) -> Result<registry::Content, SourceError> {
        Err(SourceError::Changing { path: artifact.path.to_string() })
    }
}

/// Starts to watch a directory (none: there are no models).
pub fn start(
    path: Option<PathBuf>,
    config: Config,
    registry: Arc<Registry>,
    loader: Arc<dyn Loader>,
) -> std::io::Result<Watch> {
    let (stop, stopped) = sync_channel::<()>(0);
    let run = move || {
        let mut manager = Manager::new(registry, loader, Arc::new(MemoryStore::default()));
        let Some(mut source) = path.and_then(|path| open(path, config)) else {
            manager.aspire(Scan::default());
            while manager.step(&Nothing) {}
            return;
        };
        let mut failed = None;
        loop {
            match source.scan(Instant::now()) {
                Ok(scan) => {
                    failed = None;
                    manager.aspire(scan);
                    while manager.step(&source) && stopped.try_recv() == Err(TryRecvError::Empty) {}
                }
                // Told once, not with every look.
                Err(error) if failed.as_ref() != Some(&error) => {
                    warn!(%error, "the models directory cannot be read; what serves goes on");
                    failed = Some(error);
                }
                Err(_) => {}
            }
            if stopped.recv_timeout(source.pause()) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    };
    let thread = thread::Builder::new().name("models".to_owned()).spawn(run)?;
    Ok(Watch { stop: Some(stop), thread: Some(thread) })
}

fn open(path: PathBuf, config: Config) -> Option<DirSource> {
    DirSource::new(&path, config)
        .inspect_err(|error| error!(%error, "the models directory cannot be read; no model is served"))
        .ok()
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic was reported when it happened.
            let _ = thread.join();
        }
    }
}
