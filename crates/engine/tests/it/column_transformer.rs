//! A scikit-learn-like ColumnTransformer: a sparse text branch, a category and scaled numbers side by side, into a linear
//! model.

use std::sync::Arc;

use model::{Batch, Column, Takes, Text, Type, column::Row};
use plan::{
    Choose, Compressed, EncodeOp, Hash, Invalid, LinearOp, Plan, PlanBuilder, Split, TextOp, VectorOp, Weights,
};

use crate::ways::{check_all_ways, f64s, mark};

const TERMS: u32 = 64;

fn transformer() -> Plan {
    let mut b = PlanBuilder::new();
    let text = b.input("text", Takes::One(Type::Text));
    let city = b.input("city", Takes::One(Type::Text));
    let age = b.input("age", Takes::One(Type::F64));
    let split = TextOp::Split { by: Split::Whitespace, lower: true, chars_min: 0 };
    let tokens = b.node("tokens", split, &[text], "tokens");
    let hash = EncodeOp::HashCounts { size: TERMS, hash: Hash::Murmur3, binary: false };
    let counts = b.node("hash", hash, &[tokens], "counts");
    let labels: Arc<[Box<str>]> = ["oslo", "rome"].map(Into::into).into();
    let index = b.node("index", EncodeOp::Index { labels, invalid: Invalid::Keep }, &[city], "index");
    let one_hot = EncodeOp::OneHot { categories: 3, drop_last: false, invalid: Invalid::Error };
    let city = b.node("one hot", one_hot, &[index], "city_vector");
    let assemble =
        |n: usize| VectorOp::Assemble { sizes: vec![None; n], invalid: Invalid::Error, form: Compressed::default() };
    let numbers = b.node("numbers", assemble(1), &[age], "numbers");
    let scale = VectorOp::Standardize { shift: Some(Arc::from([40.0])), scale: Some(Arc::from([0.1])) };
    let scaled = b.node("scale", scale, &[numbers], "scaled");
    let features = b.node("union", assemble(3), &[counts, city, scaled], "features");
    let size = TERMS as usize + 4;
    let weights: Vec<f64> = (0..size).map(|i| (i as f64 - 30.0) / 10.0).collect();
    let weights = Weights::Dense { columns: size as u32, values: weights.into() };
    let raw = b.node("linear", LinearOp::Pair { weights, intercept: -0.25 }, &[features], "raw");
    let probability = b.node("sigmoid", VectorOp::Sigmoid { scale: 1.0 }, &[raw], "probability");
    let prediction = b.node("choose", VectorOp::Choose(Choose::Above(0.5)), &[probability], "prediction");
    for (name, slot) in [("features", features), ("raw", raw), ("probability", probability), ("prediction", prediction)]
    {
        b.output(name, slot);
    }
    b.finish().expect("a plan")
}

#[test]
fn branches_of_every_kind_meet_in_one_vector() {
    let texts = [Some("mist makes Spark better"), Some(""), Some("a b a"), None, Some("ÅNGSTRÖM ß"), Some("x")];
    let cities = ["oslo", "rome", "lima"];
    let ages = [Some(40.0), Some(20.0), Some(0.0), Some(1.0), None];
    let rows = 900;
    let mut batch = Batch::new(rows);
    let cycle = |i: usize| texts[i % texts.len()];
    batch.push("text", Column::Text((0..rows).map(cycle).collect::<Text>()));
    batch.push("city", Column::Text((0..rows).map(|i| Some(cities[i % 3])).collect::<Text>()));
    batch.push("age", f64s((0..rows).map(|i| ages[i % ages.len()])));
    let out = check_all_ways(transformer(), &batch);
    let Some(Column::Vector(features)) = out.column("features") else { panic!("vectors") };
    // Row 0: four terms, one city, and an age that scales to zero and so is not stored.
    let Row::Sparse { size, indices, .. } = features.row(0) else { panic!("mostly zeros are sparse") };
    assert_eq!(size, TERMS as usize + 4);
    assert!(indices.contains(&TERMS) && !indices.contains(&(TERMS + 3)), "{indices:?}");
    let Column::Vector(probability) = out.column("probability").expect("an output") else { panic!("vectors") };
    let Row::Dense(p) = probability.row(0) else { panic!("dense") };
    assert_eq!(p[1], 1.0 - p[0]);
    assert!(mark(&out, 3).contains("column `text`"), "{}", mark(&out, 3));
    assert!(mark(&out, 4).contains("column `age`"), "{}", mark(&out, 4));
}
