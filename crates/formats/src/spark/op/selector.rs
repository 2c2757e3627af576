//! ChiSqSelectorModel, UnivariateFeatureSelectorModel, VarianceThresholdSelectorModel: some elements, by what training said.

use plan::VectorOp;

use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{
            Accepts, Lowering,
            attributes::{Attribute, Categories, Group, Kind},
        },
    },
};

/// ChiSqSelectorModel.
pub fn chi_squared(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    select(stage, lowering, Kind::Nominal(Categories::Unknown))
}

/// UnivariateFeatureSelectorModel and VarianceThresholdSelectorModel.
pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    select(stage, lowering, Kind::Numeric)
}

/// Lowers a selector; features of which nothing is known are of this kind.
fn select(stage: &Stage<'_>, lowering: &mut Lowering<'_>, kind: Kind) -> Result<(), ReadError> {
    let table = stage.table("data")?;
    let cells = table.only_row()?.column("selectedFeatures")?;
    // Univariate selectors, and chi-squared ones before 3.1, save them by their merit; all select in the order of the vector.
    let mut places = cells.counts(0)?;
    places.sort_unstable();
    if places.windows(2).any(|w| w[0] == w[1]) {
        return Err(cells.fault("each feature once", "one that is there twice"));
    }
    let input = lowering.column(stage, stage.text_or("featuresCol", "features")?, Accepts::Vector)?;
    let group = match lowering.group(input).filter(|group| group.is_known()) {
        Some(group) => group.select(&places),
        None => Group::listed(vec![Attribute { name: None, kind }; places.len()]),
    };
    let slot =
        lowering.make(stage, VectorOp::Select { places: places.into(), zeros: true }, &[input], &stage.output()?)?;
    lowering.set_attributes(slot, group);
    Ok(())
}
