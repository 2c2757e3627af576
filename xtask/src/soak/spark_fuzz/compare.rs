//! How far an answer is from Spark's.

use serde_json::{Map, Value};

/// How far numbers may be apart: `|got - want| <= max(abs, rel * max(|got|, |want|))`.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    pub rel: f64,
    pub abs: f64,
}

/// The largest distance of a number of the answer from Spark's, in both measures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Distance {
    pub rel: f64,
    pub abs: f64,
    /// The largest of the smaller measure of each number.
    pub nearer: f64,
}

impl Distance {
    /// Returns whether every number has Spark's bits.
    pub fn is_none(self) -> bool {
        self.nearer == 0.0
    }

    /// Where the tolerances differ, no number may be over both; here both are the same or the stricter is asked.
    pub fn is_within(self, tolerance: Tolerance) -> bool {
        self.nearer <= tolerance.rel.max(tolerance.abs)
    }

    pub fn max(self, other: Distance) -> Distance {
        Distance { rel: self.rel.max(other.rel), abs: self.abs.max(other.abs), nearer: self.nearer.max(other.nearer) }
    }

    fn of(want: f64, got: f64) -> Option<Distance> {
        if want.is_nan() || got.is_nan() {
            return (want.is_nan() && got.is_nan()).then(Distance::default);
        }
        if want.is_infinite() || got.is_infinite() {
            return (want == got).then(Distance::default);
        }
        if want == got {
            return (want.to_bits() == got.to_bits() || want != 0.0).then(Distance::default);
        }
        let abs = (want - got).abs();
        let rel = abs / want.abs().max(got.abs());
        Some(Distance { rel, abs, nearer: abs.min(rel) })
    }
}

/// Returns how far the answer is; nothing where it is another one: of another kind, length, text, or sign of zero.
pub fn distance(want: &Value, got: &Value) -> Option<Distance> {
    if let (Some(want), Some(got)) = (number(want), number(got)) {
        return Distance::of(want, got);
    }
    match (want, got) {
        (Value::Array(want), Value::Array(got)) => all(want, got),
        (Value::Object(want), Value::Object(got)) => match (sparse(want), sparse(got)) {
            (Some(want), Some(got)) => all(&want, &got),
            _ => {
                let mut pairs = want.iter().map(|(key, want)| distance(want, got.get(key)?));
                pairs.try_fold(Distance::default(), |farthest, pair| Some(farthest.max(pair?)))
            }
        },
        (Value::Object(want), Value::Array(got)) => all(&sparse(want)?, got),
        (Value::Array(want), Value::Object(got)) => all(want, &sparse(got)?),
        _ => (want == got).then(Distance::default),
    }
}

/// Returns how far the answer is of a transform whose sums run over the whole vector: what large elements leave where they cancel
/// each other is no element's own, so a difference counts by the vector's largest element; and of what is not finite, whether it
/// is NaN or which infinity depends on the order of the sums alone.
pub fn distance_in_vector(want: &Value, got: &Value) -> Option<Distance> {
    let (Value::Array(wants), Value::Array(gots)) = (want, got) else { return distance(want, got) };
    let numbers = |values: &[Value]| values.iter().map(number).collect::<Option<Vec<f64>>>();
    let (wants, gots) = (numbers(wants)?, numbers(gots)?);
    if wants.len() != gots.len() {
        return None;
    }
    let finite = wants.iter().filter(|value| value.is_finite());
    let largest = finite.fold(0.0, |largest: f64, value| largest.max(value.abs()));
    wants.iter().zip(&gots).try_fold(Distance::default(), |farthest, (want, got)| {
        if !want.is_finite() || !got.is_finite() {
            return (!want.is_finite() && !got.is_finite()).then_some(farthest);
        }
        let of = Distance::of(*want, *got)?;
        let rel = if of.is_none() { 0.0 } else { of.abs / largest };
        Some(farthest.max(Distance { rel, nearer: of.abs.min(rel), ..of }))
    })
}

fn all(want: &[Value], got: &[Value]) -> Option<Distance> {
    if want.len() != got.len() {
        return None;
    }
    want.iter().zip(got).try_fold(Distance::default(), |farthest, (want, got)| Some(farthest.max(distance(want, got)?)))
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

/// Returns a sparse vector with its zeros, where the object is one.
fn sparse(object: &Map<String, Value>) -> Option<Vec<Value>> {
    let size = object.get("size")?.as_u64().filter(|&size| size <= 1 << 22)?;
    let (indices, values) = (object.get("indices")?.as_array()?, object.get("values")?.as_array()?);
    let mut dense = vec![Value::from(0.0); size as usize];
    for (index, value) in indices.iter().zip(values) {
        *dense.get_mut(index.as_u64()? as usize)? = value.clone();
    }
    Some(dense)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(want: Value, got: Value, expected: Option<f64>) {
        assert_eq!(distance(&want, &got).map(|d| d.nearer), expected, "{want} {got}");
    }

    #[test]
    fn numbers_are_as_far_as_their_nearer_measure() {
        check(json!(2.0), json!(2), Some(0.0));
        check(json!(2e10), json!(1e10), Some(0.5));
        check(json!(0.25), json!(0.0), Some(0.25));
        check(json!([1.0, 0.5]), json!([1.0, 0.25]), Some(0.25));
    }

    #[test]
    fn what_cancels_counts_by_the_largest_element() {
        let far = |want: Value, got: Value| distance_in_vector(&want, &got).map(|d| d.nearer);
        assert_eq!(far(json!([1e300, 3.0]), json!([1e300, -5.0])), Some(8e-300));
        assert_eq!(far(json!([2.0, 1.0]), json!([2.0, 0.0])), Some(0.5));
        assert_eq!(far(json!(["NaN", 1.0]), json!(["Infinity", 1.0])), Some(0.0));
        assert_eq!(far(json!(["NaN", 1.0]), json!([0.0, 1.0])), None);
        assert_eq!(far(json!([1.0]), json!([1.0, 1.0])), None);
    }

    #[test]
    fn other_answers_are_not_far_but_other() {
        check(json!("NaN"), json!(0.0), None);
        check(json!("Infinity"), json!(1e308), None);
        check(json!(0.0), json!(-0.0), None);
        check(json!(null), json!(0.0), None);
        check(json!("a"), json!("b"), None);
        check(json!([1.0]), json!([1.0, 2.0]), None);
    }

    #[test]
    fn forms_of_a_vector_are_one() {
        let sparse = json!({"size": 3, "indices": [1], "values": [2.0]});
        check(sparse.clone(), json!([0.0, 2.0, 0.0]), Some(0.0));
        check(json!([0.0, 2.0, 0.0]), sparse.clone(), Some(0.0));
        check(sparse, json!([0.0, 2.0]), None);
    }
}
