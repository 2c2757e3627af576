//! Derived fields that are one double of the caller behind additions and multiplications by constants, as exporters write the
//! scaling of a column. Such a field is NaN where the double is, and nowhere else: who judges the field judges the double.

use model::Type;

use super::{
    super::{
        error::Fault,
        fields::{DataType, Scope},
        lower::{Lowering, Value},
        xml::Element,
    },
    expression, is_expression,
    term::Work,
};

/// Returns the numbers of the derived field of this name, where it is such a field; nobody has looked for NaN in them.
pub fn scaled<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, name: &str) -> Result<Option<Value>, Fault> {
    let Some(derived) = scope.derived(name).filter(|e| e.attr("dataType") == Some("double")) else { return Ok(None) };
    let Some(body) = derived.children().find(|e| is_expression(e.name())) else { return Ok(None) };
    let Some(base) = base(body) else { return Ok(None) };
    let Some((value, _)) = scope.raw(cx, base).filter(|(value, _)| value.ty == Type::F64) else { return Ok(None) };
    let mut work = Work::new(cx, scope);
    work.raw = Some(value);
    let term = expression(&mut work, body)?;
    if term.nan || term.data != DataType::Double {
        return Ok(None);
    }
    work.value(derived, &term, base).map(Some)
}

/// Returns the name of the one field of an expression of nested arithmetic, each with a constant.
fn base(expression: Element<'_>) -> Option<&str> {
    let mut at = expression;
    while at.name() == "Apply" {
        let is_plain = at.attrs().all(|(name, _)| name == "function");
        let is_arithmetic = matches!(at.attr("function"), Some("+" | "-" | "*" | "/"));
        let mut args = at.children();
        let (Some(a), Some(b), None) = (args.next(), args.next(), args.next()) else { return None };
        at = match (a.name(), b.name()) {
            ("Constant", _) if b.name() != "Constant" => b,
            (_, "Constant") => a,
            _ => return None,
        };
        if !is_plain || !is_arithmetic {
            return None;
        }
    }
    let is_field = at.name() == "FieldRef" && at.attr("mapMissingTo").is_none();
    if is_field { at.attr("field") } else { None }
}
