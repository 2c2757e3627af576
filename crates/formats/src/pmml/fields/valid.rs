//! Which values the data dictionary calls valid.

use std::{collections::HashSet, sync::Arc};

use model::{DType, Type};
use plan::{EncodeOp, Expr, FindTable, Func, Scalar, expr::Math};

use super::{
    super::{
        error::Fault,
        expression,
        lower::{Lowering, Value},
        xml::Element,
    },
    DataField, Field, OpType,
};

/// Returns whether input 0 is any of the constants.
pub(super) fn is_any(constants: Vec<Scalar>) -> Expr {
    let args = std::iter::once(Expr::Input(0)).chain(constants.into_iter().map(Expr::Const));
    Expr::Call(Func::In, args.collect())
}

/// Returns whether every value of the field is valid but NaN.
pub(super) fn only_nan_is_invalid(data: &DataField<'_>, field: &Field) -> bool {
    let is_float = field.value.ty.as_scalar().is_some_and(DType::is_float);
    is_float
        && data.categories.is_empty()
        && data.element.all("Interval").next().is_none()
        && data.values("invalid").is_empty()
}

/// Returns whether the field's value is valid, null where it is missing; nothing where every value is.
pub fn valid_test(cx: &mut Lowering<'_>, data: &DataField<'_>, field: &Field) -> Result<Option<Value>, Fault> {
    let element = data.element;
    let (mut ways, mut inputs) = (Vec::new(), vec![field.value.clone()]);
    let numeric = field.value.ty.as_scalar().is_some_and(DType::is_number);
    for interval in element.all("Interval").filter(|_| field.op == OpType::Continuous && numeric) {
        ways.push(inside(interval)?);
    }
    // What a continuous field lists besides its intervals is valid as well.
    if !data.categories.is_empty() {
        let constants: Vec<Scalar> = data.categories.iter().filter_map(|text| data.data.constant(text)).collect();
        ways.push(match listed(cx, element, field, &constants)? {
            Some(value) => {
                inputs.push(value);
                Expr::Input(1)
            }
            None => is_any(constants),
        });
    }
    let mut tests: Vec<Expr> = expression::all_of(&Func::Or, ways).into_iter().collect();
    if field.value.ty.as_scalar().is_some_and(DType::is_float) {
        tests.push(Expr::call(Func::Not, [Expr::call(Math::IsNaN, [Expr::Input(0)])]));
    }
    let invalid = data.values("invalid");
    if !invalid.is_empty() {
        tests.push(Expr::call(Func::Not, [is_any(invalid)]));
    }
    let Some(test) = expression::all_of(&Func::And, tests) else { return Ok(None) };
    cx.expr(element, test, &inputs.iter().collect::<Vec<_>>(), "valid").map(Some)
}

/// Returns whether a field's value is among many constants, found by hashing; nothing where they are few or floats.
fn listed(cx: &mut Lowering<'_>, at: Element<'_>, field: &Field, constants: &[Scalar]) -> Result<Option<Value>, Fault> {
    const FEW: usize = 16;
    if constants.len() <= FEW || !matches!(field.value.ty.as_scalar(), None | Some(DType::I64)) {
        return Ok(None);
    }
    let mut seen = HashSet::new();
    let keys: Arc<[Scalar]> = constants.iter().filter(|c| seen.insert(c.to_string())).cloned().collect();
    let values: Arc<[Scalar]> = keys.iter().map(|_| Scalar::Bool(true)).collect();
    let table = FindTable { keys: vec![keys], values, ty: Type::BOOL };
    let found = cx.one(at, EncodeOp::Find(Arc::new(table)), &[&field.value], "listed")?;
    let known = Expr::call(Func::Coalesce, [Expr::Input(1), Expr::Const(Scalar::Bool(false))]);
    let null = Expr::call(Func::IsNull, [Expr::Input(0)]);
    let test = Expr::call(Func::If, [null, Expr::null(Type::BOOL), known]);
    cx.expr(at, test, &[&field.value, &found], "listed").map(Some)
}

/// Returns whether input 0, a number, lies in an interval.
pub fn inside(interval: Element<'_>) -> Result<Expr, Fault> {
    let closure = interval.attr("closure").unwrap_or("closedClosed");
    let (left, right) = match closure {
        "openOpen" => (Func::Lt, Func::Lt),
        "openClosed" => (Func::Lt, Func::Le),
        "closedOpen" => (Func::Le, Func::Lt),
        "closedClosed" => (Func::Le, Func::Le),
        other => {
            return Err(interval.fault("attribute closure", "openOpen, openClosed, closedOpen or closedClosed", other));
        }
    };
    let x = || Expr::call(Func::ToF64, [Expr::Input(0)]);
    let left = interval.f64("leftMargin")?.map(|margin| Expr::call(left, [Expr::f64(margin), x()]));
    let right = interval.f64("rightMargin")?.map(|margin| Expr::call(right, [x(), Expr::f64(margin)]));
    Ok(match (left, right) {
        (Some(left), Some(right)) => Expr::call(Func::And, [left, right]),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => Expr::Const(Scalar::Bool(true)),
    })
}

/// Returns whether a number lies in an interval.
pub fn holds(interval: Element<'_>, x: f64) -> Result<bool, Fault> {
    let (left, right) = (interval.f64("leftMargin")?, interval.f64("rightMargin")?);
    let closure = interval.attr("closure").unwrap_or("closedClosed");
    let (left_open, right_open) = (closure.starts_with("open"), closure.ends_with("Open"));
    Ok(left.is_none_or(|l| l < x || (!left_open && l == x)) && right.is_none_or(|r| x < r || (!right_open && r == x)))
}
