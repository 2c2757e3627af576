//! Texts joined: element by element, along axes, in runs.

use model::{
    DType, PredictError, Shape, Tensor,
    tensor::{Bytes, RANK_MAX},
};
use plan::tensor::Ngrams;

use super::super::{Args, Done, axis, ints, refuse, refuse_type, shape, too_large};
use super::{Room, texts};

/// Element by element; scalars go with every element.
pub(super) fn join(args: &Args<'_>, separator: &[u8], out: &mut Tensor) -> Done {
    let inputs = (0..args.count()).map(|i| args.get(i)).collect::<Result<Vec<_>, _>>()?;
    let mut of = Shape::SCALAR;
    for input in inputs.iter().filter(|input| input.rank() > 0) {
        if of.is_empty() {
            of = *input.shape();
        } else if of != *input.shape() {
            return Err(refuse(format!("texts of shape {of}, or scalars"), input.shape().to_string()));
        }
    }
    let parts = inputs.iter().map(|input| texts(input)).collect::<Result<Vec<_>, _>>()?;
    let mut room = Room::default();
    for (i, to) in out.make::<Bytes>(of).map_err(too_large)?.iter_mut().enumerate() {
        let parts = parts.iter().map(|part| if part.len() == 1 { &*part[0] } else { &*part[i] });
        *to = joined(parts, separator, &mut room)?;
    }
    Ok(())
}

/// Returns the parts with the separator between.
fn joined<'t>(
    parts: impl Iterator<Item = &'t [u8]> + Clone,
    separator: &[u8],
    room: &mut Room,
) -> Result<Bytes, PredictError> {
    let bytes: usize = parts.clone().map(|part| part.len() + separator.len()).sum();
    // Parts count too, so that no number of empty ones takes time without an end.
    room.take(bytes.saturating_add(parts.clone().count()))?;
    let mut to = Vec::with_capacity(bytes);
    for (i, part) in parts.enumerate() {
        if i > 0 {
            to.extend_from_slice(separator);
        }
        to.extend_from_slice(part);
    }
    Ok(to.into())
}

/// Along axes, the last named innermost.
pub(super) fn reduce(x: &Tensor, axes: &[i64], separator: &[u8], keep: bool, out: &mut Tensor) -> Done {
    let (rank, from) = (x.rank(), texts(x)?);
    let mut reduced = [false; RANK_MAX];
    let mut inner = Vec::with_capacity(axes.len());
    for &named in axes {
        let at = axis(named, rank)?;
        if std::mem::replace(&mut reduced[at], true) {
            return Err(refuse("each axis once", named.to_string()));
        }
        inner.push(at);
    }
    let mut strides = [1; RANK_MAX];
    for i in (0..rank.saturating_sub(1)).rev() {
        strides[i] = strides[i + 1] * x.shape()[i + 1];
    }
    let outer: Vec<usize> = (0..rank).filter(|&i| !reduced[i]).collect();
    let kept: Vec<usize> = match keep {
        true => (0..rank).map(|i| if reduced[i] { 1 } else { x.shape()[i] }).collect(),
        false => outer.iter().map(|&i| x.shape()[i]).collect(),
    };
    let place = |mut number: usize, axes: &[usize]| {
        axes.iter().rev().fold(0, |place, &i| {
            let here = number % x.shape()[i];
            number /= x.shape()[i];
            place + here * strides[i]
        })
    };
    let count = inner.iter().map(|&i| x.shape()[i]).product();
    let mut room = Room::default();
    for (i, to) in out.make::<Bytes>(shape(&kept)?).map_err(too_large)?.iter_mut().enumerate() {
        let begin = place(i, &outer);
        *to = joined((0..count).map(|j| &*from[begin + place(j, &inner)]), separator, &mut room)?;
    }
    Ok(())
}

/// Returns where the rows of ragged values begin and the last ends, where they cover all of them in order.
pub(super) fn splits(splits: &Tensor, values: usize) -> Result<Vec<usize>, PredictError> {
    let ints = ints(splits)?;
    let fits = ints.first().is_none_or(|&first| first == 0)
        && ints.is_sorted()
        && ints.last().is_none_or(|&last| last == values as i64);
    if !fits {
        return Err(refuse(format!("rows from 0 to {values}, in order"), format!("{:?}", &ints[..ints.len().min(8)])));
    }
    ints.into_iter().map(|i| usize::try_from(i).map_err(|_| refuse("places", i.to_string()))).collect()
}

/// Longest run, and most padding.
const WIDTH_MAX: usize = 1 << 12;

/// Returns how often the ends are padded for runs of this width.
fn padding(of: &Ngrams, width: usize) -> usize {
    of.pad.unwrap_or(usize::MAX).min(width - 1)
}

/// Runs of neighbours in each row.
pub(super) fn ngrams(args: &Args<'_>, of: &Ngrams) -> Done {
    let (x, rows) = (args.get(0)?, args.get(1)?);
    let (from, ends) = (texts(&x)?, splits(&rows, x.len())?);
    let (mut runs, mut counts) = (Vec::<Bytes>::new(), Vec::with_capacity(ends.len()));
    let mut room = Room::default();
    if of.widths.iter().copied().chain(of.pad).any(|width| width > WIDTH_MAX) {
        return Err(refuse(format!("runs of at most {WIDTH_MAX}, and no wider padding"), "longer ones"));
    }
    counts.extend(ends.first().map(|_| 0));
    for row in ends.windows(2) {
        if from.is_empty() {
            counts.push(0);
            continue;
        }
        let row = &from[row[0]..row[1]];
        let before = runs.len();
        for &width in of.widths.iter().filter(|&&width| width > 0) {
            let padded = row.len() + 2 * padding(of, width);
            (0..(padded + 1).saturating_sub(width))
                .try_for_each(|at| run(row, of, width, at, &mut room).map(|text| runs.push(text)))?;
        }
        if of.keep_short && runs.len() == before && !row.is_empty() {
            let width = row.len() + 2 * of.pad.ok_or_else(|| refuse("a width of padding", "none"))?;
            runs.push(run(row, of, width, 0, &mut room)?);
        }
        counts.push(runs.len());
    }
    if let Some(mut out) = args.out(0) {
        out.make::<Bytes>(shape(&[runs.len()])?).map_err(too_large)?.clone_from_slice(&runs);
    }
    let Some(mut out) = args.out(1) else { return Ok(()) };
    places(&counts, rows.dtype(), &mut out)
}

/// Returns the run of this width that begins at a place of the padded row.
fn run(row: &[Bytes], of: &Ngrams, width: usize, at: usize, room: &mut Room) -> Result<Bytes, PredictError> {
    let pad = padding(of, width);
    let token = |i: usize| match i.checked_sub(pad) {
        None => &*of.left,
        Some(i) => row.get(i).map_or(&*of.right, |text| &**text),
    };
    joined((at..at + width).map(token), &of.separator, room)
}

/// Writes places as int32 or int64.
pub(super) fn places(places: &[usize], dtype: Option<DType>, out: &mut Tensor) -> Done {
    let of = shape(&[places.len()])?;
    match dtype {
        Some(DType::I32) => {
            let to = out.make::<i32>(of).map_err(too_large)?;
            to.iter_mut().zip(places).for_each(|(to, &place)| *to = i32::try_from(place).unwrap_or(i32::MAX));
        }
        Some(DType::I64) => {
            let to = out.make::<i64>(of).map_err(too_large)?;
            to.iter_mut().zip(places).for_each(|(to, &place)| *to = place as i64);
        }
        _ => return Err(refuse_type(out)),
    }
    Ok(())
}
