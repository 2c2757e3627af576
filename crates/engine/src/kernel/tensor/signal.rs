//! Signals: complex numbers, Fourier transforms, mel weights.

mod dft;
mod fft;
mod mel;

use model::{
    PredictError, Tensor,
    tensor::{Complex, Data},
};
use plan::tensor::{ComplexFn, SignalOp, Spectrum};

use super::{Args, Done, broadcast, ints, refuse, refuse_type, shape, too_large};

/// An op of the family, ready to run.
pub(super) struct SignalKernel(SignalOp);

/// A complex number as transforms compute on it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct C {
    re: f64,
    im: f64,
}

impl SignalKernel {
    pub(super) fn new(op: &SignalOp) -> SignalKernel {
        SignalKernel(op.clone())
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        let Some(out) = &mut args.out(0) else { return Ok(()) };
        let x = &*args.get(0)?;
        match &self.0 {
            SignalOp::Of(of) => apply(x, *of, out),
            SignalOp::Complex => complex(x, &*args.get(1)?, out),
            SignalOp::Fft { spectrum, axes } => {
                let lengths = match spectrum {
                    Spectrum::Full { .. } => None,
                    Spectrum::Half | Spectrum::HalfInverse => Some(ints(&*args.get(1)?)?),
                };
                transform(x, *spectrum, *axes, lengths.as_deref(), out)
            }
            SignalOp::Dft { inverse, onesided, axis } => {
                let length = one(args, 1)?;
                let axis = one(args, 2)?.unwrap_or(*axis);
                dft::dft(x, length, axis, (*inverse, *onesided), out)
            }
            SignalOp::Stft { onesided } => {
                let step = one(args, 1)?.ok_or_else(|| refuse("a step between frames", "nothing"))?;
                dft::stft(x, step, args.opt(2).as_deref(), one(args, 3)?, *onesided, out)
            }
            SignalOp::Mel { dtype } => {
                let int = |i: usize| one(args, i)?.ok_or_else(|| refuse("a whole number", "nothing"));
                let hertz = |i: usize| -> Result<f64, PredictError> {
                    let tensor = args.get(i)?;
                    let numbers = dft::reals(&tensor)?;
                    numbers.first().copied().ok_or_else(|| refuse("a frequency", "nothing"))
                };
                mel::mel([int(0)?, int(1)?, int(2)?], [hertz(3)?, hertz(4)?], *dtype, out)
            }
        }
    }
}

/// Returns the only number of an input, where it is there.
fn one(args: &Args<'_>, i: usize) -> Result<Option<i64>, PredictError> {
    match args.ints(i)?.as_deref() {
        None => Ok(None),
        Some([one]) => Ok(Some(*one)),
        Some(more) => Err(refuse("one whole number", format!("{} of them", more.len()))),
    }
}

fn apply(x: &Tensor, of: ComplexFn, out: &mut Tensor) -> Done {
    macro_rules! real {
        ($e:expr, $ty:ty, $atan2:path) => {{
            let to = out.make::<$ty>(*x.shape()).map_err(too_large)?;
            to.iter_mut().zip($e.iter()).for_each(|(to, &x)| {
                *to = match of {
                    ComplexFn::Re | ComplexFn::Conj => x,
                    ComplexFn::Im => 0.0,
                    ComplexFn::Abs => x.abs(),
                    ComplexFn::Angle => $atan2(0.0, x),
                }
            });
            Ok(())
        }};
    }
    let complex = match x.data() {
        Data::F32(e) => return real!(e, f32, libm::atan2f),
        Data::F64(e) => return real!(e, f64, libm::atan2),
        Data::C64(e) => e,
        _ => return Err(refuse_type(x)),
    };
    if of == ComplexFn::Conj {
        let to = out.make::<Complex>(*x.shape()).map_err(too_large)?;
        to.iter_mut().zip(complex.iter()).for_each(|(to, x)| *to = Complex { re: x.re, im: -x.im });
        return Ok(());
    }
    let to = out.make::<f32>(*x.shape()).map_err(too_large)?;
    to.iter_mut().zip(complex.iter()).for_each(|(to, x)| {
        *to = match of {
            ComplexFn::Re | ComplexFn::Conj => x.re,
            ComplexFn::Im => x.im,
            ComplexFn::Abs => libm::hypotf(x.re, x.im),
            ComplexFn::Angle => libm::atan2f(x.im, x.re),
        }
    });
    Ok(())
}

fn complex(re: &Tensor, im: &Tensor, out: &mut Tensor) -> Done {
    let to = broadcast::shape(re.shape(), im.shape())?;
    let (x, y) = (re.get::<f32>().ok_or_else(|| refuse_type(re))?, im.get::<f32>().ok_or_else(|| refuse_type(im))?);
    let result = out.make::<Complex>(to).map_err(too_large)?;
    broadcast::runs(&to, [re.shape(), im.shape()], |begin, length, [p, q]| {
        let at = |(begin, walks): (usize, bool), i: usize| begin + if walks { i } else { 0 };
        for (i, to) in result[begin..begin + length].iter_mut().enumerate() {
            *to = Complex { re: x[at(p, i)], im: y[at(q, i)] };
        }
    });
    Ok(())
}

/// Returns the elements as complex numbers.
fn numbers(x: &Tensor) -> Result<Vec<C>, PredictError> {
    Ok(match x.data() {
        Data::C64(e) => e.iter().map(|x| C { re: x.re.into(), im: x.im.into() }).collect(),
        Data::F32(e) => e.iter().map(|&x| C { re: x.into(), im: 0.0 }).collect(),
        _ => return Err(refuse_type(x)),
    })
}

/// Over the last axes.
fn transform(x: &Tensor, spectrum: Spectrum, axes: usize, lengths: Option<&[i64]>, out: &mut Tensor) -> Done {
    let rank = x.rank();
    if rank < axes {
        return Err(refuse(format!("a tensor of at least {axes} dimensions"), x.shape().to_string()));
    }
    let first = rank - axes;
    let mut dims = x.shape().to_vec();
    // What the real side has along the last axis.
    let mut length = dims.last().copied().unwrap_or(1);
    if let Some(lengths) = lengths {
        if lengths.len() != axes {
            return Err(refuse(format!("{axes} lengths"), lengths.len().to_string()));
        }
        for (dim, &length) in dims[first..].iter_mut().zip(lengths) {
            *dim = fft::length(length)?;
        }
        length = dims[rank - 1];
        if spectrum == Spectrum::HalfInverse {
            dims[rank - 1] = length / 2 + 1;
        }
    }
    let mut data = fft::fitted(&numbers(x)?, x.shape(), &shape(&dims)?)?;
    match spectrum {
        Spectrum::Full { inverse } => {
            (first..rank).try_for_each(|axis| fft::along(&mut data, &dims, axis, inverse))?;
        }
        Spectrum::Half => {
            (first..rank).rev().try_for_each(|axis| fft::along(&mut data, &dims, axis, false))?;
            data = fft::halved(&data, &mut dims, rank - 1);
        }
        Spectrum::HalfInverse => {
            (first..rank - 1).try_for_each(|axis| fft::along(&mut data, &dims, axis, true))?;
            data = fft::mirrored(&data, &mut dims, rank - 1, length)?;
            fft::along(&mut data, &dims, rank - 1, true)?;
        }
    }
    let of = shape(&dims)?;
    if spectrum == Spectrum::HalfInverse {
        let to = out.make::<f32>(of).map_err(too_large)?;
        to.iter_mut().zip(&data).for_each(|(to, x)| *to = x.re as f32);
    } else {
        let to = out.make::<Complex>(of).map_err(too_large)?;
        to.iter_mut().zip(&data).for_each(|(to, x)| *to = Complex { re: x.re as f32, im: x.im as f32 });
    }
    Ok(())
}
