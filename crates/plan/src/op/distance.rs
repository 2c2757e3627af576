//! How far a row is from known points, and what follows from its neighbours.
//!
//! A row is one column a field, each a float64; a field that is null is missing. The measures are those of PMML 4.4
//! (`ComparisonMeasure`): fields are compared one by one, the comparisons raised to a power, weighed and summed in the order of
//! the fields, and the sum is enlarged for the fields that are missing.

use std::sync::Arc;

use model::Type;

use super::{Inferred, same_rows};
use crate::{error::PlanError, plan::ValueType};

/// How two values of a field are compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Compare {
    /// `|x - y|`.
    AbsDiff,
    /// `exp(-ln 2 (x - y)^2 / scale^2)`.
    Gauss { scale: f64 },
    /// 0 where they are equal, else 1.
    Delta,
    /// 1 where they are equal, else 0.
    Equal,
    /// What a square table of this size says of two whole numbers; outside of it the row is refused.
    Table { size: u32, values: Arc<[f64]> },
}

/// A field's part in a measure.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    pub compare: Compare,
    pub weight: f64,
    /// What the field counts for when another one is missing: sums are multiplied by the counts of all fields divided by those of
    /// the fields that are there.
    pub counts: f64,
}

/// How the comparisons of all fields make one number.
#[derive(Clone, Debug, PartialEq)]
pub enum Metric {
    /// The square root of the sum of squares.
    Euclidean,
    SquaredEuclidean,
    /// The largest, whose weight counts too.
    Chebychev,
    CityBlock,
    /// The sum of the powers `p`, to the power `1 / p`; of power 0 `exp` of the sum.
    Minkowski(f64),
    /// A similarity of zeros and ones. With `n[b]` fields where the row has bit 1 of `b` and the point has bit 0 of it, the sum of
    /// `above[b] * n[b]` by that of `below[b] * n[b]`, from `b = 3` down. Where a
    /// field is another number, and where that divides by 0, there is no similarity: NaN. Else a field that is null is refused.
    Binary {
        above: [f64; 4],
        below: [f64; 4],
    },
}

/// A measure over as many fields as there are comparisons.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    pub metric: Metric,
    pub fields: Arc<[Comparison]>,
    /// Whether each operation is rounded to 32 bits, as Java's float arithmetic.
    pub single: bool,
}

/// What the nearest points say together.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Average,
    /// Weighed with `1 / (distance + threshold)`.
    WeightedAverage {
        threshold: f64,
    },
    /// Of an even number half-way between the two in the middle.
    Median,
    /// The number with the most votes; among equals the first in the order of preference, which has each number once.
    Vote {
        preference: Arc<[u32]>,
    },
    /// Votes weigh `1 / (distance + threshold)`.
    WeightedVote {
        threshold: f64,
        preference: Arc<[u32]>,
    },
}

/// How often a term is in a document, as a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Local {
    Count,
    /// 1 where it is there.
    Binary,
    /// `ln(1 + count)`.
    Logarithmic,
    /// `(1 + count / largest count) / 2` where it is there.
    Augmented,
}

/// Documents as counts of terms.
#[derive(Clone, Debug, PartialEq)]
pub struct Corpus {
    pub local: Local,
    /// What each term's weight is multiplied by.
    pub globals: Arc<[f64]>,
    /// Document after document, a count a term.
    pub counts: Arc<[f64]>,
    /// Whether weights are divided by the root of the sum of their squares.
    pub is_unit: bool,
    /// Whether documents are compared by their cosine (the largest is the best), else by their Euclidean distance.
    pub by_cosine: bool,
}

/// Ops of distances. Rows in which all fields are missing are refused. NaN is the farthest, and nothing is alike by NaN: of
/// similarities that are all NaN none is the best, and the place (the vector of places) is null.
#[derive(Clone, Debug, PartialEq)]
pub enum DistanceOp {
    /// The distances to (or similarities with) all points, a dense vector, and the place of the nearest (most similar), the first
    /// of several, as a float64. `points` has a number a field, point after point; NaN is a missing one, which is passed over as
    /// a field of the row is.
    All { measure: Measure, points: Arc<[f64]> },
    /// The places of the `count` nearest points, nearest first and in their order where equally near, and their distances: two
    /// dense vectors.
    Nearest { measure: Measure, points: Arc<[f64]>, count: u32 },
    /// Places and distances, as `Nearest` has them, to what the first `count` of them say: a float64. `values` has a number for
    /// each point; for votes it is a place in the order of preference. A neighbour without a value (NaN) is refused.
    Judge { values: Arc<[f64]>, verdict: Verdict, count: u32, single: bool },
    /// Counts of terms to how near each document is, a dense vector, and the place of the nearest, a float64: null where no cosine
    /// is a number, since a document or the row has no term. A vector of another size than the terms', and null, are refused.
    Documents(Corpus),
}

impl Measure {
    /// Returns whether the largest number is the best.
    pub fn is_similarity(&self) -> bool {
        matches!(self.metric, Metric::Binary { .. })
    }

    fn fits(&self, points: &[f64]) -> bool {
        let table = |c: &Comparison| match &c.compare {
            Compare::Table { size, values } => (*size as usize).checked_pow(2) == Some(values.len()),
            _ => true,
        };
        !self.fields.is_empty()
            && !points.is_empty()
            && points.len().is_multiple_of(self.fields.len())
            && (!self.is_similarity() || points.iter().all(|p| *p == 0.0 || *p == 1.0))
            && self.fields.iter().all(table)
            && !matches!(self.metric, Metric::Minkowski(p) if p < 0.0 || p.is_nan())
    }
}

impl DistanceOp {
    pub fn name(&self) -> &'static str {
        match self {
            DistanceOp::All { .. } => "distances",
            DistanceOp::Nearest { .. } => "nearest_points",
            DistanceOp::Judge { .. } => "judge",
            DistanceOp::Documents(_) => "documents",
        }
    }

    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        let place = same_rows(inputs);
        let vector = |size: usize| Type::Vector { size: u32::try_from(size).ok() };
        let measured = |measure: &Measure, expected| {
            let fits = inputs.len() == measure.fields.len() && inputs.iter().all(|i| i.ty == Type::F64);
            place.filter(|_| fits).ok_or(expected)
        };
        match self {
            DistanceOp::All { measure, points } => {
                let place = measured(measure, "a column of float64 for each field")?;
                let size = points.len() / measure.fields.len();
                Ok(vec![ValueType { ty: vector(size), place }, ValueType { ty: Type::F64, place }])
            }
            DistanceOp::Nearest { measure, count, .. } => {
                let place = measured(measure, "a column of float64 for each field")?;
                Ok(vec![ValueType { ty: vector(*count as usize), place }; 2])
            }
            DistanceOp::Judge { .. } => match (inputs, place) {
                ([a, b], Some(place)) if [a, b].iter().all(|i| matches!(i.ty, Type::Vector { .. })) => {
                    Ok(vec![ValueType { ty: Type::F64, place }])
                }
                _ => Err("two columns of vectors: places and distances"),
            },
            DistanceOp::Documents(corpus) => match (inputs, place) {
                ([ValueType { ty: Type::Vector { .. }, .. }], Some(place)) => {
                    let size = corpus.counts.len() / corpus.globals.len().max(1);
                    Ok(vec![ValueType { ty: vector(size), place }, ValueType { ty: Type::F64, place }])
                }
                _ => Err("a column of vectors"),
            },
        }
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        let fits = match self {
            DistanceOp::All { measure, points } => measure.fits(points),
            DistanceOp::Nearest { measure, points, count } => {
                measure.fits(points) && (1..=points.len() / measure.fields.len()).contains(&(*count as usize))
            }
            DistanceOp::Documents(Corpus { globals, counts, .. }) => {
                !globals.is_empty() && !counts.is_empty() && counts.len().is_multiple_of(globals.len())
            }
            DistanceOp::Judge { values, verdict, count, .. } => {
                *count > 0
                    && match verdict {
                        Verdict::Vote { preference } | Verdict::WeightedVote { preference, .. } => {
                            let known = |v: &f64| v.is_nan() || (*v >= 0.0 && *v < preference.len() as f64);
                            is_permutation(preference) && values.iter().all(known)
                        }
                        _ => true,
                    }
            }
        };
        if fits { Ok(()) } else { Err(PlanError::parameters(self.name(), "the sizes of its parts do not agree")) }
    }
}

fn is_permutation(places: &[u32]) -> bool {
    let mut seen = vec![false; places.len()];
    places.iter().all(|&p| seen.get_mut(p as usize).is_some_and(|s| !std::mem::replace(s, true)))
}
