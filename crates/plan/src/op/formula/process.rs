//! Gaussian processes: the mean and the variance of what training rows say about a row.

use std::sync::Arc;

/// A covariance of two rows; `u` holds the differences of their elements, each divided by its length scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Covariance {
    /// `gamma * exp(-sum(u^2) / 2)`.
    Squared,
    /// `gamma * exp(-sum(|u|))`.
    Absolute,
    /// `gamma * exp(-sum(|u|^degree))`.
    Generalized { degree: f64 },
}

/// A process over `columns` inputs. With `k` the covariances of a row and the training rows: the mean is `k . weights`, the
/// variance (of the function, without noise) `gamma - |solve(factor, k)|^2`, at least 0. A missing input makes both missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    pub columns: u32,
    pub covariance: Covariance,
    pub gamma: f64,
    /// A length scale for each input.
    pub scales: Arc<[f64]>,
    /// Training rows, row-major.
    pub rows: Arc<[f64]>,
    /// `(K + noise)^-1 y`.
    pub weights: Arc<[f64]>,
    /// The lower triangle of Cholesky's factor of `K + noise`, row by row.
    pub factor: Arc<[f64]>,
}

impl Process {
    /// Returns the covariance of two rows.
    pub fn covariance(&self, a: impl Iterator<Item = f64>, b: &[f64]) -> f64 {
        covariance(self.covariance, self.gamma, &self.scales, a, b)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let (columns, rows) = (self.columns as usize, self.weights.len());
        if columns == 0 || self.scales.len() != columns || self.rows.len() != rows * columns {
            return Err("scales or rows of another size than its inputs".to_owned());
        }
        if self.factor.len() != rows * (rows + 1) / 2 { Err("a factor that is no triangle".to_owned()) } else { Ok(()) }
    }
}

/// Returns the covariance of two rows.
pub fn covariance(kind: Covariance, gamma: f64, scales: &[f64], a: impl Iterator<Item = f64>, b: &[f64]) -> f64 {
    let units = a.zip(b).zip(scales).map(|((a, b), scale)| (a - b) / scale);
    let exponent = match kind {
        Covariance::Squared => units.fold(0.0, |sum, u| sum + u * u) * 0.5,
        Covariance::Absolute => units.fold(0.0, |sum, u| sum + u.abs()),
        Covariance::Generalized { degree } => units.fold(0.0, |sum, u| sum + libm::pow(u.abs(), degree)),
    };
    gamma * libm::exp(-exponent)
}
