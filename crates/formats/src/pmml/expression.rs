//! EXPRESSIONs of the standard (Transformations, Functions): to typed expressions over fields.

use super::{
    error::Fault,
    fields::{DataType, Field, OpType, Scope},
    lower::Lowering,
    xml::Element,
};

/// Returns the field that a `DerivedField` defines, of the data type that it names.
pub fn derived<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, element: Element<'d>) -> Result<Field, Fault> {
    let body = element.children().find(|e| is_expression(e.name()));
    let body = body.ok_or_else(|| element.fault("content", "an expression", "none"))?;
    let mut field = lower(cx, scope, body)?;
    if let Some(data) = DataType::of(element)? {
        field.value = cx.cast(element, &field.value, data.ty())?;
        field.data = data;
    }
    field.op = OpType::of(element, field.data)?;
    Ok(field)
}

/// Returns whether an element of this name is an expression.
pub fn is_expression(name: &str) -> bool {
    matches!(
        name,
        "Constant"
            | "FieldRef"
            | "NormContinuous"
            | "NormDiscrete"
            | "Discretize"
            | "MapValues"
            | "TextIndex"
            | "Apply"
            | "Aggregate"
            | "Lag"
    )
}

/// Returns the value of an expression.
pub fn lower<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, element: Element<'d>) -> Result<Field, Fault> {
    match element.name() {
        "FieldRef" => scope.field(cx, element, element.required("field")?),
        _ => Err(element.unimplemented("this expression")),
    }
}
