//! Products of integers, and determinants.

use model::{PredictError, Tensor, tensor::Data};

use super::{Done, elements, make, narrow, products, refuse, refuse_type, widened};
use crate::kernel::tensor::{
    broadcast,
    float::{Float, by_float},
    shape,
};

/// Writes the product in int32 of 8-bit integers without their zero points.
pub(super) fn matmul(
    a: &Tensor,
    b: &Tensor,
    zero_a: Option<&Tensor>,
    zero_b: Option<&Tensor>,
    out: &mut Tensor,
) -> Done {
    // A vector of zero points on the left is one for each row.
    let column = match zero_a {
        Some(zero) if zero.rank() == 1 && zero.len() > 1 => {
            Some(zero.reshaped(shape(&[zero.len(), 1])?).map_err(super::too_large)?)
        }
        _ => zero_a.cloned(),
    };
    let a = without(a, column.as_ref())?;
    let b = without(b, zero_b)?;
    products::<i32>(&a, &b, false, out)
}

/// Returns the integers in int32, less their zero points.
pub(in crate::kernel::tensor) fn without(tensor: &Tensor, zero: Option<&Tensor>) -> Result<Tensor, PredictError> {
    fn wide(tensor: &Tensor) -> Result<Vec<i32>, PredictError> {
        match tensor.data() {
            Data::I8(e) => Ok(e.iter().map(|&x| x.into()).collect()),
            Data::U8(e) => Ok(e.iter().map(|&x| x.into()).collect()),
            _ => Err(refuse_type(tensor)),
        }
    }
    let mut numbers = wide(tensor)?;
    if let Some(zero) = zero {
        let zeros = wide(zero)?;
        // One zero point of rank 1 is for all, whatever the rank of the tensor.
        if let [zero] = zeros[..] {
            numbers.iter_mut().for_each(|x| *x -= zero);
        } else {
            if broadcast::shape(tensor.shape(), zero.shape())? != *tensor.shape() {
                let expected = format!("zero points for a tensor of shape {}", tensor.shape());
                return Err(refuse(expected, zero.shape().to_string()));
            }
            broadcast::runs(tensor.shape(), [zero.shape()], |begin, length, [(at, walks)]| {
                for (i, x) in numbers[begin..begin + length].iter_mut().enumerate() {
                    *x -= zeros[at + if walks { i } else { 0 }];
                }
            });
        }
    }
    Tensor::new(tensor.shape(), numbers).map_err(super::too_large)
}

/// Writes the determinant of each matrix.
pub(super) fn determinants(a: &Tensor, out: &mut Tensor) -> Done {
    let wide = widened(a);
    let (outer, size) = match &a.shape()[..] {
        [outer @ .., n, m] if n == m => (outer, *n),
        _ => return Err(refuse("square matrices", a.shape().to_string())),
    };
    let to = shape(outer)?;
    by_float!(&wide, T => {
        let from = elements::<T>(&wide)?;
        let result = make::<T>(out, to)?;
        let mut matrix = Vec::with_capacity(size * size);
        for (i, to) in result.iter_mut().enumerate() {
            matrix.clear();
            matrix.extend_from_slice(&from[i * size * size..][..size * size]);
            *to = determinant(&mut matrix, size);
        }
        Ok::<(), PredictError>(())
    })?;
    narrow(out, a.dtype())
}

/// Elimination with the greatest pivot of each column.
fn determinant<T: Float>(matrix: &mut [T], n: usize) -> T {
    let mut product = T::ONE;
    for k in 0..n {
        let mut pivot = k;
        for i in k + 1..n {
            if matrix[i * n + k].abs() > matrix[pivot * n + k].abs() {
                pivot = i;
            }
        }
        if pivot != k {
            (k..n).for_each(|j| matrix.swap(k * n + j, pivot * n + j));
            product = -product;
        }
        let diagonal = matrix[k * n + k];
        product *= diagonal;
        if diagonal == T::ZERO {
            return product;
        }
        for i in k + 1..n {
            let factor = matrix[i * n + k] / diagonal;
            for j in k + 1..n {
                let less = factor * matrix[k * n + j];
                matrix[i * n + j] = matrix[i * n + j] - less;
            }
        }
    }
    product
}
