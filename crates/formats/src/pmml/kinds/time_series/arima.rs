//! `ARIMA`: the series differenced, its past values and errors weighed, and put together again.
//!
//! With `w` the series after `d` differences and `D` of the period, less the constant term, a step ahead is
//! `w_t = sum a_i w_(t-i) + sum m_j e_(t-j)`: the coefficients are those of the products of the non-seasonal and the seasonal
//! polynomials, `1 - sum AR` and `1 + sum MA` as R's `arima` signs them; errors are the document's residuals, 0 for what comes. That
//! is `conditionalLeastSquares`; under `exactLeastSquares` the document's own Kalman state goes on.

use super::{Forecasts, STEPS_MAX, WORK_MAX, numbers, state::System, transformed_back};
use crate::pmml::{error::Fault, xml::Element};

/// What a component says.
#[derive(Default)]
struct Component {
    ar: Vec<f64>,
    ma: Vec<f64>,
    residuals: Vec<f64>,
    differences: usize,
    period: usize,
}

/// Longest polynomial: period times order, with both components.
const LAGS_MAX: usize = 1 << 12;

pub fn forecasts(model: Element<'_>, arima: Element<'_>) -> Result<Forecasts, Fault> {
    for name in ["DynamicRegressor", "OutlierEffect"] {
        if let Some(part) = arima.child(name) {
            return Err(part.unimplemented("a part of ARIMA"));
        }
    }
    let plain = component(arima.child("NonseasonalComponent"), ["p", "d", "q"])?;
    let seasonal = component(arima.child("SeasonalComponent"), ["P", "D", "Q"])?;
    let constant = arima.f64("constantTerm")?.unwrap_or(0.0);
    let mut forecasts = match arima.attr("predictionMethod").unwrap_or("conditionalLeastSquares") {
        "conditionalLeastSquares" => conditional(model, arima, &plain, &seasonal, constant)?,
        "exactLeastSquares" => exact(arima, plain.differences + seasonal.differences, constant)?,
        other => {
            let expected = "conditionalLeastSquares or exactLeastSquares";
            return Err(arima.fault("attribute predictionMethod", expected, other));
        }
    };
    if arima.attr("transformation").is_some_and(|t| t != "none") {
        forecasts.errors = None;
    }
    transformed_back(arima, &mut forecasts.values)?;
    Ok(forecasts)
}

fn component(element: Option<Element<'_>>, orders: [&'static str; 3]) -> Result<Component, Fault> {
    let Some(element) = element else { return Ok(Component { period: 1, ..Component::default() }) };
    let period = if orders[0] == "P" { element.usize("period")?.unwrap_or(0) } else { 1 };
    let of = |name: &'static str| element.usize(name).map(Option::unwrap_or_default);
    let coefficients = |order: usize, values: Option<Element<'_>>| -> Result<Vec<f64>, Fault> {
        let values = values.map(numbers).transpose()?.unwrap_or_default();
        match values.len() == order {
            true => Ok(values),
            false => Err(element.fault("element Array", format!("{order} coefficients"), values.len().to_string())),
        }
    };
    let ma = element.child("MA");
    let ar = coefficients(of(orders[0])?, element.child("AR"))?;
    let residuals = ma.and_then(|e| e.child("Residuals")).map(numbers).transpose()?.unwrap_or_default();
    let ma = coefficients(of(orders[2])?, ma.and_then(|e| e.child("MACoefficients")))?;
    let longest = ar.len().max(ma.len()).max(of(orders[1])?).checked_mul(period);
    if period == 0 || longest.is_none_or(|n| n > LAGS_MAX) || of(orders[1])? > 8 {
        return Err(element.fault("its orders", format!("at most {LAGS_MAX} lags and 8 differences"), "more"));
    }
    Ok(Component { ar, ma, residuals, differences: of(orders[1])?, period })
}

/// Returns the weights of lags 1, 2, ..: of `1 - (1 - sum a B^i) (1 - sum b B^(s j))`, or with `sign` 1 of the sums with plus.
fn lags(plain: &[f64], seasonal: &[f64], period: usize, sign: f64) -> Vec<f64> {
    let mut lags = vec![0.0; plain.len() + seasonal.len() * period];
    for (i, a) in plain.iter().enumerate() {
        lags[i] += a;
    }
    for (j, b) in seasonal.iter().enumerate() {
        let at = (j + 1) * period;
        lags[at - 1] += b;
        for (i, a) in plain.iter().enumerate() {
            lags[at + i] += sign * a * b;
        }
    }
    lags
}

fn conditional(
    model: Element<'_>,
    arima: Element<'_>,
    plain: &Component,
    seasonal: &Component,
    constant: f64,
) -> Result<Forecasts, Fault> {
    let ar = lags(&plain.ar, &seasonal.ar, seasonal.period, -1.0);
    let ma = lags(&plain.ma, &seasonal.ma, seasonal.period, 1.0);
    let mut series = vec![observed(model)?];
    let steps = std::iter::repeat_n(1, plain.differences);
    let steps: Vec<usize> = steps.chain(std::iter::repeat_n(seasonal.period, seasonal.differences)).collect();
    for &lag in &steps {
        let last = &series[series.len() - 1];
        if last.len() < lag {
            return Err(arima.fault("the series", "values enough for its differences", format!("{}", last.len())));
        }
        let next = last.iter().zip(last.iter().skip(lag)).map(|(before, x)| x - before).collect();
        series.push(next);
    }
    let mut w: Vec<f64> = series.pop().unwrap_or_default().iter().map(|x| x - constant).collect();
    // The longer of the two lists of residuals ends where the series ends, too.
    let mut errors =
        if seasonal.residuals.len() > plain.residuals.len() { &seasonal.residuals } else { &plain.residuals }.clone();
    if w.len() < ar.len() || errors.len() < ma.len() {
        let expected = format!("{} values after differences and {} residuals at least", ar.len(), ma.len());
        return Err(arima.fault("the series", expected, format!("{} and {}", w.len(), errors.len())));
    }
    let count = (WORK_MAX / (ar.len() + ma.len() + 1)).clamp(1, STEPS_MAX);
    let from = w.len();
    for _ in 0..count {
        let past = |weights: &[f64], values: &[f64]| -> f64 {
            weights.iter().zip(values.iter().rev()).map(|(a, x)| a * x).sum()
        };
        let next = past(&ar, &w) + past(&ma, &errors);
        w.push(next);
        errors.push(0.0);
    }
    let mut values: Vec<f64> = w[from..].iter().map(|x| x + constant).collect();
    for (&lag, before) in steps.iter().zip(&series).rev() {
        let mut sums = before[before.len() - lag..].to_vec();
        for value in values {
            sums.push(value + sums[sums.len() - lag]);
        }
        values = sums.split_off(lag);
    }
    let errors = arima.f64("RMSE")?.map(|rmse| spread(&ar, &ma, &steps, rmse, count));
    Ok(Forecasts { values, errors })
}

/// Returns the standard errors of the steps: `rmse` times the root of the sum of the squares of the weights that past errors have.
fn spread(ar: &[f64], ma: &[f64], steps: &[usize], rmse: f64, count: usize) -> Vec<f64> {
    let mut weights: Vec<f64> = Vec::with_capacity(count);
    for h in 0..count {
        let own = if h == 0 { 1.0 } else { ma.get(h - 1).copied().unwrap_or(0.0) };
        let past: f64 = ar.iter().zip(weights.iter().rev()).map(|(a, w)| a * w).sum();
        weights.push(own + past);
    }
    for &lag in steps {
        (lag..count).for_each(|h| weights[h] += weights[h - lag]);
    }
    let mut sum = 0.0;
    let error = |w: &f64| {
        sum += w * w;
        rmse * f64::sqrt(sum)
    };
    weights.iter().map(error).collect()
}

/// Returns the values of the series as they were observed.
fn observed(model: Element<'_>) -> Result<Vec<f64>, Fault> {
    let series = model.all("TimeSeries").find(|e| matches!(e.attr("usage"), None | Some("original")));
    let series = series.ok_or_else(|| model.fault("element TimeSeries", "the original series", "none"))?;
    series.all("TimeValue").map(|e| e.required_f64("value")).collect()
}

/// Goes on from the document's Kalman state, which is that of the first step.
fn exact(arima: Element<'_>, differences: usize, constant: f64) -> Result<Forecasts, Fault> {
    let kalman = arima.required_child("MaximumLikelihoodStat")?.required_child("KalmanState")?;
    if constant != 0.0 && differences > 0 {
        return Err(arima.unimplemented("exactLeastSquares of a differenced series with a constant term"));
    }
    if kalman.child("TransitionMatrix").is_none() {
        return Err(kalman.unimplemented("a Kalman state without its matrices"));
    }
    let state = numbers(kalman.required_child("FinalStateVector")?)?;
    let mut system = System::new(kalman, state)?;
    system.intercept = constant;
    Ok(Forecasts { values: system.forecasts(), errors: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (1 - 0.5 B)(1 - 0.2 B^3) = 1 - 0.5 B - 0.2 B^3 + 0.1 B^4.
    #[test]
    fn polynomials_multiply() {
        assert_eq!(lags(&[0.5], &[0.2], 3, -1.0), [0.5, 0.0, 0.2, -0.1]);
        assert_eq!(lags(&[0.5], &[0.2], 3, 1.0), [0.5, 0.0, 0.2, 0.1]);
    }

    /// A random walk: the error of step h is that of one step times the root of h.
    #[test]
    fn errors_of_a_random_walk_grow_with_the_root() {
        assert_eq!(spread(&[], &[], &[1], 2.0, 4), [2.0, 2.0 * 2.0_f64.sqrt(), 2.0 * 3.0_f64.sqrt(), 4.0]);
    }
}
