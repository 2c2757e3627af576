//! Examples: records of named features, as TensorFlow writes them (`tf.Example`), and crossings of features.
//!
//! An example is a protocol buffer, `features` a map from names to lists of texts, float32 or int64. What is read beside the
//! features that are asked for is passed over. The rules are those of `example_proto_fast_parsing.cc`, its messages too.

use std::sync::Arc;

use model::{DType, Type};

use super::{Formal, Given, tensor};

/// What a feature's list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureType {
    Text,
    F32,
    I64,
}

/// A feature that each example has, of one shape, or takes from its default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenseFeature {
    pub name: Arc<str>,
    pub ty: FeatureType,
    /// The first dimension may be open: then examples have as many entries as they have, filled up to the longest.
    pub shape: Vec<Option<usize>>,
}

/// A feature of any length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenFeature {
    pub name: Arc<str>,
    pub ty: FeatureType,
    /// Where rows end, as int32 or int64; of ragged features only.
    pub splits: DType,
}

/// What is read of examples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExampleSpec {
    pub sparse: Vec<OpenFeature>,
    pub dense: Vec<DenseFeature>,
    pub ragged: Vec<OpenFeature>,
}

/// What is read of examples that are sequences (`tf.SequenceExample`): of the whole, and of its steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SequenceSpec {
    pub context: ExampleSpec,
    /// A dense shape is that of one step, and closed.
    pub lists: ExampleSpec,
    /// Which dense lists may be missing: they have no steps then.
    pub may_lack: Vec<bool>,
}

/// Ops of the family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExampleOp {
    /// Input 0 the examples, texts: a vector of them, or one alone (a scalar), then no output has the dimension of examples.
    /// Input 1 their names, which may be left out; then a default for each dense feature, of no elements where the feature
    /// must be there. Outputs: of the sparse features their indices, then values, then shapes; dense values; of the ragged
    /// features their values, then where rows begin and the last ends.
    Parse(Arc<ExampleSpec>),
    /// Inputs as those of `Parse`, the defaults being of the context. Outputs: of the context those of `Parse`; of the lists their
    /// sparse indices (example, step, place), values, shapes; dense values, filled up with zeros or empty texts to the most steps of
    /// an example; how many steps each example has; ragged values, then splits of examples into steps, then of steps into values.
    ParseSequence(Arc<SequenceSpec>),
}

impl ExampleSpec {
    /// Returns whether the defaults fit, which follow the examples and their names.
    fn takes(&self, formal: &Formal<'_>) -> bool {
        self.dense.iter().enumerate().all(|(i, dense)| tensor(formal, i + 2) == Some(&dense.ty.ty()))
    }

    fn sparse_types(&self) -> impl Iterator<Item = Type> {
        let ints = || self.sparse.iter().map(|_| Type::I64);
        ints().chain(self.sparse.iter().map(|feature| feature.ty.ty())).chain(ints())
    }

    fn dense_types(&self) -> impl Iterator<Item = Type> {
        self.dense.iter().map(|feature| feature.ty.ty())
    }

    fn ragged_types(&self) -> impl Iterator<Item = Type> {
        self.ragged.iter().map(|feature| feature.ty.ty())
    }

    fn split_types(&self) -> impl Iterator<Item = Type> {
        self.ragged.iter().map(|feature| Type::scalar(feature.splits))
    }

    fn types(&self) -> Vec<Type> {
        self.sparse_types().chain(self.dense_types()).chain(self.ragged_types()).chain(self.split_types()).collect()
    }
}

impl FeatureType {
    pub fn ty(self) -> Type {
        match self {
            FeatureType::Text => Type::Bytes,
            FeatureType::F32 => Type::F32,
            FeatureType::I64 => Type::I64,
        }
    }
}

impl ExampleOp {
    pub fn name(&self) -> &'static str {
        match self {
            ExampleOp::Parse(_) => "parse_example",
            ExampleOp::ParseSequence(_) => "parse_sequence_example",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        if tensor(formal, 0) != Some(&Type::Bytes) {
            return Err("examples, which are texts");
        }
        let spec = match self {
            ExampleOp::Parse(spec) => spec,
            ExampleOp::ParseSequence(spec) => &spec.context,
        };
        if !spec.takes(formal) {
            return Err("a default of its type for each dense feature");
        }
        let mut types = spec.types();
        if let ExampleOp::ParseSequence(spec) = self {
            let lists = &spec.lists;
            types.extend(lists.sparse_types().chain(lists.dense_types()));
            types.extend(lists.dense.iter().map(|_| Type::I64));
            types.extend(lists.ragged_types().chain(lists.split_types()).chain(lists.split_types()));
        }
        Ok(types)
    }
}
