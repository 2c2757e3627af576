//! Ops of `com.microsoft`, which ONNX Runtime's optimiser and tools for it write, and those of `ai.onnx` that no longer stand in the
//! standard. All are made of the standard's. Source: ONNX Runtime's page of contributed operators.

use plan::{
    SlotId,
    tensor::{Binary, DenseOp, ElementOp, LayoutOp, TextOp, Unary, text::MurmurHash},
};

use super::{
    super::graph::{Node, Part},
    Lower, NOW, Row, ints,
    made::Body,
    row,
};
use crate::ReadError;

pub(super) mod attention;
pub(super) mod quant;

type Slots = Result<Vec<SlotId>, ReadError>;
type One = Result<SlotId, ReadError>;

/// Returns the row of an op of `com.microsoft`.
const fn ours(op: &'static str, lower: super::LowerNode) -> Row {
    Row { domain: "com.microsoft", op, versions: (1, NOW), lower }
}

/// Returns the row of an op that means what one of the standard's does.
macro_rules! alias {
    ($name:literal, $of:literal, $inputs:expr, $outputs:expr) => {
        ours($name, |lower, node| alias(lower, node, $of, $inputs, $outputs))
    };
}

pub(super) const ROWS: &[Row] = &[
    ours("FusedMatMul", fused_matmul),
    ours("TransposeMatMul", fused_matmul),
    ours("FusedMatMulActivation", |lower, node| {
        let product = fused_matmul(lower, node)?[0];
        Ok(vec![activated(lower, node, product)?])
    }),
    ours("FusedGemm", |lower, node| {
        let inputs = optional(lower, node, 3);
        let product = lower.same(node, "Gemm", &inputs, 1)?[0];
        Ok(vec![activated(lower, node, product)?])
    }),
    ours("FusedConv", fused_conv),
    ours("NhwcConv", |lower, node| channels_last(lower, node, "Conv", true)),
    ours("NhwcMaxPool", |lower, node| channels_last(lower, node, "MaxPool", false)),
    alias!("Gelu", "Gelu", 1, 1),
    ours("FastGelu", fast_gelu),
    ours("BiasGelu", |lower, node| {
        let sum = sum(lower, node, &[0, 1])?;
        gelu(lower, node, sum, "none")
    }),
    ours("GemmFastGelu", |lower, node| {
        let inputs = [lower.arg(node, 0, "X")?, lower.arg(node, 1, "W")?];
        let mut product = lower.add(node, DenseOp::MatMul { transpose: [false; 2] }, &inputs)?;
        if let Some(bias) = lower.opt(node, 2) {
            product = Body { lower, node }.op("Add", &[product, bias])?;
        }
        gelu(lower, node, product, "tanh")
    }),
    ours("QuickGelu", |lower, node| {
        let alpha = node.float("alpha")?.unwrap_or(1.702);
        let x = lower.arg(node, 0, "X")?;
        Ok(vec![lower.add(node, ElementOp::Unary(Unary::Swish { alpha }), &[x])?])
    }),
    ours("BiasAdd", |lower, node| Ok(vec![sum(lower, node, &[0, 1, 2])?])),
    row("SimplifiedLayerNormalization", 1, NOW, |lower, node| {
        let inputs = optional(lower, node, 2);
        let slots = lower.same(node, "RMSNormalization", &inputs, 1)?;
        Ok(vec![slots[0], slots[2]])
    }),
    ours("SkipLayerNormalization", |lower, node| skip(lower, node, "LayerNormalization")),
    ours("SkipSimplifiedLayerNormalization", |lower, node| skip(lower, node, "RMSNormalization")),
    ours("EmbedLayerNormalization", embed),
    ours("ExpandDims", |lower, node| {
        let (x, axis) = (lower.arg(node, 0, "X")?, lower.arg(node, 1, "axis")?);
        let one = lower.constant(ints(vec![1]));
        let axis = Body { lower, node }.op("Reshape", &[axis, one])?;
        Ok(vec![lower.add_with(node, LayoutOp::Unsqueeze, &[Some(x), Some(axis)])?])
    }),
    alias!("GatherND", "GatherND", 2, 1),
    alias!("Trilu", "Trilu", 2, 1),
    alias!("Pad", "Pad", 3, 1),
    ours("Unique", |lower, node| {
        let x = lower.arg(node, 0, "x")?;
        let unique = Body { lower, node }.many("Unique", &[x], &[("sorted", Part::Int(0))], 4)?;
        Ok(vec![unique[0], unique[2], unique[3]])
    }),
    ours("Range", |lower, node| {
        let (start, limit) = (lower.arg(node, 0, "start")?, lower.arg(node, 1, "limit")?);
        let delta = match lower.opt(node, 2) {
            Some(delta) => delta,
            None => lower.number_like(node, start, 1.0)?,
        };
        Ok(vec![Body { lower, node }.op("Range", &[start, limit, delta])?])
    }),
    ours("Inverse", |lower, node| {
        let x = lower.arg(node, 0, "X")?;
        Ok(vec![lower.add(node, DenseOp::Inverse { turned: false }, &[x])?])
    }),
    ours("CDist", distances),
    ours("MurmurHash3", murmur),
    row("Affine", 1, NOW, |lower, node| linear(lower, node, "alpha", "beta")),
    row("ScaledTanh", 1, NOW, |lower, node| scaled(lower, node, Unary::Tanh)),
    row("ParametricSoftplus", 1, NOW, |lower, node| scaled(lower, node, Unary::Softplus)),
    row("Scale", 1, NOW, |lower, node| linear(lower, node, "scale", "")),
    row("ImageScaler", 1, NOW, image_scaler),
];

/// Returns so many inputs, those that are left out as none.
fn optional(lower: &Lower<'_>, node: &Node<'_>, count: usize) -> Vec<Option<SlotId>> {
    (0..count.min(node.inputs.len())).map(|i| lower.opt(node, i)).collect()
}

fn alias(lower: &mut Lower<'_>, node: &Node<'_>, of: &'static str, inputs: usize, outputs: usize) -> Slots {
    node.check_counts(1..=inputs, 1..=outputs)?;
    let inputs = optional(lower, node, inputs);
    lower.same(node, of, &inputs, outputs)
}

/// Returns the sum of those of these inputs that are there.
fn sum(lower: &mut Lower<'_>, node: &Node<'_>, inputs: &[usize]) -> One {
    let mut all = lower.arg(node, inputs[0], "X")?;
    for more in &inputs[1..] {
        if let Some(more) = lower.opt(node, *more) {
            all = lower.add(node, ElementOp::Binary(Binary::Add), &[all, more])?;
        }
    }
    Ok(all)
}

fn fused_matmul(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=2, 1..=1)?;
    let flag = |name| node.flag(name).map(|flag| flag.unwrap_or(false));
    if flag("transBatchA")? || flag("transBatchB")? {
        return Err(node.unimplemented("`transBatchA` and `transBatchB`"));
    }
    let inputs = [lower.arg(node, 0, "A")?, lower.arg(node, 1, "B")?];
    let (transpose, alpha) = ([flag("transA")?, flag("transB")?], node.float("alpha")?.unwrap_or(1.0));
    let op = DenseOp::Dense { transpose, alpha, beta: 1.0, end: None };
    Ok(vec![lower.add_with(node, op, &inputs.map(Some))?])
}

fn fused_conv(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=4, 1..=1)?;
    let inputs = optional(lower, node, 3);
    let mut x = lower.same(node, "Conv", &inputs, 1)?[0];
    if let Some(more) = lower.opt(node, 3) {
        x = Body { lower, node }.op("Add", &[x, more])?;
    }
    Ok(vec![activated(lower, node, x)?])
}

/// Returns the function that the node's `activation` names, of what it computed.
fn activated(lower: &mut Lower<'_>, node: &Node<'_>, x: SlotId) -> One {
    let listed = node.floats(if node.has("activation_params") { "activation_params" } else { "params" })?;
    let param = |i: usize, name: &str, default: f32| -> Result<f32, ReadError> {
        let own = node.float(name)?;
        Ok(own.or_else(|| listed.as_ref()?.get(i).copied()).unwrap_or(default))
    };
    let unary = match node.string("activation")?.unwrap_or("") {
        "" => return Ok(x),
        "Relu" => Unary::Relu,
        "Sigmoid" => Unary::Sigmoid,
        "Tanh" => Unary::Tanh,
        "Softplus" => Unary::Softplus,
        "Softsign" => Unary::Softsign,
        "LeakyRelu" => Unary::LeakyRelu { alpha: param(0, "activation_alpha", 0.01)? },
        "Elu" => Unary::Elu { alpha: param(0, "activation_alpha", 1.0)? },
        "HardSigmoid" => {
            Unary::HardSigmoid { alpha: param(0, "activation_alpha", 0.2)?, beta: param(1, "activation_beta", 0.5)? }
        }
        "Clip" => {
            let low = param(0, "activation_alpha", f32::MIN)?;
            let high = param(1, "activation_beta", f32::MAX)?;
            let bounds = [lower.number_like(node, x, low.into())?, lower.number_like(node, x, high.into())?];
            return lower.add(node, ElementOp::Clip, &[x, bounds[0], bounds[1]]);
        }
        other => return Err(node.unimplemented(format_args!("the activation `{other}`"))),
    };
    lower.add(node, ElementOp::Unary(unary), &[x])
}

/// Runs an op of the standard, whose channels come first, on tensors whose channels are last; filters too where they are.
fn channels_last(lower: &mut Lower<'_>, node: &Node<'_>, op: &'static str, has_filters: bool) -> Slots {
    let x = lower.arg(node, 0, "X")?;
    let rank = lower.rank_of(node, x)?;
    if rank < 3 {
        return Err(node.fault("input 0 (X)", "a tensor of at least 3 dimensions", rank));
    }
    let first: Vec<usize> = [0, rank - 1].into_iter().chain(1..rank - 1).collect();
    let last: Vec<usize> = std::iter::once(0).chain(2..rank).chain([1]).collect();
    let turned = |lower: &mut Lower<'_>, x: SlotId, order: &[usize]| {
        lower.add_with(node, LayoutOp::Transpose { order: Some(order.to_vec()) }, &[Some(x)])
    };
    let mut inputs = vec![Some(turned(lower, x, &first)?)];
    if has_filters {
        let filters = lower.arg(node, 1, "W")?;
        inputs.push(Some(turned(lower, filters, &first)?));
        inputs.push(lower.opt(node, 2));
    }
    let y = lower.same(node, op, &inputs, 1)?[0];
    Ok(vec![turned(lower, y, &last)?])
}

fn gelu(lower: &mut Lower<'_>, node: &Node<'_>, x: SlotId, how: &'static str) -> Slots {
    Ok(vec![Body { lower, node }.with("Gelu", &[x], &[("approximate", Part::Text(how))])?])
}

fn fast_gelu(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let sum = sum(lower, node, &[0, 1])?;
    gelu(lower, node, sum, "tanh")
}

/// Normalises a sum; inputs are the two, the scale, then a bias of the norm (where it has one) and one of the sum.
fn skip(lower: &mut Lower<'_>, node: &Node<'_>, norm: &'static str) -> Slots {
    let has_mean = norm == "LayerNormalization";
    node.check_counts(3..=if has_mean { 5 } else { 4 }, 1..=4)?;
    let sum = sum(lower, node, &[0, 1, if has_mean { 4 } else { 3 }])?;
    let scale = lower.arg(node, 2, "gamma")?;
    let bias = if has_mean { lower.opt(node, 3) } else { None };
    let mut normed = normed(lower, node, norm, [Some(sum), Some(scale), bias])?;
    normed.push(sum);
    Ok(normed)
}

/// Returns the norm along the last axis, the mean and the inverse of the deviation. The epsilon differs from the standard's.
fn normed(lower: &mut Lower<'_>, node: &Node<'_>, norm: &'static str, inputs: [Option<SlotId>; 3]) -> Slots {
    let epsilon = [("epsilon", Part::Float(node.float("epsilon")?.unwrap_or(1e-12)))];
    lower.made(node, norm, &inputs, &epsilon, 1)
}

/// The embeddings of words, places and segments, added and normalised; how many words of each row count.
fn embed(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(7..=9, 1..=3)?;
    let (words, of_words, of_places) = (
        lower.arg(node, 0, "input_ids")?,
        lower.arg(node, 2, "word_embedding")?,
        lower.arg(node, 3, "position_embedding")?,
    );
    let inputs: Vec<Option<SlotId>> = (0..9).map(|i| lower.opt(node, i)).collect();
    let scale = lower.arg(node, 5, "gamma")?;
    let mut b = Body { lower, node };
    let places = match inputs[8] {
        Some(places) => places,
        None => {
            let shape = b.op("Shape", &[words])?;
            let one = b.int(1);
            let length = b.op("Gather", &[shape, one])?;
            b.range(length)?
        }
    };
    let (of_words, of_places) = (b.op("Gather", &[of_words, words])?, b.op("Gather", &[of_places, places])?);
    let mut sum = b.op("Add", &[of_words, of_places])?;
    if let (Some(segments), Some(table)) = (inputs[1], inputs[4]) {
        let of_segments = b.op("Gather", &[table, segments])?;
        sum = b.op("Add", &[sum, of_segments])?;
    }
    let counts = match inputs[7] {
        Some(mask) => {
            let axis = b.ints(&[1]);
            b.with("ReduceSum", &[mask, axis], &[("keepdims", Part::Int(0))])?
        }
        None => {
            let zeros = b.op("Sub", &[words, words])?;
            let axis = b.ints(&[1]);
            b.with("ReduceSum", &[zeros, axis], &[("keepdims", Part::Int(0))])?
        }
    };
    let normed = normed(lower, node, "LayerNormalization", [Some(sum), Some(scale), inputs[6]])?;
    Ok(vec![normed[0], counts, sum])
}

/// The distances between all rows of two matrices.
fn distances(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=2, 1..=1)?;
    let (a, b) = (lower.arg(node, 0, "A")?, lower.arg(node, 1, "B")?);
    let is_root = match node.string("metric")?.unwrap_or("sqeuclidean") {
        "sqeuclidean" => false,
        "euclidean" => true,
        other => return Err(node.fault("attribute `metric`", "sqeuclidean or euclidean", other)),
    };
    let (one, zero) = (lower.constant(ints(vec![1])), lower.constant(ints(vec![0])));
    let mut body = Body { lower, node };
    let (a, b) = (body.op("Unsqueeze", &[a, one])?, body.op("Unsqueeze", &[b, zero])?);
    let apart = body.op("Sub", &[a, b])?;
    let last = body.ints(&[2]);
    let squares = body.with("ReduceSumSquare", &[apart, last], &[("keepdims", Part::Int(0))])?;
    Ok(vec![if is_root { body.op("Sqrt", &[squares])? } else { squares }])
}

fn murmur(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=1, 1..=1)?;
    let x = lower.arg(node, 0, "X")?;
    let seed = node.int("seed")?.unwrap_or(0);
    let seed = u32::try_from(seed).or_else(|_| i32::try_from(seed).map(|seed| seed as u32));
    let seed = seed.map_err(|_| node.fault("attribute `seed`", "a number of 32 bits", "a longer one"))?;
    let is_positive = node.flag("positive")?.unwrap_or(true);
    Ok(vec![lower.add(node, TextOp::Murmur(MurmurHash { seed, is_positive }), &[x])?])
}

/// `factor * x + summand`.
fn linear(lower: &mut Lower<'_>, node: &Node<'_>, factor: &str, summand: &str) -> Slots {
    let x = lower.arg(node, 0, "X")?;
    let factor = lower.number_like(node, x, node.float(factor)?.unwrap_or(1.0).into())?;
    let y = Body { lower, node }.op("Mul", &[x, factor])?;
    let Some(summand) = node.float(summand)? else { return Ok(vec![y]) };
    let summand = lower.number_like(node, x, summand.into())?;
    Ok(vec![Body { lower, node }.op("Add", &[y, summand])?])
}

/// `alpha * f(beta * x)`.
fn scaled(lower: &mut Lower<'_>, node: &Node<'_>, function: Unary) -> Slots {
    let x = lower.arg(node, 0, "X")?;
    let factor = |name| Ok::<f64, ReadError>(node.float(name)?.unwrap_or(1.0).into());
    let (alpha, beta) = (lower.number_like(node, x, factor("alpha")?)?, lower.number_like(node, x, factor("beta")?)?);
    let x = Body { lower, node }.op("Mul", &[x, beta])?;
    let y = lower.add(node, ElementOp::Unary(function), &[x])?;
    Ok(vec![Body { lower, node }.op("Mul", &[y, alpha])?])
}

/// `scale * x + bias`, a bias for each channel.
fn image_scaler(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let bias = node.floats("bias")?.unwrap_or_default();
    let x = linear(lower, node, "scale", "")?[0];
    let bias = lower.constant(model::Tensor::vector(bias));
    let shape = lower.constant(ints(vec![-1, 1, 1]));
    let mut b = Body { lower, node };
    let bias = b.op("Reshape", &[bias, shape])?;
    Ok(vec![b.op("Add", &[x, bias])?])
}
