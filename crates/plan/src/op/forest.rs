//! Ensembles of decision trees, of any origin.
//!
//! One form for all. An inner node asks `x <= t`, `x < t` or "is x in this set of categories", and says where a missing value
//! goes; trees have weights, leaves one value or several, sums their precision and their order. A reader brings what it reads
//! to that form, [`ForestBuilder`] takes its nodes in any order, and [`Forest::new`] checks all of it once, so that kernels
//! need no checks. What has the same meaning is not said twice here; a reader lowers
//!
//! - `x > t` and `x >= t` by exchanging the children;
//! - oblivious trees by [`ForestBuilder::oblivious`];
//! - votes by leaves whose value is 1 for their class and 0 for the others (their tree's weight instead of 1, where votes have
//!   weights): the sum counts them;
//! - a test of equality with a category by a set of that one category;
//! - tests of several children one after the other (PMML) by a chain of nodes, the children's tests in their order; a test that
//!   can only be true where it is asked needs no node;
//! - a missing value that ends the walk (PMML's `lastPrediction`, `nullPrediction`, and `none` where no child takes it) by a node in
//!   front, which asks `x <= +inf` and sends the missing right, to a leaf with the score that then counts; PMML's `defaultChild` is
//!   the [`Missing`] of a node where the default child is one of its two;
//! - a leaf without a prediction by a value of NaN and [`ForestParts::nan_is_null`].
//!
//! Not of this form, and of a general interpreter of trees, are walks down several children (PMML's `weightedConfidence`,
//! `aggregateNodes`), compound predicates and surrogates over several features, and equality with numbers that are no
//! categories.

use std::sync::Arc;

use model::Type;

use super::{Inferred, same_rows};
use crate::{error::PlanError, plan::ValueType};

mod builder;

pub use builder::{ForestBuilder, NodeId};

/// The test of an inner node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Split {
    /// Left where `x <= threshold`.
    Threshold(f64),
    /// Left where `x < threshold`.
    Below(f64),
    /// Left where `x` is in the set of this number (see [`ForestParts::sets`]), or not in it.
    Set { set: u32, left_if_in: bool },
}

/// What a node does with a missing value: NaN, and null where the inputs are numbers of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// It is asked as any value: it is right of every threshold and in no set.
    #[default]
    Asked,
    Left,
    Right,
    /// Left; and so is a number of at most 1e-35 (of float32), which counts as missing (LightGBM's `zero_as_missing`).
    ZeroLeft,
    /// Right; and so is a number of at most 1e-35, which counts as missing.
    ZeroRight,
}

/// Which category a number is; numbers of no category are in no set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Categories {
    /// The integer that it equals (Spark, PMML, scikit-learn).
    #[default]
    Exact,
    /// The integer that remains without its fraction; so -0.5 is 0 (LightGBM).
    Truncated,
    /// The same, but negative numbers are none (XGBoost).
    TruncatedFromZero,
}

/// The precision that a tool computes in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    #[default]
    F64,
    F32,
}

/// The parts of a [`Forest`], to be checked by [`Forest::new`]. Nodes of all trees stand in one numbering; a child number
/// below `split.len()` is an inner node, `split.len() + k` is leaf `k`.
#[derive(Clone, Debug, Default)]
pub struct ForestParts {
    /// Size of the feature vector, or how many numbers come in.
    pub features: u32,
    /// Of each inner node: the feature it looks at.
    pub feature: Vec<u32>,
    pub split: Vec<Split>,
    /// Of each inner node; empty where it is [`Missing::Asked`] everywhere.
    pub missing: Vec<Missing>,
    pub left: Vec<u32>,
    pub right: Vec<u32>,
    /// Of each tree: its root (an inner node or a leaf).
    pub roots: Vec<u32>,
    /// Of each tree: its weight in the sum.
    pub weights: Vec<f64>,
    /// Of each tree: which of the `width` sums it adds to, and its leaves have one value (boosting of several classes). Empty
    /// where every tree adds to all, and its leaves have `width` values.
    pub targets: Vec<u32>,
    /// How many sums there are.
    pub width: u32,
    /// Leaf after leaf, [`ForestParts::leaf_width`] each.
    pub leaf_values: Vec<f64>,
    /// Of each leaf: its number within its tree, as the tool counts (part [`ForestPart::Leaves`]).
    pub leaf_numbers: Vec<u32>,
    /// Of each leaf: its impurity (part [`ForestPart::Impurity`]).
    pub leaf_impurities: Vec<f64>,
    /// Sets of categories as bits: category `c` is in the set where bit `c % 64` of word `c / 64` is set.
    pub sets: Vec<Arc<[u64]>>,
    pub categories: Categories,
    /// What features are rounded to before they are asked for. Thresholds are float64 whatever this is.
    pub compares: Precision,
    /// Where the sums begin; empty where at 0.
    pub base: Vec<f64>,
    /// What leaves' values, weights and bases are rounded to, and every step of a sum.
    pub sums: Precision,
    /// Of numbers that come in by themselves: only null is missing, and NaN refuses a row where a path asks for it.
    pub nan_is_invalid: bool,
    /// A score that is NaN is null: a reader gives leaves without a prediction that value.
    pub nan_is_null: bool,
}

impl ForestParts {
    /// Returns how many values a leaf has.
    pub fn leaf_width(&self) -> usize {
        if self.targets.is_empty() { self.width as usize } else { 1 }
    }

    /// Returns what a node does with a missing value.
    pub fn missing(&self, node: usize) -> Missing {
        self.missing.get(node).copied().unwrap_or_default()
    }
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
        lengths(&parts)
            .and_then(|()| ranges(&parts))
            .and_then(|()| reached_once(&parts))
            .map_err(|what| PlanError::parameters("forest", what))?;
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

    /// Returns whether a value goes left at a node. This is the rule; kernels have faster ways to the same.
    pub fn is_left(&self, node: usize, x: f64) -> bool {
        let x = match self.compares {
            Precision::F64 => x,
            Precision::F32 => f64::from(x as f32),
        };
        let is_missing = match self.missing(node) {
            Missing::Asked => false,
            Missing::Left | Missing::Right => x.is_nan(),
            Missing::ZeroLeft | Missing::ZeroRight => x.is_nan() || x.abs() <= ZERO_MAX,
        };
        if is_missing {
            return matches!(self.missing(node), Missing::Left | Missing::ZeroLeft);
        }
        match self.split[node] {
            Split::Threshold(threshold) => x <= threshold,
            Split::Below(threshold) => x < threshold,
            Split::Set { set, left_if_in } => {
                let set = &self.sets[set as usize];
                let is_in = self
                    .categories
                    .of(x)
                    .is_some_and(|c| set.get((c / 64) as usize).is_some_and(|word| word >> (c % 64) & 1 == 1));
                is_in == left_if_in
            }
        }
    }
}

/// Largest number that counts as zero where zeros are missing; it is a float32 in LightGBM.
pub const ZERO_MAX: f64 = 1e-35_f32 as f64;

impl Categories {
    /// Returns the category of a number.
    #[inline]
    pub fn of(self, x: f64) -> Option<u32> {
        let category = x as u32;
        let whole = f64::from(category);
        let is_one = match self {
            Categories::Exact => whole == x,
            Categories::Truncated => -1.0 < x && x < whole + 1.0,
            Categories::TruncatedFromZero => 0.0 <= x && x < whole + 1.0,
        };
        is_one.then_some(category)
    }
}

fn lengths(p: &ForestParts) -> Result<(), String> {
    let (nodes, leaves, trees) = (p.split.len(), p.leaf_numbers.len(), p.roots.len());
    let some = |len: usize, all: usize| len == 0 || len == all;
    if [p.feature.len(), p.left.len(), p.right.len()] != [nodes; 3] || !some(p.missing.len(), nodes) {
        return Err("the parts of the nodes differ in their lengths".to_owned());
    }
    let values = leaves.checked_mul(p.leaf_width());
    if p.width == 0 || values != Some(p.leaf_values.len()) || p.leaf_impurities.len() != leaves {
        return Err("the parts of the leaves differ in their lengths".to_owned());
    }
    if trees != p.weights.len() || trees == 0 || !some(p.targets.len(), trees) {
        return Err("a forest has at least one tree, and a weight for each".to_owned());
    }
    if !p.targets.is_empty() && p.width as usize > trees {
        return Err(format!("{} sums of {trees} trees", p.width));
    }
    if !some(p.base.len(), p.width as usize) {
        return Err(format!("{} sums begin at {} values", p.width, p.base.len()));
    }
    match nodes + leaves > u32::MAX as usize / 2 {
        true => Err("too many nodes".to_owned()),
        false => Ok(()),
    }
}

fn ranges(p: &ForestParts) -> Result<(), String> {
    for (i, (&feature, split)) in p.feature.iter().zip(&p.split).enumerate() {
        if feature >= p.features {
            return Err(format!("node {i} looks at feature {feature} of {}", p.features));
        }
        if matches!(split, Split::Set { set, .. } if *set as usize >= p.sets.len()) {
            return Err(format!("node {i} names a set of categories that is not there"));
        }
    }
    match p.targets.iter().find(|target| **target >= p.width) {
        Some(target) => Err(format!("a tree adds to sum {target} of {}", p.width)),
        None => Ok(()),
    }
}

fn reached_once(p: &ForestParts) -> Result<(), String> {
    let nodes = p.split.len();
    let mut seen = vec![false; nodes + p.leaf_numbers.len()];
    let mut stack = Vec::new();
    for &root in &p.roots {
        stack.push(root);
        while let Some(at) = stack.pop() {
            match seen.get_mut(at as usize) {
                None => return Err(format!("child {at} is not there")),
                Some(seen) if *seen => return Err(format!("node {at} is reached twice")),
                Some(seen) => *seen = true,
            }
            if (at as usize) < nodes {
                stack.extend([p.right[at as usize], p.left[at as usize]]);
            }
        }
    }
    Ok(())
}

/// How the trees' leaves become the scores, each sum for itself. Trees come in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// The sum of the leaves' values.
    Sum,
    /// The sum of weight times value.
    WeightedSum,
    /// The sum divided by the number of its trees.
    Mean,
    /// The sum of weight times value, divided by the sum of the weights.
    WeightedMean,
    /// The largest value; NaN where one is.
    Max,
    /// The value in the middle, of an even number of trees the mean of the two; NaN where one is.
    Median,
}

/// What a forest gives, an output each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForestPart {
    /// The aggregate: a vector of `width` values.
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

/// Walks the features down every tree. They are one vector, or as many numbers as there are features.
///
/// Of a vector, a tree of a single leaf reads no feature, so a null vector is refused, and a vector too short for a feature that
/// a path reads is refused, only where a path reads it. Of numbers, a null one is NaN. NaN goes where its node says ([`Missing`]).
/// Scores are float64 whatever the sums' precision is.
#[derive(Clone, Debug)]
pub struct ForestOp {
    pub forest: Arc<Forest>,
    pub aggregate: Aggregate,
    /// What each output is.
    pub parts: Vec<ForestPart>,
}

impl ForestOp {
    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        let is_number = |input: &ValueType| input.ty.as_scalar().is_some_and(|dtype| !dtype.is_decimal());
        let fits = match inputs {
            [ValueType { ty: Type::Vector { .. }, .. }] => true,
            numbers => numbers.len() == self.forest.features as usize && numbers.iter().all(is_number),
        };
        let place =
            same_rows(inputs).filter(|_| fits).ok_or("a column of vectors, or of numbers one for each feature")?;
        let ty = |part: &ForestPart| match part {
            ForestPart::Scores => Type::Vector { size: Some(self.forest.width) },
            ForestPart::Pair => Type::Vector { size: Some(2) },
            ForestPart::Leaves => Type::Vector { size: u32::try_from(self.forest.trees()).ok() },
            ForestPart::Score | ForestPart::Leaf | ForestPart::Impurity => Type::F64,
        };
        Ok(self.parts.iter().map(|part| ValueType { ty: ty(part), place }).collect())
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        let fail = |what: &str| Err(PlanError::parameters("forest", what));
        let single = |part: &ForestPart| matches!(part, ForestPart::Leaf | ForestPart::Impurity);
        let one_value = |part: &ForestPart| matches!(part, ForestPart::Score | ForestPart::Pair);
        if self.parts.iter().any(single) && self.forest.trees() != 1 {
            return fail("a leaf and its impurity are of a single tree");
        }
        if self.parts.iter().any(one_value) && self.forest.width != 1 {
            return fail("a score is of leaves of one value");
        }
        if matches!(self.aggregate, Aggregate::Sum | Aggregate::WeightedSum) {
            return Ok(());
        }
        let targets = &self.forest.targets;
        if !targets.is_empty() && (0..self.forest.width).any(|sum| !targets.contains(&sum)) {
            return fail("a mean, a maximum and a median are of at least one tree");
        }
        if matches!(self.aggregate, Aggregate::Max | Aggregate::Median) && !self.forest.base.is_empty() {
            return fail("a maximum and a median begin at no value");
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
            ..ForestParts::default()
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
        refused(|p| p.missing = vec![Missing::Left; 2]);
        refused(|p| p.targets = vec![1]);
        refused(|p| (p.targets, p.width) = (vec![0], 2));
        refused(|p| p.base = vec![0.0; 2]);
        refused(|p| p.width = 2);
    }

    #[test]
    fn each_node_says_where_a_value_goes() {
        let left = |split, missing, x: f64| {
            let sets = vec![[0b101].into()];
            let forest = Forest::new(ForestParts { split: vec![split], missing: vec![missing], sets, ..stump() });
            forest.expect("a stump").is_left(0, x)
        };
        let lefts = |split, missing| [f64::NAN, 0.0, 1e-36, 0.5, 1.0, 2.0].map(|x| left(split, missing, x));
        let (at_most, below) = (Split::Threshold(0.5), Split::Below(0.5));
        let set = Split::Set { set: 0, left_if_in: true };
        assert_eq!(lefts(at_most, Missing::Asked), [false, true, true, true, false, false]);
        assert_eq!(lefts(below, Missing::Left), [true, true, true, false, false, false]);
        assert_eq!(lefts(at_most, Missing::Right), [false, true, true, true, false, false]);
        assert_eq!(lefts(at_most, Missing::ZeroRight), [false, false, false, true, false, false]);
        assert_eq!(lefts(Split::Threshold(-1.0), Missing::ZeroLeft), [true, true, true, false, false, false]);
        assert_eq!(lefts(set, Missing::Asked), [false, true, false, false, false, true]);
        assert_eq!(lefts(set, Missing::Left), [true, true, false, false, false, true]);
    }

    #[test]
    fn features_are_rounded_where_the_tool_rounds() {
        let x = 0.1;
        let forest = |compares| Forest::new(ForestParts { split: vec![Split::Threshold(x)], compares, ..stump() });
        assert!(forest(Precision::F64).expect("a stump").is_left(0, x));
        assert!(!forest(Precision::F32).expect("a stump").is_left(0, x), "0.1 of float32 is above 0.1");
    }

    #[test]
    fn tools_differ_in_what_a_category_is() {
        let of = |categories: Categories| [-1.0, -0.5, -0.0, 2.0, 2.75, 4e9, 5e9, f64::NAN].map(|x| categories.of(x));
        let (zero, two, most) = (Some(0), Some(2), Some(4_000_000_000));
        assert_eq!(of(Categories::Exact), [None, None, zero, two, None, most, None, None]);
        assert_eq!(of(Categories::Truncated), [None, zero, zero, two, two, most, None, None]);
        assert_eq!(of(Categories::TruncatedFromZero), [None, None, zero, two, two, most, None, None]);
    }
}
