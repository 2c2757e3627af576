//! `ExponentialSmoothing`: the last level, carried on by a trend and a season.

use super::{Forecasts, STEPS_MAX, numbers, transformed_back};
use crate::pmml::{error::Fault, xml::Element};

pub fn forecasts(element: Element<'_>) -> Result<Forecasts, Fault> {
    let level = element.required_child("Level")?;
    let mut values = trend(level, element.child("Trend_ExpoSmooth"))?;
    if let Some(season) = element.child("Seasonality_ExpoSmooth") {
        seasonal(season, &mut values)?;
    }
    transformed_back(element, &mut values)?;
    Ok(Forecasts { values, errors: None })
}

fn trend(level: Element<'_>, trend: Option<Element<'_>>) -> Result<Vec<f64>, Fault> {
    let last = level.required_f64("smoothedValue")?;
    let steps = 1..=STEPS_MAX;
    let Some(trend) = trend else { return Ok(vec![last; STEPS_MAX]) };
    let phi = trend.f64("phi")?.unwrap_or(1.0);
    let slope = || trend.required_f64("smoothedValue");
    // The sum of `phi` to the powers 1 to h.
    let mut sum = 0.0;
    let mut power = 1.0;
    let damped = steps.clone().map(move |_| {
        power *= phi;
        sum += power;
        sum
    });
    Ok(match trend.attr("trend").unwrap_or("additive") {
        "additive" => {
            let slope = slope()?;
            steps.map(|h| last + h as f64 * slope).collect()
        }
        "damped_additive" | "damped_trend" => {
            let slope = slope()?;
            damped.map(|sum| last + sum * slope).collect()
        }
        "multiplicative" => {
            let slope = slope()?;
            steps.map(|h| last * libm::pow(slope, h as f64)).collect()
        }
        "damped_multiplicative" => {
            let slope = slope()?;
            damped.map(|sum| last * libm::pow(slope, sum)).collect()
        }
        "double_exponential" => {
            let (alpha, twice) = (level.required_f64("alpha")?, level.required_f64("quadraticSmoothedValue")?);
            let slope = alpha / (1.0 - alpha) * (last - twice);
            steps.map(|h| 2.0 * last - twice + h as f64 * slope).collect()
        }
        "polynomial_exponential" => polynomial(level, last)?,
        other => return Err(trend.fault("attribute trend", "a trend of PMML", other)),
    })
}

/// Brown's quadratic smoothing: of the values smoothed once, twice and three times.
fn polynomial(level: Element<'_>, once: f64) -> Result<Vec<f64>, Fault> {
    let alpha = level.required_f64("alpha")?;
    let twice = level.required_f64("quadraticSmoothedValue")?;
    let thrice = level.required_f64("cubicSmoothedValue")?;
    let rest = 1.0 - alpha;
    let a = 3.0 * once - 3.0 * twice + thrice;
    let slopes = (6.0 - 5.0 * alpha) * once - (10.0 - 8.0 * alpha) * twice + (4.0 - 3.0 * alpha) * thrice;
    let b = alpha / (2.0 * rest * rest) * slopes;
    let c = alpha * alpha / (rest * rest) * (once - 2.0 * twice + thrice);
    Ok((1..=STEPS_MAX).map(|h| a + b * h as f64 + 0.5 * c * (h * h) as f64).collect())
}

/// Puts the season to each step: the first step has the array's first value, or the one behind `phase`.
fn seasonal(season: Element<'_>, values: &mut [f64]) -> Result<(), Fault> {
    let factors = numbers(season)?;
    let period = season.usize("period")?.unwrap_or(factors.len());
    if factors.is_empty() || period != factors.len() {
        let expected = format!("a value for each of the {period} parts of the period");
        return Err(season.fault("element Array", expected, factors.len().to_string()));
    }
    let phase = season.usize("phase")?.unwrap_or(0) % period;
    for (h, value) in values.iter_mut().enumerate() {
        let factor = factors[(phase + h) % period];
        match season.attr("type").unwrap_or("additive") {
            "additive" => *value += factor,
            "multiplicative" => *value *= factor,
            other => return Err(season.fault("attribute type", "additive or multiplicative", other)),
        }
    }
    Ok(())
}
