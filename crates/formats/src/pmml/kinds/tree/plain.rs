//! Trees of thresholds and categories as trees of the forest kernels.
//!
//! A node's children are asked one after the other, which makes a chain of nodes with two ways each. What is known of a feature
//! on the way there ([`Known`]) leaves most of them out: after `x <= 1` was false, `x > 1` need not be asked. A missing value
//! goes the way of a false test until something depends on it; then a node asks whether it is there (`x <= +inf`).

use plan::{
    ForestSplit as Split,
    op::{
        decide::{NONE, NoTrueChild, OnUnknown, Order, Test, Tests, Tree},
        forest::{ForestBuilder, Missing, NodeId},
    },
};

mod known;

use known::{Codes, Known};

/// Deepest chain of nodes; deeper trees are walked by the general op.
const DEPTH_MAX: usize = 400;

/// What is known of an input beforehand: the number of its categories, where nothing else can come.
pub type Column = Option<u32>;

/// The values of a leaf, and its number.
pub type Leaf = (Vec<f64>, u32);

/// Plants trees in a forest.
pub struct Planter<'a> {
    pub builder: ForestBuilder,
    pub columns: &'a [Column],
    tests: &'a Tests,
    tree: &'a Tree,
    /// The leaf of a node, or of no prediction; nothing where it cannot be one.
    leaf: &'a dyn Fn(Option<u32>) -> Option<Leaf>,
    /// Of each feature asked on the way what is known; the last entry counts.
    known: Vec<(u32, Known)>,
    depth: usize,
}

/// What a test of a child says where it is asked.
enum Verdict {
    Always(bool),
    /// The feature is missing.
    Unknown,
    /// So where the feature is there, else unknown.
    WhereThere {
        feature: u32,
        answer: bool,
    },
    Open(Question),
}

/// What a node of a forest can ask.
enum Ask {
    Split(Split),
    Among(Codes),
}

/// A question that is not answered yet.
struct Question {
    feature: u32,
    ask: Ask,
    /// Whether left is where the test is true.
    left: bool,
    /// What is known where it is true, and where it is false.
    yes: Known,
    no: Known,
}

/// Adds a tree to a forest; returns its root, or nothing where the tree is none of this form.
pub fn plant(
    builder: &mut ForestBuilder,
    columns: &[Column],
    tree: &Tree,
    leaf: &dyn Fn(Option<u32>) -> Option<Leaf>,
) -> Option<NodeId> {
    let taken = std::mem::take(builder);
    let known = Vec::new();
    let mut planter = Planter { builder: taken, columns, tests: &tree.tests, tree, leaf, known, depth: 0 };
    let root = match planter.verdict(tree.nodes.first()?.test)? {
        Verdict::Always(true) => planter.grow(0),
        _ => None,
    };
    *builder = planter.builder;
    root
}

impl Planter<'_> {
    fn grow(&mut self, node: u32) -> Option<NodeId> {
        match self.tree.nodes[node as usize].count {
            0 => self.answer(node),
            _ => self.chain(node, 0),
        }
    }

    /// Adds what happens at a node when its first children were not taken.
    fn chain(&mut self, node: u32, passed: u32) -> Option<NodeId> {
        if self.depth >= DEPTH_MAX {
            return None;
        }
        self.depth += 1;
        let made = self.link(node, passed);
        self.depth -= 1;
        made
    }

    fn link(&mut self, node: u32, passed: u32) -> Option<NodeId> {
        let parent = self.tree.nodes[node as usize];
        let strategy = self.tree.on_unknown;
        let mut at = passed;
        while at < parent.count {
            let child = parent.first + at;
            let is_default = strategy == OnUnknown::Default && parent.default == child;
            match self.verdict(self.tree.nodes[child as usize].test)? {
                Verdict::Always(true) => return self.grow(child),
                Verdict::WhereThere { answer: true, .. } if is_default => return self.grow(child),
                Verdict::Always(false) => at += 1,
                Verdict::WhereThere { answer: false, .. } | Verdict::Unknown if strategy == OnUnknown::Pass => at += 1,
                Verdict::Unknown => return self.unknown(node),
                Verdict::WhereThere { feature, answer } => {
                    let known = self.known(feature);
                    return self.split_missing(node, at, feature, known, |planter| match answer {
                        true => planter.grow(child),
                        false => planter.chain(node, at + 1),
                    });
                }
                Verdict::Open(question) => return self.fork(node, at, question),
            }
        }
        match self.tree.no_true_child {
            NoTrueChild::Last if parent.scored => self.answer(node),
            _ => self.nothing(),
        }
    }

    /// Adds a node that asks whether a feature is there; where it is not, the tests of it are unknown.
    fn split_missing(
        &mut self,
        node: u32,
        at: u32,
        feature: u32,
        known: Known,
        there: impl FnOnce(&mut Self) -> Option<NodeId>,
    ) -> Option<NodeId> {
        let asked = self.builder.node(feature, IS_THERE, Missing::Right);
        let left = self.with(feature, known.but(Some(false)), there)?;
        let gone = known.but(Some(true));
        let right = self.with(feature, gone, |planter| match planter.tree.on_unknown {
            OnUnknown::Pass => planter.chain(node, at + 1),
            _ => planter.unknown(node),
        })?;
        self.builder.children(asked, left, right);
        Some(asked)
    }

    /// Adds what happens at a node where the test of a child is unknown.
    fn unknown(&mut self, node: u32) -> Option<NodeId> {
        match self.tree.on_unknown {
            OnUnknown::Last => self.answer(node),
            OnUnknown::Null => self.nothing(),
            OnUnknown::Default => match self.tree.nodes[node as usize].default {
                NONE => None,
                child => self.grow(child),
            },
            OnUnknown::Pass | OnUnknown::WeightedConfidence | OnUnknown::Aggregate => None,
        }
    }

    /// Adds a node for an open question; where the answer is no it goes on at the next child.
    fn fork(&mut self, node: u32, at: u32, question: Question) -> Option<NodeId> {
        let Question { feature, ask, left, mut yes, no } = question;
        let parent = self.tree.nodes[node as usize];
        let child = parent.first + at;
        let split = match ask {
            Ask::Split(split) => split,
            Ask::Among(codes) => Split::Set { set: self.builder.set(codes.words()), left_if_in: true },
        };
        // What asks whether the feature is there leaves nothing unknown.
        let may_be_missing = self.known(feature).missing.is_none() && yes.missing.is_none();
        let stays = may_be_missing && self.tree.on_unknown == OnUnknown::Default && parent.default == child;
        let missing = match may_be_missing {
            true if stays == left => Missing::Left,
            _ => Missing::Right,
        };
        if may_be_missing && !stays {
            yes.missing = Some(false);
        }
        let forked = self.builder.node(feature, split, missing);
        let taken = self.with(feature, yes, |planter| planter.grow(child))?;
        let other = if may_be_missing && !stays {
            self.otherwise(node, at, feature, no)?
        } else {
            let missing = if stays { Some(false) } else { no.missing };
            self.with(feature, no.but(missing), |planter| planter.chain(node, at + 1))?
        };
        let (l, r) = if left { (taken, other) } else { (other, taken) };
        self.builder.children(forked, l, r);
        Some(forked)
    }

    /// Adds what follows where a test is false, or unknown because its feature is missing.
    fn otherwise(&mut self, node: u32, at: u32, feature: u32, no: Known) -> Option<NodeId> {
        let parent = self.tree.nodes[node as usize];
        if self.tree.on_unknown == OnUnknown::Pass {
            return self.with(feature, no, |planter| planter.chain(node, at + 1));
        }
        if self.tree.on_unknown == OnUnknown::Default {
            let next = parent.first + at + 1;
            let there = no.but(Some(false));
            if parent.default == next && self.with(feature, there, |planter| planter.is_true(next)) {
                return self.with(feature, no, |planter| planter.grow(next));
            }
            // A branch cannot stand in two places.
            if parent.default == NONE || self.tree.nodes[parent.default as usize].count > 0 {
                return None;
            }
        }
        self.split_missing(node, at, feature, no, |planter| planter.chain(node, at + 1))
    }

    fn is_true(&self, child: u32) -> bool {
        let test = self.tree.nodes[child as usize].test;
        matches!(self.verdict(test), Some(Verdict::Always(true)))
    }

    fn with<T>(&mut self, feature: u32, known: Known, work: impl FnOnce(&mut Self) -> T) -> T {
        self.known.push((feature, known));
        let done = work(self);
        self.known.pop();
        done
    }

    fn known(&self, feature: u32) -> Known {
        let known = self.known.iter().rev().find(|(of, _)| *of == feature).map(|(_, known)| known.clone());
        known.unwrap_or_else(|| Known::new(self.columns[feature as usize]))
    }

    fn answer(&mut self, node: u32) -> Option<NodeId> {
        let (values, number) = (self.leaf)(Some(node))?;
        Some(self.builder.leaf(&values, number))
    }

    fn nothing(&mut self) -> Option<NodeId> {
        let (values, number) = (self.leaf)(None)?;
        Some(self.builder.leaf(&values, number))
    }

    /// Returns what a test says here; nothing where a forest cannot ask it.
    fn verdict(&self, test: u32) -> Option<Verdict> {
        let (feature, order, value) = match self.tests.tests[test as usize] {
            Test::Known(known) => return Some(Verdict::Always(known)),
            Test::Join { .. } => return None,
            Test::Missing { input, negated } => return Some(self.is_missing(input, negated)),
            Test::In { input, set, negated } => {
                return self.is_in(input, &self.tests.sets[set as usize], negated);
            }
            Test::Compare { input, order, value } => (input, order, value),
        };
        if let Order::Equal | Order::Unequal = order {
            return self.is_in(feature, &[value], order == Order::Unequal);
        }
        if value.is_nan() || self.columns[feature as usize].is_some() {
            return None;
        }
        let known = self.known(feature);
        if known.missing == Some(true) {
            return Some(Verdict::Unknown);
        }
        let (split, left, below) = match order {
            Order::Less => (Split::Below(value), true, true),
            Order::AtMost => (Split::Threshold(value), true, true),
            Order::Greater => (Split::Threshold(value), false, false),
            _ => (Split::Below(value), false, false),
        };
        // The bound belongs to the lower part where that is "at most".
        let closed = matches!(split, Split::Threshold(_));
        for answer in [true, false] {
            if known.is_within(value, closed, below == answer) {
                return Some(settled(feature, &known, answer));
            }
        }
        let (lower, upper) = (known.below(value, closed), known.above(value, closed));
        let (yes, no) = if below { (lower, upper) } else { (upper, lower) };
        Some(Verdict::Open(Question { feature, ask: Ask::Split(split), left, yes, no }))
    }

    fn is_missing(&self, feature: u32, negated: bool) -> Verdict {
        let known = self.known(feature);
        let there = known.but(Some(false));
        let gone = known.but(Some(true));
        match (known.missing, negated) {
            (Some(missing), _) => Verdict::Always(missing != negated),
            (None, true) => {
                Verdict::Open(Question { feature, ask: Ask::Split(IS_THERE), left: true, yes: there, no: gone })
            }
            (None, false) => {
                Verdict::Open(Question { feature, ask: Ask::Split(IS_THERE), left: false, yes: gone, no: there })
            }
        }
    }

    fn is_in(&self, feature: u32, values: &[f64], negated: bool) -> Option<Verdict> {
        let known = self.known(feature);
        if known.missing == Some(true) {
            return Some(Verdict::Unknown);
        }
        let codes = Codes::of(values)?;
        if let Some(is_in) = known.codes.are_in(&codes) {
            return Some(settled(feature, &known, is_in != negated));
        }
        let inside = known.of(known.codes.inside(&codes));
        let outside = known.of(known.codes.outside(&codes));
        let (yes, no) = if negated { (outside, inside) } else { (inside, outside) };
        Some(Verdict::Open(Question { feature, ask: Ask::Among(codes), left: !negated, yes, no }))
    }
}

/// Asks whether a feature is there: a null comes as NaN, which is not at most infinity.
const IS_THERE: Split = Split::Threshold(f64::INFINITY);

fn settled(feature: u32, known: &Known, answer: bool) -> Verdict {
    match known.missing {
        Some(false) => Verdict::Always(answer),
        _ => Verdict::WhereThere { feature, answer },
    }
}
