//! Which group a row belongs to, and which values a group has seen: rows as bytes that are equal where the rows are.

use std::collections::{HashMap, HashSet};

use model::{Builder, Column, DType, Fixed, PredictError, Type, column::Row};

use super::Budget;

/// The groups by their keys, in the order in which they came.
pub struct Keys {
    // Keys are the caller's: a hash that he can foresee would let him make every look-up slow.
    places: HashMap<Box<[u8]>, u32>,
    columns: Vec<Builder>,
    /// Without keys there is one group from the beginning.
    is_one: bool,
    scratch: Vec<u8>,
}

/// Values that groups have seen.
#[derive(Default)]
pub struct Seen {
    values: HashSet<Box<[u8]>>,
    scratch: Vec<u8>,
}

impl Keys {
    pub fn new(types: &[Type]) -> Keys {
        let columns = types.iter().map(Builder::new).collect();
        Keys { places: HashMap::new(), columns, is_one: types.is_empty(), scratch: Vec::new() }
    }

    /// Returns how many groups there are.
    pub fn len(&self) -> usize {
        if self.is_one { 1 } else { self.places.len() }
    }

    /// Returns the group of a row, and whether it is new.
    pub fn find(&mut self, keys: &[Column], row: usize, budget: &mut Budget) -> Result<(usize, bool), PredictError> {
        if self.is_one {
            return Ok((0, false));
        }
        self.scratch.clear();
        keys.iter().for_each(|key| encode(key, row, &mut self.scratch));
        if let Some(group) = self.places.get(self.scratch.as_slice()) {
            return Ok((*group as usize, false));
        }
        budget.spend(self.scratch.len())?;
        let group = self.places.len();
        self.places.insert(self.scratch.as_slice().into(), group as u32);
        keys.iter().zip(&mut self.columns).for_each(|(key, column)| push_key(column, key, row));
        Ok((group, true))
    }

    /// Returns the keys, a row each group.
    pub fn finish(&mut self) -> Vec<Column> {
        self.columns.drain(..).map(Builder::finish).collect()
    }
}

impl Seen {
    /// Returns whether these values come to the group for the first time.
    pub fn is_first(
        &mut self,
        group: usize,
        args: &[Column],
        row: usize,
        budget: &mut Budget,
    ) -> Result<bool, PredictError> {
        self.scratch.clear();
        self.scratch.extend_from_slice(&(group as u32).to_le_bytes());
        args.iter().for_each(|arg| encode(arg, row, &mut self.scratch));
        if self.values.contains(self.scratch.as_slice()) {
            return Ok(false);
        }
        budget.spend(self.scratch.len())?;
        self.values.insert(self.scratch.as_slice().into());
        Ok(true)
    }
}

/// Returns the bytes that stand for a row, to measure it.
pub fn size(column: &Column, row: usize, scratch: &mut Vec<u8>) -> usize {
    scratch.clear();
    encode(column, row, scratch);
    scratch.len()
}

fn one_nan(x: f64) -> f64 {
    if x.is_nan() { f64::NAN } else { x + 0.0 }
}

fn one_nan_f32(x: f32) -> f32 {
    if x.is_nan() { f32::NAN } else { x + 0.0 }
}

/// Appends a key as its group has it: one zero, one NaN.
pub fn push_key(builder: &mut Builder, key: &Column, row: usize) {
    match key {
        Column::Fixed(fixed) if key.is_valid(row) && fixed.shape().is_empty() => match fixed.dtype() {
            DType::F64 => builder.push_fixed(one_nan(fixed.values::<f64>()[row])),
            DType::F32 => builder.push_fixed(one_nan_f32(fixed.values::<f32>()[row])),
            _ => builder.append_row(key, row),
        },
        _ => builder.append_row(key, row),
    }
}

/// Appends bytes that are equal for equal rows of columns of one type, and only for those; no row's bytes are the beginning
/// of another's.
fn encode(column: &Column, row: usize, out: &mut Vec<u8>) {
    out.push(u8::from(column.is_valid(row)));
    if !column.is_valid(row) {
        return;
    }
    let len = |out: &mut Vec<u8>, len: usize| out.extend_from_slice(&(len as u64).to_le_bytes());
    match column {
        Column::Fixed(fixed) => encode_fixed(fixed, row, out),
        Column::Text(texts) | Column::Bytes(texts) => {
            let bytes = texts.bytes(row);
            len(out, bytes.len());
            out.extend_from_slice(bytes);
        }
        Column::List(lists) | Column::Map(lists) => {
            let range = lists.range(row);
            len(out, range.len());
            range.for_each(|item| encode(lists.child(), item, out));
        }
        Column::Vector(vectors) => {
            let (size, indices, values) = match vectors.row(row) {
                Row::Dense(values) => (u64::MAX, &[][..], values),
                Row::Sparse { size, indices, values } => (size as u64, indices, values),
            };
            out.extend_from_slice(&size.to_le_bytes());
            len(out, values.len());
            indices.iter().for_each(|i| out.extend_from_slice(&i.to_le_bytes()));
            values.iter().for_each(|&x| out.extend_from_slice(&one_nan(x).to_bits().to_le_bytes()));
        }
        Column::Struct(parts) => parts.fields().iter().for_each(|(_, part)| encode(part, row, out)),
    }
}

fn encode_fixed(fixed: &Fixed, row: usize, out: &mut Vec<u8>) {
    let size = fixed.shape().iter().product::<usize>();
    let elements = row * size..(row + 1) * size;
    match fixed.dtype() {
        DType::F64 => {
            let values = &fixed.values::<f64>()[elements];
            values.iter().for_each(|&x| out.extend_from_slice(&one_nan(x).to_bits().to_le_bytes()));
        }
        DType::F32 => {
            let values = &fixed.values::<f32>()[elements];
            values.iter().for_each(|&x| out.extend_from_slice(&one_nan_f32(x).to_bits().to_le_bytes()));
        }
        dtype => {
            let width = dtype.width();
            out.extend_from_slice(&fixed.buffer().as_slice()[elements.start * width..elements.end * width]);
        }
    }
}
