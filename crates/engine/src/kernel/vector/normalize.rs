//! Vectors divided by their norm. Spark's `mllib.feature.Normalizer.transform` and `Vectors.norm`.

use model::column::Row;

use super::Refusal;
use crate::store::VectorStore;

/// [`plan::VectorOp::Normalize`].
pub enum Normalize {
    One,
    Two,
    Infinity,
    Other(f64),
}

impl Normalize {
    pub fn new(p: f64) -> Normalize {
        match p {
            1.0 => Normalize::One,
            2.0 => Normalize::Two,
            f64::INFINITY => Normalize::Infinity,
            p => Normalize::Other(p),
        }
    }

    pub fn row(&self, row: Row<'_>, out: &mut VectorStore) -> Result<(), Refusal> {
        let start = out.values.len();
        out.push(row);
        let values = &mut out.values[start..];
        let norm = self.norm(values);
        if norm != 0.0 {
            values.iter_mut().for_each(|v| *v /= norm);
        }
        Ok(())
    }

    fn norm(&self, values: &[f64]) -> f64 {
        let values = values.iter();
        match self {
            Normalize::One => values.fold(0.0, |sum, v| sum + v.abs()),
            Normalize::Two => values.fold(0.0, |sum, v| sum + v * v).sqrt(),
            Normalize::Infinity => values.fold(0.0, |max, v| if v.abs() > max { v.abs() } else { max }),
            Normalize::Other(p) => libm::pow(values.fold(0.0, |sum, v| sum + libm::pow(v.abs(), *p)), 1.0 / p),
        }
    }
}
