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

/// Ops of the family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExampleOp {
    /// Input 0 the examples, texts: a vector of them, or one alone (a scalar), then no output has the dimension of examples.
    /// Input 1 their names, which may be left out; then a default for each dense feature, of no elements where the feature
    /// must be there. Outputs: of the sparse features their indices, then values, then shapes; dense values; of the ragged
    /// features their values, then where rows begin and the last ends.
    Parse(Arc<ExampleSpec>),
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
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        let ExampleOp::Parse(spec) = self;
        if tensor(formal, 0) != Some(&Type::Bytes) {
            return Err("examples, which are texts");
        }
        let fits = |(i, dense): (usize, &DenseFeature)| tensor(formal, i + 2) == Some(&dense.ty.ty());
        if !spec.dense.iter().enumerate().all(fits) {
            return Err("a default of its type for each dense feature");
        }
        let mut types = vec![Type::I64; spec.sparse.len()];
        types.extend(spec.sparse.iter().map(|feature| feature.ty.ty()));
        types.extend(spec.sparse.iter().map(|_| Type::I64));
        types.extend(spec.dense.iter().map(|feature| feature.ty.ty()));
        types.extend(spec.ragged.iter().map(|feature| feature.ty.ty()));
        types.extend(spec.ragged.iter().map(|feature| Type::scalar(feature.splits)));
        Ok(types)
    }
}
