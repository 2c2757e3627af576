//! StringIndexerModel: labels to numbers; IndexToString: the way back.

use std::sync::Arc;

use model::DType;
use plan::{EncodeOp, Expr, Func, Invalid};

use super::invalid;
use crate::{
    ReadError,
    spark::{
        Stage,
        data::Cells,
        lower::{
            Accepts, Lowering,
            attributes::{Categories, Kind},
        },
    },
};

/// The labels of one column. PySpark fills shorter lists up with nulls, which match nothing but take places.
struct Labels {
    labels: Arc<[Box<str>]>,
    places: usize,
}

/// StringIndexerModel, of one column or several. The labels are saved in their order, whatever the order's name was.
pub fn lower(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let invalid = invalid(stage, "handleInvalid")?;
    let pairs = stage.pairs()?;
    let labels = labels(stage, pairs.len())?;
    for ((input, output), labels) in pairs.into_iter().zip(labels) {
        let Labels { labels, places } = labels;
        let name = input;
        let input = lowering.column(stage, &name, column_of(&labels))?;
        if let Some(dtype @ (DType::Bool | DType::Date | DType::Timestamp)) = lowering.type_of(input).as_scalar()
            && !lowering.is_free(input)
        {
            let expected = "a column of strings or numbers";
            return Err(stage.meta.fault(format!("column `{name}`"), expected, dtype.to_string()));
        }
        let op = EncodeOp::Index { labels: labels.clone(), invalid };
        if invalid == Invalid::Keep && labels.len() < places {
            // The place of what is not among the labels comes after the nulls.
            let slot = lowering.node(stage, op, &[input], &["among the labels"])?[0];
            let is_other = Expr::call(Func::Eq, [Expr::Input(0), Expr::f64(labels.len() as f64)]);
            let op = Expr::call(Func::If, [is_other, Expr::f64(places as f64), Expr::Input(0)]);
            let slot = lowering.make(stage, op, &[slot], &output)?;
            lowering.pin(stage, slot);
            lowering.set_attributes(slot, categories(&labels, places, invalid));
            continue;
        }
        let slot = lowering.make(stage, op, &[input], &output)?;
        lowering.pin(stage, slot);
        lowering.set_attributes(slot, categories(&labels, places, invalid));
    }
    Ok(())
}

/// Returns what the column's metadata say: the labels, a null as Java writes it, and one more category where there is one.
fn categories(labels: &[Box<str>], places: usize, invalid: Invalid) -> Kind {
    let nulls = std::iter::repeat_n("null".into(), places.saturating_sub(labels.len()));
    let unknown = (invalid == Invalid::Keep).then(|| "__unknown".into());
    Kind::nominal(labels.iter().cloned().chain(nulls).chain(unknown).collect::<Vec<_>>())
}

/// Returns what the column was that has these labels, as far as they tell: Spark compares numbers by their text, and a double
/// has a point in it where an integer has none. A label that is no number comes from a column of strings.
fn column_of(labels: &[Box<str>]) -> Accepts {
    let is_int = |label: &str| label.parse::<i64>().is_ok();
    let is_float = |label: &str| !is_int(label) && label.parse::<f64>().is_ok();
    match labels {
        [] => Accepts::Scalar,
        labels if labels.iter().all(|label| is_int(label)) => Accepts::IntOrText,
        labels if labels.iter().all(|label| is_float(label)) => Accepts::FloatOrText,
        _ => Accepts::Text,
    }
}

/// Returns the labels of each column: a list of lists, before Spark 3.0 one list.
fn labels(stage: &Stage<'_>, columns: usize) -> Result<Vec<Labels>, ReadError> {
    let table = stage.table("data")?;
    let row = table.only_row()?;
    if let (Some(labels), 1) = (row.find("labels"), columns) {
        return Ok(vec![Labels::of(labels, 0)?]);
    }
    let arrays = row.column("labelsArray")?;
    let (lists, range) = arrays.items(0)?;
    if range.len() != columns {
        return Err(arrays.fault(format!("a list of labels for each of {columns} columns"), range.len().to_string()));
    }
    range.map(|i| Labels::of(lists, i)).collect()
}

/// IndexToString: labels of its own, else those that the column's metadata name.
pub fn index_to_string(stage: &Stage<'_>, lowering: &mut Lowering<'_>) -> Result<(), ReadError> {
    let own = stage.texts("labels")?.filter(|labels| !labels.is_empty());
    let name = stage.input()?;
    let input = lowering.column(stage, name, Accepts::Number)?;
    let labels = match own {
        Some(own) => own.into_iter().map(Into::into).collect(),
        None => match lowering.kind(input) {
            Some(Kind::Nominal(Categories::Named(labels))) => labels.clone(),
            _ => {
                let got = format!(
                    "none, and the metadata of column `{name}` name none: a schema with them can (--schema, forebay.toml)"
                );
                return Err(stage.meta.fault("labels", "the labels", got));
            }
        },
    };
    let input = match stage.meta.spark_major() {
        Some(0..4) | None => input,
        // Spark 4 refuses null, and NaN, which was 0 before: both become what is no index.
        Some(_) => {
            let x = || Expr::call(Func::ToF64, [Expr::Input(0)]);
            let is_number = Expr::call(Func::Eq, [x(), x()]);
            let op = Expr::call(Func::If, [is_number, x(), Expr::f64(f64::INFINITY)]);
            lowering.node(stage, op, &[input], &["as an integer"])?[0]
        }
    };
    lowering.make(stage, EncodeOp::Label { labels }, &[input], &stage.output()?).map(drop)
}

impl Labels {
    fn of(lists: Cells<'_>, row: usize) -> Result<Labels, ReadError> {
        let (items, range) = lists.items(row)?;
        let places = range.len();
        let end = range.clone().rev().find(|&i| items.is_some(i)).map_or(range.start, |last| last + 1);
        let labels: Vec<Box<str>> =
            (range.start..end).map(|i| items.text(i).map(Into::into)).collect::<Result<_, _>>()?;
        Ok(Labels { labels: labels.into(), places })
    }
}
