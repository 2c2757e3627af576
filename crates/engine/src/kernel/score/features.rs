//! Features to scores.

use std::{cmp::Ordering, sync::Arc};

use model::{FaultKind, FaultValue, column::Row};
use plan::{Events, Weights};

use super::vector::{Refusal, null, scores::element, wrong_size};
use crate::{
    frame::{Env, Home},
    kernel::linear::{self, Rows as _},
    store::VectorStore,
};

/// [`plan::ScoreOp::Events`].
pub struct EventScores {
    pub weights: Weights,
    pub intercepts: Arc<[f64]>,
    pub intercept_first: bool,
    pub events: Events,
}

impl EventScores {
    pub fn row(&self, row: Row<'_>, out: &mut VectorStore) -> Result<(), Refusal> {
        let stored = match row {
            Row::Dense(values) | Row::Sparse { values, .. } => values,
        };
        let (good, rule): (fn(f64) -> bool, _) = match self.events {
            Events::Counts => (|x| x >= 0.0, "no feature below 0 or NaN"),
            Events::Marks => (|x| x == 0.0 || x == 1.0, "features of 0 or 1"),
        };
        if let Some(bad) = stored.iter().find(|x| !good(**x)) {
            return Err((FaultKind::Rule(rule), FaultValue::Number(*bad)));
        }
        let x = linear::checked(&self.weights, Some(row))?;
        let start = out.values.len();
        linear::scores(&self.weights, &self.intercepts, self.intercept_first, x, &mut out.values);
        out.end_dense(start);
        Ok(())
    }
}

/// [`plan::ScoreOp::Gaussian`].
pub struct Gaussian {
    priors: Arc<[f64]>,
    log_variances: Arc<[f64]>,
    /// Of each feature, for each class: mean and variance.
    moments: Box<[(f64, f64)]>,
    features: usize,
}

impl Gaussian {
    pub fn new(priors: &Arc<[f64]>, means: &[f64], variances: &[f64], log_variances: &Arc<[f64]>) -> Gaussian {
        let classes = priors.len();
        let features = means.len().checked_div(classes).unwrap_or(0);
        let at = |i: usize| (i % classes) * features + i / classes;
        let moments = (0..means.len()).map(|i| (means[at(i)], variances[at(i)])).collect();
        Gaussian { priors: priors.clone(), log_variances: log_variances.clone(), moments, features }
    }

    pub fn row(&self, row: Row<'_>, out: &mut VectorStore) -> Result<(), Refusal> {
        if row.size() < self.features {
            return Err(wrong_size(self.features, row.size()));
        }
        let (start, classes) = (out.values.len(), self.priors.len());
        out.values.resize(start + classes, 0.0);
        let sums = &mut out.values[start..];
        let mut add = |feature: usize, x: f64| {
            let moments = &self.moments[feature * classes..(feature + 1) * classes];
            for (sum, (mean, variance)) in sums.iter_mut().zip(moments) {
                let d = x - mean;
                *sum += d * d / variance;
            }
        };
        match row {
            Row::Dense(values) => values[..self.features].iter().enumerate().for_each(|(i, &x)| add(i, x)),
            Row::Sparse { indices, values, .. } => {
                let mut stored = indices.iter().zip(values).peekable();
                for i in 0..self.features {
                    let here = stored.next_if(|(at, _)| **at as usize == i);
                    add(i, here.map_or(0.0, |(_, &x)| x));
                }
            }
        }
        for (sum, (prior, log)) in sums.iter_mut().zip(self.priors.iter().zip(&*self.log_variances)) {
            *sum = prior - (*sum + log) / 2.0;
        }
        out.end_dense(start);
        Ok(())
    }
}

/// [`plan::ScoreOp::Factors`].
pub struct Factors {
    pub weights: Weights,
    pub intercept: f64,
    pub factors: Arc<[f64]>,
    pub pair: bool,
}

impl Factors {
    pub fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let frame = env.frame;
        let vectors = frame.vectors(input);
        let mut scratch = frame.scratch();
        let mut score = |row: usize| {
            let features = vectors.is_valid(row).then(|| vectors.row(row));
            match linear::checked(&self.weights, features) {
                Ok(x) => Some(self.score(x, &mut scratch.numbers)),
                Err((kind, value)) => {
                    env.refuse(row, 0, kind, value);
                    None
                }
            }
        };
        if !self.pair {
            let cells = frame.cells(output);
            return frame.each_live(|row| cells.set(row, score(row).map(f64::to_bits)));
        }
        let mut out = frame.vectors_mut(output);
        out.clear();
        for row in 0..frame.rows() {
            match Some(row).filter(|&row| frame.is_live(row)).and_then(&mut score) {
                Some(m) => {
                    let start = out.values.len();
                    out.values.extend([-m, m]);
                    out.end_dense(start);
                }
                None => out.push_null(),
            }
        }
    }

    fn score(&self, x: Row<'_>, room: &mut Vec<f64>) -> f64 {
        let linear = self.intercept + linear::dot(self.weights.row(0), x, 0.0);
        let count = self.factors.len().checked_div(self.weights.columns() as usize).unwrap_or(0);
        room.clear();
        room.resize(2 * count, 0.0);
        let (sums, squares) = room.split_at_mut(count);
        let mut add = |feature: usize, x: f64| {
            if x == 0.0 {
                return;
            }
            let factors = &self.factors[feature * count..(feature + 1) * count];
            for ((sum, square), v) in sums.iter_mut().zip(squares.iter_mut()).zip(factors) {
                let vx = v * x;
                *square += vx * vx;
                *sum += vx;
            }
        };
        match x {
            Row::Dense(values) => values.iter().enumerate().for_each(|(i, &x)| add(i, x)),
            Row::Sparse { indices, values, .. } => indices.iter().zip(values).for_each(|(&i, &x)| add(i as usize, x)),
        }
        sums.iter().zip(&*squares).fold(linear, |score, (sum, square)| score + 0.5 * (sum * sum - square))
    }
}

/// [`plan::ScoreOp::Curve`].
pub struct Curve {
    pub bounds: Arc<[f64]>,
    pub values: Arc<[f64]>,
    pub feature: u32,
}

impl Curve {
    pub fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let out = env.frame.cells(output);
        if let Home::Cells { .. } = input {
            let cells = env.frame.cells(input);
            return env.frame.each_live(|row| out.set(row, cells.number(row).map(|x| self.at(x).to_bits())));
        }
        let vectors = env.frame.vectors(input);
        env.frame.each_live(|row| {
            let x = match vectors.is_valid(row).then(|| vectors.row(row)) {
                None => Err(null()),
                Some(x) if x.size() <= self.feature as usize => Err(wrong_size(self.feature as usize + 1, x.size())),
                Some(x) => Ok(element(x, self.feature)),
            };
            match x {
                Ok(x) => out.set_f64(row, self.at(x)),
                Err((kind, value)) => {
                    env.refuse(row, 0, kind, value);
                    out.set(row, None);
                }
            }
        });
    }

    fn at(&self, x: f64) -> f64 {
        let (bounds, values) = (&*self.bounds, &*self.values);
        match search(bounds, x) {
            Ok(place) => values[place],
            Err(0) => values[0],
            Err(place) if place == bounds.len() => values[place - 1],
            Err(place) => {
                let (x1, y1, x2, y2) = (bounds[place - 1], values[place - 1], bounds[place], values[place]);
                y1 + (y2 - y1) * (x - x1) / (x2 - x1)
            }
        }
    }
}

/// Returns where `x` is, or would be inserted. Of several equal bounds it finds the one that Java's `Arrays.binarySearch` does.
fn search(bounds: &[f64], x: f64) -> Result<usize, usize> {
    let (mut low, mut high) = (0, bounds.len());
    while low < high {
        // Of Java's range, whose end is part of it.
        let middle = (low + high - 1) / 2;
        match compare(bounds[middle], x) {
            Ordering::Less => low = middle + 1,
            Ordering::Greater => high = middle,
            Ordering::Equal => return Ok(middle),
        }
    }
    Err(low)
}

/// The order of Java's `Double.compare`: -0.0 is below 0.0, NaN above all.
fn compare(a: f64, b: f64) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => a.total_cmp(&b),
    }
}
