//! Channels and batches to pixels and back: reshapes around one transposition. Sequences backwards.

use model::{PredictError, Shape, Tensor, each_element, tensor::Element};
use plan::tensor::PadMode;

use super::{Done, RANK_MAX, View, axis, pad, refuse, shape, too_large, transpose};

/// Writes the tensor seen in one shape, transposed, in another shape.
fn turned(x: &Tensor, seen: &[usize], order: &[usize], to: &[usize], out: &mut Tensor) -> Done {
    let seen = x.reshaped(shape(seen)?).map_err(too_large)?;
    let mut turned = Tensor::default();
    transpose(&seen, order, &mut turned)?;
    *out = turned.reshaped(shape(to)?).map_err(too_large)?;
    Ok(())
}

/// Returns the dimensions of images: batches, channels, rows and columns.
fn image(x: &Tensor, last: bool) -> Result<[usize; 4], PredictError> {
    match (&**x.shape(), last) {
        (&[n, c, h, w], false) | (&[n, h, w, c], true) => Ok([n, c, h, w]),
        _ => Err(refuse("four dimensions", x.shape().to_string())),
    }
}

pub(super) fn depth_to_space(x: &Tensor, block: usize, crd: bool, last: bool, out: &mut Tensor) -> Done {
    let [n, c, h, w] = image(x, last)?;
    let parts = block.checked_mul(block).filter(|&parts| parts > 0 && c.is_multiple_of(parts));
    let Some(parts) = parts else {
        return Err(refuse(format!("channels in blocks of {block} by {block}"), x.shape().to_string()));
    };
    let (d, b) = (c / parts, block);
    let (high, wide) = (h.saturating_mul(b), w.saturating_mul(b));
    match (last, crd) {
        (false, false) => turned(x, &[n, b, b, d, h, w], &[0, 3, 4, 1, 5, 2], &[n, d, high, wide], out),
        (false, true) => turned(x, &[n, d, b, b, h, w], &[0, 1, 4, 2, 5, 3], &[n, d, high, wide], out),
        (true, false) => turned(x, &[n, h, w, b, b, d], &[0, 1, 3, 2, 4, 5], &[n, high, wide, d], out),
        (true, true) => turned(x, &[n, h, w, d, b, b], &[0, 1, 4, 2, 5, 3], &[n, high, wide, d], out),
    }
}

pub(super) fn space_to_depth(x: &Tensor, block: usize, crd: bool, last: bool, out: &mut Tensor) -> Done {
    let [n, c, h, w] = image(x, last)?;
    if block == 0 || !h.is_multiple_of(block) || !w.is_multiple_of(block) {
        return Err(refuse(format!("rows and columns in blocks of {block}"), x.shape().to_string()));
    }
    let (b, i, j) = (block, h / block, w / block);
    let channels = c.saturating_mul(b).saturating_mul(b);
    match (last, crd) {
        (true, false) => turned(x, &[n, i, b, j, b, c], &[0, 1, 3, 2, 4, 5], &[n, i, j, channels], out),
        (true, true) => turned(x, &[n, i, b, j, b, c], &[0, 1, 3, 5, 2, 4], &[n, i, j, channels], out),
        (false, false) => turned(x, &[n, c, i, b, j, b], &[0, 3, 5, 1, 2, 4], &[n, channels, i, j], out),
        (false, true) => turned(x, &[n, c, i, b, j, b], &[0, 1, 3, 5, 2, 4], &[n, channels, i, j], out),
    }
}

/// Returns the blocks' sizes, and what is padded or cut on either side.
fn blocks(x: &Tensor, blocks: &[i64], sides: &[i64]) -> Result<(Vec<usize>, Vec<[i64; 2]>), PredictError> {
    let count = blocks.len();
    let fits = count < x.rank() && sides.len() == 2 * count && x.rank() + count <= RANK_MAX;
    let sizes: Option<Vec<usize>> =
        blocks.iter().map(|&n| usize::try_from(n).ok().filter(|n| (1..1 << 31).contains(n))).collect();
    let all_above = sides.iter().all(|side| (0..1 << 31).contains(side));
    match sizes.filter(|_| fits && all_above) {
        Some(sizes) => Ok((sizes, sides.chunks(2).map(|pair| [pair[0], pair[1]]).collect())),
        None => {
            let expected = format!("blocks of axes of {}, and two numbers for each", x.shape());
            Err(refuse(expected, format!("{blocks:?} and {sides:?}")))
        }
    }
}

pub(super) fn space_to_batch(x: &Tensor, sizes: &[i64], pads: &[i64], out: &mut Tensor) -> Done {
    let (sizes, pads) = blocks(x, sizes, pads)?;
    let count = sizes.len();
    let mut sides = [[0; 2]; RANK_MAX];
    sides[1..=count].copy_from_slice(&pads);
    let mut padded = Tensor::default();
    pad::padded(x, PadMode::Constant, &sides, None, &mut padded)?;
    let dims = padded.shape();
    let mut seen = vec![dims[0]];
    let mut to = vec![sizes.iter().fold(dims[0], |n, size| n.saturating_mul(*size))];
    for (i, &size) in sizes.iter().enumerate() {
        if !dims[i + 1].is_multiple_of(size) {
            return Err(refuse(format!("a padded axis {} in blocks of {size}", i + 1), dims.to_string()));
        }
        seen.extend([dims[i + 1] / size, size]);
        to.push(dims[i + 1] / size);
    }
    seen.extend(&dims[count + 1..]);
    to.extend(&dims[count + 1..]);
    let rest = 2 * count + 1..seen.len();
    let order: Vec<usize> =
        (0..count).map(|i| 2 * i + 2).chain([0]).chain((0..count).map(|i| 2 * i + 1)).chain(rest).collect();
    turned(&padded, &seen, &order, &to, out)
}

pub(super) fn batch_to_space(x: &Tensor, sizes: &[i64], crops: &[i64], out: &mut Tensor) -> Done {
    let (sizes, crops) = blocks(x, sizes, crops)?;
    let count = sizes.len();
    let dims = x.shape();
    let parts = sizes.iter().fold(1usize, |n, size| n.saturating_mul(*size));
    if !dims[0].is_multiple_of(parts) {
        return Err(refuse(format!("a first axis of parts of {parts}"), dims.to_string()));
    }
    let mut seen = sizes.clone();
    seen.push(dims[0] / parts);
    seen.extend(&dims[1..]);
    let mut order = vec![count];
    let mut to = vec![dims[0] / parts];
    for (i, &size) in sizes.iter().enumerate() {
        order.extend([count + 1 + i, i]);
        to.push(dims[i + 1].saturating_mul(size));
    }
    order.extend(2 * count + 1..seen.len());
    to.extend(&dims[count + 1..]);
    let mut whole = Tensor::default();
    turned(x, &seen, &order, &to, &mut whole)?;
    let mut view = View::whole(whole.shape());
    for (i, &[before, after]) in crops.iter().enumerate() {
        let dim = whole.shape()[i + 1] as i64;
        if before + after > dim {
            return Err(refuse(format!("crops of an axis of length {dim}"), format!("{before} and {after}")));
        }
        view.cut(i + 1, before as isize, (dim - before - after) as usize, 1);
    }
    view.copy(&whole, out)
}

pub(super) fn reverse_sequence(x: &Tensor, lengths: &[i64], batch: i64, time: i64, out: &mut Tensor) -> Done {
    let (batch, time) = (axis(batch, x.rank())?, axis(time, x.rank())?);
    let dims = x.shape();
    let fits =
        batch != time && lengths.len() == dims[batch] && lengths.iter().all(|n| (0..=dims[time] as i64).contains(n));
    if !fits {
        let expected = format!("a length of at most {} for each of {} entries", dims[time], dims[batch]);
        return Err(refuse(expected, format!("{lengths:?}")));
    }
    fn of<T: Element>(from: &[T], dims: &Shape, lengths: &[i64], batch: usize, time: usize, out: &mut Tensor) -> Done {
        let result = out.make::<T>(*dims).map_err(too_large)?;
        if result.is_empty() {
            return Ok(());
        }
        let steps = View::whole(dims).steps;
        let inner = steps[batch.max(time)] as usize;
        for (i, to) in result.chunks_mut(inner).enumerate() {
            let at = i * inner;
            let entry = at / steps[batch] as usize % dims[batch];
            let now = at / steps[time] as usize % dims[time];
            let length = lengths[entry] as usize;
            let then = if now < length { length - 1 - now } else { now };
            let begin = at - now * steps[time] as usize + then * steps[time] as usize;
            to.clone_from_slice(&from[begin..begin + inner]);
        }
        Ok(())
    }
    each_element!(x.data(), elements => of(elements, dims, lengths, batch, time, out))
}
