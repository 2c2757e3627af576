//! An answer: `predictions` a row each, or `outputs` tensor by tensor.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use model::{Batch, DType, Tensor, Value, Whole, tensor::Data};

use super::{Form, TfsError, invalid};
use crate::{
    json::encode::{elements, write_int, write_text},
    slot::integer,
};

/// Appends the answer.
pub fn encode(batch: &Batch, form: Form, out: &mut Vec<u8>) -> Result<(), TfsError> {
    let mut tensors: Vec<(&str, &Tensor)> = Vec::with_capacity(batch.values().len());
    for (name, value) in batch.values() {
        match value {
            Value::Whole(Whole::Tensor(tensor)) => tensors.push((name, tensor)),
            _ => return Err(TfsError::Unimplemented(format!("output {name}, which is no tensor, in JSON"))),
        }
    }
    match form {
        Form::Rows => rows(&tensors, out),
        Form::Columns => {
            out.extend_from_slice(b"{\"outputs\":");
            match &tensors[..] {
                [(name, tensor)] => nested(name, tensor, tensor.shape(), 0, out),
                many => {
                    out.push(b'{');
                    for (i, (name, tensor)) in many.iter().enumerate() {
                        key(i, name, out);
                        nested(name, tensor, tensor.shape(), 0, out);
                    }
                    out.push(b'}');
                }
            }
            out.push(b'}');
            Ok(())
        }
    }
}

fn rows(tensors: &[(&str, &Tensor)], out: &mut Vec<u8>) -> Result<(), TfsError> {
    let mut count = None;
    for (name, tensor) in tensors {
        let Some(&n) = tensor.shape().first() else {
            return Err(invalid(format!("Tensor name: {name} has no shape information ")));
        };
        let expected = *count.get_or_insert(n);
        if expected != n {
            let text = format!("Tensor name: {name} has inconsistent batch size: {n} expecting: {expected}");
            return Err(invalid(text));
        }
    }
    out.extend_from_slice(b"{\"predictions\":[");
    for row in 0..count.unwrap_or(0) {
        if row > 0 {
            out.push(b',');
        }
        let put = |(name, tensor): &(&str, &Tensor), out: &mut Vec<u8>| {
            let inner = &tensor.shape()[1..];
            nested(name, tensor, inner, row * inner.iter().product::<usize>(), out);
        };
        match tensors {
            [one] => put(one, out),
            many => {
                out.push(b'{');
                for (i, named) in many.iter().enumerate() {
                    key(i, named.0, out);
                    put(named, out);
                }
                out.push(b'}');
            }
        }
    }
    out.extend_from_slice(b"]}");
    Ok(())
}

fn key(i: usize, name: &str, out: &mut Vec<u8>) {
    if i > 0 {
        out.push(b',');
    }
    write_text(name.as_bytes(), out);
    out.push(b':');
}

/// Appends the elements from `begin` on as nested arrays of this shape.
fn nested(name: &str, tensor: &Tensor, shape: &[usize], begin: usize, out: &mut Vec<u8>) {
    let Some((&length, inner)) = shape.split_first() else { return element(name, tensor, begin, out) };
    let stride: usize = inner.iter().product();
    out.push(b'[');
    for i in 0..length {
        if i > 0 {
            out.push(b',');
        }
        nested(name, tensor, inner, begin + i * stride, out);
    }
    out.push(b']');
}

fn element(name: &str, tensor: &Tensor, at: usize, out: &mut Vec<u8>) {
    match tensor.data() {
        Data::Bool(e) => out.extend_from_slice(if e[at] { b"true" } else { b"false" }),
        Data::F32(e) => float32(e[at], out),
        Data::F64(e) => float64(e[at], out),
        Data::F16(e) => float(e[at].into(), |text| text.parse() == Ok(e[at].to_f32()), 9, out),
        Data::BF16(e) => float(e[at].into(), |text| text.parse() == Ok(e[at].to_f32()), 9, out),
        Data::C64(e) => {
            out.push(b'[');
            float(e[at].re.into(), |text| text.parse() == Ok(e[at].re), 9, out);
            out.push(b',');
            float(e[at].im.into(), |text| text.parse() == Ok(e[at].im), 9, out);
            out.push(b']');
        }
        // A name says which texts are bytes, not the bytes.
        Data::Bytes(e) if name.ends_with("_bytes") => {
            out.extend_from_slice(b"{\"b64\":\"");
            out.extend_from_slice(BASE64.encode(&e[at]).as_bytes());
            out.extend_from_slice(b"\"}");
        }
        Data::Bytes(e) => write_text(String::from_utf8_lossy(&e[at]).as_bytes(), out),
        _ => match &elements(tensor) {
            model::Column::Fixed(numbers) if numbers.dtype() == DType::U64 => {
                write_int(numbers.values::<u64>()[at], out);
            }
            model::Column::Fixed(numbers) => write_int(integer(numbers, at) as i64, out),
            _ => out.extend_from_slice(b"null"),
        },
    }
}

/// Appends a float32.
pub(super) fn float32(value: f32, out: &mut Vec<u8>) {
    float(value.into(), |text| text.parse() == Ok(value), 9, out);
}

/// Appends a float64.
pub(super) fn float64(value: f64, out: &mut Vec<u8>) {
    float(value, |text| text.parse() == Ok(value), 17, out);
}

/// Appends a number: with six digits where those read back, else with as many as always do; one that looks whole ends in `.0`.
fn float(value: f64, reads_back: impl Fn(&str) -> bool, digits: usize, out: &mut Vec<u8>) {
    if value.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if value.is_infinite() {
        return out.extend_from_slice(if value > 0.0 { b"Infinity" } else { b"-Infinity" });
    }
    let mut text = general(value, 6);
    if !reads_back(&text) {
        text = general(value, digits);
    }
    out.extend_from_slice(text.as_bytes());
    if !text.contains(['.', 'e']) {
        out.extend_from_slice(b".0");
    }
}

/// C's `%.{digits}g`.
fn general(value: f64, digits: usize) -> String {
    let scientific = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if exponent < -4 || exponent >= digits as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs());
    }
    trimmed(&format!("{value:.*}", (digits as i32 - 1 - exponent).max(0) as usize))
}
