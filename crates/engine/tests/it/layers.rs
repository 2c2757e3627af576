//! A product with its bias and its function is one node of a plan: the bits are those of the three.

use model::{Batch, Takes, Tensor, Type, Value, Whole};
use plan::{
    Plan, PlanBuilder,
    tensor::{Binary, DenseOp, ElementOp, Unary},
};

use crate::ways::{predict, program};

/// Numbers that look random and are the same in every run.
fn numbers(count: usize, seed: f32) -> Vec<f32> {
    (0..count).map(|i| ((i as f32 * 12.9898 + seed).sin() * 43_758.547).fract() * 4.0).collect()
}

fn tensor(shape: &[usize], seed: f32) -> Whole {
    let elements = numbers(shape.iter().product(), seed);
    Whole::Tensor(Tensor::new(shape, elements).expect("as many elements as the shape says"))
}

/// A layer of 11 numbers to 13. Where what stands between is an output too, nothing is fused.
fn layer(end: Unary, apart: bool) -> Plan {
    let mut b = PlanBuilder::new();
    let x = b.whole_input("x", Takes::One(Type::F32));
    let w = b.node("w", tensor(&[11, 13], 1.0), &[], "w");
    let c = b.node("c", tensor(&[13], 2.0), &[], "c");
    let product = b.node("product", DenseOp::MatMul { transpose: [false; 2] }, &[x, w], "product");
    let sum = b.node("sum", ElementOp::Binary(Binary::Add), &[product, c], "sum");
    let y = b.node("y", ElementOp::Unary(end), &[sum], "y");
    b.output("y", y);
    if apart {
        b.output("product", product);
        b.output("sum", sum);
    }
    b.finish().expect("a plan")
}

fn bits(plan: &Plan, rows: usize) -> Vec<u32> {
    let mut batch = Batch::new(1);
    batch.push_whole("x", tensor(&[rows, 11], 3.0));
    let types: Vec<_> = plan.first_types().into_iter().flatten().collect();
    let out = predict(&program(plan, &types), &batch).expect("an answer");
    let Some(Value::Whole(Whole::Tensor(y))) = out.value("y") else { panic!("a tensor") };
    y.get::<f32>().expect("float32").iter().map(|y| y.to_bits()).collect()
}

#[test]
fn a_layer_has_the_bits_of_its_parts() {
    for end in [Unary::Relu, Unary::Sigmoid, Unary::Tanh, Unary::Elu { alpha: 0.5 }, Unary::Softplus] {
        let (fused, apart) = (layer(end, false), layer(end, true));
        assert!(fused.nodes.len() < apart.nodes.len(), "one of them is fused");
        for rows in [1, 2, 7, 100] {
            assert_eq!(bits(&fused, rows), bits(&apart, rows), "{end:?}, {rows} rows");
        }
    }
}
