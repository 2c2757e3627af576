//! Arrow IPC, file and stream; and Arrow's arrays as columns, which Parquet shares.
//!
//! [`ArrowSource`] reads chunks of rows, [`ArrowSink`] writes answers. Every message is checked against its own lengths and
//! the limits before the `arrow-ipc` crate decodes it ([`message`]); a panic in the crate becomes an error. Columns share
//! the buffers of arrays wherever both lie in memory alike ([`convert`]); [`fit`] makes them the columns that a model's
//! fields want.

pub(crate) mod convert;
pub(crate) mod fit;
mod message;
mod sink;
mod source;
mod vectors;
pub(crate) mod write;

pub use sink::ArrowSink;
pub use source::{ArrowSource, Limits};
pub use vectors::vectors;
