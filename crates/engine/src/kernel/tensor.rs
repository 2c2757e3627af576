//! Kernels of the family `tensor`: whole tensors.

use model::{DType, PredictError};
use plan::{Reduce, TensorOp};

use super::Site;
use crate::{
    error::CompileError,
    frame::{Env, Home, as_f64},
};

/// An op of the family, ready to run.
pub struct TensorKernel {
    op: TensorOp,
    dtype: DType,
}

impl TensorKernel {
    pub(crate) fn new(op: &TensorOp, site: &Site<'_>) -> Result<TensorKernel, CompileError> {
        let dtype = site.inputs[0].ty.as_scalar().expect("inferred for numbers");
        match (op, dtype) {
            (TensorOp::Gather, _) | (TensorOp::Reduce(_), DType::F64 | DType::I64) => {
                Ok(TensorKernel { op: op.clone(), dtype })
            }
            _ => Err(CompileError::Unimplemented(format!("{} of {dtype} in {}", op.name(), site.step))),
        }
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) -> Result<(), PredictError> {
        let Some(out) = outputs[0] else { return Ok(()) };
        match self.op {
            TensorOp::Gather => gather(env, inputs, out),
            TensorOp::Reduce(reduce) => self.reduce(reduce, env, inputs[0], out),
        }
    }

    fn reduce(&self, reduce: Reduce, env: &Env<'_>, input: Home, out: Home) -> Result<(), PredictError> {
        let data = env.frame.whole(input);
        let cell = match (reduce, self.dtype) {
            (Reduce::Sum, DType::F64) => data.cells.iter().fold(0.0, |sum, &c| sum + as_f64(DType::F64, c)).to_bits(),
            (Reduce::Sum, _) => data.cells.iter().fold(0u64, |sum, &c| sum.wrapping_add(c)),
            (Reduce::Max, DType::F64) => {
                let larger = |a: f64, b: f64| if a.is_nan() || a >= b { a } else { b };
                let max = data.cells.iter().map(|&c| f64::from_bits(c)).reduce(larger);
                max.ok_or_else(|| PredictError::invalid(None, "a maximum of elements", "none"))?.to_bits()
            }
            (Reduce::Max, _) => {
                let max = data.cells.iter().map(|&c| c as i64).max();
                max.ok_or_else(|| PredictError::invalid(None, "a maximum of elements", "none"))? as u64
            }
        };
        drop(data);
        let mut out = env.frame.whole_mut(out);
        out.clear();
        out.cells.push(cell);
        Ok(())
    }
}

fn gather(env: &Env<'_>, inputs: &[Home], out: Home) -> Result<(), PredictError> {
    let (data, indices) = (env.frame.whole(inputs[0]), env.frame.whole(inputs[1]));
    let Some((&length, rest)) = data.shape.split_first() else {
        return Err(PredictError::invalid(None, "a tensor of rank 1 at least to gather from", "a scalar"));
    };
    let size: usize = rest.iter().product();
    let mut out = env.frame.whole_mut(out);
    out.clear();
    out.shape.extend_from_slice(&indices.shape);
    out.shape.extend_from_slice(rest);
    for &cell in &indices.cells {
        let index = cell as i64;
        let at = if index < 0 { index + length as i64 } else { index };
        if !(0 <= at && at < length as i64) {
            return Err(PredictError::invalid(None, format!("indices below {length}"), index.to_string()));
        }
        out.cells.extend_from_slice(&data.cells[at as usize * size..(at as usize + 1) * size]);
    }
    Ok(())
}
