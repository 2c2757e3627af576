//! A tree for many rows at once, without a walk: choices between words that have a bit of each row.
//!
//! The leaf that a row reaches is a number of up to eight bits; each is a word for 64 rows, made from the leaves up. A node's bits are
//! chosen by its test ([`super::bits`]) from those of its children, and the test itself is one more. So a complete tree takes
//! about a choice a node, and leaves of a path count nothing: where one child has more bits than the other, those are chosen
//! from nowhere, and several numbers stand for one leaf. Where a tree is so uneven that it would have too many bits,
//! the leaves of a branch are numbered one after the other. A choice is one operation for as many rows as a register has bits.
//!
//! A tree of more than 256 leaves is cut into pages: subtrees of at most 256 leaves and exits to other pages, all of them worked out for all
//! rows; or only its first levels are a page, and rows walk on from there ([`super::tops`]).

use std::ops::Range;

use rustc_hash::FxHashSet;

use super::{
    bits::{Asks, BLOCK_ROWS, LANES, ONES, ROOM, TESTS, ZEROS},
    normal::{LEAF, Normal},
    ranks::{ByteTest, Ranks},
    tops::Tops,
};

/// Bits of an exit's number.
pub const PLANES: usize = 8;

/// Leaves and exits of a page.
const EXITS_MAX: usize = 1 << PLANES;

/// Tests of trees that run together: their words stay in the second cache.
const TESTS_MAX: usize = 1 << 13;

/// Tells exits to pages in [`Circuits::exits_of`].
pub const PAGE: u32 = 1 << 31;

/// A choice: where the test's bit is set that of `right`, else that of `left`.
#[derive(Clone, Copy, Debug)]
struct Step {
    test: u32,
    left: u32,
    right: u32,
}

/// A part of a tree.
#[derive(Clone, Debug)]
pub struct Page {
    steps: Range<u32>,
    /// The word that its first step makes; the others follow.
    first: u32,
    /// Words that are the bits of an exit's number, the lowest first.
    planes: [u32; PLANES],
    pub bits: usize,
    /// Of each number its exit.
    exits: Range<u32>,
}

/// Trees one after the other whose tests are found together.
pub struct Group {
    pub trees: Range<usize>,
    pub asks: Asks,
}

/// Trees by pages. Closed, see [`Circuits::assert_closed`]; nothing changes it later.
pub struct Circuits {
    steps: Box<[Step]>,
    pages: Box<[Page]>,
    /// Of each tree: the page of the root, and those that it leads to.
    pub trees: Box<[Range<usize>]>,
    pub groups: Box<[Group]>,
    exits: Box<[u32]>,
    /// Words of a block, and room.
    words: usize,
}

impl Circuits {
    /// Returns the pages of a forest; `bits` says how many bits the exits of a page may have, by how many there are.
    pub fn new(
        normal: &Normal,
        tops: &Tops,
        tests: &[ByteTest],
        ranks: &Ranks,
        bits: impl Fn(usize) -> usize,
    ) -> Circuits {
        let is_cut = (0..normal.nodes.len()).map(|node| !tops.is_compared(node)).collect();
        let mut making = Making {
            normal,
            tests,
            is_cut,
            sizes: vec![1; normal.nodes.len()],
            asked: Vec::new(),
            parts: Parts::default(),
        };
        making.cut(!tops.any());
        let (mut trees, mut groups) = (Vec::with_capacity(normal.trees.len()), Vec::new());
        let mut words = TESTS;
        for (group, asked) in groups_of(normal, tops, tests) {
            making.asked = asked;
            for number in group.clone() {
                let (tree, first) = (&normal.trees[number], making.parts.pages.len());
                match tops.is_deep(number) {
                    true => making.page(tree.root, None, &bits),
                    false => making.tree(tree.root, &bits),
                }
                trees.push(first..making.parts.pages.len());
                let longest = making.parts.pages[first..].iter().map(|page| page.steps.len()).max().unwrap_or(0);
                words = words.max(TESTS + making.asked.len() + longest);
            }
            groups.push(Group { trees: group, asks: Asks::new(&making.asked, ranks) });
        }
        let Parts { steps, pages, exits } = making.parts;
        let circuits = Circuits {
            steps: steps.into(),
            pages: pages.into(),
            trees: trees.into(),
            groups: groups.into(),
            exits: exits.into(),
            words: words + ROOM,
        };
        circuits.assert_closed();
        circuits
    }

    /// Returns the words that a block of so many rows takes.
    pub fn words(&self, lanes: usize) -> usize {
        self.words * (lanes / LANES)
    }

    /// Returns how many tests there are, and how many steps.
    pub fn work(&self) -> (usize, usize) {
        (self.groups.iter().map(|group| group.asks.count()).sum(), self.steps.len())
    }

    /// Returns the page of a tree's root, and those that it leads to, with their numbers.
    pub fn pages_of(&self, tree: usize) -> impl Iterator<Item = (u32, &Page)> {
        let pages = self.trees[tree].clone();
        (pages.start as u32..).zip(&self.pages[pages])
    }

    /// Returns the exit of each number: a leaf of the forest, or a page with [`PAGE`]; of a deep tree, how many exits are left of it.
    pub fn exits_of(&self, page: &Page) -> &[u32] {
        &self.exits[page.exits.start as usize..page.exits.end as usize]
    }

    /// What steps without checks rely on: they choose from words that are there before.
    fn assert_closed(&self) {
        for page in &self.pages {
            let steps = &self.steps[page.steps.start as usize..page.steps.end as usize];
            assert!(page.first as usize + steps.len() <= self.words - ROOM, "words of steps are there");
            for (step, made) in steps.iter().zip(page.first..) {
                assert!(
                    step.test < made && step.left < made && step.right < made,
                    "a step chooses from words before it"
                );
            }
            let end = page.first + steps.len() as u32;
            assert!(page.planes[..page.bits].iter().all(|plane| *plane < end), "bits are words");
            assert_eq!(page.exits.len(), 1 << page.bits, "every number has its exit");
        }
    }

    /// Makes the words of a page's steps.
    #[allow(unsafe_code)]
    #[inline(always)]
    pub fn run<const W: usize>(&self, page: &Page, words: &mut [[u64; W]]) {
        assert!(words.len() >= self.words, "all words of a block");
        let steps = &self.steps[page.steps.start as usize..page.steps.end as usize];
        for (step, made) in steps.iter().zip(page.first as usize..) {
            debug_assert!(made < words.len());
            // SAFETY: `assert_closed` says that all of these are words of a block, which are all there.
            let [test, left, right] =
                [step.test, step.left, step.right].map(|word| unsafe { *words.get_unchecked(word as usize) });
            let chosen = std::array::from_fn(|w| left[w] ^ (test[w] & (left[w] ^ right[w])));
            // SAFETY: as before.
            unsafe { *words.get_unchecked_mut(made) = chosen };
        }
    }

    /// Returns the words that are the bits of an exit's number.
    #[inline(always)]
    pub fn planes<'a, const W: usize>(
        &self,
        page: &'a Page,
        words: &'a [[u64; W]],
    ) -> impl Iterator<Item = &'a [u64; W]> + Clone {
        page.planes[..page.bits].iter().map(|plane| &words[*plane as usize])
    }

    /// Writes the numbers of the exits of a page that rows take.
    #[inline(always)]
    pub fn numbers<const W: usize>(&self, page: &Page, words: &[[u64; W]], numbers: &mut [u8; BLOCK_ROWS]) {
        let (mut of, planes) = ([[0; W]; PLANES], self.planes(page, words));
        planes.zip(&mut of).for_each(|(plane, of)| *of = *plane);
        for (eight, numbers) in numbers.as_chunks_mut::<8>().0[..W * LANES / 8].iter_mut().enumerate() {
            let mut together = 0;
            for (bit, plane) in of[..page.bits].iter().enumerate() {
                together |= SPREAD[usize::from((plane[eight / 8] >> (eight % 8 * 8)) as u8)] << bit;
            }
            *numbers = together.to_le_bytes();
        }
    }
}

/// Of a byte: its bits, a byte each.
const SPREAD: [u64; 256] = {
    let mut spread = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            spread[byte] |= (byte as u64 >> bit & 1) << (8 * bit);
            bit += 1;
        }
        byte += 1;
    }
    spread
};

/// Returns trees one after the other, with the distinct tests of their nodes, sorted.
fn groups_of(normal: &Normal, tops: &Tops, tests: &[ByteTest]) -> Vec<(Range<usize>, Vec<ByteTest>)> {
    let mut groups = Vec::new();
    let (mut asked, mut first_tree, mut first) = (FxHashSet::default(), 0, 0);
    let sorted = |asked: &mut FxHashSet<ByteTest>| {
        let mut tests: Vec<ByteTest> = asked.drain().collect();
        tests.sort_unstable();
        tests
    };
    for (number, tree) in normal.trees.iter().enumerate() {
        let end = first + tree.nodes as usize;
        asked.extend((first..end).filter(|node| tops.is_compared(*node)).map(|node| tests[node]));
        first = end;
        if asked.len() >= TESTS_MAX || number + 1 == normal.trees.len() {
            groups.push((first_tree..number + 1, sorted(&mut asked)));
            first_tree = number + 1;
        }
    }
    groups
}

#[derive(Default)]
struct Parts {
    steps: Vec<Step>,
    pages: Vec<Page>,
    exits: Vec<u32>,
}

struct Making<'a> {
    normal: &'a Normal,
    tests: &'a [ByteTest],
    /// Of each node: whether a page begins there.
    is_cut: Vec<bool>,
    /// Of each node: the exits of its page below it.
    sizes: Vec<usize>,
    /// Tests that have words, sorted.
    asked: Vec<ByteTest>,
    parts: Parts,
}

/// A page in the making.
struct Laying<'a, 'b> {
    making: &'a mut Making<'b>,
    first_step: usize,
    /// Exits so far.
    exits: u32,
    /// Where pages begin that it leads to, and their number from which they count; of a deep tree nothing.
    roots: Option<(&'a mut Vec<u32>, usize)>,
}

/// A branch of a page: the words that are the bits of its exit's number, and the exit of each number.
struct Branch {
    planes: Vec<u32>,
    exits: Vec<u32>,
}

impl Making<'_> {
    /// Finds how many exits there are below nodes, and where pages begin: from the leaves up, wherever a subtree has too
    /// many exits, its larger branch becomes a page.
    fn cut(&mut self, cuts: bool) {
        for (at, node) in self.normal.nodes.iter().enumerate().rev() {
            loop {
                let (left, right) = (self.size(node.left), self.size(node.right));
                self.sizes[at] = left + right;
                if !cuts || left + right <= EXITS_MAX {
                    break;
                }
                self.is_cut[if left >= right { node.left } else { node.right } as usize] = true;
            }
        }
    }

    fn is_exit(&self, at: u32) -> bool {
        at & LEAF != 0 || self.is_cut[at as usize]
    }

    fn size(&self, at: u32) -> usize {
        if self.is_exit(at) { 1 } else { self.sizes[at as usize] }
    }

    /// Adds the pages of a tree, every one after the one that leads to it.
    fn tree(&mut self, root: u32, bits: &impl Fn(usize) -> usize) {
        let first = self.parts.pages.len();
        let mut roots = vec![root];
        let mut done = 0;
        while let Some(&root) = roots.get(done) {
            done += 1;
            self.page(root, Some((&mut roots, first)), bits);
        }
    }

    fn page(&mut self, root: u32, roots: Option<(&mut Vec<u32>, usize)>, bits: &impl Fn(usize) -> usize) {
        let size = if root & LEAF != 0 { 1 } else { self.sizes[root as usize] };
        let (first_step, first_exit) = (self.parts.steps.len(), self.parts.exits.len());
        let first = (TESTS + self.asked.len()) as u32;
        let mut laying = Laying { making: self, first_step, exits: 0, roots };
        let branch = match size {
            1 => laying.leaf(root),
            _ => laying.node(root, bits(size)),
        };
        let mut planes = [ZEROS; PLANES];
        planes[..branch.planes.len()].copy_from_slice(&branch.planes);
        self.parts.exits.extend(branch.exits);
        self.parts.pages.push(Page {
            steps: first_step as u32..self.parts.steps.len() as u32,
            first,
            planes,
            bits: branch.planes.len(),
            exits: first_exit as u32..self.parts.exits.len() as u32,
        });
    }
}

impl Laying<'_, '_> {
    fn leaf(&mut self, at: u32) -> Branch {
        Branch { planes: Vec::new(), exits: vec![self.exit(at)] }
    }

    fn exit(&mut self, at: u32) -> u32 {
        self.exits += 1;
        match &mut self.roots {
            None => self.exits - 1,
            Some(_) if at & LEAF != 0 => at & !LEAF,
            Some((roots, first)) => {
                roots.push(at);
                (*first + roots.len() - 1) as u32 | PAGE
            }
        }
    }

    /// Returns the branch of a node, whose exits are at most `1 << bits`.
    fn node(&mut self, at: u32, bits: usize) -> Branch {
        let node = self.making.normal.nodes[at as usize];
        let sizes = [node.left, node.right].map(|child| self.making.size(child));
        if sizes[0].max(sizes[1]) > 1 << (bits - 1) {
            return self.numbered(at, sizes[0] + sizes[1]);
        }
        let test = self.word(at);
        let children = [node.left, node.right].map(|child| match self.making.is_exit(child) {
            true => self.leaf(child),
            false => self.node(child, bits - 1),
        });
        let [left, right] = &children;
        let both = left.planes.len().min(right.planes.len());
        let longer = if left.planes.len() > both { left } else { right };
        let mut planes: Vec<u32> =
            left.planes.iter().zip(&right.planes).map(|(left, right)| self.choose(test, *left, *right)).collect();
        planes.extend_from_slice(&longer.planes[both..]);
        let half = 1 << planes.len();
        planes.push(test);
        let of =
            |branch: &Branch| (0..half).map(|number| branch.exits[number % branch.exits.len()]).collect::<Vec<_>>();
        Branch { planes, exits: [of(left), of(right)].concat() }
    }

    /// Returns the branch of a node whose exits are numbered one after the other.
    fn numbered(&mut self, at: u32, size: usize) -> Branch {
        let mut exits = Vec::new();
        let planes = self.in_order(at, &mut exits);
        let bits = (size - 1).checked_ilog2().map_or(0, |last| last as usize + 1);
        // Numbers that no row has.
        exits.resize(1 << bits, exits[0]);
        Branch { planes: planes[..bits].to_vec(), exits }
    }

    fn in_order(&mut self, at: u32, exits: &mut Vec<u32>) -> [u32; PLANES] {
        let (test, node) = (self.word(at), self.making.normal.nodes[at as usize]);
        let [left, right] = [node.left, node.right].map(|child| {
            if !self.making.is_exit(child) {
                return self.in_order(child, exits);
            }
            let number = exits.len();
            exits.push(self.exit(child));
            std::array::from_fn(|bit| if number >> bit & 1 == 1 { ONES } else { ZEROS })
        });
        std::array::from_fn(|bit| self.choose(test, left[bit], right[bit]))
    }

    fn choose(&mut self, test: u32, left: u32, right: u32) -> u32 {
        if left == right {
            return left;
        }
        if (left, right) == (ZEROS, ONES) {
            return test;
        }
        let steps = &mut self.making.parts.steps;
        steps.push(Step { test, left, right });
        (TESTS + self.making.asked.len() + steps.len() - 1 - self.first_step) as u32
    }

    /// Returns the word of a node's test.
    fn word(&self, at: u32) -> u32 {
        let test = &self.making.tests[at as usize];
        let place = self.making.asked.binary_search(test).expect("tests of a group's trees have words");
        (TESTS + place) as u32
    }
}
