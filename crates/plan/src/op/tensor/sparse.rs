//! Sparse and ragged tensors that stay so: crossed, joined, cut, added; rows of different lengths taken and made.
//!
//! A sparse tensor is three values: rows of indices (int64), the value at each, and its shape. A ragged one is its values and,
//! for each ragged dimension, where rows begin and the last ends (splits). Indices out of range and splits that are not in order
//! are refused. Source of the rules: TensorFlow's kernels `sparse_*_op.cc` and `ragged_*_op.cc`.

use std::sync::Arc;

use model::{DType, Type};

use super::{Formal, Given, dtype, tensor};

/// What a cross of features becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Crossing {
    /// Their texts with this between; integers in decimal.
    Text { separator: Arc<[u8]> },
    /// A number below this (0: below the greatest int64): the fingerprint of texts, or of an integer itself, joined one after
    /// the other to the key.
    Keyed { buckets: u64, key: u64 },
    /// The same, joined to the first; with a salt SipHash of texts, and integers are refused.
    Hashed { buckets: u64, salt: Option<[u64; 2]> },
}

/// Ops of the family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SparseOp {
    /// Each combination of one feature of every column, row by row; the last column fastest. Inputs: the indices, then values,
    /// then shapes of so many sparse columns, then so many dense ones.
    Cross { sparse: usize, dense: usize, how: Crossing },
    /// So many sparse tensors (all indices, all values, all shapes) one after the other along the axis, in the order of places.
    Concat { axis: i64, count: usize },
    /// The part from input 3 on, of input 4 elements.
    Slice,
    /// The sum of two sparse tensors, in the order of places, without sums of two values that are less than input 6 away from 0.
    Add,
    /// Rows from starts (input 0) to limits (1) by steps (2): splits, and all values.
    Range { splits: DType },
    /// The rows that the last input says: so many splits and the values. The result has a ragged dimension for each of the
    /// indices' but the first as well: `outputs` splits in all.
    Gather { splits: usize, outputs: usize },
    /// The ragged tensor of so many splits and its values as a sparse one.
    FromRagged { splits: usize },
}

impl SparseOp {
    pub fn name(&self) -> &'static str {
        match self {
            SparseOp::Cross { .. } => "sparse_cross",
            SparseOp::Concat { .. } => "sparse_concat",
            SparseOp::Slice => "sparse_slice",
            SparseOp::Add => "sparse_add",
            SparseOp::Range { .. } => "ragged_range",
            SparseOp::Gather { .. } => "ragged_gather",
            SparseOp::FromRagged { .. } => "ragged_to_sparse",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        let sparse = |values: Option<&Type>| values.map(|ty| vec![Type::I64, ty.clone(), Type::I64]);
        match self {
            SparseOp::Cross { sparse, dense, how } => {
                let is_feature =
                    |i: usize| matches!(tensor(formal, i), Some(ty) if *ty == Type::Bytes || *ty == Type::I64);
                let columns = (*sparse..2 * sparse).chain(3 * sparse..3 * sparse + dense);
                if formal.len() != 3 * sparse + dense || !columns.into_iter().all(is_feature) {
                    return Err("columns of texts or int64");
                }
                let values = if matches!(how, Crossing::Text { .. }) { Type::Bytes } else { Type::I64 };
                Ok(vec![Type::I64, values, Type::I64])
            }
            SparseOp::Concat { count, .. } => {
                let first = tensor(formal, *count);
                let alike = (*count..2 * count).all(|i| tensor(formal, i) == first);
                sparse(first.filter(|_| alike && formal.len() == 3 * count)).ok_or("sparse tensors of one type")
            }
            SparseOp::Slice => sparse(tensor(formal, 1)).ok_or("a sparse tensor, a begin and a size"),
            SparseOp::Add => {
                let values = tensor(formal, 1).filter(|ty| tensor(formal, 4) == Some(ty));
                sparse(values).ok_or("two sparse tensors of one type")
            }
            SparseOp::Range { splits } => match (dtype(formal, 0), dtype(formal, 1), dtype(formal, 2)) {
                (Some(a), Some(b), Some(c)) if a == b && b == c => Ok(vec![Type::scalar(*splits), Type::scalar(a)]),
                _ => Err("starts, limits and steps of one type"),
            },
            SparseOp::Gather { splits, outputs } => match (dtype(formal, 0), tensor(formal, *splits)) {
                (Some(of), Some(values)) if of.is_int() => {
                    let mut types = vec![Type::scalar(of); *outputs];
                    types.push(values.clone());
                    Ok(types)
                }
                _ => Err("splits, values, and indices"),
            },
            SparseOp::FromRagged { splits } => sparse(tensor(formal, *splits)).ok_or("splits, and values"),
        }
    }
}
