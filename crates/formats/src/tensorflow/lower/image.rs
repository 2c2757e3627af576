//! Images in other sizes: batch, height, width, depth.
//!
//! Source: TensorFlow's `core/kernels/image/{resize_bilinear,resize_nearest_neighbor,crop_and_resize}_op.cc`.

use model::{DType, Tensor, Type};
use plan::{
    SlotId,
    tensor::{
        ElementOp, ImageOp, LayoutOp,
        image::{Aspect, Between, Coordinates, Decode, DecodeFor, Filter, Nearest},
    },
};

use super::{At, Lower, Row, Slots, row};

pub(super) const ROWS: &[Row] = &[
    row("ResizeBilinear", |lower, at| resize(lower, at, true)),
    row("ResizeNearestNeighbor", |lower, at| resize(lower, at, false)),
    row("ResizeBicubic", bicubic),
    row("ScaleAndTranslate", |lower, at| {
        let args = at.args::<4>()?;
        let filter = match at.site.text("kernel_type").unwrap_or("lanczos3") {
            "lanczos1" => Filter::Lanczos { radius: 1 },
            "lanczos3" => Filter::Lanczos { radius: 3 },
            "lanczos5" => Filter::Lanczos { radius: 5 },
            "gaussian" => Filter::Gaussian,
            "box" => Filter::Box,
            "triangle" => Filter::Triangle,
            "keyscubic" => Filter::KeysCubic,
            "mitchellcubic" => Filter::MitchellCubic,
            other => return Err(at.fault(format_args!("has the kernel {other}"))),
        };
        let antialias = at.site.bool("antialias").unwrap_or(true);
        lower.add(at, ImageOp::ScaleAndTranslate { filter, antialias }, &args).map(|slot| vec![slot])
    }),
    row("ResizeArea", |lower, at| {
        let args = at.args::<2>()?;
        let align_corners = at.flag("align_corners");
        lower.add(at, ImageOp::ResizeArea { align_corners }, &args).map(|slot| vec![slot])
    }),
    row("DecodeImage", |lower, at| {
        let animations = at.site.bool("expand_animations").unwrap_or(true);
        decode(lower, at, DecodeFor::Any, animations).map(|slot| vec![slot])
    }),
    row("DecodeJpeg", |lower, at| decode(lower, at, DecodeFor::Still, false).map(|slot| vec![slot])),
    row("DecodePng", |lower, at| decode(lower, at, DecodeFor::Still, false).map(|slot| vec![slot])),
    row("DecodeGif", |lower, at| decode(lower, at, DecodeFor::Frames, true).map(|slot| vec![slot])),
    row("DecodeBmp", |lower, at| decode(lower, at, DecodeFor::Bmp, false).map(|slot| vec![slot])),
    row("DecodeAndCropJpeg", |lower, at| {
        let image = decode(lower, at, DecodeFor::Still, false)?;
        let [begin, size] = {
            let halves = LayoutOp::Split { axis: 0, outputs: 2, uneven: false };
            let halves = lower.add_many(at, halves, &[Some(at.arg(1)?)])?;
            let all = |lower: &mut Lower<'_, '_>, part: SlotId, rest: i32| {
                let rest = lower.constant(Tensor::vector(vec![rest]));
                lower.add(at, LayoutOp::Concat { axis: 0 }, &[part, rest])
            };
            [all(lower, halves[0], 0)?, all(lower, halves[1], -1)?]
        };
        lower.add(at, LayoutOp::Crop, &[image, begin, size]).map(|slot| vec![slot])
    }),
    row("ExtractJpegShape", |lower, at| {
        let image = decode(lower, at, DecodeFor::Still, false)?;
        let dtype = at.dtype("output_type", DType::I32)?;
        lower.add(at, LayoutOp::Shape { start: 0, end: None, dtype }, &[image]).map(|slot| vec![slot])
    }),
    row("CropAndResize", crop),
    row("NonMaxSuppressionV4", |lower, at| {
        let [boxes, scores, most, share, least] = at.args::<5>()?;
        let sigma = lower.number_like(at, scores, 0.0)?;
        let pad = at.flag("pad_to_max_output_size");
        let inputs = [boxes, scores, most, share, least, sigma].map(Some);
        let slots = lower.add_many(at, ImageOp::SelectBoxes { pad }, &inputs)?;
        Ok(vec![slots[0], slots[2]])
    }),
    row("NonMaxSuppressionV5", |lower, at| {
        let inputs = at.args::<6>()?.map(Some);
        let pad = at.flag("pad_to_max_output_size");
        lower.add_many(at, ImageOp::SelectBoxes { pad }, &inputs)
    }),
    row("CombinedNonMaxSuppression", |lower, at| {
        let inputs = at.args::<6>()?.map(Some);
        let (pad_per_class, clip) = (at.flag("pad_per_class"), at.site.bool("clip_boxes").unwrap_or(true));
        lower.add_many(at, ImageOp::SelectBoxesByClass { pad_per_class, clip }, &inputs)
    }),
];

/// Float32 of any numbers. With pixels' centres the kernel is Keys', and what lies outside does not count.
fn bicubic(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let [image, sizes] = at.args::<2>()?;
    let image = super::made::cast(lower, at, image, DType::F32)?;
    let centres = at.flag("half_pixel_centers");
    let coordinates = match (at.flag("align_corners"), centres) {
        (true, true) => return Err(at.fault("has both `align_corners` and `half_pixel_centers`")),
        (true, false) => Coordinates::AlignCorners,
        (false, true) => Coordinates::HalfPixel,
        (false, false) => Coordinates::Asymmetric,
    };
    let op = ImageOp::Resize {
        between: Between::Cubic(if centres { -0.5 } else { -0.75 }),
        coordinates,
        axes: Some(vec![1, 2]),
        aspect: Aspect::Stretch,
        antialias: false,
        exclude_outside: centres,
        outside: 0.0,
        single: true,
    };
    lower.add_with(at, op, &[Some(image), None, None, Some(sizes)]).map(|slot| vec![slot])
}

/// A file's picture. What changes how a JPEG is decoded beyond the accuracy of a transform is refused.
fn decode(
    lower: &mut Lower<'_, '_>,
    at: &At<'_, '_>,
    kind: DecodeFor,
    animations: bool,
) -> Result<SlotId, crate::ReadError> {
    let file = at.arg(0)?;
    let ratio = at.site.int("ratio").unwrap_or(1);
    if ratio != 1 {
        return Err(at.unimplemented(format_args!("`ratio` {ratio}")));
    }
    if !at.site.bool("fancy_upscaling").unwrap_or(true) || at.flag("try_recover_truncated") {
        return Err(at.unimplemented("`fancy_upscaling` off, or `try_recover_truncated`"));
    }
    let channels = match (kind, at.site.int("channels").unwrap_or(0)) {
        (DecodeFor::Frames, _) => 3,
        (_, channels @ (0 | 1 | 3 | 4)) => channels as usize,
        (_, other) => return Err(at.fault(format_args!("has {other} channels"))),
    };
    let dtype = at.dtype("dtype", DType::U8)?;
    if !matches!(dtype, DType::U8 | DType::U16 | DType::F32) {
        return Err(at.unimplemented(format_args!("`dtype` {dtype}")));
    }
    lower.add(at, ImageOp::Decode(Decode { kind, channels, dtype, animations }), &[file])
}

/// Bilinear results are float32, whatever the image was.
fn resize(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, linear: bool) -> Slots {
    let [mut image, sizes] = at.args::<2>()?;
    if linear && lower.dtype(image) != Some(DType::F32) {
        image = lower.add(at, ElementOp::Cast { to: Type::F32, saturate: false }, &[image])?;
    }
    let coordinates = match (at.flag("align_corners"), at.flag("half_pixel_centers")) {
        (true, true) => return Err(at.fault("has both `align_corners` and `half_pixel_centers`")),
        (true, false) => Coordinates::AlignCorners,
        (false, true) if linear => Coordinates::HalfPixel,
        (false, true) => Coordinates::HalfPixelForNearest,
        (false, false) => Coordinates::Asymmetric,
    };
    let between = match (linear, coordinates) {
        (true, _) => Between::Linear,
        (false, Coordinates::AlignCorners) => Between::Nearest(Nearest::HalfUp),
        (false, _) => Between::Nearest(Nearest::Floor),
    };
    let op = ImageOp::Resize {
        between,
        coordinates,
        axes: Some(vec![1, 2]),
        aspect: Aspect::Stretch,
        antialias: false,
        exclude_outside: false,
        outside: 0.0,
        single: true,
    };
    lower.add_with(at, op, &[Some(image), None, None, Some(sizes)]).map(|slot| vec![slot])
}

fn crop(lower: &mut Lower<'_, '_>, at: &At<'_, '_>) -> Slots {
    let args = at.args::<4>()?;
    let nearest = match at.site.text("method") {
        None | Some("bilinear") => false,
        Some("nearest") => true,
        Some(other) => return Err(at.fault(format_args!("has the method {other:?}"))),
    };
    let outside = at.site.float("extrapolation_value").unwrap_or(0.0);
    lower.add(at, ImageOp::CropAndResize { nearest, outside }, &args).map(|slot| vec![slot])
}
