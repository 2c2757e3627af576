//! Images: sizes changed, parts taken, places between elements.

use model::{DType, Tensor, Type};
use plan::{
    SlotId,
    tensor::{
        Binary, ElementOp, Fold, ImageOp, LayoutOp, ReduceOp,
        image::{Aspect, Between, Coordinates, Decode, DecodeFor, Nearest, Outside},
    },
};

use super::{super::graph::Node, Lower, NOW, Row, row};
use crate::ReadError;

type Slots = Result<Vec<SlotId>, ReadError>;

pub(super) const ROWS: &[Row] = &[
    row("Upsample", 1, 6, upsample_by_two_attributes),
    row("Upsample", 7, 8, upsample_by_attribute),
    row("Upsample", 9, 9, plain_resize),
    row("Resize", 10, 10, plain_resize),
    row("Resize", 11, NOW, resize),
    row("ImageDecoder", 20, NOW, image_decoder),
    row("GridSample", 16, NOW, grid_sample),
    row("AffineGrid", 20, NOW, affine_grid),
    row("RoiAlign", 10, NOW, roi_align),
    row("MaxRoiPool", 1, NOW, max_roi_pool),
];

/// The picture of a file of JPEG, PNG, GIF or BMP, as uint8.
fn image_decoder(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let file = lower.arg(node, 0, "encoded_stream")?;
    let decode = Decode { kind: DecodeFor::Any, channels: 3, dtype: DType::U8, animations: false };
    let image = lower.add(node, ImageOp::Decode(decode), &[file])?;
    match node.string("pixel_format")?.unwrap_or("RGB") {
        "RGB" => Ok(vec![image]),
        "BGR" => {
            let axis = lower.constant(Tensor::vector(vec![2_i64]));
            Ok(vec![lower.add(node, LayoutOp::Reverse, &[image, axis])?])
        }
        // In units of 1/65536: 0.299, 0.587 and 0.114, to the nearest.
        "Grayscale" => {
            let to = |ty| ElementOp::Cast { to: Type::scalar(ty), saturate: false };
            let wide = lower.add(node, to(DType::I32), &[image])?;
            let shares = lower.constant(Tensor::vector(vec![19595_i32, 38470, 7471]));
            let parts = lower.add(node, ElementOp::Binary(Binary::Mul), &[wide, shares])?;
            let sum = ReduceOp::Reduce { fold: Fold::Sum, axes: Some(vec![-1]), keep: true, none_is_none: false };
            let sum = lower.add(node, sum, &[parts])?;
            let half = lower.constant(Tensor::scalar(1_i32 << 15));
            let sum = lower.add(node, ElementOp::Binary(Binary::Add), &[sum, half])?;
            let bits = lower.constant(Tensor::scalar(16_i32));
            let grey = lower.add(node, ElementOp::Binary(Binary::ShiftRight), &[sum, bits])?;
            Ok(vec![lower.add(node, to(DType::U8), &[grey])?])
        }
        other => Err(unknown(node, "pixel_format", "RGB, BGR or Grayscale", other)),
    }
}

/// Returns the error of an attribute that names something else.
fn unknown(node: &Node<'_>, name: &str, expected: &str, got: &str) -> ReadError {
    node.fault(&format!("attribute `{name}`"), expected, format_args!("`{got}`"))
}

/// The meaning before it had any choices: `i / scale`, the nearest below.
fn plain(node: &Node<'_>) -> Result<ImageOp, ReadError> {
    let between = match node.string("mode")? {
        None | Some("nearest") => Between::Nearest(Nearest::Floor),
        Some("linear" | "bilinear") => Between::Linear,
        Some(other) => return Err(unknown(node, "mode", "nearest or linear", other)),
    };
    Ok(ImageOp::Resize {
        between,
        coordinates: Coordinates::Asymmetric,
        axes: None,
        aspect: Aspect::Stretch,
        antialias: false,
        exclude_outside: false,
        outside: 0.0,
        single: false,
    })
}

fn plain_resize(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=2, 1..=1)?;
    let (x, scales) = (lower.arg(node, 0, "X")?, lower.arg(node, 1, "scales")?);
    Ok(vec![lower.add_with(node, plain(node)?, &[Some(x), None, Some(scales), None])?])
}

fn by_scales(lower: &mut Lower<'_>, node: &Node<'_>, scales: Vec<f32>) -> Slots {
    let x = lower.arg(node, 0, "X")?;
    let scales = lower.constant(Tensor::vector(scales));
    Ok(vec![lower.add_with(node, plain(node)?, &[Some(x), None, Some(scales), None])?])
}

fn upsample_by_attribute(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let scales = node.required("scales", node.floats("scales")?)?;
    by_scales(lower, node, scales)
}

fn upsample_by_two_attributes(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    let height = node.required("height_scale", node.float("height_scale")?)?;
    let width = node.required("width_scale", node.float("width_scale")?)?;
    by_scales(lower, node, vec![1.0, 1.0, height, width])
}

fn resize(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(1..=4, 1..=1)?;
    let between = match node.string("mode")? {
        None | Some("nearest") => Between::Nearest(match node.string("nearest_mode")? {
            None | Some("round_prefer_floor") => Nearest::HalfDown,
            Some("round_prefer_ceil") => Nearest::HalfUp,
            Some("floor") => Nearest::Floor,
            Some("ceil") => Nearest::Ceil,
            Some(other) => return Err(unknown(node, "nearest_mode", "a rounding", other)),
        }),
        Some("linear") => Between::Linear,
        Some("cubic") => Between::Cubic(node.float("cubic_coeff_a")?.unwrap_or(-0.75)),
        Some(other) => return Err(unknown(node, "mode", "nearest, linear or cubic", other)),
    };
    let coordinates = match node.string("coordinate_transformation_mode")? {
        None | Some("half_pixel") => Coordinates::HalfPixel,
        Some("half_pixel_symmetric") => Coordinates::HalfPixelSymmetric,
        Some("pytorch_half_pixel") => Coordinates::PytorchHalfPixel,
        Some("align_corners") => Coordinates::AlignCorners,
        Some("asymmetric") => Coordinates::Asymmetric,
        Some("tf_half_pixel_for_nn") => Coordinates::HalfPixelForNearest,
        Some("tf_crop_and_resize") => Coordinates::Crop,
        Some(other) => return Err(unknown(node, "coordinate_transformation_mode", "a known one", other)),
    };
    let aspect = match node.string("keep_aspect_ratio_policy")? {
        None | Some("stretch") => Aspect::Stretch,
        Some("not_larger") => Aspect::NotLarger,
        Some("not_smaller") => Aspect::NotSmaller,
        Some(other) => return Err(unknown(node, "keep_aspect_ratio_policy", "a known one", other)),
    };
    let op = ImageOp::Resize {
        between,
        coordinates,
        axes: node.ints("axes")?,
        aspect,
        antialias: node.flag("antialias")?.unwrap_or(false),
        exclude_outside: node.flag("exclude_outside")?.unwrap_or(false),
        outside: node.float("extrapolation_value")?.unwrap_or(0.0),
        single: false,
    };
    let formal = [Some(lower.arg(node, 0, "X")?), lower.opt(node, 1), lower.opt(node, 2), lower.opt(node, 3)];
    Ok(vec![lower.add_with(node, op, &formal)?])
}

fn grid_sample(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=2, 1..=1)?;
    let between = match node.string("mode")? {
        None | Some("bilinear" | "linear") => Between::Linear,
        Some("nearest") => Between::Nearest(Nearest::HalfDown),
        Some("bicubic" | "cubic") => Between::Cubic(-0.75),
        Some(other) => return Err(unknown(node, "mode", "linear, nearest or cubic", other)),
    };
    let outside = match node.string("padding_mode")? {
        None | Some("zeros") => Outside::Zeros,
        Some("border") => Outside::Border,
        Some("reflection") => Outside::Reflection,
        Some(other) => return Err(unknown(node, "padding_mode", "zeros, border or reflection", other)),
    };
    let align_corners = node.flag("align_corners")?.unwrap_or(false);
    let inputs = [lower.arg(node, 0, "X")?, lower.arg(node, 1, "grid")?];
    Ok(vec![lower.add(node, ImageOp::GridSample { between, outside, align_corners }, &inputs)?])
}

fn affine_grid(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=2, 1..=1)?;
    let inputs = [lower.arg(node, 0, "theta")?, lower.arg(node, 1, "size")?];
    let align_corners = node.flag("align_corners")?.unwrap_or(false);
    Ok(vec![lower.add(node, ImageOp::AffineGrid { align_corners }, &inputs)?])
}

/// Returns an attribute that is a size.
fn size(node: &Node<'_>, name: &str, given: i64) -> Result<usize, ReadError> {
    let size = usize::try_from(given).ok().filter(|size| *size <= 1 << 16);
    size.ok_or_else(|| node.fault(&format!("attribute `{name}`"), "0 to 65536", given))
}

fn roi_align(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(3..=3, 1..=1)?;
    // The first version knows no shift by half an element.
    let half_pixel = match node.string("coordinate_transformation_mode")? {
        None => node.version >= 16,
        Some("half_pixel") => true,
        Some("output_half_pixel") => false,
        Some(other) => {
            return Err(unknown(node, "coordinate_transformation_mode", "half_pixel or output_half_pixel", other));
        }
    };
    let max = match node.string("mode")? {
        None | Some("avg") => false,
        Some("max") => true,
        Some(other) => return Err(unknown(node, "mode", "avg or max", other)),
    };
    let of = |name: &str, default: i64| size(node, name, node.int(name)?.unwrap_or(default));
    let op = ImageOp::RoiAlign {
        size: [of("output_height", 1)?, of("output_width", 1)?],
        samples: of("sampling_ratio", 0)?,
        scale: node.float("spatial_scale")?.unwrap_or(1.0),
        half_pixel,
        max,
    };
    let inputs = [lower.arg(node, 0, "X")?, lower.arg(node, 1, "rois")?, lower.arg(node, 2, "batch_indices")?];
    Ok(vec![lower.add(node, op, &inputs)?])
}

fn max_roi_pool(lower: &mut Lower<'_>, node: &Node<'_>) -> Slots {
    node.check_counts(2..=2, 1..=1)?;
    let pooled = node.required("pooled_shape", node.ints("pooled_shape")?)?;
    let [height, width] = pooled[..] else {
        return Err(node.fault("attribute `pooled_shape`", "two sizes", pooled.len()));
    };
    let size = [size(node, "pooled_shape", height)?, size(node, "pooled_shape", width)?];
    let op = ImageOp::RoiPool { size, scale: node.float("spatial_scale")?.unwrap_or(1.0) };
    let inputs = [lower.arg(node, 0, "X")?, lower.arg(node, 1, "rois")?];
    Ok(vec![lower.add(node, op, &inputs)?])
}
