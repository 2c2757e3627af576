//! Parquet: model data read whole, tables of any size read in chunks, answers written.
//!
//! The files come from anywhere, so everything that a file claims is checked here before it costs memory: the footer and
//! the page headers are read by our own code ([`footer`], [`page`]), pages are decompressed to exactly the size they state
//! ([`unpack`]), and what their values will take is reckoned against a [`Budget`] first ([`chunk`]). The `parquet` crate
//! sees pages only: it decodes levels and values into Arrow arrays, and a panic in it becomes an error. Columns of a text or a number
//! a row ([`flat`]), and lists of a model's numbers that are plain enough ([`lists`]), are decoded without it.
//!
//! [`read()`] takes a whole file, [`ParquetSource`] reads rows in chunks from a file of any size,
//! [`ParquetSink`] writes answers.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::CodecError;

mod chunk;
mod delta;
mod flat;
mod footer;
mod group;
mod hybrid;
mod lists;
mod numbers;
mod page;
mod read;
mod room;
mod schema;
mod sink;
mod snappy;
mod source;
mod texts;
mod thrift;
mod unpack;
mod weight;

pub use crate::arrow::vectors;
pub use read::read;
pub use sink::ParquetSink;
pub use source::ParquetSource;

/// How much a file may ask for. What is over a limit is refused, by the limit's name.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of the pages that are open at once and of the columns made from them: for a file read whole, of all of them;
    /// for a source, of one chunk of rows.
    pub decoded_bytes_max: u64,
    /// Rows of a file that is read whole.
    pub rows_max: u64,
    /// Nesting of the schema.
    pub depth_max: usize,
    /// Leaves of the schema.
    pub columns_max: usize,
    /// Bytes of the footer.
    pub footer_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            decoded_bytes_max: 256 << 20,
            rows_max: 50_000_000,
            depth_max: 64,
            columns_max: 20_000,
            footer_bytes_max: 32 << 20,
        }
    }
}

/// What is wrong with a structure of the file; where it stands is added by who knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Damage {
    #[error("it ends early")]
    EndsEarly,
    #[error("it has {0}")]
    Says(&'static str),
}

fn damaged(place: &str, what: impl std::fmt::Display) -> CodecError {
    CodecError::Damaged { format: "parquet", what: format!("{place}: {what}") }
}

fn unsupported(place: &str, what: impl std::fmt::Display) -> CodecError {
    CodecError::Unsupported { what: format!("parquet: {place}: {what}") }
}

/// Bytes that may still be asked for.
#[derive(Debug)]
struct Budget {
    left: AtomicU64,
    max: u64,
}

impl Budget {
    fn new(max: u64) -> Budget {
        Budget { left: AtomicU64::new(max), max }
    }

    fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }

    /// Gives back what was charged since so much was left.
    fn set_left(&self, left: u64) {
        self.left.store(left, Ordering::Relaxed);
    }

    /// Begins anew: what was charged is given back.
    fn reset(&self) {
        self.left.store(self.max, Ordering::Relaxed);
    }

    fn charge(&self, place: &str, bytes: u64) -> Result<(), CodecError> {
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        match taken {
            Ok(_) => Ok(()),
            Err(left) => Err(CodecError::TooLarge {
                what: format!("{place}: decoded bytes"),
                got: (self.max - left).saturating_add(bytes),
                limit: self.max,
                key: "decoded_bytes_max",
            }),
        }
    }
}
