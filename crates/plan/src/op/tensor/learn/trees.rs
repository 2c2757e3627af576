//! Trees as a table of nodes that may share what is below them: ONNX's form. A kernel brings it to a
//! [`Forest`](crate::Forest) where it is one.

use model::{Tensor, Type};

use super::Transform;
use crate::error::PlanError;

/// What a node asks of its feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    LessEqual,
    Less,
    GreaterEqual,
    Greater,
    Equal,
    NotEqual,
    /// Whether it is among the members of this number.
    Member(u32),
}

/// An inner node. A child number below that of nodes is a node, `nodes + k` is leaf `k`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TableNode {
    pub feature: u32,
    pub test: Test,
    pub value: f64,
    /// Where NaN goes: to `yes`, or where the test says.
    pub nan_is_yes: bool,
    pub yes: u32,
    pub no: u32,
}

/// The parts of a [`Table`].
#[derive(Clone, Debug, Default)]
pub struct TreesParts {
    pub nodes: Vec<TableNode>,
    /// Of each leaf, where its weights end; they begin where those of the leaf before it end.
    pub leaves: Vec<u32>,
    /// What leaves add: to which score, and how much.
    pub weights: Vec<(u32, f64)>,
    /// Of each tree, its first node or its only leaf.
    pub roots: Vec<u32>,
    pub members: Vec<Vec<f64>>,
}

/// Trees whose every index is inside and whose every walk ends.
#[derive(Clone, Debug)]
pub struct Table(TreesParts);

impl std::ops::Deref for Table {
    type Target = TreesParts;

    fn deref(&self) -> &TreesParts {
        &self.0
    }
}

/// Most features that a table may ask for.
const FEATURES_MAX: u32 = 1 << 24;

impl Table {
    /// Returns the table, or what is wrong with its parts: an index out of range, a walk that does not end.
    pub fn new(parts: TreesParts, scores: usize) -> Result<Table, PlanError> {
        let fault = |what: String| PlanError::parameters("trees", what);
        let (nodes, all) = (parts.nodes.len(), parts.nodes.len() + parts.leaves.len());
        if all > u32::MAX as usize / 2 || parts.weights.len() > u32::MAX as usize / 2 {
            return Err(fault("too many nodes".to_owned()));
        }
        for (i, node) in parts.nodes.iter().enumerate() {
            let members = matches!(node.test, Test::Member(set) if set as usize >= parts.members.len());
            if members || node.yes as usize >= all || node.no as usize >= all || node.feature >= FEATURES_MAX {
                return Err(fault(format!("node {i} names what is not there")));
            }
        }
        let ends = parts.leaves.iter().try_fold(0, |begin, &end| (begin <= end).then_some(end));
        if ends.is_none_or(|end| end as usize != parts.weights.len()) {
            return Err(fault("the weights of leaves are not one after the other".to_owned()));
        }
        if parts.weights.iter().any(|weight| weight.0 as usize >= scores) {
            return Err(fault(format!("a leaf adds to a score beyond {scores}")));
        }
        if parts.roots.iter().any(|root| *root as usize >= all) {
            return Err(fault("a tree begins at a node that is not there".to_owned()));
        }
        if !ends_everywhere(&parts, nodes) {
            return Err(fault("a walk comes to a node twice".to_owned()));
        }
        Ok(Table(parts))
    }

    /// Returns how many features a row must have.
    pub fn features(&self) -> usize {
        self.nodes.iter().map(|node| node.feature as usize + 1).max().unwrap_or(0)
    }

    /// Returns what a leaf adds.
    #[inline]
    pub fn weights_of(&self, leaf: usize) -> &[(u32, f64)] {
        let begin = if leaf == 0 { 0 } else { self.leaves[leaf - 1] as usize };
        &self.weights[begin..self.leaves[leaf] as usize]
    }
}

/// Walks down from every node, each once; returns whether none comes back to one that it is below.
fn ends_everywhere(parts: &TreesParts, nodes: usize) -> bool {
    const OPEN: u8 = 1;
    const DONE: u8 = 2;
    let mut state = vec![0_u8; nodes];
    let mut stack = Vec::new();
    for root in 0..nodes as u32 {
        if state[root as usize] != 0 {
            continue;
        }
        stack.push((root, 0));
        state[root as usize] = OPEN;
        while let Some((at, child)) = stack.last_mut() {
            let node = &parts.nodes[*at as usize];
            let next = match *child {
                0 => node.yes,
                1 => node.no,
                _ => {
                    state[*at as usize] = DONE;
                    stack.pop();
                    continue;
                }
            };
            *child += 1;
            match state.get(next as usize) {
                Some(&OPEN) => return false,
                Some(0) => {
                    state[next as usize] = OPEN;
                    stack.push((next, 0));
                }
                _ => {}
            }
        }
    }
    true
}

/// How the leaves of all trees become one score, trees in their order. A score that no leaf adds to is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Together {
    Sum,
    /// The sum divided by the number of trees.
    Mean,
    Min,
    Max,
}

/// What scores become in the end.
#[derive(Clone, Debug)]
pub enum TreeEnd {
    Scores,
    /// A label too. Of more than two classes that of the first of the greatest scores. Two classes: where leaves add to one of
    /// them only (`one_score`), the second label where that score is above 0.5 (no weight is negative) or above 0, and the scores
    /// of both are made of it.
    Labels {
        labels: Tensor,
        one_score: bool,
        all_positive: bool,
    },
}

/// Trees and all that follows them. Computed in float32, or, `is_double`, in float64. Features are a matrix, or a vector: one
/// row; integers are rounded to float32. A row with too few features is refused. NaN goes as its nodes say; it is not equal to
/// any number.
#[derive(Clone, Debug)]
pub struct TreesOp {
    pub table: Table,
    /// How many scores there are.
    pub width: usize,
    pub together: Together,
    /// Added in the end; empty for none.
    pub base: Vec<f64>,
    pub transform: Transform,
    pub is_double: bool,
    /// Whether scores are float64.
    pub gives_double: bool,
    pub end: TreeEnd,
}

impl TreesOp {
    pub(super) fn scores(&self) -> Type {
        if self.gives_double { Type::F64 } else { Type::F32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(yes: u32, no: u32) -> TableNode {
        TableNode { feature: 0, test: Test::LessEqual, value: 0.5, nan_is_yes: false, yes, no }
    }

    #[test]
    fn walks_end() {
        let parts = |nodes| TreesParts {
            nodes,
            leaves: vec![1, 2],
            weights: vec![(0, 1.0), (0, 2.0)],
            roots: vec![0],
            members: vec![],
        };
        assert!(Table::new(parts(vec![node(1, 2)]), 1).is_ok());
        assert!(Table::new(parts(vec![node(1, 2), node(2, 3)]), 1).is_ok());
        // Two nodes may share what is below them.
        assert!(Table::new(parts(vec![node(1, 2), node(2, 3), node(3, 4)]), 1).is_ok());
        assert!(Table::new(parts(vec![node(0, 1)]), 1).is_err());
        assert!(Table::new(parts(vec![node(1, 2), node(0, 2)]), 1).is_err());
        assert!(Table::new(parts(vec![node(1, 3)]), 1).is_err());
    }
}
