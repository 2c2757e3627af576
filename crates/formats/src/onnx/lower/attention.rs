//! Attention and what stands around it in language models, made of other ops as the operators' pages define them.

use model::Type;
use plan::{ControlOp, SlotId};

use super::{
    super::graph::{Node, Part},
    Lower, NOW, Row,
    made::Body,
    row, scalar,
};
use crate::ReadError;

type Slots = Result<Vec<SlotId>, ReadError>;
type One = Result<SlotId, ReadError>;

pub(super) const ROWS: &[Row] = &[
    row("Attention", 23, NOW, attention),
    row("RotaryEmbedding", 23, NOW, rotary_embedding),
    row("LinearAttention", 27, NOW, linear_attention),
];

/// From `[batch, time, heads * size]` to `[batch, heads, time, size]`.
fn heads(b: &mut Body<'_, '_, '_>, x: SlotId, count: i64) -> One {
    let (two, heads) = (b.dims(x, 0, Some(2))?, b.ints(&[count, -1]));
    let x = b.reshape(x, &[two, heads])?;
    swap_heads(b, x)
}

fn swap_heads(b: &mut Body<'_, '_, '_>, x: SlotId) -> One {
    let swap = plan::tensor::LayoutOp::Transpose { order: Some(vec![0, 2, 1, 3]) };
    b.lower.add_with(b.node, swap, &[Some(x)])
}

/// Repeats each head so that there are as many as in `like`.
fn repeat_heads(b: &mut Body<'_, '_, '_>, x: SlotId, like: SlotId) -> One {
    let (own, wanted) = (b.dims(x, 1, Some(2))?, b.dims(like, 1, Some(2))?);
    let times = b.op("Div", &[wanted, own])?;
    let (batch, rest) = (b.dims(x, 0, Some(1))?, b.dims(x, 2, None)?);
    let apart = b.unsqueeze(x, &[2])?;
    let to = b.shape(&[batch, own, times, rest])?;
    let spread = b.op("Expand", &[apart, to])?;
    b.reshape(spread, &[batch, wanted, rest])
}

/// Returns 0 where the condition holds, else minus infinity.
fn bias(b: &mut Body<'_, '_, '_>, condition: SlotId, like: SlotId) -> One {
    let (zero, never) = (b.like(like, 0.0)?, b.like(like, f64::NEG_INFINITY)?);
    b.op("Where", &[condition, zero, never])
}

fn attention(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(3..=7, 1..=4)?;
    let [q, k, v] = [lower.arg(node, 0, "Q")?, lower.arg(node, 1, "K")?, lower.arg(node, 2, "V")?];
    let rank = lower.rank_of(node, q)?;
    let past = match (lower.opt(node, 4), lower.opt(node, 5)) {
        (Some(key), Some(value)) => Some((key, value)),
        (None, None) => None,
        _ => return Err(node.fault("inputs", "a past of keys and of values, or of none", "one of the two")),
    };
    let (mask, nonpad) = (lower.opt(node, 3), lower.opt(node, 6));
    if nonpad.is_some() && past.is_some() {
        return Err(node.fault("inputs", "a past or numbers of keys that are there", "both"));
    }
    for name in ["left_window_size", "right_window_size"] {
        if node.int(name)?.is_some_and(|size| size >= 0) {
            return Err(node.unimplemented(format_args!("`{name}`")));
        }
    }
    let mut b = Body { lower, node };
    let [mut q, mut k, mut v] = [q, k, v];
    if rank == 3 {
        let of_q = node.required("q_num_heads", node.int("q_num_heads")?)?;
        let of_kv = node.required("kv_num_heads", node.int("kv_num_heads")?)?;
        (q, k, v) = (heads(&mut b, q, of_q)?, heads(&mut b, k, of_kv)?, heads(&mut b, v, of_kv)?);
    }
    if let Some((past_key, past_value)) = past {
        k = b.with("Concat", &[past_key, k], &[("axis", Part::Int(2))])?;
        v = b.with("Concat", &[past_value, v], &[("axis", Part::Int(2))])?;
    }
    let present = (k, v);
    let offset = past.map(|(key, _)| key);
    let biases = biases(&mut b, [q, k], mask, offset, nonpad)?;
    let (k, v) = (repeat_heads(&mut b, k, q)?, repeat_heads(&mut b, v, q)?);
    let scores = scores(&mut b, q, k)?;
    let scores = match node.float("softcap")?.filter(|cap| *cap > 0.0) {
        Some(cap) => {
            let cap = b.like(scores, cap.into())?;
            let share = b.op("Div", &[scores, cap])?;
            let bounded = b.op("Tanh", &[share])?;
            b.op("Mul", &[bounded, cap])?
        }
        None => scores,
    };
    let biased = match biases {
        Some(bias) => b.op("Add", &[scores, bias])?,
        None => scores,
    };
    let weights = weights(&mut b, biased)?;
    let mut y = b.op("MatMul", &[weights, v])?;
    if rank == 3 {
        y = swap_heads(&mut b, y)?;
        let (two, rest) = (b.dims(y, 0, Some(2))?, b.ints(&[-1]));
        y = b.reshape(y, &[two, rest])?;
    }
    let shown = match node.int("qk_matmul_output_mode")?.unwrap_or(0) {
        0 | 1 => scores,
        2 => biased,
        3 => weights,
        other => return Err(node.fault("attribute `qk_matmul_output_mode`", "0 to 3", other)),
    };
    Ok(vec![y, present.0, present.1, shown])
}

/// The products of queries and keys, each multiplied with the root of the scale.
fn scores(b: &mut Body<'_, '_, '_>, q: SlotId, k: SlotId) -> One {
    let node = b.node;
    let root = match node.float("scale")? {
        Some(scale) => b.like(q, f64::from(scale).sqrt())?,
        None => {
            let size = b.dim(q, 3)?;
            let size = b.cast(size, q)?;
            let root = b.op("Sqrt", &[size])?;
            let scale = b.op("Reciprocal", &[root])?;
            b.op("Sqrt", &[scale])?
        }
    };
    let (q, k) = (b.op("Mul", &[q, root])?, b.op("Mul", &[k, root])?);
    b.lower.add(node, plan::tensor::DenseOp::MatMul { transpose: [false, true] }, &[q, k])
}

/// The softmax over keys; zeros for a query that may look at none.
fn weights(b: &mut Body<'_, '_, '_>, scores: SlotId) -> One {
    let axes = b.ints(&[-1]);
    let most = b.op("ReduceMax", &[scores, axes])?;
    let never = b.like(scores, f64::NEG_INFINITY)?;
    let none = b.op("Equal", &[most, never])?;
    let (zero, one) = (b.like(scores, 0.0)?, b.like(scores, 1.0)?);
    let most = b.op("Where", &[none, zero, most])?;
    let apart = b.op("Sub", &[scores, most])?;
    let powers = b.op("Exp", &[apart])?;
    let sum = b.op("ReduceSum", &[powers, axes])?;
    let sum = b.op("Where", &[none, one, sum])?;
    b.op("Div", &[powers, sum])
}

/// What is added to the scores: the mask, and what lies ahead or is not there.
fn biases(
    b: &mut Body<'_, '_, '_>,
    [q, k]: [SlotId; 2],
    mask: Option<SlotId>,
    past: Option<SlotId>,
    nonpad: Option<SlotId>,
) -> Result<Option<SlotId>, ReadError> {
    let (of_q, of_k) = (b.dim(q, 2)?, b.dim(k, 2)?);
    let mut parts = Vec::new();
    if let Some(mut mask) = mask {
        if *b.lower.ty(mask) == Type::BOOL {
            mask = bias(b, mask, q)?;
        }
        // A mask may say nothing of the last keys: they are not looked at.
        let (last, zero) = (b.dims(mask, -1, None)?, b.ints(&[0]));
        let wanted = b.dims(k, 2, Some(3))?;
        let after = b.op("Sub", &[wanted, last])?;
        let (pads, axes) = (b.shape(&[zero, after])?, b.ints(&[-1]));
        let never = b.like(q, f64::NEG_INFINITY)?;
        parts.push(b.op("Pad", &[mask, pads, never, axes])?);
    }
    let keys = b.range(of_k)?;
    if b.node.flag("is_causal")?.unwrap_or(false) {
        let queries = b.range(of_q)?;
        let mut last = b.unsqueeze(queries, &[1])?;
        if let Some(past) = past {
            let offset = b.dim(past, 2)?;
            last = b.op("Add", &[last, offset])?;
        } else if let Some(nonpad) = nonpad {
            let offset = b.op("Sub", &[nonpad, of_q])?;
            let offset = b.unsqueeze(offset, &[1, 2, 3])?;
            last = b.op("Add", &[last, offset])?;
        }
        let seen = b.op("LessOrEqual", &[keys, last])?;
        parts.push(bias(b, seen, q)?);
    }
    if let Some(nonpad) = nonpad {
        let count = b.unsqueeze(nonpad, &[1, 2, 3])?;
        let there = b.op("Less", &[keys, count])?;
        parts.push(bias(b, there, q)?);
    }
    let mut parts = parts.into_iter();
    let Some(mut sum) = parts.next() else { return Ok(None) };
    for part in parts {
        sum = b.op("Add", &[sum, part])?;
    }
    Ok(Some(sum))
}

fn rotary_embedding(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(3..=4, 1..=1)?;
    let x = lower.arg(node, 0, "X")?;
    let (mut cos, mut sin) = (lower.arg(node, 1, "cos_cache")?, lower.arg(node, 2, "sin_cache")?);
    let positions = lower.opt(node, 3);
    let rank = lower.rank_of(node, x)?;
    let interleaved = node.flag("interleaved")?.unwrap_or(false);
    let turned = node.int("rotary_embedding_dim")?.filter(|size| *size > 0);
    let mut b = Body { lower, node };
    let shape = b.dims(x, 0, None)?;
    let x = if rank == 3 {
        let count = node.required("num_heads", node.int("num_heads")?)?;
        let (two, heads) = (b.dims(x, 0, Some(2))?, b.ints(&[count, -1]));
        b.reshape(x, &[two, heads])?
    } else {
        swap_heads(&mut b, x)?
    };
    if let Some(positions) = positions {
        (cos, sin) = (b.op("Gather", &[cos, positions])?, b.op("Gather", &[sin, positions])?);
    }
    let (cos, sin) = (b.unsqueeze(cos, &[2])?, b.unsqueeze(sin, &[2])?);
    let (turning, rest) = match turned {
        Some(size) => (b.slice(x, 3, 0, size, 1)?, Some(b.slice(x, 3, size, i64::MAX, 1)?)),
        None => (x, None),
    };
    let (first, second) = if interleaved {
        (b.slice(turning, 3, 0, i64::MAX, 2)?, b.slice(turning, 3, 1, i64::MAX, 2)?)
    } else {
        let halves = b.many("Split", &[turning], &[("axis", Part::Int(-1)), ("num_outputs", Part::Int(2))], 2)?;
        (halves[0], halves[1])
    };
    let [a, c, d, e] = [(cos, first), (sin, second), (sin, first), (cos, second)].map(|(f, x)| b.op("Mul", &[f, x]));
    let (real, imaginary) = (b.op("Sub", &[a?, c?])?, b.op("Add", &[d?, e?])?);
    let last = [("axis", Part::Int(-1))];
    let mut y = if interleaved {
        let (real, imaginary) = (b.unsqueeze(real, &[-1])?, b.unsqueeze(imaginary, &[-1])?);
        let pairs = b.with("Concat", &[real, imaginary], &last)?;
        let like = b.dims(turning, 0, None)?;
        b.reshape(pairs, &[like])?
    } else {
        b.with("Concat", &[real, imaginary], &last)?
    };
    if let Some(rest) = rest {
        y = b.with("Concat", &[y, rest], &last)?;
    }
    Ok(vec![if rank == 3 { b.reshape(y, &[shape])? } else { swap_heads(&mut b, y)? }])
}

/// A scan over time that carries the state of each head.
fn linear_attention(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(3..=6, 1..=2)?;
    let [q, k, v] = [lower.arg(node, 0, "query")?, lower.arg(node, 1, "key")?, lower.arg(node, 2, "value")?];
    let (past, decay, beta) = (lower.opt(node, 3), lower.opt(node, 4), lower.opt(node, 5));
    let of_q = node.required("q_num_heads", node.int("q_num_heads")?)?;
    let of_kv = node.required("kv_num_heads", node.int("kv_num_heads")?)?;
    let rule = node.string("update_rule")?.unwrap_or("gated_delta");
    let (gated, corrected) = match rule {
        "linear" => (false, false),
        "gated" => (true, false),
        "delta" => (false, true),
        "gated_delta" => (true, true),
        other => return Err(node.fault("attribute `update_rule`", "linear, gated, delta or gated_delta", other)),
    };
    let decay = if gated { Some(lower.arg(node, 4, "decay")?) } else { decay };
    let beta = if corrected { Some(lower.arg(node, 5, "beta")?) } else { beta };
    if (!gated && decay.is_some()) || (!corrected && beta.is_some()) {
        return Err(node.fault("inputs", &format!("those of the rule {rule}"), "more"));
    }
    if *lower.ty(q) != Type::F32 {
        return Err(node.unimplemented("tensors of other types than float"));
    }
    let mut b = Body { lower, node };
    // Time comes first, so that a scan walks along it: [time, batch, heads, size].
    let over_time = |b: &mut Body<'_, '_, '_>, x: SlotId, count: i64| -> One {
        let (two, heads) = (b.dims(x, 0, Some(2))?, b.ints(&[count, -1]));
        let x = b.reshape(x, &[two, heads])?;
        let order = plan::tensor::LayoutOp::Transpose { order: Some(vec![1, 0, 2, 3]) };
        b.lower.add_with(node, order, &[Some(x)])
    };
    let queries = over_time(&mut b, q, of_q)?;
    let (keys, values) = (over_time(&mut b, k, of_kv)?, over_time(&mut b, v, of_kv)?);
    let mut scanned = vec![queries, keys, values];
    if let Some(decay) = decay {
        scanned.push(over_time(&mut b, decay, of_kv)?);
    }
    if let Some(beta) = beta {
        // One for each head, or one for all.
        let two = b.dims(beta, 0, Some(2))?;
        let (rest, one) = (b.ints(&[-1]), b.ints(&[1]));
        let beta = b.reshape(beta, &[two, rest, one])?;
        let order = plan::tensor::LayoutOp::Transpose { order: Some(vec![1, 0, 2, 3]) };
        scanned.push(b.lower.add_with(node, order, &[Some(beta)])?);
    }
    let state = match past {
        Some(past) => past,
        None => {
            let (batch, of_heads) = (b.dims(keys, 1, Some(3))?, b.dims(keys, 3, None)?);
            let of_values = b.dims(values, 3, None)?;
            let zero = b.like(q, 0.0)?;
            let shape = b.shape(&[batch, of_heads, of_values])?;
            b.op("Expand", &[zero, shape])?
        }
    };
    let scale = node.float("scale")?.filter(|scale| *scale != 0.0);
    let plan = step(b.lower, node, gated, corrected, scale)?;
    let inputs = [vec![state], scanned].concat();
    let op = ControlOp::Scan { body: plan, carried: 1, steps_max: b.lower.cx.limits.loop_steps_max };
    let outs = b.lower.add_op(node, op, &inputs, 2)?;
    let order = plan::tensor::LayoutOp::Transpose { order: Some(vec![1, 0, 2, 3]) };
    let y = b.lower.add_with(node, order, &[Some(outs[1])])?;
    let (two, rest) = (b.dims(y, 0, Some(2))?, b.ints(&[-1]));
    Ok(vec![b.reshape(y, &[two, rest])?, outs[0]])
}

/// One step in time: the state `[batch, heads, of keys, of values]`, then query, key, value, decay, beta `[batch, heads, size]`.
fn step(
    lower: &Lower<'_>,
    node: &Node<'_>,
    gated: bool,
    corrected: bool,
    scale: Option<f32>,
) -> Result<std::sync::Arc<plan::Plan>, ReadError> {
    let mut inner = lower.inner();
    let [mut state, q, k, mut v] = ["state", "q", "k", "v"].map(|name| inner.input(name, Type::F32));
    let decay = gated.then(|| inner.input("decay", Type::F32));
    let beta = corrected.then(|| inner.input("beta", Type::F32));
    let mut b = Body { lower: &mut inner, node };
    if let Some(decay) = decay {
        let factor = b.op("Exp", &[decay])?;
        let factor = b.unsqueeze(factor, &[-1])?;
        state = b.op("Mul", &[state, factor])?;
    }
    let column = b.unsqueeze(k, &[-1])?;
    let axes = b.ints(&[-2]);
    let keep = [("keepdims", Part::Int(0))];
    if let Some(beta) = beta {
        let found = b.op("Mul", &[state, column])?;
        let found = b.with("ReduceSum", &[found, axes], &keep)?;
        let apart = b.op("Sub", &[v, found])?;
        v = b.op("Mul", &[apart, beta])?;
    }
    let row = b.unsqueeze(v, &[-2])?;
    let more = b.op("Mul", &[column, row])?;
    state = b.op("Add", &[state, more])?;
    let seen = repeat_heads(&mut b, state, q)?;
    let query = b.unsqueeze(q, &[-1])?;
    let read = b.op("Mul", &[seen, query])?;
    let y = b.with("ReduceSum", &[read, axes], &keep)?;
    let scale = match scale {
        Some(scale) => b.lower.constant(scalar(scale)),
        None => {
            let size = b.dim(q, 2)?;
            let size = b.cast(size, q)?;
            let root = b.op("Sqrt", &[size])?;
            b.op("Reciprocal", &[root])?
        }
    };
    let y = b.op("Mul", &[y, scale])?;
    inner.finish_slots(&[state, y])
}
