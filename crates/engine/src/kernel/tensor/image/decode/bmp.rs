//! Bitmaps: plain rows of one, three or four bytes a pixel, the last row first unless the height is negative.

use model::PredictError;

use super::{Image, Samples, broken, pixels, refuse};

pub(super) fn decode(bytes: &[u8], channels: usize) -> Result<Image, PredictError> {
    if bytes.len() < 32 {
        return Err(broken("BMP", "it is cut short"));
    }
    if channels == 1 {
        return Err(refuse("0, 3 or 4 channels of a BMP file", "1"));
    }
    let word = |at: usize| i32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    let (begin, width, height) = (word(10), word(18), word(22));
    let given = usize::from(u16::from_le_bytes([bytes[28], bytes[29]])) / 8;
    let begin = usize::try_from(begin).map_err(|_| broken("BMP", "its pixels begin before it"))?;
    let width = usize::try_from(width).map_err(|_| broken("BMP", "its width is negative"))?;
    let (rows, top_down) = (height.unsigned_abs() as usize, height < 0);
    if ![1, 3, 4].contains(&given) {
        return Err(PredictError::Unimplemented { what: format!("a BMP file of {given} bytes a pixel") });
    }
    let count = pixels(width, rows, 1)?;
    let stride = (width * given).next_multiple_of(4);
    let lines = bytes.get(begin..).filter(|lines| lines.len() >= stride * rows);
    let lines = lines.ok_or_else(|| broken("BMP", "it is cut short"))?;
    let channels = if channels == 0 { given } else { channels };
    let mut samples = Vec::with_capacity(count * channels);
    for row in 0..rows {
        let line = &lines[if top_down { row } else { rows - 1 - row } * stride..][..width * given];
        for pixel in line.chunks_exact(given) {
            let [red, green, blue] = if given == 1 { [pixel[0]; 3] } else { [pixel[2], pixel[1], pixel[0]] };
            let alpha = if given == 4 { pixel[3] } else { u8::MAX };
            samples.extend_from_slice(&[red, green, blue, alpha][..channels]);
        }
    }
    Ok(Image { width, height: rows, channels, frames: None, samples: Samples::U8(samples) })
}
