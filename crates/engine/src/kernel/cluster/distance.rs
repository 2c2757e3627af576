//! How far a centre is from a vector, in Spark's arithmetic (`MLUtils.fastSquaredDistance`, `Vectors.sqdist`, `BLAS.dot`):
//! one sum each, from the first element to the last.

use model::column::Row;

/// The distance of 1.0 to the next float64.
const EPSILON: f64 = f64::EPSILON;

/// What the quick way must keep of the squared distance.
const PRECISION: f64 = 1e-6;

/// A vector or centre with its norm.
#[derive(Clone, Copy)]
pub struct Point<'a> {
    pub x: Row<'a>,
    pub norm: f64,
}

/// A centre, written in full.
#[derive(Clone, Copy)]
pub struct Center<'a> {
    pub values: &'a [f64],
    pub norm: f64,
}

impl<'a> Point<'a> {
    pub fn new(x: Row<'a>) -> Point<'a> {
        let (Row::Dense(values) | Row::Sparse { values, .. }) = x;
        Point { x, norm: norm(values) }
    }
}

/// Returns the square root of the sum of the squares.
fn norm(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |sum, v| sum + v * v).sqrt()
}

/// Returns the square of the Euclidean distance; the sizes are the same.
pub fn squared(center: Center<'_>, point: Point<'_>) -> f64 {
    let Row::Sparse { indices, values, .. } = point.x else { return sum_of_squares(center.values, point.x) };
    let sum = center.norm * center.norm + point.norm * point.norm;
    let apart = center.norm - point.norm;
    let dot = || indices.iter().zip(values).fold(0.0, |sum, (&i, v)| sum + v * center.values[i as usize]);
    if 2.0 * EPSILON * sum / (apart * apart + EPSILON) < PRECISION {
        return sum - 2.0 * dot();
    }
    let dot = dot();
    let square = java_max_0(sum - 2.0 * dot);
    if EPSILON * (sum + 2.0 * dot.abs()) / (square + EPSILON) > PRECISION {
        return sum_of_squares(center.values, point.x);
    }
    square
}

/// Returns the larger of the number and 0; NaN stays NaN, unlike with `f64::max`.
fn java_max_0(x: f64) -> f64 {
    if x > 0.0 || x.is_nan() { x } else { 0.0 }
}

/// Returns the sum of the squared differences.
pub fn sum_of_squares(center: &[f64], x: Row<'_>) -> f64 {
    let square = |d: f64| d * d;
    match x {
        Row::Dense(x) => center.iter().zip(x).fold(0.0, |sum, (c, x)| sum + square(c - x)),
        Row::Sparse { indices, values, .. } => {
            let (mut sum, mut at) = (0.0, 0);
            for (&i, x) in indices.iter().zip(values) {
                sum = center[at..i as usize].iter().fold(sum, |sum, &c| sum + square(c));
                sum += square(center[i as usize] - x);
                at = i as usize + 1;
            }
            center[at..].iter().fold(sum, |sum, &c| sum + square(c))
        }
    }
}

/// Returns the cosine distance; the sizes are the same and both norms above 0.
pub fn cosine(center: Center<'_>, point: Point<'_>) -> f64 {
    let dot = match point.x {
        Row::Dense(x) => center.values.iter().zip(x).fold(0.0, |sum, (c, x)| sum + c * x),
        Row::Sparse { indices, values, .. } => {
            indices.iter().zip(values).fold(0.0, |sum, (&i, x)| sum + center.values[i as usize] * x)
        }
    };
    1.0 - dot / center.norm / point.norm
}
