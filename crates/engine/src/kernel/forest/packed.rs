//! Walks on ranks: a node is four bytes, so that large forests stay in the second cache.
//!
//! A node has its child (the left one; the right one follows), its byte column, and the rank that it sends right if a row's is above.
//! Trees are laid out breadth first; a leaf leads to itself. One row walks many trees side by side: while one tree waits for its node,
//! the others go on.

use super::{
    normal::{LEAF, Normal},
    ranks::{ByteTest, ROW_BYTES},
};

/// Most nodes and leaves of a tree: a child is two bytes.
const TREE_MAX: usize = 1 << 16;

pub struct Packed {
    /// Closed, see [`Packed::assert_closed`]; nothing changes them later.
    nodes: Box<[u32]>,
    /// Of each node: the leaf of the forest that it is, where it is one.
    leaves: Box<[u32]>,
    trees: Box<[Tree]>,
    groups: Box<[Group]>,
}

#[derive(Clone, Copy, Debug)]
struct Tree {
    /// Its place in the forest.
    number: u32,
    /// Its first node.
    first: u32,
    depth: u32,
}

/// Trees that one row walks side by side.
#[derive(Clone, Copy, Debug)]
struct Group {
    first: usize,
    trees: usize,
    depth: u32,
}

impl Packed {
    /// Returns the layout of those trees that `takes` says; nothing where a tree or the columns are too many for its bytes.
    pub fn new(normal: &Normal, tests: &[ByteTest], takes: impl Fn(usize) -> bool) -> Option<Packed> {
        let (mut nodes, mut leaves, mut trees) = (Vec::new(), Vec::new(), Vec::new());
        let mut ids: Vec<u32> = Vec::new();
        for (number, tree) in normal.trees.iter().enumerate().filter(|(number, _)| takes(*number)) {
            let first = nodes.len();
            trees.push(Tree { number: number as u32, first: u32::try_from(first).ok()?, depth: tree.depth });
            ids.clear();
            ids.push(tree.root);
            while let Some(&id) = ids.get(nodes.len() - first) {
                let itself = nodes.len() - first;
                if id & LEAF != 0 {
                    nodes.push(pack(itself, 0, u8::MAX));
                    leaves.push(id & !LEAF);
                } else {
                    let ByteTest { column, above } = tests[id as usize];
                    nodes.push(pack(ids.len(), u8::try_from(column).ok()?, above));
                    leaves.push(0);
                    let node = normal.nodes[id as usize];
                    ids.extend([node.left, node.right]);
                }
                if ids.len() > TREE_MAX {
                    return None;
                }
            }
        }
        // Those that walk side by side are done together.
        trees.sort_by_key(|tree| tree.depth);
        let packed = Packed { groups: group(&trees), nodes: nodes.into(), leaves: leaves.into(), trees: trees.into() };
        packed.assert_closed();
        Some(packed)
    }

    /// What walks without checks rely on: every node's children are nodes of its tree; a leaf's is itself, and no rank is above its.
    fn assert_closed(&self) {
        let mut firsts: Vec<usize> = self.trees.iter().map(|tree| tree.first as usize).collect();
        firsts.push(self.nodes.len());
        firsts.sort_unstable();
        for range in firsts.windows(2) {
            for node in &self.nodes[range[0]..range[1]] {
                let goes_right = usize::from(*node >> 24 != u32::from(u8::MAX));
                assert!(range[0] + (*node & 0xffff) as usize + goes_right < range[1], "children are nodes of the tree");
            }
        }
    }

    pub fn trees(&self) -> usize {
        self.trees.len()
    }

    /// Finds the leaf that a row reaches in every tree.
    pub fn row(&self, ranks: &[u8; ROW_BYTES], leaves: &mut [u32]) {
        for group in &self.groups {
            match group.trees {
                16 => self.walk::<16>(group, ranks, leaves),
                8 => self.walk::<8>(group, ranks, leaves),
                4 => self.walk::<4>(group, ranks, leaves),
                _ => self.walk::<1>(group, ranks, leaves),
            }
        }
    }

    #[inline(always)]
    fn walk<const N: usize>(&self, group: &Group, ranks: &[u8; ROW_BYTES], leaves: &mut [u32]) {
        let trees: &[Tree; N] = self.trees[group.first..].first_chunk().expect("a group is of so many trees");
        let first = trees.map(|tree| tree.first);
        let mut at = [0u32; N];
        let mut left = group.depth;
        while left > 0 {
            // Whether all have reached their leaves is asked every fourth step.
            let steps = left.min(3);
            for _ in 0..steps {
                (0..N).for_each(|lane| at[lane] = self.next(first[lane], at[lane], ranks));
            }
            left -= steps;
            if left == 0 {
                break;
            }
            let mut moved = 0;
            for lane in 0..N {
                let next = self.next(first[lane], at[lane], ranks);
                moved |= next ^ at[lane];
                at[lane] = next;
            }
            left -= 1;
            if moved == 0 {
                break;
            }
        }
        for (tree, at) in trees.iter().zip(at) {
            leaves[tree.number as usize] = self.leaves[(tree.first + at) as usize];
        }
    }

    /// Returns the node after this one, both counted in their tree.
    #[allow(unsafe_code)]
    #[inline(always)]
    fn next(&self, first: u32, at: u32, ranks: &[u8; ROW_BYTES]) -> u32 {
        debug_assert!(((first + at) as usize) < self.nodes.len());
        // SAFETY: `walk`, the only caller, begins at a tree's first node and goes on at what this returns: a node's child, or the
        // one after it where a rank is above the node's, so that node's rank is not 255. `assert_closed` says that both are nodes of the tree.
        let node = unsafe { *self.nodes.get_unchecked((first + at) as usize) };
        let rank = ranks[(node >> 16 & 0xff) as usize];
        (node & 0xffff) + u32::from(u32::from(rank) > node >> 24)
    }
}

fn pack(child: usize, column: u8, above: u8) -> u32 {
    child as u32 & 0xffff | u32::from(column) << 16 | u32::from(above) << 24
}

/// Cuts the trees into groups of 16, 8, 4 and 1.
fn group(trees: &[Tree]) -> Box<[Group]> {
    let mut groups = Vec::new();
    let mut first = 0;
    while first < trees.len() {
        let left = trees.len() - first;
        let count = [16, 8, 4].into_iter().find(|&n| n <= left).unwrap_or(1);
        groups.push(Group { first, trees: count, depth: trees[first + count - 1].depth });
        first += count;
    }
    groups.into()
}
