//! Products of the elements of several columns.
//!
//! The entries of a row grow in place: those so far are multiplied by each element of the next input, the last element
//! first, so that the first one's products may take the place of what they are made of.

use model::{FaultKind, FaultValue, column::Row};
use plan::{Compressed, Interacting};

use super::{Refusal, null, wrong_size};
use crate::{
    frame::{Cells, Env, Frame, Home},
    store::VectorStore,
};

/// [`plan::FeatureOp::Interact`].
pub struct Interact {
    parts: Box<[Part]>,
    size: u32,
    form: Compressed,
}

struct Part {
    of: Interacting,
    encoded: u32,
}

impl Interact {
    pub(super) fn new(parts: &[Interacting], form: Compressed) -> Interact {
        let parts: Box<[Part]> =
            parts.iter().map(|part| Part { of: part.clone(), encoded: part.encoded() as u32 }).collect();
        let size = parts.iter().map(|part| part.encoded).product();
        Interact { parts, size, form }
    }

    pub(super) fn run(&self, env: &Env<'_>, inputs: &[Home], output: Home) {
        let mut out = env.frame.vectors_mut(output);
        out.clear();
        for row in 0..env.frame.rows() {
            if !env.frame.is_live(row) {
                out.push_null();
                continue;
            }
            let (index_start, start) = (out.indices.len(), out.values.len());
            match self.multiply(env.frame, inputs, row, &mut out) {
                Ok(()) => end(&mut out, self.size as usize, self.form, index_start, start),
                Err((input, (kind, value))) => {
                    env.refuse(row, input, kind, value);
                    out.indices.truncate(index_start);
                    out.values.truncate(start);
                    out.push_null();
                }
            }
        }
    }

    /// Adds the row's entries, or tells which input is refused.
    fn multiply(
        &self,
        frame: &Frame,
        inputs: &[Home],
        row: usize,
        out: &mut VectorStore,
    ) -> Result<(), (usize, Refusal)> {
        let (index_start, start) = (out.indices.len(), out.values.len());
        out.indices.push(0);
        out.values.push(1.0);
        let mut stride = 1;
        for (input, (part, &home)) in self.parts.iter().zip(inputs).enumerate().rev() {
            let (indices, values) = (&mut out.indices, &mut out.values);
            let mut products = Products { indices, values, index_start, start, stride };
            let done = match part.of.size {
                None => part.number(frame.cells(home), row, &mut products),
                Some(_) => {
                    let vectors = frame.vectors(home);
                    match vectors.is_valid(row) {
                        true => part.vector(vectors.row(row), &mut products),
                        false => Err(null()),
                    }
                }
            };
            done.map_err(|refusal| (input, refusal))?;
            stride *= part.encoded;
        }
        Ok(())
    }
}

impl Part {
    fn number(&self, cells: Cells<'_>, row: usize, products: &mut Products<'_>) -> Result<(), Refusal> {
        let value = cells.number(row).ok_or_else(null)?;
        match self.of.categories.first() {
            Some(&(_, count)) => products.grow(1, |_| Ok((category(value, count)?, 1.0))),
            None => products.grow(1, |_| Ok((0, value))),
        }
    }

    fn vector(&self, row: Row<'_>, products: &mut Products<'_>) -> Result<(), Refusal> {
        let size = self.of.elements();
        if row.size() != size as usize {
            return Err(wrong_size(size as usize, row.size()));
        }
        // What a sparse vector does not store takes no part: no category 0, no zero that an infinity would make NaN.
        let stored = match row {
            Row::Dense(values) => values.len(),
            Row::Sparse { indices, .. } => indices.len(),
        };
        // From the last element to the first: so are the places counted.
        let (mut next, mut end) = (size, self.encoded);
        let mut categories = self.of.categories.iter().rev().peekable();
        products.grow(stored as u32, |k| {
            let (i, value) = match row {
                Row::Dense(values) => (k, values[k as usize]),
                Row::Sparse { indices, values, .. } => (indices[k as usize], values[k as usize]),
            };
            let mut count = None;
            while next > i {
                next -= 1;
                count = categories.next_if(|(place, _)| *place == next).map(|(_, count)| *count);
                end -= count.unwrap_or(1);
            }
            match count {
                Some(count) => Ok((end + category(value, count)?, 1.0)),
                None => Ok((end, value)),
            }
        })
    }
}

/// Returns the category that a number is, a whole one below the count.
fn category(value: f64, count: u32) -> Result<u32, Refusal> {
    if 0.0 <= value && value < f64::from(count) && value == value.trunc() {
        return Ok(value as u32);
    }
    Err((FaultKind::Unseen, FaultValue::Number(value)))
}

/// The entries of a row so far.
struct Products<'o> {
    indices: &'o mut Vec<u32>,
    values: &'o mut Vec<f64>,
    index_start: usize,
    start: usize,
    /// The size of the vector so far.
    stride: u32,
}

impl Products<'_> {
    /// Multiplies the entries by `elements` more, asked for from the last to the first: each is a place and a value.
    fn grow(
        &mut self,
        elements: u32,
        mut element: impl FnMut(u32) -> Result<(u32, f64), Refusal>,
    ) -> Result<(), Refusal> {
        let before = self.indices.len() - self.index_start;
        let after = before * elements as usize;
        self.indices.resize(self.index_start + after.max(before), 0);
        self.values.resize(self.start + after.max(before), 0.0);
        let (indices, values) = (&mut self.indices[self.index_start..], &mut self.values[self.start..]);
        for i in (0..elements).rev() {
            let (place, value) = element(i)?;
            let at = i as usize * before;
            for j in 0..before {
                indices[at + j] = indices[j] + place * self.stride;
                values[at + j] = values[j] * value;
            }
        }
        self.indices.truncate(self.index_start + after);
        self.values.truncate(self.start + after);
        Ok(())
    }
}

/// Ends a row whose entries, by rising place, were added, in the smaller form: zeros go where it is sparse, a dense one keeps
/// their signs.
fn end(out: &mut VectorStore, size: usize, form: Compressed, index_start: usize, start: usize) {
    let stored = out.indices.len() - index_start;
    let non_zeros = out.values[start..].iter().filter(|v| **v != 0.0).count();
    let (indices, values) = (&mut out.indices, &mut out.values);
    if form.is_sparse(non_zeros, size) {
        let mut kept = 0;
        for k in 0..stored {
            indices[index_start + kept] = indices[index_start + k];
            values[start + kept] = values[start + k];
            kept += usize::from(values[start + k] != 0.0);
        }
        indices.truncate(index_start + kept);
        values.truncate(start + kept);
        return out.end_sparse(size as u32, index_start, start);
    }
    values.resize(start + size, 0.0);
    let row = &mut values[start..];
    // From the last to the first, so that none is written over before it has moved: an index is never below its place.
    let mut end = size;
    for k in (0..stored).rev() {
        let (at, value) = (indices[index_start + k] as usize, row[k]);
        row[at + 1..end].fill(0.0);
        row[at] = value;
        end = at;
    }
    row[..end].fill(0.0);
    indices.truncate(index_start);
    out.end_dense(start);
}
