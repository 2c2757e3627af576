//! What an engine of others needs to know of a model that it is to run, and what it may run at all.
//!
//! A format whose models other engines run as well says so in its row ([`crate::Format::foreign`]): which engine that is, how
//! a model's signatures are read without lowering its graph, and which of its ops are ours, an engine's alone, or nobody's. What
//! reaches outside of a model is refused here, before any engine sees the graph.

use std::collections::BTreeMap;

use model::{Declared, Field, ModelFiles, Reading, Signature, SignatureDef, Takes, Type};
use plan::Provenance;

use crate::{ReadError, ReadOptions};

/// Which engine of others runs models of a format.
#[derive(Clone, Copy)]
pub struct Runs {
    /// Its name, as users write it.
    pub engine: &'static str,
    /// Returns what the engine needs to know; refuses what reaches outside of the model.
    pub read: fn(&ModelFiles, &ReadOptions) -> Result<Foreign, ReadError>,
    /// Returns the ops that the model's signatures need.
    pub ops: fn(&ModelFiles, &ReadOptions) -> Result<Vec<OpUse>, ReadError>,
}

/// A model as an engine of others runs it.
#[derive(Clone, Debug)]
pub struct Foreign {
    pub layout: Layout,
    /// Each field's `declared.tensor` is its name in the graph.
    pub signatures: Vec<Signature>,
    /// The outputs whose type the artifact does not say, by signature and place.
    pub open: Vec<(usize, usize)>,
    pub defs: Vec<SignatureDef>,
    pub provenance: Provenance,
}

/// What lies in the artifact's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A SavedModel, of which the meta graph with these tags is meant.
    SavedModel { tags: Vec<String> },
    /// A file that is a graph; these nodes run once, before the first call.
    Graph { file: String, init: Vec<String> },
    /// A file that is an ONNX model.
    Onnx { file: String },
}

/// Who computes an op.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Support {
    /// We do.
    Native,
    /// An engine of others may.
    Engine,
    /// Nobody here: it reaches outside of the model, or changes it.
    Refused,
}

impl Support {
    pub fn name(self) -> &'static str {
        match self {
            Support::Native => "native",
            Support::Engine => "engine",
            Support::Refused => "refused",
        }
    }
}

/// An op of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpUse {
    /// Its name, with the version where the format's ops have such.
    pub op: String,
    /// How many nodes of it there are.
    pub nodes: usize,
    pub support: Support,
}

/// Returns the ops with their support, those that nobody runs first.
pub(crate) fn uses(counts: BTreeMap<String, (usize, Support)>) -> Vec<OpUse> {
    let each = counts.into_iter().map(|(op, (nodes, support))| OpUse { op, nodes, support });
    let mut uses: Vec<OpUse> = each.collect();
    uses.sort_by_key(|used| std::cmp::Reverse(used.support));
    uses
}

/// Returns a field of tensors; `ty` is a guess where the artifact says none.
pub(crate) fn field(name: &str, ty: Option<Type>, declared: Declared, needs: Vec<u32>) -> Field {
    Field {
        name: name.into(),
        takes: Takes::One(ty.unwrap_or(Type::F32)),
        reading: Reading::Strict,
        nullable: false,
        whole: true,
        default: true,
        optional: false,
        gates: false,
        needs,
        has_default: false,
        declared: Some(declared),
    }
}
