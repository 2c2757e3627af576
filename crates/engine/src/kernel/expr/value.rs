//! Values of one row, and their order.

use std::cmp::Ordering;

use bumpalo::Bump;
use model::{FaultKind, FaultValue, column::Row};

/// A value; what does not fit a machine word lies in an input or among the row's own memory.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Null,
    /// A boolean (0 or 1), an integer, a date or a timestamp; an unsigned 64-bit one by its bits.
    Int(i64),
    F32(f32),
    F64(f64),
    /// A decimal; its scale is the type's.
    Wide(i128),
    Text(&'a str),
    Bytes(&'a [u8]),
    List(&'a [Value<'a>]),
    /// A vector, which is only handed on.
    Vector(&'a Row<'a>),
}

/// Why a row is refused.
#[derive(Debug)]
pub(crate) struct Fault {
    pub kind: FaultKind,
    pub value: FaultValue,
    /// Which of the node's inputs is to blame, once known.
    pub input: Option<u32>,
}

/// A value, or why there is none. Faults are rare: boxed, the answer stays small.
pub(crate) type Out<'a> = Result<Value<'a>, Box<Fault>>;

/// Longest text or bytes that a function makes.
pub(crate) const BYTES_MAX: usize = 64 << 20;
/// Most items of a list that a function makes.
pub(crate) const ITEMS_MAX: usize = 4 << 20;

#[cold]
pub(crate) fn fault(expected: &'static str, value: FaultValue) -> Box<Fault> {
    Box::new(Fault { kind: FaultKind::Rule(expected), value, input: None })
}

impl<'a> Value<'a> {
    pub fn bool(truth: bool) -> Value<'a> {
        Value::Int(truth.into())
    }

    pub fn of<T: Into<Value<'a>>>(value: Option<T>) -> Value<'a> {
        value.map_or(Value::Null, Into::into)
    }

    pub fn is_null(self) -> bool {
        matches!(self, Value::Null)
    }

    pub fn is_true(self) -> bool {
        matches!(self, Value::Int(1))
    }

    pub fn int(self) -> i64 {
        match self {
            Value::Int(value) => value,
            _ => unreachable!("typed as an integer"),
        }
    }

    /// Returns an int32 argument.
    pub fn i32(self) -> i32 {
        self.int() as i32
    }

    pub fn f64(self) -> f64 {
        match self {
            Value::F64(value) => value,
            Value::F32(value) => value.into(),
            _ => unreachable!("typed as a float"),
        }
    }

    pub fn text(self) -> &'a str {
        match self {
            Value::Text(text) => text,
            _ => unreachable!("typed as a text"),
        }
    }

    /// Returns the bytes of a text or of bytes.
    pub fn bytes(self) -> &'a [u8] {
        match self {
            Value::Text(text) => text.as_bytes(),
            Value::Bytes(bytes) => bytes,
            _ => unreachable!("typed as bytes"),
        }
    }

    pub fn list(self) -> &'a [Value<'a>] {
        match self {
            Value::List(items) => items,
            _ => unreachable!("typed as a list"),
        }
    }

    /// Returns what a message shows of it.
    pub fn shown(self) -> FaultValue {
        match self {
            Value::Null => FaultValue::Null,
            Value::Int(value) => FaultValue::Int(value),
            Value::F32(value) => FaultValue::Number(value.into()),
            Value::F64(value) => FaultValue::Number(value),
            Value::Wide(value) => FaultValue::text(&value.to_string()),
            Value::Text(text) => FaultValue::text(text),
            Value::Bytes(bytes) => FaultValue::Size(bytes.len() as u64),
            Value::List(items) => FaultValue::Size(items.len() as u64),
            Value::Vector(row) => FaultValue::Size(row.size() as u64),
        }
    }

    /// Returns the values' order: null first, NaN last and equal to itself, zeros equal, bytes without a sign.
    pub fn order(self, other: Value<'_>) -> Ordering {
        match (self, other) {
            (Value::Null, Value::Null) => Ordering::Equal,
            (Value::Null, _) => Ordering::Less,
            (_, Value::Null) => Ordering::Greater,
            (Value::Int(a), Value::Int(b)) => a.cmp(&b),
            (Value::F64(a), Value::F64(b)) => float_order(a, b),
            (Value::F32(a), Value::F32(b)) => float_order(a.into(), b.into()),
            (Value::Wide(a), Value::Wide(b)) => a.cmp(&b),
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
            (Value::List(a), Value::List(b)) => {
                let pairs = a.iter().zip(b).map(|(x, y)| x.order(*y));
                pairs.into_iter().find(|o| o.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
            }
            _ => unreachable!("values of one type"),
        }
    }

    pub fn same(self, other: Value<'_>) -> bool {
        self.order(other).is_eq()
    }
}

pub(crate) fn float_order(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}

impl From<i32> for Value<'_> {
    fn from(value: i32) -> Self {
        Value::Int(value.into())
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Value::F64(value)
    }
}

impl From<i128> for Value<'_> {
    fn from(value: i128) -> Self {
        Value::Wide(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Value::Text(value)
    }
}

/// A text that grows in the row's own memory, within [`BYTES_MAX`].
pub(crate) struct Writer<'a> {
    text: bumpalo::collections::String<'a>,
}

impl<'a> Writer<'a> {
    pub fn new(bump: &'a Bump) -> Writer<'a> {
        Writer { text: bumpalo::collections::String::new_in(bump) }
    }

    fn room(&self, bytes: usize) -> Result<(), Box<Fault>> {
        match self.text.len().checked_add(bytes) {
            Some(len) if len <= BYTES_MAX => Ok(()),
            _ => Err(too_long(self.text.len().saturating_add(bytes))),
        }
    }

    pub fn push(&mut self, text: &str) -> Result<(), Box<Fault>> {
        self.room(text.len())?;
        self.text.push_str(text);
        Ok(())
    }

    pub fn push_char(&mut self, c: char) -> Result<(), Box<Fault>> {
        self.room(c.len_utf8())?;
        self.text.push(c);
        Ok(())
    }

    pub fn push_times(&mut self, text: &str, times: usize) -> Result<(), Box<Fault>> {
        self.room(text.len().saturating_mul(times))?;
        (0..times).for_each(|_| self.text.push_str(text));
        Ok(())
    }

    pub fn done(self) -> Value<'a> {
        Value::Text(self.text.into_bump_str())
    }
}

impl std::fmt::Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.push(text).map_err(|_| std::fmt::Error)
    }
}

#[cold]
pub(crate) fn too_long(bytes: usize) -> Box<Fault> {
    fault("a result of at most 64 MiB", FaultValue::Size(bytes as u64))
}
