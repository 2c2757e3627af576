//! All nodes of a tree for one row at once: one permutation brings every node the byte it asks about, one comparison answers all,
//! a bit each. Two ways from the answers to the leaf.
//!
//! Of trees of at most 32 leaves, two share a register. Nodes are numbered in order: node `i` stands between the leaves `i` and
//! `i + 1`. So leaf `l` is reached where, of the nodes on its path, exactly those below `l` sent the row right: where the answers,
//! with the bits below `l` turned, have no bit in the path's mask. Trees of at most six levels are heaps: the children of node `i`
//! are `2i` and `2i + 1`. The seven bits of its first three levels lead down by a table; those of each subtree below stand together
//! and lead on by the same table.
//!
//! Nodes that ask a set for a code are answered by the code: of each code there is a word for every tree with the answers of all its
//! nodes, so that a row takes one word of each column for each tree, whatever its sets.

use plan::Precision;

use super::{
    codes::is_right,
    normal::{LEAF, Normal, Tree},
    ranks::{ByteTest, ROW_BYTES, Ranks},
    sum::Sums,
};

/// What the nodes of a register ask: their byte column, and the rank above which they send right. A node that is not there
/// sends no row right.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Questions {
    pub columns: [u8; 64],
    pub above: [u8; 64],
}

/// A node that is asked alone, for no byte can name its column.
#[derive(Clone, Copy, Debug)]
struct Far {
    column: u16,
    above: u8,
    at: At,
}

/// Where an answer is: its table, and the bit.
#[derive(Clone, Copy, Debug)]
struct At {
    table: u32,
    bit: u8,
}

/// A column of codes.
#[derive(Clone, Copy, Debug)]
struct Coded {
    column: usize,
    /// Where the words of its first code begin.
    first: usize,
}

/// Two trees of at most 32 leaves; what belongs to the second stands from 32 on.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Pair {
    pub questions: Questions,
    /// Of each leaf: the nodes on its path. A leaf that is not there has all nodes on its path, and among them one that no
    /// answer satisfies.
    pub paths: [u32; 64],
}

/// Tables that ask (`Q`), one after the other, and what they have of leaves, which is seldom read.
pub struct Asks<Q, L> {
    pub tables: Box<[Q]>,
    /// Of each table.
    pub leaves: Box<[Of<L>]>,
    /// Of each table: its trees' places in the forest, of a pair the second's where there is one.
    pub trees: Box<[(u32, Option<u32>)]>,
    /// The place of the first among all tables.
    pub first: usize,
}

/// What a table has of its leaves.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Of<L>(pub [L; 64]);

pub type Pairs<L> = Asks<Pair, L>;

/// Trees of at most six levels.
pub type Heaps<L> = Asks<Questions, L>;

pub struct Answers {
    pub tables: Tables,
    /// How many tables there are.
    pub count: usize,
    far: Box<[Far]>,
    coded: Box<[Coded]>,
    /// Of each code of such columns: the answers in each table.
    words: Box<[u64]>,
    /// Quarters of a row's bytes that the columns are in: 1, 2 or 4.
    pub quarters: u32,
}

/// Trees' tables, by what they have of a leaf.
pub enum Tables {
    /// Its number.
    Leaves(Pairs<u32>, Heaps<u32>),
    /// Its value; trees are in the forest's order, and there are no others.
    Pairs(Pairs<f64>),
    Pairs32(Pairs<f32>),
    Heaps(Heaps<f64>),
    Heaps32(Heaps<f32>),
}

/// Leaves of a tree that shares a register.
const LEAVES: usize = 32;

/// Columns of codes, and of each of their codes the answers in each table.
type Words = (Box<[Coded]>, Box<[u64]>);

/// Words that there may be for codes.
const WORDS_MAX: usize = 1 << 21;

/// Levels of a heap.
const LEVELS: u32 = 6;

impl Answers {
    /// Returns whether a tree is one that these tables take.
    pub fn takes(tree: &Tree) -> bool {
        (tree.nodes as usize) < LEAVES || tree.depth <= LEVELS
    }

    /// Returns the tables of those trees that they take, with leaves' values if nobody reads their numbers (`adds` has what is added then);
    /// nothing where there is none, or too many of their nodes are far.
    pub fn new(normal: &Normal, ranks: &Ranks, tests: &[ByteTest], adds: Option<&Sums>) -> Option<Answers> {
        let near = tests.iter().filter(|test| test.set.is_none()).map(|test| test.column as usize);
        let near = near.filter(|column| *column < ROW_BYTES);
        let quarters = match near.max().unwrap_or(0) {
            0..64 => 1,
            64..128 => 2,
            _ => 4,
        };
        let mut making = Making { normal, tests, tables: 0, far: Vec::new(), sets: Vec::new() };
        let tables = making.tables(adds);
        if normal.trees.iter().all(|tree| !Answers::takes(tree)) || making.far.len() > tests.len() / 4 {
            return None;
        }
        let (coded, words) = making.words(ranks)?;
        Some(Answers { tables, count: making.tables, far: making.far.into(), coded, words, quarters })
    }

    /// Returns whether there are answers apart.
    pub fn has_apart(&self) -> bool {
        !self.far.is_empty() || !self.coded.is_empty()
    }

    /// Finds the answers of a row's nodes that are not compared: a word for each table.
    #[inline(always)]
    pub fn apart(&self, ranks: &[u8], out: &mut [u64]) {
        out.fill(0);
        for Coded { column, first } in &self.coded {
            let words = &self.words[first + usize::from(ranks[*column]) * self.count..][..self.count];
            out.iter_mut().zip(words).for_each(|(out, word)| *out |= word);
        }
        for Far { column, above, at } in &self.far {
            out[at.table as usize] |= u64::from(ranks[*column as usize] > *above) << at.bit;
        }
    }
}

/// What asks nothing.
const QUESTIONS: Questions = Questions { columns: [0; 64], above: [u8::MAX; 64] };

/// Tables in the making.
struct Making<'a> {
    normal: &'a Normal,
    tests: &'a [ByteTest],
    /// How many are made.
    tables: usize,
    far: Vec<Far>,
    /// Nodes that ask a set.
    sets: Vec<(ByteTest, At)>,
}

impl Making<'_> {
    fn tables(&mut self, adds: Option<&Sums>) -> Tables {
        let is_pair = |tree: &Tree| (tree.nodes as usize) < LEAVES;
        let trees = 0..self.normal.trees.len() as u32;
        if let Some(sums) = adds.filter(|sums| sums.leaf_width == 1 && sums.targets.is_empty()) {
            let is_f32 = sums.precision == Precision::F32;
            let value = |leaf: u32| sums.values[leaf as usize];
            let trees: Vec<u32> = trees.clone().collect();
            if self.normal.trees.iter().all(is_pair) {
                return match is_f32 {
                    true => Tables::Pairs32(self.pairs(&trees, |leaf| value(leaf) as f32)),
                    false => Tables::Pairs(self.pairs(&trees, value)),
                };
            }
            if self.normal.trees.iter().all(|tree| tree.depth <= LEVELS) {
                return match is_f32 {
                    true => Tables::Heaps32(self.heaps(&trees, |leaf| value(leaf) as f32)),
                    false => Tables::Heaps(self.heaps(&trees, value)),
                };
            }
        }
        let taken = trees.filter(|number| Answers::takes(&self.normal.trees[*number as usize]));
        let (small, other): (Vec<u32>, Vec<u32>) =
            taken.partition(|number| is_pair(&self.normal.trees[*number as usize]));
        Tables::Leaves(self.pairs(&small, |leaf| leaf), self.heaps(&other, |leaf| leaf))
    }

    fn pairs<L: Copy + Default>(&mut self, trees: &[u32], of: impl Fn(u32) -> L) -> Pairs<L> {
        let trees = trees.chunks(2).map(|trees| (trees[0], trees.get(1).copied())).collect();
        self.asks(trees, |making, (first, second), leaves| {
            let mut pair = Pair { questions: QUESTIONS, paths: [u32::MAX; 64] };
            for (half, number) in [Some(first), second].into_iter().flatten().enumerate() {
                let root = making.normal.trees[number as usize].root;
                making.fill(root, half * LEAVES, &mut pair, leaves, &of);
            }
            pair
        })
    }

    fn heaps<L: Copy + Default>(&mut self, trees: &[u32], of: impl Fn(u32) -> L) -> Heaps<L> {
        let trees = trees.iter().map(|tree| (*tree, None)).collect();
        self.asks(trees, |making, (tree, _), leaves| making.heap(tree, leaves, &of))
    }

    fn asks<Q, L: Copy + Default>(
        &mut self,
        trees: Box<[(u32, Option<u32>)]>,
        mut table: impl FnMut(&mut Self, (u32, Option<u32>), &mut [L; 64]) -> Q,
    ) -> Asks<Q, L> {
        let (mut tables, first) = (Vec::with_capacity(trees.len()), self.tables);
        let mut leaves = vec![Of([L::default(); 64]); trees.len()];
        for (trees, leaves) in trees.iter().zip(&mut leaves) {
            tables.push(table(self, *trees, &mut leaves.0));
            self.tables += 1;
        }
        Asks { tables: tables.into(), leaves: leaves.into(), trees, first }
    }

    /// Returns the columns of codes, and the answers of each code; nothing where they are too many.
    fn words(&self, ranks: &Ranks) -> Option<Words> {
        let (mut coded, mut count) = (Vec::new(), 0);
        for (column, codes) in ranks.codes() {
            coded.push(Coded { column, first: count });
            count += codes * self.tables;
        }
        if count > WORDS_MAX {
            return None;
        }
        let mut words = vec![0; count];
        for (test, at) in &self.sets {
            let set = test.set.expect("it asks one") as usize;
            let column = usize::from(test.column);
            let of = coded.iter().find(|of| of.column == column).expect("a set is asked for a code");
            for code in (0..ranks.codes_of(column)).filter(|code| is_right(&ranks.rights[set], *code as u8)) {
                words[of.first + code * self.tables + at.table as usize] |= 1 << at.bit;
            }
        }
        Some((coded.into(), words.into()))
    }

    /// Lets a bit be the answer of a node.
    fn ask(&mut self, questions: &mut Questions, bit: usize, node: u32) {
        let test = self.tests[node as usize];
        let ByteTest { column, above, set } = test;
        let at = At { table: self.tables as u32, bit: bit as u8 };
        if set.is_some() {
            self.sets.push((test, at));
        } else if (column as usize) < ROW_BYTES {
            questions.columns[bit] = column as u8;
            questions.above[bit] = above;
        } else {
            self.far.push(Far { column, above, at });
        }
    }

    /// Returns a tree as a heap. Below a leaf nothing sends right, so a row stays on the left to the last level.
    fn heap<L: Copy>(&mut self, tree: u32, leaves: &mut [L; 64], of: impl Fn(u32) -> L) -> Questions {
        let mut questions = QUESTIONS;
        let mut stack = vec![(self.normal.trees[tree as usize].root, 1usize)];
        while let Some((at, mut place)) = stack.pop() {
            if at & LEAF != 0 {
                while place < 64 {
                    place *= 2;
                }
                leaves[place - 64] = of(at & !LEAF);
            } else {
                self.ask(&mut questions, bit(place), at);
                let node = self.normal.nodes[at as usize];
                stack.extend([(node.left, 2 * place), (node.right, 2 * place + 1)]);
            }
        }
        questions
    }

    /// Fills in a tree from `first` on.
    fn fill<L: Copy>(&mut self, root: u32, first: usize, pair: &mut Pair, leaves: &mut [L; 64], of: impl Fn(u32) -> L) {
        let mut leaf = 0;
        let mut stack = vec![Visit::Enter(root)];
        let mut path: Vec<Step> = Vec::new();
        while let Some(visit) = stack.pop() {
            match visit {
                Visit::Enter(at) if at & LEAF != 0 => {
                    leaves[first + leaf] = of(at & !LEAF);
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

/// Returns the bit of a heap's node: of the first three levels as they come, then subtree after subtree.
fn bit(place: usize) -> usize {
    let level = place.ilog2();
    if level < 3 {
        return place - 1;
    }
    let (subtree, level) = (place >> (level - 3), level - 3);
    let within = 1 << level | place & ((1 << level) - 1);
    (subtree - 7) * 7 + within - 1
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
