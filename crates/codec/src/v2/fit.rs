//! From a tensor to the column that a field takes.

use model::{
    Builder, Column, DType, Data, Field, Fixed, Takes, Tensor, Text, Type, Violation,
    tensor::{bf16, f16},
};

use super::{
    Datatype, is_single,
    request::{Input, fault},
};
use crate::{
    cells,
    json::{
        Limits,
        cell::{Cx, push_json},
    },
    slot::Slot,
};

/// Returns the tensor as a whole value of the field, whose elements are of this type, or of what else the field takes.
pub(super) fn tensor(field: &Field, ty: &Type, input: &Input) -> Result<Tensor, Violation> {
    let own = input.datatype.ty();
    let ty = match &field.takes {
        Takes::One(_) => ty,
        Takes::From(types) => types.iter().find(|ty| **ty == own).unwrap_or(ty),
    };
    let tensor = match ty.as_scalar() {
        Some(dtype) if dtype.is_of_tensors() => elements_as(&Type::F32, &input.elements).and_then(|column| {
            let Column::Fixed(floats) = &column else { return None };
            let floats = floats.values::<f32>();
            let data: Data = match dtype {
                DType::F16 => floats.iter().map(|&x| f16::from_f32(x)).collect::<Vec<_>>().into(),
                DType::BF16 => floats.iter().map(|&x| bf16::from_f32(x)).collect::<Vec<_>>().into(),
                _ => return None,
            };
            Tensor::new(&input.shape, data).ok()
        }),
        _ => elements_as(ty, &input.elements).and_then(|column| Tensor::from_column(&input.shape, &column)),
    };
    tensor.ok_or_else(|| wrong(field, input))
}

/// Returns the tensor as a column of the field.
pub(super) fn column(field: &Field, input: &Input) -> Result<Column, Violation> {
    let ty = match &field.takes {
        Takes::One(ty) => ty.clone(),
        Takes::From(types) => chosen(types, input).ok_or_else(|| wrong(field, input))?,
    };
    let rows = input.shape.first().copied();
    let one_each = input.shape.get(1..).is_some_and(|inner| inner.iter().all(|&dim| dim == 1));
    let column = match (&ty, rows) {
        (_, None) => None,
        (Type::Vector { .. }, Some(rows)) if input.shape.len() == 2 => vectors(input, rows),
        (Type::List(item), Some(rows)) if input.shape.len() == 2 && is_single(item) => lists(item, input, rows),
        (Type::Fixed { dtype, shape }, _) if !shape.is_empty() => (input.shape[1..] == **shape)
            .then(|| elements_as(&Type::scalar(*dtype), &input.elements))
            .flatten()
            .and_then(|column| reshaped(column, shape)),
        (ty, _) if is_single(ty) && one_each => elements_as(ty, &input.elements),
        (Type::Vector { .. } | Type::List(_) | Type::Struct(_) | Type::Map(..), Some(_)) if one_each => {
            return from_json(field, &ty, input);
        }
        _ => None,
    };
    column.ok_or_else(|| wrong(field, input))
}

/// Returns which of the types the tensor is of: its datatype says what its sender means.
fn chosen(types: &[Type], input: &Input) -> Option<Type> {
    let own = match input.datatype {
        Datatype::Bytes => Type::Text,
        datatype => datatype.ty(),
    };
    let number = |ty: &Type| ty.as_scalar().is_some_and(DType::is_number);
    let same = |ty: &&Type| **ty == own || number(ty) && number(&own);
    if input.shape.len() >= 2 {
        if let Some(vector) = types.iter().find(|ty| matches!(ty, Type::Vector { .. }) && number(&own)) {
            return Some(vector.clone());
        }
        let of_lists = |ty: &&Type| matches!(ty, Type::List(item) if same(&&**item));
        if types.iter().any(|ty| of_lists(&ty)) {
            return Some(Type::list(own));
        }
    }
    if types.iter().any(|ty| same(&ty)) {
        return Some(own);
    }
    // Texts of times are of the first type that all of them say.
    let says = |ty: &Type| types.contains(ty) && elements_as(ty, &input.elements).is_some();
    let mut times = [DType::Date, DType::Timestamp].map(Type::scalar).into_iter();
    if let (Datatype::Bytes, Some(time)) = (input.datatype, times.find(says)) {
        return Some(time);
    }
    // Values as JSON, where only one type takes them.
    let nested: Vec<&Type> = types.iter().filter(|ty| !is_single(ty)).collect();
    match nested.as_slice() {
        [one] if input.datatype == Datatype::Bytes => Some((*one).clone()),
        _ => None,
    }
}

fn wrong(field: &Field, input: &Input) -> Violation {
    if let Some(violation) = wrong_element(field, input) {
        return violation;
    }
    let types: Vec<String> = match &field.takes {
        Takes::One(ty) => vec![ty.to_string()],
        Takes::From(types) => types.iter().map(Type::to_string).collect(),
    };
    let expected = format!("a tensor for a column of {}", types.join(" or "));
    fault(Some(&field.name), expected, format!("{} {:?}", input.datatype.name(), input.shape))
}

/// Returns what is wrong with the first element that fits no tensor of this field, whatever its shape.
fn wrong_element(field: &Field, input: &Input) -> Option<Violation> {
    let elements = 0..input.elements.len();
    let is_array = |ty: &Type| field.whole || matches!(ty, Type::Fixed { shape, .. } if !shape.is_empty());
    if is_array(field.ty())
        && let Some(at) = elements.clone().find(|&at| !input.elements.is_valid(at))
    {
        return Some(fault(Some(&field.name), "elements that are not null", format!("null at {at}")));
    }
    let Column::Bytes(bytes) = &input.elements else { return None };
    let is_utf8 = |at: usize| !bytes.is_valid(at) || std::str::from_utf8(bytes.bytes(at)).is_ok();
    let is_no_text = |ty: &Type| match ty {
        Type::Bytes | Type::Vector { .. } => true,
        ty => ty.as_scalar().is_some_and(DType::is_number),
    };
    let at = elements.filter(|_| !is_no_text(field.ty())).find(|&at| !is_utf8(at))?;
    Some(fault(Some(&field.name), "elements that are UTF-8", format!("bytes that are not, at {at}")))
}

fn vectors(input: &Input, rows: usize) -> Option<Column> {
    let values = elements_as(&Type::F64, &input.elements)?;
    let Column::Fixed(values) = values else { return None };
    let size = input.shape[1];
    let all = values.values::<f64>();
    let mut builder = Builder::new(&Type::VECTOR);
    for row in 0..rows {
        // A vector has no element that is null: such a row has no vector.
        if (row * size..(row + 1) * size).all(|at| values.is_valid(at)) {
            builder.push_dense(&all[row * size..(row + 1) * size]);
        } else {
            builder.push_null();
        }
    }
    Some(builder.finish())
}

fn lists(item: &Type, input: &Input, rows: usize) -> Option<Column> {
    let items = elements_as(item, &input.elements)?;
    let size = input.shape[1];
    let mut builder = Builder::new(&Type::list(item.clone()));
    builder.items().append(&items);
    builder.end_lists((0..rows).map(|_| size));
    Some(builder.finish())
}

fn reshaped(column: Column, shape: &[usize]) -> Option<Column> {
    let Column::Fixed(flat) = column else { return None };
    let size: usize = shape.iter().product();
    // A null within an array has no place there.
    if size == 0 || (0..flat.len()).any(|at| !flat.is_valid(at)) {
        return None;
    }
    Some(Column::Fixed(Fixed::new(flat.dtype(), shape.to_vec(), flat.len() / size, flat.buffer().clone(), None)))
}

/// Returns the elements as a column of single values of this type; nothing where one does not fit.
fn elements_as(ty: &Type, elements: &Column) -> Option<Column> {
    if elements.ty() == *ty {
        return Some(elements.clone());
    }
    match (ty, elements) {
        (Type::Text, Column::Bytes(bytes)) => as_text(bytes).map(Column::Text),
        (_, Column::Fixed(numbers)) => {
            let mut builder = Builder::new(ty);
            (0..numbers.len()).all(|at| push_number(&mut builder, numbers, at)).then(|| builder.finish())
        }
        // Dates, timestamps and decimals are texts.
        (_, Column::Bytes(bytes)) if ty.as_scalar().is_none_or(|dtype| !dtype.is_number()) => {
            let mut builder = Builder::new(ty);
            let mut push = |at: usize| {
                if !bytes.is_valid(at) {
                    builder.push_null();
                    return true;
                }
                std::str::from_utf8(bytes.bytes(at)).is_ok_and(|text| cells::push(&mut builder, ty, text))
            };
            let fits = (0..bytes.len()).all(&mut push);
            fits.then(|| builder.finish())
        }
        _ => None,
    }
}

fn push_number(builder: &mut Builder, numbers: &Fixed, at: usize) -> bool {
    if !numbers.is_valid(at) {
        builder.push_null();
        return true;
    }
    match numbers.dtype() {
        DType::F64 => builder.push_float(numbers.values::<f64>()[at]),
        DType::F32 => builder.push_float(numbers.values::<f32>()[at].into()),
        DType::I64 => builder.push_int(numbers.values::<i64>()[at]),
        DType::I32 => builder.push_int(numbers.values::<i32>()[at].into()),
        DType::I16 => builder.push_int(numbers.values::<i16>()[at].into()),
        DType::I8 => builder.push_int(numbers.values::<i8>()[at].into()),
        DType::U8 => builder.push_int(numbers.values::<u8>()[at].into()),
        DType::U16 => builder.push_int(numbers.values::<u16>()[at].into()),
        DType::U32 => builder.push_int(numbers.values::<u32>()[at].into()),
        DType::U64 => i64::try_from(numbers.values::<u64>()[at]).is_ok_and(|value| builder.push_int(value)),
        DType::Bool => builder.push_int(numbers.values::<u8>()[at].into()),
        _ => false,
    }
}

fn as_text(bytes: &Text) -> Option<Text> {
    let mut builder = Builder::new(&Type::Text);
    for at in 0..bytes.len() {
        match bytes.is_valid(at) {
            true => builder.push_text(std::str::from_utf8(bytes.bytes(at)).ok()?),
            false => builder.push_null(),
        }
    }
    match builder.finish() {
        Column::Text(text) => Some(text),
        _ => None,
    }
}

/// Reads elements that are JSON, each a row's value.
fn from_json(field: &Field, ty: &Type, input: &Input) -> Result<Column, Violation> {
    let Column::Bytes(texts) = &input.elements else { return Err(wrong(field, input)) };
    let refused = |what: String| fault(Some(&field.name), format!("elements that are JSON of {ty}"), what);
    let mut slot = Slot::new(field, Some(ty)).map_err(|error| refused(error.to_string()))?;
    let mut cx = Cx::new(false, Limits::default());
    for row in 0..texts.len() {
        cx.begin_row(row);
        let text = texts.is_valid(row).then(|| std::str::from_utf8(texts.bytes(row)).unwrap_or_default());
        match text {
            Some(text) if push_json(&mut slot, &mut cx, text) => {}
            Some(text) => {
                let short: String = text.chars().take(60).collect();
                return Err(Violation { row: Some(row), ..refused(short) });
            }
            None => slot.push_null(),
        }
    }
    Ok(slot.take())
}
