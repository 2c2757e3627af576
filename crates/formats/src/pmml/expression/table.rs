//! `MapValues`, and inline tables.
//!
//! A table is found by hashing, however many rows it has. A cell that does not read as the type of the field it is compared
//! with is never found; a row that several others equal refuses who asks for it.

use std::sync::Arc;

use plan::{EncodeOp, Expr, FindTable, Func, Scalar};

use super::{
    super::{error::Fault, fields::DataType, xml::Element},
    term::{Term, Work, all_of, name},
};

/// Most fields that one table is found by.
const FIELDS_MAX: usize = 100;

/// Returns the rows of the inline table inside of an element; a table that lies elsewhere is refused.
pub fn rows<'d>(at: Element<'d>) -> Result<impl Iterator<Item = Element<'d>>, Fault> {
    match (at.child("InlineTable"), at.child("TableLocator")) {
        (Some(table), _) => Ok(table.all("row")),
        (None, Some(locator)) => {
            Err(locator.unimplemented("a table that is not in the document; put it into an InlineTable"))
        }
        (None, None) => Err(at.fault("content", "an InlineTable", "none")),
    }
}

/// Returns the text of a row's cell; a column is known with its prefix and without.
pub fn cell<'d>(row: Element<'d>, column: &str) -> Option<&'d str> {
    let local = |name: &str| name.rsplit_once(':').map_or(0, |(prefix, _)| prefix.len() + 1);
    let exact = row.children().find(|cell| cell.name() == column);
    let found = exact.or_else(|| {
        let wanted = &column[local(column)..];
        row.children().find(|cell| cell.name()[local(cell.name())..] == *wanted)
    });
    found.map(Element::text)
}

/// The value in the row whose cells are the fields' values.
pub fn map_values<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>) -> Result<Term, Fault> {
    let data = DataType::of(at)?.unwrap_or(DataType::String);
    let output = at.required("outputColumn")?;
    let mut fields = Vec::new();
    for pair in at.all("FieldColumnPair") {
        let term = work.field(pair, pair.required("field")?)?;
        fields.push((work.leaf(pair, term)?, pair.required("column")?));
    }
    if !(1..=FIELDS_MAX).contains(&fields.len()) {
        let expected = format!("1 to {FIELDS_MAX} elements FieldColumnPair");
        return Err(at.fault("content", expected, fields.len().to_string()));
    }
    let or_null = |name: &'static str| match at.attr(name) {
        Some(text) => constant(at, name, data, text).map(Expr::Const),
        None => Ok(Expr::null(data.ty())),
    };
    let (default, missing) = (or_null("defaultValue")?, or_null("mapMissingTo")?);
    let mut keys: Vec<Vec<Scalar>> = vec![Vec::new(); fields.len()];
    let mut values = Vec::new();
    for row in rows(at)? {
        for (keys, (field, column)) in keys.iter_mut().zip(&fields) {
            let key = cell(row, column).and_then(|text| field.data.constant(text));
            keys.push(key.unwrap_or_else(|| Scalar::Null(field.data.ty())));
        }
        values.push(match cell(row, output) {
            Some(text) => constant(row, "outputColumn", data, text)?,
            None => Scalar::Null(data.ty()),
        });
    }
    let table = FindTable { keys: keys.into_iter().map(Arc::from).collect(), values: values.into(), ty: data.ty() };
    let mut inputs = Vec::with_capacity(fields.len());
    for (field, column) in &fields {
        inputs.push(work.value(at, field, column)?);
    }
    let found = work.cx.one(at, EncodeOp::Find(Arc::new(table)), &inputs.iter().collect::<Vec<_>>(), output)?;
    let found = work.input(&found, data);
    let any = all_of(&Func::Or, fields.iter().map(|(field, _)| field.is_missing()).collect());
    let any = any.unwrap_or_else(|| unreachable!("there is a field"));
    let known = Expr::call(Func::Coalesce, [found.expr, default]);
    Ok(Term::sound(Expr::call(Func::If, [any, missing, known]), data))
}

fn constant(at: Element<'_>, attribute: &str, data: DataType, text: &str) -> Result<Scalar, Fault> {
    let scalar = data.constant(text);
    scalar.ok_or_else(|| at.fault(attribute, format!("a value of type {}", name(data)), text))
}
