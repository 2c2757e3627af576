//! OneHotEncoderModel (2.3 and 2.4: the model of OneHotEncoderEstimator).

use plan::{EncodeOp, Invalid};

use super::invalid;
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

pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let invalid = invalid(stage, "handleInvalid")?;
    if invalid == Invalid::Skip {
        return Err(stage.meta.fault("handleInvalid", "error or keep", "skip"));
    }
    let drop_last = stage.bool_or("dropLast", true)?;
    let table = stage.table("data")?;
    let sizes = table.only_row()?.column("categorySizes")?;
    let (categories, pairs) = (sizes.counts(0)?, stage.pairs()?);
    if categories.len() != pairs.len() {
        let expected = format!("a number of categories for each of {} columns", pairs.len());
        return Err(sizes.fault(expected, categories.len().to_string()));
    }
    for ((name, output), categories) in pairs.into_iter().zip(categories) {
        let input = lowering.column(stage, &name, Accepts::Number)?;
        let op = EncodeOp::OneHot { categories, drop_last, invalid };
        let size = op.one_hot_size();
        let group = match names(stage, lowering.kind(input), &name)? {
            Some(names) if drop_last && invalid != Invalid::Keep && names.len() < 2 => {
                let (expected, got) = ("two categories at least where the last is dropped", names.len().to_string());
                return Err(stage.meta.fault(format!("column `{name}`"), expected, got));
            }
            Some(names) => {
                let group = elements(names, drop_last, invalid);
                if group.size() != Some(size) {
                    let got = group.size().map_or_else(|| "others".to_owned(), |n| n.to_string());
                    let expected = format!("metadata of {size} values, as the model was trained with");
                    return Err(stage.meta.fault(format!("column `{name}`"), expected, got));
                }
                group
            }
            None => match Categories::Count(categories).names() {
                Some(names) => elements(names, drop_last, invalid),
                None => Group::sized(Some(size)),
            },
        };
        let slot = lowering.make(stage, op, &[input], &output)?;
        lowering.set_attributes(slot, group);
    }
    Ok(())
}

/// Returns the names of a column's categories, where its metadata tell them. A column that is known to be no category is
/// refused, as Spark does.
fn names(stage: &Stage<'_>, kind: Option<&Kind>, column: &str) -> Result<Option<Vec<Box<str>>>, ReadError> {
    Ok(match kind {
        None => None,
        Some(Kind::Nominal(categories)) => categories.names(),
        Some(Kind::Binary(Categories::Named(names))) => Some(names.to_vec()),
        Some(Kind::Binary(_)) => Some(vec!["0".into(), "1".into()]),
        Some(Kind::Numeric) => {
            let got = "one that its metadata call numeric";
            return Err(stage.meta.fault(format!("column `{column}`"), "a column of categories", got));
        }
    })
}

fn elements(mut names: Vec<Box<str>>, drop_last: bool, invalid: Invalid) -> Group {
    match (drop_last, invalid == Invalid::Keep) {
        (true, false) => drop(names.pop()),
        (false, true) => names.push("invalidValues".into()),
        _ => {}
    }
    let binary = |name| Attribute { name: Some(name), kind: Kind::Binary(Categories::Unknown) };
    Group::listed(names.into_iter().map(binary).collect())
}

/// OneHotEncoder of Spark 2, which learned nothing: the column's metadata tell the size. A category beyond it, and NaN, is a
/// vector of zeros. In Spark 3 a class of this name is not fitted yet.
pub fn of_spark_2(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    if !matches!(stage.meta.spark_major(), Some(0..3)) {
        return Err(ReadError::UnknownClass { file: stage.meta.file.clone(), class: stage.meta.class.clone() });
    }
    let drop_last = stage.bool_or("dropLast", true)?;
    let name = stage.input()?;
    let input = lowering.column(stage, name, Accepts::Number)?;
    let names = names(stage, lowering.kind(input), name)?.ok_or_else(|| {
        let got = "none known; a schema with the metadata `ml_attr` gives them";
        stage.meta.fault(format!("column `{name}`"), "the categories, from which Spark takes the size", got)
    })?;
    if drop_last && names.len() < 2 {
        let (expected, got) = ("two categories at least where the last is dropped", names.len().to_string());
        return Err(stage.meta.fault(format!("column `{name}`"), expected, got));
    }
    let group = elements(names, drop_last, Invalid::Error);
    let categories = group.size().unwrap_or_default();
    let op = EncodeOp::OneHot { categories, drop_last: true, invalid: Invalid::Keep };
    let slot = lowering.make(stage, op, &[input], &stage.output()?)?;
    lowering.set_attributes(slot, group);
    Ok(())
}
