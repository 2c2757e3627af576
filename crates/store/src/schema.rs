//! The tables, by numbered steps: each is done once, in one transaction, and never changed after it was published.

use sqlx::{AnyConnection, Connection};

use crate::{db::is_postgres, error::OpenError};

/// The steps; the schema's number is how many were done. Both databases take these statements as they are.
const STEPS: &[&[&str]] = &[&[
    "CREATE TABLE forebay_versions (model TEXT NOT NULL, version BIGINT NOT NULL, digest TEXT NOT NULL, \
     created_ms BIGINT NOT NULL, provenance TEXT NOT NULL, PRIMARY KEY (model, version))",
    "CREATE TABLE forebay_labels (model TEXT NOT NULL, label TEXT NOT NULL, version BIGINT NOT NULL, \
     PRIMARY KEY (model, label))",
    "CREATE TABLE forebay_verified (machine TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (machine, digest))",
    "CREATE TABLE forebay_states (server TEXT NOT NULL, model TEXT NOT NULL, version BIGINT NOT NULL, \
     state TEXT NOT NULL, health TEXT NOT NULL, since_ms BIGINT NOT NULL, PRIMARY KEY (server, model, version))",
    "CREATE TABLE forebay_events (server TEXT NOT NULL, number BIGINT NOT NULL, at_ms BIGINT NOT NULL, \
     kind TEXT NOT NULL, model TEXT NOT NULL, version BIGINT NOT NULL, label TEXT NOT NULL, message TEXT NOT NULL, \
     PRIMARY KEY (server, number))",
]];

/// The number of the schema that this build writes.
pub(crate) const KNOWN: i64 = STEPS.len() as i64;

/// What stops a migration.
pub(crate) enum Stopped {
    Newer(OpenError),
    Lost(sqlx::Error),
}

impl From<sqlx::Error> for Stopped {
    fn from(error: sqlx::Error) -> Stopped {
        Stopped::Lost(error)
    }
}

/// Brings the schema to the number that this build knows.
pub(crate) async fn migrate(connection: &mut AnyConnection) -> Result<(), Stopped> {
    let begin = if is_postgres(connection) { "BEGIN" } else { "BEGIN IMMEDIATE" };
    let mut work = connection.begin_with(begin).await?;
    if is_postgres(&work) {
        // Two servers that start at once migrate one after the other. The number stands for this program alone.
        sqlx::query("SELECT pg_advisory_xact_lock(7167338206)").execute(&mut *work).await?;
    }
    sqlx::query("CREATE TABLE IF NOT EXISTS forebay_schema (number BIGINT NOT NULL)").execute(&mut *work).await?;
    let found: i64 =
        sqlx::query_scalar("SELECT CAST(COUNT(*) AS BIGINT) FROM forebay_schema").fetch_one(&mut *work).await?;
    let found = match found {
        0 => 0,
        _ => sqlx::query_scalar("SELECT number FROM forebay_schema").fetch_one(&mut *work).await?,
    };
    if found > KNOWN {
        return Err(Stopped::Newer(OpenError::Newer { found, known: KNOWN }));
    }
    for statement in STEPS.iter().skip(usize::try_from(found).unwrap_or(0)).flat_map(|step| step.iter()) {
        sqlx::query(*statement).execute(&mut *work).await?;
    }
    if found < KNOWN {
        sqlx::query("DELETE FROM forebay_schema").execute(&mut *work).await?;
        sqlx::query("INSERT INTO forebay_schema (number) VALUES ($1)").bind(KNOWN).execute(&mut *work).await?;
    }
    work.commit().await?;
    Ok(())
}
