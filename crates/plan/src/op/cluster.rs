//! Groups without labels: the nearest centre, mixtures of distributions, topics of documents.

use std::sync::Arc;

use model::Type;

use super::{Inferred, same_rows};
use crate::{error::PlanError, plan::ValueType};

/// Points of one size, each with its norm (the square root of the sum of its squares, as whoever made it has it).
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    pub size: u32,
    /// One point after the other.
    pub values: Arc<[f64]>,
    pub norms: Arc<[f64]>,
}

/// How far a centre is from a vector `x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distance {
    /// The square of the Euclidean distance. Of a dense `x` the sum of the squared differences, in order; of a sparse one
    /// `|c|^2 + |x|^2 - 2cx` wherever that is precise to 1e-6 (Spark's `MLUtils.fastSquaredDistance`). A norm of NaN is refused.
    SquaredEuclidean,
    /// `1 - cx / |c| / |x|`; a vector whose norm is 0 or NaN is refused.
    Cosine,
}

/// The inner nodes and leaves of [`ClusterOp::Descend`]; node 0 is the root.
#[derive(Clone, Debug, PartialEq)]
pub struct Branches {
    /// Where each node's children begin, and where the last one's end. A node's children come after it.
    pub offsets: Arc<[u32]>,
    pub children: Arc<[u32]>,
    /// What a leaf answers.
    pub labels: Arc<[i32]>,
}

/// Ops of clusters. Vectors of another size than the model's, and null, are refused.
#[derive(Clone, Debug, PartialEq)]
pub enum ClusterOp {
    /// The number of the centre with the least squared Euclidean distance, as int32: the first of several, 0 where no distance
    /// is below infinity. Centres that the triangle inequality rules out are passed over (Spark's `findClosest`).
    Nearest { centers: Points },
    /// From the root to the child whose centre is nearest, the first of several, until a leaf: its label, as int32. Among
    /// distances a NaN that comes first wins, unless `nan_last`: then any number is nearer.
    Descend { centers: Points, branches: Branches, distance: Distance, nan_last: bool },
    /// Shares of components, a dense vector, and the number of the largest (the first of several, and 0 where the first is
    /// NaN), as int32. A share is `2^-52 + weight * exp(constant - |root x - shift|^2 / 2)`, divided by the sum of all.
    Mixture { weights: Arc<[f64]>, components: Arc<[Component]> },
    /// Counts of terms to shares of topics, a dense vector: the variational inference of Hoffman et al. (2010). From the start
    /// `g` on, with `t = exp(digamma(g) - digamma(sum g))` and `n_w = sum t_k w_wk + 1e-100`, it repeats
    /// `g_k = t_k * sum (count_w / n_w) w_wk + prior_k` until the mean change of `g` is at most 1e-3; the shares are `g` by the sum
    /// of its magnitudes. No count but 0 gives only zeros. A vector may be shorter than there are terms, not longer (a sparse
    /// one only where it stores an element too far). NaN spreads; counts so large or so far below 0 that the repetition would
    /// not end are refused.
    Topics { weights: Arc<[f64]>, prior: Arc<[f64]>, start: Arc<[f64]> },
}

/// A component of [`ClusterOp::Mixture`].
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// A square matrix, row by row.
    pub root: Arc<[f64]>,
    pub shift: Arc<[f64]>,
    pub constant: f64,
}

impl ClusterOp {
    pub fn name(&self) -> &'static str {
        match self {
            ClusterOp::Nearest { .. } => "nearest",
            ClusterOp::Descend { .. } => "descend",
            ClusterOp::Mixture { .. } => "mixture",
            ClusterOp::Topics { .. } => "topics",
        }
    }

    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        let ([ValueType { ty: Type::Vector { .. }, .. }], Some(place)) = (inputs, same_rows(inputs)) else {
            return Err("a column of vectors");
        };
        let vector = |n: usize| ValueType { ty: Type::Vector { size: u32::try_from(n).ok() }, place };
        let int = ValueType { ty: Type::I32, place };
        Ok(match self {
            ClusterOp::Nearest { .. } | ClusterOp::Descend { .. } => vec![int],
            ClusterOp::Mixture { weights, .. } => vec![vector(weights.len()), int],
            ClusterOp::Topics { prior, .. } => vec![vector(prior.len())],
        })
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        let fits = match self {
            ClusterOp::Nearest { centers } => !centers.norms.is_empty() && centers.fit(),
            ClusterOp::Descend { centers, branches, .. } => centers.fit() && branches.fit(centers.norms.len()),
            ClusterOp::Mixture { weights, components } => {
                let size = components.first().map_or(0, |c| c.shift.len());
                let square = |c: &Component| c.shift.len() == size && size.checked_mul(size) == Some(c.root.len());
                !weights.is_empty() && weights.len() == components.len() && components.iter().all(square)
            }
            ClusterOp::Topics { weights, prior, start } => {
                !prior.is_empty() && start.len() == prior.len() && weights.len().is_multiple_of(prior.len())
            }
        };
        if fits { Ok(()) } else { Err(PlanError::parameters(self.name(), "the sizes of its parts do not agree")) }
    }
}

impl Points {
    /// Returns the point of this number.
    pub fn point(&self, number: usize) -> &[f64] {
        let size = self.size as usize;
        &self.values[number * size..(number + 1) * size]
    }

    fn fit(&self) -> bool {
        (self.size as usize).checked_mul(self.norms.len()) == Some(self.values.len())
    }
}

impl Branches {
    /// Returns the children of a node.
    pub fn of(&self, node: usize) -> &[u32] {
        &self.children[self.offsets[node] as usize..self.offsets[node + 1] as usize]
    }

    fn fit(&self, nodes: usize) -> bool {
        let ends =
            self.offsets.first() == Some(&0) && self.offsets.last().is_some_and(|&e| e as usize == self.children.len());
        let sized = nodes > 0 && self.labels.len() == nodes && self.offsets.len() == nodes + 1;
        ends && sized && self.offsets.is_sorted() && {
            let later = |node: usize| self.of(node).iter().all(|&c| c as usize > node && (c as usize) < nodes);
            (0..nodes).all(later)
        }
    }
}
