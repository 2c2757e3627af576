//! Images: sizes changed, parts taken, places between elements.

use model::{DType, Type};

use super::{Formal, Given, dtype, real, tensor};

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

/// How elements are weighed by their distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    Lanczos { radius: u8 },
    Gaussian,
    Box,
    Triangle,
    KeysCubic,
    MitchellCubic,
}

/// Which files an op decodes, and the dimensions of what it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeFor {
    /// Any file: one picture, or, where it may move, one more dimension.
    Any,
    /// One picture; no bitmap.
    Still,
    /// Frames, always with their dimension; no bitmap.
    Frames,
    /// A bitmap.
    Bmp,
}

/// How a file becomes a tensor `[height, width, channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decode {
    pub kind: DecodeFor,
    /// 1, 3 or 4; 0 for as many as the file has.
    pub channels: usize,
    /// uint8; uint16, of the whole range; or float32 from 0 to 1.
    pub dtype: DType,
    /// All frames of a picture that moves, not the first alone.
    pub animations: bool,
}

/// Ops of the family.
#[derive(Clone, Debug, PartialEq)]
pub enum ImageOp {
    /// Another size of these axes (all where there are none), one axis after the other. Inputs: x, the part for `Crop` (all
    /// begins, then all ends), scales, sizes; one of the last two is there. With `antialias`, a smaller result is made of all
    /// elements beneath. With `exclude_outside`, elements beyond the edge do not count; else they are as the edge. `single`:
    /// coordinates are computed in float32, and weights of the cubic are those of 1024 places, as TensorFlow has them.
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
    /// TensorFlow's resize of images `[batch, height, width, channels]` to the height and width of input 1, by the mean of what
    /// lies beneath. The result is float32.
    ResizeArea { align_corners: bool },
    /// TensorFlow's images `[batch, height, width, channels]` of the height and width of input 1, scaled by input 2 and moved by input 3
    /// (a number for each). With `antialias`, a smaller result is made of all elements beneath. The result is float32.
    ScaleAndTranslate { filter: Filter, antialias: bool },
    /// The places (int32) of boxes `[n, 4]` of the best scores that overlap no better one by more than input 3; at most input 2,
    /// with scores above input 4. Where input 5 is above 0, overlap makes scores less instead. Outputs 1 and 2 are the scores and
    /// how many; with `pad` there are as many as input 2, the rest 0.
    SelectBoxes { pad: bool },
    /// The same of boxes `[batches, n, classes or 1, 4]` and scores `[batches, n, classes]`, class by class: at most input 2 of
    /// each, input 3 in all, overlap input 4, scores above input 5. Outputs: boxes, scores, classes, how many; filled up with 0
    /// to input 3, or with `pad_per_class` to no more than all classes may have. With `clip` boxes are cut to 0..1.
    SelectBoxesByClass { pad_per_class: bool, clip: bool },
    /// The picture of a file: a text, or its bytes (uint8). JPEG, PNG, GIF and BMP are told by their first bytes; their header
    /// says how many pixels there are, which has a limit.
    Decode(Decode),
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
            ImageOp::ResizeArea { .. } => "resize_area",
            ImageOp::ScaleAndTranslate { .. } => "scale_and_translate",
            ImageOp::SelectBoxes { .. } => "select_boxes",
            ImageOp::SelectBoxesByClass { .. } => "select_boxes_by_class",
            ImageOp::Decode(_) => "decode_image",
            ImageOp::GridSample { .. } => "grid_sample",
            ImageOp::AffineGrid { .. } => "affine_grid",
            ImageOp::RoiAlign { .. } => "roi_align",
            ImageOp::RoiPool { .. } => "roi_pool",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        if let ImageOp::Decode(decode) = self {
            return match tensor(formal, 0) {
                Some(ty) if *ty == Type::Bytes || *ty == Type::scalar(DType::U8) => {
                    Ok(vec![Type::scalar(decode.dtype)])
                }
                _ => Err("a file, as a text or as bytes"),
            };
        }
        let Some(x) = dtype(formal, 0) else { return Err("a tensor of numbers") };
        match self {
            ImageOp::Resize { .. } => Ok(vec![Type::scalar(x)]),
            ImageOp::CropAndResize { .. } | ImageOp::ResizeArea { .. } | ImageOp::ScaleAndTranslate { .. } => {
                Ok(vec![Type::F32])
            }
            ImageOp::SelectBoxes { .. } => match real(formal, 1) {
                Some(score) => Ok(vec![Type::I32, Type::scalar(score), Type::I32]),
                None => Err("boxes, and scores"),
            },
            ImageOp::SelectBoxesByClass { .. } if (x, dtype(formal, 1)) == (DType::F32, Some(DType::F32)) => {
                Ok(vec![Type::F32, Type::F32, Type::F32, Type::I32])
            }
            ImageOp::SelectBoxesByClass { .. } => Err("boxes and scores of float32"),
            _ if real(formal, 0).is_some() => Ok(vec![Type::scalar(x)]),
            _ => Err("a tensor of floating-point numbers"),
        }
    }
}
