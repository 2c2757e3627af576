//! The catalogue in a database: SQLite in a file of this machine, or PostgreSQL for several servers.
//!
//! Behind [`registry::ModelStore`], so that nobody else knows SQL. What is known lies in memory too: reads never wait, and with the
//! database gone serving goes on with it. One thread of its own holds the one connection ([`worker`]); callers wait for it no longer
//! than a bound. Labels are changed in the database or not at all; what only says what happened (versions that were
//! loaded, events) waits in a bounded queue until the database is back, which is tried again and again.
//!
//! The schema is numbered ([`schema`]); a newer one than this build knows is refused by name. [`backup`] writes all of it as
//! one JSON file and reads it back, from either database into either.

pub mod backup;
mod config;
mod db;
mod error;
mod schema;
mod sql_store;
mod worker;

pub use config::{Config, Place};
pub use error::OpenError;
pub use sql_store::{Options, SqlStore};
