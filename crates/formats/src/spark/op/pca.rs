//! PCAModel: vectors along the principal components, not centred.

use plan::{LinearOp, Weights};

use crate::{
    ReadError,
    spark::{Stage, lower::Lowering},
};

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let table = stage.table("data")?;
    let cells = table.only_row()?.column("pc")?;
    let matrix = cells.matrix(0)?;
    // A column for each component.
    let (size, Weights::Dense { columns: components, values }) = (matrix.rows, matrix.weights) else {
        return Err(cells.fault("a dense matrix", "a sparse one"));
    };
    let (rows, columns) = (size as usize, components as usize);
    let turned = (0..columns).flat_map(|component| (0..rows).map(move |i| i * columns + component));
    let weights = Weights::Dense { columns: size, values: turned.map(|at| values[at]).collect() };
    let input = lowering.vector(stage, stage.input()?, rows)?;
    let op = LinearOp::Scores { weights, intercepts: vec![0.0; columns].into(), intercept_first: true };
    let slot = lowering.make(stage, op, &[input], &stage.output()?)?;
    lowering.claim_size(slot, stage.u32_or("k", 1, components)? as usize);
    Ok(())
}
