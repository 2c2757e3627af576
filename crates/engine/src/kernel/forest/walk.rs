//! Walks side by side: while one waits for its node, the others go on.

use super::{
    layout::{Group, Layout, Node, SET},
    sum::Sink,
};

/// Rows that walk one tree side by side.
pub const LANES: usize = 16;

impl Layout {
    /// Walks each row alone, down many trees side by side.
    pub fn walk_rows(&self, cells: &[u64], rows: &[u32], sink: &mut Sink<'_>) {
        for (cells, &row) in cells.chunks_exact(self.row_cells()).zip(rows) {
            let place = sink.place(0, row);
            let leaves = &mut sink.leaves[place..place + sink.sums.trees];
            if self.has_sets {
                self.walk_row::<true>(cells, leaves)
            } else {
                self.walk_row::<false>(cells, leaves)
            }
            sink.sum(row, place);
        }
    }

    fn walk_row<const SETS: bool>(&self, cells: &[u64], leaves: &mut [u32]) {
        for group in &self.groups {
            match group.trees {
                16 => self.walk_trees::<16, SETS>(group, cells, leaves),
                8 => self.walk_trees::<8, SETS>(group, cells, leaves),
                4 => self.walk_trees::<4, SETS>(group, cells, leaves),
                _ => self.walk_trees::<1, SETS>(group, cells, leaves),
            }
        }
    }

    fn walk_trees<const N: usize, const SETS: bool>(&self, group: &Group, cells: &[u64], leaves: &mut [u32]) {
        let trees: &[u32; N] = self.order[group.first..].first_chunk().expect("a group is of so many trees");
        let roots = trees.map(|tree| self.trees[tree as usize].0);
        let reached = self.descend::<N, 1, SETS>(roots, group.depth, cells);
        for (tree, at) in trees.iter().zip(reached) {
            leaves[*tree as usize] = self.leaf(at);
        }
    }

    /// Walks many rows side by side, down one tree after the other.
    pub fn walk_tile(&self, cells: &[u64], rows: &[u32], sink: &mut Sink<'_>) {
        for tree in 0..self.trees.len() {
            if self.has_sets {
                self.walk_tree::<true>(tree, cells, rows, sink);
            } else {
                self.walk_tree::<false>(tree, cells, rows, sink);
            }
        }
    }

    fn walk_tree<const SETS: bool>(&self, tree: usize, cells: &[u64], rows: &[u32], sink: &mut Sink<'_>) {
        let (root, depth) = self.trees[tree];
        for (cells, rows) in cells.chunks_exact(LANES * self.row_cells()).zip(rows.chunks(LANES)) {
            let reached = self.descend::<LANES, LANES, SETS>([root; LANES], depth, cells);
            for (at, &row) in reached.iter().zip(rows) {
                sink.put(row as usize, tree, self.leaf(*at));
            }
        }
    }

    /// Returns where so many steps lead from these roots. Lane by lane the cells are those of one row (`STRIDE` 1), or of as many
    /// rows as there are lanes, interleaved. Asks every fourth step whether all have reached their leaves.
    #[inline(always)]
    fn descend<const N: usize, const STRIDE: usize, const SETS: bool>(
        &self,
        roots: [u32; N],
        depth: usize,
        cells: &[u64],
    ) -> [u32; N] {
        const UNASKED: usize = 3;
        assert_eq!(cells.len(), STRIDE * self.row_cells(), "the cells of so many rows");
        let mut at = roots;
        let mut left = depth;
        while left > 0 {
            let steps = left.min(UNASKED);
            for _ in 0..steps {
                for (lane, at) in at.iter_mut().enumerate() {
                    *at = self.next::<STRIDE, SETS>(*at, cells, lane);
                }
            }
            left -= steps;
            if left == 0 {
                break;
            }
            let mut moved = 0;
            for (lane, at) in at.iter_mut().enumerate() {
                let next = self.next::<STRIDE, SETS>(*at, cells, lane);
                moved |= next ^ *at;
                *at = next;
            }
            left -= 1;
            if moved == 0 {
                break;
            }
        }
        at
    }

    /// Returns the node after this one. Unchecked, a row takes two thirds of the time.
    #[allow(unsafe_code)]
    #[inline(always)]
    fn next<const STRIDE: usize, const SETS: bool>(&self, at: u32, cells: &[u64], lane: usize) -> u32 {
        debug_assert!((at as usize) < self.nodes.len() && cells.len() == STRIDE * self.row_cells());
        // SAFETY: `descend`, the only caller, begins at roots and goes on at what this returns: a node's child or the one
        // after it. `Layout::new` asserts that roots, children and those after them are nodes, whatever the cells hold.
        let node = unsafe { *self.nodes.get_unchecked(at as usize) };
        let place = (node.slot & !SET) as usize * STRIDE + lane % STRIDE;
        // SAFETY: `Layout::new` asserts that slots are below `row_cells`, so the place is below `row_cells * STRIDE`, and
        // `descend` asserts that there are so many cells.
        let x = unsafe { *cells.get_unchecked(place) };
        step::<SETS>(node, x)
    }

    #[inline]
    fn leaf(&self, at: u32) -> u32 {
        self.nodes[at as usize].test as u32
    }
}

/// Returns the node after this one, whose cell holds `x`.
#[inline(always)]
fn step<const SETS: bool>(node: Node, x: u64) -> u32 {
    let is_above = u32::from(x as i64 > node.test as i64);
    if !SETS {
        return node.child + is_above;
    }
    let is_out = u32::from(node.test & x == 0);
    let by_set = node.slot >> 31;
    // Chosen by a shift: of a condition the compiler makes a branch, which takes four times as long.
    node.child + ((is_out << 1 | is_above) >> by_set & 1)
}
