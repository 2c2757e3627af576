//! Trained models as the set `ai.onnx.ml` has them, on tensors: encoders, trees, the ends of linear models and of support
//! vector machines. What is arithmetic there is composed of other families: scaling, binarizing, imputing, and the products of
//! linear models.
//!
//! Rules are ONNX Runtime's, whose answers the tools that write such models check theirs by: float32 throughout, but for trees
//! of float64. Sources: ONNX's operator pages of `ai.onnx.ml`; ONNX Runtime's kernels, where those leave a choice.

use std::sync::Arc;

use model::{DType, Tensor, Type};

use super::{Formal, Given, dtype, tensor};
use crate::error::PlanError;

mod trees;

pub use trees::{Table, TableNode, Test, Together, TreeEnd, TreesOp, TreesParts};

/// What becomes of the scores of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transform {
    #[default]
    None,
    /// `1 / (1 + exp(-x))` of each.
    Logistic,
    Softmax,
    /// The softmax of those that are not 0; the others stay near 0.
    SoftmaxZero,
    /// `sqrt(2) * erfinv(2 x - 1)` of each.
    Probit,
}

/// What a row is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// Its greatest element.
    Max,
    /// The sum of absolute values.
    L1,
    /// The root of the sum of squares.
    L2,
}

/// How a class is chosen from scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The first of the greatest; of one score, the second label where it is above 0.
    Greatest,
    /// The same but for two classes, of which the second is taken where the greatest score is at least 0.5 (weights all
    /// positive) or above 0. Support vector machines without vectors.
    Machine { all_positive: bool, has_probabilities: bool },
}

/// The vectors of a classifier by support vectors, and what its pairs of classes are told apart by.
#[derive(Clone, Debug, PartialEq)]
pub struct Votes {
    /// Numbers of vectors of each class.
    pub vectors: Vec<usize>,
    /// For each class but one, a coefficient for each vector.
    pub coefficients: Vec<f32>,
    /// For each pair of classes.
    pub rho: Vec<f32>,
    /// For each pair of classes; empty where scores are not made probabilities.
    pub probabilities: Vec<(f32, f32)>,
    pub labels: Tensor,
    pub transform: Transform,
}

/// Keys and values of one dimension and of one length.
#[derive(Clone, Debug, PartialEq)]
pub struct Lookup {
    pub keys: Tensor,
    pub values: Tensor,
    /// A scalar.
    pub default: Tensor,
    /// Whether a NaN equals a NaN; else it equals nothing.
    pub nan: bool,
}

/// Ops of the family.
#[derive(Clone, Debug)]
pub enum LearnOp {
    /// Numbers as a float32 matrix: a vector becomes its one row.
    Rows,
    /// The entries of the last dimension at the places of input 1. A vector becomes a matrix of one row.
    Pick,
    /// For each element, the value at the place of the first key that it equals, else the default.
    Lookup(Box<Lookup>),
    /// A new last dimension as long as the keys: 1 at the last key that the element equals, else 0. Numbers are cut to int64
    /// first. With `strict`, an element that equals none is refused.
    OneHot { keys: Tensor, strict: bool },
    /// Each row (of a matrix; a vector is one) divided by its norm, float32; as it is where that is 0.
    Normalize(Norm),
    /// Matrices (vectors are rows) one beside the other, float32; of each so many columns as `sizes` says, cut or filled up
    /// with 0.
    Features { sizes: Vec<usize> },
    /// For each row of input 0 and each of the points, the sum of squared differences, in order.
    Distances { points: Tensor },
    /// What becomes of scores, row by row. One score alone is changed by `Probit` only.
    Transform(Transform),
    /// The label (output 0) and the transformed scores (output 1) of each row of scores. One score of two labels becomes
    /// `[1 - x, x]`.
    Classify { labels: Tensor, choice: Choice, transform: Transform },
    /// The label and the scores of each row of kernel values, one for each support vector: every pair of classes votes. libsvm's
    /// rule; its probabilities by Platt's sigmoids and the coupling of Wu, Lin and Weng.
    Vote(Arc<Votes>),
    /// Trees: for a classifier the label (output 0) and the scores, else the scores.
    Trees(Arc<TreesOp>),
    /// Each row as a map from the keys, in their order.
    ZipMap { keys: Tensor },
    /// A map from integers as a row of its values, by its keys in order; with a length, each at the place that its key is, others
    /// filled (0, texts `0.f`).
    CastMap { to: Type, length: Option<usize> },
    /// A map as a row: the value of each of the keys, 0 or an empty text where it has none.
    Dictionary { keys: Tensor },
}

impl LearnOp {
    pub fn name(&self) -> &'static str {
        match self {
            LearnOp::Rows => "rows",
            LearnOp::Pick => "pick",
            LearnOp::Lookup(_) => "lookup",
            LearnOp::OneHot { .. } => "one_hot_keys",
            LearnOp::Normalize(_) => "normalize_rows",
            LearnOp::Features { .. } => "features",
            LearnOp::Distances { .. } => "distances",
            LearnOp::Transform(_) => "transform",
            LearnOp::Classify { .. } => "classify",
            LearnOp::Vote(_) => "vote",
            LearnOp::Trees(_) => "trees",
            LearnOp::ZipMap { .. } => "zip_map",
            LearnOp::CastMap { .. } => "cast_map",
            LearnOp::Dictionary { .. } => "dictionary",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        let number = || dtype(formal, 0).ok_or("a tensor of numbers");
        let scores = || match dtype(formal, 0) {
            Some(DType::F32) => Ok(Type::F32),
            _ => Err("scores of float32"),
        };
        Ok(match self {
            LearnOp::Rows | LearnOp::Normalize(_) | LearnOp::Features { .. } => {
                number()?;
                vec![Type::F32]
            }
            LearnOp::Pick => match (tensor(formal, 0), dtype(formal, 1)) {
                (Some(ty), Some(index)) if index.is_int() => vec![ty.clone()],
                _ => return Err("a tensor, and indices"),
            },
            LearnOp::Lookup(lookup) => match tensor(formal, 0) {
                Some(ty) if *ty == lookup.keys.ty() => vec![lookup.values.ty()],
                _ => return Err("a tensor of the keys' type"),
            },
            LearnOp::OneHot { keys, .. } => match tensor(formal, 0) {
                Some(ty) if (*ty == Type::Bytes) == keys.dtype().is_none() => vec![Type::F32],
                _ => return Err("a tensor of the keys' kind"),
            },
            LearnOp::Distances { .. } | LearnOp::Transform(_) => vec![scores()?],
            LearnOp::Classify { labels, .. } => vec![labels.ty(), scores()?],
            LearnOp::Vote(votes) => vec![votes.labels.ty(), scores()?],
            LearnOp::Trees(trees) => {
                let dtype = number()?;
                if trees.is_double != (dtype == DType::F64) {
                    return Err("features of the trees' precision");
                }
                match &trees.end {
                    TreeEnd::Scores => vec![trees.scores()],
                    TreeEnd::Labels { labels, .. } => vec![labels.ty(), trees.scores()],
                }
            }
            LearnOp::ZipMap { keys } => {
                vec![Type::list(Type::Map(Box::new(keys.ty()), Box::new(scores()?)))]
            }
            LearnOp::CastMap { to, .. } => match formal.first().copied().flatten() {
                Some(Type::Map(key, _)) if **key == Type::I64 => vec![to.clone()],
                _ => return Err("a map from int64"),
            },
            LearnOp::Dictionary { keys } => match formal.first().copied().flatten() {
                Some(Type::Map(key, value)) if **key == keys.ty() => vec![(**value).clone()],
                _ => return Err("a map from what the keys are"),
            },
        })
    }

    pub(super) fn check(&self) -> Result<(), PlanError> {
        let fault = |what: &str| Err(PlanError::parameters(self.name(), what));
        match self {
            LearnOp::Lookup(lookup) => {
                let Lookup { keys, values, default, .. } = &**lookup;
                match keys.len() == values.len() && default.len() == 1 && default.ty() == values.ty() {
                    true => Ok(()),
                    false => fault("each key has a value, and others have one of the same type"),
                }
            }
            LearnOp::Vote(votes) => votes.check(),
            LearnOp::Trees(op) => {
                let labels = match &op.end {
                    TreeEnd::Labels { labels, .. } => labels.len() >= op.width.max(2),
                    TreeEnd::Scores => true,
                };
                match op.width > 0 && labels && (op.base.is_empty() || op.base.len() <= op.width) {
                    true => Ok(()),
                    false => fault("each score has a label, and no more scores have a base than there are"),
                }
            }
            _ => Ok(()),
        }
    }
}

impl Votes {
    fn check(&self) -> Result<(), PlanError> {
        let classes = self.vectors.len();
        let vectors = self.vectors.iter().try_fold(0_usize, |sum, count| sum.checked_add(*count));
        let coefficients = vectors.and_then(|vectors| vectors.checked_mul(classes.checked_sub(1)?));
        let pairs = classes.checked_mul(classes.saturating_sub(1)).map(|pairs| pairs / 2);
        let fits = coefficients.is_some_and(|count| self.coefficients.len() >= count)
            && pairs.is_some_and(|pairs| {
                self.rho.len() >= pairs && (self.probabilities.is_empty() || self.probabilities.len() >= pairs)
            })
            && self.labels.len() >= classes;
        match fits {
            true => Ok(()),
            false => Err(PlanError::parameters("vote", "every pair of classes has its coefficients and its rho")),
        }
    }
}
