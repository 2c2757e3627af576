//! Walks on nodes of four or eight bytes, so that large forests stay in the second cache.
//!
//! A node has its child (the left one; the right one follows it), the cell of a row that it looks at, and what it sends right if that
//! is above: in four bytes cells are ranks ([`super::ranks`]), in eight they are float32 as ordered integers ([`super::keys`]), for forests with
//! so many thresholds that ranks would take longer than the walk. Trees are laid out breadth first; a leaf leads to itself. One row
//! walks many trees side by side: while one tree waits for its node, the others go on. Of a tree whose first levels are worked out
//! for many rows at once ([`super::tops`]) the exits of those come before the root, in their order: rows walk on from there.

use super::{
    normal::{LEAF, Normal, Tree as NormalTree},
    ranks::{ROW_BYTES, SIDE_BYTES},
    tops::{LEVELS, Tops},
};

/// Cells of a row that a node of eight bytes can name.
pub const ROW_KEYS: usize = 1 << 10;

/// Bits of such a node's child.
pub const CHILD_BITS: u32 = 22;

/// A node of so many bytes.
pub trait Node: Copy {
    type Cell: Copy;
    /// A row's cells: as many as a node can name.
    type Cells;
    /// Most nodes and leaves of a tree.
    const TREE_MAX: usize;

    /// Returns a node whose children are here and after; nothing where it has no room for the column.
    fn inner(child: usize, column: u16, above: i32) -> Option<Self>;

    /// Returns a leaf that leads to itself, whatever a row has.
    fn leaf(itself: usize, leaf: u32, never: u16) -> Self;

    /// Returns the node after it.
    fn next(self, cell: impl Fn(usize) -> Self::Cell) -> u32;

    /// Returns a cell of a row; every column that a node can name is one.
    fn cell(cells: &Self::Cells, column: usize) -> Self::Cell;

    /// Returns the furthest node that it may lead to.
    fn furthest(self, never: u32) -> u32;

    /// Whether a leaf's number is in the node; otherwise it stands aside.
    const HAS_LEAF: bool;

    /// Returns that number.
    fn number(self) -> u32;

    /// Returns the column that it looks at.
    fn column(self) -> u32;
}

/// On ranks: `CHILD` bits of the child, as many of the column as name `COLUMNS`, 8 of the rank that it sends right if a row's is above.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct OnRanks<const CHILD: u32, const COLUMNS: usize>(pub u32);

pub type Narrow = OnRanks<16, ROW_BYTES>;

/// For small trees that look at sides of many sets.
pub type Sided = OnRanks<10, SIDE_BYTES>;

/// On float32 as ordered integers.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub struct Wide {
    pub above: i32,
    /// The child, and the column from bit [`CHILD_BITS`] on.
    pub link: u32,
}

/// Packed trees. Closed, see [`Packed::assert_closed`]; nothing changes them later.
pub struct Packed<N> {
    pub(super) nodes: Box<[N]>,
    /// Of each node: the leaf of the forest that it is, where it is one.
    pub(super) leaves: Box<[u32]>,
    trees: Box<[Tree]>,
    groups: Box<[Group]>,
    /// Of each tree of the forest: where rows go on from its exits.
    below: Box<[Option<Below>]>,
    /// Columns up to the last that a node looks at.
    pub(super) columns: usize,
}

#[derive(Clone, Copy, Debug)]
struct Tree {
    /// Its place in the forest.
    number: u32,
    /// Its first node.
    first: u32,
    /// Its root, counted from the first node.
    root: u32,
    depth: u32,
}

/// A tree below its exits.
#[derive(Clone, Copy, Debug)]
pub struct Below {
    /// The node of the first exit; the others follow it.
    pub first: u32,
    pub exits: u32,
    pub steps: u32,
}

/// Trees that one row walks side by side.
#[derive(Clone, Copy, Debug)]
struct Group {
    first: usize,
    trees: usize,
    depth: u32,
}

/// What a node asks: a column, and what is above goes right.
pub type Asked = (u16, i32);

impl<N: Node> Packed<N> {
    /// Returns the layout of those trees that `takes` says; nothing where a tree or the columns are too many for a node, or a node
    /// asks what cannot be said so. `never` is a column that is above nothing.
    pub fn new(
        normal: &Normal,
        tops: &Tops,
        takes: impl Fn(usize) -> bool,
        asked: impl Fn(usize) -> Option<Asked>,
        never: u16,
    ) -> Option<Packed<N>> {
        let (mut nodes, mut leaves, mut trees) = (Vec::new(), Vec::new(), Vec::new());
        let mut below = vec![None; normal.trees.len()];
        for (number, tree) in normal.trees.iter().enumerate().filter(|(number, _)| takes(*number)) {
            let first = nodes.len();
            let mut laying = Laying::new(normal, tops, number, tree);
            while let Some(&id) = laying.ids.get(nodes.len() - first) {
                let itself = nodes.len() - first;
                if id & LEAF != 0 {
                    nodes.push(N::leaf(itself, id & !LEAF, never));
                    leaves.extend((!N::HAS_LEAF).then_some(id & !LEAF));
                } else {
                    let (column, above) = asked(id as usize)?;
                    nodes.push(N::inner(laying.child(id), column, above)?);
                    leaves.extend((!N::HAS_LEAF).then_some(0));
                }
                if laying.ids.len() > N::TREE_MAX {
                    return None;
                }
            }
            let (first, root) = (u32::try_from(first).ok()?, laying.exits);
            trees.push(Tree { number: number as u32, first, root, depth: tree.depth });
            below[number] = (root > 0).then(|| Below { first, exits: root, steps: tree.depth.saturating_sub(LEVELS) });
        }
        // Those that walk side by side are done together.
        trees.sort_by_key(|tree| tree.depth);
        let columns = nodes.iter().map(|node: &N| node.column() as usize + 1).max().unwrap_or(0);
        let packed = Packed {
            columns,
            groups: group(&trees),
            nodes: nodes.into(),
            leaves: leaves.into(),
            trees: trees.into(),
            below: below.into(),
        };
        packed.assert_closed(u32::from(never));
        Some(packed)
    }

    /// What walks without checks rely on: wherever a node of a tree leads is a node of the tree, exits are, and every node has its
    /// place among the leaves.
    fn assert_closed(&self, never: u32) {
        assert_eq!(self.leaves.len(), if N::HAS_LEAF { 0 } else { self.nodes.len() }, "a leaf for each node");
        let mut firsts: Vec<usize> = self.trees.iter().map(|tree| tree.first as usize).collect();
        firsts.push(self.nodes.len());
        firsts.sort_unstable();
        for range in firsts.windows(2) {
            for node in &self.nodes[range[0]..range[1]] {
                assert!(range[0] + (node.furthest(never) as usize) < range[1], "children are nodes of the tree");
            }
        }
        for tree in &self.trees {
            let end = firsts[firsts.partition_point(|first| *first <= tree.first as usize)];
            assert!(((tree.first + tree.root) as usize) < end, "roots and the exits before them are nodes");
        }
    }

    pub fn trees(&self) -> usize {
        self.trees.len()
    }

    /// Returns where rows go on from a tree's exits, if it has some.
    pub fn below(&self, tree: usize) -> Option<Below> {
        self.below[tree]
    }

    /// Finds the leaf that a row reaches in every tree.
    pub fn row(&self, cells: &N::Cells, leaves: &mut [u32]) {
        for group in &self.groups {
            match group.trees {
                16 => self.walk::<16>(group, cells, leaves),
                8 => self.walk::<8>(group, cells, leaves),
                4 => self.walk::<4>(group, cells, leaves),
                _ => self.walk::<1>(group, cells, leaves),
            }
        }
    }

    #[inline(always)]
    fn walk<const T: usize>(&self, group: &Group, cells: &N::Cells, leaves: &mut [u32]) {
        let trees: &[Tree; T] = self.trees[group.first..].first_chunk().expect("a group is of so many trees");
        let first = trees.map(|tree| tree.first);
        let mut at = trees.map(|tree| tree.root);
        let mut left = group.depth;
        while left > 0 {
            // Whether all have reached their leaves is asked every fourth step.
            let steps = left.min(3);
            for _ in 0..steps {
                (0..T).for_each(|lane| at[lane] = self.next(first[lane], at[lane], cells));
            }
            left -= steps;
            if left == 0 {
                break;
            }
            let mut moved = 0;
            for lane in 0..T {
                let next = self.next(first[lane], at[lane], cells);
                moved |= next ^ at[lane];
                at[lane] = next;
            }
            left -= 1;
            if moved == 0 {
                break;
            }
        }
        for (tree, at) in trees.iter().zip(at) {
            leaves[tree.number as usize] = self.leaf((tree.first + at) as usize);
        }
    }

    /// Returns the leaf that a node is.
    #[inline(always)]
    pub(super) fn leaf(&self, at: usize) -> u32 {
        if N::HAS_LEAF { self.nodes[at].number() } else { self.leaves[at] }
    }

    /// Returns the node after this one, both counted in their tree.
    #[allow(unsafe_code)]
    #[inline(always)]
    pub(super) fn next(&self, first: u32, at: u32, cells: &N::Cells) -> u32 {
        debug_assert!(((first + at) as usize) < self.nodes.len());
        // SAFETY: `walk`, the only caller, begins at a tree's root and goes on at what this returns. `assert_closed` says that the root and
        // wherever a node of a tree leads are nodes of the tree.
        let node = unsafe { *self.nodes.get_unchecked((first + at) as usize) };
        node.next(|column| N::cell(cells, column))
    }
}

// === impl Node ===

impl<const CHILD: u32, const COLUMNS: usize> OnRanks<CHILD, COLUMNS> {
    const CHILDREN: u32 = (1 << CHILD) - 1;
}

impl<const CHILD: u32, const COLUMNS: usize> Node for OnRanks<CHILD, COLUMNS> {
    type Cell = u8;
    type Cells = [u8; COLUMNS];

    const TREE_MAX: usize = 1 << CHILD;

    fn inner(child: usize, column: u16, above: i32) -> Option<Self> {
        let fits = usize::from(column) < COLUMNS;
        fits.then_some(OnRanks(child as u32 & Self::CHILDREN | u32::from(column) << CHILD | (above as u32) << 24))
    }

    /// No rank is above 255.
    fn leaf(itself: usize, _: u32, _: u16) -> Self {
        OnRanks(itself as u32 & Self::CHILDREN | 0xff << 24)
    }

    #[inline(always)]
    fn next(self, rank: impl Fn(usize) -> u8) -> u32 {
        let rank = rank(self.column() as usize);
        (self.0 & Self::CHILDREN) + u32::from(u32::from(rank) > self.0 >> 24)
    }

    #[inline(always)]
    fn cell(ranks: &[u8; COLUMNS], column: usize) -> u8 {
        ranks[column]
    }

    const HAS_LEAF: bool = false;

    fn number(self) -> u32 {
        unreachable!("leaves stand aside")
    }

    fn furthest(self, _: u32) -> u32 {
        (self.0 & Self::CHILDREN) + u32::from(self.0 >> 24 != 0xff)
    }

    #[inline(always)]
    fn column(self) -> u32 {
        self.0 >> CHILD & (COLUMNS as u32 - 1)
    }
}

impl Node for Wide {
    type Cell = i32;
    type Cells = [i32; ROW_KEYS];

    const TREE_MAX: usize = 1 << CHILD_BITS;

    fn inner(child: usize, column: u16, above: i32) -> Option<Wide> {
        let fits = usize::from(column) < ROW_KEYS;
        fits.then_some(Wide { above, link: child as u32 | u32::from(column) << CHILD_BITS })
    }

    fn leaf(itself: usize, leaf: u32, never: u16) -> Wide {
        Wide { above: leaf as i32, link: itself as u32 | u32::from(never) << CHILD_BITS }
    }

    #[inline(always)]
    fn next(self, key: impl Fn(usize) -> i32) -> u32 {
        let key = key((self.link >> CHILD_BITS) as usize);
        (self.link & ((1 << CHILD_BITS) - 1)) + u32::from(key > self.above)
    }

    #[inline(always)]
    fn cell(keys: &[i32; ROW_KEYS], column: usize) -> i32 {
        keys[column]
    }

    const HAS_LEAF: bool = true;

    #[inline(always)]
    fn number(self) -> u32 {
        self.above as u32
    }

    fn furthest(self, never: u32) -> u32 {
        (self.link & ((1 << CHILD_BITS) - 1)) + u32::from(self.column() != never)
    }

    fn column(self) -> u32 {
        self.link >> CHILD_BITS
    }
}

/// A tree's nodes and leaves in the order they are laid out.
struct Laying<'a> {
    normal: &'a Normal,
    ids: Vec<u32>,
    /// How many exits come first.
    exits: u32,
    /// Of the nodes whose children are exits, ascending: the first of those.
    before_exits: Vec<(u32, u32)>,
}

impl<'a> Laying<'a> {
    fn new(normal: &'a Normal, tops: &Tops, number: usize, tree: &NormalTree) -> Laying<'a> {
        let mut laying = Laying { normal, ids: Vec::new(), exits: 0, before_exits: Vec::new() };
        if tops.is_deep(number) {
            tops.exits(
                normal,
                tree.root,
                |exit| laying.ids.push(exit),
                |node, exit| {
                    laying.before_exits.push((node, exit));
                },
            );
            laying.exits = laying.ids.len() as u32;
        }
        laying.ids.push(tree.root);
        laying
    }

    /// Returns where the children of a node are, after they are laid out.
    fn child(&mut self, id: u32) -> usize {
        if let Ok(at) = self.before_exits.binary_search_by_key(&id, |(node, _)| *node) {
            return self.before_exits[at].1 as usize;
        }
        let node = self.normal.nodes[id as usize];
        self.ids.extend([node.left, node.right]);
        self.ids.len() - 2
    }
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
