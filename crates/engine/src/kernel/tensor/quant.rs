//! Numbers as small integers, and back.

use model::{
    DType, PredictError, Tensor,
    tensor::{Element, RANK_MAX, bf16, f16},
};
use plan::tensor::{Narrow, QuantOp, quant::Quantum};

use super::{
    Args, Done, axis,
    learn::{Num, each_number},
    refuse, refuse_type, too_large,
};

/// An op of the family, ready to run.
pub(super) struct QuantKernel(QuantOp);

impl QuantKernel {
    pub(super) fn new(op: &QuantOp) -> QuantKernel {
        QuantKernel(op.clone())
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        args.call.check()?;
        let Some(mut out) = args.out(0) else { return Ok(()) };
        let x = args.get(0)?;
        match &self.0 {
            QuantOp::Quantize { axis, block, by, to } => {
                let steps = Steps::new(&x, &*args.get(1)?, args.opt(2).as_deref(), *axis, *block)?;
                quantize(&x, &steps, *by, *to, &mut out)
            }
            QuantOp::Narrow { to, saturate } => narrow(&x, *to, *saturate, &mut out),
            QuantOp::Dequantize { axis, block, to } => {
                let steps = Steps::new(&x, &*args.get(1)?, args.opt(2).as_deref(), *axis, *block)?;
                dequantize(&x, &steps, *to, &mut out)
            }
            QuantOp::Fake { steps, by_channel } => {
                fake(&x, &*args.get(1)?, &*args.get(2)?, *steps, *by_channel, &mut out)
            }
        }
    }
}

/// Scales and zero points, and where those of an element lie.
struct Steps {
    scales: Vec<f64>,
    zeros: Vec<i64>,
    outer: usize,
    length: usize,
    inner: usize,
    /// How many entries of the axis have one scale.
    block: usize,
    /// How many scales stand along the axis; 1 where one is for all.
    along: usize,
    /// Whether each of the entries of other axes has its own.
    is_blocked: bool,
}

impl Steps {
    fn new(x: &Tensor, scale: &Tensor, zero: Option<&Tensor>, along: i64, block: usize) -> Result<Steps, PredictError> {
        let scales: Vec<f64> = each_number!(scale, e => Ok(e.iter().map(|x| x.f64()).collect()))?;
        let zeros: Vec<i64> = match zero {
            Some(zero) => each_number!(zero, e => Ok(e.iter().map(|x| x.i64()).collect()))?,
            None => vec![0; scales.len()],
        };
        if scales.len() != zeros.len() {
            return Err(refuse(format!("{} zero points", scales.len()), zeros.len().to_string()));
        }
        if scales.len() == 1 {
            let all = x.len();
            let (outer, length) = (1, all);
            return Ok(Steps {
                scales,
                zeros,
                outer,
                length,
                inner: 1,
                block: all.max(1),
                along: 1,
                is_blocked: false,
            });
        }
        let at = axis(along, x.rank())?;
        let length = x.shape()[at];
        let wrong = || refuse(format!("scales for {} along axis {at}", x.shape()), scale.shape().to_string());
        let is_blocked = block > 0;
        let (block, count) = if is_blocked { (block, length.div_ceil(block)) } else { (1, length) };
        let fits = match is_blocked {
            true => scale.rank() == x.rank() && *scale.shape() == x.shape().with(at, count),
            false => scale.rank() == 1 && scale.len() == length,
        };
        if !fits || at >= RANK_MAX {
            return Err(wrong());
        }
        Ok(Steps {
            scales,
            zeros,
            outer: x.shape()[..at].iter().product(),
            length,
            inner: x.shape()[at + 1..].iter().product(),
            block,
            along: count,
            is_blocked,
        })
    }

    /// Calls `each` with every element's place, its scale and its zero point.
    fn each(&self, mut each: impl FnMut(usize, f64, i64)) {
        let mut at = 0;
        for o in 0..self.outer {
            for l in 0..self.length {
                for i in 0..self.inner {
                    let step = match self.is_blocked {
                        true => (o * self.along + l / self.block) * self.inner + i,
                        false => l / self.block,
                    };
                    each(at, self.scales[step], self.zeros[step]);
                    at += 1;
                }
            }
        }
    }
}

/// Returns the quotient, computed in a type.
fn quotient(x: f64, scale: f64, by: DType) -> f64 {
    match by {
        DType::F64 => x / scale,
        DType::F16 => f16::from_f32(x as f32 / scale as f32).to_f64(),
        DType::BF16 => bf16::from_f32(x as f32 / scale as f32).to_f64(),
        _ => f64::from(x as f32 / scale as f32),
    }
}

fn quantize(x: &Tensor, steps: &Steps, by: DType, to: Quantum, out: &mut Tensor) -> Done {
    fn of<T: Element>(x: &Tensor, steps: &Steps, by: DType, out: &mut Tensor, wrap: impl Fn(f64, i64) -> T) -> Done {
        let to = out.make::<T>(*x.shape()).map_err(too_large)?;
        each_number!(x, e => {
            steps.each(|at, scale, zero| to[at] = wrap(quotient(e[at].f64(), scale, by), zero));
            Ok(())
        })
    }
    let (to, (low, high)) = match to {
        Quantum::Int { to, range } => (to, range),
        Quantum::Float { to, saturate } => {
            return of(x, steps, by, out, |quotient, _| to.round(quotient, saturate) as f32);
        }
    };
    let within = |quotient: f64, zero: i64| {
        // A NaN becomes 0, and what is beyond all ranges stays so.
        let steps = (quotient.round_ties_even() as i64).clamp(-(1 << 40), 1 << 40);
        (steps + zero.clamp(-(1 << 40), 1 << 40)).clamp(low.into(), high.into())
    };
    match to {
        DType::I8 => of(x, steps, by, out, |x, zero| within(x, zero) as i8),
        DType::U8 => of(x, steps, by, out, |x, zero| within(x, zero) as u8),
        DType::I16 => of(x, steps, by, out, |x, zero| within(x, zero) as i16),
        DType::U16 => of(x, steps, by, out, |x, zero| within(x, zero) as u16),
        DType::I32 => of(x, steps, by, out, |x, zero| within(x, zero) as i32),
        _ => Err(refuse_type(x)),
    }
}

fn narrow(x: &Tensor, to: Narrow, saturate: bool, out: &mut Tensor) -> Done {
    fn of<T: Element>(x: &Tensor, out: &mut Tensor, wrap: impl Fn(f64) -> T) -> Done {
        let to = out.make::<T>(*x.shape()).map_err(too_large)?;
        if let Some(truths) = x.get::<bool>() {
            to.iter_mut().zip(truths).for_each(|(to, x)| *to = wrap(f64::from(u8::from(*x))));
            return Ok(());
        }
        each_number!(x, e => {
            to.iter_mut().zip(e.iter()).for_each(|(to, x)| *to = wrap(x.f64()));
            Ok(())
        })
    }
    match to.held_by() {
        DType::I8 => of(x, out, |x| to.round(x, saturate) as i8),
        DType::U8 => of(x, out, |x| to.round(x, saturate) as u8),
        _ => of(x, out, |x| to.round(x, saturate) as f32),
    }
}

fn dequantize(x: &Tensor, steps: &Steps, to: DType, out: &mut Tensor) -> Done {
    fn of<T: Element>(x: &Tensor, steps: &Steps, out: &mut Tensor, wrap: impl Fn(f32) -> T) -> Done {
        let to = out.make::<T>(*x.shape()).map_err(too_large)?;
        if let Some(e) = x.get::<f32>() {
            steps.each(|at, scale, _| to[at] = wrap(e[at] * scale as f32));
            return Ok(());
        }
        each_number!(x, e => {
            steps.each(|at, scale, zero| {
                let difference = e[at].i64().saturating_sub(zero);
                to[at] = wrap(difference as f32 * scale as f32);
            });
            Ok(())
        })
    }
    match to {
        DType::F32 => of(x, steps, out, |x| x),
        DType::F16 => of(x, steps, out, f16::from_f32),
        DType::BF16 => of(x, steps, out, bf16::from_f32),
        DType::F64 => of(x, steps, out, f64::from),
        _ => Err(refuse_type(x)),
    }
}

/// The range of steps, moved so that 0 is one of them.
struct Nudged {
    low: f32,
    high: f32,
    scale: f32,
    inverse: f32,
}

impl Nudged {
    fn new(low: f32, high: f32, steps: u32) -> Nudged {
        // The least step is 1 where the range is narrow; what counts here is how many there are.
        let count = steps as f32;
        let scale = (high - low) / count;
        let zero = -low / scale;
        let nudged = match zero {
            zero if zero <= 0.0 => 0.0,
            zero if zero >= count => count,
            zero => (zero + 0.5).floor(),
        };
        Nudged { low: -nudged * scale, high: (count - nudged) * scale, scale, inverse: 1.0 / scale }
    }

    fn of(&self, x: f32) -> f32 {
        let clamped = if x < self.low {
            self.low
        } else if x > self.high {
            self.high
        } else {
            x
        };
        ((clamped - self.low) * self.inverse + 0.5).floor() * self.scale + self.low
    }
}

fn fake(x: &Tensor, low: &Tensor, high: &Tensor, steps: u32, by_channel: bool, out: &mut Tensor) -> Done {
    let bounds = |bound: &Tensor| bound.get::<f32>().map(<[f32]>::to_vec).ok_or_else(|| refuse_type(bound));
    let (lows, highs) = (bounds(low)?, bounds(high)?);
    let channels = if by_channel { x.shape().last().copied().unwrap_or(0) } else { 1 };
    if lows.len() != channels || highs.len() != channels {
        return Err(refuse(format!("{channels} bounds"), low.shape().to_string()));
    }
    let nudged: Vec<Nudged> = lows.iter().zip(&highs).map(|(low, high)| Nudged::new(*low, *high, steps)).collect();
    let zero = |i: usize| lows[i] == 0.0 && highs[i] == 0.0;
    let from = x.get::<f32>().ok_or_else(|| refuse_type(x))?;
    let to = out.make::<f32>(*x.shape()).map_err(too_large)?;
    for (at, (to, x)) in to.iter_mut().zip(from).enumerate() {
        let channel = at % channels.max(1);
        *to = if zero(channel) { 0.0 } else { nudged[channel].of(*x) };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_rounded_to_even_and_kept_within() {
        let x = Tensor::vector(vec![0.0_f32, 1.0, 3.0, 1000.0, -1000.0, f32::NAN]);
        let steps = Steps::new(&x, &Tensor::scalar(2.0_f32), Some(&Tensor::scalar(128_u8)), 1, 0).unwrap();
        let mut out = Tensor::default();
        let to = Quantum::Int { to: DType::U8, range: (0, 255) };
        quantize(&x, &steps, DType::F32, to, &mut out).unwrap();
        assert_eq!(out, Tensor::vector(vec![128_u8, 128, 130, 255, 0, 128]));
    }

    #[test]
    fn blocks_have_scales_of_their_own() {
        let x = Tensor::new(&[2, 3], vec![10_i8, 10, 10, 20, 20, 20]).unwrap();
        let scale = Tensor::new(&[2, 2], vec![1.0_f32, 2.0, 3.0, 4.0]).unwrap();
        let steps = Steps::new(&x, &scale, None, 1, 2).unwrap();
        let mut out = Tensor::default();
        dequantize(&x, &steps, DType::F32, &mut out).unwrap();
        assert_eq!(out, Tensor::new(&[2, 3], vec![10.0_f32, 10.0, 20.0, 60.0, 60.0, 80.0]).unwrap());
        let by_axis = Steps::new(&x, &Tensor::vector(vec![1.0_f32, 2.0]), None, 0, 0).unwrap();
        dequantize(&x, &by_axis, DType::F32, &mut out).unwrap();
        assert_eq!(out.get::<f32>(), Some(&[10.0, 10.0, 10.0, 40.0, 40.0, 40.0][..]));
        assert!(Steps::new(&x, &scale, None, 0, 2).is_err());
    }

    #[test]
    fn zero_is_a_step() {
        // TensorFlow's test of 8 bits: [-0.1, 63.65] becomes [0, 63.75].
        let nudged = Nudged::new(-0.1, 63.65, 255);
        let got = [-0.1, 0.0, 0.25, 63.75, 63.8].map(|x| nudged.of(x));
        assert_eq!(got, [0.0, 0.0, 0.25, 63.75, 63.75]);
    }
}
