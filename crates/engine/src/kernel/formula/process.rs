//! [`plan::formula::Process`].

use std::sync::Arc;

use model::PredictError;
use plan::formula::Process;

use super::gather;
use crate::frame::{Env, Home};

/// The op as it stands.
pub struct ProcessKernel {
    op: Arc<Process>,
}

impl ProcessKernel {
    pub fn new(op: &Arc<Process>) -> ProcessKernel {
        ProcessKernel { op: Arc::clone(op) }
    }

    pub fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) -> Result<(), PredictError> {
        let (frame, op) = (env.frame, &*self.op);
        let [mean, variance] = [0, 1].map(|i| outputs[i].map(|home| frame.cells(home)));
        let columns = op.columns as usize;
        let mut scratch = frame.scratch();
        let numbers = &mut scratch.numbers;
        for row in 0..frame.rows() {
            env.call.check()?;
            numbers.clear();
            if !frame.is_live(row) || gather::<f64>(env, inputs, row, numbers).is_err() {
                [mean, variance].into_iter().flatten().for_each(|cells| cells.set(row, None));
                continue;
            }
            for training in op.rows.chunks_exact(columns) {
                let k = op.covariance(numbers[..columns].iter().copied(), training);
                numbers.push(k);
            }
            let k = &mut numbers[columns..];
            if let Some(cells) = mean {
                cells.set_f64(row, k.iter().zip(&*op.weights).fold(0.0, |sum, (k, weight)| sum + k * weight));
            }
            if let Some(cells) = variance {
                cells.set_f64(row, (op.gamma - explained(&op.factor, k)).max(0.0));
            }
        }
        Ok(())
    }
}

/// Returns the square of the length of what solves `factor * v = k`, which it leaves in `k`.
fn explained(factor: &[f64], k: &mut [f64]) -> f64 {
    let (mut start, mut total) = (0, 0.0);
    for i in 0..k.len() {
        let line = &factor[start..=start + i];
        let known = line[..i].iter().zip(&*k).fold(0.0, |sum, (l, v)| sum + l * v);
        let v = (k[i] - known) / line[i];
        k[i] = v;
        total += v * v;
        start += i + 1;
    }
    total
}
