//! CrossValidatorModel and TrainValidationSplitModel: the best model answers, whatever else was saved beside it.

use crate::{
    ReadError,
    spark::{Stage, lower::Lowering},
};

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let folder = stage.files.folder("bestModel");
    if folder.is_empty() {
        return Err(ReadError::Missing {
            file: folder.full_path("metadata/part-00000"),
            class: stage.meta.class.clone(),
            help: "the model that the search found best stands there",
        });
    }
    let best = Stage::open(folder, stage.limits, stage.bytes_left)?;
    lowering.part(stage, &best)
}
