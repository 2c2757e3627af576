//! A table of nodes as a [`Forest`], where it is one: no node is below two others, tests are thresholds and sets of small
//! whole numbers, leaves are summed, and for classes it is the same for all rows which scores a leaf adds to.

use plan::{
    Forest, ForestBuilder, ForestParts, ForestSplit as Split, Missing, NodeId, Precision,
    tensor::learn::{TableNode, Test, Together, TreeEnd, TreesOp},
};
use rustc_hash::FxHashMap;

/// Whole numbers below this are members of sets.
const CATEGORIES: f64 = 65_536.0;

/// Most scores: rows of a block have room for them side by side.
const WIDTH_MAX: usize = 4096;

/// Words of all sets together.
const WORDS_MAX: usize = 1 << 22;

/// Values of all leaves together.
const VALUES_MAX: usize = 1 << 24;

/// Returns the forest, and which scores its leaves add to.
pub(super) fn of(op: &TreesOp) -> Option<(Forest, Vec<bool>)> {
    let is_sum = matches!(op.together, Together::Sum | Together::Mean);
    if !is_sum || !(1..=WIDTH_MAX).contains(&op.width) || op.table.roots.is_empty() {
        return None;
    }
    let (has, same) = added(op)?;
    if !same && matches!(op.end, TreeEnd::Labels { .. }) {
        return None;
    }
    let targets = targets(op);
    let leaf_width = if targets.is_some() { 1 } else { op.width };
    op.table.leaves.len().checked_mul(leaf_width).filter(|values| *values <= VALUES_MAX)?;
    let precision = if op.is_double { Precision::F64 } else { Precision::F32 };
    let parts = ForestParts {
        features: op.table.features().max(1) as u32,
        width: op.width as u32,
        sums: precision,
        compares: precision,
        ..ForestParts::default()
    };
    let mut making = Making {
        op,
        builder: ForestBuilder::with(parts),
        leaf_width,
        seen: vec![false; op.table.nodes.len()],
        open: Vec::new(),
        sets: FxHashMap::default(),
        words: 0,
        leaves: 0,
    };
    for root in &op.table.roots {
        let root = making.tree(*root)?;
        making.builder.tree(root, 1.0);
    }
    let mut parts = making.builder.finish();
    parts.targets = targets.unwrap_or_default();
    if parts.missing.iter().all(|missing| *missing == Missing::Asked) {
        parts.missing.clear();
    }
    Some((Forest::new(parts).ok()?, has))
}

/// Returns the leaves of a tree, each once. `seen` says of each node and leaf which tree was there last.
fn leaves_of<'a>(op: &'a TreesOp, tree: usize, seen: &'a mut [u32]) -> impl Iterator<Item = usize> + 'a {
    let (table, nodes, now) = (&op.table, op.table.nodes.len(), tree as u32 + 1);
    let mut stack = vec![table.roots[tree]];
    std::iter::from_fn(move || {
        while let Some(at) = stack.pop() {
            if std::mem::replace(seen.get_mut(at as usize)?, now) == now {
                continue;
            }
            match table.nodes.get(at as usize) {
                Some(node) => stack.extend([node.yes, node.no]),
                None => return Some(at as usize - nodes),
            }
        }
        None
    })
}

/// Returns which scores any leaf adds to, and whether that is so for every row. Nothing where a leaf adds to one twice.
fn added(op: &TreesOp) -> Option<(Vec<bool>, bool)> {
    let (mut any, mut always) = (vec![false; op.width], vec![false; op.width]);
    let all = op.table.nodes.len() + op.table.leaves.len();
    let mut seen = vec![0; all];
    let mut counts: FxHashMap<u32, usize> = FxHashMap::default();
    for tree in 0..op.table.roots.len() {
        counts.clear();
        let mut leaves = 0;
        for leaf in leaves_of(op, tree, &mut seen) {
            leaves += 1;
            let weights = op.table.weights_of(leaf);
            for (i, (score, _)) in weights.iter().enumerate() {
                if op.width == 1 && i > 0 || weights.len() > 64 && op.width < weights.len() {
                    return None;
                }
                *counts.entry(*score).or_default() += 1;
            }
            let mut scores: Vec<u32> = weights.iter().map(|weight| weight.0).collect();
            scores.sort_unstable();
            if scores.windows(2).any(|pair| pair[0] == pair[1]) {
                return None;
            }
        }
        for (score, count) in &counts {
            any[*score as usize] = true;
            always[*score as usize] |= *count == leaves;
        }
    }
    let same = any == always;
    Some((any, same))
}

/// Returns the score of each tree, where each has one.
fn targets(op: &TreesOp) -> Option<Vec<u32>> {
    if op.width == 1 || op.width > op.table.roots.len() {
        return None;
    }
    let mut seen = vec![0; op.table.nodes.len() + op.table.leaves.len()];
    let of_tree = |tree: usize| {
        let mut target = None;
        for leaf in leaves_of(op, tree, &mut seen) {
            match op.table.weights_of(leaf) {
                [(score, _)] if target.is_none_or(|target| target == *score) => target = Some(*score),
                _ => return None,
            }
        }
        target
    };
    (0..op.table.roots.len()).map(of_tree).collect()
}

struct Making<'a> {
    op: &'a TreesOp,
    builder: ForestBuilder,
    leaf_width: usize,
    seen: Vec<bool>,
    /// Nodes whose children are to be made.
    open: Vec<(NodeId, u32, u32)>,
    sets: FxHashMap<Vec<u64>, u32>,
    words: usize,
    leaves: u32,
}

impl Making<'_> {
    fn tree(&mut self, root: u32) -> Option<NodeId> {
        let first = self.make(root)?;
        while let Some((node, left, right)) = self.open.pop() {
            let (left, right) = (self.make(left)?, self.make(right)?);
            self.builder.children(node, left, right);
        }
        Some(first)
    }

    /// Makes a node or a leaf; nothing where a node is made twice or its test has no form.
    fn make(&mut self, at: u32) -> Option<NodeId> {
        let table = &self.op.table;
        let Some(node) = table.nodes.get(at as usize) else {
            let mut values = vec![0.0; self.leaf_width];
            for (score, value) in table.weights_of(at as usize - table.nodes.len()) {
                values[if self.leaf_width == 1 { 0 } else { *score as usize }] = *value;
            }
            self.leaves += 1;
            return Some(self.builder.leaf(&values, self.leaves - 1));
        };
        if std::mem::replace(&mut self.seen[at as usize], true) || node.value.is_nan() {
            return None;
        }
        let (asked, left) = (Missing::Asked, Missing::Left);
        let if_yes = if node.nan_is_yes { left } else { asked };
        // Where children are exchanged, a NaN goes right for yes.
        let exchanged = if node.nan_is_yes { Missing::Right } else { left };
        let (split, missing, children) = match node.test {
            Test::LessEqual => (Split::Threshold(node.value), if_yes, (node.yes, node.no)),
            Test::Less => (Split::Below(node.value), if_yes, (node.yes, node.no)),
            Test::Greater => (Split::Threshold(node.value), exchanged, (node.no, node.yes)),
            Test::GreaterEqual => (Split::Below(node.value), exchanged, (node.no, node.yes)),
            Test::Equal => {
                let (members, otherwise) = self.equal_to_any(node);
                (self.set(&members)?, if_yes, (node.yes, otherwise))
            }
            Test::NotEqual => (self.set(&[node.value])?, asked, (node.no, node.yes)),
            Test::Member(set) => (self.set(&table.members[set as usize])?, if_yes, (node.yes, node.no)),
        };
        let made = self.builder.node(node.feature, split, missing);
        self.open.push((made, children.0, children.1));
        Some(made)
    }

    /// Follows tests of one feature for one number after the other that all lead to one node: they ask for a set. Returns its
    /// members, and where others go.
    fn equal_to_any(&mut self, first: &TableNode) -> (Vec<f64>, u32) {
        let (mut members, mut at) = (vec![first.value], first.no);
        while let Some(node) = self.op.table.nodes.get(at as usize) {
            let goes_on = node.test == Test::Equal
                && (node.feature, node.yes, node.nan_is_yes) == (first.feature, first.yes, first.nan_is_yes)
                && !std::mem::replace(&mut self.seen[at as usize], true);
            if !goes_on {
                break;
            }
            members.push(node.value);
            at = node.no;
        }
        (members, at)
    }

    fn set(&mut self, members: &[f64]) -> Option<Split> {
        let mut words: Vec<u64> = Vec::new();
        for member in members {
            let is_one = (0.0..CATEGORIES).contains(member) && member.trunc() == *member;
            let category = is_one.then_some(*member as usize)?;
            if words.len() <= category / 64 {
                words.resize(category / 64 + 1, 0);
            }
            words[category / 64] |= 1 << (category % 64);
        }
        let set = match self.sets.get(&words) {
            Some(set) => *set,
            None => {
                self.words = self.words.checked_add(words.len()).filter(|words| *words <= WORDS_MAX)?;
                let set = self.builder.set(words.clone());
                self.sets.insert(words, set);
                set
            }
        };
        Some(Split::Set { set, left_if_in: true })
    }
}
