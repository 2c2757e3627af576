//! What the kernels of tensors take: layers, convolutions, pooling and a recurrent cell, alone and over many examples.

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use engine::{Program, Workspace, compile::compile};
use model::{Batch, Call, Takes, Tensor, Type, Whole};
use plan::{
    PlanBuilder, SlotId,
    tensor::{
        ConvOp, DenseOp, RecurrentOp, Unary,
        conv::{Pads, Pool, Window},
        recurrent::{Cell, Curve, Direction},
    },
};

/// Numbers that look random and are the same in every run.
fn tensor(shape: &[usize]) -> Whole {
    let count = shape.iter().product();
    let elements: Vec<f32> = (0..count).map(|i| ((i as f32 * 12.9898).sin() * 43_758.547).fract() - 0.5).collect();
    Whole::Tensor(Tensor::new(shape, elements).expect("as many elements as the shape says"))
}

/// Adds nodes after a slot and returns the last one's.
type Nodes = fn(&mut PlanBuilder, SlotId) -> SlotId;

fn program(nodes: Nodes) -> Arc<Program> {
    let mut b = PlanBuilder::new();
    let x = b.whole_input("x", Takes::One(Type::F32));
    let y = nodes(&mut b, x);
    b.output("y", y);
    let plan = Arc::new(b.finish().expect("a plan"));
    Arc::new(compile(&plan, &plan.first_types(), None).expect("a program"))
}

fn weights(b: &mut PlanBuilder, shape: &[usize]) -> SlotId {
    b.node("weights", tensor(shape), &[], "weights")
}

fn layer(b: &mut PlanBuilder, x: SlotId, [inputs, outputs]: [usize; 2], end: Unary) -> SlotId {
    let (w, c) = (weights(b, &[inputs, outputs]), weights(b, &[outputs]));
    b.node("layer", DenseOp::layer(Some(end)), &[x, w, c], "layer")
}

fn narrow_layers(b: &mut PlanBuilder, x: SlotId) -> SlotId {
    let x = layer(b, x, [11, 12], Unary::Relu);
    let x = layer(b, x, [12, 8], Unary::Relu);
    layer(b, x, [8, 9], Unary::Sigmoid)
}

fn wide_layer(b: &mut PlanBuilder, x: SlotId) -> SlotId {
    layer(b, x, [256, 256], Unary::Tanh)
}

fn conv(b: &mut PlanBuilder, x: SlotId, filters: &[usize], groups: usize) -> SlotId {
    let window = Window { pads: Pads::Explicit(vec![1; 4]), ..Window::plain() };
    let op = ConvOp::Conv { window, groups, last: false, filters_last: false, end: Some(Unary::Relu) };
    let w = weights(b, filters);
    b.node("conv", op, &[x, w], "conv")
}

fn full_conv(b: &mut PlanBuilder, x: SlotId) -> SlotId {
    conv(b, x, &[64, 32, 3, 3], 1)
}

fn depthwise(b: &mut PlanBuilder, x: SlotId) -> SlotId {
    conv(b, x, &[32, 1, 3, 3], 32)
}

fn pool(b: &mut PlanBuilder, x: SlotId) -> SlotId {
    let window = Window { strides: vec![2, 2], ..Window::plain() };
    let kind = Pool::Max { column_major: false, in_batch: true };
    b.node("pool", ConvOp::Pool { kind, kernel: vec![2, 2], window, ceil: false, last: false }, &[x], "pool")
}

fn lstm(b: &mut PlanBuilder, x: SlotId) -> SlotId {
    let cell = Cell::Lstm { input_forget: false };
    let curves = cell.curves().iter().map(|&curve| Curve::Unary(curve)).collect();
    let op = RecurrentOp::Recurrent { cell, direction: Direction::Forward, curves, clip: None, batch_first: false };
    let (w, r) = (weights(b, &[1, 256, 16]), weights(b, &[1, 256, 64]));
    b.node_many("lstm", op, &[x, w, r], &["all", "last", "cells"])[1]
}

fn kernels(c: &mut Criterion) {
    let cases: [(&str, Nodes, [&[usize]; 2]); 6] = [
        ("narrow layers", narrow_layers, [&[1, 11], &[1000, 11]]),
        ("wide layer", wide_layer, [&[1, 256], &[1000, 256]]),
        ("conv", full_conv, [&[1, 32, 28, 28], &[16, 32, 28, 28]]),
        ("depthwise", depthwise, [&[1, 32, 28, 28], &[16, 32, 28, 28]]),
        ("max pool", pool, [&[1, 32, 28, 28], &[16, 32, 28, 28]]),
        ("lstm", lstm, [&[32, 1, 16], &[32, 16, 16]]),
    ];
    for (name, nodes, shapes) in cases {
        let program = program(nodes);
        let mut group = c.benchmark_group(name);
        for shape in shapes {
            let mut batch = Batch::new(0);
            batch.push_whole("x", tensor(shape));
            let (call, mut workspace) = (Call::new(batch), Workspace::new());
            group.throughput(Throughput::Elements(shape.iter().product::<usize>() as u64));
            group.bench_function(format!("{shape:?}"), |b| {
                b.iter(|| black_box(program.run(&call, 0, 0, &mut workspace).expect("an answer").rows()));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, kernels);
criterion_main!(benches);
