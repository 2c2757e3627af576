//! LogisticRegressionModel: binary (one row of coefficients and a threshold) or multinomial (a row for each class).

use std::sync::Arc;

use plan::{Choose, Expr, Func, LinearOp, SlotId, VectorOp, Weights};

use super::classifier::{self, Columns, Rule};
use crate::{
    ReadError,
    spark::{Stage, data::Matrix, lower::Lowering},
};

/// What training learned.
struct Learned {
    classes: u32,
    weights: Weights,
    intercepts: Arc<[f64]>,
    multinomial: bool,
    /// The weights were saved row by row.
    by_row: bool,
}

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let learned = learned(stage)?;
    let features_col = stage.text_or("featuresCol", "features")?;
    let features = lowering.vector(stage, features_col, learned.weights.columns() as usize)?;
    lowering.label(stage.text_or("labelCol", "label")?);
    if learned.multinomial {
        multinomial(stage, lowering, features, learned)
    } else {
        binary(stage, lowering, features, learned)
    }
}

fn multinomial(
    stage: &Stage<'_>,
    lowering: &mut Lowering<'_>,
    features: SlotId,
    learned: Learned,
) -> Result<(), ReadError> {
    let classes = learned.classes as usize;
    let thresholds = classifier::thresholds(stage, classes)?;
    // A threshold without thresholds has no meaning for many classes.
    stage.f64_or("threshold", 0.5)?;
    // Column by column, products are added to the intercepts; row by row, a row's sum is.
    let Learned { weights, intercepts, by_row, .. } = learned;
    let columns = Columns::of(stage)?;
    let op = LinearOp::Scores { weights, intercepts, intercept_first: !by_row };
    let raw = lowering.node(stage, op, &[features], &[columns.raw_name()])?[0];
    let (from_raw, from_probability) = (Choose::Largest, Choose::Largest);
    let rule = Rule { classes, probabilities: Some(VectorOp::Softmax.into()), thresholds, from_raw, from_probability };
    classifier::finish(stage, lowering, &columns, raw, rule)
}

fn binary(stage: &Stage<'_>, lowering: &mut Lowering<'_>, features: SlotId, learned: Learned) -> Result<(), ReadError> {
    let threshold = threshold(stage)?;
    let columns = Columns::of(stage)?;
    let Learned { weights, intercepts, classes, .. } = learned;
    let (intercept, classes) = (intercepts[0], classes as usize);
    if columns.prediction_only() {
        // Spark then compares the probability itself, computed from the margin.
        if columns.prediction.is_empty() {
            return Ok(());
        }
        let margin = lowering.node(stage, LinearOp::Dot { weights, intercept }, &[features], &["margin"])?[0];
        let above = Expr::call(Func::Lt, [Expr::f64(threshold), Expr::call(Func::Sigmoid, [Expr::Input(0)])]);
        let op = Expr::call(Func::If, [above, Expr::f64(1.0), Expr::f64(0.0)]);
        let class = lowering.make(stage, op, &[margin], columns.prediction)?;
        classifier::set_classes(lowering, class, classes);
        return Ok(());
    }
    let op = LinearOp::Pair { weights, intercept };
    let raw = lowering.node(stage, op, &[features], &[columns.raw_name()])?[0];
    let of_raw = match threshold {
        0.0 => f64::NEG_INFINITY,
        1.0 => f64::INFINITY,
        t => libm::log(t / (1.0 - t)),
    };
    let rule = Rule {
        classes,
        probabilities: Some(VectorOp::Sigmoid { scale: 1.0 }.into()),
        thresholds: None,
        from_raw: Choose::Above(of_raw),
        from_probability: Choose::Above(threshold),
    };
    classifier::finish(stage, lowering, &columns, raw, rule)
}

/// Returns the threshold of class 1. Two thresholds stand for one; Spark refuses a threshold beside them that differs.
fn threshold(stage: &Stage<'_>) -> Result<f64, ReadError> {
    let threshold = stage.f64_or("threshold", 0.5)?;
    if !(0.0..=1.0).contains(&threshold) {
        return Err(stage.meta.fault("threshold", "a number from 0 to 1", threshold.to_string()));
    }
    let Some(pair) = classifier::thresholds(stage, 2)? else { return Ok(threshold) };
    let of_pair = 1.0 / (1.0 + pair[0] / pair[1]);
    // Before 2.4 the default was saved as if the user had set it.
    let is_set = stage.meta.is_set("threshold") && stage.meta.defaults.is_some();
    if is_set && (threshold - of_pair).abs() >= 1e-5 {
        return Err(stage.meta.fault("threshold", format!("{of_pair}, as `thresholds` say"), threshold.to_string()));
    }
    Ok(of_pair)
}

/// Returns what was learned, in either layout: matrix and vector since 2.1, coefficients and a number in 2.0.
fn learned(stage: &Stage<'_>) -> Result<Learned, ReadError> {
    let table = stage.table("data")?;
    let row = table.only_row()?;
    let classes = row.column("numClasses")?.count(0)?;
    if let Some(coefficients) = row.find("coefficients") {
        let intercepts = [row.column("intercept")?.f64(0)?].into();
        // Spark fills such coefficients up when it loads them: NaN spreads to zeros too.
        let values: Arc<[f64]> = coefficients.dense(0)?.into();
        let weights = Weights::Dense { columns: values.len() as u32, values };
        return Ok(Learned { classes, weights, intercepts, multinomial: false, by_row: true });
    }
    let cells = row.column("coefficientMatrix")?;
    let Matrix { rows, weights, transposed } = cells.matrix(0)?;
    let vector = row.column("interceptVector")?;
    let intercepts: Arc<[f64]> = vector.dense(0)?.into();
    let multinomial = row.column("isMultinomial")?.bool(0)?;
    let expected = if multinomial { classes } else { 1 };
    if rows != expected {
        return Err(cells.fault(format!("{expected} rows for {classes} classes"), rows.to_string()));
    }
    if intercepts.len() != rows as usize {
        return Err(vector.fault(format!("{rows} intercepts"), intercepts.len().to_string()));
    }
    Ok(Learned { classes, weights, intercepts, multinomial, by_row: transposed })
}
