//! Complex numbers and Fourier transforms.

use model::DType;
use plan::tensor::{
    SignalOp,
    signal::{ComplexFn, Spectrum},
};

use super::{At, Lower, Row, Slots, row};

/// Returns the row of a function of complex numbers.
macro_rules! of {
    ($name:literal, $of:expr) => {
        row($name, |lower, at| any(lower, at, SignalOp::Of($of)))
    };
}

/// Returns the row of a transform over so many axes.
macro_rules! fft {
    ($name:literal, $spectrum:expr, $axes:literal) => {
        row($name, |lower, at| any(lower, at, SignalOp::Fft { spectrum: $spectrum, axes: $axes }))
    };
}

pub(super) const ROWS: &[Row] = &[
    of!("ComplexAbs", ComplexFn::Abs),
    of!("Real", ComplexFn::Re),
    of!("Imag", ComplexFn::Im),
    of!("Angle", ComplexFn::Angle),
    of!("Conj", ComplexFn::Conj),
    row("Complex", |lower, at| {
        // Of two float64 it would be complex128, which is refused by name.
        at.dtype("Tout", DType::C64)?;
        any(lower, at, SignalOp::Complex)
    }),
    fft!("FFT", Spectrum::Full { inverse: false }, 1),
    fft!("FFT2D", Spectrum::Full { inverse: false }, 2),
    fft!("IFFT", Spectrum::Full { inverse: true }, 1),
    fft!("RFFT", Spectrum::Half, 1),
    fft!("RFFT2D", Spectrum::Half, 2),
    fft!("IRFFT", Spectrum::HalfInverse, 1),
    fft!("FFT3D", Spectrum::Full { inverse: false }, 3),
    fft!("IFFT2D", Spectrum::Full { inverse: true }, 2),
    fft!("IFFT3D", Spectrum::Full { inverse: true }, 3),
    fft!("RFFT3D", Spectrum::Half, 3),
    fft!("IRFFT2D", Spectrum::HalfInverse, 2),
    fft!("IRFFT3D", Spectrum::HalfInverse, 3),
];

fn any(lower: &mut Lower<'_, '_>, at: &At<'_, '_>, op: SignalOp) -> Slots {
    at.arg(0)?;
    lower.add(at, op, &at.inputs).map(|slot| vec![slot])
}
