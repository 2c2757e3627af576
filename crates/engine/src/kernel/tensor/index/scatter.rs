//! Elements taken from, and put to, the places that indices say.

use model::{PredictError, Shape, Tensor, each_element, tensor::Element};
use plan::tensor::Merge;

use super::{
    Done, View, axis, ints,
    order::{Merged, each_merged},
    place, refuse, refuse_type, shape, strided, too_large,
};

/// Returns how far each row of the indices leads into the leading axes, and the number of elements that lie there.
fn leads(dims: &[usize], indices: &Tensor, from_end: bool) -> Result<(Vec<usize>, usize), PredictError> {
    let depth = indices.shape().last().copied().unwrap_or(0);
    if indices.rank() == 0 || depth > dims.len() {
        let expected = format!("indices whose last dimension is {} at most", dims.len());
        return Err(refuse(expected, indices.shape().to_string()));
    }
    let inner: usize = dims[depth..].iter().product();
    let rows: usize = indices.shape()[..indices.rank() - 1].iter().product();
    if depth == 0 {
        // No index leads to the whole; so many times that it must be bounded by what is written.
        return Ok((vec![0; rows.min(1 << 28)], inner));
    }
    let mut leads = Vec::with_capacity(rows);
    for row in ints(indices)?.chunks(depth) {
        let mut at = 0;
        for (&index, &dim) in row.iter().zip(dims) {
            at = at * dim + place(index, dim, from_end)?;
        }
        leads.push(at * inner);
    }
    Ok((leads, inner))
}

pub(super) fn gather_elements(data: &Tensor, indices: &Tensor, along: i64, out: &mut Tensor) -> Done {
    let (along, steps, places) = elements(data, indices, along)?;
    fn of<T: Element>(from: &[T], places: &[usize], to: Shape, steps: &[usize], step: usize, out: &mut Tensor) -> Done {
        let result = out.make::<T>(to).map_err(too_large)?;
        strided(&to, steps, |begin, length, base, by| {
            for i in 0..length {
                result[begin + i] = from[base + i * by + places[begin + i] * step].clone();
            }
        });
        Ok(())
    }
    let step = View::whole(data.shape()).steps[along] as usize;
    each_element!(data.data(), e => of(e, &places, *indices.shape(), &steps, step, out))
}

/// Returns the axis, the steps of the data's other axes, and the places along it.
fn elements(data: &Tensor, indices: &Tensor, along: i64) -> Result<(usize, Vec<usize>, Vec<usize>), PredictError> {
    let along = axis(along, data.rank())?;
    let (of, at) = (data.shape(), indices.shape());
    let inside = of.len() == at.len() && (0..of.len()).all(|i| i == along || at[i] <= of[i]);
    if !inside {
        return Err(refuse(format!("indices within {of} but for axis {along}"), at.to_string()));
    }
    let whole = View::whole(of);
    let steps = (0..of.len()).map(|i| if i == along { 0 } else { whole.steps[i] as usize }).collect();
    let places = ints(indices)?.into_iter().map(|i| place(i, of[along], true));
    Ok((along, steps, places.collect::<Result<_, _>>()?))
}

pub(super) fn scatter_elements(x: [&Tensor; 3], along: i64, merge: Merge, out: &mut Tensor) -> Done {
    let [data, indices, updates] = x;
    let (along, steps, places) = elements(data, indices, along)?;
    if indices.shape() != updates.shape() {
        return Err(refuse(format!("updates of shape {}", indices.shape()), updates.shape().to_string()));
    }
    let step = View::whole(data.shape()).steps[along] as usize;
    fn of<T: Element>(
        from: &[T],
        [data, updates]: [&Tensor; 2],
        (places, steps, step): (&[usize], &[usize], usize),
        out: &mut Tensor,
        merge: impl Fn(&T, &T) -> T,
    ) -> Done {
        let new = updates.get::<T>().ok_or_else(|| refuse_type(updates))?;
        let result = out.make::<T>(*data.shape()).map_err(too_large)?;
        result.clone_from_slice(from);
        strided(updates.shape(), steps, |begin, length, base, by| {
            for i in begin..begin + length {
                let to = &mut result[base + (i - begin) * by + places[i] * step];
                *to = merge(to, &new[i]);
            }
        });
        Ok(())
    }
    let way = (&places[..], &steps[..], step);
    let tensors = [data, updates];
    if merge == Merge::Put {
        return each_element!(data.data(), e => of(e, tensors, way, out, newer));
    }
    each_merged!(data.data(), e => of(e, tensors, way, out, |old, new| old.merge(*new, merge)))
        .unwrap_or_else(|| Err(refuse_type(data)))
}

pub(super) fn gather_nd(data: &Tensor, indices: &Tensor, batch: usize, from_end: bool, out: &mut Tensor) -> Done {
    let common = batch < indices.rank() && batch <= data.rank() && data.shape()[..batch] == indices.shape()[..batch];
    if !common {
        let expected = format!("indices whose first {batch} dimensions are those of {}", data.shape());
        return Err(refuse(expected, indices.shape().to_string()));
    }
    let (leads, inner) = leads(&data.shape()[batch..], indices, from_end)?;
    let depth = indices.shape()[indices.rank() - 1];
    let to = shape(&[&indices.shape()[..indices.rank() - 1], &data.shape()[batch + depth..]].concat())?;
    let batches: usize = data.shape()[..batch].iter().product();
    let size: usize = data.shape()[batch..].iter().product();
    fn of<T: Element>(
        from: &[T],
        to: Shape,
        (batches, size, inner): (usize, usize, usize),
        leads: &[usize],
        out: &mut Tensor,
    ) -> Done {
        let result = out.make::<T>(to).map_err(too_large)?;
        if result.is_empty() {
            return Ok(());
        }
        let each = leads.len() / batches;
        for (i, (to, lead)) in result.chunks_mut(inner).zip(leads).enumerate() {
            let begin = i / each * size + lead;
            to.clone_from_slice(&from[begin..begin + inner]);
        }
        Ok(())
    }
    each_element!(data.data(), e => of(e, to, (batches, size, inner), &leads, out))
}

pub(super) fn scatter_nd(x: [&Tensor; 3], merge: Merge, from_end: bool, out: &mut Tensor) -> Done {
    let [data, indices, updates] = x;
    let (leads, inner) = leads(data.shape(), indices, from_end)?;
    let depth = indices.shape()[indices.rank() - 1];
    let expected = shape(&[&indices.shape()[..indices.rank() - 1], &data.shape()[depth..]].concat())?;
    if expected != *updates.shape() {
        return Err(refuse(format!("updates of shape {expected}"), updates.shape().to_string()));
    }
    fn of<T: Element>(
        from: &[T],
        [data, updates]: [&Tensor; 2],
        leads: &[usize],
        inner: usize,
        out: &mut Tensor,
        merge: impl Fn(&T, &T) -> T,
    ) -> Done {
        let new = updates.get::<T>().ok_or_else(|| refuse_type(updates))?;
        let result = out.make::<T>(*data.shape()).map_err(too_large)?;
        result.clone_from_slice(from);
        if inner == 0 {
            return Ok(());
        }
        for (new, &lead) in new.chunks(inner).zip(leads) {
            for (to, new) in result[lead..lead + inner].iter_mut().zip(new) {
                *to = merge(to, new);
            }
        }
        Ok(())
    }
    let tensors = [data, updates];
    if merge == Merge::Put {
        return each_element!(data.data(), e => of(e, tensors, &leads, inner, out, newer));
    }
    each_merged!(data.data(), e => of(e, tensors, &leads, inner, out, |old, new| old.merge(*new, merge)))
        .unwrap_or_else(|| Err(refuse_type(data)))
}

/// What is put to a place as it is.
fn newer<T: Clone>(_: &T, new: &T) -> T {
    new.clone()
}

/// ONNX's cache update: slices put one after the other from a place of their batch on.
pub(super) fn tensor_scatter(
    past: &Tensor,
    new: &Tensor,
    writes: Option<&[i64]>,
    along: i64,
    circular: bool,
    out: &mut Tensor,
) -> Done {
    let along = axis(along, past.rank())?;
    let (dims, rows) = (past.shape(), new.shape());
    let alike = along > 0 && rows.len() == dims.len() && rows.with(along, 0) == dims.with(along, 0);
    let (length, added) = (dims[along], rows.get(along).copied().unwrap_or(0));
    let begins: Vec<i64> = writes.map_or_else(|| vec![0; dims[0].min(1 << 28)], <[i64]>::to_vec);
    let fits = |&at: &i64| {
        usize::try_from(at).is_ok_and(|at| if circular { at < length } else { at.saturating_add(added) <= length })
    };
    if !alike || added > length || begins.len() != dims[0] || !begins.iter().all(fits) {
        let expected = format!("entries that fit axis {along} of {dims}, and a place for each batch");
        return Err(refuse(expected, format!("{rows} at {begins:?}")));
    }
    fn of<T: Element>(from: &[T], [past, new]: [&Tensor; 2], along: usize, begins: &[i64], out: &mut Tensor) -> Done {
        let rows = new.get::<T>().ok_or_else(|| refuse_type(new))?;
        let dims = past.shape();
        let result = out.make::<T>(*dims).map_err(too_large)?;
        result.clone_from_slice(from);
        let (length, added) = (dims[along], new.shape()[along]);
        let inner: usize = dims[along + 1..].iter().product();
        let middle: usize = dims[1..along].iter().product();
        if rows.is_empty() {
            return Ok(());
        }
        for (i, row) in rows.chunks(inner).enumerate() {
            let (outer, at) = (i / added, i % added);
            let to = (begins[outer / middle] as usize + at) % length;
            let begin = (outer * length + to) * inner;
            result[begin..begin + inner].clone_from_slice(row);
        }
        Ok(())
    }
    each_element!(past.data(), e => of(e, [past, new], along, &begins, out))
}
