//! float64 vectors, dense or sparse.

use std::sync::Arc;

use model::{DType, Type};

use super::{Inferred, encode::Invalid, same_rows};
use crate::{error::PlanError, plan::ValueType};

/// Which form an op gives a vector where it chooses: the smaller one, as the bytes of both are reckoned by Spark's
/// `Vector.compressed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compressed {
    /// Sparse where `1.5 * (non-zeros + 1) < size`: up to Spark 4.0, `8 * size + 8` and `12 * non-zeros + 20` bytes.
    #[default]
    Plain,
    /// Sparse where `1.5 * non-zeros + 2 < size`: since Spark 4.1, `8 * size + 12` and `12 * non-zeros + 28` bytes, as each
    /// array has a header.
    Headed,
}

impl Compressed {
    /// Returns whether a vector of this size with so many non-zeros is stored sparse.
    pub fn is_sparse(self, non_zeros: usize, size: usize) -> bool {
        let header = match self {
            Compressed::Plain => 1.5,
            Compressed::Headed => 2.0,
        };
        1.5 * non_zeros as f64 + header < size as f64
    }
}

/// How a class is chosen from scores.
#[derive(Clone, Debug, PartialEq)]
pub enum Choose {
    /// 1 where element 1 is above the threshold, else 0; NaN is not above.
    Above(f64),
    /// The first of the largest, looked for from the first element on: nothing is larger than a NaN there, and a NaN elsewhere
    /// is never larger.
    Largest,
    /// The first of the largest of those above -infinity, NaN passed over; -1 where there is none.
    LargestNumber,
    /// The first of the largest of element divided by threshold; NaN never is.
    Weighed(Arc<[f64]>),
}

/// Most elements that are unpacked at once.
pub const UNPACKED_MAX: u32 = 256;

/// The categories of one element of a vector: values with their numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct CategoryMap {
    pub place: u32,
    pub values: Arc<[(f64, f64)]>,
}

/// Ops on vectors.
#[derive(Clone, Debug, PartialEq)]
pub enum VectorOp {
    /// A list of float32 or float64 as a dense vector; a null item is refused, a null list stays null.
    FromList,
    /// Numbers, booleans and vectors side by side, in the smaller of the two forms (explicit zeros are dropped in the sparse
    /// one). A null or NaN number and a null vector are refused, dropped, or as many NaN as `sizes` says, input by input (0 for
    /// numbers), where it says so or the type does. That is for nulls alone: a vector may have another size than `sizes` says,
    /// but not than its type says.
    Assemble { sizes: Vec<Option<u32>>, invalid: Invalid, form: Compressed },
    /// `(x - shift) * scale`, either part optional. Without a shift a sparse vector stays sparse (its stored values are
    /// scaled); with one the result is dense. A shorter vector gives a shorter result; a longer one (a sparse one, without a
    /// shift, only where it stores an element too far), and null, is refused. Without both every row is as it came, null too.
    Standardize { shift: Option<Arc<[f64]>>, scale: Option<Arc<[f64]>> },
    /// `(x - from) * ((max - min) / (to - from)) + min`; where `from` equals `to`, the middle of `min` and `max`. NaN stays
    /// NaN; in the smaller of the two forms, as `Assemble`; another size, and null, is refused.
    MinMax { from: Arc<[f64]>, to: Arc<[f64]>, min: f64, max: f64, form: Compressed },
    /// `x * factor`, the form kept (explicit zeros too). A shorter vector gives a shorter result; a longer dense one, a sparse
    /// one that stores an element too far, and null, is refused.
    Multiply { factors: Arc<[f64]> },
    /// 1 where a value is above the threshold, else 0; NaN is not above. A number to a number: null stays null, or is 0 with
    /// `null_is_zero`. A vector of any size to the smaller of the two forms, as `Assemble`; with a threshold below 0 whatever is
    /// not at or below it is 1: what a sparse vector does not store, and NaN. A null vector is refused, and with a threshold of
    /// NaN every vector; so is, where most elements may become 1, a sparse one of more than 2^20 elements.
    Binarize { threshold: f64, null_is_zero: bool, form: Compressed },
    /// Each element divided by the vector's p-norm, the form kept: of stored values in order, `sum |x|`, `sqrt(sum x * x)`,
    /// the largest `|x|` (NaN is never larger), or `pow(sum pow(|x|, p), 1 / p)`. A vector whose norm is 0 as it came. Any size;
    /// null is refused.
    Normalize { p: f64 },
    /// The cosine transform whose matrix is orthogonal: DCT-II, or DCT-III with `inverse`; dense. Within 1e-14 of the vector's
    /// length, whatever its size (97 as well as a power of two). Size 0 and a size above 2^20, and null, are refused.
    Cosine { inverse: bool },
    /// All products of up to `degree` elements, the empty one left out: those without the last element first, then those
    /// with it once, and so on, each part ordered so by the elements before it: `x, x x, y, x y, y y`. A product is
    /// multiplied from the last element to the first, and ends where it becomes 0. The form is kept: a sparse vector's
    /// products with elements that it does not store are not stored. More than 2^20 products (of what is stored), a size of
    /// 2^31 and more, and null are refused.
    Products { degree: u32 },
    /// The elements at these places, in this order, the form kept; zeros that a sparse vector stores go on with `zeros`, else
    /// they are left out. A dense vector that is too short, and null, is refused; a sparse one has zeros at all places that it
    /// does not store.
    Select { places: Arc<[u32]>, zeros: bool },
    /// Vectors of this size, as they are; others, and null, are refused, or dropped with `skip`.
    OfSize { size: u32, skip: bool },
    /// Every row is refused, as one that should be `expected`: what is to be done to it stands neither in the model nor in
    /// what is known of its inputs. A result would have this size.
    Refuse { expected: &'static str, size: u32 },
    /// The values of categorical elements to numbers of categories; other elements as they are, the form kept. Values are
    /// compared as numbers: -0.0 is 0.0, NaN is never among them. One that is not: refused, the row dropped, or the number of
    /// the element's categories. Of a sparse vector what is stored counts alone. Another size, and null, is refused.
    Categories { size: u32, maps: Arc<[CategoryMap]>, invalid: Invalid },
    /// Two scores to two probabilities: `p0 = 1 / (1 + exp(-scale * s0))`, `p1 = 1 - p0`.
    Sigmoid { scale: f64 },
    /// `exp(s - max) * (1 / sum)`; where some are +infinity, the first such gets 1 and the others times 0, which is NaN of
    /// infinities and NaN (Spark's `Utils.softmax`).
    Softmax,
    /// `s / sum`; where the sum is 0, as it is.
    Proportions,
    /// Scores to the number of a class.
    Choose(Choose),
    /// Numbers side by side, as a dense vector; null where any of them is null.
    Pack,
    /// The element at this place, as a number; null stays null, a vector that is too short gives null.
    Element { place: u32 },
    /// The first `size` elements, a number each; null as of [`VectorOp::Element`].
    Unpack { size: u32 },
    /// The element at the place that the second input, a number, says; null where either is null or there is no such place.
    At,
    /// The place of the first of the largest numbers (`smallest`: of the smallest), NaN passed over; null where the vector is
    /// null or holds no number.
    Best { smallest: bool },
}

impl VectorOp {
    /// Returns whether its parameters say that rows are dropped.
    pub fn drops_rows(&self) -> bool {
        match self {
            VectorOp::Assemble { invalid, .. } | VectorOp::Categories { invalid, .. } => *invalid == Invalid::Skip,
            VectorOp::OfSize { skip, .. } => *skip,
            _ => false,
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            VectorOp::FromList => "from_list",
            VectorOp::Assemble { .. } => "assemble",
            VectorOp::Standardize { .. } => "standardize",
            VectorOp::MinMax { .. } => "min_max",
            VectorOp::Multiply { .. } => "multiply",
            VectorOp::Binarize { .. } => "binarize",
            VectorOp::Normalize { .. } => "normalize",
            VectorOp::Cosine { .. } => "cosine",
            VectorOp::Products { .. } => "products",
            VectorOp::Select { .. } => "select",
            VectorOp::OfSize { .. } => "of_size",
            VectorOp::Refuse { .. } => "refuse",
            VectorOp::Categories { .. } => "categories",
            VectorOp::Sigmoid { .. } => "sigmoid",
            VectorOp::Softmax => "softmax",
            VectorOp::Proportions => "proportions",
            VectorOp::Choose(_) => "choose",
            VectorOp::Pack => "pack",
            VectorOp::Element { .. } => "element",
            VectorOp::Unpack { .. } => "unpack",
            VectorOp::At => "at",
            VectorOp::Best { .. } => "best",
        }
    }

    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        let Some(place) = same_rows(inputs) else { return Err("columns of the same rows") };
        if let VectorOp::Assemble { sizes, .. } = self {
            return assembled(sizes, inputs).map(|size| vec![ValueType { ty: Type::Vector { size }, place }]);
        }
        if let (VectorOp::Binarize { .. }, [one]) = (self, inputs) {
            let fits = one.ty == Type::F64 || matches!(one.ty, Type::Vector { .. });
            return if fits { Ok(vec![one.clone()]) } else { Err("a column of float64 or of vectors") };
        }
        if *self == VectorOp::FromList {
            let fits = matches!(inputs, [ValueType { ty: Type::List(item), .. }] if item.as_scalar().is_some_and(DType::is_float));
            return if fits {
                Ok(vec![ValueType { ty: Type::VECTOR, place }])
            } else {
                Err("a column of arrays of floats")
            };
        }
        if *self == VectorOp::Pack {
            let fits = inputs.iter().all(|input| input.ty == Type::F64);
            let ty = Type::Vector { size: u32::try_from(inputs.len()).ok() };
            return if fits { Ok(vec![ValueType { ty, place }]) } else { Err("columns of float64") };
        }
        if let (VectorOp::At, [vectors, at]) = (self, inputs) {
            let fits = matches!(vectors.ty, Type::Vector { .. }) && at.ty == Type::F64;
            let ty = Type::F64;
            return if fits {
                Ok(vec![ValueType { ty, place }])
            } else {
                Err("a column of vectors and one of float64")
            };
        }
        let [ValueType { ty: Type::Vector { size }, .. }] = inputs else { return Err("a column of vectors") };
        if let VectorOp::Unpack { size } = self {
            return Ok(vec![ValueType { ty: Type::F64, place }; *size as usize]);
        }
        let ty = match self {
            VectorOp::At => return Err("a column of vectors and one of float64"),
            VectorOp::Choose(_) | VectorOp::Element { .. } | VectorOp::Best { .. } => Type::F64,
            VectorOp::MinMax { from, .. } => Type::Vector { size: u32::try_from(from.len()).ok() },
            VectorOp::Select { places, .. } => Type::Vector { size: u32::try_from(places.len()).ok() },
            VectorOp::OfSize { size, .. } | VectorOp::Refuse { size, .. } | VectorOp::Categories { size, .. } => {
                Type::Vector { size: Some(*size) }
            }
            VectorOp::Products { degree } => {
                let products = size.and_then(|size| products(size.into(), *degree));
                Type::Vector { size: products.map(|n| n as u32 - 1) }
            }
            _ => Type::Vector { size: *size },
        };
        Ok(vec![ValueType { ty, place }])
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        match self {
            VectorOp::Standardize { shift: Some(shift), scale: Some(scale) } if shift.len() != scale.len() => {
                Err(PlanError::parameters("standardize", "shift and scale differ in their sizes"))
            }
            VectorOp::MinMax { from, to, .. } if from.len() != to.len() => {
                Err(PlanError::parameters("min_max", "the minima and maxima differ in their sizes"))
            }
            VectorOp::Normalize { p } if p.is_nan() || *p < 1.0 => {
                Err(PlanError::parameters("normalize", format!("a p of {p} is not 1 or more")))
            }
            VectorOp::Unpack { size } if *size > UNPACKED_MAX => {
                Err(PlanError::parameters("unpack", format!("{size} elements are more than {UNPACKED_MAX}")))
            }
            VectorOp::Products { degree: 0 } => Err(PlanError::parameters("products", "a degree of 0")),
            VectorOp::Categories { size, maps, .. } => {
                let rising = maps.windows(2).all(|w| w[0].place < w[1].place);
                if rising && maps.last().is_none_or(|map| map.place < *size) {
                    Ok(())
                } else {
                    Err(PlanError::parameters("categories", format!("the places do not rise below {size}")))
                }
            }
            VectorOp::Choose(Choose::Weighed(thresholds)) if thresholds.is_empty() => {
                Err(PlanError::parameters("choose", "no thresholds"))
            }
            _ => Ok(()),
        }
    }
}

/// Returns how many products of up to `degree` of `elements` there are, the empty one among them: `(elements + degree)` over
/// `degree`, where that is below 2^31.
pub fn products(elements: u64, degree: u32) -> Option<u64> {
    if degree <= 1 || elements == 0 {
        return Some((elements * u64::from(degree)).saturating_add(1)).filter(|count| *count <= i32::MAX as u64);
    }
    let (n, few) = (elements.checked_add(degree.into())?, elements.min(degree.into()));
    // A binomial coefficient at each step, so that every division leaves nothing over.
    let step = |count: u64, i: u64| {
        let next = count.checked_mul(n - few + i)? / i;
        Some(next).filter(|next| *next <= i32::MAX as u64)
    };
    (1..=few).try_fold(1, step)
}

/// Returns the size of an assembled vector, where every part's is known.
fn assembled(sizes: &[Option<u32>], inputs: &[ValueType]) -> Result<Option<u32>, &'static str> {
    const EXPECTED: &str = "columns of numbers, booleans and vectors, as many as it has sizes for";
    if sizes.len() != inputs.len() {
        return Err(EXPECTED);
    }
    let mut total = Some(0u32);
    for input in inputs {
        let size = match &input.ty {
            Type::Vector { size } => *size,
            ty => match ty.as_scalar() {
                Some(dtype) if dtype.is_number() || dtype == DType::Bool => Some(1),
                _ => return Err(EXPECTED),
            },
        };
        total = total.zip(size).and_then(|(a, b)| a.checked_add(b));
    }
    Ok(total)
}
