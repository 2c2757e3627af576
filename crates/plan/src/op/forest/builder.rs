//! A forest made node by node: children are named by what the builder gave, so a reader need not know how nodes are numbered.

use std::sync::Arc;

use super::{ForestParts, Missing, Split};

/// A node or a leaf of a forest in the making.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeId(u32);

/// Tells leaves, which are numbered after all nodes, until their number is known.
const LEAF: u32 = 1 << 31;

/// What a child is until it is named: no node has this number, so [`super::Forest::new`] refuses it.
const UNNAMED: u32 = u32::MAX;

/// Deepest oblivious tree: it has 65,536 leaves.
const OBLIVIOUS_MAX: usize = 16;

/// Takes nodes in any order.
#[derive(Clone, Debug, Default)]
pub struct ForestBuilder {
    parts: ForestParts,
}

impl ForestBuilder {
    /// Returns a builder of a forest with so many features and sums. What else a forest says (see [`ForestParts`]: targets,
    /// precisions, base) is set in the parts that [`ForestBuilder::finish`] returns, or given here.
    pub fn new(features: u32, width: u32) -> ForestBuilder {
        ForestBuilder::with(ForestParts { features, width, ..ForestParts::default() })
    }

    /// Returns a builder that adds to these parts, which have no node, leaf or tree yet.
    pub fn with(parts: ForestParts) -> ForestBuilder {
        ForestBuilder { parts }
    }

    /// Adds a set of categories, as bits (see [`ForestParts::sets`]); returns its number.
    pub fn set(&mut self, words: impl Into<Arc<[u64]>>) -> u32 {
        self.parts.sets.push(words.into());
        self.parts.sets.len() as u32 - 1
    }

    /// Adds a node whose children are named later, by [`ForestBuilder::children`].
    pub fn node(&mut self, feature: u32, split: Split, missing: Missing) -> NodeId {
        let parts = &mut self.parts;
        parts.feature.push(feature);
        parts.split.push(split);
        parts.missing.push(missing);
        parts.left.push(UNNAMED);
        parts.right.push(UNNAMED);
        NodeId(parts.split.len() as u32 - 1)
    }

    /// Names the children of a node; of a leaf, nothing.
    pub fn children(&mut self, node: NodeId, left: NodeId, right: NodeId) {
        let at = node.0 as usize;
        if let (Some(l), Some(r)) = (self.parts.left.get_mut(at), self.parts.right.get_mut(at)) {
            (*l, *r) = (left.0, right.0);
        }
    }

    /// Adds a leaf with its values and its number within its tree.
    pub fn leaf(&mut self, values: &[f64], number: u32) -> NodeId {
        self.leaf_with(values, number, 0.0)
    }

    /// Adds a leaf with its impurity.
    pub fn leaf_with(&mut self, values: &[f64], number: u32, impurity: f64) -> NodeId {
        let parts = &mut self.parts;
        parts.leaf_values.extend_from_slice(values);
        parts.leaf_numbers.push(number);
        parts.leaf_impurities.push(impurity);
        NodeId((parts.leaf_numbers.len() as u32 - 1) | LEAF)
    }

    /// Adds the tree of this root.
    pub fn tree(&mut self, root: NodeId, weight: f64) {
        self.parts.roots.push(root.0);
        self.parts.weights.push(weight);
    }

    /// Adds the tree of this root, whose leaves have one value each, to one of the sums.
    pub fn tree_of(&mut self, root: NodeId, weight: f64, target: u32) {
        self.tree(root, weight);
        self.parts.targets.push(target);
    }

    /// Adds an oblivious tree (CatBoost): all nodes of a level ask the same. Leaf `i` is reached where of the tests those and only those
    /// lead right whose bit of `i` is set, the first test having the lowest bit; leaves are given by `values`, one after the
    /// other. Returns its root; nothing where the values are not those of `2^tests` leaves or the tests more than 16.
    pub fn oblivious(&mut self, tests: &[(u32, Split, Missing)], values: &[f64]) -> Option<NodeId> {
        let width = self.parts.leaf_width();
        if tests.len() > OBLIVIOUS_MAX || values.len() != width << tests.len() {
            return None;
        }
        let leaves = values.chunks_exact(width.max(1)).enumerate();
        let mut level: Vec<NodeId> = leaves.map(|(i, values)| self.leaf(values, i as u32)).collect();
        // The last test has the highest bit: it stands lowest, and parts the first half from the second.
        for &(feature, split, missing) in tests.iter().rev() {
            let (left, right) = level.split_at(level.len() / 2);
            let pairs: Vec<(NodeId, NodeId)> = left.iter().copied().zip(right.iter().copied()).collect();
            level = pairs
                .into_iter()
                .map(|(left, right)| {
                    let node = self.node(feature, split, missing);
                    self.children(node, left, right);
                    node
                })
                .collect();
        }
        level.first().copied()
    }

    /// Returns the parts, for [`super::Forest::new`].
    pub fn finish(mut self) -> ForestParts {
        let nodes = self.parts.split.len() as u32;
        let parts = &mut self.parts;
        for at in parts.left.iter_mut().chain(&mut parts.right).chain(&mut parts.roots) {
            if *at & LEAF != 0 && *at != UNNAMED {
                *at = (*at - LEAF).saturating_add(nodes);
            }
        }
        self.parts
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Forest, Split},
        *,
    };

    fn reached(forest: &Forest, x: &[f64]) -> u32 {
        let mut at = forest.roots[0] as usize;
        while at < forest.split.len() {
            let left = forest.is_left(at, x[forest.feature[at] as usize]);
            at = if left { forest.left[at] } else { forest.right[at] } as usize;
        }
        (at - forest.split.len()) as u32
    }

    #[test]
    fn an_oblivious_tree_counts_its_leaves_by_bits() {
        let mut builder = ForestBuilder::new(3, 1);
        let tests = [0, 1, 2].map(|feature| (feature, Split::Threshold(0.5), Missing::Left));
        let values: Vec<f64> = (0..8).map(f64::from).collect();
        let root = builder.oblivious(&tests, &values).expect("eight leaves for three tests");
        builder.tree(root, 1.0);
        let forest = Forest::new(builder.finish()).expect("a tree");
        for leaf in 0..8u32 {
            let x = [0, 1, 2].map(|bit| f64::from(leaf >> bit & 1));
            assert_eq!(reached(&forest, &x), leaf);
        }
        assert_eq!(ForestBuilder::new(3, 1).oblivious(&tests, &values[1..]), None);
    }

    #[test]
    fn a_child_that_was_never_named_is_refused() {
        let mut builder = ForestBuilder::new(1, 1);
        let node = builder.node(0, Split::Below(1.0), Missing::Asked);
        builder.tree(node, 1.0);
        assert!(Forest::new(builder.clone().finish()).is_err());
        let (left, right) = (builder.leaf(&[1.0], 0), builder.leaf(&[2.0], 1));
        builder.children(node, left, right);
        let forest = Forest::new(builder.finish()).expect("a stump");
        assert_eq!((reached(&forest, &[0.5]), reached(&forest, &[1.0])), (0, 1));
    }
}
