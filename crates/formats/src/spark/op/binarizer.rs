//! Binarizer, of one column or several: of doubles or of vectors.

use model::Type;
use plan::VectorOp;

use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{
            Accepts, Lowering,
            attributes::{Categories, Group, Kind},
        },
    },
};

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let pairs = stage.pairs()?;
    let threshold = stage.f64_or("threshold", 0.0)?;
    let thresholds = match stage.f64s("thresholds")? {
        None => vec![threshold; pairs.len()],
        Some(_) if !stage.meta.is_set("inputCols") => {
            return Err(stage.meta.fault("thresholds", "nothing where there is one column", "an array"));
        }
        Some(_) if stage.meta.is_set("threshold") => {
            return Err(stage.meta.fault("thresholds", "nothing where `threshold` is set", "an array"));
        }
        Some(thresholds) if thresholds.len() != pairs.len() => {
            let expected = format!("a threshold for each of {} columns", pairs.len());
            return Err(stage.meta.fault("thresholds", expected, thresholds.len().to_string()));
        }
        Some(thresholds) => thresholds,
    };
    // Since 4.0 Spark compares in SQL: null is not above either.
    let null_is_zero = stage.meta.is_from(4, 0);
    let mut inputs = Vec::with_capacity(pairs.len());
    for (input, _) in &pairs {
        inputs.push(lowering.column(stage, input, Accepts::FloatOrVector)?);
    }
    for ((input, (_, output)), threshold) in inputs.into_iter().zip(pairs).zip(thresholds) {
        let op = VectorOp::Binarize { threshold, null_is_zero, form: stage.meta.compressed() };
        let slot = lowering.make(stage, op, &[input], &output)?;
        if lowering.is_open(input) {
            lowering.set_alike(slot, input);
        }
        match lowering.group(input).map(Group::size) {
            Some(size) => lowering.set_attributes(slot, Group::sized(size)),
            None if matches!(lowering.type_of(slot), Type::Vector { .. }) => {}
            None => lowering.set_attributes(slot, Kind::Binary(Categories::Unknown)),
        }
    }
    Ok(())
}
