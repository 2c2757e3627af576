//! A forest laid out for walks without branches.
//!
//! Nodes are 16 bytes, tree after tree, each breadth first, so that the upper levels lie together and two children side by
//! side: a step is `child + (not left)`. A leaf leads to itself: it looks at a cell that is always 0 and stays left, so a walk
//! takes a fixed number of steps. Of a row only the features that some node looks at are gathered, a cell each: numbers as
//! integers of the same order, which compare faster; a category as one bit, and its node has the bits that go left.

use model::column::Row;

use super::normal::{Category, Column, Kind, LEAF, Normal, Rules, Test};

/// Marks a node whose test is a set of categories, in its slot.
pub const SET: u32 = 1 << 31;

/// The bit of a value that is none of the categories 0 to 61.
const OTHER: u32 = 63;

/// The bit of a missing value.
const MISSING: u32 = 62;

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

pub struct Layout {
    /// Closed, see [`Layout::assert_closed`]; nothing changes them later.
    pub(super) nodes: Box<[Node]>,
    /// Of each tree: its root and the steps to its deepest leaf.
    pub(super) trees: Box<[(u32, usize)]>,
    /// The trees by depth, cut into groups.
    pub(super) order: Box<[u32]>,
    pub(super) groups: Box<[Group]>,
    /// By feature. The last cell of a row, after those of these slots, is 0.
    slots: Box<[Column]>,
    rules: Rules,
    pub(super) has_sets: bool,
}

impl Layout {
    /// Returns the layout; nothing where the plain walk does less, or a set holds a category above 61.
    pub fn new(normal: &Normal) -> Option<Layout> {
        if normal.sets.iter().any(|set| set.categories() > MISSING) {
            return None;
        }
        let depths: Vec<usize> = normal.trees.iter().map(|tree| tree.depth as usize).collect();
        // To gather a feature costs an eighth of a plain step.
        if normal.columns.len() > 8 * depths.iter().sum::<usize>() {
            return None;
        }
        let mut slots = normal.columns.clone();
        slots.sort_unstable();
        let slot_of = |column: &Column| slots.binary_search(column).expect("every column is a slot") as u32;
        let slot_of: Vec<u32> = normal.columns.iter().map(slot_of).collect();

        let mut nodes: Vec<Node> = Vec::with_capacity(2 * normal.nodes.len() + normal.trees.len() + 1);
        let mut ids: Vec<u32> = Vec::with_capacity(nodes.capacity());
        let mut roots = Vec::with_capacity(normal.trees.len());
        for tree in &normal.trees {
            roots.push(ids.len() as u32);
            ids.push(tree.root);
            while let Some(&id) = ids.get(nodes.len()) {
                if id & LEAF != 0 {
                    let itself = nodes.len() as u32;
                    nodes.push(Node { test: u64::from(id & !LEAF), slot: slots.len() as u32, child: itself });
                    continue;
                }
                let node = normal.nodes[id as usize];
                let (test, flag) = match node.test {
                    Test::AtMost(threshold) => (key(threshold), 0),
                    Test::Set(set) => (normal.lefts(set), SET),
                };
                nodes.push(Node { test, slot: slot_of[node.column as usize] | flag, child: ids.len() as u32 });
                ids.extend([node.left, node.right]);
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
            has_sets: slots.iter().any(|slot| slot.kind == Kind::Category),
            slots: slots.into(),
            rules: normal.rules,
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
                    *cell = cell_of(&self.rules, slot, values[slot.feature as usize]);
                }
            }
            Row::Sparse { indices, values, .. } => {
                let mut at = 0;
                for (slot, cell) in self.slots.iter().zip(&mut cells) {
                    at += indices[at..].partition_point(|&i| i < slot.feature);
                    let stored = indices.get(at).is_some_and(|&i| i == slot.feature);
                    *cell = cell_of(&self.rules, slot, if stored { values[at] } else { 0.0 });
                }
            }
        }
        *cells.next().expect("a row has one more cell than slots") = 0;
    }
}

impl Normal {
    /// Returns the bits of the values that a set sends left.
    fn lefts(&self, set: u32) -> u64 {
        let set = &self.sets[set as usize];
        let bit = |at: u32, category| u64::from(set.is_left(category)) << at;
        let known = (0..MISSING).fold(0, |bits, c| bits | bit(c, Category::Known(c)));
        known | bit(MISSING, Category::Missing) | bit(OTHER, Category::Other)
    }
}

#[inline]
fn cell_of(rules: &Rules, column: &Column, x: f64) -> u64 {
    match column.kind {
        Kind::Number { missing_left } => match rules.is_missing(column, x) {
            true if missing_left => i64::MIN as u64,
            true => i64::MAX as u64,
            false => key(x),
        },
        Kind::Category => {
            1 << match rules.category(column, x) {
                Category::Known(c) => {
                    if c < MISSING {
                        c
                    } else {
                        OTHER
                    }
                }
                Category::Missing => MISSING,
                Category::Other => OTHER,
            }
        }
    }
}

/// Returns an integer (an `i64` by its bits) that compares as the number does.
#[inline]
fn key(x: f64) -> u64 {
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
