use model::{DType, Tensor, tensor::Element};
use plan::tensor::{Align, Band, LayoutOp, PadMode, StridedSlice};

use super::{count, one, run, tensor};

fn ints(numbers: &[i64]) -> Tensor {
    Tensor::vector(numbers.to_vec())
}

#[track_caller]
fn is<T: Element>(tensor: &Tensor, shape: &[usize], expected: &[T]) {
    assert_eq!(&tensor.shape()[..], shape);
    assert_eq!(tensor.get::<T>(), Some(expected));
}

fn some(tensors: &[Tensor]) -> Vec<Option<Tensor>> {
    tensors.iter().cloned().map(Some).collect()
}

fn refused(op: LayoutOp, tensors: &[Tensor]) -> bool {
    run(op, &some(tensors), 1).is_err()
}

/// A slice of 0, 1, 2, … in a shape, as numpy writes it.
fn slice(
    shape: &[usize],
    starts: &[i64],
    ends: &[i64],
    axes: Option<&[i64]>,
    steps: Option<&[i64]>,
) -> Result<Tensor, String> {
    let formal = [Some(count(shape)), Some(ints(starts)), Some(ints(ends)), axes.map(ints), steps.map(ints)];
    run(LayoutOp::Slice, &formal, 1).map(|mut outputs| outputs.remove(0))
}

#[test]
fn slices_cut_off_what_lies_outside() {
    let of = |shape: &[usize], starts: &[i64], ends: &[i64], axes, steps| {
        slice(shape, starts, ends, axes, steps).expect("fits")
    };
    is(&of(&[4, 2], &[1, 0], &[3, 1000], None, None), &[2, 2], &[2f32, 3.0, 4.0, 5.0]);
    is(&of(&[5], &[0], &[-1], Some(&[0]), None), &[4], &[0f32, 1.0, 2.0, 3.0]);
    is(&of(&[5], &[-1], &[i64::MIN], None, Some(&[-2])), &[3], &[4f32, 2.0, 0.0]);
    is(&of(&[5], &[20], &[0], Some(&[-1]), Some(&[-3])), &[2], &[4f32, 1.0]);
    is(&of(&[5], &[3], &[1], None, None), &[0], &[] as &[f32]);
    is(&of(&[5], &[1], &[i64::MAX], None, Some(&[i64::MAX])), &[1], &[1f32]);
    is(&of(&[2, 3], &[1], &[i64::MAX], Some(&[1]), None), &[2, 2], &[1f32, 2.0, 4.0, 5.0]);
    is(&of(&[0, 3], &[-1], &[i64::MIN], Some(&[0]), Some(&[-1])), &[0, 3], &[] as &[f32]);
    assert!(slice(&[5], &[0], &[1], None, Some(&[0])).is_err());
    assert!(slice(&[5], &[0, 0], &[1, 1], Some(&[0, -1]), None).is_err(), "an axis twice");
    assert!(slice(&[5], &[0], &[1], Some(&[1]), None).is_err());
}

#[test]
fn strided_slices_follow_their_masks() {
    let of = |masks: StridedSlice, entries: [&[i64]; 3]| {
        let [a, b, c] = entries.map(ints);
        run(LayoutOp::StridedSlice(masks), &some(&[count(&[2, 3, 4]), a, b, c]), 1).map(|mut outputs| outputs.remove(0))
    };
    let none = StridedSlice::default();
    // x[1], x[..., 0], x[:, newaxis, ::-2], x[-1, ..., 1:3]
    let first = of(StridedSlice { shrink_axis: 1, ..none }, [&[1], &[2], &[1]]).expect("fits");
    assert_eq!((&first.shape()[..], first.get::<f32>().map(|e| e[0])), (&[3, 4][..], Some(12.0)));
    let last = StridedSlice { ellipsis: 1, shrink_axis: 2, ..none };
    is(&of(last, [&[0, 0], &[0, 1], &[1, 1]]).expect("fits"), &[2, 3], &[0f32, 4.0, 8.0, 12.0, 16.0, 20.0]);
    let turned = StridedSlice { begin: 5, end: 5, new_axis: 2, ..none };
    let turned = of(turned, [&[0, 0, 0], &[0, 0, 0], &[1, 1, -2]]).expect("fits");
    assert_eq!((&turned.shape()[..], turned.get::<f32>().map(|e| e[0])), (&[2, 1, 2, 4][..], Some(8.0)));
    let both = StridedSlice { ellipsis: 2, shrink_axis: 1, ..none };
    is(
        &of(both, [&[-1, 0, 1], &[0, 0, 3], &[1, 1, 1]]).expect("fits"),
        &[3, 2],
        &[13f32, 14.0, 17.0, 18.0, 21.0, 22.0],
    );
    assert!(of(StridedSlice { shrink_axis: 1, ..none }, [&[2], &[3], &[1]]).is_err(), "no such entry");
    assert!(of(StridedSlice { ellipsis: 3, ..none }, [&[0, 0], &[0, 0], &[1, 1]]).is_err(), "two ellipses");
    assert!(of(none, [&[0; 4], &[1; 4], &[1; 4]]).is_err(), "more entries than axes");
    assert!(of(none, [&[0], &[1], &[0]]).is_err(), "a stride of 0");
}

#[test]
fn crops_stay_inside() {
    let of = |begin: &[i64], size: &[i64]| run(LayoutOp::Crop, &some(&[count(&[3, 2]), ints(begin), ints(size)]), 1);
    is(&of(&[1, 0], &[-1, 1]).expect("fits")[0], &[2, 1], &[2f32, 4.0]);
    assert!(of(&[1, 0], &[3, 1]).is_err() && of(&[-1, 0], &[1, 1]).is_err() && of(&[0, 0], &[-2, 1]).is_err());
}

#[test]
fn beyond_the_edges_stands_what_the_mode_says() {
    let of = |mode, pads: &[i64]| {
        let pads = ints(pads);
        one(LayoutOp::Pad { mode, pairs: false }, &[count(&[3]), pads]).get::<f32>().expect("float32").to_vec()
    };
    assert_eq!(of(PadMode::Reflect, &[5, 3]), [1.0, 0.0, 1.0, 2.0, 1.0, 0.0, 1.0, 2.0, 1.0, 0.0, 1.0]);
    assert_eq!(of(PadMode::Symmetric, &[4, 2]), [2.0, 2.0, 1.0, 0.0, 0.0, 1.0, 2.0, 2.0, 1.0]);
    assert_eq!(of(PadMode::Edge, &[2, 1]), [0.0, 0.0, 0.0, 1.0, 2.0, 2.0]);
    assert_eq!(of(PadMode::Wrap, &[4, 1]), [2.0, 0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 0.0]);
    assert_eq!(of(PadMode::Constant, &[-1, 1]), [1.0, 2.0, 0.0]);
    let constant = LayoutOp::Pad { mode: PadMode::Constant, pairs: false };
    let inputs = [Some(count(&[1, 2])), Some(ints(&[1, 0])), Some(Tensor::scalar(7f32)), Some(ints(&[-2]))];
    is(&run(constant.clone(), &inputs, 1).expect("fits")[0], &[2, 2], &[7f32, 7.0, 0.0, 1.0]);
    let pairs = |mode| LayoutOp::Pad { mode, pairs: true };
    is(
        &one(pairs(PadMode::Reflect), &[count(&[1, 3]), tensor(&[2, 2], [0i32, 0, 2, 0])]),
        &[1, 5],
        &[2f32, 1.0, 0.0, 1.0, 2.0],
    );
    assert!(refused(pairs(PadMode::Reflect), &[count(&[3]), ints(&[3, 0])]), "TensorFlow mirrors once");
    assert!(refused(pairs(PadMode::Constant), &[count(&[3]), ints(&[-1, 0])]));
    assert!(refused(constant.clone(), &[count(&[3]), ints(&[-2, -2])]), "more is cut off than there is");
    assert!(refused(constant.clone(), &[count(&[3]), ints(&[i64::MAX, i64::MAX])]));
    assert!(refused(constant, &[count(&[3]), ints(&[i64::MIN, 0])]));
    assert!(refused(LayoutOp::Pad { mode: PadMode::Edge, pairs: false }, &[count(&[0]), ints(&[1, 0])]));
    is(
        &one(LayoutOp::CenterCropPad { axes: Some(vec![-1]) }, &[count(&[1, 2]), ints(&[5])]),
        &[1, 5],
        &[0f32, 0.0, 1.0, 0.0, 0.0],
    );
    is(&one(LayoutOp::CenterCropPad { axes: None }, &[count(&[4]), ints(&[1])]), &[1], &[1f32]);
}

#[test]
fn repetitions_and_turns() {
    is(
        &one(LayoutOp::Tile, &[count(&[2, 1]), ints(&[2, 3])]),
        &[4, 3],
        &[0f32, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0],
    );
    is(&one(LayoutOp::Tile, &[count(&[2]), ints(&[0])]), &[0], &[] as &[f32]);
    assert!(
        refused(LayoutOp::Tile, &[count(&[2]), ints(&[i64::MAX])])
            && refused(LayoutOp::Tile, &[count(&[2]), ints(&[-1])])
    );
    is(
        &one(LayoutOp::Roll, &[count(&[2, 3]), ints(&[1, -1, 2]), ints(&[0, 1, 1])]),
        &[2, 3],
        &[5f32, 3.0, 4.0, 2.0, 0.0, 1.0],
    );
    is(&one(LayoutOp::Reverse, &[count(&[2, 2]), ints(&[-1])]), &[2, 2], &[1f32, 0.0, 3.0, 2.0]);
    is(&one(LayoutOp::Reverse, &[count(&[2, 2]), Tensor::vector(vec![true, true])]), &[2, 2], &[3f32, 2.0, 1.0, 0.0]);
    let sequences = LayoutOp::ReverseSequence { batch: 1, time: 0 };
    is(&one(sequences.clone(), &[count(&[3, 2]), ints(&[2, 3])]), &[3, 2], &[2f32, 5.0, 0.0, 3.0, 4.0, 1.0]);
    assert!(refused(sequences, &[count(&[3, 2]), ints(&[4, 0])]));
    is(&one(LayoutOp::Expand { both: true }, &[count(&[2, 1]), ints(&[1, 2])]), &[2, 2], &[0f32, 0.0, 1.0, 1.0]);
    assert!(refused(LayoutOp::Expand { both: false }, &[count(&[2, 1]), ints(&[1, 2])]));
    assert!(refused(LayoutOp::Expand { both: true }, &[count(&[2, 1]), ints(&[1 << 40, 1 << 40, 0, 1])]));
}

#[test]
fn parts_and_joins() {
    let split = |sizes: Option<&[i64]>, outputs: usize, uneven: bool| {
        let formal = [Some(count(&[5])), sizes.map(ints)];
        let op = LayoutOp::Split { axis: 0, outputs, uneven };
        run(op, &formal, outputs).map(|parts| parts.iter().map(Tensor::len).collect::<Vec<_>>())
    };
    assert_eq!(split(Some(&[2, 3]), 2, false), Ok(vec![2, 3]));
    assert_eq!(split(Some(&[2, -1, 1]), 3, false), Ok(vec![2, 2, 1]));
    assert_eq!(split(None, 3, true), Ok(vec![2, 2, 1]));
    assert_eq!(split(None, 4, true), Ok(vec![2, 2, 1, 0]));
    for refused in [split(None, 3, false), split(Some(&[2, 2]), 2, false), split(Some(&[i64::MAX, -1]), 2, false)] {
        assert!(refused.is_err());
    }
    let rows = run(LayoutOp::Unstack { axis: -1, outputs: 2 }, &some(&[count(&[3, 2])]), 2).expect("fits");
    is(&rows[1], &[3], &[1f32, 3.0, 5.0]);
    is(&one(LayoutOp::Stack { axis: -1 }, &rows), &[3, 2], count(&[3, 2]).get::<f32>().expect("float32"));
    is(&one(LayoutOp::Stack { axis: 0 }, &[Tensor::scalar(1i32), Tensor::scalar(2i32)]), &[2], &[1i32, 2]);
}

#[test]
fn shapes_change_and_are_told() {
    let shape = |op: LayoutOp, x: &[usize], axes: Option<&[i64]>| {
        run(op, &[Some(count(x)), axes.map(ints)], 1).map(|outputs| outputs[0].shape().to_vec())
    };
    assert_eq!(shape(LayoutOp::Squeeze, &[1, 3, 1], None), Ok(vec![3]));
    assert_eq!(shape(LayoutOp::Squeeze, &[1, 3, 1], Some(&[-1])), Ok(vec![1, 3]));
    assert!(shape(LayoutOp::Squeeze, &[1, 3, 1], Some(&[1])).is_err());
    assert_eq!(shape(LayoutOp::Unsqueeze, &[3, 4], Some(&[-1, 1])), Ok(vec![3, 1, 4, 1]));
    assert!(
        shape(LayoutOp::Unsqueeze, &[3], Some(&[0, -3])).is_err()
            && shape(LayoutOp::Unsqueeze, &[3], Some(&[2])).is_err()
    );
    assert_eq!(shape(LayoutOp::Flatten { axis: 0 }, &[2, 3], None), Ok(vec![1, 6]));
    assert_eq!(shape(LayoutOp::Flatten { axis: -1 }, &[2, 3, 4], None), Ok(vec![6, 4]));
    assert!(shape(LayoutOp::EnsureShape { dims: vec![None, Some(4)] }, &[2, 3], None).is_err());
    is(&one(LayoutOp::Size { dtype: DType::I64 }, &[count(&[2, 3])]), &[], &[6i64]);
    is(&one(LayoutOp::Rank { dtype: DType::I32 }, &[count(&[2, 3])]), &[], &[2i32]);
    is(&one(LayoutOp::BroadcastShape, &[ints(&[2, 1]), ints(&[3])]), &[2], &[2i64, 3]);
}

#[test]
fn tensors_are_made_of_a_few_numbers() {
    is(&one(LayoutOp::Fill, &[ints(&[2]), Tensor::scalar(true)]), &[2], &[true, true]);
    assert!(refused(LayoutOp::Fill, &[ints(&[-1]), Tensor::scalar(0f32)]));
    assert!(refused(LayoutOp::Fill, &[ints(&[1 << 30, 1 << 30]), Tensor::scalar(0f32)]));
    is(&one(LayoutOp::Eye { offset: 1 }, &[ints(&[2, 3]), Tensor::scalar(1i32)]), &[2, 3], &[0, 1, 0, 0, 0, 1]);
    let range =
        |a: f32, b: f32, c: f32, strict| run(LayoutOp::Range { strict }, &some(&[a, b, c].map(Tensor::scalar)), 1);
    is(&range(10.0, 4.0, -2.5, false).expect("fits")[0], &[3], &[10f32, 7.5, 5.0]);
    is(&range(1.0, 0.0, 1.0, false).expect("fits")[0], &[0], &[] as &[f32]);
    assert!(
        range(1.0, 0.0, 1.0, true).is_err()
            && range(0.0, 1.0, 0.0, false).is_err()
            && range(0.0, f32::NAN, 1.0, true).is_err()
    );
    assert!(refused(LayoutOp::Range { strict: false }, &[i64::MIN, i64::MAX, 1].map(Tensor::scalar)));
    let line = [Tensor::scalar(0f32), Tensor::scalar(1f32), Tensor::scalar(5i32)];
    is(&one(LayoutOp::Linspace, &line), &[5], &[0f32, 0.25, 0.5, 0.75, 1.0]);
}

#[test]
fn bands_and_diagonals() {
    let band = |band, numbers: &[i64]| {
        let inputs: Vec<Tensor> =
            [count(&[2, 3])].into_iter().chain(numbers.iter().map(|n| Tensor::scalar(*n))).collect();
        one(LayoutOp::Band(band), &inputs).get::<f32>().expect("float32").to_vec()
    };
    assert_eq!(band(Band::Upper, &[]), [0.0, 1.0, 2.0, 0.0, 4.0, 5.0]);
    assert_eq!(band(Band::Upper, &[2]), [0.0, 0.0, 2.0, 0.0, 0.0, 0.0]);
    assert_eq!(band(Band::Lower, &[-1]), [0.0, 0.0, 0.0, 3.0, 0.0, 0.0]);
    assert_eq!(band(Band::Upper, &[i64::MIN]), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(band(Band::Around, &[0, -1]), [0.0, 1.0, 2.0, 0.0, 4.0, 5.0]);
    // The examples of TensorFlow's MatrixDiagPartV3 and MatrixDiagV3.
    let x = tensor(&[3, 4], [1f32, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 8.0, 7.0, 6.0]);
    let right_left = Align { upper_right: true, lower_right: false };
    let left_right = Align { upper_right: false, lower_right: true };
    let part = |align, x: &Tensor| one(LayoutOp::MatrixDiagPart { align }, &[x.clone(), ints(&[-1, 2])]);
    let rows = [0f32, 3.0, 8.0, 2.0, 7.0, 6.0, 1.0, 6.0, 7.0, 5.0, 8.0, 0.0];
    is(&part(right_left, &x), &[4, 3], &rows);
    let turned = [3f32, 8.0, 0.0, 2.0, 7.0, 6.0, 1.0, 6.0, 7.0, 0.0, 5.0, 8.0];
    is(&part(left_right, &x), &[4, 3], &turned);
    let sizes = [Tensor::scalar(3i32), Tensor::scalar(4i32)];
    for (align, rows) in [(right_left, rows), (left_right, turned)] {
        let inputs = [tensor(&[4, 3], rows), ints(&[-1, 2]), sizes[0].clone(), sizes[1].clone()];
        let back = one(LayoutOp::MatrixDiag { align }, &inputs);
        is(&back, &[3, 4], &[1f32, 2.0, 3.0, 0.0, 5.0, 6.0, 7.0, 8.0, 0.0, 8.0, 7.0, 6.0]);
        let set = one(LayoutOp::MatrixSetDiag { align }, &[count(&[3, 4]), tensor(&[4, 3], rows), ints(&[-1, 2])]);
        is(&set, &[3, 4], &[1f32, 2.0, 3.0, 3.0, 5.0, 6.0, 7.0, 8.0, 8.0, 8.0, 7.0, 6.0]);
    }
    is(&one(LayoutOp::MatrixDiag { align: right_left }, &[count(&[2])]), &[2, 2], &[0f32, 0.0, 0.0, 1.0]);
    is(
        &one(LayoutOp::MatrixDiag { align: right_left }, &[count(&[2]), Tensor::scalar(-1i32)]),
        &[3, 3],
        &[0f32, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0],
    );
    assert!(refused(LayoutOp::MatrixDiagPart { align: right_left }, &[count(&[2, 2]), ints(&[2])]));
    assert!(refused(LayoutOp::MatrixDiag { align: right_left }, &[count(&[2]), ints(&[i64::MIN, i64::MAX])]));
}

#[test]
fn channels_and_batches_become_pixels_and_back() {
    // The examples of ONNX's DepthToSpace: one row of two columns, eight channels.
    let x = tensor(&[1, 8, 1, 2], (0..8).flat_map(|c| [c as f32 * 9.0, c as f32 * 9.0 + 1.0]).collect::<Vec<_>>());
    let op = |crd| LayoutOp::DepthToSpace { block: 2, crd, last: false };
    let dcr = one(op(false), std::slice::from_ref(&x));
    is(
        &dcr,
        &[1, 2, 2, 4],
        &[0f32, 18.0, 1.0, 19.0, 36.0, 54.0, 37.0, 55.0, 9.0, 27.0, 10.0, 28.0, 45.0, 63.0, 46.0, 64.0],
    );
    let crd = one(op(true), std::slice::from_ref(&x));
    is(
        &crd,
        &[1, 2, 2, 4],
        &[0f32, 9.0, 1.0, 10.0, 18.0, 27.0, 19.0, 28.0, 36.0, 45.0, 37.0, 46.0, 54.0, 63.0, 55.0, 64.0],
    );
    let back = one(LayoutOp::SpaceToDepth { block: 2, crd: false, last: false }, &[dcr]);
    is(&back, &[1, 8, 1, 2], x.get::<f32>().expect("float32"));
    let back = one(LayoutOp::SpaceToDepth { block: 2, crd: true, last: false }, &[crd]);
    is(&back, &[1, 8, 1, 2], x.get::<f32>().expect("float32"));
    let last = one(LayoutOp::DepthToSpace { block: 2, crd: false, last: true }, &[count(&[1, 1, 1, 8])]);
    is(&last, &[1, 2, 2, 2], &[0f32, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    is(
        &one(LayoutOp::SpaceToDepth { block: 2, crd: false, last: true }, &[last]),
        &[1, 1, 1, 8],
        count(&[8]).get::<f32>().expect("float32"),
    );
    assert!(refused(op(false), &[count(&[1, 6, 1, 1])]) && refused(op(false), &[count(&[4, 1, 1])]));
    // TensorFlow's: one image of 2 by 2, padded by a column on either side.
    let (blocks, pads) = (ints(&[2, 2]), tensor(&[2, 2], [0i64, 0, 1, 1]));
    let batches = one(LayoutOp::SpaceToBatch, &[count(&[1, 2, 2, 1]), blocks.clone(), pads.clone()]);
    is(&batches, &[4, 1, 2, 1], &[0f32, 1.0, 0.0, 0.0, 0.0, 3.0, 2.0, 0.0]);
    is(&one(LayoutOp::BatchToSpace, &[batches.clone(), blocks, pads]), &[1, 2, 2, 1], &[0f32, 1.0, 2.0, 3.0]);
    assert!(refused(LayoutOp::BatchToSpace, &[batches, ints(&[3]), tensor(&[1, 2], [0i64, 0])]));
}
