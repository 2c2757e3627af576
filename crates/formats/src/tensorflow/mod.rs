//! TensorFlow: SavedModels of TensorFlow 1 and 2, and frozen graphs.
//!
//! - [`proto`]: the messages. - [`bundle`]: the variables' values. - [`literal`], [`dtype`]: tensors of files.
//! - [`graph`]: what a signature needs of a graph, with structured control flow.

pub mod bundle;
pub mod dtype;
pub mod graph;
pub mod literal;
pub mod proto;
