//! MultilayerPerceptronClassificationModel: layers of weights with sigmoids between them, softmax at the end.
//!
//! All weights stand in one vector: of each layer its matrix column by column, a row for each unit, then its biases. The sizes of
//! the layers are a parameter since Spark 3; before, they stood beside the weights.

use plan::{Choose, LinearOp, ScoreOp, VectorOp, Weights};

use super::classifier::{self, Columns, Rule};
use crate::{
    ReadError,
    spark::{Stage, data::flip, lower::Lowering},
};

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let table = stage.table("data")?;
    let row = table.only_row()?;
    let layers = match row.find("layers") {
        Some(cells) => cells.counts(0)?,
        None => stage.counts("layers")?.ok_or_else(|| stage.absent("layers", "the sizes of the layers"))?,
    };
    if layers.len() < 2 || layers.contains(&0) {
        return Err(stage.meta.fault("layers", "two sizes above 0 at least", format!("{layers:?}")));
    }
    let cells = row.column("weights")?;
    let weights = cells.dense(0)?;
    let total =
        layers.windows(2).try_fold(0u64, |sum, w| sum.checked_add(u64::from(w[1]).checked_mul(u64::from(w[0]) + 1)?));
    if total != Some(weights.len() as u64) {
        let expected = format!("{} weights for layers of {layers:?}", total.unwrap_or(u64::MAX));
        return Err(cells.fault(expected, weights.len().to_string()));
    }
    let columns = Columns::of(stage)?;
    let mut slot = lowering.vector(stage, stage.text_or("featuresCol", "features")?, layers[0] as usize)?;
    lowering.label(stage.text_or("labelCol", "label")?);
    let mut left = weights.as_slice();
    for (number, sizes) in layers.windows(2).enumerate() {
        let (ins, outs) = (sizes[0] as usize, sizes[1] as usize);
        let (matrix, rest) = left.split_at(ins * outs);
        let (biases, rest) = rest.split_at(outs);
        left = rest;
        if number > 0 {
            slot = lowering.node(stage, ScoreOp::Logistic, &[slot], &["layer"])?[0];
        }
        let weights = Weights::Dense { columns: sizes[0], values: flip(matrix, outs, ins).into() };
        let op = LinearOp::Scores { weights, intercepts: biases.into(), intercept_first: false };
        let name = if rest.is_empty() { columns.raw_name() } else { "layer" };
        slot = lowering.node(stage, op, &[slot], &[name])?[0];
    }
    let classes = layers[layers.len() - 1] as usize;
    let thresholds = classifier::thresholds(stage, classes)?;
    if columns.prediction_only() {
        // Spark then takes the largest probability, without the thresholds.
        if columns.prediction.is_empty() {
            return Ok(());
        }
        let shares = lowering.node(stage, ScoreOp::Shares, &[slot], &["probability"])?;
        let class = lowering.make(stage, VectorOp::Choose(Choose::Largest), &shares, columns.prediction)?;
        classifier::set_classes(lowering, class, classes);
        return Ok(());
    }
    let rule = Rule {
        classes,
        probabilities: Some(ScoreOp::Shares.into()),
        thresholds,
        from_raw: Choose::Largest,
        from_probability: Choose::Largest,
    };
    classifier::finish(stage, lowering, &columns, slot, rule)
}
