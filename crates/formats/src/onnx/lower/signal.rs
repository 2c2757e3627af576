//! Fourier transforms and mel weights.

use model::DType;
use plan::{SlotId, tensor::SignalOp};

use super::{super::graph::Node, Lower, NOW, Row, element, row};
use crate::ReadError;

type Slots = Result<Vec<SlotId>, ReadError>;

pub(super) const ROWS: &[Row] = &[
    row("DFT", 17, 19, |lower, node| {
        let axis = node.int("axis")?.unwrap_or(1);
        let args = [Some(lower.arg(node, 0, "input")?), lower.opt(node, 1)];
        dft(lower, node, axis, &args)
    }),
    row("DFT", 20, NOW, |lower, node| {
        let args = [Some(lower.arg(node, 0, "input")?), lower.opt(node, 1), lower.opt(node, 2)];
        dft(lower, node, -2, &args)
    }),
    row("STFT", 17, NOW, |lower, node| {
        let args = [
            Some(lower.arg(node, 0, "signal")?),
            Some(lower.arg(node, 1, "frame_step")?),
            lower.opt(node, 2),
            lower.opt(node, 3),
        ];
        let op = SignalOp::Stft { onesided: node.flag("onesided")?.unwrap_or(true) };
        Ok(vec![lower.add_with(node, op, &args)?])
    }),
    row("MelWeightMatrix", 17, NOW, |lower, node| {
        let dtype = match node.has("output_datatype") {
            true => element::type_of(node, "output_datatype")?.1.as_scalar(),
            false => Some(DType::F32),
        };
        let dtype = dtype.ok_or_else(|| node.unimplemented("weights that are texts"))?;
        let names = ["num_mel_bins", "dft_length", "sample_rate", "lower_edge_hertz", "upper_edge_hertz"];
        let args = names.iter().enumerate().map(|(i, name)| lower.arg(node, i, name)).collect::<Result<Vec<_>, _>>()?;
        Ok(vec![lower.add(node, SignalOp::Mel { dtype }, &args)?])
    }),
];

fn dft(lower: &mut Lower<'_>, node: &Node<'_>, axis: i64, args: &[Option<SlotId>]) -> Slots {
    let inverse = node.flag("inverse")?.unwrap_or(false);
    let onesided = node.flag("onesided")?.unwrap_or(false);
    Ok(vec![lower.add_with(node, SignalOp::Dft { inverse, onesided, axis }, args)?])
}
