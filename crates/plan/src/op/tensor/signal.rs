//! Signals: complex numbers, Fourier transforms, frequencies as the ear has them.
//!
//! Transforms are computed in float64 and rounded once: by halves while the length is even, by Bluestein's convolution where it
//! is no power of two. TensorFlow has complex numbers as a type; ONNX has them as a last dimension of two.

use model::{DType, Type};

use super::{Formal, Given, dtype};

/// Functions of complex numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComplexFn {
    Re,
    Im,
    Abs,
    /// `atan2(im, re)`
    Angle,
    Conj,
}

/// What goes into a transform, and what comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spectrum {
    /// Complex to complex.
    Full { inverse: bool },
    /// Real to the first half of the spectrum, and one.
    Half,
    /// The first half of a spectrum, and one, to real.
    HalfInverse,
}

/// Ops of the family.
#[derive(Clone, Debug, PartialEq)]
pub enum SignalOp {
    /// A function of each complex number; a real one counts as complex.
    Of(ComplexFn),
    /// Real and imaginary parts, float32, broadcast.
    Complex,
    /// Over the last `axes` (1 to 3) dimensions, of complex64 or float32. For the halves input 1 says the length of the real
    /// side in each: what is too long is cut, what is too short is filled up with zeros. An inverse divides by the length.
    Fft { spectrum: Spectrum, axes: usize },
    /// ONNX: the last dimension is 1 (real) or 2 (complex), the transform along `axis`, or input 2. Input 1 may say the length,
    /// cut or filled up to. `onesided` gives the first half and one; with `inverse` it takes them.
    Dft { inverse: bool, onesided: bool, axis: i64 },
    /// ONNX: frames of input 0 (batch, length, 1 or 2), each `step` (input 1) after the one before, times the window (input 2),
    /// of its length or of input 3, transformed.
    Stft { onesided: bool },
    /// ONNX: bins of frequency to mel bins. Inputs: mel bins, length of the transform, sample rate, lowest and highest
    /// frequency.
    Mel { dtype: DType },
}

impl SignalOp {
    pub fn name(&self) -> &'static str {
        match self {
            SignalOp::Of(_) => "of_complex",
            SignalOp::Complex => "complex",
            SignalOp::Fft { .. } => "fft",
            SignalOp::Dft { .. } => "dft",
            SignalOp::Stft { .. } => "stft",
            SignalOp::Mel { .. } => "mel_weights",
        }
    }

    pub(super) fn infer(&self, formal: &Formal<'_>) -> Given {
        let first = dtype(formal, 0);
        let real = first.filter(|dtype| matches!(dtype, DType::F16 | DType::BF16 | DType::F32 | DType::F64));
        match self {
            SignalOp::Of(of) => match first {
                Some(DType::C64) if *of == ComplexFn::Conj => Ok(vec![Type::scalar(DType::C64)]),
                Some(DType::C64) => Ok(vec![Type::F32]),
                Some(real @ (DType::F32 | DType::F64)) => Ok(vec![Type::scalar(real)]),
                _ => Err("a tensor of complex numbers"),
            },
            SignalOp::Complex if first == Some(DType::F32) && dtype(formal, 1) == first => {
                Ok(vec![Type::scalar(DType::C64)])
            }
            SignalOp::Complex => Err("two tensors of float32"),
            SignalOp::Fft { spectrum, .. } => match (spectrum, first) {
                (Spectrum::Full { .. }, Some(DType::C64)) | (Spectrum::Half, Some(DType::F32)) => {
                    Ok(vec![Type::scalar(DType::C64)])
                }
                (Spectrum::HalfInverse, Some(DType::C64)) => Ok(vec![Type::F32]),
                _ => Err("complex64, or float32 where the transform is of real numbers"),
            },
            SignalOp::Dft { .. } | SignalOp::Stft { .. } => {
                real.map(|dtype| vec![Type::scalar(dtype)]).ok_or("a tensor of floats")
            }
            SignalOp::Mel { dtype } => match first {
                Some(size) if size.is_int() => Ok(vec![Type::scalar(*dtype)]),
                _ => Err("a whole number"),
            },
        }
    }
}
