//! Sparse tensors that stay sparse, segments of rows that are looked up, and boxes.

use model::{DType, Tensor, Type};
use plan::{
    SlotId,
    tensor::{ElementOp, IndexOp, LayoutOp, SegmentFold},
};

use super::{At, Lower, Row, Slots, row};
use crate::ReadError;

/// Returns the row of a fold of rows that are looked up, into a number of segments.
macro_rules! segments {
    ($name:literal, $fold:expr) => {
        row($name, |lower, at| {
            let [data, places, segments, count] = at.args::<4>()?;
            let take = IndexOp::Gather { axis: 0, batch: 0, from_end: false };
            let taken = lower.add(at, take, &[data, places])?;
            lower.add(at, IndexOp::Segment { fold: $fold }, &[taken, segments, count]).map(|slot| vec![slot])
        })
    };
}

pub(super) const ROWS: &[Row] = &[
    row("SparseReshape", |lower, at| several(lower, at, IndexOp::SparseReshape)),
    row("SparseFillEmptyRows", |lower, at| several(lower, at, IndexOp::SparseFillRows)),
    row("SparseReorder", |lower, at| several(lower, at, IndexOp::SparseReorder)),
    segments!("SparseSegmentSumWithNumSegments", SegmentFold::Sum),
    segments!("SparseSegmentMeanWithNumSegments", SegmentFold::Mean),
    segments!("SparseSegmentSqrtNWithNumSegments", SegmentFold::RootMean),
    row("NonMaxSuppression", |lower, at| {
        let ([boxes, scores, most], share) = (at.args::<3>()?, at.site.float("iou_threshold").unwrap_or(0.5));
        let share = lower.constant(Tensor::scalar(share));
        suppressed(lower, at, [boxes, scores, most, share], None).map(|slot| vec![slot])
    }),
    row("NonMaxSuppressionV2", |lower, at| {
        let args = at.args::<4>()?;
        suppressed(lower, at, args, None).map(|slot| vec![slot])
    }),
    row("NonMaxSuppressionV3", |lower, at| {
        let [boxes, scores, most, share, least] = at.args::<5>()?;
        suppressed(lower, at, [boxes, scores, most, share], Some(least)).map(|slot| vec![slot])
    }),
];

fn several(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: IndexOp) -> Slots {
    let inputs: Vec<Option<SlotId>> = at.inputs.iter().copied().map(Some).collect();
    lower.add_many(at, op, &inputs)
}

/// One batch of one class: the numbers of the boxes.
fn suppressed(
    lower: &mut Lower<'_, '_>,
    at: &At<'_, '_>,
    [boxes, scores, most, share]: [SlotId; 4],
    least: Option<SlotId>,
) -> Result<SlotId, ReadError> {
    let (batch, class) = (lower.ints(&[0]), lower.ints(&[0, 1]));
    let boxes = lower.add(at, LayoutOp::Unsqueeze, &[boxes, batch])?;
    let scores = lower.add(at, LayoutOp::Unsqueeze, &[scores, class])?;
    let formal = [Some(boxes), Some(scores), Some(most), Some(share), least];
    let rows = lower.add_with(at, IndexOp::NonMaxSuppression { center: false }, &formal)?;
    let column = lower.constant(Tensor::scalar(2_i64));
    let numbers = lower.add(at, IndexOp::Gather { axis: 1, batch: 0, from_end: false }, &[rows, column])?;
    lower.add(at, ElementOp::Cast { to: Type::scalar(DType::I32), saturate: false }, &[numbers])
}
