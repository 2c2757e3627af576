//! The store in a database, as the registry sees it.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use model::{Name, Version};
use registry::{Digest, Event, LabelRecord, ModelStore, StoreError, StoreHealth, VersionRecord};
use tokio::{sync::mpsc as channel, time::Instant};

use crate::{
    config::{Config, Place},
    db::{Owner, Write},
    error::OpenError,
    worker::{Command, Shared, Worker},
};

/// Changes under way.
const COMMANDS_MAX: usize = 1_024;

/// Who keeps what there.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names the machine and the build: what was verified is remembered for it.
    pub machine: String,
    /// Names the server: its events are its own.
    pub server: String,
    pub timeout: Duration,
    pub events_max: usize,
}

impl Options {
    pub fn new(config: &Config, machine: &str, server: &str) -> Options {
        let (machine, server) = (machine.to_owned(), server.to_owned());
        Options {
            machine,
            server,
            timeout: Duration::from_millis(config.timeout_ms.max(1)),
            events_max: config.events_max,
        }
    }
}

/// A catalogue in a database. Dropping it writes what is under way and closes it.
pub struct SqlStore {
    kind: &'static str,
    shared: Arc<Shared>,
    timeout: Duration,
    commands: Option<channel::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
    /// Why it could not be reached at first.
    trouble: Option<String>,
}

impl SqlStore {
    /// Opens the catalogue, and makes it where there is none. A PostgreSQL that is not there is waited for in the background; a file
    /// that cannot be written is an error, and so is a schema that this build does not know.
    pub fn open(place: Place, options: Options) -> Result<SqlStore, OpenError> {
        let failed = |error: std::io::Error| OpenError::Failed { place: place.to_string(), message: error.to_string() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let shared = Arc::<Shared>::default();
        let (commands, received) = channel::channel(COMMANDS_MAX);
        let (opened, told) = mpsc::sync_channel(1);
        let Options { machine, server, timeout, events_max } = options;
        let worker = Worker {
            place: place.clone(),
            owner: Owner { machine, server, events_max },
            limit: timeout,
            shared: shared.clone(),
            waiting: Default::default(),
        };
        let run = move || runtime.block_on(worker.run(received, opened));
        let thread = thread::Builder::new().name("catalogue".to_owned()).spawn(run).map_err(failed)?;
        let gone =
            || OpenError::Failed { place: place.to_string(), message: "its thread ended; this is a bug".to_owned() };
        let trouble = told.recv().map_err(|_| gone())??;
        Ok(SqlStore { kind: place.kind(), shared, timeout, commands: Some(commands), thread: Some(thread), trouble })
    }

    /// Returns why it could not be reached when it was opened; it is tried again in the background.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    fn command(&self, write: Write, reply: Option<mpsc::SyncSender<Result<(), StoreError>>>) -> Result<(), StoreError> {
        let unavailable = |message: &str| StoreError::Unavailable { message: message.to_owned() };
        let commands = self.commands.as_ref().ok_or_else(|| unavailable("it is closed"))?;
        let command = Command { write, until: Instant::now() + self.timeout, reply };
        commands.try_send(command).map_err(|_| unavailable("too many changes wait for it"))
    }

    /// Makes a change and waits for it.
    fn change(&self, write: Write) -> Result<(), StoreError> {
        let (reply, told) = mpsc::sync_channel(1);
        self.command(write, Some(reply))?;
        let late = |_| StoreError::Unavailable { message: "it did not answer in time".to_owned() };
        // Before the change at hand others may be waiting.
        told.recv_timeout(self.timeout * 2).map_err(late)?
    }

    /// Makes a change for which nobody waits.
    fn note(&self, write: Write) {
        if let Err(error) = self.command(write, None) {
            tracing::debug!(%error, "not kept");
        }
    }
}

impl ModelStore for SqlStore {
    fn versions(&self, name: &Name) -> Result<Vec<VersionRecord>, StoreError> {
        self.shared.known.versions(name)
    }

    fn get(&self, name: &Name, version: Version) -> Result<Option<VersionRecord>, StoreError> {
        self.shared.known.get(name, version)
    }

    fn latest(&self, name: &Name) -> Result<Option<VersionRecord>, StoreError> {
        self.shared.known.latest(name)
    }

    fn put(&self, record: VersionRecord) -> Result<(), StoreError> {
        let kept = self.shared.known.get(&record.name, record.version)?;
        match kept {
            Some(kept) if kept.digest == record.digest => return Ok(()),
            Some(_) => return Err(StoreError::AlreadyExists { name: record.name, version: record.version }),
            None => {}
        }
        match self.change(Write::Version(record.clone())) {
            // It is kept here, and there once the database is back: a model is served without it.
            Ok(()) | Err(StoreError::Unavailable { .. }) => self.shared.known.put(record),
            Err(error) => Err(error),
        }
    }

    fn remove(&self, name: &Name, version: Version) -> Result<(), StoreError> {
        if self.shared.known.get(name, version)?.is_some() {
            self.shared.known.remove(name, version)?;
            self.note(Write::RemoveVersion(name.clone(), version));
        }
        Ok(())
    }

    fn labels(&self) -> Result<Vec<LabelRecord>, StoreError> {
        self.shared.known.labels()
    }

    fn set_label(&self, record: LabelRecord) -> Result<(), StoreError> {
        self.change(Write::Label(record))
    }

    fn remove_label(&self, name: &Name, label: &Name) -> Result<(), StoreError> {
        self.change(Write::RemoveLabel(name.clone(), label.clone()))
    }

    fn verified(&self, digest: Digest) -> Result<bool, StoreError> {
        self.shared.known.verified(digest)
    }

    fn set_verified(&self, digest: Digest) -> Result<(), StoreError> {
        if !self.shared.known.verified(digest)? {
            self.shared.known.set_verified(digest)?;
            self.note(Write::Verified(digest));
        }
        Ok(())
    }

    fn add_event(&self, event: &Event) -> Result<(), StoreError> {
        self.note(Write::Event(event.clone()));
        Ok(())
    }

    fn events(&self) -> Result<Vec<Event>, StoreError> {
        self.shared.known.events()
    }

    fn health(&self) -> StoreHealth {
        StoreHealth {
            kind: self.kind,
            is_up: self.shared.online.load(Relaxed),
            waiting: self.shared.waiting.load(Relaxed),
            outages: self.shared.outages.load(Relaxed),
            revision: self.shared.revision.load(Relaxed),
        }
    }
}

impl Drop for SqlStore {
    fn drop(&mut self) {
        drop(self.commands.take());
        if let Some(thread) = self.thread.take() {
            // A panic was reported when it happened.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, time::SystemTime};

    use model::ModelFiles;
    use registry::EventKind;

    use super::*;
    use crate::backup;

    struct File(PathBuf);

    impl File {
        fn new(name: &str) -> File {
            let path = std::env::temp_dir().join(format!("forebay-store-{}-{name} %.db", std::process::id()));
            let file = File(path);
            file.remove();
            file
        }

        fn place(&self) -> Place {
            Place::Sqlite(self.0.clone())
        }

        fn open(&self, machine: &str) -> Result<SqlStore, OpenError> {
            let timeout = Duration::from_millis(400);
            let (machine, server) = (machine.to_owned(), "here".to_owned());
            SqlStore::open(self.place(), Options { machine, server, timeout, events_max: 100 })
        }

        fn remove(&self) {
            for end in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{end}", self.0.display()));
            }
        }

        /// Runs statements on a connection of its own.
        fn run(&self, statements: &'static [&'static str]) -> sqlx::AnyConnection {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a test has a database");
            runtime.block_on(async {
                let mut other =
                    crate::worker::connect(&self.place(), Duration::from_secs(9)).await.expect("a test has a database");
                for sql in statements {
                    sqlx::raw_sql(*sql).execute(&mut other).await.expect("a test has a database");
                }
                other
            })
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            self.remove();
        }
    }

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn record(version: u64, content: &str) -> VersionRecord {
        let files = ModelFiles::new([("m".to_owned(), content.as_bytes().to_vec().into())]);
        let (created, provenance) = (SystemTime::UNIX_EPOCH + Duration::from_millis(7), "m/1".into());
        VersionRecord { name: name("m"), version: Version(version), digest: Digest::of(&files), created, provenance }
    }

    fn label(version: u64) -> LabelRecord {
        LabelRecord { name: name("m"), label: name("stable"), version: Version(version) }
    }

    fn event(number: u64) -> Event {
        Event { number, ..Event::new(EventKind::Failed, "m").version(Version(u64::MAX)).message("why") }
    }

    fn until(mut so: impl FnMut() -> bool) {
        let begun = std::time::Instant::now();
        while !so() {
            assert!(begun.elapsed() < Duration::from_secs(30), "in vain");
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn what_is_kept_is_there_again() {
        let file = File::new("again");
        let store = file.open("a").unwrap();
        store.put(record(u64::MAX, "one")).unwrap();
        store.put(record(3, "one")).unwrap();
        assert!(matches!(store.put(record(3, "two")), Err(StoreError::AlreadyExists { .. })));
        store.set_label(label(3)).unwrap();
        store.set_label(label(u64::MAX)).unwrap();
        store.set_verified(record(3, "one").digest).unwrap();
        (1..=300).for_each(|number| store.add_event(&event(number)).unwrap());
        drop(store);
        let store = file.open("a").unwrap();
        assert_eq!(store.versions(&name("m")).unwrap(), [record(3, "one"), record(u64::MAX, "one")]);
        assert_eq!(store.labels().unwrap(), [label(u64::MAX)]);
        assert!(store.verified(record(3, "one").digest).unwrap());
        let events = store.events().unwrap();
        assert_eq!((events.len(), events[99].number, events[99].message.as_deref()), (100, 300, Some("why")));
        assert!(matches!(store.put(record(3, "two")), Err(StoreError::AlreadyExists { .. })));
        store.remove(&name("m"), Version(3)).unwrap();
        store.remove_label(&name("m"), &name("stable")).unwrap();
        drop(store);
        let store = file.open("another machine").unwrap();
        assert_eq!((store.versions(&name("m")).unwrap().len(), store.labels().unwrap().len()), (1, 0));
        assert!(!store.verified(record(3, "one").digest).unwrap(), "another machine has not seen it");
    }

    #[test]
    fn a_newer_schema_is_refused_by_name() {
        let file = File::new("newer");
        drop(file.open("a").unwrap());
        drop(file.run(&["UPDATE forebay_schema SET number = 99"]));
        let error = file.open("a").err().map(|error| error.to_string()).unwrap();
        assert!(error.contains("schema 99, this build knows 1: a newer Forebay wrote it"), "{error}");
        assert!(matches!(backup::backup(&file.place()), Err(OpenError::Newer { .. })));
    }

    #[test]
    fn with_the_database_gone_what_is_known_goes_on_and_it_heals() {
        let file = File::new("gone");
        let store = file.open("a").unwrap();
        store.set_label(label(3)).unwrap();
        let other = file.run(&["BEGIN IMMEDIATE"]);
        assert!(matches!(store.set_label(label(4)), Err(StoreError::Unavailable { .. })));
        until(|| !store.health().is_up);
        assert!(matches!(store.remove_label(&name("m"), &name("stable")), Err(StoreError::Unavailable { .. })));
        store.put(record(1, "one")).unwrap();
        assert!(matches!(store.put(record(1, "two")), Err(StoreError::AlreadyExists { .. })), "it is known here");
        assert_eq!((store.labels().unwrap(), store.health().waiting), (vec![label(3)], 1));
        drop(other);
        until(|| store.health().is_up);
        store.set_label(label(4)).unwrap();
        assert_eq!((store.health().waiting, store.health().outages), (0, 1));
        drop(store);
        let store = file.open("a").unwrap();
        assert_eq!(
            (store.labels().unwrap(), store.versions(&name("m")).unwrap()),
            (vec![label(4)], vec![record(1, "one")])
        );
    }

    #[test]
    fn labels_that_another_moved_are_taken_over() {
        let file = File::new("others");
        let (store, other) = (file.open("a").unwrap(), file.open("b").unwrap());
        let before = store.health().revision;
        other.set_label(label(7)).unwrap();
        until(|| store.health().revision > before);
        assert_eq!(store.labels().unwrap(), [label(7)]);
    }

    #[test]
    fn a_backup_is_restored_elsewhere() {
        let (file, second) = (File::new("from"), File::new("to"));
        let store = file.open("a").unwrap();
        store.put(record(1, "one")).unwrap();
        store.set_label(label(1)).unwrap();
        store.add_event(&event(5)).unwrap();
        drop(store);
        let (text, counts) = backup::backup(&file.place()).unwrap();
        second.open("a").unwrap().put(record(9, "gone")).unwrap();
        assert_eq!(backup::restore(&second.place(), &text).unwrap(), counts);
        let store = second.open("a").unwrap();
        assert_eq!(store.versions(&name("m")).unwrap(), [record(1, "one")]);
        assert_eq!((store.labels().unwrap(), store.events().unwrap()[0].number), (vec![label(1)], 5));
        assert_eq!(backup::backup(&second.place()).unwrap().0, text);
        for wrong in [
            "",
            "{}",
            &text.replace("sha256:", "md5:"),
            &text.replace("\"forebay_catalogue\": 1", "\"forebay_catalogue\": 2"),
        ] {
            assert!(matches!(backup::restore(&second.place(), wrong), Err(OpenError::Backup { .. })), "{wrong}");
        }
        assert!(matches!(backup::backup(&Place::Memory), Err(OpenError::Failed { .. })));
    }
}
