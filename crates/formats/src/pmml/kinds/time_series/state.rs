//! `StateSpaceModel`: a state that goes on by a matrix, and what is seen of it.
//!
//! The forecast of step `h` is `Z x + c` of the state `x`, which goes on by `x <- T x + d`; the document's state vector is that of
//! the first step. Its variance is `Z P Z' + H` with `P <- T P T' + Q`, where the document gives `P` and `Q`.

use super::{Forecasts, STEPS_MAX, WORK_MAX, numbers};
use crate::pmml::{error::Fault, kinds::matrix::Matrix, xml::Element};

/// How a state goes on and is seen.
pub struct System {
    pub transition: Matrix,
    pub measurement: Vec<f64>,
    pub state: Vec<f64>,
    pub state_intercept: Vec<f64>,
    pub intercept: f64,
}

pub fn forecasts(element: Element<'_>) -> Result<Forecasts, Fault> {
    let state = numbers(element.required_child("StateVector")?)?;
    let mut system = System::new(element, state)?;
    system.intercept = element.f64("intercept")?.unwrap_or(0.0);
    for vector in element.all("InterceptVector") {
        let values = numbers(vector)?;
        let of_state = match vector.attr("type") {
            Some("state") => true,
            Some("observation") => false,
            _ => values.len() != 1 && values.len() == system.state.len(),
        };
        match (of_state, values.as_slice()) {
            (true, _) if values.len() == system.state.len() => system.state_intercept = values,
            (false, [intercept]) => system.intercept += intercept,
            _ => {
                let expected = "a number for each state, or one for what is observed";
                return Err(vector.fault("element Array", expected, values.len().to_string()));
            }
        }
    }
    let n = system.state.len();
    let square = |name: &'static str| -> Result<Option<Matrix>, Fault> {
        let Some(element) = element.child(name) else { return Ok(None) };
        let matrix = read(element)?;
        match (matrix.rows, matrix.columns) == (n, n) {
            true => Ok(Some(matrix)),
            false => Err(element.fault("element Matrix", format!("{n} rows and columns"), "others")),
        }
    };
    let noise = match element.child("ObservationVarianceMatrix") {
        Some(element) => read(element)?.values.first().copied().unwrap_or(0.0),
        None => 0.0,
    };
    let errors = match (square("PredictedStateCovarianceMatrix")?, square("SelectedStateCovarianceMatrix")?) {
        (Some(first), Some(added)) => Some(system.errors(first, &added, noise)),
        _ => None,
    };
    Ok(Forecasts { values: system.forecasts(), errors })
}

impl System {
    /// Returns the system of an element's transition and measurement matrices.
    pub fn new(element: Element<'_>, state: Vec<f64>) -> Result<System, Fault> {
        let transition = read(element.required_child("TransitionMatrix")?)?;
        let measurement = read(element.required_child("MeasurementMatrix")?)?;
        let n = state.len();
        if n > STATES_MAX {
            return Err(element.fault("element StateVector", format!("at most {STATES_MAX} states"), n.to_string()));
        }
        if (transition.rows, transition.columns) != (n, n) || (measurement.rows, measurement.columns) != (1, n) {
            let expected = format!("a transition of {n} rows and columns, a measurement of one row of {n}");
            return Err(element.fault("its matrices", expected, "others"));
        }
        let measurement = measurement.values;
        Ok(System { transition, measurement, state_intercept: vec![0.0; n], state, intercept: 0.0 })
    }

    fn steps(&self, work: usize) -> usize {
        (WORK_MAX / work.max(1)).clamp(1, STEPS_MAX)
    }

    pub fn forecasts(&self) -> Vec<f64> {
        let n = self.state.len();
        let mut state = self.state.clone();
        let step = |_| {
            let seen = dot(&self.measurement, &state) + self.intercept;
            let rows = self.transition.values.chunks_exact(n);
            let next = rows.zip(&self.state_intercept).map(|(row, d)| dot(row, &state) + d).collect();
            state = next;
            seen
        };
        (0..self.steps(n * n)).map(step).collect()
    }

    /// Returns the standard errors: as many as the variances can be computed for, then the last.
    fn errors(&self, first: Matrix, added: &Matrix, noise: f64) -> Vec<f64> {
        let n = self.state.len();
        let all = self.steps(n * n);
        let mut variance = first.values;
        let mut errors = Vec::with_capacity(all);
        for _ in 0..self.steps(2 * n * n * n).min(all) {
            let seen: f64 =
                variance.chunks_exact(n).zip(&self.measurement).map(|(row, z)| z * dot(row, &self.measurement)).sum();
            errors.push((seen + noise).max(0.0).sqrt());
            // T P, then (T P) T', each row of which is dotted with the rows of T.
            let t = &self.transition.values;
            let mut half = vec![0.0; n * n];
            for i in 0..n {
                for k in (0..n).filter(|k| t[i * n + k] != 0.0) {
                    (0..n).for_each(|j| half[i * n + j] += t[i * n + k] * variance[k * n + j]);
                }
            }
            for i in 0..n {
                for j in 0..n {
                    variance[i * n + j] = dot(&half[i * n..][..n], &t[j * n..][..n]) + added.values[i * n + j];
                }
            }
        }
        let last = errors.last().copied().unwrap_or(f64::NAN);
        errors.resize(all, last);
        errors
    }
}

/// Most states.
const STATES_MAX: usize = 512;

fn read(element: Element<'_>) -> Result<Matrix, Fault> {
    Matrix::read(element, STATES_MAX * STATES_MAX)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}
