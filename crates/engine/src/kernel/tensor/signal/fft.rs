//! The Fourier transform of any length in float64: by halves where it is a power of two, else by Bluestein's convolution, whose
//! lengths are such powers.

use std::f64::consts::PI;

use model::{PredictError, Shape};

use super::super::{Done, refuse, shape, too_large};
use super::C;

/// Longest transform.
const LENGTH_MAX: usize = 1 << 22;

impl C {
    fn times(self, by: C) -> C {
        C { re: self.re * by.re - self.im * by.im, im: self.re * by.im + self.im * by.re }
    }

    pub fn conj(self) -> C {
        C { re: self.re, im: -self.im }
    }
}

/// A transform of one length.
struct Transform {
    /// Of the power of two: `exp(-2 pi i k / size)` for its first half.
    turns: Vec<C>,
    chirp: Option<Chirp>,
}

/// Bluestein's factors.
struct Chirp {
    /// `exp(-pi i k^2 / length)`
    factors: Vec<C>,
    /// The transform of their conjugates, wrapped around.
    spectrum: Vec<C>,
}

fn turn(part: f64) -> C {
    let (im, re) = libm::sincos(-2.0 * PI * part);
    C { re, im }
}

impl Transform {
    fn new(length: usize) -> Transform {
        let size = if length.is_power_of_two() { length } else { (2 * length).next_power_of_two() };
        let turns: Vec<C> = (0..size / 2).map(|k| turn(k as f64 / size as f64)).collect();
        let mut transform = Transform { turns, chirp: None };
        if size == length {
            return transform;
        }
        let around = 2 * length as u64;
        let factors: Vec<C> = (0..length as u64).map(|k| turn((k * k % around) as f64 / around as f64)).collect();
        let mut spectrum = vec![C::default(); size];
        for (k, factor) in factors.iter().enumerate() {
            spectrum[k] = factor.conj();
            spectrum[(size - k) % size] = factor.conj();
        }
        transform.halves(&mut spectrum);
        transform.chirp = Some(Chirp { factors, spectrum });
        transform
    }

    /// Transforms as many numbers as a power of two.
    fn halves(&self, data: &mut [C]) {
        let size = data.len();
        let bits = size.trailing_zeros();
        for i in 0..size {
            let j = if bits == 0 { 0 } else { i.reverse_bits() >> (usize::BITS - bits) };
            if i < j {
                data.swap(i, j);
            }
        }
        let mut half = 1;
        while half < size {
            let step = size / (2 * half);
            for block in data.chunks_exact_mut(2 * half) {
                let (low, high) = block.split_at_mut(half);
                for (k, (a, b)) in low.iter_mut().zip(high).enumerate() {
                    let turned = b.times(self.turns[k * step]);
                    *b = C { re: a.re - turned.re, im: a.im - turned.im };
                    *a = C { re: a.re + turned.re, im: a.im + turned.im };
                }
            }
            half *= 2;
        }
    }

    fn run(&self, data: &mut [C], room: &mut Vec<C>) {
        let Some(chirp) = &self.chirp else { return self.halves(data) };
        let size = chirp.spectrum.len();
        room.clear();
        room.resize(size, C::default());
        for ((to, x), factor) in room.iter_mut().zip(data.iter()).zip(&chirp.factors) {
            *to = x.times(*factor);
        }
        self.halves(room);
        room.iter_mut().zip(&chirp.spectrum).for_each(|(x, by)| *x = x.times(*by).conj());
        self.halves(room);
        for ((to, x), factor) in data.iter_mut().zip(room.iter()).zip(&chirp.factors) {
            let x = C { re: x.re / size as f64, im: -x.im / size as f64 };
            *to = x.times(*factor);
        }
    }
}

/// Returns a length that a transform may have.
pub(super) fn length(length: i64) -> Result<usize, PredictError> {
    let fits = usize::try_from(length).ok().filter(|&length| length <= LENGTH_MAX);
    fits.ok_or_else(|| refuse(format!("a transform of 0 to {LENGTH_MAX} numbers"), length.to_string()))
}

/// Transforms along one axis; an inverse divides by the length.
pub(super) fn along(data: &mut [C], dims: &[usize], axis: usize, inverse: bool) -> Done {
    let count = length(dims[axis] as i64)?;
    if count == 0 || data.is_empty() {
        return Ok(());
    }
    let inner: usize = dims[axis + 1..].iter().product();
    let transform = Transform::new(count);
    let (mut line, mut room) = (vec![C::default(); count], Vec::new());
    for outer in data.chunks_exact_mut(count * inner) {
        for i in 0..inner {
            for (to, x) in line.iter_mut().zip(outer[i..].iter().step_by(inner)) {
                *to = if inverse { x.conj() } else { *x };
            }
            transform.run(&mut line, &mut room);
            for (x, to) in line.iter().zip(outer[i..].iter_mut().step_by(inner)) {
                *to = match inverse {
                    true => C { re: x.re / count as f64, im: -x.im / count as f64 },
                    false => *x,
                };
            }
        }
    }
    Ok(())
}

/// Returns the numbers in another shape of as many dimensions: each cut, or filled up with zeros.
pub(super) fn fitted(data: &[C], from: &Shape, to: &Shape) -> Result<Vec<C>, PredictError> {
    if from == to {
        return Ok(data.to_vec());
    }
    let size = std::mem::size_of::<C>();
    let elements = to.checked_elements().filter(|n| n.saturating_mul(size) <= 2 * model::tensor::TENSOR_BYTES_MAX);
    let elements = elements.ok_or_else(|| too_large(model::tensor::TensorError::Bytes(to.to_string())))?;
    let mut result = vec![C::default(); elements];
    let common = shape(&from.iter().zip(to.iter()).map(|(&a, &b)| a.min(b)).collect::<Vec<_>>())?;
    let place = |mut number: usize, of: &Shape| {
        let (mut at, mut stride) = (0, 1);
        for i in (0..of.len()).rev() {
            at += number % common[i] * stride;
            number /= common[i];
            stride *= of[i];
        }
        at
    };
    for i in 0..common.elements() {
        result[place(i, to)] = data[place(i, from)];
    }
    Ok(result)
}

/// Returns the first half, and one, along an axis.
pub(super) fn halved(data: &[C], dims: &mut [usize], axis: usize) -> Vec<C> {
    let count = dims[axis];
    let kept = if count == 0 { 0 } else { count / 2 + 1 };
    let inner: usize = dims[axis + 1..].iter().product();
    dims[axis] = kept;
    data.chunks_exact((count * inner).max(1)).flat_map(|outer| &outer[..kept * inner]).copied().collect()
}

/// Returns the whole spectrum of this length, of which there is the first half, and one.
pub(super) fn mirrored(data: &[C], dims: &mut [usize], axis: usize, length: usize) -> Result<Vec<C>, PredictError> {
    let (kept, inner) = (dims[axis], dims[axis + 1..].iter().product::<usize>());
    let outer: usize = dims[..axis].iter().product();
    dims[axis] = length;
    let elements = shape(dims)?.checked_elements().filter(|n| n.saturating_mul(8) <= model::tensor::TENSOR_BYTES_MAX);
    let elements = elements.ok_or_else(|| too_large(model::tensor::TensorError::Bytes(format!("{dims:?}"))))?;
    let mut result = Vec::with_capacity(elements);
    for o in 0..outer {
        for k in 0..length {
            for i in 0..inner {
                let at = |k: usize| data.get((o * kept + k) * inner + i).copied().unwrap_or_default();
                result.push(if k < kept { at(k) } else { at(length - k).conj() });
            }
        }
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transforms_are_those_of_the_definition() {
        for count in [1usize, 2, 3, 5, 8, 12, 17, 64, 100] {
            let data: Vec<C> = (0..count)
                .map(|i| C { re: ((i * 7 + 3) % 11) as f64 - 5.0, im: ((i * 5 + 1) % 7) as f64 - 3.0 })
                .collect();
            let mut found = data.clone();
            along(&mut found, &[count], 0, false).expect("a short transform");
            for (k, found) in found.iter().enumerate() {
                let expected = data.iter().enumerate().fold(C::default(), |sum, (i, x)| {
                    let term = x.times(turn((i * k % count) as f64 / count as f64));
                    C { re: sum.re + term.re, im: sum.im + term.im }
                });
                let close = (expected.re - found.re).abs() + (expected.im - found.im).abs() < 1e-11;
                assert!(close, "{count}, {k}: {expected:?} {found:?}");
            }
            along(&mut found, &[count], 0, true).expect("a short transform");
            for (x, found) in data.iter().zip(&found) {
                assert!((x.re - found.re).abs() + (x.im - found.im).abs() < 1e-11, "{count}");
            }
        }
    }
}
