//! What reading a document needs at every place: its files, its bounds, and what of them is used up.

use std::cell::Cell;

use model::ModelFiles;

use crate::{Limits, ReadError};

/// The files of an artifact and the budgets of its document.
#[derive(Debug)]
pub struct Reader<'a> {
    /// The document's name in messages.
    pub file: &'a str,
    pub files: &'a ModelFiles,
    pub limits: &'a Limits,
    nodes: Cell<usize>,
    names: Cell<usize>,
    bytes: Cell<usize>,
}

impl<'a> Reader<'a> {
    pub fn new(file: &'a str, files: &'a ModelFiles, limits: &'a Limits) -> Reader<'a> {
        Reader { file, files, limits, nodes: Cell::new(0), names: Cell::new(0), bytes: Cell::new(0) }
    }

    /// Counts a node of any graph, those of inlined functions each time.
    pub fn count_node(&self) -> Result<(), ReadError> {
        self.count(&self.nodes, 1, self.limits.graph_nodes_max, "number of nodes", "graph_nodes_max")
    }

    /// Counts names of values, attributes, tensors and whatever else a graph lists.
    pub fn count_names(&self, more: usize) -> Result<(), ReadError> {
        self.count(&self.names, more, self.limits.graph_names_max, "number of names in graphs", "graph_names_max")
    }

    /// Counts bytes of constants.
    pub fn count_bytes(&self, more: usize) -> Result<(), ReadError> {
        self.count(&self.bytes, more, self.limits.decoded_bytes_max, "bytes of constants", "decoded_bytes_max")
    }

    fn count(
        &self,
        used: &Cell<usize>,
        more: usize,
        limit: usize,
        what: &str,
        key: &'static str,
    ) -> Result<(), ReadError> {
        let sum = used.get().saturating_add(more);
        used.set(sum);
        if sum > limit { Err(self.too_large(what, sum, limit, key)) } else { Ok(()) }
    }

    /// Checks how deep graphs, types and calls of functions nest.
    pub fn check_depth(&self, depth: usize) -> Result<(), ReadError> {
        let limit = self.limits.depth_max;
        if depth > limit {
            return Err(self.too_large("depth of graphs, types and functions", depth, limit, "depth_max"));
        }
        Ok(())
    }

    fn too_large(&self, what: &str, got: usize, limit: usize, key: &'static str) -> ReadError {
        ReadError::TooLarge {
            file: self.file.to_owned(),
            what: what.to_owned(),
            got: got as u64,
            limit: limit as u64,
            key,
        }
    }

    /// Returns the fault of a field.
    pub fn fault(&self, class: &str, field: &str, expected: &str, got: impl std::fmt::Display) -> ReadError {
        field_fault(self.file, class, field, expected, got)
    }

    /// Returns the fault of what is not read yet.
    pub fn unimplemented(&self, class: &str, what: impl Into<String>) -> ReadError {
        ReadError::Unimplemented { file: self.file.to_owned(), class: class.to_owned(), what: what.into() }
    }
}

/// Returns the fault of a field.
pub fn field_fault(file: &str, class: &str, field: &str, expected: &str, got: impl std::fmt::Display) -> ReadError {
    ReadError::Field {
        file: file.to_owned(),
        class: class.to_owned(),
        field: field.to_owned(),
        expected: expected.into(),
        got: shorten(&got.to_string()).into(),
    }
}

/// Returns a text that a message can show: names come from the file, and may be of any size.
fn shorten(text: &str) -> String {
    const SHOWN: usize = 200;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
