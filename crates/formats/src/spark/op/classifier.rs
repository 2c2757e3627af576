//! What all classifiers share: scores to probabilities to a class, and which of these columns are shown.

use std::sync::Arc;

use plan::{Choose, Op, SlotId, VectorOp};

use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{
            Lowering,
            attributes::{Categories, Kind},
        },
    },
};

/// Names of the columns that a classifier makes; empty where it makes none.
pub struct Columns<'s> {
    pub raw: &'s str,
    pub probability: &'s str,
    pub prediction: &'s str,
}

/// How a class follows from the scores.
pub struct Rule {
    /// How many classes there are.
    pub classes: usize,
    /// Scores to probabilities, where the class has them.
    pub probabilities: Option<Op>,
    /// The user's thresholds, which weigh the probabilities.
    pub thresholds: Option<Arc<[f64]>>,
    /// Without thresholds: scores to a class.
    pub from_raw: Choose,
    /// Without thresholds, and where no scores are shown: probabilities to a class.
    pub from_probability: Choose,
}

impl<'s> Columns<'s> {
    pub fn of(stage: &'s Stage<'_>) -> Result<Columns<'s>, ReadError> {
        Ok(Columns {
            raw: stage.text_or("rawPredictionCol", "rawPrediction")?,
            probability: stage.text_or("probabilityCol", "probability")?,
            prediction: stage.text_or("predictionCol", "prediction")?,
        })
    }

    /// Returns what to call the scores, shown or not.
    pub fn raw_name(&self) -> &'s str {
        if self.raw.is_empty() { "rawPrediction" } else { self.raw }
    }

    /// Returns whether the class is all that is shown; some models have a shortcut for it.
    pub fn prediction_only(&self) -> bool {
        self.raw.is_empty() && self.probability.is_empty()
    }
}

/// Returns the thresholds that the user set, one a class.
pub fn thresholds(stage: &Stage<'_>, classes: usize) -> Result<Option<Arc<[f64]>>, ReadError> {
    let Some(thresholds) = stage.f64s("thresholds")? else { return Ok(None) };
    if thresholds.len() != classes {
        let got = thresholds.len().to_string();
        return Err(stage.meta.fault("thresholds", format!("one for each of {classes} classes"), got));
    }
    if thresholds.iter().any(|t| t.is_nan() || *t < 0.0) || thresholds.iter().filter(|&&t| t == 0.0).count() > 1 {
        return Err(stage.meta.fault("thresholds", "numbers above 0, one 0 at most", format!("{thresholds:?}")));
    }
    Ok(Some(thresholds.into()))
}

/// Says that a column counts through the classes.
pub fn set_classes(lowering: &mut Lowering<'_>, slot: SlotId, classes: usize) {
    let count = u32::try_from(classes).map_or(Categories::Unknown, Categories::Count);
    lowering.set_attributes(slot, Kind::Nominal(count));
}

/// Shows the scores, and adds what follows from them. Where scores are shown Spark takes the class from them, else from the
/// probabilities, else computes both unseen.
pub fn finish(
    stage: &Stage<'_>,
    lowering: &mut Lowering<'_>,
    columns: &Columns<'_>,
    raw: SlotId,
    rule: Rule,
) -> Result<(), ReadError> {
    if !columns.raw.is_empty() {
        lowering.show(stage, columns.raw, raw)?;
    }
    let mut probability = None;
    if let (Some(op), false) = (&rule.probabilities, columns.probability.is_empty()) {
        probability = Some(lowering.make(stage, op.clone(), &[raw], columns.probability)?);
    }
    if columns.prediction.is_empty() {
        return Ok(());
    }
    let (choose, from) = match (rule.thresholds, rule.probabilities) {
        (Some(thresholds), Some(op)) => {
            let from = match probability {
                Some(slot) => slot,
                None => lowering.node(stage, op, &[raw], &["probability"])?[0],
            };
            (Choose::Weighed(thresholds), from)
        }
        _ => match probability.filter(|_| columns.raw.is_empty()) {
            Some(slot) => (rule.from_probability, slot),
            None => (rule.from_raw, raw),
        },
    };
    let class = lowering.make(stage, VectorOp::Choose(choose), &[from], columns.prediction)?;
    set_classes(lowering, class, rule.classes);
    Ok(())
}
