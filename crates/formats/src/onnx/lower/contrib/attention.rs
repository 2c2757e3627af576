//! Attention as `com.microsoft` has it: made of the standard's, with masks of its own kinds.

use model::DType;
use plan::{
    SlotId,
    tensor::{AttentionOp, LayoutOp, attention::Scores},
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

pub(in super::super) const ROWS: &[Row] =
    &[ours("Attention", attention), ours("MultiHeadAttention", many_heads), ours("RotaryEmbedding", rotary)];

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
    let filter = filter(node)?;
    let mut b = Body { lower, node };
    let mut all = b.op("MatMul", &[x, weights])?;
    if let Some(bias) = bias {
        all = b.op("Add", &[all, bias])?;
    }
    let sizes = sizes.map(|sizes| b.ints(&sizes));
    let op_split = LayoutOp::Split { axis: -1, outputs: 3, uneven: false };
    let parts = b.lower.add_many_with(node, op_split, &[Some(all), sizes], 3)?;
    let mut keys = dim(&mut b, x, 1)?;
    let past = match past {
        None => [None; 2],
        Some(past) => {
            let (first, second) = (b.int(0), b.int(1));
            let past_keys = b.op("Gather", &[past, first])?;
            let before = dim(&mut b, past_keys, 2)?;
            keys = b.op("Add", &[keys, before])?;
            [Some(past_keys), Some(b.op("Gather", &[past, second])?)]
        }
    };
    let mask = mask.map(|mask| added(lower, node, mask, x, keys, filter)).transpose()?;
    let mask = both(lower, node, mask, more)?;
    let formal = [Some(parts[0]), Some(parts[1]), Some(parts[2]), mask, past[0], past[1]];
    let slots = lower.add_many_with(node, op(node, heads)?, &formal, 4)?;
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
        1 => {
            let steps_at = if rank == 4 { 2 } else { 1 };
            let mut b = Body { lower, node };
            let (batch, steps) = (dim(&mut b, x, 0)?, dim(&mut b, x, steps_at)?);
            let places = b.range(steps)?;
            let places = b.op("Add", &[places, positions])?;
            let one = b.ints(&[1]);
            let both = [b.op("Reshape", &[batch, one])?, b.op("Reshape", &[steps, one])?];
            let shape = b.with("Concat", &both, &[("axis", Part::Int(0))])?;
            b.op("Expand", &[places, shape])?
        }
        other => return Err(node.fault("input 1 (position_ids)", "1 or 2 dimensions", other)),
    };
    if !matches!(lower.dtype(positions), Some(DType::I64)) {
        return Err(node.fault("input 1 (position_ids)", "int64", lower.ty(positions)));
    }
    let op = AttentionOp::Rotary { interleaved, size, heads: if rank == 4 { 0 } else { heads } };
    Ok(vec![lower.add_with(node, op, &[Some(x), Some(cos), Some(sin), Some(positions)])?])
}
