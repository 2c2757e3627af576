//! `TimeSeriesModel` (Time Series Models, 4.4): forecasts of a series that the document holds.
//!
//! A document says everything that its forecasts are made of, so they are computed when it is read: a number for each step ahead.
//! A row says how many steps (from 1) in the field that is `supplementary` or `order`, or in `h` where no field is named; a
//! missing one is 1. [`smoothing`], [`state`] and [`arima`] say how; other algorithms are refused.

use model::{Reading, Takes, Type, Unreadable};
use plan::{AssociationOp, Expr, Func, op::association::Table};

use crate::pmml::{
    answer::{Answer, Kind},
    array,
    error::Fault,
    fields::{DataType, Field, Scope},
    lower::{Lowering, Value},
    xml::Element,
};

mod arima;
mod smoothing;
mod state;

/// Most steps ahead that are computed.
const STEPS_MAX: usize = 4096;
/// Most products that the forecasts of a document take.
const WORK_MAX: usize = 1 << 28;

/// The forecasts, a step each, and their standard errors where the algorithm gives them.
pub struct Forecasts {
    values: Vec<f64>,
    errors: Option<Vec<f64>>,
}

pub fn lower<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Answer<'d>, Fault> {
    let best = model.required("bestFit")?;
    let forecasts = match best {
        "ExponentialSmoothing" => smoothing::forecasts(model.required_child("ExponentialSmoothing")?)?,
        "StateSpaceModel" => state::forecasts(model.required_child("StateSpaceModel")?)?,
        "ARIMA" => arima::forecasts(model, model.required_child("ARIMA")?)?,
        "GARCH" | "SpectralAnalysis" | "SeasonalTrendDecomposition" => {
            return Err(model.unimplemented(format!("bestFit {best}")));
        }
        other => return Err(model.fault("attribute bestFit", "an algorithm of PMML", other)),
    };
    let place = place(cx, scope, model, forecasts.values.len())?;
    let look_up = |cx: &mut Lowering<'_>, numbers: &[f64], name: &str| {
        let table = Table::Numbers(numbers.iter().copied().map(Some).collect());
        cx.one(model, AssociationOp::Entry { table }, &[&place], name)
    };
    let value = look_up(cx, &forecasts.values, "forecast")?;
    let mut answer = Answer::new(Kind::Regression, Some(Field::double(value.clone())));
    if model.child("Output").is_none() {
        // What tools call it that show a prediction without being told how.
        let target = scope.targets().first().copied().unwrap_or("value");
        answer.extras.push((format!("predicted_{target}"), Field::double(value.clone())));
    }
    let Some(errors) = forecasts.errors else { return Ok(answer) };
    let error = look_up(cx, &errors, "standard error")?;
    answer.standard_error = Some(error.clone());
    answer.pick = Some(Box::new(move |cx, element| interval(cx, element, &value, &error)));
    Ok(answer)
}

/// Returns which step ahead a row asks for, from 0.
fn place(cx: &mut Lowering<'_>, scope: &Scope<'_, '_>, model: Element<'_>, steps: usize) -> Result<Value, Fault> {
    let named = scope.used_as(&["supplementary", "order", "active"]);
    let ahead = match named.as_slice() {
        [] => {
            let taken = scope.data_field("h").is_some();
            if taken {
                return Err(model.fault("MiningSchema", "the field h as supplementary", "none"));
            }
            cx.input("h", Takes::One(Type::I64), Reading::Loose(Unreadable::Refuse))
        }
        [name] => {
            let field = scope.field(cx, model, name)?;
            if !matches!(field.data, DataType::Integer | DataType::Double | DataType::Float) {
                return Err(model.unimplemented(format!("steps ahead by the field {name}, which is no number")));
            }
            field.value
        }
        _ => return Err(model.fault("MiningSchema", "at most one field that says the steps ahead", "several")),
    };
    let ahead = cx.number(model, &ahead)?;
    let h = || Expr::call(Func::Coalesce, [Expr::Input(0), Expr::f64(1.0)]);
    let whole = Expr::call(Func::Eq, [Expr::call(Func::ToF64, [Expr::call(Func::ToI64, [h()])]), h()]);
    let within = Expr::call(Func::And, [Expr::call(Func::Le, [Expr::f64(1.0), h()]), whole]);
    let within = Expr::call(Func::And, [Expr::call(Func::Le, [h(), Expr::f64(steps as f64)]), within]);
    let refuse = Expr::Call(
        Func::Refuse("a whole number of steps ahead, 1 to 4096 or what the model's size lets", Type::F64),
        vec![],
    );
    let step = Expr::call(Func::Sub, [h(), Expr::f64(1.0)]);
    cx.expr(model, Expr::call(Func::If, [within, step, refuse]), &[&ahead], "step")
}

/// Returns the bound that an output field asks for: so many standard errors from the forecast as the normal distribution has
/// for the share in percent, 95 where none is said.
fn interval(cx: &mut Lowering<'_>, element: Element<'_>, value: &Value, error: &Value) -> Result<Option<Field>, Fault> {
    let sign = match element.attr("feature") {
        Some("confidenceIntervalLower" | "predictionIntervalLower") => -1.0,
        Some("confidenceIntervalUpper" | "predictionIntervalUpper") => 1.0,
        _ => return Ok(None),
    };
    let share = element.f64("value")?.unwrap_or(95.0);
    if !(share > 0.0 && share < 100.0) {
        return Err(element.fault("attribute value", "a share between 0 and 100", share.to_string()));
    }
    let errors = Expr::call(Func::Mul, [Expr::Input(1), Expr::f64(sign * deviations(share / 100.0))]);
    let bound = Expr::call(Func::Add, [Expr::Input(0), errors]);
    Ok(Some(Field::double(cx.expr(element, bound, &[value, error], "bound")?)))
}

/// Returns how many standard deviations to both sides hold a share of the normal distribution.
fn deviations(share: f64) -> f64 {
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        match libm::erf(middle / std::f64::consts::SQRT_2) < share {
            true => low = middle,
            false => high = middle,
        }
    }
    0.5 * (low + high)
}

/// Returns the numbers of the array inside of an element.
fn numbers(element: Element<'_>) -> Result<Vec<f64>, Fault> {
    array::numbers(array::inside(element)?)
}

/// Returns a forecast as it was before the document's transformation.
fn transformed_back(element: Element<'_>, values: &mut [f64]) -> Result<(), Fault> {
    match element.attr("transformation").unwrap_or("none") {
        "none" => {}
        "logarithmic" => values.iter_mut().for_each(|v| *v = libm::exp(*v)),
        "squareroot" => values.iter_mut().for_each(|v| *v *= *v),
        other => return Err(element.fault("attribute transformation", "none, logarithmic or squareroot", other)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    /// 1.959964 and 1.281552: 95 and 80 percent of the normal distribution.
    #[test]
    fn shares_of_the_normal_distribution() {
        assert!((super::deviations(0.95) - 1.959963984540054).abs() < 1e-12);
        assert!((super::deviations(0.8) - 1.2815515655446004).abs() < 1e-12);
    }
}
