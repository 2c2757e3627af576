//! Whether an answer is the expected one, within a tolerance.

use serde_json::{Map, Value};

/// How far numbers may be apart: `|got - want| <= max(abs, rel * max(|got|, |want|))`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    pub rel: f64,
    pub abs: f64,
}

impl Default for Tolerance {
    fn default() -> Tolerance {
        Tolerance { rel: 1e-9, abs: 1e-12 }
    }
}

/// Returns what is wrong with a row, or nothing. Columns that are not expected are passed over.
pub fn row(want: &Value, got: &Value, tolerance: Tolerance) -> Option<String> {
    let has = |value: &Value, key: &str| value.get(key).is_some();
    if has(want, "_skipped") {
        return (!has(got, "_skipped")).then(|| "kept, expected to be dropped".to_owned());
    }
    if has(want, "_error") {
        return (!has(got, "_error")).then(|| format!("answered, expected to be refused ({})", short(&want["_error"])));
    }
    if has(got, "_error") {
        return Some(format!("refused: {}", short(&got["_error"])));
    }
    // Names with `_` say more of the other tool's answer than is asked; but so is the result without a name called.
    let asked = want.as_object()?.iter().filter(|(name, _)| !name.starts_with('_') || *name == "_target");
    asked.into_iter().find_map(|(name, value)| {
        let Some(answer) = got.get(name) else { return Some(format!("no output `{name}`")) };
        let differs = !close(value, answer, tolerance);
        differs.then(|| format!("`{name}` is {}, expected {}", short(answer), short(value)))
    })
}

/// Returns whether two values are the same within the tolerance; dense and sparse forms of the same numbers are.
pub fn close(want: &Value, got: &Value, tolerance: Tolerance) -> bool {
    if let (Some(want), Some(got)) = (number(want), number(got)) {
        return close_numbers(want, got, tolerance);
    }
    match (want, got) {
        (Value::Array(want), Value::Array(got)) => {
            want.len() == got.len() && want.iter().zip(got).all(|(want, got)| close(want, got, tolerance))
        }
        (Value::Object(want), Value::Object(got)) => match (sparse(want), sparse(got)) {
            (Some(want), Some(got)) => close(&want, &got, tolerance),
            _ => want.iter().all(|(key, want)| got.get(key).is_some_and(|got| close(want, got, tolerance))),
        },
        (Value::Object(want), Value::Array(_)) => sparse(want).is_some_and(|want| close(&want, got, tolerance)),
        (Value::Array(_), Value::Object(got)) => sparse(got).is_some_and(|got| close(want, &got, tolerance)),
        (want, got) => want == got,
    }
}

fn close_numbers(want: f64, got: f64, Tolerance { rel, abs }: Tolerance) -> bool {
    if want.is_nan() || got.is_nan() {
        return want.is_nan() && got.is_nan();
    }
    if want.is_infinite() || got.is_infinite() {
        return want == got;
    }
    (got - want).abs() <= abs.max(rel * got.abs().max(want.abs()))
}

/// Returns the number that the value is, the special ones by name.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// Returns a sparse vector as an array, where the object is one.
fn sparse(object: &Map<String, Value>) -> Option<Value> {
    const SIZE_MAX: u64 = 1 << 24;
    let size = object.get("size")?.as_u64().filter(|size| *size <= SIZE_MAX)?;
    let mut dense = vec![Value::from(0.0); size as usize];
    for (index, value) in object.get("indices")?.as_array()?.iter().zip(object.get("values")?.as_array()?) {
        *dense.get_mut(usize::try_from(index.as_u64()?).ok()?)? = value.clone();
    }
    Some(Value::Array(dense))
}

/// Returns the value as text that fits a line.
fn short(value: &Value) -> String {
    const CHARS_MAX: usize = 80;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match text.char_indices().nth(CHARS_MAX) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(want: Value, got: Value, expected: Option<&str>) {
        let got = row(&want, &got, Tolerance { rel: 1e-9, abs: 1e-12 });
        assert_eq!(got.as_deref(), expected);
    }

    #[test]
    fn numbers_within_the_tolerance_are_equal() {
        check(json!({"x": 1.0}), json!({"x": 1.0000000001, "more": 1}), None);
        check(json!({"x": 1.0}), json!({"x": 1.00000001}), Some("`x` is 1.00000001, expected 1.0"));
        check(json!({"x": "NaN"}), json!({"x": "NaN"}), None);
        check(json!({"x": "Infinity"}), json!({"x": 1e308}), Some("`x` is 1e+308, expected Infinity"));
        check(json!({"x": 1}), json!({"x": true}), Some("`x` is true, expected 1"));
        check(json!({"x": null}), json!({"x": 0}), Some("`x` is 0, expected null"));
        check(json!({"x": 1}), json!({}), Some("no output `x`"));
        check(json!({"_target": "a"}), json!({"_target": "b"}), Some("`_target` is b, expected a"));
        check(json!({"_probabilities": [1.0]}), json!({}), None);
    }

    #[test]
    fn forms_of_a_vector_are_equal_and_lengths_are_not() {
        let sparse = json!({"x": {"size": 3, "indices": [1], "values": [2.0]}});
        check(sparse.clone(), json!({"x": [0.0, 2.0, 0.0]}), None);
        check(json!({"x": [0, 2, 0]}), sparse.clone(), None);
        check(
            sparse,
            json!({"x": [0.0, 2.0]}),
            Some("`x` is [0.0,2.0], expected {\"size\":3,\"indices\":[1],\"values\":[2.0]}"),
        );
        check(
            json!({"x": {"size": 9e18 as u64, "indices": [], "values": []}}),
            json!({"x": []}),
            Some("`x` is [], expected {\"size\":9000000000000000000,\"indices\":[],\"values\":[]}"),
        );
    }

    #[test]
    fn refused_and_dropped_rows_have_to_be() {
        check(json!({"_error": "unseen"}), json!({"_error": "another text"}), None);
        check(json!({"_error": "unseen"}), json!({"x": 1}), Some("answered, expected to be refused (unseen)"));
        check(json!({"_skipped": true}), json!({"x": 1}), Some("kept, expected to be dropped"));
        check(json!({"x": 1}), json!({"_error": "no"}), Some("refused: no"));
    }
}
