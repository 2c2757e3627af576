use model::{DType, Tensor, tensor::Bytes};
use plan::tensor::{
    ImageOp,
    image::{Aspect, Between, Coordinates, Decode, DecodeFor, Nearest, Outside},
};

use super::{count, near, one, run, tensor};

fn resize(between: Between, coordinates: Coordinates) -> ImageOp {
    ImageOp::Resize {
        between,
        coordinates,
        axes: None,
        aspect: Aspect::Stretch,
        antialias: false,
        exclude_outside: false,
        outside: 10.0,
        single: false,
    }
}

fn scaled(op: ImageOp, x: Tensor, scales: &[f32]) -> Tensor {
    run(op, &[Some(x), None, Some(Tensor::vector(scales.to_vec())), None], 1).expect("runs").remove(0)
}

#[test]
fn sizes_change_by_every_rule() {
    // Values of ONNX's Resize tests.
    let square = tensor(&[1, 1, 2, 2], [1.0_f32, 2.0, 3.0, 4.0]);
    let twice = [1.0, 1.0, 2.0, 3.0];
    let nearest = scaled(resize(Between::Nearest(Nearest::HalfDown), Coordinates::HalfPixel), square.clone(), &twice);
    let rows = [[1.0_f32, 1., 1., 2., 2., 2.], [3., 3., 3., 4., 4., 4.]];
    near(&nearest, &[1, 1, 4, 6], &[rows[0], rows[0], rows[1], rows[1]].concat());
    let linear = scaled(resize(Between::Linear, Coordinates::HalfPixel), square.clone(), &[1.0, 1.0, 1.0, 2.0]);
    near(&linear, &[1, 1, 2, 4], &[1.0, 1.25, 1.75, 2.0, 3.0, 3.25, 3.75, 4.0]);
    let corners = scaled(resize(Between::Linear, Coordinates::AlignCorners), square.clone(), &[1.0, 1.0, 1.0, 2.0]);
    near(&corners, &[1, 1, 2, 4], &[1.0, 4.0 / 3.0, 5.0 / 3.0, 2.0, 3.0, 10.0 / 3.0, 11.0 / 3.0, 4.0]);
    let line = |n: usize| tensor(&[n], (1..=n).map(|i| i as f32).collect::<Vec<_>>());
    let cubic = scaled(resize(Between::Cubic(-0.75), Coordinates::HalfPixel), line(4), &[0.8]);
    near(&cubic, &[3], &[1.094_238_3, 2.404_296_9, 3.705_566_4]);
    let mut smooth = resize(Between::Linear, Coordinates::HalfPixel);
    if let ImageOp::Resize { antialias, .. } = &mut smooth {
        *antialias = true;
    }
    near(&scaled(smooth, line(4), &[0.6]), &[2], &[1.375, 3.0]);
    let part = [Some(line(4)), Some(Tensor::vector(vec![0.5_f32, 1.5])), None, Some(Tensor::vector(vec![3_i64]))];
    near(&run(resize(Between::Linear, Coordinates::Crop), &part, 1).expect("runs")[0], &[3], &[2.5, 4.0, 10.0]);
    let bytes = scaled(resize(Between::Linear, Coordinates::HalfPixel), tensor(&[2], [0_u8, 255]), &[2.0]);
    assert_eq!(bytes.get::<u8>(), Some(&[0, 64, 191, 255][..]));
    for hostile in [f32::NAN, -1.0, 0.0, 1e30] {
        let given = [Some(line(4)), None, Some(Tensor::vector(vec![hostile])), None];
        assert!(run(resize(Between::Linear, Coordinates::HalfPixel), &given, 1).is_err());
    }
}

#[test]
fn proportions_are_kept() {
    let op = |aspect| ImageOp::Resize {
        between: Between::Nearest(Nearest::HalfDown),
        coordinates: Coordinates::HalfPixel,
        axes: Some(vec![-1, 0]),
        aspect,
        antialias: false,
        exclude_outside: false,
        outside: 0.0,
        single: false,
    };
    let shape = |aspect| {
        let given = [Some(count(&[2, 4])), None, None, Some(Tensor::vector(vec![6_i64, 7]))];
        run(op(aspect), &given, 1).expect("runs")[0].shape().to_vec()
    };
    assert_eq!(shape(Aspect::Stretch), [7, 6]);
    assert_eq!(shape(Aspect::NotLarger), [3, 6]);
    assert_eq!(shape(Aspect::NotSmaller), [7, 14]);
}

#[test]
fn crops_of_boxes() {
    let image = tensor(&[1, 2, 2, 1], [1.0_f32, 2.0, 3.0, 4.0]);
    let boxes = tensor(&[2, 4], [0.0_f32, 0.0, 1.0, 1.0, 0.0, 0.0, 2.0, 2.0]);
    let inputs = [image, boxes, tensor(&[2], [0_i32, 0]), tensor(&[2], [1_i32, 3])];
    let linear = ImageOp::CropAndResize { nearest: false, outside: -1.0 };
    near(&one(linear.clone(), &inputs), &[2, 1, 3, 1], &[2.0, 2.5, 3.0, 3.0, 4.0, -1.0]);
    let [image, boxes, _, size] = inputs;
    assert!(run(linear, &[Some(image), Some(boxes), Some(tensor(&[2], [0_i32, 1])), Some(size)], 1).is_err());
}

#[test]
fn places_between_elements() {
    // The example of ONNX's GridSample, with its places of the border.
    let x = count(&[1, 1, 3, 2]);
    let grid: Vec<f32> = [[-10.0, -10.0], [-5.0, -5.0], [-0.2, -0.2], [10.0, 10.0], [-0.2, -0.2], [5.0, 5.0]].concat();
    let grid = tensor(&[1, 2, 3, 2], grid);
    let op = |between, outside, align_corners| ImageOp::GridSample { between, outside, align_corners };
    let inputs = [x, grid];
    let zeros = [0.0, 0.0, 1.7, 0.0, 1.7, 0.0];
    near(&one(op(Between::Linear, Outside::Zeros, false), &inputs), &[1, 1, 2, 3], &zeros);
    near(&one(op(Between::Linear, Outside::Border, false), &inputs), &[1, 1, 2, 3], &[0.0, 0.0, 1.7, 5.0, 1.7, 5.0]);
    near(
        &one(op(Between::Linear, Outside::Reflection, false), &inputs),
        &[1, 1, 2, 3],
        &[2.5, 0.0, 1.7, 2.5, 1.7, 5.0],
    );
    near(&one(op(Between::Linear, Outside::Zeros, true), &inputs), &[1, 1, 2, 3], &[0.0, 0.0, 2.0, 0.0, 2.0, 0.0]);
    let identity = tensor(&[1, 2, 3], [1.0_f32, 0.0, 0.0, 0.0, 1.0, 0.0]);
    let grid = one(ImageOp::AffineGrid { align_corners: true }, &[identity, tensor(&[4], [1_i64, 1, 3, 2])]);
    near(&grid, &[1, 3, 2, 2], &[-1.0, -1.0, 1.0, -1.0, -1.0, 0.0, 1.0, 0.0, -1.0, 1.0, 1.0, 1.0]);
    let again = one(op(Between::Linear, Outside::Zeros, true), &[inputs[0].clone(), grid]);
    near(&again, &[1, 1, 3, 2], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
}

#[test]
fn parts_of_images() {
    let x = count(&[1, 1, 4, 4]);
    let op = |samples, max| ImageOp::RoiAlign { size: [2, 2], samples, scale: 1.0, half_pixel: false, max };
    let inputs = [x.clone(), tensor(&[1, 4], [0.0_f32, 0.0, 2.0, 2.0]), tensor(&[1], [0_i64])];
    near(&one(op(1, false), &inputs), &[1, 1, 2, 2], &[2.5, 3.5, 6.5, 7.5]);
    near(&one(op(1, true), &inputs), &[1, 1, 2, 2], &[1.25, 1.5, 2.25, 2.5]);
    let huge = tensor(&[1, 4], [0.0_f32, 0.0, 1e9, 1e9]);
    assert!(run(op(0, false), &[Some(x.clone()), Some(huge), Some(tensor(&[1], [0_i64]))], 1).is_err());
    let pool = ImageOp::RoiPool { size: [2, 2], scale: 1.0 };
    let y = one(pool, &[x, tensor(&[1, 5], [0.0_f32, 0.0, 0.0, 3.0, 3.0])]);
    near(&y, &[1, 1, 2, 2], &[5.0, 7.0, 13.0, 15.0]);
}

/// Decodes a file; `Err` says why not.
fn decoded(file: Vec<u8>) -> Result<Tensor, String> {
    let decode = Decode { kind: DecodeFor::Any, channels: 0, dtype: DType::U8, animations: true };
    let file = Tensor::scalar(Bytes::from(file));
    run(ImageOp::Decode(decode), &[Some(file)], 1).map(|mut outs| outs.remove(0))
}

#[test]
fn a_file_that_claims_too_many_pixels_is_refused_by_its_header() {
    let mut bmp = b"BM".to_vec();
    bmp.extend(
        [[54_u32, 0, 54, 40].map(u32::to_le_bytes), [60_000, 60_000, 1 | 24 << 16, 0].map(u32::to_le_bytes)]
            .concat()
            .concat(),
    );
    // A palette of two colours, and one frame over all of the screen.
    let gif = [
        b"GIF89a".as_slice(),
        &[0xff, 0xff, 0xff, 0xff, 0x80, 0, 0],
        &[0; 6],
        b"\x2c\0\0\0\0\xff\xff\xff\xff\0\x02\0\x3b",
    ]
    .concat();
    let head = b"IHDR\0\0\xea\x60\0\0\xea\x60\x08\x02\0\0\0";
    // The sum of the header is what makes a reader believe it.
    let sum = crc(head).to_be_bytes();
    let png = [b"\x89PNG\r\n\x1a\n\0\0\0\x0d".as_slice(), head, &sum, b"\0\0\0\0IDAT\x35\xaf\x06\x1e"].concat();
    let frame =
        b"\xff\xd8\xff\xc0\0\x0b\x08\xea\x60\xea\x60\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0\0\xff\xd9".to_vec();
    for file in [bmp, gif, png, frame] {
        let error = decoded(file.clone()).expect_err("too many pixels");
        assert!(error.contains("pixels"), "{}: {error}", String::from_utf8_lossy(&file[..4]));
    }
    for cut in [&b"\x89PNG\r\n\x1a\n"[..], b"GIF89a", b"BM", b"\xff\xd8\xff\xe0", b""] {
        assert!(decoded(cut.to_vec()).is_err());
    }
}

/// The sum of PNG's chunks.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    })
}
