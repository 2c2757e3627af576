//! Attention and what goes with it.

use model::{DType, Type};
use plan::{
    ControlOp, SlotId,
    tensor::{
        AttentionOp, DenseOp, ElementOp,
        attention::{Scores, Update},
    },
};

use super::{
    super::graph::{Node, Part},
    Lower, NOW, Row, element,
    made::Body,
    row, scalar,
};
use crate::ReadError;

type Slots = Result<Vec<SlotId>, ReadError>;

pub(super) const ROWS: &[Row] = &[
    row("Attention", 23, NOW, attention),
    row("RotaryEmbedding", 23, NOW, rotary),
    row("LinearAttention", 27, NOW, linear),
    Row { domain: "ai.onnx.preview", op: "FlexAttention", versions: (1, NOW), lower: flex },
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

/// The preview's attention whose scores and probabilities graphs of the node may change. Computed in the softmax's type: float32
/// for what is narrower. Neighbouring queries share keys where those have fewer heads.
fn flex(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(3..=3, 1..=1)?;
    let [q, k, v] = [lower.arg(node, 0, "Q")?, lower.arg(node, 1, "K")?, lower.arg(node, 2, "V")?];
    let to = match node.int("softmax_precision")? {
        Some(_) => element::type_of(node, "softmax_precision")?.1,
        None if lower.dtype(q) == Some(DType::F64) => Type::F64,
        None => Type::F32,
    };
    let wide =
        |lower: &mut Lower<'_>, x: SlotId| lower.add(node, ElementOp::Cast { to: to.clone(), saturate: false }, &[x]);
    let scale = match node.float("scale")? {
        Some(scale) => lower.number_like(node, q, f64::from(scale.sqrt()))?,
        None => {
            let mut b = Body { lower, node };
            let (shape, last) = (b.op("Shape", &[q])?, b.int(3));
            let size = b.op("Gather", &[shape, last])?;
            let single = b.lower.constant(scalar(0.0_f32));
            let size = b.cast(size, single)?;
            let root = b.op("Sqrt", &[size])?;
            let root = b.op("Reciprocal", &[root])?;
            let root = b.op("Sqrt", &[root])?;
            b.cast(root, q)?
        }
    };
    let mut b = Body { lower, node };
    // Queries of one head of keys stand together: [batch, heads of keys, queries of one, steps, size].
    let (of_q, of_k, two) = (b.op("Shape", &[q])?, b.op("Shape", &[k])?, b.ints(&[2]));
    let heads = b.slice(of_k, 0, 1, 2, 1)?;
    let (heads_of_q, steps) = (b.slice(of_q, 0, 1, 3, 1)?, b.slice(of_q, 0, 2, 4, 1)?);
    let (keep, rest) = (b.ints(&[0]), b.ints(&[-1]));
    let join = [("axis", Part::Int(0))];
    let apart = b.with("Concat", &[keep, heads, rest, steps], &join)?;
    let together = b.with("Concat", &[keep, heads_of_q, rest], &join)?;
    let (q, k) = (b.op("Mul", &[q, scale])?, b.op("Mul", &[k, scale])?);
    let (q, k, v) = (b.op("Reshape", &[q, apart])?, b.op("Unsqueeze", &[k, two])?, b.op("Unsqueeze", &[v, two])?);
    let like = v;
    let scores = b.lower.add(node, DenseOp::MatMul { transpose: [false, true] }, &[q, k])?;
    let scores = b.op("Reshape", &[scores, together])?;
    let scores = wide(b.lower, scores)?;
    let scores = changed(b.lower, node, "score_mod", scores)?;
    let scores = b.with("Softmax", &[scores], &[("axis", Part::Int(-1))])?;
    let probabilities = changed(b.lower, node, "prob_mod", scores)?;
    let v = wide(b.lower, v)?;
    let shape = b.op("Shape", &[probabilities])?;
    let steps = b.slice(shape, 0, 2, 4, 1)?;
    let apart = b.with("Concat", &[keep, heads, rest, steps], &join)?;
    let probabilities = b.op("Reshape", &[probabilities, apart])?;
    let y = b.op("MatMul", &[probabilities, v])?;
    let y = b.op("Reshape", &[y, together])?;
    Ok(vec![b.cast(y, like)?])
}

/// Returns what a graph of the node makes of a value; the value where there is none.
fn changed(lower: &mut Lower<'_>, node: &Node<'_>, name: &str, x: SlotId) -> Result<SlotId, ReadError> {
    let Some(graph) = node.graph(name)? else { return Ok(x) };
    let body = lower.inner_plan(node, graph, &[lower.ty(x).clone()], &graph.captures)?;
    let inputs = [vec![x], lower.captured(&graph.captures)].concat();
    Ok(lower.add_op(node, ControlOp::Call { body }, &inputs, 1)?[0])
}
