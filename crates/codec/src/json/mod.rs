//! JSON: rows as objects (native dialect, jsonl files) and columns as arrays (Mist's form), both ways.
//!
//! Bodies are read with `serde_json`'s scanner into visitors of ours that push into the column of the key at hand
//! ([`decode`]); there is no tree except for arrays and objects whose column has no type yet. A float that JSON has no
//! number for is one of the strings `"NaN"`, `"Infinity"`, `"-Infinity"`. A dense vector is an array or
//! `{"values":[..]}`, a sparse one `{"size":n,"indices":[..],"values":[..]}`; Spark's `"type"` (0 sparse, 1 dense) may
//! stand beside. Bytes are a string of their own or `{"b64":".."}`. [`encode`] writes the same.

pub(crate) mod cell;
pub mod decode;
pub mod encode;
pub mod lines;
mod loose;
mod shown;
mod split;
#[cfg(test)]
mod tests;
mod tokens;
mod value;
mod vector;

pub(crate) use decode::syntax;
pub use decode::{Decoder, Limits, Rows};
pub use encode::{EncodeOptions, RowWriter, Shape, VectorForm, encode};
pub use lines::{JsonlSink, JsonlSource};
pub use shown::encode_table;
pub(crate) use shown::write_datum;
pub use tokens::quoted;
