//! What a row costs in process: pipelines made by hand, one row a call and a tile of rows a call.
//!
//! `run` leaves the answer in the workspace; `predict` copies it into a batch of its own, which allocates. Rows differ from call to
//! call, so that branches and caches see what a server's do.

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use engine::{Program, Workspace, compile::compile};
use model::{Batch, Call, Column, DType, Fixed, Takes, Text, Type};
use plan::{
    Aggregate, Choose, Compressed, EncodeOp, Forest, ForestOp, ForestPart, ForestParts, ForestSplit, Hash, Invalid,
    LinearOp, Plan, PlanBuilder, Split, TextOp, ValueType, VectorOp, Weights,
};

/// Different rows of input.
const ROWS: usize = 1024;

/// Of those, the ones that come alone: few enough that they, unlike the model, are in the cache as a fresh request is.
const CALLS: usize = 64;

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

/// Tokens, hashed to 1000 features, to a logistic regression: the pipeline of Spark's documentation.
fn text() -> (Plan, Batch) {
    let mut random = Random(1);
    let mut builder = PlanBuilder::new();
    let text = builder.input("text", Takes::One(Type::Text));
    let split = TextOp::Split { by: Split::Whitespace, lower: true, chars_min: 0 };
    let words = builder.node("tokenizer", split, &[text], "words");
    let counts = EncodeOp::HashCounts { size: 1000, hash: Hash::Murmur3, binary: false };
    let features = builder.node("hashing", counts, &[words], "features");
    let values = (0..1000).map(|_| random.share() - 0.5).collect();
    let pair = LinearOp::Pair { weights: Weights::Dense { columns: 1000, values }, intercept: 0.1 };
    let raw = builder.node("regression", pair, &[features], "rawPrediction");
    let probability = builder.node("regression", VectorOp::Sigmoid { scale: 1.0 }, &[raw], "probability");
    let choose = VectorOp::Choose(Choose::Above(0.5));
    let prediction = builder.node("regression", choose, &[probability], "prediction");
    let outputs = [words, features, raw, probability, prediction];
    for (name, slot) in ["words", "features", "rawPrediction", "probability", "prediction"].into_iter().zip(outputs) {
        builder.output(name, slot);
    }
    let words = ["mist", "makes", "Spark", "better", "a", "model", "server", "of", "few", "Words", "answers", "soon"];
    let mut sentence = || (0..3 + random.below(5)).map(|_| words[random.below(12)]).collect::<Vec<_>>().join(" ");
    let rows: Text = (0..ROWS).map(|_| Some(sentence())).collect();
    let mut batch = Batch::new(ROWS);
    batch.push("text", Column::Text(rows));
    (builder.finish().expect("a plan"), batch)
}

const NUMBERS: usize = 19;
const LABELS: [&str; 6] = ["red", "green", "blue", "black", "white", "grey"];

/// A label and 19 numbers to 100 trees of depth 10 for two classes, all columns. With `categories` the trees
/// ask for sets of labels, as Spark's do after a StringIndexer; else for thresholds only.
fn forest(categories: bool) -> (Plan, Batch) {
    let mut random = Random(2);
    let mut builder = PlanBuilder::new();
    let label = builder.input("label", Takes::One(Type::Text));
    let labels = LABELS.into_iter().map(Box::from).collect();
    let index = EncodeOp::Index { labels, invalid: Invalid::Error };
    let mut inputs = vec![builder.node("indexer", index, &[label], "index")];
    let mut batch = Batch::new(ROWS);
    batch.push("label", Column::Text((0..ROWS).map(|_| Some(LABELS[random.below(6)])).collect()));
    for i in 0..NUMBERS {
        inputs.push(builder.input(&format!("x{i}"), Takes::One(Type::scalar(DType::F64))));
        let values: Vec<f64> = (0..ROWS).map(|_| random.share()).collect();
        batch.push(format!("x{i}"), Column::Fixed(Fixed::from_vec(DType::F64, values)));
    }
    let assemble =
        VectorOp::Assemble { sizes: vec![Some(0); NUMBERS + 1], invalid: Invalid::Error, form: Compressed::default() };
    let features = builder.node("assembler", assemble, &inputs, "features");
    let forest = Arc::new(trees(categories, &mut random));
    let op = ForestOp { forest, aggregate: Aggregate::Sum, parts: vec![ForestPart::Scores] };
    let raw = builder.node("forest", op, &[features], "rawPrediction");
    let probability = builder.node("forest", VectorOp::Proportions, &[raw], "probability");
    let prediction = builder.node("forest", VectorOp::Choose(Choose::Largest), &[probability], "prediction");
    let outputs = [inputs[0], features, raw, probability, prediction];
    for (name, slot) in ["index", "features", "rawPrediction", "probability", "prediction"].into_iter().zip(outputs) {
        builder.output(name, slot);
    }
    (builder.finish().expect("a plan"), batch)
}

/// About 300 nodes a tree, as Spark's forests of that depth have.
fn trees(categories: bool, random: &mut Random) -> Forest {
    const INNER_MAX: u32 = 1 << 30;
    let mut parts = ForestParts { features: NUMBERS as u32 + 1, width: 2, ..ForestParts::default() };
    for _ in 0..100 {
        let root = grow(10, categories, &mut parts, random);
        parts.roots.push(root);
        parts.weights.push(1.0);
    }
    let inner = parts.split.len() as u32;
    for child in parts.left.iter_mut().chain(&mut parts.right).filter(|child| **child >= INNER_MAX) {
        *child = *child - INNER_MAX + inner;
    }
    Forest::new(parts).expect("trees, as they were grown")
}

fn grow(depth: usize, categories: bool, parts: &mut ForestParts, random: &mut Random) -> u32 {
    if depth == 0 || depth <= 6 && random.below(20) < 7 {
        let (leaf, p) = (parts.leaf_numbers.len() as u32, random.share());
        parts.leaf_numbers.push(leaf);
        parts.leaf_impurities.push(p * (1.0 - p));
        parts.leaf_values.extend([p, 1.0 - p]);
        return leaf + (1 << 30);
    }
    let node = parts.split.len();
    let feature = random.below(NUMBERS + 1) as u32;
    parts.feature.push(feature);
    parts.split.push(match feature {
        0 if categories => {
            parts.sets.push([random.below(1 << LABELS.len()) as u64].into());
            ForestSplit::Set { set: parts.sets.len() as u32 - 1, left_if_in: random.below(2) == 0 }
        }
        0 => ForestSplit::Threshold(random.below(5) as f64 + 0.5),
        _ => ForestSplit::Threshold(random.share()),
    });
    parts.left.push(0);
    parts.right.push(0);
    parts.left[node] = grow(depth - 1, categories, parts, random);
    parts.right[node] = grow(depth - 1, categories, parts, random);
    node as u32
}

fn program(plan: &Plan) -> Program {
    let types: Vec<Option<ValueType>> = plan.first_types();
    compile(plan, &types, None).expect("a plan that compiles")
}

fn bench(c: &mut Criterion, name: &str, (plan, batch): (Plan, Batch)) {
    let program = program(&plan);
    let mut workspace = Workspace::new();
    let calls: Vec<Call> = (0..CALLS).map(|row| Call::new(batch.slice(row, 1))).collect();
    let all = Call::new(batch);
    let mut group = c.benchmark_group(name);

    let mut next = (0..CALLS).cycle();
    group.bench_function("one row, run", |b| {
        b.iter(|| {
            let call = &calls[next.next().expect("without end")];
            black_box(program.run(call, 0, 1, &mut workspace).expect("an answer").rows())
        });
    });
    group.bench_function("one row, predict", |b| {
        b.iter(|| {
            let call = &calls[next.next().expect("without end")];
            black_box(program.predict(call, &mut workspace).expect("an answer"))
        });
    });
    group.throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("1024 rows, run", |b| {
        b.iter(|| black_box(program.run(&all, 0, ROWS, &mut workspace).expect("an answer").rows()));
    });
    group.bench_function("1024 rows, predict", |b| {
        b.iter(|| black_box(program.predict(&all, &mut workspace).expect("an answer")));
    });
    group.finish();
}

fn benches(c: &mut Criterion) {
    bench(c, "text", text());
    bench(c, "forest of categories", forest(true));
    bench(c, "forest of thresholds", forest(false));
}

criterion_group!(rows, benches);
criterion_main!(rows);
