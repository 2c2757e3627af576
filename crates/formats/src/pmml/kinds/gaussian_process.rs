//! `GaussianProcessModel` (Gaussian Process, 4.4): what training rows say of a row, by a kernel.
//!
//! The prediction is the mean; `standardError` is the square root of the variance of the function, without the noise of an
//! observation. Besides its output fields the answer has `variance`, `standard_deviation` and `variance_with_noise`: the pages of
//! 4.3 and 4.4 differ in which of them is meant. A missing input makes all of them missing.

use std::sync::Arc;

use plan::{
    Expr, FormulaOp, Func,
    formula::{Covariance, Process, covariance},
};

use super::columns::Columns;
use crate::pmml::{
    answer::{Answer, Kind},
    array,
    error::Fault,
    fields::{Field, Scope},
    lower::Lowering,
    xml::Element,
};

/// Most training rows: their matrix is factored when the model is read.
const ROWS_MAX: usize = 2048;

pub fn lower<'d>(cx: &mut Lowering<'_>, scope: &Scope<'_, 'd>, model: Element<'d>) -> Result<Answer<'d>, Fault> {
    if Answer::kind_of(model)? != Kind::Regression {
        return Err(model.fault("attribute functionName", "regression", "another"));
    }
    let training = model.required_child("TrainingInstances")?;
    let target = scope.target().map(|target| target.name);
    let (mut inputs, mut truth) = (Vec::new(), None);
    for field in training.required_child("InstanceFields")?.all("InstanceField") {
        let name = field.required("field")?;
        let column = field.attr("column").unwrap_or(name);
        match Some(name) == target {
            true => truth = Some(column),
            false => inputs.push((field, name, column)),
        }
    }
    let truth = truth.ok_or_else(|| training.fault("element InstanceFields", "the target field", "none"))?;
    if inputs.is_empty() {
        return Err(training.fault("element InstanceFields", "one field besides the target at least", "none"));
    }
    let names: Vec<&str> = inputs.iter().map(|(_, _, column)| *column).collect();
    let (rows, truths) = table(training, &names, truth)?;
    let (at, kind) = kernel(model)?;
    let scales = scales(at, inputs.len())?;
    let (gamma, noise) = (at.f64("gamma")?.unwrap_or(1.0), at.f64("noiseVariance")?.unwrap_or(1.0));
    let (factor, weights) = solved(at, (kind, gamma, noise), &scales, &rows, &truths)?;
    let mut columns = Columns::default();
    for (field, name, _) in &inputs {
        columns.number(cx, scope, *field, name)?;
    }
    let op = Process {
        columns: inputs.len() as u32,
        covariance: kind,
        gamma,
        scales: scales.into(),
        rows: rows.into(),
        weights: weights.into(),
        factor: factor.into(),
    };
    let values = columns.values(cx, model)?;
    let made = cx.node(model, FormulaOp::Process(Arc::new(op)), &values, &["mean", "variance"])?;
    let [mean, variance] = made.try_into().expect("a node of two outputs");
    let deviation = cx.expr(model, Expr::call(Func::Sqrt, [Expr::Input(0)]), &[&variance], "standard_deviation")?;
    let noisy = Expr::call(Func::Add, [Expr::Input(0), Expr::f64(noise)]);
    let noisy = cx.expr(model, noisy, &[&variance], "variance_with_noise")?;
    let mut answer = Answer::new(Kind::Regression, Some(Field::double(mean)));
    answer.standard_error = Some(deviation.clone());
    answer.extras = vec![
        ("variance".to_owned(), Field::double(variance)),
        ("standard_deviation".to_owned(), Field::double(deviation)),
        ("variance_with_noise".to_owned(), Field::double(noisy)),
    ];
    Ok(answer)
}

/// Returns the training rows, row-major, and their truths.
fn table(training: Element<'_>, inputs: &[&str], truth: &str) -> Result<(Vec<f64>, Vec<f64>), Fault> {
    let Some(inline) = training.child("InlineTable") else {
        return Err(training.unimplemented("training rows that are not in an InlineTable"));
    };
    let (mut rows, mut truths) = (Vec::new(), Vec::new());
    for row in inline.all("row") {
        if truths.len() == ROWS_MAX {
            return Err(inline.fault("elements row", format!("at most {ROWS_MAX}"), "more"));
        }
        let cell = |name: &str| {
            let cell = row.children().find(|cell| cell.name() == name);
            let cell = cell.ok_or_else(|| row.fault(format!("element {name}"), "one", "none"))?;
            cell.number("text", cell.text())
        };
        for name in inputs {
            rows.push(cell(name)?);
        }
        truths.push(cell(truth)?);
    }
    if truths.is_empty() {
        return Err(inline.fault("elements row", "one at least", "none"));
    }
    Ok((rows, truths))
}

fn kernel<'d>(model: Element<'d>) -> Result<(Element<'d>, Covariance), Fault> {
    for at in model.children() {
        return Ok(match at.name() {
            "RadialBasisKernel" | "ARDSquaredExponentialKernel" => (at, Covariance::Squared),
            "AbsoluteExponentialKernel" => (at, Covariance::Absolute),
            "GeneralizedExponentialKernel" => {
                (at, Covariance::Generalized { degree: at.f64("degree")?.unwrap_or(1.0) })
            }
            _ => continue,
        });
    }
    let known =
        "RadialBasisKernel, ARDSquaredExponentialKernel, AbsoluteExponentialKernel or GeneralizedExponentialKernel";
    Err(model.fault("kernel", known, "none"))
}

/// Returns a length scale for each input: one for all, or an array.
fn scales(kernel: Element<'_>, count: usize) -> Result<Vec<f64>, Fault> {
    let scales = match (kernel.f64("lambda")?, kernel.child("Lambda")) {
        (Some(one), None) => vec![one; count],
        (None, None) => vec![1.0; count],
        (_, Some(lambda)) => {
            let mut scales = array::numbers(array::inside(lambda)?)?;
            if scales.len() == 1 {
                scales.resize(count, scales[0]);
            }
            scales
        }
    };
    if scales.len() != count {
        let expected = format!("a number for each of {count} inputs");
        return Err(kernel.fault("element Lambda", expected, scales.len().to_string()));
    }
    Ok(scales)
}

/// Returns Cholesky's factor of the training rows' covariances with noise, and what they weigh: the solution for their truths.
fn solved(
    at: Element<'_>,
    (kind, gamma, noise): (Covariance, f64, f64),
    scales: &[f64],
    rows: &[f64],
    truths: &[f64],
) -> Result<(Vec<f64>, Vec<f64>), Fault> {
    let (count, columns) = (truths.len(), scales.len());
    let row = |i: usize| &rows[i * columns..(i + 1) * columns];
    let start = |i: usize| i * (i + 1) / 2;
    let mut factor = vec![0.0; start(count)];
    for i in 0..count {
        for j in 0..=i {
            let k = covariance(kind, gamma, scales, row(i).iter().copied(), row(j));
            let k = if i == j { k + noise } else { k };
            let (before, line) = factor.split_at_mut(start(i));
            let other = if i == j { &line[..j] } else { &before[start(j)..start(j) + j] };
            let known = line[..j].iter().zip(other).fold(0.0, |sum, (a, b)| sum + a * b);
            line[j] = match i == j {
                true => libm::sqrt(k - known),
                false => (k - known) / before[start(j) + j],
            };
        }
        let pivot = factor[start(i) + i];
        if pivot.is_nan() || pivot <= 0.0 {
            let expected = "covariances of the training rows that are positive definite; more noise would make them so";
            return Err(at.fault("kernel", expected, format!("no such at row {}", i + 1)));
        }
    }
    let mut weights = truths.to_vec();
    for i in 0..count {
        let known = (0..i).fold(0.0, |sum, j| sum + factor[start(i) + j] * weights[j]);
        weights[i] = (weights[i] - known) / factor[start(i) + i];
    }
    for i in (0..count).rev() {
        let known = (i + 1..count).fold(0.0, |sum, j| sum + factor[start(j) + i] * weights[j]);
        weights[i] = (weights[i] - known) / factor[start(i) + i];
    }
    Ok((factor, weights))
}
