//! Decompositions whose result is one and the same whoever computes it: with pivots by the greatest of a column (LU), by Householder's
//! reflections with the sign that keeps digits (QR, as Eigen has it), eigenvalues of symmetric matrices in order, and singular values.
//! Computed in float64, rounded once. Vectors of the last two have no sign of their own.

use model::{
    Call, PredictError, Shape, Tensor,
    tensor::{TENSOR_BYTES_MAX, TensorError},
};
use plan::tensor::dense::Factor;

use super::{Args, Done, element, elements, refuse, shape, too_large, widened};
use crate::kernel::tensor::float::{Float, by_float};

/// Most rows or columns of a matrix that is turned step by step.
const TURNED_MAX: usize = 512;

/// A matrix, row by row.
struct Matrix {
    rows: usize,
    columns: usize,
    cells: Vec<f64>,
}

/// What is made of one matrix, one after the other.
#[derive(Default)]
struct Made {
    first: Vec<f64>,
    second: Vec<f64>,
}

pub(super) fn run(args: &Args<'_>, factor: Factor) -> Done {
    let a = args.get(0)?;
    let [.., rows, columns] = a.shape()[..] else { return Err(refuse("matrices", a.shape().to_string())) };
    let is_square = !matches!(factor, Factor::Qr { .. } | Factor::SingularValues);
    if is_square && rows != columns {
        return Err(refuse("square matrices", a.shape().to_string()));
    }
    if matches!(factor, Factor::Eigenvalues | Factor::SingularValues) && rows.max(columns) > TURNED_MAX {
        return Err(refuse(format!("matrices of at most {TURNED_MAX} rows and columns"), a.shape().to_string()));
    }
    if rows == 0 || columns == 0 {
        return Err(refuse("matrices of some elements", a.shape().to_string()));
    }
    let width = if factor == (Factor::Qr { full: true }) { rows } else { rows.min(columns) };
    let cells = (a.len() / (rows * columns)).checked_mul(rows).and_then(|cells| cells.checked_mul(width));
    if cells.is_none_or(|cells| cells > TENSOR_BYTES_MAX / size_of::<f64>()) {
        return Err(too_large(TensorError::Bytes(format!("{rows}x{width} for each of {}", a.shape()))));
    }
    let wide = widened(&a);
    let mut made = Made::default();
    by_float!(&wide, T => {
        for cells in elements::<T>(&wide)?.chunks((rows * columns).max(1)) {
            args.call.check()?;
            let cells = cells.iter().map(|x| Float::to_f64(*x)).collect();
            Matrix { rows, columns, cells }.made(factor, args.call, &mut made)?;
        }
        Ok::<(), PredictError>(())
    })?;
    write(args, factor, &a, &made)
}

fn write(args: &Args<'_>, factor: Factor, a: &Tensor, made: &Made) -> Done {
    let (outer, [rows, columns]) = match a.shape()[..] {
        [ref outer @ .., rows, columns] => (outer, [rows, columns]),
        _ => return Err(refuse("matrices", a.shape().to_string())),
    };
    let of = |inner: &[usize]| -> Result<Shape, PredictError> { shape(&[outer, inner].concat()) };
    let least = rows.min(columns);
    let shapes = match factor {
        Factor::Lu => [of(&[rows, rows])?, of(&[rows])?],
        Factor::Qr { full: true } => [of(&[rows, rows])?, of(&[rows, columns])?],
        Factor::Qr { full: false } => [of(&[rows, least])?, of(&[least, columns])?],
        Factor::LogDet => [of(&[])?, of(&[])?],
        Factor::Eigenvalues | Factor::SingularValues => [of(&[least])?, of(&[])?],
    };
    for (i, numbers) in [&made.first, &made.second].into_iter().enumerate() {
        let Some(mut out) = args.out(i) else { continue };
        if factor == Factor::Lu && i == 1 {
            let to = out.make::<i32>(shapes[1]).map_err(too_large)?;
            to.iter_mut().zip(numbers).for_each(|(to, x)| *to = *x as i32);
            continue;
        }
        let mut wide = Tensor::default();
        wide.make::<f64>(shapes[i]).map_err(too_large)?.copy_from_slice(numbers);
        element::cast(&wide, &a.ty(), &mut out)?;
    }
    Ok(())
}

impl Matrix {
    fn made(mut self, factor: Factor, call: &Call, to: &mut Made) -> Done {
        match factor {
            Factor::Lu | Factor::LogDet => {
                let (order, swaps) = self.eliminate(factor == Factor::Lu)?;
                if factor == Factor::Lu {
                    to.first.extend(&self.cells);
                    to.second.extend(order.iter().map(|row| *row as f64));
                } else {
                    let diagonal = || (0..self.rows).map(|i| self.cells[i * self.columns + i]);
                    let turned = if swaps.is_multiple_of(2) { 1.0 } else { -1.0 };
                    let sign = diagonal().fold(turned, |sign, x| if x == 0.0 { 0.0 } else { sign * x.signum() });
                    to.first.push(sign);
                    to.second.push(diagonal().map(|x| libm::log(x.abs())).sum());
                }
            }
            Factor::Qr { full } => self.reflect(full, to),
            Factor::Eigenvalues => to.first.extend(self.eigenvalues(call)?),
            Factor::SingularValues => to.first.extend(self.singular_values(call)?),
        }
        Ok(())
    }

    /// Eliminates in place; returns where each row comes from, and how many were exchanged.
    fn eliminate(&mut self, strict: bool) -> Result<(Vec<usize>, usize), PredictError> {
        let n = self.rows;
        let (mut order, mut swaps) = ((0..n).collect::<Vec<usize>>(), 0);
        let a = &mut self.cells;
        for k in 0..n {
            let pivot = (k..n).reduce(|i, j| if a[j * n + k].abs() > a[i * n + k].abs() { j } else { i });
            let pivot = pivot.unwrap_or(k);
            if pivot != k {
                (0..n).for_each(|j| a.swap(k * n + j, pivot * n + j));
                order.swap(k, pivot);
                swaps += 1;
            }
            let diagonal = a[k * n + k];
            if diagonal == 0.0 {
                if strict {
                    return Err(refuse("invertible matrices", "one that is not"));
                }
                continue;
            }
            for i in k + 1..n {
                let factor = a[i * n + k] / diagonal;
                a[i * n + k] = factor;
                for j in k + 1..n {
                    a[i * n + j] -= factor * a[k * n + j];
                }
            }
        }
        Ok((order, swaps))
    }

    /// Householder's reflections, column by column.
    fn reflect(mut self, full: bool, to: &mut Made) {
        let (rows, columns) = (self.rows, self.columns);
        let least = rows.min(columns);
        let width = if full { rows } else { least };
        let mut turns: Vec<(Vec<f64>, f64)> = Vec::with_capacity(least);
        for k in 0..least {
            let first = self.cells[k * columns + k];
            let rest: f64 = (k + 1..rows).map(|i| self.cells[i * columns + k]).map(|x| x * x).sum();
            let mut v = vec![0.0; rows - k];
            v[0] = 1.0;
            let tau = if rest <= f64::MIN_POSITIVE {
                0.0
            } else {
                let size = libm::sqrt(first * first + rest);
                let beta = if first >= 0.0 { -size } else { size };
                (k + 1..rows).for_each(|i| v[i - k] = self.cells[i * columns + k] / (first - beta));
                (beta - first) / beta
            };
            turn(&mut self.cells, columns, k, k..columns, &v, tau);
            turns.push((v, tau));
        }
        let mut q = vec![0.0; rows * width];
        (0..width).for_each(|i| q[i * width + i] = 1.0);
        for (k, (v, tau)) in turns.iter().enumerate().rev() {
            turn(&mut q, width, k, 0..width, v, *tau);
        }
        to.first.extend(q);
        let upper = (0..width).flat_map(|i| (0..columns).map(move |j| (i, j)));
        to.second.extend(upper.map(|(i, j)| if j < i { 0.0 } else { self.cells[i * columns + j] }));
    }

    /// Jacobi's rotations of a symmetric matrix, of which the lower triangle counts.
    fn eigenvalues(mut self, call: &Call) -> Result<Vec<f64>, PredictError> {
        let n = self.rows;
        let a = &mut self.cells;
        (0..n).for_each(|i| (0..i).for_each(|j| a[j * n + i] = a[i * n + j]));
        for _ in 0..SWEEPS_MAX {
            call.check()?;
            let mut is_done = true;
            for p in 0..n {
                for q in p + 1..n {
                    let off = a[p * n + q];
                    if off.abs() <= f64::EPSILON * 0.01 * (a[p * n + p].abs() + a[q * n + q].abs()) || off.is_nan() {
                        continue;
                    }
                    is_done = false;
                    let (cos, sin) = angle(a[p * n + p], a[q * n + q], off);
                    for k in 0..n {
                        let (x, y) = (a[k * n + p], a[k * n + q]);
                        (a[k * n + p], a[k * n + q]) = (cos * x - sin * y, sin * x + cos * y);
                    }
                    for k in 0..n {
                        let (x, y) = (a[p * n + k], a[q * n + k]);
                        (a[p * n + k], a[q * n + k]) = (cos * x - sin * y, sin * x + cos * y);
                    }
                }
            }
            if is_done {
                break;
            }
        }
        let mut values: Vec<f64> = (0..n).map(|i| a[i * n + i]).collect();
        values.sort_by(f64::total_cmp);
        Ok(values)
    }

    /// Jacobi's rotations of the columns until all stand upright on each other.
    fn singular_values(self, call: &Call) -> Result<Vec<f64>, PredictError> {
        let (rows, columns) = (self.rows, self.columns);
        let (long, short) = (rows.max(columns), rows.min(columns));
        let cell = |column: usize, i: usize| if rows >= columns { i * columns + column } else { column * columns + i };
        let mut lines: Vec<Vec<f64>> =
            (0..short).map(|column| (0..long).map(|i| self.cells[cell(column, i)]).collect()).collect();
        let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
        for _ in 0..SWEEPS_MAX {
            call.check()?;
            let mut is_done = true;
            for p in 0..short {
                let (head, tail) = lines.split_at_mut(p + 1);
                let one = &mut head[p];
                for other in tail {
                    let (x, y, off) = (dot(one, one), dot(other, other), dot(one, other));
                    if off.abs() <= f64::EPSILON * libm::sqrt(x * y) || off.is_nan() {
                        continue;
                    }
                    is_done = false;
                    let (cos, sin) = angle(x, y, off);
                    for (a, b) in one.iter_mut().zip(other.iter_mut()) {
                        (*a, *b) = (cos * *a - sin * *b, sin * *a + cos * *b);
                    }
                }
            }
            if is_done {
                break;
            }
        }
        let mut values: Vec<f64> = lines.iter().map(|line| libm::sqrt(dot(line, line))).collect();
        values.sort_by(|a, b| b.total_cmp(a));
        Ok(values)
    }
}

/// Most rounds of rotations; ten do for any matrix.
const SWEEPS_MAX: usize = 60;

/// Returns cosine and sine of the rotation that makes `off` 0 between these diagonals.
fn angle(first: f64, second: f64, off: f64) -> (f64, f64) {
    let theta = (second - first) / (2.0 * off);
    let tan = theta.signum() / (theta.abs() + libm::sqrt(theta * theta + 1.0));
    let cos = 1.0 / libm::sqrt(tan * tan + 1.0);
    (cos, tan * cos)
}

/// Reflects columns of the rows from `k` on: `(1 - tau v v') a`.
fn turn(a: &mut [f64], width: usize, k: usize, columns: std::ops::Range<usize>, v: &[f64], tau: f64) {
    if tau == 0.0 {
        return;
    }
    for j in columns {
        let dot: f64 = v.iter().enumerate().map(|(i, v)| v * a[(k + i) * width + j]).sum();
        v.iter().enumerate().for_each(|(i, v)| a[(k + i) * width + j] -= tau * dot * v);
    }
}
