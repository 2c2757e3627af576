//! Rows as arrays: pandas' `split` form with names, and lists without.

use std::{borrow::Cow, fmt};

use model::Batch;
use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error, IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    Decoder,
    decode::{Table, read, syntax},
    loose::Skip,
    value::{Cx, Fatal, SlotSeed},
};
use crate::{
    error::CodecError,
    report::{Expected, Got},
    slot::Slot,
};

#[derive(Deserialize)]
struct Split<'a> {
    #[serde(borrow)]
    columns: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    data: &'a RawValue,
    /// The rows' own names, which say nothing to a model.
    #[serde(default, rename = "index")]
    _index: IgnoredAny,
}

impl Decoder {
    /// Reads `{"columns": [names], "data": [[values of a row]]}`.
    pub fn split(&self, body: &[u8]) -> Result<Batch, CodecError> {
        let split: Split<'_> = serde_json::from_slice(body).map_err(|error| syntax(&error, body))?;
        let mut table = self.table();
        let mut places = Vec::with_capacity(split.columns.len());
        for name in &split.columns {
            let place = self.columns.find(name, places.len());
            if place.is_some() && places.contains(&place) {
                let name = table.slots[place.unwrap_or(0)].name.clone();
                table.cx.report.add(None, Some(&name), Expected::Rule("each column once"), Got::Text("it again"));
            }
            places.push(place);
        }
        for (at, slot) in table.slots.iter_mut().enumerate() {
            if !places.contains(&Some(at)) && !slot.leave_out() && !slot.is_null_where_absent() {
                table.cx.report.add(None, Some(&slot.name), slot.expected(), Got::Nothing);
            }
        }
        table.cx.report.take(0)?;
        self.positional(split.data.get().as_bytes(), table, &places)
    }

    /// Reads an array with an entry a row: an array with a value for each input that the model needs, in their order; where it needs
    /// one, the value alone. An array is that value itself where the input takes arrays.
    pub fn list(&self, text: &[u8]) -> Result<Batch, CodecError> {
        let mut table = self.table();
        let needed: Vec<usize> = (0..table.slots.len()).filter(|&at| !table.slots[at].is_optional()).collect();
        match needed[..] {
            [only] if !(holds_arrays(text) && table.slots[only].is_single()) => {
                leave_out_others(&mut table.slots, &needed);
                let visitor = Values { table: &mut table, only, rows_max: self.limits.rows_max };
                read(text, visitor).map_err(|error| table.error(error, text, &self.limits))?;
                Ok(table.take(0)?.0)
            }
            _ => {
                leave_out_others(&mut table.slots, &needed);
                let places: Vec<Option<usize>> = needed.into_iter().map(Some).collect();
                self.positional(text, table, &places)
            }
        }
    }

    /// Returns how many inputs a row must bring.
    pub fn needed(&self) -> usize {
        self.columns.slots.iter().filter(|slot| !slot.is_optional()).count()
    }

    fn table(&self) -> Table {
        Table::new(&self.columns, false, &self.limits)
    }

    /// Reads an array of rows, each an array whose values go to these places; what has none is passed over.
    fn positional(&self, text: &[u8], mut table: Table, places: &[Option<usize>]) -> Result<Batch, CodecError> {
        let visitor = Rows { table: &mut table, places, rows_max: self.limits.rows_max };
        read(text, visitor).map_err(|error| table.error(error, text, &self.limits))?;
        Ok(table.take(0)?.0)
    }
}

/// Returns whether the first entry of an array is an array.
fn holds_arrays(text: &[u8]) -> bool {
    let inside = text.trim_ascii_start().strip_prefix(b"[");
    inside.is_some_and(|inside| inside.trim_ascii_start().starts_with(b"["))
}

fn leave_out_others(slots: &mut [Slot], needed: &[usize]) {
    for (at, slot) in slots.iter_mut().enumerate() {
        if !needed.contains(&at) {
            slot.leave_out();
        }
    }
}

/// Refuses more rows than there may be.
fn within<E: Error>(rows: usize, rows_max: usize, cx: &mut Cx) -> Result<(), E> {
    if rows <= rows_max {
        return Ok(());
    }
    cx.fatal = Some(Fatal::Rows);
    Err(E::custom("too many rows"))
}

/// Reads the values of the one input.
struct Values<'a> {
    table: &'a mut Table,
    only: usize,
    rows_max: usize,
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array with a value per row")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Table { slots, rows, cx } = self.table;
        let slot = &mut slots[self.only];
        cx.enter()?;
        cx.row = Some(0);
        while seq.next_element_seed(SlotSeed { slot: &mut *slot, cx: &mut *cx })?.is_some() {
            *rows += 1;
            cx.row = Some(*rows);
            within(*rows, self.rows_max, cx)?;
        }
        cx.leave();
        Ok(())
    }
}

/// Reads rows as arrays.
struct Rows<'a> {
    table: &'a mut Table,
    places: &'a [Option<usize>],
    rows_max: usize,
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows, each an array of values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.table.cx.enter()?;
        while seq.next_element_seed(Row { table: self.table, places: self.places })?.is_some() {
            within(self.table.rows, self.rows_max, &mut self.table.cx)?;
        }
        self.table.cx.leave();
        Ok(())
    }
}

struct Row<'a> {
    table: &'a mut Table,
    places: &'a [Option<usize>],
}

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row: an array of values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Table { slots, rows, cx } = self.table;
        let row = *rows;
        cx.row = Some(row);
        cx.enter()?;
        let mut got = 0;
        for place in self.places {
            let more = match place {
                Some(at) => seq.next_element_seed(SlotSeed { slot: &mut slots[*at], cx: &mut *cx })?.is_some(),
                None => seq.next_element_seed(Skip(&mut *cx))?.is_some(),
            };
            if !more {
                break;
            }
            got += 1;
        }
        while seq.next_element_seed(Skip(&mut *cx))?.is_some() {
            got += 1;
        }
        if got != self.places.len() as u64 {
            cx.report.add(Some(row), None, Expected::Size(self.places.len() as u64), Got::Size(got));
        }
        cx.leave();
        for slot in slots.iter_mut().filter(|slot| !slot.is_left_out() && slot.len() == row) {
            slot.push_null();
        }
        *rows += 1;
        Ok(())
    }
}
