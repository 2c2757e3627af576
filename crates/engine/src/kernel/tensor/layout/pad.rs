//! Results whose axes are each a walk over an axis of the input: paddings, rolls, repetitions.

use model::{PredictError, Shape, Tensor, each_element, tensor::Element};
use plan::tensor::PadMode;

use super::{Done, RANK_MAX, View, axis, refuse, refuse_type, shape, too_large};

/// How an axis of the result walks over one of the input: `before` entries outside, `length` inside from `first` on, and the
/// rest outside.
#[derive(Clone, Copy)]
struct Walk {
    mode: PadMode,
    before: usize,
    first: usize,
    length: usize,
}

impl Walk {
    /// Returns the entry of the input that stands at one of the result; `None` for the padding's element.
    fn at(&self, i: usize) -> Option<usize> {
        let n = self.length;
        if (self.before..self.before + n).contains(&i) {
            return Some(self.first + i - self.before);
        }
        let at = i as isize - self.before as isize;
        let wrapped = |period: usize| at.rem_euclid(period as isize) as usize;
        let inside = match self.mode {
            PadMode::Constant => return None,
            PadMode::Edge => at.clamp(0, n as isize - 1) as usize,
            PadMode::Wrap => wrapped(n),
            PadMode::Reflect if n == 1 => 0,
            PadMode::Reflect => match wrapped(2 * n - 2) {
                at if at < n => at,
                at => 2 * n - 2 - at,
            },
            PadMode::Symmetric => match wrapped(2 * n) {
                at if at < n => at,
                at => 2 * n - 1 - at,
            },
        };
        Some(self.first + inside)
    }
}

/// Pads by numbers that are, or become, a pair an axis.
pub(super) fn pad(
    x: &Tensor,
    mode: PadMode,
    pairs: bool,
    pads: &[i64],
    value: Option<&Tensor>,
    axes: Option<&[i64]>,
    out: &mut Tensor,
) -> Done {
    let rank = x.rank();
    let count = axes.map_or(rank, <[i64]>::len);
    if Some(pads.len()) != count.checked_mul(2) {
        return Err(refuse(format!("two numbers for each of {count} axes"), format!("{} numbers", pads.len())));
    }
    let mut sides = [[0; 2]; RANK_MAX];
    let mut seen = [false; RANK_MAX];
    for i in 0..count {
        let at = axes.map_or(Ok(i), |axes| axis(axes[i], rank))?;
        if std::mem::replace(&mut seen[at], true) {
            return Err(refuse("each axis once", format!("axis {at} again")));
        }
        sides[at] = if pairs { [pads[2 * i], pads[2 * i + 1]] } else { [pads[i], pads[count + i]] };
        // TensorFlow mirrors once.
        let limit = match mode {
            PadMode::Reflect => (x.shape()[at] as i64 - 1).max(0),
            PadMode::Symmetric => x.shape()[at] as i64,
            _ => i64::MAX,
        };
        if pairs && sides[at].iter().any(|n| !(0..=limit).contains(n)) {
            return Err(refuse(format!("paddings from 0 to {limit} of axis {at}"), format!("{:?}", sides[at])));
        }
    }
    padded(x, mode, &sides, value, out)
}

/// Pads axis by axis; negative numbers cut off.
pub(super) fn padded(
    x: &Tensor,
    mode: PadMode,
    sides: &[[i64; 2]; RANK_MAX],
    value: Option<&Tensor>,
    out: &mut Tensor,
) -> Done {
    let mut to = *x.shape();
    let mut walks = [Walk { mode, before: 0, first: 0, length: 0 }; RANK_MAX];
    for (at, &dim) in x.shape().iter().enumerate() {
        let [before, after] = sides[at];
        let wrong = || refuse(format!("paddings of an axis of length {dim}"), format!("{before} and {after}"));
        let (cut, cut_after) = ((-before.clamp(-i64::MAX, 0)) as usize, (-after.clamp(-i64::MAX, 0)) as usize);
        let length = dim.checked_sub(cut).and_then(|left| left.checked_sub(cut_after)).ok_or_else(wrong)?;
        let (before, after) = (before.max(0) as usize, after.max(0) as usize);
        if length == 0 && mode != PadMode::Constant && before + after > 0 {
            return Err(refuse(format!("entries of axis {at} to pad with"), "none"));
        }
        walks[at] = Walk { mode, before, first: cut, length };
        to = to.with(at, length.checked_add(before).and_then(|n| n.checked_add(after)).ok_or_else(wrong)?);
    }
    walked(x, &walks[..x.rank()], to, value, out)
}

pub(super) fn center(x: &Tensor, lengths: &[i64], axes: Option<&[i64]>, out: &mut Tensor) -> Done {
    let count = axes.map_or(x.rank(), <[i64]>::len);
    if lengths.len() != count {
        return Err(refuse(format!("a length for each of {count} axes"), format!("{lengths:?}")));
    }
    let mut sides = [[0; 2]; RANK_MAX];
    for (i, &length) in lengths.iter().enumerate() {
        let at = axes.map_or(Ok(i), |axes| axis(axes[i], x.rank()))?;
        if length < 0 {
            return Err(refuse("lengths that are not negative", format!("{lengths:?}")));
        }
        let more = length - x.shape()[at] as i64;
        // Toward zero: the odd one is at the end.
        sides[at] = [more / 2, more - more / 2];
    }
    padded(x, PadMode::Constant, &sides, None, out)
}

pub(super) fn roll(x: &Tensor, shifts: &[i64], axes: &[i64], out: &mut Tensor) -> Done {
    if shifts.len() != axes.len() {
        return Err(refuse("a shift for each axis", format!("{shifts:?} for {axes:?}")));
    }
    let walk = |dim: usize| Walk { mode: PadMode::Wrap, before: 0, first: 0, length: dim };
    let mut walks: Vec<Walk> = x.shape().iter().map(|&dim| walk(dim)).collect();
    for (&shift, &at) in shifts.iter().zip(axes) {
        let at = axis(at, x.rank())?;
        let dim = x.shape()[at].max(1);
        walks[at].before = (walks[at].before + shift.rem_euclid(dim as i64) as usize) % dim;
    }
    walked(x, &walks, *x.shape(), None, out)
}

/// Writes the result whose axes walk so.
fn walked(x: &Tensor, walks: &[Walk], to: Shape, value: Option<&Tensor>, out: &mut Tensor) -> Done {
    fn of<T: Element>(
        from: &[T],
        x: &Tensor,
        walks: &[Walk],
        to: Shape,
        value: Option<&Tensor>,
        out: &mut Tensor,
    ) -> Done {
        let value = match value.map(|value| (value.get::<T>(), value)) {
            None => T::default(),
            Some((Some([value]), _)) => value.clone(),
            Some((_, value)) if value.dtype() != x.dtype() => return Err(refuse_type(value)),
            Some((_, value)) => return Err(refuse("one element to pad with", value.shape().to_string())),
        };
        let result = out.make::<T>(to).map_err(too_large)?;
        if result.is_empty() {
            return Ok(());
        }
        let Some((last, outer)) = walks.split_last() else {
            result.clone_from_slice(from);
            return Ok(());
        };
        let steps = View::whole(x.shape()).steps;
        let mut at = [0; RANK_MAX];
        for row in result.chunks_mut(to[outer.len()]) {
            let places = outer.iter().enumerate().map(|(i, walk)| walk.at(at[i]).map(|p| p as isize * steps[i]));
            match places.sum::<Option<isize>>() {
                Some(begin) => last.write(&from[begin as usize..], &value, row),
                None => row.fill(value.clone()),
            }
            for i in (0..outer.len()).rev() {
                at[i] += 1;
                if at[i] < to[i] {
                    break;
                }
                at[i] = 0;
            }
        }
        Ok(())
    }
    each_element!(x.data(), elements => of(elements, x, walks, to, value, out))
}

impl Walk {
    /// Writes the entries of the last axis.
    fn write<T: Clone>(&self, from: &[T], value: &T, to: &mut [T]) {
        let end = to.len().min(self.before + self.length);
        let begin = self.before.min(end);
        to[begin..end].clone_from_slice(&from[self.first..][..end - begin]);
        for i in (0..begin).chain(end..to.len()) {
            to[i] = self.at(i).map_or_else(|| value.clone(), |at| from[at].clone());
        }
    }
}

pub(super) fn tile(x: &Tensor, repeats: &[i64], out: &mut Tensor) -> Done {
    let wrong = || refuse(format!("a number of repetitions for each axis of {}", x.shape()), format!("{repeats:?}"));
    if repeats.len() != x.rank() {
        return Err(wrong());
    }
    let times =
        repeats.iter().map(|&n| usize::try_from(n).map_err(|_| wrong())).collect::<Result<Vec<_>, PredictError>>()?;
    let dims = x.shape().iter().zip(&times).map(|(dim, n)| dim.checked_mul(*n).ok_or_else(wrong));
    let to = shape(&dims.collect::<Result<Vec<_>, _>>()?)?;
    fn of<T: Element>(from: &[T], shape: &Shape, times: &[usize], to: Shape, out: &mut Tensor) -> Done {
        let result = out.make::<T>(to).map_err(too_large)?;
        if !result.is_empty() {
            repeat(from, shape, times, result);
        }
        Ok(())
    }
    each_element!(x.data(), elements => of(elements, x.shape(), &times, to, out))
}

/// Writes the first axis's entries, each with its own axes repeated, and then all of them again.
fn repeat<T: Clone>(from: &[T], dims: &[usize], times: &[usize], to: &mut [T]) {
    let (Some((&dim, dims)), Some((&n, inner))) = (dims.split_first(), times.split_first()) else {
        return to.clone_from_slice(from);
    };
    let block = to.len() / n;
    let (first, rest) = to.split_at_mut(block);
    if inner.iter().all(|&n| n == 1) {
        first.clone_from_slice(from);
    } else {
        for (from, to) in from.chunks(from.len() / dim).zip(first.chunks_mut(block / dim)) {
            repeat(from, dims, inner, to);
        }
    }
    rest.chunks_mut(block).for_each(|again| again.clone_from_slice(first));
}
