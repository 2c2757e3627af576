//! All of a catalogue as one JSON file, and back.
//!
//! What was verified is left out: it holds for one machine. A restore replaces what is there, in one transaction.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::{AnyConnection, Connection, Row};

use crate::{
    config::Place,
    error::OpenError,
    schema::{self, Stopped},
    worker::connect,
};

/// The form of the file.
const FORM: u32 = 1;

/// A file's content.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Backup {
    forebay_catalogue: u32,
    versions: Vec<Version>,
    labels: Vec<Label>,
    states: Vec<State>,
    events: Vec<Event>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Version {
    model: String,
    version: u64,
    digest: String,
    created_ms: i64,
    provenance: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Label {
    model: String,
    label: String,
    version: u64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    server: String,
    model: String,
    version: u64,
    state: String,
    health: String,
    since_ms: i64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    server: String,
    number: u64,
    at_ms: i64,
    kind: String,
    model: String,
    version: u64,
    label: String,
    message: String,
}

/// How much a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub versions: usize,
    pub labels: usize,
    pub events: usize,
}

/// Returns all that the catalogue holds, as a file's text.
pub fn backup(place: &Place) -> Result<(String, Counts), OpenError> {
    let backup = run(place, async |connection| read(connection).await)?;
    let text =
        serde_json::to_string_pretty(&backup).map_err(|error| OpenError::Backup { reason: error.to_string() })?;
    Ok((text + "\n", backup.counts()))
}

/// Puts what a file's text holds in the place of what the catalogue holds.
pub fn restore(place: &Place, text: &str) -> Result<Counts, OpenError> {
    let refused = |reason: String| OpenError::Backup { reason };
    let backup: Backup = serde_json::from_str(text).map_err(|error| refused(error.to_string()))?;
    if backup.forebay_catalogue != FORM {
        return Err(refused(format!("it has the form {}, this build reads {FORM}", backup.forebay_catalogue)));
    }
    for version in &backup.versions {
        model::Name::new(&version.model).map_err(|error| refused(error.to_string()))?;
        registry::Digest::parse(&version.digest)
            .ok_or_else(|| refused(format!("`{}` is no digest", version.digest)))?;
    }
    for label in &backup.labels {
        let names = model::Name::new(&label.model).and_then(|_| model::Name::new(&label.label));
        names.map_err(|error| refused(error.to_string()))?;
    }
    run(place, async |connection| write(connection, &backup).await)?;
    Ok(backup.counts())
}

impl Backup {
    fn counts(&self) -> Counts {
        Counts { versions: self.versions.len(), labels: self.labels.len(), events: self.events.len() }
    }
}

fn run<T>(place: &Place, work: impl AsyncFnOnce(&mut AnyConnection) -> Result<T, sqlx::Error>) -> Result<T, OpenError> {
    const LIMIT: Duration = Duration::from_secs(10);
    let failed = |message: String| OpenError::Failed { place: place.to_string(), message };
    if *place == Place::Memory {
        return Err(failed("it is in memory and ends with its server".to_owned()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| failed(error.to_string()))?.block_on(async {
        let mut connection = connect(place, LIMIT).await.map_err(|error| failed(error.to_string()))?;
        schema::migrate(&mut connection).await.map_err(|stopped| match stopped {
            Stopped::Newer(error) => error,
            Stopped::Lost(error) => failed(error.to_string()),
        })?;
        let done = work(&mut connection).await.map_err(|error| failed(error.to_string()));
        connection.close().await.map_err(|error| failed(error.to_string()))?;
        done
    })
}

async fn read(connection: &mut AnyConnection) -> Result<Backup, sqlx::Error> {
    let mut all = Backup { forebay_catalogue: FORM, ..Backup::default() };
    let mut work = connection.begin().await?;
    let sql = "SELECT model, version, digest, created_ms, provenance FROM forebay_versions ORDER BY model, version";
    for row in sqlx::query(sql).fetch_all(&mut *work).await? {
        let (model, version, digest) = (row.try_get(0)?, row.try_get::<i64, _>(1)? as u64, row.try_get(2)?);
        all.versions.push(Version { model, version, digest, created_ms: row.try_get(3)?, provenance: row.try_get(4)? });
    }
    let sql = "SELECT model, label, version FROM forebay_labels ORDER BY model, label";
    for row in sqlx::query(sql).fetch_all(&mut *work).await? {
        let version = row.try_get::<i64, _>(2)? as u64;
        all.labels.push(Label { model: row.try_get(0)?, label: row.try_get(1)?, version });
    }
    let sql =
        "SELECT server, model, version, state, health, since_ms FROM forebay_states ORDER BY server, model, version";
    for row in sqlx::query(sql).fetch_all(&mut *work).await? {
        all.states.push(State {
            server: row.try_get(0)?,
            model: row.try_get(1)?,
            version: row.try_get::<i64, _>(2)? as u64,
            state: row.try_get(3)?,
            health: row.try_get(4)?,
            since_ms: row.try_get(5)?,
        });
    }
    let sql = "SELECT server, number, at_ms, kind, model, version, label, message FROM forebay_events ORDER BY server, number";
    for row in sqlx::query(sql).fetch_all(&mut *work).await? {
        all.events.push(Event {
            server: row.try_get(0)?,
            number: row.try_get::<i64, _>(1)? as u64,
            at_ms: row.try_get(2)?,
            kind: row.try_get(3)?,
            model: row.try_get(4)?,
            version: row.try_get::<i64, _>(5)? as u64,
            label: row.try_get(6)?,
            message: row.try_get(7)?,
        });
    }
    work.commit().await?;
    Ok(all)
}

async fn write(connection: &mut AnyConnection, backup: &Backup) -> Result<(), sqlx::Error> {
    let mut work = connection.begin().await?;
    for sql in [
        "DELETE FROM forebay_versions",
        "DELETE FROM forebay_labels",
        "DELETE FROM forebay_states",
        "DELETE FROM forebay_events",
    ] {
        sqlx::query(sql).execute(&mut *work).await?;
    }
    for Version { model, version, digest, created_ms, provenance } in &backup.versions {
        let sql = "INSERT INTO forebay_versions (model, version, digest, created_ms, provenance) \
                   VALUES ($1, $2, $3, $4, $5)";
        let query = sqlx::query(sql).bind(model).bind(*version as i64).bind(digest).bind(created_ms);
        query.bind(provenance).execute(&mut *work).await?;
    }
    for Label { model, label, version } in &backup.labels {
        let sql = "INSERT INTO forebay_labels (model, label, version) VALUES ($1, $2, $3)";
        sqlx::query(sql).bind(model).bind(label).bind(*version as i64).execute(&mut *work).await?;
    }
    for State { server, model, version, state, health, since_ms } in &backup.states {
        let sql = "INSERT INTO forebay_states (server, model, version, state, health, since_ms) \
                   VALUES ($1, $2, $3, $4, $5, $6)";
        let query = sqlx::query(sql).bind(server).bind(model).bind(*version as i64).bind(state);
        query.bind(health).bind(since_ms).execute(&mut *work).await?;
    }
    for Event { server, number, at_ms, kind, model, version, label, message } in &backup.events {
        let sql = "INSERT INTO forebay_events (server, number, at_ms, kind, model, version, label, message) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let query = sqlx::query(sql).bind(server).bind(*number as i64).bind(at_ms).bind(kind).bind(model);
        query.bind(*version as i64).bind(label).bind(message).execute(&mut *work).await?;
    }
    work.commit().await
}
