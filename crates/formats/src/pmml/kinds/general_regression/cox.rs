//! Survival: the relative risk of a row, and the baseline's cumulative hazard at its time.
//!
//! The result is the cumulative hazard `exp(r - s) * H0(t)`, where `r` is the sum of the row and `s` that of the reference
//! points: 0 before the first time of the table, missing after its `maxTime` and in a stratum that the model does not know.
//! The row has to have a time (`endTimeVariable`) and, where the model has strata, a stratum.

use std::sync::Arc;

use plan::{
    Expr, FormulaOp, Func,
    formula::{Curve, Finish, Given, Hazards, Stratum, Terms},
};
use rustc_hash::FxHashMap;

use super::{Columns, Matrix};
use crate::pmml::{
    answer::{Answer, Kind},
    error::Fault,
    fields::{Field, Scope},
    lower::{Lowering, MathContext},
    xml::Element,
};

pub fn lower<'d>(
    cx: &mut Lowering<'_>,
    scope: &Scope<'_, 'd>,
    model: Element<'d>,
    matrix: &Matrix<'d>,
) -> Result<Answer<'d>, Fault> {
    let single = cx.math() == MathContext::Float;
    let cells = matrix.only_cells(model)?;
    let mut columns = Columns::judging();
    let table = matrix.table(cx, scope, &cells, None, &mut columns)?;
    let judged = columns.judged();
    let values = columns.values(cx, model)?;
    let op = Terms {
        inputs: values.len() as u32,
        single,
        judged,
        tables: vec![table],
        offset: Some(Given::Constant(-reference(model, &cells, single)?)),
        curve: Curve::Exp,
        trials: None,
        finish: Finish::Number,
        refused: None,
    };
    let op = FormulaOp::Terms(Arc::new(op));
    let end = scope.field(cx, model, model.required("endTimeVariable")?)?;
    let time = cx.number(model, &end.value)?;
    let tables = model.required_child("BaseCumHazardTables")?;
    let Some(variable) = model.attr("baselineStrataVariable") else {
        let stratum = stratum(tables)?;
        // Outside of the table's times the row's own values are not looked at.
        let first = Expr::call(Func::Le, [Expr::f64(stratum.steps[0].0), Expr::Input(0)]);
        let last = Expr::call(Func::Le, [Expr::Input(0), Expr::f64(stratum.time_max)]);
        let within = cx.expr(model, Expr::call(Func::And, [first, last]), &[&time], "within the table")?;
        let risk = cx.branch(model, &within, |cx| Ok(vec![cx.one(model, op, &values, "relative risk")?]))?;
        let hazards = Hazards { single, by_stratum: false, strata: vec![stratum] };
        let value = cx.one(model, FormulaOp::Hazard(Arc::new(hazards)), &[&risk[0], &time], "cumulative hazard")?;
        return Ok(Answer::new(Kind::Regression, Some(Field::double(value))));
    };
    let risk = cx.one(model, op, &values, "relative risk")?;
    let (mut labels, mut strata) = (Vec::new(), Vec::new());
    for element in tables.all("BaselineStratum") {
        labels.push(element.required("value")?.to_owned());
        strata.push(stratum(element)?);
    }
    let field = scope.field(cx, model, variable)?;
    let place = cx.codes(model, &field, &labels)?;
    let hazards = Hazards { single, by_stratum: true, strata };
    let value = cx.one(model, FormulaOp::Hazard(Arc::new(hazards)), &[&risk, &time, &place], "cumulative hazard")?;
    Ok(Answer::new(Kind::Regression, Some(Field::double(value))))
}

/// Returns the sum of the parameters at their reference points.
fn reference(model: Element<'_>, cells: &[super::matrix::Cell<'_>], single: bool) -> Result<f64, Fault> {
    let mut points = FxHashMap::default();
    for parameter in model.required_child("ParameterList")?.all("Parameter") {
        points.insert(parameter.required("name")?, parameter.f64("referencePoint")?.unwrap_or(0.0));
    }
    let mut sum = 0.0;
    for cell in cells {
        let point = points.get(cell.parameter);
        let point = *point.ok_or_else(|| {
            model.fault("element ParameterList", "every parameter that has a cell", format!("no {:?}", cell.parameter))
        })?;
        sum += cell.beta * point;
        if single {
            sum = f64::from(sum as f32);
        }
    }
    Ok(sum)
}

fn stratum(element: Element<'_>) -> Result<Stratum, Fault> {
    let mut steps = Vec::new();
    for cell in element.all("BaselineCell") {
        steps.push((cell.required_f64("time")?, cell.required_f64("cumHazard")?));
    }
    steps.sort_by(|a, b| a.0.total_cmp(&b.0));
    steps.dedup_by_key(|step| step.0);
    if steps.is_empty() {
        return Err(element.fault("elements BaselineCell", "one at least", "none"));
    }
    Ok(Stratum { steps, time_max: element.required_f64("maxTime")? })
}
