//! Kernels of models that are one formula over single numbers, a file each.
//!
//! Sums run in the order that the model states, for one row or for many side by side, so that the bits are those of one row alone.
//! [`real`] has the arithmetic of both widths: a kernel is written once and made for float64 and for float32.

use model::PredictError;
use plan::FormulaOp;

use crate::frame::{Env, Home};

use intake::Intake;

mod hazard;
pub(crate) mod intake;
mod machine;
mod network;
mod process;
mod real;
mod terms;

#[cfg(test)]
mod tests;

/// An op of the family, ready to run.
pub enum FormulaKernel {
    Terms(terms::TermsKernel<f64>),
    TermsSingle(terms::TermsKernel<f32>),
    Network(network::NetworkKernel<f64>),
    NetworkSingle(network::NetworkKernel<f32>),
    Machines(machine::MachinesKernel<f64>),
    MachinesSingle(machine::MachinesKernel<f32>),
    Process(process::ProcessKernel),
    Hazard(hazard::HazardKernel),
}

impl FormulaKernel {
    pub(crate) fn new(op: &FormulaOp) -> FormulaKernel {
        FormulaKernel::taking(op, (0..op.inputs()).map(|_| Intake::Column).collect())
    }

    /// Returns whether [`FormulaKernel::taking`] takes anything but columns.
    pub(crate) fn takes(op: &FormulaOp) -> bool {
        matches!(op, FormulaOp::Terms(_))
    }

    /// Returns the kernel with the ways in which its inputs come.
    pub(crate) fn taking(op: &FormulaOp, intakes: Box<[Intake]>) -> FormulaKernel {
        match op {
            FormulaOp::Terms(op) if op.single => FormulaKernel::TermsSingle(terms::TermsKernel::new(op, intakes)),
            FormulaOp::Terms(op) => FormulaKernel::Terms(terms::TermsKernel::new(op, intakes)),
            FormulaOp::Network(op) if op.single => FormulaKernel::NetworkSingle(network::NetworkKernel::new(op)),
            FormulaOp::Network(op) => FormulaKernel::Network(network::NetworkKernel::new(op)),
            FormulaOp::Machines(op) if op.single => FormulaKernel::MachinesSingle(machine::MachinesKernel::new(op)),
            FormulaOp::Machines(op) => FormulaKernel::Machines(machine::MachinesKernel::new(op)),
            FormulaOp::Process(op) => FormulaKernel::Process(process::ProcessKernel::new(op)),
            FormulaOp::Hazard(op) => FormulaKernel::Hazard(hazard::HazardKernel::new(op)),
        }
    }

    pub(crate) fn run(&self, env: &Env<'_>, inputs: &[Home], outputs: &[Option<Home>]) -> Result<(), PredictError> {
        match self {
            FormulaKernel::Terms(kernel) => kernel.run(env, inputs, outputs),
            FormulaKernel::TermsSingle(kernel) => kernel.run(env, inputs, outputs),
            FormulaKernel::Network(kernel) => kernel.run(env, inputs, outputs),
            FormulaKernel::NetworkSingle(kernel) => kernel.run(env, inputs, outputs),
            FormulaKernel::Machines(kernel) => return kernel.run(env, inputs, outputs),
            FormulaKernel::MachinesSingle(kernel) => return kernel.run(env, inputs, outputs),
            FormulaKernel::Process(kernel) => return kernel.run(env, inputs, outputs),
            FormulaKernel::Hazard(kernel) => kernel.run(env, inputs, outputs),
        }
        Ok(())
    }
}

/// Appends the row's numbers, rounded to the width that is computed in; returns the first input that is null.
fn gather<N: real::Real>(env: &Env<'_>, inputs: &[Home], row: usize, out: &mut Vec<f64>) -> Result<(), usize> {
    for (i, home) in inputs.iter().enumerate() {
        out.push(N::of(env.frame.cells(*home).number(row).ok_or(i)?).wide());
    }
    Ok(())
}
