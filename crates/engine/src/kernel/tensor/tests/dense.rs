use model::tensor::f16;
use plan::tensor::{Binary, DenseOp, ElementOp, Unary};

use super::{count, near, one, run, tensor};

const MATMUL: DenseOp = DenseOp::MatMul { transpose: [false; 2] };

#[test]
fn matrices_broadcast_and_turn() {
    let (a, b) = (count(&[2, 3]), count(&[3, 2]));
    near(&one(MATMUL, &[a.clone(), b.clone()]), &[2, 2], &[10.0, 13.0, 28.0, 40.0]);
    let turned = DenseOp::MatMul { transpose: [true, true] };
    near(&one(turned, &[b, a]), &[2, 2], &[10.0, 28.0, 13.0, 40.0]);
    near(&one(MATMUL, &[count(&[3]), count(&[3])]), &[], &[5.0]);
    near(&one(MATMUL, &[count(&[2, 1, 3]), count(&[3])]), &[2, 1], &[5.0, 14.0]);
    let many = one(MATMUL, &[count(&[2, 5, 3]), count(&[2, 3, 2])]);
    near(&one(MATMUL, &[count(&[5, 3]), count(&[3, 2])]), &[5, 2], &many.get::<f32>().expect("float32")[..10]);
    near(&one(MATMUL, &[count(&[2, 0]), count(&[0, 2])]), &[2, 2], &[0.0; 4]);
    assert!(run(MATMUL, &[Some(count(&[2, 3])), Some(count(&[2, 3]))], 1).is_err());
}

#[test]
fn a_row_has_the_same_bits_alone() {
    let fraction = |n: usize| (0..n).map(|i| (i as f32 * 0.37).sin()).collect::<Vec<f32>>();
    let (a, b) = (fraction(7 * 29), tensor(&[29, 19], fraction(29 * 19)));
    let all = one(MATMUL, &[tensor(&[7, 29], a.clone()), b.clone()]);
    for row in 0..7 {
        let alone = one(MATMUL, &[tensor(&[1, 29], &a[row * 29..][..29]), b.clone()]);
        assert_eq!(alone.get::<f32>(), all.get::<f32>().map(|all| &all[row * 19..][..19]));
    }
}

#[test]
fn layers_end_as_the_functions_do() {
    let (a, b) = (count(&[2, 3]), tensor(&[3, 2], [0.1_f32, -0.2, 0.3, 0.1, -0.4, 0.2]));
    let c = tensor(&[2], [0.5_f32, -0.25]);
    let sums = [0.0, 0.25, 0.0, 0.55];
    near(&one(DenseOp::layer(None), &[a.clone(), b.clone(), c.clone()]), &[2, 2], &sums);
    type Function = fn(f32) -> f32;
    let ends: [(Unary, Function); 3] = [
        (Unary::Sigmoid, |x| 1.0 / (1.0 + (-x).exp())),
        (Unary::Tanh, f32::tanh),
        (Unary::Softplus, |x| x.exp().ln_1p()),
    ];
    for (end, f) in ends {
        near(&one(DenseOp::layer(Some(end)), &[a.clone(), b.clone(), c.clone()]), &[2, 2], &sums.map(f));
    }
    let scaled = DenseOp::Dense { transpose: [false; 2], alpha: 2.0, beta: 0.5, end: None };
    let column = tensor(&[2, 1], [10.0_f32, 20.0]);
    near(&one(scaled, &[a.clone(), b, column]), &[2, 2], &[4.0, 6.0, 9.0, 11.6]);
    let wide = DenseOp::layer(None);
    assert!(run(wide, &[Some(a.clone()), Some(count(&[3, 1])), Some(c)], 1).is_err(), "a result never grows");
    let halves = |shape: &[usize]| tensor(shape, vec![f16::from_f32(0.5); shape.iter().product()]);
    assert_eq!(one(MATMUL, &[halves(&[1, 3]), halves(&[3, 1])]).get::<f16>(), Some(&[f16::from_f32(0.75)][..]));
}

#[test]
fn integers_lose_their_zero_points() {
    // The example of ONNX's MatMulInteger.
    let a = tensor(&[4, 3], [11_u8, 7, 3, 10, 6, 2, 9, 5, 1, 8, 4, 0]);
    let b = tensor(&[3, 2], [1_u8, 4, 2, 5, 3, 6]);
    let (zero_a, zero_b) = (tensor(&[1], [12_u8]), tensor(&[1], [0_u8]));
    let y = one(DenseOp::MatMulInteger, &[a.clone(), b.clone(), zero_a, zero_b]);
    assert_eq!(y.get::<i32>(), Some(&[-38, -83, -44, -98, -50, -113, -56, -128][..]));
    let rows = tensor(&[4], [11_u8, 10, 9, 8]);
    let y = one(DenseOp::MatMulInteger, &[a, b, rows]);
    assert_eq!(y.get::<i32>(), Some(&[-32, -68, -32, -68, -32, -68, -32, -68][..]));
}

#[test]
fn determinants_of_each_matrix() {
    let a = tensor(&[3, 2, 2], [1.0_f32, 2.0, 3.0, 4.0, 1.0, 2.0, 2.0, 1.0, 1.0, 3.0, 3.0, 1.0]);
    near(&one(DenseOp::Det, &[a]), &[3], &[-2.0, -3.0, -8.0]);
    near(&one(DenseOp::Det, &[tensor(&[2, 2], [0.0_f32, 1.0, 1.0, 0.0])]), &[], &[-1.0]);
    assert!(run(DenseOp::Det, &[Some(count(&[2, 3]))], 1).is_err());
}

#[test]
fn layers_have_the_bits_of_single_ops() {
    let fraction = |n: usize| (0..n).map(|i| (i as f32 * 0.73).cos() * 3.0).collect::<Vec<f32>>();
    let (x, w) = (tensor(&[5, 11], fraction(55)), tensor(&[11, 19], fraction(209)));
    let bias = tensor(&[19], fraction(19));
    let sums = one(ElementOp::Binary(Binary::Add), &[one(MATMUL, &[x.clone(), w.clone()]), bias.clone()]);
    for end in [Unary::Relu, Unary::Sigmoid, Unary::Tanh] {
        let single = one(ElementOp::Unary(end), std::slice::from_ref(&sums));
        let layer = one(DenseOp::layer(Some(end)), &[x.clone(), w.clone(), bias.clone()]);
        assert_eq!(layer, single);
    }
}
