//! Sparse tensors of TensorFlow that stay sparse: other shapes, rows that were empty, other orders, joins.

use model::{
    PredictError, Shape, Tensor, each_element,
    tensor::{Element, TENSOR_BYTES_MAX},
};

use super::{Args, Done, gather, ints, place, refuse, refuse_type, shape, shape_of, sparse::places, too_large};

/// Returns the shape of a sparse tensor and its indices, of which there is a row a value.
fn read(indices: &Tensor, dims: &Tensor) -> Result<(Shape, Vec<i64>), PredictError> {
    let of = shape_of(dims)?;
    let fits = indices.rank() == 2 && indices.shape()[1] == of.len() && of.checked_elements().is_some();
    if !fits {
        return Err(refuse(format!("rows of {} indices", of.len()), indices.shape().to_string()));
    }
    Ok((of, ints(indices)?))
}

fn write(numbers: &[i64], of: &[usize], out: Option<std::cell::RefMut<'_, Tensor>>) -> Done {
    if let Some(mut out) = out {
        out.make::<i64>(shape(of)?).map_err(too_large)?.copy_from_slice(numbers);
    }
    Ok(())
}

/// The same values at the places that they have in another shape of as many elements, one of whose dimensions may be -1.
pub(super) fn reshape(args: &Args<'_>) -> Done {
    let indices = args.get(0)?;
    let (from, numbers) = read(&indices, &*args.get(1)?)?;
    let to = super::super::layout::reshaped(&from, &args.ints(2)?.unwrap_or_default(), true)?;
    let mut moved = Vec::with_capacity(indices.shape()[0].saturating_mul(to.len()).min(TENSOR_BYTES_MAX / 8));
    for place in places(&numbers, &from)? {
        let begin = moved.len();
        let mut rest = place;
        moved.resize(begin + to.len(), 0);
        for (index, &dim) in moved[begin..].iter_mut().zip(&*to).rev() {
            *index = (rest % dim) as i64;
            rest /= dim;
        }
    }
    let dims: Vec<i64> = to.iter().map(|&dim| dim as i64).collect();
    write(&moved, &[indices.shape()[0], to.len()], args.out(0))?;
    write(&dims, &[dims.len()], args.out(1))
}

/// A row without values gets one, the default, at its beginning.
pub(super) fn fill_empty(args: &Args<'_>) -> Done {
    let (indices, values) = (args.get(0)?, args.get(1)?);
    let (of, numbers) = read(&indices, &*args.get(2)?)?;
    let (rank, count) = (of.len(), indices.shape()[0]);
    if rank == 0 || values.rank() != 1 || values.len() != count {
        return Err(refuse(
            format!("{count} values of a sparse tensor of one dimension at least"),
            values.shape().to_string(),
        ));
    }
    let rows = Some(of[0]).filter(|rows| *rows <= 1 << 24);
    let rows = rows.ok_or_else(|| refuse("fewer rows", of[0].to_string()))?;
    let mut by_row = vec![0usize; rows];
    let mut row_of = Vec::with_capacity(count);
    for index in numbers.chunks(rank) {
        let row = place(index[0], rows, false)?;
        by_row[row] += 1;
        row_of.push(row);
    }
    // Where the values of each row begin, those of the empty ones among them.
    let mut begins: Vec<usize> = Vec::with_capacity(rows);
    let total = by_row.iter().fold(0, |begin, count| {
        begins.push(begin);
        begin + (*count).max(1)
    });
    if let Some(mut out) = args.out(2) {
        let is_empty = out.make::<bool>(shape(&[rows])?).map_err(too_large)?;
        is_empty.iter_mut().zip(&by_row).for_each(|(to, count)| *to = *count == 0);
    }
    let mut moved = vec![0i64; total.saturating_mul(rank)];
    // The value that stands at each place; the default stands after all values.
    let mut sources = vec![count as i64; total];
    for (row, &begin) in begins.iter().enumerate() {
        moved[begin * rank] = row as i64;
    }
    let mut reverse = Vec::with_capacity(count);
    for (i, (index, &row)) in numbers.chunks(rank).zip(&row_of).enumerate() {
        let at = begins[row];
        begins[row] += 1;
        moved[at * rank..(at + 1) * rank].copy_from_slice(index);
        sources[at] = i as i64;
        reverse.push(at as i64);
    }
    write(&moved, &[total, rank], args.out(0))?;
    write(&reverse, &[count], args.out(3))?;
    let Some(mut out) = args.out(1) else { return Ok(()) };
    let empty = args.get(3)?;
    let mut all = Tensor::default();
    extended(&values, &empty, &mut all)?;
    gather(&all, &Tensor::vector(sources), 0, 0, false, &mut out)
}

/// Writes values and one element after them.
fn extended(values: &Tensor, last: &Tensor, out: &mut Tensor) -> Done {
    fn of<T: Element>(values: &[T], last: &Tensor, out: &mut Tensor) -> Done {
        let Some([last]) = last.get::<T>() else { return Err(refuse_type(last)) };
        let result = out.make::<T>(shape(&[values.len() + 1])?).map_err(too_large)?;
        result[..values.len()].clone_from_slice(values);
        result[values.len()] = last.clone();
        Ok(())
    }
    each_element!(values.data(), e => of(e, last, out))
}

/// Rows of indices in order; of those at one place the first stays first.
pub(super) fn reorder(args: &Args<'_>) -> Done {
    let (indices, values) = (args.get(0)?, args.get(1)?);
    let (of, numbers) = read(&indices, &*args.get(2)?)?;
    let places = places(&numbers, &of)?;
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by_key(|&i| places[i]);
    let order = Tensor::vector(order.into_iter().map(|i| i as i64).collect());
    if values.rank() != 1 || values.len() != places.len() {
        return Err(refuse(format!("{} values", places.len()), values.shape().to_string()));
    }
    if let Some(mut out) = args.out(0) {
        gather(&indices, &order, 0, 0, false, &mut out)?;
    }
    if let Some(mut out) = args.out(1) {
        gather(&values, &order, 0, 0, false, &mut out)?;
    }
    Ok(())
}
