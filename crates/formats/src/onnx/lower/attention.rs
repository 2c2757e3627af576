//! Attention and what goes with it.

use plan::{
    SlotId,
    tensor::{
        AttentionOp,
        attention::{Scores, Update},
    },
};

use super::{super::graph::Node, Lower, NOW, Row, row};
use crate::ReadError;

type Slots = Result<Vec<SlotId>, ReadError>;

pub(super) const ROWS: &[Row] = &[
    row("Attention", 23, NOW, attention),
    row("RotaryEmbedding", 23, NOW, rotary),
    row("LinearAttention", 27, NOW, linear),
];

/// Returns an attribute that counts something; 0 where it is not there.
pub(super) fn count(node: &Node<'_>, name: &str) -> Result<usize, ReadError> {
    let given = node.int(name)?.unwrap_or(0);
    usize::try_from(given).map_err(|_| node.fault(&format!("attribute `{name}`"), "0 at least", given))
}

/// Returns the numbers of heads, where both are given.
fn heads(node: &Node<'_>) -> Result<Option<[usize; 2]>, ReadError> {
    let heads = [count(node, "q_num_heads")?, count(node, "kv_num_heads")?];
    Ok((!heads.contains(&0)).then_some(heads))
}

fn attention(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(3..=7, 1..=4)?;
    let scores = match node.int("qk_matmul_output_mode")?.unwrap_or(0) {
        0 | 1 => Scores::Capped,
        2 => Scores::Masked,
        3 => Scores::Softmax,
        other => return Err(node.fault("attribute `qk_matmul_output_mode`", "0, 1, 2 or 3", other)),
    };
    let reach = |name: &str| match node.int(name)?.unwrap_or(-1) {
        -1 => Ok(None),
        reach => {
            let checked = usize::try_from(reach);
            checked.map(Some).map_err(|_| node.fault(&format!("attribute `{name}`"), "-1 at least", reach))
        }
    };
    let op = AttentionOp::Attention {
        heads: heads(node)?,
        scale: node.float("scale")?,
        causal: node.flag("is_causal")?.unwrap_or(false),
        cap: node.float("softcap")?.unwrap_or(0.0),
        scores,
        window: [reach("left_window_size")?, reach("right_window_size")?],
    };
    let mut formal =
        vec![Some(lower.arg(node, 0, "Q")?), Some(lower.arg(node, 1, "K")?), Some(lower.arg(node, 2, "V")?)];
    formal.extend((3..7).map(|i| lower.opt(node, i)));
    lower.add_many_with(node, op, &formal, 4)
}

fn rotary(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(3..=4, 1..=1)?;
    let op = AttentionOp::Rotary {
        interleaved: node.flag("interleaved")?.unwrap_or(false),
        size: count(node, "rotary_embedding_dim")?,
        heads: count(node, "num_heads")?,
    };
    let [x, cos, sin] = [lower.arg(node, 0, "X")?, lower.arg(node, 1, "cos_cache")?, lower.arg(node, 2, "sin_cache")?];
    Ok(vec![lower.add_with(node, op, &[Some(x), Some(cos), Some(sin), lower.opt(node, 3)])?])
}

fn linear(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(3..=6, 1..=2)?;
    let (is_gated, is_delta) = match node.string("update_rule")? {
        Some("linear") => (false, false),
        Some("gated") => (true, false),
        Some("delta") => (false, true),
        None | Some("gated_delta") => (true, true),
        Some(other) => {
            let expected = "linear, gated, delta or gated_delta";
            return Err(node.fault("attribute `update_rule`", expected, format_args!("`{other}`")));
        }
    };
    let heads = node.required("q_num_heads` and `kv_num_heads", heads(node)?)?;
    let op = AttentionOp::Linear { update: Update { is_gated, is_delta }, heads, scale: node.float("scale")? };
    let [q, k, v] = [lower.arg(node, 0, "query")?, lower.arg(node, 1, "key")?, lower.arg(node, 2, "value")?];
    let mut formal = vec![Some(q), Some(k), Some(v)];
    formal.extend((3..6).map(|i| lower.opt(node, i)));
    lower.add_many_with(node, op, &formal, 2)
}
