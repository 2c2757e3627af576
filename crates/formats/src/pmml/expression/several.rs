//! `Aggregate`, of the items of a list; `Lag`, of the rows of a call (Transformations, 4.4).
//!
//! A record is scored by itself: what the standard groups is taken as grouped before, so an aggregated field holds a list, and
//! `groupField` and `sqlWhere` say only how it was made. A lag sees the rows of the call as one stream, in their order.

use model::Type;
use plan::{
    Expr, Func, StreamOp,
    expr::{Cast, CastRule, Stat},
};

use super::{
    super::{error::Fault, fields::DataType, xml::Element},
    term::{Term, Work},
};

/// Returns the statistic of a list's items that are not missing.
pub fn aggregate<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>) -> Result<Term, Fault> {
    let name = at.required("field")?;
    let field = work.scope.field(work.cx, at, name)?;
    let Type::List(item) = field.value.ty.clone() else {
        return Err(at.fault("attribute field", "a field of the data dictionary, which brings lists", name));
    };
    let list = work.input(&field.value, field.data).expr;
    let double = DataType::Double;
    let refuse = |what: &'static str, data: DataType| Expr::Call(Func::Refuse(what, data.ty()), Vec::new());
    let function = at.required("function")?;
    let (stat, data) = match function {
        "count" => (Stat::Count, DataType::Integer),
        "sum" => (Stat::Sum, field.data),
        "average" if field.data == DataType::Integer => (Stat::Mean, double),
        "average" => (Stat::Mean, field.data),
        "min" => (Stat::Min, field.data),
        "max" => (Stat::Max, field.data),
        "multiset" => {
            let instead = refuse("no multiset: a list is no value that a model computes with", double);
            let expr = Expr::call(Func::If, [null(&list), Expr::null(double.ty()), instead]);
            return Ok(Term::sound(expr, double));
        }
        other => return Err(at.fault("attribute function", "count, sum, average, min, max or multiset", other)),
    };
    if !field.data.is_number() {
        return Err(at.unimplemented(format!("{function} of values that are no numbers")));
    }
    let numbers = match *item == Type::F64 {
        true => list.clone(),
        false => Expr::call(Cast::new(Type::list(Type::F64), CastRule::Legacy), [list.clone()]),
    };
    let mut value = Expr::call(stat, [numbers]);
    value = match data {
        DataType::Integer => Expr::call(Func::ToI64, [value]),
        DataType::Float => Expr::call(Func::ToF32, [value]),
        _ => value,
    };
    if matches!(stat, Stat::Min | Stat::Max) {
        value = Expr::call(Func::Coalesce, [value, refuse("a list with an item that is not missing", data)]);
    }
    let expr = Expr::call(Func::If, [null(&list), Expr::null(data.ty()), value]);
    Ok(Term::new(expr, data))
}

fn null(expr: &Expr) -> Expr {
    Expr::call(Func::IsNull, [expr.clone()])
}

/// Returns a field's value some rows before, or a statistic of its last values.
pub fn lag<'d>(work: &mut Work<'_, '_, '_, 'd>, at: Element<'d>) -> Result<Term, Fault> {
    let field = work.field(at, at.required("field")?)?;
    let n = at.usize("n")?.unwrap_or(1);
    let n = u32::try_from(n).ok().filter(|n| *n > 0);
    let n = n.ok_or_else(|| at.fault("attribute n", "a number of rows from 1 on", at.attr("n").unwrap_or_default()))?;
    let of = match at.attr("aggregate").unwrap_or("none") {
        "none" => None,
        "avg" => Some(Stat::Mean),
        "max" => Some(Stat::Max),
        "median" => Some(Stat::Median),
        "min" => Some(Stat::Min),
        "product" => Some(Stat::Product),
        "sum" => Some(Stat::Sum),
        "stddev" => Some(Stat::Deviation),
        other => {
            return Err(at.fault("attribute aggregate", "none, avg, max, median, min, product, sum or stddev", other));
        }
    };
    let data = if of.is_some() { DataType::Double } else { field.data };
    let nan = field.nan;
    let mut inputs = vec![work.value(at, &field, "lagged")?];
    for block in at.all("BlockIndicator") {
        let term = work.field(block, block.required("field")?)?;
        inputs.push(work.value(block, &term, "block")?);
    }
    let value = work.cx.one(at, StreamOp::Lag { n, of }, &inputs.iter().collect::<Vec<_>>(), "lag")?;
    Ok(Term { nan, ..work.input(&value, data) })
}
