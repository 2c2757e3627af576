//! From columns to features: products of features, hashes of whole rows, vectors of words, buckets of neighbours, numbers in
//! the place of others.

use std::sync::Arc;

use model::{DType, ScalarBuffer, Type};

use super::{Inferred, same_rows, vector::Compressed};
use crate::{error::PlanError, plan::ValueType};

/// Most products of one row.
const PRODUCTS_MAX: u64 = 1 << 22;

/// One input of [`FeatureOp::Interact`].
#[derive(Clone, Debug, PartialEq)]
pub struct Interacting {
    /// The size of its vectors; nothing where it holds numbers.
    pub size: Option<u32>,
    /// Elements that are categories, by rising place, and how many categories each has; a number is element 0.
    pub categories: Arc<[(u32, u32)]>,
}

/// One input of [`FeatureOp::HashColumns`].
#[derive(Clone, Debug, PartialEq)]
pub struct HashedColumn {
    pub name: Box<str>,
    /// Its numbers are told by their texts, as texts and booleans always are; else they count as such.
    pub by_value: bool,
}

/// Ops that make features.
#[derive(Clone, Debug, PartialEq)]
pub enum FeatureOp {
    /// The products of each element of one input with each of every other, taken from the last input to the first; the
    /// first input's elements lie furthest apart. A category counts as a vector with a 1 at its place among all it may be. What a sparse vector does not
    /// store is nothing, be it a category. In the smaller of the two forms. Refused: null, a vector of another size, a category that is no whole number within its range.
    Interact { parts: Vec<Interacting>, form: Compressed },
    /// Columns to one sparse vector of `size`: a number at the hash of its column's name, any other value as a 1 at the hash of
    /// `name=value` (the value's text as Java writes it); what falls to one place is added up, in the columns' order. Zeros
    /// are kept as entries. A null adds nothing. Murmur3 with the seed 42.
    HashColumns { columns: Vec<HashedColumn>, size: u32 },
    /// A list of words to the mean of their vectors: the sum of those that are known (float32, summed as float64 in the
    /// list's order), times 1 / the number of all words. Of an empty list a sparse vector without entries; a null list is refused,
    /// a null word is not known. Of a word that is there twice the last vector counts.
    WordMean { words: Arc<[Box<str>]>, vectors: ScalarBuffer<f32>, size: u32 },
    /// A vector to a list of vectors of one element, one for each row of the matrix (row-major): `floor(row . x * factor)`,
    /// summed from the first element (that x stores) on. Another size, and null, is refused.
    Project { rows: Arc<[f64]>, columns: u32, factor: f64 },
    /// A vector to a list of vectors of one element, one for each pair: the least `((1 + i) * a + b) mod 2038074743` of its
    /// non-zero places i, in 64 bits. A vector of zeros, and null, is refused.
    MinHash { pairs: Arc<[(i32, i32)]> },
    /// A number as it is; null, and `missing` (a NaN stands for every NaN, 0 for both zeros), becomes `surrogate`. All goes
    /// through float64 and is cut back to the column's dtype.
    Impute { missing: f64, surrogate: f64 },
    /// A number to the value of the key that equals it (-0.0 equals 0.0, NaN nothing); of no key, and of null, the value
    /// named for that, or else it is refused. Keys are no NaN and differ.
    Lookup { keys: Arc<[f64]>, values: Arc<[f64]>, null: Option<f64>, other: Option<f64> },
}

impl Interacting {
    /// Returns the number of elements before they are encoded.
    pub fn elements(&self) -> u32 {
        self.size.unwrap_or(1)
    }

    /// Returns the number of elements after they are encoded.
    pub fn encoded(&self) -> u64 {
        let categories: u64 = self.categories.iter().map(|(_, count)| u64::from(*count)).sum();
        u64::from(self.elements()) - self.categories.len() as u64 + categories
    }

    fn is_sound(&self) -> bool {
        let rising = self.categories.windows(2).all(|w| w[0].0 < w[1].0);
        let within = self.categories.last().is_none_or(|(place, _)| *place < self.elements());
        rising && within && self.categories.iter().all(|(_, count)| *count > 0)
    }
}

impl FeatureOp {
    pub fn name(&self) -> &'static str {
        match self {
            FeatureOp::Interact { .. } => "interact",
            FeatureOp::HashColumns { .. } => "hash_columns",
            FeatureOp::WordMean { .. } => "word_mean",
            FeatureOp::Project { .. } => "project",
            FeatureOp::MinHash { .. } => "min_hash",
            FeatureOp::Impute { .. } => "impute",
            FeatureOp::Lookup { .. } => "lookup",
        }
    }

    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        let Some(place) = same_rows(inputs) else { return Err("columns of the same rows") };
        let of = |ty: Type| Ok(vec![ValueType { ty, place }]);
        let hashes = Type::list(Type::Vector { size: Some(1) });
        match (self, inputs) {
            (FeatureOp::Interact { parts, .. }, inputs) => {
                let fits = |(part, input): (&Interacting, &ValueType)| match part.size {
                    None => is_number(&input.ty) || input.ty == Type::BOOL,
                    Some(_) => matches!(input.ty, Type::Vector { .. }),
                };
                if parts.len() == inputs.len() && parts.iter().zip(inputs).all(fits) {
                    return of(Type::Vector { size: interacted(parts) });
                }
                Err("columns of numbers and vectors, as it has parts for")
            }
            (FeatureOp::HashColumns { columns, size }, inputs) => {
                let fits = |input: &ValueType| is_number(&input.ty) || [Type::Text, Type::BOOL].contains(&input.ty);
                if columns.len() == inputs.len() && inputs.iter().all(fits) {
                    return of(Type::Vector { size: Some(*size) });
                }
                Err("columns of numbers, strings and booleans, as it has names for")
            }
            (FeatureOp::WordMean { size, .. }, [one]) if one.ty == Type::list(Type::Text) => {
                of(Type::Vector { size: Some(*size) })
            }
            (FeatureOp::WordMean { .. }, _) => Err("a column of arrays of strings"),
            (FeatureOp::Project { .. } | FeatureOp::MinHash { .. }, [one]) if matches!(one.ty, Type::Vector { .. }) => {
                of(hashes)
            }
            (FeatureOp::Project { .. } | FeatureOp::MinHash { .. }, _) => Err("a column of vectors"),
            (FeatureOp::Impute { .. }, [one]) if is_number(&one.ty) => of(one.ty.clone()),
            (FeatureOp::Lookup { .. }, [one]) if is_number(&one.ty) => of(Type::F64),
            (FeatureOp::Impute { .. } | FeatureOp::Lookup { .. }, _) => Err("a column of numbers"),
        }
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        let fault = |what: &str| Err(PlanError::parameters(self.name(), what));
        match self {
            FeatureOp::Interact { parts, .. } => {
                let products = parts.iter().try_fold(1u64, |n, part| n.checked_mul(u64::from(part.elements())));
                if !parts.iter().all(Interacting::is_sound) {
                    return fault("categories must stand by rising place within their vector");
                }
                if products.is_none_or(|n| n > PRODUCTS_MAX) || interacted(parts).is_none() {
                    return fault("more than 2^22 products, or 2^31 places, of one row");
                }
                Ok(())
            }
            FeatureOp::HashColumns { size, .. } if *size == 0 || *size > i32::MAX as u32 => {
                fault("a size that is not within 1 to 2^31 - 1")
            }
            FeatureOp::WordMean { words, vectors, size }
                if words.len() as u64 * u64::from(*size) != vectors.len() as u64 =>
            {
                fault("as many numbers as words and their size say")
            }
            FeatureOp::Project { rows, columns, .. } if rows.len() % (*columns).max(1) as usize != 0 => {
                fault("rows of as many numbers as there are columns")
            }
            FeatureOp::Lookup { keys, values, .. } if keys.len() != values.len() => fault("a value for each key"),
            _ => Ok(()),
        }
    }
}

fn is_number(ty: &Type) -> bool {
    ty.as_scalar().is_some_and(DType::is_number)
}

/// Returns the size of the vector of all products.
fn interacted(parts: &[Interacting]) -> Option<u32> {
    let size = parts.iter().try_fold(1u64, |n, part| n.checked_mul(part.encoded()).filter(|&n| n <= i32::MAX as u64));
    size.and_then(|n| u32::try_from(n).ok())
}
