//! Pictures without loss: grey, palettes, colours, with and without transparency, 1 to 16 bits.
//!
//! The order of steps is libpng's: palettes and transparent colours, alpha away, grey, then fewer bits.

use std::io::Cursor;

use model::PredictError;
use png::ColorType;

use super::{Image, PIXELS_MAX, Samples, broken, pixels};

/// Rows as the file has them.
struct Raw {
    width: usize,
    height: usize,
    color: ColorType,
    bits: u32,
    palette: Vec<u8>,
    transparent: Option<Vec<u8>>,
    lines: Vec<u8>,
    stride: usize,
}

/// What becomes of a pixel.
struct Steps {
    channels: usize,
    /// Sixteen bits a sample are wanted.
    wide: bool,
}

fn read(bytes: &[u8]) -> Result<Raw, PredictError> {
    let fault = |error: png::DecodingError| broken("PNG", error);
    let limits = png::Limits { bytes: 16 * PIXELS_MAX as usize };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::IDENTITY);
    let mut reader = decoder.read_info().map_err(fault)?;
    let info = reader.info();
    let (width, height) = (info.width as usize, info.height as usize);
    pixels(width, height, 1)?;
    let (color, bits) = (info.color_type, info.bit_depth as u32);
    let palette = info.palette.as_ref().map(|palette| palette.to_vec()).unwrap_or_default();
    let transparent = info.trns.as_ref().map(|trns| trns.to_vec());
    let size = reader.output_buffer_size().ok_or_else(|| broken("PNG", "it is too large"))?;
    let mut lines = vec![0; size];
    let frame = reader.next_frame(&mut lines).map_err(fault)?;
    Ok(Raw { width, height, color, bits, palette, transparent, lines, stride: frame.line_size })
}

pub(super) fn decode(bytes: &[u8], channels: usize, wide: bool) -> Result<Image, PredictError> {
    let raw = read(bytes)?;
    let channels = match (channels, raw.color) {
        (0, ColorType::Indexed) if raw.transparent.is_some() => 4,
        (0, ColorType::Indexed) => 3,
        (0, color) => color.samples(),
        (channels, _) => channels,
    };
    let steps = Steps { channels, wide };
    let mut samples = Vec::with_capacity(raw.width * raw.height * channels);
    for line in raw.lines.chunks(raw.stride.max(1)).take(raw.height) {
        for x in 0..raw.width {
            steps.push(raw.pixel(line, x)?, &raw, &mut samples);
        }
    }
    let (width, height) = (raw.width, raw.height);
    let samples = match wide {
        true => Samples::U16(samples),
        false => Samples::U8(samples.into_iter().map(|x| x as u8).collect()),
    };
    Ok(Image { width, height, channels, frames: None, samples })
}

/// A pixel in colour, or grey, of samples of 8 bits, or of 16.
#[derive(Clone, Copy)]
struct Pixel {
    color: [u16; 3],
    alpha: u16,
}

impl Raw {
    /// Returns the number of a sample of a line.
    fn sample(&self, line: &[u8], i: usize) -> u16 {
        match self.bits {
            16 => u16::from_be_bytes([line[2 * i], line[2 * i + 1]]),
            8 => line[i].into(),
            bits => {
                let (bits, each) = (bits as usize, 8 / bits as usize);
                let shift = 8 - bits * (i % each + 1);
                (line[i / each] >> shift & ((1 << bits) - 1)).into()
            }
        }
    }

    fn pixel(&self, line: &[u8], x: usize) -> Result<Pixel, PredictError> {
        let most = if self.bits == 16 { u16::MAX } else { 255 };
        // What a pixel without transparency gets is the greatest of the file's own bits.
        let opaque = if self.bits == 16 { u16::MAX } else { (1 << self.bits) - 1 };
        let each = self.color.samples();
        let at = |k: usize| self.sample(line, x * each + k);
        let is_clear = |color: &[u16]| {
            let trns = self.transparent.as_deref()?;
            // The library keeps one byte of a sample where the file has no more.
            let is_same = match self.bits {
                16 => trns.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).eq(color.iter().copied()),
                _ => trns.iter().map(|&byte| u16::from(byte)).eq(color.iter().copied()),
            };
            Some(if is_same { 0 } else { most })
        };
        Ok(match self.color {
            ColorType::Grayscale => {
                let own = at(0);
                let grey = if self.bits < 8 { own * (255 / ((1 << self.bits) - 1)) } else { own };
                Pixel { color: [grey; 3], alpha: is_clear(&[own]).unwrap_or(opaque) }
            }
            ColorType::GrayscaleAlpha => Pixel { color: [at(0); 3], alpha: at(1) },
            ColorType::Rgb => {
                let color = [at(0), at(1), at(2)];
                Pixel { color, alpha: is_clear(&color).unwrap_or(opaque) }
            }
            ColorType::Rgba => Pixel { color: [at(0), at(1), at(2)], alpha: at(3) },
            ColorType::Indexed => {
                let place = usize::from(at(0));
                let color = self.palette.get(3 * place..3 * place + 3);
                let color = color.ok_or_else(|| broken("PNG", "a color is not in its palette"))?;
                let alpha = match &self.transparent {
                    Some(trns) => trns.get(place).copied().unwrap_or(u8::MAX).into(),
                    None => opaque,
                };
                Pixel { color: [color[0], color[1], color[2]].map(u16::from), alpha }
            }
        })
    }

    fn is_grey(&self) -> bool {
        matches!(self.color, ColorType::Grayscale | ColorType::GrayscaleAlpha)
    }
}

impl Steps {
    fn push(&self, mut pixel: Pixel, raw: &Raw, to: &mut Vec<u16>) {
        if self.channels < 3 && !raw.is_grey() {
            pixel.color = [grey(pixel.color, raw.bits == 16); 3];
        }
        let fit = |x: u16| match (raw.bits == 16, self.wide) {
            (true, false) => x >> 8,
            (false, true) => x * 257,
            _ => x,
        };
        let [red, green, blue] = pixel.color.map(fit);
        let alpha = fit(pixel.alpha);
        match self.channels {
            1 => to.push(red),
            2 => to.extend([red, alpha]),
            3 => to.extend([red, green, blue]),
            _ => to.extend([red, green, blue, alpha]),
        }
    }
}

/// Returns the grey of a colour: shares of red 0.299, green 0.587, in units of 1/32768.
fn grey([red, green, blue]: [u16; 3], wide: bool) -> u16 {
    const RED: u32 = 9797;
    const GREEN: u32 = 19234;
    const BLUE: u32 = 32768 - RED - GREEN;
    if red == green && red == blue {
        return red;
    }
    let sum = RED * u32::from(red) + GREEN * u32::from(green) + BLUE * u32::from(blue);
    // Eight bits are cut, sixteen are rounded, as libpng does.
    ((sum + if wide { 1 << 14 } else { 0 }) >> 15) as u16
}
