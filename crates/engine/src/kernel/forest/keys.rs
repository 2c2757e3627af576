//! Features of a row as integers of float32's order, a cell each: for forests that compare float32 with so many thresholds that their
//! ranks would take longer to find than a walk.
//!
//! A node's threshold is rounded the same way, which is exact: [`super::normal`] moved it to where rounding takes values over.
//! A missing value is below or above all. A last cell, which is above nothing, is what leaves look at.

use plan::Precision;

use super::{
    normal::{Column, Kind, Node, Normal, Rules, Test},
    packed::{Asked, ROW_KEYS},
    ranks::{self, Ranks},
    simd::{self, Isa},
};

pub struct Keys {
    columns: Box<[Column]>,
    /// Of each of them: where its feature is in a block.
    places: Box<[usize]>,
    /// Of each column of the normal form: its cell.
    cell_of: Box<[u16]>,
    rules: Rules,
}

impl Keys {
    /// Returns the cells, by feature; nothing where a forest compares something else, or a row would have too many.
    pub fn new(normal: &Normal, ranks: &Ranks) -> Option<Keys> {
        let is_number = |column: &Column| matches!(column.kind, Kind::Number { .. });
        if normal.rules.compares() != Precision::F32
            || !normal.columns.iter().all(is_number)
            || normal.columns.len() >= ROW_KEYS
        {
            return None;
        }
        let mut columns = normal.columns.clone();
        columns.sort_unstable();
        let cell = |column| columns.binary_search(column).expect("every column has its cell") as u16;
        let cell_of = normal.columns.iter().map(cell).collect();
        let places = columns.iter().map(|column| ranks.place(column.feature)).collect();
        Some(Keys { cell_of, places, columns: columns.into(), rules: normal.rules })
    }

    /// Returns the cells of a row.
    pub fn cells(&self) -> usize {
        self.columns.len() + 1
    }

    /// Returns the cell that is above nothing.
    pub fn never(&self) -> u16 {
        self.columns.len() as u16
    }

    pub fn asked(&self, node: &Node) -> Asked {
        let Test::AtMost(threshold) = node.test else { unreachable!("all columns are numbers") };
        (self.cell_of[node.column as usize], key(threshold))
    }

    /// Writes the cells of a lone row.
    pub fn of_row(&self, x: &[f64], out: &mut [i32; ROW_KEYS]) {
        for (column, out) in self.columns.iter().zip(out.iter_mut()) {
            let (missing, zero_max) = self.missing(column);
            *out = cell(x[column.feature as usize], missing, zero_max);
        }
        out[self.columns.len()] = i32::MIN;
    }

    /// Writes the cells of a block of rows: cell after cell, so many lanes each.
    pub fn of_block(&self, isa: Isa, block: &[f64], lanes: usize, out: &mut [i32]) {
        let (cells, never) = out.split_at_mut(self.columns.len() * lanes);
        for ((column, place), out) in self.columns.iter().zip(&self.places).zip(cells.chunks_exact_mut(lanes)) {
            let (missing, zero_max) = self.missing(column);
            let x = &block[place * ranks::stride(lanes)..][..lanes];
            simd::keys(isa, missing, zero_max, x, out);
        }
        never[..lanes].fill(i32::MIN);
    }

    /// Returns the cell of a missing value, and the largest number that is missing.
    fn missing(&self, column: &Column) -> (i32, f64) {
        let left = matches!(column.kind, Kind::Number { missing_left: true });
        let zero_max = self.rules.zero_max_of(column);
        (if left { i32::MIN } else { i32::MAX }, zero_max)
    }
}

/// Writes the cells of a column for many rows; numbers of at most `zero_max` are missing.
#[inline(always)]
pub fn keys(missing: i32, zero_max: f64, x: &[f64], out: &mut [i32]) {
    x.iter().zip(out).for_each(|(x, out)| *out = cell(*x, missing, zero_max));
}

#[inline(always)]
fn cell(x: f64, missing: i32, zero_max: f64) -> i32 {
    if x.is_nan() | (x.abs() <= zero_max) { missing } else { key(x) }
}

/// Returns an integer that compares as the number does once it is rounded to float32.
#[inline(always)]
fn key(x: f64) -> i32 {
    // So that -0 is 0.
    let bits = (x as f32 + 0.0).to_bits() as i32;
    bits ^ ((bits >> 31) as u32 >> 1) as i32
}
