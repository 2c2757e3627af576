//! The thread that looks at the sources of models and loads what it finds.
//!
//! Loads are dear and read files, so they have a thread of their own: the listener is up before the first model is, and a
//! slow load delays no answer.

use std::{
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, SyncSender, TryRecvError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use registry::{Loader, Manager, MemoryStore, Registry, Sources, Watched};

/// The running thread; dropping it lets the step at hand finish and ends it.
pub struct Watch {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Starts to watch the sources (none: there are no models).
pub fn start(mut sources: Sources, registry: Arc<Registry>, loader: Arc<dyn Loader>) -> std::io::Result<Watch> {
    let (stop, stopped) = sync_channel::<()>(0);
    let run = move || {
        let mut manager = Manager::new(registry, loader, Arc::new(MemoryStore::default()));
        loop {
            // One that cannot be read keeps what it said last, so this has no error of its own.
            if let Ok(scan) = sources.scan(Instant::now()) {
                manager.aspire(scan);
                while manager.step(&sources) && stopped.try_recv() == Err(TryRecvError::Empty) {}
            }
            if stopped.recv_timeout(sources.pause()) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    };
    let thread = thread::Builder::new().name("models".to_owned()).spawn(run)?;
    Ok(Watch { stop: Some(stop), thread: Some(thread) })
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
