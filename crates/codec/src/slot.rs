//! A column that grows while its type may still be open.
//!
//! A field that takes one type, or whose type a schema gives, is fixed from the start. One that takes several is settled
//! by its first value that says something; integers widen to floats when the first fraction comes. Nothing is read twice:
//! what was written as integers is copied once into the wider column.

use std::sync::Arc;

use model::{Builder, Column, DType, Field, Fixed, Reading, Takes, Type, Unreadable};
use serde_json::Value;

use crate::{
    cells,
    error::CodecError,
    report::{Expected, Got, Report},
    v2,
};

/// What a value looks like, before its column has a type.
#[derive(Clone, Copy)]
pub(crate) enum Look<'a> {
    Bool,
    Int,
    Float,
    Text(&'a str),
    /// An array or an object.
    Nested(&'a Value),
}

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) name: Arc<str>,
    /// The types that the column may have.
    pub(crate) takes: Arc<[Type]>,
    /// Which of them it has; without meaning while open.
    at: usize,
    state: State,
    /// Rows of an open column: a null, or an empty array.
    pending: Vec<Pending>,
    builder: Builder,
    presence: Presence,
    /// What becomes of a value that does not read as the type, where values are read loosely.
    loose: Option<Unreadable>,
    /// Rows without the column, where it may be left out.
    absent: Vec<usize>,
}

/// Whether an input has the column.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Presence {
    Needed,
    /// All rows have it, or none.
    Optional,
    /// The first rows did not have it.
    LeftOut,
    /// A row without it has a null there.
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// No value has come yet.
    Open,
    /// By the values so far.
    Settled,
    /// By the values of the first rows, for the rest of the input.
    Frozen,
    /// By the model or a schema.
    Given,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Pending {
    Null,
    EmptyArray,
}

impl Slot {
    /// Returns an empty column for the field; `given` is a schema's word on it.
    pub(crate) fn new(field: &Field, given: Option<&Type>) -> Result<Slot, CodecError> {
        if field.whole {
            let what = format!("input `{}` is one value for the call, which rows cannot carry", field.name);
            return Err(CodecError::Unsupported { what });
        }
        // A row's null takes the room of the whole array, however short its text: so rows are counted, and lists refused.
        let in_list = |ty: &Type| repeats_arrays(ty).then(|| ty.to_string());
        let takes: Arc<[Type]> = match (given, &field.takes) {
            (Some(ty), _) | (None, Takes::One(ty)) => Arc::new([ty.clone()]),
            (None, Takes::From(types)) => types.as_slice().into(),
        };
        if let Some(ty) = takes.iter().find_map(in_list) {
            let context = "in rows: arrays of a fixed shape within lists or maps";
            return Err(CodecError::UnsupportedType { column: field.name.to_string(), ty, context });
        }
        let loose = match &field.reading {
            Reading::Strict => None,
            Reading::Loose(unreadable) => Some(unreadable.clone()),
        };
        let presence = match (field.optional, &loose) {
            (true, _) => Presence::Optional,
            (false, Some(_)) => Presence::Null,
            (false, None) => Presence::Needed,
        };
        Ok(Slot::of(field.name.clone(), takes, presence, loose))
    }

    fn of(name: Arc<str>, takes: Arc<[Type]>, presence: Presence, loose: Option<Unreadable>) -> Slot {
        let state = if takes.len() == 1 { State::Given } else { State::Open };
        let builder = Builder::new(&takes[0]);
        Slot { name, takes, at: 0, state, pending: Vec::new(), builder, presence, loose, absent: Vec::new() }
    }

    /// Returns an empty column like this one was at first.
    pub(crate) fn fresh(&self) -> Slot {
        Slot::of(self.name.clone(), self.takes.clone(), self.presence, self.loose.clone())
    }

    /// Returns whether values of another type are read as well as they say one of this type; single values only.
    pub(crate) fn is_loose(&self) -> bool {
        self.loose.is_some() && (*self.ty() == Type::Text || self.ty().as_scalar().is_some())
    }

    /// Ends a row with what a text says, where values are read loosely; reports what says nothing of the type.
    pub(crate) fn push_loose(&mut self, text: &str, row: Option<usize>, report: &mut Report) {
        let ty = &self.takes[self.at];
        let trimmed = if *ty == Type::Text { text } else { text.trim() };
        if cells::push(&mut self.builder, ty, trimmed) || whole(&mut self.builder, ty, trimmed) {
            return;
        }
        match &self.loose {
            Some(Unreadable::As(instead)) if cells::push(&mut self.builder, ty, instead) => {}
            Some(Unreadable::Null | Unreadable::As(_)) => self.builder.push_null(),
            Some(Unreadable::Refuse) | None => {
                report.add(row, Some(&self.name), Expected::Type(ty), Got::Text(text));
                self.builder.push_null();
            }
        }
    }

    /// Returns whether the column is not read: it may be left out, and the first rows did not have it.
    pub(crate) fn is_left_out(&self) -> bool {
        self.presence == Presence::LeftOut
    }

    /// Returns whether rows may come without the column, all or none of them.
    pub(crate) fn is_optional(&self) -> bool {
        matches!(self.presence, Presence::Optional | Presence::LeftOut)
    }

    /// Returns whether a row without the column has a null there.
    pub(crate) fn is_null_where_absent(&self) -> bool {
        self.presence == Presence::Null
    }

    /// Leaves the column out where that is allowed; answers whether it is.
    pub(crate) fn leave_out(&mut self) -> bool {
        if self.presence == Presence::Optional {
            self.presence = Presence::LeftOut;
        }
        self.is_left_out()
    }

    /// Ends a row that does not have the column.
    pub(crate) fn push_nothing(&mut self, row: usize, report: &mut Report) {
        match self.presence {
            Presence::LeftOut => return,
            Presence::Null => {}
            Presence::Needed => report.add(Some(row), Some(&self.name), self.expected(), Got::Nothing),
            Presence::Optional => self.absent.push(row),
        }
        self.push_null();
    }

    /// Decides at the end of the first rows whether the input has a column that may be left out; from then on all rows
    /// have it, or none.
    pub(crate) fn settle_presence(&mut self, rows: usize, report: &mut Report) {
        if self.presence != Presence::Optional || rows == 0 {
            return;
        }
        let absent = std::mem::take(&mut self.absent);
        if absent.len() == rows {
            self.presence = Presence::LeftOut;
            return;
        }
        self.presence = Presence::Needed;
        for row in absent {
            report.add(Some(row), Some(&self.name), self.expected(), Got::Nothing);
        }
    }

    pub(crate) fn len(&self) -> usize {
        if self.is_open() { self.pending.len() } else { self.builder.len() }
    }

    /// Returns whether no value has said yet what the column is.
    pub(crate) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Returns whether values still have a say in the type.
    pub(crate) fn is_from_data(&self) -> bool {
        matches!(self.state, State::Open | State::Settled)
    }

    /// Returns whether the first rows of the input settled the type for good.
    pub(crate) fn is_frozen(&self) -> bool {
        self.state == State::Frozen
    }

    /// Returns what a value of the column should be.
    pub(crate) fn expected(&self) -> Expected<'_> {
        match self.state {
            State::Open => Expected::OneOf(&self.takes),
            State::Settled | State::Given => Expected::Type(self.ty()),
            State::Frozen => Expected::Settled(self.ty()),
        }
    }

    pub(crate) fn ty(&self) -> &Type {
        &self.takes[self.at]
    }

    /// Returns the name, the type and the rows so far of a column that is not open.
    pub(crate) fn parts(&mut self) -> (&Arc<str>, &Type, &mut Builder) {
        (&self.name, &self.takes[self.at], &mut self.builder)
    }

    pub(crate) fn push_null(&mut self) {
        if self.is_open() { self.pending.push(Pending::Null) } else { self.builder.push_null() }
    }

    /// Ends a row of an open column with an empty array, which does not say what its items would be.
    pub(crate) fn push_empty_array(&mut self) -> bool {
        let takes_arrays = self.takes.iter().any(is_array);
        if takes_arrays {
            self.pending.push(Pending::EmptyArray);
        }
        takes_arrays
    }

    /// Returns whether no value of the column is an array or an object.
    pub(crate) fn is_single(&self) -> bool {
        self.takes.iter().all(v2::is_single)
    }

    /// Lets a value have its say in the type. Whether the value then fits shows when it is pushed.
    pub(crate) fn admit(&mut self, look: Look<'_>) {
        match self.state {
            State::Given | State::Frozen => {}
            State::Open => {
                if let Some(at) = fit(look, &self.takes) {
                    self.settle(at);
                }
            }
            State::Settled => {
                let fits = match (look, self.ty()) {
                    (Look::Text(_), Type::Text) => true,
                    (Look::Bool, ty) => ty.as_scalar() == Some(DType::Bool),
                    (Look::Int, ty) => ty.as_scalar().is_some_and(DType::is_number),
                    (Look::Float, ty) => ty.as_scalar().is_some_and(DType::is_float),
                    _ => false,
                };
                if fits {
                    return;
                }
                if let Some(at) = fit(look, &self.takes).filter(|&at| widens(self.ty(), &self.takes[at])) {
                    let narrow = std::mem::replace(&mut self.builder, Builder::new(&self.takes[at])).finish();
                    (0..narrow.len()).for_each(|row| copy_widened(&mut self.builder, &narrow, row));
                    self.at = at;
                }
            }
        }
    }

    /// Settles the type for the rest of the input.
    pub(crate) fn freeze(&mut self) {
        if self.is_open() {
            let arrays = self.pending.contains(&Pending::EmptyArray);
            let at = self.takes.iter().position(|ty| arrays && is_array(ty)).unwrap_or(0);
            self.settle(at);
        }
        if self.state == State::Settled {
            self.state = State::Frozen;
        }
    }

    /// Settles the type from what others saw of the input.
    pub(crate) fn freeze_as(&mut self, at: usize) {
        self.settle(at);
        self.freeze();
    }

    fn settle(&mut self, at: usize) {
        self.at = at;
        self.state = State::Settled;
        self.builder = Builder::new(&self.takes[at]);
        for pending in std::mem::take(&mut self.pending) {
            match (pending, &self.takes[at]) {
                (Pending::EmptyArray, Type::Vector { .. }) => self.builder.push_dense(&[]),
                (Pending::EmptyArray, Type::List(_)) => self.builder.end_list(),
                _ => self.builder.push_null(),
            }
        }
    }

    /// Returns the rows so far, and begins anew with the same type.
    pub(crate) fn take(&mut self) -> Column {
        self.freeze();
        let next = Builder::new(self.ty());
        std::mem::replace(&mut self.builder, next).finish()
    }
}

/// Ends a row of integers with a number that is written with a fraction of zero, or an exponent.
fn whole(builder: &mut Builder, ty: &Type, text: &str) -> bool {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let is_int = ty.as_scalar().is_some_and(DType::is_int);
    let number = cells::float(text).filter(|x| is_int && x.fract() == 0.0 && x.abs() <= EXACT);
    number.is_some_and(|x| builder.push_int(x as i64))
}

/// Most bytes that the arrays of fixed shape in one batch may take.
const ARRAY_BYTES_MAX: usize = 256 << 20;

/// Returns how many rows a batch of these columns may have, so that its arrays of fixed shape stay within bounds.
pub(crate) fn rows_within(slots: &[Slot], rows_max: usize) -> usize {
    let widest = |slot: &Slot| slot.takes.iter().map(array_bytes).max().unwrap_or(0);
    let row: usize = slots.iter().map(widest).fold(0, usize::saturating_add);
    ARRAY_BYTES_MAX.checked_div(row).map_or(rows_max, |rows| rows.max(1).min(rows_max))
}

fn array_bytes(ty: &Type) -> usize {
    match ty {
        Type::Fixed { shape, .. } if shape.is_empty() => 0,
        Type::Fixed { dtype, shape } => shape.iter().fold(dtype.width(), |bytes, &d| bytes.saturating_mul(d)),
        Type::Struct(parts) => parts.iter().map(|(_, ty)| array_bytes(ty)).fold(0, usize::saturating_add),
        _ => 0,
    }
}

fn repeats_arrays(ty: &Type) -> bool {
    let within = |ty: &Type| array_bytes(ty) > 0 || repeats_arrays(ty);
    match ty {
        Type::List(item) => within(item),
        Type::Map(key, value) => within(key) || within(value),
        Type::Struct(parts) => parts.iter().any(|(_, ty)| repeats_arrays(ty)),
        _ => false,
    }
}

fn is_array(ty: &Type) -> bool {
    matches!(ty, Type::Vector { .. } | Type::List(_))
}

/// Returns which of the types a value of this look has: int64 before other integers, float64 before float32, vectors
/// before lists.
fn fit(look: Look<'_>, takes: &[Type]) -> Option<usize> {
    let first = |want: &dyn Fn(&Type) -> bool| takes.iter().position(want);
    let scalar = |want: &dyn Fn(DType) -> bool| first(&|ty| ty.as_scalar().is_some_and(want));
    let float = || scalar(&|d| d == DType::F64).or_else(|| scalar(&DType::is_float));
    match look {
        Look::Bool => scalar(&|d| d == DType::Bool),
        Look::Int => scalar(&|d| d == DType::I64).or_else(|| scalar(&DType::is_int)).or_else(float),
        Look::Float => float(),
        Look::Text(text) => first(&|ty| *ty == Type::Text)
            .or_else(|| cells::special_float(text).and_then(|_| float()))
            .or_else(|| scalar(&|d| d == DType::Date && crate::time::parse_date(text).is_some()))
            .or_else(|| scalar(&|d| d == DType::Timestamp))
            .or_else(|| first(&|ty| *ty == Type::Bytes)),
        Look::Nested(value) => first(&|ty| matches!(ty, Type::Vector { .. }) && nested_fits(value, ty))
            .or_else(|| first(&|ty| nested_fits(value, ty))),
    }
}

/// Returns whether the value can be read as the type; deep enough to choose between the types of a field.
fn nested_fits(value: &Value, ty: &Type) -> bool {
    match (value, ty) {
        (Value::Null, _) => true,
        (Value::Array(items), Type::Vector { .. }) => items.iter().all(|item| nested_fits(item, &Type::F64)),
        (Value::Array(items), Type::List(item_ty)) => items.iter().all(|item| nested_fits(item, item_ty)),
        (Value::Array(_), Type::Fixed { shape, .. }) => !shape.is_empty(),
        (Value::Object(parts), Type::Vector { .. }) => parts.contains_key("values"),
        (Value::Object(_), Type::Struct(_) | Type::Map(..)) => true,
        (Value::Object(parts), Type::Text | Type::Bytes) => parts.len() == 1 && parts.contains_key("b64"),
        (Value::String(_), Type::Text | Type::Bytes) => true,
        (Value::String(text), Type::Fixed { dtype, shape }) if shape.is_empty() => match dtype {
            DType::Date | DType::Timestamp | DType::Decimal(..) => true,
            dtype => dtype.is_float() && cells::special_float(text).is_some(),
        },
        (Value::Bool(_), ty) => ty.as_scalar() == Some(DType::Bool),
        (Value::Number(number), ty) => ty
            .as_scalar()
            .is_some_and(|d| d.is_float() || d.is_decimal() || (d.is_int() && (number.is_i64() || number.is_u64()))),
        _ => false,
    }
}

fn widens(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (Type::List(a), Type::List(b)) => widens(a, b),
        _ => from.as_scalar().is_some_and(DType::is_int) && to.as_scalar().is_some_and(DType::is_float),
    }
}

fn copy_widened(to: &mut Builder, from: &Column, row: usize) {
    match from {
        _ if !from.is_valid(row) => to.push_null(),
        Column::Fixed(c) => {
            to.push_float(integer(c, row) as f64);
        }
        Column::List(c) => {
            c.range(row).for_each(|item| copy_widened(to.items(), c.child(), item));
            to.end_list();
        }
        _ => to.append_row(from, row),
    }
}

/// Returns an element of a column of integers.
pub(crate) fn integer(column: &Fixed, at: usize) -> i128 {
    match column.dtype() {
        DType::Bool | DType::U8 => column.values::<u8>()[at].into(),
        DType::I8 => column.values::<i8>()[at].into(),
        DType::I16 => column.values::<i16>()[at].into(),
        DType::I32 | DType::Date => column.values::<i32>()[at].into(),
        DType::I64 | DType::Timestamp => column.values::<i64>()[at].into(),
        DType::U16 => column.values::<u16>()[at].into(),
        DType::U32 => column.values::<u32>()[at].into(),
        DType::U64 => column.values::<u64>()[at].into(),
        DType::Decimal(..) | DType::F32 | DType::F64 | DType::F16 | DType::BF16 | DType::C64 => {
            unreachable!("callers ask for integers only")
        }
    }
}
