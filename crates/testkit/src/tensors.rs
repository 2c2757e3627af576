//! Cases of tensor models: `case.json` with its runs, inputs and expected answers as named tensors.
//!
//! A value is `{"name","shape","datatype","data"}` with the datatypes of the Open Inference Protocol, flat in row-major order;
//! sequences (`elements`) and sequences of maps (`maps`) carry a `kind`. Texts that are not UTF-8 are `{"b64": ...}`.

use std::{path::Path, sync::Arc};

use model::{
    Batch, Call, Tensor, Whole,
    tensor::{Bytes, Data, bf16, f16},
};
use serde_json::Value;

use crate::compare::{Tolerance, is_close};

/// One run of a case: what goes in, and what has to come out.
pub struct Run {
    pub name: String,
    pub inputs: Vec<(String, Whole)>,
    /// The named values, or nothing where the oracle refuses.
    pub expected: Option<Vec<Value>>,
    /// The signature, where the case names one.
    pub signature: Option<String>,
}

/// The case of a folder.
pub struct Case {
    pub runs: Vec<Run>,
    pub tolerance: Tolerance,
    pub meta: Value,
}

impl Case {
    pub fn open(folder: &Path) -> Result<Case, String> {
        let read = |name: &str| -> Result<Value, String> {
            let bytes = std::fs::read(folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
            serde_json::from_slice(&bytes).map_err(|error| format!("{name}: {error}"))
        };
        let meta = read("case.json")?;
        let of = |name: &str, default: f64| meta["tolerance"][name].as_f64().unwrap_or(default);
        let tolerance = Tolerance { rel: of("rel", 1e-5), abs: of("abs", 1e-7) };
        let mut runs = Vec::new();
        for run in meta["runs"].as_array().into_iter().flatten() {
            let (input, expected) = (text(run, "input")?, text(run, "expected")?);
            let inputs = read(input)?;
            let inputs = inputs["tensors"].as_array().into_iter().flatten();
            let inputs: Result<Vec<_>, String> =
                inputs.map(|value| Ok((text(value, "name")?.to_owned(), whole(value)?))).collect();
            let answer = read(expected)?;
            let refused = answer.get("_error").is_some();
            runs.push(Run {
                name: input.to_owned(),
                inputs: inputs?,
                expected: (!refused).then(|| answer["tensors"].as_array().cloned().unwrap_or_default()),
                signature: run["signature"].as_str().map(str::to_owned),
            });
        }
        Ok(Case { runs, tolerance, meta })
    }
}

impl Run {
    /// Returns the call of this run.
    pub fn call(&self) -> Call {
        let mut batch = Batch::new(1);
        for (name, value) in &self.inputs {
            batch.push_whole(name.as_str(), value.clone());
        }
        Call { batch, signature: self.signature.as_deref().map(Into::into), ..Call::default() }
    }

    /// Returns where the answer differs from the expected one.
    pub fn difference(&self, answer: &Batch, tolerance: Tolerance) -> Option<String> {
        self.expected.iter().flatten().find_map(|want| {
            let name = want["name"].as_str().unwrap_or_default();
            let Some(got) = answer.whole(name) else { return Some(format!("no output {name}")) };
            difference(want, got, tolerance).map(|difference| format!("{name}: {difference}"))
        })
    }
}

fn text<'v>(value: &'v Value, key: &str) -> Result<&'v str, String> {
    value[key].as_str().ok_or_else(|| format!("no text `{key}` in {value}"))
}

/// Returns the value as a case writes it.
pub fn whole(value: &Value) -> Result<Whole, String> {
    match value["kind"].as_str() {
        None => tensor(value).map(Whole::Tensor),
        Some("none") => Ok(Whole::Absent),
        Some("sequence") => {
            let elements = value["elements"].as_array().into_iter().flatten().map(whole);
            Ok(Whole::Sequence(Arc::new(elements.collect::<Result<_, _>>()?)))
        }
        Some(kind) => Err(format!("an input of the kind {kind}")),
    }
}

fn tensor(value: &Value) -> Result<Tensor, String> {
    let dims = value["shape"].as_array().into_iter().flatten();
    let shape: Vec<usize> = dims.filter_map(Value::as_u64).map(|dim| dim as usize).collect();
    let items = value["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    let datatype = text(value, "datatype")?;
    let data: Data = match datatype {
        "BOOL" => items.iter().map(|item| item.as_bool().unwrap_or_default()).collect::<Vec<bool>>().into(),
        "INT8" => ints(items, |int| int as i8),
        "INT16" => ints(items, |int| int as i16),
        "INT32" => ints(items, |int| int as i32),
        "INT64" => ints(items, |int| int as i64),
        "UINT8" => ints(items, |int| int as u8),
        "UINT16" => ints(items, |int| int as u16),
        "UINT32" => ints(items, |int| int as u32),
        "UINT64" => ints(items, |int| int as u64),
        "FP16" => items.iter().map(|item| f16::from_f64(float(item))).collect::<Vec<_>>().into(),
        "BF16" => items.iter().map(|item| bf16::from_f64(float(item))).collect::<Vec<_>>().into(),
        "FP32" => items.iter().map(|item| float(item) as f32).collect::<Vec<_>>().into(),
        "FP64" => items.iter().map(float).collect::<Vec<_>>().into(),
        "BYTES" => items.iter().map(bytes).collect::<Result<Vec<Bytes>, _>>()?.into(),
        other => return Err(format!("the datatype {other}")),
    };
    Tensor::new(&shape, data).map_err(|error| error.to_string())
}

fn ints<T: model::tensor::Element>(items: &[Value], of: impl Fn(i128) -> T) -> Data {
    let int = |item: &Value| item.as_i64().map(i128::from).or_else(|| item.as_u64().map(i128::from));
    items.iter().map(|item| of(int(item).unwrap_or_default())).collect::<Vec<T>>().into()
}

fn float(item: &Value) -> f64 {
    match item.as_str() {
        Some("NaN") => f64::NAN,
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        _ => item.as_f64().unwrap_or_default(),
    }
}

fn bytes(item: &Value) -> Result<Bytes, String> {
    match item.as_str() {
        Some(text) => Ok(text.as_bytes().into()),
        None => base64(text(item, "b64")?).map(Into::into),
    }
}

/// Returns the bytes of a text of base 64.
fn base64(text: &str) -> Result<Vec<u8>, String> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut out, mut bits, mut have) = (Vec::new(), 0_u32, 0);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let digit = DIGITS.iter().position(|digit| *digit == byte).ok_or_else(|| format!("no base 64: {text}"))?;
        bits = bits << 6 | digit as u32;
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
            bits &= (1 << have) - 1;
        }
    }
    Ok(out)
}

/// Returns where a value differs from the expected one, in words.
pub fn difference(want: &Value, got: &Whole, tolerance: Tolerance) -> Option<String> {
    match (want["kind"].as_str(), got) {
        (None, Whole::Tensor(got)) => tensor_difference(want, got, tolerance),
        (Some("none"), Whole::Absent) => None,
        (Some("sequence"), Whole::Sequence(items)) => {
            let want = want["elements"].as_array().map(Vec::as_slice).unwrap_or_default();
            if want.len() != items.len() {
                return Some(format!("{} elements, expected {}", items.len(), want.len()));
            }
            let mut pairs = want.iter().zip(items.iter()).enumerate();
            pairs.find_map(|(i, (want, got))| Some(format!("element {i}: {}", difference(want, got, tolerance)?)))
        }
        (Some("sequence_of_maps"), Whole::Sequence(items)) => {
            let want = want["maps"].as_array().map(Vec::as_slice).unwrap_or_default();
            if want.len() != items.len() {
                return Some(format!("{} maps, expected {}", items.len(), want.len()));
            }
            let mut pairs = want.iter().zip(items.iter()).enumerate();
            pairs.find_map(|(i, (want, got))| Some(format!("map {i}: {}", map_difference(want, got, tolerance)?)))
        }
        (kind, got) => Some(format!("{}, expected {}", got.kind(), kind.unwrap_or("a tensor"))),
    }
}

fn map_difference(want: &Value, got: &Whole, tolerance: Tolerance) -> Option<String> {
    let Whole::Map(map) = got else { return Some(format!("{}, expected a map", got.kind())) };
    let parts = [("keys", &map.0), ("values", &map.1)];
    parts.into_iter().find_map(|(name, tensor)| {
        let (want, got) = (&want[name], Value::Array(elements(tensor)));
        (!is_close(want, &got, tolerance)).then(|| format!("{name} are {got}, expected {want}"))
    })
}

fn tensor_difference(want: &Value, got: &Tensor, tolerance: Tolerance) -> Option<String> {
    let expected = match tensor(want) {
        Ok(expected) => expected,
        Err(error) => return Some(format!("the case: {error}")),
    };
    if expected.dtype() != got.dtype() || expected.shape() != got.shape() {
        let (got, expected) = (Whole::Tensor(got.clone()).kind(), Whole::Tensor(expected).kind());
        return Some(format!("{got}, expected {expected}"));
    }
    let (want, got) = (elements(&expected), elements(got));
    let mut pairs = want.iter().zip(&got).enumerate();
    let place = pairs.find(|(_, (want, got))| !is_close(want, got, tolerance))?;
    Some(format!("element {} of {} is {}, expected {}", place.0, want.len(), place.1.1, place.1.0))
}

/// Returns the elements as JSON.
fn elements(tensor: &Tensor) -> Vec<Value> {
    fn all<T>(elements: &[T], of: impl Fn(&T) -> Value) -> Vec<Value> {
        elements.iter().map(of).collect()
    }
    let float = |x: f64| match x {
        x if x.is_nan() => Value::from("NaN"),
        x if x == f64::INFINITY => Value::from("Infinity"),
        x if x == f64::NEG_INFINITY => Value::from("-Infinity"),
        x => Value::from(x),
    };
    match tensor.data() {
        Data::Bool(e) => all(e, |x| Value::from(*x)),
        Data::I8(e) => all(e, |x| Value::from(*x)),
        Data::I16(e) => all(e, |x| Value::from(*x)),
        Data::I32(e) => all(e, |x| Value::from(*x)),
        Data::I64(e) => all(e, |x| Value::from(*x)),
        Data::U8(e) => all(e, |x| Value::from(*x)),
        Data::U16(e) => all(e, |x| Value::from(*x)),
        Data::U32(e) => all(e, |x| Value::from(*x)),
        Data::U64(e) => all(e, |x| Value::from(*x)),
        Data::F16(e) => all(e, |x| float(x.to_f64())),
        Data::BF16(e) => all(e, |x| float(x.to_f64())),
        Data::F32(e) => all(e, |x| float(f64::from(*x))),
        Data::F64(e) => all(e, |x| float(*x)),
        Data::C64(e) => all(e, |x| Value::from(vec![float(x.re.into()), float(x.im.into())])),
        Data::Bytes(e) => all(e, |x| Value::from(String::from_utf8_lossy(x).into_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_64_is_read() {
        assert_eq!(base64("AP9h").unwrap(), [0, 255, 97]);
        assert_eq!(base64("YQ==").unwrap(), *b"a");
        assert!(base64("a b").is_err());
    }

    #[test]
    fn a_difference_names_its_place() {
        let want = serde_json::json!({"name": "y", "shape": [2], "datatype": "FP32", "data": [1.0, "NaN"]});
        let tolerance = Tolerance { rel: 1e-3, abs: 1e-5 };
        let got = |elements: Vec<f32>| Whole::Tensor(Tensor::vector(elements));
        assert_eq!(difference(&want, &got(vec![1.0001, f32::NAN]), tolerance), None);
        let of = |whole| difference(&want, &whole, tolerance).unwrap();
        assert_eq!(of(got(vec![1.0, 2.0])), "element 1 of 2 is 2.0, expected \"NaN\"");
        assert_eq!(of(got(vec![1.0])), "float32 [1], expected float32 [2]");
        assert_eq!(of(Whole::Absent), "nothing, expected a tensor");
    }
}
