//! Sparse and ragged tensors that stay so.

mod cross;
mod join;
mod ragged;

use model::{PredictError, Shape, Tensor};
use plan::tensor::SparseOp;

use super::{Args, Done, ints, layout::shape_of, refuse, refuse_type, shape, too_large};

/// An op of the family, ready to run.
pub(super) struct SparseKernel(SparseOp);

/// A sparse tensor as it was given: one row of indices a value.
struct Sparse {
    indices: Vec<i64>,
    values: Tensor,
    of: Shape,
}

impl SparseKernel {
    pub(super) fn new(op: &SparseOp) -> SparseKernel {
        SparseKernel(op.clone())
    }

    pub(super) fn run(&self, args: &Args<'_>) -> Done {
        args.call.check()?;
        match &self.0 {
            SparseOp::Cross { sparse, dense, how } => cross::run(args, *sparse, *dense, how),
            SparseOp::Concat { axis, count } => join::concat(args, *axis, *count),
            SparseOp::Slice => join::slice(args),
            SparseOp::Add => join::add(args),
            SparseOp::Range { splits } => ragged::range(args, *splits),
            SparseOp::Gather { splits, .. } => ragged::gather(args, *splits),
            SparseOp::FromRagged { splits } => ragged::to_sparse(args, *splits),
        }
    }
}

// === impl Sparse ===

impl Sparse {
    /// Returns the sparse tensor of three inputs, whose indices are within its shape.
    fn read(args: &Args<'_>, [indices, values, of]: [usize; 3]) -> Result<Sparse, PredictError> {
        let (rows, values, of) = (args.get(indices)?, args.get(values)?, shape_of(&*args.get(of)?)?);
        let fits =
            rows.rank() == 2 && rows.shape()[1] == of.len() && values.rank() == 1 && values.len() == rows.shape()[0];
        if !fits {
            let got = format!("{} and {} values", rows.shape(), values.len());
            return Err(refuse(format!("a row of {} indices for each value", of.len()), got));
        }
        let indices = ints(&rows)?;
        let within = |row: &[i64]| row.iter().zip(&*of).all(|(&i, &dim)| usize::try_from(i).is_ok_and(|i| i < dim));
        if let Some(row) = indices.chunks(of.len().max(1)).find(|row| !within(row)) {
            return Err(refuse(format!("indices within {of}"), format!("{row:?}")));
        }
        Ok(Sparse { indices, values: values.clone(), of })
    }

    fn rank(&self) -> usize {
        self.of.len()
    }

    /// Returns the indices of a value.
    fn row(&self, i: usize) -> &[i64] {
        &self.indices[i * self.rank()..(i + 1) * self.rank()]
    }
}

/// Writes integers of this shape as an output.
fn put_ints(args: &Args<'_>, output: usize, of: &[usize], numbers: &[i64]) -> Done {
    if let Some(mut out) = args.out(output) {
        out.make::<i64>(shape(of)?).map_err(too_large)?.copy_from_slice(numbers);
    }
    Ok(())
}

/// Writes the dimensions of a shape as an output.
fn put_shape(args: &Args<'_>, output: usize, of: &[usize]) -> Done {
    let dims: Vec<i64> = of.iter().map(|&dim| dim as i64).collect();
    put_ints(args, output, &[dims.len()], &dims)
}
