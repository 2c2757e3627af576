//! Parts of tensors: slices by the rules of ONNX and TensorFlow, splits, reversals.

use model::{PredictError, Tensor, tensor::Data};
use plan::tensor::StridedSlice;

use super::{Args, Done, RANK_MAX, View, axis, refuse, refuse_type, shape};

/// Numpy's slices: what lies outside is cut off.
pub(super) fn slice(
    x: &Tensor,
    starts: &[i64],
    ends: &[i64],
    axes: Option<&[i64]>,
    steps: Option<&[i64]>,
    out: &mut Tensor,
) -> Done {
    let count = starts.len();
    let alike = ends.len() == count && axes.is_none_or(|a| a.len() == count) && steps.is_none_or(|s| s.len() == count);
    if !alike || count > x.rank() {
        return Err(refuse("starts, ends, axes and steps of one length", format!("{starts:?} and {ends:?}")));
    }
    let mut view = View::whole(x.shape());
    let mut seen = [false; RANK_MAX];
    for i in 0..count {
        let at = axes.map_or(Ok(i), |axes| axis(axes[i], x.rank()))?;
        let step = steps.map_or(1, |steps| steps[i]);
        if std::mem::replace(&mut seen[at], true) || step == 0 {
            return Err(refuse("each axis once, by a step that is not 0", format!("axis {at} by {step}")));
        }
        let dim = x.shape()[at] as i64;
        let place = |to: i64| if to < 0 { to.saturating_add(dim) } else { to };
        let (start, end) = if step > 0 {
            (place(starts[i]).clamp(0, dim), place(ends[i]).clamp(0, dim))
        } else {
            (place(starts[i]).max(0).min(dim - 1), place(ends[i]).clamp(-1, dim - 1))
        };
        view.cut(at, start as isize, length(start, end, step), step.clamp(-dim - 1, dim + 1) as isize);
    }
    view.copy(x, out)
}

/// Returns how many places there are from a start up to an end by steps.
fn length(start: i64, end: i64, step: i64) -> usize {
    let way = if step > 0 { end - start } else { start - end };
    if way <= 0 { 0 } else { (way as u64).div_ceil(step.unsigned_abs()) as usize }
}

/// TensorFlow's `Slice`.
pub(super) fn crop(x: &Tensor, begins: &[i64], sizes: &[i64], out: &mut Tensor) -> Done {
    let wrong = || refuse(format!("a part of a tensor of shape {}", x.shape()), format!("{sizes:?} from {begins:?}"));
    if begins.len() != x.rank() || sizes.len() != x.rank() {
        return Err(wrong());
    }
    let mut view = View::whole(x.shape());
    for (at, (&begin, &size)) in begins.iter().zip(sizes).enumerate() {
        let dim = x.shape()[at];
        let begin = usize::try_from(begin).ok().filter(|begin| *begin <= dim).ok_or_else(wrong)?;
        let size = if size == -1 { dim - begin } else { usize::try_from(size).map_err(|_| wrong())? };
        if size > dim - begin {
            return Err(wrong());
        }
        view.cut(at, begin as isize, size, 1);
    }
    view.copy(x, out)
}

/// TensorFlow's `StridedSlice`: `x[begin:end:stride, …, newaxis, i]`.
pub(super) fn strided(x: &Tensor, masks: &StridedSlice, [begins, ends, steps]: [&[i64]; 3], out: &mut Tensor) -> Done {
    let count = begins.len();
    if ends.len() != count || steps.len() != count || count > 32 {
        return Err(refuse("begins, ends and strides of one length, 32 at most", format!("{begins:?} and {ends:?}")));
    }
    let has = |mask: u32, i: usize| mask >> i & 1 == 1;
    let is_entry = |i: usize| !has(masks.ellipsis, i) && !has(masks.new_axis, i);
    let entries = (0..count).filter(|&i| is_entry(i)).count();
    let ellipses = (0..count).filter(|&i| has(masks.ellipsis, i)).count();
    if entries > x.rank() || ellipses > 1 {
        let expected = format!("{} entries of begins at most, and one ellipsis", x.rank());
        return Err(refuse(expected, format!("{entries} entries, {ellipses} ellipses")));
    }
    let mut view = View::whole(x.shape());
    // The axes of the result: of the view, or new.
    let mut axes: Vec<Option<usize>> = Vec::with_capacity(x.rank() + count);
    let mut at = 0;
    for i in 0..count {
        if has(masks.ellipsis, i) {
            let skipped = x.rank() - entries;
            axes.extend((at..at + skipped).map(Some));
            at += skipped;
        } else if has(masks.new_axis, i) {
            axes.push(None);
        } else {
            let is_shrunk = has(masks.shrink_axis, i);
            let bounds = (!has(masks.begin, i)).then_some(begins[i]);
            let to = (!has(masks.end, i)).then_some(ends[i]);
            if is_shrunk {
                shrink(&mut view, at, begins[i], steps[i])?;
            } else {
                interval(&mut view, at, bounds, to, steps[i])?;
                axes.push(Some(at));
            }
            at += 1;
        }
    }
    axes.extend((at..x.rank()).map(Some));
    let mut result = View { shape: shape(&vec![1; axes.len().min(RANK_MAX + 1)])?, steps: [0; RANK_MAX], ..view };
    for (i, axis) in axes.iter().enumerate() {
        if let Some(axis) = axis {
            result.shape = result.shape.with(i, view.shape[*axis]);
            result.steps[i] = view.steps[*axis];
        }
    }
    result.copy(x, out)
}

/// One entry of an axis.
fn shrink(view: &mut View, at: usize, begin: i64, step: i64) -> Done {
    let dim = view.shape[at] as i64;
    let place = if begin < 0 { begin.saturating_add(dim) } else { begin };
    if step <= 0 || !(0..dim).contains(&place) {
        return Err(refuse(
            format!("an entry of axis {at}, whose length is {dim}, by a stride above 0"),
            begin.to_string(),
        ));
    }
    view.cut(at, place as isize, 1, 1);
    Ok(())
}

/// Entries of an axis, from the first and to the last where nothing else is said.
fn interval(view: &mut View, at: usize, begin: Option<i64>, end: Option<i64>, step: i64) -> Done {
    if step == 0 {
        return Err(refuse(format!("a stride of axis {at} that is not 0"), "0"));
    }
    let dim = view.shape[at] as i64;
    let (low, high) = if step > 0 { (0, dim) } else { (-1, dim - 1) };
    let place = |to: i64| (if to < 0 { to.saturating_add(dim) } else { to }).clamp(low, high);
    let (first, last) = if step > 0 { (low, high) } else { (high, low) };
    let (begin, end) = (begin.map_or(first, place), end.map_or(last, place));
    view.cut(at, begin as isize, length(begin, end, step), step.clamp(-dim - 1, dim + 1) as isize);
    Ok(())
}

pub(super) fn reverse(x: &Tensor, axes: &Tensor, out: &mut Tensor) -> Done {
    let mut is_turned = [false; RANK_MAX];
    match axes.data() {
        Data::Bool(which) if which.len() == x.rank() => is_turned[..which.len()].copy_from_slice(which),
        Data::Bool(_) => return Err(refuse(format!("{} truth values", x.rank()), axes.shape().to_string())),
        Data::Bytes(_) => return Err(refuse_type(axes)),
        _ => {
            for at in super::ints(axes)? {
                is_turned[axis(at, x.rank())?] = true;
            }
        }
    }
    let mut view = View::whole(x.shape());
    for at in (0..x.rank()).filter(|&at| is_turned[at]) {
        let dim = x.shape()[at];
        view.cut(at, dim as isize - 1, dim, -1);
    }
    view.copy(x, out)
}

pub(super) fn unstack(args: &Args<'_>, along: i64, outputs: usize) -> Done {
    let x = args.get(0)?;
    let along = axis(along, x.rank())?;
    if x.shape()[along] != outputs {
        return Err(refuse(format!("length {outputs} of axis {along}"), x.shape().to_string()));
    }
    for i in 0..outputs {
        let Some(mut out) = args.out(i) else { continue };
        let mut view = View::whole(x.shape());
        view.cut(along, i as isize, 1, 1);
        view.steps.copy_within(along + 1.., along);
        view.shape = view.shape.remove(along);
        view.copy(&x, &mut out)?;
    }
    Ok(())
}

pub(super) fn split(args: &Args<'_>, along: i64, outputs: usize, uneven: bool) -> Done {
    let x = args.get(0)?;
    let along = match args.ints(2)?.as_deref() {
        Some([along]) => *along,
        Some(_) => return Err(refuse("one axis", "others")),
        None => along,
    };
    let along = axis(along, x.rank())?;
    let lengths = lengths(x.shape()[along], args.ints(1)?.as_deref(), outputs, uneven)?;
    let mut begin = 0;
    for (i, &length) in lengths.iter().enumerate() {
        if let Some(mut out) = args.out(i) {
            let mut view = View::whole(x.shape());
            view.cut(along, begin as isize, length, 1);
            view.copy(&x, &mut out)?;
        }
        begin += length;
    }
    Ok(())
}

/// Returns the lengths of the parts of an axis.
fn lengths(dim: usize, given: Option<&[i64]>, outputs: usize, uneven: bool) -> Result<Vec<usize>, PredictError> {
    let wrong = |got: String| refuse(format!("{outputs} parts of an axis of length {dim}"), got);
    let Some(given) = given else {
        let part = dim.div_ceil(outputs.max(1));
        let fits = outputs > 0 && (uneven || dim.is_multiple_of(outputs));
        let left = |i: usize| dim.saturating_sub(i * part).min(part);
        return if fits { Ok((0..outputs).map(left).collect()) } else { Err(wrong(format!("{part} an output"))) };
    };
    let known: i64 = given.iter().filter(|&&n| n != -1).fold(0, |sum: i64, &n| sum.saturating_add(n.max(0)));
    let rest = (dim as i64).saturating_sub(known);
    let open = given.iter().filter(|&&n| n == -1).count();
    let fits = given.len() == outputs
        && given.iter().all(|&n| n >= -1)
        && if open == 1 { rest >= 0 } else { open == 0 && rest == 0 };
    if !fits {
        return Err(wrong(format!("{given:?}")));
    }
    Ok(given.iter().map(|&n| if n == -1 { rest } else { n } as usize).collect())
}
