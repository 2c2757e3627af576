//! All nodes of a tree for one row at once: one permutation brings every node the byte it asks about, one comparison answers all,
//! a bit each. Two ways from the answers to the leaf.
//!
//! Of trees of at most 32 leaves, two share a register. Nodes are numbered in order: node `i` stands between the leaves `i` and
//! `i + 1`. So leaf `l` is reached where, of the nodes on its path, exactly those below `l` sent the row right: where the answers,
//! with the bits below `l` turned, have no bit in the path's mask. Trees of at most six levels are heaps: the children of node `i`
//! are `2i` and `2i + 1`, and the bits lead down in six steps.

use std::ops::Range;

use super::{
    normal::{LEAF, Normal, Tree},
    ranks::{ByteTest, ROW_BYTES},
};

/// What the nodes of a register ask: their byte column, and the rank above which they send right. A node that is not there
/// sends no row right.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Questions {
    pub columns: [u8; 64],
    pub above: [u8; 64],
    /// Those nodes, in [`Answers::far`], whose column no byte can name.
    pub far: Range<u32>,
}

/// A node that is asked alone.
#[derive(Clone, Copy, Debug)]
pub struct Far {
    pub column: u16,
    pub above: u8,
    /// Its bit among the answers.
    pub bit: u8,
}

/// Two trees of at most 32 leaves; what belongs to the second stands from 32 on.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Pair {
    pub questions: Questions,
    /// Of each leaf: the nodes on its path. A leaf that is not there has all nodes on its path, and among them one that no
    /// answer satisfies.
    pub paths: [u32; 64],
    /// Of each leaf: its number in the forest.
    pub leaves: [u32; 64],
    /// Their places in the forest; both the same where there is but one.
    pub trees: [u32; 2],
}

/// A tree of at most six levels.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Heap {
    pub questions: Questions,
    pub leaves: [u32; 64],
    pub tree: u32,
}

pub struct Answers {
    pub pairs: Box<[Pair]>,
    pub heaps: Box<[Heap]>,
    pub far: Box<[Far]>,
    /// Quarters of a row's bytes that the columns are in: 1, 2 or 4.
    pub quarters: u32,
}

/// Leaves of a tree that shares a register.
const LEAVES: usize = 32;

/// Levels of a heap.
const LEVELS: u32 = 6;

impl Answers {
    /// Returns whether a tree is one that these tables take.
    pub fn takes(tree: &Tree) -> bool {
        (tree.nodes as usize) < LEAVES || tree.depth <= LEVELS
    }

    /// Returns the tables of those trees that they take; nothing where there is none, or too many of their nodes are far.
    pub fn new(normal: &Normal, tests: &[ByteTest]) -> Option<Answers> {
        let near = tests.iter().map(|test| test.column as usize).filter(|column| *column < ROW_BYTES);
        let quarters = match near.max().unwrap_or(0) {
            0..64 => 1,
            64..128 => 2,
            _ => 4,
        };
        let numbers = (0..normal.trees.len() as u32).filter(|number| Answers::takes(&normal.trees[*number as usize]));
        let (small, other): (Vec<u32>, Vec<u32>) =
            numbers.partition(|number| (normal.trees[*number as usize].nodes as usize) < LEAVES);
        let mut making = Making { normal, tests, far: Vec::new() };
        let pairs: Box<[Pair]> = small.chunks(2).map(|trees| making.pair([trees[0], trees[trees.len() - 1]])).collect();
        let heaps: Box<[Heap]> = other.iter().map(|tree| making.heap(*tree)).collect();
        if small.is_empty() && other.is_empty() || making.far.len() > tests.len() / 4 {
            return None;
        }
        Some(Answers { pairs, heaps, far: making.far.into(), quarters })
    }
}

/// Tables in the making.
struct Making<'a> {
    normal: &'a Normal,
    tests: &'a [ByteTest],
    far: Vec<Far>,
}

impl Making<'_> {
    fn questions(&self) -> Questions {
        let far = self.far.len() as u32;
        Questions { columns: [0; 64], above: [u8::MAX; 64], far: far..far }
    }

    /// Lets a bit be the answer of a node.
    fn ask(&mut self, questions: &mut Questions, bit: usize, node: u32) {
        let ByteTest { column, above } = self.tests[node as usize];
        if (column as usize) < ROW_BYTES {
            questions.columns[bit] = column as u8;
            questions.above[bit] = above;
        } else {
            self.far.push(Far { column, above, bit: bit as u8 });
            questions.far.end += 1;
        }
    }

    /// Returns a tree as a heap. Below a leaf nothing sends right, so a row stays on the left to the last level.
    fn heap(&mut self, tree: u32) -> Heap {
        let (mut questions, mut leaves) = (self.questions(), [0; 64]);
        let mut stack = vec![(self.normal.trees[tree as usize].root, 1usize)];
        while let Some((at, mut place)) = stack.pop() {
            if at & LEAF != 0 {
                while place < 64 {
                    place *= 2;
                }
                leaves[place - 64] = at & !LEAF;
            } else {
                self.ask(&mut questions, place, at);
                let node = self.normal.nodes[at as usize];
                stack.extend([(node.left, 2 * place), (node.right, 2 * place + 1)]);
            }
        }
        Heap { questions, leaves, tree }
    }

    fn pair(&mut self, trees: [u32; 2]) -> Pair {
        let mut pair = Pair { questions: self.questions(), paths: [u32::MAX; 64], leaves: [0; 64], trees };
        for (half, number) in trees.iter().enumerate() {
            self.fill(self.normal.trees[*number as usize].root, half * LEAVES, &mut pair);
        }
        pair
    }

    /// Fills in a tree from `first` on.
    fn fill(&mut self, root: u32, first: usize, pair: &mut Pair) {
        let mut leaf = 0;
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
                    let node = self.normal.nodes[at as usize];
                    path.push(Step::default());
                    stack.extend([Visit::Leave, Visit::Enter(node.right), Visit::Between(at), Visit::Enter(node.left)]);
                }
                Visit::Between(at) => {
                    // The leaf before it is the last that was reached.
                    let number = leaf - 1;
                    self.ask(&mut pair.questions, first + number, at);
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
