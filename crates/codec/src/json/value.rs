//! One value of a known type, from the scanner into its column.
//!
//! A visitor answers whether it ended the row. Where it did not, it has reported why, has read the value to its end, and
//! whoever called it pushes a null, which drops what the row had begun.

use std::{fmt, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use model::{Builder, Column, DType, Type};
use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::{
    loose::{Skip, drain_array, drain_object, loose_array, loose_object},
    vector,
};
use crate::{
    cells,
    report::{Expected, Got, Report},
    slot::{Look, Slot},
    time,
};

/// What decoding one body carries along.
#[derive(Debug)]
pub(super) struct Cx {
    pub report: Report,
    /// The row at hand, where there are rows.
    pub row: Option<usize>,
    depth: usize,
    depth_max: usize,
    pub vector_size_max: u32,
    pub fatal: Option<Fatal>,
    /// Of the sparse vector at hand.
    pub indices: Vec<u32>,
    pub values: Vec<f64>,
}

/// Why the whole body is refused, where the scanner's own error does not say it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fatal {
    Depth,
    Rows,
}

/// The column of a value, for reports.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub field: &'a Arc<str>,
    /// The column's type.
    pub outer: &'a Type,
    /// Whether the first rows of the input settled that type.
    pub frozen: bool,
}

/// Reads a value of the type into the builder.
pub(super) struct Push<'a, 'c> {
    pub ty: &'a Type,
    pub builder: &'a mut Builder,
    pub place: Place<'a>,
    pub cx: &'c mut Cx,
}

/// Reads a value into a column, which settles its type by it where that is open.
pub(super) struct SlotSeed<'a, 'c> {
    pub slot: &'a mut Slot,
    pub cx: &'c mut Cx,
}

// === impl Cx ===

impl Cx {
    pub(super) fn new(keep_bad_rows: bool, depth_max: usize, vector_size_max: u32) -> Cx {
        Cx {
            report: Report::new(keep_bad_rows),
            row: None,
            depth: 0,
            depth_max,
            vector_size_max,
            fatal: None,
            indices: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Begins anew after a value that broke off.
    pub(super) fn again(&mut self) {
        self.depth = 0;
        self.fatal = None;
    }

    /// Begins an array or object.
    pub(super) fn enter<E: Error>(&mut self) -> Result<(), E> {
        self.depth += 1;
        if self.depth > self.depth_max {
            self.fatal = Some(Fatal::Depth);
            return Err(E::custom("values are nested too deep"));
        }
        Ok(())
    }

    /// Ends an array or object. After an error nothing goes on, so errors need not leave.
    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }
}

// === impl Push ===

impl<'a> Push<'a, '_> {
    /// Reports that the value does not fit.
    pub(super) fn refuse(&mut self, got: Got<'_>) -> bool {
        let Place { field, outer, frozen } = self.place;
        let expected = match () {
            () if frozen => Expected::Settled(outer),
            () if std::ptr::eq(self.ty, outer) => Expected::Type(outer),
            () => Expected::Part(self.ty, outer),
        };
        self.cx.report.add(self.cx.row, Some(field), expected, got);
        false
    }

    /// Reports a rule that the value breaks.
    pub(super) fn refuse_rule(&mut self, rule: &'static str, got: Got<'_>) -> bool {
        self.cx.report.add(self.cx.row, Some(self.place.field), Expected::Rule(rule), got);
        false
    }

    fn part<'b>(&'b mut self, ty: &'b Type, builder: impl FnOnce(&'b mut Builder) -> &'b mut Builder) -> Push<'b, 'b> {
        Push { ty, builder: builder(self.builder), place: self.place, cx: self.cx }
    }

    fn list<'de, A: SeqAccess<'de>>(mut self, item: &'a Type, mut seq: A) -> Result<bool, A::Error> {
        while let Some(good) = seq.next_element_seed(self.part(item, Builder::items))? {
            if !good {
                drain_array(seq, self.cx)?;
                return Ok(false);
            }
        }
        self.builder.end_list();
        Ok(true)
    }

    fn structure<'de, A: MapAccess<'de>>(
        mut self,
        parts: &'a [(Arc<str>, Type)],
        mut map: A,
    ) -> Result<bool, A::Error> {
        let row = self.builder.len();
        let mut good = true;
        while let Some(found) = map.next_key_seed(KeySeed(|key: &str| parts.iter().position(|(n, _)| **n == *key)))? {
            match found {
                Some(at) if good && self.builder.field(at).len() == row => {
                    good = map.next_value_seed(self.part(&parts[at].1, |b| b.field(at)))?;
                }
                Some(_) if good => {
                    good = self.refuse_rule("each key once", Got::Object);
                    map.next_value_seed(Skip(self.cx))?;
                }
                _ => map.next_value_seed(Skip(self.cx))?,
            }
        }
        if good {
            for at in 0..parts.len() {
                let part = self.builder.field(at);
                if part.len() == row {
                    part.push_null();
                }
            }
            self.builder.end_struct();
        }
        Ok(good)
    }

    fn entries<'de, A: MapAccess<'de>>(
        mut self,
        key_ty: &'a Type,
        value_ty: &'a Type,
        mut map: A,
    ) -> Result<bool, A::Error> {
        loop {
            let entries = self.builder.items();
            let push_key = |key: &str| cells::push(entries.field(0), key_ty, key);
            match map.next_key_seed(KeySeed(push_key))? {
                None => break,
                Some(false) => {
                    map.next_value_seed(Skip(self.cx))?;
                    drain_object(map, self.cx)?;
                    return Ok(self.refuse_rule("keys of the map's key type", Got::Object));
                }
                Some(true) => {}
            }
            if !map.next_value_seed(self.part(value_ty, |b| b.items().field(1)))? {
                drain_object(map, self.cx)?;
                return Ok(false);
            }
            self.builder.items().end_struct();
        }
        self.builder.end_list();
        Ok(true)
    }

    fn bytes<'de, A: MapAccess<'de>>(mut self, map: A) -> Result<bool, A::Error> {
        let value = loose_object(map, self.cx)?;
        let bytes = value.get("b64").and_then(Value::as_str).and_then(base64_bytes);
        match (bytes, self.ty) {
            (Some(bytes), Type::Bytes) => self.builder.push_binary(&bytes),
            (Some(bytes), _) if str::from_utf8(&bytes).is_ok() => {
                self.builder.push_text(str::from_utf8(&bytes).unwrap_or_default());
            }
            _ => return Ok(self.refuse_rule("a string, or base64 as {\"b64\":\"..\"}", Got::Object)),
        }
        Ok(true)
    }

    /// Reads the nested arrays of a row of fixed shape.
    fn fixed<'de, A: SeqAccess<'de>>(self, dtype: DType, shape: &[usize], seq: A) -> Result<bool, A::Error> {
        let nested = loose_array(seq, self.cx)?;
        let item = Type::scalar(dtype);
        let mut flat = Builder::new(&item);
        let inner = Push { ty: &item, builder: &mut flat, place: self.place, cx: self.cx };
        if !flatten(inner, &nested, shape).map_err(A::Error::custom)? {
            return Ok(false);
        }
        let Column::Fixed(row) = flat.finish() else { unreachable!("a column of numbers grows into one") };
        match dtype.width() {
            1 => self.builder.push_fixed_row(row.values::<u8>()),
            2 => self.builder.push_fixed_row(row.values::<u16>()),
            4 => self.builder.push_fixed_row(row.values::<u32>()),
            _ => self.builder.push_fixed_row(row.values::<u64>()),
        }
        Ok(true)
    }

    pub(super) fn again(&mut self) -> Push<'_, '_> {
        Push { ty: self.ty, builder: self.builder, place: self.place, cx: self.cx }
    }
}

/// Pushes the elements of nested arrays of this shape in row-major order.
fn flatten(mut push: Push<'_, '_>, value: &Value, shape: &[usize]) -> Result<bool, serde_json::Error> {
    let Some((&len, inner)) = shape.split_first() else {
        return match value {
            Value::Null => Ok(push.refuse(Got::Null)),
            value => push.deserialize(value),
        };
    };
    let Value::Array(items) = value else { return Ok(push.refuse_rule("arrays of the input's shape", Got::Nothing)) };
    if items.len() != len {
        push.cx.report.add(
            push.cx.row,
            Some(push.place.field),
            Expected::Size(len as u64),
            Got::Size(items.len() as u64),
        );
        return Ok(false);
    }
    for item in items {
        if !flatten(push.again(), item, inner)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn base64_bytes(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

impl<'de> DeserializeSeed<'de> for Push<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Push<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.ty)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        self.builder.push_null();
        Ok(true)
    }

    fn visit_bool<E>(mut self, value: bool) -> Result<bool, E> {
        if self.ty.as_scalar() != Some(DType::Bool) {
            return Ok(self.refuse(Got::Bool(value)));
        }
        self.builder.push_fixed(u8::from(value));
        Ok(true)
    }

    fn visit_i64<E>(mut self, value: i64) -> Result<bool, E> {
        let good = self.ty.as_scalar().is_some() && self.builder.push_int(value);
        Ok(good || self.refuse(Got::Int(value)))
    }

    fn visit_u64<E: Error>(mut self, value: u64) -> Result<bool, E> {
        if let Ok(value) = i64::try_from(value) {
            return self.visit_i64(value);
        }
        match self.ty.as_scalar() {
            Some(DType::U64) => self.builder.push_fixed(value),
            Some(DType::Decimal(..)) => {
                let good = self.builder.push_decimal(itoa::Buffer::new().format(value));
                return Ok(good || self.refuse(Got::Big(value)));
            }
            Some(dtype) if dtype.is_float() => return Ok(self.builder.push_float(value as f64)),
            _ => return Ok(self.refuse(Got::Big(value))),
        }
        Ok(true)
    }

    fn visit_f64<E>(mut self, value: f64) -> Result<bool, E> {
        let good = match self.ty.as_scalar() {
            // The scanner gives the integer -0 as a float.
            Some(dtype) if dtype.is_int() => value.to_bits() == (-0.0f64).to_bits() && self.builder.push_int(0),
            // The fewest digits that read back to the same float are those that were written, up to the fifteenth.
            Some(DType::Decimal(..)) => {
                value.is_finite() && self.builder.push_decimal(ryu::Buffer::new().format_finite(value))
            }
            Some(_) => self.builder.push_float(value),
            None => false,
        };
        Ok(good || self.refuse(Got::Number(value)))
    }

    fn visit_str<E>(mut self, text: &str) -> Result<bool, E> {
        let good = match self.ty {
            Type::Text => {
                self.builder.push_text(text);
                true
            }
            Type::Bytes => {
                self.builder.push_binary(text.as_bytes());
                true
            }
            ty => match ty.as_scalar() {
                Some(DType::F32 | DType::F64) => {
                    cells::special_float(text).is_some_and(|value| self.builder.push_float(value))
                }
                Some(DType::Decimal(..)) => self.builder.push_decimal(text),
                Some(DType::Date) => time::parse_date(text).map(|days| self.builder.push_fixed(days)).is_some(),
                Some(DType::Timestamp) => time::parse_timestamp(text).map(|us| self.builder.push_fixed(us)).is_some(),
                _ => false,
            },
        };
        Ok(good || self.refuse(Got::Text(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, seq: A) -> Result<bool, A::Error> {
        let ty = self.ty;
        self.cx.enter()?;
        let good = match ty {
            Type::List(item) => self.again().list(item, seq)?,
            Type::Vector { size } => vector::dense(self.again(), *size, seq)?,
            Type::Fixed { dtype, shape } if !shape.is_empty() => self.again().fixed(*dtype, shape, seq)?,
            _ => {
                drain_array(seq, self.cx)?;
                self.refuse(Got::Array)
            }
        };
        self.cx.leave();
        Ok(good)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<bool, A::Error> {
        let ty = self.ty;
        self.cx.enter()?;
        let good = match ty {
            Type::Struct(parts) => self.again().structure(parts, map)?,
            Type::Map(key, value) => self.again().entries(key, value, map)?,
            Type::Vector { size } => vector::object(self.again(), *size, map)?,
            Type::Bytes | Type::Text => self.again().bytes(map)?,
            _ => {
                drain_object(map, self.cx)?;
                self.refuse(Got::Object)
            }
        };
        self.cx.leave();
        Ok(good)
    }
}

// === impl SlotSeed ===

impl SlotSeed<'_, '_> {
    /// Lets the value have its say in the column's type, then pushes it.
    fn push<'de, D: Deserializer<'de>>(self, look: Look<'_>, value: D) -> Result<(), D::Error> {
        self.slot.admit(look);
        if self.slot.is_open() {
            let got = match look {
                Look::Bool => Got::Text("a boolean"),
                Look::Int | Look::Float => Got::Text("a number"),
                Look::Text(text) => Got::Text(text),
                Look::Nested(Value::Array(_)) => Got::Array,
                Look::Nested(_) => Got::Object,
            };
            self.cx.report.add(self.cx.row, Some(&self.slot.name), Expected::OneOf(&self.slot.takes), got);
            self.slot.push_null();
            return Ok(());
        }
        self.push_typed(value)
    }

    fn push_typed<'de, D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        let frozen = self.slot.is_frozen();
        let (name, ty, builder) = self.slot.parts();
        let place = Place { field: name, outer: ty, frozen };
        if !value.deserialize_any(Push { ty, builder, place, cx: self.cx })? {
            builder.push_null();
        }
        Ok(())
    }

    fn push_nested<E: Error>(self, value: &Value) -> Result<(), E> {
        if self.slot.is_open() && value.as_array().is_some_and(Vec::is_empty) && self.slot.push_empty_array() {
            return Ok(());
        }
        self.push(Look::Nested(value), value).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for SlotSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.slot.is_loose() {
            return deserializer.deserialize_any(Loose(self));
        }
        if self.slot.is_from_data() { deserializer.deserialize_any(self) } else { self.push_typed(deserializer) }
    }
}

impl<'de> Visitor<'de> for SlotSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.slot.push_null();
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.push(Look::Bool, value.into_deserializer())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.push(Look::Int, value.into_deserializer())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        let look = if i64::try_from(value).is_ok() { Look::Int } else { Look::Float };
        self.push(look, value.into_deserializer())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.push(Look::Float, value.into_deserializer())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.push(Look::Text(text), text.into_deserializer())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        self.cx.enter()?;
        let value = loose_array(seq, self.cx)?;
        self.cx.leave();
        self.push_nested(&value)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.cx.enter()?;
        let value = loose_object(map, self.cx)?;
        self.cx.leave();
        self.push_nested(&value)
    }
}

/// Reads a value into a column whose values are read loosely.
struct Loose<'a, 'c>(SlotSeed<'a, 'c>);

impl Loose<'_, '_> {
    fn push<E>(self, text: &str) -> Result<(), E> {
        let SlotSeed { slot, cx } = self.0;
        slot.push_loose(text, cx.row, &mut cx.report);
        Ok(())
    }
}

impl<'de> Visitor<'de> for Loose<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.slot.push_null();
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        match self.0.slot.ty().as_scalar() {
            Some(DType::Bool) => self.0.push_typed(value.into_deserializer()),
            _ => self.push(if value { "true" } else { "false" }),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        match self.0.slot.ty().as_scalar() {
            Some(dtype) if dtype.is_number() => self.0.push_typed(value.into_deserializer()),
            _ => self.push(itoa::Buffer::new().format(value)),
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        match self.0.slot.ty().as_scalar() {
            Some(dtype) if dtype.is_number() => self.0.push_typed(value.into_deserializer()),
            _ => self.push(itoa::Buffer::new().format(value)),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        match self.0.slot.ty().as_scalar() {
            Some(dtype) if dtype.is_float() => self.0.push_typed(value.into_deserializer()),
            _ => self.push(ryu::Buffer::new().format(value)),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.push(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        self.0.push_typed(serde::de::value::SeqAccessDeserializer::new(seq))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.push_typed(serde::de::value::MapAccessDeserializer::new(map))
    }
}

// === impl KeySeed ===

/// Reads an object's key by a function of its text.
pub(super) struct KeySeed<F>(pub F);

impl<'de, T, F: FnOnce(&str) -> T> DeserializeSeed<'de> for KeySeed<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<T, F: FnOnce(&str) -> T> Visitor<'_> for KeySeed<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<T, E> {
        Ok((self.0)(key))
    }
}
