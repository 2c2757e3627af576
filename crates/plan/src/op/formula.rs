//! Models that are one formula over single numbers: sums of terms behind a curve, networks of neurons, machines of support
//! vectors, Gaussian processes, cumulative hazards.
//!
//! Every input is a column of float64; a category comes as its place among labels that the reader knows, below 0 for none of
//! them. Null is a missing value, NaN a number like any other. Where an op is `single` it rounds constants, inputs and every
//! result on the way to 32 bits, as Java's float arithmetic does.

use std::sync::Arc;

use model::Type;

use super::{Inferred, same_rows};
use crate::{error::PlanError, plan::ValueType};

pub mod hazard;
pub mod machine;
pub mod network;
pub mod process;
pub mod terms;

pub use hazard::{Hazards, Stratum};
pub use machine::{Decide, Kernel, Machine, Machines, Missing, Vote};
pub use network::{Activation, Layer, Network, Neuron, Normalize};
pub use process::{Covariance, Process, covariance};
pub use terms::{Curve, Factor, Finish, Given, Shares, Term, Terms};

/// Most constants of one op: 128 MiB of numbers.
pub const CONSTANTS_MAX: usize = 1 << 24;

/// Ops that are a formula each. Results are null where the op says that a missing input makes them so.
#[derive(Clone, Debug, PartialEq)]
pub enum FormulaOp {
    /// Sums of terms, behind a curve: see [`terms::Terms`]. Gives a number, or a vector of shares and the place of the largest.
    Terms(Arc<terms::Terms>),
    /// Layers of neurons: see [`network::Network`]. Gives the numbers of some neurons, and the place of the largest.
    Network(Arc<network::Network>),
    /// Support vectors behind a kernel: see [`machine::Machines`]. Gives the machines' numbers, or votes and their winner.
    Machines(Arc<machine::Machines>),
    /// A Gaussian process: see [`process::Process`]. Gives the mean and the variance.
    Process(Arc<process::Process>),
    /// A relative risk (null: missing), a time (null: refused) and, where rows say a stratum, its place (null: refused) to a cumulative hazard: see [`hazard::Hazards`].
    Hazard(Arc<hazard::Hazards>),
}

impl FormulaOp {
    pub fn name(&self) -> &'static str {
        match self {
            FormulaOp::Terms(_) => "terms",
            FormulaOp::Network(_) => "network",
            FormulaOp::Machines(_) => "machines",
            FormulaOp::Process(_) => "process",
            FormulaOp::Hazard(_) => "hazard",
        }
    }

    /// Returns how many columns it takes.
    pub fn inputs(&self) -> usize {
        match self {
            FormulaOp::Terms(op) => op.inputs as usize,
            FormulaOp::Network(op) => op.inputs as usize,
            FormulaOp::Machines(op) => op.columns as usize,
            FormulaOp::Process(op) => op.columns as usize,
            FormulaOp::Hazard(op) => 2 + usize::from(op.by_stratum),
        }
    }

    pub(crate) fn infer(&self, inputs: &[ValueType]) -> Inferred {
        let Some(place) = same_rows(inputs) else { return Err("columns of the same rows") };
        if inputs.len() != self.inputs() || inputs.iter().any(|input| input.ty != Type::F64) {
            return Err("a column of float64 for each of its inputs");
        }
        let vector = |size: usize| Type::Vector { size: u32::try_from(size).ok() };
        let types = match self {
            FormulaOp::Terms(op) => match op.finish {
                terms::Finish::Number => vec![Type::F64],
                terms::Finish::Shares(_) => vec![vector(op.tables.len()), Type::F64],
            },
            FormulaOp::Network(op) => vec![vector(op.outputs.len()), Type::F64],
            FormulaOp::Machines(op) => match &op.decide {
                machine::Decide::Number => vec![Type::F64],
                machine::Decide::Extreme { .. } => vec![vector(op.machines.len()), Type::F64],
                machine::Decide::Votes { classes, .. } => vec![vector(*classes as usize), Type::F64],
            },
            FormulaOp::Process(_) => vec![Type::F64, Type::F64],
            FormulaOp::Hazard(_) => vec![Type::F64],
        };
        Ok(types.into_iter().map(|ty| ValueType { ty, place }).collect())
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        let good = match self {
            FormulaOp::Terms(op) => op.check(),
            FormulaOp::Network(op) => op.check(),
            FormulaOp::Machines(op) => op.check(),
            FormulaOp::Process(op) => op.check(),
            FormulaOp::Hazard(op) => op.check(),
        };
        good.map_err(|what| PlanError::parameters(self.name(), what))
    }
}

impl std::fmt::Display for FormulaOp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let single = |single: bool| if single { ", single" } else { "" };
        match self {
            FormulaOp::Terms(op) => {
                let terms: usize = op.tables.iter().map(Vec::len).sum();
                write!(f, "{terms} terms, {:?}, {:?}{}", op.curve, op.finish, single(op.single))
            }
            FormulaOp::Network(op) => {
                let sizes: Vec<String> = op.layers.iter().map(|layer| layer.neurons.len().to_string()).collect();
                write!(f, "{} neurons{}", sizes.join(", "), single(op.single))
            }
            FormulaOp::Machines(op) => {
                let vectors = op.vectors.len() / op.columns.max(1) as usize;
                write!(f, "{} of {vectors} vectors, {:?}{}", op.machines.len(), op.kernel, single(op.single))
            }
            FormulaOp::Process(op) => write!(f, "{} rows, {:?}", op.weights.len(), op.covariance),
            FormulaOp::Hazard(op) => write!(f, "{} strata", op.strata.len()),
        }
    }
}
