//! Images: sizes changed, parts taken, places between elements.

use model::Type;

use super::{Formal, Given, dtype, real};

/// How an element between others is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Between {
    Nearest(Nearest),
    Linear,
    /// By four neighbours, with this coefficient of the cubic.
    Cubic(f32),
}

/// Which of two neighbours is the nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nearest {
    /// The nearer; of two as near the lower.
    HalfDown,
    /// The nearer; of two as near the upper.
    HalfUp,
    Floor,
    Ceil,
}

/// Where an element of the result lies in the input: element `i` of `n`, the input having `m` and the scale being `s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coordinates {
    /// `(i + 0.5) / s - 0.5`.
    HalfPixel,
    /// The same about the centre, where `m * s` is no whole number.
    HalfPixelSymmetric,
    /// The same, but for results of one element, which lie before the first.
    PytorchHalfPixel,
    /// `i * (m - 1) / (n - 1)`.
    AlignCorners,
    /// `i / s`.
    Asymmetric,
    /// `(i + 0.5) / s`.
    HalfPixelForNearest,
    /// As `AlignCorners`, within the part that the input says; what lies outside of the image has a value of its own.
    Crop,
}

/// What becomes of sizes that would change the proportions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    Stretch,
    /// All dimensions by the smallest scale.
    NotLarger,
    /// All dimensions by the largest scale.
    NotSmaller,
}

/// What lies outside of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    Zeros,
    Border,
    Reflection,
}

/// Ops of the family.
#[derive(Clone, Debug, PartialEq)]
pub enum ImageOp {
    /// Another size of these axes (all where there are none), one axis after the other. Inputs: x, the part for `Crop` (all
    /// begins, then all ends), scales, sizes; one of the last two is there. With `antialias`, a smaller result is made of all
    /// elements beneath. With `exclude_outside`, elements beyond the edge do not count; else they are as the edge. `single`:
    /// coordinates are computed in float32, as TensorFlow does.
    Resize {
        between: Between,
        coordinates: Coordinates,
        axes: Option<Vec<i64>>,
        aspect: Aspect,
        antialias: bool,
        exclude_outside: bool,
        outside: f32,
        single: bool,
    },
    /// TensorFlow's crop and resize: images `[batch, height, width, depth]`, boxes `[n, 4]` in parts of the image, the image of
    /// each box, and the size of a crop. The result is float32.
    CropAndResize { nearest: bool, outside: f32 },
    /// Elements at the coordinates of input 1, -1 to 1 in each dimension, the last dimension first.
    GridSample { between: Between, outside: Outside, align_corners: bool },
    /// Coordinates for `GridSample`, from matrices `[batch, 2, 3]` or `[batch, 3, 4]` and a size `[batch, channels, ...]`.
    AffineGrid { align_corners: bool },
    /// Parts of images (two corners each) pooled to one size, each element of several places between elements. Inputs: x,
    /// parts `[n, 4]`, the image of each.
    RoiAlign { size: [usize; 2], samples: usize, scale: f32, half_pixel: bool, max: bool },
    /// Parts of images `[n, 5]` (the image, two corners), rounded to whole elements, pooled to one size by their greatest.
    RoiPool { size: [usize; 2], scale: f32 },
}

impl ImageOp {
    pub fn name(&self) -> &'static str {
        match self {
            ImageOp::Resize { .. } => "resize",
            ImageOp::CropAndResize { .. } => "crop_and_resize",
            ImageOp::GridSample { .. } => "grid_sample",
            ImageOp::AffineGrid { .. } => "affine_grid",
            ImageOp::RoiAlign { .. } => "roi_align",
            ImageOp::RoiPool { .. } => "roi_pool",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        let Some(x) = dtype(formal, 0) else { return Err("a tensor of numbers") };
        match self {
            ImageOp::Resize { .. } => Ok(vec![Type::scalar(x)]),
            ImageOp::CropAndResize { .. } => Ok(vec![Type::F32]),
            _ if real(formal, 0).is_some() => Ok(vec![Type::scalar(x)]),
            _ => Err("a tensor of floating-point numbers"),
        }
    }
}
