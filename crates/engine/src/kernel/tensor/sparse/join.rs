//! Sparse tensors one after the other, in part, and added up.

use std::cmp::Ordering;

use model::{
    PredictError, Tensor, each_element,
    tensor::{Data, Element},
};

use super::{Args, Done, Sparse, put_ints, put_shape, refuse, refuse_type};
use crate::kernel::tensor::axis;

/// Writes a sparse tensor: so many dimensions, rows of indices, values, and its shape.
fn put(args: &Args<'_>, of: &[usize], indices: &[i64], values: Tensor) -> Done {
    put_ints(args, 0, &[values.len(), of.len()], indices)?;
    put_shape(args, 2, of)?;
    if let Some(mut out) = args.out(1) {
        *out = values;
    }
    Ok(())
}

/// Returns the values of these tensors in this order.
fn picked(parts: &[Sparse], order: &[(usize, usize)]) -> Result<Tensor, PredictError> {
    fn of<T: Element>(_: &[T], parts: &[Sparse], order: &[(usize, usize)]) -> Result<Tensor, PredictError> {
        let values: Option<Vec<&[T]>> = parts.iter().map(|part| part.values.get::<T>()).collect();
        let values = values.ok_or_else(|| refuse("values of one type", "others"))?;
        Ok(Tensor::vector(order.iter().map(|&(part, i)| values[part][i].clone()).collect()))
    }
    let Some(first) = parts.first() else { return Err(refuse("a sparse tensor", "none")) };
    each_element!(first.values.data(), elements => of(elements, parts, order))
}

pub(super) fn concat(args: &Args<'_>, along: i64, count: usize) -> Done {
    let parts = (0..count).map(|i| Sparse::read(args, [i, count + i, 2 * count + i]));
    let mut parts = parts.collect::<Result<Vec<_>, _>>()?;
    let Some(first) = parts.first() else { return Err(refuse("a sparse tensor", "none")) };
    let (mut of, along) = (first.of, axis(along, first.rank())?);
    of = of.with(along, 0);
    let mut total = 0usize;
    for part in &mut parts {
        if part.of.len() != of.len() || part.of.with(along, 0) != of {
            return Err(refuse(format!("shapes that are one but for axis {along}"), part.of.to_string()));
        }
        let rank = part.rank();
        part.indices.chunks_mut(rank.max(1)).for_each(|row| row[along] += total as i64);
        total = total.checked_add(part.of[along]).ok_or_else(|| refuse("shorter dimensions", "too long ones"))?;
    }
    of = of.with(along, total);
    let mut order: Vec<(usize, usize)> =
        parts.iter().enumerate().flat_map(|(part, of)| (0..of.values.len()).map(move |i| (part, i))).collect();
    order.sort_by(|a, b| parts[a.0].row(a.1).cmp(parts[b.0].row(b.1)));
    let indices: Vec<i64> = order.iter().flat_map(|&(part, i)| parts[part].row(i)).copied().collect();
    put(args, &of, &indices, picked(&parts, &order)?)
}

/// What is left of a dimension is cut to it.
pub(super) fn slice(args: &Args<'_>) -> Done {
    let whole = Sparse::read(args, [0, 1, 2])?;
    let (begins, sizes) = (args.ints(3)?.unwrap_or_default(), args.ints(4)?.unwrap_or_default());
    if begins.len() != whole.rank() || sizes.len() != whole.rank() || begins.iter().chain(&sizes).any(|n| *n < 0) {
        return Err(refuse(
            format!("a begin and a size for each of {} axes", whole.rank()),
            format!("{begins:?} and {sizes:?}"),
        ));
    }
    let end = |axis: usize| begins[axis].saturating_add(sizes[axis]).min(whole.of[axis] as i64);
    let of: Vec<usize> = (0..whole.rank()).map(|axis| (end(axis) - begins[axis]).max(0) as usize).collect();
    let is_in = |row: &[i64]| row.iter().enumerate().all(|(axis, &i)| begins[axis] <= i && i < end(axis));
    let order: Vec<(usize, usize)> = (0..whole.values.len()).filter(|&i| is_in(whole.row(i))).map(|i| (0, i)).collect();
    let indices: Vec<i64> =
        order.iter().flat_map(|&(_, i)| whole.row(i).iter().zip(&begins).map(|(i, begin)| i - begin)).collect();
    put(args, &of, &indices, picked(&[whole], &order)?)
}

/// Both must be in the order of places, as TensorFlow's are.
pub(super) fn add(args: &Args<'_>) -> Done {
    let (a, b) = (Sparse::read(args, [0, 1, 2])?, Sparse::read(args, [3, 4, 5])?);
    if a.of != b.of {
        return Err(refuse(format!("sparse tensors of shape {}", a.of), b.of.to_string()));
    }
    let least = args.get(6)?;
    let least = match least.data() {
        Data::F32(e) => e.first().map(|x| f64::from(*x)),
        Data::F64(e) => e.first().copied(),
        Data::I32(e) => e.first().map(|x| f64::from(*x)),
        Data::I64(e) => e.first().map(|x| *x as f64),
        _ => None,
    };
    let least = least.ok_or_else(|| refuse("a threshold", "none"))?;
    macro_rules! sum {
        ($ty:ty, $add:expr) => {
            added::<$ty>(args, &a, &b, $add, |x| (*x as f64).abs() >= least)
        };
    }
    match a.values.data() {
        Data::F32(_) => sum!(f32, |x, y| x + y),
        Data::F64(_) => sum!(f64, |x, y| x + y),
        Data::I32(_) => sum!(i32, |x, y| x.wrapping_add(y)),
        Data::I64(_) => sum!(i64, |x, y| x.wrapping_add(y)),
        _ => Err(refuse_type(&a.values)),
    }
}

fn added<T: Element + Copy>(
    args: &Args<'_>,
    a: &Sparse,
    b: &Sparse,
    add: impl Fn(T, T) -> T,
    is_kept: impl Fn(&T) -> bool,
) -> Done {
    let (Some(x), Some(y)) = (a.values.get::<T>(), b.values.get::<T>()) else { return Err(refuse_type(&b.values)) };
    let (mut i, mut j, mut indices, mut values) = (0, 0, Vec::new(), Vec::new());
    while i < x.len() || j < y.len() {
        let which = match (i < x.len(), j < y.len()) {
            (true, true) => a.row(i).cmp(b.row(j)),
            (true, false) => Ordering::Less,
            _ => Ordering::Greater,
        };
        let (row, value) = match which {
            Ordering::Less => (a.row(i), x[i]),
            Ordering::Equal => (a.row(i), add(x[i], y[j])),
            Ordering::Greater => (b.row(j), y[j]),
        };
        if which != Ordering::Equal || is_kept(&value) {
            indices.extend_from_slice(row);
            values.push(value);
        }
        i += usize::from(which != Ordering::Greater);
        j += usize::from(which != Ordering::Less);
    }
    put(args, &a.of, &indices, Tensor::vector(values))
}
