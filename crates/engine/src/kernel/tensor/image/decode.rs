//! Files of images: what they are is told by their first bytes, how large they are by their headers, before anything is decoded.
//!
//! Which channels there are, and what becomes of them, is TensorFlow's rule (`core/kernels/image/decode_image_op.cc`,
//! `core/lib/{png,gif}`). JPEG is decoded by a library of its own arithmetic: a sample may be one or two off.

mod bmp;
mod gif;
mod jpeg;
mod png;

use model::{
    DType, PredictError, Tensor,
    tensor::{Bytes, TensorError},
};
use plan::tensor::image::{Decode, DecodeFor};

use super::{Args, Done, refuse, refuse_type, shape};
use crate::kernel::tensor::too_large;

/// Most pixels of all frames of one file.
const PIXELS_MAX: u64 = 1 << 25;

/// What was decoded: row by row, channels together.
struct Image {
    width: usize,
    height: usize,
    channels: usize,
    /// How many pictures there are, where the file may hold several.
    frames: Option<usize>,
    samples: Samples,
}

enum Samples {
    U8(Vec<u8>),
    U16(Vec<u16>),
}

/// Returns the number of pixels, where they are not too many.
fn pixels(width: usize, height: usize, frames: usize) -> Result<usize, PredictError> {
    let count = (width as u64).checked_mul(height as u64).and_then(|count| count.checked_mul(frames as u64));
    match count {
        Some(0) => Err(refuse("an image of one pixel at least", format!("{width} by {height}"))),
        Some(count) if count <= PIXELS_MAX => Ok(count as usize),
        _ => Err(PredictError::TooLarge {
            what: "the number of an image's pixels".to_owned(),
            got: count.unwrap_or(u64::MAX),
            limit: PIXELS_MAX,
            key: "fixed",
        }),
    }
}

/// Returns the error of a file that is not what it says.
#[cold]
fn broken(format: &str, what: impl std::fmt::Display) -> PredictError {
    refuse(format!("a {format} file"), format!("one that cannot be decoded: {what}"))
}

pub(super) fn run(args: &Args<'_>, decode: &Decode, out: &mut Tensor) -> Done {
    let file = args.get(0)?;
    let bytes: &[u8] = match (file.get::<Bytes>(), file.get::<u8>()) {
        (Some([file]), _) => file,
        (_, Some(bytes)) => bytes,
        (Some(_), _) => return Err(refuse("one image", file.shape().to_string())),
        _ => return Err(refuse_type(&file)),
    };
    let wide = decode.dtype != DType::U8;
    let (of, image) = match bytes {
        [0xff, 0xd8, 0xff, ..] => ("JPEG", jpeg::decode(bytes, decode.channels)),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => ("PNG", png::decode(bytes, decode.channels, wide)),
        [b'G', b'I', b'F', b'8', ..] => ("GIF", gif::decode(bytes, decode)),
        [b'B', b'M', ..] => ("BMP", bmp::decode(bytes, decode.channels)),
        _ => return Err(refuse("a JPEG, PNG, GIF or BMP file", format!("{} bytes of another", bytes.len()))),
    };
    let fits = match decode.kind {
        DecodeFor::Bmp => of == "BMP",
        DecodeFor::Any => true,
        DecodeFor::Still | DecodeFor::Frames => of != "BMP",
    };
    if !fits {
        return Err(refuse("a file of the kind that the op decodes", format!("a {of} file")));
    }
    image?.write(decode, out)
}

impl Image {
    fn write(self, decode: &Decode, out: &mut Tensor) -> Done {
        let mut dims = vec![self.height, self.width, self.channels];
        match (decode.kind, self.frames) {
            (DecodeFor::Frames, frames) => dims.insert(0, frames.unwrap_or(1)),
            (DecodeFor::Any, Some(frames)) if decode.animations => dims.insert(0, frames),
            (_, Some(frames)) if frames != 1 => {
                return Err(refuse("a picture that does not move", format!("{frames} frames")));
            }
            _ => {}
        }
        let shape = shape(&dims)?;
        let bytes = (dims.iter().product::<usize>()).saturating_mul(decode.dtype.width());
        if bytes > model::tensor::TENSOR_BYTES_MAX {
            return Err(too_large(TensorError::Bytes(shape.to_string())));
        }
        let data: model::tensor::Data = match (self.samples, decode.dtype) {
            (Samples::U8(samples), DType::U8) => samples.into(),
            (Samples::U8(samples), DType::U16) => {
                samples.iter().map(|&x| u16::from(x) * 256).collect::<Vec<_>>().into()
            }
            (Samples::U8(samples), _) => {
                samples.iter().map(|&x| f32::from(x) * (1.0_f32 / 255.0)).collect::<Vec<_>>().into()
            }
            (Samples::U16(samples), DType::U16) => samples.into(),
            (Samples::U16(samples), DType::U8) => samples.iter().map(|&x| (x >> 8) as u8).collect::<Vec<_>>().into(),
            (Samples::U16(samples), _) => {
                samples.iter().map(|&x| f32::from(x) * (1.0_f32 / 65535.0)).collect::<Vec<_>>().into()
            }
        };
        *out = Tensor::new(&shape, data).map_err(too_large)?;
        Ok(())
    }
}
