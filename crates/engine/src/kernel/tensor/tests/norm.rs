use plan::tensor::{
    NormOp,
    norm::{Reduction, Training},
};

use super::{count, near, one, run, tensor};

#[test]
fn softmax_along_and_flat() {
    let x = tensor(&[1, 3], [-1.0_f32, 0.0, 1.0]);
    let softmax = |axis, flat, log| NormOp::Softmax { axis, flat, log };
    near(
        &one(softmax(1, false, false), std::slice::from_ref(&x)),
        &[1, 3],
        &[0.090_030_57, 0.244_728_48, 0.665_240_94],
    );
    near(&one(softmax(-1, false, true), std::slice::from_ref(&x)), &[1, 3], &[-2.407_606, -1.407_606, -0.407_606]);
    let x = count(&[2, 2, 2]);
    near(
        &one(softmax(1, false, false), std::slice::from_ref(&x)),
        &[2, 2, 2],
        &[0.119_203, 0.119_203, 0.880_797, 0.880_797].repeat(2),
    );
    let flat = [0.032_058_6, 0.087_144_3, 0.236_882_8, 0.643_914_3];
    near(&one(softmax(1, true, false), std::slice::from_ref(&x)), &[2, 2, 2], &flat.repeat(2));
    let large = tensor(&[2], [10_000.0_f32, 10_001.0]);
    near(&one(softmax(0, false, false), &[large]), &[2], &[0.268_941_4, 0.731_058_6]);
    assert!(run(softmax(3, false, false), &[Some(count(&[2, 2]))], 1).is_err());
}

#[test]
fn the_first_of_the_greatest() {
    let x = tensor(&[2, 4], [3.0_f32, 0.0, 1.0, 2.0, 2.0, 5.0, 5.0, 1.0]);
    let hardmax = NormOp::Hardmax { axis: 1, flat: false };
    near(&one(hardmax, std::slice::from_ref(&x)), &[2, 4], &[1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn batches_by_given_and_own_statistics() {
    let x = tensor(&[1, 2, 1, 3], [-1.0_f32, 0.0, 1.0, 2.0, 3.0, 4.0]);
    let vector = |numbers: [f32; 2]| tensor(&[2], numbers);
    let params = [vector([1.0, 1.5]), vector([0.0, 1.0]), vector([0.0, 3.0]), vector([1.0, 1.5])];
    let mut inputs = vec![x.clone()];
    inputs.extend(params);
    let op = NormOp::BatchNorm { axis: 1, epsilon: 0.0, training: None };
    let expected = [-1.0, 0.0, 1.0, -0.224_744_9, 1.0, 2.224_745];
    near(&one(op, &inputs), &[1, 2, 1, 3], &expected);
    // Channels last are the same numbers in another order.
    inputs[0] = tensor(&[1, 1, 3, 2], [-1.0_f32, 2.0, 0.0, 3.0, 1.0, 4.0]);
    let op = NormOp::BatchNorm { axis: -1, epsilon: 0.0, training: None };
    near(&one(op, &inputs), &[1, 1, 3, 2], &[-1.0, -0.224_744_9, 0.0, 1.0, 1.0, 2.224_745]);
    inputs[0] = x;
    let training = Some(Training { momentum: 0.9, is_sample: false });
    let op = NormOp::BatchNorm { axis: 1, epsilon: 0.0, training };
    let given: Vec<_> = inputs.into_iter().map(Some).collect();
    let outputs = run(op, &given, 5).expect("runs");
    near(&outputs[1], &[2], &[0.0, 3.0]);
    near(&outputs[2], &[2], &[0.9 + 0.1 * 2.0 / 3.0, 1.35 + 0.1 * 2.0 / 3.0]);
    near(&outputs[4], &[2], &[2.0 / 3.0, 2.0 / 3.0]);
}

#[test]
fn layers_and_groups() {
    let x = tensor(&[2, 2], [1.0_f32, 3.0, 2.0, 6.0]);
    let scale = tensor(&[2], [1.0_f32, 2.0]);
    let op = NormOp::LayerNorm { axis: -1, epsilon: 0.0, mean: true };
    let outputs =
        run(op, &[Some(x.clone()), Some(scale.clone()), Some(tensor(&[2], [0.5_f32, 0.5]))], 3).expect("runs");
    near(&outputs[0], &[2, 2], &[-0.5, 2.5, -0.5, 2.5]);
    near(&outputs[1], &[2, 1], &[2.0, 4.0]);
    near(&outputs[2], &[2, 1], &[1.0, 0.5]);
    let op = NormOp::LayerNorm { axis: -1, epsilon: 0.0, mean: false };
    near(&one(op, &[tensor(&[1, 2], [3.0_f32, 4.0]), scale.clone()]), &[1, 2], &[0.848_528_1, 2.262_742]);
    let x = x.reshaped(*count(&[1, 2, 2]).shape()).expect("as many");
    let group = |groups, by_group| NormOp::GroupNorm { groups, epsilon: 0.0, by_group };
    let zeros = tensor(&[2], [0.0_f32, 0.0]);
    near(&one(group(0, false), &[x.clone(), scale.clone(), zeros.clone()]), &[1, 2, 2], &[-1.0, 1.0, -2.0, 2.0]);
    let whole = [-1.069_045, 0.0, -0.534_522_5 * 2.0, 1.603_567_5 * 2.0];
    near(&one(group(1, false), &[x.clone(), scale, zeros]), &[1, 2, 2], &whole);
    let unit = |x: f32| tensor(&[1], [x]);
    near(
        &one(group(1, true), &[x.clone(), unit(2.0), unit(0.0)]),
        &[1, 2, 2],
        &[-2.138_09, 0.0, -1.069_045, 3.207_135],
    );
    assert!(run(group(3, false), &[Some(x), Some(unit(1.0)), Some(unit(1.0))], 1).is_err());
}

#[test]
fn norms_and_windows_of_channels() {
    let x = tensor(&[1, 2, 2], [3.0_f32, 0.0, 4.0, 0.0]);
    near(&one(NormOp::LpNorm { axis: 1, p: 2 }, std::slice::from_ref(&x)), &[1, 2, 2], &[0.6, 0.0, 0.8, 0.0]);
    near(
        &one(NormOp::LpNorm { axis: 1, p: 1 }, std::slice::from_ref(&x)),
        &[1, 2, 2],
        &[3.0 / 7.0, 0.0, 4.0 / 7.0, 0.0],
    );
    let lrn = NormOp::Lrn { axis: 1, size: 2, alpha: 0.5, beta: 1.0, bias: 1.0 };
    near(&one(lrn, &[tensor(&[1, 3], [1.0_f32, 2.0, 3.0])]), &[1, 3], &[1.0 / 3.5, 2.0 / 7.5, 3.0 / 5.5]);
}

#[test]
fn losses_by_weight() {
    let x = tensor(&[3, 2], [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let (target, weight) = (tensor(&[3], [1_i64, 0, -1]), tensor(&[2], [0.5_f32, 2.0]));
    let op = |reduction| NormOp::NllLoss { ignore: Some(-1), reduction };
    let inputs = [x, target, weight];
    near(&one(op(Reduction::None), &inputs), &[3], &[-4.0, -1.5, 0.0]);
    near(&one(op(Reduction::Sum), &inputs), &[], &[-5.5]);
    near(&one(op(Reduction::Mean), &inputs), &[], &[-2.2]);
    let strict = NormOp::NllLoss { ignore: None, reduction: Reduction::Sum };
    assert!(run(strict, &inputs.map(Some), 1).is_err(), "no class -1");
    let logits = tensor(&[2, 2], [0.0_f32, 0.0, 1.0, 0.0]);
    let sparse = run(NormOp::CrossEntropy { sparse: true }, &[Some(logits.clone()), Some(tensor(&[2], [1_i32, 0]))], 2);
    let sparse = sparse.expect("runs");
    near(&sparse[0], &[2], &[std::f32::consts::LN_2, 0.313_261_7]);
    near(&sparse[1], &[2, 2], &[0.5, -0.5, -0.268_941_4, 0.268_941_4]);
    let labels = tensor(&[2, 2], [0.0_f32, 1.0, 1.0, 0.0]);
    let dense = run(NormOp::CrossEntropy { sparse: false }, &[Some(logits), Some(labels)], 2).expect("runs");
    assert_eq!(dense, sparse);
}
