//! The rows that an artifact carries with the answers it has to give.

use codec::json::{Decoder, Limits};
use model::{Call, OnFault, Predictor, Type};
use plan::{Verification, VerificationRow, Verified};
use serde_json::{Map, Value};

use super::case::as_rows;
use crate::wait;

/// Scores the rows; returns what is wrong with the first answer that is not right.
pub fn run(verification: &Verification, predictor: &dyn Predictor) -> Result<(), String> {
    let signature = &predictor.signatures()[0];
    let fields = signature.columns(None);
    let types: Vec<Option<Type>> = vec![None; fields.len()];
    let rows: Vec<Value> = verification.rows.iter().map(|row| inputs(verification, row)).collect();
    let body = serde_json::to_vec(&rows).map_err(|error| error.to_string())?;
    let limits = Limits { rows_max: rows.len().max(1), ..Limits::default() };
    let decoder = Decoder::new(&fields, &types, limits).map_err(|error| error.to_string())?;
    let decoded = decoder.rows(&body, true).map_err(|error| error.to_string())?;
    if let Some(bad) = decoded.bad.first() {
        return Err(format!("row {}: {bad}", bad.row));
    }
    let call = Call { batch: decoded.batch, on_fault: OnFault::MarkRow, ..Call::default() };
    let answer = wait::answer(predictor.call(call));
    let answers = as_rows(&answer.map_err(|error| error.to_string())?)?;
    for (number, (row, got)) in verification.rows.iter().zip(&answers).enumerate() {
        if let Some(error) = got.get("_error") {
            return Err(format!("row {number} is refused: {error}"));
        }
        for (output, want) in verification.outputs.iter().zip(&row.outputs) {
            let got = got.get(&*output.name).unwrap_or(&Value::Null);
            if let Some(want) = want
                && !is_right(output, want, got)
            {
                return Err(format!("row {number}: `{}` is {got}, expected {want}", output.name));
            }
        }
    }
    Ok(())
}

fn inputs(verification: &Verification, row: &VerificationRow) -> Value {
    let cells = verification.inputs.iter().zip(&row.inputs);
    let cells = cells.filter_map(|(name, text)| Some((name.to_string(), Value::from(&**text.as_ref()?))));
    Value::Object(cells.collect::<Map<_, _>>())
}

fn is_right(output: &Verified, want: &str, got: &Value) -> bool {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let got_number = match got {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => number(text),
        _ => None,
    };
    match (number(want), got_number) {
        (Some(want), Some(got)) if want.is_nan() || got.is_nan() => want.is_nan() && got.is_nan(),
        (Some(want), Some(got)) if want.abs() <= output.zero => got.abs() <= output.zero,
        (Some(want), Some(got)) => want == got || (got - want).abs() <= output.precision * want.abs(),
        _ => match got {
            Value::String(text) => text == want,
            Value::Bool(truth) => want.trim() == truth.to_string(),
            Value::Null => want.is_empty(),
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_right_within_their_precision_and_small_ones_are_zero() {
        let output = Verified { name: "p".into(), precision: 1e-6, zero: 1e-9 };
        let check =
            |want: &str, got: Value, right: bool| assert_eq!(is_right(&output, want, &got), right, "{want} {got}");
        check("2.0", json!(2.000001), true);
        check("2.0", json!(2.00001), false);
        check("1e-10", json!(-9e-10), true);
        check("1e-10", json!(2e-9), false);
        check("NaN", json!("NaN"), true);
        check("1", json!("1"), true);
        check("yes", json!("yes"), true);
        check("yes", json!("no"), false);
        check("true", json!(true), true);
        check("1.0", json!(null), false);
        check("", json!(null), true);
    }
}
