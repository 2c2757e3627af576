use model::Tensor;
use plan::tensor::{
    ConvOp, LayoutOp, Unary,
    conv::{Pads, Pool, Window},
};

use super::{count, near, one, run, tensor};

fn wave(shape: &[usize]) -> Tensor {
    let n: usize = shape.iter().product();
    tensor(shape, (0..n).map(|i| ((i * i % 17) as f32 - 8.0) / 4.0).collect::<Vec<_>>())
}

fn ones(shape: &[usize]) -> Tensor {
    tensor(shape, vec![1.0_f32; shape.iter().product()])
}

fn turned(x: &Tensor, order: &[usize]) -> Tensor {
    one(LayoutOp::Transpose { order: Some(order.to_vec()) }, std::slice::from_ref(x))
}

fn window(strides: &[i64], dilations: &[i64], pads: &[i64]) -> Window {
    Window { strides: strides.into(), dilations: dilations.into(), pads: Pads::Explicit(pads.into()) }
}

fn conv(window: Window, groups: usize, last: bool) -> ConvOp {
    ConvOp::Conv { window, groups, last, filters_last: last, end: None }
}

/// The definition, for two spatial dimensions and channels first.
fn plain(x: &Tensor, w: &Tensor, groups: usize, s: [i64; 2], d: [i64; 2], p: [i64; 4]) -> Tensor {
    let (xs, ws) = (x.shape(), w.shape());
    let out = |i: usize| (xs[i + 2] as i64 + p[i] + p[i + 2] - (ws[i + 2] as i64 - 1) * d[i] - 1) / s[i] + 1;
    let (height, width) = (out(0), out(1));
    let (x, weights) = (x.get::<f32>().expect("float32"), w.get::<f32>().expect("float32"));
    let mut result = Vec::new();
    for (n, o) in (0..xs[0]).flat_map(|n| (0..ws[0]).map(move |o| (n, o))) {
        for (y0, x0) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let mut sum = 0.0;
            for c in 0..ws[1] {
                for (i, j) in (0..ws[2]).flat_map(|i| (0..ws[3]).map(move |j| (i, j))) {
                    let row = y0 * s[0] - p[0] + i as i64 * d[0];
                    let column = x0 * s[1] - p[1] + j as i64 * d[1];
                    if 0 <= row && row < xs[2] as i64 && 0 <= column && column < xs[3] as i64 {
                        let channel = o / (ws[0] / groups) * ws[1] + c;
                        let at = ((n * xs[1] + channel) * xs[2] + row as usize) * xs[3] + column as usize;
                        sum += x[at] * weights[((o * ws[1] + c) * ws[2] + i) * ws[3] + j];
                    }
                }
            }
            result.push(sum);
        }
    }
    tensor(&[xs[0], ws[0], height as usize, width as usize], result)
}

#[test]
fn windows_walk_as_defined_in_both_orders() {
    type Case = (&'static [usize], &'static [usize], usize, [i64; 2], [i64; 2], [i64; 4]);
    let cases: [Case; 6] = [
        (&[2, 3, 5, 6], &[4, 3, 3, 2], 1, [1, 1], [1, 1], [0, 0, 0, 0]),
        (&[1, 4, 7, 40], &[6, 2, 3, 3], 2, [2, 3], [1, 2], [1, 2, 0, 1]),
        (&[1, 3, 6, 6], &[3, 1, 3, 3], 3, [1, 1], [1, 1], [1, 1, 1, 1]),
        (&[2, 3, 6, 9], &[6, 1, 2, 2], 3, [2, 2], [2, 1], [0, 3, 2, 0]),
        (&[1, 2, 4, 5], &[17, 2, 1, 1], 1, [1, 1], [1, 1], [0, 0, 0, 0]),
        (&[1, 1, 6, 6], &[2, 1, 3, 3], 1, [1, 1], [1, 1], [-1, 0, -1, 2]),
    ];
    for (xs, ws, groups, s, d, p) in cases {
        let (x, w) = (wave(xs), wave(ws));
        let expected = plain(&x, &w, groups, s, d, p);
        let first = one(conv(window(&s, &d, &p), groups, false), &[x.clone(), w.clone()]);
        near(&first, expected.shape(), expected.get::<f32>().expect("float32"));
        let (x, w) = (turned(&x, &[0, 2, 3, 1]), turned(&w, &[2, 3, 1, 0]));
        let last = one(conv(window(&s, &d, &p), groups, true), &[x.clone(), w.clone()]);
        near(&turned(&last, &[0, 3, 1, 2]), expected.shape(), expected.get::<f32>().expect("float32"));
        // One example alone has the same bits as among others.
        let some = x.len() / x.shape()[0];
        let alone = tensor(x.shape().with(0, 1).to_vec().as_slice(), &x.get::<f32>().expect("float32")[..some]);
        let alone = one(conv(window(&s, &d, &p), groups, true), &[alone, w]);
        assert_eq!(alone.get::<f32>(), last.get::<f32>().map(|last| &last[..alone.len()]));
    }
}

#[test]
fn padding_bias_and_ends() {
    // The example of ONNX's Conv.
    let same = |upper| Window { pads: Pads::Same { upper }, strides: vec![2, 2], ..Window::plain() };
    let (x, w) = (count(&[1, 1, 5, 5]), ones(&[1, 1, 3, 3]));
    let expected = [12.0, 27.0, 24.0, 63.0, 108.0, 81.0, 72.0, 117.0, 84.0];
    near(&one(conv(same(false), 1, false), &[x.clone(), w.clone()]), &[1, 1, 3, 3], &expected);
    let end = |end| ConvOp::Conv { window: same(true), groups: 1, last: false, filters_last: false, end: Some(end) };
    let bias = tensor(&[1], [-50.0_f32]);
    let expected: Vec<f32> = expected.iter().map(|x| x - 50.0).collect();
    let ended = |f: fn(f32) -> f32| expected.iter().map(|x| f(*x)).collect::<Vec<f32>>();
    let inputs = [x, w, bias];
    near(&one(end(Unary::Relu), &inputs), &[1, 1, 3, 3], &ended(|x| x.max(0.0)));
    near(&one(end(Unary::Abs), &inputs), &[1, 1, 3, 3], &ended(f32::abs));
    // Each channel by itself, two results for each.
    let x = tensor(&[1, 1, 1, 2], [2.0_f32, 3.0]);
    let factors = tensor(&[1, 1, 2, 2], [1.0_f32, 10.0, 100.0, 1000.0]);
    near(&one(conv(Window::plain(), 0, true), &[x, factors]), &[1, 1, 1, 4], &[2.0, 20.0, 300.0, 3000.0]);
    for hostile in [window(&[0, 1], &[], &[]), window(&[1], &[], &[]), window(&[], &[i64::MAX, 1], &[])] {
        assert!(run(conv(hostile, 1, false), &[Some(count(&[1, 1, 5, 5])), Some(ones(&[1, 1, 3, 3]))], 1).is_err());
    }
    let large = conv(Window::plain(), 1, false);
    assert!(run(large, &[Some(count(&[1, 1, 2, 2])), Some(ones(&[1, 1, 4, 4]))], 1).is_err(), "a window too large");
}

fn transposed(window: Window, more: &[i64], output: Option<&[i64]>) -> ConvOp {
    let output = output.map(<[i64]>::to_vec);
    ConvOp::ConvTranspose { window, groups: 1, last: false, filters_last: false, more: more.into(), output }
}

#[test]
fn transposed_windows_spread() {
    // The examples of ONNX's ConvTranspose.
    let (x, w) = (count(&[1, 1, 3, 3]), ones(&[1, 1, 3, 3]));
    let expected: [f32; 25] = [
        0., 1., 3., 3., 2., 3., 8., 15., 12., 7., 9., 21., 36., 27., 15., 9., 20., 33., 24., 13., 6., 13., 21., 15., 8.,
    ];
    near(&one(transposed(Window::plain(), &[], None), &[x.clone(), w.clone()]), &[1, 1, 5, 5], &expected);
    let strided = one(transposed(window(&[3, 2], &[], &[]), &[1, 1], None), &[x.clone(), w.clone()]);
    assert_eq!(&strided.shape()[..], &[1, 1, 10, 8]);
    let asked = one(transposed(window(&[3, 2], &[], &[]), &[], Some(&[10, 8])), &[x.clone(), w.clone()]);
    assert_eq!(&asked.shape()[..], &[1, 1, 10, 8]);
    let same = Window { strides: vec![2, 2], pads: Pads::Same { upper: true }, ..Window::plain() };
    let upper = one(transposed(same, &[], None), &[x, w]);
    assert_eq!(&upper.shape()[..], &[1, 1, 6, 6]);
    near(
        &Tensor::new(&[6], upper.get::<f32>().expect("float32")[..6].to_vec()).expect("six"),
        &[6],
        &[0., 0., 1., 1., 3., 2.],
    );
    let (x, w) = (tensor(&[1, 1, 2, 2], [3.0_f32, 8.0, 1.0, 1.0]), tensor(&[1, 1, 2, 2], [1.0_f32, 2.0, 3.0, 4.0]));
    let dilated = one(transposed(window(&[], &[2, 2], &[]), &[], None), &[x, w]);
    assert_eq!(&dilated.shape()[..], &[1, 1, 4, 4]);
    // It is the gradient: for any x and y, the sums of `conv(x) * y` and of `x * transposed(y)` are one.
    let (x, w, y) = (wave(&[2, 4, 6, 5]), wave(&[6, 4, 3, 2]), wave(&[2, 6, 3, 4]));
    let walk = window(&[2, 1], &[1, 1], &[1, 0, 0, 0]);
    let forth = one(conv(walk.clone(), 1, false), &[x.clone(), w.clone()]);
    let back = ConvOp::ConvTranspose {
        window: walk,
        groups: 1,
        last: true,
        filters_last: true,
        more: Vec::new(),
        output: None,
    };
    let size = tensor(&[4], [2_i32, 6, 5, 4]);
    let given = [Some(turned(&y, &[0, 2, 3, 1])), Some(turned(&w, &[2, 3, 1, 0])), None, Some(size)];
    let back = turned(&run(back, &given, 1).expect("runs")[0], &[0, 3, 1, 2]);
    let dot = |a: &Tensor, b: &Tensor| {
        a.get::<f32>().expect("float32").iter().zip(b.get::<f32>().expect("float32")).map(|(a, b)| a * b).sum::<f32>()
    };
    assert_eq!((forth.shape(), back.shape()), (y.shape(), x.shape()));
    assert!((dot(&forth, &y) - dot(&x, &back)).abs() < 1e-2, "{} {}", dot(&forth, &y), dot(&x, &back));
}

fn pool(kind: Pool, kernel: &[i64], window: Window, ceil: bool) -> ConvOp {
    ConvOp::Pool { kind, kernel: kernel.into(), window, ceil, last: false }
}

#[test]
fn pools_of_all_kinds() {
    let greatest = |column_major| Pool::Max { column_major, in_batch: true };
    let x = tensor(&[1, 1, 5, 5], (1..26).map(|i| i as f32).collect::<Vec<_>>());
    let y = run(pool(greatest(false), &[2, 2], window(&[2, 2], &[], &[]), false), &[Some(x.clone())], 2).expect("runs");
    near(&y[0], &[1, 1, 2, 2], &[7.0, 9.0, 17.0, 19.0]);
    assert_eq!(y[1].get::<i64>(), Some(&[6, 8, 16, 18][..]));
    let y = run(pool(greatest(true), &[2, 2], window(&[2, 2], &[], &[]), false), &[Some(x.clone())], 2).expect("runs");
    assert_eq!(y[1].get::<i64>(), Some(&[6, 16, 8, 18][..]));
    let ceil = count(&[1, 1, 4, 4]);
    let y = one(pool(greatest(false), &[3, 3], window(&[2, 2], &[], &[]), true), std::slice::from_ref(&ceil));
    near(&y, &[1, 1, 2, 2], &[10.0, 11.0, 14.0, 15.0]);
    let average = |include_pad| Pool::Average { include_pad };
    let y = one(pool(average(false), &[3, 3], window(&[2, 2], &[], &[]), true), std::slice::from_ref(&ceil));
    near(&y, &[1, 1, 2, 2], &[5.0, 6.5, 11.0, 12.5]);
    let around = window(&[], &[], &[1, 1, 1, 1]);
    let y = one(pool(average(true), &[3, 3], around.clone(), false), std::slice::from_ref(&ceil));
    assert_eq!(y.get::<f32>().map(|y| y[0]), Some(10.0 / 9.0));
    let y = one(pool(average(false), &[3, 3], around, false), std::slice::from_ref(&ceil));
    assert_eq!(y.get::<f32>().map(|y| y[0]), Some(2.5));
    near(&one(pool(average(false), &[], Window::plain(), false), std::slice::from_ref(&ceil)), &[1, 1, 1, 1], &[7.5]);
    let lp = pool(Pool::Lp { p: 2.0 }, &[2], Window::plain(), false);
    near(&one(lp, &[tensor(&[1, 1, 3], [3.0_f32, -4.0, 0.0])]), &[1, 1, 2], &[5.0, 4.0]);
    // Channels last, and within the example.
    let last = ConvOp::Pool {
        kind: Pool::Max { column_major: false, in_batch: false },
        kernel: vec![2],
        window: window(&[2], &[], &[]),
        ceil: false,
        last: true,
    };
    let x = tensor(&[2, 2, 2], [1.0_f32, 8.0, 3.0, 4.0, 5.0, 6.0, 0.0, 9.0]);
    let y = run(last, &[Some(x)], 2).expect("runs");
    near(&y[0], &[2, 1, 2], &[3.0, 8.0, 5.0, 9.0]);
    assert_eq!(y[1].get::<i64>(), Some(&[2, 1, 0, 3][..]));
    let integers = pool(greatest(false), &[2], Window::plain(), false);
    assert_eq!(one(integers, &[tensor(&[1, 1, 3], [3_u8, 250, 7])]).get::<u8>(), Some(&[250, 250][..]));
}

#[test]
fn planes_are_pooled_as_boxes_are() {
    let box_of = |list: &[i64], one: i64| -> Vec<i64> {
        let half = list.len() / 2;
        if list.len() == 4 { [&[one], &list[..half], &[one], &list[half..]].concat() } else { [&[one], list].concat() }
    };
    let mut elements = wave(&[2, 3, 7, 9]).get::<f32>().expect("float32").to_vec();
    (elements[5], elements[40], elements[100]) = (f32::NAN, f32::INFINITY, f32::NEG_INFINITY);
    let x = tensor(&[2, 3, 7, 9], elements);
    let greatest = Pool::Max { column_major: false, in_batch: true };
    let kinds =
        [greatest, Pool::Average { include_pad: true }, Pool::Average { include_pad: false }, Pool::Lp { p: 2.0 }];
    for (kernel, strides, dilations, pads) in [
        ([2, 2], [2, 2], [1, 1], [0, 0, 0, 0]),
        ([3, 2], [1, 1], [1, 2], [1, 1, 2, 0]),
        ([3, 3], [3, 2], [2, 1], [2, 1, 2, 1]),
        ([5, 4], [1, 3], [1, 1], [2, 3, 2, 3]),
    ] {
        for kind in &kinds {
            for (ceil, last) in [(false, false), (true, false), (false, true), (true, true)] {
                let of = |x: &Tensor, kernel: &[i64], window: Window| {
                    one(
                        ConvOp::Pool { kind: kind.clone(), kernel: kernel.into(), window, ceil, last },
                        std::slice::from_ref(x),
                    )
                };
                let x = if last { turned(&x, &[0, 2, 3, 1]) } else { x.clone() };
                let dims = x.shape().to_vec();
                let at = if last { 1 } else { 2 };
                let deep = tensor(&[&dims[..at], &[1], &dims[at..]].concat(), x.get::<f32>().expect("float32"));
                let plane = of(&x, &kernel, window(&strides, &dilations, &pads));
                let deep = of(
                    &deep,
                    &box_of(&kernel, 1),
                    window(&box_of(&strides, 1), &box_of(&dilations, 1), &box_of(&pads, 0)),
                );
                let bits = |x: &Tensor| {
                    let numbers = x.get::<f32>().expect("float32").iter();
                    numbers.map(|x| (!x.is_nan()).then_some(x.to_bits())).collect::<Vec<_>>()
                };
                assert_eq!(bits(&plane), bits(&deep), "{kind:?} {kernel:?} {ceil} {last}");
            }
        }
    }
}

#[test]
fn one_window_over_all_folds_in_order() {
    let mut elements = wave(&[2, 11, 5, 7]).get::<f32>().expect("float32").to_vec();
    (elements[40], elements[100]) = (f32::NAN, f32::INFINITY);
    let x = tensor(&[2, 11, 5, 7], elements.clone());
    let fold = |begin: f32, add: fn(f32, f32) -> f32, end: fn(f32) -> f32| -> Vec<f32> {
        elements.chunks(35).map(|channel| end(channel.iter().fold(begin, |all, &x| add(all, x)))).collect()
    };
    let sum = |end| fold(0.0, |sum, x| sum + x, end);
    let greatest = |most: f32, x: f32| if x > most || x.is_nan() && !most.is_nan() { x } else { most };
    let below = window(&[3, 2], &[], &[0, 0, 1, 1]);
    for kernel in [&[][..], &[5, 7]] {
        for (kind, window, expected) in [
            (Pool::Average { include_pad: false }, Window::plain(), sum(|sum| sum / 35.0)),
            (Pool::Average { include_pad: true }, below.clone(), sum(|sum| sum / 35.0)),
            (
                Pool::Max { column_major: false, in_batch: true },
                Window::plain(),
                fold(f32::NEG_INFINITY, greatest, |x| x),
            ),
            (Pool::Lp { p: 2.0 }, Window::plain(), fold(0.0, |sum, x| sum + x * x, f32::sqrt)),
        ] {
            let y = one(pool(kind.clone(), kernel, window, false), std::slice::from_ref(&x));
            assert_eq!(&y.shape()[..], [2, 11, 1, 1]);
            let bits =
                |numbers: &[f32]| numbers.iter().map(|x| (!x.is_nan()).then_some(x.to_bits())).collect::<Vec<_>>();
            assert_eq!(bits(y.get::<f32>().expect("float32")), bits(&expected), "{kind:?}");
        }
    }
}

#[test]
fn what_was_pooled_goes_back() {
    let op = ConvOp::MaxUnpool { kernel: vec![2, 2], window: window(&[2, 2], &[], &[]) };
    let (x, stood) = (tensor(&[1, 1, 2, 2], [1.0_f32, 2.0, 3.0, 4.0]), tensor(&[1, 1, 2, 2], [5_i64, 7, 13, 15]));
    let mut expected = [0.0; 16];
    (expected[5], expected[7], expected[13], expected[15]) = (1.0, 2.0, 3.0, 4.0);
    near(&one(op.clone(), &[x.clone(), stood]), &[1, 1, 4, 4], &expected);
    let outside = tensor(&[1, 1, 2, 2], [5_i64, 7, 13, 16]);
    assert!(run(op, &[Some(x), Some(outside)], 1).is_err());
    // The example of ONNX's Col2Im.
    let x = tensor(&[1, 5, 5], (0..25).map(|i| (i / 5 + i % 5 * 5 + 1) as f32).collect::<Vec<_>>());
    let (image, block) = (tensor(&[2], [5_i64, 5]), tensor(&[2], [1_i64, 5]));
    let y = one(ConvOp::Col2Im { window: Window::plain() }, &[x, image, block]);
    assert_eq!(
        (&y.shape()[..], y.get::<f32>().map(|y| y[..7].to_vec())),
        (&[1, 1, 5, 5][..], Some(vec![1., 2., 3., 4., 5., 6., 7.]))
    );
}

#[test]
fn deformed_and_causal() {
    // The example of ONNX's DeformConv.
    let op = ConvOp::DeformConv { window: window(&[], &[], &[]), groups: 1, offset_groups: 1 };
    let mut offsets = vec![0.0_f32; 8 * 4];
    (offsets[0], offsets[5 * 4 + 1]) = (0.5, -0.1);
    let y = one(op, &[count(&[1, 1, 3, 3]), ones(&[1, 1, 2, 2]), tensor(&[1, 8, 2, 2], offsets)]);
    near(&y, &[1, 1, 2, 2], &[9.5, 11.9, 20.0, 24.0]);
    let op = ConvOp::CausalConv { swish: false };
    let (x, w) = (tensor(&[1, 1, 3], [1.0_f32, 2.0, 3.0]), tensor(&[1, 1, 2], [10.0_f32, 1.0]));
    let state = tensor(&[1, 1, 1], [5.0_f32]);
    let y = run(op, &[Some(x), Some(w), None, Some(state)], 2).expect("runs");
    near(&y[0], &[1, 1, 3], &[51.0, 12.0, 23.0]);
    near(&y[1], &[1, 1, 1], &[3.0]);
}

#[test]
fn integers_with_zero_points() {
    // The example of ONNX's ConvInteger.
    let x = tensor(&[1, 1, 3, 3], (2_u8..11).collect::<Vec<_>>());
    let w = tensor(&[1, 1, 2, 2], [1_u8; 4]);
    let op = ConvOp::ConvInteger { window: window(&[], &[], &[1, 1, 1, 1]), groups: 1 };
    let y = one(op, &[x, w, tensor(&[], [1_u8])]);
    assert_eq!(y.get::<i32>(), Some(&[1, 3, 5, 3, 5, 12, 16, 9, 11, 24, 28, 15, 7, 15, 17, 9][..]));
}
