//! Every node of a tree for many rows at once, without a walk: a row is a lane, its place in the tree a byte.
//!
//! Nodes come in pre-order. A row's byte is the leftmost leaf of the subtree it is in, so it is at a node exactly where its
//! byte is the node's leftmost leaf; where its rank is above the node's, the byte becomes the leftmost leaf of the right
//! child. Three steps a node, for as many rows as a register has bytes, whatever the data. A tree of more than 256 leaves is cut into
//! pages: subtrees of at most 256 leaves and exits to other pages, all of them worked out for all rows; or only its first levels are a
//! page, and rows walk on from there ([`super::tops`]). Nodes that ask a set for a code look at a byte made for the page alone
//! ([`super::sides`]), which stands behind those of the rows.

use std::ops::Range;

use super::{
    codes::{NARROW, Rights},
    normal::{LEAF, Normal},
    ranks::{ByteTest, Ranks},
    tops::Tops,
};

/// Rows of a block; their bytes and sums stay in the first cache.
pub const BLOCK_ROWS: usize = 256;

/// Rows that are worked on together.
pub const LANES: usize = 64;

/// Leaves and exits of a page: the values of a byte.
const EXITS_MAX: usize = 256;

/// A node, its bytes repeated so that a register is filled by a load.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(16))]
pub struct Node {
    pub column: u32,
    pub above: [u8; 4],
    /// The leftmost leaf of the node and of its right child, counted in the page.
    pub here: [u8; 4],
    pub right: [u8; 4],
}

/// A set that a node asks for a code.
#[derive(Clone, Debug)]
pub struct Side {
    /// The code's column.
    pub column: u32,
    /// Whether codes are so few that they have their bits in one word.
    pub is_narrow: bool,
    pub rights: Rights,
}

/// A part of a tree.
#[derive(Clone, Debug)]
pub struct Page {
    pub nodes: Range<u32>,
    /// What its nodes look at in the columns after those of a row.
    pub sides: Range<u32>,
    /// Where its leaves' places begin in [`Dense::exits`].
    pub exits: Range<u32>,
}

#[derive(Clone, Debug)]
pub struct Tree {
    /// The page of the root, and those that it leads to.
    pub pages: Range<u32>,
}

/// Tells exits to pages in [`Dense::exits`].
pub const PAGE: u32 = 1 << 31;

/// Trees by pages. Closed, see [`Dense::assert_closed`]; nothing changes it later.
pub struct Dense {
    pub(super) nodes: Box<[Node]>,
    pub(super) pages: Box<[Page]>,
    pub(super) trees: Box<[Tree]>,
    /// Of each leaf of a page: the forest's leaf, or a page with [`PAGE`].
    pub(super) exits: Box<[u32]>,
    pub(super) sides: Box<[Side]>,
    /// Bytes of a row.
    pub(super) columns: usize,
    /// Most sides of a page.
    sides_max: usize,
}

impl Dense {
    pub fn new(normal: &Normal, tops: &Tops, tests: &[ByteTest], ranks: &Ranks) -> Dense {
        let parts = Parts::default();
        let is_cut = (0..normal.nodes.len()).map(|node| !tops.is_compared(node)).collect();
        let mut making = Making { normal, tests, ranks, is_cut, parts };
        if !tops.any() {
            making.cut();
        }
        let mut trees = Vec::with_capacity(normal.trees.len());
        for (number, tree) in normal.trees.iter().enumerate() {
            let first = making.parts.pages.len() as u32;
            match tops.is_deep(number) {
                true => making.page(tree.root, 0, &mut Vec::new()),
                false => making.tree(tree.root),
            }
            trees.push(Tree { pages: first..making.parts.pages.len() as u32 });
        }
        let Parts { nodes, pages, exits, sides } = making.parts;
        let dense = Dense {
            sides_max: pages.iter().map(|page| page.sides.len()).max().unwrap_or(0),
            nodes: nodes.into(),
            pages: pages.into(),
            trees: trees.into(),
            exits: exits.into(),
            sides: sides.into(),
            columns: ranks.bytes,
        };
        dense.assert_closed();
        dense
    }

    /// Returns the columns that there must be room for: those of a row, and sides.
    pub fn columns_room(&self) -> usize {
        self.columns + self.sides_max
    }

    /// What steps without checks rely on: columns are those that there is room for, and whatever byte a row may have is an exit of its page.
    fn assert_closed(&self) {
        for page in &self.pages {
            let exits = page.exits.len();
            assert!(0 < exits && exits <= EXITS_MAX && page.exits.end as usize <= self.exits.len(), "a page has exits");
            for node in &self.nodes[page.nodes.start as usize..page.nodes.end as usize] {
                assert!((node.column as usize) < self.columns_room(), "columns are those of a row, or sides");
                assert!((node.here[0] as usize) < exits && (node.right[0] as usize) < exits, "bytes are exits");
            }
        }
    }

    pub(super) fn nodes_of(&self, page: &Page) -> &[Node] {
        &self.nodes[page.nodes.start as usize..page.nodes.end as usize]
    }

    pub(super) fn exits_of(&self, page: &Page) -> &[u32] {
        &self.exits[page.exits.start as usize..page.exits.end as usize]
    }
}

#[derive(Default)]
struct Parts {
    nodes: Vec<Node>,
    pages: Vec<Page>,
    exits: Vec<u32>,
    sides: Vec<Side>,
}

struct Making<'a> {
    normal: &'a Normal,
    tests: &'a [ByteTest],
    ranks: &'a Ranks,
    /// Of each node: whether a page begins there.
    is_cut: Vec<bool>,
    parts: Parts,
}

impl Making<'_> {
    /// Finds where pages begin: from the leaves up, wherever a subtree has too many exits, its larger branch becomes a page.
    fn cut(&mut self) {
        let nodes = &self.normal.nodes;
        let mut exits = vec![0usize; nodes.len()];
        for (at, node) in nodes.iter().enumerate().rev() {
            let of = |child: u32, exits: &[usize]| if child & LEAF != 0 { 1 } else { exits[child as usize] };
            loop {
                let (left, right) = (of(node.left, &exits), of(node.right, &exits));
                exits[at] = left + right;
                if exits[at] <= EXITS_MAX {
                    break;
                }
                let larger = if left >= right { node.left } else { node.right } as usize;
                self.is_cut[larger] = true;
                exits[larger] = 1;
            }
        }
    }

    /// Adds the pages of a tree, every one after the one that leads to it.
    fn tree(&mut self, root: u32) {
        let first = self.parts.pages.len();
        let mut roots = vec![root];
        let mut done = 0;
        while let Some(&root) = roots.get(done) {
            done += 1;
            self.page(root, first, &mut roots);
        }
    }

    fn page(&mut self, root: u32, first_page: usize, roots: &mut Vec<u32>) {
        let (first_node, first_exit) = (self.parts.nodes.len(), self.parts.exits.len());
        let first_side = self.parts.sides.len();
        // A node to visit, and the one whose right child it is.
        let mut stack = vec![(root, None::<usize>)];
        while let Some((at, right_of)) = stack.pop() {
            let leftmost = (self.parts.exits.len() - first_exit) as u8;
            if let Some(parent) = right_of {
                self.parts.nodes[parent].right = [leftmost; 4];
            }
            if at & LEAF != 0 {
                self.parts.exits.push(at & !LEAF);
            } else if at != root && self.is_cut[at as usize] {
                self.parts.exits.push((first_page + roots.len()) as u32 | PAGE);
                roots.push(at);
            } else {
                let ByteTest { column, above, set } = self.tests[at as usize];
                let mut column = u32::from(column);
                if let Some(set) = set {
                    let side = self.parts.sides.len() - first_side;
                    let is_narrow = self.ranks.codes_of(column as usize) <= NARROW;
                    self.parts.sides.push(Side { column, is_narrow, rights: self.ranks.rights[set as usize] });
                    column = (self.ranks.bytes + side) as u32;
                }
                let number = self.parts.nodes.len();
                let node = Node { column, above: [above; 4], here: [leftmost; 4], right: [0; 4] };
                self.parts.nodes.push(node);
                let node = self.normal.nodes[at as usize];
                stack.push((node.right, Some(number)));
                stack.push((node.left, None));
            }
        }
        self.parts.pages.push(Page {
            nodes: first_node as u32..self.parts.nodes.len() as u32,
            sides: first_side as u32..self.parts.sides.len() as u32,
            exits: first_exit as u32..self.parts.exits.len() as u32,
        });
    }
}

impl Dense {
    /// Works out the exits of a page for rows whose bytes lie column after column, `rows` each. Plain code that a compiler makes vectors
    /// of, for whatever it may assume of the processor.
    // Indices, not iterators side by side: those are calls where the processor's instructions are not known.
    #[allow(clippy::needless_range_loop)]
    #[inline(always)]
    pub(super) fn page_exits(&self, page: &Page, ranks: &[u8], rows: usize, exits: &mut [u8; BLOCK_ROWS]) {
        for start in (0..rows).step_by(LANES) {
            let mut states = [0u8; LANES];
            for node in self.nodes_of(page) {
                let from = node.column as usize * rows + start;
                let ranks: &[u8; LANES] = ranks[from..].first_chunk().expect("ranks are whole lanes");
                let (above, here, change) = (node.above[0], node.here[0], node.here[0] ^ node.right[0]);
                for i in 0..LANES {
                    let moves = (states[i] == here) & (ranks[i] > above);
                    states[i] ^= 0u8.wrapping_sub(u8::from(moves)) & change;
                }
            }
            exits[start..start + LANES].copy_from_slice(&states);
        }
    }
}
