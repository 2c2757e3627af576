//! SQLTransformer: a statement of SQL over the columns so far.

use crate::{
    ReadError,
    spark::{Stage, lower::Lowering, sql},
};

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    sql::lower(stage, lowering)
}
