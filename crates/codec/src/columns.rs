//! Answers of rows in other forms than rows: columns, pandas' `split`, bare values.

use std::ops::Range;

use model::{Datum, Mark, Table};

use crate::{
    json::encode::{write_array, write_f64, write_text},
    numbers::{BIG_AS_TEXT, Numbers, int, is_narrow},
};

/// The rows of a table that are answered, and how its numbers are written.
pub(crate) struct Shown<'a> {
    table: &'a dyn Table,
    rows: Vec<usize>,
    narrow: Vec<bool>,
    numbers: Numbers,
}

impl<'a> Shown<'a> {
    /// Leaves out the rows that the model dropped.
    pub(crate) fn new(table: &'a dyn Table, numbers: Numbers) -> Shown<'a> {
        let is_live = |row: &usize| table.mark(*row) == Mark::Live;
        let rows = match table.is_all_live() {
            true => (0..table.rows()).collect(),
            false => (0..table.rows()).filter(is_live).collect(),
        };
        let narrow = (0..table.columns()).map(|column| is_narrow(&table.ty(column))).collect();
        Shown { table, rows, narrow, numbers }
    }

    fn cell(&self, column: usize, row: usize, out: &mut Vec<u8>) {
        let narrow = self.narrow[column];
        self.table.visit(column, row, &mut |datum: Datum<'_>| self.numbers.write(datum, narrow, out));
    }

    fn columns(&self) -> Range<usize> {
        0..self.table.columns()
    }

    /// Appends an object with a value for each column; where there is one and names are not needed, the value by itself.
    fn named(&self, bare: bool, out: &mut Vec<u8>, each: &mut dyn FnMut(usize, &mut Vec<u8>)) {
        if bare && self.table.columns() == 1 {
            return each(0, out);
        }
        out.push(b'{');
        for column in self.columns() {
            if column > 0 {
                out.push(b',');
            }
            write_text(self.table.name(column).as_bytes(), out);
            out.push(b':');
            each(column, out);
        }
        out.push(b'}');
    }

    /// Appends one row as an object.
    pub(crate) fn row(&self, row: usize, out: &mut Vec<u8>) {
        self.named(false, out, &mut |column, out| self.cell(column, row, out));
    }

    /// Appends a value a row; an object where there are several outputs.
    pub(crate) fn values(&self, out: &mut Vec<u8>) {
        write_array(0..self.rows.len(), out, |i, out| {
            self.named(true, out, &mut |column, out| self.cell(column, self.rows[i], out));
        });
    }

    /// Appends an array for each output; where there is one and names are not needed, the array by itself.
    pub(crate) fn arrays(&self, bare: bool, out: &mut Vec<u8>) {
        self.named(bare, out, &mut |column, out| {
            write_array(0..self.rows.len(), out, |i, out| self.cell(column, self.rows[i], out));
        });
    }

    /// Appends `{"columns": [names], "data": [[values of a row]]}`.
    pub(crate) fn split(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"columns\":");
        write_array(self.columns(), out, |column, out| write_text(self.table.name(column).as_bytes(), out));
        out.extend_from_slice(b",\"data\":");
        write_array(0..self.rows.len(), out, |i, out| {
            write_array(self.columns(), out, |column, out| self.cell(column, self.rows[i], out));
        });
        out.push(b'}');
    }
}

/// As rows are written everywhere.
pub(crate) const ROWS: Numbers = Numbers { f32: |x, out| write_f64(x.into(), out), f64: write_f64, int };

/// How a table stands in JSON, beside rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableForm {
    /// An array for each column, by name.
    Columns,
    /// `{"columns": [names], "data": [[values of a row]]}`, which pandas calls `split`.
    Split,
}

/// Appends the table; rows that the model dropped are left out.
pub fn encode(table: &dyn Table, form: TableForm, big_ints_as_text: bool, out: &mut Vec<u8>) {
    let shown = Shown::new(table, if big_ints_as_text { BIG_AS_TEXT } else { ROWS });
    match form {
        TableForm::Columns => shown.arrays(false, out),
        TableForm::Split => shown.split(out),
    }
}
