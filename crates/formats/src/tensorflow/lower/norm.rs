//! Normalisation: softmax, statistics of batches, losses.

use model::DType;
use plan::tensor::{LayoutOp, NormOp, norm::Training};

use super::{At, Lower, Row, Slots, row};

pub(super) const ROWS: &[Row] = &[
    row("Softmax", |lower, at| one(lower, at, NormOp::Softmax { axis: -1, flat: false, log: false })),
    row("LogSoftmax", |lower, at| one(lower, at, NormOp::Softmax { axis: -1, flat: false, log: true })),
    row("FusedBatchNorm", batch_norm),
    row("FusedBatchNormV2", batch_norm),
    row("FusedBatchNormV3", batch_norm),
    row("LRN", |lower, at| {
        let radius = at.site.int("depth_radius").unwrap_or(5).clamp(0, 1 << 20) as usize;
        let of = |name: &str, default: f32| at.site.float(name).unwrap_or(default);
        let (alpha, beta, bias) = (of("alpha", 1.0), of("beta", 0.5), of("bias", 1.0));
        one(lower, at, NormOp::Lrn { axis: -1, size: 2 * radius + 1, alpha, beta, bias })
    }),
    row("SoftmaxCrossEntropyWithLogits", |lower, at| losses(lower, at, false)),
    row("SparseSoftmaxCrossEntropyWithLogits", |lower, at| losses(lower, at, true)),
];

fn one(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: NormOp) -> Slots {
    let args = at.args::<1>()?;
    lower.add(at, op, &args).map(|slot| vec![slot])
}

fn losses(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, sparse: bool) -> Slots {
    let args = at.args::<2>()?.map(Some);
    lower.add_many(at, NormOp::CrossEntropy { sparse }, &args)
}

/// By statistics that were taken in training; what the op gives besides is what it was given. Where it is in training, by the
/// batch's own, and it gives the running statistics and the batch's.
fn batch_norm(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let [value, scale, bias, mut mean, mut variance] = at.args::<5>()?;
    let axis = if at.channels_last()? { -1 } else { 1 };
    let epsilon = at.site.float("epsilon").unwrap_or(1e-4);
    if at.site.bool("is_training").unwrap_or(true) {
        let fresh = at.site.float("exponential_avg_factor").unwrap_or(1.0);
        if fresh == 1.0 {
            // Nothing of the running statistics stays, and they may be left out as tensors of no elements.
            let shape = lower.add(at, LayoutOp::Shape { start: 0, end: None, dtype: DType::I64 }, &[scale])?;
            let zero = lower.number_like(at, scale, 0.0)?;
            mean = lower.add(at, LayoutOp::Fill, &[shape, zero])?;
            variance = mean;
        }
        let training = Some(Training { momentum: 1.0 - fresh, is_sample: true });
        let op = NormOp::BatchNorm { axis, epsilon, training };
        let mut slots = lower.add_many(at, op, &[value, scale, bias, mean, variance].map(Some))?;
        slots.push(slots[4]);
        return Ok(slots);
    }
    let op = NormOp::BatchNorm { axis, epsilon, training: None };
    let given = lower.add_many(at, op, &[value, scale, bias, mean, variance].map(Some))?[0];
    Ok(vec![given, mean, variance, mean, variance, variance])
}
