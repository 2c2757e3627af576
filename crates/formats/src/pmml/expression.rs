//! EXPRESSIONs of the standard (Transformations, Functions, Built-in functions; 4.4): to typed expressions over fields.
//!
//! An expression becomes one scalar expression of the plan, however deeply it nests; what no scalar function can do (tables,
//! text indices, lags) becomes a step of its own. Functions that a document defines are written out where they are used.
//!
//! - [`term`]: typed parts and their conversions. - [`apply`]: `Apply`, `DefineFunction`. - [`functions`]: the table of
//!   built-in functions. - [`normal`]: `NormContinuous`, `NormDiscrete`, `Discretize`. - [`table`]: `MapValues`, inline tables.
//! - [`scaled`]: columns behind arithmetic with constants. - [`index`]: `TextIndex`. - [`several`]: `Aggregate`, `Lag`. - [`documented`]: what the reference page shows.

use std::sync::Arc;

use super::{
    error::Fault,
    fields::{DataType, Field, OpType, Scope},
    lower::Lowering,
    xml::Element,
};

mod apply;
mod documented;
mod functions;
mod index;
mod logic;
mod normal;
mod numbers;
mod scaled;
mod several;
mod table;
mod term;
mod texts;
mod times;

pub use documented::{Documented, documented};
pub use scaled::scaled;
pub use term::all_of;
use term::{Term, Work};

/// Returns the field that a `DerivedField` defines, of the data type that it names.
pub fn derived<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, element: Element<'d>) -> Result<Field, Fault> {
    let body = element.children().find(|e| is_expression(e.name()));
    let body = body.ok_or_else(|| element.fault("content", "an expression", "none"))?;
    let mut work = Work::new(cx, scope);
    let mut term = expression(&mut work, body)?;
    if let Some(data) = DataType::of(element)? {
        // A constant by itself has the type that its text has.
        term.literal = None;
        term = work.cast(element, term, data)?;
    }
    let name = element.attr("name").unwrap_or("derived");
    let mut field = work.finish(element, term, name)?;
    field.op = OpType::of(element, field.data)?;
    let listed: Vec<String> = element.all("Value").filter_map(|v| v.attr("value")).map(str::to_owned).collect();
    if !listed.is_empty() {
        field.categories = Arc::from(listed);
    }
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
    let mut work = Work::new(cx, scope);
    let term = expression(&mut work, element)?;
    work.finish(element, term, element.name())
}

/// Returns the field as another data type; a value that does not fit refuses its row.
pub fn cast<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    at: Element<'d>,
    field: &Field,
    to: DataType,
) -> Result<Field, Fault> {
    if field.data == to {
        return Ok(field.clone());
    }
    let mut work = Work::new(cx, scope);
    let term = work.input(&field.value, field.data);
    let term = work.cast(at, term, to)?;
    let cast = work.finish(at, term, "cast")?;
    Ok(Field { op: field.op, ..cast })
}

/// Returns the term of an expression.
fn expression<'d>(work: &mut Work<'_, '_, '_, 'd>, element: Element<'d>) -> Result<Term, Fault> {
    match element.name() {
        "Constant" => constant(work, element),
        "FieldRef" => field_ref(work, element),
        "Apply" => apply::lower(work, element),
        "NormContinuous" => normal::continuous(work, element),
        "NormDiscrete" => normal::discrete(work, element),
        "Discretize" => normal::discretize(work, element),
        "MapValues" => table::map_values(work, element),
        "TextIndex" => index::lower(work, element),
        "Aggregate" => several::aggregate(work, element),
        "Lag" => several::lag(work, element),
        _ => Err(element.unimplemented("this expression")),
    }
}

/// Returns the expression inside of an element, which has to be there.
fn inner<'d>(work: &mut Work<'_, '_, '_, 'd>, element: Element<'d>) -> Result<Term, Fault> {
    let body = element.children().find(|e| is_expression(e.name()));
    let body = body.ok_or_else(|| element.fault("content", "an expression", "none"))?;
    expression(work, body)
}

fn constant<'d>(work: &Work<'_, '_, '_, 'd>, element: Element<'d>) -> Result<Term, Fault> {
    let data = DataType::of(element)?;
    if element.bool("missing", false)? {
        return Ok(Term::missing(data.unwrap_or(DataType::String)));
    }
    let text = element.text();
    let Some(data) = data else {
        return Ok(work.meant(text).unwrap_or_else(|| Term::literal(text)));
    };
    // An empty constant is an empty text; of another type, a missing value.
    if text.is_empty() && data != DataType::String {
        return Ok(Term::missing(data));
    }
    let scalar = data.constant(text);
    let scalar =
        scalar.ok_or_else(|| element.fault("content", format!("a value of type {}", term::name(data)), text))?;
    Ok(Term::constant(scalar, data))
}

fn field_ref<'d>(work: &mut Work<'_, '_, '_, 'd>, element: Element<'d>) -> Result<Term, Fault> {
    let term = work.field(element, element.required("field")?)?;
    match element.attr("mapMissingTo") {
        Some(text) => work.or_text(element, term, text),
        None => Ok(term),
    }
}
