//! A store as the tree that the registry looks at, and the thread behind it.

use std::{
    fmt::Display,
    future::Future,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use object_store::{GetOptions, path::Path};
use registry::{
    Listing, SourceError, Tree,
    source::CONFIG,
    tree::{Entry, join},
};
use tokio::{runtime, sync::oneshot};

use crate::{
    Limits, OpenError,
    poll::{Place, Seen},
    snapshot::{Object, Snapshot},
};

/// The models below a prefix, as the last listing shows them. Dropping it ends its thread.
#[derive(Debug)]
pub struct Remote {
    reach: Reach,
    seen: Arc<Seen>,
    /// The listing that is looked at, and its number.
    snapshot: Option<Arc<Snapshot>>,
    serial: u64,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The same place for whoever reads from it later: as the listing of that moment shows it.
#[derive(Debug)]
struct Later {
    reach: Reach,
    seen: Arc<Seen>,
    single: Option<String>,
}

/// How a store is asked.
#[derive(Clone, Debug)]
struct Reach {
    place: Place,
    limits: Limits,
    runtime: runtime::Handle,
}

/// Pauses before a download is tried again.
const RETRIES_MS: [u64; 2] = [200, 1_000];

impl Remote {
    /// Begins to list the place.
    pub fn start(place: Place, limits: Limits) -> Result<Remote, OpenError> {
        let failed = |source| OpenError::Thread { url: place.url.to_string(), source };
        let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (handle, seen) = (runtime.handle().clone(), Arc::<Seen>::default());
        let (stop, stopped) = oneshot::channel();
        let (at, bounds, left) = (place.clone(), limits.clone(), seen.clone());
        let run = move || runtime.block_on(at.watch(&bounds, &left, stopped));
        let thread = thread::Builder::new().name("objects".to_owned()).spawn(run).map_err(failed)?;
        let (stop, thread) = (Some(stop), Some(thread));
        let reach = Reach { place, limits, runtime: handle };
        Ok(Remote { reach, seen, snapshot: None, serial: 0, stop, thread })
    }

    fn snapshot(&self) -> Result<&Snapshot, SourceError> {
        self.snapshot.as_deref().ok_or_else(|| self.reach.not_yet())
    }
}

impl Tree for Remote {
    fn look(&mut self, _: Instant) -> Result<Option<Instant>, SourceError> {
        let state = self.seen.lock();
        if let Some(problem) = &state.problem {
            return Err(problem.clone());
        }
        let Some(snapshot) = &state.snapshot else { return Err(self.reach.not_yet()) };
        if self.serial == state.serial {
            return Ok(None);
        }
        (self.serial, self.snapshot) = (state.serial, Some(snapshot.clone()));
        // What was seen is as old as its listing: it is still only once another one shows the same.
        Ok(Some(snapshot.taken))
    }

    fn single(&self) -> Option<&str> {
        self.snapshot.as_ref().and_then(|snapshot| snapshot.single.as_deref())
    }

    fn entry(&self, path: &str) -> Result<Entry, SourceError> {
        self.snapshot()?.entry(path)
    }

    fn names(&self, path: &str, names_max: usize, key: &'static str) -> Result<Vec<String>, SourceError> {
        self.snapshot()?.names(path, names_max, key)
    }

    fn read(&self, path: &str, bytes_max: u64) -> Result<Vec<u8>, SourceError> {
        self.reach.read(self.snapshot()?, path, bytes_max)
    }

    fn again(&self) -> Option<Arc<dyn Tree + Sync>> {
        let single = self.single().map(str::to_owned);
        Some(Arc::new(Later { reach: self.reach.clone(), seen: self.seen.clone(), single }))
    }

    fn is_same(&self, listing: &Listing) -> Result<bool, SourceError> {
        self.reach.is_same(self.single(), listing)
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl Later {
    /// Returns the last listing: a store that cannot be listed now may be read all the same.
    fn snapshot(&self) -> Result<Arc<Snapshot>, SourceError> {
        self.seen.lock().snapshot.clone().ok_or_else(|| self.reach.not_yet())
    }
}

impl Tree for Later {
    fn single(&self) -> Option<&str> {
        self.single.as_deref()
    }

    fn entry(&self, path: &str) -> Result<Entry, SourceError> {
        self.snapshot()?.entry(path)
    }

    fn names(&self, path: &str, names_max: usize, key: &'static str) -> Result<Vec<String>, SourceError> {
        self.snapshot()?.names(path, names_max, key)
    }

    fn read(&self, path: &str, bytes_max: u64) -> Result<Vec<u8>, SourceError> {
        self.reach.read(&*self.snapshot()?, path, bytes_max)
    }

    fn is_same(&self, listing: &Listing) -> Result<bool, SourceError> {
        self.reach.is_same(self.single(), listing)
    }
}

impl Reach {
    fn not_yet(&self) -> SourceError {
        SourceError::NotYet { url: self.place.url.clone() }
    }

    fn read(&self, snapshot: &Snapshot, path: &str, bytes_max: u64) -> Result<Vec<u8>, SourceError> {
        let changing = || SourceError::Changing { path: join(&self.place.url, path) };
        let object = snapshot.object(path).cloned().ok_or_else(changing)?;
        let full = self.full(snapshot.single.as_deref(), path);
        let (place, limits) = (self.place.clone(), self.limits.clone());
        let bytes = self.ask(async move {
            let mut pauses = RETRIES_MS.iter();
            loop {
                match (download(&place, &limits, &full, &object, bytes_max).await, pauses.next()) {
                    // Stores turn requests away when they are busy.
                    (Err(_), Some(pause)) => tokio::time::sleep(Duration::from_millis(*pause)).await,
                    (done, _) => return done,
                }
            }
        })?;
        bytes.ok_or_else(changing)
    }

    fn is_same(&self, single: Option<&str>, listing: &Listing) -> Result<bool, SourceError> {
        let full = self.full(single, &listing.root.path);
        let (place, limits) = (self.place.clone(), self.limits.clone());
        let now = self.ask(async move { place.list(&full, &limits).await })?;
        Ok(now.holds(listing, CONFIG))
    }

    /// Runs an exchange on the thread of the store, and waits for it.
    fn ask<T: Send + 'static>(
        &self,
        exchange: impl Future<Output = Result<T, SourceError>> + Send + 'static,
    ) -> Result<T, SourceError> {
        let (answer, answered) = mpsc::sync_channel(1);
        let limit = Duration::from_millis(self.limits.read_ms_max);
        let task = self.runtime.spawn(async move {
            // Nobody waits any more where it took too long.
            let _ = answer.send(exchange.await);
        });
        answered.recv_timeout(limit).unwrap_or_else(|_| {
            task.abort();
            Err(self.place.failed(&format_args!("no whole answer within {} ms", self.limits.read_ms_max)))
        })
    }

    /// Returns the full path of something below the prefix.
    fn full(&self, single: Option<&str>, path: &str) -> Path {
        match single {
            Some(_) => self.place.prefix.clone(),
            // As it was listed: nothing of it is escaped again.
            None => Path::parse(join(self.place.prefix.as_ref(), path)).unwrap_or_else(|_| Path::from(path)),
        }
    }
}

/// Returns the bytes of an object as it was listed; nothing where it is another one by now.
async fn download(
    place: &Place,
    limits: &Limits,
    full: &Path,
    object: &Object,
    bytes_max: u64,
) -> Result<Option<Vec<u8>>, SourceError> {
    let stall = Duration::from_millis(limits.stall_ms_max);
    let failed = |error: &dyn Display| place.failed(&format_args!("{full}: {error}"));
    let stalled = || failed(&format_args!("nothing came for {} ms", limits.stall_ms_max));
    let options = GetOptions { if_match: object.tag.clone(), ..GetOptions::default() };
    let got = tokio::time::timeout(stall, place.store.get_opts(full, options)).await.map_err(|_| stalled())?;
    let got = match got {
        Ok(got) => got,
        Err(object_store::Error::Precondition { .. } | object_store::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    if got.meta.size != object.size || object.size > bytes_max {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let room = usize::try_from(object.size).map_err(|error| failed(&error))?;
    bytes.try_reserve_exact(room).map_err(|error| failed(&error))?;
    let mut parts = got.into_stream();
    while let Some(part) = tokio::time::timeout(stall, parts.next()).await.map_err(|_| stalled())? {
        let part = part.map_err(|error| failed(&error))?;
        if part.len() > room - bytes.len() {
            return Ok(None);
        }
        bytes.extend_from_slice(&part);
    }
    Ok((bytes.len() == room).then_some(bytes))
}
