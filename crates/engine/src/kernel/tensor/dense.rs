//! Products of matrices.
//!
//! A result's sum runs over the common dimension in order, one product after the other, so that a row has the same bits
//! however many rows stand beside it. Several columns are summed side by side.

use model::{
    PredictError, Shape, Tensor,
    tensor::{Data, Element},
};
use plan::tensor::DenseOp;

use super::{Args, Done, Site, broadcast, refuse, refuse_type, too_large};

/// An op of the family, ready to run.
pub(super) struct DenseKernel {
    op: DenseOp,
    /// The second factor where it never changes, its last dimensions in the order of the product.
    weights: Option<Tensor>,
}

impl DenseKernel {
    pub(super) fn new(op: &DenseOp, site: &Site<'_>) -> DenseKernel {
        let DenseOp::MatMul { transpose } = op;
        let constant = site.constants.get(1).copied().flatten().and_then(|whole| whole.as_tensor());
        let weights = constant.and_then(|tensor| turned(tensor, transpose[1]).ok());
        DenseKernel { op: op.clone(), weights }
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        let Some(mut out) = args.out(0) else { return Ok(()) };
        let DenseOp::MatMul { transpose } = &self.op;
        args.call.check()?;
        let a = args.get(0)?;
        let left;
        let a = if transpose[0] {
            left = turned(&a, true)?;
            &left
        } else {
            &*a
        };
        match &self.weights {
            Some(b) => matmul(a, b, &mut out),
            None => matmul(a, &turned(&*args.get(1)?, transpose[1])?, &mut out),
        }
    }
}

/// Returns the tensor with its last two dimensions changed, where that is asked.
fn turned(tensor: &Tensor, is_turned: bool) -> Result<Tensor, PredictError> {
    let rank = tensor.rank();
    if !is_turned || rank < 2 {
        return Ok(tensor.clone());
    }
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(rank - 2, rank - 1);
    let mut out = Tensor::default();
    super::layout::transpose(tensor, &order, &mut out)?;
    Ok(out)
}

fn matmul(a: &Tensor, b: &Tensor, out: &mut Tensor) -> Done {
    let wrong = || refuse(format!("a matrix that {} can be multiplied with", a.shape()), b.shape().to_string());
    if a.rank() == 0 || b.rank() == 0 {
        return Err(wrong());
    }
    // A vector becomes a matrix, and its dimension leaves the result again.
    let left = if a.rank() == 1 { a.shape().insert(0, 1).map_err(too_large)? } else { *a.shape() };
    let right = if b.rank() == 1 { b.shape().insert(1, 1).map_err(too_large)? } else { *b.shape() };
    let (rows, common) = (left[left.len() - 2], left[left.len() - 1]);
    let columns = right[right.len() - 1];
    if right[right.len() - 2] != common {
        return Err(wrong());
    }
    let outer = |shape: &Shape| super::shape(&shape[..shape.len() - 2]);
    let (left_outer, right_outer) = (outer(&left)?, outer(&right)?);
    let batch = broadcast::shape(&left_outer, &right_outer)?;
    let mut to = batch;
    if a.rank() > 1 {
        to = to.insert(to.len(), rows).map_err(too_large)?;
    }
    if b.rank() > 1 {
        to = to.insert(to.len(), columns).map_err(too_large)?;
    }
    let mut places = Vec::with_capacity(batch.elements());
    broadcast::runs(&batch, [&left_outer, &right_outer], |_, length, [(i, walks_i), (j, walks_j)]| {
        places.extend((0..length).map(|k| (i + k * usize::from(walks_i), j + k * usize::from(walks_j))));
    });
    let size = (rows, common, columns);
    match a.data() {
        Data::F32(_) => products::<f32>(a, b, to, &places, size, out, |sum, x, y| sum + x * y),
        Data::F64(_) => products::<f64>(a, b, to, &places, size, out, |sum, x, y| sum + x * y),
        Data::I32(_) => products::<i32>(a, b, to, &places, size, out, |s, x, y| s.wrapping_add(x.wrapping_mul(y))),
        Data::I64(_) => products::<i64>(a, b, to, &places, size, out, |s, x, y| s.wrapping_add(x.wrapping_mul(y))),
        Data::U32(_) => products::<u32>(a, b, to, &places, size, out, |s, x, y| s.wrapping_add(x.wrapping_mul(y))),
        Data::U64(_) => products::<u64>(a, b, to, &places, size, out, |s, x, y| s.wrapping_add(x.wrapping_mul(y))),
        _ => Err(refuse_type(a)),
    }
}

fn products<T: Element + Copy>(
    a: &Tensor,
    b: &Tensor,
    to: Shape,
    places: &[(usize, usize)],
    (rows, common, columns): (usize, usize, usize),
    out: &mut Tensor,
    add: impl Fn(T, T, T) -> T,
) -> Done {
    let (Some(x), Some(y)) = (a.get::<T>(), b.get::<T>()) else { return Err(refuse_type(b)) };
    let result = out.make::<T>(to).map_err(too_large)?;
    result.fill(T::default());
    let (size_a, size_b, size) = (rows * common, common * columns, rows * columns);
    for (at, (i, j)) in places.iter().enumerate() {
        let (x, y) = (&x[i * size_a..][..size_a], &y[j * size_b..][..size_b]);
        let result = &mut result[at * size..][..size];
        for row in 0..rows {
            let sums = &mut result[row * columns..][..columns];
            for k in 0..common {
                let x = x[row * common + k];
                for (sum, y) in sums.iter_mut().zip(&y[k * columns..][..columns]) {
                    *sum = add(*sum, x, *y);
                }
            }
        }
    }
    Ok(())
}
