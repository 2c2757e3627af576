//! GaussianMixtureModel: weights, means and covariances, the latter taken apart here as Spark's `MultivariateGaussian` does.
//!
//! With `sigma = U D U^T`, the density needs `root = D^(-1/2) U^T` and the logarithm of the determinant. What of `D` is not above
//! `2^-52 * largest * size` counts as 0 and is left out of both: a pseudo-inverse, so that a singular covariance has a density
//! on its own subspace.

use plan::{ClusterOp, Component};

use crate::{
    ReadError,
    spark::{
        Stage,
        data::{Cells, Table},
        lower::{
            Lowering,
            attributes::{Categories, Group, Kind},
        },
    },
};

mod eigen;

/// Most work, as the sum of the cubes of the sizes of all covariances: they are taken apart while the model loads.
const CUBES_MAX: u64 = 1 << 29;

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let table = stage.table("data")?;
    let (weights, components) = learned(stage, &table)?;
    let (k, size) = (weights.len(), components[0].shift.len());
    let features = lowering.vector_or_array(stage, stage.text_or("featuresCol", "features")?, size)?;
    let probability = stage.text_or("probabilityCol", "probability")?;
    let prediction = stage.text_or("predictionCol", "prediction")?;
    let op = ClusterOp::Mixture { weights: weights.into(), components: components.into() };
    let made = lowering.node(stage, op, &[features], &["probability", "prediction"])?;
    if !probability.is_empty() {
        lowering.show(stage, probability, made[0])?;
        lowering.set_attributes(made[0], Group::sized(Some(k as u32)));
    }
    if !prediction.is_empty() {
        lowering.show(stage, prediction, made[1])?;
        lowering.set_attributes(made[1], Kind::Nominal(Categories::Count(k as u32)));
    }
    Ok(())
}

fn learned(stage: &Stage<'_>, table: &Table<'_>) -> Result<(Vec<f64>, Vec<Component>), ReadError> {
    let row = table.only_row()?;
    let weights = row.column("weights")?.f64s(0)?;
    let (means, of_means) = row.column("mus")?.items(0)?;
    let (covariances, of_covariances) = row.column("sigmas")?.items(0)?;
    let k = weights.len();
    if k == 0 || of_means.len() != k || of_covariances.len() != k {
        let got = format!("{} and {}", of_means.len(), of_covariances.len());
        return Err(covariances.fault(format!("as many means and covariances as weights, {k}, at least 1"), got));
    }
    let size = means.vector(of_means.start)?.size();
    let cubes = (k as u64).saturating_mul((size as u64).saturating_pow(3));
    if cubes > CUBES_MAX {
        let what = format!("{k} covariances of {size} features: taking them apart would take too long");
        return Err(stage.unimplemented(what));
    }
    let mut components = Vec::with_capacity(k);
    for (mean, covariance) in of_means.zip(of_covariances) {
        let vector = means.vector(mean)?;
        if vector.size() != size {
            return Err(means.fault(format!("a vector of {size}, as the others"), vector.size().to_string()));
        }
        let covariance = symmetric(&covariances, covariance, size)?;
        components.push(component(&vector.into_dense(), covariance));
    }
    Ok((weights, components))
}

/// Returns the covariance row by row; as Spark takes it from its lower half, which must be the upper one turned over.
fn symmetric(cells: &Cells<'_>, row: usize, size: usize) -> Result<Vec<f64>, ReadError> {
    /// How far the halves may be apart.
    const APART_MAX: f64 = 1e-7;
    let matrix = cells.matrix(row)?;
    let (rows, columns) = (matrix.rows as usize, matrix.weights.columns() as usize);
    if (rows, columns) != (size, size) {
        return Err(cells.fault(format!("a matrix of {size} x {size}"), format!("{rows} x {columns}")));
    }
    let mut values = matrix.into_dense();
    for i in 0..size {
        for j in 0..i {
            let (lower, upper) = (values[i * size + j], values[j * size + i]);
            if (lower - upper).abs() > APART_MAX {
                return Err(cells.fault("a symmetric matrix", format!("{lower} and {upper} opposite each other")));
            }
            values[j * size + i] = lower;
        }
    }
    match values.iter().find(|v| !v.is_finite()) {
        None => Ok(values),
        Some(value) => Err(cells.fault("a matrix of finite numbers", value.to_string())),
    }
}

fn component(mean: &[f64], covariance: Vec<f64>) -> Component {
    let size = mean.len();
    let (values, mut root) = eigen::symmetric(covariance, size);
    let largest = values.iter().fold(f64::NEG_INFINITY, |max, v| v.max(max));
    let least = f64::EPSILON * largest * size as f64;
    let mut log_determinant = 0.0;
    for (value, line) in values.iter().zip(root.chunks_exact_mut(size.max(1))) {
        let factor = if *value > least { (1.0 / value).sqrt() } else { 0.0 };
        line.iter_mut().for_each(|u| *u *= factor);
        if *value > least {
            log_determinant += libm::log(*value);
        }
    }
    let lines = root.chunks_exact(size.max(1));
    let shift = lines.map(|line| line.iter().zip(mean).fold(0.0, |sum, (r, m)| sum + r * m)).collect();
    let constant = -0.5 * (size as f64 * libm::log(2.0 * std::f64::consts::PI) + log_determinant);
    Component { root: root.into(), shift, constant }
}

#[cfg(test)]
mod tests;
