//! Pooling: for each place of the result, the elements of its window that lie within the input are found once, and then taken
//! of every channel. Planes, which most are, have loops of their own ([`super::plane`]).

use plan::tensor::conv::{Pool, Window};

use super::{Args, Axis, Data, Done, PredictError, Tensor, axes, each_place, elements, make, narrow, numbers, refuse};
use super::{by_float, plane::Plane, refuse_type, sizes, split, widened};
use crate::kernel::tensor::{float::Float, reduce};

/// A tensor seen as windows over its places.
struct Windows {
    axes: Vec<Axis>,
    batch: usize,
    channels: usize,
    last: bool,
    places_in: usize,
}

/// The elements of a window: how far in a plane each is, and how many count for a mean.
#[derive(Default)]
struct Taken {
    from: Vec<usize>,
    count: usize,
}

pub(super) fn run(args: &Args<'_>, kind: &Pool, kernel: &[i64], window: &Window, ceil: bool, last: bool) -> Done {
    let given = args.get(0)?;
    let (batch, channels, spatial) = split(given.shape(), last)?;
    let kernel = if kernel.is_empty() {
        spatial.iter().map(|&dim| dim.max(1)).collect()
    } else {
        numbers("elements of a window", kernel, spatial.len(), 1)?.iter().map(|&n| n as usize).collect::<Vec<_>>()
    };
    let windows = Windows {
        axes: axes(window, spatial, &kernel, ceil)?,
        batch,
        channels,
        last,
        places_in: spatial.iter().product(),
    };
    match kind {
        Pool::Max { column_major, in_batch } => {
            macro_rules! integers {
                ($ty:ty) => {
                    windows.greatest::<$ty>(args, &given, <$ty>::MIN, |most, x| x > most, *column_major, *in_batch)
                };
            }
            match given.data() {
                Data::I8(_) => integers!(i8),
                Data::U8(_) => integers!(u8),
                Data::I16(_) => integers!(i16),
                Data::U16(_) => integers!(u16),
                Data::I32(_) => integers!(i32),
                Data::I64(_) => integers!(i64),
                _ => {
                    let x = widened(&given);
                    by_float!(x, T => {
                        // The first NaN stays. Without a branch, so that many are compared at once.
                        let above = |most: T, x: T| (x > most) | (Float::is_nan(x) & !Float::is_nan(most));
                        windows.greatest::<T>(args, &x, T::NEG_INFINITY, above, *column_major, *in_batch)
                    })?;
                    args.out(0).map_or(Ok(()), |mut out| narrow(&mut out, given.dtype()))
                }
            }
        }
        Pool::Average { .. } | Pool::Lp { .. } => {
            let Some(mut out) = args.out(0) else { return Ok(()) };
            let x = widened(&given);
            by_float!(x, T => match kind {
                Pool::Average { include_pad } => {
                    windows.folded::<T>(&x, *include_pad, &mut out, true, |sum, x| sum + x, |sum, n| sum / T::from_f64(n as f64))
                }
                Pool::Lp { p } if *p == 2.0 => {
                    windows.folded::<T>(&x, false, &mut out, true, |sum, x| sum + x * x, |sum, _| Float::sqrt(sum))
                }
                Pool::Lp { p } => {
                    let p = T::from_f64((*p).into());
                    let add = |sum: T, x: T| sum + Float::powf(Float::abs(x), p);
                    // Zero to a power may be one.
                    windows.folded::<T>(&x, false, &mut out, false, add, |sum, _| Float::powf(sum, T::ONE / p))
                }
                Pool::Max { .. } => Err(refuse_type(&x)),
            })?;
            narrow(&mut out, given.dtype())
        }
    }
}

// === impl Windows ===

impl Windows {
    fn result(&self) -> Result<model::Shape, PredictError> {
        super::result(&self.axes, self.batch, self.channels, self.last)
    }

    /// Returns the elements of a channel where channels come first and one window takes all of them, nothing else.
    fn whole(&self) -> Option<usize> {
        let is_all = |axis: &Axis| axis.output == 1 && axis.inside(0, 0, axis.input as i64).len() == axis.input;
        let is_whole = |axis: &Axis| is_all(axis) && axis.before == 0 && axis.after >= 0 && axis.kernel == axis.input;
        (!self.last && self.places_in > 0 && self.axes.iter().all(is_whole)).then_some(self.places_in)
    }

    /// Returns the pooling over a plane, where it is one; its loops count the elements of a row of the window.
    fn plane(&self) -> Option<Plane> {
        let axes = super::plane(&self.axes).filter(|[_, x]| x.kernel <= 1 << 12)?;
        Some(Plane { axes, batch: self.batch, channels: self.channels, last: self.last })
    }

    /// Calls the function with each place of the result and the window there.
    fn each(&self, include_pad: bool, mut work: impl FnMut(usize, &Taken)) {
        let dims: Vec<usize> = self.axes.iter().map(|axis| axis.output).collect();
        let mut taken = Taken::default();
        let mut ranges = Vec::with_capacity(dims.len());
        let mut sizes = Vec::with_capacity(dims.len());
        each_place(&dims, |place, at| {
            taken.from.clear();
            taken.count = 1;
            ranges.clear();
            for (axis, &at) in self.axes.iter().zip(at) {
                let inside = axis.inside(at, 0, axis.input as i64);
                let counted = axis.inside(at, -axis.before, axis.input as i64 + axis.after).len();
                taken.count *= if include_pad { counted } else { inside.len() };
                ranges.push(inside);
            }
            sizes.clear();
            sizes.extend(ranges.iter().map(|range| range.len()));
            each_place(&sizes, |_, k| {
                let axes = self.axes.iter().zip(at).zip(k.iter().zip(&ranges));
                let from = axes.fold(0, |from, ((axis, &at), (k, range))| {
                    from * axis.input + axis.place(at, range.start + k) as usize
                });
                taken.from.push(from);
            });
            work(place, &taken);
        });
    }

    fn folded<T: Float>(
        &self,
        x: &Tensor,
        include_pad: bool,
        out: &mut Tensor,
        is_neutral: bool,
        add: impl Fn(T, T) -> T,
        end: impl Fn(T, usize) -> T,
    ) -> Done {
        let from = elements::<T>(x)?;
        let result = make::<T>(out, self.result()?)?;
        if result.is_empty() {
            return Ok(());
        }
        if let Some(count) = self.whole() {
            reduce::rows(from, result, count, T::ZERO, add, end);
            return Ok(());
        }
        let places: usize = self.axes.iter().map(|axis| axis.output).product();
        if let Some(plane) = self.plane() {
            plane.fold(from, result, T::ZERO, is_neutral, add);
            plane.end(result, include_pad, end);
            return Ok(());
        }
        self.each(include_pad, |place, taken| {
            if !self.last {
                let rows = result.chunks_exact_mut(places).zip(from.chunks(self.places_in.max(1)));
                for (to, from) in rows {
                    let sum = taken.from.iter().fold(T::ZERO, |sum, &at| add(sum, from[at]));
                    to[place] = end(sum, taken.count);
                }
                return;
            }
            for batch in 0..self.batch {
                let to = &mut result[(batch * places + place) * self.channels..][..self.channels];
                to.fill(T::ZERO);
                for &at in &taken.from {
                    let from = &from[(batch * self.places_in + at) * self.channels..][..self.channels];
                    to.iter_mut().zip(from).for_each(|(to, &x)| *to = add(*to, x));
                }
                to.iter_mut().for_each(|to| *to = end(*to, taken.count));
            }
        });
        Ok(())
    }

    fn greatest<T: model::tensor::Element + Copy>(
        &self,
        args: &Args<'_>,
        x: &Tensor,
        least: T,
        above: impl Fn(T, T) -> bool,
        column_major: bool,
        in_batch: bool,
    ) -> Done {
        let from = elements::<T>(x)?;
        let of = self.result()?;
        let (mut out, mut stood) = (args.out(0), args.out(1));
        let mut result = out.as_deref_mut().map(|out| make::<T>(out, of)).transpose()?;
        let mut stood = stood.as_deref_mut().map(|out| make::<i64>(out, of)).transpose()?;
        let places: usize = self.axes.iter().map(|axis| axis.output).product();
        if of.contains(&0) {
            return Ok(());
        }
        let greater = |most, x| if above(most, x) { x } else { most };
        if let (Some(count), Some(result), None) = (self.whole(), &mut result, &stood) {
            reduce::rows(from, result, count, least, greater, |most, _| most);
            return Ok(());
        }
        if let (Some(plane), Some(result), None) = (self.plane(), &mut result, &stood) {
            plane.fold(from, result, least, true, greater);
            return Ok(());
        }
        let (step, row) = if self.last { (self.channels, 1) } else { (1, self.places_in) };
        self.each(false, |place, taken| {
            for i in 0..self.batch * self.channels {
                let (batch, channel) = (i / self.channels, i % self.channels);
                let begin = if self.last { batch * self.places_in * self.channels + channel * row } else { i * row };
                let (mut most, mut best) = (least, None);
                for &at in &taken.from {
                    let x = from[begin + at * step];
                    if best.is_none() || above(most, x) {
                        (most, best) = (x, Some(at));
                    }
                }
                let to =
                    if self.last { (batch * places + place) * self.channels + channel } else { i * places + place };
                if let Some(result) = &mut result {
                    result[to] = most;
                }
                if let Some(stood) = &mut stood {
                    let at = best.map_or(0, |at| if column_major { self.turned(at) } else { at });
                    let example = if in_batch { 0 } else { batch * self.places_in * self.channels };
                    stood[to] = (begin + at * step - example) as i64;
                }
            }
        });
        Ok(())
    }

    /// Returns where a place stands when the first dimension is the fastest.
    fn turned(&self, mut place: usize) -> usize {
        let mut at = 0;
        let mut size: usize = self.places_in;
        for axis in self.axes.iter().rev() {
            size /= axis.input;
            at += place % axis.input * size;
            place /= axis.input;
        }
        at
    }
}

/// Returns the sizes that an input or an attribute names.
pub(super) fn window_of(given: &[i64]) -> Result<Vec<usize>, PredictError> {
    let window = sizes("the sizes of a window", given)?;
    if window.contains(&0) { Err(refuse("a window of 1 element at least", "0")) } else { Ok(window) }
}
