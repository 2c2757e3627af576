//! In the steady state a run allocates nothing.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::Arc,
};

use engine::Workspace;
use model::{Batch, Call, Column, DType, Takes, Text, Type};
use plan::{
    Aggregate, AssociationOp, BasketItems, BayesOp, Choose, ClusterOp, Compressed, DistanceOp, EncodeOp, Expr, Factors,
    Forest, ForestOp, ForestPart, ForestParts, ForestSplit, Func, Hash, Invalid, LinearOp, Plan, PlanBuilder,
    RecommendOp, Rules, Scalar, Split, TextOp, ValueType, VectorOp, Weights,
    expr::{Cast, CastRule, ListFunc, TextFunc},
    op::{
        association::{Basket, Fires, Follows, Sequences, SetRules, Table},
        bayes::{Factor, Network},
        distance::{Compare, Comparison, Measure, Metric, Verdict},
    },
};

use crate::ways::{f64s, program};

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// Counts what this thread allocates.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

#[allow(unsafe_code)]
// SAFETY: every call goes to the system's allocator as it came; counting touches a thread-local without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|c| c.set(c.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: `ptr` came from `System` by the functions here.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        COUNT.with(|c| c.set(c.get() + 1));
        // SAFETY: `ptr` came from `System` by the functions here.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

/// Returns how often `f` allocates.
pub fn allocations(f: impl FnOnce()) -> u64 {
    let before = COUNT.with(Cell::get);
    f();
    COUNT.with(Cell::get) - before
}

fn text_pipeline() -> Plan {
    let mut b = PlanBuilder::new();
    let text = b.input("text", Takes::One(Type::Text));
    let words = b.node("words", TextOp::Split { by: Split::Whitespace, lower: true, chars_min: 0 }, &[text], "words");
    let hash = EncodeOp::HashCounts { size: 1000, hash: Hash::Murmur3, binary: false };
    let features = b.node("features", hash, &[words], "features");
    let weights = Weights::Dense { columns: 1000, values: (0..1000).map(|i| f64::from(i) / 999.0).collect() };
    let raw = b.node("raw", LinearOp::Pair { weights, intercept: -1.0 }, &[features], "raw");
    let probability = b.node("probability", VectorOp::Sigmoid { scale: 1.0 }, &[raw], "probability");
    let prediction = b.node("prediction", VectorOp::Choose(Choose::Above(0.5)), &[probability], "prediction");
    for (name, slot) in [
        ("text", text),
        ("words", words),
        ("features", features),
        ("raw", raw),
        ("probability", probability),
        ("prediction", prediction),
    ] {
        b.output(name, slot);
    }
    b.finish().expect("a plan")
}

/// Trees of one test each, on a category and two numbers.
fn forest_pipeline() -> Plan {
    let trees = 20;
    let forest = Forest::new(ForestParts {
        features: 3,
        feature: (0..trees).map(|t| t % 3).collect(),
        split: (0..trees).map(|t| ForestSplit::Threshold(f64::from(t) / 10.0)).collect(),
        left: (0..trees).map(|t| trees + 2 * t).collect(),
        right: (0..trees).map(|t| trees + 2 * t + 1).collect(),
        roots: (0..trees).collect(),
        weights: vec![1.0; trees as usize],
        width: 2,
        leaf_values: (0..4 * trees).map(f64::from).collect(),
        leaf_numbers: (0..2 * trees).map(|leaf| leaf % 2).collect(),
        leaf_impurities: vec![0.0; 2 * trees as usize],
        ..ForestParts::default()
    })
    .expect("trees");
    let mut b = PlanBuilder::new();
    let city = b.input("city", Takes::One(Type::Text));
    let (x, y) = (b.input("x", Takes::One(Type::F64)), b.input("y", Takes::One(Type::F64)));
    let labels: Arc<[Box<str>]> = ["oslo", "rome"].map(Into::into).into();
    let index = b.node("index", EncodeOp::Index { labels, invalid: Invalid::Keep }, &[city], "index");
    let assemble = VectorOp::Assemble { sizes: vec![None; 3], invalid: Invalid::Keep, form: Compressed::default() };
    let features = b.node("features", assemble, &[index, x, y], "features");
    let parts = vec![ForestPart::Scores, ForestPart::Leaves];
    let op = ForestOp { forest: Arc::new(forest), aggregate: Aggregate::Sum, parts };
    let outs = b.node_many("forest", op, &[features], &["raw", "leaves"]);
    let probability = b.node("probability", VectorOp::Proportions, &[outs[0]], "probability");
    let prediction = b.node("prediction", VectorOp::Choose(Choose::Largest), &[probability], "prediction");
    for (name, slot) in [("index", index), ("features", features), ("leaves", outs[1]), ("prediction", prediction)] {
        b.output(name, slot);
    }
    b.finish().expect("a plan")
}

/// Runs the plan on the batch 100 times to warm up, then 100 times counted.
fn check_steady_state(plan: &Plan, batch: &Batch) {
    let types: Vec<ValueType> = plan.first_types().into_iter().flatten().collect();
    let program = program(plan, &types);
    let call = Call::new(batch.clone());
    let mut workspace = Workspace::new();
    let mut run = || {
        let answer = program.run(&call, 0, batch.rows(), &mut workspace).expect("an answer");
        assert!(answer.faults().is_empty() && answer.rows() == batch.rows());
    };
    (0..100).for_each(|_| run());
    let counted = allocations(|| (0..100).for_each(|_| run()));
    assert_eq!(counted, 0, "allocations in 100 runs of {} rows", batch.rows());
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(vec![0u8; 100])), 1);
}

#[test]
fn the_text_pipeline_allocates_nothing() {
    let texts = ["mist makes Spark better", "", "ÅNGSTRÖM a b c d e f g h i j k l m n o p", "hadoop"];
    for rows in [1, 8, 500] {
        let mut batch = Batch::new(rows);
        batch.push("text", Column::Text((0..rows).map(|i| Some(texts[i % 4])).collect::<Text>()));
        check_steady_state(&text_pipeline(), &batch);
    }
}

/// Texts, decimals and lists made and forgotten row by row.
fn expression() -> Plan {
    let mut b = PlanBuilder::new();
    let (text, x) = (b.input("text", Takes::One(Type::Text)), b.input("x", Takes::One(Type::F64)));
    let call = |func: Func, args: &[Expr]| Expr::Call(func, args.to_vec());
    let number = call(Cast::new(Type::Text, CastRule::Ansi).into(), &[Expr::Input(1)]);
    let decimal = call(Cast::new(Type::scalar(DType::Decimal(10, 2)), CastRule::Legacy).into(), &[Expr::Input(1)]);
    let shown = call(Cast::new(Type::Text, CastRule::Legacy).into(), &[decimal]);
    let upper = call(TextFunc::PadLeft.into(), &[Expr::Input(0), Expr::Const(Scalar::I32(30)), Expr::text("*")]);
    let list =
        call(ListFunc::Sort { ascending: true }.into(), &[call(ListFunc::Array.into(), &[number, shown, upper])]);
    let joined = call(ListFunc::Join.into(), &[list.clone(), Expr::text(", ")]);
    let (list, joined) = (b.node("list", list, &[text, x], "list"), b.node("joined", joined, &[text, x], "joined"));
    b.output("list", list);
    b.output("joined", joined);
    b.finish().expect("a plan")
}

#[test]
fn an_expression_allocates_nothing() {
    for rows in [1, 8, 500] {
        let mut batch = Batch::new(rows);
        batch.push("text", Column::Text((0..rows).map(|i| Some(["rome", "ÅNGSTRÖM"][i % 2])).collect::<Text>()));
        batch.push("x", f64s((0..rows).map(|i| Some(i as f64 / 7.0))));
        check_steady_state(&expression(), &batch);
    }
}

#[test]
fn the_forest_pipeline_allocates_nothing() {
    for rows in [1, 8, 500] {
        let mut batch = Batch::new(rows);
        batch.push("city", Column::Text((0..rows).map(|i| Some(["rome", "lima"][i % 2])).collect::<Text>()));
        batch.push("x", f64s((0..rows).map(|i| Some(i as f64 / 7.0))));
        batch.push("y", f64s((0..rows).map(|i| (i % 3 != 0).then_some(0.5))));
        check_steady_state(&forest_pipeline(), &batch);
    }
}

/// Topics of words, a score of two ids, and what rules say of the words.
fn recommending_pipeline() -> Plan {
    let mut b = PlanBuilder::new();
    let text = b.input("text", Takes::One(Type::Text));
    let (user, item) = (b.input("user", Takes::One(Type::F64)), b.input("item", Takes::One(Type::F64)));
    let words = b.node("words", TextOp::Split { by: Split::Whitespace, lower: true, chars_min: 0 }, &[text], "words");
    let hash = EncodeOp::HashCounts { size: 100, hash: Hash::Murmur3, binary: false };
    let counts = b.node("counts", hash, &[words], "counts");
    let weights = (0..300).map(|i| f64::from(i % 7) / 7.0).collect();
    let op = ClusterOp::Topics { weights, prior: [0.3; 3].into(), start: [1.0; 3].into() };
    let topics = b.node("topics", op, &[counts], "topics");
    let side = || Factors { ids: (0..10).collect(), values: (0..20).map(|i| i as f32).collect() };
    let op = RecommendOp::FactorDot { users: side(), items: side(), rank: 2, drop: false };
    let score = b.node("score", op, &[user, item], "score");
    let rules = Rules {
        items: BasketItems::Texts(["mist", "spark", "hadoop"].map(|item| Some(item.into())).into()),
        offsets: [0, 1, 3].into(),
        members: [0, 0, 1].into(),
        rules: [(0, 1), (1, 2)].into(),
    };
    let others = b.node("others", RecommendOp::BasketRules(rules), &[words], "others");
    for (name, slot) in [("topics", topics), ("score", score), ("others", others)] {
        b.output(name, slot);
    }
    b.finish().expect("a plan")
}

#[test]
fn the_recommending_pipeline_allocates_nothing() {
    let texts = ["mist makes Spark better", "", "a b c d e f g h i j k l m n o p", "hadoop mist"];
    for rows in [1, 8, 40] {
        let mut batch = Batch::new(rows);
        batch.push("text", Column::Text((0..rows).map(|i| Some(texts[i % 4])).collect::<Text>()));
        batch.push("user", f64s((0..rows).map(|i| Some((i % 12) as f64))));
        batch.push("item", f64s((0..rows).map(|i| Some((i % 9) as f64))));
        check_steady_state(&recommending_pipeline(), &batch);
    }
}

/// Neighbours and what they say, clusters, a network, rules of sets and of sequences.
fn entities_pipeline() -> Plan {
    let mut b = PlanBuilder::new();
    let (x, y) = (b.input("x", Takes::One(Type::F64)), b.input("y", Takes::One(Type::F64)));
    let text = b.input("text", Takes::One(Type::Text));
    let part = || Comparison { compare: Compare::AbsDiff, weight: 1.0, counts: 1.0 };
    let measure = Measure { metric: Metric::Euclidean, fields: [part(), part()].into(), single: false };
    let points: Arc<[f64]> = (0..400).map(|i| f64::from(i * 7919 % 257)).collect();
    let nearest = DistanceOp::Nearest { measure: measure.clone(), points: points.clone(), count: 5 };
    let near = b.node_many("near", nearest, &[x, y], &["places", "distances"]);
    let verdict = Verdict::WeightedVote { threshold: 0.1, preference: [1, 0].into() };
    let values = (0..200).map(|i| f64::from(i % 2)).collect();
    let judge = b.node("judge", DistanceOp::Judge { values, verdict, count: 5, single: false }, &near, "judge");
    let all = DistanceOp::All { measure, points: points[..20].into() };
    let clusters = b.node_many("clusters", all, &[x, y], &["affinities", "cluster"]);
    let factors = [
        Factor { variables: [0].into(), values: [0.5, 0.5].into() },
        Factor { variables: [0, 1, 2].into(), values: (0..8).map(f64::from).collect() },
    ];
    let network = Network { sizes: [2, 2, 2].into(), factors: factors.into(), inputs: [1, 2].into(), target: 0 };
    let shares = b.node("shares", BayesOp::Network(network), &[x, y], "shares");
    let words = b.node("words", TextOp::Split { by: Split::Whitespace, lower: true, chars_min: 0 }, &[text], "words");
    let later = [(0, Follows::Later), (1, Follows::Later), (1, Follows::Later)];
    for (name, sequences) in
        [("rules", None), ("sequences", Some(Sequences { offsets: [0, 2, 3].into(), steps: later.into() }))]
    {
        let rules = SetRules {
            basket: Basket::Texts(["mist", "spark"].map(Into::into).into()),
            offsets: [0, 1, 2].into(),
            members: [0, 1].into(),
            rules: [(0, 1), (1, 0)].into(),
            sequences,
        };
        let op = AssociationOp::Fired { rules, fires: Fires::Antecedent, order: [1, 0].into() };
        let fired = b.node(name, op, &[words], name);
        let table = Table::Texts([Some("first".into()), Some("second".into())].into());
        let ids = b.node(name, AssociationOp::Entries { table, limit: None }, &[fired], name);
        b.output(name, ids);
    }
    for (name, slot) in [("judge", judge), ("a", clusters[0]), ("cluster", clusters[1]), ("shares", shares)] {
        b.output(name, slot);
    }
    b.finish().expect("a plan")
}

#[test]
fn the_entities_pipeline_allocates_nothing() {
    let texts = ["mist makes Spark better", "", "spark before mist", "hadoop mist"];
    for rows in [1, 8, 40] {
        let mut batch = Batch::new(rows);
        batch.push("x", f64s((0..rows).map(|i| Some((i % 3) as f64))));
        batch.push("y", f64s((0..rows).map(|i| (i % 3 != 0).then_some(1.0))));
        batch.push("text", Column::Text((0..rows).map(|i| Some(texts[i % texts.len()])).collect::<Text>()));
        check_steady_state(&entities_pipeline(), &batch);
    }
}
