//! Between labels, categories, tokens and numbers.

use std::sync::Arc;

use model::{DType, Type};

use super::{Inferred, same_rows};
use crate::{error::PlanError, expr::Scalar, plan::ValueType};

/// What happens to a value that training did not see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// The row is refused.
    Error,
    /// The row is dropped.
    Skip,
    /// It has a place of its own.
    Keep,
}

/// A hash of a token, with the seed 42.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// Murmur3 x86 32 as its author defines it (smhasher, `MurmurHash3_x86_32`).
    Murmur3,
    /// The same, but each of the last 1 to 3 bytes is sign-extended and mixed as a block of its own: Spark before 3.0
    /// (`Murmur3_x86_32.hashUnsafeBytes`).
    Murmur3Tail,
}

/// A table whose rows are found by some of their columns.
#[derive(Clone, Debug, PartialEq)]
pub struct FindTable {
    /// The columns to find by, each a constant a row, of the type of its input; null is never found.
    pub keys: Vec<Arc<[Scalar]>>,
    /// What a row gives: constants of one type, or nulls of it.
    pub values: Arc<[Scalar]>,
    pub ty: Type,
}

/// Ops that encode.
#[derive(Clone, Debug, PartialEq)]
pub enum EncodeOp {
    /// A list to a sparse vector of `size`: at hash(item) modulo `size` (never negative) how often items fell there, or 1
    /// with `binary`. Texts hash by their UTF-8 bytes, numbers by their width (int 4, long and double 8 bytes; float by its
    /// bits as an int, NaN canonical), booleans as the int 0 or 1, a null item as the seed. A null list is refused.
    HashCounts { size: u32, hash: Hash, binary: bool },
    /// A list of texts to a sparse vector of the vocabulary's size: how often each term occurs, where that is at least
    /// `tf_min` (below 1: a share of all tokens), or 1 with `binary`. A null list is refused.
    TermCounts { vocabulary: Arc<[Box<str>]>, tf_min: f64, binary: bool },
    /// A value to its place among the labels, as float64. Numbers and booleans are compared by their text (Java's
    /// `Double.toString` for floats); of a label that is there twice the last place counts. Not among them, or null: refused,
    /// dropped, or the number of labels.
    Index { labels: Arc<[Box<str>]>, invalid: Invalid },
    /// A text to its place among the labels, as float64: -1 where it is none of them, null where it is null.
    Place { labels: Arc<[Box<str>]> },
    /// A number, cut to an integer, to the label at its place; NaN is cut to 0. Outside is refused; null stays null.
    Label { labels: Arc<[Box<str>]> },
    /// A number, cut to an integer, to a sparse vector with a 1 at its place. `categories` is the number of places seen;
    /// under `Keep` one more place takes invalid values (negative, too large, NaN), under `Error` they are refused.
    /// `drop_last` leaves the last place out: its rows are all zero. Null stays null.
    OneHot { categories: u32, drop_last: bool, invalid: Invalid },
    /// A number to the bucket it falls into: bucket i is `splits[i] <= x < splits[i + 1]`, the last one closed. Comparison is
    /// Java's `Double.compare` (-0.0 below 0.0). Outside is refused always; NaN is refused, dropped, or the bucket after the
    /// last; null is null, and dropped under `Skip`.
    Bucket { splits: Arc<[f64]>, invalid: Invalid },
    /// As many columns as the table has keys to the value of the row whose keys they are (-0.0 is 0.0, NaN is NaN); null where
    /// there is no such row, or an input is null. Where several rows have these keys, the row is refused.
    Find(Arc<FindTable>),
}

impl EncodeOp {
    /// Returns whether its parameters say that rows are dropped.
    pub fn drops_rows(&self) -> bool {
        match self {
            EncodeOp::Index { invalid, .. } | EncodeOp::OneHot { invalid, .. } | EncodeOp::Bucket { invalid, .. } => {
                *invalid == Invalid::Skip
            }
            _ => false,
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            EncodeOp::HashCounts { .. } => "hash_counts",
            EncodeOp::TermCounts { .. } => "term_counts",
            EncodeOp::Index { .. } => "index",
            EncodeOp::Place { .. } => "place",
            EncodeOp::Label { .. } => "label",
            EncodeOp::OneHot { .. } => "one_hot",
            EncodeOp::Bucket { .. } => "bucket",
            EncodeOp::Find(_) => "find",
        }
    }

    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        if let EncodeOp::Find(table) = self {
            return table.infer(inputs);
        }
        let ([one], Some(place)) = (inputs, same_rows(inputs)) else { return Err("one column") };
        let ty = &one.ty;
        let number = ty.as_scalar().is_some_and(DType::is_number);
        let vector = |n: usize| Type::Vector { size: u32::try_from(n).ok() };
        let (fits, output, expected) = match self {
            EncodeOp::HashCounts { size, .. } => {
                let items = matches!(ty, Type::List(item) if **item == Type::Text || item.as_scalar().is_some());
                (items, vector(*size as usize), "a column of arrays of strings, numbers or booleans")
            }
            EncodeOp::TermCounts { vocabulary, .. } => {
                (*ty == Type::list(Type::Text), vector(vocabulary.len()), "a column of arrays of strings")
            }
            EncodeOp::Index { .. } => {
                let single = *ty == Type::Text || ty.as_scalar().is_some();
                (single, Type::F64, "a column of strings, numbers or booleans")
            }
            EncodeOp::Place { .. } => (*ty == Type::Text, Type::F64, "a column of strings"),
            EncodeOp::Label { .. } => (number, Type::Text, "a column of numbers"),
            EncodeOp::OneHot { .. } => (number, vector(self.one_hot_size() as usize), "a column of numbers"),
            EncodeOp::Bucket { .. } | EncodeOp::Find(_) => (number, Type::F64, "a column of numbers"),
        };
        if fits { Ok(vec![ValueType { ty: output, place }]) } else { Err(expected) }
    }

    /// Returns the size of a one-hot vector.
    pub fn one_hot_size(&self) -> u32 {
        match self {
            EncodeOp::OneHot { categories, drop_last, invalid } => {
                (*categories + u32::from(*invalid == Invalid::Keep)).saturating_sub(u32::from(*drop_last))
            }
            _ => 0,
        }
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        match self {
            EncodeOp::HashCounts { size, .. } if *size == 0 || *size > i32::MAX as u32 => {
                Err(PlanError::parameters("hash_counts", format!("a size of {size} is not within 1 to 2^31 - 1")))
            }
            EncodeOp::Bucket { splits, .. } => {
                let rising = splits.windows(2).all(|w| w[0] < w[1]);
                let enough = splits.len() >= 3 || splits.len() == 2;
                if rising && enough {
                    Ok(())
                } else {
                    Err(PlanError::parameters("bucket", "splits must rise strictly"))
                }
            }
            EncodeOp::Find(table) => table.check(),
            EncodeOp::OneHot { categories, .. } if *categories >= i32::MAX as u32 => {
                Err(PlanError::parameters("one_hot", format!("{categories} categories are too many")))
            }
            _ => Ok(()),
        }
    }
}

impl FindTable {
    fn infer(&self, inputs: &[ValueType]) -> Inferred {
        let is_key = |ty: &Type| *ty == Type::Text || ty.as_scalar().is_some_and(|d| !d.is_decimal());
        let fits = inputs.len() == self.keys.len() && inputs.iter().all(|input| is_key(&input.ty));
        let of_type = |(column, input): (&Arc<[Scalar]>, &ValueType)| column.iter().all(|key| key.ty() == input.ty);
        match same_rows(inputs) {
            Some(place) if fits && self.keys.iter().zip(inputs).all(of_type) => {
                Ok(vec![ValueType { ty: self.ty.clone(), place }])
            }
            _ => Err("columns of the types of its keys"),
        }
    }

    fn check(&self) -> Result<(), PlanError> {
        let rows = self.values.len();
        let cells = self.ty == Type::Text || self.ty.as_scalar().is_some_and(|d| !d.is_decimal());
        if self.keys.is_empty() || self.keys.iter().any(|column| column.len() != rows) || rows >= u32::MAX as usize - 1
        {
            return Err(PlanError::parameters("find", "one column of keys at least, each with a key for every row"));
        }
        if !cells || self.values.iter().any(|value| value.ty() != self.ty) {
            return Err(PlanError::parameters("find", "values of the table's type"));
        }
        Ok(())
    }
}
