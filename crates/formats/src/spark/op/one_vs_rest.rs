//! OneVsRestModel: a model of two classes for each class; the largest of their scores says which.
//!
//! The models are stages of their own, in folders `model_0`, `model_1`, ...; Spark gives them its own features, and takes
//! nothing of them but their scores.

use plan::{Choose, ScoreOp, VectorOp};
use serde_json::Value;

use super::classifier::Columns;
use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{Lowering, attributes::Attributes},
    },
};

const CLASSIFIERS: &str = "org.apache.spark.ml.classification.";

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let columns = Columns::of(stage)?;
    let features = stage.text_or("featuresCol", "features")?;
    lowering.label(stage.text_or("labelCol", "label")?);
    let classes = stage.extra_u32("numClasses")?.filter(|&classes| classes > 0);
    let classes = classes.ok_or_else(|| stage.absent("numClasses", "the number of models"))?;
    let mut raws = Vec::new();
    for number in 0..classes {
        let folder = stage.files.folder(&format!("model_{number}"));
        if folder.is_empty() {
            return Err(ReadError::Missing {
                file: folder.full_path("metadata/part-00000"),
                class: stage.meta.class.clone(),
                help: "there is a model for each class",
            });
        }
        let mut model = Stage::open(folder, stage.limits, stage.bytes_left)?;
        if !model.meta.class.starts_with(CLASSIFIERS) || model.meta.class == stage.meta.class {
            return Err(model.meta.fault("class", "a classifier of two classes", model.meta.class.clone()));
        }
        // A name that no column of Spark's has.
        let scores = format!("{} {number}", stage.meta.uid);
        let settings =
            [("featuresCol", features), ("rawPredictionCol", &scores), ("probabilityCol", ""), ("predictionCol", "")];
        let leaf = model.meta.param("leafCol").map(|_| ("leafCol", ""));
        for (name, value) in settings.into_iter().chain(leaf) {
            model.meta.params.insert(name.to_owned(), Value::from(value));
        }
        lowering.part(stage, &model)?;
        let slot = lowering.find(&scores);
        raws.push(slot.ok_or_else(|| model.meta.fault("class", "a classifier with scores", model.meta.class.clone()))?);
        lowering.drop_column(&scores);
    }
    let raw = lowering.node(stage, ScoreOp::Seconds, &raws, &[columns.raw_name()])?[0];
    if !columns.raw.is_empty() {
        lowering.show(stage, columns.raw, raw)?;
    }
    if columns.prediction.is_empty() {
        return Ok(());
    }
    // Spark 4 passes NaN over; before, one at the first place stayed there.
    let choose = if stage.meta.is_from(4, 0) { Choose::LargestNumber } else { Choose::Largest };
    let class = lowering.make(stage, VectorOp::Choose(choose), &[raw], columns.prediction)?;
    // What the label's column meant, the prediction's does.
    let meaning = stage.meta.extra.get("labelMetadata").and_then(Value::as_str);
    if let Some(attributes) = meaning.and_then(|meaning| Attributes::parse(meaning, false)) {
        lowering.set_attributes(class, attributes);
    }
    Ok(())
}
