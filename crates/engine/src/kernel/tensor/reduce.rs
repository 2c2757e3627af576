//! Along axes: sums, means, extremes, running sums.

mod cumulate;

use model::{
    PredictError, Shape, Tensor,
    tensor::{Complex, Data, Element, RANK_MAX, bf16, f16},
};
use plan::tensor::{Fold, ReduceOp};

use super::{Args, Done, axis, layout::strided, refuse, refuse_type, shape, too_large};

/// An op of the family, ready to run.
pub(super) struct ReduceKernel(ReduceOp);

impl ReduceKernel {
    pub(super) fn new(op: &ReduceOp) -> ReduceKernel {
        ReduceKernel(op.clone())
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        let Some(mut out) = args.out(0) else { return Ok(()) };
        match &self.0 {
            ReduceOp::Reduce { fold, axes, keep, none_is_none } => {
                let x = args.get(0)?;
                let given = args.ints(1)?;
                let axes = given.as_deref().or(axes.as_deref()).unwrap_or_default();
                let axes = Axes::new(x.shape(), axes, *none_is_none)?;
                reduce(*fold, &x, &axes, *keep, &mut out)
            }
            ReduceOp::Cumulate { product, exclusive, reverse } => {
                let along = match args.ints(1)?.as_deref() {
                    Some([along]) => *along,
                    _ => return Err(refuse("one axis", "others")),
                };
                cumulate::run(&*args.get(0)?, along, *product, [*exclusive, *reverse], &mut out)
            }
        }
    }
}

/// Which axes are folded.
pub(super) struct Axes {
    folded: [bool; RANK_MAX],
}

impl Axes {
    /// Returns the axes given; all where there are none, unless none is meant.
    pub(super) fn new(of: &Shape, axes: &[i64], none_is_none: bool) -> Result<Axes, PredictError> {
        let mut folded = [axes.is_empty() && !none_is_none; RANK_MAX];
        for &at in axes {
            folded[axis(at, of.len())?] = true;
        }
        Ok(Axes { folded })
    }

    /// Returns whether, of so many, these are the last ones.
    fn are_last(&self, rank: usize) -> bool {
        self.folded[..rank].is_sorted()
    }
}

/// Folds integers; sums wrap around.
macro_rules! ints {
    ($ty:ty, $fold:expr, $x:expr, $axes:expr, $keep:expr, $out:expr) => {{
        let (fold, x, axes, keep, out) = ($fold, $x, $axes, $keep, $out);
        match fold {
            Fold::Sum => run::<$ty, $ty>(x, axes, keep, out, 0, |a, x| a.wrapping_add(x), |a, _| a),
            Fold::Prod => run::<$ty, $ty>(x, axes, keep, out, 1, |a, x| a.wrapping_mul(x), |a, _| a),
            Fold::Max => run::<$ty, $ty>(x, axes, keep, out, <$ty>::MIN, |a, x| a.max(x), |a, _| a),
            Fold::Min => run::<$ty, $ty>(x, axes, keep, out, <$ty>::MAX, |a, x| a.min(x), |a, _| a),
            Fold::Mean => run::<$ty, i128>(
                x,
                axes,
                keep,
                out,
                0,
                |a, x| a + i128::from(x),
                |a, n| (a / (n.max(1) as i128)) as $ty,
            ),
            // Roots and logarithms of integers are cut toward zero.
            Fold::L1 => run::<$ty, f64>(x, axes, keep, out, 0.0, |a, x| a + (x as f64).abs(), |a, _| a as $ty),
            Fold::L2 => run::<$ty, f64>(x, axes, keep, out, 0.0, |a, x| a + (x as f64).powi(2), |a, _| a.sqrt() as $ty),
            Fold::SumSquare => {
                run::<$ty, $ty>(x, axes, keep, out, 0, |a, x| a.wrapping_add(x.wrapping_mul(x)), |a, _| a)
            }
            Fold::LogSum => run::<$ty, f64>(x, axes, keep, out, 0.0, |a, x| a + x as f64, |a, _| libm::log(a) as $ty),
            Fold::LogSumExp => {
                run::<$ty, f64>(x, axes, keep, out, 0.0, |a, x| a + libm::exp(x as f64), |a, _| libm::log(a) as $ty)
            }
            Fold::All | Fold::Any => Err(refuse_type(x)),
        }
    }};
}

/// Folds floats in their own type, half precision in float32.
macro_rules! floats {
    ($ty:ty, $acc:ty, $to:expr, $of:expr, $log:path, $fold:expr, $x:expr, $axes:expr, $keep:expr, $out:expr) => {{
        let (fold, x, axes, keep, out) = ($fold, $x, $axes, $keep, $out);
        let (to, of) = ($to, $of);
        let add = |a: $acc, x: $ty| a + to(x);
        match fold {
            Fold::Sum => run::<$ty, $acc>(x, axes, keep, out, 0.0, add, |a, _| of(a)),
            Fold::Mean => run::<$ty, $acc>(x, axes, keep, out, 0.0, add, |a, n| of(a / n as $acc)),
            Fold::Prod => run::<$ty, $acc>(x, axes, keep, out, 1.0, |a, x| a * to(x), |a, _| of(a)),
            Fold::Max => {
                let max = |a: $acc, x: $ty| if to(x) > a || to(x).is_nan() { to(x) } else { a };
                run::<$ty, $acc>(x, axes, keep, out, <$acc>::NEG_INFINITY, max, |a, _| of(a))
            }
            Fold::Min => {
                let min = |a: $acc, x: $ty| if to(x) < a || to(x).is_nan() { to(x) } else { a };
                run::<$ty, $acc>(x, axes, keep, out, <$acc>::INFINITY, min, |a, _| of(a))
            }
            Fold::L1 => run::<$ty, $acc>(x, axes, keep, out, 0.0, |a, x| a + to(x).abs(), |a, _| of(a)),
            Fold::L2 => run::<$ty, $acc>(x, axes, keep, out, 0.0, |a, x| a + to(x) * to(x), |a, _| of(a.sqrt())),
            Fold::SumSquare => run::<$ty, $acc>(x, axes, keep, out, 0.0, |a, x| a + to(x) * to(x), |a, _| of(a)),
            Fold::LogSum => run::<$ty, $acc>(x, axes, keep, out, 0.0, add, |a, _| of($log(a))),
            Fold::LogSumExp => {
                let mut most = Tensor::default();
                reduce(Fold::Max, x, axes, true, &mut most)?;
                log_sum_exp::<$ty>(x, &most, axes, keep, out, |x| to(x).into(), |x: f64| of(x as $acc))
            }
            Fold::All | Fold::Any => Err(refuse_type(x)),
        }
    }};
}

/// Folds over these axes, which then are gone.
pub(super) fn fold(fold: Fold, x: &Tensor, axes: &[i64], out: &mut Tensor) -> Done {
    reduce(fold, x, &Axes::new(x.shape(), axes, true)?, false, out)
}

/// How elements of one type are folded: from a beginning, and what becomes of the fold of `n` of them.
fn reduce(fold: Fold, x: &Tensor, axes: &Axes, keep: bool, out: &mut Tensor) -> Done {
    match x.data() {
        Data::F32(_) => floats!(f32, f32, |x: f32| x, |x: f32| x, libm::logf, fold, x, axes, keep, out),
        Data::F64(_) => floats!(f64, f64, |x: f64| x, |x: f64| x, libm::log, fold, x, axes, keep, out),
        Data::F16(_) => floats!(f16, f32, f16::to_f32, f16::from_f32, libm::logf, fold, x, axes, keep, out),
        Data::BF16(_) => floats!(bf16, f32, bf16::to_f32, bf16::from_f32, libm::logf, fold, x, axes, keep, out),
        Data::I8(_) => ints!(i8, fold, x, axes, keep, out),
        Data::I16(_) => ints!(i16, fold, x, axes, keep, out),
        Data::I32(_) => ints!(i32, fold, x, axes, keep, out),
        Data::I64(_) => ints!(i64, fold, x, axes, keep, out),
        Data::U8(_) => ints!(u8, fold, x, axes, keep, out),
        Data::U16(_) => ints!(u16, fold, x, axes, keep, out),
        Data::U32(_) => ints!(u32, fold, x, axes, keep, out),
        Data::U64(_) => ints!(u64, fold, x, axes, keep, out),
        Data::Bool(_) => match fold {
            Fold::All | Fold::Min | Fold::Prod => run::<bool, bool>(x, axes, keep, out, true, |a, x| a && x, |a, _| a),
            Fold::Any | Fold::Max | Fold::Sum => run::<bool, bool>(x, axes, keep, out, false, |a, x| a || x, |a, _| a),
            _ => Err(refuse_type(x)),
        },
        Data::C64(_) => {
            let none = Complex { re: 0.0, im: 0.0 };
            let add = |a: Complex, x: Complex| Complex { re: a.re + x.re, im: a.im + x.im };
            let mean = |a: Complex, n: usize| Complex { re: a.re / n as f32, im: a.im / n as f32 };
            match fold {
                Fold::Sum => run::<Complex, Complex>(x, axes, keep, out, none, add, |a, _| a),
                Fold::Mean => run::<Complex, Complex>(x, axes, keep, out, none, add, mean),
                _ => Err(refuse_type(x)),
            }
        }
        Data::Bytes(_) => Err(refuse_type(x)),
    }
}

/// Returns the shape of the result, the same with the folded dimensions of length 1, and where a step along each axis of
/// the input leads in the result.
fn result(of: &Shape, axes: &Axes, keep: bool) -> Result<(Shape, [usize; RANK_MAX], usize), PredictError> {
    let mut dims = Vec::with_capacity(of.len());
    let mut steps = [0; RANK_MAX];
    let (mut step, mut count) = (1, 1);
    for i in (0..of.len()).rev() {
        if axes.folded[i] {
            count *= of[i];
        } else {
            steps[i] = step;
            step *= of[i];
        }
    }
    for (i, &dim) in of.iter().enumerate() {
        match (axes.folded[i], keep) {
            (false, _) => dims.push(dim),
            (true, true) => dims.push(1),
            (true, false) => {}
        }
    }
    Ok((shape(&dims)?, steps, count))
}

fn run<T: Element + Copy, A: Copy>(
    x: &Tensor,
    axes: &Axes,
    keep: bool,
    out: &mut Tensor,
    begin: A,
    add: impl Fn(A, T) -> A,
    end: impl Fn(A, usize) -> T,
) -> Done {
    let (to, steps, count) = result(x.shape(), axes, keep)?;
    let from = x.get::<T>().ok_or_else(|| refuse_type(x))?;
    let result = out.make::<T>(to).map_err(too_large)?;
    if count > 0 && axes.are_last(x.rank()) {
        rows(from, result, count, begin, add, end);
        return Ok(());
    }
    let mut sums = vec![begin; result.len()];
    strided(x.shape(), &steps, |begin, length, at, step| {
        let from = &from[begin..begin + length];
        if step == 0 {
            sums[at] = from.iter().fold(sums[at], |sum, &x| add(sum, x));
        } else {
            for (sum, &x) in sums[at..at + length].iter_mut().zip(from) {
                *sum = add(*sum, x);
            }
        }
    });
    result.iter_mut().zip(sums).for_each(|(to, sum)| *to = end(sum, count));
    Ok(())
}

/// Folds rows of `count` elements, some rows side by side, so that one fold need not wait for another's step.
pub(super) fn rows<T: Copy, A: Copy>(
    from: &[T],
    result: &mut [T],
    count: usize,
    begin: A,
    add: impl Fn(A, T) -> A,
    end: impl Fn(A, usize) -> T,
) {
    const SIDE: usize = 8;
    let (several, rest) = result.as_chunks_mut::<SIDE>();
    let (of_several, of_rest) = from.split_at(several.len() * SIDE * count);
    for (to, from) in several.iter_mut().zip(of_several.chunks_exact(SIDE * count)) {
        let rows: [&[T]; SIDE] = std::array::from_fn(|i| &from[i * count..][..count]);
        let mut folds = [begin; SIDE];
        #[expect(clippy::needless_range_loop, reason = "rows are walked side by side")]
        for k in 0..count {
            for i in 0..SIDE {
                folds[i] = add(folds[i], rows[i][k]);
            }
        }
        *to = folds.map(|fold| end(fold, count));
    }
    for (to, from) in rest.iter_mut().zip(of_rest.chunks_exact(count)) {
        *to = end(from.iter().fold(begin, |fold, &x| add(fold, x)), count);
    }
}

/// `max + log(sum(exp(x - max)))`, in float64.
fn log_sum_exp<T: Element + Copy>(
    x: &Tensor,
    most: &Tensor,
    axes: &Axes,
    keep: bool,
    out: &mut Tensor,
    to_f64: impl Fn(T) -> f64,
    of: impl Fn(f64) -> T,
) -> Done {
    let (to, steps, _) = result(x.shape(), axes, keep)?;
    let (Some(from), Some(most)) = (x.get::<T>(), most.get::<T>()) else { return Err(refuse_type(x)) };
    let base = |at: usize| {
        let most = to_f64(most[at]);
        if most.is_finite() { most } else { 0.0 }
    };
    let result = out.make::<T>(to).map_err(too_large)?;
    let mut sums = vec![0.0; result.len()];
    strided(x.shape(), &steps, |begin, length, at, step| {
        for i in 0..length {
            let place = at + i * step;
            sums[place] += libm::exp(to_f64(from[begin + i]) - base(place));
        }
    });
    for (at, (to, sum)) in result.iter_mut().zip(sums).enumerate() {
        *to = of(base(at) + libm::log(sum));
    }
    Ok(())
}
