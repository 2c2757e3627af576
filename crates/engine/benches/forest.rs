//! What a row and a tree cost in the forest kernels alone: random ensembles of the shapes that trainers make, each by every kind of
//! instructions that the processor has, one row a call and 10,000 rows a call.
//!
//! Time of 10,000 rows is told in rows; divided by the trees it is the time of a row and a tree. Rows differ from call to call.

use std::{hint::black_box, sync::Arc};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use engine::{
    frame::Scratch,
    kernel::forest::{Isa, Trees, Wants},
};
use plan::{Aggregate, Forest, ForestBuilder, ForestParts, ForestSplit, Missing, NodeId, Precision};

/// Rows of a large call.
const ROWS: usize = 10_000;

/// Numbers from a seed (Knuth's MMIX generator).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % n as u64) as usize
    }

    /// A number from 0 to 1.
    fn share(&mut self) -> f64 {
        self.below(1 << 30) as f64 / f64::from(1 << 30)
    }
}

#[derive(Clone, Copy)]
enum Growth {
    /// Whatever leaf is next, until there are so many.
    Leaves(usize),
    /// Every branch to this depth, but a few.
    Depth(usize),
}

#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    trees: usize,
    growth: Growth,
    features: usize,
    /// Distinct thresholds of a feature.
    thresholds: usize,
    width: usize,
    precision: Precision,
    /// Whether features may be missing, and nodes say where those go.
    missing: bool,
    /// Features that are categories, split by sets.
    categorical: usize,
}

const BOOSTED: Shape = Shape {
    name: "500 trees of 31 leaves",
    trees: 500,
    growth: Growth::Leaves(31),
    features: 28,
    thresholds: 245,
    width: 1,
    precision: Precision::F64,
    missing: false,
    categorical: 0,
};

const SHAPES: [Shape; 7] = [
    BOOSTED,
    Shape { name: "the same with missing values", missing: true, ..BOOSTED },
    Shape { name: "the same with 2 categorical features", categorical: 2, ..BOOSTED },
    Shape { name: "500 trees of depth 6, float32", growth: Growth::Depth(6), precision: Precision::F32, ..BOOSTED },
    Shape { name: "100 trees of depth 10, 31 thresholds", thresholds: 31, width: 2, ..DEEP },
    Shape { name: "100 trees of depth 10, 4000 thresholds", thresholds: 4000, width: 3, ..DEEP },
    Shape { name: "10 trees of depth 5", trees: 10, growth: Growth::Depth(5), features: 11, width: 3, ..BOOSTED },
];

const DEEP: Shape = Shape { trees: 100, growth: Growth::Depth(10), precision: Precision::F32, ..BOOSTED };

/// Categories of a categorical feature.
const CATEGORIES: usize = 40;

fn forest(shape: Shape, random: &mut Random) -> Forest {
    let sums = if shape.width == 1 { shape.precision } else { Precision::F64 };
    let mut builder = ForestBuilder::with(ForestParts {
        features: shape.features as u32,
        width: shape.width as u32,
        compares: shape.precision,
        sums,
        ..ForestParts::default()
    });
    for _ in 0..shape.trees {
        let root = match shape.growth {
            Growth::Depth(depth) => by_depth(shape, depth, depth, &mut builder, random),
            Growth::Leaves(leaves) => by_leaves(shape, leaves, &mut builder, random),
        };
        builder.tree(root, 1.0);
    }
    Forest::new(builder.finish()).expect("trees, as they were grown")
}

fn by_depth(shape: Shape, depth: usize, from: usize, builder: &mut ForestBuilder, random: &mut Random) -> NodeId {
    if depth == 0 || depth < from / 2 && random.below(8) == 0 {
        return leaf(shape, builder, random);
    }
    let node = node(shape, builder, random);
    let left = by_depth(shape, depth - 1, from, builder, random);
    let right = by_depth(shape, depth - 1, from, builder, random);
    builder.children(node, left, right);
    node
}

fn by_leaves(shape: Shape, leaves: usize, builder: &mut ForestBuilder, random: &mut Random) -> NodeId {
    if leaves == 1 {
        return leaf(shape, builder, random);
    }
    let node = node(shape, builder, random);
    let left = 1 + random.below(leaves - 1);
    let (left, right) = (by_leaves(shape, left, builder, random), by_leaves(shape, leaves - left, builder, random));
    builder.children(node, left, right);
    node
}

fn leaf(shape: Shape, builder: &mut ForestBuilder, random: &mut Random) -> NodeId {
    let values: Vec<f64> = (0..shape.width).map(|_| random.share() - 0.5).collect();
    builder.leaf(&values, 0)
}

fn node(shape: Shape, builder: &mut ForestBuilder, random: &mut Random) -> NodeId {
    let feature = random.below(shape.features);
    if feature < shape.categorical {
        let set = builder.set([random.below(1 << 30) as u64 | (random.below(1 << 10) as u64) << 30]);
        return builder.node(feature as u32, ForestSplit::Set { set, left_if_in: true }, Missing::Right);
    }
    let threshold = (random.below(shape.thresholds) as f64 + 0.5) / shape.thresholds as f64;
    let missing = [Missing::Left, Missing::Right][if shape.missing { random.below(2) } else { 1 }];
    let split = match shape.precision {
        Precision::F64 => ForestSplit::Threshold(threshold),
        Precision::F32 => ForestSplit::Below(f64::from(threshold as f32)),
    };
    builder.node(feature as u32, split, missing)
}

fn rows(shape: Shape, random: &mut Random) -> Vec<f64> {
    let value = |feature: usize, random: &mut Random| match feature {
        feature if feature < shape.categorical => random.below(CATEGORIES) as f64,
        _ if shape.missing && random.below(10) == 0 => f64::NAN,
        _ => random.share(),
    };
    (0..ROWS * shape.features).map(|i| value(i % shape.features, random)).collect()
}

fn bench(c: &mut Criterion, shape: Shape) {
    let mut random = Random(1);
    let forest = Arc::new(forest(shape, &mut random));
    let rows = rows(shape, &mut random);
    let (mut scratch, mut scores) = (Scratch::default(), Vec::new());
    let mut group = c.benchmark_group(shape.name);
    for isa in Isa::all() {
        let trees = Trees::on(isa, &forest, Aggregate::Sum, Wants { scores: true, leaves: false });
        let mut next = rows.chunks_exact(shape.features).cycle();
        group.throughput(Throughput::Elements(1));
        group.bench_function(BenchmarkId::new("1 row", format!("{isa:?}")), |b| {
            b.iter(|| {
                scores.clear();
                trees.scores(next.next().expect("without end"), &mut scratch, &mut scores);
                black_box(scores[0])
            });
        });
        for count in [8, 64, ROWS] {
            group.throughput(Throughput::Elements(count as u64));
            let rows = &rows[..count * shape.features];
            group.bench_function(BenchmarkId::new(format!("{count} rows"), format!("{isa:?}")), |b| {
                b.iter(|| {
                    scores.clear();
                    trees.scores(rows, &mut scratch, &mut scores);
                    black_box(scores[0])
                });
            });
        }
    }
    group.finish();
}

fn benches(c: &mut Criterion) {
    SHAPES.into_iter().for_each(|shape| bench(c, shape));
}

criterion_group! {
    name = forest_kernels;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1));
    targets = benches
}
criterion_main!(forest_kernels);
