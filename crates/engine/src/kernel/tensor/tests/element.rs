use model::Tensor;
use plan::tensor::ElementOp;

use super::{run, tensor};

/// Returns what is left of numbers within bounds, as bits; `None` for NaN.
fn clipped(numbers: &[f32], low: Option<f32>, high: Option<f32>) -> Vec<Option<u32>> {
    let bound = |of: Option<f32>| of.map(|x| tensor(&[], [x]));
    let formal: [Option<Tensor>; 3] = [Some(tensor(&[numbers.len()], numbers)), bound(low), bound(high)];
    let y = run(ElementOp::Clip, &formal, 1).expect("runs").remove(0);
    y.get::<f32>().expect("float32").iter().map(|x| (!x.is_nan()).then_some(x.to_bits())).collect()
}

#[test]
fn numbers_within_bounds() {
    const INFINITY: f32 = f32::INFINITY;
    // More than a vector holds, and some over.
    let mut numbers: Vec<f32> = (0..21).map(|i| i as f32 - 10.0).collect();
    numbers.extend([f32::NAN, -0.0, INFINITY, -INFINITY]);
    for (low, high) in [
        (Some(0.0), Some(6.0)),
        (Some(-3.0), None),
        (None, Some(2.0)),
        (None, None),
        (Some(4.0), Some(1.0)),
        (Some(INFINITY), Some(INFINITY)),
        (Some(f32::NAN), Some(3.0)),
    ] {
        let expected: Vec<Option<u32>> = numbers
            .iter()
            .map(|&x| {
                let x = low.map_or(x, |low| if x < low { low } else { x });
                let x = high.map_or(x, |high| if x > high { high } else { x });
                (!x.is_nan()).then_some(x.to_bits())
            })
            .collect();
        assert_eq!(clipped(&numbers, low, high), expected, "{low:?} {high:?}");
    }
    let bytes = run(ElementOp::Clip, &[Some(tensor(&[3], [1_u8, 9, 200])), None, Some(tensor(&[], [7_u8]))], 1);
    assert_eq!(bytes.expect("runs")[0].get::<u8>(), Some(&[1, 7, 7][..]));
}
