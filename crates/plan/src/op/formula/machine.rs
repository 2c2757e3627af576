//! Support vector machines.

use std::sync::Arc;

use super::CONSTANTS_MAX;

/// A kernel of a row `x` and a vector `z`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kernel {
    /// `x . z`.
    Linear,
    /// `(gamma * x . z + coef0) ^ degree`.
    Polynomial { gamma: f64, coef0: f64, degree: f64 },
    /// `exp(gamma * -|x - z|^2)`.
    RadialBasis { gamma: f64 },
    /// `tanh(gamma * x . z + coef0)`.
    Sigmoid { gamma: f64, coef0: f64 },
}

/// `sum(coefficient * kernel(vector)) + constant`, in the order of the parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    pub parts: Arc<[(u32, f64)]>,
    pub constant: f64,
}

/// How a machine's number becomes a vote for one of two classes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Vote {
    /// The first class below the threshold, else the second; with `above` the first above it.
    Threshold { threshold: f64, above: bool },
    /// Rounded half up: 1 the first class, 0 the second; anything else is refused.
    Rounded,
}

/// What comes out.
#[derive(Clone, Debug, PartialEq)]
pub enum Decide {
    /// The number of the one machine.
    Number,
    /// All numbers, and the place of the first smallest (the first largest with `largest`) in Java's order of doubles.
    Extreme { largest: bool },
    /// Of each machine a vote for one of two classes. Gives the classes' shares of the votes, and the class that has most; of
    /// several the one that was voted for first.
    Votes { classes: u32, ballots: Arc<[(Vote, u32, u32)]> },
}

/// What a missing value does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    Refused,
    /// The results are missing.
    Null,
}

/// Machines over common vectors of `columns` elements each.
#[derive(Clone, Debug, PartialEq)]
pub struct Machines {
    pub columns: u32,
    pub single: bool,
    pub kernel: Kernel,
    /// Row-major.
    pub vectors: Arc<[f64]>,
    pub machines: Vec<Machine>,
    pub decide: Decide,
    pub missing: Missing,
}

impl Machines {
    pub(super) fn check(&self) -> Result<(), String> {
        let columns = self.columns as usize;
        let rows = self.vectors.len().checked_div(columns).unwrap_or(0);
        let inside = self.machines.iter().flat_map(|m| m.parts.iter()).all(|(vector, _)| (*vector as usize) < rows);
        let decided = match &self.decide {
            Decide::Number => self.machines.len() == 1,
            Decide::Extreme { .. } => !self.machines.is_empty(),
            Decide::Votes { classes, ballots } => {
                ballots.len() == self.machines.len()
                    && !ballots.is_empty()
                    && ballots.iter().all(|(_, a, b)| a < classes && b < classes)
            }
        };
        match () {
            () if columns == 0 || self.vectors.len() != rows * columns => Err("vectors that are not whole".to_owned()),
            () if !inside => Err("a machine names a vector that is not there".to_owned()),
            () if !decided => Err("another number of machines than its decision needs".to_owned()),
            () if self.vectors.len() > CONSTANTS_MAX => Err(format!("more than {CONSTANTS_MAX} elements of vectors")),
            () => Ok(()),
        }
    }
}
