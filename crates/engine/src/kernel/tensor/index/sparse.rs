//! Sparse and ragged tensors of TensorFlow: dense results of indices and values.

use model::{
    PredictError, Shape, Tensor, each_element,
    tensor::{Element, RANK_MAX},
};
use plan::tensor::{Merge, RowPart};

use super::{
    Args, Done, View, axis, ints,
    order::{Merged, each_merged},
    place, refuse, refuse_type, shape, shape_of, too_large,
};

/// Most rows of a ragged tensor.
const ROWS_MAX: usize = 1 << 24;

/// Returns where each row of the indices leads in a tensor of the shape.
pub(super) fn places(indices: &[i64], of: &Shape) -> Result<Vec<usize>, PredictError> {
    let rows = indices.chunks(of.len().max(1));
    let one = |row: &[i64]| {
        let mut pairs = row.iter().zip(&**of);
        pairs.try_fold(0usize, |at, (&index, &dim)| Ok(at * dim + place(index, dim, false)?))
    };
    rows.map(one).collect()
}

pub(super) fn to_dense(
    indices: &Tensor,
    dims: &Tensor,
    values: &Tensor,
    empty: &Tensor,
    check: bool,
    out: &mut Tensor,
) -> Done {
    let to = shape_of(dims)?;
    to.checked_elements().ok_or_else(|| refuse("a shape that a tensor can have", to.to_string()))?;
    let count = if indices.rank() == 0 { 1 } else { indices.shape()[0] };
    let depth = if indices.rank() == 2 { indices.shape()[1] } else { 1 };
    let fits = indices.rank() <= 2
        && depth == to.len()
        && (values.rank() == 0 || (values.rank() == 1 && values.len() == count));
    if !fits {
        let expected = format!("rows of {} indices and a value for each", to.len());
        return Err(refuse(expected, format!("{} and {}", indices.shape(), values.shape())));
    }
    let places = places(&ints(indices)?, &to)?;
    if check && !places.is_sorted_by(|a, b| a < b) {
        return Err(refuse("indices in order, none twice", "others"));
    }
    fn of<T: Element>(values: &[T], empty: &Tensor, places: &[usize], to: Shape, out: &mut Tensor) -> Done {
        let Some([empty]) = empty.get::<T>() else { return Err(refuse_type(empty)) };
        let result = out.make::<T>(to).map_err(too_large)?;
        result.fill(empty.clone());
        for (i, &place) in places.iter().enumerate() {
            result[place] = values[if values.len() == 1 { 0 } else { i }].clone();
        }
        Ok(())
    }
    each_element!(values.data(), e => of(e, empty, &places, to, out))
}

pub(super) fn mat_mul(x: [&Tensor; 4], transpose: [bool; 2], out: &mut Tensor) -> Done {
    let [indices, values, dims, b] = x;
    let of = shape_of(dims)?;
    let (&[rows, columns], &[b_rows, b_columns], &[count, 2]) = (&*of, &**b.shape(), &**indices.shape()) else {
        return Err(refuse("two matrices", format!("{of} and {}", b.shape())));
    };
    let (rows, common) = if transpose[0] { (columns, rows) } else { (rows, columns) };
    let (inner, width) = if transpose[1] { (b_columns, b_rows) } else { (b_rows, b_columns) };
    if common != inner || values.len() != count {
        return Err(refuse(format!("a matrix that {of} can be multiplied with"), b.shape().to_string()));
    }
    let indices = ints(indices)?;
    let mut pairs = Vec::with_capacity(count);
    for pair in indices.chunks(2) {
        let (row, column) = (place(pair[0], of[0], false)?, place(pair[1], of[1], false)?);
        pairs.push(if transpose[0] { (column, row) } else { (row, column) });
    }
    fn product<T: Element + Merged>(
        values: &[T],
        b: &Tensor,
        pairs: &[(usize, usize)],
        (rows, width, common): (usize, usize, usize),
        is_turned: bool,
        out: &mut Tensor,
    ) -> Done {
        let b = b.get::<T>().ok_or_else(|| refuse_type(b))?;
        let result = out.make::<T>(shape(&[rows, width])?).map_err(too_large)?;
        result.fill(T::default());
        for (&(row, column), value) in pairs.iter().zip(values) {
            for (i, to) in result[row * width..(row + 1) * width].iter_mut().enumerate() {
                let other = b[if is_turned { i * common + column } else { column * width + i }];
                *to = to.merge(value.merge(other, Merge::Mul), Merge::Add);
            }
        }
        Ok(())
    }
    each_merged!(values.data(), e => product(e, b, &pairs, (rows, width, common), transpose[1], out))
        .unwrap_or_else(|| Err(refuse_type(values)))
}

pub(super) fn reduce(x: [&Tensor; 3], axes: &[i64], max: bool, keep: bool, out: &mut Tensor) -> Done {
    let [indices, values, dims] = x;
    let of = shape_of(dims)?;
    let mut is_folded = [axes.is_empty(); RANK_MAX];
    for &at in axes {
        is_folded[axis(at, of.len())?] = true;
    }
    if indices.shape()[..] != [values.len(), of.len()] {
        let expected = format!("{} rows of {} indices", values.len(), of.len());
        return Err(refuse(expected, indices.shape().to_string()));
    }
    let folded = (0..of.len()).fold(of, |of, at| if is_folded[at] { of.with(at, 1) } else { of });
    folded.checked_elements().ok_or_else(|| refuse("a shape that a tensor can have", of.to_string()))?;
    let steps = View::whole(&folded).steps;
    let kept: Vec<usize> = (0..of.len()).filter(|&at| keep || !is_folded[at]).map(|at| folded[at]).collect();
    let indices = ints(indices)?;
    let mut places = Vec::with_capacity(values.len());
    for i in 0..values.len() {
        let mut to = 0;
        for at in 0..of.len() {
            let index = place(indices[i * of.len() + at], of[at], false)?;
            to += if is_folded[at] { 0 } else { index * steps[at] as usize };
        }
        places.push(to);
    }
    fn fold<T: Element + Merged>(values: &[T], places: &[usize], to: Shape, max: bool, out: &mut Tensor) -> Done {
        let result = out.make::<T>(to).map_err(too_large)?;
        result.fill(T::default());
        let mut is_met = vec![false; result.len()];
        for (value, &place) in values.iter().zip(places) {
            let is_first = !std::mem::replace(&mut is_met[place], true);
            let to = &mut result[place];
            *to = if is_first { *value } else { to.merge(*value, if max { Merge::Max } else { Merge::Add }) };
        }
        Ok(())
    }
    let to = shape(&kept)?;
    to.checked_elements().ok_or_else(|| refuse("a shape that a tensor can have", to.to_string()))?;
    each_merged!(values.data(), e => fold(e, &places, to, max, out)).unwrap_or_else(|| Err(refuse_type(values)))
}

/// Rows of different lengths: each partition leads from the places of rows to the places of what is in them; `None` is cut off.
pub(super) fn ragged(args: &Args<'_>, parts: &[RowPart], out: &mut Tensor) -> Done {
    let (sizes, values, empty) = (args.ints(0)?, args.get(1)?, args.get(2)?);
    let partition = |i: usize| args.ints(3 + i).map(Option::unwrap_or_default);
    let partitions = (0..parts.len()).map(partition).collect::<Result<Vec<_>, _>>()?;
    let sizes = sizes.unwrap_or_default();
    let is_open = args.get(0)?.rank() == 0;
    let first = match (parts.first(), partitions.first().map(Vec::as_slice)) {
        (Some(RowPart::FirstDim), Some([n])) => *n,
        (Some(RowPart::RowSplits), Some(splits)) => splits.len() as i64 - 1,
        _ => return Err(refuse("a number of rows, or their splits, first", format!("{parts:?}"))),
    };
    let skip = usize::from(parts[0] == RowPart::FirstDim);
    let (parts, partitions) = (&parts[skip..], &partitions[skip..]);
    let rows = usize::try_from(first).map_err(|_| refuse("a number of rows", first.to_string()))?;
    let inner = values.shape().get(1..).unwrap_or_default();
    let rank = 1 + parts.len() + inner.len();
    if !is_open && sizes.len() != rank {
        return Err(refuse(format!("a shape of {rank} dimensions"), format!("{sizes:?}")));
    }
    let given = |at: usize| if is_open { None } else { usize::try_from(sizes[at]).ok() };
    let mut dims = vec![given(0).unwrap_or(rows)];
    // No partition has more values than the next has rows, or there are values.
    let most = partitions.iter().map(Vec::len).chain(values.shape().first().copied()).max().unwrap_or(0);
    let counts = parts.iter().zip(partitions).map(|(part, list)| row_numbers(*part, list, most));
    let counts = counts.collect::<Result<Vec<_>, _>>()?;
    for (i, numbers) in counts.iter().enumerate() {
        let widest = || numbers.iter().map(|(_, at)| at + 1).max().unwrap_or(0);
        dims.push(given(i + 1).unwrap_or_else(widest));
    }
    for (i, &dim) in inner.iter().enumerate() {
        if given(parts.len() + 1 + i).is_some_and(|given| given != dim) {
            return Err(refuse(format!("values of the shape {sizes:?} ends with"), values.shape().to_string()));
        }
        dims.push(dim);
    }
    let to = shape(&dims)?;
    to.checked_elements().ok_or_else(|| refuse("a shape that a tensor can have", to.to_string()))?;
    if rows > ROWS_MAX {
        return Err(refuse("fewer rows", rows.to_string()));
    }
    // Where each row of the partition at hand lies among those of the result.
    let mut now: Vec<Option<usize>> = (0..rows).map(|row| Some(row).filter(|row| *row < dims[0])).collect();
    for (numbers, &dim) in counts.iter().zip(&dims[1..]) {
        let lead = |&(row, at): &(usize, usize)| match now.get(row) {
            Some(place) => Ok(place.filter(|_| at < dim).map(|place| place * dim + at)),
            None => Err(refuse(format!("rows below {}", now.len()), row.to_string())),
        };
        now = numbers.iter().map(lead).collect::<Result<_, _>>()?;
    }
    if values.rank() == 0 || now.len() != values.shape()[0] {
        return Err(refuse(format!("{} values", now.len()), values.shape().to_string()));
    }
    let blank = View::expanded_checked(empty.shape(), inner)?;
    each_element!(values.data(), e => filled(e, &empty, blank, to, &now, out))
}

/// Writes values to their places, and what is blank to all others.
fn filled<T: Element>(
    from: &[T],
    empty: &Tensor,
    blank: View,
    to: Shape,
    now: &[Option<usize>],
    out: &mut Tensor,
) -> Done {
    let empty = empty.get::<T>().ok_or_else(|| refuse_type(empty))?;
    let inner = blank.shape.elements();
    let result = out.make::<T>(to).map_err(too_large)?;
    if result.is_empty() {
        return Ok(());
    }
    result.chunks_mut(inner).for_each(|to| blank.write(empty, to));
    for (from, place) in from.chunks(inner).zip(now) {
        if let Some(place) = place {
            result[place * inner..(place + 1) * inner].clone_from_slice(from);
        }
    }
    Ok(())
}

/// Returns of each value its row, and its place there.
fn row_numbers(part: RowPart, list: &[i64], most: usize) -> Result<Vec<(usize, usize)>, PredictError> {
    let wrong = || refuse("rows of a ragged tensor, in order", "others");
    let mut numbers = Vec::with_capacity(list.len());
    match part {
        RowPart::FirstDim => return Err(refuse("a number of rows first alone", "another")),
        RowPart::RowIds => {
            for &row in list {
                let row = usize::try_from(row).map_err(|_| wrong())?;
                let at = match numbers.last() {
                    Some(&(last, at)) if last == row => at + 1,
                    Some(&(last, _)) if last > row => return Err(wrong()),
                    _ => 0,
                };
                numbers.push((row, at));
            }
        }
        RowPart::RowSplits => {
            let fits =
                list.first() == Some(&0) && list.is_sorted() && list.last().is_some_and(|last| *last <= most as i64);
            if !fits {
                return Err(wrong());
            }
            for (row, pair) in list.windows(2).enumerate() {
                numbers.extend((0..(pair[1] - pair[0]) as usize).map(|at| (row, at)));
            }
        }
    }
    Ok(numbers)
}
