//! Signals: transforms worked by hand, mel weights of ONNX's operator page.

use model::{DType, Tensor, tensor::Complex};
use plan::tensor::*;

use super::{near, one, run, tensor};

fn complex(numbers: &[(f32, f32)]) -> Vec<Complex> {
    numbers.iter().map(|&(re, im)| Complex { re, im }).collect()
}

#[test]
fn halves_of_spectra_go_there_and_back() {
    let x = tensor(&[4], [1f32, 2.0, 3.0, 5.0]);
    let half =
        |length: i32| one(SignalOp::Fft { spectrum: Spectrum::Half, axes: 1 }, &[x.clone(), tensor(&[1], [length])]);
    assert_eq!(half(4), tensor(&[3], complex(&[(11.0, 0.0), (-2.0, 3.0), (-3.0, 0.0)])));
    assert_eq!(half(2), tensor(&[2], complex(&[(3.0, 0.0), (-1.0, 0.0)])));
    assert_eq!(&half(6).shape()[..], &[4]);
    let back = |length: i32| {
        let spectrum = SignalOp::Fft { spectrum: Spectrum::HalfInverse, axes: 1 };
        one(spectrum, &[half(length), tensor(&[1], [length])])
    };
    near(&back(4), &[4], &[1.0, 2.0, 3.0, 5.0]);
    near(&back(3), &[3], &[1.0, 2.0, 3.0]);
    near(&back(6), &[6], &[1.0, 2.0, 3.0, 5.0, 0.0, 0.0]);
    let huge = [Some(x), Some(tensor(&[1], [i64::MAX]))];
    assert!(run(SignalOp::Fft { spectrum: Spectrum::Half, axes: 1 }, &huge, 1).is_err());
}

#[test]
fn two_axes_and_parts_of_complex_numbers() {
    let x = tensor(&[2, 2], complex(&[(1.0, 0.0), (2.0, 0.0), (3.0, 0.0), (4.0, 1.0)]));
    let spectrum =
        one(SignalOp::Fft { spectrum: Spectrum::Full { inverse: false }, axes: 2 }, std::slice::from_ref(&x));
    assert_eq!(spectrum, tensor(&[2, 2], complex(&[(10.0, 1.0), (-2.0, -1.0), (-4.0, -1.0), (0.0, 1.0)])));
    assert_eq!(one(SignalOp::Fft { spectrum: Spectrum::Full { inverse: true }, axes: 2 }, &[spectrum]), x);
    let of = |of: ComplexFn| one(SignalOp::Of(of), &[tensor(&[1], complex(&[(3.0, -4.0)]))]);
    assert_eq!(of(ComplexFn::Abs), tensor(&[1], [5f32]));
    assert_eq!(of(ComplexFn::Im), tensor(&[1], [-4f32]));
    assert_eq!(of(ComplexFn::Conj), tensor(&[1], complex(&[(3.0, 4.0)])));
    near(&of(ComplexFn::Angle), &[1], &[-0.927_295_2]);
    let made = one(SignalOp::Complex, &[tensor(&[2], [1f32, 2.0]), Tensor::scalar(3f32)]);
    assert_eq!(made, tensor(&[2], complex(&[(1.0, 3.0), (2.0, 3.0)])));
}

#[test]
fn complex_numbers_may_be_a_last_dimension() {
    let x = tensor(&[1, 4, 1], [1f32, 2.0, 3.0, 5.0]);
    let dft = |inverse: bool, onesided: bool, x: &Tensor, length: Option<i64>| {
        let op = SignalOp::Dft { inverse, onesided, axis: 1 };
        run(op, &[Some(x.clone()), length.map(Tensor::scalar)], 1).map(|mut out| out.remove(0))
    };
    let all = dft(false, false, &x, None).expect("runs");
    near(&all, &[1, 4, 2], &[11.0, 0.0, -2.0, 3.0, -3.0, 0.0, -2.0, -3.0]);
    near(&dft(true, false, &all, None).expect("runs"), &[1, 4, 2], &[1.0, 0.0, 2.0, 0.0, 3.0, 0.0, 5.0, 0.0]);
    let half = dft(false, true, &x, None).expect("runs");
    near(&half, &[1, 3, 2], &[11.0, 0.0, -2.0, 3.0, -3.0, 0.0]);
    near(&dft(true, true, &half, Some(4)).expect("runs"), &[1, 4, 1], &[1.0, 2.0, 3.0, 5.0]);
    assert!(dft(false, false, &tensor(&[1, 1, 3], [1f32, 2.0, 3.0]), None).is_err());
    assert!(dft(false, false, &x, Some(-1)).is_err());
    let stft = |window: Option<Tensor>, length: Option<i64>, step: i64| {
        let formal = [Some(x.clone()), Some(Tensor::scalar(step)), window, length.map(Tensor::scalar)];
        run(SignalOp::Stft { onesided: true }, &formal, 1).map(|mut out| out.remove(0))
    };
    let expected = [3.0, 0.0, -1.0, 0.0, 5.0, 0.0, -1.0, 0.0, 8.0, 0.0, -2.0, 0.0];
    near(&stft(None, Some(2), 1).expect("runs"), &[1, 3, 2, 2], &expected);
    let window = tensor(&[2], [1f32, 0.0]);
    near(&stft(Some(window), None, 2).expect("runs"), &[1, 2, 2, 2], &[1.0, 0.0, 1.0, 0.0, 3.0, 0.0, 3.0, 0.0]);
    assert!(stft(None, Some(5), 1).is_err());
    assert!(stft(None, Some(2), 0).is_err());
}

#[test]
fn mel_weights_are_those_of_the_operator_page() {
    // The example of the operator page: 8 bins, 16 numbers, 8192 a second, 0 to 4096.
    let formal = [8i64, 16, 8192].map(Tensor::scalar);
    let formal = [&formal[..], &[Tensor::scalar(0f32), Tensor::scalar(4096f32)]].concat();
    let mel = one(SignalOp::Mel { dtype: DType::F32 }, &formal);
    let rows = mel.get::<f32>().expect("float32");
    assert_eq!(&mel.shape()[..], &[9, 8]);
    assert_eq!(rows[..8], [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(rows[8..16], [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(rows[56..], [0.0; 16]);
}
