//! `BaselineModel` (Baseline Models, 4.4): has what is seen changed?
//!
//! The rows of a call are one ordered stream that begins anew with each call. `zValue` is how many standard deviations the mean of
//! the last `windowSize` numbers lies from the baseline's mean; `CUSUM` the sum of the logarithms of odds of the alternate against the
//! baseline, which falls no lower than `resetValue`. The statistics over tables of counts are refused: no producer's rows are
//! known, and the standard leaves open what a window of them gives.

use plan::{SeriesOp, op::series::Distribution};

use crate::pmml::{
    answer::{Answer, Kind},
    error::Fault,
    fields::{Field, Scope},
    lower::Lowering,
    xml::Element,
};

pub fn lower<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Answer<'d>, Fault> {
    let test = model.required_child("TestDistributions")?;
    let statistic = test.required("testStatistic")?;
    let baseline = || test.required_child("Baseline").and_then(distribution);
    let op = match statistic {
        "zValue" => match baseline()? {
            Distribution::Gaussian { mean, variance } => SeriesOp::ZValue { mean, variance, window: window(test)? },
            _ => return Err(test.unimplemented("zValue of a baseline that is no GaussianDistribution")),
        },
        "CUSUM" => SeriesOp::Cusum {
            baseline: baseline()?,
            alternate: distribution(test.required_child("Alternate")?)?,
            reset: test.f64("resetValue")?.unwrap_or(0.0),
        },
        "chiSquareIndependence" | "chiSquareDistribution" | "scalarProduct" => {
            return Err(test.unimplemented(format!("testStatistic {statistic}")));
        }
        other => return Err(test.fault("attribute testStatistic", "a statistic of PMML", other)),
    };
    let name = test.required("field")?;
    let field = scope.field(cx, test, name)?;
    let number = cx.number(test, &field.value)?;
    let score = cx.one(test, op, &[&number], statistic)?;
    Ok(Answer::new(Kind::Regression, Some(Field::double(score))))
}

/// Returns how many numbers a window has; 0 in the document is one.
fn window(test: Element<'_>) -> Result<u32, Fault> {
    let size = test.usize("windowSize")?.unwrap_or(0).max(1);
    u32::try_from(size).ok().filter(|&size| size <= plan::op::series::WINDOW_MAX).ok_or_else(|| {
        test.fault("attribute windowSize", format!("at most {}", plan::op::series::WINDOW_MAX), size.to_string())
    })
}

fn distribution(element: Element<'_>) -> Result<Distribution, Fault> {
    let inner = element.children().next().ok_or_else(|| element.fault("content", "a distribution", "none"))?;
    let distribution = match inner.name() {
        "GaussianDistribution" => {
            Distribution::Gaussian { mean: inner.required_f64("mean")?, variance: inner.required_f64("variance")? }
        }
        "PoissonDistribution" => Distribution::Poisson { mean: inner.required_f64("mean")? },
        "UniformDistribution" => {
            Distribution::Uniform { lower: inner.required_f64("lower")?, upper: inner.required_f64("upper")? }
        }
        other => return Err(element.unimplemented(format!("the distribution {other}"))),
    };
    let fits = match distribution {
        Distribution::Gaussian { variance, .. } => variance > 0.0,
        Distribution::Poisson { mean } => mean > 0.0,
        Distribution::Uniform { lower, upper } => lower < upper,
    };
    match fits {
        true => Ok(distribution),
        false => Err(inner.fault("its numbers", "a variance and a mean above 0, bounds that rise", "others")),
    }
}
