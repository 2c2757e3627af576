//! [`Table`]: an answer that is read where it lies.
//!
//! A border that writes an answer out at once need not have it copied into columns first: whoever computed it shows its
//! entries one by one, and they are written from the memory they were computed in.

use std::ops::Range;

use crate::{
    batch::Mark,
    column::{Column, Row},
    types::Type,
};

/// The rows of an answer, of domain 0.
pub trait Table {
    fn rows(&self) -> usize;

    /// Returns whether no row was refused or dropped.
    fn is_all_live(&self) -> bool;

    /// Returns what became of a row.
    fn mark(&self, row: usize) -> Mark;

    fn columns(&self) -> usize;

    fn name(&self, column: usize) -> &str;

    /// Returns the type of a column's entries.
    fn ty(&self, column: usize) -> Type;

    /// Shows one entry.
    fn visit(&self, column: usize, row: usize, see: &mut dyn FnMut(Datum<'_>));
}

/// One entry of a table, or one item of a list.
pub enum Datum<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    /// A float32 is widened.
    Float(f64),
    Date(i32),
    Timestamp(i64),
    /// A value and its scale.
    Decimal(i128, u8),
    /// UTF-8, checked when it came.
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    Vector(Row<'a>),
    List(&'a dyn Items, Range<usize>),
    /// A row of a column, null where that is.
    Entry(&'a Column, usize),
}

/// The items that lists are runs of.
pub trait Items {
    fn visit(&self, item: usize, see: &mut dyn FnMut(Datum<'_>));
}
