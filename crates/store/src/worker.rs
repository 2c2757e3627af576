//! The thread that holds the connection.
//!
//! It takes changes in their order. With the database gone, what may wait does, in a bounded queue; what may not is refused at
//! once. It tries to connect again with growing pauses, then writes what waited and reads what others changed meanwhile.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc::SyncSender,
    },
    time::Duration,
};

use registry::{LabelRecord, MemoryStore, ModelStore, StoreError};
use sqlx::{AnyConnection, ConnectOptions, Connection, any::AnyConnectOptions};
use tokio::{
    sync::mpsc::Receiver,
    time::{Instant, sleep_until, timeout},
};
use tracing::{info, warn};

use crate::{
    config::Place,
    db::{self, Fault, Owner, Write},
    error::OpenError,
    schema::{self, Stopped},
};

/// Changes that wait for a database; beyond them the oldest are given up.
const WAITING_MAX: usize = 50_000;

/// The first pause before another try to connect, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// How often an idle connection is asked whether it is there, and what others changed.
const LOOK: Duration = Duration::from_secs(1);

/// What the thread and its callers share.
#[derive(Default)]
pub(crate) struct Shared {
    pub known: MemoryStore,
    pub online: AtomicBool,
    /// Counts what changed by others.
    pub revision: AtomicU64,
    pub waiting: AtomicU64,
    pub outages: AtomicU64,
}

/// One change, and who waits for it.
pub(crate) struct Command {
    pub write: Write,
    pub until: Instant,
    pub reply: Option<SyncSender<Result<(), StoreError>>>,
}

pub(crate) struct Worker {
    pub place: Place,
    pub owner: Owner,
    pub limit: Duration,
    pub shared: Arc<Shared>,
    pub waiting: VecDeque<Write>,
}

impl Command {
    fn answer(self, result: Result<(), StoreError>) {
        if let Some(reply) = self.reply {
            // Whoever gave up waiting hears nothing.
            let _ = reply.try_send(result);
        }
    }
}

impl Worker {
    /// Runs until nobody can send any more. `opened` hears how the first try ended.
    pub async fn run(mut self, mut commands: Receiver<Command>, opened: SyncSender<Result<Option<String>, OpenError>>) {
        let mut connection = match self.connect().await {
            Ok(connection) => {
                let _ = opened.send(Ok(None));
                Some(connection)
            }
            Err(Stopped::Newer(error)) => return drop(opened.send(Err(error))),
            Err(Stopped::Lost(error)) if matches!(self.place, Place::Postgres(_)) => {
                // Told by whoever opens it, when he says things.
                self.shared.outages.fetch_add(1, Relaxed);
                let _ = opened.send(Ok(Some(error.to_string())));
                None
            }
            Err(Stopped::Lost(error)) => {
                let (place, message) = (self.place.to_string(), error.to_string());
                return drop(opened.send(Err(OpenError::Failed { place, message })));
            }
        };
        let mut pause = PAUSES.0;
        let mut next = Instant::now() + if connection.is_some() { LOOK } else { pause };
        loop {
            tokio::select! {
                command = commands.recv() => {
                    let Some(command) = command else { break };
                    if !self.take(&mut connection, command).await {
                        (connection, pause) = (None, PAUSES.0);
                        next = Instant::now() + pause;
                    }
                }
                () = sleep_until(next) => {
                    next = Instant::now() + LOOK;
                    match &mut connection {
                        Some(alive) => if let Err(error) = self.look(alive).await {
                            self.lost(&error);
                            (connection, pause) = (None, PAUSES.0);
                            next = Instant::now() + pause;
                        },
                        None => match self.connect().await {
                            Ok(alive) => connection = Some(alive),
                            Err(stopped) => {
                                if let Stopped::Newer(error) = stopped {
                                    warn!(%error, "the catalogue is not used");
                                }
                                pause = (pause * 2).min(PAUSES.1);
                                next = Instant::now() + pause;
                            }
                        },
                    }
                }
            }
        }
        if let Some(connection) = connection {
            let _ = timeout(self.limit, connection.close()).await;
        }
    }

    /// Connects, migrates, writes what waited, and takes over what is known.
    async fn connect(&mut self) -> Result<AnyConnection, Stopped> {
        let late = |_| Stopped::Lost(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()));
        let connection = timeout(self.limit * 2, connect(&self.place, self.limit)).await.map_err(late)?;
        let mut connection = connection?;
        timeout(self.limit * 4, self.catch_up(&mut connection)).await.map_err(late)??;
        if !self.shared.online.swap(true, Relaxed) && self.shared.outages.load(Relaxed) > 0 {
            info!(catalogue = self.place.kind(), "the catalogue is back");
        }
        Ok(connection)
    }

    async fn catch_up(&mut self, connection: &mut AnyConnection) -> Result<(), Stopped> {
        schema::migrate(connection).await?;
        while let Some(write) = self.waiting.front() {
            match db::apply(connection, &self.owner, write).await {
                Ok(()) => {}
                Err(Fault::Stands) => warn!(?write, "published elsewhere with other bytes; what serves goes on"),
                Err(Fault::Lost(error)) => return Err(error.into()),
            }
            self.waiting.pop_front();
            self.shared.waiting.store(self.waiting.len() as u64, Relaxed);
        }
        let known = db::load(connection, &self.owner).await?;
        self.shared.known.replace_labels(&known.labels);
        for record in known.versions {
            if let Err(error) = self.shared.known.put(record) {
                warn!(%error, "the catalogue and what serves differ");
            }
        }
        for digest in known.verified {
            let _ = self.shared.known.set_verified(digest);
        }
        self.shared.known.replace_events(known.events);
        self.shared.revision.fetch_add(1, Relaxed);
        Ok(())
    }

    fn lost(&self, error: &sqlx::Error) {
        self.shared.online.store(false, Relaxed);
        self.shared.outages.fetch_add(1, Relaxed);
        let kind = self.place.kind();
        warn!(catalogue = kind, %error, "the catalogue is gone; what serves goes on, changes are refused until it is back");
    }

    /// Makes one change; returns whether the connection is of use any more.
    async fn take(&mut self, connection: &mut Option<AnyConnection>, command: Command) -> bool {
        let Some(alive) = connection else {
            self.put_off(command, "it is gone".to_owned());
            return true;
        };
        let left = command.until.saturating_duration_since(Instant::now());
        let done = timeout(left.max(self.limit / 2), db::apply(alive, &self.owner, &command.write)).await;
        let error = match done {
            Ok(Ok(())) => {
                let known = &self.shared.known;
                let _ = match &command.write {
                    Write::Label(record) => known.set_label(record.clone()),
                    Write::RemoveLabel(name, label) => known.remove_label(name, label),
                    _ => Ok(()),
                };
                command.answer(Ok(()));
                return true;
            }
            Ok(Err(Fault::Stands)) => {
                if let Write::Version(record) = &command.write {
                    let (name, version) = (record.name.clone(), record.version);
                    command.answer(Err(StoreError::AlreadyExists { name, version }));
                }
                return true;
            }
            Ok(Err(Fault::Lost(error))) => error,
            Err(_) => sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()),
        };
        self.lost(&error);
        self.put_off(command, error.to_string());
        false
    }

    /// Keeps a change for later, or refuses it where it cannot wait.
    fn put_off(&mut self, command: Command, message: String) {
        if matches!(command.write, Write::Label(_) | Write::RemoveLabel(..)) {
            return command.answer(Err(StoreError::Unavailable { message }));
        }
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back(command.write.clone());
        self.shared.waiting.store(self.waiting.len() as u64, Relaxed);
        command.answer(Err(StoreError::Unavailable { message }));
    }

    /// Asks whether the connection is there, and takes over labels that another server moved.
    async fn look(&mut self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        let late = |_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
        let labels = timeout(self.limit, db::labels(connection)).await.map_err(late)??;
        let same = |known: Vec<LabelRecord>| known == labels;
        if !self.shared.known.labels().is_ok_and(same) {
            self.shared.known.replace_labels(&labels);
            self.shared.revision.fetch_add(1, Relaxed);
        }
        Ok(())
    }
}

/// Connects to the place.
pub(crate) async fn connect(place: &Place, limit: Duration) -> Result<AnyConnection, sqlx::Error> {
    sqlx::any::install_default_drivers();
    let options: AnyConnectOptions = place.driver_url().parse()?;
    let mut connection = options.disable_statement_logging().connect().await?;
    if !db::is_postgres(&connection) {
        // A writer in another process is waited for as long as a change may take.
        let busy = format!("PRAGMA busy_timeout = {}", limit.as_millis() / 2);
        sqlx::raw_sql(sqlx::AssertSqlSafe(busy)).execute(&mut connection).await?;
        sqlx::raw_sql("PRAGMA journal_mode = WAL").execute(&mut connection).await?;
        sqlx::raw_sql("PRAGMA synchronous = NORMAL").execute(&mut connection).await?;
    }
    Ok(connection)
}
