//! Images in other sizes: batch, height, width, depth.
//!
//! Source: TensorFlow's `core/kernels/image/{resize_bilinear,resize_nearest_neighbor,crop_and_resize}_op.cc`.

use model::{DType, Type};
use plan::tensor::{
    ElementOp, ImageOp,
    image::{Aspect, Between, Coordinates, Nearest},
};

use super::{At, Lower, Row, Slots, row};

pub(super) const ROWS: &[Row] = &[
    row("ResizeBilinear", |lower, at| resize(lower, at, true)),
    row("ResizeNearestNeighbor", |lower, at| resize(lower, at, false)),
    row("CropAndResize", crop),
];

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
