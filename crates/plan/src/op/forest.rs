//! Ensembles of decision trees, of any origin.
//!
//! One form for all: a row goes left where `x <= threshold` (a tool that compares otherwise moves its thresholds), NaN
//! goes right, and categories are sets of integers. Everything is checked once, here, so that kernels need no checks.

use std::sync::Arc;

use model::Type;

use super::{Inferred, same_rows};
use crate::{error::PlanError, plan::ValueType};

/// The test of an inner node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Split {
    /// Left where `x <= threshold`; NaN goes right.
    Threshold(f64),
    /// Left where `x` is in the set of this number (see [`ForestParts::sets`]), or not in it.
    Set { set: u32, left_if_in: bool },
}

/// The parts of a [`Forest`], to be checked by [`Forest::new`]. Nodes of all trees stand in one numbering; a child number
/// below `split.len()` is an inner node, `split.len() + k` is leaf `k`.
#[derive(Clone, Debug, Default)]
pub struct ForestParts {
    /// Size of the feature vector.
    pub features: u32,
    /// Of each inner node: the feature it looks at.
    pub feature: Vec<u32>,
    pub split: Vec<Split>,
    pub left: Vec<u32>,
    pub right: Vec<u32>,
    /// Of each tree: its root (an inner node or a leaf).
    pub roots: Vec<u32>,
    /// Of each tree: its weight in the sum.
    pub weights: Vec<f64>,
    /// Values of a leaf.
    pub width: u32,
    /// Leaf after leaf, `width` each.
    pub leaf_values: Vec<f64>,
    /// Of each leaf: its number within its tree, as the tool counts (part [`ForestPart::Leaves`]).
    pub leaf_numbers: Vec<u32>,
    /// Of each leaf: its impurity (part [`ForestPart::Impurity`]).
    pub leaf_impurities: Vec<f64>,
    /// Sets of categories as bits: category `c` is in the set where bit `c % 64` of word `c / 64` is set. A value belongs to
    /// a category only where it equals the integer; anything else (fractions, negatives, NaN) is in no set.
    pub sets: Vec<Arc<[u64]>>,
}

/// An ensemble whose every index is inside, whose trees are trees.
#[derive(Clone, Debug)]
pub struct Forest(ForestParts);

impl std::ops::Deref for Forest {
    type Target = ForestParts;
    fn deref(&self) -> &ForestParts {
        &self.0
    }
}

impl Forest {
    /// Returns the forest, or what is wrong with its parts: lengths that differ, an index out of range, a node reached
    /// twice (a cycle or a shared branch).
    pub fn new(parts: ForestParts) -> Result<Forest, PlanError> {
        let fail = |what: String| Err(PlanError::parameters("forest", what));
        let nodes = parts.split.len();
        let leaves = parts.leaf_numbers.len();
        let p = &parts;
        if [p.feature.len(), p.left.len(), p.right.len()] != [nodes; 3] {
            return fail("the parts of the nodes differ in their lengths".to_owned());
        }
        if p.width == 0 || p.leaf_values.len() != leaves * p.width as usize || p.leaf_impurities.len() != leaves {
            return fail("the parts of the leaves differ in their lengths".to_owned());
        }
        if p.roots.len() != p.weights.len() || p.roots.is_empty() {
            return fail("a forest has at least one tree, and a weight for each".to_owned());
        }
        if nodes + leaves > u32::MAX as usize / 2 {
            return fail("too many nodes".to_owned());
        }
        for (i, (&feature, split)) in p.feature.iter().zip(&p.split).enumerate() {
            if feature >= p.features {
                return fail(format!("node {i} looks at feature {feature} of {}", p.features));
            }
            if matches!(split, Split::Set { set, .. } if *set as usize >= p.sets.len()) {
                return fail(format!("node {i} names a set of categories that is not there"));
            }
        }
        let mut seen = vec![false; nodes + leaves];
        let mut stack = Vec::new();
        for &root in &p.roots {
            stack.push(root);
            while let Some(at) = stack.pop() {
                match seen.get_mut(at as usize) {
                    None => return fail(format!("child {at} is not there")),
                    Some(seen) if *seen => return fail(format!("node {at} is reached twice")),
                    Some(seen) => *seen = true,
                }
                if (at as usize) < nodes {
                    stack.extend([p.right[at as usize], p.left[at as usize]]);
                }
            }
        }
        Ok(Forest(parts))
    }

    /// Returns the number of trees.
    pub fn trees(&self) -> usize {
        self.roots.len()
    }

    /// Returns the depth of a tree: the tests on its longest path.
    pub fn depth(&self, tree: usize) -> usize {
        let mut deepest = 0;
        let mut stack = vec![(self.roots[tree], 0)];
        while let Some((at, depth)) = stack.pop() {
            deepest = deepest.max(depth);
            if (at as usize) < self.split.len() {
                stack.extend([(self.left[at as usize], depth + 1), (self.right[at as usize], depth + 1)]);
            }
        }
        deepest
    }
}

/// How the trees' leaves become the scores. Trees are summed in their order, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// The sum of the leaves' values.
    Sum,
    /// The sum of weight times value.
    WeightedSum,
    /// The sum divided by the number of trees.
    Mean,
}

/// What a forest gives, an output each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForestPart {
    /// The aggregate: a vector of the leaf's width.
    Scores,
    /// The aggregate's one value, as a number.
    Score,
    /// The aggregate's one value `m` as the vector `[-m, m]`: the scores of two classes.
    Pair,
    /// Of a single tree: the number of the leaf.
    Leaf,
    /// Of every tree: the number of the leaf, as a vector.
    Leaves,
    /// Of a single tree: the impurity of the leaf.
    Impurity,
}

/// Walks a vector of features down every tree. A tree of a single leaf reads no feature, so a null vector is refused, and a
/// vector too short for a feature that a path reads is refused, only where a path reads it.
#[derive(Clone, Debug)]
pub struct ForestOp {
    pub forest: Arc<Forest>,
    pub aggregate: Aggregate,
    /// What each output is.
    pub parts: Vec<ForestPart>,
}

impl ForestOp {
    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        match (inputs, same_rows(inputs)) {
            ([ValueType { ty: Type::Vector { .. }, .. }], Some(place)) => {
                let ty = |part: &ForestPart| match part {
                    ForestPart::Scores => Type::Vector { size: Some(self.forest.width) },
                    ForestPart::Pair => Type::Vector { size: Some(2) },
                    ForestPart::Leaves => Type::Vector { size: u32::try_from(self.forest.trees()).ok() },
                    ForestPart::Score | ForestPart::Leaf | ForestPart::Impurity => Type::F64,
                };
                Ok(self.parts.iter().map(|part| ValueType { ty: ty(part), place }).collect())
            }
            _ => Err("a column of vectors"),
        }
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        let single = |part: &ForestPart| matches!(part, ForestPart::Leaf | ForestPart::Impurity);
        let one_value = |part: &ForestPart| matches!(part, ForestPart::Score | ForestPart::Pair);
        if self.parts.iter().any(single) && self.forest.trees() != 1 {
            return Err(PlanError::parameters("forest", "a leaf and its impurity are of a single tree"));
        }
        if self.parts.iter().any(one_value) && self.forest.width != 1 {
            return Err(PlanError::parameters("forest", "a score is of leaves of one value"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stump() -> ForestParts {
        ForestParts {
            features: 1,
            feature: vec![0],
            split: vec![Split::Threshold(0.5)],
            left: vec![1],
            right: vec![2],
            roots: vec![0],
            weights: vec![1.0],
            width: 1,
            leaf_values: vec![1.0, 2.0],
            leaf_numbers: vec![0, 1],
            leaf_impurities: vec![0.0, 0.0],
            sets: Vec::new(),
        }
    }

    fn refused(change: impl FnOnce(&mut ForestParts)) {
        let mut parts = stump();
        change(&mut parts);
        assert!(Forest::new(parts).is_err());
    }

    #[test]
    fn only_trees_are_forests() {
        assert_eq!(Forest::new(stump()).map(|f| f.depth(0)), Ok(1));
        refused(|p| p.left[0] = 0);
        refused(|p| p.left[0] = 2);
        refused(|p| p.right[0] = 3);
        refused(|p| p.feature[0] = 1);
        refused(|p| p.roots[0] = 9);
        refused(|p| p.leaf_values.truncate(1));
        refused(|p| p.split[0] = Split::Set { set: 0, left_if_in: true });
        refused(|p| p.roots.clear());
    }
}
