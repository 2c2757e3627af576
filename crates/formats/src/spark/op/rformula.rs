//! RFormulaModel: the pipeline that the formula became, and the label; and the two private classes that such pipelines hold.

use plan::{Expr, Func};

use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{Accepts, Lowering},
    },
};

/// RFormulaModel. The label is not needed to score: it is there for those who bring it.
pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    super::invalid(stage, "handleInvalid")?;
    stage.text_or("featuresCol", "features")?;
    let column = stage.text_or("labelCol", "label")?;
    let table = stage.table("data")?;
    let label = table.only_row()?.column("label")?.text(0)?;
    let folder = stage.files.folder("pipelineModel");
    if folder.is_empty() {
        return Err(ReadError::Missing {
            file: folder.full_path("metadata/part-00000"),
            class: stage.meta.class.clone(),
            help: "what the formula became stands there",
        });
    }
    lowering.part(stage, &Stage::open(folder, stage.limits, stage.bytes_left)?)?;
    lowering.label(column);
    // A text label is indexed by the pipeline; what is there already stays as it is.
    if label.is_empty() || label == column || lowering.has(column) {
        return Ok(());
    }
    let input = lowering.column(stage, label, Accepts::NumberOrBool)?;
    lowering.make(stage, Expr::call(Func::ToF64, [Expr::Input(0)]), &[input], column).map(drop)
}

/// ColumnPruner: columns that only led to the features.
pub fn column_pruner(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let names = stage.table("data")?.only_row()?.column("columnsToPrune")?.texts(0)?;
    names.iter().for_each(|name| lowering.drop_column(name));
    Ok(())
}

/// VectorAttributeRewriter: elements get the names that their columns had in the formula.
pub fn attribute_rewriter(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let table = stage.table("data")?;
    let row = table.only_row()?;
    let (from, to, range) = row.column("prefixesToRewrite")?.entries(0)?;
    let pairs: Vec<(Box<str>, Box<str>)> =
        range.map(|i| Ok((from.text(i)?.into(), to.text(i)?.into()))).collect::<Result<_, ReadError>>()?;
    let slot = lowering.column(stage, row.column("vectorCol")?.text(0)?, Accepts::Vector)?;
    if let Some(group) = lowering.group(slot).map(|group| group.renamed(pairs)) {
        lowering.set_attributes(slot, group);
    }
    Ok(())
}
