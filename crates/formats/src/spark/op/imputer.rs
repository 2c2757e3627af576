//! ImputerModel: what is missing gets what stands for it.

use plan::{
    Expr, FeatureOp,
    expr::{Cast, CastRule},
};

use crate::{
    ReadError,
    spark::{
        Stage,
        lower::{Accepts, Lowering},
    },
};

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    stage.text_or("strategy", "mean")?;
    let missing = stage.f64_or("missingValue", f64::NAN)?;
    let table = stage.table("data")?;
    let surrogates = table.only_row()?;
    for (input, output) in stage.pairs()? {
        let surrogate = surrogates.column(&input)?.f64(0)?;
        let slot = lowering.column(stage, &input, Accepts::Number)?;
        let op = FeatureOp::Impute { missing, surrogate };
        let own = lowering.own_column(stage, &input, Accepts::Number)?;
        if own == slot {
            lowering.make(stage, op, &[slot], &output)?;
            continue;
        }
        // A decimal is computed with as a double, and becomes a decimal again.
        let imputed = lowering.node(stage, op, &[slot], &["imputed"])?;
        let cast = Cast::new(lowering.type_of(own).clone(), CastRule::Legacy);
        lowering.make(stage, Expr::call(cast, [Expr::Input(0)]), &imputed, &output)?;
    }
    Ok(())
}
