//! Bands and diagonals of the last two dimensions.

use model::{PredictError, Shape, Tensor, each_element, tensor::Element};
use plan::tensor::{Align, Band};

use super::{Args, Done, refuse, refuse_type, shape, too_large};

/// Returns rows and columns.
fn matrix(of: &Shape) -> Result<(usize, usize), PredictError> {
    match **of {
        [.., rows, columns] => Ok((rows, columns)),
        _ => Err(refuse("a matrix at least", of.to_string())),
    }
}

fn number(of: Option<&[i64]>) -> Result<i64, PredictError> {
    match of {
        None => Ok(0),
        Some([one]) => Ok(*one),
        Some(more) => Err(refuse("one number of a diagonal", format!("{more:?}"))),
    }
}

pub(super) fn band(x: &Tensor, band: Band, first: Option<&[i64]>, second: Option<&[i64]>, out: &mut Tensor) -> Done {
    let (_, columns) = matrix(x.shape())?;
    let (first, second) = (number(first)?, number(second)?);
    let (low, high) = match band {
        Band::Upper => (first, i64::MAX),
        Band::Lower => (i64::MIN, first),
        Band::Around => (if first < 0 { i64::MIN } else { -first }, if second < 0 { i64::MAX } else { second }),
    };
    let rows = x.shape()[x.rank() - 2];
    fn of<T: Element>(
        from: &[T],
        (rows, columns): (usize, usize),
        (low, high): (i64, i64),
        to: Shape,
        out: &mut Tensor,
    ) -> Done {
        let result = out.make::<T>(to).map_err(too_large)?;
        result.fill(T::default());
        if result.is_empty() {
            return Ok(());
        }
        for (i, (from, to)) in from.chunks(columns).zip(result.chunks_mut(columns)).enumerate() {
            let row = (i % rows) as i64;
            let begin = low.saturating_add(row).clamp(0, columns as i64) as usize;
            let end = high.saturating_add(row).saturating_add(1).clamp(0, columns as i64) as usize;
            if begin < end {
                to[begin..end].clone_from_slice(&from[begin..end]);
            }
        }
        Ok(())
    }
    each_element!(x.data(), elements => of(elements, (rows, columns), (low, high), *x.shape(), out))
}

/// Diagonals of matrices: which, how many entries their rows have, and at which end short ones begin.
struct Diagonals {
    rows: usize,
    columns: usize,
    low: i64,
    high: i64,
    width: usize,
    align: Align,
}

impl Diagonals {
    fn new(rows: usize, columns: usize, which: [i64; 2], align: Align) -> Result<Diagonals, PredictError> {
        let [low, high] = which;
        let (r, c) = (rows as i64, columns as i64);
        let is_there = |d: i64| (-r < d && d < c) || d == 0;
        if low > high || !is_there(low) || !is_there(high) {
            let expected = format!("diagonals of a matrix of {rows} rows and {columns} columns, the lower first");
            return Err(refuse(expected, format!("{low} and {high}")));
        }
        let width = (r + high.min(0)).min(c - low.max(0)).max(0) as usize;
        Ok(Diagonals { rows, columns, low, high, width, align })
    }

    fn count(&self) -> usize {
        (self.high - self.low + 1) as usize
    }

    /// Calls with each place of the rows of diagonals, the upper first, and where it lies in the matrix, if it does.
    fn each(&self, mut place: impl FnMut(usize, Option<usize>)) {
        for (row, d) in (self.low..=self.high).rev().enumerate() {
            let (r, c) = (self.rows as i64, self.columns as i64);
            let length = (r + d.min(0)).min(c - d.max(0)).max(0) as usize;
            let is_left = (d >= 0 && !self.align.upper_right) || (d <= 0 && !self.align.lower_right);
            let begin = if is_left { 0 } else { self.width - length };
            let first = (-d).max(0) as usize * self.columns + d.max(0) as usize;
            for i in 0..self.width {
                let inside = (begin..begin + length).contains(&i);
                place(row * self.width + i, inside.then(|| first + (i - begin) * (self.columns + 1)));
            }
        }
    }
}

/// Returns the first and the last diagonal.
fn which(given: Option<&[i64]>) -> Result<[i64; 2], PredictError> {
    match given {
        None => Ok([0, 0]),
        Some([one]) => Ok([*one, *one]),
        Some([low, high]) => Ok([*low, *high]),
        Some(more) => Err(refuse("one or two numbers of diagonals", format!("{more:?}"))),
    }
}

fn padding<T: Element>(value: Option<&Tensor>) -> Result<T, PredictError> {
    match value.map(|value| (value.get::<T>(), value)) {
        None => Ok(T::default()),
        Some((Some([one]), _)) => Ok(one.clone()),
        Some((Some(_), value)) => Err(refuse("one element to fill up with", value.shape().to_string())),
        Some((None, value)) => Err(refuse_type(value)),
    }
}

/// Returns the shape with these dimensions in place of its last ones.
fn ended(outer: &[usize], inner: &[usize]) -> Result<Shape, PredictError> {
    shape(&[outer, inner].concat())
}

pub(super) fn diag_part(
    x: &Tensor,
    given: Option<&[i64]>,
    value: Option<&Tensor>,
    align: Align,
    out: &mut Tensor,
) -> Done {
    let (rows, columns) = matrix(x.shape())?;
    let diagonals = Diagonals::new(rows, columns, which(given)?, align)?;
    let outer = &x.shape()[..x.rank() - 2];
    let to = match diagonals.count() {
        1 => ended(outer, &[diagonals.width])?,
        count => ended(outer, &[count, diagonals.width])?,
    };
    fn of<T: Element>(from: &[T], diagonals: &Diagonals, to: Shape, value: Option<&Tensor>, out: &mut Tensor) -> Done {
        let value = padding::<T>(value)?;
        let result = out.make::<T>(to).map_err(too_large)?;
        let (size, part) = (diagonals.rows * diagonals.columns, diagonals.count() * diagonals.width);
        if size == 0 || part == 0 {
            result.fill(value);
            return Ok(());
        }
        for (from, to) in from.chunks(size).zip(result.chunks_mut(part)) {
            diagonals.each(|i, place| to[i] = place.map_or_else(|| value.clone(), |place| from[place].clone()));
        }
        Ok(())
    }
    each_element!(x.data(), elements => of(elements, &diagonals, to, value, out))
}

pub(super) fn diag(args: &Args<'_>, align: Align, out: &mut Tensor) -> Done {
    let x = &*args.get(0)?;
    let [low, high] = which(args.ints(1)?.as_deref())?;
    let limit = 1 << 31;
    if low > high || low < -limit || high > limit {
        return Err(refuse("the lower diagonal first, of numbers of 31 bits", format!("{low} and {high}")));
    }
    let count = (high - low + 1) as usize;
    let (outer, width) = match (&**x.shape(), count) {
        ([outer @ .., width], 1) => (outer, *width),
        ([outer @ .., diagonals, width], _) if *diagonals == count => (outer, *width),
        _ => return Err(refuse(format!("{count} diagonals"), x.shape().to_string())),
    };
    let least = [width as i64 - high.min(0), width as i64 + low.max(0)];
    let given = |i: usize| -> Result<i64, PredictError> { number(args.ints(i)?.as_deref().or(Some(&[-1]))) };
    let (rows, columns) = match (given(2)?, given(3)?) {
        (-1, -1) => (least[0].max(least[1]), least[0].max(least[1])),
        (-1, columns) => (least[0], columns),
        (rows, -1) => (rows, least[1]),
        sizes => sizes,
    };
    let fits = rows >= least[0] && columns >= least[1] && (rows == least[0] || columns == least[1]);
    let wrong = || {
        let expected = format!("{} rows or {} columns, and no fewer", least[0], least[1]);
        refuse(expected, format!("{rows} rows and {columns} columns"))
    };
    let diagonals = Diagonals::new(
        usize::try_from(rows).ok().filter(|_| fits).ok_or_else(wrong)?,
        usize::try_from(columns).map_err(|_| wrong())?,
        [low, high],
        align,
    )?;
    if diagonals.width != width {
        return Err(wrong());
    }
    let to = ended(outer, &[diagonals.rows, diagonals.columns])?;
    fn of<T: Element>(from: &[T], diagonals: &Diagonals, to: Shape, value: Option<&Tensor>, out: &mut Tensor) -> Done {
        let value = padding::<T>(value)?;
        let result = out.make::<T>(to).map_err(too_large)?;
        result.fill(value);
        put(from, diagonals, result);
        Ok(())
    }
    let value = args.opt(4);
    each_element!(x.data(), elements => of(elements, &diagonals, to, value.as_deref(), out))
}

/// Writes diagonals to their places in matrices.
fn put<T: Clone>(from: &[T], diagonals: &Diagonals, to: &mut [T]) {
    let (size, part) = (diagonals.rows * diagonals.columns, diagonals.count() * diagonals.width);
    if size == 0 || part == 0 {
        return;
    }
    for (from, to) in from.chunks(part).zip(to.chunks_mut(size)) {
        diagonals.each(|i, place| {
            if let Some(place) = place {
                to[place] = from[i].clone();
            }
        });
    }
}

pub(super) fn set_diag(x: &Tensor, values: &Tensor, given: Option<&[i64]>, align: Align, out: &mut Tensor) -> Done {
    let (rows, columns) = matrix(x.shape())?;
    let diagonals = Diagonals::new(rows, columns, which(given)?, align)?;
    let outer = &x.shape()[..x.rank() - 2];
    let expected = match diagonals.count() {
        1 => ended(outer, &[diagonals.width])?,
        count => ended(outer, &[count, diagonals.width])?,
    };
    if expected != *values.shape() {
        return Err(refuse(format!("diagonals of shape {expected}"), values.shape().to_string()));
    }
    fn of<T: Element>(from: &[T], values: &Tensor, diagonals: &Diagonals, to: Shape, out: &mut Tensor) -> Done {
        let values = values.get::<T>().ok_or_else(|| refuse_type(values))?;
        let result = out.make::<T>(to).map_err(too_large)?;
        result.clone_from_slice(from);
        put(values, diagonals, result);
        Ok(())
    }
    each_element!(x.data(), elements => of(elements, values, &diagonals, *x.shape(), out))
}
