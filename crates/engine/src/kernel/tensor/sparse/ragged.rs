//! Rows of different lengths.

use model::{
    DType, PredictError, Shape, Tensor, each_element,
    tensor::{Data, Element, TENSOR_BYTES_MAX},
};

use super::{Args, Done, ints, put_ints, put_shape, refuse, refuse_type, shape, too_large};
use crate::kernel::tensor::write_ints;

/// Most rows of a ragged dimension.
const SPLITS_MAX: usize = 1 << 22;

/// Writes where rows begin and the last ends.
fn put_splits(args: &Args<'_>, output: usize, dtype: DType, splits: Vec<usize>) -> Done {
    let Some(mut out) = args.out(output) else { return Ok(()) };
    write_ints(&shape(&[splits.len()])?, splits, dtype, &mut out)
}

/// Returns splits that are in order and lead to values that are there.
fn splits(args: &Args<'_>, input: usize, most: usize) -> Result<Vec<usize>, PredictError> {
    let tensor = args.get(input)?;
    let splits = ints(&tensor)?;
    let fits = splits.first().is_some_and(|first| *first >= 0)
        && splits.is_sorted()
        && splits.last().is_some_and(|last| *last <= most as i64);
    if !fits {
        let ends = (splits.first(), splits.last());
        return Err(refuse(format!("splits in order from 0 to {most}"), format!("{} from {ends:?}", splits.len())));
    }
    if splits.len() > SPLITS_MAX {
        return Err(refuse(format!("at most {SPLITS_MAX} rows"), splits.len().to_string()));
    }
    Ok(splits.into_iter().map(|split| split as usize).collect())
}

pub(super) fn range(args: &Args<'_>, dtype: DType) -> Done {
    let (starts, limits, steps) = (args.get(0)?, args.get(1)?, args.get(2)?);
    let rows = [&starts, &limits, &steps].into_iter().filter(|x| x.rank() > 0).map(|x| x.len()).max().unwrap_or(1);
    for x in [&starts, &limits, &steps] {
        if x.rank() > 1 || (x.rank() == 1 && x.len() != rows) {
            return Err(refuse(format!("numbers for {rows} rows, or one for all"), x.shape().to_string()));
        }
    }
    /// Most values of all rows.
    const VALUES_MAX: usize = TENSOR_BYTES_MAX / 8;
    macro_rules! rows {
        ($ty:ty, $count:expr, $at:expr) => {{
            let of = |x: &Tensor, row: usize| -> Result<$ty, PredictError> {
                let numbers = x.get::<$ty>().ok_or_else(|| refuse_type(x))?;
                Ok(numbers[if x.rank() == 0 { 0 } else { row }])
            };
            let (mut splits, mut values) = (vec![0], Vec::<$ty>::new());
            for row in 0..rows {
                let (start, limit, step) = (of(&starts, row)?, of(&limits, row)?, of(&steps, row)?);
                if step == <$ty>::default() {
                    return Err(refuse("a step other than 0", "0"));
                }
                let count: usize = $count(start, limit, step);
                if count > VALUES_MAX - values.len() {
                    return Err(refuse("shorter ranges", format!("from {start} to {limit} by {step}")));
                }
                values.extend((0..count).map(|i| $at(start, step, i)));
                splits.push(values.len());
            }
            put_splits(args, 0, dtype, splits)?;
            if let Some(mut out) = args.out(1) {
                *out = Tensor::vector(values);
            }
            Ok(())
        }};
    }
    fn whole(start: i128, limit: i128, step: i128) -> usize {
        let steps = (limit - start + step - step.signum()) / step;
        if (limit - start).signum() * step.signum() > 0 { steps as usize } else { 0 }
    }
    fn parts(start: f64, limit: f64, step: f64) -> usize {
        let count = ((limit - start) / step).ceil();
        if count > 0.0 { count as usize } else { 0 }
    }
    match starts.data() {
        Data::I32(_) => {
            rows!(i32, |a: i32, b: i32, c: i32| whole(i128::from(a), b.into(), c.into()), |a: i32, c: i32, i| a
                .wrapping_add(c.wrapping_mul(i as i32)))
        }
        Data::I64(_) => {
            rows!(i64, |a: i64, b: i64, c: i64| whole(i128::from(a), b.into(), c.into()), |a: i64, c: i64, i| a
                .wrapping_add(c.wrapping_mul(i as i64)))
        }
        Data::F32(_) => {
            rows!(f32, |a: f32, b: f32, c: f32| parts(f64::from(a), b.into(), c.into()), |a: f32, c: f32, i| a + c * i
                as f32)
        }
        Data::F64(_) => rows!(f64, parts, |a: f64, c: f64, i| a + c * i as f64),
        _ => Err(refuse_type(&starts)),
    }
}

pub(super) fn gather(args: &Args<'_>, count: usize) -> Done {
    let (values, places) = (args.get(count)?, args.get(count + 1)?);
    let dtype = args.get(0)?.dtype().unwrap_or(DType::I64);
    if values.rank() == 0 || places.rank() == 0 {
        return Err(refuse(
            "values with rows, and a vector of them",
            format!("{} and {}", values.shape(), places.shape()),
        ));
    }
    let mut nested = Vec::with_capacity(count);
    for i in 0..count {
        let most = if i + 1 == count { values.shape()[0] } else { args.get(i + 1)?.len().saturating_sub(1) };
        nested.push(splits(args, i, most)?);
    }
    let outer = places.rank() - 1;
    let mut made: Vec<Vec<usize>> = Vec::with_capacity(outer + count);
    let mut rows = 1;
    for dim in 0..outer {
        rows *= places.shape()[dim];
        let length = places.shape()[dim + 1];
        made.push((0..=rows).map(|row| row * length).collect());
    }
    made.resize(outer + count, vec![0]);
    let (mut taken, mut total) = (Vec::new(), 0usize);
    for place in ints(&places)? {
        args.call.check()?;
        let row = usize::try_from(place).ok().filter(|row| row + 1 < nested[0].len());
        let row = row.ok_or_else(|| refuse(format!("rows below {}", nested[0].len() - 1), place.to_string()))?;
        let (mut begin, mut end) = (row, row + 1);
        for (i, splits) in nested.iter().enumerate() {
            let of = &mut made[outer + i];
            let last = of.last().copied().unwrap_or(0);
            total += end - begin;
            of.extend((begin..end).map(|row| last + splits[row + 1] - splits[begin]));
            (begin, end) = (splits[begin], splits[end]);
        }
        total += end - begin;
        if total > TENSOR_BYTES_MAX / 8 {
            return Err(refuse("fewer rows and values", "more than a tensor holds"));
        }
        taken.push((begin, end));
    }
    for (i, splits) in made.into_iter().enumerate() {
        put_splits(args, i, dtype, splits)?;
    }
    let Some(mut out) = args.out(outer + count) else { return Ok(()) };
    each_element!(values.data(), elements => copied(elements, values.shape(), &taken, &mut out))
}

/// Writes the entries of the first axis that these ranges are.
fn copied<T: Element>(from: &[T], of: &Shape, taken: &[(usize, usize)], out: &mut Tensor) -> Done {
    let inner: usize = of[1..].iter().product();
    let count = taken.iter().map(|(begin, end)| end - begin).sum();
    let mut rest = out.make::<T>(of.with(0, count)).map_err(too_large)?;
    for &(begin, end) in taken {
        let (to, behind) = rest.split_at_mut((end - begin) * inner);
        to.clone_from_slice(&from[begin * inner..end * inner]);
        rest = behind;
    }
    Ok(())
}

pub(super) fn to_sparse(args: &Args<'_>, count: usize) -> Done {
    let values = args.get(count)?;
    if values.rank() == 0 || count == 0 {
        return Err(refuse("values with rows", values.shape().to_string()));
    }
    let mut nested = Vec::with_capacity(count);
    for i in 0..count {
        let most = if i + 1 == count { values.shape()[0] } else { args.get(i + 1)?.len().saturating_sub(1) };
        nested.push(splits(args, i, most)?);
        if nested[i][0] != 0 || nested[i].last() != Some(&most) {
            return Err(refuse(format!("splits from 0 to {most}"), "others"));
        }
    }
    let inner = &values.shape()[1..];
    let rank = 1 + count + inner.len();
    if values.len().checked_mul(rank).is_none_or(|n| n > TENSOR_BYTES_MAX / 8) {
        return Err(refuse("fewer values", values.shape().to_string()));
    }
    // Of each row of the dimension at hand its indices so far.
    let mut paths: Vec<Vec<i64>> = (0..nested[0].len() - 1).map(|row| vec![row as i64]).collect();
    let mut dims = vec![paths.len()];
    for splits in &nested {
        let mut next = Vec::new();
        dims.push(splits.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0));
        for (path, pair) in paths.iter().zip(splits.windows(2)) {
            next.extend((0..pair[1] - pair[0]).map(|i| [&path[..], &[i as i64]].concat()));
        }
        paths = next;
    }
    dims.extend(inner);
    let each: usize = inner.iter().product();
    let mut indices = Vec::with_capacity(values.len() * rank);
    for path in &paths {
        for i in 0..each {
            indices.extend_from_slice(path);
            let (begin, mut rest) = (indices.len(), i);
            indices.resize(begin + inner.len(), 0);
            for (to, &dim) in indices[begin..].iter_mut().zip(inner).rev() {
                *to = (rest % dim) as i64;
                rest /= dim;
            }
        }
    }
    put_ints(args, 0, &[values.len(), rank], &indices)?;
    put_shape(args, 2, &dims)?;
    let Some(mut out) = args.out(1) else { return Ok(()) };
    *out = values.reshaped(shape(&[values.len()])?).map_err(too_large)?;
    Ok(())
}
