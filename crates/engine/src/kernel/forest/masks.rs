//! All nodes of a tree for one row at once, for trees of at most 32 leaves.
//!
//! One permutation brings every node the rank it asks about, one comparison answers all. Nodes are numbered in order: node `i` stands
//! between the leaves `i` and `i + 1`. So leaf `l` is reached where, of the nodes on its path, exactly those below `l` sent the row
//! right: where the answers, with the bits below `l` turned, have no bit in the path's mask. Two trees share a register.

use super::{
    normal::{LEAF, Normal},
    ranks::ByteTest,
};

/// Leaves that a tree may have.
pub const LEAVES: usize = 32;

/// Two trees.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Pair {
    /// Of each node, those of the second tree from 32 on: its byte column, and the rank above which it sends right.
    pub columns: [u8; 64],
    pub above: [u8; 64],
    /// Of each leaf, those of the second tree from 32 on: the nodes on its path. A leaf that is not there has all nodes on its
    /// path, and among them one that no answer satisfies.
    pub paths: [u32; 64],
    /// Of each leaf: its number in the forest.
    pub leaves: [u32; 64],
    /// Quarters of a row's bytes that the columns are in: 1, 2 or 4.
    pub quarters: u32,
}

pub struct Masks {
    pub pairs: Box<[Pair]>,
    /// Of each pair: its trees' places in the forest; both the same where there is but one.
    pub trees: Box<[[u32; 2]]>,
}

impl Masks {
    /// Returns the tables of those trees that `takes` says, which have at most 32 leaves.
    pub fn new(normal: &Normal, tests: &[ByteTest], takes: impl Fn(usize) -> bool) -> Masks {
        let numbers: Vec<u32> = (0..normal.trees.len()).filter(|tree| takes(*tree)).map(|tree| tree as u32).collect();
        let quarters = match tests.iter().map(|test| test.column).max().unwrap_or(0) {
            0..64 => 1,
            64..128 => 2,
            _ => 4,
        };
        let trees: Vec<[u32; 2]> = numbers.chunks(2).map(|pair| [pair[0], pair[pair.len() - 1]]).collect();
        let mut pairs = Vec::with_capacity(trees.len());
        for numbers in &trees {
            let mut pair =
                Pair { columns: [0; 64], above: [u8::MAX; 64], paths: [u32::MAX; 64], leaves: [0; 64], quarters };
            for (half, number) in numbers.iter().enumerate() {
                fill(normal, tests, normal.trees[*number as usize].root, half * LEAVES, &mut pair);
            }
            pairs.push(pair);
        }
        Masks { pairs: pairs.into(), trees: trees.into() }
    }
}

/// Fills in a tree from `first` on.
fn fill(normal: &Normal, tests: &[ByteTest], root: u32, first: usize, pair: &mut Pair) {
    let mut leaf = 0;
    // Nodes whose left branch is done are numbered by the leaf that came last; until then a path names them by their depth.
    let mut stack = vec![Visit::Enter(root)];
    let mut path: Vec<Step> = Vec::new();
    while let Some(visit) = stack.pop() {
        match visit {
            Visit::Enter(at) if at & LEAF != 0 => {
                pair.leaves[first + leaf] = at & !LEAF;
                pair.paths[first + leaf] = 0;
                for step in path.iter_mut() {
                    match step.number {
                        Some(number) => pair.paths[first + leaf] |= 1 << number,
                        None => step.waiting.push(leaf),
                    }
                }
                leaf += 1;
            }
            Visit::Enter(at) => {
                let node = normal.nodes[at as usize];
                path.push(Step::default());
                stack.extend([Visit::Leave, Visit::Enter(node.right), Visit::Between(at), Visit::Enter(node.left)]);
            }
            Visit::Between(at) => {
                let number = leaf - 1;
                pair.columns[first + number] = tests[at as usize].column as u8;
                pair.above[first + number] = tests[at as usize].above;
                let step = path.last_mut().expect("a node between its branches is on the path");
                step.number = Some(number);
                step.waiting.drain(..).for_each(|leaf| pair.paths[first + leaf] |= 1 << number);
            }
            Visit::Leave => {
                path.pop();
            }
        }
    }
}

enum Visit {
    Enter(u32),
    /// Between the branches of a node.
    Between(u32),
    Leave,
}

/// A node on the path.
#[derive(Default)]
struct Step {
    number: Option<usize>,
    /// Leaves of its left branch, which were reached before it had its number.
    waiting: Vec<usize>,
}
