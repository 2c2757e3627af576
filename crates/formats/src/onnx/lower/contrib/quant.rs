//! Quantised ops of `com.microsoft`: the numbers that their integers stand for are computed on, and quantised again. Weights of a
//! few bits are taken apart when the model is read.

use model::{DType, Tensor};
use plan::{
    SlotId,
    tensor::{DenseOp, ElementOp, Unary},
};

use super::{
    super::{super::graph::Node, Lower, Row, made::Body},
    One, Slots, ours,
};
use crate::ReadError;

pub(in super::super) const ROWS: &[Row] = &[
    ours("QuantizeLinear", |lower, node| {
        let inputs = super::optional(lower, node, 3);
        lower.same(node, "QuantizeLinear", &inputs, 1)
    }),
    ours("DequantizeLinear", |lower, node| {
        let inputs = super::optional(lower, node, 3);
        lower.same(node, "DequantizeLinear", &inputs, 1)
    }),
    ours("QLinearAdd", |lower, node| two(lower, node, "Add")),
    ours("QLinearMul", |lower, node| two(lower, node, "Mul")),
    ours("QLinearSigmoid", |lower, node| one(lower, node, |lower, node, x| unary(lower, node, Unary::Sigmoid, x))),
    ours("QLinearLeakyRelu", |lower, node| {
        one(lower, node, |lower, node, x| {
            let alpha = node.float("alpha")?.unwrap_or(0.01);
            unary(lower, node, Unary::LeakyRelu { alpha }, x)
        })
    }),
    ours("QLinearSoftmax", |lower, node| one(lower, node, softmax)),
    ours("QLinearAveragePool", |lower, node| one(lower, node, |lower, node, x| pool(lower, node, "AveragePool", x))),
    ours("QLinearGlobalAveragePool", |lower, node| {
        one(lower, node, |lower, node, x| pool(lower, node, "GlobalAveragePool", x))
    }),
    ours("QLinearConcat", concat),
    ours("QLinearWhere", choose),
    ours("QGemm", gemm),
    ours("MatMulIntegerToFloat", |lower, node| {
        node.check_counts(4..=7, 1..=1)?;
        let zeros = [lower.opt(node, 4), lower.opt(node, 5)];
        let scales = [lower.arg(node, 2, "a_scale")?, lower.arg(node, 3, "b_scale")?];
        let a = lower.arg(node, 0, "A")?;
        product(lower, node, a, scales, zeros, lower.opt(node, 6))
    }),
    ours("DynamicQuantizeMatMul", |lower, node| {
        node.check_counts(3..=5, 1..=1)?;
        let x = lower.arg(node, 0, "A")?;
        let quantised = Body { lower, node }.many("DynamicQuantizeLinear", &[x], &[], 3)?;
        let scales = [quantised[1], lower.arg(node, 2, "b_scale")?];
        let zeros = [Some(quantised[2]), lower.opt(node, 3)];
        product(lower, node, quantised[0], scales, zeros, lower.opt(node, 4))
    }),
    ours("MatMulNBits", few_bits),
];

fn unary(lower: &mut Lower<'_>, node: &Node<'_>, function: Unary, x: SlotId) -> One {
    lower.add(node, ElementOp::Unary(function), &[x])
}

/// Returns the numbers that the integers of input `at` are, by the scale and the zero point behind it.
fn numbers(lower: &mut Lower<'_>, node: &Node<'_>, at: usize) -> One {
    let inputs = [Some(lower.arg(node, at, "X")?), Some(lower.arg(node, at + 1, "X_scale")?), lower.opt(node, at + 2)];
    Ok(lower.made(node, "DequantizeLinear", &inputs, &[], 1)?[0])
}

/// Returns numbers as integers, by the scale of input `at` and the zero point behind it; of the type `like` where there is none.
fn quantised(lower: &mut Lower<'_>, node: &Node<'_>, y: SlotId, at: usize, like: SlotId) -> Slots {
    let zero = match lower.opt(node, at + 1) {
        Some(zero) => zero,
        None => lower.number_like(node, like, 0.0)?,
    };
    let inputs = [Some(y), Some(lower.arg(node, at, "Y_scale")?), Some(zero)];
    lower.made(node, "QuantizeLinear", &inputs, &[], 1)
}

fn two(lower: &mut Lower<'_>, node: &Node<'_>, op: &'static str) -> Slots {
    node.check_counts(7..=8, 1..=1)?;
    let (a, b) = (numbers(lower, node, 0)?, numbers(lower, node, 3)?);
    let y = Body { lower, node }.op(op, &[a, b])?;
    let like = lower.arg(node, 0, "A")?;
    quantised(lower, node, y, 6, like)
}

type Function = fn(&mut Lower<'_>, &Node<'_>, SlotId) -> One;

fn one(lower: &mut Lower<'_>, node: &Node<'_>, function: Function) -> Slots {
    node.check_counts(4..=5, 1..=1)?;
    let x = numbers(lower, node, 0)?;
    let y = function(lower, node, x)?;
    let like = lower.arg(node, 0, "X")?;
    quantised(lower, node, y, 3, like)
}

/// The op set says whether the axis is the first of those that count as one.
fn softmax(lower: &mut Lower<'_>, node: &Node<'_>, x: SlotId) -> One {
    let flat = node.required("opset", node.int("opset")?)? < 13;
    let axis = node.int("axis")?.unwrap_or(if flat { 1 } else { -1 });
    lower.add(node, plan::tensor::NormOp::Softmax { axis, flat, log: false }, &[x])
}

fn pool(lower: &mut Lower<'_>, node: &Node<'_>, op: &'static str, x: SlotId) -> One {
    if node.flag("channels_last")?.unwrap_or(false) {
        return Err(node.unimplemented("`channels_last`"));
    }
    Ok(lower.same(node, op, &[Some(x)], 1)?[0])
}

fn concat(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let count = node.inputs.len().saturating_sub(2);
    if count == 0 || !count.is_multiple_of(3) {
        return Err(node.fault("inputs", "a scale, a zero point, and three for each tensor", node.inputs.len()));
    }
    let parts = (0..count / 3).map(|i| numbers(lower, node, 2 + 3 * i).map(Some)).collect::<Result<Vec<_>, _>>()?;
    let y = lower.same(node, "Concat", &parts, 1)?[0];
    let like = lower.arg(node, 2, "X")?;
    quantised(lower, node, y, 0, like)
}

fn choose(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(9..=9, 1..=1)?;
    let (x, y) = (numbers(lower, node, 1)?, numbers(lower, node, 4)?);
    let z = lower.add(node, ElementOp::Select, &[lower.arg(node, 0, "condition")?, x, y])?;
    let like = lower.arg(node, 1, "X")?;
    quantised(lower, node, z, 7, like)
}

/// `alpha * A * B + C`: the bias counts in steps of `alpha * a_scale * b_scale`. Without a scale of the result it is float32.
fn gemm(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(6..=9, 1..=1)?;
    let (a, b) = (numbers(lower, node, 0)?, numbers(lower, node, 3)?);
    let transpose = [node.flag("transA")?.unwrap_or(false), node.flag("transB")?.unwrap_or(false)];
    let alpha = node.float("alpha")?.unwrap_or(1.0);
    let op = DenseOp::Dense { transpose, alpha, beta: 1.0, end: None };
    let mut y = lower.add_with(node, op, &[Some(a), Some(b)])?;
    if let Some(bias) = lower.opt(node, 6) {
        let scales = [lower.arg(node, 1, "a_scale")?, lower.arg(node, 4, "b_scale")?];
        let factor = lower.number_like(node, y, alpha.into())?;
        let mut body = Body { lower, node };
        let step = body.op("Mul", &scales)?;
        let step = body.op("Mul", &[step, factor])?;
        let bias = body.cast(bias, y)?;
        let bias = body.op("Mul", &[bias, step])?;
        y = body.op("Add", &[y, bias])?;
    }
    match lower.opt(node, 7) {
        None => Ok(vec![y]),
        Some(_) => {
            let like = lower.arg(node, 0, "A")?;
            quantised(lower, node, y, 7, like)
        }
    }
}

/// The product of integers (input 1 is the right one), as the numbers that it stands for.
pub(super) fn product(
    lower: &mut Lower<'_>,
    node: &Node<'_>,
    a: SlotId,
    scales: [SlotId; 2],
    zeros: [Option<SlotId>; 2],
    bias: Option<SlotId>,
) -> Slots {
    let b = lower.arg(node, 1, "B")?;
    let sums = lower.add_with(node, DenseOp::MatMulInteger, &[Some(a), Some(b), zeros[0], zeros[1]])?;
    let mut body = Body { lower, node };
    let sums = body.cast(sums, scales[0])?;
    let scale = body.op("Mul", &scales)?;
    let mut y = body.op("Mul", &[sums, scale])?;
    if let Some(bias) = bias {
        y = body.op("Add", &[y, bias])?;
    }
    Ok(vec![y])
}

/// A product with weights of 2, 4 or 8 bits `[N, blocks, bytes]`, a scale and a zero point for each block of `block_size` of the
/// common dimension.
fn few_bits(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(3..=6, 1..=1)?;
    let size = |name: &str, default: Option<i64>| -> Result<usize, ReadError> {
        let given = node.required(name, node.int(name)?.or(default))?;
        let fits = usize::try_from(given).ok().filter(|size| (1..=1 << 28).contains(size));
        fits.ok_or_else(|| node.fault(&format!("attribute `{name}`"), "a number of at least 1", given))
    };
    let (k, n, bits, block) = (size("K", None)?, size("N", None)?, size("bits", Some(4))?, size("block_size", None)?);
    if !matches!(bits, 2 | 4 | 8) || lower.opt(node, 4).is_some() {
        return Err(node.unimplemented("weights of other bits than 2, 4 and 8, or in another order (`g_idx`)"));
    }
    let known = |i: usize| lower.opt(node, i).map(|slot| lower.known(slot).and_then(|whole| whole.as_tensor()));
    let (Some(Some(packed)), Some(Some(scales))) = (known(1), known(2)) else {
        return Err(node.unimplemented("weights that are computed"));
    };
    let zeros = match known(3) {
        Some(None) => return Err(node.unimplemented("zero points that are computed")),
        zeros => zeros.flatten(),
    };
    let few = FewBits { k, n, bits, block };
    let weights = few.weights(packed, scales, zeros);
    let weights = weights.ok_or_else(|| {
        let expected = format!("weights of {bits} bits for {n} columns of {k}, in blocks of {block}");
        node.fault("input 1 (B)", &expected, packed.shape())
    })?;
    lower.cx.count_bytes(k.saturating_mul(n).saturating_mul(4))?;
    let weights = lower.constant(weights);
    let x = lower.arg(node, 0, "A")?;
    let weights = Body { lower, node }.cast(weights, x)?;
    let op = DenseOp::MatMul { transpose: [false, true] };
    let y = lower.add(node, op, &[x, weights])?;
    match lower.opt(node, 5) {
        Some(bias) => Ok(vec![Body { lower, node }.op("Add", &[y, bias])?]),
        None => Ok(vec![y]),
    }
}

/// How weights of few bits lie.
struct FewBits {
    k: usize,
    n: usize,
    bits: usize,
    block: usize,
}

impl FewBits {
    /// Returns element `i` of bytes that hold several, the first in the low bits.
    fn element(&self, bytes: &[u8], i: usize) -> Option<u8> {
        let in_byte = 8 / self.bits;
        let byte = *bytes.get(i / in_byte)?;
        Some(byte >> (i % in_byte * self.bits) & (u8::MAX >> (8 - self.bits)))
    }

    /// Returns the weights `[N, K]` in float32.
    fn weights(&self, packed: &Tensor, scales: &Tensor, zeros: Option<&Tensor>) -> Option<Tensor> {
        let blocks = self.k.div_ceil(self.block);
        let row = (blocks * self.block * self.bits).div_ceil(8);
        let bytes = packed.get::<u8>().filter(|bytes| Some(bytes.len()) == self.n.checked_mul(row))?;
        let scales: Vec<f32> = match scales.dtype() {
            Some(DType::F32) => scales.get::<f32>()?.to_vec(),
            Some(DType::F16) => scales.get::<model::tensor::f16>()?.iter().map(|x| x.to_f32()).collect(),
            Some(DType::BF16) => scales.get::<model::tensor::bf16>()?.iter().map(|x| x.to_f32()).collect(),
            _ => return None,
        };
        if scales.len() != self.n * blocks {
            return None;
        }
        let middle = f32::from(1_u8 << (self.bits - 1));
        let of_zeros = (blocks * self.bits).div_ceil(8);
        let zero = |column: usize, at: usize| match zeros {
            None => Some(middle),
            Some(zeros) => match zeros.get::<u8>() {
                Some(bytes) => self.element(bytes.get(column * of_zeros..)?, at).map(f32::from),
                None => zeros.get::<f32>()?.get(column * blocks + at).copied(),
            },
        };
        let mut weights = Vec::with_capacity(self.n.checked_mul(self.k)?);
        for column in 0..self.n {
            let bytes = &bytes[column * row..][..row];
            for i in 0..self.k {
                let at = i / self.block;
                let element = f32::from(self.element(bytes, i)?);
                weights.push((element - zero(column, at)?) * scales[column * blocks + at]);
            }
        }
        Tensor::new(&[self.n, self.k], weights).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_taken_apart() {
        let few = FewBits { k: 3, n: 2, bits: 4, block: 2 };
        let packed = Tensor::new(&[2, 2, 1], vec![0x10_u8, 0x32, 0x98, 0x0f]).expect("four bytes");
        let scales = Tensor::vector(vec![1.0_f32, 2.0, 0.5, 4.0]);
        let weights = few.weights(&packed, &scales, None).expect("they fit");
        assert_eq!(weights.get::<f32>(), Some(&[-8.0, -7.0, -12.0, 0.0, 0.5, 28.0][..]));
        let zeros = Tensor::vector(vec![0x20_u8, 0x98]);
        let weights = few.weights(&packed, &scales, Some(&zeros)).expect("they fit");
        assert_eq!(weights.get::<f32>(), Some(&[0.0, 1.0, 0.0, 0.0, 0.5, 24.0][..]));
        assert!(FewBits { k: 4, n: 4, bits: 4, block: 2 }.weights(&packed, &scales, None).is_none());
    }
}
