//! Photographs.

use model::PredictError;
use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::JpegDecoder;

use super::{Image, Samples, broken, pixels, refuse};

pub(super) fn decode(bytes: &[u8], channels: usize) -> Result<Image, PredictError> {
    if ![0, 1, 3].contains(&channels) {
        return Err(refuse("0, 1 or 3 channels of a JPEG file", channels.to_string()));
    }
    // What is cut short would be filled up.
    if !bytes.windows(2).any(|pair| pair == [0xff, 0xd9]) {
        return Err(broken("JPEG", "it is cut short"));
    }
    let options = DecoderOptions::default().set_max_width(usize::from(u16::MAX)).set_max_height(usize::from(u16::MAX));
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| broken("JPEG", error))?;
    let info = decoder.info().ok_or_else(|| broken("JPEG", "it has no header"))?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    let count = pixels(width, height, 1)?;
    let channels = match channels {
        0 if info.components == 1 => 1,
        0 => 3,
        channels => channels,
    };
    let to = if channels == 1 { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(to));
    let samples = decoder.decode().map_err(|error| broken("JPEG", error))?;
    if samples.len() != count * channels {
        return Err(broken("JPEG", "it has other channels than it says"));
    }
    Ok(Image { width, height, channels, frames: None, samples: Samples::U8(samples) })
}
