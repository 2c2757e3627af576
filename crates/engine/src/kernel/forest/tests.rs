use std::{cell::Cell, sync::Arc};

use model::{Column, column::Row};
use plan::{
    Aggregate, Categories, Forest, ForestBuilder, ForestOp, ForestPart, ForestParts, ForestSplit, Missing, NodeId,
    Precision,
};

use super::{
    run::{Choice, Trees, Wants},
    simd::Isa,
};
use crate::kernel::tests::{assert_row, dense, numbers, run, run_asked, sparse, vectors};

thread_local! {
    /// What may run in this thread, where not all.
    pub(super) static CHOICE: Cell<Option<Choice>> = const { Cell::new(None) };
}

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

/// Numbers from a seed (Knuth's MMIX generator).
pub(super) struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % n as u64) as usize
    }

    /// A number on a grid of so many, so that values and thresholds are often equal.
    fn value(&mut self, grid: usize) -> f64 {
        match self.below(24) {
            0 => NAN,
            1 => INF,
            2 => -INF,
            3 => -0.0,
            4 => 1e-36,
            _ => self.below(grid) as f64 * 8.5 / grid as f64 - 2.0,
        }
    }
}

/// What a random forest is made from.
#[derive(Clone, Copy, Debug)]
struct Shape {
    trees: usize,
    depth: usize,
    features: usize,
    width: usize,
    /// Categories of the sets that split; 0 for thresholds only.
    categories: usize,
    /// How many thresholds there are, about.
    grid: usize,
    /// Whether every branch goes down to the depth; sets of many categories are many then.
    full: bool,
    /// Whether nodes differ in how they compare and in what they do with missing values, and the forest in how it sums.
    mixed: bool,
}

fn forest(shape: Shape, is_sum: bool, random: &mut Random) -> Forest {
    let mut parts = ForestParts { features: shape.features as u32, width: shape.width as u32, ..Default::default() };
    let by_target = shape.mixed && shape.trees >= shape.width && random.below(2) == 0;
    if shape.mixed {
        let either = |random: &mut Random| if random.below(2) == 0 { Precision::F32 } else { Precision::F64 };
        parts.sums = either(random);
        parts.compares = either(random);
        let kinds = [Categories::Exact, Categories::Truncated, Categories::TruncatedFromZero];
        parts.categories = kinds[random.below(3)];
        if is_sum {
            parts.base = (0..shape.width).map(|_| random.below(100) as f64 / 7.0).collect();
        }
        // So that leaves have one value each.
        parts.targets = if by_target { vec![0] } else { Vec::new() };
    }
    let leaf_width = parts.leaf_width();
    let mut builder = ForestBuilder::with(ForestParts { targets: Vec::new(), ..parts });
    let sets: Vec<u32> = match shape.categories {
        0 => Vec::new(),
        n => (0..if shape.full && n >= 40 { 900 } else { 5 }).map(|_| builder.set(set(n, random))).collect(),
    };
    for tree in 0..shape.trees {
        let mut grower = Grower { shape, leaf_width, sets: &sets, leaves: 0, random };
        let root = grower.grow(&mut builder, shape.depth);
        let weight = random.below(9) as f64 * 0.1;
        match by_target {
            true => builder.tree_of(root, weight, (tree % shape.width) as u32),
            false => builder.tree(root, weight),
        }
    }
    Forest::new(builder.finish()).expect("trees, as they were grown")
}

fn set(categories: usize, random: &mut Random) -> Arc<[u64]> {
    let mut words = vec![0u64; categories.div_ceil(64)];
    (0..categories).filter(|_| random.below(2) == 0).for_each(|c| words[c / 64] |= 1 << (c % 64));
    words.into()
}

/// What a tree is grown from.
struct Grower<'a> {
    shape: Shape,
    leaf_width: usize,
    sets: &'a [u32],
    leaves: u32,
    random: &'a mut Random,
}

impl Grower<'_> {
    fn grow(&mut self, builder: &mut ForestBuilder, depth: usize) -> NodeId {
        // Deep trees are deep on one side only at a node.
        if depth == 0 || !self.shape.full && self.random.below(6) == 0 {
            let values: Vec<f64> = (0..self.leaf_width).map(|_| self.random.below(1000) as f64 / 3.0 - 100.0).collect();
            self.leaves += 1;
            return builder.leaf_with(&values, self.leaves - 1, self.random.below(100) as f64 / 7.0);
        }
        let (split, missing) = (self.split(), self.missing());
        let node = builder.node(self.random.below(self.shape.features) as u32, split, missing);
        let less = if depth > 8 && !self.shape.full { 1 + self.random.below(8) } else { 1 };
        let (left, right) = match self.random.below(2) {
            0 => (depth - 1, depth.saturating_sub(less)),
            _ => (depth.saturating_sub(less), depth - 1),
        };
        let (left, right) = (self.grow(builder, left), self.grow(builder, right));
        builder.children(node, left, right);
        node
    }

    fn split(&mut self) -> ForestSplit {
        match self.sets.len() {
            n if n > 0 && self.random.below(2) == 0 => {
                ForestSplit::Set { set: self.sets[self.random.below(n)], left_if_in: self.random.below(2) == 0 }
            }
            _ if self.shape.mixed && self.random.below(2) == 0 => {
                ForestSplit::Below(self.random.value(self.shape.grid))
            }
            _ => ForestSplit::Threshold(self.random.value(self.shape.grid)),
        }
    }

    fn missing(&mut self) -> Missing {
        let kinds = [Missing::Asked, Missing::Left, Missing::Right, Missing::ZeroLeft, Missing::ZeroRight];
        if self.shape.mixed { kinds[self.random.below(5)] } else { Missing::Asked }
    }
}

/// The leaf that a row reaches, by the rules alone; nothing where it reads past the row.
fn reached(forest: &Forest, at: u32, x: Option<&[f64]>) -> Option<u32> {
    let node = at as usize;
    if node >= forest.split.len() {
        return Some(at - forest.split.len() as u32);
    }
    let value = *x?.get(forest.feature[node] as usize)?;
    let left = forest.is_left(node, value);
    reached(forest, if left { forest.left[node] } else { forest.right[node] }, x)
}

const PARTS: [ForestPart; 6] = [
    ForestPart::Scores,
    ForestPart::Leaves,
    ForestPart::Score,
    ForestPart::Pair,
    ForestPart::Leaf,
    ForestPart::Impurity,
];

/// The parts that a forest of this shape has.
fn parts_of(shape: Shape) -> Vec<ForestPart> {
    let has = |part: &ForestPart| match part {
        ForestPart::Scores | ForestPart::Leaves => true,
        ForestPart::Score | ForestPart::Pair => shape.width == 1,
        ForestPart::Leaf | ForestPart::Impurity => shape.trees == 1,
    };
    PARTS.into_iter().filter(has).collect()
}

/// What one row gives for a part, by the rules alone.
fn expected(forest: &Forest, aggregate: Aggregate, part: ForestPart, leaves: &[u32]) -> Vec<f64> {
    let scores: Vec<f64> = (0..forest.width).map(|sum| score(forest, aggregate, sum, leaves)).collect();
    match part {
        ForestPart::Scores | ForestPart::Score => scores,
        ForestPart::Pair => vec![-scores[0], scores[0]],
        ForestPart::Leaf | ForestPart::Leaves => {
            leaves.iter().map(|leaf| f64::from(forest.leaf_numbers[*leaf as usize])).collect()
        }
        ForestPart::Impurity => vec![forest.leaf_impurities[leaves[0] as usize]],
    }
}

fn score(forest: &Forest, aggregate: Aggregate, sum: u32, leaves: &[u32]) -> f64 {
    let adds = |tree: &usize| forest.targets.get(*tree).is_none_or(|target| *target == sum);
    let place = if forest.targets.is_empty() { sum as usize } else { 0 };
    let trees = (0..forest.trees()).filter(adds);
    let weights = trees.clone().map(|tree| forest.weights[tree]);
    let mut values =
        trees.map(|tree| forest.leaf_values[leaves[tree] as usize * forest.leaf_width() + place]).collect::<Vec<_>>();
    let weighed = || values.iter().copied().zip(weights.clone());
    let base = forest.base.get(sum as usize).copied().unwrap_or(0.0);
    if forest.sums == Precision::F32 {
        let from = |base: f32, pairs: &mut dyn Iterator<Item = (f64, f64)>| {
            pairs.fold(base, |sum, (v, w)| sum + v as f32 * w as f32)
        };
        let sum = |pairs: &mut dyn Iterator<Item = (f64, f64)>| from(base as f32, pairs);
        let plain = sum(&mut values.iter().map(|v| (*v, 1.0)));
        return f64::from(match aggregate {
            Aggregate::Sum => plain,
            Aggregate::WeightedSum => sum(&mut weighed()),
            Aggregate::Mean => plain / values.len() as f32,
            Aggregate::WeightedMean => sum(&mut weighed()) / from(0.0, &mut weights.map(|w| (w, 1.0))),
            Aggregate::Max => values.iter().fold(f32::NEG_INFINITY, |most, v| most.max(*v as f32)),
            Aggregate::Median => {
                values.sort_by(f64::total_cmp);
                let (low, high) = ((values.len() - 1) / 2, values.len() / 2);
                if low == high { values[low] as f32 } else { (values[low] as f32 + values[high] as f32) / 2.0 }
            }
        });
    }
    let from = |base: f64, pairs: &mut dyn Iterator<Item = (f64, f64)>| pairs.fold(base, |sum, (v, w)| sum + v * w);
    let sum = |pairs: &mut dyn Iterator<Item = (f64, f64)>| from(base, pairs);
    let plain = sum(&mut values.iter().map(|v| (*v, 1.0)));
    match aggregate {
        Aggregate::Sum => plain,
        Aggregate::WeightedSum => sum(&mut weighed()),
        Aggregate::Mean => plain / values.len() as f64,
        Aggregate::WeightedMean => sum(&mut weighed()) / from(0.0, &mut weights.map(|w| (w, 1.0))),
        Aggregate::Max => values.iter().fold(f64::NEG_INFINITY, |most, v| most.max(*v)),
        Aggregate::Median => {
            values.sort_by(f64::total_cmp);
            let (low, high) = ((values.len() - 1) / 2, values.len() / 2);
            if low == high { values[low] } else { (values[low] + values[high]) / 2.0 }
        }
    }
}

/// Every kernel there is: tiles for all that the processor has, walks, and the plain walk.
fn choices() -> Vec<Choice> {
    let tiles = |isa| Choice { isa, tiles: true, few: false, walks: false, tile_rows_min: Some(1) };
    let few = |isa| Choice { few: true, tile_rows_min: Some(usize::MAX), ..tiles(isa) };
    let walks = |walks| Choice { tiles: false, walks, ..tiles(Isa::Portable) };
    let ranked = Isa::all().into_iter().flat_map(|isa| [tiles(isa), few(isa)]);
    ranked.chain([walks(true), walks(false), Choice::best()]).collect()
}

/// Runs a forest on rows by every kernel.
fn check(shape: Shape, forest: &Forest, aggregate: Aggregate, rows: &[Option<Row<'_>>]) {
    for choice in choices() {
        CHOICE.set(Some(choice));
        check_one(shape, forest.clone(), aggregate, rows);
        CHOICE.set(None);
    }
}

/// Runs a forest on rows and compares every part with the rules.
fn check_one(shape: Shape, forest: Forest, aggregate: Aggregate, rows: &[Option<Row<'_>>]) {
    let forest = Arc::new(forest);
    let parts = parts_of(shape);
    let op = ForestOp { forest: forest.clone(), aggregate, parts: parts.clone() };
    let ran = run(op.clone(), &[vectors(rows)]);
    // Scores that are asked alone may be summed another way.
    let scores = run_asked(op.clone(), &[vectors(rows)], &[0]);
    assert_eq!(scores.outputs[0], ran.outputs[0], "{shape:?}");
    for (row, features) in rows.iter().enumerate() {
        let x = features.map(|f| f.to_dense());
        let leaves: Option<Vec<u32>> = forest.roots.iter().map(|&root| reached(&forest, root, x.as_deref())).collect();
        assert_eq!(ran.faults[row].is_none(), leaves.is_some(), "{shape:?}, row {row}: {:?}", ran.faults[row]);
        for (part, column) in parts.iter().zip(&ran.outputs) {
            let values = leaves.as_ref().map(|leaves| expected(&forest, aggregate, *part, leaves));
            assert_row(column, row, values.as_deref().map(Row::Dense));
        }
    }
}

/// Checks a random forest on random rows: dense, sparse, too short, null.
fn check_random(shape: Shape, seed: u64) {
    check_rows(shape, seed, 37);
}

/// The same on twice so many rows and one.
fn check_rows(shape: Shape, seed: u64, rows: usize) {
    let mut random = Random(seed);
    let more = [Aggregate::WeightedMean, Aggregate::Max, Aggregate::Median];
    let aggregates = [[Aggregate::Sum, Aggregate::WeightedSum, Aggregate::Mean], more].concat();
    let some = if shape.mixed { &aggregates[..] } else { &aggregates[..3] };
    let aggregate = some[seed as usize % some.len()];
    let forest = forest(shape, !matches!(aggregate, Aggregate::Max | Aggregate::Median), &mut random);
    let rows: Vec<Vec<f64>> = (0..rows)
        .map(|row| {
            let short = if row % 5 == 4 { random.below(shape.features + 1) } else { 0 };
            let long = if row % 5 == 3 { 2 } else { 0 };
            let value = |random: &mut Random| match random.below(2) {
                0 if shape.categories > 0 => random.below(shape.categories + 2) as f64,
                _ => random.value(shape.grid),
            };
            (0..shape.features + long - short).map(|_| value(&mut random)).collect()
        })
        .collect();
    let every_third = |x: &[f64]| (0..x.len() as u32).filter(|i| i % 3 != 0).collect::<Vec<_>>();
    let stored: Vec<(Vec<u32>, Vec<f64>)> =
        rows.iter().map(|x| (every_third(x), every_third(x).iter().map(|&i| x[i as usize]).collect())).collect();
    let mut columns: Vec<Option<Row<'_>>> = rows.iter().map(|x| dense(x)).collect();
    columns.extend(rows.iter().zip(&stored).map(|(x, (indices, values))| sparse(x.len(), indices, values)));
    columns.push(None);
    check(shape, &forest, aggregate, &columns);
}

#[test]
fn every_walk_agrees_with_the_rules() {
    let mut seed = 1;
    for trees in [1, 4, 13, 29] {
        for (depth, features, width) in [(0, 1, 1), (1, 2, 1), (3, 5, 2), (5, 9, 3), (9, 4, 1)] {
            let categories = [0, 7, 0, 62][seed as usize % 4];
            check_random(
                Shape {
                    trees,
                    depth,
                    features,
                    width,
                    categories,
                    grid: [17, 50, 1000][seed as usize % 5 / 2],
                    full: false,
                    mixed: seed % 3 != 0,
                },
                seed,
            );
            seed += 1;
        }
    }
}

#[test]
fn large_trees_and_long_rows_agree_with_the_rules() {
    check_random(
        Shape { trees: 3, depth: 12, features: 5, width: 1, categories: 40, grid: 3000, full: false, mixed: true },
        81,
    );
    check_random(
        Shape { trees: 2, depth: 14, features: 70, width: 2, categories: 0, grid: 300, full: false, mixed: false },
        82,
    );
    check_random(
        Shape { trees: 30, depth: 4, features: 130, width: 1, categories: 9, grid: 20, full: false, mixed: true },
        84,
    );
    check_random(
        Shape { trees: 120, depth: 4, features: 36, width: 1, categories: 9, grid: 20, full: false, mixed: false },
        86,
    );
    check_random(
        Shape { trees: 41, depth: 5, features: 40, width: 1, categories: 9, grid: 20, full: false, mixed: false },
        85,
    );
    check_random(
        Shape { trees: 3, depth: 20, features: 3, width: 6, categories: 0, grid: 600, full: false, mixed: true },
        83,
    );
}

#[test]
fn small_trees_agree_with_the_rules() {
    let shape = Shape { trees: 7, depth: 6, features: 6, width: 1, categories: 0, grid: 40, full: true, mixed: true };
    for (seed, depth, trees) in [(111, 6, 7), (112, 5, 6), (113, 5, 7), (114, 3, 40), (115, 6, 40)] {
        for mixed in [false, true] {
            let shape = Shape { depth, trees, mixed, ..shape };
            (seed..).step_by(6).take(2).for_each(|seed| check_random(shape, seed));
        }
    }
}

#[test]
fn deep_trees_agree_with_the_rules() {
    let shape = Shape { trees: 5, depth: 9, features: 6, width: 3, categories: 0, grid: 40, full: true, mixed: false };
    let many = Shape { mixed: true, grid: 1 << 20, depth: 11, features: 2, ..shape };
    for (seed, shape, compares, walks) in [
        (101, shape, Precision::F64, "ranks"),
        (102, Shape { mixed: true, width: 1, ..shape }, Precision::F32, "ranks"),
        (103, Shape { mixed: true, categories: 9, features: 3, ..shape }, Precision::F64, "ranks"),
        (104, many, Precision::F32, "keys"),
        (105, Shape { width: 2, features: 1, trees: 3, ..many }, Precision::F32, "keys"),
        (106, Shape { features: 70, trees: 35, depth: 9, ..many }, Precision::F64, "none"),
    ] {
        let made = |seed| Arc::new(forest(shape, true, &mut Random(seed)));
        let seed = (seed..).step_by(6).find(|seed| made(*seed).compares == compares).expect("one in two does");
        let trees = Trees::new(&made(seed), Aggregate::Sum, Wants { scores: true, leaves: false });
        assert_eq!(trees.walks(), walks, "{shape:?}, seed {seed}");
        check_random(shape, seed);
    }
}

#[test]
fn many_sets_agree_with_the_rules() {
    let shape =
        Shape { trees: 41, depth: 5, features: 3, width: 1, categories: 40, grid: 40, full: true, mixed: false };
    // Pairs, heaps, leaves of their own, pages; codes of a word, of a byte, and too many.
    for (seed, shape) in [
        (121, shape),
        (122, Shape { depth: 6, trees: 20, mixed: true, ..shape }),
        (123, Shape { depth: 6, trees: 19, width: 2, categories: 62, mixed: true, ..shape }),
        (124, Shape { depth: 9, trees: 3, mixed: true, ..shape }),
        (125, Shape { categories: 63, features: 5, ..shape }),
        (126, Shape { categories: 130, features: 2, mixed: true, ..shape }),
        (127, Shape { depth: 6, trees: 20, categories: 254, ..shape }),
        (128, Shape { depth: 6, trees: 20, categories: 300, ..shape }),
        (129, Shape { trees: 60, features: 80, ..shape }),
    ] {
        check_random(shape, seed);
        let forest = Arc::new(forest(shape, true, &mut Random(seed)));
        let trees = Trees::new(&forest, Aggregate::Sum, Wants { scores: true, leaves: false });
        assert_eq!(trees.has_codes(), shape.categories < 255, "{shape:?}");
    }
}

#[test]
fn many_categories_and_many_features_take_the_plain_walk() {
    check_random(
        Shape { trees: 5, depth: 6, features: 4, width: 2, categories: 64, grid: 17, full: false, mixed: true },
        91,
    );
    check_random(
        Shape { trees: 5, depth: 6, features: 4, width: 1, categories: 150, grid: 17, full: false, mixed: true },
        92,
    );
    check_random(
        Shape { trees: 1, depth: 9, features: 900, width: 1, categories: 0, grid: 17, full: false, mixed: false },
        93,
    );
}

#[test]
fn blocks_of_any_size_agree_with_the_rules() {
    let shape =
        Shape { trees: 3, depth: 6, features: 3, width: 1, categories: 40, grid: 300, full: false, mixed: true };
    let large = Shape { depth: 9, trees: 1, categories: 0, full: true, ..shape };
    let codes = Shape { depth: 5, trees: 30, categories: 130, full: true, ..shape };
    for (seed, shape, rows) in [(131, shape, 60), (132, shape, 270), (133, large, 120), (134, codes, 260)] {
        check_rows(shape, seed, rows);
    }
}

/// A tree that tests the last of three features only where the first is above 0.
fn two_tests() -> ForestParts {
    ForestParts {
        features: 3,
        feature: vec![0, 2],
        split: vec![ForestSplit::Threshold(0.0), ForestSplit::Threshold(5.0)],
        left: vec![2, 3],
        right: vec![1, 4],
        roots: vec![0],
        weights: vec![1.0],
        width: 1,
        leaf_values: vec![10.0, 20.0, 30.0],
        leaf_numbers: vec![0, 1, 2],
        leaf_impurities: vec![0.25, 0.5, 0.75],
        ..ForestParts::default()
    }
}

/// Runs a tree on rows; each gives this score or is refused so.
fn scores(parts: ForestParts, rows: &[Option<Row<'_>>], expected: &[Result<f64, &str>]) {
    let forest = Arc::new(Forest::new(parts).expect("a tree"));
    let op = ForestOp { forest, aggregate: Aggregate::Sum, parts: vec![ForestPart::Score] };
    let ran = run(op, &[vectors(rows)]);
    for (row, expected) in expected.iter().enumerate() {
        assert_eq!(ran.faults[row].as_deref(), expected.err(), "row {row}");
        assert!(ran.outputs[0].row_eq(row, &numbers(&[expected.ok()]), 0), "row {row}: {:?}", ran.outputs[0]);
    }
}

#[test]
fn a_row_is_refused_only_where_its_path_reads_past_it() {
    let short = "column `a`: expected 3 elements, got 2 elements";
    let empty = "column `a`: expected 3 elements, got 0 elements";
    scores(
        two_tests(),
        &[dense(&[0.0, 1.0]), dense(&[1.0, 1.0]), sparse(2, &[], &[]), sparse(2, &[0], &[1.0]), dense(&[]), None],
        &[Ok(10.0), Err(short), Ok(10.0), Err(short), Err(empty), Err("column `a`: expected a value, got null")],
    );
}

#[test]
fn nan_goes_right_and_a_threshold_left() {
    scores(
        two_tests(),
        &[dense(&[NAN, 0.0, 5.0]), dense(&[0.0, 0.0, NAN]), dense(&[1.0, NAN, NAN]), dense(&[-0.0, 0.0, 0.0])],
        &[Ok(20.0), Ok(10.0), Ok(30.0), Ok(10.0)],
    );
}

#[test]
fn a_leaf_alone_reads_nothing() {
    let leaf = ForestParts {
        features: 3,
        roots: vec![0],
        weights: vec![1.0],
        width: 1,
        leaf_values: vec![10.0],
        leaf_numbers: vec![0],
        leaf_impurities: vec![0.0],
        ..Default::default()
    };
    scores(leaf, &[None, dense(&[]), dense(&[1.0, 2.0, 3.0])], &[Ok(10.0), Ok(10.0), Ok(10.0)]);
}

#[test]
fn a_category_is_an_integer() {
    for (left_if_in, other) in [(true, 30.0), (false, 10.0)] {
        let mut parts = two_tests();
        parts.feature = vec![0, 0];
        parts.right = vec![1, 4];
        parts.sets = vec![[0b101].into(), [0].into()];
        parts.split = vec![ForestSplit::Set { set: 0, left_if_in }, ForestSplit::Set { set: 1, left_if_in: true }];
        let inside = if left_if_in { 10.0 } else { 30.0 };
        let values = [0.0, -0.0, 2.0, 1.0, 0.5, -1.0, 63.0, 64.0, 1e300, NAN, INF, -INF];
        let rows: Vec<[f64; 3]> = values.iter().map(|v| [*v, 0.0, 0.0]).collect();
        let rows: Vec<Option<Row<'_>>> = rows.iter().map(|r| dense(r)).collect();
        let expected: Vec<_> = (0..values.len()).map(|i| Ok(if i < 3 { inside } else { other })).collect();
        scores(parts, &rows, &expected);
    }
}

#[test]
fn only_what_is_asked_is_written() {
    let forest = Arc::new(Forest::new(two_tests()).expect("a tree"));
    let input: [Column; 1] = [vectors(&[dense(&[1.0, 0.0, 9.0]), dense(&[0.0, 0.0, 0.0])])];
    let all = ForestOp { forest, aggregate: Aggregate::Mean, parts: PARTS.to_vec() };
    let whole = run(all.clone(), &input);
    assert_eq!(whole.outputs[5], numbers(&[Some(0.75), Some(0.25)]));
    for asked in [vec![0], vec![5], vec![4, 2], vec![1, 3], vec![3]] {
        let ran = run_asked(all.clone(), &input, &asked);
        let expected: Vec<Column> = asked.iter().map(|i| whole.outputs[*i].clone()).collect();
        assert_eq!(ran.outputs, expected, "{asked:?}");
    }
}

#[test]
fn numbers_of_their_own_may_be_missing() {
    let mut parts = two_tests();
    parts.missing = vec![Missing::Right, Missing::Left];
    let forest = Arc::new(Forest::new(parts).expect("a tree"));
    let op = ForestOp { forest, aggregate: Aggregate::Sum, parts: vec![ForestPart::Score] };
    let inputs = [
        numbers(&[Some(0.0), Some(1.0), None, Some(NAN), Some(1.0)]),
        numbers(&[None; 5]),
        numbers(&[None, None, Some(6.0), None, Some(5.0)]),
    ];
    let ran = run(op, &inputs);
    assert_eq!(ran.outputs[0], numbers(&[10.0, 20.0, 30.0, 20.0, 20.0].map(Some)));
    assert!(ran.faults.iter().all(Option::is_none));
}

#[test]
fn a_leaf_may_have_no_prediction() {
    for (nan_is_null, expected) in [(false, Some(NAN)), (true, None)] {
        let parts = ForestParts { leaf_values: vec![NAN, 2.0, 3.0], nan_is_null, ..two_tests() };
        let forest = Arc::new(Forest::new(parts).expect("a tree"));
        let parts = vec![ForestPart::Score, ForestPart::Leaf, ForestPart::Pair];
        let op = ForestOp { forest, aggregate: Aggregate::Sum, parts };
        let ran = run(op, &[vectors(&[dense(&[0.0, 0.0, 0.0]), dense(&[1.0, 0.0, 0.0])])]);
        assert!(ran.outputs[0].row_eq(0, &numbers(&[expected]), 0));
        assert_eq!(ran.outputs[1], numbers(&[Some(0.0), Some(1.0)]));
        assert!(ran.outputs[0].row_eq(1, &numbers(&[Some(2.0)]), 0));
        assert_row(&ran.outputs[2], 0, expected.map(|_| Row::Dense(&[NAN, NAN])));
    }
}

#[test]
fn an_invalid_number_is_refused_where_a_path_asks_for_it() {
    let forest = Arc::new(Forest::new(ForestParts { nan_is_invalid: true, ..two_tests() }).expect("a tree"));
    let op = ForestOp { forest, aggregate: Aggregate::Sum, parts: vec![ForestPart::Score] };
    let a = numbers(&[Some(-1.0), Some(1.0), Some(NAN), None, Some(1.0)]);
    let b = numbers(&[Some(NAN); 5]);
    let c = numbers(&[Some(NAN), Some(NAN), Some(0.0), Some(0.0), None]);
    let ran = run(op, &[a, b, c]);
    assert_row(&ran.outputs[0], 0, Some(Row::Dense(&[10.0])));
    assert_row(&ran.outputs[0], 3, Some(Row::Dense(&[20.0])));
    assert_row(&ran.outputs[0], 4, Some(Row::Dense(&[30.0])));
    let is_refused = ran.faults.iter().map(|fault| fault.as_ref().is_some_and(|f| f.contains("takes as valid")));
    assert_eq!(is_refused.collect::<Vec<_>>(), [false, true, true, false, false]);
}
