//! Equations of matrices: elimination with the greatest pivot of each column, triangles, and Cholesky's decomposition.

use model::{PredictError, Tensor};
use plan::tensor::Left;

use super::{Done, elements, make, narrow, refuse, widened};
use crate::kernel::tensor::float::{Float, by_float};

/// Returns the number of rows and columns of square matrices.
fn size(a: &Tensor) -> Result<usize, PredictError> {
    match a.shape()[..] {
        [.., n, m] if n == m => Ok(n),
        _ => Err(refuse("square matrices", a.shape().to_string())),
    }
}

/// Returns the inverse of each matrix, or of its transpose.
pub(super) fn invert(a: &Tensor, turned: bool, out: &mut Tensor) -> Done {
    let (wide, n) = (widened(a), size(a)?);
    by_float!(&wide, T => {
        let from = elements::<T>(&wide)?;
        let result = make::<T>(out, *a.shape())?;
        for (from, to) in from.chunks(n.pow(2).max(1)).zip(result.chunks_mut(n.pow(2).max(1))) {
            to.fill(T::ZERO);
            (0..n).for_each(|i| to[i * n + i] = T::ONE);
            eliminate(&mut copied(from, n, turned), n, to, n)?;
        }
        Ok::<(), PredictError>(())
    })?;
    narrow(out, a.dtype())
}

/// Returns x of `a x = b`, or of the transpose of a.
pub(super) fn solve(a: &Tensor, b: &Tensor, left: Left, turned: bool, out: &mut Tensor) -> Done {
    let (wide, right, n) = (widened(a), widened(b), size(a)?);
    let outer = a.rank() - 2;
    let columns = match b.shape()[..] {
        [.., rows, columns] if b.rank() == a.rank() && rows == n && a.shape()[..outer] == b.shape()[..outer] => columns,
        _ => return Err(refuse(format!("right sides for matrices {}", a.shape()), b.shape().to_string())),
    };
    by_float!(&wide, T => {
        let (from, sides) = (elements::<T>(&wide)?, elements::<T>(&right)?);
        let result = make::<T>(out, *b.shape())?;
        result.copy_from_slice(sides);
        for (from, to) in from.chunks(n.pow(2).max(1)).zip(result.chunks_mut((n * columns).max(1))) {
            let mut matrix = copied(from, n, turned);
            match (left, turned) {
                (Left::All, _) => eliminate(&mut matrix, n, to, columns)?,
                (Left::Lower, false) | (Left::Upper, true) => (0..n).for_each(|i| substitute(&matrix, n, i, 0..i, to, columns)),
                _ => (0..n).rev().for_each(|i| substitute(&matrix, n, i, i + 1..n, to, columns)),
            }
        }
        Ok::<(), PredictError>(())
    })?;
    narrow(out, a.dtype())
}

/// Returns of each matrix the lower triangle whose product with its transpose it is; what is above the diagonal is not looked at.
pub(super) fn cholesky(a: &Tensor, out: &mut Tensor) -> Done {
    let (wide, n) = (widened(a), size(a)?);
    by_float!(&wide, T => {
        let from = elements::<T>(&wide)?;
        let result = make::<T>(out, *a.shape())?;
        result.fill(T::ZERO);
        for (from, to) in from.chunks(n.pow(2).max(1)).zip(result.chunks_mut(n.pow(2).max(1))) {
            for i in 0..n {
                for j in 0..=i {
                    let rest = (0..j).fold(from[i * n + j], |rest, k| rest - to[i * n + k] * to[j * n + k]);
                    if i > j {
                        to[i * n + j] = rest / to[j * n + j];
                    } else if rest > T::ZERO {
                        to[i * n + i] = rest.sqrt();
                    } else {
                        return Err(refuse("positive definite matrices", "another"));
                    }
                }
            }
        }
        Ok::<(), PredictError>(())
    })?;
    narrow(out, a.dtype())
}

/// Returns a matrix, or its transpose.
fn copied<T: Float>(from: &[T], n: usize, turned: bool) -> Vec<T> {
    match turned {
        false => from.to_vec(),
        true => (0..n * n).map(|i| from[i % n * n + i / n]).collect(),
    }
}

/// Finds row `i` of the result from rows that are found.
fn substitute<T: Float>(matrix: &[T], n: usize, i: usize, found: std::ops::Range<usize>, to: &mut [T], columns: usize) {
    for j in found {
        let factor = matrix[i * n + j];
        for c in 0..columns {
            let less = factor * to[j * columns + c];
            to[i * columns + c] = to[i * columns + c] - less;
        }
    }
    let diagonal = matrix[i * n + i];
    to[i * columns..(i + 1) * columns].iter_mut().for_each(|x| *x = *x / diagonal);
}

fn eliminate<T: Float>(matrix: &mut [T], n: usize, to: &mut [T], columns: usize) -> Done {
    for k in 0..n {
        let pivot = (k..n).reduce(|a, b| if matrix[b * n + k].abs() > matrix[a * n + k].abs() { b } else { a });
        let pivot = pivot.unwrap_or(k);
        if pivot != k {
            (k..n).for_each(|j| matrix.swap(k * n + j, pivot * n + j));
            (0..columns).for_each(|c| to.swap(k * columns + c, pivot * columns + c));
        }
        let diagonal = matrix[k * n + k];
        if diagonal == T::ZERO {
            return Err(refuse("invertible matrices", "one that is not"));
        }
        for i in k + 1..n {
            let factor = matrix[i * n + k] / diagonal;
            for j in k + 1..n {
                let less = factor * matrix[k * n + j];
                matrix[i * n + j] = matrix[i * n + j] - less;
            }
            for c in 0..columns {
                let less = factor * to[k * columns + c];
                to[i * columns + c] = to[i * columns + c] - less;
            }
        }
    }
    (0..n).rev().for_each(|i| substitute(matrix, n, i, i + 1..n, to, columns));
    Ok(())
}
