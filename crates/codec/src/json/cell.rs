//! JSON text within a cell of another format.

use model::{Builder, RowFault, Type};
use serde::de::DeserializeSeed;

use super::{
    decode::Limits,
    value::{self, Place, Push},
};
use crate::{error::CodecError, report::Got, slot::Slot};

/// What reading cells carries along.
#[derive(Debug)]
pub(crate) struct Cx {
    inner: value::Cx,
}

impl Cx {
    pub(crate) fn new(keep_bad_rows: bool, limits: Limits) -> Cx {
        Cx { inner: value::Cx::new(keep_bad_rows, limits.depth_max, limits.vector_size_max) }
    }

    /// Says which row the next cells are of.
    pub(crate) fn begin_row(&mut self, row: usize) {
        self.inner.row = Some(row);
    }

    /// Reports that the column's cell does not fit.
    pub(crate) fn refuse(&mut self, slot: &Slot, got: Got<'_>) {
        self.inner.report.add(self.inner.row, Some(&slot.name), slot.expected(), got);
    }

    /// Ends the row of a column whose values are read loosely.
    pub(crate) fn push_loose(&mut self, slot: &mut Slot, text: &str) {
        slot.push_loose(text, self.inner.row, &mut self.inner.report);
    }

    /// Returns what was reported: the faults of bad rows, or an error.
    pub(crate) fn take_report(&mut self, first_row: u64) -> Result<Vec<RowFault>, CodecError> {
        self.inner.report.take(first_row)
    }
}

/// Ends the row of a column of a known type with the JSON value in the text; else reports why not.
pub(crate) fn push_json(slot: &mut Slot, cx: &mut Cx, text: &str) -> bool {
    let frozen = slot.is_frozen();
    let (field, ty, builder) = slot.parts();
    let place = Place { field, outer: ty, frozen };
    let rows = builder.len();
    match read(Push { ty, builder, place, cx: &mut cx.inner }, text) {
        Some(good) => good,
        None => {
            cx.inner.again();
            builder.truncate(rows);
            cx.refuse(slot, Got::Text(text));
            false
        }
    }
}

/// Returns whether the text is a JSON value of the type.
pub(crate) fn is_json(ty: &Type, text: &str) -> bool {
    let mut cx = Cx::new(false, Limits::default());
    let field = "".into();
    let place = Place { field: &field, outer: ty, frozen: false };
    read(Push { ty, builder: &mut Builder::new(ty), place, cx: &mut cx.inner }, text) == Some(true)
}

fn read(push: Push<'_, '_>, text: &str) -> Option<bool> {
    let mut scanner = serde_json::Deserializer::from_str(text);
    let good = push.deserialize(&mut scanner).ok()?;
    scanner.end().is_ok().then_some(good)
}
