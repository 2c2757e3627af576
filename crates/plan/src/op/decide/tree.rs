//! One tree whose nodes hold tests of any kind.

use super::{NONE, test::Tests};
use crate::error::PlanError;

/// What happens where the test of a child is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnknown {
    /// The child is passed over as if its test were false.
    Pass,
    /// The walk ends at the parent, which answers.
    Last,
    /// There is no answer.
    Null,
    /// The walk goes on at the parent's default child, whose own test is not asked. A parent without one refuses the row.
    Default,
    /// Where no child's test is true: each class has the sum of the confidences of the children whose tests are unknown, each
    /// times the child's share of the parent's records. The class with the largest sum answers, as the virtual node; where
    /// no sum is above 0 it is as if no test were true, but that the virtual node stands for no answer.
    WeightedConfidence,
    /// Where no child's test is true: the records of all leaves that can be reached are counted by class, where an unknown test
    /// is followed and so are the siblings after it, up to one whose test is true. The class with most records answers, as the
    /// virtual node; where nothing was counted it is as under `WeightedConfidence`.
    Aggregate,
}

/// What happens where no child's test is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoTrueChild {
    /// There is no answer.
    Null,
    /// The parent answers if it is scored, else nothing does.
    Last,
}

/// One node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeNode {
    pub test: u32,
    /// Its children stand one after the other from here on; they stand after their parent.
    pub first: u32,
    pub count: u32,
    /// The child for what is unknown, or [`NONE`].
    pub default: u32,
    /// Whether it may answer where none of its children is taken.
    pub scored: bool,
    /// Whether a row that it answers is refused: it has nothing to say.
    pub refuses: bool,
    /// Its row of the tables of classes, or [`NONE`].
    pub row: u32,
}

/// What the walk gives. Null where there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreePart {
    /// The number of the node that answers; the number of nodes stands for the virtual node.
    Node,
    /// The node's score; the class where the virtual node answers.
    Score,
    /// The row of [`Tree::probabilities`]; null too where the node has no row, and for the virtual node.
    Probabilities,
    /// The row of [`Tree::confidences`] times the penalty for each time that a stand-in decided; null too where the node has no
    /// row. For the virtual node the shares by which it was chosen.
    Confidences,
}

/// A tree. Its root is node 0; where the root's test is not true there is no answer.
#[derive(Clone, Debug)]
pub struct Tree {
    pub tests: Tests,
    pub nodes: Vec<TreeNode>,
    pub on_unknown: OnUnknown,
    pub no_true_child: NoTrueChild,
    /// Factor of the confidences for each use of a default child, and for each test of a child that the first operand of
    /// [`super::Join::FirstKnown`] did not decide.
    pub penalty: f64,
    /// Of each node: its score, a number or a class.
    pub scores: Vec<f64>,
    /// Number of classes; 0 where there are no tables of classes.
    pub width: u32,
    /// Row after row, `width` each.
    pub probabilities: Vec<f64>,
    /// As `probabilities`; may be empty.
    pub confidences: Vec<f64>,
    /// Records by class, as `probabilities`; needed for [`OnUnknown::Aggregate`] alone.
    pub counts: Vec<f64>,
    /// Of each node: its records; needed for [`OnUnknown::WeightedConfidence`] alone.
    pub records: Vec<f64>,
    /// Whether the penalty's powers and products are rounded to 32 bits.
    pub single: bool,
}

impl Tree {
    pub(crate) fn check(&self) -> Result<(), PlanError> {
        let fail = |what: String| Err(PlanError::parameters("tree", what));
        self.tests.check("tree")?;
        let (nodes, width) = (self.nodes.len(), self.width as usize);
        if nodes == 0 || nodes >= NONE as usize || self.scores.len() != nodes {
            return fail("a tree has a root, and a score for each node".to_owned());
        }
        if !self.tests.has(self.nodes.iter().map(|node| node.test)) {
            return fail("a node names a test that is not there".to_owned());
        }
        let mut next = 1;
        for (i, node) in self.nodes.iter().enumerate() {
            // In the order of breadth each run of children begins where the last one ended.
            let end = node.first as usize + node.count as usize;
            if node.count > 0 {
                if node.first as usize != next || end > nodes || node.first as usize <= i {
                    return fail(format!("the children of node {i} do not follow those of the nodes before it"));
                }
                next = end;
            }
            if node.default != NONE && !(node.first as usize..end).contains(&(node.default as usize)) {
                return fail(format!("the default child of node {i} is none of its children"));
            }
        }
        if next != nodes {
            return fail("a node is nobody's child".to_owned());
        }
        let rows = self.probabilities.len().checked_div(width).unwrap_or(0);
        let whole = self.probabilities.len() == rows * width;
        let same = |table: &[f64]| table.is_empty() || table.len() == self.probabilities.len();
        if !whole || !same(&self.confidences) || !same(&self.counts) {
            return fail("the tables of classes differ in their sizes".to_owned());
        }
        if self.nodes.iter().any(|node| node.row != NONE && node.row as usize >= rows) {
            return fail("a node names a row of classes that is not there".to_owned());
        }
        let needs = |table: &[f64], len: usize| table.len() == len;
        match self.on_unknown {
            OnUnknown::Aggregate if !needs(&self.counts, rows * width) => fail("no counts to aggregate".to_owned()),
            OnUnknown::WeightedConfidence
                if !needs(&self.records, nodes) || !needs(&self.confidences, rows * width) =>
            {
                fail("no confidences or records to weigh".to_owned())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::test::Test, *};

    fn stump() -> Tree {
        let mut tests = Tests::default();
        let test = tests.push(Test::Known(true));
        let leaf = TreeNode { test, first: 0, count: 0, default: NONE, scored: true, refuses: false, row: NONE };
        Tree {
            tests,
            nodes: vec![TreeNode { first: 1, count: 2, default: 1, ..leaf }, leaf, leaf],
            on_unknown: OnUnknown::Pass,
            no_true_child: NoTrueChild::Null,
            penalty: 1.0,
            scores: vec![0.0; 3],
            width: 0,
            probabilities: Vec::new(),
            confidences: Vec::new(),
            counts: Vec::new(),
            records: Vec::new(),
            single: false,
        }
    }

    fn refused(change: impl FnOnce(&mut Tree)) {
        let mut tree = stump();
        change(&mut tree);
        assert!(tree.check().is_err());
    }

    #[test]
    fn only_trees_are_taken() {
        assert_eq!(stump().check(), Ok(()));
        refused(|t| t.nodes[0].first = 0);
        refused(|t| t.nodes[0].count = 1);
        refused(|t| t.nodes[0].count = 3);
        refused(|t| t.nodes[0].default = 0);
        refused(|t| t.nodes[1].test = 1);
        refused(|t| t.nodes[1].row = 0);
        refused(|t| t.scores.truncate(1));
        refused(|t| (t.nodes[1].first, t.nodes[1].count) = (1, 2));
        refused(|t| (t.on_unknown, t.width, t.probabilities) = (OnUnknown::Aggregate, 1, vec![1.0]));
        refused(|t| t.on_unknown = OnUnknown::WeightedConfidence);
        refused(|t| t.nodes.clear());
    }
}
