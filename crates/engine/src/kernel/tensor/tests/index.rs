use model::{DType, Tensor, tensor::Element};
use plan::tensor::{DenseOp, Equation, IndexOp, Merge, ReduceOp, RowPart, SegmentFold};

use super::{count, near, one, run, tensor};

fn ints(numbers: &[i64]) -> Tensor {
    Tensor::vector(numbers.to_vec())
}

fn floats(numbers: &[f32]) -> Tensor {
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

fn refused(op: IndexOp, tensors: &[Tensor]) -> bool {
    run(op, &some(tensors), 1).is_err()
}

#[test]
fn elements_are_taken_by_their_places() {
    let gather = |from_end| IndexOp::Gather { axis: 0, batch: 0, from_end };
    is(&one(gather(true), &[count(&[3, 2]), ints(&[-1])]), &[1, 2], &[4f32, 5.0]);
    assert!(
        refused(gather(false), &[count(&[3, 2]), ints(&[-1])]) && refused(gather(true), &[count(&[3, 2]), ints(&[3])])
    );
    is(&one(gather(false), &[count(&[2, 2]), ints(&[1]), Tensor::scalar(1i32)]), &[2, 1], &[1f32, 3.0]);
    let elements = IndexOp::GatherElements { axis: 1 };
    is(&one(elements.clone(), &[count(&[2, 2]), tensor(&[2, 2], [0i64, 0, 1, 0])]), &[2, 2], &[0f32, 0.0, 3.0, 2.0]);
    is(&one(elements.clone(), &[count(&[2, 3]), tensor(&[1, 1], [-1i64])]), &[1, 1], &[2f32]);
    assert!(refused(elements, &[count(&[2, 2]), tensor(&[3, 1], [0i64, 0, 0])]));
    let nd = |batch| IndexOp::GatherNd { batch, from_end: true };
    is(&one(nd(0), &[count(&[2, 2]), tensor(&[2, 2], [0i64, 0, 1, -1])]), &[2], &[0f32, 3.0]);
    is(&one(nd(1), &[count(&[2, 2, 2]), tensor(&[2, 1], [1i64, 0])]), &[2, 2], &[2f32, 3.0, 4.0, 5.0]);
    is(&one(nd(0), &[count(&[2]), tensor(&[2, 0], Vec::<i64>::new())]), &[2, 2], &[0f32, 1.0, 0.0, 1.0]);
    assert!(refused(nd(0), &[count(&[2]), tensor(&[1, 2], [0i64, 0])]) && refused(nd(1), &[count(&[2]), ints(&[0])]));
}

#[test]
fn elements_are_put_to_their_places() {
    let scatter = |merge| IndexOp::ScatterElements { axis: 1, merge };
    let x = [floats(&[1.0, 2.0, 3.0, 4.0, 5.0]), ints(&[1, 1]), floats(&[1.5, 2.5])];
    let x = x.map(|x| x.reshaped(x.shape().insert(0, 1).expect("few")).expect("as many"));
    let of = |merge| one(scatter(merge), &x).get::<f32>().expect("float32")[1];
    let merges = [Merge::Put, Merge::Add, Merge::Mul, Merge::Max, Merge::Min, Merge::Sub];
    assert_eq!(merges.map(of), [2.5, 6.0, 7.5, 2.5, 1.5, -2.0]);
    let nd = |merge| IndexOp::ScatterNd { merge, from_end: true };
    let at = [count(&[3, 2]), tensor(&[2, 1], [-1i64, 0]), tensor(&[2, 2], [10f32, 20.0, 30.0, 40.0])];
    is(&one(nd(Merge::Add), &at), &[3, 2], &[30f32, 41.0, 2.0, 3.0, 14.0, 25.0]);
    assert!(refused(nd(Merge::Put), &[count(&[3, 2]), tensor(&[1, 1], [3i64]), count(&[1, 2])]));
    assert!(refused(nd(Merge::Put), &[count(&[3, 2]), tensor(&[1, 1], [0i64]), count(&[2, 1])]));
    let cache = |circular| IndexOp::TensorScatter { axis: -2, circular };
    let inputs = [count(&[2, 3, 1]), tensor(&[2, 2, 1], [7f32, 8.0, 9.0, 10.0]), ints(&[2, 0])];
    is(&one(cache(true), &inputs), &[2, 3, 1], &[8f32, 1.0, 7.0, 9.0, 10.0, 5.0]);
    assert!(refused(cache(false), &inputs), "beyond the end");
}

#[test]
fn choices_by_a_test() {
    let hot = |axis, from_end| IndexOp::OneHot { axis, from_end };
    let inputs = [ints(&[0, -1, 3]), Tensor::scalar(3i64), Tensor::scalar(1i32), Tensor::scalar(5i32)];
    is(&one(hot(-1, true), &inputs), &[3, 3], &[5, 1, 1, 1, 1, 5, 1, 1, 1]);
    is(&one(hot(0, false), &inputs), &[3, 3], &[5, 1, 1, 1, 1, 1, 1, 1, 1]);
    let x = tensor(&[2, 2], [1f32, -0.0, f32::NAN, 1.0]);
    is(&one(IndexOp::NonZero { rows: false }, std::slice::from_ref(&x)), &[2, 3], &[0i64, 1, 1, 0, 0, 1]);
    is(&one(IndexOp::NonZero { rows: true }, &[x]), &[3, 2], &[0i64, 0, 1, 0, 1, 1]);
    is(&one(IndexOp::NonZero { rows: false }, &[Tensor::scalar(1f32)]), &[0, 1], &[] as &[i64]);
    let test = Tensor::vector(vec![false, true]);
    is(&one(IndexOp::Compress { axis: Some(0) }, &[count(&[3, 2]), test.clone()]), &[1, 2], &[2f32, 3.0]);
    is(&one(IndexOp::Compress { axis: None }, &[count(&[3, 2]), test]), &[1], &[1f32]);
}

#[test]
fn the_first_of_equal_ones_comes_first() {
    let top = |largest| IndexOp::TopK { axis: -1, largest, dtype: DType::I64 };
    let x = tensor(&[2, 4], [1f32, 3.0, 3.0, 2.0, f32::NAN, -1.0, 0.0, 5.0]);
    let found = run(top(true), &some(&[x.clone(), ints(&[2])]), 2).expect("fits");
    is(&found[1], &[2, 2], &[1i64, 2, 0, 3]);
    let found = run(top(false), &some(&[x, ints(&[3])]), 2).expect("fits");
    is(&found[0], &[2, 3], &[1f32, 2.0, 3.0, -1.0, 0.0, 5.0]);
    is(&found[1], &[2, 3], &[0i64, 3, 1, 1, 2, 3]);
    let columns = IndexOp::TopK { axis: 0, largest: true, dtype: DType::I32 };
    let found = run(columns, &some(&[count(&[3, 2]), ints(&[1])]), 2).expect("fits");
    is(&found[1], &[1, 2], &[2i32, 2]);
    assert!(run(top(true), &some(&[count(&[2]), ints(&[3])]), 2).is_err());
    let extreme = |least, last| IndexOp::Extreme { least, axis: 1, keep: false, last, dtype: DType::I64 };
    let x = tensor(&[2, 4], [2f32, 7.0, 2.0, 7.0, f32::NAN, 1.0, f32::NEG_INFINITY, 0.0]);
    for (least, last, expected) in
        [(false, false, [1, 1]), (false, true, [3, 1]), (true, false, [0, 2]), (true, true, [2, 2])]
    {
        is(&one(extreme(least, last), std::slice::from_ref(&x)), &[2], &expected.map(i64::from));
    }
    assert!(refused(extreme(false, false), &[count(&[2, 0])]));
}

#[test]
fn different_entries_in_order_or_as_they_come() {
    let unique = |axis, sorted| IndexOp::Unique { axis, sorted, dtype: DType::I64 };
    let of = |op, x: &Tensor| run(op, &some(std::slice::from_ref(x)), 4).expect("fits");
    let x = floats(&[2.0, 1.0, 1.0, 3.0, 4.0, 3.0]);
    let found = of(unique(None, false), &x);
    is(&found[0], &[4], &[2f32, 1.0, 3.0, 4.0]);
    for (i, expected) in [&[0i64, 1, 3, 4][..], &[0, 1, 1, 2, 3, 2], &[1, 2, 2, 1]].into_iter().enumerate() {
        assert_eq!(found[i + 1].get::<i64>(), Some(expected));
    }
    let found = of(unique(None, true), &x);
    assert_eq!(found[2].get::<i64>(), Some(&[1, 0, 0, 2, 3, 2][..]));
    // ONNX's example of an axis: columns.
    let x = tensor(&[2, 3], [1f32, 0.0, 1.0, 2.0, 3.0, 2.0]);
    let found = of(unique(Some(1), true), &x);
    is(&found[0], &[2, 2], &[0f32, 1.0, 3.0, 2.0]);
    assert_eq!(found[3].get::<i64>(), Some(&[1, 2][..]));
    is(&of(unique(None, true), &floats(&[]))[0], &[0], &[] as &[f32]);
}

#[test]
fn places_among_sorted_ones_and_counts() {
    let search = |right| IndexOp::SearchSorted { right, dtype: DType::I32 };
    let values = floats(&[0.0, 1.0, 1.5, 9.0, f32::NAN]);
    is(&one(search(true), &[floats(&[1.0, 2.0]), values.clone()]), &[5], &[0i32, 1, 1, 2, 2]);
    is(&one(search(false), &[floats(&[1.0, 2.0]), values]), &[5], &[0i32, 0, 1, 2, 2]);
    is(&one(search(false), &[count(&[2, 2]), tensor(&[2, 1], [1f32, 1.0])]), &[2, 1], &[1i32, 0]);
    let count_of = |binary, rows| IndexOp::Bincount { binary, rows };
    let x = tensor(&[2, 3], [1i32, 1, 5, 0, 2, 2]);
    let (size, none) = (Tensor::scalar(3i32), floats(&[]));
    is(
        &one(count_of(false, true), &[x.clone(), size.clone(), none.clone()]),
        &[2, 3],
        &[0f32, 2.0, 0.0, 1.0, 0.0, 2.0],
    );
    is(&one(count_of(true, true), &[x.clone(), size.clone(), none]), &[2, 3], &[0f32, 1.0, 0.0, 1.0, 0.0, 1.0]);
    is(&one(count_of(false, false), &[x.clone(), size, count(&[2, 3])]), &[3], &[3f32, 1.0, 9.0]);
    let top = [tensor(&[3, 2], [1f32, 2.0, 2.0, 2.0, f32::INFINITY, 0.0]), ints(&[0, 1, 0]), Tensor::scalar(1i32)];
    is(&one(IndexOp::InTopK, &top), &[3], &[false, true, false]);
    is(&one(IndexOp::InvertPermutation, &[Tensor::vector(vec![2i32, 0, 1])]), &[3], &[1i32, 2, 0]);
    assert!(refused(IndexOp::InvertPermutation, &[Tensor::vector(vec![0i32, 0])]));
}

#[test]
fn entries_by_segments_and_parts() {
    let of = |fold, given: Option<i64>, ids: &[i64]| {
        let formal = [Some(floats(&[1.0, 2.0, 3.0, 4.0])), Some(ints(ids)), given.map(Tensor::scalar)];
        run(IndexOp::Segment { fold }, &formal, 1).map(|outputs| outputs[0].get::<f32>().expect("float32").to_vec())
    };
    assert_eq!(of(SegmentFold::Sum, None, &[0, 0, 2, 2]), Ok(vec![3.0, 0.0, 7.0]));
    assert_eq!(of(SegmentFold::Mean, None, &[0, 0, 2, 2]), Ok(vec![1.5, 0.0, 3.5]));
    assert_eq!(of(SegmentFold::Max, None, &[0, 0, 2, 2]), Ok(vec![2.0, 0.0, 4.0]));
    assert_eq!(of(SegmentFold::Min, Some(2), &[1, -1, 1, 1]), Ok(vec![f32::MAX, 1.0]));
    assert_eq!(of(SegmentFold::Prod, Some(2), &[1, 1, -1, 1]), Ok(vec![1.0, 8.0]));
    assert_eq!(of(SegmentFold::RootMean, None, &[0, 0, 0, 0]), Ok(vec![5.0]));
    assert!(
        of(SegmentFold::Sum, None, &[1, 0, 0, 0]).is_err() && of(SegmentFold::Sum, Some(1), &[1, 0, 0, 0]).is_err()
    );
    assert!(of(SegmentFold::Sum, None, &[0, 0, 0, i64::MAX]).is_err());
    let parts =
        run(IndexOp::DynamicPartition { parts: 2 }, &some(&[count(&[3, 1]), ints(&[1, 0, 1])]), 2).expect("fits");
    is(&parts[1], &[2, 1], &[0f32, 2.0]);
    let stitched = one(IndexOp::DynamicStitch, &[ints(&[1]), ints(&[0, 2]), parts[0].clone(), parts[1].clone()]);
    is(&stitched, &[3, 1], &[0f32, 1.0, 2.0]);
}

#[test]
fn sparse_and_ragged_tensors_become_dense() {
    let (at, shape) = (tensor(&[2, 2], [0i64, 1, 1, 0]), ints(&[2, 3]));
    let values = floats(&[5.0, 6.0]);
    let inputs = [at.clone(), shape.clone(), values.clone(), Tensor::scalar(-1f32)];
    let dense = |check| IndexOp::SparseToDense { check };
    is(&one(dense(true), &inputs), &[2, 3], &[-1f32, 5.0, -1.0, 6.0, -1.0, -1.0]);
    let turned = tensor(&[2, 2], [1i64, 0, 0, 1]);
    assert!(refused(dense(true), &[turned.clone(), shape.clone(), values.clone(), Tensor::scalar(0f32)]));
    let product = |transpose| IndexOp::SparseMatMul { transpose };
    let inputs = [at.clone(), values.clone(), shape.clone(), count(&[3, 2])];
    is(&one(product([false; 2]), &inputs), &[2, 2], &[10f32, 15.0, 0.0, 6.0]);
    let inputs = [at.clone(), values.clone(), shape.clone(), count(&[2, 2])];
    is(&one(product([true, true]), &inputs), &[3, 2], &[6f32, 18.0, 0.0, 10.0, 0.0, 0.0]);
    let sum = |keep| IndexOp::SparseReduce { max: false, keep };
    is(&one(sum(false), &[at.clone(), values.clone(), shape.clone(), ints(&[-1])]), &[2], &[5f32, 6.0]);
    is(&one(sum(true), &[at, values, shape, ints(&[0])]), &[1, 3], &[6f32, 5.0, 0.0]);
    // Rows [[1, 2], []], [[3]] filled with 0, and cut off.
    let ragged = IndexOp::RaggedToTensor { parts: vec![RowPart::RowSplits, RowPart::RowSplits] };
    let of = |shape: &[i64]| {
        let shape = if shape.is_empty() { Tensor::scalar(-1i64) } else { ints(shape) };
        let inputs = [shape, floats(&[1.0, 2.0, 3.0]), Tensor::scalar(0f32), ints(&[0, 2, 3]), ints(&[0, 2, 2, 3])];
        one(ragged.clone(), &inputs)
    };
    is(&of(&[]), &[2, 2, 2], &[1f32, 2.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0]);
    is(&of(&[3, -1, 1]), &[3, 2, 1], &[1f32, 0.0, 3.0, 0.0, 0.0, 0.0]);
    let ids = IndexOp::RaggedToTensor { parts: vec![RowPart::FirstDim, RowPart::RowIds] };
    let inputs =
        [Tensor::scalar(-1i64), floats(&[1.0, 2.0, 3.0]), Tensor::scalar(9f32), Tensor::scalar(3i64), ints(&[0, 2, 2])];
    is(&one(ids.clone(), &inputs), &[3, 2], &[1f32, 9.0, 9.0, 9.0, 2.0, 3.0]);
    assert!(refused(
        ids,
        &[Tensor::scalar(-1i64), floats(&[1.0]), Tensor::scalar(9f32), Tensor::scalar(1i64), ints(&[1])]
    ));
}

#[test]
fn boxes_that_overlap_better_ones_are_left_out() {
    // The example of ONNX's NonMaxSuppression.
    let boxes = [
        0.0, 0.0, 1.0, 1.0, 0.0, 0.1, 1.0, 1.1, 0.0, -0.1, 1.0, 0.9, 0.0, 10.0, 1.0, 11.0, 0.0, 10.1, 1.0, 11.1, 0.0,
        100.0, 1.0, 101.0,
    ];
    let boxes = tensor(&[1, 6, 4], boxes.map(|x: f64| x as f32));
    let scores = tensor(&[1, 1, 6], [0.9f32, 0.75, 0.6, 0.95, 0.5, 0.3]);
    let of = |most: i64, least: f32| {
        let limits = [Tensor::vector(vec![most]), Tensor::vector(vec![0.5f32]), Tensor::vector(vec![least])];
        let inputs: Vec<Tensor> = [boxes.clone(), scores.clone()].into_iter().chain(limits).collect();
        one(IndexOp::NonMaxSuppression { center: false }, &inputs)
    };
    is(&of(3, 0.0), &[3, 3], &[0i64, 0, 3, 0, 0, 0, 0, 0, 5]);
    is(&of(3, 0.4), &[2, 3], &[0i64, 0, 3, 0, 0, 0]);
    is(&of(0, 0.0), &[0, 3], &[] as &[i64]);
}

#[test]
fn running_sums_and_products() {
    let of = |product, exclusive, reverse| {
        one(ReduceOp::Cumulate { product, exclusive, reverse }, &[floats(&[1.0, 2.0, 3.0]), Tensor::scalar(-1i32)])
    };
    near(&of(false, false, false), &[3], &[1.0, 3.0, 6.0]);
    near(&of(false, true, false), &[3], &[0.0, 1.0, 3.0]);
    near(&of(true, true, true), &[3], &[6.0, 3.0, 1.0]);
    let rows = one(
        ReduceOp::Cumulate { product: false, exclusive: false, reverse: false },
        &[count(&[2, 2]), Tensor::scalar(0i64)],
    );
    near(&rows, &[2, 2], &[0.0, 1.0, 2.0, 4.0]);
}

#[test]
fn sparse_tensors_change_their_rows() {
    let (at, values) = (tensor(&[3, 2], [0i64, 1, 2, 0, 2, 1]), floats(&[5.0, 6.0, 7.0]));
    let inputs = some(&[at.clone(), ints(&[3, 2]), ints(&[2, -1])]);
    let found = run(IndexOp::SparseReshape, &inputs, 2).expect("fits");
    is(&found[0], &[3, 2], &[0i64, 1, 1, 1, 1, 2]);
    is(&found[1], &[2], &[2i64, 3]);
    let inputs = some(&[at.clone(), values.clone(), ints(&[4, 2]), Tensor::scalar(-1f32)]);
    let found = run(IndexOp::SparseFillRows, &inputs, 4).expect("fits");
    is(&found[0], &[5, 2], &[0i64, 1, 1, 0, 2, 0, 2, 1, 3, 0]);
    is(&found[1], &[5], &[5f32, -1.0, 6.0, 7.0, -1.0]);
    is(&found[2], &[4], &[false, true, false, true]);
    is(&found[3], &[3], &[0i64, 2, 3]);
    let turned = some(&[tensor(&[3, 2], [2i64, 1, 0, 1, 2, 0]), values, ints(&[3, 2])]);
    let found = run(IndexOp::SparseReorder, &turned, 2).expect("fits");
    is(&found[0], &[3, 2], at.get::<i64>().expect("int64"));
    is(&found[1], &[3], &[6f32, 7.0, 5.0]);
    let outside = some(&[at, floats(&[1.0; 3]), ints(&[2, 2]), Tensor::scalar(0f32)]);
    assert!(run(IndexOp::SparseFillRows, &outside, 4).is_err());
}

#[test]
fn sums_of_products_by_equations() {
    let of = |equation: &str, inputs: &[Tensor]| {
        let equation = Equation::parse(equation).expect("an equation");
        run(DenseOp::Einsum(equation), &some(inputs), 1).map(|mut outputs| outputs.remove(0))
    };
    let square = count(&[2, 2]);
    near(&of("ij,jk->ik", &[square.clone(), square.clone()]).expect("fits"), &[2, 2], &[2.0, 3.0, 6.0, 11.0]);
    near(&of("ij->ji", &[count(&[2, 3])]).expect("fits"), &[3, 2], &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    near(&of("ij->", &[count(&[2, 3])]).expect("fits"), &[], &[15.0]);
    near(&of("ii", std::slice::from_ref(&square)).expect("fits"), &[], &[3.0]);
    near(&of("...ii->...i", &[count(&[2, 2, 2])]).expect("fits"), &[2, 2], &[0.0, 3.0, 4.0, 7.0]);
    near(&of("i,i->i", &[count(&[3]), count(&[3])]).expect("fits"), &[3], &[0.0, 1.0, 4.0]);
    near(&of("i,i", &[count(&[3]), count(&[3])]).expect("fits"), &[], &[5.0]);
    near(&of("i,j->ji", &[count(&[2]), count(&[3])]).expect("fits"), &[3, 2], &[0.0, 0.0, 0.0, 1.0, 0.0, 2.0]);
    let batches = of("...ij,...jk->...ik", &[count(&[2, 1, 2]), count(&[2, 1])]).expect("fits");
    near(&batches, &[2, 1, 1], &[1.0, 3.0]);
    near(
        &of("ij,jk,kl->il", &[square.clone(), square.clone(), square.clone()]).expect("fits"),
        &[2, 2],
        &[6.0, 11.0, 22.0, 39.0],
    );
    near(&of("ab,b->ba", &[count(&[2, 3]), floats(&[2.0])]).expect("fits"), &[3, 2], &[0.0, 6.0, 2.0, 8.0, 4.0, 10.0]);
    near(&of("i->ii", &[count(&[2])]).expect("fits"), &[2, 2], &[0.0, 0.0, 0.0, 1.0]);
    near(&of("ij,jk->ik", &[count(&[2, 0]), count(&[0, 1])]).expect("fits"), &[2, 1], &[0.0, 0.0]);
    assert!(of("ij,jk->ik", &[count(&[2, 3]), count(&[2, 3])]).is_err() && of("ij->i", &[count(&[2])]).is_err());
}
