//! What the mining schema does to values besides judging them (Mining Schema, 4.4).

use model::DType;
use plan::{
    Expr, Func,
    expr::{Compare, Math},
};

use super::Field;
use crate::pmml::{
    error::Fault,
    lower::{Lowering, Value},
    xml::Element,
};

/// Returns a field that has to be there: a row is refused where it is missing, in the block that asks.
pub fn there(cx: &mut Lowering<'_>, at: Element<'_>, field: Field) -> Result<Field, Fault> {
    let ty = field.value.ty.clone();
    let value = cx.once(format!("there {:?}", field.value), |cx| {
        let refuse = Expr::Call(Func::Refuse("a result that is not missing, for what is made of it", ty), Vec::new());
        cx.expr(at, Expr::call(Func::Coalesce, [Expr::Input(0), refuse]), &[&field.value], "given")
    })?;
    Ok(Field { value, ..field })
}

/// Returns whether a mining field leaves values as they are, but that some may be refused.
pub fn is_plain(mining: Element<'_>) -> bool {
    let is = |attr, values: &[&str]| mining.attr(attr).is_none_or(|value| values.contains(&value));
    is("invalidValueTreatment", &["returnInvalid", "asIs"])
        && is("outliers", &["asIs"])
        && mining.attr("invalidValueReplacement").or(mining.attr("missingValueReplacement")).is_none()
}

/// Returns the field, what lies outside of its bounds treated; only valid values are outliers.
pub fn outliers(
    cx: &mut Lowering<'_>,
    mining: Element<'_>,
    field: Field,
    valid: Option<&Value>,
) -> Result<Field, Fault> {
    let treatment = mining.attr("outliers").unwrap_or("asIs");
    if treatment == "asIs" || !field.value.ty.as_scalar().is_some_and(DType::is_number) {
        return Ok(field);
    }
    let mut expr = Expr::Input(0);
    let mut field = field;
    for (name, compare) in [("lowValue", Compare::Lt), ("highValue", Compare::Gt)] {
        let Some(text) = mining.attr(name) else { continue };
        let bound = field.constant(text).ok_or_else(|| mining.fault(name, "a value of the field's type", text))?;
        let instead = match treatment {
            "asMissingValues" => Expr::null(field.value.ty.clone()),
            "asExtremeValues" => Expr::Const(bound.clone()),
            other => return Err(mining.fault("attribute outliers", "asIs, asMissingValues or asExtremeValues", other)),
        };
        let is_outside = Expr::call(compare, [Expr::Input(0), Expr::Const(bound)]);
        let nan = field.value.ty.as_scalar().is_some_and(DType::is_float);
        let is_number = Expr::call(Math::IsNaN, [Expr::Input(0)]);
        let is_outside =
            if nan { Expr::call(Func::And, [Expr::call(Func::Not, [is_number]), is_outside]) } else { is_outside };
        expr = Expr::call(Func::If, [is_outside, instead, expr]);
    }
    let name = mining.required("name")?;
    field.value = match valid {
        None => cx.expr(mining, expr, &[&field.value], name)?,
        Some(valid) => {
            let expr = Expr::call(Func::If, [Expr::Input(1), expr, Expr::Input(0)]);
            cx.expr(mining, expr, &[&field.value, valid], name)?
        }
    };
    Ok(field)
}
