//! Scoring a table of any size in bounded memory: chunks in, answers out, in order.
//!
//! [`table`] opens inputs and outputs by format, [`scorer`] answers one chunk, [`pipeline`] moves chunks through threads.
//! The rows before a refused one are the same whatever the chunks and threads are: every chunk is answered with its rows
//! marked, and the writer stops at the first refused row of the input. [`v2`] answers one Open Inference request, which is no
//! table.

pub mod pipeline;
pub mod scorer;
pub mod table;
pub mod v2;
