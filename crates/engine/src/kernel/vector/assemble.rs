//! Numbers and vectors side by side.
//!
//! Two ways to the same bits. Where every part's size is fixed and the whole is short, a matrix of all rows is filled part by
//! part. Else each row's non-zeros are gathered first, so that a wide sparse part costs what it stores; if the dense
//! form is the smaller one, they are spread out in place. Both write 0 for -0, as Spark does, which gathers non-zeros always.

use model::{FaultKind, FaultValue, Type, column::Row};
use plan::{Compressed, Invalid, ValueType};

use super::{Refusal, end_compressed, null, wrong_size};
use crate::{
    frame::{Env, Home},
    store::VectorStore,
};

pub struct Assemble {
    parts: Box<[Part]>,
    invalid: Invalid,
    form: Compressed,
    /// The size of every row, where it is fixed and at most [`MATRIX_MAX`].
    fixed: Option<usize>,
}

enum Part {
    Number,
    Vector {
        /// The size that a vector must have, by its type.
        size: Option<u32>,
        /// The size that a null one is taken for.
        assumed: Option<u32>,
    },
}

/// Longest rows that are made as a matrix.
const MATRIX_MAX: usize = 256;

/// Longest run of NaN in the place of a null vector.
const FILL_MAX: u32 = 1 << 24;

impl Assemble {
    pub fn new(sizes: &[Option<u32>], invalid: Invalid, form: Compressed, inputs: &[ValueType]) -> Assemble {
        let parts = sizes.iter().zip(inputs).map(|(&size, input)| match input.ty {
            Type::Vector { size: declared } => Part::Vector { size: declared, assumed: declared.or(size) },
            _ => Part::Number,
        });
        let parts: Box<[Part]> = parts.collect();
        let fixed = parts.iter().try_fold(0usize, |sum, part| match part {
            Part::Number => Some(sum + 1),
            Part::Vector { size, .. } => size.map(|n| sum + n as usize),
        });
        Assemble { parts, invalid, form, fixed: fixed.filter(|n| *n <= MATRIX_MAX) }
    }

    pub fn run(&self, env: &Env<'_>, inputs: &[Home], output: Home) {
        let mut out = env.frame.vectors_mut(output);
        out.clear();
        match self.fixed {
            Some(size) => self.matrix(env, inputs, size, &mut out),
            None => self.row_by_row(env, inputs, &mut out),
        }
    }

    fn matrix(&self, env: &Env<'_>, inputs: &[Home], size: usize, out: &mut VectorStore) {
        let rows = env.frame.rows();
        out.values.resize(rows * size, 0.0);
        let mut at = 0;
        for (input, (part, &home)) in self.parts.iter().zip(inputs).enumerate() {
            match part {
                Part::Number => {
                    let cells = env.frame.cells(home);
                    env.frame.each_live(|row| match self.number(cells.number(row)) {
                        Ok(value) => out.values[row * size + at] = value + 0.0,
                        Err(refusal) => self.fault(env, row, input, refusal),
                    });
                    at += 1;
                }
                Part::Vector { size: part_size, .. } => {
                    let part_size = part_size.expect("a matrix is made where every size is fixed") as usize;
                    let vectors = env.frame.vectors(home);
                    env.frame.each_live(|row| {
                        let place = row * size + at;
                        let place = &mut out.values[place..place + part_size];
                        match self.vector(part, vectors.is_valid(row).then(|| vectors.row(row))) {
                            Ok(Some(vector)) => spread(vector, place),
                            Ok(None) => place.fill(f64::NAN),
                            Err(refusal) => self.fault(env, row, input, refusal),
                        }
                    });
                    at += part_size;
                }
            }
        }
        for row in 0..rows {
            if env.frame.is_live(row) { end_compressed(out, row * size, size, self.form) } else { out.push_null() }
        }
    }

    fn row_by_row(&self, env: &Env<'_>, inputs: &[Home], out: &mut VectorStore) {
        for row in 0..env.frame.rows() {
            if !env.frame.is_live(row) {
                out.push_null();
                continue;
            }
            let (index_start, start) = (out.indices.len(), out.values.len());
            match self.gather(env, inputs, row, out) {
                Ok(size) => end_gathered(out, size, self.form, index_start, start),
                Err((input, refusal)) => {
                    self.fault(env, row, input, refusal);
                    out.indices.truncate(index_start);
                    out.values.truncate(start);
                    out.push_null();
                }
            }
        }
    }

    /// Adds the row's non-zeros, returns its size; or refuses an input.
    fn gather(
        &self,
        env: &Env<'_>,
        inputs: &[Home],
        row: usize,
        out: &mut VectorStore,
    ) -> Result<u32, (usize, Refusal)> {
        let mut size = 0u32;
        for (input, (part, &home)) in self.parts.iter().zip(inputs).enumerate() {
            let part_size = match part {
                Part::Number => {
                    let value = self.number(env.frame.cells(home).number(row)).map_err(|r| (input, r))?;
                    push(out, size, value);
                    Some(1)
                }
                Part::Vector { assumed, .. } => {
                    let vectors = env.frame.vectors(home);
                    let vector = vectors.is_valid(row).then(|| vectors.row(row));
                    match self.vector(part, vector).map_err(|r| (input, r))? {
                        Some(vector) => push_vector(out, size, vector),
                        None => {
                            let fill = assumed.unwrap_or_default();
                            (0..fill).for_each(|i| push(out, size + i, f64::NAN));
                            Some(fill)
                        }
                    }
                }
            };
            let too_long = (FaultKind::Rule("vectors of less than 2^31 elements together"), FaultValue::Null);
            size = part_size
                .and_then(|n| size.checked_add(n))
                .filter(|size| i32::try_from(*size).is_ok())
                .ok_or((input, too_long))?;
        }
        Ok(size)
    }

    fn number(&self, value: Option<f64>) -> Result<f64, Refusal> {
        match value {
            Some(value) if !value.is_nan() => Ok(value),
            Some(_) if self.invalid != Invalid::Keep => Err((FaultKind::NotANumber, FaultValue::Number(f64::NAN))),
            None if self.invalid != Invalid::Keep => Err(null()),
            value => Ok(value.unwrap_or(f64::NAN)),
        }
    }

    /// Returns the vector, or nothing where as many NaN as its part assumes take its place.
    fn vector<'a>(&self, part: &Part, vector: Option<Row<'a>>) -> Result<Option<Row<'a>>, Refusal> {
        let Part::Vector { size, assumed } = part else { unreachable!("a part of vectors") };
        match (vector, size) {
            (Some(vector), Some(size)) if vector.size() != *size as usize => {
                Err(wrong_size(*size as usize, vector.size()))
            }
            (Some(vector), _) => Ok(Some(vector)),
            (None, _) if self.invalid == Invalid::Keep && assumed.is_some_and(|n| n <= FILL_MAX) => Ok(None),
            (None, _) => Err(null()),
        }
    }

    /// Refuses the row, or drops it where the op drops null and NaN.
    #[cold]
    fn fault(&self, env: &Env<'_>, row: usize, input: usize, (kind, value): Refusal) {
        if self.invalid == Invalid::Skip && matches!(kind, FaultKind::Null | FaultKind::NotANumber) {
            env.skip(row);
        } else {
            env.refuse(row, input, kind, value);
        }
    }
}

/// Writes a vector into its place, which holds zeros and has its size.
pub fn spread(vector: Row<'_>, place: &mut [f64]) {
    match vector {
        Row::Dense(values) => place.iter_mut().zip(values).for_each(|(to, v)| *to = v + 0.0),
        Row::Sparse { indices, values, .. } => {
            indices.iter().zip(values).for_each(|(&i, v)| place[i as usize] = v + 0.0);
        }
    }
}

#[inline]
fn push(out: &mut VectorStore, index: u32, value: f64) {
    if value != 0.0 {
        out.indices.push(index);
        out.values.push(value);
    }
}

/// Adds the vector's non-zeros; returns its size, where the indices do not run over.
fn push_vector(out: &mut VectorStore, start: u32, vector: Row<'_>) -> Option<u32> {
    let size = u32::try_from(vector.size()).ok()?;
    start.checked_add(size)?;
    match vector {
        Row::Dense(values) => (0..size).zip(values).for_each(|(i, &v)| push(out, start + i, v)),
        Row::Sparse { indices, values, .. } => {
            indices.iter().zip(values).for_each(|(&i, &v)| push(out, start + i, v));
        }
    }
    Some(size)
}

/// Ends a row of gathered non-zeros in the smaller form. A dense one is at most half as long again as what was gathered.
pub(super) fn end_gathered(out: &mut VectorStore, size: u32, form: Compressed, index_start: usize, start: usize) {
    let gathered = out.indices.len() - index_start;
    let size = size as usize;
    if form.is_sparse(gathered, size) {
        return out.end_sparse(size as u32, index_start, start);
    }
    out.values.resize(start + size, 0.0);
    let row = &mut out.values[start..];
    // From the last to the first, so that none is written over before it has moved: an index is never below its place.
    let mut end = size;
    for k in (0..gathered).rev() {
        let at = out.indices[index_start + k] as usize;
        let value = row[k];
        row[at + 1..end].fill(0.0);
        row[at] = value;
        end = at;
    }
    row[..end].fill(0.0);
    out.indices.truncate(index_start);
    out.end_dense(start);
}
