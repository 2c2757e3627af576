//! Pictures that may move: frames of palettes, each drawn over the one before.

use std::io::Cursor;

use model::PredictError;
use plan::tensor::image::{Decode, DecodeFor};

use super::{Image, Samples, broken, pixels, refuse};

/// Returns a reader of frames, as palettes have them.
fn reader(bytes: &[u8]) -> Result<gif::Decoder<Cursor<&[u8]>>, PredictError> {
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::Indexed);
    options.read_info(Cursor::new(bytes)).map_err(|error| broken("GIF", error))
}

/// The canvas is as large as the largest frame; what no frame covers is black.
pub(super) fn decode(bytes: &[u8], decode: &Decode) -> Result<Image, PredictError> {
    if ![0, 3].contains(&decode.channels) {
        return Err(refuse("0 or 3 channels of a GIF file", decode.channels.to_string()));
    }
    let (mut width, mut height, mut frames) = (0, 0, 0);
    let mut headers = reader(bytes)?;
    while let Some(frame) = headers.next_frame_info().map_err(|error| broken("GIF", error))? {
        (width, height) = (width.max(usize::from(frame.width)), height.max(usize::from(frame.height)));
        frames += 1;
        pixels(width, height, frames)?;
    }
    if frames == 0 {
        return Err(broken("GIF", "it holds no picture"));
    }
    if decode.kind == DecodeFor::Any && !decode.animations {
        frames = 1;
    }
    let size = pixels(width, height, frames)? / frames * 3;
    let (mut samples, mut places) = (vec![0; size * frames], Vec::new());
    let mut drawer = reader(bytes)?;
    let all = drawer.global_palette().map(<[u8]>::to_vec);
    for k in 0..frames {
        let frame = drawer.next_frame_info().map_err(|error| broken("GIF", error))?;
        let frame = frame.ok_or_else(|| broken("GIF", "it is cut short"))?.clone();
        places.resize(usize::from(frame.width) * usize::from(frame.height), 0);
        drawer.read_into_buffer(&mut places).map_err(|error| broken("GIF", error))?;
        let palette = frame.palette.as_ref().or(all.as_ref()).ok_or_else(|| broken("GIF", "it has no palette"))?;
        if k > 0 {
            samples.copy_within((k - 1) * size..k * size, k * size);
        }
        let (left, top) = (usize::from(frame.left), usize::from(frame.top));
        for (i, line) in places.chunks(usize::from(frame.width).max(1)).enumerate().filter(|(i, _)| top + i < height) {
            for (j, &place) in line.iter().enumerate().filter(|(j, _)| left + j < width) {
                if frame.transparent == Some(place) {
                    continue;
                }
                let color = palette.get(usize::from(place) * 3..).and_then(|rest| rest.get(..3));
                let color = color.ok_or_else(|| broken("GIF", "a color is not in its palette"))?;
                samples[k * size + ((top + i) * width + left + j) * 3..][..3].copy_from_slice(color);
            }
        }
    }
    Ok(Image { width, height, channels: 3, frames: Some(frames), samples: Samples::U8(samples) })
}
