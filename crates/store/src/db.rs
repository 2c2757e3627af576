//! The statements, in the SQL that both databases share.
//!
//! Numbers are BIGINT (a version's 64 bits as they are), texts are TEXT; what is absent is the empty text or 0.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use model::{Name, Version};
use registry::{Digest, Event, EventKind, LabelRecord, VersionRecord};
use sqlx::{AnyConnection, Row, any::AnyRow};

/// A change of what is kept.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    Version(VersionRecord),
    RemoveVersion(Name, Version),
    Label(LabelRecord),
    RemoveLabel(Name, Name),
    Verified(Digest),
    Event(Event),
}

/// All that is known, as it is read at the beginning.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub versions: Vec<VersionRecord>,
    pub labels: Vec<LabelRecord>,
    pub verified: Vec<Digest>,
    pub events: Vec<Event>,
}

/// Whose rows these are, where they are one server's.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    /// The machine and the build: what it verified holds for it alone.
    pub machine: String,
    /// The server: its events and states.
    pub server: String,
    pub events_max: usize,
}

/// Why a write was not done.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The version stands with other bytes.
    Stands,
    Lost(sqlx::Error),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Fault {
        Fault::Lost(error)
    }
}

/// So many events are written between two looks for those that are too old.
const PRUNE_EVERY: u64 = 64;

pub(crate) fn is_postgres(connection: &AnyConnection) -> bool {
    connection.backend_name() == "PostgreSQL"
}

pub(crate) fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn time(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// Makes a change.
pub(crate) async fn apply(connection: &mut AnyConnection, owner: &Owner, write: &Write) -> Result<(), Fault> {
    match write {
        Write::Version(record) => put_version(connection, record).await?,
        Write::RemoveVersion(name, version) => {
            let sql = "DELETE FROM forebay_versions WHERE model = $1 AND version = $2";
            sqlx::query(sql).bind(name.as_str()).bind(version.0 as i64).execute(connection).await?;
        }
        Write::Label(LabelRecord { name, label, version }) => {
            let sql = "INSERT INTO forebay_labels (model, label, version) VALUES ($1, $2, $3) \
                       ON CONFLICT (model, label) DO UPDATE SET version = excluded.version";
            let query = sqlx::query(sql).bind(name.as_str()).bind(label.as_str());
            query.bind(version.0 as i64).execute(connection).await?;
        }
        Write::RemoveLabel(name, label) => {
            let sql = "DELETE FROM forebay_labels WHERE model = $1 AND label = $2";
            sqlx::query(sql).bind(name.as_str()).bind(label.as_str()).execute(connection).await?;
        }
        Write::Verified(digest) => {
            let sql = "INSERT INTO forebay_verified (machine, digest) VALUES ($1, $2) ON CONFLICT DO NOTHING";
            sqlx::query(sql).bind(&owner.machine).bind(digest.to_string()).execute(connection).await?;
        }
        Write::Event(event) => put_event(connection, owner, event).await?,
    }
    Ok(())
}

async fn put_version(connection: &mut AnyConnection, record: &VersionRecord) -> Result<(), Fault> {
    let sql = "INSERT INTO forebay_versions (model, version, digest, created_ms, provenance) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT DO NOTHING";
    let (name, version, digest) = (record.name.as_str(), record.version.0 as i64, record.digest.to_string());
    let query = sqlx::query(sql).bind(name).bind(version).bind(&digest).bind(millis(record.created));
    query.bind(&*record.provenance).execute(&mut *connection).await?;
    let sql = "SELECT digest FROM forebay_versions WHERE model = $1 AND version = $2";
    let kept: String = sqlx::query_scalar(sql).bind(name).bind(version).fetch_one(connection).await?;
    if kept == digest { Ok(()) } else { Err(Fault::Stands) }
}

async fn put_event(connection: &mut AnyConnection, owner: &Owner, event: &Event) -> Result<(), Fault> {
    let (model, version) = (&*event.model, event.version.map_or(0, |version| version.0 as i64));
    let (at, message) = (millis(event.at), event.message.as_deref().unwrap_or_default());
    let sql = "INSERT INTO forebay_events (server, number, at_ms, kind, model, version, label, message) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    let query = sqlx::query(sql).bind(&owner.server).bind(event.number as i64).bind(at).bind(event.kind.name());
    let query = query.bind(model).bind(version).bind(event.label.as_deref().unwrap_or_default());
    query.bind(message).execute(&mut *connection).await?;
    if let Some(state) = event.kind.state() {
        let sql = "INSERT INTO forebay_states (server, model, version, state, health, since_ms) \
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (server, model, version) \
                   DO UPDATE SET state = excluded.state, health = excluded.health, since_ms = excluded.since_ms";
        let query = sqlx::query(sql).bind(&owner.server).bind(model).bind(version).bind(state);
        query.bind(message).bind(at).execute(&mut *connection).await?;
    }
    if event.number.is_multiple_of(PRUNE_EVERY) {
        let oldest = event.number.saturating_sub(owner.events_max as u64) as i64;
        let sql = "DELETE FROM forebay_events WHERE server = $1 AND number <= $2";
        sqlx::query(sql).bind(&owner.server).bind(oldest).execute(connection).await?;
    }
    Ok(())
}

/// Reads the labels.
pub(crate) async fn labels(connection: &mut AnyConnection) -> Result<Vec<LabelRecord>, sqlx::Error> {
    let rows = sqlx::query("SELECT model, label, version FROM forebay_labels").fetch_all(connection).await?;
    let mut all = Vec::new();
    for row in rows {
        let (name, label) = (text(&row, 0)?, text(&row, 1)?);
        // What others wrote there and is no name is nobody's label.
        if let (Ok(name), Ok(label)) = (Name::new(&name), Name::new(&label)) {
            all.push(LabelRecord { name, label, version: version(&row, 2)? });
        }
    }
    // Databases have orders of their own.
    all.sort_by(|a, b| (&a.name, &a.label).cmp(&(&b.name, &b.label)));
    Ok(all)
}

/// Reads all that is known.
pub(crate) async fn load(connection: &mut AnyConnection, owner: &Owner) -> Result<Known, sqlx::Error> {
    let mut known = Known { labels: labels(&mut *connection).await?, ..Known::default() };
    let sql = "SELECT model, version, digest, created_ms, provenance FROM forebay_versions ORDER BY model, version";
    for row in sqlx::query(sql).fetch_all(&mut *connection).await? {
        if let (Ok(name), Some(digest)) = (Name::new(&text(&row, 0)?), Digest::parse(&text(&row, 2)?)) {
            let (created, provenance) = (time(row.try_get(3)?), Arc::from(text(&row, 4)?));
            known.versions.push(VersionRecord { name, version: version(&row, 1)?, digest, created, provenance });
        }
    }
    let sql = "SELECT digest FROM forebay_verified WHERE machine = $1";
    for row in sqlx::query(sql).bind(&owner.machine).fetch_all(&mut *connection).await? {
        known.verified.extend(Digest::parse(&text(&row, 0)?));
    }
    let sql = "SELECT number, at_ms, kind, model, version, label, message FROM forebay_events WHERE server = $1 \
               ORDER BY number DESC LIMIT $2";
    let query = sqlx::query(sql).bind(&owner.server).bind(owner.events_max as i64);
    for row in query.fetch_all(connection).await?.iter().rev() {
        known.events.extend(event(row)?);
    }
    Ok(known)
}

fn event(row: &AnyRow) -> Result<Option<Event>, sqlx::Error> {
    let some = |text: String| Some(text).filter(|text| !text.is_empty()).map(Arc::from);
    let Some(kind) = EventKind::parse(&text(row, 2)?) else { return Ok(None) };
    Ok(Some(Event {
        number: row.try_get::<i64, _>(0)? as u64,
        at: time(row.try_get(1)?),
        kind,
        model: text(row, 3)?.into(),
        version: Some(version(row, 4)?).filter(|version| version.0 > 0),
        label: some(text(row, 5)?),
        message: some(text(row, 6)?),
    }))
}

fn text(row: &AnyRow, place: usize) -> Result<String, sqlx::Error> {
    row.try_get(place)
}

fn version(row: &AnyRow, place: usize) -> Result<Version, sqlx::Error> {
    Ok(Version(row.try_get::<i64, _>(place)? as u64))
}
