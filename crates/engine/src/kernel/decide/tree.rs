//! The walk of one tree.

use std::{cell::Cell, sync::Arc};

use plan::op::decide::{Join, NONE, NoTrueChild, OnUnknown, Test, Tree, TreePart};

use super::{Facts, VALID, rounded};
use crate::{
    frame::{Env, Home},
    store::VectorStore,
};

/// A tree, ready to walk.
pub struct TreeKernel {
    tree: Arc<Tree>,
    parts: Box<[TreePart]>,
}

/// Where a walk ends.
#[derive(Clone, Copy)]
enum End {
    Node {
        node: u32,
        stand_ins: u32,
    },
    /// The virtual node: its class, if it has chosen one; the shares stand in the scratch.
    Virtual {
        class: Option<usize>,
    },
    Nothing,
    /// The row is refused.
    Refused(&'static str),
}

/// What the children of a node say.
enum Child {
    Taken(u32),
    Unknown,
    None,
}

impl TreeKernel {
    pub(crate) fn new(tree: &Arc<Tree>, parts: &[TreePart]) -> TreeKernel {
        TreeKernel { tree: tree.clone(), parts: parts.into() }
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) {
        let mut scratch = env.frame.scratch();
        let scratch = &mut *scratch;
        for row in 0..env.frame.rows() {
            let end = if env.frame.is_live(row) {
                let invalid = Cell::new(None);
                let facts = Facts { env, inputs, row, invalid: &invalid };
                let mut end = self.walk(&facts, &mut scratch.numbers, &mut scratch.rows);
                if invalid.get().is_some() {
                    end = End::Refused(VALID);
                }
                if let End::Refused(what) = end {
                    facts.refuse(what);
                }
                end
            } else {
                End::Nothing
            };
            for (part, output) in self.parts.iter().zip(outputs) {
                match output {
                    Some(home @ Home::Cells { .. }) => {
                        env.frame.cells(*home).set(row, self.number(*part, end).map(f64::to_bits));
                    }
                    Some(home) => self.classes(*part, end, &scratch.numbers, &mut env.frame.vectors_mut(*home)),
                    None => {}
                }
            }
        }
    }

    fn number(&self, part: TreePart, end: End) -> Option<f64> {
        let tree = &*self.tree;
        match (part, end) {
            (TreePart::Node, End::Node { node, .. }) => Some(f64::from(node)),
            (TreePart::Node, End::Virtual { .. }) => Some(tree.nodes.len() as f64),
            (TreePart::Score, End::Node { node, .. }) => Some(tree.scores[node as usize]),
            (TreePart::Score, End::Virtual { class }) => class.map(|class| class as f64),
            _ => None,
        }
    }

    fn classes(&self, part: TreePart, end: End, shares: &[f64], out: &mut VectorStore) {
        let tree = &*self.tree;
        let width = tree.width as usize;
        let start = out.values.len();
        match (part, end) {
            (TreePart::Confidences, End::Virtual { class: Some(_) }) => out.values.extend_from_slice(&shares[..width]),
            (_, End::Node { node, stand_ins }) if tree.nodes[node as usize].row != NONE => {
                let at = tree.nodes[node as usize].row as usize * width;
                if part == TreePart::Probabilities {
                    out.values.extend_from_slice(&tree.probabilities[at..at + width]);
                } else if tree.confidences.is_empty() {
                    return out.push_null();
                } else {
                    let penalty = libm::pow(tree.penalty, f64::from(stand_ins));
                    let penalized = |c: &f64| rounded(c * rounded(penalty, tree.single), tree.single);
                    out.values.extend(tree.confidences[at..at + width].iter().map(penalized));
                }
            }
            _ => return out.push_null(),
        }
        out.end_dense(start);
    }

    fn walk(&self, facts: &Facts<'_>, numbers: &mut Vec<f64>, stack: &mut Vec<u32>) -> End {
        let tree = &*self.tree;
        let (mut at, mut stand_ins) = (0, 0);
        if self.ask(facts, 0, &mut stand_ins) != Some(true) {
            return End::Nothing;
        }
        loop {
            let node = tree.nodes[at as usize];
            if node.count == 0 {
                return self.answer(at, stand_ins);
            }
            match self.child(facts, at, &mut stand_ins) {
                Child::Taken(child) => at = child,
                Child::None => return self.no_true_child(at, stand_ins),
                Child::Unknown => match tree.on_unknown {
                    OnUnknown::Pass => return self.no_true_child(at, stand_ins),
                    OnUnknown::Last => return self.answer(at, stand_ins),
                    OnUnknown::Null => return End::Nothing,
                    OnUnknown::Default if node.default == NONE => {
                        return End::Refused("a default child where a test of a child is unknown");
                    }
                    OnUnknown::Default => (at, stand_ins) = (node.default, stand_ins + 1),
                    OnUnknown::WeightedConfidence => {
                        return self.chosen(self.weigh(facts, at, numbers), at, stand_ins);
                    }
                    OnUnknown::Aggregate => {
                        return self.chosen(self.aggregate(facts, at, numbers, stack), at, stand_ins);
                    }
                },
            }
        }
    }

    fn child(&self, facts: &Facts<'_>, at: u32, stand_ins: &mut u32) -> Child {
        let node = self.tree.nodes[at as usize];
        // The strategies of several children, and passing over, look at all of them.
        let stops = matches!(self.tree.on_unknown, OnUnknown::Last | OnUnknown::Null | OnUnknown::Default);
        let mut unknown = false;
        for child in node.first..node.first + node.count {
            match self.ask(facts, child, stand_ins) {
                Some(true) => return Child::Taken(child),
                Some(false) => {}
                None if stops => return Child::Unknown,
                None => unknown = true,
            }
        }
        if unknown { Child::Unknown } else { Child::None }
    }

    /// Asks a node's test, and counts where a stand-in decided it.
    #[inline]
    fn ask(&self, facts: &Facts<'_>, node: u32, stand_ins: &mut u32) -> Option<bool> {
        let tests = &self.tree.tests;
        let test = self.tree.nodes[node as usize].test;
        if let Test::Join { join: Join::FirstKnown, first, count } = tests.tests[test as usize] {
            let operands = tests.operands_of(first, count);
            let known = operands.iter().enumerate().find_map(|(i, &test)| Some((i, facts.ask(tests, test)?)));
            *stand_ins += u32::from(known.is_some_and(|(i, _)| i > 0));
            return known.map(|(_, answer)| answer);
        }
        facts.ask(tests, test)
    }

    fn answer(&self, node: u32, stand_ins: u32) -> End {
        if self.tree.nodes[node as usize].refuses {
            return End::Refused("a score at the node that answers");
        }
        End::Node { node, stand_ins }
    }

    fn chosen(&self, class: Option<usize>, at: u32, stand_ins: u32) -> End {
        match (class, self.no_true_child(at, stand_ins)) {
            (None, End::Nothing) => End::Virtual { class: None },
            (None, end) => end,
            (Some(_), _) => End::Virtual { class },
        }
    }

    fn no_true_child(&self, node: u32, stand_ins: u32) -> End {
        match self.tree.no_true_child {
            NoTrueChild::Last if self.tree.nodes[node as usize].scored => self.answer(node, stand_ins),
            NoTrueChild::Last | NoTrueChild::Null => End::Nothing,
        }
    }

    /// Leaves the weighted confidences of the children that are unknown in `sums`; returns the best class.
    fn weigh(&self, facts: &Facts<'_>, at: u32, sums: &mut Vec<f64>) -> Option<usize> {
        let tree = &*self.tree;
        let (node, width) = (tree.nodes[at as usize], tree.width as usize);
        sums.clear();
        sums.resize(width, 0.0);
        for child in node.first..node.first + node.count {
            let row = tree.nodes[child as usize].row;
            if row == NONE || self.ask(facts, child, &mut 0).is_some() {
                continue;
            }
            let confidences = &tree.confidences[row as usize * width..][..width];
            for (sum, confidence) in sums.iter_mut().zip(confidences) {
                *sum += confidence * tree.records[child as usize] / tree.records[at as usize];
            }
        }
        best(sums)
    }

    /// Leaves the shares of the records of all leaves within reach in `counts`; returns the best class.
    fn aggregate(&self, facts: &Facts<'_>, at: u32, counts: &mut Vec<f64>, stack: &mut Vec<u32>) -> Option<usize> {
        let tree = &*self.tree;
        let width = tree.width as usize;
        counts.clear();
        counts.resize(width, 0.0);
        stack.clear();
        stack.push(at);
        while let Some(at) = stack.pop() {
            let node = tree.nodes[at as usize];
            if node.count == 0 && node.row != NONE {
                let of_leaf = &tree.counts[node.row as usize * width..][..width];
                counts.iter_mut().zip(of_leaf).for_each(|(sum, count)| *sum += count);
            }
            for child in node.first..node.first + node.count {
                let answer = self.ask(facts, child, &mut 0);
                if answer != Some(false) {
                    stack.push(child);
                }
                if answer == Some(true) {
                    break;
                }
            }
        }
        let (class, total) = (best(counts), counts.iter().sum::<f64>());
        counts.iter_mut().for_each(|count| *count /= total);
        class
    }
}

/// Returns the first class with the largest value, where that is above 0.
fn best(values: &[f64]) -> Option<usize> {
    let mut best = (None, 0.0);
    for (class, &value) in values.iter().enumerate() {
        if value > best.1 {
            best = (Some(class), value);
        }
    }
    best.0
}
