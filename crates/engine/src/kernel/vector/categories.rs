//! Values of categorical elements to numbers of categories. Spark's `VectorIndexerModel.transform`.

use model::{FaultKind, FaultValue, column::Row};
use plan::{CategoryMap, Invalid};

use super::{Refusal, null, wrong_size};
use crate::{
    frame::{Env, Home},
    store::VectorStore,
};

/// [`plan::VectorOp::Categories`].
pub struct Categories {
    size: usize,
    maps: Box<[Map]>,
    invalid: Invalid,
}

struct Map {
    place: u32,
    /// Values with their numbers, by value; no NaN, and no two that are equal.
    values: Box<[(f64, f64)]>,
    /// The number of what is not among them.
    other: f64,
    /// The numbers of 0, 1, 2 and so on, where all values are such: NaN of those that are not among them.
    whole: Box<[f64]>,
}

/// Values up to which the numbers of whole ones are looked up by place.
const WHOLE_MAX: f64 = 1024.0;

/// What ends a row early.
enum End {
    Skip,
    Refuse(Refusal),
}

impl Categories {
    pub fn new(size: u32, maps: &[CategoryMap], invalid: Invalid) -> Categories {
        let maps = maps.iter().map(|map| {
            let mut values = map.values.to_vec();
            values.sort_by(|a, b| (a.0 + 0.0).total_cmp(&(b.0 + 0.0)));
            // Of values that are equal, the number that came last.
            values.dedup_by(|later, kept| {
                let same = later.0 == kept.0;
                if same {
                    kept.1 = later.1;
                }
                same
            });
            let other = values.len() as f64;
            values.retain(|(value, _)| !value.is_nan());
            let whole = whole(&values).unwrap_or_default();
            Map { place: map.place, values: values.into(), other, whole }
        });
        Categories { size: size as usize, maps: maps.collect(), invalid }
    }

    pub fn run(&self, env: &Env<'_>, input: Home, output: Home) {
        let vectors = env.frame.vectors(input);
        let mut out = env.frame.vectors_mut(output);
        if let Some(matrix) = vectors.as_matrix(self.size).filter(|_| env.frame.all_live())
            && self.matrix(matrix, out.set_matrix(env.frame.rows(), self.size))
        {
            return;
        }
        out.clear();
        for row in 0..env.frame.rows() {
            if !env.frame.is_live(row) {
                out.push_null();
                continue;
            }
            let ended =
                if vectors.is_valid(row) { self.row(vectors.row(row), &mut out) } else { Err(End::Refuse(null())) };
            let Err(end) = ended else { continue };
            match end {
                End::Skip => env.skip(row),
                End::Refuse((kind, value)) => env.refuse(row, 0, kind, value),
            }
            out.push_null();
        }
    }

    /// Numbers all rows of a matrix, one element of them after the other; returns whether each value has a number.
    fn matrix(&self, matrix: &[f64], out: &mut [f64]) -> bool {
        out.copy_from_slice(matrix);
        self.maps.iter().all(|map| {
            out.iter_mut().skip(map.place as usize).step_by(self.size).all(|value| {
                let number = map.number(*value).or((self.invalid == Invalid::Keep).then_some(map.other));
                *value = number.unwrap_or(*value);
                number.is_some()
            })
        })
    }

    fn row(&self, row: Row<'_>, out: &mut VectorStore) -> Result<(), End> {
        if row.size() != self.size {
            return Err(End::Refuse(wrong_size(self.size, row.size())));
        }
        let (index_start, start) = (out.indices.len(), out.values.len());
        match row {
            Row::Dense(values) => out.values.extend_from_slice(values),
            Row::Sparse { indices, values, .. } => {
                out.indices.extend_from_slice(indices);
                out.values.extend_from_slice(values);
            }
        }
        let numbered = self.number(row, &mut out.values[start..]);
        if numbered.is_err() {
            out.indices.truncate(index_start);
            out.values.truncate(start);
            return numbered;
        }
        match row {
            Row::Dense(_) => out.end_dense(start),
            Row::Sparse { size, .. } => out.end_sparse(size as u32, index_start, start),
        }
        Ok(())
    }

    /// Replaces the stored values of categorical elements.
    fn number(&self, row: Row<'_>, stored: &mut [f64]) -> Result<(), End> {
        for map in &self.maps {
            let at = match row {
                Row::Dense(_) => map.place as usize,
                Row::Sparse { indices, .. } => match indices.binary_search(&map.place) {
                    Ok(at) => at,
                    Err(_) => continue,
                },
            };
            stored[at] = match (map.number(stored[at]), self.invalid) {
                (Some(number), _) => number,
                (None, Invalid::Keep) => map.other,
                (None, Invalid::Skip) => return Err(End::Skip),
                (None, Invalid::Error) => {
                    return Err(End::Refuse((FaultKind::Unseen, FaultValue::Number(stored[at]))));
                }
            };
        }
        Ok(())
    }
}

impl Map {
    fn number(&self, value: f64) -> Option<f64> {
        if !self.whole.is_empty() {
            let number = *self.whole.get(value as usize)?;
            return (value as usize as f64 == value && !number.is_nan()).then_some(number);
        }
        let at =
            self.values.binary_search_by(|(known, _)| known.partial_cmp(&value).unwrap_or(std::cmp::Ordering::Less));
        at.ok().map(|at| self.values[at].1)
    }
}

/// Returns the numbers of whole values by their place, if all values are such.
fn whole(values: &[(f64, f64)]) -> Option<Box<[f64]>> {
    let is_whole = |value: f64| (0.0..WHOLE_MAX).contains(&value) && value == value.trunc();
    let largest = values.last().filter(|_| values.iter().all(|(value, _)| is_whole(*value)))?.0;
    let mut whole = vec![f64::NAN; largest as usize + 1];
    values.iter().for_each(|(value, number)| whole[*value as usize] = *number);
    Some(whole.into())
}
