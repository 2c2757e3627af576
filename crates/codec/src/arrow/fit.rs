//! Columns of a file as the fields of a model want them.
//!
//! A file knows its types, so where a field takes several the file's own type stands. Where a field takes one, or a schema
//! names one, the column is converted if nothing that matters is lost: numbers to the field's number as JSON's numbers are,
//! arrays and Spark's structs to vectors, bytes to text.

use std::sync::Arc;

use model::{
    Batch, Builder, Column, DType, FaultKind, FaultValue, Field, Fixed, List, RowFault, Struct, Takes, Text, Type,
};
use model::{Buffer, OffsetBuffer, Violation};

use super::{convert, vectors};
use crate::{error::CodecError, table::ReadOptions};

/// Returns the fields' columns out of so many rows of a file, and the rows that do not fit; those have nulls. Of an optional field
/// that the file does not have there is no column.
pub(crate) fn fields(
    rows: usize,
    column: impl Fn(&str) -> Option<Result<Column, CodecError>>,
    first_row: u64,
    options: &ReadOptions,
) -> Result<(Batch, Vec<RowFault>), CodecError> {
    let mut batch = Batch::new(rows);
    let (mut bad, mut violations) = (Vec::new(), Vec::new());
    for (i, field) in options.fields.iter().enumerate() {
        let Some(column) = column(&field.name).transpose()? else {
            if field.optional {
                continue;
            }
            violations.push(violation(None, field, "a column of this name", "none"));
            continue;
        };
        let wanted = options.given(i).or(match &field.takes {
            Takes::One(ty) => Some(ty),
            Takes::From(_) => None,
        });
        let got = column.ty();
        let Some(fitted) = fit_or_keep(column, wanted) else {
            violations.push(violation(None, field, wanted.unwrap_or(&Type::VECTOR), got));
            continue;
        };
        batch.push(field.name.clone(), fitted.column);
        for (row, kind, value) in fitted.bad {
            if options.keep_bad_rows {
                bad.push(RowFault { row, field: field.name.clone(), step: "".into(), kind, value });
            } else {
                violations.push(violation(Some(first_row as usize + row), field, kind.wanted(), value));
            }
        }
    }
    if !violations.is_empty() {
        let total = violations.len();
        violations.truncate(100);
        return Err(CodecError::Violations { violations, total });
    }
    bad.sort_by_key(|fault| fault.row);
    bad.dedup_by_key(|fault| fault.row);
    Ok((batch, bad))
}

fn violation(row: Option<usize>, field: &Field, expected: impl ToString, got: impl ToString) -> Violation {
    let (expected, got) = (Some(expected.to_string()), Some(got.to_string()));
    Violation { row, field: Some(field.name.clone()), expected, got }
}

trait Wanted {
    fn wanted(&self) -> String;
}

impl Wanted for FaultKind {
    /// The rule, without the words that a list of violations adds.
    fn wanted(&self) -> String {
        self.to_string().trim_start_matches("expected ").to_owned()
    }
}

/// A column of the type that was wanted, with what is wrong in some rows.
struct Fitted {
    column: Column,
    bad: Vec<(usize, FaultKind, FaultValue)>,
}

fn good(column: Column) -> Option<Fitted> {
    Some(Fitted { column, bad: Vec::new() })
}

fn fit_or_keep(column: Column, wanted: Option<&Type>) -> Option<Fitted> {
    match wanted {
        Some(wanted) => fit(column, wanted),
        // Spark's way to write vectors is no struct to anyone.
        None => good(vectors(&column).unwrap_or(column)),
    }
}

fn fit(column: Column, wanted: &Type) -> Option<Fitted> {
    if column.ty() == *wanted {
        return good(column);
    }
    match (wanted, &column) {
        (Type::Vector { .. }, Column::Vector(_)) => good(column),
        (Type::Vector { .. }, Column::Struct(_)) => good(vectors(&column)?),
        (Type::Vector { .. }, Column::List(list)) => dense_of_lists(&column, list),
        (Type::Vector { .. }, Column::Fixed(numbers)) if numbers.shape().len() == 1 => dense_of_rows(&column, numbers),
        (Type::Fixed { dtype, shape }, Column::Fixed(numbers)) if shape == numbers.shape() => {
            number(&column, numbers, *dtype)
        }
        (Type::Text, Column::Bytes(bytes)) => {
            let offsets = OffsetBuffer::new(bytes.offsets().to_vec().into());
            good(Column::Text(Text::utf8(offsets, bytes.buffer().clone(), column.nulls().cloned())?))
        }
        (Type::List(item), Column::List(list)) => {
            let child = sound(fit(list.child().clone(), item)?)?;
            let offsets = OffsetBuffer::new(list.offsets().to_vec().into());
            good(Column::List(List::new(offsets, Arc::new(child), column.nulls().cloned())))
        }
        (Type::Struct(fields), Column::Struct(parts)) => {
            let parts =
                fields.iter().map(|(name, ty)| Some((name.clone(), sound(fit(parts.field(name)?.clone(), ty)?)?)));
            let parts = parts.collect::<Option<_>>()?;
            good(Column::Struct(Struct::new(column.len(), parts, column.nulls().cloned())))
        }
        // Nothing but nulls is nothing of any type.
        _ if column.nulls().is_some_and(|n| n.null_count() == column.len()) => {
            good(convert::nothing(wanted, column.len()))
        }
        _ => None,
    }
}

/// Returns the column where all its rows are good: within a list no row can be named.
fn sound(fitted: Fitted) -> Option<Column> {
    fitted.bad.is_empty().then_some(fitted.column)
}

/// One number of any dtype.
#[derive(Clone, Copy)]
enum Number {
    Int(i64),
    /// Past int64.
    Big(u64),
    Float(f64),
}

/// Returns the numbers one by one, or nothing of a dtype that is no number.
fn each(numbers: &Fixed) -> Option<Box<dyn Fn(usize) -> Number + '_>> {
    macro_rules! ints {
        ($t:ty) => {{
            let values = numbers.values::<$t>();
            Box::new(move |i: usize| Number::Int(i64::from(values[i])))
        }};
    }
    Some(match numbers.dtype() {
        DType::I8 => ints!(i8),
        DType::I16 => ints!(i16),
        DType::I32 => ints!(i32),
        DType::I64 => ints!(i64),
        DType::U8 => ints!(u8),
        DType::U16 => ints!(u16),
        DType::U32 => ints!(u32),
        DType::U64 => {
            let values = numbers.values::<u64>();
            Box::new(move |i| i64::try_from(values[i]).map_or(Number::Big(values[i]), Number::Int))
        }
        DType::F32 => {
            let values = numbers.values::<f32>();
            Box::new(move |i| Number::Float(values[i].into()))
        }
        DType::F64 => {
            let values = numbers.values::<f64>();
            Box::new(move |i| Number::Float(values[i]))
        }
        DType::Decimal(_, scale) => {
            let values = numbers.values::<i128>();
            Box::new(move |i| Number::Float(model::decimal::to_f64(values[i], scale)))
        }
        DType::Bool | DType::Date | DType::Timestamp | DType::F16 | DType::BF16 | DType::C64 => return None,
    })
}

impl Number {
    fn float(self) -> f64 {
        match self {
            Number::Int(value) => value as f64,
            Number::Big(value) => value as f64,
            Number::Float(value) => value,
        }
    }
}

/// Converts single numbers; a fraction's column is never one of integers. Of inner arrays, only to floats.
fn number(column: &Column, numbers: &Fixed, dtype: DType) -> Option<Fitted> {
    let at = each(numbers)?;
    let from_float = numbers.dtype().is_float() || numbers.dtype().is_decimal();
    let single = numbers.shape().is_empty();
    if let (DType::Decimal(..), DType::Decimal(precision, scale), true) = (numbers.dtype(), dtype, single) {
        return decimal(numbers, precision, scale);
    }
    if dtype.is_float() {
        let items = (0..numbers.len() * numbers.shape().iter().product::<usize>()).map(|i| at(i).float());
        let data = match dtype {
            DType::F64 if numbers.dtype() == DType::I32 => {
                Buffer::from_vec(numbers.values::<i32>().iter().map(|&value| f64::from(value)).collect::<Vec<f64>>())
            }
            DType::F64 => Buffer::from_vec(items.collect::<Vec<f64>>()),
            _ => Buffer::from_vec(items.map(|x| x as f32).collect::<Vec<f32>>()),
        };
        let nulls = column.nulls().cloned();
        return good(Column::Fixed(Fixed::new(dtype, numbers.shape().to_vec(), numbers.len(), data, nulls)));
    }
    if from_float || !single || !dtype.is_int() {
        return None;
    }
    let mut builder = Builder::new(&Type::scalar(dtype));
    let mut bad = Vec::new();
    for row in 0..numbers.len() {
        if !numbers.is_valid(row) {
            builder.push_null();
            continue;
        }
        let value = match at(row) {
            Number::Int(value) if builder.push_int(value) => continue,
            Number::Big(value) if dtype == DType::U64 => {
                builder.push_fixed(value);
                continue;
            }
            Number::Int(value) => FaultValue::Int(value),
            other => FaultValue::Number(other.float()),
        };
        bad.push((row, FaultKind::Type { expected: dtype.name() }, value));
        builder.push_null();
    }
    Some(Fitted { column: builder.finish(), bad })
}

/// Converts decimals to a precision and scale that hold them exactly; a row that they do not is bad.
fn decimal(numbers: &Fixed, precision: u8, scale: u8) -> Option<Fitted> {
    let DType::Decimal(_, from) = numbers.dtype() else { return None };
    let mut builder = Builder::new(&Type::scalar(DType::Decimal(precision, scale)));
    let mut bad = Vec::new();
    for (row, &value) in numbers.values::<i128>().iter().enumerate() {
        let power = model::decimal::POWERS[usize::from(from.abs_diff(scale))];
        let scaled = match from <= scale {
            true => value.checked_mul(power),
            false => (value % power == 0).then(|| value / power),
        };
        match scaled.filter(|&v| model::decimal::fits(v, precision)) {
            _ if !numbers.is_valid(row) => builder.push_null(),
            Some(value) => builder.push_fixed(value),
            None => {
                let expected = "a decimal that its type holds exactly";
                bad.push((row, FaultKind::Rule(expected), FaultValue::text(&model::decimal::to_string(value, from))));
                builder.push_null();
            }
        }
    }
    Some(Fitted { column: builder.finish(), bad })
}

fn dense_of_lists(column: &Column, list: &List) -> Option<Fitted> {
    let Column::Fixed(items) = list.child() else { return None };
    let at = each(items).filter(|_| items.shape().is_empty())?;
    let mut builder = Builder::new(&Type::VECTOR);
    let mut bad = Vec::new();
    for row in 0..list.len() {
        if !column.is_valid(row) {
            builder.push_null();
        } else if list.range(row).all(|i| items.is_valid(i)) {
            list.range(row).for_each(|i| builder.push_vector_value(at(i).float()));
            builder.end_dense();
        } else {
            bad.push((row, FaultKind::Rule("numbers without a null among them"), FaultValue::Null));
            builder.push_null();
        }
    }
    Some(Fitted { column: builder.finish(), bad })
}

fn dense_of_rows(column: &Column, numbers: &Fixed) -> Option<Fitted> {
    let (at, width) = (each(numbers)?, numbers.shape()[0]);
    let mut builder = Builder::new(&Type::VECTOR);
    for row in 0..numbers.len() {
        if column.is_valid(row) {
            (row * width..(row + 1) * width).for_each(|i| builder.push_vector_value(at(i).float()));
            builder.end_dense();
        } else {
            builder.push_null();
        }
    }
    good(builder.finish())
}
