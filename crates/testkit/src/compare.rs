//! Is this answer the oracle's? The rule of the cases: numbers within `max(abs, rel * max(|a|, |b|))`, a NaN equals a NaN, an
//! infinity only itself, sparse and dense forms of the same numbers are equal, everything else exactly.

use serde_json::{Map, Value};

/// How far numbers may be apart.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    pub rel: f64,
    pub abs: f64,
}

/// Returns where a row differs from what the oracle gave, in words; extra columns are allowed.
pub fn row_difference(want: &Value, got: &Value, tolerance: Tolerance) -> Option<String> {
    let (Value::Object(want), Value::Object(got)) = (want, got) else {
        return Some(format!("expected a row, got {got}"));
    };
    if let Some(error) = want.get("_error") {
        return (!got.contains_key("_error")).then(|| format!("answered what the oracle refuses ({error})"));
    }
    if want.get("_skipped").is_some() {
        return (!got.contains_key("_skipped")).then(|| "kept what the oracle drops".to_owned());
    }
    if let Some(error) = got.get("_error") {
        return Some(format!("refused: {error}"));
    }
    // Besides `_target`, names with `_` say more of the oracle's answer than is asked of us.
    let asked = want.iter().filter(|(name, _)| !name.starts_with('_') || *name == "_target");
    asked.into_iter().find_map(|(name, value)| match got.get(name) {
        None => Some(format!("no output {name}")),
        Some(other) if is_close(value, other, tolerance) => None,
        Some(other) => Some(format!("{name} is {other}, expected {value}")),
    })
}

/// Returns whether two JSON values are the same answer.
pub fn is_close(want: &Value, got: &Value, tolerance: Tolerance) -> bool {
    if let (Some(a), Some(b)) = (number(want), number(got)) {
        return numbers_close(a, b, tolerance);
    }
    if let (Some(a), Some(b)) = (vector(want), vector(got)) {
        return a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| is_close(a, b, tolerance));
    }
    match (want, got) {
        (Value::Number(_), Value::String(text)) => {
            text.parse::<f64>().is_ok_and(|got| number(want).is_some_and(|want| numbers_close(want, got, tolerance)))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| is_close(v, w, tolerance)))
        }
        _ => want == got,
    }
}

fn numbers_close(a: f64, b: f64, tolerance: Tolerance) -> bool {
    if a.is_nan() || b.is_nan() {
        return a.is_nan() && b.is_nan();
    }
    if a.is_infinite() || b.is_infinite() {
        return a == b;
    }
    (a - b).abs() <= tolerance.abs.max(tolerance.rel * a.abs().max(b.abs()))
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        Value::String(s) => match s.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the elements of an array, or of a sparse vector with its zeros.
fn vector(value: &Value) -> Option<Vec<Value>> {
    /// Largest sparse vector that a case is compared in full.
    const SIZE_MAX: u64 = 1 << 22;
    match value {
        Value::Array(items) => Some(items.clone()),
        Value::Object(parts) => sparse(parts, SIZE_MAX),
        _ => None,
    }
}

fn sparse(parts: &Map<String, Value>, size_max: u64) -> Option<Vec<Value>> {
    let size = parts.get("size")?.as_u64().filter(|&n| n <= size_max)?;
    let (indices, values) = (parts.get("indices")?.as_array()?, parts.get("values")?.as_array()?);
    let mut out = vec![Value::from(0.0); size as usize];
    for (index, value) in indices.iter().zip(values) {
        *out.get_mut(index.as_u64()? as usize)? = value.clone();
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const EXACT: Tolerance = Tolerance { rel: 0.0, abs: 0.0 };

    #[test]
    fn forms_of_the_same_vector_are_equal() {
        let sparse = json!({"size": 3, "indices": [1], "values": [2.0]});
        assert!(is_close(&json!([0.0, 2.0, 0.0]), &sparse, EXACT));
        assert!(!is_close(&json!([0.0, 2.0]), &sparse, EXACT));
    }

    #[test]
    fn only_nan_equals_nan_and_null_is_no_number() {
        assert!(is_close(&json!("NaN"), &json!("NaN"), EXACT));
        assert!(!is_close(&json!("NaN"), &json!(0.0), EXACT));
        assert!(!is_close(&json!("Infinity"), &json!(1e308), Tolerance { rel: 1.0, abs: 1e300 }));
        assert!(!is_close(&json!(null), &json!(0.0), EXACT));
        assert!(is_close(&json!(1), &json!(1.0), EXACT));
    }

    #[test]
    fn refusals_and_drops_are_compared_first() {
        let refused = json!({"_error": "x"});
        assert!(row_difference(&refused, &json!({"_error": "y"}), EXACT).is_none());
        assert!(row_difference(&refused, &json!({"a": 1}), EXACT).is_some());
        assert!(row_difference(&json!({"_skipped": true}), &json!({"a": 1}), EXACT).is_some());
        assert!(row_difference(&json!({"a": 1}), &refused, EXACT).is_some());
        assert!(row_difference(&json!({"a": 1}), &json!({"a": 1, "b": 2}), EXACT).is_none());
    }
}
