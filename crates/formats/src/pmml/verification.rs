//! `ModelVerification`: the rows that a document carries with the answers it has to give (Verification, 4.4).

use std::collections::HashMap;

use plan::{Verification, VerificationRow, Verified};

use super::{error::Fault, xml::Element};

/// Relative error that a verification field allows where it does not say.
const PRECISION: f64 = 1e-6;
/// Size below which a number is zero, where the field does not say.
const ZERO: f64 = 1e-16;

/// Returns the rows of the model, for these inputs and outputs; nothing where it carries none.
pub fn read(
    model: Element<'_>,
    inputs: &[String],
    outputs: &[String],
) -> Result<Option<(Verification, Vec<String>)>, Fault> {
    let Some(element) = model.child("ModelVerification") else { return Ok(None) };
    let mut verification = Verification::default();
    let (mut columns_in, mut columns_out) = (Vec::new(), Vec::new());
    let mut unknown = Vec::new();
    for field in element.required_child("VerificationFields")?.all("VerificationField") {
        let name = field.required("field")?;
        let column = field.attr("column").unwrap_or(name);
        if inputs.iter().any(|input| input == name) {
            verification.inputs.push(name.into());
            columns_in.push(column);
        } else if outputs.iter().any(|output| output == name) {
            let precision = field.f64("precision")?.unwrap_or(PRECISION);
            let zero = field.f64("zeroThreshold")?.unwrap_or(ZERO);
            verification.outputs.push(Verified { name: name.into(), precision, zero });
            columns_out.push(column);
        } else {
            unknown.push(format!("verification field `{name}` is neither an input nor an output and is not looked at"));
        }
    }
    for row in element.required_child("InlineTable")?.all("row") {
        let cells: HashMap<&str, &str> = row.children().map(|cell| (cell.name(), cell.text())).collect();
        let of = |columns: &[&str]| columns.iter().map(|column| cells.get(column).map(|text| (*text).into())).collect();
        verification.rows.push(VerificationRow { inputs: of(&columns_in), outputs: of(&columns_out) });
    }
    if let Some(count) = element.usize("recordCount")?
        && count != verification.rows.len()
    {
        return Err(element.fault("recordCount", format!("{} rows", verification.rows.len()), count.to_string()));
    }
    Ok(Some((verification, unknown)))
}
