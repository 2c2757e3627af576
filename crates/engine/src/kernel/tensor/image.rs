//! Images: sizes changed, parts taken, places between elements.

mod area;
mod boxes;
mod crop;
mod decode;
mod grid;
mod resize;
mod spans;

use plan::tensor::ImageOp;

use super::{
    Args, Done,
    conv::{each_place, sizes},
    float::{Float, by_float, elements, make, narrow, widened},
    ints, refuse, refuse_type, shape,
};

/// An op of the family, ready to run.
pub(super) struct ImageKernel(ImageOp);

impl ImageKernel {
    pub(super) fn new(op: &ImageOp) -> ImageKernel {
        ImageKernel(op.clone())
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        args.call.check()?;
        match &self.0 {
            ImageOp::SelectBoxes { pad } => return boxes::run(args, *pad),
            ImageOp::SelectBoxesByClass { pad_per_class, clip } => return boxes::by_class(args, *pad_per_class, *clip),
            _ => {}
        }
        let Some(mut out) = args.out(0) else { return Ok(()) };
        if let ImageOp::Decode(decode) = &self.0 {
            return decode::run(args, decode, &mut out);
        }
        let given = args.get(0)?;
        match &self.0 {
            ImageOp::Resize { .. } => return resize::run(args, &self.0, &given, &mut out),
            ImageOp::CropAndResize { nearest, outside } => {
                return crop::resized(args, &given, *nearest, *outside, &mut out);
            }
            ImageOp::ScaleAndTranslate { filter, antialias } => {
                return spans::run(args, *filter, *antialias, &given, &mut out);
            }
            ImageOp::ResizeArea { align_corners } => return area::run(args, *align_corners, &given, &mut out),
            _ => {}
        }
        let x = widened(&given);
        by_float!(x, T => match &self.0 {
            ImageOp::GridSample { between, outside, align_corners } => {
                grid::sample::<T>(&x, &widened(&*args.get(1)?), *between, *outside, *align_corners, &mut out)
            }
            ImageOp::AffineGrid { align_corners } => {
                grid::affine::<T>(&x, &ints(&*args.get(1)?)?, *align_corners, &mut out)
            }
            ImageOp::RoiAlign { size, samples, scale, half_pixel, max } => {
                let align = crop::Align { size: *size, samples: *samples, half_pixel: *half_pixel, max: *max };
                align.run::<T>(args, &x, T::from_f64((*scale).into()), &mut out)
            }
            ImageOp::RoiPool { size, scale } => crop::pooled::<T>(&x, &widened(&*args.get(1)?), *size, *scale, &mut out),
            _ => Err(refuse_type(&x)),
        })?;
        narrow(&mut out, given.dtype())
    }
}
