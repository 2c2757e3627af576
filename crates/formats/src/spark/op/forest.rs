//! Decision trees, random forests and gradient-boosted trees, for classes and for numbers.
//!
//! All six classes lower to one forest; what differs is what stands in a leaf, how the trees are summed, and what follows.

use std::sync::Arc;

use plan::{Aggregate, Choose, Forest, ForestOp, ForestPart, PlanError, SlotId, VectorOp};

use super::classifier::{self, Columns, Rule};
use crate::{
    ReadError,
    spark::{
        Stage,
        lower::Lowering,
        trees::{Leaf, Trees},
    },
};

/// The stages' parameters and nodes; leaves still as they were saved.
struct Ensemble<'s> {
    trees: Trees,
    features: SlotId,
    /// Where the numbers of the leaves go; empty where nowhere.
    leaf: &'s str,
    single: bool,
}

/// DecisionTreeClassificationModel: a leaf's class counts are the scores.
pub fn tree_classifier(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let ensemble = Ensemble::open(stage, lowering, true)?;
    let (classes, columns) = (classes(stage)?, Columns::of(stage)?);
    if columns.prediction_only() {
        // Spark then takes the leaf's own prediction, without the thresholds.
        classifier::thresholds(stage, classes)?;
        let forest = ensemble.forest(stage, Leaf::Prediction)?;
        ensemble.regress(stage, lowering, forest, Aggregate::Sum, columns.prediction, None)?;
        if let Some(class) = lowering.find(columns.prediction).filter(|_| !columns.prediction.is_empty()) {
            classifier::set_classes(lowering, class, classes);
        }
        return Ok(());
    }
    let forest = ensemble.forest(stage, Leaf::Counts { classes })?;
    ensemble.classify(stage, lowering, forest, classes, &columns)
}

/// RandomForestClassificationModel: the trees' shares of classes, summed.
pub fn random_classifier(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let ensemble = Ensemble::open(stage, lowering, false)?;
    let (classes, columns) = (classes(stage)?, Columns::of(stage)?);
    let forest = ensemble.forest(stage, Leaf::Shares { classes })?;
    ensemble.classify(stage, lowering, forest, classes, &columns)
}

/// GBTClassificationModel: the weighted sum `m` of the trees; scores are `[-m, m]`.
pub fn boosted_classifier(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let ensemble = Ensemble::open(stage, lowering, false)?;
    let columns = Columns::of(stage)?;
    let forest = ensemble.forest(stage, Leaf::Prediction)?;
    let op = |parts| ForestOp { forest, aggregate: Aggregate::WeightedSum, parts };
    let raw = ensemble.scores(stage, lowering, op, ForestPart::Pair, &columns)?;
    let rule = Rule {
        classes: 2,
        probabilities: Some(VectorOp::Sigmoid { scale: 2.0 }.into()),
        thresholds: classifier::thresholds(stage, 2)?,
        from_raw: Choose::Largest,
        from_probability: Choose::Largest,
    };
    classifier::finish(stage, lowering, &columns, raw.0, rule)?;
    ensemble.show_leaf(stage, lowering, raw.1)
}

/// DecisionTreeRegressionModel: a leaf's prediction, and its variance.
pub fn tree_regressor(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let ensemble = Ensemble::open(stage, lowering, true)?;
    let forest = ensemble.forest(stage, Leaf::Prediction)?;
    let (prediction, variance) = (stage.text_or("predictionCol", "prediction")?, stage.text("varianceCol")?);
    ensemble.regress(stage, lowering, forest, Aggregate::Sum, prediction, variance.filter(|name| !name.is_empty()))
}

/// RandomForestRegressionModel: the mean of the trees.
pub fn random_regressor(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    regressor(stage, lowering, Aggregate::Mean)
}

/// GBTRegressionModel: the weighted sum of the trees.
pub fn boosted_regressor(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    regressor(stage, lowering, Aggregate::WeightedSum)
}

fn regressor(stage: &Stage<'_>, lowering: &mut Lowering<'_>, aggregate: Aggregate) -> Result<(), ReadError> {
    let ensemble = Ensemble::open(stage, lowering, false)?;
    let forest = ensemble.forest(stage, Leaf::Prediction)?;
    ensemble.regress(stage, lowering, forest, aggregate, stage.text_or("predictionCol", "prediction")?, None)
}

/// Returns the number of classes, which Spark saves beside the parameters.
fn classes(stage: &Stage<'_>) -> Result<usize, ReadError> {
    let classes = stage.extra_u32("numClasses")?.filter(|&classes| classes > 0);
    Ok(classes.ok_or_else(|| stage.absent("numClasses", "the number of classes"))? as usize)
}

impl<'s> Ensemble<'s> {
    fn open(stage: &'s Stage<'_>, lowering: &mut Lowering<'_>, single: bool) -> Result<Ensemble<'s>, ReadError> {
        let trees = Trees::read(stage, single)?;
        let features = stage.text_or("featuresCol", "features")?;
        let features = lowering.vector(stage, features, trees.features as usize)?;
        lowering.label(stage.text_or("labelCol", "label")?);
        Ok(Ensemble { trees, features, leaf: stage.text_or("leafCol", "")?, single })
    }

    fn forest(&self, stage: &Stage<'_>, leaf: Leaf) -> Result<Arc<Forest>, ReadError> {
        let parts = self.trees.parts(stage, leaf)?;
        Forest::new(parts).map(Arc::new).map_err(|source: PlanError| ReadError::Plan {
            file: stage.files.full_path("data"),
            class: stage.meta.class.clone(),
            stage: stage.meta.uid.clone(),
            source: Box::new(source),
        })
    }

    fn leaf_part(&self) -> Option<ForestPart> {
        let part = if self.single { ForestPart::Leaf } else { ForestPart::Leaves };
        (!self.leaf.is_empty()).then_some(part)
    }

    /// Adds the forest; returns the slots of the scores and of the leaves.
    fn scores(
        &self,
        stage: &Stage<'_>,
        lowering: &mut Lowering<'_>,
        op: impl FnOnce(Vec<ForestPart>) -> ForestOp,
        scores: ForestPart,
        columns: &Columns<'_>,
    ) -> Result<(SlotId, Option<SlotId>), ReadError> {
        let parts: Vec<ForestPart> = std::iter::once(scores).chain(self.leaf_part()).collect();
        let names = [columns.raw_name(), self.leaf];
        let slots = lowering.node(stage, op(parts.clone()), &[self.features], &names[..parts.len()])?;
        Ok((slots[0], slots.get(1).copied()))
    }

    fn show_leaf(&self, stage: &Stage<'_>, lowering: &mut Lowering<'_>, slot: Option<SlotId>) -> Result<(), ReadError> {
        slot.map_or(Ok(()), |slot| lowering.show(stage, self.leaf, slot))
    }

    fn classify(
        &self,
        stage: &Stage<'_>,
        lowering: &mut Lowering<'_>,
        forest: Arc<Forest>,
        classes: usize,
        columns: &Columns<'_>,
    ) -> Result<(), ReadError> {
        let op = |parts| ForestOp { forest, aggregate: Aggregate::Sum, parts };
        let (raw, leaf) = self.scores(stage, lowering, op, ForestPart::Scores, columns)?;
        let rule = Rule {
            classes,
            probabilities: Some(VectorOp::Proportions.into()),
            thresholds: classifier::thresholds(stage, classes)?,
            from_raw: Choose::Largest,
            from_probability: Choose::Largest,
        };
        classifier::finish(stage, lowering, columns, raw, rule)?;
        self.show_leaf(stage, lowering, leaf)
    }

    /// Adds the forest of one value, and shows what has a name.
    fn regress(
        &self,
        stage: &Stage<'_>,
        lowering: &mut Lowering<'_>,
        forest: Arc<Forest>,
        aggregate: Aggregate,
        prediction: &str,
        variance: Option<&str>,
    ) -> Result<(), ReadError> {
        let score = (!prediction.is_empty()).then_some((ForestPart::Score, prediction));
        let impurity = variance.map(|name| (ForestPart::Impurity, name));
        let leaf = self.leaf_part().map(|part| (part, self.leaf));
        let (parts, names): (Vec<ForestPart>, Vec<&str>) = [score, impurity, leaf].into_iter().flatten().unzip();
        if parts.is_empty() {
            return Ok(());
        }
        let slots = lowering.node(stage, ForestOp { forest, aggregate, parts }, &[self.features], &names)?;
        names.iter().zip(slots).try_for_each(|(name, slot)| lowering.show(stage, name, slot))
    }
}
