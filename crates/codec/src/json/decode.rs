//! Bodies to batches: rows as objects, or columns as arrays.

use std::{fmt, sync::Arc};

use model::{Batch, Field, RowFault, Type};
use rustc_hash::FxHashMap;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{
    loose::{Skip, drain_array, drain_object},
    value::{Cx, Fatal, KeySeed, SlotSeed},
};
use crate::{
    error::CodecError,
    report::{Expected, Got},
    slot::{Slot, rows_within},
};

/// What one body may hold; its length is the caller's to bound.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Levels of arrays and objects, the outermost included; at most 120, the scanner's own limit.
    pub depth_max: usize,
    /// Fewer where the fields have arrays of fixed shape, of which one batch holds 256 MiB.
    pub rows_max: usize,
    /// Size that a sparse vector may state.
    pub vector_size_max: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { depth_max: 32, rows_max: 65_536, vector_size_max: 1 << 24 }
    }
}

/// Rows of one body.
#[derive(Debug)]
pub struct Rows {
    /// One column for each field, in their order, without optional ones that no row has.
    pub batch: Batch,
    /// Whether the body was one object, not an array of them: the answer has the same form.
    pub single: bool,
    /// The faults of rows with a value that does not fit, one a row; the batch has nulls there. Empty unless bad rows are
    /// kept.
    pub bad: Vec<RowFault>,
}

/// Reads bodies for one set of fields; made once, used from many threads.
#[derive(Debug)]
pub struct Decoder {
    pub(super) columns: Columns,
    pub(super) limits: Limits,
}

/// The fields by name, with their empty columns.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) slots: Vec<Slot>,
    /// For many fields; few are compared one by one.
    places: Option<FxHashMap<Arc<str>, usize>>,
}

/// Columns that grow row by row.
#[derive(Debug)]
pub(super) struct Table {
    pub slots: Vec<Slot>,
    pub rows: usize,
    pub cx: Cx,
}

// === impl Decoder ===

impl Decoder {
    /// Returns a decoder for the fields; `types` are a schema's words on them, by their order (empty: none).
    pub fn new(fields: &[Field], types: &[Option<Type>], limits: Limits) -> Result<Decoder, CodecError> {
        let columns = Columns::new(fields, types)?;
        let limits = Limits { rows_max: columns.rows_within(limits.rows_max), ..limits };
        Ok(Decoder { columns, limits })
    }

    /// Reads one row object or an array of them. Values that do not fit are an error naming them all, or, where bad rows
    /// are kept, the rows' own faults.
    pub fn rows(&self, body: &[u8], keep_bad_rows: bool) -> Result<Rows, CodecError> {
        let mut table = Table::new(&self.columns, keep_bad_rows, &self.limits);
        let visitor = BodyVisitor { columns: &self.columns, table: &mut table, rows_max: self.limits.rows_max };
        let single = read(body, visitor).map_err(|error| table.error(error, body, &self.limits))?;
        let (batch, bad) = table.take(0)?;
        Ok(Rows { batch, single, bad })
    }

    /// Reads one object of columns, each an array with an entry per row.
    pub fn columns(&self, body: &[u8]) -> Result<Batch, CodecError> {
        let mut table = Table::new(&self.columns, false, &self.limits);
        let visitor = ColumnsVisitor { columns: &self.columns, table: &mut table, rows_max: self.limits.rows_max };
        read(body, visitor).map_err(|error| table.error(error, body, &self.limits))?;
        Ok(table.take(0)?.0)
    }
}

pub(super) fn read<'de, V: Visitor<'de>>(body: &'de [u8], visitor: V) -> Result<V::Value, serde_json::Error> {
    let mut scanner = serde_json::Deserializer::from_slice(body);
    let value = scanner.deserialize_any(visitor)?;
    scanner.end()?;
    Ok(value)
}

// === impl Columns ===

impl Columns {
    pub(super) fn new(fields: &[Field], types: &[Option<Type>]) -> Result<Columns, CodecError> {
        const SEARCHED_MAX: usize = 16;
        let given = |i: usize| types.get(i).and_then(Option::as_ref);
        let slots: Vec<Slot> =
            fields.iter().enumerate().map(|(i, field)| Slot::new(field, given(i))).collect::<Result<_, _>>()?;
        let by_name = || slots.iter().enumerate().map(|(i, slot)| (slot.name.clone(), i)).collect();
        let places = (slots.len() > SEARCHED_MAX).then(by_name);
        Ok(Columns { slots, places })
    }

    /// Returns how many rows one batch may have.
    pub(super) fn rows_within(&self, rows_max: usize) -> usize {
        rows_within(&self.slots, rows_max)
    }

    /// Returns the place of a key; `hint` is where it is likely, for rows come with their keys in one order.
    pub(super) fn find(&self, key: &str, hint: usize) -> Option<usize> {
        if self.slots.get(hint).is_some_and(|slot| *slot.name == *key) {
            return Some(hint);
        }
        match &self.places {
            Some(places) => places.get(key).copied(),
            None => self.slots.iter().position(|slot| *slot.name == *key),
        }
    }
}

// === impl Table ===

impl Table {
    pub(super) fn new(columns: &Columns, keep_bad_rows: bool, limits: &Limits) -> Table {
        /// The scanner itself refuses past 127.
        const DEPTH_MAX: usize = 120;
        let cx = Cx::new(keep_bad_rows, limits.depth_max.min(DEPTH_MAX), limits.vector_size_max);
        Table { slots: columns.slots.iter().map(Slot::fresh).collect(), rows: 0, cx }
    }

    /// Returns the codec's error for the scanner's.
    pub(super) fn error(&self, error: serde_json::Error, body: &[u8], limits: &Limits) -> CodecError {
        let (line, column) = (error.line(), error.column());
        match self.cx.fatal {
            Some(Fatal::Depth) => CodecError::Depth { limit: limits.depth_max, line, column },
            Some(Fatal::Rows) => CodecError::TooLarge {
                what: "the number of rows".to_owned(),
                got: limits.rows_max as u64 + 1,
                limit: limits.rows_max as u64,
                key: "rows_max",
            },
            None => syntax(&error, body),
        }
    }

    /// Returns the batch of all rows so far, and begins anew with the same types.
    pub(super) fn take(&mut self, first_row: u64) -> Result<(Batch, Vec<RowFault>), CodecError> {
        let rows = std::mem::take(&mut self.rows);
        self.slots.iter_mut().for_each(|slot| slot.settle_presence(rows, &mut self.cx.report));
        let bad = self.cx.report.take(first_row)?;
        let mut batch = Batch::new(rows);
        for slot in self.slots.iter_mut().filter(|slot| !slot.is_left_out()) {
            batch.push(slot.name.clone(), slot.take());
        }
        Ok((batch, bad))
    }
}

/// Returns the error of bytes that are not JSON, its place counted in `body`.
pub(crate) fn syntax(error: &serde_json::Error, body: &[u8]) -> CodecError {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    // The scanner appends the place, which has fields of its own here.
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what).to_owned();
    let before: usize = body.split_inclusive(|&b| b == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    CodecError::Syntax { what, line, column, byte: (before + column.saturating_sub(1)) as u64 }
}

// === impl BodyVisitor ===

struct BodyVisitor<'a> {
    columns: &'a Columns,
    table: &'a mut Table,
    rows_max: usize,
}

impl<'de> Visitor<'de> for BodyVisitor<'_> {
    /// Whether there was one row, by itself.
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row object or an array of them")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        self.table.cx.enter()?;
        while seq.next_element_seed(RowSeed { columns: self.columns, table: self.table })?.is_some() {
            if self.table.rows > self.rows_max {
                self.table.cx.fatal = Some(Fatal::Rows);
                return Err(A::Error::custom("too many rows"));
            }
        }
        self.table.cx.leave();
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<bool, A::Error> {
        RowSeed { columns: self.columns, table: self.table }.visit_map(map)?;
        Ok(true)
    }
}

// === impl RowSeed ===

/// Reads one row object to the end of every column.
pub(super) struct RowSeed<'a> {
    pub columns: &'a Columns,
    pub table: &'a mut Table,
}

impl RowSeed<'_> {
    /// Ends the row where its value is no object.
    fn refuse(self, got: Got<'_>) {
        let table = self.table;
        table.cx.report.add(Some(table.rows), None, Expected::Rule("an object"), got);
        table.slots.iter_mut().filter(|slot| !slot.is_left_out()).for_each(Slot::push_null);
        table.rows += 1;
    }
}

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row object")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.refuse(Got::Null);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.refuse(Got::Bool(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.refuse(Got::Int(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.refuse(Got::Big(value));
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.refuse(Got::Number(value));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.refuse(Got::Text(text));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        self.table.cx.enter()?;
        drain_array(seq, &mut self.table.cx)?;
        self.table.cx.leave();
        self.refuse(Got::Array);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let RowSeed { columns, table: Table { slots, rows, cx } } = self;
        let row = *rows;
        cx.row = Some(row);
        cx.enter()?;
        let mut hint = 0;
        let mut filled = 0;
        while let Some(found) = map.next_key_seed(KeySeed(|key: &str| columns.find(key, hint)))? {
            let Some(at) = found else {
                map.next_value_seed(Skip(cx))?;
                continue;
            };
            hint = at + 1;
            let slot = &mut slots[at];
            if slot.is_left_out() {
                map.next_value_seed(Skip(cx))?;
                continue;
            }
            if slot.len() > row {
                cx.report.add(Some(row), Some(&slot.name), Expected::Rule("each key once"), Got::Text("the key again"));
                map.next_value_seed(Skip(cx))?;
                continue;
            }
            map.next_value_seed(SlotSeed { slot, cx })?;
            filled += 1;
        }
        cx.leave();
        if filled < slots.len() {
            for slot in slots.iter_mut().filter(|slot| slot.len() == row) {
                slot.push_nothing(row, &mut cx.report);
            }
        }
        *rows += 1;
        Ok(())
    }
}

// === impl ColumnsVisitor ===

struct ColumnsVisitor<'a> {
    columns: &'a Columns,
    table: &'a mut Table,
    rows_max: usize,
}

impl<'de> Visitor<'de> for ColumnsVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of columns")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let ColumnsVisitor { columns, table: Table { slots, rows, cx }, rows_max } = self;
        cx.enter()?;
        let (mut hint, mut first) = (0, None);
        let mut seen = vec![false; slots.len()];
        while let Some(found) = map.next_key_seed(KeySeed(|key: &str| columns.find(key, hint)))? {
            let Some(at) = found else {
                map.next_value_seed(Skip(cx))?;
                continue;
            };
            hint = at + 1;
            let slot = &mut slots[at];
            if std::mem::replace(&mut seen[at], true) {
                cx.report.add(None, Some(&slot.name), Expected::Rule("each key once"), Got::Text("the key again"));
                map.next_value_seed(Skip(cx))?;
                continue;
            }
            if !map.next_value_seed(Entries { slot, cx, rows_max })? {
                continue;
            }
            let (got, want) = (slot.len() as u64, *first.get_or_insert(slot.len()) as u64);
            if got != want {
                cx.report.add(None, Some(&slot.name), Expected::Size(want), Got::Size(got));
            }
        }
        cx.leave();
        *rows = first.unwrap_or(0);
        for (slot, _) in slots.iter_mut().zip(seen).filter(|(_, seen)| !seen) {
            if !slot.leave_out() {
                cx.report.add(None, Some(&slot.name), slot.expected(), Got::Nothing);
            }
        }
        Ok(())
    }
}

/// Reads an array of entries into a column; answers whether it was one.
struct Entries<'a, 'c> {
    slot: &'a mut Slot,
    cx: &'c mut Cx,
    rows_max: usize,
}

impl Entries<'_, '_> {
    fn refuse(self, got: Got<'_>) -> bool {
        self.cx.report.add(None, Some(&self.slot.name), Expected::Rule("an array with an entry per row"), got);
        false
    }
}

impl<'de> DeserializeSeed<'de> for Entries<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(self.refuse(Got::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<bool, E> {
        Ok(self.refuse(Got::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<bool, E> {
        Ok(self.refuse(Got::Int(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<bool, E> {
        Ok(self.refuse(Got::Big(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<bool, E> {
        Ok(self.refuse(Got::Number(value)))
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        Ok(self.refuse(Got::Text(text)))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<bool, A::Error> {
        self.cx.enter()?;
        drain_object(map, self.cx)?;
        self.cx.leave();
        Ok(self.refuse(Got::Object))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        self.cx.enter()?;
        self.cx.row = Some(0);
        while seq.next_element_seed(SlotSeed { slot: self.slot, cx: self.cx })?.is_some() {
            self.cx.row = Some(self.slot.len());
            if self.slot.len() > self.rows_max {
                self.cx.fatal = Some(Fatal::Rows);
                return Err(A::Error::custom("too many rows"));
            }
        }
        self.cx.leave();
        Ok(true)
    }
}
