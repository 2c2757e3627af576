//! Models in stores elsewhere: object stores that speak S3, and HDFS.
//!
//! A prefix is laid out like a models directory. A thread of this crate's own lists it again and again ([`poll`]) and leaves a
//! [`snapshot`], which is the [`registry::Tree`] that the registry's source looks at: layout, limits, settling and configuration
//! are those of a directory, and a look costs no exchange. Objects are downloaded whole into memory within the limits when
//! a version is about to be loaded, each under the tag that was listed, and the listing is compared again afterwards. Nothing is
//! written to a disk, and no name leads out of the prefix: names are looked up in a listing, never joined to a path of this machine.
//!
//! This crate alone knows `object_store`. Each kind of store is a feature of it.

mod error;
mod open;
mod poll;
mod remote;
mod snapshot;

pub use error::OpenError;
pub use open::{Access, open};
pub use remote::Remote;

/// How a store is asked. Nothing here changes while serving.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Milliseconds between two listings.
    pub poll_ms: u64,
    /// Milliseconds for which a changed listing has to be still.
    pub settle_ms: u64,
    /// Objects below the prefix.
    pub objects_max: usize,
    /// Folders within folders, above which nothing is looked at.
    pub depth_max: usize,
    /// Milliseconds that one exchange may take until something of its answer comes.
    pub stall_ms_max: u64,
    /// Milliseconds for one object, whole.
    pub read_ms_max: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            poll_ms: 5_000,
            settle_ms: 500,
            objects_max: 100_000,
            depth_max: 70,
            stall_ms_max: 30_000,
            read_ms_max: 900_000,
        }
    }
}

#[cfg(test)]
mod tests;
