//! What becomes of the leaves that rows reach: sums in the order of the trees, in the tool's precision.
//!
//! Sums are kept as float64. One of float32 is rounded at every step, which gives the bits of a sum in float32: the sum of two of
//! them in float64 is so near that rounding it once more changes nothing.

use plan::{Aggregate, Forest, Precision};
use rustc_hash::FxHashMap;

/// The leaves' values as they are added, and what follows the sum.
pub struct Sums {
    /// Of each leaf of the forest: its place, by which all kernels know it. Empty where it is its number.
    pub places: Box<[u32]>,
    /// Place after place, times their trees' weights where those count, rounded to the precision.
    pub values: Box<[f64]>,
    pub leaf_width: usize,
    pub width: usize,
    pub trees: usize,
    /// Of each tree; empty where it adds to all.
    pub targets: Box<[u32]>,
    pub base: Box<[f64]>,
    pub precision: Precision,
    /// What each sum is divided by.
    pub divisors: Option<Box<[f64]>>,
    /// Nothing where leaves are summed as they come.
    of_all: Option<OfAll>,
}

/// What is found from the values of all trees.
#[derive(Clone, Copy)]
enum OfAll {
    Max,
    Median,
}

/// Where the leaves go that rows reach.
pub struct Sink<'a> {
    pub sums: &'a Sums,
    /// Whether anybody reads sums.
    pub wants_sums: bool,
    /// Row after row, `width` each; they begin at the base.
    pub totals: &'a mut [f64],
    /// Row after row, `trees` each; of the rows at work only, unless `keeps_leaves`.
    pub leaves: &'a mut [u32],
    pub keeps_leaves: bool,
}

impl Sums {
    /// Returns what sums are made from. Where nobody reads the leaves' numbers, those of the same values are one, so that tables are small.
    pub fn new(forest: &Forest, aggregate: Aggregate, reads_leaves: bool) -> Sums {
        let round = |x: f64| rounded(x, forest.sums);
        let weighs = matches!(aggregate, Aggregate::WeightedSum | Aggregate::WeightedMean);
        let mut values: Box<[f64]> = forest.leaf_values.iter().map(|v| round(*v)).collect();
        let weights: Vec<f64> = forest.weights.iter().map(|w| if weighs { round(*w) } else { 1.0 }).collect();
        if weighs {
            weigh(forest, &weights, &mut values);
        }
        let width = forest.width as usize;
        let divisors = matches!(aggregate, Aggregate::Mean | Aggregate::WeightedMean).then(|| {
            let mut divisors = vec![0.0; width];
            for (tree, weight) in weights.iter().enumerate() {
                let targets = forest.targets.get(tree).map_or(0..width, |&target| target as usize..target as usize + 1);
                divisors[targets].iter_mut().for_each(|d| *d = round(*d + weight));
            }
            divisors.into()
        });
        let leaf_width = forest.leaf_width();
        let places = if reads_leaves || leaf_width == 1 { Box::default() } else { intern(&mut values, leaf_width) };
        let zeros = || vec![0.0; width];
        let base = if forest.base.is_empty() { zeros() } else { forest.base.iter().map(|b| round(*b)).collect() };
        Sums {
            places,
            values,
            leaf_width,
            width,
            trees: forest.trees(),
            targets: forest.targets.as_slice().into(),
            base: base.into(),
            precision: forest.sums,
            divisors,
            of_all: match aggregate {
                Aggregate::Max => Some(OfAll::Max),
                Aggregate::Median => Some(OfAll::Median),
                _ => None,
            },
        }
    }

    /// Returns the place of a leaf of the forest.
    #[inline]
    pub fn place(&self, leaf: u32) -> u32 {
        self.places.get(leaf as usize).copied().unwrap_or(leaf)
    }

    /// Returns whether totals are found from the leaves of all trees, by [`Sums::of_leaves`].
    pub fn needs_leaves(&self) -> bool {
        self.of_all.is_some()
    }

    /// Adds the leaf that a row reaches in a tree.
    #[inline]
    pub fn add(&self, totals: &mut [f64], tree: usize, leaf: u32) {
        let values = &self.values[leaf as usize * self.leaf_width..][..self.leaf_width];
        let totals = match self.targets.get(tree) {
            None => totals,
            Some(&target) => &mut totals[target as usize..=target as usize],
        };
        match self.precision {
            Precision::F64 => totals.iter_mut().zip(values).for_each(|(sum, v)| *sum += v),
            Precision::F32 => totals.iter_mut().zip(values).for_each(|(sum, v)| *sum = f64::from((*sum + v) as f32)),
        }
    }

    /// Adds the leaves that a row reaches in all trees.
    pub fn add_all(&self, totals: &mut [f64], leaves: &[u32]) {
        match (self.leaf_width, self.targets.is_empty(), self.precision) {
            (1, true, Precision::F64) => self.add_narrow::<1>(totals, leaves),
            (2, true, Precision::F64) => self.add_narrow::<2>(totals, leaves),
            (3, true, Precision::F64) => self.add_narrow::<3>(totals, leaves),
            (4, true, Precision::F64) => self.add_narrow::<4>(totals, leaves),
            (1, true, Precision::F32) => {
                let mut sum = totals[0] as f32;
                for &leaf in leaves {
                    sum += self.values[leaf as usize] as f32;
                }
                totals[0] = f64::from(sum);
            }
            (1, false, Precision::F64) => {
                for (&leaf, &target) in leaves.iter().zip(&self.targets) {
                    totals[target as usize] += self.values[leaf as usize];
                }
            }
            _ => leaves.iter().enumerate().for_each(|(tree, leaf)| self.add(totals, tree, *leaf)),
        }
    }

    fn add_narrow<const N: usize>(&self, totals: &mut [f64], leaves: &[u32]) {
        let totals: &mut [f64; N] = totals.try_into().expect("as many totals as a leaf has values");
        let (values, _) = self.values.as_chunks::<N>();
        let mut sums = *totals;
        for &leaf in leaves {
            let values = &values[leaf as usize];
            (0..N).for_each(|k| sums[k] += values[k]);
        }
        *totals = sums;
    }

    /// Finds the totals of a row from the leaves of all trees. `room` has a place for each tree.
    pub fn of_leaves(&self, totals: &mut [f64], leaves: &[u32], room: &mut Vec<f64>) {
        let Some(of_all) = self.of_all else { return };
        for (k, total) in totals.iter_mut().enumerate() {
            room.clear();
            let adds = |tree: usize| self.targets.get(tree).is_none_or(|target| *target as usize == k);
            let place = |leaf: u32| leaf as usize * self.leaf_width + if self.targets.is_empty() { k } else { 0 };
            let leaves = leaves.iter().enumerate().filter(|(tree, _)| adds(*tree));
            room.extend(leaves.map(|(_, leaf)| self.values[place(*leaf)]));
            *total = match of_all {
                _ if room.iter().any(|v| v.is_nan()) => f64::NAN,
                OfAll::Max => room.iter().copied().fold(f64::NEG_INFINITY, |most, v| if v > most { v } else { most }),
                OfAll::Median => self.median(room),
            };
        }
    }

    fn median(&self, values: &mut [f64]) -> f64 {
        values.sort_unstable_by(f64::total_cmp);
        let half = values.len() / 2;
        match values.len() % 2 {
            1 => values[half],
            _ => rounded(rounded(values[half - 1] + values[half], self.precision) / 2.0, self.precision),
        }
    }

    /// Returns a score: the total divided by what it is divided by.
    #[inline]
    pub fn score(&self, k: usize, total: f64) -> f64 {
        match &self.divisors {
            None => total,
            Some(divisors) => rounded(total / divisors[k], self.precision),
        }
    }
}

impl Sink<'_> {
    /// Takes the leaf that a row reaches in a tree; of each row the trees come in order.
    #[inline]
    pub fn put(&mut self, row: usize, tree: usize, leaf: u32) {
        if self.wants_sums {
            self.add(row, tree, leaf);
        }
        if self.keeps_leaves {
            self.leaves[row * self.sums.trees + tree] = leaf;
        }
    }

    /// Adds the leaf that a row reaches in a tree.
    #[inline]
    pub fn add(&mut self, row: usize, tree: usize, leaf: u32) {
        let width = self.sums.width;
        self.sums.add(&mut self.totals[row * width..(row + 1) * width], tree, leaf);
    }

    /// Returns where the leaves of a row begin, one for each tree; of rows whose leaves nobody reads, of the `i`-th at work.
    #[inline]
    pub fn place(&self, i: usize, row: u32) -> usize {
        self.sums.trees * if self.keeps_leaves { row as usize } else { i }
    }

    /// Sums the leaves of a row, which are all in their place.
    pub fn sum(&mut self, row: u32, place: usize) {
        if self.wants_sums {
            let (row, width) = (row as usize, self.sums.width);
            let leaves = &self.leaves[place..place + self.sums.trees];
            self.sums.add_all(&mut self.totals[row * width..(row + 1) * width], leaves);
        }
    }
}

/// Lets leaves of the same bits be one; returns the place of each.
fn intern(values: &mut Box<[f64]>, width: usize) -> Box<[u32]> {
    let mut places: FxHashMap<Vec<u64>, u32> = FxHashMap::default();
    let mut kept = Vec::new();
    let of = values.chunks_exact(width).map(|values| {
        let next = places.len() as u32;
        *places.entry(values.iter().map(|v| v.to_bits()).collect()).or_insert_with(|| {
            kept.extend_from_slice(values);
            next
        })
    });
    let of = of.collect();
    *values = kept.into();
    of
}

/// Multiplies every leaf's values by the weight of its tree. A product is the same bits now as in the sum.
fn weigh(forest: &Forest, weights: &[f64], values: &mut [f64]) {
    let (inner, width) = (forest.split.len(), forest.leaf_width());
    let mut stack = Vec::new();
    for (&root, &weight) in forest.roots.iter().zip(weights) {
        stack.push(root as usize);
        while let Some(at) = stack.pop() {
            if at < inner {
                stack.extend([forest.left[at] as usize, forest.right[at] as usize]);
            } else {
                let leaf = (at - inner) * width;
                values[leaf..leaf + width].iter_mut().for_each(|v| *v = rounded(*v * weight, forest.sums));
            }
        }
    }
}

#[inline]
fn rounded(x: f64, precision: Precision) -> f64 {
    match precision {
        Precision::F64 => x,
        Precision::F32 => f64::from(x as f32),
    }
}
