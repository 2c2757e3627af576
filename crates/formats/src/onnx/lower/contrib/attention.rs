//! Attention as `com.microsoft` has it: made of the standard's, with masks of its own kinds.

use model::DType;
use plan::{
    SlotId,
    tensor::{AttentionOp, CheckOp, LayoutOp, attention::Scores},
};

use super::{
    super::{
        super::graph::{Node, Part},
        Lower, Row,
        attention::count,
        made::Body,
    },
    One, Slots, ours,
};
use crate::ReadError;

pub(in super::super) const ROWS: &[Row] = &[
    ours("Attention", attention),
    ours("QAttention", quantised),
    ours("MultiHeadAttention", many_heads),
    ours("GroupQueryAttention", grouped),
    ours("RotaryEmbedding", rotary),
];

/// What a key that is masked gets added.
fn filter(node: &Node<'_>) -> Result<f64, ReadError> {
    Ok(node.float("mask_filter_value")?.unwrap_or(-10_000.0).into())
}

/// Returns the standard's attention with so many heads.
fn op(node: &Node<'_>, heads: usize) -> Result<AttentionOp, ReadError> {
    Ok(AttentionOp::Attention {
        heads: Some([heads; 2]),
        scale: node.float("scale")?.filter(|scale| *scale != 0.0),
        causal: node.flag("unidirectional")?.unwrap_or(false),
        cap: 0.0,
        scores: Scores::Capped,
        window: [None; 2],
    })
}

fn heads(node: &Node<'_>) -> Result<usize, ReadError> {
    match count(node, "num_heads")? {
        0 => Err(node.fault("attribute `num_heads`", "a number of at least 1", 0)),
        heads => Ok(heads),
    }
}

/// Returns one dimension of a tensor as a scalar.
fn dim(b: &mut Body<'_, '_, '_>, x: SlotId, axis: i64) -> One {
    let shape = b.op("Shape", &[x])?;
    let axis = b.int(axis);
    b.op("Gather", &[shape, axis])
}

/// Returns what is added to the scores for a mask: `[batch]` counts keys from the first on, others say which of them count:
/// `[batch, keys]`, `[batch, queries, keys]`, `[batch, heads, queries, keys]`.
fn added(lower: &mut Lower<'_>, node: &Node<'_>, mask: SlotId, like: SlotId, keys: SlotId, filter: f64) -> One {
    let rank = lower.rank_of(node, mask)?;
    let first = |slot| lower.dims_of(slot).and_then(|dims| dims.first().copied().flatten());
    if rank == 1 && first(mask).zip(first(like)).is_some_and(|(mask, rows)| mask != rows) {
        return Err(node.unimplemented("a mask of begins and ends"));
    }
    let mut b = Body { lower, node };
    let hidden = match rank {
        1 => {
            let (places, last) = (b.range(keys)?, b.ints(&[1]));
            let counts = b.op("Unsqueeze", &[mask, last])?;
            let counts = b.cast(counts, places)?;
            b.op("GreaterOrEqual", &[places, counts])?
        }
        2..=4 => {
            let zero = b.like(mask, 0.0)?;
            b.op("LessOrEqual", &[mask, zero])?
        }
        other => return Err(node.fault("the mask", "a tensor of 1 to 4 dimensions", other)),
    };
    let hidden = match rank {
        1 | 2 => {
            let axes = b.ints(&[1, 2]);
            b.op("Unsqueeze", &[hidden, axes])?
        }
        3 => {
            let axes = b.ints(&[1]);
            b.op("Unsqueeze", &[hidden, axes])?
        }
        _ => hidden,
    };
    let (some, none) = (b.like(like, filter)?, b.like(like, 0.0)?);
    b.op("Where", &[hidden, some, none])
}

/// Returns the sum of what is added to the scores.
fn both(
    lower: &mut Lower<'_>,
    node: &Node<'_>,
    mask: Option<SlotId>,
    bias: Option<SlotId>,
) -> Result<Option<SlotId>, ReadError> {
    Ok(match (mask, bias) {
        (Some(mask), Some(bias)) => Some(Body { lower, node }.op("Add", &[mask, bias])?),
        (one, other) => one.or(other),
    })
}

/// The projections of one tensor to queries, keys and values attend to each other. Keys and values of the past, and those of now,
/// are one tensor each.
fn attention(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=7, 1..=2)?;
    let heads = heads(node)?;
    if lower.opt(node, 6).is_some() || node.flag("do_rotary")?.unwrap_or(false) {
        return Err(node.unimplemented("a past of another length than its tensor, or `do_rotary`"));
    }
    let (x, weights) = (lower.arg(node, 0, "input")?, lower.arg(node, 1, "weights")?);
    let [bias, mask, past, more] = [2, 3, 4, 5].map(|i| lower.opt(node, i));
    let sizes = node.ints("qkv_hidden_sizes")?.filter(|sizes| !sizes.is_empty());
    let mut b = Body { lower, node };
    let mut all = b.op("MatMul", &[x, weights])?;
    if let Some(bias) = bias {
        all = b.op("Add", &[all, bias])?;
    }
    attend(lower, node, x, &Projected { all, heads, sizes, mask, past, more })
}

/// The same, of integers and their scales.
fn quantised(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(5..=9, 1..=2)?;
    let heads = heads(node)?;
    if node.flag("do_rotary")?.unwrap_or(false) || node.flag("past_present_share_buffer")?.unwrap_or(false) {
        return Err(node.unimplemented("`do_rotary` and `past_present_share_buffer`"));
    }
    let x = lower.arg(node, 0, "input")?;
    let scales = [lower.arg(node, 3, "input_scale")?, lower.arg(node, 4, "weight_scale")?];
    let [bias, mask, zero, of_weights, past] = [2, 5, 6, 7, 8].map(|i| lower.opt(node, i));
    let all = super::quant::product(lower, node, x, scales, [zero, of_weights], bias)?[0];
    attend(lower, node, x, &Projected { all, heads, sizes: None, mask, past, more: None })
}

/// What attends to each other: queries, keys and values side by side.
struct Projected {
    all: SlotId,
    heads: usize,
    sizes: Option<Vec<i64>>,
    mask: Option<SlotId>,
    past: Option<SlotId>,
    more: Option<SlotId>,
}

fn attend(lower: &mut Lower<'_>, node: &Node<'_>, x: SlotId, of: &Projected) -> Slots {
    let filter = filter(node)?;
    let mut b = Body { lower, node };
    let sizes = of.sizes.as_ref().map(|sizes| b.ints(sizes));
    let op_split = LayoutOp::Split { axis: -1, outputs: 3, uneven: false };
    let parts = b.lower.add_many_with(node, op_split, &[Some(of.all), sizes], 3)?;
    let mut keys = dim(&mut b, x, 1)?;
    let past = match of.past {
        None => [None; 2],
        Some(past) => {
            let (first, second) = (b.int(0), b.int(1));
            let past_keys = b.op("Gather", &[past, first])?;
            let before = dim(&mut b, past_keys, 2)?;
            keys = b.op("Add", &[keys, before])?;
            [Some(past_keys), Some(b.op("Gather", &[past, second])?)]
        }
    };
    let mask = of.mask.map(|mask| added(lower, node, mask, of.all, keys, filter)).transpose()?;
    let mask = both(lower, node, mask, of.more)?;
    let formal = [Some(parts[0]), Some(parts[1]), Some(parts[2]), mask, past[0], past[1]];
    let slots = lower.add_many_with(node, op(node, of.heads)?, &formal, 4)?;
    let mut b = Body { lower, node };
    let first = b.ints(&[0]);
    let now = [b.op("Unsqueeze", &[slots[1], first])?, b.op("Unsqueeze", &[slots[2], first])?];
    let present = b.with("Concat", &now, &[("axis", Part::Int(0))])?;
    Ok(vec![slots[0], present])
}

/// Queries, keys and values come as they are, `[batch, steps, heads * size]`.
fn many_heads(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(3..=8, 1..=3)?;
    let heads = heads(node)?;
    let given = [lower.arg(node, 0, "query")?, lower.arg(node, 1, "key")?, lower.arg(node, 2, "value")?];
    if let Some(rank) = given.iter().filter_map(|slot| lower.rank(*slot)).find(|rank| *rank != 3) {
        return Err(node.unimplemented(format_args!("packed queries, keys and values ({rank} dimensions)")));
    }
    let [bias, mask, more, past_keys, past_values] = [3, 4, 5, 6, 7].map(|i| lower.opt(node, i));
    let filter = filter(node)?;
    let mut b = Body { lower, node };
    let mut projected = given;
    if let Some(bias) = bias {
        // One bias for each, one after the other, of lengths that queries and values tell.
        let (of_q, of_v) = (dim(&mut b, given[0], 2)?, dim(&mut b, given[2], 2)?);
        let one = b.ints(&[1]);
        let lengths = [of_q, of_q, of_v].map(|length| b.op("Reshape", &[length, one]));
        let lengths = lengths.into_iter().collect::<Result<Vec<_>, _>>()?;
        let lengths = b.with("Concat", &lengths, &[("axis", Part::Int(0))])?;
        let op_split = LayoutOp::Split { axis: 0, outputs: 3, uneven: false };
        let parts = b.lower.add_many_with(node, op_split, &[Some(bias), Some(lengths)], 3)?;
        for (x, bias) in projected.iter_mut().zip(parts) {
            *x = b.op("Add", &[*x, bias])?;
        }
    }
    let mut keys = dim(&mut b, given[1], 1)?;
    if let Some(past) = past_keys {
        let before = dim(&mut b, past, 2)?;
        keys = b.op("Add", &[keys, before])?;
    }
    let mask = mask.map(|mask| added(lower, node, mask, given[0], keys, filter)).transpose()?;
    let mask = both(lower, node, mask, more)?;
    let [q, k, v] = projected.map(Some);
    let slots = lower.add_many_with(node, op(node, heads)?, &[q, k, v, mask, past_keys, past_values], 4)?;
    Ok(vec![slots[0], slots[1], slots[2]])
}

/// Causal attention in which neighbouring queries share keys. Keys of the past stand before those of now; a call whose lengths
/// say otherwise (rows of different lengths after the first step, a past with room for more) is refused.
fn grouped(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(7..=14, 1..=4)?;
    let (of_q, of_k) = (heads(node)?, count(node, "kv_num_heads")?);
    if of_k == 0 || !of_q.is_multiple_of(of_k) {
        return Err(node.fault("attribute `kv_num_heads`", "a divisor of `num_heads`", of_k));
    }
    let others = (11..14).any(|i| lower.opt(node, i).is_some());
    if others || node.flag("smooth_softmax")?.unwrap_or(false) || node.int("qk_output")?.unwrap_or(0) != 0 {
        return Err(node.unimplemented("sinks of heads, `smooth_softmax`, `qk_output`, and quantised keys"));
    }
    let query = lower.arg(node, 0, "query")?;
    let [k, v, past_keys, past_values] = [1, 2, 3, 4].map(|i| lower.opt(node, i));
    let lengths = lower.arg(node, 5, "seqlens_k")?;
    let [cos, sin, positions, bias] = [7, 8, 9, 10].map(|i| lower.opt(node, i));
    let [mut q, mut k, v] = match (k, v) {
        (Some(k), Some(v)) => [query, k, v],
        (None, None) => apart(&mut Body { lower, node }, query, of_q, of_k)?,
        _ => return Err(node.fault("inputs 1 and 2", "keys and values, or neither", "one of them")),
    };
    let mut b = Body { lower, node };
    let steps = dim(&mut b, query, 1)?;
    let before = match past_keys {
        Some(past) => dim(&mut b, past, 2)?,
        None => b.int(0),
    };
    q = fitting(&mut b, q, lengths, before, steps)?;
    if node.flag("do_rotary")?.unwrap_or(false) {
        let (Some(cos), Some(sin)) = (cos, sin) else {
            return Err(node.fault("inputs 7 and 8", "cosines and sines for `do_rotary`", "none"));
        };
        let positions = match positions {
            Some(positions) => positions,
            None => places(&mut b, query, 1, before)?,
        };
        // Angles may be those of a part of a head only.
        let half = b.lower.dims_of(cos).and_then(|dims| dims.last().copied().flatten());
        let size = 2 * half.ok_or_else(|| node.unimplemented("angles of a number that the shapes do not tell"))?;
        let interleaved = node.flag("rotary_interleaved")?.unwrap_or(false);
        for (x, heads) in [(&mut q, of_q), (&mut k, of_k)] {
            let op = AttentionOp::Rotary { interleaved, size, heads };
            *x = b.lower.add_with(node, op, &[Some(*x), Some(cos), Some(sin), Some(positions)])?;
        }
    }
    let window = match node.int("local_window_size")?.unwrap_or(-1) {
        -1 => None,
        size => {
            let back = usize::try_from(size).ok().and_then(|size| size.checked_sub(1));
            Some(back.ok_or_else(|| node.fault("attribute `local_window_size`", "-1, or 1 at least", size))?)
        }
    };
    let filled = filled(&mut b, lengths, before, steps, q)?;
    let bias = match bias {
        Some(bias) => b.op("Add", &[filled, bias])?,
        None => filled,
    };
    let op = AttentionOp::Attention {
        heads: Some([of_q, of_k]),
        scale: node.float("scale")?.filter(|scale| *scale != 0.0),
        causal: true,
        cap: node.float("softcap")?.unwrap_or(0.0),
        scores: Scores::Capped,
        window: [window, None],
    };
    let slots = lower.add_many_with(node, op, &[Some(q), Some(k), Some(v), Some(bias), past_keys, past_values], 4)?;
    Ok(vec![slots[0], slots[1], slots[2]])
}

/// Returns what is added to the scores of keys that a row is only filled up with: those after the last place.
fn filled(b: &mut Body<'_, '_, '_>, lengths: SlotId, before: SlotId, steps: SlotId, like: SlotId) -> One {
    let total = b.op("Add", &[before, steps])?;
    let (keys, axes) = (b.range(total)?, b.ints(&[1, 2, 3]));
    let lengths = b.cast(lengths, keys)?;
    let lengths = b.op("Unsqueeze", &[lengths, axes])?;
    let hidden = b.op("Greater", &[keys, lengths])?;
    let (some, none) = (b.like(like, f64::NEG_INFINITY)?, b.like(like, 0.0)?);
    b.op("Where", &[hidden, some, none])
}

/// Returns queries, keys and values that stand side by side.
fn apart(b: &mut Body<'_, '_, '_>, x: SlotId, of_q: usize, of_k: usize) -> Result<[SlotId; 3], ReadError> {
    let width = dim(b, x, 2)?;
    let all = b.int((of_q + 2 * of_k) as i64);
    let size = b.op("Div", &[width, all])?;
    let counts = b.ints(&[of_q as i64, of_k as i64, of_k as i64]);
    let sizes = b.op("Mul", &[counts, size])?;
    let op_split = LayoutOp::Split { axis: -1, outputs: 3, uneven: false };
    let parts = b.lower.add_many_with(b.node, op_split, &[Some(x), Some(sizes)], 3)?;
    Ok([parts[0], parts[1], parts[2]])
}

/// Returns the queries; refuses the call where the last places of the keys (`lengths`) are not those after the past. Without a
/// past, a row may be filled up.
fn fitting(b: &mut Body<'_, '_, '_>, q: SlotId, lengths: SlotId, before: SlotId, steps: SlotId) -> One {
    let (one, zero) = (b.int(1), b.int(0));
    let total = b.op("Add", &[before, steps])?;
    let last = b.op("Sub", &[total, one])?;
    let lengths = b.cast(lengths, last)?;
    let (fits, first) = (b.op("Equal", &[lengths, last])?, b.op("Equal", &[before, zero])?);
    let fits = b.op("Or", &[fits, first])?;
    b.lower.add(b.node, CheckOp::Require, &[q, fits])
}

/// Returns the positions of steps after so many, for each row the same.
fn places(b: &mut Body<'_, '_, '_>, x: SlotId, steps_at: i64, before: SlotId) -> One {
    let (batch, steps) = (dim(b, x, 0)?, dim(b, x, steps_at)?);
    let places = b.range(steps)?;
    let places = b.op("Add", &[places, before])?;
    let one = b.ints(&[1]);
    let both = [b.op("Reshape", &[batch, one])?, b.op("Reshape", &[steps, one])?];
    let shape = b.with("Concat", &both, &[("axis", Part::Int(0))])?;
    b.op("Expand", &[places, shape])
}

/// The standard's, with inputs in another order; one position is that of the first step.
fn rotary(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(4..=4, 1..=1)?;
    if node.flag("is_packed_batching")?.unwrap_or(false) || node.float("scale")?.is_some_and(|scale| scale != 1.0) {
        return Err(node.unimplemented("`is_packed_batching` or `scale`"));
    }
    let [x, positions, cos, sin] = [
        lower.arg(node, 0, "input")?,
        lower.arg(node, 1, "position_ids")?,
        lower.arg(node, 2, "cos_cache")?,
        lower.arg(node, 3, "sin_cache")?,
    ];
    let (size, heads) = (count(node, "rotary_embedding_dim")?, count(node, "num_heads")?);
    let interleaved = node.flag("interleaved")?.unwrap_or(false);
    let (rank, of_positions) = (lower.rank_of(node, x)?, lower.rank_of(node, positions)?);
    let mut heads = heads;
    if rank == 3 && heads == 0 {
        // Told by the size of a head, which is twice that of the angles.
        let (all, half) = (lower.dims_of(x), lower.dims_of(cos));
        let told = all.and_then(|dims| dims[2]).zip(half.and_then(|dims| dims.last().copied().flatten()));
        let told = told.and_then(|(all, half)| all.checked_div(2 * half)).filter(|_| size == 0);
        heads = told.ok_or_else(|| node.unimplemented("a number of heads that the shapes do not tell"))?;
    }
    let positions = match of_positions {
        2 => positions,
        1 => places(&mut Body { lower, node }, x, if rank == 4 { 2 } else { 1 }, positions)?,
        other => return Err(node.fault("input 1 (position_ids)", "1 or 2 dimensions", other)),
    };
    if !matches!(lower.dtype(positions), Some(DType::I64)) {
        return Err(node.fault("input 1 (position_ids)", "int64", lower.ty(positions)));
    }
    let op = AttentionOp::Rotary { interleaved, size, heads: if rank == 4 { 0 } else { heads } };
    Ok(vec![lower.add_with(node, op, &[Some(x), Some(cos), Some(sin), Some(positions)])?])
}
