//! Rows of a stage's tables: any number of Parquet parts in a folder, cells read with their types, vectors and matrices.
//!
//! A vector is `struct<type, size, indices, values>`, a matrix `struct<type, numRows, numCols, colPtrs, rowIndices, values,
//! isTransposed>`; type 0 is sparse, 1 dense. Their forms are kept: a sparse one visits only what it stores when it scores.

use std::ops::Range;

use model::{Column, DType, Fixed, ScalarBuffer, Type, Value};
use plan::Weights;

use super::{Stage, metadata::is_data};
use crate::ReadError;

/// The rows of all parts of a folder, in no order that means anything.
#[derive(Debug)]
pub struct Table<'s> {
    stage: &'s Stage<'s>,
    folder: String,
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    file: String,
    rows: usize,
    columns: Vec<(String, Column)>,
}

/// A column of one part, or a part of a struct in it, with what an error needs to name it.
#[derive(Clone, Copy, Debug)]
pub struct Cells<'t> {
    stage: &'t Stage<'t>,
    file: &'t str,
    name: &'t str,
    column: &'t Column,
}

/// One part of a table.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'t> {
    stage: &'t Stage<'t>,
    part: &'t Part,
}

/// A vector as it was saved.
#[derive(Clone, Debug, PartialEq)]
pub enum Vector {
    Dense(Vec<f64>),
    /// Indices rise strictly and are below `size`.
    Sparse {
        size: u32,
        indices: Vec<u32>,
        values: Vec<f64>,
    },
}

/// A matrix as weights, a row for each result.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    pub rows: u32,
    pub weights: Weights,
    /// It was saved row by row.
    pub transposed: bool,
}

// === impl Table ===

impl<'s> Table<'s> {
    pub(super) fn read(stage: &'s Stage<'s>, folder: &str) -> Result<Table<'s>, ReadError> {
        let files = stage.files.folder(folder);
        let mut parts = Vec::new();
        for (name, bytes) in files.here() {
            if !is_data(name) || !name.ends_with(".parquet") || bytes.is_empty() {
                continue;
            }
            let file = files.full_path(name);
            let left = stage.bytes_left.get();
            let limits = codec::parquet::Limits { decoded_bytes_max: left as u64, ..Default::default() };
            let batch = codec::parquet::read(bytes, &limits)
                .map_err(|source| ReadError::Table { file: file.clone(), source: Box::new(source) })?;
            let columns: Vec<(String, Column)> = batch.values().iter().filter_map(column).collect();
            let bytes: usize = columns.iter().map(|(_, column)| bytes_of(column)).sum();
            stage.bytes_left.set(left.checked_sub(bytes).ok_or_else(|| ReadError::TooLarge {
                file: file.clone(),
                what: "the decoded size of the artifact's tables".to_owned(),
                got: (stage.limits.decoded_bytes_max - left + bytes) as u64,
                limit: stage.limits.decoded_bytes_max as u64,
                key: "decoded_bytes_max",
            })?);
            parts.push(Part { file, rows: batch.rows(), columns });
        }
        if parts.is_empty() {
            return Err(ReadError::Missing {
                file: files.full_path("part-*.parquet"),
                class: stage.meta.class.clone(),
                help: "what the stage has learned stands there",
            });
        }
        Ok(Table { stage, folder: files.full_path(""), parts })
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.rows).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the parts that have rows.
    pub fn parts(&self) -> impl Iterator<Item = Rows<'_>> {
        self.parts.iter().filter(|part| part.rows > 0).map(|part| Rows { stage: self.stage, part })
    }

    /// Returns the part whose first row is the table's only one.
    pub fn only_row(&self) -> Result<Rows<'_>, ReadError> {
        match (self.len(), self.parts().next()) {
            (1, Some(rows)) => Ok(rows),
            (len, _) => Err(ReadError::Field {
                file: self.folder.clone(),
                class: self.stage.meta.class.clone(),
                field: "rows".to_owned(),
                expected: "one row".into(),
                got: len.to_string().into(),
            }),
        }
    }
}

fn column((name, value): &(std::sync::Arc<str>, Value)) -> Option<(String, Column)> {
    match value {
        Value::Column { column, .. } => Some((name.to_string(), column.clone())),
        Value::Whole(_) => None,
    }
}

/// Returns about how many bytes a column takes.
fn bytes_of(column: &Column) -> usize {
    match column {
        Column::Fixed(c) => c.buffer().len(),
        Column::Text(c) | Column::Bytes(c) => c.buffer().len() + 4 * c.len(),
        Column::List(c) | Column::Map(c) => bytes_of(c.child()) + 4 * c.len(),
        Column::Vector(c) => 16 * c.len(),
        Column::Struct(c) => c.fields().iter().map(|(_, c)| bytes_of(c)).sum(),
    }
}

// === impl Rows ===

impl<'t> Rows<'t> {
    pub fn len(&self) -> usize {
        self.part.rows
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the column, where it is there.
    pub fn find(&self, name: &'t str) -> Option<Cells<'t>> {
        let (_, column) = self.part.columns.iter().find(|(n, _)| n == name)?;
        Some(Cells { stage: self.stage, file: &self.part.file, name, column })
    }

    /// Returns the column.
    pub fn column(&self, name: &'t str) -> Result<Cells<'t>, ReadError> {
        self.find(name).ok_or_else(|| ReadError::Field {
            file: self.part.file.clone(),
            class: self.stage.meta.class.clone(),
            field: name.to_owned(),
            expected: "a column of this name".into(),
            got: self.part.columns.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>().join(", ").into(),
        })
    }
}

// === impl Cells ===

impl<'t> Cells<'t> {
    /// Returns the error of a cell that is not as it should be.
    pub fn fault(&self, expected: impl Into<Box<str>>, got: impl Into<Box<str>>) -> ReadError {
        ReadError::Field {
            file: self.file.to_owned(),
            class: self.stage.meta.class.clone(),
            field: self.name.to_owned(),
            expected: expected.into(),
            got: got.into(),
        }
    }

    fn mistyped(&self, expected: &str, row: usize) -> ReadError {
        if self.column.is_valid(row) {
            self.fault(expected, self.column.ty().to_string())
        } else {
            self.fault(expected, "null")
        }
    }

    /// Returns whether the cell holds a value.
    pub fn is_some(&self, row: usize) -> bool {
        self.column.is_valid(row)
    }

    /// Returns a part of a struct.
    pub fn part(&self, name: &'t str) -> Result<Cells<'t>, ReadError> {
        let found = match self.column {
            Column::Struct(parts) => parts.field(name),
            _ => None,
        };
        match found {
            Some(column) => Ok(Cells { column, name, ..*self }),
            None => Err(self.fault(format!("a struct with a part `{name}`"), self.column.ty().to_string())),
        }
    }

    /// Returns the integer.
    pub fn int(&self, row: usize) -> Result<i64, ReadError> {
        fixed(self.column).and_then(|c| int_at(c, row)).ok_or_else(|| self.mistyped("an integer", row))
    }

    /// Returns the integer, within the range of what counts and indexes here.
    pub fn count(&self, row: usize) -> Result<u32, ReadError> {
        let int = self.int(row)?;
        let count = u32::try_from(int).ok().filter(|&i| i <= i32::MAX as u32);
        count.ok_or_else(|| self.fault("an integer from 0 to 2147483647", int.to_string()))
    }

    /// Returns the number.
    pub fn f64(&self, row: usize) -> Result<f64, ReadError> {
        let number = fixed(self.column).and_then(|c| f64_at(c, row));
        number.ok_or_else(|| self.mistyped("a double", row))
    }

    /// Returns the boolean.
    pub fn bool(&self, row: usize) -> Result<bool, ReadError> {
        let bool = fixed(self.column).filter(|c| c.dtype() == DType::Bool && c.is_valid(row));
        bool.map(|c| c.values::<u8>()[row] != 0).ok_or_else(|| self.mistyped("a boolean", row))
    }

    /// Returns the type of the cells.
    pub fn ty(&self) -> Type {
        self.column.ty()
    }

    /// Returns a number, boolean, date or timestamp: a float64 by its bits, a float32 by its bits in the low half, everything
    /// else widened to 64 bits.
    pub fn bits(&self, row: usize) -> Result<u64, ReadError> {
        fixed(self.column).and_then(|c| bits_at(c, row)).ok_or_else(|| self.mistyped("a number, boolean or date", row))
    }

    /// Returns the text.
    pub fn text(&self, row: usize) -> Result<&'t str, ReadError> {
        match self.column {
            Column::Text(c) if c.is_valid(row) => Ok(c.text(row)),
            _ => Err(self.mistyped("a string", row)),
        }
    }

    /// Returns a list's items: their column and their places in it.
    pub fn items(&self, row: usize) -> Result<(Cells<'t>, Range<usize>), ReadError> {
        match self.column {
            Column::List(c) if c.is_valid(row) => Ok((Cells { column: c.child(), ..*self }, c.range(row))),
            _ => Err(self.mistyped("an array", row)),
        }
    }

    /// Returns a map's keys, its values, and the places of both.
    pub fn entries(&self, row: usize) -> Result<(Cells<'t>, Cells<'t>, Range<usize>), ReadError> {
        match self.column {
            Column::Map(c) if c.is_valid(row) => match c.child() {
                Column::Struct(entry) if entry.fields().len() == 2 => {
                    let part = |at: usize| Cells { column: &entry.fields()[at].1, ..*self };
                    Ok((part(0), part(1), c.range(row)))
                }
                _ => Err(self.mistyped("a map", row)),
            },
            _ => Err(self.mistyped("a map", row)),
        }
    }

    /// Returns the texts of a list.
    pub fn texts(&self, row: usize) -> Result<Vec<Box<str>>, ReadError> {
        let (items, range) = self.items(row)?;
        range.map(|i| items.text(i).map(Into::into)).collect()
    }

    /// Returns the numbers of a list.
    pub fn f64s(&self, row: usize) -> Result<Vec<f64>, ReadError> {
        let (items, range) = self.items(row)?;
        match fixed(items.column).filter(|c| c.dtype() == DType::F64 && items.column.nulls().is_none()) {
            Some(all) => Ok(all.values::<f64>()[range].to_vec()),
            None => range.map(|i| items.f64(i)).collect(),
        }
    }

    /// Adds the numbers of a list to `out`, each as the float32 nearest to it; returns how many there are.
    pub fn extend_f32s(&self, row: usize, out: &mut Vec<f32>) -> Result<usize, ReadError> {
        let (items, range) = self.items(row)?;
        let count = range.len();
        match fixed(items.column).filter(|c| c.dtype() == DType::F32 && items.column.nulls().is_none()) {
            Some(all) => out.extend_from_slice(&all.values::<f32>()[range]),
            None => {
                for i in range {
                    out.push(items.f64(i)? as f32);
                }
            }
        }
        Ok(count)
    }

    /// Returns the numbers of all lists where they were decoded, where each list has so many float32 and they lie one after the other.
    pub fn f32_rows(&self, size: usize) -> Option<ScalarBuffer<f32>> {
        let Column::List(lists) = self.column else { return None };
        let all = fixed(lists.child()).filter(|c| c.dtype() == DType::F32 && lists.child().nulls().is_none())?;
        let is_row = |row: usize| lists.is_valid(row) && lists.range(row) == (row * size..(row + 1) * size);
        (0..lists.len()).all(is_row).then(|| ScalarBuffer::new(all.buffer().clone(), 0, lists.len() * size))
    }

    /// Returns the counts or indices of a list.
    pub fn counts(&self, row: usize) -> Result<Vec<u32>, ReadError> {
        let (items, range) = self.items(row)?;
        range.map(|i| items.count(i)).collect()
    }

    /// Returns the vector.
    pub fn vector(&self, row: usize) -> Result<Vector, ReadError> {
        if !self.is_some(row) {
            return Err(self.mistyped("a vector", row));
        }
        let values = self.part("values")?.f64s(row)?;
        match self.part("type")?.int(row)? {
            1 => Ok(Vector::Dense(values)),
            0 => {
                let (size, indices) = (self.part("size")?.count(row)?, self.part("indices")?.counts(row)?);
                let rising = indices.windows(2).all(|w| w[0] < w[1]) && indices.last().is_none_or(|&i| i < size);
                if !rising || indices.len() != values.len() {
                    let got = format!("{} indices for {} values", indices.len(), values.len());
                    return Err(self.fault(format!("a vector whose indices rise below {size}"), got));
                }
                Ok(Vector::Sparse { size, indices, values })
            }
            other => Err(self.fault("a vector of type 0 or 1", other.to_string())),
        }
    }

    /// Returns the vector written out in full.
    pub fn dense(&self, row: usize) -> Result<Vec<f64>, ReadError> {
        let vector = self.vector(row)?;
        self.within(vector.size() as u64)?;
        Ok(vector.into_dense())
    }

    /// Refuses more numbers than may be written out in full.
    pub fn within(&self, values: u64) -> Result<(), ReadError> {
        let limit = self.stage.limits.values_max as u64;
        if values <= limit {
            return Ok(());
        }
        let what = format!("the size of `{}`", self.name);
        Err(ReadError::TooLarge { file: self.file.to_owned(), what, got: values, limit, key: "values_max" })
    }

    /// Returns the matrix.
    pub fn matrix(&self, row: usize) -> Result<Matrix, ReadError> {
        if !self.is_some(row) {
            return Err(self.mistyped("a matrix", row));
        }
        let (rows, columns) = (self.part("numRows")?.count(row)?, self.part("numCols")?.count(row)?);
        let (values, transposed) = (self.part("values")?.f64s(row)?, self.part("isTransposed")?.bool(row)?);
        let weights = match self.part("type")?.int(row)? {
            1 => {
                if values.len() as u64 != u64::from(rows) * u64::from(columns) {
                    return Err(self.fault(format!("{rows} x {columns} values"), values.len().to_string()));
                }
                let values = if transposed { values } else { flip(&values, rows as usize, columns as usize) };
                Weights::Dense { columns, values: values.into() }
            }
            0 => {
                let offsets = self.part("colPtrs")?.counts(row)?;
                let indices = self.part("rowIndices")?.counts(row)?;
                self.within(u64::from(rows.max(columns)))?;
                let (lines, below) = if transposed { (rows, columns) } else { (columns, rows) };
                self.check_lines(lines, below, &offsets, &indices, values.len())?;
                let (offsets, indices, values) =
                    if transposed { (offsets, indices, values) } else { turn(rows, &offsets, &indices, &values) };
                let (offsets, indices, values) = (offsets.into(), indices.into(), values.into());
                Weights::Sparse { columns, offsets, indices, values }
            }
            other => return Err(self.fault("a matrix of type 0 or 1", other.to_string())),
        };
        Ok(Matrix { rows, weights, transposed })
    }

    /// Returns the matrix's number of rows, and its values row by row, zeros too.
    pub fn dense_matrix(&self, row: usize) -> Result<(u32, Vec<f64>), ReadError> {
        let Matrix { rows, weights, .. } = self.matrix(row)?;
        let values = match weights {
            Weights::Dense { values, .. } => values.to_vec(),
            Weights::Sparse { columns, offsets, indices, values } => {
                let columns = columns as usize;
                self.within(u64::from(rows) * columns as u64)?;
                let mut dense = vec![0.0; rows as usize * columns];
                for (line, w) in offsets.windows(2).enumerate() {
                    for i in w[0] as usize..w[1] as usize {
                        dense[line * columns + indices[i] as usize] = values[i];
                    }
                }
                dense
            }
        };
        Ok((rows, values))
    }

    fn check_lines(
        &self,
        lines: u32,
        below: u32,
        offsets: &[u32],
        indices: &[u32],
        values: usize,
    ) -> Result<(), ReadError> {
        let ends = offsets.first() == Some(&0) && offsets.last().is_some_and(|&end| end as usize == values);
        let rising = offsets.windows(2).all(|w| w[0] <= w[1]);
        let good = ends && rising && offsets.len() == lines as usize + 1 && indices.len() == values;
        if good && offsets.windows(2).all(|w| rises_below(&indices[w[0] as usize..w[1] as usize], below)) {
            return Ok(());
        }
        Err(self.fault(
            format!("a sparse matrix of {lines} lines whose indices rise below {below}"),
            format!("{} offsets, {} indices, {values} values", offsets.len(), indices.len()),
        ))
    }
}

fn rises_below(indices: &[u32], below: u32) -> bool {
    indices.windows(2).all(|w| w[0] < w[1]) && indices.last().is_none_or(|&i| i < below)
}

/// Returns a column-major matrix row by row.
pub(super) fn flip(values: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    (0..rows).flat_map(|r| (0..columns).map(move |c| values[c * rows + r])).collect()
}

/// Returns compressed columns as compressed rows.
fn turn(rows: u32, offsets: &[u32], indices: &[u32], values: &[f64]) -> (Vec<u32>, Vec<u32>, Vec<f64>) {
    let mut starts = vec![0u32; rows as usize + 1];
    indices.iter().for_each(|&r| starts[r as usize + 1] += 1);
    for r in 0..rows as usize {
        starts[r + 1] += starts[r];
    }
    let mut at = starts.clone();
    let (mut turned, mut moved) = (vec![0u32; indices.len()], vec![0.0; values.len()]);
    for (column, window) in offsets.windows(2).enumerate() {
        for i in window[0] as usize..window[1] as usize {
            let place = &mut at[indices[i] as usize];
            (turned[*place as usize], moved[*place as usize]) = (column as u32, values[i]);
            *place += 1;
        }
    }
    (starts, turned, moved)
}

fn fixed(column: &Column) -> Option<&Fixed> {
    match column {
        Column::Fixed(c) if c.shape().is_empty() => Some(c),
        _ => None,
    }
}

fn int_at(c: &Fixed, row: usize) -> Option<i64> {
    c.is_valid(row).then_some(())?;
    match c.dtype() {
        DType::I8 => Some(c.values::<i8>()[row].into()),
        DType::I16 => Some(c.values::<i16>()[row].into()),
        DType::I32 => Some(c.values::<i32>()[row].into()),
        DType::I64 => Some(c.values::<i64>()[row]),
        DType::U8 => Some(c.values::<u8>()[row].into()),
        DType::U16 => Some(c.values::<u16>()[row].into()),
        DType::U32 => Some(c.values::<u32>()[row].into()),
        DType::U64 | DType::Bool | DType::F32 | DType::F64 | DType::Date | DType::Timestamp => None,
        DType::Decimal(..) | DType::F16 | DType::BF16 | DType::C64 => None,
    }
}

fn bits_at(c: &Fixed, row: usize) -> Option<u64> {
    c.is_valid(row).then_some(())?;
    match c.dtype() {
        DType::F64 => Some(c.values::<f64>()[row].to_bits()),
        DType::F32 => Some(c.values::<f32>()[row].to_bits().into()),
        DType::Bool => Some(c.values::<u8>()[row].into()),
        DType::Date => Some(i64::from(c.values::<i32>()[row]) as u64),
        DType::Timestamp => Some(c.values::<i64>()[row] as u64),
        DType::U64 => Some(c.values::<u64>()[row]),
        _ => int_at(c, row).map(|int| int as u64),
    }
}

fn f64_at(c: &Fixed, row: usize) -> Option<f64> {
    c.is_valid(row).then_some(())?;
    match c.dtype() {
        DType::F64 => Some(c.values::<f64>()[row]),
        DType::F32 => Some(c.values::<f32>()[row].into()),
        _ => None,
    }
}

// === impl Matrix ===

impl Matrix {
    /// Returns the values row by row, zeros included. The caller has bounded the size.
    pub fn into_dense(self) -> Vec<f64> {
        match self.weights {
            Weights::Dense { values, .. } => values.to_vec(),
            Weights::Sparse { columns, offsets, indices, values } => {
                let mut dense = vec![0.0; self.rows as usize * columns as usize];
                for (row, ends) in offsets.windows(2).enumerate() {
                    for at in ends[0] as usize..ends[1] as usize {
                        dense[row * columns as usize + indices[at] as usize] = values[at];
                    }
                }
                dense
            }
        }
    }
}

// === impl Vector ===

impl Vector {
    /// Returns the number of places.
    pub fn size(&self) -> usize {
        match self {
            Vector::Dense(values) => values.len(),
            Vector::Sparse { size, .. } => *size as usize,
        }
    }

    /// Returns the vector written out in full; the caller has bounded the size.
    pub fn into_dense(self) -> Vec<f64> {
        match self {
            Vector::Dense(values) => values,
            Vector::Sparse { size, indices, values } => {
                let mut dense = vec![0.0; size as usize];
                indices.iter().zip(&values).for_each(|(&i, &value)| dense[i as usize] = value);
                dense
            }
        }
    }

    /// Returns the vector as one row of weights.
    pub fn into_weights(self) -> Weights {
        match self {
            Vector::Dense(values) => Weights::Dense { columns: values.len() as u32, values: values.into() },
            Vector::Sparse { size, indices, values } => {
                let offsets = [0, values.len() as u32].into();
                Weights::Sparse { columns: size, offsets, indices: indices.into(), values: values.into() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_major_becomes_row_major() {
        assert_eq!(flip(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0], 2, 3), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }

    #[test]
    fn compressed_columns_become_compressed_rows() {
        // 0 2
        // 1 3
        // 0 4
        let turned = turn(3, &[0, 1, 4], &[1, 0, 1, 2], &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(turned, (vec![0, 1, 3, 4], vec![1, 0, 1, 1], vec![2.0, 1.0, 3.0, 4.0]));
    }
}
