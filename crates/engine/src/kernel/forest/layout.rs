//! A forest laid out for walks without branches.
//!
//! Nodes are 16 bytes, tree after tree, each breadth first, so that the upper levels lie together and two children side by
//! side: a step is `child + (not left)`. A leaf leads to itself: it looks at a cell that is always 0 and stays left, so a walk
//! takes a fixed number of steps. Of a row only the features that some node looks at are gathered, a cell each: numbers as
//! integers of the same order, which compare faster; a category as one bit, and its node has the bits that go left.

use model::column::Row;
use plan::{Forest, ForestSplit};

/// Marks a node whose test is a set of categories, in its slot.
pub const SET: u32 = 1 << 31;

/// The bit of a value that is none of the categories 0 to 62.
const OTHER: u32 = 63;

#[derive(Clone, Copy, Debug)]
#[repr(C, align(16))]
pub struct Node {
    /// The threshold's [`key`]; or the bits of the categories that go left; of a leaf, its number.
    pub test: u64,
    /// The cell it looks at, and whether that is by categories ([`SET`]).
    pub slot: u32,
    /// The left child; the right one follows it. Of a leaf, itself.
    pub child: u32,
}

/// Trees that one row walks side by side.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// Their place in [`Layout::order`].
    pub first: usize,
    pub trees: usize,
    pub depth: usize,
}

/// A gathered feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Slot {
    feature: u32,
    is_set: bool,
}

pub struct Layout {
    /// Closed, see [`Layout::assert_closed`]; nothing changes them later.
    pub(super) nodes: Box<[Node]>,
    /// Of each tree: its root and the steps to its deepest leaf.
    pub(super) trees: Box<[(u32, usize)]>,
    /// The trees by depth, cut into groups.
    pub(super) order: Box<[u32]>,
    pub(super) groups: Box<[Group]>,
    /// The last cell of a row, after those of these slots, is 0.
    slots: Box<[Slot]>,
    pub(super) has_sets: bool,
}

impl Layout {
    /// Returns the layout; nothing where the plain walk does less, or a set holds a category above 62.
    pub fn new(forest: &Forest) -> Option<Layout> {
        let fits = |set: &[u64]| set.iter().enumerate().all(|(i, word)| i == 0 && word >> OTHER == 0 || *word == 0);
        if !forest.sets.iter().all(|set| fits(set)) {
            return None;
        }
        let is_set = |split: &ForestSplit| matches!(split, ForestSplit::Set { .. });
        let slot_of = |node: usize| Slot { feature: forest.feature[node], is_set: is_set(&forest.split[node]) };
        let mut slots: Vec<Slot> = (0..forest.split.len()).map(slot_of).collect();
        slots.sort_unstable();
        slots.dedup();
        let depths: Vec<usize> = (0..forest.trees()).map(|tree| forest.depth(tree)).collect();
        // To gather a feature costs an eighth of a plain step.
        if slots.len() > 8 * depths.iter().sum::<usize>() {
            return None;
        }

        let inner = forest.split.len();
        let mut nodes: Vec<Node> = Vec::with_capacity(inner + forest.leaf_numbers.len());
        let mut ids: Vec<usize> = Vec::with_capacity(nodes.capacity());
        let mut roots = Vec::with_capacity(forest.trees());
        for &root in &forest.roots {
            roots.push(ids.len() as u32);
            ids.push(root as usize);
            while let Some(&id) = ids.get(nodes.len()) {
                if id >= inner {
                    let itself = nodes.len() as u32;
                    nodes.push(Node { test: (id - inner) as u64, slot: slots.len() as u32, child: itself });
                    continue;
                }
                let slot = slots.binary_search(&slot_of(id)).expect("every node's slot is among them") as u32;
                let (test, flag) = match forest.split[id] {
                    ForestSplit::Threshold(threshold) if threshold.is_nan() => (i64::MIN as u64, 0),
                    ForestSplit::Threshold(threshold) => (key(threshold), 0),
                    ForestSplit::Set { set, left_if_in } => {
                        let members = forest.sets[set as usize].first().copied().unwrap_or(0);
                        (if left_if_in { members } else { !members }, SET)
                    }
                };
                nodes.push(Node { test, slot: slot | flag, child: ids.len() as u32 });
                ids.extend([forest.left[id] as usize, forest.right[id] as usize]);
            }
        }
        // So that the one after the last leaf is a node too; no row comes here.
        nodes.push(Node { test: 0, slot: slots.len() as u32, child: 0 });
        let (order, groups) = group(&depths);
        let layout = Layout {
            nodes: nodes.into(),
            trees: roots.into_iter().zip(depths).collect(),
            order,
            groups,
            has_sets: slots.iter().any(|slot| slot.is_set),
            slots: slots.into(),
        };
        layout.assert_closed();
        Some(layout)
    }

    /// What walks without checks rely on: roots, children and those after them are nodes, slots are cells of a row.
    fn assert_closed(&self) {
        let is_node = |at: u32| (at as usize) < self.nodes.len();
        assert!(self.trees.iter().all(|(root, _)| is_node(*root)), "roots are nodes");
        for node in &self.nodes {
            assert!(is_node(node.child) && is_node(node.child + 1), "children are nodes");
            assert!(((node.slot & !SET) as usize) < self.row_cells(), "slots are cells");
        }
    }

    /// Returns the fewest elements of a vector that holds every feature looked at.
    pub fn features_min(&self) -> usize {
        self.slots.last().map_or(0, |slot| slot.feature as usize + 1)
    }

    /// Returns the cells of a row.
    pub fn row_cells(&self) -> usize {
        self.slots.len() + 1
    }

    /// Makes room for so many rows, in whole groups of lanes.
    pub fn reserve(&self, cells: &mut Vec<u64>, rows: usize) {
        cells.resize(rows.next_multiple_of(super::walk::LANES) * self.row_cells(), 0);
    }

    /// Gathers a row's cells: one after the other, or, where rows walk side by side, those of a group's lanes interleaved.
    pub fn gather(&self, features: Row<'_>, cells: &mut [u64], lane: usize, side_by_side: bool) {
        let lanes = super::walk::LANES;
        let (base, step) = match side_by_side {
            true => (lane / lanes * lanes * self.row_cells() + lane % lanes, lanes),
            false => (lane * self.row_cells(), 1),
        };
        let mut cells = cells[base..].iter_mut().step_by(step);
        match features {
            Row::Dense(values) => {
                for (slot, cell) in self.slots.iter().zip(&mut cells) {
                    *cell = slot.cell(values[slot.feature as usize]);
                }
            }
            Row::Sparse { indices, values, .. } => {
                let mut at = 0;
                for (slot, cell) in self.slots.iter().zip(&mut cells) {
                    at += indices[at..].partition_point(|&i| i < slot.feature);
                    let stored = indices.get(at).is_some_and(|&i| i == slot.feature);
                    *cell = slot.cell(if stored { values[at] } else { 0.0 });
                }
            }
        }
        *cells.next().expect("a row has one more cell than slots") = 0;
    }
}

impl Slot {
    #[inline]
    fn cell(self, x: f64) -> u64 {
        if !self.is_set {
            return key(x);
        }
        let category = x as u64;
        let is_one = category < u64::from(OTHER) && category as f64 == x;
        1 << if is_one { category } else { u64::from(OTHER) }
    }
}

/// Returns an integer (an `i64` by its bits) that compares as the number does; NaN is above all.
#[inline]
fn key(x: f64) -> u64 {
    if x.is_nan() {
        return i64::MAX as u64;
    }
    // So that -0 is 0.
    let bits = (x + 0.0).to_bits();
    if bits >> 63 == 0 { bits } else { bits ^ i64::MAX as u64 }
}

/// Orders trees by depth, so that those that walk side by side are done together, and cuts them into groups of 16, 8, 4 and 1.
fn group(depths: &[usize]) -> (Box<[u32]>, Box<[Group]>) {
    let mut order: Vec<u32> = (0..depths.len() as u32).collect();
    order.sort_by_key(|&tree| depths[tree as usize]);
    let mut groups = Vec::new();
    let mut first = 0;
    while first < order.len() {
        let left = order.len() - first;
        let trees = [16, 8, 4].into_iter().find(|&n| n <= left).unwrap_or(1);
        let depth = depths[order[first + trees - 1] as usize];
        groups.push(Group { first, trees, depth });
        first += trees;
    }
    (order.into(), groups.into())
}
