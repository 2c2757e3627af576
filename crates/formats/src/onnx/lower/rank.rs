//! How many dimensions a node's results have, where the document does not say it: old versions of some ops, and masks, depend on it.

use plan::SlotId;

use super::{super::graph::Node, Lower};

/// Ops whose results have as many dimensions as their first input.
const ALIKE: &[&str] = &[
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "CastLike",
    "Clip",
    "Concat",
    "Conv",
    "ConvInteger",
    "ConvTranspose",
    "CumSum",
    "DepthToSpace",
    "DequantizeLinear",
    "Dropout",
    "Elu",
    "Erf",
    "Exp",
    "Gelu",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "GroupNormalization",
    "HardSigmoid",
    "HardSwish",
    "Hardmax",
    "Identity",
    "InstanceNormalization",
    "LRN",
    "LayerNormalization",
    "LeakyRelu",
    "Log",
    "LogSoftmax",
    "LpNormalization",
    "LpPool",
    "MaxPool",
    "Mish",
    "Neg",
    "Not",
    "PRelu",
    "Pad",
    "QLinearConv",
    "QuantizeLinear",
    "Reciprocal",
    "Relu",
    "Resize",
    "ReverseSequence",
    "ScatterElements",
    "ScatterND",
    "Selu",
    "Sigmoid",
    "Slice",
    "Softmax",
    "Softplus",
    "Softsign",
    "SpaceToDepth",
    "Split",
    "Sqrt",
    "Tanh",
    "Tile",
    "TopK",
    "Transpose",
    "Trilu",
    "Upsample",
];

/// Ops whose inputs broadcast.
const BROADCAST: &[&str] = &[
    "Add",
    "And",
    "Div",
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "Max",
    "Mean",
    "Min",
    "Mod",
    "Mul",
    "Or",
    "Pow",
    "Sub",
    "Sum",
    "Where",
    "Xor",
];

/// Returns the number of dimensions of a node's results, where its inputs tell it.
pub(super) fn of(lower: &Lower<'_>, node: &Node<'_>) -> Option<usize> {
    let input = |i: usize| -> Option<SlotId> { node.optional(i).map(|value| lower.slot(value)) };
    let rank = |i: usize| lower.rank(input(i)?);
    // How many numbers a list has: an attribute, or an input whose length is known.
    let listed = |name: &str, i: usize| match node.ints(name) {
        Ok(Some(list)) => Some(list.len()),
        _ => lower.dims_of(input(i)?)?.first().copied().flatten(),
    };
    if !node.domain.is_empty() {
        return None;
    }
    match node.op {
        op if ALIKE.contains(&op) => rank(0),
        op if BROADCAST.contains(&op) => {
            (0..node.inputs.len()).map(rank).try_fold(0, |most, rank| Some(most.max(rank?)))
        }
        "Gemm" | "Flatten" => Some(2),
        "Shape" => Some(1),
        "MatMul" => match (rank(0)?, rank(1)?) {
            (1, 1) => Some(0),
            (1, other) | (other, 1) => Some(other - 1),
            (a, b) => Some(a.max(b)),
        },
        "Reshape" => listed("shape", 1),
        "ConstantOfShape" => listed("", 0),
        "Unsqueeze" => Some(rank(0)? + listed("axes", 1)?),
        "Squeeze" => rank(0)?.checked_sub(listed("axes", 1)?),
        "Gather" => (rank(0)? + rank(1)?).checked_sub(1),
        op if op.starts_with("Reduce") => match node.flag("keepdims") {
            Ok(None | Some(true)) => rank(0),
            _ => rank(0)?.checked_sub(listed("axes", 1)?),
        },
        _ => None,
    }
}
